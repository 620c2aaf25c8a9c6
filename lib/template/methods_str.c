/* Methods of str. Positions and widths count characters. */
#include <config.h>

#include "base/str.h"
#include "template/format.h"
#include "template/filters.h"
#include "template/methods.h"
#include "template/object.h"
#include "template/unicode.h"

#define METHOD(name) \
	static struct pp_value name(struct pp_rt *rt, struct pp_value self, \
	    const struct pp_value *arg)

/* A part of `s`: as much Markup as that. */
static struct pp_value
part(struct pp_value s, size_t start, size_t end)
{
	struct pp_value v = pp_str(s.s + start, end - start);

	v.flags = s.flags;
	return v;
}

static int
need_str(struct pp_rt *rt, struct pp_value v, const char *what)
{
	if (pp_is_str(v))
		return 0;
	return pp_fail_int(rt, PP_K_TYPE, "%s must be str, not %s", what,
	    pp_type_name(v));
}

/* ---- case ---- */

struct pp_value
pp_str_mapped(struct pp_rt *rt, struct pp_value s,
    void (*put)(struct pp_buf *out, const char *s, size_t len))
{
	size_t start = pp_text_begin(rt);
	struct pp_value v;

	put(&rt->out, s.s, s.len);
	v = pp_text_end(rt, start);
	v.flags |= s.flags & PP_F_MARKUP;
	return v;
}

/* ASCII needs no way around the output. */
static struct pp_value
ascii_case(struct pp_rt *rt, struct pp_value s, bool upper)
{
	char *p = pp_rt_alloc(rt, s.len + 1);
	struct pp_value v = s;

	if (p == NULL)
		return pp_error_value();
	pp_ascii_case(p, s.s, s.len, upper);
	p[s.len] = '\0';
	v.s = p;
	return v;
}

static void
put_upper(struct pp_buf *out, const char *s, size_t len)
{
	pp_put_case(out, s, len, PP_CASE_UPPER);
}

static void
put_lower(struct pp_buf *out, const char *s, size_t len)
{
	pp_put_case(out, s, len, PP_CASE_LOWER);
}

static void
put_folded(struct pp_buf *out, const char *s, size_t len)
{
	pp_put_case(out, s, len, PP_CASE_FOLD);
}

struct pp_value
pp_str_upper(struct pp_rt *rt, struct pp_value s)
{
	return s.flags & PP_F_ASCII ? ascii_case(rt, s, true) :
				      pp_str_mapped(rt, s, put_upper);
}

struct pp_value
pp_str_lower(struct pp_rt *rt, struct pp_value s)
{
	return s.flags & PP_F_ASCII ? ascii_case(rt, s, false) :
				      pp_str_mapped(rt, s, put_lower);
}

METHOD(m_upper)
{
	(void)arg;
	return pp_str_upper(rt, self);
}
METHOD(m_lower)
{
	(void)arg;
	return pp_str_lower(rt, self);
}

METHOD(m_casefold)
{
	(void)arg;
	return pp_str_mapped(rt, self, put_folded);
}

struct pp_value
pp_str_capitalize(struct pp_rt *rt, struct pp_value s)
{
	struct pp_value v;

	if (!(s.flags & PP_F_ASCII) || s.len == 0)
		return pp_str_mapped(rt, s, pp_put_capitalized);
	v = ascii_case(rt, s, false);
	if (!pp_is_error(v))
		pp_ascii_case((char *)(uintptr_t)v.s, v.s, 1, true);
	return v;
}

METHOD(m_capitalize)
{
	(void)arg;
	return pp_str_capitalize(rt, self);
}

METHOD(m_title)
{
	(void)arg;
	return pp_str_mapped(rt, self, pp_put_titled);
}

METHOD(m_swapcase)
{
	(void)arg;
	return pp_str_mapped(rt, self, pp_put_swapped);
}

/* ---- strip ---- */

static bool
has_char(struct pp_value chars, const char *c, size_t len)
{
	for (size_t at = 0; at < chars.len;) {
		size_t start = at;

		pp_next_char(chars.s, chars.len, &at);
		if (at - start == len && memcmp(chars.s + start, c, len) == 0)
			return true;
	}
	return false;
}

static bool
is_stripped(struct pp_value s, size_t start, size_t end, struct pp_value chars)
{
	size_t at = start;

	if (pp_is_absent(chars))
		return (pp_uc(pp_next_char(s.s, s.len, &at)) & PP_UC_SPACE) !=
		    0;
	return has_char(chars, s.s + start, end - start);
}

struct pp_value
pp_str_strip(struct pp_rt *rt, struct pp_value s, struct pp_value chars,
    bool left, bool right)
{
	size_t start = 0, end = s.len, at;

	if (!pp_is_absent(chars) && !pp_is_str(chars))
		return pp_type_error(rt, "strip arg must be None or str");
	while (left && start < end) {
		at = start;
		pp_next_char(s.s, s.len, &at);
		if (!is_stripped(s, start, at, chars))
			break;
		start = at;
	}
	while (right && end > start) {
		at = pp_char_before(s.s, end);
		if (!is_stripped(s, at, end, chars))
			break;
		end = at;
	}
	return part(s, start, end);
}

METHOD(m_strip)
{
	return pp_str_strip(rt, self, arg[0], true, true);
}
METHOD(m_lstrip)
{
	return pp_str_strip(rt, self, arg[0], true, false);
}
METHOD(m_rstrip)
{
	return pp_str_strip(rt, self, arg[0], false, true);
}

static bool
begins(struct pp_value s, struct pp_value with)
{
	return s.len >= with.len && memcmp(s.s, with.s, with.len) == 0;
}

static bool
ends(struct pp_value s, struct pp_value with)
{
	return s.len >= with.len &&
	    memcmp(s.s + s.len - with.len, with.s, with.len) == 0;
}

METHOD(m_removeprefix)
{
	if (need_str(rt, arg[0], "removeprefix() argument") < 0)
		return pp_error_value();
	return begins(self, arg[0]) ? part(self, arg[0].len, self.len) : self;
}

METHOD(m_removesuffix)
{
	if (need_str(rt, arg[0], "removesuffix() argument") < 0)
		return pp_error_value();
	return arg[0].len > 0 && ends(self, arg[0]) ?
	    part(self, 0, self.len - arg[0].len) :
	    self;
}

/* ---- width ---- */

static struct pp_value
pad(struct pp_rt *rt, struct pp_value s, int64_t left, int64_t right,
    struct pp_value fill)
{
	size_t start = pp_text_begin(rt);
	struct pp_value v;

	if (!pp_is_str(fill) || pp_length(fill) != 1)
		return pp_type_error(rt,
		    "the fill character must be exactly "
		    "one character long");
	if (left <= 0 && right <= 0)
		return s;
	if (left > rt->bounds.string_bytes || right > rt->bounds.string_bytes)
		return pp_fail(rt, PP_K_LIMIT,
		    "a string is longer than %lld bytes",
		    (long long)rt->bounds.string_bytes);
	for (int64_t i = 0; i < left; i++)
		pp_buf_add(&rt->out, fill.s, fill.len);
	pp_buf_add(&rt->out, s.s, s.len);
	for (int64_t i = 0; i < right; i++)
		pp_buf_add(&rt->out, fill.s, fill.len);
	v = pp_text_end(rt, start);
	v.flags |= s.flags & PP_F_MARKUP;
	return v;
}

static int
pad_width(struct pp_rt *rt, struct pp_value s, const struct pp_value *arg,
    int64_t *missing, struct pp_value *fill)
{
	if (pp_need_int(rt, arg[0], missing) < 0)
		return -1;
	*missing = *missing > 0 ? *missing - pp_length(s) : 0;
	*fill = pp_is_missing(arg[1]) ? pp_cstr(" ") : arg[1];
	return 0;
}

struct pp_value
pp_str_center(struct pp_rt *rt, struct pp_value s, int64_t width,
    struct pp_value fill)
{
	int64_t n = width > 0 ? width - pp_length(s) : 0, left;

	left = n > 0 ? n / 2 + (n & width & 1) : 0;
	return pad(rt, s, left, n - left, fill);
}

METHOD(m_center)
{
	int64_t width;

	if (pp_need_int(rt, arg[0], &width) < 0)
		return pp_error_value();
	return pp_str_center(rt, self, width,
	    pp_is_missing(arg[1]) ? pp_cstr(" ") : arg[1]);
}

METHOD(m_ljust)
{
	struct pp_value fill;
	int64_t n;

	if (pad_width(rt, self, arg, &n, &fill) < 0)
		return pp_error_value();
	return pad(rt, self, 0, n, fill);
}

METHOD(m_rjust)
{
	struct pp_value fill;
	int64_t n;

	if (pad_width(rt, self, arg, &n, &fill) < 0)
		return pp_error_value();
	return pad(rt, self, n, 0, fill);
}

METHOD(m_zfill)
{
	bool sign = self.len > 0 && (self.s[0] == '-' || self.s[0] == '+');
	struct pp_value parts[2];
	int64_t width;

	if (pp_need_int(rt, arg[0], &width) < 0)
		return pp_error_value();
	if (width <= pp_length(self))
		return self;
	parts[0] = part(self, 0, sign);
	parts[1] = pad(rt, part(self, sign, self.len), width - pp_length(self),
	    0, pp_cstr("0"));
	return pp_is_error(parts[1]) ? parts[1] : pp_concat(rt, parts, 2);
}

METHOD(m_expandtabs)
{
	int64_t size = 8, column = 0;
	size_t start;

	if (!pp_is_missing(arg[0]) && pp_need_int(rt, arg[0], &size) < 0)
		return pp_error_value();
	if (size > 10000)
		return pp_fail(rt, PP_K_LIMIT, "the tabs are too wide");
	start = pp_text_begin(rt);
	for (size_t at = 0; at < self.len;) {
		size_t from = at;
		uint32_t cp = pp_next_char(self.s, self.len, &at);

		if (cp == '\t') {
			int64_t n = size > 0 ? size - column % size : 0;

			column += n;
			while (n-- > 0)
				pp_buf_addc(&rt->out, ' ');
		} else {
			column = cp == '\n' || cp == '\r' ? 0 : column + 1;
			pp_buf_add(&rt->out, self.s + from, at - from);
		}
		if ((int64_t)(rt->out.len - start) > rt->bounds.string_bytes)
			break;
	}
	self = pp_text_end(rt, start);
	return self;
}

/* ---- find, count, replace ---- */

#define WINDOW 4096

/* By windows, so that many finds close together cost no more than one. */
const char *
pp_find_text(const char *s, size_t len, const char *what, size_t what_len)
{
	size_t size = WINDOW + 2 * what_len;
	const char *found;

	if (what_len == 0)
		return s;
	if (what_len == 1)
		return len > 0 ? memchr(s, what[0], len) : NULL;
	for (;;) {
		found = memmem(s, len < size ? len : size, what, what_len);
		if (found != NULL || len <= size)
			return found;
		s += size - what_len + 1;
		len -= size - what_len + 1;
	}
}

/* Optional start and end in characters become bytes; false: nothing there. */
static int
window(struct pp_rt *rt, struct pp_value s, const struct pp_value *arg,
    size_t *from, size_t *to)
{
	int64_t n = pp_length(s), lo = 0, hi = n;
	size_t at = 0;

	if ((!pp_is_absent(arg[0]) && pp_need_int(rt, arg[0], &lo) < 0) ||
	    (!pp_is_absent(arg[1]) && pp_need_int(rt, arg[1], &hi) < 0))
		return -1;
	lo = lo < 0 ? (lo < -n ? 0 : lo + n) : lo;
	hi = hi < 0 ? (hi < -n ? 0 : hi + n) : hi > n ? n : hi;
	if (lo > hi || lo > n)
		return 0;
	for (int64_t i = 0; i < hi; i++) {
		if (i == lo)
			*from = at;
		pp_next_char(s.s, s.len, &at);
	}
	if (lo == hi)
		*from = at;
	*to = at;
	return 1;
}

static int64_t
chars_before(struct pp_value s, size_t at)
{
	return s.flags & PP_F_ASCII ? (int64_t)at :
				      (int64_t)pp_utf8_count(s.s, at);
}

static const char *
last_match(const char *s, size_t len, struct pp_value what)
{
	if (what.len == 1)
		return len > 0 ? memrchr(s, what.s[0], len) : NULL;
	for (size_t i = len - what.len + 1; len >= what.len && i-- > 0;) {
		if (memcmp(s + i, what.s, what.len) == 0)
			return s + i;
	}
	return NULL;
}

/* The position of arg[0], -1: not there, -2: error. */
static int64_t
find(struct pp_rt *rt, struct pp_value s, const struct pp_value *arg, bool last)
{
	size_t from = 0, to = 0;
	const char *p;
	int some;

	if (need_str(rt, arg[0], "the text to find") < 0 ||
	    pp_rt_charge(rt, s.len / 64) < 0)
		return -2;
	some = window(rt, s, arg + 1, &from, &to);
	if (some <= 0)
		return some < 0 ? -2 : -1;
	if (arg[0].len == 0)
		p = s.s + (last ? to : from);
	else if (last)
		p = last_match(s.s + from, to - from, arg[0]);
	else
		p = pp_find_text(s.s + from, to - from, arg[0].s, arg[0].len);
	return p != NULL ? chars_before(s, (size_t)(p - s.s)) : -1;
}

static struct pp_value
found_or_fail(struct pp_rt *rt, int64_t at, bool must)
{
	if (at == -2)
		return pp_error_value();
	if (at < 0 && must)
		return pp_runtime_error(rt, "substring not found");
	return pp_int(at);
}

METHOD(m_find)
{
	return found_or_fail(rt, find(rt, self, arg, false), false);
}

METHOD(m_rfind)
{
	return found_or_fail(rt, find(rt, self, arg, true), false);
}

METHOD(m_index)
{
	return found_or_fail(rt, find(rt, self, arg, false), true);
}

METHOD(m_rindex)
{
	return found_or_fail(rt, find(rt, self, arg, true), true);
}

METHOD(m_count)
{
	size_t from = 0, to = 0;
	int64_t n = 0;
	const char *p;
	int some;

	if (need_str(rt, arg[0], "the text to count") < 0)
		return pp_error_value();
	some = window(rt, self, arg + 1, &from, &to);
	if (some <= 0)
		return some < 0 ? pp_error_value() : pp_int(0);
	if (arg[0].len == 0)
		return pp_int((int64_t)pp_utf8_count(self.s + from, to - from) +
		    1);
	if (pp_rt_charge(rt, self.len / 64) < 0)
		return pp_error_value();
	while ((p = pp_find_text(self.s + from, to - from, arg[0].s,
		    arg[0].len)) != NULL) {
		n++;
		from = (size_t)(p - self.s) + arg[0].len;
	}
	return pp_int(n);
}

/* str or a tuple of them, within start and end. */
static struct pp_value
affix(struct pp_rt *rt, struct pp_value s, const struct pp_value *arg,
    bool at_end)
{
	size_t from = 0, to = 0;
	int some = window(rt, s, arg + 1, &from, &to);
	struct pp_list one = { .item = NULL }, *l = &one;
	struct pp_value first = arg[0];

	if (some < 0)
		return pp_error_value();
	one.item = &first;
	one.count = 1;
	if (first.type == PP_T_TUPLE)
		l = first.list;
	for (uint32_t i = 0; i < l->count; i++) {
		struct pp_value v = l->item[i];

		if (!pp_is_str(v))
			return pp_type_error(rt,
			    "%s first arg must be str or "
			    "a tuple of str, not %s",
			    at_end ? "endswith" : "startswith",
			    pp_type_name(v));
		if (some > 0 &&
		    (at_end ? ends(part(s, from, to), v) :
			      begins(part(s, from, to), v)))
			return pp_bool(true);
	}
	return pp_bool(false);
}

METHOD(m_startswith)
{
	return affix(rt, self, arg, false);
}
METHOD(m_endswith)
{
	return affix(rt, self, arg, true);
}

/* Between all characters and at the ends. */
static void
replace_empty(struct pp_rt *rt, struct pp_value s, struct pp_value to,
    int64_t count)
{
	size_t at = 0, start;

	for (; count != 0; count--) {
		pp_buf_add(&rt->out, to.s, to.len);
		if (at >= s.len)
			return;
		start = at;
		pp_next_char(s.s, s.len, &at);
		pp_buf_add(&rt->out, s.s + start, at - start);
	}
	pp_buf_add(&rt->out, s.s + at, s.len - at);
}

struct pp_value
pp_str_replace(struct pp_rt *rt, struct pp_value s, struct pp_value from,
    struct pp_value to, int64_t count)
{
	size_t start = pp_text_begin(rt), at = 0;
	const char *p;
	struct pp_value v;

	if (pp_is_markup(s))
		to = pp_escape(rt, to);
	if (pp_is_error(to))
		return to;
	if (pp_rt_charge(rt, s.len / 64) < 0)
		return pp_error_value();
	if (from.len > 0 &&
	    (count == 0 || pp_find_text(s.s, s.len, from.s, from.len) == NULL))
		return s;
	if (from.len == 0) {
		if ((int64_t)to.len * (s.len + 1) > rt->bounds.string_bytes)
			return pp_fail(rt, PP_K_LIMIT,
			    "a string is longer than %lld bytes",
			    (long long)rt->bounds.string_bytes);
		replace_empty(rt, s, to, count);
		at = s.len;
	}
	while (from.len > 0 && count != 0 &&
	    (p = pp_find_text(s.s + at, s.len - at, from.s, from.len)) !=
		NULL) {
		pp_buf_add(&rt->out, s.s + at, (size_t)(p - s.s) - at);
		pp_buf_add(&rt->out, to.s, to.len);
		at = (size_t)(p - s.s) + from.len;
		count -= count > 0;
		if ((int64_t)(rt->out.len - start) > rt->bounds.string_bytes)
			break;
	}
	pp_buf_add(&rt->out, s.s + at, s.len - at);
	v = pp_text_end(rt, start);
	v.flags |= s.flags & PP_F_MARKUP;
	return v;
}

METHOD(m_replace)
{
	int64_t count = -1;

	if (need_str(rt, arg[0], "replace() argument 1") < 0 ||
	    need_str(rt, arg[1], "replace() argument 2") < 0 ||
	    (!pp_is_missing(arg[2]) && pp_need_int(rt, arg[2], &count) < 0))
		return pp_error_value();
	return pp_str_replace(rt, self, arg[0], arg[1], count);
}

/* ---- split and join ---- */

static int
add_part(struct pp_rt *rt, struct pp_list *l, struct pp_value s, size_t start,
    size_t end)
{
	return pp_rt_charge(rt, 1) < 0 ?
	    -1 :
	    pp_list_add(rt, l, part(s, start, end));
}

static int
split_blanks(struct pp_rt *rt, struct pp_value s, int64_t max,
    struct pp_list *l)
{
	size_t at = 0;

	for (;;) {
		struct pp_value rest = pp_str_strip(rt, part(s, at, s.len),
		    pp_missing(), true, false);
		size_t start = s.len - rest.len, end = start;

		if (rest.len == 0)
			return 0;
		if (max == 0)
			return add_part(rt, l, s, start, s.len);
		while (end < s.len) {
			size_t next = end;

			if (pp_uc(pp_next_char(s.s, s.len, &next)) &
			    PP_UC_SPACE)
				break;
			end = next;
		}
		if (add_part(rt, l, s, start, end) < 0)
			return -1;
		max -= max > 0;
		at = end;
	}
}

static int
split_at(struct pp_rt *rt, struct pp_value s, struct pp_value sep, int64_t max,
    struct pp_list *l)
{
	size_t at = 0;
	const char *p;

	while (max != 0 &&
	    (p = pp_find_text(s.s + at, s.len - at, sep.s, sep.len)) != NULL) {
		if (add_part(rt, l, s, at, (size_t)(p - s.s)) < 0)
			return -1;
		at = (size_t)(p - s.s) + sep.len;
		max -= max > 0;
	}
	return add_part(rt, l, s, at, s.len);
}

static int
rsplit_blanks(struct pp_rt *rt, struct pp_value s, int64_t max,
    struct pp_list *l)
{
	size_t end = s.len;

	for (;;) {
		size_t start;

		end = pp_str_strip(rt, part(s, 0, end), pp_missing(), false,
		    true)
			  .len;
		if (end == 0)
			return 0;
		if (max == 0)
			return add_part(rt, l, s, 0, end);
		for (start = end; start > 0;) {
			size_t before = pp_char_before(s.s, start);
			size_t next = before;

			if (pp_uc(pp_next_char(s.s, s.len, &next)) &
			    PP_UC_SPACE)
				break;
			start = before;
		}
		if (add_part(rt, l, s, start, end) < 0)
			return -1;
		max -= max > 0;
		end = start;
	}
}

static int
rsplit_at(struct pp_rt *rt, struct pp_value s, struct pp_value sep, int64_t max,
    struct pp_list *l)
{
	size_t end = s.len;
	const char *p;

	while (max != 0 && (p = last_match(s.s, end, sep)) != NULL) {
		if (add_part(rt, l, s, (size_t)(p - s.s) + sep.len, end) < 0)
			return -1;
		end = (size_t)(p - s.s);
		max -= max > 0;
	}
	return add_part(rt, l, s, 0, end);
}

static void
turn_around(struct pp_list *l)
{
	for (uint32_t i = 0; i < l->count / 2; i++) {
		struct pp_value v = l->item[i];

		l->item[i] = l->item[l->count - 1 - i];
		l->item[l->count - 1 - i] = v;
	}
}

static struct pp_value
split(struct pp_rt *rt, struct pp_value s, const struct pp_value *arg,
    bool from_right)
{
	bool blanks = pp_is_absent(arg[0]);
	struct pp_list *l;
	int64_t max = -1;
	int rc;

	if (!blanks && !pp_is_str(arg[0]))
		return pp_type_error(rt, "must be str or None, not %s",
		    pp_type_name(arg[0]));
	if (!pp_is_missing(arg[1]) && pp_need_int(rt, arg[1], &max) < 0)
		return pp_error_value();
	if (!blanks && arg[0].len == 0)
		return pp_runtime_error(rt, "empty separator");
	l = pp_list_new(rt, 4);
	if (l == NULL)
		return pp_error_value();
	if (from_right)
		rc = blanks ? rsplit_blanks(rt, s, max, l) :
			      rsplit_at(rt, s, arg[0], max, l);
	else
		rc = blanks ? split_blanks(rt, s, max, l) :
			      split_at(rt, s, arg[0], max, l);
	if (from_right)
		turn_around(l);
	return rc < 0 ? pp_error_value() : pp_ref(PP_T_LIST, l);
}

METHOD(m_split)
{
	return split(rt, self, arg, false);
}
METHOD(m_rsplit)
{
	return split(rt, self, arg, true);
}

static bool
ends_line(uint32_t cp)
{
	return (cp >= '\n' && cp <= '\r') || (cp >= 0x1c && cp <= 0x1e) ||
	    cp == 0x85 || cp == 0x2028 || cp == 0x2029;
}

size_t
pp_line_end(struct pp_value s, size_t at, size_t *text_end)
{
	for (;;) {
		size_t start;
		uint32_t cp;

		/* Printable ASCII, which most of a line is. */
		while (at < s.len && (unsigned char)s.s[at] >= 0x20 &&
		    (unsigned char)s.s[at] < 0x80)
			at++;
		start = at;
		*text_end = at;
		if (at >= s.len)
			return at;
		cp = pp_next_char(s.s, s.len, &at);
		if (cp == '\r' && at < s.len && s.s[at] == '\n')
			at++;
		if (ends_line(cp)) {
			*text_end = start;
			return at;
		}
	}
}

METHOD(m_splitlines)
{
	int keep = pp_is_missing(arg[0]) ? 0 : pp_truth(rt, arg[0]);
	struct pp_list *l = keep >= 0 ? pp_list_new(rt, 4) : NULL;
	size_t end, next;

	for (size_t at = 0; l != NULL && at < self.len; at = next) {
		next = pp_line_end(self, at, &end);
		if (add_part(rt, l, self, at, keep ? next : end) < 0)
			return pp_error_value();
	}
	return l != NULL ? pp_ref(PP_T_LIST, l) : pp_error_value();
}

static struct pp_value
partition(struct pp_rt *rt, struct pp_value s, struct pp_value sep, bool last)
{
	struct pp_list *l;
	const char *p;
	size_t at;

	if (need_str(rt, sep, "the separator") < 0)
		return pp_error_value();
	if (sep.len == 0)
		return pp_runtime_error(rt, "empty separator");
	l = pp_list_new(rt, 3);
	if (l == NULL)
		return pp_error_value();
	l->count = 3;
	p = last ? last_match(s.s, s.len, sep) :
		   memmem(s.s, s.len, sep.s, sep.len);
	l->item[0] = l->item[1] = l->item[2] = part(s, 0, 0);
	if (p == NULL) {
		l->item[last ? 2 : 0] = s;
	} else {
		at = (size_t)(p - s.s);
		l->item[0] = part(s, 0, at);
		l->item[1] = part(s, at, at + sep.len);
		l->item[2] = part(s, at + sep.len, s.len);
	}
	return pp_ref(PP_T_TUPLE, l);
}

METHOD(m_partition)
{
	return partition(rt, self, arg[0], false);
}
METHOD(m_rpartition)
{
	return partition(rt, self, arg[0], true);
}

METHOD(m_join)
{
	struct pp_list *l = pp_to_list(rt, arg[0]);
	size_t start = pp_text_begin(rt);
	struct pp_value v;

	for (uint32_t i = 0; l != NULL && i < l->count; i++) {
		v = l->item[i];
		if (!pp_is_str(v) &&
		    !(pp_is_markup(self) &&
			!pp_is_error(v = pp_to_str(rt, v)))) {
			pp_text_drop(rt, start);
			return pp_type_error(rt,
			    "sequence item %u: expected "
			    "str instance, %s found",
			    i, pp_type_name(v));
		}
		if (i > 0)
			pp_buf_add(&rt->out, self.s, self.len);
		if (pp_is_markup(self) && !pp_is_markup(v))
			pp_put_escaped(&rt->out, v.s, v.len);
		else
			pp_buf_add(&rt->out, v.s, v.len);
		if ((int64_t)(rt->out.len - start) > rt->bounds.string_bytes)
			break;
	}
	if (l == NULL)
		return pp_error_value();
	v = pp_text_end(rt, start);
	v.flags |= self.flags & PP_F_MARKUP;
	return v;
}

/* ---- questions ---- */

static struct pp_value
all_of(struct pp_value s, unsigned classes)
{
	for (size_t at = 0; at < s.len;) {
		if (!(pp_uc(pp_next_char(s.s, s.len, &at)) & classes))
			return pp_bool(false);
	}
	return pp_bool(s.len > 0);
}

#define IS(name, classes) \
	METHOD(name) \
	{ \
		(void)rt; \
		(void)arg; \
		return all_of(self, classes); \
	}

IS(m_isalpha, PP_UC_ALPHA)
IS(m_isalnum, PP_UC_ALPHA | PP_UC_DECIMAL | PP_UC_DIGIT | PP_UC_NUMERIC)
IS(m_isdecimal, PP_UC_DECIMAL)
IS(m_isdigit, PP_UC_DIGIT)
IS(m_isnumeric, PP_UC_NUMERIC)
IS(m_isspace, PP_UC_SPACE)

METHOD(m_isprintable)
{
	(void)rt;
	(void)arg;
	return self.len == 0 ? pp_bool(true) : all_of(self, PP_UC_PRINTABLE);
}

METHOD(m_isascii)
{
	(void)rt;
	(void)arg;
	return pp_bool(pp_all_ascii(self.s, self.len));
}

METHOD(m_isidentifier)
{
	size_t at = 0;
	uint32_t cp;

	(void)rt;
	(void)arg;
	if (self.len == 0)
		return pp_bool(false);
	cp = pp_next_char(self.s, self.len, &at);
	if (cp != '_' && !(pp_uc(cp) & PP_UC_ID_START))
		return pp_bool(false);
	return at == self.len ?
	    pp_bool(true) :
	    all_of(part(self, at, self.len), PP_UC_ID_CONTINUE);
}

static struct pp_value
in_case(struct pp_value s, unsigned wanted, unsigned other)
{
	bool some = false;

	for (size_t at = 0; at < s.len;) {
		unsigned f = pp_uc(pp_next_char(s.s, s.len, &at));

		if (f & (other | PP_UC_TITLE))
			return pp_bool(false);
		some = some || (f & wanted) != 0;
	}
	return pp_bool(some);
}

METHOD(m_islower)
{
	(void)rt;
	(void)arg;
	return in_case(self, PP_UC_LOWER, PP_UC_UPPER);
}

METHOD(m_isupper)
{
	(void)rt;
	(void)arg;
	return in_case(self, PP_UC_UPPER, PP_UC_LOWER);
}

METHOD(m_istitle)
{
	bool some = false, inside = false;

	(void)rt;
	(void)arg;
	for (size_t at = 0; at < self.len;) {
		unsigned f = pp_uc(pp_next_char(self.s, self.len, &at));

		if (f & (PP_UC_UPPER | PP_UC_TITLE)) {
			if (inside)
				return pp_bool(false);
			inside = some = true;
		} else if (f & PP_UC_LOWER) {
			if (!inside)
				return pp_bool(false);
			inside = some = true;
		} else {
			inside = false;
		}
	}
	return pp_bool(some);
}

/* ---- format ---- */

static struct pp_value
m_format(struct pp_rt *rt, struct pp_value self, const struct pp_args *args)
{
	return pp_str_format(rt, self, args);
}

static struct pp_value
m_format_map(struct pp_rt *rt, struct pp_value self, const struct pp_args *args)
{
	struct pp_args named = { NULL, 0, NULL, NULL, 0 };
	struct pp_value *names, *values;
	struct pp_dict *d;

	if (args->named > 0)
		return pp_type_error(rt,
		    "format_map() takes no keyword arguments");
	if (args->count != 1)
		return pp_type_error(rt,
		    "format_map() takes exactly one "
		    "argument (%u given)",
		    args->count);
	if (args->v[0].type != PP_T_DICT &&
	    (self.len == 0 || memchr(self.s, '{', self.len) == NULL))
		return pp_str_format(rt, self, &named);
	if (args->v[0].type != PP_T_DICT)
		return pp_type_error(rt, "format_map() needs a mapping");
	d = args->v[0].dict;
	names = pp_rt_alloc(rt, (d->count + 1) * sizeof *names);
	values = pp_rt_alloc(rt, (d->count + 1) * sizeof *values);
	if (names == NULL || values == NULL)
		return pp_error_value();
	for (uint32_t i = 0; i < d->count; i++) {
		if (!pp_is_str(d->entry[i].key))
			continue;
		names[named.named] = d->entry[i].key;
		values[named.named++] = d->entry[i].value;
	}
	named.names = names;
	named.values = values;
	return pp_str_format(rt, self, &named);
}

#define PLAIN(name, fn, params) \
	{ \
		name, fn, NULL, params, false \
	}

static const struct pp_method rows[] = { PLAIN("capitalize", m_capitalize, ""),
	PLAIN("casefold", m_casefold, ""),
	PLAIN("center", m_center, "/width fillchar?"),
	PLAIN("count", m_count, "/sub start? end?"),
	{ "encode", NULL, pp_no_bytes, "*", false },
	PLAIN("endswith", m_endswith, "/suffix start? end?"),
	PLAIN("expandtabs", m_expandtabs, "tabsize?"),
	PLAIN("find", m_find, "/sub start? end?"),
	{ "format", NULL, m_format, "*", false },
	{ "format_map", NULL, m_format_map, "*", false },
	PLAIN("index", m_index, "/sub start? end?"),
	PLAIN("isalnum", m_isalnum, ""), PLAIN("isalpha", m_isalpha, ""),
	PLAIN("isascii", m_isascii, ""), PLAIN("isdecimal", m_isdecimal, ""),
	PLAIN("isdigit", m_isdigit, ""),
	PLAIN("isidentifier", m_isidentifier, ""),
	PLAIN("islower", m_islower, ""), PLAIN("isnumeric", m_isnumeric, ""),
	PLAIN("isprintable", m_isprintable, ""),
	PLAIN("isspace", m_isspace, ""), PLAIN("istitle", m_istitle, ""),
	PLAIN("isupper", m_isupper, ""), PLAIN("join", m_join, "/iterable"),
	PLAIN("ljust", m_ljust, "/width fillchar?"),
	PLAIN("lower", m_lower, ""), PLAIN("lstrip", m_lstrip, "/chars?"),
	PLAIN("maketrans", pp_str_maketrans, "/x y? z?"),
	PLAIN("partition", m_partition, "/sep"),
	PLAIN("removeprefix", m_removeprefix, "/prefix"),
	PLAIN("removesuffix", m_removesuffix, "/suffix"),
	PLAIN("replace", m_replace, "/old new count?"),
	PLAIN("rfind", m_rfind, "/sub start? end?"),
	PLAIN("rindex", m_rindex, "/sub start? end?"),
	PLAIN("rjust", m_rjust, "/width fillchar?"),
	PLAIN("rpartition", m_rpartition, "/sep"),
	PLAIN("rsplit", m_rsplit, "sep? maxsplit?"),
	PLAIN("rstrip", m_rstrip, "/chars?"),
	PLAIN("split", m_split, "sep? maxsplit?"),
	PLAIN("splitlines", m_splitlines, "keepends?"),
	PLAIN("startswith", m_startswith, "/prefix start? end?"),
	PLAIN("strip", m_strip, "/chars?"), PLAIN("swapcase", m_swapcase, ""),
	PLAIN("title", m_title, ""),
	PLAIN("translate", pp_str_translate, "/table"),
	PLAIN("upper", m_upper, ""), PLAIN("zfill", m_zfill, "/width") };

const struct pp_method_table pp_str_methods = { rows,
	sizeof rows / sizeof rows[0] };
