/*
 * Names that nobody else has.
 */
#ifndef PP_BASE_ID_H
#define PP_BASE_ID_H

#include <stdbool.h>

#define PP_ID_BYTES 37	/* a UUID's text and its NUL */

/*
 * A UUIDv7 (RFC 9562, 5.7): the time in milliseconds first, so ids sort by
 * creation; within a thread they always rise. Returns `out`.
 */
char	*pp_id_new(char out[PP_ID_BYTES]);

/* Whether it is a UUID in lower-case text. */
bool	pp_id_valid(const char *id);

#endif
