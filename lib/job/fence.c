#include <config.h>

#include "job/shard.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/money.h"
#include "job/batch.h"
#include "job/cost_rows.h"

/* A lost race is followed by a fresh read, this many times. */
#define MAX_ROUNDS 8
/* On objects: the checkpoint is read and replaced, an empty batch is put. */
#define FENCE_OPERATIONS 3

/* ---- rows of a checkpoint that is being brought up to date ---- */

static struct pp_row *
find_open(struct pp_checkpoint *cp, int64_t row)
{
	for (size_t i = 0; i < cp->open_count; i++) {
		if (cp->open[i]->index == row)
			return cp->open[i];
	}
	return NULL;
}

static struct pp_row *
find_or_add_open(struct pp_checkpoint *cp, int64_t row, size_t step_count)
{
	struct pp_row *r = find_open(cp, row);

	if (r != NULL)
		return r;
	cp->open = pp_reallocarray(cp->open, cp->open_count + 1,
	    sizeof(struct pp_row *));
	r = pp_row_new(row, step_count);
	cp->open[cp->open_count++] = r;
	return r;
}

static void
drop_open(struct pp_checkpoint *cp, int64_t row)
{
	for (size_t i = 0; i < cp->open_count; i++) {
		if (cp->open[i]->index == row) {
			pp_row_free(cp->open[i]);
			cp->open[i] = cp->open[--cp->open_count];
			break;
		}
	}
	for (size_t i = 0; i < cp->attempt_count;) {
		if (cp->attempts[i].row == row)
			cp->attempts[i] = cp->attempts[--cp->attempt_count];
		else
			i++;
	}
}

/* ---- adopting batches ---- */

static int
adopt_line(struct pp_shard_run *run, const char *line, size_t len,
    struct pp_json_doc *doc, struct pp_error *err)
{
	const struct pp_json *v = pp_json_parse(doc, line, len, 0, err);
	int64_t row;

	if (v == NULL)
		return -1;
	if (!pp_json_int64(pp_json_get(v, "row"), &row) ||
	    row < run->first_row || row >= run->end_row ||
	    pp_checkpoint_has_row(&run->cp, row))
		return pp_error_set(err, PP_EDATA,
		    "a row of it does not belong there");
	if (pp_ledger_add_line(&run->cp.closed, v, err) < 0)
		return -1;
	pp_checkpoint_mark_row(&run->cp, row);
	drop_open(&run->cp, row);
	return 0;
}

static int
adopt_lines(struct pp_shard_run *run, const char *p, const char *end,
    struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	int rc = 0;

	while (rc == 0 && p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		if (newline == NULL) {
			rc = pp_error_set(err, PP_EDATA, "its end is missing");
			break;
		}
		rc = adopt_line(run, p, (size_t)(newline - p), &doc, err);
		p = newline + 1;
	}
	pp_json_doc_release(&doc);
	return rc;
}

static void
note_last_batch(struct pp_shard_run *run, int64_t number, const char *text,
    size_t len)
{
	run->cp.last_batch = number;
	pp_sha256_hex(text, len, run->cp.last_batch_sha);
}

/*
 * A batch stands where ours should. 1: it is our own, its reply was lost. 0:
 * a predecessor's, adopted. -1.
 */
static int
meet_batch(struct pp_shard_run *run, const char *key, int64_t number,
    struct pp_error *err)
{
	struct pp_buf text = PP_BUF_INIT_MAX(PP_BATCH_MAX_BYTES);
	struct pp_batch_head head;
	size_t body;
	int rc = -1;

	if (pp_blob_get(run->blobs, key, &text, NULL, err) < 0 ||
	    pp_batch_read_head(text.data, text.len, &head, &body, err) < 0) {
		pp_error_wrap(err, "cannot adopt batch '%s'", key);
		goto out;
	}
	if (head.epoch > run->claim->epoch) {
		run->lost = true;
		pp_error_set(err, PP_ECONFLICT,
		    "shard %d of job '%s' is "
		    "another worker's by now",
		    run->claim->shard, run->claim->job_id);
		goto out;
	}
	if (strcmp(head.previous, run->cp.last_batch_sha) != 0) {
		pp_error_set(err, PP_EDATA,
		    "batch '%s' does not follow the "
		    "one before it",
		    key);
		goto out;
	}
	if (adopt_lines(run, text.data + body, text.data + text.len, err) < 0) {
		pp_error_wrap(err, "cannot adopt batch '%s'", key);
		goto out;
	}
	note_last_batch(run, number, text.data, text.len);
	rc = strcmp(head.writer, run->claim->owner) == 0 &&
	    head.epoch == run->claim->epoch;
	if (rc == 0)
		pp_log(PP_LOG_INFO, "batch_adopted", "number", 'd', number,
		    "rows", 'd', head.rows, NULL);
out:
	pp_buf_release(&text);
	return rc;
}

/* Put an empty batch of our epoch at the next free number. */
static int
put_fence(struct pp_shard_run *run, struct pp_error *err)
{
	struct pp_batch_head head = { .shard = run->claim->shard,
		.epoch = run->claim->epoch,
		.first_row = -1,
		.last_row = -1 };
	struct pp_error why = PP_ERROR_INIT;
	struct pp_buf text = PP_BUF_INIT;
	int rc = 0;

	memcpy(head.job_id, run->claim->job_id, sizeof head.job_id);
	memcpy(head.writer, run->claim->owner, sizeof head.writer);
	while (rc == 0) {
		char *key;

		head.number = run->cp.last_batch + 1;
		memcpy(head.previous, run->cp.last_batch_sha,
		    sizeof head.previous);
		pp_buf_clear(&text);
		pp_batch_put_head(&head, &text);
		key = pp_batch_key(head.job_id, run->config.shards, head.shard,
		    head.number);
		if (pp_blob_put(run->blobs, key, text.data, text.len,
			PP_BLOB_IF_NONE, NULL, NULL, &why) == 0) {
			note_last_batch(run, head.number, text.data, text.len);
			rc = 1;
		} else if (why.code == PP_ECONFLICT) {
			rc = meet_batch(run, key, head.number, err);
		} else {
			rc = pp_error_set(err, why.code, "%s", why.text);
		}
		free(key);
	}
	pp_buf_release(&text);
	return rc < 0 ? -1 : 0;
}

/* ---- replaying the journal ---- */

static void
on_try(void *arg, const struct pp_journal_try *t)
{
	struct pp_shard_run *run = arg;
	struct pp_checkpoint *cp = &run->cp;
	struct pp_open_attempt *a;

	if (t->step >= run->config.step_count || t->row < run->first_row ||
	    t->row >= run->end_row || pp_checkpoint_has_row(cp, t->row))
		return;
	find_or_add_open(cp, t->row, run->config.step_count)
	    ->steps[t->step]
	    .attempts++;
	cp->attempts = pp_reallocarray(cp->attempts, cp->attempt_count + 1,
	    sizeof *cp->attempts);
	a = &cp->attempts[cp->attempt_count++];
	*a = (struct pp_open_attempt){ .row = t->row,
		.step = t->step,
		.reserved_nusd = t->reserved_nusd };
	strncpy(a->id, t->id, sizeof a->id - 1);
}

static bool
close_attempt(struct pp_checkpoint *cp, const char *id)
{
	for (size_t i = 0; i < cp->attempt_count; i++) {
		if (strcmp(cp->attempts[i].id, id) == 0) {
			cp->attempts[i] = cp->attempts[--cp->attempt_count];
			return true;
		}
	}
	return false;
}

static void
apply_answer(struct pp_row *r, const struct pp_journal_end *e)
{
	pp_row_set_output(r, e->step, e->text, e->text_len, e->finish, e->id);
	/* steps that were passed over by their `when` left no record */
	for (size_t i = 0; i < e->step; i++) {
		if (r->steps[i].state == PP_STEP_TODO)
			r->steps[i].state = PP_STEP_SKIPPED;
	}
	if (r->at <= e->step)
		r->at = e->step + 1;
}

static void
on_end(void *arg, const struct pp_journal_end *e)
{
	struct pp_shard_run *run = arg;
	const struct pp_call_class_info *class = pp_call_class_info(e->class);
	struct pp_row_step *s;
	struct pp_row *r;

	if (e->step >= run->config.step_count)
		return;
	/* an adopted batch has the row, but not what became of its calls */
	if (pp_checkpoint_has_row(&run->cp, e->row)) {
		run->cp.ended.of[e->class]++;
		return;
	}
	if (!close_attempt(&run->cp, e->id))
		return;
	run->cp.ended.of[e->class]++;
	r = find_or_add_open(&run->cp, e->row, run->config.step_count);
	s = &r->steps[e->step];
	s->cost_nusd = pp_money_add(s->cost_nusd, e->cost_nusd);
	s->unproven_nusd = pp_money_add(s->unproven_nusd, e->unproven_nusd);
	s->usage.tokens_in += e->usage.tokens_in;
	s->usage.tokens_out += e->usage.tokens_out;
	s->usage.cache_read += e->usage.cache_read;
	s->usage.cache_write += e->usage.cache_write;
	if (e->class == PP_CALL_OK && e->text != NULL) {
		apply_answer(r, e);
	} else if (e->class == PP_CALL_REJECTED ||
	    e->class == PP_CALL_REFUSED) {
		r->at = e->step;
		pp_row_fail(r, class->name, e->http_status,
		    e->reason != NULL ? e->reason : "", e->raw, e->raw_len);
	} else if (class->counts_as_try && s->tries < run->retries) {
		/* the last try is made again, so that the row's end is seen */
		s->tries++;
	}
}

/* What was on the wire and never came home may have been billed. */
static void
write_off_attempts(struct pp_shard_run *run)
{
	struct pp_checkpoint *cp = &run->cp;

	for (size_t i = 0; i < cp->attempt_count; i++) {
		const struct pp_open_attempt *a = &cp->attempts[i];
		struct pp_row *r;

		if (a->step >= run->config.step_count)
			continue;
		r = find_or_add_open(cp, a->row, run->config.step_count);
		r->steps[a->step].unproven_nusd =
		    pp_money_add(r->steps[a->step].unproven_nusd,
			a->reserved_nusd);
	}
	if (cp->attempt_count > 0)
		pp_log(PP_LOG_INFO, "attempts_unproven", "count", 'd',
		    (int64_t)cp->attempt_count, NULL);
	free(cp->attempts);
	cp->attempts = NULL;
	cp->attempt_count = 0;
}

/*
 * What was granted and is not accounted for counts as spent: nobody can say
 * what went out in the time of which there is no record.
 */
static void
write_off_slice(struct pp_shard_run *run, const char *why)
{
	struct pp_totals t;
	int64_t known, lost;

	if (run->budget_limit_nusd == PP_NO_LIMIT)
		return;
	pp_checkpoint_totals(&run->cp, &t);
	known = pp_money_add(t.settled_nusd, t.unproven_nusd);
	lost = run->claim->granted_nusd - known;
	if (lost <= 0)
		return;
	run->cp.closed.lost_nusd = pp_money_add(run->cp.closed.lost_nusd, lost);
	pp_log(PP_LOG_WARN, "slice_unproven", "amount", 'm', lost, "reason",
	    's', why, NULL);
}

static int
replay(struct pp_shard_run *run, struct pp_error *err)
{
	struct pp_journal_reader reader = {
		.on_try = on_try, .on_end = on_end, .arg = run
	};
	int64_t generation = run->cp.journal_generation;

	if (run->where.home == NULL) {
		write_off_attempts(run);
		write_off_slice(run, "a worker ended without a word");
		return 0;
	}
	if (pp_journal_replay(&run->where, generation, &reader, err) < 0)
		return -1;
	write_off_attempts(run);
	if (reader.other_boot)
		write_off_slice(run, "power was lost");
	if (reader.last_generation > generation)
		generation = reader.last_generation;
	run->cp.journal_generation = generation + 1;
	pp_journal_close(run->journal);
	run->journal = pp_journal_open(&run->where, generation + 1, err);
	return run->journal != NULL ? 0 : -1;
}

/* ---- the fence ---- */

/* Take the epoch above that of the checkpoint. */
static int
rise_above(struct pp_shard_run *run, struct pp_error *err)
{
	if (run->cp.epoch >= run->claim->epoch &&
	    pp_store_claim_epoch(run->store, run->claim, run->cp.epoch + 1,
		err) < 0)
		return -1;
	run->cp.epoch = run->claim->epoch;
	memcpy(run->cp.writer, run->claim->owner, sizeof run->cp.writer);
	run->where.epoch = run->claim->epoch;
	return 0;
}

static int
put_costs(struct pp_shard_run *run, struct pp_error *err)
{
	return pp_store_costs_add(run->store, run->cp.costs, run->cp.cost_count,
	    err);
}

/*
 * Replace the checkpoint. Its writer may have died before its cost rows were
 * in the table; ours tell what was taken over since. 1; 0: somebody else was
 * faster. -1.
 */
static int
replace_checkpoint(struct pp_shard_run *run, struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;

	if (put_costs(run, err) < 0)
		return -1;
	run->cp.untold_operations += FENCE_OPERATIONS;
	pp_checkpoint_advance(&run->cp);
	pp_cost_rows_note(&run->cp, run->plan, &run->told);
	if (pp_checkpoint_save(run->blobs, run->config.shards, &run->cp,
		&why) == 0)
		return put_costs(run, err) < 0 ? -1 : 1;
	/* or it is not known whether it stands: what is there tells */
	if (why.code == PP_ECONFLICT || why.code == PP_ETEMP)
		return 0;
	return pp_error_set(err, why.code, "%s", why.text);
}

/* 1: it stands. 0: somebody else was faster, read again. -1. */
static int
fence_once(struct pp_shard_run *run, struct pp_error *err)
{
	int found;

	pp_checkpoint_release(&run->cp);
	pp_ledger_release(&run->told);
	found = pp_checkpoint_load(run->blobs, run->claim->job_id,
	    run->config.shards, run->claim->shard, &run->cp, err);
	if (found < 0)
		return -1;
	if (found == 0)
		run->cp.low_water = run->first_row;
	for (size_t i = 0; i < run->cp.open_count; i++) {
		if (run->cp.open[i]->step_count != run->config.step_count)
			return pp_error_set(err, PP_EDATA,
			    "the checkpoint of "
			    "job '%s' has other steps than its template",
			    run->claim->job_id);
	}
	pp_cost_rows_told(&run->cp, run->plan, &run->told);
	if (rise_above(run, err) < 0 || put_fence(run, err) < 0 ||
	    replay(run, err) < 0)
		return -1;
	return replace_checkpoint(run, err);
}

int
pp_shard_fence(struct pp_shard_run *run, struct pp_error *err)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < MAX_ROUNDS; i++)
		rc = fence_once(run, err);
	if (rc == 0)
		return pp_error_set(err, PP_ETEMP,
		    "too many workers want "
		    "shard %d of job '%s'",
		    run->claim->shard, run->claim->job_id);
	if (rc < 0)
		return -1;
	if (run->journal != NULL &&
	    pp_journal_cover(&run->where, run->cp.journal_generation, err) < 0)
		return -1;
	pp_log(PP_LOG_INFO, "fenced", "shard", 'd', (int64_t)run->claim->shard,
	    "epoch", 'd', run->claim->epoch, "rows_done", 'd',
	    run->cp.closed.rows_done, "open_rows", 'd',
	    (int64_t)run->cp.open_count, NULL);
	return 0;
}
