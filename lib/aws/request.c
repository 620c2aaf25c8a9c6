/*
 * A call's way: wait for keys -> sign -> exchange -> fault or reply, and from
 * a failure that may pass back to the first by way of a timer. One struct a
 * call, used again; what the request points to is copied into one block of
 * text, so that a call costs few allocations.
 */
#include <config.h>

#include "aws/request.h"

#include <arpa/inet.h>
#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/aws_int.h"
#include "aws/chunked.h"
#include "aws/credentials.h"
#include "aws/retry.h"
#include "base/clock.h"
#include "base/mem.h"

#define MAX_HEADERS 48
#define DEFAULT_CONNECT_MS 5000
#define DEFAULT_TOTAL_MS 60000
#define IDLE_MS 60000
#define SLOWEST_BYTES_A_MS 100 /* at which a body is given its time */
#define MIN_SKEW_MS (4 * 60 * 1000)
#define EMPTY_SHA256 \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum send_state { SEND_FREE, SEND_KEYS, SEND_ON_WIRE, SEND_PAUSE };

struct pp_aws_send {
	struct pp_aws *aws;
	struct pp_aws_send *next, **link; /* among those under way */
	struct pp_aws_request req;	  /* strings in `text` */
	struct pp_buf text;
	size_t own_lines; /* in text: headers, each with its NUL; one more */
	pp_aws_fn *fn;
	void *arg;

	enum send_state state;
	struct pp_http_exchange *exchange;
	struct pp_timer timer;
	int attempts, max_attempts, taken_tokens;
	int64_t start_us;
	bool skew_tried, renewed, sink_called, source_begun, cancelled;
	int64_t signed_ms; /* by our own clock */

	/* of the try under way */
	struct pp_buf url, lines;
	size_t path_at;			   /* in url */
	bool plain_host;		   /* libcurl's own Host is the same */
	struct pp_buf path, authorization; /* as they are signed */
	const char *header_list[MAX_HEADERS + 1];
	size_t line_at[MAX_HEADERS], line_count;
	struct pp_chunked chunks;
};

/* ---- structs of calls ---- */

/* Copy a string of the request; what comes back is an offset plus one. */
static size_t
keep(struct pp_buf *text, const char *s)
{
	size_t at = text->len;

	if (s == NULL)
		return 0;
	pp_buf_add(text, s, strlen(s) + 1);
	return at + 1;
}

static const char *
kept(const struct pp_buf *text, size_t at)
{
	return at > 0 ? text->data + at - 1 : NULL;
}

static void
copy_request(struct pp_aws_send *s, const struct pp_aws_request *req)
{
	struct pp_buf *t = &s->text;
	size_t method, bucket, path, query, type, target;

	s->req = *req;
	pp_buf_clear(t);
	method = keep(t, req->method != NULL ? req->method : "POST");
	bucket = keep(t, req->bucket);
	path = keep(t, req->path != NULL ? req->path : "/");
	query = keep(t,
	    req->query != NULL && req->query[0] != '\0' ? req->query : NULL);
	type = keep(t, req->content_type);
	target = keep(t, req->target);
	s->req.headers = NULL;
	s->own_lines = t->len;
	for (size_t i = 0; req->headers != NULL && req->headers[i] != NULL; i++)
		keep(t, req->headers[i]);
	keep(t, "");
	s->req.method = kept(t, method);
	s->req.bucket = kept(t, bucket);
	s->req.path = kept(t, path);
	s->req.query = kept(t, query);
	s->req.content_type = kept(t, type);
	s->req.target = kept(t, target);
}

static struct pp_aws_send *
take_send(struct pp_aws *a)
{
	struct pp_aws_send *s = a->free_sends;

	if (s != NULL) {
		a->free_sends = s->next;
	} else {
		s = pp_calloc(1, sizeof *s);
		s->aws = a;
		pp_buf_init(&s->text, 0);
		pp_buf_init(&s->url, 0);
		pp_buf_init(&s->lines, 0);
		pp_buf_init(&s->path, 0);
		pp_buf_init(&s->authorization, 0);
		pp_buf_init(&s->chunks.piece, 0);
	}
	s->next = a->sends;
	s->link = &a->sends;
	if (s->next != NULL)
		s->next->link = &s->next;
	a->sends = s;
	return s;
}

static void
give_send(struct pp_aws_send *s)
{
	*s->link = s->next;
	if (s->next != NULL)
		s->next->link = s->link;
	s->state = SEND_FREE;
	s->exchange = NULL;
	pp_chunked_release(&s->chunks);
	s->next = s->aws->free_sends;
	s->aws->free_sends = s;
}

static void
on_keys(void *arg, const struct pp_aws_keys *keys, const struct pp_error *err);

static void
free_send(struct pp_aws_send *s)
{
	pp_buf_release(&s->text);
	pp_buf_release(&s->url);
	pp_buf_release(&s->lines);
	pp_buf_release(&s->path);
	pp_buf_release(&s->authorization);
	free(s);
}

/* End it without calling back. */
static void
drop_send(struct pp_aws_send *s)
{
	pp_timer_cancel(s->aws->loop, &s->timer);
	if (s->state == SEND_ON_WIRE)
		pp_http_drop(s->exchange);
	else if (s->state == SEND_KEYS)
		pp_aws_keys_leave(s->aws, on_keys, s);
	give_send(s);
}

void
pp_aws_sends_free(struct pp_aws *a)
{
	struct pp_aws_send *s;

	while (a->sends != NULL)
		drop_send(a->sends);
	while ((s = a->free_sends) != NULL) {
		a->free_sends = s->next;
		free_send(s);
	}
}

/* ---- the end of a call ---- */

/* The callback may begin other calls, also with this struct: so it is last. */
static void
deliver(struct pp_aws_send *s, struct pp_aws_reply *r)
{
	pp_aws_fn *fn = s->fn;
	void *arg = s->arg;

	r->attempts = s->attempts;
	r->elapsed_us = pp_clock_boot_us() - s->start_us;
	give_send(s);
	fn(arg, r);
}

static void
deliver_fault(struct pp_aws_send *s, enum pp_aws_class class, const char *code,
    const char *message)
{
	struct pp_aws_reply r = { .headers = "",
		.body = "",
		.retry_after_ms = -1,
		.unsent = s->attempts == 0 };

	r.fault.class = class;
	snprintf(r.fault.code, sizeof r.fault.code, "%s", code);
	snprintf(r.fault.message, sizeof r.fault.message, "%.*s",
	    (int)sizeof r.fault.message - 1, message);
	deliver(s, &r);
}

/* An error of our own side, as the fault that it comes nearest to. */
static void
deliver_error(struct pp_aws_send *s, const struct pp_error *err)
{
	switch (err->code) {
	case PP_EUNAVAIL:
	case PP_ETEMP:
		deliver_fault(s, PP_AWS_TRANSIENT, "no credentials", err->text);
		break;
	case PP_EAUTH:
		deliver_fault(s, PP_AWS_DENIED, "no credentials", err->text);
		break;
	default: deliver_fault(s, PP_AWS_REJECTED, "not sent", err->text);
	}
}

/* ---- what is sent ---- */

static void
begin_line(struct pp_aws_send *s)
{
	assert(s->line_count < MAX_HEADERS);
	s->line_at[s->line_count++] = s->lines.len;
}

static void
add_line(struct pp_aws_send *s, const char *name, const char *value)
{
	begin_line(s);
	pp_buf_adds(&s->lines, name);
	pp_buf_adds(&s->lines, ": ");
	pp_buf_add(&s->lines, value, strlen(value) + 1);
}

/* Pointers to the lines, which lie still once all are there. */
static const char *const *
header_list(struct pp_aws_send *s)
{
	for (size_t i = 0; i < s->line_count; i++)
		s->header_list[i] = s->lines.data + s->line_at[i];
	s->header_list[s->line_count] = NULL;
	return s->header_list;
}

/*
 * The bucket may stand in the URL's path, which is then signed with it:
 * path_at is where the path begins.
 */
static int
make_url(struct pp_aws_send *s, struct pp_error *err)
{
	const char *host;

	pp_buf_clear(&s->url);
	if (pp_aws_endpoint(s->aws, s->req.service, s->req.bucket, &s->url,
		err) < 0)
		return -1;
	host = strstr(s->url.data, "://") + 3;
	s->path_at = (size_t)(host - s->url.data) + strcspn(host, "/");
	if (s->req.path[0] != '/')
		return pp_error_set(err, PP_EBUG, "the path '%s' has no slash",
		    s->req.path);
	pp_buf_adds(&s->url, s->req.path);
	if (s->req.query != NULL) {
		pp_buf_addc(&s->url, '?');
		pp_buf_adds(&s->url, s->req.query);
	}
	return 0;
}

static bool
streams(const struct pp_aws_send *s)
{
	return s->req.payload == PP_AWS_PAYLOAD_STREAM;
}

static bool
is_tls(const struct pp_aws_send *s)
{
	return strncmp(s->url.data, "https:", 6) == 0;
}

/* What x-amz-content-sha256 says; `hex` is room for a hash. */
static const char *
payload_hash(const struct pp_aws_send *s, char hex[PP_SHA256_HEX_BYTES])
{
	switch (s->req.payload) {
	case PP_AWS_PAYLOAD_UNSIGNED: return PP_SIGV4_UNSIGNED;
	case PP_AWS_PAYLOAD_STREAM:
		return is_tls(s) ? PP_SIGV4_STREAM_UNSIGNED :
				   PP_SIGV4_STREAM_SIGNED;
	case PP_AWS_PAYLOAD_HASH: break;
	}
	if (s->req.body_len == 0)
		return EMPTY_SHA256;
	return pp_sigv4_hash(s->aws->signer, s->req.body, s->req.body_len, hex);
}

static void
add_stream_lines(struct pp_aws_send *s)
{
	char len[24];

	snprintf(len, sizeof len, "%lld", (long long)s->req.source->len);
	add_line(s, "Content-Encoding", "aws-chunked");
	add_line(s, "X-Amz-Decoded-Content-Length", len);
	add_line(s, "X-Amz-Trailer", "x-amz-checksum-crc32");
}

/*
 * Whether libcurl sends this very Host of a URL by itself. It writes some
 * addresses ("127.1") and ports ("0080") in another way, so only plain ones
 * count.
 */
static bool
is_plain_host(const char *text, size_t len)
{
	char host[256];
	struct in_addr v4;
	size_t n;
	const char *label;

	if (len >= sizeof host)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	n = strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-.");
	if (host[n] == ':' &&
	    (host[n + 1] < '1' ||
		strspn(host + n + 1, "0123456789") != len - n - 1))
		return false;
	if (host[n] != '\0' && host[n] != ':')
		return false;
	host[n] = '\0';
	label = strrchr(host, '.');
	label = label != NULL ? label + 1 : host;
	return (*label >= 'a' && *label <= 'z') ||
	    inet_pton(AF_INET, host, &v4) == 1;
}

/* As clients send it: without the scheme's own port. */
static void
add_host(struct pp_aws_send *s)
{
	const char *host = strstr(s->url.data, "://") + 3;
	size_t n = strcspn(host, "/?");
	const char *standard = is_tls(s) ? ":443" : ":80";
	size_t port = strlen(standard);

	if (n > port && strncmp(host + n - port, standard, port) == 0)
		n -= port;
	s->plain_host = is_plain_host(host, n);
	begin_line(s);
	pp_buf_adds(&s->lines, "Host: ");
	pp_buf_add(&s->lines, host, n);
	pp_buf_addc(&s->lines, '\0');
}

static int
add_own_lines(struct pp_aws_send *s, struct pp_error *err)
{
	const char *line = s->text.data + s->own_lines;

	for (; *line != '\0'; line += strlen(line) + 1) {
		if (s->line_count + 10 > MAX_HEADERS)
			return pp_error_set(err, PP_EBUG, "too many headers");
		begin_line(s);
		pp_buf_add(&s->lines, line, strlen(line) + 1);
	}
	return 0;
}

/*
 * libcurl adds a type of its own to a POST, unless it is told not to; an
 * empty one is not sent and so not signed.
 */
static int
make_lines(struct pp_aws_send *s, struct pp_error *err)
{
	int rc;

	pp_buf_clear(&s->lines);
	s->line_count = 0;
	add_host(s);
	rc = add_own_lines(s, err);
	if (s->req.content_type != NULL)
		add_line(s, "Content-Type", s->req.content_type);
	if (s->req.target != NULL)
		add_line(s, "X-Amz-Target", s->req.target);
	if (streams(s))
		add_stream_lines(s);
	return rc;
}

static void
make_scope(const struct pp_aws_send *s, struct pp_sigv4_scope *scope)
{
	scope->time_ms = s->signed_ms + s->aws->clock_offset_ms;
	scope->region = s->aws->region;
	scope->service = pp_aws_services[s->req.service].signing;
	scope->plain_path = s->req.service == PP_AWS_S3;
}

static void
make_signable(struct pp_aws_send *s, const char *hash,
    struct pp_sigv4_request *r)
{
	const char *path = s->url.data + s->path_at;

	pp_buf_set(&s->path, path, strcspn(path, "?"));
	r->method = s->req.method;
	r->path = s->path.data;
	r->query = s->req.query;
	r->headers = header_list(s);
	r->payload_hash = hash;
}

/* Sign, and put the Authorization header to the others. */
static int
sign(struct pp_aws_send *s, const struct pp_aws_keys *keys,
    struct pp_error *err)
{
	char hex[PP_SHA256_HEX_BYTES], date[PP_SIGV4_DATE_BYTES];
	char signature[PP_SIGV4_HEX_BYTES];
	struct pp_buf *value = &s->authorization;
	struct pp_sigv4_scope scope;
	struct pp_sigv4_request r;
	const char *hash = payload_hash(s, hex);

	assert(keys != NULL);
	make_scope(s, &scope);
	add_line(s, "X-Amz-Date", pp_sigv4_date(scope.time_ms, date));
	if (s->req.service == PP_AWS_S3)
		add_line(s, "X-Amz-Content-Sha256", hash);
	if (keys->session_token != NULL && keys->session_token[0] != '\0')
		add_line(s, "X-Amz-Security-Token", keys->session_token);
	make_signable(s, hash, &r);
	pp_buf_clear(value);
	if (pp_sigv4_authorize(s->aws->signer, &r, &scope, keys, value,
		signature, err) < 0)
		return -1;
	add_line(s, "Authorization", value->data);
	if (streams(s))
		pp_chunked_init(&s->chunks, s->req.source,
		    is_tls(s) ? NULL : s->aws->signer, &scope, keys, signature);
	return 0;
}

static bool
uses_bearer(const struct pp_aws_send *s)
{
	return s->aws->bearer != NULL && pp_aws_services[s->req.service].bearer;
}

static bool
needs_keys(const struct pp_aws_send *s)
{
	return !s->req.anonymous && s->req.keys == NULL && !uses_bearer(s);
}

static int
authorize(struct pp_aws_send *s, const struct pp_aws_keys *keys,
    struct pp_error *err)
{
	char *value;

	s->signed_ms = pp_clock_wall_ms();
	if (s->req.anonymous)
		return 0;
	if (!uses_bearer(s))
		return sign(s, s->req.keys != NULL ? s->req.keys : keys, err);
	value = pp_asprintf("Bearer %s", s->aws->bearer);
	add_line(s, "Authorization", value);
	pp_free_secret(value);
	return 0;
}

/* ---- on the wire ---- */

static ssize_t
read_chunks(void *arg, char *out, size_t size)
{
	struct pp_aws_send *s = arg;

	s->source_begun = true;
	return pp_chunked_read(&s->chunks, out, size);
}

static int
write_sink(void *arg, const char *data, size_t len)
{
	struct pp_aws_send *s = arg;

	s->sink_called = true;
	return s->req.sink(s->req.sink_arg, data, len);
}

/* A body that is large is given time in proportion. */
static void
set_times(const struct pp_aws_send *s, struct pp_http_request *r)
{
	r->connect_timeout_ms = s->req.connect_timeout_ms > 0 ?
	    s->req.connect_timeout_ms :
	    DEFAULT_CONNECT_MS;
	r->total_timeout_ms = s->req.total_timeout_ms;
	if (r->total_timeout_ms > 0)
		return;
	if (streams(s) || s->req.sink != NULL) {
		r->idle_timeout_ms = IDLE_MS;
		r->total_timeout_ms = INT32_MAX;
	} else {
		r->total_timeout_ms = DEFAULT_TOTAL_MS +
		    (int64_t)(s->req.body_len / SLOWEST_BYTES_A_MS);
	}
}

static void on_reply(void *arg, const struct pp_http_reply *r);

static int
put_on_wire(struct pp_aws_send *s, struct pp_error *err)
{
	struct pp_http_request r = { .method = s->req.method,
		.url = s->url.data,
		.body = s->req.body,
		.body_len = s->req.body_len,
		.max_reply_bytes = s->req.max_reply_bytes,
		.plain_http = true, /* of the user's own endpoint */
		.stream_arg = s };

	if (s->req.content_type == NULL) {
		begin_line(s);
		pp_buf_add(&s->lines, "Content-Type:", 14);
	}
	/* The first is Host: libcurl takes its time over one that it is given. */
	r.headers = header_list(s) + (s->plain_host ? 1 : 0);
	if (streams(s)) {
		r.read = read_chunks;
		r.body_len = (size_t)pp_chunked_len(s->req.source->len,
		    s->chunks.signer != NULL);
	}
	if (s->req.sink != NULL)
		r.write = write_sink;
	set_times(s, &r);
	s->exchange = pp_http_send(s->aws->http, &r, on_reply, s, err);
	if (s->exchange == NULL)
		return -1;
	s->attempts++;
	s->state = SEND_ON_WIRE;
	return 0;
}

static int
rewind_source(struct pp_aws_send *s, struct pp_error *err)
{
	if (!streams(s) || !s->source_begun)
		return 0;
	pp_chunked_release(&s->chunks);
	if (s->req.source->rewind == NULL ||
	    s->req.source->rewind(s->req.source->arg) < 0)
		return pp_error_set(err, PP_EIO,
		    "the body cannot be read from its start again");
	s->source_begun = false;
	return 0;
}

/* One try, with keys that are good now (NULL: none are needed). */
static int
try_once(struct pp_aws_send *s, const struct pp_aws_keys *keys,
    struct pp_error *err)
{
	if (rewind_source(s, err) < 0 || make_url(s, err) < 0 ||
	    make_lines(s, err) < 0 || authorize(s, keys, err) < 0)
		return -1;
	return put_on_wire(s, err);
}

static void
on_keys(void *arg, const struct pp_aws_keys *keys, const struct pp_error *err)
{
	struct pp_aws_send *s = arg;
	struct pp_error own = PP_ERROR_INIT;

	if (keys == NULL)
		deliver_error(s, err);
	else if (try_once(s, keys, &own) < 0)
		deliver_error(s, &own);
}

static void
start_try(struct pp_aws_send *s)
{
	const struct pp_aws_keys *keys = NULL;
	struct pp_error err = PP_ERROR_INIT;

	if (needs_keys(s)) {
		keys = pp_aws_keys_now(s->aws);
		if (keys == NULL) {
			s->state = SEND_KEYS;
			pp_aws_keys_wait(s->aws, on_keys, s);
			return;
		}
	}
	if (try_once(s, keys, &err) < 0)
		deliver_error(s, &err);
}

static void
on_pause_over(void *arg)
{
	struct pp_aws_send *s = arg;

	if (s->cancelled)
		deliver_fault(s, PP_AWS_CANCELLED, "cancelled", "");
	else
		start_try(s);
}

static void
pause_then_try(struct pp_aws_send *s, int64_t delay_us)
{
	s->state = SEND_PAUSE;
	s->exchange = NULL;
	pp_timer_set(s->aws->loop, &s->timer, delay_us, on_pause_over, s);
}

/* ---- what came back ---- */

/* The server's time, of its reply; -1: it does not say. */
static int64_t
date_of(const struct pp_http_reply *r)
{
	char date[64];
	time_t t;

	if (!pp_http_header(r, "Date", date, sizeof date))
		return -1;
	t = curl_getdate(date, NULL);
	return t >= 0 ? (int64_t)t * 1000 : -1;
}

/*
 * The server's clock against ours, when the failure may come of it: true when
 * they are far apart and the call has not yet been sent by the server's.
 */
static bool
learn_clock(struct pp_aws_send *s, const struct pp_http_reply *r)
{
	int64_t theirs_ms = date_of(r), offset, change;

	if (s->skew_tried || theirs_ms < 0)
		return false;
	offset = theirs_ms - pp_clock_wall_ms();
	change = offset - s->aws->clock_offset_ms;
	if (change < MIN_SKEW_MS && change > -MIN_SKEW_MS)
		return false;
	s->aws->clock_offset_ms = offset;
	s->skew_tried = true;
	return true;
}

/*
 * A server that puts up with our clock tells the time as well. Stores go by
 * it; the replies of models come by the thousand and are not read for it.
 */
static void
note_time(struct pp_aws_send *s, const struct pp_http_reply *r)
{
	int64_t theirs_ms;

	if (s->req.service == PP_AWS_BEDROCK_RUNTIME)
		return;
	theirs_ms = date_of(r);
	if (theirs_ms >= 0)
		s->aws->server_less_boot_ms = theirs_ms - pp_clock_boot_ms();
}

int64_t
pp_aws_clock_offset_ms(const struct pp_aws *a, int64_t wall_ms, int64_t boot_ms)
{
	int64_t offset;

	if (a->server_less_boot_ms == 0)
		return 0;
	offset = a->server_less_boot_ms + boot_ms - wall_ms;
	return offset < MIN_SKEW_MS && offset > -MIN_SKEW_MS ? 0 : offset;
}

/* DynamoDB tells the CRC-32 of its bodies. */
static bool
is_damaged(const struct pp_aws_send *s, const struct pp_http_reply *r)
{
	char value[32];

	if (s->req.service != PP_AWS_DYNAMODB ||
	    !pp_http_header(r, "x-amz-crc32", value, sizeof value))
		return false;
	return strtoul(value, NULL, 10) != pp_crc32(0, r->body, r->body_len);
}

/* Milliseconds that the service asks for; -1: it does not. */
static int64_t
asked_delay_ms(const struct pp_http_reply *r)
{
	char value[32], *end;
	long long ms;

	if (r->outcome == PP_HTTP_ANSWERED &&
	    pp_http_header(r, "x-amz-retry-after", value, sizeof value)) {
		ms = strtoll(value, &end, 10);
		if (end != value && ms >= 0)
			return ms;
	}
	return r->retry_after_ms;
}

static bool
may_try_again(const struct pp_aws_send *s, enum pp_aws_class class)
{
	if (s->attempts >= s->max_attempts || s->sink_called)
		return false;
	if (s->req.once && class == PP_AWS_AMBIGUOUS)
		return false;
	return pp_retry_may_help(class);
}

/* Begin another try where that is right. */
static bool
try_again(struct pp_aws_send *s, const struct pp_aws_fault *f,
    const struct pp_http_reply *r)
{
	struct pp_aws *a = s->aws;

	if (f->class == PP_AWS_SKEWED && learn_clock(s, r)) {
		pause_then_try(s, 0);
		return true;
	}
	if (f->class == PP_AWS_EXPIRED && needs_keys(s) && !s->renewed) {
		s->renewed = true;
		pp_aws_keys_expired(a);
		pause_then_try(s, 0);
		return true;
	}
	if (!may_try_again(s, f->class) ||
	    !pp_retry_take(&a->retry_tokens, f->class, &s->taken_tokens))
		return false;
	pause_then_try(s,
	    pp_retry_delay_us(&a->rand, f->class,
		pp_aws_services[s->req.service].delay_us, s->attempts - 1,
		asked_delay_ms(r)));
	return true;
}

/*
 * The reply to a HEAD has no body that could say what is wrong: a clock that
 * is off, or keys that are too old. Each is tried once.
 */
static void
guess_fault(const struct pp_aws_send *s, struct pp_aws_fault *f, int status)
{
	if (s->req.method == NULL || strcmp(s->req.method, "HEAD") != 0)
		return;
	if (status == 403 && !s->skew_tried)
		f->class = PP_AWS_SKEWED;
	else if (status == 400 && !s->renewed)
		f->class = PP_AWS_EXPIRED;
}

static void
on_reply(void *arg, const struct pp_http_reply *r)
{
	struct pp_aws_send *s = arg;
	struct pp_aws_reply out = { .status = r->status,
		.headers = r->headers,
		.headers_len = r->headers_len,
		.body = r->body,
		.body_len = r->body_len,
		.retry_after_ms = r->retry_after_ms,
		.unsent = r->unsent && s->attempts == 1,
		.no_room = r->no_room };

	pp_aws_fault_read(&out.fault, r);
	guess_fault(s, &out.fault, r->status);
	if (r->outcome == PP_HTTP_ANSWERED && is_damaged(s, r)) {
		out.fault.class = PP_AWS_AMBIGUOUS;
		snprintf(out.fault.code, sizeof out.fault.code,
		    "wrong check sum");
	}
	if (out.fault.class == PP_AWS_OK) {
		note_time(s, r);
		pp_retry_give(&s->aws->retry_tokens, s->taken_tokens);
	} else if (!s->cancelled && try_again(s, &out.fault, r)) {
		return;
	}
	deliver(s, &out);
}

/* ---- calls ---- */

struct pp_aws_send *
pp_aws_send(struct pp_aws *a, const struct pp_aws_request *req, pp_aws_fn *fn,
    void *arg, struct pp_error *err)
{
	struct pp_aws_send *s = take_send(a);
	const struct pp_aws_keys *keys = NULL;

	copy_request(s, req);
	s->fn = fn;
	s->arg = arg;
	s->attempts = s->taken_tokens = 0;
	s->max_attempts = req->max_attempts > 0 ? req->max_attempts :
	    a->max_attempts > 0			? a->max_attempts :
				  pp_aws_services[req->service].max_attempts;
	s->skew_tried = s->renewed = s->sink_called = s->source_begun =
	    s->cancelled = false;
	s->start_us = pp_clock_boot_us();
	if (needs_keys(s)) {
		keys = pp_aws_keys_now(a);
		if (keys == NULL) {
			s->state = SEND_KEYS;
			pp_aws_keys_wait(a, on_keys, s);
			return s;
		}
	}
	if (try_once(s, keys, err) < 0) {
		give_send(s);
		return NULL;
	}
	return s;
}

void
pp_aws_cancel(struct pp_aws_send *s)
{
	assert(s->state != SEND_FREE);
	if (s->cancelled)
		return;
	s->cancelled = true;
	switch (s->state) {
	case SEND_ON_WIRE: pp_http_cancel(s->exchange); return;
	case SEND_KEYS: pp_aws_keys_leave(s->aws, on_keys, s); break;
	case SEND_PAUSE:
	case SEND_FREE: break;
	}
	pause_then_try(s, 0);
}

bool
pp_aws_header(const struct pp_aws_reply *r, const char *name, char *out,
    size_t size)
{
	struct pp_http_reply http = { .headers = r->headers,
		.headers_len = r->headers_len };

	return pp_http_header(&http, name, out, size);
}

/* ---- waiting ---- */

struct wait {
	bool done;
	struct pp_aws_reply *reply;
};

static void
on_done(void *arg, const struct pp_aws_reply *r)
{
	struct wait *w = arg;
	char *body = pp_malloc(r->body_len + 1);

	memcpy(body, r->body, r->body_len);
	body[r->body_len] = '\0';
	*w->reply = *r;
	w->reply->headers = pp_strndup(r->headers, r->headers_len);
	w->reply->body = body;
	w->done = true;
}

int
pp_aws_call(struct pp_aws *a, const struct pp_aws_request *req,
    struct pp_aws_reply *reply, struct pp_error *err)
{
	struct wait w = { false, reply };
	struct pp_aws_send *s;

	memset(reply, 0, sizeof *reply);
	reply->fault.class = PP_AWS_REJECTED;
	s = pp_aws_send(a, req, on_done, &w, err);
	if (s == NULL)
		return -1;
	while (!w.done) {
		if (pp_loop_turn(a->loop, -1, err) < 0) {
			drop_send(s);
			return -1;
		}
	}
	if (reply->fault.class == PP_AWS_OK)
		return 0;
	return pp_aws_fault_error(&reply->fault,
	    pp_aws_service_name(req->service), err);
}

void
pp_aws_reply_release(struct pp_aws_reply *r)
{
	free((void *)(uintptr_t)r->headers);
	free((void *)(uintptr_t)r->body);
	r->headers = r->body = NULL;
}

/* ---- presigned URLs ---- */

struct presigning {
	bool done;
	struct pp_aws_keys keys;
	struct pp_error *err;
	int rc;
};

static void
on_presign_keys(void *arg, const struct pp_aws_keys *keys,
    const struct pp_error *err)
{
	struct presigning *p = arg;

	p->done = true;
	if (keys != NULL)
		pp_aws_keys_copy(&p->keys, keys);
	else if (p->err != NULL)
		*p->err = *err;
	p->rc = keys != NULL ? 0 : -1;
}

static int
wait_for_keys(struct pp_aws *a, struct pp_aws_keys *out, struct pp_error *err)
{
	const struct pp_aws_keys *now = pp_aws_keys_now(a);
	struct presigning p = { .err = err };

	if (now != NULL) {
		pp_aws_keys_copy(out, now);
		return 0;
	}
	pp_aws_keys_wait(a, on_presign_keys, &p);
	while (!p.done) {
		if (pp_loop_turn(a->loop, -1, err) < 0) {
			pp_aws_keys_leave(a, on_presign_keys, &p);
			return -1;
		}
	}
	*out = p.keys;
	return p.rc;
}

int
pp_aws_keys_find(struct pp_aws *a, char *source, size_t size,
    struct pp_error *err)
{
	struct pp_aws_keys keys = { 0 };

	if (wait_for_keys(a, &keys, err) < 0)
		return -1;
	if (source != NULL)
		snprintf(source, size, "%s", keys.source);
	pp_aws_keys_release(&keys);
	return 0;
}

static int
presign(struct pp_aws_send *s, const struct pp_aws_keys *keys,
    int64_t expires_s, struct pp_buf *url, struct pp_error *err)
{
	struct pp_sigv4_scope scope;
	struct pp_sigv4_request r;
	size_t before = url->len;
	int rc;

	s->signed_ms = pp_clock_wall_ms();
	if (make_url(s, err) < 0 || make_lines(s, err) < 0)
		return -1;
	make_scope(s, &scope);
	make_signable(s, NULL, &r);
	pp_buf_add(url, s->url.data, s->path_at);
	pp_buf_add(url, s->path.data, s->path.len);
	pp_buf_addc(url, '?');
	rc = pp_sigv4_presign(s->aws->signer, &r, &scope, keys, expires_s, url,
	    err);
	if (rc < 0)
		pp_buf_truncate(url, before);
	return rc;
}

int
pp_aws_presign(struct pp_aws *a, const struct pp_aws_request *req,
    int64_t expires_s, struct pp_buf *url, struct pp_error *err)
{
	struct pp_aws_keys keys = { 0 };
	struct pp_aws_send *s;
	int rc = -1;

	if (req->keys != NULL)
		pp_aws_keys_copy(&keys, req->keys);
	else if (wait_for_keys(a, &keys, err) < 0)
		return -1;
	s = take_send(a);
	copy_request(s, req);
	rc = presign(s, &keys, expires_s, url, err);
	give_send(s);
	pp_aws_keys_release(&keys);
	return rc;
}
