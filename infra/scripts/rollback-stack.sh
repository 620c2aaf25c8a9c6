#!/usr/bin/env bash
# usage: rollback-stack.sh [--skip LOGICAL-ID,...] [OPTION...]
# Brings a stack that got stuck back to a state from which it can be used:
#
#   UPDATE_IN_PROGRESS          cancels the update
#   UPDATE_ROLLBACK_FAILED      says why, and continues the way back; what
#                               cannot be brought back is left out with --skip
#                               (Member.LogicalId for one of a nested stack)
#   CREATE_FAILED, UPDATE_FAILED   rolls back
#   ROLLBACK_COMPLETE, ROLLBACK_FAILED   deletes: nothing else is possible
#   DELETE_FAILED               deletes again, and keeps what cannot go
. "${BASH_SOURCE[0]%/*}/common.sh"

skip=()
while [ $# -gt 0 ]; do
	if common_option "$@"; then
		shift "$shifts"
		continue
	fi
	[ "$1" = --skip ] || wrong_usage "'$1' is no option"
	[ $# -ge 2 ] || wrong_usage '--skip needs a value'
	IFS=, read -ra skip <<<"$2"
	shift 2
done

# done_when STATUS...: the stack has come to one of these.
done_when()
{
	local wanted

	wait_for_stack "$id"
	for wanted; do
		[ "$status" != "$wanted" ] || {
			good "the stack is $status"
			return 0
		}
	done
	show_failures "$id" 2>&1 | sed 's/^/  /' >&2
	die "the stack is $status"
}

cancel_update()
{
	ask 'cancel the update?' || die 'nothing was done'
	cloud cloudformation cancel-update-stack --stack-name "$id"
	done_when UPDATE_ROLLBACK_COMPLETE
}

continue_rollback()
{
	local options=()

	show_failures "$id" 2>&1 | sed 's/^/  /' >&2
	[ ${#skip[@]} -eq 0 ] || {
		warn "left as they are: ${skip[*]}"
		options=(--resources-to-skip "${skip[@]}")
	}
	ask 'continue the way back?' || die 'nothing was done'
	cloud cloudformation continue-update-rollback --stack-name "$id" \
	    "${options[@]}"
	wait_for_stack "$id"
	[ "$status" != UPDATE_ROLLBACK_FAILED ] || die 'it failed again: mend' \
	    'what the events name, or leave it out with --skip'
	good "the stack is $status"
}

roll_back()
{
	ask 'roll back?' || die 'nothing was done'
	cloud cloudformation rollback-stack --stack-name "$id" \
	    --retain-except-on-create >/dev/null
	done_when ROLLBACK_COMPLETE UPDATE_ROLLBACK_COMPLETE
}

delete_rest()
{
	ask 'delete what is left of it?' || die 'nothing was done'
	cloud cloudformation delete-stack --stack-name "$id"
	done_when DELETE_COMPLETE NONE
}

delete_again()
{
	local kept

	mapfile -t kept < <(cloud cloudformation describe-stack-resources \
	    --stack-name "$id" | jq -r '.StackResources[] |
		select(.ResourceStatus == "DELETE_FAILED") | .LogicalResourceId')
	warn "these cannot be deleted and stay: ${kept[*]}"
	ask 'delete the rest?' || die 'nothing was done'
	cloud cloudformation delete-stack --stack-name "$id" \
	    --retain-resources "${kept[@]}"
	done_when DELETE_COMPLETE NONE
}

settle
need_credentials
status=$(stack_status)
log "the stack '$stack' is $status"
[ "$status" != NONE ] || die "there is no stack '$stack' in $region"
id=$(stack_id)
forget_events "$id"
case $status in
UPDATE_IN_PROGRESS) cancel_update ;;
UPDATE_ROLLBACK_FAILED) continue_rollback ;;
CREATE_FAILED | UPDATE_FAILED) roll_back ;;
ROLLBACK_COMPLETE | ROLLBACK_FAILED | REVIEW_IN_PROGRESS) delete_rest ;;
DELETE_FAILED) delete_again ;;
*_IN_PROGRESS) die 'something is on its way: wait for its end' ;;
*) good 'nothing to roll back' ;;
esac
