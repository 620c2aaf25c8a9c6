#include <config.h>

#include "aws/logs.h"

#include <stdlib.h>

#include "aws/request.h"
#include "base/json.h"
#include "base/mem.h"

/* A pattern in quotes is looked for as it stands. */
static void
put_filter(struct pp_buf *body, const struct pp_logs_filter *f,
    const char *next)
{
	char *pattern = pp_asprintf("\"%s\"", f->text);

	pp_buf_clear(body);
	pp_buf_addc(body, '{');
	pp_json_member_str(body, "logGroupName", f->group);
	pp_json_member_str(body, "filterPattern", pattern);
	pp_json_member_int(body, "startTime", f->since_ms);
	if (next != NULL)
		pp_json_member_str(body, "nextToken", next);
	pp_buf_addc(body, '}');
	free(pattern);
}

static int
read_event(const struct pp_json *v, pp_logs_fn *fn, void *arg,
    struct pp_error *err)
{
	const struct pp_json *message = pp_json_get(v, "message");
	const struct pp_json *id = pp_json_get(v, "eventId");
	struct pp_logs_event e = { .at_ms = 0 };
	char *id_text, *message_text;
	int rc;

	if (id == NULL || id->type != PP_JSON_STRING || message == NULL ||
	    message->type != PP_JSON_STRING ||
	    !pp_json_int64(pp_json_get(v, "timestamp"), &e.at_ms))
		return pp_error_set(err, PP_EUNAVAIL,
		    "logs: an event without id, time or message");
	e.id = id_text = pp_json_strdup(id);
	e.message = message_text = pp_json_strdup(message);
	rc = fn(arg, &e, err);
	free(id_text);
	free(message_text);
	return rc;
}

/* `*next` becomes the token of the next page, or NULL. */
static int
read_page(const struct pp_aws_reply *reply, pp_logs_fn *fn, void *arg,
    char **next, struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *root = pp_json_parse(&doc, reply->body,
	    reply->body_len, 0, err);
	const struct pp_json *list, *item, *token;
	int rc = root != NULL ? 0 : -1;

	free(*next);
	*next = NULL;
	list = root != NULL ? pp_json_get(root, "events") : NULL;
	item = list != NULL ? pp_json_first(list) : NULL;
	for (uint32_t i = 0; rc == 0 && item != NULL && i < list->count; i++) {
		rc = read_event(item, fn, arg, err);
		item = pp_json_next(item);
	}
	token = root != NULL ? pp_json_get(root, "nextToken") : NULL;
	if (token != NULL && token->type == PP_JSON_STRING)
		*next = pp_json_strdup(token);
	pp_json_doc_release(&doc);
	return rc;
}

/* A page may be empty and yet have another behind it. */
int
pp_logs_filter(struct pp_aws *a, const struct pp_logs_filter *f, pp_logs_fn *fn,
    void *arg, struct pp_error *err)
{
	struct pp_buf body = PP_BUF_INIT;
	char *next = NULL;
	int rc;

	do {
		struct pp_aws_request r = { .service = PP_AWS_LOGS,
			.target = "Logs_20140328.FilterLogEvents",
			.content_type = "application/x-amz-json-1.1" };
		struct pp_aws_reply reply;

		put_filter(&body, f, next);
		r.body = body.data;
		r.body_len = body.len;
		rc = pp_aws_call(a, &r, &reply, err);
		if (rc == 0)
			rc = read_page(&reply, fn, arg, &next, err);
		pp_aws_reply_release(&reply);
	} while (rc == 0 && next != NULL);
	free(next);
	pp_buf_release(&body);
	return rc;
}
