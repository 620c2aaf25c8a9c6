/*
 * Provider openai: chat completions over HTTP, as OpenAI's servers, vLLM,
 * llama.cpp, Ollama and many others have them.
 */
#include <config.h>

#include "model/invoke_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

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

/* A certificate store of one's own: ours, or OpenSSL's variable. */
static int
open_http(struct pp_invoker *i, struct pp_error *err)
{
	struct pp_http_options o = { .max_in_flight = i->max_in_flight };
	const char *ca = getenv("PP_CA_FILE");

	if (i->http != NULL)
		return 0;
	if (ca == NULL || ca[0] == '\0')
		ca = getenv("SSL_CERT_FILE");
	if (ca != NULL && ca[0] != '\0')
		o.ca_file = ca;
	i->http = pp_http_new(i->loop, &o, err);
	return i->http != NULL ? 0 : -1;
}

/* ---- the request ---- */

/* ".5", "1." and "007" are numbers to people and not in JSON. */
static bool
is_json_decimal(const char *text)
{
	size_t whole = strspn(text, "0123456789"), fraction;

	if (whole == 0 || (whole > 1 && text[0] == '0'))
		return false;
	if (text[whole] == '\0')
		return true;
	fraction = strspn(text + whole + 1, "0123456789");
	return text[whole] == '.' && fraction > 0 &&
	    text[whole + 1 + fraction] == '\0';
}

static void
put_decimal(struct pp_buf *b, const char *text)
{
	if (is_json_decimal(text))
		pp_buf_adds(b, text);
	else
		pp_json_put_double(b, strtod(text, NULL));
}

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
put_messages(struct pp_buf *b, struct pp_buf *joined, const struct pp_call *c)
{
	bool has_system = c->system != NULL && c->system_len > 0;

	pp_buf_adds(b, ",\"messages\":[");
	if (has_system && !c->model->no_system) {
		put_message(b, "system", c->system, c->system_len);
		pp_buf_addc(b, ',');
	}
	if (has_system && c->model->no_system) {
		pp_buf_set(joined, c->system, c->system_len);
		pp_buf_adds(joined, "\n\n");
		pp_buf_add(joined, c->prompt, c->prompt_len);
		put_message(b, "user", joined->data, joined->len);
	} else {
		put_message(b, "user", c->prompt, c->prompt_len);
	}
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
	pp_buf_adds(b, "{\"model\":");
	pp_json_put_cstr(b, m->id);
	put_messages(b, &v->invoker->joined, c);
	pp_buf_adds(b,
	    m->completion_tokens ? ",\"max_completion_tokens\":" :
				   ",\"max_tokens\":");
	pp_json_put_int(b, c->max_tokens);
	if (c->temperature != NULL && !m->no_temperature) {
		pp_buf_adds(b, ",\"temperature\":");
		put_decimal(b, c->temperature);
	}
	if (c->top_p != NULL && !m->no_temperature) {
		pp_buf_adds(b, ",\"top_p\":");
		put_decimal(b, c->top_p);
	}
	if (c->stop != NULL && c->stop[0] != NULL)
		put_stop(b, c->stop);
	if (m->send_seed) {
		pp_buf_adds(b, ",\"seed\":");
		pp_json_put_int(b, (int64_t)(c->seed & INT32_MAX));
	}
	pp_buf_addc(b, '}');
}

/* ---- the reply ---- */

static enum pp_finish
read_finish(const struct pp_json *v)
{
	static const struct {
		const char *name;
		enum pp_finish finish;
	} known[] = {
		{ "stop", PP_FINISH_STOP },
		{ "length", PP_FINISH_LENGTH },
		{ "content_filter", PP_FINISH_FILTER },
		{ "eos", PP_FINISH_STOP },
		{ "eos_token", PP_FINISH_STOP },
		{ "stop_sequence", PP_FINISH_STOP },
		{ "end_turn", PP_FINISH_STOP },
		{ "max_tokens", PP_FINISH_LENGTH },
		{ "model_length", PP_FINISH_LENGTH },
		{ "safety", PP_FINISH_FILTER },
	};

	for (size_t i = 0; v != NULL && i < sizeof known / sizeof known[0];
	     i++) {
		if (pp_json_is(v, known[i].name))
			return known[i].finish;
	}
	return PP_FINISH_OTHER;
}

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

/* Append a text, or the texts of a list of parts. False: it is neither. */
static bool
add_content(const struct pp_json *v, struct pp_buf *out)
{
	const struct pp_json *part;

	if (v->type == PP_JSON_STRING)
		return pp_json_unescape(v, out) == 0;
	if (v->type != PP_JSON_ARRAY)
		return false;
	part = pp_json_first(v);
	for (uint32_t n = 0; n < v->count; n++, part = pp_json_next(part)) {
		const struct pp_json *text = pp_json_get(part, "text");

		if (text != NULL && text->type == PP_JSON_STRING &&
		    pp_json_unescape(text, out) < 0)
			return false;
	}
	return true;
}

static bool
is_text(const struct pp_json *v)
{
	return v != NULL && v->type == PP_JSON_STRING && v->len > 0;
}

/* One line of what a reply says went wrong. */
static void
set_reason(struct pp_answer *a, const char *what, const struct pp_json *detail)
{
	struct pp_error line = PP_ERROR_INIT;
	char *text = detail != NULL ? pp_json_strdup(detail) : NULL;

	if (text != NULL && text[0] != '\0')
		pp_error_set(&line, PP_OK, "%s: %.200s", what, text);
	else
		pp_error_set(&line, PP_OK, "%s", what);
	free(text);
	snprintf(a->reason, sizeof a->reason, "%s", line.text);
}

static void
refuse(struct pp_answer *a, const char *what, const struct pp_json *detail)
{
	a->class = PP_CALL_REFUSED;
	set_reason(a, what, detail);
}

static void
doubt(struct pp_answer *a, const char *what)
{
	a->class = PP_CALL_AMBIGUOUS;
	a->has_usage = false;
	a->usage = (struct pp_usage){ 0 };
	set_reason(a, what, NULL);
}

static void
read_message(struct pp_invoker *i, const struct pp_json *message,
    struct pp_answer *a)
{
	const struct pp_json *content = pp_json_get(message, "content");
	const struct pp_json *refusal = pp_json_get(message, "refusal");

	if (is_text(refusal)) {
		refuse(a, "the model refused", refusal);
		return;
	}
	if (content == NULL || content->type == PP_JSON_NULL) {
		refuse(a, "the reply has no text", NULL);
		return;
	}
	if (content->type == PP_JSON_STRING && !content->escaped) {
		a->text = content->text;
		a->text_len = content->len;
	} else {
		pp_buf_clear(&i->text);
		if (!add_content(content, &i->text)) {
			doubt(a, "the reply's content is no text");
			return;
		}
		a->text = i->text.data;
		a->text_len = i->text.len;
	}
	a->class = PP_CALL_OK;
	if (a->finish == PP_FINISH_FILTER)
		refuse(a, "the answer was filtered", NULL);
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
		doubt(a, "the reply is no chat completion");
		return;
	}
	if (choices->count == 0) {
		refuse(a, "the reply has no choices", NULL);
		return;
	}
	message = pp_json_get(pp_json_at(choices, 0), "message");
	if (message == NULL || message->type != PP_JSON_OBJECT) {
		doubt(a, "the reply's choice has no message");
		return;
	}
	a->finish = read_finish(pp_json_get(pp_json_at(choices, 0),
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
		if (is_text(v))
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
	set_reason(a, what, root != NULL ? error_message(root) : NULL);
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
	if (r->status < 200 || r->status > 299 || is_error(root))
		read_error(root, r->status, a);
	else if (root == NULL)
		doubt(a,
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
	case PP_HTTP_NOT_SENT: a.class = PP_CALL_TRANSIENT; break;
	case PP_HTTP_AMBIGUOUS:
		a.class = PP_CALL_AMBIGUOUS;
		a.raw = r->body;
		a.raw_len = r->body_len;
		break;
	case PP_HTTP_CANCELLED: a.class = PP_CALL_CANCELLED; break;
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

	if (e == NULL || open_http(i, err) < 0)
		return -1;
	put_request(v);
	headers[n++] = "Content-Type: application/json";
	if (e->authorization != NULL)
		headers[n++] = e->authorization;
	if (v->call.attempt_id != NULL) {
		snprintf(request_id, sizeof request_id,
		    "X-Client-Request-Id: %s%s%s",
		    i->run != NULL ? i->run : "", i->run != NULL ? "-" : "",
		    v->call.attempt_id);
		headers[n++] = request_id;
	}
	headers[n] = NULL;
	req.url = e->url;
	req.headers = headers;
	req.body = v->body.data;
	req.body_len = v->body.len;
	req.total_timeout_ms = m->total_timeout_ms;
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
