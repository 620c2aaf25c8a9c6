/* Arithmetic, concatenation, attributes, subscripts, slices. */
#include <config.h>

#include <math.h>

#include "base/str.h"
#include "template/call.h"
#include "template/format.h"
#include "template/object.h"
#include "template/unicode.h"

static const char *const op_names[] = { "+", "-", "*", "/", "//", "%",
	"** or pow()" };

static struct pp_value
bad_operands(struct pp_rt *rt, enum pp_op op, struct pp_value a,
    struct pp_value b)
{
	if (a.type == PP_T_UNDEFINED)
		return pp_undefined_error(rt, a);
	if (b.type == PP_T_UNDEFINED)
		return pp_undefined_error(rt, b);
	return pp_type_error(rt,
	    "unsupported operand type(s) for %s: '%s' "
	    "and '%s'",
	    op_names[op], pp_type_name(a), pp_type_name(b));
}

/* ---- numbers ---- */

static struct pp_value
zero_division(struct pp_rt *rt, const char *what)
{
	return pp_runtime_error(rt, "%s", what);
}

/* Python's float floor division and modulo. */
static double
float_mod(double a, double b, double *floored)
{
	double mod = fmod(a, b), div = (a - mod) / b;

	if (mod != 0) {
		if ((b < 0) != (mod < 0)) {
			mod += b;
			div -= 1;
		}
	} else {
		mod = copysign(0, b);
	}
	if (div != 0) {
		*floored = floor(div);
		if (div - *floored > 0.5)
			*floored += 1;
	} else {
		*floored = copysign(0, a / b);
	}
	return mod;
}

static struct pp_value
float_pow(struct pp_rt *rt, double a, double b)
{
	double r;

	if (a == 0 && b < 0)
		return zero_division(rt,
		    "0.0 cannot be raised to a negative power");
	if (a < 0 && isfinite(a) && isfinite(b) && floor(b) != b)
		return pp_type_error(rt,
		    "a negative number to a fractional "
		    "power is a complex number");
	r = pow(a, b);
	if (isinf(r) && isfinite(a) && isfinite(b))
		return pp_runtime_error(rt, "Numerical result out of range");
	return pp_float(r);
}

/* As a double; an integer too large for one is an error. */
static bool
to_double(struct pp_rt *rt, struct pp_value v, double *d)
{
	*d = pp_num_double(v);
	if (v.type == PP_T_BIG && isinf(*d)) {
		pp_runtime_error(rt, "int too large to convert to float");
		return false;
	}
	return true;
}

static struct pp_value
float_binary(struct pp_rt *rt, enum pp_op op, struct pp_value x,
    struct pp_value y)
{
	double a, b, floored;

	if (!to_double(rt, x, &a) || !to_double(rt, y, &b))
		return pp_error_value();
	switch (op) {
	case PP_ADD: return pp_float(a + b);
	case PP_SUB: return pp_float(a - b);
	case PP_MUL: return pp_float(a * b);
	case PP_POW: return float_pow(rt, a, b);
	default: break;
	}
	if (b == 0)
		return zero_division(rt,
		    op == PP_DIV     ? "float division by zero" :
			op == PP_MOD ? "float modulo" :
				       "float floor division by zero");
	if (op == PP_DIV)
		return pp_float(a / b);
	a = float_mod(a, b, &floored);
	return pp_float(op == PP_MOD ? a : floored);
}

/* About how many bits there are in front of the point. */
static int
bits_of(struct pp_value v)
{
	double d = pp_num_double(v);
	int exponent;

	if (!isfinite(d))
		return (int)(v.big->count * 29.897);
	frexp(d, &exponent);
	return exponent;
}

static struct pp_value
times_power_of_two(struct pp_rt *rt, struct pp_value v, int power)
{
	struct pp_value p = pp_int_pow(rt, pp_int(2), pp_int(power));

	return pp_is_error(p) ? p : pp_int_mul(rt, v, p);
}

/*
 * Rounds once, as Python does: the quotient of integers with more bits than a
 * double has, its last bit set when something is left over.
 */
static struct pp_value
int_truediv(struct pp_rt *rt, struct pp_value a, struct pp_value b)
{
	double x = pp_num_double(a), y = pp_num_double(b);
	bool negative = pp_int_sign(a) != pp_int_sign(b);
	struct pp_value q, rest;
	int shift;

	if ((fabs(x) < 0x1p53 && fabs(y) < 0x1p53) || x == 0)
		return pp_float(x / y);
	shift = 80 - (bits_of(a) - bits_of(b));
	if (pp_int_sign(a) < 0)
		a = pp_int_neg(rt, a);
	if (!pp_is_error(a) && pp_int_sign(b) < 0)
		b = pp_int_neg(rt, b);
	if (!pp_is_error(a) && shift > 0)
		a = times_power_of_two(rt, a, shift);
	else if (!pp_is_error(b) && shift < 0)
		b = times_power_of_two(rt, b, -shift);
	if (pp_is_error(a) || pp_is_error(b))
		return pp_error_value();
	q = pp_int_divmod(rt, a, b, &rest);
	if (!pp_is_error(q) && pp_int_sign(rest) != 0) {
		pp_int_divmod(rt, q, pp_int(2), &rest);
		if (pp_int_sign(rest) == 0)
			q = pp_int_add(rt, q, pp_int(1));
	}
	if (pp_is_error(q))
		return q;
	x = ldexp(pp_num_double(q), -shift);
	if (isinf(x))
		return pp_runtime_error(rt,
		    "integer division result too large for a float");
	return pp_float(negative ? -x : x);
}

static struct pp_value
int_binary(struct pp_rt *rt, enum pp_op op, struct pp_value a,
    struct pp_value b)
{
	struct pp_value mod, q;

	switch (op) {
	case PP_ADD: return pp_int_add(rt, a, b);
	case PP_SUB: return pp_int_sub(rt, a, b);
	case PP_MUL: return pp_int_mul(rt, a, b);
	case PP_POW:
		if (pp_int_sign(b) >= 0)
			return pp_int_pow(rt, a, b);
		return pp_int_sign(a) == 0 ?
		    zero_division(rt,
			"0.0 cannot be raised to a negative power") :
		    float_binary(rt, op, a, b);
	default: break;
	}
	if (pp_int_sign(b) == 0)
		return zero_division(rt,
		    op == PP_DIV     ? "division by zero" :
			op == PP_MOD ? "integer modulo by zero" :
				       "integer division or modulo by zero");
	if (op == PP_DIV)
		return int_truediv(rt, a, b);
	q = pp_int_divmod(rt, a, b, &mod);
	return op == PP_MOD && !pp_is_error(q) ? mod : q;
}

/* ---- sequences ---- */

static struct pp_value
join_two(struct pp_rt *rt, struct pp_value a, struct pp_value b)
{
	struct pp_value parts[2] = { a, b };
	struct pp_value v;

	if (!((a.flags | b.flags) & PP_F_MARKUP))
		return pp_concat(rt, parts, 2);
	parts[0] = pp_escape(rt, a);
	parts[1] = pp_escape(rt, b);
	if (pp_is_error(parts[0]) || pp_is_error(parts[1]))
		return pp_error_value();
	v = pp_concat(rt, parts, 2);
	v.flags |= PP_F_MARKUP;
	return v;
}

static struct pp_value
add_lists(struct pp_rt *rt, struct pp_value a, struct pp_value b)
{
	struct pp_list *l;

	if (a.type != b.type)
		return pp_type_error(rt,
		    "can only concatenate %s (not \"%s\")"
		    " to %s",
		    pp_type_name(a), pp_type_name(b), pp_type_name(a));
	if (pp_rt_charge(rt, (int64_t)a.list->count + b.list->count) < 0)
		return pp_error_value();
	l = pp_list_new(rt, a.list->count + b.list->count);
	if (l == NULL)
		return pp_error_value();
	if (a.list->count > 0)
		memcpy(l->item, a.list->item,
		    a.list->count * sizeof l->item[0]);
	if (b.list->count > 0)
		memcpy(l->item + a.list->count, b.list->item,
		    b.list->count * sizeof l->item[0]);
	l->count = l->cap;
	return pp_ref((enum pp_type)a.type, l);
}

static struct pp_value
repeat_string(struct pp_rt *rt, struct pp_value s, int64_t n)
{
	struct pp_value v;
	char *p;

	if (n <= 0 || s.len == 0) {
		v = pp_ascii("", 0);
		v.flags |= s.flags & PP_F_MARKUP;
		return v;
	}
	if (n > rt->bounds.string_bytes / s.len)
		return pp_fail(rt, PP_K_LIMIT,
		    "a string is longer than %lld bytes",
		    (long long)rt->bounds.string_bytes);
	p = pp_rt_alloc(rt, s.len * (size_t)n + 1);
	if (p == NULL || pp_rt_charge(rt, s.len * n / 256) < 0)
		return pp_error_value();
	for (int64_t i = 0; i < n; i++)
		memcpy(p + i * s.len, s.s, s.len);
	p[s.len * (size_t)n] = '\0';
	v = pp_str(p, s.len * (size_t)n);
	v.flags = s.flags;
	return v;
}

static struct pp_value
repeat_list(struct pp_rt *rt, struct pp_value v, int64_t n)
{
	struct pp_list *l, *from = v.list;

	if (n <= 0 || from->count == 0)
		n = 0;
	else if (n > rt->bounds.memory_bytes / 16 / from->count)
		return pp_fail(rt, PP_K_LIMIT,
		    "the template needs more than %lld bytes of memory",
		    (long long)rt->bounds.memory_bytes);
	if (pp_rt_charge(rt, n * from->count / 8) < 0)
		return pp_error_value();
	l = pp_list_new(rt, (uint32_t)n * from->count);
	if (l == NULL)
		return pp_error_value();
	for (int64_t i = 0; i < n; i++)
		memcpy(l->item + i * from->count, from->item,
		    from->count * sizeof l->item[0]);
	l->count = l->cap;
	return pp_ref((enum pp_type)v.type, l);
}

static bool
is_sequence(struct pp_value v)
{
	return v.type == PP_T_STR || v.type == PP_T_LIST ||
	    v.type == PP_T_TUPLE;
}

static struct pp_value
repeat(struct pp_rt *rt, struct pp_value seq, struct pp_value times)
{
	int64_t n;

	/* Markup multiplies by itself: undefined is not asked. */
	if (times.type == PP_T_UNDEFINED && !pp_is_markup(seq))
		return pp_undefined_error(rt, times);
	if (!pp_is_integer(times))
		return pp_type_error(rt,
		    "can't multiply sequence by non-int of type '%s'",
		    pp_type_name(times));
	if (times.type == PP_T_BIG)
		return pp_runtime_error(rt,
		    "cannot fit 'int' into an index-sized integer");
	n = times.i;
	return seq.type == PP_T_STR ? repeat_string(rt, seq, n) :
				      repeat_list(rt, seq, n);
}

/* One dictionary after the other: the | that Jinja lacks is not here. */
struct pp_value
pp_binary(struct pp_rt *rt, enum pp_op op, struct pp_value a, struct pp_value b)
{
	if (pp_is_number(a) && pp_is_number(b))
		return a.type == PP_T_FLOAT || b.type == PP_T_FLOAT ?
		    float_binary(rt, op, a, b) :
		    int_binary(rt, op, a, b);
	if (a.type == PP_T_STR && op == PP_MOD)
		return pp_percent(rt, a, b);
	if (op == PP_ADD) {
		if (a.type == PP_T_STR && b.type == PP_T_STR)
			return join_two(rt, a, b);
		/* A chainable undefined has an __html__, which is empty. */
		if (pp_is_markup(a) && b.type == PP_T_UNDEFINED &&
		    rt->undefined == PP_U_CHAINABLE)
			return a;
		if ((a.type == PP_T_LIST || a.type == PP_T_TUPLE) &&
		    b.type != PP_T_UNDEFINED)
			return add_lists(rt, a, b);
		if (a.type == PP_T_STR && b.type != PP_T_UNDEFINED)
			return pp_type_error(rt,
			    "can only concatenate str "
			    "(not \"%s\") to str",
			    pp_type_name(b));
	}
	if (op == PP_MUL && is_sequence(a))
		return repeat(rt, a, b);
	if (op == PP_MUL && is_sequence(b) && a.type != PP_T_UNDEFINED)
		return repeat(rt, b, a);
	return bad_operands(rt, op, a, b);
}

struct pp_value
pp_negate(struct pp_rt *rt, struct pp_value v, bool plus)
{
	if (v.type == PP_T_FLOAT)
		return pp_float(plus ? v.f : -v.f);
	if (pp_is_integer(v)) {
		if (!plus)
			return pp_int_neg(rt, v);
		return v.type == PP_T_BOOL ? pp_int(v.i) : v;
	}
	if (v.type == PP_T_UNDEFINED)
		return pp_undefined_error(rt, v);
	return pp_type_error(rt, "bad operand type for unary %c: '%s'",
	    plus ? '+' : '-', pp_type_name(v));
}

struct pp_value
pp_concat(struct pp_rt *rt, const struct pp_value *v, uint32_t count)
{
	size_t start = pp_text_begin(rt), len = 0;
	bool strings = true;
	struct pp_value r;
	char *p;

	for (uint32_t i = 0; i < count; i++) {
		strings = strings && v[i].type == PP_T_STR;
		len += v[i].len;
	}
	if (!strings || (int64_t)len > rt->bounds.string_bytes) {
		for (uint32_t i = 0; i < count; i++) {
			if (pp_put_str(rt, v[i]) < 0 ||
			    (int64_t)(rt->out.len - start) >
				rt->bounds.string_bytes + 1)
				break;
		}
		return pp_text_result(rt, start,
		    rt->fault.kind != PP_K_NONE ? -1 : 0, false);
	}
	p = pp_rt_alloc(rt, len + 1);
	if (p == NULL)
		return pp_error_value();
	r = pp_str(p, len);
	r.flags = PP_F_ASCII;
	for (uint32_t i = 0; i < count; i++) {
		if (v[i].len > 0)
			memcpy(p, v[i].s, v[i].len);
		p += v[i].len;
		r.flags &= v[i].flags;
	}
	*p = '\0';
	return r;
}

/* ---- subscripts ---- */

int
pp_need_int(struct pp_rt *rt, struct pp_value v, int64_t *out)
{
	if (v.type == PP_T_INT || v.type == PP_T_BOOL) {
		*out = v.i;
		return 0;
	}
	if (v.type == PP_T_BIG) {
		*out = v.big->negative ? INT64_MIN : INT64_MAX;
		return 0;
	}
	return pp_fail_int(rt, PP_K_TYPE,
	    "'%s' object cannot be interpreted as an integer", pp_type_name(v));
}

/* The byte offset of character `i` of a string; i <= its length. */
static size_t
char_offset(struct pp_value s, int64_t i)
{
	size_t at = 0;

	if (s.flags & PP_F_ASCII)
		return (size_t)i;
	while (i-- > 0)
		pp_next_char(s.s, s.len, &at);
	return at;
}

static struct pp_value
string_part(struct pp_value s, size_t start, size_t end)
{
	struct pp_value v = pp_str(s.s + start, end - start);

	v.flags = s.flags;
	return v;
}

static struct pp_value
item_at(struct pp_value obj, int64_t i)
{
	size_t at, end;

	switch (obj.type) {
	case PP_T_STR:
		at = char_offset(obj, i);
		end = at;
		pp_next_char(obj.s, obj.len, &end);
		return string_part(obj, at, end);
	case PP_T_RANGE: return pp_int(obj.range->start + i * obj.range->step);
	default: return obj.list->item[i];
	}
}

static bool
is_indexed(struct pp_value v)
{
	return is_sequence(v) || v.type == PP_T_RANGE;
}

/* obj[key] alone: MISSING when Python would raise. */
static struct pp_value
subscript(struct pp_rt *rt, struct pp_value obj, struct pp_value key)
{
	struct pp_value *found;
	int64_t n;
	uint32_t hash;

	if (obj.type == PP_T_DICT) {
		if (key.type == PP_T_STR) {
			found = pp_dict_find_str(obj.dict, key.s, key.len,
			    pp_str_hash(key.s, key.len));
			return found != NULL ? *found : pp_missing();
		}
		if (key.type == PP_T_LIST || key.type == PP_T_DICT)
			return pp_missing();
		if (pp_hash(rt, key, &hash) < 0)
			return pp_error_value();
		found = pp_dict_find(obj.dict, key, hash);
		return found != NULL ? *found : pp_missing();
	}
	if (is_indexed(obj) &&
	    (key.type == PP_T_INT || key.type == PP_T_BOOL)) {
		if (obj.type == PP_T_STR && !(obj.flags & PP_F_ASCII) &&
		    pp_rt_charge(rt, obj.len / 64) < 0)
			return pp_error_value();
		n = pp_length(obj);
		if (key.i < -n || key.i >= n)
			return pp_missing();
		return item_at(obj, key.i < 0 ? key.i + n : key.i);
	}
	return pp_missing();
}

/* What an undefined object gives for any attribute. */
static struct pp_value
of_undefined(struct pp_rt *rt, struct pp_value obj)
{
	if (rt->undefined == PP_U_CHAINABLE && !obj.undef->plain)
		return obj;
	return pp_undefined_error(rt, obj);
}

struct pp_value
pp_getattr(struct pp_rt *rt, struct pp_value obj, struct pp_value name,
    uint32_t hash)
{
	struct pp_value v = pp_own_attr(rt, obj, name);
	struct pp_value *found;

	if (!pp_is_missing(v))
		return v;
	if (obj.type == PP_T_DICT) {
		found = pp_dict_find_str(obj.dict, name.s, name.len, hash);
		if (found != NULL)
			return *found;
	} else if (obj.type == PP_T_UNDEFINED) {
		return of_undefined(rt, obj);
	}
	return pp_undefined_attr(rt, obj, name);
}

struct pp_value
pp_getitem(struct pp_rt *rt, struct pp_value obj, struct pp_value key)
{
	struct pp_value v;

	if (obj.type == PP_T_UNDEFINED)
		return of_undefined(rt, obj);
	v = subscript(rt, obj, key);
	if (!pp_is_missing(v))
		return v;
	if (key.type == PP_T_STR) {
		v = pp_own_attr(rt, obj, key);
		if (!pp_is_missing(v))
			return v;
	}
	if (key.type == PP_T_UNDEFINED && pp_is_strict(rt, key) &&
	    obj.type == PP_T_DICT)
		return pp_undefined_error(rt, key);
	return pp_undefined_attr(rt, obj, key);
}

/* ---- slices ---- */

/* One bound: None is `absent`, beyond the ends is cut. */
static int
slice_bound(struct pp_rt *rt, struct pp_value v, int64_t absent, int64_t len,
    bool backwards, int64_t *out)
{
	int64_t low = backwards ? -1 : 0, high = backwards ? len - 1 : len;

	if (pp_is_absent(v)) {
		*out = absent;
		return 0;
	}
	if (!pp_is_integer(v))
		return pp_fail_int(rt, PP_K_TYPE,
		    "slice indices must be "
		    "integers or None or have an __index__ method");
	if (pp_need_int(rt, v, out) < 0)
		return -1;
	if (*out < 0)
		*out = *out < -len ? low : *out + len;
	if (*out < low)
		*out = low;
	if (*out > high)
		*out = high;
	return 0;
}

static struct pp_value
slice_string(struct pp_rt *rt, struct pp_value s, int64_t lo, int64_t step,
    int64_t count)
{
	size_t start, end, text;
	struct pp_value v;

	if (count == 0)
		return string_part(s, 0, 0);
	if (step == 1) {
		start = char_offset(s, lo);
		end = start;
		if (s.flags & PP_F_ASCII)
			end += (size_t)count;
		for (int64_t i = 0; i < count && !(s.flags & PP_F_ASCII); i++)
			pp_next_char(s.s, s.len, &end);
		return string_part(s, start, end);
	}
	text = pp_text_begin(rt);
	start = char_offset(s, lo);
	for (int64_t i = 0; i < count; i++) {
		end = start;
		pp_next_char(s.s, s.len, &end);
		pp_buf_add(&rt->out, s.s + start, end - start);
		for (int64_t k = 0; k < step && i + 1 < count; k++)
			pp_next_char(s.s, s.len, &start);
		for (int64_t k = 0; k > step && i + 1 < count; k--)
			start = pp_char_before(s.s, start);
	}
	v = pp_text_end(rt, text);
	v.flags |= s.flags & PP_F_MARKUP;
	return v;
}

static struct pp_value
slice_range(struct pp_rt *rt, const struct pp_range *r, int64_t lo, int64_t hi,
    int64_t step, int64_t count)
{
	struct pp_range *s = pp_rt_alloc(rt, sizeof *s);

	if (s == NULL)
		return pp_error_value();
	s->start = r->start + lo * r->step;
	s->stop = r->start + hi * r->step;
	s->step = r->step * step;
	s->count = count;
	return pp_ref(PP_T_RANGE, s);
}

struct pp_value
pp_getslice(struct pp_rt *rt, struct pp_value obj, struct pp_value lo,
    struct pp_value hi, struct pp_value step)
{
	int64_t len, from, to, by = 1, count = 0;
	struct pp_list *l;

	if (obj.type == PP_T_UNDEFINED)
		return of_undefined(rt, obj);
	if (!is_indexed(obj))
		return pp_type_error(rt,
		    obj.type == PP_T_DICT ? "unhashable type: 'slice'" :
					    "'%s' object is not subscriptable",
		    pp_type_name(obj));
	if (!pp_is_absent(step) && !pp_is_integer(step))
		return pp_type_error(rt,
		    "slice indices must be integers or "
		    "None or have an __index__ method");
	if (!pp_is_absent(step) && pp_need_int(rt, step, &by) < 0)
		return pp_error_value();
	if (by == 0)
		return pp_runtime_error(rt, "slice step cannot be zero");
	len = pp_length(obj);
	if (by > len + 1)
		by = len + 1;
	if (by < -len - 1)
		by = -len - 1;
	if (slice_bound(rt, lo, by < 0 ? len - 1 : 0, len, by < 0, &from) < 0 ||
	    slice_bound(rt, hi, by < 0 ? -1 : len, len, by < 0, &to) < 0)
		return pp_error_value();
	if (by > 0 && from < to)
		count = (to - from + by - 1) / by;
	else if (by < 0 && from > to)
		count = (from - to - by - 1) / -by;
	if (pp_rt_charge(rt,
		count / 16 + (obj.type == PP_T_STR ? obj.len / 64 : 0)) < 0)
		return pp_error_value();
	if (obj.type == PP_T_STR)
		return slice_string(rt, obj, from, by, count);
	if (obj.type == PP_T_RANGE)
		return slice_range(rt, obj.range, from, to, by, count);
	l = pp_list_new(rt, (uint32_t)count);
	if (l == NULL)
		return pp_error_value();
	for (int64_t i = 0; i < count; i++)
		l->item[l->count++] = obj.list->item[from + i * by];
	return pp_ref((enum pp_type)obj.type, l);
}
