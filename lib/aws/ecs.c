#include <config.h>

#include "aws/ecs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/request.h"
#include "base/json.h"
#include "base/mem.h"

#define TARGET "AmazonEC2ContainerServiceV20141113."
#define SELF_TIMEOUT_MS 2000
#define MAX_SELF_BYTES ((size_t)1 << 20)

void
pp_ecs_tasks_release(struct pp_ecs_tasks *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->arns[i]);
	free(t->arns);
	free(t->reason);
	memset(t, 0, sizeof *t);
}

static void
add_task(struct pp_ecs_tasks *t, char *arn)
{
	t->arns = pp_grow(t->arns, t->count, &t->cap, sizeof *t->arns);
	t->arns[t->count++] = arn;
}

/* ---- calls ---- */

static int
call(struct pp_aws *a, const char *operation, const struct pp_buf *body,
    struct pp_aws_reply *reply, struct pp_error *err)
{
	char target[128];
	struct pp_aws_request r = { .service = PP_AWS_ECS,
		.target = target,
		.content_type = "application/x-amz-json-1.1",
		.body = body->data,
		.body_len = body->len };

	snprintf(target, sizeof target, TARGET "%s", operation);
	return pp_aws_call(a, &r, reply, err);
}

static void
put_member(struct pp_buf *b, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	pp_json_put_key(b, name);
	pp_json_put_cstr(b, value);
}

/* "a,b" as ["a","b"]. */
static void
put_list(struct pp_buf *b, const char *name, const char *list)
{
	bool first = true;

	pp_json_put_key(b, name);
	pp_buf_addc(b, '[');
	while (list != NULL && *list != '\0') {
		size_t n = strcspn(list, ",");

		if (n > 0) {
			if (!first)
				pp_buf_addc(b, ',');
			pp_json_put_str(b, list, n);
			first = false;
		}
		list += n + (list[n] == ',');
	}
	pp_buf_addc(b, ']');
}

/* ---- RunTask ---- */

static void
put_network(struct pp_buf *b, const struct pp_ecs_run *r)
{
	pp_json_put_key(b, "networkConfiguration");
	pp_buf_adds(b, "{\"awsvpcConfiguration\":{");
	put_list(b, "subnets", r->subnets);
	if (r->security_groups != NULL && r->security_groups[0] != '\0')
		put_list(b, "securityGroups", r->security_groups);
	put_member(b, "assignPublicIp", r->public_ip ? "ENABLED" : "DISABLED");
	pp_buf_adds(b, "}}");
}

static void
put_command(struct pp_buf *b, const struct pp_ecs_run *r)
{
	pp_json_put_key(b, "command");
	pp_buf_addc(b, '[');
	for (size_t i = 0; r->command[i] != NULL; i++) {
		if (i > 0)
			pp_buf_addc(b, ',');
		pp_json_put_cstr(b, r->command[i]);
	}
	pp_buf_addc(b, ']');
}

/* Nothing that a task can ask says which capacity it is on: we do. */
static void
put_overrides(struct pp_buf *b, const struct pp_ecs_run *r)
{
	if (r->command == NULL && !r->on_demand)
		return;
	pp_json_put_key(b, "overrides");
	pp_buf_adds(b, "{\"containerOverrides\":[{");
	put_member(b, "name", r->container);
	if (r->command != NULL)
		put_command(b, r);
	if (r->on_demand)
		pp_buf_adds(b,
		    ",\"environment\":[{\"name\":\"PP_ON_DEMAND\","
		    "\"value\":\"1\"}]");
	pp_buf_adds(b, "}]}");
}

/*
 * Spot is a strategy, and never a launch type with it; on demand is a launch
 * type, which clusters without capacity providers have too.
 */
static void
put_run(struct pp_buf *b, const struct pp_ecs_run *r)
{
	pp_buf_addc(b, '{');
	put_member(b, "cluster", r->cluster);
	put_member(b, "taskDefinition", r->task_definition);
	if (r->on_demand)
		put_member(b, "launchType", "FARGATE");
	else
		pp_buf_adds(b,
		    ",\"capacityProviderStrategy\":[{\"capacityProvider\":"
		    "\"FARGATE_SPOT\",\"weight\":1}]");
	put_network(b, r);
	put_overrides(b, r);
	pp_json_put_key(b, "count");
	pp_json_put_int(b, r->count);
	put_member(b, "startedBy", r->started_by);
	put_member(b, "clientToken", r->client_token);
	put_member(b, "propagateTags", "TASK_DEFINITION");
	pp_buf_addc(b, '}');
}

static char *
text_of(const struct pp_json *o, const char *name)
{
	const struct pp_json *v = pp_json_get(o, name);

	return v != NULL && v->type == PP_JSON_STRING ? pp_json_strdup(v) :
							NULL;
}

static void
add_failure(struct pp_ecs_tasks *t, const struct pp_json *failure)
{
	char *reason, *detail;

	t->failures++;
	if (t->reason != NULL)
		return;
	reason = text_of(failure, "reason");
	detail = text_of(failure, "detail");
	t->reason = pp_asprintf("%s%s%s",
	    reason != NULL ? reason : "no reason was given",
	    detail != NULL ? ": " : "", detail != NULL ? detail : "");
	free(reason);
	free(detail);
}

/* A reply with neither tasks nor failures has told nothing. */
static int
read_run(const struct pp_aws_reply *reply, struct pp_ecs_tasks *out,
    struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *root = pp_json_parse(&doc, reply->body,
	    reply->body_len, 0, err);
	const struct pp_json *list, *item;
	size_t before = out->count + out->failures;
	int rc = root != NULL ? 0 : -1;

	list = root != NULL ? pp_json_get(root, "tasks") : NULL;
	item = list != NULL ? pp_json_first(list) : NULL;
	for (uint32_t i = 0; item != NULL && i < list->count; i++) {
		char *arn = text_of(item, "taskArn");

		if (arn != NULL)
			add_task(out, arn);
		item = pp_json_next(item);
	}
	list = root != NULL ? pp_json_get(root, "failures") : NULL;
	item = list != NULL ? pp_json_first(list) : NULL;
	for (uint32_t i = 0; item != NULL && i < list->count; i++) {
		add_failure(out, item);
		item = pp_json_next(item);
	}
	if (rc == 0 && out->count + out->failures == before)
		rc = pp_error_set(err, PP_EUNAVAIL,
		    "ecs: the reply has neither tasks nor failures");
	pp_json_doc_release(&doc);
	return rc;
}

int
pp_ecs_run(struct pp_aws *a, const struct pp_ecs_run *r,
    struct pp_ecs_tasks *out, struct pp_error *err)
{
	struct pp_buf body = PP_BUF_INIT;
	struct pp_aws_reply reply;
	int rc;

	put_run(&body, r);
	rc = call(a, "RunTask", &body, &reply, err);
	if (rc == 0)
		rc = read_run(&reply, out, err);
	pp_aws_reply_release(&reply);
	pp_buf_release(&body);
	return rc;
}

/* ---- ListTasks ---- */

/* "arn:...:task-definition/name:7" and "name:7" are of the family "name". */
static char *
family_of(const char *task_definition)
{
	const char *slash = strrchr(task_definition, '/');

	if (slash != NULL)
		task_definition = slash + 1;
	return pp_strndup(task_definition, strcspn(task_definition, ":"));
}

/* Adds a page's tasks; `*next` is the token of the next page, or NULL. */
static int
read_page(const struct pp_aws_reply *reply, struct pp_ecs_tasks *out,
    char **next, struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *root = pp_json_parse(&doc, reply->body,
	    reply->body_len, 0, err);
	const struct pp_json *list, *item;

	free(*next);
	*next = NULL;
	if (root == NULL) {
		pp_json_doc_release(&doc);
		return -1;
	}
	list = pp_json_get(root, "taskArns");
	item = list != NULL ? pp_json_first(list) : NULL;
	for (uint32_t i = 0; item != NULL && i < list->count; i++) {
		if (item->type == PP_JSON_STRING)
			add_task(out, pp_json_strdup(item));
		item = pp_json_next(item);
	}
	*next = text_of(root, "nextToken");
	pp_json_doc_release(&doc);
	return 0;
}

int
pp_ecs_list(struct pp_aws *a, const char *cluster, const char *started_by,
    const char *task_definition, struct pp_ecs_tasks *out, struct pp_error *err)
{
	char *family = started_by == NULL ? family_of(task_definition) : NULL;
	char *next = NULL;
	int rc;

	do {
		struct pp_buf body = PP_BUF_INIT;
		struct pp_aws_reply reply;

		pp_buf_addc(&body, '{');
		put_member(&body, "cluster", cluster);
		put_member(&body, "startedBy", started_by);
		put_member(&body, "family", family);
		put_member(&body, "desiredStatus", "RUNNING");
		put_member(&body, "nextToken", next);
		pp_buf_addc(&body, '}');
		rc = call(a, "ListTasks", &body, &reply, err);
		if (rc == 0)
			rc = read_page(&reply, out, &next, err);
		pp_aws_reply_release(&reply);
		pp_buf_release(&body);
	} while (rc == 0 && next != NULL);
	free(next);
	free(family);
	return rc;
}

/* ---- StopTask ---- */

int
pp_ecs_stop(struct pp_aws *a, const char *cluster, const char *task,
    const char *reason, struct pp_error *err)
{
	struct pp_error own = PP_ERROR_INIT;
	struct pp_buf body = PP_BUF_INIT;
	struct pp_aws_reply reply;
	int rc;

	pp_buf_addc(&body, '{');
	put_member(&body, "cluster", cluster);
	put_member(&body, "task", task);
	put_member(&body, "reason", reason);
	pp_buf_addc(&body, '}');
	rc = call(a, "StopTask", &body, &reply, &own);
	if (rc < 0 &&
	    pp_aws_fault_is(&reply.fault, "InvalidParameterException"))
		rc = 0; /* "The referenced task was not found." */
	if (rc < 0 && err != NULL)
		*err = own;
	pp_aws_reply_release(&reply);
	pp_buf_release(&body);
	return rc;
}

/* ---- a task's own metadata ---- */

struct asking {
	bool done;
	int rc;
	struct pp_ecs_self *out;
	struct pp_error *err;
};

static void
copy_text(const struct pp_json *o, const char *name, char *out, size_t size)
{
	char *text = text_of(o, name);

	snprintf(out, size, "%s", text != NULL ? text : "");
	free(text);
}

static void
on_self(void *arg, const struct pp_http_reply *r)
{
	struct asking *q = arg;
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *root = NULL;

	q->done = true;
	if (r->outcome == PP_HTTP_ANSWERED && r->status == 200)
		root = pp_json_parse(&doc, r->body, r->body_len, 0, NULL);
	if (root == NULL) {
		q->rc = pp_error_set(q->err, PP_EUNAVAIL,
		    "the task's metadata endpoint: %s",
		    r->outcome == PP_HTTP_ANSWERED ? "no answer of use" :
						     r->error);
	} else {
		copy_text(root, "TaskARN", q->out->task_arn,
		    sizeof q->out->task_arn);
		copy_text(root, "Cluster", q->out->cluster,
		    sizeof q->out->cluster);
		copy_text(root, "AvailabilityZone", q->out->availability_zone,
		    sizeof q->out->availability_zone);
		pp_json_double(pp_json_path(root, "Limits.CPU"),
		    &q->out->vcpus);
		pp_json_double(pp_json_path(root, "Limits.Memory"),
		    &q->out->memory_mib);
		q->rc = 0;
	}
	pp_json_doc_release(&doc);
}

static int
ask_self(struct pp_loop *loop, struct pp_http *http, const char *url,
    struct asking *q, struct pp_error *err)
{
	struct pp_http_request r = { .method = "GET",
		.url = url,
		.connect_timeout_ms = SELF_TIMEOUT_MS,
		.total_timeout_ms = SELF_TIMEOUT_MS,
		.max_reply_bytes = MAX_SELF_BYTES,
		.plain_http = true };

	if (pp_http_send(http, &r, on_self, q, err) == NULL)
		return -1;
	while (!q->done)
		if (pp_loop_turn(loop, -1, err) < 0)
			return -1;
	return q->rc;
}

int
pp_ecs_self(struct pp_ecs_self *out, struct pp_error *err)
{
	static const struct pp_http_options options = { .max_in_flight = 1 };
	const char *base = getenv("ECS_CONTAINER_METADATA_URI_V4");
	struct asking q = { .out = out, .err = err };
	struct pp_http *http = NULL;
	struct pp_loop *loop;
	char *url;
	int rc = -1;

	memset(out, 0, sizeof *out);
	if (base == NULL || base[0] == '\0')
		return 0;
	url = pp_asprintf("%s/task", base);
	loop = pp_loop_new(err);
	if (loop != NULL)
		http = pp_http_new(loop, &options, err);
	if (http != NULL)
		rc = ask_self(loop, http, url, &q, err);
	pp_http_free(http);
	pp_loop_free(loop);
	free(url);
	return rc;
}
