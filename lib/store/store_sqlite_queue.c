#include <config.h>

#include "store/store_sqlite.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define ENTRY_COLUMNS \
	"status, lease_owner, epoch, seq, granted, give_backs, " PP_SQLITE_TOTALS

/* A row of the queue, as a verb finds it. */
struct entry {
	enum pp_job_status status;
	char owner[PP_ID_BYTES];
	int64_t epoch, seq, granted_nusd, give_backs;
	struct pp_totals totals;
};

static void
copy_text(char *out, size_t size, sqlite3_stmt *st, int column)
{
	const char *text = (const char *)sqlite3_column_text(st, column);

	snprintf(out, size, "%s", text != NULL ? text : "");
}

/* 1 with `e` filled, 0 when there is no such row, -1. */
static int
load_entry(struct pp_sqlite *s, const char *job_id, int shard, struct entry *e,
    struct pp_error *err)
{
	sqlite3_stmt *st = pp_sqlite_bind(s, err,
	    "SELECT " ENTRY_COLUMNS " FROM queue "
	    "WHERE job_id = ? AND shard = ?",
	    "ti", job_id, (int64_t)shard);
	int rc = st == NULL ? -1 : pp_sqlite_step(s, st, err);

	if (rc != 1)
		return rc;
	if (pp_sqlite_status(st, 0, &e->status, err) < 0)
		rc = -1;
	copy_text(e->owner, sizeof e->owner, st, 1);
	e->epoch = sqlite3_column_int64(st, 2);
	e->seq = sqlite3_column_int64(st, 3);
	e->granted_nusd = sqlite3_column_int64(st, 4);
	e->give_backs = sqlite3_column_int64(st, 5);
	pp_sqlite_totals(st, 6, &e->totals);
	pp_sqlite_done(st);
	return rc;
}

/* The fence: the entry is still what the claim says, or PP_ECONFLICT. */
static int
load_owned(struct pp_sqlite *s, const struct pp_claim *c, struct entry *e,
    struct pp_error *err)
{
	int rc = load_entry(s, c->job_id, c->shard, e, err);

	if (rc < 0)
		return -1;
	if (rc == 0 || e->status != PP_JOB_RUNNING || e->epoch != c->epoch ||
	    strcmp(e->owner, c->owner) != 0)
		return pp_store_fenced(c, err);
	return 0;
}

/* ---- the job's status ---- */

static int
any_shard(struct pp_sqlite *s, const char *job_id, bool *queued, bool *running,
    struct pp_error *err)
{
	int64_t q = 0, r = 0;

	if (pp_sqlite_int(s, err, &q,
		"SELECT EXISTS (SELECT 1 FROM queue "
		"WHERE job_id = ? AND status = 'QUEUED')",
		"t", job_id) < 0 ||
	    pp_sqlite_int(s, err, &r,
		"SELECT EXISTS (SELECT 1 FROM queue "
		"WHERE job_id = ? AND status = 'RUNNING')",
		"t", job_id) < 0)
		return -1;
	*queued = q != 0;
	*running = r != 0;
	return 0;
}

/*
 * The job's end: the gravest status that a shard ended with, and the reason
 * of the first shard that did.
 */
static int
end_job(struct pp_sqlite *s, const char *job_id, int64_t now_ms,
    enum pp_job_status *out, struct pp_error *err)
{
	sqlite3_stmt *st = pp_sqlite_bind(s, err,
	    "SELECT status, reason FROM queue WHERE job_id = ? "
	    "ORDER BY CASE status WHEN 'CANCELLED' THEN 0 "
	    "WHEN 'FAILED' THEN 1 WHEN 'BUDGET_EXCEEDED' THEN 2 ELSE 3 END, "
	    "shard LIMIT 1",
	    "t", job_id);
	int rc = st == NULL ? -1 : pp_sqlite_step(s, st, err);

	if (rc == 1) {
		rc = pp_sqlite_status(st, 0, out, err);
		if (rc == 0)
			rc = pp_sqlite_run(s, err,
			    "UPDATE jobs SET status = ?2, reason = ?3, "
			    "updated_at = ?4, ended_at = ?4 WHERE job_id = ?1",
			    "ttti", job_id, pp_job_status_name(*out),
			    (const char *)sqlite3_column_text(st, 1), now_ms);
		pp_sqlite_done(st);
	}
	return rc < 0 ? -1 : 0;
}

int
pp_sqlite_derive_status(struct pp_sqlite *s, const char *job_id,
    const char *reason, int64_t now_ms, enum pp_job_status *out,
    struct pp_error *err)
{
	enum pp_job_status status = PP_JOB_QUEUED;
	bool queued, running;
	int rc;

	if (any_shard(s, job_id, &queued, &running, err) < 0)
		return -1;
	if (running) {
		status = PP_JOB_RUNNING;
		rc = 0;
	} else if (queued) {
		rc = pp_sqlite_run(s, err,
		    "UPDATE jobs SET status = 'QUEUED', reason = ?2, "
		    "updated_at = ?3 WHERE job_id = ?1",
		    "tti", job_id, reason != NULL ? reason : "", now_ms);
	} else {
		rc = end_job(s, job_id, now_ms, &status, err);
	}
	if (rc >= 0 && out != NULL)
		*out = status;
	return rc < 0 ? -1 : 0;
}

/* ---- claim ---- */

struct place {
	char job_id[PP_ID_BYTES];
	int shard;
};

static void
read_place(sqlite3_stmt *st, struct place *p)
{
	copy_text(p->job_id, sizeof p->job_id, st, 0);
	p->shard = sqlite3_column_int(st, 1);
}

#define FIND_LAPSED(from, which) \
	"SELECT q.job_id, q.shard, q.lease_expires_at, q.lease_owner " \
	"FROM queue q " from " JOIN jobs j USING (job_id) " \
	"WHERE q.status = 'RUNNING' AND NOT j.paused " which \
	"AND (?1 IS NULL OR q.job_id = ?1) " \
	"ORDER BY j.priority DESC, q.job_id, q.shard"

/*
 * RUNNING entries that may be taken over: those whose lease has run out; all,
 * when workers can be asked whether they live.
 */
static sqlite3_stmt *
lapsed_statement(struct pp_sqlite *s, const struct pp_claim_request *r,
    struct pp_error *err)
{
	if (r->is_dead != NULL)
		return pp_sqlite_bind(s, err, FIND_LAPSED("", ""), "t",
		    r->job_id);
	return pp_sqlite_bind(s, err,
	    FIND_LAPSED("INDEXED BY queue_leases",
		"AND q.lease_expires_at <= ?2 "),
	    "ti", r->job_id, r->now_ms);
}

/* The first entry whose worker is gone. */
static int
find_lapsed(struct pp_sqlite *s, const struct pp_claim_request *r,
    struct place *p, struct pp_error *err)
{
	sqlite3_stmt *st = lapsed_statement(s, r, err);
	int rc = st == NULL ? -1 : 1;
	bool found = false;

	while (!found && rc == 1) {
		rc = pp_sqlite_step(s, st, err);
		if (rc != 1)
			break;
		read_place(st, p);
		found = sqlite3_column_int64(st, 2) <= r->now_ms ||
		    (r->is_dead != NULL &&
			r->is_dead(r->arg,
			    (const char *)sqlite3_column_text(st, 3)));
	}
	pp_sqlite_done(st);
	return rc < 0 ? -1 : found;
}

/*
 * The first QUEUED shard of the first job that has one; of its shards, one
 * that was given back in vain comes after those that were not. Jobs outside
 * the limit of running ones are not looked at when it is reached.
 */
#define FIND_QUEUED(which) \
	"SELECT j.job_id, (SELECT q.shard FROM queue q " \
	"WHERE q.job_id = j.job_id AND q.status = 'QUEUED' " \
	"ORDER BY q.give_backs, q.shard LIMIT 1) AS free " \
	"FROM jobs j WHERE " which " AND NOT j.paused AND free IS NOT NULL " \
	"ORDER BY j.priority DESC, j.job_id LIMIT 1"

static sqlite3_stmt *
queued_statement(struct pp_sqlite *s, const struct pp_claim_request *r,
    bool room, struct pp_error *err)
{
	if (r->job_id != NULL)
		return pp_sqlite_bind(s, err,
		    FIND_QUEUED("j.job_id = ? AND (j.status = 'RUNNING' OR ?)"),
		    "ti", r->job_id, (int64_t)room);
	if (room)
		return pp_sqlite_bind(s, err,
		    FIND_QUEUED("j.status IN ('QUEUED', 'RUNNING')"), "");
	return pp_sqlite_bind(s, err, FIND_QUEUED("j.status = 'RUNNING'"), "");
}

static int
find_queued(struct pp_sqlite *s, const struct pp_claim_request *r,
    struct place *p, struct pp_error *err)
{
	int64_t running = 0;
	sqlite3_stmt *st;
	int rc;

	if (pp_sqlite_int(s, err, &running,
		"SELECT count(*) FROM jobs WHERE status = 'RUNNING'", "") < 0)
		return -1;
	st = queued_statement(s, r, running < r->max_running, err);
	rc = st == NULL ? -1 : pp_sqlite_step(s, st, err);
	if (rc == 1) {
		read_place(st, p);
		pp_sqlite_done(st);
	}
	return rc;
}

static int
take(struct pp_sqlite *s, const struct pp_claim_request *r,
    const struct place *p, struct pp_claim *out, struct pp_error *err)
{
	struct entry e = { .epoch = 0 };

	if (load_entry(s, p->job_id, p->shard, &e, err) < 0)
		return -1;
	*out = (struct pp_claim){
		.shard = p->shard,
		.epoch = e.epoch + 1,
		.lease_expires_ms = r->now_ms + r->lease_ms,
		.seq = e.seq,
		.granted_nusd = e.granted_nusd,
		.give_backs = e.give_backs,
		.totals = e.totals,
	};
	snprintf(out->job_id, sizeof out->job_id, "%s", p->job_id);
	snprintf(out->owner, sizeof out->owner, "%s", r->owner);
	if (pp_sqlite_run(s, err,
		"UPDATE queue SET status = 'RUNNING', lease_owner = ?3, "
		"lease_expires_at = ?4, epoch = ?5 "
		"WHERE job_id = ?1 AND shard = ?2",
		"titii", out->job_id, (int64_t)out->shard, out->owner,
		out->lease_expires_ms, out->epoch) < 0)
		return -1;
	return pp_sqlite_run(s, err,
		   "UPDATE jobs SET status = 'RUNNING', reason = '', "
		   "updated_at = ?2, started_at = "
		   "CASE started_at WHEN 0 THEN ?2 ELSE started_at END "
		   "WHERE job_id = ?1 AND status = 'QUEUED'",
		   "ti", out->job_id, r->now_ms) < 0 ?
	    -1 :
	    1;
}

/* Nothing of the job that was asked for is free: say why. */
static int
why_not(struct pp_sqlite *s, const char *job_id, struct pp_error *err)
{
	enum pp_job_status status = PP_JOB_QUEUED;
	bool paused = false;
	sqlite3_stmt *st = pp_sqlite_bind(s, err,
	    "SELECT status, paused FROM jobs WHERE job_id = ?", "t", job_id);
	int rc = st == NULL ? -1 : pp_sqlite_step(s, st, err);

	if (rc == 0)
		return pp_store_no_job(job_id, err);
	if (rc == 1) {
		rc = pp_sqlite_status(st, 0, &status, err);
		paused = sqlite3_column_int(st, 1) != 0;
		pp_sqlite_done(st);
	}
	if (rc < 0)
		return -1;
	if (pp_job_status_is_final(status))
		return pp_store_has_ended(job_id, status, err);
	return pp_error_set(err, PP_ETEMP,
	    paused ? "job '%s' is paused" :
		status == PP_JOB_RUNNING ?
		     "all that is left of job '%s' is leased to other workers" :
		     "job '%s' waits: as many jobs as may run are running",
	    job_id);
}

static int
claim(struct pp_sqlite *s, const struct pp_claim_request *r,
    struct pp_claim *out, struct pp_error *err)
{
	struct place p;
	int rc = find_lapsed(s, r, &p, err);

	if (rc == 0)
		rc = find_queued(s, r, &p, err);
	if (rc == 1)
		return take(s, r, &p, out, err);
	if (rc == 0 && r->job_id != NULL)
		return why_not(s, r->job_id, err);
	return rc;
}

int
pp_sqlite_claim(struct pp_store *store, const struct pp_claim_request *req,
    struct pp_claim *out, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);

	if (pp_sqlite_begin(s, err) < 0)
		return -1;
	return pp_sqlite_end(s, claim(s, req, out, err), err);
}

/* ---- what the holder of a claim does ---- */

static int
raise_epoch(struct pp_sqlite *s, struct pp_claim *c, int64_t at_least,
    struct pp_error *err)
{
	struct entry e = { .epoch = 0 };

	if (load_owned(s, c, &e, err) < 0)
		return -1;
	if (at_least <= c->epoch)
		return 0;
	if (pp_sqlite_run(s, err,
		"UPDATE queue SET epoch = ?3 WHERE job_id = ?1 AND shard = ?2",
		"tii", c->job_id, (int64_t)c->shard, at_least) < 0)
		return -1;
	return 0;
}

int
pp_sqlite_claim_epoch(struct pp_store *store, struct pp_claim *c,
    int64_t at_least, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);

	if (pp_sqlite_begin(s, err) < 0 ||
	    pp_sqlite_end(s, raise_epoch(s, c, at_least, err), err) < 0)
		return -1;
	if (at_least > c->epoch)
		c->epoch = at_least;
	return 0;
}

static int
renew(struct pp_sqlite *s, const struct pp_claim *c, int64_t expires_ms,
    int64_t *cancel, struct pp_error *err)
{
	struct entry e = { .epoch = 0 };

	if (load_owned(s, c, &e, err) < 0)
		return -1;
	if (pp_sqlite_run(s, err,
		"UPDATE queue SET lease_expires_at = ?3 "
		"WHERE job_id = ?1 AND shard = ?2",
		"tii", c->job_id, (int64_t)c->shard, expires_ms) < 0)
		return -1;
	return pp_sqlite_int(s, err, cancel,
		   "SELECT cancel_requested FROM jobs WHERE job_id = ?", "t",
		   c->job_id) < 0 ?
	    -1 :
	    0;
}

int
pp_sqlite_renew(struct pp_store *store, struct pp_claim *c, int64_t now_ms,
    int64_t lease_ms, bool *cancel, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);
	int64_t cancel_requested = 0;

	if (pp_sqlite_begin(s, err) < 0 ||
	    pp_sqlite_end(s,
		renew(s, c, now_ms + lease_ms, &cancel_requested, err),
		err) < 0)
		return -1;
	c->lease_expires_ms = now_ms + lease_ms;
	if (cancel != NULL)
		*cancel = cancel_requested != 0;
	return 0;
}

/*
 * Write totals and what is granted to the entry, and their difference to the
 * job's sums. Spending is a fact: when it passes what was granted, that is
 * raised, so the limit shows it as used.
 */
static int
write_money(struct pp_sqlite *s, const struct pp_claim *c,
    const struct entry *e, const struct pp_totals *t, int64_t granted_nusd,
    int64_t seq, int64_t now_ms, struct pp_error *err)
{
	int64_t spent = t->settled_nusd + t->unproven_nusd;

	if (granted_nusd < spent)
		granted_nusd = spent;
	if (pp_sqlite_run(s, err,
		"UPDATE queue SET granted = ?3, seq = ?4, "
		"records_generated = ?5, "
		"records_failed = ?6, calls = ?7, tokens_in = ?8, "
		"tokens_out = ?9, cost_estimate = ?10, cost_unproven = ?11 "
		"WHERE job_id = ?1 AND shard = ?2",
		"tiiiiiiiiii", c->job_id, (int64_t)c->shard, granted_nusd, seq,
		t->rows_done, t->rows_failed, t->calls, t->tokens_in,
		t->tokens_out, t->settled_nusd, t->unproven_nusd) < 0)
		return -1;
	return pp_sqlite_run(s, err,
		   "UPDATE jobs SET updated_at = ?2, "
		   "granted = CASE budget_limit WHEN -1 THEN 0 "
		   "ELSE granted + ?3 END, "
		   "records_generated = records_generated + ?4, "
		   "records_failed = records_failed + ?5, calls = calls + ?6, "
		   "tokens_in = tokens_in + ?7, tokens_out = tokens_out + ?8, "
		   "cost_estimate = cost_estimate + ?9, "
		   "cost_unproven = cost_unproven + ?10 WHERE job_id = ?1",
		   "tiiiiiiiii", c->job_id, now_ms,
		   granted_nusd - e->granted_nusd,
		   t->rows_done - e->totals.rows_done,
		   t->rows_failed - e->totals.rows_failed,
		   t->calls - e->totals.calls,
		   t->tokens_in - e->totals.tokens_in,
		   t->tokens_out - e->totals.tokens_out,
		   t->settled_nusd - e->totals.settled_nusd,
		   t->unproven_nusd - e->totals.unproven_nusd) < 0 ?
	    -1 :
	    0;
}

/*
 * What was granted and not spent goes back to the job. When nobody can tell
 * what was spent nothing does, and a shard without a limit may have spent
 * anything.
 */
static int
return_money(struct pp_sqlite *s, const struct pp_claim *c,
    const struct entry *e, int64_t now_ms, struct pp_error *err)
{
	if (c->unsettled)
		return pp_sqlite_run(s, err,
			   "UPDATE queue SET granted = max(granted, ?3) "
			   "WHERE job_id = ?1 AND shard = ?2 AND "
			   "(SELECT budget_limit FROM jobs "
			   "WHERE job_id = ?1) = -1",
			   "tii", c->job_id, (int64_t)c->shard,
			   (int64_t)PP_STORE_ANYTHING_NUSD) < 0 ?
		    -1 :
		    0;
	return write_money(s, c, e, &e->totals, 0, e->seq + 1, now_ms, err);
}

/* The entry leaves its worker as `status`. */
static int
leave(struct pp_sqlite *s, const struct pp_claim *c, enum pp_job_status status,
    int64_t give_backs, const char *reason, struct pp_error *err)
{
	return pp_sqlite_run(s, err,
	    "UPDATE queue SET status = ?3, give_backs = ?4, reason = ?5, "
	    "lease_owner = '', lease_expires_at = 0 "
	    "WHERE job_id = ?1 AND shard = ?2",
	    "titit", c->job_id, (int64_t)c->shard, pp_job_status_name(status),
	    give_backs, reason != NULL ? reason : "");
}

/* A job that is to end takes no entry back: it ends as cancelled. */
static int
release(struct pp_sqlite *s, const struct pp_claim *c, bool progress,
    const char *reason, int64_t now_ms, struct pp_error *err)
{
	enum pp_job_status status = PP_JOB_QUEUED;
	int64_t cancel = 0;
	struct entry e = { .epoch = 0 };

	if (load_owned(s, c, &e, err) < 0 ||
	    return_money(s, c, &e, now_ms, err) < 0 ||
	    pp_sqlite_int(s, err, &cancel,
		"SELECT cancel_requested FROM jobs WHERE job_id = ?", "t",
		c->job_id) < 0)
		return -1;
	if (cancel)
		status = PP_JOB_CANCELLED;
	if (leave(s, c, status, progress ? 0 : e.give_backs + 1, reason, err) <
	    0)
		return -1;
	return pp_sqlite_derive_status(s, c->job_id, reason, now_ms, NULL, err);
}

int
pp_sqlite_release(struct pp_store *store, struct pp_claim *c, bool progress,
    const char *reason, int64_t now_ms, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);

	if (pp_sqlite_begin(s, err) < 0)
		return -1;
	return pp_sqlite_end(s, release(s, c, progress, reason, now_ms, err),
	    err);
}

static int
finish(struct pp_sqlite *s, const struct pp_claim *c, enum pp_job_status status,
    bool unless_last, const char *reason, int64_t now_ms,
    enum pp_job_status *job_status, struct pp_error *err)
{
	struct entry e = { .epoch = 0 };
	int64_t others = 0;

	assert(pp_job_status_is_final(status));
	if (load_owned(s, c, &e, err) < 0 ||
	    pp_sqlite_int(s, err, &others,
		"SELECT count(*) FROM queue WHERE job_id = ? AND shard <> ? "
		"AND status IN ('QUEUED', 'RUNNING')",
		"ti", c->job_id, (int64_t)c->shard) < 0)
		return -1;
	if (unless_last && others == 0)
		return 1;
	if (return_money(s, c, &e, now_ms, err) < 0 ||
	    leave(s, c, status, 0, reason, err) < 0)
		return -1;
	return pp_sqlite_derive_status(s, c->job_id, "", now_ms, job_status,
	    err);
}

int
pp_sqlite_finish(struct pp_store *store, struct pp_claim *c,
    enum pp_job_status status, bool unless_last, const char *reason,
    int64_t now_ms, enum pp_job_status *job_status, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);

	if (pp_sqlite_begin(s, err) < 0)
		return -1;
	return pp_sqlite_end(s,
	    finish(s, c, status, unless_last, reason, now_ms, job_status, err),
	    err);
}

/* ---- budget and progress ---- */

/* Of all shards of a job together. */
static int
job_money(struct pp_sqlite *s, const char *job_id, int64_t *limit_nusd,
    struct pp_store_money *out, struct pp_error *err)
{
	sqlite3_stmt *st = pp_sqlite_bind(s, err,
	    "SELECT budget_limit, granted, cost_estimate + cost_unproven "
	    "FROM jobs WHERE job_id = ?",
	    "t", job_id);
	int rc = st == NULL ? -1 : pp_sqlite_step(s, st, err);

	if (rc == 0)
		return pp_store_no_job(job_id, err);
	if (rc < 0)
		return -1;
	*limit_nusd = sqlite3_column_int64(st, 0);
	out->granted_nusd = sqlite3_column_int64(st, 1);
	out->spent_nusd = sqlite3_column_int64(st, 2);
	pp_sqlite_done(st);
	return 0;
}

static int
grant(struct pp_sqlite *s, const struct pp_claim *c, const struct pp_totals *t,
    int64_t want_nusd, int64_t now_ms, struct pp_store_share *out,
    struct pp_error *err)
{
	int64_t spent = t->settled_nusd + t->unproven_nusd;
	int64_t limit = PP_NO_LIMIT;
	struct pp_store_money job, shard;
	struct entry e = { .epoch = 0 };

	if (load_owned(s, c, &e, err) < 0)
		return -1;
	if (!pp_store_may_grant(c, e.seq))
		return pp_store_fenced(c, err);
	if (job_money(s, c->job_id, &limit, &job, err) < 0)
		return -1;
	shard.granted_nusd = e.granted_nusd;
	shard.spent_nusd = e.totals.settled_nusd + e.totals.unproven_nusd;
	pp_store_share(limit, &job, &shard, spent, want_nusd, out);
	return write_money(s, c, &e, t, out->recorded_nusd, c->seq + 1, now_ms,
	    err);
}

int
pp_sqlite_grant(struct pp_store *store, struct pp_claim *c,
    const struct pp_totals *totals, int64_t want_nusd, int64_t now_ms,
    int64_t *free_nusd, int64_t *others_nusd, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);
	struct pp_store_share share = { .granted_nusd = 0 };

	if (pp_sqlite_begin(s, err) < 0 ||
	    pp_sqlite_end(s,
		grant(s, c, totals, want_nusd, now_ms, &share, err), err) < 0)
		return -1;
	pp_store_take_share(c, totals, &share, free_nusd, others_nusd);
	return 0;
}

static int
progress(struct pp_sqlite *s, const struct pp_claim *c,
    const struct pp_totals *t, int64_t now_ms, struct pp_error *err)
{
	struct entry e = { .epoch = 0 };

	if (load_owned(s, c, &e, err) < 0)
		return -1;
	return write_money(s, c, &e, t, e.granted_nusd, e.seq, now_ms, err);
}

int
pp_sqlite_progress(struct pp_store *store, struct pp_claim *c,
    const struct pp_totals *totals, int64_t now_ms, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);

	if (pp_sqlite_begin(s, err) < 0 ||
	    pp_sqlite_end(s, progress(s, c, totals, now_ms, err), err) < 0)
		return -1;
	c->totals = *totals;
	return 0;
}

/* ---- looking ---- */

int
pp_sqlite_shards(struct pp_store *store, const char *job_id, int first,
    struct pp_shard *out, int max, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);
	sqlite3_stmt *st = pp_sqlite_bind(s, err,
	    "SELECT shard, status, epoch, lease_expires_at, granted, "
	    "lease_owner, " PP_SQLITE_TOTALS " FROM queue "
	    "WHERE job_id = ? AND shard >= ? ORDER BY shard LIMIT ?",
	    "tii", job_id, (int64_t)first, (int64_t)max);
	int n = 0, rc = st == NULL ? -1 : 1;

	while (n < max && rc == 1) {
		struct pp_shard *o = &out[n];

		rc = pp_sqlite_step(s, st, err);
		if (rc != 1)
			break;
		n++;
		o->shard = sqlite3_column_int(st, 0);
		copy_text(o->state, sizeof o->state, st, 1);
		o->epoch = sqlite3_column_int64(st, 2);
		o->lease_expires_ms = sqlite3_column_int64(st, 3);
		o->granted_nusd = sqlite3_column_int64(st, 4);
		copy_text(o->owner, sizeof o->owner, st, 5);
		pp_sqlite_totals(st, 6, &o->totals);
	}
	pp_sqlite_done(st);
	return rc < 0 ? -1 : n;
}

int
pp_sqlite_queue_length(struct pp_store *store, int64_t *queued,
    int64_t *running, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);

	if (pp_sqlite_int(s, err, queued,
		"SELECT count(*) FROM queue WHERE status = 'QUEUED'", "") < 0)
		return -1;
	return pp_sqlite_int(s, err, running,
		   "SELECT count(*) FROM queue WHERE status = 'RUNNING'",
		   "") < 0 ?
	    -1 :
	    0;
}

int
pp_sqlite_queue_head(struct pp_store *store, char *job_id, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);
	sqlite3_stmt *st = pp_sqlite_bind(s, err,
	    FIND_QUEUED("j.status IN ('QUEUED', 'RUNNING')"), "");
	int rc = st == NULL ? -1 : pp_sqlite_step(s, st, err);
	struct place p;

	if (rc == 1) {
		read_place(st, &p);
		memcpy(job_id, p.job_id, PP_ID_BYTES);
		pp_sqlite_done(st);
	}
	return rc;
}
