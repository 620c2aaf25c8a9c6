/*
 * What a home for objects has to do. blob.c checks keys and hands on to these;
 * nothing outside this folder includes this file but the tests.
 */
#ifndef PP_STORE_BLOB_INT_H
#define PP_STORE_BLOB_INT_H

#include "store/blob.h"

/* As the functions of the same names in blob.h; keys are checked already. */
struct pp_blob_ops {
	void (*close)(struct pp_blob *b);
	int (*put)(struct pp_blob *b, const char *key, const void *data,
	    size_t len, enum pp_blob_when when, const char *etag,
	    char *new_etag, struct pp_error *err);
	/* NULL: they are put in one */
	int (*put_parts)(struct pp_blob *b, const char *key,
	    const struct iovec *parts, size_t count, struct pp_error *err);
	int (*put_file)(struct pp_blob *b, const char *key, const char *path,
	    struct pp_error *err);
	/* NULL, all three: one after the other is as fast */
	int (*put_files)(struct pp_blob *b, const struct pp_blob_file *files,
	    size_t count, pp_blob_done_fn *fn, void *arg,
	    struct pp_error *err);
	int (*get_all)(struct pp_blob *b, const char *const *keys,
	    size_t count, struct pp_buf *out, struct pp_error *err);
	int (*get_ranges)(struct pp_blob *b,
	    const struct pp_blob_range *ranges, size_t count,
	    struct pp_buf *out, struct pp_error *err);
	int (*get)(struct pp_blob *b, const char *key, struct pp_buf *out,
	    char *etag, struct pp_error *err);
	int (*get_range)(struct pp_blob *b, const char *key, int64_t offset,
	    size_t len, struct pp_buf *out, struct pp_error *err);
	int (*head)(struct pp_blob *b, const char *key,
	    struct pp_blob_info *info, struct pp_error *err);
	int (*list)(struct pp_blob *b, const char *prefix, const char *after,
	    struct pp_blob_info *infos, int max, struct pp_error *err);
	int (*del)(struct pp_blob *b, const char *key, struct pp_error *err);
	int (*delete_prefix)(struct pp_blob *b, const char *prefix,
	    struct pp_error *err);
	/* NULL: objects have no URLs */
	int (*presign)(struct pp_blob *b, const char *method,
	    const char *key, int64_t expires_s, struct pp_buf *url,
	    struct pp_error *err);
	/* NULL: nothing is archived */
	int (*restore)(struct pp_blob *b, const char *key, int days,
	    const char *tier, struct pp_error *err);
	char *(*local_path)(struct pp_blob *b, const char *key);
};

/* A home's own struct begins with this one. */
struct pp_blob {
	const struct pp_blob_ops *ops;
};

/* PP_ENOENT with the key, for every home in the same words. */
int	pp_blob_missing(const char *key, struct pp_error *err);

/* PP_ECONFLICT, the same. */
int	pp_blob_conflict(const char *key, enum pp_blob_when when,
	    struct pp_error *err);

#endif
