#!/usr/bin/env bash
# What goes over the wire to the services of a home on AWS: how much of it, what
# never, and a service that is away for a while.
if [ "${PP_E2E_HOME:-file}" != aws ]; then
	here=$PP_SRCDIR/tests
	folder=$(mktemp -d "${TMPDIR:-/tmp}/pp-wire.XXXXXX") || exit 99
	trap 'rm -rf "$folder"' EXIT
	export PP_E2E_HOME=aws PP_FAULT_LOG=$folder/log
	export PP_FAULTS="--rate 0 --outage $folder/outage --gate $folder/gate"
	PP_FAULTS+=' --held part-.*bytes=[1-9]'
	"$here/support/with-aws-servers" bash "$0" "$@"
	exit
fi
. "${0%/*}/lib.sh"
. "${0%/*}/jobs.sh"
log=$PP_FAULT_LOG
outage=${log%/log}/outage
gate=${log%/log}/gate
unset AWS_MAX_ATTEMPTS	# nothing is lost at random here

# asked PATTERN: how many requests were like that since `listen`.
asked()
{
	cat "$log.s3" "$log.dynamodb" | grep -c "^[a-z]* $1"
}

listen()
{
	: >"$log.s3"
	: >"$log.dynamodb"
}

test_traffic_is_bounded_by_checkpoints_not_by_calls()
{
	local checkpoints writes all begin=$SECONDS looks

	MOCK='--latency 20' start_job one 400 --budget 5
	listen
	run pp-worker -v --job "$JOB" -c 4
	check_status 0
	checkpoints=$(grep -c '"event":"checkpoint"' "$T/.err")
	# two of the fence; the claim, the end, and two asks for money
	writes=$(asked 'PUT ')
	check "$writes PUTs for $checkpoints checkpoints" \
	    test "$writes" -le $((3 * checkpoints + 2))
	writes=$(asked 'POST .*\.\(TransactWriteItems\|BatchWriteItem\|UpdateItem\|PutItem\|DeleteItem\)')
	check "$writes writes of records for $checkpoints checkpoints" \
	    test "$writes" -le $((3 * checkpoints + 4))
	all=$(asked .)
	# whether the job is to end, every five seconds
	looks=$(((SECONDS - begin) / 5))
	check "$all requests for 400 calls, $checkpoints checkpoints" \
	    test "$all" -le $((20 + 12 * checkpoints + looks))
	check '400 calls' test "$(mock_count .requests)" = 400
}

test_no_table_is_ever_scanned()
{
	listen
	start_job one 6 --budget 5 --shards 2
	job=$JOB
	create_job one 3 --budget 5
	for command in "pp-worker --job $job" "pp-worker" "pp-job list --json" \
	    "pp-job show --json $job" "pp-job failed $job" "pp-cost show $job" \
	    "pp-cost report" "pp-export $job -o -" "pp-seed list" \
	    "pp-template put one.yaml" "pp-template list" "pp-seed get seeds" \
	    "pp-job cancel $JOB" "pp-job resume $JOB" "pp-job cancel $JOB" \
	    "pp-job rm $JOB" "pp-job rm $job"; do
		# shellcheck disable=SC2086
		run $command
		grep -qx '[01]' "$T/.status" || complain "$command: $(err)"
	done
	check 'there were requests' test "$(asked 'POST ')" -gt 50
	check 'a Scan' test "$(asked 'POST .*Scan')" = 0
}

test_the_last_checkpoint_waits_for_a_service_that_is_away()
{
	MOCK='--latency 100' start_job one 600 --budget 5
	background pp-worker --job "$JOB" -c 8 --grace 5s --checkpoint 60s
	wait_for 60 sh -c "[ \$(wc -l <mock.log) -ge 30 ]"
	touch "$outage"
	kill -TERM "$PID"
	check 'it waits' wait_for 60 grep -q checkpoint_delayed \
	    "$T/bg.$PID.err"
	rm "$outage"
	wait "$PID"
	check 'status 75' test $? = 75
	check 'the job is in the queue' is_status "$JOB" QUEUED
	run pp-worker --job "$JOB" -c 32
	check_status 0
	check 'nothing was paid for twice' test \
	    "$(mock_count .repeats_after_ok)" = 0
	check 'each row once' test "$(mock_count .requests)" = 600
}

# The second block of the seeds, of 16 records each, does not come: the rows of
# the first are done, with all of their calls, and kept.
test_a_slow_read_of_seeds_holds_up_no_call()
{
	MOCK='--latency 50' start_job four 1 --budget 5
	seq 1 40 | awk '{ printf "{\"n\":%d,\"text\":\"%01100d\"}\n", $1, $1 }' |
	    pp-seed put large -
	run pp-job create -t four.yaml -s large -n 40 --order sequential \
	    --budget 5
	JOB=$(out | jq -r .job_id)
	touch "$gate"
	background pp-worker -v --job "$JOB" -c 8 --checkpoint 1s
	check 'sixteen rows are done and kept' wait_for 120 \
	    grep -q '"rows_done":16' "$T/bg.$PID.err"
	check 'their calls were made' test "$(mock_count .requests)" = 64
	check 'seeds are waited for' test -e "$gate"
	rm "$gate"
	wait "$PID"
	check 'status 0' test $? = 0
	check 'the job is done' is_status "$JOB" COMPLETED
	check 'each call once' test "$(mock_count .requests)" = 160
}

# What the dead one held is not waited for for ever.
test_a_worker_alone_takes_over_the_shard_that_holds_the_money()
{
	MOCK='--latency 200' start_job four 60 --shards 2 --budget 0.012
	background pp-worker --job "$JOB" --once -c 2 --lease 2s
	wait_for 60 sh -c "[ \$(wc -l <mock.log) -ge 4 ]"
	kill_worker "$PID"
	LIMIT=300 run pp-worker -c 8
	check_status 3
	check 'the budget is used up' is_status "$JOB" BUDGET_EXCEEDED
	bill=$(mock_count .bill_nusd)
	check "the bill is $bill" test "$bill" -le 12000000
}

# Its clock is an hour ahead; its lease is not.
test_a_worker_of_another_time_leaves_a_lease_of_its_length()
{
	local shim=$PP_BUILDDIR/tests/chaos/faults.so

	[ -r "$shim" ] || skip 'no faults.so in this build'
	python3 -c 'import struct, sys; sys.stdout.buffer.write(struct.pack(
	    "=qqIIII", 3600000, 0, 0, 0, 0, 0) + bytes(4056))' >weather
	MOCK='--latency 300' start_job one 40 --budget 5
	background env LD_PRELOAD="$shim" PP_FAULTS="$T/weather" \
	    PP_FAULTS_ROOT="$T" ASAN_OPTIONS=verify_asan_link_order=0 \
	    pp-worker --job "$JOB" -c 2 --lease 2s
	wait_for 60 sh -c "[ \$(wc -l <mock.log) -ge 4 ]"
	kill_worker "$PID"
	work -c 8
	check_status 0
	check 'the job is done' is_status "$JOB" COMPLETED
}

run_tests "$@"
