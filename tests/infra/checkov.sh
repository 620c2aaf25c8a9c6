#!/usr/bin/env bash
# What checkov says of the templates: findings, and what is passed over for the
# reason that stands there. `make lint-checkov` runs it; its packages take
# 290 MB, so the tests of every build do not.
. "${0%/*}/../e2e/lib.sh"

test_checkov_has_no_finding()
{
	local python

	python=$("$PP_SRCDIR/tests/support/python-venv" \
	    "$PP_SRCDIR/tests/infra/checkov/requirements.txt" 2>"$T/why") ||
		skip "$(cat "$T/why")"
	LIMIT=600
	run "$python" "${python%/*}/checkov" --framework cloudformation \
	    --skip-download --compact -o json \
	    -d "$PP_SRCDIR/infra/cloudformation"
	check_status 0
	check_out_jq .summary.failed 0
	check_out_jq '.summary.passed > 50' true
	check_out_jq '[.results.skipped_checks[] |
		select(.check_result.suppress_comment == "")] | length' 0
}

run_tests "$@"
