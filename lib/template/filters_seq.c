/* Filters on sequences that give their result at once. */
#include <config.h>

#include "template/filters.h"
#include "template/methods.h"
#include "template/object.h"

struct pp_value
pp_ignore_case(struct pp_rt *rt, struct pp_value v)
{
	return pp_is_str(v) ? pp_str_lower(rt, v) : v;
}

/* An optional flag: 1, 0 or -1. */
static int
flag(struct pp_rt *rt, struct pp_value v, int otherwise)
{
	return pp_is_missing(v) ? otherwise : pp_truth(rt, v);
}

/* `reverse` of a sort: what counts as an integer. 1, 0 or -1. */
static int
reversal(struct pp_rt *rt, struct pp_value v)
{
	int64_t n = 0;

	if (!pp_is_missing(v) && pp_need_int(rt, v, &n) < 0)
		return -1;
	return n != 0;
}

/* How many items it has, or the error of what has no length. */
static struct pp_value
length_of(struct pp_rt *rt, struct pp_value in)
{
	int64_t n = pp_length(in);

	if (pp_is_strict(rt, in))
		return pp_undefined_error(rt, in);
	if (n < 0)
		return pp_type_error(rt, "object of type '%s' has no len()",
		    pp_type_name(in));
	return pp_int(n);
}

PP_FILTER(pp_f_length)
{
	(void)arg;
	return length_of(rt, in);
}

PP_FILTER(pp_f_first)
{
	struct pp_iter it;
	struct pp_value v;
	int more;

	(void)arg;
	if (pp_iter_init(rt, &it, in) < 0)
		return pp_error_value();
	more = pp_iter_next(rt, &it, &v);
	if (more < 0)
		return pp_error_value();
	return more > 0 ?
	    v :
	    pp_undefined_hint(rt, "No first item, sequence was empty.");
}

PP_FILTER(pp_f_last)
{
	int64_t n = pp_length(in);
	const struct pp_entry *e;

	(void)arg;
	if (pp_is_strict(rt, in))
		return pp_undefined_error(rt, in);
	if (n < 0)
		return pp_type_error(rt, "'%s' object is not reversible",
		    pp_type_name(in));
	if (n == 0)
		return pp_undefined_hint(rt,
		    "No last item, sequence was empty.");
	if (in.type == PP_T_DICT || in.type == PP_T_VIEW) {
		e = &in.dict->entry[n - 1];
		if (in.type == PP_T_DICT || in.flags == PP_VIEW_KEYS)
			return e->key;
		return in.flags == PP_VIEW_VALUES ?
		    e->value :
		    pp_tuple2(rt, e->key, e->value);
	}
	return pp_getitem(rt, in, pp_int(-1));
}

static struct pp_value
new_list(struct pp_rt *rt, struct pp_value in)
{
	struct pp_list *l = pp_to_list(rt, in);

	return l != NULL ? pp_ref(PP_T_LIST, l) : pp_error_value();
}

PP_FILTER(pp_f_list)
{
	(void)arg;
	return new_list(rt, in);
}

static struct pp_value
markup_joined(struct pp_rt *rt, struct pp_value in, struct pp_value sep,
    struct pp_value attribute)
{
	struct pp_list *l = pp_to_list(rt, in);
	bool markup = pp_is_markup(sep);
	size_t start;
	struct pp_value v;
	int rc = 0;

	for (uint32_t i = 0; l != NULL && i < l->count; i++) {
		l->item[i] = pp_get_path(rt, l->item[i], attribute,
		    pp_missing());
		if (pp_is_error(l->item[i]))
			return pp_error_value();
		markup = markup || pp_is_markup(l->item[i]);
	}
	if (l == NULL)
		return pp_error_value();
	if (markup)
		sep = pp_escape(rt, sep);
	start = pp_text_begin(rt);
	for (uint32_t i = 0; rc == 0 && i < l->count; i++) {
		v = markup ? pp_escape(rt, l->item[i]) : l->item[i];
		if (i > 0)
			pp_buf_add(&rt->out, sep.s, sep.len);
		rc = pp_is_error(v) ? -1 : pp_put_str(rt, v);
	}
	return pp_text_result(rt, start, rc, markup);
}

PP_FILTER(pp_f_join)
{
	struct pp_value sep = pp_is_missing(arg[0]) ? pp_ascii("", 0) : arg[0],
			v;
	size_t start;
	struct pp_iter it;
	int more, n = 0;

	sep = pp_to_str(rt, sep);
	if (pp_is_error(sep))
		return sep;
	if (rt->autoescape)
		return markup_joined(rt, in, sep, arg[1]);
	if (pp_iter_init(rt, &it, in) < 0)
		return pp_error_value();
	start = pp_text_begin(rt);
	while ((more = pp_iter_next(rt, &it, &v)) > 0) {
		v = pp_get_path(rt, v, arg[1], pp_missing());
		if (n++ > 0)
			pp_buf_add(&rt->out, sep.s, sep.len);
		if (pp_is_error(v) || pp_put_str(rt, v) < 0 ||
		    (int64_t)(rt->out.len - start) > rt->bounds.string_bytes) {
			more = rt->fault.kind != PP_K_NONE ? -1 : 0;
			break;
		}
	}
	return pp_text_result(rt, start, more == 0 ? 0 : -1, false);
}

/* A generator that goes from the end to the start of a list. */
static int
next_reversed(struct pp_rt *rt, struct pp_gen *g, struct pp_value *out)
{
	(void)rt;
	if (g->n <= 0)
		return 0;
	*out = ((struct pp_list *)g->state)->item[--g->n];
	return 1;
}

PP_FILTER(pp_f_reverse)
{
	struct pp_list *l;
	struct pp_value v;

	(void)arg;
	if (pp_is_str(in))
		return pp_getslice(rt, in, pp_none(), pp_none(), pp_int(-1));
	if (pp_is_strict(rt, in))
		return pp_undefined_error(rt, in);
	if ((in.type < PP_T_LIST || in.type > PP_T_ITER) &&
	    in.type != PP_T_UNDEFINED)
		return pp_runtime_error(rt, "argument must be iterable");
	l = pp_to_list(rt, in);
	if (l == NULL) {
		/* A generator that fails so is no iterable to Python. */
		if (rt->fault.kind == PP_K_TYPE)
			rt->fault.kind = PP_K_RUNTIME;
		return pp_error_value();
	}
	if (in.type == PP_T_ITER) {
		for (uint32_t i = 0; i < l->count / 2; i++) {
			v = l->item[i];
			l->item[i] = l->item[l->count - 1 - i];
			l->item[l->count - 1 - i] = v;
		}
		return pp_ref(PP_T_LIST, l);
	}
	v = pp_gen_new(rt, pp_ref(PP_T_LIST, l), next_reversed);
	if (!pp_is_error(v)) {
		v.gen->state = l;
		v.gen->n = l->count;
	}
	return v;
}

/* ---- order ---- */

/* The value that an item is sorted by. */
static struct pp_value
sort_key(struct pp_rt *rt, struct pp_value item, struct pp_value attribute,
    bool fold)
{
	struct pp_value v = pp_get_path(rt, item, attribute, pp_missing());

	return fold && !pp_is_error(v) ? pp_ignore_case(rt, v) : v;
}

/* By "a,b": a list of both. */
static struct pp_value
sort_keys(struct pp_rt *rt, struct pp_value item, struct pp_value attribute,
    bool fold)
{
	struct pp_list *l;
	const char *s, *end;

	if (!pp_is_str(attribute) ||
	    memchr(attribute.s, ',', attribute.len) == NULL)
		return sort_key(rt, item, attribute, fold);
	l = pp_list_new(rt, 2);
	s = attribute.s;
	end = s + attribute.len;
	while (l != NULL) {
		const char *comma = memchr(s, ',', (size_t)(end - s));
		const char *stop = comma != NULL ? comma : end;
		struct pp_value v = sort_key(rt, item,
		    pp_str(s, (size_t)(stop - s)), fold);

		if (pp_is_error(v) || pp_list_add(rt, l, v) < 0)
			return pp_error_value();
		if (comma == NULL)
			return pp_ref(PP_T_LIST, l);
		s = comma + 1;
	}
	return pp_error_value();
}

/*
 * Python's sort filter compares lists of keys, which are equal before they
 * are asked for an order: None beside None is fine there.
 */
static int
wrap_all(struct pp_rt *rt, struct pp_value *keys, uint32_t n)
{
	bool plain = true;

	for (uint32_t i = 0; i < n; i++)
		plain = plain && (pp_is_number(keys[i]) || pp_is_str(keys[i]));
	for (uint32_t i = 0; i < n && !plain; i++) {
		struct pp_list *l = pp_list_new(rt, 1);

		if (l == NULL)
			return -1;
		l->item[l->count++] = keys[i];
		keys[i] = pp_ref(PP_T_LIST, l);
	}
	return 0;
}

static struct pp_value *
all_keys(struct pp_rt *rt, const struct pp_list *l, struct pp_value attribute,
    bool fold)
{
	struct pp_value *keys = pp_rt_alloc(rt,
	    (l->count + 1) * sizeof keys[0]);

	for (uint32_t i = 0; keys != NULL && i < l->count; i++) {
		keys[i] = sort_keys(rt, l->item[i], attribute, fold);
		if (pp_is_error(keys[i]))
			return NULL;
	}
	return keys;
}

PP_FILTER(pp_f_sort)
{
	int reverse = reversal(rt, arg[0]), sensitive = flag(rt, arg[1], 0);
	struct pp_value *keys;
	struct pp_list *l;

	if (reverse < 0 || sensitive < 0)
		return pp_error_value();
	l = pp_to_list(rt, in);
	keys = l != NULL ? all_keys(rt, l, arg[2], !sensitive) : NULL;
	if (keys == NULL || wrap_all(rt, keys, l->count) < 0 ||
	    pp_sort(rt, l->item, keys, l->count, reverse != 0) < 0)
		return pp_error_value();
	return pp_ref(PP_T_LIST, l);
}

PP_FILTER(pp_f_dictsort)
{
	int sensitive = flag(rt, arg[0], 0), reverse = reversal(rt, arg[2]);
	struct pp_value view, *keys;
	struct pp_list *l;
	bool by_value = false;

	if (sensitive < 0 || reverse < 0)
		return pp_error_value();
	if (!pp_is_missing(arg[1])) {
		by_value = pp_str_is(arg[1], "value");
		if (!by_value && !pp_str_is(arg[1], "key"))
			return pp_runtime_error(rt,
			    "you can only sort by "
			    "either \"key\" or \"value\"");
	}
	if (in.type == PP_T_UNDEFINED)
		return pp_undefined_error(rt, in);
	if (in.type != PP_T_DICT)
		return pp_runtime_error(rt,
		    "'%s' object has no attribute 'items'", pp_type_name(in));
	view = pp_ref(PP_T_VIEW, in.dict);
	view.flags = PP_VIEW_ITEMS;
	l = pp_to_list(rt, view);
	keys = l != NULL ? all_keys(rt, l, pp_int(by_value), !sensitive) : NULL;
	if (keys == NULL ||
	    pp_sort(rt, l->item, keys, l->count, reverse != 0) < 0)
		return pp_error_value();
	return pp_ref(PP_T_LIST, l);
}

/* ---- groups ---- */

/* The attribute as a key: with its default, in one case. */
static struct pp_value
group_key(struct pp_rt *rt, struct pp_value item, const struct pp_value *arg,
    bool fold)
{
	struct pp_value v = pp_get_path(rt, item, arg[0], arg[1]);

	return fold && !pp_is_error(v) ? pp_ignore_case(rt, v) : v;
}

static int
add_group(struct pp_rt *rt, struct pp_list *out, struct pp_value *item,
    uint32_t count, struct pp_value key, const struct pp_value *arg, bool fold)
{
	struct pp_list *members = pp_list_new(rt, count);
	struct pp_value pair;

	if (members == NULL)
		return -1;
	memcpy(members->item, item, count * sizeof item[0]);
	members->count = count;
	if (fold)
		key = group_key(rt, item[0], arg, false);
	if (pp_is_error(key))
		return -1;
	pair = pp_tuple2(rt, key, pp_ref(PP_T_LIST, members));
	pair.extra = 1;
	return pp_is_error(pair) ? -1 : pp_list_add(rt, out, pair);
}

PP_FILTER(pp_f_groupby)
{
	int sensitive = flag(rt, arg[2], 0), same;
	struct pp_list *l, *out;
	struct pp_value *keys;
	uint32_t start = 0;

	if (sensitive < 0)
		return pp_error_value();
	l = pp_to_list(rt, in);
	out = l != NULL ? pp_list_new(rt, 4) : NULL;
	keys = out != NULL ? pp_rt_alloc(rt, (l->count + 1) * sizeof keys[0]) :
			     NULL;
	for (uint32_t i = 0; keys != NULL && i < l->count; i++) {
		keys[i] = group_key(rt, l->item[i], arg, !sensitive);
		if (pp_is_error(keys[i]))
			return keys[i];
	}
	if (keys == NULL || pp_sort(rt, l->item, keys, l->count, false) < 0)
		return pp_error_value();
	for (uint32_t i = 0; i < l->count; i++) {
		keys[i] = group_key(rt, l->item[i], arg, !sensitive);
		if (pp_is_error(keys[i]))
			return keys[i];
		same = i > start ? pp_equal(rt, keys[i], keys[start]) : 1;
		if (same < 0)
			return pp_error_value();
		if (!same) {
			if (add_group(rt, out, l->item + start, i - start,
				keys[start], arg, !sensitive) < 0)
				return pp_error_value();
			start = i;
		}
	}
	if (l->count > 0 &&
	    add_group(rt, out, l->item + start, l->count - start, keys[start],
		arg, !sensitive) < 0)
		return pp_error_value();
	return pp_ref(PP_T_LIST, out);
}

/* ---- least, largest, total ---- */

static struct pp_value
extreme(struct pp_rt *rt, struct pp_value in, const struct pp_value *arg,
    enum pp_compare better)
{
	int sensitive = flag(rt, arg[0], 0), yes, more;
	struct pp_value v, key, best = pp_missing(), best_key = pp_missing();
	struct pp_iter it;

	if (sensitive < 0 || pp_iter_init(rt, &it, in) < 0)
		return pp_error_value();
	while ((more = pp_iter_next(rt, &it, &v)) > 0) {
		key = sort_key(rt, v, arg[1], !sensitive);
		if (pp_is_error(key))
			return key;
		yes = pp_is_missing(best) ? 1 :
					    pp_order(rt, key, best_key, better);
		if (yes < 0)
			return pp_error_value();
		if (yes) {
			best = v;
			best_key = key;
		}
	}
	if (more < 0)
		return pp_error_value();
	return pp_is_missing(best) ?
	    pp_undefined_hint(rt, "No aggregated item, sequence was empty.") :
	    best;
}

PP_FILTER(pp_f_min)
{
	return extreme(rt, in, arg, PP_LT);
}

PP_FILTER(pp_f_max)
{
	return extreme(rt, in, arg, PP_GT);
}

/*
 * Python's sum() adds floats as they come in 3.11. Text is refused as a start
 * and fails against a number.
 */
PP_FILTER(pp_f_sum)
{
	struct pp_value total = pp_is_missing(arg[1]) ? pp_int(0) : arg[1], v;
	struct pp_iter it;
	int more;

	if (pp_iter_init(rt, &it, in) < 0)
		return pp_error_value();
	if (pp_is_str(total))
		return pp_type_error(rt,
		    "sum() can't sum strings [use ''.join(seq) instead]");
	while ((more = pp_iter_next(rt, &it, &v)) > 0) {
		v = pp_get_path(rt, v, arg[0], pp_missing());
		if (pp_is_error(v))
			return v;
		total = pp_binary(rt, PP_ADD, total, v);
		if (pp_is_error(total))
			return total;
	}
	return more < 0 ? pp_error_value() : total;
}

PP_FILTER(pp_f_random)
{
	struct pp_value n = length_of(rt, in);

	(void)arg;
	if (pp_is_error(n))
		return n;
	if (n.i == 0)
		return pp_undefined_hint(rt,
		    "No random item, sequence was empty.");
	if (in.type == PP_T_DICT || in.type == PP_T_VIEW)
		return pp_type_error(rt, "'%s' object is not subscriptable",
		    pp_type_name(in));
	return pp_getitem(rt, in,
	    pp_int((int64_t)pp_rand_below(&rt->rand, (uint64_t)n.i)));
}
