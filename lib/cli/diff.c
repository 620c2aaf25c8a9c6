#include <config.h>

#include "cli/diff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CONTEXT 3
/* Cells of the table of common lengths. */
#define MAX_CELLS ((size_t)16 << 20)

struct line {
	const char *text;
	size_t len;
};

struct lines {
	struct line *list;
	size_t count, cap;
};

/* ' ' in both, '-' in the first, '+' in the second. */
struct edit {
	char kind;
	const struct line *line;
};

struct edits {
	struct edit *list;
	size_t count, cap;
};

static void
split(const char *text, size_t len, struct lines *out)
{
	const char *end = text + len;

	memset(out, 0, sizeof *out);
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline != NULL ? newline : end;

		out->list = pp_grow(out->list, out->count, &out->cap,
		    sizeof *out->list);
		out->list[out->count++] = (struct line){ text,
			(size_t)(stop - text) };
		text = stop + 1;
	}
}

static bool
same(const struct line *a, const struct line *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static void
add(struct edits *e, char kind, const struct line *line)
{
	e->list = pp_grow(e->list, e->count, &e->cap, sizeof *e->list);
	e->list[e->count++] = (struct edit){ kind, line };
}

static void
replace_all(struct edits *e, const struct line *a, size_t n,
    const struct line *b, size_t m)
{
	for (size_t i = 0; i < n; i++)
		add(e, '-', &a[i]);
	for (size_t j = 0; j < m; j++)
		add(e, '+', &b[j]);
}

/* The longest common subsequence, by the table of common lengths. */
static void
compare_middle(struct edits *e, const struct line *a, size_t n,
    const struct line *b, size_t m)
{
	size_t width = m + 1, i = 0, j = 0;
	uint32_t *common;

	if (n > 0 && m > MAX_CELLS / (n + 1)) {
		replace_all(e, a, n, b, m);
		return;
	}
	common = pp_calloc((n + 1) * width, sizeof *common);
	for (i = n; i-- > 0;) {
		for (j = m; j-- > 0;) {
			uint32_t down = common[(i + 1) * width + j];
			uint32_t right = common[i * width + j + 1];

			common[i * width + j] = same(&a[i], &b[j]) ?
			    common[(i + 1) * width + j + 1] + 1 :
			    down >= right ? down :
					    right;
		}
	}
	for (i = j = 0; i < n || j < m;) {
		if (i < n && j < m && same(&a[i], &b[j])) {
			add(e, ' ', &a[i++]);
			j++;
		} else if (i < n &&
		    (j >= m ||
			common[(i + 1) * width + j] >=
			    common[i * width + j + 1])) {
			add(e, '-', &a[i++]);
		} else {
			add(e, '+', &b[j++]);
		}
	}
	free(common);
}

static void
compare(struct edits *e, const struct lines *a, const struct lines *b)
{
	size_t head = 0, tail = 0;

	while (head < a->count && head < b->count &&
	    same(&a->list[head], &b->list[head]))
		head++;
	while (tail < a->count - head && tail < b->count - head &&
	    same(&a->list[a->count - tail - 1], &b->list[b->count - tail - 1]))
		tail++;
	for (size_t i = 0; i < head; i++)
		add(e, ' ', &a->list[i]);
	compare_middle(e, a->list + head, a->count - head - tail,
	    b->list + head, b->count - head - tail);
	for (size_t i = a->count - tail; i < a->count; i++)
		add(e, ' ', &a->list[i]);
}

/* The end of the hunk that begins at `i`: changes less than 2 * CONTEXT
 * lines apart are one. */
static size_t
hunk_end(const struct edits *e, size_t i)
{
	size_t quiet = 0;

	for (; i < e->count && quiet <= 2 * CONTEXT; i++)
		quiet = e->list[i].kind == ' ' ? quiet + 1 : 0;
	return quiet > CONTEXT ? i - (quiet - CONTEXT) : i;
}

static void
put_hunk(const struct edits *e, size_t from, size_t to, size_t a_line,
    size_t b_line, struct pp_buf *out)
{
	size_t a = 0, b = 0;

	for (size_t i = from; i < to; i++) {
		a += e->list[i].kind != '+';
		b += e->list[i].kind != '-';
	}
	pp_buf_addf(out, "@@ -%zu,%zu +%zu,%zu @@\n",
	    a > 0 ? a_line + 1 : a_line, a, b > 0 ? b_line + 1 : b_line, b);
	for (size_t i = from; i < to; i++) {
		pp_buf_addc(out, e->list[i].kind);
		pp_buf_add(out, e->list[i].line->text, e->list[i].line->len);
		pp_buf_addc(out, '\n');
	}
}

static bool
put_hunks(const struct edits *e, const char *a_name, const char *b_name,
    struct pp_buf *out)
{
	size_t i = 0, a_line = 0, b_line = 0, start, from, to;
	bool any = false;

	while (i < e->count) {
		for (start = i; i < e->count && e->list[i].kind == ' '; i++)
			;
		if (i == e->count)
			break;
		if (!any)
			pp_buf_addf(out, "--- %s\n+++ %s\n", a_name, b_name);
		any = true;
		from = i - start > CONTEXT ? i - CONTEXT : start;
		a_line += from - start;
		b_line += from - start;
		to = hunk_end(e, i);
		put_hunk(e, from, to, a_line, b_line, out);
		for (i = from; i < to; i++) {
			a_line += e->list[i].kind != '+';
			b_line += e->list[i].kind != '-';
		}
	}
	return any;
}

bool
pp_diff_unified(const char *a, size_t a_len, const char *a_name, const char *b,
    size_t b_len, const char *b_name, struct pp_buf *out)
{
	struct edits edits = { NULL, 0, 0 };
	struct lines before, after;
	bool any;

	split(a, a_len, &before);
	split(b, b_len, &after);
	compare(&edits, &before, &after);
	any = put_hunks(&edits, a_name, b_name, out);
	free(edits.list);
	free(before.list);
	free(after.list);
	return any;
}
