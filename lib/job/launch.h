/*
 * Workers as tasks on Fargate: started for one job, or for whatever is in the
 * queue, and stopped. Where and how they run stands in the environment, or in
 * the outputs.json of the deployment (job/deployment.h):
 *
 *	PP_ECS_CLUSTER			name or ARN
 *	PP_ECS_TASK_DEFINITION		family, family:revision or ARN
 *	PP_ECS_SUBNETS			comma-separated
 *	PP_ECS_SECURITY_GROUPS		comma-separated; may be missing
 *	PP_ECS_CONTAINER		whose command it is [worker]
 *	PP_ECS_PUBLIC_IP		false: the subnets have a way out [true]
 */
#ifndef PP_JOB_LAUNCH_H
#define PP_JOB_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/ecs.h"
#include "base/error.h"

struct pp_launcher;

/*
 * PP_ECONFIG: a variable is missing, or there is no region. Returns owned, or
 * NULL.
 */
struct pp_launcher *pp_launcher_new(struct pp_error *err);
void	pp_launcher_free(struct pp_launcher *l);

/*
 * Start `workers` tasks for the job, `concurrency` (text, may be NULL) calls
 * in flight in each. `out` gets what was started and why the rest was not;
 * to be released, also on failure. Never asks for on-demand capacity unless
 * told to.
 */
int	pp_launch_job(struct pp_launcher *l, const char *job_id, int workers,
	    const char *concurrency, bool on_demand, struct pp_ecs_tasks *out,
	    struct pp_error *err);

/*
 * Start as many tasks as entries wait in the queue, so that `max` tasks of
 * the task definition run or are about to. Fit to be called by two at once:
 * who sees the same starts the same. `*running` (may be NULL) is how many
 * there were.
 */
int	pp_launch_queue(struct pp_launcher *l, int64_t queued,
	    int64_t claimed, int max, bool on_demand, int64_t *running,
	    struct pp_ecs_tasks *out, struct pp_error *err);

/* Stop the job's own tasks; returns how many, or -1. */
int	pp_launch_stop(struct pp_launcher *l, const char *job_id,
	    struct pp_error *err);

#endif
