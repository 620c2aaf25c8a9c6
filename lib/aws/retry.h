/*
 * When a call is tried again: the SDKs' standard mode, with the numbers that
 * they have since November 2026. The delay before retry i is a random part of
 * min(base x 2^i, 20 s), where the base is 50 ms for failures that pass (25
 * for DynamoDB) and 1 s for throttling. Each retry costs tokens of a bucket of
 * 500, which successes fill again, so that a service that is down is not
 * stormed.
 */
#ifndef PP_AWS_RETRY_H
#define PP_AWS_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/fault.h"
#include "base/rand.h"

#define PP_RETRY_TOKENS 500

/* Whether failures of this class pass by themselves. */
bool	pp_retry_may_help(enum pp_aws_class class);

/* Take the tokens for one retry; false: there are not enough. */
bool	pp_retry_take(int *tokens, enum pp_aws_class class, int *taken);

/* A success: give back what the last retry cost, or one token. */
void	pp_retry_give(int *tokens, int taken);

/*
 * Microseconds to wait before retry `i` (from 0), the service having asked
 * for `asked_ms` (-1: it did not), which is granted up to 5 s more.
 */
int64_t	pp_retry_delay_us(struct pp_rand *rand, enum pp_aws_class class,
	    int64_t base_us, int i, int64_t asked_ms);

#endif
