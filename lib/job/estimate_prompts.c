/* The estimate of prompts that were rendered already. */
#include <config.h>

#include "job/estimate_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "job/filter.h"
#include "model/invoke.h"

/* Steps times models; a hostile input must not make more. */
#define MAX_LINES 4096

struct reader {
	const struct pp_catalog *catalog;
	const struct pp_routes *routes;
	struct pp_estimator *estimator;
	struct pp_buf step, system, prompt, model;
};

/* The text of a member that may be missing. */
static int
read_text(const struct pp_json *v, const char *key, struct pp_buf *out,
    struct pp_error *err)
{
	const struct pp_json *s = pp_json_get(v, key);

	pp_buf_clear(out);
	if (s == NULL || s->type == PP_JSON_NULL)
		return 0;
	if (s->type == PP_JSON_STRING && pp_json_unescape(s, out) == 0)
		return 0;
	return pp_error_set(err, PP_EDATA, "'%s' is not text", key);
}

static int
read_max_tokens(const struct pp_json *v, int64_t *out, struct pp_error *err)
{
	const struct pp_json *n = pp_json_get(v, "max_tokens");

	*out = PP_DEFAULT_MAX_TOKENS;
	if (n == NULL || n->type == PP_JSON_NULL)
		return 0;
	if (pp_json_int64(n, out) && *out >= 1)
		return 0;
	return pp_error_set(err, PP_EDATA,
	    "'max_tokens' is not a whole number from 1 on");
}

static const struct pp_model *
find_model(const struct reader *r, struct pp_error *err)
{
	const char *choice = pp_routes_choice(r->routes, r->step.data);
	const struct pp_model *m;

	if (choice == NULL && r->model.len == 0) {
		pp_error_set(err, PP_EDATA,
		    "the prompt names no model; use --model");
		return NULL;
	}
	m = pp_route_price(r->catalog, choice, r->model.data, NULL, NULL, err);
	if (m != NULL && !pp_model_is_priced(m)) {
		pp_error_set(err, PP_ECONFIG, "model '%s' has no price",
		    m->name);
		return NULL;
	}
	return m;
}

static int
read_members(struct reader *r, const struct pp_json *v, int64_t *max_tokens,
    struct pp_error *err)
{
	const struct pp_json *prompt;

	if (v->type != PP_JSON_OBJECT)
		return pp_error_set(err, PP_EDATA, "it is not a JSON object");
	prompt = pp_json_get(v, "prompt");
	if (prompt == NULL || prompt->type != PP_JSON_STRING)
		return pp_error_set(err, PP_EDATA,
		    "it has no text member 'prompt'");
	if (read_text(v, "prompt", &r->prompt, err) < 0 ||
	    read_text(v, "system", &r->system, err) < 0 ||
	    read_text(v, "step", &r->step, err) < 0 ||
	    read_text(v, "model", &r->model, err) < 0 ||
	    read_max_tokens(v, max_tokens, err) < 0)
		return -1;
	if (r->step.len == 0)
		pp_buf_adds(&r->step, "prompt");
	return 0;
}

static int
add_prompt(struct reader *r, const struct pp_json *v, struct pp_error *err)
{
	const struct pp_model *model;
	struct pp_estimator_line *line;
	int64_t max_tokens = 0;
	size_t bytes;

	if (read_members(r, v, &max_tokens, err) < 0 ||
	    (model = find_model(r, err)) == NULL)
		return -1;
	line = pp_estimator_line(r->estimator, r->step.data, model);
	if (r->estimator->count > MAX_LINES)
		return pp_error_set(err, PP_EDATA,
		    "there are more than %d steps", MAX_LINES);
	bytes = pp_call_bytes(&(struct pp_call){
	    .system = r->system.len > 0 ? r->system.data : NULL,
	    .system_len = r->system.len,
	    .prompt = r->prompt.data,
	    .prompt_len = r->prompt.len });
	pp_estimator_expect(r->estimator, line, bytes,
	    pp_estimator_tokens_out(r->estimator, r->step.data, max_tokens));
	pp_estimator_bound(r->estimator, line, bytes, max_tokens);
	return 0;
}

static int
read_lines(struct reader *r, int fd, const char *name, struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *v;
	struct pp_lines lines;
	size_t len;
	char *line;
	int rc;

	pp_lines_init(&lines, fd, name, PP_FILTER_MAX_LINE);
	while ((rc = pp_lines_next(&lines, &line, &len, err)) > 0) {
		if (strspn(line, " \t") == len)
			continue;
		v = pp_json_parse(&doc, line, len, 0, err);
		if (v == NULL || add_prompt(r, v, err) < 0) {
			rc = pp_error_wrap(err, "%s:%llu", name,
			    (unsigned long long)lines.number);
			break;
		}
	}
	if (rc == 0 && r->estimator->count == 0)
		rc = pp_error_set(err, PP_EDATA, "%s has no prompts", name);
	pp_lines_release(&lines);
	pp_json_doc_release(&doc);
	return rc;
}

int
pp_estimate_prompts(int fd, const char *name, const struct pp_catalog *catalog,
    const struct pp_routes *routes, const struct pp_estimate_options *options,
    struct pp_estimate *out, struct pp_error *err)
{
	struct pp_estimator e = { .options = options };
	struct reader r = { .catalog = catalog,
		.routes = routes,
		.estimator = &e,
		.step = PP_BUF_INIT,
		.system = PP_BUF_INIT,
		.prompt = PP_BUF_INIT,
		.model = PP_BUF_INIT };
	int rc;

	memset(out, 0, sizeof *out);
	rc = read_lines(&r, fd, name, err);
	if (rc == 0)
		pp_estimator_finish(&e, 0, 0, out);
	pp_estimator_release(&e);
	pp_buf_release(&r.step);
	pp_buf_release(&r.system);
	pp_buf_release(&r.prompt);
	pp_buf_release(&r.model);
	return rc;
}
