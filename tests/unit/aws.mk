# Unit tests of lib/aws.
EXTRA_DIST += tests/data/sigv4/vectors.json tests/unit/aws_env.h \
	tests/support/aws_stub.py tests/support/verify_server.py

unit_tests += tests/unit/test_sigv4
tests_unit_test_sigv4_SOURCES = tests/unit/test_sigv4.c
tests_unit_test_sigv4_LDADD = $(AM_TESTS_LDADD)

unit_tests += tests/unit/test_aws_request
tests_unit_test_aws_request_SOURCES = tests/unit/test_aws_request.c \
	tests/unit/aws_env.c tests/unit/server.c
tests_unit_test_aws_request_LDADD = $(AM_TESTS_LDADD)
unit_tests += tests/unit/test_dynamodb
tests_unit_test_dynamodb_SOURCES = tests/unit/test_dynamodb.c
tests_unit_test_dynamodb_LDADD = $(AM_TESTS_LDADD)

unit_tests += tests/unit/test_dynamodb_calls
tests_unit_test_dynamodb_calls_SOURCES = tests/unit/test_dynamodb_calls.c \
	tests/unit/aws_env.c tests/unit/server.c
tests_unit_test_dynamodb_calls_LDADD = $(AM_TESTS_LDADD)

unit_tests += tests/unit/test_aws_clients
tests_unit_test_aws_clients_SOURCES = tests/unit/test_aws_clients.c \
	tests/unit/aws_env.c tests/unit/server.c
tests_unit_test_aws_clients_LDADD = $(AM_TESTS_LDADD)

unit_tests += tests/unit/test_aws_s3
tests_unit_test_aws_s3_SOURCES = tests/unit/test_aws_s3.c \
	tests/unit/aws_env.c tests/unit/server.c
tests_unit_test_aws_s3_LDADD = $(AM_TESTS_LDADD)

unit_tests += tests/unit/test_aws_credentials
tests_unit_test_aws_credentials_SOURCES = \
	tests/unit/test_aws_credentials.c \
	tests/unit/aws_env.c tests/unit/server.c
tests_unit_test_aws_credentials_LDADD = $(AM_TESTS_LDADD)

unit_tests += tests/unit/test_aws_signed
tests_unit_test_aws_signed_SOURCES = tests/unit/test_aws_signed.c \
	tests/unit/aws_env.c tests/unit/calls.c tests/unit/server.c
tests_unit_test_aws_signed_LDADD = $(AM_TESTS_LDADD)
