#!/usr/bin/env bash
# usage: deploy.sh [--create | --update | --delete] [OPTION...]
# Brings the deployment of an account and region to what the templates and the
# parameters say, or takes it down. Without a mode it finds out.
#
#   --stack-name S, --environment E, --region R, --profile P, --yes
#   --parameters FILE     (infra/parameters/ENVIRONMENT.json)
#   --set KEY=VALUE       one parameter more; wins over the file
#   --dry-run             shows what would change, and changes nothing
#   --allow-replacement   with --yes: also replaces tables and buckets
#   --delete-data         with --delete: tables, bucket and all that is in them
#   --outputs FILE        where the outputs go (outputs.json)
#   --log FILE            (deployment.log)
. "${BASH_SOURCE[0]%/*}/common.sh"

mode=
dry_run=
allow_replacement=
delete_data=
outputs=outputs.json
log_file=${PP_LOG:-deployment.log}
while [ $# -gt 0 ]; do
	if common_option "$@"; then
		shift "$shifts"
		continue
	fi
	case $1 in
	--create | --update | --delete)
		[ -z "$mode" ] || wrong_usage 'one mode, please'
		mode=${1#--}
		;;
	--dry-run) dry_run=1 ;;
	--allow-replacement) allow_replacement=1 ;;
	--delete-data) delete_data=1 ;;
	--outputs | --log)
		[ $# -ge 2 ] || wrong_usage "$1 needs a value"
		if [ "$1" = --log ]; then log_file=$2; else outputs=$2; fi
		shift
		;;
	*) wrong_usage "'$1' is no option" ;;
	esac
	shift
done

# What is there, and so what to do.
find_mode()
{
	status=$(stack_status)
	case $status in
	NONE | REVIEW_IN_PROGRESS)
		[ "${mode:-create}" = create ] ||
			die "there is no stack '$stack' in $region to $mode"
		mode=create
		;;
	*_IN_PROGRESS)
		die "the stack '$stack' is $status: wait, or undo it with" \
		    "infra/scripts/rollback-stack.sh"
		;;
	ROLLBACK_COMPLETE | ROLLBACK_FAILED | CREATE_FAILED | DELETE_FAILED)
		[ "$mode" = delete ] && return
		die "the stack '$stack' is $status: its creation failed, and only" \
		    "'deploy.sh --delete' or rollback-stack.sh takes it away"
		;;
	UPDATE_ROLLBACK_FAILED | UPDATE_FAILED)
		[ "$mode" = delete ] && return
		die "the stack '$stack' is $status: run" \
		    "infra/scripts/rollback-stack.sh first"
		;;
	*)
		[ "${mode:-update}" != create ] ||
			die "there is a stack '$stack' already: --update changes it"
		mode=${mode:-update}
		;;
	esac
}

check_parameters()
{
	local findings

	[ -r "$parameters" ] || die "cannot read $parameters"
	jq -e . "$parameters" >/dev/null 2>&1 || die "$parameters is not JSON"
	findings=$(parameter_findings)
	[ -n "$findings" ] || return 0
	while IFS= read -r finding; do
		fail "$finding"
	done <<<"$findings"
	die "$parameters is not fit to deploy"
}

stack_parameters()
{
	settings+=("EnvironmentName=$environment" "TemplatesBucketName=$bucket" \
	    "TemplatesPrefix=$hash")
	all_parameters
}

# ---- create ----

create()
{
	local why

	if [ -n "$dry_run" ]; then
		log "would create the stack '$stack' of:"
		all_parameters | jq -r '.[] |
			"  \(.ParameterKey) = \(.ParameterValue)"'
		return
	fi
	ask "create the stack '$stack' in $region?" || die 'not created'
	upload_templates
	base=$(templates_url)
	# Tables and buckets are retained, but not those of a failed start: the
	# next try would find their names taken.
	why=$(cloud cloudformation create-stack --stack-name "$stack" \
	    --template-url "$base/master-stack.yaml" \
	    --parameters "$(stack_parameters)" \
	    --capabilities CAPABILITY_NAMED_IAM --retain-except-on-create \
	    --tags Key=Project,Value=plot-palette \
	    Key=Environment,Value="$environment" \
	    Key=ManagedBy,Value=CloudFormation 2>&1) ||
		die "cannot create the stack: $(tail -n 1 <<<"$why")"
	id=$(jq -r .StackId <<<"$why")
	log "creating $id"
	wait_for_stack "$id"
	[ "$status" = CREATE_COMPLETE ] || undo_create
	good "created '$stack'"
	finish
	fill_bucket "$(jq -r '.BucketName // ""' "$outputs")"
	shell_lines
}

# A failed creation leaves nothing behind.
undo_create()
{
	local failed=$status

	fail "the creation ended with $failed, because:"
	show_failures "$id" 2>&1 | sed 's/^/  /' >&2
	log 'taking away what was begun'
	cloud cloudformation delete-stack --stack-name "$id"
	wait_for_stack "$id"
	[ "$status" = DELETE_COMPLETE ] || warn "the stack is $status now:" \
	    "rollback-stack.sh goes on"
	cloud s3 rm --recursive --quiet "s3://$bucket/$hash/" ||
		warn "templates are left in s3://$bucket/$hash/"
	die "not created: $failed"
}

# ---- update ----

update()
{
	upload_templates
	base=$(templates_url)
	make_change_set || {
		good "nothing to change in '$stack'"
		finish
		shell_lines
		return
	}
	show_changes "$change_set" >"$changes"
	while IFS=$'\x1f' read -r action replacement logical type physical; do
		log "  $action $logical ($type) $physical" \
		    "${replacement:+replacement: $replacement}"
	done <"$changes"
	if [ -n "$dry_run" ]; then
		drop_change_set
		log 'a dry run: nothing was changed'
		return
	fi
	warn_of_replacement
	ask "execute these changes?" || {
		drop_change_set
		die 'not changed'
	}
	id=$(stack_id)
	forget_events "$id"
	cloud cloudformation execute-change-set --change-set-name "$change_set"
	wait_for_stack "$id"
	[ "$status" = UPDATE_COMPLETE ] || update_failed
	good "updated '$stack'"
	finish
	shell_lines
}

# False when there is nothing to change.
make_change_set()
{
	local end=$((SECONDS + longest)) answer why

	answer=$(cloud cloudformation create-change-set --stack-name "$stack" \
	    --change-set-name "deploy-$(date -u +%Y%m%d-%H%M%S)" \
	    --change-set-type UPDATE --include-nested-stacks \
	    --template-url "$base/master-stack.yaml" \
	    --parameters "$(stack_parameters)" \
	    --capabilities CAPABILITY_NAMED_IAM 2>&1) ||
		die "cannot make a change set: $(tail -n 1 <<<"$answer")"
	change_set=$(jq -r .Id <<<"$answer")
	while :; do
		answer=$(cloud cloudformation describe-change-set \
		    --change-set-name "$change_set")
		case $(jq -r .Status <<<"$answer") in
		CREATE_COMPLETE) return 0 ;;
		FAILED) break ;;
		esac
		[ "$SECONDS" -lt "$end" ] ||
			die "the change set is not ready after $longest s"
		sleep "$poll"
	done
	why=$(jq -r '.StatusReason // ""' <<<"$answer")
	drop_change_set
	case $why in
	*"didn't contain changes"* | *'No updates are to be performed'*)
		return 1
		;;
	esac
	die "the change set failed: $why"
}

drop_change_set()
{
	cloud cloudformation delete-change-set \
	    --change-set-name "$change_set" >/dev/null
}

# Action, replacement, names, of this change set and those in it.
show_changes()
{
	local answer child

	answer=$(cloud cloudformation describe-change-set --change-set-name "$1")
	jq -r '.Changes[].ResourceChange | select(.ResourceType !=
		"AWS::CloudFormation::Stack") |
		[.Action, .Replacement // "", .LogicalResourceId, .ResourceType,
		    .PhysicalResourceId // ""] | join("\u001f")' <<<"$answer"
	jq -r '.Changes[].ResourceChange.ChangeSetId // empty' <<<"$answer" |
	while read -r child; do
		show_changes "$child"
	done
}

# Data that a replacement or a removal leaves behind with its old contents.
warn_of_replacement()
{
	local lost words

	lost=$(awk -F '\037' '($4 == "AWS::DynamoDB::Table" ||
		$4 == "AWS::S3::Bucket") && ($2 == "True" ||
		$2 == "Conditional" || $1 == "Remove") {
		print ($1 == "Remove" ? "removed" : "replaced") " " $4 " " $5 }' \
	    "$changes")
	[ -n "$lost" ] || return 0
	while read -r what type name; do
		warn "${type##*::} '$name' would be $what: the new one is empty"
	done <<<"$lost"
	if [ -n "$yes" ] && [ -z "$allow_replacement" ]; then
		drop_change_set
		die 'data would be replaced: give --allow-replacement, after' \
		    'infra/scripts/backup-dynamodb.sh'
	fi
	if [[ $lost == *DynamoDB* ]] && ask 'back up the tables first?'; then
		mapfile -t words < <(settle_words)
		PP_LOG=$log_file "$scripts/backup-dynamodb.sh" "${words[@]}"
	fi
}

update_failed()
{
	fail "the update ended with $status, because:"
	show_failures "$id" 2>&1 | sed 's/^/  /' >&2
	case $status in
	UPDATE_ROLLBACK_COMPLETE)
		die 'not updated; the stack is what it was before'
		;;
	UPDATE_ROLLBACK_FAILED)
		die 'not updated, and the way back failed too: run' \
		    'infra/scripts/rollback-stack.sh'
		;;
	esac
	die 'not updated'
}

# ---- after both ----

finish()
{
	cloud cloudformation describe-stacks --stack-name "$stack" |
		jq --arg account "$account" '.Stacks[0] |
			{StackName, AccountId: $account} +
			([.Outputs[]? | {(.OutputKey): .OutputValue}] | add // {})' \
		    >"$outputs.new"
	mv "$outputs.new" "$outputs"
	log "outputs, also in $outputs:"
	jq -r 'to_entries[] | "  \(.key) = \(.value)"' "$outputs" |
		while IFS= read -r line; do log "$line"; done
}

shell_lines()
{
	cat <<-LINES

	# for your shell:
	export PP_STORE=aws:$(jq -r .BucketName "$outputs")
	export PP_TABLE_PREFIX=$(jq -r .TablePrefix "$outputs")
	export AWS_REGION=$region AWS_DEFAULT_REGION=$region
	export PP_ECS_CLUSTER=$(jq -r .ClusterName "$outputs")
	export PP_ECS_TASK_DEFINITION=$(jq -r .TaskDefinition "$outputs")
	export PP_ECS_SUBNETS=$(jq -r .PublicSubnetIds "$outputs")
	export PP_ECS_SECURITY_GROUPS=$(jq -r .TaskSecurityGroupId "$outputs")
	export PP_LOG_GROUP=$(jq -r .LogGroupName "$outputs")
	LINES
}

# Markers that show the folders in the console, and the sample sets.
fill_bucket()
{
	local folder

	[ -n "$1" ] || return 0
	for folder in seed-data sample-datasets jobs; do
		cloud s3api put-object --bucket "$1" --key "$folder/" \
		    --if-none-match '*' >/dev/null 2>&1 || :
	done
	if command -v pp-seed >/dev/null &&
	    PP_STORE=aws:$1 AWS_REGION=$region \
	    ${profile:+env AWS_PROFILE="$profile"} pp-seed install-samples >/dev/null 2>&1; then
		log 'installed the sample seed sets'
	else
		log "the sample seed sets: 'pp-seed install-samples', with" \
		    'the lines below'
	fi
}

# ---- delete ----

delete()
{
	local tables bucket_name

	id=$(stack_id)
	tables=$(stack_resources "$id" AWS::DynamoDB::Table | cut -d ' ' -f 2)
	bucket_name=$(stack_resources "$id" AWS::S3::Bucket | cut -d ' ' -f 2)
	if [ -n "$delete_data" ]; then
		warn "this deletes the stack '$stack', and all data in" \
		    "$bucket_name" "$(tr '\n' ' ' <<<"$tables")"
	else
		log "this deletes the stack '$stack'; its tables and its bucket stay"
	fi
	[ -z "$dry_run" ] || return 0
	ask "delete the stack '$stack' in $region?" || die 'not deleted'
	ask "type its name to be sure:" "$stack" || die 'not deleted'
	forget_events "$id"
	cloud cloudformation delete-stack --stack-name "$id"
	wait_for_stack "$id"
	case $status in
	DELETE_COMPLETE | NONE) ;;
	*)
		show_failures "$id" 2>&1 | sed 's/^/  /' >&2
		die "not deleted: the stack is $status;" \
		    "rollback-stack.sh goes on"
		;;
	esac
	if [ -n "$delete_data" ]; then
		delete_tables "$tables"
		[ -z "$bucket_name" ] || delete_bucket "$bucket_name"
	fi
	good "deleted '$stack'"
}

delete_tables()
{
	local table

	for table in $1; do
		cloud dynamodb update-table --table-name "$table" \
		    --no-deletion-protection-enabled >/dev/null
		cloud dynamodb delete-table --table-name "$table" >/dev/null
		log "deleted the table $table"
	done
}

# A bucket goes only when its last version has gone.
delete_bucket()
{
	local versions

	while :; do
		versions=$(cloud s3api list-object-versions --bucket "$1" \
		    --max-items 500 | jq -c '{Quiet: true, Objects:
			[(.Versions // [])[], (.DeleteMarkers // [])[] |
			{Key, VersionId}]}')
		[ "$(jq '.Objects | length' <<<"$versions")" -gt 0 ] || break
		cloud s3api delete-objects --bucket "$1" --delete "$versions" \
		    >/dev/null
	done
	cloud s3api delete-bucket --bucket "$1"
	log "deleted the bucket $1"
}

settle
[ "$mode" = delete ] || check_parameters
need_credentials
find_mode
changes=$(mktemp)
trap 'rm -f "$changes"' EXIT
"$mode"
