# Unit tests of lib/cli.
unit_tests += tests/unit/test_cli
tests_unit_test_cli_SOURCES = tests/unit/test_cli.c
tests_unit_test_cli_LDADD = $(AM_TESTS_LDADD)
