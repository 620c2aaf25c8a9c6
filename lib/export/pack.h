/*
 * Compression of whole files as a stream: one frame of zstd, or one member of
 * gzip, so that every reader takes it.
 */
#ifndef PP_EXPORT_PACK_H
#define PP_EXPORT_PACK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "export/codec.h"

struct pp_pack;

/*
 * `kind` is ZSTD or GZIP. With `workers` above 0 zstd compresses beside the
 * caller; how many does not change the bytes, but whether there are any does.
 * Returns owned, or NULL with PP_EUSAGE (not built in).
 */
struct pp_pack *pp_pack_new(enum pp_codec_kind kind, int level, int workers,
	    struct pp_error *err);
void	pp_pack_free(struct pp_pack *p);

/* Compress; append what comes out so far. `end`: nothing follows. */
int	pp_pack_put(struct pp_pack *p, const void *data, size_t len, bool end,
	    struct pp_buf *out, struct pp_error *err);

/* ".zst", ".gz", or "" for no compression. */
const char *pp_pack_suffix(enum pp_codec_kind kind);

#endif
