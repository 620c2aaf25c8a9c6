/*
 * What makes a JSON value a record: it is an object, no member is there twice,
 * every number has a finite double.
 */
#ifndef PP_JOB_SEED_CHECK_H
#define PP_JOB_SEED_CHECK_H

#include "base/error.h"
#include "base/json.h"

/*
 * Check the value that was read into `doc`. 0, or -1 with PP_EDATA; the error
 * has no place, but `*at` is the text that is wrong.
 */
int	pp_seed_check(const struct pp_json_doc *doc, const char **at,
	    struct pp_error *err);

#endif
