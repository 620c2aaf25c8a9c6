#include <config.h>

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_int.h"
#include "base/mem.h"
#include "base/str.h"

#define NOBODY UINT32_MAX /* the parent of the root */

/*
 * Nothing recurses: while a container is open, its `skip` holds the
 * index of the container around it.
 */
struct reader {
	const char *start, *at, *end;
	struct pp_json_doc *doc;
	struct pp_error *err;
	unsigned flags;
	uint32_t open; /* index of the innermost container */
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

/* ---- strings ---- */

/* The first byte that is special or not ASCII, or `end`. */
static inline const char *
skip_plain(const char *p, const char *end)
{
	while (end - p >= 8) {
		uint64_t w = pp_json_load_word(p);
		uint64_t stop = (pp_json_special_bytes(w) | w) & PP_JSON_HIGH;

		if (stop != 0)
			return p + (__builtin_ctzll(stop) >> 3);
		p += 8;
	}
	while (p < end && !pp_json_is_special(*p) && (unsigned char)*p < 0x80)
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

/* Past the escape at p; NULL when it is none. */
static const char *
skip_escape(struct reader *r, const char *p)
{
	uint32_t cp;
	size_t n;
	bool lone;

	if (r->end - p >= 2 && pp_json_plain_escape(p[1]) != 0)
		return p + 2;
	if (r->end - p < 2 || p[1] != 'u') {
		fail(r, p, "invalid escape");
		return NULL;
	}
	n = pp_json_read_unicode(p, r->end, &cp, &lone);
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
	*v = (struct pp_json){ .text = text, .type = (uint8_t)type, .skip = 1 };
	return v;
}

static inline void
skip_blanks(struct reader *r)
{
	const char *p = r->at;

	while (p < r->end &&
	    (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
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
			return fail(r, p,
			    *p == '\n' || *p == '\r' ?
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
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9': return read_number(r);
	case '\xef':
		if (r->end - r->at >= 3 &&
		    memcmp(r->at, "\xef\xbb\xbf", 3) == 0)
			return fail(r, r->at, "byte order mark");
		return fail(r, r->at, "expected a value");
	default: return fail(r, r->at, "expected a value");
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
				return fail(r, r->at,
				    object ? "expected ',' or '}'" :
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
	struct reader r = { .start = text,
		.at = text,
		.end = text + len,
		.doc = doc,
		.err = err,
		.flags = flags,
		.open = NOBODY };

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
		case '{':
		case '[':
			if (begun && depth == 0)
				return (size_t)(p - text);
			depth++;
			break;
		case '}':
		case ']':
			if (depth == 0)
				return begun ? (size_t)(p - text) : 0;
			if (--depth == 0)
				return (size_t)(p - text) + 1;
			break;
		case ' ':
		case '\n':
		case '\t':
		case '\r':
			if (begun && depth == 0)
				return (size_t)(p - text);
			continue;
		case ',':
		case ':':
			if (depth == 0)
				return begun ? (size_t)(p - text) : 0;
			break;
		}
		begun = true;
	}
	return begun && depth == 0 ? len : 0;
}
