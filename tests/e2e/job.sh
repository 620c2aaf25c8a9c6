#!/usr/bin/env bash
# Jobs: what is checked before they are queued, and their life after it.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

NOBODY=00000000-0000-7000-8000-000000000000

# Two steps that want a poem with a title and a text.
write_template()
{
	cat >"$T/story.yaml" <<'YAML'
template:
  id: story
  schema_requirements: [poem.title]
  steps:
    - id: question
      max_tokens: 50
      prompt: "Ask something about {{ poem.title }}."
    - id: answer
      max_tokens: 80
      prompt: "Answer it: {{ steps.question.output }}"
YAML
}

write_seeds()
{
	local i

	for i in $(seq "${1:-5}"); do
		printf '{"title":"Poem %d","text":"The moon and %d stars."}\n' \
		    "$i" "$i"
	done >"$T/poems.jsonl"
	pp-seed put poems "$T/poems.jsonl" >/dev/null 2>&1
}

set_up()
{
	need jq
	write_template
	write_seeds 5
}

# create ARGUMENT...: a job with free models; its id goes to $JOB.
create()
{
	run pp-job create -t "$T/story.yaml" -s poem=poems -m local "$@"
	check_status 0
	JOB=$(out | jq -r .job_id)
}

# A model server of our own, and its price.
mock_model()
{
	mock_start --quiet
	export PP_MODEL_1_NAME=mock PP_MODEL_1_PROVIDER=openai \
	    PP_MODEL_1_ID=mock PP_MODEL_1_URL="$MOCK_URL/v1" \
	    PP_MODEL_1_INPUT_USD=1 PP_MODEL_1_OUTPUT_USD=2
}

status_of()
{
	pp-job show --json "$1" | jq -r .status
}

has_status()
{
	[ "$(status_of "$1")" = "$2" ]
}

# ---- create ----

test_a_job_is_printed_as_json()
{
	set_up
	run pp-job create -t "$T/story.yaml" -s poem=poems -n 7 -b 0.5 \
	    -m local --seed 12 --order shuffled --max-failures 5% -p 3 \
	    --checkpoint-rows 9 -e jsonl,csv --partition category \
	    --name 'a name' --shards 2
	check_status 0
	check_err ''
	check_out_lines 1
	check_out_jq .status QUEUED
	check_out_jq .rows 7
	check_out_jq .shards 2
	check_out_jq .priority 3
	check_out_jq .budget_limit 0.5
	check_out_jq .name 'a name'
	check_out_jq .records_generated 0
	check_out_jq .ended_at null
	check_out_jq .config.template "$T/story.yaml"
	check_out_jq '.config.seeds[0] | "\(.name) \(.set) \(.count)"' \
	    'poem poems 5'
	check_out_jq .config.models.answer local
	check_out_jq .config.seed 12
	check_out_jq .config.order shuffled
	check_out_jq .config.max_failures 5%
	check_out_jq .config.checkpoint_rows 9
	check_out_jq .config.export jsonl,csv
	check_out_jq .config.partition category
}

test_a_job_is_pinned_to_what_it_was_created_with()
{
	set_up
	create -n 3
	check 'no config' test -s "$(home_objects)/jobs/$JOB/config.json"
	check 'another template' test "$(jq -r .template_source \
	    "$(home_objects)/jobs/$JOB/config.json")" = \
	    "$(cat "$T/story.yaml")"
	echo broken >"$T/story.yaml"
	write_seeds 1
	pp-seed put --replace poems "$T/poems.jsonl" >/dev/null
	run pp-worker --job "$JOB" --once
	check_status 0
	check 'not completed' has_status "$JOB" COMPLETED
}

# refused STATUS TEXT ARGUMENT...
refused()
{
	local status=$1 text=$2

	shift 2
	run pp-job create "$@"
	check_status "$status"
	check_out ''
	check_err_has "$text"
}

test_what_cannot_work_is_refused()
{
	local good

	set_up
	mock_model
	good=(-t "$T/story.yaml" -s poem=poems -n 5 -m local)
	refused 64 'needs a template' -s poem=poems -n 5
	refused 64 'needs a number of rows' -t "$T/story.yaml" -s poem=poems
	refused 66 nothing "${good[@]}" -t nothing
	refused 66 nothing.yaml "${good[@]}" -t nothing.yaml
	refused 66 nothing -t "$T/story.yaml" -s poem=nothing -n 5 -m local
	refused 64 'needs a name' "${good[@]}" -s other
	refused 64 "the name 'poem'" "${good[@]}" -s poem=poems
	refused 64 'no step' "${good[@]}" -m nothing=local
	refused 66 nothing "${good[@]}" -m answer=nothing
	refused 64 '6 shards' "${good[@]}" --shards 6
	refused 64 'a format' "${good[@]}" --partition category
	refused 64 'PP_DEFAULT_BUDGET' "${good[@]}" -m answer=mock
	PP_DEFAULT_BUDGET='' refused 64 'the job needs a budget' "${good[@]}" \
	    -m answer=mock
	PP_DEFAULT_BUDGET=abc refused 78 "PP_DEFAULT_BUDGET must be an amount" \
	    "${good[@]}"
	refused 64 '--budget' "${good[@]}" --budget -1
	refused 64 '--budget' "${good[@]}" --budget 1e400
	refused 64 '--budget' "${good[@]}" --budget NaN
	refused 64 "from 0% to 100%, not '101%'" "${good[@]}" \
	    --max-failures 101%
	refused 64 '--rows' "${good[@]}" -n 0
	refused 64 '--rows' "${good[@]}" -n 1000000000000
	run pp-job list --json
	check_out ''
	check 'objects are left' test ! -e "$(home_objects)/jobs"
}

test_errors_of_the_template_are_shown_with_their_places()
{
	set_up
	sed -i 's/{{ poem.title }}/{{ poem.title/; s/steps.question/steps.nothing/' \
	    "$T/story.yaml"
	run pp-job create -t "$T/story.yaml" -s poem=poems -n 5 -m local
	check_status 65
	check_out ''
	check_err_has 'story.yaml:7:'
	check_err_has "there is no step 'nothing'"
	check_err_has '      ^'
	check_err_has "story.yaml' has 2 errors"
}

test_warnings_of_the_template_do_not_stop_a_job()
{
	set_up
	sed -i 's/poem.title }}/poem.title }} {{ poem.text }}/' "$T/story.yaml"
	create -n 1
	check_err_has "warning: 'poem.text'"
	run pp-job create -q -t "$T/story.yaml" -s poem=poems -n 1 -m local
	check_status 0
	check_err ''
}

test_a_seed_that_lacks_a_field_is_named()
{
	set_up
	printf '%s\n' '{"title":"a"}' '{"title":"b"}' '{"text":"c"}' \
	    >"$T/bad.jsonl"
	pp-seed put bad "$T/bad.jsonl" >/dev/null
	refused 65 'bad:3: missing required field: poem.title' \
	    -t "$T/story.yaml" -s poem=bad -n 5 -m local
	refused 65 'missing required field: poem.title' \
	    -t "$T/story.yaml" -s poems -n 5 -m local
}

test_every_set_of_several_is_checked()
{
	set_up
	cat >"$T/both.yaml" <<'YAML'
template:
  id: both
  schema_requirements: [poem.title, author.name]
  steps:
    - id: only
      max_tokens: 10
      prompt: "{{ poem.title }} by {{ author.name }}"
YAML
	printf '%s\n' '{"name":"A"}' '{"nom":"B"}' >"$T/authors.jsonl"
	pp-seed put authors "$T/authors.jsonl" >/dev/null
	refused 65 'authors:2: missing required field: author.name' \
	    -t "$T/both.yaml" -s poem=poems -s author=authors -n 5 -m local
	printf '%s\n' '{"name":"A"}' '{"name":"B"}' >"$T/authors.jsonl"
	pp-seed put --replace authors "$T/authors.jsonl" >/dev/null
	run pp-job create -t "$T/both.yaml" -s poem=poems -s author=authors \
	    -n 5 -m local
	check_status 0
	check_out_jq '.config.seeds | length' 2
}

test_a_budget_too_small_for_one_call_says_so()
{
	set_up
	mock_model
	# 50 tokens of output at 2 dollars a million, and some input
	run pp-job create -t "$T/story.yaml" -s poem=poems -n 5 -m mock \
	    -b 0.000001
	check_status 3
	check_out ''
	# shellcheck disable=SC2016
	check_err_has 'a budget of $0.000001 is too small: one call can cost $0.000'
	PP_DEFAULT_BUDGET=0.000001 \
	    run pp-job create -t "$T/story.yaml" -s poem=poems -n 5 -m mock
	check_status 3
	PP_DEFAULT_BUDGET=1 \
	    run pp-job create -t "$T/story.yaml" -s poem=poems -n 5 -m mock
	check_status 0
	check_out_jq .budget_limit 1
}

test_a_model_without_a_price_is_refused()
{
	set_up
	mock_model
	unset PP_MODEL_1_OUTPUT_USD
	refused 78 'no price' -t "$T/story.yaml" -s poem=poems -n 5 -m mock \
	    -b 5
	PP_MODEL_1_INPUT_USD=0 PP_MODEL_1_OUTPUT_USD=0 \
	    run pp-job create -t "$T/story.yaml" -s poem=poems -n 5 -m mock
	check_status 0
	check_out_jq .budget_limit null
}

test_an_idempotency_key_makes_one_job()
{
	local first

	set_up
	create -n 3 -k once
	first=$JOB
	create -n 3 -k once
	check 'another job' test "$JOB" = "$first"
	check_err 'the job was there already'
	create -n 4 -k once
	check 'another job' test "$JOB" = "$first"
	check_err 'the job was there already, with other settings than these'
	run pp-job list --names
	check_out "$first"
	check 'objects of a second job' \
	    test "$(find "$(home_objects)/jobs" -name config.json | wc -l)" = 1
}

test_jobs_come_as_lines_of_json()
{
	set_up
	cat >"$T/jobs" <<EOF2
{"rows": 3, "name": "first"}

{"rows": 4, "seeds": {"poem": "poems"}, "model": {"answer": "local"}}
{"rows": 5, "seeds": ["poem=poems"], "budget": "0.25", "export": ["csv"]}
EOF2
	run pp-job create -t "$T/story.yaml" -s poem=poems -m local - \
	    <"$T/jobs"
	check_status 0
	check_out_lines 3
	check_out_jq -s 'map(.rows) | join(" ")' '3 4 5'
	check_out_jq -s '.[0].name' first
	check_out_jq -s '.[2].budget_limit' 0.25
	check_out_jq -s '.[2].config.export' csv
}

test_a_line_that_is_refused_ends_it()
{
	set_up
	printf '%s\n' '{"rows":3}' '{"rows":0}' '{"rows":4}' >"$T/jobs"
	run pp-job create -t "$T/story.yaml" -s poem=poems -m local - \
	    <"$T/jobs"
	check_status 65
	check_out_lines 1
	check_err_has 'standard input:2: rows'
	run pp-job create -t "$T/story.yaml" - <<<'{"colour":"red"}'
	check_status 65
	check_err_has "standard input:1: a job has no setting 'colour'"
}

# ---- list, show ----

test_lists_are_newest_first_and_filtered()
{
	local a b c

	set_up
	run pp-job list
	check_status 0
	check_out_lines 1
	create -n 1 --name one
	a=$JOB
	create -n 2 --name two
	b=$JOB
	create -n 3 --name three
	c=$JOB
	pp-job cancel "$b"
	run pp-job list --names
	check_out "$c"$'\n'"$b"$'\n'"$a"
	run pp-job list --names -n 2
	check_out "$c"$'\n'"$b"
	run pp-job list --names --before "$b"
	check_out "$a"
	run pp-job list --names --status cancelled
	check_out "$b"
	run pp-job list --names --since 1h
	check_out_lines 3
	run pp-job list --names --since 2999-01-01
	check_out ''
	run pp-job list --json -s QUEUED
	check_out_jq -s 'map(.name) | join(" ")' 'three one'
	run pp-job list
	check_out_has "$b  CANCELLED"
	check_out_has two
	run pp-job list --status odd
	check_status 64
	run pp-job list --since yesterday
	check_status 64
	check_err_has 'a duration like 2h, 7d or 1w'
	run pp-job list --names --since 1w
	check_out_lines 3
	PP_USER=somebody run pp-job list --names
	check_status 0
	check_out ''
	run pp-job list --names --user somebody
	check_out ''
	PP_USER=somebody run pp-job list --names --user "$(id -un)"
	check_out_lines 3
}

test_a_job_is_shown_from_its_id_or_its_object()
{
	set_up
	create -n 3 --name mine
	out >"$T/job.json"
	run pp-job show "$JOB"
	check_status 0
	check_out_has "job         $JOB"
	check_out_has 'status      QUEUED'
	check_out_has 'rows        0 of 3, 0 failed'
	check_out_has 'seeds       poem=poems, 5 records'
	run pp-job show --json - <"$T/job.json"
	check_status 0
	check_out_file "$T/job.json"
	run pp-job show --json - <<<"$JOB"
	check_out_file "$T/job.json"
	run pp-job show - <<<'no job'
	check_status 65
	run pp-job show 17
	check_status 64
	run pp-job show
	check_status 64
	run pp-job show "$NOBODY"
	check_status 66
	check_err_has "no job '$NOBODY'"
}

test_jobs_of_others_are_not_there()
{
	local command

	set_up
	create -n 3
	for command in show cancel resume rm failed wait logs start; do
		PP_USER=somebody run pp-job "$command" "$JOB"
		check_status 66
		check_err_has "no job '$JOB'"
		run pp-job "$command" --user somebody "$JOB"
		check_status 66
		check_err_has "no job '$JOB'"
	done
	for command in 'pp-export --partial -o -' 'pp-cost show'; do
		# shellcheck disable=SC2086
		run $command --user somebody "$JOB"
		check_status 66
	done
	check 'it is not queued' has_status "$JOB" QUEUED
}

# ---- start, wait, logs ----

test_a_job_runs_in_the_background()
{
	! on_aws || skip 'there workers are tasks'
	set_up
	create -n 20
	run pp-job start "$JOB" --json
	check_status 0
	check_out_jq .worker 1
	check_out_jq .log "$T/home/logs/$JOB/worker-1.log"
	run pp-job wait "$JOB" --timeout 30s
	check_status 0
	check_out ''
	run pp-job wait --json "$JOB"
	check_out_jq .status COMPLETED
	check_out_jq .records_generated 20
	run pp-job logs "$JOB"
	check_status 0
	check_out_jq -s 'map(.event) | index("claimed") != null' true
	run pp-job logs -f "$JOB"
	check_out_jq -s 'map(.event) | index("finished") != null' true
	run pp-job start "$JOB"
	check_status 1
	check_err_has COMPLETED
}

test_workers_share_the_shards_of_a_job()
{
	set_up
	create -n 40 --shards 2
	if on_aws; then
		background pp-worker --job "$JOB"
		background pp-worker --job "$JOB"
	else
		run pp-job start "$JOB" --workers 5
		check_status 0
		check_err_has 'has 2 shards'
		check 'not two workers' test "$(err | grep -c '^worker ')" = 2
	fi
	run pp-job wait "$JOB" --timeout 50s
	check_status 0
	run pp-export "$JOB" -o -
	check_status 0
	check_out_lines 40
	run pp-job show "$JOB"
	check_out_has 'SHARD'
	check 'not two shards done' test "$(out | grep -c '  COMPLETED ')" = 2
}

test_waiting_ends_as_the_jobs_do()
{
	set_up
	create -n 3
	run pp-job wait "$JOB" --timeout 0.2s
	check_status 75
	check_err_has QUEUED
	pp-job cancel "$JOB"
	run pp-job wait "$JOB"
	check_status 1
	check_err_has CANCELLED
	run pp-job wait "$NOBODY"
	check_status 66
}

test_a_job_without_workers_here_has_no_logs()
{
	! on_aws || skip 'there workers are tasks'
	set_up
	create -n 3
	run pp-job logs "$JOB"
	check_status 66
	check_err_has 'no logs'
}

test_jobs_flow_through_pipes()
{
	set_up
	run_sh "pp-job create -t '$T/story.yaml' -s poem=poems -m local -n 4 |
	    pp-worker --once -"
	check_status 0
	run_sh 'pp-job list --json | pp-job wait --json - | pp-job show -'
	check_status 0
	check_out_has 'status      COMPLETED'
	run_sh 'pp-job list --json | pp-export -o - -'
	check_status 0
	check_out_lines 4
}

# ---- cancel, resume, rm ----

test_cancel_and_resume()
{
	set_up
	create -n 3
	if ! on_aws; then
		run pp-job cancel --now "$JOB"
		check_status 78
		check_err_has '--now stops tasks on Fargate'
		check_err_has 'nothing was cancelled: PP_ECS_CLUSTER is not set'
	fi
	run pp-job cancel "$JOB"
	check_status 0
	check_out ''
	run pp-job cancel "$JOB"
	check_status 1
	check_err_has 'has ended: CANCELLED'
	run pp-worker --job "$JOB" --once
	check_status 1
	check_err_has 'has ended: CANCELLED'
	run pp-job resume "$JOB"
	check_status 0
	run pp-job resume "$JOB"
	check_status 1
	check_err_has 'has not ended'
	run pp-worker --job "$JOB" --once
	check_status 0
	check 'not completed' has_status "$JOB" COMPLETED
	run pp-job resume "$JOB"
	check_status 1
	check_err_has 'has ended: COMPLETED'
}

test_a_worker_tells_the_ends_of_jobs_as_wait_does()
{
	set_up
	create -n 2
	done=$JOB
	create -n 2
	pp-job cancel "$JOB"
	cancelled=$JOB
	create -n 2
	run pp-worker "$done" -q
	check_status 0
	run pp-worker "$done" -q
	check_status 0
	check_err ''
	run pp-worker -q "$done" "$cancelled" "$JOB"
	check_status 1
	check_err_has "job '$cancelled' has ended: CANCELLED"
	check 'the last one was worked on' has_status "$JOB" COMPLETED
	mock_model
	run pp-job create -t "$T/story.yaml" -s poem=poems -n 60 -m mock \
	    -b 0.005
	JOB=$(out | jq -r .job_id)
	run pp-worker "$JOB"
	check_status 3
	run pp-worker "$JOB" "$done"
	check_status 3
	check_err_has 'has ended: BUDGET_EXCEEDED'
}

test_variables_that_are_wrong_are_no_usage_errors()
{
	local n

	for n in x 0; do
		PP_MAX_CONCURRENT_JOBS=$n run pp-worker --once
		check_status 78
		check_err_has 'PP_MAX_CONCURRENT_JOBS must be '
		PP_MAX_CONCURRENT_JOBS=$n run pp-job dispatch
		check_status 78
		check_err_has 'PP_MAX_CONCURRENT_JOBS must be '
	done
	PP_MAX_CONCURRENT_JOBS='' run pp-worker --once
	check_status 0
}

test_options_of_the_filter_are_refused_for_jobs()
{
	set_up
	create -n 2
	for option in '-m local' '-b 3' --ordered '--seed 5' '-t story'; do
		# shellcheck disable=SC2086
		run pp-worker $option "$JOB"
		check_status 64
		check_err_has 'is for --filter; '
	done
	check 'it was worked on' has_status "$JOB" QUEUED
}

test_more_money_lets_a_job_go_on()
{
	set_up
	mock_model
	run pp-job create -t "$T/story.yaml" -s poem=poems -n 60 -m mock \
	    -b 0.005
	check_status 0
	JOB=$(out | jq -r .job_id)
	run pp-worker --job "$JOB" --once
	check_status 3
	run pp-job wait "$JOB"
	check_status 3
	check_err_has BUDGET_EXCEEDED
	run pp-job resume "$JOB" --budget 0.000001
	check_status 64
	check_err_has 'is less than'
	check 'it was resumed' has_status "$JOB" BUDGET_EXCEEDED
	run_sh 'pp-job list -s budget_exceeded --names |
	    pp-job resume --budget 5 - | tee resumed | pp-worker -'
	check_status 0
	check 'the job was handed on' test "$(jq -r .job_id resumed)" = "$JOB"
	run pp-job show --json "$JOB"
	check_out_jq .status COMPLETED
	check_out_jq .budget_limit 5
	check_out_jq .records_generated 60
}

test_failed_rows_are_printed_with_their_seeds()
{
	set_up
	mock_model
	export PP_MODEL_1_URL="$MOCK_URL/nowhere?to="
	run pp-job create -t "$T/story.yaml" -s poem=poems -n 4 -m mock -b 1
	check_status 0
	JOB=$(out | jq -r .job_id)
	run pp-worker --job "$JOB" --once
	check_status 1
	run pp-job wait "$JOB"
	check_status 1
	check_err_has FAILED
	run pp-job failed "$JOB"
	check_status 0
	check_out_lines 4
	check_out_jq -s 'map(.failed.status) | unique | join(" ")' 404
	check_out_jq -s '.[0].seed.poem.title' 'Poem 1'
	run_sh "pp-job failed '$JOB' | jq -c .seed | pp-seed put again"
	check_status 0
	run pp-seed get again
	check_out_lines 4
}

test_a_job_is_removed_with_all_it_has()
{
	set_up
	create -n 3
	run pp-job rm "$JOB"
	check_status 1
	check_err_has 'cancel it first'
	if on_aws; then
		pp-worker -q --job "$JOB"
	else
		pp-job start -q "$JOB"
		pp-job wait "$JOB" --timeout 30s
	fi
	run pp-job rm "$JOB"
	check_status 0
	check 'an object is left' \
	    test -z "$(find "$(home_objects)" -path "*$JOB*" -type f)"
	on_aws || check 'something is left' \
	    test -z "$(find "$T/home" -path "*$JOB*")"
	run pp-job rm "$JOB"
	check_status 66
	run pp-job list --names
	check_out ''
}

test_a_removal_that_died_is_finished_by_the_next()
{
	set_up
	create -n 3
	pp-job cancel "$JOB"
	pp-job rm "$JOB"
	mkdir -p "$(home_objects)/jobs/$JOB/outputs"
	echo left >"$(home_objects)/jobs/$JOB/outputs/batch-000000001.jsonl"
	run pp-job rm "$JOB"
	check_status 0
	check 'it is left' test ! -e "$(home_objects)/jobs/$JOB"
	run pp-job rm "$JOB"
	check_status 66
}

# ---- the home ----

test_who_only_looks_makes_no_home()
{
	local command id=01988000-0000-7000-8000-000000000000

	! on_aws || skip 'a bucket is never made'
	export PP_STORE=file:$T/typo XDG_DATA_HOME=$T/data
	for command in 'pp-job list' "pp-job show $id" "pp-job logs $id" \
	    'pp-seed list' 'pp-seed get poems' 'pp-template list' \
	    'pp-template get t' 'pp-cost report' "pp-export $id" pp-worker; do
		# shellcheck disable=SC2086
		run $command
		check_status 66
		check_out ''
		check_err_has "there is no home '$T/typo'"
		check_err_has "'pp-job create' make one"
	done
	unset PP_STORE
	for command in 'pp-job list' 'pp-seed list' 'pp-template list' \
	    'pp-cost report'; do
		# shellcheck disable=SC2086
		run $command
		check_status 0
		check_err ''
	done
	run pp-job show "$id"
	check_status 66
	check_err_has "no job '$id'"
	check 'nothing was made' [ "$(echo *)" = home ]
	mkdir data
	printf '{"a":1}\n' | run pp-seed put s -
	check_status 0
	check 'what puts something makes it' [ -f data/plot-palette/plotpalette.db ]
}

test_a_damaged_database_is_named()
{
	! on_aws || skip 'that is a file of the embedded home'
	set_up
	create -n 3
	printf 'this is no database' |
	    dd of="$T/home/plotpalette.db" conv=notrunc 2>/dev/null
	run pp-job list
	check_status 65
	check_err_has "$T/home/plotpalette.db"
	PP_STORE=/tmp run pp-job list
	check_status 78
}

run_tests "$@"
