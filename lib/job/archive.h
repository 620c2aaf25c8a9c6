/*
 * Objects of a job that the bucket's life cycle has moved to a colder class.
 * GLACIER_IR is read as any other; GLACIER and DEEP_ARCHIVE have to be
 * restored before a job can be exported, looked at or resumed.
 */
#ifndef PP_JOB_ARCHIVE_H
#define PP_JOB_ARCHIVE_H

#include <stdint.h>

#include "base/error.h"
#include "store/store.h"

struct pp_archive {
	int64_t objects;		/* all of the job */
	int64_t moved;			/* of another class, read at once */
	int64_t archived;		/* to be restored */
	int64_t coming;			/* on their way back */
	int64_t restored;		/* and back for some days */
	char storage_class[32];		/* of those that need it, or of those
					 * that moved; "" */
};

/* How it stands. On the embedded home nothing is ever archived. */
int	pp_archive_look(struct pp_store *s, const char *job_id,
	    struct pp_archive *out, struct pp_error *err);

/*
 * Ask for what is archived to be brought back for `days`; `tier` as of
 * pp_blob_restore(). `out` is how it stands then.
 */
int	pp_archive_restore(struct pp_store *s, const char *job_id, int days,
	    const char *tier, struct pp_archive *out, struct pp_error *err);

#endif
