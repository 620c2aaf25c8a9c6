/* Rendering the rows of a recipe. */
#include <config.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "template/filters.h"
#include "template/object.h"
#include "template/recipe_int.h"
#include "template/render_limits.h"

struct pp_bound_row {
	struct pp_bound_row *next; /* of those to be used again */
	struct pp_arena context;   /* seeds and outputs */
	struct pp_dict *vars;
	struct pp_dict *steps;
	uint64_t told; /* steps whose output it has, a bit each */
	uint64_t chance;
	int64_t now;
};

struct pp_render {
	const struct pp_recipe *recipe;
	struct pp_rt rt;
	struct pp_json_doc doc;
	struct pp_bound_row own;  /* of pp_render_begin() */
	struct pp_bound_row *row; /* the one at hand */
	struct pp_bound_row *unused;
};

/* What the chance of a step is for, so that none disturbs another. */
enum {
	CHANCE_PROMPT,
	CHANCE_SYSTEM,
	CHANCE_WHEN,
	CHANCE_RECORD,
	CHANCE_CATEGORY
};

struct pp_render *
pp_render_new(const struct pp_recipe *recipe, const struct pp_limits *limits)
{
	struct pp_render *r = pp_calloc(1, sizeof *r);
	struct pp_bounds b;

	memset(&b, 0, sizeof b);
	if (limits != NULL)
		b = pp_limits_bounds(limits);
	pp_rt_init(&r->rt, &b);
	r->recipe = recipe;
	r->row = &r->own;
	r->rt.undefined = recipe->undefined;
	r->rt.hf = recipe->engine.options.hf;
	/* Fragments that were seen are kept with the recipe, errors too. */
	r->rt.engine = (struct pp_engine *)(uintptr_t)&recipe->engine;
	return r;
}

void
pp_render_free(struct pp_render *r)
{
	struct pp_bound_row *next;

	if (r == NULL)
		return;
	for (struct pp_bound_row *row = r->unused; row != NULL; row = next) {
		next = row->next;
		pp_arena_release(&row->context);
		free(row);
	}
	pp_rt_release(&r->rt);
	pp_arena_release(&r->own.context);
	pp_json_doc_release(&r->doc);
	free(r);
}

/* ---- the context ---- */

static void
put_var(struct pp_render *r, struct pp_dict *d, const char *name,
    struct pp_value v)
{
	size_t len = strlen(name);
	struct pp_value key = pp_str(name, len);

	if (pp_all_ascii(name, len))
		key.flags = PP_F_ASCII;
	pp_dict_put_in(&r->row->context, d, key, pp_str_hash(name, len), v);
}

static struct pp_value
copy_text(struct pp_render *r, const char *s, size_t len)
{
	struct pp_value v = pp_str(pp_arena_strndup(&r->row->context, s, len),
	    len);

	if (pp_all_ascii(s, len))
		v.flags = PP_F_ASCII;
	return v;
}

static int
add_seed(struct pp_render *r, const struct pp_render_seed *seed,
    struct pp_error *err)
{
	const struct pp_json *root = pp_json_parse(&r->doc, seed->json,
	    seed->len, PP_JSON_LONE_SURROGATES, err);
	struct pp_arena *context = &r->row->context;
	struct pp_value v;

	if (root == NULL)
		return -1;
	v = pp_from_json(context, root);
	if (seed->name != NULL) {
		put_var(r, r->row->vars, seed->name, v);
		return 0;
	}
	if (v.type != PP_T_DICT)
		return pp_error_set(err, PP_EDATA, "a seed must be an object");
	for (uint32_t i = 0; i < v.dict->count; i++)
		pp_dict_put_in(context, r->row->vars, v.dict->entry[i].key,
		    v.dict->entry[i].hash, v.dict->entry[i].value);
	return 0;
}

static struct pp_value
row_value(struct pp_render *r, const struct pp_render_row *row)
{
	struct pp_dict *d = pp_dict_new_in(&r->row->context, 2);
	const char *id = row->id != NULL ? row->id : "";

	put_var(r, d, "index", pp_int(row->index));
	put_var(r, d, "id", copy_text(r, id, strlen(id)));
	d->shared = true;
	return pp_ref(PP_T_DICT, d);
}

/* Read the seeds into the row at hand. */
static int
bind_seeds(struct pp_render *r, const struct pp_render_seed *seeds,
    size_t count, const struct pp_render_row *row, struct pp_error *err)
{
	struct pp_bound_row *b = r->row;

	pp_arena_reset(&b->context);
	b->vars = pp_dict_new_in(&b->context, 8);
	b->steps = pp_dict_new_in(&b->context,
	    (uint32_t)r->recipe->info.step_count);
	b->steps->shared = true;
	b->told = 0;
	b->chance = row->chance;
	b->now = r->rt.hf ? pp_clock_wall_ms() / 1000 : 0;
	r->rt.now = b->now;
	for (size_t i = 0; i < count; i++) {
		if (add_seed(r, &seeds[i], err) < 0)
			return -1;
	}
	put_var(r, b->vars, "row", row_value(r, row));
	put_var(r, b->vars, "steps", pp_ref(PP_T_DICT, b->steps));
	return 0;
}

int
pp_render_begin(struct pp_render *r, const struct pp_render_seed *seeds,
    size_t count, const struct pp_render_row *row, struct pp_error *err)
{
	r->row = &r->own;
	return bind_seeds(r, seeds, count, row, err);
}

struct pp_bound_row *
pp_render_bind(struct pp_render *r, const struct pp_render_seed *seeds,
    size_t count, const struct pp_render_row *row, struct pp_error *err)
{
	struct pp_bound_row *b = r->unused;

	if (b != NULL)
		r->unused = b->next;
	else
		b = pp_calloc(1, sizeof *b);
	r->row = b;
	if (bind_seeds(r, seeds, count, row, err) == 0)
		return b;
	pp_render_unbind(r, b);
	return NULL;
}

void
pp_render_resume(struct pp_render *r, struct pp_bound_row *row)
{
	r->row = row;
	r->rt.now = row->now;
}

void
pp_render_unbind(struct pp_render *r, struct pp_bound_row *row)
{
	if (row == NULL)
		return;
	if (r->row == row)
		r->row = &r->own;
	pp_arena_shrink(&row->context);
	row->next = r->unused;
	r->unused = row;
}

/* What `steps` has of a step that is done or skipped. */
static void
tell_step(struct pp_render *r, size_t step, struct pp_dict *d)
{
	d->shared = true;
	put_var(r, r->row->steps, r->recipe->step[step].id,
	    pp_ref(PP_T_DICT, d));
	r->row->told |= UINT64_C(1) << step;
}

bool
pp_render_is_told(const struct pp_render *r, size_t step)
{
	return (r->row->told >> step & 1) != 0;
}

void
pp_render_set_output(struct pp_render *r, size_t step, const char *text,
    size_t len, const char *model)
{
	struct pp_dict *d = pp_dict_new_in(&r->row->context, 2);

	put_var(r, d, "output", copy_text(r, text, len));
	if (model != NULL)
		put_var(r, d, "model", copy_text(r, model, strlen(model)));
	tell_step(r, step, d);
}

void
pp_render_set_skipped(struct pp_render *r, size_t step)
{
	tell_step(r, step, pp_dict_new_in(&r->row->context, 0));
}

/* ---- errors ---- */

/* The nearest name that the row has, for "did you mean". */
static int
fail(struct pp_render *r, struct pp_error *err)
{
	const struct pp_fault *f = &r->rt.fault;
	char given[64], word[64], extra[128] = "";
	int least = 3;

	if (f->missing == NULL || f->missing_len >= sizeof given)
		return pp_recipe_fault(r->recipe, f, "", err);
	snprintf(given, sizeof given, "%.*s", (int)f->missing_len, f->missing);
	for (uint32_t i = 0; i < r->row->vars->count; i++) {
		struct pp_value key = r->row->vars->entry[i].key;
		int d;

		if (key.len >= sizeof word)
			continue;
		snprintf(word, sizeof word, "%.*s", (int)key.len, key.s);
		d = pp_edit_distance(given, word);
		if (d < least && (size_t)d * 2 <= key.len) {
			least = d;
			snprintf(extra, sizeof extra, " (did you mean '%s'?)",
			    word);
		}
	}
	return pp_recipe_fault(r->recipe, f, extra, err);
}

/* ---- steps ---- */

static void
seed_chance(struct pp_render *r, size_t step, int what)
{
	pp_rand_seed(&r->rt.rand,
	    pp_rand_mix(r->row->chance, step, (uint64_t)what));
}

static int
render_text(struct pp_render *r, const struct pp_recipe_text *t, size_t step,
    int what, struct pp_buf *out, struct pp_error *err)
{
	seed_chance(r, step, what);
	if (pp_rt_render(&r->rt, t->tmpl, r->row->vars) < 0)
		return fail(r, err);
	if (pp_buf_add(out, r->rt.out.data, r->rt.out.len) < 0)
		return pp_error_set(err, PP_ELIMIT, "the text is too long");
	return 0;
}

/* Whether the step's condition holds: 1, 0 or -1. */
static int
holds(struct pp_render *r, const struct pp_recipe_text *t, size_t step,
    struct pp_error *err)
{
	struct pp_value v;
	int yes;

	seed_chance(r, step, CHANCE_WHEN);
	if (pp_rt_evaluate(&r->rt, t->tmpl, r->row->vars, &v) < 0)
		return fail(r, err);
	yes = pp_truth(&r->rt, v);
	return yes < 0 ? fail(r, err) : yes;
}

int
pp_render_step(struct pp_render *r, size_t step, bool *skip,
    struct pp_buf *system, struct pp_buf *prompt, struct pp_error *err)
{
	const struct pp_recipe_code *c = &r->recipe->code[step];
	int yes = 1;

	pp_buf_clear(system);
	pp_buf_clear(prompt);
	if (skip != NULL) {
		if (c->when != NULL)
			yes = holds(r, c->when, step, err);
		*skip = yes == 0;
	}
	if (yes <= 0)
		return yes;
	if (c->system != NULL &&
	    render_text(r, c->system, step, CHANCE_SYSTEM, system, err) < 0)
		return -1;
	return render_text(r, c->prompt, step, CHANCE_PROMPT, prompt, err);
}

/* ---- the record ---- */

/* Generators and the like become lists; what JSON lacks is null. */
static struct pp_value
for_json(struct pp_rt *rt, struct pp_value v)
{
	struct pp_list *l;

	if (v.type == PP_T_UNDEFINED)
		return pp_is_strict(rt, v) ? pp_undefined_error(rt, v) :
					     pp_none();
	if (v.type == PP_T_FLOAT && !isfinite(v.f))
		return pp_none();
	if (v.type != PP_T_ITER && v.type != PP_T_VIEW && v.type != PP_T_RANGE)
		return v;
	l = pp_to_list(rt, v);
	return l != NULL ? pp_ref(PP_T_LIST, l) : pp_error_value();
}

int
pp_put_record_value(struct pp_rt *rt, struct pp_value v)
{
	static const struct pp_json_style style = {
		.item = ",", .key = ":", .finite = true
	};

	v = for_json(rt, v);
	return pp_is_error(v) ? -1 : pp_put_json(rt, v, &style);
}

/* "{{ expr }}" alone keeps its type; other text is text. */
static int
put_text(struct pp_render *r, const struct pp_recipe_text *t,
    struct pp_buf *out, struct pp_error *err)
{
	size_t step = r->recipe->info.step_count;
	struct pp_buf text = PP_BUF_INIT;
	struct pp_value v;
	int rc;

	if (!pp_template_is_expression(t->tmpl)) {
		rc = render_text(r, t, step, CHANCE_RECORD, &text, err);
		if (rc == 0)
			pp_json_put_str(out, text.data, text.len);
		pp_buf_release(&text);
		return rc;
	}
	seed_chance(r, step, CHANCE_RECORD);
	if (pp_rt_evaluate(&r->rt, t->tmpl, r->row->vars, &v) < 0 ||
	    pp_put_record_value(&r->rt, v) < 0)
		return fail(r, err);
	pp_buf_add(out, r->rt.out.data, r->rt.out.len);
	return 0;
}

static int
put_record(struct pp_render *r, const struct pp_record *rec, struct pp_buf *out,
    struct pp_error *err)
{
	bool map = rec->kind == PP_RECORD_MAP;

	if (rec->kind == PP_RECORD_TEXT)
		return put_text(r, rec->text, out, err);
	if (rec->kind == PP_RECORD_FIXED)
		return pp_buf_adds(out, rec->fixed);
	pp_buf_addc(out, map ? '{' : '[');
	for (size_t i = 0; i < rec->count; i++) {
		if (i > 0)
			pp_buf_addc(out, ',');
		if (map) {
			pp_json_put_cstr(out, rec->names[i]);
			pp_buf_addc(out, ':');
		}
		if (put_record(r, rec->items[i], out, err) < 0)
			return -1;
	}
	return pp_buf_addc(out, map ? '}' : ']');
}

/* Without a `record`: the outputs by step. */
static void
put_outputs(struct pp_render *r, struct pp_buf *out)
{
	bool first = true;

	pp_buf_addc(out, '{');
	for (uint32_t i = 0; i < r->row->steps->count; i++) {
		const struct pp_entry *e = &r->row->steps->entry[i];
		struct pp_value *v = pp_dict_find_str(e->value.dict, "output",
		    6, pp_str_hash("output", 6));

		if (v == NULL)
			continue;
		if (!first)
			pp_buf_addc(out, ',');
		first = false;
		pp_json_put_str(out, e->key.s, e->key.len);
		pp_buf_addc(out, ':');
		pp_json_put_str(out, v->s, v->len);
	}
	pp_buf_addc(out, '}');
}

int
pp_render_record(struct pp_render *r, struct pp_buf *record,
    struct pp_buf *category, struct pp_error *err)
{
	const struct pp_recipe *recipe = r->recipe;

	pp_buf_clear(record);
	pp_buf_clear(category);
	if (recipe->record == NULL)
		put_outputs(r, record);
	else if (put_record(r, recipe->record, record, err) < 0)
		return -1;
	if (recipe->category == NULL)
		return 0;
	return render_text(r, recipe->category, recipe->info.step_count,
	    CHANCE_CATEGORY, category, err);
}
