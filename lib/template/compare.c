/* Truth, equality, order, membership, sorting. */
#include <config.h>

#include <math.h>

#include "template/methods.h"
#include "template/object.h"

int
pp_truth_slow(struct pp_rt *rt, struct pp_value v)
{
	switch (v.type) {
	case PP_T_NONE: return 0;
	case PP_T_BOOL:
	case PP_T_INT: return v.i != 0;
	case PP_T_FLOAT: return v.f != 0;
	case PP_T_STR: return v.len > 0;
	case PP_T_LIST:
	case PP_T_TUPLE:
	case PP_T_DICT:
	case PP_T_VIEW:
	case PP_T_RANGE: return pp_length(v) > 0;
	case PP_T_UNDEFINED:
		if (!pp_is_strict(rt, v))
			return 0;
		pp_undefined_error(rt, v);
		return -1;
	case PP_T_ERROR: return -1;
	default: return 1;
	}
}

static int
too_deep(struct pp_rt *rt)
{
	return pp_fail_int(rt, PP_K_LIMIT,
	    "values are nested deeper than "
	    "%lld",
	    (long long)rt->bounds.value_depth);
}

/* Going one level into a value; 0 or -1. */
static int
descend(struct pp_rt *rt, int *level)
{
	if (*level >= rt->bounds.value_depth)
		return too_deep(rt);
	*level += 1;
	return pp_rt_charge(rt, 1);
}

static int
equal_at(struct pp_rt *rt, struct pp_value a, struct pp_value b, int level);

bool
pp_same_range(const struct pp_range *a, const struct pp_range *b)
{
	return a->count == b->count &&
	    (a->count == 0 ||
		(a->start == b->start &&
		    (a->count == 1 || a->step == b->step)));
}

static int
equal_lists(struct pp_rt *rt, const struct pp_list *a, const struct pp_list *b,
    int level)
{
	if (a == b)
		return 1;
	if (a->count != b->count)
		return 0;
	if (descend(rt, &level) < 0)
		return -1;
	for (uint32_t i = 0; i < a->count; i++) {
		int same = equal_at(rt, a->item[i], b->item[i], level);

		if (same <= 0)
			return same;
	}
	return 1;
}

static int
equal_dicts(struct pp_rt *rt, const struct pp_dict *a, const struct pp_dict *b,
    int level)
{
	if (a == b)
		return 1;
	if (a->count != b->count)
		return 0;
	if (descend(rt, &level) < 0)
		return -1;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct pp_entry *e = &a->entry[i];
		struct pp_value *v = pp_dict_find(b, e->key, e->hash);
		int same = v != NULL ? equal_at(rt, e->value, *v, level) : 0;

		if (same <= 0)
			return same;
	}
	return 1;
}

static int
equal_at(struct pp_rt *rt, struct pp_value a, struct pp_value b, int level)
{
	if (pp_is_strict(rt, a) || pp_is_strict(rt, b)) {
		pp_undefined_error(rt, pp_is_strict(rt, a) ? a : b);
		return -1;
	}
	if (pp_is_number(a) && pp_is_number(b))
		return pp_num_compare(a, b) == 0;
	if (a.type != b.type)
		return 0;
	switch (a.type) {
	case PP_T_STR: return a.len == b.len && pp_same_bytes(a.s, b.s, a.len);
	case PP_T_NONE: return 1;
	case PP_T_UNDEFINED:
		/* That of an `if` without `else` is never chainable. */
		return rt->undefined != PP_U_CHAINABLE ||
		    a.undef->plain == b.undef->plain;
	case PP_T_LIST:
	case PP_T_TUPLE: return equal_lists(rt, a.list, b.list, level);
	case PP_T_DICT: return equal_dicts(rt, a.dict, b.dict, level);
	case PP_T_RANGE: return pp_same_range(a.range, b.range);
	case PP_T_VIEW:
		return a.flags == b.flags && a.flags != PP_VIEW_VALUES ?
		    equal_dicts(rt, a.dict, b.dict, level) :
		    0;
	default: return a.p == b.p;
	}
}

int
pp_equal(struct pp_rt *rt, struct pp_value a, struct pp_value b)
{
	return equal_at(rt, a, b, 0);
}

bool
pp_same(struct pp_value a, struct pp_value b)
{
	if (a.type != b.type)
		return false;
	switch (a.type) {
	case PP_T_NONE: return true;
	case PP_T_BOOL:
	case PP_T_INT: return a.i == b.i;
	case PP_T_FLOAT: return memcmp(&a.f, &b.f, sizeof a.f) == 0;
	case PP_T_STR: return a.len == b.len && memcmp(a.s, b.s, a.len) == 0;
	case PP_T_TUPLE:
		return a.p == b.p || (a.list->count == 0 && b.list->count == 0);
	default: return a.p == b.p;
	}
}

/* ---- order ---- */

static const char *const order_names[] = { "<", "<=", ">", ">=" };

static bool
decide(int c, enum pp_compare op)
{
	switch (op) {
	case PP_LT: return c < 0;
	case PP_LE: return c <= 0;
	case PP_GT: return c > 0;
	default: return c >= 0;
	}
}

/* By code point, which UTF-8 keeps. */
static int
compare_strings(struct pp_value a, struct pp_value b)
{
	uint32_t n = a.len < b.len ? a.len : b.len;
	int c = n > 0 ? memcmp(a.s, b.s, n) : 0;

	if (c != 0)
		return c;
	return a.len < b.len ? -1 : a.len > b.len;
}

static int
order_at(struct pp_rt *rt, struct pp_value a, struct pp_value b,
    enum pp_compare op, int level)
{
	if (pp_is_number(a) && pp_is_number(b)) {
		int c = pp_num_compare(a, b);

		return c != 2 && decide(c, op);
	}
	if (a.type == PP_T_STR && b.type == PP_T_STR)
		return decide(compare_strings(a, b), op);
	if (a.type == PP_T_UNDEFINED || b.type == PP_T_UNDEFINED) {
		pp_undefined_error(rt, a.type == PP_T_UNDEFINED ? a : b);
		return -1;
	}
	if (a.type != b.type || (a.type != PP_T_LIST && a.type != PP_T_TUPLE))
		return pp_fail_int(rt, PP_K_TYPE,
		    "'%s' not supported between "
		    "instances of '%s' and '%s'",
		    order_names[op], pp_type_name(a), pp_type_name(b));
	if (descend(rt, &level) < 0)
		return -1;
	for (uint32_t i = 0; i < a.list->count && i < b.list->count; i++) {
		struct pp_value x = a.list->item[i], y = b.list->item[i];
		int same = equal_at(rt, x, y, level);

		if (same < 0)
			return -1;
		if (same == 0)
			return order_at(rt, x, y, op, level);
	}
	return decide(a.list->count < b.list->count ?
		-1 :
		a.list->count > b.list->count,
	    op);
}

int
pp_order(struct pp_rt *rt, struct pp_value a, struct pp_value b,
    enum pp_compare op)
{
	return order_at(rt, a, b, op, 0);
}

/* ---- membership ---- */

static int
in_items(struct pp_rt *rt, struct pp_value seq, struct pp_value item)
{
	struct pp_iter it;
	struct pp_value v;
	int more, same;

	if (pp_iter_init(rt, &it, seq) < 0)
		return -1;
	while ((more = pp_iter_next(rt, &it, &v)) > 0) {
		if (item.type == PP_T_STR && v.type == PP_T_STR) {
			if (item.len == v.len &&
			    pp_same_bytes(item.s, v.s, v.len))
				return 1;
			continue;
		}
		if (item.type != PP_T_UNDEFINED && pp_same(item, v) &&
		    item.type != PP_T_FLOAT)
			return 1;
		same = pp_equal(rt, v, item);
		if (same != 0)
			return same;
	}
	return more;
}

int
pp_contains(struct pp_rt *rt, struct pp_value seq, struct pp_value item)
{
	uint32_t hash;

	switch (seq.type) {
	case PP_T_STR:
		if (!pp_is_str(item))
			return pp_fail_int(rt, PP_K_TYPE,
			    "'in <string>' "
			    "requires string as left operand, not %s",
			    pp_type_name(item));
		if (pp_rt_charge(rt, seq.len / 64) < 0)
			return -1;
		return pp_find_text(seq.s, seq.len, item.s, item.len) != NULL;
	case PP_T_VIEW:
		if (seq.flags != PP_VIEW_KEYS)
			return in_items(rt, seq, item);
		__attribute__((fallthrough));
	case PP_T_DICT:
		if (pp_hash(rt, item, &hash) < 0)
			return -1;
		return pp_dict_find(seq.dict, item, hash) != NULL;
	case PP_T_LIST:
	case PP_T_TUPLE:
	case PP_T_RANGE:
	case PP_T_ITER:
	case PP_T_UNDEFINED: return in_items(rt, seq, item);
	default:
		return pp_fail_int(rt, PP_K_TYPE,
		    "argument of type '%s' is "
		    "not iterable",
		    pp_type_name(seq));
	}
}

/* ---- sorting ---- */

struct sorted {
	struct pp_value key, item;
};

#define SHORT_SORT 64

static void
turn(struct sorted *v, uint32_t n)
{
	for (uint32_t i = 0; i < n / 2; i++) {
		struct sorted other = v[i];

		v[i] = v[n - 1 - i];
		v[n - 1 - i] = other;
	}
}

static int
is_less(struct pp_rt *rt, const struct sorted *a, const struct sorted *b)
{
	return pp_order(rt, a->key, b->key, PP_LT);
}

/* How many are in order from the start; when they fall, they are turned. */
static int
count_run(struct pp_rt *rt, struct sorted *v, uint32_t n, uint32_t *run)
{
	int falls = is_less(rt, &v[1], &v[0]), less;

	for (*run = 2; falls >= 0 && *run < n; ++*run) {
		less = is_less(rt, &v[*run], &v[*run - 1]);
		if (less < 0)
			return -1;
		if (less != falls)
			break;
	}
	if (falls > 0)
		turn(v, *run);
	return falls < 0 ? -1 : 0;
}

/*
 * As CPython sorts few items, comparison by comparison: when some have no
 * order, the first pair that it asks about decides which error there is.
 */
static int
insertion_sort(struct pp_rt *rt, struct sorted *v, uint32_t n)
{
	uint32_t start;

	if (n < 2)
		return 0;
	if (count_run(rt, v, n, &start) < 0)
		return -1;
	for (; start < n; start++) {
		struct sorted pivot = v[start];
		uint32_t low = 0, high = start;

		while (low < high) {
			uint32_t middle = low + (high - low) / 2;
			int less = is_less(rt, &pivot, &v[middle]);

			if (less < 0)
				return -1;
			if (less)
				high = middle;
			else
				low = middle + 1;
		}
		memmove(v + low + 1, v + low, (start - low) * sizeof *v);
		v[low] = pivot;
	}
	return 0;
}

static int
merge_sort(struct pp_rt *rt, struct sorted *v, struct sorted *spare, uint32_t n)
{
	uint32_t half = n / 2, i = 0, j = half, k = 0;
	int less;

	if (pp_rt_charge(rt, n) < 0)
		return -1;
	if (n < SHORT_SORT)
		return insertion_sort(rt, v, n);
	if (merge_sort(rt, v, spare, half) < 0 ||
	    merge_sort(rt, v + half, spare, n - half) < 0)
		return -1;
	while (i < half && j < n) {
		less = is_less(rt, &v[j], &v[i]);
		if (less < 0)
			return -1;
		spare[k++] = less ? v[j++] : v[i++];
	}
	while (i < half)
		spare[k++] = v[i++];
	memcpy(v, spare, k * sizeof v[0]);
	return 0;
}

int
pp_sort(struct pp_rt *rt, struct pp_value *item, struct pp_value *keys,
    uint32_t count, bool reverse)
{
	struct sorted *v;

	if (count < 2)
		return 0;
	v = pp_rt_alloc(rt, (size_t)count * 2 * sizeof v[0]);
	if (v == NULL)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		v[i] = (struct sorted){ keys != NULL ? keys[i] : item[i],
			item[i] };
	/* Turned before and after, so that equal items keep their order. */
	if (reverse)
		turn(v, count);
	if (merge_sort(rt, v, v + count, count) < 0)
		return -1;
	if (reverse)
		turn(v, count);
	for (uint32_t i = 0; i < count; i++)
		item[i] = v[i].item;
	return 0;
}
