#include <config.h>

#include "export/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"

#define SPOOL_BUFFER_BYTES ((size_t)1 << 20)

/* ---- lines of a descriptor ---- */

struct line_rows {
	struct pp_rows base;
	struct pp_lines lines;
	off_t start;
};

static int
line_next(struct pp_rows *r, const char **text, size_t *len,
    struct pp_error *err)
{
	struct line_rows *l = (struct line_rows *)r;
	char *line;
	int rc;

	do
		rc = pp_lines_next(&l->lines, &line, len, err);
	while (rc > 0 && *len == 0);
	r->number = l->lines.number;
	*text = rc > 0 ? line : NULL;
	return rc;
}

static int
line_rewind(struct pp_rows *r, struct pp_error *err)
{
	struct line_rows *l = (struct line_rows *)r;
	int fd = l->lines.fd;

	if (lseek(fd, l->start, SEEK_SET) < 0)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot read '%s' again", r->name);
	pp_lines_release(&l->lines);
	pp_lines_init(&l->lines, fd, r->name, PP_ROW_MAX_BYTES);
	r->number = 0;
	return 0;
}

static void
line_free(struct pp_rows *r)
{
	struct line_rows *l = (struct line_rows *)r;

	pp_lines_release(&l->lines);
	free(l);
}

struct pp_rows *
pp_rows_from_fd(int fd, const char *name)
{
	struct line_rows *l = pp_calloc(1, sizeof *l);
	struct stat st;

	l->base = (struct pp_rows){
		.next = line_next, .free = line_free, .name = name
	};
	pp_lines_init(&l->lines, fd, name, PP_ROW_MAX_BYTES);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		l->start = lseek(fd, 0, SEEK_CUR);
		if (l->start >= 0)
			l->base.rewind = line_rewind;
	}
	return &l->base;
}

/* ---- keeping rows to read them again ---- */

int
pp_rows_scratch(const char *dir, struct pp_error *err)
{
	char *path;
	int fd;

	if (dir == NULL)
		dir = getenv("TMPDIR");
	if (dir == NULL || *dir == '\0')
		dir = "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	path = pp_asprintf("%s/.pp-XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		pp_error_errno(err, PP_ECREATE, errno,
		    "cannot create a temporary file in '%s'", dir);
	else
		unlink(path);
	free(path);
	return fd;
}

/*
 * Rows that were read are in the file and then in `tail`, a line each. While
 * `replay` is set, rows come from there; then from `from` again.
 */
struct spool_rows {
	struct pp_rows base;
	struct pp_rows *from;
	const char *dir;
	int fd; /* -1: all is in `tail` */
	struct pp_buf tail;
	bool replay;
	struct pp_lines lines; /* of the file */
	bool in_file;	       /* the replay has not yet come to `tail` */
	size_t tail_at;
	uint64_t kept, played; /* rows */
};

static int
flush_tail(struct spool_rows *s, struct pp_error *err)
{
	if (s->fd < 0) {
		s->fd = pp_rows_scratch(s->dir, err);
		if (s->fd < 0)
			return -1;
	}
	if (lseek(s->fd, 0, SEEK_END) < 0 ||
	    pp_io_write_all(s->fd, s->tail.data, s->tail.len) < 0)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot keep rows in a temporary file");
	pp_buf_trim(&s->tail, 2 * SPOOL_BUFFER_BYTES);
	return 0;
}

static int
keep(struct spool_rows *s, const char *text, size_t len, struct pp_error *err)
{
	if (s->tail.len > 0 && s->tail.len + len > SPOOL_BUFFER_BYTES &&
	    flush_tail(s, err) < 0)
		return -1;
	pp_buf_add(&s->tail, text, len);
	pp_buf_addc(&s->tail, '\n');
	s->kept++;
	return 0;
}

/* The next of the rows that were kept; 0 when there is none. */
static int
play(struct spool_rows *s, const char **text, size_t *len, struct pp_error *err)
{
	char *line, *end;
	int rc;

	if (s->played == s->kept)
		return 0;
	s->played++;
	if (s->in_file) {
		rc = pp_lines_next(&s->lines, &line, len, err);
		if (rc != 0) {
			*text = line;
			return rc;
		}
		s->in_file = false;
	}
	line = s->tail.data + s->tail_at;
	end = memchr(line, '\n', s->tail.len - s->tail_at);
	if (end == NULL)
		return pp_error_set(err, PP_EBUG, "spooled rows are short");
	*text = line;
	*len = (size_t)(end - line);
	s->tail_at += *len + 1;
	return 1;
}

static int
spool_next(struct pp_rows *r, const char **text, size_t *len,
    struct pp_error *err)
{
	struct spool_rows *s = (struct spool_rows *)r;
	int rc;

	if (s->replay) {
		rc = play(s, text, len, err);
		if (rc != 0) {
			r->number = s->played;
			return rc;
		}
		s->replay = false;
	}
	rc = pp_rows_next(s->from, text, len, err);
	r->number = s->from->number;
	if (rc > 0 && keep(s, *text, *len, err) < 0)
		return -1;
	return rc;
}

static int
spool_rewind(struct pp_rows *r, struct pp_error *err)
{
	struct spool_rows *s = (struct spool_rows *)r;

	if (s->fd >= 0 && lseek(s->fd, 0, SEEK_SET) < 0)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot read kept rows again");
	pp_lines_release(&s->lines);
	pp_lines_init(&s->lines, s->fd, r->name, PP_ROW_MAX_BYTES);
	s->in_file = s->fd >= 0;
	s->tail_at = 0;
	s->played = 0;
	s->replay = true;
	r->number = 0;
	return 0;
}

static void
spool_free(struct pp_rows *r)
{
	struct spool_rows *s = (struct spool_rows *)r;

	pp_lines_release(&s->lines);
	pp_buf_release(&s->tail);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

struct pp_rows *
pp_rows_spool(struct pp_rows *from, const char *dir)
{
	struct spool_rows *s = pp_calloc(1, sizeof *s);

	s->base = (struct pp_rows){ .next = spool_next,
		.rewind = spool_rewind,
		.free = spool_free,
		.name = from->name };
	s->from = from;
	s->dir = dir;
	s->fd = -1;
	pp_buf_init(&s->tail, 0);
	pp_lines_init(&s->lines, -1, from->name, PP_ROW_MAX_BYTES);
	return &s->base;
}
