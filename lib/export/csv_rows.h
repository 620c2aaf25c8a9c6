/*
 * CSV (RFC 4180, with a header) as rows. A cell is a string; a cell with
 * nothing in it, not even quotes, is null. Where a field is declared to be
 * something that JSON writes without quotes (bool, int, double, json, a list),
 * its cells are JSON.
 */
#ifndef PP_EXPORT_CSV_ROWS_H
#define PP_EXPORT_CSV_ROWS_H

#include "export/rows.h"

/*
 * `types` are declarations, "score=int", as for pp_type_declare(); they, `fd`
 * and `name` are borrowed. `delimiter` is one that pp_csv_is_delimiter() likes,
 * or 0 for a comma. It can begin again when `fd` is a regular file.
 * Returns owned.
 */
struct pp_rows *pp_csv_rows_new(int fd, const char *name,
	    char delimiter, const char *const *types, size_t type_count);

#endif
