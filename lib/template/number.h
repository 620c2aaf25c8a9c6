/*
 * Integers of any size and floats, as Python has them.
 *
 * Most integers are int64_t; what overflows becomes a `pp_big`, whose limbs
 * are base 10^9, lowest first, so that printing is a loop. Nothing is longer
 * than the runtime's bound on digits. All functions allocate from the runtime's arena and
 * return an error value, with the runtime's error set, when they cannot.
 */
#ifndef PP_TEMPLATE_NUMBER_H
#define PP_TEMPLATE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "template/value.h"

struct pp_rt;

#define PP_MAX_INT_PRINT 4300		/* Python prints no longer ones */
#define PP_FLOAT_BYTES 32

struct pp_big {
	bool negative;
	uint32_t count;		/* limbs, the highest not zero */
	uint32_t limb[];
};

/* The operators; both are integers (bool, int, big). */
struct pp_value pp_int_add(struct pp_rt *rt, struct pp_value a,
	    struct pp_value b);
struct pp_value pp_int_sub(struct pp_rt *rt, struct pp_value a,
	    struct pp_value b);
struct pp_value pp_int_mul(struct pp_rt *rt, struct pp_value a,
	    struct pp_value b);
struct pp_value pp_int_neg(struct pp_rt *rt, struct pp_value a);

/* Floor division; `mod` (may be NULL) takes the sign of b. b is not 0. */
struct pp_value pp_int_divmod(struct pp_rt *rt, struct pp_value a,
	    struct pp_value b, struct pp_value *mod);

/* b is not negative. */
struct pp_value pp_int_pow(struct pp_rt *rt, struct pp_value a,
	    struct pp_value b);
int	pp_int_compare(struct pp_value a, struct pp_value b);

/* -1, 0 or 1. */
int	pp_int_sign(struct pp_value a);

/* A number as a double; a big one too large is infinite. */
double	pp_num_double(struct pp_value a);

/* a and b are numbers; 2 when either is not a number (NaN). */
int	pp_num_compare(struct pp_value a, struct pp_value b);

/* The whole number towards zero; `f` is finite. */
struct pp_value pp_int_from_double(struct pp_rt *rt, double f);

/* Digits alone, in `base` 2 to 36, valid for it. */
struct pp_value pp_int_from_digits(struct pp_rt *rt, const char *digits,
	    size_t len, int base, bool negative);

/* Append the digits in base 2, 8, 10 or 16 with a minus. 0, or -1 (limit). */
int	pp_int_put(struct pp_rt *rt, struct pp_buf *out, struct pp_value v,
	    int base);

/* int(text, base) as Python reads it; false when it is no integer. */
bool	pp_int_parse(struct pp_rt *rt, struct pp_value text, int base,
	    struct pp_value *out);

/* float(text); false when it is none. */
bool	pp_float_parse(struct pp_value text, double *out);

/* repr(f): "1.0", "1e+16", "-0.0", "nan". Returns the length. */
size_t	pp_float_text(double f, char out[PP_FLOAT_BYTES]);

/* Appends an int64_t. */
void	pp_put_int64(struct pp_buf *out, int64_t v);

#endif
