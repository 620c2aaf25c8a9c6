/*
 * STS: who the credentials are.
 */
#ifndef PP_AWS_STS_H
#define PP_AWS_STS_H

#include "aws/aws.h"

struct pp_sts_identity {
	char *account;		/* "123456789012" */
	char *arn;		/* "arn:aws:sts::...:assumed-role/R/session" */
	char *user_id;
};

/* GetCallerIdentity. `out` is to be released. As pp_aws_call(). */
int	pp_sts_caller(struct pp_aws *a, struct pp_sts_identity *out,
	    struct pp_error *err);
void	pp_sts_identity_release(struct pp_sts_identity *i);

/*
 * A name out of the ARN, fit for pp_name_valid(): of a user, the user's; of
 * an assumed role, the role's, which is what IAM vouches for (the session's
 * name is whatever the caller said), but the session's where the role is one
 * of IAM Identity Center's, which puts the person there; "root". Bytes that
 * names have not become _XX. Returns owned.
 */
char	*pp_sts_name(const char *arn);

#endif
