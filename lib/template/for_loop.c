/*
 * for loops. Most go straight over their items; one whose body reads `loop`
 * gets an object that can look one item ahead.
 */
#include <config.h>

#include "template/eval.h"
#include "template/methods.h"
#include "template/object.h"

struct pp_loop {
	struct pp_value of; /* what is gone through */
	struct pp_iter it;
	const struct pp_for *node;
	struct pp_frame *frame; /* the code around the loop */
	int64_t index0, length; /* length -1: not known yet */
	struct pp_value after;	/* fetched ahead, or MISSING */
	struct pp_value before, current;
	struct pp_list *changed; /* last arguments of changed() */
	int64_t depth0;
	bool at_end;
};

/* ---- items, with the loop's filter ---- */

static int
fetch(struct pp_rt *rt, struct pp_frame *fr, const struct pp_for *f,
    struct pp_iter *it, struct pp_value *item)
{
	struct pp_value v;
	int more, yes;

	for (;;) {
		rt->at = f->iter;
		more = pp_iter_next(rt, it, item);
		if (more <= 0 || f->test == NULL)
			return more;
		pp_enter_scope(fr, &f->test_scope);
		if (pp_assign(rt, fr, f->test_target, *item) < 0)
			return -1;
		v = pp_eval(rt, fr, f->test);
		if (pp_is_error(v))
			return -1;
		rt->at = f->test;
		yes = pp_truth(rt, v);
		if (yes != 0)
			return yes;
	}
}

/* The next item of a loop object: 1, 0, -1. */
static int
advance(struct pp_rt *rt, struct pp_frame *fr, struct pp_loop *l,
    struct pp_value *item)
{
	int more = 1;

	if (!pp_is_missing(l->after)) {
		*item = l->after;
		l->after = pp_missing();
	} else if (l->at_end) {
		return 0;
	} else {
		more = fetch(rt, fr, l->node, &l->it, item);
	}
	if (more > 0) {
		l->index0++;
		l->before = l->current;
		l->current = *item;
	}
	return more;
}

static int
peek(struct pp_rt *rt, struct pp_loop *l)
{
	int more;

	if (!pp_is_missing(l->after))
		return 1;
	if (l->at_end)
		return 0;
	more = fetch(rt, l->frame, l->node, &l->it, &l->after);
	if (more <= 0) {
		l->after = pp_missing();
		l->at_end = true;
	} else if (l->of.type == PP_T_ITER || l->node->test != NULL ||
	    l->of.type == PP_T_VIEW) {
		pp_rt_pin(rt);
	}
	return more;
}

/* The length; what has none is read to its end. */
static int
measure(struct pp_rt *rt, struct pp_loop *l)
{
	struct pp_list *rest;
	struct pp_value item;
	int more;

	if (l->length >= 0)
		return 0;
	if (l->node->test == NULL)
		l->length = pp_length(l->of);
	if (l->length >= 0)
		return 0;
	pp_rt_pin(rt);
	rest = pp_list_new(rt, 8);
	if (rest == NULL)
		return -1;
	while ((more = fetch(rt, l->frame, l->node, &l->it, &item)) > 0) {
		if (pp_list_add(rt, rest, item) < 0)
			return -1;
	}
	l->length = l->index0 + 1 + rest->count + !pp_is_missing(l->after);
	l->of = pp_ref(PP_T_LIST, rest);
	l->it = (struct pp_iter){ l->of, 0 };
	/* The items have passed the filter already. */
	if (l->node->test != NULL) {
		struct pp_for *plain = pp_rt_alloc(rt, sizeof *plain);

		if (plain == NULL)
			return -1;
		*plain = *l->node;
		plain->test = NULL;
		l->node = plain;
	}
	l->at_end = false;
	return more;
}

/* ---- attributes ---- */

static struct pp_value
neighbour(struct pp_rt *rt, struct pp_loop *l, bool next)
{
	int more;

	if (!next)
		return l->index0 == 0 ?
		    pp_undefined_hint(rt, "there is no previous item") :
		    l->before;
	more = peek(rt, l);
	if (more < 0)
		return pp_error_value();
	return more > 0 ? l->after :
			  pp_undefined_hint(rt, "there is no next item");
}

static struct pp_value
counted(struct pp_rt *rt, struct pp_loop *l, int64_t minus)
{
	return measure(rt, l) < 0 ? pp_error_value() :
				    pp_int(l->length - minus);
}

int
pp_loop_attr_number(struct pp_value name)
{
	static const char *const names[] = { "index", "index0", "first", "last",
		"length", "revindex", "revindex0", "depth", "depth0",
		"previtem", "nextitem" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (pp_str_is(name, names[i]))
			return (int)i + 1;
	}
	return 0;
}

struct pp_value
pp_loop_get(struct pp_rt *rt, struct pp_loop *l, int number)
{
	int more;

	switch (number) {
	case 1: return pp_int(l->index0 + 1);
	case 2: return pp_int(l->index0);
	case 3: return pp_bool(l->index0 == 0);
	case 4:
		more = peek(rt, l);
		return more < 0 ? pp_error_value() : pp_bool(more == 0);
	case 5: return counted(rt, l, 0);
	case 6: return counted(rt, l, l->index0);
	case 7: return counted(rt, l, l->index0 + 1);
	case 8: return pp_int(l->depth0 + 1);
	case 9: return pp_int(l->depth0);
	case 10: return neighbour(rt, l, false);
	case 11: return neighbour(rt, l, true);
	default: return pp_missing();
	}
}

struct pp_value
pp_loop_attr(struct pp_rt *rt, struct pp_value loop, const char *name,
    size_t len)
{
	return pp_loop_get(rt, loop.loop,
	    pp_loop_attr_number(pp_str(name, len)));
}

int
pp_loop_repr(struct pp_rt *rt, struct pp_loop *l)
{
	if (measure(rt, l) < 0)
		return -1;
	return pp_buf_addf(&rt->out, "<LoopContext %lld/%lld>",
	    (long long)l->index0 + 1, (long long)l->length);
}

struct pp_value
pp_loop_cycle(struct pp_rt *rt, struct pp_value loop,
    const struct pp_args *args)
{
	if (args->count == 0)
		return pp_type_error(rt, "no items for cycling given");
	return args->v[(uint64_t)loop.loop->index0 % args->count];
}

struct pp_value
pp_loop_changed(struct pp_rt *rt, struct pp_value loop,
    const struct pp_args *args)
{
	struct pp_loop *l = loop.loop;
	struct pp_list *now = pp_list_new(rt, args->count);
	int same = 0;

	if (now == NULL)
		return pp_error_value();
	for (uint32_t i = 0; i < args->count; i++)
		now->item[now->count++] = args->v[i];
	if (l->changed != NULL)
		same = pp_equal(rt, pp_ref(PP_T_TUPLE, l->changed),
		    pp_ref(PP_T_TUPLE, now));
	if (same < 0)
		return pp_error_value();
	if (same)
		return pp_bool(false);
	pp_rt_pin(rt);
	l->changed = now;
	return pp_bool(true);
}

/* ---- running ---- */

/* Forget what the iteration made, unless something older holds it. */
static inline void
end_iteration(struct pp_rt *rt, struct pp_arena_mark mark, uint32_t pins)
{
	if (pins == rt->pins)
		pp_arena_rewind(&rt->arena, mark);
}

static enum pp_run
run_body(struct pp_rt *rt, struct pp_frame *fr, const struct pp_for *f,
    struct pp_value item)
{
	const struct pp_node *t = f->target;

	if (f->body_scope.loads > 0)
		pp_enter_scope(fr, &f->body_scope);
	if (t->kind == PP_N_NAME)
		fr->slot[t->name.place.slot] = item;
	else if (pp_assign(rt, fr, t, item) < 0)
		return PP_RUN_ERROR;
	return pp_exec(rt, fr, &f->body);
}

static enum pp_run
run_plain(struct pp_rt *rt, struct pp_frame *fr, const struct pp_for *f,
    struct pp_value of, bool *empty)
{
	struct pp_iter it;
	struct pp_value item;
	int more;

	rt->at = f->iter;
	if (pp_iter_init(rt, &it, of) < 0)
		return PP_RUN_ERROR;
	while ((more = fetch(rt, fr, f, &it, &item)) > 0) {
		struct pp_arena_mark mark = pp_arena_mark(&rt->arena);
		uint32_t pins = rt->pins;
		enum pp_run run = run_body(rt, fr, f, item);

		if (run == PP_RUN_ERROR)
			return run;
		end_iteration(rt, mark, pins);
		/* Only a body that ran to its end counts for else. */
		if (run == PP_RUN_OK)
			*empty = false;
		if (run == PP_RUN_BREAK)
			break;
	}
	return more < 0 ? PP_RUN_ERROR : PP_RUN_OK;
}

static enum pp_run
run_extended(struct pp_rt *rt, struct pp_frame *fr, const struct pp_for *f,
    struct pp_value of, int64_t depth0, bool *empty)
{
	struct pp_loop *l = pp_rt_alloc(rt, sizeof *l);
	struct pp_value item;
	int more;

	if (l == NULL)
		return PP_RUN_ERROR;
	memset(l, 0, sizeof *l);
	l->of = of;
	l->node = f;
	l->frame = fr;
	l->index0 = l->length = -1;
	l->after = l->before = l->current = pp_missing();
	l->depth0 = depth0;
	rt->at = f->iter;
	if (pp_iter_init(rt, &l->it, of) < 0)
		return PP_RUN_ERROR;
	while ((more = advance(rt, fr, l, &item)) > 0) {
		struct pp_arena_mark mark = pp_arena_mark(&rt->arena);
		uint32_t pins = rt->pins;
		enum pp_run run;

		fr->slot[f->loop_slot] = pp_ref(PP_T_LOOP, l);
		run = run_body(rt, fr, f, item);
		if (run == PP_RUN_ERROR)
			return run;
		end_iteration(rt, mark, pins);
		if (run == PP_RUN_OK)
			*empty = false;
		if (run == PP_RUN_BREAK)
			break;
	}
	return more < 0 ? PP_RUN_ERROR : PP_RUN_OK;
}

/* The loop and its else part. */
static enum pp_run
run_loop(struct pp_rt *rt, struct pp_frame *fr, const struct pp_for *f,
    struct pp_value of, int64_t depth0)
{
	bool empty = true;
	enum pp_run run = f->loop_slot >= 0 ?
	    run_extended(rt, fr, f, of, depth0, &empty) :
	    run_plain(rt, fr, f, of, &empty);

	if (run != PP_RUN_OK || !empty || f->otherwise.count == 0)
		return run;
	pp_enter_scope(fr, &f->else_scope);
	return pp_exec(rt, fr, &f->otherwise);
}

/* The same in a frame of its own, for a loop that calls itself. */
static int
run_recursive(struct pp_rt *rt, struct pp_frame *up, const struct pp_for *f,
    struct pp_value of, int64_t depth0)
{
	const struct pp_function *fn = f->recursive;
	struct pp_frame *fr;
	enum pp_run run = PP_RUN_ERROR;

	if (pp_enter(rt, fn) < 0)
		return -1;
	fr = pp_frame_new(rt, fn, up, up->ctx);
	if (fr != NULL)
		run = run_loop(rt, fr, f, of, depth0);
	pp_leave(rt, fn);
	return run == PP_RUN_ERROR ? -1 : 0;
}

struct pp_value
pp_loop_call(struct pp_rt *rt, struct pp_loop *l, const struct pp_args *args)
{
	size_t start = pp_text_begin(rt);
	struct pp_value of;
	int rc;

	if (pp_bind(rt, "loop", "iterable", args, &of) < 0)
		return pp_error_value();
	if (l->node->recursive == NULL)
		return pp_type_error(rt,
		    "the loop must have the 'recursive' "
		    "marker to be called recursively");
	rc = run_recursive(rt, l->frame->up, l->node, of, l->depth0 + 1);
	return pp_text_result(rt, start, rc, false);
}

enum pp_run
pp_exec_for(struct pp_rt *rt, struct pp_frame *fr, const struct pp_node *n)
{
	const struct pp_for *f = n->loop;
	struct pp_value of = pp_eval(rt, fr, f->iter);

	if (pp_is_error(of))
		return PP_RUN_ERROR;
	if (f->recursive != NULL)
		return run_recursive(rt, fr, f, of, 0) < 0 ? PP_RUN_ERROR :
							     PP_RUN_OK;
	return run_loop(rt, fr, f, of, 0);
}
