/* The prompt language: golden cases of our own filters, and what only C sees. */
#include <config.h>

#include "test.h"

#include <dirent.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "template/render_batch.h"
#include "template/call.h"
#include "template/methods.h"
#include "template/template.h"

/* ---- golden cases ---- */

/* A case of a .test file: "=== name", then "--- part" and its lines. */
struct golden {
	char *name, *template, *context, *expect, *error;
};

static void
release_case(struct golden *c)
{
	free(c->name);
	free(c->template);
	free(c->context);
	free(c->expect);
	free(c->error);
	memset(c, 0, sizeof *c);
}

static char **
part_of(struct golden *c, const char *name)
{
	if (strcmp(name, "template") == 0)
		return &c->template;
	if (strcmp(name, "context") == 0)
		return &c->context;
	if (strcmp(name, "expect") == 0)
		return &c->expect;
	assert_string_equal(name, "error");
	return &c->error;
}

static void
put_member(struct pp_buf *b, const char *name, const char *text)
{
	pp_buf_addf(b, "\"%s\":", name);
	pp_json_put_cstr(b, text);
	pp_buf_addc(b, ',');
}

static void
run_case(const char *file, const struct golden *c)
{
	struct pp_limits none = { .max_steps = 0 };
	struct pp_batch *batch = pp_batch_new(&none);
	struct pp_buf request = PP_BUF_INIT, out = PP_BUF_INIT;
	struct pp_buf text = PP_BUF_INIT;
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	const struct pp_json *answer, *v;

	pp_buf_addc(&request, '{');
	put_member(&request, "template", c->template);
	put_member(&request, "undefined", "strict");
	pp_buf_addf(&request, "\"context\":%s}",
	    c->context != NULL ? c->context : "{}");
	assert_ok(pp_batch_render(batch, request.data, request.len, &out, &err),
	    err);
	answer = pp_json_parse(&doc, out.data, out.len, 0, &err);
	assert_non_null(answer);
	v = c->error != NULL ? pp_json_path(answer, "error.message") :
			       pp_json_get(answer, "output");
	if (v == NULL)
		fail_msg("%s: %s: %s", file, c->name, out.data);
	pp_json_unescape(v, &text);
	if (strcmp(text.data, c->error != NULL ? c->error : c->expect) != 0)
		fail_msg("%s: %s: '%s'", file, c->name, text.data);
	pp_json_doc_release(&doc);
	pp_buf_release(&request);
	pp_buf_release(&out);
	pp_buf_release(&text);
	pp_batch_free(batch);
}

/* Runs the cases of a file; how many there were. */
static int
run_file(const char *path)
{
	struct pp_buf text = PP_BUF_INIT, part = PP_BUF_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct golden c = { .name = NULL };
	char **into = NULL, *line, *next;
	int n = 0;

	assert_ok(pp_io_read_file(path, &text, &err), err);
	for (line = text.data; line != NULL; line = next) {
		bool last = *line == '\0';

		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		if (last || strncmp(line, "=== ", 4) == 0 ||
		    strncmp(line, "--- ", 4) == 0) {
			if (into != NULL) {
				/* The last newline is the file's. */
				if (part.len > 0)
					pp_buf_truncate(&part, part.len - 1);
				*into = pp_strdup(part.data);
			}
			pp_buf_clear(&part);
			into = NULL;
		}
		if (last || strncmp(line, "=== ", 4) == 0) {
			if (c.name != NULL) {
				run_case(path, &c);
				n++;
			}
			release_case(&c);
			if (!last)
				c.name = pp_strdup(line + 4);
		} else if (strncmp(line, "--- ", 4) == 0) {
			into = part_of(&c, line + 4);
		} else if (into != NULL) {
			pp_buf_adds(&part, line);
			pp_buf_addc(&part, '\n');
		}
		if (last)
			break;
	}
	pp_buf_release(&text);
	pp_buf_release(&part);
	return n;
}

static void
golden_cases_hold(void **state)
{
	const char *src = getenv("PP_SRCDIR");
	char *dir = pp_asprintf("%s/tests/golden/template",
	    src != NULL ? src : "..");
	struct dirent **entries;
	int n = scandir(dir, &entries, NULL, alphasort), cases = 0;

	(void)state;
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		char *path = pp_asprintf("%s/%s", dir, entries[i]->d_name);

		if (strstr(path, ".test") != NULL)
			cases += run_file(path);
		free(path);
		free(entries[i]);
	}
	free(entries);
	free(dir);
	assert_true(cases > 20);
}

/* ---- tables ---- */

/* Methods are found by halves, so each table must be in order. */
static void
method_tables_are_sorted(void **state)
{
	static const struct pp_method_table *const tables[] = { &pp_str_methods,
		&pp_list_methods, &pp_tuple_methods, &pp_dict_methods,
		&pp_int_methods, &pp_float_methods, &pp_range_methods,
		&pp_loop_methods, &pp_cycler_methods };

	(void)state;
	for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
		for (size_t i = 1; i < tables[t]->count; i++)
			assert_true(strcmp(tables[t]->row[i - 1].name,
					tables[t]->row[i].name) < 0);
	}
}

static void
filters_and_tests_are_in_order_and_found(void **state)
{
	(void)state;
	for (size_t i = 0; pp_filter_table[i].name != NULL; i++) {
		const char *name = pp_filter_table[i].name;

		if (i > 0)
			assert_true(strcmp(pp_filter_table[i - 1].name, name) <
			    0);
		assert_ptr_equal(pp_filter_find(name, strlen(name)),
		    &pp_filter_table[i]);
	}
	for (size_t i = 1; pp_test_table[i].name != NULL; i++)
		assert_true(strcmp(pp_test_table[i - 1].name,
				pp_test_table[i].name) < 0);
	assert_null(pp_filter_find("uppe", 4));
	assert_null(pp_test_find("definedd", 8));
}

/* ---- rendering again and again ---- */

struct engine {
	struct pp_rt rt;
	struct pp_arena context;
	struct pp_json_doc doc;
	struct pp_template *t;
	struct pp_dict *vars;
};

static void
start(struct engine *e, const char *text, const char *json)
{
	struct pp_options options = { .keep_trailing_newline = true };
	struct pp_bounds none = { .steps = 0 };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_fault fault;

	memset(e, 0, sizeof *e);
	memset(&fault, 0, sizeof fault);
	pp_rt_init(&e->rt, &none);
	e->t = pp_template_compile(text, strlen(text), "t", &options, &fault,
	    NULL);
	if (e->t == NULL)
		fail_msg("%s", fault.text);
	e->vars = pp_from_json(&e->context,
	    pp_json_parse(&e->doc, json, strlen(json), 0, &err))
		      .dict;
}

static void
stop(struct engine *e)
{
	pp_template_free(e->t);
	pp_rt_release(&e->rt);
	pp_arena_release(&e->context);
	pp_json_doc_release(&e->doc);
}

/* What a template does to its context is forgotten when it ends. */
static void
the_context_is_put_back(void **state)
{
	struct engine e;

	(void)state;
	start(&e,
	    "{% do l.append(3) %}{% do d.update(a=2, b=3) %}{% do "
	    "d.c.append(1) %}{{ l }}{{ d }}",
	    "{\"l\": [1, 2], \"d\": "
	    "{\"a\": 1, \"c\": []}}");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pp_rt_render(&e.rt, e.t, e.vars), 0);
		assert_string_equal(e.rt.out.data,
		    "[1, 2, 3]{'a': 2, 'c': [1], 'b': 3}");
	}
	stop(&e);
}

/* A loop needs the memory of one turn. */
static void
loops_give_their_memory_back(void **state)
{
	struct engine e;

	(void)state;
	start(&e,
	    "{% for i in range(100000) %}{% set x = ('a' * 1000) ~ i %}"
	    "{{ x|upper|length }}{% endfor %}",
	    "{}");
	assert_int_equal(pp_rt_render(&e.rt, e.t, e.vars), 0);
	assert_true(e.rt.arena.used_bytes < 10000);
	stop(&e);
}

/* ... unless something older holds what it made. */
static void
what_a_loop_stores_outlives_it(void **state)
{
	struct engine e;

	(void)state;
	start(&e,
	    "{% set ns = namespace(s='', l=[]) %}{% for i in range(300) "
	    "%}{% set ns.s = ns.s ~ i %}{% do ns.l.append('<' ~ i ~ '>') %}"
	    "{% endfor %}{{ ns.s|length }} {{ ns.l|join|length }} "
	    "{{ ns.l[299] }}",
	    "{}");
	assert_int_equal(pp_rt_render(&e.rt, e.t, e.vars), 0);
	assert_string_equal(e.rt.out.data, "790 1390 <299>");
	stop(&e);
}

static void
chance_is_that_of_the_seed(void **state)
{
	char first[64] = "";
	struct engine e;

	(void)state;
	start(&e, "{{ range(1000000000 // 10000)|random }} {{ 'abc'|random }}",
	    "{}");
	for (int i = 0; i < 3; i++) {
		pp_rand_seed(&e.rt.rand, i < 2 ? 7 : 8);
		assert_int_equal(pp_rt_render(&e.rt, e.t, e.vars), 0);
		if (i == 0)
			snprintf(first, sizeof first, "%s", e.rt.out.data);
		else if (i == 1)
			assert_string_equal(e.rt.out.data, first);
		else
			assert_string_not_equal(e.rt.out.data, first);
	}
	stop(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_cases_hold),
		cmocka_unit_test(method_tables_are_sorted),
		cmocka_unit_test(filters_and_tests_are_in_order_and_found),
		cmocka_unit_test(the_context_is_put_back),
		cmocka_unit_test(loops_give_their_memory_back),
		cmocka_unit_test(what_a_loop_stores_outlives_it),
		cmocka_unit_test(chance_is_that_of_the_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
