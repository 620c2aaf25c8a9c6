/*
 * A sample of a seed set: the same for the same seed, in the set's order, in
 * memory that does not depend on the set's size.
 */
#ifndef PP_JOB_SAMPLE_H
#define PP_JOB_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "job/seed.h"

/* As many groups may be told apart. */
#define PP_SAMPLE_MAX_GROUPS 10000

/* A share of the sample for the records of one group. */
struct pp_sample_weight {
	const char *value;
	int64_t weight;		/* >= 0, only the ratios count */
};

struct pp_sample_options {
	int64_t count;			/* records wanted */
	uint64_t seed;
	/*
	 * Path of the member whose value tells the group, or NULL. A record
	 * without it is of the group "".
	 */
	const char *by;
	/*
	 * Groups and their shares; without any, each group has the share
	 * that it has of the set. What is not named is not taken.
	 */
	const struct pp_sample_weight *weights;
	size_t weight_count;
};

/* Called with each record taken; a failure ends the sampling. */
typedef int pp_sample_fn(void *arg, const char *text, size_t len,
	    struct pp_error *err);

/*
 * Draw. Without groups every choice of records is equally likely. With groups
 * each has its quota, by largest remainder, and every choice within it is.
 * PP_EDATA when the set, or a group, has fewer records than are wanted of it.
 */
int	pp_sample(struct pp_seed_set *set, const struct pp_sample_options *o,
	    pp_sample_fn *take, void *arg, struct pp_error *err);

#endif
