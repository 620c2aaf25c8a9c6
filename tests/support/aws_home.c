#include <config.h>

#include "aws_home.h"

#include <stdlib.h>

#include "aws/dynamodb.h"
#include "aws/request.h"
#include "aws/s3.h"
#include "base/mem.h"

static const struct {
	const char *name, *attributes, *keys, *index;
} tables[] = {
	{ "Jobs",
	    "[[\"job_id\",\"S\"],[\"user_id\",\"S\"],[\"created_at\","
	    "\"S\"]]",
	    "[\"job_id\"]", "[\"user_id\",\"created_at\"]" },
	{ "Queue", "[[\"status\",\"S\"],[\"job_id#timestamp\",\"S\"]]",
	    "[\"status\",\"job_id#timestamp\"]", NULL },
	{ "Templates",
	    "[[\"template_id\",\"S\"],[\"version\",\"N\"],"
	    "[\"user_id\",\"S\"]]",
	    "[\"template_id\",\"version\"]", "[\"user_id\"]" },
	{ "CostTracking", "[[\"job_id\",\"S\"],[\"timestamp\",\"S\"]]",
	    "[\"job_id\",\"timestamp\"]", NULL },
};

/* ["a","b"] as a key schema. */
static void
put_keys(struct pp_buf *out, const char *list)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *v = pp_json_parse(&doc, list, strlen(list), 0,
	    NULL);

	pp_json_put_key(out, "KeySchema");
	for (uint32_t i = 0; i < v->count; i++) {
		const struct pp_json *at = pp_json_at(v, i);

		pp_buf_addf(out,
		    "%c{\"AttributeName\":\"%.*s\",\"KeyType\":\"%s\"}",
		    i == 0 ? '[' : ',', (int)at->len, at->text,
		    i == 0 ? "HASH" : "RANGE");
	}
	pp_buf_addc(out, ']');
	pp_json_doc_release(&doc);
}

static void
put_attributes(struct pp_buf *out, const char *list)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *v = pp_json_parse(&doc, list, strlen(list), 0,
	    NULL);

	pp_json_put_key(out, "AttributeDefinitions");
	for (uint32_t i = 0; i < v->count; i++) {
		const struct pp_json *name = pp_json_at(pp_json_at(v, i), 0);
		const struct pp_json *type = pp_json_at(pp_json_at(v, i), 1);

		pp_buf_addf(out,
		    "%c{\"AttributeName\":\"%.*s\",\"AttributeType\":\"%.*s\"}",
		    i == 0 ? '[' : ',', (int)name->len, name->text,
		    (int)type->len, type->text);
	}
	pp_buf_addc(out, ']');
	pp_json_doc_release(&doc);
}

/* `done` is the fault that says that a try whose reply was lost did it. */
static int
call(struct pp_aws *a, const char *operation, struct pp_buf *body,
    const char *done, struct pp_error *err)
{
	struct pp_ddb_reply r;
	int rc = pp_ddb_call(a, operation, body, &r, err);

	if (rc < 0 && r.reply.attempts > 1 &&
	    pp_aws_fault_is(&r.reply.fault, done))
		rc = 0;
	pp_ddb_reply_release(&r);
	pp_buf_release(body);
	return rc;
}

static int
make_table(struct pp_aws *a, const char *prefix, size_t i, struct pp_error *err)
{
	struct pp_buf body = PP_BUF_INIT;

	pp_buf_addf(&body, "{\"TableName\":\"%s%s\"", prefix, tables[i].name);
	pp_buf_adds(&body, ",\"BillingMode\":\"PAY_PER_REQUEST\"");
	put_attributes(&body, tables[i].attributes);
	put_keys(&body, tables[i].keys);
	if (tables[i].index != NULL) {
		pp_buf_adds(&body,
		    ",\"GlobalSecondaryIndexes\":[{"
		    "\"IndexName\":\"user-id-index\","
		    "\"Projection\":{\"ProjectionType\":\"ALL\"}");
		put_keys(&body, tables[i].index);
		pp_buf_adds(&body, "}]");
	}
	pp_buf_addc(&body, '}');
	return call(a, "CreateTable", &body, "ResourceInUseException", err);
}

static int
bucket_call(struct pp_aws *a, const char *method, const char *bucket,
    struct pp_error *err)
{
	struct pp_aws_request req = { .service = PP_AWS_S3,
		.method = method,
		.bucket = bucket,
		.path = "/" };
	struct pp_aws_reply r;
	int rc = pp_aws_call(a, &req, &r, err);

	if (rc < 0 && r.attempts > 1 &&
	    (pp_aws_fault_is(&r.fault, "BucketAlreadyOwnedByYou") ||
		pp_aws_fault_is(&r.fault, "NoSuchBucket")))
		rc = 0;
	pp_aws_reply_release(&r);
	return rc;
}

int
aws_home_make(struct pp_aws *a, const char *prefix, const char *bucket,
    struct pp_error *err)
{
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		if (make_table(a, prefix, i, err) < 0)
			return -1;
	}
	return bucket_call(a, "PUT", bucket, err);
}

int
aws_home_version(struct pp_aws *a, const char *bucket, struct pp_error *err)
{
	static const char body[] =
	    "<VersioningConfiguration>"
	    "<Status>Enabled</Status></VersioningConfiguration>";
	struct pp_aws_request req = { .service = PP_AWS_S3,
		.method = "PUT",
		.bucket = bucket,
		.path = "/",
		.query = "versioning=",
		.content_type = "application/xml",
		.body = body,
		.body_len = sizeof body - 1 };
	struct pp_aws_reply r;
	int rc = pp_aws_call(a, &req, &r, err);

	pp_aws_reply_release(&r);
	return rc;
}

int
aws_home_query(struct pp_aws *a, const char *bucket, const char *query,
    FILE *out, struct pp_error *err)
{
	struct pp_aws_request req = { .service = PP_AWS_S3,
		.method = "GET",
		.bucket = bucket,
		.path = "/",
		.query = query };
	struct pp_aws_reply r;
	int rc = pp_aws_call(a, &req, &r, err);

	if (rc == 0)
		fwrite(r.body, 1, r.body_len, out);
	pp_aws_reply_release(&r);
	return rc;
}

/* ---- removing ---- */

struct keys {
	char **list;
	size_t count, cap;
};

static int
note_key(void *arg, const struct pp_s3_listed *object, struct pp_error *err)
{
	struct keys *k = arg;

	(void)err;
	k->list = pp_grow(k->list, k->count, &k->cap, sizeof *k->list);
	k->list[k->count++] = pp_strdup(object->key);
	return 0;
}

static int
empty_bucket(struct pp_aws *a, const char *bucket, struct pp_error *err)
{
	struct pp_s3 *s3 = pp_s3_new(a, bucket, err);
	struct keys k = { .count = 0 };
	int rc = -1;

	if (s3 != NULL)
		rc = pp_s3_list(s3, "", NULL, 1000, note_key, &k, err);
	if (rc == 0)
		rc = pp_s3_delete_all(s3, (const char *const *)k.list, k.count,
		    err);
	for (size_t i = 0; i < k.count; i++)
		free(k.list[i]);
	free(k.list);
	pp_s3_free(s3);
	return rc;
}

int
aws_home_drop(struct pp_aws *a, const char *prefix, const char *bucket,
    bool objects, struct pp_error *err)
{
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		struct pp_buf body = PP_BUF_INIT;

		pp_buf_addf(&body, "{\"TableName\":\"%s%s\"}", prefix,
		    tables[i].name);
		if (call(a, "DeleteTable", &body, "ResourceNotFoundException",
			err) < 0)
			return -1;
	}
	if (!objects)
		return 0;
	if (empty_bucket(a, bucket, err) < 0)
		return -1;
	return bucket_call(a, "DELETE", bucket, err);
}
