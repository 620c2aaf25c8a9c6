# Unit tests of lib/base.
unit_tests += tests/unit/test_base
tests_unit_test_base_SOURCES = tests/unit/test_base.c
tests_unit_test_base_LDADD = $(AM_TESTS_LDADD)
unit_tests += tests/unit/test_json
tests_unit_test_json_SOURCES = tests/unit/test_json.c
tests_unit_test_json_LDADD = $(AM_TESTS_LDADD)
unit_tests += tests/unit/test_json_schema
tests_unit_test_json_schema_SOURCES = tests/unit/test_json_schema.c
tests_unit_test_json_schema_LDADD = $(AM_TESTS_LDADD)
unit_tests += tests/unit/test_yaml
tests_unit_test_yaml_SOURCES = tests/unit/test_yaml.c
tests_unit_test_yaml_LDADD = $(AM_TESTS_LDADD)
unit_tests += tests/unit/test_csv_record
tests_unit_test_csv_record_SOURCES = tests/unit/test_csv_record.c
tests_unit_test_csv_record_LDADD = $(AM_TESTS_LDADD)
unit_tests += tests/unit/test_json_peers
tests_unit_test_json_peers_SOURCES = tests/unit/test_json_peers.c \
	tests/unit/json_echo.h
tests_unit_test_json_peers_LDADD = $(AM_TESTS_LDADD)

# Python as the judge; skipped where there is none.
check_PROGRAMS += tests/unit/json_check
tests_unit_json_check_SOURCES = tests/unit/json_check.c
TESTS += tests/unit/json_python.sh
EXTRA_DIST += tests/unit/json_python.sh
