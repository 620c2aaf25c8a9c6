/*
 * What becomes of a call: an answer, or a fault. All of it follows from the
 * seed, the prompt and the number of the attempt.
 */
#include <config.h>

#include "mock_question.h"

#include <stdlib.h>
#include <string.h>

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

/* ---- what becomes of a call ---- */

static bool
is_authorized(const struct model_call *c)
{
	const char *auth = c->options->auth, *account = c->options->aws_account;
	const char *given = c->request->authorization;
	size_t head = c->request->head_len;

	if (account != NULL && c->x->api != API_CHAT)
		return sign_check(account, c->request,
		    (struct span){ c->body.p - head, head }, c->body);
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
	default: reply_answer(c, q); break;
	}
}

static void
note_question(struct model_call *c, const struct question *q)
{
	struct exchange *x = c->x;
	struct text quoted = { .p = NULL };

	x->prompt = q->hash;
	x->account = book_account(c->book, q->model, q->model_len);
	x->account->requests++;
	if (c->options->log_prompts) {
		json_encode(&quoted, q->prompt->p, q->prompt->n);
		x->prompt_json = mock_strndup(quoted.p, quoted.n);
		text_free(&quoted);
	}
}

void
model_answer(struct model_call *c)
{
	struct counters *n = &c->book->n;
	struct question q;
	bool readable = question_read(&q, c);

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
