#include <config.h>

#include "store/store_dynamodb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define KEPT_SECONDS (INT64_C(90) * 86400)
#define MS_PER_HOUR INT64_C(3600000)

/* The time that a row's timestamp begins with, in seconds; else now. */
static int64_t
seconds_of(const char *timestamp)
{
	char *text = pp_strndup(timestamp, strcspn(timestamp, "#"));
	int64_t ms;

	if (pp_time_parse(text, &ms, NULL) < 0)
		ms = pp_clock_wall_ms();
	free(text);
	return ms / 1000;
}

/* Hours of a worker with nine places, as money has them. */
static int64_t
nano_hours(int64_t ms)
{
	return (int64_t)((__int128)ms * 1000000000 / MS_PER_HOUR);
}

static void
put_cost(struct pp_buf *out, const struct pp_cost *c)
{
	pp_ddb_put_text(out, "job_id", c->job_id);
	pp_ddb_put_text(out, "timestamp", c->timestamp);
	pp_ddb_put_text(out, "model_id",
	    c->model_id != NULL ? c->model_id : "");
	pp_ddb_put_int(out, "bedrock_tokens", c->tokens_in + c->tokens_out);
	pp_ddb_put_int(out, "tokens_in", c->tokens_in);
	pp_ddb_put_int(out, "tokens_out", c->tokens_out);
	pp_ddb_put_money(out, "fargate_hours", nano_hours(c->compute_ms));
	pp_ddb_put_int(out, "compute_ms", c->compute_ms);
	pp_ddb_put_int(out, "s3_operations", c->store_operations);
	pp_ddb_put_money(out, "estimated_cost", c->cost_nusd);
	pp_ddb_put_int(out, "ttl", seconds_of(c->timestamp) + KEPT_SECONDS);
}

/* Written again they are the same rows, so no condition and no token. */
int
pp_ddb_costs_add(struct pp_store *store, const struct pp_cost *c, size_t count,
    struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;

	for (size_t i = 0; i < count; i++)
		put_cost(&pp_ddb_add(&t, PP_DDB_PUT, s->costs, NULL)->item,
		    &c[i]);
	return pp_ddb_write_all(s->aws, &t, err);
}

struct listing {
	const char *job_id;
	struct pp_cost *out;
	int max, n;
};

static int
read_cost(void *arg, const struct pp_json *item, struct pp_error *err)
{
	struct listing *l = arg;
	struct pp_cost *c = &l->out[l->n];

	*c = (struct pp_cost){ .model_id = NULL };
	snprintf(c->job_id, sizeof c->job_id, "%s", l->job_id);
	if (!pp_ddb_text(item, "timestamp", c->timestamp,
		sizeof c->timestamp) ||
	    !pp_ddb_money(item, "estimated_cost", &c->cost_nusd))
		return pp_error_set(err, PP_EDATA,
		    "damaged record in table CostTracking of job '%s'",
		    l->job_id);
	pp_ddb_int(item, "tokens_in", &c->tokens_in);
	pp_ddb_int(item, "tokens_out", &c->tokens_out);
	pp_ddb_int(item, "compute_ms", &c->compute_ms);
	pp_ddb_int(item, "s3_operations", &c->store_operations);
	c->model_id = pp_ddb_strdup(item, "model_id");
	if (c->model_id == NULL)
		c->model_id = pp_strdup("");
	l->n++;
	return l->n == l->max;
}

static struct pp_ddb_query
rows_query(const struct pp_store_dynamodb *s, const char *job_id,
    const char *after)
{
	struct pp_ddb_query q = { .table = s->costs,
		.key = after == NULL || *after == '\0' ?
		    "#job_id = :j" :
		    "#job_id = :j AND #timestamp > :after",
		.values = PP_BUF_INIT };

	pp_ddb_put_text(&q.values, ":j", job_id);
	if (after != NULL && *after != '\0')
		pp_ddb_put_text(&q.values, ":after", after);
	return q;
}

int
pp_ddb_cost_list(struct pp_store *store, const char *job_id, const char *after,
    struct pp_cost *out, int max, struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct listing l = { .job_id = job_id, .out = out, .max = max };
	struct pp_ddb_query q;

	if (max <= 0 || *job_id == '\0')
		return 0;
	q = rows_query(s, job_id, after);
	q.page = max;
	if (pp_ddb_query(s->aws, &q, read_cost, &l, err) == 0)
		return l.n;
	while (l.n > 0)
		pp_cost_release(&out[--l.n]);
	return -1;
}

struct doomed {
	struct pp_store_dynamodb *s;
	const char *job_id;
	struct pp_ddb_transaction t;
};

static int
doom_row(void *arg, const struct pp_json *item, struct pp_error *err)
{
	struct doomed *d = arg;
	char *timestamp = pp_ddb_strdup(item, "timestamp");
	struct pp_ddb_action *w;

	if (timestamp == NULL)
		return pp_error_set(err, PP_EDATA,
		    "damaged record in table CostTracking of job '%s'",
		    d->job_id);
	w = pp_ddb_add(&d->t, PP_DDB_DELETE, d->s->costs, NULL);
	pp_ddb_put_text(&w->item, "job_id", d->job_id);
	pp_ddb_put_text(&w->item, "timestamp", timestamp);
	free(timestamp);
	return 0;
}

int
pp_ddb_costs_delete(struct pp_store_dynamodb *s, const char *job_id,
    struct pp_error *err)
{
	struct doomed d = {
		.s = s, .job_id = job_id, .t = PP_DDB_TRANSACTION_INIT
	};
	struct pp_ddb_query q = rows_query(s, job_id, NULL);
	int rc;

	q.fields = "#timestamp";
	rc = pp_ddb_query(s->aws, &q, doom_row, &d, err);
	if (rc == 0)
		rc = pp_ddb_write_all(s->aws, &d.t, err);
	pp_ddb_transaction_release(&d.t);
	return rc;
}
