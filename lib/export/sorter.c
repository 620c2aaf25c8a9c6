#include <config.h>

#include "export/sorter.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "export/rows.h"

/* More runs than this are first merged into fewer. */
#define MERGE_RUNS 64
#define READ_BYTES ((size_t)16 << 10)
#define WRITE_BYTES ((size_t)256 << 10)

/* A record: this, the key, the row's text. */
struct head {
	uint32_t key_len, len;
};

struct run {
	off_t offset, end; /* in the file */
};

/* The next record of a run, and the buffer that it lies in. */
struct reader {
	struct pp_buf buf;
	size_t at;	 /* of the record after this one, in buf */
	off_t next, end; /* of what is not in buf, in the file */
	struct pp_sorted row;
};

struct pp_sorter {
	size_t memory_bytes;
	const char *dir;
	struct pp_buf data; /* records not yet in a run */
	size_t *starts;	    /* of records in `data` */
	size_t count, cap;
	size_t next; /* of `starts`, when nothing was written */
	int fd;	     /* -1: no runs */
	off_t file_end;
	struct run *runs;
	size_t run_count, run_cap;
	struct reader *readers;
	size_t reader_count;
	size_t *heap; /* of readers with a row, the least first */
	size_t heap_count;
	bool merging; /* the top of the heap was handed out */
};

struct pp_sorter *
pp_sorter_new(size_t memory_bytes, const char *dir)
{
	struct pp_sorter *s = pp_calloc(1, sizeof *s);

	s->memory_bytes = memory_bytes;
	s->dir = dir;
	s->fd = -1;
	pp_buf_init(&s->data, 0);
	return s;
}

static void
close_readers(struct pp_sorter *s)
{
	for (size_t i = 0; i < s->reader_count; i++)
		pp_buf_release(&s->readers[i].buf);
	free(s->readers);
	free(s->heap);
	s->readers = NULL;
	s->heap = NULL;
	s->reader_count = s->heap_count = 0;
	s->merging = false;
}

void
pp_sorter_free(struct pp_sorter *s)
{
	if (s == NULL)
		return;
	close_readers(s);
	if (s->fd >= 0)
		close(s->fd);
	pp_buf_release(&s->data);
	free(s->starts);
	free(s->runs);
	free(s);
}

static struct pp_sorted
record_at(const char *p)
{
	struct head head;

	memcpy(&head, p, sizeof head);
	return (struct pp_sorted){ .key = p + sizeof head,
		.key_len = head.key_len,
		.text = p + sizeof head + head.key_len,
		.len = head.len };
}

static int
compare_rows(const struct pp_sorted *a, const struct pp_sorted *b)
{
	size_t len = a->key_len < b->key_len ? a->key_len : b->key_len;
	int order = len > 0 ? memcmp(a->key, b->key, len) : 0;

	if (order != 0 || a->key_len == b->key_len)
		return order;
	return a->key_len < b->key_len ? -1 : 1;
}

/* Starts rise in the order that rows came in. */
static int
compare_starts(const void *a, const void *b, void *data)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	struct pp_sorted left = record_at((const char *)data + x);
	struct pp_sorted right = record_at((const char *)data + y);
	int order = compare_rows(&left, &right);

	return order != 0 ? order : x < y ? -1 : x > y;
}

static void
sort_memory(struct pp_sorter *s)
{
	if (s->count > 1)
		qsort_r(s->starts, s->count, sizeof *s->starts, compare_starts,
		    s->data.data);
}

/* ---- writing runs ---- */

static void
put_record(struct pp_buf *out, const struct pp_sorted *row)
{
	struct head head = { (uint32_t)row->key_len, (uint32_t)row->len };

	pp_buf_add(out, &head, sizeof head);
	pp_buf_add(out, row->key, row->key_len);
	pp_buf_add(out, row->text, row->len);
}

static int
append(int fd, struct pp_buf *out, off_t *file_end, size_t at_least,
    struct pp_error *err)
{
	if (out->len < at_least || out->len == 0)
		return 0;
	if (pp_io_write_all(fd, out->data, out->len) < 0)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot write a temporary file");
	*file_end += (off_t)out->len;
	pp_buf_clear(out);
	return 0;
}

static void
add_run(struct pp_sorter *s, off_t offset, off_t end)
{
	s->runs = pp_grow(s->runs, s->run_count, &s->run_cap, sizeof *s->runs);
	s->runs[s->run_count++] = (struct run){ offset, end };
}

static int
write_run(struct pp_sorter *s, struct pp_error *err)
{
	struct pp_buf out = PP_BUF_INIT;
	off_t offset = s->file_end;
	int rc = -1;

	if (s->fd < 0) {
		s->fd = pp_rows_scratch(s->dir, err);
		if (s->fd < 0)
			return -1;
	}
	sort_memory(s);
	for (size_t i = 0; i < s->count; i++) {
		struct pp_sorted row = record_at(s->data.data + s->starts[i]);

		put_record(&out, &row);
		if (append(s->fd, &out, &s->file_end, WRITE_BYTES, err) < 0)
			goto out;
	}
	if (append(s->fd, &out, &s->file_end, 1, err) < 0)
		goto out;
	add_run(s, offset, s->file_end);
	s->count = 0;
	pp_buf_trim(&s->data, s->memory_bytes);
	rc = 0;
out:
	pp_buf_release(&out);
	return rc;
}

int
pp_sorter_add(struct pp_sorter *s, const void *key, size_t key_len,
    const char *text, size_t len, struct pp_error *err)
{
	struct pp_sorted row = { key, key_len, text, len };
	size_t used = s->data.len + s->count * sizeof *s->starts;

	if (s->count > 0 && used + key_len + len > s->memory_bytes &&
	    write_run(s, err) < 0)
		return -1;
	s->starts = pp_grow(s->starts, s->count, &s->cap, sizeof *s->starts);
	s->starts[s->count++] = s->data.len;
	put_record(&s->data, &row);
	return 0;
}

/* ---- reading and merging runs ---- */

/* Have at least `want` bytes of the run from `at` on; false at its end. */
static int
fill(struct pp_sorter *s, struct reader *r, size_t want, struct pp_error *err)
{
	size_t have = r->buf.len - r->at, room;
	ssize_t n;

	if (have >= want)
		return 1;
	pp_buf_consume(&r->buf, r->at);
	r->at = 0;
	while (r->buf.len < want && r->next < r->end) {
		room = want > READ_BYTES ? want : READ_BYTES;
		room -= r->buf.len;
		if ((off_t)room > r->end - r->next)
			room = (size_t)(r->end - r->next);
		pp_buf_reserve(&r->buf, room);
		n = pread(s->fd, r->buf.data + r->buf.len, room, r->next);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return pp_error_errno(err, PP_EIO, n < 0 ? errno : EIO,
			    "cannot read a temporary file");
		r->buf.len += (size_t)n;
		r->next += n;
	}
	return r->buf.len >= want;
}

/* 1 with a row, 0 at the run's end, -1. */
static int
advance(struct pp_sorter *s, struct reader *r, struct pp_error *err)
{
	struct head head;
	int rc = fill(s, r, sizeof head, err);

	if (rc <= 0)
		return rc;
	memcpy(&head, r->buf.data + r->at, sizeof head);
	rc = fill(s, r, sizeof head + head.key_len + head.len, err);
	if (rc <= 0)
		return rc < 0 ? -1 :
				pp_error_set(err, PP_EBUG,
				    "a sorted run ends within a row");
	r->row = record_at(r->buf.data + r->at);
	r->at += sizeof head + head.key_len + head.len;
	return 1;
}

static bool
is_before(const struct pp_sorter *s, size_t a, size_t b)
{
	int order = compare_rows(&s->readers[a].row, &s->readers[b].row);

	return order < 0 || (order == 0 && a < b);
}

static void
sift_down(struct pp_sorter *s, size_t i)
{
	for (;;) {
		size_t least = i, left = 2 * i + 1, right = left + 1, kept;

		if (left < s->heap_count &&
		    is_before(s, s->heap[left], s->heap[least]))
			least = left;
		if (right < s->heap_count &&
		    is_before(s, s->heap[right], s->heap[least]))
			least = right;
		if (least == i)
			return;
		kept = s->heap[i];
		s->heap[i] = s->heap[least];
		s->heap[least] = kept;
		i = least;
	}
}

/* Open `count` runs from `first` on for merging. */
static int
open_readers(struct pp_sorter *s, size_t first, size_t count,
    struct pp_error *err)
{
	close_readers(s);
	s->readers = pp_calloc(count, sizeof *s->readers);
	s->heap = pp_calloc(count, sizeof *s->heap);
	s->reader_count = count;
	for (size_t i = 0; i < count; i++) {
		struct reader *r = &s->readers[i];
		int rc;

		pp_buf_init(&r->buf, 0);
		r->next = s->runs[first + i].offset;
		r->end = s->runs[first + i].end;
		rc = advance(s, r, err);
		if (rc < 0)
			return -1;
		if (rc > 0)
			s->heap[s->heap_count++] = i;
	}
	for (size_t i = s->heap_count; i-- > 0;)
		sift_down(s, i);
	return 0;
}

static int
merge_next(struct pp_sorter *s, struct pp_sorted *row, struct pp_error *err)
{
	int rc;

	if (s->merging && s->heap_count > 0) {
		rc = advance(s, &s->readers[s->heap[0]], err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			s->heap[0] = s->heap[--s->heap_count];
		sift_down(s, 0);
	}
	s->merging = true;
	if (s->heap_count == 0)
		return 0;
	*row = s->readers[s->heap[0]].row;
	return 1;
}

static int
merge_group(struct pp_sorter *s, size_t first, size_t count, int fd,
    off_t *file_end, struct pp_error *err)
{
	struct pp_buf out = PP_BUF_INIT;
	struct pp_sorted row;
	int rc;

	rc = open_readers(s, first, count, err);
	while (rc == 0 && (rc = merge_next(s, &row, err)) > 0) {
		put_record(&out, &row);
		rc = append(fd, &out, file_end, WRITE_BYTES, err);
	}
	if (rc == 0)
		rc = append(fd, &out, file_end, 1, err);
	close_readers(s);
	pp_buf_release(&out);
	return rc;
}

/* Merge the runs, MERGE_RUNS at a time, into a new file. */
static int
merge_pass(struct pp_sorter *s, struct pp_error *err)
{
	size_t groups = (s->run_count + MERGE_RUNS - 1) / MERGE_RUNS;
	struct run *merged = pp_calloc(groups, sizeof *merged);
	int fd = pp_rows_scratch(s->dir, err);
	off_t file_end = 0;

	for (size_t i = 0; fd >= 0 && i < groups; i++) {
		size_t left = s->run_count - i * MERGE_RUNS;

		merged[i].offset = file_end;
		if (merge_group(s, i * MERGE_RUNS,
			left < MERGE_RUNS ? left : MERGE_RUNS, fd, &file_end,
			err) < 0) {
			close(fd);
			fd = -1;
		}
		merged[i].end = file_end;
	}
	if (fd < 0) {
		free(merged);
		return -1;
	}
	close(s->fd);
	free(s->runs);
	s->fd = fd;
	s->file_end = file_end;
	s->runs = merged;
	s->run_count = s->run_cap = groups;
	return 0;
}

int
pp_sorter_begin(struct pp_sorter *s, struct pp_error *err)
{
	s->next = 0;
	if (s->run_count == 0) {
		sort_memory(s);
		return 0;
	}
	if (s->count > 0 && write_run(s, err) < 0)
		return -1;
	pp_buf_release(&s->data);
	while (s->run_count > MERGE_RUNS)
		if (merge_pass(s, err) < 0)
			return -1;
	return open_readers(s, 0, s->run_count, err);
}

int
pp_sorter_next(struct pp_sorter *s, struct pp_sorted *row, struct pp_error *err)
{
	if (s->run_count > 0)
		return merge_next(s, row, err);
	if (s->next == s->count)
		return 0;
	*row = record_at(s->data.data + s->starts[s->next++]);
	return 1;
}
