/* str(), repr() and escape(). */
#include <config.h>

#include "template/ast.h"
#include "template/object.h"
#include "template/template.h"
#include "template/unicode.h"

/* ---- repr of strings ---- */

static void
put_escape(struct pp_buf *out, uint32_t cp)
{
	if (cp == '\n')
		pp_buf_adds(out, "\\n");
	else if (cp == '\r')
		pp_buf_adds(out, "\\r");
	else if (cp == '\t')
		pp_buf_adds(out, "\\t");
	else if (cp < 0x100)
		pp_buf_addf(out, "\\x%02x", cp);
	else if (cp < 0x10000)
		pp_buf_addf(out, "\\u%04x", cp);
	else
		pp_buf_addf(out, "\\U%08x", cp);
}

void
pp_put_str_repr(struct pp_buf *out, const char *s, size_t len)
{
	bool single = len > 0 && memchr(s, '\'', len) != NULL;
	bool twofold = len > 0 && memchr(s, '"', len) != NULL;
	char quote = single && !twofold ? '"' : '\'';

	pp_buf_addc(out, quote);
	for (size_t at = 0; at < len;) {
		size_t start = at;
		uint32_t cp = pp_next_char(s, len, &at);

		if (cp == (unsigned char)quote || cp == '\\') {
			pp_buf_addc(out, '\\');
			pp_buf_addc(out, (char)cp);
		} else if ((cp >= 0x20 && cp < 0x7f) ||
		    (pp_uc(cp) & PP_UC_PRINTABLE) != 0) {
			pp_buf_add(out, s + start, at - start);
		} else {
			put_escape(out, cp);
		}
	}
	pp_buf_addc(out, quote);
}

/* ---- repr of the rest ---- */

static int repr_at(struct pp_rt *rt, struct pp_value v, int64_t level);

static int
repr_items(struct pp_rt *rt, const struct pp_list *l, const char *open,
    const char *close, int64_t level)
{
	pp_buf_adds(&rt->out, open);
	for (uint32_t i = 0; i < l->count; i++) {
		if (i > 0)
			pp_buf_adds(&rt->out, ", ");
		if (repr_at(rt, l->item[i], level) < 0)
			return -1;
	}
	pp_buf_adds(&rt->out, close);
	return pp_rt_check_output(rt);
}

static int
repr_dict(struct pp_rt *rt, const struct pp_dict *d, int64_t level)
{
	pp_buf_addc(&rt->out, '{');
	for (uint32_t i = 0; i < d->count; i++) {
		if (i > 0)
			pp_buf_adds(&rt->out, ", ");
		if (repr_at(rt, d->entry[i].key, level) < 0)
			return -1;
		pp_buf_adds(&rt->out, ": ");
		if (repr_at(rt, d->entry[i].value, level) < 0)
			return -1;
	}
	pp_buf_addc(&rt->out, '}');
	return pp_rt_check_output(rt);
}

static int
repr_view(struct pp_rt *rt, struct pp_value v, int64_t level)
{
	struct pp_iter it = { v, 0 };
	struct pp_value item;
	int more, n = 0;

	pp_buf_addf(&rt->out, "%s([", pp_type_name(v));
	while ((more = pp_iter_next(rt, &it, &item)) > 0) {
		if (n++ > 0)
			pp_buf_adds(&rt->out, ", ");
		if (repr_at(rt, item, level) < 0)
			return -1;
	}
	pp_buf_adds(&rt->out, "])");
	return more;
}

static int
repr_range(struct pp_rt *rt, const struct pp_range *r)
{
	pp_buf_addf(&rt->out, "range(%lld, %lld", (long long)r->start,
	    (long long)r->stop);
	if (r->step != 1)
		pp_buf_addf(&rt->out, ", %lld", (long long)r->step);
	pp_buf_addc(&rt->out, ')');
	return 0;
}

static int
repr_macro(struct pp_rt *rt, const struct pp_macro *m)
{
	struct pp_value name = pp_macro_name(m);

	if (pp_is_missing(name)) {
		pp_buf_adds(&rt->out, "<Macro anonymous>");
		return 0;
	}
	pp_buf_adds(&rt->out, "<Macro ");
	pp_put_str_repr(&rt->out, name.s, name.len);
	pp_buf_addc(&rt->out, '>');
	return 0;
}

/* Objects that Python shows with an address, which nobody can compare. */
static int
repr_object(struct pp_rt *rt, struct pp_value v)
{
	pp_buf_addf(&rt->out, "<%s object>", pp_type_name(v));
	return 0;
}

static int
repr_float(struct pp_rt *rt, double f)
{
	char text[PP_FLOAT_BYTES];
	size_t len = pp_float_text(f, text);

	pp_buf_add(&rt->out, text, len);
	return 0;
}

/* What reads the same as str() and as repr(). */
static int
put_simple(struct pp_rt *rt, struct pp_value v)
{
	switch (v.type) {
	case PP_T_NONE: return pp_buf_add(&rt->out, "None", 4);
	case PP_T_BOOL:
		return v.i ? pp_buf_add(&rt->out, "True", 4) :
			     pp_buf_add(&rt->out, "False", 5);
	case PP_T_INT: pp_put_int64(&rt->out, v.i); return 0;
	case PP_T_BIG: return pp_int_put(rt, &rt->out, v, 10);
	case PP_T_FLOAT: return repr_float(rt, v.f);
	case PP_T_RANGE: return repr_range(rt, v.range);
	case PP_T_MACRO: return repr_macro(rt, v.macro);
	case PP_T_GLOBAL:
		return pp_buf_adds(&rt->out, pp_global_repr(v.global));
	case PP_T_ERROR: return -1;
	default: return repr_object(rt, v);
	}
}

static int
repr_at(struct pp_rt *rt, struct pp_value v, int64_t level)
{
	if (level >= rt->bounds.value_depth)
		return pp_fail_int(rt, PP_K_LIMIT,
		    "values are nested deeper than %lld",
		    (long long)rt->bounds.value_depth);
	if (pp_rt_charge(rt, 1) < 0)
		return -1;
	level++;
	switch (v.type) {
	case PP_T_STR:
		if (v.flags & PP_F_MARKUP)
			pp_buf_adds(&rt->out, "Markup(");
		pp_put_str_repr(&rt->out, v.s, v.len);
		if (v.flags & PP_F_MARKUP)
			pp_buf_addc(&rt->out, ')');
		return pp_rt_check_output(rt);
	case PP_T_LIST: return repr_items(rt, v.list, "[", "]", level);
	case PP_T_TUPLE:
		return repr_items(rt, v.list, "(",
		    v.list->count == 1 ? ",)" : ")", level);
	case PP_T_DICT: return repr_dict(rt, v.dict, level);
	case PP_T_VIEW: return repr_view(rt, v, level);
	case PP_T_NAMESPACE:
		pp_buf_adds(&rt->out, "<Namespace ");
		if (repr_dict(rt, v.dict, level) < 0)
			return -1;
		return pp_buf_addc(&rt->out, '>');
	case PP_T_UNDEFINED: return pp_buf_adds(&rt->out, "Undefined");
	case PP_T_LOOP: return pp_loop_repr(rt, v.loop);
	default: return put_simple(rt, v);
	}
}

int
pp_put_repr(struct pp_rt *rt, struct pp_value v)
{
	return repr_at(rt, v, 0);
}

int
pp_put_str(struct pp_rt *rt, struct pp_value v)
{
	switch (v.type) {
	case PP_T_STR: pp_buf_add(&rt->out, v.s, v.len); return 0;
	case PP_T_INT: pp_put_int64(&rt->out, v.i); return 0;
	case PP_T_UNDEFINED:
		if (!pp_is_strict(rt, v))
			return 0;
		pp_undefined_error(rt, v);
		return -1;
	case PP_T_MODULE: return pp_put_str(rt, pp_module_body(v.module));
	default: return pp_put_repr(rt, v);
	}
}

struct pp_value
pp_to_str(struct pp_rt *rt, struct pp_value v)
{
	size_t start = pp_text_begin(rt);

	if (pp_is_str(v))
		return v;
	return pp_text_result(rt, start, pp_put_str(rt, v), false);
}

struct pp_value
pp_repr(struct pp_rt *rt, struct pp_value v)
{
	size_t start = pp_text_begin(rt);

	return pp_text_result(rt, start, pp_put_repr(rt, v), false);
}

/* ---- escape ---- */

void
pp_put_escaped(struct pp_buf *out, const char *s, size_t len)
{
	static const bool special[256] = { ['&'] = true,
		['<'] = true,
		['>'] = true,
		['"'] = true,
		['\''] = true };
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		const char *entity;

		if (!special[(unsigned char)s[i]])
			continue;
		switch (s[i]) {
		case '&': entity = "&amp;"; break;
		case '<': entity = "&lt;"; break;
		case '>': entity = "&gt;"; break;
		case '"': entity = "&#34;"; break;
		case '\'': entity = "&#39;"; break;
		default: continue;
		}
		pp_buf_add(out, s + from, i - from);
		pp_buf_adds(out, entity);
		from = i + 1;
	}
	pp_buf_add(out, s + from, len - from);
}

struct pp_value
pp_escape(struct pp_rt *rt, struct pp_value v)
{
	size_t start;

	if (pp_is_markup(v))
		return v;
	v = pp_to_str(rt, v);
	if (pp_is_error(v))
		return v;
	start = pp_text_begin(rt);
	pp_put_escaped(&rt->out, v.s, v.len);
	v = pp_text_end(rt, start);
	v.flags |= PP_F_MARKUP;
	return v;
}
