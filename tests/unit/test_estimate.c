/* What a job will cost: tokens, money and bounds out of real prompts. */
#include <config.h>

#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "job/estimate.h"
#include "model/model_int.h"

/* Prices of one and a thousand nano-dollars a token. */
static const char table[] =
    "tiers:\n"
    "  cheap: [small]\n"
    "models:\n"
    "  small: {provider: bedrock, input: 0.001, output: 0.002}\n"
    "  large: {provider: bedrock, input: 1, output: 2}\n"
    "  unpriced: {provider: bedrock}\n";

static const char *
no_env(const char *name)
{
	(void)name;
	return NULL;
}

static struct pp_catalog *
read_table(void)
{
	struct pp_catalog_source src = { .installed = table,
		.installed_name = "models.yaml",
		.env = no_env };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_catalog *c = pp_catalog_read(&src, &err);

	if (c == NULL)
		fail_msg("%s", err.text);
	return c;
}

/* ---- jobs ---- */

/* Ten seeds whose text has 40 bytes; three of them are long. */
static char seeds_file[] = "/tmp/pp-estimate-XXXXXX.jsonl";

struct job {
	struct pp_catalog *catalog;
	struct pp_template_ref template;
	const struct pp_model *models[PP_MAX_STEPS];
	struct pp_seed_source *seeds;
	const char *name;
	struct pp_output_sizes outputs;
	struct pp_estimate_job job;
	struct pp_estimate_options options;
	struct pp_estimate result;
	struct pp_error err;
};

static void
open_job(struct job *j, const char *template, int64_t rows)
{
	struct pp_routes routes = { .list = NULL };

	memset(j, 0, sizeof *j);
	j->catalog = read_table();
	j->template.shown = pp_strdup("t.yaml");
	j->template.source = pp_strdup(template);
	j->template.source_len = strlen(template);
	j->template.recipe = pp_recipe_load(template, strlen(template),
	    "t.yaml", NULL, NULL, NULL, &j->err);
	if (j->template.recipe == NULL)
		fail_msg("%s", j->err.text);
	assert_ok(pp_routes_resolve_prices(&routes, j->catalog,
		      j->template.recipe, j->models, &j->err),
	    j->err);
	j->seeds = pp_seed_source_open(NULL, "ada", seeds_file, &j->err);
	if (j->seeds == NULL)
		fail_msg("%s", j->err.text);
	j->options.outputs = &j->outputs;
	j->job = (struct pp_estimate_job){ .template = &j->template,
		.models = j->models,
		.seeds = &j->seeds,
		.names = &j->name,
		.seeds_count = 1,
		.rows = rows };
}

static void
close_job(struct job *j)
{
	pp_estimate_release(&j->result);
	pp_output_sizes_release(&j->outputs);
	pp_seed_source_close(j->seeds);
	pp_template_ref_release(&j->template);
	pp_catalog_free(j->catalog);
}

static void
estimate(struct job *j)
{
	assert_ok(pp_estimate_job(&j->job, &j->options, &j->result, &j->err),
	    j->err);
}

static void
check_line(const struct pp_estimate_line *line, int64_t calls,
    int64_t tokens_in, int64_t tokens_out, int64_t cost)
{
	assert_int_equal(line->calls, calls);
	assert_int_equal(line->tokens_in, tokens_in);
	assert_int_equal(line->tokens_out, tokens_out);
	assert_int_equal(line->cost_nusd, cost);
}

/* The most that one call of `small` can cost. */
static int64_t
bound(const struct job *j, size_t bytes, int64_t max_tokens)
{
	return pp_price_bound(pp_catalog_find(j->catalog, "small"), bytes,
	    max_tokens);
}

static void
bytes_become_tokens_and_money(void **state)
{
	struct job j;

	(void)state;
	open_job(&j,
	    "template:\n  id: t\n  steps:\n"
	    "    - id: one\n      model: small\n      max_tokens: 101\n"
	    "      prompt: \"{{ text }}\"\n",
	    10);
	estimate(&j);
	assert_int_equal(j.result.count, 1);
	/* seven of 40 bytes, three of 82: 7 * 10 + 3 * 21 tokens */
	check_line(&j.result.lines[0], 10, 133, 510, 133 + 2 * 510);
	assert_int_equal(j.result.lines[0].bound_nusd,
	    7 * bound(&j, 40, 101) + 3 * bound(&j, 82, 101));
	assert_int_equal(j.result.sampled, 10);
	assert_int_equal(j.result.failed, 0);
	close_job(&j);
}

static void
a_system_prompt_counts(void **state)
{
	struct job j;

	(void)state;
	open_job(&j,
	    "template:\n  id: t\n  steps:\n"
	    "    - id: one\n      model: small\n      max_tokens: 2\n"
	    "      system: \"123456\"\n      prompt: \"{{ i }}\"\n",
	    1);
	estimate(&j);
	/* "123456", two newlines, "0" */
	check_line(&j.result.lines[0], 1, 3, 1, 3 + 2);
	assert_int_equal(j.result.lines[0].bound_nusd, bound(&j, 9, 2));
	close_job(&j);
}

static void
later_prompts_hold_answers_of_the_expected_length(void **state)
{
	struct job j;
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	open_job(&j,
	    "template:\n  id: t\n  steps:\n"
	    "    - id: one\n      model: small\n      max_tokens: 100\n"
	    "      prompt: \"{{ i }}\"\n"
	    "    - id: two\n      model: small\n      max_tokens: 10\n"
	    "      prompt: \"{{ steps.one.output }}\"\n",
	    1);
	assert_ok(pp_output_sizes_add(&j.outputs, "7", &err), err);
	assert_ok(pp_output_sizes_add(&j.outputs, "one=20", &err), err);
	estimate(&j);
	check_line(&j.result.lines[0], 1, 1, 20, 1 + 40);
	check_line(&j.result.lines[1], 1, 20, 7, 20 + 14);
	/* 100 tokens at eight bytes each */
	assert_int_equal(j.result.lines[1].bound_nusd, bound(&j, 800, 10));
	close_job(&j);
}

static void
answers_have_at_most_max_tokens(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct job j;

	(void)state;
	open_job(&j,
	    "template:\n  id: t\n  steps:\n"
	    "    - id: one\n      model: small\n      max_tokens: 5\n"
	    "      prompt: \"{{ i }}\"\n",
	    1);
	assert_ok(pp_output_sizes_add(&j.outputs, "one=900", &err), err);
	estimate(&j);
	assert_int_equal(j.result.lines[0].tokens_out, 5);
	close_job(&j);
}

static void
a_step_that_is_skipped_costs_nothing_but_is_bounded(void **state)
{
	struct job j;

	(void)state;
	open_job(&j,
	    "template:\n  id: t\n  steps:\n"
	    "    - id: one\n      model: small\n      max_tokens: 10\n"
	    "      when: long\n      prompt: \"1234\"\n"
	    "    - id: two\n      model: small\n      max_tokens: 10\n"
	    "      when: not steps.one.output\n      prompt: \"12345678\"\n",
	    10);
	estimate(&j);
	check_line(&j.result.lines[0], 3, 3, 15, 3 + 30);
	assert_false(j.result.lines[0].assumed);
	assert_int_equal(j.result.lines[0].bound_nusd, 10 * bound(&j, 4, 10));
	/* nobody can say what the answer will be */
	check_line(&j.result.lines[1], 10, 20, 50, 20 + 100);
	assert_true(j.result.lines[1].assumed);
	assert_int_equal(j.result.lines[1].bound_nusd, 10 * bound(&j, 8, 10));
	close_job(&j);
}

static void
a_sample_stands_for_all_rows(void **state)
{
	struct pp_estimate_line total;
	struct job j;

	(void)state;
	open_job(&j,
	    "template:\n  id: t\n  steps:\n"
	    "    - id: one\n      model: small\n      max_tokens: 10\n"
	    "      prompt: \"12345678{{ text[:4] }}\"\n",
	    1000000000);
	j.job.sample = 7;
	estimate(&j);
	assert_int_equal(j.result.sampled, 7);
	check_line(&j.result.lines[0], 1000000000, 3000000000, 5000000000,
	    INT64_C(13000000000));
	assert_int_equal(j.result.lines[0].bound_nusd,
	    1000000000 * bound(&j, 12, 10));
	pp_estimate_total(&j.result, &total);
	check_line(&total, 1000000000, 3000000000, 5000000000,
	    INT64_C(13000000000));
	close_job(&j);
}

static void
sampling_repeats_and_follows_the_seed(void **state)
{
	static const char template[] =
	    "template:\n  id: t\n  steps:\n"
	    "    - id: one\n      model: small\n      max_tokens: 10\n"
	    "      prompt: \"{{ text }}\"\n";
	int64_t first = 0, others = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct job j;

		open_job(&j, template, 1000);
		j.job.sample = 3;
		j.job.seed = seed / 2 * (seed > 1);
		estimate(&j);
		if (seed == 0)
			first = j.result.lines[0].tokens_in;
		else if (seed == 1)
			assert_int_equal(j.result.lines[0].tokens_in, first);
		else
			others += j.result.lines[0].tokens_in != first;
		close_job(&j);
	}
	assert_true(others > 0);
}

static void
rows_that_cannot_be_rendered_count_as_far_as_they_go(void **state)
{
	struct job j;

	(void)state;
	/* only the long ones have the member */
	open_job(&j,
	    "template:\n  id: t\n  steps:\n"
	    "    - id: one\n      model: small\n      max_tokens: 2\n"
	    "      prompt: \"1234\"\n"
	    "    - id: two\n      model: small\n      max_tokens: 2\n"
	    "      prompt: \"{{ extra.name }}\"\n",
	    10);
	estimate(&j);
	assert_int_equal(j.result.lines[0].calls, 10);
	assert_int_equal(j.result.lines[1].calls, 3);
	assert_int_equal(j.result.failed, 7);
	assert_non_null(strstr(j.result.reason, "t.yaml:"));
	close_job(&j);
	open_job(&j,
	    "template:\n  id: t\n  steps:\n"
	    "    - id: one\n      model: small\n"
	    "      prompt: \"{{ missing.name }}\"\n",
	    10);
	assert_fails(pp_estimate_job(&j.job, &j.options, &j.result, &j.err),
	    j.err, PP_EDATA);
	close_job(&j);
}

static void
other_models_are_priced_by_the_same_tokens(void **state)
{
	const struct pp_model *compare[2];
	struct job j;

	(void)state;
	open_job(&j,
	    "template:\n  id: t\n  steps:\n"
	    "    - id: one\n      model: small\n      max_tokens: 10\n"
	    "      prompt: \"1234\"\n"
	    "    - id: two\n      model: large\n      max_tokens: 10\n"
	    "      prompt: \"1234\"\n",
	    10);
	compare[0] = pp_catalog_find(j.catalog, "large");
	compare[1] = pp_catalog_find(j.catalog, "small");
	j.options.compare = compare;
	j.options.compare_count = 2;
	estimate(&j);
	check_line(&j.result.others[0], 20, 20, 100, 1000 * (20 + 200));
	check_line(&j.result.others[1], 20, 20, 100, 20 + 200);
	assert_int_equal(j.result.others[1].bound_nusd, 20 * bound(&j, 4, 10));
	assert_int_equal(j.result.others[0].bound_nusd,
	    2 * j.result.lines[1].bound_nusd);
	close_job(&j);
}

static void
known_sizes_must_fit_the_template(void **state)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{ "no number", "one=" },
		{ "no step", "=5" },
		{ "negative", "one=-5" },
		{ "too large", "one=99999999999" },
		{ "text", "one=many" },
		{ "empty", "" },
	};
	struct job j;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_output_sizes sizes = { .list = NULL };
		struct pp_error err = PP_ERROR_INIT;

		if (pp_output_sizes_add(&sizes, rows[i].text, &err) == 0 ||
		    err.code != PP_EUSAGE)
			fail_msg("%s: code %d", rows[i].name, (int)err.code);
		pp_output_sizes_release(&sizes);
	}
	open_job(&j,
	    "template:\n  id: t\n  steps:\n"
	    "    - id: one\n      model: small\n      prompt: \"1\"\n",
	    1);
	assert_ok(pp_output_sizes_add(&j.outputs, "tow=5", &j.err), j.err);
	assert_fails(pp_estimate_job(&j.job, &j.options, &j.result, &j.err),
	    j.err, PP_EUSAGE);
	close_job(&j);
}

/* ---- prompts ---- */

static int
estimate_text(const char *text, const char *model, struct pp_estimate *out,
    struct pp_error *err)
{
	static const struct pp_estimate_options options;
	struct pp_catalog *c = read_table();
	struct pp_routes routes = { .list = NULL };
	FILE *f = tmpfile();
	int rc;

	assert_non_null(f);
	fputs(text, f);
	rewind(f);
	if (model != NULL)
		assert_ok(pp_routes_add(&routes, model, err), *err);
	rc = pp_estimate_prompts(fileno(f), "in", c, &routes, &options, out,
	    err);
	/* the names of models outlive no catalog */
	for (size_t i = 0; rc == 0 && i < out->count; i++)
		out->lines[i].model = NULL;
	pp_routes_release(&routes);
	pp_catalog_free(c);
	fclose(f);
	return rc;
}

static void
prompts_are_a_call_each(void **state)
{
	struct pp_estimate e;
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	assert_ok(
	    estimate_text(
		"{\"row\":0,\"step\":\"a\",\"prompt\":\"12345\",\"model\":"
		"\"cheap\",\"max_tokens\":10}\n\n"
		"{\"row\":1,\"step\":\"a\",\"prompt\":\"12345\",\"model\":"
		"\"small\",\"max_tokens\":10,\"system\":null}\n"
		"{\"prompt\":\"1234\",\"model\":\"large\"}\n",
		NULL, &e, &err),
	    err);
	assert_int_equal(e.count, 2);
	check_line(&e.lines[0], 2, 4, 10, 4 + 20);
	assert_string_equal(e.lines[1].step, "prompt");
	check_line(&e.lines[1], 1, 1, 512, 1000 * (1 + 1024));
	assert_int_equal(e.rows, 0);
	pp_estimate_release(&e);
	assert_ok(estimate_text("{\"step\":\"a\",\"prompt\":\"1234\","
				"\"model\":\"large\",\"max_tokens\":2}\n",
		      "a=small", &e, &err),
	    err);
	check_line(&e.lines[0], 1, 1, 1, 3);
	pp_estimate_release(&e);
}

static void
bad_prompts_name_their_line(void **state)
{
	static const struct {
		const char *name, *text;
		enum pp_code code;
		const char *says;
	} rows[] = {
		{ "no JSON", "{\"prompt\":\"x\",\"model\":\"small\"}\nx\n",
		    PP_EDATA, "in:2: " },
		{ "an array", "[]\n", PP_EDATA, "in:1: it is not a JSON" },
		{ "no prompt", "{\"model\":\"small\"}\n", PP_EDATA,
		    "in:1: it has no text member 'prompt'" },
		{ "a prompt that is no text", "{\"prompt\":1}\n", PP_EDATA,
		    "in:1: it has no text member 'prompt'" },
		{ "no model", "{\"prompt\":\"x\"}\n", PP_EDATA,
		    "in:1: the prompt names no model" },
		{ "unknown model", "{\"prompt\":\"x\",\"model\":\"smal\"}\n",
		    PP_ENOENT, "in:1: there is no model 'smal'" },
		{ "unpriced", "{\"prompt\":\"x\",\"model\":\"unpriced\"}\n",
		    PP_ECONFIG, "in:1: model 'unpriced' has no price" },
		{ "negative", "{\"prompt\":\"x\",\"max_tokens\":-1}\n",
		    PP_EDATA, "in:1: 'max_tokens' is not" },
		{ "huge", "{\"prompt\":\"x\",\"max_tokens\":1e400}\n", PP_EDATA,
		    "in:1: 'max_tokens' is not" },
		{ "a step that is no text", "{\"prompt\":\"x\",\"step\":[]}\n",
		    PP_EDATA, "in:1: 'step' is not text" },
		{ "nothing", "\n \n", PP_EDATA, "in has no prompts" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct pp_estimate e;

		if (estimate_text(rows[i].text, NULL, &e, &err) == 0)
			fail_msg("%s: it was taken", rows[i].name);
		if (err.code != rows[i].code ||
		    strncmp(err.text, rows[i].says, strlen(rows[i].says)) != 0)
			fail_msg("%s: code %d: %s", rows[i].name, (int)err.code,
			    err.text);
	}
}

/* A cost that no number can hold stays at the largest. */
static void
huge_answers_do_not_overflow(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_estimate e;

	(void)state;
	assert_ok(estimate_text("{\"prompt\":\"x\",\"model\":\"large\","
				"\"max_tokens\":9223372036854775807}\n"
				"{\"prompt\":\"x\",\"model\":\"large\","
				"\"max_tokens\":9223372036854775807}\n"
				"{\"prompt\":\"x\",\"model\":\"large\","
				"\"max_tokens\":9223372036854775807}\n",
		      NULL, &e, &err),
	    err);
	assert_int_equal(e.lines[0].tokens_out, INT64_MAX);
	assert_int_equal(e.lines[0].cost_nusd, INT64_MAX);
	assert_int_equal(e.lines[0].bound_nusd, INT64_MAX);
	pp_estimate_release(&e);
}

static int
write_seeds(void **state)
{
	struct pp_buf text = PP_BUF_INIT;
	struct pp_error err = PP_ERROR_INIT;
	int rc;

	(void)state;
	for (int i = 0; i < 10; i++) {
		bool is_long = i % 4 == 1;

		pp_buf_addf(&text,
		    "{\"i\":%d,\"long\":%s,%s\"text\":\"%0*d\"}\n", i,
		    is_long ? "true" : "false",
		    is_long ? "\"extra\":{\"name\":\"x\"}," : "",
		    is_long ? 82 : 40, i);
	}
	rc = mkstemps(seeds_file, 6);
	if (rc < 0)
		return -1;
	close(rc);
	rc = pp_io_write_file(seeds_file, text.data, text.len, 0600, &err);
	pp_buf_release(&text);
	return rc;
}

static int
remove_seeds(void **state)
{
	(void)state;
	return unlink(seeds_file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_become_tokens_and_money),
		cmocka_unit_test(a_system_prompt_counts),
		cmocka_unit_test(
		    later_prompts_hold_answers_of_the_expected_length),
		cmocka_unit_test(answers_have_at_most_max_tokens),
		cmocka_unit_test(
		    a_step_that_is_skipped_costs_nothing_but_is_bounded),
		cmocka_unit_test(a_sample_stands_for_all_rows),
		cmocka_unit_test(sampling_repeats_and_follows_the_seed),
		cmocka_unit_test(
		    rows_that_cannot_be_rendered_count_as_far_as_they_go),
		cmocka_unit_test(other_models_are_priced_by_the_same_tokens),
		cmocka_unit_test(known_sizes_must_fit_the_template),
		cmocka_unit_test(prompts_are_a_call_each),
		cmocka_unit_test(bad_prompts_name_their_line),
		cmocka_unit_test(huge_answers_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, write_seeds, remove_seeds);
}
