#!/usr/bin/env bash
# pp-template: versions, checks, prompts.
. "${0%/*}/lib.sh"
. "${0%/*}/jobs.sh"

test_a_version_for_each_content()
{
	make_templates
	run pp-template put one.yaml
	check_status 0
	check_out '{"template_id":"one","version":1,"unchanged":false}'
	run pp-template put one.yaml
	check_out '{"template_id":"one","version":1,"unchanged":true}'
	cp one.yaml first.yaml
	sed -i 's/say something/say nothing/' one.yaml
	run pp-template put one.yaml
	check_out '{"template_id":"one","version":2,"unchanged":false}'
	run pp-template get one
	check_out_file one.yaml
	run pp-template get one@1
	check_out_file first.yaml
	run pp-template get one --version 1
	check_out_file first.yaml
	run pp-template versions one --json
	check_out_lines 2
	run pp-template list --json
	check_out_lines 1
	check_out_jq .version 2
}

test_a_diff_is_that_of_diff()
{
	make_templates
	pp-template put one.yaml >/dev/null
	cp one.yaml first.yaml
	sed -i 's/say something/say nothing/; 1a\  name: One' one.yaml
	pp-template put one.yaml >/dev/null
	run pp-template diff one 1 2
	check_status 1
	out | tail -n +3 >got
	diff -u first.yaml one.yaml | tail -n +3 >want
	check_same want got
	run pp-template diff one 1 1
	check_status 0
	check_out ''
}

test_what_is_not_there()
{
	run pp-template get none
	check_status 66
	check_err_has none
	run pp-template versions none
	check_status 66
	run pp-template rm none
	check_status 66
	run pp-template put none.yaml
	check_status 66
	make_templates
	pp-template put one.yaml >/dev/null
	run pp-template get one@7
	check_status 66
	run pp-template get one@x
	check_status 64
}

test_another_users_template_is_not_seen()
{
	make_templates
	PP_USER=alice run pp-template put one.yaml
	check_status 0
	PP_USER=alice run pp-template put --public four.yaml
	PP_USER=bob run pp-template list --json
	check_out_jq -s '[.[].template_id] | @csv' '"four"'
	PP_USER=bob run pp-template get one
	check_status 66
	run pp-template get one --user bob
	check_status 66
	run pp-template get one --user alice
	check_status 0
	PP_USER=bob run pp-template rm four
	check_status 77
	run pp-worker --filter -t one --user bob </dev/null
	check_status 66
	run pp-worker --user alice
	check_status 64
	check_err_has '--user is for --filter'
	PP_USER=alice run pp-template rm one four
	check_status 0
	PP_USER=alice run pp-template list --json
	check_out ''
}

test_validate_tells_every_error_and_its_place()
{
	cat >bad.yaml <<-'EOF'
	template:
	  id: bad
	  steps:
	    - id: a
	      model: no-such-model
	      prompt: "hello {{ name "
	    - id: b
	      prompt: |
	        line one
	        {{ steps.c.output }}
	EOF
	run pp-template validate bad.yaml
	check_status 1
	check_err_has 'bad.yaml:6:'
	run pp-template validate --json bad.yaml
	check_status 1
	check_out_jq -s 'map(select(.level == "error")) | length > 0' true
	printf 'template:\n  id: odd\n  steps: [a\n' >odd.yaml
	run pp-template validate odd.yaml
	check_status 1
	check_err_has 'odd.yaml:4:1: '
	run pp-template validate --json odd.yaml
	check_status 1
	check_out_jq '"\(.line):\(.column)"' 4:1
	check_out_jq '.text | startswith("odd.yaml")' false
	make_templates
	run pp-template validate one.yaml
	check_status 0
	run pp-template validate nothing.yaml
	check_status 66
	run pp-template validate "$PP_SHARE"/templates/*.yaml
	check_status 0
}

test_fields_are_paths()
{
	make_templates
	run pp-template fields four.yaml --json
	check_status 0
	check_out_jq -s '[.[].path] | @csv' '"n","text"'
}

test_prompts_are_rendered_for_each_seed_and_step()
{
	make_seeds 3
	make_templates
	run pp-template render four.yaml --data seeds.jsonl
	check_status 0
	check_out_lines 12
	check_out_jq -s '.[1].prompt' 'row 0 b [output of a]'
	run pp-template render four.yaml --data - --step b --output a=hello \
	    <seeds.jsonl
	check_status 0
	check_out_lines 3
	check_out_jq -s '.[2].prompt' 'row 2 b hello'
	pp-seed put seeds seeds.jsonl >/dev/null
	run pp-template render one.yaml --data seeds
	check_out_lines 3
	run pp-template render one.yaml
	check_status 65
	check_err_has "'text' is undefined"
	run pp-template render one.yaml --step none --data seeds.jsonl
	check_status 64
}

test_batch_answers_line_by_line()
{
	printf '%s\n' '{"id":1,"template":"{{ a + 1 }}","context":{"a":41},"undefined":"strict"}' \
	    '{"id":2,"template":"{{ b }}","context":{},"undefined":"strict"}' >in
	run pp-template render --batch <in
	check_status 0
	check_out_jq -s '.[0].output' 42
	check_out_jq -s '.[1].error.kind' undefined
}

test_a_prompt_names_its_model_or_tier()
{
	need jq
	cat >kinds.yaml <<-'EOF'
	steps:
	  - {id: a, prompt: x, model: mine}
	  - {id: b, prompt: x, model_tier: balanced}
	  - {id: c, prompt: x, kind: answer}
	  - {id: d, prompt: x, kind: summary}
	  - {id: e, prompt: x}
	EOF
	run pp-template render kinds.yaml
	check_status 0
	check 'models and tiers' test "$(out | jq -r .model | xargs)" = \
	    'mine balanced premium cheap cheap'
}

test_every_error_of_a_file_is_told()
{
	cat >errors.yaml <<-'EOF'
	steps:
	  - id: a
	    prompt: |
	      {% for x in %}
	        {{ x +* }}
	      {% endfor %}
	      {% nix %}
	  - {id: b, prompt: "{{ 1 + }} {{ x | uper }}"}
	EOF
	run pp-template validate errors.yaml
	check_status 1
	for place in 4:19 5:15 7:10 8:29 8:39; do
		check "$place" grep -q "errors.yaml:$place:" "$T/.err"
	done
	check_err_has '5 errors'
}

run_tests "$@"
