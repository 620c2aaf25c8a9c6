#!/usr/bin/env bash
# pp-cost: prices, estimates, accounts.
# shellcheck disable=SC2016
. "${0%/*}/lib.sh"

# A table of models of our own: a token in costs a nano-dollar, one out two.
models()
{
	cat >models.yaml <<-'END'
	models:
	  tiny:
	    provider: bedrock
	    input: 0.001
	    output: 0.002
	    source: made up
	    date: 2026-11-20
	  big: {provider: bedrock, input: 1, output: 2}
	  unpriced: {provider: bedrock}
	END
	export PP_MODELS=$PWD/models.yaml
}

# Two steps; seeds of which every fourth wants the second.
small_job()
{
	models
	cat >t.yaml <<-'END'
	template:
	  id: small
	  steps:
	    - id: one
	      model: tiny
	      max_tokens: 100
	      prompt: "{{ text }}"
	    - id: two
	      model: big
	      max_tokens: 10
	      when: more
	      prompt: "{{ steps.one.output }}"
	END
	jq -nc 'range(40) | {text: "0123456789abcdef", more: (. % 4 == 0)}' \
	    >seeds.jsonl
}

test_prices_are_listed_with_their_source_and_date()
{
	models
	run pp-cost prices tiny local
	check_status 0
	check_err ''
	check_out_lines 3
	check_out_has 'tiny   -     0.001   0.002       -  no        2026-11-20  made up'
	check_out_has 'local  -         0       0       -  yes'
	run pp-cost prices -v tiny
	check_out_has 'no AWS region'
	run pp-cost prices --json tiny unpriced
	check_out_jq -s '.[0].output, .[0].callable' $'0.002\nfalse'
	check_out_jq -s '.[1].input' null
}

test_every_installed_price_has_a_source_and_a_date()
{
	run pp-cost prices --json
	check_status 0
	check_out_jq -s 'length > 20' true
	check_out_jq -s 'map(select(.source == "" or .date == "")) | length' 0
	check_out_jq -s 'map(select(.input == null)) | length' 0
}

test_names_of_models_are_listed_for_scripts()
{
	run_sh 'pp-cost prices --names | grep -cx llama-3.1-8b'
	check_out 1
}

test_an_unknown_model_is_not_there()
{
	models
	run pp-cost prices tiny tinyy
	check_status 66
	check_out ''
	check_err "pp-cost: there is no model 'tinyy'; did you mean 'tiny'?"
}

test_a_model_of_the_environment_can_be_called()
{
	export PP_MODEL_1_NAME=mine PP_MODEL_1_URL=http://127.0.0.1:9/v1
	export PP_MODEL_1_INPUT_USD=0.5 PP_MODEL_1_OUTPUT_USD=1.25
	run pp-cost prices --json mine
	check_out_jq '.callable, .input, .output' $'true\n0.5\n1.25'
}

test_an_estimate_is_exact_when_every_row_is_rendered()
{
	small_job
	run pp-cost estimate -t t.yaml -s seeds.jsonl -n 40 --json
	check_status 0
	check_err ''
	# 16 bytes are 4 tokens; answers have half of max_tokens
	check_out_jq -s '.[0] | [.step, .model, .calls, .tokens_in,
	    .tokens_out, .cost] | @csv' \
	    '"one","tiny",40,160,2000,"0.00000416"'
	# an answer of 50 tokens is a prompt of 50 tokens
	check_out_jq -s '.[1] | [.step, .model, .calls, .tokens_in,
	    .tokens_out, .cost] | @csv' '"two","big",10,500,50,"0.0006"'
	check_out_jq -s '.[2] | [.total, .rows, .sampled, .calls, .cost]
	    | @csv' 'true,40,40,50,"0.00060416"'
	# 40 times: 16 bytes and 128 tokens of overhead, 100 tokens out; 800
	# bytes, 10 tokens out
	check_out_jq -s 'map(.bound) | @csv' \
	    '"0.00001376","0.03792","0.03793376"'
}

test_an_estimate_of_files_needs_no_home()
{
	small_job
	run pp-cost estimate -t t.yaml -s seeds.jsonl -n 5
	check_status 0
	check_out_has 'total'
	check 'something was put there' rmdir "$T/home"
}

test_an_estimate_samples_large_jobs()
{
	small_job
	run pp-cost estimate -t t.yaml -s seeds.jsonl -n 1000000000 --json
	check_status 0
	check_err ''
	check_out_jq -s '.[0].calls, .[2].sampled' $'1000000000\n100'
	run pp-cost estimate -t t.yaml -s seeds.jsonl -n 4000 --sample all \
	    --json
	check_out_jq -s '.[1].calls, .[2].sampled' $'1000\n4000'
	run pp-cost estimate -t t.yaml -s seeds.jsonl -n 4000
	check_err 'from 100 of 4000 rows'
}

test_an_estimate_compares_models()
{
	small_job
	run pp-cost estimate -t t.yaml -s seeds.jsonl -n 40 --json \
	    --compare tiny,big --compare claude-sonnet
	check_status 0
	check_out_jq -s '.[3:] | map(.compared) | @csv' 'true,true,true'
	check_out_jq -s '.[3:5] | map(.cost) | @csv' '"0.00000476","0.00476"'
	run pp-cost estimate -t t.yaml -s seeds.jsonl -n 40 --compare tiny
	check_out_has 'INSTEAD ON'
	run pp-cost estimate -t t.yaml -s seeds.jsonl -n 4 --compare unpriced
	check_status 78
	check_err_has "model 'unpriced' has no price"
}

test_an_estimate_takes_what_is_known_of_answers()
{
	small_job
	run pp-cost estimate -t t.yaml -s seeds.jsonl -n 40 --json \
	    --output-tokens 2 --output-tokens one=20
	check_out_jq -s '.[0].tokens_out, .[1].tokens_in, .[1].tokens_out' \
	    $'800\n200\n20'
	run pp-cost estimate -t t.yaml -s seeds.jsonl -n 40 \
	    --output-tokens three=20
	check_status 64
	check_err_has "no step 'three'"
}

test_an_estimate_prices_tiers_that_cannot_be_called()
{
	small_job
	run pp-cost estimate -t t.yaml -s seeds.jsonl -n 4 --json \
	    -m cheap -m two=premium
	check_status 0
	check_out_jq -s '.[0].callable, .[0].model != null' $'false\ntrue'
}

test_an_estimate_reads_the_five_classic_templates()
{
	local name seeds

	while read -r name seeds; do
		# shellcheck disable=SC2086
		run pp-cost estimate -t "$PP_SHARE/templates/$name.yaml" \
		    -n 100 --json ${seeds//@/$PP_SHARE/seeds} \
		    --compare llama-3.1-8b,mistral-7b,claude-sonnet
		check_status 0
		check_err ''
		check_out_jq -s 'map(select(.total)) | .[0] |
		    (.cost | tonumber) > 0 and .sampled_failed == 0' true
		check_out_jq -s 'map(select(.compared)) | length' 3
	done <<-END
	brainstorm -s @/topics.jsonl
	creative_writing -s author=@/authors.jsonl -s poem=@/poetry.jsonl
	open_question -s @/topics.jsonl
	poem -s @/poetry.jsonl
	question_answer -s @/topics.jsonl
	END
}

test_wrong_command_lines_of_an_estimate()
{
	local call

	small_job
	while read -r call; do
		# shellcheck disable=SC2086
		run pp-cost estimate $call
		check_status 64
		check_out ''
	done <<-END
	-t t.yaml -s seeds.jsonl
	-t t.yaml -s seeds.jsonl -n 0
	-t t.yaml -s seeds.jsonl -n -1
	-t t.yaml -s seeds.jsonl -n 1000000000001
	-t t.yaml -s seeds.jsonl -n 1e9
	-t t.yaml -s seeds.jsonl -n 4 --sample 0
	-t t.yaml -s seeds.jsonl -n 4 --order backwards
	-t t.yaml -s seeds.jsonl -n 4 -m three=tiny
	-t t.yaml -s seeds.jsonl -n 4 -
	-t t.yaml -s - -n 4
	-s seeds.jsonl -n 4
	prompts.jsonl
	END
	run pp-cost estimate -t t.yaml -s nowhere.jsonl -n 4
	check_status 66
	run pp-cost estimate -t nowhere.yaml -s seeds.jsonl -n 4
	check_status 66
	run pp-cost estimate -t t.yaml -s nowhere -n 4
	check_status 66
	run pp-cost estimate -t t.yaml -s other=seeds.jsonl -n 4
	check_status 65
	check_err_has 'no prompt could be rendered: t.yaml:'
}

test_prompts_are_estimated_from_a_pipe()
{
	models
	printf '%s\n' '{"row":0,"step":"a","prompt":"12345678","model":"tiny","max_tokens":4}' \
	    '{"prompt":"1234","system":"x"}' >prompts.jsonl
	run pp-cost estimate -m big --json - <prompts.jsonl
	check_status 0
	check_out_jq -s 'map([.step, .calls, .tokens_in, .tokens_out] | @csv)
	    | join(" ")' '"a",1,2,2 "prompt",1,2,512 ,2,4,514'
	run pp-cost estimate --json <prompts.jsonl
	check_status 65
	check_out ''
	check_err_has 'standard input:2: the prompt names no model'
}

test_rendered_prompts_cost_what_their_job_would()
{
	need pp-template
	pp-template render --help | grep -q -e --data ||
	    skip 'pp-template reads no data'
	small_job
	run_sh 'pp-template render t.yaml --data seeds.jsonl --step one |
	    pp-cost estimate --json'
	check_status 0
	check_out_jq -s '.[0] | [.calls, .tokens_in, .cost] | @csv' \
	    '40,160,"0.00000416"'
}

rows()
{
	cat >rows.jsonl <<-'END'
	{"batch":{"number":1}}
	{"row":0,"record":{},"steps":{"a":{"model":"m","tokens_in":7,"tokens_out":5,"cost":"0.000000001","attempts":2},"b":{"model":"n","tokens_in":1,"tokens_out":1,"tokens_cached":3,"cost":"12","attempts":1,"unproven":"0.5"}}}

	{"row":1,"failed":{"class":"rejected"},"steps":{"a":{"model":"m","cost":"0.999999999","attempts":1}}}
	END
}

test_rows_are_summed_to_the_nano_dollar()
{
	rows
	run pp-cost sum rows.jsonl
	check_status 0
	check_out 'STEP   MODEL  CALLS  TOKENS IN  CACHED  TOKENS OUT           COST      UNPROVEN
a      m          3          7       0           5   $1.000000000  $0.000000000
b      n          1          1       3           1  $12.000000000  $0.500000000
total             4          8       3           6  $13.000000000  $0.500000000

rows: 1 done, 1 failed'
	run_sh 'cat rows.jsonl | pp-cost sum --json - rows.jsonl'
	check_out_jq -s '.[0].cost, .[2].cost, .[2].rows_failed' $'2\n26\n2'
}

test_bad_rows_name_their_line()
{
	local row

	while read -r row; do
		printf '{"steps":{}}\n%s\n' "$row" >bad.jsonl
		run pp-cost sum bad.jsonl
		check_status 65
		check_out ''
		check_err_has 'bad.jsonl:2: '
	done <<-'END'
	not JSON
	[]
	"row"
	{"row":0}
	{"steps":[]}
	{"steps":{"a":1}}
	{"steps":{"a":{"cost":"1"}}}
	{"steps":{"a":{"model":"m","cost":"-1"}}}
	{"steps":{"a":{"model":"m","cost":0.5}}}
	{"steps":{"a":{"model":"m","cost":"0.0000000001"}}}
	{"steps":{"a":{"model":"m","tokens_in":-1}}}
	{"steps":{"a":{"model":"m","tokens_in":1.5}}}
	{"steps":{"a":{"model":"m","tokens_in":1e400}}}
	{"steps":{"a":{"model":"m","attempts":99999999999}}}
	END
	printf '%s\n' '{"steps":{"a":{"model":"m","cost":"9223372036"}}}' \
	    '{"steps":{"a":{"model":"m","cost":"9223372036"}}}' >bad.jsonl
	run pp-cost sum bad.jsonl
	check_status 65
	check_err 'pp-cost: the sums are larger than can be counted'
	run pp-cost sum nowhere.jsonl
	check_status 66
}

# A job of 40 rows, done by the model in the program itself.
done_job()
{
	need pp-job pp-seed pp-worker
	small_job
	check 'no seeds' pp-seed put small seeds.jsonl
	pp-job create -t t.yaml -s small -n 40 --budget 1 \
	    -m local >job.json || complain 'no job'
	JOB=$(jq -r .job_id job.json)
	check 'no work' pp-worker --once --job "$JOB"
}

test_a_job_is_accounted_for()
{
	done_job
	run pp-cost show "$JOB" --verify --json
	check_status 0
	check_err ''
	check_out_jq -s 'map(select(.step)) | map([.step, .model, .calls]
	    | @csv) | join(" ")' '"one","local",40 "two","local",10'
	check_out_jq -s '.[-1] | [.rows_done, .cost, .left, .verified] | @csv' \
	    '40,"0","1",true'
	run pp-cost show "$JOB"
	check_status 0
	check_out_has 'rows: 40 of 40 done, 0 failed'
	check_out_has 'budget: $1, left $1'
	run_sh 'pp-cost show - --json <job.json'
	check_out_jq -s '.[-1].job_id' "$JOB"
}

test_rows_and_account_agree_on_tokens()
{
	local sum

	done_job
	run_sh "cat $(home_objects)/jobs/$JOB/outputs/*.jsonl | pp-cost sum --json"
	[ -s "$T/.out" ] || run_sh "find home -name 'batch-*.jsonl' -exec cat {} + |
	    pp-cost sum --json"
	check_status 0
	sum=$(jq -rs '.[-1] | [.calls, .tokens_in, .tokens_out] | @csv' \
	    <"$T/.out")
	run pp-cost show "$JOB" --json
	check_out_jq -s '.[-1] | [.calls, .tokens_in, .tokens_out] | @csv' \
	    "$sum"
}

test_a_job_that_does_not_add_up_is_told()
{
	local checkpoint

	done_job
	checkpoint=$(find home -name checkpoint.json)
	sed -i 's/"cost":"0"/"cost":"0.000000001"/' "$checkpoint"
	run pp-cost show "$JOB" --verify
	check_status 70
	check_out ''
	check_err_has 'cost is $0.000000001 in the checkpoint and $0 in the batches'
}

test_what_is_no_job_is_told()
{
	run pp-cost show
	check_status 64
	run pp-cost show job-17
	check_status 64
	run pp-cost show 019aa000-0000-7000-8000-000000000001
	check_status 66
	run_sh 'echo "{\"id\":1}" | pp-cost show -'
	check_status 65
	check_err_has 'standard input:1: '
}

test_costs_are_reported_by_day_model_and_job()
{
	done_job
	run pp-cost report --by model --json
	check_status 0
	check_out_jq '.model, .cost' $'local\n0'
	run pp-cost report --by job --json
	check_out_jq .job_id "$JOB"
	run pp-cost report --since 1h --json
	check_out_jq '.day | length' 10
	run pp-cost report --since 2999-01-01
	check_status 0
	check_out_lines 2
}

test_wrong_command_lines_of_a_report()
{
	run pp-cost report --by week
	check_status 64
	run pp-cost report --since yesterday
	check_status 64
	run pp-cost report now
	check_status 64
}

# The sum is that of its lines, to the nano-dollar; --set wins over the file.
test_a_month_on_aws()
{
	run pp-cost infra -n 200000 --jobs 20 -m llama-3.1-8b --json
	check_status 0
	check_out_jq 'select(.item == "models") | .cost' 44
	check_out_jq 'select(.item == "tasks") | .quantity' 31250
	check 'the lines add up' test "$(jq -s '([.[] | select(.item) |
		.cost | tonumber] | add * 1e9 | round) == (.[] |
		select(.total) | .cost | tonumber * 1e9 | round)' "$T/.out")" \
	    = true
	check 'dated' test "$(jq -r 'select(.total).prices_of' "$T/.out")" != ''
	echo '[{"ParameterKey": "CreateBudget", "ParameterValue": "true"}]' \
	    >parameters.json
	run pp-cost infra --parameters parameters.json --json
	check_out_jq 'select(.item) | .item' $'images\nalarms'
	run pp-cost infra --set CreateBudget=false \
	    --parameters parameters.json --json
	check_out_jq 'select(.item) | .item' images
	run pp-cost infra -n 1000
	check_out_has 'public addresses'
	check_err_has 'without models'
}

test_wrong_command_lines_of_a_month()
{
	run pp-cost infra --set TaskCpu
	check_status 64
	run pp-cost infra --set TaskCpu=none
	check_status 64
	run pp-cost infra -n -1
	check_status 64
	run pp-cost infra now
	check_status 64
	run pp-cost infra -m nobody
	check_status 66
	run pp-cost infra --parameters nowhere.json
	check_status 66
}

run_tests "$@"
