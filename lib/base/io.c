#include <config.h>

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define READ_STEP_BYTES 65536

int
pp_io_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* What one writev(2) takes at most; POSIX promises 16, Linux has 1,024. */
#define MAX_PARTS 1024

int
pp_io_write_parts(int fd, struct iovec *parts, size_t count)
{
	ssize_t n;

	for (;;) {
		for (; count > 0 && parts->iov_len == 0; count--)
			parts++;
		if (count == 0)
			return 0;
		n = writev(fd, parts,
		    count < MAX_PARTS ? (int)count : MAX_PARTS);
		if (n < 0 && errno != EINTR)
			return -1;
		for (; n > 0 && (size_t)n >= parts->iov_len; count--)
			n -= (ssize_t)(parts++)->iov_len;
		if (n > 0) {
			parts->iov_base = (char *)parts->iov_base + n;
			parts->iov_len -= (size_t)n;
		}
	}
}

bool
pp_io_permits(int fd, int how)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 &&
	    ((flags & O_ACCMODE) == how || (flags & O_ACCMODE) == O_RDWR);
}

/* Append what one read gives. 1, 0 at the end, -1 and errno. */
static int
read_some(int fd, struct pp_buf *b, size_t want)
{
	ssize_t n;

	if (pp_buf_reserve(b, want) < 0) {
		errno = EFBIG;
		return -1;
	}
	do
		n = read(fd, b->data + b->len, want);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return (int)n;
	b->len += (size_t)n;
	b->data[b->len] = '\0';
	return 1;
}

int
pp_io_read_file(const char *path, struct pp_buf *out, struct pp_error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	size_t max = out->max;
	int fd, n, rc = -1;

	fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return pp_error_errno(err,
		    errno == ENOENT || errno == ENOTDIR ? PP_ENOENT : PP_EIO,
		    errno, "cannot open '%s'", path);
	out->max = 0;
	while ((n = read_some(fd, out, READ_STEP_BYTES)) > 0) {
		if (max != 0 && out->len > max) {
			pp_error_set(err, PP_EDATA,
			    "'%s' is larger than %zu bytes",
			    is_stdin ? "standard input" : path, max);
			goto out;
		}
	}
	if (n < 0) {
		pp_error_errno(err, PP_EIO, errno, "cannot read '%s'",
		    is_stdin ? "standard input" : path);
		goto out;
	}
	rc = 0;
out:
	out->max = max;
	if (!is_stdin)
		close(fd);
	return rc;
}

/* Where the folder part of `path` ends; "." when there is none. */
static char *
parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return pp_strdup(".");
	return slash == path ? pp_strdup("/") :
			       pp_strndup(path, (size_t)(slash - path));
}

int
pp_io_sync_dir(const char *path, struct pp_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot open folder '%s'", path);
	if (fsync(fd) < 0 && errno != EINVAL)
		rc = pp_error_errno(err, PP_EIO, errno,
		    "cannot sync folder '%s'", path);
	close(fd);
	return rc;
}

int
pp_io_write_file(const char *path, const void *data, size_t len, mode_t mode,
    struct pp_error *err)
{
	char *temporary = pp_asprintf("%s.XXXXXX", path);
	char *parent = parent_of(path);
	int fd, rc = -1;

	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		pp_error_errno(err, PP_ECREATE, errno, "cannot create '%s'",
		    path);
		goto out;
	}
	if (pp_io_write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 ||
	    fsync(fd) < 0) {
		pp_error_errno(err, PP_EIO, errno, "cannot write '%s'", path);
		close(fd);
		unlink(temporary);
		goto out;
	}
	if (close(fd) < 0 || rename(temporary, path) < 0) {
		pp_error_errno(err, PP_EIO, errno, "cannot write '%s'", path);
		unlink(temporary);
		goto out;
	}
	rc = pp_io_sync_dir(parent, err);
out:
	free(temporary);
	free(parent);
	return rc;
}

int
pp_io_make_dirs(const char *path, mode_t mode, struct pp_error *err)
{
	char *copy = pp_strdup(path);
	int rc = 0;

	for (char *p = copy + 1; rc == 0; p++) {
		char saved = *p;

		if (saved != '/' && saved != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			rc = pp_error_errno(err, PP_ECREATE, errno,
			    "cannot create folder '%s'", copy);
		*p = saved;
		if (saved == '\0')
			break;
	}
	free(copy);
	return rc;
}

void
pp_lines_init(struct pp_lines *l, int fd, const char *name, size_t max_bytes)
{
	*l = (struct pp_lines){ .fd = fd,
		.name = name,
		.max_bytes = max_bytes,
		.buf = PP_BUF_INIT };
}

void
pp_lines_release(struct pp_lines *l)
{
	pp_buf_release(&l->buf);
}

/* Bytes of a byte order mark before the first line's text. */
static size_t
mark_len(const struct pp_lines *l, size_t len)
{
	bool is_marked = l->number == 0 && len >= 3 &&
	    memcmp(l->buf.data + l->at, "\xef\xbb\xbf", 3) == 0;

	return is_marked ? 3 : 0;
}

static int
hand_out(struct pp_lines *l, size_t len, size_t with_newline, char **line,
    size_t *out_len)
{
	char *start = l->buf.data + l->at;
	size_t mark = mark_len(l, len);

	if (len > 0 && start[len - 1] == '\r' && with_newline > len)
		len--;
	start[len] = '\0';
	l->at += with_newline;
	l->offset = l->next_offset + mark;
	l->next_offset += with_newline;
	l->number++;
	*line = start + mark;
	*out_len = len - mark;
	return 1;
}

int
pp_lines_next(struct pp_lines *l, char **line, size_t *len,
    struct pp_error *err)
{
	size_t searched = 0;

	for (;;) {
		size_t have = l->buf.len - l->at;
		char *start = l->buf.data + l->at;
		char *newline = have > searched ?
		    memchr(start + searched, '\n', have - searched) :
		    NULL;
		int n;

		if (newline != NULL)
			return hand_out(l, (size_t)(newline - start),
			    (size_t)(newline - start) + 1, line, len);
		if (l->eof)
			return have > 0 ? hand_out(l, have, have, line, len) :
					  0;
		if (have > l->max_bytes)
			return pp_error_set(err, PP_EDATA,
			    "%s:%llu: line is longer than %zu bytes", l->name,
			    (unsigned long long)l->number + 1, l->max_bytes);
		searched = have;
		pp_buf_consume(&l->buf, l->at);
		l->at = 0;
		n = read_some(l->fd, &l->buf, READ_STEP_BYTES);
		if (n < 0)
			return pp_error_errno(err, PP_EIO, errno,
			    "cannot read '%s'", l->name);
		l->eof = n == 0;
	}
}
