/*
 * Recipes: any file loads, or has findings with their place; what loaded is
 * the same after a way through JSON, and renders or says why not.
 */
#include <config.h>

#include <string.h>

#include "fuzz.h"
#include "template/recipe.h"

static const char seed[] =
    "{\"author\": {\"name\": \"A\", \"biography\": "
    "\"A poet. Born in 1830.\", \"notes\": [\"x\", \"y\"]}, \"poem\": "
    "{\"title\": \"T\", \"text\": \"l1\\nl2\"}, \"topic\": \"t\", \"n\": 3}";

static void
render(const struct pp_recipe *r)
{
	static const struct pp_limits limits = { .max_steps = 20000,
		.max_output_bytes = 100000,
		.max_memory_bytes = 1 << 20,
		.max_depth = 20 };
	struct pp_render *render = pp_render_new(r, &limits);
	struct pp_render_seed s = { NULL, seed, strlen(seed) };
	struct pp_render_row row = { 3, "row-3", 42 };
	struct pp_buf a = PP_BUF_INIT, b = PP_BUF_INIT;
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	bool skip = false;

	claim(pp_render_begin(render, &s, 1, &row, &err) == 0);
	for (size_t i = 0; i < pp_recipe_info(r)->step_count; i++) {
		if (pp_render_step(render, i, &skip, &a, &b, &err) < 0)
			claim(err.text[0] != '\0');
		if (skip)
			pp_render_set_skipped(render, i);
		else
			pp_render_set_output(render, i, "out", 3, "model");
	}
	if (pp_render_record(render, &a, &b, &err) == 0)
		claim(pp_json_parse(&doc, a.data, a.len, 0, &err) != NULL);
	pp_json_doc_release(&doc);
	pp_buf_release(&a);
	pp_buf_release(&b);
	pp_render_free(render);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pp_findings findings = { .list = NULL };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf json = PP_BUF_INIT, again = PP_BUF_INIT;
	struct pp_recipe *copy,
	    *r = pp_recipe_load((const char *)data, size, "input.yaml", NULL,
		NULL, &findings, &err);
	bool error = false;
	size_t count;

	for (size_t i = 0; i < findings.count; i++) {
		claim(findings.list[i].line > 0 && findings.list[i].column > 0);
		error = error || !findings.list[i].is_warning;
	}
	claim(error == (r == NULL));
	if (r != NULL) {
		pp_recipe_fields(r, &count);
		render(r);
		pp_recipe_put_json(r, &json);
		copy = pp_recipe_load(json.data, json.len, "json", NULL, NULL,
		    NULL, &err);
		claim(copy != NULL);
		pp_recipe_put_json(copy, &again);
		claim(json.len == again.len &&
		    memcmp(json.data, again.data, json.len) == 0);
		pp_recipe_free(copy);
	}
	pp_recipe_free(r);
	pp_findings_release(&findings);
	pp_buf_release(&json);
	pp_buf_release(&again);
	return 0;
}
