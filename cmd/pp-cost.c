/*
 * pp-cost: what models cost, what a job or a month will cost, what jobs have
 * cost.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/str.h"
#include "cli/cli.h"
#include "job/account.h"
#include "job/config.h"
#include "job/cost_sums.h"
#include "job/estimate.h"
#include "job/ids.h"
#include "job/job.h"
#include "job/job_spec.h"
#include "job/month.h"
#include "job/routes.h"
#include "job/seed_source.h"
#include "job/template_ref.h"
#include "job/user.h"
#include "model/catalog.h"

/* A row may have a seed, a record and a reply of this size in it. */
#define MAX_ROW_BYTES ((size_t)64 << 20)

/* ---- printing ---- */

static void
put_bool(struct pp_buf *out, const char *key, bool v)
{
	pp_json_put_key(out, key);
	pp_buf_adds(out, v ? "true" : "false");
}

/* A price or a limit that may not be there. */
static void
put_money_or_null(struct pp_buf *out, const char *key, int64_t nusd)
{
	if (nusd >= 0)
		pp_json_member_money(out, key, nusd);
	else
		pp_json_member_str(out, key, NULL);
}

/* End the object and print it as a line. */
static void
print_object(struct pp_buf *out)
{
	pp_buf_adds(out, "}\n");
	fwrite(out->data, 1, out->len, stdout);
	pp_buf_clear(out);
}

/* With all nine places, so that the points of a column stand in a line. */
static void
exact_cell(struct pp_table *t, int64_t nusd)
{
	char text[PP_MONEY_TEXT_BYTES];

	snprintf(text, sizeof text, "$%" PRId64 ".%09" PRId64,
	    nusd / PP_NUSD_PER_USD, nusd % PP_NUSD_PER_USD);
	pp_table_right(t, text);
}

/* An estimate needs no more than four places; they are rounded up. */
static void
rounded_cell(struct pp_table *t, int64_t nusd)
{
	int64_t places = nusd / 100000 + (nusd % 100000 != 0);
	char text[PP_MONEY_TEXT_BYTES];

	snprintf(text, sizeof text, "$%" PRId64 ".%04" PRId64, places / 10000,
	    places % 10000);
	pp_table_right(t, text);
}

/* ---- prices ---- */

static void
price_cell(struct pp_table *t, int64_t nusd)
{
	char text[PP_MONEY_TEXT_BYTES];

	pp_table_right(t, nusd >= 0 ? pp_money_format(nusd, text) : "-");
}

/* Sources are whole sentences; -v shows all of them. */
static void
source_cell(const struct pp_cli *cli, struct pp_table *t, const char *source)
{
	const size_t most = 40;
	size_t len = strlen(source), cut = most;
	char *text;

	if (cli->verbose > 0 || len <= most) {
		pp_table_cell(t, source);
		return;
	}
	while (cut > 0 && ((unsigned char)source[cut] & 0xc0) == 0x80)
		cut--;
	text = pp_asprintf("%.*s...", (int)cut, source);
	pp_table_cell(t, text);
	free(text);
}

static void
price_row(const struct pp_cli *cli, struct pp_table *t,
    const struct pp_model *m)
{
	struct pp_error why = PP_ERROR_INIT;
	bool callable = pp_model_is_configured(m, &why);

	pp_table_cell(t, m->name);
	pp_table_cell(t, m->tier > 0 ? pp_tier_name(m->tier) : "-");
	price_cell(t, m->price.input);
	price_cell(t, m->price.output);
	price_cell(t, m->price.cache_read);
	pp_table_cell(t, callable ? "yes" : "no");
	pp_table_cell(t, m->price_date);
	if (cli->verbose > 0)
		pp_table_cell(t, callable ? "" : why.text);
	source_cell(cli, t, m->price_source);
}

static void
price_json(struct pp_buf *out, const struct pp_model *m)
{
	const struct pp_price *p = &m->price;
	struct pp_error why = PP_ERROR_INIT;
	bool callable = pp_model_is_configured(m, &why);

	pp_buf_addc(out, '{');
	pp_json_member_str(out, "model", m->name);
	pp_json_member_str(out, "label", m->label);
	pp_json_member_str(out, "provider", pp_provider_name(m->provider));
	pp_json_member_str(out, "id", m->id);
	pp_json_member_str(out, "tier",
	    m->tier > 0 ? pp_tier_name(m->tier) : NULL);
	pp_json_member_str(out, "status", m->status);
	put_money_or_null(out, "input", p->input);
	put_money_or_null(out, "output", p->output);
	put_money_or_null(out, "cache_read", p->cache_read);
	put_money_or_null(out, "cache_write", p->cache_write);
	if (p->long_above > 0) {
		pp_json_member_int(out, "long_above", p->long_above);
		put_money_or_null(out, "long_input", p->long_input);
		put_money_or_null(out, "long_output", p->long_output);
		put_money_or_null(out, "long_cache_read", p->long_cache_read);
		put_money_or_null(out, "long_cache_write", p->long_cache_write);
	}
	pp_json_member_str(out, "date", m->price_date);
	pp_json_member_str(out, "source", m->price_source);
	put_bool(out, "callable", callable);
	if (!callable)
		pp_json_member_str(out, "why", why.text);
	print_object(out);
}

static int
check_models(const struct pp_catalog *c, int argc, char **argv,
    struct pp_error *err)
{
	const char *like;

	for (int i = 0; i < argc; i++) {
		if (pp_catalog_find(c, argv[i]) != NULL)
			continue;
		like = pp_catalog_suggest(c, argv[i]);
		return pp_error_set(err, PP_ENOENT,
		    "there is no model '%s'%s%s%s", argv[i],
		    like != NULL ? "; did you mean '" : "",
		    like != NULL ? like : "", like != NULL ? "'?" : "");
	}
	return 0;
}

/* All models, or those that are named; NULL after the last. */
static const struct pp_model *
chosen_model(const struct pp_catalog *c, int argc, char **argv, size_t i)
{
	if (argc == 0)
		return pp_catalog_at(c, i);
	return i < (size_t)argc ? pp_catalog_find(c, argv[i]) : NULL;
}

static int
prices_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	static const char *const headings[] = { "MODEL", "TIER", "INPUT",
		"OUTPUT", "CACHED", "CALLABLE", "DATE", "SOURCE" };
	static const char *const verbose[] = { "MODEL", "TIER", "INPUT",
		"OUTPUT", "CACHED", "CALLABLE", "DATE", "WHY NOT", "SOURCE" };
	struct pp_catalog *catalog = pp_catalog_load(err);
	struct pp_buf out = PP_BUF_INIT;
	struct pp_table *t = NULL;
	const struct pp_model *m;
	int rc = -1;

	(void)state;
	if (catalog == NULL || check_models(catalog, argc, argv, err) < 0)
		goto out;
	if (!cli->json)
		t = cli->verbose > 0 ? pp_table_new(verbose, 9) :
				       pp_table_new(headings, 8);
	for (size_t i = 0; (m = chosen_model(catalog, argc, argv, i)) != NULL;
	     i++) {
		if (cli->json)
			price_json(&out, m);
		else
			price_row(cli, t, m);
	}
	if (t != NULL)
		pp_table_print(t);
	rc = 0;
out:
	pp_buf_release(&out);
	pp_catalog_free(catalog);
	return rc;
}

/* ---- estimate ---- */

enum { OPT_ORDER = PP_OPT_LONG, OPT_SEED, OPT_SAMPLE, OPT_COMPARE, OPT_OUTPUT };

static const struct pp_opt estimate_options[] = {
	{ 't', "template", "TEMPLATE", "a file, or ID or ID@VERSION",
	    PP_COMPLETE_TEMPLATE, NULL },
	{ 's', "seeds", "[NAME=]SEEDS",
	    "a seed set or a file; repeatable with names", PP_COMPLETE_SEEDS,
	    NULL },
	{ 'n', "rows", "ROWS", "rows of the job", PP_COMPLETE_NONE, NULL },
	{ 'm', "model", "[STEP=]MODEL",
	    "price with this model or tier; repeatable", PP_COMPLETE_MODEL,
	    NULL },
	{ OPT_ORDER, "order", "ORDER", "how rows get their seeds [sequential]",
	    PP_COMPLETE_WORDS, "sequential shuffled random" },
	{ OPT_SEED, "seed", "N", "seed of all chance [0]", PP_COMPLETE_NONE,
	    NULL },
	{ OPT_SAMPLE, "sample", "N", "rows to render, or all [100]",
	    PP_COMPLETE_WORDS, "all" },
	{ OPT_COMPARE, "compare", "MODEL,...",
	    "the same on these models; repeatable", PP_COMPLETE_MODEL, NULL },
	{ OPT_OUTPUT, "output-tokens", "[STEP=]N",
	    "tokens of an answer [half of max_tokens]; repeatable",
	    PP_COMPLETE_NONE, NULL },
	{ 0 }
};

#define MAX_SETTINGS 256
#define MAX_COMPARED 64
#define DEFAULT_SAMPLE 100

/* Options as they come; what they mean is looked at when all are there. */
struct setting {
	int key;
	const char *arg;
};

struct estimate_state {
	struct setting settings[MAX_SETTINGS];
	size_t count;
};

static int
estimate_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct estimate_state *s = state;

	if (s->count == MAX_SETTINGS)
		return pp_error_set(err, PP_EUSAGE, "more than %d options",
		    MAX_SETTINGS);
	s->settings[s->count++] = (struct setting){ key, arg };
	return 0;
}

/* What the options come to. */
struct estimating {
	struct pp_catalog *catalog;
	struct pp_job_spec spec;
	struct pp_output_sizes outputs;
	const struct pp_model *compare[MAX_COMPARED];
	struct pp_estimate_options options;
	int64_t sample; /* 0: all rows */
	struct pp_estimate result;
};

static int
add_compared(struct estimating *e, const char *name, size_t len,
    struct pp_error *err)
{
	char *copy = pp_strndup(name, len);
	const struct pp_model *m = NULL;

	if (e->options.compare_count == MAX_COMPARED)
		pp_error_set(err, PP_EUSAGE,
		    "--compare takes at most %d models", MAX_COMPARED);
	else
		m = pp_route_price(e->catalog, copy, NULL, NULL, NULL, err);
	free(copy);
	if (m == NULL)
		return -1;
	if (!pp_model_is_priced(m))
		return pp_error_set(err, PP_ECONFIG, "model '%s' has no price",
		    m->name);
	e->compare[e->options.compare_count++] = m;
	return 0;
}

/* "a,b" */
static int
add_compared_list(struct estimating *e, const char *list, struct pp_error *err)
{
	size_t len;

	for (;; list += len + 1) {
		len = strcspn(list, ",");
		if (add_compared(e, list, len, err) < 0)
			return -1;
		if (list[len] == '\0')
			return 0;
	}
}

static int
set_sample(struct estimating *e, const char *arg, struct pp_error *err)
{
	if (strcmp(arg, "all") != 0)
		return pp_parse_int(arg, "--sample", 1, PP_MAX_ROWS, &e->sample,
		    err);
	e->sample = 0;
	return 0;
}

/* Options that a job has, too. */
static int
set_of_job(struct estimating *e, const struct setting *s, struct pp_error *err)
{
	static const struct {
		int key;
		const char *name, *what;
	} names[] = {
		{ 't', "template", "--template" },
		{ 's', "seeds", "--seeds" },
		{ 'n', "rows", "--rows" },
		{ 'm', "model", "--model" },
		{ OPT_ORDER, "order", "--order" },
		{ OPT_SEED, "seed", "--seed" },
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (names[i].key == s->key)
			return pp_job_spec_set(&e->spec, names[i].name, s->arg,
			    names[i].what, err);
	}
	return pp_error_set(err, PP_EBUG, "option %d", s->key);
}

static int
read_settings(struct estimating *e, const struct estimate_state *state,
    struct pp_error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < state->count; i++) {
		const struct setting *s = &state->settings[i];

		switch (s->key) {
		case OPT_SAMPLE: rc = set_sample(e, s->arg, err); break;
		case OPT_COMPARE: rc = add_compared_list(e, s->arg, err); break;
		case OPT_OUTPUT:
			rc = pp_output_sizes_add(&e->outputs, s->arg, err);
			break;
		default: rc = set_of_job(e, s, err); break;
		}
	}
	e->options.outputs = &e->outputs;
	e->options.compare = e->compare;
	return rc;
}

/* Files alone need no home. */
static bool
needs_store(const struct pp_job_spec *spec)
{
	bool needs = !pp_template_ref_is_file(spec->template);

	for (size_t i = 0; i < spec->seeds_count; i++)
		needs |= !pp_seed_source_is_file(spec->seeds[i].set);
	return needs;
}

static int
estimate_with(struct estimating *e, const struct pp_template_ref *t,
    struct pp_seed_source *const *seeds, struct pp_error *err)
{
	const struct pp_model *models[PP_MAX_STEPS];
	const char *names[PP_MAX_SEED_SETS];
	const struct pp_job_spec *spec = &e->spec;
	const struct pp_estimate_job job = { .template = t,
		.models = models,
		.seeds = seeds,
		.names = names,
		.seeds_count = spec->seeds_count,
		.rows = spec->rows,
		.order = spec->order,
		.seed = spec->seed,
		.sample = e->sample };

	for (size_t i = 0; i < spec->seeds_count; i++)
		names[i] = spec->seeds[i].name;
	if (pp_routes_resolve_prices(&spec->routes, e->catalog, t->recipe,
		models, err) < 0)
		return -1;
	return pp_estimate_job(&job, &e->options, &e->result, err);
}

static int
estimate_job(struct estimating *e, struct pp_error *err)
{
	struct pp_seed_source *seeds[PP_MAX_SEED_SETS] = { NULL };
	struct pp_template_ref t = { .recipe = NULL };
	const struct pp_job_spec *spec = &e->spec;
	struct pp_store *store = NULL;
	char *user = pp_user_id(err);
	int rc = -1;

	if (user == NULL ||
	    (needs_store(spec) &&
		(store = pp_store_open_to_read(NULL, err)) == NULL) ||
	    pp_template_ref_load(store, user, spec->template, NULL, &t, err) <
		0)
		goto out;
	for (size_t i = 0; i < spec->seeds_count; i++) {
		seeds[i] = pp_seed_source_open(store, user, spec->seeds[i].set,
		    err);
		if (seeds[i] == NULL)
			goto out;
	}
	rc = estimate_with(e, &t, seeds, err);
out:
	for (size_t i = 0; i < spec->seeds_count; i++)
		pp_seed_source_close(seeds[i]);
	if (t.recipe != NULL)
		pp_template_ref_release(&t);
	pp_store_close(store);
	free(user);
	return rc;
}

static void
put_line(struct pp_buf *out, const struct pp_estimate_line *line)
{
	if (line->model != NULL) {
		pp_json_member_str(out, "model", line->model->name);
		put_bool(out, "callable",
		    pp_model_is_configured(line->model, NULL));
	}
	pp_json_member_int(out, "calls", line->calls);
	pp_json_member_int(out, "tokens_in", line->tokens_in);
	pp_json_member_int(out, "tokens_out", line->tokens_out);
	pp_json_member_money(out, "cost", line->cost_nusd);
	pp_json_member_money(out, "bound", line->bound_nusd);
}

static void
estimate_json(const struct pp_estimate *e)
{
	struct pp_buf out = PP_BUF_INIT;
	struct pp_estimate_line total;

	for (size_t i = 0; i < e->count; i++) {
		pp_buf_addc(&out, '{');
		pp_json_member_str(&out, "step", e->lines[i].step);
		put_line(&out, &e->lines[i]);
		if (e->lines[i].assumed)
			put_bool(&out, "assumed", true);
		print_object(&out);
	}
	pp_estimate_total(e, &total);
	pp_buf_addc(&out, '{');
	put_bool(&out, "total", true);
	if (e->rows > 0) {
		pp_json_member_int(&out, "rows", e->rows);
		pp_json_member_int(&out, "sampled", e->sampled);
		pp_json_member_int(&out, "sampled_failed", e->failed);
	}
	put_line(&out, &total);
	print_object(&out);
	for (size_t i = 0; i < e->other_count; i++) {
		pp_buf_addc(&out, '{');
		put_bool(&out, "compared", true);
		put_line(&out, &e->others[i]);
		print_object(&out);
	}
	pp_buf_release(&out);
}

static void
estimate_row(struct pp_table *t, const char *step, const char *model,
    const struct pp_estimate_line *line)
{
	pp_table_cell(t, step);
	pp_table_cell(t, model);
	pp_table_number(t, line->calls);
	pp_table_number(t, line->tokens_in);
	pp_table_number(t, line->tokens_out);
	rounded_cell(t, line->cost_nusd);
	rounded_cell(t, line->bound_nusd);
}

static void
estimate_table(const struct pp_estimate *e)
{
	static const char *const headings[] = { "STEP", "MODEL", "CALLS",
		"TOKENS IN", "TOKENS OUT", "COST", "AT MOST" };
	static const char *const compared[] = { "INSTEAD ON", "COST", "AT MOST",
		"CALLABLE" };
	struct pp_table *t = pp_table_new(headings, 7);
	struct pp_estimate_line total;

	for (size_t i = 0; i < e->count; i++)
		estimate_row(t, e->lines[i].step, e->lines[i].model->name,
		    &e->lines[i]);
	pp_estimate_total(e, &total);
	estimate_row(t, "total", "", &total);
	pp_table_print(t);
	if (e->other_count == 0)
		return;
	putchar('\n');
	t = pp_table_new(compared, 4);
	for (size_t i = 0; i < e->other_count; i++) {
		const struct pp_estimate_line *other = &e->others[i];

		pp_table_cell(t, other->model->name);
		rounded_cell(t, other->cost_nusd);
		rounded_cell(t, other->bound_nusd);
		pp_table_cell(t,
		    pp_model_is_configured(other->model, NULL) ? "yes" : "no");
	}
	pp_table_print(t);
}

/* What the numbers do not say. */
static void
estimate_remarks(const struct pp_cli *cli, const struct pp_estimate *e)
{
	if (e->failed > 0)
		pp_cli_warn(cli,
		    "%" PRId64 " of %" PRId64 " sampled rows "
		    "cannot be rendered whole, with filler text for answers: "
		    "%s",
		    e->failed, e->sampled, e->reason);
	for (size_t i = 0; i < e->count; i++) {
		if (e->lines[i].assumed)
			pp_cli_note(cli,
			    "step '%s' is counted in every row: "
			    "its 'when' reads an answer",
			    e->lines[i].step);
	}
	if (!cli->json && e->sampled < e->rows)
		pp_cli_note(cli, "from %" PRId64 " of %" PRId64 " rows",
		    e->sampled, e->rows);
}

static int
check_usage(const struct pp_job_spec *spec, int argc, char **argv,
    struct pp_error *err)
{
	bool prompts = spec->template == NULL;

	if (argc > 1 || (argc == 1 && strcmp(argv[0], "-") != 0))
		return pp_error_set(err, PP_EUSAGE,
		    "prompts are read from standard input only");
	if (prompts && (spec->seeds_count > 0 || spec->rows > 0))
		return pp_error_set(err, PP_EUSAGE, "--template is missing");
	if (!prompts && argc == 1)
		return pp_error_set(err, PP_EUSAGE,
		    "either --template or prompts on standard input");
	if (!prompts && spec->rows == 0)
		return pp_error_set(err, PP_EUSAGE, "--rows is missing");
	if (prompts && argc == 0 && isatty(STDIN_FILENO))
		return pp_error_set(err, PP_EUSAGE,
		    "give --template, or prompts on standard input");
	return 0;
}

static void
print_estimate(const struct pp_cli *cli, const struct pp_estimate *e)
{
	if (cli->json)
		estimate_json(e);
	else
		estimate_table(e);
	estimate_remarks(cli, e);
}

static int
estimate_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct estimating e = { .sample = DEFAULT_SAMPLE };
	int rc = -1;

	pp_job_spec_init(&e.spec);
	e.catalog = pp_catalog_load(err);
	if (e.catalog == NULL || read_settings(&e, state, err) < 0 ||
	    check_usage(&e.spec, argc, argv, err) < 0)
		goto out;
	if (e.spec.template != NULL)
		rc = estimate_job(&e, err);
	else
		rc = pp_estimate_prompts(STDIN_FILENO, "standard input",
		    e.catalog, &e.spec.routes, &e.options, &e.result, err);
	if (rc == 0)
		print_estimate(cli, &e.result);
	pp_estimate_release(&e.result);
out:
	pp_output_sizes_release(&e.outputs);
	pp_job_spec_release(&e.spec);
	pp_catalog_free(e.catalog);
	return rc;
}

/* ---- what was spent ---- */

static void
put_entry(struct pp_buf *out, const struct pp_ledger_entry *e)
{
	pp_json_member_int(out, "calls", e->calls);
	pp_json_member_int(out, "tokens_in", e->usage.tokens_in);
	pp_json_member_int(out, "tokens_out", e->usage.tokens_out);
	pp_json_member_int(out, "tokens_cached", e->usage.cache_read);
	pp_json_member_int(out, "tokens_cache_write", e->usage.cache_write);
	pp_json_member_money(out, "cost", e->cost_nusd);
	pp_json_member_money(out, "unproven", e->unproven_nusd);
}

/* `job_id` may be NULL. */
static void
ledger_json(const struct pp_ledger *l, const char *job_id)
{
	struct pp_buf out = PP_BUF_INIT;

	for (size_t i = 0; i < l->count; i++) {
		pp_buf_addc(&out, '{');
		if (job_id != NULL)
			pp_json_member_str(&out, "job_id", job_id);
		pp_json_member_str(&out, "step", l->entries[i].step);
		pp_json_member_str(&out, "model", l->entries[i].model);
		put_entry(&out, &l->entries[i]);
		print_object(&out);
	}
	pp_buf_release(&out);
}

static void
ledger_row(struct pp_table *t, const char *step, const char *model,
    const struct pp_ledger_entry *e)
{
	pp_table_cell(t, step);
	pp_table_cell(t, model);
	pp_table_number(t, e->calls);
	pp_table_number(t, e->usage.tokens_in);
	pp_table_number(t, e->usage.cache_read);
	pp_table_number(t, e->usage.tokens_out);
	exact_cell(t, e->cost_nusd);
	exact_cell(t, e->unproven_nusd);
}

static void
ledger_table(const struct pp_ledger *l)
{
	static const char *const headings[] = { "STEP", "MODEL", "CALLS",
		"TOKENS IN", "CACHED", "TOKENS OUT", "COST", "UNPROVEN" };
	struct pp_table *t = pp_table_new(headings, 8);
	struct pp_ledger_entry total;

	for (size_t i = 0; i < l->count; i++)
		ledger_row(t, l->entries[i].step, l->entries[i].model,
		    &l->entries[i]);
	pp_ledger_sum(l, &total);
	ledger_row(t, "total", "", &total);
	pp_table_print(t);
}

/* Row counts and sums, inside an object. */
static void
put_ledger_total(struct pp_buf *out, const struct pp_ledger *l)
{
	struct pp_ledger_entry total;

	pp_ledger_sum(l, &total);
	pp_json_member_int(out, "rows_done", l->rows_done);
	pp_json_member_int(out, "rows_failed", l->rows_failed);
	put_entry(out, &total);
}

/* ---- show ---- */

enum { OPT_VERIFY = PP_OPT_LONG };

static const struct pp_opt show_options[] = { { OPT_VERIFY, "verify", NULL,
						  "add up the rows and compare",
						  PP_COMPLETE_NONE, NULL },
	{ 0 } };

struct show_state {
	bool verify;
	/* while it runs */
	const struct pp_cli *cli;
	struct pp_store *store;
	char *user;
	int64_t shown;
};

static int
show_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct show_state *s = state;

	(void)key;
	(void)arg;
	(void)err;
	s->verify = true;
	return 0;
}

static int64_t
spent(const struct pp_account *a)
{
	struct pp_totals t;

	pp_ledger_totals(&a->ledger, &t);
	return pp_money_add(t.settled_nusd, t.unproven_nusd);
}

static void
show_json(const struct show_state *s, const struct pp_job *job,
    const struct pp_account *a)
{
	int64_t limit = job->budget_limit_nusd;
	struct pp_buf out = PP_BUF_INIT;
	char time[PP_TIME_TEXT_BYTES];

	ledger_json(&a->ledger, job->job_id);
	pp_buf_addc(&out, '{');
	pp_json_member_str(&out, "job_id", job->job_id);
	put_bool(&out, "total", true);
	pp_json_member_str(&out, "name", job->name);
	pp_json_member_str(&out, "status", pp_job_status_name(job->status));
	pp_json_member_int(&out, "rows", job->rows);
	put_ledger_total(&out, &a->ledger);
	pp_json_member_int(&out, "rows_open", a->open_rows);
	pp_json_member_int(&out, "calls_on_wire", a->calls_on_wire);
	pp_json_member_money(&out, "on_wire", a->on_wire_nusd);
	pp_json_member_int(&out, "compute_ms", a->compute_ms);
	pp_json_member_money(&out, "compute_cost", a->compute_nusd);
	put_money_or_null(&out, "budget", limit);
	if (limit != PP_NO_LIMIT)
		pp_json_member_money(&out, "left", limit - spent(a));
	else
		pp_json_member_str(&out, "left", NULL);
	pp_json_member_str(&out, "as_of",
	    a->as_of_ms > 0 ? pp_time_format(a->as_of_ms, time) : NULL);
	if (s->verify)
		put_bool(&out, "verified", true);
	print_object(&out);
	pp_buf_release(&out);
}

static void
show_duration(int64_t ms)
{
	if (ms >= 3600000)
		printf("%" PRId64 "h%02" PRId64 "m%02" PRId64 "s", ms / 3600000,
		    ms / 60000 % 60, ms / 1000 % 60);
	else if (ms >= 60000)
		printf("%" PRId64 "m%02" PRId64 "s", ms / 60000,
		    ms / 1000 % 60);
	else
		printf("%" PRId64 ".%03" PRId64 "s", ms / 1000, ms % 1000);
}

static void
show_facts(const struct show_state *s, const struct pp_job *job,
    const struct pp_account *a)
{
	char money[PP_MONEY_TEXT_BYTES], time[PP_TIME_TEXT_BYTES];
	const struct pp_ledger *l = &a->ledger;

	printf("\nrows: %" PRId64 " of %" PRId64 " done, %" PRId64 " failed",
	    l->rows_done, job->rows, l->rows_failed);
	if (a->open_rows > 0)
		printf(", %" PRId64 " unfinished", a->open_rows);
	printf("\ncompute: ");
	show_duration(a->compute_ms);
	if (a->compute_nusd > 0)
		printf(", $%s on Fargate, beside the budget",
		    pp_money_format(a->compute_nusd, money));
	putchar('\n');
	if (l->lost_nusd > 0)
		printf("lost: $%s of the unproven is of no known row\n",
		    pp_money_format(l->lost_nusd, money));
	if (a->calls_on_wire > 0)
		printf("on the wire: %" PRId64 " calls, at most $%s\n",
		    a->calls_on_wire, pp_money_format(a->on_wire_nusd, money));
	if (job->budget_limit_nusd == PP_NO_LIMIT) {
		puts("budget: none");
	} else {
		printf("budget: $%s",
		    pp_money_format(job->budget_limit_nusd, money));
		printf(", left $%s\n",
		    pp_money_format(job->budget_limit_nusd - spent(a), money));
	}
	printf("as of: %s\n",
	    a->as_of_ms > 0 ? pp_time_format(a->as_of_ms, time) :
			      "no checkpoint yet");
	if (s->verify)
		puts("verified: the rows add up to the same");
}

static void
show_text(const struct show_state *s, const struct pp_job *job,
    const struct pp_account *a)
{
	if (s->shown > 0)
		putchar('\n');
	printf("job %s%s%s: %s\n\n", job->job_id,
	    job->name[0] != '\0' ? " " : "", job->name,
	    pp_job_status_name(job->status));
	ledger_table(&a->ledger);
	show_facts(s, job, a);
}

static int
show_job(void *arg, const char *job_id, struct pp_error *err)
{
	struct show_state *s = arg;
	struct pp_account account;
	struct pp_job job;
	int rc;

	if (pp_job_get(s->store, s->user, job_id, &job, err) < 0)
		return -1;
	rc = s->verify ? pp_account_verify(s->store, &job, err) : 0;
	if (rc == 0)
		rc = pp_account_load(s->store, &job, &account, err);
	if (rc == 0) {
		if (s->cli->json)
			show_json(s, &job, &account);
		else
			show_text(s, &job, &account);
		pp_account_release(&account);
		s->shown++;
	}
	pp_job_release(&job);
	return rc;
}

static int
show_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct show_state *s = state;
	int rc = -1;

	if (argc == 0)
		return pp_error_set(err, PP_EUSAGE, "no job is named");
	s->cli = cli;
	s->user = pp_user_id(err);
	if (s->user != NULL &&
	    (s->store = pp_store_open_to_read(NULL, err)) != NULL)
		rc = pp_job_ids_each(argc, argv, show_job, s, err);
	pp_store_close(s->store);
	free(s->user);
	return rc;
}

/* ---- sum ---- */

/* A row; or the header of a batch, which has no costs of its own. */
static int
sum_line(struct pp_ledger *l, const struct pp_json *v, struct pp_error *err)
{
	if (pp_json_get(v, "batch") != NULL)
		return 0;
	return pp_ledger_add_line(l, v, err);
}

static int
sum_lines(struct pp_lines *lines, struct pp_ledger *l, struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *v;
	size_t len;
	char *line;
	int rc;

	while ((rc = pp_lines_next(lines, &line, &len, err)) > 0) {
		if (strspn(line, " \t") == len)
			continue;
		v = pp_json_parse(&doc, line, len, 0, err);
		if (v == NULL || sum_line(l, v, err) < 0) {
			rc = pp_error_wrap(err, "%s:%" PRIu64, lines->name,
			    lines->number);
			break;
		}
	}
	pp_json_doc_release(&doc);
	return rc;
}

static int
sum_file(const char *path, struct pp_ledger *l, struct pp_error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct pp_lines lines;
	int rc;

	if (fd < 0)
		return pp_error_errno(err, errno == ENOENT ? PP_ENOENT : PP_EIO,
		    errno, "cannot open '%s'", path);
	pp_lines_init(&lines, fd, is_stdin ? "standard input" : path,
	    MAX_ROW_BYTES);
	rc = sum_lines(&lines, l, err);
	pp_lines_release(&lines);
	if (!is_stdin)
		close(fd);
	return rc;
}

static void
sum_print(const struct pp_cli *cli, const struct pp_ledger *l)
{
	struct pp_buf out = PP_BUF_INIT;

	if (!cli->json) {
		ledger_table(l);
		printf("\nrows: %" PRId64 " done, %" PRId64 " failed\n",
		    l->rows_done, l->rows_failed);
		return;
	}
	ledger_json(l, NULL);
	pp_buf_addc(&out, '{');
	put_bool(&out, "total", true);
	put_ledger_total(&out, l);
	print_object(&out);
	pp_buf_release(&out);
}

static int
sum_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct pp_ledger l = PP_LEDGER_INIT;
	int rc = 0;

	(void)state;
	if (argc == 0)
		rc = sum_file("-", &l, err);
	for (int i = 0; rc == 0 && i < argc; i++)
		rc = sum_file(argv[i], &l, err);
	if (rc == 0)
		rc = pp_ledger_check_sums(&l, err);
	if (rc == 0)
		sum_print(cli, &l);
	pp_ledger_release(&l);
	return rc;
}

/* ---- report ---- */

enum { OPT_SINCE = PP_OPT_LONG, OPT_BY };

static const struct pp_opt report_options[] = {
	{ OPT_SINCE, "since", "WHEN",
	    "from a time, 2026-11-01, or for so long, 7d", PP_COMPLETE_NONE,
	    NULL },
	{ OPT_BY, "by", "WHAT", "a line for each day, model or job [day]",
	    PP_COMPLETE_WORDS, "day model job" },
	{ 0 }
};

struct report_state {
	int64_t since_ms;
	enum pp_cost_by by;
};

static int
set_since(int64_t *ms, const char *arg, struct pp_error *err)
{
	int64_t ago;

	if (pp_time_parse(arg, ms, NULL) == 0)
		return 0;
	if (pp_parse_duration_ms(arg, "--since", &ago, NULL) < 0)
		return pp_error_set(err, PP_EUSAGE,
		    "--since must be a time "
		    "like 2026-11-01 or a duration like 7d, not '%s'",
		    arg);
	*ms = pp_clock_wall_ms() - ago;
	return 0;
}

static int
report_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct report_state *s = state;

	if (key == OPT_SINCE)
		return set_since(&s->since_ms, arg, err);
	if (pp_cost_by_parse(arg, &s->by) == 0)
		return 0;
	return pp_error_set(err, PP_EUSAGE,
	    "--by must be day, model or job, not '%s'", arg);
}

static void
report_json(const struct pp_cost_sums *sums, enum pp_cost_by by)
{
	struct pp_buf out = PP_BUF_INIT;

	for (size_t i = 0; i < sums->count; i++) {
		const struct pp_cost_sum *c = &sums->list[i];

		pp_buf_addc(&out, '{');
		pp_json_member_str(&out,
		    by == PP_COST_BY_JOB ? "job_id" : pp_cost_by_name(by),
		    c->key);
		pp_json_member_int(&out, "tokens_in", c->tokens_in);
		pp_json_member_int(&out, "tokens_out", c->tokens_out);
		pp_json_member_money(&out, "cost", c->cost_nusd);
		print_object(&out);
	}
	pp_buf_release(&out);
}

static void
report_table(const struct pp_cost_sums *sums, enum pp_cost_by by)
{
	static const char *const names[] = { [PP_COST_BY_DAY] = "DAY",
		[PP_COST_BY_MODEL] = "MODEL",
		[PP_COST_BY_JOB] = "JOB" };
	const char *headings[] = { names[by], "TOKENS IN", "TOKENS OUT",
		"COST" };
	struct pp_table *t = pp_table_new(headings, 4);
	struct pp_cost_sum total = { .key = NULL };

	for (size_t i = 0; i < sums->count; i++) {
		const struct pp_cost_sum *c = &sums->list[i];

		pp_table_cell(t, c->key);
		pp_table_number(t, c->tokens_in);
		pp_table_number(t, c->tokens_out);
		exact_cell(t, c->cost_nusd);
		total.tokens_in = pp_money_add(total.tokens_in, c->tokens_in);
		total.tokens_out = pp_money_add(total.tokens_out,
		    c->tokens_out);
		total.cost_nusd = pp_money_add(total.cost_nusd, c->cost_nusd);
	}
	pp_table_cell(t, "total");
	pp_table_number(t, total.tokens_in);
	pp_table_number(t, total.tokens_out);
	exact_cell(t, total.cost_nusd);
	pp_table_print(t);
}

static int
report_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	const struct report_state *s = state;
	struct pp_cost_sums sums = { .list = NULL };
	struct pp_store *store = NULL;
	char *user;
	int rc = -1;

	(void)argv;
	if (argc > 0)
		return pp_error_set(err, PP_EUSAGE,
		    "report takes no operands; see show for one job");
	user = pp_user_id(err);
	if (user != NULL && (store = pp_store_open_to_read(NULL, err)) != NULL)
		rc = pp_cost_sums_collect(store, user, s->by, s->since_ms,
		    &sums, err);
	if (rc == 0 && cli->json)
		report_json(&sums, s->by);
	else if (rc == 0)
		report_table(&sums, s->by);
	pp_cost_sums_release(&sums);
	pp_store_close(store);
	free(user);
	return rc;
}

/* ---- infra ---- */

enum {
	OPT_JOBS = PP_OPT_LONG,
	OPT_PARAMETERS,
	OPT_SET,
	OPT_TOKENS_IN,
	OPT_TOKENS_OUT,
	OPT_ROW_BYTES,
	OPT_ROW_TIME,
	OPT_MONTHS,
	OPT_ON_DEMAND
};

static const struct pp_opt infra_options[] = {
	{ 'n', "rows", "ROWS", "rows made in a month", PP_COMPLETE_NONE, NULL },
	{ 'm', "model", "MODEL", "that makes them; model or tier [none]",
	    PP_COMPLETE_MODEL, NULL },
	{ 'c', "concurrency", "N", "rows at once, of each task [64]",
	    PP_COMPLETE_NONE, NULL },
	{ OPT_JOBS, "jobs", "N", "jobs that the rows are of [1]",
	    PP_COMPLETE_NONE, NULL },
	{ OPT_PARAMETERS, "parameters", "FILE",
	    "parameters of the deployment [the templates' own]",
	    PP_COMPLETE_FILE, NULL },
	{ OPT_SET, "set", "KEY=VALUE", "one more of them; repeatable",
	    PP_COMPLETE_NONE, NULL },
	{ OPT_TOKENS_IN, "tokens-in", "N", "tokens of a row's prompts [600]",
	    PP_COMPLETE_NONE, NULL },
	{ OPT_TOKENS_OUT, "tokens-out", "N", "tokens of a row's answers [400]",
	    PP_COMPLETE_NONE, NULL },
	{ OPT_ROW_BYTES, "row-bytes", "SIZE", "size of a row [4KiB]",
	    PP_COMPLETE_NONE, NULL },
	{ OPT_ROW_TIME, "row-time", "TIME",
	    "from its first call to its last "
	    "answer [10s]",
	    PP_COMPLETE_NONE, NULL },
	{ OPT_MONTHS, "months", "N", "months that outputs are kept [12]",
	    PP_COMPLETE_NONE, NULL },
	{ OPT_ON_DEMAND, "on-demand", NULL, "tasks not of Fargate Spot",
	    PP_COMPLETE_NONE, NULL },
	{ 0 }
};

#define MAX_PARAMETERS 64

struct infra_state {
	bool has_use;
	struct pp_month_use use;
	const char *model, *parameters;
	const char *set[MAX_PARAMETERS];
	size_t set_count;
};

static int
infra_number(struct pp_month_use *u, int key, const char *arg,
    struct pp_error *err)
{
	const struct {
		int key;
		const char *what;
		int64_t min, max, *out;
	} numbers[] = {
		{ 'n', "--rows", 0, PP_MAX_ROWS, &u->rows },
		{ 'c', "--concurrency", 1, 100000, &u->in_flight },
		{ OPT_JOBS, "--jobs", 1, 1000000, &u->jobs },
		{ OPT_TOKENS_IN, "--tokens-in", 0, 10000000, &u->tokens_in },
		{ OPT_TOKENS_OUT, "--tokens-out", 0, 10000000, &u->tokens_out },
		{ OPT_MONTHS, "--months", 1, 1200, &u->months },
	};

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		if (numbers[i].key == key)
			return pp_parse_int(arg, numbers[i].what,
			    numbers[i].min, numbers[i].max, numbers[i].out,
			    err);
	}
	return pp_error_set(err, PP_EBUG, "option %d", key);
}

static int
infra_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct infra_state *s = state;
	struct pp_month_use *u = &s->use;

	if (!s->has_use)
		pp_month_use_init(u);
	s->has_use = true;
	switch (key) {
	case 'm': s->model = arg; return 0;
	case OPT_PARAMETERS: s->parameters = arg; return 0;
	case OPT_ON_DEMAND: u->on_demand = true; return 0;
	case OPT_ROW_BYTES:
		return pp_parse_size(arg, "--row-bytes", &u->row_bytes, err);
	case OPT_ROW_TIME:
		return pp_parse_duration_ms(arg, "--row-time", &u->row_ms, err);
	case OPT_SET:
		if (s->set_count == MAX_PARAMETERS || strchr(arg, '=') == NULL)
			return pp_error_set(err, PP_EUSAGE,
			    "--set takes KEY=VALUE, %d times at most",
			    MAX_PARAMETERS);
		s->set[s->set_count++] = arg;
		return 0;
	default: return infra_number(u, key, arg, err);
	}
}

/* The file first, whatever the order: --set is one parameter of this run. */
static int
read_stack(const struct infra_state *s, struct pp_month_stack *stack,
    struct pp_error *err)
{
	int rc = 0;

	pp_month_stack_init(stack);
	if (s->parameters != NULL)
		rc = pp_month_stack_read(stack, s->parameters, err);
	for (size_t i = 0; rc == 0 && i < s->set_count; i++) {
		size_t n = strcspn(s->set[i], "=");
		char *name = pp_strndup(s->set[i], n);

		rc = pp_month_stack_set(stack, name, s->set[i] + n + 1, err);
		free(name);
	}
	return rc;
}

static void
month_json(const struct pp_month *m, const struct pp_infra_prices *p)
{
	struct pp_buf out = PP_BUF_INIT;

	for (size_t i = 0; i < m->count; i++) {
		pp_buf_addc(&out, '{');
		pp_json_member_str(&out, "item", m->lines[i].what);
		pp_json_member_int(&out, "quantity", m->lines[i].quantity);
		pp_json_member_str(&out, "unit", m->lines[i].unit);
		pp_json_member_money(&out, "cost", m->lines[i].cost_nusd);
		print_object(&out);
	}
	pp_buf_addc(&out, '{');
	put_bool(&out, "total", true);
	pp_json_member_money(&out, "cost", m->total_nusd);
	pp_json_member_str(&out, "prices_of", p->date);
	print_object(&out);
	pp_buf_release(&out);
}

static void
month_table(const struct pp_month *m)
{
	static const char *const headings[] = { "ITEM", "A MONTH", "OF",
		"COST" };
	struct pp_table *t = pp_table_new(headings, 4);

	for (size_t i = 0; i < m->count; i++) {
		pp_table_cell(t, m->lines[i].what);
		pp_table_number(t, m->lines[i].quantity);
		pp_table_cell(t, m->lines[i].unit);
		rounded_cell(t, m->lines[i].cost_nusd);
	}
	pp_table_cell(t, "total");
	pp_table_cell(t, "");
	pp_table_cell(t, "");
	rounded_cell(t, m->total_nusd);
	pp_table_print(t);
}

static int
estimate_month(const struct pp_cli *cli, const struct infra_state *s,
    struct pp_month_use *use, struct pp_error *err)
{
	struct pp_infra_prices prices;
	struct pp_month_stack stack;
	struct pp_month month;

	if (read_stack(s, &stack, err) < 0 ||
	    pp_infra_prices_load(&prices, err) < 0)
		return -1;
	pp_month_estimate(&stack, use, &prices, &month);
	if (cli->json) {
		month_json(&month, &prices);
		return 0;
	}
	month_table(&month);
	pp_cli_note(cli, "prices of us-east-1, %s", prices.date);
	if (use->model == NULL)
		pp_cli_note(cli, "without models: see --model");
	else
		pp_cli_note(cli, "%s at the price of %s", use->model->name,
		    use->model->price_date);
	return 0;
}

static int
infra_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct infra_state *s = state;
	struct pp_catalog *catalog = NULL;
	int rc = -1;

	if (argc > 0)
		return pp_error_set(err, PP_EUSAGE,
		    "infra takes no operand '%s'", argv[0]);
	if (!s->has_use)
		pp_month_use_init(&s->use);
	if (s->model != NULL) {
		catalog = pp_catalog_load(err);
		if (catalog == NULL)
			return -1;
		s->use.model = pp_route_price(catalog, s->model, NULL, NULL,
		    NULL, err);
	}
	if (s->model == NULL || s->use.model != NULL)
		rc = estimate_month(cli, s, &s->use, err);
	pp_catalog_free(catalog);
	return rc;
}

/* ---- the program ---- */

static const struct pp_command commands[] = {
	{ .name = "prices",
	    .synopsis = "[MODEL...]",
	    .summary = "show the models and their prices per million tokens",
	    .operands = PP_COMPLETE_MODEL,
	    .has_json = true,
	    .has_names = true,
	    .run = prices_run },
	{ .name = "estimate",
	    .synopsis = "-t TEMPLATE [-s [NAME=]SEEDS]... -n ROWS | -",
	    .summary = "say what a job, or prompts, will cost",
	    .options = estimate_options,
	    .has_json = true,
	    .has_user = true,
	    .state_bytes = sizeof(struct estimate_state),
	    .set = estimate_set,
	    .run = estimate_run },
	{ .name = "show",
	    .synopsis = "JOB... | -",
	    .summary = "show what jobs have cost, to the nano-dollar",
	    .options = show_options,
	    .operands = PP_COMPLETE_JOB,
	    .has_json = true,
	    .has_user = true,
	    .state_bytes = sizeof(struct show_state),
	    .set = show_set,
	    .run = show_run },
	{ .name = "sum",
	    .synopsis = "[FILE...]",
	    .summary = "add up what rows have cost",
	    .operands = PP_COMPLETE_FILE,
	    .has_json = true,
	    .run = sum_run },
	{ .name = "report",
	    .synopsis = "[--since WHEN] [--by WHAT]",
	    .summary = "report what all jobs have cost over time",
	    .options = report_options,
	    .has_json = true,
	    .has_user = true,
	    .state_bytes = sizeof(struct report_state),
	    .set = report_set,
	    .run = report_run },
	{ .name = "infra",
	    .synopsis = "[-n ROWS] [-m MODEL]",
	    .summary = "say what a deployment on AWS will cost in a month",
	    .options = infra_options,
	    .has_json = true,
	    .state_bytes = sizeof(struct infra_state),
	    .set = infra_set,
	    .run = infra_run },
	{ .run = NULL }
};

int
main(int argc, char **argv)
{
	static const struct pp_program program = { "pp-cost",
		"Estimate, account for and report what model calls cost.",
		commands };

	return pp_cli_main(&program, argc, argv);
}
