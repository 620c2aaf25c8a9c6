/*
 * Calls: signatures against a server that recomputes them, tries and clocks
 * and faults against one that is scripted.
 */
#include <config.h>

#include "test.h"

#include <stdio.h>
#include <time.h>

#include "aws/aws_int.h"
#include "aws/request.h"
#include "aws/retry.h"
#include "aws/sigv4.h"
#include "aws/uri.h"
#include "aws_env.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "server.h"

#define ACCESS "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define TOKEN "IQoJb3JpZ2luX2VjE//////////wEaCXVzLWVhc3QtMSJHMEUCIQ+/=="

static void
set_keys(void)
{
	env_clear();
	env_set("AWS_ACCESS_KEY_ID", ACCESS);
	env_set("AWS_SECRET_ACCESS_KEY", SECRET);
}

/* ---- signatures ---- */

static const char *const odd_headers[] = { "X-Amz-Meta-Test-Two:  b  c ",
	"X-Amz-Meta-Test: a", "If-None-Match: *", "X-Amz-Meta-Test: z", NULL };

static const struct {
	const char *name;
	struct pp_aws_request req;
} signed_rows[] = {
	{ "DynamoDB",
	    { .service = PP_AWS_DYNAMODB,
		.target = "DynamoDB_20120810.GetItem",
		.content_type = "application/x-amz-json-1.0",
		.body = "{}",
		.body_len = 2 } },
	{ "STS, a form",
	    { .service = PP_AWS_STS,
		.content_type = "application/x-www-form-urlencoded",
		.body = "Action=GetCallerIdentity&Version=2011-06-15",
		.body_len = 43 } },
	{ "Bedrock, a colon in the model's id",
	    { .service = PP_AWS_BEDROCK_RUNTIME,
		.path = "/model/us.meta.llama3-1-8b-instruct-v1%3A0/converse",
		.content_type = "application/json",
		.body = "{\"a\":1}",
		.body_len = 7 } },
	{ "Bedrock, an ARN",
	    { .service = PP_AWS_BEDROCK_RUNTIME,
		.path = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3A"
			"inference-profile%2Fx/invoke",
		.content_type = "application/json",
		.body = "{}",
		.body_len = 2 } },
	{ "S3 GET",
	    { .service = PP_AWS_S3,
		.method = "GET",
		.bucket = "bkt",
		.path = "/jobs/1/checkpoint.json" } },
	{ "S3 GET, an odd key",
	    { .service = PP_AWS_S3,
		.method = "GET",
		.bucket = "bkt",
		.path = "/a%20b/%C3%A9%2B%3A%3D/../c//d" } },
	{ "S3 list",
	    { .service = PP_AWS_S3,
		.method = "GET",
		.bucket = "bkt",
		.query =
		    "prefix=a%2Fb%20c&list-type=2&continuation-token=%2B" } },
	{ "S3, a subresource",
	    { .service = PP_AWS_S3,
		.bucket = "bkt",
		.path = "/k",
		.query = "uploads" } },
	{ "S3 HEAD",
	    { .service = PP_AWS_S3,
		.method = "HEAD",
		.bucket = "bkt",
		.path = "/k" } },
	{ "S3 DELETE",
	    { .service = PP_AWS_S3,
		.method = "DELETE",
		.bucket = "bkt",
		.path = "/k" } },
	{ "S3 PUT, odd headers",
	    { .service = PP_AWS_S3,
		.method = "PUT",
		.bucket = "bkt",
		.path = "/k",
		.headers = odd_headers,
		.content_type = "application/json",
		.body = "text",
		.body_len = 4 } },
	{ "S3 PUT, unsigned",
	    { .service = PP_AWS_S3,
		.method = "PUT",
		.bucket = "bkt",
		.path = "/k",
		.body = "text",
		.body_len = 4,
		.payload = PP_AWS_PAYLOAD_UNSIGNED } },
	{ "S3 PUT, empty",
	    { .service = PP_AWS_S3,
		.method = "PUT",
		.bucket = "bkt",
		.path = "/k" } },
};

static void
check_signed(const char *token)
{
	struct verifier v;
	struct pp_aws *a;

	set_keys();
	if (token != NULL)
		env_set("AWS_SESSION_TOKEN", token);
	verifier_start(&v, ACCESS, SECRET, token);
	env_set("AWS_ENDPOINT_URL", v.url);
	a = env_aws();
	for (size_t i = 0; i < sizeof signed_rows / sizeof signed_rows[0];
	     i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct pp_aws_reply r;

		if (pp_aws_call(a, &signed_rows[i].req, &r, &err) < 0)
			fail_msg("%s: %s", signed_rows[i].name, err.text);
		pp_aws_reply_release(&r);
	}
	pp_aws_free(a);
	verifier_stop(&v);
}

static void
test_signatures(void **state)
{
	(void)state;
	check_signed(NULL);
}

static void
test_signatures_with_token(void **state)
{
	(void)state;
	check_signed(TOKEN);
}

/* Host is signed as it goes out, however the endpoint is spelled. */
static void
test_hosts(void **state)
{
	static const char *const hosts[] = { "127.0.0.1:%s", "localhost:%s",
		"LocalHost:%s", "127.1:%s", "0x7f.0.0.1:%s", "127.0.0.1:0%s" };
	struct pp_aws_request req = {
		.service = PP_AWS_S3, .method = "GET", .bucket = "bkt"
	};
	struct verifier v;

	(void)state;
	set_keys();
	verifier_start(&v, ACCESS, SECRET, NULL);
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		const char *port = strrchr(v.url, ':') + 1;
		struct pp_error err = PP_ERROR_INIT;
		struct pp_buf url = PP_BUF_INIT;
		struct pp_aws_reply r;
		struct pp_aws *a;

		pp_buf_adds(&url, "http://");
		pp_buf_add(&url, hosts[i], strlen(hosts[i]) - 2);
		pp_buf_adds(&url, port);
		env_set("AWS_ENDPOINT_URL", url.data);
		a = env_aws();
		if (pp_aws_call(a, &req, &r, &err) < 0)
			fail_msg("%s: %s", url.data, err.text);
		pp_aws_reply_release(&r);
		pp_buf_release(&url);
		pp_aws_free(a);
	}
	verifier_stop(&v);
}

static void
test_wrong_secret(void **state)
{
	struct pp_aws_request req = {
		.service = PP_AWS_S3, .method = "GET", .bucket = "bkt"
	};
	struct pp_error err = PP_ERROR_INIT;
	struct pp_aws_reply r;
	struct verifier v;
	struct pp_aws *a;

	(void)state;
	set_keys();
	verifier_start(&v, ACCESS, "another", NULL);
	env_set("AWS_ENDPOINT_URL", v.url);
	a = env_aws();
	assert_fails(pp_aws_call(a, &req, &r, &err), err, PP_EAUTH);
	assert_int_equal(r.attempts, 1);
	assert_null(strstr(err.text, SECRET));
	pp_aws_reply_release(&r);
	pp_aws_free(a);
	verifier_stop(&v);
}

/* ---- streams ---- */

struct counting {
	int64_t at, len;
	size_t bit; /* most bytes at once */
	int rewinds;
};

static ssize_t
count_read(void *arg, char *out, size_t size)
{
	struct counting *c = arg;
	size_t n = size < c->bit ? size : c->bit;

	if ((int64_t)n > c->len - c->at)
		n = (size_t)(c->len - c->at);
	for (size_t i = 0; i < n; i++)
		out[i] = (char)((c->at + (int64_t)i) * 7 % 251);
	c->at += (int64_t)n;
	return (ssize_t)n;
}

static int
count_rewind(void *arg)
{
	struct counting *c = arg;

	c->at = 0;
	c->rewinds++;
	return 0;
}

static void
body_hash(int64_t len, char hex[PP_SHA256_HEX_BYTES])
{
	struct counting c = { .len = len, .bit = SIZE_MAX };
	char *all = pp_malloc((size_t)len + 1);

	count_read(&c, all, (size_t)len);
	pp_sha256_hex(all, (size_t)len, hex);
	free(all);
}

static void
test_stream_up(void **state)
{
	static const int64_t lengths[] = { 0, 1, 65535, 65536, 65537, 300000,
		131072 };
	struct verifier v;
	struct pp_aws *a;

	(void)state;
	set_keys();
	verifier_start(&v, ACCESS, SECRET, NULL);
	env_set("AWS_ENDPOINT_URL", v.url);
	a = env_aws();
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct counting c = { .len = lengths[i], .bit = 10000 };
		struct pp_aws_source source = { count_read, count_rewind, &c,
			lengths[i] };
		struct pp_aws_request req = { .service = PP_AWS_S3,
			.method = "PUT",
			.bucket = "bkt",
			.path = "/k",
			.payload = PP_AWS_PAYLOAD_STREAM,
			.source = &source };
		struct pp_error err = PP_ERROR_INIT;
		char hex[PP_SHA256_HEX_BYTES];
		struct pp_aws_reply r;

		body_hash(lengths[i], hex);
		assert_ok(pp_aws_call(a, &req, &r, &err), err);
		assert_non_null(strstr(r.body, hex));
		pp_aws_reply_release(&r);
	}
	pp_aws_free(a);
	verifier_stop(&v);
}

/* ---- presigned URLs ---- */

static void
test_presign(void **state)
{
	static const char *const type[] = { "Content-Type: text/plain", NULL };
	static const struct {
		const char *method, *query;
		const char *const *headers;
	} rows[] = {
		{ "GET", NULL, NULL },
		{ "GET", "response-content-disposition=a%3B%20b", NULL },
		{ "PUT", NULL, type },
	};
	struct verifier v;
	struct pp_aws *a;

	(void)state;
	set_keys();
	env_set("AWS_SESSION_TOKEN", TOKEN);
	verifier_start(&v, ACCESS, SECRET, TOKEN);
	env_set("AWS_ENDPOINT_URL", v.url);
	a = env_aws();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_aws_request req = { .service = PP_AWS_S3,
			.method = rows[i].method,
			.bucket = "bkt",
			.path = "/a%20b",
			.query = rows[i].query,
			.headers = rows[i].headers };
		struct pp_error err = PP_ERROR_INIT;
		struct pp_buf url = PP_BUF_INIT;

		assert_ok(pp_aws_presign(a, &req, 900, &url, &err), err);
		assert_int_equal(plain_request(rows[i].method, url.data,
				     rows[i].headers, NULL),
		    200);
		pp_buf_addc(&url, '0');
		assert_int_equal(plain_request(rows[i].method, url.data,
				     rows[i].headers, NULL),
		    403);
		pp_buf_release(&url);
	}
	pp_aws_free(a);
	verifier_stop(&v);
}

/* ---- tries ---- */

static void
test_faults(void **state)
{
	static const struct {
		const char *name, *reply;
		enum pp_aws_service service;
		int attempts;
		enum pp_aws_class class;
		const char *code, *message, *id;
	} rows[] = {
		{ "DynamoDB's condition",
		    "HTTP/1.1 400 Bad Request\r\nx-amzn-RequestId: R1\r\n"
		    "\r\n"
		    "{\"__type\":\"com.amazonaws.dynamodb.v20120810#"
		    "ConditionalCheckFailedException\",\"message\":\"The "
		    "conditional request failed\"}",
		    PP_AWS_DYNAMODB, 1, PP_AWS_CONFLICT,
		    "ConditionalCheckFailedException",
		    "The conditional request failed", "R1" },
		{ "rest-json, type in a header",
		    "HTTP/1.1 400 Bad Request\r\nx-amzn-ErrorType: "
		    "ValidationException:http://internal/\r\n"
		    "\r\n{\"message\":\"a\\nb \"}",
		    PP_AWS_BEDROCK_RUNTIME, 1, PP_AWS_REJECTED,
		    "ValidationException", "a b ", "" },
		{ "the query protocols' XML",
		    "HTTP/1.1 403 Forbidden\r\n\r\n"
		    "<ErrorResponse><Error><Type>Sender</Type><Code>Access"
		    "Denied</Code><Message>no &lt;right&gt;</Message></Error>"
		    "<RequestId>R2</RequestId></ErrorResponse>     ",
		    PP_AWS_STS, 1, PP_AWS_DENIED, "AccessDenied", "no <right>",
		    "R2" },
		{ "S3's XML",
		    "HTTP/1.1 404 Not Found\r\nx-amz-request-id: R3\r\n"
		    "\r\n"
		    "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code>"
		    "<Message>The key &amp; so on</Message></Error>",
		    PP_AWS_S3, 1, PP_AWS_NOT_FOUND, "NoSuchKey",
		    "The key & so on", "R3" },
		{ "no body", "HTTP/1.1 412 No\r\nContent-Length: 0\r\n\r\n",
		    PP_AWS_S3, 1, PP_AWS_CONFLICT, "status 412", "", "" },
		{ "not modified", "HTTP/1.1 304 Not Modified\r\n\r\n",
		    PP_AWS_S3, 1, PP_AWS_NOT_MODIFIED, "status 304", "", "" },
		{ "a page of a proxy",
		    "HTTP/1.1 502 Bad\r\n\r\n"
		    "<html></html>",
		    PP_AWS_SNS, 3, PP_AWS_TRANSIENT, "status 502", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct script script = { rows[i].reply, 0, false };
		struct scripted *s = scripted_start(&script, 1);
		struct pp_aws_request req = { .service = rows[i].service,
			.path = "/0/" };
		struct pp_error err = PP_ERROR_INIT;
		struct pp_aws_reply r;
		struct pp_aws *a;

		set_keys();
		env_set("AWS_ENDPOINT_URL", scripted_url(s));
		a = env_aws();
		print_message("# %s\n", rows[i].name);
		assert_int_equal(pp_aws_call(a, &req, &r, &err), -1);
		assert_int_equal(r.fault.class, rows[i].class);
		assert_string_equal(r.fault.code, rows[i].code);
		assert_string_equal(r.fault.message, rows[i].message);
		assert_string_equal(r.fault.request_id, rows[i].id);
		assert_int_equal(r.attempts, rows[i].attempts);
		assert_int_equal(scripted_requests(s), rows[i].attempts);
		pp_aws_reply_release(&r);
		pp_aws_free(a);
		scripted_stop(s);
	}
}

/* ---- tries ---- */

#define OK "HTTP/1.1 200 OK\r\n\r\n{}"
#define BUSY "HTTP/1.1 503 Busy\r\n\r\n"
#define THROTTLED \
	"HTTP/1.1 400 No\r\nx-amz-retry-after: 1\r\n\r\n" \
	"{\"__type\":\"x#ProvisionedThroughputExceededException\"}"
#define REFUSED "HTTP/1.1 400 No\r\n\r\n{\"__type\":\"x#ValidationException\"}"
#define CUT "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"

static void
test_tries(void **state)
{
	static const struct {
		const char *name, *max;
		bool once;
		struct script replies[5];
		size_t count;
		int attempts;
		enum pp_aws_class class;
	} rows[] = {
		{ "throttled, then not", NULL, false,
		    { { THROTTLED, 0, false }, { OK, 0, false } }, 2, 2,
		    PP_AWS_OK },
		{ "busy all the time", NULL, false, { { BUSY, 0, false } }, 1,
		    4, PP_AWS_TRANSIENT },
		{ "AWS_MAX_ATTEMPTS counts the first", "2", false,
		    { { BUSY, 0, false } }, 1, 2, PP_AWS_TRANSIENT },
		{ "a wrong request is not sent again", NULL, false,
		    { { REFUSED, 0, false } }, 1, 1, PP_AWS_REJECTED },
		{ "a cut reply, then a whole one", NULL, false,
		    { { CUT, 0, false }, { OK, 0, false } }, 2, 2, PP_AWS_OK },
		{ "closed without a reply", NULL, false,
		    { { NULL, 0, false }, { OK, 0, false } }, 2, 2, PP_AWS_OK },
		{ "cut, and only once", NULL, true,
		    { { CUT, 0, false }, { OK, 0, false } }, 2, 1,
		    PP_AWS_AMBIGUOUS },
		{ "busy, and only once: it did nothing", NULL, true,
		    { { BUSY, 0, false }, { OK, 0, false } }, 2, 2, PP_AWS_OK },
		{ "a wrong check sum, then a right one", NULL, false,
		    { { "HTTP/1.1 200 OK\r\nx-amz-crc32: 1\r\n\r\n{}", 0,
			  false },
			{ "HTTP/1.1 200 OK\r\nx-amz-crc32: 2745614147\r\n\r\n"
			  "{}",
			    0, false } },
		    2, 2, PP_AWS_OK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scripted *s = scripted_start_in_order(rows[i].replies,
		    rows[i].count);
		struct pp_aws_request req = { .service = PP_AWS_DYNAMODB,
			.once = rows[i].once };
		struct pp_error err = PP_ERROR_INIT;
		struct pp_aws_reply r;
		struct pp_aws *a;

		print_message("# %s\n", rows[i].name);
		set_keys();
		env_set("AWS_ENDPOINT_URL", scripted_url(s));
		env_set("AWS_MAX_ATTEMPTS", rows[i].max);
		a = env_aws();
		pp_aws_call(a, &req, &r, &err);
		assert_int_equal(r.fault.class, rows[i].class);
		assert_int_equal(r.attempts, rows[i].attempts);
		assert_int_equal(scripted_requests(s), rows[i].attempts);
		pp_aws_reply_release(&r);
		pp_aws_free(a);
		scripted_stop(s);
	}
}

/* Five hundred tokens are 35 retries of failures that pass, and no more. */
static void
test_tokens_run_out(void **state)
{
	static const struct script busy = { BUSY, 0, false };
	struct scripted *s = scripted_start_in_order(&busy, 1);
	struct pp_aws_request req = { .service = PP_AWS_DYNAMODB };
	struct pp_aws *a;
	int sent = 0;

	(void)state;
	set_keys();
	env_set("AWS_ENDPOINT_URL", scripted_url(s));
	a = env_aws();
	for (int i = 0; i < 20; i++) {
		struct pp_aws_reply r;

		assert_int_equal(pp_aws_call(a, &req, &r, NULL), -1);
		sent += r.attempts;
		pp_aws_reply_release(&r);
	}
	assert_int_equal(sent, 20 + 500 / 14);
	pp_aws_free(a);
	scripted_stop(s);
}

static void
test_delays(void **state)
{
	static const struct {
		enum pp_aws_class class;
		int i;
		int64_t asked_ms, least_us, most_us;
	} rows[] = {
		{ PP_AWS_TRANSIENT, 0, -1, 0, 50000 },
		{ PP_AWS_TRANSIENT, 3, -1, 0, 400000 },
		{ PP_AWS_TRANSIENT, 60, -1, 0, 20000000 },
		{ PP_AWS_THROTTLED, 0, -1, 0, 1000000 },
		{ PP_AWS_THROTTLED, 2, -1, 0, 4000000 },
		{ PP_AWS_TRANSIENT, 0, 3000, 3000000, 3000000 },
		{ PP_AWS_TRANSIENT, 0, 60000, 5000000, 5050000 },
	};
	struct pp_rand rand;

	(void)state;
	pp_rand_seed(&rand, 1);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t least = INT64_MAX, most = 0, span;

		for (int k = 0; k < 2000; k++) {
			int64_t us = pp_retry_delay_us(&rand, rows[i].class,
			    50000, rows[i].i, rows[i].asked_ms);

			least = us < least ? us : least;
			most = us > most ? us : most;
		}
		span = rows[i].most_us - rows[i].least_us;
		assert_true(least >= rows[i].least_us);
		assert_true(most <= rows[i].most_us);
		assert_true(most - least >= span * 9 / 10); /* full jitter */
	}
}

/* A clock that is an hour off is learned once, and then kept. */
static void
test_skewed_clock(void **state)
{
	char refused[512], date[64];
	time_t theirs = time(NULL) + 3600;
	struct script replies[] = { { refused, 0, false }, { OK, 0, false } };
	struct pp_aws_request req = { .service = PP_AWS_DYNAMODB,
		.max_attempts = 1 };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_aws_reply r;
	struct scripted *s;
	struct pp_aws *a;
	struct tm tm;

	(void)state;
	gmtime_r(&theirs, &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	snprintf(refused, sizeof refused,
	    "HTTP/1.1 403 No\r\nDate: %s\r\n\r\n"
	    "{\"__type\":\"InvalidSignatureException\"}",
	    date);
	s = scripted_start_in_order(replies, 2);
	set_keys();
	env_set("AWS_ENDPOINT_URL", scripted_url(s));
	a = env_aws();
	assert_ok(pp_aws_call(a, &req, &r, &err), err);
	assert_int_equal(scripted_requests(s), 2);
	assert_non_null(strcasestr(scripted_last(s), "X-Amz-Date: "));
	theirs = a->clock_offset_ms / 1000;
	assert_in_range(theirs, 3500, 3700);
	pp_aws_reply_release(&r);
	assert_ok(pp_aws_call(a, &req, &r, &err), err);
	assert_int_equal(scripted_requests(s), 3);
	pp_aws_reply_release(&r);
	pp_aws_free(a);
	scripted_stop(s);
}

#define HOUR_MS INT64_C(3600000)

/* When the service told the time, our boot clock said 1,000. */
static void
test_clock_of_a_moment(void **state)
{
	static const struct {
		const char *name;
		int64_t wall_ms, boot_ms, offset_ms;
	} rows[] = {
		{ "our clock is right", 500 * HOUR_MS, 1000, 0 },
		{ "off by little", 500 * HOUR_MS + 200000, 1000, 0 },
		{ "an hour ahead", 501 * HOUR_MS, 1000, -HOUR_MS },
		{ "an hour behind", 499 * HOUR_MS, 1000, HOUR_MS },
		{ "an hour has passed", 501 * HOUR_MS, HOUR_MS + 1000, 0 },
		{ "and our clock stood", 500 * HOUR_MS, HOUR_MS + 1000,
		    HOUR_MS },
	};
	struct pp_aws *a;

	(void)state;
	set_keys();
	a = env_aws();
	assert_int_equal(pp_aws_clock_offset_ms(a, 1, 1), 0);
	a->server_less_boot_ms = 500 * HOUR_MS - 1000;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		print_message("%s\n", rows[i].name);
		assert_int_equal(pp_aws_clock_offset_ms(a, rows[i].wall_ms,
				     rows[i].boot_ms),
		    rows[i].offset_ms);
	}
	pp_aws_free(a);
}

/* A server that takes what we send tells the time as well. */
static void
test_clock_of_a_reply(void **state)
{
	static const struct {
		const char *date;
		bool far;
	} rows[] = { { "Date: Fri, 20 Nov 2020 10:00:00 GMT\r\n", true },
		{ "Date: yesterday\r\n", false }, { "", false } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[256];
		struct script reply = { text, 0, false };
		struct pp_aws_request req = { .service = PP_AWS_DYNAMODB };
		struct pp_error err = PP_ERROR_INIT;
		struct pp_aws_reply r;
		struct scripted *s;
		struct pp_aws *a;

		snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n%s\r\n{}",
		    rows[i].date);
		s = scripted_start_in_order(&reply, 1);
		set_keys();
		env_set("AWS_ENDPOINT_URL", scripted_url(s));
		a = env_aws();
		assert_ok(pp_aws_call(a, &req, &r, &err), err);
		assert_int_equal(pp_aws_clock_offset_ms(a, pp_clock_wall_ms(),
				     pp_clock_boot_ms()) != 0,
		    rows[i].far);
		pp_aws_reply_release(&r);
		pp_aws_free(a);
		scripted_stop(s);
	}
}

/* ... but a signature that is refused with our clock right is refused. */
static void
test_clock_that_is_right(void **state)
{
	char refused[512], date[64];
	time_t now = time(NULL);
	struct script reply = { refused, 0, false };
	struct pp_aws_request req = { .service = PP_AWS_S3, .bucket = "bkt" };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_aws_reply r;
	struct scripted *s;
	struct pp_aws *a;
	struct tm tm;

	(void)state;
	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	snprintf(refused, sizeof refused,
	    "HTTP/1.1 403 No\r\nDate: %s\r\n\r\n<Error><Code>"
	    "SignatureDoesNotMatch</Code></Error>",
	    date);
	s = scripted_start_in_order(&reply, 1);
	set_keys();
	env_set("AWS_ENDPOINT_URL", scripted_url(s));
	a = env_aws();
	assert_fails(pp_aws_call(a, &req, &r, &err), err, PP_EAUTH);
	assert_int_equal(scripted_requests(s), 1);
	pp_aws_reply_release(&r);
	pp_aws_free(a);
	scripted_stop(s);
}

/* ---- sinks, and the end of calls ---- */

static int
keep_bytes(void *arg, const char *data, size_t len)
{
	return pp_buf_add(arg, data, len);
}

static void
test_sink(void **state)
{
	static const struct {
		const char *name;
		struct script replies[2];
		size_t max;
		int attempts;
		enum pp_aws_class class;
		const char *text;
	} rows[] = {
		{ "whole", { { "HTTP/1.1 206 Part\r\n\r\nabc", 0, false } }, 0,
		    1, PP_AWS_OK, "abc" },
		{ "an error goes to the fault",
		    { { "HTTP/1.1 404 No\r\n\r\n<Error><Code>NoSuchKey</Code>"
			"</Error>",
			0, false } },
		    0, 1, PP_AWS_NOT_FOUND, "" },
		{ "cut, and not begun again",
		    { { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 0,
			false } },
		    0, 1, PP_AWS_AMBIGUOUS, "abc" },
		{ "busy, then whole",
		    { { BUSY, 0, false },
			{ "HTTP/1.1 200 OK\r\n\r\nabc", 0, false } },
		    0, 2, PP_AWS_OK, "abc" },
		{ "the sink is full",
		    { { "HTTP/1.1 200 OK\r\n\r\nabc", 0, false } }, 2, 1,
		    PP_AWS_AMBIGUOUS, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t count = rows[i].replies[1].reply != NULL ? 2 : 1;
		struct scripted *s = scripted_start_in_order(rows[i].replies,
		    count);
		struct pp_buf got = PP_BUF_INIT_MAX(rows[i].max);
		struct pp_aws_request req = { .service = PP_AWS_S3,
			.method = "GET",
			.bucket = "bkt",
			.sink = keep_bytes,
			.sink_arg = &got };
		struct pp_aws_reply r;
		struct pp_aws *a;

		print_message("# %s\n", rows[i].name);
		set_keys();
		env_set("AWS_ENDPOINT_URL", scripted_url(s));
		a = env_aws();
		pp_aws_call(a, &req, &r, NULL);
		assert_int_equal(r.fault.class, rows[i].class);
		assert_int_equal(r.attempts, rows[i].attempts);
		assert_string_equal(got.data, rows[i].text);
		pp_aws_reply_release(&r);
		pp_aws_free(a);
		pp_buf_release(&got);
		scripted_stop(s);
	}
}

static void
note_class(void *arg, const struct pp_aws_reply *r)
{
	*(int *)arg = (int)r->fault.class;
}

/* On the wire, and in the pause before another try. */
static void
test_cancel(void **state)
{
	static const struct script busy = { THROTTLED, 0, false };
	struct scripted *s = scripted_start_in_order(&busy, 1);
	struct pp_aws_request req = { .service = PP_AWS_DYNAMODB,
		.max_attempts = 50 };
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	for (int turns = 0; turns < 12; turns += 3) {
		struct pp_aws_send *send;
		int class = -1;
		struct pp_aws *a;

		set_keys();
		env_set("AWS_ENDPOINT_URL", scripted_url(s));
		a = env_aws();
		send = pp_aws_send(a, &req, note_class, &class, &err);
		assert_non_null(send);
		for (int i = 0; i < turns; i++)
			assert_ok(pp_loop_turn(pp_aws_loop(a), 20, &err), err);
		assert_int_equal(class, -1);
		pp_aws_cancel(send);
		while (class < 0)
			assert_ok(pp_loop_turn(pp_aws_loop(a), 1000, &err),
			    err);
		assert_int_equal(class, PP_AWS_CANCELLED);
		assert_non_null(pp_aws_send(a, &req, note_class, &class, &err));
		pp_aws_free(a); /* drops the last without calling back */
	}
	scripted_stop(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_signatures_with_token),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_wrong_secret),
		cmocka_unit_test(test_stream_up),
		cmocka_unit_test(test_presign),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_tries),
		cmocka_unit_test(test_tokens_run_out),
		cmocka_unit_test(test_delays),
		cmocka_unit_test(test_skewed_clock),
		cmocka_unit_test(test_clock_of_a_reply),
		cmocka_unit_test(test_clock_of_a_moment),
		cmocka_unit_test(test_clock_that_is_right),
		cmocka_unit_test(test_sink),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
