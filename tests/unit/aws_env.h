/*
 * For tests of lib/aws: an environment of the test's own, and the server that
 * recomputes signatures.
 */
#ifndef PP_TESTS_UNIT_AWS_ENV_H
#define PP_TESTS_UNIT_AWS_ENV_H

#include <sys/types.h>

#include "aws/aws.h"

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

struct verifier {
	pid_t pid;
	char url[64];
};

/* Skips the test aloud where there is no python3. */
void	verifier_start(struct verifier *v, const char *access,
	    const char *secret, const char *token);
void	verifier_stop(struct verifier *v);

#endif
