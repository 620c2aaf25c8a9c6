/*
 * Every client at a server that recomputes the signature of each request from
 * the bytes on the wire: with a session token, odd keys, parts and streams.
 */
#include <config.h>

#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "aws/dynamodb.h"
#include "aws/ecs.h"
#include "aws/logs.h"
#include "aws/sns.h"
#include "aws/sts.h"
#include "aws_env.h"
#include "calls.h"
#include "model/model_int.h"

#define ACCESS "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define TOKEN "IQoJb3JpZ2luX2VjE+/token=="

/* Nothing in a key is resolved, folded or read as something else. */
#define ODD_KEY "a b/\xc3\xa9+:=&?#%2F~!*'()@,;/.././/c\\\"<>|/"

struct checked {
	struct verifier server;
	struct pp_aws *aws;
	struct pp_error err;
};

static struct checked
begin(void)
{
	struct checked c = { .err = PP_ERROR_INIT };

	env_clear();
	verifier_start(&c.server, ACCESS, SECRET, TOKEN);
	env_set("AWS_ACCESS_KEY_ID", ACCESS);
	env_set("AWS_SECRET_ACCESS_KEY", SECRET);
	env_set("AWS_SESSION_TOKEN", TOKEN);
	env_set("AWS_ENDPOINT_URL", c.server.url);
	c.aws = env_aws();
	return c;
}

/* What the server has noted under a name. */
static void
check_noted(struct checked *c, const char *name, const char *expected)
{
	struct pp_buf got = PP_BUF_INIT;
	char url[128];

	snprintf(url, sizeof url, "%s%s", c->server.url, name);
	assert_int_equal(plain_request("GET", url, NULL, &got), 200);
	assert_string_equal(got.data, expected);
	pp_buf_release(&got);
}

/* No signature was wrong, and these are the requests that came. */
static void
end(struct checked *c, const char *expected)
{
	check_noted(c, "/__wrong", "");
	check_noted(c, "/__signed", expected);
	pp_aws_free(c->aws);
	verifier_stop(&c->server);
}

/* ---- S3 ---- */

static int
count_listed(void *arg, const struct pp_s3_listed *object, struct pp_error *err)
{
	(void)err;
	assert_string_equal(object->key, "a b");
	++*(int *)arg;
	return 0;
}

static void
use_object(struct checked *c, struct pp_s3 *s3, const char *key)
{
	struct pp_s3_put plain = { .key = key, .data = "xyz", .len = 3 };
	struct pp_s3_put made = plain, changed = plain;
	const char *keys[] = { key, "another object" };
	struct pp_buf body = PP_BUF_INIT;
	struct pp_s3_info info;
	int listed = 0;

	made.if_none = true;
	made.tags = "class=output&kind=a%20b";
	changed.if_match = "\"e\"";
	assert_ok(pp_s3_put(s3, &plain, NULL, &c->err), c->err);
	assert_ok(pp_s3_put(s3, &made, NULL, &c->err), c->err);
	assert_ok(pp_s3_put(s3, &changed, NULL, &c->err), c->err);
	assert_ok(pp_s3_get(s3, key, &body, NULL, &c->err), c->err);
	assert_ok(pp_s3_get_range(s3, key, 1, 2, &body, &c->err), c->err);
	assert_string_equal(body.data, "xxxxx");
	assert_ok(pp_s3_head(s3, key, &info, &c->err), c->err);
	assert_ok(pp_s3_list(s3, key, key, 7, count_listed, &listed, &c->err),
	    c->err);
	assert_int_equal(listed, 1);
	assert_ok(pp_s3_restore(s3, key, 1, "Bulk", &c->err), c->err);
	assert_ok(pp_s3_delete(s3, key, &c->err), c->err);
	assert_ok(pp_s3_delete_all(s3, keys, 2, &c->err), c->err);
	pp_buf_release(&body);
}

static void
objects_are_signed(void **state)
{
	static const char *const keys[] = { "object", "jobs/1/object",
		ODD_KEY "object" };
	struct checked c = begin();
	struct pp_s3 *s3 = pp_s3_new(c.aws, "bkt", &c.err);

	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		use_object(&c, s3, keys[i]);
	pp_s3_free(s3);
	end(&c,
	    "s3 DELETE\ns3 GET\ns3 GET list-type\ns3 GET range\ns3 HEAD\n"
	    "s3 POST delete\ns3 POST restore\ns3 PUT\ns3 PUT if-match\n"
	    "s3 PUT x-amz-tagging if-none-match");
}

/* Up in parts, of which each is a stream, and down in ranges. */
static void
large_objects_are_signed(void **state)
{
	static const char key[] = ODD_KEY "large";
	struct checked c = begin();
	struct pp_s3 *s3 = pp_s3_new(c.aws, "bkt", &c.err);
	struct pp_buf body = PP_BUF_INIT;
	char path[] = "/tmp/pp-signed-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(ftruncate(fd, 9 << 20), 0);
	close(fd);
	assert_ok(pp_s3_put_file(s3, key, path, "class=output", &c.err), c.err);
	assert_ok(pp_s3_get(s3, key, &body, NULL, &c.err), c.err);
	assert_int_equal(body.len, 9 << 20);
	unlink(path);
	pp_buf_release(&body);
	pp_s3_free(s3);
	end(&c,
	    "s3 GET\ns3 GET range if-match\ns3 HEAD\ns3 POST uploadId\n"
	    "s3 POST uploads\ns3 PUT partNumber");
}

static void
urls_are_signed(void **state)
{
	static const char *const methods[] = { "GET", "PUT" };
	struct checked c = begin();
	struct pp_s3 *s3 = pp_s3_new(c.aws, "bkt", &c.err);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pp_buf url = PP_BUF_INIT;

		assert_ok(pp_s3_presign(s3, methods[i], ODD_KEY "object", 60,
			      &url, &c.err),
		    c.err);
		assert_int_equal(plain_request(methods[i], url.data, NULL,
				     NULL),
		    200);
		pp_buf_release(&url);
	}
	pp_s3_free(s3);
	end(&c, "s3 GET X-Amz-Signature\ns3 PUT X-Amz-Signature");
}

/* ---- DynamoDB ---- */

static int
pass_item(void *arg, const struct pp_json *item, struct pp_error *err)
{
	(void)arg;
	(void)item;
	(void)err;
	return 0;
}

static struct pp_ddb_action *
add_put(struct pp_ddb_transaction *t)
{
	struct pp_ddb_action *put = pp_ddb_add(t, PP_DDB_PUT, "T",
	    "attribute_not_exists(#k)");

	pp_ddb_put_text(&put->item, "k", "\xc3\xa9+:=");
	return put;
}

static void
items_are_signed(void **state)
{
	struct checked c = begin();
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	struct pp_ddb_query q = {
		.table = "T", .key = "#k = :k", .values = PP_BUF_INIT
	};
	struct pp_buf key = PP_BUF_INIT;
	struct pp_ddb_reply r = { 0 };
	const struct pp_json *item;

	(void)state;
	pp_ddb_put_text(&key, "k", "\xc3\xa9+:=");
	pp_ddb_put_text(&q.values, ":k", "\xc3\xa9");
	assert_ok(pp_ddb_write(c.aws, add_put(&t), &c.err), c.err);
	pp_ddb_transaction_release(&t);
	add_put(&t);
	assert_ok(pp_ddb_commit(c.aws, &t, NULL, &c.err), c.err);
	add_put(&t)->condition = NULL;
	assert_ok(pp_ddb_write_all(c.aws, &t, &c.err), c.err);
	assert_int_equal(pp_ddb_read(c.aws, "T", &key, &r, &item, &c.err), 0);
	pp_ddb_reply_release(&r);
	assert_ok(pp_ddb_query(c.aws, &q, pass_item, NULL, &c.err), c.err);
	assert_ok(pp_ddb_read_all(c.aws, "T", &key, 1, pass_item, NULL, &c.err),
	    c.err);
	pp_buf_release(&key);
	end(&c,
	    "dynamodb BatchGetItem\ndynamodb BatchWriteItem\n"
	    "dynamodb GetItem\ndynamodb PutItem\ndynamodb Query\n"
	    "dynamodb TransactWriteItems");
}

/* ---- STS, SNS, ECS, logs ---- */

static int
pass_event(void *arg, const struct pp_logs_event *e, struct pp_error *err)
{
	(void)arg;
	(void)e;
	(void)err;
	return 0;
}

static void
plain_services_are_signed(void **state)
{
	static const char *const command[] = { "--job", "\xc3\xa9", NULL };
	struct pp_ecs_run run = { .cluster = "c",
		.task_definition = "worker:1",
		.container = "worker",
		.subnets = "s-1",
		.security_groups = "sg-1",
		.command = command,
		.count = 1,
		.started_by = "pp/1",
		.client_token = "t" };
	struct pp_logs_filter filter = { .group = "/a b", .text = "x" };
	struct checked c = begin();
	struct pp_sts_identity who;
	struct pp_ecs_tasks tasks = { 0 };

	(void)state;
	assert_ok(pp_sts_caller(c.aws, &who, &c.err), c.err);
	pp_sts_identity_release(&who);
	assert_ok(pp_sns_publish(c.aws, "arn:aws:sns:us-east-1:1:t", "a&b",
		      "\xc3\xa9 +", &c.err),
	    c.err);
	assert_ok(pp_ecs_run(c.aws, &run, &tasks, &c.err), c.err);
	assert_ok(pp_ecs_list(c.aws, "c", "pp/1", NULL, &tasks, &c.err), c.err);
	assert_ok(pp_ecs_stop(c.aws, "c", "t", "why", &c.err), c.err);
	assert_ok(pp_logs_filter(c.aws, &filter, pass_event, NULL, &c.err),
	    c.err);
	pp_ecs_tasks_release(&tasks);
	end(&c,
	    "ecs ListTasks\necs RunTask\necs StopTask\n"
	    "logs FilterLogEvents\nsns POST Action=Publish\n"
	    "sts POST Action=GetCallerIdentity");
}

/* With keys that sign for others: those of a role, got by a signed call. */
static void
an_assumed_role_is_signed(void **state)
{
	struct checked c = begin();
	struct pp_sts_identity who;

	(void)state;
	pp_aws_free(c.aws);
	env_write(".aws/config",
	    "[profile role]\nrole_arn = arn:aws:iam::1:role/r\n"
	    "source_profile = base\nexternal_id = a+b\n"
	    "[profile base]\naws_access_key_id = " ACCESS
	    "\naws_secret_access_key = " SECRET "\naws_session_token = " TOKEN
	    "\n");
	env_set("AWS_ACCESS_KEY_ID", "");
	env_set("AWS_PROFILE", "role");
	c.aws = env_aws();
	assert_ok(pp_sts_caller(c.aws, &who, &c.err), c.err);
	pp_sts_identity_release(&who);
	end(&c,
	    "sts POST Action=AssumeRole\n"
	    "sts POST Action=GetCallerIdentity");
}

/* ---- Bedrock ---- */

static void
model_calls_are_signed(void **state)
{
	static const struct {
		const char *id, *invoke_model, *guardrail;
	} rows[] = {
		{ "us.meta.llama3-1-8b-instruct-v1:0", "false", NULL },
		{ "arn:aws:bedrock:us-east-1:1:inference-profile/x.y:0",
		    "false", NULL },
		{ "us.amazon.nova-pro-v1:0", "true", "guard rail:1" },
	};
	struct checked c = begin();

	(void)state;
	setenv("HOME", env_get("HOME"), 1);
	setenv("AWS_REGION", "us-east-1", 1);
	setenv("AWS_ACCESS_KEY_ID", ACCESS, 1);
	setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
	setenv("AWS_SESSION_TOKEN", TOKEN, 1);
	setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", c.server.url, 1);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_call call = { .prompt = "\xc3\xa9",
			.prompt_len = 2,
			.max_tokens = 10,
			.attempt_id = "a-1" };
		struct calls s;
		struct got g;

		calls_open(&s, "bedrock", rows[i].id);
		pp_model_set(&s.model, "invoke_model", rows[i].invoke_model,
		    NULL);
		pp_model_set(&s.model, "guardrail", rows[i].guardrail, NULL);
		pp_invoker_set_run(s.invoker, "job-7");
		call.model = &s.model;
		calls_ask(&s, &call, &g);
		assert_int_equal(g.answer.class, PP_CALL_OK);
		assert_string_equal(g.text, "yes");
		calls_close(&s);
	}
	end(&c, "bedrock POST");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_signed),
		cmocka_unit_test(large_objects_are_signed),
		cmocka_unit_test(urls_are_signed),
		cmocka_unit_test(items_are_signed),
		cmocka_unit_test(plain_services_are_signed),
		cmocka_unit_test(an_assumed_role_is_signed),
		cmocka_unit_test(model_calls_are_signed),
	};

	return cmocka_run_group_tests_name("aws_signed", tests, NULL, NULL);
}
