/*
 * Percent-encoding as AWS has it: everything but A-Z a-z 0-9 - . _ ~ becomes
 * %XX with capital digits, a blank too.
 */
#ifndef PP_AWS_URI_H
#define PP_AWS_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Append; `slash` leaves '/' as it is, for keys of objects. */
void	pp_uri_encode(struct pp_buf *out, const char *s, size_t len,
	    bool slash);

/* Append the bytes that `s` stands for; a broken escape stays as it is. */
void	pp_uri_decode(struct pp_buf *out, const char *s, size_t len);

/*
 * Append "name=value", encoded, with '&' before it unless `out` is empty.
 * A NULL value gives the name alone.
 */
void	pp_uri_add_query(struct pp_buf *out, const char *name,
	    const char *value);

#endif
