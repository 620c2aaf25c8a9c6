#!/usr/bin/env bash
# pp-export as a filter and on files; jobs are in other scripts.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

# Rows of a worker: two good ones, one that failed, and one more.
rows()
{
	cat <<-'END'
	{"row":0,"id":"r0","category":"poem","time":"2025-11-19T23:59:59Z","record":{"title":"A, b","n":1,"text":"x\ny \"q\""},"steps":{"s":{"model":"m","output":"x","cost":"0.000001"}}}
	{"row":1,"id":"r1","category":"story","time":"2025-11-20T08:00:00Z","record":{"title":"B","n":2.5,"tags":["a","b"]},"steps":{}}
	{"row":2,"id":"r2","failed":{"step":"s","class":"rejected","reason":"no"}}
	{"row":3,"id":"r3","category":"poem","time":"2025-11-20T09:00:00Z","record":{"title":"C","n":-3,"text":null},"steps":{}}
	END
}

test_rows_become_jsonl()
{
	rows >rows.jsonl
	run pp-export <rows.jsonl
	check_status 0
	check_err 'pp-export: warning: left out 1 failed row'
	check_out '{"title":"A, b","n":1,"text":"x\ny \"q\""}
{"title":"B","n":2.5,"tags":["a","b"]}
{"title":"C","n":-3,"text":null}'
}

test_rows_become_csv()
{
	rows >rows.jsonl
	run pp-export -q -f csv --lf <rows.jsonl
	check_status 0
	check_err ''
	check_out 'title,n,text,tags
"A, b",1,"x
y ""q""",
B,2.5,,"[""a"",""b""]"
C,-3,,'
}

test_parquet_comes_back_as_it_went()
{
	rows | grep -v failed >rows.jsonl
	run_sh 'pp-export -f parquet <rows.jsonl >rows.parquet'
	check_status 0
	run pp-export cat rows.parquet
	check_status 0
	check_out '{"title":"A, b","n":1.0,"text":"x\ny \"q\"","tags":null}
{"title":"B","n":2.5,"text":null,"tags":["a","b"]}
{"title":"C","n":-3.0,"text":null,"tags":null}'
	run pp-export schema --json rows.parquet
	check_status 0
	check_out_jq -s 'map(.column + " " + .type) | join(", ")' \
	    'title string, n double, text string, tags.list.element string'
	check_out_jq -s '.[1] | [.min, .max, .nulls] | @json' '[-3,2.5,0]'
}

test_a_pipe_and_a_file_make_the_same_bytes()
{
	seq 5000 | sed 's/.*/{"a":&}/' >rows.jsonl
	echo '{"a":1.5,"late":"x"}' >>rows.jsonl
	for format in jsonl csv parquet; do
		run_sh "pp-export -f $format <rows.jsonl >from-file"
		check_status 0
		run_sh "cat rows.jsonl | pp-export -f $format | cat >from-pipe"
		check_status 0
		check_same from-file from-pipe
		run_sh "pp-export -f $format -o out <rows.jsonl"
		check_status 0
		check_same from-file "out/dataset.$format"
	done
}

test_all_formats_go_to_a_folder()
{
	rows >rows.jsonl
	run pp-export -q -f jsonl,csv,parquet -o out <rows.jsonl
	check_status 0
	check_out ''
	(cd out && find . -type f | LC_ALL=C sort | tr '\n' ' ') >files
	check "other files: $(cat files)" grep -qx \
	    './_SUCCESS ./dataset.csv ./dataset.jsonl ./dataset.parquet ./manifest.json ' \
	    files
	run jq -r '.files[] | .sha256 + "  out/" + .path' out/manifest.json
	check_status 0
	out >sums
	check 'the manifest has other sums' sha256sum -c sums
	run jq -c '[.rows, .failed_rows, (.schema | map(.name))]' \
	    out/manifest.json
	check_out '[3,1,["title","n","text","tags"]]'
	cp -r out first
	run pp-export -q -f jsonl,csv,parquet -o out <rows.jsonl
	check_status 0
	check 'a second run makes other bytes' diff -r first out
}

test_partitions_are_folders()
{
	rows >rows.jsonl
	run pp-export -q -p category,timestamp -o out <rows.jsonl
	check_status 0
	(cd out/partitioned && find . -type f | LC_ALL=C sort) >files
	cat >expected <<-'END'
	./timestamp-category/year=2025/month=11/day=19/category=poem/records.jsonl
	./timestamp-category/year=2025/month=11/day=20/category=poem/records.jsonl
	./timestamp-category/year=2025/month=11/day=20/category=story/records.jsonl
	END
	check_same expected files
}

test_ten_thousand_partitions_need_few_descriptors()
{
	local sum

	# in memory where that can be: most of the time is the disk's
	o=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d -p "$T")
	seq 20000 | sed 's/.*/{"id":"&","category":"c&","n":&}/; s/"c[0-9]*\([0-9]\{4\}\)"/"c\1"/' >rows.jsonl
	run_sh "ulimit -n 64; pp-export -f jsonl,csv,parquet -p category -o $o <rows.jsonl"
	check_status 0
	check 'partitions are missing' \
	    test "$(find "$o" -name records.parquet | wc -l)" -eq 10999
	run_sh 'jq -c . rows.jsonl | sort | sha256sum'
	sum=$(out)
	run_sh "cat $o/partitioned/category/*/records.jsonl | sort | sha256sum"
	check_out "$sum"
	rm -rf "$o"
}

test_a_killed_export_leaves_nothing_that_looks_complete()
{
	mkfifo rows
	background bash -c 'exec pp-export -f jsonl,csv,parquet -o out <rows'
	exec 7>rows
	seq 100000 | sed 's/.*/{"a":&}/' >&7
	wait_for 10 test -d out
	kill -KILL "$PID"
	exec 7>&-
	check 'files are left' test -z "$(ls out)"
	run pp-export -o out <<<'{"a":1}'
	check_status 0
	check 'hidden files are left' test -z "$(find out -name '.?*')"
}

test_a_full_disk_is_said_and_cleaned_up()
{
	mkdir small
	mount -t tmpfs -o size=2m tmpfs small 2>/dev/null ||
		skip 'a small disk cannot be mounted here'
	seq 300000 | sed 's/.*/{"a":"row &"}/' >rows.jsonl
	run pp-export -f jsonl,parquet -o small/out <rows.jsonl
	check_status 74
	check_err_has 'No space left on device'
	check 'files are left' test -z "$(ls -A small/out)"
	umount small
}

test_a_full_standard_output_is_said()
{
	[ -w /dev/full ] || skip 'no /dev/full here'
	run_sh 'echo "{\"a\":1}" | pp-export -f parquet >/dev/full'
	check_status 74
	check_err_has "cannot write 'standard output'"
}

test_bad_rows_are_named()
{
	run pp-export -f csv < <(printf '{"a":1}\n{"a":\n')
	check_status 65
	check_err_has 'pp-export: standard input:2: '
	run pp-export -f parquet -t a=int < <(printf '{"a":1}\n{"a":"x"}\n')
	check_status 65
	check_err_has "standard input:2: \"x\" does not fit 'a'"
}

test_options_that_do_not_go_together_are_usage_errors()
{
	local arguments

	for arguments in '-f jsonl,csv' '-p category' '-f word' '-p week' \
	    '--max-rows-per-file 3' '--partial' '-t a' '--delimiter ab' \
	    '--parquet-compress lz4' 'nojob' '-f csv --delimiter a'; do
		# shellcheck disable=SC2086
		run pp-export $arguments <<<'{"a":1}'
		check_status 64
		check_out ''
	done
}

test_a_job_that_is_not_there_is_said()
{
	run pp-export 01934f5e-3c1a-7b52-9c1e-0a8f1d2c3b4a
	check_status 66
}

test_files_that_are_not_parquet_are_said()
{
	run pp-export cat "$PP_SRCDIR/tests/e2e/export.sh"
	check_status 65
	check_err_has 'is not Parquet'
	run pp-export schema none.parquet
	check_status 66
}

run_tests "$@"
