#include <config.h>

#include "plotpalette.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "job/batch.h"
#include "job/plan.h"
#include "job/seed.h"
#include "job/template_ref.h"
#include "job/user.h"
#include "store/store.h"
#include "template/recipe.h"

struct plotpalette {
	struct pp_store *store;
	char *user_id;
};

struct plotpalette_seeds {
	struct pp_seed_set *set;
	struct pp_buf record;
};

struct plotpalette_recipe {
	struct pp_template_ref ref;
	const struct pp_recipe_info *info;
	struct pp_render *render;
	char row_id[PP_ROW_ID_BYTES];
	struct pp_buf system, prompt, record, category;
};

struct plotpalette_rows {
	struct pp_batches *batches;
	struct pp_json_doc doc;
	struct pp_buf id, category, record, line;
};

/* Hand an error of ours to the caller. Returns -1. */
static int
give(const struct pp_error *from, struct plotpalette_error *to)
{
	if (to != NULL) {
		to->status = pp_code_exit_status(from->code);
		snprintf(to->text, sizeof to->text, "%s", from->text);
	}
	return -1;
}

const char *
plotpalette_version(void)
{
	return PACKAGE_VERSION;
}

struct plotpalette *
plotpalette_open(const char *store, struct plotpalette_error *err)
{
	struct plotpalette *pp = pp_calloc(1, sizeof *pp);
	struct pp_error e = PP_ERROR_INIT;

	pp->user_id = pp_user_id(&e);
	if (pp->user_id != NULL)
		pp->store = pp_store_open(store, &e);
	if (pp->store == NULL) {
		give(&e, err);
		plotpalette_close(pp);
		return NULL;
	}
	return pp;
}

void
plotpalette_close(struct plotpalette *pp)
{
	if (pp == NULL)
		return;
	if (pp->store != NULL)
		pp_store_close(pp->store);
	free(pp->user_id);
	free(pp);
}

struct plotpalette_seeds *
plotpalette_seeds_open(struct plotpalette *pp, const char *name,
    struct plotpalette_error *err)
{
	struct pp_error e = PP_ERROR_INIT;
	struct pp_seed_set *set = pp_seed_open(pp->store, pp->user_id, name,
	    &e);
	struct plotpalette_seeds *s;

	if (set == NULL) {
		give(&e, err);
		return NULL;
	}
	s = pp_calloc(1, sizeof *s);
	s->set = set;
	pp_buf_init(&s->record, 0);
	return s;
}

void
plotpalette_seeds_close(struct plotpalette_seeds *s)
{
	if (s == NULL)
		return;
	pp_seed_close(s->set);
	pp_buf_release(&s->record);
	free(s);
}

int64_t
plotpalette_seeds_count(const struct plotpalette_seeds *s)
{
	return pp_seed_count(s->set);
}

const char *
plotpalette_seeds_get(struct plotpalette_seeds *s, int64_t i,
    struct plotpalette_error *err)
{
	struct pp_error e = PP_ERROR_INIT;

	pp_buf_clear(&s->record);
	if (i < 0 || i >= pp_seed_count(s->set))
		pp_error_set(&e, PP_ENOENT, "no record %lld", (long long)i);
	else if (pp_seed_get(s->set, i, &s->record, &e) == 0)
		return s->record.data;
	give(&e, err);
	return NULL;
}

struct plotpalette_recipe *
plotpalette_recipe_load(struct plotpalette *pp, const char *name,
    struct plotpalette_error *err)
{
	struct plotpalette_recipe *r = pp_calloc(1, sizeof *r);
	struct pp_error e = PP_ERROR_INIT;

	if (pp_template_ref_load(pp != NULL ? pp->store : NULL,
		pp != NULL ? pp->user_id : NULL, name, NULL, &r->ref, &e) < 0) {
		give(&e, err);
		free(r);
		return NULL;
	}
	r->info = pp_recipe_info(r->ref.recipe);
	r->render = pp_render_new(r->ref.recipe, NULL);
	pp_buf_init(&r->system, 0);
	pp_buf_init(&r->prompt, 0);
	pp_buf_init(&r->record, 0);
	pp_buf_init(&r->category, 0);
	return r;
}

void
plotpalette_recipe_free(struct plotpalette_recipe *r)
{
	if (r == NULL)
		return;
	pp_render_free(r->render);
	pp_template_ref_release(&r->ref);
	pp_buf_release(&r->system);
	pp_buf_release(&r->prompt);
	pp_buf_release(&r->record);
	pp_buf_release(&r->category);
	free(r);
}

int
plotpalette_recipe_step_count(const struct plotpalette_recipe *r)
{
	return (int)r->info->step_count;
}

const char *
plotpalette_recipe_step(const struct plotpalette_recipe *r, int i)
{
	if (i < 0 || (size_t)i >= r->info->step_count)
		return NULL;
	return r->info->steps[i].id;
}

const char *
plotpalette_recipe_field(const struct plotpalette_recipe *r, int i,
    int *required)
{
	const struct pp_field *fields;
	size_t count;

	fields = pp_recipe_fields(r->ref.recipe, &count);
	if (i < 0 || (size_t)i >= count)
		return NULL;
	if (required != NULL)
		*required = fields[i].required;
	return fields[i].path;
}

int
plotpalette_row_begin(struct plotpalette_recipe *r,
    const struct plotpalette_seed *seeds, int count, int64_t index,
    uint64_t chance, struct plotpalette_error *err)
{
	struct pp_render_seed *bound = pp_calloc((size_t)count, sizeof *bound);
	struct pp_render_row row = { .index = index,
		.id = pp_plan_row_id(chance, index, r->row_id),
		.chance = pp_plan_chance(chance, index) };
	struct pp_error e = PP_ERROR_INIT;
	int rc;

	for (int i = 0; i < count; i++) {
		bound[i].name = seeds[i].name;
		bound[i].json = seeds[i].json;
		bound[i].len = strlen(seeds[i].json);
	}
	rc = pp_render_begin(r->render, bound, (size_t)count, &row, &e);
	free(bound);
	return rc < 0 ? give(&e, err) : 0;
}

int
plotpalette_row_prompt(struct plotpalette_recipe *r, int i, const char **system,
    const char **prompt, struct plotpalette_error *err)
{
	struct pp_error e = PP_ERROR_INIT;
	bool skip = false;

	assert(i >= 0 && (size_t)i < r->info->step_count);
	pp_buf_clear(&r->system);
	pp_buf_clear(&r->prompt);
	if (pp_render_step(r->render, (size_t)i, &skip, &r->system, &r->prompt,
		&e) < 0)
		return give(&e, err);
	if (skip)
		pp_render_set_skipped(r->render, (size_t)i);
	*system = r->system.data;
	*prompt = r->prompt.data;
	return skip ? 0 : 1;
}

void
plotpalette_row_answer(struct plotpalette_recipe *r, int i, const char *text,
    const char *model)
{
	assert(i >= 0 && (size_t)i < r->info->step_count);
	pp_render_set_output(r->render, (size_t)i, text, strlen(text),
	    model != NULL ? model : "");
}

const char *
plotpalette_row_record(struct plotpalette_recipe *r,
    struct plotpalette_error *err)
{
	struct pp_error e = PP_ERROR_INIT;

	pp_buf_clear(&r->record);
	pp_buf_clear(&r->category);
	if (pp_render_record(r->render, &r->record, &r->category, &e) < 0) {
		give(&e, err);
		return NULL;
	}
	return r->record.data;
}

static void
show_job(const struct pp_job *from, struct plotpalette_job *to)
{
	memcpy(to->job_id, from->job_id, sizeof to->job_id);
	snprintf(to->name, sizeof to->name, "%s", from->name);
	to->status = pp_job_status_name(from->status);
	to->created_at_ms = from->created_at_ms;
	to->rows = from->rows;
	to->rows_done = from->totals.rows_done;
	to->rows_failed = from->totals.rows_failed;
	to->tokens_in = from->totals.tokens_in;
	to->tokens_out = from->totals.tokens_out;
	to->budget_nusd = from->budget_limit_nusd;
	to->spent_nusd = from->totals.settled_nusd;
	to->unproven_nusd = from->totals.unproven_nusd;
}

int
plotpalette_job_get(struct plotpalette *pp, const char *job_id,
    struct plotpalette_job *out, struct plotpalette_error *err)
{
	struct pp_error e = PP_ERROR_INIT;
	struct pp_job job;

	if (pp_store_job_get(pp->store, job_id, &job, &e) < 0)
		return give(&e, err);
	show_job(&job, out);
	pp_job_release(&job);
	return 0;
}

int
plotpalette_job_list(struct plotpalette *pp, const char *before,
    struct plotpalette_job *out, int max, struct plotpalette_error *err)
{
	struct pp_job_filter filter = {
		.user_id = pp->user_id, .status = -1, .before_id = before
	};
	struct pp_job *jobs = pp_calloc((size_t)max, sizeof *jobs);
	struct pp_error e = PP_ERROR_INIT;
	int count = pp_store_job_list(pp->store, &filter, jobs, max, &e);

	for (int i = 0; i < count; i++) {
		show_job(&jobs[i], &out[i]);
		pp_job_release(&jobs[i]);
	}
	free(jobs);
	return count < 0 ? give(&e, err) : count;
}

struct plotpalette_rows *
plotpalette_rows_open(struct plotpalette *pp, const char *job_id,
    struct plotpalette_error *err)
{
	struct pp_error e = PP_ERROR_INIT;
	struct pp_batches *batches = NULL;
	struct plotpalette_rows *r;
	struct pp_job job;

	if (pp_store_job_get(pp->store, job_id, &job, &e) == 0) {
		batches = pp_batches_open(pp_store_blobs(pp->store), job.job_id,
		    job.shards, job.rows, &e);
		pp_job_release(&job);
	}
	if (batches == NULL) {
		give(&e, err);
		return NULL;
	}
	r = pp_calloc(1, sizeof *r);
	r->batches = batches;
	pp_buf_init(&r->id, 0);
	pp_buf_init(&r->category, 0);
	pp_buf_init(&r->record, 0);
	pp_buf_init(&r->line, 0);
	return r;
}

void
plotpalette_rows_close(struct plotpalette_rows *r)
{
	if (r == NULL)
		return;
	pp_batches_close(r->batches);
	pp_json_doc_release(&r->doc);
	pp_buf_release(&r->id);
	pp_buf_release(&r->category);
	pp_buf_release(&r->record);
	pp_buf_release(&r->line);
	free(r);
}

/* The text of a member that may be missing. */
static const char *
text_of(const struct pp_json *row, const char *name, struct pp_buf *out)
{
	const struct pp_json *v = pp_json_get(row, name);

	pp_buf_clear(out);
	if (v != NULL && v->type == PP_JSON_STRING)
		pp_json_unescape(v, out);
	return out->data;
}

int
plotpalette_rows_next(struct plotpalette_rows *r,
    struct plotpalette_result *out, struct plotpalette_error *err)
{
	struct pp_error e = PP_ERROR_INIT;
	const struct pp_json *row, *record;
	const char *line, *raw;
	size_t len, raw_len;
	int rc = pp_batches_next(r->batches, &out->row, &line, &len, &e);

	if (rc <= 0)
		return rc < 0 ? give(&e, err) : 0;
	row = pp_json_parse(&r->doc, line, len, 0, &e);
	if (row == NULL)
		return give(&e, err);
	pp_buf_set(&r->line, line, len);
	out->line = r->line.data;
	out->id = text_of(row, "id", &r->id);
	out->category = text_of(row, "category", &r->category);
	out->record = NULL;
	record = pp_json_get(row, "record");
	if (record != NULL) {
		raw = pp_json_raw(record, &raw_len);
		pp_buf_set(&r->record, raw, raw_len);
		out->record = r->record.data;
	}
	return 1;
}
