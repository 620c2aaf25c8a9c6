/* Loading a recipe: the YAML form, its texts compiled, all findings. */
#include <config.h>

#include "template/recipe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "template/recipe_int.h"

#define MAX_FINDINGS 100
#define MAX_RECORD_DEPTH 16

struct pp_recipe_loader {
	struct pp_recipe *r;
	struct pp_findings *findings;
	struct pp_error *err;
	bool failed;
	size_t text_cap;
};

/* ---- findings ---- */

/* The line of the file and a caret under the column. */
static void
put_excerpt(const struct pp_recipe *r, int line, int column, struct pp_buf *out)
{
	const char *s = r->source, *end = s + r->source_len, *nl;
	uint32_t cp;
	size_t n, len;

	for (; line > 1 && s < end; line--) {
		nl = memchr(s, '\n', (size_t)(end - s));
		s = nl != NULL ? nl + 1 : end;
	}
	nl = memchr(s, '\n', (size_t)(end - s));
	len = (size_t)((nl != NULL ? nl : end) - s);
	pp_buf_addc(out, '\n');
	pp_buf_add(out, s, len);
	pp_buf_addc(out, '\n');
	for (size_t at = 0; column > 1 && at < len; column--) {
		n = pp_utf8_decode(s + at, len - at, &cp);
		pp_buf_addc(out, cp == '\t' ? '\t' : ' ');
		at += n > 0 ? n : 1;
	}
	pp_buf_addc(out, '^');
}

static void
add_finding(struct pp_recipe_loader *l, bool is_warning, const char *name,
    int line, int column, const char *text, bool excerpt)
{
	struct pp_findings *f = l->findings;
	struct pp_buf shown = PP_BUF_INIT;
	struct pp_finding *one;

	if (!is_warning && !l->failed) {
		l->failed = true;
		pp_error_set(l->err, PP_EDATA, "%s:%d:%d: %s", name, line,
		    column, text);
	}
	if (f == NULL || f->count >= MAX_FINDINGS)
		return;
	pp_buf_addf(&shown, "%s:%d:%d: %s%s", name, line, column,
	    is_warning ? "warning: " : "", text);
	if (excerpt)
		put_excerpt(l->r, line, column, &shown);
	f->list = pp_grow(f->list, f->count, &f->cap, sizeof f->list[0]);
	one = &f->list[f->count++];
	*one = (struct pp_finding){ is_warning, line, column, pp_strdup(text),
		pp_buf_detach(&shown, NULL) };
}

void
pp_recipe_find(struct pp_recipe_loader *l, bool is_warning, int line,
    int column, const char *fmt, ...)
{
	char text[PP_FAULT_TEXT_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	add_finding(l, is_warning, l->r->name, line, column, text, true);
}

static void error_at(struct pp_recipe_loader *l, const struct pp_yaml *v,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
error_at(struct pp_recipe_loader *l, const struct pp_yaml *v, const char *fmt,
    ...)
{
	char text[PP_FAULT_TEXT_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	add_finding(l, false, l->r->name, v->line, v->column, text, true);
}

void
pp_findings_release(struct pp_findings *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->list[i].text);
		free(f->list[i].shown);
	}
	free(f->list);
	*f = (struct pp_findings){ .list = NULL };
}

/* ---- plain members ---- */

/* Keys that nobody reads are warned of: "promt" for "prompt". */
static void
check_keys(struct pp_recipe_loader *l, const struct pp_yaml *map,
    const char *const *known)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct pp_yaml *key = map->keys[i];
		const char *best = NULL;
		int least = 3;
		size_t k;

		for (k = 0; known[k] != NULL; k++) {
			int d = pp_edit_distance(key->text, known[k]);

			if (d == 0)
				break;
			if (d < least) {
				least = d;
				best = known[k];
			}
		}
		if (known[k] != NULL)
			continue;
		pp_recipe_find(l, true, key->line, key->column,
		    best != NULL ? "unknown key '%s' (did you mean '%s'?)" :
				   "unknown key '%s'",
		    key->text, best);
	}
}

/* A scalar's text, or NULL; `null` is none. */
static const char *
text_of(struct pp_recipe_loader *l, const struct pp_yaml *map, const char *key)
{
	const struct pp_yaml *v = pp_yaml_get(map, key);

	if (v == NULL || pp_yaml_is_null(v))
		return NULL;
	if (v->type != PP_YAML_SCALAR) {
		error_at(l, v, "'%s' must be text", key);
		return NULL;
	}
	return v->text;
}

static int64_t
integer_of(struct pp_recipe_loader *l, const struct pp_yaml *map,
    const char *key, int64_t min, int64_t max)
{
	const struct pp_yaml *v = pp_yaml_get(map, key);
	struct pp_error err;
	int64_t n = 0;

	if (v == NULL || pp_yaml_is_null(v))
		return 0;
	if (v->type != PP_YAML_SCALAR || v->style != PP_YAML_PLAIN ||
	    pp_parse_int(v->text, key, min, max, &n, &err) < 0)
		error_at(l, v,
		    "'%s' must be a whole number from %lld to "
		    "%lld",
		    key, (long long)min, (long long)max);
	return n;
}

/* A decimal number, kept as text. */
static const char *
decimal_of(struct pp_recipe_loader *l, const struct pp_yaml *map,
    const char *key)
{
	const struct pp_yaml *v = pp_yaml_get(map, key);
	size_t whole, fraction = 0;
	const char *p;

	if (v == NULL || pp_yaml_is_null(v))
		return NULL;
	p = v->type == PP_YAML_SCALAR ? v->text : "";
	whole = strspn(p, "0123456789");
	p += whole;
	if (*p == '.') {
		fraction = strspn(p + 1, "0123456789");
		p += 1 + fraction;
	}
	if (*p != '\0' || whole == 0 ||
	    (v->text[whole] == '.' && fraction == 0)) {
		error_at(l, v, "'%s' must be a number such as 0.8", key);
		return NULL;
	}
	return v->text;
}

static bool
flag_of(struct pp_recipe_loader *l, const struct pp_yaml *map, const char *key,
    bool otherwise)
{
	const struct pp_yaml *v = pp_yaml_get(map, key);
	bool yes = otherwise;

	if (v != NULL && !pp_yaml_bool(v, &yes))
		error_at(l, v, "'%s' must be true or false", key);
	return yes;
}

/* One of some words. */
static const char *
word_of(struct pp_recipe_loader *l, const struct pp_yaml *map, const char *key,
    const char *const *words)
{
	const char *text = text_of(l, map, key);
	char all[200];
	size_t len = 0;

	if (text == NULL)
		return NULL;
	for (size_t i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0)
			return text;
		len += (size_t)snprintf(all + len, sizeof all - len, "%s%s",
		    i > 0 ? ", " : "", words[i]);
	}
	error_at(l, pp_yaml_get(map, key), "'%s' must be one of %s, not '%s'",
	    key, all, text);
	return NULL;
}

static const char *const *
list_of_text(struct pp_recipe_loader *l, const struct pp_yaml *v,
    const char *key, size_t *count)
{
	const char **list;
	size_t n = 0;

	*count = 0;
	if (v == NULL || pp_yaml_is_null(v))
		return NULL;
	if (v->type == PP_YAML_MAPPING) {
		error_at(l, v, "'%s' must be a list of texts", key);
		return NULL;
	}
	list = pp_arena_calloc(&l->r->arena, v->count + 2, sizeof *list);
	if (v->type == PP_YAML_SCALAR)
		list[n++] = v->text;
	for (size_t i = 0; v->type == PP_YAML_SEQUENCE && i < v->count; i++) {
		if (v->values[i]->type != PP_YAML_SCALAR)
			error_at(l, v->values[i], "'%s' must hold texts", key);
		else
			list[n++] = v->values[i]->text;
	}
	*count = n;
	return list;
}

/* ---- texts that are templates ---- */

/* A text whose errors are told. */
struct bad_text {
	struct pp_recipe_loader *loader;
	const struct pp_recipe_text *text;
};

static void
tell_problem(void *arg, const struct pp_fault *fault)
{
	const struct bad_text *bad = arg;
	struct pp_recipe *r = bad->loader->r;
	struct pp_fault f = *fault;
	char text[PP_FAULT_TEXT_BYTES];
	int line, column;

	/* Compiled once more, it is the same text. */
	f.source = &bad->text->failed->source;
	pp_recipe_locate(r, f.source, f.pos, &line, &column);
	add_finding(bad->loader, false, r->name, line, column,
	    pp_recipe_fault_text(r, &f, text), true);
}

static bool
comes_before(const struct pp_finding *a, const struct pp_finding *b)
{
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* Findings from the one numbered `first` on, in the order of the file. */
static void
sort_findings(struct pp_findings *f, size_t first)
{
	for (size_t i = first + 1; f != NULL && i < f->count; i++) {
		struct pp_finding one = f->list[i];
		size_t at = i;

		for (; at > first && comes_before(&one, &f->list[at - 1]); at--)
			f->list[at] = f->list[at - 1];
		f->list[at] = one;
	}
}

static const struct pp_recipe_text *
compile_text(struct pp_recipe_loader *l, const struct pp_yaml *v, size_t step,
    const char *text, size_t len, uint32_t lead, uint32_t skip)
{
	struct pp_recipe *r = l->r;
	struct pp_recipe_text *t = &r->text[r->texts++];
	struct bad_text bad = { l, t };
	size_t findings = l->findings != NULL ? l->findings->count : 0;
	struct pp_fault fault;

	memset(&fault, 0, sizeof fault);
	*t = (struct pp_recipe_text){
		.node = v, .lead = lead, .skip = skip, .step = step
	};
	t->tmpl = pp_template_compile(text, len, r->name, &r->engine.options,
	    &fault, &t->failed);
	if (t->tmpl == NULL) {
		pp_template_problems(text, len, &r->engine.options,
		    tell_problem, &bad);
		sort_findings(l->findings, findings);
	}
	return t;
}

static const struct pp_recipe_text *
text_member(struct pp_recipe_loader *l, const struct pp_yaml *map,
    const char *key, size_t step)
{
	const struct pp_yaml *v = pp_yaml_get(map, key);

	if (v == NULL || pp_yaml_is_null(v))
		return NULL;
	if (v->type != PP_YAML_SCALAR) {
		error_at(l, v, "'%s' must be text", key);
		return NULL;
	}
	return compile_text(l, v, step, v->text, v->len, 0, 0);
}

/* `when` is an expression, with or without braces around it. */
static const struct pp_recipe_text *
when_member(struct pp_recipe_loader *l, const struct pp_yaml *map, size_t step)
{
	const struct pp_yaml *v = pp_yaml_get(map, "when");
	const struct pp_recipe_text *t;
	struct pp_buf text = PP_BUF_INIT;
	size_t start = 0, end;

	if (v == NULL || pp_yaml_is_null(v))
		return NULL;
	if (v->type != PP_YAML_SCALAR) {
		error_at(l, v, "'when' must be an expression");
		return NULL;
	}
	end = v->len;
	while (start < end && strchr(" \t\n", v->text[start]) != NULL)
		start++;
	while (end > start && strchr(" \t\n", v->text[end - 1]) != NULL)
		end--;
	if (end - start >= 4 && strncmp(v->text + start, "{{", 2) == 0 &&
	    strncmp(v->text + end - 2, "}}", 2) == 0) {
		t = compile_text(l, v, step, v->text + start, end - start, 0,
		    (uint32_t)start);
	} else {
		pp_buf_adds(&text, "{{ ");
		pp_buf_add(&text, v->text + start, end - start);
		pp_buf_adds(&text, " }}");
		t = compile_text(l, v, step, text.data, text.len, 3,
		    (uint32_t)start);
		pp_buf_release(&text);
	}
	if (t->tmpl != NULL && !pp_template_is_one(t->tmpl))
		error_at(l, v, "'when' must be one expression");
	return t;
}

/* ---- steps ---- */

static const char *const step_keys[] = { "id", "model", "model_tier", "kind",
	"system", "prompt", "max_tokens", "temperature", "top_p", "stop",
	"when", "schema", "cache", NULL };

static void
check_step_id(struct pp_recipe_loader *l, const struct pp_yaml *map, size_t i)
{
	const struct pp_yaml *v = pp_yaml_get(map, "id");
	const char *id = l->r->step[i].id;

	if (id == NULL) {
		if (pp_yaml_is_null(v))
			error_at(l, map, "step %zu has no 'id'", i + 1);
		l->r->step[i].id = "";
		return;
	}
	if (!pp_name_valid(id)) {
		error_at(l, v,
		    "'%s' cannot be the id of a step: letters, "
		    "digits, '.', '_' and '-' alone",
		    id);
		return;
	}
	for (size_t k = 0; k < i; k++) {
		if (strcmp(l->r->step[k].id, id) == 0)
			error_at(l, v,
			    "step '%s' is there twice, first on "
			    "line %d",
			    id, l->r->step[k].line);
	}
}

/* What the answer is held to. */
static const struct pp_json_schema *
schema_member(struct pp_recipe_loader *l, const struct pp_yaml *map)
{
	const struct pp_yaml *v = pp_yaml_get(map, "schema");
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf json = PP_BUF_INIT;
	struct pp_json_schema *schema;

	if (v == NULL || pp_yaml_is_null(v))
		return NULL;
	pp_yaml_to_json(v, &json);
	schema = pp_json_schema_new(json.data, json.len, &err);
	if (schema == NULL)
		error_at(l, v, "'schema' is none: %s", err.text);
	pp_buf_release(&json);
	return schema;
}

static void
load_step(struct pp_recipe_loader *l, const struct pp_yaml *map, size_t i)
{
	static const char *const tiers[] = { "cheap", "balanced", "premium",
		"tier-1", "tier-2", "tier-3", "1", "2", "3", NULL };
	static const char *const kinds[] = { "question", "answer", "summary",
		"cleanup", NULL };
	struct pp_recipe_step *s = &l->r->step[i];
	struct pp_recipe_code *c = &l->r->code[i];
	size_t stops;

	s->id = "";
	s->line = map->line;
	if (map->type != PP_YAML_MAPPING) {
		error_at(l, map, "a step must be a mapping");
		return;
	}
	check_keys(l, map, step_keys);
	s->id = text_of(l, map, "id");
	check_step_id(l, map, i);
	s->model = text_of(l, map, "model");
	s->tier = word_of(l, map, "model_tier", tiers);
	s->kind = word_of(l, map, "kind", kinds);
	s->max_tokens = integer_of(l, map, "max_tokens", 1, 1000000);
	s->temperature = decimal_of(l, map, "temperature");
	s->top_p = decimal_of(l, map, "top_p");
	s->stop = list_of_text(l, pp_yaml_get(map, "stop"), "stop", &stops);
	s->schema = schema_member(l, map);
	s->cache = flag_of(l, map, "cache", false);
	c->prompt = text_member(l, map, "prompt", i);
	c->system = text_member(l, map, "system", i);
	c->when = when_member(l, map, i);
	s->has_system = c->system != NULL;
	s->has_when = c->when != NULL;
	if (pp_yaml_is_null(pp_yaml_get(map, "prompt")))
		error_at(l, map, "step '%s' has no 'prompt'", s->id);
	if (s->cache && !s->has_system)
		error_at(l, pp_yaml_get(map, "cache"),
		    "step '%s' has no 'system' to cache", s->id);
	if (s->model != NULL && s->tier != NULL)
		error_at(l, pp_yaml_get(map, "model_tier"),
		    "step '%s' has a "
		    "'model' and a 'model_tier'",
		    s->id);
}

static void
load_steps(struct pp_recipe_loader *l)
{
	struct pp_recipe *r = l->r;
	const struct pp_yaml *steps = pp_yaml_get(r->map, "steps");

	if (steps == NULL || steps->type != PP_YAML_SEQUENCE ||
	    steps->count == 0) {
		error_at(l, steps != NULL ? steps : r->map,
		    "the template has no list of 'steps'");
		return;
	}
	if (steps->count > PP_MAX_STEPS) {
		error_at(l, steps->values[PP_MAX_STEPS],
		    "the template has more than %d steps", PP_MAX_STEPS);
		return;
	}
	r->step = pp_arena_calloc(&r->arena, steps->count, sizeof *r->step);
	r->code = pp_arena_calloc(&r->arena, steps->count, sizeof *r->code);
	r->info.step_count = steps->count;
	r->info.steps = r->step;
	for (size_t i = 0; i < steps->count; i++)
		load_step(l, steps->values[i], i);
}

/* ---- the record ---- */

static struct pp_record *
load_record(struct pp_recipe_loader *l, const struct pp_yaml *v, int depth)
{
	struct pp_recipe *r = l->r;
	struct pp_record *rec = pp_arena_calloc(&r->arena, 1, sizeof *rec);
	struct pp_buf json = PP_BUF_INIT;
	const char **names;

	if (v->type == PP_YAML_SCALAR) {
		if (memmem(v->text, v->len, "{{", 2) != NULL ||
		    memmem(v->text, v->len, "{%", 2) != NULL ||
		    memmem(v->text, v->len, "{#", 2) != NULL) {
			rec->kind = PP_RECORD_TEXT;
			rec->text = compile_text(l, v, r->info.step_count,
			    v->text, v->len, 0, 0);
			return rec;
		}
		rec->kind = PP_RECORD_FIXED;
		pp_yaml_to_json(v, &json);
		rec->fixed = pp_arena_strndup(&r->arena, json.data, json.len);
		pp_buf_release(&json);
		return rec;
	}
	if (depth >= MAX_RECORD_DEPTH) {
		error_at(l, v, "'record' is nested deeper than %d",
		    MAX_RECORD_DEPTH);
		rec->kind = PP_RECORD_FIXED;
		rec->fixed = "null";
		return rec;
	}
	rec->kind = v->type == PP_YAML_MAPPING ? PP_RECORD_MAP : PP_RECORD_LIST;
	rec->count = v->count;
	rec->items = pp_arena_calloc(&r->arena, v->count + 1,
	    sizeof *rec->items);
	names = pp_arena_calloc(&r->arena, v->count + 1, sizeof *names);
	for (size_t i = 0; i < v->count; i++) {
		if (v->type == PP_YAML_MAPPING)
			names[i] = v->keys[i]->text;
		rec->items[i] = load_record(l, v->values[i], depth + 1);
	}
	rec->names = names;
	return rec;
}

/* What the types are called is the business of who writes files of them. */
static void
load_types(struct pp_recipe_loader *l)
{
	struct pp_recipe *r = l->r;
	const struct pp_yaml *types = pp_yaml_get(r->map, "types");
	const char **list;

	if (types == NULL || pp_yaml_is_null(types))
		return;
	if (types->type != PP_YAML_MAPPING || r->record == NULL) {
		error_at(l, types,
		    "'types' must be a mapping of the fields of 'record'");
		return;
	}
	list = pp_arena_calloc(&r->arena, types->count + 1, sizeof *list);
	for (size_t i = 0; i < types->count; i++) {
		const char *name = types->keys[i]->text;
		char *type;

		if (pp_yaml_get(pp_yaml_get(r->map, "record"), name) == NULL)
			error_at(l, types->keys[i],
			    "'%s' is no field of 'record'", name);
		if (types->values[i]->type != PP_YAML_SCALAR) {
			error_at(l, types->values[i],
			    "the type of '%s' must be a text", name);
			continue;
		}
		type = pp_asprintf("%s=%s", name, types->values[i]->text);
		list[r->info.type_count++] = pp_arena_strndup(&r->arena, type,
		    strlen(type));
		free(type);
	}
	r->info.types = list;
}

static void
load_result(struct pp_recipe_loader *l)
{
	struct pp_recipe *r = l->r;
	const struct pp_yaml *record = pp_yaml_get(r->map, "record");

	r->category = text_member(l, r->map, "category", r->info.step_count);
	r->info.has_category = r->category != NULL;
	if (record == NULL || pp_yaml_is_null(record))
		return;
	if (record->type != PP_YAML_MAPPING) {
		error_at(l, record, "'record' must be a mapping of fields");
		return;
	}
	r->record = load_record(l, record, 0);
	r->info.has_record = true;
	r->info.record_fields = r->record->names;
	r->info.record_field_count = r->record->count;
	load_types(l);
}

/* ---- the whole ---- */

static const char *const top_keys[] = { "id", "name", "description", "version",
	"schema_requirements", "category", "steps", "record", "types",
	"undefined", "trim_blocks", "lstrip_blocks", "keep_trailing_newline",
	"line_statement_prefix", "line_comment_prefix", "dialect", NULL };

static void
load_options(struct pp_recipe_loader *l)
{
	static const char *const modes[] = { "lenient", "strict", "chainable",
		NULL };
	static const char *const dialects[] = { "jinja2", "hf", NULL };
	struct pp_recipe *r = l->r;
	struct pp_options *o = &r->engine.options;
	const char *mode = word_of(l, r->map, "undefined", modes);
	const char *dialect = word_of(l, r->map, "dialect", dialects);

	r->undefined = PP_U_STRICT;
	if (mode != NULL && mode[0] == 'l')
		r->undefined = PP_U_LENIENT;
	else if (mode != NULL && mode[0] == 'c')
		r->undefined = PP_U_CHAINABLE;
	o->trim_blocks = flag_of(l, r->map, "trim_blocks", true);
	o->lstrip_blocks = flag_of(l, r->map, "lstrip_blocks", true);
	o->keep_trailing_newline = flag_of(l, r->map, "keep_trailing_newline",
	    false);
	o->line_statement_prefix = text_of(l, r->map, "line_statement_prefix");
	o->line_comment_prefix = text_of(l, r->map, "line_comment_prefix");
	o->hf = dialect != NULL && strcmp(dialect, "hf") == 0;
}

static const char *
or_empty(const char *s)
{
	return s != NULL ? s : "";
}

static void
load_info(struct pp_recipe_loader *l)
{
	struct pp_recipe *r = l->r;
	const struct pp_yaml *id = pp_yaml_get(r->map, "id");

	r->info.id = or_empty(text_of(l, r->map, "id"));
	r->info.name = or_empty(text_of(l, r->map, "name"));
	r->info.description = or_empty(text_of(l, r->map, "description"));
	r->info.version = integer_of(l, r->map, "version", 0, INT32_MAX);
	if (r->info.id[0] != '\0' && !pp_name_valid(r->info.id))
		error_at(l, id,
		    "'%s' cannot be the id of a template: "
		    "letters, digits, '.', '_' and '-' alone",
		    r->info.id);
}

static size_t
count_scalars(const struct pp_yaml *v)
{
	size_t n = v->type == PP_YAML_SCALAR;

	for (size_t i = 0; v->type != PP_YAML_SCALAR && i < v->count; i++)
		n += count_scalars(v->values[i]);
	return n;
}

static void
load_all(struct pp_recipe_loader *l, const struct pp_yaml *root)
{
	struct pp_recipe *r = l->r;
	const struct pp_yaml *inner = root->type == PP_YAML_MAPPING ?
	    pp_yaml_get(root, "template") :
	    NULL;

	r->map = inner != NULL && inner->type == PP_YAML_MAPPING ? inner : root;
	if (r->map->type != PP_YAML_MAPPING) {
		error_at(l, root, "a template must be a mapping");
		return;
	}
	if (inner != NULL && r->map == inner)
		check_keys(l, root, (const char *const[]){ "template", NULL });
	check_keys(l, r->map, top_keys);
	/* Each scalar is at most one text, so the array never moves. */
	r->text = pp_calloc(count_scalars(r->map) + 1, sizeof *r->text);
	load_options(l);
	load_info(l);
	load_steps(l);
	load_result(l);
	pp_recipe_find_fields(l, r);
	pp_recipe_lint(l, r);
}

/* ---- fragments ---- */

/*
 * A fragment is a text, or a template of its own: its prompts, with empty
 * lines between them, are what is included then.
 */
static bool
prompts_of(const char *text, size_t len, struct pp_buf *out)
{
	struct pp_arena a = PP_ARENA_INIT;
	const struct pp_yaml *root, *steps = NULL, *prompt;
	struct pp_error ignored;
	bool found = false;

	root = pp_yaml_parse(&a, text, len, "", &ignored);
	if (root != NULL && root->type == PP_YAML_MAPPING) {
		if (pp_yaml_get(root, "template") != NULL)
			root = pp_yaml_get(root, "template");
		steps = root->type == PP_YAML_MAPPING ?
		    pp_yaml_get(root, "steps") :
		    NULL;
	}
	for (size_t i = 0; steps != NULL && steps->type == PP_YAML_SEQUENCE &&
	     i < steps->count;
	     i++) {
		prompt = steps->values[i]->type == PP_YAML_MAPPING ?
		    pp_yaml_get(steps->values[i], "prompt") :
		    NULL;
		if (prompt == NULL || prompt->type != PP_YAML_SCALAR)
			continue;
		pp_buf_adds(out, found ? "\n\n" : "");
		pp_buf_add(out, prompt->text, prompt->len);
		found = true;
	}
	pp_arena_release(&a);
	return found;
}

static int
load_fragment(void *arg, const char *name, struct pp_buf *out)
{
	const struct pp_recipe *r = arg;
	struct pp_buf text = PP_BUF_INIT_MAX(PP_MAX_SOURCE_BYTES);
	struct pp_error err = PP_ERROR_INIT;
	int rc = 0;

	if (r->fragments != NULL &&
	    r->fragments(r->fragment_arg, name, &text, &err) == 0) {
		rc = 1;
		if (!prompts_of(text.data, text.len, out))
			pp_buf_add(out, text.data, text.len);
	}
	pp_buf_release(&text);
	return rc;
}

struct pp_recipe *
pp_recipe_load(const char *text, size_t len, const char *name,
    pp_fragment_fn *fragments, void *arg, struct pp_findings *findings,
    struct pp_error *err)
{
	return pp_recipe_load_within(NULL, text, len, name, fragments, arg,
	    findings, err);
}

/* The error is "name:line:column: text". */
static void
add_yaml_error(struct pp_findings *f, const char *name, const char *error)
{
	size_t name_len = strlen(name);
	int line = 1, column = 1, place_len = 0;

	if (strncmp(error, name, name_len) != 0 ||
	    sscanf(error + name_len, ":%d:%d: %n", &line, &column,
		&place_len) != 2)
		name_len = 0;
	f->list = pp_grow(f->list, f->count, &f->cap, sizeof f->list[0]);
	f->list[f->count++] = (struct pp_finding){ false, line, column,
		pp_strdup(error + name_len + place_len), pp_strdup(error) };
}

struct pp_recipe *
pp_recipe_load_within(const struct pp_limits *limits, const char *text,
    size_t len, const char *name, pp_fragment_fn *fragments, void *arg,
    struct pp_findings *findings, struct pp_error *err)
{
	struct pp_recipe *r = pp_calloc(1, sizeof *r);
	struct pp_recipe_loader l = {
		.r = r, .findings = findings, .err = err
	};
	const struct pp_yaml *root;
	struct pp_error bad = PP_ERROR_INIT;

	r->name = pp_arena_strdup(&r->arena, name);
	r->source = pp_arena_strndup(&r->arena, text, len);
	r->source_len = len;
	r->fragments = fragments;
	r->fragment_arg = arg;
	r->engine.load = load_fragment;
	r->engine.arg = r;
	if (limits != NULL)
		r->engine.options.max_depth = (int)limits->max_syntax_depth;
	r->info.id = r->info.name = r->info.description = "";
	root = pp_yaml_parse(&r->arena, text, len, name, &bad);
	if (root == NULL) {
		l.failed = true;
		if (err != NULL)
			*err = bad;
		if (findings != NULL)
			add_yaml_error(findings, name, bad.text);
	} else {
		load_all(&l, root);
	}
	if (l.failed) {
		pp_recipe_free(r);
		return NULL;
	}
	return r;
}

void
pp_recipe_free(struct pp_recipe *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->texts; i++) {
		pp_template_free(r->text[i].tmpl);
		pp_template_free(r->text[i].failed);
	}
	for (size_t i = 0; i < r->info.step_count; i++)
		pp_json_schema_free((struct pp_json_schema *)(uintptr_t)r
					->step[i]
					.schema);
	free(r->text);
	free(r->field);
	pp_engine_release(&r->engine);
	pp_fields_release(&r->found);
	pp_arena_release(&r->arena);
	free(r);
}

const struct pp_recipe_info *
pp_recipe_info(const struct pp_recipe *r)
{
	return &r->info;
}

int
pp_recipe_step_index(const struct pp_recipe *r, const char *id)
{
	for (size_t i = 0; i < r->info.step_count; i++) {
		if (strcmp(r->step[i].id, id) == 0)
			return (int)i;
	}
	return -1;
}

/* ---- canonical JSON ---- */

static bool
is_key(const char *key, const char *const *keys)
{
	for (; *keys != NULL; keys++) {
		if (strcmp(key, *keys) == 0)
			return true;
	}
	return false;
}

/* What was read as text or as a flag is written as one: "007", not 7. */
static void
put_member(const char *key, const struct pp_yaml *v, struct pp_buf *out)
{
	static const char *const flags[] = { "trim_blocks", "lstrip_blocks",
		"keep_trailing_newline", NULL };
	static const char *const others[] = { "version", "max_tokens",
		"temperature", "top_p", "record", NULL };
	bool yes;

	if (is_key(key, flags) && pp_yaml_bool(v, &yes)) {
		pp_buf_adds(out, yes ? "true" : "false");
	} else if (is_key(key, others)) {
		pp_yaml_to_json(v, out);
	} else if (v->type == PP_YAML_SEQUENCE) {
		for (size_t i = 0; i < v->count; i++) {
			pp_buf_addc(out, i == 0 ? '[' : ',');
			pp_json_put_str(out, v->values[i]->text,
			    v->values[i]->len);
		}
		pp_buf_adds(out, v->count == 0 ? "[]" : "]");
	} else {
		pp_json_put_str(out, v->text, v->len);
	}
}

static void
put_members(const struct pp_yaml *map, const char *const *keys,
    struct pp_buf *out)
{
	bool first = true;

	pp_buf_addc(out, '{');
	for (; *keys != NULL; keys++) {
		const struct pp_yaml *v = pp_yaml_get(map, *keys);

		if (v == NULL || pp_yaml_is_null(v))
			continue;
		if (!first)
			pp_buf_addc(out, ',');
		first = false;
		pp_buf_addf(out, "\"%s\":", *keys);
		if (strcmp(*keys, "steps") != 0) {
			put_member(*keys, v, out);
			continue;
		}
		for (size_t i = 0; i < v->count; i++) {
			pp_buf_addc(out, i == 0 ? '[' : ',');
			put_members(v->values[i], step_keys, out);
		}
		pp_buf_addc(out, ']');
	}
	pp_buf_addc(out, '}');
}

/* U+0085, U+2028 and U+2029 end lines in YAML 1.1, and in JSON they do not. */
static const struct {
	const char *text, *escape;
} breaks[] = {
	{ "\xc2\x85", "\\u0085" },
	{ "\xe2\x80\xa8", "\\u2028" },
	{ "\xe2\x80\xa9", "\\u2029" },
};

/* How long the break at `p` is, with its escape; 0 when none is there. */
static size_t
break_at(const char *p, size_t len, const char **escape)
{
	for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
		size_t n = strlen(breaks[i].text);

		if (n <= len && memcmp(p, breaks[i].text, n) == 0) {
			*escape = breaks[i].escape;
			return n;
		}
	}
	return 0;
}

void
pp_recipe_put_json(const struct pp_recipe *r, struct pp_buf *out)
{
	struct pp_buf json = PP_BUF_INIT;
	const char *escape;

	put_members(r->map, top_keys, &json);
	for (size_t i = 0, n; i < json.len; i += n) {
		n = break_at(json.data + i, json.len - i, &escape);
		if (n > 0)
			pp_buf_adds(out, escape);
		else
			pp_buf_add(out, json.data + i, n = 1);
	}
	pp_buf_release(&json);
}
