/*
 * Servers for unit tests: the mock server as a process of its own, and a
 * scripted one in a thread, which sends exactly the bytes it is given and
 * keeps what it was sent.
 */
#ifndef PP_TESTS_UNIT_SERVER_H
#define PP_TESTS_UNIT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Start a program that writes the port it listens on to `port_file`, and wait
 * until it has. It ends with the test. Returns the port, or 0: it ended.
 */
int	server_start(pid_t *pid, const char *const *argv,
	    const char *port_file);

struct mock {
	pid_t pid;
	int port;
	char url[64];			/* "http://127.0.0.1:PORT" */
};

/*
 * Start it with these arguments, ended by NULL, on a free port; `tls` makes
 * the url https. Skips the test when it is not built.
 */
void	mock_start(struct mock *m, bool tls, const char *const *args);
void	mock_stop(struct mock *m);

/* One of its counters. */
long long mock_counter(const struct mock *m, const char *name);

/* What to send for a request to "/N/...", N being the index. */
struct script {
	const char *reply;		/* NULL: close without one */
	size_t reply_len;		/* 0: strlen */
	bool keep;			/* wait for another request then */
};

struct scripted;

struct scripted *scripted_start(const struct script *scripts, size_t count);

/* The n-th request gets the n-th script, those after the last the last. */
struct scripted *scripted_start_in_order(const struct script *scripts,
	    size_t count);
void	scripted_stop(struct scripted *s);
const char *scripted_url(const struct scripted *s);	/* without path */
int	scripted_requests(struct scripted *s);		/* so far */

/*
 * The last request, and the one before it, head and body; "" for none. Valid
 * until the next comes.
 */
const char *scripted_last(struct scripted *s);
const char *scripted_before(struct scripted *s);

#endif
