#include <config.h>

#include "job/launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rand.h"
#include "job/deployment.h"

/* A dispatcher that finds the same again after this long starts anew. */
#define WINDOW_MS (5 * 60 * 1000)
#define QUEUE_STARTER "pp-job-dispatch"

struct pp_launcher {
	struct pp_aws *aws;
	struct pp_deployment *deployment;
	const char *cluster, *task_definition, *subnets, *security_groups;
	const char *container;
	bool public_ip;
};

static const char *
setting(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : otherwise;
}

static int
find_names(struct pp_launcher *l, struct pp_error *err)
{
	const struct {
		const char *variable, **out;
	} needed[] = { { "PP_ECS_CLUSTER", &l->cluster },
		{ "PP_ECS_TASK_DEFINITION", &l->task_definition },
		{ "PP_ECS_SUBNETS", &l->subnets } };

	l->deployment = pp_deployment_open(err);
	if (l->deployment == NULL)
		return -1;
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		if (pp_deployment_need(l->deployment, needed[i].variable,
			"tasks cannot be started or stopped from here",
			needed[i].out, err) < 0)
			return -1;
	l->security_groups = pp_deployment_get(l->deployment,
	    "PP_ECS_SECURITY_GROUPS");
	return 0;
}

struct pp_launcher *
pp_launcher_new(struct pp_error *err)
{
	struct pp_launcher *l = pp_calloc(1, sizeof *l);

	l->container = setting("PP_ECS_CONTAINER", "worker");
	l->public_ip = strcmp(setting("PP_ECS_PUBLIC_IP", "true"), "false") !=
	    0;
	if (find_names(l, err) == 0)
		l->aws = pp_aws_new(NULL, NULL, NULL, err);
	if (l->aws == NULL) {
		pp_launcher_free(l);
		return NULL;
	}
	return l;
}

void
pp_launcher_free(struct pp_launcher *l)
{
	if (l == NULL)
		return;
	pp_aws_free(l->aws);
	pp_deployment_free(l->deployment);
	free(l);
}

/*
 * RunTask takes ten at a time; each call has a token of its own, made of
 * `seed`, so that a call that is tried again is one call.
 */
static int
run(struct pp_launcher *l, struct pp_ecs_run *r, int count, const char *seed,
    struct pp_ecs_tasks *out, struct pp_error *err)
{
	int rc = 0;

	r->cluster = l->cluster;
	r->task_definition = l->task_definition;
	r->container = l->container;
	r->subnets = l->subnets;
	r->security_groups = l->security_groups;
	r->public_ip = l->public_ip;
	for (int part = 0; count > 0 && rc == 0; part++, count -= r->count) {
		char *text = pp_asprintf("%s %d", seed, part);
		char token[PP_SHA256_HEX_BYTES];

		pp_sha256_hex(text, strlen(text), token);
		free(text);
		r->client_token = token;
		r->count = count < PP_ECS_MAX_COUNT ? count : PP_ECS_MAX_COUNT;
		rc = pp_ecs_run(l->aws, r, out, err);
		r->client_token = NULL;
	}
	return rc;
}

int
pp_launch_job(struct pp_launcher *l, const char *job_id, int workers,
    const char *concurrency, bool on_demand, struct pp_ecs_tasks *out,
    struct pp_error *err)
{
	const char *command[] = { "--job", job_id,
		concurrency != NULL ? "--concurrency" : NULL, concurrency,
		NULL };
	struct pp_ecs_run r = {
		.on_demand = on_demand, .command = command, .started_by = job_id
	};
	struct pp_rand rand;
	char seed[64];

	memset(out, 0, sizeof *out);
	pp_rand_seed_any(&rand);
	snprintf(seed, sizeof seed, "%016llx%016llx",
	    (unsigned long long)pp_rand_next(&rand),
	    (unsigned long long)pp_rand_next(&rand));
	return run(l, &r, workers, seed, out, err);
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What is seen, as one text: the tasks there are, and what is to be added. */
static char *
queue_seed(struct pp_ecs_tasks *there, int64_t wanted)
{
	struct pp_buf seen = PP_BUF_INIT;

	if (there->count > 1)
		qsort(there->arns, there->count, sizeof *there->arns,
		    compare_texts);
	for (size_t i = 0; i < there->count; i++)
		pp_buf_addf(&seen, "%s ", there->arns[i]);
	pp_buf_addf(&seen, "%lld %lld", (long long)wanted,
	    (long long)(pp_clock_wall_ms() / WINDOW_MS));
	return pp_buf_detach(&seen, NULL);
}

int
pp_launch_queue(struct pp_launcher *l, int64_t queued, int64_t claimed, int max,
    bool on_demand, int64_t *running, struct pp_ecs_tasks *out,
    struct pp_error *err)
{
	struct pp_ecs_run r = { .on_demand = on_demand,
		.started_by = QUEUE_STARTER };
	struct pp_ecs_tasks there = { 0 };
	int64_t wanted = queued + claimed;
	char *seed;
	int rc = -1;

	memset(out, 0, sizeof *out);
	if (pp_ecs_list(l->aws, l->cluster, NULL, l->task_definition, &there,
		err) < 0)
		goto out;
	if (running != NULL)
		*running = (int64_t)there.count;
	if (wanted > max)
		wanted = max;
	wanted -= (int64_t)there.count;
	rc = 0;
	if (queued > 0 && wanted > 0) {
		seed = queue_seed(&there, wanted);
		rc = run(l, &r, (int)wanted, seed, out, err);
		free(seed);
	}
out:
	pp_ecs_tasks_release(&there);
	return rc;
}

int
pp_launch_stop(struct pp_launcher *l, const char *job_id, struct pp_error *err)
{
	struct pp_ecs_tasks tasks = { 0 };
	int stopped = 0;

	if (pp_ecs_list(l->aws, l->cluster, job_id, NULL, &tasks, err) < 0)
		stopped = -1;
	for (size_t i = 0; stopped >= 0 && i < tasks.count; i++) {
		if (pp_ecs_stop(l->aws, l->cluster, tasks.arns[i],
			"cancelled by pp-job", err) < 0)
			stopped = -1;
		else
			stopped++;
	}
	pp_ecs_tasks_release(&tasks);
	return stopped;
}
