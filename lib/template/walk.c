#include <config.h>

#include "template/walk.h"

static bool
one(struct pp_node *n, pp_walk_fn *fn, void *arg)
{
	return n == NULL || fn(arg, n);
}

bool
pp_walk_list(const struct pp_list_of *l, pp_walk_fn *fn, void *arg)
{
	for (uint32_t i = 0; i < l->count; i++) {
		if (!one(l->item[i], fn, arg))
			return false;
	}
	return true;
}

static bool
walk_args(const struct pp_call_args *a, pp_walk_fn *fn, void *arg)
{
	if (a == NULL)
		return true;
	if (!pp_walk_list(&a->pos, fn, arg))
		return false;
	for (uint32_t i = 0; i < a->named; i++) {
		if (!one(a->values[i], fn, arg))
			return false;
	}
	return one(a->star, fn, arg) && one(a->star_star, fn, arg);
}

static bool
walk_function(const struct pp_function *f, pp_walk_fn *fn, void *arg)
{
	for (uint32_t i = 0; i < f->default_count; i++) {
		if (!one(f->defaults[i], fn, arg))
			return false;
	}
	return pp_walk_list(&f->body, fn, arg);
}

static bool
walk_branches(const struct pp_if *b, pp_walk_fn *fn, void *arg)
{
	for (uint32_t i = 0; i < b->count; i++) {
		if (!one(b->branch[i].test, fn, arg) ||
		    !pp_walk_list(&b->branch[i].body, fn, arg))
			return false;
	}
	return true;
}

static bool
walk_with(const struct pp_with *w, pp_walk_fn *fn, void *arg)
{
	return pp_walk_list(&w->targets, fn, arg) &&
	    pp_walk_list(&w->values, fn, arg) &&
	    pp_walk_list(&w->body, fn, arg);
}

bool
pp_walk_children(struct pp_node *n, pp_walk_fn *fn, void *arg)
{
	switch ((enum pp_node_kind)n->kind) {
	case PP_N_CONST:
	case PP_N_NAME:
	case PP_N_NSREF:
	case PP_N_BREAK:
	case PP_N_CONTINUE: return true;
	case PP_N_GETATTR: return one(n->attr.of, fn, arg);
	case PP_N_GETITEM:
		return one(n->item.of, fn, arg) && one(n->item.index, fn, arg);
	case PP_N_SLICE:
		return one(n->slice.lo, fn, arg) && one(n->slice.hi, fn, arg) &&
		    one(n->slice.step, fn, arg);
	case PP_N_CALL:
	case PP_N_FILTER:
	case PP_N_TEST:
		return one(n->call.of, fn, arg) &&
		    walk_args(n->call.args, fn, arg);
	case PP_N_NOT:
	case PP_N_NEG:
	case PP_N_POS:
	case PP_N_AND:
	case PP_N_OR:
	case PP_N_BINARY:
	case PP_N_COMPARE:
	case PP_N_DO:
	case PP_N_EXTENDS:
		return one(n->two.a, fn, arg) && one(n->two.b, fn, arg);
	case PP_N_CHAIN:
		return one(n->chain.first, fn, arg) &&
		    pp_walk_list(&n->chain.rest, fn, arg);
	case PP_N_COND:
		return one(n->cond.test, fn, arg) &&
		    one(n->cond.yes, fn, arg) && one(n->cond.no, fn, arg);
	case PP_N_CONCAT:
	case PP_N_LIST:
	case PP_N_TUPLE:
	case PP_N_DICT:
	case PP_N_OUTPUT: return pp_walk_list(&n->list, fn, arg);
	case PP_N_FOR:
		return one(n->loop->target, fn, arg) &&
		    one(n->loop->iter, fn, arg) &&
		    one(n->loop->test, fn, arg) &&
		    pp_walk_list(&n->loop->body, fn, arg) &&
		    pp_walk_list(&n->loop->otherwise, fn, arg);
	case PP_N_IF: return walk_branches(n->branches, fn, arg);
	case PP_N_SET:
		return one(n->set.target, fn, arg) &&
		    one(n->set.value, fn, arg);
	case PP_N_SETBLOCK:
	case PP_N_FILTERBLOCK:
	case PP_N_AUTOESCAPE:
		return one(n->capture->target, fn, arg) &&
		    one(n->capture->filter, fn, arg) &&
		    one(n->capture->flag, fn, arg) &&
		    pp_walk_list(&n->capture->body, fn, arg);
	case PP_N_MACRO:
	case PP_N_CALLBLOCK:
	case PP_N_GENERATION:
		return one(n->macro.call, fn, arg) &&
		    walk_function(n->macro.function, fn, arg);
	case PP_N_WITH: return walk_with(n->with, fn, arg);
	case PP_N_INCLUDE:
	case PP_N_IMPORT:
	case PP_N_FROM: return one(n->include->name, fn, arg);
	case PP_N_BLOCK: return pp_walk_list(&n->block->body, fn, arg);
	}
	return true;
}
