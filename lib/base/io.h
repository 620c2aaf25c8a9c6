/*
 * Files: whole reads, files that appear whole, lines from a stream.
 */
#ifndef PP_BASE_IO_H
#define PP_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/error.h"

/* All of `len` bytes, EINTR and short writes included. 0, or -1 and errno. */
int	pp_io_write_all(int fd, const void *data, size_t len);

/* The same for bytes in parts; `parts` is written to. */
int	pp_io_write_parts(int fd, struct iovec *parts, size_t count);

/*
 * Whether `fd` is open and may be read (O_RDONLY) or written (O_WRONLY). See
 * pp_cli_main() for what stands in for a standard descriptor that was closed.
 */
bool	pp_io_permits(int fd, int how);

/*
 * The whole file, or stdin for "-", appended to `out`; at most out->max bytes
 * when that is set. Errors: PP_ENOENT, PP_EIO, PP_EDATA (too large).
 */
int	pp_io_read_file(const char *path, struct pp_buf *out,
	    struct pp_error *err);

/*
 * Replace or create the file so that a reader, or a crash, sees the old or the
 * new contents and never a part: a temporary beside it, fsync, rename, fsync
 * of the folder. Errors: PP_ECREATE, PP_EIO; the temporary is gone then.
 */
int	pp_io_write_file(const char *path, const void *data, size_t len,
	    mode_t mode, struct pp_error *err);

/* mkdir -p; existing folders are fine. */
int	pp_io_make_dirs(const char *path, mode_t mode, struct pp_error *err);

/* fsync of a folder, so that a rename in it survives a power loss. */
int	pp_io_sync_dir(const char *path, struct pp_error *err);

/*
 * Lines of a descriptor in bounded memory. The struct is the caller's.
 */
struct pp_lines {
	int fd;			/* borrowed */
	const char *name;	/* for errors, borrowed */
	size_t max_bytes;	/* a longer line is an error */
	struct pp_buf buf;
	size_t at;		/* start of the next line in buf */
	uint64_t number;	/* of the last line returned, from 1 */
	uint64_t offset;	/* of its first byte in the stream */
	uint64_t next_offset;
	bool eof;
};

void	pp_lines_init(struct pp_lines *l, int fd, const char *name,
	    size_t max_bytes);
void	pp_lines_release(struct pp_lines *l);

/*
 * The next line without its "\n" or "\r\n", borrowed until the next call and
 * followed by a NUL. A byte order mark at the very beginning is passed over, as
 * some editors and spreadsheets put one. 1, 0 at the end, -1 with PP_EIO or PP_EDATA.
 * A last line without a newline counts as a line.
 */
int	pp_lines_next(struct pp_lines *l, char **line, size_t *len,
	    struct pp_error *err);

#endif
