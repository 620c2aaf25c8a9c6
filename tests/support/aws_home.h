/*
 * The tables and the bucket of an AWS home, made and removed where there is
 * neither CloudFormation nor a console. The schema is the one that infra/ has.
 */
#ifndef PP_TESTS_AWS_HOME_H
#define PP_TESTS_AWS_HOME_H

#include <stdio.h>

#include "aws/aws.h"
#include "base/error.h"

int	aws_home_make(struct pp_aws *a, const char *prefix,
	    const char *bucket, struct pp_error *err);
/* From now on the bucket keeps versions of its objects. */
int	aws_home_version(struct pp_aws *a, const char *bucket,
	    struct pp_error *err);
/* Print what the bucket says to GET ?QUERY. */
int	aws_home_query(struct pp_aws *a, const char *bucket,
	    const char *query, FILE *out, struct pp_error *err);
/* The tables; with `objects` also the bucket and what is in it. */
int	aws_home_drop(struct pp_aws *a, const char *prefix,
	    const char *bucket, bool objects, struct pp_error *err);

#endif
