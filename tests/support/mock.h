/*
 * What the parts of mockllm share. The manual of the program stands at the
 * top of mockllm.c; the parts are
 *
 *	mockllm.c	options, start and end
 *	mock_server.c	one thread and its events
 *	mock_conn.c	connections: deadlines, sockets, TLS
 *	mock_serve.c	requests and replies on a connection
 *	mock_http.c	requests out of bytes
 *	mock_model.c	what becomes of a call: an answer, or a fault
 *	mock_question.c	what is asked
 *	mock_reply.c	what is answered
 *	mock_invoke.c	what InvokeModel answers, by vendor
 *	mock_sign.c	whether a request is signed as AWS wants it
 *	mock_book.c	counters, prices, the bill, the log
 *	mock_prompts.c	how often each prompt was asked and answered
 *	mock_json.c	JSON read, strings written
 *	mock_text.c	text that grows, hashes, the clock
 *
 * None of it shares a line with the library: a judge has its own eyes. Out of
 * memory ends it by abort(3).
 */
#ifndef MOCK_H
#define MOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- text, hashes, time ---- */

struct text {
	char *p;		/* NULL when empty */
	size_t n, cap;
};

struct span {
	const char *p;
	size_t n;
};

void	text_reserve(struct text *t, size_t extra);
void	text_add(struct text *t, const void *s, size_t n);
void	text_adds(struct text *t, const char *s);
void	text_addf(struct text *t, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	text_free(struct text *t);

void	*mock_realloc(void *p, size_t size);
char	*mock_strndup(const char *s, size_t n);

uint64_t mix64(uint64_t x);
uint64_t hash_bytes(uint64_t h, const char *p, size_t n);

/* A number in [0, 1) that depends on `x` alone. */
double	unit_of(uint64_t x);

int64_t	now_us(void);		/* monotonic */
int64_t	wall_ms(void);		/* since 1970 */

/* ---- JSON ---- */

enum json_kind { JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_OTHER };

/* A member that is no container; an element of an array has its array's key. */
struct json_member {
	int depth;		/* of its object; 1 is the outermost */
	struct span parent;	/* the key that its object stands under */
	struct span key;
	struct span value;	/* as it came; a string without its quotes */
	enum json_kind kind;
	bool escaped;		/* a string with a backslash in it */
};

typedef void json_fn(void *arg, const struct json_member *m);

/*
 * Call `fn` for each member. Returns whether `text` is one JSON value and
 * nothing else (RFC 8259, UTF-8, 64 levels at most).
 */
bool	json_scan(const char *text, size_t n, json_fn *fn, void *arg);

/* A string without its escapes, appended. */
void	json_decode(struct text *out, struct span s);

/* Text as the inside of a JSON string, appended. */
void	json_encode(struct text *out, const char *s, size_t n);

bool	span_is(struct span s, const char *text);

/* ---- HTTP ---- */

#define HTTP_MAX_HEAD 65536

enum { HTTP_MORE = 0, HTTP_DONE = 1 };

/* Also the state of reading it. */
struct http_request {
	enum { HTTP_IN_HEAD, HTTP_IN_BODY, HTTP_IN_CHUNKS,
		HTTP_IN_TRAILER } phase;
	size_t at;		/* bytes read so far */
	size_t head_len;
	size_t body_len;	/* without the sizes of chunks */
	size_t trailer_at;
	size_t total;		/* bytes on the wire, when done */
	bool keep;		/* the client wants to go on */
	bool expects;		/* it waits for "100 Continue" */
	bool chunked, has_length;
	char method[8];
	char path[512];
	char authorization[128];	/* its beginning */
	char client_id[96];		/* X-Client-Request-Id */
};

/* Before the first byte of each. */
void	http_reset(struct http_request *r);

/*
 * Read the request that begins at `p`, of which `n` bytes are there; call it
 * again from the same beginning when there are more. HTTP_MORE; HTTP_DONE: the
 * body is the body_len bytes from p + head_len, decoded in place; or the
 * negative HTTP status that says what is wrong with it.
 */
int	http_read(struct http_request *r, char *p, size_t n, size_t max_body);

const char *http_reason(int status);

/*
 * Whether it is signed by "ACCESS:SECRET" with Signature Version 4; `head` is
 * all of it, `body` decoded.
 */
bool	sign_check(const char *account, const struct http_request *r,
	    struct span head, struct span body);

/* ---- options ---- */

enum reply_kind { REPLY_TEXT, REPLY_JSON, REPLY_FENCED, REPLY_ECHO };

#define MAX_FAULTS 32

struct options {
	const char *host, *port_file;
	int port;
	const char *cert, *key;
	const char *auth;		/* NULL: anybody may ask */
	const char *aws_account;	/* "ACCESS:SECRET"; or NULL */
	const char *prices, *log;
	bool log_prompts, quiet, no_track, no_usage;
	double latency_ms, jitter_ms, tail_share, tail_ms;
	long bytes;			/* of an answer */
	enum reply_kind reply;
	uint64_t seed;
	double fault_share[MAX_FAULTS];	/* by index of the fault table */
	int fail_first, fail_first_kind;
	int status;			/* 0, or the answer to all calls */
	const char *error_type;
	int retry_after_s;		/* -1: none */
	bool retry_after_date;
	double usage_factor, cached_share;
	long drip_bytes;
	double drip_ms;
	double limit_rps;
	long limit_inflight;
	long conn_requests;
	long max_conns, max_body, max_prompts;
	double idle_ms, read_ms;
	struct text headers;		/* for every reply */
};

/* ---- faults ---- */

/* What is done to the reply. */
enum fault_way {
	WAY_WHOLE,		/* nothing */
	WAY_ERROR,		/* the status instead of an answer */
	WAY_RESET, WAY_CLOSE,	/* no byte of a reply */
	WAY_RESET_MID, WAY_CLOSE_MID,	/* half of the body */
	WAY_DRIP, WAY_HANG,
	WAY_GARBAGE, WAY_EMPTY,	/* whole, and of no use */
	WAY_FILTER		/* whole, the answer is kept back */
};

struct fault {
	const char *name;
	enum fault_way way;
	int status;		/* WAY_ERROR; 0: that of the options */
};

/* Ends with a name of NULL; the first is no fault. */
extern const struct fault fault_table[];

/* Its index; -1: no such fault. */
int	fault_find(const char *name, size_t n);
bool	reply_find(const char *name, size_t n, enum reply_kind *out);

/* ---- the book ---- */

struct tokens {
	int64_t prompt;		/* with the cached ones */
	int64_t cached, completion;
};

struct charge {
	int64_t calls, nusd;
};

struct account {
	char model[128];
	bool priced;
	int64_t input, output, cached;	/* nano-dollars a million tokens */
	int64_t requests, ok;
	struct tokens tokens;		/* of all that was charged */
	struct charge whole, maybe, open;
};

enum billed { BILLED_NOTHING, BILLED_OPEN, BILLED_WHOLE, BILLED_MAYBE };

enum api { API_NONE, API_CHAT, API_CONVERSE, API_INVOKE, API_MODELS };

/* One request and what became of it. */
struct exchange {
	int64_t number;			/* of the request, from 1 */
	int64_t began_us, began_ms;
	int64_t conn;			/* number of its connection, from 1 */
	enum api api;
	const struct fault *fault;
	int status;			/* 0: no reply was begun */
	uint64_t prompt;		/* hash; 0: none was read */
	uint32_t attempt;		/* of this prompt, from 0 */
	struct account *account;	/* NULL: no model was named */
	struct tokens tokens;
	int64_t nusd;
	enum billed billed;
	double delay_ms;
	char *prompt_json;		/* owned; for --log-prompts */
};

struct counters {
	int64_t requests, chat, converse, other, ok;
	int64_t retries, repeats_after_ok, unique_prompts, repeated_ids,
		untracked;
	int64_t inflight, inflight_peak;
	int64_t conns, conns_open, conns_peak, keepalive_reuse;
	int64_t tls_handshakes, tls_resumed;
	int64_t client_aborts, timeouts, bad_requests, unauthorized,
		rate_limited;
	int64_t bytes_in, bytes_out;
	int64_t fault[MAX_FAULTS];
	int64_t first_us, last_us;
};

#define MAX_ACCOUNTS 256

struct prompts;

struct book {
	struct counters n;
	struct account accounts[MAX_ACCOUNTS];
	size_t account_count;
	struct account *last;		/* the one asked for last */
	struct prompts *prompts;	/* NULL: not tracked */
	struct prompts *ids;		/* of clients, for their attempts */
	FILE *log;			/* NULL: none */
	bool log_dirty;
};

/* false: it is said on stderr. */
bool	book_open(struct book *b, const struct options *o);
void	book_close(struct book *b);
void	book_reset(struct book *b);

/*
 * The account of a model, made when it is new. The last of MAX_ACCOUNTS is
 * that of all models for which there is no room.
 */
struct account *book_account(struct book *b, const char *model, size_t n);

/* The client's id of a request came in; "" is none. */
void	book_id(struct book *b, const char *id);

/* A request for a prompt: fills x->attempt and counts repeats. */
void	book_ask(struct book *b, struct exchange *x);

/* The completion was computed: it costs, whatever becomes of the reply. */
void	book_charge(struct book *b, struct exchange *x);

/* The request is over; `sent`: the whole reply went out. Logs it. */
void	book_end(struct book *b, struct exchange *x,
	    const struct http_request *r, bool sent);

/* What waits in the log's buffer goes out. */
void	book_flush(struct book *b);

void	book_put_stats(const struct book *b, struct text *out);

/* ---- prompts ---- */

struct prompts *prompts_new(size_t max);
void	prompts_free(struct prompts *p);
void	prompts_clear(struct prompts *p);

/*
 * The counts of a prompt, made when it is new; valid until the next call.
 * NULL: there are `max` others already.
 */
struct prompt_count {
	uint64_t key;
	uint32_t asked, answered;
};

struct prompt_count *prompts_get(struct prompts *p, uint64_t key);
size_t	prompts_count(const struct prompts *p);

/* ---- the model ---- */

/* What there is to know for an answer; `out` gets the reply. */
struct model_call {
	const struct options *options;
	struct book *book;
	const struct http_request *request;
	struct span body;
	bool keep;
	struct text *out;
	size_t body_at;			/* set: where the reply's body begins */
	struct exchange *x;
};

/* Decide and write the reply to a call of a model, and charge it. */
void	model_answer(struct model_call *c);

/* The head of a reply; `extra` is whole header lines or "". */
void	reply_head(struct model_call *c, int status, size_t body_len,
	    const char *extra);
void	reply_text(struct model_call *c, int status, const char *body);
void	reply_error(struct model_call *c, int status, int retry_after_s);

/* ---- the server ---- */

/* Listen, say where, and serve until SIGTERM or SIGINT. The exit status. */
int	server_run(const struct options *o, struct book *b);

#endif
