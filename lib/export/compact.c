#include <config.h>

#include "export/compact.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Up to this many names are compared each with each. */
#define COMPARE_MEMBERS 24

/* Whether each escape in the string is one that it cannot do without. */
static bool
escapes_are_needed(const struct pp_json *v)
{
	const char *p = v->text, *end = p + v->len;

	while ((p = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		if (p[1] == '/' || p[1] == 'u')
			return false;
		p += 2;
	}
	return true;
}

/* A key by its text without escapes, and which member's it is. */
struct key {
	const char *text;
	size_t len;
	uint32_t member;
};

static int
compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int order;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	order = memcmp(x->text, y->text, x->len);
	if (order != 0)
		return order;
	return x->member < y->member ? -1 : x->member > y->member;
}

/* The keys of an object; `plain` holds those that had escapes. */
static struct key *
keys_of(const struct pp_json *v, struct pp_buf *plain)
{
	struct key *keys = pp_calloc(v->count, sizeof *keys);
	const struct pp_json *node = pp_json_first(v);
	size_t escaped = 0;

	for (uint32_t i = 0; i < v->count; i++) {
		keys[i] = (struct key){ node->text, node->len, i };
		escaped += node->escaped ? node->len : 0;
		node = pp_json_next(pp_json_next(node));
	}
	pp_buf_reserve(plain, escaped); /* so that it does not move below */
	node = pp_json_first(v);
	for (uint32_t i = 0; i < v->count; i++) {
		if (node->escaped) {
			keys[i].text = plain->data + plain->len;
			keys[i].len = plain->len;
			pp_json_unescape(node, plain);
			keys[i].len = plain->len - keys[i].len;
		}
		node = pp_json_next(pp_json_next(node));
	}
	return keys;
}

/*
 * Which members are followed by one of the same name. Returns owned, or NULL
 * when none is.
 */
static bool *
overridden(const struct pp_json *v)
{
	struct pp_buf plain = PP_BUF_INIT;
	struct key *keys = keys_of(v, &plain);
	bool *marks = NULL;

	qsort(keys, v->count, sizeof *keys, compare_keys);
	for (uint32_t i = 1; i < v->count; i++) {
		if (keys[i - 1].len != keys[i].len ||
		    memcmp(keys[i - 1].text, keys[i].text, keys[i].len) != 0)
			continue;
		if (marks == NULL)
			marks = pp_calloc(v->count, sizeof *marks);
		marks[keys[i - 1].member] = true;
	}
	free(keys);
	pp_buf_release(&plain);
	return marks;
}

/* Whether names may repeat: quick, and sure only when it says no. */
static bool
names_may_repeat(const struct pp_json *v)
{
	const struct pp_json *keys[COMPARE_MEMBERS];
	const struct pp_json *key = pp_json_first(v);

	if (v->count > COMPARE_MEMBERS)
		return true;
	for (uint32_t i = 0; i < v->count; i++) {
		if (key->escaped)
			return true;
		for (uint32_t j = 0; j < i; j++)
			if (keys[j]->len == key->len &&
			    memcmp(keys[j]->text, key->text, key->len) == 0)
				return true;
		keys[i] = key;
		key = pp_json_next(pp_json_next(key));
	}
	return false;
}

/*
 * Whether the text of `v` is in the plainest form. The lengths of all tokens
 * add up to that of the whole exactly when there are no blanks between them.
 */
static bool
is_compact(const struct pp_json *v)
{
	const struct pp_json *end = v + v->skip;
	size_t sum = 0, whole;

	pp_json_raw(v, &whole);
	for (const struct pp_json *p = v; p < end; p++) {
		switch (p->type) {
		case PP_JSON_STRING:
			if (p->escaped && !escapes_are_needed(p))
				return false;
			sum += p->len + 2;
			break;
		case PP_JSON_OBJECT:
			if (p->count > 1 && names_may_repeat(p))
				return false;
			/* braces, a colon each, commas between */
			sum += p->count > 0 ? 2 * (size_t)p->count + 1 : 2;
			break;
		case PP_JSON_ARRAY:
			sum += p->count > 0 ? (size_t)p->count + 1 : 2;
			break;
		default: sum += p->len;
		}
	}
	return sum == whole;
}

static void
put_string(struct pp_buf *out, const struct pp_json *v)
{
	struct pp_buf plain = PP_BUF_INIT;

	if (!v->escaped || escapes_are_needed(v)) {
		pp_buf_addc(out, '"');
		pp_buf_add(out, v->text, v->len);
		pp_buf_addc(out, '"');
		return;
	}
	pp_json_unescape(v, &plain);
	pp_json_put_str(out, plain.data, plain.len);
	pp_buf_release(&plain);
}

static void put(struct pp_buf *out, const struct pp_json *v);

static void
put_object(struct pp_buf *out, const struct pp_json *v)
{
	const struct pp_json *key = pp_json_first(v);
	bool *drop = v->count > 1 && names_may_repeat(v) ? overridden(v) : NULL;
	const char *comma = "";

	pp_buf_addc(out, '{');
	for (uint32_t i = 0; i < v->count; i++) {
		const struct pp_json *value = pp_json_next(key);

		if (drop == NULL || !drop[i]) {
			pp_buf_adds(out, comma);
			put_string(out, key);
			pp_buf_addc(out, ':');
			put(out, value);
			comma = ",";
		}
		key = pp_json_next(value);
	}
	pp_buf_addc(out, '}');
	free(drop);
}

static void
put_array(struct pp_buf *out, const struct pp_json *v)
{
	const struct pp_json *item = pp_json_first(v);

	pp_buf_addc(out, '[');
	for (uint32_t i = 0; i < v->count; i++) {
		if (i > 0)
			pp_buf_addc(out, ',');
		put(out, item);
		item = pp_json_next(item);
	}
	pp_buf_addc(out, ']');
}

static void
put(struct pp_buf *out, const struct pp_json *v)
{
	switch (v->type) {
	case PP_JSON_STRING: put_string(out, v); break;
	case PP_JSON_OBJECT: put_object(out, v); break;
	case PP_JSON_ARRAY: put_array(out, v); break;
	default: pp_buf_add(out, v->text, v->len);
	}
}

void
pp_compact_put(struct pp_buf *out, const struct pp_json *v)
{
	const char *raw;
	size_t len;

	if (is_compact(v)) {
		raw = pp_json_raw(v, &len);
		pp_buf_add(out, raw, len);
	} else {
		put(out, v);
	}
}

void
pp_compact_put_plain(struct pp_buf *out, const struct pp_json *v)
{
	if (v == NULL || v->type == PP_JSON_NULL)
		return;
	if (v->type != PP_JSON_STRING)
		pp_compact_put(out, v);
	else if (v->escaped)
		pp_json_unescape(v, out);
	else
		pp_buf_add(out, v->text, v->len);
}
