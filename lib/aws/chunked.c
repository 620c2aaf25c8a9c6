#include <config.h>

#include "aws/chunked.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

#define SIGNATURE_FIELD ";chunk-signature="
#define CRC_TRAILER "x-amz-checksum-crc32:"
#define SIGNATURE_TRAILER "x-amz-trailer-signature:"
#define CRC_BASE64_BYTES 8

static int64_t
chunk_len(int64_t data, bool is_signed)
{
	char head[24];
	int n = snprintf(head, sizeof head, "%llx\r\n",
	    (unsigned long long)data);

	if (is_signed)
		n += (int)strlen(SIGNATURE_FIELD) + PP_SIGV4_HEX_BYTES - 1;
	return n + data + (data > 0 ? 2 : 0);
}

int64_t
pp_chunked_len(int64_t len, bool is_signed)
{
	int64_t whole = len / (int64_t)PP_CHUNK_BYTES;
	int64_t rest = len % (int64_t)PP_CHUNK_BYTES;
	int64_t sum = whole * chunk_len((int64_t)PP_CHUNK_BYTES, is_signed);

	if (rest > 0)
		sum += chunk_len(rest, is_signed);
	sum += chunk_len(0, is_signed);
	sum += (int64_t)strlen(CRC_TRAILER) + CRC_BASE64_BYTES + 2;
	if (is_signed)
		sum += (int64_t)strlen(SIGNATURE_TRAILER) + PP_SIGV4_HEX_BYTES -
		    1 + 2;
	return sum + 2;
}

void
pp_chunked_init(struct pp_chunked *c, const struct pp_aws_source *source,
    struct pp_sigv4 *signer, const struct pp_sigv4_scope *scope,
    const struct pp_aws_keys *keys, const char *signature)
{
	memset(c, 0, sizeof *c);
	c->source = source;
	c->left = source->len;
	pp_buf_init(&c->piece, 0);
	c->signer = signer;
	if (signer == NULL)
		return;
	c->scope = *scope;
	pp_aws_keys_copy(&c->keys, keys);
	memcpy(c->signature, signature, sizeof c->signature);
}

void
pp_chunked_release(struct pp_chunked *c)
{
	pp_buf_release(&c->piece);
	pp_aws_keys_release(&c->keys);
	memset(c, 0, sizeof *c);
}

/* Fill `out` from the source, which may come in bits. */
static int
read_source(struct pp_chunked *c, char *out, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = c->source->read(c->source->arg, out + got,
		    size - got);

		if (n <= 0 || (size_t)n > size - got)
			return -1;
		got += (size_t)n;
	}
	return 0;
}

static void
put_head(struct pp_chunked *c, const char *data, size_t len)
{
	pp_buf_addf(&c->piece, "%zx", len);
	if (c->signer != NULL) {
		pp_sigv4_chunk(c->signer, &c->scope, &c->keys, data, len,
		    c->signature);
		pp_buf_adds(&c->piece, SIGNATURE_FIELD);
		pp_buf_adds(&c->piece, c->signature);
	}
	pp_buf_adds(&c->piece, "\r\n");
}

static void
put_end(struct pp_chunked *c)
{
	unsigned char crc[4] = { (unsigned char)(c->crc >> 24),
		(unsigned char)(c->crc >> 16), (unsigned char)(c->crc >> 8),
		(unsigned char)c->crc };
	unsigned char base64[CRC_BASE64_BYTES + 1];
	char line[sizeof CRC_TRAILER + CRC_BASE64_BYTES + 1];

	put_head(c, "", 0);
	EVP_EncodeBlock(base64, crc, sizeof crc);
	snprintf(line, sizeof line, CRC_TRAILER "%s\n", (char *)base64);
	pp_buf_add(&c->piece, line, strlen(line) - 1);
	pp_buf_adds(&c->piece, "\r\n");
	if (c->signer != NULL) {
		pp_sigv4_trailer(c->signer, &c->scope, &c->keys, line,
		    strlen(line), c->signature);
		pp_buf_addf(&c->piece, SIGNATURE_TRAILER "%s\r\n",
		    c->signature);
	}
	pp_buf_adds(&c->piece, "\r\n");
	c->ended = true;
}

/* The next piece: the data first, to be signed, then its head before it. */
static int
next_piece(struct pp_chunked *c)
{
	char data[PP_CHUNK_BYTES];
	size_t len = c->left < (int64_t)sizeof data ? (size_t)c->left :
						      sizeof data;

	pp_buf_clear(&c->piece);
	c->at = 0;
	if (len == 0) {
		put_end(c);
		return 0;
	}
	if (read_source(c, data, len) < 0)
		return -1;
	c->left -= (int64_t)len;
	c->crc = pp_crc32(c->crc, data, len);
	put_head(c, data, len);
	pp_buf_add(&c->piece, data, len);
	pp_buf_adds(&c->piece, "\r\n");
	return 0;
}

ssize_t
pp_chunked_read(struct pp_chunked *c, char *out, size_t size)
{
	size_t got = 0;

	while (got < size) {
		size_t n = c->piece.len - c->at;

		if (n == 0 && c->ended)
			break;
		if (n == 0) {
			if (next_piece(c) < 0)
				return -1;
			continue;
		}
		if (n > size - got)
			n = size - got;
		memcpy(out + got, c->piece.data + c->at, n);
		c->at += n;
		got += n;
	}
	return (ssize_t)got;
}
