/* Compiling, rendering, contexts from JSON. */
#include <config.h>

#include "template/template.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "template/eval.h"
#include "template/object.h"
#include "template/parser.h"
#include "template/resolve.h"

const char *
pp_fault_kind_name(enum pp_fault_kind k)
{
	static const char *const names[] = { "none", "undefined", "syntax",
		"type", "runtime", "limit" };

	return names[k];
}

/* ---- sources ---- */

void
pp_source_place(const struct pp_source *s, uint32_t pos, int *line, int *column)
{
	size_t start = 0, at = pos < s->len ? pos : s->len;

	*line = 1;
	for (size_t i = 0; i < at; i++) {
		if (s->text[i] == '\n') {
			*line += 1;
			start = i + 1;
		}
	}
	*column = (int)pp_utf8_count(s->text + start, at - start) + 1;
}

/* The text with "\n" alone for newlines, in the arena. */
static void
copy_source(struct pp_template *t, struct pp_arena *a, const char *text,
    size_t len, bool keep_last)
{
	char *copy = pp_arena_alloc(a, len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\r')
			copy[n++] = text[i];
		else if (i + 1 >= len || text[i + 1] != '\n')
			copy[n++] = '\n';
	}
	if (!keep_last && n > 0 && copy[n - 1] == '\n')
		n--;
	copy[n] = '\0';
	t->source.text = copy;
	t->source.len = n;
}

/* ---- compiling ---- */

static int
check_source(struct pp_rt *rt, const char *text, size_t len)
{
	size_t bad;

	if (len > PP_MAX_SOURCE_BYTES)
		return pp_fail_int(rt, PP_K_LIMIT,
		    "the template is longer than %zu bytes",
		    PP_MAX_SOURCE_BYTES);
	if (!pp_utf8_valid(text, len, &bad))
		return pp_fail_int(rt, PP_K_SYNTAX, "byte %zu is not UTF-8",
		    bad);
	if (len > 0 && memchr(text, '\0', len) != NULL)
		return pp_fail_int(rt, PP_K_SYNTAX,
		    "the template has a NUL in it");
	return 0;
}

static int
compile(struct pp_template *t, struct pp_rt *rt,
    const struct pp_options *options, pp_problem_fn *report, void *arg)
{
	struct pp_parser *p = pp_malloc(sizeof *p);
	int rc = -1;
	bool parsed;

	pp_parser_init(p, rt, t->source.text, t->source.len, options);
	p->report = report;
	p->report_arg = arg;
	parsed = pp_parse_template(p, &t->root.body);
	if (!parsed)
		pp_parse_forgive(p);
	/* Of what could be read, unknown filters are told all the same. */
	if (!pp_parse_failed(p)) {
		t->root.height = (uint32_t)p->deepest + 1;
		t->has_extends = p->has_extends;
		rc = pp_resolve(p, t);
	}
	if (rc < 0 || !parsed) {
		pp_parse_forgive(p);
		rc = -1;
	}
	pp_parser_release(p);
	free(p);
	return rc;
}

static struct pp_template *
compile_with(const char *text, size_t len, const char *name,
    const struct pp_options *options, struct pp_fault *fault,
    struct pp_template **keep, pp_problem_fn *report, void *arg)
{
	struct pp_template *t = pp_calloc(1, sizeof *t);
	struct pp_rt *rt = pp_calloc(1, sizeof *rt);
	struct pp_bounds none;
	int rc;

	memset(&none, 0, sizeof none);
	pp_rt_init(rt, &none);
	rt->arena.max_bytes = 0;
	rt->hf = options->hf;
	rt->tmpl = t;
	t->source.name = pp_arena_strdup(&rt->arena, name);
	rc = check_source(rt, text, len);
	if (rc == 0)
		copy_source(t, &rt->arena, text, len,
		    options->keep_trailing_newline);
	else
		t->source.text = "";
	if (rc == 0)
		rc = compile(t, rt, options, report, arg);
	else if (report != NULL)
		report(arg, &rt->fault);
	t->arena = rt->arena;
	pp_arena_init(&rt->arena, 0);
	if (rc < 0) {
		*fault = rt->fault;
		if (keep != NULL)
			*keep = t;
		else
			fault->source = NULL;
		if (keep == NULL)
			pp_template_free(t);
		t = NULL;
	}
	pp_rt_release(rt);
	free(rt);
	return t;
}

struct pp_template *
pp_template_compile(const char *text, size_t len, const char *name,
    const struct pp_options *options, struct pp_fault *fault,
    struct pp_template **keep)
{
	return compile_with(text, len, name, options, fault, keep, NULL, NULL);
}

void
pp_template_problems(const char *text, size_t len,
    const struct pp_options *options, pp_problem_fn *report, void *arg)
{
	struct pp_fault ignored;

	pp_template_free(compile_with(text, len, "", options, &ignored, NULL,
	    report, arg));
}

void
pp_template_free(struct pp_template *t)
{
	if (t == NULL)
		return;
	pp_arena_release(&t->arena);
	free(t);
}

/* One output of one thing, all of the text: "{{ x }}", not "x" or "a{{ x }}". */
bool
pp_template_is_one(const struct pp_template *t)
{
	const struct pp_list_of *b = &t->root.body;
	const struct pp_node *n = b->count == 1 ? b->item[0] : NULL;
	const char *s = t->source.text;

	return n != NULL && n->kind == PP_N_OUTPUT && n->list.count == 1 &&
	    t->source.len >= 4 && s[0] == '{' && s[1] == '{' &&
	    s[t->source.len - 1] == '}' && s[t->source.len - 2] == '}';
}

bool
pp_template_is_expression(const struct pp_template *t)
{
	return pp_template_is_one(t) &&
	    (t->root.body.item[0]->list.item[0]->flag & PP_DATA) == 0;
}

/* ---- fragments ---- */

void
pp_engine_release(struct pp_engine *e)
{
	struct pp_loaded *l, *next;

	for (l = e->loaded; l != NULL; l = next) {
		next = l->next;
		pp_template_free(l->tmpl);
		pp_template_free(l->failed);
		free(l->name);
		free(l);
	}
	e->loaded = NULL;
}

const struct pp_template *
pp_engine_get(struct pp_engine *e, const char *name, struct pp_fault *fault)
{
	struct pp_buf text = PP_BUF_INIT_MAX(PP_MAX_SOURCE_BYTES);
	struct pp_loaded *l;

	for (l = e->loaded; l != NULL; l = l->next) {
		if (strcmp(l->name, name) == 0)
			break;
	}
	if (l == NULL) {
		if (e->load == NULL || e->load(e->arg, name, &text) <= 0) {
			pp_buf_release(&text);
			return NULL;
		}
		l = pp_calloc(1, sizeof *l);
		l->name = pp_strdup(name);
		l->tmpl = pp_template_compile(text.data, text.len, name,
		    &e->options, &l->fault, &l->failed);
		l->next = e->loaded;
		e->loaded = l;
		pp_buf_release(&text);
	}
	if (l->tmpl == NULL)
		*fault = l->fault;
	return l->tmpl;
}

/* ---- rendering ---- */

static int64_t
or_default(int64_t given, int64_t otherwise)
{
	return given > 0 ? given : otherwise;
}

void
pp_rt_init(struct pp_rt *rt, const struct pp_bounds *b)
{
	memset(rt, 0, sizeof *rt);
	rt->bounds = (struct pp_bounds){ .steps = or_default(b->steps,
					     PP_BOUND_STEPS),
		.output_bytes = or_default(b->output_bytes, PP_BOUND_OUTPUT),
		.memory_bytes = or_default(b->memory_bytes, PP_BOUND_MEMORY),
		.depth = or_default(b->depth, PP_BOUND_DEPTH),
		.value_depth = or_default(b->value_depth, PP_BOUND_VALUE_DEPTH),
		.range = or_default(b->range, PP_BOUND_RANGE),
		.string_bytes = or_default(b->string_bytes, PP_BOUND_STRING),
		.int_digits = or_default(b->int_digits, PP_BOUND_DIGITS) };
	pp_arena_init(&rt->arena, (size_t)rt->bounds.memory_bytes);
	pp_buf_init(&rt->out, 0);
	rt->steps = rt->bounds.steps;
	pp_rand_seed(&rt->rand, 0);
}

void
pp_rt_release(struct pp_rt *rt)
{
	pp_arena_release(&rt->arena);
	pp_buf_release(&rt->out);
}

static void
start(struct pp_rt *rt)
{
	pp_arena_reset(&rt->arena);
	if (rt->out.len > 0)
		rt->last_len = rt->out.len;
	pp_buf_clear(&rt->out);
	if (rt->out.cap == 0 && rt->last_len > 0)
		pp_buf_reserve(&rt->out, rt->last_len + 64);
	memset(&rt->fault, 0, offsetof(struct pp_fault, text) + 1);
	rt->fault.source = NULL;
	rt->fault.missing = NULL;
	rt->fault.opened = 0;
	rt->at = rt->late = NULL;
	rt->tmpl = NULL;
	rt->steps = rt->bounds.steps;
	rt->pins = 0;
	rt->depth = rt->height = 0;
	rt->autoescape = false;
	rt->undo = NULL;
	rt->imported = NULL;
}

int
pp_rt_render(struct pp_rt *rt, const struct pp_template *t,
    struct pp_dict *vars)
{
	struct pp_context ctx = { .base = vars, .exporting = t->has_fragments };
	int rc;

	start(rt);
	rt->tmpl = t;
	rc = pp_run_template(rt, t, &ctx);
	if (rc == 0 && rt->late != NULL) {
		rt->at = rt->late;
		rc = pp_fail_int(rt, PP_K_TYPE,
		    "the filter of a block gave no text");
	}
	pp_rt_undo(rt);
	rt->last_len = rt->out.len;
	return rc;
}

int
pp_rt_evaluate(struct pp_rt *rt, const struct pp_template *t,
    struct pp_dict *vars, struct pp_value *out)
{
	struct pp_context ctx = { .base = vars };
	const struct pp_node *n = t->root.body.item[0]->list.item[0];
	struct pp_frame *fr;

	start(rt);
	rt->tmpl = t;
	fr = pp_frame_new(rt, &t->root, NULL, &ctx);
	*out = fr != NULL ? pp_eval(rt, fr, n) : pp_error_value();
	pp_rt_undo(rt);
	return pp_is_error(*out) ? -1 : 0;
}

/* ---- contexts ---- */

static struct pp_value
text_from_json(struct pp_arena *a, const struct pp_json *j)
{
	struct pp_buf b = PP_BUF_INIT;
	struct pp_value v = pp_str(j->text, j->len);

	if (j->escaped) {
		pp_json_unescape(j, &b);
		v = pp_str(pp_arena_strndup(a, b.data, b.len), b.len);
		pp_buf_release(&b);
	}
	if (pp_all_ascii(v.s, v.len))
		v.flags = PP_F_ASCII;
	return v;
}

/* An integer too long to print is made a float, as it is in JavaScript. */
static struct pp_value
number_from_json(struct pp_arena *a, const struct pp_json *j)
{
	struct pp_rt rt;
	struct pp_bounds none;
	struct pp_value v;
	int64_t i;
	double d;
	bool negative = j->text[0] == '-';

	if (j->integer && pp_json_int64(j, &i))
		return pp_int(i);
	if (!j->integer || j->len > PP_MAX_INT_PRINT)
		return pp_float(pp_json_double(j, &d) ? d : 0);
	memset(&none, 0, sizeof none);
	pp_rt_init(&rt, &none);
	rt.arena = *a;
	v = pp_int_from_digits(&rt, j->text + negative, j->len - negative, 10,
	    negative);
	*a = rt.arena;
	return v;
}

struct pp_value
pp_from_json(struct pp_arena *a, const struct pp_json *j)
{
	const struct pp_json *child;
	struct pp_list *l;
	struct pp_dict *d;

	switch ((enum pp_json_type)j->type) {
	case PP_JSON_NULL: return pp_none();
	case PP_JSON_FALSE: return pp_bool(false);
	case PP_JSON_TRUE: return pp_bool(true);
	case PP_JSON_NUMBER: return number_from_json(a, j);
	case PP_JSON_STRING: return text_from_json(a, j);
	case PP_JSON_ARRAY:
		l = pp_arena_alloc(a, sizeof *l);
		*l = (struct pp_list){
			.count = j->count, .cap = j->count, .shared = true
		};
		l->item = pp_arena_alloc(a, j->count * sizeof l->item[0]);
		child = pp_json_first(j);
		for (uint32_t i = 0; i < j->count; i++) {
			l->item[i] = pp_from_json(a, child);
			child = pp_json_next(child);
		}
		return pp_ref(PP_T_LIST, l);
	case PP_JSON_OBJECT:
		d = pp_dict_new_in(a, j->count);
		child = pp_json_first(j);
		for (uint32_t i = 0; i < j->count; i++) {
			struct pp_value key = text_from_json(a, child);

			child = pp_json_next(child);
			pp_dict_put_in(a, d, key, pp_str_hash(key.s, key.len),
			    pp_from_json(a, child));
			child = pp_json_next(child);
		}
		d->shared = true;
		return pp_ref(PP_T_DICT, d);
	}
	return pp_none();
}
