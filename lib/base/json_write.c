#include <config.h>

#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_int.h"
#include "base/money.h"
#include "base/str.h"

/* ---- text ---- */

/* How much longer the escapes make the text. */
static size_t
extra_bytes(const char *s, size_t len)
{
	size_t extra = 0;

	for (size_t i = 0; i < len; i++) {
		if (pp_json_is_special(s[i]))
			extra += (unsigned char)s[i] >= 0x20 ||
				strchr("\b\f\n\r\t", s[i]) != NULL ?
			    1 :
			    5;
	}
	return extra;
}

/* The escape of a special byte; returns its length, 2 or 6. */
static size_t
write_escape(char *to, char c)
{
	static const char letters[0x20] = { ['\b'] = 'b',
		['\f'] = 'f',
		['\n'] = 'n',
		['\r'] = 'r',
		['\t'] = 't' };
	static const char hex[] = "0123456789abcdef";
	unsigned char u = (unsigned char)c;

	to[0] = '\\';
	if (u >= 0x20 || letters[u] != 0) {
		to[1] = u >= 0x20 ? c : letters[u];
		return 2;
	}
	to[1] = 'u';
	to[2] = '0';
	to[3] = '0';
	to[4] = hex[u >> 4];
	to[5] = hex[u & 15];
	return 6;
}

/*
 * Copy plain bytes while looking for the next special one; `*s` moves there
 * or to the end, and so does what is returned.
 */
static inline char *
copy_plain(char *to, const char **s, const char *end)
{
	const char *p = *s;

	while (end - p >= 8) {
		uint64_t w = pp_json_load_word(p);
		uint64_t stop = pp_json_special_bytes(w) & ~w & PP_JSON_HIGH;

		memcpy(to, p, 8);
		if (stop != 0) {
			size_t n = (size_t)__builtin_ctzll(stop) >> 3;

			*s = p + n;
			return to + n;
		}
		p += 8;
		to += 8;
	}
	while (p < end && !pp_json_is_special(*p))
		*to++ = *p++;
	*s = p;
	return to;
}

/*
 * The text without quotes. Room for the rest and one escape is kept at all
 * times; under a ceiling the caller has seen that the whole fits.
 */
static void
put_text(struct pp_buf *out, const char *s, size_t len)
{
	const char *end = s + len;
	char *to;

	if (len == 0 || pp_buf_reserve(out, len) < 0)
		return;
	to = out->data + out->len;
	for (;;) {
		to = copy_plain(to, &s, end);
		if (s == end)
			break;
		out->len = (size_t)(to - out->data);
		if (out->cap - out->len < (size_t)(end - s) + 6) {
			size_t max = out->max;

			out->max = 0;
			pp_buf_reserve(out, (size_t)(end - s) * 2 + 6);
			out->max = max;
			to = out->data + out->len;
		}
		to += write_escape(to, *s++);
	}
	out->len = (size_t)(to - out->data);
	out->data[out->len] = '\0';
}

void
pp_json_put_str(struct pp_buf *out, const char *s, size_t len)
{
	if (out->max != 0 &&
	    pp_buf_reserve(out, len + extra_bytes(s, len) + 2) < 0)
		return;
	pp_buf_addc(out, '"');
	put_text(out, s, len);
	pp_buf_addc(out, '"');
}

void
pp_json_put_cstr(struct pp_buf *out, const char *s)
{
	if (s != NULL)
		pp_json_put_str(out, s, strlen(s));
	else
		pp_buf_adds(out, "null");
}

void
pp_json_put_lossy(struct pp_buf *out, const char *s, size_t len)
{
	struct pp_buf clean = PP_BUF_INIT;
	size_t bad;

	if (pp_utf8_valid(s, len, &bad)) {
		pp_json_put_str(out, s, len);
		return;
	}
	do {
		pp_buf_add(&clean, s, bad);
		pp_buf_adds(&clean, "\xef\xbf\xbd");
		s += bad + 1;
		len -= bad + 1;
	} while (!pp_utf8_valid(s, len, &bad));
	pp_buf_add(&clean, s, len);
	pp_json_put_str(out, clean.data, clean.len);
	pp_buf_release(&clean);
}

void
pp_json_put_int(struct pp_buf *out, int64_t v)
{
	char text[24], *p = text + sizeof text;
	uint64_t n = v < 0 ? -(uint64_t)v : (uint64_t)v;

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	if (v < 0)
		*--p = '-';
	pp_buf_add(out, p, (size_t)(text + sizeof text - p));
}

/*
 * At a power of two the gap below is half as wide as the one above: the
 * nearest 16 digits may lie too low where the next ones up read back as v.
 */
static bool
next_digits_up(double v, char text[40])
{
	char next[40];
	int exponent;
	unsigned long long fraction;

	if (frexp(v, &exponent) != 0.5)
		return false;
	fraction = strtoull(text + 2, NULL, 10) + 1;
	snprintf(next, sizeof next, "%c.%015llu%s", text[0], fraction,
	    strchr(text, 'e'));
	if (strtod(next, NULL) != v)
		return false;
	memcpy(text, next, sizeof next);
	return true;
}

/*
 * The fewest digits that read back as v > 0, as "d.ddde+xx". Any 15 digits
 * survive a double, so fewer show as zeros at the end; only subnormal numbers
 * hold less.
 */
static void
shortest_digits(double v, char text[40])
{
	for (int n = v < 0x1p-1022 ? 1 : 15; n <= 17; n++) {
		snprintf(text, 40, "%.*e", n - 1, v);
		if (strtod(text, NULL) == v ||
		    (n == 16 && next_digits_up(v, text)))
			return;
	}
}

/* Digits as people write them, with an exponent from 1e16 on and below 1e-4. */
static void
put_digits(struct pp_buf *out, const char *digits, int count, int exponent)
{
	if (exponent < -4 || exponent >= 16) {
		pp_buf_addc(out, digits[0]);
		if (count > 1)
			pp_buf_addf(out, ".%.*s", count - 1, digits + 1);
		pp_buf_addf(out, "e%+03d", exponent);
	} else if (exponent < 0) {
		pp_buf_addf(out, "0.%.*s%.*s", -exponent - 1, "000", count,
		    digits);
	} else if (count <= exponent + 1) {
		pp_buf_addf(out, "%.*s%.*s.0", count, digits,
		    exponent + 1 - count, "0000000000000000");
	} else {
		pp_buf_addf(out, "%.*s.%.*s", exponent + 1, digits,
		    count - exponent - 1, digits + exponent + 1);
	}
}

void
pp_json_put_double(struct pp_buf *out, double v)
{
	struct pp_buf number = PP_BUF_INIT;
	char text[40], digits[40] = "";
	int count = 0;

	if (!isfinite(v)) {
		pp_buf_adds(out, "null");
		return;
	}
	if (signbit(v))
		pp_buf_addc(&number, '-');
	if (v == 0) {
		pp_buf_adds(&number, "0.0");
	} else {
		shortest_digits(fabs(v), text);
		for (const char *p = text; *p != 'e'; p++) {
			if (*p != '.')
				digits[count++] = *p;
		}
		while (count > 1 && digits[count - 1] == '0')
			count--;
		put_digits(&number, digits, count,
		    (int)strtol(strchr(text, 'e') + 1, NULL, 10));
	}
	pp_buf_add(out, number.data, number.len);
	pp_buf_release(&number);
}

void
pp_json_put_key(struct pp_buf *out, const char *key)
{
	bool first = out->len == 0 || out->data[out->len - 1] == '{';

	/* printf would take half the time of writing a row */
	pp_buf_adds(out, first ? "\"" : ",\"");
	pp_buf_adds(out, key);
	pp_buf_adds(out, "\":");
}

void
pp_json_member_int(struct pp_buf *out, const char *key, int64_t v)
{
	pp_json_put_key(out, key);
	pp_json_put_int(out, v);
}

void
pp_json_member_str(struct pp_buf *out, const char *key, const char *s)
{
	pp_json_put_key(out, key);
	pp_json_put_cstr(out, s);
}

void
pp_json_member_money(struct pp_buf *out, const char *key, int64_t nusd)
{
	char text[PP_MONEY_TEXT_BYTES];

	pp_json_member_str(out, key, pp_money_format(nusd, text));
}
