#include <config.h>

#include "job/seed_upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "job/seed_int.h"

#define PIECE_BYTES ((size_t)8 << 20)

struct pp_seed_upload {
	struct pp_blob *blobs; /* borrowed */
	char *key;
	int fd;
};

static char *
upload_key(const char *user_id, const char *name, struct pp_error *err)
{
	char *base, *key;

	if (pp_starts_with(name, PP_SEED_SAMPLE)) {
		pp_error_set(err, PP_EUSAGE,
		    "samples are put by install-samples");
		return NULL;
	}
	base = pp_seed_base(user_id, name, err);
	key = base != NULL ? pp_seed_upload_key(base) : NULL;
	free(base);
	return key;
}

int
pp_seed_upload_url(struct pp_store *s, const char *user_id, const char *name,
    int64_t expires_s, struct pp_buf *url, struct pp_error *err)
{
	char *key = upload_key(user_id, name, err);
	int rc = -1;

	if (key != NULL)
		rc = pp_blob_presign(pp_store_blobs(s), "PUT", key, expires_s,
		    url, err);
	free(key);
	return rc;
}

/* ---- what was put there ---- */

/* It has no name from the beginning, so that nothing of it can stay. */
static int
open_unnamed(struct pp_error *err)
{
	const char *folder = getenv("TMPDIR");
	char *path = pp_asprintf("%s/pp-upload-XXXXXX",
	    folder != NULL && folder[0] != '\0' ? folder : "/tmp");
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0 || unlink(path) < 0) {
		pp_error_errno(err, PP_ECREATE, errno, "cannot create '%s'",
		    path);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	free(path);
	return fd;
}

static int
copy(struct pp_seed_upload *u, struct pp_error *err)
{
	struct pp_buf piece = PP_BUF_INIT;
	int64_t at = 0;
	int rc = 0;

	do {
		pp_buf_clear(&piece);
		rc = pp_blob_get_range(u->blobs, u->key, at, PIECE_BYTES,
		    &piece, err);
		if (rc == 0 &&
		    pp_io_write_all(u->fd, piece.data, piece.len) < 0)
			rc = pp_error_errno(err, PP_EIO, errno,
			    "cannot write to a temporary file");
		at += (int64_t)piece.len;
	} while (rc == 0 && piece.len == PIECE_BYTES);
	pp_buf_release(&piece);
	return rc;
}

/* All pieces of one object: it is the same before and after. */
static int
copy_one(struct pp_seed_upload *u, const char *name, struct pp_error *err)
{
	struct pp_blob_info before, after;
	struct pp_error why = PP_ERROR_INIT;
	bool same;

	if (pp_blob_head(u->blobs, u->key, &before, &why) < 0)
		return why.code == PP_ENOENT ?
		    pp_error_set(err, PP_ENOENT,
			"nothing was uploaded for seed set '%s'", name) :
		    pp_error_set(err, why.code, "%s", why.text);
	pp_blob_info_release(&before);
	if (copy(u, err) < 0 || pp_blob_head(u->blobs, u->key, &after, err) < 0)
		return -1;
	same = strcmp(before.etag, after.etag) == 0;
	pp_blob_info_release(&after);
	return same ? 0 :
		      pp_error_set(err, PP_ETEMP,
			  "what was uploaded for seed set '%s' was replaced "
			  "while it was read",
			  name);
}

struct pp_seed_upload *
pp_seed_upload_open(struct pp_store *s, const char *user_id, const char *name,
    struct pp_error *err)
{
	struct pp_seed_upload *u = pp_calloc(1, sizeof *u);

	u->blobs = pp_store_blobs(s);
	u->fd = -1;
	u->key = upload_key(user_id, name, err);
	if (u->key != NULL && (u->fd = open_unnamed(err)) >= 0 &&
	    copy_one(u, name, err) == 0)
		return u;
	pp_seed_upload_close(u);
	return NULL;
}

int
pp_seed_upload_fd(struct pp_seed_upload *u, struct pp_error *err)
{
	int fd = lseek(u->fd, 0, SEEK_SET) == 0 ?
	    fcntl(u->fd, F_DUPFD_CLOEXEC, 0) :
	    -1;

	if (fd < 0)
		pp_error_errno(err, PP_EIO, errno,
		    "cannot read a temporary file");
	return fd;
}

int
pp_seed_upload_remove(struct pp_seed_upload *u, struct pp_error *err)
{
	return pp_blob_delete(u->blobs, u->key, err);
}

void
pp_seed_upload_close(struct pp_seed_upload *u)
{
	if (u == NULL)
		return;
	if (u->fd >= 0)
		close(u->fd);
	free(u->key);
	free(u);
}
