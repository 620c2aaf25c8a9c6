/* What is allowed in a recipe's texts and still looks like a mistake. */
#include <config.h>

#include <stdlib.h>

#include "base/mem.h"
#include "template/recipe_int.h"
#include "template/walk.h"

/* The names of one text. */
struct names {
	const struct pp_node **stored; /* by `set` alone: {% set x = 1 %} */
	size_t stored_count, stored_cap;
	const struct pp_atom **read;
	size_t read_count, read_cap;
	const struct pp_node **unknown; /* filters and tests */
	size_t unknown_count, unknown_cap;
};

static void
keep_stored(struct names *names, const struct pp_node *target)
{
	if (target == NULL || target->kind != PP_N_NAME)
		return;
	names->stored = pp_grow(names->stored, names->stored_count,
	    &names->stored_cap, sizeof names->stored[0]);
	names->stored[names->stored_count++] = target;
}

static void
keep_read(struct names *names, const struct pp_atom *atom)
{
	names->read = pp_grow(names->read, names->read_count, &names->read_cap,
	    sizeof names->read[0]);
	names->read[names->read_count++] = atom;
}

static void
keep_unknown(struct names *names, const struct pp_node *n)
{
	names->unknown = pp_grow(names->unknown, names->unknown_count,
	    &names->unknown_cap, sizeof names->unknown[0]);
	names->unknown[names->unknown_count++] = n;
}

static bool
collect(void *arg, struct pp_node *n)
{
	struct names *names = arg;

	switch (n->kind) {
	case PP_N_SET: keep_stored(names, n->set.target); break;
	case PP_N_SETBLOCK: keep_stored(names, n->capture->target); break;
	case PP_N_NSREF: keep_read(names, n->nsref.name); break;
	case PP_N_NAME:
		if (!n->targets)
			keep_read(names, n->name.atom);
		break;
	case PP_N_FILTER:
	case PP_N_TEST:
		if (n->flag & PP_UNKNOWN)
			keep_unknown(names, n);
		break;
	default: break;
	}
	return pp_walk_children(n, collect, arg);
}

static int
by_address(const void *a, const void *b)
{
	const struct pp_atom *const *x = a, *const *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool
is_read(const struct names *names, const struct pp_atom *atom)
{
	return names->read_count > 0 &&
	    bsearch(&atom, names->read, names->read_count,
		sizeof names->read[0], by_address) != NULL;
}

static void
warn_unused(struct pp_recipe_loader *l, struct pp_recipe *r,
    const struct pp_template *t, const struct names *names)
{
	int line, column;

	for (size_t i = 0; i < names->stored_count; i++) {
		const struct pp_node *n = names->stored[i];
		struct pp_value name = n->name.atom->str;

		if (name.s[0] == '_' || is_read(names, n->name.atom))
			continue;
		pp_recipe_locate(r, &t->source, n->pos, &line, &column);
		pp_recipe_find(l, true, line, column,
		    "'%.*s' is set and never used", (int)name.len, name.s);
	}
}

static void
warn_unknown(struct pp_recipe_loader *l, struct pp_recipe *r,
    const struct pp_template *t, const struct names *names)
{
	int line, column;

	for (size_t i = 0; i < names->unknown_count; i++) {
		const struct pp_node *n = names->unknown[i];
		struct pp_value name = n->call.name->str;

		pp_recipe_locate(r, &t->source, n->pos, &line, &column);
		pp_recipe_find(l, true, line, column,
		    "no %s named '%.*s': an error when it is reached",
		    n->kind == PP_N_FILTER ? "filter" : "test", (int)name.len,
		    name.s);
	}
}

void
pp_recipe_lint(struct pp_recipe_loader *l, struct pp_recipe *r)
{
	for (size_t i = 0; i < r->texts; i++) {
		const struct pp_template *t = r->text[i].tmpl;
		struct names names = { .stored = NULL };

		if (t == NULL)
			continue;
		pp_walk_list(&t->root.body, collect, &names);
		if (names.read_count > 0)
			qsort(names.read, names.read_count,
			    sizeof names.read[0], by_address);
		/* What is included or extended may read any name. */
		if (!t->has_fragments)
			warn_unused(l, r, t, &names);
		warn_unknown(l, r, t, &names);
		free(names.stored);
		free(names.read);
		free(names.unknown);
	}
}
