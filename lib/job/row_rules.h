/*
 * Which rows an export takes and what it takes of them, by expressions of the
 * prompt language: --where and --select.
 *
 * An expression sees the members of a row as workers write it (row, id,
 * category, time, steps, failed, record: pp-record(5)) and the fields of its
 * record, which win where both have a name.
 */
#ifndef PP_JOB_ROW_RULES_H
#define PP_JOB_ROW_RULES_H

#include "base/error.h"
#include "export/export.h"

struct pp_row_rules;

/*
 * `where` is an expression. `select` is a list, "title, good=score > 7": a
 * path into the record or else the row, or a name and an expression. Both may be NULL and are
 * borrowed until the rules are freed. Returns owned, or NULL with PP_EUSAGE.
 */
struct pp_row_rules *pp_row_rules_new(const char *where, const char *select,
	    struct pp_error *err);
void	pp_row_rules_free(struct pp_row_rules *r);

/* Let an export go by the rules, which are borrowed. */
void	pp_row_rules_apply(struct pp_row_rules *r,
	    struct pp_export_options *o);

/*
 * After an export: the selected paths that were in none of its rows, one a
 * call, NULL at the end. `*at` is 0 at first. Borrowed.
 */
const char *pp_row_rules_not_found(const struct pp_row_rules *r, size_t *at);

#endif
