#!/usr/bin/env bash
# The home on AWS before others: the AWS CLI reads what we wrote and writes what
# we read, moto is asked of users, topics and tasks, and dynalite, stricter
# about requests than DynamoDB Local, judges ours.
[ -n "${PP_PEERS:-}" ] || PP_PEERS=1 exec \
    "${0%/*}/../support/with-aws-servers" bash "$0" "$@"
servers=$(export -p | grep ' AWS_\(ENDPOINT\|ACCESS\|SECRET\|REGION\)')
. "${0%/*}/lib.sh"

# home NAME: tables and a bucket, and the programs told of them.
home()
{
	"$PP_BUILDDIR/tests/support/awshome" make "$1-" "$1-bucket" ||
		skip 'no home can be made'
	export PP_STORE="aws:$1-bucket" PP_TABLE_PREFIX="$1-" PP_USER=tester
}

put_inputs()
{
	cat >t.yaml <<-'END'
	template:
	  id: t
	  steps:
	    - {id: a, max_tokens: 20, prompt: "Go on: {{ s.x }}"}
	END
	seq 20 | sed 's/.*/{"x": "row & é 😀"}/' >seeds.jsonl
	run pp-seed put seeds seeds.jsonl
	check_status 0
	run pp-template put t.yaml
	check_status 0
}

# new_job [OPTION...]: its id is in $job.
new_job()
{
	run pp-job create -t t -s s=seeds -n 20 --model local "$@"
	check_status 0
	job=$(jq -r .job_id "$T/.out")
}

done_job()
{
	new_job "$@"
	run pp-worker --job "$job" --once
	check_status 0
}

# Every object by way of a folder, every item by way of the reply of a scan.
copy_home()
{
	local table

	run aws s3 sync --quiet "s3://$1-bucket" copy
	check_status 0
	run aws s3 sync --quiet copy "s3://$2-bucket"
	check_status 0
	for table in Jobs Queue Templates CostTracking; do
		run aws dynamodb scan --table-name "$1-$table" --consistent-read
		check_status 0
		jq --arg t "$2-$table" \
		    '{($t): [.Items[] | {PutRequest: {Item: .}}]}' \
		    "$T/.out" >items.json
		[ "$(jq '.[] | length' items.json)" -gt 0 ] || continue
		run aws dynamodb batch-write-item \
		    --request-items file://items.json
		check_out_jq '.UnprocessedItems | length' 0
	done
}

test_the_cli_reads_what_we_wrote()
{
	home pp-read
	put_inputs
	done_job
	run aws dynamodb get-item --table-name pp-read-Jobs \
	    --key "{\"job_id\": {\"S\": \"$job\"}}"
	check_out_jq '[.Item | .status.S, .user_id.S, .records_generated.N] |
	    join(" ")' 'COMPLETED tester 20'
	check_out_jq '.Item | [.cost_estimate, .tokens_used, .budget_limit] |
	    map(select(. != null) | keys[]) | unique[]' N
	run aws dynamodb query --table-name pp-read-Jobs \
	    --index-name user-id-index \
	    --key-condition-expression 'user_id = :u' \
	    --expression-attribute-values '{":u": {"S": "tester"}}'
	check_out_jq '.Items[0].job_id.S' "$job"
	run aws s3 cp --quiet \
	    "s3://pp-read-bucket/jobs/$job/outputs/batch-000000001.jsonl" batch
	check_status 0
	check 'a batch has its header first' \
	    test "$(head -n 1 batch | jq -r '.. | .job_id? // empty')" = "$job"
	run aws s3api head-object --bucket pp-read-bucket \
	    --key "jobs/$job/config.json" --checksum-mode ENABLED
	check_out_jq '[keys[] | select(startswith("Checksum"))] | length > 0' \
	    true
}

test_the_cli_writes_what_we_read()
{
	home pp-one
	put_inputs
	done_job
	pp-export "$job" -o - >one.jsonl
	home pp-two
	copy_home pp-one pp-two
	run pp-job show --json "$job"
	check_out_jq .status COMPLETED
	pp-export "$job" -o - >two.jsonl
	check_same one.jsonl two.jsonl
	check 'all rows are there' test "$(wc -l <two.jsonl)" = 20
	run_sh 'pp-seed get seeds | jq -r .x | tail -n 1'
	check_out 'row 20 é 😀'
	done_job
	run pp-job list --json
	check_out_lines 2
}

# What is deleted there has a marker, which counts as nothing: a set of that name
# can be put again, once.
test_moto_keeps_versions_and_conditions_hold()
{
	local versions

	export AWS_ENDPOINT_URL_S3=$AWS_ENDPOINT_URL
	home pp-versions
	run aws s3api put-bucket-versioning --bucket pp-versions-bucket \
	    --versioning-configuration Status=Enabled
	check_status 0
	put_inputs
	run pp-seed rm seeds
	check_status 0
	run pp-seed get seeds
	check_status 66
	run pp-seed put seeds seeds.jsonl
	check_status 0
	run pp-seed put seeds <<<'{"x": 1}'
	check_status 73
	run pp-seed put seeds --replace <<<'{"x": 1}'
	check_status 0
	done_job
	run pp-job rm "$job"
	check_status 0
	run pp-seed get seeds
	check_out '{"x": 1}'
	run aws s3api list-object-versions --bucket pp-versions-bucket \
	    --prefix seed-data/tester/seeds/manifest.json
	versions=$(out | jq -c '[(.Versions | length), (.DeleteMarkers | length)]')
	check "versions and markers: $versions" test "$versions" = '[3,1]'
}

test_moto_says_who_we_are_and_hears_of_jobs()
{
	local topic queue

	home pp-moto
	unset PP_USER
	put_inputs
	run aws sns create-topic --name ends
	topic=$(jq -r .TopicArn "$T/.out")
	run aws sqs --endpoint-url "$AWS_ENDPOINT_URL" create-queue \
	    --queue-name heard
	queue=$(jq -r .QueueUrl "$T/.out")
	run aws sns subscribe --topic-arn "$topic" --protocol sqs \
	    --notification-endpoint arn:aws:sqs:us-east-1:123456789012:heard
	check_status 0
	new_job
	run pp-worker --job "$job" --once --notify "sns:$topic"
	check_status 0
	run pp-job show --json "$job"
	check_out_jq .user_id moto
	run aws sqs --endpoint-url "$AWS_ENDPOINT_URL" receive-message \
	    --queue-url "$queue"
	check_out_jq '.Messages[0].Body | fromjson | .Message | fromjson |
	    [.job_id, .status] | join(" ")' "$job COMPLETED"
}

test_moto_runs_and_stops_a_task()
{
	local task

	home pp-task
	put_inputs
	run aws ecs create-cluster --cluster-name plot-palette
	check_status 0
	run aws ecs register-task-definition --family plot-palette-worker \
	    --requires-compatibilities FARGATE --network-mode awsvpc \
	    --cpu 256 --memory 512 --container-definitions \
	    '[{"name": "worker", "image": "x", "memory": 512}]'
	check_status 0
	run aws ec2 describe-subnets
	PP_ECS_SUBNETS=$(jq -r '[.Subnets[:3][].SubnetId] | join(",")' "$T/.out")
	run aws ec2 describe-security-groups
	PP_ECS_SECURITY_GROUPS=$(jq -r '.SecurityGroups[0].GroupId' "$T/.out")
	export PP_ECS_CLUSTER=plot-palette PP_ECS_SUBNETS PP_ECS_SECURITY_GROUPS
	export PP_ECS_TASK_DEFINITION=plot-palette-worker
	new_job
	run pp-job start --on-demand --json "$job"
	check_status 0
	run aws ecs list-tasks --cluster plot-palette --started-by "$job"
	task=$(jq -r '.taskArns[0]' "$T/.out")
	run aws ecs describe-tasks --cluster plot-palette --tasks "$task"
	check_out_jq '.tasks[0] | .launchType' FARGATE
	check_out_jq '.tasks[0].overrides.containerOverrides[0].command |
	    join(" ")' "--job $job"
	run pp-job cancel --now "$job"
	check_status 0
	check_err_has '1 task stopped'
}

# on_a_port COMMAND...: start it on a port of its own, for PORT; sets $port.
on_a_port()
{
	local _

	for _ in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 12000))
		background "${@//PORT/$port}"
		wait_for 60 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" \
		    2>/dev/null && kill -0 "$PID" 2>/dev/null && return
	done
	skip "$1 does not start"
}

test_dynalite_finds_nothing_wrong_with_a_request()
{
	local dynalite why

	command -v node >/dev/null || skip 'no node'
	dynalite=$("$PP_SRCDIR/tests/support/fetch-server" dynalite 2>why) ||
		skip "$(cat why)"
	on_a_port node "$dynalite/node_modules/dynalite/cli.js" --port PORT \
	    --createTableMs 0 --deleteTableMs 0
	background python3 "$PP_SRCDIR/tests/support/second_judge.py" \
	    "${AWS_ENDPOINT_URL_DYNAMODB##*:}" "$port" judge.port judged
	wait_for 60 test -s judge.port || skip 'the judge does not start'
	AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:$(cat judge.port)
	home pp-judge
	put_inputs
	run pp-template put t.yaml
	done_job --shards 2 --export jsonl
	run pp-job list --json
	check_out_lines 1
	run pp-template list
	run pp-cost show "$job" --json
	check_status 0
	new_job --priority 3
	run pp-job cancel "$job"
	check_status 0
	run pp-job resume "$job"
	check_status 0
	run pp-job delete --yes "$job"
	run_sh 'grep -v "	ok$" judged || echo nothing'
	check_out nothing
	run_sh 'cut -f 1 judged | sort -u | tr "\n" " "'
	check_out_has 'DeleteItem GetItem PutItem Query UpdateItem'
	check 'many were judged' test "$(wc -l <judged)" -gt 40
}

cloud_start
eval "$servers"
run_tests "$@"
