#!/usr/bin/env bash
# The prompt language against Jinja2: cases whose output came from it, random
# templates, and templates that want to do harm.
. "${0%/*}/lib.sh"

test_every_case_of_the_file_gives_what_jinja2_gave()
{
	need python3
	golden=$PP_SRCDIR/tests/golden/jinja
	for file in conformance more; do
		run python3 "$golden/score.py" "$golden/$file.jsonl" \
		    --engine 'pp-template render --batch'
		check_status 0
		check "all of $file" \
		    grep -qE '^TOTAL +([0-9]+) / +\1 ' "$T/.out"
	done
}

# A build with sanitizers takes more address space than this.
has_sanitizers()
{
	! bash -c 'ulimit -v 2000000; exec pp-template --version' \
	    >/dev/null 2>&1
}

test_random_templates_give_what_jinja2_gives()
{
	local cases=12000 seed

	need python3
	python3 -c 'import jinja2' 2>/dev/null || skip 'no jinja2 for python3'
	has_sanitizers && cases=4000
	seed=$("$PP_SRCDIR/tests/support/tree-seed" lib/template \
	    tests/differential)
	set -- --seed "$seed" --cases "$cases"
	[ -z "${PP_LONG:-}" ] || set -- --seconds 3600
	LIMIT=5000 run python3 "$PP_SRCDIR/tests/differential/jinja_diff.py" \
	    --engine 'pp-template render --batch' "$@"
	check_status 0
	out | tail -n 40 | sed 's/^/# /'
}

# They are other people's and not in the tree: out of a package, pinned and
# kept in the cache.
test_chat_templates_render_as_transformers_does()
{
	local dir

	need python3
	python3 -c 'import jinja2' 2>/dev/null || skip 'no jinja2 for python3'
	dir=$("$PP_SRCDIR/tests/support/chat-templates" 2>fetch.log) ||
		skip "no templates: $(tail -n 1 fetch.log)"
	LIMIT=900 run python3 "$PP_SRCDIR/tests/differential/chat_templates.py" \
	    --engine 'pp-template render' --dir "$dir"
	check_status 0
	out
}

test_the_manual_names_all_and_its_examples_are_true()
{
	need python3
	run python3 "$PP_SRCDIR/tests/differential/manual.py" \
	    --engine 'pp-template render' --srcdir "$PP_SRCDIR"
	check_status 0
}

test_floats_are_as_short_as_pythons()
{
	need python3
	run python3 "$PP_SRCDIR/tests/differential/floats.py" \
	    --engine 'pp-template render'
	check_status 0
}

test_hostile_templates_end_at_a_limit()
{
	local mib=256

	need python3
	has_sanitizers && mib=1500	# what is freed is kept for a while
	LIMIT=600 run python3 "$PP_SRCDIR/tests/differential/hostile.py" \
	    --engine 'pp-template render' --rss-mib "$mib"
	check_status 0
	out | sed 's/^/# /'
}

# limited LIMIT TEMPLATE: what the template ends as under that limit.
limited()
{
	jq -cn --arg t "$2" '{template: $t, context: {l: [[[1]]], x: "x", n: 10},
	    undefined: "lenient"}' >request
	run pp-template render --batch --limit "$1" <request
	check_status 0
}

test_limits_are_options()
{
	need jq
	limited steps=10 '{% for i in range(99) %}{% endfor %}'
	check_out_jq .error.message 'the template takes more than 10 steps'
	limited output=1KiB '{% for i in range(99) %}{{ "x" * 99 }}{% endfor %}'
	check_out_jq .error.message 'the output is longer than 1024 bytes'
	limited memory=1MiB '{% set l = [0] * 99999 %}'
	check_out_jq .error.kind limit
	limited calls=3 '{% macro r(n) %}{{ r(n) }}{% endmacro %}{{ r(1) }}'
	check_out_jq .error.message 'recursion limit: macros and includes are nested deeper than 3'
	limited nesting=2 '{{ l }}'
	check_out_jq .error.message 'values are nested deeper than 2'
	limited syntax=2 '{{ [[[1]]] }}'
	check_out_jq .error.message 'the template is nested deeper than 2'
	limited range=10 '{{ range(11) }}'
	check_out_jq .error.kind runtime
	limited range=200000 '{{ range(200000)|length }}'
	check_out_jq .output 200000
	limited string=100 '{{ x * 101 }}'
	check_out_jq .error.message 'a string is longer than 100 bytes'
	limited digits=100 '{{ n ** 200 % 7 }}'
	check_out_jq .error.message 'an integer has more than 100 digits'
	limited digits=100000 '{{ n ** 50000 % 7 }}'
	check_out_jq .output 2
	limited output=16MiB '{% for i in range(10) %}{{ "x" * 999999 }}{% endfor %}'
	check_out_jq '.output | length' 9999990
}

test_files_are_read_within_limits()
{
	echo '{id: x, steps: [{id: a, prompt: "{{ [[[1]]] }}"}]}' >deep.yaml
	run pp-template validate --limit syntax=2 deep.yaml
	check_status 1
	check_err_has 'the template is nested deeper than 2'
	run pp-template render --limit syntax=2 deep.yaml
	check_status 65
	check_err_has 'the template is nested deeper than 2'
	for command in validate render; do
		run pp-template $command --limit syntax=9 deep.yaml
		check_status 0
	done
}

test_limits_that_are_none()
{
	run pp-template render --batch --limit cheese=1
	check_status 64
	check_err_has "there is no limit 'cheese'"
	run pp-template render --batch --limit steps
	check_status 64
	run pp-template render --batch --limit steps=0
	check_status 64
}

run_tests "$@"
