/*
 * Values of the prompt language: Python's objects as far as a template sees
 * them, in sixteen bytes each.
 *
 * A value is passed by value and owns nothing. What it points to lives in an
 * arena: that of the compiled template (constants), of the row (its context)
 * or of the render (everything else). Strings are slices of UTF-8, often of
 * the context itself; they never change. Lists and dictionaries can change;
 * those of the context are copied first and put back when the render ends.
 */
#ifndef PP_TEMPLATE_VALUE_H
#define PP_TEMPLATE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum pp_type {
	PP_T_ERROR,	/* an error is set in the runtime */
	PP_T_MISSING,	/* no value: an argument not given, a name not bound */
	PP_T_UNSET,	/* a name that has not been looked up yet */
	PP_T_UNDEFINED,	/* Jinja's undefined, with what was asked for */
	PP_T_NONE,
	PP_T_BOOL,
	PP_T_INT,
	PP_T_BIG,	/* an integer outside of int64_t */
	PP_T_FLOAT,
	PP_T_STR,
	PP_T_LIST,
	PP_T_TUPLE,
	PP_T_DICT,
	PP_T_RANGE,
	PP_T_VIEW,	/* keys, values or items of a dictionary */
	PP_T_ITER,	/* a generator: gives each item once */
	PP_T_NAMESPACE,
	PP_T_CYCLER,
	PP_T_JOINER,
	PP_T_GLOBAL,	/* a builtin function */
	PP_T_METHOD,	/* a method with its object */
	PP_T_MACRO,
	PP_T_LOOP,
	PP_T_MODULE,	/* what import gives */
	PP_T_BLOCK,	/* super() and self.name() */
	PP_T_SELF,
	PP_T_COUNT
};

#define PP_F_ASCII 1u	/* string: known to be ASCII, so bytes are characters */
#define PP_F_MARKUP 2u	/* string: Markup, which + and % escape into */

struct pp_value {
	uint8_t type;		/* enum pp_type */
	uint8_t flags;		/* of a string; kind of a view */
	uint16_t extra;
	uint32_t len;		/* bytes of a string */
	union {
		bool b;
		int64_t i;
		double f;
		const char *s;
		struct pp_big *big;
		struct pp_list *list;	/* also of a tuple */
		struct pp_dict *dict;	/* also of a view and a namespace */
		struct pp_undef *undef;
		struct pp_range *range;
		struct pp_gen *gen;
		struct pp_cycler *cycler;
		struct pp_joiner *joiner;
		const struct pp_global *global;
		struct pp_bound *bound;
		struct pp_macro *macro;
		struct pp_loop *loop;
		struct pp_module *module;
		struct pp_blockref *block;
		void *p;
	};
};

struct pp_list {
	struct pp_value *item;
	uint32_t count, cap;
	bool shared;		/* of the context or a constant: copy first */
};

struct pp_entry {
	struct pp_value key, value;
	uint32_t hash;
};

/* In order of insertion; `index` is there above a few entries. */
struct pp_dict {
	struct pp_entry *entry;
	uint32_t count, cap;
	uint32_t *index;	/* entry number + 1, or 0; open addressing */
	uint32_t index_size;	/* a power of two, or 0 */
	bool shared;
};

/* What was undefined: a name, or `name` of an object of type `of`. */
struct pp_undef {
	struct pp_value name;
	const char *hint;	/* the whole message, or NULL */
	const char *of;		/* a type's name, or NULL */
	bool unsafe;		/* touching it is a security error */
	bool plain;		/* lenient whatever the mode is */
};

struct pp_range {
	int64_t start, stop, step, count;
};

struct pp_cycler {
	struct pp_list items;
	uint32_t at;
};

struct pp_joiner {
	struct pp_value sep;
	bool used;
};

static inline struct pp_value
pp_missing(void)
{
	return (struct pp_value){ .type = PP_T_MISSING };
}

static inline struct pp_value
pp_none(void)
{
	return (struct pp_value){ .type = PP_T_NONE };
}

static inline struct pp_value
pp_error_value(void)
{
	return (struct pp_value){ .type = PP_T_ERROR };
}

static inline struct pp_value
pp_bool(bool b)
{
	return (struct pp_value){ .type = PP_T_BOOL, .i = b };
}

static inline struct pp_value
pp_int(int64_t i)
{
	return (struct pp_value){ .type = PP_T_INT, .i = i };
}

static inline struct pp_value
pp_float(double f)
{
	return (struct pp_value){ .type = PP_T_FLOAT, .f = f };
}

/* A string that may hold anything; its length is below 4 GiB. */
static inline struct pp_value
pp_str(const char *s, size_t len)
{
	return (struct pp_value){ .type = PP_T_STR, .len = (uint32_t)len,
		.s = s };
}

static inline struct pp_value
pp_ascii(const char *s, size_t len)
{
	return (struct pp_value){ .type = PP_T_STR, .flags = PP_F_ASCII,
		.len = (uint32_t)len, .s = s };
}

/* A literal of the program. */
static inline struct pp_value
pp_cstr(const char *s)
{
	return pp_ascii(s, strlen(s));
}

static inline struct pp_value
pp_ref(enum pp_type type, void *p)
{
	return (struct pp_value){ .type = (uint8_t)type, .p = p };
}

static inline bool
pp_is_error(struct pp_value v)
{
	return v.type == PP_T_ERROR;
}

static inline bool
pp_is_missing(struct pp_value v)
{
	return v.type == PP_T_MISSING;
}

/* An argument that was not given, or given as None. */
static inline bool
pp_is_absent(struct pp_value v)
{
	return v.type == PP_T_MISSING || v.type == PP_T_NONE;
}

static inline bool
pp_is_str(struct pp_value v)
{
	return v.type == PP_T_STR;
}

static inline bool
pp_is_markup(struct pp_value v)
{
	return v.type == PP_T_STR && (v.flags & PP_F_MARKUP) != 0;
}

/* bool, int or big: what Python calls an int. */
static inline bool
pp_is_integer(struct pp_value v)
{
	return v.type >= PP_T_BOOL && v.type <= PP_T_BIG;
}

static inline bool
pp_is_number(struct pp_value v)
{
	return v.type >= PP_T_BOOL && v.type <= PP_T_FLOAT;
}

static inline bool
pp_str_is(struct pp_value v, const char *s)
{
	size_t n = strlen(s);

	return v.type == PP_T_STR && v.len == n && memcmp(v.s, s, n) == 0;
}

/*
 * Whether n bytes are equal. Names and keys are short: a few loads are less
 * than a call of memcmp(3).
 */
static inline bool
pp_same_bytes(const char *a, const char *b, size_t n)
{
	uint64_t x, y;
	uint32_t u, v;

	if (n >= 8) {
		if (n > 16)
			return memcmp(a, b, n) == 0;
		memcpy(&x, a, 8);
		memcpy(&y, b, 8);
		if (x != y)
			return false;
		memcpy(&x, a + n - 8, 8);
		memcpy(&y, b + n - 8, 8);
		return x == y;
	}
	if (n >= 4) {
		memcpy(&u, a, 4);
		memcpy(&v, b, 4);
		if (u != v)
			return false;
		memcpy(&u, a + n - 4, 4);
		memcpy(&v, b + n - 4, 4);
		return u == v;
	}
	for (size_t i = 0; i < n; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

/* Python's name of the type: "str", "list", "dict_items". */
const char *pp_type_name(struct pp_value v);

/* Whether all bytes are below 128. */
bool	pp_all_ascii(const char *s, size_t len);

#endif
