#include <config.h>

#include "template/scope.h"

#include "template/walk.h"

/* The slots of one function, shared by all scopes in it. */
struct pp_slots {
	struct pp_slots *up;
	uint32_t count;
	uint16_t level;
};

#define MAX_SLOTS 60000

struct pp_scope *
pp_scope_new(struct pp_parser *p, struct pp_scope *parent,
    const struct pp_function *fn)
{
	struct pp_scope *s = pp_parse_alloc(p, sizeof *s);

	if (s == NULL)
		return NULL;
	s->parent = parent;
	s->parser = p;
	if (fn == NULL && parent != NULL) {
		s->slots = parent->slots;
		return s;
	}
	s->slots = pp_parse_alloc(p, sizeof *s->slots);
	if (s->slots == NULL)
		return NULL;
	if (parent != NULL) {
		s->slots->up = parent->slots;
		s->slots->level = (uint16_t)(parent->slots->level + 1);
	}
	return s;
}

static struct pp_variable *
find_here(const struct pp_scope *s, const struct pp_atom *name)
{
	struct pp_variable *v;

	if (s->buckets == 0)
		return NULL;
	for (v = s->bucket[name->hash & (s->buckets - 1)]; v != NULL;
	     v = v->chain) {
		if (v->name == name)
			return v;
	}
	return NULL;
}

static void
add_to_bucket(struct pp_scope *s, struct pp_variable *v)
{
	struct pp_variable **b = &s->bucket[v->name->hash & (s->buckets - 1)];

	v->chain = *b;
	*b = v;
}

/* Room for one more name: the table doubles when it is full. */
static int
grow(struct pp_scope *s)
{
	struct pp_variable **bucket;
	uint32_t n = s->buckets > 0 ? s->buckets * 2 : 4;

	if (s->count++ < s->buckets)
		return 0;
	bucket = pp_parse_alloc(s->parser, n * sizeof *bucket);
	if (bucket == NULL)
		return -1;
	s->bucket = bucket;
	s->buckets = n;
	for (struct pp_variable *v = s->first; v != NULL; v = v->next)
		add_to_bucket(s, v);
	return 0;
}

static struct pp_variable *
find(const struct pp_scope *s, const struct pp_atom *name)
{
	struct pp_variable *v;

	for (; s != NULL; s = s->parent) {
		v = find_here(s, name);
		if (v != NULL)
			return v;
	}
	return NULL;
}

/* A variable of this scope; NULL only when there is an error already. */
static struct pp_variable *
define(struct pp_scope *s, struct pp_atom *name)
{
	struct pp_variable *v;

	if (s == NULL || name == NULL)
		return NULL;
	v = pp_parse_alloc(s->parser, sizeof *v);
	if (v == NULL)
		return NULL;
	if (s->slots->count >= MAX_SLOTS) {
		pp_fail(s->parser->rt, PP_K_LIMIT,
		    "the template has more than %d names", MAX_SLOTS);
		return NULL;
	}
	v->name = name;
	v->scope = s;
	v->slot = (uint16_t)s->slots->count++;
	if (grow(s) < 0)
		return NULL;
	add_to_bucket(s, v);
	if (s->last != NULL)
		s->last->next = v;
	else
		s->first = v;
	s->last = v;
	return v;
}

int
pp_scope_param(struct pp_scope *s, struct pp_atom *name)
{
	struct pp_variable *v = s != NULL && name != NULL ? find_here(s, name) :
							    NULL;

	if (v == NULL)
		v = define(s, name);
	if (v == NULL)
		return -1;
	v->stored = v->parameter = true;
	v->outer = NULL;
	return v->slot;
}

static void
store(struct pp_scope *s, struct pp_atom *name)
{
	struct pp_variable *v = find_here(s, name), *outer;

	if (v != NULL) {
		v->stored = true;
		return;
	}
	outer = s->parent != NULL ? find(s->parent, name) : NULL;
	v = define(s, name);
	if (v == NULL)
		return;
	v->stored = true;
	v->outer = outer;
	v->from_context = outer == NULL && s->branches > 0;
}

static struct pp_variable *
load(struct pp_scope *s, struct pp_atom *name)
{
	struct pp_variable *v = find(s, name);

	if (v == NULL) {
		v = define(s, name);
		if (v != NULL)
			v->from_context = true;
	}
	return v;
}

void
pp_scope_target(struct pp_scope *s, struct pp_node *target, bool as_param)
{
	if (s == NULL || target == NULL)
		return;
	switch (target->kind) {
	case PP_N_NAME:
		if (as_param)
			pp_scope_param(s, target->name.atom);
		else
			store(s, target->name.atom);
		break;
	case PP_N_NSREF: load(s, target->nsref.name); break;
	case PP_N_TUPLE:
		for (uint32_t i = 0; i < target->list.count; i++)
			pp_scope_target(s, target->list.item[i], as_param);
		break;
	default: break;
	}
}

static bool
read_child(void *arg, struct pp_node *n)
{
	pp_scope_read(arg, n);
	return true;
}

void
pp_scope_read(struct pp_scope *s, struct pp_node *n)
{
	if (s == NULL || n == NULL)
		return;
	if (n->kind == PP_N_NAME)
		load(s, n->name.atom);
	else
		pp_walk_children(n, read_child, s);
}

static void
read_if(struct pp_scope *s, const struct pp_if *b)
{
	for (uint32_t i = 0; i < b->count; i++) {
		/* The tests after the first belong to their branches. */
		s->branches += i > 0;
		pp_scope_read(s, b->branch[i].test);
		s->branches -= i > 0;
		s->branches++;
		pp_scope_read_list(s, &b->branch[i].body);
		s->branches--;
	}
}

static void
read_statement(struct pp_scope *s, struct pp_node *n)
{
	switch (n->kind) {
	case PP_N_FOR: pp_scope_read(s, n->loop->iter); break;
	case PP_N_IF: read_if(s, n->branches); break;
	case PP_N_SET:
		pp_scope_read(s, n->set.value);
		pp_scope_target(s, n->set.target, false);
		break;
	case PP_N_SETBLOCK:
		pp_scope_target(s, n->capture->target, false);
		break;
	case PP_N_FILTERBLOCK: pp_scope_read(s, n->capture->filter); break;
	case PP_N_MACRO: store(s, n->macro.name); break;
	case PP_N_CALLBLOCK: pp_scope_read(s, n->macro.call); break;
	case PP_N_WITH:
		for (uint32_t i = 0; i < n->with->values.count; i++)
			pp_scope_read(s, n->with->values.item[i]);
		break;
	case PP_N_IMPORT:
		pp_scope_read(s, n->include->name);
		store(s, n->include->target);
		break;
	case PP_N_FROM:
		pp_scope_read(s, n->include->name);
		for (uint32_t i = 0; i < n->include->count; i++)
			store(s, n->include->aliases[i]);
		break;
	case PP_N_BLOCK:
	case PP_N_AUTOESCAPE:
	case PP_N_GENERATION: break;
	default: pp_walk_children(n, read_child, s); break;
	}
}

void
pp_scope_read_list(struct pp_scope *s, const struct pp_list_of *l)
{
	for (uint32_t i = 0; s != NULL && i < l->count; i++)
		read_statement(s, l->item[i]);
}

static struct pp_place
place_of(const struct pp_scope *s, const struct pp_variable *v)
{
	return (struct pp_place){ .slot = v->slot,
		.depth = (uint16_t)(s->slots->level - v->scope->slots->level) };
}

struct pp_place
pp_scope_place(struct pp_scope *s, struct pp_atom *name)
{
	struct pp_variable *v = s != NULL && name != NULL ? load(s, name) :
							    NULL;

	return v != NULL ? place_of(s, v) : (struct pp_place){ 0, 0 };
}

struct pp_scope_info
pp_scope_finish(struct pp_scope *s)
{
	struct pp_scope_info info = { NULL, 0 };
	struct pp_variable *v;
	struct pp_load *l;
	size_t count = 0;

	if (s == NULL)
		return info;
	for (v = s->first; v != NULL; v = v->next)
		count += v->stored && !v->parameter;
	if (count == 0)
		return info;
	info.load = pp_parse_alloc(s->parser, count * sizeof info.load[0]);
	for (v = s->first; info.load != NULL && v != NULL; v = v->next) {
		if (!v->stored || v->parameter)
			continue;
		l = &info.load[info.loads++];
		l->slot = v->slot;
		l->name = v->name;
		l->how = v->outer != NULL ? PP_LOAD_ALIAS :
		    v->from_context	  ? PP_LOAD_CONTEXT :
					    PP_LOAD_MISSING;
		if (v->outer != NULL)
			l->from = place_of(s, v->outer);
	}
	return info;
}

uint32_t
pp_scope_slots(const struct pp_scope *s)
{
	return s != NULL ? s->slots->count : 0;
}

struct pp_locals
pp_scope_locals(struct pp_scope *s)
{
	struct pp_locals l = { NULL, 0 };
	const struct pp_scope *from = s;
	struct pp_variable *v;
	size_t count = 0;

	for (from = s; from != NULL; from = from->parent)
		for (v = from->first; v != NULL; v = v->next)
			count += v->stored;
	if (count == 0 || pp_rt_charge(s->parser->rt, (int64_t)count) < 0)
		return l;
	l.name = pp_parse_alloc(s->parser, count * sizeof l.name[0]);
	for (from = s; l.name != NULL && from != NULL; from = from->parent) {
		for (v = from->first; v != NULL; v = v->next) {
			if (!v->stored || find(s, v->name) != v)
				continue;
			l.name[l.count].name = v->name;
			l.name[l.count++].place = place_of(s, v);
		}
	}
	return l;
}

/* ---- undeclared names ---- */

struct usage {
	const char *name;
	bool used;
};

static bool
stops_at_param(const struct usage *u, const struct pp_node *n)
{
	const struct pp_function *f = n->macro.function;

	for (uint32_t i = 0; i < f->params; i++) {
		if (pp_str_is(f->param[i]->str, u->name))
			return true;
	}
	return false;
}

static bool
look_for(void *arg, struct pp_node *n)
{
	struct usage *u = arg;

	switch (n->kind) {
	case PP_N_NAME:
		if (!pp_str_is(n->name.atom->str, u->name))
			return true;
		u->used = !n->targets;
		return false;
	case PP_N_BLOCK: return true;
	case PP_N_CALLBLOCK:
		if (!look_for(u, n->macro.call))
			return false;
		__attribute__((fallthrough));
	case PP_N_MACRO:
	case PP_N_GENERATION:
		if (stops_at_param(u, n))
			return false;
		break;
	default: break;
	}
	return pp_walk_children(n, look_for, u);
}

bool
pp_scope_uses(const struct pp_list_of *body, const char *name)
{
	struct usage u = { .name = name };

	pp_walk_list(body, look_for, &u);
	return u.used;
}
