/* Expressions. */
#include <config.h>

#include "template/eval.h"

#include "template/format.h"
#include "template/object.h"

#define STACK_ARGS 6 /* arguments that need no memory */

/* ---- names ---- */

struct pp_value
pp_context_get(struct pp_rt *rt, const struct pp_context *ctx,
    const struct pp_value name, uint32_t hash)
{
	const struct pp_global *g;
	struct pp_value *v;

	for (; ctx != NULL; ctx = ctx->up) {
		const struct pp_dict *from[3] = { ctx->vars, ctx->locals,
			ctx->base };

		for (int i = 0; i < 3; i++) {
			if (from[i] == NULL)
				continue;
			v = pp_dict_find_str(from[i], name.s, name.len, hash);
			if (v != NULL)
				return *v;
		}
	}
	g = pp_global_find(name.s, name.len, rt->hf);
	if (g == NULL)
		return pp_missing();
	return (struct pp_value){ .type = PP_T_GLOBAL, .global = g };
}

static __attribute__((noinline)) struct pp_value
name_slow(struct pp_rt *rt, struct pp_frame *f, const struct pp_node *n)
{
	struct pp_value *slot = &f->slot[n->name.place.slot];
	const struct pp_atom *a = n->name.atom;

	if (slot->type == PP_T_UNSET)
		*slot = pp_context_get(rt, f->ctx, a->str, a->hash);
	return pp_is_missing(*slot) ? pp_undefined_name(rt, a->str) : *slot;
}

static inline struct pp_value
eval_name(struct pp_rt *rt, struct pp_frame *f, const struct pp_node *n)
{
	struct pp_value v;

	for (unsigned depth = n->name.place.depth; depth > 0; depth--)
		f = f->up;
	v = f->slot[n->name.place.slot];
	if (v.type == PP_T_MISSING || v.type == PP_T_UNSET) {
		rt->at = n;
		return name_slow(rt, f, n);
	}
	return v;
}

/* ---- attributes and items ---- */

static struct pp_value
eval_getattr(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	const struct pp_atom *a = n->attr.name;
	struct pp_value of = pp_eval(rt, fr, n->attr.of), *found;

	if (of.type == PP_T_DICT && n->attr.method == NULL) {
		found = pp_dict_find_str(of.dict, a->str.s, a->str.len,
		    a->hash);
		if (found != NULL)
			return *found;
	}
	if (pp_is_error(of))
		return of;
	rt->at = n;
	if (of.type == PP_T_LOOP && n->op != 0)
		return pp_loop_get(rt, of.loop, n->op);
	return pp_getattr(rt, of, a->str, a->hash);
}

static struct pp_value
eval_slice(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n,
    struct pp_value of)
{
	const struct pp_node *s = n->item.index;
	const struct pp_node *part[3] = { s->slice.lo, s->slice.hi,
		s->slice.step };
	struct pp_value v[3];

	for (int i = 0; i < 3; i++) {
		v[i] = part[i] != NULL ? pp_eval(rt, fr, part[i]) : pp_none();
		if (pp_is_error(v[i]))
			return v[i];
	}
	rt->at = n;
	return pp_getslice(rt, of, v[0], v[1], v[2]);
}

static struct pp_value
eval_getitem(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_value of = pp_eval(rt, fr, n->item.of), key;

	if (pp_is_error(of))
		return of;
	if (n->item.index->kind == PP_N_SLICE)
		return eval_slice(rt, fr, n, of);
	key = pp_eval(rt, fr, n->item.index);
	if (pp_is_error(key))
		return key;
	rt->at = n;
	return pp_getitem(rt, of, key);
}

/* ---- arguments ---- */

struct gathered {
	struct pp_args args;
	struct pp_value v[STACK_ARGS], names[STACK_ARGS], values[STACK_ARGS];
};

static int
add_named(struct pp_rt *rt, struct pp_value *names, struct pp_value *values,
    uint32_t *count, struct pp_value name, struct pp_value value)
{
	for (uint32_t i = 0; i < *count; i++) {
		if (pp_same(names[i], name))
			return pp_fail_int(rt, PP_K_TYPE,
			    "got multiple "
			    "values for keyword argument '%.*s'",
			    (int)name.len, name.s);
	}
	names[*count] = name;
	values[(*count)++] = value;
	return 0;
}

/* *args and **kwargs: everything into new arrays. */
static int
gather_starred(struct pp_rt *rt, struct pp_frame *fr,
    const struct pp_call_args *a, struct pp_value caller, struct gathered *g)
{
	struct pp_value both = pp_missing();
	struct pp_list *more = NULL;
	struct pp_value *v, *names, *values;
	uint32_t pos = g->args.count, named = g->args.named, extra = 0;

	if (a->star != NULL) {
		struct pp_value star = pp_eval(rt, fr, a->star);

		more = pp_is_error(star) ? NULL : pp_to_list(rt, star);
		if (more == NULL)
			return -1;
	}
	if (a->star_star != NULL) {
		both = pp_eval(rt, fr, a->star_star);
		if (pp_is_error(both))
			return -1;
		if (both.type != PP_T_DICT)
			return pp_fail_int(rt, PP_K_TYPE,
			    "argument after ** "
			    "must be a mapping, not %s",
			    pp_type_name(both));
		extra = both.dict->count;
	}
	v = pp_rt_alloc(rt,
	    (pos + (more != NULL ? more->count : 0) + 1) * sizeof v[0]);
	names = pp_rt_alloc(rt, (size_t)(named + extra + 2) * sizeof names[0]);
	values = pp_rt_alloc(rt,
	    (size_t)(named + extra + 2) * sizeof values[0]);
	if (v == NULL || names == NULL || values == NULL)
		return -1;
	memcpy(v, g->args.v, pos * sizeof v[0]);
	memcpy(names, g->args.names, named * sizeof names[0]);
	memcpy(values, g->args.values, named * sizeof values[0]);
	for (uint32_t i = 0; more != NULL && i < more->count; i++)
		v[pos++] = more->item[i];
	if (!pp_is_missing(caller)) {
		names[named] = pp_cstr("caller");
		values[named++] = caller;
	}
	for (uint32_t i = 0; i < extra; i++) {
		if (!pp_is_str(both.dict->entry[i].key))
			return pp_fail_int(rt, PP_K_TYPE,
			    "keywords must be strings");
		if (add_named(rt, names, values, &named,
			both.dict->entry[i].key, both.dict->entry[i].value) < 0)
			return -1;
	}
	g->args = (struct pp_args){ v, pos, names, values, named };
	return 0;
}

/* Evaluate the arguments of a call, small numbers of them on the stack. */
static int
gather(struct pp_rt *rt, struct pp_frame *fr, const struct pp_call_args *a,
    struct pp_value caller, struct gathered *g)
{
	struct pp_value *v = g->v, *names = g->names, *values = g->values;
	bool starred = a->star != NULL || a->star_star != NULL;
	uint32_t named = a->named;

	if (a->pos.count > STACK_ARGS)
		v = pp_rt_alloc(rt, a->pos.count * sizeof v[0]);
	if (a->named >= STACK_ARGS) {
		names = pp_rt_alloc(rt, (a->named + 1) * sizeof names[0]);
		values = pp_rt_alloc(rt, (a->named + 1) * sizeof values[0]);
	}
	if (v == NULL || names == NULL || values == NULL)
		return -1;
	for (uint32_t i = 0; i < a->pos.count; i++) {
		v[i] = pp_eval(rt, fr, a->pos.item[i]);
		if (pp_is_error(v[i]))
			return -1;
	}
	for (uint32_t i = 0; i < a->named; i++) {
		names[i] = a->names[i]->str;
		values[i] = pp_eval(rt, fr, a->values[i]);
		if (pp_is_error(values[i]))
			return -1;
	}
	if (!pp_is_missing(caller) && !starred) {
		names[named] = pp_cstr("caller");
		values[named++] = caller;
	}
	g->args = (struct pp_args){ v, a->pos.count, names, values, named };
	return starred ? gather_starred(rt, fr, a, caller, g) : 0;
}

/* ---- calls, filters, tests ---- */

/* obj.method(...) without making the bound method. */
static bool
call_method(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n,
    struct pp_value *out)
{
	const struct pp_node *of = n->call.of;
	const struct pp_method *m;
	struct gathered g;
	struct pp_value self;
	struct pp_bound bound;

	if (of->kind != PP_N_GETATTR || of->attr.method == NULL)
		return false;
	self = pp_eval(rt, fr, of->attr.of);
	*out = self;
	if (pp_is_error(self))
		return true;
	rt->at = of;
	m = pp_method_find(self, of->attr.name->str.s, of->attr.name->str.len);
	if (m == NULL || (m->mutates && rt->hf)) {
		*out = pp_getattr(rt, self, of->attr.name->str,
		    of->attr.name->hash);
		if (pp_is_error(*out))
			return true;
		self = *out;
	} else {
		bound = (struct pp_bound){ self, m };
		self = pp_ref(PP_T_METHOD, &bound);
	}
	if (gather(rt, fr, n->call.args, pp_missing(), &g) < 0) {
		*out = pp_error_value();
		return true;
	}
	rt->at = n;
	*out = pp_call(rt, self, &g.args);
	return true;
}

/* str(v) to the output, escaped where that is on. */
static struct pp_value
put_value(struct pp_rt *rt, struct pp_value v)
{
	if (rt->autoescape && !pp_is_markup(v) && !pp_is_error(v))
		v = pp_escape(rt, v);
	if (pp_is_error(v) || pp_put_str(rt, v) < 0)
		return pp_error_value();
	return v;
}

struct pp_value
pp_eval_call(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n,
    struct pp_value caller, bool direct)
{
	struct pp_value callee, v;
	struct gathered g;

	if (pp_rt_charge(rt, 1) < 0)
		return pp_error_value();
	if (pp_is_missing(caller) && call_method(rt, fr, n, &v))
		return direct ? put_value(rt, v) : v;
	callee = pp_eval(rt, fr, n->call.of);
	if (pp_is_error(callee) || gather(rt, fr, n->call.args, caller, &g) < 0)
		return pp_error_value();
	rt->at = n;
	if (!direct)
		return pp_call(rt, callee, &g.args);
	if (callee.type == PP_T_MACRO)
		return pp_macro_run(rt, callee.macro, &g.args) < 0 ?
		    pp_error_value() :
		    pp_none();
	return put_value(rt, pp_call(rt, callee, &g.args));
}

static struct pp_value
no_such(struct pp_rt *rt, const struct pp_node *n, const char *what)
{
	char room[96];

	return pp_runtime_error(rt, "no %s named '%.*s'%s", what,
	    (int)n->call.name->str.len, n->call.name->str.s,
	    pp_suggest(n->call.name->str, what, room, sizeof room));
}

/* A filter with few plain arguments, which is most of them. */
static struct pp_value
apply_filter(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n,
    struct pp_value in)
{
	const struct pp_filter *f = n->call.what;
	struct gathered g;

	if (pp_is_error(in) || pp_rt_charge(rt, 1) < 0)
		return pp_error_value();
	if (n->call.what == NULL) {
		rt->at = n;
		return no_such(rt, n, "filter");
	}
	if (gather(rt, fr, n->call.args, pp_missing(), &g) < 0)
		return pp_error_value();
	rt->at = n;
	/* By position, as many as there may be: nothing to bind. */
	if (g.args.named == 0 && g.args.count >= n->op &&
	    g.args.count <= n->targets && f->raw == NULL) {
		struct pp_value v[PP_MAX_PARAMS];

		for (uint32_t i = 0; i < n->targets; i++)
			v[i] = i < g.args.count ? g.args.v[i] : pp_missing();
		return f->fn(rt, in, v);
	}
	return pp_apply_filter(rt, f, in, &g.args);
}

struct pp_value
pp_eval_filter_chain(struct pp_rt *rt, struct pp_frame *fr,
    const struct pp_node *n, struct pp_value subject)
{
	if (n->call.of != NULL)
		subject = pp_eval_filter_chain(rt, fr, n->call.of, subject);
	return apply_filter(rt, fr, n, subject);
}

static struct pp_value
eval_test(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_value in = pp_eval(rt, fr, n->call.of);
	struct gathered g;
	int yes;

	if (pp_is_error(in))
		return in;
	if (n->call.what == NULL) {
		rt->at = n;
		return no_such(rt, n, "test");
	}
	if (gather(rt, fr, n->call.args, pp_missing(), &g) < 0)
		return pp_error_value();
	rt->at = n;
	yes = pp_apply_test(rt, n->call.what, in, &g.args);
	return yes < 0 ? pp_error_value() : pp_bool(yes != 0);
}

/* ---- operators ---- */

static struct pp_value
compare(struct pp_rt *rt, const struct pp_node *n, struct pp_value a,
    struct pp_value b)
{
	int yes;

	if (a.type == PP_T_STR && b.type == PP_T_STR && n->op <= PP_NE &&
	    n->op >= PP_EQ) {
		yes = a.len == b.len && pp_same_bytes(a.s, b.s, a.len);
		return pp_bool(yes == (n->op == PP_EQ));
	}
	rt->at = n;
	switch (n->op) {
	case PP_EQ: yes = pp_equal(rt, a, b); break;
	case PP_NE:
		yes = pp_equal(rt, a, b);
		if (yes >= 0)
			yes = !yes;
		break;
	case PP_IN: yes = pp_contains(rt, b, a); break;
	case PP_NOT_IN:
		yes = pp_contains(rt, b, a);
		if (yes >= 0)
			yes = !yes;
		break;
	default: yes = pp_order(rt, a, b, (enum pp_compare)n->op); break;
	}
	return yes < 0 ? pp_error_value() : pp_bool(yes != 0);
}

static struct pp_value
eval_chain(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_value a = pp_eval(rt, fr, n->chain.first), b, r = a;

	for (uint32_t i = 0; i < n->chain.rest.count; i++) {
		const struct pp_node *c = n->chain.rest.item[i];

		b = pp_is_error(a) ? a : pp_eval(rt, fr, c->two.b);
		if (pp_is_error(b))
			return b;
		r = compare(rt, c, a, b);
		if (pp_is_error(r) || !r.i)
			return r;
		a = b;
	}
	return r;
}

static struct pp_value
eval_concat(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_value room[8], *v = room;

	if (n->list.count > 8)
		v = pp_rt_alloc(rt, n->list.count * sizeof v[0]);
	if (v == NULL)
		return pp_error_value();
	for (uint32_t i = 0; i < n->list.count; i++) {
		v[i] = pp_eval(rt, fr, n->list.item[i]);
		if (pp_is_error(v[i]))
			return v[i];
	}
	rt->at = n;
	if (rt->autoescape)
		return pp_markup_join(rt, v, n->list.count);
	return pp_concat(rt, v, n->list.count);
}

static struct pp_value
eval_binary(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_value a = pp_eval(rt, fr, n->two.a), b;
	int64_t sum;

	if (pp_is_error(a))
		return a;
	b = pp_eval(rt, fr, n->two.b);
	if (pp_is_error(b))
		return b;
	if (a.type == PP_T_INT && b.type == PP_T_INT &&
	    ((n->op == PP_ADD && !__builtin_add_overflow(a.i, b.i, &sum)) ||
		(n->op == PP_SUB && !__builtin_sub_overflow(a.i, b.i, &sum))))
		return pp_int(sum);
	rt->at = n;
	return pp_binary(rt, (enum pp_op)n->op, a, b);
}

static struct pp_value
eval_logic(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_value a = pp_eval(rt, fr, n->two.a);
	int yes;

	if (pp_is_error(a))
		return a;
	rt->at = n->two.a;
	yes = pp_truth(rt, a);
	if (yes < 0)
		return pp_error_value();
	if (n->kind == PP_N_NOT)
		return pp_bool(!yes);
	if ((n->kind == PP_N_OR) == (yes != 0))
		return a;
	return pp_eval(rt, fr, n->two.b);
}

static struct pp_value
eval_cond(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_value v = pp_eval(rt, fr, n->cond.test);
	int yes;

	if (pp_is_error(v))
		return v;
	rt->at = n->cond.test;
	yes = pp_truth(rt, v);
	if (yes < 0)
		return pp_error_value();
	if (yes)
		return pp_eval(rt, fr, n->cond.yes);
	if (n->cond.no != NULL)
		return pp_eval(rt, fr, n->cond.no);
	v = pp_undefined_hint(rt,
	    "the inline if-expression evaluated to "
	    "false and no else section was defined.");
	if (!pp_is_error(v))
		v.undef->plain = true;
	return v;
}

static struct pp_value
eval_list(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_list *l = pp_list_new(rt, n->list.count);

	if (l == NULL)
		return pp_error_value();
	for (uint32_t i = 0; i < n->list.count; i++) {
		struct pp_value v = pp_eval(rt, fr, n->list.item[i]);

		if (pp_is_error(v))
			return v;
		l->item[l->count++] = v;
	}
	return pp_ref(n->kind == PP_N_LIST ? PP_T_LIST : PP_T_TUPLE, l);
}

static struct pp_value
eval_dict(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_dict *d = pp_dict_new(rt, n->list.count / 2);
	struct pp_value *v = pp_rt_alloc(rt, (n->list.count + 1) * sizeof *v);

	if (d == NULL || v == NULL)
		return pp_error_value();
	/* All of them are there before the first key is hashed. */
	for (uint32_t i = 0; i < n->list.count; i++) {
		v[i] = pp_eval(rt, fr, n->list.item[i]);
		if (pp_is_error(v[i]))
			return v[i];
	}
	for (uint32_t i = 0; i + 1 < n->list.count; i += 2) {
		rt->at = n->list.item[i];
		if (pp_dict_put(rt, d, v[i], v[i + 1]) < 0)
			return pp_error_value();
	}
	return pp_ref(PP_T_DICT, d);
}

static struct pp_value
eval_compare(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_value a = pp_eval(rt, fr, n->two.a), b;

	if (pp_is_error(a))
		return a;
	b = pp_eval(rt, fr, n->two.b);
	return pp_is_error(b) ? b : compare(rt, n, a, b);
}

static struct pp_value
eval_sign(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_value v = pp_eval(rt, fr, n->two.a);

	if (pp_is_error(v))
		return v;
	rt->at = n;
	return pp_negate(rt, v, n->kind == PP_N_POS);
}

struct pp_value
pp_eval(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	switch (n->kind) {
	case PP_N_CONST: return n->value;
	case PP_N_NAME: return eval_name(rt, fr, n);
	case PP_N_GETATTR: return eval_getattr(rt, fr, n);
	case PP_N_GETITEM: return eval_getitem(rt, fr, n);
	case PP_N_CALL: return pp_eval_call(rt, fr, n, pp_missing(), false);
	case PP_N_FILTER:
		return apply_filter(rt, fr, n, pp_eval(rt, fr, n->call.of));
	case PP_N_TEST: return eval_test(rt, fr, n);
	case PP_N_NOT:
	case PP_N_AND:
	case PP_N_OR: return eval_logic(rt, fr, n);
	case PP_N_NEG:
	case PP_N_POS: return eval_sign(rt, fr, n);
	case PP_N_BINARY: return eval_binary(rt, fr, n);
	case PP_N_COMPARE: return eval_compare(rt, fr, n);
	case PP_N_CHAIN: return eval_chain(rt, fr, n);
	case PP_N_CONCAT: return eval_concat(rt, fr, n);
	case PP_N_COND: return eval_cond(rt, fr, n);
	case PP_N_LIST:
	case PP_N_TUPLE: return eval_list(rt, fr, n);
	case PP_N_DICT: return eval_dict(rt, fr, n);
	case PP_N_SLICE: {
		/* within a tuple: a[1:2, 3] */
		rt->at = n;
		return pp_type_error(rt, "a slice is no key");
	}
	default: return pp_runtime_error(rt, "not an expression");
	}
}

struct pp_value
pp_eval_const(struct pp_rt *rt, const struct pp_node *n)
{
	struct pp_frame none = { NULL, NULL };

	return pp_eval(rt, &none, n);
}

int
pp_eval_output(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	struct pp_value v;

	if (n->kind == PP_N_CALL)
		return pp_is_error(pp_eval_call(rt, fr, n, pp_missing(),
			   true)) ?
		    -1 :
		    0;
	v = pp_eval(rt, fr, n);
	if (pp_is_error(v))
		return -1;
	if (v.type == PP_T_STR && !rt->autoescape) {
		pp_buf_add(&rt->out, v.s, v.len);
		return 0;
	}
	rt->at = n;
	return pp_is_error(put_value(rt, v)) ? -1 : 0;
}
