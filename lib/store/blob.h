/*
 * Objects: bytes under a key, with an ETag and conditional writes. Keys are
 * relative paths of printable ASCII, up to 1024 bytes, without empty, "." or
 * ".." parts, and do not begin with a dot; any other is PP_EDATA. No key may
 * be the folder of another. The embedded home keeps objects as files of a
 * folder; a crash leaves whole objects only.
 */
#ifndef PP_STORE_BLOB_H
#define PP_STORE_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/error.h"

struct pp_blob;		/* a home for objects */

#define PP_ETAG_BYTES 80

/* What a write asks of the object that is there. */
enum pp_blob_when {
	PP_BLOB_ALWAYS,
	PP_BLOB_IF_NONE,	/* If-None-Match: * */
	PP_BLOB_IF_MATCH	/* If-Match: the etag given */
};

/*
 * Whether an object can be read now. A listing knows the class alone: what it
 * calls archived may be on its way or back, which pp_blob_head() tells.
 */
enum pp_blob_archive {
	PP_BLOB_AT_HAND,
	PP_BLOB_ARCHIVED,	/* pp_blob_restore() brings it back */
	PP_BLOB_COMING,		/* asked for; hours */
	PP_BLOB_RESTORED	/* for some days */
};

struct pp_blob_info {
	char *key;		/* owned by the struct */
	int64_t size_bytes;
	int64_t modified_ms;
	char etag[PP_ETAG_BYTES];	/* pp_blob_head() alone; else "" */
	enum pp_blob_archive archive;
	char storage_class[32];		/* "GLACIER_IR"; "" for the usual */
};

/* Objects in the folder `dir`, which is made. Returns owned, or NULL. */
struct pp_blob *pp_blob_open_dir(const char *dir, struct pp_error *err);

/* The same without making the folder: while it is not there, it is empty. */
struct pp_blob *pp_blob_open_dir_to_read(const char *dir);

/*
 * The objects that "s3://BUCKET[/PREFIX]" names, by the credentials of the
 * environment. `*prefix` gets PREFIX, owned (free(3)): "", or it ends with a
 * slash. Returns owned, or NULL with PP_EUSAGE (no such URL), PP_ECONFIG.
 */
struct pp_blob *pp_blob_open_url(const char *url, char **prefix,
	    struct pp_error *err);
void	pp_blob_close(struct pp_blob *b);

/*
 * Write a whole object, durably. `etag` is the condition of IF_MATCH, else
 * NULL; `new_etag` (may be NULL) gets the new one. PP_ECONFLICT when the
 * condition fails and nothing was written: read again and decide, never force.
 * PP_EIO, PP_ECREATE. After PP_EUNAVAIL and PP_ETEMP it may have been written,
 * and even been replaced since: what is there can tell, when it says who wrote
 * it; so do batches, checkpoints and manifests.
 */
int	pp_blob_put(struct pp_blob *b, const char *key, const void *data,
	    size_t len, enum pp_blob_when when, const char *etag,
	    char new_etag[PP_ETAG_BYTES], struct pp_error *err);

/* As pp_blob_put() with IF_NONE, of bytes in parts, one after the other. */
int	pp_blob_put_parts(struct pp_blob *b, const char *key,
	    const struct iovec *parts, size_t count, struct pp_error *err);

/*
 * Move the file at `path` into place as the object (a copy and an unlink where
 * a rename cannot). For objects too large for memory.
 */
int	pp_blob_put_file(struct pp_blob *b, const char *key, const char *path,
	    struct pp_error *err);

/* A file that becomes an object. */
struct pp_blob_file {
	const char *key, *path;
};

/* Number `index` is there now. 0 to go on, -1. */
typedef int pp_blob_done_fn(void *arg, size_t index, struct pp_error *err);

/*
 * As pp_blob_put_file() for many, several at a time where that is faster, in
 * any order. `fn` may be NULL. When one fails, others may be there.
 */
int	pp_blob_put_files(struct pp_blob *b, const struct pp_blob_file *files,
	    size_t count, pp_blob_done_fn *fn, void *arg,
	    struct pp_error *err);

/*
 * Append many objects, each to a buffer of `out`, several at a time where
 * that is faster. PP_ENOENT when one is not there.
 */
int	pp_blob_get_all(struct pp_blob *b, const char *const *keys,
	    size_t count, struct pp_buf *out, struct pp_error *err);

/*
 * Append the object to `out`; `etag` (may be NULL) gets its ETag, from the
 * same read. PP_ENOENT when there is none.
 */
int	pp_blob_get(struct pp_blob *b, const char *key, struct pp_buf *out,
	    char etag[PP_ETAG_BYTES], struct pp_error *err);

/* Bytes `offset` to `offset + len`; fewer at the end of the object. */
int	pp_blob_get_range(struct pp_blob *b, const char *key, int64_t offset,
	    size_t len, struct pp_buf *out, struct pp_error *err);

/* A part of an object. */
struct pp_blob_range {
	const char *key;
	int64_t offset;
	size_t len;
};

/*
 * As pp_blob_get_range() for many, each appended to a buffer of `out`, several
 * at a time where that is faster.
 */
int	pp_blob_get_ranges(struct pp_blob *b,
	    const struct pp_blob_range *ranges, size_t count,
	    struct pp_buf *out, struct pp_error *err);

/* PP_ENOENT when there is none. info->key is owned: pp_blob_info_release(). */
int	pp_blob_head(struct pp_blob *b, const char *key,
	    struct pp_blob_info *info, struct pp_error *err);
void	pp_blob_info_release(struct pp_blob_info *info);

/*
 * Up to `max` objects whose keys begin with `prefix`, in byte order, after the
 * key `after` (NULL: from the start). Returns how many, or -1; fewer than
 * `max` means the end. Each info is to be released.
 */
int	pp_blob_list(struct pp_blob *b, const char *prefix, const char *after,
	    struct pp_blob_info *infos, int max, struct pp_error *err);

/* Deleting what is not there is fine. */
int	pp_blob_delete(struct pp_blob *b, const char *key,
	    struct pp_error *err);

/* Everything under the prefix. */
int	pp_blob_delete_prefix(struct pp_blob *b, const char *prefix,
	    struct pp_error *err);

#define PP_MAX_PRESIGN_S INT64_C(604800)	/* seven days */

/*
 * Append a URL by which anybody can GET or PUT the object for `expires_s`
 * seconds. PP_ECONFIG where objects have no URLs, PP_EUSAGE for a time that
 * is none.
 */
int	pp_blob_presign(struct pp_blob *b, const char *method,
	    const char *key, int64_t expires_s, struct pp_buf *url,
	    struct pp_error *err);

/*
 * Ask for an archived object to be brought back for some days; `tier` is
 * Standard (hours), Bulk (cheaper, longer) or Expedited (minutes). Asking
 * again is fine. PP_ECONFIG where nothing is archived.
 */
int	pp_blob_restore(struct pp_blob *b, const char *key, int days,
	    const char *tier, struct pp_error *err);

/*
 * Embedded home only: the path of the file that is the object, for local
 * tools and journals. Returns owned, or NULL where there is no such thing.
 */
char	*pp_blob_local_path(struct pp_blob *b, const char *key);

#endif
