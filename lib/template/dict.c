/* Lists and dictionaries, and putting those of the context back. */
#include <config.h>

#include "base/hash.h"
#include "template/object.h"

/* ---- lists ---- */

struct pp_list *
pp_list_new(struct pp_rt *rt, uint32_t cap)
{
	struct pp_list *l = pp_rt_alloc(rt, sizeof *l);

	if (l == NULL)
		return NULL;
	*l = (struct pp_list){ .cap = cap };
	if (cap > 0) {
		l->item = pp_rt_alloc(rt, cap * sizeof l->item[0]);
		if (l->item == NULL)
			return NULL;
	}
	return l;
}

int
pp_list_add(struct pp_rt *rt, struct pp_list *l, struct pp_value v)
{
	struct pp_value *item;
	uint32_t cap;

	if (l->count == l->cap) {
		cap = l->cap > 0 ? l->cap * 2 : 4;
		item = pp_rt_alloc(rt, (size_t)cap * sizeof item[0]);
		if (item == NULL)
			return -1;
		if (l->count > 0)
			memcpy(item, l->item, l->count * sizeof item[0]);
		l->item = item;
		l->cap = cap;
	}
	l->item[l->count++] = v;
	return 0;
}

struct pp_value
pp_tuple2(struct pp_rt *rt, struct pp_value a, struct pp_value b)
{
	struct pp_list *l = pp_list_new(rt, 2);

	if (l == NULL)
		return pp_error_value();
	l->item[0] = a;
	l->item[1] = b;
	l->count = 2;
	return pp_ref(PP_T_TUPLE, l);
}

/* ---- what the context had ---- */

struct pp_undo {
	struct pp_undo *next;
	struct pp_list *list; /* one of the two */
	struct pp_dict *dict;
	struct pp_list old_list;
	struct pp_dict old_dict;
};

static struct pp_undo *
remember(struct pp_rt *rt)
{
	struct pp_undo *u = pp_rt_alloc(rt, sizeof *u);

	if (u == NULL)
		return NULL;
	pp_rt_pin(rt);
	u->next = rt->undo;
	u->list = NULL;
	u->dict = NULL;
	rt->undo = u;
	return u;
}

void
pp_rt_undo(struct pp_rt *rt)
{
	for (struct pp_undo *u = rt->undo; u != NULL; u = u->next) {
		if (u->list != NULL)
			*u->list = u->old_list;
		else if (u->dict != NULL)
			*u->dict = u->old_dict;
	}
	rt->undo = NULL;
}

/* Every change may store a younger value, so nothing may be wound back. */
int
pp_list_own(struct pp_rt *rt, struct pp_list *l)
{
	struct pp_value *item;
	struct pp_undo *u;

	pp_rt_pin(rt);
	if (!l->shared)
		return 0;
	u = remember(rt);
	item = u != NULL ?
	    pp_rt_alloc(rt, (size_t)(l->count + 4) * sizeof item[0]) :
	    NULL;
	if (item == NULL)
		return -1;
	if (l->count > 0)
		memcpy(item, l->item, l->count * sizeof item[0]);
	u->list = l;
	u->old_list = *l;
	l->item = item;
	l->cap = l->count + 4;
	l->shared = false;
	return 0;
}

int
pp_dict_own(struct pp_rt *rt, struct pp_dict *d)
{
	struct pp_undo *u;
	struct pp_dict *copy;

	pp_rt_pin(rt);
	if (!d->shared)
		return 0;
	u = remember(rt);
	copy = u != NULL ? pp_dict_new(rt, d->count + 4) : NULL;
	if (copy == NULL)
		return -1;
	for (uint32_t i = 0; i < d->count; i++) {
		if (pp_dict_put(rt, copy, d->entry[i].key, d->entry[i].value) <
		    0)
			return -1;
	}
	u->dict = d;
	u->old_dict = *d;
	*d = *copy;
	return 0;
}

/* ---- dictionaries ---- */

#define LINEAR_MAX 8 /* entries that are searched one by one */

uint32_t
pp_str_hash(const char *s, size_t len)
{
	uint64_t h = pp_hash64(s, len, 0);

	return (uint32_t)(h ^ h >> 32);
}

static uint32_t
mix(uint64_t u)
{
	u *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(u >> 32);
}

static uint32_t
hash_number(struct pp_value v)
{
	double d = pp_num_double(v);
	uint64_t u;

	if (v.type == PP_T_BOOL || v.type == PP_T_INT)
		return mix((uint64_t)v.i);
	if (d >= -0x1p63 && d < 0x1p63 && d == (double)(int64_t)d)
		return mix((uint64_t)(int64_t)d);
	memcpy(&u, &d, sizeof u);
	return mix(u);
}

static int
hash_at(struct pp_rt *rt, struct pp_value v, uint32_t *hash, int64_t level)
{
	if (level > rt->bounds.value_depth)
		return pp_fail_int(rt, PP_K_LIMIT,
		    "values are nested deeper "
		    "than %lld",
		    (long long)rt->bounds.value_depth);
	switch (v.type) {
	case PP_T_STR: *hash = pp_str_hash(v.s, v.len); return 0;
	case PP_T_BOOL:
	case PP_T_INT:
	case PP_T_BIG:
	case PP_T_FLOAT: *hash = hash_number(v); return 0;
	case PP_T_TUPLE: {
		uint64_t h = v.list->count;

		for (uint32_t i = 0; i < v.list->count; i++) {
			if (pp_rt_charge(rt, 1) < 0 ||
			    hash_at(rt, v.list->item[i], hash, level + 1) < 0)
				return -1;
			h = h * 31 + *hash;
		}
		*hash = mix(h);
		return 0;
	}
	case PP_T_UNDEFINED:
		if (pp_is_strict(rt, v)) {
			pp_undefined_error(rt, v);
			return -1;
		}
		*hash = 1;
		return 0;
	case PP_T_NONE: *hash = 2; return 0;
	case PP_T_RANGE:
		*hash = mix((uint64_t)v.range->count * 31 +
		    (v.range->count > 0 ? (uint64_t)v.range->start : 0));
		return 0;
	case PP_T_LIST:
	case PP_T_DICT:
		pp_type_error(rt, "unhashable type: '%s'", pp_type_name(v));
		return -1;
	default: *hash = mix((uint64_t)(uintptr_t)v.p); return 0;
	}
}

int
pp_hash(struct pp_rt *rt, struct pp_value v, uint32_t *hash)
{
	return hash_at(rt, v, hash, 0);
}

/* Keys that are equal in Python; both are hashable. */
static bool
same_key(struct pp_value a, struct pp_value b)
{
	if (a.type == PP_T_STR)
		return b.type == PP_T_STR && a.len == b.len &&
		    (a.s == b.s || pp_same_bytes(a.s, b.s, a.len));
	if (pp_is_number(a))
		return pp_is_number(b) && pp_num_compare(a, b) == 0;
	if (a.type != b.type)
		return false;
	if (a.type == PP_T_TUPLE) {
		if (a.list->count != b.list->count)
			return false;
		for (uint32_t i = 0; i < a.list->count; i++) {
			if (!same_key(a.list->item[i], b.list->item[i]))
				return false;
		}
		return true;
	}
	if (a.type == PP_T_RANGE)
		return pp_same_range(a.range, b.range);
	return a.type == PP_T_NONE || a.type == PP_T_UNDEFINED || a.p == b.p;
}

struct pp_dict *
pp_dict_new_in(struct pp_arena *a, uint32_t cap)
{
	struct pp_dict *d = pp_arena_alloc(a, sizeof *d);

	*d = (struct pp_dict){ .cap = cap };
	if (cap > 0)
		d->entry = pp_arena_alloc(a, cap * sizeof d->entry[0]);
	return d;
}

struct pp_dict *
pp_dict_new(struct pp_rt *rt, uint32_t cap)
{
	struct pp_dict *d = pp_rt_alloc(rt, sizeof *d);

	if (d == NULL)
		return NULL;
	*d = (struct pp_dict){ .cap = cap };
	if (cap > 0) {
		d->entry = pp_rt_alloc(rt, cap * sizeof d->entry[0]);
		if (d->entry == NULL)
			return NULL;
	}
	return d;
}

static void
index_entry(struct pp_dict *d, uint32_t i)
{
	uint32_t mask = d->index_size - 1, at = d->entry[i].hash & mask;

	while (d->index[at] != 0)
		at = (at + 1) & mask;
	d->index[at] = i + 1;
}

static void
index_all(struct pp_dict *d)
{
	memset(d->index, 0, d->index_size * sizeof d->index[0]);
	for (uint32_t i = 0; i < d->count; i++)
		index_entry(d, i);
}

static struct pp_entry *
find_entry(const struct pp_dict *d, struct pp_value key, uint32_t hash)
{
	if (d->index == NULL) {
		for (uint32_t i = 0; i < d->count; i++) {
			if (d->entry[i].hash == hash &&
			    same_key(d->entry[i].key, key))
				return &d->entry[i];
		}
		return NULL;
	}
	for (uint32_t mask = d->index_size - 1, at = hash & mask;
	     d->index[at] != 0; at = (at + 1) & mask) {
		struct pp_entry *e = &d->entry[d->index[at] - 1];

		if (e->hash == hash && same_key(e->key, key))
			return e;
	}
	return NULL;
}

struct pp_value *
pp_dict_find(const struct pp_dict *d, struct pp_value key, uint32_t hash)
{
	struct pp_entry *e = find_entry(d, key, hash);

	return e != NULL ? &e->value : NULL;
}

struct pp_value *
pp_dict_find_str(const struct pp_dict *d, const char *s, size_t len,
    uint32_t hash)
{
	if (d->index == NULL) {
		for (uint32_t i = 0; i < d->count; i++) {
			struct pp_entry *e = &d->entry[i];

			if (e->hash == hash && e->key.type == PP_T_STR &&
			    e->key.len == len &&
			    pp_same_bytes(e->key.s, s, len))
				return &e->value;
		}
		return NULL;
	}
	return pp_dict_find(d, pp_str(s, len), hash);
}

/* Allocators for the two kinds of owner. */
struct memory {
	struct pp_rt *rt;
	struct pp_arena *arena;
};

static void *
take(const struct memory *m, size_t size)
{
	return m->rt != NULL ? pp_rt_alloc(m->rt, size) :
			       pp_arena_alloc(m->arena, size);
}

static int
put(const struct memory *m, struct pp_dict *d, struct pp_value key,
    uint32_t hash, struct pp_value v)
{
	struct pp_entry *e = find_entry(d, key, hash);

	if (e != NULL) {
		e->value = v;
		return 0;
	}
	if (d->count == d->cap) {
		uint32_t cap = d->cap > 0 ? d->cap * 2 : 4;

		e = take(m, (size_t)cap * sizeof *e);
		if (e == NULL)
			return -1;
		if (d->count > 0)
			memcpy(e, d->entry, d->count * sizeof *e);
		d->entry = e;
		d->cap = cap;
	}
	d->entry[d->count++] = (struct pp_entry){ key, v, hash };
	if (d->count <= LINEAR_MAX)
		return 0;
	if (d->count * 2 > d->index_size) {
		uint32_t size = d->index_size > 0 ? d->index_size * 2 : 32;

		while (size < d->count * 2)
			size *= 2;
		d->index = take(m, (size_t)size * sizeof d->index[0]);
		if (d->index == NULL) {
			d->index_size = 0;
			return -1;
		}
		d->index_size = size;
		index_all(d);
	} else {
		index_entry(d, d->count - 1);
	}
	return 0;
}

void
pp_dict_put_in(struct pp_arena *a, struct pp_dict *d, struct pp_value key,
    uint32_t hash, struct pp_value v)
{
	struct memory m = { NULL, a };

	put(&m, d, key, hash, v);
}

int
pp_dict_put(struct pp_rt *rt, struct pp_dict *d, struct pp_value key,
    struct pp_value v)
{
	struct memory m = { rt, NULL };
	uint32_t hash;

	if (pp_hash(rt, key, &hash) < 0)
		return -1;
	return put(&m, d, key, hash, v);
}

bool
pp_dict_remove(struct pp_dict *d, struct pp_value key, uint32_t hash)
{
	struct pp_entry *e = find_entry(d, key, hash);
	size_t after;

	if (e == NULL)
		return false;
	after = (size_t)(d->entry + d->count - (e + 1));
	memmove(e, e + 1, after * sizeof *e);
	d->count--;
	if (d->index != NULL)
		index_all(d);
	return true;
}
