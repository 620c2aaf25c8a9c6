#!/usr/bin/env bash
# usage: estimate-cost.sh [--environment E] [--parameters FILE]
#            [--set KEY=VALUE]... [OPTION...]
# What the deployment of an environment will cost in a month: its parameters,
# checked, and the options of 'pp-cost infra', which does the sum from dated
# prices. Those most wanted:
#
#   --rows N              rows made in a month (none: what stands alone)
#   --model M             model or tier that makes them
#   --jobs N              jobs that they are of (1)
#   --json                lines of JSON
. "${BASH_SOURCE[0]%/*}/common.sh"

words=()
while [ $# -gt 0 ]; do
	if common_option "$@"; then
		shift "$shifts"
	else
		words+=("$1")
		shift
	fi
done
command -v pp-cost >/dev/null || die 'pp-cost is not installed'
region=${region:-none}
settle
findings=$(parameter_findings | grep -v '^AdminEmail ') || :
[ -z "$findings" ] || die "$findings"
merged=$(mktemp)
trap 'rm -f "$merged"' EXIT
all_parameters >"$merged"
pp-cost infra --parameters "$merged" "${words[@]}"
