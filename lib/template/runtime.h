/*
 * What goes on while a template renders: memory, output, bounds, the error.
 *
 * One runtime belongs to one render at a time. Values made while rendering
 * live in its arena, which is wound back after each statement that cannot
 * have left a value behind: whatever stores a value in an older object (an
 * append, `ns.x = `, a cycler's step) calls pp_rt_pin(), and nothing that is
 * on its way is wound back then.
 *
 * Functions that return a value return PP_T_ERROR when they failed, and the
 * first error stays.
 */
#ifndef PP_TEMPLATE_RUNTIME_H
#define PP_TEMPLATE_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/rand.h"
#include "template/value.h"

enum pp_fault_kind {		/* of an error */
	PP_K_NONE,
	PP_K_UNDEFINED,
	PP_K_SYNTAX,
	PP_K_TYPE,
	PP_K_RUNTIME,
	PP_K_LIMIT
};

enum pp_undefined_mode { PP_U_LENIENT, PP_U_STRICT, PP_U_CHAINABLE };

#define PP_FAULT_TEXT_BYTES 512

/* An error of a template: what, and where in which source. */
struct pp_fault {
	enum pp_fault_kind kind;
	char text[PP_FAULT_TEXT_BYTES];
	const struct pp_source *source;	/* NULL: not known */
	uint32_t pos;			/* byte offset in it */
	const char *missing;		/* the name for "did you mean", or NULL */
	uint32_t missing_len;
	uint32_t opened;		/* 0; else 1 + where the block that is
					 * spoken of begins, and `text` ends
					 * with the number of its line */
};

/* A text that was compiled, for showing errors; newlines are "\n". */
struct pp_source {
	const char *name;
	const char *text;
	size_t len;
};

/* Bounds of a render. */
struct pp_bounds {
	int64_t steps;		/* statements, iterations, calls, items */
	int64_t output_bytes;
	int64_t memory_bytes;
	int64_t depth;		/* of macro calls and includes together */
	int64_t value_depth;	/* of nested lists and dictionaries */
	int64_t range;		/* items of a range() */
	int64_t string_bytes;	/* of one string made by * or a filter */
	int64_t int_digits;	/* of an integer while computing */
};

#define PP_BOUND_STEPS INT64_C(2000000)
#define PP_BOUND_OUTPUT (INT64_C(8) << 20)
#define PP_BOUND_MEMORY (INT64_C(32) << 20)
#define PP_BOUND_DEPTH 200
#define PP_BOUND_VALUE_DEPTH 100
#define PP_BOUND_RANGE 100000
#define PP_BOUND_DIGITS 20000
#define PP_BOUND_STRING (INT64_C(4) << 20)

struct pp_node;
struct pp_template;
struct pp_frame;
struct pp_undo;

struct pp_rt {
	struct pp_arena arena;
	struct pp_buf out;
	struct pp_fault fault;
	const struct pp_node *at;	/* what is being evaluated, for errors */
	const struct pp_node *late;	/* a filter block that gave no text */
	const struct pp_template *tmpl;	/* whose code runs */
	int64_t steps;			/* left */
	struct pp_bounds bounds;
	uint32_t pins;			/* see above */
	int depth;			/* calls and includes now */
	size_t last_len;		/* of the render before: a good guess */
	int height;			/* evaluator levels on the C stack */
	uint8_t undefined;		/* enum pp_undefined_mode */
	bool hf;			/* chat templates' dialect */
	bool autoescape;
	int64_t now;			/* seconds since 1970, local; strftime_now */
	struct pp_rand rand;
	struct pp_undo *undo;		/* context containers to put back */
	struct pp_engine *engine;	/* include, import, extends */
	struct pp_imported *imported;	/* modules of this render */
};

/* Set the error unless there is one; returns the error value. */
struct pp_value pp_fail(struct pp_rt *rt, enum pp_fault_kind kind, const char *fmt,
	    ...) __attribute__((format(printf, 3, 4), cold));

/* As pp_fail(), for functions that return int: -1. */
#define pp_fail_int(...) (pp_fail(__VA_ARGS__), -1)

struct pp_value pp_type_error(struct pp_rt *rt, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3), cold));
struct pp_value pp_runtime_error(struct pp_rt *rt, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3), cold));

/* The error that using the undefined value `v` is. */
struct pp_value pp_undefined_error(struct pp_rt *rt, struct pp_value v)
	    __attribute__((cold));

/* A value nobody may look at in strict mode. */
static inline bool
pp_is_strict(const struct pp_rt *rt, struct pp_value v)
{
	return v.type == PP_T_UNDEFINED &&
	    rt->undefined == PP_U_STRICT && !v.undef->plain;
}

/* Undefined values: a name, an attribute of `obj`, a message. */
struct pp_value pp_undefined_name(struct pp_rt *rt, struct pp_value name);
struct pp_value pp_undefined_attr(struct pp_rt *rt, struct pp_value obj,
	    struct pp_value name);
struct pp_value pp_undefined_hint(struct pp_rt *rt, const char *hint);
struct pp_value pp_unsafe_attr(struct pp_rt *rt, struct pp_value obj,
	    struct pp_value name);

/*
 * Memory of the render; NULL, with a limit error, when its bound is passed.
 */
void	*pp_rt_alloc(struct pp_rt *rt, size_t size);

/* Count `n` steps; 0, or -1 with a limit error. */
int	pp_rt_charge_slow(struct pp_rt *rt);

static inline int
pp_rt_charge(struct pp_rt *rt, int64_t n)
{
	rt->steps -= n;
	return rt->steps < 0 ? pp_rt_charge_slow(rt) : 0;
}

static inline void
pp_rt_pin(struct pp_rt *rt)
{
	rt->pins++;
}

/* A string of `len` bytes copied into the arena. */
struct pp_value pp_rt_str(struct pp_rt *rt, const char *s, size_t len);
struct pp_value pp_rt_strf(struct pp_rt *rt, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/*
 * Text under construction goes to the end of the output and is cut off again:
 * pp_text_begin() says where it starts, pp_text_end() makes it a string.
 */
static inline size_t
pp_text_begin(struct pp_rt *rt)
{
	return rt->out.len;
}

struct pp_value pp_text_end(struct pp_rt *rt, size_t start);

/* The same, or the error value when `rc` is below 0; Markup if `markup`. */
struct pp_value pp_text_result(struct pp_rt *rt, size_t start, int rc,
	    bool markup);
void	pp_text_drop(struct pp_rt *rt, size_t start);

/* 0, or -1 with a limit error when the output is too long. */
int	pp_rt_check_output(struct pp_rt *rt);

#endif
