/* Cost rows of many jobs, summed up. */
#include <config.h>

#include "test.h"
#include "home.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "job/cost_sums.h"

struct home {
	char dir[TEST_FOLDER_BYTES];
	struct pp_store *store;
};

static const char *const jobs[] = {
	"019aa000-0000-7000-8000-000000000001",
	"019aa000-0000-7000-8000-000000000002",
	"019aa000-0000-7000-8000-000000000003", /* somebody else's */
};

static const struct {
	int job;
	const char *timestamp, *model;
	int64_t tokens_in, tokens_out, cost;
} costs[] = {
	{ 0, "2026-11-19T23:59:59.999Z#00000#000000001#0", "a", 1, 10, 100 },
	{ 0, "2026-11-20T00:00:00.000Z#00000#000000002#0", "a", 2, 20, 200 },
	{ 0, "2026-11-20T00:00:00.000Z#00000#000000002#1", "b", 3, 30, 300 },
	{ 1, "2026-11-20T12:00:00.000Z#00000#000000001#0", "b", 4, 40, 400 },
	{ 2, "2026-11-20T12:00:00.000Z#00000#000000001#0", "b", 9, 9, 9 },
};

static void
add_job(struct home *h, const char *id, const char *user)
{
	char *owner = pp_strdup(user), none[] = "", config[] = "{}";
	struct pp_job job = { .user_id = owner,
		.name = none,
		.rows = 1,
		.shards = 1,
		.budget_limit_nusd = PP_NO_LIMIT,
		.config = config,
		.reason = none };
	struct pp_error err = PP_ERROR_INIT;
	char existing[PP_ID_BYTES];

	strcpy(job.job_id, id);
	assert_ok(pp_store_job_add(h->store, &job, NULL, existing, &err), err);
	free(owner);
}

static void
add_cost(struct home *h, const char *job_id, const char *timestamp,
    const char *model, int64_t in, int64_t out, int64_t nusd)
{
	struct pp_cost c = { .model_id = pp_strdup(model),
		.tokens_in = in,
		.tokens_out = out,
		.cost_nusd = nusd };
	struct pp_error err = PP_ERROR_INIT;

	strcpy(c.job_id, job_id);
	strcpy(c.timestamp, timestamp);
	assert_ok(pp_store_cost_add(h->store, &c, &err), err);
	free(c.model_id);
}

static int
open_home(void **state)
{
	struct home *h = pp_calloc(1, sizeof *h);

	*state = h;
	if (test_folder_make(h->dir) < 0 ||
	    test_home_open(h->dir, &h->store) < 0)
		return -1;
	for (int i = 0; i < 3; i++)
		add_job(h, jobs[i], i < 2 ? "ada" : "bob");
	for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++)
		add_cost(h, jobs[costs[i].job], costs[i].timestamp,
		    costs[i].model, costs[i].tokens_in, costs[i].tokens_out,
		    costs[i].cost);
	return 0;
}

static int
close_home(void **state)
{
	struct home *h = *state;
	int rc;

	pp_store_close(h->store);
	rc = test_folder_remove(h->dir);
	free(h);
	return rc;
}

/* "key in out cost;" for each. */
static void
check(struct home *h, enum pp_cost_by by, const char *since,
    const char *expected)
{
	struct pp_cost_sums sums = { .list = NULL };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf got = PP_BUF_INIT;
	int64_t since_ms = 0;

	if (since != NULL)
		assert_ok(pp_time_parse(since, &since_ms, &err), err);
	assert_ok(pp_cost_sums_collect(h->store, "ada", by, since_ms, &sums,
		      &err),
	    err);
	for (size_t i = 0; i < sums.count; i++)
		pp_buf_addf(&got, "%s %d %d %d;", sums.list[i].key,
		    (int)sums.list[i].tokens_in, (int)sums.list[i].tokens_out,
		    (int)sums.list[i].cost_nusd);
	assert_string_equal(got.data, expected);
	pp_buf_release(&got);
	pp_cost_sums_release(&sums);
}

static void
rows_add_up_by_day_model_and_job(void **state)
{
	struct home *h = *state;

	check(h, PP_COST_BY_DAY, NULL,
	    "2026-11-19 1 10 100;2026-11-20 9 90 900;");
	check(h, PP_COST_BY_MODEL, NULL, "a 3 30 300;b 7 70 700;");
	check(h, PP_COST_BY_JOB, NULL,
	    "019aa000-0000-7000-8000-000000000001 6 60 600;"
	    "019aa000-0000-7000-8000-000000000002 4 40 400;");
}

static void
only_rows_from_a_time_on_count(void **state)
{
	struct home *h = *state;

	check(h, PP_COST_BY_DAY, "2026-11-20", "2026-11-20 9 90 900;");
	check(h, PP_COST_BY_MODEL, "2026-11-20T00:00:00.001Z", "b 4 40 400;");
	check(h, PP_COST_BY_MODEL, "2026-11-21", "");
}

/* Lists come in pages; nothing at their ends is lost or counted twice. */
static void
many_rows_and_jobs_are_all_counted(void **state)
{
	struct home *h = *state;
	char id[PP_ID_BYTES], stamp[64];

	for (int i = 0; i < 201; i++) {
		snprintf(id, sizeof id, "019aa000-0000-7000-9000-%012d", i);
		add_job(h, id, "ada");
	}
	for (int i = 0; i < 200; i++) {
		snprintf(stamp, sizeof stamp,
		    "2026-11-25T00:00:00.000Z#00000#%09d#0", i);
		add_cost(h, id, stamp, "c", 1, 1, 1);
	}
	check(h, PP_COST_BY_MODEL, "2026-11-25", "c 200 200 200;");
}

static void
sums_have_names(void **state)
{
	enum pp_cost_by by;

	(void)state;
	assert_int_equal(pp_cost_by_parse("model", &by), 0);
	assert_string_equal(pp_cost_by_name(by), "model");
	assert_int_equal(pp_cost_by_parse("week", &by), -1);
}

#define IN_A_HOME(test) \
	cmocka_unit_test_setup_teardown(test, open_home, close_home)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HOME(rows_add_up_by_day_model_and_job),
		IN_A_HOME(only_rows_from_a_time_on_count),
		IN_A_HOME(many_rows_and_jobs_are_all_counted),
		cmocka_unit_test(sums_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
