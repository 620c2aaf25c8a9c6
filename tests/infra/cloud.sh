#!/usr/bin/env bash
# The templates, stack by stack in the checker's order and with its values, made
# in moto; then the programs on the tables and the bucket so made. moto hands no
# outputs from one nested stack to the next, so the checker does.
. "${0%/*}/lib.sh"

AWS_REGION=us-east-1
export AWS_REGION

# deploy_nest SETTING...: every member; their outputs are in outputs.json.
deploy_nest()
{
	local name set stack options=(--set AdminEmail=me@mine.example.com)

	for set; do
		options+=(--set "$set")
	done
	echo '{}' >outputs.json
	while read -r name _; do
		run python3 "$HERE/nest.py" values "$name" "${options[@]}" \
		    --outputs outputs.json
		check_status 0
		cp "$T/.out" values.json
		run python3 "$HERE/nest.py" flat "$name" "${options[@]}"
		check_status 0
		cp "$T/.out" template.json
		stack=$name-$RANDOM
		run aws cloudformation create-stack --stack-name "$stack" \
		    --template-body file://template.json \
		    --parameters file://values.json \
		    --capabilities CAPABILITY_NAMED_IAM
		check_status 0
		run aws cloudformation describe-stacks --stack-name "$stack"
		check_out_jq '.Stacks[0].StackStatus' CREATE_COMPLETE
		jq --arg n "$name" --slurpfile all outputs.json '$all[0] +
			{($n): [.Stacks[0].Outputs[]? |
			{(.OutputKey): .OutputValue}] | add}' "$T/.out" >new.json
		mv new.json outputs.json
	done < <(python3 "$HERE/nest.py" order "${options[@]}")
}

value()
{
	jq -r --arg s "$1" --arg o "$2" '.[$s][$o]' outputs.json
}

test_every_member_is_made_with_the_values_of_those_before_it()
{
	unset AWS_ENDPOINT_URL_CLOUDFORMATION
	deploy_nest EnvironmentName=staging
	run aws dynamodb list-tables
	check_out_jq '.TableNames | sort | join(" ")' \
	    'plot-palette-staging-CostTracking plot-palette-staging-Jobs plot-palette-staging-Queue plot-palette-staging-Templates'
	run aws s3api head-bucket --bucket "$(value StorageStack BucketName)"
	check_status 0
	run aws iam get-role --role-name plot-palette-staging-ECSTaskRole
	check_status 0
	run aws ecs describe-task-definition \
	    --task-definition plot-palette-staging-worker
	check_out_jq '.taskDefinition.containerDefinitions[0].stopTimeout' 120
	check_out_jq '.taskDefinition.containerDefinitions[0].environment[] |
		select(.name == "PP_STORE").value' \
	    "aws:$(value StorageStack BucketName)"
}

# A home in moto, made by the templates, that the programs find; once for all
# tests, which leave nothing behind in it.
home_of_the_nest()
{
	command -v pp-job >/dev/null || skip 'no programs here'
	unset AWS_ENDPOINT_URL_CLOUDFORMATION
	[ -s "$SCRATCH/nest.json" ] || {
		deploy_nest CreateBudget=false
		cp outputs.json "$SCRATCH/nest.json"
	}
	cp "$SCRATCH/nest.json" outputs.json
	PP_STORE=aws:$(value StorageStack BucketName)
	export PP_STORE PP_USER=tester-$$-$RANDOM
}

# prepare_model [OPTION...]: the model `mine`, on the mock server.
prepare_model()
{
	mock_start "$@"
	export PP_MODEL_1_NAME=mine PP_MODEL_1_PROVIDER=openai \
	    PP_MODEL_1_ID=m PP_MODEL_1_URL="$MOCK_URL" \
	    PP_MODEL_1_INPUT_USD=1 PP_MODEL_1_OUTPUT_USD=1
}

# A job of 20 rows, $JOB.
prepare_job()
{
	prepare_model --latency 0
	printf 'template:\n  id: t\n  steps:\n    - id: a\n      model: mine\n      max_tokens: 20\n      prompt: "{{ s.x }}"\n' >t.yaml
	seq 20 | sed 's/.*/{"x": "row &"}/' >seeds.jsonl
	run pp-seed put seeds seeds.jsonl
	check_status 0
	run pp-template put t.yaml
	check_status 0
	run pp-job create -t t -s s=seeds -n 20 --budget 1
	check_status 0
	JOB=$(jq -r .job_id "$T/.out")
}

# put_logs STREAM FILE: its lines, as a task's log.
put_logs()
{
	local group

	group=$(value ComputeStack LogGroupName)
	aws logs create-log-stream --log-group-name "$group" \
	    --log-stream-name "$1"
	jq -cR --argjson now "$(date +%s%3N)" \
	    '{timestamp: ($now + input_line_number), message: .}' "$2" |
		jq -cs . >events.json
	aws logs put-log-events --log-group-name "$group" \
	    --log-stream-name "$1" --log-events file://events.json >/dev/null
}

test_a_job_from_seeds_to_export_on_what_the_templates_made()
{
	home_of_the_nest
	prepare_job
	run pp-worker --job "$JOB" --once
	check_status 0
	cp "$T/.err" worker.log
	run pp-job show "$JOB" --json
	check_out_jq .status COMPLETED
	check_out_jq .archive null
	run pp-export "$JOB" --format jsonl -o rows
	check_status 0
	check '20 rows' test "$(wc -l <rows/dataset.jsonl)" -eq 20
	run pp-cost show "$JOB" --json
	check_status 0
	run aws dynamodb get-item --table-name plot-palette-Jobs \
	    --key "{\"job_id\": {\"S\": \"$JOB\"}}"
	check_out_jq .Item.status.S COMPLETED
	logs_of_tasks
	archived_outputs
}

# What the worker wrote, sent to the group as a task's; of two tasks, and among
# lines of others.
logs_of_tasks()
{
	run pp-job logs "$JOB"
	check_status 78
	check_err_has 'PP_LOG_GROUP is not set'
	jq '.ComputeStack + {BucketName: "another"}' outputs.json >deployed.json
	PP_OUTPUTS=deployed.json run pp-job logs "$JOB"
	check_status 78
	check_err_has 'of another home'
	PP_OUTPUTS=nowhere.json run pp-job logs "$JOB"
	check_status 78
	mkdir desk
	jq '.ComputeStack + .StorageStack' outputs.json >desk/outputs.json
	run_sh "cd desk && pp-job logs $JOB"
	check_status 66
	check_err_has 'no task has worked on it'
	grep -F "$JOB" worker.log >mine
	head -n 2 mine | cat - <(echo '{"event":"of nobody"}') >first
	tail -n +3 mine >second
	put_logs worker/worker/1 first
	sleep 0.1
	put_logs worker/worker/2 second
	run_sh "cd desk && pp-job logs $JOB"
	check_status 0
	check_out_file mine
	run_sh "cd desk && pp-job logs --follow $JOB"
	check_status 0
	check_out_file mine
	PP_LOG_GROUP=/no/group run pp-job logs "$JOB"
	check_status 66
}

# move CLASS: all that the job has written goes there, as by the life cycle.
move()
{
	local key

	aws s3api list-objects-v2 --bucket "${PP_STORE#aws:}" \
	    --prefix "jobs/$JOB/outputs/" | jq -r '.Contents[].Key' |
	while read -r key; do
		aws s3api copy-object --bucket "${PP_STORE#aws:}" --key "$key" \
		    --copy-source "${PP_STORE#aws:}/$key" --storage-class "$1" \
		    >/dev/null
	done
}

# moto answers a restore at once with what takes hours.
archived_outputs()
{
	local topic

	run pp-job restore "$JOB"
	check_status 0
	check_err_has 'nothing needs it'
	move GLACIER_IR
	run pp-job show "$JOB"
	check_out_has 'in GLACIER_IR, which is read at once'
	run pp-job restore "$JOB"
	check_status 0
	check_err_has 'what is in GLACIER_IR is read at once'
	run pp-export "$JOB" --format jsonl -o warm
	check_status 0
	move GLACIER
	run pp-job show "$JOB"
	check_out_has 'in GLACIER: see pp-job restore'
	run pp-job show "$JOB" --json
	check_out_jq .archive.storage_class GLACIER
	check 'objects' test "$(jq .archive.archived "$T/.out")" -gt 0
	run pp-export "$JOB" --format jsonl -o cold
	check_status 69
	check_err_has 'it is archived, and has to be restored first'
	topic=$(value ComputeStack JobEndsTopicArn)
	run pp-job restore "$JOB" --tier Slow
	check_status 64
	run pp-job restore "$JOB" --notify "sns:$topic" --days 2 --json
	check_status 0
	check_out_jq .archived 0
	check 'some are back' test "$(jq .restored "$T/.out")" -gt 0
	run pp-job show "$JOB"
	check_out_has 'brought back for some days'
	run pp-export "$JOB" --format jsonl -o cold
	check_status 0
	check_same cold/dataset.jsonl rows/dataset.jsonl
}

# tasks_start: RunTask starts the real worker, on this home.
tasks_start()
{
	background python3 "$PP_SRCDIR/tests/support/aws_stub.py" \
	    "$T/ecs.port" "$T/ecs.log" 100 pp-worker
	wait_for 60 test -s "$T/ecs.port" || complain 'the stub does not start'
	AWS_ENDPOINT_URL_ECS=http://127.0.0.1:$(cat "$T/ecs.port")
	export AWS_ENDPOINT_URL_ECS
}

# What the root hands out, of what its members have made.
outputs_of_the_root()
{
	jq '[.[]] | add + {TablePrefix: "plot-palette-"}' outputs.json
}

test_the_smoke_test_of_a_deployment()
{
	LIMIT=1200
	home_of_the_nest
	prepare_model --latency 50
	outputs_of_the_root >root.json
	tasks_start
	PP_WAIT_SECONDS=600 script smoke-test --outputs root.json --model mine \
	    --rows 30 --timeout 10m
	check_status 0
	check_err_has 'ok: 30 rows on a task, exported'
	check_err_has 'ok: cancelled while it ran'
	check_err_has 'ok: stopped by its budget'
	check_err_has 'it cost: calls of models: 0.0'
	check 'three tasks' test "$(grep -c '"RunTask"' ecs.log)" -eq 3
	check 'one was stopped' grep -q '"StopTask"' ecs.log
	run pp-job list --json
	check_out ''
	run pp-seed list --json
	check_out_lines 0
	run pp-template list --json
	check_out ''
}

# Nobody starts what RunTask was asked for.
test_a_smoke_test_that_fails_cleans_up()
{
	LIMIT=1200
	home_of_the_nest
	prepare_model
	outputs_of_the_root >root.json
	script smoke-test --outputs nowhere.json
	check_status 1
	check_err_has 'deploy first'
	tasks_start
	mock_stop
	PP_WAIT_SECONDS=600 script smoke-test --outputs root.json --model mine \
	    --timeout 5s
	check_status 1
	check_err_has 'not COMPLETED'
	run pp-job list --json
	check_out ''
}

cloud_start
run_tests "$@"
