#!/usr/bin/env bash
# The worker on the AWS home: what it is tested with on the embedded one,
# against DynamoDB Local and an S3 server. Left out is what the embedded home
# alone has: a journal, locks that tell that a worker is dead, local files.
here=$PP_SRCDIR/tests
tests=(
	test_a_job_is_done_and_exported_in_order
	test_sigterm_gives_the_job_back_and_nothing_is_lost
	test_the_budget_is_a_wall
	test_more_money_goes_on_where_it_stopped
	test_faults_that_pass_cost_no_row
	test_four_workers_run_four_jobs
	test_a_cancelled_job_keeps_what_is_paid_for
)
[ -z "${PP_LONG:-}" ] || tests+=(
	test_the_ledger_is_the_servers_bill_to_the_nano_dollar
	test_a_second_sigterm_skips_the_grace
	test_a_server_that_refuses_everything_fails_the_job
	test_throttling_ends_at_the_deadline
	test_a_service_that_is_down_is_given_up_after_three_turns
	test_a_refused_connection_is_a_service_that_is_down
	test_refused_credentials_stop_the_worker_at_once
	test_two_workers_on_one_job_do_not_double_a_row
	test_jobs_of_one_priority_run_in_order_of_creation
	test_logs_tell_no_secrets
)
exec env PP_E2E_HOME=aws "$here/support/with-aws-servers" \
	bash "$here/e2e/worker.sh" "${tests[@]}"
