#!/usr/bin/env bash
# The sample seeds and recipes are what they say, and the first job runs.
. "${0%/*}/lib.sh"

seeds_of()
{
	case $1 in
	creative_writing) echo '-s author=authors -s poem=poetry' ;;
	poem) echo '-s poetry' ;;
	*) echo '-s topics' ;;
	esac
}

put_seeds()
{
	local name

	for name in authors poetry topics; do
		run pp-seed put "$name" "$PP_SHARE/seeds/$name.jsonl"
		check_status 0
	done
}

test_there_are_enough_of_them()
{
	need jq
	check 'fewer than 40 poems' \
	    test "$(wc -l <"$PP_SHARE/seeds/poetry.jsonl")" -ge 40
	check 'fewer than 25 authors' \
	    test "$(wc -l <"$PP_SHARE/seeds/authors.jsonl")" -ge 25
	run jq -s 'map(.title + .author) | unique | length' \
	    "$PP_SHARE/seeds/poetry.jsonl"
	check_out "$(wc -l <"$PP_SHARE/seeds/poetry.jsonl")"
	run jq -r 'select((.text | length) < 80 or (.source | length) < 10) |
	    .title' "$PP_SHARE/seeds/poetry.jsonl"
	check_out ''
	run jq -r 'select((.biography | length) < 200 or .died > 1939) |
	    .name' "$PP_SHARE/seeds/authors.jsonl"
	check_out ''
}

test_recipes_are_free_of_faults()
{
	local file

	for file in "$PP_SHARE"/templates/*.yaml; do
		run pp-template validate "$file"
		check_status 0
		check_err ''
	done
}

test_seeds_have_what_the_recipes_want()
{
	local name

	put_seeds
	for name in poem:poetry open_question:topics brainstorm:topics \
	    question_answer:topics; do
		run pp-seed validate --template \
		    "$PP_SHARE/templates/${name%:*}.yaml" "${name#*:}"
		check_status 0
	done
}

# Rows of each recipe have the fields of the classic data set.
test_rows_have_the_classic_fields()
{
	local file name fields

	need jq
	put_seeds
	for file in "$PP_SHARE"/templates/*.yaml; do
		name=${file##*/}
		name=${name%.yaml}
		# shellcheck disable=SC2046
		run pp-job create -t "$file" $(seeds_of "$name") -n 5 \
		    --model local
		check_status 0
		out | jq -r .job_id >"$T/job"
		run pp-worker --job "$(cat "$T/job")" --once
		check_status 0
		run pp-export "$(cat "$T/job")" --format jsonl -o -
		check_status 0
		check_out_lines 5
		check_out_jq -s 'map(.category) | unique | join(" ")' "$name"
		check_out_jq -s 'map(.id) | unique | length' 5
		check_out_jq -s 'map(.question_model, .answer_model) | unique |
		    join(" ")' local
		check_out_jq -s 'map(select(.question == "" or .answer == "")) |
		    length' 0
		case $name in
		brainstorm) fields='question_1 answer_1' ;;
		question_answer) fields='summary question_1 answer_1' ;;
		*) fields=summary ;;
		esac
		for field in $fields; do
			check_out_jq -s "map(select((.$field | length) > 0 and
			    .${field}_model == \"local\")) | length" 5
		done
	done
}

test_the_first_job_of_the_quickstart_runs()
{
	PP_QUICKSTART=$T/quick LIMIT=300 run "$PP_SRCDIR/quickstart" job
	check_status 0
	check_out_has 'both exports are equal, byte for byte'
	check 'not 1,000 rows' \
	    test "$(wc -l <"$T/quick/rows/dataset.jsonl")" -eq 1000
}

run_tests "$@"
