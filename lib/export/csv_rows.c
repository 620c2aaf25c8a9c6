#include <config.h>

#include "export/csv_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/csv_record.h"
#include "base/json.h"
#include "base/mem.h"

#define READ_BYTES ((size_t)256 << 10)

struct column {
	char *key; /* as JSON */
	bool is_json;
};

struct csv_rows {
	struct pp_rows base;
	int fd;
	off_t start;
	const char *const *types;
	size_t type_count;

	struct pp_buf in; /* read and, from `at` on, not yet used */
	size_t at;
	bool eof;
	uint64_t line; /* that begins at `at`, from 1 */
	struct pp_csv_record record;

	struct column *columns;
	size_t count;
	bool has_header;
	struct pp_buf cell, row;
	struct pp_json_doc doc; /* to check cells that are JSON */
};

/* ---- records ---- */

/* More of the file behind what is there. */
static int
fill(struct csv_rows *c, struct pp_error *err)
{
	size_t want = c->in.len - c->at; /* so that long records are cheap */
	ssize_t n;

	want = want > READ_BYTES ? want : READ_BYTES;
	if (c->in.len - c->at > PP_ROW_MAX_BYTES)
		return pp_error_set(err, PP_EDATA,
		    "%s:%llu: a record is longer than %zu bytes", c->base.name,
		    (unsigned long long)c->line, PP_ROW_MAX_BYTES);
	pp_buf_consume(&c->in, c->at);
	c->at = 0;
	pp_buf_reserve(&c->in, want);
	do
		n = read(c->fd, c->in.data + c->in.len, want);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return pp_error_errno(err, PP_EIO, errno, "cannot read '%s'",
		    c->base.name);
	c->in.len += (size_t)n;
	c->eof = n == 0;
	return 0;
}

static uint64_t
count_lines(const char *s, size_t len)
{
	const char *end = s + len;
	uint64_t n = 0;

	while ((s = memchr(s, '\n', (size_t)(end - s))) != NULL) {
		n++;
		s++;
	}
	return n;
}

static int
bad_record(const struct csv_rows *c, const char *text, struct pp_error *err)
{
	uint64_t line = c->line + count_lines(text, c->record.problem_at);

	return pp_error_set(err, PP_EDATA, "%s:%llu: %s", c->base.name,
	    (unsigned long long)line, c->record.problem);
}

/* The next record, whatever is in it. 1, 0 at the end, -1. */
static int
next_record(struct csv_rows *c, struct pp_error *err)
{
	for (;;) {
		const char *text = c->in.data + c->at;
		ssize_t n = 0;

		if (c->in.len > c->at)
			n = pp_csv_record_read(&c->record, text,
			    c->in.len - c->at, c->eof);
		if (n < 0)
			return bad_record(c, text, err);
		if (n > 0) {
			c->base.number = c->line;
			c->line += count_lines(text, (size_t)n);
			c->at += (size_t)n;
			return 1;
		}
		if (c->eof)
			return 0;
		if (fill(c, err) < 0)
			return -1;
	}
}

static bool
is_empty_line(const struct csv_rows *c)
{
	const struct pp_csv_field *f = c->record.fields;

	return c->record.count == 1 && f[0].len == 0 && !f[0].quoted;
}

/* ---- the header ---- */

/* Whether the field's values are written without quotes in JSON. */
static bool
is_json(const struct csv_rows *c, const char *name, size_t len)
{
	static const char *const quoted[] = { "string", "timestamp", "uuid",
		"decimal(" };

	for (size_t i = 0; i < c->type_count; i++) {
		const char *eq = strrchr(c->types[i], '=');

		if (eq == NULL || (size_t)(eq - c->types[i]) != len ||
		    memcmp(c->types[i], name, len) != 0)
			continue;
		for (size_t k = 0; k < sizeof quoted / sizeof quoted[0]; k++)
			if (strncmp(eq + 1, quoted[k], strlen(quoted[k])) == 0)
				return false;
		return true;
	}
	return false;
}

static void
skip_bom(struct csv_rows *c)
{
	if (c->in.len - c->at >= 3 &&
	    memcmp(c->in.data + c->at, "\xef\xbb\xbf", 3) == 0)
		c->at += 3;
}

static int
add_column(struct csv_rows *c, size_t i, struct pp_error *err)
{
	struct pp_buf key = PP_BUF_INIT;

	pp_buf_clear(&c->cell);
	pp_csv_record_put_field(&c->record.fields[i], &c->cell);
	pp_json_put_str(&key, c->cell.data, c->cell.len);
	pp_buf_addc(&key, ':');
	for (size_t k = 0; k < i; k++) {
		if (strcmp(c->columns[k].key, key.data) != 0)
			continue;
		pp_error_set(err, PP_EDATA, "%s: two columns are named %.*s",
		    c->base.name, (int)key.len - 1, key.data);
		pp_buf_release(&key);
		return -1;
	}
	c->columns[i].is_json = is_json(c, c->cell.data, c->cell.len);
	c->columns[i].key = pp_buf_detach(&key, NULL);
	c->count = i + 1;
	return 0;
}

static void
forget_columns(struct csv_rows *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->columns[i].key);
	free(c->columns);
	c->columns = NULL;
	c->count = 0;
}

static int
read_header(struct csv_rows *c, struct pp_error *err)
{
	int rc = fill(c, err);

	if (rc < 0)
		return -1;
	skip_bom(c);
	c->has_header = true;
	rc = next_record(c, err);
	if (rc <= 0)
		return rc;
	forget_columns(c);
	c->columns = pp_calloc(c->record.count, sizeof *c->columns);
	for (size_t i = 0; i < c->record.count; i++)
		if (add_column(c, i, err) < 0)
			return -1;
	return 1;
}

/* ---- rows ---- */

/* What is no JSON is text, which then does not fit what is declared. */
static void
put_cell(struct csv_rows *c, size_t i)
{
	const struct pp_csv_field *f = &c->record.fields[i];

	if (f->len == 0 && !f->quoted) {
		pp_buf_adds(&c->row, "null");
		return;
	}
	pp_buf_clear(&c->cell);
	pp_csv_record_put_field(f, &c->cell);
	if (c->columns[i].is_json &&
	    memchr(c->cell.data, '\n', c->cell.len) == NULL &&
	    pp_json_parse(&c->doc, c->cell.data, c->cell.len, 0, NULL) != NULL)
		pp_buf_add(&c->row, c->cell.data, c->cell.len);
	else
		pp_json_put_str(&c->row, c->cell.data, c->cell.len);
}

static int
csv_next(struct pp_rows *r, const char **text, size_t *len,
    struct pp_error *err)
{
	struct csv_rows *c = (struct csv_rows *)r;
	int rc = c->has_header ? 1 : read_header(c, err);

	if (rc <= 0)
		return rc;
	do
		rc = next_record(c, err);
	while (rc > 0 && is_empty_line(c) && c->count > 1);
	if (rc <= 0)
		return rc;
	if (c->record.count != c->count)
		return pp_error_set(err, PP_EDATA,
		    "%s:%llu: the record has %zu cells and the header %zu",
		    r->name, (unsigned long long)r->number, c->record.count,
		    c->count);
	pp_buf_clear(&c->row);
	pp_buf_addc(&c->row, '{');
	for (size_t i = 0; i < c->count; i++) {
		if (i > 0)
			pp_buf_addc(&c->row, ',');
		pp_buf_adds(&c->row, c->columns[i].key);
		put_cell(c, i);
	}
	pp_buf_addc(&c->row, '}');
	*text = c->row.data;
	*len = c->row.len;
	return 1;
}

static int
csv_rewind(struct pp_rows *r, struct pp_error *err)
{
	struct csv_rows *c = (struct csv_rows *)r;

	if (lseek(c->fd, c->start, SEEK_SET) < 0)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot read '%s' again", r->name);
	pp_buf_clear(&c->in);
	c->at = 0;
	c->eof = c->has_header = false;
	c->line = 1;
	r->number = 0;
	return 0;
}

static void
csv_free(struct pp_rows *r)
{
	struct csv_rows *c = (struct csv_rows *)r;

	forget_columns(c);
	pp_csv_record_release(&c->record);
	pp_json_doc_release(&c->doc);
	pp_buf_release(&c->in);
	pp_buf_release(&c->cell);
	pp_buf_release(&c->row);
	free(c);
}

struct pp_rows *
pp_csv_rows_new(int fd, const char *name, char delimiter,
    const char *const *types, size_t type_count)
{
	struct csv_rows *c = pp_calloc(1, sizeof *c);
	struct stat st;

	c->base = (struct pp_rows){
		.next = csv_next, .free = csv_free, .name = name
	};
	c->fd = fd;
	c->types = types;
	c->type_count = type_count;
	c->line = 1;
	c->record.delimiter = delimiter;
	pp_buf_init(&c->in, 0);
	pp_buf_init(&c->cell, 0);
	pp_buf_init(&c->row, 0);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		c->start = lseek(fd, 0, SEEK_CUR);
		if (c->start >= 0)
			c->base.rewind = csv_rewind;
	}
	return &c->base;
}
