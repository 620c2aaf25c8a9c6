/*
 * Signatures, stage by stage: against vectors of our own (tests/data/sigv4),
 * and against the suites of other projects where PP_SIGV4_SUITES names a
 * folder that holds them: aws-c-auth/v4/CASE/ and botocore-aws4_testsuite/.
 */
#include <config.h>

#include "test.h"

#include <dirent.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "aws/sigv4.h"
#include "aws/uri.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define MAX_HEADERS 32

/* A request as the vectors describe it. */
struct vector {
	const char *name, *mode;
	struct pp_sigv4_request request;
	struct pp_sigv4_scope scope;
	struct pp_aws_keys keys;
	int64_t expires_s;
	char *headers[MAX_HEADERS];
	size_t header_count;
	char body_hash[PP_SHA256_HEX_BYTES];
	/* expected; NULL: not told */
	char *canonical, *to_sign, *signature;
	char *path, *query, *method, *region, *service;
};

static void
vector_release(struct vector *v)
{
	for (size_t i = 0; i < v->header_count; i++)
		free(v->headers[i]);
	pp_aws_keys_release(&v->keys);
	free(v->canonical);
	free(v->to_sign);
	free(v->signature);
	free(v->path);
	free(v->query);
	free(v->method);
	free(v->region);
	free(v->service);
}

static void
add_header(struct vector *v, char *line)
{
	assert_true(v->header_count + 1 < MAX_HEADERS);
	v->headers[v->header_count++] = line;
}

/* "20260102T030405Z" or "2015-08-30T12:36:00Z". */
static int64_t
read_date(const char *text)
{
	struct tm tm = { 0 };

	if (strptime(text, "%Y%m%dT%H%M%SZ", &tm) == NULL &&
	    strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL)
		fail_msg("'%s' is not a time", text);
	return (int64_t)timegm(&tm) * 1000;
}

static void
check_text(const struct vector *v, const char *stage, const char *expected,
    const char *got)
{
	if (expected != NULL && strcmp(expected, got) != 0)
		fail_msg("%s (%s), %s:\n--- expected\n%s\n--- got\n%s", v->name,
		    v->mode, stage, expected, got);
}

/* The three stages of a request that is complete. */
static void
check_stages(struct pp_sigv4 *s, const struct vector *v)
{
	struct pp_buf canonical = PP_BUF_INIT, to_sign = PP_BUF_INIT;
	struct pp_error err = PP_ERROR_INIT;
	char hex[PP_SIGV4_HEX_BYTES];

	assert_ok(pp_sigv4_canonical(s, &v->request, &v->scope, &canonical,
		      NULL, &err),
	    err);
	check_text(v, "canonical request", v->canonical, canonical.data);
	pp_sigv4_string_to_sign(s, &v->scope, canonical.data, canonical.len,
	    &to_sign);
	check_text(v, "string to sign", v->to_sign, to_sign.data);
	pp_sigv4_signature(s, &v->scope, &v->keys, to_sign.data, to_sign.len,
	    hex);
	check_text(v, "signature", v->signature, hex);
	pp_buf_release(&canonical);
	pp_buf_release(&to_sign);
}

/* Presign, then look at the stages of what it made but for its signature. */
static void
check_presigned(struct pp_sigv4 *s, struct vector *v)
{
	static const char mark[] = "&X-Amz-Signature=";
	struct pp_buf query = PP_BUF_INIT;
	struct pp_error err = PP_ERROR_INIT;
	char *end;

	if (strcmp(v->scope.service, "s3") == 0)
		v->request.payload_hash = NULL;
	assert_ok(pp_sigv4_presign(s, &v->request, &v->scope, &v->keys,
		      v->expires_s, &query, &err),
	    err);
	end = strstr(query.data, mark);
	assert_non_null(end);
	check_text(v, "signature of the URL", v->signature, end + strlen(mark));
	*end = '\0';
	v->request.query = query.data;
	v->request.payload_hash = strcmp(v->scope.service, "s3") == 0 ?
	    PP_SIGV4_UNSIGNED :
	    v->body_hash;
	check_stages(s, v);
	pp_buf_release(&query);
}

static void
check_vector(struct pp_sigv4 *s, struct vector *v)
{
	v->headers[v->header_count] = NULL;
	v->request.headers = (const char *const *)v->headers;
	if (strcmp(v->mode, "query") == 0)
		check_presigned(s, v);
	else
		check_stages(s, v);
}

/* ---- vectors of our own ---- */

static void
read_url(struct vector *v, const char *url)
{
	const char *host = strstr(url, "://") + 3;
	size_t n = strcspn(host, "/?");
	const char *path = host + n;
	size_t path_len = strcspn(path, "?");

	add_header(v, pp_asprintf("Host: %.*s", (int)n, host));
	v->path = pp_strndup(path, path_len);
	if (path[path_len] == '?')
		v->query = pp_strdup(path + path_len + 1);
	v->request.path = v->path;
	v->request.query = v->query;
}

/* The signature at the end of an Authorization header or a URL. */
static char *
signature_of(const struct pp_json *object)
{
	char *text = pp_json_strdup(pp_json_get(object, "authorization"));
	char *at;

	if (text == NULL)
		text = pp_json_strdup(pp_json_get(object, "signed_url"));
	at = strstr(text, "Signature=");
	assert_non_null(at);
	at = pp_strdup(at + strlen("Signature="));
	free(text);
	return at;
}

static void
read_headers(struct vector *v, const struct pp_json *headers)
{
	const struct pp_json *key = pp_json_first(headers);

	for (uint32_t i = 0; i < headers->count; i++) {
		const struct pp_json *value = pp_json_next(key);
		char *name = pp_json_strdup(key), *text = pp_json_strdup(value);

		add_header(v, pp_asprintf("%s: %s", name, text));
		free(name);
		free(text);
		key = pp_json_next(value);
	}
}

static char *
member(const struct pp_json *o, const char *name)
{
	const struct pp_json *v = pp_json_get(o, name);

	return v != NULL && v->type == PP_JSON_STRING ? pp_json_strdup(v) :
							NULL;
}

static void
read_own(struct vector *v, const struct pp_json *o)
{
	char *body = member(o, "body"), *url = member(o, "url");
	char *date = member(o, "amz_date");

	v->request.method = v->method = member(o, "method");
	v->scope.region = v->region = member(o, "region");
	v->scope.service = v->service = member(o, "service");
	v->scope.plain_path = strcmp(v->service, "s3") == 0;
	v->scope.time_ms = read_date(date);
	v->keys.access_key = member(o, "access_key");
	v->keys.secret_key = member(o, "secret_key");
	v->keys.session_token = member(o, "session_token");
	v->canonical = member(o, "canonical_request");
	v->to_sign = member(o, "string_to_sign");
	v->signature = signature_of(o);
	if (!pp_json_int64(pp_json_get(o, "expires"), &v->expires_s))
		v->expires_s = 0;
	read_url(v, url);
	pp_sha256_hex(body, strlen(body), v->body_hash);
	v->request.payload_hash = strstr(v->name, "unsigned") != NULL ?
	    PP_SIGV4_UNSIGNED :
	    v->body_hash;
	/* what was sent has the date, the token and the payload's hash */
	read_headers(v,
	    strcmp(v->mode, "query") == 0 ?
		pp_json_get(o, "headers") :
		pp_json_get(o, "signed_headers_sent"));
	free(body);
	free(url);
	free(date);
}

static void
test_own_vectors(void **state)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_sigv4 *s = pp_sigv4_new();
	struct pp_buf text = PP_BUF_INIT;
	const struct pp_json *root, *o;
	char *path = pp_asprintf("%s/tests/data/sigv4/vectors.json",
	    getenv("PP_SRCDIR"));

	(void)state;
	assert_ok(pp_io_read_file(path, &text, &err), err);
	root = pp_json_parse(&doc, text.data, text.len, 0, &err);
	if (root == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(root->count, 40);
	o = pp_json_first(root);
	for (uint32_t i = 0; i < root->count; i++, o = pp_json_next(o)) {
		struct vector v = { 0 };
		char *name = member(o, "name"), *mode = member(o, "mode");

		v.name = name;
		v.mode = mode;
		read_own(&v, o);
		check_vector(s, &v);
		vector_release(&v);
		free(name);
		free(mode);
	}
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
	pp_sigv4_free(s);
	free(path);
}

/* ---- the suites of others ---- */

static const char *
suites(void)
{
	const char *dir = getenv("PP_SIGV4_SUITES");

	if (dir == NULL || dir[0] == '\0') {
		print_message("# SKIP: PP_SIGV4_SUITES names no folder with "
			      "the suites of other projects\n");
		skip();
	}
	return dir;
}

/* A file of a case without carriage returns, or NULL. */
static char *
read_case(const char *dir, const char *name, const char *file)
{
	char *path = pp_asprintf("%s/%s/%s", dir, name, file);
	struct pp_buf text = PP_BUF_INIT;
	size_t to = 0;
	int rc = pp_io_read_file(path, &text, NULL);

	free(path);
	if (rc < 0)
		return NULL;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != '\r')
			text.data[to++] = text.data[i];
	if (text.cap > 0)
		pp_buf_truncate(&text, to);
	return text.cap > 0 ? pp_buf_detach(&text, NULL) : pp_strdup("");
}

/* "POST /path?query HTTP/1.1", headers that may be folded, a body. */
static void
read_raw_request(struct vector *v, char *text, bool keep_auth)
{
	char *body = strstr(text, "\n\n"), *line, *rest, *target, *end;

	pp_sha256_hex(body != NULL ? body + 2 : "",
	    body != NULL ? strlen(body + 2) : 0, v->body_hash);
	if (body != NULL)
		*body = '\0';
	line = strtok_r(text, "\n", &rest);
	v->method = pp_strndup(line, strcspn(line, " "));
	target = line + strlen(v->method) + 1;
	end = strstr(target, " HTTP/1.1");
	assert_non_null(end);
	*end = '\0';
	v->path = pp_strndup(target, strcspn(target, "?"));
	if (target[strlen(v->path)] == '?')
		v->query = pp_strdup(target + strlen(v->path) + 1);
	while ((line = strtok_r(NULL, "\n", &rest)) != NULL) {
		if ((line[0] == ' ' || line[0] == '\t')) {
			char **last = &v->headers[v->header_count - 1];
			char *joined = pp_asprintf("%s %s", *last, line);

			free(*last);
			*last = joined;
		} else if (keep_auth || !pp_starts_with(line, "Authorization"))
			add_header(v, pp_strdup(line));
	}
	v->request.method = v->method;
	v->request.path = v->path;
	v->request.query = v->query;
	v->request.payload_hash = v->body_hash;
}

static bool
is_true(const struct pp_json *o, const char *name)
{
	const struct pp_json *v = pp_json_get(o, name);

	return v != NULL && v->type == PP_JSON_TRUE;
}

/* The paths of this suite are raw: S3's rule wants them encoded once. */
static void
encode_path(struct vector *v)
{
	struct pp_buf encoded = PP_BUF_INIT;

	pp_uri_encode(&encoded, v->path, strlen(v->path), true);
	free(v->path);
	v->path = pp_buf_detach(&encoded, NULL);
	v->request.path = v->path;
}

static void
read_context(struct vector *v, const struct pp_json *o)
{
	const struct pp_json *keys = pp_json_get(o, "credentials");
	char *time = member(o, "timestamp");
	char date[PP_SIGV4_DATE_BYTES];
	bool header = strcmp(v->mode, "header") == 0;

	v->scope.time_ms = read_date(time);
	v->scope.region = v->region = member(o, "region");
	v->scope.service = v->service = member(o, "service");
	v->scope.plain_path = !is_true(o, "normalize");
	v->keys.access_key = member(keys, "access_key_id");
	v->keys.secret_key = member(keys, "secret_access_key");
	if (!is_true(o, "omit_session_token"))
		v->keys.session_token = member(keys, "token");
	pp_json_int64(pp_json_get(o, "expiration_in_seconds"), &v->expires_s);
	if (v->scope.plain_path)
		encode_path(v);
	if (header)
		add_header(v,
		    pp_asprintf("X-Amz-Date:%s",
			pp_sigv4_date(v->scope.time_ms, date)));
	if (header && v->keys.session_token != NULL)
		add_header(v,
		    pp_asprintf("X-Amz-Security-Token:%s",
			v->keys.session_token));
	if (header && is_true(o, "sign_body"))
		add_header(v,
		    pp_asprintf("x-amz-content-sha256:%s", v->body_hash));
	free(time);
}

static void
check_aws_case(struct pp_sigv4 *s, const char *dir, const char *name,
    const char *mode)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct vector v = { .name = name, .mode = mode };
	char *context = read_case(dir, name, "context.json"), file[64];
	char *request = read_case(dir, name, "request.txt");
	const struct pp_json *o;

	assert_non_null(context);
	assert_non_null(request);
	o = pp_json_parse(&doc, context, strlen(context), 0, NULL);
	assert_non_null(o);
	read_raw_request(&v, request, true);
	read_context(&v, o);
	snprintf(file, sizeof file, "%s-canonical-request.txt", mode);
	v.canonical = read_case(dir, name, file);
	snprintf(file, sizeof file, "%s-string-to-sign.txt", mode);
	v.to_sign = read_case(dir, name, file);
	snprintf(file, sizeof file, "%s-signature.txt", mode);
	v.signature = read_case(dir, name, file);
	assert_non_null(v.signature);
	check_vector(s, &v);
	vector_release(&v);
	pp_json_doc_release(&doc);
	free(context);
	free(request);
}

static void
test_aws_suite(void **state)
{
	char *dir = pp_asprintf("%s/aws-c-auth/v4", suites());
	struct pp_sigv4 *s = pp_sigv4_new();
	DIR *d = opendir(dir);
	struct dirent *e;
	int checked = 0;

	(void)state;
	if (d == NULL)
		fail_msg("no folder %s", dir);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		check_aws_case(s, dir, e->d_name, "header");
		check_aws_case(s, dir, e->d_name, "query");
		checked += 2;
	}
	closedir(d);
	assert_int_equal(checked, 76);
	pp_sigv4_free(s);
	free(dir);
}

/* One case has its session token in the canonical request alone. */
static void
add_token(struct vector *v)
{
	const char *at = strstr(v->canonical, "\nx-amz-security-token:");

	for (size_t i = 0; at != NULL && i < v->header_count; i++)
		if (pp_starts_with(v->headers[i], "X-Amz-Security-Token"))
			at = NULL;
	if (at != NULL)
		add_header(v, pp_strndup(at + 1, strcspn(at + 1, "\n")));
}

/* .req, .creq, .sts and .authz; the keys are the suite's own. */
static void
check_old_case(struct pp_sigv4 *s, const char *dir, const char *name)
{
	struct vector v = { .name = name, .mode = "header" };
	char file[128], *request, *auth, *at;

	snprintf(file, sizeof file, "%s.req", name);
	request = read_case(dir, name, file);
	if (request == NULL)
		return;
	read_raw_request(&v, request, false);
	v.keys.access_key = pp_strdup("AKIDEXAMPLE");
	v.keys
	    .secret_key = pp_strdup("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
	v.scope = (struct pp_sigv4_scope){ read_date("20150830T123600Z"),
		"us-east-1", "service", false };
	snprintf(file, sizeof file, "%s.creq", name);
	v.canonical = read_case(dir, name, file);
	assert_non_null(v.canonical);
	add_token(&v);
	snprintf(file, sizeof file, "%s.sts", name);
	v.to_sign = read_case(dir, name, file);
	snprintf(file, sizeof file, "%s.authz", name);
	auth = read_case(dir, name, file);
	assert_non_null(auth);
	at = strstr(auth, "Signature=");
	assert_non_null(at);
	v.signature = pp_strdup(at + strlen("Signature="));
	check_vector(s, &v);
	vector_release(&v);
	free(request);
	free(auth);
}

static int
check_old_folder(struct pp_sigv4 *s, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int checked = 0;

	if (d == NULL)
		fail_msg("no folder %s", dir);
	while ((e = readdir(d)) != NULL) {
		char *path = pp_asprintf("%s/%s/%s.req", dir, e->d_name,
		    e->d_name);

		if (access(path, R_OK) == 0) {
			check_old_case(s, dir, e->d_name);
			checked++;
		}
		free(path);
	}
	closedir(d);
	return checked;
}

static void
test_old_suite(void **state)
{
	static const char *const folders[] = { "", "/normalize-path",
		"/post-sts-token" };
	const char *root = suites();
	struct pp_sigv4 *s = pp_sigv4_new();
	int checked = 0;

	(void)state;
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		char *dir = pp_asprintf("%s/botocore-aws4_testsuite%s", root,
		    folders[i]);

		checked += check_old_folder(s, dir);
		free(dir);
	}
	assert_true(checked >= 28);
	pp_sigv4_free(s);
}

/* ---- what vectors do not show ---- */

static const struct pp_sigv4_scope scope_s3 = { 1369353600000, "us-east-1",
	"s3", true };

static struct pp_aws_keys
example_keys(void)
{
	struct pp_aws_keys k = { 0 };

	k.access_key = pp_strdup("AKIAIOSFODNN7EXAMPLE");
	k.secret_key = pp_strdup("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
	return k;
}

/*
 * The example of S3's documentation, "Signature Calculations for the
 * Authorization Header: Transferring Payload in Multiple Chunks": 65 KiB and
 * 1 KiB of the letter a.
 */
static void
test_chunks(void **state)
{
	static const char *const expected[] = {
		"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
		"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
		"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
	};
	static const size_t sizes[] = { 65536, 1024, 0 };
	struct pp_aws_keys keys = example_keys();
	struct pp_sigv4 *s = pp_sigv4_new();
	char *data = pp_malloc(65536), hex[PP_SIGV4_HEX_BYTES];

	(void)state;
	memset(data, 'a', 65536);
	snprintf(hex, sizeof hex,
	    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
	for (size_t i = 0; i < 3; i++) {
		pp_sigv4_chunk(s, &scope_s3, &keys, data, sizes[i], hex);
		assert_string_equal(hex, expected[i]);
	}
	free(data);
	pp_aws_keys_release(&keys);
	pp_sigv4_free(s);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *name;
		const char *headers[3];
	} rows[] = {
		{ "no host", { "Content-Type: a", NULL } },
		{ "a line break in a value",
		    { "Host: h", "X-Amz-Meta-A: 1\r\nX-Evil: 2", NULL } },
		{ "no colon", { "Host: h", "X-Amz-Meta-A", NULL } },
	};
	struct pp_aws_keys keys = example_keys();
	struct pp_sigv4 *s = pp_sigv4_new();
	struct pp_buf out = PP_BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_sigv4_request r = { "GET", "/", NULL, rows[i].headers,
			PP_SIGV4_UNSIGNED };
		struct pp_error err = PP_ERROR_INIT;

		assert_fails(pp_sigv4_authorize(s, &r, &scope_s3, &keys, &out,
				 NULL, &err),
		    err, PP_EDATA);
	}
	pp_buf_release(&out);
	pp_aws_keys_release(&keys);
	pp_sigv4_free(s);
}

static void
test_presign_bounds(void **state)
{
	static const int64_t bad[] = { 0, -1, 604801 };
	static const char *const host[] = { "Host: h", NULL };
	struct pp_sigv4_request r = { "GET", "/k", NULL, host, NULL };
	struct pp_aws_keys keys = example_keys();
	struct pp_sigv4 *s = pp_sigv4_new();
	struct pp_buf out = PP_BUF_INIT;
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_fails(pp_sigv4_presign(s, &r, &scope_s3, &keys, bad[i],
				 &out, &err),
		    err, PP_EUSAGE);
	assert_ok(pp_sigv4_presign(s, &r, &scope_s3, &keys, 604800, &out, &err),
	    err);
	pp_buf_release(&out);
	pp_aws_keys_release(&keys);
	pp_sigv4_free(s);
}

/* Another secret, day, region or service never gets a kept key. */
static void
test_key_cache(void **state)
{
	struct pp_sigv4 *kept = pp_sigv4_new(), *fresh;
	char a[PP_SIGV4_HEX_BYTES], b[PP_SIGV4_HEX_BYTES], name[16];

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct pp_aws_keys keys = example_keys();
		struct pp_sigv4_scope scope = scope_s3;

		keys.secret_key[0] = (char)('a' + i % 3);
		scope.time_ms += i % 5 * 86400000LL;
		scope.region = i % 2 != 0 ? "us-east-1" : "eu-west-1";
		snprintf(name, sizeof name, "s%d", i % 4);
		scope.service = name;
		fresh = pp_sigv4_new();
		pp_sigv4_signature(kept, &scope, &keys, "text", 4, a);
		pp_sigv4_signature(fresh, &scope, &keys, "text", 4, b);
		assert_string_equal(a, b);
		pp_sigv4_free(fresh);
		pp_aws_keys_release(&keys);
	}
	pp_sigv4_free(kept);
}

static void
test_uri(void **state)
{
	static const struct {
		const char *plain, *strict, *key;
	} rows[] = {
		{ "a b", "a%20b", "a%20b" },
		{ "a/b", "a%2Fb", "a/b" },
		{ "a+b=c&d", "a%2Bb%3Dc%26d", "a%2Bb%3Dc%26d" },
		{ "~._-", "~._-", "~._-" },
		{ "\xc3\xa9", "%C3%A9", "%C3%A9" },
		{ "100%", "100%25", "100%25" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_buf out = PP_BUF_INIT, back = PP_BUF_INIT;
		const char *s = rows[i].plain;

		pp_uri_encode(&out, s, strlen(s), false);
		assert_string_equal(out.data, rows[i].strict);
		pp_uri_decode(&back, out.data, out.len);
		assert_string_equal(back.data, s);
		pp_buf_clear(&out);
		pp_uri_encode(&out, s, strlen(s), true);
		assert_string_equal(out.data, rows[i].key);
		pp_buf_release(&out);
		pp_buf_release(&back);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_vectors),
		cmocka_unit_test(test_aws_suite),
		cmocka_unit_test(test_old_suite),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_presign_bounds),
		cmocka_unit_test(test_key_cache),
		cmocka_unit_test(test_uri),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
