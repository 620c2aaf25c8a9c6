/*
 * The files under a folder as keys, in byte order, from any key on.
 */
#ifndef PP_STORE_BLOB_WALK_H
#define PP_STORE_BLOB_WALK_H

#include <sys/stat.h>

#include "base/error.h"

/*
 * Called for each file; `key` is relative to the root and borrowed. 0 goes on,
 * 1 ends the walk, -1 with `err` ends it as failed.
 */
typedef int pp_blob_walk_fn(void *arg, const char *key, const struct stat *st,
	    struct pp_error *err);

/*
 * Visit the regular files of the folder `root` whose keys begin with `prefix`
 * and come after `after` (NULL: all), in byte order of the whole key. Entries
 * of the root that begin with a dot are not keys. What vanishes meanwhile is
 * passed over. 0, 1 when `fn` ended it, or -1.
 */
int	pp_blob_walk(const char *root, const char *prefix, const char *after,
	    pp_blob_walk_fn *fn, void *arg, struct pp_error *err);

#endif
