/*
 * Connections. Each goes through
 *
 *	HANDSHAKE -> READ -> WAIT (the latency) -> WRITE -> READ ...
 *
 * with DRIP instead of WRITE for a body that comes slowly, and HANG for one
 * that never does.
 */
#include "mock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_SSL
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

#define EVENTS_A_TURN 512
#define NO_TIMER SIZE_MAX

enum state { HANDSHAKE, READ, WAIT, WRITE, DRIP, HANG };

struct conn {
	int fd;
	enum state state;
	uint32_t events;		/* that epoll looks for */
	struct text in, out;
	size_t consumed;		/* of in, by the request at hand */
	size_t sent, body_at;		/* of out */
	long served;
	int64_t due_us;
	size_t slot;			/* in the heap, or NO_TIMER */
	struct conn *next_dead;
#ifdef HAVE_SSL
	SSL *ssl;
#endif
	/* the request at hand */
	bool counted, keep_alive;
	enum api api;
	int fault, status;
	int64_t start_us;
	uint64_t prompt;
	uint32_t attempt;
	char id[80];
	struct model *model;		/* not NULL: a completion is computed */
	struct usage usage;
	bool ambiguous;
	int64_t bill_nusd;
};

static struct {
	int epoll_fd, timer_fd, listen_fd;
	int64_t armed_us;
	struct conn **heap;
	size_t heap_len, heap_cap;
	struct conn *dead;		/* freed after the turn's events */
	FILE *log;
#ifdef HAVE_SSL
	SSL_CTX *tls;
#endif
} srv;

static void serve_input(struct conn *c);

/* ---- deadlines ---- */

static void
heap_put(size_t i, struct conn *c)
{
	srv.heap[i] = c;
	c->slot = i;
}

static void
heap_settle(size_t i)
{
	struct conn *c = srv.heap[i];
	size_t child;

	while (i > 0 && srv.heap[(i - 1) / 2]->due_us > c->due_us) {
		heap_put(i, srv.heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	while ((child = 2 * i + 1) < srv.heap_len) {
		if (child + 1 < srv.heap_len &&
		    srv.heap[child + 1]->due_us < srv.heap[child]->due_us)
			child++;
		if (srv.heap[child]->due_us >= c->due_us)
			break;
		heap_put(i, srv.heap[child]);
		i = child;
	}
	heap_put(i, c);
}

static void
timer_on(struct conn *c, int64_t due_us)
{
	if (srv.heap_len == srv.heap_cap) {
		srv.heap_cap = srv.heap_cap > 0 ? srv.heap_cap * 2 : 1024;
		srv.heap = realloc(srv.heap,
		    srv.heap_cap * sizeof(*srv.heap));
		if (srv.heap == NULL)
			abort();
	}
	c->due_us = due_us;
	heap_put(srv.heap_len++, c);
	heap_settle(srv.heap_len - 1);
}

static void
timer_off(struct conn *c)
{
	struct conn *last;
	size_t i = c->slot;

	if (i == NO_TIMER)
		return;
	c->slot = NO_TIMER;
	last = srv.heap[--srv.heap_len];
	if (last != c) {
		heap_put(i, last);
		heap_settle(i);
	}
}

static void
arm_timer(void)
{
	int64_t due = srv.heap_len > 0 ? srv.heap[0]->due_us : 0;
	struct itimerspec t = { .it_value = {
		due / 1000000, due % 1000000 * 1000 } };

	if (due == srv.armed_us)
		return;
	srv.armed_us = due;
	timerfd_settime(srv.timer_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

static void
drip_later(struct conn *c)
{
	timer_on(c, now_us() + (int64_t)(opt.drip_ms * 1000));
}

/* ---- bytes in and out ---- */

static void
look_for(struct conn *c, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = c };

	if (c->events == events)
		return;
	epoll_ctl(srv.epoll_fd, c->events != 0 ? EPOLL_CTL_MOD :
	    EPOLL_CTL_ADD, c->fd, &e);
	c->events = events;
}

#ifdef HAVE_SSL
static ssize_t
tls_result(struct conn *c, int n)
{
	int e;

	if (n > 0)
		return n;
	e = SSL_get_error(c->ssl, n);
	return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -1;
}
#endif

/* Bytes read; 0: none now; -1: the end, or an error. */
static ssize_t
receive(struct conn *c, void *data, size_t len)
{
	ssize_t n;

#ifdef HAVE_SSL
	if (c->ssl != NULL) {
		ERR_clear_error();
		return tls_result(c, SSL_read(c->ssl, data, (int)len));
	}
#endif
	n = recv(c->fd, data, len, 0);
	if (n > 0)
		return n;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static ssize_t
transmit(struct conn *c, const void *data, size_t len)
{
	ssize_t n;

#ifdef HAVE_SSL
	if (c->ssl != NULL) {
		ERR_clear_error();
		return tls_result(c, SSL_write(c->ssl, data, (int)len));
	}
#endif
	n = send(c->fd, data, len, MSG_NOSIGNAL);
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

/* ---- the end of a request ---- */

static void
write_log(const struct conn *c)
{
	int64_t now = now_us();

	if (srv.log == NULL || c->api == API_NONE)
		return;
	fprintf(srv.log, "{\"t_us\":%" PRId64 ",\"api\":\"%s\",\"id\":\"%s\","
	    "\"model\":\"%s\",\"prompt\":\"%016" PRIx64 "\",\"attempt\":%u,"
	    "\"status\":%d,\"fault\":\"%s\",\"ambiguous\":%s,"
	    "\"prompt_tokens\":%" PRIu64 ",\"cached_tokens\":%" PRIu64
	    ",\"completion_tokens\":%" PRIu64 ",\"bill_nusd\":%" PRId64
	    ",\"us\":%" PRId64 "}\n", now,
	    c->api == API_OPENAI ? "openai" : "converse", c->id,
	    c->model != NULL ? c->model->name : "", c->prompt, c->attempt,
	    c->status, faults[c->fault].name, c->ambiguous ? "true" : "false",
	    c->usage.prompt, c->usage.cached, c->usage.completion,
	    c->bill_nusd, now - c->start_us);
}

/*
 * The request is over. `whole`: all of the reply went out. Whatever was
 * computed is billed here, once.
 */
static void
end_request(struct conn *c, bool whole)
{
	enum fault_kind kind = faults[c->fault].kind;

	if (!c->counted)
		return;
	c->counted = false;
	stats.inflight--;
	stats.last_us = now_us();
	if (c->model != NULL) {
		c->ambiguous = !whole ||
		    (kind != FAULT_NONE && kind != FAULT_DRIP);
		c->bill_nusd = bill_charge(c->model, &c->usage, c->ambiguous);
		if (!c->ambiguous) {
			stats.ok++;
			stats.prompt_tokens += c->usage.prompt;
			stats.cached_tokens += c->usage.cached;
			stats.completion_tokens += c->usage.completion;
			track_success(c->prompt);
		}
	}
	write_log(c);
}

static void
drop(struct conn *c, bool reset)
{
	struct linger l = { 1, 0 };

	if (c->fd < 0)
		return;
	timer_off(c);
	end_request(c, false);
	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
#ifdef HAVE_SSL
	if (c->ssl != NULL) {
		if (!reset && c->state != HANDSHAKE)
			SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
	}
#endif
	close(c->fd);
	c->fd = -1;
	stats.conns_open--;
	text_free(&c->in);
	text_free(&c->out);
	c->next_dead = srv.dead;
	srv.dead = c;
}

static void
finish(struct conn *c)
{
	size_t left = c->in.len - c->consumed;

	end_request(c, true);
	c->out.len = c->sent = 0;
	if (left > 0)
		memmove(c->in.data, c->in.data + c->consumed, left);
	c->in.len = left;
	c->consumed = 0;
	c->served++;
	if (!c->keep_alive) {
		drop(c, false);
		return;
	}
	c->state = READ;
	if (left == 0 && c->in.cap > 65536)
		text_free(&c->in);
	look_for(c, EPOLLIN | EPOLLRDHUP);
}

/* ---- writing ---- */

/* True when all up to `limit` is out. */
static bool
flush_to(struct conn *c, size_t limit)
{
	ssize_t n;

	while (c->sent < limit) {
		n = transmit(c, c->out.data + c->sent, limit - c->sent);
		if (n < 0) {
			stats.client_aborts++;
			drop(c, false);
			return false;
		}
		if (n == 0) {
			look_for(c, EPOLLOUT | EPOLLRDHUP);
			return false;
		}
		c->sent += (size_t)n;
		stats.bytes_out += (uint64_t)n;
	}
	return true;
}

static void
break_off(struct conn *c, bool reset)
{
	flush_to(c, c->body_at + (c->out.len - c->body_at) / 2);
	drop(c, reset);
}

/* The latency is over. */
static void
start_write(struct conn *c)
{
	switch (faults[c->fault].kind) {
	case FAULT_RESET: drop(c, true); break;
	case FAULT_CLOSE: drop(c, false); break;
	case FAULT_RESET_MID: break_off(c, true); break;
	case FAULT_TRUNCATE: break_off(c, false); break;
	case FAULT_HANG:
		c->state = HANG;
		look_for(c, EPOLLRDHUP);
		break;
	case FAULT_DRIP:
		c->state = DRIP;
		if (flush_to(c, c->body_at))
			drip_later(c);
		break;
	default:
		c->state = WRITE;
		if (flush_to(c, c->out.len))
			finish(c);
		break;
	}
}

static void
put_head(struct conn *c, int status, const char *reason, size_t len,
    const char *extra)
{
	text_addf(&c->out, "HTTP/1.1 %d %s\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n%s%s\r\n",
	    status, reason, len, extra,
	    c->keep_alive ? "" : "Connection: close\r\n");
	c->body_at = c->out.len;
	c->status = status;
}

static void
put_reply(struct conn *c, int status, const char *reason, const char *extra,
    const char *body)
{
	put_head(c, status, reason, strlen(body), extra);
	text_adds(&c->out, body);
}

static int
put_retry_after(char *out, size_t size, int seconds)
{
	time_t when = time(NULL) + seconds;
	char date[64];
	struct tm tm;

	if (!opt.retry_after_date)
		return snprintf(out, size, "Retry-After: %d\r\n", seconds);
	gmtime_r(&when, &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	return snprintf(out, size, "Retry-After: %s\r\n", date);
}

static void
put_error(struct conn *c, const struct request *r, int fault)
{
	const struct fault *f = &faults[fault];
	const char *code = opt.error_code != NULL ? opt.error_code : f->openai;
	char extra[256] = "", body[512];
	int n = 0, wait_s = r->retry_after_s >= 0 ? r->retry_after_s :
	    opt.retry_after_s;

	if ((f->status == 429 || f->status == 503 || f->status == 529) &&
	    wait_s >= 0)
		n = put_retry_after(extra, sizeof extra, wait_s);
	if (r->api == API_CONVERSE) {
		snprintf(extra + n, sizeof extra - (size_t)n,
		    "x-amzn-ErrorType: %s\r\n", f->aws);
		snprintf(body, sizeof body, "{\"message\":\"mock %s\"}",
		    f->aws);
	} else {
		snprintf(body, sizeof body, "{\"error\":{\"message\":"
		    "\"mock %s\",\"type\":\"%s\",\"param\":null,"
		    "\"code\":\"%s\"}}", code, code, code);
	}
	put_reply(c, f->status, f->reason, extra, body);
}

/* ---- answering ---- */

/* A bucket of as many requests as one second allows. */
static bool
over_limit(void)
{
	static double tokens;
	static int64_t last_us;
	double burst = opt.limit_rps > 1 ? opt.limit_rps : 1;
	int64_t now = now_us();

	if (opt.limit_inflight > 0 &&
	    stats.inflight > (uint64_t)opt.limit_inflight)
		return true;
	if (!(opt.limit_rps > 0))
		return false;
	tokens = last_us == 0 ? burst :
	    tokens + (double)(now - last_us) * 1e-6 * opt.limit_rps;
	if (tokens > burst)
		tokens = burst;
	last_us = now;
	if (tokens < 1)
		return true;
	tokens -= 1;
	return false;
}

/* A directive in the prompt, else what the options say, else a draw. */
static int
choose_fault(const struct request *r, uint32_t attempt, uint64_t h)
{
	double draw = unit(h ^ 0xfa17), sum = 0;

	if (r->fault >= 0)
		return r->times < 0 || (long)attempt < r->times ? r->fault : 0;
	if (opt.always > 0)
		return opt.always;
	if ((int)attempt < opt.fail_first)
		return opt.fail_first_fault;
	for (size_t i = 1; i < fault_count; i++) {
		sum += opt.fault_share[i];
		if (draw < sum)
			return (int)i;
	}
	return 0;
}

static double
choose_delay(const struct request *r, uint64_t h)
{
	double ms = opt.latency_ms;

	if (r->latency_ms >= 0)
		return r->latency_ms;
	if (opt.jitter_ms > 0)
		ms += (2 * unit(h ^ 0x7177) - 1) * opt.jitter_ms;
	if (opt.tail_share > 0 && unit(h ^ 0x7a11) < opt.tail_share)
		ms += opt.tail_ms;
	return ms;
}

static void
refuse(struct conn *c, const struct request *r, const char *fault)
{
	c->fault = fault_find(fault, strlen(fault));
	put_error(c, r, c->fault);
	start_write(c);
}

/* The body of a reply that comes with status 200, good or bad. */
static void
put_completion(struct conn *c, const struct request *r, double delay_ms)
{
	static struct text body;
	enum fault_kind kind = faults[c->fault].kind;
	char extra[96];

	c->model = bill_model(r->model);
	reply_completion(&body, r, delay_ms > 0 ? (int)delay_ms : 0,
	    &c->usage);
	snprintf(extra, sizeof extra, "%s: %016" PRIx64 "-%u\r\n",
	    r->api == API_CONVERSE ? "x-amzn-RequestId" : "x-request-id",
	    r->prompt, c->attempt);
	if (kind == FAULT_GARBAGE || kind == FAULT_EMPTY) {
		put_reply(c, 200, "OK", extra, kind == FAULT_EMPTY ? "" :
		    "{\"choices\":[{\"message\":{\"content\":\"unterminated");
		return;
	}
	put_head(c, 200, "OK", body.len, extra);
	text_add(&c->out, body.data, body.len);
}

/* "/model/{id}/converse": the id, with its "%3A" read as ":". */
static void
model_from_path(struct request *r)
{
	const char *p = r->path + strlen("/model/");
	const char *end = r->path + strlen(r->path) - strlen("/converse");
	size_t n = 0;

	while (p < end && n + 1 < sizeof r->model) {
		char hex[3] = { 0 };

		if (*p == '%' && end - p >= 3) {
			memcpy(hex, p + 1, 2);
			r->model[n++] = (char)strtoul(hex, NULL, 16);
			p += 3;
		} else {
			r->model[n++] = *p++;
		}
	}
	r->model[n] = '\0';
}

static void
answer_chat(struct conn *c, struct request *r)
{
	double delay_ms;
	uint64_t h;

	c->api = r->api;
	snprintf(c->id, sizeof c->id, "%s", r->id);
	if (r->api == API_OPENAI)
		stats.openai++;
	else
		stats.converse++;
	if (!r->authorized) {
		stats.unauthorized++;
		refuse(c, r, r->api == API_CONVERSE ? "403" : "401");
		return;
	}
	if (strcmp(r->method, "POST") != 0 || !request_scan(r)) {
		stats.bad_request++;
		refuse(c, r, "400");
		return;
	}
	if (r->api == API_CONVERSE)
		model_from_path(r);
	bill_model(r->model)->requests++;
	c->prompt = r->prompt;
	if (over_limit()) {
		stats.rate_limited++;
		stats.faults[fault_find("429", 3)]++;
		refuse(c, r, "429");
		return;
	}
	c->attempt = track_attempt(r->prompt, r->id);
	h = mix(r->prompt ^ ((uint64_t)c->attempt << 48) ^ mix(opt.seed));
	c->fault = choose_fault(r, c->attempt, h);
	delay_ms = choose_delay(r, h);
	if (c->fault > 0)
		stats.faults[c->fault]++;
	if (faults[c->fault].kind == FAULT_STATUS)
		put_error(c, r, c->fault);
	else
		put_completion(c, r, delay_ms);
	if (!faults[c->fault].waits && r->latency_ms < 0)
		delay_ms = 0;
	if (delay_ms <= 0) {
		start_write(c);
		return;
	}
	c->state = WAIT;
	timer_on(c, c->start_us + (int64_t)(delay_ms * 1000));
	look_for(c, EPOLLRDHUP);
}

/* What is about the server itself is not counted. */
static void
answer_own(struct conn *c, const struct request *r)
{
	struct text t = { .data = NULL };

	if (strcmp(r->path, "/__stats") == 0) {
		stats_print(&t);
		text_add(&t, "", 1);
		put_reply(c, 200, "OK", "", t.data);
		text_free(&t);
	} else if (strcmp(r->path, "/__reset") == 0) {
		stats_reset();
		put_reply(c, 200, "OK", "", "{}\n");
	} else if (strcmp(r->path, "/__health") == 0) {
		put_reply(c, 200, "OK", "", "{\"ok\":true}\n");
	} else {
		put_reply(c, 404, "Not Found", "", "{}\n");
	}
	start_write(c);
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static void
answer_other(struct conn *c, const struct request *r)
{
	stats.other++;
	if (ends_with(r->path, "/models"))
		put_reply(c, 200, "OK", "", "{\"object\":\"list\",\"data\":"
		    "[{\"id\":\"mock\",\"object\":\"model\","
		    "\"created\":1700000000,\"owned_by\":\"mock\"}]}\n");
	else
		put_reply(c, 404, "Not Found", "", "{\"error\":{\"message\":"
		    "\"no such path\",\"type\":\"invalid_request_error\"}}\n");
	start_write(c);
}

static void
begin_request(struct conn *c, const struct request *r)
{
	c->consumed = r->head_len + r->body_len;
	c->keep_alive = r->keep_alive && (opt.requests_per_connection == 0 ||
	    c->served + 1 < opt.requests_per_connection);
	c->fault = 0;
	c->status = 0;
	c->prompt = 0;
	c->attempt = 0;
	c->api = API_NONE;
	c->id[0] = '\0';
	c->model = NULL;
	c->usage = (struct usage){ 0 };
	c->ambiguous = false;
	c->bill_nusd = 0;
	c->out.len = c->sent = 0;
	c->start_us = now_us();
	c->state = WRITE;
	stats.bytes_in += c->consumed;
}

static void
count_request(struct conn *c)
{
	stats.requests++;
	if (c->served > 0)
		stats.keepalive_reuse++;
	if (stats.first_us == 0)
		stats.first_us = c->start_us;
	c->counted = true;
	if (++stats.inflight > stats.inflight_peak)
		stats.inflight_peak = stats.inflight;
}

static void
answer(struct conn *c, struct request *r)
{
	begin_request(c, r);
	if (strncmp(r->path, "/__", 3) == 0) {
		answer_own(c, r);
		return;
	}
	count_request(c);
	r->path[strcspn(r->path, "?")] = '\0';
	if (ends_with(r->path, "/chat/completions"))
		r->api = API_OPENAI;
	else if (strncmp(r->path, "/model/", 7) == 0 &&
	    strlen(r->path) > 16 && ends_with(r->path, "/converse"))
		r->api = API_CONVERSE;
	if (r->api != API_NONE)
		answer_chat(c, r);
	else
		answer_other(c, r);
}

static void
serve_input(struct conn *c)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct request r;
	int rc;

	while (c->fd >= 0 && c->state == READ && c->in.len > 0) {
		rc = request_parse(&r, c->in.data, c->in.len);
		if (rc < 0) {
			stats.bad_request++;
			drop(c, false);
			return;
		}
		if (rc == 0) {
			if (r.expects && c->in.len == r.head_len &&
			    transmit(c, go_on, sizeof go_on - 1) < 0)
				drop(c, false);
			return;
		}
		answer(c, &r);
	}
}

/* ---- events ---- */

static void
read_input(struct conn *c)
{
	size_t room;
	ssize_t n;

	for (;;) {
		text_need(&c->in, 4096);
		room = c->in.cap - c->in.len - 1;
		n = receive(c, c->in.data + c->in.len, room);
		if (n < 0) {
			drop(c, false);
			return;
		}
		if (n == 0)
			break;
		c->in.len += (size_t)n;
		c->in.data[c->in.len] = '\0';
	}
	serve_input(c);
}

#ifdef HAVE_SSL
static void
shake_hands(struct conn *c)
{
	int n, e;

	ERR_clear_error();
	n = SSL_do_handshake(c->ssl);
	if (n == 1) {
		stats.tls_handshakes++;
		stats.tls_resumed += (uint64_t)SSL_session_reused(c->ssl);
		c->state = READ;
		look_for(c, EPOLLIN | EPOLLRDHUP);
		read_input(c);
		return;
	}
	e = SSL_get_error(c->ssl, n);
	if (e == SSL_ERROR_WANT_READ)
		look_for(c, EPOLLIN);
	else if (e == SSL_ERROR_WANT_WRITE)
		look_for(c, EPOLLOUT);
	else
		drop(c, false);
}
#endif

static void
on_writable(struct conn *c)
{
	if (c->state == WRITE) {
		if (flush_to(c, c->out.len)) {
			finish(c);
			serve_input(c);
		}
	} else if (c->state == DRIP) {
		look_for(c, EPOLLRDHUP);
		if (c->slot == NO_TIMER)
			drip_later(c);
	}
}

static void
on_event(struct conn *c, uint32_t events)
{
	if (c->fd < 0)
		return;
#ifdef HAVE_SSL
	if (c->state == HANDSHAKE) {
		shake_hands(c);
		return;
	}
#endif
	if ((events & (EPOLLHUP | EPOLLERR)) ||
	    ((events & EPOLLRDHUP) && c->state != READ)) {
		if (c->state != READ)
			stats.client_aborts++;
		drop(c, false);
		return;
	}
	if (events & EPOLLOUT)
		on_writable(c);
	else if ((events & (EPOLLIN | EPOLLRDHUP)) && c->state == READ)
		read_input(c);
}

static void
on_due(struct conn *c)
{
	size_t limit;

	if (c->state == WAIT) {
		start_write(c);
	} else if (c->state == DRIP) {
		limit = c->sent + (size_t)opt.drip_bytes;
		if (limit > c->out.len)
			limit = c->out.len;
		if (!flush_to(c, limit))
			return;
		if (c->sent < c->out.len)
			drip_later(c);
		else
			finish(c);
	}
	serve_input(c);
}

static void
accept_some(void)
{
	struct conn *c;
	int fd, one = 1;

	for (int i = 0; i < 64; i++) {
		fd = accept4(srv.listen_fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		c = calloc(1, sizeof *c);
		if (c == NULL)
			abort();
		c->fd = fd;
		c->slot = NO_TIMER;
		c->state = READ;
		stats.conns++;
		if (++stats.conns_open > stats.conns_peak)
			stats.conns_peak = stats.conns_open;
#ifdef HAVE_SSL
		if (srv.tls != NULL) {
			c->ssl = SSL_new(srv.tls);
			SSL_set_fd(c->ssl, fd);
			SSL_set_accept_state(c->ssl);
			c->state = HANDSHAKE;
		}
#endif
		look_for(c, EPOLLIN | EPOLLRDHUP);
	}
}

static void
run_due(void)
{
	int64_t now = srv.heap_len > 0 ? now_us() : 0;
	struct conn *c;

	while (srv.heap_len > 0 && srv.heap[0]->due_us <= now) {
		c = srv.heap[0];
		timer_off(c);
		on_due(c);
	}
}

static void
free_dead(void)
{
	struct conn *c;

	while ((c = srv.dead) != NULL) {
		srv.dead = c->next_dead;
		free(c);
	}
}

static void
add_own_fd(int *fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = fd };

	epoll_ctl(srv.epoll_fd, EPOLL_CTL_ADD, *fd, &e);
}

int
serve(int listen_fd, void *tls, FILE *log)
{
	struct epoll_event events[EVENTS_A_TURN];
	uint64_t expired;
	int n;

	srv.listen_fd = listen_fd;
	srv.log = log;
#ifdef HAVE_SSL
	srv.tls = tls;
#else
	(void)tls;
#endif
	srv.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	srv.timer_fd = timerfd_create(CLOCK_MONOTONIC,
	    TFD_NONBLOCK | TFD_CLOEXEC);
	if (srv.epoll_fd < 0 || srv.timer_fd < 0) {
		perror("mockllm");
		return 1;
	}
	add_own_fd(&srv.listen_fd);
	add_own_fd(&srv.timer_fd);
	for (;;) {
		arm_timer();
		n = epoll_wait(srv.epoll_fd, events, EVENTS_A_TURN, -1);
		if (n < 0 && errno != EINTR)
			return 1;
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == &srv.listen_fd)
				accept_some();
			else if (events[i].data.ptr != &srv.timer_fd)
				on_event(events[i].data.ptr,
				    events[i].events);
			else if (read(srv.timer_fd, &expired,
			    sizeof expired) == (ssize_t)sizeof expired)
				srv.armed_us = 0;
		}
		run_due();
		free_dead();
	}
}
