# Unit tests of lib/net.
unit_tests += tests/unit/test_loop
tests_unit_test_loop_SOURCES = tests/unit/test_loop.c
tests_unit_test_loop_LDADD = $(AM_TESTS_LDADD)
