# End-to-end tests: whole programs of a staged installation, TAP on stdout.
# How to write one stands at the top of lib.sh.
e2e_tests =
e2e_tests += tests/e2e/aws.sh
e2e_tests += tests/e2e/aws_defects.sh
e2e_tests += tests/e2e/aws_home.sh
e2e_tests += tests/e2e/aws_objects.sh
e2e_tests += tests/e2e/aws_wire.sh
e2e_tests += tests/e2e/cli.sh
e2e_tests += tests/e2e/cost.sh
e2e_tests += tests/e2e/defects.sh
e2e_tests += tests/e2e/docs.sh
e2e_tests += tests/e2e/examples.sh
e2e_tests += tests/e2e/export.sh
e2e_tests += tests/e2e/export_job.sh
e2e_tests += tests/e2e/filter.sh
e2e_tests += tests/e2e/hostile.sh
e2e_tests += tests/e2e/job.sh
e2e_tests += tests/e2e/mockllm.sh
e2e_tests += tests/e2e/oracle.sh
e2e_tests += tests/e2e/recipes.sh
e2e_tests += tests/e2e/recovery.sh
e2e_tests += tests/e2e/samples.sh
e2e_tests += tests/e2e/seed.sh
e2e_tests += tests/e2e/seventh.sh
e2e_tests += tests/e2e/language.sh
e2e_tests += tests/e2e/template.sh
e2e_tests += tests/e2e/worker.sh

TESTS += $(e2e_tests)
EXTRA_DIST += $(e2e_tests)
EXTRA_DIST += tests/e2e/lib.sh tests/e2e/jobs.sh tests/e2e/seventh.c
# Readers of others: what oracle.sh asks.
EXTRA_DIST += tests/oracle/open_dataset.py tests/oracle/parquet_cases.py \
	tests/oracle/parquet_oracle.py tests/oracle/requirements.txt
EXTRA_DIST += tests/golden/jinja/conformance.jsonl \
	tests/golden/jinja/more.jsonl tests/golden/jinja/record.py \
	tests/golden/jinja/score.py tests/differential/floats.py tests/differential/chat_templates.py \
	tests/support/chat-templates \
	tests/differential/hostile.py tests/differential/manual.py \
	tests/differential/jinja_diff.py
long_tests += tests/e2e/aws_defects.sh tests/e2e/aws_home.sh tests/e2e/language.sh tests/e2e/oracle.sh
