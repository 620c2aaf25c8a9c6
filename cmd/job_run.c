/*
 * pp-job start and dispatch: workers in the background, tasks on Fargate.
 */
#include <config.h>

#include "pp-job.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "job/launch.h"
#include "job/worker.h"

#define MAX_WORKERS 1024

/* ---- start ---- */

static const struct pp_opt start_options[] = {
	{ 'w', "workers", "N", "how many [1]" },
	{ 'c', "concurrency", "N", "model calls in flight, of each [64]" },
	{ PP_OPT_LONG, "on-demand", NULL, "tasks: not of Fargate Spot" }, { 0 }
};

struct start_state {
	int64_t workers;
	const char *concurrency;
	bool on_demand;
};

struct starting {
	struct home home;
	const struct start_state *state;
	char *program;		      /* of the embedded home */
	struct pp_launcher *launcher; /* elsewhere: workers are tasks */
};

static int
start_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct start_state *s = state;
	int64_t n;

	if (key == 'w')
		return pp_parse_int(arg, "--workers", 1, MAX_WORKERS,
		    &s->workers, err);
	if (key == PP_OPT_LONG) {
		s->on_demand = true;
		return 0;
	}
	s->concurrency = arg;
	return pp_parse_int(arg, "--concurrency", 1, INT_MAX, &n, err);
}

/* Returns owned: the pp-worker beside this program. */
static char *
find_worker(struct pp_error *err)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self);
	ssize_t slash = len;

	while (slash > 0 && self[slash - 1] != '/')
		slash--;
	if (len > 0 && len < (ssize_t)sizeof self)
		return pp_asprintf("%.*spp-worker", (int)slash, self);
	pp_error_set(err, PP_EIO, "cannot find pp-worker");
	return NULL;
}

static void
report_start(const struct pp_cli *cli, const char *job_id,
    const struct pp_started *w)
{
	struct pp_buf out = PP_BUF_INIT;

	if (!cli->json) {
		pp_cli_note(cli, "worker %d of job %s: process %lld, log %s",
		    w->number, job_id, (long long)w->pid, w->log);
		return;
	}
	pp_buf_addf(&out,
	    "{\"job_id\":\"%s\",\"worker\":%d,\"pid\":%lld,"
	    "\"log\":",
	    job_id, w->number, (long long)w->pid);
	pp_json_put_lossy(&out, w->log, strlen(w->log));
	pp_buf_adds(&out, "}\n");
	fwrite(out.data, 1, out.len, stdout);
	pp_buf_release(&out);
}

/* The tasks that were started, and a word about those that were not. */
static int
report_tasks(const struct pp_cli *cli, const char *job_id,
    const struct pp_ecs_tasks *t, bool on_demand, struct pp_error *err)
{
	struct pp_buf out = PP_BUF_INIT;

	for (size_t i = 0; i < t->count; i++) {
		if (!cli->json) {
			pp_cli_note(cli, "%s%s%stask %s",
			    job_id != NULL ? "job " : "",
			    job_id != NULL ? job_id : "",
			    job_id != NULL ? ": " : "", t->arns[i]);
			continue;
		}
		pp_buf_addc(&out, '{');
		if (job_id != NULL)
			pp_json_member_str(&out, "job_id", job_id);
		pp_json_member_str(&out, "task_arn", t->arns[i]);
		pp_buf_adds(&out, "}\n");
	}
	fwrite(out.data, 1, out.len, stdout);
	pp_buf_release(&out);
	if (t->failures == 0)
		return 0;
	return pp_error_set(err, PP_ETEMP,
	    "%zu of %zu tasks could not be started: %s%s", t->failures,
	    t->failures + t->count, t->reason,
	    on_demand ? "" : " (--on-demand asks for other capacity)");
}

static int
start_tasks(struct starting *s, const char *job_id, int workers,
    struct pp_error *err)
{
	const struct start_state *state = s->state;
	struct pp_ecs_tasks tasks;
	int rc = pp_launch_job(s->launcher, job_id, workers, state->concurrency,
	    state->on_demand, &tasks, err);
	struct pp_error why = PP_ERROR_INIT;

	if (report_tasks(s->home.cli, job_id, &tasks, state->on_demand, &why) <
		0 &&
	    rc == 0) {
		*err = why;
		rc = -1;
	}
	pp_ecs_tasks_release(&tasks);
	return rc;
}

/* Workers run here, or as tasks where the home has no folder. */
static int
open_starter(struct starting *s, struct pp_error *err)
{
	if (s->program != NULL || s->launcher != NULL)
		return 0;
	if (pp_store_dir(s->home.store) == NULL) {
		s->launcher = pp_launcher_new(err);
		return s->launcher != NULL ? 0 : -1;
	}
	if (s->state->on_demand)
		return pp_error_set(err, PP_EUSAGE,
		    "--on-demand is for tasks, and this home's workers run "
		    "here");
	s->program = find_worker(err);
	return s->program != NULL ? 0 : -1;
}

static int
start_workers(struct starting *s, const struct pp_job *job,
    struct pp_error *err)
{
	const char *args[] = { "--concurrency", s->state->concurrency, NULL };
	int64_t n = s->state->workers > 0 ? s->state->workers : 1;

	if (open_starter(s, err) < 0)
		return -1;

	if (n > job->shards) {
		pp_cli_note(s->home.cli,
		    "job %s has %d shard%s: no more "
		    "workers than that",
		    job->job_id, job->shards, job->shards == 1 ? "" : "s");
		n = job->shards;
	}
	if (s->launcher != NULL)
		return start_tasks(s, job->job_id, (int)n, err);
	for (int64_t i = 0; i < n; i++) {
		struct pp_started w;

		if (pp_job_start(s->home.store, job->job_id, s->program,
			args[1] != NULL ? args : NULL, &w, err) < 0)
			return -1;
		report_start(s->home.cli, job->job_id, &w);
		free(w.log);
	}
	return 0;
}

static int
start_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct starting *s = arg;
	struct pp_job job;
	int rc;

	if (pp_job_get(s->home.store, s->home.user, job_id, &job, err) < 0)
		return -1;
	if (pp_job_status_is_final(job.status))
		rc = pp_error_set(err, PP_ENO, "job '%s' has ended: %s", job_id,
		    pp_job_status_name(job.status));
	else
		rc = start_workers(s, &job, err);
	pp_job_release(&job);
	return rc;
}

static int
start_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct starting s = { .state = state };
	int rc = pp_job_each(cli, argc, argv, &s, start_one, err);

	free(s.program);
	pp_launcher_free(s.launcher);
	return rc;
}

const struct pp_command pp_job_start_command = {
	.name = "start",
	.synopsis = "JOB... | -",
	.summary = "run workers in the background",
	.options = start_options,
	.operands = PP_COMPLETE_JOB,
	.has_json = true,
	.has_user = true,
	.state_bytes = sizeof(struct start_state),
	.set = start_set,
	.run = start_run,
};

/* ---- dispatch ---- */

static const struct pp_opt dispatch_options[] = {
	{ 'n', "max", "N", "tasks at most ($PP_MAX_CONCURRENT_JOBS, or 5)" },
	{ PP_OPT_LONG, "on-demand", NULL, "not of Fargate Spot" }, { 0 }
};

struct dispatch_state {
	int64_t max;
	bool on_demand;
};

static int
dispatch_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct dispatch_state *s = state;

	if (key == 'n')
		return pp_parse_int(arg, "--max", 1, MAX_WORKERS, &s->max, err);
	s->on_demand = true;
	return 0;
}

static int
read_max(int64_t *max, struct pp_error *err)
{
	if (*max > 0)
		return 0;
	*max = PP_DEFAULT_MAX_RUNNING;
	return pp_env_int("PP_MAX_CONCURRENT_JOBS", 1, MAX_WORKERS, max, err);
}

/*
 * How long the job has waited that is next: what is urgent and starves the rest
 * is no trouble, what is next and is not taken is. An alarm of
 * infra/cloudformation/budget-stack.yaml reads this line of the log.
 */
static int
log_queue(struct pp_store *store, int64_t queued, int64_t claimed,
    struct pp_error *err)
{
	char job_id[PP_ID_BYTES];
	int64_t waited_ms = 0;
	struct pp_job job;
	int there = pp_store_queue_head(store, job_id, err);

	if (there < 0)
		return -1;
	if (there > 0 && pp_store_job_get(store, job_id, &job, NULL) == 0) {
		waited_ms = pp_clock_wall_ms() - job.updated_at_ms;
		pp_job_release(&job);
	}
	pp_log(PP_LOG_INFO, "queue", "waiting", 'd', queued, "claimed", 'd',
	    claimed, "oldest_s", 'd', waited_ms > 0 ? waited_ms / 1000 : 0,
	    NULL);
	return 0;
}

static int
dispatch(const struct pp_cli *cli, struct pp_store *store,
    const struct dispatch_state *s, struct pp_error *err)
{
	struct pp_launcher *l = pp_launcher_new(err);
	struct pp_ecs_tasks tasks = { 0 };
	int64_t queued, claimed, running = 0;
	int rc = -1;

	if (l != NULL &&
	    pp_store_queue_length(store, &queued, &claimed, err) == 0 &&
	    log_queue(store, queued, claimed, err) == 0)
		rc = pp_launch_queue(l, queued, claimed, (int)s->max,
		    s->on_demand, &running, &tasks, err);
	if (rc == 0)
		rc = report_tasks(cli, NULL, &tasks, s->on_demand, err);
	if (rc == 0)
		pp_cli_note(cli,
		    "%lld waiting, %lld claimed; %lld tasks were there, %zu "
		    "started",
		    (long long)queued, (long long)claimed, (long long)running,
		    tasks.count);
	pp_ecs_tasks_release(&tasks);
	pp_launcher_free(l);
	return rc;
}

static int
dispatch_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct dispatch_state *s = state;
	struct pp_store *store;
	int rc;

	(void)argv;
	if (argc > 0)
		return pp_error_set(err, PP_EUSAGE,
		    "dispatch takes no jobs: it looks at the queue");
	if (read_max(&s->max, err) < 0)
		return -1;
	store = pp_store_open_to_read(NULL, err);
	if (store == NULL)
		return -1;
	rc = dispatch(cli, store, s, err);
	pp_store_close(store);
	return rc;
}

const struct pp_command pp_job_dispatch_command = {
	.name = "dispatch",
	.synopsis = "",
	.summary = "start tasks for what waits in the queue",
	.options = dispatch_options,
	.has_json = true,
	.state_bytes = sizeof(struct dispatch_state),
	.set = dispatch_set,
	.run = dispatch_run,
};
