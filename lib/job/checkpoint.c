#include <config.h>

#include "job/checkpoint.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/money.h"
#include "job/batch.h"
#include "template/recipe.h"

/*
 * What a damaged or hostile checkpoint may make us allocate: more than
 * thousands of rows under way need, each with all that its steps answered.
 */
#define MAX_BYTES ((size_t)2 << 30)

char *
pp_checkpoint_key(const char *job_id, int shards, int shard)
{
	if (shards > 1)
		return pp_asprintf("jobs/%s/checkpoint-%05d.json", job_id,
		    shard);
	return pp_asprintf("jobs/%s/checkpoint.json", job_id);
}

void
pp_checkpoint_drop_costs(struct pp_checkpoint *cp)
{
	for (size_t i = 0; i < cp->cost_count; i++)
		pp_cost_release(&cp->costs[i]);
	free(cp->costs);
	cp->costs = NULL;
	cp->cost_count = 0;
}

void
pp_checkpoint_release(struct pp_checkpoint *cp)
{
	for (size_t i = 0; i < cp->open_count; i++)
		pp_row_free(cp->open[i]);
	free(cp->open);
	free(cp->attempts);
	free(cp->done);
	pp_checkpoint_drop_costs(cp);
	pp_ledger_release(&cp->closed);
	memset(cp, 0, sizeof *cp);
}

/* ---- rows done ---- */

/* The first span that ends after `row`. */
static size_t
span_after(const struct pp_checkpoint *cp, int64_t row)
{
	size_t low = 0, high = cp->done_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (cp->done[middle].end > row)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

bool
pp_checkpoint_has_row(const struct pp_checkpoint *cp, int64_t row)
{
	size_t i;

	if (row < cp->low_water)
		return true;
	i = span_after(cp, row);
	return i < cp->done_count && cp->done[i].first <= row;
}

static void
remove_span(struct pp_checkpoint *cp, size_t i)
{
	memmove(cp->done + i, cp->done + i + 1,
	    (cp->done_count - i - 1) * sizeof *cp->done);
	cp->done_count--;
}

void
pp_checkpoint_mark_row(struct pp_checkpoint *cp, int64_t row)
{
	size_t i = span_after(cp, row);
	bool joins_before = i > 0 && cp->done[i - 1].end == row;
	bool joins_after = i < cp->done_count && cp->done[i].first == row + 1;

	assert(!pp_checkpoint_has_row(cp, row));
	if (joins_before && joins_after) {
		cp->done[i - 1].end = cp->done[i].end;
		remove_span(cp, i);
	} else if (joins_before) {
		cp->done[i - 1].end++;
	} else if (joins_after) {
		cp->done[i].first--;
	} else {
		cp->done = pp_grow(cp->done, cp->done_count, &cp->done_cap,
		    sizeof *cp->done);
		memmove(cp->done + i + 1, cp->done + i,
		    (cp->done_count - i) * sizeof *cp->done);
		cp->done[i] = (struct pp_span){ row, row + 1 };
		cp->done_count++;
	}
	if (cp->done[0].first == cp->low_water) {
		cp->low_water = cp->done[0].end;
		remove_span(cp, 0);
	}
}

void
pp_row_add_totals(const struct pp_row *r, struct pp_totals *out)
{
	for (size_t i = 0; i < r->step_count; i++) {
		const struct pp_usage *u = &r->steps[i].usage;

		out->calls += r->steps[i].attempts;
		out->tokens_in = pp_money_add(out->tokens_in,
		    pp_money_add(u->tokens_in,
			pp_money_add(u->cache_read, u->cache_write)));
		out->tokens_out = pp_money_add(out->tokens_out, u->tokens_out);
	}
	out->settled_nusd = pp_money_add(out->settled_nusd, pp_row_cost(r));
	out->unproven_nusd = pp_money_add(out->unproven_nusd,
	    pp_row_unproven(r));
}

void
pp_checkpoint_totals(const struct pp_checkpoint *cp, struct pp_totals *out)
{
	pp_ledger_totals(&cp->closed, out);
	for (size_t i = 0; i < cp->open_count; i++)
		pp_row_add_totals(cp->open[i], out);
}

/* ---- writing ---- */

/* The members that the original design named, for people and their scripts. */
static void
put_summary(const struct pp_checkpoint *cp, struct pp_buf *out)
{
	char time[PP_TIME_TEXT_BYTES];
	struct pp_totals t;

	pp_checkpoint_totals(cp, &t);
	pp_json_member_str(out, "job_id", cp->job_id);
	pp_json_member_int(out, "records_generated", t.rows_done);
	pp_json_member_int(out, "records_failed", t.rows_failed);
	pp_json_member_int(out, "current_batch", cp->last_batch);
	pp_json_member_int(out, "tokens_used", t.tokens_in + t.tokens_out);
	pp_json_member_money(out, "cost_accumulated", t.settled_nusd);
	pp_json_member_money(out, "cost_unproven", t.unproven_nusd);
	pp_json_member_str(out, "last_updated",
	    pp_time_format(cp->last_updated_ms, time));
	pp_json_put_key(out, "resume_state");
	pp_buf_addc(out, '{');
	pp_json_member_int(out, "seed_data_index", cp->low_water);
	pp_json_member_int(out, "template_step",
	    cp->open_count > 0 ? (int64_t)cp->open[0]->at : 0);
	pp_buf_addc(out, '}');
}

static void
put_attempts(const struct pp_checkpoint *cp, struct pp_buf *out)
{
	pp_json_put_key(out, "attempts");
	pp_buf_addc(out, '[');
	for (size_t i = 0; i < cp->attempt_count; i++) {
		const struct pp_open_attempt *a = &cp->attempts[i];

		pp_buf_adds(out, i > 0 ? ",{" : "{");
		pp_json_member_str(out, "id", a->id);
		pp_json_member_int(out, "row", a->row);
		pp_json_member_int(out, "step", (int64_t)a->step);
		pp_json_member_money(out, "reserved", a->reserved_nusd);
		pp_buf_addc(out, '}');
	}
	pp_buf_addc(out, ']');
}

static void
put_costs(const struct pp_checkpoint *cp, struct pp_buf *out)
{
	pp_json_put_key(out, "costs");
	pp_buf_addc(out, '[');
	for (size_t i = 0; i < cp->cost_count; i++) {
		const struct pp_cost *c = &cp->costs[i];

		pp_buf_adds(out, i > 0 ? ",{" : "{");
		pp_json_member_str(out, "timestamp", c->timestamp);
		pp_json_member_str(out, "model", c->model_id);
		pp_json_member_int(out, "tokens_in", c->tokens_in);
		pp_json_member_int(out, "tokens_out", c->tokens_out);
		pp_json_member_money(out, "cost", c->cost_nusd);
		pp_json_member_int(out, "compute_ms", c->compute_ms);
		pp_json_member_int(out, "store_operations",
		    c->store_operations);
		pp_buf_addc(out, '}');
	}
	pp_buf_addc(out, ']');
}

void
pp_checkpoint_put_json(const struct pp_checkpoint *cp, struct pp_buf *out)
{
	pp_buf_addc(out, '{');
	put_summary(cp, out);
	pp_json_member_int(out, "shard", cp->shard);
	pp_json_member_int(out, "epoch", cp->epoch);
	pp_json_member_str(out, "writer", cp->writer);
	pp_json_member_int(out, "number", cp->number);
	pp_json_member_str(out, "last_batch_sha256", cp->last_batch_sha);
	pp_json_member_int(out, "journal_generation", cp->journal_generation);
	pp_json_member_int(out, "compute_ms", cp->compute_ms);
	pp_json_member_money(out, "compute_cost", cp->compute_nusd);
	pp_json_member_int(out, "untold_ms", cp->untold_ms);
	pp_json_member_money(out, "untold_cost", cp->untold_nusd);
	pp_json_member_int(out, "untold_operations", cp->untold_operations);
	pp_json_put_key(out, "ended");
	pp_tally_put_json(&cp->ended, out);
	pp_json_put_key(out, "done");
	pp_buf_addc(out, '[');
	for (size_t i = 0; i < cp->done_count; i++)
		pp_buf_addf(out, "%s[%lld,%lld]", i > 0 ? "," : "",
		    (long long)cp->done[i].first, (long long)cp->done[i].end);
	pp_buf_addc(out, ']');
	pp_json_put_key(out, "ledger");
	pp_ledger_put_json(&cp->closed, out);
	put_costs(cp, out);
	put_attempts(cp, out);
	pp_json_put_key(out, "open");
	pp_buf_addc(out, '[');
	for (size_t i = 0; i < cp->open_count; i++) {
		if (i > 0)
			pp_buf_addc(out, ',');
		pp_row_put_open(cp->open[i], out);
	}
	pp_buf_adds(out, "]}\n");
}

void
pp_checkpoint_advance(struct pp_checkpoint *cp)
{
	cp->last_updated_ms = pp_clock_wall_ms();
	cp->number++;
}

int
pp_checkpoint_save(struct pp_blob *blobs, int shards, struct pp_checkpoint *cp,
    struct pp_error *err)
{
	char *key = pp_checkpoint_key(cp->job_id, shards, cp->shard);
	struct pp_buf text = PP_BUF_INIT;
	char etag[PP_ETAG_BYTES];
	int rc;

	pp_checkpoint_put_json(cp, &text);
	rc = pp_blob_put(blobs, key, text.data, text.len,
	    cp->etag[0] != '\0' ? PP_BLOB_IF_MATCH : PP_BLOB_IF_NONE,
	    cp->etag[0] != '\0' ? cp->etag : NULL, etag, err);
	if (rc == 0)
		memcpy(cp->etag, etag, sizeof cp->etag);
	else
		pp_error_wrap(err, "cannot save checkpoint '%s'", key);
	pp_buf_release(&text);
	free(key);
	return rc;
}

/* ---- reading ---- */

static const struct pp_json *
get_array(const struct pp_json *v, const char *key)
{
	const struct pp_json *a = pp_json_get(v, key);

	return a != NULL && a->type == PP_JSON_ARRAY ? a : NULL;
}

static bool
read_spans(const struct pp_json *v, struct pp_checkpoint *cp)
{
	const struct pp_json *a = get_array(v, "done"), *item;
	int64_t above = cp->low_water;

	if (a == NULL)
		return false;
	cp->done = pp_calloc(a->count, sizeof *cp->done);
	cp->done_cap = a->count;
	item = pp_json_first(a);
	for (uint32_t i = 0; i < a->count; i++, item = pp_json_next(item)) {
		struct pp_span *s = &cp->done[i];
		const struct pp_json *first = pp_json_at(item, 0);
		const struct pp_json *end = pp_json_at(item, 1);

		if (!pp_json_int64(first, &s->first) ||
		    !pp_json_int64(end, &s->end) || s->first <= above ||
		    s->end <= s->first)
			return false;
		above = s->end;
		cp->done_count++;
	}
	return true;
}

static bool
read_attempts(const struct pp_json *v, struct pp_checkpoint *cp)
{
	const struct pp_json *a = get_array(v, "attempts"), *item;

	if (a == NULL)
		return false;
	cp->attempts = pp_calloc(a->count, sizeof *cp->attempts);
	item = pp_json_first(a);
	for (uint32_t i = 0; i < a->count; i++, item = pp_json_next(item)) {
		struct pp_open_attempt *t = &cp->attempts[i];
		int64_t step;

		if (!pp_json_get_text(item, "id", t->id, sizeof t->id) ||
		    !pp_json_get_count(item, "row", &t->row) ||
		    !pp_json_get_count(item, "step", &step) ||
		    step >= PP_MAX_STEPS ||
		    pp_row_read_money(item, "reserved", &t->reserved_nusd) < 0)
			return false;
		t->step = (size_t)step;
		cp->attempt_count++;
	}
	return true;
}

static bool
read_costs(const struct pp_json *v, struct pp_checkpoint *cp)
{
	const struct pp_json *a = get_array(v, "costs"), *item;

	if (a == NULL)
		return false;
	cp->costs = pp_calloc(a->count, sizeof *cp->costs);
	item = pp_json_first(a);
	for (uint32_t i = 0; i < a->count; i++, item = pp_json_next(item)) {
		struct pp_cost *c = &cp->costs[i];

		memcpy(c->job_id, cp->job_id, sizeof c->job_id);
		if (!pp_json_get_text(item, "timestamp", c->timestamp,
			sizeof c->timestamp) ||
		    !pp_json_get_count(item, "tokens_in", &c->tokens_in) ||
		    !pp_json_get_count(item, "tokens_out", &c->tokens_out) ||
		    pp_row_read_money(item, "cost", &c->cost_nusd) < 0 ||
		    !pp_json_get_count(item, "compute_ms", &c->compute_ms) ||
		    !pp_json_get_count(item, "store_operations",
			&c->store_operations))
			return false;
		c->model_id = pp_json_strdup(pp_json_get(item, "model"));
		if (c->model_id == NULL)
			return false;
		cp->cost_count++;
	}
	return true;
}

static bool
read_open_rows(const struct pp_json *v, struct pp_checkpoint *cp)
{
	const struct pp_json *a = get_array(v, "open"), *item, *steps;

	if (a == NULL)
		return false;
	cp->open = pp_calloc(a->count, sizeof(struct pp_row *));
	item = pp_json_first(a);
	for (uint32_t i = 0; i < a->count; i++, item = pp_json_next(item)) {
		steps = get_array(item, "steps");
		if (steps == NULL || steps->count > PP_MAX_STEPS)
			return false;
		cp->open[i] = pp_row_from_open(item, steps->count, NULL);
		if (cp->open[i] == NULL)
			return false;
		cp->open_count++;
	}
	return true;
}

/* Not there in checkpoints of before: 0. */
static bool
read_compute_cost(const struct pp_json *v, struct pp_checkpoint *cp)
{
	if (pp_json_get(v, "compute_cost") == NULL)
		return true;
	return pp_row_read_money(v, "compute_cost", &cp->compute_nusd) == 0 &&
	    pp_row_read_money(v, "untold_cost", &cp->untold_nusd) == 0;
}

static bool
read_members(const struct pp_json *v, struct pp_checkpoint *cp)
{
	const struct pp_json *low = pp_json_path(v,
	    "resume_state.seed_data_index");
	char job_id[PP_ID_BYTES], time[PP_TIME_TEXT_BYTES];
	int64_t shard;

	return pp_json_get_text(v, "job_id", job_id, sizeof job_id) &&
	    strcmp(job_id, cp->job_id) == 0 &&
	    pp_json_get_count(v, "shard", &shard) && shard == cp->shard &&
	    pp_json_get_text(v, "last_updated", time, sizeof time) &&
	    pp_time_parse(time, &cp->last_updated_ms, NULL) == 0 &&
	    pp_json_get_count(v, "epoch", &cp->epoch) &&
	    pp_json_get_text(v, "writer", cp->writer, sizeof cp->writer) &&
	    pp_json_get_count(v, "number", &cp->number) &&
	    pp_json_get_count(v, "current_batch", &cp->last_batch) &&
	    pp_json_get_text(v, "last_batch_sha256", cp->last_batch_sha,
		sizeof cp->last_batch_sha) &&
	    pp_json_get_count(v, "journal_generation",
		&cp->journal_generation) &&
	    pp_json_get_count(v, "compute_ms", &cp->compute_ms) &&
	    pp_json_get_count(v, "untold_ms", &cp->untold_ms) &&
	    pp_json_get_count(v, "untold_operations", &cp->untold_operations) &&
	    read_compute_cost(v, cp) &&
	    pp_tally_from_json(pp_json_get(v, "ended"), &cp->ended) &&
	    pp_json_int64(low, &cp->low_water) && cp->low_water >= 0 &&
	    read_spans(v, cp) && read_costs(v, cp) && read_attempts(v, cp) &&
	    read_open_rows(v, cp) &&
	    pp_ledger_from_json(pp_json_get(v, "ledger"), &cp->closed, NULL) ==
	    0;
}

static int
parse(const struct pp_buf *text, struct pp_checkpoint *cp, struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *root;
	int rc = -1;

	root = pp_json_parse(&doc, text->data, text->len, 0, err);
	if (root != NULL) {
		rc = read_members(root, cp) ?
		    0 :
		    pp_error_set(err, PP_EDATA, "a member is missing or wrong");
	}
	pp_json_doc_release(&doc);
	return rc;
}

int
pp_checkpoint_load(struct pp_blob *blobs, const char *job_id, int shards,
    int shard, struct pp_checkpoint *out, struct pp_error *err)
{
	char *key = pp_checkpoint_key(job_id, shards, shard);
	struct pp_error why = PP_ERROR_INIT;
	struct pp_buf text = PP_BUF_INIT_MAX(MAX_BYTES);
	int rc = -1;

	memset(out, 0, sizeof *out);
	memcpy(out->job_id, job_id, sizeof out->job_id);
	out->shard = shard;
	if (pp_blob_get(blobs, key, &text, out->etag, &why) < 0) {
		out->etag[0] = '\0';
		rc = why.code == PP_ENOENT ?
		    0 :
		    pp_error_set(err, why.code, "%s", why.text);
	} else if (parse(&text, out, &why) < 0) {
		pp_checkpoint_release(out);
		pp_error_set(err, PP_EDATA, "checkpoint '%s' is damaged: %s",
		    key, why.text);
	} else {
		rc = 1;
	}
	pp_buf_release(&text);
	free(key);
	return rc;
}
