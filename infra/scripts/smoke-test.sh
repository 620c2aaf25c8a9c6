#!/usr/bin/env bash
# usage: smoke-test.sh [--outputs FILE] [--model M] [--rows N] [--budget USD]
#            [--stop-at USD] [--timeout TIME] [--on-demand] [OPTION...]
# Tries a deployment after it was made, with what it is for: seeds, a template,
# a job on one Spot task, its export and its account; a job that is cancelled;
# a job that its budget stops. Removes all of it, and says what it cost.
#
#   --outputs FILE     of deploy.sh (outputs.json)
#   --model M          model or tier that is called (cheap)
#   --rows N           of the first job (20)
#   --budget USD       of the first job (0.05)
#   --stop-at USD      the budget that is to be reached (0.002)
#   --timeout TIME     the longest wait for a job (15m)
. "${BASH_SOURCE[0]%/*}/common.sh"

outputs=outputs.json
model=cheap
rows=20
budget=0.05
stop_at=0.002
limit=15m
start_words=()
while [ $# -gt 0 ]; do
	if common_option "$@"; then
		shift "$shifts"
		continue
	fi
	case $1 in
	--on-demand) start_words+=(--on-demand); shift; continue ;;
	--outputs | --model | --rows | --budget | --stop-at | --timeout) ;;
	*) wrong_usage "'$1' is no option" ;;
	esac
	[ $# -ge 2 ] || wrong_usage "$1 needs a value"
	case $1 in
	--outputs) outputs=$2 ;;
	--model) model=$2 ;;
	--rows) rows=$2 ;;
	--budget) budget=$2 ;;
	--stop-at) stop_at=$2 ;;
	--timeout) limit=$2 ;;
	esac
	shift 2
done

# The programs find the deployment by this alone.
use_deployment()
{
	[ -r "$outputs" ] || die "cannot read $outputs: deploy first, or give" \
	    "--outputs"
	PP_OUTPUTS=$(realpath "$outputs")
	PP_STORE=aws:$(jq -r .BucketName "$outputs")
	PP_TABLE_PREFIX=$(jq -r .TablePrefix "$outputs")
	AWS_REGION=$region AWS_DEFAULT_REGION=$region
	export PP_OUTPUTS PP_STORE PP_TABLE_PREFIX AWS_REGION \
	    AWS_DEFAULT_REGION
	[ -z "$profile" ] || export AWS_PROFILE=$profile
	unset PP_ECS_CLUSTER PP_ECS_TASK_DEFINITION PP_ECS_SUBNETS \
	    PP_ECS_SECURITY_GROUPS PP_LOG_GROUP
}

# ---- what is made, and taken away again ----

name=smoke-$(date -u +%Y%m%d%H%M%S)-$$
work=$(mktemp -d)
jobs=()

clean_up()
{
	local job

	for job in "${jobs[@]}"; do
		pp-job cancel --now "$job" >/dev/null 2>&1 || :
		pp-job wait -q -t "${longest}s" "$job" >/dev/null 2>&1 || :
		pp-job rm "$job" || warn "the job $job is left"
	done
	pp-template rm "$name" 2>/dev/null || :
	pp-seed rm "$name" 2>/dev/null || :
	rm -rf "$work"
}
trap clean_up EXIT

put_inputs()
{
	cat >"$work/template.yaml" <<-TEMPLATE
	template:
	  id: $name
	  steps:
	    - id: line
	      model_tier: cheap
	      max_tokens: 30
	      prompt: "Say one short sentence about {{ seed.topic }}."
	TEMPLATE
	printf '{"topic":"%s"}\n' bread rain 'a bicycle' chess moss \
	    >"$work/seeds.jsonl"
	pp-seed put "$name" "$work/seeds.jsonl" >/dev/null
	pp-template put "$work/template.yaml" >/dev/null
}

# new_job ROWS BUDGET: $job, started on one task.
new_job()
{
	job=$(pp-job create -t "$name" -s "seed=$name" -m "$model" -n "$1" \
	    --budget "$2" --name "$name" | jq -r .job_id)
	jobs+=("$job")
	pp-job start "$job" "${start_words[@]}" 2>&1 |
		while IFS= read -r line; do log "  $line"; done
}

# ended STATUS: waits for $job, whose end has to be that.
ended()
{
	local got

	pp-job wait -q -t "$limit" "$job" 2>/dev/null || :
	got=$(pp-job show "$job" --json | jq -r .status)
	[ "$got" = "$1" ] && return
	fail "the job $job is $got, not $1; its log:"
	pp-job logs "$job" >&2 || :
	exit 1
}

# ---- the tests ----

try_job()
{
	log "a job of $rows rows"
	new_job "$rows" "$budget"
	ended COMPLETED
	pp-export "$job" --format jsonl -o "$work/rows" >/dev/null
	[ "$(wc -l <"$work/rows/dataset.jsonl")" -eq "$rows" ] ||
		die "the export has not $rows rows"
	pp-cost show --verify "$job" >/dev/null
	good "$rows rows on a task, exported, and each is accounted for"
}

try_cancel()
{
	local end=$((SECONDS + longest))

	log 'a job that is cancelled'
	new_job 1000000 "$budget"
	while [ "$(pp-job show "$job" --json | jq -r .status)" = QUEUED ]; do
		[ "$SECONDS" -lt "$end" ] || die 'no task took it'
		sleep "$poll"
	done
	pp-job cancel --now "$job"
	ended CANCELLED
	good 'cancelled while it ran'
}

try_budget()
{
	local spent

	log "a job that may spend $stop_at US dollars"
	new_job 1000000 "$stop_at"
	ended BUDGET_EXCEEDED
	spent=$(pp-cost show --json "$job" | jq -r 'select(.total) |
		"\(.cost) \(.left | startswith("-"))"')
	[[ $spent == *false ]] || die "it spent ${spent% *}"
	good "stopped by its budget, ${spent% *} spent"
}

# Models to the nano-dollar; of compute the time, which Fargate bills.
say_cost()
{
	pp-cost show --json "${jobs[@]}" | jq -rs '[.[] | select(.total)] |
		"calls of models: \(map((.cost | tonumber) +
		    (.unproven | tonumber)) | add) US dollars;" +
		" computing: \(map(.compute_ms) | add / 1000) s"' |
		while IFS= read -r line; do good "it cost: $line"; done
}

settle
for tool in pp-seed pp-template pp-job pp-export pp-cost; do
	command -v "$tool" >/dev/null || die "$tool is not installed"
done
use_deployment
need_credentials
put_inputs
try_job
try_cancel
try_budget
say_cost
good "the deployment works; what was tried is removed"
