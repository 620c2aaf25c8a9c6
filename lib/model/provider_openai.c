/*
 * Provider openai: chat completions over HTTP, as OpenAI's servers, vLLM,
 * llama.cpp, Ollama and many others have them.
 */
#include <config.h>

#include "model/invoke_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* A reply that has begun and says nothing for so long has died. */
#define DEFAULT_IDLE_MS 60000

/* What a request has besides its prompts, about. */
#define FRAME_BYTES 256

/* ---- where to ---- */

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static char *
completions_url(const char *base)
{
	static const char path[] = "/chat/completions";
	size_t n = strlen(base);

	while (n > 0 && base[n - 1] == '/')
		n--;
	if (n >= sizeof path - 1 &&
	    memcmp(base + n - (sizeof path - 1), path, sizeof path - 1) == 0)
		return pp_strndup(base, n);
	return pp_asprintf("%.*s%s", (int)n, base, path);
}

static const struct pp_endpoint *
find_endpoint(struct pp_invoker *i, const struct pp_model *m,
    struct pp_error *err)
{
	struct pp_endpoint *e;

	for (size_t n = 0; n < i->endpoint_count; n++) {
		e = &i->endpoints[n];
		if (same(e->base, m->url) && same(e->key_env, m->key_env))
			return e;
	}
	if (!pp_model_is_configured(m, err))
		return NULL;
	i->endpoints = pp_grow(i->endpoints, i->endpoint_count,
	    &i->endpoint_cap, sizeof *i->endpoints);
	e = &i->endpoints[i->endpoint_count++];
	e->base = pp_strdup(m->url);
	e->key_env = pp_strdup(m->key_env);
	e->url = completions_url(m->url);
	e->authorization = NULL;
	e->key = NULL;
	if (m->key_env != NULL) {
		e->authorization = pp_asprintf("Authorization: Bearer %s",
		    getenv(m->key_env));
		e->key = strrchr(e->authorization, ' ') + 1;
	}
	return e;
}

/* ---- the request ---- */

static void
put_message(struct pp_buf *b, const char *role, const char *text, size_t len)
{
	pp_buf_adds(b, "{\"role\":\"");
	pp_buf_adds(b, role);
	pp_buf_adds(b, "\",\"content\":");
	pp_json_put_str(b, text, len);
	pp_buf_addc(b, '}');
}

/* A model without a system prompt gets it before the user's. */
static void
put_messages(struct pp_buf *b, struct pp_invoker *i, const struct pp_call *c)
{
	const char *text;
	size_t len;

	pp_buf_adds(b, ",\"messages\":[");
	if (pp_call_has_system(c)) {
		put_message(b, "system", c->system, c->system_len);
		pp_buf_addc(b, ',');
	}
	text = pp_call_user_text(i, c, &len);
	put_message(b, "user", text, len);
	pp_buf_addc(b, ']');
}

static void
put_stop(struct pp_buf *b, const char *const *stop)
{
	pp_buf_adds(b, ",\"stop\":[");
	for (size_t n = 0; stop[n] != NULL; n++) {
		if (n > 0)
			pp_buf_addc(b, ',');
		pp_json_put_cstr(b, stop[n]);
	}
	pp_buf_addc(b, ']');
}

static void
put_request(struct pp_invocation *v)
{
	const struct pp_call *c = &v->call;
	const struct pp_model *m = c->model;
	struct pp_buf *b = &v->body;

	pp_buf_clear(b);
	pp_buf_reserve(b, c->system_len + c->prompt_len + FRAME_BYTES);
	pp_buf_adds(b, "{\"model\":");
	pp_json_put_cstr(b, m->id);
	put_messages(b, v->invoker, c);
	pp_buf_adds(b,
	    m->completion_tokens ? ",\"max_completion_tokens\":" :
				   ",\"max_tokens\":");
	pp_json_put_int(b, c->max_tokens);
	if (c->temperature != NULL && !m->no_temperature) {
		pp_buf_adds(b, ",\"temperature\":");
		pp_call_put_decimal(b, c->temperature);
	}
	if (c->top_p != NULL && !m->no_temperature) {
		pp_buf_adds(b, ",\"top_p\":");
		pp_call_put_decimal(b, c->top_p);
	}
	if (c->stop != NULL && c->stop[0] != NULL)
		put_stop(b, c->stop);
	if (pp_call_is_structured(c, PP_STRUCTURED_SCHEMA))
		pp_call_put_response_format(b, c);
	if (m->send_seed) {
		pp_buf_adds(b, ",\"seed\":");
		pp_json_put_int(b, (int64_t)(c->seed & INT32_MAX));
	}
	pp_buf_addc(b, '}');
}

/* ---- the reply ---- */

/* Counts that make no sense are as good as none. */
static void
read_usage(const struct pp_json *v, struct pp_answer *a)
{
	struct pp_usage u = { 0 };

	if (v == NULL ||
	    !pp_json_int64(pp_json_get(v, "prompt_tokens"), &u.tokens_in) ||
	    !pp_json_int64(pp_json_get(v, "completion_tokens"),
		&u.tokens_out) ||
	    u.tokens_in < 0 || u.tokens_out < 0)
		return;
	if (pp_json_int64(pp_json_path(v,
			      "prompt_tokens_details.cached_tokens"),
		&u.cache_read)) {
		if (u.cache_read < 0 || u.cache_read > u.tokens_in)
			return;
		u.tokens_in -= u.cache_read;
	}
	a->usage = u;
	a->has_usage = true;
}

static void
read_message(struct pp_invoker *i, const struct pp_json *message,
    struct pp_answer *a)
{
	const struct pp_json *content = pp_json_get(message, "content");
	const struct pp_json *refusal = pp_json_get(message, "refusal");

	if (pp_answer_is_text(refusal)) {
		pp_answer_refuse(a, "the model refused", refusal);
		return;
	}
	if (content == NULL || content->type == PP_JSON_NULL) {
		pp_answer_refuse(a, "the reply has no text", NULL);
		return;
	}
	if (content->type == PP_JSON_STRING && !content->escaped) {
		a->text = content->text;
		a->text_len = content->len;
	} else {
		pp_buf_clear(&i->text);
		if (!pp_answer_add_text(content, &i->text)) {
			pp_answer_doubt(a, "the reply's content is no text");
			return;
		}
		a->text = i->text.data;
		a->text_len = i->text.len;
	}
	a->class = PP_CALL_OK;
	if (a->finish == PP_FINISH_FILTER)
		pp_answer_refuse(a, "the answer was filtered", NULL);
}

/* A success: what cannot be read may have been billed all the same. */
static void
read_completion(struct pp_invoker *i, const struct pp_json *root,
    struct pp_answer *a)
{
	const struct pp_json *choices = pp_json_get(root, "choices");
	const struct pp_json *message;

	read_usage(pp_json_get(root, "usage"), a);
	if (choices == NULL || choices->type != PP_JSON_ARRAY) {
		pp_answer_doubt(a, "the reply is no chat completion");
		return;
	}
	if (choices->count == 0) {
		pp_answer_refuse(a, "the reply has no choices", NULL);
		return;
	}
	message = pp_json_get(pp_json_at(choices, 0), "message");
	if (message == NULL || message->type != PP_JSON_OBJECT) {
		pp_answer_doubt(a, "the reply's choice has no message");
		return;
	}
	a->finish = pp_finish_read(pp_json_get(pp_json_at(choices, 0),
	    "finish_reason"));
	read_message(i, message, a);
}

static const struct pp_json *
error_message(const struct pp_json *root)
{
	static const char *const paths[] = { "error.message", "error",
		"message", "detail" };
	const struct pp_json *v;

	for (size_t n = 0; n < sizeof paths / sizeof paths[0]; n++) {
		v = pp_json_path(root, paths[n]);
		if (pp_answer_is_text(v))
			return v;
	}
	return NULL;
}

static void
read_error(const struct pp_json *root, int status, struct pp_answer *a)
{
	char what[32];

	a->class = pp_classify_error(status, root);
	snprintf(what, sizeof what, "status %d", status);
	pp_answer_set_reason(a, what,
	    root != NULL ? error_message(root) : NULL);
}

/* A server that repeats our key in what it says shall not spread it. */
static void
hide_key(struct pp_invocation *v, struct pp_answer *a)
{
	struct pp_invoker *i = v->invoker;
	const struct pp_endpoint *e = find_endpoint(i, v->call.model, NULL);
	char *at, *end;
	size_t n;

	if (e == NULL || e->key == NULL)
		return;
	n = strlen(e->key);
	for (at = a->reason; (at = strstr(at, e->key)) != NULL; at += n)
		memset(at, '*', n);
	if (memmem(a->raw, a->raw_len, e->key, n) == NULL)
		return;
	pp_buf_set(&i->raw, a->raw, a->raw_len);
	at = i->raw.data;
	end = at + i->raw.len;
	for (; (at = memmem(at, (size_t)(end - at), e->key, n)) != NULL;
	     at += n)
		memset(at, '*', n);
	a->raw = i->raw.data;
}

/* Some servers send an error with status 200. */
static bool
is_error(const struct pp_json *root)
{
	return root != NULL && pp_json_get(root, "choices") == NULL &&
	    pp_json_get(root, "error") != NULL;
}

static void
read_reply(struct pp_invocation *v, const struct pp_http_reply *r,
    struct pp_answer *a)
{
	struct pp_invoker *i = v->invoker;
	struct pp_error err = PP_ERROR_INIT;
	const struct pp_json *root = pp_json_parse(&i->doc, r->body,
	    r->body_len, PP_JSON_LONE_SURROGATES, &err);

	a->http_status = r->status;
	a->raw = r->body;
	a->raw_len = r->body_len;
	a->retry_after_ms = r->retry_after_ms;
	a->has_allowance = pp_allowance_read(r->headers, r->headers_len,
	    pp_clock_wall_ms(), &a->allowance);
	if (r->status < 200 || r->status > 299 || is_error(root))
		read_error(root, r->status, a);
	else if (root == NULL)
		pp_answer_doubt(a,
		    r->body_len > 0 ? "the reply is not JSON" :
				      "the reply is empty");
	else
		read_completion(i, root, a);
}

static void
on_reply(void *arg, const struct pp_http_reply *r)
{
	struct pp_invocation *v = arg;
	struct pp_answer a;

	pp_answer_init(&a);
	a.elapsed_us = r->elapsed_us;
	switch (r->outcome) {
	case PP_HTTP_ANSWERED: read_reply(v, r, &a); break;
	case PP_HTTP_NOT_SENT:
		a.class = r->no_room ? PP_CALL_NO_ROOM : PP_CALL_TRANSIENT;
		break;
	case PP_HTTP_AMBIGUOUS:
		a.class = PP_CALL_AMBIGUOUS;
		a.raw = r->body;
		a.raw_len = r->body_len;
		break;
	case PP_HTTP_CANCELLED:
		a.class = PP_CALL_CANCELLED;
		a.has_usage = r->unsent; /* surely nothing */
		break;
	}
	if (r->outcome != PP_HTTP_ANSWERED)
		snprintf(a.reason, sizeof a.reason, "%s", r->error);
	if (a.class != PP_CALL_OK)
		hide_key(v, &a);
	pp_invocation_answer(v, &a);
}

/* ---- calls ---- */

static int
openai_send(struct pp_invocation *v, struct pp_error *err)
{
	struct pp_invoker *i = v->invoker;
	const struct pp_model *m = v->call.model;
	const struct pp_endpoint *e = find_endpoint(i, m, err);
	struct pp_http_request req = { .method = "POST" };
	const char *headers[4];
	char request_id[128];
	size_t n = 0;

	if (e == NULL || pp_invoker_http(i, err) < 0)
		return -1;
	put_request(v);
	headers[n++] = "Content-Type: application/json";
	if (e->authorization != NULL)
		headers[n++] = e->authorization;
	if (v->call.attempt_id != NULL) {
		pp_call_put_id_header(v, request_id, sizeof request_id);
		headers[n++] = request_id;
	}
	headers[n] = NULL;
	req.url = e->url;
	req.headers = headers;
	req.body = v->body.data;
	req.body_len = v->body.len;
	req.connect_timeout_ms = m->connect_timeout_ms;
	req.first_byte_timeout_ms = m->first_byte_timeout_ms;
	req.idle_timeout_ms = m->idle_timeout_ms > 0 ? m->idle_timeout_ms :
						       DEFAULT_IDLE_MS;
	req.total_timeout_ms = m->total_timeout_ms;
	if (v->call.timeout_ms > 0 &&
	    (req.total_timeout_ms == 0 ||
		v->call.timeout_ms < req.total_timeout_ms))
		req.total_timeout_ms = v->call.timeout_ms;
	req.plain_http = m->plain_http;
	v->exchange = pp_http_send(i->http, &req, on_reply, v, err);
	return v->exchange != NULL ? 0 : -1;
}

static void
openai_cancel(struct pp_invocation *v)
{
	pp_http_cancel(v->exchange);
}

const struct pp_provider_ops pp_provider_openai = { openai_send,
	openai_cancel };
