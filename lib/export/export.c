#include <config.h>

#include "export/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "export/hive.h"
#include "export/manifest.h"
#include "export/rowline.h"
#include "export/rowtype.h"
#include "export/sink.h"
#include "export/sorter.h"
#include "export/tree.h"
#include "export/writer.h"

#define SORT_BYTES ((size_t)16 << 20)

/* The first rows, from which the columns are guessed at first. */
#define LOOK_ROWS 1000
#define LOOK_BYTES ((size_t)1 << 20)

static const struct {
	unsigned bit;
	const struct pp_sink_format *format;
} formats[] = {
	{ PP_EXPORT_JSONL, &pp_sink_jsonl },
	{ PP_EXPORT_CSV, &pp_sink_csv },
	{ PP_EXPORT_PARQUET, &pp_sink_parquet },
};

#define FORMAT_COUNT (sizeof formats / sizeof formats[0])

static const struct word {
	const char *name;
	unsigned bit;
} partitions[] = {
	{ "timestamp", PP_PARTITION_TIMESTAMP },
	{ "category", PP_PARTITION_CATEGORY },
};

#define PARTITION_COUNT (sizeof partitions / sizeof partitions[0])

struct run {
	const struct pp_export_options *o;
	struct pp_rows *rows;  /* those given, or `spool` */
	struct pp_rows *spool; /* owned, or NULL */
	struct pp_export_result *result;
	struct pp_tree *tree; /* NULL: writing to a descriptor */
	const char *scratch;
	struct pp_type *type;
	bool needs_type; /* of some format */
	bool looks;	 /* at rows, to know their type */
	off_t fd_start;	 /* -1: what was written stays */
	struct pp_writer *writers[FORMAT_COUNT];
	size_t writer_count;
	struct pp_json_doc doc;
	struct pp_rowline line;
};

void
pp_export_result_release(struct pp_export_result *r)
{
	for (size_t i = 0; i < r->file_count; i++)
		free(r->files[i].path);
	free(r->files);
	*r = (struct pp_export_result){ .rows = 0 };
}

/* ---- options ---- */

/* The words of a list, "a,b", each given to `bit_of`. */
static int
parse_words(const char *s, const char *what,
    unsigned (*bit_of)(const char *, size_t), unsigned *bits,
    struct pp_error *err)
{
	const char *word = s, *end;
	unsigned bit;

	*bits = 0;
	do {
		end = strchrnul(word, ',');
		bit = bit_of(word, (size_t)(end - word));
		if (bit == 0)
			return pp_error_set(err, PP_EUSAGE, "unknown %s '%.*s'",
			    what, (int)(end - word), word);
		*bits |= bit;
		word = end + 1;
	} while (*end != '\0');
	return 0;
}

static bool
is_word(const char *s, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(s, name, len) == 0;
}

static unsigned
format_bit(const char *s, size_t len)
{
	for (size_t i = 0; i < FORMAT_COUNT; i++)
		if (is_word(s, len, formats[i].format->name))
			return formats[i].bit;
	return 0;
}

static unsigned
partition_bit(const char *s, size_t len)
{
	for (size_t i = 0; i < PARTITION_COUNT; i++)
		if (is_word(s, len, partitions[i].name))
			return partitions[i].bit;
	return 0;
}

int
pp_export_parse_formats(const char *s, unsigned *bits, struct pp_error *err)
{
	return parse_words(s, "format", format_bit, bits, err);
}

int
pp_export_parse_partition(const char *s, unsigned *bits, struct pp_error *err)
{
	*bits = PP_PARTITION_NONE;
	return strcmp(s, "none") == 0 ?
	    0 :
	    parse_words(s, "partition", partition_bit, bits, err);
}

static int
check_options(const struct pp_export_options *o, struct pp_error *err)
{
	if (o->formats == 0)
		return pp_error_set(err, PP_EUSAGE, "no format is given");
	if (o->csv_delimiter <= ' ' ?
		o->csv_delimiter != '\t' :
		strchr(",;|:^~!#$%&*", o->csv_delimiter) == NULL)
		return pp_error_set(err, PP_EUSAGE,
		    "a delimiter is a tab or one of , ; | : ^ ~ ! # $ %% & *");
	if (o->dir != NULL)
		return 0;
	if ((o->formats & (o->formats - 1)) != 0)
		return pp_error_set(err, PP_EUSAGE,
		    "several formats need a folder to go to");
	if (o->partition != 0 || o->max_rows_per_file > 0 ||
	    o->max_bytes_per_file > 0)
		return pp_error_set(err, PP_EUSAGE,
		    "several files need a folder to go to");
	return 0;
}

/* ---- rows ---- */

static int
at_row(const struct run *r, struct pp_error *err)
{
	return pp_error_wrap(err, "%s:%llu", r->rows->name,
	    (unsigned long long)r->rows->number);
}

/* Take apart the next row that did not fail. 1, 0 at the end, -1. */
static int
next_row(struct run *r, const char **text, size_t *len, struct pp_error *err)
{
	int rc;

	while ((rc = pp_rows_next(r->rows, text, len, err)) > 0) {
		if (pp_rowline_read(&r->line, &r->doc, *text, *len, err) < 0)
			return at_row(r, err);
		if (r->line.record != NULL)
			return 1;
		r->result->failed++;
	}
	return rc;
}

/* Let the type widen to the row. 1 when it had to, 0, -1. */
static int
see_row(struct run *r, struct pp_error *err)
{
	int rc = pp_type_see(r->type, r->line.record, err);

	return rc < 0 ? at_row(r, err) : rc;
}

static int
start_again(struct run *r, struct pp_error *err)
{
	r->result->failed = 0;
	return pp_rows_rewind(r->rows, err);
}

/*
 * Look at rows up to the bounds; 0 of `max_rows` is all of them. The type
 * knows them afterwards.
 */
static int
look(struct run *r, uint64_t max_rows, size_t max_bytes, struct pp_error *err)
{
	const char *text;
	size_t len, bytes = 0;
	int rc = 0;

	for (uint64_t n = 0;
	     max_rows == 0 || (n < max_rows && bytes < max_bytes); n++) {
		rc = next_row(r, &text, &len, err);
		if (rc <= 0)
			return rc;
		if (see_row(r, err) < 0)
			return -1;
		bytes += len;
	}
	return 0;
}

/* ---- writing ---- */

static void
drop_writers(struct run *r)
{
	for (size_t i = 0; i < r->writer_count; i++)
		pp_writer_free(r->writers[i]);
	r->writer_count = 0;
}

static void
make_writers(struct run *r)
{
	for (size_t i = 0; i < FORMAT_COUNT; i++)
		if (r->o->formats & formats[i].bit)
			r->writers[r->writer_count++] = pp_writer_new(r->o,
			    formats[i].format, r->type, r->tree, r->result);
}

static int
begin_files(struct run *r, const char *folder, struct pp_error *err)
{
	for (size_t i = 0; i < r->writer_count; i++)
		if (pp_writer_begin(r->writers[i], folder, err) < 0)
			return -1;
	return 0;
}

static int
end_files(struct run *r, struct pp_error *err)
{
	for (size_t i = 0; i < r->writer_count; i++)
		if (pp_writer_end(r->writers[i], err) < 0)
			return -1;
	return 0;
}

static int
write_row(struct run *r, struct pp_error *err)
{
	for (size_t i = 0; i < r->writer_count; i++)
		if (pp_writer_add(r->writers[i], r->line.record, err) < 0)
			return at_row(r, err);
	r->result->rows++;
	return 0;
}

/* Forget what was written. */
static int
discard(struct run *r, struct pp_error *err)
{
	struct pp_export_result *result = r->result;

	drop_writers(r);
	pp_export_result_release(result);
	if (r->tree != NULL)
		pp_tree_reset(r->tree);
	else if (ftruncate(r->o->fd, r->fd_start) < 0 ||
	    lseek(r->o->fd, r->fd_start, SEEK_SET) < 0)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot write '%s' again", r->o->fd_name);
	return 0;
}

/*
 * Write all rows in the order they come in. 1 when a row asks for another
 * type than the files were begun with, 0 when done, -1.
 */
static int
write_all(struct run *r, struct pp_error *err)
{
	const char *text;
	size_t len;
	int rc;

	make_writers(r);
	if (begin_files(r, "", err) < 0)
		return -1;
	while ((rc = next_row(r, &text, &len, err)) > 0) {
		if (r->looks) {
			rc = see_row(r, err);
			if (rc < 0 || (rc > 0 && r->needs_type))
				return rc;
		}
		if (write_row(r, err) < 0)
			return -1;
	}
	return rc < 0 ? -1 : end_files(r, err);
}

/*
 * Without a need for order: guess the columns from the first rows and write;
 * when a later row does not fit, look at all of them and write again. Where
 * what was written cannot be taken back, look at all of them at first.
 */
static int
run_direct(struct run *r, struct pp_error *err)
{
	bool sure = r->tree == NULL && r->fd_start < 0;
	int rc;

	if (r->needs_type && r->looks) {
		if ((sure ? look(r, 0, 0, err) :
			    look(r, LOOK_ROWS, LOOK_BYTES, err)) < 0 ||
		    start_again(r, err) < 0)
			return -1;
	}
	rc = write_all(r, err);
	if (rc <= 0)
		return rc;
	if (look(r, 0, 0, err) < 0 || discard(r, err) < 0 ||
	    start_again(r, err) < 0)
		return -1;
	rc = write_all(r, err);
	return rc <= 0 ? rc :
			 pp_error_set(err, PP_EBUG,
			     "the rows changed while they were exported");
}

/* ---- partitions ---- */

static int
put_date(struct pp_buf *key, const struct pp_json *v, struct pp_error *err)
{
	int64_t us;
	time_t seconds;
	struct tm tm;

	if (v == NULL || v->escaped || !pp_type_timestamp(v->text, v->len, &us))
		return pp_error_set(err, PP_EDATA,
		    "the row has no time of "
		    "completion (RFC 3339) to partition by");
	seconds = (time_t)((us - (us < 0 ? 999999 : 0)) / 1000000);
	gmtime_r(&seconds, &tm);
	pp_buf_addf(key, "year=%04d/month=%02d/day=%02d/", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday);
	return 0;
}

static void
put_category(struct pp_buf *key, const struct pp_json *v)
{
	struct pp_buf plain = PP_BUF_INIT;

	if (v != NULL)
		pp_json_unescape(v, &plain);
	pp_hive_put(key, "category", plain.data, plain.len);
	pp_buf_release(&plain);
}

/* The folder of the row's partition, which is also what it is sorted by. */
static int
put_partition(const struct run *r, struct pp_buf *key, struct pp_error *err)
{
	unsigned by = r->o->partition;
	const char *dash = "";

	pp_buf_clear(key);
	pp_buf_adds(key, "partitioned/");
	for (size_t i = 0; i < PARTITION_COUNT; i++) {
		if (!(by & partitions[i].bit))
			continue;
		pp_buf_addf(key, "%s%s", dash, partitions[i].name);
		dash = "-";
	}
	pp_buf_addc(key, '/');
	if ((by & PP_PARTITION_TIMESTAMP) &&
	    put_date(key, r->line.time, err) < 0)
		return at_row(r, err);
	if (by & PP_PARTITION_CATEGORY)
		put_category(key, r->line.category);
	return 0;
}

static int
sort_rows(struct run *r, struct pp_sorter *sorter, struct pp_error *err)
{
	struct pp_buf key = PP_BUF_INIT;
	const char *text;
	size_t len;
	int rc;

	while ((rc = next_row(r, &text, &len, err)) > 0) {
		if (see_row(r, err) < 0 || put_partition(r, &key, err) < 0 ||
		    pp_sorter_add(sorter, key.data, key.len, text, len, err) <
			0) {
			rc = -1;
			break;
		}
	}
	pp_buf_release(&key);
	return rc;
}

static int
write_sorted(struct run *r, struct pp_sorter *sorter, struct pp_error *err)
{
	struct pp_buf folder = PP_BUF_INIT;
	struct pp_sorted row;
	int rc;

	make_writers(r);
	while ((rc = pp_sorter_next(sorter, &row, err)) > 0) {
		if (row.key_len != folder.len ||
		    memcmp(row.key, folder.data, folder.len) != 0) {
			pp_buf_set(&folder, row.key, row.key_len);
			if (begin_files(r, folder.data, err) < 0) {
				rc = -1;
				break;
			}
		}
		if (pp_rowline_read(&r->line, &r->doc, row.text, row.len, err) <
			0 ||
		    write_row(r, err) < 0) {
			rc = -1;
			break;
		}
	}
	pp_buf_release(&folder);
	return rc < 0 ? -1 : end_files(r, err);
}

static int
run_sorted(struct run *r, struct pp_error *err)
{
	struct pp_sorter *sorter = pp_sorter_new(SORT_BYTES, r->scratch);
	int rc = -1;

	if (sort_rows(r, sorter, err) == 0 && pp_sorter_begin(sorter, err) == 0)
		rc = write_sorted(r, sorter, err);
	pp_sorter_free(sorter);
	return rc;
}

/* ---- the whole ---- */

/* Where output on the descriptor begins, when it is a file we may cut. */
static off_t
start_of(int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || flags < 0 ||
	    (flags & O_APPEND))
		return -1;
	return lseek(fd, 0, SEEK_CUR);
}

static int
set_up(struct run *r, struct pp_error *err)
{
	const struct pp_export_options *o = r->o;

	r->fd_start = -1;
	if (o->dir == NULL)
		r->fd_start = start_of(o->fd);
	else if ((r->tree = pp_tree_open(o->dir, err)) == NULL)
		return -1;
	r->scratch = o->scratch_dir != NULL || r->tree == NULL ?
	    o->scratch_dir :
	    pp_tree_scratch(r->tree);
	r->type = pp_type_new();
	for (size_t i = 0; i < o->type_count; i++)
		if (pp_type_declare(r->type, o->types[i], err) < 0)
			return -1;
	for (size_t i = 0; i < FORMAT_COUNT; i++)
		if ((o->formats & formats[i].bit) &&
		    formats[i].format->needs_type)
			r->needs_type = true;
	r->looks = r->needs_type || r->tree != NULL || o->type_count > 0;
	if (r->needs_type && o->partition == 0 && r->rows->rewind == NULL) {
		r->spool = pp_rows_spool(r->rows, r->scratch);
		r->rows = r->spool;
	}
	return 0;
}

static int
commit(struct run *r, struct pp_error *err)
{
	struct pp_buf text = PP_BUF_INIT;
	int rc;

	if (r->tree == NULL)
		return 0;
	pp_manifest_put(&text, r->o, r->type, r->result);
	rc = pp_tree_commit(r->tree, &text, err);
	pp_buf_release(&text);
	return rc;
}

int
pp_export_run(const struct pp_export_options *o, struct pp_rows *rows,
    struct pp_export_result *result, struct pp_error *err)
{
	struct pp_export_result own = { .rows = 0 };
	struct run r = {
		.o = o, .rows = rows, .result = result != NULL ? result : &own
	};
	int rc = -1;

	if (check_options(o, err) < 0 || set_up(&r, err) < 0)
		goto out;
	if ((o->partition != 0 ? run_sorted(&r, err) : run_direct(&r, err)) < 0)
		goto out;
	rc = commit(&r, err);
out:
	drop_writers(&r);
	pp_tree_free(r.tree);
	pp_rows_free(r.spool);
	pp_type_free(r.type);
	pp_json_doc_release(&r.doc);
	pp_export_result_release(&own);
	return rc;
}
