#include <config.h>

#include "job/schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum type {
	T_NULL,
	T_BOOLEAN,
	T_INTEGER,
	T_NUMBER,
	T_STRING,
	T_ARRAY,
	T_OBJECT,
	T_COUNT
};

static const char *const type_names[] = { "null", "boolean", "integer",
	"number", "string", "array", "object" };

#define NONE (-1)

/* Fields are a tree in one array; the first is the record itself. */
struct field {
	char *path;	/* owned; "" of the record */
	size_t len;	/* of path, which may have NULs in it */
	size_t name_at; /* where its own name begins in it */
	int parent, first_child, last_child, next;
	bool element; /* "[]" of its parent */
	int64_t seen; /* parents that have it; of []: values */
	int64_t types[T_COUNT];
};

struct pp_schema {
	struct field fields[PP_SCHEMA_MAX_PATHS + 1];
	int count;
	bool truncated;
	struct pp_buf key; /* a key without its escapes */
};

static enum type
type_of(const struct pp_json *v)
{
	switch ((enum pp_json_type)v->type) {
	case PP_JSON_NULL: return T_NULL;
	case PP_JSON_FALSE:
	case PP_JSON_TRUE: return T_BOOLEAN;
	case PP_JSON_NUMBER: return v->integer ? T_INTEGER : T_NUMBER;
	case PP_JSON_STRING: return T_STRING;
	case PP_JSON_ARRAY: return T_ARRAY;
	default: return T_OBJECT;
	}
}

struct pp_schema *
pp_schema_new(void)
{
	struct pp_schema *s = pp_calloc(1, sizeof *s);

	s->fields[0] = (struct field){ .path = pp_strdup(""),
		.parent = NONE,
		.first_child = NONE,
		.last_child = NONE,
		.next = NONE };
	s->count = 1;
	pp_buf_init(&s->key, 0);
	return s;
}

void
pp_schema_free(struct pp_schema *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < s->count; i++)
		free(s->fields[i].path);
	pp_buf_release(&s->key);
	free(s);
}

static int
new_child(struct pp_schema *s, int parent, const char *name, size_t len,
    bool element)
{
	struct field *p = &s->fields[parent], *f;
	bool dot = p->len > 0 && !element;
	struct pp_buf path = PP_BUF_INIT;

	if (s->count > PP_SCHEMA_MAX_PATHS ||
	    p->len + dot + len > PP_SCHEMA_MAX_PATH_BYTES) {
		s->truncated = true;
		return NONE;
	}
	f = &s->fields[s->count];
	*f = (struct field){ .parent = parent,
		.first_child = NONE,
		.last_child = NONE,
		.next = NONE,
		.element = element,
		.name_at = p->len + dot };
	pp_buf_add(&path, p->path, p->len);
	pp_buf_add(&path, ".", dot);
	pp_buf_add(&path, name, len);
	f->path = pp_buf_detach(&path, &f->len);
	if (p->last_child != NONE)
		s->fields[p->last_child].next = s->count;
	else
		p->first_child = s->count;
	p->last_child = s->count;
	return s->count++;
}

static bool
is_named(const struct field *f, const char *name, size_t len)
{
	return !f->element && f->len - f->name_at == len &&
	    memcmp(f->path + f->name_at, name, len) == 0;
}

/*
 * The member's field. Records mostly have their members in one order, so the
 * one after the last found is tried first.
 */
static int
find_member(struct pp_schema *s, int parent, int hint, const char *name,
    size_t len)
{
	if (hint != NONE && is_named(&s->fields[hint], name, len))
		return hint;
	for (int i = s->fields[parent].first_child; i != NONE;
	     i = s->fields[i].next) {
		if (is_named(&s->fields[i], name, len))
			return i;
	}
	return new_child(s, parent, name, len, false);
}

/* The elements' field of a list. */
static int
find_element(struct pp_schema *s, int parent)
{
	for (int i = s->fields[parent].first_child; i != NONE;
	     i = s->fields[i].next) {
		if (s->fields[i].element)
			return i;
	}
	return new_child(s, parent, "[]", 2, true);
}

static void
count_value(struct pp_schema *s, int field, const struct pp_json *v);

static void
count_members(struct pp_schema *s, int field, const struct pp_json *v)
{
	const struct pp_json *k = pp_json_first(v);
	int hint = s->fields[field].first_child, child;

	for (uint32_t i = 0; i < v->count; i++) {
		const char *name = k->text;
		size_t len = k->len;

		if (k->escaped) {
			pp_buf_clear(&s->key);
			pp_json_unescape(k, &s->key);
			name = s->key.data;
			len = s->key.len;
		}
		k = pp_json_next(k);
		child = find_member(s, field, hint, name, len);
		if (child != NONE) {
			count_value(s, child, k);
			hint = s->fields[child].next;
		}
		k = pp_json_next(k);
	}
}

/* Recursion ends with the length of a path. */
static void
count_value(struct pp_schema *s, int field, const struct pp_json *v)
{
	const struct pp_json *item;
	int element;

	s->fields[field].seen++;
	s->fields[field].types[type_of(v)]++;
	if (v->type == PP_JSON_OBJECT)
		count_members(s, field, v);
	if (v->type != PP_JSON_ARRAY || v->count == 0)
		return;
	element = find_element(s, field);
	if (element == NONE)
		return;
	item = pp_json_first(v);
	for (uint32_t i = 0; i < v->count; i++) {
		count_value(s, element, item);
		item = pp_json_next(item);
	}
}

void
pp_schema_add(struct pp_schema *s, const struct pp_json *record)
{
	count_value(s, 0, record);
}

/* Whether each value of the parent has it, and so on up to the record. */
static bool
is_required(const struct pp_schema *s, int field)
{
	for (int i = field; i != 0; i = s->fields[i].parent) {
		const struct field *f = &s->fields[i];
		const struct field *p = &s->fields[f->parent];

		if (f->element ? p->types[T_ARRAY] != p->seen :
				 f->seen != p->seen)
			return false;
	}
	return true;
}

static void
put_types(const struct field *f, struct pp_buf *out)
{
	bool first = true;

	pp_json_put_key(out, "types");
	pp_buf_addc(out, '[');
	for (int t = 0; t < T_COUNT; t++) {
		if (f->types[t] == 0)
			continue;
		pp_buf_adds(out, first ? "" : ",");
		pp_json_put_cstr(out, type_names[t]);
		first = false;
	}
	pp_buf_addc(out, ']');
}

static void
put_field(const struct pp_schema *s, int field, struct pp_buf *out)
{
	const struct field *f = &s->fields[field];

	pp_buf_adds(out, field > 1 ? ",{" : "{");
	pp_json_put_key(out, "path");
	pp_json_put_str(out, f->path, f->len);
	put_types(f, out);
	pp_json_put_key(out, "count");
	pp_json_put_int(out, f->seen);
	pp_json_put_key(out, "required");
	pp_buf_adds(out, is_required(s, field) ? "true" : "false");
	pp_buf_addc(out, '}');
}

void
pp_schema_put_json(const struct pp_schema *s, struct pp_buf *out)
{
	pp_buf_adds(out, "{\"fields\":[");
	for (int i = 1; i < s->count; i++)
		put_field(s, i, out);
	pp_buf_addf(out, "],\"truncated\":%s}",
	    s->truncated ? "true" : "false");
}
