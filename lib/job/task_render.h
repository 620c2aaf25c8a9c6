/*
 * Rendering the row of a task, which is done a step at a time while other
 * rows are rendered between.
 */
#ifndef PP_JOB_TASK_RENDER_H
#define PP_JOB_TASK_RENDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "job/runner.h"
#include "template/recipe.h"

/*
 * Make the task's row the one at hand, with what its steps answered so far.
 * `*bound` is NULL the first time: the seeds are read then, and their texts
 * must live until pp_render_unbind(). `seed` is the job's, of all chance.
 * 0, or -1 with PP_EDATA.
 */
int	pp_task_begin_render(const struct pp_task *task, uint64_t seed,
	    const struct pp_render_seed *seeds, size_t count,
	    struct pp_render *render, struct pp_bound_row **bound,
	    struct pp_error *err);

#endif
