# shellcheck shell=bash
# What the scripts of this folder share; sourced by each of them. They need
# the AWS CLI (version 1 or 2) and jq, and bash 4.
#
# Every script that talks to AWS takes
#	--stack-name S     name of the stack (plot-palette, or
#	                   plot-palette-ENVIRONMENT)
#	--environment E    production (default), staging or development
#	--region R         otherwise AWS_REGION, AWS_DEFAULT_REGION or the profile's
#	--profile P        profile of the AWS configuration
#	--yes              answers every question with yes
# and environment variables
#	PP_POLL_SECONDS    seconds between two looks at a stack (5)
#	PP_WAIT_SECONDS    longest wait for one (7200)
#	PP_LOG             also log to this file
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
infra=${scripts%/*}
program=${0##*/}
poll=${PP_POLL_SECONDS:-5}
longest=${PP_WAIT_SECONDS:-7200}
log_file=${PP_LOG:-}
environment=production
stack=
region=
profile=
parameters=
settings=()
yes=
aws_options=()

# ---- saying ----

say()
{
	local colour=$1 word=$2 now
	shift 2

	printf -v now '%(%Y-%m-%d %H:%M:%S)T' -1
	if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then
		printf '%s \033[%sm%s\033[0m%s\n' "$now" "$colour" "$word" "$*" >&2
	else
		printf '%s %s%s\n' "$now" "$word" "$*" >&2
	fi
	[ -z "$log_file" ] || printf '%s %s%s\n' "$now" "$word" "$*" >>"$log_file"
}

log() { say 0 '' "$@"; }
good() { say 32 'ok: ' "$@"; }
warn() { say 33 'warning: ' "$@"; }
fail() { say 31 'error: ' "$@"; }

die()
{
	fail "$@"
	exit 1
}

usage()
{
	sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
	exit "$1"
}

wrong_usage()
{
	echo "$program: $*; see $program --help" >&2
	exit 64
}

# ask QUESTION [WORD]: go on when it is answered with WORD (yes).
ask()
{
	local answer=

	[ -z "$yes" ] || return 0
	printf '%s [%s] ' "$1" "${2:-yes}" >&2
	read -r answer || :
	[ "$answer" = "${2:-yes}" ]
}

# ---- options ----

# common_option OPTION [VALUE]: takes one of those above; $shifts tells how
# many words it was. False when it is none of them.
# shellcheck disable=SC2034 # the caller reads it
common_option()
{
	shifts=2
	case $1 in
	-h | --help) usage 0 ;;
	--yes) yes=1 shifts=1; return 0 ;;
	--stack-name | --environment | --region | --profile | --parameters | \
	--set) ;;
	*) return 1 ;;
	esac
	[ $# -ge 2 ] || wrong_usage "$1 needs a value"
	case $1 in
	--stack-name) stack=$2 ;;
	--environment) environment=$2 ;;
	--region) region=$2 ;;
	--profile) profile=$2 ;;
	--parameters) parameters=$2 ;;
	--set)
		[[ $2 == *=* ]] || wrong_usage "--set needs KEY=VALUE"
		settings+=("$2")
		;;
	esac
}

need_tools()
{
	local tool

	for tool in aws jq; do
		command -v "$tool" >/dev/null || die "$tool is not installed: see" \
		    "infra/README.md, prerequisites"
	done
}

# After the options: what they leave open comes from the AWS configuration.
settle()
{
	case $environment in
	production | staging | development) ;;
	*) wrong_usage "the environment is production, staging or development," \
		"not '$environment'" ;;
	esac
	need_tools
	prefix=plot-palette
	[ "$environment" = production ] || prefix=plot-palette-$environment
	stack=${stack:-$prefix}
	parameters=${parameters:-$infra/parameters/$environment.json}
	[ -z "$profile" ] || aws_options+=(--profile "$profile")
	region=${region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-}}}
	[ -n "$region" ] ||
		region=$(aws "${aws_options[@]}" configure get region) || :
	[ -n "$region" ] || die "no region: give --region, or run" \
	    "'aws configure set region REGION'"
	aws_options+=(--region "$region" --output json)
}

# settle_words: the options of this run, for another script of the folder.
settle_words()
{
	local words=(--stack-name "$stack" --environment "$environment" \
	    --region "$region")

	[ -z "$profile" ] || words+=(--profile "$profile")
	[ -z "$yes" ] || words+=(--yes)
	printf '%s\n' "${words[@]}"
}

cloud()
{
	AWS_PAGER='' aws "${aws_options[@]}" "$@"
}

# Who we are; $account.
need_credentials()
{
	local answer

	answer=$(cloud sts get-caller-identity 2>&1) ||
		die "no usable credentials: $(tail -n 1 <<<"$answer")"
	account=$(jq -r .Account <<<"$answer")
	log "account $account, region $region, as $(jq -r .Arn <<<"$answer")"
}

# ---- parameters ----

# The parameters in force: those of the file, and --set above them, as the
# file has them.
all_parameters()
{
	local set

	if [ ${#settings[@]} -eq 0 ]; then
		set='[]'
	else
		set=$(printf '%s\n' "${settings[@]}" | jq -R '
			index("=") as $i |
			{ParameterKey: .[:$i], ParameterValue: .[$i + 1:]}' | jq -s .)
	fi
	jq --argjson set "$set" '
		reduce (. + $set)[] as $p ({}; .[$p.ParameterKey] =
			($p.ParameterValue | tostring)) |
		to_entries | map({ParameterKey: .key, ParameterValue: .value})
	' "$parameters"
}

# What is wrong with them, one finding a line. The templates have the same
# bounds; here they are known before anything is touched.
parameter_findings()
{
	all_parameters | jq -r --arg environment "$environment" '
	def number(name; low; high):
		.[name] as $v | select($v != null) |
		if ($v | test("^[0-9]+$") | not) or
		    ($v | tonumber) < low or ($v | tonumber) > high
		then "\(name) must be a number of \(low) to \(high), not \"\($v)\""
		else empty end;
	def member(name; values):
		.[name] as $v | select($v != null) |
		if values | index($v) then empty
		else "\(name) must be one of \(values | join(", ")), not \"\($v)\""
		end;
	# MiB of memory that Fargate has for so much CPU.
	def memory: {
		"256": [512, 1024, 2048],
		"512": [range(1; 5) * 1024],
		"1024": [range(2; 9) * 1024],
		"2048": [range(4; 17) * 1024],
		"4096": [range(8; 31) * 1024],
		"8192": [range(16; 61; 4) * 1024],
		"16384": [range(32; 121; 8) * 1024]};
	map({(.ParameterKey): .ParameterValue}) | add // {} |
	(if (.AdminEmail // "") |
	    test("^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}$")
	    then empty else
	    "AdminEmail must be an e-mail address, not \"\(.AdminEmail // "")\""
	    end),
	(if (.AdminEmail // "") | test("@example\\.(com|org|net)$") then
	    "AdminEmail is still \"\(.AdminEmail)\": give your own" else empty end),
	(if (.EnvironmentName // $environment) == $environment then empty else
	    "EnvironmentName is \"\(.EnvironmentName)\", but the environment is \($environment)"
	    end),
	number("InitialBudgetLimit"; 1; 10000),
	number("MonthlyBudgetUSD"; 1; 1000000),
	number("MaxConcurrentJobs"; 1; 1000),
	number("OutputArchiveDays"; 1; 3650),
	number("NoncurrentExpireDays"; 2; 3650),
	member("LogRetentionDays"; ["1", "3", "5", "7", "14", "30", "60", "90",
	    "120", "150", "180", "365"]),
	member("CreateBudget"; ["true", "false"]),
	member("DeletionProtection"; ["true", "false"]),
	member("InterfaceEndpoints"; ["true", "false"]),
	member("TaskEgress"; ["https", "all"]),
	member("Architecture"; ["ARM64", "X86_64"]),
	(if .VPCCidr // "10.0.0.0/16" |
	    test("^([0-9]{1,3}\\.){3}[0-9]{1,3}/(1[6-9]|20)$")
	    then empty else
	    "VPCCidr must be a network of /16 to /20, not \"\(.VPCCidr)\"" end),
	(.TaskCpu // "256") as $cpu | (.TaskMemory // "512") as $memory |
	(if memory[$cpu] == null then
	    "TaskCpu must be one of \(memory | keys | join(", ")), not \"\($cpu)\""
	elif memory[$cpu] | map(tostring) | index($memory) then empty else
	    "TaskMemory \($memory) does not go with TaskCpu \($cpu), which takes \(memory[$cpu] | map(tostring) | join(", "))"
	end)'
}

# ---- stacks ----

# stack_status [STACK]: NONE when there is none.
stack_status()
{
	local answer

	if answer=$(cloud cloudformation describe-stacks \
	    --stack-name "${1:-$stack}" 2>&1); then
		jq -r '.Stacks[0].StackStatus' <<<"$answer"
	elif [[ $answer == *'does not exist'* ]]; then
		echo NONE
	else
		die "cannot look at the stack: $(tail -n 1 <<<"$answer")"
	fi
}

stack_id()
{
	cloud cloudformation describe-stacks --stack-name "$stack" |
		jq -r '.Stacks[0].StackId'
}

# stack_resources STACK TYPE: "logical physical" of all resources of this type,
# those of nested stacks too.
stack_resources()
{
	local all child

	all=$(cloud cloudformation describe-stack-resources --stack-name "$1")
	jq -r --arg type "$2" '.StackResources[] |
		select(.ResourceType == $type and .PhysicalResourceId != null and
		    .ResourceStatus != "DELETE_COMPLETE") |
		"\(.LogicalResourceId) \(.PhysicalResourceId)"' <<<"$all"
	jq -r '.StackResources[] | select(.ResourceType ==
		"AWS::CloudFormation::Stack" and .PhysicalResourceId != null and
		.ResourceStatus != "DELETE_COMPLETE") | .PhysicalResourceId' <<<"$all" |
	while read -r child; do
		stack_resources "$child" "$2"
	done
}

# Events of the stack that have not been shown yet, oldest first.
last_event=
show_events()
{
	local events

	events=$(cloud cloudformation describe-stack-events --stack-name "$1" \
	    --max-items 100 2>/dev/null) || return 0
	jq -r --arg last "$last_event" '
		[.StackEvents[].EventId] as $ids |
		(($ids | index($last)) // ($ids | length)) as $new |
		.StackEvents[:$new] | reverse[] |
		"\(.ResourceStatus) \(.LogicalResourceId) (\(.ResourceType))" +
		(if .ResourceStatusReason then ": \(.ResourceStatusReason)" else ""
		    end)' <<<"$events" |
	while IFS= read -r event; do
		case $event in
		*FAILED*) fail "$event" ;;
		*) log "  $event" ;;
		esac
	done
	last_event=$(jq -r --arg last "$last_event" \
	    '.StackEvents[0].EventId // $last' <<<"$events")
}

# From here on only events that are still to come.
forget_events()
{
	last_event=$(cloud cloudformation describe-stack-events \
	    --stack-name "$1" --max-items 1 2>/dev/null |
		jq -r '.StackEvents[0].EventId // ""') || last_event=
}

# show_failures STACK: why, in the members where it happened.
show_failures()
{
	local child

	cloud cloudformation describe-stack-events --stack-name "$1" \
	    --max-items 100 2>/dev/null |
	jq -r '.StackEvents[] | select(.ResourceStatus | endswith("FAILED")) |
		[.ResourceType, .PhysicalResourceId // "", .LogicalResourceId,
		    .ResourceStatusReason // ""] | join("\u001f")' |
	while IFS=$'\x1f' read -r type physical logical reason; do
		if [ "$type" != AWS::CloudFormation::Stack ]; then
			fail "$logical ($type): $reason"
		elif [ -n "$physical" ] && [ "$physical" != "$1" ] &&
		    [[ $physical == arn:* ]]; then
			echo "$physical"
		fi
	done | sort -u |
	while read -r child; do
		[ "$child" = "$1" ] || show_failures "$child"
	done
}

# wait_for_stack STACK: until nothing is in progress; $status is its last word.
# The CLI's waiters are not used: they poll on for an hour where a create has
# rolled back.
wait_for_stack()
{
	local end=$((SECONDS + longest))

	while :; do
		show_events "$1"
		status=$(stack_status "$1")
		[[ $status == *_IN_PROGRESS && $status != REVIEW_* ]] || break
		[ "$SECONDS" -lt "$end" ] || {
			fail "no end after $longest s: the stack is still $status." \
			    "It goes on without this script; look again with" \
			    "'aws cloudformation describe-stacks --stack-name $stack" \
			    "--region $region', or undo it with" \
			    "infra/scripts/rollback-stack.sh"
			exit 75
		}
		sleep "$poll"
	done
	show_events "$1"
}

# ---- the templates' bucket ----

# A name for what the templates hold; it changes when one of them does.
templates_hash()
{
	(cd "$infra/cloudformation" && cat -- *-stack.yaml | sha256sum |
		cut -c 1-16)
}

url_suffix()
{
	case $region in
	cn-*) echo amazonaws.com.cn ;;
	*) echo amazonaws.com ;;
	esac
}

make_templates_bucket()
{
	local place=() why

	[ "$region" = us-east-1 ] || place=(--create-bucket-configuration \
	    "LocationConstraint=$region")
	why=$(cloud s3api create-bucket --bucket "$bucket" "${place[@]}" 2>&1) ||
		die "cannot make the bucket $bucket: $(tail -n 1 <<<"$why")"
	cloud s3api put-public-access-block --bucket "$bucket" \
	    --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
	cloud s3api put-bucket-versioning --bucket "$bucket" \
	    --versioning-configuration Status=Enabled
	cloud s3api put-bucket-encryption --bucket "$bucket" \
	    --server-side-encryption-configuration \
	    '{"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}'
	cloud s3api put-bucket-tagging --bucket "$bucket" --tagging \
	    'TagSet=[{Key=Project,Value=plot-palette},{Key=ManagedBy,Value=scripts},{Key=Component,Value=templates}]'
	log "made the bucket $bucket"
}

# Puts the templates under a name that changes with their contents: $bucket,
# $hash. What is there already is not sent again.
upload_templates()
{
	local there file

	bucket=plot-palette-cfn-$account-$region
	hash=$(templates_hash)
	for file in "$infra"/cloudformation/*-stack.yaml; do
		[ "$(wc -c <"$file")" -le 1000000 ] ||
			die "$file is too long; CloudFormation takes 1 MB"
	done
	there=$(cloud s3api list-objects-v2 --bucket "$bucket" \
	    --prefix "$hash/" 2>&1) || {
		[[ $there == *NoSuchBucket* ]] ||
			die "cannot look into the bucket $bucket:" \
			    "$(tail -n 1 <<<"$there")"
		make_templates_bucket
		there='{}'
	}
	set -- "$infra"/cloudformation/*-stack.yaml
	[ "$(jq '.Contents // [] | length' <<<"${there:-{\}}")" -lt $# ] ||
		return 0
	cloud s3 cp --recursive --quiet --exclude '*' --include '*-stack.yaml' \
	    --content-type text/yaml "$infra/cloudformation" \
	    "s3://$bucket/$hash/" || die 'the templates are not uploaded'
	log "sent $# templates to s3://$bucket/$hash/"
	validate_templates
}

templates_url()
{
	echo "https://$bucket.s3.$region.$(url_suffix)/$hash"
}

# Only when they are new: what has been taken once is taken again.
validate_templates()
{
	local file why

	for file in "$infra"/cloudformation/*-stack.yaml; do
		why=$(cloud cloudformation validate-template \
		    --template-url "$(templates_url)/${file##*/}" 2>&1) || {
			cloud s3 rm --recursive --quiet "s3://$bucket/$hash/" || :
			die "${file##*/}: $(tail -n 1 <<<"$why")"
		}
	done
	good 'templates are valid'
}
