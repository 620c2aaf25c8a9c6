# Unit tests of lib/job.
unit_tests += tests/unit/test_job
tests_unit_test_job_SOURCES = tests/unit/test_job.c
tests_unit_test_job_LDADD = $(AM_TESTS_LDADD)
unit_tests += tests/unit/test_seed_input
tests_unit_test_seed_input_SOURCES = tests/unit/test_seed_input.c
tests_unit_test_seed_input_LDADD = $(AM_TESTS_LDADD)
unit_tests += tests/unit/test_seed
tests_unit_test_seed_SOURCES = tests/unit/test_seed.c
tests_unit_test_seed_LDADD = $(AM_TESTS_LDADD)
unit_tests += tests/unit/test_sample
tests_unit_test_sample_SOURCES = tests/unit/test_sample.c
tests_unit_test_sample_LDADD = $(AM_TESTS_LDADD)
