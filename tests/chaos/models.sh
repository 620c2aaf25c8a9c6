#!/usr/bin/env bash
# The models of the worker's protocols, checked by spin in all their states;
# with PP_LONG=1 with more crashes and more zombies.
. "${0%/*}/../e2e/lib.sh"

# explore NAME [-D...]: all states that the model has, or as far as an error.
explore()
{
	local name=$1

	shift
	run spin "$@" -a "$PP_SRCDIR/lib/job/$name.pml"
	check_status 0
	run "${CC:-cc}" -w -O2 -DSAFETY -DCOLLAPSE -DMEMLIM=3000 -o pan pan.c
	check_status 0
	LIMIT=1500 run ./pan -m300000
	check_status 0
	note <<<"$name${*:+ $*}: $(out | grep -o '[0-9]* states, stored')"
}

# Nothing wrong in any state; a search that was cut short says so.
check_holds()
{
	explore "$@"
	check_out_has 'errors: 0'
	check_fails 'the whole of it' grep -qi 'not completed\|too small' \
	    "$T/.out"
}

check_breaks()
{
	explore "$@"
	check_out_has 'assertion violated'
}

need_spin()
{
	need spin
	command -v "${CC:-cc}" >/dev/null || skip 'no C compiler'
}

test_claim_fence_batch_checkpoint_and_journal()
{
	need_spin
	check_holds fence -DCRASHES=2 -DSTOPS=1
	check_holds fence -DCRASHES=2 -DSTOPS=1 -DJOURNAL=0
	[ -n "${PP_LONG:-}" ] || return 0
	check_holds fence -DCRASHES=2 -DSTOPS=2
	check_holds fence -DCRASHES=3 -DSTOPS=1
}

test_slices_of_a_budget()
{
	need_spin
	check_holds budget
	[ -z "${PP_LONG:-}" ] || check_holds budget -DLIMIT=4
}

test_a_protocol_that_is_wrong_is_found_to_be()
{
	need_spin
	check_breaks fence -DCARELESS
	check_breaks budget -DCARELESS
	check_breaks budget -DFORGETFUL
	check_breaks budget -DLOOSE
}

run_tests "$@"
