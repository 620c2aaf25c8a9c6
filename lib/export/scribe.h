/*
 * A thread that hashes and writes what others have made, so that they go on
 * with the next rows meanwhile: the files of all formats of an export share
 * one. What is handed over is written in that order.
 */
#ifndef PP_EXPORT_SCRIBE_H
#define PP_EXPORT_SCRIBE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"

struct pp_scribe;

/* The thread begins with the first bytes. Returns owned. */
struct pp_scribe *pp_scribe_new(void);

/* Write what is left, and free. */
void	pp_scribe_free(struct pp_scribe *s);

/*
 * Write `bytes` to `fd`, called `name`, and add them to `sha` unless that is
 * NULL; all three are borrowed until pp_scribe_settle(). `bytes` is empty
 * afterwards. Waits while too much waits. -1 when this or an earlier write
 * failed (PP_EIO); after a failure nothing more is written.
 */
int	pp_scribe_put(struct pp_scribe *s, struct pp_buf *bytes, int fd,
	    struct pp_sha256 *sha, const char *name, struct pp_error *err);

/* Wait until all is written. 0, or -1 as pp_scribe_put(). */
int	pp_scribe_settle(struct pp_scribe *s, struct pp_error *err);

#endif
