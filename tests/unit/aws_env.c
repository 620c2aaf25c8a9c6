#include <config.h>

#include "test.h"

#include "aws_env.h"

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

/* ---- services with a script ---- */

struct world
world_begin(const struct script *replies, size_t count)
{
	struct world w = { .server = scripted_start_in_order(replies, count),
		.err = PP_ERROR_INIT };

	env_clear();
	env_set("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
	env_set("AWS_SECRET_ACCESS_KEY", "secret");
	env_set("AWS_ENDPOINT_URL", scripted_url(w.server));
	w.aws = env_aws();
	w.s3 = pp_s3_new(w.aws, "bkt", &w.err);
	assert_non_null(w.s3);
	return w;
}

void
world_end(struct world *w)
{
	pp_s3_free(w->s3);
	pp_aws_free(w->aws);
	scripted_stop(w->server);
}

const char *
world_body(struct world *w)
{
	return strstr(scripted_last(w->server), "\r\n\r\n") + 4;
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

/* ---- without credentials ---- */

struct plain {
	int status; /* 0: not there yet */
	struct pp_buf *body;
};

static void
on_plain_reply(void *arg, const struct pp_http_reply *r)
{
	struct plain *p = arg;

	p->status = r->outcome == PP_HTTP_ANSWERED ? r->status : -1;
	if (p->body != NULL)
		pp_buf_set(p->body, r->body, r->body_len);
}

int
plain_request(const char *method, const char *url, const char *const *headers,
    struct pp_buf *body)
{
	struct pp_http_options o = { .max_in_flight = 1 };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_loop *loop = pp_loop_new(&err);
	struct pp_http *http = pp_http_new(loop, &o, &err);
	struct pp_http_request r = {
		.method = method, .url = url, .headers = headers
	};
	struct plain p = { .body = body };

	assert_non_null(pp_http_send(http, &r, on_plain_reply, &p, &err));
	while (p.status == 0)
		assert_ok(pp_loop_turn(loop, -1, &err), err);
	pp_http_free(http);
	pp_loop_free(loop);
	return p.status;
}
