/* Methods of int and float. */
#include <config.h>

#include <math.h>
#include <stdlib.h>

#include "template/methods.h"
#include "template/object.h"

#define METHOD(name) \
	static struct pp_value name(struct pp_rt *rt, struct pp_value self, \
	    const struct pp_value *arg)

struct pp_value
pp_no_bytes(struct pp_rt *rt, struct pp_value self, const struct pp_args *args)
{
	(void)args;
	return pp_type_error(rt,
	    "this method of %s is about bytes, which templates do not have",
	    pp_type_name(self));
}

/* ---- int ---- */

METHOD(int_bit_length)
{
	struct pp_value rest;
	int64_t n = 0;

	(void)arg;
	if (pp_int_sign(self) < 0)
		self = pp_int_neg(rt, self);
	while (!pp_is_error(self) && self.type == PP_T_BIG) {
		self = pp_int_divmod(rt, self, pp_int(1 << 28), &rest);
		n += 28;
	}
	if (pp_is_error(self))
		return self;
	for (uint64_t u = (uint64_t)self.i; u > 0; u >>= 1)
		n++;
	return pp_int(n);
}

METHOD(int_bit_count)
{
	struct pp_value rest;
	int64_t n = 0;

	(void)arg;
	if (pp_int_sign(self) < 0)
		self = pp_int_neg(rt, self);
	while (!pp_is_error(self) && pp_int_sign(self) != 0) {
		self = pp_int_divmod(rt, self, pp_int(2), &rest);
		n += pp_int_sign(rest);
	}
	return pp_is_error(self) ? self : pp_int(n);
}

METHOD(number_self)
{
	(void)rt;
	(void)arg;
	return self.type == PP_T_BOOL ? pp_int(self.i) : self;
}

METHOD(int_ratio)
{
	(void)arg;
	return pp_tuple2(rt, number_self(rt, self, NULL), pp_int(1));
}

/* ---- float ---- */

METHOD(float_is_integer)
{
	(void)rt;
	(void)arg;
	return pp_bool(isfinite(self.f) && floor(self.f) == self.f);
}

/* 53 bits, the highest of them set unless `f` is subnormal: f = m * 2^e. */
static int64_t
split(double f, int *exponent)
{
	int64_t m;

	m = (int64_t)ldexp(frexp(fabs(f), exponent), 53);
	*exponent -= 53;
	return m;
}

METHOD(float_ratio)
{
	struct pp_value top, bottom = pp_int(1), two;
	int exponent;
	int64_t m;

	(void)arg;
	if (!isfinite(self.f))
		return pp_runtime_error(rt,
		    "cannot convert %s to integer ratio",
		    isnan(self.f) ? "NaN" : "Infinity");
	m = split(self.f, &exponent);
	for (; m != 0 && exponent < 0 && m % 2 == 0; exponent++)
		m /= 2;
	top = pp_int(self.f < 0 ? -m : m);
	two = pp_int_pow(rt, pp_int(2), pp_int(m != 0 ? abs(exponent) : 0));
	if (pp_is_error(two))
		return two;
	if (exponent < 0)
		bottom = two;
	else
		top = pp_int_mul(rt, top, two);
	return pp_is_error(top) ? top : pp_tuple2(rt, top, bottom);
}

/* As float.hex(): 1 and 52 bits, or 0 and those of a subnormal number. */
METHOD(float_hex)
{
	const char *sign = signbit(self.f) ? "-" : "";
	uint64_t bits;
	int exponent;

	(void)arg;
	if (isnan(self.f))
		return pp_cstr("nan");
	if (isinf(self.f))
		return pp_cstr(self.f < 0 ? "-inf" : "inf");
	if (self.f == 0)
		return pp_rt_strf(rt, "%s0x0.0p+0", sign);
	memcpy(&bits, &self.f, sizeof bits);
	exponent = (int)(bits >> 52 & 0x7ff);
	return pp_rt_strf(rt, "%s0x%d.%013llxp%+d", sign, exponent > 0,
	    (unsigned long long)(bits & ((UINT64_C(1) << 52) - 1)),
	    (exponent > 0 ? exponent : 1) - 1023);
}

/* ---- tables, in order of name ---- */

#define PLAIN(name, fn, params) \
	{ \
		name, fn, NULL, params, false \
	}

static const struct pp_method int_rows[] = {
	PLAIN("as_integer_ratio", int_ratio, ""),
	PLAIN("bit_count", int_bit_count, ""),
	PLAIN("bit_length", int_bit_length, ""),
	PLAIN("conjugate", number_self, ""),
	{ "from_bytes", NULL, pp_no_bytes, "*", false },
	{ "to_bytes", NULL, pp_no_bytes, "*", false },
};

static const struct pp_method float_rows[] = {
	PLAIN("as_integer_ratio", float_ratio, ""),
	PLAIN("conjugate", number_self, ""),
	PLAIN("hex", float_hex, ""),
	PLAIN("is_integer", float_is_integer, ""),
};

const struct pp_method_table pp_int_methods = { int_rows,
	sizeof int_rows / sizeof int_rows[0] };
const struct pp_method_table pp_float_methods = { float_rows,
	sizeof float_rows / sizeof float_rows[0] };
