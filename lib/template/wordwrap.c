/*
 * wordwrap: Python's textwrap, which breaks lines at blanks, behind hyphens
 * within words, and around dashes.
 */
#include <config.h>

#include <stdlib.h>

#include "base/mem.h"
#include "template/filters.h"
#include "template/methods.h"
#include "template/object.h"
#include "template/unicode.h"

struct chunk {
	size_t start, end; /* characters of the line */
};

struct wrapper {
	struct pp_rt *rt;
	uint32_t *c; /* the line's characters */
	size_t len, cap;
	struct chunk *chunk;
	size_t chunks, chunk_cap;
	int64_t width;
	bool break_long, hyphens;
	struct pp_value newline;
};

/* ---- chunks ---- */

static bool
is_blank(const struct wrapper *w, size_t i)
{
	uint32_t c = w->c[i];

	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_letter(const struct wrapper *w, size_t i)
{
	uint32_t c = w->c[i];

	return pp_uc_word(c) && (pp_uc(c) & PP_UC_DECIMAL) == 0;
}

/* What may stand before a dash or hyphen: \w and some punctuation. */
static bool
is_word_punct(const struct wrapper *w, size_t i)
{
	uint32_t c = w->c[i];

	return pp_uc_word(c) ||
	    (c < 0x80 && c != 0 && strchr("!\"'&.,?", (int)c) != NULL);
}

/* Two hyphens or more at i with a word character behind them; their end. */
static size_t
dash_end(const struct wrapper *w, size_t i)
{
	size_t end = i;

	while (end < w->len && w->c[end] == '-')
		end++;
	return end - i >= 2 && end < w->len && pp_uc_word(w->c[end]) ? end : 0;
}

/* A hyphen at i that a line may end behind. */
static bool
is_break(const struct wrapper *w, size_t start, size_t i)
{
	bool before;
	size_t next = i + 1;

	if (i >= w->len || w->c[i] != '-' || i == start)
		return false;
	before = (i >= 2 && is_letter(w, i - 1) && is_letter(w, i - 2)) ||
	    (i >= 3 && w->c[i - 2] == '-' && is_word_punct(w, i - 1) &&
		is_letter(w, i - 3));
	if (!before || next >= w->len || !is_letter(w, next))
		return false;
	next++;
	if (next < w->len && w->c[next] == '-')
		next++;
	return next < w->len && is_letter(w, next);
}

/* The end of the chunk that starts at i. */
static size_t
chunk_end(const struct wrapper *w, size_t i)
{
	size_t end = i, dash;

	if (is_blank(w, i)) {
		while (end < w->len && is_blank(w, end))
			end++;
		return end;
	}
	if (w->hyphens && i > 0 && is_word_punct(w, i - 1) &&
	    (dash = dash_end(w, i)) != 0)
		return dash;
	for (end = i + 1; end < w->len && !is_blank(w, end); end++) {
		if (!w->hyphens)
			continue;
		if (is_break(w, i, end))
			return end + 1;
		if (is_word_punct(w, end - 1) && dash_end(w, end) != 0)
			return end;
	}
	return end;
}

static int
find_chunks(struct wrapper *w)
{
	w->chunks = 0;
	for (size_t i = 0; i < w->len;) {
		size_t end = chunk_end(w, i);

		if (pp_rt_charge(w->rt, 1) < 0)
			return -1;
		w->chunk = pp_grow(w->chunk, w->chunks, &w->chunk_cap,
		    sizeof w->chunk[0]);
		w->chunk[w->chunks++] = (struct chunk){ i, end };
		i = end;
	}
	return 0;
}

/* ---- lines ---- */

static bool
all_space(const struct wrapper *w, struct chunk c)
{
	for (size_t i = c.start; i < c.end; i++) {
		if (!(pp_uc(w->c[i]) & PP_UC_SPACE))
			return false;
	}
	return true;
}

/* How much of a chunk too long for a line goes on this one. */
static size_t
break_at(const struct wrapper *w, struct chunk c, size_t room)
{
	bool other = false;

	if (!w->hyphens)
		return room;
	for (size_t i = room; i-- > 1;) {
		if (w->c[c.start + i] != '-')
			continue;
		for (size_t k = 0; k < i; k++)
			other = other || w->c[c.start + k] != '-';
		return other ? i + 1 : room;
	}
	return room;
}

static void
put_chars(struct wrapper *w, size_t start, size_t end)
{
	for (size_t i = start; i < end; i++)
		pp_put_char(&w->rt->out, w->c[i]);
}

/* One paragraph onto the output; `first` says whether a newline goes before. */
static int
put_lines(struct wrapper *w)
{
	size_t at = 0, width = (size_t)w->width;
	bool some = false;

	while (at < w->chunks) {
		size_t start, end, room;
		bool keep = false;

		if (some && all_space(w, w->chunk[at])) {
			at++;
			if (at == w->chunks)
				break;
		}
		start = end = w->chunk[at].start;
		while (at < w->chunks && w->chunk[at].end - start <= width)
			end = w->chunk[at++].end;
		if (at < w->chunks &&
		    w->chunk[at].end - w->chunk[at].start > width) {
			room = width - (end - start);
			/* Python drops an empty part here, not the blanks. */
			keep = w->break_long && room == 0;
			if (w->break_long) {
				end += break_at(w, w->chunk[at], room);
				w->chunk[at].start = end;
			} else if (end == start) {
				end = w->chunk[at++].end;
			}
		}
		/* Blanks at the end of the line are dropped. */
		if (!keep && at > 0 && end > start &&
		    w->chunk[at - 1].end == end &&
		    all_space(w, w->chunk[at - 1]))
			end = w->chunk[at - 1].start > start ?
			    w->chunk[at - 1].start :
			    start;
		if (end == start)
			continue;
		if (some)
			pp_buf_add(&w->rt->out, w->newline.s, w->newline.len);
		put_chars(w, start, end);
		some = true;
		if (pp_rt_check_output(w->rt) < 0)
			return -1;
	}
	return 0;
}

static void
decode(struct wrapper *w, const char *s, size_t len)
{
	w->len = 0;
	for (size_t at = 0; at < len;) {
		w->c = pp_grow(w->c, w->len, &w->cap, sizeof w->c[0]);
		w->c[w->len++] = pp_next_char(s, len, &at);
	}
}

static int
read_flag(struct pp_rt *rt, struct pp_value v, bool *out)
{
	int yes = pp_is_missing(v) ? 1 : pp_truth(rt, v);

	*out = yes > 0;
	return yes < 0 ? -1 : 0;
}

PP_FILTER(pp_f_wordwrap)
{
	struct wrapper w = { .rt = rt,
		.width = 79,
		.newline = pp_is_absent(arg[2]) ? pp_cstr("\n") : arg[2] };
	size_t start, end, next;
	int rc = 0;

	/* Jinja compares the width, and that for a line. */
	if (arg[0].type == PP_T_UNDEFINED && pp_is_str(in))
		return in.len > 0 ? pp_undefined_error(rt, arg[0]) : in;
	if ((!pp_is_missing(arg[0]) && pp_need_int(rt, arg[0], &w.width) < 0) ||
	    read_flag(rt, arg[1], &w.break_long) < 0 ||
	    read_flag(rt, arg[3], &w.hyphens) < 0)
		return pp_error_value();
	if (in.type == PP_T_UNDEFINED)
		return pp_undefined_error(rt, in);
	if (!pp_is_str(in) || !pp_is_str(w.newline))
		return pp_runtime_error(rt,
		    "'%s' object has no attribute 'splitlines'",
		    pp_type_name(in));
	if (w.width <= 0 && in.len > 0)
		return pp_runtime_error(rt, "invalid width %lld (must be > 0)",
		    (long long)w.width);
	start = pp_text_begin(rt);
	for (size_t at = 0; at < in.len && rc == 0; at = next) {
		next = pp_line_end(in, at, &end);
		if (at > 0)
			pp_buf_add(&rt->out, w.newline.s, w.newline.len);
		decode(&w, in.s + at, end - at);
		rc = find_chunks(&w);
		if (rc == 0)
			rc = put_lines(&w);
	}
	free(w.c);
	free(w.chunk);
	return pp_text_result(rt, start, rc, false);
}
