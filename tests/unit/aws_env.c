#include <config.h>

#include "test.h"

#include "aws_env.h"
#include "server.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

#define MAX_VARIABLES 32

static struct {
	char *name, *value;
} variables[MAX_VARIABLES];
static size_t variable_count;
static char home[64];

static void
remove_home(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf '%s'", home);
	if (home[0] != '\0' && system(command) != 0)
		perror(command);
}

void
env_clear(void)
{
	if (home[0] != '\0')
		remove_home();
	else
		atexit(remove_home);
	strcpy(home, "/tmp/pp-aws-XXXXXX");
	assert_non_null(mkdtemp(home));
	while (variable_count > 0) {
		variable_count--;
		free(variables[variable_count].name);
		free(variables[variable_count].value);
	}
	env_set("HOME", home);
	env_set("AWS_REGION", "us-east-1");
	env_set("AWS_EC2_METADATA_DISABLED", "true");
}

void
env_set(const char *name, const char *value)
{
	for (size_t i = 0; i < variable_count; i++) {
		if (strcmp(variables[i].name, name) == 0) {
			free(variables[i].value);
			variables[i].value = pp_strdup(value);
			return;
		}
	}
	assert_true(variable_count < MAX_VARIABLES);
	variables[variable_count].name = pp_strdup(name);
	variables[variable_count++].value = pp_strdup(value);
}

const char *
env_get(const char *name)
{
	for (size_t i = 0; i < variable_count; i++)
		if (strcmp(variables[i].name, name) == 0)
			return variables[i].value;
	return NULL;
}

void
env_write(const char *path, const char *text)
{
	struct pp_error err = PP_ERROR_INIT;
	char *whole = pp_asprintf("%s/%s", home, path);
	char *slash = strrchr(whole, '/');

	*slash = '\0';
	assert_ok(pp_io_make_dirs(whole, 0700, &err), err);
	*slash = '/';
	assert_ok(pp_io_write_file(whole, text, strlen(text), 0600, &err), err);
	free(whole);
}

struct pp_aws *
env_aws(void)
{
	struct pp_aws_options o = { .env = env_get };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_aws *a = pp_aws_new(NULL, NULL, &o, &err);

	if (a == NULL)
		fail_msg("%s", err.text);
	return a;
}

/* ---- the server that checks signatures ---- */

void
verifier_start(struct verifier *v, const char *access, const char *secret,
    const char *token)
{
	char *script = pp_asprintf("%s/tests/support/verify_server.py",
	    getenv("PP_SRCDIR"));
	char *file = pp_asprintf("%s/port", home);
	const char *argv[] = { "python3", script, file, access, secret, token,
		NULL };
	int port = server_start(&v->pid, argv, file);

	if (port == 0) {
		print_message("# SKIP: no python3 to check signatures\n");
		skip();
	}
	snprintf(v->url, sizeof v->url, "http://127.0.0.1:%d", port);
	free(script);
	free(file);
}

void
verifier_stop(struct verifier *v)
{
	kill(v->pid, SIGKILL);
	waitpid(v->pid, NULL, 0);
}
