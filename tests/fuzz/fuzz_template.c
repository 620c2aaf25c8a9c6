/*
 * The prompt language: any text compiles or gives an error with its place, and
 * what compiled renders within its bounds or gives an error. The first byte
 * chooses options; the context has a value of every kind.
 */
#include <config.h>

#include <string.h>

#include "base/json.h"
#include "fuzz.h"
#include "template/fields.h"
#include "template/object.h"
#include "template/template.h"

static const char context[] =
    "{\"i\": 7, \"j\": -3, \"f\": 2.5, \"s\": \"Hello <b>\", \"t\": "
    "\"\\u00fcn\\u00ef a,b\\nc\", \"l\": [1, \"a\", null, [2]], \"m\": "
    "[{\"k\": 1, \"v\": \"x\"}, {\"k\": \"b\"}], \"d\": {\"a\": 1, \"b\": "
    "{\"c\": []}, \"items\": 3}, \"n\": null, \"b\": true, \"e\": \"\", "
    "\"messages\": [{\"role\": \"user\", \"content\": \"q\"}]}";

static int
load(void *arg, const char *name, struct pp_buf *out)
{
	const char *text = arg;

	if (strcmp(name, "self") == 0)
		return pp_buf_adds(out, text) < 0 ? -1 : 1;
	if (strcmp(name, "a") != 0)
		return 0;
	pp_buf_adds(out,
	    "{% macro f(x) %}[{{ x }}]{% endmacro %}"
	    "{% set v = 1 %}{% block c %}{{ i }}{% endblock %}");
	return 1;
}

static void
check_fault(const struct pp_fault *f)
{
	int line, column;

	claim(f->kind != PP_K_NONE && f->text[0] != '\0');
	if (f->source == NULL)
		return;
	claim(f->pos <= f->source->len);
	pp_source_place(f->source, f->pos, &line, &column);
	claim(line > 0 && column > 0);
}

static void
render(const struct pp_template *t, struct pp_engine *engine, uint8_t choice)
{
	static const struct pp_bounds bounds = { .steps = 20000,
		.output_bytes = 200000,
		.memory_bytes = 2 << 20,
		.depth = 30,
		.string_bytes = 100000 };
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_arena a = PP_ARENA_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf first = PP_BUF_INIT;
	struct pp_rt rt;
	struct pp_dict *vars;
	int rc;

	pp_rt_init(&rt, &bounds);
	rt.engine = engine;
	rt.hf = engine->options.hf;
	rt.undefined = choice >> 4 & 3 ? choice >> 4 & 1 : PP_U_CHAINABLE;
	vars = pp_from_json(&a,
	    pp_json_parse(&doc, context, strlen(context), 0, &err))
		   .dict;
	for (int i = 0; i < 2; i++) {
		pp_rand_seed(&rt.rand, 1);
		rc = pp_rt_render(&rt, t, vars);
		claim(rt.out.len <= (size_t)bounds.output_bytes * 2 + 200000);
		if (rc < 0) {
			check_fault(&rt.fault);
			break;
		}
		/* The context is as it was: the same again. */
		if (i == 1)
			claim(first.len == rt.out.len &&
			    memcmp(first.data, rt.out.data, first.len) == 0);
		pp_buf_set(&first, rt.out.data, rt.out.len);
	}
	pp_buf_release(&first);
	pp_rt_release(&rt);
	pp_arena_release(&a);
	pp_json_doc_release(&doc);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t choice = size > 0 ? data[0] : 0;
	struct pp_engine engine;
	struct pp_template *t, *failed = NULL;
	struct pp_fields fields;
	struct pp_fault fault;
	char *text;

	if (size == 0)
		return 0;
	text = malloc(size);
	claim(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	memset(&fault, 0, sizeof fault);
	memset(&engine, 0, sizeof engine);
	memset(&fields, 0, sizeof fields);
	engine.load = load;
	engine.arg = text;
	engine.options = (struct pp_options){ .trim_blocks = choice & 1,
		.lstrip_blocks = choice >> 1 & 1,
		.keep_trailing_newline = choice >> 2 & 1,
		.line_statement_prefix = choice >> 3 & 1 ? "%%" : NULL,
		.line_comment_prefix = choice >> 3 & 1 ? "##" : NULL,
		.hf = choice >> 7 };
	t = pp_template_compile((const char *)data + 1, size - 1, "input",
	    &engine.options, &fault, &failed);
	if (t == NULL) {
		check_fault(&fault);
	} else {
		pp_fields_scan(&fields, t, &engine);
		render(t, &engine, choice);
	}
	pp_fields_release(&fields);
	pp_engine_release(&engine);
	pp_template_free(t);
	pp_template_free(failed);
	free(text);
	return 0;
}
