#!/usr/bin/env bash
# usage: estimate-cost.sh [--environment E] [--parameters FILE]
#            [--set KEY=VALUE]... [OPTION of pp-cost infra...]
# What a month of a deployment costs: its parameters and the expected rows
# (--rows N, --model M, ...; see 'pp-cost infra --help') given to
# 'pp-cost infra', which knows the prices and their dates. Needs no account.
. "${BASH_SOURCE[0]%/*}/common.sh"

words=()
while [ $# -gt 0 ]; do
	case $1 in
	--environment | --parameters | --set | -h | --help)
		common_option "$@"
		shift "$shifts"
		;;
	*) words+=("$1"); shift ;;
	esac
done
parameters=${parameters:-$infra/parameters/$environment.json}
command -v jq >/dev/null || die 'jq is not installed'
command -v pp-cost >/dev/null || die 'pp-cost is not installed, or not in PATH'
[ -r "$parameters" ] || die "cannot read $parameters"

# value KEY DEFAULT
value()
{
	all_parameters | jq -r --arg k "$1" --arg d "$2" '
		(map(select(.ParameterKey == $k)) | .[0].ParameterValue) // $d'
}

vcpu=$(value TaskCpu 256)
options=(--vcpu "$(jq -n "$vcpu / 1024")" \
    --memory "$(value TaskMemory 512)MiB" \
    --log-days "$(value LogRetentionDays 7)")
[ "$(value InterfaceEndpoints false)" != true ] ||
	options+=(--interface-endpoints 15)
[ "$(value Architecture ARM64)" != ARM64 ] || options+=(--arm)
exec pp-cost infra "${options[@]}" "${words[@]}"
