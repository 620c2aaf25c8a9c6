/* Defaults, attributes, numbers. */
#include <config.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "template/filters.h"
#include "template/object.h"

PP_FILTER(pp_f_default)
{
	struct pp_value otherwise = pp_is_missing(arg[0]) ? pp_ascii("", 0) :
							    arg[0];
	int yes;

	if (in.type == PP_T_UNDEFINED)
		return otherwise;
	if (pp_is_missing(arg[1]))
		return in;
	yes = pp_truth(rt, arg[1]);
	if (yes > 0)
		yes = 2 - pp_truth(rt, in);
	if (yes < 0 || yes == 3)
		return pp_error_value();
	return yes == 2 ? otherwise : in;
}

/* Of these an undefined value says that it has none. */
static bool
is_dunder(struct pp_value name)
{
	return name.len >= 2 && memcmp(name.s, "__", 2) == 0 &&
	    memcmp(name.s + name.len - 2, "__", 2) == 0;
}

PP_FILTER(pp_f_attr)
{
	struct pp_value v;

	if (!pp_is_str(arg[0]))
		return pp_type_error(rt,
		    "attribute name must be string, not "
		    "'%s'",
		    pp_type_name(arg[0]));
	if (in.type == PP_T_UNDEFINED && !is_dunder(arg[0]))
		return rt->undefined == PP_U_CHAINABLE && !in.undef->plain ?
		    in :
		    pp_undefined_error(rt, in);
	v = pp_own_attr(rt, in, arg[0]);
	return pp_is_missing(v) ? pp_undefined_attr(rt, in, arg[0]) : v;
}

PP_FILTER(pp_f_abs)
{
	(void)arg;
	if (in.type == PP_T_FLOAT)
		return pp_float(fabs(in.f));
	if (pp_is_integer(in)) {
		if (pp_int_sign(in) < 0)
			return pp_int_neg(rt, in);
		return in.type == PP_T_BOOL ? pp_int(in.i) : in;
	}
	return pp_type_error(rt, "bad operand type for abs(): '%s'",
	    pp_type_name(in));
}

/* int(value) of a number; false for what has none (NaN, infinity). */
static bool
whole(struct pp_rt *rt, struct pp_value v, struct pp_value *out)
{
	if (pp_is_integer(v))
		*out = v.type == PP_T_BOOL ? pp_int(v.i) : v;
	else if (v.type == PP_T_FLOAT && isfinite(v.f))
		*out = pp_int_from_double(rt, v.f);
	else
		return false;
	return true;
}

PP_FILTER(pp_f_int)
{
	struct pp_value otherwise = pp_is_missing(arg[0]) ? pp_int(0) : arg[0],
			v;
	int64_t base = 10;
	double d;

	if (in.type == PP_T_UNDEFINED)
		return pp_undefined_error(rt, in);
	if (!pp_is_missing(arg[1]) && pp_need_int(rt, arg[1], &base) < 0) {
		if (pp_is_str(in) && rt->fault.kind == PP_K_TYPE) {
			rt->fault.kind = PP_K_NONE;
			base = -1;
		} else {
			return pp_error_value();
		}
	}
	if (!pp_is_str(in)) {
		if (in.type == PP_T_FLOAT && isinf(in.f))
			return pp_runtime_error(rt,
			    "cannot convert float infinity to integer");
		return whole(rt, in, &v) ? v : otherwise;
	}
	if ((base == 0 || (base >= 2 && base <= 36)) &&
	    pp_int_parse(rt, in, (int)base, &v))
		return v;
	if (pp_float_parse(in, &d) && isfinite(d))
		return pp_int_from_double(rt, d);
	return otherwise;
}

PP_FILTER(pp_f_float)
{
	struct pp_value otherwise = pp_is_missing(arg[0]) ? pp_float(0) :
							    arg[0];
	double d;

	if (in.type == PP_T_UNDEFINED)
		return pp_undefined_error(rt, in);
	if (pp_is_number(in)) {
		d = pp_num_double(in);
		if (in.type == PP_T_BIG && isinf(d))
			return pp_runtime_error(rt,
			    "int too large to convert to float");
		return pp_float(d);
	}
	return pp_is_str(in) && pp_float_parse(in, &d) ? pp_float(d) :
							 otherwise;
}

/* ---- round ---- */

/*
 * Away from a tie and below 2^50 the nearest whole number is plain, and its
 * quotient by a power of ten is rounded once, as the decimal text would be.
 */
static bool
round_fast(double f, int places, double *r)
{
	static const double power[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
		1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
	double t = fabs(f) * power[places], whole = floor(t);

	if (!(t < 0x1p50) || fabs(t - whole - 0.5) < 1e-3)
		return false;
	whole += t - whole > 0.5;
	*r = copysign(whole / power[places], f);
	return true;
}

/* round(f, n): the decimal expansion is exact, so glibc rounds half-even. */
static struct pp_value
round_float(struct pp_rt *rt, double f, int64_t places)
{
	char text[700];
	double unit, r;

	if (!isfinite(f) || places > 323)
		return pp_float(f);
	if (places < -308)
		return pp_float(copysign(0, f));
	if (places >= 0 && places <= 15 && round_fast(f, (int)places, &r))
		return pp_float(r);
	if (places >= 0) {
		snprintf(text, sizeof text, "%.*f", (int)places, f);
		r = strtod(text, NULL);
	} else {
		/* Digits before the point: exact in integers. */
		struct pp_value i = pp_int_from_double(rt, f), half, rest;
		struct pp_value power = pp_int_pow(rt, pp_int(10),
		    pp_int(-places));

		unit = f - trunc(f);
		half = pp_int_divmod(rt, i, power, &rest);
		if (pp_is_error(half))
			return half;
		rest = pp_int_mul(rt, rest, pp_int(2));
		int c = pp_int_compare(rest, power);

		if (c == 0)
			c = unit > 0 ? 1 : unit < 0 ? -1 : 0;
		if (c == 0) {
			pp_int_divmod(rt, half, pp_int(2), &rest);
			c = pp_int_sign(rest) != 0 ? 1 : -1;
		}
		if (c > 0)
			half = pp_int_add(rt, half, pp_int(1));
		half = pp_int_mul(rt, half, power);
		if (pp_is_error(half))
			return half;
		r = copysign(pp_num_double(half), f);
	}
	if (isinf(r))
		return pp_runtime_error(rt,
		    "rounded value too large to represent");
	return pp_float(r);
}

/* round(i, -n): half-even on the integer. */
static struct pp_value
round_int(struct pp_rt *rt, struct pp_value i, int64_t places)
{
	struct pp_value power, q, rest;
	int c;

	if (i.type == PP_T_BOOL)
		i = pp_int(i.i);
	if (places >= 0)
		return i;
	if (places < -PP_MAX_INT_PRINT)
		return pp_int(0);
	power = pp_int_pow(rt, pp_int(10), pp_int(-places));
	if (pp_is_error(power))
		return power;
	q = pp_int_divmod(rt, i, power, &rest);
	rest = pp_is_error(q) ? q : pp_int_mul(rt, rest, pp_int(2));
	if (pp_is_error(rest))
		return rest;
	c = pp_int_compare(rest, power);
	if (c == 0) {
		pp_int_divmod(rt, q, pp_int(2), &rest);
		c = pp_int_sign(rest);
	}
	if (c > 0)
		q = pp_int_add(rt, q, pp_int(1));
	return pp_is_error(q) ? q : pp_int_mul(rt, q, power);
}

/* math.ceil or math.floor of value * 10**n, over 10**n again. */
static struct pp_value
round_to(struct pp_rt *rt, struct pp_value in, struct pp_value places, bool up)
{
	struct pp_value power = pp_binary(rt, PP_POW, pp_int(10), places), v;

	v = pp_is_error(power) ? power : pp_binary(rt, PP_MUL, in, power);
	if (pp_is_error(v))
		return v;
	if (!pp_is_number(v))
		return pp_type_error(rt, "must be real number, not %s",
		    pp_type_name(v));
	if (v.type == PP_T_FLOAT) {
		if (!isfinite(v.f))
			return pp_runtime_error(rt,
			    "cannot convert float to integer");
		v = pp_int_from_double(rt, up ? ceil(v.f) : floor(v.f));
	}
	return pp_is_error(v) ? v : pp_binary(rt, PP_DIV, v, power);
}

PP_FILTER(pp_f_round)
{
	struct pp_value places = pp_is_missing(arg[0]) ? pp_int(0) : arg[0];
	bool common = pp_is_missing(arg[1]) || pp_str_is(arg[1], "common");
	int64_t n;

	if (!common && !pp_str_is(arg[1], "ceil") &&
	    !pp_str_is(arg[1], "floor"))
		return pp_runtime_error(rt,
		    "method must be common, ceil or floor");
	if (!common)
		return round_to(rt, in, places, pp_str_is(arg[1], "ceil"));
	if (!pp_is_number(in))
		return pp_type_error(rt,
		    "type %s doesn't define __round__ method",
		    pp_type_name(in));
	if (places.type == PP_T_NONE) {
		if (in.type != PP_T_FLOAT)
			return round_int(rt, in, 0);
		in = round_float(rt, in.f, 0);
		return pp_is_error(in) || !isfinite(in.f) ?
		    in :
		    pp_int_from_double(rt, in.f);
	}
	if (pp_need_int(rt, places, &n) < 0)
		return pp_error_value();
	return in.type == PP_T_FLOAT ? round_float(rt, in.f, n) :
				       round_int(rt, in, n);
}

/* ---- file sizes ---- */

PP_FILTER(pp_f_filesizeformat)
{
	static const char *const decimal[] = { "kB", "MB", "GB", "TB", "PB",
		"EB", "ZB", "YB" };
	static const char *const binary[] = { "KiB", "MiB", "GiB", "TiB", "PiB",
		"EiB", "ZiB", "YiB" };
	int two = pp_is_missing(arg[0]) ? 0 : pp_truth(rt, arg[0]);
	double bytes, base = two > 0 ? 1024 : 1000;
	struct pp_value v, unit;
	int i = 0;

	if (two < 0)
		return pp_error_value();
	if (in.type == PP_T_UNDEFINED)
		return pp_undefined_error(rt, in);
	if (pp_is_number(in))
		bytes = pp_num_double(in);
	else if (!pp_is_str(in))
		return pp_type_error(rt,
		    "float() argument must be a string or"
		    " a real number, not '%s'",
		    pp_type_name(in));
	else if (!pp_float_parse(in, &bytes))
		return pp_runtime_error(rt,
		    "could not convert string to float: '%.*s'", (int)in.len,
		    in.s);
	if (bytes == 1)
		return pp_cstr("1 Byte");
	if (bytes < base) {
		v = pp_int_from_double(rt, bytes);
		v = pp_is_error(v) ? v : pp_to_str(rt, v);
		return pp_is_error(v) ?
		    v :
		    pp_rt_strf(rt, "%.*s Bytes", (int)v.len, v.s);
	}
	unit = pp_int((int64_t)(base * base));
	while (i < 7 && pp_num_compare(pp_float(bytes), unit) != -1) {
		unit = pp_int_mul(rt, unit, pp_int((int64_t)base));
		if (pp_is_error(unit))
			return unit;
		i++;
	}
	return pp_rt_strf(rt, "%.1f %s", base * bytes / pp_num_double(unit),
	    two ? binary[i] : decimal[i]);
}
