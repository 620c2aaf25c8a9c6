#include <config.h>

#include "job/job_create.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/rand.h"
#include "job/config.h"
#include "job/job.h"
#include "job/plan.h"
#include "job/seed.h"
#include "job/template_ref.h"
#include "model/invoke.h"

/* So many rows are tried before one that cannot be rendered is an error. */
#define TRIED_ROWS 8

/* A job in the making; what it points to is borrowed but for the last part. */
struct making {
	struct pp_store *store;
	const struct pp_catalog *catalog;
	const char *user_id;
	const struct pp_job_spec *spec;
	int64_t budget_nusd; /* or PP_NO_LIMIT */
	uint64_t seed;
	bool costs_money;
	const struct pp_model *models[PP_MAX_STEPS];

	struct pp_template_ref template;
	struct pp_seed_set *sets[PP_MAX_SEED_SETS];
	struct pp_job_config config;
};

static const struct pp_recipe_info *
info_of(const struct making *m)
{
	return pp_recipe_info(m->template.recipe);
}

/* ---- what was asked for ---- */

static int
check_spec(const struct pp_job_spec *s, struct pp_error *err)
{
	if (s->template == NULL)
		return pp_error_set(err, PP_EUSAGE, "a job needs a template");
	if (s->rows == 0)
		return pp_error_set(err, PP_EUSAGE,
		    "a job needs a number of rows");
	if (s->shards > s->rows)
		return pp_error_set(err, PP_EUSAGE,
		    "%d shards are more than the %lld rows", s->shards,
		    (long long)s->rows);
	if (s->export_partition != NULL && s->export_formats == NULL)
		return pp_error_set(err, PP_EUSAGE,
		    "a partition needs a format to export");
	for (size_t i = 0; s->seeds_count > 1 && i < s->seeds_count; i++) {
		if (s->seeds[i].name == NULL)
			return pp_error_set(err, PP_EUSAGE,
			    "of several seed "
			    "sets each needs a name: NAME=%s",
			    s->seeds[i].set);
	}
	return 0;
}

static int
open_seeds(struct making *m, struct pp_error *err)
{
	for (size_t i = 0; i < m->spec->seeds_count; i++) {
		const char *name = m->spec->seeds[i].set;

		m->sets[i] = pp_seed_open(m->store, m->user_id, name, err);
		if (m->sets[i] == NULL)
			return -1;
		if (pp_seed_count(m->sets[i]) == 0)
			return pp_error_set(err, PP_EDATA,
			    "seed set '%s' is empty", name);
	}
	return 0;
}

/* ---- the template's fields in the seeds ---- */

/*
 * Put record `index[i]` of each set together as the context of a row: under
 * their names, or as it is when there is one without a name.
 */
static int
put_context(struct making *m, const int64_t *index, struct pp_buf *out,
    struct pp_error *err)
{
	const struct pp_job_spec *s = m->spec;

	pp_buf_clear(out);
	if (s->seeds_count == 1 && s->seeds[0].name == NULL)
		return pp_seed_get(m->sets[0], index[0], out, err);
	pp_buf_addc(out, '{');
	for (size_t i = 0; i < s->seeds_count; i++) {
		pp_json_put_key(out, s->seeds[i].name);
		if (pp_seed_get(m->sets[i], index[i], out, err) < 0)
			return -1;
	}
	pp_buf_addc(out, '}');
	return 0;
}

struct checking {
	struct pp_buf context;
	struct pp_json_doc doc;
};

static int
check_context(struct making *m, const int64_t *index, struct checking *c,
    struct pp_error *err)
{
	const struct pp_json *root;

	if (put_context(m, index, &c->context, err) < 0)
		return -1;
	root = pp_json_parse(&c->doc, c->context.data, c->context.len, 0, err);
	return root == NULL ?
	    -1 :
	    pp_recipe_check_seed(m->template.recipe, root, NULL, err);
}

/* Every record of set `i`, beside the first ones of the others. */
static int
check_set(struct making *m, size_t i, struct checking *c, struct pp_error *err)
{
	int64_t index[PP_MAX_SEED_SETS] = { 0 };
	int64_t count = pp_seed_count(m->sets[i]);

	for (index[i] = 1; index[i] < count; index[i]++) {
		if (check_context(m, index, c, err) < 0)
			return pp_error_wrap(err, "%s:%lld",
			    m->spec->seeds[i].set, (long long)index[i] + 1);
	}
	return 0;
}

/*
 * The first records of all sets, then the rest of each: what is missing in the
 * first pass may be in no set at all.
 */
static int
check_seeds(struct making *m, struct pp_error *err)
{
	static const int64_t first[PP_MAX_SEED_SETS] = { 0 };
	const struct pp_job_spec *s = m->spec;
	struct checking c = { .context = PP_BUF_INIT };
	int rc;

	rc = check_context(m, first, &c, err);
	if (rc < 0 && s->seeds_count == 0)
		pp_error_wrap(err, "without seeds");
	else if (rc < 0)
		pp_error_wrap(err,
		    s->seeds_count == 1 ? "%s:1" :
					  "%s:1 and the other sets' first",
		    s->seeds[0].set);
	for (size_t i = 0; rc == 0 && i < s->seeds_count; i++)
		rc = check_set(m, i, &c, err);
	pp_buf_release(&c.context);
	pp_json_doc_release(&c.doc);
	return rc;
}

/* ---- models and money ---- */

static int64_t
max_tokens_of(const struct pp_recipe_step *step)
{
	return step->max_tokens > 0 ? step->max_tokens : PP_DEFAULT_MAX_TOKENS;
}

static int
choose_models(struct making *m, struct pp_error *err)
{
	const struct pp_recipe_info *info = info_of(m);

	if (pp_routes_resolve(&m->spec->routes, m->catalog, m->template.recipe,
		m->models, &m->costs_money, err) < 0)
		return -1;
	for (size_t i = 0; i < info->step_count; i++) {
		int64_t context = m->models[i]->context_tokens;
		int64_t asked = max_tokens_of(&info->steps[i]);

		if (context > 0 && asked >= context)
			return pp_error_set(err, PP_EDATA,
			    "step '%s': "
			    "max_tokens of %lld do not fit into the %lld "
			    "tokens of model '%s'",
			    info->steps[i].id, (long long)asked,
			    (long long)context, m->models[i]->name);
	}
	return 0;
}

static int
decide_budget(struct making *m, struct pp_error *err)
{
	int set;

	m->budget_nusd = PP_NO_LIMIT;
	if (m->spec->has_budget) {
		m->budget_nusd = m->spec->budget_nusd;
		return 0;
	}
	set = pp_money_env("PP_DEFAULT_BUDGET", &m->budget_nusd, err);
	if (set < 0)
		return -1;
	if (set == 0 && m->costs_money)
		return pp_error_set(err, PP_EUSAGE,
		    "the models cost money: "
		    "the job needs a budget, or PP_DEFAULT_BUDGET");
	return 0;
}

/* The most that the row's first call can cost; -1 without one, -2: error. */
static int64_t
price_first_call(struct making *m, struct pp_render *render,
    struct pp_buf *system, struct pp_buf *prompt, struct pp_error *err)
{
	const struct pp_recipe_info *info = info_of(m);

	for (size_t i = 0; i < info->step_count; i++) {
		struct pp_call call = { .model = m->models[i] };
		bool skip;

		pp_buf_clear(system);
		pp_buf_clear(prompt);
		if (pp_render_step(render, i, &skip, system, prompt, err) < 0)
			return -2;
		if (skip) {
			pp_render_set_skipped(render, i);
			continue;
		}
		call.max_tokens = max_tokens_of(&info->steps[i]);
		call.prompt = prompt->data;
		call.prompt_len = prompt->len;
		call.schema = info->steps[i].schema;
		if (info->steps[i].has_system) {
			call.system = system->data;
			call.system_len = system->len;
		}
		return pp_price_bound(m->models[i], pp_call_bytes(&call),
		    call.max_tokens);
	}
	return -1;
}

/* Bind the seeds of a row as the worker will. */
static int
begin_row(struct making *m, struct pp_render *render, int64_t row,
    struct pp_buf *texts, struct pp_error *err)
{
	const struct pp_job_spec *s = m->spec;
	struct pp_render_seed seeds[PP_MAX_SEED_SETS];
	char id[PP_ROW_ID_BYTES];
	struct pp_render_row as_row = { .index = row,
		.id = pp_plan_row_id(m->seed, row, id),
		.chance = pp_plan_chance(m->seed, row) };

	for (size_t i = 0; i < s->seeds_count; i++) {
		int64_t index = pp_plan_seed_index(m->seed, s->order, (int)i,
		    pp_seed_count(m->sets[i]), row);

		pp_buf_clear(&texts[i]);
		if (pp_seed_get(m->sets[i], index, &texts[i], err) < 0)
			return -1;
		seeds[i] = (struct pp_render_seed){ .name = s->seeds[i].name,
			.json = texts[i].data,
			.len = texts[i].len };
	}
	return pp_render_begin(render, seeds, s->seeds_count, &as_row, err);
}

/*
 * The cheapest first call of the first rows. A row that cannot be rendered is
 * no reason to refuse the job, unless none of them can.
 */
static int
try_rows(struct making *m, int64_t *cheapest_nusd, struct pp_error *err)
{
	struct pp_render *render = pp_render_new(m->template.recipe, NULL);
	struct pp_buf texts[PP_MAX_SEED_SETS];
	struct pp_buf system = PP_BUF_INIT, prompt = PP_BUF_INIT;
	struct pp_error first = PP_ERROR_INIT;
	int64_t n = m->spec->rows < TRIED_ROWS ? m->spec->rows : TRIED_ROWS;
	int64_t failed = 0;

	for (int i = 0; i < PP_MAX_SEED_SETS; i++)
		pp_buf_init(&texts[i], 0);
	*cheapest_nusd = INT64_MAX;
	for (int64_t row = 0; row < n; row++) {
		struct pp_error why = PP_ERROR_INIT;
		int64_t price = -2;

		if (begin_row(m, render, row, texts, &why) == 0)
			price = price_first_call(m, render, &system, &prompt,
			    &why);
		if (price == -2 && failed++ == 0)
			first = why;
		if (price >= 0 && price < *cheapest_nusd)
			*cheapest_nusd = price;
	}
	for (int i = 0; i < PP_MAX_SEED_SETS; i++)
		pp_buf_release(&texts[i]);
	pp_buf_release(&system);
	pp_buf_release(&prompt);
	pp_render_free(render);
	if (failed == n)
		return pp_error_set(err, first.code, "%s", first.text);
	return 0;
}

static int
check_first_call(struct making *m, struct pp_error *err)
{
	char budget[PP_MONEY_TEXT_BYTES], price[PP_MONEY_TEXT_BYTES];
	int64_t cheapest;

	if (try_rows(m, &cheapest, err) < 0)
		return -1;
	if (m->budget_nusd == PP_NO_LIMIT || cheapest == INT64_MAX ||
	    cheapest <= m->budget_nusd)
		return 0;
	return pp_error_set(err, PP_EBUDGET,
	    "a budget of $%s is too small: "
	    "one call can cost $%s",
	    pp_money_format(m->budget_nusd, budget),
	    pp_money_format(cheapest, price));
}

/* ---- pinning ---- */

static void
pin_template(struct making *m)
{
	const struct pp_template_ref *t = &m->template;
	struct pp_job_config *c = &m->config;
	const char *own_id = info_of(m)->id;

	c->template_id = pp_strdup(t->id != NULL ? t->id : own_id);
	c->template_version = t->version;
	c->template_name = pp_strdup(t->shown);
	c->template_source = pp_strndup(t->source, t->source_len);
	c->fragments = pp_calloc(t->fragment_count, sizeof *c->fragments);
	for (size_t i = 0; i < t->fragment_count; i++) {
		c->fragments[i].name = pp_strdup(t->fragments[i].name);
		c->fragments[i].text = pp_strndup(t->fragments[i].text,
		    t->fragments[i].len);
		c->fragment_count++;
	}
}

static void
pin_seeds(struct making *m)
{
	const struct pp_job_spec *s = m->spec;
	struct pp_job_config *c = &m->config;

	c->seeds = pp_calloc(s->seeds_count, sizeof *c->seeds);
	for (size_t i = 0; i < s->seeds_count; i++) {
		size_t len;
		const char *manifest = pp_seed_manifest(m->sets[i], &len);

		c->seeds[i] = (struct pp_config_seeds){
			.name = pp_strdup(s->seeds[i].name),
			.set = pp_strdup(s->seeds[i].set),
			.manifest = pp_strndup(manifest, len),
			.count = pp_seed_count(m->sets[i]),
		};
		c->seeds_count++;
	}
}

/* A deep copy, by the form that the config has in the store. */
static int
copy_model(const struct pp_model *from, struct pp_model *to,
    struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_buf text = PP_BUF_INIT;
	const struct pp_json *v;
	int rc;

	pp_model_put_json(&text, from);
	v = pp_json_parse(&doc, text.data, text.len, 0, err);
	rc = v == NULL ? -1 : pp_model_from_json(v, to, err);
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
	return rc;
}

static int
pin_steps(struct making *m, struct pp_error *err)
{
	const struct pp_recipe_info *info = info_of(m);
	struct pp_job_config *c = &m->config;

	c->steps = pp_calloc(info->step_count, sizeof *c->steps);
	for (size_t i = 0; i < info->step_count; i++) {
		c->steps[i].id = pp_strdup(info->steps[i].id);
		c->steps[i].max_tokens = max_tokens_of(&info->steps[i]);
		c->step_count++;
		if (copy_model(m->models[i], &c->steps[i].model, err) < 0)
			return -1;
	}
	return 0;
}

static int
pin(struct making *m, struct pp_error *err)
{
	const struct pp_job_spec *s = m->spec;
	struct pp_job_config *c = &m->config;

	pp_id_new(c->job_id);
	c->user_id = pp_strdup(m->user_id);
	c->rows = s->rows;
	c->shards = s->shards;
	c->seed = m->seed;
	c->order = s->order;
	c->max_failures = s->max_failures;
	c->max_failures_percent = s->max_failures_percent;
	c->checkpoint_rows = s->checkpoint_rows;
	c->export_formats = pp_strdup(s->export_formats != NULL ?
		s->export_formats :
		"");
	c->export_partition = pp_strdup(s->export_partition != NULL ?
		s->export_partition :
		"none");
	c->created_at_ms = pp_clock_wall_ms();
	pin_template(m);
	pin_seeds(m);
	return pin_steps(m, err);
}

/*
 * Whether the job that has the key already is another one than was asked for,
 * as far as can be seen. What chance decides, and when, is not asked for.
 */
static bool
differs(struct making *m, const struct pp_job *asked, const char *there_id)
{
	struct pp_error ignored = PP_ERROR_INIT;
	struct pp_buf ours = PP_BUF_INIT, theirs = PP_BUF_INIT;
	struct pp_job_config *c = &m->config, there = { .rows = 0 };
	struct pp_job job;
	bool other = false;

	if (pp_store_job_get(m->store, there_id, &job, &ignored) < 0)
		return false;
	if (pp_job_load_config(m->store, there_id, &there, &ignored) == 0) {
		memcpy(there.job_id, c->job_id, sizeof there.job_id);
		there.created_at_ms = c->created_at_ms;
		if (!m->spec->has_seed)
			there.seed = c->seed;
		pp_job_config_put_json(c, &ours);
		pp_job_config_put_json(&there, &theirs);
		other = ours.len != theirs.len ||
		    memcmp(ours.data, theirs.data, ours.len) != 0 ||
		    strcmp(job.name, asked->name) != 0 ||
		    job.priority != asked->priority ||
		    job.budget_limit_nusd != asked->budget_limit_nusd;
	}
	pp_buf_release(&ours);
	pp_buf_release(&theirs);
	pp_job_config_release(&there);
	pp_job_release(&job);
	return other;
}

/*
 * The config is there before the record: a worker may take the job the moment
 * that it is queued.
 */
static int
queue(struct making *m, char job_id[PP_ID_BYTES], struct pp_error *err)
{
	const struct pp_job_spec *s = m->spec;
	struct pp_blob *blobs = pp_store_blobs(m->store);
	char *key = pp_asprintf("jobs/%s/config.json", m->config.job_id);
	char *user = pp_strdup(m->user_id);
	char *name = pp_strdup(s->name != NULL ? s->name : "");
	struct pp_buf text = PP_BUF_INIT, summary = PP_BUF_INIT;
	struct pp_job job = { .user_id = user,
		.name = name,
		.created_at_ms = m->config.created_at_ms,
		.rows = s->rows,
		.shards = s->shards,
		.priority = s->priority,
		.budget_limit_nusd = m->budget_nusd };
	int rc;

	pp_job_config_put_json(&m->config, &text);
	pp_job_config_put_summary(&m->config, &summary);
	job.config = summary.data;
	memcpy(job.job_id, m->config.job_id, sizeof job.job_id);
	memcpy(job_id, job.job_id, sizeof job.job_id);
	rc = pp_blob_put(blobs, key, text.data, text.len, PP_BLOB_IF_NONE, NULL,
	    NULL, err);
	if (rc == 0) {
		rc = pp_store_job_add(m->store, &job, s->idempotency_key,
		    job_id, err);
		if (rc != 0)
			pp_blob_delete(blobs, key, NULL);
		if (rc == 1 && differs(m, &job, job_id))
			rc = 2;
	}
	pp_buf_release(&text);
	pp_buf_release(&summary);
	free(name);
	free(user);
	free(key);
	return rc;
}

/* ---- all of it ---- */

static int
make(struct making *m, struct pp_findings *findings, char job_id[PP_ID_BYTES],
    struct pp_error *err)
{
	if (check_spec(m->spec, err) < 0 ||
	    pp_template_ref_load(m->store, m->user_id, m->spec->template,
		findings, &m->template, err) < 0 ||
	    choose_models(m, err) < 0 || decide_budget(m, err) < 0 ||
	    open_seeds(m, err) < 0 || check_seeds(m, err) < 0 ||
	    check_first_call(m, err) < 0 || pin(m, err) < 0)
		return -1;
	return queue(m, job_id, err);
}

int
pp_job_create(struct pp_store *s, const struct pp_catalog *catalog,
    const char *user_id, const struct pp_job_spec *spec,
    struct pp_findings *findings, char job_id[PP_ID_BYTES],
    struct pp_error *err)
{
	struct making m = { .store = s,
		.catalog = catalog,
		.user_id = user_id,
		.spec = spec,
		.seed = spec->seed };
	struct pp_rand any;
	int rc;

	if (!spec->has_seed) {
		pp_rand_seed_any(&any);
		m.seed = pp_rand_next(&any);
	}
	rc = make(&m, findings, job_id, err);
	for (size_t i = 0; i < spec->seeds_count; i++)
		pp_seed_close(m.sets[i]);
	pp_template_ref_release(&m.template);
	pp_job_config_release(&m.config);
	return rc;
}
