/*
 * mockllm: a server that answers like a model server, for tests and
 * benchmarks. It shares no code with the library, whose calls and bills it
 * judges.
 *
 *	POST {prefix}/chat/completions	OpenAI chat completions
 *	POST /model/{id}/converse	Bedrock Converse
 *	GET {prefix}/models		OpenAI's list of models
 *	GET /__stats, POST /__reset	counters, JSON
 *	GET /__health
 *
 * One thread, one epoll set, one heap of deadlines. A reply's text, its usage,
 * its delay and the fault it meets are functions of --seed, the prompt and the
 * number of this attempt at it, never of the order of arrival: totals are the
 * same at 10 and at 1,000 in flight.
 *
 * The bill. Every request for which a completion was computed is billed by the
 * table of --prices, ceil(sum of tokens x price / 10^6) nano-dollars each, in
 * one of two ways: as `bill` when the whole reply of status 200 went out, as
 * `ambiguous` when the client got no whole or no readable reply (reset, cut,
 * garbage, empty, a client that went away or gave up), since a provider may
 * charge for those too. Other statuses cost nothing.
 */
#ifndef MOCK_H
#define MOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- what may go wrong (faults.c) ---- */

enum fault_kind {
	FAULT_NONE,
	FAULT_STATUS,		/* an error status, at once */
	FAULT_RESET,		/* RST instead of a reply */
	FAULT_RESET_MID,	/* RST in the middle of the body */
	FAULT_TRUNCATE,		/* closed in the middle of the body */
	FAULT_DRIP,		/* the body comes slowly, and whole */
	FAULT_HANG,		/* no reply, ever */
	FAULT_GARBAGE,		/* 200 with JSON that breaks off */
	FAULT_EMPTY,		/* 200 without a body */
	FAULT_CLOSE		/* closed instead of a reply */
};

struct fault {
	const char *name;	/* "429", "reset" */
	enum fault_kind kind;
	int status;		/* of an error */
	const char *reason;	/* "Too Many Requests" */
	const char *openai;	/* error code and type */
	const char *aws;	/* exception */
	bool waits;		/* only after the latency */
};

extern const struct fault faults[];	/* the first is "none" */
extern const size_t fault_count;

/* Index of a fault by its name, or -1. */
int	fault_find(const char *name, size_t len);

/* ---- options (main.c) ---- */

enum reply_kind { REPLY_DEFAULT, REPLY_TEXT, REPLY_JSON, REPLY_FENCED,
	REPLY_ECHO };

#define MAX_FAULTS 64

struct options {
	const char *host, *cert, *key, *log, *port_file, *auth, *prices;
	int port;
	double latency_ms, jitter_ms;
	double tail_share, tail_ms;	/* this share comes so much later */
	long bytes;			/* of a reply's text */
	enum reply_kind reply;
	uint64_t seed;
	double fault_share[MAX_FAULTS];
	int always;			/* fault of every request; 0: none */
	int fail_first, fail_first_fault;
	const char *error_code;		/* instead of the fault's own */
	int retry_after_s;
	bool retry_after_date;
	long drip_bytes;
	double drip_ms;
	double limit_rps;
	long limit_inflight;
	long requests_per_connection;
	double cached_share;		/* of the prompt, in usage */
	bool no_usage, no_track, quiet;
};

extern struct options opt;

enum reply_kind reply_kind_find(const char *name, size_t len);

/* ---- bytes and numbers (text.c) ---- */

struct text {
	char *data;
	size_t len, cap;
};

/* Make room for `more` bytes; memory that is not there ends the program. */
void	text_need(struct text *t, size_t more);
void	text_add(struct text *t, const void *data, size_t len);
void	text_adds(struct text *t, const char *s);
void	text_addf(struct text *t, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* Escaped for JSON, without the quotes. */
void	text_add_json(struct text *t, const char *s, size_t len);
void	text_free(struct text *t);

/* Whether eight bytes hold a quote, a backslash or, if `control`, those. */
bool	has_special(uint64_t word, bool control);

uint64_t mix(uint64_t x);
double	unit(uint64_t x);		/* [0, 1) out of it */
uint64_t hash_bytes(uint64_t h, const char *p, size_t len);
int64_t	now_us(void);

/* ---- requests (request.c) ---- */

enum api { API_NONE, API_OPENAI, API_CONVERSE };

struct request {
	char method[8], path[256], model[128], id[80];
	bool keep_alive, chunked, expects, authorized;
	size_t head_len, body_len;	/* together what it took */
	char *body;
	/* of the body */
	enum api api;
	uint64_t prompt;		/* hash of all of its text */
	size_t prompt_bytes;
	long max_tokens;		/* -1: not given */
	const char *last_text;		/* still escaped */
	size_t last_text_len;
	/* of a [[mock ...]] in the prompt; -1: not given */
	long want_bytes, times;
	double latency_ms;
	int fault, retry_after_s;
	enum reply_kind reply;
};

/* Read one request. 1: it is whole; 0: there is more to come; -1: it is bad. */
int	request_parse(struct request *r, char *data, size_t len);

/* Read the prompt and the parameters. False: no chat request. */
bool	request_scan(struct request *r);

/* ---- replies (reply.c) ---- */

struct usage {
	uint64_t prompt, cached, completion;
};

/* The body of a completion, and its usage. */
void	reply_completion(struct text *out, const struct request *r,
	    int latency_ms, struct usage *usage);

/* ---- what was asked before, and what it costs (bill.c) ---- */

/*
 * Count an attempt at a prompt: how many there were before. What repeats a
 * prompt that has been answered, or an id, is counted too.
 */
uint32_t track_attempt(uint64_t prompt, const char *id);
void	track_success(uint64_t prompt);

struct model {
	char name[128];
	int64_t price_in, price_out, price_cached;	/* nano-dollars per 10^6 */
	uint64_t requests, ok, ambiguous;
	struct usage used, ambiguous_used;
	int64_t bill, ambiguous_bill;
};

/* Lines of "MODEL INPUT OUTPUT [CACHED]", US dollars per million tokens. */
int	bill_read_prices(const char *path);
struct model *bill_model(const char *name);

/* Charge it; nano-dollars. */
int64_t	bill_charge(struct model *m, const struct usage *u, bool ambiguous);

/* ---- counters (stats.c) ---- */

struct stats {
	uint64_t requests, openai, converse, other, ok, retries,
	    repeats_after_ok, repeated_ids, unique_prompts, inflight,
	    inflight_peak, conns, conns_open, conns_peak, keepalive_reuse,
	    tls_handshakes, tls_resumed, client_aborts, bad_request,
	    unauthorized, rate_limited, prompt_tokens, cached_tokens,
	    completion_tokens, bytes_in, bytes_out;
	uint64_t faults[MAX_FAULTS];
	int64_t first_us, last_us;
};

extern struct stats stats;

void	stats_print(struct text *out);
void	stats_reset(void);
void	bill_print(struct text *out);	/* its members of the object */
void	bill_reset(void);

/* ---- connections (conn.c) ---- */

/* Serve the listening socket for ever; `tls` is an SSL_CTX or NULL. */
int	serve(int listen_fd, void *tls, FILE *log);

#endif
