#include <config.h>

#include "export/pack.h"

#include <stdint.h>
#include <stdlib.h>

#ifdef HAVE_ZSTD
#include <zstd.h>
#endif
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#include "base/mem.h"

#define GZIP_WINDOW (15 + 16) /* zlib's way to ask for gzip's frame */
#define STEP_BYTES ((size_t)64 << 10)

struct pp_pack {
	enum pp_codec_kind kind;
#ifdef HAVE_ZSTD
	ZSTD_CCtx *zstd;
#endif
#ifdef HAVE_ZLIB
	z_stream gzip;
#endif
};

const char *
pp_pack_suffix(enum pp_codec_kind kind)
{
	return kind == PP_CODEC_ZSTD ? ".zst" :
	    kind == PP_CODEC_GZIP    ? ".gz" :
				       "";
}

#ifdef HAVE_ZSTD
static int
begin_zstd(struct pp_pack *p, int level, int workers, struct pp_error *err)
{
	p->zstd = ZSTD_createCCtx();
	if (p->zstd == NULL)
		return pp_error_set(err, PP_ENOMEM, "no memory for zstd");
	ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1);
	/* a library without threads refuses, and works by itself */
	if (workers > 0)
		ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_nbWorkers, workers);
	return 0;
}

static int
put_zstd(struct pp_pack *p, const void *data, size_t len, bool end,
    struct pp_buf *out, struct pp_error *err)
{
	ZSTD_inBuffer in = { data, len, 0 };
	ZSTD_outBuffer to;
	size_t left;

	do {
		pp_buf_reserve(out, STEP_BYTES);
		to = (ZSTD_outBuffer){ out->data + out->len, STEP_BYTES, 0 };
		left = ZSTD_compressStream2(p->zstd, &to, &in,
		    end ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			return pp_error_set(err, PP_EBUG, "zstd failed: %s",
			    ZSTD_getErrorName(left));
		out->len += to.pos;
	} while (end ? left > 0 : in.pos < in.size);
	return 0;
}
#endif

#ifdef HAVE_ZLIB
static int
begin_gzip(struct pp_pack *p, int level, struct pp_error *err)
{
	if (deflateInit2(&p->gzip, level, Z_DEFLATED, GZIP_WINDOW, 8,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return pp_error_set(err, PP_ENOMEM, "no memory for gzip");
	return 0;
}

static int
put_gzip(struct pp_pack *p, const void *data, size_t len, bool end,
    struct pp_buf *out, struct pp_error *err)
{
	z_stream *z = &p->gzip;
	int rc;

	z->next_in = (Bytef *)(uintptr_t)data;
	z->avail_in = (uInt)len;
	do {
		pp_buf_reserve(out, STEP_BYTES);
		z->next_out = (Bytef *)out->data + out->len;
		z->avail_out = (uInt)STEP_BYTES;
		rc = deflate(z, end ? Z_FINISH : Z_NO_FLUSH);
		if (rc == Z_STREAM_ERROR)
			return pp_error_set(err, PP_EBUG, "gzip failed");
		out->len += STEP_BYTES - z->avail_out;
	} while (z->avail_out == 0 || (end && rc != Z_STREAM_END));
	return 0;
}
#endif

struct pp_pack *
pp_pack_new(enum pp_codec_kind kind, int level, int workers,
    struct pp_error *err)
{
	struct pp_pack *p = pp_calloc(1, sizeof *p);
	int rc = -1;

	p->kind = kind;
	switch (kind) {
#ifdef HAVE_ZSTD
	case PP_CODEC_ZSTD: rc = begin_zstd(p, level, workers, err); break;
#endif
#ifdef HAVE_ZLIB
	case PP_CODEC_GZIP: rc = begin_gzip(p, level, err); break;
#endif
	default:
		pp_error_set(err, PP_EUSAGE,
		    "files are compressed by zstd or "
		    "gzip, not by %s",
		    pp_codec_name(kind));
	}
	if (rc == 0)
		return p;
	free(p);
	return NULL;
}

void
pp_pack_free(struct pp_pack *p)
{
	if (p == NULL)
		return;
#ifdef HAVE_ZSTD
	if (p->kind == PP_CODEC_ZSTD)
		ZSTD_freeCCtx(p->zstd);
#endif
#ifdef HAVE_ZLIB
	if (p->kind == PP_CODEC_GZIP)
		deflateEnd(&p->gzip);
#endif
	free(p);
}

int
pp_pack_put(struct pp_pack *p, const void *data, size_t len, bool end,
    struct pp_buf *out, struct pp_error *err)
{
	switch (p->kind) {
#ifdef HAVE_ZSTD
	case PP_CODEC_ZSTD: return put_zstd(p, data, len, end, out, err);
#endif
#ifdef HAVE_ZLIB
	case PP_CODEC_GZIP: return put_gzip(p, data, len, end, out, err);
#endif
	default: return pp_error_set(err, PP_EBUG, "no such compression");
	}
}
