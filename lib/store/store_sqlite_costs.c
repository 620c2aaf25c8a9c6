#include <config.h>

#include "store/store_sqlite.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define KEPT_SECONDS (INT64_C(90) * 86400)

/*
 * The time that a row's timestamp begins with, in seconds: a row's age is
 * counted by its own clock. Now, when it begins with none.
 */
static int64_t
seconds_of(const char *timestamp)
{
	size_t len = strcspn(timestamp, "#");
	char text[64];
	int64_t ms;

	snprintf(text, sizeof text, "%.*s", (int)(len < 63 ? len : 63),
	    timestamp);
	if (pp_time_parse(text, &ms, NULL) < 0)
		ms = pp_clock_wall_ms();
	return ms / 1000;
}

static int
add(struct pp_sqlite *s, const struct pp_cost *c, struct pp_error *err)
{
	int64_t now = seconds_of(c->timestamp);

	if (pp_sqlite_run(s, err,
		"INSERT OR REPLACE INTO costs (job_id, timestamp, model_id, "
		"tokens_in, tokens_out, compute_ms, s3_operations, "
		"estimated_cost, ttl) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"tttiiiiii", c->job_id, c->timestamp,
		c->model_id != NULL ? c->model_id : "", c->tokens_in,
		c->tokens_out, c->compute_ms, c->store_operations, c->cost_nusd,
		now + KEPT_SECONDS) < 0)
		return -1;
	return pp_sqlite_run(s, err, "DELETE FROM costs WHERE ttl < ?", "i",
		   now) < 0 ?
	    -1 :
	    0;
}

int
pp_sqlite_costs_add(struct pp_store *store, const struct pp_cost *c,
    size_t count, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);
	int rc = 0;

	if (pp_sqlite_begin(s, err) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = add(s, &c[i], err);
	return pp_sqlite_end(s, rc, err);
}

static void
read_cost(sqlite3_stmt *st, const char *job_id, struct pp_cost *c)
{
	*c = (struct pp_cost){
		.model_id = pp_sqlite_strdup(st, 1),
		.tokens_in = sqlite3_column_int64(st, 2),
		.tokens_out = sqlite3_column_int64(st, 3),
		.compute_ms = sqlite3_column_int64(st, 4),
		.store_operations = sqlite3_column_int64(st, 5),
		.cost_nusd = sqlite3_column_int64(st, 6),
	};
	snprintf(c->job_id, sizeof c->job_id, "%s", job_id);
	snprintf(c->timestamp, sizeof c->timestamp, "%s",
	    (const char *)sqlite3_column_text(st, 0));
}

int
pp_sqlite_cost_list(struct pp_store *store, const char *job_id,
    const char *after, struct pp_cost *out, int max, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);
	sqlite3_stmt *st = pp_sqlite_bind(s, err,
	    "SELECT timestamp, model_id, tokens_in, tokens_out, compute_ms, "
	    "s3_operations, estimated_cost FROM costs "
	    "WHERE job_id = ? AND timestamp > ? ORDER BY timestamp LIMIT ?",
	    "tti", job_id, after != NULL ? after : "", (int64_t)max);
	int n = 0, rc = st == NULL ? -1 : 1;

	while (n < max && rc == 1) {
		rc = pp_sqlite_step(s, st, err);
		if (rc == 1)
			read_cost(st, job_id, &out[n++]);
	}
	pp_sqlite_done(st);
	if (rc >= 0)
		return n;
	while (n > 0)
		pp_cost_release(&out[--n]);
	return -1;
}
