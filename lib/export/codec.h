/*
 * Compression of blocks: the pages of a Parquet file. Which codecs there are
 * is a matter of how the program was built.
 */
#ifndef PP_EXPORT_CODEC_H
#define PP_EXPORT_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/* The numbers are Parquet's. */
enum pp_codec_kind {
	PP_CODEC_DEFAULT = -1,	/* zstd if it is there, else none */
	PP_CODEC_NONE = 0,
	PP_CODEC_SNAPPY = 1,
	PP_CODEC_GZIP = 2,
	PP_CODEC_ZSTD = 6
};

#define PP_ZSTD_LEVEL 1
#define PP_GZIP_LEVEL 6

/*
 * "zstd", "snappy", "gzip" or "none", with a level after a colon where there
 * are levels: "zstd:3". 0, or -1 with PP_EUSAGE (unknown, or not built in).
 */
int	pp_codec_parse(const char *s, enum pp_codec_kind *kind, int *level,
	    struct pp_error *err);
const char *pp_codec_name(enum pp_codec_kind kind);

/* What stands for PP_CODEC_DEFAULT. */
void	pp_codec_settle(enum pp_codec_kind *kind, int *level);

/* The state of one compressor; for one thread at a time. Returns owned. */
struct pp_codec;

struct pp_codec *pp_codec_new(enum pp_codec_kind kind, int level);
void	pp_codec_free(struct pp_codec *c);

/* Replace the contents of `out` by `len` bytes compressed as one block. */
int	pp_codec_compress(struct pp_codec *c, const void *data, size_t len,
	    struct pp_buf *out, struct pp_error *err);

/*
 * Undo it: exactly `out_len` bytes into `out`. 0, or -1 with PP_EDATA.
 */
int	pp_codec_decompress(enum pp_codec_kind kind, const void *data,
	    size_t len, void *out, size_t out_len, struct pp_error *err);

#endif
