#include <config.h>

#include "base/reaper.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child is told of; the rest is none of its business. */
static const int passed_on[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1,
	SIGUSR2 };

/* Reap all that has ended; the child's end is ours. */
static void
reap(pid_t child)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != child)
			continue;
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) :
					  128 + WTERMSIG(status));
	}
}

static void
watch(pid_t child, const sigset_t *set)
{
	for (;;) {
		int sig = sigwaitinfo(set, NULL);

		if (sig == SIGCHLD)
			reap(child);
		else if (sig > 0)
			kill(child, sig);
	}
}

int
pp_reaper_start(struct pp_error *err)
{
	sigset_t set, old;
	pid_t child;

	if (getpid() != 1)
		return 0;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
		sigaddset(&set, passed_on[i]);
	sigprocmask(SIG_BLOCK, &set, &old);
	child = fork();
	if (child < 0)
		return pp_error_errno(err, PP_ETEMP, errno,
		    "cannot start a process");
	if (child > 0)
		watch(child, &set);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return 0;
}
