/*
 * One call of a service: signed, sent, tried again where that is right, and
 * its reply or its fault handed back.
 *
 * Tries are those of the SDKs' standard mode: AWS_MAX_ATTEMPTS (default 3; 4
 * for DynamoDB) in all, delays with full jitter, a bucket of tokens that all
 * calls of a context share, each try signed anew. A signature that is refused
 * for its time is sent once more by the server's clock.
 */
#ifndef PP_AWS_REQUEST_H
#define PP_AWS_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "aws/aws.h"
#include "aws/fault.h"

struct pp_aws_keys;
struct pp_aws_send;		/* a call under way */

enum pp_aws_payload {
	PP_AWS_PAYLOAD_HASH,	/* SHA-256 of `body`, signed */
	PP_AWS_PAYLOAD_UNSIGNED, /* S3: not covered by the signature */
	/*
	 * S3: `source` in chunks (aws-chunked) with a CRC-32 behind them.
	 * Over plain http each chunk is signed; over TLS none is.
	 */
	PP_AWS_PAYLOAD_STREAM
};

/*
 * A request body of bounded memory. `read` puts up to `size` bytes to `out`
 * and returns how many, or -1 to give up; it is called until `len` bytes have
 * come. `rewind` begins again from the first byte (0, or -1); NULL: the call
 * cannot be tried again once it has begun.
 */
struct pp_aws_source {
	ssize_t (*read)(void *arg, char *out, size_t size);
	int (*rewind)(void *arg);
	void *arg;
	int64_t len;
};

struct pp_aws_request {
	enum pp_aws_service service;
	const char *method;		/* NULL: "POST" */
	const char *bucket;		/* S3; NULL: none */
	const char *path;		/* percent-encoded, as on the wire; for
					 * S3 "/" and the key; NULL: "/" */
	const char *query;		/* encoded, without '?'; NULL */
	const char *const *headers;	/* "Name: value", ended by NULL; NULL */
	const char *content_type;	/* NULL: none is sent */
	const char *target;		/* X-Amz-Target; NULL */

	/* Borrowed until the callback. */
	const char *body;
	size_t body_len;
	enum pp_aws_payload payload;
	const struct pp_aws_source *source;	/* of PAYLOAD_STREAM */

	/*
	 * The body of a success goes here piece by piece, not to the reply;
	 * -1 ends the call. Once it was called the call is not tried again:
	 * ask for the rest by a range.
	 */
	int (*sink)(void *arg, const char *data, size_t len);
	void *sink_arg;

	/* Not to be tried again when the server may have acted on it. */
	bool once;
	int max_attempts;		/* 0: the configuration's */
	int64_t connect_timeout_ms;	/* 0: 5 s */
	int64_t total_timeout_ms;	/* of one try; 0: 60 s; streams have
					 * an idle bound of 60 s instead */
	size_t max_reply_bytes;		/* 0: 16 MiB */

	const struct pp_aws_keys *keys;	/* sign with these; NULL: the
					 * context's. Borrowed. */
	bool anonymous;			/* do not sign */
};

struct pp_aws_reply {
	int status;			/* 0: no reply */
	const char *headers;		/* raw block; "" */
	size_t headers_len;
	const char *body;		/* "" for a stream */
	size_t body_len;
	struct pp_aws_fault fault;	/* class PP_AWS_OK for a 2xx */
	int64_t retry_after_ms;		/* as of pp_http_reply */
	int attempts;
	bool unsent;			/* surely: no byte of any of them */
	bool no_room;			/* of the last: as of pp_http_reply */
	int64_t elapsed_us;		/* of all of them */
};

/* A header of the reply, as pp_http_header(). */
bool	pp_aws_header(const struct pp_aws_reply *r, const char *name, char *out,
	    size_t size);

/*
 * Do it and wait: turns the context's loop until the reply is there, so only
 * for contexts with a loop of their own, and not from a callback. 0 for a
 * 2xx; else -1 with `err` by the fault's class, and the fault in `reply`,
 * which is filled in either case and to be released.
 */
int	pp_aws_call(struct pp_aws *a, const struct pp_aws_request *req,
	    struct pp_aws_reply *reply, struct pp_error *err);
void	pp_aws_reply_release(struct pp_aws_reply *r);

typedef void pp_aws_fn(void *arg, const struct pp_aws_reply *reply);

/*
 * Begin it. `fn` is called once, from the loop, never before this returns;
 * what the reply points to is borrowed until it returns. The request itself
 * is copied, but not body, source and keys. NULL with `err`, and then no
 * callback: PP_ECONFIG.
 */
struct pp_aws_send *pp_aws_send(struct pp_aws *a,
	    const struct pp_aws_request *req, pp_aws_fn *fn, void *arg,
	    struct pp_error *err);

/*
 * End it; `fn` gets PP_AWS_CANCELLED from the loop, unless the answer was just
 * coming in. Not after `fn` was called.
 */
void	pp_aws_cancel(struct pp_aws_send *s);

/*
 * A URL that does the request without further signing, for `expires_s`
 * seconds (1 to 604,800; less when the credentials end earlier). Of the
 * request it takes service, method, bucket, path, query and headers, which
 * whoever uses the URL must send unchanged. Waits as pp_aws_call() does.
 */
int	pp_aws_presign(struct pp_aws *a, const struct pp_aws_request *req,
	    int64_t expires_s, struct pp_buf *url, struct pp_error *err);

#endif
