# End-to-end tests: whole programs of a staged installation, TAP on stdout.
# How to write one stands at the top of lib.sh.
e2e_tests = \
	tests/e2e/cli.sh \
	tests/e2e/export.sh \
	tests/e2e/job.sh \
	tests/e2e/mockllm.sh \
	tests/e2e/cost.sh \
	tests/e2e/seed.sh \
	tests/e2e/worker.sh \
	tests/e2e/filter.sh \
	tests/e2e/hostile.sh \
	tests/e2e/template.sh

TESTS += $(e2e_tests)
EXTRA_DIST += tests/e2e/lib.sh tests/e2e/jobs.sh tests/e2e/seventh.c $(e2e_tests) \
	tests/e2e/docs.sh tests/e2e/samples.sh tests/e2e/seventh.sh
