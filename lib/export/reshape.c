#include <config.h>

#include "export/reshape.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/money.h"
#include "export/compact.h"

/* A part of a shape, and where it is looked for when nothing is mapped. */
struct part {
	const char *name;
	bool required;
	const char *candidates[8];
};

static const struct part chat_parts[] = { { "system", false,
					      { "system", "system_prompt" } },
	{ "user", true,
	    { "user", "prompt", "question", "instruction", "input" } },
	{ "assistant", true,
	    { "assistant", "completion", "answer", "response", "output" } },
	{ NULL } };

static const struct part alpaca_parts[] = {
	{ "instruction", true,
	    { "instruction", "question", "prompt", "user" } },
	{ "input", false, { "input", "context" } },
	{ "output", true,
	    { "output", "answer", "completion", "response", "assistant" } },
	{ NULL }
};

static const struct part dpo_parts[] = {
	{ "prompt", true, { "prompt", "question", "instruction", "user" } },
	{ "chosen", true, { "chosen", "preferred", "better" } },
	{ "rejected", true, { "rejected", "dispreferred", "worse" } }, { NULL }
};

static const struct part text_parts[] = {
	{ "text", true,
	    { "text", "story", "poem", "completion", "output", "answer" } },
	{ NULL }
};

/* How parts are put: as members, or as turns of a list. */
static const struct shape {
	const char *name;
	const struct part *parts;
	const char *list, *who, *what; /* list NULL: members */
	const char *roles[3];	       /* of the parts, in the list */
} shapes[] = {
	[PP_SHAPE_RECORD] = { "record" },
	[PP_SHAPE_MESSAGES] = { "messages", chat_parts, "messages", "role",
	    "content", { "system", "user", "assistant" } },
	[PP_SHAPE_SHAREGPT] = { "sharegpt", chat_parts, "conversations", "from",
	    "value", { "system", "human", "gpt" } },
	[PP_SHAPE_ALPACA] = { "alpaca", alpaca_parts },
	[PP_SHAPE_DPO] = { "dpo", dpo_parts },
	[PP_SHAPE_TEXT] = { "text", text_parts },
};

#define SHAPE_COUNT (sizeof shapes / sizeof shapes[0])

struct map {
	char *field;
	const char *path;
	int part; /* of the shape; -1 in a record */
};

struct pp_reshape {
	const struct pp_reshape_options *o;
	const struct shape *shape;
	struct map *maps;
};

int
pp_shape_parse(const char *s, enum pp_shape *shape, struct pp_error *err)
{
	for (size_t i = 0; i < SHAPE_COUNT; i++) {
		if (strcmp(shapes[i].name, s) != 0)
			continue;
		*shape = (enum pp_shape)i;
		return 0;
	}
	return pp_error_set(err, PP_EUSAGE,
	    "unknown shape '%s': it is "
	    "messages, sharegpt, alpaca, dpo, text or record",
	    s);
}

/* ---- maps ---- */

static int
part_of(const struct shape *shape, const char *name)
{
	for (int i = 0; shape->parts != NULL && shape->parts[i].name != NULL;
	     i++)
		if (strcmp(shape->parts[i].name, name) == 0)
			return i;
	return -1;
}

static int
read_map(struct pp_reshape *r, struct map *m, const char *text,
    struct pp_error *err)
{
	const char *eq = strchr(text, '=');

	if (eq == NULL || eq == text || eq[1] == '\0')
		return pp_error_set(err, PP_EUSAGE, "'%s' is not FIELD=PATH",
		    text);
	m->field = pp_strndup(text, (size_t)(eq - text));
	m->path = eq + 1;
	m->part = part_of(r->shape, m->field);
	if (r->shape->parts != NULL && m->part < 0)
		return pp_error_set(err, PP_EUSAGE,
		    "the shape '%s' has no '%s'", r->shape->name, m->field);
	return 0;
}

struct pp_reshape *
pp_reshape_new(const struct pp_reshape_options *o, struct pp_error *err)
{
	struct pp_reshape *r = pp_calloc(1, sizeof *r);

	r->o = o;
	r->shape = &shapes[o->shape];
	r->maps = pp_calloc(o->map_count, sizeof *r->maps);
	for (size_t i = 0; i < o->map_count; i++) {
		if (read_map(r, &r->maps[i], o->maps[i], err) == 0)
			continue;
		pp_reshape_free(r);
		return NULL;
	}
	if (o->with_failed && o->shape != PP_SHAPE_RECORD) {
		pp_error_set(err, PP_EUSAGE,
		    "rows that failed have no shape '%s'", r->shape->name);
		pp_reshape_free(r);
		return NULL;
	}
	return r;
}

void
pp_reshape_free(struct pp_reshape *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->o->map_count; i++)
		free(r->maps[i].field);
	free(r->maps);
	free(r);
}

bool
pp_reshape_is_idle(const struct pp_reshape *r)
{
	return r->o->shape == PP_SHAPE_RECORD && r->o->map_count == 0 &&
	    !r->o->with_meta && !r->o->with_failed;
}

const struct pp_json *
pp_reshape_find(const struct pp_rowline *line, const char *path)
{
	if (path[0] == '.')
		return pp_json_path(line->line, path + 1);
	return line->record != NULL ? pp_json_path(line->record, path) : NULL;
}

/* ---- putting ---- */

static void
put_key(struct pp_buf *out, const char *key)
{
	if (out->data[out->len - 1] != '{' && out->data[out->len - 1] != '[')
		pp_buf_addc(out, ',');
	pp_json_put_str(out, key, strlen(key));
	pp_buf_addc(out, ':');
}

/* A value as a text: what is none becomes its JSON. */
static void
put_text(struct pp_buf *out, const struct pp_json *v)
{
	struct pp_buf json = PP_BUF_INIT;

	if (v->type == PP_JSON_STRING) {
		pp_compact_put(out, v);
		return;
	}
	pp_compact_put(&json, v);
	pp_json_put_str(out, json.data, json.len);
	pp_buf_release(&json);
}

static void
put_part(const struct pp_reshape *r, int part, const struct pp_json *v,
    struct pp_buf *out)
{
	const struct shape *shape = r->shape;

	if (shape->list == NULL) {
		put_key(out, shape->parts[part].name);
		put_text(out, v);
		return;
	}
	if (out->data[out->len - 1] != '[')
		pp_buf_addc(out, ',');
	pp_buf_addc(out, '{');
	put_key(out, shape->who);
	pp_json_put_cstr(out, shape->roles[part]);
	put_key(out, shape->what);
	put_text(out, v);
	pp_buf_addc(out, '}');
}

static bool
is_there(const struct pp_json *v)
{
	return v != NULL && v->type != PP_JSON_NULL;
}

static int
missing(const struct pp_reshape *r, int part, const char *path,
    struct pp_error *err)
{
	const char *name = r->shape->parts[part].name;

	if (path != NULL)
		return pp_error_set(err, PP_EDATA,
		    "the row has no '%s' to "
		    "be the '%s' of its %s",
		    path, name, r->shape->name);
	return pp_error_set(err, PP_EDATA,
	    "the row has no '%s' for %s: say "
	    "where it is with a map, %s=PATH",
	    name, r->shape->name, name);
}

/* Parts by the maps, in their order, so that a chat may have many turns. */
static int
put_mapped(const struct pp_reshape *r, const struct pp_rowline *line,
    struct pp_buf *out, struct pp_error *err)
{
	for (size_t i = 0; i < r->o->map_count; i++) {
		const struct map *m = &r->maps[i];
		const struct pp_json *v = pp_reshape_find(line, m->path);

		if (is_there(v))
			put_part(r, m->part, v, out);
		else if (r->shape->parts[m->part].required)
			return missing(r, m->part, m->path, err);
	}
	return 0;
}

static const struct pp_json *
find_candidate(const struct part *p, const struct pp_rowline *line)
{
	for (size_t i = 0; p->candidates[i] != NULL; i++) {
		const struct pp_json *v = pp_json_get(line->record,
		    p->candidates[i]);

		if (is_there(v))
			return v;
	}
	return NULL;
}

static int
put_found(const struct pp_reshape *r, const struct pp_rowline *line,
    struct pp_buf *out, struct pp_error *err)
{
	for (int i = 0; r->shape->parts[i].name != NULL; i++) {
		const struct pp_json *v = find_candidate(&r->shape->parts[i],
		    line);

		if (v != NULL)
			put_part(r, i, v, out);
		else if (r->shape->parts[i].required)
			return missing(r, i, NULL, err);
	}
	return 0;
}

static int
put_shape(const struct pp_reshape *r, const struct pp_rowline *line,
    struct pp_buf *out, struct pp_error *err)
{
	if (r->shape->list != NULL) {
		put_key(out, r->shape->list);
		pp_buf_addc(out, '[');
	}
	if ((r->o->map_count > 0 ? put_mapped(r, line, out, err) :
				   put_found(r, line, out, err)) < 0)
		return -1;
	if (r->shape->list != NULL)
		pp_buf_addc(out, ']');
	return 0;
}

static void
put_or_null(struct pp_buf *out, const char *key, const struct pp_json *v)
{
	put_key(out, key);
	if (v != NULL)
		pp_compact_put(out, v);
	else
		pp_buf_adds(out, "null");
}

static void
put_record(const struct pp_reshape *r, const struct pp_rowline *line,
    struct pp_buf *out)
{
	const struct pp_json *key;

	for (size_t i = 0; i < r->o->map_count; i++)
		put_or_null(out, r->maps[i].field,
		    pp_reshape_find(line, r->maps[i].path));
	if (r->o->map_count > 0 || line->record == NULL)
		return;
	key = pp_json_first(line->record);
	for (uint32_t i = 0; i < line->record->count; i++) {
		const struct pp_json *value = pp_json_next(key);

		if (i > 0)
			pp_buf_addc(out, ',');
		pp_compact_put(out, key);
		pp_buf_addc(out, ':');
		pp_compact_put(out, value);
		key = pp_json_next(value);
	}
}

/* ---- what is known of a row ---- */

struct totals {
	int64_t tokens_in, tokens_out, nusd;
};

static void
add_step(struct totals *t, const struct pp_json *step)
{
	int64_t n;
	char *cost;

	if (pp_json_int64(pp_json_get(step, "tokens_in"), &n))
		t->tokens_in += n;
	if (pp_json_int64(pp_json_get(step, "tokens_out"), &n))
		t->tokens_out += n;
	cost = pp_json_get(step, "cost") != NULL ?
	    pp_json_strdup(pp_json_get(step, "cost")) :
	    NULL;
	if (cost != NULL && pp_money_parse(cost, "cost", &n, NULL) == 0)
		t->nusd = pp_money_add(t->nusd, n);
	free(cost);
}

static void
put_steps(const struct pp_rowline *line, struct pp_buf *out)
{
	static const char *const members[] = { "model", "tokens_in",
		"tokens_out", "cost", "finish", "attempts" };
	const struct pp_json *key = line->steps != NULL ?
	    pp_json_first(line->steps) :
	    NULL;

	put_key(out, "_steps");
	pp_buf_addc(out, '[');
	for (uint32_t i = 0; key != NULL && i < line->steps->count; i++) {
		const struct pp_json *step = pp_json_next(key);

		pp_buf_adds(out, i > 0 ? ",{\"step\":" : "{\"step\":");
		pp_compact_put(out, key);
		for (size_t k = 0; k < sizeof members / sizeof members[0]; k++)
			put_or_null(out, members[k],
			    pp_json_get(step, members[k]));
		pp_buf_addc(out, '}');
		key = pp_json_next(step);
	}
	pp_buf_addc(out, ']');
}

static void
put_meta(const struct pp_reshape *r, const struct pp_rowline *line,
    struct pp_buf *out)
{
	char money[PP_MONEY_TEXT_BYTES];
	struct totals sum = { 0, 0, 0 };
	const struct pp_json *step;

	put_key(out, "_job_id");
	pp_json_put_cstr(out, r->o->job_id);
	put_or_null(out, "_row", line->row);
	put_or_null(out, "_id", line->id);
	put_or_null(out, "_category", line->category);
	put_or_null(out, "_time", line->time);
	if (line->steps != NULL) {
		step = pp_json_first(line->steps);
		for (uint32_t i = 0; i < line->steps->count; i++) {
			add_step(&sum, pp_json_next(step));
			step = pp_json_next(pp_json_next(step));
		}
	}
	put_key(out, "_tokens_in");
	pp_json_put_int(out, sum.tokens_in);
	put_key(out, "_tokens_out");
	pp_json_put_int(out, sum.tokens_out);
	put_key(out, "_cost");
	pp_json_put_cstr(out, pp_money_format(sum.nusd, money));
	put_steps(line, out);
}

int
pp_reshape_put(const struct pp_reshape *r, const struct pp_rowline *line,
    struct pp_buf *out, struct pp_error *err)
{
	pp_buf_addc(out, '{');
	if (r->shape->parts == NULL)
		put_record(r, line, out);
	else if (put_shape(r, line, out, err) < 0)
		return -1;
	if (r->o->with_meta)
		put_meta(r, line, out);
	if (r->o->with_failed)
		put_or_null(out, "_failed", line->failed);
	pp_buf_addc(out, '}');
	return 0;
}
