/*
 * The files of one format in an export: opened, rolled over at the bounds,
 * finished, and listed in the result. One file is open at a time.
 */
#ifndef PP_EXPORT_WRITER_H
#define PP_EXPORT_WRITER_H

#include "base/error.h"
#include "base/json.h"
#include "export/export.h"
#include "export/rowtype.h"
#include "export/sink.h"
#include "export/tree.h"

struct pp_writer;

/*
 * All borrowed; `tree` is NULL when o->fd is written to, `scribe` when there
 * is one thread only. Returns owned.
 */
struct pp_writer *pp_writer_new(const struct pp_export_options *o,
	    const struct pp_sink_format *format, const struct pp_type *type,
	    struct pp_tree *tree, struct pp_scribe *scribe,
	    struct pp_export_result *result);

/* Drops a file that is not finished. */
void	pp_writer_free(struct pp_writer *w);

/*
 * Finish what is open and begin the first file in `folder`, "" or ending in
 * a slash.
 */
int	pp_writer_begin(struct pp_writer *w, const char *folder,
	    struct pp_error *err);

int	pp_writer_add(struct pp_writer *w, const struct pp_json *record,
	    struct pp_error *err);

/* Finish the open file, if there is one. */
int	pp_writer_end(struct pp_writer *w, struct pp_error *err);

#endif
