#include <config.h>

#include "export/export.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"
#include "export/card.h"
#include "export/formats.h"
#include "export/manifest.h"
#include "export/prepare.h"
#include "export/rowtype.h"
#include "export/scribe.h"
#include "export/sorter.h"
#include "export/tree.h"
#include "export/writer.h"

#define SORT_BYTES ((size_t)16 << 20)

/* Of those we take by ourselves: each has memory of its own. */
#define MAX_THREADS 8

/* The first rows, from which the columns are guessed at first. */
#define LOOK_ROWS 1000
#define LOOK_BYTES ((size_t)1 << 20)

struct run {
	struct pp_export_options o; /* with nothing left open */
	struct pp_rows *rows;	    /* those given, or `spool` */
	struct pp_rows *spool;	    /* owned, or NULL */
	struct pp_export_result *result;
	struct pp_tree *tree;	  /* NULL: writing to a descriptor */
	struct pp_scribe *scribe; /* NULL: one thread does all */
	struct pp_prepare prepare;
	struct pp_type *type;
	bool needs_type; /* of some format */
	bool looks;	 /* at rows, to know their type */
	off_t fd_start;	 /* -1: what was written stays */
	struct pp_writer *writers[PP_FORMAT_COUNT];
	size_t writer_count;
};

void
pp_export_result_release(struct pp_export_result *r)
{
	for (size_t i = 0; i < r->file_count; i++)
		free(r->files[i].path);
	free(r->files);
	*r = (struct pp_export_result){ .rows = 0 };
}

/* ---- rows ---- */

static int
at_row(const struct run *r, struct pp_error *err)
{
	return pp_error_wrap(err, "%s:%llu", r->rows->name,
	    (unsigned long long)r->rows->number);
}

static bool
is_enough(const struct run *r)
{
	return r->o.limit > 0 && !r->o.shuffle &&
	    r->prepare.taken >= r->o.limit;
}

/* The next row that is to be written. 1, 0 at the end, -1. */
static int
next_row(struct run *r, const char **text, size_t *len, struct pp_error *err)
{
	int rc = 0;

	while (!is_enough(r) &&
	    (rc = pp_rows_next(r->rows, text, len, err)) > 0) {
		rc = pp_prepare_row(&r->prepare, *text, *len, err);
		if (rc < 0)
			return at_row(r, err);
		if (rc > 0)
			return 1;
	}
	return rc < 0 ? -1 : 0;
}

/* Let the type widen to the row. 1 when it had to, 0, -1. */
static int
see_row(struct run *r, struct pp_error *err)
{
	int rc = pp_type_see(r->type, r->prepare.record, err);

	return rc < 0 ? at_row(r, err) : rc;
}

static int
start_again(struct run *r, struct pp_error *err)
{
	pp_prepare_restart(&r->prepare);
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
	for (size_t i = 0; i < PP_FORMAT_COUNT; i++)
		if (r->o.formats & pp_formats[i].bit)
			r->writers[r->writer_count++] = pp_writer_new(&r->o,
			    pp_formats[i].sink, r->type, r->tree, r->scribe,
			    r->result);
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
		if (pp_writer_add(r->writers[i], r->prepare.record, err) < 0)
			return at_row(r, err);
	r->result->rows++;
	return 0;
}

/* Forget what was written. */
static int
discard(struct run *r, struct pp_error *err)
{
	drop_writers(r);
	pp_export_result_release(r->result);
	if (r->tree != NULL)
		pp_tree_reset(r->tree);
	else if (ftruncate(r->o.fd, r->fd_start) < 0 ||
	    lseek(r->o.fd, r->fd_start, SEEK_SET) < 0)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot write '%s' again", r->o.fd_name);
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
	bool can_retry = r->tree != NULL || r->fd_start >= 0;
	int rc;

	if (r->needs_type) {
		if ((can_retry ? look(r, LOOK_ROWS, LOOK_BYTES, err) :
				 look(r, 0, 0, err)) < 0 ||
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

/* ---- in order: partitions, splits, shuffled ---- */

/* The folder, a NUL, and eight bytes of chance when rows are shuffled. */
static int
put_sort_key(struct run *r, struct pp_buf *key, struct pp_error *err)
{
	uint64_t chance;

	if (pp_prepare_folder(&r->prepare, key, err) < 0)
		return at_row(r, err);
	pp_buf_addc(key, '\0');
	if (!r->o.shuffle)
		return 0;
	chance = pp_rand_mix(r->o.seed, r->prepare.taken, 0);
	for (int shift = 56; shift >= 0; shift -= 8)
		pp_buf_addc(key, (char)(chance >> shift));
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
		if (see_row(r, err) < 0 || put_sort_key(r, &key, err) < 0 ||
		    pp_sorter_add(sorter, key.data, key.len, text, len, err) <
			0) {
			rc = -1;
			break;
		}
	}
	pp_buf_release(&key);
	return rc;
}

/* A split without rows has a file without rows. */
static int
write_missing(struct run *r, uint32_t seen, struct pp_error *err)
{
	char folder[sizeof r->o.splits[0].name + 1];

	if (r->o.partition != PP_PARTITION_NONE)
		return 0;
	if (r->o.split_count == 0)
		return r->result->rows == 0 ? begin_files(r, "", err) : 0;
	for (size_t i = 0; i < r->o.split_count; i++) {
		if (seen >> i & 1)
			continue;
		snprintf(folder, sizeof folder, "%s/", r->o.splits[i].name);
		if (begin_files(r, folder, err) < 0)
			return -1;
	}
	return 0;
}

static uint32_t
split_bit(const struct run *r, const char *folder)
{
	for (size_t i = 0; i < r->o.split_count; i++) {
		size_t len = strlen(r->o.splits[i].name);

		if (strncmp(folder, r->o.splits[i].name, len) == 0 &&
		    folder[len] == '/')
			return UINT32_C(1) << i;
	}
	return 0;
}

static int
write_next(struct run *r, const struct pp_sorted *row, struct pp_buf *folder,
    struct pp_error *err)
{
	if (r->result->rows == 0 || strcmp(row->key, folder->data) != 0) {
		pp_buf_set(folder, row->key, strlen(row->key));
		if (begin_files(r, folder->data, err) < 0)
			return -1;
	}
	if (pp_prepare_again(&r->prepare, row->text, row->len, err) < 0)
		return -1;
	return write_row(r, err);
}

static int
write_sorted(struct run *r, struct pp_sorter *sorter, struct pp_error *err)
{
	struct pp_buf folder = PP_BUF_INIT;
	struct pp_sorted row;
	uint32_t seen = 0;
	int rc = 0;

	make_writers(r);
	while ((r->o.limit == 0 || r->result->rows < r->o.limit) &&
	    (rc = pp_sorter_next(sorter, &row, err)) > 0) {
		rc = write_next(r, &row, &folder, err);
		if (rc < 0)
			break;
		seen |= split_bit(r, folder.data);
	}
	pp_buf_release(&folder);
	if (rc < 0 || write_missing(r, seen, err) < 0)
		return -1;
	return end_files(r, err);
}

static int
run_sorted(struct run *r, struct pp_error *err)
{
	struct pp_sorter *sorter = pp_sorter_new(SORT_BYTES, r->o.scratch_dir);
	int rc = -1;

	if (sort_rows(r, sorter, err) == 0 && pp_sorter_begin(sorter, err) == 0)
		rc = write_sorted(r, sorter, err);
	pp_sorter_free(sorter);
	return rc;
}

/* ---- the whole ---- */

static bool
needs_order(const struct run *r)
{
	return r->o.partition != PP_PARTITION_NONE || r->o.split_count > 0 ||
	    r->o.shuffle;
}

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

/* Whether a declaration of the template is of a field that is exported. */
static bool
is_exported(const struct run *r, const char *name, size_t len)
{
	const struct pp_row_callbacks *rules = &r->o.rules;

	return r->o.shape == PP_SHAPE_RECORD && r->o.map_count == 0 &&
	    pp_type_field(r->type, name, len) == NULL &&
	    (rules->put_record == NULL ||
		rules->keeps_field(rules->arg, name, len));
}

static int
declare_record_types(struct run *r, struct pp_error *err)
{
	for (size_t i = 0; i < r->o.record_type_count; i++) {
		const char *type = r->o.record_types[i];
		const char *eq = strrchr(type, '=');

		if (eq != NULL && !is_exported(r, type, (size_t)(eq - type)))
			continue;
		if (pp_type_declare(r->type, type, err) < 0)
			return -1;
	}
	return 0;
}

static int
declare_types(struct run *r, struct pp_error *err)
{
	static const char *const meta[] = { "_row=int", "_time=timestamp",
		"_cost=decimal(18,9)" };

	for (size_t i = 0; i < r->o.type_count; i++)
		if (pp_type_declare(r->type, r->o.types[i], err) < 0)
			return -1;
	if (declare_record_types(r, err) < 0)
		return -1;
	for (size_t i = 0; r->o.with_meta && i < 3; i++) {
		const char *eq = strchr(meta[i], '=');

		if (pp_type_field(r->type, meta[i], (size_t)(eq - meta[i])) ==
			NULL &&
		    pp_type_declare(r->type, meta[i], err) < 0)
			return -1;
	}
	return 0;
}

/* Processors that we may run on. */
static int
count_processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) < 0)
		return 1;
	return CPU_COUNT(&set);
}

static int
set_up(struct run *r, struct pp_error *err)
{
	struct pp_export_options *o = &r->o;

	if (o->csv_delimiter == '\0')
		o->csv_delimiter = ',';
	pp_codec_settle(&o->parquet_codec, &o->parquet_level);
	if (o->threads == 0) {
		o->threads = count_processors();
		if (o->threads > MAX_THREADS)
			o->threads = MAX_THREADS;
	}
	if (pp_export_check_options(o, err) < 0 ||
	    pp_prepare_init(&r->prepare, o, err) < 0 ||
	    declare_types(r, err) < 0)
		return -1;
	if (o->threads > 1)
		r->scribe = pp_scribe_new();
	if (o->dir == NULL)
		r->fd_start = start_of(o->fd);
	else if ((r->tree = pp_tree_open(o->dir, err)) == NULL)
		return -1;
	if (o->scratch_dir == NULL && r->tree != NULL)
		o->scratch_dir = pp_tree_scratch(r->tree);
	for (size_t i = 0; i < PP_FORMAT_COUNT; i++)
		if ((o->formats & pp_formats[i].bit) &&
		    pp_formats[i].sink->needs_type)
			r->needs_type = true;
	r->looks = r->needs_type || r->tree != NULL || o->type_count > 0 ||
	    o->record_type_count > 0;
	if (r->needs_type && !needs_order(r) && r->rows->rewind == NULL) {
		r->spool = pp_rows_spool(r->rows, o->scratch_dir);
		r->rows = r->spool;
	}
	return 0;
}

static int
commit(struct run *r, struct pp_error *err)
{
	struct pp_buf text = PP_BUF_INIT;
	int rc;

	r->result->failed = r->prepare.failed;
	r->result->duplicates = r->prepare.duplicates;
	if (r->tree == NULL)
		return 0;
	pp_card_put_configs(&text, &r->o);
	rc = pp_tree_put(r->tree, ".huggingface.yaml", &text, err);
	if (rc == 0 && r->o.card) {
		pp_buf_clear(&text);
		pp_card_put(&text, &r->o, r->type, r->result);
		rc = pp_tree_put(r->tree, "README.md", &text, err);
	}
	if (rc == 0) {
		pp_buf_clear(&text);
		pp_manifest_put(&text, &r->o, r->type, r->result);
		rc = pp_tree_commit(r->tree, &text, err);
	}
	pp_buf_release(&text);
	return rc;
}

int
pp_export_run(const struct pp_export_options *o, struct pp_rows *rows,
    struct pp_export_result *result, struct pp_error *err)
{
	struct pp_export_result own = { .rows = 0 };
	struct run r = { .o = *o,
		.rows = rows,
		.fd_start = -1,
		.result = result != NULL ? result : &own,
		.type = pp_type_new() };
	int rc = -1;

	if (set_up(&r, err) < 0)
		goto out;
	if ((needs_order(&r) ? run_sorted(&r, err) : run_direct(&r, err)) < 0)
		goto out;
	rc = commit(&r, err);
out:
	drop_writers(&r);
	pp_scribe_free(r.scribe);
	pp_tree_free(r.tree);
	pp_rows_free(r.spool);
	pp_prepare_release(&r.prepare);
	pp_type_free(r.type);
	pp_export_result_release(&own);
	return rc;
}
