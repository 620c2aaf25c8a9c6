/* pprint: Python's pprint.pformat(), 80 columns, keys sorted. */
#include <config.h>

#include <stdlib.h>

#include "base/str.h"
#include "template/filters.h"
#include "template/methods.h"
#include "template/object.h"
#include "template/unicode.h"

#define WIDTH 80

static int put(struct pp_rt *rt, struct pp_value v, int64_t indent,
    int64_t allowance, int64_t level);

/* ---- one line, with keys sorted ---- */

static int
compare_keys(const void *a, const void *b)
{
	struct pp_value x = (*(const struct pp_entry *const *)a)->key;
	struct pp_value y = (*(const struct pp_entry *const *)b)->key;
	int c;

	if (pp_is_number(x) && pp_is_number(y))
		return pp_num_compare(x, y);
	if (pp_is_str(x) && pp_is_str(y)) {
		c = memcmp(x.s, y.s, x.len < y.len ? x.len : y.len);
		return c != 0 ? c : (x.len > y.len) - (x.len < y.len);
	}
	return strcmp(pp_type_name(x), pp_type_name(y));
}

static const struct pp_entry **
sorted(struct pp_rt *rt, const struct pp_dict *d)
{
	const struct pp_entry **e = pp_rt_alloc(rt, (d->count + 1) * sizeof *e);

	for (uint32_t i = 0; e != NULL && i < d->count; i++)
		e[i] = &d->entry[i];
	if (e != NULL)
		qsort(e, d->count, sizeof *e, compare_keys);
	return e;
}

static int
put_line(struct pp_rt *rt, struct pp_value v, int64_t level)
{
	const struct pp_entry **e;

	if (level > rt->bounds.value_depth)
		return pp_fail_int(rt, PP_K_LIMIT,
		    "values are nested deeper "
		    "than %lld",
		    (long long)rt->bounds.value_depth);
	if (pp_rt_charge(rt, 1) < 0)
		return -1;
	if (v.type == PP_T_DICT && v.dict->count > 0) {
		e = sorted(rt, v.dict);
		if (e == NULL)
			return -1;
		for (uint32_t i = 0; i < v.dict->count; i++) {
			pp_buf_adds(&rt->out, i > 0 ? ", " : "{");
			if (put_line(rt, e[i]->key, level + 1) < 0)
				return -1;
			pp_buf_adds(&rt->out, ": ");
			if (put_line(rt, e[i]->value, level + 1) < 0)
				return -1;
		}
		return pp_buf_addc(&rt->out, '}');
	}
	if ((v.type == PP_T_LIST || v.type == PP_T_TUPLE) &&
	    v.list->count > 0) {
		for (uint32_t i = 0; i < v.list->count; i++) {
			pp_buf_adds(&rt->out,
			    i > 0		    ? ", " :
				v.type == PP_T_LIST ? "[" :
						      "(");
			if (put_line(rt, v.list->item[i], level + 1) < 0)
				return -1;
		}
		return pp_buf_adds(&rt->out,
		    v.type == PP_T_LIST	   ? "]" :
			v.list->count == 1 ? ",)" :
					     ")");
	}
	return pp_put_repr(rt, v);
}

static int64_t
width_of(struct pp_rt *rt, size_t start)
{
	return (int64_t)pp_utf8_count(rt->out.data + start,
	    rt->out.len - start);
}

static void
new_line(struct pp_rt *rt, int64_t indent)
{
	pp_buf_addc(&rt->out, '\n');
	for (int64_t i = 0; i < indent; i++)
		pp_buf_addc(&rt->out, ' ');
}

/* ---- containers over several lines ---- */

static int
put_dict(struct pp_rt *rt, const struct pp_dict *d, int64_t indent,
    int64_t allowance, int64_t level)
{
	const struct pp_entry **e = sorted(rt, d);
	size_t start;

	if (e == NULL)
		return -1;
	pp_buf_addc(&rt->out, '{');
	indent++;
	allowance++;
	for (uint32_t i = 0; i < d->count; i++) {
		start = rt->out.len;
		if (put_line(rt, e[i]->key, level) < 0)
			return -1;
		pp_buf_adds(&rt->out, ": ");
		if (put(rt, e[i]->value, indent + width_of(rt, start),
			i + 1 == d->count ? allowance : 1, level) < 0)
			return -1;
		if (i + 1 < d->count) {
			pp_buf_addc(&rt->out, ',');
			new_line(rt, indent);
		}
	}
	return pp_buf_addc(&rt->out, '}');
}

static int
put_items(struct pp_rt *rt, struct pp_value v, int64_t indent,
    int64_t allowance, int64_t level)
{
	const struct pp_list *l = v.list;
	const char *close = v.type == PP_T_LIST ? "]" :
	    l->count == 1			? ",)" :
						  ")";

	pp_buf_addc(&rt->out, v.type == PP_T_LIST ? '[' : '(');
	indent++;
	allowance += (int64_t)strlen(close);
	for (uint32_t i = 0; i < l->count; i++) {
		if (i > 0) {
			pp_buf_addc(&rt->out, ',');
			new_line(rt, indent);
		}
		if (put(rt, l->item[i], indent,
			i + 1 == l->count ? allowance : 1, level) < 0)
			return -1;
	}
	return pp_buf_adds(&rt->out, close);
}

/* ---- long text ---- */

struct pieces {
	struct pp_rt *rt;
	struct pp_list *l; /* parts of the text, each to be repr()ed */
};

static int64_t
repr_width(struct pp_rt *rt, const char *s, size_t len)
{
	size_t start = rt->out.len;
	int64_t n;

	pp_put_str_repr(&rt->out, s, len);
	n = width_of(rt, start);
	pp_buf_truncate(&rt->out, start);
	return n;
}

/* The end of \S*\s* at `at`. */
static size_t
word_end(struct pp_value s, size_t at, size_t end)
{
	bool space = false;

	while (at < end) {
		size_t next = at;
		bool is = (pp_uc(pp_next_char(s.s, end, &next)) &
			      PP_UC_SPACE) != 0;

		if (space && !is)
			break;
		space = is;
		at = next;
	}
	return at;
}

/* A line too wide: as many words as fit in each piece. */
static int
cut_line(struct pieces *p, struct pp_value s, size_t at, size_t end, bool last,
    int64_t width, int64_t allowance)
{
	size_t from = at;

	while (at < end) {
		size_t stop = word_end(s, at, end);

		if (stop == end && last)
			width -= allowance;
		if (pp_rt_charge(p->rt, 4) < 0)
			return -1;
		if (repr_width(p->rt, s.s + from, stop - from) > width) {
			if (at > from &&
			    pp_list_add(p->rt, p->l,
				pp_str(s.s + from, at - from)) < 0)
				return -1;
			from = at;
		}
		at = stop;
	}
	return from < end ?
	    pp_list_add(p->rt, p->l, pp_str(s.s + from, end - from)) :
	    0;
}

static int
put_text(struct pp_rt *rt, struct pp_value s, int64_t indent, int64_t allowance,
    int64_t level)
{
	struct pieces p = { rt, pp_list_new(rt, 4) };
	size_t next, end;
	int64_t width;

	if (p.l == NULL)
		return -1;
	if (level == 1) {
		indent++;
		allowance++;
	}
	width = WIDTH - indent;
	for (size_t at = 0; at < s.len; at = next) {
		bool last;

		next = pp_line_end(s, at, &end);
		last = next >= s.len;
		if (repr_width(rt, s.s + at, next - at) <=
		    width - (last ? allowance : 0)) {
			if (pp_list_add(rt, p.l, pp_str(s.s + at, next - at)) <
			    0)
				return -1;
		} else if (cut_line(&p, s, at, next, last, width, allowance) <
		    0) {
			return -1;
		}
	}
	if (p.l->count == 1) {
		pp_put_str_repr(&rt->out, p.l->item[0].s, p.l->item[0].len);
		return 0;
	}
	if (level == 1)
		pp_buf_addc(&rt->out, '(');
	for (uint32_t i = 0; i < p.l->count; i++) {
		if (i > 0)
			new_line(rt, indent);
		pp_put_str_repr(&rt->out, p.l->item[i].s, p.l->item[i].len);
	}
	if (level == 1)
		pp_buf_addc(&rt->out, ')');
	return 0;
}

static int
put(struct pp_rt *rt, struct pp_value v, int64_t indent, int64_t allowance,
    int64_t level)
{
	size_t start = rt->out.len;

	if (put_line(rt, v, level) < 0 || pp_rt_check_output(rt) < 0 ||
	    pp_rt_charge(rt, (int64_t)(rt->out.len - start) / 64) < 0)
		return -1;
	if (width_of(rt, start) <= WIDTH - indent - allowance)
		return 0;
	level++;
	if (v.type == PP_T_DICT && v.dict->count > 0) {
		pp_buf_truncate(&rt->out, start);
		return put_dict(rt, v.dict, indent, allowance, level);
	}
	if ((v.type == PP_T_LIST || v.type == PP_T_TUPLE) &&
	    v.list->count > 0) {
		pp_buf_truncate(&rt->out, start);
		return put_items(rt, v, indent, allowance, level);
	}
	if (pp_is_str(v) && !pp_is_markup(v) && v.len > 0) {
		pp_buf_truncate(&rt->out, start);
		return put_text(rt, v, indent, allowance, level);
	}
	return 0;
}

PP_FILTER(pp_f_pprint)
{
	size_t start = pp_text_begin(rt);

	(void)arg;
	return pp_text_result(rt, start, put(rt, in, 0, 0, 0), false);
}
