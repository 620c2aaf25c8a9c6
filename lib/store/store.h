/*
 * Records: jobs, the queue with its shards, template versions, costs.
 *
 * The interface speaks of our own entities, not of keys and values, so each
 * home does every verb with its own best means (one SQLite transaction here).
 * Every change of state is conditional on the state that it leaves; what lost
 * a race is PP_ECONFLICT, and the caller reads again. Times are wall-clock
 * milliseconds given by the caller, so tests can choose them.
 *
 * Life of a job:
 *	QUEUED -> RUNNING -> COMPLETED | FAILED | BUDGET_EXCEEDED | CANCELLED
 *	RUNNING -> QUEUED	a worker gave it back
 *	QUEUED -> CANCELLED
 *	any final one -> QUEUED	resume
 * A job has 1 to 99,999 shards; each is one queue entry. The job is RUNNING
 * while any entry is, and final when the last entry has ended; its status is
 * then the first of CANCELLED, FAILED, BUDGET_EXCEEDED, COMPLETED that any
 * shard ended with.
 *
 * Money of a shard is four absolute numbers: granted (it may spend up to
 * this), settled (proven spent), unproven (may have been billed), and seq.
 * Always settled + unproven <= granted, and the sum of granted over all shards
 * never passes the job's limit.
 */
#ifndef PP_STORE_STORE_H
#define PP_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/id.h"
#include "store/blob.h"

struct pp_store;	/* a home: records and objects */

#define PP_MAX_SHARDS 99999
#define PP_TASK_ARN_BYTES 256
#define PP_NO_LIMIT (-1)	/* budget_limit_nusd of a job without one */

enum pp_job_status {
	PP_JOB_QUEUED,
	PP_JOB_RUNNING,
	PP_JOB_COMPLETED,
	PP_JOB_FAILED,
	PP_JOB_BUDGET_EXCEEDED,
	PP_JOB_CANCELLED,
	PP_JOB_NSTATUS
};

const char *pp_job_status_name(enum pp_job_status s);	/* "QUEUED" */
int	pp_job_status_parse(const char *name, enum pp_job_status *out);
bool	pp_job_status_is_final(enum pp_job_status s);

/* Totals of a job or of one shard; all are absolute. */
struct pp_totals {
	int64_t rows_done;	/* good rows */
	int64_t rows_failed;
	int64_t calls;		/* attempts that reached a server */
	int64_t tokens_in, tokens_out;
	int64_t settled_nusd;	/* proven spent */
	int64_t unproven_nusd;	/* may have been spent */
};

struct pp_job {
	char job_id[PP_ID_BYTES];
	char *user_id;
	char *name;			/* "" when none was given */
	enum pp_job_status status;
	bool cancel_requested;		/* workers checkpoint and leave */
	/*
	 * Not claimable; not a status. No program sets it: it is a switch for
	 * whoever looks after a home on AWS, by the console.
	 */
	bool paused;
	int64_t created_at_ms, updated_at_ms;
	int64_t started_at_ms, ended_at_ms;	/* 0: not yet */
	int64_t rows;			/* asked for */
	int shards;
	int priority;			/* 0 to 9 */
	int64_t budget_limit_nusd;	/* or PP_NO_LIMIT */
	char *config;			/* JSON text; the job layer's */
	char *reason;			/* why it ended so; "" */
	struct pp_totals totals;	/* sums over the shards */
};

void	pp_job_release(struct pp_job *j);

/*
 * Where PP_STORE points: "file:DIR", whose folder is made, or "aws:BUCKET";
 * NULL reads the environment, the default is $XDG_DATA_HOME/plot-palette. A
 * store belongs to one thread. Returns owned, or NULL with PP_ECONFIG,
 * PP_ECREATE, PP_EIO, PP_EDATA (damaged database).
 */
struct pp_store *pp_store_open(const char *spec, struct pp_error *err);

/*
 * The same for whoever only looks at what is there, and makes nothing: a home
 * that PP_STORE or `spec` names must be there (PP_ENOENT); the default home
 * and a folder in which nothing was put yet read as empty.
 */
struct pp_store *pp_store_open_to_read(const char *spec, struct pp_error *err);
void	pp_store_close(struct pp_store *s);

/* Another connection to the same home, for another thread. */
struct pp_store *pp_store_open_again(const struct pp_store *s,
	    struct pp_error *err);

/* The objects of the same home; borrowed. */
struct pp_blob *pp_store_blobs(struct pp_store *s);

/* Embedded home: its folder, borrowed; NULL elsewhere. */
const char *pp_store_dir(struct pp_store *s);

/* ---- jobs ---- */

/*
 * Add a job, QUEUED, with `job->shards` queue entries, in one transaction.
 * With an idempotency key (may be NULL) that the user used before, nothing is
 * added and `existing` gets that job's id; 1 is returned. 0 when added.
 */
int	pp_store_job_add(struct pp_store *s, const struct pp_job *job,
	    const char *idempotency_key, char existing[PP_ID_BYTES],
	    struct pp_error *err);

/* PP_ENOENT. `out` is to be released. */
int	pp_store_job_get(struct pp_store *s, const char *job_id,
	    struct pp_job *out, struct pp_error *err);

struct pp_job_filter {
	const char *user_id;		/* NULL: everybody's */
	int status;			/* enum pp_job_status, or -1: any */
	int64_t since_ms;		/* created at or after; 0: any */
	const char *before_id;		/* page: older than this job; NULL */
};

/* Newest first, at most `max`. Returns how many, or -1. Release each. */
int	pp_store_job_list(struct pp_store *s, const struct pp_job_filter *f,
	    struct pp_job *out, int max, struct pp_error *err);

/*
 * Ask for the end. QUEUED entries end at once; RUNNING ones when their worker
 * sees it. PP_ECONFLICT when the job has ended already.
 */
int	pp_store_job_cancel(struct pp_store *s, const char *job_id,
	    int64_t now_ms, struct pp_error *err);

/*
 * A final job back to QUEUED, with entries for the shards that have not
 * COMPLETED (all of them when `all`). A budget_limit_nusd of -2 keeps the old
 * limit; it may not fall below what is spent. PP_ECONFLICT: not final.
 */
int	pp_store_job_resume(struct pp_store *s, const char *job_id,
	    int64_t budget_limit_nusd, bool all, int64_t now_ms,
	    struct pp_error *err);

/* Forget a final job's records (objects are the caller's). PP_ECONFLICT. */
int	pp_store_job_delete(struct pp_store *s, const char *job_id,
	    struct pp_error *err);

/* ---- queue: claim, renew, release, finish ---- */

struct pp_claim {
	char job_id[PP_ID_BYTES];
	int shard;
	int64_t epoch;			/* of this claim; rises with each */
	char owner[PP_ID_BYTES];	/* this worker */
	int64_t lease_expires_ms;
	int64_t seq;			/* of the last budget change */
	int64_t granted_nusd;
	int64_t give_backs;		/* in a row without progress */
	struct pp_totals totals;	/* as last recorded */
	/*
	 * More may have been spent than the totals tell: what was granted
	 * stays granted when the entry is released or finished, and the next
	 * worker finds out. Set by the worker.
	 */
	bool unsettled;
};

struct pp_claim_request {
	const char *owner;		/* UUID of the worker */
	const char *task_arn;		/* of the task it is, where tasks are
					 * kept; or NULL */
	const char *job_id;		/* this job only; NULL: any */
	int64_t now_ms, lease_ms;
	int max_running;		/* MaxConcurrentJobs: jobs, not shards */
	/*
	 * Embedded home: asked for the owner of a RUNNING entry whose lease
	 * has not run out; true when that worker is surely dead (its lock is
	 * free). NULL: wait for the lease.
	 */
	bool (*is_dead)(void *arg, const char *owner);
	void *arg;
};

/*
 * Take the first entry that may be taken: expired or dead RUNNING ones before
 * QUEUED ones; by priority, then age of the job, then how often the entry was
 * given back without progress: it may wait for another that is queued to give
 * money back. A job that is QUEUED becomes
 * RUNNING, within max_running. Returns 1 with `out` filled, 0 when nothing is
 * free, -1. With job_id: PP_ENOENT when there is no such job, PP_ETEMP when
 * all that is left of it is leased elsewhere or the limit of running jobs is
 * reached, PP_ECONFLICT when it has ended.
 */
int	pp_store_claim(struct pp_store *s, const struct pp_claim_request *req,
	    struct pp_claim *out, struct pp_error *err);

/*
 * The epoch that the claim must at least have, found in a checkpoint; raises
 * the entry's. PP_ECONFLICT when the claim is no longer ours.
 */
int	pp_store_claim_epoch(struct pp_store *s, struct pp_claim *c,
	    int64_t at_least, struct pp_error *err);

/*
 * Make the lease longer: until now + lease. `cancel` (may be NULL) tells
 * whether the job is to end. PP_ECONFLICT: the entry is somebody else's.
 */
int	pp_store_renew(struct pp_store *s, struct pp_claim *c, int64_t now_ms,
	    int64_t lease_ms, bool *cancel, struct pp_error *err);

/*
 * Give the entry back: it is QUEUED again, the job too when no other shard of
 * it runs. Counts a give-back, or clears the count when `progress`. What was
 * granted and not spent goes back, unless c->unsettled. PP_ECONFLICT.
 */
int	pp_store_release(struct pp_store *s, struct pp_claim *c, bool progress,
	    const char *reason, int64_t now_ms, struct pp_error *err);

/*
 * The shard ended as `status` (final); its entry goes. `*job_status` (may be
 * NULL) is the job's status after it. PP_ECONFLICT.
 */
int	pp_store_finish(struct pp_store *s, struct pp_claim *c,
	    enum pp_job_status status, const char *reason, int64_t now_ms,
	    enum pp_job_status *job_status, struct pp_error *err);

/*
 * The same, unless that would end the job: 1 then, and nothing has changed. Of
 * shards that end together exactly one is told so; while it does what is to be
 * done once, its entry is one that others can take over if it dies.
 */
int	pp_store_finish_unless_last(struct pp_store *s, struct pp_claim *c,
	    enum pp_job_status status, const char *reason, int64_t now_ms,
	    enum pp_job_status *job_status, struct pp_error *err);

/* ---- budget and progress of a shard, fenced by its epoch ---- */

/*
 * Record totals and ask for money: granted becomes, in one step, what is spent
 * (settled + unproven) plus as much of `want_nusd` as the job's limit leaves
 * free; 0 gives all that is unspent back. Without a limit all is granted.
 * claim->seq and claim->granted_nusd are updated. `*free_nusd` (may be NULL)
 * is what is left of the limit for anybody, `*others` (may be NULL) what
 * other shards hold granted and unspent. PP_ECONFLICT.
 */
int	pp_store_grant(struct pp_store *s, struct pp_claim *c,
	    const struct pp_totals *totals, int64_t want_nusd, int64_t now_ms,
	    int64_t *free_nusd, int64_t *others_nusd, struct pp_error *err);

/* Record totals alone. PP_ECONFLICT. */
int	pp_store_progress(struct pp_store *s, struct pp_claim *c,
	    const struct pp_totals *totals, int64_t now_ms,
	    struct pp_error *err);

struct pp_shard {
	int shard;
	char state[16];			/* QUEUED, RUNNING or a final status */
	int64_t epoch, lease_expires_ms, granted_nusd;
	char owner[PP_ID_BYTES];
	struct pp_totals totals;
};

/* The shards of a job in order, from `first` on; how many, or -1. */
int	pp_store_shards(struct pp_store *s, const char *job_id, int first,
	    struct pp_shard *out, int max, struct pp_error *err);

/* Entries that a worker could take now or later (QUEUED or RUNNING). */
int	pp_store_queue_length(struct pp_store *s, int64_t *queued,
	    int64_t *running, struct pp_error *err);

/*
 * The job of the entry that is next to be claimed, whatever the limit of
 * running jobs. 1, 0 when nothing waits, -1.
 */
int	pp_store_queue_head(struct pp_store *s, char job_id[PP_ID_BYTES],
	    struct pp_error *err);

/* ---- costs: what was spent since the row before, for reports ---- */

struct pp_cost {
	char job_id[PP_ID_BYTES];
	char timestamp[64];		/* "{time}#{shard}#{checkpoint}" */
	char *model_id;
	int64_t tokens_in, tokens_out;
	int64_t cost_nusd;
	/* the next two of the first row of a checkpoint; 0 in its others */
	int64_t compute_ms;		/* of a worker */
	int64_t store_operations;	/* on objects */
};

/* The same key twice is the same row. */
int	pp_store_cost_add(struct pp_store *s, const struct pp_cost *c,
	    struct pp_error *err);

/* Several, in as few steps as the home can. */
int	pp_store_costs_add(struct pp_store *s, const struct pp_cost *c,
	    size_t count, struct pp_error *err);

/* In order of timestamp, after `after` (NULL: from the start). */
int	pp_store_cost_list(struct pp_store *s, const char *job_id,
	    const char *after, struct pp_cost *out, int max,
	    struct pp_error *err);
void	pp_cost_release(struct pp_cost *c);

/* ---- templates: versions that never change ---- */

struct pp_template_version {
	char *template_id;
	int64_t version;
	char *name, *user_id;
	char *definition;		/* the template as JSON text */
	char *source;			/* the file as it was put in */
	char *requirements;		/* JSON array of paths */
	int64_t created_at_ms;
	bool is_public;
};

/*
 * Add the next version, unless the newest has the same definition; `*version`
 * is then that one and 1 is returned. 0 when added. Only the owner of the
 * first version may add to it: PP_EAUTH.
 */
int	pp_store_template_add(struct pp_store *s,
	    const struct pp_template_version *t, int64_t *version,
	    struct pp_error *err);

/*
 * version 0: the newest. A private template of somebody else is PP_ENOENT;
 * `user_id` NULL sees all.
 */
int	pp_store_template_get(struct pp_store *s, const char *id,
	    int64_t version, const char *user_id,
	    struct pp_template_version *out, struct pp_error *err);

/* The newest version of each that the user may see, by id, after `after`. */
int	pp_store_template_list(struct pp_store *s, const char *user_id,
	    const char *after, struct pp_template_version *out, int max,
	    struct pp_error *err);

/* All versions of one, oldest first, after version `after`. */
int	pp_store_template_versions(struct pp_store *s, const char *id,
	    const char *user_id, int64_t after,
	    struct pp_template_version *out, int max, struct pp_error *err);

/* All versions. PP_ENOENT; PP_EAUTH when it is another user's. */
int	pp_store_template_delete(struct pp_store *s, const char *id,
	    const char *user_id, struct pp_error *err);
void	pp_template_version_release(struct pp_template_version *t);

#endif
