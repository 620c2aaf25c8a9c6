/* JSON: a strict scan that calls back for members, and strings. */
#include <config.h>

#include "mock.h"

#include <string.h>

#define MAX_DEPTH 64
#define ONES UINT64_C(0x0101010101010101)
#define HIGHS (ONES << 7)

struct scan {
	const char *p, *end;
	int depth;
	json_fn *fn;
	void *arg;
};

bool
span_is(struct span s, const char *text)
{
	return strlen(text) == s.n && memcmp(s.p, text, s.n) == 0;
}

/*
 * Whether eight bytes are plain: no quote, backslash, control, non-ASCII. A
 * byte below 128 from which more is taken than it has borrows its high bit.
 */
static bool
is_plain(uint64_t w)
{
	uint64_t quote = w ^ (ONES * '"'), slash = w ^ (ONES * '\\');

	return (((quote - ONES) | (slash - ONES) | (w - ONES * 32) | w) &
		   HIGHS) == 0;
}

static const char *
skip_plain(const char *p, const char *end)
{
	uint64_t w;

	while (end - p >= 8 && (memcpy(&w, p, 8), is_plain(w)))
		p += 8;
	return p;
}

/* Bytes of the UTF-8 character at `p` (RFC 3629); 0: it is none. */
static size_t
utf8_len(const char *text, const char *end)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t left = (size_t)(end - text);
	size_t n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (p[0] < 0xc2 || p[0] > 0xf4 || left < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits, or -1. */
static int
hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int d = hex_digit(p[i]);

		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

/* Bytes of the escape at `p`, a backslash; 0: it is none. */
static size_t
escape_len(const char *p, const char *end)
{
	if (end - p < 2)
		return 0;
	if (p[1] == 'u')
		return hex4(p + 2, end) >= 0 ? 6 : 0;
	return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL ? 2 : 0;
}

/* After the opening quote; leaves s->p after the closing one. */
static bool
scan_string(struct scan *s, struct span *out, bool *escaped)
{
	const char *p = s->p;

	out->p = p;
	*escaped = false;
	for (;;) {
		size_t n = 1;

		p = skip_plain(p, s->end);
		if (p >= s->end || (unsigned char)*p < 32)
			return false;
		if (*p == '"')
			break;
		if (*p == '\\') {
			*escaped = true;
			n = escape_len(p, s->end);
		} else if ((unsigned char)*p >= 128) {
			n = utf8_len(p, s->end);
		}
		if (n == 0)
			return false;
		p += n;
	}
	out->n = (size_t)(p - out->p);
	s->p = p + 1;
	return true;
}

static void
skip_blanks(struct scan *s)
{
	while (s->p < s->end &&
	    (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
		s->p++;
}

/* The next byte after blanks, passed over; '\0' at the end. */
static char
next_byte(struct scan *s)
{
	skip_blanks(s);
	return s->p < s->end ? *s->p++ : '\0';
}

static size_t
skip_digits(struct scan *s)
{
	const char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (size_t)(s->p - from);
}

static bool
scan_number(struct scan *s)
{
	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0')
		s->p++;
	else if (skip_digits(s) == 0)
		return false;
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (skip_digits(s) == 0)
			return false;
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (skip_digits(s) == 0)
			return false;
	}
	return true;
}

static bool
scan_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	return true;
}

static bool scan_value(struct scan *s, struct json_member *m);

/* '{' is passed. `m` is the member that the object is the value of. */
static bool
scan_object(struct scan *s, const struct json_member *m)
{
	struct json_member child = { .depth = s->depth, .parent = m->key };
	bool escaped;
	char c = next_byte(s);

	if (c == '}')
		return true;
	for (;; c = next_byte(s)) {
		if (c != '"' || !scan_string(s, &child.key, &escaped) ||
		    next_byte(s) != ':' || !scan_value(s, &child))
			return false;
		c = next_byte(s);
		if (c != ',')
			return c == '}';
	}
}

static bool
scan_array(struct scan *s, const struct json_member *m)
{
	struct json_member child = *m;
	char c;

	skip_blanks(s);
	if (s->p < s->end && *s->p == ']') {
		s->p++;
		return true;
	}
	do {
		if (!scan_value(s, &child))
			return false;
		c = next_byte(s);
	} while (c == ',');
	return c == ']';
}

static bool
scan_scalar(struct scan *s, struct json_member *m)
{
	const char *from = s->p;
	bool ok;

	m->escaped = false;
	m->kind = JSON_OTHER;
	switch (*s->p) {
	case '"':
		s->p++;
		m->kind = JSON_STRING;
		ok = scan_string(s, &m->value, &m->escaped);
		break;
	case 't':
		m->kind = JSON_TRUE;
		ok = scan_word(s, "true");
		break;
	case 'f': ok = scan_word(s, "false"); break;
	case 'n': ok = scan_word(s, "null"); break;
	default:
		m->kind = JSON_NUMBER;
		ok = scan_number(s);
		break;
	}
	if (!ok)
		return false;
	if (m->kind != JSON_STRING)
		m->value = (struct span){ from, (size_t)(s->p - from) };
	if (m->depth > 0)
		s->fn(s->arg, m);
	return true;
}

static bool
scan_value(struct scan *s, struct json_member *m)
{
	bool ok;

	skip_blanks(s);
	if (s->p >= s->end)
		return false;
	if (*s->p != '{' && *s->p != '[')
		return scan_scalar(s, m);
	if (++s->depth > MAX_DEPTH)
		return false;
	ok = *s->p++ == '{' ? scan_object(s, m) : scan_array(s, m);
	s->depth--;
	return ok;
}

bool
json_scan(const char *text, size_t n, json_fn *fn, void *arg)
{
	struct scan s = { .p = text, .end = text + n, .fn = fn, .arg = arg };
	struct json_member root = { .depth = 0 };

	if (!scan_value(&s, &root))
		return false;
	skip_blanks(&s);
	return s.p == s.end;
}

/* ---- strings ---- */

static void
put_utf8(struct text *out, uint32_t u)
{
	char b[4];
	size_t n = u < 0x80 ? 1 : u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;

	if (n == 1) {
		b[0] = (char)u;
	} else {
		for (size_t i = n; i-- > 1; u >>= 6)
			b[i] = (char)(0x80 | (u & 63));
		b[0] = (char)((0xf00 >> n & 0xff) | u);
	}
	text_add(out, b, n);
}

/* The "u" escape at `p`, with its second half; returns what follows it. */
static const char *
decode_u(struct text *out, const char *p, const char *end)
{
	int u = hex4(p + 2, end), low;

	p += 6;
	if (u >= 0xd800 && u < 0xdc00 && end - p >= 6 && p[0] == '\\' &&
	    p[1] == 'u' && (low = hex4(p + 2, end)) >= 0xdc00 && low < 0xe000) {
		u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
		p += 6;
	}
	if (u >= 0xd800 && u < 0xe000)
		u = 0xfffd; /* half a character */
	put_utf8(out, (uint32_t)u);
	return p;
}

/* The scan has seen that all escapes are good. */
void
json_decode(struct text *out, struct span s)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *p = s.p, *end = s.p + s.n, *slash, *known;

	while ((slash = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		text_add(out, p, (size_t)(slash - p));
		if (slash[1] == 'u') {
			p = decode_u(out, slash, end);
			continue;
		}
		known = strchr(from, slash[1]);
		text_add(out, known != NULL ? &to[known - from] : slash + 1, 1);
		p = slash + 2;
	}
	text_add(out, p, (size_t)(end - p));
}

void
json_encode(struct text *out, const char *s, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	const char *p = s, *end = s + n, *from;

	text_reserve(out, n + n / 8 + 16);
	while (p < end) {
		unsigned char c;

		from = p;
		p = skip_plain(p, end);
		while (p < end && *p != '"' && *p != '\\' &&
		    (unsigned char)*p >= 32)
			p++;
		text_add(out, from, (size_t)(p - from));
		if (p == end)
			break;
		c = (unsigned char)*p++;
		if (c == '"' || c == '\\')
			text_add(out, (char[]){ '\\', (char)c }, 2);
		else if (c == '\n')
			text_add(out, "\\n", 2);
		else
			text_add(out,
			    (char[]){
				'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] },
			    6);
	}
}
