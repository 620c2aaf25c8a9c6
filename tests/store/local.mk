# The conformance suite of stores and a program for each home that it is run
# against.
store_suite = tests/store/suite.c tests/store/suite.h \
	tests/store/budget.c tests/store/jobs.c tests/store/objects.c \
	tests/store/queue.c tests/store/templates.c

store_tests = tests/store/test_embedded
tests_store_test_embedded_SOURCES = tests/store/test_embedded.c $(store_suite)
tests_store_test_embedded_LDADD = $(AM_TESTS_LDADD)

tests_store_test_aws_SOURCES = tests/store/test_aws.c $(store_suite) \
	tests/support/aws_home.c tests/support/aws_home.h
tests_store_test_aws_LDADD = $(AM_TESTS_LDADD)
dist_check_SCRIPTS += tests/store/aws.sh

if HAVE_CMOCKA
check_PROGRAMS += $(store_tests) tests/store/test_aws
TESTS += $(store_tests) tests/store/aws.sh
endif
