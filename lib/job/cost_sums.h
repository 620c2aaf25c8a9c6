/*
 * What many jobs have cost over time, summed up from their cost rows. Each row
 * is what was spent since the row before it, by model, or what the workers' time
 * has cost (PP_COST_COMPUTE); the truth about a single job is its account
 * (account.h).
 */
#ifndef PP_JOB_COST_SUMS_H
#define PP_JOB_COST_SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/store.h"

enum pp_cost_by { PP_COST_BY_DAY, PP_COST_BY_MODEL, PP_COST_BY_JOB };

/* "day", "model", "job". 0, or -1. */
int	pp_cost_by_parse(const char *name, enum pp_cost_by *out);
const char *pp_cost_by_name(enum pp_cost_by by);

struct pp_cost_sum {
	char *key;		/* "2026-11-20" (UTC), a model, or a job's id */
	int64_t tokens_in, tokens_out;
	int64_t cost_nusd;
};

/* Zeroed at first. */
struct pp_cost_sums {
	struct pp_cost_sum *list;	/* sorted by key */
	size_t count, cap;
};

/*
 * Add up the cost rows of all jobs of the user, from `since_ms` on (0: all).
 * To be released also on failure.
 */
int	pp_cost_sums_collect(struct pp_store *s, const char *user_id,
	    enum pp_cost_by by, int64_t since_ms, struct pp_cost_sums *out,
	    struct pp_error *err);
void	pp_cost_sums_release(struct pp_cost_sums *sums);

#endif
