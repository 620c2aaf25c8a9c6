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
#include "job/cost_rows.h"

#define MS_PER_HOUR INT64_C(3600000)
/* No more than one checkpoint in this time. */
#define SHORTEST_US INT64_C(1000000)
/* How long a home may be out of reach before the run ends. */
#define PATIENCE_US INT64_C(120000000)

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

static void
add_row_ahead(void *arg, struct pp_row *row)
{
	if (has_history(row))
		add_row(arg, row);
}

/*
 * Into the checkpoint, as long as it is being made: the rows are the loop's.
 * Those that were taken over and not begun yet are open too.
 */
static void
take_snapshot(struct pp_shard_run *run)
{
	struct snapshot s = { .rows = NULL };

	if (run->runner != NULL)
		pp_runner_each(run->runner, add_task, &s);
	pp_shard_each_ahead(run, add_row_ahead, &s);
	run->cp.open = s.rows;
	run->cp.open_count = s.row_count;
	run->cp.attempts = s.attempts;
	run->cp.attempt_count = s.attempt_count;
}

static void
drop_snapshot(struct pp_shard_run *run)
{
	free(run->cp.open);
	run->cp.open = NULL;
	run->cp.open_count = 0;
	free(run->cp.attempts);
	run->cp.attempts = NULL;
	run->cp.attempt_count = 0;
}

/* ---- the batch ---- */

static int
compare_rows(const void *a, const void *b)
{
	const struct pp_pending_row *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

/* The lines go over to the batch: there is one of each, here or there. */
static void
make_batch(struct pp_shard_run *run, struct pp_publication *p)
{
	struct pp_buf text = PP_BUF_INIT;
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
	pp_batch_put_head(&head, &text);
	p->batch = pp_reallocarray(NULL, run->pending_count + 1,
	    sizeof *p->batch);
	p->batch[0].iov_base = pp_buf_detach(&text, &p->batch[0].iov_len);
	for (size_t i = 0; i < run->pending_count; i++)
		p->batch[i + 1] = (struct iovec){
			.iov_base = run->pending[i].line,
			.iov_len = run->pending[i].len
		};
	p->batch_lines = run->pending_count + 1;
}

/* As pp_sha256_hex() of the whole batch. */
static void
hash_batch(const struct pp_publication *p, char hex[PP_SHA256_HEX_BYTES])
{
	struct pp_sha256 *h = pp_sha256_new();
	unsigned char sum[PP_SHA256_BYTES];

	for (size_t i = 0; i < p->batch_lines; i++)
		pp_sha256_add(h, p->batch[i].iov_base, p->batch[i].iov_len);
	pp_sha256_final(h, sum);
	pp_hex(sum, sizeof sum, hex);
	pp_sha256_free(h);
}

static int
is_lost(struct pp_publication *p, struct pp_error *err)
{
	p->lost = true;
	return pp_error_set(err, PP_ECONFLICT,
	    "shard %d of job '%s' is another worker's by now", p->claim.shard,
	    p->claim.job_id);
}

static bool
is_batch(const struct pp_publication *p, const char *text, size_t len)
{
	for (size_t i = 0; i < p->batch_lines; i++) {
		const struct iovec *line = &p->batch[i];

		if (len < line->iov_len ||
		    memcmp(text, line->iov_base, line->iov_len) != 0)
			return false;
		text += line->iov_len;
		len -= line->iov_len;
	}
	return len == 0;
}

/* Something stands at our number: the same bytes mean that it was us. */
static int
is_our_batch(struct pp_publication *p, struct pp_blob *blobs,
    struct pp_error *err)
{
	struct pp_buf there = PP_BUF_INIT_MAX(PP_BATCH_MAX_BYTES);
	int rc;

	rc = pp_blob_get(blobs, p->batch_key, &there, NULL, err);
	if (rc == 0 && !is_batch(p, there.data, there.len))
		rc = is_lost(p, err);
	pp_buf_release(&there);
	return rc;
}

static int
put_batch(struct pp_publication *p, struct pp_blob *blobs, struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;

	if (p->batch_key == NULL)
		return 0;
	if (pp_blob_put_parts(blobs, p->batch_key, p->batch, p->batch_lines,
		&why) == 0)
		return 0;
	if (why.code == PP_ECONFLICT)
		return is_our_batch(p, blobs, err);
	return pp_error_set(err, why.code, "%s", why.text);
}

/* The rows are on the chain as soon as the checkpoint says so. */
static void
close_pending(struct pp_shard_run *run)
{
	for (size_t i = 0; i < run->pending_count; i++)
		pp_checkpoint_mark_row(&run->cp, run->pending[i].index);
	run->pending_count = 0;
	pp_ledger_add(&run->cp.closed, &run->pending_ledger);
	pp_ledger_release(&run->pending_ledger);
}

/* ---- the checkpoint ---- */

/* It was replaced by somebody: by us, when a reply was lost? */
static int
is_our_checkpoint(struct pp_publication *p, struct pp_blob *blobs,
    struct pp_error *err)
{
	struct pp_checkpoint there;
	bool ours;
	int rc;

	rc = pp_checkpoint_load(blobs, p->claim.job_id, p->shards,
	    p->claim.shard, &there, err);
	if (rc < 0)
		return -1;
	ours = rc > 0 && there.epoch == p->claim.epoch &&
	    there.number == p->number &&
	    strcmp(there.writer, p->claim.owner) == 0;
	if (ours)
		memcpy(p->etag, there.etag, sizeof p->etag);
	if (rc > 0)
		pp_checkpoint_release(&there);
	return ours ? 0 : is_lost(p, err);
}

static int
put_checkpoint(struct pp_publication *p, struct pp_blob *blobs,
    struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;
	char etag[PP_ETAG_BYTES];

	if (pp_blob_put(blobs, p->checkpoint_key, p->checkpoint.data,
		p->checkpoint.len,
		p->etag[0] != '\0' ? PP_BLOB_IF_MATCH : PP_BLOB_IF_NONE,
		p->etag[0] != '\0' ? p->etag : NULL, etag, &why) == 0) {
		memcpy(p->etag, etag, sizeof p->etag);
		return 0;
	}
	if (why.code == PP_ECONFLICT)
		return is_our_checkpoint(p, blobs, err);
	pp_error_set(err, why.code, "%s", why.text);
	return pp_error_wrap(err, "cannot save checkpoint '%s'",
	    p->checkpoint_key);
}

/*
 * What the rows say they cost must be what the budget says was spent. If not,
 * nothing may be written: the books are all that a successor will know.
 */
static int
check_books(const struct pp_shard_run *run, struct pp_error *err)
{
	char rows[PP_MONEY_TEXT_BYTES], budget[PP_MONEY_TEXT_BYTES];
	struct pp_totals closed, pending;
	int64_t settled, unproven;

	pp_checkpoint_totals(&run->cp, &closed);
	pp_ledger_totals(&run->pending_ledger, &pending);
	settled = pp_money_add(closed.settled_nusd, pending.settled_nusd);
	unproven = pp_money_add(closed.unproven_nusd, pending.unproven_nusd);
	if (settled == run->budget.settled_nusd &&
	    unproven == run->budget.unproven_nusd)
		return 0;
	return pp_error_set(err, PP_EBUG,
	    "the rows of job '%s' cost %s US "
	    "dollars and its budget says %s",
	    run->claim->job_id,
	    pp_money_format(pp_money_add(settled, unproven), rows),
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

/* What this worker's time costs; a pause between workers is nobody's time. */
static int64_t
compute_nusd(const struct pp_shard_run *run, int64_t ms)
{
	return (int64_t)((__int128)ms * run->hour_nusd / MS_PER_HOUR);
}

/* Time, and operations on objects: the checkpoint is one, its batch another. */
static void
count_work(struct pp_shard_run *run, const struct pp_publication *p)
{
	int64_t own_ms = (p->start_us - run->started_us) / 1000;
	int64_t ms = run->compute_ms_before + own_ms;
	int64_t nusd = pp_money_add(run->compute_nusd_before,
	    compute_nusd(run, own_ms));

	run->cp.untold_nusd += nusd - run->cp.compute_nusd;
	run->cp.compute_nusd = nusd;
	run->cp.untold_ms += ms - run->cp.compute_ms;
	run->cp.untold_operations += p->batch_key != NULL ? 2 : 1;
	run->cp.compute_ms = ms;
}

/* The checkpoint's text, as of this moment, and its cost rows. */
static void
encode_checkpoint(struct pp_shard_run *run, struct pp_publication *p)
{
	struct pp_checkpoint *cp = &run->cp;

	count_work(run, p);
	count_calls(run);
	pp_checkpoint_advance(cp);
	pp_cost_rows_note(cp, run->plan, &run->told);
	p->number = cp->number;
	p->checkpoint_key = pp_checkpoint_key(cp->job_id, p->shards, cp->shard);
	pp_checkpoint_put_json(cp, &p->checkpoint);
	p->costs = cp->costs;
	p->cost_count = cp->cost_count;
}

/* ---- the records ---- */

static int
put_records(struct pp_publication *p, struct pp_store *s, struct pp_error *err)
{
	if (pp_store_progress(s, &p->claim, &p->totals, pp_clock_wall_ms(),
		err) < 0) {
		p->lost = err->code == PP_ECONFLICT;
		return -1;
	}
	return pp_store_costs_add(s, p->costs, p->cost_count, err);
}

/* ---- a publication: made, published, settled ---- */

static void
free_publication(struct pp_publication *p)
{
	if (p == NULL)
		return;
	free(p->batch_key);
	free(p->checkpoint_key);
	for (size_t i = 0; i < p->batch_lines; i++)
		free(p->batch[i].iov_base);
	free(p->batch);
	pp_buf_release(&p->checkpoint);
	free(p);
}

void
pp_shard_drop_publication(struct pp_shard_run *run)
{
	if (run->publication != NULL)
		pp_journal_close(run->publication->journal_before);
	free_publication(run->publication);
	run->publication = NULL;
}

static void
encode_pending(struct pp_shard_run *run, struct pp_publication *p)
{
	p->rows = (int64_t)run->pending_count;
	if (run->pending_count == 0)
		return;
	make_batch(run, p);
	p->batch_key = pp_batch_key(run->claim->job_id, p->shards,
	    run->claim->shard, ++run->cp.last_batch);
	hash_batch(p, run->cp.last_batch_sha);
	close_pending(run);
}

static int
begin_generation(struct pp_shard_run *run, struct pp_publication *p,
    struct pp_error *err)
{
	struct pp_journal *j;

	if (run->journal == NULL)
		return 0;
	/* until the checkpoint stands this one has to say it */
	if (pp_journal_flush(run->journal, err) < 0)
		return -1;
	j = pp_journal_open(&run->where, run->cp.journal_generation + 1, err);
	if (j == NULL)
		return -1;
	p->journal_before = run->journal;
	run->journal = j;
	run->cp.journal_generation++;
	return 0;
}

/* Nothing in here fails any more. */
static void
fill_publication(struct pp_shard_run *run, struct pp_publication *p)
{
	encode_pending(run, p);
	encode_checkpoint(run, p);
	memcpy(p->etag, run->cp.etag, sizeof p->etag);
	pp_checkpoint_totals(&run->cp, &p->totals);
	run->publication = p;
	run->changed = false;
	run->checkpoint_us = p->start_us;
}

/*
 * Everything that is to be kept, as of this moment, in a form that the loop
 * does not touch any more. What happens from now on is for the next one. What
 * can fail comes first: a failure changes nothing.
 */
static int
make_publication(struct pp_shard_run *run, struct pp_error *err)
{
	struct pp_publication *p = pp_calloc(1, sizeof *p);
	int rc = -1;

	p->run = run;
	p->claim = *run->claim;
	p->shards = run->config.shards;
	p->start_us = pp_clock_boot_us();
	pp_buf_init(&p->checkpoint, 0);
	take_snapshot(run);
	if (check_books(run, err) == 0 && begin_generation(run, p, err) == 0) {
		fill_publication(run, p);
		rc = 0;
	} else {
		free_publication(p);
	}
	drop_snapshot(run);
	return rc;
}

/*
 * First the batch, then the checkpoint that names it, then the records. Each
 * is told from somebody else's when it is there already, so that all of it can
 * be done again from where it failed.
 */
static int
publish(struct pp_store *s, void *arg, struct pp_error *err)
{
	struct pp_publication *p = arg;
	struct pp_blob *blobs = pp_store_blobs(s);

	if (p->stage == PP_PUBLISH_BATCH) {
		if (put_batch(p, blobs, err) < 0)
			return -1;
		p->stage = PP_PUBLISH_CHECKPOINT;
	}
	if (p->stage == PP_PUBLISH_CHECKPOINT) {
		if (put_checkpoint(p, blobs, err) < 0)
			return -1;
		p->stage = PP_PUBLISH_RECORDS;
	}
	return put_records(p, s, err);
}

static void
wake_window(struct pp_shard_run *run)
{
	if (!run->window_full || run->runner == NULL)
		return;
	run->window_full = false;
	pp_runner_wake(run->runner);
}

/* It is published; with `rc` negative it is not, and stays for another try. */
static int
settle_publication(struct pp_shard_run *run, int rc, struct pp_error *err)
{
	struct pp_publication *p = run->publication;
	int64_t now_us = pp_clock_boot_us();

	if (p->stage == PP_PUBLISH_RECORDS)
		memcpy(run->cp.etag, p->etag, sizeof run->cp.etag);
	if (rc < 0) {
		run->lost |= p->lost;
		run->changed = true;
		return pp_error_wrap(err, "no checkpoint of job '%s'",
		    run->claim->job_id);
	}
	run->claim->totals = p->claim.totals;
	if (run->journal != NULL &&
	    pp_journal_cover(&run->where, run->cp.journal_generation, err) < 0)
		rc = -1;
	pp_log(PP_LOG_INFO, "checkpoint", "number", 'd', p->number, "rows", 'd',
	    p->rows, "rows_done", 'd', p->totals.rows_done, "spent", 'm',
	    p->totals.settled_nusd, "elapsed_us", 'd', now_us - p->start_us,
	    NULL);
	pp_shard_drop_publication(run);
	wake_window(run);
	return rc;
}

static int
publish_now(struct pp_shard_run *run, struct pp_error *err)
{
	return settle_publication(run,
	    publish(run->store, run->publication, err), err);
}

int
pp_shard_checkpoint(struct pp_shard_run *run, struct pp_error *err)
{
	if (run->aside != NULL && pp_aside_wait(run->aside, err) < 0)
		return -1;
	if (run->lost)
		return pp_error_set(err, PP_ECONFLICT,
		    "shard %d of job '%s' is another worker's by now",
		    run->claim->shard, run->claim->job_id);
	/* one that failed beside the calls comes first: the next follows it */
	if (run->publication != NULL && publish_now(run, err) < 0)
		return -1;
	if (make_publication(run, err) < 0)
		return pp_error_wrap(err, "no checkpoint of job '%s'",
		    run->claim->job_id);
	return publish_now(run, err);
}

/* ---- beside the calls ---- */

static bool
may_pass(const struct pp_shard_run *run, const struct pp_error *err)
{
	return !run->lost &&
	    (err->code == PP_EUNAVAIL || err->code == PP_ETEMP) &&
	    pp_clock_boot_us() - run->publication->start_us < PATIENCE_US;
}

static void
on_published(void *arg, int rc, const struct pp_error *why)
{
	struct pp_shard_run *run = ((struct pp_publication *)arg)->run;
	struct pp_error err = *why;

	run->publishing = false;
	if (settle_publication(run, rc, &err) == 0) {
		pp_shard_schedule(run);
	} else if (run->publication != NULL && may_pass(run, &err)) {
		pp_log(PP_LOG_WARN, "checkpoint_delayed", "reason", 's',
		    err.text, NULL);
		pp_shard_schedule(run);
	} else {
		pp_shard_fail(run, &err);
	}
}

/* One at a time; one that failed is tried again before there is another. */
static int
checkpoint_aside(struct pp_shard_run *run, struct pp_error *err)
{
	struct pp_aside_task task = { .work = publish, .done = on_published };

	if (run->publishing)
		return 0;
	if (run->publication == NULL && make_publication(run, err) < 0)
		return -1;
	run->checkpoint_us = pp_clock_boot_us();
	run->publishing = true;
	task.arg = run->publication;
	pp_aside_do(run->aside, &task);
	return 0;
}

static int
checkpoint_from_loop(struct pp_shard_run *run, struct pp_error *err)
{
	return run->aside != NULL ? checkpoint_aside(run, err) :
				    pp_shard_checkpoint(run, err);
}

static void
on_timer(void *arg)
{
	struct pp_shard_run *run = arg;
	struct pp_error err = PP_ERROR_INIT;

	if (run->publishing)
		return; /* its end schedules the next */
	if (!run->changed)
		run->checkpoint_us = pp_clock_boot_us(); /* nothing to keep */
	else if (checkpoint_from_loop(run, &err) < 0)
		pp_shard_fail(run, &err);
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
