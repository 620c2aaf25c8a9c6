/*
 * One file that an export writes: a buffer before a descriptor, bytes
 * compressed, counted and hashed on their way. Writers append to `buf` and
 * call pp_outfile_pump() after each row.
 */
#ifndef PP_EXPORT_OUTFILE_H
#define PP_EXPORT_OUTFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "export/pack.h"
#include "export/scribe.h"

#define PP_OUTFILE_BUFFER_BYTES ((size_t)256 << 10)

struct pp_outfile {
	struct pp_buf buf;	/* not yet written */
	uint64_t bytes;		/* written, or with the scribe */
	const char *name;	/* for errors; borrowed */
	int fd;
	bool owns_fd;
	struct pp_sha256 *sha;	/* NULL: not hashed */
	struct pp_pack *pack;	/* NULL: not compressed */
	struct pp_buf packed;
	struct pp_scribe *scribe;	/* NULL: writes are not put off */
	bool is_behind;		/* the scribe has bytes of this file */
};

/* Create the file at `path`, which must not be there. Borrows `path`. */
int	pp_outfile_create(struct pp_outfile *f, const char *path,
	    struct pp_error *err);

/* Write to a descriptor that somebody else closes; nothing is hashed. */
void	pp_outfile_attach(struct pp_outfile *f, int fd, const char *name);

/* From here on compress; takes `pack`. */
void	pp_outfile_compress(struct pp_outfile *f, struct pp_pack *pack);

/* From here on let `scribe` (borrowed) write, but for the end of the file. */
void	pp_outfile_write_behind(struct pp_outfile *f, struct pp_scribe *scribe);

/* Write out what the buffer holds. */
int	pp_outfile_flush(struct pp_outfile *f, struct pp_error *err);

static inline int
pp_outfile_pump(struct pp_outfile *f, struct pp_error *err)
{
	return f->buf.len < PP_OUTFILE_BUFFER_BYTES ? 0 :
	    pp_outfile_flush(f, err);
}

/*
 * Bytes that the file would have if it ended here; when it is compressed, at
 * most: what is in the compressor counts as it went in.
 */
uint64_t pp_outfile_size(const struct pp_outfile *f);

/*
 * Flush and close a file that was created (whoever puts it into place makes it
 * durable); just flush one that was attached. `sha256` gets the hash, "" when
 * there is none.
 */
int	pp_outfile_close(struct pp_outfile *f,
	    char sha256[PP_SHA256_HEX_BYTES], struct pp_error *err);

/* Give everything back; after pp_outfile_close() or instead of it. */
void	pp_outfile_release(struct pp_outfile *f);

#endif
