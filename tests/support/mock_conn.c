/* Connections: deadlines, sockets, TLS, their beginning and end. */
#include <config.h>

#include "mock_conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#ifdef HAVE_SSL
#include <openssl/err.h>
#endif

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

void
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

void
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

void
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

int64_t
in_ms(double ms)
{
	return now_us() + (int64_t)(ms * 1000);
}

/* ---- sockets ---- */

void
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

void
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

ssize_t
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

ssize_t
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

void
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

void
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

void
conn_free_dead(struct server *s)
{
	struct conn *c;

	while ((c = s->dead) != NULL) {
		s->dead = c->next;
		free(c);
	}
}

void
conn_add(struct server *s, int fd)
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

bool
conn_handshake(struct conn *c)
{
#ifdef HAVE_SSL
	int k, why;

	ERR_clear_error();
	k = SSL_do_handshake(c->ssl);
	if (k == 1) {
		c->s->book->n.tls_handshakes++;
		c->s->book->n.tls_resumed += SSL_session_reused(c->ssl);
		c->state = READ;
		deadline_off(c);
		watch(c, EPOLLIN | EPOLLRDHUP);
		return true;
	}
	why = SSL_get_error(c->ssl, k);
	if (why == SSL_ERROR_WANT_READ)
		watch(c, EPOLLIN);
	else if (why == SSL_ERROR_WANT_WRITE)
		watch(c, EPOLLOUT);
	else
		conn_close(c, false);
#else
	(void)c;
#endif
	return false;
}
