/*
 * The rows of a Parquet file as JSON, put together from its columns. What
 * pp-export wrote comes out as it went in, but for fields that were missing,
 * which are null. Times are RFC 3339 text, decimals exact text, bytes that are
 * not text are base64.
 */
#ifndef PP_EXPORT_PQROWS_H
#define PP_EXPORT_PQROWS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "export/pqfile.h"

struct pp_pqrows;

/* `f` is borrowed. Returns owned. */
struct pp_pqrows *pp_pqrows_new(const struct pp_pqfile *f);
void	pp_pqrows_free(struct pp_pqrows *r);

/* Append the next row as an object. 1, 0 after the last, -1 with PP_EDATA. */
int	pp_pqrows_next(struct pp_pqrows *r, struct pp_buf *out,
	    struct pp_error *err);

/* Append a value of a leaf, as the row would have it. */
void	pp_pqrows_put_value(struct pp_buf *out, const struct pp_pqelement *leaf,
	    const char *value, size_t len);

#endif
