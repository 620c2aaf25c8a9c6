/*
 * Filters that give their items one by one, as Python's generators do: what
 * is never asked for is never computed, nor does it fail.
 */
#include <config.h>

#include "template/filters.h"
#include "template/object.h"

/* What a generator does with each item. */
struct step {
	const struct pp_filter *filter;
	const struct pp_test *test;
	struct pp_value name; /* of a filter or test */
	struct pp_args args;
	struct pp_value attribute, fallback;
	const char *problem; /* fails when it is used first */
	bool keep;	     /* select: keep what is true */
	bool by_attribute;   /* selectattr, rejectattr */
};

static int
fail_step(struct pp_rt *rt, const struct step *s)
{
	if (s->problem != NULL)
		return pp_fail_int(rt, PP_K_RUNTIME, "%s", s->problem);
	return 0;
}

static int
start(struct pp_rt *rt, struct pp_gen *g)
{
	int yes;

	if (g->started)
		return 1;
	g->started = true;
	yes = pp_truth(rt, g->source->of);
	if (yes <= 0) {
		g->done = true;
		return yes;
	}
	if (g->state != NULL && fail_step(rt, g->state) < 0)
		return -1;
	return pp_iter_init(rt, g->source, g->source->of) < 0 ? -1 : 1;
}

/* The next item of the source. */
static int
pull(struct pp_rt *rt, struct pp_gen *g, struct pp_value *out)
{
	int more = start(rt, g);

	if (more <= 0 || g->done)
		return more < 0 ? -1 : 0;
	more = pp_iter_next(rt, g->source, out);
	g->done = more <= 0;
	return more;
}

/* Arguments outlive the call, so they are copied. */
static struct pp_args
keep_args(struct pp_rt *rt, const struct pp_args *a, uint32_t skip)
{
	struct pp_args k = { NULL, 0, NULL, NULL, 0 };
	size_t n = a->count > skip ? a->count - skip : 0;
	struct pp_value *v = pp_rt_alloc(rt,
	    (n + 2 * (size_t)a->named + 1) * sizeof *v);

	if (v == NULL)
		return k;
	for (size_t i = 0; i < n; i++)
		v[i] = a->v[skip + i];
	for (uint32_t i = 0; i < a->named; i++) {
		v[n + i] = a->names[i];
		v[n + a->named + i] = a->values[i];
	}
	return (struct pp_args){ v, (uint32_t)n, v + n, v + n + a->named,
		a->named };
}

static struct step *
new_step(struct pp_rt *rt)
{
	struct step *s = pp_rt_alloc(rt, sizeof *s);

	if (s != NULL) {
		memset(s, 0, sizeof *s);
		s->attribute = s->fallback = s->name = pp_missing();
	}
	return s;
}

static struct pp_value
make(struct pp_rt *rt, struct pp_value in, struct step *s,
    int (*next)(struct pp_rt *, struct pp_gen *, struct pp_value *))
{
	struct pp_value v = s != NULL ? pp_gen_new(rt, in, next) :
					pp_error_value();

	if (!pp_is_error(v))
		v.gen->state = s;
	return v;
}

static int
unknown(struct pp_rt *rt, const char *what, struct pp_value name)
{
	struct pp_value shown = pp_repr(rt, name);

	if (pp_is_error(shown))
		return -1;
	return pp_fail_int(rt, PP_K_RUNTIME, "no %s named %.*s", what,
	    (int)shown.len, shown.s);
}

/* ---- map ---- */

static int
next_mapped(struct pp_rt *rt, struct pp_gen *g, struct pp_value *out)
{
	struct step *s = g->state;
	int more = start(rt, g);

	if (more <= 0 || g->done)
		return more < 0 ? -1 : 0;
	more = pull(rt, g, out);
	if (more <= 0)
		return more;
	if (pp_is_missing(s->name))
		*out = pp_get_path(rt, *out, s->attribute, s->fallback);
	else if (s->filter == NULL)
		return unknown(rt, "filter", s->name);
	else
		*out = pp_apply_filter(rt, s->filter, *out, &s->args);
	return pp_is_error(*out) ? -1 : 1;
}

/* map(attribute=..., default=...) */
static void
map_attribute(struct step *s, const struct pp_args *args)
{
	for (uint32_t i = 0; i < args->named; i++) {
		if (pp_str_is(args->names[i], "attribute"))
			s->attribute = args->values[i];
		else if (pp_str_is(args->names[i], "default"))
			s->fallback = args->values[i];
		else
			s->problem = "unexpected keyword argument of map";
	}
}

static bool
has_named(const struct pp_args *args, const char *name)
{
	for (uint32_t i = 0; i < args->named; i++) {
		if (pp_str_is(args->names[i], name))
			return true;
	}
	return false;
}

PP_FILTER_RAW(pp_f_map)
{
	struct step *s = new_step(rt);

	if (s == NULL)
		return pp_error_value();
	if (args->count == 0 && has_named(args, "attribute")) {
		map_attribute(s, args);
	} else if (args->count == 0) {
		s->problem = "map requires a filter argument";
	} else {
		s->name = args->v[0];
		s->args = keep_args(rt, args, 1);
		if (pp_is_str(s->name))
			s->filter = pp_filter_find(s->name.s, s->name.len);
	}
	return make(rt, in, s, next_mapped);
}

/* ---- select and reject ---- */

static int
passes(struct pp_rt *rt, const struct step *s, struct pp_value item)
{
	int yes;

	if (s->by_attribute)
		item = pp_get_path(rt, item, s->attribute, pp_missing());
	if (pp_is_error(item))
		return -1;
	if (pp_is_missing(s->name))
		yes = pp_truth(rt, item);
	else if (s->test == NULL)
		return unknown(rt, "test", s->name);
	else
		yes = pp_apply_test(rt, s->test, item, &s->args);
	return yes < 0 ? -1 : (yes != 0) == s->keep;
}

static int
next_selected(struct pp_rt *rt, struct pp_gen *g, struct pp_value *out)
{
	struct step *s = g->state;
	int more = start(rt, g), yes;

	if (more <= 0 || g->done)
		return more < 0 ? -1 : 0;
	while ((more = pull(rt, g, out)) > 0) {
		yes = passes(rt, s, *out);
		if (yes != 0)
			return yes;
	}
	return more;
}

static struct pp_value
selection(struct pp_rt *rt, struct pp_value in, const struct pp_args *args,
    bool keep, bool by_attribute)
{
	struct step *s = new_step(rt);
	uint32_t at = by_attribute;

	if (s == NULL)
		return pp_error_value();
	s->keep = keep;
	s->by_attribute = by_attribute;
	if (by_attribute && args->count == 0)
		s->problem = "missing parameter for attribute name";
	else if (by_attribute)
		s->attribute = args->v[0];
	if (args->count > at) {
		s->name = args->v[at];
		s->args = keep_args(rt, args, at + 1);
		if (pp_is_str(s->name))
			s->test = pp_test_find(s->name.s, s->name.len);
	}
	return make(rt, in, s, next_selected);
}

PP_FILTER_RAW(pp_f_select)
{
	return selection(rt, in, args, true, false);
}

PP_FILTER_RAW(pp_f_reject)
{
	return selection(rt, in, args, false, false);
}

PP_FILTER_RAW(pp_f_selectattr)
{
	return selection(rt, in, args, true, true);
}

PP_FILTER_RAW(pp_f_rejectattr)
{
	return selection(rt, in, args, false, true);
}

/* ---- unique ---- */

/* Generators that do not ask whether the source is empty. */
static int
pull_any(struct pp_rt *rt, struct pp_gen *g, struct pp_value *out)
{
	if (!g->started) {
		g->started = true;
		if (pp_iter_init(rt, g->source, g->source->of) < 0)
			return -1;
	}
	return pp_iter_next(rt, g->source, out);
}

static int
next_unique(struct pp_rt *rt, struct pp_gen *g, struct pp_value *out)
{
	struct pp_dict *seen = g->state;
	struct pp_value key;
	uint32_t hash;
	int more;

	while ((more = pull_any(rt, g, out)) > 0) {
		key = pp_get_path(rt, *out, g->a, pp_missing());
		if (g->n && !pp_is_error(key))
			key = pp_ignore_case(rt, key);
		if (pp_is_error(key) || pp_hash(rt, key, &hash) < 0)
			return -1;
		if (pp_dict_find(seen, key, hash) != NULL)
			continue;
		pp_rt_pin(rt);
		return pp_dict_put(rt, seen, key, pp_none()) < 0 ? -1 : 1;
	}
	return more;
}

PP_FILTER(pp_f_unique)
{
	int sensitive = pp_is_missing(arg[0]) ? 0 : pp_truth(rt, arg[0]);
	struct pp_value v;

	if (sensitive < 0)
		return pp_error_value();
	v = pp_gen_new(rt, in, next_unique);
	if (pp_is_error(v))
		return v;
	v.gen->n = !sensitive;
	v.gen->a = arg[1];
	v.gen->state = pp_dict_new(rt, 8);
	return v.gen->state != NULL ? v : pp_error_value();
}

/* ---- batch, slice, items ---- */

static int
next_batch(struct pp_rt *rt, struct pp_gen *g, struct pp_value *out)
{
	struct pp_list *l;
	struct pp_value item;
	int more = 1;

	if (g->done)
		return 0;
	l = pp_list_new(rt, 4);
	if (l == NULL)
		return -1;
	if (!pp_is_missing(g->b)) {
		/* One that began this batch was fetched with the last. */
		l->item[l->count++] = g->b;
		g->b = pp_missing();
	}
	while ((more = pull_any(rt, g, &item)) > 0) {
		if (l->count == (uint64_t)g->n) {
			pp_rt_pin(rt);
			g->b = item;
			*out = pp_ref(PP_T_LIST, l);
			return 1;
		}
		if (pp_list_add(rt, l, item) < 0)
			return -1;
	}
	g->done = true;
	if (more < 0 || l->count == 0)
		return more;
	while (!pp_is_absent(g->a) && (int64_t)l->count < g->n) {
		if (pp_list_add(rt, l, g->a) < 0)
			return -1;
	}
	*out = pp_ref(PP_T_LIST, l);
	return 1;
}

PP_FILTER(pp_f_batch)
{
	struct pp_value v = pp_gen_new(rt, in, next_batch);

	if (pp_is_error(v) || pp_need_int(rt, arg[0], &v.gen->n) < 0)
		return pp_error_value();
	v.gen->a = arg[1];
	v.gen->b = pp_missing();
	return v;
}

struct slices {
	struct pp_list *all;
	int64_t count, at;
	uint32_t offset; /* longer slices so far */
};

static int
next_slice(struct pp_rt *rt, struct pp_gen *g, struct pp_value *out)
{
	struct slices *s = g->state;
	uint32_t per, extra, start_at, end;
	struct pp_list *l;

	if (s->all == NULL) {
		pp_rt_pin(rt);
		s->all = pp_to_list(rt, g->source->of);
		if (s->all == NULL)
			return -1;
		if (s->count == 0)
			return pp_fail_int(rt, PP_K_RUNTIME,
			    "integer division or modulo by zero");
	}
	if (s->at >= s->count || pp_rt_charge(rt, 1) < 0)
		return s->at >= s->count ? 0 : -1;
	per = s->all->count / (uint32_t)s->count;
	extra = s->all->count % (uint32_t)s->count;
	start_at = s->offset + (uint32_t)s->at * per;
	if (s->at < extra)
		s->offset++;
	end = s->offset + ((uint32_t)s->at + 1) * per;
	l = pp_list_new(rt, end - start_at + 1);
	if (l == NULL)
		return -1;
	for (uint32_t i = start_at; i < end; i++)
		l->item[l->count++] = s->all->item[i];
	if (!pp_is_absent(g->a) && s->at >= extra)
		l->item[l->count++] = g->a;
	s->at++;
	*out = pp_ref(PP_T_LIST, l);
	return 1;
}

PP_FILTER(pp_f_slice)
{
	struct pp_value v = pp_gen_new(rt, in, next_slice);
	struct slices *s = pp_rt_alloc(rt, sizeof *s);

	if (pp_is_error(v) || s == NULL)
		return pp_error_value();
	memset(s, 0, sizeof *s);
	if (pp_need_int(rt, arg[0], &s->count) < 0)
		return pp_error_value();
	if (s->count > UINT32_MAX)
		return pp_fail(rt, PP_K_LIMIT, "too many slices");
	v.gen->a = arg[1];
	v.gen->state = s;
	return v;
}

static int
next_item(struct pp_rt *rt, struct pp_gen *g, struct pp_value *out)
{
	if (!g->started) {
		g->started = true;
		if (g->a.type == PP_T_UNDEFINED)
			return 0;
		if (g->a.type != PP_T_DICT)
			return pp_fail_int(rt, PP_K_TYPE,
			    "can only get item pairs from a mapping");
		g->source->of = pp_ref(PP_T_VIEW, g->a.dict);
		g->source->of.flags = PP_VIEW_ITEMS;
	}
	if (g->a.type == PP_T_UNDEFINED)
		return 0;
	return pp_iter_next(rt, g->source, out);
}

PP_FILTER(pp_f_items)
{
	struct pp_value v = pp_gen_new(rt, in, next_item);

	(void)arg;
	if (!pp_is_error(v))
		v.gen->a = in;
	return v;
}
