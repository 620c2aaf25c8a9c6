#include <config.h>

#include "store/store_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/money.h"
#include "base/str.h"

static const char *const status_names[PP_JOB_NSTATUS] = {
	[PP_JOB_QUEUED] = "QUEUED",
	[PP_JOB_RUNNING] = "RUNNING",
	[PP_JOB_COMPLETED] = "COMPLETED",
	[PP_JOB_FAILED] = "FAILED",
	[PP_JOB_BUDGET_EXCEEDED] = "BUDGET_EXCEEDED",
	[PP_JOB_CANCELLED] = "CANCELLED",
};

const char *
pp_job_status_name(enum pp_job_status s)
{
	return (unsigned)s < PP_JOB_NSTATUS ? status_names[s] : "UNKNOWN";
}

int
pp_job_status_parse(const char *name, enum pp_job_status *out)
{
	for (int i = 0; i < PP_JOB_NSTATUS; i++) {
		if (strcmp(name, status_names[i]) == 0) {
			*out = (enum pp_job_status)i;
			return 0;
		}
	}
	return -1;
}

bool
pp_job_status_is_final(enum pp_job_status s)
{
	return s != PP_JOB_QUEUED && s != PP_JOB_RUNNING;
}

/* ---- life cycle ---- */

/* Where the home is when nobody says. Returns owned, or NULL. */
static char *
default_dir(struct pp_error *err)
{
	const char *data = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");

	if (data != NULL && data[0] == '/')
		return pp_asprintf("%s/plot-palette", data);
	if (home != NULL && home[0] != '\0')
		return pp_asprintf("%s/.local/share/plot-palette", home);
	pp_error_set(err, PP_ECONFIG,
	    "no place for jobs: set PP_STORE=file:DIR or HOME");
	return NULL;
}

/* What follows "file:" or "aws:"; NULL: `spec` does not begin so. */
static const char *
after_scheme(const char *spec, const char *scheme)
{
	const char *rest = spec + strlen(scheme);

	return pp_starts_with(spec, scheme) && *rest != '\0' ? rest : NULL;
}

static struct pp_store *
open_spec(const char *spec, enum pp_home_absent absent, struct pp_error *err)
{
	if (after_scheme(spec, "file:") != NULL)
		return pp_store_open_sqlite(after_scheme(spec, "file:"), absent,
		    err);
	if (after_scheme(spec, "aws:") != NULL)
		return pp_store_open_aws(after_scheme(spec, "aws:"), err);
	pp_error_set(err, PP_ECONFIG,
	    "PP_STORE must be file:DIR or aws:BUCKET, not '%s'", spec);
	return NULL;
}

/* What PP_STORE says, or the default. Returns owned, or NULL. */
static char *
spec_of_environment(enum pp_home_absent *absent, struct pp_error *err)
{
	const char *spec = getenv("PP_STORE");
	char *dir, *own;

	if (spec != NULL && *spec != '\0')
		return pp_strdup(spec);
	/* nobody who names no home has mistyped its name */
	if (*absent == PP_HOME_REFUSE)
		*absent = PP_HOME_EMPTY;
	dir = default_dir(err);
	if (dir == NULL)
		return NULL;
	own = pp_asprintf("file:%s", dir);
	free(dir);
	return own;
}

static struct pp_store *
open_home(const char *spec, enum pp_home_absent absent, struct pp_error *err)
{
	struct pp_store *s;
	char *own = spec != NULL ? pp_strdup(spec) :
				   spec_of_environment(&absent, err);

	if (own == NULL)
		return NULL;
	s = open_spec(own, absent, err);
	if (s != NULL)
		s->spec = own;
	else
		free(own);
	return s;
}

struct pp_store *
pp_store_open(const char *spec, struct pp_error *err)
{
	return open_home(spec, PP_HOME_MAKE, err);
}

struct pp_store *
pp_store_open_to_read(const char *spec, struct pp_error *err)
{
	return open_home(spec, PP_HOME_REFUSE, err);
}

struct pp_store *
pp_store_open_again(const struct pp_store *s, struct pp_error *err)
{
	return pp_store_open(s->spec, err);
}

void
pp_store_close(struct pp_store *s)
{
	if (s == NULL)
		return;
	pp_blob_close(s->blobs);
	free(s->dir);
	free(s->spec);
	s->ops->close(s);
}

struct pp_blob *
pp_store_blobs(struct pp_store *s)
{
	return s->blobs;
}

const char *
pp_store_dir(struct pp_store *s)
{
	return s->dir;
}

void
pp_job_release(struct pp_job *j)
{
	free(j->user_id);
	free(j->name);
	free(j->config);
	free(j->reason);
	*j = (struct pp_job){ .user_id = NULL };
}

void
pp_cost_release(struct pp_cost *c)
{
	free(c->model_id);
	c->model_id = NULL;
}

void
pp_template_version_release(struct pp_template_version *t)
{
	free(t->template_id);
	free(t->name);
	free(t->user_id);
	free(t->definition);
	free(t->source);
	free(t->requirements);
	*t = (struct pp_template_version){ .template_id = NULL };
}

/* ---- what all homes share ---- */

int
pp_store_no_job(const char *job_id, struct pp_error *err)
{
	return pp_error_set(err, PP_ENOENT, "no job '%s'", job_id);
}

int
pp_store_fenced(const struct pp_claim *c, struct pp_error *err)
{
	return pp_error_set(err, PP_ECONFLICT,
	    "shard %d of job '%s' is no longer this worker's", c->shard,
	    c->job_id);
}

int
pp_store_not_final(const char *job_id, struct pp_error *err)
{
	return pp_error_set(err, PP_ECONFLICT, "job '%s' has not ended",
	    job_id);
}

int
pp_store_has_ended(const char *job_id, enum pp_job_status status,
    struct pp_error *err)
{
	return pp_error_set(err, PP_ECONFLICT, "job '%s' has ended: %s", job_id,
	    pp_job_status_name(status));
}

int
pp_store_no_template(const char *id, int64_t version, struct pp_error *err)
{
	if (version == 0)
		return pp_error_set(err, PP_ENOENT, "no template '%s'", id);
	return pp_error_set(err, PP_ENOENT, "no template '%s@%lld'", id,
	    (long long)version);
}

void
pp_store_share(int64_t limit_nusd, const struct pp_store_money *job,
    const struct pp_store_money *shard, int64_t spent_nusd, int64_t want_nusd,
    struct pp_store_share *out)
{
	int64_t others = job->granted_nusd - shard->granted_nusd;
	int64_t left;

	*out = (struct pp_store_share){ .free_nusd = INT64_MAX };
	if (want_nusd < 0)
		want_nusd = 0;
	if (limit_nusd == PP_NO_LIMIT) {
		out->granted_nusd = pp_money_add(spent_nusd, want_nusd);
		out->recorded_nusd = out->granted_nusd >
			PP_STORE_ANYTHING_NUSD ?
		    PP_STORE_ANYTHING_NUSD :
		    out->granted_nusd;
		return;
	}
	left = limit_nusd - others - spent_nusd;
	if (left < 0)
		left = 0;
	if (want_nusd > left)
		want_nusd = left;
	out->granted_nusd = out->recorded_nusd = spent_nusd + want_nusd;
	out->free_nusd = left - want_nusd;
	out->others_nusd = others - (job->spent_nusd - shard->spent_nusd);
}

bool
pp_store_may_grant(const struct pp_claim *c, int64_t seq)
{
	return seq == c->seq || seq == c->seq + 1;
}

void
pp_store_take_share(struct pp_claim *c, const struct pp_totals *totals,
    const struct pp_store_share *share, int64_t *free_nusd,
    int64_t *others_nusd)
{
	c->seq++;
	c->granted_nusd = share->granted_nusd;
	c->totals = *totals;
	if (free_nusd != NULL)
		*free_nusd = share->free_nusd;
	if (others_nusd != NULL)
		*others_nusd = share->others_nusd;
}

int
pp_store_check_limit(int64_t limit_nusd, int64_t spent_nusd,
    struct pp_error *err)
{
	char limit[PP_MONEY_TEXT_BYTES], spent[PP_MONEY_TEXT_BYTES];

	if (limit_nusd < 0 || limit_nusd >= spent_nusd)
		return 0;
	return pp_error_set(err, PP_EUSAGE,
	    "a budget of $%s is less than the $%s that is spent",
	    pp_money_format(limit_nusd, limit),
	    pp_money_format(spent_nusd, spent));
}

/* ---- the verbs ---- */

int
pp_store_job_add(struct pp_store *s, const struct pp_job *job,
    const char *idempotency_key, char existing[PP_ID_BYTES],
    struct pp_error *err)
{
	return s->ops->job_add(s, job, idempotency_key, existing, err);
}

int
pp_store_job_get(struct pp_store *s, const char *job_id, struct pp_job *out,
    struct pp_error *err)
{
	return s->ops->job_get(s, job_id, out, err);
}

int
pp_store_job_list(struct pp_store *s, const struct pp_job_filter *f,
    struct pp_job *out, int max, struct pp_error *err)
{
	return s->ops->job_list(s, f, out, max, err);
}

int
pp_store_job_cancel(struct pp_store *s, const char *job_id, int64_t now_ms,
    struct pp_error *err)
{
	return s->ops->job_cancel(s, job_id, now_ms, err);
}

int
pp_store_job_resume(struct pp_store *s, const char *job_id,
    int64_t budget_limit_nusd, bool all, int64_t now_ms, struct pp_error *err)
{
	return s->ops->job_resume(s, job_id, budget_limit_nusd, all, now_ms,
	    err);
}

int
pp_store_job_delete(struct pp_store *s, const char *job_id,
    struct pp_error *err)
{
	return s->ops->job_delete(s, job_id, err);
}

int
pp_store_claim(struct pp_store *s, const struct pp_claim_request *req,
    struct pp_claim *out, struct pp_error *err)
{
	return s->ops->claim(s, req, out, err);
}

int
pp_store_claim_epoch(struct pp_store *s, struct pp_claim *c, int64_t at_least,
    struct pp_error *err)
{
	return s->ops->claim_epoch(s, c, at_least, err);
}

int
pp_store_renew(struct pp_store *s, struct pp_claim *c, int64_t now_ms,
    int64_t lease_ms, bool *cancel, struct pp_error *err)
{
	return s->ops->renew(s, c, now_ms, lease_ms, cancel, err);
}

int
pp_store_release(struct pp_store *s, struct pp_claim *c, bool progress,
    const char *reason, int64_t now_ms, struct pp_error *err)
{
	return s->ops->release(s, c, progress, reason, now_ms, err);
}

int
pp_store_finish(struct pp_store *s, struct pp_claim *c,
    enum pp_job_status status, const char *reason, int64_t now_ms,
    enum pp_job_status *job_status, struct pp_error *err)
{
	return s->ops->finish(s, c, status, false, reason, now_ms, job_status,
	    err);
}

int
pp_store_finish_unless_last(struct pp_store *s, struct pp_claim *c,
    enum pp_job_status status, const char *reason, int64_t now_ms,
    enum pp_job_status *job_status, struct pp_error *err)
{
	return s->ops->finish(s, c, status, true, reason, now_ms, job_status,
	    err);
}

int
pp_store_grant(struct pp_store *s, struct pp_claim *c,
    const struct pp_totals *totals, int64_t want_nusd, int64_t now_ms,
    int64_t *free_nusd, int64_t *others_nusd, struct pp_error *err)
{
	return s->ops->grant(s, c, totals, want_nusd, now_ms, free_nusd,
	    others_nusd, err);
}

int
pp_store_progress(struct pp_store *s, struct pp_claim *c,
    const struct pp_totals *totals, int64_t now_ms, struct pp_error *err)
{
	return s->ops->progress(s, c, totals, now_ms, err);
}

int
pp_store_shards(struct pp_store *s, const char *job_id, int first,
    struct pp_shard *out, int max, struct pp_error *err)
{
	return s->ops->shards(s, job_id, first, out, max, err);
}

int
pp_store_queue_length(struct pp_store *s, int64_t *queued, int64_t *running,
    struct pp_error *err)
{
	return s->ops->queue_length(s, queued, running, err);
}

int
pp_store_queue_head(struct pp_store *s, char job_id[PP_ID_BYTES],
    struct pp_error *err)
{
	return s->ops->queue_head(s, job_id, err);
}

int
pp_store_cost_add(struct pp_store *s, const struct pp_cost *c,
    struct pp_error *err)
{
	return s->ops->costs_add(s, c, 1, err);
}

int
pp_store_costs_add(struct pp_store *s, const struct pp_cost *c, size_t count,
    struct pp_error *err)
{
	return count > 0 ? s->ops->costs_add(s, c, count, err) : 0;
}

int
pp_store_cost_list(struct pp_store *s, const char *job_id, const char *after,
    struct pp_cost *out, int max, struct pp_error *err)
{
	return s->ops->cost_list(s, job_id, after, out, max, err);
}

int
pp_store_template_add(struct pp_store *s, const struct pp_template_version *t,
    int64_t *version, struct pp_error *err)
{
	return s->ops->template_add(s, t, version, err);
}

int
pp_store_template_get(struct pp_store *s, const char *id, int64_t version,
    const char *user_id, struct pp_template_version *out, struct pp_error *err)
{
	return s->ops->template_get(s, id, version, user_id, out, err);
}

int
pp_store_template_list(struct pp_store *s, const char *user_id,
    const char *after, struct pp_template_version *out, int max,
    struct pp_error *err)
{
	return s->ops->template_list(s, user_id, after, out, max, err);
}

int
pp_store_template_versions(struct pp_store *s, const char *id,
    const char *user_id, int64_t after, struct pp_template_version *out,
    int max, struct pp_error *err)
{
	return s->ops->template_versions(s, id, user_id, after, out, max, err);
}

int
pp_store_template_delete(struct pp_store *s, const char *id,
    const char *user_id, struct pp_error *err)
{
	return s->ops->template_delete(s, id, user_id, err);
}
