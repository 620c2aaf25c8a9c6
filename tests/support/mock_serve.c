/*
 * Requests and replies on a connection.
 *
 * Requests are read into one buffer of the server's; only what is left over, a
 * part of a request or the next one, is kept with its connection. So a call
 * that waits costs its reply and about a kilobyte.
 */
#include <config.h>

#include "mock_conn.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define LINGER_US 2000000

/* ---- replies ---- */

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
	if (n > 14 && memcmp(path, "/model/", 7) == 0 &&
	    memcmp(path + n - 7, "/invoke", 7) == 0)
		return API_INVOKE;
	if (n >= 7 && memcmp(path + n - 7, "/models", 7) == 0)
		return API_MODELS;
	return API_NONE;
}

static void
list_models(struct model_call *c)
{
	const struct book *b = c->book;
	struct text list = { .p = NULL };

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
	struct text stats = { .p = NULL };

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
	if (c->x.api != API_NONE && c->x.api != API_MODELS) {
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

/* Throw away what still comes, until the client is done too. */
static void
on_lingering(struct conn *c)
{
	ssize_t k = recv(c->fd, c->s->buf, READ_BYTES, 0);

	if (k == 0 || (k < 0 && errno != EAGAIN && errno != EINTR))
		conn_close(c, false);
}

void
serve_writable(struct conn *c)
{
	if (c->state == DRIP) {
		deadline_off(c);
		drip(c);
	} else if (send_until(c, c->out.n)) {
		finish(c);
	}
	go_on(c);
}

void
serve_deadline(struct conn *c)
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

void
serve_readable(struct conn *c)
{
	if (c->state == LINGER) {
		on_lingering(c);
		return;
	}
	on_readable(c);
	go_on(c);
}
