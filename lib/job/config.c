#include <config.h>

#include "job/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "store/store.h"
#include "template/recipe.h"

#define MAX_FRAGMENTS 1024

void
pp_job_config_release(struct pp_job_config *c)
{
	for (size_t i = 0; i < c->seeds_count; i++) {
		free(c->seeds[i].name);
		free(c->seeds[i].set);
		free(c->seeds[i].manifest);
	}
	for (size_t i = 0; i < c->step_count; i++) {
		free(c->steps[i].id);
		pp_model_release(&c->steps[i].model);
	}
	for (size_t i = 0; i < c->fragment_count; i++) {
		free(c->fragments[i].name);
		free(c->fragments[i].text);
	}
	free(c->seeds);
	free(c->steps);
	free(c->fragments);
	free(c->user_id);
	free(c->template_id);
	free(c->template_name);
	free(c->template_source);
	free(c->export_formats);
	free(c->export_partition);
	memset(c, 0, sizeof *c);
}

static void
put_seeds(const struct pp_job_config *c, struct pp_buf *out)
{
	pp_json_put_key(out, "seeds");
	pp_buf_addc(out, '[');
	for (size_t i = 0; i < c->seeds_count; i++) {
		const struct pp_config_seeds *s = &c->seeds[i];

		pp_buf_adds(out, i > 0 ? ",{" : "{");
		pp_json_member_str(out, "name", s->name);
		pp_json_member_str(out, "set", s->set);
		pp_json_member_int(out, "count", s->count);
		/* as text: its bytes have a digest */
		pp_json_member_str(out, "manifest", s->manifest);
		pp_buf_addc(out, '}');
	}
	pp_buf_addc(out, ']');
}

static void
put_steps(const struct pp_job_config *c, struct pp_buf *out)
{
	pp_json_put_key(out, "steps");
	pp_buf_addc(out, '[');
	for (size_t i = 0; i < c->step_count; i++) {
		pp_buf_adds(out, i > 0 ? ",{" : "{");
		pp_json_member_str(out, "id", c->steps[i].id);
		pp_json_member_int(out, "max_tokens", c->steps[i].max_tokens);
		pp_json_put_key(out, "model");
		pp_model_put_json(out, &c->steps[i].model);
		pp_buf_addc(out, '}');
	}
	pp_buf_addc(out, ']');
}

static void
put_fragments(const struct pp_job_config *c, struct pp_buf *out)
{
	pp_json_put_key(out, "fragments");
	pp_buf_addc(out, '[');
	for (size_t i = 0; i < c->fragment_count; i++) {
		pp_buf_adds(out, i > 0 ? ",{" : "{");
		pp_json_member_str(out, "name", c->fragments[i].name);
		pp_json_member_str(out, "text", c->fragments[i].text);
		pp_buf_addc(out, '}');
	}
	pp_buf_addc(out, ']');
}

static void
put_all_but_texts(const struct pp_job_config *c, struct pp_buf *out)
{
	pp_buf_addc(out, '{');
	pp_json_member_str(out, "job_id", c->job_id);
	pp_json_member_str(out, "user_id", c->user_id);
	pp_json_member_str(out, "template_id", c->template_id);
	pp_json_member_int(out, "template_version", c->template_version);
	pp_json_member_str(out, "template_name", c->template_name);
	pp_json_member_int(out, "rows", c->rows);
	pp_json_member_int(out, "shards", c->shards);
	/* 64 bits of seed do not fit a JSON number that others read */
	pp_json_put_key(out, "seed");
	pp_buf_addf(out, "\"%llu\"", (unsigned long long)c->seed);
	pp_json_member_str(out, "order", pp_order_name(c->order));
	pp_json_member_int(out, "max_failures", c->max_failures);
	pp_json_put_key(out, "max_failures_percent");
	pp_buf_adds(out, c->max_failures_percent ? "true" : "false");
	pp_json_member_int(out, "checkpoint_rows", c->checkpoint_rows);
	pp_json_member_str(out, "export_formats", c->export_formats);
	pp_json_member_str(out, "export_partition", c->export_partition);
	pp_json_member_int(out, "created_at_ms", c->created_at_ms);
	put_seeds(c, out);
	put_steps(c, out);
}

void
pp_job_config_put_json(const struct pp_job_config *c, struct pp_buf *out)
{
	put_all_but_texts(c, out);
	put_fragments(c, out);
	pp_json_member_str(out, "template_source", c->template_source);
	pp_buf_addc(out, '}');
}

void
pp_job_config_put_summary(const struct pp_job_config *c, struct pp_buf *out)
{
	put_all_but_texts(c, out);
	pp_json_put_key(out, "fragments");
	pp_buf_adds(out, "[]");
	pp_json_member_str(out, "template_source", "");
	pp_buf_addc(out, '}');
}

/* The first member found wrong stays in `err`; later reads do nothing. */
struct reader {
	struct pp_error *err;
	bool failed;
};

static void
wrong(struct reader *r, const char *key)
{
	if (!r->failed)
		pp_error_set(r->err, PP_EDATA,
		    "job config is damaged: '%s' is missing or wrong", key);
	r->failed = true;
}

static char *
get_string(struct reader *r, const struct pp_json *v, const char *key,
    bool may_be_null)
{
	const struct pp_json *member = pp_json_get(v, key);

	if (member != NULL && member->type == PP_JSON_STRING)
		return pp_json_strdup(member);
	if (!may_be_null || (member != NULL && member->type != PP_JSON_NULL))
		wrong(r, key);
	return NULL;
}

static int64_t
get_int(struct reader *r, const struct pp_json *v, const char *key, int64_t min,
    int64_t max)
{
	int64_t n;

	if (!pp_json_int64(pp_json_get(v, key), &n) || n < min || n > max) {
		wrong(r, key);
		return min;
	}
	return n;
}

static const struct pp_json *
get_array(struct reader *r, const struct pp_json *v, const char *key,
    size_t max)
{
	const struct pp_json *a = pp_json_get(v, key);

	if (a != NULL && a->type == PP_JSON_ARRAY && a->count <= max)
		return a;
	wrong(r, key);
	return NULL;
}

static void
read_seeds(struct reader *r, const struct pp_json *v, struct pp_job_config *c)
{
	const struct pp_json *a = get_array(r, v, "seeds", PP_MAX_SEED_SETS);
	const struct pp_json *item;

	if (a == NULL)
		return;
	c->seeds = pp_calloc(a->count, sizeof *c->seeds);
	c->seeds_count = a->count;
	item = pp_json_first(a);
	for (size_t i = 0; i < a->count; i++, item = pp_json_next(item)) {
		c->seeds[i].name = get_string(r, item, "name", true);
		c->seeds[i].set = get_string(r, item, "set", false);
		c->seeds[i].manifest = get_string(r, item, "manifest", false);
		c->seeds[i].count = get_int(r, item, "count", 1, INT64_MAX);
	}
}

static void
read_steps(struct reader *r, const struct pp_json *v, struct pp_job_config *c)
{
	const struct pp_json *a = get_array(r, v, "steps", PP_MAX_STEPS);
	const struct pp_json *item, *model;

	if (a == NULL)
		return;
	c->steps = pp_calloc(a->count, sizeof *c->steps);
	c->step_count = a->count;
	item = pp_json_first(a);
	for (size_t i = 0; i < a->count; i++, item = pp_json_next(item)) {
		c->steps[i].id = get_string(r, item, "id", false);
		c->steps[i].max_tokens = get_int(r, item, "max_tokens", 1,
		    INT32_MAX);
		model = pp_json_get(item, "model");
		if (r->failed)
			continue;
		if (model == NULL)
			wrong(r, "model");
		else if (pp_model_from_json(model, &c->steps[i].model, r->err) <
		    0)
			r->failed = true;
	}
}

static void
read_fragments(struct reader *r, const struct pp_json *v,
    struct pp_job_config *c)
{
	const struct pp_json *a = get_array(r, v, "fragments", MAX_FRAGMENTS);
	const struct pp_json *item;

	if (a == NULL)
		return;
	c->fragments = pp_calloc(a->count, sizeof *c->fragments);
	c->fragment_count = a->count;
	item = pp_json_first(a);
	for (size_t i = 0; i < a->count; i++, item = pp_json_next(item)) {
		c->fragments[i].name = get_string(r, item, "name", false);
		c->fragments[i].text = get_string(r, item, "text", false);
	}
}

static void
read_seed_number(struct reader *r, const struct pp_json *v,
    struct pp_job_config *c)
{
	char *text = get_string(r, v, "seed", false), *end;

	if (text == NULL)
		return;
	c->seed = strtoull(text, &end, 10);
	if (end == text || *end != '\0')
		wrong(r, "seed");
	free(text);
}

static void
read_members(struct reader *r, const struct pp_json *v, struct pp_job_config *c)
{
	char *id = get_string(r, v, "job_id", false);
	char *order = get_string(r, v, "order", false);
	const struct pp_json *percent = pp_json_get(v, "max_failures_percent");

	if (id == NULL || !pp_id_valid(id))
		wrong(r, "job_id");
	else
		memcpy(c->job_id, id, sizeof c->job_id);
	if (order == NULL || pp_order_parse(order, &c->order) < 0)
		wrong(r, "order");
	free(id);
	free(order);
	c->user_id = get_string(r, v, "user_id", false);
	c->template_id = get_string(r, v, "template_id", false);
	c->template_version = get_int(r, v, "template_version", 0, INT64_MAX);
	c->template_name = get_string(r, v, "template_name", false);
	c->template_source = get_string(r, v, "template_source", false);
	c->rows = get_int(r, v, "rows", 1, PP_MAX_ROWS);
	c->shards = (int)get_int(r, v, "shards", 1, PP_MAX_SHARDS);
	c->max_failures = get_int(r, v, "max_failures", -1, PP_MAX_ROWS);
	c->max_failures_percent = percent != NULL &&
	    percent->type == PP_JSON_TRUE;
	c->checkpoint_rows = (int)get_int(r, v, "checkpoint_rows", 1, 1000000);
	c->export_formats = get_string(r, v, "export_formats", false);
	c->export_partition = get_string(r, v, "export_partition", false);
	c->created_at_ms = get_int(r, v, "created_at_ms", 0, INT64_MAX);
	read_seed_number(r, v, c);
	read_seeds(r, v, c);
	read_steps(r, v, c);
	read_fragments(r, v, c);
}

int
pp_job_config_parse(const char *text, size_t len, struct pp_job_config *out,
    struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct reader r = { .err = err };
	const struct pp_json *root;

	memset(out, 0, sizeof *out);
	root = pp_json_parse(&doc, text, len, 0, err);
	if (root == NULL) {
		pp_error_wrap(err, "job config is damaged");
		r.failed = true;
	} else if (root->type != PP_JSON_OBJECT) {
		wrong(&r, "{");
	} else {
		read_members(&r, root, out);
	}
	pp_json_doc_release(&doc);
	return r.failed ? -1 : 0;
}

int
pp_job_config_fragment(void *config, const char *name, struct pp_buf *out,
    struct pp_error *err)
{
	const struct pp_job_config *c = config;

	for (size_t i = 0; i < c->fragment_count; i++) {
		if (strcmp(c->fragments[i].name, name) == 0)
			return pp_buf_adds(out, c->fragments[i].text);
	}
	return pp_error_set(err, PP_ENOENT,
	    "fragment '%s' was not there when the job was created", name);
}

bool
pp_job_config_too_many_failed(const struct pp_job_config *c, int64_t failed)
{
	if (c->max_failures < 0)
		return false;
	if (!c->max_failures_percent)
		return failed > c->max_failures;
	return (__int128)failed * 100 > (__int128)c->max_failures * c->rows;
}
