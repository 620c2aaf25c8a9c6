#include <config.h>

#include "base/json.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define NOBODY UINT32_MAX	/* the parent of the root */
#define EVERY_BYTE(b) (UINT64_C(0x0101010101010101) * (b))
#define HIGH_BITS EVERY_BYTE(0x80)

/*
 * Reading. Nothing recurses: while a container is open, its `skip` holds the
 * index of the container around it.
 */
struct reader {
	const char *start, *at, *end;
	struct pp_json_doc *doc;
	struct pp_error *err;
	unsigned flags;
	uint32_t open;		/* index of the innermost open container */
	int depth;
};

static bool fail(struct reader *r, const char *at, const char *what)
    __attribute__((cold, noinline));

static bool
fail(struct reader *r, const char *at, const char *what)
{
	r->doc->problem = what;
	r->doc->problem_at = (size_t)(at - r->start);
	pp_error_set(r->err, PP_EDATA, "%s at byte %zu", what,
	    r->doc->problem_at + 1);
	return false;
}

/* ---- text, eight bytes at a time ---- */

/* The first byte in memory is the lowest one, on every machine. */
static inline uint64_t
load_word(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	w = __builtin_bswap64(w);
#endif
	return w;
}

/*
 * The high bit of each byte that is '"', '\\' or a control character. Bits
 * above the lowest that is set may be wrong, since a subtraction borrows.
 * Bytes from 0x80 on come out right or wrong: mask or add them.
 */
static inline uint64_t
special_bytes(uint64_t w)
{
	uint64_t quote = w ^ EVERY_BYTE('"');
	uint64_t slash = w ^ EVERY_BYTE('\\');

	return (quote - EVERY_BYTE(1)) | (slash - EVERY_BYTE(1)) |
	    (w - EVERY_BYTE(0x20));
}

static inline bool
is_special(char c)
{
	return c == '"' || c == '\\' || (unsigned char)c < 0x20;
}

/* The first byte that is special or not ASCII, or `end`. */
static inline const char *
skip_plain(const char *p, const char *end)
{
	while (end - p >= 8) {
		uint64_t w = load_word(p);
		uint64_t stop = (special_bytes(w) | w) & HIGH_BITS;

		if (stop != 0)
			return p + (__builtin_ctzll(stop) >> 3);
		p += 8;
	}
	while (p < end && !is_special(*p) && (unsigned char)*p < 0x80)
		p++;
	return p;
}

static inline bool
is_tail(const char *p)
{
	return ((unsigned char)*p & 0xc0) == 0x80;
}

/*
 * Past a run of characters that are not ASCII; where the run is not UTF-8 it
 * stops. The common ones, of two and three bytes, are checked here.
 */
static inline const char *
skip_wide(const char *p, const char *end)
{
	uint32_t cp;
	size_t n;

	while (p < end && (unsigned char)*p >= 0x80) {
		unsigned char c = (unsigned char)*p;

		if (c >= 0xc2 && c <= 0xdf && end - p >= 2 && is_tail(p + 1)) {
			p += 2;
		} else if (c > 0xe0 && c < 0xed && end - p >= 3 &&
		    is_tail(p + 1) && is_tail(p + 2)) {
			p += 3;
		} else {
			n = pp_utf8_decode(p, (size_t)(end - p), &cp);
			if (n == 0)
				break;
			p += n;
		}
	}
	return p;
}

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
		    c >= 'a' && c <= 'f' ? c - 'a' + 10 :
		    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

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

/*
 * The code point of an escape "\uXXXX" at p, or of a pair of them; U+FFFD for
 * half a pair, which `*lone` tells. Returns its length, or 0.
 */
static size_t
read_unicode(const char *p, const char *end, uint32_t *cp, bool *lone)
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

/* What stands for a one-letter escape, or 0. */
static inline char
plain_escape(char c)
{
	switch (c) {
	case '"': case '\\': case '/': return c;
	case 'b': return '\b';
	case 'f': return '\f';
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	default: return 0;
	}
}

/* Past the escape at p; NULL when it is none. */
static const char *
skip_escape(struct reader *r, const char *p)
{
	uint32_t cp;
	size_t n;
	bool lone;

	if (r->end - p >= 2 && plain_escape(p[1]) != 0)
		return p + 2;
	if (r->end - p < 2 || p[1] != 'u') {
		fail(r, p, "invalid escape");
		return NULL;
	}
	n = read_unicode(p, r->end, &cp, &lone);
	if (n == 0) {
		fail(r, p, "\\u needs four hexadecimal digits");
		return NULL;
	}
	if (lone && !(r->flags & PP_JSON_LONE_SURROGATES)) {
		fail(r, p, "half of a surrogate pair");
		return NULL;
	}
	return p + n;
}

/* ---- values ---- */

static inline struct pp_json *
add_node(struct reader *r, enum pp_json_type type, const char *text)
{
	struct pp_json_doc *doc = r->doc;
	struct pp_json *v;

	if (doc->count == doc->cap)
		doc->nodes = pp_grow(doc->nodes, doc->count, &doc->cap,
		    sizeof *doc->nodes);
	v = &doc->nodes[doc->count++];
	*v = (struct pp_json){ .text = text, .type = (uint8_t)type,
		.skip = 1 };
	return v;
}

static inline void
skip_blanks(struct reader *r)
{
	const char *p = r->at;

	while (p < r->end && (*p == ' ' || *p == '\n' || *p == '\t' ||
	    *p == '\r'))
		p++;
	r->at = p;
}

/* A string, at its opening quote. */
static bool
read_string(struct reader *r)
{
	struct pp_json *v = add_node(r, PP_JSON_STRING, r->at + 1);
	const char *p = r->at + 1;

	for (;;) {
		p = skip_plain(p, r->end);
		if (p == r->end)
			return fail(r, r->at, "string without an end");
		if (*p == '"')
			break;
		if (*p == '\\') {
			v->escaped = true;
			p = skip_escape(r, p);
			if (p == NULL)
				return false;
		} else if ((unsigned char)*p < 0x20) {
			return fail(r, p, *p == '\n' || *p == '\r' ?
			    "line break in a string" :
			    "control character in a string");
		} else {
			p = skip_wide(p, r->end);
			if (p < r->end && (unsigned char)*p >= 0x80)
				return fail(r, p, "invalid UTF-8");
		}
	}
	v->len = (uint32_t)(p - v->text);
	r->at = p + 1;
	return true;
}

static inline bool
is_digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

static inline const char *
skip_digits(const char *p, const char *end)
{
	while (is_digit(p, end))
		p++;
	return p;
}

static bool
read_number(struct reader *r)
{
	struct pp_json *v = add_node(r, PP_JSON_NUMBER, r->at);
	const char *p = r->at, *end = r->end;

	v->integer = true;
	if (*p == '-')
		p++;
	if (!is_digit(p, end))
		return fail(r, p, "expected a digit");
	if (*p == '0' && is_digit(p + 1, end))
		return fail(r, p, "a number may not begin with 0");
	p = skip_digits(p, end);
	if (p < end && *p == '.') {
		v->integer = false;
		if (!is_digit(++p, end))
			return fail(r, p, "expected a digit");
		p = skip_digits(p, end);
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		v->integer = false;
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (!is_digit(p, end))
			return fail(r, p, "expected a digit");
		p = skip_digits(p, end);
	}
	v->len = (uint32_t)(p - v->text);
	r->at = p;
	return true;
}

static bool
read_word(struct reader *r, const char *word, enum pp_json_type type)
{
	size_t len = strlen(word);

	if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
		return fail(r, r->at, "expected a value");
	add_node(r, type, r->at)->len = (uint32_t)len;
	r->at += len;
	return true;
}

static bool
open_container(struct reader *r, enum pp_json_type type)
{
	uint32_t index = (uint32_t)r->doc->count;

	if (r->depth == PP_JSON_MAX_DEPTH)
		return fail(r, r->at, "nested too deeply");
	r->depth++;
	add_node(r, type, r->at)->skip = r->open;
	r->open = index;
	r->at++;
	return true;
}

static inline void
close_container(struct reader *r)
{
	struct pp_json *v = &r->doc->nodes[r->open];
	uint32_t parent = v->skip;

	r->at++;
	v->skip = (uint32_t)r->doc->count - r->open;
	v->len = (uint32_t)(r->at - v->text);
	r->open = parent;
	r->depth--;
}

/* The beginning of a value: all of it, unless it is a container. */
static inline bool
begin_value(struct reader *r)
{
	if (r->at == r->end)
		return fail(r, r->at, "text ends where a value is expected");
	switch (*r->at) {
	case '"': return read_string(r);
	case '{': return open_container(r, PP_JSON_OBJECT);
	case '[': return open_container(r, PP_JSON_ARRAY);
	case 't': return read_word(r, "true", PP_JSON_TRUE);
	case 'f': return read_word(r, "false", PP_JSON_FALSE);
	case 'n': return read_word(r, "null", PP_JSON_NULL);
	case '-': case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		return read_number(r);
	case '\xef':
		if (r->end - r->at >= 3 &&
		    memcmp(r->at, "\xef\xbb\xbf", 3) == 0)
			return fail(r, r->at, "byte order mark");
		return fail(r, r->at, "expected a value");
	default:
		return fail(r, r->at, "expected a value");
	}
}

/* A member's `"key" :`, up to its value. */
static bool
read_key(struct reader *r)
{
	if (r->at == r->end || *r->at != '"')
		return fail(r, r->at, "expected a key in quotes");
	if (!read_string(r))
		return false;
	skip_blanks(r);
	if (r->at == r->end || *r->at != ':')
		return fail(r, r->at, "expected ':'");
	r->at++;
	return true;
}

/*
 * Go to where the next child of the open container is due: past a comma, or
 * right behind the bracket; close what ends. True with nothing open: done.
 */
static bool
go_on(struct reader *r)
{
	while (r->open != NOBODY) {
		struct pp_json *v = &r->doc->nodes[r->open];
		bool object = v->type == PP_JSON_OBJECT;

		skip_blanks(r);
		if (r->at < r->end && *r->at == (object ? '}' : ']')) {
			close_container(r);
			continue;
		}
		if (v->count > 0) {
			if (r->at == r->end || *r->at != ',')
				return fail(r, r->at, object ?
				    "expected ',' or '}'" :
				    "expected ',' or ']'");
			r->at++;
			skip_blanks(r);
		}
		v->count++;
		return !object || read_key(r);
	}
	return true;
}

static bool
read_value(struct reader *r)
{
	do {
		skip_blanks(r);
		if (!begin_value(r) || !go_on(r))
			return false;
	} while (r->open != NOBODY);
	skip_blanks(r);
	return r->at == r->end || fail(r, r->at, "text after the value");
}

const struct pp_json *
pp_json_parse(struct pp_json_doc *doc, const char *text, size_t len,
    unsigned flags, struct pp_error *err)
{
	struct reader r = { .start = text, .at = text, .end = text + len,
		.doc = doc, .err = err, .flags = flags, .open = NOBODY };

	doc->count = 0;
	doc->problem = NULL;
	if (len >= UINT32_MAX) {
		fail(&r, text, "text of 4 GiB or more");
		return NULL;
	}
	return read_value(&r) ? doc->nodes : NULL;
}

void
pp_json_doc_release(struct pp_json_doc *doc)
{
	free(doc->nodes);
	*doc = (struct pp_json_doc)PP_JSON_DOC_INIT;
}

/* Behind the string whose inside begins at p, or NULL. */
static const char *
string_end(const char *p, const char *end)
{
	while (p < end) {
		p = skip_plain(p, end);
		if (p == end)
			break;
		if (*p == '"')
			return p + 1;
		p += *p == '\\' && end - p > 1 ? 2 : 1;
	}
	return NULL;
}

size_t
pp_json_value_len(const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	size_t depth = 0;
	bool begun = false;

	for (; p < end; p++) {
		switch (*p) {
		case '"':
			if (begun && depth == 0)
				return (size_t)(p - text);
			p = string_end(p + 1, end);
			if (p == NULL)
				return 0;
			if (depth == 0)
				return (size_t)(p - text);
			p--;
			break;
		case '{': case '[':
			if (begun && depth == 0)
				return (size_t)(p - text);
			depth++;
			break;
		case '}': case ']':
			if (depth == 0)
				return begun ? (size_t)(p - text) : 0;
			if (--depth == 0)
				return (size_t)(p - text) + 1;
			break;
		case ' ': case '\n': case '\t': case '\r':
			if (begun && depth == 0)
				return (size_t)(p - text);
			continue;
		case ',': case ':':
			if (depth == 0)
				return begun ? (size_t)(p - text) : 0;
			break;
		}
		begun = true;
	}
	return begun && depth == 0 ? len : 0;
}

/* ---- looking at what was read ---- */

/* The text of a string node, given its escapes. */
static bool
text_is(const struct pp_json *v, const char *s, size_t len)
{
	struct pp_buf plain = PP_BUF_INIT;
	bool equal;

	if (!v->escaped)
		return v->len == len && (len == 0 ||
		    memcmp(v->text, s, len) == 0);
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
			    pp_json_at(v, index) : NULL;
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
	uint32_t cp;
	char c[4];
	bool lone;

	if (pp_buf_reserve(out, v->escaped ? 0 : v->len) < 0)
		return -1;
	while (v->escaped && (slash = memchr(p, '\\', (size_t)(end - p)))) {
		if (pp_buf_add(out, p, (size_t)(slash - p)) < 0)
			goto full;
		c[0] = plain_escape(slash[1]);
		if (c[0] != 0) {
			n = 1;
			p = slash + 2;
		} else {
			p = slash + read_unicode(slash, end, &cp, &lone);
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

/*
 * Up to 15 digits and a power of ten up to 22 are both exact as doubles, so
 * one division gives the nearest one (Clinger, 1990). Most numbers are such.
 */
static bool
parse_short_double(const struct pp_json *v, double *out)
{
	static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6,
		1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
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

/* ---- writing ---- */

/* How much longer the escapes make the text. */
static size_t
extra_bytes(const char *s, size_t len)
{
	size_t extra = 0;

	for (size_t i = 0; i < len; i++) {
		if (is_special(s[i]))
			extra += (unsigned char)s[i] >= 0x20 ||
			    strchr("\b\f\n\r\t", s[i]) != NULL ? 1 : 5;
	}
	return extra;
}

/* The escape of a special byte; returns its length, 2 or 6. */
static size_t
write_escape(char *to, char c)
{
	static const char letters[0x20] = { ['\b'] = 'b', ['\f'] = 'f',
		['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };
	static const char hex[] = "0123456789abcdef";
	unsigned char u = (unsigned char)c;

	to[0] = '\\';
	if (u >= 0x20 || letters[u] != 0) {
		to[1] = u >= 0x20 ? c : letters[u];
		return 2;
	}
	memcpy(to + 1, "u00", 3);
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
		uint64_t w = load_word(p);
		uint64_t stop = special_bytes(w) & ~w & HIGH_BITS;

		memcpy(to, p, 8);
		if (stop != 0) {
			size_t n = (size_t)__builtin_ctzll(stop) >> 3;

			*s = p + n;
			return to + n;
		}
		p += 8;
		to += 8;
	}
	while (p < end && !is_special(*p))
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
	char text[40], digits[40];
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

	pp_buf_addf(out, first ? "\"%s\":" : ",\"%s\":", key);
}
