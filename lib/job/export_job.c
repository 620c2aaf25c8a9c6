#include <config.h>

#include "job/export_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/money.h"
#include "job/batch.h"
#include "job/config.h"
#include "job/job.h"
#include "template/recipe.h"

struct job_rows {
	struct pp_rows base;
	struct pp_blob *blobs;
	const struct pp_job *job;
	struct pp_batches *batches;
};

static int
job_next(struct pp_rows *r, const char **text, size_t *len,
    struct pp_error *err)
{
	struct job_rows *j = (struct job_rows *)r;
	int64_t row;
	int rc = pp_batches_next(j->batches, &row, text, len, err);

	if (rc > 0)
		r->number = (uint64_t)row;
	return rc;
}

static int
open_batches(struct job_rows *j, struct pp_error *err)
{
	pp_batches_close(j->batches);
	j->batches = pp_batches_open(j->blobs, j->job->job_id, j->job->shards,
	    j->job->rows, err);
	return j->batches != NULL ? 0 : -1;
}

static int
job_rewind(struct pp_rows *r, struct pp_error *err)
{
	return open_batches((struct job_rows *)r, err);
}

static void
job_free(struct pp_rows *r)
{
	struct job_rows *j = (struct job_rows *)r;

	pp_batches_close(j->batches);
	free(j);
}

struct pp_rows *
pp_export_job_rows(struct pp_store *s, const struct pp_job *job,
    struct pp_error *err)
{
	struct job_rows *j = pp_calloc(1, sizeof *j);

	j->base = (struct pp_rows){
		.next = job_next, .free = job_free, .name = job->job_id
	};
	if (pp_job_status_is_final(job->status))
		j->base.rewind = job_rewind;
	j->blobs = pp_store_blobs(s);
	j->job = job;
	if (open_batches(j, err) < 0) {
		job_free(&j->base);
		return NULL;
	}
	return &j->base;
}

char *
pp_export_job_folder(struct pp_store *s, const char *job_id,
    struct pp_error *err)
{
	char *key = pp_asprintf("jobs/%s/exports", job_id);
	char *path = pp_blob_local_path(pp_store_blobs(s), key);

	free(key);
	if (path == NULL)
		pp_error_set(err, PP_EUSAGE,
		    "this home keeps objects, not "
		    "files: say where the export goes");
	return path;
}

/* What the rows were made by, for the manifest and the files. */
static void
put_about(const struct pp_job *job, const struct pp_job_config *c,
    struct pp_buf *out)
{
	char money[PP_MONEY_TEXT_BYTES];

	pp_json_put_key(out, "job_id");
	pp_json_put_cstr(out, job->job_id);
	pp_json_put_key(out, "template");
	pp_json_put_cstr(out, c->template_id);
	pp_json_put_key(out, "template_version");
	pp_json_put_int(out, c->template_version);
	pp_json_put_key(out, "models");
	for (size_t i = 0; i < c->step_count; i++) {
		pp_buf_addc(out, i == 0 ? '{' : ',');
		pp_json_put_str(out, c->steps[i].id, strlen(c->steps[i].id));
		pp_buf_addc(out, ':');
		pp_json_put_cstr(out, c->steps[i].model.name);
	}
	pp_buf_addc(out, '}');
	pp_json_put_key(out, "cost");
	pp_json_put_cstr(out, pp_money_format(job->totals.settled_nusd, money));
}

/* The job's template as it was pinned. Returns owned, or NULL. */
static struct pp_recipe *
open_recipe(struct pp_job_config *c, struct pp_error *err)
{
	struct pp_recipe *recipe = pp_recipe_load(c->template_source,
	    strlen(c->template_source), c->template_name,
	    pp_job_config_fragment, c, NULL, err);

	if (recipe == NULL)
		pp_error_wrap(err, "cannot use the template of job '%s'",
		    c->job_id);
	return recipe;
}

static int
check_ended(const struct pp_job *job, bool partial, struct pp_error *err)
{
	if (partial || pp_job_status_is_final(job->status))
		return 0;
	return pp_error_set(err, PP_ETEMP,
	    "job '%s' is %s: wait for its end, "
	    "or take what it has so far with --partial",
	    job->job_id, pp_job_status_name(job->status));
}

int
pp_export_job_record(struct pp_store *s, const struct pp_job *job,
    const struct pp_export_options *o, struct pp_export_result *result,
    struct pp_error *err)
{
	struct pp_export_options own = *o;
	struct pp_buf about = PP_BUF_INIT;
	struct pp_recipe *recipe = NULL;
	const struct pp_recipe_info *info;
	struct pp_rows *rows = NULL;
	struct pp_job_config c;
	int rc = -1;

	if (pp_job_load_config(s, job->job_id, &c, err) < 0 ||
	    (recipe = open_recipe(&c, err)) == NULL ||
	    (rows = pp_export_job_rows(s, job, err)) == NULL)
		goto out;
	put_about(job, &c, &about);
	info = pp_recipe_info(recipe);
	own.about = about.data;
	own.job_id = job->job_id;
	own.record_types = info->types;
	own.record_type_count = info->type_count;
	rc = pp_export_run(&own, rows, result, err);
out:
	pp_rows_free(rows);
	pp_recipe_free(recipe);
	pp_job_config_release(&c);
	pp_buf_release(&about);
	return rc;
}

int
pp_export_job(struct pp_store *s, const char *job_id,
    const struct pp_export_options *o, bool partial,
    struct pp_export_result *result, struct pp_error *err)
{
	struct pp_job job;
	int rc;

	if (pp_store_job_get(s, job_id, &job, err) < 0)
		return -1;
	rc = check_ended(&job, partial, err);
	if (rc == 0)
		rc = pp_export_job_record(s, &job, o, result, err);
	pp_job_release(&job);
	return rc;
}
