/*
 * HTTP over libcurl: thousands of exchanges on one loop.
 *
 * One exchange is one request on the wire, never two: nothing here sends
 * again, and libcurl is kept from doing so. What happened is told exactly
 * enough to know whether a server may have acted on it. Redirects are answers
 * like others. TLS is 1.2 or later and verified; proxies are those of the
 * environment, as in curl(1), but never for this machine itself nor for what is
 * on its own link (169.254.0.0/16, where clouds keep their metadata).
 */
#ifndef PP_NET_HTTP_H
#define PP_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "net/loop.h"

struct pp_http;			/* connections, kept alive */
struct pp_http_exchange;	/* one request under way */

enum pp_http_outcome {
	PP_HTTP_ANSWERED,	/* a whole reply, of any status */
	PP_HTTP_NOT_SENT,	/* refused, no route, TLS or name failure: the
				 * server did not get the request */
	PP_HTTP_AMBIGUOUS,	/* sent, and no whole reply: reset, timeout,
				 * cut body. It may have acted. */
	PP_HTTP_CANCELLED	/* by pp_http_cancel() */
};

struct pp_http_options {
	int max_in_flight;		/* sizes the pools; > 0 */
	const char *ca_file;		/* NULL: the system's */
	const char *user_agent;		/* NULL: ours */
};

struct pp_http_request {
	const char *method;		/* "POST" */
	const char *url;
	const char *const *headers;	/* "Name: value", ended by NULL */
	const char *body;		/* borrowed until the callback */
	size_t body_len;
	/*
	 * Or, with `read`, the body_len bytes come from there: up to `size`
	 * to `out`; how many, or -1 to end the exchange. It is asked once for
	 * each byte, from the loop.
	 */
	ssize_t (*read)(void *arg, char *out, size_t size);
	/*
	 * With `write`, the body of a 2xx goes there as it comes and not to
	 * the reply; -1 ends the exchange.
	 */
	int (*write)(void *arg, const char *data, size_t len);
	void *stream_arg;		/* of both */
	int64_t connect_timeout_ms;	/* 0: 10 s */
	int64_t total_timeout_ms;	/* 0: 10 minutes */
	int64_t first_byte_timeout_ms;	/* from sending it to the reply's first
					 * byte; 0: no bound but total */
	int64_t idle_timeout_ms;	/* without a byte, once the reply has
					 * begun; 0: no bound but total */
	size_t max_reply_bytes;		/* 0: 16 MiB */
	bool plain_http;		/* http:// to other hosts than loopback */
};

struct pp_http_reply {
	enum pp_http_outcome outcome;
	bool unsent;			/* surely: no byte of it went out */
	bool no_room;			/* for this machine had no descriptor
					 * or memory left for a connection */
	int status;			/* 0 unless ANSWERED */
	const char *body;		/* borrowed for the callback */
	size_t body_len;
	int64_t retry_after_ms;		/* by the headers, from status 300 on;
					 * -1: not said */
	const char *headers;		/* raw block, borrowed; "" */
	size_t headers_len;
	int64_t elapsed_us;
	char error[256];		/* when not ANSWERED: why; no secrets */
};

typedef void pp_http_fn(void *arg, const struct pp_http_reply *reply);

/* Returns owned, or NULL. `loop` is borrowed and must outlive it. */
struct pp_http *pp_http_new(struct pp_loop *loop,
	    const struct pp_http_options *options, struct pp_error *err);

/*
 * Put no request on the wire from `boot_us` (of the boot clock) on: it ends as
 * NOT_SENT. The clock is read when the connection stands and the bytes are
 * next, so a process that was stopped in between sends nothing late.
 */
void	pp_http_set_end(struct pp_http *h, int64_t boot_us);

/* Cancels what is under way without calling back. Not from a callback. */
void	pp_http_free(struct pp_http *h);

/*
 * Whether `url` may be used: http or https; plain http for this machine only,
 * unless `plain_http`. 0, or -1 with PP_ECONFIG.
 */
int	pp_http_check_url(const char *url, bool plain_http,
	    struct pp_error *err);

/*
 * Send. The method, URL and headers are copied, the body is borrowed until
 * `fn` has been called, which is never before this returns. NULL with
 * PP_ECONFIG for a URL that may not be used.
 */
struct pp_http_exchange *pp_http_send(struct pp_http *h,
	    const struct pp_http_request *req, pp_http_fn *fn, void *arg,
	    struct pp_error *err);

/*
 * End it; `fn` is called with PP_HTTP_CANCELLED from the loop, unless the
 * answer was just coming in, which then counts. Not after `fn` was called.
 */
void	pp_http_cancel(struct pp_http_exchange *x);

/* End it at once, without calling back. Not from its callback or streams. */
void	pp_http_drop(struct pp_http_exchange *x);

/*
 * A header of a reply's raw block, without the name and blanks around it,
 * copied to `out` (cut to `size`). Returns whether it is there.
 */
bool	pp_http_header(const struct pp_http_reply *reply, const char *name,
	    char *out, size_t size);

#endif
