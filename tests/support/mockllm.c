/*
 * mockllm - a server that answers like a model server, for tests
 *
 *	mockllm [OPTION...]
 *
 *	POST {prefix}/chat/completions	chat completions as of OpenAI
 *	POST /model/{id}/converse	Converse as of Bedrock
 *	POST /model/{id}/invoke		InvokeModel, by the id's vendor
 *	GET {prefix}/models		the models of the price table
 *	GET /__stats			counters and the bill, JSON
 *	POST /__reset			counters to zero
 *	GET /__health
 *
 * It speaks HTTP/1.1 (kept alive, pipelined, chunked, Expect) and TLS, with
 * thousands of connections in one thread. For HTTP/2 put a proxy before it.
 *
 * What happens to a call follows from --seed, the prompt and the number of the
 * attempt at it, never from the order of arrival: a run's totals are the same
 * at any concurrency. The prompt is the model's name, the text under "content"
 * and "text", and "seed"; a directive in the text concerns this prompt alone:
 *
 *	[[mock fault=429 times=2 retry_after=3 latency=50 bytes=300
 *	    reply=json status=418]]
 *
 * (on one line). Calls without a good token, and those over a limit, are not
 * attempts. A token is four bytes, of prompts and of answers.
 *
 * Options
 *	--host A	127.0.0.1
 *	--port N	8089; 0: any free one
 *	--port-file F	the port goes there when calls are taken
 *	--tls-cert F, --tls-key F	PEM
 *	--auth TOKEN	ask for "Bearer TOKEN"; any AWS4-HMAC-SHA256 will do
 *	--aws-account ACCESS:SECRET	on Bedrock's paths, ask for a signature
 *			of this key; 403 for a wrong one
 *	--latency MS, --jitter MS	evenly, more or less
 *	--tail P:MS	the share P of calls takes MS longer
 *	--bytes N	length of an answer, 1200; cut at max_tokens
 *	--reply KIND	text, json, fenced (json in a code block) or echo
 *	--seed N	1
 *	--fault KIND=P	the share P of attempts fails like this; see below
 *	--fail-first N[:KIND]	the first N attempts at each prompt, with 429
 *	--status N	answer every call with it
 *	--error-type S	the type and code in the body of errors
 *	--retry-after S	with 429 and 503, 1; -1: not said
 *	--retry-after-date	as an HTTP date
 *	--drip N:MS	64:50, how drips go
 *	--limit-rps R, --limit-inflight N	above it, 429
 *	--conn-requests N	close a connection after so many
 *	--idle MS	close a connection that is idle for so long
 *	--read MS	60000, how long a request may take to come in
 *	--max-conns N	16384; those above wait until one is closed
 *	--max-body N	67108864; above it, 413. A head has 65536 at most (431)
 *	--header 'N: V'	also in every reply; may be repeated
 *	--no-usage	tell no usage
 *	--usage-factor X	tell, and bill, X times the tokens
 *	--cached X	the share X of prompts' tokens came out of a cache
 *	--prices F	{"MODEL": {"input": "0.22", "output": "0.22",
 *			"cached": "0.02"}, ...}, USD per million tokens
 *	--log F		a line for each request, JSON, when it is over
 *	--log-prompts	with the texts of the prompts
 *	--no-track	forget prompts: no attempts, no repeats
 *	--max-prompts N	12582912; those above are "untracked"
 *	--quiet
 *
 * Faults, and what they cost
 *	400 401 403 404 408 413 429 500 502 503 504 529, status
 *			an error reply, nothing. 401, 403, 429 and 503 come at
 *			once, the others after the latency
 *	reset, close	no reply, by RST or FIN; nothing: it failed before the
 *			answer was computed
 *	reset_mid, truncate	half of the body, then RST or FIN
 *	hang		no reply, and the connection stays open
 *	drip		the reply comes in drops
 *	garbage, empty	200 with half a JSON text, or with no body
 *	filter		200, the answer kept back by a filter: its prompt
 *
 * A call is billed as soon as its answer is computed, which is before its
 * latency: ceil(sum of tokens * price per million / 10^6) nano-dollars. Until
 * it is over it is "under_way"; then "billed" when the whole of a readable
 * reply was handed to the system, and "billed_ambiguous" when not: cut, reset
 * midway, hung, garbage, empty, a drip or a wait that the client did not stay
 * for. The client cannot know about those. "bill_nusd" is the three together,
 * so at any time what a client has proven <= bill_nusd <= proven + unproven.
 *
 * Of the counters, "ok" is whole good replies, "retries" are attempts at a
 * prompt that was asked before and has no whole answer yet, and
 * "repeats_after_ok" those at one that has; "repeated_ids" are requests with a
 * client_id that came before: a transport sent a paid call twice. They are
 * exact up to --max-prompts prompts, and as many ids, which take 22 to 43
 * bytes each (at most 270 MB for each of the two by default).
 *
 * The log's lines have n (number of the request), ms (of its arrival, since
 * 1970), took_ms, conn (number of the connection), path, model, client_id
 * (X-Client-Request-Id), prompt (hash), attempt, status (0: no reply), fault,
 * prompt_tokens, cached_tokens, completion_tokens, nusd, billed ("whole",
 * "maybe" or "no"), and text. They are written each time the server has
 * nothing else to do, and at its end by SIGTERM or SIGINT.
 */
#include <config.h>

#include "mock.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- values of options ---- */

static bool
set_int(const char *text, long min, long max, void *out)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (end == text || *end != '\0' || v < min || v > max)
		return false;
	*(int *)out = (int)v;
	return true;
}

static bool
set_port(struct options *o, const char *v)
{
	return set_int(v, 0, 65535, &o->port);
}

static bool
set_status(struct options *o, const char *v)
{
	return set_int(v, 300, 599, &o->status);
}

static bool
set_retry_after(struct options *o, const char *v)
{
	return set_int(v, -1, 1000000, &o->retry_after_s);
}

static bool
set_reply(struct options *o, const char *v)
{
	return reply_find(v, strlen(v), &o->reply);
}

static bool
set_seed(struct options *o, const char *v)
{
	char *end;

	o->seed = strtoull(v, &end, 10);
	return end != v && *end == '\0';
}

/* "A:B", both of which are numbers. */
static bool
split_pair(const char *v, double *a, double *b)
{
	char *end;

	*a = strtod(v, &end);
	if (end == v || *end != ':' || *a < 0)
		return false;
	v = end + 1;
	*b = strtod(v, &end);
	return end != v && *end == '\0' && *b >= 0;
}

static bool
set_tail(struct options *o, const char *v)
{
	return split_pair(v, &o->tail_share, &o->tail_ms) && o->tail_share <= 1;
}

static bool
set_drip(struct options *o, const char *v)
{
	double bytes;

	if (!split_pair(v, &bytes, &o->drip_ms) || bytes < 1)
		return false;
	o->drip_bytes = (long)bytes;
	return true;
}

static bool
set_fault(struct options *o, const char *v)
{
	const char *equals = strchr(v, '=');
	int i = equals == NULL ? -1 : fault_find(v, (size_t)(equals - v));
	char *end;

	if (i < 1)
		return false;
	o->fault_share[i] = strtod(equals + 1, &end);
	return end != equals + 1 && *end == '\0' && o->fault_share[i] >= 0 &&
	    o->fault_share[i] <= 1;
}

static bool
set_fail_first(struct options *o, const char *v)
{
	char *end;

	o->fail_first = (int)strtol(v, &end, 10);
	if (*end == ':')
		o->fail_first_kind = fault_find(end + 1, strlen(end + 1));
	else if (*end != '\0')
		return false;
	return end != v && o->fail_first >= 0 && o->fail_first_kind > 0;
}

static bool
set_header(struct options *o, const char *v)
{
	if (strchr(v, ':') == NULL || strpbrk(v, "\r\n") != NULL)
		return false;
	text_addf(&o->headers, "%s\r\n", v);
	return true;
}

/* ---- the table of options ---- */

enum option_kind { SWITCH, STRING, COUNT, REAL, SETTER };

static const struct option_row {
	const char *name;
	enum option_kind kind;
	size_t offset;
	bool (*set)(struct options *o, const char *value);
} rows[] = {
#define AT(field) offsetof(struct options, field)
	{ "auth", STRING, AT(auth), NULL },
	{ "aws-account", STRING, AT(aws_account), NULL },
	{ "bytes", COUNT, AT(bytes), NULL },
	{ "cached", REAL, AT(cached_share), NULL },
	{ "conn-requests", COUNT, AT(conn_requests), NULL },
	{ "drip", SETTER, 0, set_drip },
	{ "error-type", STRING, AT(error_type), NULL },
	{ "fail-first", SETTER, 0, set_fail_first },
	{ "fault", SETTER, 0, set_fault },
	{ "header", SETTER, 0, set_header },
	{ "host", STRING, AT(host), NULL },
	{ "idle", REAL, AT(idle_ms), NULL },
	{ "jitter", REAL, AT(jitter_ms), NULL },
	{ "latency", REAL, AT(latency_ms), NULL },
	{ "limit-inflight", COUNT, AT(limit_inflight), NULL },
	{ "limit-rps", REAL, AT(limit_rps), NULL },
	{ "log", STRING, AT(log), NULL },
	{ "log-prompts", SWITCH, AT(log_prompts), NULL },
	{ "max-body", COUNT, AT(max_body), NULL },
	{ "max-conns", COUNT, AT(max_conns), NULL },
	{ "max-prompts", COUNT, AT(max_prompts), NULL },
	{ "no-track", SWITCH, AT(no_track), NULL },
	{ "no-usage", SWITCH, AT(no_usage), NULL },
	{ "port", SETTER, 0, set_port },
	{ "port-file", STRING, AT(port_file), NULL },
	{ "prices", STRING, AT(prices), NULL },
	{ "quiet", SWITCH, AT(quiet), NULL },
	{ "read", REAL, AT(read_ms), NULL },
	{ "reply", SETTER, 0, set_reply },
	{ "retry-after", SETTER, 0, set_retry_after },
	{ "retry-after-date", SWITCH, AT(retry_after_date), NULL },
	{ "seed", SETTER, 0, set_seed },
	{ "status", SETTER, 0, set_status },
	{ "tail", SETTER, 0, set_tail },
	{ "tls-cert", STRING, AT(cert), NULL },
	{ "tls-key", STRING, AT(key), NULL },
	{ "usage-factor", REAL, AT(usage_factor), NULL },
#undef AT
};

#define NROWS (sizeof rows / sizeof rows[0])

static bool
set_option(struct options *o, const struct option_row *row, const char *v)
{
	void *field = (char *)o + row->offset;
	char *end = NULL;

	switch (row->kind) {
	case SWITCH: *(bool *)field = true; return true;
	case STRING: *(const char **)field = v; return true;
	case SETTER: return row->set(o, v);
	case COUNT:
		*(long *)field = strtol(v, &end, 10);
		return end != v && *end == '\0' && *(long *)field >= 0;
	case REAL:
		*(double *)field = strtod(v, &end);
		return end != v && *end == '\0' && *(double *)field >= 0;
	}
	return false;
}

static void
usage(FILE *f)
{
	fprintf(f, "usage: mockllm [OPTION...]\n");
	for (size_t i = 0; i < NROWS; i++)
		fprintf(f, "  --%s%s\n", rows[i].name,
		    rows[i].kind == SWITCH ? "" : " VALUE");
	fprintf(f,
	    "What they do stands at the top of "
	    "tests/support/mockllm.c.\n");
}

/* -1: serve; else the exit status. */
static int
read_options(struct options *o, int argc, char **argv)
{
	struct option table[NROWS + 2] = { { NULL } };
	int i = 0, c;

	for (size_t k = 0; k < NROWS; k++)
		table[k] = (struct option){ rows[k].name,
			rows[k].kind != SWITCH, NULL, 0 };
	table[NROWS] = (struct option){ "help", 0, NULL, 'h' };
	while ((c = getopt_long(argc, argv, "h", table, &i)) != -1) {
		if (c != 0) {
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : 64;
		}
		if (!set_option(o, &rows[i], optarg)) {
			fprintf(stderr, "mockllm: --%s does not take '%s'\n",
			    rows[i].name, optarg);
			return 64;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "mockllm: no operands are taken\n");
		return 64;
	}
#ifndef HAVE_SSL
	if (o->cert != NULL || o->aws_account != NULL) {
		fprintf(stderr, "mockllm: built without libssl\n");
		return 69;
	}
#endif
	return -1;
}

int
main(int argc, char **argv)
{
	static struct book book;
	struct options o = { .host = "127.0.0.1",
		.port = 8089,
		.bytes = 1200,
		.seed = 1,
		.retry_after_s = 1,
		.fail_first_kind = fault_find("429", 3),
		.usage_factor = 1,
		.drip_bytes = 64,
		.drip_ms = 50,
		.read_ms = 60000,
		.max_conns = 16384,
		.max_body = 64L << 20,
		.max_prompts = 3L << 22 };
	int status = read_options(&o, argc, argv);

	if (status < 0) {
		status = 1;
		if (book_open(&book, &o)) {
			status = server_run(&o, &book);
			book_close(&book);
		}
	}
	text_free(&o.headers);
	return status;
}
