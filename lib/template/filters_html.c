/* Filters for HTML and URLs. */
#include <config.h>

#include <stdlib.h>

#include "base/mem.h"
#include "template/filters.h"
#include "template/object.h"
#include "template/unicode.h"

PP_FILTER(pp_f_escape)
{
	(void)arg;
	return pp_escape(rt, in);
}

PP_FILTER(pp_f_forceescape)
{
	(void)arg;
	in = pp_to_str(rt, in);
	if (pp_is_error(in))
		return in;
	in.flags &= (uint8_t)~PP_F_MARKUP;
	return pp_escape(rt, in);
}

PP_FILTER(pp_f_safe)
{
	(void)arg;
	in = pp_to_str(rt, in);
	if (!pp_is_error(in))
		in.flags |= PP_F_MARKUP;
	return in;
}

struct pp_value
pp_markup_join(struct pp_rt *rt, const struct pp_value *v, uint32_t count)
{
	size_t start = pp_text_begin(rt);
	bool markup = false;
	struct pp_value s;
	int rc = 0;

	for (uint32_t i = 0; i < count; i++)
		markup = markup || pp_is_markup(v[i]);
	for (uint32_t i = 0; rc == 0 && i < count; i++) {
		s = markup ? pp_escape(rt, v[i]) : v[i];
		rc = pp_is_error(s) ? -1 : pp_put_str(rt, s);
	}
	return pp_text_result(rt, start, rc, markup);
}

/* ---- striptags ---- */

static const struct {
	const char *name;
	uint32_t cp;
} entities[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' },
	{ "apos", '\'' }, { "nbsp", 0xa0 }, { "copy", 0xa9 }, { "reg", 0xae },
	{ "trade", 0x2122 }, { "hellip", 0x2026 }, { "mdash", 0x2014 },
	{ "ndash", 0x2013 }, { "lsquo", 0x2018 }, { "rsquo", 0x2019 },
	{ "ldquo", 0x201c }, { "rdquo", 0x201d }, { "laquo", 0xab },
	{ "raquo", 0xbb }, { "bull", 0x2022 }, { "middot", 0xb7 },
	{ "euro", 0x20ac }, { "pound", 0xa3 }, { "yen", 0xa5 },
	{ "cent", 0xa2 }, { "sect", 0xa7 }, { "para", 0xb6 }, { "deg", 0xb0 },
	{ "plusmn", 0xb1 }, { "times", 0xd7 }, { "divide", 0xf7 },
	{ "frac12", 0xbd }, { "eacute", 0xe9 }, { "egrave", 0xe8 },
	{ "ecirc", 0xea }, { "agrave", 0xe0 }, { "aacute", 0xe1 },
	{ "acirc", 0xe2 }, { "auml", 0xe4 }, { "ouml", 0xf6 }, { "uuml", 0xfc },
	{ "Auml", 0xc4 }, { "Ouml", 0xd6 }, { "Uuml", 0xdc }, { "szlig", 0xdf },
	{ "ccedil", 0xe7 }, { "ntilde", 0xf1 }, { "rarr", 0x2192 },
	{ "larr", 0x2190 } };

/* The character of "&...;" at s; its length in *len, or 0. */
static uint32_t
read_entity(const char *s, size_t left, size_t *len)
{
	const char *semicolon = memchr(s, ';', left < 32 ? left : 32);
	size_t n;
	long cp;
	char *end;

	*len = 0;
	if (semicolon == NULL || left < 3)
		return 0;
	n = (size_t)(semicolon - s);
	if (s[1] == '#') {
		bool hex = s[2] == 'x' || s[2] == 'X';

		cp = strtol(s + 2 + hex, &end, hex ? 16 : 10);
		if (end != semicolon || end == s + 2 + hex || s[2] == '-')
			return 0;
		*len = n + 1;
		return cp <= 0 || cp > 0x10ffff ||
			(cp >= 0xd800 && cp < 0xe000) ?
		    0xfffd :
		    (uint32_t)cp;
	}
	for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
		if (strlen(entities[i].name) == n - 1 &&
		    memcmp(entities[i].name, s + 1, n - 1) == 0) {
			*len = n + 1;
			return entities[i].cp;
		}
	}
	return 0;
}

/* Take out "open ... close", found again and again from the left. */
static void
cut_between(struct pp_buf *b, const char *open, const char *close)
{
	size_t from = 0, n = strlen(open), kept = 0, at = 0;
	const char *p, *q;

	for (;;) {
		p = memmem(b->data + from, b->len - from, open, n);
		q = p == NULL ? NULL :
				memmem(p, b->len - (size_t)(p - b->data), close,
				    strlen(close));
		if (q == NULL)
			break;
		n = strlen(open);
		memmove(b->data + kept, b->data + at,
		    (size_t)(p - b->data) - at);
		kept += (size_t)(p - b->data) - at;
		at = from = (size_t)(q - b->data) + strlen(close);
	}
	memmove(b->data + kept, b->data + at, b->len - at);
	pp_buf_truncate(b, kept + b->len - at);
}

/* Runs of blanks to one, none at the ends; then the entities. */
static void
put_plain(struct pp_buf *out, const struct pp_buf *b)
{
	struct pp_buf spaced = PP_BUF_INIT;
	bool space = false;
	size_t len;

	for (size_t at = 0; at < b->len;) {
		size_t start = at;

		if (pp_uc(pp_next_char(b->data, b->len, &at)) & PP_UC_SPACE) {
			space = spaced.len > 0;
			continue;
		}
		if (space)
			pp_buf_addc(&spaced, ' ');
		space = false;
		pp_buf_add(&spaced, b->data + start, at - start);
	}
	for (size_t at = 0; at < spaced.len;) {
		uint32_t cp = 0;

		len = 0;
		if (spaced.data[at] == '&')
			cp = read_entity(spaced.data + at, spaced.len - at,
			    &len);
		if (len > 0)
			pp_put_char(out, cp);
		else
			pp_buf_addc(out, spaced.data[at]);
		at += len > 0 ? len : 1;
	}
	pp_buf_release(&spaced);
}

PP_FILTER(pp_f_striptags)
{
	struct pp_buf b = PP_BUF_INIT;
	size_t start;

	(void)arg;
	in = pp_to_str(rt, in);
	if (pp_is_error(in) || pp_rt_charge(rt, in.len / 64) < 0)
		return pp_error_value();
	pp_buf_add(&b, in.s, in.len);
	if (b.len > 0) {
		cut_between(&b, "<!--", "-->");
		cut_between(&b, "<", ">");
	}
	start = pp_text_begin(rt);
	put_plain(&rt->out, &b);
	pp_buf_release(&b);
	return pp_text_end(rt, start);
}

/* ---- URLs ---- */

static void
put_quoted(struct pp_buf *out, struct pp_value s, bool query)
{
	for (uint32_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.s[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '_' || c == '.' ||
		    c == '-' || c == '~' || (c == '/' && !query))
			pp_buf_addc(out, (char)c);
		else if (c == ' ' && query)
			pp_buf_addc(out, '+');
		else
			pp_buf_addf(out, "%%%02X", c);
	}
}

static int
put_pair(struct pp_rt *rt, struct pp_value pair)
{
	struct pp_list *l = pp_to_list(rt, pair);

	if (l == NULL)
		return -1;
	if (l->count != 2)
		return pp_fail_int(rt, PP_K_RUNTIME,
		    l->count > 2 ?
			"too many values to unpack (expected 2)" :
			"not enough values to unpack (expected 2, got %u)",
		    l->count);
	for (int i = 0; i < 2; i++) {
		l->item[i] = pp_to_str(rt, l->item[i]);
		if (pp_is_error(l->item[i]))
			return -1;
	}
	put_quoted(&rt->out, l->item[0], true);
	pp_buf_addc(&rt->out, '=');
	put_quoted(&rt->out, l->item[1], true);
	return 0;
}

PP_FILTER(pp_f_urlencode)
{
	size_t start;
	struct pp_iter it;
	struct pp_value v;
	int more, n = 0;

	(void)arg;
	if (pp_is_str(in) ||
	    ((in.type < PP_T_LIST || in.type > PP_T_ITER) &&
		in.type != PP_T_UNDEFINED)) {
		in = pp_to_str(rt, in);
		start = pp_text_begin(rt);
		put_quoted(&rt->out, in, false);
		return pp_is_error(in) ? in : pp_text_end(rt, start);
	}
	if (in.type == PP_T_DICT) {
		in = pp_ref(PP_T_VIEW, in.dict);
		in.flags = PP_VIEW_ITEMS;
	}
	start = pp_text_begin(rt);
	if (pp_iter_init(rt, &it, in) < 0)
		return pp_error_value();
	while ((more = pp_iter_next(rt, &it, &v)) > 0) {
		if (n++ > 0)
			pp_buf_addc(&rt->out, '&');
		if (put_pair(rt, v) < 0) {
			more = -1;
			break;
		}
	}
	return pp_text_result(rt, start, more == 0 ? 0 : -1, false);
}

PP_FILTER(pp_f_xmlattr)
{
	int space = pp_is_missing(arg[0]) ? 1 : pp_truth(rt, arg[0]);
	size_t start = pp_text_begin(rt);
	struct pp_value key, v;

	if (space < 0)
		return pp_error_value();
	if (in.type == PP_T_UNDEFINED)
		return pp_undefined_error(rt, in);
	if (in.type != PP_T_DICT)
		return pp_runtime_error(rt,
		    "'%s' object has no attribute 'items'", pp_type_name(in));
	for (uint32_t i = 0; i < in.dict->count; i++) {
		key = in.dict->entry[i].key;
		v = in.dict->entry[i].value;
		if (v.type == PP_T_NONE || v.type == PP_T_UNDEFINED)
			continue;
		if (!pp_is_str(key)) {
			pp_type_error(rt,
			    "expected string or bytes-like "
			    "object, got '%s'",
			    pp_type_name(key));
			break;
		}
		for (uint32_t k = 0; k < key.len; k++) {
			if (key.s[k] != '\0' &&
			    strchr(" \t\n\r\f\v/>=", key.s[k]) != NULL)
				pp_runtime_error(rt,
				    "invalid character in "
				    "attribute name: '%.*s'",
				    (int)key.len, key.s);
		}
		if (rt->out.len > start || space)
			pp_buf_addc(&rt->out, ' ');
		key = pp_escape(rt, key);
		v = pp_escape(rt, v);
		if (rt->fault.kind != PP_K_NONE)
			break;
		pp_buf_add(&rt->out, key.s, key.len);
		pp_buf_adds(&rt->out, "=\"");
		pp_buf_add(&rt->out, v.s, v.len);
		pp_buf_addc(&rt->out, '"');
	}
	return pp_text_result(rt, start, rt->fault.kind != PP_K_NONE ? -1 : 0,
	    rt->autoescape);
}
