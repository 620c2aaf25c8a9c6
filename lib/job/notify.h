/*
 * A word to people when a job has ended or is back from the archive, by a topic
 * of SNS.
 */
#ifndef PP_JOB_NOTIFY_H
#define PP_JOB_NOTIFY_H

#include "base/error.h"
#include "store/store.h"

/*
 * "sns:ARN", or the ARN alone; the ARN is borrowed from `text`. NULL with
 * PP_EUSAGE: it is none.
 */
const char *pp_notify_topic(const char *text, struct pp_error *err);

/*
 * Tell the topic that the job has ended: a subject for people, and the job as
 * `pp-job show --json` has it, with its record read now. Waits for SNS.
 */
int	pp_notify_end(const char *topic, struct pp_store *s,
	    const char *job_id, struct pp_error *err);

/* The same when what was archived of a job can be read again. */
int	pp_notify_restored(const char *topic, struct pp_store *s,
	    const char *job_id, struct pp_error *err);

#endif
