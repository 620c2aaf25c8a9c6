#include <config.h>

#include "job/seed_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/csv_record.h"
#include "base/mem.h"
#include "base/str.h"
#include "job/seed.h"
#include "job/seed_check.h"

#define READ_BYTES ((size_t)128 << 10)
#define MAX_COLUMNS 10000

/* Where in a JSON file the reader is. */
enum place {
	AT_START,
	AT_FIRST, /* behind the opening bracket */
	AT_NEXT,  /* behind a value, at a comma or the closing bracket */
	AT_END	  /* behind the whole */
};

struct pp_seed_input {
	char *name;
	int fd;
	enum pp_seed_format format;
	bool entries;
	bool is_array; /* of JSON: closed by ']' */
	enum place place;
	int64_t count; /* records so far */

	/* What was read and is not yet used up: buf from `at` on. */
	struct pp_buf buf;
	size_t at;
	bool eof;
	int64_t line;  /* of buf[at], from 1 */
	size_t column; /* bytes before buf[at] in its line */
	size_t bad;    /* bytes of a bad record, to skip it */

	struct pp_json_doc doc;
	struct pp_buf text; /* a record made here, on one line */
	struct pp_buf key;  /* of a dictionary's entry, in quotes */
	struct pp_csv_record csv;
	char **columns; /* `"name":` each, as JSON */
	size_t column_count;
};

static const char *const format_names[] = {
	[PP_SEED_JSON] = "json",
	[PP_SEED_JSONL] = "jsonl",
	[PP_SEED_CSV] = "csv",
};

int
pp_seed_format_parse(const char *name, enum pp_seed_format *out,
    struct pp_error *err)
{
	for (int f = PP_SEED_JSON; f <= PP_SEED_CSV; f++) {
		if (strcmp(name, format_names[f]) == 0) {
			*out = (enum pp_seed_format)f;
			return 0;
		}
	}
	return pp_error_set(err, PP_EUSAGE,
	    "the format must be json, jsonl or csv, not '%s'", name);
}

/* ---- bytes and places ---- */

static const char *
text_at(const struct pp_seed_input *in)
{
	return in->buf.data + in->at;
}

static size_t
bytes_left(const struct pp_seed_input *in)
{
	return in->buf.len - in->at;
}

/* The line of text_at()[offset], and the bytes before it there. */
static void
locate(const struct pp_seed_input *in, size_t offset, int64_t *line,
    size_t *column)
{
	const char *p = text_at(in), *end = p + offset, *newline;

	*line = in->line;
	*column = in->column;
	while ((newline = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		++*line;
		*column = 0;
		p = newline + 1;
	}
	*column += (size_t)(end - p);
}

static int
fail_at(struct pp_seed_input *in, size_t offset, struct pp_error *err,
    const char *what)
{
	int64_t line;
	size_t column;

	locate(in, offset, &line, &column);
	return pp_error_set(err, PP_EDATA, "%s:%lld: %s at byte %zu", in->name,
	    (long long)line, what, column + 1);
}

/* Where it is wrong is plain from the text. */
static int
fail_in_line(struct pp_seed_input *in, size_t offset, struct pp_error *err,
    const char *what)
{
	int64_t line;
	size_t column;

	locate(in, offset, &line, &column);
	return pp_error_set(err, PP_EDATA, "%s:%lld: %s", in->name,
	    (long long)line, what);
}

static void
use_up(struct pp_seed_input *in, size_t len)
{
	locate(in, len, &in->line, &in->column);
	in->at += len;
}

/*
 * Read on. Each time as much again as there is, so that a long record is not
 * looked through too often. 1, 0 at the end of the file, -1.
 */
static int
read_on(struct pp_seed_input *in, struct pp_error *err)
{
	size_t want;
	ssize_t n;

	if (in->eof)
		return 0;
	pp_buf_consume(&in->buf, in->at);
	in->at = 0;
	want = in->buf.len > READ_BYTES ? in->buf.len : READ_BYTES;
	pp_buf_reserve(&in->buf, want);
	do
		n = read(in->fd, in->buf.data + in->buf.len, want);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return pp_error_errno(err, PP_EIO, errno, "cannot read '%s'",
		    in->name);
	if (n == 0) {
		in->eof = true;
		return 0;
	}
	in->buf.len += (size_t)n;
	in->buf.data[in->buf.len] = '\0';
	return 1;
}

static int
fail_too_long(struct pp_seed_input *in, struct pp_error *err)
{
	return pp_error_set(err, PP_EDATA,
	    "%s:%lld: record is longer than %zu bytes", in->name,
	    (long long)in->line, PP_SEED_MAX_BYTES);
}

/* Past blanks; the first byte behind them, '\0' at the end, or -1. */
static int
skip_blanks(struct pp_seed_input *in, struct pp_error *err)
{
	int n;

	for (;;) {
		use_up(in, strspn(text_at(in), " \t\r\n"));
		if (bytes_left(in) > 0)
			return (unsigned char)*text_at(in);
		n = read_on(in, err);
		if (n <= 0)
			return n;
	}
}

/* ---- records ---- */

/* An object without the blanks and line breaks between its tokens. */
static void
put_compact(struct pp_buf *out, const char *p, size_t len)
{
	const char *end = p + len, *from;

	while (p < end) {
		from = p;
		while (p < end && *p != '"' && (unsigned char)*p > ' ')
			p++;
		if (p < end && *p == '"') {
			for (p++; *p != '"'; p++)
				p += *p == '\\';
			p++;
		}
		pp_buf_add(out, from, (size_t)(p - from));
		while (p < end &&
		    (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
			p++;
	}
}

/* Read and check the record of `len` bytes at `offset` from here. */
static int
take_record(struct pp_seed_input *in, size_t offset, size_t len,
    struct pp_seed_record *out, struct pp_error *err)
{
	const char *text = text_at(in) + offset, *wrong;
	size_t column;

	if (pp_json_parse(&in->doc, text, len, 0, err) == NULL)
		return fail_at(in, offset + in->doc.problem_at, err,
		    in->doc.problem);
	if (pp_seed_check(&in->doc, &wrong, err) < 0) {
		char why[PP_ERROR_TEXT_BYTES];

		memcpy(why, err->text, sizeof why);
		return fail_in_line(in, offset + (size_t)(wrong - text), err,
		    why);
	}
	locate(in, offset, &out->line, &column);
	out->json = in->doc.nodes;
	out->text = text;
	out->len = len;
	if (memchr(text, '\n', len) != NULL ||
	    memchr(text, '\r', len) != NULL) {
		pp_buf_clear(&in->text);
		put_compact(&in->text, text, len);
		out->text = in->text.data;
		out->len = in->text.len;
	}
	return 1;
}

/* ---- JSONL ---- */

static int
next_line(struct pp_seed_input *in, struct pp_seed_record *out,
    struct pp_error *err)
{
	size_t searched = 0, blanks, len, used;

	for (;;) {
		const char *p = text_at(in);
		const char *newline = memchr(p + searched, '\n',
		    bytes_left(in) - searched);
		int n;

		if (newline == NULL && !in->eof) {
			if (bytes_left(in) > PP_SEED_MAX_BYTES)
				return fail_too_long(in, err);
			searched = bytes_left(in);
			n = read_on(in, err);
			if (n < 0)
				return -1;
			continue;
		}
		len = newline != NULL ? (size_t)(newline - p) : bytes_left(in);
		if (len == 0 && newline == NULL)
			return 0;
		used = len + (newline != NULL);
		while (len > 0 && strchr(" \t\r", p[len - 1]) != NULL &&
		    p[len - 1] != '\0')
			len--;
		blanks = strspn(p, " \t\r");
		if (blanks >= len) {
			use_up(in, used);
			searched = 0;
			continue;
		}
		if (len - blanks > PP_SEED_MAX_BYTES)
			return fail_too_long(in, err);
		in->bad = used;
		if (take_record(in, blanks, len - blanks, out, err) < 0)
			return -1;
		use_up(in, used);
		return 1;
	}
}

/* ---- JSON ---- */

/*
 * The bytes of the value that begins here: wait until it is there as a whole.
 * At the end of the file, or beyond the bound, what is there; the parser says
 * what is wrong with it.
 */
static int
wait_for_value(struct pp_seed_input *in, size_t *len, struct pp_error *err)
{
	int n;

	for (;;) {
		size_t left = bytes_left(in);

		*len = pp_json_value_len(text_at(in), left);
		if (*len > 0 && *len < left)
			break;
		if (in->eof || left > PP_SEED_MAX_BYTES) {
			*len = left;
			break;
		}
		n = read_on(in, err);
		if (n < 0)
			return -1;
	}
	if (*len <= PP_SEED_MAX_BYTES)
		return 0;
	/* What is wrong early on, a bracket not closed, made it so long. */
	if (pp_json_parse(&in->doc, text_at(in), *len, 0, err) == NULL &&
	    in->doc.problem_at < PP_SEED_MAX_BYTES &&
	    strncmp(in->doc.problem, "string without", 14) != 0)
		return fail_at(in, in->doc.problem_at, err, in->doc.problem);
	return fail_too_long(in, err);
}

/* `"key" :` of a dictionary's entry, into in->key. */
static int
read_entry_key(struct pp_seed_input *in, struct pp_error *err)
{
	size_t len;
	int c;

	if (*text_at(in) != '"')
		return fail_at(in, 0, err, "expected a key in quotes");
	if (wait_for_value(in, &len, err) < 0)
		return -1;
	if (pp_json_parse(&in->doc, text_at(in), len, 0, err) == NULL)
		return fail_at(in, in->doc.problem_at, err, in->doc.problem);
	pp_buf_set(&in->key, text_at(in), len);
	use_up(in, len);
	c = skip_blanks(in, err);
	if (c != ':')
		return c < 0 ? -1 : fail_at(in, 0, err, "expected ':'");
	use_up(in, 1);
	return skip_blanks(in, err) < 0 ? -1 : 0;
}

/* Put the entry's key into its record, as the first member. */
static int
add_entry_key(struct pp_seed_input *in, struct pp_seed_record *out,
    struct pp_error *err)
{
	struct pp_buf text = PP_BUF_INIT;

	if (pp_json_get(out->json, "_key") != NULL)
		return pp_error_set(err, PP_EDATA,
		    "%s:%lld: entry %s has a member \"_key\" already", in->name,
		    (long long)out->line, in->key.data);
	pp_buf_addf(&text, "{\"_key\":%s%s", in->key.data,
	    out->json->count > 0 ? "," : "");
	put_compact(&text, out->text + 1, out->len - 1);
	pp_buf_release(&in->text);
	in->text = text;
	out->text = text.data;
	out->len = text.len;
	out->json = pp_json_parse(&in->doc, text.data, text.len, 0, err);
	return out->json != NULL ? 1 : -1;
}

static int
next_value(struct pp_seed_input *in, struct pp_seed_record *out,
    struct pp_error *err)
{
	size_t len;

	if (in->entries && read_entry_key(in, err) < 0)
		return -1;
	if (bytes_left(in) > 0 && strchr(",:]}", *text_at(in)) != NULL)
		return fail_at(in, 0, err, "expected a value");
	if (wait_for_value(in, &len, err) < 0)
		return -1;
	if (take_record(in, 0, len, out, err) < 0 ||
	    (in->entries && add_entry_key(in, out, err) < 0)) {
		/* What was read as JSON has an end. */
		in->bad = in->doc.problem == NULL ? len : 0;
		return -1;
	}
	/* The record may lie in buf: nothing is read before it is used. */
	use_up(in, len);
	return 1;
}

static int
begin_json(struct pp_seed_input *in, struct pp_error *err)
{
	int c = skip_blanks(in, err);

	if (c < 0)
		return -1;
	if (bytes_left(in) == 0) {
		in->place = AT_END;
		return 0;
	}
	in->is_array = c == '[';
	if (c != '[' && c != '{')
		return fail_at(in, 0, err, "expected an array or an object");
	if (c == '[' && in->entries)
		return fail_at(in, 0, err,
		    "expected an object of entries, not an array");
	in->place = AT_NEXT;
	if (c == '[' || in->entries) {
		use_up(in, 1);
		in->place = AT_FIRST;
	}
	return 0;
}

/* Between two values: a comma, or the closing bracket. */
static int
pass_separator(struct pp_seed_input *in, struct pp_error *err)
{
	int close = in->is_array ? ']' : '}';
	int c = skip_blanks(in, err);

	if (c < 0)
		return -1;
	if (c == close) {
		use_up(in, 1);
		in->place = AT_END;
		return 0;
	}
	if (in->place == AT_FIRST) {
		in->place = AT_NEXT;
		return 0;
	}
	if (c != ',')
		return fail_at(in, 0, err,
		    in->is_array ? "expected ',' or ']'" :
				   "expected ',' or '}'");
	use_up(in, 1);
	return skip_blanks(in, err) < 0 ? -1 : 0;
}

static int
next_json(struct pp_seed_input *in, struct pp_seed_record *out,
    struct pp_error *err)
{
	int c;

	if (in->place == AT_START && begin_json(in, err) < 0)
		return -1;
	if (in->place != AT_END) {
		if (in->is_array || in->entries) {
			if (pass_separator(in, err) < 0)
				return -1;
		} else if (in->count > 0) {
			in->place = AT_END;
		}
	}
	if (in->place != AT_END)
		return next_value(in, out, err);
	c = skip_blanks(in, err);
	if (c < 0)
		return -1;
	if (bytes_left(in) > 0)
		return fail_at(in, 0, err,
		    in->is_array ? "text after the array" :
				   "text after the object "
				   "(one object a line is the format jsonl)");
	return 0;
}

/* ---- CSV ---- */

static int
check_text(struct pp_seed_input *in, size_t len, struct pp_error *err)
{
	const char *nul = memchr(text_at(in), '\0', len);
	size_t bad;

	if (nul != NULL)
		return fail_at(in, (size_t)(nul - text_at(in)), err,
		    "NUL byte");
	if (!pp_utf8_valid(text_at(in), len, &bad))
		return fail_at(in, bad, err, "invalid UTF-8");
	return 0;
}

/* Read one record that is not an empty line. 1, 0 at the end, -1. */
static int
read_csv(struct pp_seed_input *in, size_t *len, struct pp_error *err)
{
	const struct pp_csv_field *first;
	ssize_t used;
	int n;

	for (;;) {
		used = pp_csv_record_read(&in->csv, text_at(in), bytes_left(in),
		    in->eof);
		if (used < 0)
			return fail_at(in, in->csv.problem_at, err,
			    in->csv.problem);
		if (used == 0 && in->eof)
			return 0;
		if ((size_t)used > PP_SEED_MAX_BYTES ||
		    (used == 0 && bytes_left(in) > PP_SEED_MAX_BYTES))
			return fail_too_long(in, err);
		if (used == 0) {
			n = read_on(in, err);
			if (n < 0)
				return -1;
			continue;
		}
		first = &in->csv.fields[0];
		if (in->csv.count > 1 || first->quoted || first->len > 0)
			break;
		use_up(in, (size_t)used);
	}
	*len = in->bad = (size_t)used;
	return check_text(in, *len, err) < 0 ? -1 : 1;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
check_columns(struct pp_seed_input *in, struct pp_error *err)
{
	size_t n = in->column_count;
	char **sorted = pp_memdup(in->columns, n * sizeof *sorted);
	int rc = 0;

	qsort(sorted, n, sizeof *sorted, compare_names);
	for (size_t i = 0; i < n && rc == 0; i++) {
		size_t len = strlen(sorted[i]);

		if (strcmp(sorted[i], "\"\":") == 0)
			rc = fail_in_line(in, 0, err, "a column has no name");
		else if (i > 0 && strcmp(sorted[i], sorted[i - 1]) == 0)
			rc = pp_error_set(err, PP_EDATA,
			    "%s:%lld: column %.*s is there twice", in->name,
			    (long long)in->line, (int)len - 1, sorted[i]);
	}
	free(sorted);
	return rc;
}

static int
read_header(struct pp_seed_input *in, struct pp_error *err)
{
	struct pp_buf name = PP_BUF_INIT, column = PP_BUF_INIT;
	size_t len = 0;
	int n = read_csv(in, &len, err);

	if (n <= 0)
		return n;
	if (in->csv.count > MAX_COLUMNS)
		return fail_in_line(in, 0, err, "too many columns");
	in->columns = pp_calloc(in->csv.count, sizeof *in->columns);
	for (size_t i = 0; i < in->csv.count; i++) {
		pp_buf_clear(&name);
		pp_csv_record_put_field(&in->csv.fields[i], &name);
		pp_json_put_str(&column, name.data, name.len);
		pp_buf_addc(&column, ':');
		in->columns[in->column_count++] = pp_buf_detach(&column, NULL);
	}
	pp_buf_release(&name);
	in->bad = 0; /* there is no reading on without a header */
	if (check_columns(in, err) < 0)
		return -1;
	use_up(in, len);
	return 1;
}

static void
put_csv_record(struct pp_seed_input *in)
{
	struct pp_buf value = PP_BUF_INIT;

	pp_buf_clear(&in->text);
	for (size_t i = 0; i < in->csv.count; i++) {
		const struct pp_csv_field *f = &in->csv.fields[i];

		pp_buf_addc(&in->text, i == 0 ? '{' : ',');
		pp_buf_adds(&in->text, in->columns[i]);
		pp_buf_clear(&value);
		if (f->doubled)
			pp_csv_record_put_field(f, &value);
		pp_json_put_str(&in->text, f->doubled ? value.data : f->text,
		    f->doubled ? value.len : f->len);
	}
	pp_buf_addc(&in->text, '}');
	pp_buf_release(&value);
}

static int
next_csv(struct pp_seed_input *in, struct pp_seed_record *out,
    struct pp_error *err)
{
	size_t len = 0;
	int n;

	if (in->columns == NULL) {
		n = read_header(in, err);
		if (n <= 0)
			return n;
	}
	n = read_csv(in, &len, err);
	if (n <= 0)
		return n;
	if (in->csv.count != in->column_count)
		return pp_error_set(err, PP_EDATA,
		    "%s:%lld: %zu fields, where the header has %zu", in->name,
		    (long long)in->line, in->csv.count, in->column_count);
	put_csv_record(in);
	if (in->text.len > PP_SEED_MAX_BYTES)
		return fail_too_long(in, err);
	out->line = in->line;
	out->text = in->text.data;
	out->len = in->text.len;
	out->json = pp_json_parse(&in->doc, out->text, out->len, 0, err);
	use_up(in, len);
	return out->json != NULL ? 1 : -1;
}

/* ---- opening ---- */

static const char *
ending_of(const char *path)
{
	const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');

	return dot != NULL && (slash == NULL || dot > slash) ? dot : "";
}

static enum pp_seed_format
format_by_ending(const char *path)
{
	static const struct {
		const char *ending;
		enum pp_seed_format format;
	} endings[] = { { ".json", PP_SEED_JSON }, { ".jsonl", PP_SEED_JSONL },
		{ ".ndjson", PP_SEED_JSONL }, { ".csv", PP_SEED_CSV } };
	const char *ending = ending_of(path);

	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		if (strcasecmp(ending, endings[i].ending) == 0)
			return endings[i].format;
	}
	return PP_SEED_ANY;
}

/*
 * By the beginning of the text: an array is JSON; a first line that is a whole
 * object is JSONL, one that is not begins a JSON object; all else is CSV.
 */
static enum pp_seed_format
format_by_text(const struct pp_seed_input *in)
{
	const char *p = text_at(in) + strspn(text_at(in), " \t\r\n");
	const char *newline = strchr(p, '\n');

	if (*p == '[')
		return PP_SEED_JSON;
	if (*p != '{')
		return PP_SEED_CSV;
	if (newline == NULL)
		return in->eof ? PP_SEED_JSON : PP_SEED_JSONL;
	return pp_json_value_len(p, (size_t)(newline - p)) > 0 ? PP_SEED_JSONL :
								 PP_SEED_JSON;
}

/* Look at the beginning: marks of encodings, and what format it is. */
static int
begin(struct pp_seed_input *in, struct pp_error *err)
{
	int n;

	do
		n = read_on(in, err);
	while (n > 0 && bytes_left(in) < READ_BYTES);
	if (n < 0)
		return -1;
	if (bytes_left(in) >= 2 &&
	    (memcmp(text_at(in), "\xff\xfe", 2) == 0 ||
		memcmp(text_at(in), "\xfe\xff", 2) == 0))
		return pp_error_set(err, PP_EDATA,
		    "%s:1: UTF-16 text, where UTF-8 is needed", in->name);
	if (pp_starts_with(text_at(in), "\xef\xbb\xbf"))
		in->at += 3;
	if (in->entries && in->format == PP_SEED_ANY)
		in->format = PP_SEED_JSON;
	if (in->format == PP_SEED_ANY)
		in->format = format_by_text(in);
	return 0;
}

struct pp_seed_input *
pp_seed_input_open_fd(int fd, const char *name, enum pp_seed_format format,
    bool entries, struct pp_error *err)
{
	struct pp_seed_input *in = pp_calloc(1, sizeof *in);

	in->name = pp_strdup(name);
	in->format = format;
	in->entries = entries;
	in->line = 1;
	in->fd = fd;
	pp_buf_init(&in->buf, 0);
	pp_buf_init(&in->text, 0);
	pp_buf_init(&in->key, 0);
	if (entries && format != PP_SEED_ANY && format != PP_SEED_JSON)
		pp_error_set(err, PP_EUSAGE,
		    "%s: only the format json has entries", in->name);
	else if (begin(in, err) == 0)
		return in;
	pp_seed_input_close(in);
	return NULL;
}

struct pp_seed_input *
pp_seed_input_open(const char *path, enum pp_seed_format format, bool entries,
    struct pp_error *err)
{
	int fd;

	if (strcmp(path, "-") == 0)
		return pp_seed_input_open_fd(STDIN_FILENO, "stdin", format,
		    entries, err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		pp_error_errno(err,
		    errno == ENOENT || errno == ENOTDIR ? PP_ENOENT : PP_EIO,
		    errno, "cannot open '%s'", path);
		return NULL;
	}
	if (format == PP_SEED_ANY)
		format = format_by_ending(path);
	return pp_seed_input_open_fd(fd, path, format, entries, err);
}

void
pp_seed_input_close(struct pp_seed_input *in)
{
	if (in == NULL)
		return;
	if (in->fd > STDIN_FILENO)
		close(in->fd);
	for (size_t i = 0; i < in->column_count; i++)
		free(in->columns[i]);
	free(in->columns);
	free(in->name);
	pp_buf_release(&in->buf);
	pp_buf_release(&in->text);
	pp_buf_release(&in->key);
	pp_json_doc_release(&in->doc);
	pp_csv_record_release(&in->csv);
	free(in);
}

const char *
pp_seed_input_name(const struct pp_seed_input *in)
{
	return in->name;
}

int
pp_seed_input_next(struct pp_seed_input *in, struct pp_seed_record *out,
    struct pp_error *err)
{
	int n;

	in->bad = 0;
	switch (in->format) {
	case PP_SEED_JSON: n = next_json(in, out, err); break;
	case PP_SEED_JSONL: n = next_line(in, out, err); break;
	default: n = next_csv(in, out, err);
	}
	if (n > 0)
		in->count++;
	else if (n == 0 && in->count == 0)
		return pp_error_set(err, PP_EDATA, "%s:%lld: no record in it",
		    in->name, (long long)in->line);
	return n;
}

bool
pp_seed_input_skip(struct pp_seed_input *in)
{
	if (in->bad == 0)
		return false;
	use_up(in, in->bad);
	in->bad = 0;
	in->count++;
	return true;
}
