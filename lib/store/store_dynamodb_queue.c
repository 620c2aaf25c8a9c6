#include <config.h>

#include "store/store_dynamodb.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* ---- the entry of a claim ---- */

/* 1, 0 when there is none, -1. */
static int
read_entry(struct pp_store_dynamodb *s, const char *partition,
    const struct pp_ddb_place *p, int shard, struct pp_ddb_entry *out,
    struct pp_error *err)
{
	struct pp_buf key = PP_BUF_INIT;
	const struct pp_json *item;
	struct pp_ddb_reply r;
	int rc;

	*out = (struct pp_ddb_entry){ .shard = 0 };
	pp_ddb_put_entry_key(&key, partition, p, shard);
	rc = pp_ddb_read(s->aws, s->queue, &key, &r, &item, err);
	if (rc == 1 && pp_ddb_entry_parse(item, out, err) < 0)
		rc = -1;
	pp_ddb_reply_release(&r);
	pp_buf_release(&key);
	return rc;
}

/* The fence: the entry is still what the claim says, or PP_ECONFLICT. */
static int
load_owned(struct pp_store_dynamodb *s, const struct pp_claim *c,
    struct pp_ddb_entry *e, struct pp_error *err)
{
	struct pp_ddb_place p;
	int rc;

	*e = (struct pp_ddb_entry){ .shard = 0 };
	rc = pp_ddb_find_place(s, c->job_id, &p, err);
	if (rc == 1)
		rc = read_entry(s, "RUNNING", &p, c->shard, e, err);
	if (rc < 0)
		return -1;
	if (rc == 1 && e->epoch == c->epoch && strcmp(e->owner, c->owner) == 0)
		return 0;
	pp_ddb_entry_release(e);
	return pp_store_fenced(c, err);
}

/* An update of the claim's entry, under the condition that it is ours. */
static struct pp_ddb_action *
add_owned(struct pp_store_dynamodb *s, struct pp_ddb_transaction *t,
    const struct pp_claim *c, const struct pp_ddb_place *p, int64_t rev)
{
	struct pp_ddb_action *w = pp_ddb_add(t, PP_DDB_UPDATE, s->queue,
	    rev < 0 ? "#lease_owner = :owner AND #epoch = :epoch" :
		      "#lease_owner = :owner AND #epoch = :epoch AND "
		      "#rev = :rev");

	pp_ddb_put_entry_key(&w->item, "RUNNING", p, c->shard);
	pp_ddb_put_text(&w->values, ":owner", c->owner);
	pp_ddb_put_int(&w->values, ":epoch", c->epoch);
	if (rev >= 0)
		pp_ddb_put_int(&w->values, ":rev", rev);
	return w;
}

/* ---- claim ---- */

/* The caller has just looked at its clock, which may jump while we ask. */
static void
note_moment(struct pp_store_dynamodb *s)
{
	s->wall_ms = pp_clock_wall_ms();
	s->boot_ms = pp_clock_boot_ms();
}

/*
 * Leases are of the service's clock: workers on many machines share that one
 * alone. One whose own clock is an hour ahead must not take what is not its
 * to take, nor leave a lease that keeps others away for an hour.
 */
static int64_t
clock_offset(const struct pp_store_dynamodb *s)
{
	return pp_aws_clock_offset_ms(s->aws, s->wall_ms, s->boot_ms);
}

static int64_t
lease_now(const struct pp_store_dynamodb *s, int64_t now_ms)
{
	return now_ms + clock_offset(s);
}

/* What a look at the running entries finds. */
struct running {
	const struct pp_store_dynamodb *store;
	const struct pp_claim_request *req;
	struct pp_ddb_entry lapsed; /* the first that may be taken over */
	bool found;
	char (*jobs)[PP_ID_BYTES]; /* distinct, in order */
	size_t job_count, job_cap;
};

/*
 * Jobs whose entries cannot be taken; they are not looked at again in this
 * claim. A job that starts and stops while others take its entries and end
 * them is none of these, unless it refuses so often that its record must
 * contradict its queue.
 */
#define UNCLAIMABLE 50

struct skipped {
	char (*jobs)[PP_ID_BYTES];
	size_t count, cap;
	char last[PP_ID_BYTES];
	int times;
};

static bool
is_gone(const struct running *look, const struct pp_ddb_entry *e)
{
	const struct pp_claim_request *r = look->req;

	/* the reply that it came with has told the time */
	if (e->lease_expires_ms <= lease_now(look->store, r->now_ms))
		return true;
	return r->is_dead != NULL && r->is_dead(r->arg, e->owner);
}

static int
see_running(void *arg, const struct pp_json *item, struct pp_error *err)
{
	struct running *look = arg;
	struct pp_ddb_entry e;
	bool take;

	if (pp_ddb_entry_parse(item, &e, err) < 0)
		return -1;
	if (look->job_count == 0 ||
	    strcmp(look->jobs[look->job_count - 1], e.place.job_id) != 0) {
		look->jobs = pp_grow(look->jobs, look->job_count,
		    &look->job_cap, sizeof *look->jobs);
		memcpy(look->jobs[look->job_count++], e.place.job_id,
		    PP_ID_BYTES);
	}
	take = !look->found && !e.paused &&
	    (look->req->job_id == NULL ||
		strcmp(look->req->job_id, e.place.job_id) == 0) &&
	    is_gone(look, &e);
	if (take) {
		look->lapsed = e;
		look->found = true;
	} else {
		pp_ddb_entry_release(&e);
	}
	return 0;
}

static void
fill_claim(const struct pp_store_dynamodb *s, const struct pp_ddb_entry *e,
    struct pp_claim *out)
{
	*out = (struct pp_claim){ .shard = e->shard,
		.epoch = e->epoch,
		.lease_expires_ms = e->lease_expires_ms - clock_offset(s),
		.seq = e->seq,
		.granted_nusd = e->granted_nusd,
		.give_backs = e->give_backs,
		.totals = e->totals };
	memcpy(out->job_id, e->place.job_id, sizeof out->job_id);
	memcpy(out->owner, e->owner, sizeof out->owner);
}

/* 1, 0 when somebody was faster, -1. */
static int
take_over(struct pp_store_dynamodb *s, const struct pp_claim_request *r,
    struct pp_ddb_entry *e, struct pp_claim *out, struct pp_error *err)
{
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	struct pp_ddb_action *w = pp_ddb_add(&t, PP_DDB_UPDATE, s->queue,
	    "#lease_owner = :old AND #epoch = :e AND "
	    "#lease_expires_at = :lease");
	int rc;

	pp_ddb_put_entry_key(&w->item, "RUNNING", &e->place, e->shard);
	pp_ddb_put_text(&w->values, ":old", e->owner);
	pp_ddb_put_int(&w->values, ":e", e->epoch);
	pp_ddb_put_int(&w->values, ":lease", e->lease_expires_ms);
	snprintf(e->owner, sizeof e->owner, "%s", r->owner);
	snprintf(e->task_arn, sizeof e->task_arn, "%s",
	    r->task_arn != NULL ? r->task_arn : "");
	e->lease_expires_ms = lease_now(s, r->now_ms) + r->lease_ms;
	e->epoch++;
	e->rev++;
	pp_buf_adds(&w->update,
	    "SET #lease_owner = :owner, #lease_expires_at = :until, "
	    "#epoch = :epoch, #rev = :rev, #task_arn = :task");
	pp_ddb_put_text(&w->values, ":owner", e->owner);
	pp_ddb_put_text(&w->values, ":task", e->task_arn);
	pp_ddb_put_int(&w->values, ":until", e->lease_expires_ms);
	pp_ddb_put_int(&w->values, ":epoch", e->epoch);
	pp_ddb_put_int(&w->values, ":rev", e->rev);
	rc = pp_ddb_commit(s->aws, &t, NULL, err);
	if (rc == 0)
		fill_claim(s, e, out);
	return rc < 0 ? -1 : rc == 0;
}

/*
 * The job's part of a claim: one more of its entries runs. A job that was
 * QUEUED becomes RUNNING, and one more job runs.
 */
static void
add_job_claim(struct pp_store_dynamodb *s, struct pp_ddb_transaction *t,
    const struct pp_claim_request *r, const char *job_id, bool starts)
{
	struct pp_ddb_action *w = pp_ddb_add(t, PP_DDB_UPDATE, s->jobs,
	    "#status = :status AND #cancel_requested = :no AND "
	    "#paused = :no");
	char now[PP_TIME_TEXT_BYTES];

	pp_ddb_put_text(&w->item, "job_id", job_id);
	pp_ddb_put_text(&w->values, ":status", starts ? "QUEUED" : "RUNNING");
	pp_ddb_put_bool(&w->values, ":no", false);
	pp_ddb_put_int(&w->values, ":one", 1);
	pp_ddb_put_int(&w->values, ":less", -1);
	if (starts) {
		pp_buf_adds(&w->update,
		    "SET #status = :running, #reason = :none, "
		    "#updated_at = :now, "
		    "#started_at = if_not_exists(#started_at, :now) ");
		pp_ddb_put_text(&w->values, ":running", "RUNNING");
		pp_ddb_put_text(&w->values, ":none", "");
		pp_ddb_put_text(&w->values, ":now",
		    pp_time_format(r->now_ms, now));
	}
	pp_buf_adds(&w->update,
	    "ADD #shards_queued :less, #shards_running :one");
	if (starts)
		pp_ddb_add_running(s, t, 1, r->max_running);
}

/* What became of an attempt to take a queued entry. */
enum taken { TAKEN, FASTER, NOT_NOW, FULL, TAKE_FAILED };

static enum taken
take_queued(struct pp_store_dynamodb *s, const struct pp_claim_request *r,
    struct pp_ddb_entry *e, bool starts, struct pp_claim *out,
    struct pp_error *err)
{
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	int64_t rev = e->rev;
	size_t failed = 0;
	int rc;

	snprintf(e->owner, sizeof e->owner, "%s", r->owner);
	snprintf(e->task_arn, sizeof e->task_arn, "%s",
	    r->task_arn != NULL ? r->task_arn : "");
	e->partition = "RUNNING";
	e->state = PP_JOB_RUNNING;
	e->lease_expires_ms = lease_now(s, r->now_ms) + r->lease_ms;
	e->epoch++;
	e->rev++;
	pp_ddb_add_move(s, &t, "QUEUED", rev, e);
	add_job_claim(s, &t, r, e->place.job_id, starts);
	rc = pp_ddb_commit(s->aws, &t, &failed, err);
	if (rc < 0)
		return TAKE_FAILED;
	if (rc == 0) {
		fill_claim(s, e, out);
		s->place = e->place;
		return TAKEN;
	}
	return failed < 2 ? FASTER : failed == 2 ? NOT_NOW : FULL;
}

static bool
is_listed(char (*jobs)[PP_ID_BYTES], size_t count, const char *job_id)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(jobs[i], job_id) == 0)
			return true;
	}
	return false;
}

/* 1: a job whose entries may be taken, now or as soon as it has room, 0, -1. */
static int
is_claimable(struct pp_store_dynamodb *s, const char *job_id,
    struct pp_error *err)
{
	struct pp_ddb_job j = { .queued = 0 };
	int rc = pp_ddb_job_read(s, job_id, &j, err);

	if (rc == 1)
		rc = !pp_job_status_is_final(j.job.status) &&
		    !j.job.cancel_requested && !j.job.paused;
	pp_ddb_job_release(&j);
	return rc;
}

/* Its job has just started or stopped, or is none that may be claimed. */
static int
note_refusal(struct pp_store_dynamodb *s, struct skipped *skipped,
    const char *job_id, struct pp_error *err)
{
	int claimable = is_claimable(s, job_id, err);

	if (strcmp(skipped->last, job_id) != 0)
		skipped->times = 0;
	memcpy(skipped->last, job_id, PP_ID_BYTES);
	if (claimable < 0 || (claimable && ++skipped->times < UNCLAIMABLE))
		return claimable < 0 ? -1 : 0;
	skipped->jobs = pp_grow(skipped->jobs, skipped->count, &skipped->cap,
	    sizeof *skipped->jobs);
	memcpy(skipped->jobs[skipped->count++], job_id, PP_ID_BYTES);
	return 0;
}

/*
 * A choice among queued entries: the first of those given back in vain the
 * fewest times, or with a crowd any of the next few.
 */
struct choice {
	const struct running *running;
	const struct skipped *skipped;
	bool full;     /* no job may start */
	int pass_over; /* so many of the same job first */
	struct pp_ddb_entry entry;
	bool found;
};

/* Entries of a page: the first is most often the one. */
#define FEW 8

static bool
comes_before(const struct pp_ddb_entry *later, const struct pp_ddb_entry *found,
    int pass_over)
{
	return later->give_backs < found->give_backs ||
	    (later->give_backs == found->give_backs && pass_over > 0);
}

static int
choose(void *arg, const struct pp_json *item, struct pp_error *err)
{
	struct choice *c = arg;
	struct pp_ddb_entry e;

	if (pp_ddb_entry_parse(item, &e, err) < 0)
		return -1;
	if (c->found && strcmp(e.place.job_id, c->entry.place.job_id) != 0) {
		pp_ddb_entry_release(&e);
		return 1;
	}
	if (e.paused ||
	    is_listed(c->skipped->jobs, c->skipped->count, e.place.job_id) ||
	    (c->full &&
		!is_listed(c->running->jobs, c->running->job_count,
		    e.place.job_id))) {
		pp_ddb_entry_release(&e);
		return 0;
	}
	if (c->found && !comes_before(&e, &c->entry, c->pass_over)) {
		pp_ddb_entry_release(&e);
	} else {
		if (c->found)
			pp_ddb_entry_release(&c->entry);
		c->entry = e;
		c->found = true;
	}
	return --c->pass_over < 0 && c->entry.give_backs == 0;
}

/*
 * The first entry that may be taken. When others want it too, any of the same
 * job's next ones will do: its shards are alike.
 */
static int
find_queued(struct pp_store_dynamodb *s, const struct pp_claim_request *r,
    struct choice *c, int round, struct pp_error *err)
{
	struct pp_ddb_query q;
	char *prefix = NULL;
	int rc = 1;

	if (r->job_id != NULL) {
		struct pp_ddb_place p;

		rc = pp_ddb_find_place(s, r->job_id, &p, err);
		if (rc == 1)
			prefix = pp_ddb_job_prefix(&p);
	}
	c->found = false;
	c->pass_over = round == 0 ? 0 : (int)pp_rand_below(&s->rand, 32);
	if (rc == 1) {
		q = pp_ddb_entries_query(s, "QUEUED", prefix);
		q.page = FEW + c->pass_over;
		rc = pp_ddb_query(s->aws, &q, choose, c, err);
	}
	free(prefix);
	return rc;
}

/* Nothing of the job that was asked for is free: say why. */
static int
why_not(struct pp_store_dynamodb *s, const char *job_id, struct pp_error *err)
{
	struct pp_ddb_job j;
	int rc = pp_ddb_job_read(s, job_id, &j, err);

	if (rc == 0)
		rc = pp_store_no_job(job_id, err);
	else if (rc == 1 && pp_job_status_is_final(j.job.status))
		rc = pp_store_has_ended(job_id, j.job.status, err);
	else if (rc == 1)
		rc = pp_error_set(err, PP_ETEMP,
		    j.job.paused ? "job '%s' is paused" :
			j.job.status == PP_JOB_RUNNING ?
				   "all that is left of job '%s' is leased to "
				   "other workers" :
				   "job '%s' waits: as many jobs as may run "
				   "are running",
		    job_id);
	pp_ddb_job_release(&j);
	return rc;
}

/* One look at the queue and one attempt. 1, 0: nothing is free, 2: again. */
static int
claim_once(struct pp_store_dynamodb *s, const struct pp_claim_request *r,
    struct skipped *skipped, int round, struct pp_claim *out,
    struct pp_error *err)
{
	struct running look = { .store = s, .req = r };
	struct choice c = { .running = &look, .skipped = skipped };
	struct pp_ddb_query q = pp_ddb_entries_query(s, "RUNNING", NULL);
	bool starts;
	int rc = pp_ddb_query(s->aws, &q, see_running, &look, err);

	if (rc == 0 && look.found) {
		rc = take_over(s, r, &look.lapsed, out, err);
		rc = rc == 0 ? 2 : rc;
		goto out;
	}
	c.full = look.job_count >= (size_t)r->max_running;
	if (rc == 0)
		rc = find_queued(s, r, &c, round, err);
	if (rc < 0 || !c.found)
		goto out;
	starts = !is_listed(look.jobs, look.job_count, c.entry.place.job_id);
	switch (take_queued(s, r, &c.entry, starts, out, err)) {
	case TAKEN: rc = 1; break;
	case NOT_NOW:
		rc = note_refusal(s, skipped, c.entry.place.job_id, err);
		rc = rc < 0 ? -1 : 2;
		break;
	case FASTER:
	case FULL: rc = 2; break;
	case TAKE_FAILED:
	default: rc = -1; break;
	}
out:
	if (look.found)
		pp_ddb_entry_release(&look.lapsed);
	if (c.found)
		pp_ddb_entry_release(&c.entry);
	free(look.jobs);
	return rc;
}

int
pp_ddb_claim(struct pp_store *store, const struct pp_claim_request *req,
    struct pp_claim *out, struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct skipped skipped = { .count = 0 };
	int rc = 2;

	note_moment(s);
	for (int round = 0; rc == 2; round++) {
		if (round > 0 && pp_ddb_yield(s, round, err) < 0)
			rc = -1;
		else
			rc = claim_once(s, req, &skipped, round, out, err);
	}
	free(skipped.jobs);
	if (rc == 0 && req->job_id != NULL)
		return why_not(s, req->job_id, err);
	return rc;
}

/* ---- what the holder of a claim does ---- */

int
pp_ddb_claim_epoch(struct pp_store *store, struct pp_claim *c, int64_t at_least,
    struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	struct pp_ddb_entry e;
	struct pp_ddb_action *w;
	int rc = load_owned(s, c, &e, err);

	if (rc < 0 || at_least <= c->epoch) {
		pp_ddb_entry_release(&e);
		return rc;
	}
	w = add_owned(s, &t, c, &e.place, e.rev);
	pp_buf_adds(&w->update, "SET #epoch = :new, #rev = :next");
	pp_ddb_put_int(&w->values, ":new", at_least);
	pp_ddb_put_int(&w->values, ":next", e.rev + 1);
	rc = pp_ddb_commit(s->aws, &t, NULL, err);
	pp_ddb_entry_release(&e);
	if (rc != 0)
		return rc < 0 ? -1 : pp_store_fenced(c, err);
	c->epoch = at_least;
	return 0;
}

/* Setting the same lease twice is setting it once, so no transaction. */
int
pp_ddb_renew(struct pp_store *store, struct pp_claim *c, int64_t now_ms,
    int64_t lease_ms, bool *cancel, struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	struct pp_ddb_job j = { .queued = 0 };
	struct pp_ddb_action *w;
	struct pp_ddb_place p;
	int rc;

	note_moment(s);
	rc = pp_ddb_find_place(s, c->job_id, &p, err);
	if (rc <= 0)
		return rc < 0 ? -1 : pp_store_fenced(c, err);
	w = add_owned(s, &t, c, &p, -1);
	pp_buf_adds(&w->update, "SET #lease_expires_at = :until");
	pp_ddb_put_int(&w->values, ":until", lease_now(s, now_ms) + lease_ms);
	rc = pp_ddb_write(s->aws, w, err);
	free(t.actions);
	if (rc != 0)
		return rc < 0 ? -1 : pp_store_fenced(c, err);
	c->lease_expires_ms = now_ms + lease_ms;
	if (cancel == NULL)
		return 0;
	rc = pp_ddb_job_read(s, c->job_id, &j, err);
	if (rc == 1)
		*cancel = j.job.cancel_requested;
	pp_ddb_job_release(&j);
	return rc == 1 ? 0 : rc < 0 ? -1 : pp_store_fenced(c, err);
}

/* ---- the job's sums ---- */

static int64_t
spent_of(const struct pp_totals *t)
{
	return t->settled_nusd + t->unproven_nusd;
}

/* The differences that a shard's new numbers make to its job's. */
static void
add_sums(struct pp_ddb_action *w, const struct pp_ddb_entry *e,
    const struct pp_totals *t, int64_t granted_nusd, bool limited)
{
	const struct {
		const char *name;
		int64_t by;
		bool money;
	} sums[] = {
		{ "granted", limited ? granted_nusd - e->granted_nusd : 0,
		    true },
		{ "records_generated", t->rows_done - e->totals.rows_done,
		    false },
		{ "records_failed", t->rows_failed - e->totals.rows_failed,
		    false },
		{ "calls", t->calls - e->totals.calls, false },
		{ "tokens_in", t->tokens_in - e->totals.tokens_in, false },
		{ "tokens_out", t->tokens_out - e->totals.tokens_out, false },
		{ "tokens_used",
		    t->tokens_in - e->totals.tokens_in + t->tokens_out -
			e->totals.tokens_out,
		    false },
		{ "cost_estimate", t->settled_nusd - e->totals.settled_nusd,
		    true },
		{ "cost_unproven", t->unproven_nusd - e->totals.unproven_nusd,
		    true },
	};
	const char *before = strstr(w->update.data, "ADD ") ? ", " : " ADD ";

	for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
		char value[40];

		if (sums[i].by == 0)
			continue;
		snprintf(value, sizeof value, ":%s", sums[i].name);
		pp_buf_addf(&w->update, "%s#%s %s", before, sums[i].name,
		    value);
		before = ", ";
		if (sums[i].money)
			pp_ddb_put_money(&w->values, value, sums[i].by);
		else
			pp_ddb_put_int(&w->values, value, sums[i].by);
	}
}

/* ---- release and finish ---- */

#define IS_LAST 2

/* What an entry that leaves its worker does to its job. */
struct leaving {
	struct pp_ddb_job job; /* as it was read */
	struct pp_ddb_entry entry;
	enum pp_job_status status; /* of the job from now on */
	struct pp_ddb_end end;
};

/* The job's status when this entry has left its partition. */
static int
status_after(struct pp_store_dynamodb *s, struct leaving *l, const char *reason,
    struct pp_error *err)
{
	const struct pp_ddb_entry *e = &l->entry;

	free(l->end.reason);
	l->end = (struct pp_ddb_end){ .reason = NULL };
	if (l->job.running > 1) {
		l->status = PP_JOB_RUNNING;
		return 0;
	}
	if (l->job.queued > 0 || e->state == PP_JOB_QUEUED) {
		l->status = PP_JOB_QUEUED;
		l->end.reason = pp_strdup(reason);
		return 0;
	}
	if (e->place.shards > 1 &&
	    pp_ddb_find_end(s, &e->place, &l->end, err) < 0)
		return -1;
	pp_ddb_end_add(&l->end, e->state, e->shard, e->reason);
	l->status = l->end.status;
	return 0;
}

/* The last entry to leave takes care that nobody else came or left. */
static void
add_job_leave(struct pp_store_dynamodb *s, struct pp_ddb_transaction *t,
    const struct leaving *l, int64_t granted_before, int64_t now_ms)
{
	const struct pp_ddb_entry *e = &l->entry;
	bool last = l->status != PP_JOB_RUNNING;
	struct pp_ddb_action *w = pp_ddb_add(t, PP_DDB_UPDATE, s->jobs,
	    last ? "#shards_running = :one AND #shards_queued = :queued AND "
		   "#cancel_requested = :cancel" :
		   "#shards_running > :one AND #cancel_requested = :cancel");
	struct pp_ddb_entry before = *e;
	char now[PP_TIME_TEXT_BYTES];

	before.granted_nusd = granted_before;
	pp_ddb_put_text(&w->item, "job_id", e->place.job_id);
	pp_ddb_put_int(&w->values, ":one", 1);
	pp_ddb_put_bool(&w->values, ":cancel", l->job.job.cancel_requested);
	pp_buf_adds(&w->update, "SET #updated_at = :now");
	pp_ddb_put_text(&w->values, ":now", pp_time_format(now_ms, now));
	if (last) {
		pp_ddb_put_int(&w->values, ":queued", l->job.queued);
		pp_buf_adds(&w->update, ", #status = :s, #reason = :reason");
		pp_ddb_put_text(&w->values, ":s",
		    pp_job_status_name(l->status));
		pp_ddb_put_text(&w->values, ":reason", l->end.reason);
		if (pp_job_status_is_final(l->status))
			pp_buf_adds(&w->update, ", #ended_at = :now");
	}
	pp_buf_adds(&w->update, " ADD #shards_running :less");
	pp_ddb_put_int(&w->values, ":less", -1);
	if (e->state == PP_JOB_QUEUED)
		pp_buf_adds(&w->update, ", #shards_queued :one");
	add_sums(w, &before, &e->totals, e->granted_nusd,
	    l->job.job.budget_limit_nusd != PP_NO_LIMIT);
	if (last)
		pp_ddb_add_running(s, t, -1, 0);
}

/*
 * `state` QUEUED: given back, unless the job is to end. 0, 1: again, -1; with
 * `unless_last` also IS_LAST. That is sure without a write: one that leaves
 * beside us and thinks the same writes, and we are asked again.
 */
static int
leave_once(struct pp_store_dynamodb *s, const struct pp_claim *c,
    enum pp_job_status state, bool unless_last, bool progress,
    const char *reason, int64_t now_ms, struct leaving *l, struct pp_error *err)
{
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	struct pp_ddb_entry *e = &l->entry;
	int64_t rev, granted;
	int rc;

	if (load_owned(s, c, e, err) < 0)
		return -1;
	rc = pp_ddb_job_read(s, c->job_id, &l->job, err);
	if (rc <= 0)
		return rc < 0 ? -1 : pp_store_fenced(c, err);
	if (state == PP_JOB_QUEUED && l->job.job.cancel_requested)
		state = PP_JOB_CANCELLED;
	rev = e->rev++;
	granted = e->granted_nusd;
	e->state = state;
	e->partition = state == PP_JOB_QUEUED ? "QUEUED" : "COMPLETED";
	if (!c->unsettled) {
		e->granted_nusd = spent_of(&e->totals);
		e->seq++;
	} else if (l->job.job.budget_limit_nusd == PP_NO_LIMIT &&
	    e->granted_nusd < PP_STORE_ANYTHING_NUSD) {
		e->granted_nusd = PP_STORE_ANYTHING_NUSD;
	}
	e->give_backs = state == PP_JOB_QUEUED && !progress ?
	    e->give_backs + 1 :
	    0;
	e->owner[0] = e->task_arn[0] = '\0';
	e->lease_expires_ms = 0;
	free(e->reason);
	e->reason = pp_strdup(reason);
	if (status_after(s, l, reason, err) < 0)
		return -1;
	if (unless_last && pp_job_status_is_final(l->status))
		return IS_LAST;
	pp_ddb_add_move(s, &t, "RUNNING", rev, e);
	add_job_leave(s, &t, l, granted, now_ms);
	return pp_ddb_commit(s->aws, &t, NULL, err);
}

static int
leave(struct pp_store_dynamodb *s, const struct pp_claim *c,
    enum pp_job_status state, bool unless_last, bool progress,
    const char *reason, int64_t now_ms, enum pp_job_status *job_status,
    struct pp_error *err)
{
	struct leaving l = { .status = PP_JOB_QUEUED };
	int rc = 1;

	if (reason == NULL)
		reason = "";
	for (int round = 0; rc == 1; round++) {
		if (round > 0 && pp_ddb_yield(s, round, err) < 0) {
			rc = -1;
			break;
		}
		pp_ddb_entry_release(&l.entry);
		pp_ddb_job_release(&l.job);
		rc = leave_once(s, c, state, unless_last, progress, reason,
		    now_ms, &l, err);
	}
	pp_ddb_entry_release(&l.entry);
	pp_ddb_job_release(&l.job);
	free(l.end.reason);
	if (rc == 0 && job_status != NULL)
		*job_status = l.status;
	return rc == IS_LAST ? 1 : rc;
}

int
pp_ddb_release(struct pp_store *store, struct pp_claim *c, bool progress,
    const char *reason, int64_t now_ms, struct pp_error *err)
{
	return leave(pp_dynamodb_of(store), c, PP_JOB_QUEUED, false, progress,
	    reason, now_ms, NULL, err);
}

int
pp_ddb_finish(struct pp_store *store, struct pp_claim *c,
    enum pp_job_status status, bool unless_last, const char *reason,
    int64_t now_ms, enum pp_job_status *job_status, struct pp_error *err)
{
	assert(pp_job_status_is_final(status));
	return leave(pp_dynamodb_of(store), c, status, unless_last, true,
	    reason, now_ms, job_status, err);
}

/* ---- budget and progress ---- */

/*
 * Write totals and what is granted, and their differences to the job's sums.
 * With `limited` the job's `granted` must still be what the caller reckoned
 * with. 0; 1: something has changed; -1.
 */
static int
write_money(struct pp_store_dynamodb *s, const struct pp_claim *c,
    const struct pp_ddb_entry *e, const struct pp_totals *totals,
    int64_t granted_nusd, int64_t seq, const struct pp_ddb_job *job,
    bool reckoned, int64_t now_ms, struct pp_error *err)
{
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	int64_t spent = spent_of(totals);
	struct pp_ddb_action *w = add_owned(s, &t, c, &e->place, e->rev);
	bool limited = job->job.budget_limit_nusd != PP_NO_LIMIT;
	char now[PP_TIME_TEXT_BYTES];

	/* Spending is a fact: the limit shows it as used. */
	if (granted_nusd < spent)
		granted_nusd = spent;
	pp_buf_adds(&w->update,
	    "SET #granted = :g, #seq = :seq, #rev = :next, "
	    "#records_generated = :records_generated, "
	    "#records_failed = :records_failed, #calls = :calls, "
	    "#tokens_in = :tokens_in, #tokens_out = :tokens_out, "
	    "#tokens_used = :tokens_used, #cost_estimate = :cost_estimate, "
	    "#cost_unproven = :cost_unproven");
	pp_ddb_put_money(&w->values, ":g", granted_nusd);
	pp_ddb_put_int(&w->values, ":seq", seq);
	pp_ddb_put_int(&w->values, ":next", e->rev + 1);
	pp_ddb_put_int(&w->values, ":records_generated", totals->rows_done);
	pp_ddb_put_int(&w->values, ":records_failed", totals->rows_failed);
	pp_ddb_put_int(&w->values, ":calls", totals->calls);
	pp_ddb_put_int(&w->values, ":tokens_in", totals->tokens_in);
	pp_ddb_put_int(&w->values, ":tokens_out", totals->tokens_out);
	pp_ddb_put_int(&w->values, ":tokens_used",
	    totals->tokens_in + totals->tokens_out);
	pp_ddb_put_money(&w->values, ":cost_estimate", totals->settled_nusd);
	pp_ddb_put_money(&w->values, ":cost_unproven", totals->unproven_nusd);

	w = pp_ddb_add(&t, PP_DDB_UPDATE, s->jobs,
	    reckoned && limited ? "#granted = :was" :
				  "attribute_exists(#job_id)");
	pp_ddb_put_text(&w->item, "job_id", c->job_id);
	pp_buf_adds(&w->update, "SET #updated_at = :now");
	pp_ddb_put_text(&w->values, ":now", pp_time_format(now_ms, now));
	if (reckoned && limited)
		pp_ddb_put_money(&w->values, ":was", job->granted_nusd);
	add_sums(w, e, totals, granted_nusd, limited);
	return pp_ddb_commit(s->aws, &t, NULL, err);
}

/* 0, 1: again, -1. */
static int
grant_once(struct pp_store_dynamodb *s, const struct pp_claim *c,
    const struct pp_totals *t, int64_t want_nusd, int64_t now_ms,
    struct pp_store_share *out, struct pp_error *err)
{
	struct pp_store_money job, shard;
	struct pp_ddb_entry e;
	struct pp_ddb_job j;
	int rc;

	if (load_owned(s, c, &e, err) < 0)
		return -1;
	rc = pp_ddb_job_read(s, c->job_id, &j, err);
	if (rc == 0 || (rc == 1 && !pp_store_may_grant(c, e.seq)))
		rc = pp_store_fenced(c, err);
	if (rc == 1) {
		job.granted_nusd = j.granted_nusd;
		job.spent_nusd = spent_of(&j.job.totals);
		shard.granted_nusd = e.granted_nusd;
		shard.spent_nusd = spent_of(&e.totals);
		pp_store_share(j.job.budget_limit_nusd, &job, &shard,
		    spent_of(t), want_nusd, out);
		rc = write_money(s, c, &e, t, out->recorded_nusd, c->seq + 1,
		    &j, true, now_ms, err);
	}
	pp_ddb_job_release(&j);
	pp_ddb_entry_release(&e);
	return rc;
}

int
pp_ddb_grant(struct pp_store *store, struct pp_claim *c,
    const struct pp_totals *totals, int64_t want_nusd, int64_t now_ms,
    int64_t *free_nusd, int64_t *others_nusd, struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct pp_store_share share = { .granted_nusd = 0 };
	int rc = 1;

	for (int round = 0; rc == 1; round++) {
		if (round > 0 && pp_ddb_yield(s, round, err) < 0)
			rc = -1;
		else
			rc = grant_once(s, c, totals, want_nusd, now_ms, &share,
			    err);
	}
	if (rc < 0)
		return -1;
	pp_store_take_share(c, totals, &share, free_nusd, others_nusd);
	return 0;
}

static int
progress_once(struct pp_store_dynamodb *s, const struct pp_claim *c,
    const struct pp_totals *t, int64_t now_ms, struct pp_error *err)
{
	struct pp_ddb_entry e;
	struct pp_ddb_job j;
	int rc;

	if (load_owned(s, c, &e, err) < 0)
		return -1;
	rc = pp_ddb_job_read(s, c->job_id, &j, err);
	if (rc == 0)
		rc = pp_store_fenced(c, err);
	if (rc == 1)
		rc = write_money(s, c, &e, t, e.granted_nusd, e.seq, &j, false,
		    now_ms, err);
	pp_ddb_job_release(&j);
	pp_ddb_entry_release(&e);
	return rc;
}

int
pp_ddb_progress(struct pp_store *store, struct pp_claim *c,
    const struct pp_totals *totals, int64_t now_ms, struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	int rc = 1;

	for (int round = 0; rc == 1; round++) {
		if (round > 0 && pp_ddb_yield(s, round, err) < 0)
			rc = -1;
		else
			rc = progress_once(s, c, totals, now_ms, err);
	}
	if (rc < 0)
		return -1;
	c->totals = *totals;
	return 0;
}

/* ---- looking ---- */

struct listing {
	struct pp_shard *out;
	int first, max, n;
	int in_partition;
};

/*
 * A shard that moved between two queries may come twice; the later partition
 * says what it is now.
 */
static int
list_shard(void *arg, const struct pp_json *item, struct pp_error *err)
{
	struct listing *l = arg;
	struct pp_ddb_entry e;
	struct pp_shard *o = NULL;

	if (pp_ddb_entry_parse(item, &e, err) < 0)
		return -1;
	if (e.shard < l->first || e.shard - l->first >= l->max) {
		pp_ddb_entry_release(&e);
		return e.shard < l->first ? 0 : 1;
	}
	for (int i = l->n - 1; o == NULL && i >= 0; i--) {
		if (l->out[i].shard == e.shard)
			o = &l->out[i];
	}
	if (o == NULL)
		o = &l->out[l->n++];
	*o = (struct pp_shard){ .shard = e.shard,
		.epoch = e.epoch,
		.lease_expires_ms = e.lease_expires_ms,
		.granted_nusd = e.granted_nusd,
		.totals = e.totals };
	snprintf(o->state, sizeof o->state, "%s", pp_job_status_name(e.state));
	memcpy(o->owner, e.owner, sizeof o->owner);
	pp_ddb_entry_release(&e);
	return 0;
}

static int
compare_shards(const void *a, const void *b)
{
	const struct pp_shard *x = a, *y = b;

	return x->shard < y->shard ? -1 : x->shard > y->shard;
}

/* From the shard `first` on. */
static int
list_partition(struct pp_store_dynamodb *s, const char *partition,
    const struct pp_ddb_place *p, struct listing *l, struct pp_error *err)
{
	char *from = pp_ddb_sort(p, l->first);
	char *to = pp_ddb_sort(p, l->first + l->max - 1);
	struct pp_ddb_query q = { .table = s->queue,
		.key = "#status = :s AND #job_id__timestamp BETWEEN :a AND :b",
		.values = PP_BUF_INIT };
	int rc;

	pp_ddb_put_text(&q.values, ":s", partition);
	pp_ddb_put_text(&q.values, ":a", from);
	pp_ddb_put_text(&q.values, ":b", to);
	rc = pp_ddb_query(s->aws, &q, list_shard, l, err);
	free(from);
	free(to);
	return rc;
}

int
pp_ddb_shards(struct pp_store *store, const char *job_id, int first,
    struct pp_shard *out, int max, struct pp_error *err)
{
	static const char *const partitions[] = { "COMPLETED", "QUEUED",
		"RUNNING" };
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct listing l;
	struct pp_ddb_place p;
	int rc = pp_ddb_find_place(s, job_id, &p, err), expected;

	if (rc <= 0)
		return rc;
	if (first < 0)
		first = 0;
	if (max > PP_MAX_SHARDS)
		max = PP_MAX_SHARDS;
	expected = p.shards - first < max ? p.shards - first : max;
	if (expected <= 0)
		return 0;
	/* one that moved the other way may be missed: look again */
	for (int round = 0; round < 5; round++) {
		l = (struct listing){
			.out = out, .first = first, .max = expected
		};
		rc = 0;
		for (size_t i = 0; rc == 0 && i < 3; i++)
			rc = list_partition(s, partitions[i], &p, &l, err);
		if (rc < 0 || l.n == 0 || l.n >= expected)
			break;
	}
	if (rc == 0 && l.n > 0)
		qsort(out, (size_t)l.n, sizeof *out, compare_shards);
	return rc < 0 ? -1 : l.n;
}

int
pp_ddb_queue_length(struct pp_store *store, int64_t *queued, int64_t *running,
    struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct pp_ddb_query q = pp_ddb_entries_query(s, "QUEUED", NULL);

	if (pp_ddb_count(s->aws, &q, queued, err) < 0)
		return -1;
	q = pp_ddb_entries_query(s, "RUNNING", NULL);
	return pp_ddb_count(s->aws, &q, running, err);
}

static int
see_head(void *arg, const struct pp_json *item, struct pp_error *err)
{
	struct pp_ddb_entry e;
	bool is_head;

	if (pp_ddb_entry_parse(item, &e, err) < 0)
		return -1;
	is_head = !e.paused;
	if (is_head)
		memcpy(arg, e.place.job_id, PP_ID_BYTES);
	pp_ddb_entry_release(&e);
	return is_head;
}

int
pp_ddb_queue_head(struct pp_store *store, char *job_id, struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct pp_ddb_query q = pp_ddb_entries_query(s, "QUEUED", NULL);

	q.page = 10;
	job_id[0] = '\0';
	if (pp_ddb_query(s->aws, &q, see_head, job_id, err) < 0)
		return -1;
	return job_id[0] != '\0';
}
