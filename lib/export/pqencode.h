/*
 * The values of a page in the encoding that makes least of them.
 */
#ifndef PP_EXPORT_PQENCODE_H
#define PP_EXPORT_PQENCODE_H

#include <stddef.h>

#include "base/buf.h"
#include "export/pqschema.h"

/*
 * Append `count` values, given PLAIN in `len` bytes (truth values a byte
 * each). When PP_PQ_PLAIN is best and those bytes are it, nothing is appended
 * and `*in_place` is set.
 */
enum pp_pq_encoding pp_pqencode(struct pp_buf *out,
	    const struct pp_pqleaf *leaf, const char *plain, size_t len,
	    size_t count, bool *in_place);

#endif
