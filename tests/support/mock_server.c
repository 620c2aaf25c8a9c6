/*
 * One thread: an epoll set, and a heap of deadlines behind one timerfd.
 *
 * A connection is in one of these states:
 *
 *	HANDSHAKE	TLS
 *	READ		waits for a request, or has a part of one
 *	WAIT		the reply is ready and its latency runs
 *	WRITE		the reply goes out as fast as the client takes it
 *	DRIP		the same, a few bytes at a time
 *	HANG		no reply will come
 *	LINGER		the last reply is out; what still comes is thrown away
 *
 * Requests are read into one buffer of the server's; only what is left over, a
 * part of a request or the next one, is kept with its connection. So a call
 * that waits costs its reply and about a kilobyte.
 */
#include <config.h>

#include "mock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
#include <openssl/ssl.h>
#endif

#define READ_BYTES 65536
#define LINGER_US 2000000
#define BATCH 512

enum conn_state { HANDSHAKE, READ, WAIT, WRITE, DRIP, HANG, LINGER };

struct conn {
	struct server *s;
	int fd; /* -1: closed, to be freed */
	enum conn_state state;
	uint32_t events; /* what epoll watches for */
	int64_t number, served;
	bool keep, counted, told_to_go_on;
	struct http_request request;
	struct exchange x;
	struct text in; /* left over from reading */
	struct text out;
	size_t sent, body_at;
	int64_t due_us;
	size_t heap_at;		  /* 1 and up; 0: no deadline */
	struct conn *prev, *next; /* of all that are open */
#ifdef HAVE_SSL
	SSL *ssl;
#endif
};

struct server {
	const struct options *o;
	struct book *book;
	int epoll, listener, timer, signals;
	bool listening;
	char buf[READ_BYTES];
	struct conn **heap; /* from 1 on */
	size_t heap_len, heap_cap;
	int64_t armed_us;
	struct conn *open, *dead;
#ifdef HAVE_SSL
	SSL_CTX *tls;
#endif
};

/* ---- deadlines ---- */

static void
heap_put(struct server *s, size_t i, struct conn *c)
{
	s->heap[i] = c;
	c->heap_at = i;
}

/* Move what is at `i` to where it belongs. */
static void
heap_fix(struct server *s, size_t i)
{
	struct conn *c = s->heap[i];
	size_t child;

	for (; i > 1 && s->heap[i / 2]->due_us > c->due_us; i /= 2)
		heap_put(s, i, s->heap[i / 2]);
	while ((child = 2 * i) <= s->heap_len) {
		if (child < s->heap_len &&
		    s->heap[child + 1]->due_us < s->heap[child]->due_us)
			child++;
		if (s->heap[child]->due_us >= c->due_us)
			break;
		heap_put(s, i, s->heap[child]);
		i = child;
	}
	heap_put(s, i, c);
}

static void
deadline_off(struct conn *c)
{
	struct server *s = c->s;
	struct conn *last;
	size_t i = c->heap_at;

	if (i == 0)
		return;
	c->heap_at = 0;
	last = s->heap[s->heap_len--];
	if (last != c) {
		heap_put(s, i, last);
		heap_fix(s, i);
	}
}

static void
deadline_on(struct conn *c, int64_t due_us)
{
	struct server *s = c->s;

	deadline_off(c);
	if (s->heap_len + 2 > s->heap_cap) {
		s->heap_cap = s->heap_cap > 0 ? 2 * s->heap_cap : 1024;
		s->heap = mock_realloc(s->heap, s->heap_cap * sizeof *s->heap);
	}
	c->due_us = due_us;
	heap_put(s, ++s->heap_len, c);
	heap_fix(s, s->heap_len);
}

static void
arm_timer(struct server *s)
{
	int64_t due = s->heap_len > 0 ? s->heap[1]->due_us : 0;
	struct itimerspec t = { .it_value = { .tv_sec = due / 1000000,
				    .tv_nsec = due % 1000000 * 1000 } };

	if (due == s->armed_us)
		return;
	s->armed_us = due;
	timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

/* ---- sockets ---- */

static void
watch(struct conn *c, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = c };

	if (c->events == events)
		return;
	if (epoll_ctl(c->s->epoll,
		c->events != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd,
		&e) < 0) {
		perror("mockllm: epoll_ctl");
		abort();
	}
	c->events = events;
}

static void
listen_for_more(struct server *s, bool more)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = &s->listener };

	if (s->listening == more)
		return;
	s->listening = more;
	epoll_ctl(s->epoll, more ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, s->listener,
	    &e);
}

#ifdef HAVE_SSL
/* What SSL_read and its kin returned: bytes, 0 for "not now", -1. */
static ssize_t
tls_result(struct conn *c, int k)
{
	int why;

	if (k > 0)
		return k;
	why = SSL_get_error(c->ssl, k);
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 :
									   -1;
}
#endif

/* Bytes; 0: none for now; -1: the end, or an error. */
static ssize_t
conn_recv(struct conn *c, void *p, size_t n)
{
	ssize_t k;

#ifdef HAVE_SSL
	if (c->ssl != NULL) {
		ERR_clear_error();
		return tls_result(c, SSL_read(c->ssl, p, (int)n));
	}
#endif
	k = recv(c->fd, p, n, 0);
	if (k < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return k > 0 ? k : -1;
}

static ssize_t
conn_send(struct conn *c, const void *p, size_t n)
{
	ssize_t k;

#ifdef HAVE_SSL
	if (c->ssl != NULL) {
		ERR_clear_error();
		return tls_result(c, SSL_write(c->ssl, p, (int)n));
	}
#endif
	k = send(c->fd, p, n, MSG_NOSIGNAL);
	if (k < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return k;
}

/* The request is over, one way or the other. */
static void
end_exchange(struct conn *c, bool sent)
{
	struct counters *n = &c->s->book->n;

	if (!c->counted)
		return;
	c->counted = false;
	n->inflight--;
	n->last_us = now_us();
	if (c->sent == 0)
		c->x.status = 0;
	book_end(c->s->book, &c->x, &c->request, sent);
}

static void
unlink_conn(struct conn *c)
{
	struct server *s = c->s;

	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		s->open = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->next = s->dead;
	s->dead = c;
}

/* `reset`: with a RST instead of a FIN. It is freed after the batch. */
static void
conn_close(struct conn *c, bool reset)
{
	struct linger none = { .l_onoff = 1, .l_linger = 0 };

	if (c->fd < 0)
		return;
	deadline_off(c);
	end_exchange(c, false);
	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
#ifdef HAVE_SSL
	if (c->ssl != NULL) {
		if (!reset && c->state != HANDSHAKE)
			SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
	}
#endif
	close(c->fd);
	c->fd = -1;
	text_free(&c->in);
	text_free(&c->out);
	unlink_conn(c);
	c->s->book->n.conns_open--;
	listen_for_more(c->s, true);
}

static void
free_dead(struct server *s)
{
	struct conn *c;

	while ((c = s->dead) != NULL) {
		s->dead = c->next;
		free(c);
	}
}

/* ---- replies ---- */

static int64_t
in_ms(double ms)
{
	return now_us() + (int64_t)(ms * 1000);
}

/* Send up to byte `limit` of the reply; true: it is all out. */
static bool
send_until(struct conn *c, size_t limit)
{
	while (c->sent < limit) {
		ssize_t k = conn_send(c, c->out.p + c->sent, limit - c->sent);

		if (k < 0) {
			c->s->book->n.client_aborts++;
			conn_close(c, false);
			return false;
		}
		if (k == 0) {
			watch(c, EPOLLOUT | EPOLLRDHUP);
			deadline_on(c, in_ms(c->s->o->read_ms));
			return false;
		}
		c->sent += (size_t)k;
		c->s->book->n.bytes_out += k;
	}
	return true;
}

/* The client may still be sending: let it read the reply first. */
static void
linger(struct conn *c)
{
	end_exchange(c, true);
	shutdown(c->fd, SHUT_WR);
	c->state = LINGER;
	text_free(&c->in);
	watch(c, EPOLLIN | EPOLLRDHUP);
	deadline_on(c, now_us() + LINGER_US);
}

/* The reply is out. */
static void
finish(struct conn *c)
{
	bool refused = c->x.api == API_NONE && c->x.status >= 400;

	end_exchange(c, true);
	deadline_off(c);
	c->out.n = c->sent = 0;
	c->served++;
	if (c->keep) {
		http_reset(&c->request);
		c->told_to_go_on = false;
		c->state = READ;
	} else if (refused) {
		linger(c);
	} else {
		conn_close(c, false);
	}
}

/* A part of the reply, and no more. */
static void
cut_reply(struct conn *c, bool reset)
{
	if (!send_until(c, c->body_at + (c->out.n - c->body_at) / 2) &&
	    c->fd < 0)
		return;
	conn_close(c, reset);
}

static void
drip(struct conn *c)
{
	const struct options *o = c->s->o;
	size_t limit = c->sent < c->body_at ? c->body_at :
					      c->sent + (size_t)o->drip_bytes;

	c->state = DRIP;
	if (!send_until(c, limit < c->out.n ? limit : c->out.n))
		return;
	if (c->sent == c->out.n) {
		finish(c);
		return;
	}
	watch(c, EPOLLRDHUP);
	deadline_on(c, in_ms(o->drip_ms));
}

/* The latency is over. */
static void
send_reply(struct conn *c)
{
	switch (c->x.fault->way) {
	case WAY_RESET: conn_close(c, true); break;
	case WAY_CLOSE: conn_close(c, false); break;
	case WAY_RESET_MID: cut_reply(c, true); break;
	case WAY_CLOSE_MID: cut_reply(c, false); break;
	case WAY_DRIP: drip(c); break;
	case WAY_HANG:
		c->state = HANG;
		watch(c, EPOLLRDHUP);
		break;
	default:
		c->state = WRITE;
		if (send_until(c, c->out.n))
			finish(c);
		break;
	}
}

/* ---- requests ---- */

static enum api
api_of(const char *path)
{
	size_t n = strcspn(path, "?");

	if (n >= 17 && memcmp(path + n - 17, "/chat/completions", 17) == 0)
		return API_CHAT;
	if (n > 16 && memcmp(path, "/model/", 7) == 0 &&
	    memcmp(path + n - 9, "/converse", 9) == 0)
		return API_CONVERSE;
	if (n >= 7 && memcmp(path + n - 7, "/models", 7) == 0)
		return API_MODELS;
	return API_NONE;
}

static void
list_models(struct model_call *c)
{
	const struct book *b = c->book;
	struct text list = { NULL };

	text_adds(&list, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < b->account_count; i++) {
		if (!b->accounts[i].priced)
			continue;
		text_adds(&list, list.p[list.n - 1] == '[' ? "{" : ",{");
		text_adds(&list, "\"id\":\"");
		json_encode(&list, b->accounts[i].model,
		    strlen(b->accounts[i].model));
		text_adds(&list,
		    "\",\"object\":\"model\","
		    "\"created\":1700000000,\"owned_by\":\"mock\"}");
	}
	text_add(&list, "]}\n", 4);
	reply_text(c, 200, list.p);
	text_free(&list);
}

/* /__stats and its kin; not counted, without latency and faults. */
static void
answer_control(struct model_call *c)
{
	struct text stats = { NULL };

	if (strcmp(c->request->path, "/__stats") == 0) {
		book_put_stats(c->book, &stats);
		text_add(&stats, "", 1);
		reply_text(c, 200, stats.p);
		text_free(&stats);
	} else if (strcmp(c->request->path, "/__reset") == 0) {
		book_reset(c->book);
		reply_text(c, 200, "{}\n");
	} else if (strcmp(c->request->path, "/__health") == 0) {
		reply_text(c, 200, "{\"ok\":true}\n");
	} else {
		reply_error(c, 404, -1);
	}
}

static void
begin_exchange(struct conn *c)
{
	struct counters *n = &c->s->book->n;

	c->x = (struct exchange){ .number = ++n->requests,
		.began_us = now_us(),
		.conn = c->number,
		.fault = &fault_table[0] };
	if (c->s->book->log != NULL)
		c->x.began_ms = wall_ms();
	if (n->first_us == 0)
		n->first_us = c->x.began_us;
	if (c->served > 0)
		n->keepalive_reuse++;
	c->counted = true;
	if (++n->inflight > n->inflight_peak)
		n->inflight_peak = n->inflight;
}

static void
begin_reply(struct conn *c, const struct model_call *call)
{
	c->body_at = call->body_at;
	c->sent = 0;
	if (c->x.delay_ms > 0) {
		c->state = WAIT;
		deadline_on(c, c->x.began_us + (int64_t)(c->x.delay_ms * 1000));
		watch(c, EPOLLRDHUP);
	} else {
		send_reply(c);
	}
}

/* A whole request is at `p`. */
static void
answer(struct conn *c, const char *p)
{
	const struct options *o = c->s->o;
	struct http_request *r = &c->request;
	struct model_call call = { .options = o,
		.book = c->s->book,
		.request = r,
		.body = { p + r->head_len, r->body_len },
		.out = &c->out,
		.x = &c->x };

	deadline_off(c);
	c->keep = r->keep &&
	    (o->conn_requests == 0 || c->served + 1 < o->conn_requests);
	call.keep = c->keep;
	c->s->book->n.bytes_in += (int64_t)r->total;
	if (strncmp(r->path, "/__", 3) == 0) {
		c->x = (struct exchange){ .fault = &fault_table[0] };
		answer_control(&call);
		begin_reply(c, &call);
		return;
	}
	begin_exchange(c);
	c->x.api = api_of(r->path);
	if (c->x.api == API_CHAT || c->x.api == API_CONVERSE) {
		model_answer(&call);
	} else {
		c->s->book->n.other++;
		if (c->x.api == API_MODELS)
			list_models(&call);
		else
			reply_error(&call, 404, -1);
	}
	begin_reply(c, &call);
}

/* What came is no request; say so, and be done with the client. */
static void
refuse(struct conn *c, int status)
{
	struct model_call call = { .options = c->s->o,
		.book = c->s->book,
		.request = &c->request,
		.out = &c->out,
		.x = &c->x };

	c->s->book->n.bad_requests++;
	begin_exchange(c);
	c->keep = false;
	reply_error(&call, status, -1);
	begin_reply(c, &call);
}

/* A client that waits for leave to send its body gets it, once. */
static void
tell_to_go_on(struct conn *c)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (c->told_to_go_on || !c->request.expects ||
	    c->request.phase == HTTP_IN_HEAD)
		return;
	c->told_to_go_on = true;
	if (conn_send(c, go_on, sizeof go_on - 1) < 0)
		conn_close(c, false);
}

/* Keep what was not used; `p` may be in c->in or not. */
static void
keep_rest(struct conn *c, const char *p, size_t used, size_t n)
{
	size_t rest = n - used;

	if (p != c->in.p) {
		if (rest > 0)
			text_add(&c->in, p + used, rest);
	} else if (rest > 0) {
		if (used > 0)
			memmove(c->in.p, c->in.p + used, rest);
		c->in.n = rest;
	} else {
		text_free(&c->in);
	}
}

/* The next thing to wait for, when it is a request. */
static void
wait_for_request(struct conn *c)
{
	const struct options *o = c->s->o;

	watch(c, EPOLLIN | EPOLLRDHUP);
	if (c->in.n > 0) {
		if (c->heap_at == 0)
			deadline_on(c, in_ms(o->read_ms));
	} else if (o->idle_ms > 0) {
		deadline_on(c, in_ms(o->idle_ms));
	}
}

/* Answer all requests in `n` bytes that came, as far as they are whole. */
static void
serve(struct conn *c, char *p, size_t n)
{
	size_t used = 0;
	int rc;

	while (c->fd >= 0 && c->state == READ && used < n) {
		rc = http_read(&c->request, p + used, n - used,
		    (size_t)c->s->o->max_body);
		if (rc == HTTP_MORE) {
			tell_to_go_on(c);
			break;
		}
		if (rc < 0) {
			used = n;
			refuse(c, -rc);
		} else {
			size_t total = c->request.total;

			answer(c, p + used);
			used += total;
		}
	}
	if (c->fd < 0 || c->state == LINGER)
		return;
	keep_rest(c, p, used, n);
	if (c->state == READ)
		wait_for_request(c);
}

static void
on_readable(struct conn *c)
{
	char *p = c->s->buf;
	size_t room = READ_BYTES;
	ssize_t k;

	if (c->in.n > 0) {
		text_reserve(&c->in, READ_BYTES);
		p = c->in.p + c->in.n;
	}
	k = conn_recv(c, p, room);
	if (k < 0) {
		conn_close(c, false);
		return;
	}
	if (k == 0)
		return;
	if (c->in.n > 0) {
		c->in.n += (size_t)k;
		serve(c, c->in.p, c->in.n);
	} else {
		deadline_off(c);
		serve(c, p, (size_t)k);
	}
}

/* A reply is done: there may be the next request already. */
static void
go_on(struct conn *c)
{
	if (c->fd < 0 || c->state != READ)
		return;
	if (c->in.n > 0)
		serve(c, c->in.p, c->in.n);
	else
		wait_for_request(c);
#ifdef HAVE_SSL
	while (c->fd >= 0 && c->state == READ && c->ssl != NULL &&
	    SSL_pending(c->ssl) > 0)
		on_readable(c);
#endif
}

/* ---- events ---- */

#ifdef HAVE_SSL
static void
handshake(struct conn *c)
{
	int k, why;

	ERR_clear_error();
	k = SSL_do_handshake(c->ssl);
	if (k == 1) {
		c->s->book->n.tls_handshakes++;
		c->s->book->n.tls_resumed += SSL_session_reused(c->ssl);
		c->state = READ;
		deadline_off(c);
		watch(c, EPOLLIN | EPOLLRDHUP);
		on_readable(c);
		go_on(c);
		return;
	}
	why = SSL_get_error(c->ssl, k);
	if (why == SSL_ERROR_WANT_READ)
		watch(c, EPOLLIN);
	else if (why == SSL_ERROR_WANT_WRITE)
		watch(c, EPOLLOUT);
	else
		conn_close(c, false);
}
#endif

/* Throw away what still comes, until the client is done too. */
static void
on_lingering(struct conn *c)
{
	ssize_t k = recv(c->fd, c->s->buf, READ_BYTES, 0);

	if (k == 0 || (k < 0 && errno != EAGAIN && errno != EINTR))
		conn_close(c, false);
}

static void
on_writable(struct conn *c)
{
	if (c->state == DRIP) {
		deadline_off(c);
		drip(c);
	} else if (send_until(c, c->out.n)) {
		finish(c);
	}
	go_on(c);
}

static void
on_event(struct conn *c, uint32_t events)
{
	bool gone = (events & (EPOLLHUP | EPOLLERR)) != 0 ||
	    ((events & EPOLLRDHUP) != 0 && c->state != READ &&
		c->state != LINGER);

	if (c->fd < 0)
		return;
#ifdef HAVE_SSL
	if (c->state == HANDSHAKE) {
		handshake(c);
		return;
	}
#endif
	if (gone) {
		if (c->counted)
			c->s->book->n.client_aborts++;
		conn_close(c, false);
	} else if (c->state == WRITE || c->state == DRIP) {
		on_writable(c);
	} else if (c->state == READ) {
		on_readable(c);
		go_on(c);
	} else if (c->state == LINGER) {
		on_lingering(c);
	}
}

static void
on_deadline(struct conn *c)
{
	switch (c->state) {
	case WAIT: send_reply(c); break;
	case DRIP:
		if ((c->events & EPOLLOUT) != 0)
			conn_close(c, false);
		else
			drip(c);
		break;
	case READ:
		if (c->in.n > 0) {
			c->s->book->n.timeouts++;
			refuse(c, 408);
		} else {
			conn_close(c, false);
		}
		break;
	default:
		c->s->book->n.timeouts += c->state != LINGER;
		conn_close(c, false);
		break;
	}
	go_on(c);
}

static void
add_conn(struct server *s, int fd)
{
	struct conn *c = mock_realloc(NULL, sizeof *c);
	struct counters *n = &s->book->n;
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	memset(c, 0, sizeof *c);
	c->s = s;
	c->fd = fd;
	c->state = READ;
	c->number = ++n->conns;
	c->next = s->open;
	if (c->next != NULL)
		c->next->prev = c;
	s->open = c;
	if (++n->conns_open > n->conns_peak)
		n->conns_peak = n->conns_open;
#ifdef HAVE_SSL
	if (s->tls != NULL) {
		c->ssl = SSL_new(s->tls);
		if (c->ssl == NULL || SSL_set_fd(c->ssl, fd) != 1)
			abort();
		SSL_set_accept_state(c->ssl);
		c->state = HANDSHAKE;
		deadline_on(c, in_ms(s->o->read_ms));
	}
#endif
	watch(c, EPOLLIN | EPOLLRDHUP);
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
		add_conn(s, fd);
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
		on_deadline(c);
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
	free_dead(s);
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
	struct text tmp = { NULL };
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
	free_dead(s);
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
