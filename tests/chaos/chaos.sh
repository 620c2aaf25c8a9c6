#!/usr/bin/env bash
# A slice of the chaos for every run of the tests, with a new seed each time;
# PP_LONG=1 makes it long. `make chaos ROUNDS=1000` is for as long as you like.
. "${0%/*}/../e2e/lib.sh"

chaos()
{
	need python3
	[ -x "$PP_BUILDDIR/tests/support/mockllm" ] ||
		skip 'no tests/support/mockllm in this build'
	LIMIT=3000 run python3 "$PP_SRCDIR/tests/chaos/chaos.py" \
	    --bin "${PP_BINDIR:-$PP_BUILDDIR/cmd}" \
	    --mock "$PP_BUILDDIR/tests/support/mockllm" "$@"
	check_status 0
	sed 's/^/# /' "$T/.out"
}

rounds=1
[ -z "${PP_LONG:-}" ] || rounds=40

test_kills_at_random_moments()
{
	chaos --rows 400 --kills 12 --rounds "$rounds"
}

test_signals_and_faults_on_three_shards()
{
	chaos --rows 400 --kills 12 --rounds "$rounds" --workers 3 --shards 3 \
	    --weights 3 2 2 -- --latency 20 --fault 500=0.02 \
	    --fault reset=0.02 --fault truncate=0.02 --fault 429=0.02 \
	    --fault drip=0.01 --retry-after 0
}

test_a_budget_that_ends_first_under_kills()
{
	chaos --rows 1000 --kills 10 --rounds "$rounds" --workers 2 \
	    --shards 2 --poor --budget 0.25
}

test_two_hundred_kills_over_one_job()
{
	[ -n "${PP_LONG:-}" ] || skip 'takes minutes; make check-long runs it'
	chaos --rows 2000 --kills 200 --shortest 0.02 --longest 0.2 \
	    --concurrency 8 -- --latency 40
}

run_tests "$@"
