#include <config.h>

#include "export/codec.h"

#include <stdlib.h>
#include <string.h>

#ifdef HAVE_ZSTD
#define ZSTD_STATIC_LINKING_ONLY /* for ZSTD_c_literalCompressionMode */
#include <zstd.h>
#endif
#ifdef HAVE_SNAPPY
#include <snappy-c.h>
#endif
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#include "base/mem.h"
#include "base/str.h"

#define GZIP_WINDOW (15 + 16) /* zlib's way to ask for gzip's frame */

struct pp_codec {
	enum pp_codec_kind kind;
	int level;
#ifdef HAVE_ZSTD
	ZSTD_CCtx *zstd;
#endif
#ifdef HAVE_ZLIB
	z_stream gzip;
	bool has_gzip;
#endif
};

static const struct codec {
	const char *name;
	enum pp_codec_kind kind;
	bool there;
	int level, max_level; /* 0: it has none */
} codecs[] = {
	{ "none", PP_CODEC_NONE, true, 0, 0 },
#ifdef HAVE_ZSTD
	{ "zstd", PP_CODEC_ZSTD, true, PP_ZSTD_LEVEL, 19 },
#else
	{ "zstd", PP_CODEC_ZSTD, false, PP_ZSTD_LEVEL, 19 },
#endif
#ifdef HAVE_SNAPPY
	{ "snappy", PP_CODEC_SNAPPY, true, 0, 0 },
#else
	{ "snappy", PP_CODEC_SNAPPY, false, 0, 0 },
#endif
#ifdef HAVE_ZLIB
	{ "gzip", PP_CODEC_GZIP, true, PP_GZIP_LEVEL, 9 },
#else
	{ "gzip", PP_CODEC_GZIP, false, PP_GZIP_LEVEL, 9 },
#endif
};

#define CODEC_COUNT (sizeof codecs / sizeof codecs[0])

#ifdef HAVE_ZSTD
/*
 * Level 1 is for speed, and pages are prose: with a window as large as a page,
 * a hash table of twice the size and steps of five bytes between places that
 * are looked up, it takes an eighth less time. Where texts share long passages
 * blocks are smaller than without, else up to 7 % larger. A library that does
 * not know one of these goes without.
 */
static const struct {
	ZSTD_cParameter parameter;
	int value;
} tuning[] = {
	{ ZSTD_c_windowLog, 21 },
	{ ZSTD_c_hashLog, 15 },
	{ ZSTD_c_minMatch, 7 },
	{ ZSTD_c_targetLength, 5 },
	{ ZSTD_c_literalCompressionMode, ZSTD_ps_enable },
};

#define TUNING_COUNT (sizeof tuning / sizeof tuning[0])
#endif

static const struct codec *
codec_of(enum pp_codec_kind kind)
{
	for (size_t i = 0; i < CODEC_COUNT; i++)
		if (codecs[i].kind == kind)
			return &codecs[i];
	return NULL;
}

int
pp_codec_parse(const char *s, enum pp_codec_kind *kind, int *level,
    struct pp_error *err)
{
	const char *colon = strchrnul(s, ':');
	size_t len = (size_t)(colon - s);
	int64_t n;

	for (size_t i = 0; i < CODEC_COUNT; i++) {
		const struct codec *c = &codecs[i];

		if (strlen(c->name) != len || memcmp(c->name, s, len) != 0)
			continue;
		if (!c->there)
			return pp_error_set(err, PP_EUSAGE,
			    "this program was built without %s", c->name);
		n = c->level;
		if (*colon == ':' &&
		    pp_parse_int(colon + 1, c->name, c->level > 0, c->max_level,
			&n, err) < 0)
			return -1;
		*kind = c->kind;
		*level = (int)n;
		return 0;
	}
	return pp_error_set(err, PP_EUSAGE,
	    "unknown compression '%s': it is zstd, snappy, gzip or none", s);
}

const char *
pp_codec_name(enum pp_codec_kind kind)
{
	const struct codec *c = codec_of(kind);

	return c != NULL ? c->name : "unknown";
}

void
pp_codec_settle(enum pp_codec_kind *kind, int *level)
{
	const struct codec *zstd = codec_of(PP_CODEC_ZSTD);

	if (*kind != PP_CODEC_DEFAULT)
		return;
	*kind = zstd->there ? PP_CODEC_ZSTD : PP_CODEC_NONE;
	*level = zstd->there ? zstd->level : 0;
}

struct pp_codec *
pp_codec_new(enum pp_codec_kind kind, int level)
{
	struct pp_codec *c = pp_calloc(1, sizeof *c);

	c->kind = kind;
	c->level = level;
	return c;
}

void
pp_codec_free(struct pp_codec *c)
{
	if (c == NULL)
		return;
#ifdef HAVE_ZSTD
	ZSTD_freeCCtx(c->zstd);
#endif
#ifdef HAVE_ZLIB
	if (c->has_gzip)
		deflateEnd(&c->gzip);
#endif
	free(c);
}

#ifdef HAVE_ZSTD
static int
begin_zstd(struct pp_codec *c, struct pp_error *err)
{
	c->zstd = ZSTD_createCCtx();
	if (c->zstd == NULL)
		return pp_error_set(err, PP_ENOMEM, "no memory for zstd");
	ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel, c->level);
	for (size_t i = 0; c->level == 1 && i < TUNING_COUNT; i++)
		ZSTD_CCtx_setParameter(c->zstd, tuning[i].parameter,
		    tuning[i].value);
	return 0;
}

static int
compress_zstd(struct pp_codec *c, const void *data, size_t len,
    struct pp_buf *out, struct pp_error *err)
{
	size_t bound = ZSTD_compressBound(len), n;

	if (c->zstd == NULL && begin_zstd(c, err) < 0)
		return -1;
	pp_buf_reserve(out, bound);
	n = ZSTD_compress2(c->zstd, out->data, bound, data, len);
	if (ZSTD_isError(n))
		return pp_error_set(err, PP_EBUG, "zstd failed: %s",
		    ZSTD_getErrorName(n));
	out->len = n;
	return 0;
}

static int
decompress_zstd(const void *data, size_t len, void *out, size_t out_len,
    struct pp_error *err)
{
	size_t n = ZSTD_decompress(out, out_len, data, len);

	if (ZSTD_isError(n))
		return pp_error_set(err, PP_EDATA, "zstd: %s",
		    ZSTD_getErrorName(n));
	return n == out_len ? 0 :
			      pp_error_set(err, PP_EDATA,
				  "a zstd block is shorter than it should be");
}
#endif

#ifdef HAVE_SNAPPY
static int
compress_snappy(const void *data, size_t len, struct pp_buf *out,
    struct pp_error *err)
{
	size_t n = snappy_max_compressed_length(len);

	pp_buf_reserve(out, n);
	if (snappy_compress(data, len, out->data, &n) != SNAPPY_OK)
		return pp_error_set(err, PP_EBUG, "snappy failed");
	out->len = n;
	return 0;
}

static int
decompress_snappy(const void *data, size_t len, void *out, size_t out_len,
    struct pp_error *err)
{
	size_t n = 0;

	if (snappy_uncompressed_length(data, len, &n) != SNAPPY_OK ||
	    n != out_len ||
	    snappy_uncompress(data, len, out, &n) != SNAPPY_OK || n != out_len)
		return pp_error_set(err, PP_EDATA, "a snappy block is damaged");
	return 0;
}
#endif

#ifdef HAVE_ZLIB
static int
compress_gzip(struct pp_codec *c, const void *data, size_t len,
    struct pp_buf *out, struct pp_error *err)
{
	size_t bound;
	int rc;

	if (!c->has_gzip) {
		rc = deflateInit2(&c->gzip, c->level, Z_DEFLATED, GZIP_WINDOW,
		    8, Z_DEFAULT_STRATEGY);
		if (rc != Z_OK)
			return pp_error_set(err, PP_ENOMEM,
			    "no memory for gzip");
		c->has_gzip = true;
	} else {
		deflateReset(&c->gzip);
	}
	bound = deflateBound(&c->gzip, len);
	pp_buf_reserve(out, bound);
	c->gzip.next_in = (Bytef *)(uintptr_t)data;
	c->gzip.avail_in = (uInt)len;
	c->gzip.next_out = (Bytef *)out->data;
	c->gzip.avail_out = (uInt)bound;
	if (deflate(&c->gzip, Z_FINISH) != Z_STREAM_END)
		return pp_error_set(err, PP_EBUG, "gzip failed");
	out->len = bound - c->gzip.avail_out;
	return 0;
}

static int
decompress_gzip(const void *data, size_t len, void *out, size_t out_len,
    struct pp_error *err)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)data,
		.avail_in = (uInt)len,
		.next_out = out,
		.avail_out = (uInt)out_len };
	unsigned char nothing;
	int rc;

	if (out_len == 0) { /* zlib wants room even for no bytes */
		z.next_out = &nothing;
		z.avail_out = 1;
	}
	if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
		return pp_error_set(err, PP_ENOMEM, "no memory for gzip");
	rc = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	return rc == Z_STREAM_END && z.total_out == out_len ?
	    0 :
	    pp_error_set(err, PP_EDATA, "a gzip block is damaged");
}
#endif

int
pp_codec_compress(struct pp_codec *c, const void *data, size_t len,
    struct pp_buf *out, struct pp_error *err)
{
	pp_buf_clear(out);
	switch (c->kind) {
	case PP_CODEC_NONE: pp_buf_add(out, data, len); return 0;
#ifdef HAVE_ZSTD
	case PP_CODEC_ZSTD: return compress_zstd(c, data, len, out, err);
#endif
#ifdef HAVE_SNAPPY
	case PP_CODEC_SNAPPY: return compress_snappy(data, len, out, err);
#endif
#ifdef HAVE_ZLIB
	case PP_CODEC_GZIP: return compress_gzip(c, data, len, out, err);
#endif
	default:
		return pp_error_set(err, PP_EUSAGE,
		    "this program was built without %s",
		    pp_codec_name(c->kind));
	}
}

int
pp_codec_decompress(enum pp_codec_kind kind, const void *data, size_t len,
    void *out, size_t out_len, struct pp_error *err)
{
	switch (kind) {
	case PP_CODEC_NONE:
		if (len != out_len)
			return pp_error_set(err, PP_EDATA,
			    "a block has %zu bytes and not %zu", len, out_len);
		memcpy(out, data, len);
		return 0;
#ifdef HAVE_ZSTD
	case PP_CODEC_ZSTD:
		return decompress_zstd(data, len, out, out_len, err);
#endif
#ifdef HAVE_SNAPPY
	case PP_CODEC_SNAPPY:
		return decompress_snappy(data, len, out, out_len, err);
#endif
#ifdef HAVE_ZLIB
	case PP_CODEC_GZIP:
		return decompress_gzip(data, len, out, out_len, err);
#endif
	default:
		return pp_error_set(err, PP_EDATA,
		    "compression %d is not one that is known here", (int)kind);
	}
}
