/* Statements. */
#include <config.h>

#include "template/eval.h"
#include "template/object.h"

/* ---- names ---- */

void
pp_store(struct pp_frame *fr, struct pp_place place, struct pp_value v)
{
	for (unsigned depth = place.depth; depth > 0; depth--)
		fr = fr->up;
	fr->slot[place.slot] = v;
}

void
pp_export(struct pp_rt *rt, struct pp_frame *fr, struct pp_atom *name,
    struct pp_value v)
{
	struct pp_context *ctx = fr->ctx;

	if (!ctx->exporting)
		return;
	pp_rt_pin(rt);
	if (ctx->vars == NULL)
		ctx->vars = pp_dict_new(rt, 4);
	if (ctx->vars != NULL)
		pp_dict_put(rt, ctx->vars, name->str, v);
}

static int
find_namespace(struct pp_rt *rt, struct pp_frame *f, const struct pp_node *t,
    struct pp_value *ns)
{
	for (unsigned depth = t->nsref.place.depth; depth > 0; depth--)
		f = f->up;
	*ns = f->slot[t->nsref.place.slot];
	if (ns->type == PP_T_UNSET)
		*ns = pp_context_get(rt, f->ctx, t->nsref.name->str,
		    t->nsref.name->hash);
	rt->at = t;
	if (ns->type == PP_T_NAMESPACE)
		return 0;
	return pp_fail_int(rt, PP_K_RUNTIME,
	    "cannot assign attribute on non-namespace object");
}

static int
assign_attr(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *t,
    struct pp_value v)
{
	struct pp_value ns;

	if (find_namespace(rt, fr, t, &ns) < 0)
		return -1;
	pp_rt_pin(rt);
	return pp_dict_put(rt, ns.dict, t->nsref.attr->str, v);
}

/* a, b = v: exactly as many as there are targets. */
static int
unpack(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *t,
    struct pp_value v)
{
	struct pp_iter it;
	struct pp_value few[8], *items = few, item;
	uint32_t n = 0;
	int more;

	rt->at = t;
	if (t->list.count > sizeof few / sizeof few[0])
		items = pp_rt_alloc(rt, t->list.count * sizeof items[0]);
	if (items == NULL)
		return -1;
	if ((v.type < PP_T_STR || v.type > PP_T_ITER) &&
	    v.type != PP_T_UNDEFINED)
		return pp_fail_int(rt, PP_K_TYPE,
		    "cannot unpack non-iterable %s object", pp_type_name(v));
	if (pp_iter_init(rt, &it, v) < 0)
		return -1;
	while ((more = pp_iter_next(rt, &it, &item)) > 0) {
		if (n == t->list.count)
			return pp_fail_int(rt, PP_K_RUNTIME,
			    "too many values "
			    "to unpack (expected %u)",
			    t->list.count);
		items[n++] = item;
	}
	if (more == 0 && n < t->list.count)
		return pp_fail_int(rt, PP_K_RUNTIME,
		    "not enough values to "
		    "unpack (expected %u, got %u)",
		    t->list.count, n);
	for (uint32_t i = 0; more == 0 && i < n; i++)
		more = pp_assign(rt, fr, t->list.item[i], items[i]);
	return more;
}

int
pp_assign(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *target,
    struct pp_value v)
{
	switch (target->kind) {
	case PP_N_NAME:
		pp_store(fr, target->name.place, v);
		if (target->flag & PP_EXPORT)
			pp_export(rt, fr, target->name.atom, v);
		return rt->fault.kind == PP_K_NONE ? 0 : -1;
	case PP_N_NSREF: return assign_attr(rt, fr, target, v);
	default: return unpack(rt, fr, target, v);
	}
}

void
pp_enter_scope(struct pp_frame *fr, const struct pp_scope_info *s)
{
	for (uint32_t i = 0; i < s->loads; i++) {
		const struct pp_load *l = &s->load[i];
		const struct pp_frame *from = fr;

		switch (l->how) {
		case PP_LOAD_MISSING: fr->slot[l->slot] = pp_missing(); break;
		case PP_LOAD_CONTEXT:
			fr->slot[l->slot].type = PP_T_UNSET;
			break;
		case PP_LOAD_ALIAS:
			for (unsigned d = l->from.depth; d > 0; d--)
				from = from->up;
			fr->slot[l->slot] = from->slot[l->from.slot];
			break;
		}
	}
}

/* ---- statements ---- */

static bool
silenced(const struct pp_frame *fr, const struct pp_node *n)
{
	return (n->flag & PP_DEAD) != 0 ||
	    ((n->flag & PP_MAYBE_DEAD) != 0 && fr->ctx->parent != NULL);
}

static enum pp_run
exec_output(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_arena_mark mark = pp_arena_mark(&rt->arena);
	uint32_t pins = rt->pins;

	if ((n->flag & (PP_DEAD | PP_MAYBE_DEAD)) != 0 && silenced(fr, n))
		return PP_RUN_OK;
	for (uint32_t i = 0; i < n->list.count; i++) {
		const struct pp_node *item = n->list.item[i];

		if (item->flag & PP_DATA && item->kind == PP_N_CONST)
			pp_buf_add(&rt->out, item->value.s, item->value.len);
		else if (pp_eval_output(rt, fr, item) < 0)
			return PP_RUN_ERROR;
	}
	if (pins == rt->pins)
		pp_arena_rewind(&rt->arena, mark);
	if ((int64_t)rt->out.len > rt->bounds.output_bytes) {
		rt->at = n;
		return pp_rt_check_output(rt) < 0 ? PP_RUN_ERROR : PP_RUN_OK;
	}
	return PP_RUN_OK;
}

static enum pp_run
exec_if(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	for (uint32_t i = 0; i < n->branches->count; i++) {
		const struct pp_branch *b = &n->branches->branch[i];
		struct pp_value v;
		int yes;

		if (b->test == NULL)
			return pp_exec(rt, fr, &b->body);
		v = pp_eval(rt, fr, b->test);
		if (v.type == PP_T_BOOL) {
			yes = v.i != 0;
		} else {
			if (pp_is_error(v))
				return PP_RUN_ERROR;
			rt->at = b->test;
			yes = pp_truth(rt, v);
		}
		if (yes < 0)
			return PP_RUN_ERROR;
		if (yes)
			return pp_exec(rt, fr, &b->body);
	}
	return PP_RUN_OK;
}

/* ns.attr must be of a namespace: that is seen before the value is. */
static int
check_target(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *t)
{
	struct pp_value ns;

	if (t->kind == PP_N_NSREF)
		return find_namespace(rt, fr, t, &ns);
	for (uint32_t i = 0; t->kind == PP_N_TUPLE && i < t->list.count; i++) {
		if (check_target(rt, fr, t->list.item[i]) < 0)
			return -1;
	}
	return 0;
}

static enum pp_run
exec_set(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_value v;

	if (n->set.target->kind != PP_N_NAME &&
	    check_target(rt, fr, n->set.target) < 0)
		return PP_RUN_ERROR;
	v = pp_eval(rt, fr, n->set.value);
	if (pp_is_error(v) || pp_assign(rt, fr, n->set.target, v) < 0)
		return PP_RUN_ERROR;
	return PP_RUN_OK;
}

/* The text of a body as a string, through the filters. */
static enum pp_run
capture(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n,
    struct pp_value *out)
{
	const struct pp_capture *c = n->capture;
	size_t start = pp_text_begin(rt);
	enum pp_run run;

	pp_enter_scope(fr, &c->scope);
	run = pp_exec(rt, fr, &c->body);
	if (run != PP_RUN_OK) {
		pp_text_drop(rt, start);
		return run;
	}
	rt->at = n;
	*out = pp_text_result(rt, start, 0, rt->autoescape);
	if (c->filter != NULL && !pp_is_error(*out))
		*out = pp_eval_filter_chain(rt, fr, c->filter, *out);
	return pp_is_error(*out) ? PP_RUN_ERROR : PP_RUN_OK;
}

static enum pp_run
exec_set_block(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_value v;
	enum pp_run run = capture(rt, fr, n, &v);

	if (run != PP_RUN_OK)
		return run;
	return pp_assign(rt, fr, n->capture->target, v) < 0 ? PP_RUN_ERROR :
							      PP_RUN_OK;
}

static enum pp_run
exec_filter_block(struct pp_rt *rt, struct pp_frame *fr,
    const struct pp_node *n)
{
	struct pp_value v;
	enum pp_run run = capture(rt, fr, n, &v);

	if (run != PP_RUN_OK)
		return run;
	rt->at = n;
	/* Jinja joins what the filter gave when all is done. */
	if (!pp_is_str(v)) {
		if (rt->late == NULL)
			rt->late = n;
		return PP_RUN_OK;
	}
	if (rt->autoescape && pp_is_str(v) && !pp_is_markup(v))
		v = pp_escape(rt, v);
	return pp_put_str(rt, v) < 0 ? PP_RUN_ERROR : PP_RUN_OK;
}

static enum pp_run
exec_autoescape(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	bool before = rt->autoescape;
	struct pp_value v;
	enum pp_run run;
	int yes;

	pp_enter_scope(fr, &n->capture->scope);
	v = pp_eval(rt, fr, n->capture->flag);
	if (pp_is_error(v) || (yes = pp_truth(rt, v)) < 0)
		return PP_RUN_ERROR;
	rt->autoescape = yes != 0;
	run = pp_exec(rt, fr, &n->capture->body);
	rt->autoescape = before;
	return run;
}

static enum pp_run
exec_with(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	const struct pp_with *w = n->with;

	/* Values are of the scope outside, so they see none of the names. */
	pp_enter_scope(fr, &w->scope);
	for (uint32_t i = 0; i < w->targets.count; i++) {
		struct pp_value v = pp_eval(rt, fr, w->values.item[i]);

		if (pp_is_error(v) ||
		    pp_assign(rt, fr, w->targets.item[i], v) < 0)
			return PP_RUN_ERROR;
	}
	return pp_exec(rt, fr, &w->body);
}

static enum pp_run
exec_macro(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_value m = pp_macro_new(rt, n->macro.function, fr);

	if (pp_is_error(m))
		return PP_RUN_ERROR;
	pp_store(fr, n->macro.place, m);
	if (n->flag & PP_EXPORT)
		pp_export(rt, fr, n->macro.name, m);
	return PP_RUN_OK;
}

static enum pp_run
exec_call_block(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_value caller = pp_macro_new(rt, n->macro.function, fr);
	struct pp_args none = { NULL, 0, NULL, NULL, 0 };

	if (pp_is_error(caller))
		return PP_RUN_ERROR;
	if (n->kind == PP_N_GENERATION)
		return pp_macro_run(rt, caller.macro, &none) < 0 ?
		    PP_RUN_ERROR :
		    PP_RUN_OK;
	return pp_is_error(pp_eval_call(rt, fr, n->macro.call, caller, true)) ?
	    PP_RUN_ERROR :
	    PP_RUN_OK;
}

static enum pp_run
status(int rc)
{
	return rc < 0 ? PP_RUN_ERROR : PP_RUN_OK;
}

static enum pp_run
exec_one(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	switch (n->kind) {
	case PP_N_OUTPUT: return exec_output(rt, fr, n);
	case PP_N_IF: return exec_if(rt, fr, n);
	case PP_N_FOR: return pp_exec_for(rt, fr, n);
	case PP_N_SET: return exec_set(rt, fr, n);
	case PP_N_SETBLOCK: return exec_set_block(rt, fr, n);
	case PP_N_MACRO: return exec_macro(rt, fr, n);
	case PP_N_CALLBLOCK:
	case PP_N_GENERATION: return exec_call_block(rt, fr, n);
	case PP_N_FILTERBLOCK: return exec_filter_block(rt, fr, n);
	case PP_N_WITH: return exec_with(rt, fr, n);
	case PP_N_DO:
		return pp_is_error(pp_eval(rt, fr, n->two.a)) ? PP_RUN_ERROR :
								PP_RUN_OK;
	case PP_N_BREAK: return PP_RUN_BREAK;
	case PP_N_CONTINUE: return PP_RUN_CONTINUE;
	case PP_N_INCLUDE: return pp_exec_include(rt, fr, n);
	case PP_N_IMPORT:
	case PP_N_FROM: return status(pp_exec_import(rt, fr, n));
	case PP_N_EXTENDS: return status(pp_exec_extends(rt, fr, n));
	case PP_N_BLOCK:
		return silenced(fr, n) ? PP_RUN_OK :
					 status(pp_exec_block(rt, fr, n));
	case PP_N_AUTOESCAPE: return exec_autoescape(rt, fr, n);
	default: pp_runtime_error(rt, "not a statement"); return PP_RUN_ERROR;
	}
}

enum pp_run
pp_exec(struct pp_rt *rt, struct pp_frame *fr, const struct pp_list_of *body)
{
	for (uint32_t i = 0; i < body->count; i++) {
		const struct pp_node *n = body->item[i];
		enum pp_run run;

		if (--rt->steps < 0) {
			rt->at = n;
			pp_rt_charge_slow(rt);
			return PP_RUN_ERROR;
		}
		run = exec_one(rt, fr, n);
		if (run != PP_RUN_OK)
			return run;
	}
	return PP_RUN_OK;
}
