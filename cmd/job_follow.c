/*
 * pp-job wait and logs: stay beside jobs until they end.
 */
#include <config.h>

#include "pp-job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/str.h"
#include "job/notify.h"
#include "job/task_logs.h"

/* ---- wait ---- */

static const struct pp_opt wait_options[] = {
	{ 't', "timeout", "TIME", "no longer than this, for all of them" },
	{ PP_OPT_LONG, "notify", "sns:ARN", "tell this topic as each ends" },
	{ 0 }
};

struct wait_state {
	bool has_timeout;
	int64_t timeout_ms;
	const char *topic; /* NULL: none */
};

struct waiting {
	struct home home;
	const char *topic;
	int64_t until_ms;  /* boot clock; 0: never */
	enum pp_code code; /* the worst end so far */
	char text[128];	   /* what it was */
};

static int
wait_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct wait_state *s = state;

	if (key == PP_OPT_LONG) {
		s->topic = pp_notify_topic(arg, err);
		return s->topic != NULL ? 0 : -1;
	}
	s->has_timeout = true;
	return pp_parse_duration_ms(arg, "--timeout", &s->timeout_ms, err);
}

static void
wait_seen(void *arg, const struct pp_job *job)
{
	char spent[PP_MONEY_TEXT_BYTES];

	(void)arg;
	pp_progress("%.8s  %s  %lld of %lld rows  %lld failed  %s", job->job_id,
	    pp_job_status_name(job->status), (long long)job->totals.rows_done,
	    (long long)job->rows, (long long)job->totals.rows_failed,
	    pp_money_show(job->totals.settled_nusd + job->totals.unproven_nusd,
		spent));
}

/* A failure tells more than a budget that was reached. */
static void
note_end(struct waiting *w, const char *job_id, enum pp_job_status status)
{
	enum pp_code code = pp_job_end_code(status);

	if (code == PP_OK || w->code == PP_ENO)
		return;
	w->code = code;
	snprintf(w->text, sizeof w->text, "job '%s' has ended: %s", job_id,
	    pp_job_status_name(status));
}

static int
wait_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct waiting *w = arg;
	struct home *h = &w->home;
	enum pp_job_status status;
	struct pp_job job;
	int rc = pp_job_wait(h->store, h->user, job_id, w->until_ms, wait_seen,
	    NULL, &status, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return pp_error_set(err, PP_ETEMP, "job '%s' is %s still",
		    job_id, pp_job_status_name(status));
	note_end(w, job_id, status);
	if (w->topic != NULL &&
	    pp_notify_end(w->topic, h->store, job_id, err) < 0)
		return -1;
	if (!h->cli->json)
		return 0;
	if (pp_job_get(h->store, h->user, job_id, &job, err) < 0)
		return -1;
	pp_progress_clear();
	pp_job_print(&job, NULL);
	pp_job_release(&job);
	return 0;
}

static int
wait_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	const struct wait_state *s = state;
	struct waiting w = { .topic = s->topic,
		.until_ms = s->has_timeout ?
		    pp_clock_boot_ms() + s->timeout_ms :
		    0 };
	int rc;

	pp_progress_start(cli);
	rc = pp_job_each(cli, argc, argv, &w, wait_one, err);
	pp_progress_stop();
	if (rc == 0 && w.code != PP_OK)
		return pp_error_set(err, w.code, "%s", w.text);
	return rc;
}

const struct pp_command pp_job_wait_command = {
	.name = "wait",
	.synopsis = "JOB... | -",
	.summary = "wait until jobs have ended",
	.options = wait_options,
	.operands = PP_COMPLETE_JOB,
	.has_json = true,
	.has_user = true,
	.state_bytes = sizeof(struct wait_state),
	.set = wait_set,
	.run = wait_run,
};

/* ---- logs ---- */

static const struct pp_opt logs_options[] = {
	{ 'f', "follow", NULL, "go on until the job has ended" }, { 0 }
};

#define MAX_LOGS 100000
#define FOLLOW_MS 200
#define FOLLOW_TASKS_MS 2000
#define CLOCKS_DIFFER_MS 60000

struct logs_state {
	bool follow;
};

struct logging {
	struct home home;
	bool follow;
};

static void
print_log_line(void *arg, const char *line)
{
	(void)arg;
	puts(line);
}

/*
 * The end is looked at before the logs; what a task has written comes some
 * seconds later, so the end is when two looks after it had nothing.
 */
static int
follow_task_logs(struct home *h, const char *job_id, struct pp_task_logs *l,
    struct pp_error *err)
{
	enum pp_job_status status;
	int quiet = 0;

	while (quiet < 2) {
		int64_t until_ms = pp_clock_boot_ms() + FOLLOW_TASKS_MS;
		int64_t lines;
		int ended = pp_job_wait(h->store, h->user, job_id, until_ms,
		    NULL, NULL, &status, err);

		if (ended < 0)
			return -1;
		if (ended > 0)
			pp_clock_sleep_ms(until_ms - pp_clock_boot_ms());
		lines = pp_task_logs_read(l, print_log_line, NULL, err);
		if (lines < 0)
			return -1;
		fflush(stdout);
		quiet = ended > 0 && lines == 0 ? quiet + 1 : 0;
	}
	return 0;
}

/* A task begins after its job was created, by clocks that may differ. */
static int
print_task_logs(struct home *h, const char *job_id, bool follow,
    struct pp_error *err)
{
	struct pp_task_logs *l;
	struct pp_job job;
	int64_t lines;
	int rc = 0;

	if (pp_job_get(h->store, h->user, job_id, &job, err) < 0)
		return -1;
	l = pp_task_logs_open(job_id, job.created_at_ms - CLOCKS_DIFFER_MS,
	    err);
	pp_job_release(&job);
	if (l == NULL)
		return -1;
	lines = pp_task_logs_read(l, print_log_line, NULL, err);
	fflush(stdout);
	if (lines < 0)
		rc = -1;
	else if (follow)
		rc = follow_task_logs(h, job_id, l, err);
	else if (lines == 0)
		rc = pp_error_set(err, PP_ENOENT,
		    "job '%s' has no logs: no task has worked on it, or they "
		    "are older than the group keeps them",
		    job_id);
	pp_task_logs_close(l);
	return rc;
}

/* How far each log has been printed; number 1 is the first. */
struct positions {
	off_t *at;
	size_t count, cap;
};

static int
logs_set(void *state, int key, const char *arg, struct pp_error *err)
{
	(void)key;
	(void)arg;
	(void)err;
	((struct logs_state *)state)->follow = true;
	return 0;
}

/* Print what a log has from `*at` on. 1 when there was something. */
static int
print_log(const char *path, off_t *at, struct pp_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char chunk[65536];
	off_t start = *at;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 :
					 pp_error_errno(err, PP_EIO, errno,
					     "cannot open '%s'", path);
	while ((n = pread(fd, chunk, sizeof chunk, *at)) > 0) {
		fwrite(chunk, 1, (size_t)n, stdout);
		*at += n;
	}
	close(fd);
	if (n < 0)
		return pp_error_errno(err, PP_EIO, errno, "cannot read '%s'",
		    path);
	return *at > start;
}

static int
print_logs(const char *dir, struct positions *p, struct pp_error *err)
{
	int any = 0;

	for (size_t i = 0; i < MAX_LOGS; i++) {
		char *path = pp_asprintf("%s/worker-%zu.log", dir, i + 1);
		bool there = i < p->count || access(path, F_OK) == 0;
		int rc = 0;

		if (there && i == p->count) {
			p->at = pp_grow(p->at, p->count, &p->cap,
			    sizeof p->at[0]);
			p->at[p->count++] = 0;
		}
		if (there)
			rc = print_log(path, &p->at[i], err);
		free(path);
		if (rc < 0)
			return -1;
		any |= rc;
		if (!there)
			break;
	}
	fflush(stdout);
	return any;
}

/* The end is looked at before the logs: what comes last is not missed. */
static int
follow_logs(struct home *h, const char *job_id, const char *dir,
    struct positions *p, struct pp_error *err)
{
	enum pp_job_status status;
	int ended, any;

	do {
		ended = pp_job_wait(h->store, h->user, job_id,
		    pp_clock_boot_ms() + FOLLOW_MS, NULL, NULL, &status, err);
		any = ended < 0 ? -1 : print_logs(dir, p, err);
	} while (any >= 0 && (ended == 0 || any > 0));
	return any < 0 ? -1 : 0;
}

static int
logs_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct logging *l = arg;
	struct home *h = &l->home;
	struct positions p = { .at = NULL };
	char *dir = NULL;
	int rc = -1;

	if (pp_store_dir(h->store) == NULL)
		return print_task_logs(h, job_id, l->follow, err);
	if (pp_job_check_own(h, job_id, err) == 0)
		dir = pp_job_log_dir(h->store, job_id, err);
	if (dir != NULL)
		rc = print_logs(dir, &p, err);
	if (rc >= 0 && l->follow)
		rc = follow_logs(h, job_id, dir, &p, err);
	if (rc >= 0 && p.count == 0)
		rc = pp_error_set(err, PP_ENOENT,
		    "job '%s' has no logs: no "
		    "worker was started by pp-job start",
		    job_id);
	free(p.at);
	free(dir);
	return rc < 0 ? -1 : 0;
}

static int
logs_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct logging l = { .follow = ((struct logs_state *)state)->follow };

	return pp_job_each(cli, argc, argv, &l, logs_one, err);
}

const struct pp_command pp_job_logs_command = {
	.name = "logs",
	.synopsis = "JOB... | -",
	.summary = "print what background workers and tasks logged",
	.options = logs_options,
	.operands = PP_COMPLETE_JOB,
	.has_user = true,
	.state_bytes = sizeof(struct logs_state),
	.set = logs_set,
	.run = logs_run,
};
