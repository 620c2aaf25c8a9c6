# Unit tests of lib/model.
unit_tests += tests/unit/test_allowance
tests_unit_test_allowance_SOURCES = tests/unit/test_allowance.c
tests_unit_test_allowance_LDADD = $(AM_TESTS_LDADD)

unit_tests += tests/unit/test_catalog
tests_unit_test_catalog_SOURCES = tests/unit/test_catalog.c
tests_unit_test_catalog_LDADD = $(AM_TESTS_LDADD)

unit_tests += tests/unit/test_invoke
tests_unit_test_invoke_SOURCES = tests/unit/test_invoke.c tests/unit/server.c \
	tests/unit/calls.c tests/unit/calls.h
tests_unit_test_invoke_LDADD = $(AM_TESTS_LDADD)

unit_tests += tests/unit/test_price
tests_unit_test_price_SOURCES = tests/unit/test_price.c
tests_unit_test_price_LDADD = $(AM_TESTS_LDADD)

unit_tests += tests/unit/test_route
tests_unit_test_route_SOURCES = tests/unit/test_route.c
tests_unit_test_route_LDADD = $(AM_TESTS_LDADD)

unit_tests += tests/unit/test_bedrock
tests_unit_test_bedrock_SOURCES = tests/unit/test_bedrock.c tests/unit/server.c \
	tests/unit/calls.c tests/unit/calls.h
tests_unit_test_bedrock_LDADD = $(AM_TESTS_LDADD)
