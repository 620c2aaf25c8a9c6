#include <config.h>

#include "export/pqpages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/mem.h"
#include "export/rows.h"

#define BLOCK_BYTES ((size_t)1 << 20)
#define COPY_BYTES ((size_t)256 << 10)

struct pp_pages {
	struct pp_codec *codec;
	const char *scratch;
	struct pp_buf packed; /* the page being compressed */

	/*
	 * All bytes kept, as one sequence: the first `memory_bytes` in blocks,
	 * those after them in the file.
	 */
	size_t memory_bytes;
	char **blocks;
	size_t block_count, block_cap;
	int fd; /* -1: no file yet */
	uint64_t bytes;
};

struct pp_pages *
pp_pages_new(enum pp_codec_kind codec, int level, size_t memory_bytes,
    const char *scratch)
{
	struct pp_pages *p = pp_calloc(1, sizeof *p);

	p->codec = pp_codec_new(codec, level);
	p->memory_bytes = memory_bytes;
	p->scratch = scratch;
	p->fd = -1;
	pp_buf_init(&p->packed, 0);
	return p;
}

void
pp_pages_free(struct pp_pages *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->block_count; i++)
		free(p->blocks[i]);
	free(p->blocks);
	if (p->fd >= 0)
		close(p->fd);
	pp_buf_release(&p->packed);
	pp_codec_free(p->codec);
	free(p);
}

/* ---- the bytes kept ---- */

static size_t
keep_in_memory(struct pp_pages *p, const char *data, size_t len)
{
	size_t block = (size_t)(p->bytes / BLOCK_BYTES);
	size_t at = (size_t)(p->bytes % BLOCK_BYTES);

	if (block == p->block_count) {
		p->blocks = pp_grow(p->blocks, p->block_count, &p->block_cap,
		    sizeof *p->blocks);
		p->blocks[p->block_count++] = pp_malloc(BLOCK_BYTES);
	}
	if (len > BLOCK_BYTES - at)
		len = BLOCK_BYTES - at;
	memcpy(p->blocks[block] + at, data, len);
	return len;
}

static int
keep(struct pp_pages *p, const char *data, size_t len, struct pp_error *err)
{
	while (len > 0 && p->bytes < p->memory_bytes) {
		size_t n = keep_in_memory(p, data, len);

		p->bytes += n;
		data += n;
		len -= n;
	}
	if (len == 0)
		return 0;
	if (p->fd < 0) {
		p->fd = pp_rows_scratch(p->scratch, err);
		if (p->fd < 0)
			return -1;
	}
	if (pp_io_write_all(p->fd, data, len) < 0)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot write a temporary file");
	p->bytes += len;
	return 0;
}

/* Copy what lies at `at` to `to`; how many bytes, at most `len`. */
static ssize_t
fetch(struct pp_pages *p, uint64_t at, char *to, size_t len,
    struct pp_error *err)
{
	size_t in_block = (size_t)(at % BLOCK_BYTES);
	uint64_t in_file = p->block_count * (uint64_t)BLOCK_BYTES;
	ssize_t n;

	if (at < in_file) {
		if (len > BLOCK_BYTES - in_block)
			len = BLOCK_BYTES - in_block;
		memcpy(to, p->blocks[at / BLOCK_BYTES] + in_block, len);
		return (ssize_t)len;
	}
	do
		n = pread(p->fd, to, len, (off_t)(at - in_file));
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return pp_error_errno(err, PP_EIO, n < 0 ? errno : EIO,
		    "cannot read a temporary file");
	return n;
}

int
pp_pages_copy(struct pp_pages *p, const struct pp_page_place *place,
    struct pp_outfile *out, struct pp_error *err)
{
	uint64_t at = place->at, end = at + place->bytes;

	while (at < end) {
		size_t want = end - at < COPY_BYTES ? (size_t)(end - at) :
						      COPY_BYTES;
		ssize_t n;

		pp_buf_reserve(&out->buf, want);
		n = fetch(p, at, out->buf.data + out->buf.len, want, err);
		if (n < 0)
			return -1;
		out->buf.len += (size_t)n;
		at += (uint64_t)n;
		if (pp_outfile_pump(out, err) < 0)
			return -1;
	}
	return 0;
}

int
pp_pages_clear(struct pp_pages *p, struct pp_error *err)
{
	p->bytes = 0;
	if (p->fd >= 0 &&
	    (ftruncate(p->fd, 0) < 0 || lseek(p->fd, 0, SEEK_SET) < 0))
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot empty a temporary file");
	return 0;
}

uint64_t
pp_pages_bytes(const struct pp_pages *p)
{
	return p->bytes;
}

/* ---- adding ---- */

int
pp_pages_add(struct pp_pages *p, const struct pp_buf *prefix,
    struct pp_buf *raw, size_t start, struct pp_page_place *place,
    struct pp_error *err)
{
	place->at = p->bytes;
	place->raw_bytes = (uint32_t)(prefix->len + raw->len - start);
	if (pp_codec_compress(p->codec, raw->data + start, raw->len - start,
		&p->packed, err) < 0)
		return -1;
	place->bytes = (uint32_t)(prefix->len + p->packed.len);
	place->crc = pp_crc32(pp_crc32(0, prefix->data, prefix->len),
	    p->packed.data, p->packed.len);
	pp_buf_clear(raw);
	if (keep(p, prefix->data, prefix->len, err) < 0)
		return -1;
	return keep(p, p->packed.data, p->packed.len, err);
}

int
pp_pages_settle(struct pp_pages *p, struct pp_error *err)
{
	(void)p;
	(void)err;
	return 0;
}
