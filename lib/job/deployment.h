/*
 * The names of what infra/scripts/deploy.sh has made: from the environment,
 * variable by variable, or else from the outputs.json that it leaves ($PP_OUTPUTS
 * or the current folder's), if that is of the bucket that PP_STORE names.
 *
 *	PP_ECS_CLUSTER			ClusterName
 *	PP_ECS_TASK_DEFINITION		TaskDefinition
 *	PP_ECS_SUBNETS			PublicSubnetIds
 *	PP_ECS_SECURITY_GROUPS		TaskSecurityGroupId
 *	PP_LOG_GROUP			LogGroupName
 */
#ifndef PP_JOB_DEPLOYMENT_H
#define PP_JOB_DEPLOYMENT_H

#include "base/error.h"

struct pp_deployment;

/*
 * A file that is not there, or is of another bucket, is none; one that
 * PP_OUTPUTS names must be there and be right: PP_ECONFIG. Returns owned, or
 * NULL.
 */
struct pp_deployment *pp_deployment_open(struct pp_error *err);
void	pp_deployment_free(struct pp_deployment *d);

/* NULL when it is nowhere. Borrowed. */
const char *pp_deployment_get(const struct pp_deployment *d,
	    const char *variable);

/* The same, which has to be there: `what` is not possible without. */
int	pp_deployment_need(const struct pp_deployment *d,
	    const char *variable, const char *what, const char **out,
	    struct pp_error *err);

#endif
