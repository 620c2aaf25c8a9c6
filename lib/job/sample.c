#include <config.h>

#include "job/sample.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/rand.h"

#define BUCKETS 4096
#define NONE UINT32_MAX

struct group {
	char *value;
	size_t len;
	uint32_t next; /* in its bucket */
	int64_t size;  /* records */
	int64_t weight;
	int64_t quota;
	int64_t left, wanted;  /* while drawing */
	__uint128_t remainder; /* of its share, in parts of the total */
};

struct sampler {
	struct pp_seed_set *set;
	const struct pp_sample_options *o;
	struct pp_rand rand;
	struct pp_buf text, value;
	struct pp_json_doc doc;
	struct group *groups;
	uint32_t group_count;
	size_t group_cap;
	uint32_t buckets[BUCKETS];
};

/* ---- groups ---- */

static uint32_t *
bucket_of(struct sampler *s, const char *value, size_t len)
{
	return &s->buckets[pp_hash64(value, len, 0) % BUCKETS];
}

static struct group *
find_group(struct sampler *s, const char *value, size_t len)
{
	for (uint32_t i = *bucket_of(s, value, len); i != NONE;
	     i = s->groups[i].next) {
		struct group *g = &s->groups[i];

		if (g->len == len && memcmp(g->value, value, len) == 0)
			return g;
	}
	return NULL;
}

static struct group *
add_group(struct sampler *s, const char *value, size_t len,
    struct pp_error *err)
{
	uint32_t *bucket = bucket_of(s, value, len);
	struct group *g;

	if (s->group_count == PP_SAMPLE_MAX_GROUPS) {
		pp_error_set(err, PP_ELIMIT, "'%s' has more than %d values",
		    s->o->by, PP_SAMPLE_MAX_GROUPS);
		return NULL;
	}
	s->groups = pp_grow(s->groups, s->group_count, &s->group_cap,
	    sizeof *s->groups);
	g = &s->groups[s->group_count];
	*g = (struct group){
		.value = pp_strndup(value, len), .len = len, .next = *bucket
	};
	*bucket = s->group_count++;
	return g;
}

/* Read record i and the value that tells its group, into s->value. */
static int
read_value(struct sampler *s, int64_t i, struct pp_error *err)
{
	const struct pp_json *v;

	pp_buf_clear(&s->text);
	pp_buf_clear(&s->value);
	if (pp_seed_get(s->set, i, &s->text, err) < 0)
		return -1;
	v = pp_json_parse(&s->doc, s->text.data, s->text.len, 0, err);
	if (v == NULL)
		return pp_error_wrap(err, "record %lld", (long long)i + 1);
	v = pp_json_path(v, s->o->by);
	if (v == NULL)
		return 0;
	if (v->type == PP_JSON_ARRAY || v->type == PP_JSON_OBJECT)
		return pp_error_set(err, PP_EDATA,
		    "record %lld: '%s' is %s, "
		    "which makes no group",
		    (long long)i + 1, s->o->by,
		    v->type == PP_JSON_ARRAY ? "an array" : "an object");
	if (v->type == PP_JSON_STRING)
		return pp_json_unescape(v, &s->value);
	return pp_buf_add(&s->value, v->text, v->len);
}

/* The first pass: how many records each group has. */
static int
count_groups(struct sampler *s, struct pp_error *err)
{
	bool named = s->o->weight_count > 0;
	struct group *g;

	for (size_t i = 0; i < s->o->weight_count; i++) {
		const struct pp_sample_weight *w = &s->o->weights[i];

		if (find_group(s, w->value, strlen(w->value)) != NULL)
			return pp_error_set(err, PP_EUSAGE,
			    "'%s' has two weights", w->value);
		g = add_group(s, w->value, strlen(w->value), err);
		if (g == NULL)
			return -1;
		g->weight = w->weight;
	}
	for (int64_t i = 0; i < pp_seed_count(s->set); i++) {
		if (read_value(s, i, err) < 0)
			return -1;
		g = find_group(s, s->value.data, s->value.len);
		if (g == NULL && named)
			continue;
		if (g == NULL)
			g = add_group(s, s->value.data, s->value.len, err);
		if (g == NULL)
			return -1;
		g->size++;
	}
	for (uint32_t i = 0; i < s->group_count && !named; i++)
		s->groups[i].weight = s->groups[i].size;
	return 0;
}

/* The group whose share was cut most, not yet given one more. */
static struct group *
largest_remainder(struct sampler *s)
{
	struct group *best = NULL;

	for (uint32_t i = 0; i < s->group_count; i++) {
		struct group *g = &s->groups[i];

		if (g->remainder > 0 &&
		    (best == NULL || g->remainder > best->remainder))
			best = g;
	}
	return best;
}

/*
 * Whole numbers that add up to the count: each share is rounded down, and the
 * groups that lost most by it get one more (Hamilton's method). The first of
 * equals comes first.
 */
static int
set_quotas(struct sampler *s, struct pp_error *err)
{
	__uint128_t total = 0, share;
	int64_t rest = s->o->count;

	for (uint32_t i = 0; i < s->group_count; i++)
		total += (uint64_t)s->groups[i].weight;
	if (total == 0)
		return pp_error_set(err, PP_EUSAGE, "all weights are 0");
	for (uint32_t i = 0; i < s->group_count; i++) {
		struct group *g = &s->groups[i];

		share = (__uint128_t)s->o->count * (uint64_t)g->weight;
		g->quota = (int64_t)(share / total);
		g->remainder = share % total;
		rest -= g->quota;
	}
	for (; rest > 0; rest--) {
		/* Remainders add up to `rest` totals: there is one. */
		struct group *g = largest_remainder(s);

		assert(g != NULL);
		g->quota++;
		g->remainder = 0;
	}
	return 0;
}

static int
check_quotas(struct sampler *s, struct pp_error *err)
{
	for (uint32_t i = 0; i < s->group_count; i++) {
		struct group *g = &s->groups[i];

		if (g->quota > g->size)
			return pp_error_set(err, PP_EDATA,
			    "%lld records with "
			    "%s '%s' are wanted, but there are %lld",
			    (long long)g->quota, s->o->by, g->value,
			    (long long)g->size);
		g->left = g->size;
		g->wanted = g->quota;
	}
	return 0;
}

/* ---- drawing ---- */

/*
 * Whether the next of `left` records is one of the `wanted`: every choice is
 * equally likely (Knuth, The Art of Computer Programming 2, 3.4.2, S).
 */
static bool
draw(struct sampler *s, int64_t *left, int64_t *wanted)
{
	bool taken = *wanted > 0 &&
	    (int64_t)pp_rand_below(&s->rand, (uint64_t)*left) < *wanted;

	--*left;
	*wanted -= taken;
	return taken;
}

static int
draw_plain(struct sampler *s, pp_sample_fn *take, void *arg,
    struct pp_error *err)
{
	int64_t count = pp_seed_count(s->set), left = count;
	int64_t wanted = s->o->count;

	for (int64_t i = 0; i < count && wanted > 0; i++) {
		if (!draw(s, &left, &wanted))
			continue;
		pp_buf_clear(&s->text);
		if (pp_seed_get(s->set, i, &s->text, err) < 0 ||
		    take(arg, s->text.data, s->text.len, err) < 0)
			return -1;
	}
	return 0;
}

static int
draw_groups(struct sampler *s, pp_sample_fn *take, void *arg,
    struct pp_error *err)
{
	int64_t wanted = s->o->count;

	for (int64_t i = 0; i < pp_seed_count(s->set) && wanted > 0; i++) {
		struct group *g;

		if (read_value(s, i, err) < 0)
			return -1;
		g = find_group(s, s->value.data, s->value.len);
		if (g == NULL || !draw(s, &g->left, &g->wanted))
			continue;
		wanted--;
		if (take(arg, s->text.data, s->text.len, err) < 0)
			return -1;
	}
	return 0;
}

int
pp_sample(struct pp_seed_set *set, const struct pp_sample_options *o,
    pp_sample_fn *take, void *arg, struct pp_error *err)
{
	struct sampler *s = pp_calloc(1, sizeof *s);
	int rc;

	s->set = set;
	s->o = o;
	pp_buf_init(&s->text, 0);
	pp_buf_init(&s->value, 0);
	for (int i = 0; i < BUCKETS; i++)
		s->buckets[i] = NONE;
	pp_rand_seed(&s->rand, o->seed);
	if (o->count > pp_seed_count(set))
		rc = pp_error_set(err, PP_EDATA,
		    "%lld records are wanted, "
		    "but there are %lld",
		    (long long)o->count, (long long)pp_seed_count(set));
	else if (o->by == NULL)
		rc = draw_plain(s, take, arg, err);
	else if (count_groups(s, err) < 0 || set_quotas(s, err) < 0 ||
	    check_quotas(s, err) < 0)
		rc = -1;
	else
		rc = draw_groups(s, take, arg, err);
	for (uint32_t i = 0; i < s->group_count; i++)
		free(s->groups[i].value);
	free(s->groups);
	pp_buf_release(&s->text);
	pp_buf_release(&s->value);
	pp_json_doc_release(&s->doc);
	free(s);
	return rc;
}
