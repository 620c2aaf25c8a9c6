/*
 * What the parts of a context share.
 */
#ifndef PP_AWS_AWS_INT_H
#define PP_AWS_AWS_INT_H

#include "aws/aws.h"
#include "aws/profile.h"
#include "aws/sigv4.h"
#include "base/rand.h"

/* What differs between services. */
struct pp_aws_service_info {
	const char *name;		/* "dynamodb": for messages */
	const char *signing;		/* the name in signatures */
	const char *prefix;		/* of the host */
	const char *env;		/* AWS_ENDPOINT_URL_... */
	const char *section;		/* in [services x] */
	int max_attempts;
	int64_t delay_us;		/* first delay after a passing failure */
	bool in_china;			/* offered in the partition aws-cn */
	bool bearer;			/* takes AWS_BEARER_TOKEN_BEDROCK */
};

extern const struct pp_aws_service_info pp_aws_services[PP_AWS_NSERVICES];

struct pp_partition {
	const char *name;		/* "aws-cn" */
	const char *prefix;		/* of its regions, "cn-" */
	const char *suffix;		/* "amazonaws.com.cn" */
	const char *dual_suffix;	/* NULL: none */
};

const struct pp_partition *pp_partition_of(const char *region);

struct pp_aws_chain;			/* credentials.c */
struct pp_aws_send;

struct pp_aws {
	struct pp_loop *loop;
	struct pp_http *http;
	bool own_loop;
	const char *(*env)(const char *name);

	char *profile;			/* its name */
	bool profile_by_option;
	struct pp_profiles *profiles;

	char *region;
	const struct pp_partition *partition;
	bool fips, dual_stack;
	char *endpoint_urls[PP_AWS_NSERVICES];	/* the user's, or NULL */
	int max_attempts;		/* 0: the service's */
	char *bearer;			/* or NULL */

	struct pp_sigv4 *signer;
	int64_t clock_offset_ms;	/* the servers' clock less ours; of
					 * signatures */
	int64_t server_less_boot_ms;	/* ... less the boot clock, by the last
					 * reply with a date; 0: none yet */
	int retry_tokens;
	struct pp_rand rand;

	struct pp_aws_chain *chain;
	struct pp_aws_send *sends;	/* under way */
	struct pp_aws_send *free_sends;
};

/* A variable of the environment, or NULL when it is not set or empty. */
const char *pp_aws_env(const struct pp_aws *a, const char *name);

/* "true" in any case. */
bool	pp_aws_is_true(const char *text);

struct pp_aws_chain *pp_aws_chain_new(struct pp_aws *a);
void	pp_aws_chain_free(struct pp_aws_chain *c);

/* Whether a source of credentials is in sight. */
int	pp_aws_chain_check(struct pp_aws *a, struct pp_error *err);

/* Drop the calls that are under way. */
void	pp_aws_sends_free(struct pp_aws *a);

#endif
