/*
 * Writing a seed set: records in, a new generation out. Memory is bounded by
 * one part and the index (2 to 8 KiB for each 8 MiB).
 */
#ifndef PP_JOB_SEED_WRITER_H
#define PP_JOB_SEED_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/json.h"
#include "store/store.h"

struct pp_seed_writer;

/*
 * Begin to write NAME of the user, or "sample:NAME". Without `replace` an
 * existing set is PP_EEXIST. PP_EUSAGE: a name that cannot be one. Returns
 * owned.
 */
struct pp_seed_writer *pp_seed_writer_new(struct pp_store *s,
	    const char *user_id, const char *name, bool replace,
	    struct pp_error *err);

/* Add a record: an object on one line, and the same as read. */
int	pp_seed_writer_add(struct pp_seed_writer *w, const char *text,
	    size_t len, const struct pp_json *json, struct pp_error *err);

/*
 * Make it the set. 0; 1 when the records are those that the set has already,
 * which then stays as it is; -1 with PP_EEXIST or PP_ECONFLICT when somebody
 * else put one meanwhile, PP_EDATA without any record, PP_EIO.
 */
int	pp_seed_writer_commit(struct pp_seed_writer *w,
	    struct pp_error *err);

/* Without a commit, all that was written is removed again. */
void	pp_seed_writer_free(struct pp_seed_writer *w);

#endif
