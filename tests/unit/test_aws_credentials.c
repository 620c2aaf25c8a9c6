/*
 * Where credentials come from, in the SDKs' order; and that they are fetched
 * once, ahead of their end, however many calls want them.
 */
#include <config.h>

#include "test.h"

#include <stdio.h>

#include "aws/aws_int.h"
#include "aws/credentials.h"
#include "aws/request.h"
#include "aws_env.h"
#include "base/clock.h"
#include "base/mem.h"
#include "server.h"

#define OK "HTTP/1.1 200 OK\r\n\r\n"
#define KEYS(id) \
	"\"AccessKeyId\":\"" id "\",\"SecretAccessKey\":\"s-" id "\"," \
	"\"Token\":\"t\",\"Expiration\":\"2099-01-01T00:00:00Z\""
#define STS_KEYS(id) \
	OK "<R><Credentials><AccessKeyId>" id "</AccessKeyId>" \
	   "<SecretAccessKey>s-" id "</SecretAccessKey><SessionToken>t&amp;1" \
	   "</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>" \
	   "</Credentials></R>"

/* The source that is found, or the error. */
static void
check_source(const char *name, const char *says)
{
	struct pp_aws *a = env_aws();
	struct pp_error err = PP_ERROR_INIT;
	char source[256] = "";

	if (pp_aws_keys_find(a, source, sizeof source, &err) < 0)
		snprintf(source, sizeof source, "%.200s", err.text);
	if (strstr(source, says) == NULL)
		fail_msg("%s: '%s' instead of '%s'", name, source, says);
	pp_aws_free(a);
}

/* ---- files and the environment ---- */

#define STATIC "aws_access_key_id = AKID\naws_secret_access_key = s\n"

static void
test_order(void **state)
{
	static const struct {
		const char *name;
		const char *env[8]; /* name, value ... */
		const char *config, *credentials, *says;
	} rows[] = {
		{ "nothing", { NULL }, NULL, NULL, "no AWS credentials" },
		{ "the environment",
		    { "AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "b" },
		    NULL, "[default]\n" STATIC, "the environment" },
		{ "the environment before AWS_PROFILE",
		    { "AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "b",
			"AWS_PROFILE", "p" },
		    NULL, "[p]\n" STATIC, "the environment" },
		{ "half of the environment", { "AWS_ACCESS_KEY_ID", "a" }, NULL,
		    "[default]\n" STATIC, "go together" },
		{ "credentials file", { NULL }, NULL, "[default]\n" STATIC,
		    "profile 'default'" },
		{ "config file", { NULL }, "[default]\n" STATIC, NULL,
		    "profile 'default'" },
		{ "a profile of the config file", { "AWS_PROFILE", "dev" },
		    "# comment\n[profile dev]\nregion = eu-west-1\n"
		    "s3 =\n  addressing_style = path\n\n" STATIC,
		    NULL, "profile 'dev'" },
		{ "a profile without the word, which is none",
		    { "AWS_PROFILE", "p" },
		    "[p]\nregion = x\n[profile p]\nregion = y\n",
		    "[p]\n" STATIC, "profile 'p'" },
		{ "half a profile", { NULL }, NULL,
		    "[default]\naws_access_key_id = x\n",
		    "no aws_secret_access_key" },
		{ "a second factor", { NULL },
		    "[default]\nrole_arn = r\nsource_profile = b\n"
		    "mfa_serial = m\n[profile b]\n" STATIC,
		    NULL, "second factor" },
		{ "a chain that is a loop", { NULL },
		    "[default]\nrole_arn = r\nsource_profile = b\n"
		    "[profile b]\nrole_arn = r2\nsource_profile = default\n",
		    NULL, "loop" },
		{ "a source that is not there", { NULL },
		    "[default]\nrole_arn = r\nsource_profile = b\n", NULL,
		    "no profile 'b'" },
		{ "a role without a source", { NULL },
		    "[default]\nrole_arn = r\n", NULL, "neither a source" },
		{ "an unknown credential_source", { NULL },
		    "[default]\nrole_arn = r\ncredential_source = Moon\n", NULL,
		    "'Moon'" },
		{ "a container's endpoint that is not one",
		    { "AWS_CONTAINER_CREDENTIALS_FULL_URI",
			"http://example.com/x" },
		    NULL, NULL, "neither https nor" },
		{ "one that looks like one",
		    { "AWS_CONTAINER_CREDENTIALS_FULL_URI",
			"http://localhost@example.com/x" },
		    NULL, NULL, "neither https nor" },
		{ "one that begins like one",
		    { "AWS_CONTAINER_CREDENTIALS_FULL_URI",
			"http://127.0.0.1.example.com/x" },
		    NULL, NULL, "neither https nor" },
		{ "no SSO login", { NULL },
		    "[default]\nsso_session = s\nsso_account_id = 1\n"
		    "sso_role_name = r\n[sso-session s]\nsso_region = "
		    "us-east-1\nsso_start_url = https://x\n",
		    NULL, "aws sso login" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		env_clear();
		for (size_t k = 0; k < 8 && rows[i].env[k] != NULL; k += 2)
			env_set(rows[i].env[k], rows[i].env[k + 1]);
		if (rows[i].config != NULL)
			env_write(".aws/config", rows[i].config);
		if (rows[i].credentials != NULL)
			env_write(".aws/credentials", rows[i].credentials);
		check_source(rows[i].name, rows[i].says);
	}
}

static void
test_settings(void **state)
{
	struct pp_buf url = PP_BUF_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_aws *a;

	(void)state;
	env_clear();
	env_set("AWS_REGION", NULL);
	env_set("AWS_PROFILE", "dev");
	env_write(".aws/config",
	    "[profile dev]\nregion = cn-north-1 # a comment\n"
	    "s3 =\n  addressing_style = virtual\nservices = local\n"
	    "endpoint_url = http://127.0.0.1:1\n"
	    "[services local]\ndynamodb =\n"
	    "  endpoint_url = http://127.0.0.1:2/\n");
	a = env_aws();
	assert_string_equal(pp_aws_region(a), "cn-north-1");
	assert_string_equal(pp_aws_partition(a), "aws-cn");
	assert_string_equal(pp_aws_setting(a, "s3.addressing_style"),
	    "virtual");
	assert_ok(pp_aws_endpoint(a, PP_AWS_DYNAMODB, NULL, &url, &err), err);
	assert_string_equal(url.data, "http://127.0.0.1:2");
	pp_buf_clear(&url);
	assert_ok(pp_aws_endpoint(a, PP_AWS_S3, "bkt", &url, &err), err);
	assert_string_equal(url.data, "http://bkt.127.0.0.1:1");
	pp_buf_release(&url);
	pp_aws_free(a);
}

/* Of all that may name DynamoDB's endpoint the nearest counts. */
static void
test_endpoint_order(void **state)
{
	static const struct {
		const char *of_service, *of_all, *profile, *ignored, *url;
	} rows[] = {
		{ "http://127.0.0.1:1", "http://127.0.0.1:2", "local", NULL,
		    "http://127.0.0.1:1" },
		{ NULL, "http://127.0.0.1:2", "local", NULL,
		    "http://127.0.0.1:2" },
		{ NULL, NULL, "local", NULL, "http://127.0.0.1:3" },
		{ NULL, NULL, "plain", NULL, "http://127.0.0.1:4" },
		{ "http://127.0.0.1:1", "http://127.0.0.1:2", "local", "true",
		    "https://dynamodb.us-east-1.amazonaws.com" },
		{ NULL, NULL, "ignoring", NULL,
		    "https://dynamodb.us-east-1.amazonaws.com" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_buf url = PP_BUF_INIT;
		struct pp_error err = PP_ERROR_INIT;
		struct pp_aws *a;

		env_clear();
		env_set("AWS_PROFILE", rows[i].profile);
		env_set("AWS_ENDPOINT_URL_DYNAMODB", rows[i].of_service);
		env_set("AWS_ENDPOINT_URL", rows[i].of_all);
		env_set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", rows[i].ignored);
		env_write(".aws/config",
		    "[profile local]\nservices = here\n"
		    "endpoint_url = http://127.0.0.1:4\n"
		    "[profile plain]\nendpoint_url = http://127.0.0.1:4\n"
		    "[profile ignoring]\nendpoint_url = http://127.0.0.1:4\n"
		    "ignore_configured_endpoint_urls = true\n"
		    "[services here]\ndynamodb =\n"
		    "  endpoint_url = http://127.0.0.1:3\n");
		a = env_aws();
		assert_ok(pp_aws_endpoint(a, PP_AWS_DYNAMODB, NULL, &url, &err),
		    err);
		assert_string_equal(url.data, rows[i].url);
		pp_buf_release(&url);
		pp_aws_free(a);
	}
}

static void
test_own_endpoint_is_neither_fips_nor_dual(void **state)
{
	static const char *const wanted[] = { "AWS_USE_FIPS_ENDPOINT",
		"AWS_USE_DUALSTACK_ENDPOINT" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pp_buf url = PP_BUF_INIT;
		struct pp_error err = PP_ERROR_INIT;
		struct pp_aws *a;

		env_clear();
		env_set("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
		env_set(wanted[i], "true");
		a = env_aws();
		assert_fails(pp_aws_endpoint(a, PP_AWS_S3, "bkt", &url, &err),
		    err, PP_ECONFIG);
		pp_buf_release(&url);
		pp_aws_free(a);
	}
}

static void
test_endpoints(void **state)
{
	static const struct {
		const char *region, *fips, *dual;
		enum pp_aws_service service;
		const char *bucket, *url; /* url NULL: an error */
	} rows[] = {
		{ "us-east-1", NULL, NULL, PP_AWS_DYNAMODB, NULL,
		    "https://dynamodb.us-east-1.amazonaws.com" },
		{ "cn-north-1", NULL, NULL, PP_AWS_STS, NULL,
		    "https://sts.cn-north-1.amazonaws.com.cn" },
		{ "cn-north-1", NULL, NULL, PP_AWS_BEDROCK_RUNTIME, NULL,
		    NULL },
		{ "us-gov-west-1", "true", NULL, PP_AWS_BEDROCK_RUNTIME, NULL,
		    "https://bedrock-runtime-fips.us-gov-west-1.amazonaws."
		    "com" },
		{ "eu-west-1", NULL, "true", PP_AWS_DYNAMODB, NULL,
		    "https://dynamodb.eu-west-1.api.aws" },
		{ "eu-west-1", NULL, "true", PP_AWS_S3, "my-bucket",
		    "https://my-bucket.s3.dualstack.eu-west-1.amazonaws.com" },
		{ "eu-west-1", "true", "true", PP_AWS_S3, NULL,
		    "https://s3-fips.dualstack.eu-west-1.amazonaws.com" },
		{ "eu-west-1", NULL, NULL, PP_AWS_S3, "my.bucket",
		    "https://s3.eu-west-1.amazonaws.com/my.bucket" },
		{ "eu-west-1", NULL, NULL, PP_AWS_S3, "my-bucket",
		    "https://my-bucket.s3.eu-west-1.amazonaws.com" },
		{ "us-iso-east-1", NULL, "true", PP_AWS_ECS, NULL, NULL },
		{ "eusc-de-east-1", NULL, NULL, PP_AWS_SNS, NULL,
		    "https://sns.eusc-de-east-1.amazonaws.eu" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_buf url = PP_BUF_INIT;
		struct pp_error err = PP_ERROR_INIT;
		struct pp_aws *a;
		int rc;

		env_clear();
		env_set("AWS_REGION", rows[i].region);
		env_set("AWS_USE_FIPS_ENDPOINT", rows[i].fips);
		env_set("AWS_USE_DUALSTACK_ENDPOINT", rows[i].dual);
		a = env_aws();
		rc = pp_aws_endpoint(a, rows[i].service, rows[i].bucket, &url,
		    &err);
		if (rows[i].url == NULL)
			assert_int_equal(rc, -1);
		else
			assert_string_equal(url.data, rows[i].url);
		pp_buf_release(&url);
		pp_aws_free(a);
	}
}

static void
test_refused_settings(void **state)
{
	static const struct {
		const char *name, *value, *config;
	} rows[] = {
		{ "AWS_REGION", "us-east-1.evil.example/", NULL },
		{ "AWS_REGION", "US", NULL },
		{ "AWS_PROFILE", "nobody", NULL },
		{ "AWS_MAX_ATTEMPTS", "0", NULL },
		{ "AWS_ENDPOINT_URL", "ftp://x", NULL },
		{ "AWS_BEARER_TOKEN_BEDROCK", "a\r\nb", NULL },
		{ "AWS_DEFAULT_REGION", "x", "region = x\n" },
		{ "AWS_DEFAULT_REGION", "x", "[default\n" },
	};
	struct pp_aws_options o = { .env = env_get };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct pp_aws *a;

		env_clear();
		env_set(rows[i].name, rows[i].value);
		if (rows[i].config != NULL)
			env_write(".aws/config", rows[i].config);
		a = pp_aws_new(NULL, NULL, &o, &err);
		if (a != NULL)
			fail_msg("%s=%s", rows[i].name, rows[i].value);
		assert_int_equal(err.code, PP_ECONFIG);
	}
}

/* ---- a program that prints keys ---- */

static void
test_process(void **state)
{
	static const struct {
		const char *script, *says;
	} rows[] = {
		{ "echo '{\"Version\":1," KEYS("P") "}'",
		    "credential_process of profile 'default'" },
		{ "echo '{\"Version\":2," KEYS("P") "}'", "Version is not 1" },
		{ "echo nothing", "credential_process: " },
		{ "exit 3", "status 3" },
		{ "kill -9 $$", "status 137" },
		{ "yes | head -c 100000", "too much" },
	};
	char line[256];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		env_clear();
		env_write("a b.sh", rows[i].script);
		snprintf(line, sizeof line,
		    "[default]\ncredential_process = sh \"%s/a b.sh\" 'x y'\n",
		    env_get("HOME"));
		env_write(".aws/config", line);
		check_source(rows[i].script, rows[i].says);
	}
	env_clear();
	env_write(".aws/config", "[default]\ncredential_process = \"x\n");
	check_source("an open quote", "open quote");
	env_clear();
	env_write(".aws/config", "[default]\ncredential_process = /no/such\n");
	check_source("no such program", "status 127");
}

/* ---- roles ---- */

static void
test_roles(void **state)
{
	static const struct script replies[] = { { STS_KEYS("ONE"), 0, false },
		{ STS_KEYS("TWO"), 0, false } };
	struct scripted *s = scripted_start_in_order(replies, 2);
	const char *last;

	(void)state;
	env_clear();
	env_set("AWS_ENDPOINT_URL_STS", scripted_url(s));
	env_write(".aws/config",
	    "[default]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = "
	    "mid\nexternal_id = x/1\nrole_session_name = me\n"
	    "duration_seconds = 900\n"
	    "[profile mid]\nrole_arn = arn:aws:iam::1:role/a\n"
	    "source_profile = base\n[profile base]\n" STATIC);
	check_source("a chain of roles", "role arn:aws:iam::1:role/b");
	assert_int_equal(scripted_requests(s), 2);
	last = scripted_last(s);
	assert_non_null(strstr(last, "Credential=ONE/"));
	assert_non_null(strcasestr(last, "X-Amz-Security-Token: t&1\r\n"));
	assert_non_null(strstr(last,
	    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A"
	    "%3A1%3Arole%2Fb&RoleSessionName=me&ExternalId=x%2F1&"
	    "DurationSeconds=900"));
	scripted_stop(s);
}

static void
test_role_refused(void **state)
{
	static const struct script reply = {
		"HTTP/1.1 403 No\r\n\r\n<ErrorResponse><Error><Code>AccessDenied"
		"</Code><Message>not you</Message></Error></ErrorResponse>",
		0, false
	};
	struct scripted *s = scripted_start_in_order(&reply, 1);

	(void)state;
	env_clear();
	env_set("AWS_ENDPOINT_URL_STS", scripted_url(s));
	env_write(".aws/config",
	    "[default]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = "
	    "default\n" STATIC);
	check_source("a role that is refused",
	    "cannot assume arn:aws:iam::1:role/b: AccessDenied: not you");
	scripted_stop(s);
}

static void
test_web_identity(void **state)
{
	static const struct script reply = { STS_KEYS("WEB"), 0, false };
	struct scripted *s = scripted_start_in_order(&reply, 1);
	char path[128];

	(void)state;
	env_clear();
	env_write("token", "jwt.a+b\n");
	snprintf(path, sizeof path, "%s/token", env_get("HOME"));
	env_set("AWS_ENDPOINT_URL_STS", scripted_url(s));
	env_set("AWS_WEB_IDENTITY_TOKEN_FILE", path);
	env_set("AWS_ROLE_ARN", "arn:aws:iam::1:role/ci");
	check_source("web identity",
	    "web identity, role arn:aws:iam::1:role/ci");
	assert_null(strcasestr(scripted_last(s), "\r\nAuthorization:"));
	assert_non_null(strstr(scripted_last(s),
	    "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn="
	    "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fci&RoleSessionName=plot-palette&"
	    "WebIdentityToken=jwt.a%2Bb"));
	env_set("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/such/file");
	check_source("no token file", "/no/such/file");
	scripted_stop(s);
}

/* ---- endpoints ---- */

static void
test_container(void **state)
{
	static const struct script reply = { OK "{" KEYS("CON") "}", 0, false };
	struct scripted *s = scripted_start_in_order(&reply, 1);
	char text[128];

	(void)state;
	env_clear();
	snprintf(text, sizeof text, "%s/creds", scripted_url(s));
	env_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", text);
	check_source("no token", "the container's endpoint");
	assert_null(strcasestr(scripted_last(s), "\r\nAuthorization:"));
	env_set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic 123");
	check_source("a token", "the container's endpoint");
	assert_non_null(strstr(scripted_last(s),
	    "\r\nAuthorization: Basic 123\r\n"));
	env_write("tok", "from-file");
	snprintf(text, sizeof text, "%s/tok", env_get("HOME"));
	env_set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", text);
	check_source("the file wins", "the container's endpoint");
	assert_non_null(strstr(scripted_last(s),
	    "\r\nAuthorization: from-file\r\n"));
	env_write("tok", "two\r\nlines");
	check_source("a line break", "line break");
	scripted_stop(s);
}

static void
test_instance(void **state)
{
	static const struct script replies[] = { { OK "TOKEN", 0, false },
		{ OK "my-role\n", 0, false },
		{ OK "{" KEYS("IN") "}", 0, false },
		{ "HTTP/1.1 403 No\r\n\r\n", 0, false } };
	struct scripted *s = scripted_start_in_order(replies, 4);

	(void)state;
	env_clear();
	env_set("AWS_EC2_METADATA_DISABLED", NULL);
	env_set("AWS_EC2_METADATA_SERVICE_ENDPOINT", scripted_url(s));
	check_source("an instance", "the instance's role 'my-role'");
	assert_non_null(strstr(scripted_last(s),
	    "GET /latest/meta-data/iam/security-credentials/my-role HTTP"));
	assert_non_null(strcasestr(scripted_last(s),
	    "\r\nX-aws-ec2-metadata-token: TOKEN\r\n"));
	check_source("no token", "status 403");
	scripted_stop(s);
}

static void
test_sso(void **state)
{
	static const struct script reply = { OK
		"{\"roleCredentials\":{\"accessKeyId\":\"SSO\","
		"\"secretAccessKey\":\"s\",\"sessionToken\":\"t\","
		"\"expiration\":4070908800000}}",
		0, false };
	struct scripted *s = scripted_start_in_order(&reply, 1);

	(void)state;
	env_clear();
	env_set("AWS_ENDPOINT_URL_SSO", scripted_url(s));
	env_write(".aws/config",
	    "[default]\nsso_session = work\nsso_account_id = 123456789012\n"
	    "sso_role_name = Dev+Ops\n[sso-session work]\nsso_region = "
	    "us-east-1\nsso_start_url = https://x.awsapps.com/start\n");
	/* sha1("work") */
	env_write(".aws/sso/cache/"
		  "e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json",
	    "{\"accessToken\":\"tok\",\"expiresAt\":\"2099-01-01T00:00:00Z\"}");
	check_source("SSO", "SSO of profile 'default'");
	assert_non_null(strstr(scripted_last(s),
	    "GET /federation/credentials?role_name=Dev%2BOps&account_id="
	    "123456789012 HTTP"));
	assert_non_null(strcasestr(scripted_last(s),
	    "\r\nx-amz-sso_bearer_token: tok\r\n"));
	env_write(".aws/sso/cache/"
		  "e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json",
	    "{\"accessToken\":\"tok\",\"expiresAt\":\"2001-01-01T00:00:00Z\"}");
	check_source("an old login", "aws sso login --profile default");
	scripted_stop(s);
}

/* ---- one fetch for all ---- */

static void
count_keys(void *arg, const struct pp_aws_keys *keys,
    const struct pp_error *err)
{
	(void)err;
	if (keys != NULL)
		(*(int *)arg)++;
}

static void
test_one_fetch_for_all(void **state)
{
	static const struct script reply = { OK "{" KEYS("CON") "}", 0, false };
	struct scripted *s = scripted_start_in_order(&reply, 1);
	struct pp_error err = PP_ERROR_INIT;
	int64_t until = pp_clock_boot_ms() + 120000;
	struct pp_aws *a;
	int got = 0;

	(void)state;
	env_clear();
	env_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", scripted_url(s));
	a = env_aws();
	for (int i = 0; i < 1000; i++) {
		assert_null(pp_aws_keys_now(a));
		pp_aws_keys_wait(a, count_keys, &got);
	}
	assert_int_equal(got, 0);
	while (got < 1000) {
		assert_true(pp_clock_boot_ms() < until);
		assert_ok(pp_loop_turn(pp_aws_loop(a), 100, &err), err);
	}
	assert_int_equal(scripted_requests(s), 1);
	assert_non_null(pp_aws_keys_now(a));
	assert_int_equal(scripted_requests(s), 1);
	pp_aws_keys_expired(a);
	assert_null(pp_aws_keys_now(a));
	pp_aws_free(a);
	scripted_stop(s);
}

/* Keys near their end are still given out while new ones are fetched. */
static void
test_refreshed_ahead(void **state)
{
	char soon[PP_TIME_TEXT_BYTES], first[512];
	struct script replies[] = { { first, 0, false },
		{ OK "{" KEYS("NEW") "}", 0, false } };
	struct pp_error err = PP_ERROR_INIT;
	int64_t until = pp_clock_boot_ms() + 120000;
	const struct pp_aws_keys *keys;
	struct scripted *s;
	struct pp_aws *a;

	(void)state;
	pp_time_format(pp_clock_wall_ms() + 3600000, soon);
	snprintf(first, sizeof first,
	    OK "{\"AccessKeyId\":\"OLD\",\"SecretAccessKey\":\"s\","
	       "\"Token\":\"t\",\"Expiration\":\"%s\"}",
	    soon);
	s = scripted_start_in_order(replies, 2);
	env_clear();
	env_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", scripted_url(s));
	a = env_aws();
	assert_ok(pp_aws_keys_find(a, NULL, 0, &err), err);
	keys = pp_aws_keys_now(a);
	assert_string_equal(keys->access_key, "OLD");
	assert_int_equal(scripted_requests(s), 1);
	/* the servers' clock: twelve minutes before the end */
	a->clock_offset_ms = 3600000 - 12 * 60000;
	keys = pp_aws_keys_now(a);
	assert_non_null(keys);
	assert_string_equal(keys->access_key, "OLD");
	while (strcmp(keys->access_key, "NEW") != 0) {
		assert_true(pp_clock_boot_ms() < until);
		assert_ok(pp_loop_turn(pp_aws_loop(a), 100, &err), err);
		keys = pp_aws_keys_now(a);
		assert_non_null(keys);
	}
	assert_int_equal(scripted_requests(s), 2);
	pp_aws_free(a);
	scripted_stop(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_endpoint_order),
		cmocka_unit_test(test_own_endpoint_is_neither_fips_nor_dual),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_refused_settings),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_role_refused),
		cmocka_unit_test(test_web_identity),
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_instance),
		cmocka_unit_test(test_sso),
		cmocka_unit_test(test_one_fetch_for_all),
		cmocka_unit_test(test_refreshed_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
