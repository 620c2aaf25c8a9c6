#!/usr/bin/env bash
# The models of the worker's protocols, checked by spin: as far as it comes in
# some seconds, and with PP_LONG=1 all of it.
. "${0%/*}/../e2e/lib.sh"

seconds=6
[ -z "${PP_LONG:-}" ] || seconds=1200

# try_model NAME [-D...]: whether pan finds an error. Its words are in the file
# pan.out.
try_model()
{
	local name=$1

	shift
	run spin "$@" -a "$PP_SRCDIR/lib/job/$name.pml"
	check_status 0
	run "${CC:-cc}" -w -O2 -DSAFETY -DCOLLAPSE -DMEMLIM=3000 -o pan pan.c
	check_status 0
	timeout "$seconds" ./pan -m200000 >pan.out 2>&1
	note <<<"$name $*: $(grep -o '[0-9]* states, stored' pan.out ||
	    echo "not all states in $seconds s")"
	grep -q 'errors: [1-9]\|assertion violated' pan.out
}

need_spin()
{
	need spin
	command -v "${CC:-cc}" >/dev/null || skip 'no C compiler'
}

test_claim_fence_batch_checkpoint_and_journal()
{
	need_spin
	check_fails 'every row once, no answer asked for again' \
	    try_model fence -DCRASHES=1
}

test_slices_of_a_budget()
{
	need_spin
	check_fails 'never more than the limit' try_model budget
}

test_a_protocol_that_is_wrong_is_found_to_be()
{
	need_spin
	check 'money is given back that may be spent' \
	    try_model budget -DCARELESS
}

run_tests "$@"
