/* Methods of list, tuple, dict, range and cyclers. */
#include <config.h>

#include <math.h>

#include "template/methods.h"
#include "template/object.h"

#define METHOD(name) \
	static struct pp_value name(struct pp_rt *rt, struct pp_value self, \
	    const struct pp_value *arg)
#define METHOD_RAW(name) \
	static struct pp_value name(struct pp_rt *rt, struct pp_value self, \
	    const struct pp_args *args)

/* ---- list ---- */

METHOD(list_append)
{
	if (pp_list_own(rt, self.list) < 0 ||
	    pp_list_add(rt, self.list, arg[0]) < 0)
		return pp_error_value();
	return pp_none();
}

METHOD(list_extend)
{
	struct pp_list *more = pp_to_list(rt, arg[0]);

	if (more == NULL || pp_list_own(rt, self.list) < 0)
		return pp_error_value();
	for (uint32_t i = 0; i < more->count; i++) {
		if (pp_list_add(rt, self.list, more->item[i]) < 0)
			return pp_error_value();
	}
	return pp_none();
}

METHOD(list_insert)
{
	struct pp_list *l = self.list;
	int64_t at;

	if (pp_need_int(rt, arg[0], &at) < 0 || pp_list_own(rt, l) < 0)
		return pp_error_value();
	if (at < 0)
		at = at < -(int64_t)l->count ? 0 : at + l->count;
	if (at > l->count)
		at = l->count;
	if (pp_list_add(rt, l, pp_none()) < 0 ||
	    pp_rt_charge(rt, l->count / 8) < 0)
		return pp_error_value();
	memmove(l->item + at + 1, l->item + at,
	    (size_t)(l->count - 1 - at) * sizeof l->item[0]);
	l->item[at] = arg[1];
	return pp_none();
}

static struct pp_value
take_out(struct pp_rt *rt, struct pp_list *l, int64_t at)
{
	struct pp_value v = l->item[at];

	if (pp_rt_charge(rt, l->count / 8) < 0)
		return pp_error_value();
	memmove(l->item + at, l->item + at + 1,
	    (size_t)(l->count - 1 - at) * sizeof l->item[0]);
	l->count--;
	return v;
}

METHOD(list_pop)
{
	struct pp_list *l = self.list;
	int64_t at = -1;

	if (!pp_is_missing(arg[0]) && pp_need_int(rt, arg[0], &at) < 0)
		return pp_error_value();
	if (l->count == 0)
		return pp_runtime_error(rt, "pop from empty list");
	if (at < 0)
		at += l->count;
	if (at < 0 || at >= l->count)
		return pp_runtime_error(rt, "pop index out of range");
	return pp_list_own(rt, l) < 0 ? pp_error_value() : take_out(rt, l, at);
}

/* Index of the first equal item, -1: none, -2: error. */
static int64_t
position(struct pp_rt *rt, const struct pp_list *l, struct pp_value v,
    int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		int same = pp_equal(rt, l->item[i], v);

		if (same < 0 || pp_rt_charge(rt, 1) < 0)
			return -2;
		if (same)
			return i;
	}
	return -1;
}

METHOD(list_remove)
{
	int64_t at = position(rt, self.list, arg[0], 0, self.list->count);

	if (at == -2 || (at >= 0 && pp_list_own(rt, self.list) < 0))
		return pp_error_value();
	if (at < 0)
		return pp_runtime_error(rt, "list.remove(x): x not in list");
	return pp_is_error(take_out(rt, self.list, at)) ? pp_error_value() :
							  pp_none();
}

METHOD(list_clear)
{
	(void)arg;
	if (pp_list_own(rt, self.list) < 0)
		return pp_error_value();
	self.list->count = 0;
	return pp_none();
}

METHOD(list_copy)
{
	struct pp_list *l = pp_to_list(rt, self);

	(void)arg;
	return l != NULL ? pp_ref(PP_T_LIST, l) : pp_error_value();
}

METHOD(list_reverse)
{
	struct pp_list *l = self.list;

	(void)arg;
	if (pp_list_own(rt, l) < 0)
		return pp_error_value();
	for (uint32_t i = 0; i < l->count / 2; i++) {
		struct pp_value v = l->item[i];

		l->item[i] = l->item[l->count - 1 - i];
		l->item[l->count - 1 - i] = v;
	}
	return pp_none();
}

METHOD_RAW(list_sort)
{
	struct pp_args bound = *args;
	struct pp_value v[2], *keys = NULL;
	struct pp_list *l = self.list;
	int64_t reverse = 0;

	if (args->count > 0)
		return pp_type_error(rt,
		    "sort() takes no positional arguments");
	if (pp_bind(rt, "sort", "key? reverse?", &bound, v) < 0)
		return pp_error_value();
	if ((!pp_is_missing(v[1]) && pp_need_int(rt, v[1], &reverse) < 0) ||
	    pp_list_own(rt, l) < 0)
		return pp_error_value();
	if (!pp_is_absent(v[0])) {
		keys = pp_rt_alloc(rt, (l->count + 1) * sizeof keys[0]);
		for (uint32_t i = 0; keys != NULL && i < l->count; i++) {
			struct pp_args one = { &l->item[i], 1, NULL, NULL, 0 };

			keys[i] = pp_call(rt, v[0], &one);
			if (pp_is_error(keys[i]))
				return keys[i];
		}
		if (keys == NULL)
			return pp_error_value();
	}
	return pp_sort(rt, l->item, keys, l->count, reverse != 0) < 0 ?
	    pp_error_value() :
	    pp_none();
}

METHOD(list_count)
{
	int64_t n = 0;

	for (uint32_t i = 0; i < self.list->count; i++) {
		int same = pp_equal(rt, self.list->item[i], arg[0]);

		if (same < 0 || pp_rt_charge(rt, 1) < 0)
			return pp_error_value();
		n += same;
	}
	return pp_int(n);
}

METHOD(list_index)
{
	int64_t n = self.list->count, lo = 0, hi = n, at;
	struct pp_value shown;

	if ((!pp_is_missing(arg[1]) && pp_need_int(rt, arg[1], &lo) < 0) ||
	    (!pp_is_missing(arg[2]) && pp_need_int(rt, arg[2], &hi) < 0))
		return pp_error_value();
	lo = lo < 0 ? (lo < -n ? 0 : lo + n) : lo;
	hi = hi < 0 ? hi + n : hi > n ? n : hi;
	at = position(rt, self.list, arg[0], lo, hi);
	if (at >= 0)
		return pp_int(at);
	if (at == -2)
		return pp_error_value();
	shown = pp_repr(rt, arg[0]);
	return pp_is_error(shown) ?
	    shown :
	    pp_runtime_error(rt, "%.*s is not in %s", (int)shown.len, shown.s,
		self.type == PP_T_LIST ? "list" : "tuple");
}

/* ---- dict ---- */

static struct pp_value
view(struct pp_value d, int kind)
{
	struct pp_value v = pp_ref(PP_T_VIEW, d.dict);

	v.flags = (uint8_t)kind;
	return v;
}

METHOD(dict_keys)
{
	(void)rt;
	(void)arg;
	return view(self, PP_VIEW_KEYS);
}

METHOD(dict_values)
{
	(void)rt;
	(void)arg;
	return view(self, PP_VIEW_VALUES);
}

METHOD(dict_items)
{
	(void)rt;
	(void)arg;
	return view(self, PP_VIEW_ITEMS);
}

static struct pp_value *
find_key(struct pp_rt *rt, struct pp_value d, struct pp_value key,
    uint32_t *hash)
{
	return pp_hash(rt, key, hash) < 0 ? NULL :
					    pp_dict_find(d.dict, key, *hash);
}

METHOD(dict_get)
{
	uint32_t hash;
	struct pp_value *v = find_key(rt, self, arg[0], &hash);

	if (rt->fault.kind != PP_K_NONE)
		return pp_error_value();
	return v != NULL ? *v : pp_is_missing(arg[1]) ? pp_none() : arg[1];
}

METHOD(dict_setdefault)
{
	uint32_t hash;
	struct pp_value *v = find_key(rt, self, arg[0], &hash);
	struct pp_value new = pp_is_missing(arg[1]) ? pp_none() : arg[1];

	if (rt->fault.kind != PP_K_NONE)
		return pp_error_value();
	if (v != NULL)
		return *v;
	if (pp_dict_own(rt, self.dict) < 0 ||
	    pp_dict_put(rt, self.dict, arg[0], new) < 0)
		return pp_error_value();
	return new;
}

static struct pp_value
missing_key(struct pp_rt *rt, struct pp_value key)
{
	struct pp_value shown = pp_repr(rt, key);

	return pp_is_error(shown) ?
	    shown :
	    pp_runtime_error(rt, "%.*s", (int)shown.len, shown.s);
}

METHOD(dict_pop)
{
	uint32_t hash;
	struct pp_value *v = find_key(rt, self, arg[0], &hash), found;

	if (rt->fault.kind != PP_K_NONE)
		return pp_error_value();
	if (v == NULL)
		return pp_is_missing(arg[1]) ? missing_key(rt, arg[0]) : arg[1];
	found = *v;
	if (pp_rt_charge(rt, self.dict->count / 16) < 0 ||
	    pp_dict_own(rt, self.dict) < 0)
		return pp_error_value();
	pp_dict_remove(self.dict, arg[0], hash);
	return found;
}

METHOD(dict_popitem)
{
	struct pp_dict *d = self.dict;
	struct pp_entry *e;
	struct pp_value pair;

	(void)arg;
	if (d->count == 0)
		return pp_runtime_error(rt, "'popitem(): dictionary is empty'");
	if (pp_rt_charge(rt, d->count / 16) < 0 || pp_dict_own(rt, d) < 0)
		return pp_error_value();
	e = &d->entry[d->count - 1];
	pair = pp_tuple2(rt, e->key, e->value);
	pp_dict_remove(d, e->key, e->hash);
	return pair;
}

METHOD_RAW(dict_update)
{
	if (pp_dict_own(rt, self.dict) < 0 ||
	    pp_dict_update(rt, self.dict, "update", args) < 0)
		return pp_error_value();
	return pp_none();
}

METHOD(dict_clear)
{
	(void)arg;
	if (pp_dict_own(rt, self.dict) < 0)
		return pp_error_value();
	self.dict->count = 0;
	if (self.dict->index != NULL)
		memset(self.dict->index, 0,
		    self.dict->index_size * sizeof self.dict->index[0]);
	return pp_none();
}

METHOD_RAW(dict_copy)
{
	struct pp_args one = { &self, 1, NULL, NULL, 0 };
	struct pp_dict *d;

	if (args->count + args->named > 0)
		return pp_type_error(rt, "copy() takes no arguments");
	d = pp_dict_new(rt, self.dict->count);
	if (d == NULL || pp_dict_update(rt, d, "copy", &one) < 0)
		return pp_error_value();
	return pp_ref(PP_T_DICT, d);
}

METHOD(dict_fromkeys)
{
	struct pp_list *l = pp_to_list(rt, arg[0]);
	struct pp_dict *d = l != NULL ? pp_dict_new(rt, l->count) : NULL;

	(void)self;
	for (uint32_t i = 0; d != NULL && i < l->count; i++) {
		if (pp_dict_put(rt, d, l->item[i],
			pp_is_missing(arg[1]) ? pp_none() : arg[1]) < 0)
			return pp_error_value();
	}
	return d != NULL ? pp_ref(PP_T_DICT, d) : pp_error_value();
}

/* ---- range ---- */

static bool
range_index(const struct pp_range *r, struct pp_value v, int64_t *at)
{
	double d;

	if (!pp_is_number(v) || v.type == PP_T_BIG || r->count == 0)
		return false;
	d = pp_num_double(v);
	if (d != floor(d) || fabs(d) > 9e18)
		return false;
	*at = (int64_t)d - r->start;
	if (*at % r->step != 0)
		return false;
	*at /= r->step;
	return *at >= 0 && *at < r->count;
}

METHOD(range_index_of)
{
	int64_t at;

	if (range_index(self.range, arg[0], &at))
		return pp_int(at);
	if (pp_is_strict(rt, arg[0]) && self.range->count > 0)
		return pp_undefined_error(rt, arg[0]);
	return pp_runtime_error(rt, "value is not in range");
}

METHOD(range_count_of)
{
	int64_t at;

	if (pp_is_strict(rt, arg[0]) && self.range->count > 0)
		return pp_undefined_error(rt, arg[0]);
	return pp_int(range_index(self.range, arg[0], &at));
}

/* ---- cycler ---- */

METHOD(cycler_next)
{
	struct pp_cycler *c = self.cycler;
	struct pp_value v = c->items.item[c->at];

	(void)rt;
	(void)arg;
	c->at = (c->at + 1) % c->items.count;
	return v;
}

METHOD(cycler_reset)
{
	(void)rt;
	(void)arg;
	self.cycler->at = 0;
	return pp_none();
}

/* ---- tables, in order of name ---- */

#define PLAIN(name, fn, params) \
	{ \
		name, fn, NULL, params, false \
	}
#define CHANGES(name, fn, params) \
	{ \
		name, fn, NULL, params, true \
	}
#define TABLE(name, rows) \
	const struct pp_method_table name = { rows, \
		sizeof rows / sizeof rows[0] }

static const struct pp_method list_rows[] = { CHANGES("append", list_append,
						  "/object"),
	CHANGES("clear", list_clear, ""), PLAIN("copy", list_copy, ""),
	PLAIN("count", list_count, "/value"),
	CHANGES("extend", list_extend, "/iterable"),
	PLAIN("index", list_index, "/value start? stop?"),
	CHANGES("insert", list_insert, "/index object"),
	CHANGES("pop", list_pop, "/index?"),
	CHANGES("remove", list_remove, "/value"),
	CHANGES("reverse", list_reverse, ""),
	{ "sort", NULL, list_sort, "*", true } };

static const struct pp_method tuple_rows[] = { PLAIN("count", list_count,
						   "/value"),
	PLAIN("index", list_index, "/value start? stop?") };

static const struct pp_method dict_rows[] = { CHANGES("clear", dict_clear, ""),
	{ "copy", NULL, dict_copy, "*", false },
	PLAIN("fromkeys", dict_fromkeys, "/iterable value?"),
	PLAIN("get", dict_get, "/key default?"), PLAIN("items", dict_items, ""),
	PLAIN("keys", dict_keys, ""), CHANGES("pop", dict_pop, "/key default?"),
	CHANGES("popitem", dict_popitem, ""),
	CHANGES("setdefault", dict_setdefault, "/key default?"),
	{ "update", NULL, dict_update, "*", true },
	PLAIN("values", dict_values, "") };

static const struct pp_method range_rows[] = { PLAIN("count", range_count_of,
						   "/value"),
	PLAIN("index", range_index_of, "/value") };

static const struct pp_method loop_rows[] = { { "changed", NULL,
						  pp_loop_changed, "*", false },
	{ "cycle", NULL, pp_loop_cycle, "*", false } };

static const struct pp_method cycler_rows[] = { PLAIN("next", cycler_next, ""),
	PLAIN("reset", cycler_reset, "") };

TABLE(pp_list_methods, list_rows);
TABLE(pp_tuple_methods, tuple_rows);
TABLE(pp_dict_methods, dict_rows);
TABLE(pp_range_methods, range_rows);
TABLE(pp_loop_methods, loop_rows);
TABLE(pp_cycler_methods, cycler_rows);
