/*
 * What a Parquet file is like: its columns and their statistics.
 */
#ifndef PP_EXPORT_PQDESCRIBE_H
#define PP_EXPORT_PQDESCRIBE_H

#include <stddef.h>

#include "base/buf.h"
#include "export/pqfile.h"

/* A column over all row groups. */
struct pp_pqdescription {
	struct pp_buf name;		/* "tags.list.element" */
	struct pp_buf type;		/* "string", "decimal(18,9)" */
	struct pp_buf encodings;	/* "plain dictionary" */
	struct pp_buf min, max;		/* as JSON; empty: not known */
	int64_t entries, nulls;		/* nulls -1: not known */
	int64_t bytes, raw_bytes;
	const char *codec;
};

/* To be released. */
void	pp_pqdescribe(const struct pp_pqfile *f, size_t leaf,
	    struct pp_pqdescription *d);
void	pp_pqdescription_release(struct pp_pqdescription *d);

#endif
