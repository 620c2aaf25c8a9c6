/*
 * Calls: arguments, signatures, and the tables of filters, tests, methods and
 * global functions.
 */
#ifndef PP_TEMPLATE_CALL_H
#define PP_TEMPLATE_CALL_H

#include "template/runtime.h"
#include "template/value.h"

#define PP_MAX_PARAMS 8

/* Evaluated arguments; keyword names are strings. */
struct pp_args {
	const struct pp_value *v;
	uint32_t count;
	const struct pp_value *names, *values;
	uint32_t named;
};

/*
 * A filter or test gets its subject and its arguments in the order of its
 * parameters, MISSING for those not given.
 */
typedef struct pp_value pp_filter_fn(struct pp_rt *rt, struct pp_value in,
	    const struct pp_value *arg);

/* One with the parameters "*" gets them unbound. */
typedef struct pp_value pp_filter_args_fn(struct pp_rt *rt,
	    struct pp_value in, const struct pp_args *args);

/*
 * `params` is "old new count?": names in order, "?" for those that may be
 * left out, a leading "/" when none can be given by name, "*" for all kinds.
 */
struct pp_filter {
	const char *name;
	pp_filter_fn *fn;
	pp_filter_args_fn *raw;		/* with the parameters "*" */
	const char *params;
};

struct pp_test {
	const char *name;
	pp_filter_fn *fn;
	const char *params;
	bool takes_undefined;
};

/* A method of a builtin type. */
struct pp_method {
	const char *name;
	pp_filter_fn *fn;
	pp_filter_args_fn *raw;
	const char *params;
	bool mutates;
};

struct pp_bound {
	struct pp_value self;
	const struct pp_method *method;
};

struct pp_global {
	const char *name;
	pp_filter_args_fn *fn;		/* `in` is MISSING */
	const char *shown;		/* its repr() */
	bool hf_only;
};

const struct pp_filter *pp_filter_find(const char *name, size_t len);
const struct pp_test *pp_test_find(const char *name, size_t len);
const struct pp_global *pp_global_find(const char *name, size_t len, bool hf);

/* The tables for listings; NULL-name terminated. */
extern const struct pp_filter pp_filter_table[];
extern const struct pp_test pp_test_table[];
extern const struct pp_global pp_global_table[];

/* The method of a type, or NULL. */
const struct pp_method *pp_method_find(struct pp_value obj, const char *name,
	    size_t len);

/*
 * Put arguments in the order of `params` into out[PP_MAX_PARAMS]. 0, or -1
 * with a type error about `name`.
 */
int	pp_bind(struct pp_rt *rt, const char *name, const char *params,
	    const struct pp_args *args, struct pp_value *out);

struct pp_value pp_apply_filter(struct pp_rt *rt, const struct pp_filter *f,
	    struct pp_value in, const struct pp_args *args);
int	pp_apply_test(struct pp_rt *rt, const struct pp_test *t,
	    struct pp_value in, const struct pp_args *args);

/* callee(...), whatever it is. */
struct pp_value pp_call(struct pp_rt *rt, struct pp_value callee,
	    const struct pp_args *args);

/* dict.update(...): a mapping or pairs, then names. 0 or -1. */
int	pp_dict_update(struct pp_rt *rt, struct pp_dict *d, const char *name,
	    const struct pp_args *args);

/* item.a.b.0 for map(attribute="a.b.0"); a `path` that is no string is a key. */
struct pp_value pp_get_path(struct pp_rt *rt, struct pp_value item,
	    struct pp_value path, struct pp_value fallback);

#endif
