/*
 * Provider bedrock: Converse, or InvokeModel for models that Converse does
 * not take, signed by lib/aws. One try a call: the job's own rules say what
 * comes after a failure.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/request.h"
#include "aws/uri.h"
#include "base/clock.h"
#include "base/mem.h"
#include "model/bedrock.h"

/* Amazon advises an hour for long answers; the model's entry can say less. */
#define DEFAULT_TIMEOUT_MS 3600000
#define MAX_PATH_BYTES 4096

/*
 * What a fault's code says of a call, where its class does not say enough.
 * A model that ran out of time has done its work, and may cost. The tokens of
 * a day that are used up look like those of a minute, but for the words.
 */
static const struct {
	const char *code;
	const char *words; /* in its message; NULL: any */
	enum pp_call_class class;
} codes[] = {
	{ "ThrottlingException", "tokens per day", PP_CALL_QUOTA },
	{ "ServiceQuotaExceededException", NULL, PP_CALL_QUOTA },
	{ "ModelTimeoutException", NULL, PP_CALL_AMBIGUOUS },
	{ "ModelStreamErrorException", NULL, PP_CALL_AMBIGUOUS },
	{ "ConflictException", NULL, PP_CALL_TRANSIENT },
};

static const enum pp_call_class classes[] = {
	[PP_AWS_OK] = PP_CALL_OK,
	[PP_AWS_NOT_MODIFIED] = PP_CALL_REJECTED,
	[PP_AWS_THROTTLED] = PP_CALL_THROTTLE,
	[PP_AWS_TRANSIENT] = PP_CALL_TRANSIENT,
	[PP_AWS_AMBIGUOUS] = PP_CALL_AMBIGUOUS,
	[PP_AWS_SKEWED] = PP_CALL_CREDENTIALS,
	[PP_AWS_EXPIRED] = PP_CALL_CREDENTIALS,
	[PP_AWS_DENIED] = PP_CALL_CREDENTIALS,
	[PP_AWS_NOT_FOUND] = PP_CALL_REJECTED,
	[PP_AWS_CONFLICT] = PP_CALL_TRANSIENT,
	[PP_AWS_REJECTED] = PP_CALL_REJECTED,
	[PP_AWS_CANCELLED] = PP_CALL_CANCELLED,
};

/* A model's own error, by the status that it gave. */
static enum pp_call_class
classify_model_error(const struct pp_aws_reply *r)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *root = pp_json_parse(&doc, r->body, r->body_len,
	    0, NULL);
	int64_t status = 0;

	if (root == NULL ||
	    !pp_json_int64(pp_json_get(root, "originalStatusCode"), &status))
		status = 0;
	pp_json_doc_release(&doc);
	if (status == 429)
		return PP_CALL_THROTTLE;
	return status >= 400 && status < 500 ? PP_CALL_REJECTED :
					       PP_CALL_TRANSIENT;
}

static enum pp_call_class
classify(const struct pp_aws_reply *r)
{
	if (pp_aws_fault_is(&r->fault, "ModelErrorException"))
		return classify_model_error(r);
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		if (pp_aws_fault_is(&r->fault, codes[i].code) &&
		    (codes[i].words == NULL ||
			strstr(r->fault.message, codes[i].words) != NULL))
			return codes[i].class;
	}
	return classes[r->fault.class];
}

/* ---- Converse ---- */

static void
put_text(struct pp_buf *b, const char *text, size_t len)
{
	pp_buf_adds(b, "{\"text\":");
	pp_json_put_str(b, text, len);
	pp_buf_addc(b, '}');
}

/* "ID:VERSION", which was looked at before. */
static void
put_guardrail(struct pp_buf *b, const char *guardrail)
{
	const char *colon = strrchr(guardrail, ':');

	pp_buf_adds(b, ",\"guardrailConfig\":{\"guardrailIdentifier\":");
	pp_json_put_str(b, guardrail, (size_t)(colon - guardrail));
	pp_buf_adds(b, ",\"guardrailVersion\":");
	pp_json_put_cstr(b, colon + 1);
	pp_buf_addc(b, '}');
}

/* A tool that takes an answer and has to be called. */
static void
put_tool(struct pp_buf *b, const struct pp_call *c)
{
	pp_buf_adds(b,
	    ",\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"answer\","
	    "\"description\":\"Takes the answer.\","
	    "\"inputSchema\":{\"json\":");
	pp_call_put_schema(b, c);
	pp_buf_adds(b, "}}}],\"toolChoice\":{\"tool\":{\"name\":\"answer\"}}}");
}

static void
put_output_config(struct pp_buf *b, const struct pp_call *c)
{
	pp_buf_adds(b,
	    ",\"outputConfig\":{\"textFormat\":{\"type\":\"json_schema\","
	    "\"structure\":{\"jsonSchema\":{\"name\":\"answer\",\"schema\":");
	pp_call_put_schema_text(b, c);
	pp_buf_adds(b, "}}}}");
}

/* What stands before a cache point is the same in many calls. */
static void
put_system(struct pp_buf *b, const struct pp_call *c)
{
	pp_buf_adds(b, ",\"system\":[");
	put_text(b, c->system, c->system_len);
	if (pp_bedrock_caches(c))
		pp_buf_adds(b, ",{\"cachePoint\":{\"type\":\"default\"}}");
	pp_buf_addc(b, ']');
}

static void
put_converse(struct pp_invocation *v)
{
	const struct pp_call *c = &v->call;
	struct pp_buf *b = &v->body;
	const char *text;
	size_t len;

	pp_buf_adds(b, "{\"messages\":[{\"role\":\"user\",\"content\":[");
	text = pp_call_user_text(v->invoker, c, &len);
	put_text(b, text, len);
	pp_buf_adds(b, "]}]");
	if (pp_call_has_system(c))
		put_system(b, c);
	pp_buf_adds(b, ",\"inferenceConfig\":{\"maxTokens\":");
	pp_json_put_int(b, c->max_tokens);
	pp_bedrock_put_sampling(b, c, "temperature", "topP");
	pp_bedrock_put_stop(b, c, "stopSequences");
	pp_buf_addc(b, '}');
	if (pp_call_is_structured(c, PP_STRUCTURED_TOOL))
		put_tool(b, c);
	if (pp_call_is_structured(c, PP_STRUCTURED_SCHEMA))
		put_output_config(b, c);
	if (c->model->guardrail != NULL)
		put_guardrail(b, c->model->guardrail);
	pp_buf_addc(b, '}');
}

/* ---- the reply ---- */

/* InvokeModel tells the tokens of every vendor's models in headers too. */
static void
read_usage_headers(const struct pp_aws_reply *r, struct pp_answer *a)
{
	char in[24], out[24];

	if (a->has_usage ||
	    !pp_aws_header(r, "X-Amzn-Bedrock-Input-Token-Count", in,
		sizeof in) ||
	    !pp_aws_header(r, "X-Amzn-Bedrock-Output-Token-Count", out,
		sizeof out))
		return;
	a->usage = (struct pp_usage){ .tokens_in = strtoll(in, NULL, 10),
		.tokens_out = strtoll(out, NULL, 10) };
	a->has_usage = a->usage.tokens_in >= 0 && a->usage.tokens_out >= 0;
}

static void
read_success(struct pp_invocation *v, const struct pp_aws_reply *r,
    struct pp_answer *a)
{
	struct pp_invoker *i = v->invoker;
	const struct pp_json *root = pp_json_parse(&i->doc, r->body,
	    r->body_len, PP_JSON_LONE_SURROGATES, NULL);

	if (root == NULL) {
		pp_answer_doubt(a,
		    r->body_len > 0 ? "the reply is not JSON" :
				      "the reply is empty");
	} else if (v->call.model->invoke_model) {
		pp_bedrock_read(pp_bedrock_format(v->call.model, NULL), i, root,
		    a);
		if (a->class != PP_CALL_AMBIGUOUS)
			read_usage_headers(r, a);
	} else {
		pp_bedrock_read_converse(i, root, a);
	}
}

static int64_t
retry_after_ms(const struct pp_aws_reply *r)
{
	char value[32], *end;
	long long ms;

	if (pp_aws_header(r, "x-amz-retry-after", value, sizeof value)) {
		ms = strtoll(value, &end, 10);
		if (end != value && ms >= 0 && ms < INT32_MAX)
			return ms;
	}
	return r->retry_after_ms;
}

static void
read_fault(const struct pp_aws_reply *r, struct pp_answer *a)
{
	struct pp_error line = PP_ERROR_INIT;

	a->class = r->no_room ? PP_CALL_NO_ROOM : classify(r);
	a->retry_after_ms = retry_after_ms(r);
	pp_error_set(&line, PP_OK, "%s%s%.180s", r->fault.code,
	    r->fault.message[0] != '\0' ? ": " : "", r->fault.message);
	snprintf(a->reason, sizeof a->reason, "%.*s", (int)sizeof a->reason - 1,
	    line.text);
}

static void
on_reply(void *arg, const struct pp_aws_reply *r)
{
	struct pp_invocation *v = arg;
	struct pp_answer a;

	pp_answer_init(&a);
	a.elapsed_us = r->elapsed_us;
	a.http_status = r->status;
	a.has_usage = r->unsent; /* surely nothing */
	a.raw = r->body;
	a.raw_len = r->body_len;
	/* Bedrock says nothing of its limits; what stands before it may */
	a.has_allowance = pp_allowance_read(r->headers, r->headers_len,
	    pp_clock_wall_ms(), &a.allowance);
	if (r->fault.class == PP_AWS_OK)
		read_success(v, r, &a);
	else
		read_fault(r, &a);
	pp_invocation_answer(v, &a);
}

/* ---- calls ---- */

static int
open_aws(struct pp_invoker *i, struct pp_error *err)
{
	if (i->aws != NULL)
		return 0;
	if (pp_invoker_http(i, err) < 0)
		return -1;
	i->aws = pp_aws_new(i->loop, i->http, NULL, err);
	return i->aws != NULL ? 0 : -1;
}

/* "/model/us.meta.llama3-1-8b-instruct-v1%3A0/converse" */
static void
put_path(struct pp_buf *path, const struct pp_model *m)
{
	pp_buf_clear(path);
	pp_buf_adds(path, "/model/");
	pp_uri_encode(path, m->id, strlen(m->id), false);
	pp_buf_adds(path, m->invoke_model ? "/invoke" : "/converse");
}

/* InvokeModel has its guardrail in headers. */
static size_t
put_guardrail_headers(const char *guardrail, char id[MAX_PATH_BYTES],
    char version[64], const char **headers)
{
	const char *colon = strrchr(guardrail, ':');

	snprintf(id, MAX_PATH_BYTES, "X-Amzn-Bedrock-GuardrailIdentifier: %.*s",
	    (int)(colon - guardrail), guardrail);
	snprintf(version, 64, "X-Amzn-Bedrock-GuardrailVersion: %s", colon + 1);
	headers[0] = id;
	headers[1] = version;
	return 2;
}

/* The model's own bound, or the call's if it is sooner. */
static int64_t
timeout_ms(const struct pp_call *c)
{
	int64_t ms = c->model->total_timeout_ms > 0 ?
	    c->model->total_timeout_ms :
	    DEFAULT_TIMEOUT_MS;

	return c->timeout_ms > 0 && c->timeout_ms < ms ? c->timeout_ms : ms;
}

static int
send_body(struct pp_invocation *v, struct pp_error *err)
{
	const struct pp_model *m = v->call.model;
	struct pp_buf *path = &v->invoker->text;
	char attempt[128], id[MAX_PATH_BYTES], version[64];
	const char *headers[5];
	size_t n = 0;
	struct pp_aws_request r = { .service = PP_AWS_BEDROCK_RUNTIME,
		.headers = headers,
		.content_type = "application/json",
		.body = v->body.data,
		.body_len = v->body.len,
		.once = true,
		.max_attempts = 1,
		.total_timeout_ms = timeout_ms(&v->call) };

	if (v->call.attempt_id != NULL) {
		pp_call_put_id_header(v, attempt, sizeof attempt);
		headers[n++] = attempt;
	}
	if (m->invoke_model && m->guardrail != NULL)
		n += put_guardrail_headers(m->guardrail, id, version,
		    headers + n);
	headers[n] = NULL;
	put_path(path, m);
	r.path = path->data;
	v->send = pp_aws_send(v->invoker->aws, &r, on_reply, v, err);
	return v->send != NULL ? 0 : -1;
}

static int
bedrock_send(struct pp_invocation *v, struct pp_error *err)
{
	const struct pp_model *m = v->call.model;
	const struct pp_bedrock_format *format = NULL;

	if (open_aws(v->invoker, err) < 0)
		return -1;
	if (m->guardrail != NULL && strchr(m->guardrail, ':') == NULL)
		return pp_error_set(err, PP_ECONFIG,
		    "model '%s': guardrail must be ID:VERSION", m->name);
	if (m->invoke_model) {
		format = pp_bedrock_format(m, err);
		if (format == NULL ||
		    pp_bedrock_check(format, &v->call, err) < 0)
			return -1;
	}
	pp_buf_clear(&v->body);
	if (format != NULL)
		pp_bedrock_put(format, v);
	else
		put_converse(v);
	return send_body(v, err);
}

static void
bedrock_cancel(struct pp_invocation *v)
{
	pp_aws_cancel(v->send);
}

const struct pp_provider_ops pp_provider_bedrock = { bedrock_send,
	bedrock_cancel };
