/* "{}".format(...): fields, attributes and items of them, conversions. */
#include <config.h>

#include "template/format.h"
#include "template/object.h"

struct fields {
	struct pp_rt *rt;
	const struct pp_args *args;
	int64_t next; /* automatic number; -1 once one was given */
	bool markup;
};

static int
put_fields(struct fields *f, const char *s, const char *end, int depth);

static int
bad(struct fields *f, const char *text)
{
	return pp_fail_int(f->rt, PP_K_RUNTIME, "%s", text);
}

static int
positional(struct fields *f, int64_t i, struct pp_value *v)
{
	if (i < 0 || i >= f->args->count)
		return pp_fail_int(f->rt, PP_K_RUNTIME,
		    "Replacement index "
		    "%lld out of range for positional args tuple",
		    (long long)i);
	*v = f->args->v[i];
	return 0;
}

/* The first part of a field's name. */
static int
first_value(struct fields *f, const char *s, size_t len, struct pp_value *v)
{
	int64_t i = 0;

	if (len == 0 && s[0] != '.' && s[0] != '[') {
		if (f->next < 0)
			return bad(f,
			    "cannot switch from manual field "
			    "specification to automatic field numbering");
		return positional(f, f->next++, v);
	}
	if (len > 0 && strspn(s, "0123456789") >= len) {
		if (f->next > 0)
			return bad(f,
			    "cannot switch from automatic field "
			    "numbering to manual field specification");
		f->next = -1;
		for (size_t k = 0; k < len && i < INT32_MAX; k++)
			i = i * 10 + (s[k] - '0');
		return positional(f, i, v);
	}
	for (uint32_t k = 0; k < f->args->named; k++) {
		if (f->args->names[k].len == len &&
		    memcmp(f->args->names[k].s, s, len) == 0) {
			*v = f->args->values[k];
			return 0;
		}
	}
	return pp_fail_int(f->rt, PP_K_RUNTIME, "'%.*s'", (int)len, s);
}

/* .name or [key], as the template would have got it. */
static int
follow(struct fields *f, const char **at, const char *end, struct pp_value *v)
{
	const char *s = *at, *stop;
	struct pp_value key;

	if (*s == '.') {
		for (stop = ++s; stop < end && *stop != '.' && *stop != '[';)
			stop++;
		if (stop == s)
			return bad(f, "empty attribute in format string");
		key = pp_str(s, (size_t)(stop - s));
		*v = pp_getattr(f->rt, *v, key, pp_str_hash(key.s, key.len));
		*at = stop;
	} else {
		stop = memchr(s, ']', (size_t)(end - s));
		if (stop == NULL)
			return bad(f, "missing ']' in format string");
		s++;
		if (stop == s)
			return bad(f, "empty attribute in format string");
		key = pp_str(s, (size_t)(stop - s));
		if (strspn(s, "0123456789") >= key.len)
			key = pp_int_from_digits(f->rt, s, key.len, 10, false);
		*v = pp_is_error(key) ? key : pp_getitem(f->rt, *v, key);
		*at = stop + 1;
		if (*at < end && **at != '.' && **at != '[')
			return bad(f,
			    "only '.' or '[' may follow ']' in "
			    "format field specifier");
	}
	return pp_is_error(*v) ? -1 : 0;
}

static int
field_value(struct fields *f, const char *s, const char *end,
    struct pp_value *v)
{
	const char *at = s;

	while (at < end && *at != '.' && *at != '[')
		at++;
	if (first_value(f, s, (size_t)(at - s), v) < 0)
		return -1;
	while (at < end) {
		if (follow(f, &at, end, v) < 0)
			return -1;
	}
	return 0;
}

static struct pp_value
ascii_of(struct pp_rt *rt, struct pp_value v)
{
	size_t start = pp_text_begin(rt);

	if (pp_is_error(v))
		return v;
	pp_put_ascii(&rt->out, v);
	return pp_text_end(rt, start);
}

static int
convert(struct fields *f, char conversion, struct pp_value *v)
{
	switch (conversion) {
	case 0: return 0;
	case 's': *v = pp_to_str(f->rt, *v); break;
	case 'r': *v = pp_repr(f->rt, *v); break;
	case 'a': *v = ascii_of(f->rt, pp_repr(f->rt, *v)); break;
	default:
		return pp_fail_int(f->rt, PP_K_RUNTIME,
		    "unknown conversion specifier %c", conversion);
	}
	return pp_is_error(*v) ? -1 : 0;
}

/* Write the value by its spec; Markup takes it escaped. */
static int
put_value(struct fields *f, struct pp_value v, struct pp_value spec)
{
	size_t start = pp_text_begin(f->rt);
	struct pp_value text;

	if (!f->markup || pp_is_markup(v))
		return pp_format_value(f->rt, v, spec);
	if (pp_format_value(f->rt, v, spec) < 0)
		return -1;
	text = pp_text_end(f->rt, start);
	if (pp_is_error(text))
		return -1;
	pp_put_escaped(&f->rt->out, text.s, text.len);
	return 0;
}

/* A field between its braces: name!conversion:spec. */
static int
put_field(struct fields *f, const char *s, const char *end, int depth)
{
	const char *stop = s;
	struct pp_value v, spec = pp_ascii("", 0);
	size_t start;
	char conversion = 0;
	int bracket = 0;

	for (; stop < end && (bracket || (*stop != '!' && *stop != ':'));
	     stop++) {
		if (*stop == '{')
			return bad(f, "unexpected '{' in field name");
		bracket = *stop == '[' ? 1 : *stop == ']' ? 0 : bracket;
	}
	if (field_value(f, s, stop, &v) < 0)
		return -1;
	if (stop < end && *stop == '!') {
		if (stop + 1 >= end)
			return bad(f,
			    "end of string while looking for "
			    "conversion specifier");
		conversion = stop[1];
		stop += 2;
		if (stop < end && *stop != ':')
			return bad(f,
			    "expected ':' after conversion "
			    "specifier");
	}
	if (convert(f, conversion, &v) < 0)
		return -1;
	if (stop < end) {
		start = pp_text_begin(f->rt);
		if (put_fields(f, stop + 1, end, depth + 1) < 0)
			return -1;
		spec = pp_text_end(f->rt, start);
		if (pp_is_error(spec))
			return -1;
	}
	return put_value(f, v, spec);
}

/* The '}' that closes the field begun before `s`, or NULL. */
static const char *
field_end(const char *s, const char *end)
{
	int open = 1;
	bool bracket = false;

	for (; s < end; s++) {
		if (*s == '[')
			bracket = true;
		else if (*s == ']')
			bracket = false;
		else if (*s == '{' && !bracket)
			open++;
		else if (*s == '}' && !bracket && --open == 0)
			return s;
	}
	return NULL;
}

static int
put_fields(struct fields *f, const char *s, const char *end, int depth)
{
	if (depth > 2)
		return bad(f, "Max string recursion exceeded");
	while (s < end) {
		const char *brace = s, *stop;

		while (brace < end && *brace != '{' && *brace != '}')
			brace++;
		pp_buf_add(&f->rt->out, s, (size_t)(brace - s));
		if (brace == end)
			break;
		if (brace + 1 < end && brace[1] == *brace && depth == 1) {
			pp_buf_addc(&f->rt->out, *brace);
			s = brace + 2;
			continue;
		}
		if (*brace == '}')
			return bad(f,
			    "Single '}' encountered in format "
			    "string");
		if (brace + 1 >= end)
			return bad(f,
			    "Single '{' encountered in format "
			    "string");
		stop = field_end(brace + 1, end);
		if (stop == NULL)
			return bad(f, "expected '}' before end of string");
		if (put_field(f, brace + 1, stop, depth) < 0 ||
		    pp_rt_check_output(f->rt) < 0)
			return -1;
		s = stop + 1;
	}
	return 0;
}

struct pp_value
pp_str_format(struct pp_rt *rt, struct pp_value text,
    const struct pp_args *args)
{
	struct fields f = {
		.rt = rt, .args = args, .markup = pp_is_markup(text)
	};
	struct pp_value copy = pp_rt_str(rt, text.s, text.len);
	size_t start = pp_text_begin(rt);
	int rc;

	/* A NUL ends the copy, which the scanning above relies on. */
	if (pp_is_error(copy))
		return copy;
	rc = put_fields(&f, copy.s, copy.s + copy.len, 1);
	return pp_text_result(rt, start, rc, pp_is_markup(text));
}
