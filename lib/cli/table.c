#include <config.h>

#include "cli/cli.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/money.h"
#include "base/str.h"
#include "cli/cli_int.h"

struct column {
	const char *heading; /* borrowed, static */
	size_t width;
	bool right;
};

struct pp_table {
	struct column *columns;
	size_t ncolumns;
	char **cells; /* owned, row by row */
	size_t ncells, cap;
};

/* --names belongs to the command line as a whole, not to one table. */
static bool names_only;

void
pp_table_names_only(bool on)
{
	names_only = on;
}

struct pp_table *
pp_table_new(const char *const *headings, size_t columns)
{
	struct pp_table *t = pp_calloc(1, sizeof *t);
	size_t i;

	t->columns = pp_calloc(columns, sizeof *t->columns);
	t->ncolumns = columns;
	for (i = 0; i < columns; i++) {
		t->columns[i].heading = headings[i];
		t->columns[i].width = pp_utf8_count(headings[i],
		    strlen(headings[i]));
	}
	return t;
}

/* One cell is one line, whatever a name from outside contains. */
static void
make_printable(char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
	}
}

static void
add(struct pp_table *t, const char *text, bool right)
{
	struct column *c = &t->columns[t->ncells % t->ncolumns];
	size_t width = pp_utf8_count(text, strlen(text));

	if (width > c->width)
		c->width = width;
	if (right)
		c->right = true;
	t->cells = pp_grow(t->cells, t->ncells, &t->cap, sizeof *t->cells);
	t->cells[t->ncells] = pp_strdup(text);
	make_printable(t->cells[t->ncells++]);
}

void
pp_table_cell(struct pp_table *t, const char *text)
{
	add(t, text != NULL ? text : "", false);
}

void
pp_table_right(struct pp_table *t, const char *text)
{
	add(t, text, true);
}

void
pp_table_number(struct pp_table *t, int64_t value)
{
	char text[32];

	snprintf(text, sizeof text, "%" PRId64, value);
	add(t, text, true);
}

void
pp_table_money(struct pp_table *t, int64_t nusd)
{
	char text[PP_MONEY_TEXT_BYTES];

	add(t, pp_money_show(nusd, text), true);
}

static void
print_cell(const struct column *c, const char *text, bool last)
{
	size_t pad = c->width - pp_utf8_count(text, strlen(text));

	if (c->right)
		printf("%*s%s", (int)pad, "", text);
	else
		printf("%s%*s", text, last ? 0 : (int)pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

static void
print_rows(const struct pp_table *t)
{
	size_t i, col;

	assert(t->ncolumns > 0);
	for (col = 0; col < t->ncolumns; col++)
		print_cell(&t->columns[col], t->columns[col].heading,
		    col + 1 == t->ncolumns);
	for (i = 0; i < t->ncells; i++) {
		col = i % t->ncolumns;
		print_cell(&t->columns[col], t->cells[i],
		    col + 1 == t->ncolumns);
	}
}

void
pp_table_print(struct pp_table *t)
{
	size_t i;

	if (names_only) {
		for (i = 0; i < t->ncells; i += t->ncolumns)
			puts(t->cells[i]);
	} else {
		print_rows(t);
	}
	for (i = 0; i < t->ncells; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t->columns);
	free(t);
}
