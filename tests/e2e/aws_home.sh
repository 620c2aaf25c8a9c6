#!/usr/bin/env bash
# The AWS home, against DynamoDB Local and an S3 server: what the worker is
# tested with on the embedded one, some of it, and with PP_LONG=1 all.
here=$PP_SRCDIR/tests
tests=()
[ -n "${PP_LONG:-}" ] || tests+=(
	test_a_job_is_done_and_exported_in_order
	test_sigterm_gives_the_job_back_and_nothing_is_lost
	test_a_job_of_a_dead_worker_can_be_cancelled
	test_a_killed_worker_is_replaced_at_once
	test_a_lease_that_ran_out_keeps_what_is_paid_for
	test_a_stalled_worker_stops_before_it_writes
	test_a_database_that_is_away_for_a_moment_costs_no_call
	test_after_a_power_loss_the_whole_slice_counts_as_spent
	test_the_budget_is_a_wall
	test_more_money_goes_on_where_it_stopped
	test_faults_that_pass_cost_no_row
	test_four_workers_run_four_jobs
	test_a_cancelled_job_keeps_what_is_paid_for
	test_a_running_job_ends_soon_after_it_is_cancelled
)
exec env PP_E2E_HOME=aws "$here/support/with-aws-servers" \
	bash "$here/e2e/worker.sh" "${tests[@]}"
