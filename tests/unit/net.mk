# Unit tests of lib/net.
EXTRA_DIST += tests/unit/server.h

unit_tests += tests/unit/test_http
tests_unit_test_http_SOURCES = tests/unit/test_http.c tests/unit/server.c
tests_unit_test_http_LDADD = $(AM_TESTS_LDADD)

unit_tests += tests/unit/test_loop
tests_unit_test_loop_SOURCES = tests/unit/test_loop.c
tests_unit_test_loop_LDADD = $(AM_TESTS_LDADD)
