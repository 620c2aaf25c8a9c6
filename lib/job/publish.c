#include <config.h>

#include "job/shard.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/money.h"
#include "job/batch.h"

/* No more than one checkpoint in this time. */
#define SHORTEST_US INT64_C(1000000)

/* ---- what the loop has in hand ---- */

struct snapshot {
	struct pp_row **rows; /* borrowed from the loop */
	size_t row_count, row_cap;
	struct pp_open_attempt *attempts;
	size_t attempt_count, attempt_cap;
};

static bool
has_history(const struct pp_row *r)
{
	for (size_t i = 0; i < r->step_count; i++) {
		if (r->steps[i].attempts > 0 ||
		    r->steps[i].state == PP_STEP_DONE ||
		    r->steps[i].unproven_nusd != 0)
			return true;
	}
	return false;
}

static void
add_row(struct snapshot *s, struct pp_row *row)
{
	s->rows = pp_grow(s->rows, s->row_count, &s->row_cap,
	    sizeof(struct pp_row *));
	s->rows[s->row_count++] = row;
}

static void
add_task(void *arg, struct pp_task *task, const struct pp_journal_try *attempt)
{
	struct snapshot *s = arg;
	struct pp_open_attempt *a;

	if (has_history(task->row))
		add_row(s, task->row);
	if (attempt == NULL)
		return;
	s->attempts = pp_grow(s->attempts, s->attempt_count, &s->attempt_cap,
	    sizeof *s->attempts);
	a = &s->attempts[s->attempt_count++];
	*a = (struct pp_open_attempt){ .row = attempt->row,
		.step = attempt->step,
		.reserved_nusd = attempt->reserved_nusd };
	strncpy(a->id, attempt->id, sizeof a->id - 1);
}

/* Rows that were taken over and not begun yet are open too. */
static void
take_snapshot(struct pp_shard_run *run, struct snapshot *s)
{
	memset(s, 0, sizeof *s);
	if (run->runner != NULL)
		pp_runner_each(run->runner, add_task, s);
	for (size_t i = run->resumed_at; i < run->resumed_count; i++)
		add_row(s, run->resumed[i]);
}

/* ---- the batch ---- */

static int
compare_rows(const void *a, const void *b)
{
	const struct pp_pending_row *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

static void
encode_batch(struct pp_shard_run *run, struct pp_buf *out)
{
	struct pp_batch_head head = { .shard = run->claim->shard,
		.number = run->cp.last_batch + 1,
		.epoch = run->claim->epoch,
		.rows = (int64_t)run->pending_count,
		.failed = run->pending_ledger.rows_failed };

	qsort(run->pending, run->pending_count, sizeof *run->pending,
	    compare_rows);
	head.first_row = run->pending[0].index;
	head.last_row = run->pending[run->pending_count - 1].index;
	memcpy(head.job_id, run->claim->job_id, sizeof head.job_id);
	memcpy(head.writer, run->claim->owner, sizeof head.writer);
	memcpy(head.previous, run->cp.last_batch_sha, sizeof head.previous);
	pp_batch_put_head(&head, out);
	for (size_t i = 0; i < run->pending_count; i++)
		pp_buf_add(out, run->pending[i].line, run->pending[i].len);
}

static int
shard_is_lost(struct pp_shard_run *run, struct pp_error *err)
{
	run->lost = true;
	return pp_error_set(err, PP_ECONFLICT,
	    "shard %d of job '%s' is another worker's by now",
	    run->claim->shard, run->claim->job_id);
}

/* Something stands at our number: the same bytes mean that it was us. */
static int
is_our_batch(struct pp_shard_run *run, const char *key,
    const struct pp_buf *text, struct pp_error *err)
{
	struct pp_buf there = PP_BUF_INIT_MAX(PP_BATCH_MAX_BYTES);
	int rc;

	rc = pp_blob_get(run->blobs, key, &there, NULL, err);
	if (rc == 0 &&
	    (there.len != text->len ||
		memcmp(there.data, text->data, text->len) != 0))
		rc = shard_is_lost(run, err);
	pp_buf_release(&there);
	return rc;
}

static int
put_batch(struct pp_shard_run *run, struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;
	struct pp_buf text = PP_BUF_INIT;
	char *key;
	int rc;

	if (run->pending_count == 0)
		return 0;
	encode_batch(run, &text);
	key = pp_batch_key(run->claim->job_id, run->config.shards,
	    run->claim->shard, run->cp.last_batch + 1);
	rc = pp_blob_put(run->blobs, key, text.data, text.len, PP_BLOB_IF_NONE,
	    NULL, NULL, &why);
	if (rc < 0 && why.code == PP_ECONFLICT)
		rc = is_our_batch(run, key, &text, err);
	else if (rc < 0)
		pp_error_set(err, why.code, "%s", why.text);
	if (rc == 0) {
		run->cp.last_batch++;
		pp_sha256_hex(text.data, text.len, run->cp.last_batch_sha);
	}
	pp_buf_release(&text);
	free(key);
	return rc;
}

/* The rows are on the chain as soon as the checkpoint says so. */
static void
close_pending(struct pp_shard_run *run)
{
	for (size_t i = 0; i < run->pending_count; i++) {
		pp_checkpoint_mark_row(&run->cp, run->pending[i].index);
		free(run->pending[i].line);
	}
	run->pending_count = 0;
	pp_ledger_add(&run->cp.closed, &run->pending_ledger);
	pp_ledger_release(&run->pending_ledger);
}

/* ---- the checkpoint ---- */

/* It was replaced by somebody: by us, when a reply was lost? */
static int
is_our_checkpoint(struct pp_shard_run *run, struct pp_error *err)
{
	struct pp_checkpoint there;
	bool ours;
	int rc;

	rc = pp_checkpoint_load(run->blobs, run->claim->job_id,
	    run->config.shards, run->claim->shard, &there, err);
	if (rc < 0)
		return -1;
	ours = rc > 0 && there.epoch == run->cp.epoch &&
	    there.number == run->cp.number &&
	    strcmp(there.writer, run->cp.writer) == 0;
	if (ours)
		memcpy(run->cp.etag, there.etag, sizeof run->cp.etag);
	if (rc > 0)
		pp_checkpoint_release(&there);
	return ours ? 0 : shard_is_lost(run, err);
}

/*
 * What the rows say they cost must be what the budget says was spent. If not,
 * nothing may be written: the books are all that a successor will know.
 */
static int
check_books(const struct pp_shard_run *run, struct pp_error *err)
{
	char rows[PP_MONEY_TEXT_BYTES], budget[PP_MONEY_TEXT_BYTES];
	struct pp_totals t;

	pp_checkpoint_totals(&run->cp, &t);
	if (t.settled_nusd == run->budget.settled_nusd &&
	    t.unproven_nusd == run->budget.unproven_nusd)
		return 0;
	return pp_error_set(err, PP_EBUG,
	    "the rows of job '%s' cost %s US "
	    "dollars and its budget says %s",
	    run->claim->job_id,
	    pp_money_format(pp_money_add(t.settled_nusd, t.unproven_nusd),
		rows),
	    pp_money_format(pp_money_add(run->budget.settled_nusd,
				run->budget.unproven_nusd),
		budget));
}

static void
count_calls(struct pp_shard_run *run)
{
	struct pp_runner_counters c;

	if (run->runner == NULL)
		return;
	pp_runner_counters(run->runner, &c);
	run->cp.ended = run->ended_before;
	pp_tally_add(&run->cp.ended, &c.ended);
}

static int
save_checkpoint(struct pp_shard_run *run, struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;
	struct snapshot s;
	int rc;

	take_snapshot(run, &s);
	run->cp.open = s.rows;
	run->cp.open_count = s.row_count;
	run->cp.attempts = s.attempts;
	run->cp.attempt_count = s.attempt_count;
	run->cp.compute_ms = run->compute_ms_before +
	    (pp_clock_boot_us() - run->started_us) / 1000;
	count_calls(run);
	rc = check_books(run, &why);
	if (rc == 0)
		rc = pp_checkpoint_save(run->blobs, run->config.shards,
		    &run->cp, &why);
	if (rc < 0 && why.code == PP_ECONFLICT)
		rc = is_our_checkpoint(run, err);
	else if (rc < 0)
		pp_error_set(err, why.code, "%s", why.text);
	/* the rows are the loop's */
	run->cp.open = NULL;
	run->cp.open_count = 0;
	run->cp.attempts = NULL;
	run->cp.attempt_count = 0;
	free(s.rows);
	free(s.attempts);
	return rc;
}

/* ---- the records ---- */

static const struct pp_ledger_entry *
published_entry(const struct pp_shard_run *run, const struct pp_ledger_entry *e)
{
	for (size_t i = 0; i < run->published.count; i++) {
		const struct pp_ledger_entry *p = &run->published.entries[i];

		if (strcmp(p->step, e->step) == 0 &&
		    strcmp(p->model, e->model) == 0)
			return p;
	}
	return NULL;
}

/*
 * A cost row is what was spent since the row before, never a running total.
 * Its key has the number of the checkpoint: written twice it is one row.
 */
static int
put_cost(struct pp_shard_run *run, const struct pp_ledger_entry *e, size_t i,
    struct pp_error *err)
{
	static const struct pp_ledger_entry zero;
	const struct pp_ledger_entry *before = published_entry(run, e);
	char time[PP_TIME_TEXT_BYTES];
	struct pp_cost c = { .model_id = e->model };

	if (before == NULL)
		before = &zero;
	c.tokens_in = e->usage.tokens_in - before->usage.tokens_in;
	c.tokens_out = e->usage.tokens_out - before->usage.tokens_out;
	c.cost_nusd = e->cost_nusd - before->cost_nusd;
	if (c.tokens_in == 0 && c.tokens_out == 0 && c.cost_nusd == 0)
		return 0;
	memcpy(c.job_id, run->claim->job_id, sizeof c.job_id);
	snprintf(c.timestamp, sizeof c.timestamp, "%s#%05d#%09lld#%zu",
	    pp_time_format(run->cp.last_updated_ms, time), run->claim->shard,
	    (long long)run->cp.number, i);
	return pp_store_cost_add(run->store, &c, err);
}

static int
put_records(struct pp_shard_run *run, struct pp_error *err)
{
	struct pp_totals t;

	pp_shard_totals(run, &t);
	if (pp_store_progress(run->store, run->claim, &t, pp_clock_wall_ms(),
		err) < 0) {
		run->lost = err->code == PP_ECONFLICT;
		return -1;
	}
	for (size_t i = 0; i < run->cp.closed.count; i++) {
		if (put_cost(run, &run->cp.closed.entries[i], i, err) < 0)
			return -1;
	}
	pp_ledger_release(&run->published);
	pp_ledger_add(&run->published, &run->cp.closed);
	return 0;
}

/* ---- all of it ---- */

static int
begin_generation(struct pp_shard_run *run, struct pp_journal **before,
    struct pp_error *err)
{
	struct pp_journal *j;

	*before = run->journal;
	if (run->journal == NULL)
		return 0;
	j = pp_journal_open(&run->where, run->cp.journal_generation + 1, err);
	if (j == NULL)
		return -1;
	run->journal = j;
	run->cp.journal_generation++;
	return 0;
}

int
pp_shard_checkpoint(struct pp_shard_run *run, struct pp_error *err)
{
	int64_t rows = (int64_t)run->pending_count;
	int64_t start_us = pp_clock_boot_us();
	struct pp_journal *before;
	int rc;

	/* Nothing happens in between: one thread, and these calls block. */
	if (begin_generation(run, &before, err) < 0)
		return -1;
	rc = put_batch(run, err);
	if (rc == 0) {
		close_pending(run);
		rc = save_checkpoint(run, err);
	}
	if (before != run->journal)
		pp_journal_close(before);
	if (rc < 0)
		return pp_error_wrap(err, "no checkpoint of job '%s'",
		    run->claim->job_id);
	if (run->journal != NULL &&
	    pp_journal_cover(&run->where, run->cp.journal_generation, err) < 0)
		return -1;
	run->changed = false;
	run->checkpoint_us = pp_clock_boot_us();
	if (run->window_full && run->runner != NULL) {
		run->window_full = false;
		pp_runner_wake(run->runner);
	}
	pp_log(PP_LOG_INFO, "checkpoint", "number", 'd', run->cp.number, "rows",
	    'd', rows, "rows_done", 'd', run->cp.closed.rows_done, "spent", 'm',
	    run->budget.settled_nusd, "elapsed_us", 'd',
	    run->checkpoint_us - start_us, NULL);
	return put_records(run, err);
}

static void
on_timer(void *arg)
{
	struct pp_shard_run *run = arg;
	struct pp_error err = PP_ERROR_INIT;

	if (!run->changed)
		run->checkpoint_us = pp_clock_boot_us(); /* nothing to keep */
	else if (pp_shard_checkpoint(run, &err) < 0)
		pp_runner_stop(run->runner, PP_RUN_ERROR, 0, &err);
	pp_shard_schedule(run);
}

/*
 * Soon when there are rows enough, or when new rows wait for it; else when T
 * has passed since the last.
 */
void
pp_shard_schedule(struct pp_shard_run *run)
{
	bool soon = run->window_full ||
	    (int64_t)run->pending_count >= run->config.checkpoint_rows;
	int64_t due_us = run->checkpoint_us +
	    (soon ? SHORTEST_US : run->checkpoint_ms * 1000);
	int64_t in_us = due_us - pp_loop_now_us(run->loop);

	if (run->checkpoint_timer.due_us != 0 &&
	    run->checkpoint_timer.due_us <= due_us)
		return;
	pp_timer_set(run->loop, &run->checkpoint_timer, in_us > 0 ? in_us : 0,
	    on_timer, run);
}
