#include <config.h>

#include "aws/retry.h"

#define TRANSIENT_COST 14
#define THROTTLED_COST 5
#define THROTTLED_BASE_US 1000000
#define MAX_DELAY_US 20000000
#define MAX_ASKED_US 5000000

bool pp_retry_may_help(enum pp_aws_class class)
{
	return class == PP_AWS_THROTTLED || class == PP_AWS_TRANSIENT ||
	    class == PP_AWS_AMBIGUOUS;
}

bool
pp_retry_take(int *tokens, enum pp_aws_class class, int *taken)
{
	int cost = class == PP_AWS_THROTTLED ? THROTTLED_COST : TRANSIENT_COST;

	if (*tokens < cost)
		return false;
	*tokens -= cost;
	*taken = cost;
	return true;
}

void
pp_retry_give(int *tokens, int taken)
{
	*tokens += taken > 0 ? taken : 1;
	if (*tokens > PP_RETRY_TOKENS)
		*tokens = PP_RETRY_TOKENS;
}

int64_t
pp_retry_delay_us(struct pp_rand *rand, enum pp_aws_class class,
    int64_t base_us, int i, int64_t asked_ms)
{
	int64_t most = class == PP_AWS_THROTTLED ? THROTTLED_BASE_US : base_us;
	int64_t delay, asked;

	while (i-- > 0 && most < MAX_DELAY_US)
		most *= 2;
	if (most > MAX_DELAY_US)
		most = MAX_DELAY_US;
	delay = (int64_t)(pp_rand_double(rand) * (double)most);
	if (asked_ms < 0)
		return delay;
	asked = asked_ms < INT32_MAX ? asked_ms * 1000 : INT32_MAX;
	if (asked > delay + MAX_ASKED_US)
		asked = delay + MAX_ASKED_US;
	return asked > delay ? asked : delay;
}
