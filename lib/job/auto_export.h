/*
 * The export that a job asked for with --export, made by the worker that
 * completes it.
 */
#ifndef PP_JOB_AUTO_EXPORT_H
#define PP_JOB_AUTO_EXPORT_H

#include <stdbool.h>

#include "base/error.h"
#include "job/config.h"
#include "net/loop.h"
#include "store/store.h"

/*
 * Make it in a process of its own, while the loop turns and leases are
 * renewed. An export is whole or not there, so doing it again after a crash is
 * harmless. `stop` is asked at each turn; true ends it. 0 when it is made (or
 * none was asked for), -1 with the reason; PP_ETEMP when it was stopped.
 */
int	pp_auto_export(struct pp_store *s, struct pp_loop *loop,
	    const struct pp_job_config *config, bool (*stop)(void *arg),
	    void *arg, struct pp_error *err);

#endif
