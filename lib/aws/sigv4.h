/*
 * AWS Signature Version 4, in the stages that its documentation has: the
 * canonical request, the string to sign, the signature. Nothing here knows of
 * contexts, loops or files.
 *
 * A signer keeps what costs time: the digest's state, text buffers, the second
 * as text, and the keys of the day for the last few (secret, date, region,
 * service). One thread at a time.
 */
#ifndef PP_AWS_SIGV4_H
#define PP_AWS_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"

struct pp_sigv4;

/* Secrets are overwritten when released. Any but the first two may be NULL. */
struct pp_aws_keys {
	char *access_key;
	char *secret_key;
	char *session_token;
	int64_t expires_at_ms;		/* wall clock; 0: never */
	char source[160];		/* where from, to be shown: no secret */
};

void	pp_aws_keys_release(struct pp_aws_keys *k);
void	pp_aws_keys_copy(struct pp_aws_keys *to, const struct pp_aws_keys *k);

#define PP_SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"
#define PP_SIGV4_STREAM_UNSIGNED "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
#define PP_SIGV4_STREAM_SIGNED "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"

struct pp_sigv4_request {
	const char *method;
	const char *path;	/* as on the wire, percent-encoded */
	const char *query;	/* as on the wire, without '?'; NULL */
	/* "Name: value", ended by NULL, Host among them. */
	const char *const *headers;
	const char *payload_hash; /* hex of the body's, or one of the above */
};

struct pp_sigv4_scope {
	int64_t time_ms;	/* wall clock, corrected */
	const char *region;
	const char *service;	/* the signing name: "s3", "bedrock" */
	/*
	 * S3: the path is signed as it is on the wire. Others: dot segments
	 * and double slashes resolved, and encoded once more.
	 */
	bool plain_path;
};

#define PP_SIGV4_HEX_BYTES PP_SHA256_HEX_BYTES
#define PP_SIGV4_DATE_BYTES 17	/* "20260102T030405Z" and a NUL */

struct pp_sigv4 *pp_sigv4_new(void);
void	pp_sigv4_free(struct pp_sigv4 *s);

/* The hash of a payload, with the signer's digest. Returns `hex`. */
char	*pp_sigv4_hash(struct pp_sigv4 *s, const void *data, size_t len,
	    char hex[PP_SIGV4_HEX_BYTES]);

/* "20260102T030405Z". Returns `out`. */
char	*pp_sigv4_date(int64_t time_ms, char out[PP_SIGV4_DATE_BYTES]);

/*
 * Stage 1. `signed_headers` (may be NULL) gets "content-type;host". PP_EDATA:
 * a control character in a header, or no Host.
 */
int	pp_sigv4_canonical(struct pp_sigv4 *s,
	    const struct pp_sigv4_request *r, const struct pp_sigv4_scope *scope,
	    struct pp_buf *canonical, struct pp_buf *signed_headers,
	    struct pp_error *err);

/* Stage 2, of a canonical request. */
void	pp_sigv4_string_to_sign(struct pp_sigv4 *s,
	    const struct pp_sigv4_scope *scope, const char *canonical,
	    size_t len, struct pp_buf *out);

/* Stage 3, of a string to sign. */
void	pp_sigv4_signature(struct pp_sigv4 *s,
	    const struct pp_sigv4_scope *scope, const struct pp_aws_keys *keys,
	    const char *to_sign, size_t len, char hex[PP_SIGV4_HEX_BYTES]);

/*
 * All three: append the value of the Authorization header to `out`, in which
 * no header lies. The caller's headers hold Host, X-Amz-Date and X-Amz-Security-Token already. `hex` (may
 * be NULL) gets the signature, the seed of a streamed body's.
 */
int	pp_sigv4_authorize(struct pp_sigv4 *s,
	    const struct pp_sigv4_request *r, const struct pp_sigv4_scope *scope,
	    const struct pp_aws_keys *keys, struct pp_buf *out,
	    char hex[PP_SIGV4_HEX_BYTES], struct pp_error *err);

/*
 * Append the query of a presigned URL: the request's own and the signature's.
 * For S3 the payload is UNSIGNED-PAYLOAD, for others that of no body, unless
 * r->payload_hash is set.
 */
int	pp_sigv4_presign(struct pp_sigv4 *s, const struct pp_sigv4_request *r,
	    const struct pp_sigv4_scope *scope, const struct pp_aws_keys *keys,
	    int64_t expires_s, struct pp_buf *query, struct pp_error *err);

/*
 * The signature of one chunk of a streamed body, chained to the one before,
 * which `hex` holds and which is replaced: the seed's at first. The chunk of
 * no bytes ends the body; then pp_sigv4_trailer() signs the trailing headers
 * ("x-amz-checksum-crc32:...\n").
 */
void	pp_sigv4_chunk(struct pp_sigv4 *s, const struct pp_sigv4_scope *scope,
	    const struct pp_aws_keys *keys, const char *data, size_t len,
	    char hex[PP_SIGV4_HEX_BYTES]);
void	pp_sigv4_trailer(struct pp_sigv4 *s, const struct pp_sigv4_scope *scope,
	    const struct pp_aws_keys *keys, const char *text, size_t len,
	    char hex[PP_SIGV4_HEX_BYTES]);

#endif
