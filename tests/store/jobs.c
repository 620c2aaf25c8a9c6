/* Jobs: adding, looking, the changes of their status. */
#include <config.h>

#include "suite.h"

#include <stdio.h>

#include "base/mem.h"

static void
a_job_comes_back_as_it_went_in(void **state)
{
	struct fixture *f = *state;
	char user[] = "béa", name[] = "a 'name'", config[] = "{\"rows\": 7}";
	struct pp_job j = { .user_id = user,
		.name = name,
		.config = config,
		.created_at_ms = 123456,
		.rows = 7,
		.shards = 3,
		.priority = 9,
		.budget_limit_nusd = 5 };
	struct pp_job out;

	pp_id_new(j.job_id);
	assert_int_equal(pp_store_job_add(f->store, &j, NULL, NULL, &f->err),
	    0);
	assert_ok(pp_store_job_get(f->store, j.job_id, &out, &f->err), f->err);
	assert_string_equal(out.job_id, j.job_id);
	assert_string_equal(out.user_id, user);
	assert_string_equal(out.name, name);
	assert_string_equal(out.config, config);
	assert_string_equal(out.reason, "");
	assert_int_equal(out.status, PP_JOB_QUEUED);
	assert_int_equal(out.created_at_ms, 123456);
	assert_int_equal(out.started_at_ms, 0);
	assert_int_equal(out.ended_at_ms, 0);
	assert_int_equal(out.rows, 7);
	assert_int_equal(out.shards, 3);
	assert_int_equal(out.priority, 9);
	assert_int_equal(out.budget_limit_nusd, 5);
	assert_int_equal(out.totals.rows_done, 0);
	assert_false(out.cancel_requested || out.paused);
	pp_job_release(&out);

	assert_fails(pp_store_job_add(f->store, &j, NULL, NULL, &f->err),
	    f->err, PP_EEXIST);
	pp_id_new(j.job_id);
	assert_fails(pp_store_job_get(f->store, j.job_id, &out, &f->err),
	    f->err, PP_ENOENT);
}

static void
an_idempotency_key_adds_once_for_each_user(void **state)
{
	struct fixture *f = *state;
	struct pp_job first = job_of(1, 10), second = job_of(1, 10);
	struct pp_job third = job_of(1, 10);
	char existing[PP_ID_BYTES] = "", bob[] = "bob";
	struct pp_job out;

	assert_int_equal(pp_store_job_add(f->store, &first, "k", existing,
			     &f->err),
	    0);
	assert_int_equal(pp_store_job_add(f->store, &second, "k", existing,
			     &f->err),
	    1);
	assert_string_equal(existing, first.job_id);
	assert_fails(pp_store_job_get(f->store, second.job_id, &out, &f->err),
	    f->err, PP_ENOENT);
	third.user_id = bob;
	assert_int_equal(pp_store_job_add(f->store, &third, "k", existing,
			     &f->err),
	    0);

	assert_ok(pp_store_job_cancel(f->store, first.job_id, 1, &f->err),
	    f->err);
	assert_ok(pp_store_job_delete(f->store, first.job_id, &f->err), f->err);
	assert_int_equal(pp_store_job_add(f->store, &second, "k", existing,
			     &f->err),
	    0);
}

static int
add_with_key(struct fixture *f, int i, void *shared)
{
	char(*ids)[PP_ID_BYTES] = shared;
	struct pp_job j = job_of(2, 10);
	int rc = pp_store_job_add(f->store, &j, "one", ids[i], &f->err);

	CHILD_CHECK(rc >= 0, f->err);
	if (rc == 0)
		memcpy(ids[i], j.job_id, PP_ID_BYTES);
	return 0;
}

static void
racing_adds_with_one_key_make_one_job(void **state)
{
	struct fixture *f = *state;
	struct pp_job_filter any = { .status = -1 };
	size_t size = (size_t)8 * PP_ID_BYTES;
	char(*ids)[PP_ID_BYTES] = shared_alloc(size);
	struct pp_job out[2];

	race(f, 8, add_with_key, ids);
	for (int i = 1; i < 8; i++)
		assert_string_equal(ids[i], ids[0]);
	assert_int_equal(pp_store_job_list(f->store, &any, out, 2, &f->err), 1);
	assert_string_equal(out[0].job_id, ids[0]);
	pp_job_release(&out[0]);
	shared_free(ids, size);
}

#define MANY 10000
#define PAGE 97

static int
add_many(struct fixture *f, int i, void *shared)
{
	(void)shared;
	for (int k = 0; k < MANY / 4; k++) {
		struct pp_job j = job_of(1, 10);

		j.created_at_ms = i < 2 ? 1000 : 5000;
		CHILD_CHECK(pp_store_job_add(f->store, &j, NULL, NULL,
				&f->err) == 0,
		    f->err);
	}
	return 0;
}

/* Pages through all that the filter finds; how many, in falling order. */
static int
count_pages(struct fixture *f, struct pp_job_filter filter)
{
	char last[PP_ID_BYTES] = "";
	struct pp_job out[PAGE];
	int n, all = 0;

	do {
		n = pp_store_job_list(f->store, &filter, out, PAGE, &f->err);
		assert_ok(n, f->err);
		for (int i = 0; i < n; i++) {
			if (*last != '\0')
				assert_true(strcmp(out[i].job_id, last) < 0);
			memcpy(last, out[i].job_id, sizeof last);
			pp_job_release(&out[i]);
		}
		filter.before_id = last;
		all += n;
	} while (n == PAGE);
	return all;
}

static void
ten_thousand_jobs_are_listed_page_by_page(void **state)
{
	struct fixture *f = *state;
	struct pp_job_filter filter = { .status = -1 };

	race(f, 4, add_many, NULL);
	assert_int_equal(count_pages(f, filter), MANY);
	filter.user_id = "ann";
	assert_int_equal(count_pages(f, filter), MANY);
	filter.since_ms = 2000;
	assert_int_equal(count_pages(f, filter), MANY / 2);
	filter.status = PP_JOB_QUEUED;
	assert_int_equal(count_pages(f, filter), MANY / 2);
	filter.status = PP_JOB_RUNNING;
	assert_int_equal(count_pages(f, filter), 0);
	filter = (struct pp_job_filter){ .status = -1, .user_id = "bob" };
	assert_int_equal(count_pages(f, filter), 0);
}

static void
a_queued_job_is_cancelled_at_once(void **state)
{
	struct fixture *f = *state;
	char id[PP_ID_BYTES];
	struct pp_claim c;
	struct pp_job j;

	add_job(f, 3, 10, id);
	assert_ok(pp_store_job_cancel(f->store, id, 77, &f->err), f->err);
	assert_ok(pp_store_job_get(f->store, id, &j, &f->err), f->err);
	assert_int_equal(j.status, PP_JOB_CANCELLED);
	assert_int_equal(j.ended_at_ms, 77);
	pp_job_release(&j);
	assert_int_equal(claim_any(f->store, 100, &c, &f->err), 0);
	assert_fails(pp_store_job_cancel(f->store, id, 78, &f->err), f->err,
	    PP_ECONFLICT);
	pp_id_new(id);
	assert_fails(pp_store_job_cancel(f->store, id, 78, &f->err), f->err,
	    PP_ENOENT);
}

static void
a_running_job_is_cancelled_by_its_workers(void **state)
{
	struct fixture *f = *state;
	enum pp_job_status status;
	struct pp_claim a, b, none;
	char id[PP_ID_BYTES];
	bool cancel = true;

	add_job(f, 3, 10, id);
	must_claim(f, 100, &a);
	must_claim(f, 100, &b);
	assert_ok(pp_store_renew(f->store, &a, 200, 60000, &cancel, &f->err),
	    f->err);
	assert_false(cancel);
	assert_ok(pp_store_job_cancel(f->store, id, 300, &f->err), f->err);
	assert_ok(pp_store_job_cancel(f->store, id, 301, &f->err), f->err);
	assert_int_equal(status_of(f, id), PP_JOB_RUNNING);
	assert_int_equal(claim_any(f->store, 300, &none, &f->err), 0);
	assert_ok(pp_store_renew(f->store, &a, 300, 60000, &cancel, &f->err),
	    f->err);
	assert_true(cancel);

	assert_ok(pp_store_finish(f->store, &a, PP_JOB_CANCELLED, "asked", 400,
		      &status, &f->err),
	    f->err);
	assert_int_equal(status, PP_JOB_RUNNING);
	/* what is given back to a cancelled job ends as well */
	assert_ok(pp_store_release(f->store, &b, true, "", 500, &f->err),
	    f->err);
	assert_int_equal(status_of(f, id), PP_JOB_CANCELLED);
}

static void
the_worst_end_of_a_shard_is_the_jobs(void **state)
{
	static const struct {
		const char *name;
		enum pp_job_status ends[3], job;
	} rows[] = {
		{ "all done",
		    { PP_JOB_COMPLETED, PP_JOB_COMPLETED, PP_JOB_COMPLETED },
		    PP_JOB_COMPLETED },
		{ "one out of budget",
		    { PP_JOB_COMPLETED, PP_JOB_BUDGET_EXCEEDED,
			PP_JOB_COMPLETED },
		    PP_JOB_BUDGET_EXCEEDED },
		{ "failed before budget",
		    { PP_JOB_BUDGET_EXCEEDED, PP_JOB_COMPLETED, PP_JOB_FAILED },
		    PP_JOB_FAILED },
		{ "cancelled before all",
		    { PP_JOB_FAILED, PP_JOB_BUDGET_EXCEEDED, PP_JOB_CANCELLED },
		    PP_JOB_CANCELLED },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		enum pp_job_status status = PP_JOB_QUEUED;
		struct pp_claim c[3];
		char id[PP_ID_BYTES];
		struct pp_job j;

		add_job(f, 3, 10, id);
		for (int k = 0; k < 3; k++)
			must_claim(f, 100, &c[k]);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(status_of(f, id), PP_JOB_RUNNING);
			assert_ok(pp_store_finish(f->store, &c[k],
				      rows[i].ends[k],
				      pp_job_status_name(rows[i].ends[k]),
				      200 + k, &status, &f->err),
			    f->err);
		}
		if (status != rows[i].job)
			fail_msg("%s: %s", rows[i].name,
			    pp_job_status_name(status));
		assert_ok(pp_store_job_get(f->store, id, &j, &f->err), f->err);
		assert_int_equal(j.status, rows[i].job);
		assert_string_equal(j.reason, pp_job_status_name(j.status));
		assert_int_equal(j.started_at_ms, 100);
		assert_int_equal(j.ended_at_ms, 202);
		pp_job_release(&j);
	}
}

static void
a_job_whose_shards_all_wait_is_queued(void **state)
{
	struct fixture *f = *state;
	enum pp_job_status status;
	char id[PP_ID_BYTES];
	struct pp_claim a, b;
	struct pp_job j;

	add_job(f, 3, 10, id);
	must_claim(f, 100, &a);
	must_claim(f, 100, &b);
	assert_ok(pp_store_release(f->store, &a, false, "throttled", 200,
		      &f->err),
	    f->err);
	assert_int_equal(status_of(f, id), PP_JOB_RUNNING);
	assert_ok(pp_store_finish(f->store, &b, PP_JOB_COMPLETED, NULL, 200,
		      &status, &f->err),
	    f->err);
	assert_int_equal(status, PP_JOB_QUEUED);
	must_claim(f, 300, &a);
	assert_ok(pp_store_release(f->store, &a, false, "throttled", 400,
		      &f->err),
	    f->err);
	assert_ok(pp_store_job_get(f->store, id, &j, &f->err), f->err);
	assert_int_equal(j.status, PP_JOB_QUEUED);
	assert_string_equal(j.reason, "throttled");
	assert_int_equal(j.ended_at_ms, 0);
	pp_job_release(&j);
}

/* Run all that is queued to the given ends, in order of shard. */
static void
run_to(struct fixture *f, const enum pp_job_status *ends, int n)
{
	struct pp_claim c[8];

	for (int i = 0; i < n; i++)
		must_claim(f, 100, &c[i]);
	for (int i = 0; i < n; i++)
		assert_ok(pp_store_finish(f->store, &c[i], ends[i], "", 200,
			      NULL, &f->err),
		    f->err);
}

static void
resume_queues_what_has_not_completed(void **state)
{
	static const enum pp_job_status ends[] = { PP_JOB_COMPLETED,
		PP_JOB_FAILED, PP_JOB_BUDGET_EXCEEDED };
	struct fixture *f = *state;
	struct pp_claim c, none;
	char id[PP_ID_BYTES];
	struct pp_job j;

	add_job(f, 3, 1000, id);
	assert_fails(pp_store_job_resume(f->store, id, -2, false, 1, &f->err),
	    f->err, PP_ECONFLICT);
	run_to(f, ends, 3);
	assert_ok(pp_store_job_resume(f->store, id, 3000, false, 300, &f->err),
	    f->err);
	assert_ok(pp_store_job_get(f->store, id, &j, &f->err), f->err);
	assert_int_equal(j.status, PP_JOB_QUEUED);
	assert_int_equal(j.budget_limit_nusd, 3000);
	assert_int_equal(j.ended_at_ms, 0);
	assert_string_equal(j.reason, "");
	pp_job_release(&j);
	for (int shard = 1; shard <= 2; shard++) {
		must_claim(f, 400, &c);
		assert_int_equal(c.shard, shard);
		assert_int_equal(c.epoch, 2); /* goes on, never again 1 */
	}
	assert_int_equal(claim_any(f->store, 400, &none, &f->err), 0);
	pp_id_new(id);
	assert_fails(pp_store_job_resume(f->store, id, -2, false, 1, &f->err),
	    f->err, PP_ENOENT);
}

static void
resume_of_a_completed_job_needs_all(void **state)
{
	static const enum pp_job_status ends[] = { PP_JOB_COMPLETED,
		PP_JOB_COMPLETED };
	struct fixture *f = *state;
	char id[PP_ID_BYTES];
	struct pp_claim c;

	add_job(f, 2, 1000, id);
	run_to(f, ends, 2);
	assert_fails(pp_store_job_resume(f->store, id, -2, false, 1, &f->err),
	    f->err, PP_ECONFLICT);
	assert_int_equal(status_of(f, id), PP_JOB_COMPLETED);
	assert_ok(pp_store_job_resume(f->store, id, -2, true, 1, &f->err),
	    f->err);
	must_claim(f, 400, &c);
	must_claim(f, 400, &c);
	assert_int_equal(c.shard, 1);
	assert_int_equal(c.epoch, 2);
}

static void
resume_of_a_cancelled_job_forgets_the_wish(void **state)
{
	struct fixture *f = *state;
	char id[PP_ID_BYTES];
	struct pp_claim c;
	bool cancel;

	add_job(f, 1, 1000, id);
	assert_ok(pp_store_job_cancel(f->store, id, 1, &f->err), f->err);
	assert_ok(pp_store_job_resume(f->store, id, -2, false, 2, &f->err),
	    f->err);
	must_claim(f, 400, &c);
	assert_ok(pp_store_renew(f->store, &c, 500, 60000, &cancel, &f->err),
	    f->err);
	assert_false(cancel);
}

static void
the_limit_stays_above_what_is_spent(void **state)
{
	struct fixture *f = *state;
	struct pp_totals t = { .settled_nusd = 600, .unproven_nusd = 100 };
	char id[PP_ID_BYTES];
	struct pp_claim c;
	struct pp_job j;

	add_job(f, 1, 1000, id);
	must_claim(f, 100, &c);
	assert_ok(pp_store_grant(f->store, &c, &t, 300, 100, NULL, NULL,
		      &f->err),
	    f->err);
	assert_ok(pp_store_finish(f->store, &c, PP_JOB_BUDGET_EXCEEDED, "", 200,
		      NULL, &f->err),
	    f->err);
	assert_fails(pp_store_job_resume(f->store, id, 699, false, 1, &f->err),
	    f->err, PP_EUSAGE);
	assert_int_equal(status_of(f, id), PP_JOB_BUDGET_EXCEEDED);
	assert_ok(pp_store_job_resume(f->store, id, 700, false, 1, &f->err),
	    f->err);
	assert_ok(pp_store_job_get(f->store, id, &j, &f->err), f->err);
	assert_int_equal(j.budget_limit_nusd, 700);
	pp_job_release(&j);
	must_claim(f, 300, &c);
	assert_int_equal(c.granted_nusd, 700);
	assert_int_equal(c.totals.settled_nusd, 600);
	assert_int_equal(c.totals.unproven_nusd, 100);
}

static void
only_a_final_job_is_deleted(void **state)
{
	struct fixture *f = *state;
	struct pp_cost cost = { .timestamp = "2026-01-01T00:00:00Z#0#1" };
	struct pp_shard shard;
	char id[PP_ID_BYTES];
	struct pp_claim c;
	struct pp_job j;

	add_job(f, 1, 10, id);
	memcpy(cost.job_id, id, sizeof cost.job_id);
	assert_ok(pp_store_cost_add(f->store, &cost, &f->err), f->err);
	assert_fails(pp_store_job_delete(f->store, id, &f->err), f->err,
	    PP_ECONFLICT);
	must_claim(f, 100, &c);
	assert_fails(pp_store_job_delete(f->store, id, &f->err), f->err,
	    PP_ECONFLICT);
	assert_ok(pp_store_finish(f->store, &c, PP_JOB_FAILED, "", 200, NULL,
		      &f->err),
	    f->err);
	assert_ok(pp_store_job_delete(f->store, id, &f->err), f->err);
	assert_fails(pp_store_job_get(f->store, id, &j, &f->err), f->err,
	    PP_ENOENT);
	assert_fails(pp_store_job_delete(f->store, id, &f->err), f->err,
	    PP_ENOENT);
	assert_int_equal(pp_store_shards(f->store, id, 0, &shard, 1, &f->err),
	    0);
	assert_int_equal(pp_store_cost_list(f->store, id, NULL, &cost, 1,
			     &f->err),
	    0);
	assert_fails(pp_store_progress(f->store, &c, &c.totals, 1, &f->err),
	    f->err, PP_ECONFLICT);
}

void
add_jobs(void)
{
	static const struct CMUnitTest tests[] = {
		SUITE_TEST(a_job_comes_back_as_it_went_in),
		SUITE_TEST(an_idempotency_key_adds_once_for_each_user),
		SUITE_TEST(racing_adds_with_one_key_make_one_job),
		SUITE_TEST(ten_thousand_jobs_are_listed_page_by_page),
		SUITE_TEST(a_queued_job_is_cancelled_at_once),
		SUITE_TEST(a_running_job_is_cancelled_by_its_workers),
		SUITE_TEST(the_worst_end_of_a_shard_is_the_jobs),
		SUITE_TEST(a_job_whose_shards_all_wait_is_queued),
		SUITE_TEST(resume_queues_what_has_not_completed),
		SUITE_TEST(resume_of_a_completed_job_needs_all),
		SUITE_TEST(resume_of_a_cancelled_job_forgets_the_wish),
		SUITE_TEST(the_limit_stays_above_what_is_spent),
		SUITE_TEST(only_a_final_job_is_deleted),
	};

	SUITE_ADD(tests);
}
