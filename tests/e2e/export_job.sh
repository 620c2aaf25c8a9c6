#!/usr/bin/env bash
# pp-export on jobs: whole or not at all, and never a shorter data set.
. "${0%/*}/lib.sh"
. "${0%/*}/jobs.sh"

# finished_job TEMPLATE ROWS
finished_job()
{
	start_job "$1" "$2" --budget 5
	run pp-worker --once
	check_status 0
}

# The same, slowly, since there is a checkpoint a second at most.
job_in_batches()
{
	MOCK='--latency 300' start_job one "$1" --budget 5 --checkpoint-rows 5
	run pp-worker --once -c 4
	check_status 0
	check 'there are several batches' test "$(batches | wc -l)" -ge 3
}

# Those with rows, in order.
batches()
{
	find "$(home_objects)" -name 'batch-*.jsonl' -size +1k | sort
}

test_an_export_is_complete_and_says_what_it_is()
{
	finished_job four 60
	run pp-export "$JOB" --format jsonl,csv,parquet
	check_status 0
	dir=$(out)
	check 'the folder is the job'"'"'s' test "$dir" = \
	    "$(find "$(home_objects)" -type d -name exports)"
	check 'no _SUCCESS' test -f "$dir/_SUCCESS"
	run jq -r '.files[] | .sha256 + "  " + .path' "$dir/manifest.json"
	out >sums
	check 'three files' test "$(wc -l <sums)" = 3
	(cd "$dir" && sha256sum -c "$T/sums") >/dev/null ||
		complain 'the manifest has other sums'
	run jq -c '[.job_id == "'"$JOB"'", .template, .models,
	    .rows, .failed_rows, (.schema | map(.name)),
	    (.files | map(.rows))]' "$dir/manifest.json"
	check_out '[true,"four",{"a":"small","b":"middle","c":"dear","d":"other"},60,0,["n","a","d"],[60,60,60]]'
	check 'it has its cost' test \
	    "$(jq -r .cost "$dir/manifest.json")" != 0
	run_sh "pp-export cat '$dir/dataset.parquet'"
	check_out_file "$dir/dataset.jsonl"
}

test_a_second_export_makes_the_same_bytes()
{
	local how=(--format "jsonl,csv,parquet" --partition category --card
	    --split "a=0.5,b=0.5" --shuffle --max-rows-per-file 7)

	finished_job four 60
	run pp-export "$JOB" "${how[@]}" -o one
	check_status 0
	run pp-export "$JOB" "${how[@]}" -o two
	check_status 0
	check 'they differ' diff -r one two
	run pp-export "$JOB" "${how[@]}" -o two
	check 'they differ after a third' diff -r one two
	# a smaller one takes away what it does not have, but for the card
	run pp-export "$JOB" -o two
	check_status 0
	(cd two && find . -type f | sort | tr '\n' ' ') >files
	check "other files: $(cat files)" grep -qx \
	    './.huggingface.yaml ./README.md ./_SUCCESS ./dataset.jsonl ./manifest.json ' \
	    files
}

test_a_job_that_runs_gives_what_it_has_when_told_so()
{
	MOCK='--latency 100' start_job one 2000 --budget 50 --checkpoint-rows 10
	background pp-worker --once -c 8 --grace 5s
	worker=$PID
	wait_for 60 sh -c "[ \$(wc -l <mock.log) -ge 100 ]"
	run pp-export "$JOB" -o early
	check_status 75
	check_err_has '--partial'
	check 'something was written' test ! -e early
	run pp-export "$JOB" --partial -o partial
	check_status 0
	kill -TERM "$worker"
	wait "$worker"
	run pp-export "$JOB" -o early
	check_status 75
	check_err_has 'is QUEUED'
	run pp-export "$JOB" --partial -o - --with-meta
	check_status 0
	out | jq -r ._row >numbers
	n=$(wc -l <numbers)
	check "$n rows" test "$n" -gt 20 -a "$n" -lt 2000
	check 'rows are in order, once' sh -c 'sort -nu numbers | cmp - numbers'
	run jq .rows partial/manifest.json
	check 'the first partial one has no more' test "$(out)" -le "$n"
	# it is what the checkpoint covers
	run jq '.records_generated' \
	    "$(find "$(home_objects)" -name checkpoint.json)"
	check_out "$n"
	LIMIT=300 run pp-worker --once -c 100
	check_status 0
	run pp-export "$JOB" -o whole
	check_status 0
	check 'all are there' test "$(wc -l <whole/dataset.jsonl)" = 2000
}

# damage NAME COMMAND: the second batch by a command, which the export must
# see and name.
damage()
{
	local batch=$SECOND

	[ -n "$batch" ] || return
	cp "$batch" saved
	eval "$2"
	run pp-export "$JOB" -f jsonl,parquet -o out
	check_status 65
	check_err_has "$(basename "$batch")"
	check "$1: something is left" test -z "$(ls -A out 2>/dev/null)"
	run pp-export "$JOB" -o -
	check_status 65
	cp saved "$batch"
}

test_a_damaged_batch_is_named()
{
	job_in_batches 60
	SECOND=$(batches | sed -n 2p)
	damage 'missing' 'rm "$batch"'
	damage 'empty' ': >"$batch"'
	damage 'cut in a line' 'head -c 3000 saved >"$batch"'
	damage 'cut after a line' 'head -n 5 saved >"$batch"'
	damage 'a byte changed' 'sed "4s/e/E/" saved >"$batch"'
	damage 'a line more' 'sed "\$p" saved >"$batch"'
	damage 'another batch' 'cp "$(batches | tail -n 1)" "$batch"'
	damage 'its header changed' 'sed "1s/\"rows\":/\"rows\":1/" saved >"$batch"'
	SECOND=$(batches | tail -n 1)
	damage 'the last, a byte changed' 'sed "2s/e/E/" saved >"$batch"'
	damage 'the last, missing' 'rm "$batch"'
	run pp-export "$JOB" -o out
	check_status 0
	check 'all are there' test "$(wc -l <out/dataset.jsonl)" = 60
}

test_a_batch_off_the_chain_is_not_data()
{
	job_in_batches 60
	run pp-export "$JOB" -o before
	last=$(find "$(home_objects)" -name 'batch-*.jsonl' | sort | tail -n 1)
	next=$(printf '%s/batch-%09d.jsonl' "$(dirname "$last")" \
	    $((10#$(basename "$last" .jsonl | tr -cd 0-9) + 1)))
	cp "$(batches | head -n 1)" "$next"
	run pp-export "$JOB" -o after
	check_status 0
	check 'they differ' diff -r before after
}

test_shards_give_the_rows_of_one()
{
	start_job one 90 --budget 5
	run pp-worker --once
	run pp-export "$JOB" -o one
	check_status 0
	create_job one 90 --budget 5 --shards 3
	for _ in 1 2 3; do
		run pp-worker --once
		check_status 0
	done
	run pp-export "$JOB" -o three
	check_status 0
	check_same one/dataset.jsonl three/dataset.jsonl
}

test_what_is_known_of_rows_comes_when_asked_for()
{
	finished_job four 30
	run pp-export "$JOB" -o - -n 1
	check_out_jq 'keys_unsorted | join(" ")' 'n a d'
	run pp-export "$JOB" -o - -n 1 --with-meta
	check_out_jq 'keys_unsorted | join(" ")' \
	    'n a d _job_id _row _id _category _time _tokens_in _tokens_out _cost _steps'
	check_out_jq "._job_id == \"$JOB\"" true
	check_out_jq '._steps | map(.step + " " + .model) | join(", ")' \
	    'a small, b middle, c dear, d other'
	run pp-export "$JOB" -f parquet -o out --with-meta
	check_status 0
	run_sh "pp-export schema --json out/dataset.parquet | jq -r '.column + \" \" + .type' | grep '^_[a-z]* '"
	check_out_has '_time timestamp'
	check_out_has '_cost decimal(18,9)'
	run_sh "pp-export cat out/dataset.parquet | jq -s 'map(._cost | tonumber) | add * 1e9 | round'"
	check_status 0
	check 'the costs are those of the job' test "$(out)" = \
	    "$(pp-job show "$JOB" --json | jq '.totals.settled // .cost_estimate | tonumber * 1e9 | round')"
}

test_rows_that_failed_come_when_asked_for()
{
	MOCK='--fault 400=0.2' start_job one 60 --budget 5 --max-failures 60
	run pp-worker --once
	check_status 0
	run pp-export "$JOB" -o plain
	check_status 0
	check_err_has 'failed row'
	good=$(wc -l <plain/dataset.jsonl)
	check "$good good rows" test "$good" -gt 0 -a "$good" -lt 60
	check 'the manifest counts them' test \
	    "$(jq .failed_rows plain/manifest.json)" = $((60 - good))
	run pp-export "$JOB" -o all --include-failed -f jsonl,parquet
	check_status 0
	check_err ''
	run_sh "jq -c 'select(._failed) | ._failed.class' all/dataset.jsonl | sort | uniq -c"
	check_out_has "$((60 - good)) \"rejected\""
	check 'all rows' test "$(wc -l <all/dataset.jsonl)" = 60
	run_sh 'pp-export cat all/dataset.parquet | jq -c "select(._failed)" | wc -l'
	check_out $((60 - good))
}

test_a_judge_has_its_threshold_at_the_export()
{
	finished_job one 30
	run pp-export "$JOB" --where 'n | int > 10 and steps.say.output | length > 3' \
	    --select 'n=n | int, model=steps.say.model' -f jsonl,parquet -o out
	check_status 0
	run jq -s -c '[length, .[0]]' out/dataset.jsonl
	check_out '[20,{"n":11,"model":"small"}]'
	run_sh 'pp-export cat out/dataset.parquet'
	check_out_file out/dataset.jsonl
}

test_types_are_those_that_the_template_says()
{
	make_seeds 3
	cat >typed.yaml <<-'END'
	template:
	  id: typed
	  steps: [{id: a, model: local, max_tokens: 9, prompt: "{{ text }}"}]
	  record: {at: "2025-01-0{{ n }}T00:00:00Z", n: "{{ n }}", a: "{{ steps.a.output }}"}
	  types: {at: timestamp, n: double}
	END
	run pp-seed put seeds seeds.jsonl
	create_job typed 3
	run pp-worker --once
	check_status 0
	run pp-export "$JOB" -f parquet -o out
	check_status 0
	run_sh "pp-export schema --json out/dataset.parquet | jq -r '.column + \" \" + .type'"
	check_out 'at timestamp
n double
a string'
	run pp-export "$JOB" -f parquet -t n=int -o out
	run_sh "pp-export schema --json out/dataset.parquet | jq -r '.column + \" \" + .type'"
	check_out_has 'n int64'
	run pp-export "$JOB" -f parquet --select 'at,m=n' -o out
	run_sh "pp-export schema --json out/dataset.parquet | jq -r '.column + \" \" + .type'"
	check_out 'at timestamp
m int64'
	sed 's/double/integer/' typed.yaml >bad.yaml
	run pp-template validate bad.yaml
	check_status 1
	check_err_has "unknown type 'integer'"
	sed 's/n: double/m: int/' typed.yaml >bad.yaml
	run pp-template validate bad.yaml
	check_status 1
	check_err_has "'m' is no field of 'record'"
}

test_a_job_that_is_not_said_is_not_standard_input()
{
	local job=

	finished_job one 30
	run pp-export "$job" -o out
	check_status 64
	check_err_has "'' is not a job id"
	# shellcheck disable=SC2086
	run pp-export $job -o out
	check_status 64
	check_err_has 'name a job'
	check 'something is left' test ! -e out
	run pp-export "$JOB" "$job" -o out
	check_status 64
}

test_several_jobs_have_a_folder_each()
{
	finished_job one 30
	first=$JOB
	create_job one 20 --budget 5
	run pp-worker --once
	run_sh "printf '%s\n' $first $JOB | pp-export - -f csv -o out"
	check_status 0
	check 'the first' test -f "out/$first/dataset.csv"
	check 'the second' test -f "out/$JOB/_SUCCESS"
}

run_tests "$@"
