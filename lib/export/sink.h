/*
 * What an export format is to the export: something that is opened on a file,
 * takes records and is finished. A new format is a file with such a table and
 * a line in export.c.
 */
#ifndef PP_EXPORT_SINK_H
#define PP_EXPORT_SINK_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "export/export.h"
#include "export/outfile.h"
#include "export/rowtype.h"

struct pp_sink;		/* one file being written, in the format's own form */

struct pp_sink_format {
	const char *name;		/* "csv", also the file name's end */
	bool needs_type;		/* all columns must be known beforehand */
	bool is_text;			/* may be compressed as a whole */

	/*
	 * Begin a file. Everything is borrowed until free(). Returns owned,
	 * or NULL.
	 */
	struct pp_sink *(*open)(const struct pp_export_options *o,
	    const struct pp_type *type, struct pp_outfile *out,
	    struct pp_error *err);

	/* Add a record that fits the type, to the file's buffer at least. */
	int (*add)(struct pp_sink *k, const struct pp_json *record,
	    struct pp_error *err);

	/* Write what belongs at the end. */
	int (*finish)(struct pp_sink *k, struct pp_error *err);
	void (*free)(struct pp_sink *k);
};

extern const struct pp_sink_format pp_sink_jsonl, pp_sink_csv,
	    pp_sink_parquet;

#endif
