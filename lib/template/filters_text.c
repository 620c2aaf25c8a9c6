/* Filters on text. */
#include <config.h>

#include <stdlib.h>

#include "base/str.h"
#include "template/filters.h"
#include "template/format.h"
#include "template/methods.h"
#include "template/object.h"
#include "template/unicode.h"

/* str(in), of which Markup stays Markup. */
static bool
text(struct pp_rt *rt, struct pp_value *in)
{
	*in = pp_to_str(rt, *in);
	return !pp_is_error(*in);
}

PP_FILTER(pp_f_upper)
{
	(void)arg;
	return text(rt, &in) ? pp_str_upper(rt, in) : in;
}

PP_FILTER(pp_f_lower)
{
	(void)arg;
	return text(rt, &in) ? pp_str_lower(rt, in) : in;
}

PP_FILTER(pp_f_capitalize)
{
	(void)arg;
	return text(rt, &in) ? pp_str_capitalize(rt, in) : in;
}

/* Whether title case begins anew behind the character. */
static bool
begins_word(uint32_t cp)
{
	return cp == '-' || cp == '(' || cp == '{' || cp == '[' || cp == '<' ||
	    (pp_uc(cp) & PP_UC_SPACE) != 0;
}

/* All in lower case, the first of each word put right in its place. */
static struct pp_value
ascii_title(struct pp_rt *rt, struct pp_value s)
{
	struct pp_value v = pp_str_lower(rt, s);
	char *p = (char *)(uintptr_t)v.s;
	bool first = true;

	for (uint32_t i = 0; !pp_is_error(v) && i < v.len; i++) {
		if (first && p[i] >= 'a' && p[i] <= 'z')
			p[i] = (char)(p[i] - 32);
		first = begins_word((unsigned char)p[i]);
	}
	return v;
}

static void
put_words_titled(struct pp_buf *out, const char *s, size_t len)
{
	size_t start = 0, at = 0, end;

	while (start < len) {
		at = start;
		end = start;
		pp_next_char(s, len, &at);
		if (begins_word(pp_next_char(s, len, &end))) {
			pp_buf_add(out, s + start, at - start);
			start = at;
			continue;
		}
		while (end < len) {
			size_t next = end;

			if (begins_word(pp_next_char(s, len, &next)))
				break;
			end = next;
		}
		pp_put_case(out, s + start, at - start, PP_CASE_UPPER);
		pp_put_case(out, s + at, end - at, PP_CASE_LOWER);
		start = end;
	}
}

PP_FILTER(pp_f_title)
{
	(void)arg;
	if (!text(rt, &in))
		return in;
	in = in.flags & PP_F_ASCII ? ascii_title(rt, in) :
				     pp_str_mapped(rt, in, put_words_titled);
	in.flags &= (uint8_t)~PP_F_MARKUP;
	return in;
}

PP_FILTER(pp_f_center)
{
	int64_t width = 80;

	if (!text(rt, &in) ||
	    (!pp_is_missing(arg[0]) && pp_need_int(rt, arg[0], &width) < 0))
		return pp_error_value();
	return pp_str_center(rt, in, width, pp_cstr(" "));
}

PP_FILTER(pp_f_trim)
{
	return text(rt, &in) ? pp_str_strip(rt, in, arg[0], true, true) : in;
}

PP_FILTER(pp_f_replace)
{
	struct pp_value old = arg[0], new = arg[1];
	int64_t count = -1;

	if (!pp_is_absent(arg[2]) && pp_need_int(rt, arg[2], &count) < 0)
		return pp_error_value();
	if (!text(rt, &in) || !text(rt, &old) || !text(rt, &new))
		return pp_error_value();
	if (!rt->autoescape) {
		in.flags &= (uint8_t)~PP_F_MARKUP;
		old.flags &= (uint8_t)~PP_F_MARKUP;
		new.flags &= (uint8_t)~PP_F_MARKUP;
	} else if (pp_is_markup(old) ||
	    (pp_is_markup(new) && !pp_is_markup(in))) {
		in = pp_escape(rt, in);
	}
	return pp_str_replace(rt, in, old, new, count);
}

/* The bytes of the first `n` characters. */
static size_t
prefix(struct pp_value s, int64_t n)
{
	size_t at = 0;

	if (s.flags & PP_F_ASCII)
		return n < (int64_t)s.len ? (size_t)n : s.len;
	while (n-- > 0 && at < s.len)
		pp_next_char(s.s, s.len, &at);
	return at;
}

PP_FILTER(pp_f_truncate)
{
	struct pp_value end = pp_is_missing(arg[2]) ? pp_cstr("...") : arg[2];
	struct pp_value parts[2];
	int64_t length = 255, leeway = 5, n = pp_length(in), end_length;
	int kill = 0;
	size_t cut;

	if ((!pp_is_missing(arg[0]) && pp_need_int(rt, arg[0], &length) < 0) ||
	    (!pp_is_absent(arg[3]) && pp_need_int(rt, arg[3], &leeway) < 0))
		return pp_error_value();
	end_length = pp_length(end);
	if (end_length < 0)
		return pp_type_error(rt, "object of type '%s' has no len()",
		    pp_type_name(end));
	if (length < end_length)
		return pp_runtime_error(rt,
		    "expected length >= %lld, got "
		    "%lld",
		    (long long)end_length, (long long)length);
	if (leeway < 0)
		return pp_runtime_error(rt, "expected leeway >= 0, got %lld",
		    (long long)leeway);
	if (in.type == PP_T_UNDEFINED && pp_is_strict(rt, in))
		return pp_undefined_error(rt, in);
	if (n < 0)
		return pp_type_error(rt, "object of type '%s' has no len()",
		    pp_type_name(in));
	if (n <= length || n - leeway <= length)
		return in;
	if (!pp_is_missing(arg[1]))
		kill = pp_truth(rt, arg[1]);
	if (kill < 0)
		return pp_error_value();
	if (!kill &&
	    (in.type == PP_T_LIST || in.type == PP_T_TUPLE ||
		in.type == PP_T_RANGE))
		return pp_runtime_error(rt,
		    "'%s' object has no attribute 'rsplit'", pp_type_name(in));
	if (!pp_is_str(in) || !pp_is_str(end))
		return pp_type_error(rt, "truncate() needs text");
	cut = prefix(in, length - end_length);
	if (!kill) {
		const char *space = memrchr(in.s, ' ', cut);

		if (space != NULL)
			cut = (size_t)(space - in.s);
	}
	parts[0] = pp_str(in.s, cut);
	parts[0].flags = in.flags;
	parts[1] = end;
	return pp_binary(rt, PP_ADD, parts[0], parts[1]);
}

/* The indentation: so many blanks, or text. */
static struct pp_value
indentation(struct pp_rt *rt, struct pp_value width)
{
	int64_t n = 4;

	if (pp_is_str(width))
		return width;
	if (!pp_is_missing(width) && !pp_is_integer(width))
		return pp_type_error(rt,
		    "can't multiply sequence by non-int of type '%s'",
		    pp_type_name(width));
	if (!pp_is_missing(width) && pp_need_int(rt, width, &n) < 0)
		return pp_error_value();
	return pp_binary(rt, PP_MUL, pp_cstr(" "), pp_int(n));
}

PP_FILTER(pp_f_indent)
{
	struct pp_value by = indentation(rt, arg[0]);
	size_t start, at = 0, end, next;
	int first = 0, blank = 0;
	uint8_t markup = in.flags & PP_F_MARKUP;

	if (pp_is_error(by))
		return by;
	if (in.type == PP_T_UNDEFINED)
		return pp_undefined_error(rt, in);
	if (in.type == PP_T_LIST)
		return pp_runtime_error(rt,
		    "'list' object has no attribute 'splitlines'");
	if (!pp_is_str(in))
		return pp_type_error(rt,
		    "unsupported operand type(s) for +=: "
		    "'%s' and 'str'",
		    pp_type_name(in));
	if (!pp_is_missing(arg[1]))
		first = pp_truth(rt, arg[1]);
	if (!pp_is_missing(arg[2]))
		blank = pp_truth(rt, arg[2]);
	if (first < 0 || blank < 0)
		return pp_error_value();
	start = pp_text_begin(rt);
	if (first)
		pp_buf_add(&rt->out, by.s, by.len);
	for (bool more = true; more; at = next) {
		next = pp_line_end(in, at, &end);
		/* The newline that Jinja puts behind ends "\r" with it. */
		more = next > end && (next < in.len || in.s[next - 1] != '\r');
		if (at > 0) {
			pp_buf_addc(&rt->out, '\n');
			if (blank || end > at)
				pp_buf_add(&rt->out, by.s, by.len);
		}
		pp_buf_add(&rt->out, in.s + at, end - at);
		if ((int64_t)(rt->out.len - start) > rt->bounds.string_bytes)
			break;
	}
	in = pp_text_end(rt, start);
	in.flags |= markup;
	return in;
}

PP_FILTER(pp_f_wordcount)
{
	bool inside = false;
	int64_t n = 0;

	(void)arg;
	if (!text(rt, &in))
		return in;
	for (size_t at = 0; at < in.len;) {
		bool word = pp_uc_word(pp_next_char(in.s, in.len, &at));

		n += word && !inside;
		inside = word;
	}
	return pp_int(n);
}

PP_FILTER(pp_f_string)
{
	(void)arg;
	return pp_to_str(rt, in);
}

PP_FILTER_RAW(pp_f_format)
{
	struct pp_value values;
	struct pp_dict *d;
	struct pp_list *l;

	if (args->count > 0 && args->named > 0)
		return pp_runtime_error(rt,
		    "can't handle positional and "
		    "keyword arguments at the same time");
	if (!text(rt, &in))
		return in;
	if (args->named > 0) {
		d = pp_dict_new(rt, args->named);
		for (uint32_t i = 0; d != NULL && i < args->named; i++) {
			if (pp_dict_put(rt, d, args->names[i],
				args->values[i]) < 0)
				return pp_error_value();
		}
		values = pp_ref(PP_T_DICT, d);
	} else {
		l = pp_list_new(rt, args->count);
		for (uint32_t i = 0; l != NULL && i < args->count; i++)
			l->item[l->count++] = args->v[i];
		values = pp_ref(PP_T_TUPLE, l);
	}
	return values.p != NULL ? pp_percent(rt, in, values) : pp_error_value();
}
