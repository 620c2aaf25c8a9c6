/*
 * What becomes of a row before it is written: taken apart, left out or not,
 * put into shape, assigned to a file.
 */
#ifndef PP_EXPORT_PREPARE_H
#define PP_EXPORT_PREPARE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "export/dedup.h"
#include "export/export.h"
#include "export/reshape.h"
#include "export/rowline.h"

struct pp_prepare {
	const struct pp_export_options *o;
	struct pp_reshape_options shape;
	struct pp_reshape *reshape;
	struct pp_dedup *dedup;		/* NULL: rows may repeat */
	char *dedup_path;
	struct pp_json_doc doc, record_doc;
	struct pp_json_doc made_doc;	/* what the rules made of the record */
	struct pp_buf made;
	struct pp_buf text;		/* of the record, when it is reshaped */
	struct pp_buf key;		/* scratch */

	/* the row at hand */
	struct pp_rowline line;
	const struct pp_json *record;	/* as it is written */

	/* counts since the start */
	uint64_t taken, failed, duplicates;
};

/* `o` is borrowed. To be released also on failure; PP_EUSAGE. */
int	pp_prepare_init(struct pp_prepare *p,
	    const struct pp_export_options *o, struct pp_error *err);
void	pp_prepare_release(struct pp_prepare *p);

/* Forget all rows: they come again. */
void	pp_prepare_restart(struct pp_prepare *p);

/*
 * Look at a row. 1 when it is to be written, 0 when it is left out, -1 with
 * PP_EDATA. `text` is borrowed until the next call.
 */
int	pp_prepare_row(struct pp_prepare *p, const char *text, size_t len,
	    struct pp_error *err);

/* The same for a row that is known to be written. */
int	pp_prepare_again(struct pp_prepare *p, const char *text, size_t len,
	    struct pp_error *err);

/*
 * The folder that the row goes to, "" or ending in a slash. PP_EDATA.
 */
int	pp_prepare_folder(const struct pp_prepare *p, struct pp_buf *folder,
	    struct pp_error *err);

#endif
