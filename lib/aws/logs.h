/*
 * CloudWatch Logs: what tasks have written to a group of logs.
 */
#ifndef PP_AWS_LOGS_H
#define PP_AWS_LOGS_H

#include <stdint.h>

#include "aws/aws.h"

struct pp_logs_filter {
	const char *group;
	const char *text;		/* events that have this in them */
	int64_t since_ms;		/* wall clock; from then on */
};

/* All borrowed until the callback returns. */
struct pp_logs_event {
	const char *id;			/* no other event has it */
	const char *message;
	int64_t at_ms;			/* wall clock, by who wrote it */
};

/* 0 to go on, -1 with `err`. */
typedef int pp_logs_fn(void *arg, const struct pp_logs_event *e,
	    struct pp_error *err);

/*
 * FilterLogEvents: every page, events in order of time within a page. An event
 * that is still on its way is not there: ask again from a little earlier, and
 * leave out the ids that have been seen. PP_ENOENT: no such group.
 */
int	pp_logs_filter(struct pp_aws *a, const struct pp_logs_filter *f,
	    pp_logs_fn *fn, void *arg, struct pp_error *err);

#endif
