/*
 * What a folder of objects asks of the file system: folders that come and go,
 * locks, temporaries. A folder of objects is ROOT, an absolute path; besides
 * the objects it has
 *
 *	ROOT/.tmp/		what is being written
 *	ROOT/.locks/00 .. 3f	locks, each for the keys that hash to it
 */
#ifndef PP_STORE_BLOB_FS_H
#define PP_STORE_BLOB_FS_H

#include <stdbool.h>

#include "base/error.h"

/* Make .tmp and .locks, and remove temporaries that were left long ago. */
int	pp_blob_fs_init(const char *root, struct pp_error *err);

/* Returns owned: the folder part of an absolute path. */
char	*pp_blob_fs_parent(const char *path);

/*
 * Make a folder and those above it; what is new is synced into the folder that
 * holds it. It may be pruned again before this returns.
 */
int	pp_blob_fs_make(const char *path, struct pp_error *err);

/* Sync the folder that holds `path`. One that is gone has nothing to keep. */
int	pp_blob_fs_sync_parent(const char *path, struct pp_error *err);

/* Take away the folders above `path`, below the root, that are empty. */
void	pp_blob_fs_prune(const char *root, const char *path);

/*
 * Wait for the lock of a key. Returns a descriptor that holds it until it is
 * closed (or the process dies), or -1: PP_ETEMP when somebody, stopped
 * perhaps, has it for too long.
 */
int	pp_blob_fs_lock(const char *root, const char *key,
	    struct pp_error *err);

/*
 * A new file under .tmp, open for writing. Returns the descriptor, and its
 * path, owned; or -1.
 */
int	pp_blob_fs_temporary(const char *root, char **path,
	    struct pp_error *err);

/*
 * Sync and close it. When this fails, or `written` is false with errno set by
 * what failed before, it is removed, and `err` names the object `key`.
 */
int	pp_blob_fs_finish(int fd, const char *path, const char *key,
	    bool written, struct pp_error *err);

/*
 * Fill `err` with "cannot WHAT 'PATH'": PP_ECREATE where it is a matter of
 * rights or of what is there, else PP_EIO. Returns -1.
 */
int	pp_blob_fs_fail(int errnum, const char *what, const char *path,
	    struct pp_error *err);

#endif
