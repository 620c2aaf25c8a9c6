# Unit tests of lib/base.
unit_tests += tests/unit/test_base
tests_unit_test_base_SOURCES = tests/unit/test_base.c
tests_unit_test_base_LDADD = $(AM_TESTS_LDADD)
