#!/usr/bin/env bash
# usage: backup-dynamodb.sh [--name N] [OPTION...]
#        backup-dynamodb.sh --list [OPTION...]
#        backup-dynamodb.sh --restore N --to PREFIX [OPTION...]
# Backs up the tables of a deployment on demand, under one name (the time).
#
# --restore makes tables of that backup, named PREFIX and then Jobs, Queue,
# Templates and CostTracking: with PP_TABLE_PREFIX=PREFIX the programs use them
# at once. A table that exists is never written over; to restore under the old
# names, take the tables away first. Point-in-time recovery and the time to
# live are switched on again, which a restored table is without.
. "${BASH_SOURCE[0]%/*}/common.sh"

mode=backup
name=
to=
while [ $# -gt 0 ]; do
	if common_option "$@"; then
		shift "$shifts"
		continue
	fi
	case $1 in
	--list) mode=list; shift; continue ;;
	--name | --restore | --to) ;;
	*) wrong_usage "'$1' is no option" ;;
	esac
	[ $# -ge 2 ] || wrong_usage "$1 needs a value"
	case $1 in
	--name) name=$2 ;;
	--to) to=$2 ;;
	--restore) mode=restore name=$2 ;;
	esac
	shift 2
done

# wait_until WHAT WANTED COMMAND...: COMMAND prints a word; until it is WANTED.
wait_until()
{
	local what=$1 wanted=$2 end=$((SECONDS + longest)) word
	shift 2

	while :; do
		word=$("$@")
		[ "$word" != "$wanted" ] || return 0
		[ "$SECONDS" -lt "$end" ] ||
			die "$what is still $word after $longest s"
		sleep "$poll"
	done
}

backup_status()
{
	cloud dynamodb describe-backup --backup-arn "$1" |
		jq -r .BackupDescription.BackupDetails.BackupStatus
}

table_status()
{
	cloud dynamodb describe-table --table-name "$1" |
		jq -r .Table.TableStatus
}

tables_of_stack()
{
	stack_resources "$stack" AWS::DynamoDB::Table | cut -d ' ' -f 2
}

backup()
{
	local tables table arn

	[ "$(stack_status)" != NONE ] || die "there is no stack '$stack'"
	tables=$(tables_of_stack)
	[ -n "$tables" ] || die "the stack '$stack' has no tables"
	name=${name:-$(date -u +%Y%m%dT%H%M%SZ)}
	for table in $tables; do
		arn=$(cloud dynamodb create-backup --table-name "$table" \
		    --backup-name "$table-$name" |
			jq -r .BackupDetails.BackupArn)
		wait_until "the backup of $table" AVAILABLE backup_status "$arn"
		log "backed up $table"
		jq -nc --arg n "$name" --arg t "$table" --arg a "$arn" \
		    '{backup: $n, table: $t, arn: $a}'
	done
	good "backup $name"
}

# All backups of tables of this environment, as backup prints them.
backups()
{
	cloud dynamodb list-backups | jq -c --arg p "$prefix-" '
		.BackupSummaries[] | .TableName as $t |
		select($t | startswith($p)) |
		select($t[($p | length):] |
		    IN("Jobs", "Queue", "Templates", "CostTracking")) |
		select(.BackupName | startswith($t + "-")) |
		{backup: .BackupName[($t | length) + 1:], table: $t,
		    arn: .BackupArn, made: .BackupCreationDateTime}'
}

restore()
{
	local found table arn new answer

	[ -n "$to" ] || wrong_usage '--restore needs --to PREFIX'
	found=$(backups | jq -r --arg n "$name" 'select(.backup == $n) |
		"\(.table) \(.arn)"')
	[ -n "$found" ] || die "there is no backup '$name'; see --list"
	while read -r table arn; do
		new=$to${table#"$prefix-"}
		if cloud dynamodb describe-table --table-name "$new" \
		    >/dev/null 2>&1; then
			die "the table $new exists: give another --to"
		fi
	done <<<"$found"
	while read -r table arn; do
		new=$to${table#"$prefix-"}
		answer=$(cloud dynamodb restore-table-from-backup \
		    --target-table-name "$new" --backup-arn "$arn" 2>&1) ||
			die "$new: $(tail -n 1 <<<"$answer")"
		log "restoring $table as $new"
	done <<<"$found"
	while read -r table arn; do
		new=$to${table#"$prefix-"}
		wait_until "$new" ACTIVE table_status "$new"
		cloud dynamodb update-continuous-backups --table-name "$new" \
		    --point-in-time-recovery-specification \
		    PointInTimeRecoveryEnabled=true >/dev/null
		[[ $new != *CostTracking ]] ||
			cloud dynamodb update-time-to-live --table-name "$new" \
			    --time-to-live-specification \
			    Enabled=true,AttributeName=ttl >/dev/null
		echo "$new"
	done <<<"$found"
	good "restored; use it with: export PP_TABLE_PREFIX=$to"
}

settle
need_credentials
case $mode in
list) backups ;;
*) "$mode" ;;
esac
