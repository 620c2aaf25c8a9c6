/*
 * How credentials are found. A plan is made from the environment and the
 * profile: a source of keys, and the roles to be assumed with them, one after
 * the other. Carrying it out is one fetch; each source is a function that
 * begins, and ends by calling pp_cred_got() or pp_cred_failed().
 */
#ifndef PP_AWS_CRED_INT_H
#define PP_AWS_CRED_INT_H

#include <sys/types.h>

#include "aws/aws_int.h"
#include "aws/credentials.h"
#include "aws/request.h"

#define PP_MAX_ROLES 8

struct pp_cred_role {
	const char *arn, *session_name, *external_id, *duration;
};

/* Strings are borrowed from the environment and the profiles. */
struct pp_cred_plan {
	void (*begin)(struct pp_aws_chain *c);
	const char *profile;			/* that the source is in */
	struct pp_cred_role identity;		/* web identity: the role */
	const char *token_file;
	struct pp_cred_role roles[PP_MAX_ROLES];
	size_t role_count;
};

struct pp_cred_waiter {
	pp_aws_keys_fn *fn;
	void *arg;
};

struct pp_aws_chain {
	struct pp_aws *aws;
	struct pp_aws_keys keys;		/* access_key NULL: none yet */
	int64_t fetched_ms;			/* wall clock */
	bool stale;				/* said to have expired */
	struct pp_error err;			/* of the last fetch */
	int64_t failed_us;			/* boot clock; 0: it did not */

	struct pp_cred_waiter *waiters;
	size_t waiter_count, waiter_cap;
	struct pp_timer timer;			/* to call them */

	/* of the fetch under way */
	bool fetching;
	struct pp_cred_plan plan;
	size_t next_role;
	struct pp_aws_keys got;			/* so far */
	struct pp_http_exchange *exchange;
	struct pp_aws_send *send;
	struct pp_timer pause;
	int tries;
	char *url;				/* what is being asked */
	char *token;				/* a header line, secret */
	pid_t child;
	int child_fd;				/* -1: none */
	struct pp_buf child_text;
	int64_t child_deadline_us;
};

/* A source is done; takes the keys, `source` and all. */
void	pp_cred_got(struct pp_aws_chain *c, struct pp_aws_keys *keys);
void	pp_cred_failed(struct pp_aws_chain *c, enum pp_code code,
	    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Keys from a JSON object. `token` names the member of the session token; the
 * end is RFC 3339 in "Expiration". 0, or -1 with PP_EAUTH.
 */
struct pp_json;
int	pp_cred_read_json(const struct pp_json *o, const char *token,
	    struct pp_aws_keys *keys, struct pp_error *err);

/* The sources. */
void	pp_cred_environment(struct pp_aws_chain *c);
void	pp_cred_static(struct pp_aws_chain *c);
void	pp_cred_web_identity(struct pp_aws_chain *c);
void	pp_cred_process(struct pp_aws_chain *c);
void	pp_cred_sso(struct pp_aws_chain *c);
void	pp_cred_container(struct pp_aws_chain *c);
void	pp_cred_instance(struct pp_aws_chain *c);

/* Assume roles[next_role] with the keys got so far. */
void	pp_cred_assume(struct pp_aws_chain *c);

/* End what the sources have under way. */
void	pp_cred_process_stop(struct pp_aws_chain *c);

/* Words of a command line as a shell splits it; ended by NULL. -1: quotes. */
int	pp_cred_split(const char *line, char ***words, struct pp_error *err);
void	pp_cred_words_free(char **words);

#endif
