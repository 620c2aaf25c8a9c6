/*
 * A job's own exports in a home that keeps objects: made in a temporary folder
 * and moved to jobs/{job_id}/exports/ file by file.
 */
#ifndef PP_JOB_EXPORT_UPLOAD_H
#define PP_JOB_EXPORT_UPLOAD_H

#include "job/export_job.h"

/* Told of each object that is there; 0 to go on. */
typedef int pp_uploaded_fn(void *arg, const char *key, struct pp_error *err);

/*
 * As pp_export_job(), whose options' folder is chosen here ($TMPDIR, or /tmp,
 * needs room for the files). `fn` may be NULL.
 */
int	pp_export_upload(struct pp_store *s, const char *job_id,
	    const struct pp_export_options *o, bool partial,
	    struct pp_export_result *result, pp_uploaded_fn *fn, void *arg,
	    struct pp_error *err);

#endif
