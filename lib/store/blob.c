#include <config.h>

#include "store/blob_int.h"

#include <stdlib.h>
#include <string.h>

#define MAX_KEY_BYTES 1024 /* what S3 takes */
#define MAX_PART_BYTES 255 /* what file systems take */

static int
bad_key(const char *key, const char *why, struct pp_error *err)
{
	return pp_error_set(err, PP_EDATA, "object key '%s' %s", key, why);
}

/* One part of a key, between slashes. */
static int
check_part(const char *key, const char *part, size_t len, struct pp_error *err)
{
	if (len == 0)
		return bad_key(key, "has an empty part", err);
	if (len > MAX_PART_BYTES)
		return bad_key(key, "has a part of more than 255 bytes", err);
	if ((len == 1 && part[0] == '.') ||
	    (len == 2 && part[0] == '.' && part[1] == '.'))
		return bad_key(key, "has a part '.' or '..'", err);
	return 0;
}

static int
check_bytes(const char *key, struct pp_error *err)
{
	size_t len = strlen(key);

	if (len > MAX_KEY_BYTES)
		return bad_key(key, "is longer than 1024 bytes", err);
	for (size_t i = 0; i < len; i++) {
		if (key[i] < 0x20 || key[i] > 0x7e)
			return bad_key(key, "is not printable ASCII", err);
	}
	if (key[0] == '.')
		return bad_key(key, "begins with a dot", err);
	return 0;
}

static int
check_key(const char *key, struct pp_error *err)
{
	const char *part = key, *slash;

	if (check_bytes(key, err) < 0)
		return -1;
	while ((slash = strchr(part, '/')) != NULL) {
		if (check_part(key, part, (size_t)(slash - part), err) < 0)
			return -1;
		part = slash + 1;
	}
	return check_part(key, part, strlen(part), err);
}

/* As a key, but its last part may be the beginning of one, or nothing. */
static int
check_prefix(const char *prefix, struct pp_error *err)
{
	const char *part = prefix, *slash;

	if (check_bytes(prefix, err) < 0)
		return -1;
	while ((slash = strchr(part, '/')) != NULL) {
		if (check_part(prefix, part, (size_t)(slash - part), err) < 0)
			return -1;
		part = slash + 1;
	}
	return 0;
}

int
pp_blob_missing(const char *key, struct pp_error *err)
{
	return pp_error_set(err, PP_ENOENT, "no object '%s'", key);
}

int
pp_blob_conflict(const char *key, enum pp_blob_when when, struct pp_error *err)
{
	return pp_error_set(err, PP_ECONFLICT,
	    when == PP_BLOB_IF_NONE ? "object '%s' is there already" :
				      "object '%s' has changed",
	    key);
}

void
pp_blob_close(struct pp_blob *b)
{
	if (b != NULL)
		b->ops->close(b);
}

int
pp_blob_put(struct pp_blob *b, const char *key, const void *data, size_t len,
    enum pp_blob_when when, const char *etag, char new_etag[PP_ETAG_BYTES],
    struct pp_error *err)
{
	if (check_key(key, err) < 0)
		return -1;
	return b->ops->put(b, key, data, len, when, etag, new_etag, err);
}

static int
put_joined(struct pp_blob *b, const char *key, const struct iovec *parts,
    size_t count, struct pp_error *err)
{
	struct pp_buf all = PP_BUF_INIT;
	size_t len = 0;
	int rc;

	for (size_t i = 0; i < count; i++)
		len += parts[i].iov_len;
	pp_buf_reserve(&all, len);
	for (size_t i = 0; i < count; i++)
		pp_buf_add(&all, parts[i].iov_base, parts[i].iov_len);
	rc = b->ops->put(b, key, all.data, all.len, PP_BLOB_IF_NONE, NULL, NULL,
	    err);
	pp_buf_release(&all);
	return rc;
}

int
pp_blob_put_parts(struct pp_blob *b, const char *key, const struct iovec *parts,
    size_t count, struct pp_error *err)
{
	if (check_key(key, err) < 0)
		return -1;
	return b->ops->put_parts != NULL ?
	    b->ops->put_parts(b, key, parts, count, err) :
	    put_joined(b, key, parts, count, err);
}

int
pp_blob_put_file(struct pp_blob *b, const char *key, const char *path,
    struct pp_error *err)
{
	if (check_key(key, err) < 0)
		return -1;
	return b->ops->put_file(b, key, path, err);
}

int
pp_blob_put_files(struct pp_blob *b, const struct pp_blob_file *files,
    size_t count, pp_blob_done_fn *fn, void *arg, struct pp_error *err)
{
	for (size_t i = 0; i < count; i++)
		if (check_key(files[i].key, err) < 0)
			return -1;
	if (b->ops->put_files != NULL)
		return b->ops->put_files(b, files, count, fn, arg, err);
	for (size_t i = 0; i < count; i++)
		if (b->ops->put_file(b, files[i].key, files[i].path, err) < 0 ||
		    (fn != NULL && fn(arg, i, err) < 0))
			return -1;
	return 0;
}

int
pp_blob_get_all(struct pp_blob *b, const char *const *keys, size_t count,
    struct pp_buf *out, struct pp_error *err)
{
	for (size_t i = 0; i < count; i++)
		if (check_key(keys[i], err) < 0)
			return -1;
	if (b->ops->get_all != NULL)
		return b->ops->get_all(b, keys, count, out, err);
	for (size_t i = 0; i < count; i++)
		if (b->ops->get(b, keys[i], &out[i], NULL, err) < 0)
			return -1;
	return 0;
}

int
pp_blob_get(struct pp_blob *b, const char *key, struct pp_buf *out,
    char etag[PP_ETAG_BYTES], struct pp_error *err)
{
	if (check_key(key, err) < 0)
		return -1;
	return b->ops->get(b, key, out, etag, err);
}

int
pp_blob_get_range(struct pp_blob *b, const char *key, int64_t offset,
    size_t len, struct pp_buf *out, struct pp_error *err)
{
	if (check_key(key, err) < 0)
		return -1;
	return b->ops->get_range(b, key, offset, len, out, err);
}

int
pp_blob_get_ranges(struct pp_blob *b, const struct pp_blob_range *ranges,
    size_t count, struct pp_buf *out, struct pp_error *err)
{
	for (size_t i = 0; i < count; i++)
		if (check_key(ranges[i].key, err) < 0)
			return -1;
	if (b->ops->get_ranges != NULL)
		return b->ops->get_ranges(b, ranges, count, out, err);
	for (size_t i = 0; i < count; i++)
		if (b->ops->get_range(b, ranges[i].key, ranges[i].offset,
			ranges[i].len, &out[i], err) < 0)
			return -1;
	return 0;
}

int
pp_blob_head(struct pp_blob *b, const char *key, struct pp_blob_info *info,
    struct pp_error *err)
{
	if (check_key(key, err) < 0)
		return -1;
	return b->ops->head(b, key, info, err);
}

void
pp_blob_info_release(struct pp_blob_info *info)
{
	free(info->key);
	info->key = NULL;
}

int
pp_blob_list(struct pp_blob *b, const char *prefix, const char *after,
    struct pp_blob_info *infos, int max, struct pp_error *err)
{
	if (check_prefix(prefix, err) < 0)
		return -1;
	return b->ops->list(b, prefix, after, infos, max, err);
}

int
pp_blob_delete(struct pp_blob *b, const char *key, struct pp_error *err)
{
	if (check_key(key, err) < 0)
		return -1;
	return b->ops->del(b, key, err);
}

int
pp_blob_delete_prefix(struct pp_blob *b, const char *prefix,
    struct pp_error *err)
{
	if (check_prefix(prefix, err) < 0)
		return -1;
	return b->ops->delete_prefix(b, prefix, err);
}

int
pp_blob_presign(struct pp_blob *b, const char *method, const char *key,
    int64_t expires_s, struct pp_buf *url, struct pp_error *err)
{
	if (check_key(key, err) < 0)
		return -1;
	if (b->ops->presign == NULL)
		return pp_error_set(err, PP_ECONFIG,
		    "objects of this home are files and have no URLs");
	return b->ops->presign(b, method, key, expires_s, url, err);
}

int
pp_blob_restore(struct pp_blob *b, const char *key, int days, const char *tier,
    struct pp_error *err)
{
	if (check_key(key, err) < 0)
		return -1;
	if (b->ops->restore == NULL)
		return pp_error_set(err, PP_ECONFIG,
		    "objects of this home are files: nothing is archived");
	return b->ops->restore(b, key, days, tier, err);
}

char *
pp_blob_local_path(struct pp_blob *b, const char *key)
{
	if (check_key(key, NULL) < 0)
		return NULL;
	return b->ops->local_path(b, key);
}
