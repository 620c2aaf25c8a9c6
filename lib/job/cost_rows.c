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
note_entry(struct pp_checkpoint *cp, const struct pp_ledger_entry *now,
    const struct pp_ledger_entry *before, size_t i)
{
	static const struct pp_ledger_entry zero;
	char time[PP_TIME_TEXT_BYTES];
	struct pp_cost *c = &cp->costs[cp->cost_count];

	if (before == NULL)
		before = &zero;
	*c = (struct pp_cost){ .tokens_in = grown(now->usage.tokens_in,
				   before->usage.tokens_in),
		.tokens_out = grown(now->usage.tokens_out,
		    before->usage.tokens_out),
		.cost_nusd = grown(now->cost_nusd, before->cost_nusd) };
	if (c->tokens_in == 0 && c->tokens_out == 0 && c->cost_nusd == 0)
		return;
	c->model_id = pp_strdup(now->model);
	memcpy(c->job_id, cp->job_id, sizeof c->job_id);
	snprintf(c->timestamp, sizeof c->timestamp, "%s#%05d#%09lld#%zu",
	    pp_time_format(cp->last_updated_ms, time), cp->shard,
	    (long long)cp->number, i);
	cp->cost_count++;
}

void
pp_cost_rows_note(struct pp_checkpoint *cp, const struct pp_step_plan *plan,
    struct pp_ledger *told)
{
	struct pp_ledger spent = PP_LEDGER_INIT;

	pp_cost_rows_told(cp, plan, &spent);
	pp_checkpoint_drop_costs(cp);
	cp->costs = pp_calloc(spent.count, sizeof *cp->costs);
	for (size_t i = 0; i < spent.count; i++)
		note_entry(cp, &spent.entries[i],
		    pp_ledger_find(told, spent.entries[i].step,
			spent.entries[i].model),
		    i);
	if (cp->cost_count > 0) {
		cp->costs[0].compute_ms = cp->untold_ms;
		cp->costs[0].store_operations = cp->untold_operations;
		cp->untold_ms = cp->untold_operations = 0;
	}
	pp_ledger_release(told);
	*told = spent;
}
