/*
 * S3: one bucket, its objects.
 *
 * Every upload carries a CRC-32, whole downloads are checked against theirs.
 * A condition that does not hold is PP_ECONFLICT: 412, 409 and a missing
 * object under If-Match alike. Uploads under a condition carry a mark of their
 * own, so that one whose reply was lost is known again and is no conflict.
 * PP_ETEMP when that cannot be known: by now others have written too.
 *
 * The environment may say how objects are kept:
 *
 *	PP_S3_STORAGE_CLASS	STANDARD_IA, GLACIER_IR ...
 *	PP_S3_ENCRYPTION	AES256, aws:kms, aws:kms:dsse
 *	PP_S3_KMS_KEY		key for the latter two, and for them alone
 *
 * Large objects go up in parts and come down in ranges, a few at a time, so
 * that memory is bounded. One thread at a time.
 */
#ifndef PP_AWS_S3_H
#define PP_AWS_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/aws.h"
#include "base/buf.h"
#include "base/error.h"

#define PP_S3_ETAG_BYTES 80
#define PP_S3_PART_BYTES ((size_t)8 << 20)

struct pp_s3;

/* `a` is borrowed and has a loop of its own. PP_ECONFIG. Returns owned. */
struct pp_s3 *pp_s3_new(struct pp_aws *a, const char *bucket,
	    struct pp_error *err);
void	pp_s3_free(struct pp_s3 *s);

struct pp_s3_put {
	const char *key;
	const void *data;
	size_t len;
	bool if_none;			/* only when there is none */
	const char *if_match;		/* only over this ETag; NULL */
	const char *tags;		/* "class=output"; NULL */
	bool usual_class;		/* of storage, whatever is asked for:
					 * it is soon replaced */
};

/* `etag` may be NULL. */
int	pp_s3_put(struct pp_s3 *s, const struct pp_s3_put *p,
	    char etag[PP_S3_ETAG_BYTES], struct pp_error *err);

/*
 * The file as an object; in parts when it is large. What a failure leaves of
 * an upload is removed.
 */
int	pp_s3_put_file(struct pp_s3 *s, const char *key, const char *path,
	    const char *tags, struct pp_error *err);

/* A file that becomes an object. */
struct pp_s3_file {
	const char *key, *path;
	const char *tags;		/* NULL: none */
};

/* Number `index` is there now: up, or in its buffer. 0 to go on, -1. */
typedef int pp_s3_done_fn(void *arg, size_t index, struct pp_error *err);

/*
 * Many files, small ones a few tens at a time, in any order; `fn` may be
 * NULL. Those that are there when one fails stay.
 */
int	pp_s3_put_files(struct pp_s3 *s, const struct pp_s3_file *files,
	    size_t count, pp_s3_done_fn *fn, void *arg, struct pp_error *err);

/*
 * Append many objects to a buffer each, a few tens at a time. `fn` (may be
 * NULL) is called as each is there, in any order, while others are on their
 * way; the memory is bounded by `count`, or by its releasing the buffer.
 * PP_ENOENT.
 */
int	pp_s3_get_all(struct pp_s3 *s, const char *const *keys, size_t count,
	    struct pp_buf *out, pp_s3_done_fn *fn, void *arg,
	    struct pp_error *err);

/* Append the object. PP_ENOENT. `etag` may be NULL. */
int	pp_s3_get(struct pp_s3 *s, const char *key, struct pp_buf *out,
	    char etag[PP_S3_ETAG_BYTES], struct pp_error *err);

/* Append up to `len` bytes from `offset`; fewer at the end. PP_ENOENT. */
int	pp_s3_get_range(struct pp_s3 *s, const char *key, int64_t offset,
	    size_t len, struct pp_buf *out, struct pp_error *err);

/* A part of an object. */
struct pp_s3_range {
	const char *key;
	int64_t offset;
	size_t len;
};

/*
 * As pp_s3_get_range() for many, each appended to a buffer of `out`, a few
 * tens at a time, so that `count` and the lengths bound the memory.
 */
int	pp_s3_get_ranges(struct pp_s3 *s, const struct pp_s3_range *ranges,
	    size_t count, struct pp_buf *out, struct pp_error *err);

struct pp_s3_info {
	int64_t size_bytes;
	int64_t modified_ms;
	char etag[PP_S3_ETAG_BYTES];
	char mark[40];			/* of an upload under a condition, */
	char over[PP_S3_ETAG_BYTES];	/* and what it replaced; "" */
	char storage_class[32];		/* "" for STANDARD */
	char restore[128];		/* what x-amz-restore says; "" */
};

/* PP_ENOENT. */
int	pp_s3_head(struct pp_s3 *s, const char *key, struct pp_s3_info *out,
	    struct pp_error *err);

/* An object of a listing; its texts are borrowed until the callback returns. */
struct pp_s3_listed {
	const char *key;
	int64_t size_bytes;
	int64_t modified_ms;
	char storage_class[32];		/* "" for STANDARD */
};

/* 0 to go on, 1 to stop, -1. */
typedef int pp_s3_list_fn(void *arg, const struct pp_s3_listed *object,
	    struct pp_error *err);

/*
 * Those whose keys begin with `prefix`, in byte order, after the key `after`
 * (NULL: all), page by page. `page` is how many to ask for at once.
 */
int	pp_s3_list(struct pp_s3 *s, const char *prefix, const char *after,
	    int page, pp_s3_list_fn *fn, void *arg, struct pp_error *err);

int	pp_s3_delete(struct pp_s3 *s, const char *key, struct pp_error *err);

/* Any number, a thousand at a time. */
int	pp_s3_delete_all(struct pp_s3 *s, const char *const *keys,
	    size_t count, struct pp_error *err);

/* A URL that anybody may use for a while; `method` is GET or PUT. */
int	pp_s3_presign(struct pp_s3 *s, const char *method, const char *key,
	    int64_t expires_s, struct pp_buf *url, struct pp_error *err);

/*
 * Bring an archived object back for some days; `tier` is Standard, Bulk or
 * Expedited. 0: asked for; 1: it is there; 2: it was asked for before.
 */
int	pp_s3_restore(struct pp_s3 *s, const char *key, int days,
	    const char *tier, struct pp_error *err);

#endif
