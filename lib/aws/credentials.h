/*
 * Whose name calls are signed in. The first of these that is there counts, as
 * in the SDKs; what is there and wrong is an error, not the next one's turn:
 *
 *	the environment		AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 *				AWS_SESSION_TOKEN (not with a profile that
 *				the options of the context name)
 *	web identity		AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN
 *	the profile		role_arn with source_profile or
 *				credential_source; its keys; sso_session;
 *				credential_process
 *	a container's endpoint	AWS_CONTAINER_CREDENTIALS_RELATIVE_URI,
 *				..._FULL_URI
 *	the instance		IMDSv2, unless AWS_EC2_METADATA_DISABLED
 *
 * Credentials that end are fetched anew from 15 minutes before, by one fetch
 * whatever the number of calls; from 10 minutes before, calls wait for it.
 * (From a quarter and a sixth of their life, when that is shorter.)
 */
#ifndef PP_AWS_CREDENTIALS_H
#define PP_AWS_CREDENTIALS_H

#include "aws/aws.h"
#include "aws/sigv4.h"

/*
 * `keys` is borrowed until the callback returns, or NULL with `err`:
 * PP_EAUTH (there are none, or they were refused), PP_ECONFIG, PP_EUNAVAIL.
 */
typedef void pp_aws_keys_fn(void *arg, const struct pp_aws_keys *keys,
	    const struct pp_error *err);

/*
 * The keys that are good now, borrowed until the loop's next turn; NULL when
 * they must be waited for. Begins a fetch when one is due.
 */
const struct pp_aws_keys *pp_aws_keys_now(struct pp_aws *a);

/* Wait for keys; `fn` is called once, from the loop. */
void	pp_aws_keys_wait(struct pp_aws *a, pp_aws_keys_fn *fn, void *arg);

/* Take `fn` with `arg` off the list of those that wait. */
void	pp_aws_keys_leave(struct pp_aws *a, pp_aws_keys_fn *fn, void *arg);

/* A service said that they have expired: fetch anew before the next use. */
void	pp_aws_keys_expired(struct pp_aws *a);

/*
 * Find them and wait; `source` (may be NULL) gets where from. For programs
 * that want to fail early. As pp_aws_call().
 */
int	pp_aws_keys_find(struct pp_aws *a, char *source, size_t size,
	    struct pp_error *err);

#endif
