/* Workers in the background: job.h's pp_job_start(). */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "job/job.h"

#define MAX_ARGS 32

char *
pp_job_log_dir(struct pp_store *s, const char *job_id, struct pp_error *err)
{
	if (pp_store_dir(s) != NULL)
		return pp_asprintf("%s/logs/%s", pp_store_dir(s), job_id);
	pp_error_set(err, PP_ECONFIG,
	    "this home has no folder for logs; workers run elsewhere");
	return NULL;
}

/* Make worker-N.log with the first free N. Returns its descriptor. */
static int
open_log(struct pp_store *s, const char *job_id, struct pp_started *out,
    struct pp_error *err)
{
	char *dir = pp_job_log_dir(s, job_id, err);
	int fd = -1;

	if (dir == NULL)
		return -1;
	if (pp_io_make_dirs(dir, 0700, err) < 0)
		goto out;
	for (out->number = 1;; out->number++) {
		free(out->log);
		out->log = pp_asprintf("%s/worker-%d.log", dir, out->number);
		fd = open(out->log,
		    O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			break;
	}
	if (fd < 0)
		pp_error_errno(err, PP_ECREATE, errno, "cannot create '%s'",
		    out->log);
out:
	free(dir);
	return fd;
}

/* What the child tells through the pipe: its pid, or why it has none. */
struct news {
	pid_t pid;
	int errnum;
};

static void
tell(int fd, pid_t pid, int errnum)
{
	struct news n = { .pid = pid, .errnum = errnum };

	(void)!write(fd, &n, sizeof n);
}

/* In the grandchild: become the worker. */
static void
become(const char *program, char *const *argv, const char *home, int log_fd,
    int news_fd)
{
	int null = open("/dev/null", O_RDWR);
	char *spec = pp_asprintf("file:%s", home);

	tell(news_fd, getpid(), 0);
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(null, STDOUT_FILENO) >= 0 &&
	    dup2(log_fd, STDERR_FILENO) >= 0 &&
	    setenv("PP_STORE", spec, 1) == 0)
		execv(program, argv);
	tell(news_fd, 0, errno);
	_exit(127);
}

/*
 * Twice a fork: the worker is nobody's child, so nobody has to wait for it.
 * The pipe closes when it runs, and brings errno when it does not.
 */
static int
spawn(const char *program, char *const *argv, const char *home, int log_fd,
    pid_t *pid, struct pp_error *err)
{
	struct news n = { .pid = 0 }, got;
	int news[2];
	pid_t child;

	if (pipe2(news, O_CLOEXEC) < 0)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot start a worker");
	child = fork();
	if (child == 0) {
		setsid();
		if (fork() == 0)
			become(program, argv, home, log_fd, news[1]);
		_exit(0);
	}
	close(news[1]);
	while (child > 0 &&
	    read(news[0], &got, sizeof got) == (ssize_t)sizeof got) {
		n.errnum = got.errnum;
		if (got.pid != 0)
			n.pid = got.pid;
	}
	close(news[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	*pid = n.pid;
	if (child > 0 && n.pid > 0 && n.errnum == 0)
		return 0;
	return pp_error_errno(err, n.errnum == ENOENT ? PP_ENOENT : PP_EIO,
	    n.errnum != 0 ? n.errnum : EAGAIN, "cannot start '%s'", program);
}

int
pp_job_start(struct pp_store *s, const char *job_id, const char *program,
    const char *const *args, struct pp_started *out, struct pp_error *err)
{
	char *argv[MAX_ARGS + 1] = { pp_strdup(program), pp_strdup("--job"),
		pp_strdup(job_id) };
	int n = 3, rc = -1, fd;
	pid_t pid = 0;

	*out = (struct pp_started){ .log = NULL };
	for (; args != NULL && *args != NULL && n < MAX_ARGS; args++)
		argv[n++] = pp_strdup(*args);
	fd = open_log(s, job_id, out, err);
	if (fd >= 0) {
		rc = spawn(program, argv, pp_store_dir(s), fd, &pid, err);
		close(fd);
	}
	out->pid = pid;
	if (rc < 0) {
		if (fd >= 0)
			unlink(out->log);
		free(out->log);
		out->log = NULL;
	}
	while (n > 0)
		free(argv[--n]);
	return rc;
}
