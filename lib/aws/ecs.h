/*
 * ECS: tasks on Fargate.
 */
#ifndef PP_AWS_ECS_H
#define PP_AWS_ECS_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/aws.h"

#define PP_ECS_MAX_COUNT 10	/* of one RunTask */
#define PP_ECS_TOKEN_BYTES 65	/* of a client token, with the NUL */

struct pp_ecs_run {
	const char *cluster, *task_definition;
	const char *container;		/* whose command is replaced */
	const char *subnets, *security_groups;	/* comma-separated */
	bool public_ip;
	bool on_demand;			/* FARGATE, which PP_ON_DEMAND tells
					 * the task; else FARGATE_SPOT */
	const char *const *command;	/* ended by NULL; NULL: the image's */
	int count;			/* 1 to PP_ECS_MAX_COUNT */
	const char *started_by;		/* at most 128 of A-Z a-z 0-9 - _ / */
	/*
	 * The same token with the same request within a day is the same
	 * tasks: at most 64 ASCII characters.
	 */
	const char *client_token;
};

/* What came of it: fewer tasks than asked for is no failure of the call. */
struct pp_ecs_tasks {
	char **arns;
	size_t count, cap;
	size_t failures;
	char *reason;			/* of the first failure; or NULL */
};

void	pp_ecs_tasks_release(struct pp_ecs_tasks *t);

/*
 * RunTask by capacity provider strategy. The tasks are added to `out`, which
 * is to be released, as are the failures. As pp_aws_call().
 */
int	pp_ecs_run(struct pp_aws *a, const struct pp_ecs_run *r,
	    struct pp_ecs_tasks *out, struct pp_error *err);

/*
 * The tasks that run or are about to: of `started_by`, or else of the family
 * that `task_definition` is of (one may be NULL). All pages, added to `out`.
 */
int	pp_ecs_list(struct pp_aws *a, const char *cluster,
	    const char *started_by, const char *task_definition,
	    struct pp_ecs_tasks *out, struct pp_error *err);

/* StopTask; a task that is gone already is no error. */
int	pp_ecs_stop(struct pp_aws *a, const char *cluster, const char *task,
	    const char *reason, struct pp_error *err);

/* What a task's metadata endpoint tells a program inside. */
struct pp_ecs_self {
	char task_arn[256];		/* "" outside of ECS */
	char cluster[256];
	char availability_zone[64];
	double vcpus, memory_mib;	/* 0: not told */
};

/*
 * Ask ECS_CONTAINER_METADATA_URI_V4; 0 with an empty struct where there is
 * none, -1 with PP_EUNAVAIL. Takes two seconds at most; needs no credentials
 * and no region.
 */
int	pp_ecs_self(struct pp_ecs_self *out, struct pp_error *err);

#endif
