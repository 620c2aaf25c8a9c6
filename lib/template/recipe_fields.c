/*
 * The fields of seeds that a recipe needs, and what is wrong with the
 * outputs that its steps use.
 */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "template/object.h"
#include "template/recipe_int.h"

/* ---- outputs of steps ---- */

/* The id in "steps.ID.output", or NULL when the path is no such. */
static char *
step_of(const char *path, const char **rest)
{
	const char *p, *end;
	size_t n;

	if (strncmp(path, "steps.", 6) != 0)
		return NULL;
	p = path + 6;
	/* Ids may have dots, so the last part is taken off. */
	end = strrchr(p, '.');
	n = end != NULL &&
		(strcmp(end, ".output") == 0 || strcmp(end, ".model") == 0) ?
	    (size_t)(end - p) :
	    strlen(p);
	*rest = p + n;
	return pp_strndup(p, n);
}

/* The nearest id of an earlier step, for "did you mean". */
static const char *
nearest_step(const struct pp_recipe *r, const char *id, size_t before)
{
	const char *best = NULL;
	int least = 4;

	for (size_t i = 0; i < before; i++) {
		int d = pp_edit_distance(id, r->step[i].id);

		if (d < least) {
			least = d;
			best = r->step[i].id;
		}
	}
	return best;
}

static void
check_step_use(struct pp_recipe_loader *l, struct pp_recipe *r,
    const struct pp_found_field *f, size_t user)
{
	const char *rest, *near;
	char *id = step_of(f->path, &rest);
	int line, column, index;

	if (id == NULL)
		return;
	index = pp_recipe_step_index(r, id);
	pp_recipe_locate(r, f->source, f->pos, &line, &column);
	near = nearest_step(r, id, user);
	if (index < 0 && near != NULL)
		pp_recipe_find(l, false, line, column,
		    "there is no step '%s' "
		    "(did you mean '%s'?)",
		    id, near);
	else if (index < 0)
		pp_recipe_find(l, false, line, column, "there is no step '%s'",
		    id);
	else if ((size_t)index >= user)
		pp_recipe_find(l, false, line, column,
		    "step '%s' has no "
		    "output yet: it comes %s",
		    id, (size_t)index == user ? "now" : "later");
	else if (rest[0] == '\0' && f->required)
		pp_recipe_find(l, true, line, column,
		    "steps.%s has members 'output' and 'model'; as a whole "
		    "it is rarely what is meant",
		    id);
	if (index >= 0)
		r->uses[user] |= UINT64_C(1) << index;
	free(id);
}

/* ---- fields of seeds ---- */

static bool
is_ours(const char *path)
{
	return strcmp(path, "steps") == 0 || strncmp(path, "steps.", 6) == 0 ||
	    strncmp(path, "steps[", 6) == 0 || strcmp(path, "row") == 0 ||
	    strncmp(path, "row.", 4) == 0;
}

/* Whether `path` is `of` or a part of it. */
static bool
is_within(const char *path, const char *of)
{
	size_t n = strlen(of);

	return strncmp(path, of, n) == 0 &&
	    (path[n] == '\0' || path[n] == '.' || path[n] == '[');
}

static struct pp_field *
add_field(struct pp_recipe *r, const char *path, size_t *cap)
{
	struct pp_field *f;

	for (size_t i = 0; i < r->fields; i++) {
		if (strcmp(r->field[i].path, path) == 0)
			return &r->field[i];
	}
	r->field = pp_grow(r->field, r->fields, cap, sizeof *r->field);
	f = &r->field[r->fields++];
	*f = (struct pp_field){ .path = path };
	return f;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct pp_field *)a)->path,
	    ((const struct pp_field *)b)->path);
}

/* The list in the file: each is required and should be read. */
static void
add_declared(struct pp_recipe_loader *l, struct pp_recipe *r,
    const struct pp_yaml *list, size_t *cap)
{
	size_t found = r->fields;

	for (size_t i = 0; i < list->count; i++) {
		const struct pp_yaml *v = list->values[i];
		struct pp_field *f;
		bool read = false;

		if (v->type != PP_YAML_SCALAR || v->len == 0) {
			pp_recipe_find(l, false, v->line, v->column,
			    "'schema_requirements' must hold paths such as "
			    "author.name");
			continue;
		}
		for (size_t k = 0; k < found; k++)
			read = read || is_within(r->field[k].path, v->text) ||
			    is_within(v->text, r->field[k].path);
		if (!read)
			pp_recipe_find(l, true, v->line, v->column,
			    "'%s' is required but never read", v->text);
		f = add_field(r, v->text, cap);
		f->declared = f->required = true;
	}
}

/* What is read and not in a list that is there. */
static void
warn_undeclared(struct pp_recipe_loader *l, const struct pp_recipe *r,
    const struct pp_yaml *list)
{
	for (size_t i = 0; i < r->fields; i++) {
		const struct pp_field *f = &r->field[i];
		bool covered = f->declared || !f->required;

		for (size_t k = 0; k < list->count && !covered; k++)
			covered = list->values[k]->type == PP_YAML_SCALAR &&
			    is_within(f->path, list->values[k]->text);
		if (!covered)
			pp_recipe_find(l, true, f->line, 1,
			    "'%s' is read but "
			    "does not stand in 'schema_requirements'",
			    f->path);
	}
}

static void
merge_fields(struct pp_recipe *r, size_t *cap)
{
	for (size_t i = 0; i < r->found.count; i++) {
		const struct pp_found_field *f = &r->found.list[i];
		struct pp_field *field;
		int line, column;

		if (is_ours(f->path))
			continue;
		field = add_field(r, f->path, cap);
		field->required = field->required || f->required;
		if (field->line == 0) {
			pp_recipe_locate(r, f->source, f->pos, &line, &column);
			field->line = line;
		}
	}
}

/* Each text on its own, so that a step's uses are known as its. */
static void
scan_texts(struct pp_recipe_loader *l, struct pp_recipe *r)
{
	for (size_t i = 0; i < r->texts; i++) {
		struct pp_fields f = { .list = NULL };

		if (r->text[i].tmpl == NULL)
			continue;
		pp_fields_scan(&f, r->text[i].tmpl, &r->engine);
		for (size_t k = 0; k < f.count; k++)
			check_step_use(l, r, &f.list[k], r->text[i].step);
		pp_fields_release(&f);
		pp_fields_scan(&r->found, r->text[i].tmpl, &r->engine);
	}
}

void
pp_recipe_find_fields(struct pp_recipe_loader *l, struct pp_recipe *r)
{
	const struct pp_yaml *list = pp_yaml_get(r->map, "schema_requirements");
	uint64_t used = 0;
	size_t cap = 0;

	scan_texts(l, r);
	for (size_t i = 0; i <= r->info.step_count; i++)
		used |= r->uses[i];
	for (size_t i = 0; i < r->texts; i++) {
		if (r->text[i].tmpl == NULL)
			used = UINT64_MAX; /* who knows */
	}
	for (size_t i = 0; i + 1 < r->info.step_count && r->info.has_record;
	     i++) {
		if ((used >> i & 1) == 0)
			pp_recipe_find(l, true, r->step[i].line, 1,
			    "the output of step '%s' is never used",
			    r->step[i].id);
	}
	merge_fields(r, &cap);
	if (list != NULL && list->type == PP_YAML_SEQUENCE) {
		add_declared(l, r, list, &cap);
		warn_undeclared(l, r, list);
	} else if (list != NULL && !pp_yaml_is_null(list)) {
		pp_recipe_find(l, false, list->line, list->column,
		    "'schema_requirements' must be a list of paths");
	}
	if (r->fields > 0)
		qsort(r->field, r->fields, sizeof *r->field, by_path);
}

const struct pp_field *
pp_recipe_fields(const struct pp_recipe *r, size_t *count)
{
	*count = r->fields;
	return r->field;
}

/* ---- checking seeds ---- */

/* Whether the value has what is left of the path: ".name", "[]" ... */
static bool
has_path(const struct pp_json *v, const char *path)
{
	const struct pp_json *item;
	size_t n;

	if (v == NULL || *path == '\0')
		return v != NULL;
	if (*path == '[') {
		path += 2;
		if (v->type == PP_JSON_OBJECT || v->type == PP_JSON_STRING)
			return true; /* its keys, its characters */
		if (v->type != PP_JSON_ARRAY)
			return false;
		item = pp_json_first(v);
		for (uint32_t i = 0; i < v->count; i++) {
			if (!has_path(item, path))
				return false;
			item = pp_json_next(item);
		}
		return true;
	}
	path += *path == '.';
	if (v->type != PP_JSON_OBJECT)
		return false;
	n = strcspn(path, ".[");
	return has_path(pp_json_getn(v, path, n), path + n);
}

int
pp_recipe_check_seed(const struct pp_recipe *r, const struct pp_json *seed,
    size_t *next, struct pp_error *err)
{
	size_t i = next != NULL ? *next : 0;

	for (; i < r->fields; i++) {
		if (!r->field[i].required || has_path(seed, r->field[i].path))
			continue;
		if (next != NULL)
			*next = i + 1;
		return pp_error_set(err, PP_EDATA, "missing required field: %s",
		    r->field[i].path);
	}
	if (next != NULL)
		*next = i;
	return 0;
}
