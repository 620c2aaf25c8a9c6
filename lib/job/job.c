#include <config.h>

#include "job/job.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/money.h"
#include "job/batch.h"
#include "job/seed.h"

int
pp_job_get(struct pp_store *s, const char *user_id, const char *job_id,
    struct pp_job *out, struct pp_error *err)
{
	if (pp_store_job_get(s, job_id, out, err) < 0)
		return -1;
	if (strcmp(out->user_id, user_id) == 0)
		return 0;
	pp_job_release(out);
	return pp_error_set(err, PP_ENOENT, "no job '%s'", job_id);
}

int
pp_job_read_config(const struct pp_job *job, struct pp_job_config *out,
    struct pp_error *err)
{
	return pp_job_config_parse(job->config, strlen(job->config), out, err);
}

int
pp_job_load_config(struct pp_store *s, const char *job_id,
    struct pp_job_config *out, struct pp_error *err)
{
	char *key = pp_asprintf("jobs/%s/config.json", job_id);
	struct pp_buf text = PP_BUF_INIT;
	int rc;

	memset(out, 0, sizeof *out);
	rc = pp_blob_get(pp_store_blobs(s), key, &text, NULL, err);
	if (rc == 0)
		rc = pp_job_config_parse(text.data, text.len, out, err);
	if (rc == 0 && strcmp(out->job_id, job_id) != 0)
		rc = pp_error_set(err, PP_EDATA, "it is that of another job");
	if (rc < 0)
		pp_error_wrap(err, "cannot use '%s'", key);
	pp_buf_release(&text);
	free(key);
	return rc;
}

/* ---- as JSON ---- */

/* A limit that may not be there is null. */
static void
put_limit(struct pp_buf *out, const char *key, int64_t nusd)
{
	char text[PP_MONEY_TEXT_BYTES];

	pp_json_member_str(out, key,
	    nusd == PP_NO_LIMIT ? NULL : pp_money_format(nusd, text));
}

/* null: it has not come to that. */
static void
put_time(struct pp_buf *out, const char *key, int64_t wall_ms)
{
	char text[PP_TIME_TEXT_BYTES];

	pp_json_member_str(out, key,
	    wall_ms == 0 ? NULL : pp_time_format(wall_ms, text));
}

static void
put_seeds(const struct pp_job_config *c, struct pp_buf *out)
{
	pp_json_put_key(out, "seeds");
	pp_buf_addc(out, '[');
	for (size_t i = 0; i < c->seeds_count; i++) {
		pp_buf_adds(out, i > 0 ? ",{" : "{");
		pp_json_member_str(out, "name", c->seeds[i].name);
		pp_json_member_str(out, "set", c->seeds[i].set);
		pp_json_member_int(out, "count", c->seeds[i].count);
		pp_buf_addc(out, '}');
	}
	pp_buf_addc(out, ']');
}

static void
put_models(const struct pp_job_config *c, struct pp_buf *out)
{
	pp_json_put_key(out, "models");
	pp_buf_addc(out, '{');
	for (size_t i = 0; i < c->step_count; i++) {
		if (i > 0)
			pp_buf_addc(out, ',');
		pp_json_put_cstr(out, c->steps[i].id);
		pp_buf_addc(out, ':');
		pp_json_put_cstr(out, c->steps[i].model.name);
	}
	pp_buf_addc(out, '}');
}

char *
pp_job_template_text(const struct pp_job_config *c)
{
	if (c->template_version == 0)
		return pp_strdup(c->template_name);
	return pp_asprintf("%s@%lld", c->template_id,
	    (long long)c->template_version);
}

/*
 * What is worth showing of the config; texts of templates, manifests and
 * prices stay in the object.
 */
static void
put_config(const struct pp_job *job, struct pp_buf *out)
{
	struct pp_job_config c;
	char *template;

	if (pp_job_read_config(job, &c, NULL) == 0) {
		pp_json_put_key(out, "config");
		pp_buf_addc(out, '{');
		template = pp_job_template_text(&c);
		pp_json_member_str(out, "template", template);
		free(template);
		put_seeds(&c, out);
		put_models(&c, out);
		/* 64 bits do not fit a JSON number that others read */
		pp_json_put_key(out, "seed");
		pp_buf_addf(out, "\"%llu\"", (unsigned long long)c.seed);
		pp_json_member_str(out, "order", pp_order_name(c.order));
		pp_json_put_key(out, "max_failures");
		if (c.max_failures < 0)
			pp_buf_adds(out, "null");
		else if (c.max_failures_percent)
			pp_buf_addf(out, "\"%lld%%\"",
			    (long long)c.max_failures);
		else
			pp_json_put_int(out, c.max_failures);
		pp_json_member_int(out, "checkpoint_rows", c.checkpoint_rows);
		pp_json_member_str(out, "export", c.export_formats);
		pp_json_member_str(out, "partition", c.export_partition);
		pp_buf_addc(out, '}');
	}
	pp_job_config_release(&c);
}

void
pp_job_put_json(const struct pp_job *job, const struct pp_tally *ended,
    struct pp_buf *out)
{
	const struct pp_totals *t = &job->totals;

	pp_buf_addc(out, '{');
	pp_json_member_str(out, "job_id", job->job_id);
	pp_json_member_str(out, "user_id", job->user_id);
	pp_json_member_str(out, "name", job->name);
	pp_json_member_str(out, "status", pp_job_status_name(job->status));
	pp_json_member_str(out, "reason", job->reason);
	pp_json_put_key(out, "cancel_requested");
	pp_buf_adds(out, job->cancel_requested ? "true" : "false");
	put_time(out, "created_at", job->created_at_ms);
	put_time(out, "updated_at", job->updated_at_ms);
	put_time(out, "started_at", job->started_at_ms);
	put_time(out, "ended_at", job->ended_at_ms);
	pp_json_member_int(out, "rows", job->rows);
	pp_json_member_int(out, "shards", job->shards);
	pp_json_member_int(out, "priority", job->priority);
	pp_json_member_int(out, "records_generated", t->rows_done);
	pp_json_member_int(out, "records_failed", t->rows_failed);
	pp_json_member_int(out, "calls", t->calls);
	if (ended != NULL) {
		pp_json_put_key(out, "calls_ended");
		pp_tally_put_json(ended, out);
	}
	pp_json_member_int(out, "tokens_used", t->tokens_in + t->tokens_out);
	pp_json_member_int(out, "tokens_in", t->tokens_in);
	pp_json_member_int(out, "tokens_out", t->tokens_out);
	put_limit(out, "budget_limit", job->budget_limit_nusd);
	pp_json_member_money(out, "cost_estimate", t->settled_nusd);
	pp_json_member_money(out, "cost_unproven", t->unproven_nusd);
	put_config(job, out);
	pp_buf_addc(out, '}');
}

/* ---- waiting ---- */

#define FIRST_NAP_MS 20
#define LONGEST_NAP_MS 500

int
pp_job_wait(struct pp_store *s, const char *user_id, const char *job_id,
    int64_t until_boot_ms, void (*seen)(void *arg, const struct pp_job *job),
    void *arg, enum pp_job_status *status, struct pp_error *err)
{
	int64_t nap_ms = FIRST_NAP_MS;

	for (;;) {
		int64_t left = until_boot_ms == 0 ?
		    LONGEST_NAP_MS :
		    until_boot_ms - pp_clock_boot_ms();
		struct pp_job job;

		if (pp_job_get(s, user_id, job_id, &job, err) < 0)
			return -1;
		*status = job.status;
		if (seen != NULL)
			seen(arg, &job);
		pp_job_release(&job);
		if (pp_job_status_is_final(*status))
			return 1;
		if (left <= 0)
			return 0;
		pp_clock_sleep_ms(nap_ms < left ? nap_ms : left);
		if (nap_ms < LONGEST_NAP_MS)
			nap_ms += nap_ms / 2;
	}
}

enum pp_code
pp_job_end_code(enum pp_job_status status)
{
	if (status == PP_JOB_COMPLETED)
		return PP_OK;
	return status == PP_JOB_BUDGET_EXCEEDED ? PP_EBUDGET : PP_ENO;
}

/* ---- failed rows ---- */

/* Whether a line of a batch is a failed row. */
static int
is_failed(struct pp_json_doc *doc, const char *line, size_t len,
    struct pp_error *err)
{
	const struct pp_json *v;

	/* most rows are good ones: do not read those */
	if (memmem(line, len, "\"failed\":", 9) == NULL)
		return 0;
	v = pp_json_parse(doc, line, len, PP_JSON_LONE_SURROGATES, err);
	if (v == NULL)
		return -1;
	return pp_json_get(v, "failed") != NULL;
}

int
pp_job_failed_rows(struct pp_store *s, const struct pp_job *job,
    int (*fn)(void *arg, const char *line, size_t len, struct pp_error *err),
    void *arg, struct pp_error *err)
{
	struct pp_batches *batches = pp_batches_open(pp_store_blobs(s),
	    job->job_id, job->shards, job->rows, err);
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const char *line;
	int64_t row;
	size_t len;
	int rc;

	if (batches == NULL)
		return -1;
	while ((rc = pp_batches_next(batches, &row, &line, &len, err)) == 1) {
		rc = is_failed(&doc, line, len, err);
		if (rc == 1)
			rc = fn(arg, line, len, err);
		if (rc != 0)
			break;
	}
	pp_batches_close(batches);
	pp_json_doc_release(&doc);
	return rc;
}

/* ---- removing ---- */

/* A folder with files in it, which may not be there. */
static int
remove_folder(const char *path, struct pp_error *err)
{
	DIR *dir = opendir(path);
	const struct dirent *e;
	int rc = 0;

	if (dir == NULL) {
		if (errno == ENOENT)
			return 0;
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot open folder '%s'", path);
	}
	while (rc == 0 && (e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(dir), e->d_name, 0) < 0 && errno != ENOENT)
			rc = pp_error_errno(err, PP_EIO, errno,
			    "cannot remove '%s/%s'", path, e->d_name);
	}
	closedir(dir);
	if (rc == 0 && rmdir(path) < 0 && errno != ENOENT)
		rc = pp_error_errno(err, PP_EIO, errno,
		    "cannot remove folder '%s'", path);
	return rc;
}

static int
remove_local(struct pp_store *s, const char *job_id, struct pp_error *err)
{
	static const char *const folders[] = { "logs", "journal" };
	int rc = 0;

	if (pp_store_dir(s) == NULL)
		return 0;
	for (size_t i = 0; rc == 0 && i < sizeof folders / sizeof folders[0];
	     i++) {
		char *path = pp_asprintf("%s/%s/%s", pp_store_dir(s),
		    folders[i], job_id);

		rc = remove_folder(path, err);
		free(path);
	}
	return rc;
}

static int
remove_objects(struct pp_store *s, const char *job_id, struct pp_error *err)
{
	char *prefix = pp_asprintf("jobs/%s/", job_id);
	int rc = pp_blob_delete_prefix(pp_store_blobs(s), prefix, err);

	free(prefix);
	return rc;
}

/* Whether a removal that died has left objects of a job without a record. */
static bool
has_objects(struct pp_store *s, const char *job_id)
{
	char *prefix = pp_asprintf("jobs/%s/", job_id);
	struct pp_blob_info info;
	bool found;

	found = pp_blob_list(pp_store_blobs(s), prefix, NULL, &info, 1, NULL) ==
	    1;
	if (found)
		pp_blob_info_release(&info);
	free(prefix);
	return found;
}

/* What the job had pinned of its seed sets may be nobody's now. */
static int
prune_seeds(struct pp_store *s, const struct pp_job *job, struct pp_error *err)
{
	struct pp_job_config c;
	int rc = 0;

	if (pp_job_read_config(job, &c, NULL) == 0) {
		for (size_t i = 0; rc == 0 && i < c.seeds_count; i++)
			rc = pp_seed_prune(s, job->user_id, c.seeds[i].set,
			    pp_clock_wall_ms(), err);
	}
	pp_job_config_release(&c);
	return rc;
}

/* The record goes first: from then on nobody can claim or resume it. */
static int
remove_record(struct pp_store *s, const struct pp_job *job,
    struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;

	if (pp_store_job_delete(s, job->job_id, &why) == 0)
		return 0;
	if (why.code == PP_ECONFLICT)
		return pp_error_set(err, PP_ENO,
		    "job '%s' is %s: cancel it "
		    "first",
		    job->job_id, pp_job_status_name(job->status));
	return pp_error_set(err, why.code, "%s", why.text);
}

static int
remove_rest(struct pp_store *s, const char *job_id, struct pp_error *err)
{
	if (remove_objects(s, job_id, err) < 0)
		return -1;
	return remove_local(s, job_id, err);
}

int
pp_job_remove(struct pp_store *s, const char *user_id, const char *job_id,
    struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;
	struct pp_job job;
	int rc;

	if (pp_store_job_get(s, job_id, &job, &why) < 0) {
		if (why.code == PP_ENOENT && has_objects(s, job_id))
			return remove_rest(s, job_id, err);
		return pp_error_set(err, why.code, "%s", why.text);
	}
	if (strcmp(job.user_id, user_id) != 0)
		rc = pp_error_set(err, PP_ENOENT, "no job '%s'", job_id);
	else
		rc = remove_record(s, &job, err);
	if (rc == 0)
		rc = remove_rest(s, job_id, err);
	if (rc == 0)
		rc = prune_seeds(s, &job, err);
	pp_job_release(&job);
	return rc;
}
