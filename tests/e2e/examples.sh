#!/usr/bin/env bash
# The examples of README and manuals are run as they stand, in a home that has
# what they speak of. Only numbers of rows are made smaller.
# shellcheck disable=SC2016
. "${0%/*}/lib.sh"

# A home with sets, templates and a finished job ($job), one row of which
# failed; models answer on loopback at the prices of the table.
prepare()
{
	local i poor template

	need jq
	mock_start --bytes 80
	cat >models.yaml <<-EOF
	tiers:
	  cheap: [llama-3.1-8b]
	  balanced: [llama-3.1-70b]
	  premium: [claude-sonnet-5]
	models:
	  llama-3.1-8b: {provider: openai, url: $MOCK_URL/v1}
	  llama-3.1-70b: {provider: openai, url: $MOCK_URL/v1}
	  mistral-7b: {provider: openai, url: $MOCK_URL/v1}
	  claude-sonnet-5: {provider: openai, url: $MOCK_URL/v1}
	EOF
	export PP_MODELS=$T/models.yaml PP_DEFAULT_BUDGET=10
	cat >story.yaml <<-'EOF'
	template:
	  id: story
	  steps:
	    - id: outline
	      kind: question
	      max_tokens: 40
	      prompt: >-
	        Outline a story after
	        {% if title is defined %}{{ title }}{% elif poem.title is defined %}{{ poem.title }}{% endif %}
	    - id: expand
	      kind: answer
	      max_tokens: 80
	      prompt: Tell it. {{ steps.outline.output }}
	  record:
	    story: "{{ steps.expand.output }}"
	EOF
	cp "$PP_SHARE"/templates/{poem,creative_writing}.yaml .
	mkdir templates
	cp poem.yaml templates
	cp "$PP_SHARE/seeds/authors.jsonl" .
	for i in 1 2 3 4 5; do
		jq -c ".copy = $i" "$PP_SHARE/seeds/poetry.jsonl"
	done >poems.jsonl
	jq -c '.form = "free verse"' "$PP_SHARE/seeds/poetry.jsonl" \
	    >>poems.jsonl
	head -n 10 "$PP_SHARE/seeds/poetry.jsonl" >seeds.jsonl
	printf 'title,author,genre,form,text\nTea,A. N. Other,wit,song,la\n' \
	    >more.csv
	{
		pp-seed install-samples
		pp-seed put poems poems.jsonl
		pp-seed put authors authors.jsonl
		for template in story.yaml poem.yaml creative_writing.yaml; do
			pp-template put "$template"
		done
		{
			head -n 4 poems.jsonl
			echo '{"title":"[[mock status=400]]"}'
		} | pp-seed put mixed
	} >prepare.log 2>&1 || { note <prepare.log; complain 'no home'; }
	job=$(pp-job create -t story -s mixed -n 5 | jq -r .job_id)
	pp-worker -q --job "$job" >>prepare.log 2>&1
	poor=$(pp-job create -t story -s poems -n 40 -b 0.003 | jq -r .job_id)
	pp-worker -q --job "$poor" >>prepare.log 2>&1
	export job
	head -n 4 "$PP_SHARE/seeds/topics.jsonl" | pp-worker --filter -q \
	    -t "$PP_SHARE/templates/question_answer.yaml" -m local >rows.jsonl
}

# Displays of shell in a file, one after the other, each ended by a NUL.
blocks_of()
{
	case $1 in
	*.md) awk '/^```sh$/ { on = 1; next }
	    /^```$/ { if (on) printf "%c", 0; on = 0 } on' "$1" ;;
	*) sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$1" |
	    awk '/^\.Bd -literal/ { on = 1; next }
	    /^\.Ed/ { printf "%c", 0; on = 0 } on
	    /^\.Dl / { sub(/^\.Dl /, ""); printf "%s%c", $0, 0 }' |
	    sed 's/\\e/\\/g; s/\\&//g; s/\\-/-/g' ;;
	esac
}

# What is left out: other people's programs, and building.
is_ours()
{
	case $1 in
	*psql* | *autoreconf* | export\ PP_MODEL* | models:* | tiers:*) return 1 ;;
	*pp-*) return 0 ;;
	*) return 1 ;;
	esac
}

run_examples()
{
	local block

	while IFS= read -r -d '' block; do
		is_ours "$block" || continue
		block=$(sed -E "s/ -n 1000+/ -n 12/g
		    s/[0-9a-f]{8}-[0-9a-f]{4}-7[-0-9a-f]{21}/$job/g" <<<"$block")
		echo "# ${block//$'\n'/$'\n'# }"
		run_sh "set -e; $block"
		check_status 0
	done < <(blocks_of "$1")
}

test_readme()
{
	prepare
	pp-seed rm poems authors >/dev/null
	pp-seed put poems poems.jsonl >/dev/null
	pp-seed put authors authors.jsonl >/dev/null
	run_examples "$PP_SRCDIR/README.md"
}

test_tour()
{
	prepare
	pp-seed rm poems authors >/dev/null
	run_examples "$PP_SRCDIR/man/plotpalette.7"
}

test_manual_of_pp_cost()
{
	prepare
	run_examples "$PP_SRCDIR/man/pp-cost.1"
}

test_manual_of_pp_export()
{
	prepare
	run_examples "$PP_SRCDIR/man/pp-export.1"
}

test_manual_of_pp_job()
{
	prepare
	background pp-worker -q --forever	# somebody must do them
	run_examples "$PP_SRCDIR/man/pp-job.1"
}

test_manual_of_pp_seed()
{
	prepare
	pp-seed rm poems >/dev/null
	run_examples "$PP_SRCDIR/man/pp-seed.1"
}

test_manual_of_pp_template()
{
	prepare
	run_examples "$PP_SRCDIR/man/pp-template.1"
}

test_manual_of_pp_worker()
{
	prepare
	run_examples "$PP_SRCDIR/man/pp-worker.1"
}

test_manual_of_records()
{
	prepare
	run_examples "$PP_SRCDIR/man/pp-record.5"
}

run_tests "$@"
