/* The queue: who gets what, in which order, and who no longer has it. */
#include <config.h>

#include "suite.h"

#include <stdio.h>

#define NOW 1000000
#define MINUTE 60000

/* Claim as `owner` for a minute. */
static int
claim_as(struct pp_store *s, const char *owner, const char *job_id, int64_t now,
    int max_running, struct pp_claim *out, struct pp_error *err)
{
	struct pp_claim_request r = { .owner = owner,
		.job_id = job_id,
		.now_ms = now,
		.lease_ms = MINUTE,
		.max_running = max_running };

	return pp_store_claim(s, &r, out, err);
}

static void
a_claim_is_a_lease_of_the_next_epoch(void **state)
{
	struct fixture *f = *state;
	char id[PP_ID_BYTES], owner[PP_ID_BYTES];
	int64_t queued, running;
	struct pp_shard shard;
	struct pp_claim c;

	assert_int_equal(claim_any(f->store, NOW, &c, &f->err), 0);
	add_job(f, 1, 10, id);
	pp_id_new(owner);
	assert_int_equal(claim_as(f->store, owner, NULL, NOW, 1, &c, &f->err),
	    1);
	assert_string_equal(c.job_id, id);
	assert_string_equal(c.owner, owner);
	assert_int_equal(c.shard, 0);
	assert_int_equal(c.epoch, 1);
	assert_int_equal(c.lease_expires_ms, NOW + MINUTE);
	assert_int_equal(c.give_backs, 0);
	assert_int_equal(status_of(f, id), PP_JOB_RUNNING);
	assert_int_equal(pp_store_shards(f->store, id, 0, &shard, 1, &f->err),
	    1);
	assert_string_equal(shard.state, "RUNNING");
	assert_string_equal(shard.owner, owner);
	assert_int_equal(shard.lease_expires_ms, NOW + MINUTE);
	assert_ok(pp_store_queue_length(f->store, &queued, &running, &f->err),
	    f->err);
	assert_int_equal(queued, 0);
	assert_int_equal(running, 1);
}

#define WORKERS 32
#define JOBS 40
#define SHARDS 4

struct tally {
	char ids[JOBS][PP_ID_BYTES];
	int taken[JOBS][SHARDS]; /* added to atomically */
	int by_worker[WORKERS];
};

static int
claim_all(struct fixture *f, int i, void *shared)
{
	struct tally *t = shared;
	struct pp_claim c;
	int rc;

	while ((rc = claim_any(f->store, NOW, &c, &f->err)) == 1) {
		int job = 0;

		while (job < JOBS && strcmp(t->ids[job], c.job_id) != 0)
			job++;
		CHILD_CHECK(job < JOBS, f->err);
		CHILD_CHECK(c.epoch == 1, f->err);
		__atomic_fetch_add(&t->taken[job][c.shard], 1,
		    __ATOMIC_SEQ_CST);
		t->by_worker[i]++;
	}
	CHILD_CHECK(rc == 0, f->err);
	return 0;
}

static void
thirty_two_workers_claim_each_entry_once(void **state)
{
	struct fixture *f = *state;
	struct tally *t = shared_alloc(sizeof *t);
	int all = 0, jobs = suite_home->at_servers ? JOBS / 4 : JOBS;

	for (int i = 0; i < jobs; i++)
		add_job(f, SHARDS, 10, t->ids[i]);
	race(f, WORKERS, claim_all, t);
	for (int i = 0; i < jobs; i++) {
		for (int k = 0; k < SHARDS; k++)
			assert_int_equal(t->taken[i][k], 1);
	}
	for (int i = 0; i < WORKERS; i++)
		all += t->by_worker[i];
	assert_int_equal(all, jobs * SHARDS);
	shared_free(t, sizeof *t);
}

struct ends {
	char id[PP_ID_BYTES];
	int last, others;
};

static int
end_one(struct fixture *f, int i, void *shared)
{
	struct ends *e = shared;
	struct pp_claim c;
	int rc;

	(void)i;
	CHILD_CHECK(claim_any(f->store, NOW, &c, &f->err) == 1, f->err);
	rc = pp_store_finish_unless_last(f->store, &c, PP_JOB_COMPLETED, "",
	    NOW, NULL, &f->err);
	CHILD_CHECK(rc >= 0, f->err);
	__atomic_fetch_add(rc == 1 ? &e->last : &e->others, 1,
	    __ATOMIC_SEQ_CST);
	return 0;
}

/* It may do what is to be done once; if it dies there is a successor. */
static void
of_shards_that_end_together_one_is_the_last(void **state)
{
	struct fixture *f = *state;
	struct ends *e = shared_alloc(sizeof *e);
	enum pp_job_status status;
	struct pp_claim c;

	add_job(f, SHARDS, 10, e->id);
	race(f, SHARDS, end_one, e);
	assert_int_equal(e->last, 1);
	assert_int_equal(e->others, SHARDS - 1);
	must_claim(f, NOW + MINUTE, &c);
	assert_int_equal(pp_store_finish_unless_last(f->store, &c,
			     PP_JOB_COMPLETED, "", NOW + MINUTE, NULL, &f->err),
	    1);
	assert_ok(pp_store_finish(f->store, &c, PP_JOB_COMPLETED, "",
		      NOW + MINUTE, &status, &f->err),
	    f->err);
	assert_int_equal(status, PP_JOB_COMPLETED);
	shared_free(e, sizeof *e);
}

/*
 * Where every shard ends at once, the job stops and starts all the time; a
 * worker that comes then is not told that nothing is left.
 */
#define MANY_SHARDS 32

static int
end_all(struct fixture *f, int i, void *shared)
{
	int *ended = shared;
	struct pp_claim c;
	int rc;

	(void)i;
	while ((rc = claim_any(f->store, NOW, &c, &f->err)) == 1) {
		CHILD_CHECK(pp_store_finish(f->store, &c, PP_JOB_COMPLETED, "",
				NOW, NULL, &f->err) == 0,
		    f->err);
		__atomic_fetch_add(ended, 1, __ATOMIC_SEQ_CST);
	}
	CHILD_CHECK(rc == 0, f->err);
	CHILD_CHECK(*ended > MANY_SHARDS - SHARDS, f->err);
	return 0;
}

static void
nobody_leaves_while_shards_are_queued(void **state)
{
	struct fixture *f = *state;
	int *ended = shared_alloc(sizeof *ended);
	char id[PP_ID_BYTES];

	add_job(f, MANY_SHARDS, 100, id);
	race(f, SHARDS, end_all, ended);
	assert_int_equal(*ended, MANY_SHARDS);
	assert_int_equal(status_of(f, id), PP_JOB_COMPLETED);
	shared_free(ended, sizeof *ended);
}

/* Four jobs started together must not leave a worker without one. */
static int
claim_one(struct fixture *f, int i, void *shared)
{
	struct pp_claim *claims = shared;

	CHILD_CHECK(claim_any(f->store, NOW, &claims[i], &f->err) == 1, f->err);
	return 0;
}

static void
four_workers_on_four_jobs_run_all_four(void **state)
{
	struct fixture *f = *state;
	struct pp_claim *claims = shared_alloc(4 * sizeof *claims);
	char id[PP_ID_BYTES];

	for (int i = 0; i < 4; i++)
		add_job(f, 1, 10, id);
	race(f, 4, claim_one, claims);
	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < i; k++)
			assert_string_not_equal(claims[i].job_id,
			    claims[k].job_id);
	}
	shared_free(claims, 4 * sizeof *claims);
}

static int
claim_under_three(struct fixture *f, int i, void *shared)
{
	int *claimed = shared;
	char owner[PP_ID_BYTES];
	struct pp_claim c;
	int rc;

	pp_id_new(owner);
	while ((rc = claim_as(f->store, owner, NULL, NOW, 3, &c, &f->err)) == 1)
		claimed[i]++;
	CHILD_CHECK(rc == 0, f->err);
	return 0;
}

static void
no_more_jobs_run_than_may(void **state)
{
	struct fixture *f = *state;
	int *claimed = shared_alloc(8 * sizeof *claimed);
	struct pp_job_filter running = { .status = PP_JOB_RUNNING };
	char id[PP_ID_BYTES], owner[PP_ID_BYTES];
	struct pp_claim c;
	struct pp_job jobs[10];
	int all = 0, n;

	for (int i = 0; i < 10; i++)
		add_job(f, 2, 10, id);
	race(f, 8, claim_under_three, claimed);
	for (int i = 0; i < 8; i++)
		all += claimed[i];
	assert_int_equal(all, 6); /* both shards of three jobs */
	n = pp_store_job_list(f->store, &running, jobs, 10, &f->err);
	assert_int_equal(n, 3);
	for (int i = 0; i < n; i++)
		pp_job_release(&jobs[i]);
	pp_id_new(owner);
	assert_fails(claim_as(f->store, owner, id, NOW, 3, &c, &f->err), f->err,
	    PP_ETEMP);
	assert_int_equal(claim_as(f->store, owner, id, NOW, 4, &c, &f->err), 1);
	shared_free(claimed, 8 * sizeof *claimed);
}

static void
an_ended_job_makes_room_for_the_next(void **state)
{
	struct fixture *f = *state;
	char first[PP_ID_BYTES], second[PP_ID_BYTES], owner[PP_ID_BYTES];
	struct pp_claim c, d;

	add_job(f, 1, 10, first);
	add_job(f, 1, 10, second);
	pp_id_new(owner);
	assert_int_equal(claim_as(f->store, owner, NULL, NOW, 1, &c, &f->err),
	    1);
	assert_int_equal(claim_as(f->store, owner, NULL, NOW, 1, &d, &f->err),
	    0);
	assert_ok(pp_store_finish(f->store, &c, PP_JOB_COMPLETED, "", NOW, NULL,
		      &f->err),
	    f->err);
	assert_int_equal(claim_as(f->store, owner, NULL, NOW, 1, &d, &f->err),
	    1);
	assert_string_equal(d.job_id, second);
	/* given back, it makes room as well */
	assert_ok(pp_store_release(f->store, &d, true, "", NOW, &f->err),
	    f->err);
	add_job(f, 1, 10, first);
	assert_int_equal(claim_as(f->store, owner, first, NOW, 1, &c, &f->err),
	    1);
}

static void
jobs_go_by_priority_and_then_by_age(void **state)
{
	static const struct {
		int added, priority; /* `added`: which id, by age */
	} rows[] = {
		{ 3, 0 },
		{ 1, 0 },
		{ 5, 9 },
		{ 2, 4 },
		{ 0, 9 },
		{ 4, 4 },
	};
	static const int order[] = { 0, 5, 2, 4, 1, 3 };
	struct fixture *f = *state;
	char ids[6][PP_ID_BYTES], head[PP_ID_BYTES];
	struct pp_claim c;

	for (int i = 0; i < 6; i++)
		pp_id_new(ids[i]);
	assert_int_equal(pp_store_queue_head(f->store, head, &f->err), 0);
	for (int i = 0; i < 6; i++) {
		struct pp_job j = job_of(1, 10);

		memcpy(j.job_id, ids[rows[i].added], PP_ID_BYTES);
		j.priority = rows[i].priority;
		assert_ok(pp_store_job_add(f->store, &j, NULL, NULL, &f->err),
		    f->err);
	}
	for (int i = 0; i < 6; i++) {
		assert_int_equal(pp_store_queue_head(f->store, head, &f->err),
		    1);
		assert_string_equal(head, ids[order[i]]);
		must_claim(f, NOW, &c);
		assert_string_equal(c.job_id, ids[order[i]]);
	}
	assert_int_equal(pp_store_queue_head(f->store, head, &f->err), 0);
}

static void
a_lease_that_ran_out_is_taken_over(void **state)
{
	struct fixture *f = *state;
	char id[PP_ID_BYTES];
	struct pp_claim a, b;

	add_job(f, 1, 10, id);
	must_claim(f, NOW, &a);
	assert_int_equal(claim_any(f->store, NOW + MINUTE - 1, &b, &f->err), 0);
	assert_ok(pp_store_renew(f->store, &a, NOW + 20000, MINUTE, NULL,
		      &f->err),
	    f->err);
	assert_int_equal(a.lease_expires_ms, NOW + 80000);
	assert_int_equal(claim_any(f->store, NOW + MINUTE, &b, &f->err), 0);
	must_claim(f, NOW + 80000, &b);
	assert_string_equal(b.job_id, id);
	assert_int_equal(b.epoch, 2);
	assert_int_equal(status_of(f, id), PP_JOB_RUNNING);
}

static void
a_late_worker_goes_on_when_nobody_came(void **state)
{
	struct fixture *f = *state;
	char id[PP_ID_BYTES];
	struct pp_claim a;

	add_job(f, 1, 10, id);
	must_claim(f, NOW, &a);
	assert_ok(pp_store_renew(f->store, &a, NOW + 10 * MINUTE, MINUTE, NULL,
		      &f->err),
	    f->err);
}

static void
what_ran_out_goes_before_what_waits(void **state)
{
	struct fixture *f = *state;
	struct pp_job urgent = job_of(1, 10);
	char id[PP_ID_BYTES];
	struct pp_claim c;

	add_job(f, 1, 10, id);
	must_claim(f, NOW, &c);
	urgent.priority = 9;
	assert_ok(pp_store_job_add(f->store, &urgent, NULL, NULL, &f->err),
	    f->err);
	must_claim(f, NOW + MINUTE, &c);
	assert_string_equal(c.job_id, id);
	must_claim(f, NOW + MINUTE, &c);
	assert_string_equal(c.job_id, urgent.job_id);
}

struct grave {
	char owner[PP_ID_BYTES]; /* who is dead */
	int asked;
};

static bool
is_in_grave(void *arg, const char *owner)
{
	struct grave *g = arg;

	g->asked++;
	return strcmp(owner, g->owner) == 0;
}

static void
a_dead_workers_entry_is_taken_at_once(void **state)
{
	struct fixture *f = *state;
	char id[PP_ID_BYTES], owner[PP_ID_BYTES];
	struct grave grave = { .asked = 0 };
	struct pp_claim c;
	struct pp_claim_request r = { .owner = pp_id_new(owner),
		.now_ms = NOW,
		.lease_ms = MINUTE,
		.max_running = 1,
		.is_dead = is_in_grave,
		.arg = &grave };

	add_job(f, 4, 10, id);
	for (int i = 0; i < 4; i++) {
		must_claim(f, NOW, &c);
		if (i == 2)
			memcpy(grave.owner, c.owner, sizeof grave.owner);
	}
	assert_int_equal(pp_store_claim(f->store, &r, &c, &f->err), 1);
	assert_int_equal(c.shard, 2);
	assert_int_equal(c.epoch, 2);
	assert_int_equal(grave.asked, 3);
	assert_int_equal(pp_store_claim(f->store, &r, &c, &f->err), 0);
}

/* ---- fencing ---- */

static int
old_claim_epoch(struct pp_store *s, struct pp_claim *c, struct pp_error *err)
{
	return pp_store_claim_epoch(s, c, 9, err);
}

static int
old_renew(struct pp_store *s, struct pp_claim *c, struct pp_error *err)
{
	return pp_store_renew(s, c, NOW, MINUTE, NULL, err);
}

static int
old_release(struct pp_store *s, struct pp_claim *c, struct pp_error *err)
{
	return pp_store_release(s, c, true, "", NOW, err);
}

static int
old_finish(struct pp_store *s, struct pp_claim *c, struct pp_error *err)
{
	return pp_store_finish(s, c, PP_JOB_COMPLETED, "", NOW, NULL, err);
}

static int
old_grant(struct pp_store *s, struct pp_claim *c, struct pp_error *err)
{
	return pp_store_grant(s, c, &c->totals, 1, NOW, NULL, NULL, err);
}

static int
old_progress(struct pp_store *s, struct pp_claim *c, struct pp_error *err)
{
	return pp_store_progress(s, c, &c->totals, NOW, err);
}

static const struct {
	const char *name;
	int (*verb)(struct pp_store *s, struct pp_claim *c,
	    struct pp_error *err);
} verbs[] = {
	{ "claim_epoch", old_claim_epoch },
	{ "renew", old_renew },
	{ "release", old_release },
	{ "finish", old_finish },
	{ "grant", old_grant },
	{ "progress", old_progress },
};

/* No verb of `c` does anything; what `now` has stays as it is. */
static void
check_fenced(struct fixture *f, const struct pp_claim *c, const char *when)
{
	struct pp_shard before, after;

	assert_int_equal(pp_store_shards(f->store, c->job_id, c->shard, &before,
			     1, &f->err),
	    1);
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		struct pp_claim old = *c;

		if (verbs[i].verb(f->store, &old, &f->err) >= 0)
			fail_msg("%s: %s by an old claim", when, verbs[i].name);
		if (f->err.code != PP_ECONFLICT)
			fail_msg("%s: %s: %s", when, verbs[i].name,
			    f->err.text);
	}
	assert_int_equal(pp_store_shards(f->store, c->job_id, c->shard, &after,
			     1, &f->err),
	    1);
	assert_string_equal(after.state, before.state);
	assert_string_equal(after.owner, before.owner);
	assert_int_equal(after.epoch, before.epoch);
	assert_int_equal(after.lease_expires_ms, before.lease_expires_ms);
	assert_int_equal(after.granted_nusd, before.granted_nusd);
}

static void
an_old_claim_can_do_nothing(void **state)
{
	struct fixture *f = *state;
	struct pp_claim old, new, forged;
	char id[PP_ID_BYTES];

	add_job(f, 1, 100, id);
	must_claim(f, NOW, &old);
	must_claim(f, NOW + MINUTE, &new);
	check_fenced(f, &old, "taken over");

	forged = new;
	pp_id_new(forged.owner);
	check_fenced(f, &forged, "another owner");
	assert_ok(pp_store_grant(f->store, &new, &new.totals, 10, NOW, NULL,
		      NULL, &f->err),
	    f->err);
	assert_int_equal(new.granted_nusd, 10);

	assert_ok(pp_store_release(f->store, &new, true, "", NOW, &f->err),
	    f->err);
	check_fenced(f, &new, "given back");
	must_claim(f, NOW, &new);
	assert_int_equal(new.epoch, 3);
	assert_ok(pp_store_finish(f->store, &new, PP_JOB_COMPLETED, "", NOW,
		      NULL, &f->err),
	    f->err);
	check_fenced(f, &new, "ended");
}

static void
an_epoch_can_be_raised_but_not_lowered(void **state)
{
	struct fixture *f = *state;
	struct pp_claim c, old;
	char id[PP_ID_BYTES];

	add_job(f, 1, 100, id);
	must_claim(f, NOW, &c);
	old = c;
	assert_ok(pp_store_claim_epoch(f->store, &c, 7, &f->err), f->err);
	assert_int_equal(c.epoch, 7);
	assert_ok(pp_store_claim_epoch(f->store, &c, 3, &f->err), f->err);
	assert_int_equal(c.epoch, 7);
	check_fenced(f, &old, "before the epoch was raised");
	assert_ok(pp_store_renew(f->store, &c, NOW, MINUTE, NULL, &f->err),
	    f->err);
	must_claim(f, NOW + MINUTE, &c);
	assert_int_equal(c.epoch, 8);
}

/* ---- giving back ---- */

static void
give_backs_are_counted_until_there_is_progress(void **state)
{
	static const struct {
		bool progress;
		int64_t seen; /* by the claim before */
	} rows[] = {
		{ false, 0 },
		{ false, 1 },
		{ false, 2 },
		{ true, 3 },
		{ false, 0 },
		{ false, 1 },
	};
	struct fixture *f = *state;
	char id[PP_ID_BYTES];
	struct pp_claim c;

	add_job(f, 1, 100, id);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		must_claim(f, NOW, &c);
		assert_int_equal(c.give_backs, rows[i].seen);
		assert_int_equal(c.epoch, (int64_t)i + 1);
		assert_ok(pp_store_release(f->store, &c, rows[i].progress,
			      "throttled", NOW, &f->err),
		    f->err);
	}
	must_claim(f, NOW, &c);
	assert_ok(pp_store_finish(f->store, &c, PP_JOB_FAILED, "", NOW, NULL,
		      &f->err),
	    f->err);
	assert_ok(pp_store_job_resume(f->store, id, -2, false, NOW, &f->err),
	    f->err);
	must_claim(f, NOW, &c);
	assert_int_equal(c.give_backs, 0);
}

/* ---- one job ---- */

static void
a_claim_of_one_job_says_why_not(void **state)
{
	struct fixture *f = *state;
	char first[PP_ID_BYTES], second[PP_ID_BYTES], owner[PP_ID_BYTES];
	struct pp_claim c, d;

	pp_id_new(owner);
	pp_id_new(first);
	assert_fails(claim_as(f->store, owner, first, NOW, 5, &c, &f->err),
	    f->err, PP_ENOENT);
	add_job(f, 1, 10, first);
	add_job(f, 1, 10, second);
	assert_int_equal(claim_as(f->store, owner, second, NOW, 5, &c, &f->err),
	    1);
	assert_string_equal(c.job_id, second);
	assert_fails(claim_as(f->store, owner, second, NOW, 5, &d, &f->err),
	    f->err, PP_ETEMP);
	assert_int_equal(claim_as(f->store, owner, second, NOW + MINUTE, 5, &d,
			     &f->err),
	    1);
	assert_ok(pp_store_finish(f->store, &d, PP_JOB_COMPLETED, "", NOW, NULL,
		      &f->err),
	    f->err);
	assert_fails(claim_as(f->store, owner, second, NOW, 5, &d, &f->err),
	    f->err, PP_ECONFLICT);
	assert_int_equal(status_of(f, first), PP_JOB_QUEUED);
}

static void
a_paused_job_is_not_claimed(void **state)
{
	struct fixture *f = *state;
	struct pp_job paused = job_of(1, 10);
	char owner[PP_ID_BYTES], head[PP_ID_BYTES];
	struct pp_claim c;

	pp_id_new(owner);
	paused.paused = true;
	assert_ok(pp_store_job_add(f->store, &paused, NULL, NULL, &f->err),
	    f->err);
	assert_int_equal(claim_any(f->store, NOW, &c, &f->err), 0);
	assert_int_equal(pp_store_queue_head(f->store, head, &f->err), 0);
	assert_fails(claim_as(f->store, owner, paused.job_id, NOW, 5, &c,
			 &f->err),
	    f->err, PP_ETEMP);
}

/*
 * A shard may be given back for want of money that another holds, which gives
 * it back only when somebody takes it.
 */
static void
what_was_given_back_in_vain_waits_for_the_others(void **state)
{
	struct fixture *f = *state;
	static const int order[] = { 0, 1, 2, 0, 1, 2, 0 };
	char id[PP_ID_BYTES];
	struct pp_claim c;

	add_job(f, 3, 10, id);
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		must_claim(f, NOW, &c);
		if (c.shard != order[i])
			fail_msg("claim %zu has shard %d", i, c.shard);
		assert_ok(pp_store_release(f->store, &c, false, "", NOW,
			      &f->err),
		    f->err);
	}
	/* progress makes it as good as new */
	must_claim(f, NOW, &c);
	assert_int_equal(c.shard, 1);
	assert_ok(pp_store_release(f->store, &c, true, "", NOW, &f->err),
	    f->err);
	must_claim(f, NOW, &c);
	assert_int_equal(c.shard, 1);
}

/* ---- many shards ---- */

#define PAGE 1000

static void
the_most_shards_are_listed_and_claimed_in_order(void **state)
{
	struct fixture *f = *state;
	struct pp_shard *page = calloc(PAGE, sizeof *page);
	int64_t queued, running;
	char id[PP_ID_BYTES];
	struct pp_claim c;
	int next = 0, n, most = PP_MAX_SHARDS;

	/* DynamoDB Local takes minutes to count as many as there may be */
	if (suite_home->at_servers)
		most = 4 * PAGE - 1;
	add_job(f, most, 10, id);
	for (int i = 0; i < 3; i++) {
		must_claim(f, NOW, &c);
		assert_int_equal(c.shard, i);
	}
	do {
		n = pp_store_shards(f->store, id, next, page, PAGE, &f->err);
		assert_ok(n, f->err);
		for (int i = 0; i < n; i++) {
			assert_int_equal(page[i].shard, next);
			assert_string_equal(page[i].state,
			    next < 3 ? "RUNNING" : "QUEUED");
			next++;
		}
	} while (n == PAGE);
	assert_int_equal(next, most);
	assert_ok(pp_store_queue_length(f->store, &queued, &running, &f->err),
	    f->err);
	assert_int_equal(queued, most - 3);
	assert_int_equal(running, 3);
	free(page);
}

void
add_queue(void)
{
	static const struct CMUnitTest tests[] = {
		SUITE_TEST(a_claim_is_a_lease_of_the_next_epoch),
		SUITE_TEST(thirty_two_workers_claim_each_entry_once),
		SUITE_TEST(of_shards_that_end_together_one_is_the_last),
		SUITE_TEST(nobody_leaves_while_shards_are_queued),
		SUITE_TEST(four_workers_on_four_jobs_run_all_four),
		SUITE_TEST(no_more_jobs_run_than_may),
		SUITE_TEST(an_ended_job_makes_room_for_the_next),
		SUITE_TEST(jobs_go_by_priority_and_then_by_age),
		SUITE_TEST(a_lease_that_ran_out_is_taken_over),
		SUITE_TEST(a_late_worker_goes_on_when_nobody_came),
		SUITE_TEST(what_ran_out_goes_before_what_waits),
		SUITE_TEST(a_dead_workers_entry_is_taken_at_once),
		SUITE_TEST(an_old_claim_can_do_nothing),
		SUITE_TEST(an_epoch_can_be_raised_but_not_lowered),
		SUITE_TEST(give_backs_are_counted_until_there_is_progress),
		SUITE_TEST(a_claim_of_one_job_says_why_not),
		SUITE_TEST(a_paused_job_is_not_claimed),
		SUITE_TEST(what_was_given_back_in_vain_waits_for_the_others),
		SUITE_TEST(the_most_shards_are_listed_and_claimed_in_order),
	};

	SUITE_ADD(tests);
}
