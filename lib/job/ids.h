/*
 * Jobs as operands of a command: ids, or "-" for standard input with one id or
 * one job object (as pp-job prints them) a line.
 */
#ifndef PP_JOB_IDS_H
#define PP_JOB_IDS_H

#include "base/error.h"
#include "base/id.h"

/*
 * Call `fn` for each job, in order, as soon as its line is there. `fn` returns
 * 0 to go on; anything else ends it and is returned. 0 after the last; -1 with
 * PP_EUSAGE (an operand is no id) or PP_EDATA (a line is none, with its
 * number), or PP_EIO.
 */
int	pp_job_ids_each(int argc, char **argv,
	    int (*fn)(void *arg, const char *job_id, struct pp_error *err),
	    void *arg, struct pp_error *err);

#endif
