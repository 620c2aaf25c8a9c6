/*
 * Exports of a job: the rows on its chain of batches, given to lib/export.
 */
#ifndef PP_JOB_EXPORT_JOB_H
#define PP_JOB_EXPORT_JOB_H

#include <stdbool.h>

#include "base/error.h"
#include "export/export.h"
#include "export/rows.h"
#include "store/store.h"

/*
 * The rows of a job, in order. Those of a job that has ended can be read
 * again; while it runs, rows are those of the checkpoint at this moment.
 * `s` and `job` are borrowed. Returns owned, or NULL.
 */
struct pp_rows *pp_export_job_rows(struct pp_store *s,
	    const struct pp_job *job, struct pp_error *err);

/*
 * Returns owned (free(3)) the folder of a job's own exports; or NULL with
 * PP_EUSAGE in a home that has no folders.
 */
char	*pp_export_job_folder(struct pp_store *s, const char *job_id,
	    struct pp_error *err);

/*
 * Export a job by the options, of which `about` is filled in here. `partial`
 * takes a job that has not ended; else that is PP_ETEMP. `result` may be NULL.
 */
int	pp_export_job(struct pp_store *s, const char *job_id,
	    const struct pp_export_options *o, bool partial,
	    struct pp_export_result *result, struct pp_error *err);

/*
 * The same for a record that was read before; it reads objects alone.
 */
int	pp_export_job_record(struct pp_store *s, const struct pp_job *job,
	    const struct pp_export_options *o,
	    struct pp_export_result *result, struct pp_error *err);

#endif
