#include <config.h>

#include "job/shard.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/money.h"
#include "job/job.h"
#include "job/learn.h"
#include "job/task_render.h"

/* No row is begun further beyond the low-water mark than this. */
#define WINDOW_ROWS 32768
/* When to ask for money again after the home could not be asked. */
#define ASK_AGAIN_US INT64_C(1000000)
/* The local provider learns from this many seeds at most. */
#define LEARN_SEEDS 2000
#define US INT64_C(1000000)
/* What a row's line has besides its record and its outputs, about. */
#define LINE_BYTES 512

int64_t
pp_shard_window(const struct pp_shard_run *run)
{
	(void)run;
	return WINDOW_ROWS;
}

/* ---- opening what the job is pinned to ---- */

static int
load_config(struct pp_shard_run *run, struct pp_error *err)
{
	if (pp_job_load_config(run->store, run->claim->job_id, &run->config,
		err) < 0)
		return -1;
	if (run->claim->shard < run->config.shards)
		return 0;
	return pp_error_set(err, PP_EDATA, "job '%s' has no shard %d",
	    run->claim->job_id, run->claim->shard);
}

/* Template and config were made for each other; a damaged store may differ. */
static int
make_plan(struct pp_shard_run *run, struct pp_error *err)
{
	const struct pp_recipe_info *info = pp_recipe_info(run->recipe);

	if (info->step_count != run->config.step_count)
		return pp_error_set(err, PP_EDATA,
		    "job '%s' is pinned to %zu "
		    "steps and its template has %zu",
		    run->config.job_id, run->config.step_count,
		    info->step_count);
	run->plan = pp_calloc(info->step_count, sizeof *run->plan);
	for (size_t i = 0; i < info->step_count; i++) {
		const struct pp_recipe_step *s = &info->steps[i];
		const struct pp_config_step *c = &run->config.steps[i];

		if (strcmp(s->id, c->id) != 0)
			return pp_error_set(err, PP_EDATA,
			    "step '%s' of job "
			    "'%s' is '%s' in its template",
			    c->id, run->config.job_id, s->id);
		run->plan[i] = (struct pp_step_plan){ .id = s->id,
			.model = &c->model,
			.max_tokens = c->max_tokens,
			.temperature = s->temperature,
			.top_p = s->top_p,
			.stop = s->stop,
			.schema = s->schema,
			.cache = s->cache };
	}
	return 0;
}

static int
open_seeds(struct pp_shard_run *run, struct pp_error *err)
{
	run->seeds = pp_calloc(run->config.seeds_count,
	    sizeof(struct pp_seed_set *));
	for (size_t i = 0; i < run->config.seeds_count; i++) {
		const struct pp_config_seeds *s = &run->config.seeds[i];

		run->seeds[i] = pp_seed_open_pinned(run->store, s->manifest,
		    strlen(s->manifest), err);
		if (run->seeds[i] == NULL)
			return pp_error_wrap(err, "cannot open seed set '%s'",
			    s->set);
		if (pp_seed_count(run->seeds[i]) != s->count)
			return pp_error_set(err, PP_EDATA,
			    "seed set '%s' has changed", s->set);
	}
	return 0;
}

/* The n-gram model learns from the seeds, always the same ones. */
static int
learn_from_seeds(struct pp_shard_run *run, struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_buf text = PP_BUF_INIT;
	bool any = false;
	int rc = 0;

	for (size_t i = 0; i < run->config.step_count; i++)
		any |= run->plan[i].model->provider == PP_PROVIDER_LOCAL;
	for (size_t i = 0; any && rc == 0 && i < run->config.seeds_count; i++) {
		int64_t count = pp_seed_count(run->seeds[i]);

		for (int64_t k = 0; rc == 0 && k < count && k < LEARN_SEEDS;
		     k++) {
			pp_buf_clear(&text);
			rc = pp_seed_get(run->seeds[i], k, &text, err);
			pp_learn_from_seed(run->invoker, &doc, text.data,
			    text.len);
		}
	}
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
	return rc;
}

int
pp_shard_open(struct pp_shard_run *run, struct pp_error *err)
{
	struct pp_job_config *c = &run->config;

	if (load_config(run, err) < 0)
		return -1;
	pp_plan_slice(c->rows, c->shards, run->claim->shard, &run->first_row,
	    &run->end_row);
	run->recipe = pp_recipe_load(c->template_source,
	    strlen(c->template_source), c->template_name,
	    pp_job_config_fragment, c, NULL, err);
	if (run->recipe == NULL)
		return pp_error_wrap(err, "cannot use the template of job '%s'",
		    c->job_id);
	run->render = pp_render_new(run->recipe, NULL);
	if (make_plan(run, err) < 0 || open_seeds(run, err) < 0)
		return -1;
	return learn_from_seeds(run, err);
}

void
pp_shard_close(struct pp_shard_run *run)
{
	for (size_t i = 0; run->seeds != NULL && i < run->config.seeds_count;
	     i++)
		pp_seed_close(run->seeds[i]);
	free(run->seeds);
	pp_shard_drop_ahead(run);
	for (size_t i = 0; i < run->pending_count; i++)
		free(run->pending[i].line);
	free(run->pending);
	pp_shard_drop_publication(run);
	pp_ledger_release(&run->pending_ledger);
	pp_ledger_release(&run->told);
	pp_checkpoint_release(&run->cp);
	pp_journal_close(run->journal);
	pp_render_free(run->render);
	pp_recipe_free(run->recipe);
	free(run->plan);
	free(run->first_reason);
	pp_job_config_release(&run->config);
	pp_buf_release(&run->record);
	pp_buf_release(&run->category);
	pp_buf_release(&run->seed_json);
}

/* ---- what the loop asks for ---- */

static int
next_row(void *arg, struct pp_task *task, struct pp_error *err)
{
	struct pp_shard_run *run = arg;
	int rc = pp_shard_next_row(run, task, err);

	if (rc != 1)
		return rc;
	task->plan = run->plan;
	task->chance = pp_plan_chance(run->config.seed, task->row->index);
	return 1;
}

/* Bind the row's seeds and the outputs that it has. */
static int
begin_render(struct pp_shard_run *run, const struct pp_task *task,
    struct pp_error *err)
{
	const struct pp_job_config *c = &run->config;
	struct pp_task_seeds *seeds = task->user;
	struct pp_render_seed texts[PP_MAX_SEED_SETS];

	for (size_t i = 0; i < c->seeds_count; i++)
		texts[i] = (struct pp_render_seed){ .name = c->seeds[i].name,
			.json = seeds->texts[i].data,
			.len = seeds->texts[i].len };
	return pp_task_begin_render(task, c->seed, texts, c->seeds_count,
	    run->render, &seeds->bound, err);
}

static int
render_prompt(void *arg, struct pp_task *task, bool *skip,
    struct pp_buf *system, struct pp_buf *prompt, struct pp_error *err)
{
	struct pp_shard_run *run = arg;

	if (begin_render(run, task, err) < 0)
		return -1;
	return pp_render_step(run->render, task->row->at, skip, system, prompt,
	    err);
}

/* A failed row carries its seeds, so that it can go into a new run. */
static void
put_seeds(struct pp_shard_run *run, const struct pp_task *task)
{
	const struct pp_job_config *c = &run->config;
	const struct pp_task_seeds *seeds = task->user;
	struct pp_buf *out = &run->seed_json;

	pp_buf_clear(out);
	if (c->seeds_count == 1 && c->seeds[0].name == NULL) {
		pp_buf_add(out, seeds->texts[0].data, seeds->texts[0].len);
		return;
	}
	pp_buf_addc(out, '{');
	for (size_t i = 0; i < c->seeds_count; i++) {
		if (i > 0)
			pp_buf_addc(out, ',');
		pp_json_put_cstr(out, c->seeds[i].name);
		pp_buf_addc(out, ':');
		pp_buf_add(out, seeds->texts[i].data, seeds->texts[i].len);
	}
	pp_buf_addc(out, '}');
}

static int
render_record(struct pp_shard_run *run, struct pp_task *task)
{
	struct pp_error err = PP_ERROR_INIT;

	pp_buf_clear(&run->record);
	pp_buf_clear(&run->category);
	if (task->row->failed)
		return 0;
	if (begin_render(run, task, &err) < 0 ||
	    pp_render_record(run->render, &run->record, &run->category, &err) <
		0) {
		pp_buf_clear(&run->category);
		pp_row_fail(task->row, "template", 0, err.text, NULL, 0);
	}
	return 0;
}

static void
keep_line(struct pp_shard_run *run, struct pp_task *task)
{
	char id[PP_ROW_ID_BYTES];
	struct pp_buf line = PP_BUF_INIT;
	struct pp_row_extra extra = { .id = pp_plan_row_id(run->config.seed,
					  task->row->index, id),
		.category = &run->category,
		.record = &run->record,
		.done_at_ms = pp_clock_wall_ms() };
	struct pp_pending_row *p;

	if (task->row->failed) {
		put_seeds(run, task);
		extra.seed = &run->seed_json;
	}
	pp_buf_reserve(&line,
	    run->record.len + pp_row_output_bytes(task->row) + LINE_BYTES);
	pp_row_put_line(task->row, run->plan, &extra, &line);
	run->pending = pp_grow(run->pending, run->pending_count,
	    &run->pending_cap, sizeof *run->pending);
	p = &run->pending[run->pending_count++];
	p->index = task->row->index;
	p->line = pp_buf_detach(&line, &p->len);
}

static int
row_done(void *arg, struct pp_task *task, struct pp_error *err)
{
	struct pp_shard_run *run = arg;
	struct pp_row *row = task->row;
	struct pp_error why = PP_ERROR_INIT;
	int64_t failed;

	(void)err;
	render_record(run, task);
	keep_line(run, task);
	pp_ledger_add_row(&run->pending_ledger, row, run->plan);
	run->changed = true;
	if (!row->failed) {
		run->pending_ledger.rows_done++;
	} else {
		run->pending_ledger.rows_failed++;
		if (run->first_reason == NULL)
			run->first_reason = pp_asprintf("row %lld: %s",
			    (long long)row->index, row->failure.reason);
		pp_log(PP_LOG_WARN, "row_failed", "row", 'd', row->index,
		    "class", 's', row->failure.class, "status", 'd',
		    (int64_t)row->failure.http_status, NULL);
	}
	failed = run->cp.closed.rows_failed + run->pending_ledger.rows_failed;
	if (row->failed &&
	    pp_job_config_too_many_failed(&run->config, failed)) {
		pp_error_set(&why, PP_ENO,
		    "%lld rows failed, more than "
		    "the job puts up with; the first was %s",
		    (long long)failed, run->first_reason);
		pp_runner_stop(run->runner, PP_RUN_STOPPED, run->grace_ms,
		    &why);
	}
	pp_shard_schedule(run);
	return 0;
}

static void
drop_task(void *arg, struct pp_task *task)
{
	struct pp_shard_run *run = arg;
	struct pp_task_seeds *seeds = task->user;

	if (seeds == NULL)
		return;
	pp_render_unbind(run->render, seeds->bound);
	pp_task_seeds_free(seeds);
	task->user = NULL;
}

static int
on_try(void *arg, const struct pp_journal_try *t, struct pp_error *err)
{
	struct pp_shard_run *run = arg;

	/*
	 * The loop's clock may be old when the process was stopped. Others go
	 * by the wall clock: when it jumps, they may have the shard already.
	 */
	if (pp_clock_boot_us() >= run->lease_end_us ||
	    pp_clock_wall_ms() >= run->lease_end_wall_ms) {
		run->lease_over = true;
		return pp_error_set(err, PP_ETEMP,
		    "the lease of job '%s' ran out", run->claim->job_id);
	}
	run->changed = true;
	return run->journal != NULL ? pp_journal_try(run->journal, t, err) : 0;
}

static int
on_end(void *arg, const struct pp_journal_end *e, struct pp_error *err)
{
	struct pp_shard_run *run = arg;

	run->changed = true;
	run->answers += e->class == PP_CALL_OK;
	return run->journal != NULL ? pp_journal_end(run->journal, e, err) : 0;
}

static int
flush(void *arg, struct pp_error *err)
{
	struct pp_shard_run *run = arg;

	return run->journal != NULL ? pp_journal_flush(run->journal, err) : 0;
}

void
pp_shard_fail(struct pp_shard_run *run, const struct pp_error *why)
{
	pp_runner_stop(run->runner, PP_RUN_ERROR, run->lost ? 0 : run->grace_ms,
	    why);
}

/* ---- money ---- */

static void
add_row_totals(void *arg, struct pp_row *row)
{
	pp_row_add_totals(row, arg);
}

static void
add_task_totals(void *arg, struct pp_task *task,
    const struct pp_journal_try *attempt)
{
	(void)attempt;
	pp_row_add_totals(task->row, arg);
}

void
pp_shard_totals(const struct pp_shard_run *run, struct pp_totals *out)
{
	struct pp_totals pending;

	pp_checkpoint_totals(&run->cp, out);
	pp_ledger_totals(&run->pending_ledger, &pending);
	out->rows_done += pending.rows_done;
	out->rows_failed += pending.rows_failed;
	out->calls += pending.calls;
	out->tokens_in += pending.tokens_in;
	out->tokens_out += pending.tokens_out;
	if (run->runner != NULL)
		pp_runner_each(run->runner, add_task_totals, out);
	pp_shard_each_ahead(run, add_row_totals, out);
	out->settled_nusd = run->budget.settled_nusd;
	out->unproven_nusd = run->budget.unproven_nusd;
}

/*
 * What the next minute needs, by what the time so far took; never so much that
 * the other shards are left without.
 */
static int64_t
next_slice(const struct pp_shard_run *run, int64_t need_nusd)
{
	int64_t spent = run->budget.settled_nusd + run->budget.unproven_nusd -
	    run->spent_at_start;
	int64_t us = pp_loop_now_us(run->loop) - run->started_us;
	int64_t most = run->budget_limit_nusd / (4 * run->config.shards);
	__int128 slice = (__int128)spent * 60 * US / (us > US ? us : US);

	slice += (__int128)need_nusd * 4;
	return slice > most ? most : (int64_t)slice;
}

/* An ask for money: done at once, or beside the calls. */
struct asking {
	struct pp_shard_run *run; /* not for the one who asks */
	struct pp_claim claim;
	struct pp_totals totals;
	int64_t want_nusd, left_nusd, others_nusd;
};

static int
ask(struct pp_store *s, void *arg, struct pp_error *err)
{
	struct asking *a = arg;

	return pp_store_grant(s, &a->claim, &a->totals, a->want_nusd,
	    pp_clock_wall_ms(), &a->left_nusd, &a->others_nusd, err);
}

static void
take_answer(struct pp_shard_run *run, const struct asking *a)
{
	run->claim->seq = a->claim.seq;
	run->claim->granted_nusd = a->claim.granted_nusd;
	run->claim->totals = a->claim.totals;
	run->budget.granted_nusd = a->claim.granted_nusd;
	if (a->want_nusd == 0)
		return; /* giving back says nothing of what can be had */
	run->limit_reached = a->left_nusd <= 0;
	run->others_hold = a->others_nusd > 0;
}

static void
ask_again(void *arg)
{
	struct pp_shard_run *run = arg;

	run->asking = false; /* the loop turns, and asks if it still wants */
}

/* A home that is out of reach is asked again for as long as the lease lasts. */
static bool
may_ask_again(const struct pp_shard_run *run, const struct pp_error *err)
{
	return (err->code == PP_EUNAVAIL || err->code == PP_ETEMP) &&
	    pp_clock_boot_us() < run->lease_end_us;
}

static void
on_answer(void *arg, int rc, const struct pp_error *err)
{
	struct asking *a = arg;
	struct pp_shard_run *run = a->run;

	run->asking = false;
	if (rc == 0) {
		take_answer(run, a);
	} else if (may_ask_again(run, err)) {
		pp_log(PP_LOG_WARN, "grant_delayed", "reason", 's', err->text,
		    NULL);
		run->asking = true;
		pp_timer_set(run->loop, &run->ask_timer, ASK_AGAIN_US,
		    ask_again, run);
	} else {
		run->lost |= err->code == PP_ECONFLICT;
		pp_shard_fail(run, err);
	}
	free(a);
}

/* Begin to ask; 1: it is done beside the calls. */
static int
begin_to_ask(struct pp_shard_run *run, struct asking *a, struct pp_error *err)
{
	struct pp_aside_task task = { .work = ask, .done = on_answer };

	a->run = run;
	a->claim = *run->claim;
	pp_shard_totals(run, &a->totals);
	if (run->aside != NULL) {
		task.arg = pp_memdup(a, sizeof *a);
		pp_aside_do(run->aside, &task);
		run->asking = true;
		return 1;
	}
	if (ask(run->store, a, err) < 0) {
		run->lost |= err->code == PP_ECONFLICT;
		return -1;
	}
	take_answer(run, a);
	return 0;
}

static int
fund(void *arg, int64_t need_nusd, enum pp_fund *answer, struct pp_error *err)
{
	struct pp_shard_run *run = arg;
	int64_t now_us = pp_loop_now_us(run->loop);
	struct asking a = { .want_nusd = 0 };
	int rc;

	*answer = run->asking ? PP_FUND_ASKED :
	    run->others_hold  ? PP_FUND_LATER :
				PP_FUND_NONE;
	if (run->asking ||
	    (run->limit_reached &&
		(!run->others_hold || now_us - run->grant_us < US)))
		return 0;
	run->grant_us = now_us;
	a.want_nusd = pp_money_add(run->budget.reserved_nusd,
	    pp_money_add(need_nusd, next_slice(run, need_nusd)));
	rc = begin_to_ask(run, &a, err);
	if (rc != 0) {
		*answer = PP_FUND_ASKED;
		return rc < 0 ? -1 : 0;
	}
	if (run->claim->granted_nusd - a.totals.settled_nusd -
		    a.totals.unproven_nusd >=
		a.want_nusd ||
	    pp_budget_free(&run->budget) >= need_nusd)
		*answer = PP_FUND_GRANTED;
	else
		*answer = run->others_hold ? PP_FUND_LATER : PP_FUND_NONE;
	return 0;
}

/* What goes back must not be spent while that is said. */
static int
unfund(void *arg, struct pp_error *err)
{
	struct pp_shard_run *run = arg;
	struct asking a = { .want_nusd = 0 };

	if (run->asking)
		return 0;
	run->budget.granted_nusd = run->budget.settled_nusd +
	    run->budget.unproven_nusd + run->budget.reserved_nusd;
	return begin_to_ask(run, &a, err) < 0 ? -1 : 0;
}

const struct pp_runner_ops pp_shard_ops = {
	.next = next_row,
	.prompt = render_prompt,
	.done = row_done,
	.drop = drop_task,
	.on_try = on_try,
	.on_end = on_end,
	.flush = flush,
	.fund = fund,
	.unfund = unfund,
};
