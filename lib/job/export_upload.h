/*
 * Exports that become objects: made in a temporary folder ($TMPDIR, or /tmp,
 * which needs room for the files) and put under a prefix file by file. An
 * older _SUCCESS goes first and the new one comes last, so that a reader who
 * asks for it never takes half of an export for a whole one. The folder of an
 * export that was killed is taken away by the next one.
 */
#ifndef PP_JOB_EXPORT_UPLOAD_H
#define PP_JOB_EXPORT_UPLOAD_H

#include "job/export_job.h"

struct pp_export_place {
	struct pp_blob *blobs;
	const char *prefix;	/* "", or it ends with a slash */
	/* told of each object that is there, 0 to go on; may be NULL */
	int (*fn)(void *arg, const char *key, struct pp_error *err);
	void *arg;
};

/* As pp_export_job(), but the options' folder is chosen here. */
int	pp_export_upload_job(struct pp_store *s, const char *job_id,
	    const struct pp_export_options *o, bool partial,
	    const struct pp_export_place *to,
	    struct pp_export_result *result, struct pp_error *err);

/* The same for a record that was read before. */
int	pp_export_upload_record(struct pp_store *s, const struct pp_job *job,
	    const struct pp_export_options *o,
	    const struct pp_export_place *to,
	    struct pp_export_result *result, struct pp_error *err);

/* As pp_export_run(), the same. */
int	pp_export_upload_rows(const struct pp_export_options *o,
	    struct pp_rows *rows, const struct pp_export_place *to,
	    struct pp_export_result *result, struct pp_error *err);

#endif
