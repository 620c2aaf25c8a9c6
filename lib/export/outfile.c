#include <config.h>

#include "export/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/io.h"

/* What a compressor may hold back, and a little for its end. */
#define HELD_BACK_BYTES ((uint64_t)PP_OUTFILE_BUFFER_BYTES)

int
pp_outfile_create(struct pp_outfile *f, const char *path, struct pp_error *err)
{
	pp_outfile_attach(f, -1, path);
	f->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (f->fd < 0)
		return pp_error_errno(err, PP_ECREATE, errno,
		    "cannot create '%s'", path);
	f->owns_fd = true;
	f->sha = pp_sha256_new();
	return 0;
}

void
pp_outfile_attach(struct pp_outfile *f, int fd, const char *name)
{
	*f = (struct pp_outfile){ .buf = PP_BUF_INIT,
		.fd = fd,
		.name = name,
		.packed = PP_BUF_INIT };
}

void
pp_outfile_compress(struct pp_outfile *f, struct pp_pack *pack)
{
	f->pack = pack;
}

void
pp_outfile_write_behind(struct pp_outfile *f, struct pp_scribe *scribe)
{
	f->scribe = scribe;
}

uint64_t
pp_outfile_size(const struct pp_outfile *f)
{
	return f->bytes + f->buf.len + (f->pack != NULL ? HELD_BACK_BYTES : 0);
}

/* Wait for what the scribe has of this file. */
static int
catch_up(struct pp_outfile *f, struct pp_error *err)
{
	if (!f->is_behind)
		return 0;
	f->is_behind = false;
	return pp_scribe_settle(f->scribe, err);
}

/* The end is written at once, so that small files cost no turn of threads. */
static int
write_out(struct pp_outfile *f, struct pp_buf *b, bool end,
    struct pp_error *err)
{
	if (end && catch_up(f, err) < 0)
		return -1;
	if (b->len == 0)
		return 0;
	f->bytes += b->len;
	if (f->scribe != NULL && !end) {
		f->is_behind = true;
		return pp_scribe_put(f->scribe, b, f->fd, f->sha, f->name, err);
	}
	if (f->sha != NULL)
		pp_sha256_add(f->sha, b->data, b->len);
	if (pp_io_write_all(f->fd, b->data, b->len) < 0)
		return pp_error_errno(err, PP_EIO, errno, "cannot write '%s'",
		    f->name);
	return 0;
}

static int
write_packed(struct pp_outfile *f, bool end, struct pp_error *err)
{
	pp_buf_clear(&f->packed);
	if (pp_pack_put(f->pack, f->buf.data, f->buf.len, end, &f->packed,
		err) < 0)
		return -1;
	return write_out(f, &f->packed, end, err);
}

static int
drain(struct pp_outfile *f, bool end, struct pp_error *err)
{
	if ((f->pack != NULL ? write_packed(f, end, err) :
			       write_out(f, &f->buf, end, err)) < 0)
		return -1;
	pp_buf_trim(&f->buf, 4 * PP_OUTFILE_BUFFER_BYTES);
	return 0;
}

int
pp_outfile_flush(struct pp_outfile *f, struct pp_error *err)
{
	return drain(f, false, err);
}

int
pp_outfile_close(struct pp_outfile *f, char sha256[PP_SHA256_HEX_BYTES],
    struct pp_error *err)
{
	unsigned char digest[PP_SHA256_BYTES];
	int fd = f->fd;

	sha256[0] = '\0';
	if (drain(f, true, err) < 0)
		return -1;
	if (!f->owns_fd)
		return 0;
	pp_sha256_final(f->sha, digest);
	pp_hex(digest, sizeof digest, sha256);
	f->fd = -1;
	f->owns_fd = false;
	if (close(fd) < 0)
		return pp_error_errno(err, PP_EIO, errno, "cannot write '%s'",
		    f->name);
	return 0;
}

void
pp_outfile_release(struct pp_outfile *f)
{
	catch_up(f, NULL);
	if (f->owns_fd)
		close(f->fd);
	f->owns_fd = false;
	f->fd = -1;
	pp_sha256_free(f->sha);
	f->sha = NULL;
	pp_pack_free(f->pack);
	f->pack = NULL;
	pp_buf_release(&f->buf);
	pp_buf_release(&f->packed);
}
