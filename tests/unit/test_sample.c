/* Samples of a seed set: reproducible, fair, with exact quotas. */
#include <config.h>

#include "test.h"
#include "home.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "job/sample.h"
#include "job/seed_writer.h"

/* A set of 100: 60 with kind a, 25 with b, 10 with c, 5 without kind. */
#define RECORDS 100

static char folder[TEST_FOLDER_BYTES];
static struct pp_store *store;
static struct pp_seed_set *set;

static const char *
kind_of(int i)
{
	return i % 20 < 12 ? "a" : i % 20 < 17 ? "b" : i % 20 < 19 ? "c" : "";
}

static int
make_set(void **state)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_seed_writer *w;
	char *text;

	(void)state;
	if (test_folder_make(folder) < 0 || test_home_open(folder, &store) < 0)
		return -1;
	w = pp_seed_writer_new(store, "ada", "s", false, &err);
	for (int i = 0; i < RECORDS; i++) {
		const char *kind = kind_of(i);

		text = pp_asprintf("{\"i\":%d%s%s%s,\"list\":[]}", i,
		    *kind ? ",\"x\":{\"kind\":\"" : "", kind,
		    *kind ? "\"}" : "");
		pp_json_parse(&doc, text, strlen(text), 0, &err);
		assert_ok(pp_seed_writer_add(w, text, strlen(text), doc.nodes,
			      &err),
		    err);
		free(text);
	}
	assert_ok(pp_seed_writer_commit(w, &err), err);
	pp_seed_writer_free(w);
	set = pp_seed_open(store, "ada", "s", &err);
	pp_json_doc_release(&doc);
	return set == NULL ? -1 : 0;
}

static int
remove_set(void **state)
{
	(void)state;
	pp_seed_close(set);
	pp_store_close(store);
	return test_folder_remove(folder);
}

/* What was taken, in order. */
struct taken {
	int count, list[RECORDS];
	int kinds[4]; /* a, b, c, none */
};

static int
take(void *arg, const char *text, size_t len, struct pp_error *err)
{
	struct taken *t = arg;
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *v = pp_json_parse(&doc, text, len, 0, err);
	int64_t i = 0;

	assert_non_null(v);
	assert_true(pp_json_int64(pp_json_get(v, "i"), &i));
	t->list[t->count++] = (int)i;
	t->kinds[kind_of((int)i)[0] == '\0' ? 3 : kind_of((int)i)[0] - 'a']++;
	pp_json_doc_release(&doc);
	return 0;
}

static void
a_seed_gives_one_sample_in_order(void **state)
{
	struct pp_sample_options o = { .count = 20, .seed = 7 };
	struct taken a = { 0 }, b = { 0 }, c = { 0 };
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	assert_ok(pp_sample(set, &o, take, &a, &err), err);
	assert_ok(pp_sample(set, &o, take, &b, &err), err);
	o.seed = 8;
	assert_ok(pp_sample(set, &o, take, &c, &err), err);
	assert_int_equal(a.count, 20);
	for (int i = 1; i < 20; i++)
		assert_true(a.list[i] > a.list[i - 1]);
	assert_memory_equal(&a, &b, sizeof a);
	assert_memory_not_equal(a.list, c.list, sizeof a.list);
}

/* 2000 samples of 10: each record in 200, give or take (sigma 13.4). */
static void
every_record_has_the_same_chance(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	int seen[RECORDS] = { 0 };

	(void)state;
	for (uint64_t seed = 0; seed < 2000; seed++) {
		struct pp_sample_options o = { .count = 10, .seed = seed };
		struct taken t = { 0 };

		assert_ok(pp_sample(set, &o, take, &t, &err), err);
		for (int i = 0; i < t.count; i++)
			seen[t.list[i]]++;
	}
	for (int i = 0; i < RECORDS; i++) {
		if (seen[i] < 140 || seen[i] > 260)
			fail_msg("record %d was in %d samples", i, seen[i]);
	}
}

static void
groups_get_their_quotas(void **state)
{
	static const struct {
		const char *name;
		int64_t count;
		struct pp_sample_weight weights[3];
		size_t weight_count;
		int kinds[4];
	} rows[] = {
		{ "as in the set", 20, { { NULL, 0 } }, 0, { 12, 5, 2, 1 } },
		{ "rounded to the largest remainders", 10, { { NULL, 0 } }, 0,
		    { 6, 3, 1, 0 } },
		{ "weights", 8, { { "a", 3 }, { "b", 1 } }, 2, { 6, 2, 0, 0 } },
		{ "one more for the first of equals", 2,
		    { { "a", 3 }, { "b", 3 }, { "c", 3 } }, 3, { 1, 1, 0, 0 } },
		{ "nothing for a weight of nothing", 7,
		    { { "a", 0 }, { "c", 5 } }, 2, { 0, 0, 7, 0 } },
		{ "those without the member", 4, { { "", 1 }, { "b", 1 } }, 2,
		    { 0, 2, 0, 2 } },
		{ "a whole group", 10, { { "c", INT64_MAX } }, 1,
		    { 0, 0, 10, 0 } },
		{ "nothing at all", 0, { { NULL, 0 } }, 0, { 0, 0, 0, 0 } },
		{ "everything", 100, { { NULL, 0 } }, 0, { 60, 25, 10, 5 } },
	};
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (uint64_t seed = 0; seed < 5; seed++) {
			struct pp_sample_options o = { .count = rows[i].count,
				.seed = seed,
				.by = "x.kind",
				.weights = rows[i].weights,
				.weight_count = rows[i].weight_count };
			struct taken t = { 0 };

			assert_ok(pp_sample(set, &o, take, &t, &err), err);
			if (memcmp(t.kinds, rows[i].kinds, sizeof t.kinds))
				fail_msg("%s: %d %d %d %d", rows[i].name,
				    t.kinds[0], t.kinds[1], t.kinds[2],
				    t.kinds[3]);
		}
	}
}

static void
what_cannot_be_drawn_is_refused(void **state)
{
	static const struct pp_sample_weight none[] = { { "z", 1 } },
					     much[] = { { "c", 3 },
						     { "a", 1 } },
					     zero[] = { { "a", 0 } },
					     twice[] = { { "a", 1 },
						     { "a", 2 } };
	static const struct {
		struct pp_sample_options o;
		enum pp_code code;
		const char *text;
	} rows[] = {
		{ { .count = 101 }, PP_EDATA,
		    "101 records are wanted, but there are 100" },
		{ { .count = 1,
		      .by = "x.kind",
		      .weights = none,
		      .weight_count = 1 },
		    PP_EDATA,
		    "1 records with x.kind 'z' "
		    "are wanted, but there are 0" },
		{ { .count = 20,
		      .by = "x.kind",
		      .weights = much,
		      .weight_count = 2 },
		    PP_EDATA,
		    "15 records with x.kind 'c' "
		    "are wanted, but there are 10" },
		{ { .count = 1,
		      .by = "x.kind",
		      .weights = zero,
		      .weight_count = 1 },
		    PP_EUSAGE, "all weights are 0" },
		{ { .count = 1,
		      .by = "x.kind",
		      .weights = twice,
		      .weight_count = 2 },
		    PP_EUSAGE, "'a' has two weights" },
		{ { .count = 1, .by = "list" }, PP_EDATA,
		    "record 1: 'list' "
		    "is an array, which makes no group" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct taken t = { 0 };

		assert_fails(pp_sample(set, &rows[i].o, take, &t, &err), err,
		    rows[i].code);
		assert_string_equal(err.text, rows[i].text);
		assert_int_equal(t.count, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seed_gives_one_sample_in_order),
		cmocka_unit_test(every_record_has_the_same_chance),
		cmocka_unit_test(groups_get_their_quotas),
		cmocka_unit_test(what_cannot_be_drawn_is_refused),
	};

	return cmocka_run_group_tests(tests, make_set, remove_set);
}
