/*
 * A worker's sign of life, for those who ask from outside: a container's health
 * check. The worker writes a small file again and again; `pp-worker --health`
 * reads it. Life and progress are told apart: a worker whose loop turns may
 * still be getting nowhere.
 *
 * The file is one line of JSON: "alive" and "moved" are milliseconds of the
 * clock that counts since boot, "count" is whatever grows with the work. It
 * appears whole, and it is no more than a sign: that it cannot be written is
 * logged and ends nothing.
 */
#ifndef PP_JOB_HEALTH_H
#define PP_JOB_HEALTH_H

#include <stdint.h>

#include "base/error.h"

#define PP_HEALTH_ALIVE_MS 60000	/* silent for longer: dead or stuck */
#define PP_HEALTH_MOVED_MS 900000	/* no progress for longer: not well */

struct pp_health {
	const char *path;	/* borrowed; NULL: no sign is given */
	int64_t written_ms, moved_ms, count;
};

/*
 * The loop has turned. `count` is the work done so far; -1 says that there is
 * none to do, which is as good as progress. Writes once in five seconds.
 */
void	pp_health_beat(struct pp_health *h, int64_t count);

/* 0 when the worker of this file is well; -1, and what is wrong. */
int	pp_health_check(const char *path, struct pp_error *err);

#endif
