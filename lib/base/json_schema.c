#include <config.h>

#include "base/json_schema.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Of a schema, and so of what is compared with it. */
#define MAX_DEPTH 32
#define PLACE_BYTES 256

struct pp_json_schema {
	char *text;
	size_t len;
	struct pp_json_doc doc;
	const struct pp_json *root;
};

/* Where in a document one is: "/author/age". */
struct place {
	char text[PLACE_BYTES];
	size_t len;
};

/* A value being held to a schema. */
struct check {
	struct place at;
	struct pp_error *err;
};

static int check_value(struct check *c, const struct pp_json *schema,
    const struct pp_json *v);

/* ---- places ---- */

/* Go one step down. Returns what leave() takes. */
static size_t
enter(struct place *p, const char *name, size_t len)
{
	size_t before = p->len;
	int n = snprintf(p->text + p->len, sizeof p->text - p->len, "/%.*s",
	    (int)(len < 64 ? len : 64), name);

	if (n > 0 && (size_t)n < sizeof p->text - p->len)
		p->len += (size_t)n;
	return before;
}

static size_t
enter_item(struct place *p, uint32_t i)
{
	char name[16];

	return enter(p, name, (size_t)snprintf(name, sizeof name, "%u", i));
}

static void
leave(struct place *p, size_t before)
{
	p->len = before;
	p->text[before] = '\0';
}

static int
fail(struct place *p, struct pp_error *err, const char *what)
{
	return pp_error_set(err, PP_EDATA, "%s: %s", p->len > 0 ? p->text : "/",
	    what);
}

/* ---- values ---- */

/* The member of an object that a key or a string names. */
static const struct pp_json *
named(const struct pp_json *object, const struct pp_json *name)
{
	const struct pp_json *v;
	char *text;

	if (!name->escaped)
		return pp_json_getn(object, name->text, name->len);
	text = pp_json_strdup(name);
	v = pp_json_get(object, text);
	free(text);
	return v;
}

/* Whether two strings are the same once their escapes are read. */
static bool
same_text(const struct pp_json *a, const struct pp_json *b)
{
	char *x, *y;
	bool same;

	if (!a->escaped && !b->escaped)
		return a->len == b->len &&
		    memcmp(a->text, b->text, a->len) == 0;
	x = pp_json_strdup(a);
	y = pp_json_strdup(b);
	same = strcmp(x, y) == 0;
	free(x);
	free(y);
	return same;
}

static bool
same_number(const struct pp_json *a, const struct pp_json *b)
{
	int64_t i, k;
	double x, y;

	if (pp_json_int64(a, &i) && pp_json_int64(b, &k))
		return i == k;
	return pp_json_double(a, &x) && pp_json_double(b, &y) &&
	    !(x < y || x > y);
}

static bool
is_same(const struct pp_json *a, const struct pp_json *b)
{
	const struct pp_json *x, *y;

	if (a->type != b->type || a->count != b->count)
		return false;
	switch (a->type) {
	case PP_JSON_STRING: return same_text(a, b);
	case PP_JSON_NUMBER: return same_number(a, b);
	case PP_JSON_ARRAY:
		x = pp_json_first(a);
		y = pp_json_first(b);
		for (uint32_t i = 0; i < a->count; i++) {
			if (!is_same(x, y))
				return false;
			x = pp_json_next(x);
			y = pp_json_next(y);
		}
		return true;
	case PP_JSON_OBJECT:
		x = pp_json_first(a);
		for (uint32_t i = 0; i < a->count; i++) {
			y = named(b, x);
			x = pp_json_next(x);
			if (y == NULL || !is_same(x, y))
				return false;
			x = pp_json_next(x);
		}
		return true;
	default: return true;
	}
}

static bool
is_whole(const struct pp_json *v)
{
	double d;

	return v->integer ||
	    (pp_json_double(v, &d) && !(d < floor(d)) && !(d > floor(d)));
}

static bool
is_of_type(const struct pp_json *v, const struct pp_json *name)
{
	static const struct {
		const char *name;
		enum pp_json_type type;
	} types[] = {
		{ "object", PP_JSON_OBJECT },
		{ "array", PP_JSON_ARRAY },
		{ "string", PP_JSON_STRING },
		{ "number", PP_JSON_NUMBER },
		{ "boolean", PP_JSON_TRUE },
		{ "boolean", PP_JSON_FALSE },
		{ "null", PP_JSON_NULL },
	};

	if (pp_json_is(name, "integer"))
		return v->type == PP_JSON_NUMBER && is_whole(v);
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (v->type == types[i].type && pp_json_is(name, types[i].name))
			return true;
	return false;
}

/* ---- words: `v` is held to what `word` says ---- */

static int
check_type(struct check *c, const struct pp_json *word,
    const struct pp_json *schema, const struct pp_json *v)
{
	const struct pp_json *name = word;
	uint32_t count = 1;
	char what[80];

	(void)schema;
	if (word->type == PP_JSON_ARRAY) {
		name = pp_json_first(word);
		count = word->count;
	}
	for (uint32_t i = 0; i < count; i++, name = pp_json_next(name))
		if (is_of_type(v, name))
			return 0;
	snprintf(what, sizeof what, "must be of type %.*s", (int)word->len,
	    word->text);
	return fail(&c->at, c->err,
	    word->type == PP_JSON_STRING ? what : "is of another type");
}

static int
check_enum(struct check *c, const struct pp_json *word,
    const struct pp_json *schema, const struct pp_json *v)
{
	const struct pp_json *one = pp_json_first(word);

	(void)schema;
	for (uint32_t i = 0; i < word->count; i++, one = pp_json_next(one))
		if (is_same(one, v))
			return 0;
	return fail(&c->at, c->err, "is none of the values in enum");
}

static int
check_const(struct check *c, const struct pp_json *word,
    const struct pp_json *schema, const struct pp_json *v)
{
	(void)schema;
	return is_same(word, v) ? 0 : fail(&c->at, c->err, "is not the const");
}

static int
check_required(struct check *c, const struct pp_json *word,
    const struct pp_json *schema, const struct pp_json *v)
{
	const struct pp_json *name = pp_json_first(word);
	char what[128];

	(void)schema;
	if (v->type != PP_JSON_OBJECT)
		return 0;
	for (uint32_t i = 0; i < word->count; i++, name = pp_json_next(name)) {
		if (named(v, name) != NULL)
			continue;
		snprintf(what, sizeof what, "'%.*s' is missing",
		    (int)(name->len < 64 ? name->len : 64), name->text);
		return fail(&c->at, c->err, what);
	}
	return 0;
}

/* Each member under its own name. */
static int
check_properties(struct check *c, const struct pp_json *word,
    const struct pp_json *schema, const struct pp_json *v)
{
	const struct pp_json *key = pp_json_first(word), *value;

	(void)schema;
	for (uint32_t i = 0; i < word->count; i++) {
		const struct pp_json *its = pp_json_next(key);
		size_t before = enter(&c->at, key->text, key->len);

		value = named(v, key);
		if (value != NULL && check_value(c, its, value) < 0)
			return -1;
		leave(&c->at, before);
		key = pp_json_next(its);
	}
	return 0;
}

/* Members that `properties` does not name. */
static int
check_other(struct check *c, const struct pp_json *word,
    const struct pp_json *schema, const struct pp_json *v)
{
	const struct pp_json *own = pp_json_get(schema, "properties");
	const struct pp_json *key = pp_json_first(v), *value;

	if (v->type != PP_JSON_OBJECT || word->type == PP_JSON_TRUE)
		return 0;
	for (uint32_t i = 0; i < v->count; i++, key = pp_json_next(value)) {
		size_t before = enter(&c->at, key->text, key->len);

		value = pp_json_next(key);
		if (named(own, key) == NULL) {
			if (word->type == PP_JSON_FALSE)
				return fail(&c->at, c->err,
				    "is not allowed here");
			if (check_value(c, word, value) < 0)
				return -1;
		}
		leave(&c->at, before);
	}
	return 0;
}

static int
check_items(struct check *c, const struct pp_json *word,
    const struct pp_json *schema, const struct pp_json *v)
{
	const struct pp_json *item = pp_json_first(v);

	(void)schema;
	if (v->type != PP_JSON_ARRAY)
		return 0;
	for (uint32_t i = 0; i < v->count; i++, item = pp_json_next(item)) {
		size_t before = enter_item(&c->at, i);

		if (check_value(c, word, item) < 0)
			return -1;
		leave(&c->at, before);
	}
	return 0;
}

/* What a bound is a bound of; false: it says nothing of such a value. */
static bool
measure(const struct pp_json *v, enum pp_json_type of, double *size)
{
	char *text;

	if (v->type != of)
		return false;
	if (of == PP_JSON_NUMBER)
		return pp_json_double(v, size);
	*size = v->count;
	if (of == PP_JSON_STRING) {
		text = pp_json_strdup(v);
		*size = (double)pp_utf8_count(text, strlen(text));
		free(text);
	}
	return true;
}

static const struct bound {
	const char *word;
	enum pp_json_type of;
	int sign; /* 1: at least, -1: at most */
	bool open;
	const char *says;
} bounds[] = {
	{ "minimum", PP_JSON_NUMBER, 1, false, "must be at least" },
	{ "maximum", PP_JSON_NUMBER, -1, false, "must be at most" },
	{ "exclusiveMinimum", PP_JSON_NUMBER, 1, true, "must be above" },
	{ "exclusiveMaximum", PP_JSON_NUMBER, -1, true, "must be below" },
	{ "minLength", PP_JSON_STRING, 1, false, "has fewer characters than" },
	{ "maxLength", PP_JSON_STRING, -1, false, "has more characters than" },
	{ "minItems", PP_JSON_ARRAY, 1, false, "has fewer items than" },
	{ "maxItems", PP_JSON_ARRAY, -1, false, "has more items than" },
};

#define NBOUNDS (sizeof bounds / sizeof bounds[0])

static int
check_bounds(struct check *c, const struct pp_json *schema,
    const struct pp_json *v)
{
	char what[96];
	double limit, size;

	for (size_t i = 0; i < NBOUNDS; i++) {
		const struct bound *b = &bounds[i];
		const struct pp_json *word = pp_json_get(schema, b->word);

		if (!pp_json_double(word, &limit) ||
		    !measure(v, b->of, &size) || (size - limit) * b->sign > 0 ||
		    (!b->open && !(size < limit) && !(size > limit)))
			continue;
		snprintf(what, sizeof what, "%s %g", b->says, limit);
		return fail(&c->at, c->err, what);
	}
	return 0;
}

static int
check_all_of(struct check *c, const struct pp_json *word,
    const struct pp_json *schema, const struct pp_json *v)
{
	const struct pp_json *one = pp_json_first(word);

	(void)schema;
	for (uint32_t i = 0; i < word->count; i++, one = pp_json_next(one))
		if (check_value(c, one, v) < 0)
			return -1;
	return 0;
}

static int
check_any_of(struct check *c, const struct pp_json *word,
    const struct pp_json *schema, const struct pp_json *v)
{
	const struct pp_json *one = pp_json_first(word);

	(void)schema;
	for (uint32_t i = 0; i < word->count; i++, one = pp_json_next(one)) {
		struct check trial = { .at = c->at, .err = NULL };

		if (check_value(&trial, one, v) == 0)
			return 0;
	}
	return fail(&c->at, c->err, "fits none of anyOf");
}

/* ---- what a word may hold ---- */

enum holds {
	ANYTHING,
	TYPES,
	NAMES,
	LIST,
	NUMBER,
	SCHEMA,
	SCHEMA_OR_BOOL,
	SCHEMAS, /* a list of them */
	SCHEMAS_BY_NAME
};

static const struct word {
	const char *name;
	enum holds holds;
	/* NULL: it describes, or another word's function looks at it */
	int (*check)(struct check *c, const struct pp_json *word,
	    const struct pp_json *schema, const struct pp_json *v);
} words[] = {
	{ "type", TYPES, check_type },
	{ "enum", LIST, check_enum },
	{ "const", ANYTHING, check_const },
	{ "required", NAMES, check_required },
	{ "properties", SCHEMAS_BY_NAME, check_properties },
	{ "additionalProperties", SCHEMA_OR_BOOL, check_other },
	{ "items", SCHEMA, check_items },
	{ "allOf", SCHEMAS, check_all_of },
	{ "anyOf", SCHEMAS, check_any_of },
	{ "minimum", NUMBER, NULL },
	{ "maximum", NUMBER, NULL },
	{ "exclusiveMinimum", NUMBER, NULL },
	{ "exclusiveMaximum", NUMBER, NULL },
	{ "minLength", NUMBER, NULL },
	{ "maxLength", NUMBER, NULL },
	{ "minItems", NUMBER, NULL },
	{ "maxItems", NUMBER, NULL },
	{ "title", ANYTHING, NULL },
	{ "description", ANYTHING, NULL },
	{ "default", ANYTHING, NULL },
	{ "examples", ANYTHING, NULL },
	{ "$schema", ANYTHING, NULL },
	{ "$id", ANYTHING, NULL },
	{ "$comment", ANYTHING, NULL },
};

#define NWORDS (sizeof words / sizeof words[0])

static int
check_value(struct check *c, const struct pp_json *schema,
    const struct pp_json *v)
{
	for (size_t i = 0; i < NWORDS; i++) {
		const struct pp_json *word = words[i].check != NULL ?
		    pp_json_get(schema, words[i].name) :
		    NULL;

		if (word != NULL && words[i].check(c, word, schema, v) < 0)
			return -1;
	}
	return check_bounds(c, schema, v);
}

/* ---- schemas ---- */

static int read_schema(struct place *at, const struct pp_json *schema,
    int depth, struct pp_error *err);

static bool
is_list_of_names(const struct pp_json *v)
{
	const struct pp_json *name = pp_json_first(v);

	if (v->type != PP_JSON_ARRAY)
		return false;
	for (uint32_t i = 0; i < v->count; i++, name = pp_json_next(name))
		if (name->type != PP_JSON_STRING)
			return false;
	return true;
}

static bool
is_type_name(const struct pp_json *v)
{
	static const char *const names[] = { "object", "array", "string",
		"number", "integer", "boolean", "null" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (pp_json_is(v, names[i]))
			return true;
	return false;
}

static bool
is_types(const struct pp_json *v)
{
	const struct pp_json *name = pp_json_first(v);

	if (v->type != PP_JSON_ARRAY)
		return is_type_name(v);
	for (uint32_t i = 0; i < v->count; i++, name = pp_json_next(name))
		if (!is_type_name(name))
			return false;
	return v->count > 0;
}

/* Schemas in a list, or the values of an object. */
static int
read_schemas(struct place *at, const struct pp_json *v, int depth,
    struct pp_error *err)
{
	const struct pp_json *one = pp_json_first(v);

	for (uint32_t i = 0; i < v->count; i++, one = pp_json_next(one)) {
		size_t before;

		if (v->type == PP_JSON_OBJECT) {
			before = enter(at, one->text, one->len);
			one = pp_json_next(one);
		} else {
			before = enter_item(at, i);
		}
		if (read_schema(at, one, depth, err) < 0)
			return -1;
		leave(at, before);
	}
	return 0;
}

static int
read_word(struct place *at, enum holds holds, const struct pp_json *v,
    int depth, struct pp_error *err)
{
	switch (holds) {
	case ANYTHING: return 0;
	case TYPES:
		return is_types(v) ? 0 : fail(at, err, "is no type of JSON");
	case NAMES:
		return is_list_of_names(v) ?
		    0 :
		    fail(at, err, "must be a list of names");
	case LIST:
		return v->type == PP_JSON_ARRAY ?
		    0 :
		    fail(at, err, "must be a list");
	case NUMBER:
		return v->type == PP_JSON_NUMBER ?
		    0 :
		    fail(at, err, "must be a number");
	case SCHEMA_OR_BOOL:
		if (v->type == PP_JSON_TRUE || v->type == PP_JSON_FALSE)
			return 0;
		/* fallthrough */
	case SCHEMA: return read_schema(at, v, depth, err);
	case SCHEMAS:
		return v->type == PP_JSON_ARRAY && v->count > 0 ?
		    read_schemas(at, v, depth, err) :
		    fail(at, err, "must be a list of schemas");
	case SCHEMAS_BY_NAME:
		return v->type == PP_JSON_OBJECT ?
		    read_schemas(at, v, depth, err) :
		    fail(at, err, "must be schemas by name");
	}
	return 0;
}

static int
read_schema(struct place *at, const struct pp_json *schema, int depth,
    struct pp_error *err)
{
	const struct pp_json *key = pp_json_first(schema);

	if (schema->type != PP_JSON_OBJECT)
		return fail(at, err, "must be a schema");
	if (depth >= MAX_DEPTH)
		return fail(at, err, "is nested too deep");
	for (uint32_t i = 0; i < schema->count; i++) {
		const struct pp_json *value = pp_json_next(key);
		size_t before = enter(at, key->text, key->len), w = 0;

		while (w < NWORDS && !pp_json_is(key, words[w].name))
			w++;
		if (w == NWORDS)
			return fail(at, err, "this word is not known here");
		if (read_word(at, words[w].holds, value, depth + 1, err) < 0)
			return -1;
		leave(at, before);
		key = pp_json_next(value);
	}
	return 0;
}

struct pp_json_schema *
pp_json_schema_new(const char *text, size_t len, struct pp_error *err)
{
	struct pp_json_schema *s = pp_calloc(1, sizeof *s);
	struct place at = { .len = 0 };

	s->text = pp_strndup(text, len);
	s->len = len;
	s->root = pp_json_parse(&s->doc, s->text, len, 0, err);
	if (s->root == NULL || read_schema(&at, s->root, 0, err) < 0)
		goto fail;
	if (!pp_json_is(pp_json_get(s->root, "type"), "object")) {
		fail(&at, err, "its type must be object");
		goto fail;
	}
	return s;
fail:
	pp_json_schema_free(s);
	return NULL;
}

void
pp_json_schema_free(struct pp_json_schema *s)
{
	if (s == NULL)
		return;
	pp_json_doc_release(&s->doc);
	free(s->text);
	free(s);
}

const char *
pp_json_schema_text(const struct pp_json_schema *s, size_t *len)
{
	*len = s->len;
	return s->text;
}

int
pp_json_schema_check(const struct pp_json_schema *s, const struct pp_json *v,
    struct pp_error *err)
{
	struct check c = { .err = err };

	return check_value(&c, s->root, v);
}
