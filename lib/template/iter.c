/* Going through lists, strings, dictionaries, ranges and generators. */
#include <config.h>

#include "base/str.h"
#include "template/object.h"
#include "template/unicode.h"

int
pp_iter_init(struct pp_rt *rt, struct pp_iter *it, struct pp_value v)
{
	it->of = v;
	it->at = 0;
	switch (v.type) {
	case PP_T_STR:
	case PP_T_LIST:
	case PP_T_TUPLE:
	case PP_T_DICT:
	case PP_T_RANGE:
	case PP_T_VIEW:
	case PP_T_ITER: return 0;
	case PP_T_UNDEFINED:
		if (!pp_is_strict(rt, v))
			return 0;
		pp_undefined_error(rt, v);
		return -1;
	default:
		pp_type_error(rt, "'%s' object is not iterable",
		    pp_type_name(v));
		return -1;
	}
}

static int
next_char(struct pp_iter *it, struct pp_value *out)
{
	size_t at = it->at, start = at;

	if (at >= it->of.len)
		return 0;
	pp_next_char(it->of.s, it->of.len, &at);
	*out = pp_str(it->of.s + start, at - start);
	out->flags = it->of.flags & PP_F_ASCII;
	if (at - start == 1)
		out->flags |= PP_F_ASCII;
	it->at = at;
	return 1;
}

static int
next_entry(struct pp_rt *rt, struct pp_iter *it, int kind, struct pp_value *out)
{
	const struct pp_dict *d = it->of.dict;
	const struct pp_entry *e;

	/* Of a dictionary the value's length is free for its size. */
	if (it->at == 0)
		it->of.len = d->count;
	else if (it->of.len != d->count)
		return pp_fail_int(rt, PP_K_RUNTIME,
		    "dictionary changed size during iteration");
	if (it->at >= d->count)
		return 0;
	e = &d->entry[it->at++];
	if (kind == PP_VIEW_KEYS)
		*out = e->key;
	else if (kind == PP_VIEW_VALUES)
		*out = e->value;
	else
		*out = pp_tuple2(rt, e->key, e->value);
	return pp_is_error(*out) ? -1 : 1;
}

int
pp_iter_next(struct pp_rt *rt, struct pp_iter *it, struct pp_value *out)
{
	if (pp_rt_charge(rt, 1) < 0)
		return -1;
	switch (it->of.type) {
	case PP_T_LIST:
	case PP_T_TUPLE:
		if (it->at >= it->of.list->count)
			return 0;
		*out = it->of.list->item[it->at++];
		return 1;
	case PP_T_STR: return next_char(it, out);
	case PP_T_DICT: return next_entry(rt, it, PP_VIEW_KEYS, out);
	case PP_T_VIEW: return next_entry(rt, it, it->of.flags, out);
	case PP_T_RANGE:
		if ((int64_t)it->at >= it->of.range->count)
			return 0;
		*out = pp_int(it->of.range->start +
		    (int64_t)it->at++ * it->of.range->step);
		return 1;
	case PP_T_ITER: return it->of.gen->next(rt, it->of.gen, out);
	default: return 0;
	}
}

struct pp_value
pp_gen_new(struct pp_rt *rt, struct pp_value source,
    int (*next)(struct pp_rt *, struct pp_gen *, struct pp_value *))
{
	struct pp_gen *g = pp_rt_alloc(rt, sizeof *g + sizeof *g->source);
	int depth = source.type == PP_T_ITER ? source.gen->depth + 1 : 0;

	if (g == NULL)
		return pp_error_value();
	if (depth >= PP_MAX_GENERATORS)
		return pp_fail(rt, PP_K_LIMIT,
		    "generators are nested deeper than %d", PP_MAX_GENERATORS);
	memset(g, 0, sizeof *g);
	g->depth = depth;
	g->next = next;
	g->name = "generator";
	g->source = (struct pp_iter *)(g + 1);
	g->source->of = source;
	g->source->at = 0;
	return pp_ref(PP_T_ITER, g);
}

struct pp_list *
pp_to_list(struct pp_rt *rt, struct pp_value v)
{
	int64_t n = pp_length(v);
	struct pp_iter it;
	struct pp_value item;
	struct pp_list *l;
	int more;

	if (pp_iter_init(rt, &it, v) < 0)
		return NULL;
	l = pp_list_new(rt, n > 0 ? (uint32_t)n : 0);
	if (l == NULL)
		return NULL;
	while ((more = pp_iter_next(rt, &it, &item)) > 0) {
		if (pp_list_add(rt, l, item) < 0)
			return NULL;
	}
	return more < 0 ? NULL : l;
}

int64_t
pp_length(struct pp_value v)
{
	switch (v.type) {
	case PP_T_STR:
		return v.flags & PP_F_ASCII ?
		    v.len :
		    (int64_t)pp_utf8_count(v.s, v.len);
	case PP_T_LIST:
	case PP_T_TUPLE: return v.list->count;
	case PP_T_DICT:
	case PP_T_VIEW: return v.dict->count;
	case PP_T_RANGE: return v.range->count;
	case PP_T_UNDEFINED: return 0;
	default: return -1;
	}
}
