#include <config.h>

#include "job/task_render.h"

#include "job/plan.h"

static struct pp_bound_row *
bind(const struct pp_task *task, uint64_t seed,
    const struct pp_render_seed *seeds, size_t count, struct pp_render *render,
    struct pp_error *err)
{
	char id[PP_ROW_ID_BYTES];
	struct pp_render_row row = { .index = task->row->index,
		.id = pp_plan_row_id(seed, task->row->index, id),
		.chance = task->chance };

	return pp_render_bind(render, seeds, count, &row, err);
}

int
pp_task_begin_render(const struct pp_task *task, uint64_t seed,
    const struct pp_render_seed *seeds, size_t count, struct pp_render *render,
    struct pp_bound_row **bound, struct pp_error *err)
{
	if (*bound == NULL)
		*bound = bind(task, seed, seeds, count, render, err);
	if (*bound == NULL)
		return -1;
	pp_render_resume(render, *bound);
	for (size_t i = 0; i < task->row->step_count; i++) {
		const struct pp_row_step *s = &task->row->steps[i];

		if (pp_render_is_told(render, i))
			continue;
		if (s->state == PP_STEP_DONE)
			pp_render_set_output(render, i, s->output,
			    s->output_len, task->plan[i].model->name);
		else if (s->state == PP_STEP_SKIPPED)
			pp_render_set_skipped(render, i);
	}
	return 0;
}
