/*
 * Cost rows: what a shard has spent from one checkpoint to the next.
 *
 * The rows of a checkpoint stand in it, and go into the table after it. Whoever
 * takes the shard over writes those of the checkpoint that is there again: a
 * worker may have died between the two, and a row written twice is one row. So
 * the rows of a shard add up to what its last checkpoint says was spent.
 */
#ifndef PP_JOB_COST_ROWS_H
#define PP_JOB_COST_ROWS_H

#include "job/checkpoint.h"
#include "job/ledger.h"
#include "model/invoke.h"

/* The model of rows that tell what the workers' time costs; no name of one. */
#define PP_COST_COMPUTE "(compute)"

/*
 * What was spent as of `cp`, unfinished rows included: that is what rows tell
 * once those of `cp` are written. `plan` has the steps of the job; `told` is
 * empty at first.
 */
void	pp_cost_rows_told(const struct pp_checkpoint *cp,
	    const struct pp_step_plan *plan, struct pp_ledger *told);

/*
 * Put the rows of `cp`, which has just been advanced, in the place of those
 * before: what was spent since `told`, which is brought up to date. Time and
 * operations that no row has told yet go into the first, and the price of that
 * time into a row of its own; without a row they wait in the checkpoint.
 */
void	pp_cost_rows_note(struct pp_checkpoint *cp,
	    const struct pp_step_plan *plan, struct pp_ledger *told);

#endif
