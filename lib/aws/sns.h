/*
 * SNS: tell a topic.
 */
#ifndef PP_AWS_SNS_H
#define PP_AWS_SNS_H

#include "aws/aws.h"

/*
 * Publish. The subject is cut to what SNS takes: 100 characters of ASCII. As
 * pp_aws_call(); PP_ECONFIG: `topic` is not the ARN of one. The topic's region
 * must be the context's.
 */
int	pp_sns_publish(struct pp_aws *a, const char *topic,
	    const char *subject, const char *message, struct pp_error *err);

#endif
