/* Recipes: findings with their place, fields, rows. */
#include <config.h>

#include "test.h"

#include <stdio.h>

#include "base/buf.h"
#include "template/recipe.h"

static int
no_fragment(void *arg, const char *name, struct pp_buf *out,
    struct pp_error *err)
{
	if (strcmp(name, "intro") == 0)
		return pp_buf_adds(out, "Hello {{ reader.name }}.");
	if (strcmp(name, "lib") == 0)
		return pp_buf_adds(out,
		    "{% macro show(p) %}{{ p.title }}"
		    "{% endmacro %}");
	(void)arg;
	return pp_error_set(err, PP_ENOENT, "no '%s'", name);
}

static struct pp_recipe *
load(const char *text, struct pp_findings *f, struct pp_error *err)
{
	return pp_recipe_load(text, strlen(text), "t.yaml", no_fragment, NULL,
	    f, err);
}

/* ---- findings ---- */

static const struct {
	const char *name, *text, *found;
} findings[] = {
	{ "plain", "id: a\nsteps: [{id: s, prompt: 'x {{ a.| b }}'}]",
	    "2:33: expected name or number" },
	{ "in a literal",
	    "steps:\n  - id: s\n    prompt: |\n      one\n"
	    "      two {{ 1 + }}\n",
	    "5:18: unexpected 'end of print "
	    "statement'" },
	{ "in a folded scalar",
	    "steps:\n  - id: s\n    prompt: >\n      one\n"
	    "      two\n\n      three {{ x | uper }}\n",
	    "7:20: no filter named 'uper' (did you mean 'upper'?)" },
	{ "in quotes",
	    "steps:\n  - id: s\n    prompt: \"a\\n\\\"b\\\" {{ x "
	    "is odder }}\"\n",
	    "3:28: no test named 'odder'" },
	{ "in when", "steps:\n  - {id: s, prompt: x, when: a | lenght > 1}\n",
	    "2:34: no filter named 'lenght' (did you mean 'length'?)" },
	{ "set and not used",
	    "id: a\nsteps:\n  - id: s\n    prompt: '{% set _a = 1 %}"
	    "{% set b = 1 %}{% set c = 2 %}{{ c }}'\n",
	    "4:37: 'b' is set and never used" },
	{ "a filter out of reach",
	    "id: a\nsteps:\n  - id: s\n    prompt: '{% if x %}{{ y | uper }}"
	    "{% endif %}'\n",
	    "4:31: no filter named 'uper': an error when it is reached" },
	{ "unclosed",
	    "steps:\n  - id: s\n    prompt: |\n      {% if a %}\n"
	    "      b\n",
	    "5:7: unexpected end of template" },
	{ "no id", "steps:\n  - prompt: x\n", "2:5: step 1 has no 'id'" },
	{ "no prompt", "steps:\n  - id: s\n",
	    "2:5: step 's' has no "
	    "'prompt'" },
	{ "twice", "steps: [{id: s, prompt: x}, {id: s, prompt: y}]",
	    "1:34: step 's' is there twice, first on line 1" },
	{ "no steps", "id: x\n", "1:1: the template has no list of 'steps'" },
	{ "no number", "steps: [{id: s, prompt: x, max_tokens: many}]",
	    "1:40: 'max_tokens' must be a whole number" },
	{ "no tier", "steps: [{id: s, prompt: x, model_tier: best}]",
	    "1:40: 'model_tier' must be one of cheap" },
	{ "a schema", "steps: [{id: s, prompt: x, schema: {type: list}}]",
	    "1:36: 'schema' is none: /type: is no type of JSON" },
	{ "a cache of nothing", "steps: [{id: s, prompt: x, cache: true}]",
	    "1:35: step 's' has no 'system' to cache" },
	{ "unknown key", "steps: [{id: s, promt: x, prompt: y}]",
	    "1:17: unknown key 'promt' (did you mean 'prompt'?)" },
	{ "unknown step",
	    "steps:\n  - {id: one, prompt: x}\n  - {id: two, "
	    "prompt: '{{ steps.on.output }}'}\n",
	    "3:36: there is no step 'on' (did you mean 'one'?)" },
	{ "a later step",
	    "steps:\n  - {id: one, prompt: '{{ steps.two.output "
	    "}}'}\n  - {id: two, prompt: x}\n",
	    "2:37: step 'two' has no output yet: it comes later" },
	{ "never read",
	    "schema_requirements: [a, b]\nsteps: [{id: s, prompt: "
	    "'{{ a }}'}]",
	    "1:26: 'b' is required but never read" },
	{ "behind a wrong print",
	    "steps: [{id: s, prompt: '{{ 1 + }} {{ 2 + }}'}]",
	    "1:43: unexpected 'end of print statement'" },
	{ "behind a wrong tag",
	    "steps: [{id: s, prompt: '{% set x = %}{{ 2 + }}'}]",
	    "1:46: unexpected 'end of print statement'" },
	{ "in the body of a wrong loop",
	    "steps:\n- id: s\n  prompt: |\n    {% for x in %}\n"
	    "    {{ x + }}\n    {% else %}\n    {% endfor %}\n",
	    "5:12: unexpected 'end of print statement'" },
	{ "behind a wrong loop",
	    "steps:\n- id: s\n  prompt: |\n    {% for x in %}\n"
	    "    {% else %}\n    {% endfor %}\n    {% endif %}\n",
	    "7:8: unknown tag 'endif'" },
	{ "behind a wrong elif",
	    "steps: [{id: s, prompt: '{% if a %}{% elif %}{% else %}{% endif "
	    "%}{% nix %}'}]",
	    "1:70: unknown tag 'nix'" },
	{ "two unknown filters",
	    "steps: [{id: s, prompt: '{{ a | nix }}{{ b | nax }}'}]",
	    "1:46: no filter named 'nax'" },
	{ "in another step",
	    "steps: [{id: s, prompt: '{{ 1 + }}'}, {id: t, prompt: '{{ 2 + "
	    "}}'}]",
	    "1:63: unexpected 'end of print statement'" },
	{ "the file's line of an open block",
	    "steps:\n- id: s\n  prompt: |\n    x\n    {% if a %}\n"
	    "    {% endfor %}\n",
	    "6:8: unknown tag 'endfor'; 'elif' or 'else' or 'endif' is "
	    "expected, because 'if' was opened on line 5" },
	{ "behind a tag and an anchor",
	    "steps:\n- id: s\n  prompt: !!str\n    &a\n    |\n"
	    "    {{ 1 + }}\n",
	    "6:12: unexpected 'end of print statement'" },
	{ "not declared",
	    "schema_requirements: [a]\nsteps: [{id: s, prompt: "
	    "'{{ a }}{{ c.d }}'}]",
	    "2:1: 'c.d' is read but does not stand" },
};

static void
findings_say_what_and_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof findings / sizeof findings[0]; i++) {
		struct pp_findings f = { .list = NULL };
		struct pp_error err = PP_ERROR_INIT;
		struct pp_recipe *r = load(findings[i].text, &f, &err);
		bool found = false;
		char line[600] = "nothing";

		for (size_t k = 0; k < f.count; k++) {
			snprintf(line, sizeof line, "%d:%d: %s", f.list[k].line,
			    f.list[k].column, f.list[k].text);
			found = found ||
			    strncmp(line, findings[i].found,
				strlen(findings[i].found)) == 0;
			assert_non_null(strstr(f.list[k].shown, "\n"));
		}
		if (!found)
			fail_msg("%s: %s", findings[i].name, line);
		pp_findings_release(&f);
		pp_recipe_free(r);
	}
}

static void
all_errors_are_reported_at_once(void **state)
{
	struct pp_findings f = { .list = NULL };
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	assert_null(
	    load("steps:\n  - {id: a, prompt: '{{ 1 + }}'}\n  - {id: "
		 "a, prompt: '{{ x | uper }}', temperature: hot}\n  - {prompt: "
		 "'{% if %}'}\n",
		&f, &err));
	/* The `if` is not closed either. */
	assert_int_equal(f.count, 7);
	assert_int_equal(err.code, PP_EDATA);
	assert_string_equal(err.text,
	    "t.yaml:2:29: unexpected 'end of print statement'");
	assert_string_equal(f.list[0].shown,
	    "t.yaml:2:29: unexpected 'end of "
	    "print statement'\n  - {id: a, prompt: '{{ 1 + }}'}\n"
	    "                            ^");
	pp_findings_release(&f);
}

/* ---- fields ---- */

static const struct {
	const char *prompt, *fields;
} fields[] = {
	{ "{{ a.b }} {{ a['c'] }} {{ a.l[0].x }}", "a.b a.c a.l[].x" },
	{ "{% for p in poems %}{{ p.text }}{% for t in p.tags %}{{ t }}"
	  "{% endfor %}{% endfor %}",
	    "poems[].tags[] poems[].text" },
	{ "{% for p in poems if p.ok %}{{ loop.index }}{{ p.t }}{% endfor %}",
	    "poems[].ok? poems[].t" },
	{ "{% set x = author %}{{ x.name }}{% with y = x.born %}{{ y }}"
	  "{% endwith %}",
	    "author.born author.name" },
	{ "{{ a.x | default('n') }} {{ b.y or 'z' }} {{ c if c is defined }}",
	    "a.x? b.y? c?" },
	{ "{% if a.n %}{{ a.n.first }}{% endif %}{{ a.m }}",
	    "a.m a.n? a.n.first?" },
	{ "{{ a.n | d(1) }}{{ a.n }}", "a.n" },
	{ "{% macro m(p, q=z) %}{{ p.t }}{{ q }}{% endmacro %}{{ m(poem) }}"
	  "{{ m(other, 1) }}",
	    "other.t poem.t z" },
	{ "{% macro w() %}{{ caller() }}{% endmacro %}{% call w() %}{{ k.v }}"
	  "{% endcall %}",
	    "k.v" },
	{ "{{ l | map(attribute='x.y') | join }}{{ l | sort(attribute='s') | "
	  "length }}",
	    "l l[].s l[].x.y" },
	{ "{{ l | selectattr('ok') | map(attribute='n') | list }}",
	    "l[].n l[].ok" },
	{ "{% for g, xs in l | groupby('k') %}{{ g }}{% for x in xs %}"
	  "{{ x.v }}{% endfor %}{% endfor %}",
	    "l[].k l[].v" },
	{ "{% for g in l | groupby('k.j') %}{{ g.grouper }}{{ g.list | length }}"
	  "{% endfor %}",
	    "l l[].k.j" },
	{ "{% for a in x %}{% for b in a.y %}{% for c in b.z %}{{ c.w }}"
	  "{% endfor %}{% endfor %}{% endfor %}",
	    "x[].y[].z[].w" },
	{ "{{ a['b']['c'] }}{{ a['b'].d }}", "a.b.c a.b.d" },
	{ "{{ a.b.c if a.b else '' }}{{ d.e if d.f == 1 else d.g }}",
	    "a.b? a.b.c? d.e d.f d.g" },
	{ "{% for x in l or [] %}{{ x.y }}{% endfor %}", "l? l[].y?" },
	{ "{% for r in m | batch(2) %}{% for x in r %}{{ x.z }}{% endfor %}"
	  "{% endfor %}",
	    "m[].z" },
	{ "{% for k, v in d | dictsort %}{{ k }}{{ v }}{% endfor %}", "d" },
	{ "{% for x in l | selectattr('a.b', 'eq', 1) | sort(attribute='c') %}"
	  "{{ x.y }}{% endfor %}",
	    "l[].a.b l[].c l[].y" },
	{ "{{ l | map(attribute='x') | map(attribute='y') | join }}",
	    "l[].x.y" },
	{ "{{ l | join(', ', attribute='j') }}{{ l | sum(attribute='n') }}",
	    "l[].j l[].n" },
	{ "{% set x %}{{ q.r }}{% endset %}{{ x }}", "q.r" },
	{ "{% macro r(p) %}{{ p.n }}{% for c in p.kids %}{{ r(c) }}{% endfor %}"
	  "{% endmacro %}{{ r(root) }}",
	    "root.kids[] root.n" },
	{ "{% for x in l recursive %}{{ x.n }}{{ loop(x.kids) }}{% endfor %}",
	    "l[].kids l[].n" },
	{ "{% for i in range(3) %}{{ rows[i].x }}{% endfor %}", "rows" },
	{ "{% for k in ['a'] %}{{ d[k] }}{% endfor %}", "d" },
	{ "{% set ns = namespace(t=a, n=0) %}{{ ns.t.c }}{{ ns.n }}", "a.c" },
	{ "{% set ns = namespace() %}{% set ns.u = o %}{{ ns.u.k }}"
	  "{% for x in ns.u.l %}{{ x.q }}{% endfor %}",
	    "o.k o.l[].q" },
	{ "{% set ns = namespace(last=none) %}{% for m in l %}"
	  "{% set ns.last = m %}{% endfor %}{{ ns.last.text }}",
	    "l l[].text?" },
	{ "{% if c %}{% set x = a %}{% else %}{% set x = b %}{% endif %}"
	  "{{ x.n }}",
	    "a.n? b.n? c?" },
	{ "{% if c %}{% set x = a %}{% else %}{% set x = a %}{% endif %}"
	  "{{ x.n }}",
	    "a.n c?" },
	{ "{% set x = 'none' %}{% if a.k %}{% set x = a.t %}{% endif %}"
	  "{{ x }}",
	    "a.k? a.t?" },
	{ "{{ (a or b).n }}", "a? a.n? b b.n" },
	{ "{% macro m(l) %}{% for i in l %}{{ caller(i) }}{% endfor %}"
	  "{% endmacro %}{% call(u) m(items_) %}{{ u.x }}{% endcall %}",
	    "items_[].x" },
	{ "{% filter upper %}{{ z.y }}{% endfilter %}{{ '%s' | format(v.w) }}"
	  "{{ v.a ~ v.b }}",
	    "v.a v.b v.w z.y" },
	{ "{% include 'intro' %}{% import 'lib' as lib %}{{ lib.show(poem) }}",
	    "poem.title reader.name" },
	{ "{{ d | tojson }}{{ d.get('k', 1) }}{% for k, v in e.items() %}"
	  "{{ v }}{% endfor %}",
	    "d d.k? e" },
	{ "{{ row.id }}{{ range(n) | list }}{{ l | length > 2 }}", "l n" },
	{ "{% for i in range(3) %}{{ names[i] }}{% endfor %}", "names" },
	{ "{{ first(l).x if first is defined }}{{ (l | first).z }}",
	    "first? l l[].z" },
};

static void
fields_are_those_that_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		struct pp_buf text = PP_BUF_INIT, got = PP_BUF_INIT;
		struct pp_error err = PP_ERROR_INIT;
		struct pp_recipe *r;
		const struct pp_field *f;
		size_t n;

		pp_buf_addf(&text,
		    "steps:\n  - id: s\n    prompt: |\n"
		    "      %s\n",
		    fields[i].prompt);
		r = load(text.data, NULL, &err);
		if (r == NULL)
			fail_msg("%s", err.text);
		f = pp_recipe_fields(r, &n);
		for (size_t k = 0; k < n; k++) {
			pp_buf_addf(&got, "%s%s%s", k > 0 ? " " : "", f[k].path,
			    f[k].required ? "" : "?");
			/* Line 1 is that of a fragment. */
			assert_true(f[k].line == 4 || f[k].line == 1);
		}
		assert_string_equal(got.data, fields[i].fields);
		pp_recipe_free(r);
		pp_buf_release(&text);
		pp_buf_release(&got);
	}
}

static void
seeds_are_checked_against_fields(void **state)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_recipe *r =
	    load("schema_requirements: [extra]\nsteps: [{id: "
		 "s, prompt: '{{ a.b }}{% for x in l %}{{ x.y }}{% endfor %}"
		 "{{ o | d(1) }}'}]",
		NULL, &err);
	const char *text = "{\"a\": {}, \"l\": [{\"y\": 1}, {}], \"extra\": "
			   "null}";
	const struct pp_json *seed;
	size_t next = 0;

	(void)state;
	assert_non_null(r);
	seed = pp_json_parse(&doc, text, strlen(text), 0, &err);
	assert_fails(pp_recipe_check_seed(r, seed, &next, &err), err, PP_EDATA);
	assert_string_equal(err.text, "missing required field: a.b");
	assert_fails(pp_recipe_check_seed(r, seed, &next, &err), err, PP_EDATA);
	assert_string_equal(err.text, "missing required field: l[].y");
	assert_ok(pp_recipe_check_seed(r, seed, &next, &err), err);
	pp_json_doc_release(&doc);
	pp_recipe_free(r);
}

/* ---- rows ---- */

static void
a_row_goes_through_its_steps(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_recipe *r = load(
	    "steps:\n  - {id: one, system: S, prompt: "
	    "'{{ t }}'}\n  - {id: two, prompt: 'x', when: steps.one.output | "
	    "length > 9}\n  - {id: three, prompt: '{{ steps.two.output | "
	    "d(\"none\") }} {{ steps.one.model }}'}\nrecord:\n  n: '{{ n + 1 "
	    "}}'\n  text: 'a {{ n }}'\n  list: '{{ l }}'\n  fixed: 5\n  id: "
	    "'{{ row.id }}'\n  deep: [{x: '{{ l | map(\"upper\") }}'}]\n"
	    "category: '{{ t }}'\n",
	    NULL, &err);
	const char *seed = "{\"t\": \"T\", \"n\": 1, \"l\": [\"a\"]}";
	struct pp_render_seed s = { NULL, seed, strlen(seed) };
	struct pp_render_row row = { 7, "r-7", 1 };
	struct pp_buf a = PP_BUF_INIT, b = PP_BUF_INIT;
	struct pp_render *render;
	bool skip;

	(void)state;
	if (r == NULL)
		fail_msg("%s", err.text);
	render = pp_render_new(r, NULL);
	assert_ok(pp_render_begin(render, &s, 1, &row, &err), err);
	assert_ok(pp_render_step(render, 0, &skip, &a, &b, &err), err);
	assert_string_equal(a.data, "S");
	assert_string_equal(b.data, "T");
	pp_render_set_output(render, 0, "short", 5, "m1");
	assert_ok(pp_render_step(render, 1, &skip, &a, &b, &err), err);
	assert_true(skip);
	pp_render_set_skipped(render, 1);
	assert_ok(pp_render_step(render, 1, NULL, &a, &b, &err), err);
	assert_string_equal(b.data, "x");
	assert_ok(pp_render_step(render, 2, &skip, &a, &b, &err), err);
	assert_string_equal(b.data, "none m1");
	assert_ok(pp_render_record(render, &a, &b, &err), err);
	assert_string_equal(a.data,
	    "{\"n\":2,\"text\":\"a 1\",\"list\":"
	    "[\"a\"],\"fixed\":5,\"id\":\"r-7\",\"deep\":[{\"x\":[\"A\"]}]}");
	assert_string_equal(b.data, "T");
	pp_render_free(render);
	pp_recipe_free(r);
	pp_buf_release(&a);
	pp_buf_release(&b);
}

static void
errors_of_a_row_have_their_place(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_recipe *r = load(
	    "steps:\n  - id: s\n    prompt: |\n"
	    "      Hi\n      to {{ autor }}\n  - id: big\n    prompt: \"{{ 'a' "
	    "* 10**10 }}\"\n",
	    NULL, &err);
	struct pp_render_seed s = { NULL, "{\"author\": 1}", 13 };
	struct pp_render_row row = { 0, "r", 1 };
	struct pp_buf a = PP_BUF_INIT, b = PP_BUF_INIT;
	struct pp_render *render;
	bool skip;

	(void)state;
	assert_non_null(r);
	render = pp_render_new(r, NULL);
	assert_ok(pp_render_begin(render, &s, 1, &row, &err), err);
	assert_fails(pp_render_step(render, 0, &skip, &a, &b, &err), err,
	    PP_EDATA);
	assert_string_equal(err.text,
	    "t.yaml:5:13: 'autor' is undefined (did "
	    "you mean 'author'?)");
	assert_fails(pp_render_step(render, 1, &skip, &a, &b, &err), err,
	    PP_ELIMIT);
	pp_render_free(render);
	pp_recipe_free(r);
	pp_buf_release(&a);
	pp_buf_release(&b);
}

/* Line ends of YAML that JSON does not know, with blanks to fold after them. */
static void
a_recipe_comes_back_from_its_json(void **state)
{
	static const char text[] =
	    "id: t\nsteps:\n  - id: s\n    prompt: \"a\\u2028  b\\u2029  "
	    "c\\u0085  d\\n  e \xc3\xa9\"\n";
	struct pp_findings f = { .list = NULL };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf json = PP_BUF_INIT, again = PP_BUF_INIT;
	struct pp_recipe *r = load(text, &f, &err), *copy;

	(void)state;
	assert_non_null(r);
	pp_recipe_put_json(r, &json);
	assert_non_null(strstr(json.data,
	    "\"a\\u2028  b\\u2029  c\\u0085  d\\n  e \xc3\xa9\""));
	copy = load(json.data, &f, &err);
	assert_non_null(copy);
	pp_recipe_put_json(copy, &again);
	assert_string_equal(again.data, json.data);
	pp_recipe_free(copy);
	pp_recipe_free(r);
	pp_findings_release(&f);
	pp_buf_release(&json);
	pp_buf_release(&again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(findings_say_what_and_where),
		cmocka_unit_test(all_errors_are_reported_at_once),
		cmocka_unit_test(a_recipe_comes_back_from_its_json),
		cmocka_unit_test(fields_are_those_that_are_read),
		cmocka_unit_test(seeds_are_checked_against_fields),
		cmocka_unit_test(a_row_goes_through_its_steps),
		cmocka_unit_test(errors_of_a_row_have_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
