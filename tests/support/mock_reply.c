/*
 * Replies: what chat completions, Converse and their errors look like, and
 * what an answer says.
 */
#include <config.h>

#include "mock_question.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

/* Scratch; there is one thread. */
static struct text content, body;

/* ---- the answer's text ---- */

#define NWORDS 64
#define WORD_BYTES 8

/* All shorter than WORD_BYTES, so that each can be copied as so many. */
static const char words[NWORDS][WORD_BYTES] = { "amber", "anchor", "autumn",
	"basket", "beacon", "bridge", "canvas", "carbon", "cedar", "chapel",
	"cinder", "circle", "cloud", "copper", "coral", "cotton", "dawn",
	"desert", "ember", "engine", "fable", "falcon", "field", "forest",
	"garden", "glacier", "granite", "harbor", "hollow", "island", "ivory",
	"kettle", "ladder", "lantern", "letter", "linen", "marble", "meadow",
	"mirror", "morning", "moss", "needle", "ocean", "orchard", "paper",
	"pebble", "pepper", "pillar", "planet", "quarry", "river", "saddle",
	"shadow", "silver", "spring", "summer", "table", "temple", "thunder",
	"timber", "valley", "velvet", "window", "winter" };

/* strlen(3) of a word, which has four letters at least. */
static size_t
word_len(const char *word)
{
	size_t n = 4;

	while (word[n] != '\0')
		n++;
	return n;
}

/* `want` bytes of sentences. */
static void
make_text(struct text *t, uint64_t h, size_t want)
{
	size_t end = t->n + want;
	int in_sentence = 0;

	text_reserve(t, want + 2 * WORD_BYTES);
	while (t->n < end) {
		h = mix64(h);
		for (int i = 0; i < 10 && t->n < end; i++) {
			unsigned draw = (unsigned)(h >> (i * 6));
			const char *w = words[draw % NWORDS];
			char *p = t->p + t->n;

			memcpy(p, w, WORD_BYTES);
			if (in_sentence == 0)
				*p = (char)(*p - 'a' + 'A');
			p += word_len(w);
			if (++in_sentence > 6 && draw % 4 == 0) {
				*p++ = '.';
				in_sentence = 0;
			}
			*p++ = ' ';
			t->n = (size_t)(p - t->p);
		}
	}
	t->n = end;
	if (want > 0)
		t->p[end - 1] = '.';
}

/* An object with a text in it; in a code block, as models like to do. */
static void
make_json(struct text *t, uint64_t h, size_t want, bool fenced)
{
	if (fenced)
		text_adds(t, "Here is the result.\n```json\n");
	text_addf(t,
	    "{\"id\": \"%016" PRIx64 "\", \"score\": %.4f, "
	    "\"label\": \"%s\", \"tags\": [\"%s\", \"%s\"], \"text\": \"",
	    h, unit_of(h), words[h % NWORDS], words[(h >> 6) % NWORDS],
	    words[(h >> 12) % NWORDS]);
	make_text(t, h, want);
	text_adds(t, "\"}");
	if (fenced)
		text_adds(t, "\n```\n");
}

static void
cut_at(struct text *t, size_t n)
{
	while (n > 0 && ((unsigned char)t->p[n] & 0xc0) == 0x80)
		n--; /* not inside of a character */
	t->n = n;
}

/* Fills `content`; returns whether max_tokens cut it. */
static bool
make_content(const struct question *q)
{
	size_t want = (size_t)(q->d.bytes >= 0 ? q->d.bytes :
						 q->options->bytes);
	size_t most = SIZE_MAX;

	if (q->max_tokens >= 0 && q->max_tokens < INT32_MAX)
		most = (size_t)q->max_tokens * BYTES_PER_TOKEN;
	content.n = 0;
	switch (q->d.reply) {
	case REPLY_TEXT:
		make_text(&content, q->hash, want < most ? want : most);
		return want > most;
	case REPLY_JSON: make_json(&content, q->hash, want, false); break;
	case REPLY_FENCED: make_json(&content, q->hash, want, true); break;
	case REPLY_ECHO: json_decode(&content, q->last.value); break;
	}
	if (content.n <= most)
		return false;
	cut_at(&content, most);
	return true;
}

/* ---- the reply ---- */

void
reply_head(struct model_call *c, int status, size_t body_len, const char *extra)
{
	struct text *t = c->out;

	text_addf(t,
	    "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n",
	    status, http_reason(status), body_len);
	text_adds(t, extra);
	text_add(t, c->options->headers.p, c->options->headers.n);
	text_adds(t, c->keep ? "\r\n" : "Connection: close\r\n\r\n");
	c->body_at = t->n;
	c->x->status = status;
}

void
reply_text(struct model_call *c, int status, const char *text)
{
	reply_head(c, status, strlen(text), "");
	text_adds(c->out, text);
}

static const struct error_kind {
	int status;
	const char *type, *aws;
} error_kinds[] = { { 400, "invalid_request_error", "ValidationException" },
	{ 401, "invalid_api_key", "UnrecognizedClientException" },
	{ 403, "permission_denied", "AccessDeniedException" },
	{ 404, "model_not_found", "ResourceNotFoundException" },
	{ 405, "invalid_request_error", "ValidationException" },
	{ 408, "timeout", "ModelTimeoutException" },
	{ 413, "request_too_large", "ValidationException" },
	{ 424, "model_error", "ModelErrorException" },
	{ 429, "rate_limit_exceeded", "ThrottlingException" },
	{ 500, "server_error", "InternalServerException" },
	{ 502, "bad_gateway", "InternalServerException" },
	{ 503, "overloaded", "ServiceUnavailableException" },
	{ 504, "timeout", "ModelTimeoutException" },
	{ 529, "overloaded_error", "ServiceUnavailableException" },
	{ 0, "error", "Exception" } };

static const struct error_kind *
error_kind_of(int status)
{
	const struct error_kind *k = error_kinds;

	while (k->status != 0 && k->status != status)
		k++;
	return k;
}

static void
put_retry_after(struct text *out, const struct options *o, int seconds)
{
	time_t when = time(NULL) + seconds;
	char date[64];
	struct tm tm;

	if (seconds < 0)
		return;
	if (o->retry_after_date) {
		strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT",
		    gmtime_r(&when, &tm));
		text_addf(out, "Retry-After: %s\r\n", date);
	} else {
		text_addf(out, "Retry-After: %d\r\n", seconds);
	}
}

void
reply_error(struct model_call *c, int status, int retry_after_s)
{
	const struct error_kind *k = error_kind_of(status);
	const struct options *o = c->options;
	const char *type = o->error_type;
	struct text extra = { .p = NULL };

	body.n = 0;
	put_retry_after(&extra, o, retry_after_s);
	if (c->x->api == API_CONVERSE || c->x->api == API_INVOKE) {
		type = type != NULL ? type : k->aws;
		text_addf(&extra, "x-amzn-ErrorType: %s\r\n", type);
		text_addf(&body, "{\"message\":\"mock %s\"}\n", type);
	} else {
		type = type != NULL ? type : k->type;
		text_addf(&body,
		    "{\"error\":{\"message\":\"mock %s\","
		    "\"type\":\"%s\",\"param\":null,\"code\":\"%s\"}}\n",
		    type, type, type);
	}
	text_add(&extra, "", 1);
	reply_head(c, status, body.n, extra.p);
	text_add(c->out, body.p, body.n);
	text_free(&extra);
}

static void
put_chat(const struct question *q, const struct exchange *x, const char *finish)
{
	const struct tokens *t = &x->tokens;

	text_addf(&body,
	    "{\"id\":\"chatcmpl-%016" PRIx64
	    "\",\"object\":\"chat.completion\",\"created\":1700000000,"
	    "\"model\":\"",
	    q->hash);
	json_encode(&body, q->model, q->model_len);
	text_adds(&body,
	    "\",\"choices\":[{\"index\":0,\"message\":"
	    "{\"role\":\"assistant\",\"content\":\"");
	json_encode(&body, content.p, content.n);
	text_addf(&body,
	    "\",\"refusal\":null},\"logprobs\":null,"
	    "\"finish_reason\":\"%s\"}]",
	    finish);
	if (!q->options->no_usage) {
		text_addf(&body,
		    ",\"usage\":{\"prompt_tokens\":%" PRId64
		    ",\"completion_tokens\":%" PRId64
		    ",\"total_tokens\":%" PRId64,
		    t->prompt, t->completion, t->prompt + t->completion);
		if (t->cached > 0)
			text_addf(&body,
			    ",\"prompt_tokens_details\":"
			    "{\"cached_tokens\":%" PRId64 "}",
			    t->cached);
		text_adds(&body, "}");
	}
	text_adds(&body, ",\"system_fingerprint\":\"fp_mock\"}");
}

static void
put_converse(const struct question *q, const struct exchange *x,
    const char *stop_reason)
{
	const struct tokens *t = &x->tokens;

	text_adds(&body,
	    "{\"output\":{\"message\":{\"role\":\"assistant\","
	    "\"content\":[{\"text\":\"");
	json_encode(&body, content.p, content.n);
	text_addf(&body, "\"}]}},\"stopReason\":\"%s\"", stop_reason);
	if (!q->options->no_usage) {
		text_addf(&body,
		    ",\"usage\":{\"inputTokens\":%" PRId64
		    ",\"outputTokens\":%" PRId64 ",\"totalTokens\":%" PRId64,
		    t->prompt - t->cached, t->completion,
		    t->prompt + t->completion);
		if (t->cached > 0)
			text_addf(&body, ",\"cacheReadInputTokens\":%" PRId64,
			    t->cached);
		text_adds(&body, "}");
	}
	text_addf(&body, ",\"metrics\":{\"latencyMs\":%d}}", (int)x->delay_ms);
}

/* What a whole answer says of its end. */
static const char *
finish_of(enum api api, enum fault_way way, bool cut)
{
	if (way == WAY_FILTER)
		return api == API_CHAT ? "content_filter" : "content_filtered";
	if (cut)
		return api == API_CHAT ? "length" : "max_tokens";
	return api == API_CHAT ? "stop" : "end_turn";
}

static int64_t
tokens_of(int64_t bytes, double factor)
{
	int64_t n = (bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;

	return factor == 1.0 ? n : (int64_t)((double)n * factor);
}

void
reply_answer(struct model_call *c, const struct question *q)
{
	const struct options *o = c->options;
	struct exchange *x = c->x;
	bool cut = make_content(q);
	const char *finish = finish_of(x->api, x->fault->way, cut);
	char extra[256];
	size_t n;

	if (x->fault->way == WAY_FILTER)
		content.n = 0;
	x->tokens.prompt = tokens_of(q->prompt_bytes, o->usage_factor);
	x->tokens.completion = tokens_of((int64_t)content.n, o->usage_factor);
	x->tokens.cached = (int64_t)((double)x->tokens.prompt *
	    o->cached_share);
	book_charge(c->book, x);
	body.n = 0;
	if (x->fault->way == WAY_GARBAGE)
		text_adds(&body, "{\"choices\":[{\"message\":{\"content\":\"");
	else if (x->fault->way == WAY_EMPTY)
		;
	else if (x->api == API_CHAT)
		put_chat(q, x, finish);
	else if (x->api == API_CONVERSE)
		put_converse(q, x, finish);
	else
		invoke_put(&body, q, (struct span){ content.p, content.n },
		    &x->tokens, cut);
	n = (size_t)snprintf(extra, sizeof extra,
	    "%s: %016" PRIx64 "-%" PRIu32 "\r\n",
	    x->api == API_CHAT ? "x-request-id" : "x-amzn-RequestId", q->hash,
	    x->attempt);
	if (x->api == API_INVOKE && !o->no_usage)
		snprintf(extra + n, sizeof extra - n,
		    "X-Amzn-Bedrock-Input-Token-Count: %" PRId64 "\r\n"
		    "X-Amzn-Bedrock-Output-Token-Count: %" PRId64 "\r\n",
		    x->tokens.prompt, x->tokens.completion);
	reply_head(c, 200, body.n, extra);
	text_add(c->out, body.p, body.n);
}
