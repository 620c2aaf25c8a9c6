/*
 * What the tasks that worked on a job have logged: the lines of CloudWatch
 * Logs that name the job, of whatever task, in order of time.
 */
#ifndef PP_JOB_TASK_LOGS_H
#define PP_JOB_TASK_LOGS_H

#include <stdint.h>

#include "base/error.h"

struct pp_task_logs;

/*
 * From `since_ms` (wall clock) on. The group is PP_LOG_GROUP's or that of
 * outputs.json; see job/deployment.h. PP_ECONFIG. Returns owned, or NULL.
 */
struct pp_task_logs *pp_task_logs_open(const char *job_id,
	    int64_t since_ms, struct pp_error *err);
void	pp_task_logs_close(struct pp_task_logs *l);

/*
 * Call `fn` with each line that has not been handed out before, without its
 * newline. Returns how many there were, or -1.
 */
int64_t	pp_task_logs_read(struct pp_task_logs *l,
	    void (*fn)(void *arg, const char *line), void *arg,
	    struct pp_error *err);

#endif
