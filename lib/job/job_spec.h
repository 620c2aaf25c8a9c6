/*
 * What somebody asks for when they create a job, before anything is checked
 * against templates, seeds or prices. Options of a command line and members of
 * a JSON object are the same settings:
 *
 *	template seeds rows budget model seed order max_failures priority
 *	checkpoint_rows export partition name idempotency_key shards
 */
#ifndef PP_JOB_JOB_SPEC_H
#define PP_JOB_JOB_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "job/config.h"
#include "job/routes.h"

struct pp_spec_seeds {
	char *name;		/* the name it is bound to; NULL: none */
	char *set;		/* "poems", "sample:poetry" */
};

struct pp_job_spec {
	char *template;
	struct pp_spec_seeds seeds[PP_MAX_SEED_SETS];
	size_t seeds_count;
	struct pp_routes routes;
	int64_t rows;			/* 0: not given */
	bool has_budget, has_seed;
	int64_t budget_nusd;
	uint64_t seed;
	enum pp_order order;
	int64_t max_failures;		/* -1: no limit */
	bool max_failures_percent;
	int priority, checkpoint_rows, shards;
	char *export_formats;		/* NULL: none */
	char *export_partition;		/* NULL: none */
	char *name;			/* NULL: none */
	char *idempotency_key;		/* NULL: none */
};

/* Fill in the documented defaults. */
void	pp_job_spec_init(struct pp_job_spec *s);
void	pp_job_spec_release(struct pp_job_spec *s);

/*
 * Set one. `key` is one of the names above; `what` names it in errors
 * ("--rows"). Settings that can be given several times add up. PP_EUSAGE.
 */
int	pp_job_spec_set(struct pp_job_spec *s, const char *key,
	    const char *value, const char *what, struct pp_error *err);

/*
 * Set what a JSON object says: a member is a text or a number; seeds, model
 * and export may be lists of texts; seeds and model also objects of name and
 * set, step and model. null is as if it were not there. PP_EDATA.
 */
int	pp_job_spec_set_json(struct pp_job_spec *s, const char *text,
	    size_t len, struct pp_error *err);

#endif
