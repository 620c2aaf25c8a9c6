#include <config.h>

#include "store/store_dynamodb.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/money.h"

/* Entries that are added or moved with their job in one transaction. */
#define MAX_TOGETHER 40
/* Entries put before their job is, at a time. */
#define ENTRIES_AT_ONCE 250

/* ---- adding ---- */

static void
put_job(struct pp_buf *out, const struct pp_job *j)
{
	char time[PP_TIME_TEXT_BYTES];

	pp_time_format(j->created_at_ms, time);
	pp_ddb_put_text(out, "job_id", j->job_id);
	pp_ddb_put_text(out, "user_id", j->user_id);
	pp_ddb_put_text(out, "name", j->name != NULL ? j->name : "");
	pp_ddb_put_text(out, "status", "QUEUED");
	pp_ddb_put_bool(out, "cancel_requested", false);
	pp_ddb_put_bool(out, "paused", j->paused);
	pp_ddb_put_text(out, "created_at", time);
	pp_ddb_put_text(out, "updated_at", time);
	pp_ddb_put_int(out, "rows", j->rows);
	pp_ddb_put_int(out, "shards", j->shards);
	pp_ddb_put_int(out, "shards_queued", j->shards);
	pp_ddb_put_int(out, "shards_running", 0);
	pp_ddb_put_int(out, "priority", j->priority);
	if (j->budget_limit_nusd != PP_NO_LIMIT)
		pp_ddb_put_money(out, "budget_limit", j->budget_limit_nusd);
	pp_ddb_put_money(out, "granted", 0);
	pp_ddb_put_document(out, "config", j->config);
	pp_ddb_put_text(out, "reason", "");
	pp_ddb_put_totals(out, &(struct pp_totals){ .calls = 0 });
}

/* The partition of the Queue table with a user's jobs; NULL: everybody's. */
static char *
jobs_partition(const char *user_id)
{
	return user_id == NULL ? pp_strdup("@jobs") :
				 pp_asprintf("@jobs#%s", user_id);
}

static void
put_job_key(struct pp_buf *out, const char *user_id, const char *job_id)
{
	char *partition = jobs_partition(user_id);

	pp_ddb_put_queue_key(out, partition, job_id);
	free(partition);
}

/* An idempotency key's item; any text becomes a key by its digest. */
static void
put_idempotency_key(struct pp_buf *out, const char *user_id, const char *key)
{
	char hex[PP_SHA256_HEX_BYTES];
	char *partition = pp_asprintf("@key#%s", user_id);

	assert(key != NULL);
	pp_ddb_put_queue_key(out, partition,
	    pp_sha256_hex(key, strlen(key), hex));
	free(partition);
}

static void
add_entries(struct pp_store_dynamodb *s, struct pp_ddb_transaction *t,
    const struct pp_job *j, int from, int count, const char *condition)
{
	struct pp_ddb_entry e = { .partition = "QUEUED",
		.state = PP_JOB_QUEUED,
		.paused = j->paused,
		.place = { .priority = j->priority,
		    .shards = j->shards,
		    .created_at_ms = j->created_at_ms } };

	memcpy(e.place.job_id, j->job_id, sizeof e.place.job_id);
	for (e.shard = from; e.shard < from + count; e.shard++)
		pp_ddb_put_entry(&pp_ddb_add(t, PP_DDB_PUT, s->queue, condition)
				      ->item,
		    &e);
}

/*
 * The entries of a job of many shards are there before the job: one that is
 * looked at too early has no job, and is passed over.
 */
static int
put_entries_first(struct pp_store_dynamodb *s, const struct pp_job *j,
    struct pp_error *err)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < j->shards; i += ENTRIES_AT_ONCE) {
		struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
		int n = j->shards - i;

		add_entries(s, &t, j, i,
		    n < ENTRIES_AT_ONCE ? n : ENTRIES_AT_ONCE, NULL);
		rc = pp_ddb_write_all(s->aws, &t, err);
	}
	return rc;
}

/* 1 and the job's id when the user has used the key; 0; -1. */
static int
find_by_key(struct pp_store_dynamodb *s, const struct pp_job *j,
    const char *key, char *existing, struct pp_error *err)
{
	struct pp_buf k = PP_BUF_INIT;
	const struct pp_json *item;
	struct pp_ddb_reply r;
	char id[PP_ID_BYTES] = "";
	int rc;

	put_idempotency_key(&k, j->user_id, key);
	rc = pp_ddb_read(s->aws, s->queue, &k, &r, &item, err);
	if (rc == 1 && pp_ddb_text(item, "job_id", id, sizeof id) &&
	    existing != NULL)
		memcpy(existing, id, PP_ID_BYTES);
	pp_ddb_reply_release(&r);
	pp_buf_release(&k);
	return rc;
}

static void
add_job_items(struct pp_store_dynamodb *s, struct pp_ddb_transaction *t,
    const struct pp_job *j, const char *key)
{
	const char *const users[] = { NULL, j->user_id };
	struct pp_ddb_action *w = pp_ddb_add(t, PP_DDB_PUT, s->jobs,
	    "attribute_not_exists(#job_id)");
	char hex[PP_SHA256_HEX_BYTES];

	put_job(&w->item, j);
	if (key != NULL)
		pp_ddb_put_text(&w->item, "idempotency_key",
		    pp_sha256_hex(key, strlen(key), hex));
	for (size_t i = 0; i < 2; i++) {
		w = pp_ddb_add(t, PP_DDB_PUT, s->queue, NULL);
		put_job_key(&w->item, users[i], j->job_id);
	}
	if (key != NULL) {
		w = pp_ddb_add(t, PP_DDB_PUT, s->queue,
		    "attribute_not_exists(#status)");
		put_idempotency_key(&w->item, j->user_id, key);
		pp_ddb_put_text(&w->item, "job_id", j->job_id);
	}
}

/* 0; 1: the key is taken; -1. */
static int
commit_job(struct pp_store_dynamodb *s, struct pp_ddb_transaction *t,
    const struct pp_job *j, struct pp_error *err)
{
	size_t failed = 0;
	int rc = pp_ddb_commit(s->aws, t, &failed, err);

	if (rc == 1 && failed == 0)
		return pp_error_set(err, PP_EEXIST, "job '%s' is there already",
		    j->job_id);
	return rc;
}

/* What was put for a job that is not to be. */
static void
remove_entries(struct pp_store_dynamodb *s, const struct pp_job *j)
{
	struct pp_ddb_place p = { .priority = j->priority,
		.shards = j->shards,
		.created_at_ms = j->created_at_ms };
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;

	memcpy(p.job_id, j->job_id, sizeof p.job_id);
	for (int i = 0; i < j->shards; i++)
		pp_ddb_put_entry_key(&pp_ddb_add(&t, PP_DDB_DELETE, s->queue,
					 NULL)
					  ->item,
		    "QUEUED", &p, i);
	pp_ddb_write_all(s->aws, &t, NULL);
}

int
pp_ddb_job_add(struct pp_store *store, const struct pp_job *job,
    const char *idempotency_key, char *existing, struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	bool many = job->shards > MAX_TOGETHER;
	int rc = 0;

	if (idempotency_key != NULL)
		rc = find_by_key(s, job, idempotency_key, existing, err);
	if (rc != 0)
		return rc;
	add_job_items(s, &t, job, idempotency_key);
	if (!many)
		add_entries(s, &t, job, 0, job->shards,
		    "attribute_not_exists(#status)");
	else if (put_entries_first(s, job, err) < 0) {
		pp_ddb_transaction_release(&t);
		return -1;
	}
	rc = commit_job(s, &t, job, err);
	if (rc != 0 && many && (rc == 1 || err->code != PP_EEXIST))
		remove_entries(s, job);
	if (rc == 1)
		rc = find_by_key(s, job, idempotency_key, existing, err);
	return rc;
}

/* ---- looking ---- */

int
pp_ddb_job_get(struct pp_store *store, const char *job_id, struct pp_job *out,
    struct pp_error *err)
{
	struct pp_ddb_job j;
	int rc = pp_ddb_job_read(pp_dynamodb_of(store), job_id, &j, err);

	if (rc == 1) {
		*out = j.job;
		return 0;
	}
	pp_ddb_job_release(&j);
	return rc < 0 ? -1 : pp_store_no_job(job_id, err);
}

/* A listing: pages of ids, newest first, and the jobs that they name. */
struct listing {
	struct pp_store_dynamodb *s;
	const struct pp_job_filter *filter;
	struct pp_job *out;
	int max, n;
	/* the page at hand, in the order of its ids */
	char ids[PP_DDB_MAX_ACTIONS][PP_ID_BYTES];
	struct pp_ddb_job jobs[PP_DDB_MAX_ACTIONS];
	bool there[PP_DDB_MAX_ACTIONS];
	size_t count;
};

static int
keep_job(void *arg, const struct pp_json *item, struct pp_error *err)
{
	struct listing *l = arg;
	struct pp_ddb_job j;

	if (pp_ddb_job_parse(item, &j, err) < 0) {
		pp_ddb_job_release(&j);
		return -1;
	}
	for (size_t i = 0; i < l->count; i++) {
		if (!l->there[i] && strcmp(l->ids[i], j.job.job_id) == 0) {
			l->jobs[i] = j;
			l->there[i] = true;
			return 0;
		}
	}
	pp_ddb_job_release(&j);
	return 0;
}

static bool
is_wanted(const struct pp_job_filter *f, const struct pp_job *j)
{
	return (f->user_id == NULL || strcmp(f->user_id, j->user_id) == 0) &&
	    (f->status < 0 || (enum pp_job_status)f->status == j->status) &&
	    j->created_at_ms >= f->since_ms;
}

static int
flush_page(struct listing *l, struct pp_error *err)
{
	struct pp_buf keys[PP_DDB_MAX_ACTIONS];
	int rc;

	for (size_t i = 0; i < l->count; i++) {
		pp_buf_init(&keys[i], 0);
		pp_ddb_put_text(&keys[i], "job_id", l->ids[i]);
		l->there[i] = false;
	}
	rc = pp_ddb_read_all(l->s->aws, l->s->jobs, keys, l->count, keep_job, l,
	    err);
	for (size_t i = 0; i < l->count; i++) {
		pp_buf_release(&keys[i]);
		if (!l->there[i])
			continue;
		if (rc == 0 && l->n < l->max &&
		    is_wanted(l->filter, &l->jobs[i].job))
			l->out[l->n++] = l->jobs[i].job;
		else
			pp_ddb_job_release(&l->jobs[i]);
	}
	l->count = 0;
	return rc;
}

static int
see_id(void *arg, const struct pp_json *item, struct pp_error *err)
{
	struct listing *l = arg;

	if (!pp_ddb_text(item, PP_DDB_SORT, l->ids[l->count], PP_ID_BYTES))
		return pp_error_set(err, PP_EDATA,
		    "damaged record in table Queue: no job's id");
	l->count++;
	if (l->count == PP_DDB_MAX_ACTIONS || (int)l->count >= l->max - l->n) {
		if (flush_page(l, err) < 0)
			return -1;
	}
	return l->n == l->max;
}

static struct pp_ddb_query
ids_query(const struct pp_store_dynamodb *s, const struct pp_job_filter *f)
{
	char *partition = jobs_partition(f->user_id);
	struct pp_ddb_query q = { .table = s->queue,
		.backward = true,
		.page = PP_DDB_MAX_ACTIONS,
		.key = f->before_id == NULL ?
		    "#status = :s" :
		    "#status = :s AND #job_id__timestamp < :before",
		.values = PP_BUF_INIT };

	pp_ddb_put_text(&q.values, ":s", partition);
	if (f->before_id != NULL)
		pp_ddb_put_text(&q.values, ":before", f->before_id);
	free(partition);
	return q;
}

int
pp_ddb_job_list(struct pp_store *store, const struct pp_job_filter *f,
    struct pp_job *out, int max, struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct listing *l = pp_calloc(1, sizeof *l);
	struct pp_job_filter filter = *f;
	struct pp_ddb_query q;
	int rc, n;

	if (filter.before_id != NULL && *filter.before_id == '\0')
		filter.before_id = NULL;
	q = ids_query(s, &filter);
	*l = (struct listing){ .s = s, .filter = f, .out = out, .max = max };
	rc = max <= 0 ? 0 : pp_ddb_query(s->aws, &q, see_id, l, err);
	if (rc == 0 && l->count > 0)
		rc = flush_page(l, err);
	n = l->n;
	while (rc < 0 && n > 0)
		pp_job_release(&out[--n]);
	free(l);
	return rc < 0 ? -1 : n;
}

/* ---- moving a job's entries ---- */

struct entries {
	struct pp_ddb_entry list[MAX_TOGETHER];
	size_t count, max;
	bool all;  /* also those that COMPLETED */
	bool more; /* there are more than these */
};

static int
keep_entry(void *arg, const struct pp_json *item, struct pp_error *err)
{
	struct entries *l = arg;
	struct pp_ddb_entry e;
	int rc = pp_ddb_entry_parse(item, &e, err);

	if (rc < 0 || (!l->all && e.state == PP_JOB_COMPLETED)) {
		pp_ddb_entry_release(&e);
		return rc;
	}
	if (l->count == l->max) {
		pp_ddb_entry_release(&e);
		l->more = true;
		return 1;
	}
	l->list[l->count++] = e;
	return 0;
}

static int
find_entries(struct pp_store_dynamodb *s, const char *partition,
    const struct pp_ddb_place *p, bool all, struct entries *out,
    struct pp_error *err)
{
	char *prefix = pp_ddb_job_prefix(p);
	struct pp_ddb_query q = pp_ddb_entries_query(s, partition, prefix);
	int rc;

	*out = (struct entries){ .max = MAX_TOGETHER, .all = all };
	rc = pp_ddb_query(s->aws, &q, keep_entry, out, err);
	free(prefix);
	return rc;
}

static void
release_entries(struct entries *l)
{
	for (size_t i = 0; i < l->count; i++)
		pp_ddb_entry_release(&l->list[i]);
	l->count = 0;
}

static struct pp_ddb_place
place_of(const struct pp_job *j)
{
	struct pp_ddb_place p = { .priority = j->priority,
		.shards = j->shards,
		.created_at_ms = j->created_at_ms };

	memcpy(p.job_id, j->job_id, sizeof p.job_id);
	return p;
}

static void
put_time(struct pp_buf *values, const char *name, int64_t ms)
{
	char time[PP_TIME_TEXT_BYTES];

	pp_ddb_put_text(values, name, pp_time_format(ms, time));
}

/* ---- cancelling ---- */

/* 0; 1: the job has ended or there is none. */
static int
request_cancel(struct pp_store_dynamodb *s, const char *job_id, int64_t now_ms,
    struct pp_error *err)
{
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	struct pp_ddb_action *w = pp_ddb_add(&t, PP_DDB_UPDATE, s->jobs,
	    "#status = :q OR #status = :r");

	pp_ddb_put_text(&w->item, "job_id", job_id);
	pp_buf_adds(&w->update,
	    "SET #cancel_requested = :yes, #updated_at = :now");
	pp_ddb_put_text(&w->values, ":q", "QUEUED");
	pp_ddb_put_text(&w->values, ":r", "RUNNING");
	pp_ddb_put_bool(&w->values, ":yes", true);
	put_time(&w->values, ":now", now_ms);
	return pp_ddb_commit(s->aws, &t, NULL, err);
}

/* The job's part when some of its queued entries end. */
static int
add_cancelled(struct pp_store_dynamodb *s, struct pp_ddb_transaction *t,
    const struct pp_ddb_job *j, size_t count, int64_t now_ms,
    struct pp_error *err)
{
	bool last = j->running == 0 && j->queued <= (int64_t)count;
	struct pp_ddb_place p = place_of(&j->job);
	struct pp_ddb_end end = { .reason = NULL };
	struct pp_ddb_action *w = pp_ddb_add(t, PP_DDB_UPDATE, s->jobs,
	    "#shards_queued = :q AND #shards_running = :r AND "
	    "#cancel_requested = :yes");

	pp_ddb_put_text(&w->item, "job_id", p.job_id);
	pp_ddb_put_int(&w->values, ":q", j->queued);
	pp_ddb_put_int(&w->values, ":r", j->running);
	pp_ddb_put_bool(&w->values, ":yes", true);
	pp_ddb_put_int(&w->values, ":left", j->queued - (int64_t)count);
	put_time(&w->values, ":now", now_ms);
	pp_buf_adds(&w->update,
	    "SET #shards_queued = :left, #updated_at = :now");
	if (!last)
		return 0;
	if (pp_ddb_find_end(s, &p, &end, err) < 0)
		return -1;
	pp_ddb_end_add(&end, PP_JOB_CANCELLED, PP_MAX_SHARDS, "");
	pp_buf_adds(&w->update,
	    ", #status = :end, #reason = :reason, #ended_at = :now");
	pp_ddb_put_text(&w->values, ":end", pp_job_status_name(end.status));
	pp_ddb_put_text(&w->values, ":reason", end.reason);
	free(end.reason);
	return 0;
}

/* 0, also when somebody else was faster; -1. */
static int
cancel_entries(struct pp_store_dynamodb *s, const struct pp_ddb_job *j,
    struct entries *l, int64_t now_ms, struct pp_error *err)
{
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	int rc = add_cancelled(s, &t, j, l->count, now_ms, err);

	for (size_t i = 0; i < l->count; i++) {
		struct pp_ddb_entry *e = &l->list[i];
		int64_t rev = e->rev++;

		e->partition = "COMPLETED";
		e->state = PP_JOB_CANCELLED;
		pp_ddb_add_move(s, &t, "QUEUED", rev, e);
	}
	if (rc == 0 && pp_ddb_commit(s->aws, &t, NULL, err) < 0)
		rc = -1;
	pp_ddb_transaction_release(&t);
	return rc;
}

/* Some of the queued entries end. 0: there are no more; 1: again; -1. */
static int
cancel_some(struct pp_store_dynamodb *s, const char *job_id, int64_t now_ms,
    struct pp_error *err)
{
	struct entries l = { .count = 0 };
	struct pp_ddb_place p;
	struct pp_ddb_job j;
	int rc = pp_ddb_job_read(s, job_id, &j, err);

	if (rc == 1 && j.job.cancel_requested && j.queued > 0) {
		p = place_of(&j.job);
		rc = find_entries(s, "QUEUED", &p, true, &l, err);
		if (rc == 0 && l.count > 0)
			rc = cancel_entries(s, &j, &l, now_ms, err);
		rc = rc < 0 ? -1 : 1;
	} else if (rc == 1) {
		rc = 0;
	}
	release_entries(&l);
	pp_ddb_job_release(&j);
	return rc;
}

/*
 * First the wish, which keeps workers from taking what is queued; then the
 * queued entries, some at a time. Asking again goes on where that was cut
 * short.
 */
int
pp_ddb_job_cancel(struct pp_store *store, const char *job_id, int64_t now_ms,
    struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct pp_ddb_job j;
	int rc = request_cancel(s, job_id, now_ms, err);

	if (rc == 1) {
		rc = pp_ddb_job_read(s, job_id, &j, err);
		if (rc == 0)
			pp_store_no_job(job_id, err);
		else if (rc == 1)
			pp_store_has_ended(job_id, j.job.status, err);
		pp_ddb_job_release(&j);
		return -1;
	}
	if (rc == 0)
		rc = 1;
	for (int round = 0; rc == 1; round++) {
		if (round > 0 &&
		    pp_ddb_yield(s, round % PP_DDB_ROUNDS, err) < 0)
			return -1;
		rc = cancel_some(s, job_id, now_ms, err);
	}
	return rc;
}

/* ---- resuming ---- */

/*
 * What counts against the new limit is what the shards were granted: once a
 * job has ended that is what they spent, and more only where a worker could
 * not tell. The job's own sum stands still while there is no limit.
 */
static int
sum_granted(struct pp_store_dynamodb *s, const struct pp_job *job, int64_t *out,
    struct pp_error *err)
{
	struct pp_shard *all = pp_calloc((size_t)job->shards, sizeof *all);
	int n = pp_ddb_shards(&s->store, job->job_id, 0, all, job->shards, err);

	*out = 0;
	for (int i = 0; i < n; i++)
		*out = pp_money_add(*out, all[i].granted_nusd);
	free(all);
	if (n >= 0 && n < job->shards)
		return pp_error_set(err, PP_EDATA,
		    "job %s: %d of its %d shards are in the queue's table",
		    job->job_id, n, job->shards);
	return n < 0 ? -1 : 0;
}

/* The job's part of a resume, with the last of its entries. */
static void
add_resumed(struct pp_store_dynamodb *s, struct pp_ddb_transaction *t,
    const struct pp_ddb_job *j, int64_t limit_nusd, int64_t granted_nusd,
    int64_t queued, int64_t now_ms)
{
	struct pp_ddb_action *w = pp_ddb_add(t, PP_DDB_UPDATE, s->jobs,
	    "#status = :was AND #updated_at = :before AND "
	    "attribute_not_exists(#deleting)");

	pp_ddb_put_text(&w->item, "job_id", j->job.job_id);
	pp_ddb_put_text(&w->values, ":was", pp_job_status_name(j->job.status));
	put_time(&w->values, ":before", j->job.updated_at_ms);
	pp_buf_adds(&w->update,
	    "SET #status = :queued, #cancel_requested = :no, "
	    "#reason = :none, #updated_at = :now, #granted = :granted, "
	    "#shards_queued = :n, #shards_running = :zero");
	pp_ddb_put_text(&w->values, ":queued", "QUEUED");
	pp_ddb_put_bool(&w->values, ":no", false);
	pp_ddb_put_text(&w->values, ":none", "");
	put_time(&w->values, ":now", now_ms);
	pp_ddb_put_money(&w->values, ":granted", granted_nusd);
	pp_ddb_put_int(&w->values, ":n", queued);
	pp_ddb_put_int(&w->values, ":zero", 0);
	if (limit_nusd >= 0) {
		pp_buf_adds(&w->update, ", #budget_limit = :limit");
		pp_ddb_put_money(&w->values, ":limit", limit_nusd);
	}
	pp_buf_adds(&w->update,
	    limit_nusd == PP_NO_LIMIT ? " REMOVE #ended_at, #budget_limit" :
					" REMOVE #ended_at");
}

static void
add_requeued(struct pp_store_dynamodb *s, struct pp_ddb_transaction *t,
    struct entries *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct pp_ddb_entry *e = &l->list[i];
		int64_t rev = e->rev++;

		e->partition = "QUEUED";
		e->state = PP_JOB_QUEUED;
		e->give_backs = 0;
		free(e->reason);
		e->reason = NULL;
		pp_ddb_add_move(s, t, "COMPLETED", rev, e);
	}
}

/*
 * Some entries back to the queue, the last ones together with the job; until
 * then nobody may take them, as the job has ended. 0: done; 1: again; -1.
 */
static int
resume_some(struct pp_store_dynamodb *s, const char *job_id, int64_t limit_nusd,
    bool all, int64_t now_ms, struct pp_error *err)
{
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	struct entries l = { .count = 0 };
	struct pp_ddb_place p;
	struct pp_ddb_query q;
	struct pp_ddb_job j;
	int64_t queued = 0, granted = 0;
	char *prefix;
	int rc = pp_ddb_job_read(s, job_id, &j, err);

	if (rc == 0)
		rc = pp_store_no_job(job_id, err);
	if (rc == 1 && !pp_job_status_is_final(j.job.status))
		rc = pp_store_not_final(job_id, err);
	if (rc < 0 ||
	    pp_store_check_limit(limit_nusd,
		j.job.totals.settled_nusd + j.job.totals.unproven_nusd,
		err) < 0) {
		rc = -1;
		goto out;
	}
	p = place_of(&j.job);
	prefix = pp_ddb_job_prefix(&p);
	q = pp_ddb_entries_query(s, "QUEUED", prefix);
	free(prefix);
	if (pp_ddb_count(s->aws, &q, &queued, err) < 0 ||
	    find_entries(s, "COMPLETED", &p, all, &l, err) < 0) {
		rc = -1;
		goto out;
	}
	if (l.count == 0 && queued == 0) {
		rc = pp_store_has_ended(job_id, j.job.status, err);
		goto out;
	}
	add_requeued(s, &t, &l);
	if (!l.more) {
		rc = sum_granted(s, &j.job, &granted, err);
		if (rc < 0)
			goto out;
		add_resumed(s, &t, &j, limit_nusd, granted,
		    queued + (int64_t)l.count, now_ms);
	}
	rc = pp_ddb_commit(s->aws, &t, NULL, err);
	if (rc == 0 && l.more)
		rc = 1;
out:
	release_entries(&l);
	pp_ddb_transaction_release(&t);
	pp_ddb_job_release(&j);
	return rc;
}

int
pp_ddb_job_resume(struct pp_store *store, const char *job_id,
    int64_t budget_limit_nusd, bool all, int64_t now_ms, struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	int rc = 1;

	for (int round = 0; rc == 1; round++) {
		if (round > 0 &&
		    pp_ddb_yield(s, round % PP_DDB_ROUNDS, err) < 0)
			return -1;
		rc = resume_some(s, job_id, budget_limit_nusd, all, now_ms,
		    err);
	}
	return rc;
}

/* ---- deleting ---- */

/* From now on nobody resumes it. 0; 1: it is not final, or there is none. */
static int
mark_deleting(struct pp_store_dynamodb *s, const char *job_id,
    struct pp_error *err)
{
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	struct pp_ddb_action *w = pp_ddb_add(&t, PP_DDB_UPDATE, s->jobs,
	    "attribute_exists(#job_id) AND NOT #status IN (:q, :r)");

	pp_ddb_put_text(&w->item, "job_id", job_id);
	pp_buf_adds(&w->update, "SET #deleting = :yes");
	pp_ddb_put_text(&w->values, ":q", "QUEUED");
	pp_ddb_put_text(&w->values, ":r", "RUNNING");
	pp_ddb_put_bool(&w->values, ":yes", true);
	return pp_ddb_commit(s->aws, &t, NULL, err);
}

struct doomed {
	struct pp_store_dynamodb *s;
	struct pp_ddb_transaction t;
};

static int
doom_entry(void *arg, const struct pp_json *item, struct pp_error *err)
{
	struct doomed *d = arg;
	struct pp_ddb_entry e;

	if (pp_ddb_entry_parse(item, &e, err) < 0)
		return -1;
	pp_ddb_put_entry_key(&pp_ddb_add(&d->t, PP_DDB_DELETE, d->s->queue,
				 NULL)
				  ->item,
	    e.partition, &e.place, e.shard);
	pp_ddb_entry_release(&e);
	return 0;
}

static int
delete_entries(struct pp_store_dynamodb *s, const struct pp_ddb_place *p,
    struct pp_error *err)
{
	static const char *const partitions[] = { "QUEUED", "COMPLETED" };
	struct doomed d = { .s = s, .t = PP_DDB_TRANSACTION_INIT };
	char *prefix = pp_ddb_job_prefix(p);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < 2; i++) {
		struct pp_ddb_query q = pp_ddb_entries_query(s, partitions[i],
		    prefix);

		rc = pp_ddb_query(s->aws, &q, doom_entry, &d, err);
	}
	if (rc == 0)
		rc = pp_ddb_write_all(s->aws, &d.t, err);
	pp_ddb_transaction_release(&d.t);
	free(prefix);
	return rc;
}

/* What names it goes last, so that a delete that was cut short can go on. */
static int
delete_names(struct pp_store_dynamodb *s, const struct pp_job *j,
    const char *key, struct pp_error *err)
{
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	const char *const users[] = { NULL, j->user_id };
	char *keys = pp_asprintf("@key#%s", j->user_id);

	pp_ddb_put_text(&pp_ddb_add(&t, PP_DDB_DELETE, s->jobs, NULL)->item,
	    "job_id", j->job_id);
	for (size_t i = 0; i < 2; i++)
		put_job_key(&pp_ddb_add(&t, PP_DDB_DELETE, s->queue, NULL)
				 ->item,
		    users[i], j->job_id);
	if (key != NULL)
		pp_ddb_put_queue_key(&pp_ddb_add(&t, PP_DDB_DELETE, s->queue,
					 NULL)
					  ->item,
		    keys, key);
	free(keys);
	return pp_ddb_commit(s->aws, &t, NULL, err);
}

/* The job with the digest of its idempotency key (owned, or NULL). */
static int
read_with_key(struct pp_store_dynamodb *s, const char *job_id,
    struct pp_ddb_job *j, char **key, struct pp_error *err)
{
	struct pp_buf k = PP_BUF_INIT;
	const struct pp_json *item;
	struct pp_ddb_reply r;
	int rc;

	*j = (struct pp_ddb_job){ .queued = 0 };
	*key = NULL;
	pp_ddb_put_text(&k, "job_id", job_id);
	rc = pp_ddb_read(s->aws, s->jobs, &k, &r, &item, err);
	if (rc == 1) {
		*key = pp_ddb_strdup(item, "idempotency_key");
		if (pp_ddb_job_parse(item, j, err) < 0)
			rc = -1;
	}
	pp_ddb_reply_release(&r);
	pp_buf_release(&k);
	return rc;
}

int
pp_ddb_job_delete(struct pp_store *store, const char *job_id,
    struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct pp_ddb_place p;
	struct pp_ddb_job j;
	char *key;
	int marked = mark_deleting(s, job_id, err);
	int rc = marked < 0 ? -1 : read_with_key(s, job_id, &j, &key, err);

	if (marked < 0)
		return -1;
	if (rc == 0)
		rc = pp_store_no_job(job_id, err);
	else if (rc == 1 && marked == 1)
		rc = pp_store_not_final(job_id, err);
	else if (rc == 1) {
		p = place_of(&j.job);
		rc = pp_ddb_costs_delete(s, job_id, err) < 0 ||
			delete_entries(s, &p, err) < 0 ||
			delete_names(s, &j.job, key, err) < 0 ?
		    -1 :
		    0;
	}
	free(key);
	pp_ddb_job_release(&j);
	return rc;
}
