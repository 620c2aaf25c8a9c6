/*
 * The pages of one row group of a Parquet file. A page is compressed as soon
 * as it is full; what comes of it is kept until the group is complete, since
 * the pages of a column must lie together: some megabytes in memory, the rest
 * in a nameless file.
 *
 * Helpers, threads that begin with the first large page, compress what the
 * caller hands over; when they are behind, the caller compresses a page itself.
 * What comes of a page does not depend on who did it. One thread at a time may
 * call what is declared here.
 */
#ifndef PP_EXPORT_PQPAGES_H
#define PP_EXPORT_PQPAGES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "export/codec.h"
#include "export/outfile.h"

struct pp_pages;

/* Where a page is, once it was added. */
struct pp_page_place {
	uint64_t at;		/* among all bytes kept */
	uint32_t raw_bytes;	/* before compression */
	uint32_t bytes;
	uint32_t crc;		/* of the bytes */
};

/*
 * `scratch` is a folder (NULL: $TMPDIR), borrowed; up to `helpers` threads
 * besides the caller's. Returns owned.
 */
struct pp_pages *pp_pages_new(enum pp_codec_kind codec, int level,
	    size_t memory_bytes, const char *scratch, int helpers);
void	pp_pages_free(struct pp_pages *p);

/*
 * Add a page: `prefix` is not compressed (the levels of a page of version 2),
 * `raw` from `start` on is. `raw` comes back empty, perhaps with other memory.
 * `place` is filled by pp_pages_settle() at the latest and borrowed until
 * then. An error may be that of an earlier page.
 */
int	pp_pages_add(struct pp_pages *p, const struct pp_buf *prefix,
	    struct pp_buf *raw, size_t start, struct pp_page_place *place,
	    struct pp_error *err);

/* Wait for all pages. */
int	pp_pages_settle(struct pp_pages *p, struct pp_error *err);

/* Append a page's bytes to the file. */
int	pp_pages_copy(struct pp_pages *p, const struct pp_page_place *place,
	    struct pp_outfile *out, struct pp_error *err);

/* Forget all pages, which are settled, and keep the memory. */
int	pp_pages_clear(struct pp_pages *p, struct pp_error *err);

#endif
