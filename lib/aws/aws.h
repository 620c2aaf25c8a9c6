/*
 * A context for talking to Amazon Web Services: where the services are, whose
 * credentials sign, how often a call is tried. It is filled as the SDKs fill
 * theirs, from the environment first and then from the profile in
 * ~/.aws/config and ~/.aws/credentials:
 *
 *	AWS_PROFILE  AWS_CONFIG_FILE  AWS_SHARED_CREDENTIALS_FILE
 *	AWS_REGION  AWS_DEFAULT_REGION
 *	AWS_ENDPOINT_URL  AWS_ENDPOINT_URL_<SERVICE>
 *	AWS_IGNORE_CONFIGURED_ENDPOINT_URLS
 *	AWS_USE_FIPS_ENDPOINT  AWS_USE_DUALSTACK_ENDPOINT
 *	AWS_CA_BUNDLE  AWS_MAX_ATTEMPTS
 *	HTTPS_PROXY  NO_PROXY	(in net/http.h)
 *
 * and those of aws/credentials.h. A context belongs to one thread, with its
 * loop; another thread makes its own.
 */
#ifndef PP_AWS_AWS_H
#define PP_AWS_AWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "net/http.h"
#include "net/loop.h"

struct pp_aws;

enum pp_aws_service {
	PP_AWS_DYNAMODB,
	PP_AWS_S3,
	PP_AWS_STS,
	PP_AWS_SNS,
	PP_AWS_ECS,
	PP_AWS_BEDROCK,			/* batch jobs, lists of models */
	PP_AWS_BEDROCK_RUNTIME,		/* calls of models */
	PP_AWS_LOGS,
	PP_AWS_CLOUDFORMATION,
	PP_AWS_NSERVICES
};

struct pp_aws_options {
	const char *profile;		/* NULL: the environment's */
	const char *region;		/* NULL: the environment's */
	int max_in_flight;		/* of an own pp_http; 0: 64 */
	/* getenv(3) or, in tests, something like it; NULL: getenv */
	const char *(*env)(const char *name);
};

/*
 * A context on `loop` and `http`, both borrowed. NULL for both: it has its
 * own, for programs and threads that do nothing beside waiting, which then
 * use pp_aws_call(). `o` may be NULL. Files are read now, credentials are
 * found with the first call. Returns owned, or NULL with PP_ECONFIG: files
 * that cannot be read, a profile or region that is not there.
 */
struct pp_aws *pp_aws_new(struct pp_loop *loop, struct pp_http *http,
	    const struct pp_aws_options *o, struct pp_error *err);

/* Cancels what is under way without calling back. Not from a callback. */
void	pp_aws_free(struct pp_aws *a);

/*
 * Whether calls of a service could be made from here, as far as can be told
 * without any: there is a region, and somewhere to take credentials from.
 * Appends the region's name to `region` (may be NULL). 0, or -1 with what is
 * missing.
 */
int	pp_aws_is_configured(enum pp_aws_service service,
	    struct pp_buf *region, struct pp_error *err);

/* Borrowed. */
struct pp_loop *pp_aws_loop(struct pp_aws *a);

const char *pp_aws_region(const struct pp_aws *a);	/* "eu-west-1" */
const char *pp_aws_partition(const struct pp_aws *a);	/* "aws", for ARNs */

/*
 * A scalar of the profile, such as "s3.addressing_style" for the indented
 * `addressing_style` below `s3 =`; NULL when it is not there. Borrowed.
 */
const char *pp_aws_setting(const struct pp_aws *a, const char *name);

/*
 * Where a service is: "https://dynamodb.eu-west-1.amazonaws.com", without a
 * slash at the end. `bucket` is for S3 alone, may be NULL, and stands before
 * the host, or behind it as "/bucket" where a host name cannot hold it or the
 * endpoint is one of the user's. PP_ECONFIG: FIPS or dual stack together with
 * an endpoint of the user's, a service that the partition has not.
 */
int	pp_aws_endpoint(const struct pp_aws *a, enum pp_aws_service service,
	    const char *bucket, struct pp_buf *url, struct pp_error *err);

/* "dynamodb"; for messages. */
const char *pp_aws_service_name(enum pp_aws_service service);

/*
 * The services' clock less our wall clock, in milliseconds, at the moment at
 * which our wall and boot clocks told these times; by the services' last reply
 * and the boot clock, so that it is right when the wall clock jumps before or
 * after. 0 while the two are less than four minutes apart.
 */
int64_t	pp_aws_clock_offset_ms(const struct pp_aws *a, int64_t wall_ms,
	    int64_t boot_ms);

#endif
