#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/s3.h"
#include "base/mem.h"
#include "store/blob_int.h"
#include "store/store_int.h"

_Static_assert(PP_ETAG_BYTES == PP_S3_ETAG_BYTES, "ETags fit");

struct blob_s3 {
	struct pp_blob blob;
	struct pp_s3 *s3;   /* owned */
	struct pp_aws *aws; /* owned, or NULL: another's */
};

static struct pp_s3 *
s3_of(struct pp_blob *b)
{
	return ((struct blob_s3 *)b)->s3;
}

static void
close_s3(struct pp_blob *b)
{
	pp_s3_free(s3_of(b));
	pp_aws_free(((struct blob_s3 *)b)->aws);
	free(b);
}

/*
 * What a job has made is marked, so that a rule of the bucket's life cycle,
 * which knows no wildcards, can move it to a cheaper class.
 */
static const char *
tags_of(const char *key)
{
	if (strncmp(key, "jobs/", 5) != 0)
		return NULL;
	return strstr(key, "/outputs/") != NULL ? "class=output" :
	    strstr(key, "/exports/") != NULL	? "class=export" :
						  NULL;
}

/* Classes that are cheaper by the month charge for months of each version. */
static bool
is_replaced(const char *key)
{
	const char *slash = strrchr(key, '/');
	const char *name = slash != NULL ? slash + 1 : key;

	return strncmp(name, "checkpoint", 10) == 0 ||
	    strcmp(name, "manifest.json") == 0;
}

static int
put(struct pp_blob *b, const char *key, const void *data, size_t len,
    enum pp_blob_when when, const char *etag, char *new_etag,
    struct pp_error *err)
{
	struct pp_s3_put p = { .key = key,
		.data = data,
		.len = len,
		.if_none = when == PP_BLOB_IF_NONE,
		.if_match = when == PP_BLOB_IF_MATCH ? etag : NULL,
		.tags = tags_of(key),
		.usual_class = is_replaced(key) };

	return pp_s3_put(s3_of(b), &p, new_etag, err);
}

static int
put_file(struct pp_blob *b, const char *key, const char *path,
    struct pp_error *err)
{
	if (pp_s3_put_file(s3_of(b), key, path, tags_of(key), err) < 0)
		return -1;
	if (unlink(path) < 0)
		return pp_error_errno(err, PP_EIO, errno, "cannot remove '%s'",
		    path);
	return 0;
}

/* Files go away as they become objects, as by a rename. */
struct moving {
	const struct pp_blob_file *files;
	pp_blob_done_fn *fn;
	void *arg;
};

static int
on_moved(void *arg, size_t index, struct pp_error *err)
{
	const struct moving *m = arg;

	if (unlink(m->files[index].path) < 0)
		return pp_error_errno(err, PP_EIO, errno, "cannot remove '%s'",
		    m->files[index].path);
	return m->fn != NULL ? m->fn(m->arg, index, err) : 0;
}

static int
put_files(struct pp_blob *b, const struct pp_blob_file *files, size_t count,
    pp_blob_done_fn *fn, void *arg, struct pp_error *err)
{
	struct pp_s3_file *all = pp_calloc(count + 1, sizeof *all);
	struct moving m = { files, fn, arg };
	int rc;

	for (size_t i = 0; i < count; i++)
		all[i] = (struct pp_s3_file){ files[i].key, files[i].path,
			tags_of(files[i].key) };
	rc = pp_s3_put_files(s3_of(b), all, count, on_moved, &m, err);
	free(all);
	return rc;
}

static int
get_all(struct pp_blob *b, const char *const *keys, size_t count,
    struct pp_buf *out, struct pp_error *err)
{
	return pp_s3_get_all(s3_of(b), keys, count, out, NULL, NULL, err);
}

static int
get(struct pp_blob *b, const char *key, struct pp_buf *out, char *etag,
    struct pp_error *err)
{
	return pp_s3_get(s3_of(b), key, out, etag, err);
}

static int
get_range(struct pp_blob *b, const char *key, int64_t offset, size_t len,
    struct pp_buf *out, struct pp_error *err)
{
	return pp_s3_get_range(s3_of(b), key, offset, len, out, err);
}

static int
get_ranges(struct pp_blob *b, const struct pp_blob_range *ranges, size_t count,
    struct pp_buf *out, struct pp_error *err)
{
	struct pp_s3_range *all = pp_calloc(count + 1, sizeof *all);
	int rc;

	for (size_t i = 0; i < count; i++)
		all[i] = (struct pp_s3_range){ ranges[i].key, ranges[i].offset,
			ranges[i].len };
	rc = pp_s3_get_ranges(s3_of(b), all, count, out, err);
	free(all);
	return rc;
}

/*
 * GLACIER_IR is read at once, whatever its name says; the other two have to be
 * restored, and x-amz-restore tells how far that is.
 */
static void
set_class(struct pp_blob_info *info, const char *class, const char *restore)
{
	snprintf(info->storage_class, sizeof info->storage_class, "%s", class);
	if (strcmp(class, "GLACIER") != 0 && strcmp(class, "DEEP_ARCHIVE") != 0)
		info->archive = PP_BLOB_AT_HAND;
	else if (restore[0] == '\0')
		info->archive = PP_BLOB_ARCHIVED;
	else if (strstr(restore, "ongoing-request=\"true\"") != NULL)
		info->archive = PP_BLOB_COMING;
	else
		info->archive = PP_BLOB_RESTORED;
}

static int
head(struct pp_blob *b, const char *key, struct pp_blob_info *info,
    struct pp_error *err)
{
	struct pp_s3_info i;

	if (pp_s3_head(s3_of(b), key, &i, err) < 0)
		return -1;
	*info = (struct pp_blob_info){ .key = pp_strdup(key),
		.size_bytes = i.size_bytes,
		.modified_ms = i.modified_ms };
	memcpy(info->etag, i.etag, sizeof info->etag);
	set_class(info, i.storage_class, i.restore);
	return 0;
}

static int
bring_back(struct pp_blob *b, const char *key, int days, const char *tier,
    struct pp_error *err)
{
	return pp_s3_restore(s3_of(b), key, days, tier, err) < 0 ? -1 : 0;
}

/* ---- listings ---- */

struct listing {
	struct pp_blob_info *infos;
	int max, n;
};

static int
keep(void *arg, const struct pp_s3_listed *object, struct pp_error *err)
{
	struct listing *l = arg;
	struct pp_blob_info *info = &l->infos[l->n++];

	(void)err;
	*info = (struct pp_blob_info){ .key = pp_strdup(object->key),
		.size_bytes = object->size_bytes,
		.modified_ms = object->modified_ms };
	set_class(info, object->storage_class, "");
	return l->n == l->max;
}

static int
list(struct pp_blob *b, const char *prefix, const char *after,
    struct pp_blob_info *infos, int max, struct pp_error *err)
{
	struct listing l = { .infos = infos, .max = max };

	if (max <= 0)
		return 0;
	if (pp_s3_list(s3_of(b), prefix, after, max, keep, &l, err) == 0)
		return l.n;
	while (l.n > 0)
		pp_blob_info_release(&l.infos[--l.n]);
	return -1;
}

static int
del(struct pp_blob *b, const char *key, struct pp_error *err)
{
	return pp_s3_delete(s3_of(b), key, err);
}

struct doomed {
	char **keys;
	size_t count, cap;
};

static int
doom(void *arg, const struct pp_s3_listed *object, struct pp_error *err)
{
	struct doomed *d = arg;

	(void)err;
	d->keys = pp_grow(d->keys, d->count, &d->cap, sizeof *d->keys);
	d->keys[d->count++] = pp_strdup(object->key);
	return 0;
}

static int
delete_prefix(struct pp_blob *b, const char *prefix, struct pp_error *err)
{
	struct doomed d = { .count = 0 };
	int rc = pp_s3_list(s3_of(b), prefix, NULL, 1000, doom, &d, err);

	if (rc == 0)
		rc = pp_s3_delete_all(s3_of(b), (const char *const *)d.keys,
		    d.count, err);
	for (size_t i = 0; i < d.count; i++)
		free(d.keys[i]);
	free(d.keys);
	return rc;
}

static int
presign(struct pp_blob *b, const char *method, const char *key,
    int64_t expires_s, struct pp_buf *url, struct pp_error *err)
{
	return pp_s3_presign(s3_of(b), method, key, expires_s, url, err);
}

static char *
local_path(struct pp_blob *b, const char *key)
{
	(void)b;
	(void)key;
	return NULL;
}

static const struct pp_blob_ops s3_ops = {
	.close = close_s3,
	.put = put,
	.put_file = put_file,
	.put_files = put_files,
	.get_all = get_all,
	.get = get,
	.get_range = get_range,
	.get_ranges = get_ranges,
	.head = head,
	.list = list,
	.del = del,
	.delete_prefix = delete_prefix,
	.presign = presign,
	.restore = bring_back,
	.local_path = local_path,
};

struct pp_blob *
pp_blob_open_s3(struct pp_aws *a, const char *bucket, struct pp_error *err)
{
	struct blob_s3 *b;
	struct pp_s3 *s3 = pp_s3_new(a, bucket, err);

	if (s3 == NULL)
		return NULL;
	b = pp_calloc(1, sizeof *b);
	b->blob.ops = &s3_ops;
	b->s3 = s3;
	return &b->blob;
}

/* "" or a path that ends with a slash. Returns owned. */
static char *
prefix_of(const char *path)
{
	size_t len = strlen(path);

	return pp_asprintf("%s%s", path,
	    len > 0 && path[len - 1] != '/' ? "/" : "");
}

struct pp_blob *
pp_blob_open_url(const char *url, char **prefix, struct pp_error *err)
{
	static const char scheme[] = "s3://";
	struct pp_blob *b = NULL;
	const char *name, *slash;
	struct pp_aws *aws;
	char *bucket;

	name = strncmp(url, scheme, 5) == 0 ? url + 5 : "";
	slash = strchrnul(name, '/');
	if (slash == name) {
		pp_error_set(err, PP_EUSAGE,
		    "'%s' is not s3://BUCKET or s3://BUCKET/PREFIX", url);
		return NULL;
	}
	aws = pp_aws_new(NULL, NULL, NULL, err);
	if (aws == NULL)
		return NULL;
	bucket = pp_strndup(name, (size_t)(slash - name));
	b = pp_blob_open_s3(aws, bucket, err);
	free(bucket);
	if (b == NULL) {
		pp_aws_free(aws);
		return NULL;
	}
	((struct blob_s3 *)b)->aws = aws;
	*prefix = prefix_of(*slash == '/' ? slash + 1 : slash);
	return b;
}
