/* Numbers out of text, and floats as text. */
#include <config.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "template/number.h"
#include "template/runtime.h"
#include "template/unicode.h"

/*
 * Trim Unicode space, turn decimal digits of any script into ASCII. Other
 * characters beyond ASCII become '?', which no number has.
 */
static void
plain_digits(struct pp_value text, struct pp_buf *out)
{
	size_t end;

	for (size_t at = 0; at < text.len;) {
		uint32_t cp = pp_next_char(text.s, text.len, &at);
		int digit = pp_uc_digit(cp);
		bool space = (pp_uc(cp) & PP_UC_SPACE) != 0;

		if (space && out->len == 0)
			continue;
		if (digit >= 0)
			pp_buf_addc(out, (char)('0' + digit));
		else if (space)
			pp_buf_addc(out, ' ');
		else
			pp_buf_addc(out, cp < 0x80 && cp > 0 ? (char)cp : '?');
	}
	for (end = out->len; end > 0 && out->data[end - 1] == ' ';)
		end--;
	pp_buf_truncate(out, end);
}

static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

/* The base that a prefix at `p` names, or 0. */
static int
prefix_base(const char *p)
{
	if (p[0] != '0' || p[1] == '\0')
		return 0;
	switch (p[1] | 0x20) {
	case 'x': return 16;
	case 'o': return 8;
	case 'b': return 2;
	default: return 0;
	}
}

/* Digits with single underscores between them, moved to the front of `p`. */
static size_t
squeeze_digits(char *p, size_t len, int base)
{
	size_t n = 0;
	bool after_digit = false;

	for (size_t i = 0; i < len; i++) {
		if (p[i] == '_' && after_digit && i + 1 < len) {
			after_digit = false;
			continue;
		}
		if (digit_value(p[i]) >= base)
			return 0;
		p[n++] = p[i];
		after_digit = true;
	}
	return n;
}

/* Base 0: by the prefix; then "0123" is no number, but "000" is. */
static bool
parse_digits(struct pp_rt *rt, char *p, size_t len, int base,
    struct pp_value *out)
{
	bool negative = false;
	int prefixed;
	size_t n;

	if (len > 0 && (p[0] == '-' || p[0] == '+')) {
		negative = p[0] == '-';
		p++;
		len--;
	}
	prefixed = len > 1 ? prefix_base(p) : 0;
	if (prefixed != 0 && (base == 0 || base == prefixed)) {
		base = prefixed;
		p += 2;
		len -= 2;
		if (len > 1 && p[0] == '_') {
			p++;
			len--;
		}
	} else if (base == 0) {
		base = 10;
		if (len > 1 && p[0] == '0' && strspn(p, "0_") != len)
			return false;
	}
	if (len == 0 || (n = squeeze_digits(p, len, base)) == 0)
		return false;
	if (base == 10 && n > PP_MAX_INT_PRINT)
		return false;
	*out = pp_int_from_digits(rt, p, n, base, negative);
	return true;
}

bool
pp_int_parse(struct pp_rt *rt, struct pp_value text, int base,
    struct pp_value *out)
{
	struct pp_buf b = PP_BUF_INIT;
	bool ok = false;

	plain_digits(text, &b);
	if (b.len > 0)
		ok = parse_digits(rt, b.data, b.len, base, out);
	pp_buf_release(&b);
	return ok;
}

/* [digits][.digits][e[+-]digits], underscores between digits taken out. */
static bool
is_decimal(const char *p)
{
	size_t whole = strspn(p, "0123456789"), fraction = 0, exponent;

	p += whole;
	if (*p == '.') {
		fraction = strspn(p + 1, "0123456789");
		p += 1 + fraction;
	}
	if (whole + fraction == 0)
		return false;
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '+' || *p == '-';
		exponent = strspn(p, "0123456789");
		if (exponent == 0)
			return false;
		p += exponent;
	}
	return *p == '\0';
}

static bool
drop_underscores(struct pp_buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++) {
		char c = b->data[i];

		if (c == '_') {
			if (i == 0 || digit_value(b->data[i - 1]) > 9 ||
			    digit_value(b->data[i + 1]) > 9)
				return false;
			continue;
		}
		b->data[n++] = c;
	}
	pp_buf_truncate(b, n);
	return true;
}

static bool
is_word(const char *p, const char *word)
{
	for (; *p != '\0' && *word != '\0'; p++, word++) {
		if ((*p | 0x20) != *word)
			return false;
	}
	return *p == *word;
}

bool
pp_float_parse(struct pp_value text, double *out)
{
	struct pp_buf b = PP_BUF_INIT;
	const char *p;
	bool negative, ok = true;
	double d = 0;

	plain_digits(text, &b);
	if (b.len == 0 || memchr(b.data, '\0', b.len) != NULL ||
	    !drop_underscores(&b)) {
		pp_buf_release(&b);
		return false;
	}
	p = b.data;
	negative = *p == '-';
	p += *p == '-' || *p == '+';
	if (is_word(p, "inf") || is_word(p, "infinity"))
		d = INFINITY;
	else if (is_word(p, "nan"))
		d = NAN;
	else if (is_decimal(p))
		d = strtod(p, NULL);
	else
		ok = false;
	pp_buf_release(&b);
	if (ok)
		*out = negative ? -d : d;
	return ok;
}

/* ---- floats as text ---- */

/*
 * Numbers with few decimals, which most are: a whole number below 10^15 over
 * a power of ten that divides to exactly `f`. Fifteen digits always read back
 * as they were, so the first that fits is the shortest.
 */
static size_t
short_text(double f, char out[PP_FLOAT_BYTES])
{
	double magnitude = fabs(f), power = 1;
	char digits[24] = "0";
	size_t n = 0, len = 0;
	uint64_t whole;

	if (magnitude < 1e-4 && magnitude > 0)
		return 0;
	for (int places = 0; places <= 6; places++, power *= 10) {
		double t = magnitude * power;

		if (t >= 1e15)
			return 0;
		whole = (uint64_t)t;
		if ((double)whole != t || (double)whole / power != magnitude)
			continue;
		/* The power before may have missed it by its rounding. */
		for (; places > 1 && whole % 10 == 0; places--)
			whole /= 10;
		do {
			digits[n++] = (char)('0' + whole % 10);
			whole /= 10;
		} while (whole > 0 || n <= (size_t)places);
		if (signbit(f))
			out[len++] = '-';
		while (n > (size_t)places)
			out[len++] = digits[--n];
		out[len++] = '.';
		if (places == 0)
			out[len++] = '0';
		while (n > 0)
			out[len++] = digits[--n];
		out[len] = '\0';
		return len;
	}
	return 0;
}

/* Digits and exponent as Python arranges them: 1e-05 to 1e+16 stay plain. */
static size_t
arrange(const char *text, char out[PP_FLOAT_BYTES])
{
	char digits[24] = "0";
	size_t n = 0, len = 0;
	const char *p = text;
	int exponent;

	if (*p == '-')
		out[len++] = *p++;
	for (; *p != 'e'; p++) {
		if (*p >= '0' && *p <= '9')
			digits[n++] = *p;
	}
	exponent = atoi(p + 1);
	while (n > 1 && digits[n - 1] == '0')
		n--;
	if (exponent < -4 || exponent >= 16) {
		out[len++] = digits[0];
		if (n > 1)
			out[len++] = '.';
		memcpy(out + len, digits + 1, n - 1);
		len += n - 1;
		len += (size_t)sprintf(out + len, "e%c%02d",
		    exponent < 0 ? '-' : '+', abs(exponent));
		return len;
	}
	if (exponent < 0) {
		out[len++] = '0';
		out[len++] = '.';
		for (int i = -1; i > exponent; i--)
			out[len++] = '0';
		memcpy(out + len, digits, n);
		len += n;
	} else {
		for (int i = 0; i <= exponent; i++)
			out[len++] = (size_t)i < n ? digits[i] : '0';
		out[len++] = '.';
		if (n <= (size_t)exponent + 1)
			out[len++] = '0';
		for (size_t i = (size_t)exponent + 1; i < n; i++)
			out[len++] = digits[i];
	}
	out[len] = '\0';
	return len;
}

/*
 * A power of two is nearer to its neighbour below than to that above, so the
 * next greater decimal may read back where the nearest one, which is below,
 * does not: 2^-140 is 7.174648137343064e-43, to 16 digits ...063e-43.
 */
static bool
next_digit_up(char *text, double f)
{
	int exponent;
	char *p = strchr(text, 'e') - 1;

	if (fabs(frexp(f, &exponent)) != 0.5 || *p == '9')
		return false;
	++*p;
	if (strtod(text, NULL) == f)
		return true;
	--*p;
	return false;
}

size_t
pp_float_text(double f, char out[PP_FLOAT_BYTES])
{
	char text[40];
	size_t len;

	if (isnan(f) || isinf(f)) {
		strcpy(out, isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
		return strlen(out);
	}
	len = short_text(f, out);
	if (len > 0)
		return len;
	/* Numbers too small for 15 digits may need far fewer. */
	for (int places = fabs(f) < 0x1p-1022 ? 0 : 14; places <= 16;
	     places++) {
		snprintf(text, sizeof text, "%.*e", places, f);
		if (strtod(text, NULL) == f || next_digit_up(text, f))
			break;
	}
	return arrange(text, out);
}
