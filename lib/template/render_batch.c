#include <config.h>

#include "template/render_batch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "template/object.h"
#include "template/render_limits.h"
#include "template/template.h"

struct pp_batch {
	struct pp_rt rt;
	struct pp_arena context;
	struct pp_json_doc doc;
	int syntax_depth;
};

struct pp_batch *
pp_batch_new(const struct pp_limits *limits)
{
	struct pp_batch *b = pp_calloc(1, sizeof *b);
	struct pp_bounds bounds = pp_limits_bounds(limits);

	pp_rt_init(&b->rt, &bounds);
	b->syntax_depth = (int)limits->max_syntax_depth;
	return b;
}

void
pp_batch_free(struct pp_batch *b)
{
	if (b == NULL)
		return;
	pp_rt_release(&b->rt);
	pp_arena_release(&b->context);
	pp_json_doc_release(&b->doc);
	free(b);
}

/* ---- the request ---- */

static bool
flag(const struct pp_json *options, const char *name, bool otherwise)
{
	const struct pp_json *v = pp_json_get(options, name);

	return v == NULL ? otherwise : v->type == PP_JSON_TRUE;
}

static const char *
text_option(struct pp_batch *b, const struct pp_json *options, const char *name)
{
	const struct pp_json *v = pp_json_get(options, name);

	struct pp_value text;

	if (v == NULL || v->type != PP_JSON_STRING || v->len == 0)
		return NULL;
	text = pp_from_json(&b->context, v);
	return pp_arena_strndup(&b->context, text.s, text.len);
}

static enum pp_undefined_mode
undefined_mode(const struct pp_json *v)
{
	if (v != NULL && pp_json_is(v, "strict"))
		return PP_U_STRICT;
	return v != NULL && pp_json_is(v, "chainable") ? PP_U_CHAINABLE :
							 PP_U_LENIENT;
}

/* The clock of a request that names none: a fixed one, for equal answers. */
#define DEFAULT_NOW "2025-03-09T08:05:00Z"

static int
read_now(const struct pp_json *options, int64_t *now, struct pp_error *err)
{
	const struct pp_json *v = pp_json_get(options, "now");
	struct pp_buf text = PP_BUF_INIT;
	int64_t ms = 0;
	int rc;

	if (v != NULL && v->type == PP_JSON_STRING)
		pp_json_unescape(v, &text);
	else
		pp_buf_adds(&text, DEFAULT_NOW);
	if (text.len == strlen("2025-03-09T08:05:00"))
		pp_buf_addc(&text, 'Z');
	rc = pp_time_parse(text.data, &ms, err);
	*now = ms / 1000;
	pp_buf_release(&text);
	return rc;
}

static int
load_fragment(void *arg, const char *name, struct pp_buf *out)
{
	const struct pp_json *v = arg != NULL ? pp_json_get(arg, name) : NULL;

	if (v == NULL || v->type != PP_JSON_STRING)
		return 0;
	return pp_json_unescape(v, out) < 0 ? -1 : 1;
}

/* ---- the answer ---- */

static void
put_id(struct pp_buf *out, const struct pp_json *id)
{
	const char *raw;
	size_t len;

	pp_buf_adds(out, "{\"id\":");
	if (id == NULL) {
		pp_buf_adds(out, "null");
		return;
	}
	raw = pp_json_raw(id, &len);
	pp_buf_add(out, raw, len);
}

static void
put_fault(struct pp_buf *out, const struct pp_fault *f)
{
	int line = 0, column;

	pp_buf_adds(out, ",\"error\":{\"kind\":");
	pp_json_put_cstr(out, pp_fault_kind_name(f->kind));
	pp_buf_adds(out, ",\"message\":");
	pp_json_put_lossy(out, f->text, strlen(f->text));
	pp_buf_adds(out, ",\"line\":");
	if (f->source != NULL) {
		pp_source_place(f->source, f->pos, &line, &column);
		pp_json_put_int(out, line);
	} else {
		pp_buf_adds(out, "null");
	}
	pp_buf_adds(out, "}}\n");
}

/* Compile and render into rt->out; -1 with `fault`. */
static int
run(struct pp_batch *b, struct pp_engine *e, const char *text, size_t len,
    struct pp_dict *vars, struct pp_fault *fault, struct pp_buf *out)
{
	struct pp_template *failed = NULL, *t;
	int rc = -1;

	memset(fault, 0, sizeof *fault);
	t = pp_template_compile(text, len, "template", &e->options, fault,
	    &failed);
	if (t != NULL) {
		rc = pp_rt_render(&b->rt, t, vars);
		*fault = b->rt.fault;
	}
	if (rc == 0) {
		pp_buf_adds(out, ",\"output\":");
		pp_json_put_str(out, b->rt.out.data, b->rt.out.len);
		pp_buf_adds(out, "}\n");
	} else {
		put_fault(out, fault);
	}
	pp_template_free(t);
	pp_template_free(failed);
	return rc;
}

static struct pp_dict *
read_context(struct pp_batch *b, const struct pp_json *v)
{
	if (v == NULL || v->type != PP_JSON_OBJECT)
		return NULL;
	return pp_from_json(&b->context, v).dict;
}

int
pp_batch_render(struct pp_batch *b, const char *request, size_t len,
    struct pp_buf *out, struct pp_error *err)
{
	const struct pp_json *root, *text, *options;
	struct pp_engine engine;
	struct pp_fault fault;
	struct pp_value source;

	pp_arena_reset(&b->context);
	root = pp_json_parse(&b->doc, request, len, PP_JSON_LONE_SURROGATES,
	    err);
	if (root == NULL)
		return -1;
	text = pp_json_get(root, "template");
	if (text == NULL || text->type != PP_JSON_STRING)
		return pp_error_set(err, PP_EDATA,
		    "the request has no \"template\"");
	options = pp_json_get(root, "options");
	if (options == NULL)
		options = text;
	memset(&engine, 0, sizeof engine);
	engine.options = (struct pp_options){
		.max_depth = b->syntax_depth,
		.trim_blocks = flag(options, "trim_blocks", false),
		.lstrip_blocks = flag(options, "lstrip_blocks", false),
		.keep_trailing_newline = flag(options, "keep_trailing_newline",
		    true),
		.line_statement_prefix = text_option(b, options,
		    "line_statement_prefix"),
		.line_comment_prefix = text_option(b, options,
		    "line_comment_prefix"),
	};
	if (pp_json_get(options, "dialect") != NULL)
		engine.options.hf = pp_json_is(pp_json_get(options, "dialect"),
		    "hf");
	engine.load = load_fragment;
	engine.arg = (void *)(uintptr_t)pp_json_get(root, "templates");
	b->rt.engine = &engine;
	b->rt.hf = engine.options.hf;
	b->rt.undefined = (uint8_t)undefined_mode(pp_json_get(root,
	    "undefined"));
	pp_rand_seed(&b->rt.rand, 0);
	if (read_now(options, &b->rt.now, err) < 0)
		return -1;
	source = pp_from_json(&b->context, text);
	put_id(out, pp_json_get(root, "id"));
	run(b, &engine, source.s, source.len,
	    read_context(b, pp_json_get(root, "context")), &fault, out);
	pp_engine_release(&engine);
	return 0;
}
