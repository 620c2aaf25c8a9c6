/*
 * One thread: an epoll set, and a heap of deadlines behind one timerfd.
 */
#include <config.h>

#include "mock_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#ifdef HAVE_SSL
#include <openssl/err.h>
#endif

#define BATCH 512

/* ---- events ---- */

static bool
is_gone(const struct conn *c, uint32_t events)
{
	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		return true;
	return (events & EPOLLRDHUP) != 0 && c->state != READ &&
	    c->state != LINGER;
}

static void
on_event(struct conn *c, uint32_t events)
{
	if (c->fd < 0)
		return;
	if (c->state == HANDSHAKE && !conn_handshake(c))
		return;
	if (is_gone(c, events)) {
		if (c->counted)
			c->s->book->n.client_aborts++;
		conn_close(c, false);
	} else if (c->state == WRITE || c->state == DRIP) {
		serve_writable(c);
	} else if (c->state == READ || c->state == LINGER) {
		serve_readable(c);
	}
}

/* Without room for more connections, those that come wait in the kernel. */
static void
on_accept(struct server *s)
{
	for (int i = 0; i < 64; i++) {
		int fd;

		if (s->book->n.conns_open >= s->o->max_conns) {
			listen_for_more(s, false);
			return;
		}
		fd = accept4(s->listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if ((errno == EMFILE || errno == ENFILE) &&
			    s->open != NULL)
				listen_for_more(s, false);
			return;
		}
		conn_add(s, fd);
	}
}

static void
on_timer(struct server *s)
{
	uint64_t ticks;

	if (read(s->timer, &ticks, sizeof ticks) == sizeof ticks)
		s->armed_us = 0;
}

static void
on_signal(struct server *s)
{
	struct signalfd_siginfo who;

	if (read(s->signals, &who, sizeof who) == sizeof who && !s->o->quiet)
		fprintf(stderr, "mockllm: signal %u from process %u\n",
		    who.ssi_signo, who.ssi_pid);
}

static void
run_deadlines(struct server *s)
{
	int64_t now = s->heap_len > 0 ? now_us() : 0;

	while (s->heap_len > 0 && s->heap[1]->due_us <= now) {
		struct conn *c = s->heap[1];

		deadline_off(c);
		serve_deadline(c);
	}
}

/* False: it was told to end. */
static bool
turn(struct server *s)
{
	struct epoll_event events[BATCH];
	int n;

	arm_timer(s);
	book_flush(s->book);
	n = epoll_wait(s->epoll, events, BATCH, -1);
	for (int i = 0; i < n; i++) {
		void *p = events[i].data.ptr;

		if (p == &s->signals) {
			on_signal(s);
			return false;
		}
		if (p == &s->listener)
			on_accept(s);
		else if (p == &s->timer)
			on_timer(s);
		else
			on_event(p, events[i].events);
	}
	run_deadlines(s);
	conn_free_dead(s);
	return true;
}

/* ---- start and end ---- */

static int
listen_on(const struct options *o, int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)o->port) };
	socklen_t size = sizeof a;
	int fd, one = 1;

	if (inet_pton(AF_INET, o->host, &a.sin_addr) != 1) {
		fprintf(stderr, "mockllm: '%s' is no IPv4 address\n", o->host);
		return -1;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
	    listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &size) < 0) {
		fprintf(stderr, "mockllm: cannot listen on %s:%d: %s\n",
		    o->host, o->port, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*port = ntohs(a.sin_port);
	return fd;
}

/* Written beside it and moved there, so that a reader sees all of it. */
static bool
write_port_file(const char *path, int port)
{
	struct text tmp = { .p = NULL };
	FILE *f;
	bool ok;

	text_addf(&tmp, "%s.tmp%c", path, '\0');
	f = fopen(tmp.p, "w");
	ok = f != NULL && fprintf(f, "%d\n", port) > 0;
	if (f != NULL)
		ok = fclose(f) == 0 && ok;
	ok = ok && rename(tmp.p, path) == 0;
	if (!ok)
		fprintf(stderr, "mockllm: %s: %s\n", path, strerror(errno));
	text_free(&tmp);
	return ok;
}

#ifdef HAVE_SSL
static bool
open_tls(struct server *s)
{
	const struct options *o = s->o;

	if (o->cert == NULL)
		return true;
	s->tls = SSL_CTX_new(TLS_server_method());
	if (s->tls == NULL)
		return false;
	SSL_CTX_set_min_proto_version(s->tls, TLS1_2_VERSION);
	SSL_CTX_set_mode(s->tls,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_id_context(s->tls, (const unsigned char *)"mock",
	    4);
	if (SSL_CTX_use_certificate_chain_file(s->tls, o->cert) == 1 &&
	    SSL_CTX_use_PrivateKey_file(s->tls,
		o->key != NULL ? o->key : o->cert, SSL_FILETYPE_PEM) == 1)
		return true;
	ERR_print_errors_fp(stderr);
	return false;
}
#endif

static bool
watch_own(struct server *s, int fd, void *tag)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = tag };

	return fd >= 0 && epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* Signals come as events, so that the end is never between two steps. */
static bool
open_events(struct server *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	s->listening = watch_own(s, s->listener, &s->listener);
	if (s->listening && watch_own(s, s->timer, &s->timer) &&
	    watch_own(s, s->signals, &s->signals))
		return true;
	perror("mockllm");
	return false;
}

/* As many connections as the system gives. */
static void
raise_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}

static bool
open_server(struct server *s)
{
	const struct options *o = s->o;
	int port = 0;

	raise_limit();
#ifdef HAVE_SSL
	if (!open_tls(s))
		return false;
#endif
	s->listener = listen_on(o, &port);
	if (s->listener < 0 || !open_events(s))
		return false;
	if (o->port_file != NULL && !write_port_file(o->port_file, port))
		return false;
	if (!o->quiet)
		fprintf(stderr, "mockllm on %s:%d\n", o->host, port);
	return true;
}

static void
close_server(struct server *s)
{
	int own[] = { s->listener, s->epoll, s->timer, s->signals };

	while (s->open != NULL)
		conn_close(s->open, false);
	conn_free_dead(s);
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		if (own[i] >= 0)
			close(own[i]);
	}
	free(s->heap);
#ifdef HAVE_SSL
	SSL_CTX_free(s->tls);
#endif
	free(s);
}

int
server_run(const struct options *o, struct book *b)
{
	struct server *s = mock_realloc(NULL, sizeof *s);
	int status = 1;

	memset(s, 0, sizeof *s);
	s->o = o;
	s->book = b;
	s->listener = s->epoll = s->timer = s->signals = -1;
	if (open_server(s)) {
		while (turn(s))
			;
		status = 0;
	}
	close_server(s);
	return status;
}
