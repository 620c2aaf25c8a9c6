#include <config.h>

#include "job/notify.h"

#include <stdlib.h>
#include <string.h>

#include "aws/sns.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/str.h"
#include "job/job.h"

const char *
pp_notify_topic(const char *text, struct pp_error *err)
{
	const char *arn = pp_starts_with(text, "sns:") ? text + 4 : text;

	if (pp_starts_with(arn, "arn:") && strstr(arn, ":sns:") != NULL)
		return arn;
	pp_error_set(err, PP_EUSAGE,
	    "--notify takes sns: and the ARN of a topic, not '%s'", text);
	return NULL;
}

/* The topic is where it is, whatever region the job is in. */
static int
region_of(const char *arn, struct pp_buf *region, struct pp_error *err)
{
	const char *at = strstr(arn, ":sns:") + strlen(":sns:");
	size_t n = strcspn(at, ":");

	if (n == 0 || at[n] != ':')
		return pp_error_set(err, PP_EUSAGE,
		    "'%s' names no region and no account", arn);
	return pp_buf_set(region, at, n);
}

static int
publish(const char *topic, const char *subject, const struct pp_job *job,
    struct pp_error *err)
{
	struct pp_buf region = PP_BUF_INIT, message = PP_BUF_INIT;
	struct pp_aws_options o = { .region = NULL };
	struct pp_aws *a = NULL;
	int rc = -1;

	pp_job_put_json(job, NULL, &message);
	if (region_of(topic, &region, err) == 0) {
		o.region = region.data;
		a = pp_aws_new(NULL, NULL, &o, err);
	}
	if (a != NULL)
		rc = pp_sns_publish(a, topic, subject, message.data, err);
	pp_aws_free(a);
	pp_buf_release(&region);
	pp_buf_release(&message);
	return rc;
}

/* What the job is called: its name, or its id. */
static const char *
called(const struct pp_job *job)
{
	return job->name[0] != '\0' ? job->name : job->job_id;
}

int
pp_notify_end(const char *topic, struct pp_store *s, const char *job_id,
    struct pp_error *err)
{
	char spent[PP_MONEY_TEXT_BYTES], *subject;
	struct pp_job job;
	int rc;

	if (pp_store_job_get(s, job_id, &job, err) < 0)
		return -1;
	subject = pp_asprintf("job %s %s: %lld rows, %s", called(&job),
	    pp_job_status_name(job.status), (long long)job.totals.rows_done,
	    pp_money_show(job.totals.settled_nusd + job.totals.unproven_nusd,
		spent));
	rc = publish(topic, subject, &job, err);
	free(subject);
	pp_job_release(&job);
	return rc;
}

int
pp_notify_restored(const char *topic, struct pp_store *s, const char *job_id,
    struct pp_error *err)
{
	struct pp_job job;
	char *subject;
	int rc;

	if (pp_store_job_get(s, job_id, &job, err) < 0)
		return -1;
	subject = pp_asprintf("job %s: its rows are restored", called(&job));
	rc = publish(topic, subject, &job, err);
	free(subject);
	pp_job_release(&job);
	return rc;
}
