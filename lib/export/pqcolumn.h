/*
 * One column of a Parquet file: values and levels of the open page, the
 * dictionary of the row group, the pages that are done and their statistics.
 *
 * A column begins each row group with a dictionary and gives it up when it
 * grows past a bound or does not pay; from then on pqencode.h decides.
 */
#ifndef PP_EXPORT_PQCOLUMN_H
#define PP_EXPORT_PQCOLUMN_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "export/outfile.h"
#include "export/pqpages.h"
#include "export/pqschema.h"

/* What all columns of a file go by. */
struct pp_pqlimits {
	int page_version;		/* 1 or 2 */
	size_t page_bytes;		/* a page is closed when it has more */
	size_t dictionary_bytes;
};

struct pp_pqcolumn;

/* All borrowed for the life of the column. Returns owned. */
struct pp_pqcolumn *pp_pqcolumn_new(const struct pp_pqleaf *leaf,
	    const struct pp_pqlimits *limits, struct pp_pages *pages);

/* Put a Bloom filter beside the column in each row group. */
void	pp_pqcolumn_use_bloom(struct pp_pqcolumn *c);
void	pp_pqcolumn_free(struct pp_pqcolumn *c);

/* There is nothing from level `def` on. */
void	pp_pqcolumn_put_null(struct pp_pqcolumn *c, int rep, int def);

/* A value, not null, which fits the leaf. */
int	pp_pqcolumn_put(struct pp_pqcolumn *c, const struct pp_json *v, int rep,
	    struct pp_error *err);

/* After each row: closes the page when it is full. */
int	pp_pqcolumn_end_row(struct pp_pqcolumn *c, struct pp_error *err);

/* Bytes of the open page, as they are kept. */
size_t	pp_pqcolumn_held(const struct pp_pqcolumn *c);

/* Close the open page, between rows. */
int	pp_pqcolumn_flush(struct pp_pqcolumn *c, struct pp_error *err);

/* The row group ends: close the page and the dictionary. */
int	pp_pqcolumn_finish(struct pp_pqcolumn *c, struct pp_error *err);

/* What the footer wants to know of a column in a row group. */
struct pp_pqchunk {
	struct pp_buf meta;		/* struct ColumnMetaData */
	struct pp_buf column_index, offset_index;
	uint64_t bytes, raw_bytes;	/* with page headers */
};

/*
 * After pp_pqcolumn_finish(), when the pages are settled: write the column to
 * the file, replace what is in `chunk`, be empty again.
 */
int	pp_pqcolumn_write(struct pp_pqcolumn *c, struct pp_outfile *out,
	    enum pp_codec_kind codec, struct pp_pqchunk *chunk,
	    struct pp_error *err);

#endif
