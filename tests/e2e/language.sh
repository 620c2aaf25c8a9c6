#!/usr/bin/env bash
# The prompt language against Jinja2: cases whose output came from it, random
# templates, and templates that want to do harm.
. "${0%/*}/lib.sh"

test_every_case_of_the_file_gives_what_jinja2_gave()
{
	need python3
	golden=$PP_SRCDIR/tests/golden/jinja
	run python3 "$golden/score.py" "$golden/conformance.jsonl" \
	    --engine 'pp-template render --batch'
	check_status 0
	check 'all of them' grep -qE '^TOTAL +([0-9]+) / +\1 ' "$T/.out"
}

test_random_templates_give_what_jinja2_gives()
{
	need python3
	python3 -c 'import jinja2' 2>/dev/null || skip 'no jinja2 for python3'
	seconds=20
	[ -z "${PP_LONG:-}" ] || seconds=3600
	LIMIT=4000 run python3 "$PP_SRCDIR/tests/differential/jinja_diff.py" \
	    --engine 'pp-template render --batch' --seconds "$seconds"
	check_status 0
	out | tail -n 2 | sed 's/^/# /'
}

# hostile NAME TEMPLATE: it must end in an error, soon and in little memory;
# where Jinja2 has an error of its own for it, that is a runtime error.
hostile()
{
	jq -cn --arg t "$2" '{id: 1, template: $t, context: {}, undefined:
	    "lenient"}' >request
	LIMIT=10 run bash -c 'ulimit -v 2000000; pp-template render --batch <request'
	check_status 0
	kind=$(out | jq -r .error.kind)
	check "$1: ended as '$kind'" test "$kind" = limit -o "$kind" = runtime
}

test_hostile_templates_end_at_a_limit()
{
	need jq
	bash -c 'ulimit -v 2000000; exec pp-template --version' >/dev/null 2>&1 ||
		skip 'a build with sanitizers takes more address space'
	hostile 'a string repeated' '{{ "x" * 10000000000 }}'
	hostile 'a range' '{% for i in range(10000000000) %}{% endfor %}'
	hostile 'nested loops' '{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}'
	hostile 'doubling by set' '{% set ns = namespace(s="x") %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}'
	hostile 'billion laughs' '{% macro a() %}{% for i in range(9) %}lol{% endfor %}{% endmacro %}{% macro b() %}{% for i in range(99) %}{{ a() }}{% endfor %}{% endmacro %}{% macro c() %}{% for i in range(9999) %}{{ b() }}{% endfor %}{% endmacro %}{% for i in range(9999) %}{{ c() }}{% endfor %}'
	hostile 'recursion' '{% macro r() %}{{ r() }}{% endmacro %}{{ r() }}'
	hostile 'a huge power' '{{ 9 ** (9 ** 9) }}'
}

run_tests "$@"
