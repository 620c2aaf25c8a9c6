/*
 * From a request to a reply: what chat completions and Converse look like,
 * what an answer says, and which fault befalls it. All of it follows from the
 * seed, the prompt and the number of the attempt.
 */
#include <config.h>

#include "mock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BYTES_PER_TOKEN 4

/* ---- faults ---- */

const struct fault fault_table[] = { { "none", WAY_WHOLE, 200 },
	{ "400", WAY_ERROR, 400 }, { "401", WAY_ERROR, 401 },
	{ "403", WAY_ERROR, 403 }, { "404", WAY_ERROR, 404 },
	{ "408", WAY_ERROR, 408 }, { "413", WAY_ERROR, 413 },
	{ "429", WAY_ERROR, 429 }, { "500", WAY_ERROR, 500 },
	{ "502", WAY_ERROR, 502 }, { "503", WAY_ERROR, 503 },
	{ "504", WAY_ERROR, 504 }, { "529", WAY_ERROR, 529 },
	{ "status", WAY_ERROR, 0 }, { "reset", WAY_RESET, 0 },
	{ "close", WAY_CLOSE, 0 }, { "reset_mid", WAY_RESET_MID, 200 },
	{ "truncate", WAY_CLOSE_MID, 200 }, { "drip", WAY_DRIP, 200 },
	{ "hang", WAY_HANG, 200 }, { "garbage", WAY_GARBAGE, 200 },
	{ "empty", WAY_EMPTY, 200 }, { "filter", WAY_FILTER, 200 },
	{ NULL, WAY_WHOLE, 0 } };

_Static_assert(sizeof fault_table / sizeof fault_table[0] <= MAX_FAULTS,
    "options and counters have room for every fault");

int
fault_find(const char *name, size_t n)
{
	for (int i = 0; fault_table[i].name != NULL; i++) {
		if (span_is((struct span){ name, n }, fault_table[i].name))
			return i;
	}
	return -1;
}

bool
reply_find(const char *name, size_t n, enum reply_kind *out)
{
	static const char *const names[] = { [REPLY_TEXT] = "text",
		[REPLY_JSON] = "json",
		[REPLY_FENCED] = "fenced",
		[REPLY_ECHO] = "echo" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (span_is((struct span){ name, n }, names[i])) {
			*out = (enum reply_kind)i;
			return true;
		}
	}
	return false;
}

/* ---- the question ---- */

/* What a prompt may ask for: [[mock fault=429 times=2]]. -1: it does not. */
struct directive {
	int fault;
	long times, bytes, retry_after_s, status;
	double latency_ms;
	enum reply_kind reply;
};

struct question {
	const struct options *options;
	uint64_t hash;
	char model[128];
	size_t model_len;
	int64_t prompt_bytes;
	int64_t max_tokens; /* -1: not said */
	bool asks, streams, has_directive;
	struct json_member last; /* the text that came last */
	struct text *prompt;	 /* all of it, for the log; or NULL */
	struct directive d;
};

/* Scratch; there is one thread. */
static struct text decoded, gathered, content, body;

static struct span
plain_text(const struct json_member *m)
{
	if (!m->escaped)
		return m->value;
	decoded.n = 0;
	json_decode(&decoded, m->value);
	return (struct span){ decoded.p, decoded.n };
}

/* What follows the first "[[mock ", or NULL. */
static const char *
find_directive(struct span s)
{
	const char *p = s.p, *end = s.p + s.n;

	while ((p = memchr(p, '[', (size_t)(end - p))) != NULL) {
		if (end - p > 7 && memcmp(p, "[[mock ", 7) == 0)
			return p + 7;
		p++;
	}
	return NULL;
}

static void
on_prompt(struct question *q, const struct json_member *m)
{
	struct span text = plain_text(m);

	q->hash = hash_bytes(q->hash, text.p, text.n);
	q->prompt_bytes += (int64_t)text.n;
	q->asks = true;
	q->last = *m;
	if (q->options->log_prompts) {
		if (gathered.n > 0)
			text_add(&gathered, "\n", 1);
		text_add(&gathered, text.p, text.n);
	}
	if (!q->has_directive)
		q->has_directive = find_directive(text) != NULL;
}

static void
set_model(struct question *q, struct span s)
{
	q->model_len = s.n < sizeof q->model ? s.n : sizeof q->model - 1;
	memcpy(q->model, s.p, q->model_len);
	for (size_t i = 0; i < q->model_len; i++) {
		if (q->model[i] < ' ' || q->model[i] > '~')
			q->model[i] = '?';
	}
}

static void
on_member(void *arg, const struct json_member *m)
{
	struct question *q = arg;

	if (m->kind == JSON_STRING) {
		if (span_is(m->key, "content") || span_is(m->key, "text"))
			on_prompt(q, m);
		else if (m->depth == 1 && span_is(m->key, "model"))
			set_model(q, plain_text(m));
	} else if (m->kind == JSON_NUMBER) {
		if (span_is(m->key, "max_tokens") ||
		    span_is(m->key, "maxTokens") ||
		    span_is(m->key, "max_completion_tokens"))
			q->max_tokens = strtoll(m->value.p, NULL, 10);
		else if (m->depth == 1 && span_is(m->key, "seed"))
			q->hash = mix64(q->hash ^
			    hash_bytes(0, m->value.p, m->value.n));
	} else if (m->kind == JSON_TRUE && span_is(m->key, "stream")) {
		q->streams = true;
	}
}

/* /model/{id}/converse: the id, without its percent-escapes. */
static void
model_of_path(struct question *q, const char *path)
{
	const char *p = path + strlen("/model/"), *end = strchr(p, '/');
	char id[128];
	size_t n = 0;

	for (; p < end && n < sizeof id - 1; p++) {
		unsigned byte;

		if (*p == '%' && end - p > 2 && sscanf(p + 1, "%2x", &byte)) {
			id[n++] = (char)byte;
			p += 2;
		} else {
			id[n++] = *p;
		}
	}
	set_model(q, (struct span){ id, n });
}

static void
read_word(struct directive *d, struct span key, struct span value)
{
	char number[32];

	snprintf(number, sizeof number, "%.*s", (int)value.n, value.p);
	if (span_is(key, "fault"))
		d->fault = fault_find(value.p, value.n);
	else if (span_is(key, "reply"))
		reply_find(value.p, value.n, &d->reply);
	else if (span_is(key, "times"))
		d->times = strtol(number, NULL, 10);
	else if (span_is(key, "bytes"))
		d->bytes = strtol(number, NULL, 10);
	else if (span_is(key, "retry_after"))
		d->retry_after_s = strtol(number, NULL, 10);
	else if (span_is(key, "status"))
		d->status = strtol(number, NULL, 10);
	else if (span_is(key, "latency"))
		d->latency_ms = strtod(number, NULL);
}

/* The first directive of the body, which was seen to have one. */
static void
read_directive(struct question *q, struct span b)
{
	const char *p = find_directive(b), *end, *word, *equals;

	if (p == NULL)
		return;
	end = memmem(p, (size_t)(b.p + b.n - p), "]]", 2);
	for (; end != NULL && p < end; p = word + 1) {
		word = memchr(p, ' ', (size_t)(end - p));
		if (word == NULL)
			word = end;
		equals = memchr(p, '=', (size_t)(word - p));
		if (equals != NULL)
			read_word(&q->d,
			    (struct span){ p, (size_t)(equals - p) },
			    (struct span){
				equals + 1, (size_t)(word - equals - 1) });
	}
	if (q->d.status >= 0)
		q->d.fault = fault_find("status", 6);
}

/* Whether there is a question in the body. */
static bool
read_question(struct question *q, struct model_call *c)
{
	const struct options *o = c->options;

	memset(q, 0, sizeof *q);
	q->options = o;
	q->hash = mix64(o->seed);
	q->max_tokens = -1;
	q->d = (struct directive){ .fault = -1,
		.times = -1,
		.bytes = -1,
		.retry_after_s = -1,
		.status = -1,
		.latency_ms = -1,
		.reply = o->reply };
	gathered.n = 0;
	if (!json_scan(c->body.p, c->body.n, on_member, q))
		return false;
	if (c->x->api == API_CONVERSE)
		model_of_path(q, c->request->path);
	q->hash = mix64(hash_bytes(q->hash, q->model, q->model_len));
	if (q->has_directive)
		read_directive(q, c->body);
	return q->asks && q->model_len > 0 && !q->streams;
}

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
	struct text extra = { NULL };

	body.n = 0;
	put_retry_after(&extra, o, retry_after_s);
	if (c->x->api == API_CONVERSE) {
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

/* Compute the answer, charge it, and write it, or what the fault leaves. */
static void
complete(struct model_call *c, const struct question *q)
{
	const struct options *o = c->options;
	struct exchange *x = c->x;
	bool cut = make_content(q);
	const char *finish = finish_of(x->api, x->fault->way, cut);
	char extra[80];

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
	else
		put_converse(q, x, finish);
	snprintf(extra, sizeof extra, "%s: %016" PRIx64 "-%" PRIu32 "\r\n",
	    x->api == API_CHAT ? "x-request-id" : "x-amzn-RequestId", q->hash,
	    x->attempt);
	reply_head(c, 200, body.n, extra);
	text_add(c->out, body.p, body.n);
}

/* ---- what becomes of a call ---- */

static bool
is_authorized(const struct model_call *c)
{
	const char *auth = c->options->auth;
	const char *given = c->request->authorization;

	return auth == NULL || strncmp(given, "AWS4-HMAC-SHA256 ", 17) == 0 ||
	    (strncmp(given, "Bearer ", 7) == 0 && strcmp(given + 7, auth) == 0);
}

/* A bucket that fills with time; more calls at once are too many. */
static bool
over_rate(const struct options *o)
{
	static double tokens;
	static int64_t last_us;
	double burst = o->limit_rps > 1 ? o->limit_rps : 1;
	int64_t now = now_us();

	tokens = last_us == 0 ?
	    burst :
	    tokens + (double)(now - last_us) * 1e-6 * o->limit_rps;
	if (tokens > burst)
		tokens = burst;
	last_us = now;
	if (tokens < 1)
		return true;
	tokens -= 1;
	return false;
}

static bool
over_limit(const struct model_call *c)
{
	const struct options *o = c->options;

	if (o->limit_inflight > 0 && c->book->n.inflight > o->limit_inflight)
		return true;
	return o->limit_rps > 0 && over_rate(o);
}

/* What the prompt asks for, --status, --fail-first, or a draw. */
static int
choose_fault(const struct model_call *c, const struct question *q,
    uint64_t chance)
{
	const struct options *o = c->options;
	uint32_t attempt = c->x->attempt;
	double at = unit_of(chance ^ 0xfa17), sum = 0;

	if (q->d.fault >= 0)
		return q->d.times < 0 || attempt < q->d.times ? q->d.fault : 0;
	if (o->status > 0)
		return fault_find("status", 6);
	if ((int64_t)attempt < o->fail_first)
		return o->fail_first_kind;
	for (int i = 1; fault_table[i].name != NULL; i++) {
		sum += o->fault_share[i];
		if (at < sum)
			return i;
	}
	return 0;
}

static double
choose_delay(const struct options *o, const struct question *q, uint64_t chance)
{
	double ms = o->latency_ms;

	if (q->d.latency_ms >= 0)
		return q->d.latency_ms;
	if (o->jitter_ms > 0)
		ms += (2 * unit_of(chance ^ 0x7177) - 1) * o->jitter_ms;
	if (o->tail_share > 0 && unit_of(chance ^ 0x7a11) < o->tail_share)
		ms += o->tail_ms;
	return ms > 0 ? ms : 0;
}

/* Turned away at once. */
static bool
turns_away(int status)
{
	return status == 429 || status == 503 || status == 401 || status == 403;
}

static void
fail_call(struct model_call *c, const struct question *q)
{
	const struct options *o = c->options;
	int status = c->x->fault->status;
	int after_s = q->d.retry_after_s >= 0 ? (int)q->d.retry_after_s :
						o->retry_after_s;

	if (status == 0)
		status = q->d.status >= 0 ? (int)q->d.status : o->status;
	if (status == 0)
		status = 500;
	reply_error(c, status, status == 429 || status == 503 ? after_s : -1);
	if (turns_away(status) && q->d.latency_ms < 0)
		c->x->delay_ms = 0;
}

static void
answer_or_fail(struct model_call *c, const struct question *q)
{
	struct exchange *x = c->x;
	uint64_t chance;
	int fault;

	book_ask(c->book, x);
	chance = mix64(q->hash ^ (uint64_t)x->attempt << 48 ^
	    mix64(c->options->seed));
	fault = choose_fault(c, q, chance);
	x->fault = &fault_table[fault];
	x->delay_ms = choose_delay(c->options, q, chance);
	if (fault > 0)
		c->book->n.fault[fault]++;
	switch (x->fault->way) {
	case WAY_ERROR: fail_call(c, q); break;
	case WAY_RESET:
	case WAY_CLOSE: break;
	default: complete(c, q); break;
	}
}

static void
note_question(struct model_call *c, const struct question *q)
{
	struct exchange *x = c->x;
	struct text quoted = { NULL };

	x->prompt = q->hash;
	x->account = book_account(c->book, q->model, q->model_len);
	x->account->requests++;
	if (c->options->log_prompts) {
		json_encode(&quoted, gathered.p, gathered.n);
		x->prompt_json = mock_strndup(quoted.p, quoted.n);
		text_free(&quoted);
	}
}

void
model_answer(struct model_call *c)
{
	struct counters *n = &c->book->n;
	struct question q;
	bool readable = read_question(&q, c);

	if (c->x->api == API_CHAT)
		n->chat++;
	else
		n->converse++;
	book_id(c->book, c->request->client_id);
	if (readable)
		note_question(c, &q);
	if (strcmp(c->request->method, "POST") != 0) {
		reply_error(c, 405, -1);
	} else if (!is_authorized(c)) {
		n->unauthorized++;
		reply_error(c, c->x->api == API_CHAT ? 401 : 403, -1);
	} else if (!readable) {
		n->bad_requests++;
		reply_error(c, 400, -1);
	} else if (over_limit(c)) {
		n->rate_limited++;
		reply_error(c, 429, c->options->retry_after_s);
	} else {
		answer_or_fail(c, &q);
	}
}
