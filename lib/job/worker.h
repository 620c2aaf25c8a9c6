/*
 * The worker: claims shards of jobs and works on them until it is told to
 * stop or the queue is empty.
 */
#ifndef PP_JOB_WORKER_H
#define PP_JOB_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/store.h"

#define PP_DEFAULT_CONCURRENCY 64
#define PP_DEFAULT_MAX_RUNNING 5

/* What a progress line shows. */
struct pp_worker_progress {
	const char *job_id;
	int64_t rows_done, rows_failed, rows;	/* of the shard */
	int64_t settled_nusd, unproven_nusd;
	int64_t budget_nusd;			/* or PP_NO_LIMIT */
	int in_flight;
	double rows_per_second;
};

struct pp_worker_options {
	const char *job_id;		/* this job only; NULL: any */
	const char *task_arn;		/* of the task this is; or NULL */
	int64_t hour_nusd;		/* what an hour of it costs; 0: not
					 * known */
	const char *notify;		/* ARN of the topic that is told when a
					 * job has ended; or NULL */
	bool once;			/* one claim */
	bool forever;			/* wait for more when the queue is empty */
	int concurrency;		/* model calls in flight */
	int64_t grace_ms;		/* for calls on the wire at SIGTERM */
	int64_t lease_ms;
	int64_t deadline_ms;		/* of trouble without one success */
	int64_t row_timeout_ms;		/* of a row from its beginning */
	int64_t max_time_ms;		/* of all work, then as at SIGTERM; 0:
					 * no bound */
	int64_t checkpoint_ms;		/* T */
	int64_t backoff_ms;		/* before the first retry */
	int retries;
	int max_running;		/* jobs that may run at once */
	void (*progress)(void *arg, const struct pp_worker_progress *p);
	void *progress_arg;		/* progress may be NULL */
	const char *health_file;	/* a sign of life goes here, or NULL */
};

/* Fill in the documented defaults. */
void	pp_worker_options_init(struct pp_worker_options *o);

/*
 * Work. Returns the exit status: 0, 1 (a job failed), 3 (a budget was
 * reached), 75 (stopped or throttled, its checkpoint saved), 69, 77 ...; for
 * those that are not 0, `err` says why. With job_id, a job that has ended, or
 * that others end meanwhile, is told as it has ended: 0, 1 or 3. Handles SIGTERM and SIGINT: the calls
 * on the wire come home, a checkpoint, the shard goes back; a second one skips
 * the wait.
 */
int	pp_worker_run(struct pp_store *store,
	    const struct pp_worker_options *options, struct pp_error *err);

/* Which of two exit statuses tells more. */
int	pp_worker_worse(int a, int b);

/*
 * Embedded home: whether the worker that calls itself `owner` is gone, so that
 * its leases may be taken before they run out: it holds a lock on a file of its
 * name as long as it lives. For pp_claim_request.is_dead; `store` is the
 * argument.
 */
bool	pp_worker_is_dead(void *store, const char *owner);

#endif
