/*
 * What was asked, answered and billed, and the log of it.
 *
 * A completion is charged when it is computed, and stays "open" until the
 * request is over; then it is "whole", when the client was sent all of a good
 * reply, or "maybe". The three together are the bill at any time.
 */
#include <config.h>

#include "mock.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MAX_PRICES_BYTES (1 << 20)

/* ---- prices ---- */

/*
 * Exact decimal text to nano-dollars: at most nine places, no sign. -1: it is
 * no price.
 */
static int64_t
parse_usd(struct span s)
{
	int64_t v = 0, unit = INT64_C(1000000000);
	size_t i, digits = 0;
	bool point = false;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (s.p[i] < '0' || s.p[i] > '9' || v > INT64_MAX / 100)
			return -1;
		if (point && unit == 1)
			return -1;
		if (point)
			unit /= 10;
		v = v * 10 + (s.p[i] - '0');
		digits++;
	}
	if (digits == 0 || v > INT64_MAX / unit)
		return -1;
	return v * unit;
}

struct price_reader {
	struct book *book;
	const char *problem;
	struct span at;
};

/* {"model": {"input": "0.22", "output": "0.22", "cached": "0.02"}, ...} */
static void
read_price(void *arg, const struct json_member *m)
{
	struct price_reader *r = arg;
	int64_t nusd = parse_usd(m->value);
	struct account *a;

	if (r->problem != NULL)
		return;
	r->at = m->key;
	if (m->depth != 2 || m->kind == JSON_OTHER || m->kind == JSON_TRUE ||
	    nusd < 0) {
		r->problem = "is no price in USD";
		return;
	}
	a = book_account(r->book, m->parent.p, m->parent.n);
	if (!a->priced) {
		a->priced = true;
		a->input = a->output = a->cached = -1;
	}
	if (span_is(m->key, "input"))
		a->input = nusd;
	else if (span_is(m->key, "output"))
		a->output = nusd;
	else if (span_is(m->key, "cached"))
		a->cached = nusd;
	else
		r->problem = "is not input, output or cached";
}

/* Both prices must be there; cached input without one costs as input. */
static bool
check_prices(struct book *b, const char *path)
{
	for (size_t i = 0; i < b->account_count; i++) {
		struct account *a = &b->accounts[i];

		if (!a->priced || a->input < 0 || a->output < 0) {
			fprintf(stderr,
			    "mockllm: %s: '%s' needs input and "
			    "output\n",
			    path, a->model);
			return false;
		}
		if (a->cached < 0)
			a->cached = a->input;
	}
	return true;
}

static bool
load_prices(struct book *b, const char *path)
{
	struct price_reader r = { .book = b };
	FILE *f = fopen(path, "r");
	struct text t = { .p = NULL };
	bool ok = false;

	if (f == NULL) {
		fprintf(stderr, "mockllm: %s: %s\n", path, strerror(errno));
		return false;
	}
	text_reserve(&t, MAX_PRICES_BYTES);
	t.n = fread(t.p, 1, MAX_PRICES_BYTES, f);
	if (!json_scan(t.p, t.n, read_price, &r))
		fprintf(stderr, "mockllm: %s: not JSON\n", path);
	else if (r.problem != NULL)
		fprintf(stderr, "mockllm: %s: '%.*s' %s\n", path, (int)r.at.n,
		    r.at.p, r.problem);
	else
		ok = check_prices(b, path);
	fclose(f);
	text_free(&t);
	return ok;
}

/* ---- open, close ---- */

bool
book_open(struct book *b, const struct options *o)
{
	if (o->prices != NULL && !load_prices(b, o->prices))
		return false;
	if (!o->no_track) {
		b->prompts = prompts_new((size_t)o->max_prompts);
		b->ids = prompts_new((size_t)o->max_prompts);
	}
	if (o->log == NULL)
		return true;
	b->log = fopen(o->log, "w");
	if (b->log == NULL) {
		fprintf(stderr, "mockllm: %s: %s\n", o->log, strerror(errno));
		return false;
	}
	setvbuf(b->log, NULL, _IOFBF, 1 << 18);
	return true;
}

void
book_close(struct book *b)
{
	book_flush(b);
	if (b->log != NULL)
		fclose(b->log);
	prompts_free(b->prompts);
	prompts_free(b->ids);
}

/* Prices stay, and so do the calls that are under way. */
void
book_reset(struct book *b)
{
	int64_t open = b->n.conns_open, inflight = b->n.inflight;

	b->n = (struct counters){ .conns_open = open,
		.conns_peak = open,
		.inflight = inflight,
		.inflight_peak = inflight };
	if (b->prompts != NULL) {
		prompts_clear(b->prompts);
		prompts_clear(b->ids);
	}
	for (size_t i = 0; i < b->account_count; i++) {
		struct account *a = &b->accounts[i];

		a->requests = a->ok = 0;
		a->tokens = (struct tokens){ 0 };
		a->whole = a->maybe = (struct charge){ 0 };
	}
}

/* ---- what happens ---- */

struct account *
book_account(struct book *b, const char *model, size_t n)
{
	struct account *a = b->last;
	size_t i;

	if (n >= sizeof a->model)
		n = sizeof a->model - 1;
	if (a != NULL && memcmp(a->model, model, n) == 0 && a->model[n] == '\0')
		return a;
	for (i = 0; i < b->account_count; i++) {
		a = &b->accounts[i];
		if (memcmp(a->model, model, n) == 0 && a->model[n] == '\0')
			return b->last = a;
	}
	if (i == MAX_ACCOUNTS)
		return &b->accounts[i - 1];
	b->account_count++;
	a = &b->accounts[i];
	memset(a, 0, sizeof *a);
	if (i == MAX_ACCOUNTS - 1)
		strcpy(a->model, "(others)");
	else
		memcpy(a->model, model, n);
	return b->last = a;
}

void
book_id(struct book *b, const char *id)
{
	struct prompt_count *c;

	if (b->ids == NULL || id[0] == '\0')
		return;
	c = prompts_get(b->ids, mix64(hash_bytes(0, id, strlen(id))));
	if (c == NULL)
		b->n.untracked++;
	else if (c->asked++ > 0)
		b->n.repeated_ids++;
}

void
book_ask(struct book *b, struct exchange *x)
{
	struct prompt_count *c;

	if (b->prompts == NULL)
		return;
	c = prompts_get(b->prompts, x->prompt);
	if (c == NULL) {
		b->n.untracked++;
		return;
	}
	b->n.unique_prompts = (int64_t)prompts_count(b->prompts);
	x->attempt = c->asked++;
	if (c->answered > 0)
		b->n.repeats_after_ok++;
	else if (x->attempt > 0)
		b->n.retries++;
}

/* ceil(sum of tokens times price a million / a million) */
static int64_t
price_of(const struct account *a, const struct tokens *t)
{
	__int128 sum = (__int128)(t->prompt - t->cached) * a->input +
	    (__int128)t->cached * a->cached +
	    (__int128)t->completion * a->output;

	return (int64_t)((sum + 999999) / 1000000);
}

static void
add_charge(struct charge *c, const struct exchange *x, int sign)
{
	c->calls += sign;
	c->nusd += sign * x->nusd;
}

void
book_charge(struct book *b, struct exchange *x)
{
	struct account *a = x->account;

	(void)b;
	x->nusd = price_of(a, &x->tokens);
	x->billed = BILLED_OPEN;
	a->tokens.prompt += x->tokens.prompt;
	a->tokens.cached += x->tokens.cached;
	a->tokens.completion += x->tokens.completion;
	add_charge(&a->open, x, 1);
}

static bool
is_useless(enum fault_way way)
{
	return way == WAY_GARBAGE || way == WAY_EMPTY;
}

static void
settle(struct book *b, struct exchange *x, bool sent)
{
	struct account *a = x->account;
	struct prompt_count *c;

	add_charge(&a->open, x, -1);
	if (!sent || is_useless(x->fault->way)) {
		x->billed = BILLED_MAYBE;
		add_charge(&a->maybe, x, 1);
		return;
	}
	x->billed = BILLED_WHOLE;
	add_charge(&a->whole, x, 1);
	a->ok++;
	b->n.ok++;
	c = b->prompts != NULL ? prompts_get(b->prompts, x->prompt) : NULL;
	if (c != NULL)
		c->answered++;
}

/* ---- the log ---- */

static const char *const billed_name[] = { "no", "open", "whole", "maybe" };

static void
put_string(struct text *out, const char *key, const char *s)
{
	text_addf(out, ",\"%s\":\"", key);
	json_encode(out, s, strlen(s));
	text_adds(out, "\"");
}

static void
put_line(struct text *out, const struct exchange *x,
    const struct http_request *r)
{
	text_addf(out,
	    "{\"n\":%" PRId64 ",\"ms\":%" PRId64
	    ",\"took_ms\":%.3f,\"conn\":%" PRId64,
	    x->number, x->began_ms, (double)(now_us() - x->began_us) / 1000,
	    x->conn);
	put_string(out, "path", r->path);
	put_string(out, "model", x->account != NULL ? x->account->model : "");
	put_string(out, "client_id", r->client_id);
	text_addf(out,
	    ",\"prompt\":\"%016" PRIx64 "\",\"attempt\":%" PRIu32
	    ",\"status\":%d,\"fault\":\"%s\"",
	    x->prompt, x->attempt, x->status, x->fault->name);
	text_addf(out,
	    ",\"prompt_tokens\":%" PRId64 ",\"cached_tokens\":%" PRId64
	    ",\"completion_tokens\":%" PRId64 ",\"nusd\":%" PRId64
	    ",\"billed\":\"%s\"",
	    x->tokens.prompt, x->tokens.cached, x->tokens.completion, x->nusd,
	    billed_name[x->billed]);
	if (x->prompt_json != NULL) {
		text_adds(out, ",\"text\":\"");
		text_adds(out, x->prompt_json);
		text_adds(out, "\"");
	}
	text_adds(out, "}\n");
}

static void
log_end(struct book *b, const struct exchange *x, const struct http_request *r)
{
	struct text line = { .p = NULL };

	put_line(&line, x, r);
	fwrite(line.p, 1, line.n, b->log);
	b->log_dirty = true;
	text_free(&line);
}

void
book_flush(struct book *b)
{
	if (!b->log_dirty)
		return;
	if (fflush(b->log) == EOF) {
		perror("mockllm: cannot write the log");
		exit(74);
	}
	b->log_dirty = false;
}

void
book_end(struct book *b, struct exchange *x, const struct http_request *r,
    bool sent)
{
	if (x->billed == BILLED_OPEN)
		settle(b, x, sent);
	if (b->log != NULL)
		log_end(b, x, r);
	free(x->prompt_json);
	x->prompt_json = NULL;
}

/* ---- the counters ---- */

static const struct {
	const char *name;
	size_t offset;
} shown[] = {
#define SHOW(field) \
	{ \
#field, offsetof(struct counters, field) \
	}
	SHOW(requests),
	SHOW(chat),
	SHOW(converse),
	SHOW(other),
	SHOW(ok),
	SHOW(unique_prompts),
	SHOW(retries),
	SHOW(repeats_after_ok),
	SHOW(repeated_ids),
	SHOW(untracked),
	SHOW(inflight),
	SHOW(inflight_peak),
	SHOW(conns),
	SHOW(conns_open),
	SHOW(conns_peak),
	SHOW(keepalive_reuse),
	SHOW(tls_handshakes),
	SHOW(tls_resumed),
	SHOW(client_aborts),
	SHOW(timeouts),
	SHOW(bad_requests),
	SHOW(unauthorized),
	SHOW(rate_limited),
	SHOW(bytes_in),
	SHOW(bytes_out),
#undef SHOW
};

static void
put_charge(struct text *out, const char *name, const struct charge *c)
{
	text_addf(out,
	    ", \"%s\": {\"calls\": %" PRId64 ", \"nusd\": %" PRId64 "}", name,
	    c->calls, c->nusd);
}

/* An account, or the sum of all. */
static void
put_account(struct text *out, const struct account *a)
{
	text_addf(out,
	    "\"prompt_tokens\": %" PRId64 ", \"cached_tokens\": %" PRId64
	    ", \"completion_tokens\": %" PRId64 ", \"bill_nusd\": %" PRId64,
	    a->tokens.prompt, a->tokens.cached, a->tokens.completion,
	    a->whole.nusd + a->maybe.nusd + a->open.nusd);
	put_charge(out, "billed", &a->whole);
	put_charge(out, "billed_ambiguous", &a->maybe);
	put_charge(out, "under_way", &a->open);
}

static void
put_model(struct text *out, const struct account *a)
{
	text_adds(out, "\"");
	json_encode(out, a->model, strlen(a->model));
	text_addf(out,
	    "\": {\"priced\": %s, \"requests\": %" PRId64 ", \"ok\": %" PRId64
	    ", ",
	    a->priced ? "true" : "false", a->requests, a->ok);
	put_account(out, a);
	text_adds(out, "}");
}

static void
sum_charge(struct charge *sum, const struct charge *c)
{
	sum->calls += c->calls;
	sum->nusd += c->nusd;
}

static void
put_bill(struct text *out, const struct book *b)
{
	struct account sum = { .model = "" };

	for (size_t i = 0; i < b->account_count; i++) {
		const struct account *a = &b->accounts[i];

		sum.tokens.prompt += a->tokens.prompt;
		sum.tokens.cached += a->tokens.cached;
		sum.tokens.completion += a->tokens.completion;
		sum_charge(&sum.whole, &a->whole);
		sum_charge(&sum.maybe, &a->maybe);
		sum_charge(&sum.open, &a->open);
	}
	text_adds(out, "  ");
	put_account(out, &sum);
	text_adds(out, ",\n  \"models\": {");
	for (size_t i = 0; i < b->account_count; i++) {
		text_adds(out, i > 0 ? ",\n    " : "\n    ");
		put_model(out, &b->accounts[i]);
	}
	text_adds(out, "},\n");
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

void
book_put_stats(const struct book *b, struct text *out)
{
	double span = (double)(b->n.last_us - b->n.first_us) / 1e6;
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	text_adds(out, "{\n");
	for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
		text_addf(out, "  \"%s\": %" PRId64 ",\n", shown[i].name,
		    *(const int64_t *)(const void *)((const char *)&b->n +
			shown[i].offset));
	put_bill(out, b);
	text_adds(out, "  \"faults\": {");
	for (int i = 1; fault_table[i].name != NULL; i++)
		text_addf(out, "%s\"%s\": %" PRId64, i > 1 ? ", " : "",
		    fault_table[i].name, b->n.fault[i]);
	text_addf(out,
	    "},\n  \"span_s\": %.6f,\n  \"rps\": %.1f,\n"
	    "  \"cpu_user_s\": %.3f,\n  \"cpu_sys_s\": %.3f,\n"
	    "  \"maxrss_kb\": %ld\n}\n",
	    span, span > 0 ? (double)b->n.requests / span : 0.0,
	    seconds(ru.ru_utime), seconds(ru.ru_stime), ru.ru_maxrss);
}
