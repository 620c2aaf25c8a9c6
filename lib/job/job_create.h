/*
 * Making a job: everything that can be checked before money is spent is
 * checked, then what the job runs on is pinned in its config, and it is queued.
 */
#ifndef PP_JOB_JOB_CREATE_H
#define PP_JOB_JOB_CREATE_H

#include "base/error.h"
#include "base/id.h"
#include "job/job_spec.h"
#include "model/catalog.h"
#include "store/store.h"
#include "template/recipe.h"

/*
 * Check and queue it. The template compiles; every record of every seed set
 * has the fields that it needs; each step has a model that has a price and can
 * be called; there is a budget if any of them costs money, and the first call
 * fits into it.
 *
 * Returns 0 and the new job's id; or that of the job that the same idempotency
 * key made before, and 1, or 2 when its settings are other ones. -1 with PP_EUSAGE, PP_ENOENT, PP_EDATA (the
 * template, a seed), PP_ECONFIG (a model), PP_EBUDGET, PP_EIO ... `findings`
 * (may be NULL) gets what is said of the template, warnings too.
 */
int	pp_job_create(struct pp_store *s, const struct pp_catalog *catalog,
	    const char *user_id, const struct pp_job_spec *spec,
	    struct pp_findings *findings, char job_id[PP_ID_BYTES],
	    struct pp_error *err);

#endif
