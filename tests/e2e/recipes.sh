#!/usr/bin/env bash
# Workers under schedulers, as pp-worker(1) has them: each display of its
# section SCHEDULERS is run, or looked at by who would run it.
# shellcheck disable=SC2016
. "${0%/*}/lib.sh"
. "${0%/*}/jobs.sh"

# The display that has TEXT in it, as it reads on a page.
recipe()
{
	sed -n '/^\.Sh SCHEDULERS/,/^\.Sh EXAMPLES/p' \
	    "$PP_SRCDIR/man/pp-worker.1" |
	    awk -v text="$1" '/^\.Bd/ { on = 1; block = ""; next }
	    /^\.Ed/ { if (on && index(block, text)) printf "%s", block
	        on = 0 }
	    on { block = block $0 "\n" }' |
	    sed 's/\\e/\\/g; s/ -n 1000/ -n 20/'
}

# A home with what the recipes speak of, on models that answer.
prepare()
{
	need jq
	make_seeds 20
	make_templates
	make_prices
	sed 's/id: one/id: story/' one.yaml >story.yaml
	mock_start --prices prices.json --log mock.log --bytes 100 --latency 5
	use_mock_models
	pp-seed put seeds seeds.jsonl >/dev/null
	run pp-seed put poems seeds.jsonl
	check_status 0
	run pp-template put story.yaml
	check_status 0
}

# Cron's environment: little, /bin/sh, and no terminal.
by_cron()
{
	local line

	line=$(recipe '15 3 * * *' | sed 's/^15 3 \* \* \* //; s/\\%/%/g')
	mkdir -p cron
	# shellcheck disable=SC2046
	(cd cron && run env -i HOME="$T/cron" LOGNAME=test SHELL=/bin/sh \
	    PATH="$PATH" PP_SHARE="$PP_SHARE" PP_STORE="$PP_STORE" \
	    $(env | grep '^PP_MODEL_') /bin/sh -c "$line")
	check_status 0
}

test_a_line_of_cron()
{
	prepare
	by_cron
	check_out ''
	check_err ''
	calls=$(mock_count .requests)
	check 'the job was done' test "$calls" = 20
	by_cron
	check_out ''
	check_err ''
	check 'once a day' test "$(mock_count .requests)" = "$calls"
}

test_a_script_that_fails_a_build()
{
	prepare
	recipe 'set -eu' >make-data.sh
	run sh make-data.sh
	check_status 0
	check 'its rows are there' test "$(wc -l <out/dataset.jsonl)" = 20
	rm -r out
	sed -i 's/ -b 5/ -b 0.0001/' make-data.sh
	run sh make-data.sh
	check_status 3
	check_fails 'nothing was exported' test -e out
}

test_many_workers_by_xargs_and_parallel()
{
	local line by n=0

	prepare
	while read -r line; do
		by=${line#seq 8 | }
		by=${by%% *}
		command -v "$by" >/dev/null || continue
		n=$((n + 1))
		create_job story 20 --budget 5 --shards 8
		run_sh "$line"
		check_status 0
		check "$by: the job is completed" is_status "$JOB" COMPLETED
	done < <(recipe 'xargs -P 8')
	check 'one of them is here' test "$n" -ge 1
	check 'each row was asked for once' test \
	    "$(mock_count .requests)" = $((20 * n))
}

test_units_of_systemd()
{
	need systemd-analyze
	recipe '[Service]' |
	    sed "s|/usr/local/bin/pp-worker|$(command -v pp-worker)|" \
	    >pp-worker.service
	recipe '[Timer]' >pp-worker.timer
	run systemd-analyze verify "$PWD/pp-worker.service" "$PWD/pp-worker.timer"
	check_status 0
}

# The task of an array: all get the same line, and a number that they ignore.
test_tasks_of_arrays()
{
	local line pids=() i

	prepare
	create_job story 20 --budget 5 --shards 4
	recipe '#SBATCH' >slurm.sh
	line=$(recipe 'batch/v1' | sed -n 's/.*command: \[\(.*\)\]/\1/p' |
	    tr -d ,)
	check_same <(echo 'pp-worker -q') <(echo "$line")
	for i in 0 1 2 3; do
		# shellcheck disable=SC2086
		JOB_COMPLETION_INDEX=$i background $line
		pids+=("$PID")
		SLURM_ARRAY_TASK_ID=$i background sh slurm.sh
		pids+=("$PID")
	done
	for i in "${pids[@]}"; do
		wait "$i"
		check 'each task ends with 0' test $? = 0
	done
	check 'the job is completed' is_status "$JOB" COMPLETED
	check 'nothing was paid for twice' test \
	    "$(mock_count .repeats_after_ok)" = 0
	check 'the job for Batch is one' grep -q 'array-properties size=8' \
	    <(recipe 'aws batch')
}

run_tests "$@"
