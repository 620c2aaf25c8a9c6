/*
 * JSON on the data path: seeds, rows and replies.
 *
 * The reader takes RFC 8259 to the letter, checks that all text is UTF-8,
 * keeps numbers as the text they came as, and leaves strings where they lie:
 * a document is one flat array of nodes over the caller's bytes, parents
 * before children, siblings linked by a skip distance. The array is reused,
 * so reading rows in a loop allocates nothing. Of members with one name the
 * last counts, as everywhere. Nesting is bounded. Not for configuration:
 * jansson and base/yaml.h serve that.
 */
#ifndef PP_BASE_JSON_H
#define PP_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define PP_JSON_MAX_DEPTH 512

enum pp_json_type {
	PP_JSON_NULL,
	PP_JSON_FALSE,
	PP_JSON_TRUE,
	PP_JSON_NUMBER,
	PP_JSON_STRING,
	PP_JSON_ARRAY,
	PP_JSON_OBJECT
};

/*
 * One value. An object's children are key, value, key, value ...; the keys
 * are string nodes. The node after a value without children is its sibling.
 */
struct pp_json {
	const char *text; /* string: inside the quotes; else all of it */
	uint32_t len;	  /* bytes of text */
	uint32_t count;	  /* items, or members of an object */
	uint32_t skip;	  /* nodes from here to the next sibling */
	uint8_t type;	  /* enum pp_json_type */
	bool escaped;	  /* a string with a backslash in it */
	bool integer;	  /* a number without '.', 'e' and 'E' */
};

struct pp_json_doc {
	struct pp_json *nodes;
	size_t count, cap;
	/* what is wrong and the offset of its byte; else NULL */
	const char *problem;
	size_t problem_at;
};

#define PP_JSON_DOC_INIT \
	{ \
		.nodes = NULL \
	}

/* What pp_json_parse() lets pass. */
#define PP_JSON_LONE_SURROGATES 1u /* "\ud800" reads as U+FFFD */

/*
 * Read the one value in `text`, blanks around it allowed. The nodes point
 * into `text`, which must outlive them and be less than 4 GiB; `doc` is
 * emptied first and may be used again. Returns the root, or NULL with
 * PP_EDATA, the text of which says what is wrong and at which byte.
 */
const struct pp_json *pp_json_parse(struct pp_json_doc *doc, const char *text,
    size_t len, unsigned flags, struct pp_error *err);
void pp_json_doc_release(struct pp_json_doc *doc);

/*
 * How many bytes the value at the start of `text` has, with blanks before it,
 * for values that follow each other without newlines. 0: not a whole value.
 */
size_t pp_json_value_len(const char *text, size_t len);

/* The first child of a container (an object's first key), or NULL. */
static inline const struct pp_json *
pp_json_first(const struct pp_json *v)
{
	return v->count > 0 ? v + 1 : NULL;
}

/* What follows `v`; the caller counts, up to its parent's `count`. */
static inline const struct pp_json *
pp_json_next(const struct pp_json *v)
{
	return v + v->skip;
}

/* The member's value, or NULL: no such member, or not an object. */
const struct pp_json *pp_json_get(const struct pp_json *v, const char *key);
const struct pp_json *
pp_json_getn(const struct pp_json *v, const char *key, size_t len);

/* Element `i` of an array, or NULL. */
const struct pp_json *pp_json_at(const struct pp_json *v, size_t i);

/* By a dotted path: "usage.prompt_tokens", "choices.0.message". */
const struct pp_json *pp_json_path(const struct pp_json *v, const char *path);

/* Whether it is the string `s`. */
bool pp_json_is(const struct pp_json *v, const char *s);

/* Append a string's text without its escapes; 0, or -1 at out's ceiling. */
int pp_json_unescape(const struct pp_json *v, struct pp_buf *out);

/* Returns owned (free(3)) text of a string, or NULL when it is none. */
char *pp_json_strdup(const struct pp_json *v);

/* A whole number that fits; false for anything else. v may be NULL. */
bool pp_json_int64(const struct pp_json *v, int64_t *out);

/* The member `key` as a whole number of 0 or more; false for anything else. */
bool pp_json_get_count(const struct pp_json *v, const char *key, int64_t *out);

/*
 * The member `key`, a string without escapes, copied with its NUL into
 * `size` bytes: ids, hashes, times. False for anything else or longer.
 */
bool pp_json_get_text(const struct pp_json *v, const char *key, char *out,
    size_t size);

/* Any number; false for anything else. v may be NULL. */
bool pp_json_double(const struct pp_json *v, double *out);

/*
 * The text of the whole value as it came, quotes included, for copying it
 * through unread.
 */
const char *pp_json_raw(const struct pp_json *v, size_t *len);

/*
 * Writing: each appends to `out`. Text must be UTF-8; only what RFC 8259 asks
 * for is escaped.
 */
void pp_json_put_str(struct pp_buf *out, const char *s, size_t len);
void pp_json_put_cstr(struct pp_buf *out, const char *s); /* or null */
void pp_json_put_int(struct pp_buf *out, int64_t v);

/* The shortest text that reads back as `v`, "1.5", "1e+16"; NaN is null. */
void pp_json_put_double(struct pp_buf *out, double v);

/*
 * `"key":`, with a comma before it unless it follows "{". Keys are ours and
 * need no escapes.
 */
void pp_json_put_key(struct pp_buf *out, const char *key);

/* A whole member, key and value; a NULL string is null. Money is a string. */
void pp_json_member_int(struct pp_buf *out, const char *key, int64_t v);
void pp_json_member_str(struct pp_buf *out, const char *key, const char *s);
void pp_json_member_money(struct pp_buf *out, const char *key, int64_t nusd);

/*
 * Text from an unsure source, such as a failed reply: bytes that are not
 * UTF-8 become U+FFFD.
 */
void pp_json_put_lossy(struct pp_buf *out, const char *s, size_t len);

#endif
