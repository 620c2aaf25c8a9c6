/*
 * For tests of lib/aws: an environment of the test's own, services that answer
 * by a script, and the server that recomputes signatures.
 */
#ifndef PP_TESTS_UNIT_AWS_ENV_H
#define PP_TESTS_UNIT_AWS_ENV_H

#include <sys/types.h>

#include "aws/aws.h"
#include "aws/s3.h"
#include "base/error.h"
#include "server.h"

/* Forget all variables; HOME becomes an empty folder, made once. */
void	env_clear(void);

/* Copied; "name" without '=' is not there. */
void	env_set(const char *name, const char *value);

/* For pp_aws_options. */
const char *env_get(const char *name);

/* A file below HOME, with its folders. */
void	env_write(const char *path, const char *text);

/* A context in it, which must be made. */
struct pp_aws *env_aws(void);

/* A context whose services are one server with a script. */
struct world {
	struct scripted *server;
	struct pp_aws *aws;
	struct pp_s3 *s3;		/* the bucket "bkt" */
	struct pp_error err;
};

struct world world_begin(const struct script *replies, size_t count);
void	world_end(struct world *w);

/* The body of the last request, as scripted_last(). */
const char *world_body(struct world *w);

struct verifier {
	pid_t pid;
	char url[64];
};

/* Skips the test aloud where there is no python3; `token` may be NULL. */
void	verifier_start(struct verifier *v, const char *access,
	    const char *secret, const char *token);
void	verifier_stop(struct verifier *v);

/*
 * A request as of anybody, without credentials. The status, or -1; `body` (may
 * be NULL) gets the reply's.
 */
int	plain_request(const char *method, const char *url,
	    const char *const *headers, struct pp_buf *body);

#endif
