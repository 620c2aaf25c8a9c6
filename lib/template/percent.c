/* "..." % values, as Python 3 formats it. */
#include <config.h>

#include <math.h>

#include "base/str.h"
#include "template/format.h"
#include "template/object.h"
#include "template/unicode.h"

struct spec {
	bool minus, plus, space, zero, alternate;
	int64_t width, precision; /* precision -1: none */
};

struct percent {
	struct pp_rt *rt;
	const char *s, *end; /* what is left of the format */
	struct pp_value values;
	uint32_t next; /* of a tuple */
	bool mapping;  /* values may be left over */
	bool markup;   /* escape what comes in */
};

static int
bad_format(struct percent *p, const char *text)
{
	return pp_fail_int(p->rt, PP_K_RUNTIME, "%s", text);
}

static int
next_value(struct percent *p, struct pp_value *v)
{
	if (p->values.type == PP_T_TUPLE) {
		if (p->next < p->values.list->count) {
			*v = p->values.list->item[p->next++];
			return 0;
		}
	} else if (p->next++ == 0) {
		*v = p->values;
		return 0;
	}
	return pp_fail_int(p->rt, PP_K_TYPE,
	    "not enough arguments for format string");
}

/* "*" or digits. */
static int
read_number(struct percent *p, int64_t *n)
{
	struct pp_value v;

	if (p->s < p->end && *p->s == '*') {
		p->s++;
		if (next_value(p, &v) < 0)
			return -1;
		if (!pp_is_integer(v))
			return pp_fail_int(p->rt, PP_K_TYPE, "* wants int");
		return pp_need_int(p->rt, v, n);
	}
	for (*n = 0; p->s < p->end && *p->s >= '0' && *p->s <= '9'; p->s++) {
		*n = *n * 10 + (*p->s - '0');
		if (*n > INT32_MAX)
			return bad_format(p, "width too big");
	}
	return 0;
}

static int
read_spec(struct percent *p, struct spec *spec)
{
	memset(spec, 0, sizeof *spec);
	spec->precision = -1;
	for (; p->s < p->end; p->s++) {
		switch (*p->s) {
		case '-': spec->minus = true; continue;
		case '+': spec->plus = true; continue;
		case ' ': spec->space = true; continue;
		case '0': spec->zero = true; continue;
		case '#': spec->alternate = true; continue;
		default: break;
		}
		break;
	}
	if (read_number(p, &spec->width) < 0)
		return -1;
	if (spec->width < 0) {
		spec->minus = true;
		spec->width = -spec->width;
	}
	if (p->s < p->end && *p->s == '.') {
		p->s++;
		if (read_number(p, &spec->precision) < 0)
			return -1;
		if (spec->precision < 0)
			spec->precision = 0;
	}
	while (p->s < p->end && (*p->s == 'l' || *p->s == 'h' || *p->s == 'L'))
		p->s++;
	if (spec->width > p->rt->bounds.string_bytes || spec->precision > 10000)
		return pp_fail_int(p->rt, PP_K_LIMIT,
		    "a string is longer than %lld bytes",
		    (long long)p->rt->bounds.string_bytes);
	return 0;
}

/* Text from `start` of the output on, padded to the width. */
static void
pad_text(struct percent *p, size_t start, const struct spec *spec)
{
	struct pp_buf *out = &p->rt->out;
	size_t len = out->len - start;
	int64_t n = spec->width -
	    (int64_t)pp_utf8_count(out->data + start, len);

	if (n <= 0 || pp_buf_reserve(out, (size_t)n) < 0)
		return;
	if (spec->minus) {
		memset(out->data + out->len, ' ', (size_t)n);
	} else {
		memmove(out->data + start + n, out->data + start, len);
		memset(out->data + start, ' ', (size_t)n);
	}
	out->len += (size_t)n;
	out->data[out->len] = '\0';
}

/* Zeros between sign or prefix and digits. */
static void
pad_number(struct percent *p, size_t start, const struct spec *spec,
    size_t prefix)
{
	struct pp_buf *out = &p->rt->out;
	size_t len = out->len - start;
	int64_t n = spec->width - (int64_t)len;

	if (!spec->zero || spec->minus || n <= 0) {
		pad_text(p, start, spec);
		return;
	}
	if (pp_buf_reserve(out, (size_t)n) < 0)
		return;
	memmove(out->data + start + prefix + n, out->data + start + prefix,
	    len - prefix);
	memset(out->data + start + prefix, '0', (size_t)n);
	out->len += (size_t)n;
	out->data[out->len] = '\0';
}

static void
put_sign(struct percent *p, bool negative, const struct spec *spec)
{
	if (negative)
		pp_buf_addc(&p->rt->out, '-');
	else if (spec->plus)
		pp_buf_addc(&p->rt->out, '+');
	else if (spec->space)
		pp_buf_addc(&p->rt->out, ' ');
}

static int
put_integer(struct percent *p, struct pp_value v, const struct spec *spec,
    char type)
{
	struct pp_buf *out = &p->rt->out;
	size_t start = out->len, prefix, digits;
	bool negative;
	int base = type == 'o' ? 8 : type == 'x' || type == 'X' ? 16 : 10;

	if (v.type == PP_T_UNDEFINED && base == 10) {
		pp_undefined_error(p->rt, v);
		return -1;
	}
	if (v.type == PP_T_FLOAT && base == 10) {
		if (!isfinite(v.f))
			return bad_format(p, "cannot convert float to integer");
		v = pp_int_from_double(p->rt, v.f);
	}
	if (!pp_is_integer(v))
		return pp_fail_int(p->rt, PP_K_TYPE,
		    base == 10 ?
			"%%%c format: a real number is required, not %s" :
			"%%%c format: an integer is required, not %s",
		    type, pp_type_name(v));
	negative = pp_int_sign(v) < 0;
	put_sign(p, negative, spec);
	if (spec->alternate && base != 10) {
		pp_buf_addc(out, '0');
		pp_buf_addc(out, type);
	}
	prefix = out->len - start;
	if (negative)
		v = pp_int_neg(p->rt, v);
	digits = out->len;
	if (pp_is_error(v) || pp_int_put(p->rt, out, v, base) < 0)
		return -1;
	if (type == 'X') {
		for (size_t i = digits; i < out->len; i++)
			if (out->data[i] >= 'a')
				out->data[i] = (char)(out->data[i] - 32);
	}
	if (spec->precision > (int64_t)(out->len - digits)) {
		struct spec inner = { .zero = true, .width = spec->precision };

		pad_number(p, digits, &inner, 0);
	}
	pad_number(p, start, spec, prefix);
	return 0;
}

static int
put_real(struct percent *p, struct pp_value v, const struct spec *spec,
    char type)
{
	struct pp_buf *out = &p->rt->out;
	size_t start = out->len;
	char format[8] = "%.*", *f = format + 3;
	double d;

	if (v.type == PP_T_UNDEFINED) {
		pp_undefined_error(p->rt, v);
		return -1;
	}
	if (!pp_is_number(v))
		return pp_fail_int(p->rt, PP_K_TYPE,
		    "must be real number, not %s", pp_type_name(v));
	d = pp_num_double(v);
	put_sign(p, signbit(d) && !isnan(d), spec);
	if (spec->alternate) {
		strcpy(format, "%#.*");
		f = format + 4;
	}
	*f++ = type;
	*f = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	pp_buf_addf(out, format, spec->precision < 0 ? 6 : (int)spec->precision,
	    fabs(d));
#pragma GCC diagnostic pop
	pad_number(p, start, spec,
	    out->data[start] == '-' || out->data[start] == '+' ||
		out->data[start] == ' ');
	return 0;
}

static int
put_char(struct percent *p, struct pp_value v, const struct spec *spec)
{
	size_t start = p->rt->out.len;
	char utf8[4];

	if (pp_is_str(v) && pp_length(v) == 1) {
		pp_buf_add(&p->rt->out, v.s, v.len);
	} else if (pp_is_integer(v)) {
		size_t n = v.type != PP_T_BIG && v.i >= 0 && v.i <= 0x10ffff ?
		    pp_utf8_encode((uint32_t)v.i, utf8) :
		    0;

		if (n == 0)
			return bad_format(p, "%c arg not in range(0x110000)");
		pp_buf_add(&p->rt->out, utf8, n);
	} else {
		return pp_fail_int(p->rt, PP_K_TYPE,
		    "%%c requires int or char");
	}
	pad_text(p, start, spec);
	return 0;
}

/* Only ASCII, for %a. */
void
pp_put_ascii(struct pp_buf *out, struct pp_value s)
{
	for (size_t at = 0; at < s.len;) {
		uint32_t cp = pp_next_char(s.s, s.len, &at);

		if (cp < 0x80)
			pp_buf_addc(out, (char)cp);
		else
			pp_buf_addf(out,
			    cp < 0x100	     ? "\\x%02x" :
				cp < 0x10000 ? "\\u%04x" :
					       "\\U%08x",
			    cp);
	}
}

static int
put_text(struct percent *p, struct pp_value v, const struct spec *spec,
    char type)
{
	struct pp_buf *out = &p->rt->out;
	size_t start, at = 0;

	v = type == 's' ? pp_to_str(p->rt, v) : pp_repr(p->rt, v);
	if (p->markup && !pp_is_error(v))
		v = pp_escape(p->rt, v);
	if (pp_is_error(v))
		return -1;
	start = out->len;
	if (spec->precision >= 0) {
		for (int64_t i = 0; i < spec->precision && at < v.len; i++)
			pp_next_char(v.s, v.len, &at);
		v.len = (uint32_t)at;
	}
	if (type == 'a')
		pp_put_ascii(out, v);
	else
		pp_buf_add(out, v.s, v.len);
	pad_text(p, start, spec);
	return pp_rt_check_output(p->rt);
}

/* %(key)s: the value, or -1. */
static int
read_key(struct percent *p, struct pp_value *v)
{
	const char *start = ++p->s;
	struct pp_value key, *found;
	int open = 1;

	p->next = 1; /* none is left for a conversion without a key */
	if (!p->mapping)
		return pp_fail_int(p->rt, PP_K_TYPE,
		    "format requires a mapping");
	for (; p->s < p->end && open > 0; p->s++)
		open += (*p->s == '(') - (*p->s == ')');
	if (open > 0)
		return bad_format(p, "incomplete format key");
	if (p->values.type == PP_T_UNDEFINED) {
		*v = pp_getitem(p->rt, p->values,
		    pp_str(start, (size_t)(p->s - 1 - start)));
		return pp_is_error(*v) ? -1 : 0;
	}
	if (p->values.type != PP_T_DICT)
		return pp_fail_int(p->rt, PP_K_TYPE,
		    "%s indices must be "
		    "integers or slices, not str",
		    pp_type_name(p->values));
	key = pp_str(start, (size_t)(p->s - 1 - start));
	found = pp_dict_find_str(p->values.dict, key.s, key.len,
	    pp_str_hash(key.s, key.len));
	if (found == NULL)
		return pp_fail_int(p->rt, PP_K_RUNTIME, "'%.*s'", (int)key.len,
		    key.s);
	*v = *found;
	return 0;
}

/* One conversion, behind its '%'. */
static int
convert(struct percent *p)
{
	struct pp_value v = pp_missing();
	struct spec spec;
	char type;

	if (p->s < p->end && *p->s == '%') {
		p->s++;
		return pp_buf_addc(&p->rt->out, '%');
	}
	if (p->s < p->end && *p->s == '(' && read_key(p, &v) < 0)
		return -1;
	if (read_spec(p, &spec) < 0)
		return -1;
	if (p->s >= p->end)
		return bad_format(p, "incomplete format");
	type = *p->s++;
	if (pp_is_missing(v) && next_value(p, &v) < 0)
		return -1;
	if (strchr("diuoxXeEfFgGcrsa", type) == NULL || type == '\0')
		return pp_fail_int(p->rt, PP_K_RUNTIME,
		    "unsupported format character '%c'", type);
	switch (type) {
	case 'd':
	case 'i':
	case 'u':
	case 'o':
	case 'x':
	case 'X':
		return put_integer(p, v, &spec,
		    type == 'i' || type == 'u' ? 'd' : type);
	case 'c': return put_char(p, v, &spec);
	case 's':
	case 'r':
	case 'a': return put_text(p, v, &spec, type);
	default: return put_real(p, v, &spec, type);
	}
}

struct pp_value
pp_percent(struct pp_rt *rt, struct pp_value text, struct pp_value values)
{
	struct percent p = { .rt = rt,
		.s = text.s,
		.end = text.s + text.len,
		.values = values,
		.markup = pp_is_markup(text) };
	size_t start = pp_text_begin(rt);
	int rc = 0;

	p.mapping = values.type == PP_T_DICT || values.type == PP_T_LIST ||
	    values.type == PP_T_RANGE || values.type == PP_T_UNDEFINED;
	while (rc == 0 && p.s < p.end) {
		const char *percent = memchr(p.s, '%', (size_t)(p.end - p.s));
		const char *stop = percent != NULL ? percent : p.end;

		pp_buf_add(&rt->out, p.s, (size_t)(stop - p.s));
		p.s = stop;
		if (percent != NULL) {
			p.s++;
			rc = convert(&p);
		}
	}
	if (rc == 0 && !p.mapping &&
	    (values.type == PP_T_TUPLE ? p.next < values.list->count :
					 p.next == 0))
		rc = pp_fail_int(rt, PP_K_TYPE,
		    "not all arguments converted "
		    "during string formatting");
	return pp_text_result(rt, start, rc, pp_is_markup(text));
}
