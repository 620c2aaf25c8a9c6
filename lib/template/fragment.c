/* include, import, extends and blocks: templates within templates. */
#include <config.h>

#include "template/eval.h"
#include "template/object.h"

/* ---- contexts ---- */

static struct pp_context *
new_context(struct pp_rt *rt, struct pp_context *up)
{
	struct pp_context *ctx = pp_rt_alloc(rt, sizeof *ctx);

	if (ctx != NULL) {
		memset(ctx, 0, sizeof *ctx);
		ctx->up = up;
	}
	return ctx;
}

/* What the scopes around hold, for code that cannot see their slots. */
static int
hand_over(struct pp_rt *rt, struct pp_frame *fr, const struct pp_locals *l,
    struct pp_context *ctx)
{
	ctx->locals = pp_dict_new(rt, l->count);
	for (uint32_t i = 0; ctx->locals != NULL && i < l->count; i++) {
		const struct pp_frame *f = fr;
		struct pp_value v;

		for (unsigned d = l->name[i].place.depth; d > 0; d--)
			f = f->up;
		v = f->slot[l->name[i].place.slot];
		if (v.type == PP_T_MISSING || v.type == PP_T_UNSET)
			continue;
		if (pp_dict_put(rt, ctx->locals, l->name[i].name->str, v) < 0)
			return -1;
	}
	return ctx->locals != NULL ? 0 : -1;
}

/* ---- blocks ---- */

static struct pp_block_stack *
find_stack(struct pp_context *ctx, struct pp_value name)
{
	struct pp_block_stack *s;

	for (s = ctx->blocks; s != NULL; s = s->next) {
		if (pp_same(s->name, name))
			return s;
	}
	return NULL;
}

/* The template's blocks go below those that are there: they are parents. */
static int
add_blocks(struct pp_rt *rt, struct pp_context *ctx,
    const struct pp_template *t)
{
	for (uint32_t i = 0; i < t->blocks; i++) {
		struct pp_block_stack *s = find_stack(ctx,
		    t->block[i].name->str);
		struct pp_block_code *code = pp_rt_alloc(rt, sizeof *code);
		struct pp_block_code **at;

		if (s == NULL) {
			s = pp_rt_alloc(rt, sizeof *s);
			if (s == NULL)
				return -1;
			s->name = t->block[i].name->str;
			s->code = NULL;
			s->next = ctx->blocks;
			ctx->blocks = s;
		}
		if (code == NULL)
			return -1;
		*code = (struct pp_block_code){ NULL, t, t->block[i].node };
		for (at = &s->code; *at != NULL;)
			at = &(*at)->next;
		*at = code;
	}
	return 0;
}

static struct pp_value
new_blockref(struct pp_rt *rt, const struct pp_block_code *code,
    struct pp_value name, struct pp_context *ctx)
{
	struct pp_blockref *b = pp_rt_alloc(rt, sizeof *b);

	if (b == NULL)
		return pp_error_value();
	*b = (struct pp_blockref){ code, name, ctx };
	return pp_ref(PP_T_BLOCK, b);
}

static struct pp_value
make_super(struct pp_rt *rt, const struct pp_block_code *code,
    struct pp_context *ctx)
{
	struct pp_value name = code->node->block->name->str, hint;

	if (code->next != NULL)
		return new_blockref(rt, code->next, name, ctx);
	hint = pp_rt_strf(rt, "there is no parent block called '%.*s'",
	    (int)name.len, name.s);
	return pp_is_error(hint) ? hint : pp_undefined_hint(rt, hint.s);
}

static int
run_block(struct pp_rt *rt, const struct pp_block_code *code,
    struct pp_context *ctx)
{
	const struct pp_function *fn = code->node->block->function;
	const struct pp_template *tmpl = rt->tmpl;
	struct pp_frame *fr;
	int rc = -1;

	if (pp_enter(rt, fn) < 0)
		return -1;
	fr = pp_frame_new(rt, fn, NULL, ctx);
	if (fr == NULL)
		goto out;
	if (fn->self_slot >= 0)
		fr->slot[fn->self_slot] = pp_ref(PP_T_SELF, ctx);
	if (fn->super_slot >= 0)
		fr->slot[fn->super_slot] = make_super(rt, code, ctx);
	rt->tmpl = code->tmpl;
	pp_enter_scope(fr, &fn->scope);
	rc = pp_exec(rt, fr, &fn->body) == PP_RUN_ERROR ? -1 : 0;
	rt->tmpl = tmpl;
out:
	pp_leave(rt, fn);
	return rc;
}

int
pp_exec_block(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	const struct pp_block_node *b = n->block;
	struct pp_context *ctx = fr->ctx;
	struct pp_block_stack *s = find_stack(ctx, b->name->str);

	rt->at = n;
	if (s == NULL)
		return pp_fail_int(rt, PP_K_RUNTIME, "no block '%.*s'",
		    (int)b->name->str.len, b->name->str.s);
	if (b->required && s->code->next == NULL)
		return pp_fail_int(rt, PP_K_RUNTIME,
		    "required block '%.*s' not found", (int)b->name->str.len,
		    b->name->str.s);
	if (b->scoped) {
		ctx = new_context(rt, fr->ctx);
		if (ctx == NULL || hand_over(rt, fr, &b->locals, ctx) < 0)
			return -1;
		ctx->blocks = fr->ctx->blocks;
	}
	return run_block(rt, s->code, ctx);
}

struct pp_value
pp_block_call(struct pp_rt *rt, struct pp_blockref *b)
{
	size_t start = pp_text_begin(rt);
	int rc = run_block(rt, b->code, b->ctx);

	return pp_text_result(rt, start, rc, rt->autoescape);
}

/* self.name and super().super */
struct pp_value
pp_block_attr(struct pp_rt *rt, struct pp_value obj, struct pp_value name)
{
	struct pp_block_stack *s;

	if (obj.type == PP_T_BLOCK) {
		if (!pp_str_is(name, "super"))
			return pp_missing();
		return make_super(rt, obj.block->code, obj.block->ctx);
	}
	s = find_stack(obj.p, name);
	return s != NULL ? new_blockref(rt, s->code, name, obj.p) :
			   pp_missing();
}

/* ---- running a template ---- */

static int
run_root(struct pp_rt *rt, const struct pp_template *t, struct pp_context *ctx)
{
	const struct pp_template *tmpl = rt->tmpl;
	struct pp_frame *fr;
	int rc = -1;

	if (pp_enter(rt, &t->root) < 0)
		return -1;
	fr = pp_frame_new(rt, &t->root, NULL, ctx);
	if (fr != NULL) {
		if (t->root.self_slot >= 0)
			fr->slot[t->root.self_slot] = pp_ref(PP_T_SELF, ctx);
		rt->tmpl = t;
		pp_enter_scope(fr, &t->root.scope);
		rc = pp_exec(rt, fr, &t->root.body) == PP_RUN_ERROR ? -1 : 0;
		rt->tmpl = tmpl;
	}
	pp_leave(rt, &t->root);
	return rc;
}

int
pp_run_template(struct pp_rt *rt, const struct pp_template *t,
    struct pp_context *ctx)
{
	int links = 0;

	if (add_blocks(rt, ctx, t) < 0)
		return -1;
	while (t != NULL) {
		ctx->parent = NULL;
		if (run_root(rt, t, ctx) < 0)
			return -1;
		t = ctx->parent;
		if (links++ > rt->bounds.depth)
			return pp_fail_int(rt, PP_K_RUNTIME,
			    "recursion limit: "
			    "templates extend each other");
	}
	return 0;
}

/* ---- finding fragments ---- */

/* The fragment's error becomes the render's. */
static void
pass_on(struct pp_rt *rt, const struct pp_fault *fault)
{
	if (rt->fault.kind == PP_K_NONE)
		rt->fault = *fault;
}

/* One by its name: 1 and the template, 0: there is none, -1. */
static int
find_one(struct pp_rt *rt, struct pp_value name, const struct pp_template **out)
{
	struct pp_fault fault;

	if (name.type == PP_T_UNDEFINED) {
		pp_undefined_error(rt, name);
		return -1;
	}
	if (name.type == PP_T_NONE)
		return pp_fail_int(rt, PP_K_RUNTIME,
		    "there is no template without a name");
	if (!pp_is_str(name))
		return pp_fail_int(rt, PP_K_TYPE,
		    "the name of a template must be text, not %s",
		    pp_type_name(name));
	memset(&fault, 0, sizeof fault);
	*out = NULL;
	if (rt->engine != NULL && memchr(name.s, '\0', name.len) == NULL) {
		struct pp_value copy = pp_rt_str(rt, name.s, name.len);

		if (pp_is_error(copy))
			return -1;
		*out = pp_engine_get(rt->engine, copy.s, &fault);
	}
	if (fault.kind != PP_K_NONE)
		pass_on(rt, &fault);
	return fault.kind != PP_K_NONE ? -1 : *out != NULL;
}

static int
not_found(struct pp_rt *rt, const struct pp_node *n, struct pp_value name)
{
	rt->at = n;
	return pp_fail_int(rt, PP_K_RUNTIME, "no template named '%.*s'",
	    (int)name.len, name.s);
}

/* A name, or the first of a list that exists. As find_one(). */
static int
find_any(struct pp_rt *rt, struct pp_value names,
    const struct pp_template **out)
{
	struct pp_list *l;
	int found = 0;

	if (names.type != PP_T_LIST && names.type != PP_T_TUPLE)
		return find_one(rt, names, out);
	l = names.list;
	for (uint32_t i = 0; i < l->count && found == 0; i++)
		found = find_one(rt, l->item[i], out);
	return found;
}

/* The template that a statement names; 0 leaves an error unless ignored. */
static int
find_named(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n,
    const struct pp_node *expr, bool ignore_missing,
    const struct pp_template **out)
{
	struct pp_value name = pp_eval(rt, fr, expr), shown;
	int found;

	if (pp_is_error(name))
		return -1;
	rt->at = n;
	found = find_any(rt, name, out);
	if (found != 0 || ignore_missing)
		return found;
	if (pp_is_str(name))
		return not_found(rt, n, name);
	shown = pp_repr(rt, name);
	if (pp_is_error(shown))
		return -1;
	return pp_fail_int(rt, PP_K_RUNTIME,
	    "none of the templates given were found: %.*s", (int)shown.len,
	    shown.s);
}

/* ---- include, import, extends ---- */

enum pp_run
pp_exec_include(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	const struct pp_include *inc = n->include;
	const struct pp_template *t;
	struct pp_context *ctx;
	int found = find_named(rt, fr, n, inc->name, inc->ignore_missing, &t);

	if (found <= 0)
		return found < 0 ? PP_RUN_ERROR : PP_RUN_OK;
	ctx = new_context(rt, inc->with_context ? fr->ctx : NULL);
	if (ctx == NULL ||
	    (inc->with_context && hand_over(rt, fr, &inc->locals, ctx) < 0))
		return PP_RUN_ERROR;
	ctx->exporting = t->has_fragments;
	rt->at = n;
	return pp_run_template(rt, t, ctx) < 0 ? PP_RUN_ERROR : PP_RUN_OK;
}

/* Modules that were imported without a context are made once. */
struct pp_imported {
	struct pp_imported *next;
	const struct pp_template *tmpl;
	struct pp_module *module;
};

static struct pp_module *
make_module(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n,
    const struct pp_template *t)
{
	const struct pp_include *inc = n->include;
	struct pp_context *ctx = new_context(rt,
	    inc->with_context ? fr->ctx : NULL);
	struct pp_module *m = pp_rt_alloc(rt, sizeof *m);
	size_t start = pp_text_begin(rt);

	if (ctx == NULL || m == NULL ||
	    (inc->with_context && hand_over(rt, fr, &inc->locals, ctx) < 0))
		return NULL;
	ctx->exporting = true;
	ctx->vars = pp_dict_new(rt, 4);
	if (ctx->vars == NULL || pp_run_template(rt, t, ctx) < 0) {
		pp_text_drop(rt, start);
		return NULL;
	}
	m->body = pp_text_end(rt, start);
	m->vars = ctx->vars;
	return pp_is_error(m->body) ? NULL : m;
}

static struct pp_module *
get_module(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n,
    const struct pp_template *t)
{
	struct pp_imported *i;

	if (n->include->with_context)
		return make_module(rt, fr, n, t);
	for (i = rt->imported; i != NULL; i = i->next) {
		if (i->tmpl == t)
			return i->module;
	}
	pp_rt_pin(rt);
	i = pp_rt_alloc(rt, sizeof *i);
	if (i == NULL)
		return NULL;
	i->tmpl = t;
	i->module = make_module(rt, fr, n, t);
	i->next = rt->imported;
	if (i->module != NULL)
		rt->imported = i;
	return i->module;
}

static int
import_names(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n,
    struct pp_module *m, struct pp_value from)
{
	const struct pp_include *inc = n->include;

	for (uint32_t i = 0; i < inc->count; i++) {
		struct pp_atom *name = inc->names[i];
		struct pp_value v = pp_module_get(m, name->str), hint;

		if (pp_is_missing(v)) {
			hint = pp_rt_strf(rt,
			    "the template '%.*s' does not "
			    "export the requested name '%.*s'",
			    (int)from.len, from.s, (int)name->str.len,
			    name->str.s);
			if (pp_is_error(hint))
				return -1;
			v = pp_undefined_hint(rt, hint.s);
		}
		if (pp_is_error(v))
			return -1;
		pp_store(fr, inc->places[i], v);
		if (n->flag & PP_EXPORT)
			pp_export(rt, fr, inc->aliases[i], v);
	}
	return 0;
}

int
pp_exec_import(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	const struct pp_include *inc = n->include;
	const struct pp_template *t;
	struct pp_module *m;
	struct pp_value v;

	if (find_named(rt, fr, n, inc->name, false, &t) <= 0)
		return -1;
	rt->at = n;
	m = get_module(rt, fr, n, t);
	if (m == NULL)
		return -1;
	if (n->kind == PP_N_FROM)
		return import_names(rt, fr, n, m,
		    pp_str(t->source.name, strlen(t->source.name)));
	v = pp_ref(PP_T_MODULE, m);
	pp_store(fr, inc->place, v);
	if (n->flag & PP_EXPORT)
		pp_export(rt, fr, inc->target, v);
	return 0;
}

int
pp_exec_extends(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	const struct pp_template *t;

	rt->at = n;
	if (fr->ctx->parent != NULL)
		return pp_fail_int(rt, PP_K_RUNTIME, "extended multiple times");
	if (find_named(rt, fr, n, n->two.a, false, &t) <= 0)
		return -1;
	fr->ctx->parent = t;
	return add_blocks(rt, fr->ctx, t);
}

/* ---- modules ---- */

struct pp_value
pp_module_body(const struct pp_module *m)
{
	return m->body;
}

struct pp_value
pp_module_get(const struct pp_module *m, struct pp_value name)
{
	struct pp_value *v = name.len > 0 && name.s[0] != '_' ?
	    pp_dict_find_str(m->vars, name.s, name.len,
		pp_str_hash(name.s, name.len)) :
	    NULL;

	return v != NULL && v->type != PP_T_MODULE ? *v : pp_missing();
}
