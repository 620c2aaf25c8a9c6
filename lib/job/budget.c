#include <config.h>

#include "job/budget.h"

#include <assert.h>

#include "base/money.h"

int64_t
pp_budget_free(const struct pp_budget *b)
{
	int64_t used = pp_money_add(pp_money_add(b->settled_nusd,
					b->unproven_nusd),
	    b->reserved_nusd);

	return used < b->granted_nusd ? b->granted_nusd - used : 0;
}

int
pp_budget_reserve(struct pp_budget *b, int64_t most_nusd, struct pp_error *err)
{
	char need[PP_MONEY_TEXT_BYTES], left[PP_MONEY_TEXT_BYTES];

	assert(most_nusd >= 0);
	if (most_nusd > pp_budget_free(b))
		return pp_error_set(err, PP_EBUDGET,
		    "a call may cost %s US dollars and %s are left",
		    pp_money_format(most_nusd, need),
		    pp_money_format(pp_budget_free(b), left));
	b->reserved_nusd += most_nusd;
	return 0;
}

void
pp_budget_settle(struct pp_budget *b, int64_t reserved_nusd, int64_t cost_nusd,
    int64_t unproven_nusd)
{
	assert(b->reserved_nusd >= reserved_nusd);
	b->reserved_nusd -= reserved_nusd;
	b->settled_nusd = pp_money_add(b->settled_nusd, cost_nusd);
	b->unproven_nusd = pp_money_add(b->unproven_nusd, unproven_nusd);
}
