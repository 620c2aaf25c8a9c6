#include <config.h>

#include "export/sink.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "export/compact.h"

/*
 * CSV as RFC 4180 has it: a header, CRLF, quotes where a cell needs them. A
 * null is an empty cell, an empty string a quoted one; nested values are JSON.
 */
struct pp_sink {
	const struct pp_export_options *o;
	const struct pp_type *type;
	struct pp_outfile *out;
	const struct pp_json **values;
	struct pp_buf text; /* of one cell */
};

/*
 * Spreadsheets run what begins like this as a formula (OWASP, "CSV
 * Injection").
 */
static bool
is_formula(const char *s, size_t len)
{
	return len > 0 && s[0] != '\0' && strchr("=+-@\t\r", s[0]) != NULL;
}

static void
put_quoted(struct pp_buf *out, const char *s, size_t len)
{
	const char *end = s + len, *quote;

	pp_buf_addc(out, '"');
	while ((quote = memchr(s, '"', (size_t)(end - s))) != NULL) {
		pp_buf_add(out, s, (size_t)(quote - s) + 1);
		pp_buf_addc(out, '"');
		s = quote + 1;
	}
	pp_buf_add(out, s, (size_t)(end - s));
	pp_buf_addc(out, '"');
}

static bool
needs_quotes(const char *s, size_t len, char delimiter)
{
	return len == 0 || memchr(s, '\n', len) != NULL ||
	    memchr(s, '"', len) != NULL || memchr(s, delimiter, len) != NULL ||
	    memchr(s, '\r', len) != NULL;
}

/* Shown as it is, not computed. */
static void
put_guarded(struct pp_buf *out, const char *s, size_t len)
{
	struct pp_buf guarded = PP_BUF_INIT;

	pp_buf_addc(&guarded, '\'');
	pp_buf_add(&guarded, s, len);
	put_quoted(out, guarded.data, guarded.len);
	pp_buf_release(&guarded);
}

static void
put_text(const struct pp_sink *k, const char *s, size_t len)
{
	struct pp_buf *out = &k->out->buf;

	if (k->o->csv_safe_cells && is_formula(s, len))
		put_guarded(out, s, len);
	else if (needs_quotes(s, len, k->o->csv_delimiter))
		put_quoted(out, s, len);
	else
		pp_buf_add(out, s, len);
}

/*
 * Text without escapes in its JSON has no quotes and no line breaks, so only
 * the delimiter can be in the way.
 */
static void
put_string(struct pp_sink *k, const struct pp_json *v)
{
	struct pp_buf *out = &k->out->buf;

	if (v->escaped) {
		pp_buf_clear(&k->text);
		pp_json_unescape(v, &k->text);
		put_text(k, k->text.data, k->text.len);
	} else if (v->len == 0 || k->o->csv_safe_cells) {
		put_text(k, v->text, v->len);
	} else if (memchr(v->text, k->o->csv_delimiter, v->len) != NULL) {
		pp_buf_addc(out, '"');
		pp_buf_add(out, v->text, v->len);
		pp_buf_addc(out, '"');
	} else {
		pp_buf_add(out, v->text, v->len);
	}
}

static void
put_cell(struct pp_sink *k, const struct pp_json *v)
{
	switch (v->type) {
	case PP_JSON_NULL: break;
	case PP_JSON_STRING: put_string(k, v); break;
	case PP_JSON_ARRAY:
	case PP_JSON_OBJECT:
		pp_buf_clear(&k->text);
		pp_compact_put(&k->text, v);
		put_text(k, k->text.data, k->text.len);
		break;
	default: pp_buf_add(&k->out->buf, v->text, v->len);
	}
}

/*
 * A row with one empty cell would be an empty line, which readers skip.
 */
static void
end_line(struct pp_sink *k, size_t start)
{
	if (k->out->buf.len == start)
		pp_buf_adds(&k->out->buf, "\"\"");
	pp_buf_adds(&k->out->buf, k->o->csv_lf ? "\n" : "\r\n");
}

static struct pp_sink *
csv_open(const struct pp_export_options *o, const struct pp_type *type,
    struct pp_outfile *out, struct pp_error *err)
{
	struct pp_sink *k = pp_calloc(1, sizeof *k);
	size_t start;

	(void)err;
	k->o = o;
	k->type = type;
	k->out = out;
	k->values = pp_calloc(type->count, sizeof *k->values);
	pp_buf_init(&k->text, 0);
	if (o->csv_bom)
		pp_buf_adds(&out->buf, "\xef\xbb\xbf");
	start = out->buf.len;
	for (size_t i = 0; i < type->count; i++) {
		if (i > 0)
			pp_buf_addc(&out->buf, o->csv_delimiter);
		put_text(k, type->fields[i]->name, type->fields[i]->name_len);
	}
	if (type->count > 0)
		end_line(k, start);
	return k;
}

static int
csv_add(struct pp_sink *k, const struct pp_json *record, struct pp_error *err)
{
	size_t start = k->out->buf.len;

	(void)err;
	if (k->type->count == 0) /* no row has any field */
		return 0;
	pp_type_gather(k->type, record, k->values);
	for (size_t i = 0; i < k->type->count; i++) {
		if (i > 0)
			pp_buf_addc(&k->out->buf, k->o->csv_delimiter);
		if (k->values[i] != NULL)
			put_cell(k, k->values[i]);
	}
	end_line(k, start);
	return 0;
}

static int
csv_finish(struct pp_sink *k, struct pp_error *err)
{
	(void)k;
	(void)err;
	return 0;
}

static void
csv_free(struct pp_sink *k)
{
	pp_buf_release(&k->text);
	free(k->values);
	free(k);
}

const struct pp_sink_format pp_sink_csv = {
	.name = "csv",
	.needs_type = true,
	.is_text = true,
	.open = csv_open,
	.add = csv_add,
	.finish = csv_finish,
	.free = csv_free,
};
