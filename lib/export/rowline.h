/*
 * A row as workers write it, taken apart: pp-record(5). A line that is an
 * object without a `record` is taken for the record itself, so that rows of
 * any origin can be exported.
 */
#ifndef PP_EXPORT_ROWLINE_H
#define PP_EXPORT_ROWLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/json.h"

struct pp_rowline {
	const struct pp_json *line;	/* all of it */
	const struct pp_json *record;	/* NULL: a row that failed */
	const struct pp_json *failed;	/* of such a row, else NULL */

	/* Strings, or NULL where they are missing or null. */
	const struct pp_json *id, *category, *time;

	const struct pp_json *row, *steps;	/* NULL where missing */
};

/*
 * Read the text of a row; the result points into `text` and `doc`, which is
 * reused from row to row. 0, or -1 with PP_EDATA.
 */
int	pp_rowline_read(struct pp_rowline *r, struct pp_json_doc *doc,
	    const char *text, size_t len, struct pp_error *err);

#endif
