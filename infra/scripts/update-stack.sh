#!/usr/bin/env bash
# usage: update-stack.sh [--no-backup] [OPTION of deploy.sh...]
# Backs up the tables, then brings a deployment that stands to what templates
# and parameters say: 'deploy.sh --update' shows the changes and asks.
. "${BASH_SOURCE[0]%/*}/common.sh"

backup=1
words=()
skip=
for word in "$@"; do
	if [ "$word" = --no-backup ]; then
		backup=
	else
		words+=("$word")
	fi
	[[ $word != --dry-run ]] || skip=1
done
set -- "${words[@]}"
while [ $# -gt 0 ]; do
	if common_option "$@"; then
		shift "$shifts"
	else
		case $1 in
		--outputs | --log) shift 2 ;;
		--allow-replacement | --dry-run) shift ;;
		*) wrong_usage "'$1' is no option" ;;
		esac
	fi
done
settle
if [ -n "$backup" ] && [ -z "$skip" ]; then
	mapfile -t options < <(settle_words)
	"$scripts/backup-dynamodb.sh" "${options[@]}"
fi
exec "$scripts/deploy.sh" --update "${words[@]}"
