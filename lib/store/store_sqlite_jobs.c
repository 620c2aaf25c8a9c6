#include <config.h>

#include "store/store_sqlite.h"

#include <stdio.h>

#define JOB_COLUMNS \
	"job_id, user_id, name, status, cancel_requested, " \
	"paused, created_at, updated_at, started_at, ended_at, rows, " \
	"shards, priority, budget_limit, config, reason, " PP_SQLITE_TOTALS
#define FIRST_TOTAL 16

static int
read_job(sqlite3_stmt *st, struct pp_job *j, struct pp_error *err)
{
	*j = (struct pp_job){ .user_id = NULL };
	if (pp_sqlite_status(st, 3, &j->status, err) < 0)
		return -1;
	snprintf(j->job_id, sizeof j->job_id, "%s",
	    (const char *)sqlite3_column_text(st, 0));
	j->user_id = pp_sqlite_strdup(st, 1);
	j->name = pp_sqlite_strdup(st, 2);
	j->cancel_requested = sqlite3_column_int(st, 4) != 0;
	j->paused = sqlite3_column_int(st, 5) != 0;
	j->created_at_ms = sqlite3_column_int64(st, 6);
	j->updated_at_ms = sqlite3_column_int64(st, 7);
	j->started_at_ms = sqlite3_column_int64(st, 8);
	j->ended_at_ms = sqlite3_column_int64(st, 9);
	j->rows = sqlite3_column_int64(st, 10);
	j->shards = sqlite3_column_int(st, 11);
	j->priority = sqlite3_column_int(st, 12);
	j->budget_limit_nusd = sqlite3_column_int64(st, 13);
	j->config = pp_sqlite_strdup(st, 14);
	j->reason = pp_sqlite_strdup(st, 15);
	pp_sqlite_totals(st, FIRST_TOTAL, &j->totals);
	return 0;
}

/* ---- adding ---- */

/* 1 when the user's key names a job; its id goes to `existing`. */
static int
find_by_key(struct pp_sqlite *s, const struct pp_job *job, const char *key,
    char *existing, struct pp_error *err)
{
	sqlite3_stmt *st = pp_sqlite_bind(s, err,
	    "SELECT job_id FROM idempotency WHERE user_id = ? AND key = ?",
	    "tt", job->user_id, key);
	int rc = st == NULL ? -1 : pp_sqlite_step(s, st, err);

	if (rc != 1)
		return rc;
	if (existing != NULL)
		snprintf(existing, PP_ID_BYTES, "%s",
		    (const char *)sqlite3_column_text(st, 0));
	pp_sqlite_done(st);
	return 1;
}

static int
insert_job(struct pp_sqlite *s, const struct pp_job *j, struct pp_error *err)
{
	if (pp_sqlite_run(s, err,
		"INSERT INTO jobs (job_id, user_id, name, status, paused, "
		"created_at, updated_at, rows, shards, priority, budget_limit, "
		"config) VALUES (?, ?, ?, 'QUEUED', ?, ?, ?, ?, ?, ?, ?, ?)",
		"tttiiiiiiit", j->job_id, j->user_id,
		j->name != NULL ? j->name : "", (int64_t)j->paused,
		j->created_at_ms, j->created_at_ms, j->rows, (int64_t)j->shards,
		(int64_t)j->priority, j->budget_limit_nusd, j->config) < 0)
		return -1;
	return pp_sqlite_run(s, err,
	    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL "
	    "SELECT i + 1 FROM n WHERE i + 1 < ?2) "
	    "INSERT INTO queue (job_id, shard, status) "
	    "SELECT ?1, i, 'QUEUED' FROM n",
	    "ti", j->job_id, (int64_t)j->shards);
}

static int
add_job(struct pp_sqlite *s, const struct pp_job *j, const char *key,
    char *existing, struct pp_error *err)
{
	int64_t found;
	int rc;

	if (key != NULL) {
		rc = find_by_key(s, j, key, existing, err);
		if (rc != 0)
			return rc;
	}
	rc = pp_sqlite_int(s, err, &found,
	    "SELECT 1 FROM jobs WHERE job_id = ?", "t", j->job_id);
	if (rc == 1)
		return pp_error_set(err, PP_EEXIST, "job '%s' is there already",
		    j->job_id);
	if (rc < 0 || insert_job(s, j, err) < 0)
		return -1;
	if (key != NULL &&
	    pp_sqlite_run(s, err,
		"INSERT INTO idempotency (user_id, key, job_id) "
		"VALUES (?, ?, ?)",
		"ttt", j->user_id, key, j->job_id) < 0)
		return -1;
	return 0;
}

int
pp_sqlite_job_add(struct pp_store *store, const struct pp_job *job,
    const char *idempotency_key, char *existing, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);

	if (pp_sqlite_begin(s, err) < 0)
		return -1;
	return pp_sqlite_end(s, add_job(s, job, idempotency_key, existing, err),
	    err);
}

/* ---- looking ---- */

int
pp_sqlite_job_get(struct pp_store *store, const char *job_id,
    struct pp_job *out, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);
	sqlite3_stmt *st = pp_sqlite_bind(s, err,
	    "SELECT " JOB_COLUMNS " FROM jobs WHERE job_id = ?", "t", job_id);
	int rc = st == NULL ? -1 : pp_sqlite_step(s, st, err);

	if (rc == 0)
		return pp_store_no_job(job_id, err);
	if (rc == 1) {
		rc = read_job(st, out, err);
		pp_sqlite_done(st);
	}
	return rc;
}

/* Ids sort by creation, so the newest are the last. */
#define LIST_WHERE \
	"(?1 IS NULL OR job_id < ?1) AND created_at >= ?2 AND " \
	"(?3 IS NULL OR status = ?3) "
#define LIST_ORDER "ORDER BY job_id DESC LIMIT ?4"

static sqlite3_stmt *
list_statement(struct pp_sqlite *s, const struct pp_job_filter *f, int max,
    struct pp_error *err)
{
	const char *status = f->status < 0 ?
	    NULL :
	    pp_job_status_name((enum pp_job_status)f->status);

	if (f->user_id == NULL)
		return pp_sqlite_bind(s, err,
		    "SELECT " JOB_COLUMNS
		    " FROM jobs WHERE " LIST_WHERE LIST_ORDER,
		    "titi", f->before_id, f->since_ms, status, (int64_t)max);
	return pp_sqlite_bind(s, err,
	    "SELECT " JOB_COLUMNS " FROM jobs WHERE " LIST_WHERE
	    "AND user_id = ?5 " LIST_ORDER,
	    "titit", f->before_id, f->since_ms, status, (int64_t)max,
	    f->user_id);
}

int
pp_sqlite_job_list(struct pp_store *store, const struct pp_job_filter *f,
    struct pp_job *out, int max, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);
	sqlite3_stmt *st = list_statement(s, f, max, err);
	int n = 0, rc = st == NULL ? -1 : 1;

	while (rc == 1 && n < max) {
		rc = pp_sqlite_step(s, st, err);
		if (rc == 1 && read_job(st, &out[n], err) < 0)
			rc = -1;
		if (rc == 1)
			n++;
	}
	pp_sqlite_done(st);
	if (rc >= 0)
		return n;
	while (n > 0)
		pp_job_release(&out[--n]);
	return -1;
}

/* ---- changing ---- */

static int
get_status(struct pp_sqlite *s, const char *job_id, enum pp_job_status *out,
    struct pp_error *err)
{
	sqlite3_stmt *st = pp_sqlite_bind(s, err,
	    "SELECT status FROM jobs WHERE job_id = ?", "t", job_id);
	int rc = st == NULL ? -1 : pp_sqlite_step(s, st, err);

	if (rc == 0)
		return pp_store_no_job(job_id, err);
	if (rc == 1) {
		rc = pp_sqlite_status(st, 0, out, err);
		pp_sqlite_done(st);
	}
	return rc;
}

static int
cancel(struct pp_sqlite *s, const char *job_id, int64_t now_ms,
    struct pp_error *err)
{
	enum pp_job_status status = PP_JOB_QUEUED;

	if (get_status(s, job_id, &status, err) < 0)
		return -1;
	if (pp_job_status_is_final(status))
		return pp_store_has_ended(job_id, status, err);
	if (pp_sqlite_run(s, err,
		"UPDATE jobs SET cancel_requested = 1, updated_at = ?2 "
		"WHERE job_id = ?1",
		"ti", job_id, now_ms) < 0 ||
	    pp_sqlite_run(s, err,
		"UPDATE queue SET status = 'CANCELLED' "
		"WHERE job_id = ? AND status = 'QUEUED'",
		"t", job_id) < 0)
		return -1;
	return pp_sqlite_derive_status(s, job_id, "", now_ms, NULL, err);
}

int
pp_sqlite_job_cancel(struct pp_store *store, const char *job_id, int64_t now_ms,
    struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);

	if (pp_sqlite_begin(s, err) < 0)
		return -1;
	return pp_sqlite_end(s, cancel(s, job_id, now_ms, err), err);
}

/*
 * What counts against the new limit is what the shards were granted: once a
 * job has ended that is what they spent, and more only where a worker could
 * not tell.
 */
static int
set_limit(struct pp_sqlite *s, const char *job_id, int64_t limit_nusd,
    struct pp_error *err)
{
	int64_t spent = 0;

	if (pp_sqlite_int(s, err, &spent,
		"SELECT cost_estimate + cost_unproven FROM jobs "
		"WHERE job_id = ?",
		"t", job_id) < 0 ||
	    pp_store_check_limit(limit_nusd, spent, err) < 0)
		return -1;
	return pp_sqlite_run(s, err,
	    "UPDATE jobs SET granted = "
	    "(SELECT sum(granted) FROM queue WHERE job_id = ?1), "
	    "budget_limit = CASE WHEN ?2 = -2 THEN budget_limit ELSE ?2 END "
	    "WHERE job_id = ?1",
	    "ti", job_id, limit_nusd);
}

static int
resume(struct pp_sqlite *s, const char *job_id, int64_t limit_nusd, bool all,
    int64_t now_ms, struct pp_error *err)
{
	enum pp_job_status status = PP_JOB_QUEUED;
	int n;

	if (get_status(s, job_id, &status, err) < 0)
		return -1;
	if (!pp_job_status_is_final(status))
		return pp_store_not_final(job_id, err);
	n = pp_sqlite_run(s, err,
	    "UPDATE queue SET status = 'QUEUED', give_backs = 0, reason = '' "
	    "WHERE job_id = ?1 AND (?2 OR status <> 'COMPLETED')",
	    "ti", job_id, (int64_t)all);
	if (n == 0)
		return pp_store_has_ended(job_id, status, err);
	if (n < 0 || set_limit(s, job_id, limit_nusd, err) < 0)
		return -1;
	return pp_sqlite_run(s, err,
		   "UPDATE jobs SET status = 'QUEUED', cancel_requested = 0, "
		   "ended_at = 0, reason = '', updated_at = ?2 "
		   "WHERE job_id = ?1",
		   "ti", job_id, now_ms) < 0 ?
	    -1 :
	    0;
}

int
pp_sqlite_job_resume(struct pp_store *store, const char *job_id,
    int64_t budget_limit_nusd, bool all, int64_t now_ms, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);

	if (pp_sqlite_begin(s, err) < 0)
		return -1;
	return pp_sqlite_end(s,
	    resume(s, job_id, budget_limit_nusd, all, now_ms, err), err);
}

static int
delete_job(struct pp_sqlite *s, const char *job_id, struct pp_error *err)
{
	enum pp_job_status status = PP_JOB_QUEUED;

	if (get_status(s, job_id, &status, err) < 0)
		return -1;
	if (!pp_job_status_is_final(status))
		return pp_store_not_final(job_id, err);
	if (pp_sqlite_run(s, err, "DELETE FROM costs WHERE job_id = ?", "t",
		job_id) < 0)
		return -1;
	return pp_sqlite_run(s, err, "DELETE FROM jobs WHERE job_id = ?", "t",
		   job_id) < 0 ?
	    -1 :
	    0;
}

int
pp_sqlite_job_delete(struct pp_store *store, const char *job_id,
    struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);

	if (pp_sqlite_begin(s, err) < 0)
		return -1;
	return pp_sqlite_end(s, delete_job(s, job_id, err), err);
}
