#include <config.h>

#include "job/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/rand.h"
#include "job/auto_export.h"
#include "job/health.h"
#include "job/job.h"
#include "job/notify.h"
#include "job/shard.h"

/* The third give-back without progress ends the job. */
#define MAX_GIVE_BACKS 3
#define SYNC_US INT64_C(1000000)
#define PROGRESS_US INT64_C(200000)
/* How long the last checkpoint is tried: less than a task has to stop. */
#define LAST_PATIENCE_US INT64_C(30000000)
/* A lease that is not renewed in time ends calls this long before its end. */
#define LEASE_MARGIN_MS 2000
/* Between looks at an empty queue. */
#define POLL_MS 1000
/* Between looks whether the job is to end; each is one read of its record. */
#define LOOK_HERE_US INT64_C(1000000)
#define LOOK_AWAY_US INT64_C(5000000)

struct worker {
	struct pp_store *store;
	struct pp_worker_options options;
	struct pp_loop *loop;
	char owner[PP_ID_BYTES];
	int signals; /* SIGTERM and SIGINT so far */
	struct pp_rand rand;
	struct pp_health health;

	/* the shard at hand */
	struct pp_claim claim;
	struct pp_shard_run run;
	bool cancel; /* its job is to end */
	/* turns in a row in which others held the rest of the money */
	int waits;
	int64_t waits_since_us;
	int lock_fd;
	/* where the home is out of reach: NULL where it is at hand */
	struct pp_aside *publisher, *renewer, *reader;
	bool renewing, looking;
	int64_t look_us; /* between looks at the job */
	struct pp_timer lease_timer, look_timer, sync_timer, progress_timer,
	    end_timer;
};

void
pp_worker_options_init(struct pp_worker_options *o)
{
	*o = (struct pp_worker_options){ .concurrency = PP_DEFAULT_CONCURRENCY,
		.grace_ms = 30000,
		.lease_ms = 60000,
		.deadline_ms = 600000,
		.row_timeout_ms = 3600000,
		.checkpoint_ms = 30000,
		.backoff_ms = 2000,
		.retries = 3,
		.max_running = PP_DEFAULT_MAX_RUNNING };
}

/* ---- the lock of a worker (embedded home) ---- */

static char *
lock_path(struct pp_store *store, const char *owner)
{
	return pp_asprintf("%s/locks/%s.lock", pp_store_dir(store), owner);
}

bool
pp_worker_is_dead(void *store, const char *owner)
{
	char *path;
	bool dead;
	int fd;

	if (pp_store_dir(store) == NULL || owner == NULL || !pp_id_valid(owner))
		return false;
	path = lock_path(store, owner);
	fd = open(path, O_RDWR | O_CLOEXEC);
	dead = fd < 0 ? errno == ENOENT : flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (fd >= 0) {
		if (dead)
			unlink(path);
		close(fd);
	}
	free(path);
	return dead;
}

/*
 * Locked before the first claim and held while we live: whoever finds our name
 * in the queue and the lock free knows that we are gone.
 */
static int
take_lock(struct worker *w, struct pp_error *err)
{
	char *path, *folder;
	int rc = -1;

	if (pp_store_dir(w->store) == NULL)
		return 0;
	path = lock_path(w->store, w->owner);
	folder = pp_asprintf("%s/locks", pp_store_dir(w->store));
	if (pp_io_make_dirs(folder, 0700, err) < 0)
		goto out;
	w->lock_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->lock_fd < 0 || flock(w->lock_fd, LOCK_EX | LOCK_NB) < 0)
		pp_error_errno(err, PP_ECREATE, errno, "cannot lock '%s'",
		    path);
	else
		rc = 0;
out:
	free(folder);
	free(path);
	return rc;
}

static void
drop_lock(struct worker *w)
{
	char *path;

	if (w->lock_fd < 0)
		return;
	path = lock_path(w->store, w->owner);
	unlink(path);
	close(w->lock_fd);
	free(path);
}

/* ---- timers and signals ---- */

static void
on_signal(void *arg, int signo)
{
	struct worker *w = arg;
	struct pp_error why = PP_ERROR_INIT;

	w->signals++;
	pp_log(PP_LOG_INFO, "signal", "signal", 's',
	    signo == SIGINT ? "SIGINT" : "SIGTERM", NULL);
	pp_error_set(&why, PP_ETEMP,
	    "stopped by a signal; the job goes on "
	    "with the next worker");
	if (w->run.runner != NULL)
		pp_runner_stop(w->run.runner, PP_RUN_STOPPED,
		    w->signals > 1 ? 0 : w->options.grace_ms, &why);
}

/* The time that the worker was given is over. */
static void
on_end_of_time(void *arg)
{
	struct worker *w = arg;
	struct pp_error why = PP_ERROR_INIT;

	w->signals++;
	pp_error_set(&why, PP_ETEMP,
	    "its --max-time is over; the job goes on with the next worker");
	pp_log(PP_LOG_INFO, "max_time", NULL);
	if (w->run.runner != NULL)
		pp_runner_stop(w->run.runner, PP_RUN_STOPPED,
		    w->options.grace_ms, &why);
}

static void
note_lease(struct worker *w, int64_t asked_us)
{
	int64_t margin_ms = w->options.lease_ms > 3 * LEASE_MARGIN_MS ?
	    LEASE_MARGIN_MS :
	    w->options.lease_ms / 4;

	w->run.lease_end_us = asked_us +
	    (w->options.lease_ms - margin_ms) * 1000;
	w->run.lease_end_wall_ms = w->claim.lease_expires_ms - margin_ms;
	if (w->run.invoker != NULL)
		pp_invoker_set_end(w->run.invoker, w->run.lease_end_us);
}

static void
note_cancel(struct worker *w, bool cancel)
{
	w->cancel |= cancel;
	if (w->cancel && w->run.runner != NULL)
		pp_runner_stop(w->run.runner, PP_RUN_STOPPED,
		    w->options.grace_ms, NULL);
}

/* A renewal: of a copy of the claim, which the loop may change meanwhile. */
struct renewal {
	struct worker *worker; /* not for the one who renews */
	struct pp_claim claim;
	int64_t lease_ms, asked_us;
	bool cancel;
};

static int
renew(struct pp_store *s, void *arg, struct pp_error *err)
{
	struct renewal *r = arg;

	return pp_store_renew(s, &r->claim, pp_clock_wall_ms(), r->lease_ms,
	    &r->cancel, err);
}

static void
on_renewed(void *arg, int rc, const struct pp_error *err)
{
	struct renewal *r = arg;
	struct worker *w = r->worker;

	w->renewing = false;
	if (rc < 0) {
		w->run.lost |= err->code == PP_ECONFLICT;
		pp_log(PP_LOG_WARN, "lease_not_renewed", "reason", 's',
		    err->text, NULL);
		if (w->run.lost && w->run.runner != NULL)
			pp_runner_stop(w->run.runner, PP_RUN_ERROR, 0, err);
	} else {
		w->claim.lease_expires_ms = r->claim.lease_expires_ms;
		note_lease(w, r->asked_us);
		note_cancel(w, r->cancel);
	}
	free(r);
}

static void
renew_lease(void *arg)
{
	struct worker *w = arg;
	struct pp_aside_task task = { .work = renew, .done = on_renewed };
	struct pp_error err = PP_ERROR_INIT;
	struct renewal *r;

	pp_timer_set(w->loop, &w->lease_timer, w->options.lease_ms * 1000 / 3,
	    renew_lease, w);
	if (w->renewing)
		return;
	r = pp_calloc(1, sizeof *r);
	r->worker = w;
	r->claim = w->claim;
	r->lease_ms = w->options.lease_ms;
	r->asked_us = pp_clock_boot_us();
	task.arg = r;
	w->renewing = true;
	if (w->renewer != NULL)
		pp_aside_do(w->renewer, &task);
	else
		on_renewed(r, renew(w->store, r, &err), &err);
}

/* Whether the job is to end: a renewal tells too, but comes seldom. */
struct look {
	struct worker *worker; /* not for the one who looks */
	char job_id[PP_ID_BYTES];
	bool cancel;
};

static int
look(struct pp_store *s, void *arg, struct pp_error *err)
{
	struct look *l = arg;
	struct pp_job job;

	if (pp_store_job_get(s, l->job_id, &job, err) < 0)
		return -1;
	l->cancel = job.cancel_requested;
	pp_job_release(&job);
	return 0;
}

/* A look that fails is taken again; renewals say what is wrong. */
static void
on_looked(void *arg, int rc, const struct pp_error *err)
{
	struct look *l = arg;

	(void)err;
	l->worker->looking = false;
	if (rc == 0)
		note_cancel(l->worker, l->cancel);
	free(l);
}

static void
look_at_job(void *arg)
{
	struct worker *w = arg;
	struct pp_aside_task task = { .work = look, .done = on_looked };
	struct pp_error err = PP_ERROR_INIT;
	struct look *l;

	pp_timer_set(w->loop, &w->look_timer, w->look_us, look_at_job, w);
	if (w->looking || w->renewing || w->cancel)
		return;
	l = pp_calloc(1, sizeof *l);
	l->worker = w;
	memcpy(l->job_id, w->claim.job_id, sizeof l->job_id);
	task.arg = l;
	w->looking = true;
	if (w->renewer != NULL)
		pp_aside_do(w->renewer, &task);
	else
		on_looked(l, look(w->store, l, &err), &err);
}

/* From now on keep the lease, and look whether the job is to end. */
static void
guard_claim(struct worker *w)
{
	pp_timer_set(w->loop, &w->lease_timer, w->options.lease_ms * 1000 / 3,
	    renew_lease, w);
	pp_timer_set(w->loop, &w->look_timer, w->look_us, look_at_job, w);
}

static void
stop_timers(struct worker *w)
{
	pp_timer_cancel(w->loop, &w->lease_timer);
	pp_timer_cancel(w->loop, &w->look_timer);
	pp_timer_cancel(w->loop, &w->sync_timer);
	pp_timer_cancel(w->loop, &w->progress_timer);
	pp_timer_cancel(w->loop, &w->run.checkpoint_timer);
	pp_timer_cancel(w->loop, &w->run.ask_timer);
}

static void
wait_for(struct pp_aside *a)
{
	struct pp_error err = PP_ERROR_INIT;

	if (a != NULL && pp_aside_wait(a, &err) < 0)
		pp_log(PP_LOG_WARN, "loop_failed", "reason", 's', err.text,
		    NULL);
}

/* Until nothing that writes for this shard is under way any more. */
static void
settle_down(struct worker *w)
{
	wait_for(w->publisher);
	wait_for(w->renewer);
	stop_timers(w); /* what was done may have set one */
}

static void
sync_journal(void *arg)
{
	struct worker *w = arg;
	struct pp_error err = PP_ERROR_INIT;

	if (w->run.journal != NULL && pp_journal_sync(w->run.journal, &err) < 0)
		pp_runner_stop(w->run.runner, PP_RUN_ERROR, w->options.grace_ms,
		    &err);
	pp_timer_set(w->loop, &w->sync_timer, SYNC_US, sync_journal, w);
}

static void
show_progress(void *arg)
{
	struct worker *w = arg;
	struct pp_shard_run *run = &w->run;
	int64_t us = pp_loop_now_us(w->loop) - run->started_us;
	struct pp_runner_counters c;
	struct pp_totals t;
	struct pp_worker_progress p;

	pp_runner_counters(run->runner, &c);
	pp_shard_totals(run, &t);
	p = (struct pp_worker_progress){ .job_id = w->claim.job_id,
		.rows_done = t.rows_done,
		.rows_failed = t.rows_failed,
		.rows = run->end_row - run->first_row,
		.settled_nusd = t.settled_nusd,
		.unproven_nusd = t.unproven_nusd,
		.budget_nusd = run->budget_limit_nusd,
		.in_flight = c.in_flight,
		.rows_per_second = us > 0 ?
		    (double)(t.rows_done + t.rows_failed -
			w->claim.totals.rows_done -
			w->claim.totals.rows_failed) *
			1e6 / (double)us :
		    0 };
	pp_health_beat(&w->health,
	    t.rows_done + t.rows_failed + t.settled_nusd + t.unproven_nusd);
	if (w->options.progress != NULL)
		w->options.progress(w->options.progress_arg, &p);
	pp_timer_set(w->loop, &w->progress_timer, PROGRESS_US, show_progress,
	    w);
}

/* ---- one shard ---- */

static void
begin_run(struct worker *w)
{
	struct pp_shard_run *run = &w->run;

	memset(run, 0, sizeof *run);
	/* until a checkpoint and its records say it all */
	w->claim.unsettled = true;
	run->store = w->store;
	run->blobs = pp_store_blobs(w->store);
	run->loop = w->loop;
	run->aside = w->publisher;
	run->reader = w->reader;
	run->claim = &w->claim;
	run->checkpoint_ms = w->options.checkpoint_ms;
	run->hour_nusd = w->options.hour_nusd;
	run->retries = w->options.retries;
	run->grace_ms = w->options.grace_ms;
	run->budget_limit_nusd = PP_NO_LIMIT;
	run->where = (struct pp_journal_where){ .home = pp_store_dir(w->store),
		.shard = w->claim.shard,
		.epoch = w->claim.epoch };
	memcpy(run->where.job_id, w->claim.job_id, sizeof w->claim.job_id);
	memcpy(run->where.writer, w->owner, sizeof w->owner);
	pp_buf_init(&run->record, 0);
	pp_buf_init(&run->category, 0);
	pp_buf_init(&run->seed_json, 0);
	note_lease(w, pp_clock_boot_us());
}

static int
compare_rows(const void *a, const void *b)
{
	const struct pp_row *const *x = a, *const *y = b;

	return (*x)->index < (*y)->index ? -1 : (*x)->index > (*y)->index;
}

/* The open rows of the checkpoint are the first to go on with. */
static void
take_over_rows(struct pp_shard_run *run)
{
	run->resumed = run->cp.open;
	run->resumed_count = run->cp.open_count;
	run->cp.open = NULL;
	run->cp.open_count = 0;
	run->resumed_rows = pp_calloc(run->resumed_count,
	    sizeof *run->resumed_rows);
	if (run->resumed_count > 0)
		qsort(run->resumed, run->resumed_count, sizeof(struct pp_row *),
		    compare_rows);
	for (size_t i = 0; i < run->resumed_count; i++)
		run->resumed_rows[i] = run->resumed[i]->index;
	run->next_row = run->cp.low_water;
}

/* While the open rows are still in the checkpoint: they have cost money. */
static void
set_budget(struct pp_shard_run *run)
{
	struct pp_totals t;

	pp_checkpoint_totals(&run->cp, &t);
	run->budget = (struct pp_budget){ .settled_nusd = t.settled_nusd,
		.unproven_nusd = t.unproven_nusd,
		.granted_nusd = run->budget_limit_nusd == PP_NO_LIMIT ?
		    INT64_MAX :
		    run->claim->granted_nusd };
	run->spent_at_start = t.settled_nusd + t.unproven_nusd;
}

/*
 * What a predecessor was granted and did not spend goes back, now that it is
 * known what it spent: the limit may be another by now.
 */
static int
return_slice(struct pp_shard_run *run, struct pp_error *err)
{
	struct pp_totals t;

	if (run->budget_limit_nusd == PP_NO_LIMIT ||
	    run->claim->granted_nusd <= run->spent_at_start)
		return 0;
	pp_shard_totals(run, &t);
	if (pp_store_grant(run->store, run->claim, &t, 0, pp_clock_wall_ms(),
		NULL, NULL, err) < 0)
		return -1;
	run->budget.granted_nusd = run->claim->granted_nusd;
	return 0;
}

static int
read_limit(struct worker *w, struct pp_error *err)
{
	struct pp_job job;

	if (pp_store_job_get(w->store, w->claim.job_id, &job, err) < 0)
		return -1;
	w->run.budget_limit_nusd = job.budget_limit_nusd;
	w->cancel = job.cancel_requested;
	pp_log_set_context(job.job_id, job.user_id);
	pp_job_release(&job);
	return 0;
}

/* Everything before the first call. */
static int
prepare(struct worker *w, struct pp_error *err)
{
	struct pp_shard_run *run = &w->run;

	if (read_limit(w, err) < 0)
		return -1;
	pp_log(PP_LOG_INFO, "claimed", "shard", 'd', (int64_t)w->claim.shard,
	    "epoch", 'd', w->claim.epoch, "owner", 's', w->owner, NULL);
	run->invoker = pp_invoker_new(w->loop, w->options.concurrency, err);
	if (run->invoker != NULL) {
		pp_invoker_set_run(run->invoker, w->claim.job_id);
		pp_invoker_set_end(run->invoker, run->lease_end_us);
	}
	if (run->invoker == NULL || pp_shard_open(run, err) < 0 ||
	    pp_shard_fence(run, err) < 0)
		return -1;
	set_budget(run);
	if (return_slice(run, err) < 0)
		return -1;
	take_over_rows(run);
	run->compute_ms_before = run->cp.compute_ms;
	run->compute_nusd_before = run->cp.compute_nusd;
	run->ended_before = run->cp.ended;
	return 0;
}

static int
generate(struct worker *w, enum pp_run_end *end, struct pp_error *why)
{
	struct pp_shard_run *run = &w->run;
	char *prefix = pp_asprintf("%d-%lld-", w->claim.shard,
	    (long long)w->claim.epoch);
	struct pp_runner_options options = {
		.concurrency = w->options.concurrency,
		.retries = w->options.retries,
		.backoff_ms = w->options.backoff_ms,
		.deadline_ms = w->options.deadline_ms,
		.row_timeout_ms = w->options.row_timeout_ms,
		.grace_ms = w->options.grace_ms,
		.attempt_prefix = prefix
	};

	run->runner = pp_runner_new(w->loop, run->invoker, &run->budget,
	    &options, &pp_shard_ops, run);
	run->started_us = run->checkpoint_us = pp_clock_boot_us();
	guard_claim(w);
	pp_timer_set(w->loop, &w->sync_timer, SYNC_US, sync_journal, w);
	if (w->options.progress != NULL || w->health.path != NULL)
		pp_timer_set(w->loop, &w->progress_timer, PROGRESS_US,
		    show_progress, w);
	pp_shard_schedule(run);
	if (w->signals > 0 || w->cancel)
		pp_runner_stop(run->runner, PP_RUN_STOPPED, 0, NULL);
	pp_runner_run(run->runner, end, why);
	stop_timers(w);
	free(prefix);
	return 0;
}

static void
end_run(struct worker *w)
{
	struct pp_shard_run *run = &w->run;

	stop_timers(w);
	settle_down(w);
	wait_for(w->reader); /* last: it holds up nothing that is to be kept */
	pp_runner_free(run->runner);
	pp_invoker_free(run->invoker);
	pp_shard_close(run);
	run->runner = NULL;
	run->invoker = NULL;
	pp_log_set_context(NULL, NULL);
}

/* ---- endings ---- */

/* What an end of the loop means for the shard and for our exit status. */
struct ending {
	bool final; /* it ends, as `status`; else given back */
	enum pp_job_status status;
	bool hopeless; /* the third time is the last */
	int exit_status;
};

static bool
too_many_failed(const struct pp_shard_run *run)
{
	return pp_job_config_too_many_failed(&run->config,
	    run->cp.closed.rows_failed + run->pending_ledger.rows_failed);
}

static struct ending
ending_of_done(const struct worker *w, struct pp_error *why)
{
	const struct pp_shard_run *run = &w->run;
	struct pp_totals t;

	pp_shard_totals(run, &t);
	if (t.rows_done == 0 && t.rows_failed > 0) {
		pp_error_set(why, PP_ENO, "no row succeeded; %s",
		    run->first_reason != NULL ? run->first_reason :
						"see pp-job failed");
		return (struct ending){ true, PP_JOB_FAILED, false, 1 };
	}
	return (struct ending){ true, PP_JOB_COMPLETED, false, 0 };
}

/* A full disk, a busy or an absent store is no fault of the job. */
static bool
is_of_the_machine(enum pp_code code)
{
	return code == PP_EIO || code == PP_ECREATE || code == PP_ETEMP ||
	    code == PP_ENOMEM || code == PP_EUNAVAIL;
}

/* Not all is kept: whoever comes next has the rest from the journal. */
static struct ending
ending_of_error(const struct pp_error *why)
{
	return (struct ending){ false, 0,
		!is_of_the_machine(why->code) && why->code != PP_EAUTH,
		pp_code_exit_status(why->code) };
}

static struct ending
ending_of(const struct worker *w, enum pp_run_end end, struct pp_error *why)
{
	if (w->claim.unsettled)
		return ending_of_error(why);
	if (w->cancel)
		return (struct ending){ true, PP_JOB_CANCELLED, false, 0 };
	switch (end) {
	case PP_RUN_DONE: return ending_of_done(w, why);
	case PP_RUN_BUDGET:
		return (struct ending){ true, PP_JOB_BUDGET_EXCEEDED, false,
			pp_code_exit_status(PP_EBUDGET) };
	case PP_RUN_OVERRUN:
		return (struct ending){ true, PP_JOB_FAILED, false, 1 };
	case PP_RUN_STOPPED:
		if (too_many_failed(&w->run))
			return (struct ending){ true, PP_JOB_FAILED, false, 1 };
		return (struct ending){ false, 0, false,
			pp_code_exit_status(PP_ETEMP) };
	case PP_RUN_THROTTLED:
	case PP_RUN_WAITING:
	case PP_RUN_QUOTA:
		return (struct ending){ false, 0, false,
			pp_code_exit_status(PP_ETEMP) };
	case PP_RUN_DOWN:
		return (struct ending){ false, 0, true,
			pp_code_exit_status(PP_EUNAVAIL) };
	case PP_RUN_CREDENTIALS:
		return (struct ending){ false, 0, false,
			pp_code_exit_status(PP_EAUTH) };
	case PP_RUN_ERROR:
	default: return ending_of_error(why);
	}
}

static int
give_back(struct worker *w, struct ending *e, const char *reason,
    struct pp_error *err)
{
	bool progress = w->run.answers > 0 ||
	    w->run.pending_ledger.rows_failed > 0;

	if (e->hopeless && !progress &&
	    w->claim.give_backs + 1 >= MAX_GIVE_BACKS) {
		e->final = true;
		e->status = PP_JOB_FAILED;
		return 0;
	}
	if (pp_store_release(w->store, &w->claim, progress, reason,
		pp_clock_wall_ms(), err) < 0)
		return -1;
	pp_log(PP_LOG_INFO, "given_back", "reason", 's', reason, NULL);
	return 0;
}

/* ---- the export at the end ---- */

static bool
wants_to_stop(void *arg)
{
	const struct worker *w = arg;

	return w->signals > 0 || w->run.lost || w->cancel;
}

/*
 * Made while the lease still holds, so that a worker that dies here has a
 * successor who makes it. Its failure is no failure of the job. -1: stopped.
 */
static int
export_rows(struct worker *w)
{
	struct pp_error err = PP_ERROR_INIT;
	int rc;

	guard_claim(w);
	rc = pp_auto_export(w->store, w->loop, &w->run.config, wants_to_stop, w,
	    &err);
	settle_down(w);
	if (rc < 0)
		pp_log(PP_LOG_WARN, "not_exported", "reason", 's', err.text,
		    NULL);
	return rc < 0 && wants_to_stop(w) ? -1 : 0;
}

/* A topic that cannot be told changes nothing about the job. */
static void
notify(struct worker *w)
{
	struct pp_error err = PP_ERROR_INIT;

	if (pp_notify_end(w->options.notify, w->store, w->claim.job_id, &err) <
	    0)
		pp_log(PP_LOG_WARN, "not_notified", "reason", 's', err.text,
		    NULL);
}

/*
 * An end without a word about money: the slice counts as spent, so that no
 * other shard waits for it, until a resume finds out. The journal stays.
 */
static int
count_slice(struct worker *w, struct pp_error *err)
{
	struct pp_totals t = w->claim.totals;
	int64_t lost = w->claim.granted_nusd - t.settled_nusd - t.unproven_nusd;

	if (w->run.budget_limit_nusd == PP_NO_LIMIT || lost <= 0)
		return 0;
	t.unproven_nusd = pp_money_add(t.unproven_nusd, lost);
	return pp_store_progress(w->store, &w->claim, &t, pp_clock_wall_ms(),
	    err);
}

/*
 * 1: an export is asked for and this would end the job. Whether others are at
 * work is only known to the store that lets them end: two shards that look at
 * each other and then end would both leave the export to the other.
 */
static int
finish_entry(struct worker *w, const struct ending *e, bool exported,
    const char *reason, enum pp_job_status *job_status, struct pp_error *err)
{
	if (w->claim.unsettled && count_slice(w, err) < 0)
		return -1;
	if (e->status == PP_JOB_COMPLETED && !exported &&
	    w->run.config.export_formats[0] != '\0')
		return pp_store_finish_unless_last(w->store, &w->claim,
		    e->status, reason, pp_clock_wall_ms(), job_status, err);
	return pp_store_finish(w->store, &w->claim, e->status, reason,
	    pp_clock_wall_ms(), job_status, err);
}

static int
finish_shard(struct worker *w, const struct ending *e, bool exported,
    const char *reason, struct pp_error *err)
{
	struct pp_buf ended = PP_BUF_INIT;
	enum pp_job_status job_status;
	int rc = finish_entry(w, e, exported, reason, &job_status, err);

	if (rc != 0)
		return rc;
	if (w->run.journal != NULL && !w->claim.unsettled &&
	    pp_journal_cover(&w->run.where, INT64_MAX, err) < 0)
		return -1;
	pp_tally_show(&w->run.cp.ended, &ended);
	pp_log(PP_LOG_INFO, "finished", "status", 's',
	    pp_job_status_name(e->status), "job_status", 's',
	    pp_job_status_name(job_status), "rows_done", 'd',
	    w->run.cp.closed.rows_done, "rows_failed", 'd',
	    w->run.cp.closed.rows_failed, "spent", 'm',
	    w->run.budget.settled_nusd, "unproven", 'm',
	    w->run.budget.unproven_nusd, "calls", 's', ended.data, "reason",
	    's', reason[0] != '\0' ? reason : NULL, NULL);
	pp_buf_release(&ended);
	if (w->options.notify != NULL && pp_job_status_is_final(job_status))
		notify(w);
	return 0;
}

/* Given back or finished; 1: it is to be exported first. */
static int
leave_shard(struct worker *w, struct ending *e, bool exported,
    const char *reason, struct pp_error *err)
{
	if (!e->final && give_back(w, e, reason, err) < 0)
		return -1;
	return e->final ? finish_shard(w, e, exported, reason, err) : 0;
}

/*
 * The last checkpoint holds answers that are paid for: a home that is out of
 * reach for a moment is waited for, as long as the shard is ours and nobody
 * asks twice to stop.
 */
static int
keep_all(struct worker *w, struct pp_error *err)
{
	int64_t end_us = pp_clock_boot_us() + LAST_PATIENCE_US;
	int rc;

	guard_claim(w);
	while ((rc = pp_shard_checkpoint(&w->run, err)) < 0 && !w->run.lost &&
	    (err->code == PP_EUNAVAIL || err->code == PP_ETEMP) &&
	    w->signals < 2 && pp_clock_boot_us() < end_us &&
	    pp_loop_turn(w->loop, 500, err) == 0)
		pp_log(PP_LOG_WARN, "checkpoint_delayed", "reason", 's',
		    err->text, NULL);
	settle_down(w);
	return rc;
}

/*
 * A lease that ran out is not a shard that was taken: while nobody came it can
 * be had again, and what was paid for be kept. If this fails for want of the
 * home, keeping is tried all the same: whoever came has put up a fence.
 */
static void
ask_for_lease(struct worker *w)
{
	renew_lease(w);
	settle_down(w);
}

/*
 * Keep what there is, then say so in the records. `why` is the reason that
 * people see; when keeping fails, that is the reason.
 */
static int
conclude(struct worker *w, enum pp_run_end end, struct pp_error *why)
{
	struct pp_error err = PP_ERROR_INIT;
	struct ending e;
	int rc;

	settle_down(w);
	if (w->run.lease_over && !w->run.lost)
		ask_for_lease(w);
	if (w->run.lost)
		return pp_code_exit_status(PP_ETEMP);
	if (w->run.runner != NULL) {
		if (keep_all(w, &err) == 0) {
			w->claim.unsettled = false;
		} else {
			*why = err;
			if (w->run.lost)
				return pp_code_exit_status(PP_ETEMP);
		}
	}
	e = ending_of(w, end, why);
	rc = leave_shard(w, &e, false, why->text, &err);
	if (rc == 1) {
		if (export_rows(w) < 0) {
			if (w->run.lost)
				return pp_code_exit_status(PP_ETEMP);
			pp_error_set(why, PP_ETEMP,
			    "stopped before the export");
			e = ending_of(w, PP_RUN_STOPPED, why);
		}
		rc = leave_shard(w, &e, true, why->text, &err);
	}
	if (rc < 0) {
		*why = err;
		return pp_code_exit_status(err.code);
	}
	if (e.final && e.status == PP_JOB_FAILED)
		return 1;
	return e.exit_status;
}

/* Work on the shard that is claimed. Returns an exit status. */
static int
work(struct worker *w, struct pp_error *why)
{
	enum pp_run_end end = PP_RUN_ERROR;
	int status;

	w->cancel = false;
	begin_run(w);
	if (prepare(w, why) == 0)
		generate(w, &end, why);
	if (end != PP_RUN_WAITING)
		w->waits = 0;
	else if (w->waits++ == 0)
		w->waits_since_us = pp_clock_boot_us();
	status = conclude(w, end, why);
	end_run(w);
	return status;
}

/* ---- the queue ---- */

static int
claim(struct worker *w, struct pp_error *err)
{
	struct pp_claim_request req = { .owner = w->owner,
		.task_arn = w->options.task_arn,
		.job_id = w->options.job_id,
		.now_ms = pp_clock_wall_ms(),
		.lease_ms = w->options.lease_ms,
		.max_running = w->options.max_running,
		.is_dead = pp_store_dir(w->store) != NULL ? pp_worker_is_dead :
							    NULL,
		.arg = w->store };

	return pp_store_claim(w->store, &req, &w->claim, err);
}

/* Each claim in vain leaves its traces, so they become fewer. */
static void
wait_for_work(struct worker *w, struct pp_error *err)
{
	int64_t poll_ms = POLL_MS << (w->waits < 5 ? w->waits : 5);
	int64_t ms = poll_ms +
	    (int64_t)pp_rand_below(&w->rand, (uint64_t)poll_ms);
	int64_t until = pp_clock_boot_ms() + ms;

	pp_health_beat(&w->health, -1);
	while (w->signals == 0 && (ms = until - pp_clock_boot_ms()) > 0)
		if (pp_loop_turn(w->loop, (int)ms, err) < 0)
			return;
}

int
pp_worker_worse(int a, int b)
{
	if (a >= 64 || b >= 64)
		return a > b ? a : b;
	return a == 1 || b == 1 ? 1 : a > b ? a : b;
}

/* Whether we have done our part of the one job, and others have the rest. */
static bool
others_have_the_rest(const struct worker *w, bool worked,
    const struct pp_error *why)
{
	return w->options.job_id != NULL && worked && why->code == PP_ETEMP;
}

/* The one job that we work on may have ended; `why` then gets its code. */
static void
tell_end(struct worker *w, struct pp_error *why)
{
	struct pp_job job;

	if (w->options.job_id == NULL || why->code != PP_ECONFLICT ||
	    pp_store_job_get(w->store, w->options.job_id, &job, why) < 0)
		return;
	if (pp_job_status_is_final(job.status))
		why->code = pp_job_end_code(job.status);
	pp_job_release(&job);
}

/* The end of the queue's work, which came to `status` before a claim failed. */
static int
end_without_claim(struct worker *w, int status, struct pp_error *why,
    struct pp_error *err)
{
	int all;

	tell_end(w, why);
	all = pp_worker_worse(status, pp_code_exit_status(why->code));
	if (all != status)
		*err = *why;
	return all;
}

/* Whoever has the money may be gone for good. */
static bool
waits_too_long(const struct worker *w)
{
	return !w->options.forever &&
	    pp_clock_boot_us() - w->waits_since_us >
	    w->options.deadline_ms * 1000;
}

static int
run_queue(struct worker *w, struct pp_error *err)
{
	struct pp_error why;
	int status = 0, one, rc;
	bool worked = false;

	while (w->signals == 0) {
		why = (struct pp_error)PP_ERROR_INIT;
		rc = claim(w, &why);
		if (rc < 0 && others_have_the_rest(w, worked, &why))
			break;
		if (rc < 0 && w->options.forever && w->signals == 0 &&
		    is_of_the_machine(why.code)) {
			pp_log(PP_LOG_WARN, "not_claimed", "reason", 's',
			    why.text, NULL);
			wait_for_work(w, err);
			continue;
		}
		if (rc < 0)
			return end_without_claim(w, status, &why, err);
		if (rc == 0) {
			if (!w->options.forever)
				break;
			wait_for_work(w, err);
			continue;
		}
		one = work(w, &why);
		worked = true;
		/* another shard may be what there is to do */
		if (w->waits > 0 && !w->options.once && !waits_too_long(w)) {
			wait_for_work(w, err);
			continue;
		}
		if (one != 0)
			*err = why;
		status = pp_worker_worse(status, one);
		/* what was given back would only be claimed again */
		if (w->options.once || (one >= 64 && !w->options.forever))
			break;
		if (one >= 64)
			wait_for_work(w, err);
	}
	return w->options.forever && w->signals > 0 && status < 64 ? 0 : status;
}

/*
 * A home on this machine answers at once. One that does not is worked on
 * beside the calls; leases by a thread of their own, since they cannot wait
 * until a large batch has gone up, and seeds by another, for the same reason.
 */
static int
open_asides(struct worker *w, struct pp_error *err)
{
	w->look_us = LOOK_HERE_US;
	if (pp_store_dir(w->store) != NULL)
		return 0;
	w->look_us = LOOK_AWAY_US;
	w->publisher = pp_aside_new(w->loop, w->store, err);
	if (w->publisher == NULL)
		return -1;
	w->renewer = pp_aside_new(w->loop, w->store, err);
	if (w->renewer == NULL)
		return -1;
	w->reader = pp_aside_new(w->loop, w->store, err);
	return w->reader != NULL ? 0 : -1;
}

int
pp_worker_run(struct pp_store *store, const struct pp_worker_options *options,
    struct pp_error *err)
{
	struct worker w = { .store = store,
		.options = *options,
		.lock_fd = -1,
		.health = { .path = options->health_file } };
	int status;

	w.loop = pp_loop_new(err);
	if (w.loop == NULL)
		return pp_code_exit_status(err->code);
	if (options->max_time_ms > 0)
		pp_timer_set(w.loop, &w.end_timer, options->max_time_ms * 1000,
		    on_end_of_time, &w);
	pp_id_new(w.owner);
	pp_rand_seed_any(&w.rand);
	if (take_lock(&w, err) < 0 || open_asides(&w, err) < 0 ||
	    pp_loop_signal(w.loop, SIGTERM, on_signal, &w, err) < 0 ||
	    pp_loop_signal(w.loop, SIGINT, on_signal, &w, err) < 0)
		status = pp_code_exit_status(err->code);
	else
		status = run_queue(&w, err);
	pp_timer_cancel(w.loop, &w.end_timer);
	pp_aside_free(w.publisher);
	pp_aside_free(w.renewer);
	pp_aside_free(w.reader);
	drop_lock(&w);
	pp_loop_free(w.loop);
	return status;
}
