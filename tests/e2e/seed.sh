#!/usr/bin/env bash
# Seeds: in, checked, sampled, out.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

# Objects of a set, by their names without the generation.
objects()
{
	find "$T/home" -path "*/$1/*" -type f -printf '%f\n' | sort
}

lines()
{
	seq "$1" | sed 's/.*/{"n":&,"kind":"k"}/'
}

test_files_of_a_folder_have_no_urls()
{
	local call time

	lines 3 >s.jsonl
	run pp-seed put s s.jsonl
	for call in 'url s' 'url --put s' 'url --put new -x 7d'; do
		# shellcheck disable=SC2086
		run pp-seed $call
		check_status 78
		check_err_has 'objects of this home are files and have no URLs'
	done
	for time in 0s 999ms 8d 604801s -1s soon; do
		run pp-seed url --put s --expires "$time"
		check_status 64
	done
	run pp-seed url --put sample:poetry
	check_status 64
	run pp-seed put --uploaded new
	check_status 66
	check_err_has "nothing was uploaded for seed set 'new'"
	run pp-seed put --uploaded new s.jsonl
	check_status 64
	check_err_has '--uploaded stands in place of files'
}

test_seeds_come_back_as_they_went_in()
{
	run pp-seed put poems "$PP_SHARE/seeds/poetry.jsonl"
	check_status 0
	check_err ''
	check_out_jq .records "$(wc -l <"$PP_SHARE/seeds/poetry.jsonl")"
	run pp-seed get poems
	check_status 0
	check_out_file "$PP_SHARE/seeds/poetry.jsonl"
	run_sh "pp-seed get poems --range 3:5"
	check_out "$(sed -n 4,5p "$PP_SHARE/seeds/poetry.jsonl")"
	run pp-seed get poems -r :2
	check_out "$(head -2 "$PP_SHARE/seeds/poetry.jsonl")"
	run pp-seed get poems -r 1000:
	check_status 0
	check_out ''
	run pp-seed get poems -r 5:3
	check_status 64
}

test_all_formats_and_stdin()
{
	printf '[{"a": 1},\n{"a": "x"}]' >array.json
	printf 'a,"b\nc"\r\n1,"x ""y"""\r\n' >table.csv
	printf '{"one": {"a": 1}, "two": {}}' >entries.json
	run pp-seed put all array.json table.csv
	check_status 0
	run pp-seed get all
	check_out '{"a": 1}
{"a": "x"}
{"a":"1","b\nc":"x \"y\""}'
	run pp-seed put entries --entries entries.json
	run pp-seed get entries
	check_out '{"_key":"one","a":1}
{"_key":"two"}'
	run_sh 'cat table.csv | pp-seed put piped'
	check_status 0
	run_sh "echo '{\"a\":1}' | pp-seed put dash - --format jsonl"
	check_status 0
	run pp-seed put x array.json --format yaml
	check_status 64
	run pp-seed put x table.csv --entries
	check_status 64
}

test_a_bad_row_leaves_the_set_as_it_was()
{
	lines 5 >good.jsonl
	{ lines 2; echo '{"n":'; } >bad.jsonl
	run pp-seed put s good.jsonl
	objects s >before
	run pp-seed put s bad.jsonl
	check_status 73
	check_err_has "seed set 's' is there already"
	run pp-seed put s bad.jsonl --replace
	check_status 65
	check_err 'pp-seed: bad.jsonl:3: text ends where a value is expected at byte 6'
	run pp-seed get s
	check_out_file good.jsonl
	objects s >after
	check_same before after
	run pp-seed put t good.jsonl bad.jsonl
	check_status 65
	check 'something of t is left' [ -z "$(objects t)" ]
	run pp-seed get t
	check_status 66
	check_err "pp-seed: there is no seed set 't'"
	run pp-seed put .t good.jsonl
	check_status 64
	check_err_has 'does not begin with . or -'
}

test_bad_files_name_their_line()
{
	local name text

	while IFS='|' read -r name text; do
		printf '%b' "$text" >"$name"
		run pp-seed put s "$name"
		check_status 65
		check_err_has "pp-seed: $name:"
	done <<'FILES'
empty.jsonl|
invalid.jsonl|{"a":"\\xff"}\\n
utf16.json|\\xff\\xfe[\\0
twice.jsonl|{"a":1,"a":2}\\n
huge.jsonl|{"a":1e400}\\n
list.jsonl|[1]\\n
cut.json|[{"a":1},
quote.csv|a,b\\n1,"2\\n
fields.csv|a,b\\n1\\n
latin1.csv|a\\n\\xe9\\n
nul.csv|a\\n\\0\\n
FILES
	head -c 100000 /dev/zero | tr '\0' '[' >deep.json
	run pp-seed put s deep.json
	check_status 65
	check_err_has 'deep.json:1: nested too deeply'
	run pp-seed put s none.jsonl
	check_status 66
	run pp-seed put s .
	check_status 74
	check 'something is left' [ -z "$(objects s)" ]
}

test_a_line_of_200_megabytes_is_an_error()
{
	run_sh '{ printf "{\"a\":\""; head -c 200000000 /dev/zero |
		tr "\0" x; echo "\"}"; } | pp-seed put s'
	check_status 65
	check_err 'pp-seed: stdin:1: record is longer than 16777216 bytes'
}

test_replacing_keeps_one_generation_and_equal_records_none()
{
	lines 3 >three.jsonl
	lines 4 >four.jsonl
	run pp-seed put s three.jsonl
	check_out_jq .unchanged false
	run pp-seed put s three.jsonl --replace
	check_status 0
	check_out_jq .unchanged true
	run pp-seed put s four.jsonl --replace
	check_out_jq .unchanged false
	run pp-seed get s
	check_out_file four.jsonl
	run pp-seed rm s
	check_status 0
	run pp-seed rm s
	check_status 66
}

test_sets_are_listed_and_shown()
{
	lines 3 >s.jsonl
	run pp-seed put one s.jsonl
	run pp-seed put two s.jsonl
	run pp-seed list --json
	check_out_jq -s 'map(.name) | join(" ")' 'one two'
	check_out_jq -s '.[0].records' 3
	run pp-seed list --names
	check_out 'one
two'
	run pp-seed list
	check_out_has RECORDS
	run pp-seed show one --json
	check_out_jq .count 3
	check_out_jq '.schema.fields[0].path' n
	run pp-seed show one
	check_out_has 'count         3'
	PP_USER=somebody run pp-seed list --names
	check_out ''
	PP_USER=no/body run pp-seed list
	check_status 78
	run pp-seed list --names --user somebody
	check_out ''
	run pp-seed show one --user somebody
	check_status 66
	for name in no/body ''; do
		run pp-seed list --user "$name"
		check_status 64
		check_err_has '--user is 1 to 128 of'
	done
}

test_the_schema_of_sets_and_files()
{
	echo '{"a":{"b":[{"c":1},{"c":"x"}]},"d":null}' >s.jsonl
	run pp-seed put s s.jsonl
	run pp-seed schema s --json
	check_out_jq -s 'map(.path) | join(" ")' 'a a.b a.b[] a.b[].c d'
	check_out_jq -s '.[3].types | join("|")' 'integer|string'
	out >set.schema
	run pp-seed schema s.jsonl --json
	check_out_file set.schema
	run pp-seed schema ./s.jsonl
	check_out_has 'a.b[].c  integer|string  yes'
}

test_validate_shows_all_errors_up_to_a_limit()
{
	printf '%s\n' '{"a":1}' '{"a":' '[]' '{"a":1,"a":2}' '{}' >s.jsonl
	run pp-seed validate s.jsonl
	check_status 1
	check_out 's.jsonl:2: text ends where a value is expected at byte 6
s.jsonl:3: a record must be an object, not an array
s.jsonl:4: member "a" is there twice'
	check_err ''
	run pp-seed validate s.jsonl --limit 2
	check_status 1
	check_out_lines 2
	check_err_has 'no more than 2 errors are shown'
	printf 'a,b\n1\n1,2\n3\n' >t.csv
	run pp-seed validate t.csv
	check_out_lines 2
	run pp-seed put s - <<<'{"a":1}'
	run pp-seed validate s
	check_status 0
	check_out ''
}

template()
{
	printf 'template:\n  id: t\n  steps:\n    - id: one\n'
	printf '      model_tier: cheap\n      prompt: "%s"\n' "$1"
}

test_seeds_are_checked_for_what_a_template_needs()
{
	template '{{ author.name }}: {{ author.biography }}' >t.yaml
	printf '%s\n' '{"author":{"name":"A","biography":"B"}}' \
	    '{"author":{"name":"A"}}' '{}' >s.jsonl
	run pp-seed validate -t t.yaml s.jsonl
	check_status 1
	check_out 's.jsonl:2: missing required field: author.biography
s.jsonl:3: missing required field: author.biography
s.jsonl:3: missing required field: author.name'
	run pp-seed validate -t t.yaml s.jsonl --limit 2
	check_out_lines 2
	run pp-seed put s s.jsonl --template t.yaml
	check_status 65
	check_err 'pp-seed: s.jsonl:2: missing required field: author.biography'
	check 'something is left' [ -z "$(objects s)" ]
	run pp-seed put s s.jsonl
	run pp-seed validate -t t.yaml s
	check_status 1
	check_out_has 's:2: missing required field: author.biography'
	printf '%s\n' '{"name":"A","biography":"B"}' '{"name":"A"}' >a.jsonl
	run pp-seed validate -t t.yaml --as author a.jsonl
	check_status 1
	check_out 'a.jsonl:2: missing required field: author.biography'
	run pp-seed validate --as author a.jsonl
	check_status 64
	check_err_has '--as needs --template'
	run pp-seed validate -t t.yaml --as autor a.jsonl
	check_status 64
	check_err_has "reads nothing of the name 'autor'"
	run pp-seed put b a.jsonl -t t.yaml --as autor
	check_status 64
	run pp-seed put a --template t.yaml --as author <<<'{"name":1,"biography":2}'
	check_status 0
}

test_a_template_that_is_none_is_an_error()
{
	lines 1 >s.jsonl
	run pp-seed validate -t none.yaml s.jsonl
	check_status 66
	run pp-seed validate -t none s.jsonl
	check_status 66
	template '{{ a' >bad.yaml
	run pp-seed put s s.jsonl -t bad.yaml
	check_status 65
	check_err_has 'pp-seed: bad.yaml:6:'
	check 'something is left' [ -z "$(objects s)" ]
}

test_samples_are_reproducible_and_stratified()
{
	for kind in a a a b; do
		for n in $(seq 25); do
			echo "{\"kind\":\"$kind\",\"n\":$n}"
		done
	done | pp-seed put s >/dev/null
	run pp-seed sample s -n 20 --seed 1
	check_status 0
	check_out_lines 20
	out >one
	run pp-seed sample s -n 20 --seed 1
	check_out_file one
	run pp-seed sample s -n 20 --seed 2
	check_fails 'another seed gives the same' cmp -s one .out
	run pp-seed sample s -n 20 --seed 1 --by kind
	check_out_jq -s 'map(select(.kind == "b")) | length' 5
	run pp-seed sample s -n 20 --seed 1 --by kind --weights a=1,b=1
	check_out_jq -s 'map(select(.kind == "b")) | length' 10
	run pp-seed sample s -n 40 --seed 1 --by kind --weights b=1
	check_status 65
	check_err "pp-seed: 40 records with kind 'b' are wanted, but there are 25"
	run pp-seed sample s -n 101 --seed 1
	check_status 65
	run pp-seed sample s --seed 1
	check_status 64
	run pp-seed sample s -n 5 --seed 1 --weights a=1
	check_status 64
	run pp-seed sample s -n 5 --seed 1 --by kind --weights a=-1
	check_status 64
}

test_samples_are_installed_for_everybody()
{
	run pp-seed install-samples
	check_status 0
	check_out_jq -s 'map(.unchanged) | any' false
	PP_USER=somebody run pp-seed get sample:poetry
	check_out_file "$PP_SHARE/seeds/poetry.jsonl"
	run pp-seed install-samples
	check_out_jq -s 'map(.unchanged) | all' true
	run pp-seed put sample:mine "$PP_SHARE/seeds/poetry.jsonl"
	check_status 64
}

test_a_stopped_put_leaves_nothing()
{
	mkfifo pipe
	background pp-seed put s pipe
	exec 7>pipe
	lines 300000 >&7
	kill -TERM "$PID"
	lines 300000 >&7 2>/dev/null
	exec 7>&-
	wait "$PID"
	check "the status is $?" [ $? = 75 ]
	check 'something is left' [ -z "$(objects s)" ]
}

test_a_home_that_cannot_be_written_says_so()
{
	lines 3 >s.jsonl
	PP_STORE=file:/proc/nowhere run pp-seed put s s.jsonl
	check_status 73
	PP_STORE=nothing:x run pp-seed list
	check_status 78
}

test_a_closed_pipe_ends_get_quietly()
{
	lines 200000 | pp-seed put s >/dev/null
	run_sh 'pp-seed get s | head -1'
	check_out '{"n":1,"kind":"k"}'
	check_err ''
	[ -w /dev/full ] || skip 'no /dev/full here'
	run_sh 'pp-seed get s >/dev/full'
	check_status 74
	check_err \
	    'pp-seed: cannot write to stdout: No space left on device'
}

test_memory_does_not_grow_with_the_set()
{
	need /usr/bin/time
	grep -qs 'PP_SANITIZED 1' "$PP_BUILDDIR/config.h" &&
		skip 'sanitizers want memory of their own'
	lines 2000000 >s.jsonl
	run /usr/bin/time -f %M pp-seed put s s.jsonl
	check_status 0
	check "$(err) KiB for $(stat -c %s s.jsonl) bytes" [ "$(err)" -lt 65536 ]
	run_sh '/usr/bin/time -f %M pp-seed get s | cmp - s.jsonl'
	check_status 0
	check "$(err) KiB to read it" [ "$(err)" -lt 65536 ]
}

run_tests "$@"
