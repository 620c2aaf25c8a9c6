#!/usr/bin/env bash
# pp-worker as a filter, and the pipes between the programs.
. "${0%/*}/lib.sh"
. "${0%/*}/jobs.sh"

test_seeds_become_rows()
{
	make_seeds 20
	make_templates
	run pp-worker --filter -t one.yaml -m local --ordered -q <seeds.jsonl
	check_status 0
	check_out_lines 20
	check_out_jq -s '[.[].row] == [range(20)]' true
	check_out_jq -s 'all(.[]; .steps.say.model == "local")' true
	check_out_jq -s '.[0].record.n' 1
}

test_the_same_seed_gives_the_same_rows()
{
	make_seeds 30
	make_templates
	strip='del(.time)'
	run_sh "pp-worker --filter -t one.yaml -m local -q --ordered <seeds.jsonl | jq -c '$strip'"
	out >first
	run_sh "pp-worker --filter -t one.yaml -m local -q --ordered -c 3 <seeds.jsonl | jq -c '$strip'"
	check_out_file first
	run_sh "pp-worker --filter -t one.yaml -m local -q --ordered --seed 5 <seeds.jsonl | jq -c '$strip'"
	check_fails 'another seed gives other rows' cmp -s first "$T/.out"
}

test_rows_come_out_while_input_is_open()
{
	make_templates
	mock_start
	model 1 small 0 0
	mkfifo in
	background bash -c 'exec pp-worker --filter -t one.yaml -q <in'
	worker=$PID
	exec 8>in
	echo '{"n":1,"text":"x"}' >&8
	check 'a row is there' wait_for 10 test -s "bg.$worker.out"
	exec 8>&-
	wait "$worker"
	check 'and it ends well' test $? = 0
}

# Echoed, each prompt is JSON of its own, and one of ten does not fit.
test_answers_are_held_to_a_schema()
{
	make_seeds 20
	mock_start --reply echo
	model 1 small 1 1
	cat >models.yaml <<-'EOF'
		models:
		  small: {structured: schema}
	EOF
	cat >facts.yaml <<-'EOF'
		template:
		  id: facts
		  steps:
		    - id: facts
		      model: small
		      prompt: '{"n": {{ "null" if n % 10 == 3 else n }}}'
		      schema:
		        type: object
		        required: [n]
		        properties: {n: {type: integer}}
	EOF
	PP_MODELS=$PWD/models.yaml run pp-worker --filter -t facts.yaml -b 1 \
	    --retries 1 --ordered <seeds.jsonl
	check_out_lines 20
	check_out_jq -s '[.[] | select(.record) | .steps.facts.output |
	    fromjson | .n] | length' 18
	check_out_jq -s '[.[] | select(.failed) | .failed.class] | unique[]' \
	    malformed
	check_out_jq -s '[.[] | select(.failed) | .steps.facts.attempts] | tojson' \
	    '[2,2]'
	check_out_jq -s 'all(.[]; .steps.facts.cost | tonumber > 0)' true
	check 'each was asked for by its schema' \
	    test "$(mock_count .ok)" = 22
}

# Asked again, it would be cut again: that is not paid for.
test_an_answer_that_was_cut_is_not_asked_for_again()
{
	make_seeds 1
	cat >facts.yaml <<-'EOF'
		template:
		  id: facts
		  steps:
		    - id: facts
		      model: local
		      max_tokens: 3
		      prompt: 'Tell of {{ n }}, of this and of that at length.'
		      schema: {type: object}
	EOF
	run pp-worker --filter -t facts.yaml <seeds.jsonl
	check_out_jq '.failed.class' refused
	check_out_jq '.failed.reason' \
	    'the answer was cut at max_tokens (3), before it fit the schema'
	check_out_jq '.steps.facts.attempts' 1
}

test_a_budget_stops_it()
{
	make_seeds 40
	make_templates
	make_prices
	mock_start --prices prices.json --bytes 200
	use_mock_models
	run pp-worker --filter -t four.yaml -b 0.005 -c 8 <seeds.jsonl
	check_status 3
	check 'the bill stays below' test "$(mock_count .bill_nusd)" -le 5000000
	check 'rows are there' test "$(out | grep -c '"record"')" -gt 0
	spent=$(out | jq -s '[.[].steps[].cost | tonumber] | add * 1000000000 | round')
	check "what rows cost ($spent) is the bill" test "$spent" = \
	    "$(mock_count .bill_nusd)"
}

# About forty are left of the descriptors that ninety calls want.
test_few_descriptors_use_up_no_tries()
{
	make_seeds 300
	make_templates
	mock_start --latency 100
	model 1 small 0 0
	run_sh 'ulimit -n 160
		for i in {1..110}; do exec {held[i]}</dev/null; done
		pp-worker --filter -v -t one.yaml -c 90 --retries 0 <seeds.jsonl'
	check_status 0
	check_out_lines 300
	check_out_jq -s 'any(.[]; has("failed"))' false
	check_err_has 'no descriptor or memory left'
	check 'it is said once' test "$(err | grep -c calls_allowed)" = 1
	check 'each was sent once' test "$(mock_count .requests)" = 300
}

test_money_needs_a_budget()
{
	make_seeds 1
	make_templates
	mock_start
	use_mock_models
	run pp-worker --filter -t one.yaml <seeds.jsonl
	check_status 64
	check_err_has 'give --budget'
	export PP_DEFAULT_BUDGET=
	run pp-worker --filter -t one.yaml <seeds.jsonl
	check_status 64
	check_err_has 'give --budget'
	PP_DEFAULT_BUDGET=abc
	run pp-worker --filter -t one.yaml <seeds.jsonl
	check_status 78
	check_err_has 'PP_DEFAULT_BUDGET must be an amount'
	PP_DEFAULT_BUDGET=1
	run pp-worker --filter -t one.yaml <seeds.jsonl
	check_status 0
}

test_bad_lines_are_named()
{
	make_templates
	printf '{"n":1,"text":"x"}\n\n{"n":2,\n' >bad.jsonl
	run pp-worker --filter -t one.yaml -m local <bad.jsonl
	check_status 65
	check_err_has 'standard input:3: '
	printf '[1]\n' >bad.jsonl
	run pp-worker --filter -t one.yaml -m local <bad.jsonl
	check_status 65
	check_err_has 'not a JSON object'
}

# The calls are on the wire when the bad line is read.
test_rows_before_a_bad_line_are_finished()
{
	make_seeds 5
	(cat seeds.jsonl; echo nonsense; cat seeds.jsonl) >bad.jsonl
	make_templates
	make_prices
	mock_start --prices prices.json --latency 300
	use_mock_models
	run pp-worker --filter -t four.yaml -b 1 --grace 0s <bad.jsonl
	check_status 65
	check_err_has 'standard input:6: '
	check_out_lines 5
	check_out_jq -s 'all(.[]; .record)' true
	check 'each step was called once a row' test \
	    "$(mock_count .requests)" = 20
}

test_input_and_output_may_be_anything_that_is_open()
{
	make_seeds 5
	make_templates
	mock_start
	model 1 small 0 0
	run pp-worker --filter -t one.yaml </dev/null
	check_status 0
	check_out ''
	run_sh 'pp-worker --filter -t one.yaml <&-'
	check_status 74
	check_err_has 'standard input is closed'
	run_sh 'pp-worker --filter -t one.yaml <seeds.jsonl >&-'
	check_status 74
	check_err_has 'standard output is closed'
	check 'nobody was called for that' test "$(mock_count .requests)" = 0
	run_sh 'pp-worker --filter -t one.yaml <seeds.jsonl 2>&-'
	check_status 0
	check_out_lines 5
}

test_calls_in_flight_fit_the_limit_on_open_files()
{
	make_seeds 40
	make_templates
	mock_start --latency 50
	model 1 small 0 0
	run_sh 'ulimit -n 24; pp-worker --filter -t one.yaml <seeds.jsonl'
	check_status 0
	check_err_has '3 calls in flight at most'
	check_err_has '40 rows, 0 failed, 40 calls'
	run_sh 'ulimit -n 24; pp-worker --filter -q -t one.yaml -c 3 <seeds.jsonl'
	check_status 0
	check_err ''
}

test_a_row_that_cannot_be_rendered_fails_alone()
{
	make_templates
	printf '{"n":1,"text":"x"}\n{"n":2}\n{"n":3,"text":"z"}\n' >in.jsonl
	run pp-worker --filter -t one.yaml -m local --ordered -q <in.jsonl
	check_status 0
	check_out_lines 3
	check_out_jq -s '.[1].failed.class' template
	check_out_jq -s '.[1].seed.n' 2
	jq -c 'select(.failed) | .seed | .text = "now"' "$T/.out" >again.jsonl
	run pp-worker --filter -t one.yaml -m local -q <again.jsonl
	check_status 0
	check_out_jq -s '.[0].record.n' 2
}

test_a_full_disk_is_noticed()
{
	[ -e /dev/full ] || skip 'no /dev/full'
	make_seeds 3
	make_templates
	run_sh 'pp-worker --filter -t one.yaml -m local <seeds.jsonl >/dev/full'
	check_status 74
}

test_a_closed_pipe_ends_it_quietly()
{
	make_seeds 40
	make_templates
	run bash -c 'pp-worker --filter -t one.yaml -m local -q <seeds.jsonl | head -n 1'
	check_status 0
	check_out_lines 1
	check_err ''
}

test_prompts_are_read_from_a_pipe()
{
	make_seeds 5
	make_templates
	run_sh 'pp-template render one.yaml --data seeds.jsonl | pp-worker --filter --prompts -m local --ordered -q'
	check_status 0
	check_out_lines 5
	check_out_jq -s '.[4].record.step' say
}

test_what_may_have_been_billed_is_a_try_always()
{
	make_seeds 6
	make_templates
	mock_start --fault truncate=1
	model 1 small 0 0
	run pp-worker --filter -t one.yaml -q --retries 0 -c 6 <seeds.jsonl
	check_status 1
	check_out_jq -s 'all(.[]; .failed.class == "ambiguous")' true
	check 'each was asked once' test "$(mock_count .requests)" = 6
}

test_rows_go_on_to_export_and_cost()
{
	make_seeds 5
	make_templates
	run_sh 'pp-worker --filter -t one.yaml -m local -q <seeds.jsonl | pp-export --format csv'
	check_status 0
	check_out_lines 6
	run_sh 'pp-worker --filter -t one.yaml -m local -q <seeds.jsonl | pp-cost sum --json'
	check_status 0
}

test_jobs_go_through_pipes()
{
	make_seeds 5
	make_templates
	run pp-seed put seeds seeds.jsonl
	run_sh 'pp-job create -t one.yaml -s seeds -n 5 -m local | tee job.json | pp-worker -'
	check_status 0
	run_sh 'pp-job wait - <job.json'
	check_status 0
	run_sh 'pp-job show - --json <job.json | jq -r .status'
	check_out COMPLETED
	run_sh 'pp-export - --format jsonl -o - <job.json'
	check_out_lines 5
}

run_tests "$@"
