/* What is asked: the body of a call, and what a prompt says to the server. */
#include <config.h>

#include "mock_question.h"

#include <stdlib.h>
#include <string.h>

/* Scratch; there is one thread. */
static struct text decoded, gathered;

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

/* How vendors call what is asked in bodies of InvokeModel. */
static bool
is_invoke_prompt(const struct json_member *m)
{
	static const char *const names[] = { "prompt", "message", "inputText",
		"system", "preamble" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (m->depth == 1 && span_is(m->key, names[i]))
			return true;
	}
	return false;
}

static void
on_member(void *arg, const struct json_member *m)
{
	struct question *q = arg;

	if (m->kind == JSON_STRING) {
		if (span_is(m->key, "content") || span_is(m->key, "text") ||
		    (q->invokes && is_invoke_prompt(m)))
			on_prompt(q, m);
		else if (m->depth == 1 && span_is(m->key, "model"))
			set_model(q, plain_text(m));
	} else if (m->kind == JSON_NUMBER) {
		if (span_is(m->key, "max_tokens") ||
		    span_is(m->key, "maxTokens") ||
		    span_is(m->key, "max_gen_len") ||
		    span_is(m->key, "maxTokenCount") ||
		    span_is(m->key, "max_completion_tokens"))
			q->max_tokens = strtoll(m->value.p, NULL, 10);
		else if (m->depth == 1 && span_is(m->key, "seed"))
			q->hash = mix64(q->hash ^
			    hash_bytes(0, m->value.p, m->value.n));
	} else if (m->kind == JSON_TRUE && span_is(m->key, "stream")) {
		q->streams = true;
	}
}

/* /model/{id}/...: the id, without its percent-escapes. */
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

bool
question_read(struct question *q, struct model_call *c)
{
	const struct options *o = c->options;

	memset(q, 0, sizeof *q);
	q->options = o;
	q->invokes = c->x->api == API_INVOKE;
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
	q->prompt = &gathered;
	if (!json_scan(c->body.p, c->body.n, on_member, q))
		return false;
	if (c->x->api == API_CONVERSE || q->invokes)
		model_of_path(q, c->request->path);
	q->hash = mix64(hash_bytes(q->hash, q->model, q->model_len));
	if (q->has_directive)
		read_directive(q, c->body);
	return q->asks && q->model_len > 0 && !q->streams;
}
