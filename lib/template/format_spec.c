/*
 * format(value, spec):
 *	[[fill]align][sign][z][#][0][width][, or _][.precision][type]
 */
#include <config.h>

#include <math.h>
#include <stdlib.h>

#include "base/str.h"
#include "template/format.h"
#include "template/object.h"
#include "template/unicode.h"

struct spec {
	char fill[4];
	size_t fill_len;
	char align; /* < > = ^, or 0 */
	char sign;  /* + - space, or 0 */
	bool alternate, zero;
	bool no_minus_zero; /* z */
	int64_t width;
	char group;	   /* , or _, or 0 */
	int64_t precision; /* -1: none */
	char type;	   /* 0: none */
};

static bool
is_align(char c)
{
	return c == '<' || c == '>' || c == '=' || c == '^';
}

static const char *
read_number(const char *s, const char *end, int64_t *n)
{
	for (*n = 0; s < end && *s >= '0' && *s <= '9'; s++) {
		if (*n < INT32_MAX)
			*n = *n * 10 + (*s - '0');
	}
	return s;
}

/* [[fill]align] */
static const char *
read_align(const char *s, const char *end, struct spec *spec)
{
	size_t at = 0;

	spec->fill[0] = ' ';
	spec->fill_len = 1;
	if (s >= end)
		return s;
	pp_next_char(s, (size_t)(end - s), &at);
	if (s + at < end && is_align(s[at])) {
		memcpy(spec->fill, s, at);
		spec->fill_len = at;
		spec->align = s[at];
		return s + at + 1;
	}
	if (is_align(*s))
		spec->align = *s++;
	return s;
}

static int
read_spec(struct pp_rt *rt, struct pp_value text, struct spec *spec)
{
	const char *s = text.s, *end = s + text.len;
	bool filled;

	memset(spec, 0, sizeof *spec);
	spec->precision = -1;
	s = read_align(s, end, spec);
	filled = s - text.s > 1;
	if (s < end && (*s == '+' || *s == '-' || *s == ' '))
		spec->sign = *s++;
	if (s < end && *s == 'z') {
		spec->no_minus_zero = true;
		s++;
	}
	if (s < end && *s == '#') {
		spec->alternate = true;
		s++;
	}
	if (s < end && *s == '0') {
		spec->zero = true;
		if (!filled)
			spec->fill[0] = '0';
		s++;
	}
	s = read_number(s, end, &spec->width);
	if (s < end && (*s == ',' || *s == '_'))
		spec->group = *s++;
	if (s < end && *s == '.') {
		const char *digits = ++s;

		s = read_number(s, end, &spec->precision);
		if (s == digits)
			return pp_fail_int(rt, PP_K_RUNTIME,
			    "Format specifier missing precision");
	}
	if (s < end)
		spec->type = *s++;
	if (s < end)
		return pp_fail_int(rt, PP_K_RUNTIME,
		    "Invalid format specifier");
	if (spec->width > rt->bounds.string_bytes || spec->precision > 10000)
		return pp_fail_int(rt, PP_K_LIMIT,
		    "a string is longer than %lld bytes",
		    (long long)rt->bounds.string_bytes);
	return 0;
}

static int
bad_code(struct pp_rt *rt, struct pp_value v, char type)
{
	return pp_fail_int(rt, PP_K_RUNTIME,
	    "Unknown format code '%c' for "
	    "object of type '%s'",
	    type, pp_type_name(v));
}

static void
fill(struct pp_buf *out, const struct spec *spec, int64_t n)
{
	for (; n > 0; n--)
		pp_buf_add(out, spec->fill, spec->fill_len);
}

/* `prefix` bytes of sign and 0x stay in front of '=' padding. */
static void
put_aligned(struct pp_buf *out, const struct spec *spec, char align,
    const char *s, size_t len, size_t prefix)
{
	int64_t n = spec->width - (int64_t)pp_utf8_count(s, len);
	int64_t left = align == '>' ? n : align == '^' ? n / 2 : 0;

	if (n <= 0) {
		pp_buf_add(out, s, len);
		return;
	}
	fill(out, spec, left);
	pp_buf_add(out, s, prefix);
	if (align == '=')
		fill(out, spec, n);
	pp_buf_add(out, s + prefix, len - prefix);
	if (align != '=')
		fill(out, spec, n - left);
}

static int
put_string(struct pp_rt *rt, struct pp_value v, const struct spec *spec)
{
	size_t len = v.len, at = 0;

	if (spec->type != 0 && spec->type != 's')
		return bad_code(rt, v, spec->type);
	if (spec->sign != 0 || spec->align == '=' || spec->alternate ||
	    spec->group != 0 || spec->no_minus_zero)
		return pp_fail_int(rt, PP_K_RUNTIME,
		    "not allowed in string format specifier");
	if (spec->precision >= 0) {
		for (int64_t i = 0; i < spec->precision && at < len; i++)
			pp_next_char(v.s, v.len, &at);
		len = at;
	}
	put_aligned(&rt->out, spec, spec->align != 0 ? spec->align : '<', v.s,
	    len, 0);
	return 0;
}

/* Digits with a mark every `every`, grown by zeros to fill the width. */
static void
put_grouped(struct pp_buf *b, const char *digits, size_t len, char mark,
    size_t every, size_t min)
{
	struct pp_buf reversed = PP_BUF_INIT;
	size_t n = 0;

	for (size_t i = 0; i < len || reversed.len < min; i++) {
		if (n > 0 && n % every == 0) {
			pp_buf_addc(&reversed, mark);
			if (i >= len && reversed.len >= min)
				pp_buf_addc(&reversed, '0');
			if (i >= len && reversed.len >= min)
				break;
		}
		pp_buf_addc(&reversed, i < len ? digits[len - 1 - i] : '0');
		n++;
	}
	for (size_t i = reversed.len; i-- > 0;)
		pp_buf_addc(b, reversed.data[i]);
	pp_buf_release(&reversed);
}

/*
 * A number: sign and prefix, whole digits (grouped), the rest, in the width.
 */
static void
put_number(struct pp_buf *out, const struct spec *spec, bool negative,
    const char *prefix, const char *digits, size_t whole, const char *rest,
    size_t every)
{
	struct pp_buf b = PP_BUF_INIT;
	char align = spec->align != 0 ? spec->align : spec->zero ? '=' : '>';
	size_t head, min = 0;

	if (negative)
		pp_buf_addc(&b, '-');
	else if (spec->sign == '+' || spec->sign == ' ')
		pp_buf_addc(&b, spec->sign);
	pp_buf_adds(&b, prefix);
	head = b.len;
	if (spec->group != 0) {
		if (align == '=' && spec->fill_len == 1 &&
		    spec->fill[0] == '0' &&
		    spec->width > (int64_t)(head + strlen(rest)))
			min = (size_t)spec->width - head - strlen(rest);
		put_grouped(&b, digits, whole, spec->group, every, min);
	} else {
		pp_buf_add(&b, digits, whole);
	}
	pp_buf_adds(&b, rest);
	put_aligned(out, spec, align, b.data, b.len, head);
	pp_buf_release(&b);
}

static int
put_integer(struct pp_rt *rt, struct pp_value v, const struct spec *spec)
{
	struct pp_buf digits = PP_BUF_INIT;
	bool negative = pp_int_sign(v) < 0;
	const char *prefix = "";
	int base = 10, rc;

	if (spec->precision >= 0 || spec->no_minus_zero)
		return pp_fail_int(rt, PP_K_RUNTIME,
		    "%s not allowed in integer format specifier",
		    spec->no_minus_zero ? "Negative zero coercion (z)" :
					  "Precision");
	switch (spec->type) {
	case 'b':
		base = 2;
		prefix = "0b";
		break;
	case 'o':
		base = 8;
		prefix = "0o";
		break;
	case 'x':
		base = 16;
		prefix = "0x";
		break;
	case 'X':
		base = 16;
		prefix = "0X";
		break;
	default: break;
	}
	if (spec->group == ',' && base != 10)
		return pp_fail_int(rt, PP_K_RUNTIME,
		    "Cannot specify ',' with '%c'.", spec->type);
	if (v.type == PP_T_BOOL)
		v = pp_int(v.i);
	if (negative)
		v = pp_int_neg(rt, v);
	rc = pp_is_error(v) ? -1 : pp_int_put(rt, &digits, v, base);
	for (size_t i = 0; spec->type == 'X' && i < digits.len; i++) {
		if (digits.data[i] >= 'a')
			digits.data[i] = (char)(digits.data[i] - 32);
	}
	if (rc == 0)
		put_number(&rt->out, spec, negative,
		    spec->alternate ? prefix : "", digits.data, digits.len, "",
		    base == 10 ? 3 : 4);
	pp_buf_release(&digits);
	return rc;
}

static int
put_char(struct pp_rt *rt, struct pp_value v, const struct spec *spec)
{
	char utf8[4];
	size_t n;

	if (spec->sign != 0)
		return pp_fail_int(rt, PP_K_RUNTIME,
		    "Sign not allowed with integer format specifier 'c'");
	n = v.type != PP_T_BIG && v.i >= 0 && v.i <= 0x10ffff ?
	    pp_utf8_encode((uint32_t)v.i, utf8) :
	    0;
	if (n == 0)
		return pp_fail_int(rt, PP_K_RUNTIME,
		    "%%c arg not in range(0x110000)");
	put_aligned(&rt->out, spec, spec->align != 0 ? spec->align : '<', utf8,
	    n, 0);
	return 0;
}

/* repr() with a precision: as %g, but with a point in it. */
static void
plain_float(double d, const struct spec *spec, struct pp_buf *b)
{
	char text[PP_FLOAT_BYTES];
	int precision = spec->precision == 0 ? 1 : (int)spec->precision;

	if (spec->precision < 0) {
		pp_float_text(d, text);
		pp_buf_adds(b, text);
		return;
	}
	pp_buf_addf(b, spec->alternate ? "%#.*g" : "%.*g", precision, d);
	if (isfinite(d) && strpbrk(b->data, ".e") == NULL) {
		if ((int)b->len >= precision && precision < 17 &&
		    (int)b->len > 1 && (int)b->len == precision) {
			/* 10.0 with two digits is 1e+01 to Python */
			pp_buf_clear(b);
			pp_buf_addf(b, "%.*e", precision - 1, d);
			return;
		}
		pp_buf_adds(b, ".0");
	}
}

static void
format_float(double d, const struct spec *spec, struct pp_buf *b)
{
	int precision = spec->precision < 0 ? 6 : (int)spec->precision;
	bool alt = spec->alternate;

	switch (spec->type) {
	case 'e': pp_buf_addf(b, alt ? "%#.*e" : "%.*e", precision, d); break;
	case 'E': pp_buf_addf(b, alt ? "%#.*E" : "%.*E", precision, d); break;
	case 'f': pp_buf_addf(b, alt ? "%#.*f" : "%.*f", precision, d); break;
	case 'F': pp_buf_addf(b, alt ? "%#.*F" : "%.*F", precision, d); break;
	case 'g':
	case 'n': pp_buf_addf(b, alt ? "%#.*g" : "%.*g", precision, d); break;
	case 'G': pp_buf_addf(b, alt ? "%#.*G" : "%.*G", precision, d); break;
	case '%':
		pp_buf_addf(b, alt ? "%#.*f" : "%.*f", precision, d * 100);
		pp_buf_addc(b, '%');
		break;
	default: plain_float(d, spec, b); break;
	}
}

static int
put_float(struct pp_rt *rt, struct pp_value v, const struct spec *spec)
{
	struct pp_buf b = PP_BUF_INIT;
	double d = pp_num_double(v);
	bool negative;
	size_t whole;

	if (v.type == PP_T_BIG && isinf(d))
		return pp_fail_int(rt, PP_K_RUNTIME,
		    "int too large to convert to float");
	format_float(fabs(d), spec, &b);
	whole = strspn(b.data, "0123456789");
	negative = signbit(d) && !isnan(d);
	if (spec->no_minus_zero && strpbrk(b.data, "123456789i") == NULL)
		negative = false;
	put_number(&rt->out, spec, negative, "", b.data, whole, b.data + whole,
	    3);
	pp_buf_release(&b);
	return 0;
}

static int
put_numeric(struct pp_rt *rt, struct pp_value v, const struct spec *spec)
{
	bool integer = pp_is_integer(v);
	char t = spec->type;

	if (integer && t == 'c')
		return put_char(rt, v, spec);
	if (integer && (t == 0 || strchr("bdoxXn", t) != NULL))
		return put_integer(rt, v, spec);
	if (t == 0 || strchr("eEfFgGn%", t) != NULL)
		return put_float(rt, v, spec);
	return bad_code(rt, v, t);
}

int
pp_format_value(struct pp_rt *rt, struct pp_value v, struct pp_value text)
{
	struct spec spec;

	if (text.len == 0)
		return pp_put_str(rt, v);
	if (!pp_is_str(v) && !pp_is_number(v))
		return pp_fail_int(rt, PP_K_TYPE,
		    "unsupported format string "
		    "passed to %s.__format__",
		    pp_type_name(v));
	if (read_spec(rt, text, &spec) < 0)
		return -1;
	return pp_is_str(v) ? put_string(rt, v, &spec) :
			      put_numeric(rt, v, &spec);
}
