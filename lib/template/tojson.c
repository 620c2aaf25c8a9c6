/* tojson: Python's json.dumps(). */
#include <config.h>

#include <math.h>
#include <stdlib.h>

#include "template/filters.h"
#include "template/object.h"
#include "template/unicode.h"

struct writer {
	struct pp_rt *rt;
	const struct pp_json_style *style;
	int64_t level;
};

static int put_value(struct writer *w, struct pp_value v);

static void
put_u(struct pp_buf *out, uint32_t cp)
{
	if (cp >= 0x10000) {
		pp_buf_addf(out, "\\u%04x", 0xd7c0 + (cp >> 10));
		cp = 0xdc00 | (cp & 0x3ff);
	}
	pp_buf_addf(out, "\\u%04x", cp);
}

static void
put_special(struct pp_buf *out, uint32_t c)
{
	static const char from[] = "\"\\\n\r\t\f\b", to[] = "\"\\nrtfb";
	const char *p = c != 0 ? strchr(from, (int)c) : NULL;

	if (p == NULL) {
		put_u(out, c);
		return;
	}
	pp_buf_addc(out, '\\');
	pp_buf_addc(out, to[p - from]);
}

/* Which styles escape a byte. */
enum { ALWAYS = 1, IN_ASCII = 2, IN_HTML = 4 };

static const uint8_t escapes[256] = { [0 ... 0x1f] = ALWAYS,
	['"'] = ALWAYS,
	['\\'] = ALWAYS,
	[0x7f ... 0xff] = IN_ASCII,
	['<'] = IN_HTML,
	['>'] = IN_HTML,
	['&'] = IN_HTML,
	['\''] = IN_HTML };

static void
put_text(struct writer *w, const char *s, size_t len)
{
	struct pp_buf *out = &w->rt->out;
	uint8_t mask = (uint8_t)(ALWAYS | (w->style->ascii ? IN_ASCII : 0) |
	    (w->style->html ? IN_HTML : 0));
	size_t from = 0, at = 0;

	pp_buf_addc(out, '"');
	for (;;) {
		unsigned char c;

		while (at < len && !(escapes[(unsigned char)s[at]] & mask))
			at++;
		if (at == len)
			break;
		c = (unsigned char)s[at];
		pp_buf_add(out, s + from, at - from);
		if (c >= 0x7f || (c >= 0x20 && c != '"' && c != '\\')) {
			put_u(out, pp_next_char(s, len, &at));
		} else {
			put_special(out, c);
			at++;
		}
		from = at;
	}
	pp_buf_add(out, s + from, len - from);
	pp_buf_addc(out, '"');
}

static void
put_float(struct pp_buf *out, double f)
{
	char text[PP_FLOAT_BYTES];

	if (isnan(f))
		pp_buf_adds(out, "NaN");
	else if (isinf(f))
		pp_buf_adds(out, f < 0 ? "-Infinity" : "Infinity");
	else
		pp_buf_add(out, text, pp_float_text(f, text));
}

static void
new_line(struct writer *w)
{
	if (w->style->indent == NULL)
		return;
	pp_buf_addc(&w->rt->out, '\n');
	for (int64_t i = 0; i < w->level; i++)
		pp_buf_adds(&w->rt->out, w->style->indent);
}

static int
deeper(struct writer *w)
{
	struct pp_rt *rt = w->rt;

	if (++w->level > rt->bounds.value_depth)
		return pp_fail_int(rt, PP_K_LIMIT,
		    "values are nested deeper than %lld",
		    (long long)rt->bounds.value_depth);
	return 0;
}

static int
put_list(struct writer *w, const struct pp_list *l)
{
	struct pp_buf *out = &w->rt->out;

	if (l->count == 0)
		return pp_buf_adds(out, "[]");
	if (deeper(w) < 0)
		return -1;
	pp_buf_addc(out, '[');
	for (uint32_t i = 0; i < l->count; i++) {
		if (i > 0)
			pp_buf_adds(out, w->style->item);
		new_line(w);
		if (put_value(w, l->item[i]) < 0)
			return -1;
	}
	w->level--;
	new_line(w);
	return pp_buf_addc(out, ']');
}

/* Keys that are no text are written as their JSON, in quotes. */
static int
put_key(struct writer *w, struct pp_value key)
{
	struct pp_buf *out = &w->rt->out;

	if (pp_is_str(key)) {
		put_text(w, key.s, key.len);
		return 0;
	}
	if (!pp_is_number(key) && key.type != PP_T_NONE)
		return pp_fail_int(w->rt, PP_K_TYPE,
		    "keys must be str, int, "
		    "float, bool or None, not %s",
		    pp_type_name(key));
	pp_buf_addc(out, '"');
	if (put_value(w, key) < 0)
		return -1;
	return pp_buf_addc(out, '"');
}

static int
by_key(const void *a, const void *b)
{
	const struct pp_entry *const *x = a, *const *y = b;
	struct pp_value k = (*x)->key, l = (*y)->key;
	uint32_t n = k.len < l.len ? k.len : l.len;
	int c = memcmp(k.s, l.s, n);

	return c != 0 ? c : k.len < l.len ? -1 : k.len > l.len;
}

/* Entries in order of key; keys of several kinds cannot be sorted. */
static const struct pp_entry **
sorted_entries(struct writer *w, const struct pp_dict *d)
{
	struct pp_rt *rt = w->rt;
	const struct pp_entry **e = pp_rt_alloc(rt, d->count * sizeof *e);
	struct pp_value *keys, *index;
	bool text = true;

	for (uint32_t i = 0; e != NULL && i < d->count; i++) {
		e[i] = &d->entry[i];
		text = text && pp_is_str(e[i]->key);
	}
	if (e == NULL || text) {
		if (e != NULL)
			qsort(e, d->count, sizeof *e, by_key);
		return e;
	}
	keys = pp_rt_alloc(rt, d->count * sizeof *keys);
	index = pp_rt_alloc(rt, d->count * sizeof *index);
	if (keys == NULL || index == NULL)
		return NULL;
	for (uint32_t i = 0; i < d->count; i++) {
		keys[i] = d->entry[i].key;
		index[i] = pp_int(i);
	}
	if (pp_sort(rt, index, keys, d->count, false) < 0)
		return NULL;
	for (uint32_t i = 0; i < d->count; i++)
		e[i] = &d->entry[index[i].i];
	return e;
}

static bool
is_sorted(const struct pp_dict *d)
{
	for (uint32_t i = 0; i + 1 < d->count; i++) {
		const struct pp_entry *a = &d->entry[i], *b = a + 1;

		if (!pp_is_str(a->key) || !pp_is_str(b->key) ||
		    by_key(&a, &b) > 0)
			return false;
	}
	return true;
}

static int
put_dict(struct writer *w, const struct pp_dict *d)
{
	struct pp_buf *out = &w->rt->out;
	const struct pp_entry **e = NULL;

	if (d->count == 0)
		return pp_buf_adds(out, "{}");
	if (deeper(w) < 0)
		return -1;
	if (w->style->sort_keys && d->count > 1 && !is_sorted(d)) {
		e = sorted_entries(w, d);
		if (e == NULL)
			return -1;
	}
	pp_buf_addc(out, '{');
	for (uint32_t i = 0; i < d->count; i++) {
		const struct pp_entry *entry = e != NULL ? e[i] : &d->entry[i];

		if (i > 0)
			pp_buf_adds(out, w->style->item);
		new_line(w);
		if (put_key(w, entry->key) < 0)
			return -1;
		pp_buf_adds(out, w->style->key);
		if (put_value(w, entry->value) < 0)
			return -1;
	}
	w->level--;
	new_line(w);
	return pp_buf_addc(out, '}');
}

static int
put_value(struct writer *w, struct pp_value v)
{
	struct pp_rt *rt = w->rt;

	if (pp_rt_charge(rt, 1) < 0 ||
	    ((int64_t)rt->out.len > rt->bounds.output_bytes &&
		pp_rt_check_output(rt) < 0))
		return -1;
	switch (v.type) {
	case PP_T_NONE: return pp_buf_adds(&rt->out, "null");
	case PP_T_BOOL: return pp_buf_adds(&rt->out, v.i ? "true" : "false");
	case PP_T_INT:
	case PP_T_BIG: return pp_int_put(rt, &rt->out, v, 10);
	case PP_T_FLOAT:
		if (w->style->finite && !isfinite(v.f))
			return pp_buf_adds(&rt->out, "null");
		put_float(&rt->out, v.f);
		return 0;
	case PP_T_STR: put_text(w, v.s, v.len); return 0;
	case PP_T_LIST:
	case PP_T_TUPLE: return put_list(w, v.list);
	case PP_T_DICT: return put_dict(w, v.dict);
	default:
		return pp_fail_int(rt, PP_K_TYPE,
		    "Object of type %s is not JSON serializable",
		    pp_type_name(v));
	}
}

int
pp_put_json(struct pp_rt *rt, struct pp_value v,
    const struct pp_json_style *style)
{
	struct writer w = { rt, style, 0 };

	return put_value(&w, v);
}

/* ---- the filter ---- */

/* indent: a number of blanks, or text. 0 or -1. */
static int
read_indent(struct pp_rt *rt, struct pp_value v, const char **out)
{
	struct pp_value s;

	if (pp_is_absent(v))
		return 0;
	if (pp_is_str(v)) {
		s = pp_rt_str(rt, v.s, v.len);
	} else {
		int64_t n;

		if (pp_need_int(rt, v, &n) < 0)
			return -1;
		s = pp_binary(rt, PP_MUL, pp_cstr(" "), pp_int(n));
	}
	if (pp_is_error(s))
		return -1;
	*out = s.s;
	return 0;
}

static int
read_separators(struct pp_rt *rt, struct pp_value v,
    struct pp_json_style *style)
{
	struct pp_list *l;
	struct pp_value s;

	if (pp_is_absent(v))
		return 0;
	l = pp_to_list(rt, v);
	if (l == NULL)
		return -1;
	if (l->count != 2 || !pp_is_str(l->item[0]) || !pp_is_str(l->item[1]))
		return pp_fail_int(rt, PP_K_RUNTIME,
		    "separators must be two texts");
	s = pp_rt_str(rt, l->item[0].s, l->item[0].len);
	style->item = s.s;
	s = pp_is_error(s) ? s : pp_rt_str(rt, l->item[1].s, l->item[1].len);
	style->key = s.s;
	return pp_is_error(s) ? -1 : 0;
}

static int
read_flag(struct pp_rt *rt, struct pp_value v, bool *out)
{
	int yes = pp_is_missing(v) ? *out : pp_truth(rt, v);

	*out = yes > 0;
	return yes < 0 ? -1 : 0;
}

/*
 * Jinja's has `indent` alone; that of chat templates has the rest of the
 * options, in another order. We take all of them by name in both.
 */
PP_FILTER_RAW(pp_f_tojson)
{
	struct pp_json_style style = { .ascii = !rt->hf,
		.sort_keys = !rt->hf,
		.html = !rt->hf,
		.item = ", ",
		.key = ": " };
	struct pp_value v[4]; /* indent, ascii, separators, sort_keys */
	size_t start;

	if (!rt->hf && args->count > 1)
		return pp_type_error(rt,
		    "tojson takes one positional argument, %u were given",
		    args->count);
	if (pp_bind(rt, "tojson",
		rt->hf ? "ensure_ascii? indent? separators? sort_keys?" :
			 "indent? ensure_ascii? separators? sort_keys?",
		args, v) < 0)
		return pp_error_value();
	if (read_indent(rt, v[rt->hf ? 1 : 0], &style.indent) < 0 ||
	    read_flag(rt, v[rt->hf ? 0 : 1], &style.ascii) < 0 ||
	    read_flag(rt, v[3], &style.sort_keys) < 0)
		return pp_error_value();
	if (style.indent != NULL)
		style.item = ",";
	if (read_separators(rt, v[2], &style) < 0)
		return pp_error_value();
	start = pp_text_begin(rt);
	return pp_text_result(rt, start, pp_put_json(rt, in, &style), !rt->hf);
}
