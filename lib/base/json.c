#include <config.h>

#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_int.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- escapes ---- */

/* Four hexadecimal digits, or -1. */
static int32_t
hex4(const char *p, const char *end)
{
	int32_t v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int digit = c >= '0' && c <= '9' ? c - '0' :
		    c >= 'a' && c <= 'f'	 ? c - 'a' + 10 :
		    c >= 'A' && c <= 'F'	 ? c - 'A' + 10 :
						   -1;

		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

static inline bool
is_high_surrogate(int32_t c)
{
	return c >= 0xd800 && c <= 0xdbff;
}

static inline bool
is_low_surrogate(int32_t c)
{
	return c >= 0xdc00 && c <= 0xdfff;
}

size_t
pp_json_read_unicode(const char *p, const char *end, uint32_t *cp, bool *lone)
{
	int32_t c = hex4(p + 2, end), low;

	*lone = false;
	if (c < 0)
		return 0;
	*cp = (uint32_t)c;
	if (is_high_surrogate(c) && end - p >= 12 && p[6] == '\\' &&
	    p[7] == 'u') {
		low = hex4(p + 8, end);
		if (is_low_surrogate(low)) {
			*cp = 0x10000 + (((uint32_t)c - 0xd800) << 10) +
			    ((uint32_t)low - 0xdc00);
			return 12;
		}
	}
	if (is_high_surrogate(c) || is_low_surrogate(c)) {
		*lone = true;
		*cp = 0xfffd;
	}
	return 6;
}

/* ---- members and items ---- */

/* The text of a string node, given its escapes. */
static bool
text_is(const struct pp_json *v, const char *s, size_t len)
{
	struct pp_buf plain = PP_BUF_INIT;
	bool equal;

	if (!v->escaped)
		return v->len == len &&
		    (len == 0 || memcmp(v->text, s, len) == 0);
	if (v->len < len)
		return false;
	pp_json_unescape(v, &plain);
	equal = plain.len == len && memcmp(plain.data, s, len) == 0;
	pp_buf_release(&plain);
	return equal;
}

const struct pp_json *
pp_json_getn(const struct pp_json *v, const char *key, size_t len)
{
	const struct pp_json *found = NULL, *k;

	if (v == NULL || v->type != PP_JSON_OBJECT)
		return NULL;
	k = v + 1;
	for (uint32_t i = 0; i < v->count; i++) {
		const struct pp_json *value = pp_json_next(k);

		if (text_is(k, key, len))
			found = value;
		k = pp_json_next(value);
	}
	return found;
}

const struct pp_json *
pp_json_get(const struct pp_json *v, const char *key)
{
	return pp_json_getn(v, key, strlen(key));
}

const struct pp_json *
pp_json_at(const struct pp_json *v, size_t i)
{
	const struct pp_json *item;

	if (v == NULL || v->type != PP_JSON_ARRAY || i >= v->count)
		return NULL;
	for (item = v + 1; i > 0; i--)
		item = pp_json_next(item);
	return item;
}

/* "12" as an index; false when it is none. */
static bool
parse_index(const char *s, size_t len, size_t *index)
{
	size_t n = 0;

	if (len == 0 || len > 9)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		n = n * 10 + (size_t)(s[i] - '0');
	}
	*index = n;
	return true;
}

const struct pp_json *
pp_json_path(const struct pp_json *v, const char *path)
{
	size_t len, index;

	for (; v != NULL; path += len + 1) {
		len = strcspn(path, ".");
		if (v->type == PP_JSON_ARRAY)
			v = parse_index(path, len, &index) ?
			    pp_json_at(v, index) :
			    NULL;
		else
			v = pp_json_getn(v, path, len);
		if (path[len] == '\0')
			break;
	}
	return v;
}

bool
pp_json_is(const struct pp_json *v, const char *s)
{
	return v != NULL && v->type == PP_JSON_STRING &&
	    text_is(v, s, strlen(s));
}

int
pp_json_unescape(const struct pp_json *v, struct pp_buf *out)
{
	const char *p = v->text, *end = p + v->len, *slash;
	size_t before = out->len, n;
	uint32_t cp = 0;
	char c[4] = "";
	bool lone;

	if (pp_buf_reserve(out, v->escaped ? 0 : v->len) < 0)
		return -1;
	while (v->escaped && (slash = memchr(p, '\\', (size_t)(end - p)))) {
		if (pp_buf_add(out, p, (size_t)(slash - p)) < 0)
			goto full;
		c[0] = pp_json_plain_escape(slash[1]);
		if (c[0] != 0) {
			n = 1;
			p = slash + 2;
		} else {
			p = slash +
			    pp_json_read_unicode(slash, end, &cp, &lone);
			n = pp_utf8_encode(cp, c);
		}
		if (pp_buf_add(out, c, n) < 0)
			goto full;
	}
	if (pp_buf_add(out, p, (size_t)(end - p)) == 0)
		return 0;
full:
	pp_buf_truncate(out, before);
	return -1;
}

char *
pp_json_strdup(const struct pp_json *v)
{
	struct pp_buf out = PP_BUF_INIT;

	if (v == NULL || v->type != PP_JSON_STRING)
		return NULL;
	if (!v->escaped)
		return pp_strndup(v->text, v->len);
	pp_json_unescape(v, &out);
	return pp_buf_detach(&out, NULL);
}

const char *
pp_json_raw(const struct pp_json *v, size_t *len)
{
	bool quoted = v->type == PP_JSON_STRING;

	*len = (size_t)v->len + (quoted ? 2 : 0);
	return quoted ? v->text - 1 : v->text;
}

/* ---- numbers ---- */

static bool
parse_double(const struct pp_json *v, double *out)
{
	char on_stack[64], *s = on_stack;

	if (v->len >= sizeof on_stack)
		s = pp_malloc((size_t)v->len + 1);
	memcpy(s, v->text, v->len);
	s[v->len] = '\0';
	*out = strtod(s, NULL);
	if (s != on_stack)
		free(s);
	return isfinite(*out);
}

bool
pp_json_int64(const struct pp_json *v, int64_t *out)
{
	bool negative;
	int64_t n = 0;
	double d;

	if (v == NULL || v->type != PP_JSON_NUMBER)
		return false;
	if (!v->integer) {
		if (!parse_double(v, &d) || d != floor(d) || fabs(d) > 0x1p53)
			return false;
		*out = (int64_t)d;
		return true;
	}
	negative = v->text[0] == '-';
	/* Downwards, since INT64_MIN has no positive twin. */
	for (uint32_t i = negative; i < v->len; i++) {
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_sub_overflow(n, v->text[i] - '0', &n))
			return false;
	}
	if (!negative && n == INT64_MIN)
		return false;
	*out = negative ? n : -n;
	return true;
}

bool
pp_json_get_count(const struct pp_json *v, const char *key, int64_t *out)
{
	return pp_json_int64(pp_json_get(v, key), out) && *out >= 0;
}

bool
pp_json_get_text(const struct pp_json *v, const char *key, char *out,
    size_t size)
{
	const struct pp_json *s = pp_json_get(v, key);

	if (s == NULL || s->type != PP_JSON_STRING || s->escaped ||
	    s->len >= size)
		return false;
	memcpy(out, s->text, s->len);
	out[s->len] = '\0';
	return true;
}

/*
 * Up to 15 digits and a power of ten up to 22 are both exact as doubles, so
 * one division gives the nearest one (Clinger, 1990). Most numbers are such.
 */
static bool
parse_short_double(const struct pp_json *v, double *out)
{
	static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
		1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
	bool negative = v->text[0] == '-';
	const char *point = NULL;
	int64_t n = 0;

	if (v->len > 15)
		return false;
	for (uint32_t i = negative; i < v->len; i++) {
		char c = v->text[i];

		if (c == '.')
			point = v->text + i;
		else if (c >= '0' && c <= '9')
			n = n * 10 + (c - '0');
		else
			return false;
	}
	*out = (double)n;
	if (point != NULL)
		*out /= powers[v->text + v->len - 1 - point];
	if (negative)
		*out = -*out;
	return true;
}

bool
pp_json_double(const struct pp_json *v, double *out)
{
	if (v == NULL || v->type != PP_JSON_NUMBER)
		return false;
	return parse_short_double(v, out) || parse_double(v, out);
}
