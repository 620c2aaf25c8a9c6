/*
 * Calls: signatures against a server that recomputes them, tries and clocks
 * and faults against one that is scripted.
 */
#include <config.h>

#include "test.h"

#include <stdio.h>
#include <time.h>

#include "aws/request.h"
#include "aws/sigv4.h"
#include "aws/uri.h"
#include "aws_env.h"
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
on_plain_reply(void *arg, const struct pp_http_reply *r)
{
	int *status = arg;

	*status = r->outcome == PP_HTTP_ANSWERED ? r->status : -1;
}

static int
plain_request(const char *method, const char *url, const char *const *headers)
{
	struct pp_http_options o = { .max_in_flight = 1 };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_loop *loop = pp_loop_new(&err);
	struct pp_http *http = pp_http_new(loop, &o, &err);
	struct pp_http_request r = {
		.method = method, .url = url, .headers = headers
	};
	int status = 0;

	assert_non_null(pp_http_send(http, &r, on_plain_reply, &status, &err));
	while (status == 0)
		assert_ok(pp_loop_turn(loop, -1, &err), err);
	pp_http_free(http);
	pp_loop_free(loop);
	return status;
}

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
				     rows[i].headers),
		    200);
		pp_buf_addc(&url, '0');
		assert_int_equal(plain_request(rows[i].method, url.data,
				     rows[i].headers),
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_signatures_with_token),
		cmocka_unit_test(test_wrong_secret),
		cmocka_unit_test(test_stream_up),
		cmocka_unit_test(test_presign),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
