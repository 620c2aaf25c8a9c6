/*
 * Rows in, a data set out: JSONL, CSV and Parquet, in one file each or in
 * partitions, whole or not at all. Everything is decided by the options and
 * the rows, so a second run makes the same bytes.
 *
 * Memory does not depend on how many rows or partitions there are: rows that
 * must be put in order (partitions) go through sorted runs on disk, and one
 * file of a format is open at a time.
 *
 * Under `dir` an export makes
 *
 *	dataset.jsonl                               without partitions
 *	partitioned/timestamp/year=2025/month=11/day=19/records.jsonl
 *	partitioned/category/category=poem/records.jsonl
 *	partitioned/timestamp-category/year=2025/.../category=poem/records.jsonl
 *	train/...                                   with splits
 *	manifest.json _SUCCESS
 *
 * and part-00001.jsonl ... in place of one file where a bound on files is
 * given.
 */
#ifndef PP_EXPORT_EXPORT_H
#define PP_EXPORT_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "export/codec.h"
#include "export/reshape.h"
#include "export/rows.h"

/* Bits of pp_export_options.formats, in the order files are listed. */
enum {
	PP_EXPORT_JSONL = 1 << 0,
	PP_EXPORT_CSV = 1 << 1,
	PP_EXPORT_PARQUET = 1 << 2
};

/* Bits of pp_export_options.partition. */
enum {
	PP_PARTITION_NONE = 0,
	PP_PARTITION_TIMESTAMP = 1 << 0,
	PP_PARTITION_CATEGORY = 1 << 1
};

/* "train=0.9,test=0.1": rows are dealt out by a hash of their ids. */
#define PP_SPLIT_WHOLE UINT64_C(1000000000)
#define PP_MAX_SPLITS 16

struct pp_split {
	char name[32];
	uint64_t end;		/* of its part of the whole, from 0 on */
};

/*
 * What the layer above knows of rows: expressions are no business of a writer
 * of files. Each may be NULL. `line` is borrowed until return.
 */
struct pp_row_callbacks {
	/* Whether the row is exported: 1, 0, or -1. */
	int (*keep)(void *arg, const struct pp_rowline *line,
	    struct pp_error *err);

	/* Append the object that takes the record's place. 0 or -1. */
	int (*put_record)(void *arg, const struct pp_rowline *line,
	    struct pp_buf *out, struct pp_error *err);

	/* Whether put_record() leaves a field as it was in the record. */
	bool (*keeps_field)(void *arg, const char *name, size_t len);
	void *arg;
};

/*
 * All zero but for `formats` is a sensible export of JSONL; a codec or level
 * of Parquet that is 0 is "none", so begin with PP_EXPORT_OPTIONS_INIT.
 */
struct pp_export_options {
	unsigned formats;
	unsigned partition;

	/*
	 * The folder to fill; or NULL, and the one file of the one format goes
	 * to `fd`, called `fd_name` in errors.
	 */
	const char *dir;
	int fd;
	const char *fd_name;

	/* Where scratch files go; NULL: `dir`, or $TMPDIR. */
	const char *scratch_dir;

	/* 0: no bound. A file has one row at least. */
	uint64_t max_rows_per_file, max_bytes_per_file;

	struct pp_row_callbacks rules;

	/* What records become; see reshape.h. */
	enum pp_shape shape;
	const char *const *maps;
	size_t map_count;
	bool with_meta;
	bool include_failed;
	const char *job_id;		/* for with_meta, or NULL */

	/* Leave out rows whose field was there before; see dedup.h. */
	const char *dedup;

	/* Into folders of these names. */
	const struct pp_split *splits;
	size_t split_count;

	bool shuffle;
	uint64_t seed;			/* of shuffle and splits */
	uint64_t limit;			/* rows at most; 0: all */

	/* Declared fields, "title=string"; the others are found out. */
	const char *const *types;
	size_t type_count;

	/* The same of the template, for fields of the record as it was. */
	const char *const *record_types;
	size_t record_type_count;

	char csv_delimiter;		/* 0: a comma */
	bool csv_bom, csv_lf, csv_safe_cells;

	/* Of JSONL and CSV as files: none, zstd or gzip. */
	enum pp_codec_kind compress;
	int compress_level;

	enum pp_codec_kind parquet_codec;
	int parquet_level;
	bool parquet_page_v2;

	/* Fields of a row, text or UUID, with Bloom filters in Parquet. */
	const char *const *blooms;
	size_t bloom_count;

	/* That may work at once; 0: as many as there are processors, up to 8. */
	int threads;

	bool card;			/* write README.md too */

	/* JSON members for the manifest, `"job_id":"..."`, or NULL. */
	const char *about;
};

#define PP_EXPORT_OPTIONS_INIT { .formats = PP_EXPORT_JSONL, .fd = -1, \
	.parquet_codec = PP_CODEC_DEFAULT }

struct pp_export_file {
	char *path;			/* below `dir` */
	const char *format;
	uint64_t rows, bytes;
	char sha256[PP_SHA256_HEX_BYTES];
};

struct pp_export_result {
	uint64_t rows;			/* exported, not counting formats */
	uint64_t failed;		/* rows that failed */
	uint64_t duplicates;		/* left out */
	struct pp_export_file *files;
	size_t file_count, file_cap;
};

void	pp_export_result_release(struct pp_export_result *r);

/*
 * Parse "jsonl,csv" and "timestamp,category" (or "none") into bits. 0, or -1
 * with PP_EUSAGE.
 */
int	pp_export_parse_formats(const char *s, unsigned *formats,
	    struct pp_error *err);
int	pp_export_parse_partition(const char *s, unsigned *partition,
	    struct pp_error *err);

/* "train=0.9,test=0.1", which make 1 together; how many, or -1. */
int	pp_export_parse_splits(const char *s,
	    struct pp_split splits[PP_MAX_SPLITS], struct pp_error *err);

/*
 * Export all `rows`. `result` may be NULL; otherwise it is zeroed at first and
 * to be released. Rows that failed are counted, and left out unless they are
 * asked for. On failure
 * nothing is left but, on `fd`, what was written to it.
 * Errors: PP_EUSAGE (options that do not go together), PP_EDATA (a row, which
 * is named), PP_ECREATE, PP_EIO, PP_ETEMP (the folder is in use).
 */
int	pp_export_run(const struct pp_export_options *o, struct pp_rows *rows,
	    struct pp_export_result *result, struct pp_error *err);

#endif
