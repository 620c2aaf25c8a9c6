#!/usr/bin/env bash
# The defects that sink comparable tools, each shown to be impossible here. Runs
# on the embedded home, and by aws_home.sh on AWS.
. "${0%/*}/lib.sh"
. "${0%/*}/jobs.sh"

# interrupt SIGNAL CALLS [OPTION...]: a worker on $JOB gets a signal when the
# server has answered so many calls.
interrupt()
{
	local signal=$1 calls=$2

	shift 2
	background pp-worker --job "$JOB" -c 4 "$@"
	wait_for 60 sh -c "[ \$(wc -l <mock.log) -ge $calls ]"
	kill -"$signal" "$PID"
	wait "$PID" 2>/dev/null
}

# put_object KEY <TEXT: without a condition, as nobody of us does.
put_object()
{
	if on_aws; then
		"$PP_BUILDDIR/tests/support/awshome" put "${PP_STORE#aws:}" "$1"
	else
		cat >"$T/new" && mv "$T/new" "$T/home/objects/$1"
	fi
}

# dynamodb OPERATION JSON: asked past all of our code.
dynamodb()
{
	python3 - "$AWS_ENDPOINT_URL_DYNAMODB" "$1" "$2" <<-'EOF'
	import os, sys, urllib.request
	url, operation, body = sys.argv[1:]
	print(urllib.request.urlopen(urllib.request.Request(
	    url, body.encode(), {
	        "Content-Type": "application/x-amz-json-1.0",
	        "X-Amz-Target": "DynamoDB_20120810." + operation,
	        "Authorization": "AWS4-HMAC-SHA256 Credential=" +
	            os.environ["AWS_ACCESS_KEY_ID"] +
	            "/20260101/us-east-1/dynamodb/aws4_request, "
	            "SignedHeaders=host, Signature=0"})).read().decode())
	EOF
}

test_money_in_dynamodb_is_a_number_and_exact()
{
	on_aws || skip 'there is no DynamoDB here'
	start_job four 30 --budget 5
	run pp-worker --job "$JOB"
	check_status 0
	dynamodb GetItem "{\"TableName\":\"${PP_TABLE_PREFIX}Jobs\",
	    \"Key\":{\"job_id\":{\"S\":\"$JOB\"}}}" >job
	check 'the job has the bill, to the nano-dollar' test \
	    "$(jq -r .Item.cost_estimate.N job)" = "$(mock_stats |
	    jq -r '.bill_nusd' | awk '{ printf "%.9f", $1 / 1e9 }' |
	    sed 's/0*$//')"
	check 'rows are counted' test \
	    "$(jq -r .Item.records_generated.N job)" = 30
	dynamodb Query "{\"TableName\":\"${PP_TABLE_PREFIX}CostTracking\",
	    \"KeyConditionExpression\":\"job_id = :j\",
	    \"ExpressionAttributeValues\":{\":j\":{\"S\":\"$JOB\"}}}" >costs
	run cat costs
	check_out_jq '[.Items[].estimated_cost.N | tonumber * 1e9 | round] |
	    add' "$(mock_count .bill_nusd)"
	check_out_jq '[.Items[].estimated_cost | keys[]] | unique | @csv' '"N"'
}

test_the_queue_has_the_order_of_creation_not_of_random_ids()
{
	local made=() job

	start_job one 1 --budget 1
	made+=("$JOB")
	for _ in 2 3 4 5; do
		create_job one 1 --budget 1
		made+=("$JOB")
	done
	for job in "${made[@]}"; do
		run pp-worker --once -q
		check "$job is next" is_status "$job" COMPLETED
	done
}

test_no_kill_can_split_a_claim()
{
	MOCK='--latency 500' start_job one 12 --budget 5
	for n in $(seq 8); do
		background pp-worker --forever -c 1 --lease 1s
		sleep "0.0$((n * 12 % 100))"
		kill_worker "$PID"
		check "after kill $n it is in the queue" test \
		    "$(pp-job show "$JOB" --json |
		    jq -r '.status == "QUEUED" or .status == "RUNNING"')" = true
	done
	work -c 12
	check_status 0
	check 'it is done' is_status "$JOB" COMPLETED
	run pp-export "$JOB" -o -
	check_out_lines 12
}

test_a_foreign_write_of_a_checkpoint_poisons_no_later_one()
{
	local key checkpoint

	MOCK='--latency 100' start_job one 400 --budget 5 --checkpoint-rows 5
	key=jobs/$JOB/checkpoint.json
	background pp-worker --job "$JOB" -c 4 --lease 10s
	checkpoint=$(home_objects)/$key
	wait_for 60 sh -c "grep -qs '\"current_batch\":[2-9]' '$checkpoint'"
	{ cat "$checkpoint"; echo; } >foreign
	put_object "$key" <foreign
	wait "$PID"
	check 'the worker stops: the shard may be another one'"'"'s' \
	    test $? = 75
	work -c 32
	check_status 0
	check 'the next one goes on to the end' is_status "$JOB" COMPLETED
	run pp-export "$JOB" -o -
	check_out_lines 400
}

test_an_interrupted_job_is_not_completed()
{
	MOCK='--latency 200' start_job one 400 --budget 5
	interrupt TERM 10 --grace 5s
	check 'it goes on later' is_status "$JOB" QUEUED
	run pp-job show "$JOB" --json
	check_out_jq '.records_generated < 400 and .ended_at == null' true
}

test_no_batch_that_is_paid_for_is_written_over()
{
	MOCK='--latency 100' start_job one 300 --budget 5 --checkpoint-rows 10
	for at in 40 80; do
		interrupt TERM "$at" --grace 5s
		(cd "$(home_objects)/jobs/$JOB/outputs" && sha256sum -- *) \
		    >>paid
	done
	work -c 32
	check_status 0
	check 'there were batches before' test -s paid
	check 'each of them is what it was' sh -c \
	    "cd '$(home_objects)/jobs/$JOB/outputs' && sha256sum -c '$T/paid'"
	run pp-export "$JOB" -o -
	check_out_lines 300
	check 'nothing was paid for twice' test \
	    "$(mock_count .repeats_after_ok)" = 0
}

test_rows_of_costs_are_differences_whose_sum_is_the_bill()
{
	MOCK='--latency 100' start_job four 80 --budget 5 --checkpoint-rows 10
	interrupt TERM 60 --grace 5s
	work -c 16
	check_status 0
	run pp-cost report --json
	check_status 0
	check_out_jq -s 'map(select(.total != true).cost | tonumber * 1e9 |
	    round) | add' "$(mock_count .bill_nusd)"
}

# told: what all rows of costs add up to, in nano-dollars.
told()
{
	pp-cost report --json | jq -s 'map(select(.total != true).cost |
	    tonumber * 1e9 | round) | add // 0'
}

# spent: the same as the checkpoint has it.
spent()
{
	nusd "$(jq -r .cost_accumulated \
	    "$(home_objects)/jobs/$JOB/checkpoint.json" 2>/dev/null)"
}

# Sets $ENDPOINT, for the worker whose records are to be held.
worker_endpoint()
{
	ENDPOINT=
	on_aws || return 0
	background python3 "$PP_SRCDIR/tests/support/fault_proxy.py" \
	    "${AWS_ENDPOINT_URL_DYNAMODB##*:}" proxy.port --outage outage
	wait_for 60 test -s proxy.port
	ENDPOINT=AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:$(cat proxy.port)
}

# From now on the worker can write objects and no records.
hold_records()
{
	if on_aws; then
		: >outage
		return
	fi
	background python3 -c '
import sqlite3, time
db = sqlite3.connect("home/plotpalette.db", timeout=60, isolation_level=None)
db.execute("BEGIN IMMEDIATE")
open("held", "w").close()
time.sleep(600)'
	HOLDER=$PID
	wait_for 60 test -e held
}

release_records()
{
	rm -f outage
	on_aws || kill_worker "$HOLDER"
}

is_untold()
{
	[ "$(told)" -lt "$(spent)" ]
}

test_a_kill_before_the_rows_of_costs_are_written_loses_none()
{
	local worker

	need python3
	MOCK='--latency 100' start_job four 400 --budget 50 --checkpoint-rows 1
	worker_endpoint
	# shellcheck disable=SC2086
	background env $ENDPOINT pp-worker --job "$JOB" -c 4 --lease 8s
	worker=$PID
	wait_for 60 sh -c '[ $(wc -l <mock.log) -ge 20 ]'
	hold_records
	sleep 1
	check 'a checkpoint is ahead of the records' wait_for 60 is_untold
	kill_worker "$worker"
	release_records
	check 'its rows of costs are not there' is_untold
	work -c 64
	check_status 0
	check 'they are now' test "$(told)" = "$(spent)"
	run pp-cost report --json
	check_out_jq -s 'map(select(.total != true)) | [(map(.tokens_in) | add),
	    (map(.tokens_out) | add)] | @csv' "$(pp-job show "$JOB" --json |
	    jq -r '[.tokens_in, .tokens_out] | @csv')"
}

test_rows_of_costs_tell_of_rows_that_will_never_be_finished()
{
	MOCK='--latency 100' start_job four 200 --budget 0.02
	work -c 8
	check_status 3
	check 'there are some' test "$(pp-cost show "$JOB" --json |
	    jq -s 'map(select(.total)) | .[0].rows_open')" -gt 0
	check 'and they are told' test "$(told)" = "$(spent)"
}

test_time_without_a_worker_is_not_compute_time()
{
	MOCK='--latency 100' start_job one 200 --budget 5
	begin=$(date +%s%3N)
	interrupt TERM 8 --grace 5s
	sleep 3
	work -c 32
	end=$(date +%s%3N)
	check_status 0
	run pp-cost show "$JOB" --json
	check 'the pause is not in it' test "$(out | jq -s \
	    'map(select(.total)) | .[0].compute_ms')" -le $((end - begin - 3000))
}

# A million PUTs are five dollars, a million GETs forty cents.
test_requests_of_s3_have_their_price()
{
	need jq
	run pp-cost infra --json -n 1000000 --jobs 20
	check_status 0
	check_out_jq -s 'map(select(.unit == "requests") |
	    (.cost | tonumber) / .quantity * 1e9 | round) | @csv' 5000,400
}

test_a_job_runs_the_version_that_it_names()
{
	start_job one 1 --budget 1
	run pp-worker --job "$JOB"
	sed 's/say something/PLANTED/' one.yaml >two.yaml
	pp-template put one.yaml >/dev/null
	pp-template put two.yaml >/dev/null
	run pp-job create -t one@1 -s seeds -n 2 --budget 1
	first=$(out | jq -r .job_id)
	run pp-job create -t one -s seeds -n 2 --budget 1
	second=$(out | jq -r .job_id)
	run pp-worker
	check_status 0
	source_of()
	{
		jq -r .template_source \
		    "$(home_objects)/jobs/$1/config.json"
	}
	check_fails 'the first has the second version' \
	    grep -q PLANTED <(source_of "$first")
	check 'the newest is the second' grep -q PLANTED <(source_of "$second")
	check 'three prompts are different' test \
	    "$(mock_count .unique_prompts)" = 4
}

test_what_is_another_users_is_not_there()
{
	local command

	start_job one 2 --budget 1
	pp-template put one.yaml >/dev/null
	run pp-worker --job "$JOB"
	check_status 0
	cp one.yaml mine.yaml
	export PP_USER=mallory
	for command in "pp-job show $JOB" "pp-job cancel $JOB" \
	    "pp-job resume $JOB" "pp-job rm $JOB" "pp-job failed $JOB" \
	    "pp-job wait $JOB" "pp-job logs $JOB" "pp-job start $JOB" \
	    "pp-job restore $JOB" "pp-export $JOB -o -" \
	    "pp-export $JOB --url" "pp-cost show $JOB" "pp-seed get seeds" \
	    "pp-seed show seeds" "pp-seed schema seeds" "pp-seed sample seeds" \
	    "pp-seed url seeds" "pp-seed rm seeds" "pp-template get one" \
	    "pp-template versions one" "pp-template fields one" \
	    "pp-template diff one" "pp-template rm one" \
	    "pp-job create -t mine.yaml -s seeds -n 1 --budget 1" \
	    "pp-job create -t one -s sample:poetry -n 1 --budget 1"; do
		# shellcheck disable=SC2086
		run $command
		check_fails "$command" test "$(cat "$T/.status")" = 0
		check_fails "$command tells of it" grep -q '"said"\|"text"' \
		    "$T/.out"
	done
	for command in "pp-job list --names" "pp-seed list --json" \
	    "pp-template list --json" "pp-cost report --json"; do
		# shellcheck disable=SC2086
		run $command
		check_fails "$command" grep -q "$JOB\|\"seeds\"\|\"one\"" \
		    "$T/.out"
	done
}

run_tests "$@"
