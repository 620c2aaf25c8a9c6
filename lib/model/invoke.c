#include <config.h>

#include "model/invoke_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/aws.h"
#include "base/clock.h"
#include "base/json_schema.h"
#include "base/mem.h"

#define KEEP_BODY_BYTES ((size_t)64 << 10)
/* What models are told of tools takes some 350 tokens of theirs. */
#define SCHEMA_OVERHEAD_BYTES 2048

static const struct pp_call_class_info classes[PP_NCALL_CLASSES] = {
	/*			   name, retry, a try, maybe billed */
	[PP_CALL_OK] = { "ok", false, false, true },
	[PP_CALL_THROTTLE] = { "throttle", true, false, false },
	[PP_CALL_TRANSIENT] = { "transient", true, true, false },
	[PP_CALL_AMBIGUOUS] = { "ambiguous", true, true, true },
	[PP_CALL_REJECTED] = { "rejected", false, true, false },
	[PP_CALL_REFUSED] = { "refused", false, true, true },
	[PP_CALL_MALFORMED] = { "malformed", true, true, true },
	[PP_CALL_CREDENTIALS] = { "credentials", false, false, false },
	[PP_CALL_QUOTA] = { "quota", false, false, false },
	[PP_CALL_NO_ROOM] = { "no_room", true, false, false },
	[PP_CALL_CANCELLED] = { "cancelled", false, false, true },
};

/*
 * What a whole reply that is no success means. The first row that fits counts:
 * a status within the range, and the word, when there is one, as the error's
 * code, type or status.
 */
static const struct {
	int from, to;
	const char *word; /* NULL: any */
	enum pp_call_class class;
} errors[] = {
	{ 200, 599, "insufficient_quota", PP_CALL_QUOTA },
	{ 200, 599, "insufficient_balance", PP_CALL_QUOTA },
	{ 200, 599, "billing_hard_limit_reached", PP_CALL_QUOTA },
	{ 200, 599, "billing_not_active", PP_CALL_QUOTA },
	{ 200, 599, "invalid_api_key", PP_CALL_CREDENTIALS },
	{ 200, 599, "context_length_exceeded", PP_CALL_REJECTED },
	{ 200, 299, NULL, PP_CALL_AMBIGUOUS }, /* an error sent as success */
	{ 300, 399, NULL, PP_CALL_REJECTED },  /* moved: the url is wrong */
	{ 401, 401, NULL, PP_CALL_CREDENTIALS },
	{ 402, 402, NULL, PP_CALL_QUOTA },
	{ 403, 403, NULL, PP_CALL_CREDENTIALS },
	{ 407, 407, NULL, PP_CALL_CREDENTIALS }, /* a proxy's */
	{ 408, 409, NULL, PP_CALL_TRANSIENT },
	{ 425, 425, NULL, PP_CALL_TRANSIENT },
	{ 429, 429, NULL, PP_CALL_THROTTLE },
	{ 400, 499, NULL, PP_CALL_REJECTED },
	{ 501, 501, NULL, PP_CALL_REJECTED },
	{ 505, 505, NULL, PP_CALL_REJECTED },
	{ 529, 529, NULL, PP_CALL_THROTTLE }, /* overloaded */
	{ 500, 599, NULL, PP_CALL_TRANSIENT },
};

static const char *const finish_names[] = {
	[PP_FINISH_STOP] = "stop",
	[PP_FINISH_LENGTH] = "length",
	[PP_FINISH_FILTER] = "filter",
	[PP_FINISH_OTHER] = "other",
};

static const struct pp_provider_ops *const providers[PP_NPROVIDERS] = {
	[PP_PROVIDER_OPENAI] = &pp_provider_openai,
	[PP_PROVIDER_BEDROCK] = &pp_provider_bedrock,
	[PP_PROVIDER_LOCAL] = &pp_provider_local,
};

const struct pp_call_class_info *
pp_call_class_info(enum pp_call_class c)
{
	return &classes[c];
}

const char *
pp_finish_name(enum pp_finish f)
{
	return finish_names[f];
}

static bool
names(const struct pp_json *body, const char *word)
{
	static const char *const paths[] = { "error.code", "error.type",
		"error.status", "code", "type" };

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		const struct pp_json *v = pp_json_path(body, paths[i]);

		if (v != NULL && pp_json_is(v, word))
			return true;
	}
	return false;
}

enum pp_call_class
pp_classify_error(int status, const struct pp_json *body)
{
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		if (status < errors[i].from || status > errors[i].to)
			continue;
		if (errors[i].word == NULL ||
		    (body != NULL && names(body, errors[i].word)))
			return errors[i].class;
	}
	return PP_CALL_AMBIGUOUS;
}

size_t
pp_call_bytes(const struct pp_call *call)
{
	size_t bytes = call->prompt_len, schema;

	if (call->system != NULL)
		bytes += call->system_len + strlen("\n\n");
	if (call->schema != NULL) {
		pp_json_schema_text(call->schema, &schema);
		bytes += schema + SCHEMA_OVERHEAD_BYTES;
	}
	return bytes;
}

/* ---- the invoker ---- */

struct pp_invoker *
pp_invoker_new(struct pp_loop *loop, int max_in_flight, struct pp_error *err)
{
	struct pp_invoker *i;

	if (max_in_flight < 1 || max_in_flight > PP_MAX_IN_FLIGHT) {
		pp_error_set(err, PP_EUSAGE,
		    "calls in flight must be from 1 to %d, not %d",
		    PP_MAX_IN_FLIGHT, max_in_flight);
		return NULL;
	}
	i = pp_calloc(1, sizeof *i);
	i->loop = loop;
	i->max_in_flight = max_in_flight;
	i->end_us = INT64_MAX;
	i->queue_end = &i->queue;
	i->ngram = pp_ngram_new();
	pp_buf_init(&i->joined, 0);
	pp_buf_init(&i->text, 0);
	pp_buf_init(&i->raw, 0);
	return i;
}

void
pp_invoker_free(struct pp_invoker *i)
{
	if (i == NULL)
		return;
	pp_aws_free(i->aws);
	pp_http_free(i->http);
	pp_provider_local_stop(i);
	for (size_t n = 0; n < i->count; n++) {
		pp_buf_release(&i->all[n]->body);
		free(i->all[n]);
	}
	for (size_t n = 0; n < i->endpoint_count; n++) {
		free(i->endpoints[n].base);
		free(i->endpoints[n].key_env);
		free(i->endpoints[n].url);
		if (i->endpoints[n].authorization != NULL)
			pp_free_secret(i->endpoints[n].authorization);
	}
	free(i->endpoints);
	free(i->run);
	free(i->all);
	pp_ngram_free(i->ngram);
	pp_json_doc_release(&i->doc);
	pp_json_doc_release(&i->answer_doc);
	pp_buf_release(&i->joined);
	pp_buf_release(&i->text);
	pp_buf_release(&i->raw);
	free(i);
}

void
pp_invoker_set_run(struct pp_invoker *i, const char *name)
{
	free(i->run);
	i->run = pp_strdup(name);
}

void
pp_invoker_set_end(struct pp_invoker *i, int64_t boot_us)
{
	i->end_us = boot_us;
	if (i->http != NULL)
		pp_http_set_end(i->http, boot_us);
}

void
pp_invoker_learn(struct pp_invoker *i, const char *text, size_t len)
{
	pp_ngram_learn(i->ngram, text, len);
}

/* ---- calls ---- */

static struct pp_invocation *
take(struct pp_invoker *i)
{
	struct pp_invocation *v = i->free;

	if (v != NULL) {
		i->free = v->next;
		return v;
	}
	v = pp_calloc(1, sizeof *v);
	v->invoker = i;
	pp_buf_init(&v->body, 0);
	i->all = pp_grow(i->all, i->count, &i->cap, sizeof(*i->all));
	i->all[i->count++] = v;
	return v;
}

static void
give(struct pp_invocation *v)
{
	pp_buf_trim(&v->body, KEEP_BODY_BYTES);
	v->fn = NULL;
	v->exchange = NULL;
	v->send = NULL;
	v->next = v->invoker->free;
	v->invoker->free = v;
}

struct pp_invocation *
pp_invoke_send(struct pp_invoker *i, const struct pp_call *call,
    pp_answer_fn *fn, void *arg, struct pp_error *err)
{
	const struct pp_provider_ops *ops = providers[call->model->provider];
	struct pp_invocation *v;

	if (ops == NULL) {
		pp_model_is_configured(call->model, err);
		return NULL;
	}
	v = take(i);
	v->call = *call;
	v->fn = fn;
	v->arg = arg;
	v->cancelled = false;
	v->start_us = pp_clock_boot_us();
	if (ops->send(v, err) < 0) {
		give(v);
		return NULL;
	}
	return v;
}

void
pp_invoke_cancel(struct pp_invocation *v)
{
	assert(v->fn != NULL);
	v->cancelled = true;
	providers[v->call.model->provider]->cancel(v);
}

void
pp_call_put_id_header(const struct pp_invocation *v, char *out, size_t size)
{
	const char *run = v->invoker->run;

	snprintf(out, size, "X-Client-Request-Id: %s%s%s",
	    run != NULL ? run : "", run != NULL ? "-" : "", v->call.attempt_id);
}

void
pp_answer_init(struct pp_answer *a)
{
	memset(a, 0, offsetof(struct pp_answer, reason));
	a->reason[0] = '\0';
	a->text = a->raw = "";
	a->finish = PP_FINISH_OTHER;
	a->retry_after_ms = -1;
}

void
pp_invocation_answer(struct pp_invocation *v, struct pp_answer *answer)
{
	if (answer->class == PP_CALL_OK && v->call.schema != NULL)
		pp_answer_hold_to(answer, v);
	v->fn(v->arg, answer);
	give(v);
}
