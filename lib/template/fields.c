#include <config.h>

#include "template/fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/object.h"

/* What is known of a value. */
enum kind {
	OPAQUE, /* nothing: a constant, a sum, a text */
	PATH,	/* a field, or part of one */
	ITEMS,	/* a sequence whose items are `a` */
	PAIR,	/* two values: (a, b) */
	MACRO,
	MODULE,	   /* names bound to values */
	NAMESPACE, /* the same, and they change */
	EITHER	   /* `a` or `b` */
};

struct value {
	enum kind kind;
	const char *path;
	bool optional; /* a default stands in for it */
	int ways;      /* that EITHER has, all in all */
	const struct value *a, *b;
	const struct pp_function *fn;
	const struct pp_template *tmpl;
	struct binding *names;	/* of a module; of a macro's scope */
	struct binding **space; /* of a namespace */
};

struct binding {
	struct binding *next;
	struct pp_value name;
	const struct value *value;
};

/* A field whose presence was asked for: reads of it are optional below. */
struct guard {
	struct guard *next;
	const char *path;
};

#define MAX_DEPTH 40	/* macros and includes within each other */
#define MAX_WORK 200000 /* nodes gone through */
#define MAX_WAYS 16	/* that one value may be */

struct scan {
	struct pp_fields *out;
	struct pp_engine *engine;
	const struct pp_template *tmpl;
	struct binding *names;
	struct guard *guards;
	bool optional;
	int maybe; /* branches and loops around this */
	int depth;
	long work;
	struct active *active;
};

/* A macro that is gone through. */
struct active {
	struct active *up;
	const struct pp_function *fn;
};

static const struct value opaque = { .kind = OPAQUE };

static const struct value *expr(struct scan *s, const struct pp_node *n);
static void statements(struct scan *s, const struct pp_list_of *l);

/* ---- values ---- */

static const struct value *
new_value(struct scan *s, struct value v)
{
	struct value *copy = pp_arena_alloc(&s->out->arena, sizeof *copy);

	*copy = v;
	return copy;
}

static const struct value *
path_value(struct scan *s, const char *base, const char *between,
    const char *more, size_t len, bool optional)
{
	size_t a = strlen(base), b = strlen(between);
	char *path = pp_arena_alloc(&s->out->arena, a + b + len + 1);

	memcpy(path, base, a);
	memcpy(path + a, between, b);
	memcpy(path + a + b, more, len);
	path[a + b + len] = '\0';
	return new_value(s,
	    (struct value){ .kind = PATH, .path = path, .optional = optional });
}

static int
ways(const struct value *v)
{
	return v->kind == EITHER ? v->ways : 1;
}

static bool
is_same_path(const struct value *a, const struct value *b)
{
	return a->kind == PATH && b->kind == PATH &&
	    strcmp(a->path, b->path) == 0;
}

/* One of two: what is known of a value wins over nothing. */
static const struct value *
either(struct scan *s, const struct value *a, const struct value *b)
{
	if (b->kind == OPAQUE || a == b)
		return a;
	if (a->kind == OPAQUE)
		return b;
	if (is_same_path(a, b))
		return a->optional ? b : a;
	if (ways(a) + ways(b) > MAX_WAYS)
		return a;
	return new_value(s,
	    (struct value){
		.kind = EITHER, .a = a, .b = b, .ways = ways(a) + ways(b) });
}

/* The same field where it may be missing. */
static const struct value *
if_there(struct scan *s, const struct value *v)
{
	struct value copy = *v;

	if (v->kind == EITHER)
		return either(s, if_there(s, v->a), if_there(s, v->b));
	if (v->kind != PATH || v->optional)
		return v;
	copy.optional = true;
	return new_value(s, copy);
}

/* One or the other: either may be missing, unless they are the same. */
static const struct value *
one_of(struct scan *s, const struct value *a, const struct value *b)
{
	if (a == b || is_same_path(a, b))
		return either(s, a, b);
	return either(s, if_there(s, a), if_there(s, b));
}

/* An item of a sequence. */
static const struct value *
item_of(struct scan *s, const struct value *v)
{
	switch (v->kind) {
	case PATH: return path_value(s, v->path, "[]", "", 0, v->optional);
	case ITEMS: return v->a;
	case EITHER: return either(s, item_of(s, v->a), item_of(s, v->b));
	default: return &opaque;
	}
}

static const struct value *
bound(const struct binding *names, struct pp_value name)
{
	for (const struct binding *b = names; b != NULL; b = b->next) {
		if (pp_same(b->name, name))
			return b->value;
	}
	return NULL;
}

static const struct value *
member_of(struct scan *s, const struct value *v, struct pp_value name)
{
	const struct value *found = NULL;

	if (v->kind == PATH)
		return path_value(s, v->path, ".", name.s, name.len,
		    v->optional);
	if (v->kind == PAIR && pp_str_is(name, "grouper"))
		return v->a;
	if (v->kind == PAIR && pp_str_is(name, "list"))
		return v->b;
	if (v->kind == EITHER)
		return either(s, member_of(s, v->a, name),
		    member_of(s, v->b, name));
	if (v->kind == MODULE || v->kind == NAMESPACE)
		found = bound(v->kind == MODULE ? v->names : *v->space, name);
	return found != NULL ? found : &opaque;
}

/* a.b.0 of map(attribute=...). */
static const struct value *
follow_path(struct scan *s, const struct value *v, struct pp_value path)
{
	const char *p, *end, *dot;
	size_t len;

	if (!pp_is_str(path))
		return item_of(s, v);
	p = path.s;
	end = p + path.len;
	for (;;) {
		dot = memchr(p, '.', (size_t)(end - p));
		len = (size_t)((dot != NULL ? dot : end) - p);
		v = len > 0 && strspn(p, "0123456789") >= len ?
		    item_of(s, v) :
		    member_of(s, v, pp_str(p, len));
		if (dot == NULL)
			return v;
		p = dot + 1;
	}
}

/* ---- reads ---- */

static bool
is_guarded(const struct scan *s, const char *path)
{
	for (const struct guard *g = s->guards; g != NULL; g = g->next) {
		size_t n = strlen(g->path);

		if (strncmp(path, g->path, n) == 0 &&
		    (path[n] == '\0' || path[n] == '.' || path[n] == '['))
			return true;
	}
	return false;
}

static void
add_field(struct scan *s, const char *path, bool optional, uint32_t pos)
{
	bool required = !optional && !s->optional && !is_guarded(s, path);
	struct pp_fields *f = s->out;

	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->list[i].path, path) == 0) {
			f->list[i].required = f->list[i].required || required;
			return;
		}
	}
	f->list = pp_grow(f->list, f->count, &f->cap, sizeof f->list[0]);
	f->list[f->count++] = (struct pp_found_field){ path, required,
		&s->tmpl->source, pos };
}

static void
use_at(struct scan *s, const struct value *v, uint32_t pos)
{
	switch (v->kind) {
	case PATH: add_field(s, v->path, v->optional, pos); break;
	case ITEMS: use_at(s, v->a, pos); break;
	case EITHER:
	case PAIR:
		use_at(s, v->a, pos);
		use_at(s, v->b, pos);
		break;
	default: break;
	}
}

/* The value of an expression is needed: printed, compared, added. */
static const struct value *
use(struct scan *s, const struct pp_node *n)
{
	const struct value *v;

	if (n == NULL)
		return &opaque;
	v = expr(s, n);
	use_at(s, v, n->pos);
	return v;
}

/* The same where it may be missing. */
static const struct value *
use_optional(struct scan *s, const struct pp_node *n)
{
	bool before = s->optional;
	const struct value *v;

	s->optional = true;
	v = use(s, n);
	s->optional = before;
	return v;
}

/* ---- names ---- */

static void
bind_in(struct scan *s, struct binding **names, struct pp_value name,
    const struct value *v)
{
	struct binding *b = pp_arena_alloc(&s->out->arena, sizeof *b);

	*b = (struct binding){ *names, name, v };
	*names = b;
}

static void
bind(struct scan *s, struct pp_value name, const struct value *v)
{
	bind_in(s, &s->names, name, v);
}

static const struct value *
name_value(struct scan *s, struct pp_value name)
{
	const struct value *v = bound(s->names, name);

	if (v != NULL)
		return v;
	if (pp_global_find(name.s, name.len, true) != NULL)
		return &opaque;
	return path_value(s, "", "", name.s, name.len, false);
}

/*
 * ns.name = v. Nobody knows how often a loop or a branch around it runs, so
 * what it was before may stay.
 */
static void
set_member(struct scan *s, const struct pp_node *target, const struct value *v)
{
	const struct value *ns = bound(s->names, target->nsref.name->str);
	struct pp_value name = target->nsref.attr->str;
	const struct value *before;

	if (ns == NULL || ns->kind != NAMESPACE)
		return;
	before = bound(*ns->space, name);
	if (before != NULL && s->maybe > 0)
		v = one_of(s, before, v);
	bind_in(s, ns->space, name, v);
}

static void
assign(struct scan *s, const struct pp_node *target, const struct value *v)
{
	if (target->kind == PP_N_NAME) {
		bind(s, target->name.atom->str, v);
	} else if (target->kind == PP_N_NSREF) {
		set_member(s, target, v);
	} else if (target->kind == PP_N_TUPLE) {
		for (uint32_t i = 0; i < target->list.count; i++) {
			const struct value *part = v->kind == PAIR && i < 2 ?
			    (i == 0 ? v->a : v->b) :
			    item_of(s, v);

			assign(s, target->list.item[i], part);
		}
	}
}

/* ---- calls ---- */

static void
use_args(struct scan *s, const struct pp_call_args *a)
{
	for (uint32_t i = 0; i < a->pos.count; i++)
		use(s, a->pos.item[i]);
	for (uint32_t i = 0; i < a->named; i++)
		use(s, a->values[i]);
	use(s, a->star);
	use(s, a->star_star);
}

static bool
is_active(const struct scan *s, const struct pp_function *fn)
{
	for (const struct active *a = s->active; a != NULL; a = a->up) {
		if (a->fn == fn)
			return true;
	}
	return false;
}

/* What is given by position; more than that are of no parameter. */
#define MAX_GIVEN 64

/* The call of a macro: its arguments are of the caller's names. */
struct macro_call {
	const struct pp_call_args *args; /* may be NULL */
	const struct value *given[MAX_GIVEN];
	uint32_t count;
	struct binding *names;
};

static const struct pp_node *
named_argument(const struct pp_call_args *a, struct pp_value name,
    uint32_t hash)
{
	const struct pp_node *found = NULL;

	for (uint32_t i = 0; a != NULL && i < a->named; i++) {
		if (a->names[i]->hash == hash &&
		    pp_same(a->names[i]->str, name))
			found = a->values[i];
	}
	return found;
}

/* An argument is read with the names of the caller, a default with our own. */
static const struct value *
parameter(struct scan *s, const struct macro_call *call,
    const struct pp_function *fn, uint32_t i)
{
	uint32_t first = fn->params - fn->default_count;
	struct binding *mine = s->names;
	const struct pp_node *n;
	const struct value *v;

	if (i < call->count)
		return call->given[i];
	n = named_argument(call->args, fn->param[i]->str, fn->param[i]->hash);
	if (n == NULL)
		return i >= first ? expr(s, fn->defaults[i - first]) : &opaque;
	s->names = call->names;
	v = expr(s, n);
	s->names = mine;
	return v;
}

/* A macro that calls itself is gone through once; it reads what it is given. */
static void
enter_macro(struct scan *s, const struct value *m,
    const struct pp_call_args *args, const struct value *caller)
{
	const struct pp_function *fn = m->fn;
	struct macro_call call = { .args = args, .names = s->names };
	const struct pp_template *tmpl = s->tmpl;
	struct active self = { s->active, fn };

	if (s->depth >= MAX_DEPTH || is_active(s, fn)) {
		if (args != NULL)
			use_args(s, args);
		return;
	}
	while (args != NULL && call.count < args->pos.count &&
	    call.count < MAX_GIVEN) {
		call.given[call.count] = expr(s, args->pos.item[call.count]);
		call.count++;
	}
	s->names = m->names;
	bind(s, pp_cstr("varargs"), &opaque);
	bind(s, pp_cstr("kwargs"), &opaque);
	bind(s, pp_cstr("caller"), caller != NULL ? caller : &opaque);
	for (uint32_t i = 0; i < fn->params; i++)
		bind(s, fn->param[i]->str, parameter(s, &call, fn, i));
	/* A macro sees itself, for it may call itself. */
	if (fn->name != NULL)
		bind(s, fn->name->str, m);
	s->tmpl = m->tmpl;
	s->depth++;
	s->active = &self;
	statements(s, &fn->body);
	s->active = self.up;
	s->depth--;
	s->tmpl = tmpl;
	s->names = call.names;
}

/* The same for all that `v` may be; false when none is a macro. */
static bool
enter_macros(struct scan *s, const struct value *v,
    const struct pp_call_args *args, const struct value *caller)
{
	bool some;

	if (v->kind == MACRO)
		enter_macro(s, v, args, caller);
	if (v->kind != EITHER)
		return v->kind == MACRO;
	some = enter_macros(s, v->a, args, caller);
	return enter_macros(s, v->b, args, caller) || some;
}

/* field.items() and its like; NULL: no method of dictionaries. */
static const struct value *
dict_method(struct scan *s, const struct pp_node *n, const struct value *of)
{
	struct pp_value name = n->call.of->attr.name->str;
	const struct pp_call_args *a = n->call.args;
	const struct value *v;

	if ((of->kind != PATH && of->kind != EITHER) ||
	    n->call.of->attr.method == NULL)
		return NULL;
	if (pp_str_is(name, "get") && a->pos.count > 0 &&
	    a->pos.item[0]->kind == PP_N_CONST &&
	    pp_is_str(a->pos.item[0]->value)) {
		bool before = s->optional;

		v = member_of(s, of, a->pos.item[0]->value);
		s->optional = true;
		use_at(s, v, n->pos);
		s->optional = before;
		for (uint32_t i = 1; i < a->pos.count; i++)
			use(s, a->pos.item[i]);
		return if_there(s, v);
	}
	use_at(s, of, n->pos);
	use_args(s, a);
	return &opaque;
}

/* A name for a field is no read of it; anything else is. */
static const struct value *
use_unless_path(struct scan *s, const struct pp_node *n)
{
	const struct value *v = expr(s, n);

	if (v->kind != PATH && v->kind != EITHER)
		use_at(s, v, n->pos);
	return v;
}

static const struct value *
new_namespace(struct scan *s, const struct pp_call_args *a)
{
	struct binding **space = pp_arena_alloc(&s->out->arena, sizeof *space);

	*space = NULL;
	for (uint32_t i = 0; i < a->pos.count; i++)
		use(s, a->pos.item[i]);
	for (uint32_t i = 0; i < a->named; i++)
		bind_in(s, space, a->names[i]->str,
		    use_unless_path(s, a->values[i]));
	use(s, a->star);
	use(s, a->star_star);
	return new_value(s,
	    (struct value){ .kind = NAMESPACE, .space = space });
}

static const struct value *
call(struct scan *s, const struct pp_node *n, const struct value *caller)
{
	const struct pp_node *of = n->call.of;
	const struct value *callee, *v;

	if (of->kind == PP_N_GETATTR) {
		const struct value *self = expr(s, of->attr.of);

		v = dict_method(s, n, self);
		if (v != NULL)
			return v;
		callee = member_of(s, self, of->attr.name->str);
	} else {
		callee = expr(s, of);
	}
	if (callee == &opaque && of->kind == PP_N_NAME &&
	    pp_str_is(of->name.atom->str, "namespace"))
		return new_namespace(s, n->call.args);
	if (enter_macros(s, callee, n->call.args, caller))
		return &opaque;
	use_at(s, callee, n->pos);
	use_args(s, n->call.args);
	if (caller != NULL && caller->kind == MACRO)
		enter_macro(s, caller, NULL, NULL);
	return &opaque;
}

/* ---- filters ---- */

static const struct pp_node *
argument(const struct pp_call_args *a, uint32_t index, const char *name)
{
	for (uint32_t i = 0; i < a->named; i++) {
		if (pp_str_is(a->names[i]->str, name))
			return a->values[i];
	}
	return index < a->pos.count ? a->pos.item[index] : NULL;
}

static bool
const_arg(const struct pp_node *n, struct pp_value *v)
{
	if (n == NULL || n->kind != PP_N_CONST)
		return false;
	*v = n->value;
	return true;
}

/* What a filter gives when it is put to `in`; its arguments are not seen yet. */
typedef const struct value *
filter_fn(struct scan *s, const struct pp_node *n, const struct value *in);

static const struct value *
give_item(struct scan *s, const struct pp_node *n, const struct value *in)
{
	(void)n;
	return item_of(s, in);
}

static const struct value *
give_same(struct scan *s, const struct pp_node *n, const struct value *in)
{
	use_args(s, n->call.args);
	return in;
}

static const struct value *
give_opaque(struct scan *s, const struct pp_node *n, const struct value *in)
{
	(void)in;
	use_args(s, n->call.args);
	return &opaque;
}

static const struct value *
give_groups(struct scan *s, const struct pp_node *n, const struct value *in)
{
	use_args(s, n->call.args);
	return new_value(s, (struct value){ .kind = ITEMS, .a = in });
}

static const struct value *
filter_map(struct scan *s, const struct pp_node *n, const struct value *in)
{
	const struct pp_call_args *a = n->call.args;
	struct pp_value path;

	if (const_arg(argument(a, UINT32_MAX, "attribute"), &path))
		return new_value(s,
		    (struct value){ .kind = ITEMS,
			.a = follow_path(s, item_of(s, in), path) });
	use_args(s, a);
	if (in->kind == PATH)
		use_at(s, item_of(s, in), n->pos);
	return &opaque;
}

static const struct value *
filter_groupby(struct scan *s, const struct pp_node *n, const struct value *in)
{
	const struct pp_call_args *a = n->call.args;
	const struct value *key = &opaque;
	struct pp_value path;

	use_args(s, a);
	if (const_arg(argument(a, 0, "attribute"), &path))
		key = follow_path(s, item_of(s, in), path);
	if (argument(a, 1, "default") == NULL)
		use_at(s, key, n->pos);
	key = new_value(s, (struct value){ .kind = PAIR, .a = key, .b = in });
	return new_value(s, (struct value){ .kind = ITEMS, .a = key });
}

static bool
tests_presence(const struct pp_node *test)
{
	struct pp_value name;

	return const_arg(test, &name) &&
	    (pp_str_is(name, "defined") || pp_str_is(name, "undefined"));
}

/* selectattr and rejectattr */
static const struct value *
filter_by_test(struct scan *s, const struct pp_node *n, const struct value *in)
{
	const struct pp_call_args *a = n->call.args;
	bool before = s->optional;
	struct pp_value path;

	use_args(s, a);
	s->optional |= tests_presence(argument(a, 1, "test"));
	if (const_arg(argument(a, 0, "attr"), &path))
		use_at(s, follow_path(s, item_of(s, in), path), n->pos);
	s->optional = before;
	return in;
}

/* Whether it looks at an attribute of each item, its argument `index`. */
static bool
use_attribute(struct scan *s, const struct pp_node *n, const struct value *in,
    uint32_t index)
{
	struct pp_value path;

	use_args(s, n->call.args);
	if (!const_arg(argument(n->call.args, index, "attribute"), &path) ||
	    !pp_is_str(path))
		return false;
	use_at(s, follow_path(s, item_of(s, in), path), n->pos);
	return true;
}

static const struct value *
filter_sort(struct scan *s, const struct pp_node *n, const struct value *in)
{
	use_attribute(s, n, in, 2);
	return in;
}

static const struct value *
filter_unique(struct scan *s, const struct pp_node *n, const struct value *in)
{
	use_attribute(s, n, in, 1);
	return in;
}

static const struct value *
filter_sum(struct scan *s, const struct pp_node *n, const struct value *in)
{
	if (!use_attribute(s, n, in, 0))
		use_at(s, in, n->pos);
	return &opaque;
}

static const struct value *
filter_join(struct scan *s, const struct pp_node *n, const struct value *in)
{
	if (!use_attribute(s, n, in, 1))
		use_at(s, in, n->pos);
	return &opaque;
}

/* All others look at their subject as a whole, and make something else of it. */
static const struct {
	const char *name;
	filter_fn *fn;
} filters[] = {
	{ "first", give_item },
	{ "last", give_item },
	{ "random", give_item },
	{ "min", give_item },
	{ "max", give_item },
	{ "list", give_same },
	{ "reverse", give_same },
	{ "select", give_same },
	{ "reject", give_same },
	{ "batch", give_groups },
	{ "slice", give_groups },
	{ "items", give_opaque },
	{ "map", filter_map },
	{ "groupby", filter_groupby },
	{ "selectattr", filter_by_test },
	{ "rejectattr", filter_by_test },
	{ "sort", filter_sort },
	{ "unique", filter_unique },
	{ "sum", filter_sum },
	{ "join", filter_join },
};

static const struct value *
filter(struct scan *s, const struct pp_node *n)
{
	struct pp_value name = n->call.name->str;
	const struct pp_call_args *a = n->call.args;
	const struct value *in;

	if (n->call.of == NULL)
		return &opaque;
	if (pp_str_is(name, "default") || pp_str_is(name, "d")) {
		in = use_optional(s, n->call.of);
		if (a->pos.count > 0)
			use(s, a->pos.item[0]);
		return if_there(s, in);
	}
	in = expr(s, n->call.of);
	for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
		if (pp_str_is(name, filters[i].name))
			return filters[i].fn(s, n, in);
	}
	use_args(s, a);
	use_at(s, in, n->pos);
	return &opaque;
}

/* ---- tests and guards ---- */

/* The fields that `test` asks for: present when it is true. */
static void
add_guards(struct scan *s, const struct pp_node *test)
{
	const struct value *v = &opaque;
	bool before = s->optional;
	size_t count = s->out->count;
	struct guard *g;

	if (test->kind == PP_N_AND) {
		add_guards(s, test->two.a);
		add_guards(s, test->two.b);
		return;
	}
	if (test->kind == PP_N_TEST &&
	    pp_str_is(test->call.name->str, "defined"))
		test = test->call.of;
	if (test->kind != PP_N_NAME && test->kind != PP_N_GETATTR &&
	    test->kind != PP_N_GETITEM)
		return;
	s->optional = true;
	v = expr(s, test);
	s->optional = before;
	s->out->count = count;
	if (v->kind != PATH)
		return;
	g = pp_arena_alloc(&s->out->arena, sizeof *g);
	*g = (struct guard){ s->guards, v->path };
	s->guards = g;
}

/* A condition: what stands in it bare may be missing. */
static void
condition(struct scan *s, const struct pp_node *n)
{
	struct guard *guards = s->guards;

	switch (n->kind) {
	case PP_N_NAME:
	case PP_N_GETATTR:
	case PP_N_GETITEM: use_optional(s, n); break;
	case PP_N_NOT: condition(s, n->two.a); break;
	case PP_N_AND:
		condition(s, n->two.a);
		add_guards(s, n->two.a);
		condition(s, n->two.b);
		s->guards = guards;
		break;
	case PP_N_OR:
		condition(s, n->two.a);
		condition(s, n->two.b);
		break;
	default: use(s, n); break;
	}
}

static const struct value *
test(struct scan *s, const struct pp_node *n)
{
	if (pp_str_is(n->call.name->str, "defined") ||
	    pp_str_is(n->call.name->str, "undefined"))
		use_optional(s, n->call.of);
	else
		use(s, n->call.of);
	use_args(s, n->call.args);
	return &opaque;
}

static const struct value *
logic(struct scan *s, const struct pp_node *n)
{
	struct guard *guards = s->guards;
	const struct value *a, *b;

	if (n->kind == PP_N_OR) {
		a = use_optional(s, n->two.a);
		b = use(s, n->two.b);
		return either(s, if_there(s, a), b);
	}
	condition(s, n->two.a);
	add_guards(s, n->two.a);
	b = use(s, n->two.b);
	s->guards = guards;
	return if_there(s, b);
}

static const struct value *
conditional(struct scan *s, const struct pp_node *n)
{
	struct guard *guards = s->guards;
	const struct value *yes, *no = &opaque;

	condition(s, n->cond.test);
	add_guards(s, n->cond.test);
	yes = if_there(s, use(s, n->cond.yes));
	s->guards = guards;
	if (n->cond.no != NULL)
		no = if_there(s, use(s, n->cond.no));
	return either(s, yes, no);
}

/* ---- expressions ---- */

static void
use_list(struct scan *s, const struct pp_list_of *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		use(s, l->item[i]);
}

static const struct value *
item(struct scan *s, const struct pp_node *n)
{
	const struct value *of = expr(s, n->item.of);
	const struct pp_node *index = n->item.index;

	if (index->kind == PP_N_SLICE) {
		use(s, index->slice.lo);
		use(s, index->slice.hi);
		use(s, index->slice.step);
		return of;
	}
	if (index->kind == PP_N_CONST && pp_is_str(index->value))
		return member_of(s, of, index->value);
	if (of->kind == PAIR && index->kind == PP_N_CONST &&
	    index->value.type == PP_T_INT)
		return index->value.i == 0 ? of->a : of->b;
	use(s, index);
	if (index->kind == PP_N_CONST || of->kind == ITEMS)
		return item_of(s, of);
	/* A key or a number: what is behind it is not known. */
	use_at(s, of, n->pos);
	return &opaque;
}

/* A list of fields: its items may be any of them. */
static const struct value *
sequence(struct scan *s, const struct pp_node *n)
{
	const struct value *v, *first = &opaque;

	for (uint32_t i = 0; i < n->list.count; i++) {
		v = use(s, n->list.item[i]);
		first = either(s, first, v);
	}
	return n->kind == PP_N_LIST && first != &opaque ?
	    new_value(s, (struct value){ .kind = ITEMS, .a = first }) :
	    &opaque;
}

static const struct value *
expr(struct scan *s, const struct pp_node *n)
{
	if (++s->work > MAX_WORK)
		return &opaque;
	switch (n->kind) {
	case PP_N_NAME: return name_value(s, n->name.atom->str);
	case PP_N_GETATTR:
		return member_of(s, expr(s, n->attr.of), n->attr.name->str);
	case PP_N_GETITEM: return item(s, n);
	case PP_N_CALL: return call(s, n, NULL);
	case PP_N_FILTER: return filter(s, n);
	case PP_N_TEST: return test(s, n);
	case PP_N_NOT: condition(s, n->two.a); return &opaque;
	case PP_N_AND:
	case PP_N_OR: return logic(s, n);
	case PP_N_COND: return conditional(s, n);
	case PP_N_NEG:
	case PP_N_POS: use(s, n->two.a); return &opaque;
	case PP_N_BINARY:
	case PP_N_COMPARE:
		use(s, n->two.a);
		use(s, n->two.b);
		return &opaque;
	case PP_N_CHAIN:
		use(s, n->chain.first);
		for (uint32_t i = 0; i < n->chain.rest.count; i++)
			use(s, n->chain.rest.item[i]->two.b);
		return &opaque;
	case PP_N_LIST:
	case PP_N_TUPLE: return sequence(s, n);
	case PP_N_CONCAT:
	case PP_N_DICT: use_list(s, &n->list); return &opaque;
	default: return &opaque;
	}
}

/* ---- statements ---- */

static void
loop(struct scan *s, const struct pp_for *f)
{
	const struct value *of = expr(s, f->iter), *element;
	bool known = of->kind == PATH || of->kind == ITEMS ||
	    of->kind == EITHER;
	struct binding *names = s->names;
	struct guard *guards = s->guards;

	/* for k, v in field.items() */
	if (f->iter->kind == PP_N_CALL && of->kind == OPAQUE)
		element = &opaque;
	else
		element = item_of(s, of);
	if (f->body.count == 0 || !known)
		use_at(s, of, f->iter->pos);
	assign(s, f->target, element);
	bind(s, pp_cstr("loop"), &opaque);
	s->maybe++;
	if (known) {
		size_t count = s->out->count;

		/* A loop that reads nothing of its items reads the list. */
		if (f->test != NULL) {
			condition(s, f->test);
			add_guards(s, f->test);
		}
		statements(s, &f->body);
		if (s->out->count == count)
			use_at(s, of, f->iter->pos);
	} else {
		if (f->test != NULL)
			condition(s, f->test);
		statements(s, &f->body);
	}
	s->maybe--;
	s->guards = guards;
	s->names = names;
	statements(s, &f->otherwise);
	s->names = names;
}

/* A name that some branch of an `if` stores. */
struct stored {
	struct stored *next;
	struct pp_value name;
	const struct value *value;
	uint32_t times; /* branches that do */
	uint32_t last;	/* 1 + the last of them */
};

/* What a branch bound, from `s->names` to `before`, into the list. */
static void
keep_stored(struct scan *s, const struct binding *before, struct stored **list,
    uint32_t branch)
{
	struct stored *found;

	for (const struct binding *b = s->names; b != before; b = b->next) {
		for (found = *list; found != NULL; found = found->next) {
			if (pp_same(found->name, b->name))
				break;
		}
		if (found == NULL) {
			found = pp_arena_alloc(&s->out->arena, sizeof *found);
			*found = (struct stored){ *list, b->name, b->value, 0,
				0 };
			*list = found;
		}
		/* The newest of a branch stands first, and counts. */
		if (found->last == branch + 1)
			continue;
		found->value = one_of(s, found->value, b->value);
		found->last = branch + 1;
		found->times++;
	}
}

/* After the `if` a name is what any branch stored, or what it was before. */
static void
bind_stored(struct scan *s, const struct stored *list, uint32_t count)
{
	for (; list != NULL; list = list->next) {
		const struct value *v = list->value;
		const struct value *old = bound(s->names, list->name);

		if (list->times < count)
			v = one_of(s, old != NULL ? old : &opaque, v);
		bind(s, list->name, v);
	}
}

static void
branches(struct scan *s, const struct pp_if *b)
{
	struct guard *guards = s->guards;
	struct binding *before = s->names;
	struct stored *list = NULL;
	bool has_else = false;

	s->maybe++;
	for (uint32_t i = 0; i < b->count; i++) {
		if (b->branch[i].test != NULL) {
			condition(s, b->branch[i].test);
			add_guards(s, b->branch[i].test);
		} else {
			has_else = true;
		}
		statements(s, &b->branch[i].body);
		s->guards = guards;
		keep_stored(s, before, &list, i);
		s->names = before;
	}
	s->maybe--;
	bind_stored(s, list, has_else ? b->count : b->count + 1);
}

static void
set(struct scan *s, const struct pp_node *n)
{
	assign(s, n->set.target, use_unless_path(s, n->set.value));
}

static const struct value *
macro_value(struct scan *s, const struct pp_function *fn)
{
	return new_value(s,
	    (struct value){
		.kind = MACRO, .fn = fn, .tmpl = s->tmpl, .names = s->names });
}

static const struct pp_template *
fragment(struct scan *s, const struct pp_node *name)
{
	struct pp_fault fault;
	char *text;
	const struct pp_template *t;

	use(s, name);
	if (name->kind != PP_N_CONST || !pp_is_str(name->value) ||
	    s->engine == NULL || s->depth >= MAX_DEPTH)
		return NULL;
	memset(&fault, 0, sizeof fault);
	text = pp_arena_strndup(&s->out->arena, name->value.s, name->value.len);
	t = pp_engine_get(s->engine, text, &fault);
	return t;
}

/* Code of another template, with or without the names of this one. */
static struct binding *
inside(struct scan *s, const struct pp_template *t, bool with_names)
{
	const struct pp_template *tmpl = s->tmpl;
	struct binding *names = s->names, *after;

	if (!with_names)
		s->names = NULL;
	s->tmpl = t;
	s->depth++;
	statements(s, &t->root.body);
	s->depth--;
	after = s->names;
	s->tmpl = tmpl;
	s->names = names;
	return after;
}

static void
import(struct scan *s, const struct pp_node *n)
{
	const struct pp_include *inc = n->include;
	const struct pp_template *t = fragment(s, inc->name);
	const struct value *module = &opaque;

	if (t != NULL)
		module = new_value(s,
		    (struct value){ .kind = MODULE,
			.names = inside(s, t, inc->with_context) });
	if (inc->target != NULL)
		bind(s, inc->target->str, module);
	for (uint32_t i = 0; i < inc->count; i++)
		bind(s, inc->aliases[i]->str,
		    member_of(s, module, inc->names[i]->str));
}

static void
capture(struct scan *s, const struct pp_node *n)
{
	const struct pp_capture *c = n->capture;
	struct binding *names = s->names;

	use(s, c->flag);
	statements(s, &c->body);
	s->names = names;
	for (const struct pp_node *f = c->filter; f != NULL; f = f->call.of)
		use_args(s, f->call.args);
	if (c->target != NULL)
		assign(s, c->target, &opaque);
}

static void
with(struct scan *s, const struct pp_with *w)
{
	struct binding *names = s->names, *inner = names;

	for (uint32_t i = 0; i < w->targets.count; i++) {
		const struct value *v;

		s->names = names;
		v = expr(s, w->values.item[i]);
		s->names = inner;
		assign(s, w->targets.item[i], v);
		inner = s->names;
	}
	statements(s, &w->body);
	s->names = names;
}

static void
statement(struct scan *s, const struct pp_node *n)
{
	const struct pp_template *t;

	switch (n->kind) {
	case PP_N_OUTPUT: use_list(s, &n->list); break;
	case PP_N_FOR: loop(s, n->loop); break;
	case PP_N_IF: branches(s, n->branches); break;
	case PP_N_SET: set(s, n); break;
	case PP_N_SETBLOCK:
	case PP_N_FILTERBLOCK:
	case PP_N_AUTOESCAPE: capture(s, n); break;
	case PP_N_MACRO:
		bind(s, n->macro.name->str, macro_value(s, n->macro.function));
		break;
	case PP_N_CALLBLOCK:
		call(s, n->macro.call, macro_value(s, n->macro.function));
		break;
	case PP_N_GENERATION: statements(s, &n->macro.function->body); break;
	case PP_N_WITH: with(s, n->with); break;
	case PP_N_DO: use(s, n->two.a); break;
	case PP_N_INCLUDE:
		t = fragment(s, n->include->name);
		if (t != NULL)
			inside(s, t, n->include->with_context);
		break;
	case PP_N_IMPORT:
	case PP_N_FROM: import(s, n); break;
	case PP_N_EXTENDS:
		t = fragment(s, n->two.a);
		if (t != NULL)
			inside(s, t, true);
		break;
	case PP_N_BLOCK: statements(s, &n->block->body); break;
	default: break;
	}
}

static void
statements(struct scan *s, const struct pp_list_of *l)
{
	for (uint32_t i = 0; i < l->count && s->work < MAX_WORK; i++)
		statement(s, l->item[i]);
}

void
pp_fields_scan(struct pp_fields *f, const struct pp_template *t,
    struct pp_engine *engine)
{
	struct scan s = { .out = f, .engine = engine, .tmpl = t };

	statements(&s, &t->root.body);
}

void
pp_fields_release(struct pp_fields *f)
{
	pp_arena_release(&f->arena);
	free(f->list);
}
