/*
 * What became of calls, counted by class.
 */
#ifndef PP_JOB_TALLY_H
#define PP_JOB_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "model/invoke.h"

struct pp_tally {
	int64_t of[PP_NCALL_CLASSES];
};

void	pp_tally_add(struct pp_tally *t, const struct pp_tally *more);

int64_t	pp_tally_sum(const struct pp_tally *t);

/* {"ok":398,"throttle":10}: what is not 0. */
void	pp_tally_put_json(const struct pp_tally *t, struct pp_buf *out);

/* NULL, and a class that is missing, is 0. False: `v` is no tally. */
bool	pp_tally_from_json(const struct pp_json *v, struct pp_tally *t);

/* For people: "398 ok, 10 throttle"; "none". Appended. */
void	pp_tally_show(const struct pp_tally *t, struct pp_buf *out);

#endif
