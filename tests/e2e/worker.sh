#!/usr/bin/env bash
# The worker on jobs: rows, signals, kills, budgets, servers that fail. Runs on
# the embedded home, and by aws_home.sh on AWS.
. "${0%/*}/lib.sh"
. "${0%/*}/jobs.sh"

test_a_job_is_done_and_exported_in_order()
{
	start_job four 60 --budget 5
	run pp-worker --once
	check_status 0
	check 'the job is completed' is_status "$JOB" COMPLETED
	run pp-export "$JOB" --format jsonl -o -
	check_status 0
	check_out_lines 60
	check_out_jq -s '[.[].n | tonumber] | .[:3] | @csv' '1,2,3'
	check 'each prompt was paid for once' test \
	    "$(mock_count .repeats_after_ok)" = 0
	check 'each step was called once a row' test \
	    "$(mock_count .unique_prompts)" = 240
}

test_the_ledger_is_the_servers_bill_to_the_nano_dollar()
{
	start_job four 50 --budget 5
	run pp-worker --once
	check_status 0
	run pp-cost show "$JOB" --json
	check_status 0
	check 'show and the server agree' python3 - "$T/.out" \
	    <(mock_stats) <<-'EOF'
	import json, sys
	from decimal import Decimal
	rows = [json.loads(l) for l in open(sys.argv[1])]
	bill = json.load(open(sys.argv[2]))["bill_nusd"]
	spent = sum(Decimal(r["cost"]) for r in rows if r.get("step"))
	assert spent * 10**9 == bill, (spent, bill)
	EOF
}

test_sigterm_gives_the_job_back_and_nothing_is_lost()
{
	MOCK='--latency 150' start_job four 300 --budget 50
	background pp-worker --once -c 24 --grace 5s
	worker=$PID
	wait_for 30 sh -c "[ \$(wc -l <mock.log) -ge 350 ]"
	kill -TERM "$worker"
	wait "$worker"
	check 'status 75' test $? = 75
	check 'the job is in the queue' is_status "$JOB" QUEUED
	run pp-worker --once -c 24
	check_status 0
	check 'the job is completed' is_status "$JOB" COMPLETED
	run pp-export "$JOB" --format jsonl -o -
	check_out_lines 300
	out >after.jsonl
	check 'nothing was paid for twice' test \
	    "$(mock_count .repeats_after_ok)" = 0
	create_job four 300 --budget 50
	run pp-worker --once -c 24
	run pp-export "$JOB" --format jsonl -o -
	check 'an undisturbed run gives the same' cmp after.jsonl "$T/.out"
}

test_every_answer_is_counted_by_its_class()
{
	MOCK='--fail-first 1:429 --retry-after 0' start_job one 20 --budget 5
	run pp-worker --once -c 4
	check_status 0
	run pp-job show "$JOB" --json
	check_status 0
	check_out_jq '.calls_ended | "\(.ok) \(.throttle)"' '20 20'
	run pp-job show "$JOB"
	check_out_has '20 ok, 20 throttle'
}

test_cost_rows_tell_time_and_operations_once()
{
	! on_aws || skip 'looks into the embedded home'
	MOCK='--latency 300' start_job four 6 --budget 5
	run pp-worker --once -c 6
	check_status 0
	run python3 - "$T/home" <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1] + "/plotpalette.db")
print(*db.execute("SELECT sum(compute_ms) >= 1200, sum(s3_operations) = 5, "
                  "sum(compute_ms > 0) = 1 FROM costs").fetchone())
END
	check_status 0
	check_out '1 1 1'
}

test_limits_in_headers_are_kept_to()
{
	MOCK='--header X-RateLimit-Limit-Requests:600' \
	    start_job one 40 --budget 5
	begin=$(date +%s%N)
	run pp-worker --once -c 5
	check_status 0
	# five before the first reply, a second's worth, and ten a second
	check 'ten calls a second go out' test \
	    "$(($(date +%s%N) - begin))" -ge 2400000000
}

test_a_row_that_takes_too_long_fails()
{
	MOCK='--latency 30000' start_job one 2 --budget 5
	run pp-worker --once -c 2 --row-timeout 300ms --backoff 10ms
	check_status 1
	run pp-job failed "$JOB"
	check_out_lines 2
	check_out_has '"class":"timeout"'
	check_out_has 'not done within'
}

test_a_prompt_that_cannot_fit_costs_nothing()
{
	MOCK='' start_job one 3 --budget 5
	cat >models.yaml <<-'EOF'
	models:
	  tiny:
	    provider: openai
	    id: m-small
	    url: MOCK/v1
	    input: 0.22
	    output: 0.22
	    context: 104
	EOF
	sed -i "s|MOCK|$MOCK_URL|" models.yaml
	PP_MODELS=$PWD/models.yaml create_job one 3 --budget 5 --model tiny
	run pp-worker --job "$JOB"
	check_status 1
	run pp-job failed "$JOB"
	check_out_has '"class":"too_long"'
	check_out_has 'cannot fit into the 104 tokens'
	check 'no call was made for it' test "$(mock_count .requests)" = 0
}

# A batch whose checkpoint could not follow it is adopted by the next worker,
# which learns from the journal what became of its calls.
test_calls_and_answers_agree_after_a_batch_is_adopted()
{
	local checkpoint lost

	! on_aws || skip 'there is no journal'
	MOCK='--latency 100' start_job one 300 --budget 5
	checkpoint=$T/home/objects/jobs/$JOB/checkpoint.json
	background pp-worker --once -c 4 --checkpoint 1s
	worker=$PID
	wait_for 60 sh -c "[ \$(wc -l <mock.log) -ge 20 ]"
	kill -STOP "$worker"
	cp "$checkpoint" before.json
	echo >>"$checkpoint"
	kill -CONT "$worker"
	wait "$worker"
	check 'status 75' test $? = 75
	cp before.json "$checkpoint"
	run pp-worker --once -v
	check_status 0
	check_err_has batch_adopted
	run pp-job show "$JOB" --json
	check_out_jq '.calls_ended.ok' 300
	lost=$(out | jq '.calls - (.calls_ended | add)')
	run pp-job show "$JOB"
	check 'each row has an answer' grep -q '^answers  *300 ok' .out
	if [ "$lost" = 0 ]; then
		check_fails 'all have ended' grep -q 'on the wire or lost' .out
	else
		check_out_has ", $lost on the wire or lost"
	fi
}

# What unfinished rows have used is in the record as it is in the checkpoint.
test_calls_of_unfinished_rows_are_counted()
{
	MOCK='--latency 100' start_job four 300 --budget 5
	background pp-worker --once -c 8
	worker=$PID
	wait_for 60 sh -c "[ \$(wc -l <mock.log) -ge 100 ]"
	kill -TERM "$worker"
	wait "$worker"
	check 'status 75' test $? = 75
	run pp-job show "$JOB" --json
	check_out_jq '.calls == (.calls_ended | add)' true
	calls=$(out | jq '[.calls, .tokens_in, .tokens_out] | @csv')
	run_sh "pp-cost show $JOB --json |
	    jq -s 'map(select(.step)) |
	    [(map(.calls) | add), (map(.tokens_in) | add),
	    (map(.tokens_out) | add)] | @csv'"
	check_out "$calls"
}

test_a_job_of_a_dead_worker_can_be_cancelled()
{
	MOCK='--latency 300' start_job one 200 --budget 5
	background pp-worker --once -c 4 --lease 2s
	worker=$PID
	wait_for 60 sh -c "[ \$(wc -l <mock.log) -ge 6 ]"
	kill_worker "$worker"
	calls=$(mock_count .requests)
	run pp-job cancel "$JOB"
	check_status 0
	! on_aws || work
	check 'the job has ended' is_status "$JOB" CANCELLED
	check 'nobody was called for that' test \
	    "$(mock_count .requests)" = "$calls"
	run pp-job show "$JOB" --json
	if on_aws; then
		check_out_jq '(.cost_unproven | tonumber) > 0' true
	else
		check_out_jq '.calls_ended.ok > 0' true
	fi
}

test_max_time_gives_the_job_back()
{
	MOCK='--latency 200' start_job one 400 --budget 5
	run pp-worker --once -c 2 --max-time 1s --grace 10s
	check_status 75
	check 'the job is in the queue' is_status "$JOB" QUEUED
}

test_a_second_sigterm_skips_the_grace()
{
	MOCK='--latency 20000' start_job one 10 --budget 5
	background pp-worker --once --grace 60s
	worker=$PID
	wait_for 10 sh -c '[ "$(grep -c . mock.log)" -ge 0 ] && sleep 1'
	kill -TERM "$worker"
	sleep 0.5
	kill -TERM "$worker"
	check 'it ends at once' wait_for 5 sh -c "! kill -0 $worker 2>/dev/null"
	check 'the job is in the queue' is_status "$JOB" QUEUED
	run pp-job show "$JOB" --json
	check_out_jq '(.cost_unproven | tonumber) > 0' true
}

test_a_killed_worker_is_replaced_at_once()
{
	MOCK='--latency 100' start_job four 120 --budget 50
	for at in 60 150 260; do
		background pp-worker --forever -c 16 --lease 2s
		worker=$PID
		wait_for 60 sh -c "[ \$(wc -l <mock.log) -ge $at ]"
		kill_worker "$worker"
	done
	work -c 16
	check_status 0
	run pp-export "$JOB" --format jsonl -o -
	check_out_lines 120
	check_out_jq -s '[.[].n] | length' 120
	# on AWS it is what came home since the last checkpoint
	on_aws || check 'only calls on the wire were made again' test \
	    "$(mock_count .repeats_after_ok)" -le 48
	run pp-cost show "$JOB" --json
	check_status 0
	run pp-job show "$JOB" --json
	bill=$(mock_count .bill_nusd)
	check "the bill, $bill, is within what is counted as spent" test \
	    "$bill" -le "$(out | jq '((.cost_estimate | tonumber) +
	    (.cost_unproven | tonumber)) * 1e9 | round')"
}

# Give the journals of a job another boot id, as after a power loss.
change_boot_id()
{
	python3 - "$@" <<-'EOF'
	import json, sys
	def crc32c(data):
	    crc = 0xffffffff
	    for b in data:
	        crc ^= b
	        for _ in range(8):
	            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
	    return crc ^ 0xffffffff
	for name in sys.argv[1:]:
	    lines = open(name, "rb").read().split(b"\n")
	    head = json.loads(lines[0][9:])
	    head["boot_id"] = "another"
	    text = json.dumps(head).encode()
	    lines[0] = b"%08x " % crc32c(text) + text
	    open(name, "wb").write(b"\n".join(lines))
	EOF
}

# Nobody took the shard while its worker was frozen for longer than its lease:
# what was answered is kept, not paid for again.
test_a_lease_that_ran_out_keeps_what_is_paid_for()
{
	MOCK='--latency 100' start_job one 1200 --budget 5 \
	    --checkpoint-rows 100000
	background pp-worker --once -c 16 --lease 6s
	worker=$PID
	wait_for 60 sh -c "[ \$(wc -l <mock.log) -ge 400 ]"
	kill -STOP "$worker"
	sleep 7
	kill -CONT "$worker"
	wait "$worker"
	work -c 64
	check 'completed' is_status "$JOB" COMPLETED
	check "nothing is paid twice ($(mock_count .repeats_after_ok))" \
	    test "$(mock_count .repeats_after_ok)" -le 16
}

epoch_is_above()
{
	[ "$(jq .epoch "$1" 2>/dev/null || echo 0)" -gt "$2" ]
}

# A worker is frozen for longer than its lease, goes on while another has its
# shard, and finds out by its epoch before it writes anything that counts.
test_a_stalled_worker_stops_before_it_writes()
{
	local checkpoint frozen other epoch bill show

	MOCK='--latency 300' start_job one 400 --budget 5 --checkpoint-rows 20
	checkpoint=$(home_objects)/jobs/$JOB/checkpoint.json
	background pp-worker --job "$JOB" -c 8 --lease 6s --checkpoint 1s
	frozen=$PID
	wait_for 60 sh -c "[ \$(wc -l <mock.log) -ge 60 ]"
	kill -STOP "$frozen"
	epoch=$(jq .epoch "$checkpoint")
	work -c 8 --checkpoint 1s &
	other=$!
	BACKGROUND+=("$other")
	check 'another takes the shard' wait_for 90 epoch_is_above \
	    "$checkpoint" "$epoch"
	kill -CONT "$frozen"
	wait "$frozen"
	check 'the one that was frozen stops with 75' test $? = 75
	check 'and says why' \
	    grep -Eq "another worker's by now|no longer this worker's|ran out" \
	    "$T/bg.$frozen.err"
	wait "$other"
	check 'completed' is_status "$JOB" COMPLETED
	check 'each row is there once' test "$(rows_of "$JOB")" = '[400,400]'
	check_epochs_never_fall
	bill=$(mock_count .bill_nusd)
	show=$(pp-job show "$JOB" --json)
	check "proven is at most the bill, $bill" jq -e --argjson b "$bill" \
	    '(.cost_estimate | tonumber) * 1e9 <= $b + 0.5' <<<"$show"
	check 'and the bill at most that and what is unproven' \
	    jq -e --argjson b "$bill" '((.cost_estimate | tonumber) +
	    (.cost_unproven | tonumber)) * 1e9 >= $b - 0.5' <<<"$show"
	# on AWS it is what came home since the last checkpoint
	on_aws || check 'only calls on the wire were made again' test \
	    "$(mock_count .repeats_after_ok)" -le 8
}

# Once a batch is of a younger epoch, none of an older one follows.
check_epochs_never_fall()
{
	local epochs

	epochs=$(head -qn 1 "$(home_objects)/jobs/$JOB"/outputs/batch-* |
	    jq .batch.epoch)
	check 'batches are of two workers' test \
	    "$(uniq <<<"$epochs" | wc -l)" -ge 2
	check 'and no old one follows a new one' sort -nc <<<"$epochs"
}

# relay PORT: what stands between a worker and its database, to be killed; 0:
# any port, which it prints.
relay()
{
	cat >relay.py <<-'EOF'
	import asyncio, sys, urllib.parse
	to = urllib.parse.urlparse(sys.argv[1])
	async def copy(reader, writer):
	    try:
	        while data := await reader.read(65536):
	            writer.write(data)
	            await writer.drain()
	    except OSError:
	        pass
	    writer.close()
	async def serve(reader, writer):
	    there = await asyncio.open_connection(to.hostname, to.port)
	    await asyncio.gather(copy(reader, there[1]),
	                         copy(there[0], writer))
	async def main():
	    server = await asyncio.start_server(serve, "127.0.0.1",
	                                        int(sys.argv[2]))
	    print(server.sockets[0].getsockname()[1], flush=True)
	    await server.serve_forever()
	asyncio.run(main())
	EOF
	background python3 relay.py "$DATABASE" "$1"
	RELAY=$PID
	wait_for 60 test -s "$T/bg.$RELAY.out"
	PORT=$(cat "$T/bg.$RELAY.out")
}

# Money cannot be asked for meanwhile: what is on the wire comes home.
test_a_database_that_is_away_for_a_moment_costs_no_call()
{
	on_aws || skip 'this home has no server'
	MOCK='--latency 1500' start_job one 400 --budget 0.5
	DATABASE=$AWS_ENDPOINT_URL_DYNAMODB
	relay 0
	export AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:$PORT
	background pp-worker --once -c 64
	worker=$PID
	wait_for 60 sh -c '[ $(wc -l <mock.log) -ge 1 ]'
	kill_worker "$RELAY"
	sleep 3
	relay "$PORT"
	wait "$worker"
	check 'the worker goes on to the end' test "$?" = 0
	check 'completed' is_status "$JOB" COMPLETED
	check 'no call was cancelled' test "$(mock_count .client_aborts)" = 0
	check 'none was paid twice' test "$(mock_count .repeats_after_ok)" = 0
	check 'the ledger is the bill' test "$(nusd "$(pp-job show "$JOB" \
	    --json | jq -r .cost_estimate)")" = "$(mock_count .bill_nusd)"
}

test_after_a_power_loss_the_whole_slice_counts_as_spent()
{
	MOCK='--latency 100' start_job one 300 --budget 0.05
	background pp-worker --once -c 8 --lease 2s
	worker=$PID
	wait_for 60 sh -c '[ $(wc -l <mock.log) -ge 40 ]'
	kill_worker "$worker"
	# on AWS a lost worker is as a lost machine
	on_aws || change_boot_id home/journal/"$JOB"/*.log
	work -c 8
	check_err_has slice_unproven
	run pp-cost show "$JOB" --json
	check_status 0
	bill=$(mock_count .bill_nusd)
	check 'the bill stays below the limit' test "$bill" -le 50000000
}

test_the_budget_is_a_wall()
{
	for limit in 0.01 0.002; do
		fresh_home
		start_job four 2000 --budget "$limit"
		run pp-worker --once -c 64
		check_status 3
		check 'the job says so' is_status "$JOB" BUDGET_EXCEEDED
		bill=$(mock_count .bill_nusd)
		check "$limit: the bill is $bill" test "$bill" -le \
		    "$(nusd "$limit")"
		check 'a good part of it was used' test "$bill" -ge \
		    $(($(nusd "$limit") * 4 / 10))
		run pp-export "$JOB" --format jsonl -o -
		check_status 0
		check 'rows that are paid for are there' test \
		    "$(out | wc -l)" -gt 0
		mock_stop
	done
}

test_more_money_goes_on_where_it_stopped()
{
	start_job four 100 --budget 0.01
	run pp-worker --once
	check_status 3
	before=$(pp-export "$JOB" --format jsonl -o - | wc -l)
	check 'some rows' test "$before" -gt 0
	run pp-job resume "$JOB" --budget 5
	check_status 0
	run pp-worker --once
	check_status 0
	run pp-export "$JOB" --format jsonl -o -
	check_out_lines 100
	check 'nothing was paid for twice' test \
	    "$(mock_count .repeats_after_ok)" = 0
}

test_a_server_that_refuses_everything_fails_the_job()
{
	MOCK='--status 400' start_job one 10 --budget 1
	run pp-worker --once
	check_status 1
	check 'it failed' is_status "$JOB" FAILED
	run pp-job show "$JOB" --json
	check 'the reason is told' test "$(out | jq -r .reason)" != ''
	run pp-job failed "$JOB"
	check_status 0
	check_out_lines 10
	check_out_jq -s '.[0].failed.class' rejected
	check_out_jq -s '.[0].failed.status' 400
	run pp-export "$JOB" --format jsonl -o -
	check_out ''
}

test_throttling_ends_at_the_deadline()
{
	MOCK='--fault 429=1 --retry-after 1' start_job one 10 --budget 1
	run pp-worker --once --deadline 2s --grace 1s
	check_status 75
	check 'it is in the queue' is_status "$JOB" QUEUED
}

test_a_service_that_is_down_is_given_up_after_three_turns()
{
	MOCK='--fault 503=1 --retry-after 0' start_job one 10 --budget 1
	for turn in 1 2; do
		run pp-worker --once --deadline 500ms --grace 1s
		check_status 69
		check "turn $turn: it is in the queue" is_status "$JOB" QUEUED
	done
	run pp-worker --once --deadline 500ms --grace 1s
	check_status 1
	check 'it failed' is_status "$JOB" FAILED
}

test_a_refused_connection_is_a_service_that_is_down()
{
	start_job one 10 --budget 1
	mock_stop
	run pp-worker --once --deadline 500ms --grace 1s
	check_status 69
	check 'it is in the queue' is_status "$JOB" QUEUED
	run pp-job show "$JOB" --json
	check_out_jq '.cost_estimate, .cost_unproven | tonumber' $'0\n0'
}

test_refused_credentials_stop_the_worker_at_once()
{
	MOCK='--status 401' start_job one 1000 --budget 1
	run pp-worker --once
	check_status 77
	check 'it is in the queue' is_status "$JOB" QUEUED
	check 'it did not try a thousand times' test \
	    "$(mock_count .requests)" -le 64
}

test_faults_that_pass_cost_no_row()
{
	MOCK='--fault 500=0.05 --fault reset=0.05 --fault truncate=0.03 --fault 429=0.05 --retry-after 0' \
	    start_job four 100 --budget 50
	run pp-worker --once --backoff 10ms
	check_status 0
	run pp-export "$JOB" --format jsonl -o -
	check_out_lines 100
}

test_four_workers_run_four_jobs()
{
	MOCK='--latency 50' start_job one 40 --budget 1
	jobs=("$JOB")
	for _ in 2 3 4; do
		create_job one 40 --budget 1
		jobs+=("$JOB")
	done
	workers=()
	for _ in 1 2 3 4; do
		background pp-worker --once -c 4
		workers+=("$PID")
	done
	for pid in "${workers[@]}"; do
		wait "$pid"
		check 'a worker is content' test $? = 0
	done
	for job in "${jobs[@]}"; do
		check "$job is completed" is_status "$job" COMPLETED
	done
}

test_two_workers_on_one_job_do_not_double_a_row()
{
	MOCK='--latency 50' start_job one 100 --budget 1
	background pp-worker --job "$JOB" -c 4
	first=$PID
	wait_for 10 is_status "$JOB" RUNNING
	run pp-worker --job "$JOB" -c 4
	check_status 75
	wait "$first"
	check 'the first one does it' test $? = 0
	check 'each row once' test "$(mock_count .requests)" = 100
}

test_jobs_of_one_priority_run_in_order_of_creation()
{
	start_job one 5 --budget 1 --name first
	create_job one 5 --budget 1 --name second
	create_job one 5 --budget 1 --name urgent --priority 9
	run pp-worker --once
	run pp-job list --json
	check_out_jq -s 'map(select(.status == "COMPLETED").name) | @csv' \
	    '"urgent"'
	run pp-worker --once
	run pp-job list --json
	check_out_jq -s 'map(select(.status == "QUEUED").name) | @csv' \
	    '"second"'
}

test_a_cancelled_job_keeps_what_is_paid_for()
{
	MOCK='--latency 100' start_job one 500 --budget 5
	background pp-worker --once -c 8 --lease 6s
	worker=$PID
	wait_for 30 sh -c "[ \$(wc -l <mock.log) -ge 40 ]"
	run pp-job cancel "$JOB"
	check_status 0
	wait "$worker"
	check 'it is cancelled' is_status "$JOB" CANCELLED
	run pp-export "$JOB" --format jsonl -o -
	check 'rows are there' test "$(out | wc -l)" -ge 30
}

# Long before a lease of ten minutes is renewed, and before the last row.
test_a_running_job_ends_soon_after_it_is_cancelled()
{
	MOCK='--latency 300' start_job one 2000 --budget 50
	background pp-worker --once -c 4 --lease 600s
	worker=$PID
	wait_for 60 sh -c "[ \$(wc -l <mock.log) -ge 6 ]"
	run pp-job cancel "$JOB"
	check_status 0
	wait "$worker"
	check 'it is cancelled' is_status "$JOB" CANCELLED
	check 'rows were left' test "$(mock_count .requests)" -lt 2000
}

test_the_export_that_was_asked_for_is_there_at_the_end()
{
	start_job four 40 --budget 5 --export jsonl,csv --partition category
	run pp-worker --once
	check_status 0
	folder=$(dirname "$(find "$(home_objects)" -name _SUCCESS)")
	check 'it is whole' test -s "$folder/manifest.json"
	check 'all rows are there' test "$(cat "$folder"/partitioned/category/*/records.jsonl |
	    wc -l)" = 40
	run pp-export "$JOB" --format jsonl,csv --partition category -o again
	check_status 0
	check 'made again it is the same' diff -r "$folder/partitioned" \
	    again/partitioned
	on_aws || check 'no journal is left' test -z "$(find home -name '*.log')"
}

# Each may see the other at work and leave the export to it.
test_shards_that_end_together_are_exported()
{
	MOCK='--latency 50' start_job one 8 --budget 5 --shards 8 \
	    --export jsonl
	for round in 1 2 3 4 5 6; do
		[ "$round" = 1 ] ||
			create_job one 8 --budget 5 --shards 8 --export jsonl
		workers=()
		for _ in 1 2 3 4 5 6 7 8; do
			background pp-worker --once
			workers+=("$PID")
		done
		wait "${workers[@]}"
		check "$round: completed" is_status "$JOB" COMPLETED
		check "$round: exported" sh -c \
		    "find '$(home_objects)' -name _SUCCESS | grep -q '$JOB'"
	done
}

test_logs_tell_no_secrets()
{
	make_seeds 3
	sed -i 's/some words/PLANTED-ROW-TEXT/' seeds.jsonl
	make_templates
	mock_start --auth PLANTED-KEY
	use_mock_models
	export PLANTED_KEY_VARIABLE=PLANTED-KEY
	export PP_MODEL_1_KEY_ENV=PLANTED_KEY_VARIABLE
	run pp-seed put seeds seeds.jsonl
	create_job one 3 --budget 1
	run pp-worker --once -vv
	check_status 0
	check_fails 'a secret in the log' grep -q PLANTED "$T/.err"
	check 'events are JSON' jq -e .event "$T/.err"
	export PLANTED_KEY_VARIABLE=PLANTED-WRONG
	create_job one 3 --budget 1
	run pp-worker --once -vv
	check_status 77
	check_fails 'a secret in the log' grep -q PLANTED "$T/.err"
}

run_tests "$@"
