#!/usr/bin/env bash
# Full disks, damaged homes, absurd input: a clear error, the documented
# status, and nothing lost.
. "${0%/*}/lib.sh"
. "${0%/*}/jobs.sh"

# small_disk MEGABYTES: a file system of its own at $T/disk.
small_disk()
{
	[ "$(id -u)" = 0 ] || skip 'needs root to mount a small file system'
	mkdir disk
	mount -t tmpfs -o "size=$1m" tmpfs disk 2>/dev/null ||
		skip 'cannot mount a file system here'
	trap 'umount -l "$T/disk" 2>/dev/null; end_background' EXIT
}

test_a_full_disk_stops_the_worker_and_loses_nothing()
{
	small_disk 2
	export PP_STORE=file:$T/disk/home
	MOCK='--latency 20' start_job one 2000 --budget 50
	run pp-worker --once --backoff 10ms
	check 'it says so' test "$(cat "$T/.status")" = 74 -o \
	    "$(cat "$T/.status")" = 73
	check_err_has 'No space left on device'
	mount -o remount,size=64m disk
	run pp-worker --once --backoff 10ms
	check_status 0
	run pp-export "$JOB" --format jsonl -o -
	check_status 0
	check_out_lines 2000
	check_out_jq -s '[.[].n] | length' 2000
}

test_a_full_disk_under_seeds_leaves_the_old_set()
{
	small_disk 2
	export PP_STORE=file:$T/disk/home
	make_seeds 10
	run pp-seed put seeds seeds.jsonl
	check_status 0
	make_seeds 100000
	run pp-seed put seeds --replace seeds.jsonl
	check 'it fails' test "$(cat "$T/.status")" = 74 -o \
	    "$(cat "$T/.status")" = 73
	check_err_has 'No space left on device'
	run pp-seed get seeds
	check_status 0
	check_out_lines 10
}

test_a_home_that_cannot_be_written()
{
	[ "$(id -u)" = 0 ] && run_as='setpriv --reuid=65534 --clear-groups' ||
		run_as=
	mkdir home
	chmod 555 home
	make_seeds 1
	chmod 755 "$T" "$SCRATCH"
	# shellcheck disable=SC2086
	run $run_as pp-seed put seeds seeds.jsonl
	check_status 73
	check_err_has 'home'
}

test_a_home_on_a_read_only_file_system_can_be_read()
{
	small_disk 8
	export PP_STORE="file:$T/disk/a home?#%"
	make_seeds 5
	make_templates
	pp-seed put seeds seeds.jsonl >/dev/null
	pp-template put one.yaml >/dev/null
	pp-job create -t one -s seeds -n 5 -m local >job.json
	pp-worker --once 2>/dev/null
	mount -o remount,ro disk || skip 'cannot mount it read-only'
	run pp-job list --json
	check_status 0
	check_out_lines 1
	run pp-export - --format jsonl -o - <job.json
	check_status 0
	check_out_lines 5
	run pp-seed get seeds
	check_out_lines 5
	run pp-seed put more seeds.jsonl
	check_status 73
	check_err_has 'Read-only file system'
	run pp-job create -t one -s seeds -n 5 -m local
	check_status 73
}

test_a_database_that_is_none()
{
	make_seeds 5
	make_templates
	run pp-seed put seeds seeds.jsonl
	run pp-job create -t one.yaml -s seeds -n 5 -m local
	check_status 0
	db=$(find home -name '*.db')
	rm -f "$db"-wal "$db"-shm
	head -c 20000 /dev/urandom >"$db"
	for command in 'pp-job list' 'pp-worker' 'pp-template list'; do
		# shellcheck disable=SC2086
		run $command
		check_status 65
		check_err_has "$(basename "$db")"
	done
}

test_a_checkpoint_that_was_damaged()
{
	start_job one 20 --budget 0.0002
	run pp-worker --once
	check_status 3
	run pp-job resume "$JOB" --budget 1
	checkpoint=$(find home -name checkpoint.json)
	cp "$checkpoint" saved
	head -c 100 saved >"$checkpoint"
	run pp-worker --once
	check_status 65
	check_err_has checkpoint.json
	cp saved "$checkpoint"
	run pp-worker --once
	check_status 0
	run pp-export "$JOB" --format jsonl -o -
	check_out_lines 20
}

test_a_batch_that_was_cut_or_changed_or_taken_away()
{
	start_job one 200 --budget 5
	run pp-worker --once
	check_status 0
	batch=$(find home -name 'batch-*.jsonl' -size +1k | sort | head -n 1)
	cp "$batch" saved
	head -c 3000 saved >"$batch"
	run pp-export "$JOB" --format jsonl -o -
	check_status 65
	check_err_has "$(basename "$batch" .jsonl)"
	check_out ''
	sed 's/row 1:/row 2:/' saved | sed '3s/said/SAID/' >"$batch"
	run pp-export "$JOB" --format jsonl -o -
	check_status 65
	rm "$batch"
	run pp-export "$JOB" --format jsonl -o -
	check_status 65
	check_err_has 'missing'
	cp saved "$batch"
	run pp-export "$JOB" --format jsonl -o -
	check_status 0
	check_out_lines 200
}

test_a_template_of_ten_thousand_brackets()
{
	python3 - >deep.yaml <<-'EOF'
	print("template:\n  id: deep\n  steps:\n    - id: a\n      prompt: \"{{ "
	      + "(" * 10000 + "1" + ")" * 10000 + " }}\"")
	EOF
	run pp-template validate deep.yaml
	check_status 1
	check_err_has 'deep.yaml:'
	run pp-job create -t deep.yaml -s nothing -n 1 -m local
	check 'refused' test "$(cat "$T/.status")" -ge 65
}

test_seeds_that_are_absurd()
{
	head -c 200000000 /dev/zero | tr '\0' x | sed '1s/^/{"a":"/' >long.jsonl
	run pp-seed put long long.jsonl
	check_status 65
	check_err_has 'long.jsonl:1: '
	printf '{"a":"\xff\xfe"}\n' >utf8.jsonl
	run pp-seed put utf8 utf8.jsonl
	check_status 65
	check_err_has 'utf8.jsonl:1: '
	printf 'a,b\n1,"two\n3,4\n' >quote.csv
	run pp-seed put quote quote.csv
	check_status 65
	check_err_has 'quote.csv:2: '
	python3 -c 'print("[" * 100000)' >deep.json
	run pp-seed put deep deep.json
	check_status 65
	run pp-seed list --json
	check_out ''
}

test_numbers_that_are_absurd()
{
	make_seeds 3
	make_templates
	run pp-seed put seeds seeds.jsonl
	for budget in -1 1e400 NaN '' 1,5 99999999999999999999; do
		run pp-job create -t one.yaml -s seeds -n 1 -m local \
		    --budget "$budget"
		check_status 64
		check_err_has budget
	done
	for rows in 0 -1 1000000000000 1e3 '' ' 5'; do
		run pp-job create -t one.yaml -s seeds -n "$rows" -m local
		check_status 64
	done
	run pp-worker --concurrency 0
	check_status 64
	run pp-worker --lease 0s
	check_status 64
	run pp-job list
	check 'no job came of it' test "$(out | grep -c one)" = 0
}

test_a_budget_too_small_for_one_call_is_refused()
{
	MOCK='' 
	make_seeds 3
	make_templates
	mock_start
	use_mock_models
	run pp-seed put seeds seeds.jsonl
	run pp-job create -t one.yaml -s seeds -n 3 --budget 0.000001
	check 'refused' test "$(cat "$T/.status")" != 0
	check_err_has 0.000001
	check 'nothing was sent' test "$(mock_count .requests)" = 0
}

test_replies_that_lie()
{
	for fault in garbage empty truncate close reset_mid; do
		rm -rf home
		MOCK="--fault $fault=1" start_job one 3 --budget 1
		run pp-worker --once --deadline 700ms --backoff 10ms --grace 1s
		check "$fault: it gives the job back" test \
		    "$(cat "$T/.status")" = 69
		run pp-export "$JOB" --format jsonl -o -
		check_out ''
		mock_stop
	done
}

test_a_server_that_hangs_costs_its_own_time_only()
{
	export PP_MODEL_1_TIMEOUT=2s
	MOCK='--fault hang=0.1' start_job one 40 --budget 5
	LIMIT=90 run pp-worker --once --backoff 10ms
	check_status 0
	run pp-export "$JOB" --format jsonl -o -
	check_out_lines 40
}

run_tests "$@"
