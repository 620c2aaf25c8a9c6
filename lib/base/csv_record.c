#include <config.h>

#include "base/csv_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What stopped a field. */
enum stop { STOP_FIELD, STOP_LINE, STOP_MORE, STOP_PROBLEM };

struct cursor {
	struct pp_csv_record *record;
	const char *start, *at, *end;
	char delimiter;
	bool at_end;
};

bool
pp_csv_is_delimiter(char c)
{
	return c == '\t' || (c > ' ' && strchr(",;|:^~!#$%&*", c) != NULL);
}

static enum stop
fail(struct cursor *c, const char *at, const char *what)
{
	c->record->problem = what;
	c->record->problem_at = (size_t)(at - c->start);
	return STOP_PROBLEM;
}

static void
add_field(struct cursor *c, const struct pp_csv_field *f)
{
	struct pp_csv_record *r = c->record;

	r->fields = pp_grow(r->fields, r->count, &r->cap, sizeof *r->fields);
	r->fields[r->count++] = *f;
}

/* At a delimiter, a line break or the end of the text: go past it. */
static enum stop
end_field(struct cursor *c)
{
	if (c->at == c->end)
		return c->at_end ? STOP_LINE : STOP_MORE;
	if (*c->at == c->delimiter) {
		c->at++;
		return STOP_FIELD;
	}
	if (*c->at == '\n') {
		c->at++;
		return STOP_LINE;
	}
	if (*c->at == '"')
		return fail(c, c->at, "quote inside a field without quotes");
	if (*c->at != '\r')
		return fail(c, c->at, "text behind the closing quote");
	if (c->end - c->at == 1 && !c->at_end)
		return STOP_MORE;
	if (c->end - c->at == 1 || c->at[1] != '\n')
		return fail(c, c->at, "carriage return without a line feed");
	c->at += 2;
	return STOP_LINE;
}

static enum stop
read_plain(struct cursor *c)
{
	struct pp_csv_field f = { .text = c->at };

	while (c->at < c->end && *c->at != c->delimiter && *c->at != '\n' &&
	    *c->at != '\r' && *c->at != '"')
		c->at++;
	f.len = (size_t)(c->at - f.text);
	add_field(c, &f);
	return end_field(c);
}

static enum stop
read_quoted(struct cursor *c)
{
	struct pp_csv_field f = { .text = c->at + 1, .quoted = true };
	const char *open = c->at++, *quote;

	for (;;) {
		quote = memchr(c->at, '"', (size_t)(c->end - c->at));
		if (quote == NULL)
			return c->at_end ? fail(c, open,
					       "quoted field "
					       "without an end") :
					   STOP_MORE;
		c->at = quote + 1;
		if (c->at == c->end && !c->at_end)
			return STOP_MORE;
		if (c->at == c->end || *c->at != '"')
			break;
		f.doubled = true;
		c->at++;
	}
	f.len = (size_t)(quote - f.text);
	add_field(c, &f);
	return end_field(c);
}

ssize_t
pp_csv_record_read(struct pp_csv_record *r, const char *text, size_t len,
    bool at_end)
{
	struct cursor c = { .record = r,
		.start = text,
		.at = text,
		.end = text + len,
		.delimiter = r->delimiter != '\0' ? r->delimiter : ',',
		.at_end = at_end };
	enum stop stop;

	r->count = 0;
	if (len == 0)
		return 0;
	do
		stop = c.at < c.end && *c.at == '"' ? read_quoted(&c) :
						      read_plain(&c);
	while (stop == STOP_FIELD);
	if (stop == STOP_PROBLEM)
		return -1;
	return stop == STOP_MORE ? 0 : c.at - text;
}

void
pp_csv_record_release(struct pp_csv_record *r)
{
	free(r->fields);
	*r = (struct pp_csv_record)PP_CSV_RECORD_INIT;
}

void
pp_csv_record_put_field(const struct pp_csv_field *f, struct pp_buf *out)
{
	const char *p = f->text, *end = p + f->len, *quote;

	while (f->doubled && (quote = memchr(p, '"', (size_t)(end - p)))) {
		pp_buf_add(out, p, (size_t)(quote - p) + 1);
		p = quote + 2;
	}
	pp_buf_add(out, p, (size_t)(end - p));
}
