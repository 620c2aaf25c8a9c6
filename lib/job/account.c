#include <config.h>

#include "job/account.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/money.h"
#include "job/batch.h"
#include "job/checkpoint.h"
#include "job/config.h"
#include "template/recipe.h"

/* How often a job that moves on while it is verified is read again. */
#define MAX_ROUNDS 5

/* The names that a job's unfinished rows leave out. */
static int
make_plan(const struct pp_job_config *c, struct pp_step_plan *plan,
    struct pp_error *err)
{
	if (c->step_count > PP_MAX_STEPS)
		return pp_error_set(err, PP_EDATA,
		    "the job's configuration has too many steps");
	for (size_t i = 0; i < c->step_count; i++)
		plan[i] = (struct pp_step_plan){ .id = c->steps[i].id,
			.model = &c->steps[i].model };
	return 0;
}

static int
add_checkpoint(struct pp_account *a, const struct pp_checkpoint *cp,
    const struct pp_step_plan *plan, size_t step_count, struct pp_error *err)
{
	pp_ledger_add(&a->ledger, &cp->closed);
	for (size_t i = 0; i < cp->open_count; i++) {
		const struct pp_row *r = cp->open[i];

		if (r->step_count > step_count)
			return pp_error_set(err, PP_EDATA,
			    "the checkpoint of "
			    "shard %d has more steps than the job",
			    cp->shard);
		pp_ledger_add_row(&a->ledger, r, plan);
		if (pp_row_cost(r) > 0 || pp_row_unproven(r) > 0)
			a->open_rows++;
	}
	for (size_t i = 0; i < cp->attempt_count; i++) {
		a->calls_on_wire++;
		a->on_wire_nusd = pp_money_add(a->on_wire_nusd,
		    cp->attempts[i].reserved_nusd);
	}
	a->compute_ms = pp_money_add(a->compute_ms, cp->compute_ms);
	a->compute_nusd = pp_money_add(a->compute_nusd, cp->compute_nusd);
	pp_tally_add(&a->ended, &cp->ended);
	if (a->as_of_ms == 0 || cp->last_updated_ms < a->as_of_ms)
		a->as_of_ms = cp->last_updated_ms;
	return 0;
}

static int
add_shards(struct pp_store *s, const struct pp_job *job,
    const struct pp_job_config *config, struct pp_account *a,
    struct pp_error *err)
{
	struct pp_step_plan plan[PP_MAX_STEPS];
	struct pp_checkpoint cp;
	int rc;

	if (make_plan(config, plan, err) < 0)
		return -1;
	for (int i = 0; i < job->shards; i++) {
		rc = pp_checkpoint_load(pp_store_blobs(s), job->job_id,
		    job->shards, i, &cp, err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		rc = add_checkpoint(a, &cp, plan, config->step_count, err);
		pp_checkpoint_release(&cp);
		if (rc < 0)
			return -1;
	}
	return pp_ledger_check_sums(&a->ledger, err);
}

int
pp_account_load(struct pp_store *s, const struct pp_job *job,
    struct pp_account *out, struct pp_error *err)
{
	struct pp_job_config config;
	int rc;

	memset(out, 0, sizeof *out);
	rc = pp_job_config_parse(job->config, strlen(job->config), &config,
	    err);
	if (rc == 0)
		rc = add_shards(s, job, &config, out, err);
	if (rc < 0) {
		pp_account_release(out);
		pp_error_wrap(err, "no account of job '%s'", job->job_id);
	}
	pp_job_config_release(&config);
	return rc;
}

void
pp_account_release(struct pp_account *a)
{
	pp_ledger_release(&a->ledger);
}

/* ---- rows against checkpoints ---- */

/* What the checkpoints say of rows on the chain, and which ones they were. */
static int
sum_checkpoints(struct pp_store *s, const struct pp_job *job,
    struct pp_ledger *out, struct pp_buf *stamp, struct pp_error *err)
{
	struct pp_checkpoint cp;
	int rc;

	pp_ledger_release(out);
	pp_buf_clear(stamp);
	for (int i = 0; i < job->shards; i++) {
		rc = pp_checkpoint_load(pp_store_blobs(s), job->job_id,
		    job->shards, i, &cp, err);
		if (rc < 0)
			return -1;
		pp_buf_addf(stamp, "%s;", rc > 0 ? cp.etag : "");
		if (rc > 0) {
			pp_ledger_add(out, &cp.closed);
			pp_checkpoint_release(&cp);
		}
	}
	return 0;
}

static int
sum_batches(struct pp_store *s, const struct pp_job *job, struct pp_ledger *out,
    struct pp_error *err)
{
	struct pp_batches *b = pp_batches_open(pp_store_blobs(s), job->job_id,
	    job->shards, job->rows, err);
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *v;
	const char *line;
	int64_t row;
	size_t len;
	int rc = -1;

	pp_ledger_release(out);
	while (b != NULL &&
	    (rc = pp_batches_next(b, &row, &line, &len, err)) > 0) {
		v = pp_json_parse(&doc, line, len, 0, err);
		if (v == NULL || pp_ledger_add_line(out, v, err) < 0) {
			rc = pp_error_wrap(err, "row %lld of job '%s'",
			    (long long)row, job->job_id);
			break;
		}
	}
	pp_json_doc_release(&doc);
	pp_batches_close(b);
	return rc;
}

struct figure {
	const char *name;
	int64_t checkpoint, batches;
	bool is_money;
};

static int
compare_figure(const struct figure *f, const char *where, struct pp_error *err)
{
	char a[PP_MONEY_TEXT_BYTES], b[PP_MONEY_TEXT_BYTES];

	if (f->checkpoint == f->batches)
		return 0;
	if (f->is_money)
		return pp_error_set(err, PP_EBUG,
		    "%s: %s is $%s in the "
		    "checkpoint and $%s in the batches",
		    where, f->name, pp_money_format(f->checkpoint, a),
		    pp_money_format(f->batches, b));
	return pp_error_set(err, PP_EBUG,
	    "%s: %s is %lld in the checkpoint "
	    "and %lld in the batches",
	    where, f->name, (long long)f->checkpoint, (long long)f->batches);
}

static int
compare_entry(const struct pp_ledger_entry *c, const struct pp_ledger_entry *b,
    struct pp_error *err)
{
	static const struct pp_ledger_entry none;
	const struct pp_ledger_entry *named = c != NULL ? c : b;
	char *where = pp_asprintf("step '%s' on model '%s'", named->step,
	    named->model);
	int rc = 0;

	c = c != NULL ? c : &none;
	b = b != NULL ? b : &none;
	const struct figure figures[] = {
		{ "calls", c->calls, b->calls, false },
		{ "tokens_in", c->usage.tokens_in, b->usage.tokens_in, false },
		{ "tokens_out", c->usage.tokens_out, b->usage.tokens_out,
		    false },
		{ "tokens_cached", c->usage.cache_read, b->usage.cache_read,
		    false },
		{ "tokens_cache_write", c->usage.cache_write,
		    b->usage.cache_write, false },
		{ "cost", c->cost_nusd, b->cost_nusd, true },
		{ "unproven", c->unproven_nusd, b->unproven_nusd, true },
	};
	for (size_t i = 0; rc == 0 && i < sizeof figures / sizeof figures[0];
	     i++)
		rc = compare_figure(&figures[i], where, err);
	free(where);
	return rc;
}

static int
compare_ledgers(const struct pp_ledger *c, const struct pp_ledger *b,
    struct pp_error *err)
{
	const struct figure rows[] = {
		{ "rows_done", c->rows_done, b->rows_done, false },
		{ "rows_failed", c->rows_failed, b->rows_failed, false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (compare_figure(&rows[i], "all shards", err) < 0)
			return -1;
	}
	for (size_t i = 0; i < c->count; i++) {
		const struct pp_ledger_entry *e = &c->entries[i];

		if (compare_entry(e, pp_ledger_find(b, e->step, e->model),
			err) < 0)
			return -1;
	}
	for (size_t i = 0; i < b->count; i++) {
		const struct pp_ledger_entry *e = &b->entries[i];

		if (pp_ledger_find(c, e->step, e->model) == NULL &&
		    compare_entry(NULL, e, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * A worker may publish while this reads: a difference, or a batch that does
 * not fit, counts only when the checkpoints are still the ones it began with.
 */
int
pp_account_verify(struct pp_store *s, const struct pp_job *job,
    struct pp_error *err)
{
	struct pp_ledger closed = PP_LEDGER_INIT, rows = PP_LEDGER_INIT;
	struct pp_ledger again = PP_LEDGER_INIT;
	struct pp_buf before = PP_BUF_INIT, after = PP_BUF_INIT;
	struct pp_error why = PP_ERROR_INIT;
	int rc = -1, round;

	for (round = 0; round < MAX_ROUNDS; round++) {
		if (sum_checkpoints(s, job, &closed, &before, err) < 0)
			goto out;
		rc = sum_batches(s, job, &rows, &why);
		if (rc == 0)
			rc = compare_ledgers(&closed, &rows, &why);
		if (rc == 0)
			goto out;
		rc = -1;
		if (sum_checkpoints(s, job, &again, &after, err) < 0)
			goto out;
		if (strcmp(before.data, after.data) == 0)
			break;
	}
	if (round == MAX_ROUNDS)
		pp_error_set(err, PP_ETEMP,
		    "job '%s' cannot be verified while "
		    "workers go on with it",
		    job->job_id);
	else
		pp_error_set(err, why.code, "job '%s' does not add up: %s",
		    job->job_id, why.text);
out:
	pp_ledger_release(&closed);
	pp_ledger_release(&rows);
	pp_ledger_release(&again);
	pp_buf_release(&before);
	pp_buf_release(&after);
	return rc;
}
