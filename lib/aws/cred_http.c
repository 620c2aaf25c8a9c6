/*
 * Sources that are asked over HTTP: a container's endpoint, the instance's
 * metadata (IMDSv2), the portal of IAM Identity Center (SSO).
 */
#include <config.h>

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/cred_int.h"
#include "aws/uri.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define CONTAINER_HOST "http://169.254.170.2"
#define CONTAINER_TRIES 3
#define CONTAINER_TIMEOUT_MS 2000
#define INSTANCE_HOST "http://169.254.169.254"
#define INSTANCE_HOST_V6 "http://[fd00:ec2::254]"
#define INSTANCE_TIMEOUT_MS 1000
#define INSTANCE_PATH "/latest/meta-data/iam/security-credentials/"
#define SSO_TIMEOUT_MS 30000
#define PAUSE_US 1000000
#define MAX_TOKEN_BYTES ((size_t)64 << 10)

/* ---- one request ---- */

/* `c->token` is a header line, or NULL. */
static void
ask(struct pp_aws_chain *c, const char *method, const char *extra,
    int64_t timeout_ms, pp_http_fn *fn)
{
	const char *headers[4];
	size_t n = 0;
	struct pp_http_request r = { .method = method,
		.url = c->url,
		.headers = headers,
		.connect_timeout_ms = timeout_ms,
		.total_timeout_ms = timeout_ms,
		.max_reply_bytes = MAX_TOKEN_BYTES,
		.plain_http = true };
	struct pp_error err = PP_ERROR_INIT;

	headers[n++] = "Accept: application/json";
	if (c->token != NULL)
		headers[n++] = c->token;
	if (extra != NULL)
		headers[n++] = extra;
	headers[n] = NULL;
	c->tries++;
	c->exchange = pp_http_send(c->aws->http, &r, fn, c, &err);
	if (c->exchange == NULL)
		pp_cred_failed(c, err.code, "%s", err.text);
}

static void
set_url(struct pp_aws_chain *c, char *url)
{
	free(c->url);
	c->url = url;
}

/* Take the keys of a reply's JSON, or fail with `who` before the reason. */
static void
take_json(struct pp_aws_chain *c, const struct pp_http_reply *r,
    const char *who)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_aws_keys keys = { 0 };
	const struct pp_json *root = pp_json_parse(&doc, r->body, r->body_len,
	    0, &err);
	int rc = -1;

	if (root != NULL)
		rc = pp_cred_read_json(root, "Token", &keys, &err);
	pp_json_doc_release(&doc);
	snprintf(keys.source, sizeof keys.source, "%s", who);
	if (rc == 0)
		pp_cred_got(c, &keys);
	else
		pp_cred_failed(c, PP_EAUTH, "%s: %s", who, err.text);
}

static void
fail_reply(struct pp_aws_chain *c, const struct pp_http_reply *r,
    const char *who)
{
	if (r->outcome == PP_HTTP_ANSWERED)
		pp_cred_failed(c, r->status >= 500 ? PP_EUNAVAIL : PP_EAUTH,
		    "%s: status %d", who, r->status);
	else
		pp_cred_failed(c, PP_EUNAVAIL, "%s: %s", who, r->error);
}

/* ---- a container's endpoint ---- */

/*
 * The token goes over plain http to this machine and to the addresses that
 * ECS and EKS serve it at, and to nobody else.
 */
static bool
may_be_asked(const char *url)
{
	static const char *const hosts[] = { "localhost", "169.254.170.2",
		"169.254.170.23", "[fd00:ec2::23]", "[::1]" };
	const char *host = strstr(url, "://");
	char name[256];
	struct in_addr v4;
	size_t n;

	if (strncasecmp(url, "https://", 8) == 0)
		return true;
	if (strncasecmp(url, "http://", 7) != 0)
		return false;
	host += 3;
	n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
	if (n >= sizeof name || memchr(host, '@', strcspn(host, "/")) != NULL)
		return false;
	memcpy(name, host, n);
	name[n] = '\0';
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
		if (strcasecmp(name, hosts[i]) == 0)
			return true;
	return inet_pton(AF_INET, name, &v4) == 1 &&
	    ntohl(v4.s_addr) >> 24 == 127;
}

/* The authorization is read anew each time: the file's is replaced. */
static int
read_container_token(struct pp_aws_chain *c, struct pp_error *err)
{
	const char *file = pp_aws_env(c->aws,
	    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token = pp_aws_env(c->aws,
	    "AWS_CONTAINER_AUTHORIZATION_TOKEN");
	struct pp_buf text = PP_BUF_INIT_MAX(MAX_TOKEN_BYTES);
	int rc = 0;

	if (file != NULL) {
		rc = pp_io_read_file(file, &text, err);
		token = text.data;
	}
	if (rc == 0 && token != NULL && strpbrk(token, "\r\n") != NULL)
		rc = pp_error_set(err, PP_EAUTH,
		    "a line break in the container's authorization token");
	if (rc == 0 && token != NULL)
		c->token = pp_asprintf("Authorization: %s", token);
	pp_buf_release(&text);
	return rc;
}

static void on_container(void *arg, const struct pp_http_reply *r);

static void
ask_container(void *arg)
{
	ask(arg, "GET", NULL, CONTAINER_TIMEOUT_MS, on_container);
}

static void
on_container(void *arg, const struct pp_http_reply *r)
{
	struct pp_aws_chain *c = arg;

	c->exchange = NULL;
	if (r->outcome == PP_HTTP_ANSWERED && r->status == 200)
		take_json(c, r, "the container's endpoint");
	else if (c->tries < CONTAINER_TRIES &&
	    (r->outcome != PP_HTTP_ANSWERED || r->status >= 500))
		pp_timer_set(c->aws->loop, &c->pause, PAUSE_US, ask_container,
		    c);
	else
		fail_reply(c, r, "the container's endpoint");
}

void
pp_cred_container(struct pp_aws_chain *c)
{
	const char *relative = pp_aws_env(c->aws,
	    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = pp_aws_env(c->aws,
	    "AWS_CONTAINER_CREDENTIALS_FULL_URI");
	struct pp_error err = PP_ERROR_INIT;

	if (relative != NULL) {
		set_url(c,
		    pp_asprintf(CONTAINER_HOST "%s%s",
			relative[0] == '/' ? "" : "/", relative));
	} else if (full != NULL && may_be_asked(full)) {
		set_url(c, pp_strdup(full));
	} else {
		pp_cred_failed(c, PP_ECONFIG,
		    "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor "
		    "a container's endpoint");
		return;
	}
	if (read_container_token(c, &err) < 0)
		pp_cred_failed(c, PP_EAUTH, "%s", err.text);
	else
		ask_container(c);
}

/* ---- the instance's metadata ---- */

static const char *
instance_host(const struct pp_aws *a)
{
	const char *host = pp_aws_env(a, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = pp_aws_env(a,
	    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

	if (host != NULL)
		return host;
	if (mode != NULL && strcasecmp(mode, "ipv6") == 0)
		return INSTANCE_HOST_V6;
	return INSTANCE_HOST;
}

static char *
instance_url(const struct pp_aws *a, const char *path)
{
	const char *host = instance_host(a);
	size_t n = strlen(host);

	while (n > 0 && host[n - 1] == '/')
		n--;
	return pp_asprintf("%.*s%s", (int)n, host, path);
}

static void
on_instance_keys(void *arg, const struct pp_http_reply *r)
{
	struct pp_aws_chain *c = arg;
	char who[160];

	c->exchange = NULL;
	snprintf(who, sizeof who, "the instance's role '%.100s'",
	    strrchr(c->url, '/') + 1);
	if (r->outcome == PP_HTTP_ANSWERED && r->status == 200)
		take_json(c, r, who);
	else
		fail_reply(c, r, who);
}

/* The reply is the role's name; it stands in the next URL as it is. */
static void
on_instance_role(void *arg, const struct pp_http_reply *r)
{
	struct pp_aws_chain *c = arg;
	struct pp_buf path = PP_BUF_INIT;
	size_t n = strcspn(r->body, "\r\n");

	c->exchange = NULL;
	if (r->outcome != PP_HTTP_ANSWERED || r->status != 200 || n == 0) {
		fail_reply(c, r, "the instance has no role");
		return;
	}
	pp_buf_adds(&path, INSTANCE_PATH);
	pp_uri_encode(&path, r->body, n, false);
	set_url(c, instance_url(c->aws, path.data));
	pp_buf_release(&path);
	ask(c, "GET", NULL, INSTANCE_TIMEOUT_MS, on_instance_keys);
}

static void
on_instance_token(void *arg, const struct pp_http_reply *r)
{
	struct pp_aws_chain *c = arg;

	c->exchange = NULL;
	if (r->outcome != PP_HTTP_ANSWERED) {
		pp_cred_failed(c, PP_EAUTH,
		    "no AWS credentials: neither in the environment, nor in "
		    "profile '%s', nor of a container, nor of an instance (%s)",
		    c->aws->profile, r->error);
		return;
	}
	if (r->status != 200 || r->body_len == 0 ||
	    strpbrk(r->body, "\r\n") != NULL) {
		fail_reply(c, r, "the instance's metadata gave no token");
		return;
	}
	c->token = pp_asprintf("X-aws-ec2-metadata-token: %s", r->body);
	set_url(c, instance_url(c->aws, INSTANCE_PATH));
	ask(c, "GET", NULL, INSTANCE_TIMEOUT_MS, on_instance_role);
}

void
pp_cred_instance(struct pp_aws_chain *c)
{
	set_url(c, instance_url(c->aws, "/latest/api/token"));
	ask(c, "PUT", "X-aws-ec2-metadata-token-ttl-seconds: 21600",
	    INSTANCE_TIMEOUT_MS, on_instance_token);
}

/* ---- SSO ---- */

static const char *
profile_setting(const struct pp_aws_chain *c, const char *name)
{
	return pp_profiles_get(c->aws->profiles, PP_SECTION_PROFILE,
	    c->plan.profile, name);
}

/* In the session's section, or in the profile as before there were any. */
static const char *
sso_setting(const struct pp_aws_chain *c, const char *name)
{
	const char *session = profile_setting(c, "sso_session");

	if (session != NULL)
		return pp_profiles_get(c->aws->profiles, PP_SECTION_SSO,
		    session, name);
	return profile_setting(c, name);
}

/* Its name is the SHA-1 of the session's name, or of the start URL. */
static char *
sso_cache_path(const struct pp_aws_chain *c, const char *of)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned len = 0;
	const char *home = pp_aws_env(c->aws, "HOME");

	if (EVP_Digest(of, strlen(of), digest, &len, EVP_sha1(), NULL) != 1)
		abort();
	pp_hex(digest, len, hex);
	return pp_asprintf("%s/.aws/sso/cache/%s.json",
	    home != NULL ? home : "", hex);
}

/* The access token of the last login, when it is still good. */
static int
read_sso_token(struct pp_aws_chain *c, const char *of)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_buf text = PP_BUF_INIT_MAX(MAX_TOKEN_BYTES);
	char *path = sso_cache_path(c, of), *token = NULL, *end = NULL;
	const struct pp_json *root = NULL, *v;
	int64_t end_ms = 0;
	int rc = -1;

	if (pp_io_read_file(path, &text, NULL) == 0)
		root = pp_json_parse(&doc, text.data, text.len, 0, NULL);
	if (root != NULL && (v = pp_json_get(root, "accessToken")) != NULL)
		token = pp_json_strdup(v);
	if (root != NULL && (v = pp_json_get(root, "expiresAt")) != NULL)
		end = pp_json_strdup(v);
	if (token != NULL && strpbrk(token, "\r\n") == NULL && end != NULL &&
	    pp_time_parse(end, &end_ms, NULL) == 0 &&
	    end_ms > pp_clock_wall_ms() + c->aws->clock_offset_ms) {
		c->token = pp_asprintf("x-amz-sso_bearer_token: %s", token);
		rc = 0;
	}
	pp_free_secret(token);
	free(end);
	free(path);
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
	return rc;
}

static int
read_sso_keys(const struct pp_json *o, struct pp_aws_keys *keys)
{
	static const char *const names[] = { "accessKeyId", "secretAccessKey",
		"sessionToken" };
	char **const fields[] = { &keys->access_key, &keys->secret_key,
		&keys->session_token };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const struct pp_json *v = pp_json_get(o, names[i]);

		if (v != NULL)
			*fields[i] = pp_json_strdup(v);
		if (*fields[i] == NULL)
			return -1;
	}
	return pp_json_int64(pp_json_get(o, "expiration"),
		   &keys->expires_at_ms) ?
	    0 :
	    -1;
}

static void
on_sso(void *arg, const struct pp_http_reply *r)
{
	struct pp_aws_chain *c = arg;
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_aws_keys keys = { 0 };
	const struct pp_json *root;

	c->exchange = NULL;
	if (r->outcome == PP_HTTP_ANSWERED &&
	    (r->status == 401 || r->status == 403)) {
		pp_cred_failed(c, PP_EAUTH,
		    "the SSO login of profile '%s' is no longer good: run "
		    "'aws sso login --profile %s'",
		    c->plan.profile, c->plan.profile);
		return;
	}
	if (r->outcome != PP_HTTP_ANSWERED || r->status != 200) {
		fail_reply(c, r, "the SSO portal");
		return;
	}
	root = pp_json_parse(&doc, r->body, r->body_len, 0, NULL);
	if (root != NULL)
		root = pp_json_get(root, "roleCredentials");
	if (root == NULL || read_sso_keys(root, &keys) < 0) {
		pp_aws_keys_release(&keys);
		pp_cred_failed(c, PP_EAUTH,
		    "the SSO portal's answer has no credentials");
	} else {
		snprintf(keys.source, sizeof keys.source,
		    "SSO of profile '%.100s'", c->plan.profile);
		pp_cred_got(c, &keys);
	}
	pp_json_doc_release(&doc);
}

/* Of the user's own portal, or of the region's. */
static char *
sso_url(const struct pp_aws_chain *c, const char *region, const char *role,
    const char *account)
{
	const char *own = pp_aws_env(c->aws, "AWS_ENDPOINT_URL_SSO");
	struct pp_buf query = PP_BUF_INIT;
	char *url;

	pp_uri_add_query(&query, "role_name", role);
	pp_uri_add_query(&query, "account_id", account);
	if (own != NULL)
		url = pp_asprintf("%s/federation/credentials?%s", own,
		    query.data);
	else
		url = pp_asprintf(
		    "https://portal.sso.%s.%s/federation/credentials?%s",
		    region, pp_partition_of(region)->suffix, query.data);
	pp_buf_release(&query);
	return url;
}

void
pp_cred_sso(struct pp_aws_chain *c)
{
	const char *session = profile_setting(c, "sso_session");
	const char *start = sso_setting(c, "sso_start_url");
	const char *region = sso_setting(c, "sso_region");
	const char *account = profile_setting(c, "sso_account_id");
	const char *role = profile_setting(c, "sso_role_name");

	if (start == NULL || region == NULL || account == NULL ||
	    role == NULL || strchr(region, '/') != NULL) {
		pp_cred_failed(c, PP_ECONFIG,
		    "profile '%s' needs sso_start_url, sso_region, "
		    "sso_account_id and sso_role_name",
		    c->plan.profile);
		return;
	}
	if (read_sso_token(c, session != NULL ? session : start) < 0) {
		pp_cred_failed(c, PP_EAUTH,
		    "no SSO login, or it has ended: run 'aws sso login "
		    "--profile %s'",
		    c->plan.profile);
		return;
	}
	set_url(c, sso_url(c, region, role, account));
	ask(c, "GET", NULL, SSO_TIMEOUT_MS, on_sso);
}
