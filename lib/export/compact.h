/*
 * JSON text in its plainest form: no blanks, no escapes but those that
 * RFC 8259 asks for, numbers as they came, of members with one name the last.
 * Text that is in this form already, as most is, is copied in one piece.
 */
#ifndef PP_EXPORT_COMPACT_H
#define PP_EXPORT_COMPACT_H

#include "base/buf.h"
#include "base/json.h"

/* Append `v`. */
void	pp_compact_put(struct pp_buf *out, const struct pp_json *v);

/*
 * Append the text of a scalar for people and cells: a string without quotes,
 * everything else as JSON, null as nothing.
 */
void	pp_compact_put_plain(struct pp_buf *out, const struct pp_json *v);

#endif
