# Unit tests of lib/export.
unit_tests += tests/unit/test_export
tests_unit_test_export_SOURCES = tests/unit/test_export.c
tests_unit_test_export_LDADD = $(AM_TESTS_LDADD)
unit_tests += tests/unit/test_parquet
tests_unit_test_parquet_SOURCES = tests/unit/test_parquet.c
tests_unit_test_parquet_LDADD = $(AM_TESTS_LDADD)
