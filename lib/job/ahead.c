#include <config.h>

#include "job/shard.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "job/plan.h"

/* Rows of the first reading, so that the first calls go out soon. */
#define FIRST_ROWS 16
/* So much of what was read may wait; a reading ends when it has half of it. */
#define AHEAD_BYTES ((size_t)16 << 20)

void
pp_task_seeds_free(struct pp_task_seeds *seeds)
{
	if (seeds == NULL)
		return;
	for (size_t i = 0; i < seeds->count; i++)
		pp_buf_release(&seeds->texts[i]);
	free(seeds);
}

/* ---- which row comes next ---- */

static bool
is_resumed(const struct pp_shard_run *run, int64_t row)
{
	size_t low = 0, high = run->resumed_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (run->resumed_rows[middle] < row)
			low = middle + 1;
		else
			high = middle;
	}
	return low < run->resumed_count && run->resumed_rows[low] == row;
}

/* 1; 0: there are no more; 2: there is none before the next checkpoint. */
static int
pick_row(struct pp_shard_run *run, struct pp_row **out)
{
	if (run->resumed_at < run->resumed_count) {
		*out = run->resumed[run->resumed_at++];
		return 1;
	}
	while (run->next_row < run->end_row &&
	    (pp_checkpoint_has_row(&run->cp, run->next_row) ||
		is_resumed(run, run->next_row)))
		run->next_row++;
	if (run->next_row >= run->end_row)
		return 0;
	if (run->next_row - run->cp.low_water >= pp_shard_window(run)) {
		run->window_full = true;
		pp_shard_schedule(run);
		return 2;
	}
	*out = pp_row_new(run->next_row++, run->config.step_count);
	return 1;
}

/* ---- its seeds ---- */

static int64_t
seed_index(const struct pp_job_config *c, size_t set, int64_t row)
{
	return pp_plan_seed_index(c->seed, c->order, (int)set,
	    c->seeds[set].count, row);
}

/* Returns owned, or NULL; `*bytes` grows by what they have. */
static struct pp_task_seeds *
read_seeds(struct pp_shard_run *run, int64_t row, size_t *bytes,
    struct pp_error *err)
{
	const struct pp_job_config *c = &run->config;
	struct pp_task_seeds *seeds = pp_calloc(1,
	    sizeof *seeds + c->seeds_count * sizeof seeds->texts[0]);

	seeds->count = c->seeds_count;
	for (size_t i = 0; i < seeds->count; i++)
		pp_buf_init(&seeds->texts[i], 0);
	for (size_t i = 0; i < seeds->count; i++) {
		if (pp_seed_get(run->seeds[i], seed_index(c, i, row),
			&seeds->texts[i], err) < 0) {
			pp_task_seeds_free(seeds);
			return NULL;
		}
		*bytes += seeds->texts[i].len;
	}
	return seeds;
}

/* ---- beside the calls ---- */

/*
 * The seeds of some rows are read. Until it is told, the sets are the
 * thread's; the rows are the loop's all the time.
 */
struct reading {
	struct pp_shard_run *run;
	size_t count, done, bytes;
	int64_t rows[PP_SEED_FETCH];
	struct pp_task_seeds *seeds[PP_SEED_FETCH];
};

/* Of how many of the rows from `done` on all seeds are at hand, or -1. */
static int
fetch(struct reading *r, struct pp_error *err)
{
	const struct pp_job_config *c = &r->run->config;
	int64_t at[PP_SEED_FETCH];
	int n = (int)(r->count - r->done);

	for (size_t i = 0; i < c->seeds_count && n > 0; i++) {
		for (int k = 0; k < n; k++)
			at[k] = seed_index(c, i, r->rows[r->done + (size_t)k]);
		n = pp_seed_fetch(r->run->seeds[i], at, (size_t)n, err);
	}
	return n;
}

static int
read_rows(struct pp_store *s, void *arg, struct pp_error *err)
{
	struct reading *r = arg;
	int n;

	for (size_t i = 0; i < r->run->config.seeds_count; i++)
		pp_seed_use(r->run->seeds[i], s);
	while (r->done < r->count && r->bytes < AHEAD_BYTES / 2) {
		n = fetch(r, err);
		if (n < 0)
			return -1;
		for (; n > 0; n--, r->done++) {
			r->seeds[r->done] = read_seeds(r->run, r->rows[r->done],
			    &r->bytes, err);
			if (r->seeds[r->done] == NULL)
				return -1;
		}
	}
	return 0;
}

static size_t
place_of(const struct pp_ahead *a, size_t i)
{
	return (a->first + i) % PP_AHEAD_ROWS;
}

static struct pp_row_ahead *
row_ahead(struct pp_ahead *a, size_t i)
{
	return &a->rows[place_of(a, i)];
}

static void
on_read(void *arg, int rc, const struct pp_error *err)
{
	struct reading *r = arg;
	struct pp_shard_run *run = r->run;
	struct pp_ahead *a = &run->ahead;

	a->reading = false;
	for (size_t i = 0; i < r->done; i++)
		row_ahead(a, a->read++)->seeds = r->seeds[i];
	a->bytes += r->bytes;
	free(r);
	if (rc < 0)
		pp_shard_fail(run, err);
	else
		pp_runner_wake(run->runner);
}

/* As many rows as there is room for; what pick_row() says of the next. */
static int
pick_rows(struct pp_shard_run *run)
{
	struct pp_ahead *a = &run->ahead;
	int rc = 1;

	while (a->count < PP_AHEAD_ROWS && rc == 1) {
		rc = pick_row(run, &row_ahead(a, a->count)->row);
		a->count += rc == 1;
	}
	return rc;
}

static void
begin_to_read(struct pp_shard_run *run)
{
	struct pp_aside_task task = { .work = read_rows, .done = on_read };
	struct pp_ahead *a = &run->ahead;
	struct reading *r;

	if (a->reading || a->read == a->count || a->bytes >= AHEAD_BYTES / 2 ||
	    a->read > PP_AHEAD_ROWS - PP_SEED_FETCH)
		return;
	r = pp_calloc(1, sizeof *r);
	r->run = run;
	a->most = a->most == 0 ? FIRST_ROWS : PP_SEED_FETCH;
	while (r->count < a->most && a->read + r->count < a->count) {
		r->rows[r->count] = row_ahead(a, a->read + r->count)
					->row->index;
		r->count++;
	}
	task.arg = r;
	a->reading = true;
	pp_aside_do(run->reader, &task);
}

/* As pp_shard_next_row(), from what was read already. */
static int
take_row(struct pp_shard_run *run, struct pp_task *task)
{
	struct pp_ahead *a = &run->ahead;
	struct pp_row_ahead *next = row_ahead(a, 0);
	int rc = pick_rows(run);

	if (a->read > 0) {
		task->row = next->row;
		task->user = next->seeds;
		for (size_t i = 0; i < next->seeds->count; i++)
			a->bytes -= next->seeds->texts[i].len;
		*next = (struct pp_row_ahead){ NULL, NULL };
		a->first = (a->first + 1) % PP_AHEAD_ROWS;
		a->count--;
		a->read--;
		rc = 1;
	} else if (a->count > 0) {
		rc = 2;
	}
	begin_to_read(run);
	return rc;
}

/* ---- what the shard asks for ---- */

int
pp_shard_next_row(struct pp_shard_run *run, struct pp_task *task,
    struct pp_error *err)
{
	size_t bytes = 0;
	int rc;

	if (run->reader != NULL)
		return take_row(run, task);
	rc = pick_row(run, &task->row);
	if (rc != 1)
		return rc;
	task->user = read_seeds(run, task->row->index, &bytes, err);
	if (task->user != NULL)
		return 1;
	pp_row_free(task->row);
	return -1;
}

void
pp_shard_each_ahead(const struct pp_shard_run *run,
    void (*fn)(void *arg, struct pp_row *row), void *arg)
{
	const struct pp_ahead *a = &run->ahead;

	for (size_t i = 0; i < a->count; i++)
		fn(arg, a->rows[place_of(a, i)].row);
	for (size_t i = run->resumed_at; i < run->resumed_count; i++)
		fn(arg, run->resumed[i]);
}

void
pp_shard_drop_ahead(struct pp_shard_run *run)
{
	struct pp_ahead *a = &run->ahead;

	assert(!a->reading);
	for (size_t i = 0; i < a->count; i++) {
		pp_row_free(row_ahead(a, i)->row);
		pp_task_seeds_free(row_ahead(a, i)->seeds);
	}
	a->count = a->read = 0;
	for (size_t i = run->resumed_at; i < run->resumed_count; i++)
		pp_row_free(run->resumed[i]);
	free(run->resumed);
	free(run->resumed_rows);
}
