/*
 * Seeds as a command names them: a set of the store or a file, with any record
 * of either within reach. A record of a set is one ranged read away; of a file,
 * which has no index, those that were asked for before are kept from one pass
 * over it.
 */
#ifndef PP_JOB_SEED_SOURCE_H
#define PP_JOB_SEED_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "store/store.h"

/* What may be kept of a file. */
#define PP_SEED_SOURCE_MAX_BYTES ((size_t)1 << 30)

/*
 * Whether `ref` can only be a file: it has a '/' or the ending of one, or is
 * "-". Other names are sets, or files when there is no such set.
 */
bool	pp_seed_source_is_file(const char *ref);

struct pp_seed_source;

/*
 * Open a set or a file; a file is read once to count its records, and must be
 * a regular one, since it is read again. `s` may be NULL: files alone are found
 * then. Returns owned, or NULL: PP_ENOENT, PP_EDATA (not seeds, or none),
 * PP_EUSAGE, PP_EIO.
 */
struct pp_seed_source *pp_seed_source_open(struct pp_store *s,
	    const char *user_id, const char *ref, struct pp_error *err);
void	pp_seed_source_close(struct pp_seed_source *src);

int64_t	pp_seed_source_count(const struct pp_seed_source *src);

/* Record `i` will be asked for. All of them before the first get. */
void	pp_seed_source_want(struct pp_seed_source *src, int64_t i);

/*
 * Record `i`, which was wanted, as one JSON object appended to `out`. PP_EIO,
 * PP_EDATA; PP_ELIMIT: more is wanted of a file than can be kept.
 */
int	pp_seed_source_get(struct pp_seed_source *src, int64_t i,
	    struct pp_buf *out, struct pp_error *err);

#endif
