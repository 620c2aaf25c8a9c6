/*
 * HTTP against real servers on loopback: what comes back, what was sent, and
 * above all that nothing is ever sent twice.
 */
#include <config.h>

#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/http.h"
#include "net/http_talk.h"
#include "server.h"

/* What became of one exchange. */
struct got {
	int calls; /* of the callback */
	enum pp_http_outcome outcome;
	bool unsent, no_room;
	int status;
	char body[4096];
	size_t body_len;
	int64_t retry_after_ms;
	int64_t elapsed_us;
	char header[64]; /* "X-Test" of the reply */
	char error[256];
};

struct client {
	struct pp_loop *loop;
	struct pp_http *http;
};

static void
open_client(struct client *c, int max_in_flight, const char *ca_file)
{
	struct pp_http_options o = { .max_in_flight = max_in_flight,
		.ca_file = ca_file };
	struct pp_error err = PP_ERROR_INIT;

	c->loop = pp_loop_new(&err);
	c->http = c->loop != NULL ? pp_http_new(c->loop, &o, &err) : NULL;
	if (c->http == NULL)
		fail_msg("%s", err.text);
}

static void
close_client(struct client *c)
{
	pp_http_free(c->http);
	pp_loop_free(c->loop);
}

static void
keep(void *arg, const struct pp_http_reply *r)
{
	struct got *g = arg;

	g->calls++;
	g->outcome = r->outcome;
	g->unsent = r->unsent;
	g->no_room = r->no_room;
	g->status = r->status;
	g->body_len = r->body_len;
	snprintf(g->body, sizeof g->body, "%.*s", (int)r->body_len, r->body);
	g->retry_after_ms = r->retry_after_ms;
	g->elapsed_us = r->elapsed_us;
	snprintf(g->error, sizeof g->error, "%s", r->error);
	if (!pp_http_header(r, "x-test", g->header, sizeof g->header))
		g->header[0] = '\0';
}

static struct pp_http_exchange *
start(struct client *c, const struct pp_http_request *req, struct got *g)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_http_exchange *x;

	memset(g, 0, sizeof *g);
	x = pp_http_send(c->http, req, keep, g, &err);
	if (x == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(g->calls, 0);
	return x;
}

static void
turn(struct client *c, int max_wait_ms)
{
	struct pp_error err = PP_ERROR_INIT;

	assert_ok(pp_loop_turn(c->loop, max_wait_ms, &err), err);
}

static void
exchange(struct client *c, const struct pp_http_request *req, struct got *g)
{
	int64_t until = pp_clock_boot_ms() + 20000;

	start(c, req, g);
	while (g->calls == 0) {
		if (pp_clock_boot_ms() > until)
			fail_msg("no callback for %s", req->url);
		turn(c, 1000);
	}
}

static void
post(struct client *c, const char *url, const char *body, struct got *g)
{
	struct pp_http_request req = { .method = "POST",
		.url = url,
		.body = body,
		.body_len = strlen(body) };

	exchange(c, &req, g);
}

/* ---- scripted replies ---- */

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"

static const struct script scripts[] = {
	/* 0 */ { OK_HEAD "X-Test:  hello there \r\n\r\nhi", 0, true },
	/* 1 */
	{ "HTTP/1.1 302 Found\r\nLocation: /0\r\n"
	  "Content-Length: 0\r\n\r\n",
	    0, true },
	/* 2 */
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	  "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
	    0, true },
	/* 3 */
	{ "HTTP/1.1 100 Continue\r\nX-Test: no\r\n\r\n" OK_HEAD
	  "x-test:yes\r\n\r\nhi",
	    0, true },
	/* 4 */ { "HTTP/1.1 204 No Content\r\n\r\n", 0, true },
	/* 5 */ { NULL, 0, false },
	/* 6 */
	{ "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", 0, false },
	/* 7 */ { "HTTP/1.1 200 OK\r\n\r\nup to the end", 0, false },
	/* 8 */ { "this is not HTTP at all\r\n\r\n", 0, false },
	/* 9 */
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	  "5\r\nhel",
	    0, false },
	/* 10 */ { OK_HEAD "\r\nhi", 0, false }, /* closes unannounced */
						 /* 11 */
	{ "HTTP/1.1 401 Unauthorized\r\n"
	  "WWW-Authenticate: Basic realm=\"x\"\r\n"
	  "Content-Length: 0\r\n\r\n",
	    0, true },
	/* 12 */
	{ "HTTP/1.1 417 Expectation Failed\r\n"
	  "Content-Length: 0\r\n\r\n",
	    0, true },
};

#define NSCRIPTS (sizeof scripts / sizeof scripts[0])

static void
replies_are_told_apart(void **state)
{
	static const struct {
		const char *name;
		int script;
		enum pp_http_outcome outcome;
		int status;
		const char *body, *header;
	} rows[] = {
		{ "plain", 0, PP_HTTP_ANSWERED, 200, "hi", "hello there" },
		{ "a redirect is an answer", 1, PP_HTTP_ANSWERED, 302, "", "" },
		{ "chunks", 2, PP_HTTP_ANSWERED, 200, "hello world", "" },
		{ "the headers are those of the last reply", 3,
		    PP_HTTP_ANSWERED, 200, "hi", "yes" },
		{ "no content", 4, PP_HTTP_ANSWERED, 204, "", "" },
		{ "closed without a reply", 5, PP_HTTP_AMBIGUOUS, 0, "", "" },
		{ "a cut body", 6, PP_HTTP_AMBIGUOUS, 0, NULL, NULL },
		{ "a body that ends with the connection", 7, PP_HTTP_ANSWERED,
		    200, "up to the end", "" },
		{ "no HTTP", 8, PP_HTTP_AMBIGUOUS, 0, NULL, NULL },
		{ "cut chunks", 9, PP_HTTP_AMBIGUOUS, 0, NULL, NULL },
		{ "401 is not tried again", 11, PP_HTTP_ANSWERED, 401, "", "" },
		{ "417 is not tried again", 12, PP_HTTP_ANSWERED, 417, "", "" },
	};
	struct scripted *s = scripted_start(scripts, NSCRIPTS);
	struct client c;
	int sent = 0;

	(void)state;
	open_client(&c, 4, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char url[128];
		struct got g;

		snprintf(url, sizeof url, "%s/%d/x", scripted_url(s),
		    rows[i].script);
		post(&c, url, "{}", &g);
		sent++;
		if (g.outcome != rows[i].outcome || g.status != rows[i].status)
			fail_msg("%s: outcome %d status %d %s", rows[i].name,
			    (int)g.outcome, g.status, g.error);
		if (rows[i].body != NULL && strcmp(g.body, rows[i].body) != 0)
			fail_msg("%s: body '%s'", rows[i].name, g.body);
		if (rows[i].header != NULL &&
		    strcmp(g.header, rows[i].header) != 0)
			fail_msg("%s: header '%s'", rows[i].name, g.header);
		if ((g.outcome == PP_HTTP_ANSWERED) != (g.error[0] == '\0'))
			fail_msg("%s: error '%s'", rows[i].name, g.error);
		if (scripted_requests(s) != sent)
			fail_msg("%s: %d requests for %d sends", rows[i].name,
			    scripted_requests(s), sent);
	}
	close_client(&c);
	scripted_stop(s);
}

static bool
has_line(const char *request, const char *line)
{
	char wanted[256];

	snprintf(wanted, sizeof wanted, "\r\n%s\r\n", line);
	return strstr(request, wanted) != NULL;
}

static void
a_request_arrives_as_it_was_given(void **state)
{
	static const char *const headers[] = { "Content-Type: application/json",
		"X-One: 1", "Authorization: Bearer secret", NULL };
	struct scripted *s = scripted_start(scripts, NSCRIPTS);
	struct pp_http_request req = { .method = "POST", .headers = headers };
	char *big = pp_malloc(300000), url[128];
	const char *seen;
	struct client c;
	struct got g;

	(void)state;
	memset(big, 'b', 300000);
	open_client(&c, 1, NULL);
	snprintf(url, sizeof url, "%s/0/../a%%2Fb//c?x=1", scripted_url(s));
	req.url = url;
	req.body = "{\"a\":1}";
	req.body_len = strlen(req.body);
	exchange(&c, &req, &g);
	seen = scripted_last(s);
	assert_true(strncmp(seen, "POST /0/../a%2Fb//c?x=1 HTTP/1.1\r\n", 34) ==
	    0);
	assert_true(has_line(seen, "Content-Type: application/json"));
	assert_true(has_line(seen, "X-One: 1"));
	assert_true(has_line(seen, "Authorization: Bearer secret"));
	assert_true(has_line(seen, "Content-Length: 7"));
	assert_non_null(strstr(seen, "\r\nUser-Agent: plot-palette/"));
	assert_null(strcasestr(seen, "\r\nExpect:"));
	assert_non_null(strstr(seen, "\r\n\r\n{\"a\":1}"));
	req.body = big;
	req.body_len = 300000;
	exchange(&c, &req, &g);
	assert_int_equal(g.status, 200);
	seen = scripted_last(s);
	assert_null(strcasestr(seen, "\r\nExpect:"));
	assert_true(has_line(seen, "Content-Length: 300000"));
	assert_int_equal(strlen(strstr(seen, "\r\n\r\n") + 4), 300000);
	free(big);
	close_client(&c);
	scripted_stop(s);
}

static void
one_slot_takes_every_method(void **state)
{
	static const struct {
		const char *method, *line, *length; /* NULL: none */
	} rows[] = {
		{ "GET", "GET /0 HTTP/1.1\r\n", NULL },
		{ "POST", "POST /0 HTTP/1.1\r\n", "Content-Length: 3" },
		{ "PUT", "PUT /0 HTTP/1.1\r\n", "Content-Length: 3" },
		{ "DELETE", "DELETE /0 HTTP/1.1\r\n", NULL },
		{ "PATCH", "PATCH /0 HTTP/1.1\r\n", "Content-Length: 3" },
		{ "GET", "GET /0 HTTP/1.1\r\n", NULL },
		{ "POST", "POST /0 HTTP/1.1\r\n", "Content-Length: 3" },
	};
	struct scripted *s = scripted_start(scripts, NSCRIPTS);
	struct client c;
	char url[128];

	(void)state;
	open_client(&c, 1, NULL);
	snprintf(url, sizeof url, "%s/0", scripted_url(s));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_http_request req = { .method = rows[i].method,
			.url = url,
			.body = "abc",
			.body_len = 3 };
		const char *seen;
		struct got g;

		exchange(&c, &req, &g);
		assert_int_equal(g.status, 200);
		seen = scripted_last(s);
		if (strncmp(seen, rows[i].line, strlen(rows[i].line)) != 0)
			fail_msg("%s: %s", rows[i].method, seen);
		if (rows[i].length != NULL ?
			!has_line(seen, rows[i].length) :
			strcasestr(seen, "Content-Length") != NULL)
			fail_msg("%s: %s", rows[i].method, seen);
	}
	close_client(&c);
	scripted_stop(s);
}

/*
 * The second request finds a kept connection that dies under it. libcurl alone
 * would send it once more, over a new one.
 */
static void
a_request_on_a_dying_connection_is_not_repeated(void **state)
{
	static const char *const methods[] = { "POST", "GET", "DELETE", "PUT" };

	(void)state;
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		struct scripted *s = scripted_start(scripts, NSCRIPTS);
		char first[128], second[128];
		struct pp_http_request req = {
			.method = methods[i], .body = "abc", .body_len = 3
		};
		struct client c;
		struct got g;

		open_client(&c, 1, NULL);
		snprintf(first, sizeof first, "%s/0", scripted_url(s));
		snprintf(second, sizeof second, "%s/5", scripted_url(s));
		req.url = first;
		exchange(&c, &req, &g);
		assert_int_equal(g.outcome, PP_HTTP_ANSWERED);
		req.url = second;
		exchange(&c, &req, &g);
		if (g.outcome != PP_HTTP_AMBIGUOUS)
			fail_msg("%s: outcome %d", methods[i], (int)g.outcome);
		assert_string_equal(g.error,
		    "the connection was lost before a reply");
		if (scripted_requests(s) != 2)
			fail_msg("%s: %d requests", methods[i],
			    scripted_requests(s));
		close_client(&c);
		scripted_stop(s);
	}
}

/* A server that closes without a word after each reply. */
static void
what_was_never_sent_is_not_in_doubt(void **state)
{
	struct scripted *s = scripted_start(scripts, NSCRIPTS);
	int answered = 0, in_doubt = 0;
	struct client c;
	char url[128];
	struct got g;

	(void)state;
	open_client(&c, 1, NULL);
	snprintf(url, sizeof url, "%s/10", scripted_url(s));
	for (int i = 0; i < 30; i++) {
		post(&c, url, "{}", &g);
		answered += g.outcome == PP_HTTP_ANSWERED;
		in_doubt += g.outcome == PP_HTTP_AMBIGUOUS;
	}
	assert_true(answered > 0);
	assert_true(scripted_requests(s) >= answered);
	assert_true(scripted_requests(s) <= answered + in_doubt);
	close_client(&c);
	scripted_stop(s);
}

static void
retry_after_is_read_in_both_forms(void **state)
{
	static const struct {
		const char *name, *value;
		int64_t at_least, at_most;
	} rows[] = {
		{ "none", NULL, -1, -1 },
		{ "seconds", "7", 7000, 7000 },
		{ "zero", "0", 0, 0 },
		{ "blanks around it", "  3  ", 3000, 3000 },
		{ "a date to come", "+30", 28000, 31000 },
		{ "a date gone by", "-30", 0, 0 },
		{ "far away", "99999999999", 86400000, 86400000 },
		{ "negative", "-5x", -1, -1 },
		{ "nonsense", "soon", -1, -1 },
		{ "empty", "", -1, -1 },
		{ "milliseconds beside it", "7\r\nRetry-After-Ms: 1500", 1500,
		    1500 },
		{ "milliseconds that are none", "7\r\nretry-after-ms: x", 7000,
		    7000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char reply[512], value[64] = "", url[128];
		struct script script = { reply, 0, true };
		struct scripted *s;
		struct client c;
		struct got g;

		if (rows[i].value != NULL)
			snprintf(value, sizeof value, "%s", rows[i].value);
		if (strcmp(value, "+30") == 0 || strcmp(value, "-30") == 0) {
			time_t t = time(NULL) + atoi(value);
			struct tm tm;

			gmtime_r(&t, &tm);
			strftime(value, sizeof value,
			    "%a, %d %b %Y %H:%M:%S GMT", &tm);
		}
		snprintf(reply, sizeof reply,
		    "HTTP/1.1 429 Slow\r\n%s%s%s"
		    "Content-Length: 0\r\n\r\n",
		    rows[i].value != NULL ? "retry-after: " : "", value,
		    rows[i].value != NULL ? "\r\n" : "");
		s = scripted_start(&script, 1);
		open_client(&c, 1, NULL);
		snprintf(url, sizeof url, "%s/0", scripted_url(s));
		post(&c, url, "{}", &g);
		assert_int_equal(g.status, 429);
		if (g.retry_after_ms < rows[i].at_least ||
		    g.retry_after_ms > rows[i].at_most)
			fail_msg("%s: %lld", rows[i].name,
			    (long long)g.retry_after_ms);
		close_client(&c);
		scripted_stop(s);
	}
}

static void
a_reply_has_a_ceiling(void **state)
{
	struct scripted *s = scripted_start(scripts, NSCRIPTS);
	struct pp_http_request req = { .method = "GET" };
	struct client c;
	char url[128];
	struct got g;

	(void)state;
	open_client(&c, 1, NULL);
	snprintf(url, sizeof url, "%s/2", scripted_url(s));
	req.url = url;
	req.max_reply_bytes = 11;
	exchange(&c, &req, &g);
	assert_int_equal(g.outcome, PP_HTTP_ANSWERED);
	req.max_reply_bytes = 10;
	exchange(&c, &req, &g);
	assert_int_equal(g.outcome, PP_HTTP_AMBIGUOUS);
	assert_string_equal(g.error, "the reply is too large");
	close_client(&c);
	scripted_stop(s);
}

static void
urls_that_may_not_be_used_are_refused(void **state)
{
	static const char *const urls[] = {
		"http://example.com/v1",
		"http://192.168.0.1:8000/v1",
		"http://127.0.0.1.example.com/",
		"http://localhost.example/",
		"http://127.0.0.1@example.com/",
		"ftp://127.0.0.1/",
		"file:///etc/passwd",
		"gopher://localhost/",
		"",
		"nonsense:",
		"http://",
		"http://[::2]/",
	};
	struct pp_error err = PP_ERROR_INIT;
	struct client c;
	struct got g;

	(void)state;
	open_client(&c, 1, NULL);
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		struct pp_http_request req = { .method = "GET",
			.url = urls[i] };

		if (pp_http_send(c.http, &req, keep, &g, &err) != NULL)
			fail_msg("'%s' was sent", urls[i]);
		if (err.code != PP_ECONFIG)
			fail_msg("'%s': %s", urls[i], err.text);
	}
	assert_ok(pp_http_check_url("http://127.9.9.9/", false, &err), err);
	assert_ok(pp_http_check_url("http://LOCALHOST:1/", false, &err), err);
	assert_ok(pp_http_check_url("http://[::1]:8/", false, &err), err);
	assert_ok(pp_http_check_url("http://example.com/", true, &err), err);
	assert_ok(pp_http_check_url("https://example.com/", false, &err), err);
	close_client(&c);
}

/* ---- nobody there ---- */

/* A port that nobody listens on, or one where nobody ever speaks. */
static int
silent_port(bool listening, int *fd)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(*fd >= 0);
	assert_int_equal(bind(*fd, (struct sockaddr *)&a, sizeof a), 0);
	if (listening)
		assert_int_equal(listen(*fd, 16), 0);
	getsockname(*fd, (struct sockaddr *)&a, &len);
	return ntohs(a.sin_port);
}

static void
what_never_reached_a_server_was_not_sent(void **state)
{
	static const struct {
		const char *name, *host;
		bool listening;
	} rows[] = {
		{ "connection refused", "http://127.0.0.1", false },
		{ "no such name", "http://no-such-host.invalid", false },
		{ "no TLS over there", "https://127.0.0.1", true },
	};
	struct client c;

	(void)state;
	open_client(&c, 2, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_http_request req = { .method = "POST",
			.body = "{}",
			.body_len = 2,
			.connect_timeout_ms = 500,
			.plain_http = true };
		char url[128];
		struct got g;
		int fd;

		snprintf(url, sizeof url, "%s:%d/", rows[i].host,
		    silent_port(rows[i].listening, &fd));
		req.url = url;
		exchange(&c, &req, &g);
		if (g.outcome != PP_HTTP_NOT_SENT)
			fail_msg("%s: outcome %d, %s", rows[i].name,
			    (int)g.outcome, g.error);
		assert_true(g.error[0] != '\0');
		close(fd);
	}
	close_client(&c);
}

static void
a_silent_server_is_left_in_time(void **state)
{
	static const struct {
		const char *name;
		int64_t total_ms, first_byte_ms;
	} rows[] = {
		{ "total", 200, 0 },
		{ "first byte", 10000, 200 },
	};
	struct client c;
	char url[128];
	int fd;

	(void)state;
	snprintf(url, sizeof url, "http://127.0.0.1:%d/",
	    silent_port(true, &fd));
	open_client(&c, 2, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_http_request req = { .method = "POST",
			.url = url,
			.body = "{}",
			.body_len = 2,
			.total_timeout_ms = rows[i].total_ms,
			.first_byte_timeout_ms = rows[i].first_byte_ms };
		struct got g;

		exchange(&c, &req, &g);
		if (g.outcome != PP_HTTP_AMBIGUOUS)
			fail_msg("%s: outcome %d", rows[i].name,
			    (int)g.outcome);
		assert_string_equal(g.error, "no whole reply in time");
		assert_in_range(g.elapsed_us, 200000, 2000000);
	}
	close(fd);
	close_client(&c);
}

static void
a_cancelled_exchange_says_so_once(void **state)
{
	struct pp_http_exchange *x[3];
	struct got g[3];
	struct client c;
	char url[128];
	int fd;

	(void)state;
	snprintf(url, sizeof url, "http://127.0.0.1:%d/",
	    silent_port(true, &fd));
	open_client(&c, 3, NULL);
	for (int i = 0; i < 3; i++) {
		struct pp_http_request req = { .method = "POST",
			.url = url,
			.body = "{}",
			.body_len = 2 };

		x[i] = start(&c, &req, &g[i]);
	}
	turn(&c, 10);
	pp_http_cancel(x[1]);
	assert_int_equal(g[1].calls, 0);
	for (int i = 0; i < 5; i++)
		turn(&c, 5);
	assert_int_equal(g[1].calls, 1);
	assert_int_equal(g[1].outcome, PP_HTTP_CANCELLED);
	assert_false(g[1].unsent);
	assert_int_equal(g[0].calls + g[2].calls, 0);
	close_client(&c); /* without calling back */
	assert_int_equal(g[0].calls + g[2].calls, 0);
	close(fd);
}

/* Nobody answers the handshake, so the request stays here. */
static void
what_was_cancelled_before_it_was_sent_says_so(void **state)
{
	struct pp_http_request req = {
		.method = "POST", .body = "{}", .body_len = 2
	};
	struct pp_http_exchange *x;
	struct client c;
	char url[128];
	struct got g;
	int fd;

	(void)state;
	snprintf(url, sizeof url, "https://127.0.0.1:%d/",
	    silent_port(true, &fd));
	req.url = url;
	open_client(&c, 1, NULL);
	x = start(&c, &req, &g);
	turn(&c, 10);
	pp_http_cancel(x);
	while (g.calls == 0)
		turn(&c, 5);
	assert_int_equal(g.outcome, PP_HTTP_CANCELLED);
	assert_true(g.unsent);
	close_client(&c);
	close(fd);
}

/* The first exchange has what the loop and libcurl need themselves. */
static void
a_machine_without_descriptors_is_not_the_server(void **state)
{
	struct rlimit before, none;
	struct got g[2];
	struct client c;
	char url[128];
	struct pp_http_request req = {
		.method = "POST", .url = url, .body = "{}", .body_len = 2
	};
	int fd, next;

	(void)state;
	snprintf(url, sizeof url, "http://127.0.0.1:%d/",
	    silent_port(true, &fd));
	open_client(&c, 2, NULL);
	start(&c, &req, &g[0]);
	turn(&c, 10);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	next = dup(STDIN_FILENO);
	close(next);
	none = before;
	none.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	start(&c, &req, &g[1]);
	while (g[1].calls == 0)
		turn(&c, 10);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(g[1].outcome, PP_HTTP_NOT_SENT);
	assert_true(g[1].no_room);
	assert_string_equal(g[1].error,
	    "this machine has no descriptor or memory left for a connection");
	close_client(&c);
	close(fd);
}

/* ---- proxies ---- */

static void
proxies_are_for_others_than_this_machine(void **state)
{
	struct scripted *s = scripted_start(scripts, NSCRIPTS);
	struct pp_http_request req = { .method = "GET",
		.plain_http = true,
		.url = "http://no-such-host.invalid/0" };
	struct client c;
	char url[128];
	struct got g;

	(void)state;
	setenv("http_proxy", scripted_url(s), 1);
	unsetenv("no_proxy");
	open_client(&c, 1, NULL);
	exchange(&c, &req, &g);
	assert_int_equal(g.status, 200);
	assert_true(strncmp(scripted_last(s),
			"GET http://no-such-host.invalid/0 HTTP/1.1\r\n",
			44) == 0);
	setenv("http_proxy", "http://127.0.0.1:1/", 1);
	snprintf(url, sizeof url, "%s/0", scripted_url(s));
	req.url = url;
	exchange(&c, &req, &g);
	assert_int_equal(g.status, 200);
	unsetenv("http_proxy");
	close_client(&c);
	scripted_stop(s);
}

/* ---- the mock server ---- */

/* Many exchanges, some number at a time, counted by outcome. */
struct crowd {
	struct client client;
	char url[128];
	int left, under_way, bodies;
	int outcomes[4];
	int statuses[600];
};

static void go_on(struct crowd *w);

static void
count(void *arg, const struct pp_http_reply *r)
{
	struct crowd *w = arg;

	w->under_way--;
	w->outcomes[r->outcome]++;
	w->statuses[r->status]++;
	go_on(w);
}

/* The body is borrowed until the callback, so each gets its own. */
static void
go_on(struct crowd *w)
{
	static char bodies[4096][160];
	struct pp_http_request req = { .method = "POST",
		.url = w->url,
		.connect_timeout_ms = 240000,
		.total_timeout_ms = 240000 };
	struct pp_error err = PP_ERROR_INIT;
	char *body = bodies[w->bodies % 4096];

	if (w->left == 0)
		return;
	w->left--;
	w->under_way++;
	snprintf(body, sizeof bodies[0],
	    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
	    "\"content\":\"prompt %d\"}],\"max_tokens\":20}",
	    w->bodies++);
	req.body = body;
	req.body_len = strlen(body);
	if (pp_http_send(w->client.http, &req, count, w, &err) == NULL)
		fail_msg("%s", err.text);
}

static void
run_crowd(struct crowd *w, const struct mock *m, int in_flight, int total,
    const char *ca_file)
{
	int64_t until = pp_clock_boot_ms() + 300000;

	memset(w, 0, sizeof *w);
	open_client(&w->client, in_flight, ca_file);
	snprintf(w->url, sizeof w->url, "%s/v1/chat/completions", m->url);
	w->left = total;
	for (int i = 0; i < in_flight; i++)
		go_on(w);
	while (w->under_way > 0) {
		if (pp_clock_boot_ms() > until)
			fail_msg("%d still under way", w->under_way);
		turn(&w->client, 1000);
	}
	close_client(&w->client);
}

/* What the server counts is what was sent, whatever goes wrong. */
static void
nothing_is_sent_twice(void **state)
{
	static const char *const args[] = { "--fault", "reset=0.08", "--fault",
		"close=0.08", "--fault", "reset_mid=0.05", "--fault",
		"truncate=0.05", "--fault", "429=0.1", "--fault", "503=0.1",
		"--conn-requests", "9", NULL };
	enum { TOTAL = 2000 };
	static struct crowd w;
	struct mock m;
	long long broken, requests;

	(void)state;
	mock_start(&m, false, args);
	run_crowd(&w, &m, 32, TOTAL, NULL);
	requests = mock_counter(&m, "requests");
	broken = mock_counter(&m, "reset") + mock_counter(&m, "close") +
	    mock_counter(&m, "reset_mid") + mock_counter(&m, "truncate");
	assert_int_equal(requests + w.outcomes[PP_HTTP_NOT_SENT], TOTAL);
	assert_int_equal(mock_counter(&m, "unique_prompts") +
		w.outcomes[PP_HTTP_NOT_SENT],
	    TOTAL);
	assert_int_equal(mock_counter(&m, "retries"), 0);
	assert_int_equal(w.outcomes[PP_HTTP_AMBIGUOUS], broken);
	assert_true(broken > TOTAL / 10);
	assert_int_equal(w.statuses[429], mock_counter(&m, "429"));
	assert_int_equal(w.statuses[200], mock_counter(&m, "ok"));
	mock_stop(&m);
}

static void
connections_are_kept(void **state)
{
	static const char *const args[] = { NULL };
	static struct crowd w;
	struct mock m;

	(void)state;
	mock_start(&m, false, args);
	run_crowd(&w, &m, 16, 2000, NULL);
	assert_int_equal(w.statuses[200], 2000);
	assert_true(mock_counter(&m, "conns") <= 16 + 2);
	mock_stop(&m);
}

/*
 * Three thousand exchanges, a thousand at a time, with a server that waits
 * before it answers. Returns how many it had in hand at once.
 */
static int64_t
peak_in_flight(const char *latency_ms)
{
	const char *const args[] = { "--latency", latency_ms, NULL };
	static struct crowd w;
	struct mock m;
	int64_t peak;

	mock_start(&m, false, args);
	run_crowd(&w, &m, 1000, 3000, NULL);
	assert_int_equal(w.statuses[200], 3000);
	peak = mock_counter(&m, "inflight_peak");
	mock_stop(&m);
	return peak;
}

/* A slow machine needs a slower server to have them all together. */
static void
a_thousand_are_under_way_at_once(void **state)
{
	static const char *const latencies[] = { "400", "4000", "20000" };
	int64_t peak = 0;

	(void)state;
	for (size_t i = 0; i < 3 && peak < 900; i++)
		peak = peak_in_flight(latencies[i]);
	assert_in_range(peak, 900, 1000);
}

static void
a_slow_reply_is_whole_and_a_hanging_one_is_left(void **state)
{
	static const char *const args[] = { "--drip", "40:5", NULL };
	static const struct {
		const char *name, *directive;
		int64_t total_ms, first_byte_ms, idle_ms;
		enum pp_http_outcome outcome;
	} rows[] = {
		{ "dripping, within all times", "fault=drip bytes=400", 60000,
		    0, 30000, PP_HTTP_ANSWERED },
		{ "dripping past the total time", "fault=drip bytes=40000", 300,
		    0, 0, PP_HTTP_AMBIGUOUS },
		{ "drops further apart than the idle time",
		    "fault=drip bytes=40000", 60000, 0, 1, PP_HTTP_AMBIGUOUS },
		{ "hanging", "fault=hang", 60000, 200, 0, PP_HTTP_AMBIGUOUS },
		{ "latency is not idle", "latency=200", 60000, 30000, 20,
		    PP_HTTP_ANSWERED },
		{ "an empty 200", "fault=empty", 60000, 0, 0,
		    PP_HTTP_ANSWERED },
	};
	struct mock m;
	struct client c;
	char url[128];

	(void)state;
	mock_start(&m, false, args);
	open_client(&c, 2, NULL);
	snprintf(url, sizeof url, "%s/v1/chat/completions", m.url);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char body[256];
		struct pp_http_request req = { .method = "POST",
			.url = url,
			.body = body,
			.total_timeout_ms = rows[i].total_ms,
			.first_byte_timeout_ms = rows[i].first_byte_ms,
			.idle_timeout_ms = rows[i].idle_ms };
		struct got g;

		snprintf(body, sizeof body,
		    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\""
		    ",\"content\":\"[[mock %s]]\"}]}",
		    rows[i].directive);
		req.body_len = strlen(body);
		exchange(&c, &req, &g);
		if (g.outcome != rows[i].outcome)
			fail_msg("%s: outcome %d %s", rows[i].name,
			    (int)g.outcome, g.error);
	}
	close_client(&c);
	mock_stop(&m);
}

/* ---- TLS ---- */

struct ca {
	char dir[32], ca[64], cert[64], key[64];
};

/* A certificate authority of our own, and a server's certificate by it. */
static void
make_ca(struct ca *a)
{
	char command[2048];

	snprintf(a->dir, sizeof a->dir, "/tmp/pp-ca-XXXXXX");
	assert_non_null(mkdtemp(a->dir));
	snprintf(a->ca, sizeof a->ca, "%s/ca.pem", a->dir);
	snprintf(a->cert, sizeof a->cert, "%s/cert.pem", a->dir);
	snprintf(a->key, sizeof a->key, "%s/key.pem", a->dir);
	snprintf(command, sizeof command,
	    "cd %s && exec 2>openssl.log && "
	    "EC='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes' && "
	    "openssl req -x509 $EC -keyout ca.key -out ca.pem -days 2 "
	    "-subj '/CN=test authority' && "
	    "openssl req $EC -keyout key.pem -out s.csr -subj /CN=localhost && "
	    "printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' >ext && "
	    "openssl x509 -req -in s.csr -CA ca.pem -CAkey ca.key -days 2 "
	    "-CAcreateserial -extfile ext -out cert.pem",
	    a->dir);
	/* NOLINTNEXTLINE: the command is ours */
	if (system(command) != 0)
		skip();
}

static void
remove_ca(const struct ca *a)
{
	char command[64];

	snprintf(command, sizeof command, "rm -r %s", a->dir);
	/* NOLINTNEXTLINE: the folder is ours */
	assert_int_equal(system(command), 0);
}

static void
tls_is_verified(void **state)
{
	static struct crowd w;
	struct ca a;
	struct mock m;

	(void)state;
	make_ca(&a);
	{
		const char *const args[] = { "--tls-cert", a.cert, "--tls-key",
			a.key, NULL };

		mock_start(&m, true, args);
	}
	run_crowd(&w, &m, 8, 200, a.ca);
	assert_int_equal(w.statuses[200], 200);
	run_crowd(&w, &m, 2, 4, NULL); /* the system's authorities */
	assert_int_equal(w.outcomes[PP_HTTP_NOT_SENT], 4);
	mock_stop(&m);
	remove_ca(&a);
}

/* ---- HTTP/2 ---- */

/*
 * nginx before the mock server, for that speaks HTTP/1.1 alone. It says GOAWAY
 * to a connection after so many requests.
 */
static pid_t
start_nginx(const struct ca *a, const struct mock *m, int requests_each,
    int *port)
{
	char path[64], command[128];
	pid_t pid;
	FILE *f;
	int fd;

	/* NOLINTNEXTLINE: a look for the program */
	if (system("command -v nginx >/dev/null 2>&1") != 0)
		skip();
	*port = silent_port(false, &fd);
	close(fd);
	snprintf(path, sizeof path, "%s/nginx.conf", a->dir);
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f,
	    "daemon off; master_process off; pid %s/pid;\n"
	    "error_log %s/error.log;\nevents { worker_connections 2000; }\n"
	    "http {\nlog_format short '$server_protocol $connection';\n"
	    "access_log %s/access.log short;\n"
	    "client_body_temp_path %s/b; proxy_temp_path %s/p;\n"
	    "fastcgi_temp_path %s/f; uwsgi_temp_path %s/u;\n"
	    "scgi_temp_path %s/s;\n"
	    "upstream mock { server 127.0.0.1:%d; keepalive 500; }\n"
	    "server {\nlisten 127.0.0.1:%d ssl http2;\n"
	    "keepalive_requests %d;\n"
	    "ssl_certificate %s; ssl_certificate_key %s;\n"
	    "location / { proxy_http_version 1.1;\n"
	    "proxy_set_header Connection \"\"; proxy_pass http://mock; }\n"
	    "} }\n",
	    a->dir, a->dir, a->dir, a->dir, a->dir, a->dir, a->dir, a->dir,
	    m->port, *port, requests_each, a->cert, a->key);
	assert_int_equal(fclose(f), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("nginx", "nginx", "-e", "/dev/null", "-c", path, NULL);
		_exit(127);
	}
	snprintf(command, sizeof command,
	    "for i in $(seq 100); do [ -s %s/pid ] && exit 0; sleep 0.05; "
	    "done; exit 1",
	    a->dir);
	/* NOLINTNEXTLINE: the folder is ours */
	assert_int_equal(system(command), 0);
	return pid;
}

/* How many lines of nginx's log say HTTP/2, and over how many connections. */
static void
read_access_log(const struct ca *a, int *lines, int *connections)
{
	static bool seen[100000];
	char path[64];
	int connection;
	FILE *f;

	snprintf(path, sizeof path, "%s/access.log", a->dir);
	f = fopen(path, "re");
	assert_non_null(f);
	*lines = *connections = 0;
	while (fscanf(f, "HTTP/2.0 %d\n", &connection) == 1) {
		assert_in_range(connection, 0, 99999);
		*connections += !seen[connection];
		seen[connection] = true;
		++*lines;
	}
	fclose(f);
}

/*
 * 400 at once over HTTP/2, which nginx speaks for the mock server and ends a
 * connection of after so many requests. `m` and `a` are to be released.
 */
static void
run_http2_crowd(struct crowd *w, const char *latency_ms,
    int requests_a_connection, int count, struct mock *m, struct ca *a)
{
	const char *args[] = { "--latency", latency_ms, NULL };
	struct mock front;
	pid_t pid;

	make_ca(a);
	mock_start(m, false, args);
	pid = start_nginx(a, m, requests_a_connection, &front.port);
	snprintf(front.url, sizeof front.url, "https://127.0.0.1:%d",
	    front.port);
	run_crowd(w, &front, 400, count, a->ca);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

static void
http2_shares_few_connections(void **state)
{
	static struct crowd w;
	struct mock m;
	struct ca a;
	int lines, connections;

	(void)state;
	run_http2_crowd(&w, "300", 100000, 1200, &m, &a);
	assert_int_equal(w.statuses[200], 1200);
	assert_int_equal(mock_counter(&m, "requests"), 1200);
	assert_true(mock_counter(&m, "inflight_peak") > 50);
	read_access_log(&a, &lines, &connections);
	assert_int_equal(lines, 1200);
	assert_in_range(connections, 1, 16);
	mock_stop(&m);
	remove_ca(&a);
}

static void
libcurls_words_are_understood(void **state)
{
	static const struct {
		const char *text;
		enum pp_http_talk what;
		int64_t n;
	} rows[] = {
		{ "Using Stream ID: 8b (easy handle 0x55a9)\n",
		    PP_HTTP_TALK_STREAM, 0x8b },
		{ "received GOAWAY, error=0, last_stream=1999\n",
		    PP_HTTP_TALK_GOAWAY, 1999 },
		{ "recveived GOAWAY, error=0, last_stream=59\n",
		    PP_HTTP_TALK_GOAWAY, 59 },
		{ "received GOAWAY, error=0\n", PP_HTTP_TALK_OTHER, -1 },
		{ "received GOAWAY, last_stream=\n", PP_HTTP_TALK_OTHER, 0 },
		{ "REFUSED_STREAM, retrying a fresh connect\n",
		    PP_HTTP_TALK_REFUSED, -1 },
		{ "Connection died, retrying a fresh connect (retry count: 1)",
		    PP_HTTP_TALK_AGAIN, -1 },
		{ "Connection #0 to host a left intact", PP_HTTP_TALK_OTHER,
		    -1 },
		{ "", PP_HTTP_TALK_OTHER, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t n = -1;
		enum pp_http_talk what = pp_http_talk(rows[i].text,
		    strlen(rows[i].text), &n);

		if (what != rows[i].what || n != rows[i].n)
			fail_msg("'%s': %d, %lld", rows[i].text, (int)what,
			    (long long)n);
	}
}

/* Streams that were refused when a connection came to its end. */
static void
what_goaway_refuses_is_sent_again(void **state)
{
	static struct crowd w;
	struct mock m;
	struct ca a;

	(void)state;
	run_http2_crowd(&w, "20", 30, 2000, &m, &a);
	assert_int_equal(w.outcomes[PP_HTTP_AMBIGUOUS], 0);
	assert_int_equal(w.statuses[200], 2000);
	assert_int_equal(mock_counter(&m, "requests"), 2000);
	mock_stop(&m);
	remove_ca(&a);
}

static void
nothing_is_sent_too_late(void **state)
{
	struct scripted *s = scripted_start(scripts, NSCRIPTS);
	struct client c;
	char url[128];
	struct got g;

	(void)state;
	open_client(&c, 1, NULL);
	snprintf(url, sizeof url, "%s/0", scripted_url(s));
	pp_http_set_end(c.http, pp_clock_boot_us() + 3600 * INT64_C(1000000));
	post(&c, url, "{}", &g);
	assert_int_equal(g.outcome, PP_HTTP_ANSWERED);
	pp_http_set_end(c.http, pp_clock_boot_us());
	post(&c, url, "{}", &g);
	assert_int_equal(g.outcome, PP_HTTP_NOT_SENT);
	assert_string_equal(g.error, "it is too late to send anything");
	assert_int_equal(scripted_requests(s), 1);
	close_client(&c);
	scripted_stop(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_told_apart),
		cmocka_unit_test(a_request_arrives_as_it_was_given),
		cmocka_unit_test(one_slot_takes_every_method),
		cmocka_unit_test(
		    a_request_on_a_dying_connection_is_not_repeated),
		cmocka_unit_test(what_was_never_sent_is_not_in_doubt),
		cmocka_unit_test(retry_after_is_read_in_both_forms),
		cmocka_unit_test(a_reply_has_a_ceiling),
		cmocka_unit_test(urls_that_may_not_be_used_are_refused),
		cmocka_unit_test(what_never_reached_a_server_was_not_sent),
		cmocka_unit_test(a_silent_server_is_left_in_time),
		cmocka_unit_test(a_cancelled_exchange_says_so_once),
		cmocka_unit_test(what_was_cancelled_before_it_was_sent_says_so),
		cmocka_unit_test(
		    a_machine_without_descriptors_is_not_the_server),
		cmocka_unit_test(proxies_are_for_others_than_this_machine),
		cmocka_unit_test(nothing_is_sent_twice),
		cmocka_unit_test(connections_are_kept),
		cmocka_unit_test(a_thousand_are_under_way_at_once),
		cmocka_unit_test(
		    a_slow_reply_is_whole_and_a_hanging_one_is_left),
		cmocka_unit_test(tls_is_verified),
		cmocka_unit_test(http2_shares_few_connections),
		cmocka_unit_test(libcurls_words_are_understood),
		cmocka_unit_test(what_goaway_refuses_is_sent_again),
		cmocka_unit_test(nothing_is_sent_too_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
