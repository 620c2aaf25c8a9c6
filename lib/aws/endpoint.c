/*
 * Where services are. The table of partitions is that of the SDKs'
 * partitions.json; a region that none of them claims is of the first.
 */
#include <config.h>

#include <string.h>

#include "aws/aws_int.h"
#include "base/str.h"

/* Transient failures: 50 ms at first, 25 for DynamoDB, which answers in 5. */
#define DELAY_US 50000
#define DYNAMODB_DELAY_US 25000

const struct pp_aws_service_info pp_aws_services[PP_AWS_NSERVICES] = {
	[PP_AWS_DYNAMODB] = { "dynamodb", "dynamodb", "dynamodb", "DYNAMODB",
	    "dynamodb", 4, DYNAMODB_DELAY_US, true, false },
	[PP_AWS_S3] = { "s3", "s3", "s3", "S3", "s3", 3, DELAY_US, true,
	    false },
	[PP_AWS_STS] = { "sts", "sts", "sts", "STS", "sts", 3, DELAY_US, true,
	    false },
	[PP_AWS_SNS] = { "sns", "sns", "sns", "SNS", "sns", 3, DELAY_US, true,
	    false },
	[PP_AWS_ECS] = { "ecs", "ecs", "ecs", "ECS", "ecs", 3, DELAY_US, true,
	    false },
	[PP_AWS_BEDROCK] = { "bedrock", "bedrock", "bedrock", "BEDROCK",
	    "bedrock", 3, DELAY_US, false, true },
	[PP_AWS_BEDROCK_RUNTIME] = { "bedrock-runtime", "bedrock",
	    "bedrock-runtime", "BEDROCK_RUNTIME", "bedrock_runtime", 3,
	    DELAY_US, false, true },
	[PP_AWS_LOGS] = { "logs", "logs", "logs", "CLOUDWATCH_LOGS",
	    "cloudwatch_logs", 3, DELAY_US, true, false },
	[PP_AWS_CLOUDFORMATION] = { "cloudformation", "cloudformation",
	    "cloudformation", "CLOUDFORMATION", "cloudformation", 3, DELAY_US,
	    true, false },
};

static const struct pp_partition partitions[] = {
	{ "aws", "", "amazonaws.com", "api.aws" },
	{ "aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn" },
	{ "aws-us-gov", "us-gov-", "amazonaws.com", "api.aws" },
	{ "aws-eusc", "eusc-", "amazonaws.eu", "api.amazonwebservices.eu" },
	{ "aws-iso", "us-iso-", "c2s.ic.gov", NULL },
	{ "aws-iso-b", "us-isob-", "sc2s.sgov.gov", NULL },
	{ "aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", NULL },
	{ "aws-iso-f", "us-isof-", "csp.hci.ic.gov", NULL },
};

const struct pp_partition *
pp_partition_of(const char *region)
{
	size_t n = sizeof partitions / sizeof partitions[0];

	for (size_t i = 1; i < n; i++)
		if (pp_starts_with(region, partitions[i].prefix))
			return &partitions[i];
	return &partitions[0];
}

const char *
pp_aws_service_name(enum pp_aws_service service)
{
	return pp_aws_services[service].name;
}

/*
 * Whether a bucket can be a part of a host name that a certificate for
 * "*.s3..." covers: no dots, 3 to 63 of a-z 0-9 and dashes inside.
 */
static bool
is_host_label(const char *bucket)
{
	size_t n = strlen(bucket);

	return n >= 3 && n <= 63 && bucket[0] != '-' && bucket[n - 1] != '-' &&
	    strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static bool
wants_virtual_host(const struct pp_aws *a, const char *bucket, bool own_url)
{
	const char *style;

	if (bucket == NULL || !is_host_label(bucket))
		return false;
	style = pp_aws_setting(a, "s3.addressing_style");
	if (style != NULL && strcmp(style, "path") == 0)
		return false;
	if (style != NULL && strcmp(style, "virtual") == 0)
		return true;
	return !own_url;
}

/* The user's URL, with the bucket before its host or behind it. */
static int
put_own_url(const struct pp_aws *a, enum pp_aws_service service,
    const char *bucket, struct pp_buf *url, struct pp_error *err)
{
	const char *own = a->endpoint_urls[service];
	const char *host = strstr(own, "://");
	size_t n = strlen(own);

	if (a->fips || a->dual_stack)
		return pp_error_set(err, PP_ECONFIG,
		    "%s has an endpoint of its own, which goes with neither "
		    "FIPS nor dual stack",
		    pp_aws_service_name(service));
	while (n > 0 && own[n - 1] == '/')
		n--;
	if (host != NULL && wants_virtual_host(a, bucket, true)) {
		host += strlen("://");
		pp_buf_add(url, own, (size_t)(host - own));
		pp_buf_addf(url, "%s.", bucket);
		pp_buf_add(url, host, n - (size_t)(host - own));
		return 0;
	}
	pp_buf_add(url, own, n);
	if (bucket != NULL)
		pp_buf_addf(url, "/%s", bucket);
	return 0;
}

/* S3 says dual stack in the name, others by another domain. */
static void
put_host(const struct pp_aws *a, enum pp_aws_service service,
    struct pp_buf *url)
{
	bool s3 = service == PP_AWS_S3;

	pp_buf_adds(url, pp_aws_services[service].prefix);
	if (a->fips)
		pp_buf_adds(url, "-fips");
	if (a->dual_stack && s3)
		pp_buf_adds(url, ".dualstack");
	pp_buf_addf(url, ".%s.%s", a->region,
	    a->dual_stack && !s3 ? a->partition->dual_suffix :
				   a->partition->suffix);
}

int
pp_aws_endpoint(const struct pp_aws *a, enum pp_aws_service service,
    const char *bucket, struct pp_buf *url, struct pp_error *err)
{
	if (a->endpoint_urls[service] != NULL)
		return put_own_url(a, service, bucket, url, err);
	if (!pp_aws_services[service].in_china &&
	    strcmp(a->partition->name, "aws-cn") == 0)
		return pp_error_set(err, PP_ECONFIG, "there is no %s in %s",
		    pp_aws_service_name(service), a->region);
	if (a->dual_stack && a->partition->dual_suffix == NULL)
		return pp_error_set(err, PP_ECONFIG,
		    "there is no dual stack in %s", a->region);
	pp_buf_adds(url, "https://");
	if (wants_virtual_host(a, bucket, false)) {
		pp_buf_addf(url, "%s.", bucket);
		bucket = NULL;
	}
	put_host(a, service, url);
	if (bucket != NULL)
		pp_buf_addf(url, "/%s", bucket);
	return 0;
}
