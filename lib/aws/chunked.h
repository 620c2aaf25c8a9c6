/*
 * The body of a streamed upload to S3 ("aws-chunked"): pieces of a source
 * with their sizes before them and a CRC-32 behind all, each piece signed or
 * none. Holds one piece at a time.
 */
#ifndef PP_AWS_CHUNKED_H
#define PP_AWS_CHUNKED_H

#include "aws/request.h"
#include "aws/sigv4.h"

#define PP_CHUNK_BYTES ((size_t)64 << 10)

struct pp_chunked {
	const struct pp_aws_source *source;
	int64_t left;			/* bytes of the source to come */
	uint32_t crc;
	bool ended;			/* the trailer is in `piece` */
	struct pp_buf piece;		/* encoded, from `at` not yet sent */
	size_t at;

	/* of a signed body; signer NULL: not signed */
	struct pp_sigv4 *signer;
	struct pp_sigv4_scope scope;
	struct pp_aws_keys keys;	/* a copy: they may change meanwhile */
	char signature[PP_SIGV4_HEX_BYTES];
};

/* How long the encoded body is. */
int64_t	pp_chunked_len(int64_t len, bool is_signed);

/*
 * Begin. With a signer: scope and keys of the request and its signature;
 * what scope points to must outlive it, keys are copied.
 */
void	pp_chunked_init(struct pp_chunked *c, const struct pp_aws_source *source,
	    struct pp_sigv4 *signer, const struct pp_sigv4_scope *scope,
	    const struct pp_aws_keys *keys, const char *signature);
void	pp_chunked_release(struct pp_chunked *c);

/* As the read of pp_http_request; -1: the source gave up or ended early. */
ssize_t	pp_chunked_read(struct pp_chunked *c, char *out, size_t size);

#endif
