/* Running functions of a template: macros, callers, and calls in general. */
#include <config.h>

#include "template/eval.h"
#include "template/object.h"

struct pp_frame *
pp_frame_new(struct pp_rt *rt, const struct pp_function *fn,
    struct pp_frame *up, struct pp_context *ctx)
{
	struct pp_frame *fr = pp_rt_alloc(rt,
	    sizeof *fr + fn->slots * sizeof fr->slot[0]);

	if (fr == NULL)
		return NULL;
	fr->up = up;
	fr->ctx = ctx;
	for (uint32_t i = 0; i < fn->slots; i++)
		fr->slot[i].type = PP_T_UNSET;
	return fr;
}

/* A runtime error, not a limit: that is what Python's recursion limit is. */
int
pp_enter(struct pp_rt *rt, const struct pp_function *fn)
{
	if (rt->depth >= rt->bounds.depth)
		return pp_fail_int(rt, PP_K_RUNTIME,
		    "recursion limit: macros "
		    "and includes are nested deeper than %lld",
		    (long long)rt->bounds.depth);
	if (rt->height + (int)fn->height > PP_MAX_HEIGHT)
		return pp_fail_int(rt, PP_K_RUNTIME,
		    "recursion limit: code is nested deeper than %d",
		    PP_MAX_HEIGHT);
	rt->depth++;
	rt->height += (int)fn->height;
	return 0;
}

void
pp_leave(struct pp_rt *rt, const struct pp_function *fn)
{
	rt->depth--;
	rt->height -= (int)fn->height;
}

struct pp_value
pp_macro_name(const struct pp_macro *m)
{
	return m->function->name != NULL ? m->function->name->str :
					   pp_missing();
}

struct pp_value
pp_macro_new(struct pp_rt *rt, const struct pp_function *fn,
    struct pp_frame *up)
{
	struct pp_macro *m = pp_rt_alloc(rt, sizeof *m);

	if (m == NULL)
		return pp_error_value();
	*m = (struct pp_macro){ fn, rt->tmpl, up };
	return pp_ref(PP_T_MACRO, m);
}

/* ---- arguments of a macro ---- */

#define MAX_NAMED 64

struct binding {
	const struct pp_macro *macro;
	const struct pp_args *args;
	uint64_t used; /* arguments by name that are taken */
};

static const char *
shown_name(const struct pp_macro *m, int *len)
{
	*len = m->function->name != NULL ? (int)m->function->name->str.len : 4;
	return m->function->name != NULL ? m->function->name->str.s : "None";
}

/* Take the argument of this name; MISSING when there is none. */
static struct pp_value
take_named(struct binding *b, struct pp_value name)
{
	for (uint32_t i = 0; i < b->args->named; i++) {
		if ((b->used >> i & 1) == 0 &&
		    pp_same(b->args->names[i], name)) {
			b->used |= UINT64_C(1) << i;
			return b->args->values[i];
		}
	}
	return pp_missing();
}

static int
bind_kwargs(struct pp_rt *rt, struct binding *b, struct pp_frame *fr)
{
	const struct pp_function *fn = b->macro->function;
	struct pp_dict *rest = NULL;
	const char *name;
	int len;

	if (fn->kwargs_slot >= 0) {
		rest = pp_dict_new(rt, 0);
		if (rest == NULL)
			return -1;
		fr->slot[fn->kwargs_slot] = pp_ref(PP_T_DICT, rest);
	}
	for (uint32_t i = 0; i < b->args->named; i++) {
		struct pp_value key = b->args->names[i];

		if (b->used >> i & 1)
			continue;
		if (rest != NULL) {
			if (pp_dict_put(rt, rest, key, b->args->values[i]) < 0)
				return -1;
			continue;
		}
		name = shown_name(b->macro, &len);
		if (pp_str_is(key, "caller"))
			return pp_fail_int(rt, PP_K_TYPE,
			    "macro '%.*s' was "
			    "invoked with two values for the special caller "
			    "argument, or does not take one",
			    len, name);
		return pp_fail_int(rt, PP_K_TYPE,
		    "macro '%.*s' takes no "
		    "keyword argument '%.*s'",
		    len, name, (int)key.len, key.s);
	}
	return 0;
}

static int
bind_varargs(struct pp_rt *rt, struct binding *b, struct pp_frame *fr)
{
	const struct pp_function *fn = b->macro->function;
	uint32_t count = b->args->count;
	struct pp_list *rest;
	const char *name;
	int len;

	if (fn->varargs_slot >= 0) {
		rest = pp_list_new(rt, count);
		if (rest == NULL)
			return -1;
		for (uint32_t i = fn->params; i < count; i++)
			rest->item[rest->count++] = b->args->v[i];
		fr->slot[fn->varargs_slot] = pp_ref(PP_T_TUPLE, rest);
		return 0;
	}
	if (count <= fn->params)
		return 0;
	name = shown_name(b->macro, &len);
	return pp_fail_int(rt, PP_K_TYPE,
	    "macro '%.*s' takes not more than "
	    "%u argument(s)",
	    len, name, fn->params);
}

/* Positional ones first, then by name, then caller, kwargs and varargs. */
static int
bind(struct pp_rt *rt, struct pp_macro *m, const struct pp_args *args,
    struct pp_frame *fr)
{
	const struct pp_function *fn = m->function;
	struct binding b = { m, args, 0 };
	bool found_caller = fn->explicit_caller;
	struct pp_value v;

	if (args->named > MAX_NAMED)
		return pp_fail_int(rt, PP_K_LIMIT,
		    "a call has more than %d arguments by name", MAX_NAMED);
	for (uint32_t i = 0; i < fn->params; i++)
		fr->slot[fn->param_slot[i]] = i < args->count ?
		    args->v[i] :
		    take_named(&b, fn->param[i]->str);
	if (fn->caller_slot >= 0 && !found_caller) {
		v = take_named(&b, pp_cstr("caller"));
		if (pp_is_missing(v))
			v = pp_undefined_hint(rt, "no caller defined");
		if (pp_is_error(v))
			return -1;
		fr->slot[fn->caller_slot] = v;
	}
	if (bind_kwargs(rt, &b, fr) < 0)
		return -1;
	return bind_varargs(rt, &b, fr);
}

/* Parameters that were not given: their default, or undefined. */
static int
fill_defaults(struct pp_rt *rt, const struct pp_function *fn,
    struct pp_frame *fr)
{
	for (uint32_t i = 0; i < fn->params; i++) {
		struct pp_value *slot = &fr->slot[fn->param_slot[i]];
		uint32_t first = fn->params - fn->default_count;

		if (!pp_is_missing(*slot))
			continue;
		if (i >= first) {
			*slot = pp_eval(rt, fr, fn->defaults[i - first]);
		} else {
			struct pp_value hint = pp_rt_strf(rt,
			    "parameter "
			    "'%.*s' was not provided",
			    (int)fn->param[i]->str.len, fn->param[i]->str.s);

			if (pp_is_error(hint))
				return -1;
			*slot = pp_undefined_hint(rt, hint.s);
		}
		if (pp_is_error(*slot))
			return -1;
	}
	return 0;
}

int
pp_macro_run(struct pp_rt *rt, struct pp_macro *m, const struct pp_args *args)
{
	const struct pp_function *fn = m->function;
	const struct pp_template *tmpl = rt->tmpl;
	const struct pp_node *at = rt->at;
	struct pp_frame *fr;
	int rc = -1;

	if (pp_enter(rt, fn) < 0)
		return -1;
	fr = pp_frame_new(rt, fn, m->up, m->up->ctx);
	if (fr != NULL && bind(rt, m, args, fr) == 0) {
		rt->tmpl = m->tmpl;
		pp_enter_scope(fr, &fn->scope);
		if (fill_defaults(rt, fn, fr) == 0 &&
		    pp_exec(rt, fr, &fn->body) != PP_RUN_ERROR)
			rc = 0;
		rt->tmpl = tmpl;
	}
	pp_leave(rt, fn);
	rt->at = at;
	return rc;
}

struct pp_value
pp_macro_call(struct pp_rt *rt, struct pp_macro *m, const struct pp_args *args)
{
	size_t start = pp_text_begin(rt);
	int rc = pp_macro_run(rt, m, args);

	return pp_text_result(rt, start, rc, rt->autoescape);
}

/* ---- any callable ---- */

static struct pp_value
call_method(struct pp_rt *rt, const struct pp_bound *b,
    const struct pp_args *args)
{
	const struct pp_method *m = b->method;
	struct pp_value v[PP_MAX_PARAMS];

	if (m->raw != NULL)
		return m->raw(rt, b->self, args);
	if (pp_bind(rt, m->name, m->params, args, v) < 0)
		return pp_error_value();
	return m->fn(rt, b->self, v);
}

static struct pp_value
call_joiner(struct pp_joiner *j)
{
	if (j->used)
		return j->sep;
	j->used = true;
	return pp_ascii("", 0);
}

struct pp_value
pp_call(struct pp_rt *rt, struct pp_value callee, const struct pp_args *args)
{
	struct pp_value v;

	switch (callee.type) {
	case PP_T_GLOBAL: return callee.global->fn(rt, pp_missing(), args);
	case PP_T_METHOD: return call_method(rt, callee.bound, args);
	case PP_T_MACRO: return pp_macro_call(rt, callee.macro, args);
	case PP_T_LOOP: return pp_loop_call(rt, callee.loop, args);
	case PP_T_JOINER:
		if (pp_bind(rt, "joiner", "", args, &v) < 0)
			return pp_error_value();
		return call_joiner(callee.joiner);
	case PP_T_BLOCK: return pp_block_call(rt, callee.block);
	case PP_T_UNDEFINED: return pp_undefined_error(rt, callee);
	default:
		return pp_type_error(rt, "'%s' object is not callable",
		    pp_type_name(callee));
	}
}
