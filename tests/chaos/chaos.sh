#!/usr/bin/env bash
# A slice of the chaos for every run of the tests; PP_LONG=1 makes it long, and
# `make chaos ROUNDS=1000` is for as long as you like, with AWS=1 on that home.
# Each state of the tree has its own seed, which is printed; PP_TEST_SEED is
# another.
. "${0%/*}/../e2e/lib.sh"

servers=()
seed=$("$PP_SRCDIR/tests/support/tree-seed")

# chaos_on_aws OPTION...: chaos, where the home is on AWS, on servers of its own.
chaos_on_aws()
{
	servers=("$PP_SRCDIR/tests/support/with-aws-servers")
	chaos --aws "$PP_BUILDDIR/tests/support/awshome" "$@"
	case $(out) in
	'1..0 # SKIP '*) skip "$(out | sed 's/^1..0 # SKIP //')" ;;
	esac
}

chaos()
{
	local more=()

	need python3
	[ -x "$PP_BUILDDIR/tests/support/mockllm" ] ||
		skip 'no tests/support/mockllm in this build'
	if grep -q '^#define PP_SANITIZED' "$PP_BUILDDIR/config.h"; then
		more+=(--max-rss 0)
	fi
	if [ -r "$PP_BUILDDIR/tests/chaos/faults.so" ]; then
		more+=(--shim "$PP_BUILDDIR/tests/chaos/faults.so")
	fi
	LIMIT=3000 run "${servers[@]}" python3 "$PP_SRCDIR/tests/chaos/chaos.py" \
	    --bin "${PP_BINDIR:-$PP_BUILDDIR/cmd}" \
	    --mock "$PP_BUILDDIR/tests/support/mockllm" --seed "$seed" \
	    "${more[@]}" "$@"
	check_status 0
	sed 's/^/# /' "$T/.out"
}

rounds=1
seconds=25
if [ -n "${PP_LONG:-}" ]; then
	rounds=20
	seconds=900
fi

test_all_troubles_mixed()
{
	chaos --mix --at-once 3 --seconds "$seconds"
}

test_kills_at_random_moments()
{
	chaos --rows 200 --events 8 --longest 0.2 --rounds "$rounds"
}

test_a_budget_that_ends_first_under_kills()
{
	chaos --rows 400 --events 6 --rounds "$rounds" --workers 2 \
	    --shards 2 --poor --budget 0.1
}

test_a_home_on_aws_with_faults_on_the_wire()
{
	chaos_on_aws --mix --at-once 3 --seconds $((seconds * 3 / 5))
}

test_two_hundred_kills_over_one_job_on_aws()
{
	[ -n "${PP_LONG:-}" ] || skip 'takes minutes; make check-long runs it'
	chaos_on_aws --rows 4000 --events 250 --shortest 0.3 --longest 2.5 \
	    --lease 1s --concurrency 8 --budget 100000 --time-limit 1800 \
	    -- --latency 60
}

test_two_hundred_kills_over_one_job()
{
	[ -n "${PP_LONG:-}" ] || skip 'takes minutes; make check-long runs it'
	chaos --rows 2000 --events 200 --shortest 0.02 --longest 0.2 \
	    --concurrency 8 -- --latency 40
}

run_tests "$@"
