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
	    './.huggingface.yaml ./_SUCCESS ./dataset.csv ./dataset.jsonl ./dataset.parquet ./manifest.json ' \
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

test_rows_take_the_shapes_of_training()
{
	echo '{"question":"q","answer":"a","extra":{"n":1},"chosen":"c","rejected":null}' >rows.jsonl
	run pp-export --as messages <rows.jsonl
	check_out '{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}'
	run pp-export --as sharegpt --map system=extra --map user=question \
	    --map assistant=answer --map user=chosen <rows.jsonl
	check_out '{"conversations":[{"from":"system","value":"{\"n\":1}"},{"from":"human","value":"q"},{"from":"gpt","value":"a"},{"from":"human","value":"c"}]}'
	run pp-export --as alpaca <rows.jsonl
	check_out '{"instruction":"q","output":"a"}'
	run pp-export --as text --map text=extra.n <rows.jsonl
	check_out '{"text":"1"}'
	run pp-export --as dpo <rows.jsonl
	check_status 65
	check_err_has "standard input:1: the row has no 'rejected' for dpo"
	run pp-export --map a=answer --map none=nothing <rows.jsonl
	check_out '{"a":"a","none":null}'
	run pp-export --as dpo --map user=question <rows.jsonl
	check_status 64
}

test_what_is_known_of_rows_comes_when_asked_for()
{
	rows >rows.jsonl
	run pp-export -q --with-meta --map n=n -n 1 <rows.jsonl
	check_out '{"n":1,"_job_id":null,"_row":0,"_id":"r0","_category":"poem","_time":"2025-11-19T23:59:59Z","_tokens_in":0,"_tokens_out":0,"_cost":"0.000001","_steps":[{"step":"s","model":"m","tokens_in":null,"tokens_out":null,"cost":"0.000001","finish":null,"attempts":null}]}'
	run_sh 'pp-export -q --with-meta -f parquet <rows.jsonl >rows.parquet'
	check_status 0
	run_sh "pp-export schema --json rows.parquet | jq -r .column+.type | tr '\n' ' '"
	check_out_has '_rowint64 '
	check_out_has '_timetimestamp '
	check_out_has '_costdecimal(18,9) '
	run pp-export --include-failed <rows.jsonl
	check_err ''
	check_out_jq -s '.[2]._failed.class + " " + (.[0]._failed | tostring)' \
	    'rejected null'
}

test_rows_are_split_by_their_ids()
{
	local n bad

	seq 2000 | sed 's/.*/{"id":"row &","n":&}/' >rows.jsonl
	run pp-export --split train=0.9,test=0.1 -o out <rows.jsonl
	check_status 0
	n=$(wc -l <out/test/dataset.jsonl)
	check "$n rows in test" test "$n" -gt 140
	check "$n rows in test" test "$n" -lt 260
	run_sh 'cat out/*/dataset.jsonl | sort'
	out >together
	sort rows.jsonl >expected
	check_same expected together
	cp out/test/dataset.jsonl before
	# rows stay where they are when others come
	seq 2001 4000 | sed 's/.*/{"id":"row &","n":&}/' >>rows.jsonl
	run pp-export --split train=0.9,test=0.1 -o out <rows.jsonl
	head -n "$n" out/test/dataset.jsonl >after
	check_same before after
	run pp-export --split train=0.9,test=0.1 -o none < <(:)
	check 'a split has no file' test -f none/train/dataset.jsonl
	check 'a split has no file' test -f none/test/dataset.jsonl
	for bad in 'train=0.9' 'a=0.5,a=0.5' 'a=1.5,b=-0.5' '=1' 'a' '../x=1'; do
		run pp-export --split "$bad" -o bad <rows.jsonl
		check_status 64
	done
}

test_rows_are_shuffled_by_a_seed()
{
	local seed

	seq 3000 | sed 's/.*/{"n":&}/' >rows.jsonl
	sort rows.jsonl >expected
	for seed in 1 2; do
		run pp-export --shuffle --seed "$seed" <rows.jsonl
		check_status 0
		out >"shuffled.$seed"
		sort "shuffled.$seed" >sorted
		check_same expected sorted
	done
	check_fails 'two seeds make one order' cmp -s shuffled.1 shuffled.2
	run pp-export --shuffle --seed 1 <rows.jsonl
	check_out_file shuffled.1
	head -n 10 shuffled.1 >first
	run pp-export --shuffle --seed 1 --limit 10 <rows.jsonl
	check_out_file first
	run pp-export --limit 2 <rows.jsonl
	check_out '{"n":1}
{"n":2}'
}

test_rows_do_not_repeat()
{
	cat >rows.jsonl <<-'END'
	{"q":"The quick brown fox jumps over the lazy dog near the river bank today","n":1}
	{"q":"An entirely different question about something else altogether, isn't it","n":2}
	{"q":"The quick brown fox jumps over the lazy dog near the river bank today","n":3}
	{"q":"the quick, brown fox jumps over the lazy dog near the river bank now","n":4}
	{"n":5}
	{"n":6}
	END
	run_sh "pp-export --dedup q <rows.jsonl | jq .n | tr '\n' ' '"
	check_status 0
	check_out_has '1 2 4 5 6 '
	run_sh "pp-export --dedup q:near=0.7 <rows.jsonl | jq .n | tr '\n' ' '"
	check_out_has '1 2 5 6 '
	run pp-export --dedup q -o out <rows.jsonl
	run jq -c '[.rows, .duplicate_rows]' out/manifest.json
	check_out '[5,1]'
	run pp-export --dedup q:near=2 <rows.jsonl
	check_status 64
}

test_rows_are_chosen_by_an_expression()
{
	rows >rows.jsonl
	run_sh "pp-export -q --where 'n > 0 and category == \"poem\"' <rows.jsonl | jq .title"
	check_status 0
	check_out '"A, b"'
	run_sh "pp-export -q --where 'steps.s is defined' <rows.jsonl | jq .title"
	check_out '"A, b"'
	run_sh "pp-export -q --include-failed --where 'failed is defined' <rows.jsonl | jq ._failed.class"
	check_out '"rejected"'
	run pp-export -q -f parquet -p category --where 'n > 0' -o out <rows.jsonl
	check_status 0
	run jq .rows out/manifest.json
	check_out 2
	# chance is the row's own
	seq 1000 | sed 's/.*/{"n":&}/' >many.jsonl
	run_sh 'pp-export --where "range(10) | random == 0" <many.jsonl | tee one | wc -l'
	check "$(out) of 1000 rows" test "$(out)" -gt 50 -a "$(out)" -lt 150
	run_sh 'tac many.jsonl | pp-export --where "range(10) | random == 0" | tac'
	check_out_file one
	run pp-export --where 'm > 1' <many.jsonl
	check_status 65
	check_err_has "standard input:1: --where: "
	check_err_has "'m' is undefined"
	for bad in 'n >' 'n }}{{ n' '' '{% if n %}'; do
		run pp-export --where "$bad" <many.jsonl
		check_status 64
	done
}

test_a_selected_field_that_no_row_has_is_named()
{
	printf '{"a":1}\n{"a":2,"b":{"c":3}}\n' >rows.jsonl
	run pp-export --select 'a,b.c,titel,b.d,n=a+1' <rows.jsonl
	check_status 0
	check_out_lines 2
	check_err "pp-export: warning: --select: no row has 'titel'
pp-export: warning: --select: no row has 'b.d'"
	run pp-export --select titel --where 'a > 2' <rows.jsonl
	check_status 0
	check_err ''
}

test_fields_are_selected_and_made()
{
	rows >rows.jsonl
	run pp-export -q --select 'n, id, none, long=title ~ "," ~ (n | abs), big=[n > 1, {"a": "b,c"}]' <rows.jsonl
	check_status 0
	check_out '{"n":1,"id":"r0","long":"A, b,1","big":[false,{"a":"b,c"}]}
{"n":2.5,"id":"r1","long":"B,2.5","big":[true,{"a":"b,c"}]}
{"n":-3,"id":"r3","long":"C,3","big":[false,{"a":"b,c"}]}'
	run pp-export -q --select 'steps.s.cost, t=title' --where 'row == 0' <rows.jsonl
	check_out '{"steps.s.cost":"0.000001","t":"A, b"}'
	run pp-export -q --select 'q=title,text' --as alpaca --map instruction=q \
	    --map output=text --where 'text is defined and text' <rows.jsonl
	check_out '{"instruction":"A, b","output":"x\ny \"q\""}'
	run pp-export -q -f parquet -p category --shuffle --select 'x=n * 2' -o out <rows.jsonl
	check_status 0
	run_sh 'pp-export cat out/partitioned/category/*/*.parquet | sort'
	check_out '{"x":-6.0}
{"x":2.0}
{"x":5.0}'
	for bad in 'a=' '=n' 'n==1' 'n,,title' ''; do
		run pp-export --select "$bad" <rows.jsonl
		check_status 64
	done
}

test_csv_comes_back_as_it_went()
{
	cat >rows.jsonl <<-'END'
	{"id":"007","n":1,"x":1.5,"text":"a, \"b\"\nc\td","tags":["x",null],"ok":true}
	{"id":"008","n":null,"x":-2.0,"text":"","tags":[],"ok":false}
	{"id":"é","n":-9223372036854775808,"x":1e300,"text":null,"tags":null,"ok":null}
	END
	run_sh 'pp-export -f csv --bom <rows.jsonl >rows.csv'
	check_status 0
	run pp-export --from csv -t n=int -t x=double -t 'tags=list(string)' -t ok=bool <rows.csv
	check_status 0
	check_out_file rows.jsonl
	run_sh 'cat rows.csv | pp-export --from csv -t n=int -f parquet | cat >rows.parquet'
	check_status 0
	run_sh 'pp-export cat rows.parquet'
	check_out_has '{"id":"007","n":1,'
	check_out_has '{"id":"é","n":-9223372036854775808,'
	run pp-export --from csv -t n=int < <(printf 'n\n1\nx\n')
	check_status 65
	check_err_has "standard input:3: \"x\" does not fit 'n'"
	run pp-export --from csv < <(printf 'a,b\n1,2\n1\n')
	check_status 65
	check_err_has 'standard input:3: the record has 1 cells and the header 2'
	run pp-export --from csv < <(printf 'a,a\n')
	check_status 65
	run pp-export --from csv -f csv < <(:)
	check_status 0
	check_out ''
	run pp-export --from csv --from-delimiter ';' < <(printf 'a;b\n1,5;"x;y"\n')
	check_status 0
	check_out '{"a":"1,5","b":"x;y"}'
	run pp-export --from csv --from-delimiter tab -f csv --lf --delimiter '|' \
	    < <(printf 'a\tb\n1|2\t3\n')
	check_out 'a|b
"1|2"|3'
	run pp-export --from-delimiter ';' </dev/null
	check_status 64
	run pp-export --from csv --from-delimiter x </dev/null
	check_status 64
	run pp-export --from xml </dev/null
	check_status 64
}

# Skips in a build that was configured without the compressor.
need_codec()
{
	local codec

	for codec; do
		case $(pp-export --compress "$codec" </dev/null 2>&1 >/dev/null) in
		*'built without'*) skip "this build has no $codec" ;;
		esac
	done
}

test_files_are_compressed()
{
	local codec

	need zstd gzip
	need_codec zstd gzip
	rows >rows.jsonl
	pp-export -q <rows.jsonl >plain
	for codec in zstd zstd:9 gzip gzip:1; do
		run_sh "pp-export -q --compress $codec <rows.jsonl >packed"
		check_status 0
		run_sh "zstd -qdc packed 2>/dev/null || gzip -dc packed"
		check_out_file plain
	done
	run pp-export -q --compress gzip -f jsonl,csv -o out <rows.jsonl
	check_status 0
	run gzip -dc out/dataset.jsonl.gz
	check_out_file plain
	check 'no csv' test -f out/dataset.csv.gz
	run pp-export --compress snappy <rows.jsonl
	check_status 64
}

test_a_card_says_what_it_is()
{
	rows >rows.jsonl
	run pp-export -q -f csv,parquet --card --split train=0.5,test-1=0.5 -o out <rows.jsonl
	check_status 0
	run cat out/README.md
	check_out_has '  - split: test_1'
	check_out_has '    path: "test-1/dataset.parquet"'
	check_out_has 'license: # fill in'
	check_out_has '* rows that failed, left out: 1'
	check_out_has '| tags | list | |'
}

test_threads_make_no_difference()
{
	local how n

	seq 30000 | sed 's/.*/{"n":&,"text":"row & of many, & & & and what else there is to say of &","x":&.25}/' >rows.jsonl
	for how in '' '--parquet-pages-v2' '--parquet-compress snappy' \
	    '--parquet-compress zstd:3' '--compress zstd' '-p category' \
	    '--max-bytes-per-file 200000'; do
		for n in 1 2 5; do
			# shellcheck disable=SC2086
			run pp-export -f jsonl,csv,parquet --threads "$n" \
			    -o "out.$n" $how <rows.jsonl
			check_status 0
		done
		check "$how: 2 threads" diff -r out.1 out.2
		check "$how: 5 threads" diff -r out.1 out.5
	done
}

test_parquet_files_keep_to_their_bound()
{
	local file

	seq 30000 | sed 's/.*/{"n":&,"text":"row & of many, & & &"}/' >rows.jsonl
	run pp-export -f parquet --max-bytes-per-file 100000 \
	    --parquet-compress none -o out <rows.jsonl
	check_status 0
	check 'there is one file' test -f out/part-00002.parquet
	for file in out/*.parquet; do
		check "$file is too large" \
		    test "$(stat -c %s "$file")" -le 110000
		pp-export cat "$file"
	done >back
	check_same rows.jsonl back
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
	check 'hidden files are left' test -z "$(find out -name '.pp-*')"
}

test_an_export_that_is_told_to_stop_cleans_up()
{
	local signal

	mkfifo rows
	for signal in TERM INT HUP; do
		# the shell gives what it starts in the background SIGINT ignored
		background env --default-signal bash -c "exec pp-export \
		    -f jsonl,csv,parquet -o out.$signal <rows"
		exec 7>rows
		seq 100000 | sed 's/.*/{"id":"&","category":"c&","n":&}/' >&7
		wait_for 60 sh -c "ls out.$signal/.pp-export-* >/dev/null 2>&1"
		kill -"$signal" "$PID"
		status=0
		wait "$PID" || status=$?
		check "$signal: status $status" test "$status" = 75
		exec 7>&-
		check "$signal: something is left" \
		    test -z "$(ls -A "out.$signal")"
		check 'it says so' grep -q "stopped by SIG$signal" "bg.$PID.err"
	done
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
	run_sh 'seq 200000 | sed "s/.*/{\"a\":&}/" | pp-export --threads 2 >/dev/full'
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
	    '--max-rows-per-file 3' '--partial' '-t a' '-f parquet --bloom a' \
	    '-f parquet --bloom none' '--threads 0' '--delimiter ab' \
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
