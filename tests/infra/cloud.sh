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
	local name set options=(--set AdminEmail=me@mine.example.com)

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
		run aws cloudformation create-stack --stack-name "$name" \
		    --template-body file://template.json \
		    --parameters file://values.json \
		    --capabilities CAPABILITY_NAMED_IAM
		check_status 0
		run aws cloudformation describe-stacks --stack-name "$name"
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
	moto_reset
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

test_a_job_from_seeds_to_export_on_what_the_templates_made()
{
	local job

	command -v pp-job >/dev/null || skip 'no programs here'
	unset AWS_ENDPOINT_URL_CLOUDFORMATION
	moto_reset
	deploy_nest CreateBudget=false
	PP_STORE=aws:$(value StorageStack BucketName)
	export PP_STORE PP_USER=tester
	mock_start --latency 0
	export PP_MODEL_1_NAME=mine PP_MODEL_1_PROVIDER=openai \
	    PP_MODEL_1_ID=m PP_MODEL_1_URL="$MOCK_URL" \
	    PP_MODEL_1_INPUT_USD=1 PP_MODEL_1_OUTPUT_USD=1
	printf 'template:\n  id: t\n  steps:\n    - id: a\n      model: mine\n      max_tokens: 20\n      prompt: "{{ s.x }}"\n' >t.yaml
	seq 20 | sed 's/.*/{"x": "row &"}/' >seeds.jsonl
	run pp-seed put seeds seeds.jsonl
	check_status 0
	run pp-template put t.yaml
	check_status 0
	run pp-job create -t t -s s=seeds -n 20 --budget 1
	check_status 0
	job=$(jq -r .job_id "$T/.out")
	run pp-worker --job "$job" --once
	check_status 0
	run pp-job show "$job" --json
	check_out_jq .status COMPLETED
	run pp-export "$job" --format jsonl -o rows
	check_status 0
	check '20 rows' test "$(wc -l <rows/dataset.jsonl)" -eq 20
	run pp-cost show "$job" --json
	check_status 0
	run aws dynamodb get-item --table-name plot-palette-Jobs \
	    --key "{\"job_id\": {\"S\": \"$job\"}}"
	check_out_jq .Item.status.S COMPLETED
}

cloud_start
run_tests "$@"
