/*
 * Run a command and tell what it took.
 *
 *	bench_run COMMAND [ARGUMENT...]
 *
 * Prints one JSON object on descriptor 3: when it was started (milliseconds
 * since 1970), wall and CPU seconds, most resident memory, exit status.
 */
#include <config.h>

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
of_timeval(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int
main(int argc, char **argv)
{
	double started = seconds(CLOCK_REALTIME);
	double began = seconds(CLOCK_MONOTONIC);
	struct rusage ru;
	int status;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_run COMMAND [ARGUMENT...]\n");
		return 64;
	}
	pid = fork();
	if (pid == 0) {
		close(3);
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &ru) < 0) {
		perror("bench_run");
		return 71;
	}
	dprintf(3,
	    "{\"started_ms\":%.3f,\"wall_s\":%.6f,\"cpu_s\":%.6f,"
	    "\"rss_kib\":%ld,\"status\":%d}\n",
	    started * 1e3, seconds(CLOCK_MONOTONIC) - began,
	    of_timeval(ru.ru_utime) + of_timeval(ru.ru_stime), ru.ru_maxrss,
	    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
