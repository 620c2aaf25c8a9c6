# Unit tests of lib/store.
unit_tests += tests/unit/test_store
tests_unit_test_store_SOURCES = tests/unit/test_store.c
tests_unit_test_store_LDADD = $(AM_TESTS_LDADD)
