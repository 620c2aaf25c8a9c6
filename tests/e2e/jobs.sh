# What tests of jobs share: seeds, templates and models of the mock server.
# Sourced after lib.sh.
# shellcheck shell=bash

# make_seeds N: seeds.jsonl with N rows, each with a text of its own.
make_seeds()
{
	seq 1 "$1" | awk '{ printf "{\"n\":%d,\"text\":\"the seed number %d, " \
	    "and some words about it\"}\n", $1, $1 }' >seeds.jsonl
}

# A template of one step, and one of four on four models.
make_templates()
{
	cat >one.yaml <<-'EOF'
	template:
	  id: one
	  steps:
	    - id: say
	      model: small
	      max_tokens: 100
	      prompt: "row {{ row.index }}: say something after {{ text }}"
	  record:
	    n: "{{ n }}"
	    said: "{{ steps.say.output }}"
	EOF
	cat >four.yaml <<-'EOF'
	template:
	  id: four
	  category: "{{ 'even' if n % 2 == 0 else 'odd' }}"
	  steps:
	    - {id: a, model: small, max_tokens: 50, prompt: "row {{ row.index }} a {{ text }}"}
	    - {id: b, model: middle, max_tokens: 60, prompt: "row {{ row.index }} b {{ steps.a.output[:40] }}"}
	    - {id: c, model: dear, max_tokens: 70, prompt: "row {{ row.index }} c {{ steps.b.output[:40] }}"}
	    - {id: d, model: other, max_tokens: 80, prompt: "row {{ row.index }} d {{ steps.c.output[:40] }}"}
	  record:
	    n: "{{ n }}"
	    a: "{{ steps.a.output }}"
	    d: "{{ steps.d.output }}"
	EOF
}

# model NUMBER NAME INPUT_USD OUTPUT_USD: one of the mock's.
model()
{
	export "PP_MODEL_$1_NAME=$2" "PP_MODEL_$1_PROVIDER=openai" \
	    "PP_MODEL_$1_ID=m-$2" "PP_MODEL_$1_URL=$MOCK_URL/v1" \
	    "PP_MODEL_$1_INPUT_USD=$3" "PP_MODEL_$1_OUTPUT_USD=$4"
}

# The models of the templates, and their prices for the mock.
make_prices()
{
	cat >prices.json <<-'EOF'
	{"m-small": {"input": "0.22", "output": "0.22"},
	 "m-middle": {"input": "0.72", "output": "0.72"},
	 "m-dear": {"input": "3", "output": "15"},
	 "m-other": {"input": "0.15", "output": "0.20"}}
	EOF
}

use_mock_models()
{
	model 1 small 0.22 0.22
	model 2 middle 0.72 0.72
	model 3 dear 3 15
	model 4 other 0.15 0.20
}

# start_job TEMPLATE ROWS [OPTION...]: seeds, a mock with what $MOCK says, and
# a job, whose id is in $JOB.
start_job()
{
	local template=$1 rows=$2

	shift 2
	make_seeds 40
	make_templates
	make_prices
	# shellcheck disable=SC2086
	mock_start --prices prices.json --log mock.log --bytes 200 \
	    ${MOCK:-}
	use_mock_models
	run pp-seed put seeds seeds.jsonl
	check_status 0
	create_job "$template" "$rows" "$@"
}

create_job()
{
	local template=$1 rows=$2

	shift 2
	run pp-job create -t "$template.yaml" -s seeds -n "$rows" "$@"
	check_status 0
	# shellcheck disable=SC2034 # for those who source this
	JOB=$(out | jq -r .job_id)
}

# work [OPTION...]: run a worker on $JOB. On AWS nobody knows that the one before
# is dead: its lease runs out first.
work()
{
	local end=$((SECONDS + 120))

	while run pp-worker --job "$JOB" "$@"; do
		grep -q 'leased to other workers' "$T/.err" || return 0
		[ "$SECONDS" -lt "$end" ] || return 0
		sleep 0.2
	done
}

# kill_worker PID: at once and without a word.
kill_worker()
{
	kill -KILL "$1"
	wait "$1" 2>/dev/null
}

# status_of JOB
status_of()
{
	pp-job show "$1" --json | jq -r .status
}

is_status()
{
	[ "$(status_of "$1")" = "$2" ]
}

# rows_of JOB: how many lines its export has, and how many distinct rows.
rows_of()
{
	pp-export "$1" --format jsonl --with-meta -o - |
	    jq -s -c '[length, ([.[]._row] | unique | length)]'
}

# nusd USD: in nano-dollars.
nusd()
{
	awk -v usd="$1" 'BEGIN { printf "%d\n", usd * 1000000000 }'
}

# mock_count FILTER: a number out of the mock's counters.
mock_count()
{
	mock_stats | jq -r "$1"
}
