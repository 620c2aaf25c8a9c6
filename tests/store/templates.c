/* Template versions, and the rows of costs. */
#include <config.h>

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static int
put(struct pp_store *s, const char *id, const char *user,
    const char *definition, bool is_public, int64_t *version,
    struct pp_error *err)
{
	char i[64], u[64], d[64], n[] = "a name", src[] = "steps: # {}";
	char r[] = "[\"poem.text\"]";
	struct pp_template_version t = { .template_id = i,
		.name = n,
		.user_id = u,
		.definition = d,
		.source = src,
		.requirements = r,
		.created_at_ms = 5,
		.is_public = is_public };

	snprintf(i, sizeof i, "%s", id);
	snprintf(u, sizeof u, "%s", user);
	snprintf(d, sizeof d, "%s", definition);
	return pp_store_template_add(s, &t, version, err);
}

static void
a_version_is_added_when_the_content_differs(void **state)
{
	static const struct {
		const char *definition;
		bool is_public;
		int rc;
		int64_t version;
	} rows[] = {
		{ "{\"a\":1}", false, 0, 1 },
		{ "{\"a\":1}", false, 1, 1 },
		{ "{\"a\":2}", false, 0, 2 },
		{ "{\"a\":1}", false, 0, 3 }, /* the newest is compared */
		{ "{\"a\":1}", true, 0, 4 },  /* made public */
		{ "{\"a\":1}", true, 1, 4 },
	};
	struct fixture *f = *state;
	struct pp_template_version t;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t version = 0;
		int rc = put(f->store, "story", "ann", rows[i].definition,
		    rows[i].is_public, &version, &f->err);

		assert_ok(rc, f->err);
		assert_int_equal(rc, rows[i].rc);
		assert_int_equal(version, rows[i].version);
	}
	assert_ok(pp_store_template_get(f->store, "story", 2, "ann", &t,
		      &f->err),
	    f->err);
	assert_string_equal(t.template_id, "story");
	assert_int_equal(t.version, 2);
	assert_string_equal(t.definition, "{\"a\":2}");
	assert_string_equal(t.name, "a name");
	assert_string_equal(t.source, "steps: # {}");
	assert_string_equal(t.requirements, "[\"poem.text\"]");
	assert_string_equal(t.user_id, "ann");
	assert_int_equal(t.created_at_ms, 5);
	assert_false(t.is_public);
	pp_template_version_release(&t);
	assert_fails(pp_store_template_get(f->store, "story", 5, "ann", &t,
			 &f->err),
	    f->err, PP_ENOENT);
	assert_string_equal(f->err.text, "no template 'story@5'");
}

#define WRITERS 8
#define EACH 10

static int
put_ten(struct fixture *f, int i, void *shared)
{
	int64_t *versions = shared;

	for (int k = 0; k < EACH; k++) {
		char definition[32];

		snprintf(definition, sizeof definition, "[%d,%d]", i, k);
		CHILD_CHECK(put(f->store, "story", "ann", definition, false,
				&versions[i * EACH + k], &f->err) == 0,
		    f->err);
	}
	return 0;
}

static void
racing_writers_get_versions_of_their_own(void **state)
{
	struct fixture *f = *state;
	size_t size = WRITERS * EACH * sizeof(int64_t);
	int64_t *versions = shared_alloc(size);
	bool seen[WRITERS * EACH + 1] = { false };

	race(f, WRITERS, put_ten, versions);
	for (int i = 0; i < WRITERS * EACH; i++) {
		struct pp_template_version t;
		char definition[32];

		assert_in_range(versions[i], 1, WRITERS * EACH);
		assert_false(seen[versions[i]]);
		seen[versions[i]] = true;
		snprintf(definition, sizeof definition, "[%d,%d]", i / EACH,
		    i % EACH);
		assert_ok(pp_store_template_get(f->store, "story", versions[i],
			      NULL, &t, &f->err),
		    f->err);
		assert_string_equal(t.definition, definition);
		pp_template_version_release(&t);
	}
	shared_free(versions, size);
}

static void
a_private_template_is_its_owners_alone(void **state)
{
	static const struct {
		const char *id, *user;
		int64_t version, seen; /* 0: PP_ENOENT */
	} rows[] = {
		{ "mine", "ann", 0, 2 },
		{ "mine", NULL, 0, 2 },
		{ "mine", "bob", 0, 0 },
		{ "mine", "bob", 1, 0 },
		{ "ours", "ann", 0, 2 },
		{ "ours", "bob", 0, 1 }, /* the newest that is public */
		{ "ours", "bob", 1, 1 },
		{ "ours", "bob", 2, 0 },
		{ "none", NULL, 0, 0 },
	};
	struct fixture *f = *state;
	struct pp_template_version t;

	assert_ok(put(f->store, "mine", "ann", "1", false, NULL, &f->err),
	    f->err);
	assert_ok(put(f->store, "mine", "ann", "2", false, NULL, &f->err),
	    f->err);
	assert_ok(put(f->store, "ours", "ann", "1", true, NULL, &f->err),
	    f->err);
	assert_ok(put(f->store, "ours", "ann", "2", false, NULL, &f->err),
	    f->err);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int rc = pp_store_template_get(f->store, rows[i].id,
		    rows[i].version, rows[i].user, &t, &f->err);

		if ((rc == 0) != (rows[i].seen != 0))
			fail_msg("row %zu: %s", i, f->err.text);
		if (rc < 0) {
			assert_int_equal(f->err.code, PP_ENOENT);
			continue;
		}
		assert_int_equal(t.version, rows[i].seen);
		pp_template_version_release(&t);
	}
	assert_fails(put(f->store, "ours", "bob", "3", true, NULL, &f->err),
	    f->err, PP_EAUTH);
}

/* The versions and ids that a listing gives, as "id@version ...". */
static void
list(struct fixture *f, const char *user, int page, char *out, size_t size)
{
	struct pp_template_version t[8];
	char after[64] = "";
	int n;

	*out = '\0';
	do {
		n = pp_store_template_list(f->store, user,
		    *after != '\0' ? after : NULL, t, page, &f->err);
		assert_ok(n, f->err);
		for (int i = 0; i < n; i++) {
			size_t len = strlen(out);

			snprintf(out + len, size - len, "%s@%d ",
			    t[i].template_id, (int)t[i].version);
			snprintf(after, sizeof after, "%s", t[i].template_id);
			pp_template_version_release(&t[i]);
		}
	} while (n == page);
}

static void
lists_show_the_newest_that_one_may_see(void **state)
{
	struct fixture *f = *state;
	struct pp_template_version t[4];
	char text[256];

	put(f->store, "b", "ann", "1", true, NULL, &f->err);
	put(f->store, "b", "ann", "2", false, NULL, &f->err);
	put(f->store, "c", "bob", "1", false, NULL, &f->err);
	put(f->store, "a", "ann", "1", false, NULL, &f->err);
	put(f->store, "d", "bob", "1", true, NULL, &f->err);
	put(f->store, "d", "bob", "2", true, NULL, &f->err);
	for (int page = 1; page < 6; page++) {
		list(f, "ann", page, text, sizeof text);
		assert_string_equal(text, "a@1 b@2 d@2 ");
		list(f, "bob", page, text, sizeof text);
		assert_string_equal(text, "b@1 c@1 d@2 ");
		list(f, NULL, page, text, sizeof text);
		assert_string_equal(text, "a@1 b@2 c@1 d@2 ");
	}
	assert_int_equal(pp_store_template_versions(f->store, "b", "ann", 0, t,
			     4, &f->err),
	    2);
	assert_int_equal(t[0].version, 1);
	assert_int_equal(t[1].version, 2);
	pp_template_version_release(&t[0]);
	pp_template_version_release(&t[1]);
	assert_int_equal(pp_store_template_versions(f->store, "b", "bob", 0, t,
			     4, &f->err),
	    1);
	pp_template_version_release(&t[0]);
	assert_int_equal(pp_store_template_versions(f->store, "b", "ann", 1, t,
			     4, &f->err),
	    1);
	assert_int_equal(t[0].version, 2);
	pp_template_version_release(&t[0]);
}

static void
only_the_owner_deletes_a_template(void **state)
{
	struct fixture *f = *state;
	struct pp_template_version t;

	put(f->store, "ours", "ann", "1", true, NULL, &f->err);
	put(f->store, "ours", "ann", "2", true, NULL, &f->err);
	put(f->store, "mine", "ann", "1", false, NULL, &f->err);
	assert_fails(pp_store_template_delete(f->store, "ours", "bob", &f->err),
	    f->err, PP_EAUTH);
	assert_fails(pp_store_template_delete(f->store, "mine", "bob", &f->err),
	    f->err, PP_ENOENT);
	assert_ok(pp_store_template_delete(f->store, "ours", "ann", &f->err),
	    f->err);
	assert_fails(pp_store_template_get(f->store, "ours", 0, "ann", &t,
			 &f->err),
	    f->err, PP_ENOENT);
	assert_fails(pp_store_template_delete(f->store, "ours", "ann", &f->err),
	    f->err, PP_ENOENT);
}

/* ---- costs ---- */

static int
add_cost(struct fixture *f, const char *job_id, const char *timestamp,
    int64_t nusd)
{
	char model[] = "llama-3.1-8b";
	struct pp_cost c = { .model_id = model,
		.tokens_in = 1,
		.tokens_out = 2,
		.cost_nusd = nusd,
		.compute_ms = 3,
		.store_operations = 4 };

	snprintf(c.job_id, sizeof c.job_id, "%s", job_id);
	snprintf(c.timestamp, sizeof c.timestamp, "%s", timestamp);
	return pp_store_cost_add(f->store, &c, &f->err);
}

static void
a_cost_written_twice_is_one_row(void **state)
{
	static const char *const times[] = {
		"2026-01-01T00:00:01.000Z#00000#2",
		"2026-01-01T00:00:00.000Z#00000#1",
		"2026-01-01T00:00:01.000Z#00000#2",
		"2026-01-01T00:00:02.000Z#00001#1",
	};
	struct fixture *f = *state;
	struct pp_cost page[4];
	char id[PP_ID_BYTES], other[PP_ID_BYTES];

	add_job(f, 1, 10, id);
	add_job(f, 1, 10, other);
	for (int i = 0; i < 4; i++)
		assert_ok(add_cost(f, id, times[i], 7), f->err);
	assert_ok(add_cost(f, other, times[0], 8), f->err);
	assert_int_equal(pp_store_cost_list(f->store, id, NULL, page, 4,
			     &f->err),
	    3);
	assert_string_equal(page[0].timestamp, times[1]);
	assert_string_equal(page[1].timestamp, times[0]);
	assert_string_equal(page[2].timestamp, times[3]);
	assert_string_equal(page[2].job_id, id);
	assert_string_equal(page[2].model_id, "llama-3.1-8b");
	assert_int_equal(page[2].tokens_in, 1);
	assert_int_equal(page[2].tokens_out, 2);
	assert_int_equal(page[2].cost_nusd, 7);
	assert_int_equal(page[2].compute_ms, 3);
	assert_int_equal(page[2].store_operations, 4);
	for (int i = 0; i < 3; i++)
		pp_cost_release(&page[i]);
	assert_int_equal(pp_store_cost_list(f->store, id, times[0], page, 4,
			     &f->err),
	    1);
	assert_string_equal(page[0].timestamp, times[3]);
	pp_cost_release(&page[0]);
}

#define COSTS 10000
#define COSTS_AT_ONCE 1000

static void
add_many_costs(struct fixture *f, const char *job_id, int from)
{
	struct pp_cost *rows = pp_calloc(COSTS_AT_ONCE, sizeof *rows);
	static char model[] = "m";

	for (int i = 0; i < COSTS_AT_ONCE; i++) {
		rows[i] = (struct pp_cost){ .model_id = model,
			.cost_nusd = from + i };
		snprintf(rows[i].job_id, sizeof rows[i].job_id, "%s", job_id);
		snprintf(rows[i].timestamp, sizeof rows[i].timestamp,
		    "2026-01-01T00:00:00.000Z#00000#%09d", from + i);
	}
	assert_ok(pp_store_costs_add(f->store, rows, COSTS_AT_ONCE, &f->err),
	    f->err);
	free(rows);
}

/* At full size on either home: they are written by batches. */
static void
ten_thousand_costs_are_listed_page_by_page(void **state)
{
	struct fixture *f = *state;
	struct pp_cost page[700];
	char id[PP_ID_BYTES], after[sizeof page->timestamp] = "";
	int all = 0, n;

	add_job(f, 1, 10, id);
	for (int i = 0; i < COSTS; i += COSTS_AT_ONCE)
		add_many_costs(f, id, i);
	do {
		n = pp_store_cost_list(f->store, id, after, page, 700, &f->err);
		assert_ok(n, f->err);
		for (int i = 0; i < n; i++) {
			assert_int_equal(page[i].cost_nusd, all++);
			memcpy(after, page[i].timestamp, sizeof after);
			pp_cost_release(&page[i]);
		}
	} while (n == 700);
	assert_int_equal(all, COSTS);
}

void
add_templates(void)
{
	static const struct CMUnitTest tests[] = {
		SUITE_TEST(a_version_is_added_when_the_content_differs),
		SUITE_TEST(racing_writers_get_versions_of_their_own),
		SUITE_TEST(a_private_template_is_its_owners_alone),
		SUITE_TEST(lists_show_the_newest_that_one_may_see),
		SUITE_TEST(only_the_owner_deletes_a_template),
		SUITE_TEST(a_cost_written_twice_is_one_row),
		SUITE_TEST(ten_thousand_costs_are_listed_page_by_page),
	};

	SUITE_ADD(tests);
}
