#!/usr/bin/env bash
# The scripts of infra/scripts, run with the AWS CLI: moto holds buckets and
# tables, our stub plays CloudFormation with all that can go wrong there.
. "${0%/*}/lib.sh"

ME=(--set AdminEmail=me@mine.example.com)
OUTPUTS='"BucketName": "plot-palette-1", "TablePrefix": "plot-palette-",
	"ClusterName": "plot-palette", "TaskDefinition": "plot-palette-worker",
	"PublicSubnetIds": "subnet-1,subnet-2", "TaskSecurityGroupId": "sg-1"'
STANDS='"plot-palette": {"outputs": {'$OUTPUTS'}, "resources": [
	["DatabaseStack", "AWS::CloudFormation::Stack",
	    "arn:aws:cloudformation:us-east-1:123456789012:stack/db/1"],
	["StorageStack", "AWS::CloudFormation::Stack",
	    "arn:aws:cloudformation:us-east-1:123456789012:stack/st/1"]]},
	"arn:aws:cloudformation:us-east-1:123456789012:stack/db/1": {
	"resources": [["JobsTable", "AWS::DynamoDB::Table", "plot-palette-Jobs"],
	    ["QueueTable", "AWS::DynamoDB::Table", "plot-palette-Queue"]]},
	"arn:aws:cloudformation:us-east-1:123456789012:stack/st/1": {
	"resources": [["DataBucket", "AWS::S3::Bucket", "plot-palette-1"]]}'
NESTED=arn:aws:cloudformation:us-east-1:123456789012:changeSet/db/1
REPLACES='{"": [{"Action": "Modify", "ResourceType":
	"AWS::CloudFormation::Stack", "LogicalResourceId": "DatabaseStack",
	"Replacement": "False", "ChangeSetId": "'$NESTED'"}],
	"'$NESTED'": [{"Action": "Modify", "ResourceType":
	"AWS::DynamoDB::Table", "LogicalResourceId": "JobsTable",
	"PhysicalResourceId": "plot-palette-Jobs", "Replacement": "True"},
	{"Action": "Modify", "ResourceType": "AWS::DynamoDB::Table",
	"LogicalResourceId": "QueueTable", "Replacement": "False",
	"PhysicalResourceId": "plot-palette-Queue"}]}'
HARMLESS='{"": [{"Action": "Modify", "ResourceType": "AWS::ECS::Cluster",
	"LogicalResourceId": "Cluster", "PhysicalResourceId": "plot-palette",
	"Replacement": "False"}]}'

deploy()
{
	script deploy "${ME[@]}" "$@"
}

make_tables()
{
	local table

	for table in Jobs Queue; do
		aws dynamodb create-table --table-name "plot-palette-$table" \
		    --billing-mode PAY_PER_REQUEST --key-schema \
		    AttributeName=k,KeyType=HASH --attribute-definitions \
		    AttributeName=k,AttributeType=S >/dev/null
	done
}

test_create_makes_the_stack_and_says_how_to_go_on()
{
	moto_reset
	scenario '{"outputs": {'"$OUTPUTS"'}, "create": [
		["CREATE_IN_PROGRESS", ["NetworkStack",
		    "AWS::CloudFormation::Stack", "CREATE_IN_PROGRESS"]],
		["CREATE_IN_PROGRESS", ["NetworkStack",
		    "AWS::CloudFormation::Stack", "CREATE_COMPLETE"]],
		["CREATE_COMPLETE"]]}'
	aws s3api create-bucket --bucket plot-palette-1 >/dev/null
	deploy --yes --environment production
	check_status 0
	check_err_has 'CREATE_COMPLETE NetworkStack'
	check_err_has "created 'plot-palette'"
	check_out_has 'export PP_STORE=aws:plot-palette-1'
	check_out_has 'export PP_ECS_SUBNETS=subnet-1,subnet-2'
	check 'outputs.json' test \
	    "$(jq -r .BucketName outputs.json)" = plot-palette-1
	check 'a log with times' grep -Eq '^20[0-9-]+ [0-9:]+ .*account' \
	    deployment.log
	check_asked '[.[] | select(.action == "ValidateTemplate")] | length' 7
	check_asked '.[] | select(.action == "CreateStack") |
		."Capabilities.member.1", .RetainExceptOnCreate' \
	    $'CAPABILITY_NAMED_IAM\ntrue'
	check_asked '[.[] | select(.action == "CreateStack") | to_entries[] |
		select(.key | endswith("ParameterKey")).value] | sort | join(" ")' \
	    'AdminEmail DeletionProtection EnvironmentName InitialBudgetLimit LogRetentionDays MonthlyBudgetUSD TemplatesBucketName TemplatesPrefix'
	run aws s3api list-objects-v2 --bucket plot-palette-1
	check_out_jq '[.Contents[].Key | select(endswith("/"))] | join(" ")' \
	    'jobs/ sample-datasets/ seed-data/'
	run aws s3api list-objects-v2 \
	    --bucket plot-palette-cfn-123456789012-us-east-1
	check_out_jq '.Contents | length' 7
	check 'the URL is of this region' grep -q \
	    '"TemplateURL": *"https://plot-palette-cfn-123456789012-us-east-1.s3.us-east-1.amazonaws.com/[0-9a-f]*/master-stack.yaml"' \
	    "$T/asked"
}

test_upload_sends_only_what_is_not_there()
{
	moto_reset
	scenario '{}'
	script upload-templates --region us-west-2
	check_status 0
	check_err_has 'made the bucket'
	check_err_has 'sent 7 templates'
	bucket=$(cut -d ' ' -f 1 "$T/.out")
	run aws s3api get-bucket-versioning --bucket "$bucket"
	check_out_jq .Status Enabled
	run aws s3api get-public-access-block --bucket "$bucket"
	check_out_jq '[.[][]] | all' true
	script upload-templates --region us-west-2
	check_status 0
	check_fails 'sent again' grep sent "$T/.err"
}

test_a_failed_create_leaves_nothing_behind()
{
	moto_reset
	scenario '{"create": [["CREATE_IN_PROGRESS"],
		["ROLLBACK_IN_PROGRESS", ["Cluster", "AWS::ECS::Cluster",
		    "CREATE_FAILED", "no such role"]], ["ROLLBACK_COMPLETE"]]}'
	deploy --yes
	check_status 1
	check_err_has 'Cluster (AWS::ECS::Cluster): no such role'
	check_err_has 'not created: ROLLBACK_COMPLETE'
	check_asked '[.[] | select(.action == "DeleteStack")] | length' 1
	run aws s3api list-objects-v2 \
	    --bucket plot-palette-cfn-123456789012-us-east-1
	check_out_jq '.Contents // [] | length' 0
	check_fails 'outputs of nothing' test -e outputs.json
}

test_a_failure_is_told_from_the_member_where_it_happened()
{
	child=arn:aws:cloudformation:us-east-1:123456789012:stack/iam/1
	scenario '{"create": [["ROLLBACK_COMPLETE", ["IAMStack",
		"AWS::CloudFormation::Stack", "CREATE_FAILED",
		"Embedded stack was not successfully created", "'$child'"]]],
		"stacks": {"'$child'": {"status": "ROLLBACK_COMPLETE",
		"events": [["e1", "ECSTaskRole", "AWS::IAM::Role",
		"CREATE_FAILED", "the name is taken"]]}}}'
	deploy --yes
	check_status 1
	check_err_has 'ECSTaskRole (AWS::IAM::Role): the name is taken'
}

test_an_update_shows_its_changes_and_asks()
{
	scenario '{"stacks": {'"$STANDS"'}, "changes": '"$HARMLESS"'}'
	deploy <<<no
	check_status 1
	check_err_has 'Modify Cluster (AWS::ECS::Cluster) plot-palette'
	check_err_has 'not changed'
	check_asked '[.[].action] | index("ExecuteChangeSet") | tostring' null
	check_asked '[.[].action] | index("DeleteChangeSet") != null' true
	deploy <<<yes
	check_status 0
	check_err_has "updated 'plot-palette'"
	check_asked '[.[] | select(.action == "CreateChangeSet") |
		.IncludeNestedStacks] | unique | join(" ")' true
}

test_a_dry_run_changes_nothing()
{
	scenario '{"stacks": {'"$STANDS"'}, "changes": '"$HARMLESS"'}'
	deploy --dry-run
	check_status 0
	check_err_has 'Modify Cluster'
	check_err_has 'a dry run'
	deploy --environment staging --dry-run
	check_status 0
	check_err_has "would create the stack 'plot-palette-staging'"
	check_asked '[.[].action] |
		index("ExecuteChangeSet", "CreateStack") | tostring' $'null\nnull'
}

test_no_change_is_no_failure()
{
	scenario '{"stacks": {'"$STANDS"'}, "changes": "empty"}'
	deploy --yes
	check_status 0
	check_err_has 'nothing to change'
	check 'outputs.json' test -s outputs.json
}

test_a_change_set_that_fails_is_a_failure()
{
	scenario '{"stacks": {'"$STANDS"'}, "changes": "invalid"}'
	deploy --yes
	check_status 1
	check_err_has 'Parameter [X] is not understood'
}

test_a_table_that_would_be_replaced_is_named()
{
	scenario '{"stacks": {'"$STANDS"'}, "changes": '"$REPLACES"'}'
	deploy --yes
	check_status 1
	check_err_has "Table 'plot-palette-Jobs' would be replaced"
	check_fails 'the other' grep "plot-palette-Queue' would" "$T/.err"
	check_err_has 'give --allow-replacement'
	check_asked '[.[].action] | index("ExecuteChangeSet") | tostring' null
}

test_a_backup_is_offered_before_a_replacement()
{
	moto_reset
	scenario '{"stacks": {'"$STANDS"'}, "changes": '"$REPLACES"'}'
	make_tables
	run "$INFRA/scripts/deploy.sh" "${ME[@]}" <<<$'yes\nno'
	check_status 1
	check_err_has 'back up the tables first?'
	check_err_has 'backed up plot-palette-Jobs'
	run aws dynamodb list-backups
	check_out_jq '.BackupSummaries | length' 2
	deploy --yes --allow-replacement
	check_status 0
	check_asked '[.[].action] | index("ExecuteChangeSet") != null' true
}

test_a_failed_update_says_what_state_is_left()
{
	scenario '{"stacks": {'"$STANDS"'}, "changes": '"$HARMLESS"',
		"update": [["UPDATE_IN_PROGRESS"], ["UPDATE_ROLLBACK_COMPLETE",
		["Cluster", "AWS::ECS::Cluster", "UPDATE_FAILED", "too many"]]]}'
	deploy --yes
	check_status 1
	check_err_has 'Cluster (AWS::ECS::Cluster): too many'
	check_err_has 'the stack is what it was before'
}

test_rollback_knows_update_rollback_failed()
{
	scenario '{"stacks": {'"$STANDS"'}, "changes": '"$HARMLESS"',
		"update": [["UPDATE_ROLLBACK_FAILED", ["Cluster",
		"AWS::ECS::Cluster", "UPDATE_FAILED", "still there"]]],
		"skip": ["ComputeStack.Cluster"],
		"rollback_again": [["UPDATE_ROLLBACK_FAILED"]]}'
	deploy --yes
	check_status 1
	check_err_has 'rollback-stack.sh'
	deploy --yes
	check_status 1
	check_err_has "is UPDATE_ROLLBACK_FAILED: run"
	script rollback-stack --yes
	check_status 1
	check_err_has 'leave it out with --skip'
	script rollback-stack --yes --skip ComputeStack.Cluster
	check_status 0
	check_err_has 'the stack is UPDATE_ROLLBACK_COMPLETE'
	script rollback-stack --yes
	check_status 0
	check_err_has 'nothing to roll back'
}

# state of the stack, what rollback-stack.sh asks for
test_rollback_knows_every_state()
{
	local state action

	while read -r state action; do
		scenario '{"stacks": {"plot-palette": {"status": "'"$state"'"}}}'
		script rollback-stack --yes
		check_status 0
		check_asked '[.[].action] | index("'"$action"'") != null' true
	done <<-STATES
	UPDATE_IN_PROGRESS CancelUpdateStack
	CREATE_FAILED RollbackStack
	ROLLBACK_COMPLETE DeleteStack
	DELETE_FAILED DeleteStack
	STATES
}

test_a_wait_has_an_end()
{
	scenario '{"create": [["CREATE_IN_PROGRESS"]]}'
	PP_WAIT_SECONDS=1 deploy --yes
	check_status 75
	check_err_has 'no end after 1 s'
}

test_delete_asks_twice_and_keeps_the_data()
{
	moto_reset
	scenario '{"stacks": {'"$STANDS"'}}'
	make_tables
	aws s3api create-bucket --bucket plot-palette-1 >/dev/null
	deploy --delete <<<yes
	check_status 1
	deploy --delete <<<$'yes\nplot-palett'
	check_status 1
	check_asked '[.[].action] | index("DeleteStack") | tostring' null
	deploy --delete <<<$'yes\nplot-palette'
	check_status 0
	check_err_has "deleted 'plot-palette'"
	run aws dynamodb list-tables
	check_out_jq '.TableNames | length' 2
	check 'the bucket stays' aws s3api head-bucket --bucket plot-palette-1
}

test_delete_data_takes_every_version()
{
	moto_reset
	scenario '{"stacks": {'"$STANDS"'}}'
	make_tables
	aws s3api create-bucket --bucket plot-palette-1 >/dev/null
	aws s3api put-bucket-versioning --bucket plot-palette-1 \
	    --versioning-configuration Status=Enabled
	for _ in 1 2; do
		aws s3api put-object --bucket plot-palette-1 --key k >/dev/null
	done
	aws s3api delete-object --bucket plot-palette-1 --key k >/dev/null
	deploy --delete --delete-data --yes
	check_status 0
	run aws dynamodb list-tables
	check_out_jq '.TableNames | length' 0
	check_fails 'the bucket is there' \
	    aws s3api head-bucket --bucket plot-palette-1
}

test_backup_and_restore_under_another_prefix()
{
	moto_reset
	scenario '{"stacks": {'"$STANDS"'}}'
	make_tables
	aws dynamodb put-item --table-name plot-palette-Jobs \
	    --item '{"k": {"S": "one"}}'
	script backup-dynamodb --name before
	check_status 0
	check_out_jq .table $'plot-palette-Jobs\nplot-palette-Queue'
	script backup-dynamodb --list
	check_out_jq .backup $'before\nbefore'
	script backup-dynamodb --restore nothing --to again-
	check_status 1
	script backup-dynamodb --restore before --to plot-palette-
	check_status 1
	check_err_has 'plot-palette-Jobs exists'
	script backup-dynamodb --restore before --to again-
	check_status 0
	check_err_has 'PP_TABLE_PREFIX=again-'
	run aws dynamodb scan --table-name again-Jobs
	check_out_jq '.Items[0].k.S' one
	run aws dynamodb describe-continuous-backups --table-name again-Queue
	check_out_jq '.ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus' ENABLED
}

test_update_stack_backs_up_first()
{
	moto_reset
	scenario '{"stacks": {'"$STANDS"'}, "changes": '"$HARMLESS"'}'
	make_tables
	script update-stack "${ME[@]}" --yes
	check_status 0
	check_err_has 'backed up plot-palette-Queue'
	check_err_has "updated 'plot-palette'"
}

test_several_regions()
{
	scenario '{"outputs": {'"$OUTPUTS"'}}'
	script deploy-multi-region --regions us-east-1,eu-central-1 --parallel \
	    "${ME[@]}" --yes
	check_status 0
	check_out ''
	check 'outputs of both' test \
	    "$(jq -r 'keys | join(" ")' outputs-all.json)" = \
	    'eu-central-1 us-east-1'
	check_asked '[.[] | select(.action == "CreateStack") | .region as $r |
		to_entries | (.[] | select(.value == "VPCCidr").key |
		sub("Key$"; "Value")) as $k | "\($r) \(from_entries[$k])"] |
		sort | join(", ")' 'eu-central-1 10.2.0.0/16, us-east-1 10.0.0.0/16'
	script deploy-multi-region --regions us-east-1,nowhere-9 --yes
	check_status 1
	check_err_has "no region 'nowhere-9'"
}

test_validation_warns_of_models_and_quotas()
{
	scenario '{"models": ["amazon.nova-micro-v1:0", "amazon.nova-pro-v1:0",
		"mistral.ministral-3-8b-instruct"], "profiles":
		["us.meta.llama3-1-8b-instruct-v1:0",
		"us.meta.llama3-1-70b-instruct-v1:0"],
		"quotas": {"L-F678F1CE": 5, "L-36FBB829": 1}}'
	script validate-parameters "${ME[@]}"
	check_status 0
	check_err_has 'ok: tier cheap: us.meta.llama3-1-8b-instruct-v1:0'
	check_err_has 'us-east-1 does not offer global.anthropic.claude-sonnet-5'
	check_err_has 'vCPUs on Fargate Spot: 1, and 2 are needed'
	check_err_has 'ok: VPCs of this region: 5'
	check_out_has 'infra/scripts/deploy.sh --environment production --region us-east-1'
}

# setting, what is said of it
test_parameters_that_are_refused()
{
	local set what

	scenario '{}'
	while IFS='|' read -r set what; do
		script validate-parameters --offline "${ME[@]}" --set "$set"
		check_status 1
		check_err_has "$what"
	done <<-SETS
	AdminEmail=nobody|AdminEmail must be an e-mail address, not "nobody"
	AdminEmail=a@example.com|give your own
	InitialBudgetLimit=0|InitialBudgetLimit must be a number of 1 to 10000, not "0"
	LogRetentionDays=8|LogRetentionDays must be one of 1, 3, 5
	TaskMemory=4096|TaskMemory 4096 does not go with TaskCpu 256
	VPCCidr=10.0.0.0/8|VPCCidr must be a network of /16 to /20
	EnvironmentName=staging|EnvironmentName is "staging"
	SETS
	deploy --yes --set InitialBudgetLimit=0
	check_status 1
	check_asked length 0
	printf '{' >broken.json
	script validate-parameters --offline --parameters broken.json
	check_status 1
	check_err_has 'broken.json'
}

test_without_credentials()
{
	scenario '{}'
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	deploy --yes
	check_status 1
	check_err_has 'no usable credentials'
	check_asked length 0
}

test_without_jq_or_region()
{
	local tool

	scenario '{}'
	mkdir bin
	for tool in bash sed grep env dirname aws cat timeout; do
		ln -s "$(command -v "$tool")" "bin/$tool"
	done
	PATH=$PWD/bin deploy --yes
	check_status 1
	check_err_has 'jq is not installed'
	unset AWS_DEFAULT_REGION
	deploy --yes
	check_status 1
	check_err_has 'no region'
}

# Given by its text a template may have 51,200 bytes; ours go by URL.
test_a_template_over_51200_bytes_is_deployed()
{
	scenario '{"outputs": {'"$OUTPUTS"'}}'
	cp -r "$INFRA" copy
	{
		cat "$INFRA/cloudformation/master-stack.yaml"
		for _ in $(seq 1200); do
			echo '# and this is a comment that takes place, no more'
		done
	} >copy/cloudformation/master-stack.yaml
	check 'it is that long' test \
	    "$(wc -c <copy/cloudformation/master-stack.yaml)" -gt 51200
	run copy/scripts/deploy.sh "${ME[@]}" --yes
	check_status 0
	head -c 1000001 /dev/zero | tr '\0' '#' \
	    >copy/cloudformation/budget-stack.yaml
	run copy/scripts/upload-templates.sh
	check_status 1
	check_err_has 'CloudFormation takes 1 MB'
}

test_a_template_that_is_not_valid_stops_it()
{
	moto_reset
	scenario '{"invalid_template": "iam-stack.yaml"}'
	deploy --yes
	check_status 1
	check_err_has 'iam-stack.yaml: '
	check_asked '[.[].action] | index("CreateStack") | tostring' null
}

test_what_a_month_will_cost()
{
	need pp-cost
	script estimate-cost --environment development --rows 10000 --model \
	    llama-3.1-8b --jobs 2 --json
	check_status 0
	check_out_jq 'select(.item == "models") | .cost' 2.2
	script estimate-cost --set TaskCpu=1024 --set TaskMemory=2048 --json \
	    --rows 1000000
	check_out_jq 'select(.item == "tasks") | .quantity' 156250
	script estimate-cost --set TaskCpu=1024
	check_status 1
	check_err_has 'TaskMemory 512 does not go with TaskCpu 1024'
}

test_wrong_usage()
{
	script deploy --sideways
	check_status 64
	script deploy --create --delete
	check_status 64
	script deploy --environment test
	check_status 64
	script deploy --help
	check_status 0
	check_out_has 'usage: deploy.sh'
}

cloud_start
run_tests "$@"
