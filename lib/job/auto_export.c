#include <config.h>

#include "job/auto_export.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "job/export_upload.h"

#define TURN_MS 200

static int
export_to_folder(struct pp_store *s, const struct pp_job *job,
    struct pp_export_options *o, struct pp_error *err)
{
	char *folder = pp_export_job_folder(s, job->job_id, err);
	int rc = -1;

	if (folder != NULL) {
		o->dir = folder;
		rc = pp_export_job_record(s, job, o, NULL, err);
	}
	free(folder);
	return rc;
}

/* Connections are the parent's: the child makes its own. */
static int
export_to_objects(struct pp_store *parents, const struct pp_job *job,
    const struct pp_export_options *o, struct pp_error *err)
{
	struct pp_store *s = pp_store_open_again(parents, err);
	struct pp_export_place to = { .prefix = "" };
	char *prefix;
	int rc;

	if (s == NULL)
		return -1;
	prefix = pp_asprintf("jobs/%s/exports/", job->job_id);
	to.blobs = pp_store_blobs(s);
	to.prefix = prefix;
	rc = pp_export_upload_record(s, job, o, &to, NULL, err);
	free(prefix);
	pp_store_close(s);
	return rc;
}

/*
 * What the child does. It must not touch the parent's database, whose locks it
 * has not inherited; the record was read before, and objects are files, or
 * come by a connection of its own.
 */
static int
make_export(struct pp_store *s, struct pp_job *job,
    const struct pp_job_config *c, struct pp_error *err)
{
	struct pp_export_options o = PP_EXPORT_OPTIONS_INIT;

	/* all rows are on the chain, although the record says RUNNING */
	job->status = PP_JOB_COMPLETED;
	if (pp_export_parse_formats(c->export_formats, &o.formats, err) < 0 ||
	    pp_export_parse_partition(c->export_partition, &o.partition, err) <
		0)
		return -1;
	return pp_store_dir(s) != NULL ? export_to_folder(s, job, &o, err) :
					 export_to_objects(s, job, &o, err);
}

static void be_child(struct pp_store *s, struct pp_job *job,
    const struct pp_job_config *c) __attribute__((noreturn));

static void
be_child(struct pp_store *s, struct pp_job *job, const struct pp_job_config *c)
{
	struct pp_error err = PP_ERROR_INIT;
	sigset_t none;

	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (make_export(s, job, c, &err) == 0)
		_exit(0);
	pp_log(PP_LOG_ERROR, "export_failed", "reason", 's', err.text, NULL);
	_exit(pp_code_exit_status(err.code));
}

static void
on_exit_of_child(void *arg, int fd, unsigned events)
{
	(void)arg; /* the loop turned: that is enough */
	(void)fd;
	(void)events;
}

/* Turn the loop until the child has ended; its wait status. */
static int
wait_for_child(pid_t pid, struct pp_loop *loop, bool (*stop)(void *arg),
    void *arg, int *status, struct pp_error *err)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	bool stopped = false;
	int rc = 0;
	pid_t got;

	if (fd >= 0 &&
	    pp_loop_watch(loop, fd, PP_LOOP_READ, on_exit_of_child, NULL,
		NULL) < 0) {
		close(fd);
		fd = -1;
	}
	while ((got = waitpid(pid, status, rc == 0 ? WNOHANG : 0)) == 0) {
		if (!stopped && stop(arg)) {
			stopped = true;
			kill(pid, SIGTERM);
		}
		rc = pp_loop_turn(loop, TURN_MS, err);
		if (rc < 0)
			kill(pid, SIGTERM);
	}
	if (fd >= 0) {
		pp_loop_watch(loop, fd, 0, NULL, NULL, NULL);
		close(fd);
	}
	if (rc == 0 && stopped)
		rc = pp_error_set(err, PP_ETEMP, "the export was stopped");
	if (rc == 0 && got < 0)
		rc = pp_error_errno(err, PP_EBUG, errno,
		    "the exporting process is lost");
	return rc;
}

int
pp_auto_export(struct pp_store *s, struct pp_loop *loop,
    const struct pp_job_config *config, bool (*stop)(void *arg), void *arg,
    struct pp_error *err)
{
	struct pp_job job;
	int status;
	pid_t pid;

	if (config->export_formats[0] == '\0')
		return 0;
	if (pp_store_job_get(s, config->job_id, &job, err) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		be_child(s, &job, config);
	pp_job_release(&job);
	if (pid < 0)
		return pp_error_errno(err, PP_ETEMP, errno,
		    "cannot start the export");
	if (wait_for_child(pid, loop, stop, arg, &status, err) < 0)
		return -1;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return pp_error_set(err, PP_ENO,
		    "the export failed; "
		    "pp-export can make it again");
	pp_log(PP_LOG_INFO, "exported", "formats", 's', config->export_formats,
	    NULL);
	return 0;
}
