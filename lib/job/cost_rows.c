#include <config.h>

#include "job/cost_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

void
pp_cost_rows_told(const struct pp_checkpoint *cp,
    const struct pp_step_plan *plan, struct pp_ledger *told)
{
	pp_ledger_add(told, &cp->closed);
	for (size_t i = 0; i < cp->open_count; i++)
		pp_ledger_add_row(told, cp->open[i], plan);
}

/* Sums only grow, unless a batch that was taken over is damaged. */
static int64_t
grown(int64_t now, int64_t before)
{
	return now > before ? now - before : 0;
}

/* The number of the checkpoint is in its key: written twice it is one row. */
static void
add_row(struct pp_checkpoint *cp, const struct pp_cost *cost, const char *model,
    size_t i)
{
	char time[PP_TIME_TEXT_BYTES];
	struct pp_cost *c = &cp->costs[cp->cost_count++];

	*c = *cost;
	c->model_id = pp_strdup(model);
	memcpy(c->job_id, cp->job_id, sizeof c->job_id);
	snprintf(c->timestamp, sizeof c->timestamp, "%s#%05d#%09lld#%zu",
	    pp_time_format(cp->last_updated_ms, time), cp->shard,
	    (long long)cp->number, i);
}

static void
note_entry(struct pp_checkpoint *cp, const struct pp_ledger_entry *now,
    const struct pp_ledger_entry *before, size_t i)
{
	static const struct pp_ledger_entry zero;
	struct pp_cost c;

	if (before == NULL)
		before = &zero;
	c = (struct pp_cost){ .tokens_in = grown(now->usage.tokens_in,
				  before->usage.tokens_in),
		.tokens_out = grown(now->usage.tokens_out,
		    before->usage.tokens_out),
		.cost_nusd = grown(now->cost_nusd, before->cost_nusd) };
	if (c.tokens_in != 0 || c.tokens_out != 0 || c.cost_nusd != 0)
		add_row(cp, &c, now->model, i);
}

/* What waited for a row; `i` is the number of the next. */
static void
note_work(struct pp_checkpoint *cp, size_t i)
{
	struct pp_cost compute = { .cost_nusd = cp->untold_nusd };

	if (cp->cost_count == 0)
		return;
	cp->costs[0].compute_ms = cp->untold_ms;
	cp->costs[0].store_operations = cp->untold_operations;
	if (compute.cost_nusd > 0)
		add_row(cp, &compute, PP_COST_COMPUTE, i);
	cp->untold_ms = cp->untold_operations = cp->untold_nusd = 0;
}

void
pp_cost_rows_note(struct pp_checkpoint *cp, const struct pp_step_plan *plan,
    struct pp_ledger *told)
{
	struct pp_ledger spent = PP_LEDGER_INIT;

	pp_cost_rows_told(cp, plan, &spent);
	pp_checkpoint_drop_costs(cp);
	cp->costs = pp_calloc(spent.count + 1, sizeof *cp->costs);
	for (size_t i = 0; i < spent.count; i++)
		note_entry(cp, &spent.entries[i],
		    pp_ledger_find(told, spent.entries[i].step,
			spent.entries[i].model),
		    i);
	note_work(cp, spent.count);
	pp_ledger_release(told);
	*told = spent;
}
