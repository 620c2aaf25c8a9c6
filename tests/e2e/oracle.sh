#!/usr/bin/env bash
# What pp-export writes, as pyarrow, DuckDB, Polars and `datasets` read it.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

oracle=$PP_SRCDIR/tests/oracle
LIMIT=900

# A Python with the readers in $PYTHON.
need_readers()
{
	PYTHON=$("$PP_SRCDIR/tests/support/python-venv" \
	    "$oracle/requirements.txt" 2>"$T/why") ||
		skip "no readers: $(tail -n 1 "$T/why")"
}

# One tree, one seed: a failure elsewhere is a failure here.
seed()
{
	if [ -n "${PP_LONG:-}" ] && [ -z "${PP_TEST_SEED:-}" ]; then
		date +%s
	else
		"$PP_SRCDIR/tests/support/tree-seed"
	fi
}

test_particular_files_are_read_value_by_value()
{
	need_readers
	run "$PYTHON" "$oracle/parquet_cases.py" "$(command -v pp-export)"
	check_status 0
	check 'a case fails' test -z "$(out | grep -A 1 '^not ok' | tee cases)"
	note <cases
	check 'all cases' test "$(out | grep -c '^ok')" -ge 30
}

test_random_rows_are_read_as_they_were_written()
{
	local bound=120

	need_readers
	[ -z "${PP_LONG:-}" ] || bound=3600s
	LIMIT=4000 run "$PYTHON" "$oracle/parquet_oracle.py" "$(command -v pp-export)" \
	    "$(seed)" "$bound"
	check_status 0
	out | tail -n 1 | note
}

test_datasets_opens_an_export()
{
	local format

	need_readers
	export HF_HUB_OFFLINE=1 HF_HOME=$T/hf
	seq 500 | sed 's/.*/{"n":&,"id":"row &","text":"é &","score":&.5,"made":"2025-11-19T10:20:30+00:00","cost":"0.00000012&","tags":["a","b"],"by":{"name":"x","year":null}}/' |
		sed 's/\("cost":"0.[0-9]\{9\}\)[0-9]*/\1/' >rows.jsonl
	run pp-export -f parquet --card --split train=0.8,test=0.2 -o out.parquet \
	    -t made=timestamp -t 'cost=decimal(18,9)' <rows.jsonl
	check_status 0
	run "$PYTHON" "$oracle/open_dataset.py" out.parquet rows.jsonl
	check_status 0
	check_out 'n int64
id string
text string
score float64
made timestamp[us, tz=UTC]
cost decimal128(18, 9)
tags List
by dict'
	jq -c '{n, id, text, score}' rows.jsonl >flat.jsonl
	for format in csv jsonl; do
		run pp-export -f "$format" --card --split train=0.8,test=0.2 \
		    --max-rows-per-file 100 -o "out.$format" <flat.jsonl
		check_status 0
		run "$PYTHON" "$oracle/open_dataset.py" "out.$format" flat.jsonl
		check_status 0
	done
}

run_tests "$@"
