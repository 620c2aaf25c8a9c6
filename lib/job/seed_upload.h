/*
 * Seed files of people who have neither our programs nor an account: a URL
 * under which one can be put, and what was put there, to be taken in.
 *
 *	seed-data/{user}/{name}/upload
 *
 * Nothing there is a seed before it was read and checked as any file is.
 */
#ifndef PP_JOB_SEED_UPLOAD_H
#define PP_JOB_SEED_UPLOAD_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "store/store.h"

/*
 * Append the URL to PUT a file for the set NAME of the user, good for
 * `expires_s`. PP_EUSAGE: no name of a set of one's own; or as
 * pp_blob_presign().
 */
int	pp_seed_upload_url(struct pp_store *s, const char *user_id,
	    const char *name, int64_t expires_s, struct pp_buf *url,
	    struct pp_error *err);

struct pp_seed_upload;

/*
 * Get what was put there, into a file without a name. Returns owned, or NULL:
 * PP_ENOENT when nothing was, PP_ETEMP when it was replaced meanwhile.
 */
struct pp_seed_upload *pp_seed_upload_open(struct pp_store *s,
	    const char *user_id, const char *name, struct pp_error *err);

/* A descriptor of the file, at its beginning, owned; -1. */
int	pp_seed_upload_fd(struct pp_seed_upload *u, struct pp_error *err);

/* It was taken in: remove it. */
int	pp_seed_upload_remove(struct pp_seed_upload *u, struct pp_error *err);
void	pp_seed_upload_close(struct pp_seed_upload *u);

#endif
