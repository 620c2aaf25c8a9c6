#include <config.h>

#include "job/row_rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "export/compact.h"
#include "export/rowline.h"
#include "template/expression.h"

/* A field of what is selected. */
struct item {
	char *name;
	int expression; /* -1: the name is a path into the record */
	bool found;	/* the path led to something, once at least */
};

struct pp_row_rules {
	struct pp_expressions *expressions;
	int where; /* -1: all rows */
	struct item *items;
	size_t count, cap;
	bool applied; /* a record was made */
};

/* ---- reading ---- */

/*
 * Where an item ends: at a comma outside of brackets and quotes. `*equals` is
 * the first "=" outside of them that is no part of an operator, or NULL.
 */
static const char *
end_of_item(const char *s, const char **equals)
{
	int depth = 0;
	char quote = '\0';

	*equals = NULL;
	for (; *s != '\0' && (*s != ',' || depth > 0 || quote != '\0'); s++) {
		if (quote != '\0') {
			if (*s == '\\' && s[1] != '\0')
				s++;
			else if (*s == quote)
				quote = '\0';
		} else if (*s == '"' || *s == '\'') {
			quote = *s;
		} else if (strchr("([{", *s) != NULL) {
			depth++;
		} else if (strchr(")]}", *s) != NULL) {
			depth--;
		} else if (*s == '=' && *equals == NULL && depth == 0) {
			*equals = s;
		}
	}
	return s;
}

static void
trim(const char **s, const char **end)
{
	while (*s < *end && strchr(" \t\n", **s) != NULL)
		(*s)++;
	while (*end > *s && strchr(" \t\n", (*end)[-1]) != NULL)
		(*end)--;
}

static int
add_item(struct pp_row_rules *r, const char *s, const char *end,
    const char *equals, struct pp_error *err)
{
	const char *name = s, *name_end = equals != NULL ? equals : end;
	struct item item = { .expression = -1 };

	trim(&name, &name_end);
	if (name == name_end ||
	    (equals != NULL && (equals[1] == '=' || strchr("<>!", equals[-1]))))
		return pp_error_set(err, PP_EUSAGE,
		    "--select: '%.*s' is neither a field nor NAME=EXPRESSION",
		    (int)(end - s), s);
	if (equals != NULL) {
		s = equals + 1;
		trim(&s, &end);
		item.expression = pp_expressions_add(r->expressions, s,
		    (size_t)(end - s), err);
		if (item.expression < 0)
			return pp_error_wrap(err, "--select");
	}
	item.name = pp_strndup(name, (size_t)(name_end - name));
	r->items = pp_grow(r->items, r->count, &r->cap, sizeof *r->items);
	r->items[r->count++] = item;
	return 0;
}

static int
read_select(struct pp_row_rules *r, const char *select, struct pp_error *err)
{
	const char *s = select, *end, *equals;

	for (;; s = end + 1) {
		end = end_of_item(s, &equals);
		if (add_item(r, s, end, equals, err) < 0)
			return -1;
		if (*end == '\0')
			return 0;
	}
}

struct pp_row_rules *
pp_row_rules_new(const char *where, const char *select, struct pp_error *err)
{
	struct pp_row_rules *r = pp_calloc(1, sizeof *r);

	r->expressions = pp_expressions_new();
	r->where = -1;
	if (where != NULL) {
		r->where = pp_expressions_add(r->expressions, where,
		    strlen(where), err);
		if (r->where < 0) {
			pp_error_wrap(err, "--where");
			goto fail;
		}
	}
	if (select == NULL || read_select(r, select, err) == 0)
		return r;
fail:
	pp_row_rules_free(r);
	return NULL;
}

void
pp_row_rules_free(struct pp_row_rules *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->count; i++)
		free(r->items[i].name);
	free(r->items);
	pp_expressions_free(r->expressions);
	free(r);
}

/* ---- on a row ---- */

/* Chance in an expression is the row's own, so that it comes out the same. */
static void
bind(struct pp_row_rules *r, const struct pp_rowline *line)
{
	size_t len;
	const char *text = pp_json_raw(line->line, &len);

	pp_expressions_begin(r->expressions, pp_hash64(text, len, 0));
	pp_expressions_bind(r->expressions, line->line);
	if (line->record != NULL && line->record != line->line)
		pp_expressions_bind(r->expressions, line->record);
}

static int
keep(void *arg, const struct pp_rowline *line, struct pp_error *err)
{
	struct pp_row_rules *r = arg;
	int yes;

	bind(r, line);
	yes = pp_expressions_test(r->expressions, r->where, err);
	return yes < 0 ? pp_error_wrap(err, "--where") : yes;
}

/*
 * What a path does not lead to, neither in the record nor in the row, is left
 * out, as it was in the record.
 */
static void
put_path(struct item *item, const struct pp_rowline *line, struct pp_buf *out)
{
	const struct pp_json *v = pp_json_get(line->record, item->name);

	if (v == NULL)
		v = pp_json_path(line->record, item->name);
	if (v == NULL)
		v = pp_json_path(line->line, item->name);
	if (v == NULL)
		return;
	item->found = true;
	if (out->data[out->len - 1] != '{')
		pp_buf_addc(out, ',');
	pp_json_put_cstr(out, item->name);
	pp_buf_addc(out, ':');
	pp_compact_put(out, v);
}

static int
put_item(struct pp_row_rules *r, struct item *item,
    const struct pp_rowline *line, struct pp_buf *out, struct pp_error *err)
{
	if (item->expression < 0) {
		put_path(item, line, out);
		return 0;
	}
	if (out->data[out->len - 1] != '{')
		pp_buf_addc(out, ',');
	pp_json_put_cstr(out, item->name);
	pp_buf_addc(out, ':');
	if (pp_expressions_put(r->expressions, item->expression, out, err) < 0)
		return pp_error_wrap(err, "--select %s", item->name);
	return 0;
}

static int
put_record(void *arg, const struct pp_rowline *line, struct pp_buf *out,
    struct pp_error *err)
{
	struct pp_row_rules *r = arg;

	r->applied = true;
	bind(r, line);
	pp_buf_addc(out, '{');
	for (size_t i = 0; i < r->count; i++)
		if (put_item(r, &r->items[i], line, out, err) < 0)
			return -1;
	pp_buf_addc(out, '}');
	return 0;
}

static bool
keeps_field(void *arg, const char *name, size_t len)
{
	const struct pp_row_rules *r = arg;

	for (size_t i = 0; i < r->count; i++)
		if (r->items[i].expression < 0 &&
		    strlen(r->items[i].name) == len &&
		    memcmp(r->items[i].name, name, len) == 0)
			return true;
	return false;
}

void
pp_row_rules_apply(struct pp_row_rules *r, struct pp_export_options *o)
{
	o->rules = (struct pp_row_callbacks){
		.keep = r->where >= 0 ? keep : NULL,
		.put_record = r->count > 0 ? put_record : NULL,
		.keeps_field = keeps_field,
		.arg = r,
	};
}

const char *
pp_row_rules_not_found(const struct pp_row_rules *r, size_t *at)
{
	while (r->applied && *at < r->count) {
		const struct item *item = &r->items[(*at)++];

		if (item->expression < 0 && !item->found)
			return item->name;
	}
	return NULL;
}
