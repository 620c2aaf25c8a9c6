/*
 * Plain clients: what STS, SNS, ECS and Logs are sent, and what their replies mean.
 */
#include <config.h>

#include "test.h"

#include <stdio.h>

#include "aws/ecs.h"
#include "aws/logs.h"
#include "aws/sns.h"
#include "aws/sts.h"
#include "aws_env.h"
#include "base/mem.h"
#include "server.h"

#define OK "HTTP/1.1 200 OK\r\n\r\n"
#define NO "HTTP/1.1 400 Bad Request\r\n\r\n"

/* ---- STS ---- */

static void
test_caller(void **state)
{
	static const struct script reply = { OK
		"<GetCallerIdentityResponse><GetCallerIdentityResult>"
		"<Arn>arn:aws:iam::1:user/ann</Arn><UserId>AID</UserId>"
		"<Account>1</Account></GetCallerIdentityResult>"
		"</GetCallerIdentityResponse>",
		0, false };
	struct world w = world_begin(&reply, 1);
	struct pp_sts_identity who;

	(void)state;
	assert_ok(pp_sts_caller(w.aws, &who, &w.err), w.err);
	assert_string_equal(who.arn, "arn:aws:iam::1:user/ann");
	assert_string_equal(who.account, "1");
	assert_string_equal(who.user_id, "AID");
	assert_string_equal(world_body(&w),
	    "Action=GetCallerIdentity&Version=2011-06-15");
	pp_sts_identity_release(&who);
	world_end(&w);
}

static void
test_names(void **state)
{
	static const struct {
		const char *arn, *name;
	} rows[] = {
		{ "arn:aws:iam::1:user/ann", "ann" },
		{ "arn:aws:iam::1:user/team/a/ann", "ann" },
		{ "arn:aws:iam::1:root", "root" },
		{ "arn:aws:sts::1:assumed-role/worker/i-0abc", "worker" },
		{ "arn:aws:sts::1:assumed-role/worker/ann", "worker" },
		{ "arn:aws-cn:sts::1:assumed-role/AWSReservedSSO_Dev_1f/"
		  "ann@example.com",
		    "ann_40example.com" },
		{ "arn:aws:iam::1:user/-a+b", "_2Da_2Bb" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *name = pp_sts_name(rows[i].arn);

		assert_string_equal(name, rows[i].name);
		free(name);
	}
}

/* ---- SNS ---- */

static void
test_publish(void **state)
{
	static const struct script reply = { OK "<PublishResponse/>", 0,
		false };
	struct world w = world_begin(&reply, 1);

	(void)state;
	assert_ok(pp_sns_publish(w.aws, "arn:aws:sns:us-east-1:1:t",
		      "a\nb \xc3\xa9", "{\"x\": \"\xc3\xa9&=+\"}", &w.err),
	    w.err);
	assert_string_equal(world_body(&w),
	    "Action=Publish&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns%3A"
	    "us-east-1%3A1%3At&Subject=a%3Fb%20%3F%3F&Message=%7B%22x%22%3A%20"
	    "%22%C3%A9%26%3D%2B%22%7D");
	assert_fails(pp_sns_publish(w.aws, "topic", "s", "m", &w.err), w.err,
	    PP_ECONFIG);
	assert_int_equal(scripted_requests(w.server), 1);
	world_end(&w);
}

/* ---- ECS ---- */

static void
test_run_task(void **state)
{
	static const struct script replies[] = {
		{ OK "{\"tasks\":[{\"taskArn\":\"arn:t1\",\"lastStatus\":"
		     "\"PROVISIONING\"},{\"taskArn\":\"arn:t2\"}],"
		     "\"failures\":[{\"arn\":\"x\",\"reason\":\"Capacity is "
		     "unavailable at this time\"}]}",
		    0, false },
		{ OK "{\"tasks\":[],\"failures\":[]}", 0, false },
	};
	static const char *const command[] = { "--job", "j\"1", NULL };
	struct pp_ecs_run r = { .cluster = "c",
		.task_definition = "family:3",
		.container = "worker",
		.subnets = "s-1,s-2,s-3",
		.security_groups = "sg-1",
		.public_ip = true,
		.command = command,
		.count = 3,
		.started_by = "j1",
		.client_token = "tok" };
	struct world w = world_begin(replies, 2);
	struct pp_ecs_tasks tasks = { 0 };

	(void)state;
	assert_ok(pp_ecs_run(w.aws, &r, &tasks, &w.err), w.err);
	assert_int_equal(tasks.count, 2);
	assert_string_equal(tasks.arns[1], "arn:t2");
	assert_int_equal(tasks.failures, 1);
	assert_string_equal(tasks.reason,
	    "Capacity is unavailable at this time");
	assert_non_null(strstr(scripted_last(w.server),
	    "X-Amz-Target: AmazonEC2ContainerServiceV20141113.RunTask\r\n"));
	assert_string_equal(world_body(&w),
	    "{\"cluster\":\"c\",\"taskDefinition\":\"family:3\","
	    "\"capacityProviderStrategy\":[{\"capacityProvider\":"
	    "\"FARGATE_SPOT\",\"weight\":1}],\"networkConfiguration\":{"
	    "\"awsvpcConfiguration\":{\"subnets\":[\"s-1\",\"s-2\",\"s-3\"],"
	    "\"securityGroups\":[\"sg-1\"],\"assignPublicIp\":\"ENABLED\"}},"
	    "\"overrides\":{\"containerOverrides\":[{\"name\":\"worker\","
	    "\"command\":[\"--job\",\"j\\\"1\"]}]},\"count\":3,"
	    "\"startedBy\":\"j1\",\"clientToken\":\"tok\","
	    "\"propagateTags\":\"TASK_DEFINITION\"}");
	r.on_demand = true;
	r.command = NULL;
	assert_fails(pp_ecs_run(w.aws, &r, &tasks, &w.err), w.err, PP_EUNAVAIL);
	assert_non_null(strstr(world_body(&w), "\"launchType\":\"FARGATE\""));
	assert_null(strstr(world_body(&w), "capacityProvider"));
	assert_non_null(strstr(world_body(&w),
	    "\"overrides\":{\"containerOverrides\":[{\"name\":\"worker\","
	    "\"environment\":[{\"name\":\"PP_ON_DEMAND\","
	    "\"value\":\"1\"}]}]},"));
	pp_ecs_tasks_release(&tasks);
	world_end(&w);
}

static void
test_list_and_stop(void **state)
{
	static const struct script replies[] = {
		{ OK "{\"taskArns\":[\"a\",\"b\"],\"nextToken\":\"n\"}", 0,
		    false },
		{ OK "{\"taskArns\":[\"c\"]}", 0, false },
		{ OK "{\"task\":{}}", 0, false },
		{ NO "{\"__type\":\"InvalidParameterException\",\"message\":"
		     "\"The referenced task was not found.\"}",
		    0, false },
		{ NO "{\"__type\":\"ClusterNotFoundException\"}", 0, false },
	};
	struct world w = world_begin(replies, 5);
	struct pp_ecs_tasks tasks = { 0 };

	(void)state;
	assert_ok(pp_ecs_list(w.aws, "c", NULL,
		      "arn:aws:ecs:us-east-1:1:task-definition/fam:7", &tasks,
		      &w.err),
	    w.err);
	assert_int_equal(tasks.count, 3);
	assert_string_equal(world_body(&w),
	    "{\"cluster\":\"c\",\"family\":\"fam\",\"desiredStatus\":"
	    "\"RUNNING\",\"nextToken\":\"n\"}");
	assert_ok(pp_ecs_stop(w.aws, "c", "a", "why", &w.err), w.err);
	assert_string_equal(world_body(&w),
	    "{\"cluster\":\"c\",\"task\":\"a\",\"reason\":\"why\"}");
	assert_ok(pp_ecs_stop(w.aws, "c", "a", "why", &w.err), w.err);
	assert_fails(pp_ecs_stop(w.aws, "c", "a", "why", &w.err), w.err,
	    PP_ENOENT);
	pp_ecs_tasks_release(&tasks);
	world_end(&w);
}

static void
test_self(void **state)
{
	static const struct script replies[] = {
		{ OK "{\"Cluster\":\"arn:c\",\"TaskARN\":\"arn:task/1\","
		     "\"Limits\":{\"CPU\":0.25,\"Memory\":512},"
		     "\"AvailabilityZone\":\"us-east-1a\",\"Containers\":[]}",
		    0, false },
		{ "HTTP/1.1 500 No\r\n\r\n", 0, false },
	};
	struct scripted *s = scripted_start_in_order(replies, 2);
	struct pp_error err = PP_ERROR_INIT;
	struct pp_ecs_self self;
	char *base = pp_asprintf("%s/v4/x", scripted_url(s));

	(void)state;
	unsetenv("ECS_CONTAINER_METADATA_URI_V4");
	assert_ok(pp_ecs_self(&self, &err), err);
	assert_string_equal(self.task_arn, "");
	setenv("ECS_CONTAINER_METADATA_URI_V4", base, 1);
	assert_ok(pp_ecs_self(&self, &err), err);
	assert_string_equal(self.task_arn, "arn:task/1");
	assert_string_equal(self.availability_zone, "us-east-1a");
	assert_true(self.vcpus == 0.25 && self.memory_mib == 512);
	assert_memory_equal(scripted_last(s), "GET /v4/x/task HTTP", 19);
	assert_fails(pp_ecs_self(&self, &err), err, PP_EUNAVAIL);
	unsetenv("ECS_CONTAINER_METADATA_URI_V4");
	free(base);
	scripted_stop(s);
}

/* ---- CloudWatch Logs ---- */

static int
note_event(void *arg, const struct pp_logs_event *e, struct pp_error *err)
{
	(void)err;
	pp_buf_addf(arg, "%s@%lld %s\n", e->id, (long long)e->at_ms,
	    e->message);
	return 0;
}

static void
test_filter_logs(void **state)
{
	static const struct script pages[] = {
		{ OK "{\"events\":[{\"eventId\":\"1\",\"timestamp\":5,"
		     "\"message\":\"a \\\"b\\\"\",\"logStreamName\":\"s\"}],"
		     "\"nextToken\":\"more\"}",
		    0, false },
		{ OK "{\"events\":[],\"nextToken\":\"yet more\"}", 0, false },
		{ OK "{\"events\":[{\"eventId\":\"2\",\"timestamp\":6,"
		     "\"message\":\"c\"}],\"searchedLogStreams\":[]}",
		    0, false },
	};
	static const struct pp_logs_filter filter = { "/g", "job-1", 4 };
	struct world w = world_begin(pages, 3);
	struct pp_buf got = PP_BUF_INIT;

	(void)state;
	assert_ok(pp_logs_filter(w.aws, &filter, note_event, &got, &w.err),
	    w.err);
	assert_string_equal(got.data, "1@5 a \"b\"\n2@6 c\n");
	assert_int_equal(scripted_requests(w.server), 3);
	assert_non_null(strstr(scripted_last(w.server),
	    "X-Amz-Target: Logs_20140328.FilterLogEvents"));
	assert_string_equal(world_body(&w),
	    "{\"logGroupName\":\"/g\",\"filterPattern\":\"\\\"job-1\\\"\","
	    "\"startTime\":4,\"nextToken\":\"yet more\"}");
	pp_buf_release(&got);
	world_end(&w);
}

static void
test_logs_that_are_not(void **state)
{
	static const struct {
		const char *name, *reply;
		enum pp_code code;
	} rows[] = {
		{ "no such group",
		    NO "{\"__type\":\"ResourceNotFoundException\","
		       "\"message\":\"no group\"}",
		    PP_ENOENT },
		{ "not JSON", OK "<html>", PP_EDATA },
		{ "an event without a time",
		    OK "{\"events\":[{\"eventId\":\"1\",\"message\":\"x\"}]}",
		    PP_EUNAVAIL },
	};
	static const struct pp_logs_filter filter = { "/g", "j", 0 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct script reply = { rows[i].reply, 0, false };
		struct world w = world_begin(&reply, 1);
		struct pp_buf got = PP_BUF_INIT;

		print_message("%s\n", rows[i].name);
		assert_fails(pp_logs_filter(w.aws, &filter, note_event, &got,
				 &w.err),
		    w.err, rows[i].code);
		pp_buf_release(&got);
		world_end(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_caller),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_run_task),
		cmocka_unit_test(test_list_and_stop),
		cmocka_unit_test(test_filter_logs),
		cmocka_unit_test(test_logs_that_are_not),
		cmocka_unit_test(test_self),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
