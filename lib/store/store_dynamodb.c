#include <config.h>

#include "store/store_dynamodb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define DEFAULT_PREFIX "plot-palette-"
#define FIRST_YIELD_US 2000
#define LONGEST_YIELD_US 500000

/* ---- keys ---- */

void
pp_ddb_put_queue_key(struct pp_buf *out, const char *partition,
    const char *sort)
{
	pp_ddb_put_text(out, "status", partition);
	pp_ddb_put_text(out, PP_DDB_SORT, sort);
}

char *
pp_ddb_job_prefix(const struct pp_ddb_place *p)
{
	return pp_asprintf("%d#%s#", 9 - p->priority, p->job_id);
}

char *
pp_ddb_sort(const struct pp_ddb_place *p, int shard)
{
	char time[PP_TIME_TEXT_BYTES];

	pp_time_format(p->created_at_ms, time);
	if (p->shards == 1)
		return pp_asprintf("%d#%s#%s", 9 - p->priority, p->job_id,
		    time);
	return pp_asprintf("%d#%s#%s#%05d", 9 - p->priority, p->job_id, time,
	    shard);
}

void
pp_ddb_put_entry_key(struct pp_buf *out, const char *partition,
    const struct pp_ddb_place *p, int shard)
{
	char *sort = pp_ddb_sort(p, shard);

	pp_ddb_put_queue_key(out, partition, sort);
	free(sort);
}

struct pp_ddb_query
pp_ddb_entries_query(const struct pp_store_dynamodb *s, const char *partition,
    const char *prefix)
{
	struct pp_ddb_query q = { .table = s->queue,
		.key = prefix == NULL ? "#status = :s" :
					"#status = :s AND begins_with("
					"#job_id__timestamp, :p)",
		.values = PP_BUF_INIT };

	pp_ddb_put_text(&q.values, ":s", partition);
	if (prefix != NULL)
		pp_ddb_put_text(&q.values, ":p", prefix);
	return q;
}

/* ---- totals ---- */

void
pp_ddb_put_totals(struct pp_buf *out, const struct pp_totals *t)
{
	pp_ddb_put_int(out, "records_generated", t->rows_done);
	pp_ddb_put_int(out, "records_failed", t->rows_failed);
	pp_ddb_put_int(out, "calls", t->calls);
	pp_ddb_put_int(out, "tokens_in", t->tokens_in);
	pp_ddb_put_int(out, "tokens_out", t->tokens_out);
	pp_ddb_put_int(out, "tokens_used", t->tokens_in + t->tokens_out);
	pp_ddb_put_money(out, "cost_estimate", t->settled_nusd);
	pp_ddb_put_money(out, "cost_unproven", t->unproven_nusd);
}

void
pp_ddb_get_totals(const struct pp_json *item, struct pp_totals *out)
{
	pp_ddb_int(item, "records_generated", &out->rows_done);
	pp_ddb_int(item, "records_failed", &out->rows_failed);
	pp_ddb_int(item, "calls", &out->calls);
	pp_ddb_int(item, "tokens_in", &out->tokens_in);
	pp_ddb_int(item, "tokens_out", &out->tokens_out);
	pp_ddb_money(item, "cost_estimate", &out->settled_nusd);
	pp_ddb_money(item, "cost_unproven", &out->unproven_nusd);
}

/* ---- jobs ---- */

static int
damaged(const char *table, const char *what, struct pp_error *err)
{
	return pp_error_set(err, PP_EDATA,
	    "damaged record in table %s: no valid '%s'", table, what);
}

static bool
get_time(const struct pp_json *item, const char *name, int64_t *ms)
{
	char text[PP_TIME_TEXT_BYTES];

	return pp_ddb_text(item, name, text, sizeof text) &&
	    pp_time_parse(text, ms, NULL) == 0;
}

static char *
text_of(const struct pp_json *item, const char *name)
{
	char *s = pp_ddb_strdup(item, name);

	return s != NULL ? s : pp_strdup("");
}

void
pp_ddb_job_release(struct pp_ddb_job *j)
{
	pp_job_release(&j->job);
}

int
pp_ddb_job_parse(const struct pp_json *item, struct pp_ddb_job *out,
    struct pp_error *err)
{
	struct pp_job *j = &out->job;
	char status[32];
	int64_t shards = 0, priority = 0;

	*out = (struct pp_ddb_job){ .queued = 0 };
	if (!pp_ddb_text(item, "job_id", j->job_id, sizeof j->job_id))
		return damaged("Jobs", "job_id", err);
	if (!pp_ddb_text(item, "status", status, sizeof status) ||
	    pp_job_status_parse(status, &j->status) < 0)
		return damaged("Jobs", "status", err);
	if (!pp_ddb_int(item, "shards", &shards) || shards < 1 ||
	    shards > PP_MAX_SHARDS ||
	    !pp_ddb_int(item, "priority", &priority) || priority < 0 ||
	    priority > 9)
		return damaged("Jobs", "shards", err);
	if (!get_time(item, "created_at", &j->created_at_ms))
		return damaged("Jobs", "created_at", err);
	get_time(item, "updated_at", &j->updated_at_ms);
	get_time(item, "started_at", &j->started_at_ms);
	get_time(item, "ended_at", &j->ended_at_ms);
	pp_ddb_bool(item, "cancel_requested", &j->cancel_requested);
	pp_ddb_bool(item, "paused", &j->paused);
	pp_ddb_int(item, "rows", &j->rows);
	j->shards = (int)shards;
	j->priority = (int)priority;
	if (!pp_ddb_money(item, "budget_limit", &j->budget_limit_nusd))
		j->budget_limit_nusd = PP_NO_LIMIT;
	j->user_id = text_of(item, "user_id");
	j->name = text_of(item, "name");
	j->reason = text_of(item, "reason");
	j->config = text_of(item, "config_text");
	pp_ddb_get_totals(item, &j->totals);
	pp_ddb_int(item, "shards_queued", &out->queued);
	pp_ddb_int(item, "shards_running", &out->running);
	pp_ddb_money(item, "granted", &out->granted_nusd);
	return 0;
}

int
pp_ddb_job_read(struct pp_store_dynamodb *s, const char *job_id,
    struct pp_ddb_job *out, struct pp_error *err)
{
	struct pp_buf key = PP_BUF_INIT;
	const struct pp_json *item;
	struct pp_ddb_reply r;
	int rc;

	*out = (struct pp_ddb_job){ .queued = 0 };
	if (*job_id == '\0')
		return 0; /* no key of DynamoDB is empty */
	pp_ddb_put_text(&key, "job_id", job_id);
	rc = pp_ddb_read(s->aws, s->jobs, &key, &r, &item, err);
	if (rc == 1 && pp_ddb_job_parse(item, out, err) < 0)
		rc = -1;
	pp_ddb_reply_release(&r);
	pp_buf_release(&key);
	return rc;
}

int
pp_ddb_find_place(struct pp_store_dynamodb *s, const char *job_id,
    struct pp_ddb_place *out, struct pp_error *err)
{
	struct pp_ddb_job j;
	int rc = 1;

	if (strcmp(s->place.job_id, job_id) != 0) {
		rc = pp_ddb_job_read(s, job_id, &j, err);
		if (rc == 1) {
			memcpy(s->place.job_id, j.job.job_id,
			    sizeof s->place.job_id);
			s->place.priority = j.job.priority;
			s->place.shards = j.job.shards;
			s->place.created_at_ms = j.job.created_at_ms;
		}
		pp_ddb_job_release(&j);
	}
	if (rc == 1)
		*out = s->place;
	return rc;
}

/* ---- entries ---- */

void
pp_ddb_entry_release(struct pp_ddb_entry *e)
{
	free(e->reason);
	e->reason = NULL;
}

static const char *
partition_named(const char *name)
{
	static const char *const names[] = { "QUEUED", "RUNNING", "COMPLETED" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(names[i], name) == 0)
			return names[i];
	}
	return NULL;
}

int
pp_ddb_entry_parse(const struct pp_json *item, struct pp_ddb_entry *out,
    struct pp_error *err)
{
	int64_t shard = 0, shards = 0, priority = 0;
	char status[32] = "", state[32] = "";

	*out = (struct pp_ddb_entry){ .shard = 0 };
	pp_ddb_text(item, "status", status, sizeof status);
	out->partition = partition_named(status);
	if (out->partition == NULL ||
	    !pp_ddb_text(item, "state", state, sizeof state) ||
	    pp_job_status_parse(state, &out->state) < 0)
		return damaged("Queue", "status", err);
	if (!pp_ddb_text(item, "job_id", out->place.job_id,
		sizeof out->place.job_id) ||
	    !get_time(item, "created_at", &out->place.created_at_ms) ||
	    !pp_ddb_int(item, "shard", &shard) ||
	    !pp_ddb_int(item, "shards", &shards) ||
	    !pp_ddb_int(item, "priority", &priority) ||
	    !pp_ddb_int(item, "epoch", &out->epoch) ||
	    !pp_ddb_int(item, "rev", &out->rev))
		return damaged("Queue", "epoch", err);
	out->shard = (int)shard;
	out->place.shards = (int)shards;
	out->place.priority = (int)priority;
	pp_ddb_bool(item, "paused", &out->paused);
	pp_ddb_text(item, "lease_owner", out->owner, sizeof out->owner);
	pp_ddb_text(item, "task_arn", out->task_arn, sizeof out->task_arn);
	pp_ddb_int(item, "lease_expires_at", &out->lease_expires_ms);
	pp_ddb_int(item, "seq", &out->seq);
	pp_ddb_money(item, "granted", &out->granted_nusd);
	pp_ddb_int(item, "give_backs", &out->give_backs);
	out->reason = text_of(item, "reason");
	pp_ddb_get_totals(item, &out->totals);
	return 0;
}

void
pp_ddb_put_entry(struct pp_buf *out, const struct pp_ddb_entry *e)
{
	char time[PP_TIME_TEXT_BYTES];

	pp_ddb_put_entry_key(out, e->partition, &e->place, e->shard);
	pp_ddb_put_text(out, "job_id", e->place.job_id);
	pp_ddb_put_text(out, "created_at",
	    pp_time_format(e->place.created_at_ms, time));
	pp_ddb_put_int(out, "priority", e->place.priority);
	pp_ddb_put_int(out, "shards", e->place.shards);
	pp_ddb_put_int(out, "shard", e->shard);
	pp_ddb_put_text(out, "state", pp_job_status_name(e->state));
	pp_ddb_put_bool(out, "paused", e->paused);
	pp_ddb_put_text(out, "lease_owner", e->owner);
	pp_ddb_put_text(out, "task_arn", e->task_arn);
	pp_ddb_put_int(out, "lease_expires_at", e->lease_expires_ms);
	pp_ddb_put_int(out, "epoch", e->epoch);
	pp_ddb_put_int(out, "seq", e->seq);
	pp_ddb_put_int(out, "rev", e->rev);
	pp_ddb_put_money(out, "granted", e->granted_nusd);
	pp_ddb_put_int(out, "give_backs", e->give_backs);
	pp_ddb_put_text(out, "reason", e->reason != NULL ? e->reason : "");
	pp_ddb_put_totals(out, &e->totals);
}

/* ---- parts of transactions ---- */

void
pp_ddb_add_move(struct pp_store_dynamodb *s, struct pp_ddb_transaction *t,
    const char *from, int64_t rev, const struct pp_ddb_entry *e)
{
	struct pp_ddb_action *w = pp_ddb_add(t, PP_DDB_DELETE, s->queue,
	    "#rev = :rev");

	pp_ddb_put_entry_key(&w->item, from, &e->place, e->shard);
	pp_ddb_put_int(&w->values, ":rev", rev);
	w = pp_ddb_add(t, PP_DDB_PUT, s->queue,
	    "attribute_not_exists(#status)");
	pp_ddb_put_entry(&w->item, e);
}

void
pp_ddb_add_running(struct pp_store_dynamodb *s, struct pp_ddb_transaction *t,
    int by, int max)
{
	struct pp_ddb_action *w = pp_ddb_add(t, PP_DDB_UPDATE, s->queue,
	    by > 0 ? "attribute_not_exists(#running) OR #running < :max" :
		     NULL);

	pp_ddb_put_queue_key(&w->item, "@counter", "running");
	pp_buf_adds(&w->update, "ADD #running :by");
	pp_ddb_put_int(&w->values, ":by", by);
	if (by > 0)
		pp_ddb_put_int(&w->values, ":max", max);
}

int
pp_ddb_yield(struct pp_store_dynamodb *s, int round, struct pp_error *err)
{
	int64_t most = FIRST_YIELD_US, us;
	struct timespec t;

	for (int i = 0; i < round && most < LONGEST_YIELD_US; i++)
		most *= 2;
	us = (int64_t)pp_rand_below(&s->rand, (uint64_t)most);
	t = (struct timespec){ us / 1000000, (us % 1000000) * 1000 };
	if (round >= PP_DDB_ROUNDS)
		return pp_error_set(err, PP_ETEMP,
		    "others write to the same records all the time");
	nanosleep(&t, NULL);
	return 0;
}

void
pp_ddb_put_document(struct pp_buf *out, const char *name, const char *text)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *v = pp_json_parse(&doc, text, strlen(text), 0,
	    NULL);
	char *as_text = pp_asprintf("%s_text", name);
	size_t before = out->len;

	if (v != NULL && pp_ddb_put_json(out, name, v, NULL) < 0)
		pp_buf_truncate(out, before);
	pp_ddb_put_text(out, as_text, text);
	free(as_text);
	pp_json_doc_release(&doc);
}

/* ---- ends ---- */

static int
gravity(enum pp_job_status s)
{
	switch (s) {
	case PP_JOB_CANCELLED: return 3;
	case PP_JOB_FAILED: return 2;
	case PP_JOB_BUDGET_EXCEEDED: return 1;
	case PP_JOB_QUEUED:
	case PP_JOB_RUNNING:
	case PP_JOB_COMPLETED:
	case PP_JOB_NSTATUS:
	default: return 0;
	}
}

void
pp_ddb_end_add(struct pp_ddb_end *end, enum pp_job_status status, int shard,
    const char *reason)
{
	int by = end->reason == NULL ? 1 :
				       gravity(status) - gravity(end->status);

	if (by < 0 || (by == 0 && shard > end->shard))
		return;
	free(end->reason);
	*end = (struct pp_ddb_end){ .status = status,
		.shard = shard,
		.reason = pp_strdup(reason != NULL ? reason : "") };
}

static int
add_end(void *arg, const struct pp_json *item, struct pp_error *err)
{
	struct pp_ddb_entry e;
	int rc = pp_ddb_entry_parse(item, &e, err);

	if (rc == 0)
		pp_ddb_end_add(arg, e.state, e.shard, e.reason);
	pp_ddb_entry_release(&e);
	return rc;
}

int
pp_ddb_find_end(struct pp_store_dynamodb *s, const struct pp_ddb_place *p,
    struct pp_ddb_end *out, struct pp_error *err)
{
	char *prefix = pp_ddb_job_prefix(p);
	struct pp_ddb_query q = pp_ddb_entries_query(s, "COMPLETED", prefix);
	int rc = pp_ddb_query(s->aws, &q, add_end, out, err);

	free(prefix);
	return rc;
}

/* ---- opening ---- */

static void
close_dynamodb(struct pp_store *store)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);

	pp_aws_free(s->aws);
	free(s->jobs);
	free(s->queue);
	free(s->templates);
	free(s->costs);
	free(s);
}

static const struct pp_store_ops dynamodb_ops = {
	.close = close_dynamodb,
	.job_add = pp_ddb_job_add,
	.job_get = pp_ddb_job_get,
	.job_list = pp_ddb_job_list,
	.job_cancel = pp_ddb_job_cancel,
	.job_resume = pp_ddb_job_resume,
	.job_delete = pp_ddb_job_delete,
	.claim = pp_ddb_claim,
	.claim_epoch = pp_ddb_claim_epoch,
	.renew = pp_ddb_renew,
	.release = pp_ddb_release,
	.finish = pp_ddb_finish,
	.grant = pp_ddb_grant,
	.progress = pp_ddb_progress,
	.shards = pp_ddb_shards,
	.queue_length = pp_ddb_queue_length,
	.queue_head = pp_ddb_queue_head,
	.costs_add = pp_ddb_costs_add,
	.cost_list = pp_ddb_cost_list,
	.template_add = pp_ddb_template_add,
	.template_get = pp_ddb_template_get,
	.template_list = pp_ddb_template_list,
	.template_versions = pp_ddb_template_versions,
	.template_delete = pp_ddb_template_delete,
};

/* What DynamoDB takes as the beginning of a table's name. */
static bool
is_prefix(const char *s)
{
	static const char bytes[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return strspn(s, bytes) == strlen(s) && strlen(s) <= 240;
}

/* What is in an archive cannot be read, and a home is read all the time. */
static int
check_class(struct pp_error *err)
{
	const char *class = pp_env("PP_S3_STORAGE_CLASS");

	if (class == NULL ||
	    (strcmp(class, "GLACIER") != 0 &&
		strcmp(class, "DEEP_ARCHIVE") != 0))
		return 0;
	return pp_error_set(err, PP_ECONFIG,
	    "PP_S3_STORAGE_CLASS cannot be %s for a home, of which nothing "
	    "could be read; the bucket's life cycle moves what is old",
	    class);
}

struct pp_store *
pp_store_open_aws(const char *bucket, struct pp_error *err)
{
	const char *prefix = getenv("PP_TABLE_PREFIX");
	struct pp_store_dynamodb *s;

	if (prefix == NULL)
		prefix = DEFAULT_PREFIX;
	if (!is_prefix(prefix)) {
		pp_error_set(err, PP_ECONFIG,
		    "PP_TABLE_PREFIX '%s' is no beginning of a table's name",
		    prefix);
		return NULL;
	}
	s = pp_calloc(1, sizeof *s);
	s->store.ops = &dynamodb_ops;
	pp_rand_seed_any(&s->rand);
	s->jobs = pp_asprintf("%sJobs", prefix);
	s->queue = pp_asprintf("%sQueue", prefix);
	s->templates = pp_asprintf("%sTemplates", prefix);
	s->costs = pp_asprintf("%sCostTracking", prefix);
	if (check_class(err) == 0)
		s->aws = pp_aws_new(NULL, NULL, NULL, err);
	if (s->aws != NULL)
		s->store.blobs = pp_blob_open_s3(s->aws, bucket, err);
	if (s->store.blobs != NULL)
		return &s->store;
	close_dynamodb(&s->store);
	return NULL;
}
