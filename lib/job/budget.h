/*
 * Money of one shard while it runs. Before every call the most that it can
 * cost is reserved; after it, what it did cost is settled. A call is made only
 * while settled + unproven + reserved, and this call, stay within what was
 * granted: so the limit is a wall however many calls are in flight.
 */
#ifndef PP_JOB_BUDGET_H
#define PP_JOB_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct pp_budget {
	int64_t granted_nusd;	/* INT64_MAX: there is no limit */
	int64_t settled_nusd;	/* proven spent */
	int64_t unproven_nusd;	/* may have been spent, counts as spent */
	int64_t reserved_nusd;	/* for calls in flight */
};

/* What another call may cost at most. */
int64_t	pp_budget_free(const struct pp_budget *b);

/*
 * Set `most_nusd` (>= 0) aside for one call, before it is sent. Pair with
 * pp_budget_settle(). 0, or -1 with PP_EBUDGET and nothing set aside.
 */
int	pp_budget_reserve(struct pp_budget *b, int64_t most_nusd,
	    struct pp_error *err);

/* The call ended: replace its reservation by what it cost. */
void	pp_budget_settle(struct pp_budget *b, int64_t reserved_nusd,
	    int64_t cost_nusd, int64_t unproven_nusd);

#endif
