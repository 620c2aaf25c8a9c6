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

# The same for the same language and grammar, so that what passed once passes
# anywhere: from what git calls them, or fixed where there is no git.
random_seed()
{
	local names

	names=$(git -C "$PP_SRCDIR" rev-parse --verify -q HEAD:lib/template \
	    2>/dev/null; git -C "$PP_SRCDIR" rev-parse --verify -q \
	    HEAD:tests/differential 2>/dev/null)
	echo "${PP_TEST_SEED:-$(cksum <<<"$names" | cut -d ' ' -f 1)}"
}

test_random_templates_give_what_jinja2_gives()
{
	local cases=12000 seed

	need python3
	python3 -c 'import jinja2' 2>/dev/null || skip 'no jinja2 for python3'
	has_sanitizers && cases=4000
	seed=$(random_seed)
	set -- --seed "$seed" --cases "$cases"
	[ -z "${PP_LONG:-}" ] || set -- --seconds 3600
	LIMIT=5000 run python3 "$PP_SRCDIR/tests/differential/jinja_diff.py" \
	    --engine 'pp-template render --batch' "$@"
	check_status 0
	out | tail -n 40 | sed 's/^/# /'
}

test_floats_are_as_short_as_pythons()
{
	need python3
	run python3 "$PP_SRCDIR/tests/differential/floats.py" \
	    --engine 'pp-template render'
	check_status 0
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
	has_sanitizers &&
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
