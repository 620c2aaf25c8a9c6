#!/usr/bin/env bash
# usage: validate-parameters.sh [--environment E] [--parameters FILE]
#            [--set KEY=VALUE]... [--region R] [--profile P] [--offline]
# Says before a deployment what would go wrong with it: the parameters and
# their ranges, the credentials, the models that the region lacks (a warning
# each), its zones, the account's quotas. Ends with the command that deploys.
# --offline looks at the parameters alone.
. "${BASH_SOURCE[0]%/*}/common.sh"

offline=
while [ $# -gt 0 ]; do
	if common_option "$@"; then
		shift "$shifts"
	elif [ "$1" = --offline ]; then
		offline=1
		shift
	else
		wrong_usage "'$1' is no option"
	fi
done
if [ -n "$offline" ]; then
	region=${region:-none}
fi
settle
failed=0

check_file()
{
	local why

	[ -r "$parameters" ] || die "cannot read $parameters"
	why=$(jq -e 'if type == "array" and all(.[];
		has("ParameterKey") and has("ParameterValue")) then true else
		error("it is no list of ParameterKey and ParameterValue") end' \
	    "$parameters" 2>&1 >/dev/null) || die "$parameters: $why"
}

check_values()
{
	local findings

	findings=$(parameter_findings)
	if [ -z "$findings" ]; then
		good "parameters of $parameters"
		return
	fi
	while IFS= read -r finding; do
		fail "$finding"
	done <<<"$findings"
	failed=1
}

check_zones()
{
	local n

	n=$(cloud ec2 describe-availability-zones --filters \
	    Name=zone-type,Values=availability-zone Name=state,Values=available |
		jq '.AvailabilityZones | length')
	if [ "$n" -ge 3 ]; then
		good "$n availability zones"
	else
		fail "$region has $n availability zones; the network needs three"
		failed=1
	fi
}

# Each tier's models, as parameters/regions.json has them, against what the
# region offers.
check_models()
{
	local models profiles there

	if ! models=$(cloud bedrock list-foundation-models 2>&1); then
		warn "cannot list the models of $region:" \
		    "$(tail -n 1 <<<"$models")"
		return
	fi
	profiles=$(cloud bedrock list-inference-profiles 2>/dev/null) ||
		profiles='{}'
	there=$(jq -s '[.[0].modelSummaries[]?.modelId,
		.[1].inferenceProfileSummaries[]?.inferenceProfileId]' \
	    <<<"$models $profiles")
	jq -r --arg region "$region" '(.regions[$region] // .default).models |
		to_entries[] | .key as $tier | .value[] | "\($tier) \(.)"' \
	    "$infra/parameters/regions.json" |
	while read -r tier model; do
		if jq -e --arg m "$model" 'index($m)' <<<"$there" >/dev/null; then
			good "tier $tier: $model"
		else
			warn "tier $tier: $region does not offer $model; jobs that" \
			    "want it need another region or another model"
		fi
	done
}

# check_quota SERVICE CODE NEEDED WHAT
check_quota()
{
	local value

	if ! value=$(cloud service-quotas get-service-quota --service-code "$1" \
	    --quota-code "$2" 2>/dev/null | jq '.Quota.Value | floor'); then
		warn "cannot read the quota of $4"
		return
	fi
	if [ "$value" -ge "$3" ]; then
		good "$4: $value"
	else
		warn "$4: $value, and $3 are needed; ask for more in Service Quotas"
	fi
}

check_quotas()
{
	local vpcs cpu jobs

	vpcs=$(cloud ec2 describe-vpcs | jq '.Vpcs | length')
	[ "$(stack_status)" != NONE ] || vpcs=$((vpcs + 1))
	check_quota vpc L-F678F1CE "$vpcs" 'VPCs of this region'
	cpu=$(all_parameters | jq -r '(map(select(.ParameterKey == "TaskCpu")) |
		.[0].ParameterValue) // "256"')
	jobs=$(all_parameters | jq -r '(map(select(.ParameterKey ==
		"MaxConcurrentJobs")) | .[0].ParameterValue) // "5"')
	check_quota fargate L-36FBB829 $(((cpu * jobs + 1023) / 1024)) \
	    'vCPUs on Fargate Spot'
}

check_file
check_values
if [ -z "$offline" ]; then
	need_credentials
	check_zones
	check_models
	check_quotas
fi
[ "$failed" -eq 0 ] || die 'not fit to deploy'
[ -z "$offline" ] || exit 0
good 'fit to deploy:'
echo "infra/scripts/deploy.sh --environment $environment --region $region" \
    "--parameters $parameters"
