/* Money: what shards are granted, and that it is never more than there is. */
#include <config.h>

#include "suite.h"

#include <stdio.h>

#include "base/rand.h"

#define NOW 1000000

static void
must_grant(struct fixture *f, struct pp_claim *c, const struct pp_totals *t,
    int64_t want_nusd, int64_t *left, int64_t *others)
{
	assert_ok(pp_store_grant(f->store, c, t, want_nusd, NOW, left, others,
		      &f->err),
	    f->err);
}

/* Both shards of a new job. */
static void
claim_both(struct fixture *f, int64_t limit_nusd, char id[PP_ID_BYTES],
    struct pp_claim *a, struct pp_claim *b)
{
	add_job(f, 2, limit_nusd, id);
	must_claim(f, NOW, a);
	must_claim(f, NOW, b);
}

static void
a_grant_is_what_is_spent_and_what_is_free(void **state)
{
	static const struct {
		const char *name;
		int64_t settled, unproven, want, granted, free;
	} rows[] = {
		{ "first slice", 0, 0, 300, 300, 700 },
		{ "some is spent", 100, 50, 300, 450, 550 },
		{ "more than there is", 100, 50, 2000, 1000, 0 },
		{ "all goes back", 100, 50, 0, 150, 850 },
		{ "to the last", 1000, 0, 10, 1000, 0 },
	};
	struct fixture *f = *state;
	char id[PP_ID_BYTES];
	struct pp_claim c;

	add_job(f, 1, 1000, id);
	must_claim(f, NOW, &c);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_totals t = { .settled_nusd = rows[i].settled,
			.unproven_nusd = rows[i].unproven };
		int64_t left = -1, others = -1, seq = c.seq;

		assert_ok(pp_store_grant(f->store, &c, &t, rows[i].want, NOW,
			      &left, &others, &f->err),
		    f->err);
		if (c.granted_nusd != rows[i].granted || left != rows[i].free)
			fail_msg("%s: granted %lld, free %lld", rows[i].name,
			    (long long)c.granted_nusd, (long long)left);
		assert_int_equal(others, 0);
		assert_int_equal(c.seq, seq + 1);
	}
}

static void
shards_see_what_others_hold(void **state)
{
	struct fixture *f = *state;
	struct pp_totals t = { .settled_nusd = 100 };
	int64_t left, others;
	struct pp_claim a, b;
	char id[PP_ID_BYTES];

	claim_both(f, 1000, id, &a, &b);
	must_grant(f, &a, &t, 500, &left, &others);
	assert_int_equal(left, 400);
	t.settled_nusd = 0;
	must_grant(f, &b, &t, 500, &left, &others);
	assert_int_equal(b.granted_nusd, 400);
	assert_int_equal(left, 0);
	assert_int_equal(others, 500); /* of 600, 100 are spent */
	t.settled_nusd = 300;
	assert_ok(pp_store_progress(f->store, &a, &t, NOW, &f->err), f->err);
	t.settled_nusd = 400;
	must_grant(f, &b, &t, 100, &left, &others);
	assert_int_equal(b.granted_nusd, 400);
	assert_int_equal(others, 300);

	/* an ended shard holds nothing */
	assert_ok(pp_store_finish(f->store, &a, PP_JOB_COMPLETED, "", NOW, NULL,
		      &f->err),
	    f->err);
	must_grant(f, &b, &t, 100, &left, &others);
	assert_int_equal(b.granted_nusd, 500);
	assert_int_equal(left, 200);
	assert_int_equal(others, 0);
}

static void
what_is_given_back_can_be_spent_by_others(void **state)
{
	struct fixture *f = *state;
	struct pp_totals t = { .settled_nusd = 10, .unproven_nusd = 5 };
	struct pp_claim a, b;
	char id[PP_ID_BYTES];
	int64_t left;

	claim_both(f, 1000, id, &a, &b);
	must_grant(f, &a, &t, 5000, NULL, NULL);
	assert_ok(pp_store_release(f->store, &a, true, "", NOW, &f->err),
	    f->err);
	t = (struct pp_totals){ .settled_nusd = 0 };
	must_grant(f, &b, &t, 5000, &left, NULL);
	assert_int_equal(b.granted_nusd, 985);
	must_claim(f, NOW, &a);
	assert_int_equal(a.granted_nusd, 15);
	assert_int_equal(a.totals.settled_nusd, 10);
	assert_int_equal(a.totals.unproven_nusd, 5);
}

static void
what_may_have_been_spent_is_not_given_back(void **state)
{
	struct fixture *f = *state;
	struct pp_totals t = { .settled_nusd = 10 };
	struct pp_claim a, b;
	char id[PP_ID_BYTES];
	int64_t left;

	claim_both(f, 1000, id, &a, &b);
	must_grant(f, &a, &t, 400, NULL, NULL);
	a.unsettled = true;
	assert_ok(pp_store_release(f->store, &a, true, "", NOW, &f->err),
	    f->err);
	t = (struct pp_totals){ .settled_nusd = 0 };
	must_grant(f, &b, &t, 5000, &left, NULL);
	assert_int_equal(b.granted_nusd, 590);
	must_claim(f, NOW, &a);
	assert_int_equal(a.granted_nusd, 410);
	assert_false(a.unsettled);
	/* and comes free as soon as somebody can tell */
	t.settled_nusd = 50;
	assert_ok(pp_store_progress(f->store, &a, &t, NOW, &f->err), f->err);
	assert_ok(pp_store_release(f->store, &a, true, "", NOW, &f->err),
	    f->err);
	t.settled_nusd = 0;
	must_grant(f, &b, &t, 5000, &left, NULL);
	assert_int_equal(b.granted_nusd, 950);
}

/* Two shards, the first of which gives back without a word about money. */
static void
leave_unsettled(struct fixture *f, int64_t limit_nusd, int64_t grant_nusd,
    char id[PP_ID_BYTES])
{
	struct pp_totals t = { .settled_nusd = 10 };
	struct pp_claim a, b;

	claim_both(f, limit_nusd, id, &a, &b);
	if (grant_nusd > 0)
		assert_ok(pp_store_grant(f->store, &a, &t, grant_nusd, NOW,
			      NULL, NULL, &f->err),
		    f->err);
	else
		assert_ok(pp_store_progress(f->store, &a, &t, NOW, &f->err),
		    f->err);
	a.unsettled = true;
	assert_ok(pp_store_release(f->store, &a, true, "", NOW, &f->err),
	    f->err);
	assert_ok(pp_store_job_cancel(f->store, id, NOW, &f->err), f->err);
	assert_ok(pp_store_finish(f->store, &b, PP_JOB_CANCELLED, "", NOW, NULL,
		      &f->err),
	    f->err);
}

/*
 * After a resume nobody gets the money that such a shard may have spent,
 * until a worker has looked.
 */
static void
a_resume_keeps_back_what_may_have_been_spent(void **state)
{
	static const struct {
		const char *name;
		int64_t limit, grant, new_limit, free;
	} rows[] = {
		{ "the same limit", 1000, 400, -2, 590 },
		{ "a higher one", 1000, 400, 1500, 1090 },
		{ "a lower one", 1000, 400, 300, 0 },
		{ "a limit after none", PP_NO_LIMIT, 0, 1000, 0 },
		{ "a limit after none, all granted", PP_NO_LIMIT, INT64_MAX,
		    1000, 0 },
		{ "none after a limit", 1000, 400, PP_NO_LIMIT, 5000 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_totals t = { .settled_nusd = 0 };
		struct pp_claim a, b;
		char id[PP_ID_BYTES];

		leave_unsettled(f, rows[i].limit, rows[i].grant, id);
		assert_ok(pp_store_job_resume(f->store, id, rows[i].new_limit,
			      false, NOW, &f->err),
		    f->err);
		must_claim(f, NOW, &a);
		must_claim(f, NOW, &b);
		assert_int_equal(a.shard, 0);
		must_grant(f, &b, &t, 5000, NULL, NULL);
		if (b.granted_nusd != rows[i].free)
			fail_msg("%s: %lld granted", rows[i].name,
			    (long long)b.granted_nusd);

		/* 50 it was: all else comes free */
		t.settled_nusd = 50;
		assert_ok(pp_store_progress(f->store, &a, &t, NOW, &f->err),
		    f->err);
		assert_ok(pp_store_finish(f->store, &a, PP_JOB_COMPLETED, "",
			      NOW, NULL, &f->err),
		    f->err);
		t.settled_nusd = 0;
		must_grant(f, &b, &t, 250, NULL, NULL);
		assert_int_equal(b.granted_nusd, 250);
		assert_ok(pp_store_finish(f->store, &b, PP_JOB_COMPLETED, "",
			      NOW, NULL, &f->err),
		    f->err);
	}
}

static void
a_takeover_finds_what_was_granted(void **state)
{
	struct fixture *f = *state;
	struct pp_totals t = { .settled_nusd = 10, .rows_done = 3 };
	struct pp_claim a, b;
	char id[PP_ID_BYTES];

	add_job(f, 1, 1000, id);
	must_claim(f, NOW, &a);
	must_grant(f, &a, &t, 400, NULL, NULL);
	must_claim(f, NOW + 60000, &b);
	assert_int_equal(b.granted_nusd, 410);
	assert_int_equal(b.seq, a.seq);
	assert_int_equal(b.totals.settled_nusd, 10);
	assert_int_equal(b.totals.rows_done, 3);
}

static void
a_grant_of_an_old_sequence_is_refused(void **state)
{
	struct fixture *f = *state;
	struct pp_totals t = { .settled_nusd = 0 };
	struct pp_claim c, before;
	char id[PP_ID_BYTES];

	add_job(f, 1, 1000, id);
	must_claim(f, NOW, &c);
	before = c;
	for (int i = 0; i < 2; i++)
		must_grant(f, &c, &t, 400, NULL, NULL);
	assert_fails(pp_store_grant(f->store, &before, &t, 400, NOW, NULL, NULL,
			 &f->err),
	    f->err, PP_ECONFLICT);
	assert_int_equal(before.granted_nusd, 0);
}

/* The reply was lost, so it is asked again: what is granted is granted once. */
static void
a_grant_may_be_asked_again(void **state)
{
	struct fixture *f = *state;
	struct pp_totals t = { .settled_nusd = 0 };
	struct pp_claim c, before;
	char id[PP_ID_BYTES];
	int64_t left;

	add_job(f, 1, 1000, id);
	must_claim(f, NOW, &c);
	before = c;
	must_grant(f, &c, &t, 400, NULL, NULL);
	t.settled_nusd = 100;
	must_grant(f, &before, &t, 300, &left, NULL);
	assert_int_equal(before.granted_nusd, 400);
	assert_int_equal(before.seq, c.seq);
	assert_int_equal(left, 600);
}

static void
without_a_limit_all_is_granted(void **state)
{
	struct fixture *f = *state;
	struct pp_totals t = { .settled_nusd = 7 };
	int64_t left, others;
	struct pp_claim a, b;
	char id[PP_ID_BYTES];

	claim_both(f, PP_NO_LIMIT, id, &a, &b);
	must_grant(f, &a, &t, INT64_MAX, &left, &others);
	assert_int_equal(a.granted_nusd, INT64_MAX);
	must_grant(f, &b, &t, 50, &left, &others);
	assert_int_equal(b.granted_nusd, 57);
	assert_int_equal(left, INT64_MAX);
	assert_int_equal(others, 0);
	assert_ok(pp_store_finish(f->store, &a, PP_JOB_FAILED, "", NOW, NULL,
		      &f->err),
	    f->err);
	assert_ok(pp_store_finish(f->store, &b, PP_JOB_FAILED, "", NOW, NULL,
		      &f->err),
	    f->err);

	/* a limit that comes later counts what was spent before */
	assert_ok(pp_store_job_resume(f->store, id, 100, false, NOW, &f->err),
	    f->err);
	must_claim(f, NOW, &a);
	must_grant(f, &a, &t, 1000, &left, &others);
	assert_int_equal(a.granted_nusd, 93);
}

/* A server that bills more than it may is believed. */
static void
spending_above_the_grant_is_counted(void **state)
{
	struct fixture *f = *state;
	struct pp_totals t = { .settled_nusd = 0 };
	struct pp_claim a, b;
	char id[PP_ID_BYTES];
	int64_t left;

	claim_both(f, 1000, id, &a, &b);
	must_grant(f, &a, &t, 100, NULL, NULL);
	t.settled_nusd = 300;
	assert_ok(pp_store_progress(f->store, &a, &t, NOW, &f->err), f->err);
	t.settled_nusd = 0;
	must_grant(f, &b, &t, 5000, &left, NULL);
	assert_int_equal(b.granted_nusd, 700);
}

static void
a_job_has_the_sums_of_its_shards(void **state)
{
	struct fixture *f = *state;
	struct pp_totals t = { 1, 2, 3, 4, 5, 6, 7 };
	struct pp_claim a, b;
	char id[PP_ID_BYTES];
	struct pp_job j;

	claim_both(f, 1000, id, &a, &b);
	assert_ok(pp_store_progress(f->store, &a, &t, NOW, &f->err), f->err);
	assert_ok(pp_store_progress(f->store, &b, &t, NOW, &f->err), f->err);
	t = (struct pp_totals){ 10, 20, 30, 40, 50, 60, 70 };
	assert_ok(pp_store_progress(f->store, &a, &t, NOW + 5, &f->err),
	    f->err);
	assert_int_equal(a.totals.rows_done, 10);
	assert_ok(pp_store_progress(f->store, &a, &t, NOW + 5, &f->err),
	    f->err); /* absolute: twice is once */
	assert_ok(pp_store_job_get(f->store, id, &j, &f->err), f->err);
	assert_int_equal(j.totals.rows_done, 11);
	assert_int_equal(j.totals.rows_failed, 22);
	assert_int_equal(j.totals.calls, 33);
	assert_int_equal(j.totals.tokens_in, 44);
	assert_int_equal(j.totals.tokens_out, 55);
	assert_int_equal(j.totals.settled_nusd, 66);
	assert_int_equal(j.totals.unproven_nusd, 77);
	assert_int_equal(j.updated_at_ms, NOW + 5);
	pp_job_release(&j);
}

/* ---- races ---- */

#define SPENDERS 8
#define LIMIT 20000

struct wallet {
	char id[PP_ID_BYTES];
	int64_t spent[SPENDERS];
	int done;
};

/* Everything that is granted at one moment; a listing is one snapshot. */
static int64_t
granted_in_all(struct fixture *f, const char *id)
{
	struct pp_shard shards[SPENDERS];
	int64_t sum = 0;
	int n = pp_store_shards(f->store, id, 0, shards, SPENDERS, &f->err);

	for (int i = 0; i < n; i++)
		sum += shards[i].granted_nusd;
	return n == SPENDERS ? sum : INT64_MAX;
}

/* Child 0 watches the sum, the others spend what they get, to the end. */
static int
spend(struct fixture *f, int i, void *shared)
{
	struct wallet *w = shared;
	struct pp_totals t = { .calls = 0 };
	int64_t left = 1, others = 1;
	struct pp_claim c;
	struct pp_rand r;

	if (i == SPENDERS) {
		while (__atomic_load_n(&w->done, __ATOMIC_SEQ_CST) < SPENDERS)
			CHILD_CHECK(granted_in_all(f, w->id) <= LIMIT, f->err);
		return 0;
	}
	pp_rand_seed(&r, (uint64_t)i);
	CHILD_CHECK(claim_any(f->store, NOW, &c, &f->err) == 1, f->err);
	while (left > 0 || others > 0 || c.granted_nusd > w->spent[i]) {
		int64_t want = (int64_t)pp_rand_below(&r, 200);
		int64_t most;

		CHILD_CHECK(pp_store_grant(f->store, &c, &t, want, NOW, &left,
				&others, &f->err) == 0,
		    f->err);
		most = c.granted_nusd - w->spent[i];
		CHILD_CHECK(most >= 0 && most <= want, f->err);
		if (most == 0)
			continue;
		w->spent[i] += 1 + (int64_t)pp_rand_below(&r, (uint64_t)most);
		t.unproven_nusd = w->spent[i] / 3;
		t.settled_nusd = w->spent[i] - t.unproven_nusd;
		if (pp_rand_below(&r, 8) == 0)
			CHILD_CHECK(pp_store_progress(f->store, &c, &t, NOW,
					&f->err) == 0,
			    f->err);
	}
	CHILD_CHECK(pp_store_progress(f->store, &c, &t, NOW, &f->err) == 0,
	    f->err); /* or the others would wait for it */
	__atomic_fetch_add(&w->done, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void
racing_shards_spend_the_budget_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct wallet *w = shared_alloc(sizeof *w);
	int64_t spent = 0;
	struct pp_job j;

	add_job(f, SPENDERS, LIMIT, w->id);
	race(f, SPENDERS + 1, spend, w);
	for (int i = 0; i < SPENDERS; i++)
		spent += w->spent[i];
	assert_int_equal(spent, LIMIT);
	assert_int_equal(granted_in_all(f, w->id), LIMIT);
	assert_ok(pp_store_job_get(f->store, w->id, &j, &f->err), f->err);
	assert_int_equal(j.totals.settled_nusd + j.totals.unproven_nusd, LIMIT);
	pp_job_release(&j);
	shared_free(w, sizeof *w);
}

void
add_budget(void)
{
	static const struct CMUnitTest tests[] = {
		SUITE_TEST(a_grant_is_what_is_spent_and_what_is_free),
		SUITE_TEST(shards_see_what_others_hold),
		SUITE_TEST(what_is_given_back_can_be_spent_by_others),
		SUITE_TEST(what_may_have_been_spent_is_not_given_back),
		SUITE_TEST(a_resume_keeps_back_what_may_have_been_spent),
		SUITE_TEST(a_takeover_finds_what_was_granted),
		SUITE_TEST(a_grant_of_an_old_sequence_is_refused),
		SUITE_TEST(a_grant_may_be_asked_again),
		SUITE_TEST(without_a_limit_all_is_granted),
		SUITE_TEST(spending_above_the_grant_is_counted),
		SUITE_TEST(a_job_has_the_sums_of_its_shards),
		SUITE_TEST(racing_shards_spend_the_budget_and_no_more),
	};

	SUITE_ADD(tests);
}
