#!/usr/bin/env bash
# The library as others get it: the installed header, shared object and
# pkg-config file, and a program of theirs.
. "${0%/*}/lib.sh"

libdir()
{
	local so

	so=$(find "$PP_STAGE" -name 'libplotpalette.so' | head -n 1)
	echo "${so%/*}"
}

# Compile seventh.c into $T/seventh as a stranger would.
build_it()
{
	local flags dir

	[ -n "${PP_STAGE:-}" ] || skip 'no staged installation'
	need pkg-config
	dir=$(libdir)
	flags=$(PKG_CONFIG_SYSROOT_DIR=$PP_STAGE \
	    PKG_CONFIG_PATH=$dir/pkgconfig pkg-config --cflags --libs \
	    plotpalette) || complain 'pkg-config does not know plotpalette'
	# shellcheck disable=SC2086
	check 'it does not compile' ${PP_CC:-cc} -Wall -Wextra -Werror \
	    -o "$T/seventh" "$PP_SRCDIR/tests/e2e/seventh.c" $flags
	export LD_LIBRARY_PATH=$dir
}

test_the_library_shows_only_its_public_face()
{
	[ -n "${PP_STAGE:-}" ] || skip 'no staged installation'
	need nm
	nm -D --defined-only "$(libdir)/libplotpalette.so" |
	    awk '{ print $3 }' | sort >"$T/shown"
	find "$PP_STAGE" -name plotpalette.h \
	    -exec grep -o 'plotpalette_[a-z_]*(' {} + |
	    tr -d '(' | sort -u >"$T/declared"
	check_same "$T/declared" "$T/shown"
}

test_the_header_compiles_in_other_dialects()
{
	local header

	[ -n "${PP_STAGE:-}" ] || skip 'no staged installation'
	header=$(find "$PP_STAGE" -name plotpalette.h)
	check 'not C99' "${CC:-cc}" -std=c99 -pedantic -Wall -Wextra -Werror \
	    -fsyntax-only "$header"
	if command -v "${CXX:-c++}" >/dev/null; then
		check 'not C++' "${CXX:-c++}" -x c++ -Wall -Wextra -Werror \
		    -fsyntax-only "$header"
	fi
}

test_fields_of_a_recipe()
{
	build_it
	run "$T/seventh" fields "$PP_SHARE/templates/poem.yaml"
	check_status 0
	check_out 'author required
form required
genre required
text required'
}

test_a_faulty_recipe_is_shown_with_its_place()
{
	build_it
	printf 'template:\n  id: x\n  steps:\n    - id: a\n      prompt: "{{"\n' \
	    >"$T/bad.yaml"
	run "$T/seventh" fields "$T/bad.yaml"
	check_status 65
	check_err_has 'bad.yaml:5:'
}

test_prompts_are_rendered_from_seeds_of_a_home()
{
	build_it
	run pp-seed put poems "$PP_SHARE/seeds/poetry.jsonl"
	check_status 0
	run "$T/seventh" render "$PP_SHARE/templates/poem.yaml" poems
	check_status 0
	check_out_has 'that of the lyric;'
	check_out_has '"answer_model":"parrot"'
	check 'not three records' test "$(out | grep -c '^== ')" -eq 3
}

test_rows_of_a_job_are_those_of_its_export()
{
	local job

	build_it
	run pp-seed put topics "$PP_SHARE/seeds/topics.jsonl"
	run pp-job create -t "$PP_SHARE/templates/open_question.yaml" \
	    -s topics -n 7 --model question=local --model answer=local \
	    --model summary=local
	check_status 0
	job=$(out | sed -n 's/.*"job_id": *"\([^"]*\)".*/\1/p')
	run pp-worker --job "$job" --once
	check_status 0
	run pp-export "$job" --format jsonl -o -
	check_status 0
	out >"$T/exported"
	run "$T/seventh" rows "$job"
	check_status 0
	check_out_lines 7
	check_out_file "$T/exported"
	run "$T/seventh" jobs
	check_out "$job COMPLETED 7"
	run "$T/seventh" rows 00000000-0000-7000-8000-000000000000
	check_status 66
}

run_tests "$@"
