#include <config.h>

#include "export/rowtype.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"

#define SCAN_FIELDS 12 /* more fields than this get a hash table */
#define EXACT_INT (INT64_C(1) << 53)

static const char *const kind_names[PP_KIND_COUNT] = {
	[PP_KIND_NULL] = "null",
	[PP_KIND_BOOL] = "bool",
	[PP_KIND_INT] = "int",
	[PP_KIND_DOUBLE] = "double",
	[PP_KIND_STRING] = "string",
	[PP_KIND_LIST] = "list",
	[PP_KIND_STRUCT] = "struct",
	[PP_KIND_JSON] = "json",
	[PP_KIND_TIMESTAMP] = "timestamp",
	[PP_KIND_DECIMAL] = "decimal",
	[PP_KIND_UUID] = "uuid",
};

const char *
pp_kind_name(enum pp_kind kind)
{
	return kind_names[kind];
}

static struct pp_type *
new_type(const char *name, size_t len, enum pp_kind kind)
{
	struct pp_type *t = pp_calloc(1, sizeof *t);

	t->name = pp_strndup(name, len);
	t->name_len = len;
	t->kind = kind;
	return t;
}

struct pp_type *
pp_type_new(void)
{
	return new_type("", 0, PP_KIND_STRUCT);
}

static void
drop_fields(struct pp_type *t)
{
	for (size_t i = 0; i < t->count; i++)
		pp_type_free(t->fields[i]);
	free(t->fields);
	free(t->slots);
	t->fields = NULL;
	t->slots = NULL;
	t->count = t->seen = t->cap = t->slot_count = 0;
}

void
pp_type_free(struct pp_type *t)
{
	if (t == NULL)
		return;
	drop_fields(t);
	free(t->name);
	free(t);
}

/* ---- fields by name ---- */

static bool
has_name(const struct pp_type *t, const char *name, size_t len)
{
	return t->name_len == len && memcmp(t->name, name, len) == 0;
}

static void
slot_put(struct pp_type *t, size_t field)
{
	const struct pp_type *f = t->fields[field];
	size_t mask = t->slot_count - 1;
	size_t i = pp_hash64(f->name, f->name_len, 0) & mask;

	while (t->slots[i] != 0)
		i = (i + 1) & mask;
	t->slots[i] = (uint16_t)(field + 1);
}

static void
index_field(struct pp_type *t, size_t field)
{
	if (t->count <= SCAN_FIELDS)
		return;
	if (t->count * 2 <= t->slot_count) {
		slot_put(t, field);
		return;
	}
	t->slot_count = t->slot_count > 0 ? t->slot_count * 2 : 64;
	free(t->slots);
	t->slots = pp_calloc(t->slot_count, sizeof *t->slots);
	for (size_t i = 0; i < t->count; i++)
		slot_put(t, i);
}

/* Index of the field, or count. Rows mostly keep one order: try `guess`. */
static size_t
find(const struct pp_type *t, const char *name, size_t len, size_t guess)
{
	if (guess < t->count && has_name(t->fields[guess], name, len))
		return guess;
	if (t->slots != NULL) {
		size_t mask = t->slot_count - 1;
		size_t i = pp_hash64(name, len, 0) & mask;

		for (; t->slots[i] != 0; i = (i + 1) & mask)
			if (has_name(t->fields[t->slots[i] - 1], name, len))
				return (size_t)t->slots[i] - 1;
		return t->count;
	}
	for (size_t i = 0; i < t->count; i++)
		if (has_name(t->fields[i], name, len))
			return i;
	return t->count;
}

static size_t
find_key(const struct pp_type *t, const struct pp_json *key, size_t guess)
{
	struct pp_buf plain = PP_BUF_INIT;
	size_t i;

	if (!key->escaped)
		return find(t, key->text, key->len, guess);
	pp_json_unescape(key, &plain);
	i = find(t, plain.data, plain.len, guess);
	pp_buf_release(&plain);
	return i;
}

const struct pp_type *
pp_type_field(const struct pp_type *t, const char *name, size_t len)
{
	size_t i = find(t, name, len, 0);

	return i < t->count ? t->fields[i] : NULL;
}

void
pp_type_gather(const struct pp_type *t, const struct pp_json *v,
    const struct pp_json **values)
{
	const struct pp_json *key = pp_json_first(v);
	size_t guess = 0;

	memset(values, 0, t->count * sizeof *values);
	for (uint32_t i = 0; i < v->count; i++) {
		const struct pp_json *value = pp_json_next(key);
		size_t field = find_key(t, key, guess);

		if (field < t->count) {
			values[field] = value;
			guess = field + 1;
		}
		key = pp_json_next(value);
	}
}

static struct pp_type *
add_field(struct pp_type *t, const char *name, size_t len, enum pp_kind kind)
{
	struct pp_type *f = new_type(name, len, kind);

	t->fields = pp_grow(t->fields, t->count, &t->cap, sizeof *t->fields);
	t->fields[t->count++] = f;
	if (t->kind == PP_KIND_STRUCT)
		index_field(t, t->count - 1);
	return f;
}

/* The field at `i` was met for the first time: it is the next in order. */
static void
place_field(struct pp_type *t, size_t i)
{
	struct pp_type *f = t->fields[i];

	memmove(&t->fields[t->seen + 1], &t->fields[t->seen],
	    (i - t->seen) * sizeof *t->fields);
	t->fields[t->seen++] = f;
	if (t->slots == NULL || i == t->seen - 1)
		return;
	memset(t->slots, 0, t->slot_count * sizeof *t->slots);
	for (size_t k = 0; k < t->count; k++)
		slot_put(t, k);
}

static void
add_field_for_key(struct pp_type *t, const struct pp_json *key)
{
	struct pp_buf plain = PP_BUF_INIT;

	pp_json_unescape(key, &plain);
	add_field(t, plain.data, plain.len, PP_KIND_NULL);
	pp_buf_release(&plain);
}

/* ---- looking at values ---- */

static int see(struct pp_type *t, const struct pp_json *v, int depth,
    struct pp_error *err);

static int
become_json(struct pp_type *t)
{
	drop_fields(t);
	t->kind = PP_KIND_JSON;
	return 1;
}

static int
misfit(const struct pp_type *t, const struct pp_json *v, struct pp_error *err)
{
	size_t len;
	const char *text = pp_json_raw(v, &len);

	return pp_error_set(err, PP_EDATA,
	    "%.*s%s does not fit '%s', which is "
	    "declared %s",
	    (int)(len < 60 ? len : 60), text, len < 60 ? "" : "...", t->name,
	    pp_kind_name(t->kind));
}

/* Whether a value that is not null fits what was declared. */
static bool
fits_declared(const struct pp_type *t, const struct pp_json *v)
{
	bool plain = v->type == PP_JSON_STRING && !v->escaped;
	unsigned char uuid[16];
	int64_t n;
	double d;

	switch (t->kind) {
	case PP_KIND_BOOL:
		return v->type == PP_JSON_TRUE || v->type == PP_JSON_FALSE;
	case PP_KIND_INT: return pp_json_int64(v, &n);
	case PP_KIND_DOUBLE:
		if (pp_json_int64(v, &n) && (n > EXACT_INT || n < -EXACT_INT))
			return false;
		return pp_type_double(v, &d);
	case PP_KIND_STRING: return v->type < PP_JSON_ARRAY;
	case PP_KIND_TIMESTAMP:
		return plain && pp_type_timestamp(v->text, v->len, &n);
	case PP_KIND_DECIMAL:
		return (plain || v->type == PP_JSON_NUMBER) &&
		    pp_type_decimal(v->text, v->len, t->precision, t->scale,
			&n);
	case PP_KIND_UUID: return plain && pp_type_uuid(v->text, v->len, uuid);
	default: return true;
	}
}

static int
see_number(struct pp_type *t, const struct pp_json *v)
{
	enum pp_kind kind = PP_KIND_DOUBLE;
	bool wide = false;
	int64_t n;
	double d;

	if (v->integer) {
		kind = PP_KIND_INT;
		if (v->len >= 16) {
			if (!pp_json_int64(v, &n))
				return become_json(t);
			wide = n > EXACT_INT || n < -EXACT_INT;
		}
	} else if (!pp_json_double(v, &d) || !isfinite(d)) {
		return become_json(t);
	}
	if (t->kind == kind && (!wide || t->wide))
		return 0;
	if (t->kind == PP_KIND_DOUBLE && kind == PP_KIND_INT && !wide)
		return 0;
	if (t->kind == PP_KIND_NULL || t->kind == kind) {
		t->kind = kind;
		t->wide = wide;
		return 1;
	}
	if (wide || t->wide ||
	    (t->kind != PP_KIND_INT && t->kind != PP_KIND_DOUBLE))
		return become_json(t);
	t->kind = PP_KIND_DOUBLE;
	return 1;
}

static int
see_list(struct pp_type *t, const struct pp_json *v, int depth,
    struct pp_error *err)
{
	const struct pp_json *item = pp_json_first(v);
	int changed = 0;

	if (t->kind == PP_KIND_NULL && depth < PP_TYPE_MAX_DEPTH) {
		t->kind = PP_KIND_LIST;
		add_field(t, "element", 7, PP_KIND_NULL);
		changed = 1;
	} else if (t->kind != PP_KIND_LIST) {
		return become_json(t);
	}
	for (uint32_t i = 0; i < v->count; i++) {
		int rc = see(t->fields[0], item, depth + 1, err);

		if (rc < 0)
			return -1;
		changed |= rc;
		item = pp_json_next(item);
	}
	return changed;
}

/* A member that has no field yet. -1 with `err`, or when there is no room. */
static int
new_field(struct pp_type *t, const struct pp_json *key, int depth,
    struct pp_error *err)
{
	if (t->declared || memmem(key->text, key->len, "\\u0000", 6) != NULL) {
		pp_error_set(err, PP_EDATA,
		    t->declared ? "field '%.*s' is not declared" :
				  "the name '%.*s' is not fit for a field",
		    (int)key->len, key->text);
		return -1;
	}
	if (t->count >=
	    (depth == 0 ? PP_TYPE_MAX_COLUMNS : PP_TYPE_MAX_FIELDS)) {
		if (depth == 0)
			pp_error_set(err, PP_EDATA,
			    "rows have more than %d "
			    "different fields",
			    PP_TYPE_MAX_COLUMNS);
		return -1;
	}
	add_field_for_key(t, key);
	return 0;
}

static int
see_members(struct pp_type *t, const struct pp_json *v, int depth,
    struct pp_error *err)
{
	const struct pp_json *key = pp_json_first(v);
	size_t guess = 0;
	int changed = 0;

	for (uint32_t i = 0; i < v->count; i++) {
		const struct pp_json *value = pp_json_next(key);
		size_t at = find_key(t, key, guess);
		int rc;

		if (at == t->count && new_field(t, key, depth, err) < 0)
			return depth == 0 ? -1 : become_json(t);
		if (at >= t->seen) {
			place_field(t, at);
			at = t->seen - 1;
			changed = 1;
		}
		rc = see(t->fields[at], value, depth + 1, err);
		if (rc < 0)
			return -1;
		changed |= rc;
		guess = at + 1;
		key = pp_json_next(value);
	}
	return changed;
}

static int
see_struct(struct pp_type *t, const struct pp_json *v, int depth,
    struct pp_error *err)
{
	int changed = 0;

	if (t->kind == PP_KIND_NULL && depth < PP_TYPE_MAX_DEPTH) {
		t->kind = PP_KIND_STRUCT;
		changed = 1;
	} else if (t->kind != PP_KIND_STRUCT) {
		return become_json(t);
	}
	switch (see_members(t, v, depth, err)) {
	case -1: return -1;
	case 0: return changed;
	default: return 1;
	}
}

static int
see_scalar(struct pp_type *t, enum pp_kind kind)
{
	if (t->kind == kind)
		return 0;
	if (t->kind != PP_KIND_NULL)
		return become_json(t);
	t->kind = kind;
	return 1;
}

static int
see(struct pp_type *t, const struct pp_json *v, int depth, struct pp_error *err)
{
	if (v->type == PP_JSON_NULL || t->kind == PP_KIND_JSON)
		return 0;
	if (t->declared &&
	    (t->kind == PP_KIND_LIST ? v->type != PP_JSON_ARRAY :
				       !fits_declared(t, v)))
		return misfit(t, v, err);
	if (t->declared && t->kind != PP_KIND_LIST)
		return 0;
	switch (v->type) {
	case PP_JSON_STRING: return see_scalar(t, PP_KIND_STRING);
	case PP_JSON_NUMBER: return see_number(t, v);
	case PP_JSON_ARRAY: return see_list(t, v, depth, err);
	case PP_JSON_OBJECT: return see_struct(t, v, depth, err);
	default: return see_scalar(t, PP_KIND_BOOL);
	}
}

int
pp_type_see(struct pp_type *row, const struct pp_json *v, struct pp_error *err)
{
	if (v->type != PP_JSON_OBJECT)
		return pp_error_set(err, PP_EDATA, "a row must be an object");
	return see_members(row, v, 0, err);
}

enum pp_kind
pp_type_stored(const struct pp_type *t)
{
	if (t->kind == PP_KIND_NULL)
		return PP_KIND_STRING;
	if (t->kind == PP_KIND_STRUCT && t->count == 0)
		return PP_KIND_JSON;
	return t->kind;
}

/* ---- declarations ---- */

static int
declare_decimal(struct pp_type *t, const char *text)
{
	unsigned precision, scale;
	int used = 0;

	if (sscanf(text, "decimal(%2u,%2u)%n", &precision, &scale, &used) !=
		2 ||
	    used == 0 || text[used] != '\0' || precision < 1 ||
	    precision > 18 || scale > precision)
		return -1;
	t->precision = (uint8_t)precision;
	t->scale = (uint8_t)scale;
	t->kind = PP_KIND_DECIMAL;
	return 0;
}

static int
declare_kind(struct pp_type *t, const char *text, int depth)
{
	size_t len = strlen(text);
	char *inner;
	int rc;

	t->declared = true;
	if (pp_starts_with(text, "decimal("))
		return declare_decimal(t, text);
	if (pp_starts_with(text, "list(") && text[len - 1] == ')' &&
	    depth < PP_TYPE_MAX_DEPTH) {
		t->kind = PP_KIND_LIST;
		inner = pp_strndup(text + 5, len - 6);
		rc = declare_kind(add_field(t, "element", 7, PP_KIND_NULL),
		    inner, depth + 1);
		free(inner);
		return rc;
	}
	for (int k = PP_KIND_BOOL; k < PP_KIND_COUNT; k++) {
		if (k == PP_KIND_LIST || k == PP_KIND_STRUCT ||
		    k == PP_KIND_DECIMAL || strcmp(text, kind_names[k]) != 0)
			continue;
		t->kind = (enum pp_kind)k;
		return 0;
	}
	return -1;
}

int
pp_type_declare(struct pp_type *row, const char *text, struct pp_error *err)
{
	const char *eq = strrchr(text, '=');
	size_t len = eq != NULL ? (size_t)(eq - text) : 0;
	struct pp_type *f;

	if (len == 0)
		return pp_error_set(err, PP_EUSAGE, "'%s' is not FIELD=TYPE",
		    text);
	if (pp_type_field(row, text, len) != NULL)
		return pp_error_set(err, PP_EUSAGE,
		    "field '%.*s' is declared twice", (int)len, text);
	if (row->count >= PP_TYPE_MAX_COLUMNS)
		return pp_error_set(err, PP_EUSAGE,
		    "more than %d fields are declared", PP_TYPE_MAX_COLUMNS);
	f = add_field(row, text, len, PP_KIND_NULL);
	if (declare_kind(f, eq + 1, 1) < 0)
		return pp_error_set(err, PP_EUSAGE,
		    "unknown type '%s': "
		    "types are bool, int, double, string, json, timestamp, "
		    "decimal(P,S) up to 18 digits, uuid and list(TYPE)",
		    eq + 1);
	return 0;
}

void
pp_type_close(struct pp_type *row)
{
	row->declared = true;
}

/* ---- as JSON ---- */

static void
put_type(const struct pp_type *t, struct pp_buf *out)
{
	enum pp_kind kind = pp_type_stored(t);

	pp_json_put_key(out, "type");
	pp_json_put_cstr(out, kind_names[kind]);
	if (kind == PP_KIND_DECIMAL)
		pp_buf_addf(out, ",\"precision\":%d,\"scale\":%d", t->precision,
		    t->scale);
	if (kind == PP_KIND_LIST) {
		pp_json_put_key(out, "element");
		pp_buf_addc(out, '{');
		put_type(t->fields[0], out);
		pp_buf_addc(out, '}');
	}
	if (kind == PP_KIND_STRUCT) {
		pp_json_put_key(out, "fields");
		pp_type_put_json(t, out);
	}
}

void
pp_type_put_json(const struct pp_type *row, struct pp_buf *out)
{
	pp_buf_addc(out, '[');
	for (size_t i = 0; i < row->count; i++) {
		pp_buf_adds(out, i > 0 ? ",{" : "{");
		pp_json_put_key(out, "name");
		pp_json_put_str(out, row->fields[i]->name,
		    row->fields[i]->name_len);
		put_type(row->fields[i], out);
		pp_buf_addc(out, '}');
	}
	pp_buf_addc(out, ']');
}

/* ---- scalars ---- */

bool
pp_type_double(const struct pp_json *v, double *out)
{
	if (pp_json_is(v, "NaN"))
		*out = NAN;
	else if (pp_json_is(v, "Infinity"))
		*out = INFINITY;
	else if (pp_json_is(v, "-Infinity"))
		*out = -INFINITY;
	else
		return pp_json_double(v, out) && isfinite(*out);
	return true;
}

/* `count` digits at *s, moved past. -1 when they are not all digits. */
static int
digits(const char **s, const char *end, int count)
{
	int n = 0;

	if (end - *s < count)
		return -1;
	for (int i = 0; i < count; i++) {
		if (**s < '0' || **s > '9')
			return -1;
		n = n * 10 + (*(*s)++ - '0');
	}
	return n;
}

static bool
literal(const char **s, const char *end, char c)
{
	if (*s == end || **s != c)
		return false;
	(*s)++;
	return true;
}

/* Days from 1970-01-01 in the Gregorian calendar; false: no such day. */
static bool
days_of(int year, int month, int day, int64_t *days)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	int64_t y = year - 1, n;

	if (month < 1 || month > 12 || day < 1 ||
	    day > lengths[month - 1] + (leap && month == 2))
		return false;
	n = y * 365 + y / 4 - y / 100 + y / 400;
	if (y < 0)
		n = -366; /* year 0 was a leap year */
	for (int m = 1; m < month; m++)
		n += lengths[m - 1] + (leap && m == 2);
	*days = n + day - 1 - 719162;
	return true;
}

/* "15:04:05.678901" to microseconds; digits past the sixth must be 0. */
static bool
time_of_day(const char **s, const char *end, int64_t *us)
{
	int hour, minute, second, scale = 100000;

	hour = digits(s, end, 2);
	if (hour < 0 || hour > 23 || !literal(s, end, ':'))
		return false;
	minute = digits(s, end, 2);
	if (minute < 0 || minute > 59 || !literal(s, end, ':'))
		return false;
	second = digits(s, end, 2);
	if (second < 0 || second > 59)
		return false;
	*us = ((hour * 60 + minute) * INT64_C(60) + second) * 1000000;
	if (!literal(s, end, '.'))
		return true;
	if (*s == end || **s < '0' || **s > '9')
		return false;
	for (; *s < end && **s >= '0' && **s <= '9'; (*s)++, scale /= 10) {
		if (scale == 0 && **s != '0')
			return false;
		*us += (**s - '0') * scale;
	}
	return true;
}

/* "Z", "+02:00" to the microseconds that local time is ahead. */
static bool
offset_of(const char **s, const char *end, int64_t *us)
{
	int sign, hour, minute;

	*us = 0;
	if (literal(s, end, 'Z') || literal(s, end, 'z'))
		return true;
	sign = literal(s, end, '+') ? 1 : literal(s, end, '-') ? -1 : 0;
	hour = digits(s, end, 2);
	if (sign == 0 || hour < 0 || hour > 23 || !literal(s, end, ':'))
		return false;
	minute = digits(s, end, 2);
	if (minute < 0 || minute > 59)
		return false;
	*us = sign * (hour * 60 + minute) * INT64_C(60000000);
	return true;
}

bool
pp_type_timestamp(const char *s, size_t len, int64_t *us)
{
	const char *end = s + len;
	int64_t days, clock = 0, ahead = 0;
	int year, month, day;

	year = digits(&s, end, 4);
	if (year < 0 || !literal(&s, end, '-'))
		return false;
	month = digits(&s, end, 2);
	if (month < 0 || !literal(&s, end, '-'))
		return false;
	day = digits(&s, end, 2);
	if (day < 0 || !days_of(year, month, day, &days))
		return false;
	if (s < end) {
		if (!literal(&s, end, 'T') && !literal(&s, end, 't') &&
		    !literal(&s, end, ' '))
			return false;
		if (!time_of_day(&s, end, &clock) ||
		    !offset_of(&s, end, &ahead) || s != end)
			return false;
	}
	*us = days * INT64_C(86400000000) + clock - ahead;
	return true;
}

bool
pp_type_decimal(const char *text, size_t len, int precision, int scale,
    int64_t *out)
{
	int64_t limit = 1, n = 0;
	bool negative = len > 0 && text[0] == '-', point = false, any = false;
	int places = 0;

	for (int i = 0; i < precision; i++)
		limit *= 10;
	for (size_t i = negative; i < len; i++) {
		char c = text[i];

		if (c == '.' && !point) {
			point = true;
			continue;
		}
		if (c < '0' || c > '9')
			return false;
		any = true;
		if (point && places == scale) {
			if (c != '0')
				return false;
			continue;
		}
		places += point;
		n = n * 10 + (c - '0');
		if (n >= limit)
			return false;
	}
	for (; places < scale; places++)
		if ((n *= 10) >= limit)
			return false;
	*out = negative ? -n : n;
	return any;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
pp_type_uuid(const char *s, size_t len, unsigned char out[16])
{
	size_t at = 0;

	if (len != 36)
		return false;
	for (size_t i = 0; i < len; i += 2) {
		int high, low;

		if (i == 8 || i == 13 || i == 18 || i == 23)
			if (s[i++] != '-')
				return false;
		high = hex_digit(s[i]);
		low = hex_digit(s[i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[at++] = (unsigned char)(high << 4 | low);
	}
	return true;
}
