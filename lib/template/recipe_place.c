/* Positions in a recipe's texts as positions in its file. */
#include <config.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "template/recipe_int.h"

/* The byte where a line and column (code points) begin. */
static size_t
offset_of(const struct pp_recipe *r, int line, int column)
{
	const char *s = r->source, *end = s + r->source_len;
	uint32_t cp;
	size_t n;

	for (; line > 1 && s < end; line--) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));

		s = nl != NULL ? nl + 1 : end;
	}
	for (; column > 1 && s < end && *s != '\n'; column--) {
		n = pp_utf8_decode(s, (size_t)(end - s), &cp);
		s += n > 0 ? n : 1;
	}
	return (size_t)(s - r->source);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Behind the escape at s[at] of a double-quoted scalar. */
static size_t
skip_escape(const struct pp_recipe *r, size_t at, bool *joins_lines)
{
	char c = at + 1 < r->source_len ? r->source[at + 1] : '\0';

	*joins_lines = c == '\n';
	if (c != '\n')
		return at + (c == 'x' ? 4 : c == 'u' ? 6 : c == 'U' ? 10 : 2);
	at += 2;
	while (at < r->source_len && is_blank(r->source[at]))
		at++;
	return at;
}

/*
 * Quoted, folded and plain scalars: go through the value and the file side by
 * side. Blanks stand for the line breaks that folding took.
 */
static size_t
align(const struct pp_recipe *r, size_t at, const char *value, size_t pos)
{
	char quote = at > 0 ? r->source[at - 1] : '\0';
	bool joins;

	for (size_t i = 0; i < pos && at < r->source_len;) {
		char v = value[i], c = r->source[at];

		if (quote == '"' && c == '\\') {
			at = skip_escape(r, at, &joins);
			if (joins)
				continue;
			do
				i++;
			while (i < pos &&
			    ((unsigned char)value[i] & 0xc0) == 0x80);
		} else if (v == c && c != '\n') {
			at += quote == '\'' && c == '\'' ? 2 : 1;
			i++;
		} else if (is_blank(v) && is_blank(c)) {
			while (at < r->source_len && is_blank(r->source[at]))
				at++;
			while (i < pos && is_blank(value[i]))
				i++;
		} else {
			break;
		}
	}
	return at;
}

static void
place_of(const struct pp_recipe *r, size_t at, int *line, int *column)
{
	struct pp_source s = { r->name, r->source, r->source_len };

	pp_source_place(&s, (uint32_t)at, line, column);
}

void
pp_recipe_locate(const struct pp_recipe *r, const struct pp_source *source,
    uint32_t pos, int *line, int *column)
{
	const struct pp_recipe_text *t = NULL;
	size_t start;

	pp_source_place(source, pos, line, column);
	for (size_t i = 0; i < r->texts && t == NULL; i++) {
		if ((r->text[i].tmpl != NULL &&
			&r->text[i].tmpl->source == source) ||
		    (r->text[i].failed != NULL &&
			&r->text[i].failed->source == source))
			t = &r->text[i];
	}
	if (t == NULL)
		return;
	pos = pos > t->lead ? pos - t->lead : 0;
	if (t->node->style == PP_YAML_LITERAL) {
		*line = t->node->text_line + *line - 1;
		*column = t->node->text_column + *column - 1;
		return;
	}
	start = offset_of(r, t->node->text_line, t->node->text_column);
	place_of(r, align(r, start, t->node->text, pos + t->skip), line,
	    column);
}

const char *
pp_recipe_fault_text(const struct pp_recipe *r, const struct pp_fault *f,
    char room[PP_FAULT_TEXT_BYTES])
{
	size_t len = strlen(f->text);
	int line, column;

	memcpy(room, f->text, len + 1);
	if (f->opened == 0 || f->source == NULL)
		return room;
	pp_recipe_locate(r, f->source, f->opened - 1, &line, &column);
	while (len > 0 && isdigit((unsigned char)room[len - 1]))
		len--;
	snprintf(room + len, PP_FAULT_TEXT_BYTES - len, "%d", line);
	return room;
}

int
pp_recipe_fault(const struct pp_recipe *r, const struct pp_fault *f,
    const char *extra, struct pp_error *err)
{
	enum pp_code code = f->kind == PP_K_LIMIT ? PP_ELIMIT : PP_EDATA;
	const char *name = r->name;
	char text[PP_FAULT_TEXT_BYTES];
	int line, column;

	if (f->source == NULL)
		return pp_error_set(err, code, "%s: %s%s", name, f->text,
		    extra);
	pp_recipe_locate(r, f->source, f->pos, &line, &column);
	for (struct pp_loaded *l = r->engine.loaded; l != NULL; l = l->next) {
		if ((l->tmpl != NULL && &l->tmpl->source == f->source) ||
		    (l->failed != NULL && &l->failed->source == f->source))
			name = l->name;
	}
	return pp_error_set(err, code, "%s:%d:%d: %s%s", name, line, column,
	    pp_recipe_fault_text(r, f, text), extra);
}
