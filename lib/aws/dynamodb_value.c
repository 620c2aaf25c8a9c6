#include <config.h>

#include "aws/dynamodb_value.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/money.h"

#define MAX_DIGITS 38
#define MAX_EXPONENT 125 /* of the first digit */
#define MIN_EXPONENT (-130)

/* ---- decimal numbers ---- */

/* sign * 0.d1d2d3... * 10^point, without zeros at either end. */
struct decimal {
	bool negative;
	const char *text;   /* the digits with a '.' somewhere */
	size_t first, last; /* of the digits that count, in `text` */
	int digits;	    /* how many; 0: the number is zero */
	int point;
};

static bool
read_exponent(const char *s, size_t len, int *out)
{
	bool negative = len > 0 && *s == '-';
	int v = 0;

	if (len > 0 && (*s == '-' || *s == '+')) {
		s++;
		len--;
	}
	if (len == 0 || len > 6)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (s[i] - '0');
	}
	*out = negative ? -v : v;
	return true;
}

/* Find what counts in "-12.50E+3". */
static bool
read_decimal(const char *s, size_t len, struct decimal *d)
{
	int before = 0, exponent = 0, zeros = 0;
	bool dot = false, any = false;
	size_t i = 0;

	*d = (struct decimal){ .text = s };
	if (len > 0 && (s[0] == '-' || s[0] == '+')) {
		d->negative = s[0] == '-';
		i++;
	}
	for (; i < len && s[i] != 'e' && s[i] != 'E'; i++) {
		if (s[i] == '.' && !dot) {
			dot = true;
			continue;
		}
		if (s[i] < '0' || s[i] > '9')
			return false;
		any = true;
		if (s[i] != '0') {
			if (d->digits == 0)
				d->first = i;
			d->digits += zeros + 1;
			d->last = i;
			zeros = 0;
		} else if (d->digits > 0) {
			zeros++; /* count only when a digit follows */
		} else if (dot) {
			before--;
		}
		if (d->digits > 0 && !dot)
			before++;
	}
	if (!any ||
	    (i < len && !read_exponent(s + i + 1, len - i - 1, &exponent)))
		return false;
	d->point = before + exponent;
	return true;
}

bool
pp_ddb_number_fits(const char *text, size_t len)
{
	struct decimal d;

	if (!read_decimal(text, len, &d))
		return false;
	return d.digits == 0 ||
	    (d.digits <= MAX_DIGITS && d.point - 1 <= MAX_EXPONENT &&
		d.point - 1 >= MIN_EXPONENT);
}

/* The number times 10^places, when that is whole and fits. */
static bool
scaled(const char *text, size_t len, int places, int64_t *out)
{
	__int128 v = 0;
	struct decimal d;
	int left;

	if (!read_decimal(text, len, &d))
		return false;
	left = d.point + places;
	if (d.digits == 0) {
		*out = 0;
		return true;
	}
	if (left < d.digits || left > 19)
		return false;
	for (size_t i = d.first; i <= d.last; i++) {
		if (text[i] != '.') {
			v = v * 10 + (text[i] - '0');
			left--;
		}
	}
	for (; left > 0; left--)
		v *= 10;
	if (d.negative)
		v = -v;
	*out = (int64_t)v;
	return v >= INT64_MIN && v <= INT64_MAX;
}

/* ---- writing ---- */

static void
put_name(struct pp_buf *out, const char *name)
{
	if (out->len > 0 && out->data[out->len - 1] != '{' &&
	    out->data[out->len - 1] != '[')
		pp_buf_addc(out, ',');
	if (name == NULL)
		return;
	pp_json_put_cstr(out, name);
	pp_buf_addc(out, ':');
}

void
pp_ddb_put_text(struct pp_buf *out, const char *name, const char *s)
{
	put_name(out, name);
	pp_buf_adds(out, "{\"S\":");
	pp_json_put_str(out, s, strlen(s));
	pp_buf_addc(out, '}');
}

void
pp_ddb_put_int(struct pp_buf *out, const char *name, int64_t v)
{
	put_name(out, name);
	pp_buf_addf(out, "{\"N\":\"%lld\"}", (long long)v);
}

void
pp_ddb_put_money(struct pp_buf *out, const char *name, int64_t nusd)
{
	char text[PP_MONEY_TEXT_BYTES];
	const char *sign = nusd < 0 ? "-" : "";

	assert(nusd > INT64_MIN);
	put_name(out, name);
	pp_buf_addf(out, "{\"N\":\"%s%s\"}", sign,
	    pp_money_format(nusd < 0 ? -nusd : nusd, text));
}

void
pp_ddb_put_bool(struct pp_buf *out, const char *name, bool v)
{
	put_name(out, name);
	pp_buf_adds(out, v ? "{\"BOOL\":true}" : "{\"BOOL\":false}");
}

static int
put_value(struct pp_buf *out, const struct pp_json *v, struct pp_error *err);

static int
put_members(struct pp_buf *out, const struct pp_json *v, struct pp_error *err)
{
	const struct pp_json *at = pp_json_first(v);
	int rc = 0;

	pp_buf_adds(out, "{\"M\":{");
	for (uint32_t i = 0; rc == 0 && i < v->count; i++) {
		const struct pp_json *value = pp_json_next(at);
		size_t len;
		const char *raw = pp_json_raw(at, &len);

		put_name(out, NULL);
		pp_buf_add(out, raw, len);
		pp_buf_addc(out, ':');
		rc = put_value(out, value, err);
		at = pp_json_next(value);
	}
	pp_buf_adds(out, "}}");
	return rc;
}

static int
put_items(struct pp_buf *out, const struct pp_json *v, struct pp_error *err)
{
	const struct pp_json *at = pp_json_first(v);
	int rc = 0;

	pp_buf_adds(out, "{\"L\":[");
	for (uint32_t i = 0; rc == 0 && i < v->count; i++) {
		put_name(out, NULL);
		rc = put_value(out, at, err);
		at = pp_json_next(at);
	}
	pp_buf_adds(out, "]}");
	return rc;
}

static int
put_number(struct pp_buf *out, const struct pp_json *v, struct pp_error *err)
{
	if (!pp_ddb_number_fits(v->text, v->len))
		return pp_error_set(err, PP_EDATA,
		    "the number %.*s has more digits than DynamoDB keeps",
		    (int)(v->len < 60 ? v->len : 60), v->text);
	pp_buf_addf(out, "{\"N\":\"%.*s\"}", (int)v->len, v->text);
	return 0;
}

static int
put_value(struct pp_buf *out, const struct pp_json *v, struct pp_error *err)
{
	const char *raw;
	size_t len;

	switch ((enum pp_json_type)v->type) {
	case PP_JSON_NULL: pp_buf_adds(out, "{\"NULL\":true}"); return 0;
	case PP_JSON_FALSE: pp_buf_adds(out, "{\"BOOL\":false}"); return 0;
	case PP_JSON_TRUE: pp_buf_adds(out, "{\"BOOL\":true}"); return 0;
	case PP_JSON_NUMBER: return put_number(out, v, err);
	case PP_JSON_ARRAY: return put_items(out, v, err);
	case PP_JSON_OBJECT: return put_members(out, v, err);
	case PP_JSON_STRING:
	default:
		raw = pp_json_raw(v, &len);
		pp_buf_adds(out, "{\"S\":");
		pp_buf_add(out, raw, len);
		pp_buf_addc(out, '}');
		return 0;
	}
}

int
pp_ddb_put_json(struct pp_buf *out, const char *name, const struct pp_json *v,
    struct pp_error *err)
{
	put_name(out, name);
	return put_value(out, v, err);
}

/* ---- reading ---- */

const struct pp_json *
pp_ddb_get(const struct pp_json *item, const char *name, const char *type)
{
	const struct pp_json *v = item != NULL ? pp_json_get(item, name) : NULL;

	return v != NULL ? pp_json_get(v, type) : NULL;
}

static bool
get_scaled(const struct pp_json *item, const char *name, int places,
    int64_t *out)
{
	const struct pp_json *v = pp_ddb_get(item, name, "N");

	return v != NULL && v->type == PP_JSON_STRING && !v->escaped &&
	    scaled(v->text, v->len, places, out);
}

bool
pp_ddb_int(const struct pp_json *item, const char *name, int64_t *out)
{
	return get_scaled(item, name, 0, out);
}

bool
pp_ddb_money(const struct pp_json *item, const char *name, int64_t *out)
{
	return get_scaled(item, name, 9, out);
}

bool
pp_ddb_bool(const struct pp_json *item, const char *name, bool *out)
{
	const struct pp_json *v = pp_ddb_get(item, name, "BOOL");

	if (v == NULL || (v->type != PP_JSON_TRUE && v->type != PP_JSON_FALSE))
		return false;
	*out = v->type == PP_JSON_TRUE;
	return true;
}

bool
pp_ddb_text(const struct pp_json *item, const char *name, char *out,
    size_t size)
{
	char *s = pp_ddb_strdup(item, name);
	bool fits = s != NULL && strlen(s) < size;

	if (fits)
		memcpy(out, s, strlen(s) + 1);
	free(s);
	return fits;
}

char *
pp_ddb_strdup(const struct pp_json *item, const char *name)
{
	const struct pp_json *v = pp_ddb_get(item, name, "S");

	return v != NULL ? pp_json_strdup(v) : NULL;
}

static int
map_to_json(const struct pp_json *m, struct pp_buf *out, struct pp_error *err)
{
	const struct pp_json *at = pp_json_first(m);
	int rc = 0;

	pp_buf_addc(out, '{');
	for (uint32_t i = 0; rc == 0 && i < m->count; i++) {
		size_t len;
		const char *raw = pp_json_raw(at, &len);

		if (i > 0)
			pp_buf_addc(out, ',');
		pp_buf_add(out, raw, len);
		pp_buf_addc(out, ':');
		at = pp_json_next(at);
		rc = pp_ddb_to_json(at, out, err);
		at = pp_json_next(at);
	}
	pp_buf_addc(out, '}');
	return rc;
}

/* Of a list of values, or of a set: of strings, which N sets are not. */
static int
list_to_json(const struct pp_json *l, const char *type, struct pp_buf *out,
    struct pp_error *err)
{
	const struct pp_json *at = pp_json_first(l);
	int rc = 0;

	pp_buf_addc(out, '[');
	for (uint32_t i = 0; rc == 0 && i < l->count; i++) {
		size_t len;
		const char *raw = pp_json_raw(at, &len);

		if (i > 0)
			pp_buf_addc(out, ',');
		if (*type == 'L')
			rc = pp_ddb_to_json(at, out, err);
		else if (*type == 'N')
			pp_buf_add(out, at->text, at->len);
		else
			pp_buf_add(out, raw, len);
		at = pp_json_next(at);
	}
	pp_buf_addc(out, ']');
	return rc;
}

int
pp_ddb_to_json(const struct pp_json *value, struct pp_buf *out,
    struct pp_error *err)
{
	const struct pp_json *type = pp_json_first(value), *v;
	const char *raw;
	size_t len;

	if (value->type != PP_JSON_OBJECT || value->count != 1)
		return pp_error_set(err, PP_EDATA,
		    "this is no value of DynamoDB");
	v = pp_json_next(type);
	raw = pp_json_raw(v, &len);
	if (pp_json_is(type, "NULL"))
		pp_buf_adds(out, "null");
	else if (pp_json_is(type, "N") && v->type == PP_JSON_STRING)
		pp_buf_add(out, v->text, v->len);
	else if (pp_json_is(type, "M") && v->type == PP_JSON_OBJECT)
		return map_to_json(v, out, err);
	else if (v->type == PP_JSON_ARRAY)
		return list_to_json(v, type->text, out, err);
	else
		pp_buf_add(out, raw, len);
	return 0;
}

/* ---- size ---- */

static size_t
text_bytes(const struct pp_json *s)
{
	struct pp_buf b = PP_BUF_INIT;
	size_t n = s->len;

	if (s->escaped) {
		pp_json_unescape(s, &b);
		n = b.len;
		pp_buf_release(&b);
	}
	return n;
}

static size_t
value_bytes(const struct pp_json *value)
{
	const struct pp_json *type = pp_json_first(value), *v, *at;
	size_t n = 0;

	if (type == NULL)
		return 0;
	v = pp_json_next(type);
	if (v->type == PP_JSON_STRING)
		/* a number: a byte for two digits and one more */
		return pp_json_is(type, "N") ? v->len / 2 + 2 : text_bytes(v);
	if (v->type != PP_JSON_OBJECT && v->type != PP_JSON_ARRAY)
		return 1;
	at = pp_json_first(v);
	n = 3;
	for (uint32_t i = 0; i < v->count; i++) {
		if (v->type == PP_JSON_OBJECT) {
			n += text_bytes(at);
			at = pp_json_next(at);
		}
		n += 1 + value_bytes(at);
		at = pp_json_next(at);
	}
	return n;
}

size_t
pp_ddb_item_bytes(const struct pp_buf *item)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_buf text = PP_BUF_INIT;
	const struct pp_json *v, *at;
	size_t n = 0;

	pp_buf_addf(&text, "{%s}", item->data);
	v = pp_json_parse(&doc, text.data, text.len, 0, NULL);
	assert(v != NULL);
	at = pp_json_first(v);
	for (uint32_t i = 0; i < v->count; i++) {
		n += text_bytes(at);
		at = pp_json_next(at);
		n += value_bytes(at);
		at = pp_json_next(at);
	}
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
	return n;
}
