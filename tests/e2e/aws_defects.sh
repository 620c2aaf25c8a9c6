#!/usr/bin/env bash
# The defects of comparable tools on the AWS home, against DynamoDB Local and an
# S3 server; some of them, and with PP_LONG=1 all.
here=$PP_SRCDIR/tests
tests=()
[ -n "${PP_LONG:-}" ] || tests+=(
	test_money_in_dynamodb_is_a_number_and_exact
	test_no_kill_can_split_a_claim
	test_a_foreign_write_of_a_checkpoint_poisons_no_later_one
	test_a_kill_before_the_rows_of_costs_are_written_loses_none
	test_what_is_another_users_is_not_there
)
exec env PP_E2E_HOME=aws "$here/support/with-aws-servers" \
	bash "$here/e2e/defects.sh" "${tests[@]}"
