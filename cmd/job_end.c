/*
 * pp-job cancel, resume and rm: how jobs end, go on and go away.
 */
#include <config.h>

#include "pp-job.h"

#include "base/clock.h"
#include "base/money.h"
#include "job/launch.h"
#include "job/worker.h"

/* What lost against the job's status is a no, not a matter of trying again. */
static int
as_no(int rc, struct pp_error *err)
{
	if (rc < 0 && err->code == PP_ECONFLICT)
		err->code = PP_ENO;
	return rc;
}

static const struct pp_opt cancel_options[] = {
	{ PP_OPT_LONG, "now", NULL, "stop its tasks on Fargate too" }, { 0 }
};

struct cancelling {
	struct home home;
	struct pp_launcher *launcher; /* NULL: its workers see it themselves */
};

static int
cancel_set(void *state, int key, const char *arg, struct pp_error *err)
{
	(void)key;
	(void)arg;
	(void)err;
	*(bool *)state = true;
	return 0;
}

/*
 * A worker that died cannot see that its job is to end. On the embedded home it
 * is known to be dead, and its shards are ended here, with what they have
 * spent; shards that live workers hold are theirs to end.
 */
static void
end_dead_shards(struct pp_store *store, const char *job_id)
{
	struct pp_error ignored = PP_ERROR_INIT;
	struct pp_worker_options o;

	if (pp_store_dir(store) == NULL)
		return;
	pp_worker_options_init(&o);
	o.job_id = job_id;
	pp_worker_run(store, &o, &ignored);
}

/* The record first: a task that is stopped writes its checkpoint by it. */
static int
cancel_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct cancelling *c = arg;
	int stopped;

	if (pp_job_check_own(&c->home, job_id, err) < 0 ||
	    as_no(pp_store_job_cancel(c->home.store, job_id, pp_clock_wall_ms(),
		      err),
		err) < 0)
		return -1;
	end_dead_shards(c->home.store, job_id);
	if (c->launcher == NULL)
		return 0;
	stopped = pp_launch_stop(c->launcher, job_id, err);
	if (stopped > 0)
		pp_cli_note(c->home.cli, "job %s: %d task%s stopped", job_id,
		    stopped, stopped == 1 ? "" : "s");
	return stopped < 0 ? -1 : 0;
}

static int
cancel_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct cancelling c = { .launcher = NULL };
	int rc = -1;

	if (*(bool *)state)
		c.launcher = pp_launcher_new(err);
	if (*(bool *)state && c.launcher == NULL)
		pp_error_wrap(err,
		    "--now stops tasks on Fargate, and none can be stopped, so "
		    "nothing was cancelled");
	else
		rc = pp_job_each(cli, argc, argv, &c, cancel_one, err);
	pp_launcher_free(c.launcher);
	return rc;
}

const struct pp_command pp_job_cancel_command = {
	.name = "cancel",
	.synopsis = "JOB... | -",
	.summary = "end jobs; what is made stays",
	.options = cancel_options,
	.operands = PP_COMPLETE_JOB,
	.has_user = true,
	.state_bytes = sizeof(bool),
	.set = cancel_set,
	.run = cancel_run,
};

static const struct pp_opt resume_options[] = {
	{ 'b', "budget", "USD", "the new limit, with what is spent" }, { 0 }
};

/* A limit as pp_store_job_resume() takes it; -2 keeps the old one. */
#define KEEP_LIMIT (-2)

struct resume_state {
	bool has_budget;
	int64_t budget_nusd;
};

struct resuming {
	struct home home;
	int64_t limit_nusd;
};

static int
resume_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct resume_state *s = state;

	(void)key;
	s->has_budget = true;
	return pp_money_parse(arg, "--budget", &s->budget_nusd, err);
}

static int
resume_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct resuming *r = arg;

	if (pp_job_check_own(&r->home, job_id, err) < 0 ||
	    as_no(pp_store_job_resume(r->home.store, job_id, r->limit_nusd,
		      false, pp_clock_wall_ms(), err),
		err) < 0)
		return -1;
	return pp_job_hand_on(&r->home, job_id, err);
}

static int
resume_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	const struct resume_state *s = state;
	struct resuming r = { .limit_nusd = s->has_budget ? s->budget_nusd :
							    KEEP_LIMIT };

	return pp_job_each(cli, argc, argv, &r, resume_one, err);
}

const struct pp_command pp_job_resume_command = {
	.name = "resume",
	.synopsis = "JOB... | -",
	.summary = "queue ended jobs again",
	.options = resume_options,
	.operands = PP_COMPLETE_JOB,
	.has_user = true,
	.state_bytes = sizeof(struct resume_state),
	.set = resume_set,
	.run = resume_run,
};

static int
rm_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct home *h = arg;

	return pp_job_remove(h->store, h->user, job_id, err);
}

static int
rm_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct home h;

	(void)state;
	return pp_job_each(cli, argc, argv, &h, rm_one, err);
}

const struct pp_command pp_job_rm_command = {
	.name = "rm",
	.synopsis = "JOB... | -",
	.summary = "remove ended jobs with all their rows",
	.operands = PP_COMPLETE_JOB,
	.has_user = true,
	.run = rm_run,
};
