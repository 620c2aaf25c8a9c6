#!/usr/bin/env bash
# The conformance suite of stores against DynamoDB Local and an S3 server; with
# faults on the wire by PP_FAULTS="--rate 0.04", of some tests by PP_TEST.
exec bash "$PP_SRCDIR/tests/support/run-unit" \
	"$PP_SRCDIR/tests/support/with-aws-servers" \
	"$PP_BUILDDIR/tests/store/test_aws"
