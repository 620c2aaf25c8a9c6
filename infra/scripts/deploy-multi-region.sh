#!/usr/bin/env bash
# usage: deploy-multi-region.sh --regions A,B,... [--parallel]
#            [--all-outputs FILE] [OPTION of deploy.sh...]
# Deploys to several regions of one account, one after the other (stopping at
# the first that fails) or side by side, each with what parameters/regions.json
# has for it. Every region is a deployment of its own; the outputs of all go
# into one file, by region (outputs-all.json).
. "${BASH_SOURCE[0]%/*}/common.sh"

regions=()
parallel=
all=outputs-all.json
words=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage 0 ;;
	--regions | --all-outputs)
		[ $# -ge 2 ] || wrong_usage "$1 needs a value"
		if [ "$1" = --regions ]; then
			IFS=, read -ra regions <<<"$2"
		else
			all=$2
		fi
		shift 2
		;;
	--parallel) parallel=1; shift ;;
	--region | --outputs | --log) wrong_usage "$1 is given to each region" ;;
	*) words+=("$1"); shift ;;
	esac
done
[ ${#regions[@]} -gt 0 ] || wrong_usage 'give --regions A,B'
need_tools
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Side by side nobody could answer.
if [ -n "$parallel" ] && [[ " ${words[*]} " != *' --yes '* ]]; then
	wrong_usage '--parallel needs --yes'
fi

deploy_one()
{
	local r=$1 sets=() set

	while IFS= read -r set; do
		sets+=(--set "$set")
	done < <(jq -r --arg r "$r" '(.regions[$r] // .default).parameters |
		to_entries[] | "\(.key)=\(.value)"' \
	    "$infra/parameters/regions.json")
	"$scripts/deploy.sh" --region "$r" --outputs "$work/$r.json" \
	    --log "deployment-$r.log" "${sets[@]}" "${words[@]}" \
	    >"$work/$r.out" 2> >(sed "s/^/$r: /" >&2)
}

# Roles are global: a region without a suffix of its own would ask for the
# names of another.
for r in "${regions[@]}"; do
	jq -e --arg r "$r" '.regions[$r]' "$infra/parameters/regions.json" \
	    >/dev/null || die "parameters/regions.json has no region '$r'"
done
failed=()
pids=()
for r in "${regions[@]}"; do
	if [ -n "$parallel" ]; then
		deploy_one "$r" &
		pids+=("$!")
	elif ! deploy_one "$r"; then
		failed+=("$r")
		break
	fi
done
for i in "${!pids[@]}"; do
	wait "${pids[$i]}" || failed+=("${regions[$i]}")
done
find "$work" -name '*.json' -printf '%f\n' | sort | while read -r file; do
	jq --arg r "${file%.json}" '{($r): .}' "$work/$file"
done | jq -s 'add // {}' >"$all"
log "outputs of all regions: $all"
[ ${#failed[@]} -eq 0 ] || die "failed: ${failed[*]}"
good "deployed: ${regions[*]}"
