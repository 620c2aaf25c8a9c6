#include <config.h>

#include "job/task_logs.h"

#include <stdlib.h>
#include <string.h>

#include "aws/logs.h"
#include "base/mem.h"
#include "job/deployment.h"

/* A task may be this much behind another with what it sends. */
#define LATE_MS 60000

struct seen {
	char *id;
	int64_t at_ms;
};

struct pp_task_logs {
	struct pp_aws *aws;
	struct pp_deployment *deployment;
	const char *group;
	char *job_id;
	int64_t since_ms, newest_ms;

	/* Those of the last LATE_MS, which will be read again. */
	struct seen *seen;
	size_t count, cap;

	/* of one reading */
	void (*fn)(void *arg, const char *line);
	void *arg;
	int64_t lines;
	size_t known; /* of `seen`, sorted, when it began */
};

struct pp_task_logs *
pp_task_logs_open(const char *job_id, int64_t since_ms, struct pp_error *err)
{
	struct pp_task_logs *l = pp_calloc(1, sizeof *l);

	l->job_id = pp_strdup(job_id);
	l->since_ms = l->newest_ms = since_ms;
	l->deployment = pp_deployment_open(err);
	if (l->deployment != NULL &&
	    pp_deployment_need(l->deployment, "PP_LOG_GROUP",
		"the logs of tasks cannot be found", &l->group, err) == 0)
		l->aws = pp_aws_new(NULL, NULL, NULL, err);
	if (l->aws != NULL)
		return l;
	pp_task_logs_close(l);
	return NULL;
}

void
pp_task_logs_close(struct pp_task_logs *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->count; i++)
		free(l->seen[i].id);
	free(l->seen);
	free(l->job_id);
	pp_deployment_free(l->deployment);
	pp_aws_free(l->aws);
	free(l);
}

static int
by_id(const void *a, const void *b)
{
	return strcmp(((const struct seen *)a)->id,
	    ((const struct seen *)b)->id);
}

/* Forget what is too old to be read again, and sort the rest. */
static void
forget_old(struct pp_task_logs *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->count; i++) {
		if (l->seen[i].at_ms >= l->since_ms)
			l->seen[kept++] = l->seen[i];
		else
			free(l->seen[i].id);
	}
	l->known = l->count = kept;
	if (kept > 1)
		qsort(l->seen, kept, sizeof *l->seen, by_id);
}

static int
on_event(void *arg, const struct pp_logs_event *e, struct pp_error *err)
{
	struct pp_task_logs *l = arg;
	struct seen this = { .id = pp_strdup(e->id), .at_ms = e->at_ms };

	(void)err;
	if (l->known > 0 &&
	    bsearch(&this, l->seen, l->known, sizeof this, by_id) != NULL) {
		free(this.id);
		return 0;
	}
	l->seen = pp_grow(l->seen, l->count, &l->cap, sizeof *l->seen);
	l->seen[l->count++] = this;
	if (e->at_ms > l->newest_ms)
		l->newest_ms = e->at_ms;
	l->lines++;
	l->fn(l->arg, e->message);
	return 0;
}

int64_t
pp_task_logs_read(struct pp_task_logs *l, void (*fn)(void *, const char *),
    void *arg, struct pp_error *err)
{
	struct pp_logs_filter f = { .group = l->group, .text = l->job_id };

	if (l->newest_ms - LATE_MS > l->since_ms)
		l->since_ms = l->newest_ms - LATE_MS;
	forget_old(l);
	f.since_ms = l->since_ms;
	l->fn = fn;
	l->arg = arg;
	l->lines = 0;
	if (pp_logs_filter(l->aws, &f, on_event, l, err) < 0)
		return -1;
	return l->lines;
}
