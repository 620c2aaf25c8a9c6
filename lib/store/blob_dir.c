/*
 * Objects as files: the object with key K is the file ROOT/K. blob_fs.h says
 * what else is there.
 *
 * An object is written under .tmp, synced, and moved to its place by link(2)
 * or rename(2), so that it is there whole or not at all, whenever the writer
 * dies. link(2) lets one of many IF_NONE writers win. Whatever replaces or
 * removes an object holds its lock, so the check of IF_MATCH and the rename
 * after it are one step for every process.
 */
#include <config.h>

#include "store/blob_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/mem.h"
#include "store/blob_fs.h"
#include "store/blob_walk.h"

#define COPY_BYTES 262144
#define DELETE_PAGE 256
#define MAX_TRIES 100 /* while others prune the folder that is made */

struct dir {
	struct pp_blob blob;
	char *root;
};

/* What a move into place can find, besides 0 and -1. */
enum {
	FOLDER_IS_GONE = 1, /* somebody pruned it: make it again */
	NO_LINKS,	    /* the file system has no hard links */
	OTHER_DEVICE	    /* the file is to be copied first */
};

static struct dir *
dir_of(struct pp_blob *b)
{
	return (struct dir *)b;
}

static char *
path_of(const struct dir *d, const char *key)
{
	return pp_asprintf("%s/%s", d->root, key);
}

/* ---- reading ---- */

/*
 * The file of an object, open for reading. -1 with PP_ENOENT when there is
 * none; a folder is none.
 */
static int
open_object(const struct dir *d, const char *key, struct stat *st,
    struct pp_error *err)
{
	char *path = path_of(d, key);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			pp_blob_missing(key, err);
		else
			pp_error_errno(err, PP_EIO, errno, "cannot open '%s'",
			    path);
	} else if (fstat(fd, st) < 0) {
		pp_error_errno(err, PP_EIO, errno, "cannot read '%s'", path);
		close(fd);
		fd = -1;
	} else if (!S_ISREG(st->st_mode)) {
		pp_blob_missing(key, err);
		close(fd);
		fd = -1;
	}
	free(path);
	return fd;
}

/* One pread(2); how many bytes, 0 at the end, -1. */
static ssize_t
read_at(int fd, const char *key, int64_t offset, void *data, size_t len,
    struct pp_error *err)
{
	ssize_t n;

	do
		n = pread(fd, data, len, offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		pp_error_errno(err, PP_EIO, errno, "cannot read object '%s'",
		    key);
	return n;
}

/* `out` is at its ceiling: an error, unless the object ends here. */
static int
check_end(int fd, const char *key, int64_t offset, const struct pp_buf *out,
    struct pp_error *err)
{
	char c;
	ssize_t n = read_at(fd, key, offset, &c, 1, err);

	if (n > 0)
		pp_error_set(err, PP_EDATA,
		    "object '%s' is larger than %zu bytes", key, out->max);
	return n == 0 ? 0 : -1;
}

/* Append up to `len` bytes from `offset` on to `out`. */
static int
read_range(int fd, const char *key, int64_t offset, size_t len,
    struct pp_buf *out, struct pp_error *err)
{
	while (len > 0) {
		size_t want = len < COPY_BYTES ? len : COPY_BYTES;
		ssize_t n;

		if (out->max != 0 && want > out->max - out->len)
			want = out->max - out->len;
		if (want == 0)
			return check_end(fd, key, offset, out, err);
		pp_buf_reserve(out, want);
		n = read_at(fd, key, offset, out->data + out->len, want, err);
		if (n <= 0)
			return (int)n;
		out->len += (size_t)n;
		out->data[out->len] = '\0';
		offset += n;
		len -= (size_t)n;
	}
	return 0;
}

static void
make_etag(struct pp_sha256 *h, char etag[PP_ETAG_BYTES])
{
	unsigned char digest[PP_SHA256_BYTES];
	char hex[PP_SHA256_HEX_BYTES];

	pp_sha256_final(h, digest);
	snprintf(etag, PP_ETAG_BYTES, "\"%s\"", pp_hex(digest, 16, hex));
}

static void
etag_of_bytes(const void *data, size_t len, char etag[PP_ETAG_BYTES])
{
	struct pp_sha256 *h = pp_sha256_new();

	pp_sha256_add(h, data, len);
	make_etag(h, etag);
	pp_sha256_free(h);
}

static int
etag_of_file(int fd, const char *key, char etag[PP_ETAG_BYTES],
    struct pp_error *err)
{
	struct pp_sha256 *h = pp_sha256_new();
	struct pp_buf b = PP_BUF_INIT;
	int64_t offset = 0;
	int rc;

	while ((rc = read_range(fd, key, offset, COPY_BYTES, &b, err)) == 0 &&
	    b.len > 0) {
		pp_sha256_add(h, b.data, b.len);
		offset += (int64_t)b.len;
		pp_buf_clear(&b);
	}
	if (rc == 0)
		make_etag(h, etag);
	pp_sha256_free(h);
	pp_buf_release(&b);
	return rc;
}

static int
dir_get(struct pp_blob *b, const char *key, struct pp_buf *out, char *etag,
    struct pp_error *err)
{
	size_t start = out->len;
	struct stat st;
	int fd = open_object(dir_of(b), key, &st, err);
	int rc;

	if (fd < 0)
		return -1;
	if (st.st_size > 0 && out->max == 0)
		pp_buf_reserve(out, (size_t)st.st_size);
	rc = read_range(fd, key, 0, SIZE_MAX, out, err);
	if (rc == 0 && etag != NULL)
		etag_of_bytes(out->data + start, out->len - start, etag);
	close(fd);
	return rc;
}

static int
dir_get_range(struct pp_blob *b, const char *key, int64_t offset, size_t len,
    struct pp_buf *out, struct pp_error *err)
{
	struct stat st;
	int fd = open_object(dir_of(b), key, &st, err);
	int rc;

	if (fd < 0)
		return -1;
	rc = read_range(fd, key, offset, len, out, err);
	close(fd);
	return rc;
}

static void
info_from_stat(struct pp_blob_info *info, const char *key,
    const struct stat *st)
{
	*info = (struct pp_blob_info){
		.key = pp_strdup(key),
		.size_bytes = st->st_size,
		.modified_ms = (int64_t)st->st_mtim.tv_sec * 1000 +
		    st->st_mtim.tv_nsec / 1000000,
	};
}

static int
dir_head(struct pp_blob *b, const char *key, struct pp_blob_info *info,
    struct pp_error *err)
{
	char etag[PP_ETAG_BYTES];
	struct stat st;
	int fd = open_object(dir_of(b), key, &st, err);
	int rc;

	if (fd < 0)
		return -1;
	rc = etag_of_file(fd, key, etag, err);
	close(fd);
	if (rc == 0) {
		info_from_stat(info, key, &st);
		memcpy(info->etag, etag, sizeof etag);
	}
	return rc;
}

struct listing {
	struct pp_blob_info *infos;
	int count, max;
};

static int
add_to_listing(void *arg, const char *key, const struct stat *st,
    struct pp_error *err)
{
	struct listing *l = arg;

	(void)err;
	info_from_stat(&l->infos[l->count++], key, st);
	return l->count == l->max;
}

static int
dir_list(struct pp_blob *b, const char *prefix, const char *after,
    struct pp_blob_info *infos, int max, struct pp_error *err)
{
	struct listing l = { .infos = infos, .max = max };

	if (max <= 0)
		return 0;
	if (pp_blob_walk(dir_of(b)->root, prefix, after, add_to_listing, &l,
		err) < 0) {
		while (l.count > 0)
			pp_blob_info_release(&infos[--l.count]);
		return -1;
	}
	return l.count;
}

/* ---- writing ---- */

/* Returns owned: the path of a temporary with these bytes. */
static char *
write_temporary(const struct dir *d, const char *key, struct iovec *parts,
    size_t count, struct pp_error *err)
{
	char *path;
	int fd = pp_blob_fs_temporary(d->root, &path, err);

	if (fd < 0)
		return NULL;
	if (pp_blob_fs_finish(fd, path, key,
		pp_io_write_parts(fd, parts, count) == 0, err) < 0) {
		free(path);
		return NULL;
	}
	return path;
}

/* Whether the condition holds; under the object's lock. 0, or -1. */
static int
check_condition(const struct dir *d, const char *key, enum pp_blob_when when,
    const char *etag, struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;
	char now[PP_ETAG_BYTES];
	struct stat st;
	int fd, rc;

	if (when == PP_BLOB_ALWAYS)
		return 0;
	fd = open_object(d, key, &st, &why);
	if (fd < 0 && why.code != PP_ENOENT)
		return pp_error_set(err, why.code, "%s", why.text);
	if (when == PP_BLOB_IF_NONE) {
		if (fd < 0)
			return 0;
		close(fd);
		return pp_blob_conflict(key, when, err);
	}
	if (fd < 0)
		return pp_blob_conflict(key, when, err);
	rc = etag_of_file(fd, key, now, err);
	close(fd);
	if (rc == 0 && strcmp(now, etag) != 0)
		return pp_blob_conflict(key, when, err);
	return rc;
}

/* Why a link or a rename failed. */
static int
why_not(const char *from, const char *to, struct pp_error *err)
{
	int errnum = errno;

	if (errnum == ENOENT && access(from, F_OK) == 0)
		return FOLDER_IS_GONE;
	if (errnum == EXDEV)
		return OTHER_DEVICE;
	return pp_blob_fs_fail(errnum, "write", to, err);
}

static int
place_new(const char *from, const char *to, const char *key,
    struct pp_error *err)
{
	if (link(from, to) == 0) {
		unlink(from);
		return 0;
	}
	if (errno == EEXIST)
		return pp_blob_conflict(key, PP_BLOB_IF_NONE, err);
	if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS)
		return NO_LINKS;
	return why_not(from, to, err);
}

/* Move the file `from` to the object's place if the condition holds. */
static int
place(const struct dir *d, const char *from, const char *to, const char *key,
    enum pp_blob_when when, const char *etag, struct pp_error *err)
{
	int fd, rc;

	if (when == PP_BLOB_IF_NONE) {
		rc = place_new(from, to, key, err);
		if (rc != NO_LINKS)
			return rc;
	}
	fd = pp_blob_fs_lock(d->root, key, err);
	if (fd < 0)
		return -1;
	rc = check_condition(d, key, when, etag, err);
	if (rc == 0 && rename(from, to) < 0)
		rc = why_not(from, to, err);
	close(fd);
	return rc;
}

/* The same with its folder made before and synced after: 0, OTHER_DEVICE. */
static int
move_in(const struct dir *d, const char *from, const char *key,
    enum pp_blob_when when, const char *etag, struct pp_error *err)
{
	char *to = path_of(d, key), *parent = pp_blob_fs_parent(to);
	int rc = FOLDER_IS_GONE;

	for (int i = 0; rc == FOLDER_IS_GONE; i++) {
		if (i == MAX_TRIES)
			rc = pp_blob_fs_fail(ENOENT, "write", to, err);
		else if (pp_blob_fs_make(parent, err) < 0)
			rc = -1;
		else
			rc = place(d, from, to, key, when, etag, err);
	}
	if (rc == 0)
		rc = pp_blob_fs_sync_parent(to, err);
	free(parent);
	free(to);
	return rc;
}

/* As move_in() for a temporary of ours, which is gone or moved afterwards. */
static int
move_temporary_in(const struct dir *d, const char *from, const char *key,
    enum pp_blob_when when, const char *etag, struct pp_error *err)
{
	int rc = move_in(d, from, key, when, etag, err);

	if (rc == OTHER_DEVICE)
		rc = pp_blob_fs_fail(EXDEV, "write object", key, err);
	if (rc < 0)
		unlink(from);
	return rc;
}

static int
dir_put(struct pp_blob *b, const char *key, const void *data, size_t len,
    enum pp_blob_when when, const char *etag, char *new_etag,
    struct pp_error *err)
{
	const struct dir *d = dir_of(b);
	struct iovec all = { .iov_base = (void *)(uintptr_t)data,
		.iov_len = len };
	char *from = write_temporary(d, key, &all, 1, err);
	int rc;

	if (from == NULL)
		return -1;
	rc = move_temporary_in(d, from, key, when, etag, err);
	if (rc == 0 && new_etag != NULL)
		etag_of_bytes(data, len, new_etag);
	free(from);
	return rc;
}

static int
dir_put_parts(struct pp_blob *b, const char *key, const struct iovec *parts,
    size_t count, struct pp_error *err)
{
	const struct dir *d = dir_of(b);
	struct iovec *left = pp_memdup(parts, count * sizeof *parts);
	char *from = write_temporary(d, key, left, count, err);
	int rc = -1;

	if (from != NULL)
		rc = move_temporary_in(d, from, key, PP_BLOB_IF_NONE, NULL,
		    err);
	free(from);
	free(left);
	return rc;
}

static bool
copy_bytes(int from, int to)
{
	char *chunk = pp_malloc(COPY_BYTES);
	ssize_t n;

	for (;;) {
		n = read(from, chunk, COPY_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || pp_io_write_all(to, chunk, (size_t)n) < 0)
			break;
	}
	free(chunk);
	return n == 0;
}

/* For a file on another file system: a copy under .tmp takes its place. */
static int
put_copy(const struct dir *d, const char *key, int from, struct pp_error *err)
{
	char *path;
	int fd = pp_blob_fs_temporary(d->root, &path, err);
	int rc;

	if (fd < 0)
		return -1;
	rc = pp_blob_fs_finish(fd, path, key, copy_bytes(from, fd), err);
	if (rc == 0)
		rc = move_temporary_in(d, path, key, PP_BLOB_ALWAYS, NULL, err);
	free(path);
	return rc;
}

static int
dir_put_file(struct pp_blob *b, const char *key, const char *path,
    struct pp_error *err)
{
	const struct dir *d = dir_of(b);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return pp_error_errno(err, errno == ENOENT ? PP_ENOENT : PP_EIO,
		    errno, "cannot open '%s'", path);
	rc = fsync(fd) < 0 ? pp_blob_fs_fail(errno, "sync", path, err) :
			     move_in(d, path, key, PP_BLOB_ALWAYS, NULL, err);
	if (rc == OTHER_DEVICE) {
		rc = put_copy(d, key, fd, err);
		if (rc == 0)
			unlink(path);
	}
	close(fd);
	return rc;
}

/* ---- deleting ---- */

/* The file goes, and the folders that it leaves empty. */
static int
remove_object(const struct dir *d, const char *key, struct pp_error *err)
{
	char *path = path_of(d, key);
	int fd = pp_blob_fs_lock(d->root, key, err);
	int rc = 0;

	if (fd >= 0) {
		if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR &&
		    errno != EISDIR)
			rc = pp_blob_fs_fail(errno, "remove", path, err);
		close(fd);
		if (rc == 0)
			pp_blob_fs_prune(d->root, path);
	}
	free(path);
	return fd < 0 ? -1 : rc;
}

static int
dir_delete(struct pp_blob *b, const char *key, struct pp_error *err)
{
	const struct dir *d = dir_of(b);
	char *path;
	int rc;

	if (remove_object(d, key, err) < 0)
		return -1;
	path = path_of(d, key);
	rc = pp_blob_fs_sync_parent(path, err);
	free(path);
	return rc;
}

/* Not synced: what a power loss brings back, the same call removes again. */
static int
dir_delete_prefix(struct pp_blob *b, const char *prefix, struct pp_error *err)
{
	struct pp_blob_info page[DELETE_PAGE];
	int n, rc = 0;

	do {
		n = dir_list(b, prefix, NULL, page, DELETE_PAGE, err);
		for (int i = 0; i < n; i++) {
			if (rc == 0)
				rc = remove_object(dir_of(b), page[i].key, err);
			pp_blob_info_release(&page[i]);
		}
	} while (rc == 0 && n == DELETE_PAGE);
	return n < 0 ? -1 : rc;
}

static char *
dir_local_path(struct pp_blob *b, const char *key)
{
	return path_of(dir_of(b), key);
}

/* ---- life cycle ---- */

static void
dir_close(struct pp_blob *b)
{
	struct dir *d = dir_of(b);

	free(d->root);
	free(d);
}

static const struct pp_blob_ops dir_ops = {
	.close = dir_close,
	.put = dir_put,
	.put_parts = dir_put_parts,
	.put_file = dir_put_file,
	.get = dir_get,
	.get_range = dir_get_range,
	.head = dir_head,
	.list = dir_list,
	.del = dir_delete,
	.delete_prefix = dir_delete_prefix,
	.local_path = dir_local_path,
};

/* Takes `root`. */
static struct dir *
dir_new(char *root)
{
	struct dir *d = pp_calloc(1, sizeof *d);

	d->blob.ops = &dir_ops;
	d->root = root;
	return d;
}

struct pp_blob *
pp_blob_open_dir_to_read(const char *dir)
{
	return &dir_new(pp_strdup(dir))->blob;
}

struct pp_blob *
pp_blob_open_dir(const char *dir, struct pp_error *err)
{
	struct dir *d;
	char *root;

	if (pp_io_make_dirs(dir, 0777, err) < 0)
		return NULL;
	root = realpath(dir, NULL);
	if (root == NULL) {
		pp_error_errno(err, PP_EIO, errno, "cannot open folder '%s'",
		    dir);
		return NULL;
	}
	d = dir_new(root);
	if (pp_blob_fs_init(root, err) < 0) {
		dir_close(&d->blob);
		return NULL;
	}
	return &d->blob;
}
