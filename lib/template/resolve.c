#include <config.h>

#include "template/resolve.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "template/eval.h"
#include "template/scope.h"
#include "template/walk.h"

/* Where the resolver is: Jinja's frame. */
struct frame {
	struct pp_scope *scope;
	bool toplevel;	   /* stores go to the context too */
	bool rootlevel;	   /* not even in an if */
	bool soft;	   /* in an if: unknown filters fail later */
	bool check_output; /* output may be cut by extends */
};

struct resolver {
	struct pp_parser *p;
	struct pp_rt *rt;
	struct pp_template *tmpl;
	bool known_extends;
	int extends;
	int64_t fold_steps; /* left, of FOLD_STEPS */
};

/* What the constants of a template may cost; the rest waits for its render. */
#define FOLD_STEPS 50000

static void resolve_list(struct resolver *r, const struct frame *f,
    const struct pp_list_of *l);
static void
resolve_expr(struct resolver *r, const struct frame *f, struct pp_node *n);

static bool
failed(const struct resolver *r)
{
	return r->rt->fault.kind != PP_K_NONE;
}

static struct frame
inner_frame(struct resolver *r, const struct frame *f)
{
	return (struct frame){ .scope = pp_scope_new(r->p, f->scope, NULL),
		.check_output = f->check_output };
}

/* ---- expressions ---- */

static bool
is_const(const struct pp_node *n)
{
	return n->kind == PP_N_CONST;
}

/* Whether Jinja finds its value before anything runs: no names, no calls. */
static bool
is_known_early(void *arg, struct pp_node *n)
{
	return n->kind != PP_N_NAME && n->kind != PP_N_CALL &&
	    pp_walk_children(n, is_known_early, arg);
}

/* Whether the node is nothing but constants under an operator. */
static bool
can_fold(const struct pp_node *n)
{
	switch (n->kind) {
	case PP_N_NOT:
	case PP_N_NEG:
	case PP_N_POS: return is_const(n->two.a);
	case PP_N_AND:
	case PP_N_OR:
	case PP_N_BINARY:
	case PP_N_COMPARE:
		return n->two.a != NULL && is_const(n->two.a) &&
		    is_const(n->two.b);
	case PP_N_CONCAT:
		for (uint32_t i = 0; i < n->list.count; i++) {
			if (!is_const(n->list.item[i]))
				return false;
		}
		return true;
	case PP_N_COND:
		return is_const(n->cond.test) && is_const(n->cond.yes) &&
		    n->cond.no != NULL && is_const(n->cond.no);
	default: return false;
	}
}

/* What fails is left to fail when it is reached. */
static void
fold(struct resolver *r, struct pp_node *n)
{
	struct pp_value v;
	int64_t steps = r->rt->steps;

	if (failed(r) || r->fold_steps <= 0 || !can_fold(n))
		return;
	r->rt->steps = r->fold_steps;
	v = pp_eval_const(r->rt, n);
	r->fold_steps = r->rt->steps;
	r->rt->steps = steps;
	if (failed(r)) {
		memset(&r->rt->fault, 0, sizeof r->rt->fault);
		return;
	}
	if (v.type == PP_T_UNDEFINED || v.len > 65536)
		return;
	n->kind = PP_N_CONST;
	n->flag = 0;
	n->value = v;
}

static bool
is_written_with_minus(struct pp_value v)
{
	if (v.type == PP_T_FLOAT)
		return signbit(v.f) != 0;
	return (v.type == PP_T_INT || v.type == PP_T_BIG) && pp_int_sign(v) < 0;
}

/*
 * Jinja writes a negative constant without brackets into the Python code that
 * it generates, where ** binds tighter than the sign: -2 ** x is -(2 ** x).
 */
static void
move_sign_out(struct resolver *r, struct pp_node *n)
{
	struct pp_node *power;

	if (failed(r) || n->kind != PP_N_BINARY || n->op != PP_POW ||
	    !is_const(n->two.a) || is_known_early(NULL, n->two.b) ||
	    !is_written_with_minus(n->two.a->value))
		return;
	power = pp_parse_node(r->p, PP_N_BINARY, n->pos);
	if (power == NULL)
		return;
	power->op = n->op;
	power->two = n->two;
	power->two.a->value = pp_negate(r->rt, n->two.a->value, false);
	n->kind = PP_N_NEG;
	n->two.a = power;
	n->two.b = NULL;
}

static void
unknown_name(struct resolver *r, const struct frame *f, struct pp_node *n,
    const char *what)
{
	const struct pp_atom *name = n->call.name;
	char room[96];

	n->flag |= PP_UNKNOWN;
	if (!f->soft)
		pp_parse_fail(r->p, n->pos, "no %s named '%.*s'%s", what,
		    (int)name->str.len, name->str.s,
		    pp_suggest(name->str, what, room, sizeof room));
}

/* How many arguments it takes at least and at most. */
static void
count_params(struct pp_node *n, const struct pp_filter *f)
{
	const char *p = f->params;
	uint8_t least = 0, most = 0;

	while (*p != '\0') {
		size_t len = strcspn(p, " ");

		most++;
		least = (uint8_t)(least + (p[len - 1] != '?'));
		p += len + (p[len] == ' ');
	}
	n->op = least;
	n->targets = most;
}

static void
resolve_filter(struct resolver *r, const struct frame *f, struct pp_node *n)
{
	const struct pp_atom *name = n->call.name;

	n->call.what = n->kind == PP_N_FILTER ?
	    (const void *)pp_filter_find(name->str.s, name->str.len) :
	    (const void *)pp_test_find(name->str.s, name->str.len);
	if (n->kind == PP_N_FILTER && n->call.what != NULL)
		count_params(n, n->call.what);
	if (n->call.what == NULL && !failed(r)) {
		unknown_name(r, f, n,
		    n->kind == PP_N_FILTER ? "filter" : "test");
		pp_parse_forgive(r->p);
	}
}

struct child_arg {
	struct resolver *r;
	const struct frame *f;
};

static bool
resolve_child(void *arg, struct pp_node *child)
{
	struct child_arg *a = arg;

	resolve_expr(a->r, a->f, child);
	return !failed(a->r);
}

/* Whether it is true, when that is known before anything runs; else -1. */
static int
early_truth(struct resolver *r, struct pp_node *n)
{
	if (is_const(n))
		return pp_truth(r->rt, n->value);
	if ((n->kind == PP_N_LIST || n->kind == PP_N_TUPLE ||
		n->kind == PP_N_DICT) &&
	    is_known_early(NULL, n))
		return n->list.count > 0;
	return -1;
}

/* a and b, a or b: what comes after a constant that decides is not seen. */
static void
resolve_logic(struct resolver *r, const struct frame *f, struct pp_node *n)
{
	struct pp_node *a = n->two.a;

	resolve_expr(r, f, a);
	if (failed(r))
		return;
	if (early_truth(r, a) == (n->kind == PP_N_OR)) {
		*n = *a;
		return;
	}
	resolve_expr(r, f, n->two.b);
	fold(r, n);
}

static void
resolve_expr(struct resolver *r, const struct frame *f, struct pp_node *n)
{
	struct frame soft = *f;
	struct child_arg arg = { r, f };

	if (n == NULL || failed(r))
		return;
	switch (n->kind) {
	case PP_N_NAME:
		n->name.place = pp_scope_place(f->scope, n->name.atom);
		if (n->targets && f->toplevel)
			n->flag |= PP_EXPORT;
		return;
	case PP_N_NSREF:
		n->nsref.place = pp_scope_place(f->scope, n->nsref.name);
		return;
	case PP_N_GETATTR:
		n->attr.method = pp_attr_known(n->attr.name->str);
		n->op = (uint8_t)pp_loop_attr_number(n->attr.name->str);
		break;
	case PP_N_AND:
	case PP_N_OR: resolve_logic(r, f, n); return;
	case PP_N_COND:
		soft.soft = true;
		arg.f = &soft;
		break;
	case PP_N_FILTER:
	case PP_N_TEST:
		pp_walk_children(n, resolve_child, &arg);
		resolve_filter(r, f, n);
		return;
	default: break;
	}
	pp_walk_children(n, resolve_child, &arg);
	fold(r, n);
	move_sign_out(r, n);
}

/* ---- statements ---- */

/* Constants as the text that they print. */
static void
constants_to_text(struct resolver *r, struct pp_list_of *l)
{
	for (uint32_t i = 0; i < l->count && !failed(r); i++) {
		struct pp_node *item = l->item[i];
		struct pp_value v;

		if (item->kind != PP_N_CONST || (item->flag & PP_DATA) ||
		    r->tmpl->has_autoescape)
			continue;
		v = pp_to_str(r->rt, item->value);
		if (failed(r)) {
			/* It fails when it is reached. */
			memset(&r->rt->fault, 0, sizeof r->rt->fault);
			continue;
		}
		item->value = v;
		item->flag |= PP_DATA;
	}
}

static bool
is_text(const struct pp_node *n)
{
	return n->kind == PP_N_CONST && (n->flag & PP_DATA) != 0;
}

/* Neighbouring texts of an output become one. */
static void
merge_output(struct resolver *r, struct pp_node *n)
{
	struct pp_list_of *l = &n->list;
	uint32_t count = 0, end;

	/* One alone stays typed, for whoever wants its value. */
	if (l->count < 2)
		return;
	constants_to_text(r, l);
	for (uint32_t i = 0; i < l->count && !failed(r); i = end) {
		struct pp_node *first = l->item[i];
		size_t start = pp_text_begin(r->rt);

		for (end = i + 1;
		     end < l->count && is_text(first) && is_text(l->item[end]);)
			end++;
		l->item[count++] = first;
		if (end == i + 1)
			continue;
		for (uint32_t k = i; k < end; k++)
			pp_buf_add(&r->rt->out, l->item[k]->value.s,
			    l->item[k]->value.len);
		first->value = pp_text_end(r->rt, start);
	}
	l->count = count;
}

static void
resolve_output(struct resolver *r, const struct frame *f, struct pp_node *n)
{
	if (f->check_output)
		n->flag |= r->known_extends ? PP_DEAD : PP_MAYBE_DEAD;
	if (n->flag & PP_DEAD)
		return; /* nor does Jinja look at it */
	for (uint32_t i = 0; i < n->list.count; i++)
		resolve_expr(r, f, n->list.item[i]);
	merge_output(r, n);
}

static bool
check_loop_target(void *arg, struct pp_node *n)
{
	struct resolver *r = arg;

	if (n->kind == PP_N_NAME && n->targets &&
	    pp_str_is(n->name.atom->str, "loop")) {
		pp_parse_fail(r->p, n->pos,
		    "can't assign to special loop variable in for-loop");
		return false;
	}
	return pp_walk_children(n, check_loop_target, r);
}

static bool
has_scoped_block(void *arg, struct pp_node *n)
{
	if (n->kind == PP_N_BLOCK && n->block->scoped) {
		*(bool *)arg = true;
		return false;
	}
	return pp_walk_children(n, has_scoped_block, arg);
}

static bool
uses_loop(const struct pp_for *l)
{
	bool scoped = false;

	pp_walk_list(&l->body, has_scoped_block, &scoped);
	return scoped || l->recursive != NULL ||
	    pp_scope_uses(&l->body, "loop");
}

/* A copy of a target, for the loop's filter, which has its own names. */
static struct pp_node *
copy_target(struct resolver *r, const struct pp_node *n)
{
	struct pp_node *c = pp_parse_alloc(r->p, sizeof *c);

	if (c == NULL)
		return NULL;
	*c = *n;
	if (n->kind != PP_N_TUPLE)
		return c;
	c->list.item = pp_parse_alloc(r->p,
	    (n->list.count + 1) * sizeof c->list.item[0]);
	for (uint32_t i = 0; c->list.item != NULL && i < n->list.count; i++)
		c->list.item[i] = copy_target(r, n->list.item[i]);
	return c;
}

static void
resolve_for(struct resolver *r, const struct frame *f, struct pp_node *n)
{
	struct pp_for *l = n->loop;
	struct frame body, test, otherwise, outer = *f;

	check_loop_target(r, n);
	resolve_expr(r, f, l->iter);
	if (l->recursive != NULL)
		outer.scope = pp_scope_new(r->p, f->scope, l->recursive);
	body = inner_frame(r, &outer);
	if (failed(r))
		return;
	l->loop_slot = -1;
	if (uses_loop(l))
		l->loop_slot = pp_scope_param(body.scope,
		    pp_parse_atom(r->p, pp_cstr("loop")));
	pp_scope_target(body.scope, l->target, true);
	pp_scope_read_list(body.scope, &l->body);
	if (l->test != NULL && !failed(r)) {
		test = inner_frame(r, &outer);
		l->test_target = copy_target(r, l->target);
		pp_scope_target(test.scope, l->test_target, true);
		pp_scope_read(test.scope, l->test);
		resolve_expr(r, &test, l->test_target);
		resolve_expr(r, &test, l->test);
		l->test_scope = pp_scope_finish(test.scope);
	}
	resolve_expr(r, &body, l->target);
	resolve_list(r, &body, &l->body);
	l->body_scope = pp_scope_finish(body.scope);
	if (l->otherwise.count > 0 && !failed(r)) {
		otherwise = inner_frame(r, &outer);
		pp_scope_read_list(otherwise.scope, &l->otherwise);
		resolve_list(r, &otherwise, &l->otherwise);
		l->else_scope = pp_scope_finish(otherwise.scope);
	}
	if (l->recursive != NULL) {
		l->recursive->scope = pp_scope_finish(outer.scope);
		l->recursive->slots = pp_scope_slots(outer.scope);
	}
}

static void
resolve_if(struct resolver *r, const struct frame *f, struct pp_node *n)
{
	struct frame soft = *f;

	soft.soft = true;
	soft.rootlevel = false;
	for (uint32_t i = 0; i < n->branches->count; i++) {
		resolve_expr(r, &soft, n->branches->branch[i].test);
		resolve_list(r, &soft, &n->branches->branch[i].body);
	}
}

/* set, filter, autoescape: a body in a scope of its own. */
static void
resolve_capture(struct resolver *r, const struct frame *f, struct pp_node *n)
{
	struct pp_capture *c = n->capture;
	struct frame in = inner_frame(r, f);

	if (n->kind == PP_N_AUTOESCAPE)
		pp_scope_read(in.scope, c->flag);
	if (n->kind == PP_N_SETBLOCK)
		in.check_output = false;
	pp_scope_read_list(in.scope, &c->body);
	if (c->filter != NULL)
		pp_scope_read(in.scope, c->filter);
	resolve_expr(r, &in, c->flag);
	resolve_list(r, &in, &c->body);
	resolve_expr(r, &in, c->filter);
	c->scope = pp_scope_finish(in.scope);
	resolve_expr(r, f, c->target);
}

static void
resolve_with(struct resolver *r, const struct frame *f, struct pp_node *n)
{
	struct pp_with *w = n->with;
	struct frame in = inner_frame(r, f);

	for (uint32_t i = 0; i < w->targets.count; i++) {
		pp_scope_target(in.scope, w->targets.item[i], true);
		resolve_expr(r, f, w->values.item[i]);
	}
	pp_scope_read_list(in.scope, &w->body);
	for (uint32_t i = 0; i < w->targets.count; i++)
		resolve_expr(r, &in, w->targets.item[i]);
	resolve_list(r, &in, &w->body);
	w->scope = pp_scope_finish(in.scope);
}

/* The special parameter `name`, when the body reads it; else -1. */
static int
special(struct resolver *r, struct pp_scope *s, const struct pp_function *fn,
    const char *name)
{
	for (uint32_t i = 0; i < fn->params; i++) {
		if (pp_str_is(fn->param[i]->str, name))
			return -1;
	}
	if (!pp_scope_uses(&fn->body, name))
		return -1;
	return pp_scope_param(s, pp_parse_atom(r->p, pp_cstr(name)));
}

static bool
has_param(const struct pp_function *fn, const char *name, uint32_t *index)
{
	for (uint32_t i = 0; i < fn->params; i++) {
		if (pp_str_is(fn->param[i]->str, name)) {
			*index = i;
			return true;
		}
	}
	return false;
}

/* A macro's or call block's body. */
static void
resolve_function(struct resolver *r, const struct frame *f,
    struct pp_function *fn, uint32_t pos)
{
	struct frame in = { .scope = pp_scope_new(r->p, f->scope, fn) };
	uint32_t index;

	if (in.scope == NULL)
		return;
	fn->explicit_caller = has_param(fn, "caller", &index);
	if (fn->explicit_caller && pp_scope_uses(&fn->body, "caller") &&
	    index < fn->params - fn->default_count)
		pp_parse_fail(r->p, pos,
		    "the special \"caller\" argument "
		    "must be omitted or be given a default");
	fn->param_slot = pp_parse_alloc(r->p,
	    (fn->params + 1) * sizeof fn->param_slot[0]);
	for (uint32_t i = 0; !failed(r) && i < fn->params; i++)
		fn->param_slot[i] = (uint16_t)pp_scope_param(in.scope,
		    fn->param[i]);
	fn->caller_slot = special(r, in.scope, fn, "caller");
	fn->kwargs_slot = special(r, in.scope, fn, "kwargs");
	fn->varargs_slot = special(r, in.scope, fn, "varargs");
	fn->self_slot = fn->super_slot = -1;
	for (uint32_t i = 0; i < fn->default_count; i++)
		pp_scope_read(in.scope, fn->defaults[i]);
	pp_scope_read_list(in.scope, &fn->body);
	for (uint32_t i = 0; i < fn->default_count; i++)
		resolve_expr(r, &in, fn->defaults[i]);
	resolve_list(r, &in, &fn->body);
	fn->scope = pp_scope_finish(in.scope);
	fn->slots = pp_scope_slots(in.scope);
}

static void
resolve_macro(struct resolver *r, const struct frame *f, struct pp_node *n)
{
	resolve_function(r, f, n->macro.function, n->pos);
	if (n->kind == PP_N_MACRO) {
		n->macro.place = pp_scope_place(f->scope, n->macro.name);
		if (f->toplevel)
			n->flag |= PP_EXPORT;
	}
	resolve_expr(r, f, n->macro.call);
}

static void
resolve_include(struct resolver *r, const struct frame *f, struct pp_node *n)
{
	struct pp_include *i = n->include;

	resolve_expr(r, f, i->name);
	if (i->target != NULL)
		i->place = pp_scope_place(f->scope, i->target);
	for (uint32_t k = 0; k < i->count; k++)
		i->places[k] = pp_scope_place(f->scope, i->aliases[k]);
	if (f->toplevel)
		n->flag |= PP_EXPORT;
	i->locals = pp_scope_locals(f->scope);
}

static void
resolve_block(struct resolver *r, const struct frame *f, struct pp_node *n)
{
	if (f->toplevel && r->known_extends)
		n->flag |= PP_DEAD;
	else if (f->toplevel && r->extends > 0)
		n->flag |= PP_MAYBE_DEAD;
	if (n->block->scoped)
		n->block->locals = pp_scope_locals(f->scope);
}

static void
resolve_extends(struct resolver *r, const struct frame *f, struct pp_node *n)
{
	if (!f->toplevel) {
		pp_parse_fail(r->p, n->pos,
		    "cannot extend from a non top-level scope");
		return;
	}
	resolve_expr(r, f, n->two.a);
	if (f->rootlevel)
		r->known_extends = true;
	r->extends++;
}

static void
resolve_statement(struct resolver *r, const struct frame *f, struct pp_node *n)
{
	switch (n->kind) {
	case PP_N_OUTPUT: resolve_output(r, f, n); break;
	case PP_N_FOR: resolve_for(r, f, n); break;
	case PP_N_IF: resolve_if(r, f, n); break;
	case PP_N_SET:
		resolve_expr(r, f, n->set.value);
		resolve_expr(r, f, n->set.target);
		break;
	case PP_N_SETBLOCK:
	case PP_N_FILTERBLOCK:
	case PP_N_AUTOESCAPE: resolve_capture(r, f, n); break;
	case PP_N_MACRO:
	case PP_N_CALLBLOCK:
	case PP_N_GENERATION: resolve_macro(r, f, n); break;
	case PP_N_WITH: resolve_with(r, f, n); break;
	case PP_N_DO: resolve_expr(r, f, n->two.a); break;
	case PP_N_INCLUDE:
	case PP_N_IMPORT:
	case PP_N_FROM: resolve_include(r, f, n); break;
	case PP_N_BLOCK: resolve_block(r, f, n); break;
	case PP_N_EXTENDS: resolve_extends(r, f, n); break;
	default: break;
	}
}

static void
resolve_list(struct resolver *r, const struct frame *f,
    const struct pp_list_of *l)
{
	for (uint32_t i = 0; i < l->count && !failed(r); i++)
		resolve_statement(r, f, l->item[i]);
}

/* ---- the whole ---- */

/* Blocks know nothing of the scopes around them. */
static void
resolve_block_body(struct resolver *r, struct pp_node *n)
{
	struct pp_function *fn = n->block->function;
	struct frame f = { .scope = pp_scope_new(r->p, NULL, fn) };

	if (f.scope == NULL)
		return;
	fn->self_slot = pp_scope_uses(&fn->body, "self") ?
	    pp_scope_param(f.scope, pp_parse_atom(r->p, pp_cstr("self"))) :
	    -1;
	fn->super_slot = pp_scope_uses(&fn->body, "super") ?
	    pp_scope_param(f.scope, pp_parse_atom(r->p, pp_cstr("super"))) :
	    -1;
	fn->caller_slot = fn->kwargs_slot = fn->varargs_slot = -1;
	pp_scope_read_list(f.scope, &fn->body);
	resolve_list(r, &f, &fn->body);
	fn->scope = pp_scope_finish(f.scope);
	fn->slots = pp_scope_slots(f.scope);
}

static void
keep_blocks(struct resolver *r)
{
	struct pp_template *t = r->tmpl;

	t->blocks = (uint32_t)r->p->blocks.count;
	t->block = pp_parse_alloc(r->p, (t->blocks + 1) * sizeof t->block[0]);
	for (uint32_t i = 0; !failed(r) && i < t->blocks; i++) {
		t->block[i].node = r->p->blocks.item[i];
		t->block[i].name = t->block[i].node->block->name;
	}
}

static bool
find_autoescape(void *arg, struct pp_node *n)
{
	struct pp_template *t = arg;

	if (n->kind == PP_N_AUTOESCAPE)
		t->has_autoescape = true;
	if (n->kind == PP_N_BLOCK || n->kind == PP_N_INCLUDE ||
	    n->kind == PP_N_IMPORT || n->kind == PP_N_FROM ||
	    n->kind == PP_N_EXTENDS)
		t->has_fragments = true;
	return pp_walk_children(n, find_autoescape, arg);
}

int
pp_resolve(struct pp_parser *p, struct pp_template *t)
{
	struct resolver r = {
		.p = p, .rt = p->rt, .tmpl = t, .fold_steps = FOLD_STEPS
	};
	struct pp_function *fn = &t->root;
	struct frame f = { .toplevel = true,
		.rootlevel = true,
		.check_output = p->has_extends };

	pp_walk_list(&fn->body, find_autoescape, t);
	f.scope = pp_scope_new(p, NULL, fn);
	if (f.scope == NULL)
		return -1;
	fn->self_slot = pp_scope_uses(&fn->body, "self") ?
	    pp_scope_param(f.scope, pp_parse_atom(p, pp_cstr("self"))) :
	    -1;
	fn->super_slot = fn->caller_slot = fn->kwargs_slot = fn->varargs_slot =
	    -1;
	pp_scope_read_list(f.scope, &fn->body);
	resolve_list(&r, &f, &fn->body);
	fn->scope = pp_scope_finish(f.scope);
	fn->slots = pp_scope_slots(f.scope);
	for (size_t i = 0; i < p->blocks.count && !failed(&r); i++)
		resolve_block_body(&r, p->blocks.item[i]);
	keep_blocks(&r);
	return failed(&r) ? -1 : 0;
}
