#!/usr/bin/env bash
# Money and answers when keeping them failed: what a worker could not say, its
# successor finds out, and nobody spends or waits meanwhile. Embedded home.
. "${0%/*}/lib.sh"
. "${0%/*}/jobs.sh"

# A worker with money in its hands is killed after so many calls.
kill_after_calls()
{
	local calls=$1

	shift
	background pp-worker --once "$@"
	worker=$PID
	wait_for 120 sh -c "[ \$(wc -l <mock.log) -ge $calls ]"
	kill_worker "$worker"
}

# Nobody can work on the job until it has failed.
fail_job()
{
	mv home/objects/jobs/"$JOB"/config.json config.json
	for _ in 1 2 3; do
		run pp-worker --once
	done
	mv config.json home/objects/jobs/"$JOB"/config.json
	check 'the job has failed' is_status "$JOB" FAILED
}

# What of the job's money nobody can spend any more, in dollars.
counted_as_spent()
{
	pp-job show "$JOB" --json | jq -r '(.cost_estimate | tonumber) +
	    (.cost_unproven | tonumber) | . * 1e9 | round / 1e9'
}

test_a_lowered_limit_is_a_wall_for_what_was_granted_before()
{
	MOCK='--latency 20' start_job one 60000 --budget 4
	kill_after_calls 600 -c 16
	fail_job
	limit=$(counted_as_spent)
	run pp-job resume "$JOB" --budget "$limit"
	check_status 0
	run pp-worker --once -c 256
	check_status 3
	bill=$(mock_count .bill_nusd)
	check "the bill, $bill, is within $limit dollars" test "$bill" -le \
	    "$(nusd "$limit")"
}

test_a_journal_that_went_with_the_power_counts_as_spent()
{
	for loss in empty gone; do
		fresh_home
		MOCK='--latency 20' start_job one 20000 --budget 0.02
		kill_after_calls 300 -c 64
		for file in home/journal/"$JOB"/*; do
			: >"$file"
		done
		[ $loss = empty ] || rm -r home/journal/"$JOB"
		run pp-worker --once -c 64
		check_status 3
		check_err_has slice_unproven
		bill=$(mock_count .bill_nusd)
		check "$loss: the bill, $bill, is within the limit" test \
		    "$bill" -le "$(nusd 0.02)"
		mock_stop
	done
}

test_a_cancelled_job_keeps_the_answers_that_no_checkpoint_has()
{
	MOCK='--latency 100' start_job one 2000 --budget 5 \
	    --checkpoint-rows 100000
	background pp-worker --once -c 8 --lease 6s
	worker=$PID
	wait_for 120 sh -c '[ $(wc -l <mock.log) -ge 100 ]'
	mv home/objects/jobs/"$JOB"/outputs outputs
	: >home/objects/jobs/"$JOB"/outputs
	run pp-job cancel "$JOB"
	check_status 0
	wait "$worker"
	check 'the worker says that it failed' test $? -ge 64
	check 'the job is cancelled' is_status "$JOB" CANCELLED
	rm home/objects/jobs/"$JOB"/outputs
	mv outputs home/objects/jobs/"$JOB"/outputs
	run pp-job resume "$JOB" --budget "$(counted_as_spent)"
	check_status 0
	run pp-worker --once -c 8
	check 'no answer was paid for twice' test \
	    "$(mock_count .repeats_after_ok)" -le 8
}

test_nobody_waits_for_the_money_of_a_shard_that_has_failed()
{
	MOCK='--latency 100' start_job one 4000 --budget 0.02 --shards 2
	kill_after_calls 30 -c 4
	echo '{"damaged' >home/objects/jobs/"$JOB"/checkpoint-00000.json
	for _ in 1 2 3 4 5 6 7 8; do
		run pp-worker --once -c 8
		is_status "$JOB" FAILED && break
	done
	check 'the job has ended' is_status "$JOB" FAILED
	bill=$(mock_count .bill_nusd)
	check "the bill, $bill, is within the limit" test "$bill" -le \
	    "$(nusd 0.02)"
}

run_tests "$@"
