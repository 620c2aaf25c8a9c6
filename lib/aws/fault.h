/*
 * What a service says went wrong: one struct for the error documents of all
 * of them. JSON protocols name the error in `__type`, in the header
 * x-amzn-ErrorType or in `code`; query protocols and S3 send XML, of which
 * only the leaves Code, Message and RequestId are looked for. A reply without
 * a body (HEAD) is known by its status alone.
 */
#ifndef PP_AWS_FAULT_H
#define PP_AWS_FAULT_H

#include <stdbool.h>

#include "base/error.h"
#include "net/http.h"

/* What kind of failure it is, and with that what may be done about it. */
enum pp_aws_class {
	PP_AWS_OK,
	PP_AWS_NOT_MODIFIED,	/* 304 */
	PP_AWS_THROTTLED,	/* too fast; passes */
	PP_AWS_TRANSIENT,	/* failed there, or never got there; passes */
	PP_AWS_AMBIGUOUS,	/* sent, no whole reply: it may be done */
	PP_AWS_SKEWED,		/* our clock is wrong, or the signature */
	PP_AWS_EXPIRED,		/* the credentials have run out */
	PP_AWS_DENIED,		/* credentials missing, wrong, or without the
				 * right to do this */
	PP_AWS_NOT_FOUND,	/* no such key, table, bucket, job ... */
	PP_AWS_CONFLICT,	/* a condition did not hold: 412, 409,
				 * ConditionalCheckFailedException ... */
	PP_AWS_REJECTED,	/* the request is wrong */
	PP_AWS_CANCELLED	/* by pp_aws_cancel() */
};

struct pp_aws_fault {
	enum pp_aws_class class;
	char code[128];		/* "ConditionalCheckFailedException"; "" */
	char message[512];	/* one line; "" */
	char request_id[96];	/* "" */
};

/* Fill `f` from a reply of any status and outcome. */
void	pp_aws_fault_read(struct pp_aws_fault *f, const struct pp_http_reply *r);

/* Whether its code is `code`. */
bool	pp_aws_fault_is(const struct pp_aws_fault *f, const char *code);

/*
 * Say it in `err`, with the code that fits its class: "dynamodb: Throttling-
 * Exception: slow down (request 4f2a...)". `what` stands before it. Returns -1.
 */
int	pp_aws_fault_error(const struct pp_aws_fault *f, const char *what,
	    struct pp_error *err);

/* PP_ECONFLICT for PP_AWS_CONFLICT and so on. */
enum pp_code pp_aws_class_code(enum pp_aws_class class);

#endif
