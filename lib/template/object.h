/*
 * Lists, dictionaries, iteration, comparison and text of values.
 */
#ifndef PP_TEMPLATE_OBJECT_H
#define PP_TEMPLATE_OBJECT_H

#include "template/number.h"
#include "template/runtime.h"
#include "template/value.h"

/* ---- lists and tuples ---- */

struct pp_list *pp_list_new(struct pp_rt *rt, uint32_t cap);
int	pp_list_add(struct pp_rt *rt, struct pp_list *l, struct pp_value v);

/* Make it ours to change: copies a shared one, to be put back later. */
int	pp_list_own(struct pp_rt *rt, struct pp_list *l);
struct pp_value pp_tuple2(struct pp_rt *rt, struct pp_value a,
	    struct pp_value b);

/* ---- dictionaries ---- */

struct pp_dict *pp_dict_new(struct pp_rt *rt, uint32_t cap);

/* The same in a bare arena, for contexts and constants. */
struct pp_dict *pp_dict_new_in(struct pp_arena *a, uint32_t cap);
void	pp_dict_put_in(struct pp_arena *a, struct pp_dict *d,
	    struct pp_value key, uint32_t hash, struct pp_value v);

/* The hash of a string's bytes. */
uint32_t pp_str_hash(const char *s, size_t len);

/* 0; or -1 with a type error: unhashable. */
int	pp_hash(struct pp_rt *rt, struct pp_value v, uint32_t *hash);
int	pp_dict_put(struct pp_rt *rt, struct pp_dict *d, struct pp_value key,
	    struct pp_value v);

/* The value or NULL. The key is of a hashable type. */
struct pp_value *pp_dict_find(const struct pp_dict *d, struct pp_value key,
	    uint32_t hash);
struct pp_value *pp_dict_find_str(const struct pp_dict *d, const char *s,
	    size_t len, uint32_t hash);

/* Remove it; false when it is not there. */
bool	pp_dict_remove(struct pp_dict *d, struct pp_value key, uint32_t hash);
int	pp_dict_own(struct pp_rt *rt, struct pp_dict *d);

/* Put the containers of the context back as they were. */
void	pp_rt_undo(struct pp_rt *rt);

/* ---- views: flags of a PP_T_VIEW ---- */

enum { PP_VIEW_KEYS, PP_VIEW_VALUES, PP_VIEW_ITEMS };

/* ---- iteration ---- */

/* A generator: `next` gives 1 and an item, 0 at the end, -1. */
struct pp_gen {
	int (*next)(struct pp_rt *rt, struct pp_gen *g, struct pp_value *out);
	struct pp_iter *source;
	const char *name;	/* Python's type name */
	struct pp_value a, b;	/* the generator's own */
	void *state;
	int64_t n;
	int depth;		/* generators below it */
	bool started, done;
};

#define PP_MAX_GENERATORS 200	/* within each other */

struct pp_iter {
	struct pp_value of;
	uint64_t at;		/* index, or byte offset of a string */
};

/* 0; or -1 with "... object is not iterable". */
int	pp_iter_init(struct pp_rt *rt, struct pp_iter *it, struct pp_value v);
int	pp_iter_next(struct pp_rt *rt, struct pp_iter *it,
	    struct pp_value *out);

/* A new generator over `source`. */
struct pp_value pp_gen_new(struct pp_rt *rt, struct pp_value source,
	    int (*next)(struct pp_rt *, struct pp_gen *, struct pp_value *));

/* All items in a new list, or NULL. */
struct pp_list *pp_to_list(struct pp_rt *rt, struct pp_value v);

/* How many items, or -1 when it has no len(). No error is set. */
int64_t	pp_length(struct pp_value v);

/* ---- questions ---- */

/* 1 or 0; -1 with an error (strict undefined). */
int	pp_truth_slow(struct pp_rt *rt, struct pp_value v);

static inline int
pp_truth(struct pp_rt *rt, struct pp_value v)
{
	if (v.type == PP_T_BOOL)
		return v.i != 0;
	if (v.type == PP_T_STR)
		return v.len > 0;
	return pp_truth_slow(rt, v);
}

/* a == b: 1, 0 or -1. */
int	pp_equal(struct pp_rt *rt, struct pp_value a, struct pp_value b);

/* Whether they are one object, as `is` sees it. */
bool	pp_same(struct pp_value a, struct pp_value b);
bool	pp_same_range(const struct pp_range *a, const struct pp_range *b);

enum pp_compare { PP_LT, PP_LE, PP_GT, PP_GE };

/* a < b and so on: 1, 0 or -1. */
int	pp_order(struct pp_rt *rt, struct pp_value a, struct pp_value b,
	    enum pp_compare op);

/* item in seq: 1, 0 or -1. */
int	pp_contains(struct pp_rt *rt, struct pp_value seq,
	    struct pp_value item);

/* ---- text ---- */

/* Append str(v) or repr(v) to the output. 0 or -1. */
int	pp_put_str(struct pp_rt *rt, struct pp_value v);
int	pp_put_repr(struct pp_rt *rt, struct pp_value v);

/* repr() of a string. */
void	pp_put_str_repr(struct pp_buf *out, const char *s, size_t len);

/* str(v) as a value; a string is itself, Markup too. */
struct pp_value pp_to_str(struct pp_rt *rt, struct pp_value v);
struct pp_value pp_repr(struct pp_rt *rt, struct pp_value v);

/* &<>'" as entities, unless it is Markup already. Appends. */
void	pp_put_escaped(struct pp_buf *out, const char *s, size_t len);

/* escape(v): Markup. */
struct pp_value pp_escape(struct pp_rt *rt, struct pp_value v);

/* ---- operators ---- */

enum pp_op { PP_ADD, PP_SUB, PP_MUL, PP_DIV, PP_FLOORDIV, PP_MOD, PP_POW };

struct pp_value pp_binary(struct pp_rt *rt, enum pp_op op, struct pp_value a,
	    struct pp_value b);
struct pp_value pp_negate(struct pp_rt *rt, struct pp_value v, bool plus);

/* The same where autoescape is on: Markup if any is. */
struct pp_value pp_markup_join(struct pp_rt *rt, const struct pp_value *v,
	    uint32_t count);

/* a ~ b ~ ...: str() of each. */
struct pp_value pp_concat(struct pp_rt *rt, const struct pp_value *v,
	    uint32_t count);

/* obj.name, obj[key], obj[lo:hi:step]. */
struct pp_value pp_getattr(struct pp_rt *rt, struct pp_value obj,
	    struct pp_value name, uint32_t hash);
struct pp_value pp_getitem(struct pp_rt *rt, struct pp_value obj,
	    struct pp_value key);
struct pp_value pp_getslice(struct pp_rt *rt, struct pp_value obj,
	    struct pp_value lo, struct pp_value hi, struct pp_value step);

/* An integer that fits; -1 with a type error that names `what`. */
int	pp_need_int(struct pp_rt *rt, struct pp_value v, int64_t *out);

/* Sort in place, stably, by keys[i] (NULL: the items). 0 or -1. */
int	pp_sort(struct pp_rt *rt, struct pp_value *item, struct pp_value *keys,
	    uint32_t count, bool reverse);

/* ---- attributes of the object's own, in attribute.c ---- */

/* A property or method; MISSING when it has none of the name. */
struct pp_value pp_own_attr(struct pp_rt *rt, struct pp_value obj,
	    struct pp_value name);

#endif
