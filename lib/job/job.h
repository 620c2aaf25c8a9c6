/*
 * What one does with jobs that exist: look at one, wait for it, start workers
 * for it, read their logs and its failed rows, remove it.
 */
#ifndef PP_JOB_JOB_H
#define PP_JOB_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "job/config.h"
#include "job/tally.h"
#include "store/store.h"

/*
 * The job, if it is this user's; another's is PP_ENOENT, as one that is not
 * there. `out` is to be released.
 */
int	pp_job_get(struct pp_store *s, const char *user_id,
	    const char *job_id, struct pp_job *out, struct pp_error *err);

/*
 * What the record's config says. `out` is to be released, also on failure:
 * PP_EDATA.
 */
int	pp_job_read_config(const struct pp_job *job,
	    struct pp_job_config *out, struct pp_error *err);

/* All of it, from the object. To be released, also on failure. */
int	pp_job_load_config(struct pp_store *s, const char *job_id,
	    struct pp_job_config *out, struct pp_error *err);

/* "story@3", or the file's name. Returns owned. */
char	*pp_job_template_text(const struct pp_job_config *c);

/*
 * Append the job as one JSON object, without a newline: pp-record(5). A config
 * that cannot be read is left out.
 */
void	pp_job_put_json(const struct pp_job *job, const struct pp_tally *ended,
	    struct pp_buf *out);

/*
 * Wait until the job has ended, looking every half second at most. `seen` (may
 * be NULL) is called at each look. 1 and `*status`; 0 when `until_boot_ms` has
 * come (0: never comes); -1.
 */
int	pp_job_wait(struct pp_store *s, const char *user_id,
	    const char *job_id, int64_t until_boot_ms,
	    void (*seen)(void *arg, const struct pp_job *job), void *arg,
	    enum pp_job_status *status, struct pp_error *err);

/* What an end is told as: PP_OK, PP_EBUDGET, or PP_ENO for the others. */
enum pp_code pp_job_end_code(enum pp_job_status status);

/*
 * Call `fn` for each failed row's line (without a newline), in order of row.
 * It returns 0 to go on. PP_EDATA: a batch is damaged.
 */
int	pp_job_failed_rows(struct pp_store *s, const struct pp_job *job,
	    int (*fn)(void *arg, const char *line, size_t len,
	    struct pp_error *err), void *arg, struct pp_error *err);

/*
 * Remove an ended job with all that is kept of it: record, objects, logs,
 * journal, and generations of its seed sets that nobody else needs. What a
 * removal that died has left is removed by the next one. PP_ENO: it has not
 * ended. PP_ENOENT.
 */
int	pp_job_remove(struct pp_store *s, const char *user_id,
	    const char *job_id, struct pp_error *err);

/*
 * Embedded home: where a job's workers write their logs. Returns owned, or
 * NULL with PP_ECONFIG where the home has no folder.
 */
char	*pp_job_log_dir(struct pp_store *s, const char *job_id,
	    struct pp_error *err);

/* A worker that was started in the background. */
struct pp_started {
	int number;		/* of its log, from 1 */
	int64_t pid;
	char *log;		/* owned: the path of its log */
};

/*
 * Run `pp-worker --job ID` with `args` (NULL-ended, may be NULL) in the
 * background, in a session of its own, its stderr in the next free log.
 * `program` is the path of pp-worker. PP_ECREATE, PP_ENOENT (no such program).
 * `out->log` is to be freed.
 */
int	pp_job_start(struct pp_store *s, const char *job_id,
	    const char *program, const char *const *args,
	    struct pp_started *out, struct pp_error *err);

#endif
