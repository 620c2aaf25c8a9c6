#include <config.h>

#include "job/seed_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"

/* Objects of up to this many members are compared key by key. */
#define FEW_MEMBERS 12

static const char *const type_names[] = {
	[PP_JSON_NULL] = "null",
	[PP_JSON_FALSE] = "a boolean",
	[PP_JSON_TRUE] = "a boolean",
	[PP_JSON_NUMBER] = "a number",
	[PP_JSON_STRING] = "a string",
	[PP_JSON_ARRAY] = "an array",
	[PP_JSON_OBJECT] = "an object",
};

struct key {
	const struct pp_json *node;
	uint64_t hash;
};

static uint64_t
hash_key(const struct pp_json *k)
{
	struct pp_buf plain = PP_BUF_INIT;
	uint64_t hash;

	if (!k->escaped)
		return pp_hash64(k->text, k->len, 0);
	pp_json_unescape(k, &plain);
	hash = pp_hash64(plain.data, plain.len, 0);
	pp_buf_release(&plain);
	return hash;
}

static bool
same_key(const struct pp_json *a, const struct pp_json *b)
{
	struct pp_buf x = PP_BUF_INIT, y = PP_BUF_INIT;
	bool same;

	if (!a->escaped && !b->escaped)
		return a->len == b->len &&
		    (a->len == 0 || memcmp(a->text, b->text, a->len) == 0);
	pp_json_unescape(a, &x);
	pp_json_unescape(b, &y);
	same = x.len == y.len &&
	    (x.len == 0 || memcmp(x.data, y.data, x.len) == 0);
	pp_buf_release(&x);
	pp_buf_release(&y);
	return same;
}

/* By hash, then by place. */
static int
compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

static const struct pp_json *
duplicate_of_many(const struct pp_json *object)
{
	struct key *keys = pp_calloc(object->count, sizeof *keys);
	const struct pp_json *k = pp_json_first(object), *found = NULL;

	for (uint32_t i = 0; i < object->count; i++) {
		keys[i] = (struct key){ k, hash_key(k) };
		k = pp_json_next(pp_json_next(k));
	}
	qsort(keys, object->count, sizeof *keys, compare_keys);
	for (uint32_t i = 1; i < object->count && found == NULL; i++) {
		if (keys[i].hash == keys[i - 1].hash &&
		    same_key(keys[i].node, keys[i - 1].node))
			found = keys[i].node;
	}
	free(keys);
	return found;
}

/* A key that an earlier member has too, or NULL. */
static const struct pp_json *
find_duplicate(const struct pp_json *object)
{
	const struct pp_json *k = pp_json_first(object);
	const struct pp_json *seen[FEW_MEMBERS];

	if (object->count > FEW_MEMBERS)
		return duplicate_of_many(object);
	for (uint32_t i = 0; i < object->count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (same_key(k, seen[j]))
				return k;
		}
		seen[i] = k;
		k = pp_json_next(pp_json_next(k));
	}
	return NULL;
}

int
pp_seed_check(const struct pp_json_doc *doc, const char **at,
    struct pp_error *err)
{
	double value;

	*at = doc->nodes->text;
	if (doc->nodes->type != PP_JSON_OBJECT)
		return pp_error_set(err, PP_EDATA,
		    "a record must be an object, not %s",
		    type_names[doc->nodes->type]);
	for (size_t i = 0; i < doc->count; i++) {
		const struct pp_json *v = &doc->nodes[i], *twice;

		*at = v->text;
		if (v->type == PP_JSON_NUMBER && !pp_json_double(v, &value))
			return pp_error_set(err, PP_EDATA,
			    "number out of range: %.*s%s",
			    v->len > 40 ? 40 : (int)v->len, v->text,
			    v->len > 40 ? "..." : "");
		if (v->type != PP_JSON_OBJECT)
			continue;
		twice = find_duplicate(v);
		if (twice == NULL)
			continue;
		*at = twice->text;
		return pp_error_set(err, PP_EDATA,
		    "member \"%.*s\" is there twice",
		    twice->len > 80 ? 80 : (int)twice->len, twice->text);
	}
	return 0;
}
