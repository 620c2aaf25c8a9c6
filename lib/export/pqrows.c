#include <config.h>

#include "export/pqrows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "export/pqcursor.h"

struct pp_pqrows {
	const struct pp_pqfile *file;
	size_t group;		     /* being read */
	int64_t row;		     /* of the group, next */
	struct pp_pqcursor *cursors; /* NULL: no group is open */
};

struct pp_pqrows *
pp_pqrows_new(const struct pp_pqfile *f)
{
	struct pp_pqrows *r = pp_calloc(1, sizeof *r);

	r->file = f;
	return r;
}

static void
close_group(struct pp_pqrows *r)
{
	for (size_t i = 0; r->cursors != NULL && i < r->file->leaf_count; i++)
		pp_pqcursor_release(&r->cursors[i]);
	free(r->cursors);
	r->cursors = NULL;
}

void
pp_pqrows_free(struct pp_pqrows *r)
{
	if (r == NULL)
		return;
	close_group(r);
	free(r);
}

/* ---- values ---- */

static uint64_t
get_le(const char *p, size_t len)
{
	uint64_t v = 0;

	for (size_t i = len; i-- > 0;)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static void
put_base64(struct pp_buf *out, const char *s, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	pp_buf_addc(out, '"');
	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)s[i] << 16;
		size_t n = len - i < 3 ? len - i : 3;

		if (n > 1)
			v |= (uint32_t)(unsigned char)s[i + 1] << 8;
		if (n > 2)
			v |= (unsigned char)s[i + 2];
		for (size_t k = 0; k < 4; k++)
			pp_buf_addc(out,
			    k <= n ? digits[v >> (18 - 6 * k) & 63] : '=');
	}
	pp_buf_addc(out, '"');
}

/* A whole number of the value's sign and 10^scale of it to one. */
static void
put_decimal(struct pp_buf *out, __int128 v, int scale)
{
	unsigned __int128 rest = v < 0 ? -(unsigned __int128)v :
					 (unsigned __int128)v;
	char text[64];
	size_t at = sizeof text;

	for (int place = 0; rest > 0 || place <= scale; place++) {
		if (place == scale && scale > 0)
			text[--at] = '.';
		text[--at] = (char)('0' + (int)(rest % 10));
		rest /= 10;
	}
	pp_buf_adds(out, v < 0 ? "\"-" : "\"");
	pp_buf_add(out, text + at, sizeof text - at);
	pp_buf_addc(out, '"');
}

/* Big-endian, up to 16 bytes. */
static __int128
get_be(const char *p, size_t len)
{
	unsigned __int128 v = len > 0 && (p[0] & 0x80) ? ~(unsigned __int128)0 :
							 0;

	for (size_t i = 0; i < len; i++)
		v = v << 8 | (unsigned char)p[i];
	return (__int128)v;
}

/* Seconds and a part of one as RFC 3339 text, or the bare number of units. */
static void
put_time(struct pp_buf *out, int64_t v, enum pp_pq_unit unit, bool is_utc)
{
	int digits = unit == PP_PQ_MILLIS ? 3 : unit == PP_PQ_MICROS ? 6 : 9;
	int64_t per_second = unit == PP_PQ_MILLIS ? 1000 :
	    unit == PP_PQ_MICROS		  ? 1000000 :
						    1000000000;
	int64_t part = v % per_second;
	time_t seconds;
	struct tm tm;

	if (part < 0)
		part += per_second;
	seconds = (time_t)((v - part) / per_second);
	if (v < INT64_MIN + part || gmtime_r(&seconds, &tm) == NULL ||
	    tm.tm_year < -1900 || tm.tm_year > 9999 - 1900) {
		pp_json_put_int(out, v);
		return;
	}
	pp_buf_addf(out, "\"%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	for (; part != 0 && digits > 3 && part % 1000 == 0; digits -= 3)
		part /= 1000;
	if (part != 0)
		pp_buf_addf(out, ".%0*lld", digits, (long long)part);
	pp_buf_adds(out, is_utc ? "Z\"" : "\"");
}

static void
put_date(struct pp_buf *out, int64_t days)
{
	const int64_t largest = 10000 * INT64_C(366);
	struct tm tm;
	time_t seconds = days > -largest && days < largest ?
	    (time_t)(days * 86400) :
	    0;

	if ((seconds == 0 && days != 0) || gmtime_r(&seconds, &tm) == NULL ||
	    tm.tm_year < -1900 || tm.tm_year > 9999 - 1900)
		pp_json_put_int(out, days);
	else
		pp_buf_addf(out, "\"%04d-%02d-%02d\"", tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday);
}

static void
put_integer(struct pp_buf *out, const struct pp_pqelement *leaf,
    const char *value, size_t len)
{
	uint64_t bits = get_le(value, len);
	int64_t v = len == 4 ? (int32_t)bits : (int64_t)bits;

	switch (leaf->logical) {
	case PP_PQ_LOGICAL_DECIMAL: put_decimal(out, v, leaf->scale); break;
	case PP_PQ_LOGICAL_DATE: put_date(out, v); break;
	case PP_PQ_LOGICAL_TIMESTAMP:
		put_time(out, v, leaf->unit, leaf->is_utc);
		break;
	default:
		if (leaf->is_unsigned)
			pp_buf_addf(out, "%llu", (unsigned long long)bits);
		else
			pp_json_put_int(out, v);
	}
}

static void
put_real(struct pp_buf *out, const char *value, size_t len)
{
	uint64_t bits = get_le(value, len);
	uint32_t half = (uint32_t)bits;
	char text[32];
	double d;
	float f = 0;

	if (len == 4) {
		memcpy(&f, &half, sizeof f);
		d = (double)f;
	} else {
		memcpy(&d, &bits, sizeof d);
	}
	if (isnan(d) || isinf(d)) {
		pp_buf_adds(out,
		    isnan(d)  ? "\"NaN\"" :
			d > 0 ? "\"Infinity\"" :
				"\"-Infinity\"");
	} else if (len == 4) {
		/* as few digits as tell it from all other floats */
		for (int digits = 6; digits <= 9; digits++) {
			snprintf(text, sizeof text, "%.*g", digits, d);
			if (strtof(text, NULL) == f)
				break;
		}
		pp_buf_adds(out, text);
	} else {
		pp_json_put_double(out, d);
	}
}

/* Legacy: nanoseconds of a day, then the Julian day. */
static void
put_int96(struct pp_buf *out, const char *value)
{
	int64_t of_day = (int64_t)get_le(value, 8), ns;
	int64_t days = (int64_t)get_le(value + 8, 4) - 2440588;

	if (__builtin_mul_overflow(days, INT64_C(86400000000000), &ns) ||
	    __builtin_add_overflow(ns, of_day, &ns))
		put_base64(out, value, 12);
	else
		put_time(out, ns, PP_PQ_NANOS, false);
}

static void
put_uuid(struct pp_buf *out, const char *value)
{
	pp_buf_addc(out, '"');
	for (size_t i = 0; i < 16; i++)
		pp_buf_addf(out,
		    i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
		    (unsigned)(unsigned char)value[i]);
	pp_buf_addc(out, '"');
}

/* JSON text goes in as it is, if it is that. */
static void
put_json(struct pp_buf *out, const char *value, size_t len)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;

	if (pp_json_parse(&doc, value, len, 0, NULL) != NULL &&
	    memchr(value, '\n', len) == NULL)
		pp_buf_add(out, value, len);
	else
		pp_json_put_lossy(out, value, len);
	pp_json_doc_release(&doc);
}

static void
put_bytes(struct pp_buf *out, const struct pp_pqelement *leaf,
    const char *value, size_t len)
{
	if (leaf->logical == PP_PQ_LOGICAL_JSON)
		put_json(out, value, len);
	else if (leaf->logical == PP_PQ_LOGICAL_DECIMAL && len <= 16)
		put_decimal(out, get_be(value, len), leaf->scale);
	else if (leaf->logical == PP_PQ_LOGICAL_UUID && len == 16)
		put_uuid(out, value);
	else if (leaf->physical == PP_PQ_BYTES &&
	    pp_utf8_valid(value, len, NULL))
		pp_json_put_str(out, value, len);
	else
		put_base64(out, value, len);
}

void
pp_pqrows_put_value(struct pp_buf *out, const struct pp_pqelement *leaf,
    const char *value, size_t len)
{
	switch (leaf->physical) {
	case PP_PQ_BOOLEAN:
		pp_buf_adds(out, *value != 0 ? "true" : "false");
		break;
	case PP_PQ_INT32:
	case PP_PQ_INT64: put_integer(out, leaf, value, len); break;
	case PP_PQ_FLOAT:
	case PP_PQ_DOUBLE: put_real(out, value, len); break;
	case PP_PQ_INT96: put_int96(out, value); break;
	default: put_bytes(out, leaf, value, len);
	}
}

/* ---- putting rows together ---- */

static int put_element(struct pp_pqrows *r, const struct pp_pqelement *e,
    struct pp_buf *out, struct pp_error *err);

static int
damaged(const struct pp_pqrows *r, const struct pp_pqelement *e,
    struct pp_error *err)
{
	return pp_error_set(err, PP_EDATA,
	    "'%s': column '%s' does not fit "
	    "the others",
	    r->file->name, e->name);
}

/* The definition level at hand in the first column of `e`; -1 on failure. */
static int
def_at(struct pp_pqrows *r, const struct pp_pqelement *e, struct pp_error *err)
{
	struct pp_pqcursor *c = &r->cursors[e->first_leaf];
	int rc = pp_pqcursor_have(c, err);

	if (rc == 0)
		damaged(r, e, err);
	return rc <= 0 ? -1 : pp_pqcursor_def(c);
}

/* There is nothing here: one entry of each column says so. */
static int
take_nothing(struct pp_pqrows *r, const struct pp_pqelement *e,
    struct pp_error *err)
{
	const char *value;
	size_t len;

	for (size_t i = 0; i < e->leaf_count; i++) {
		struct pp_pqcursor *c = &r->cursors[e->first_leaf + i];
		int rc = pp_pqcursor_have(c, err);

		if (rc < 0)
			return -1;
		if (rc == 0 || pp_pqcursor_def(c) >= e->max_def)
			return damaged(r, e, err);
		pp_pqcursor_take(c, &value, &len);
	}
	return 0;
}

static int
put_leaf(struct pp_pqrows *r, const struct pp_pqelement *e, struct pp_buf *out,
    struct pp_error *err)
{
	struct pp_pqcursor *c = &r->cursors[e->first_leaf];
	const char *value;
	size_t len;

	if (def_at(r, e, err) < 0)
		return -1;
	pp_pqcursor_take(c, &value, &len);
	if (value == NULL)
		return damaged(r, e, err);
	pp_pqrows_put_value(out, e, value, len);
	return 0;
}

static int
put_group(struct pp_pqrows *r, const struct pp_pqelement *e, struct pp_buf *out,
    struct pp_error *err)
{
	const struct pp_pqelement *child;

	pp_buf_addc(out, '{');
	for (child = e->first_child; child != NULL; child = child->next) {
		if (child != e->first_child)
			pp_buf_addc(out, ',');
		pp_json_put_str(out, child->name, strlen(child->name));
		pp_buf_addc(out, ':');
		if (put_element(r, child, out, err) < 0)
			return -1;
	}
	pp_buf_addc(out, '}');
	return 0;
}

static int
put_present(struct pp_pqrows *r, const struct pp_pqelement *e,
    struct pp_buf *out, struct pp_error *err)
{
	return e->is_group ? put_group(r, e, out, err) :
			     put_leaf(r, e, out, err);
}

/*
 * A repeated element as an array. `inner` is what it holds: itself, or the one
 * child of the middle level of a list.
 */
static int
put_array(struct pp_pqrows *r, const struct pp_pqelement *e,
    const struct pp_pqelement *inner, struct pp_buf *out, struct pp_error *err)
{
	struct pp_pqcursor *c = &r->cursors[e->first_leaf];
	int def = def_at(r, e, err), rc;

	if (def < 0)
		return -1;
	if (def < e->max_def) {
		pp_buf_adds(out, "[]");
		return take_nothing(r, e, err);
	}
	pp_buf_addc(out, '[');
	for (;;) {
		rc = inner == e ? put_present(r, e, out, err) :
				  put_element(r, inner, out, err);
		if (rc < 0 || (rc = pp_pqcursor_have(c, err)) < 0)
			return -1;
		if (rc == 0 || pp_pqcursor_rep(c) < e->max_rep)
			break;
		pp_buf_addc(out, ',');
	}
	pp_buf_addc(out, ']');
	return 0;
}

/*
 * LIST: an optional group around a repeated one around the element. A MAP is
 * such a list of its keys and values.
 */
static int
put_list(struct pp_pqrows *r, const struct pp_pqelement *e, struct pp_buf *out,
    struct pp_error *err)
{
	const struct pp_pqelement *middle = e->first_child;
	bool three = middle->is_group && middle->first_child != NULL &&
	    middle->first_child->next == NULL;

	return put_array(r, middle, three ? middle->first_child : middle, out,
	    err);
}

static bool
is_list(const struct pp_pqelement *e)
{
	return (e->logical == PP_PQ_LOGICAL_LIST ||
		   e->logical == PP_PQ_LOGICAL_MAP) &&
	    e->is_group && e->first_child != NULL &&
	    e->first_child->next == NULL &&
	    e->first_child->repetition == PP_PQ_REPEATED &&
	    e->first_child->leaf_count > 0;
}

static int
put_element(struct pp_pqrows *r, const struct pp_pqelement *e,
    struct pp_buf *out, struct pp_error *err)
{
	int def;

	if (e->leaf_count == 0) { /* a group without columns */
		pp_buf_adds(out, "{}");
		return 0;
	}
	if (e->repetition == PP_PQ_REPEATED)
		return put_array(r, e, e, out, err);
	if (e->repetition == PP_PQ_OPTIONAL) {
		def = def_at(r, e, err);
		if (def < 0)
			return -1;
		if (def < e->max_def) {
			pp_buf_adds(out, "null");
			return take_nothing(r, e, err);
		}
	}
	return is_list(e) ? put_list(r, e, out, err) :
			    put_present(r, e, out, err);
}

/* ---- row groups ---- */

static void
open_group(struct pp_pqrows *r)
{
	r->row = 0;
	r->cursors = pp_calloc(r->file->leaf_count, sizeof *r->cursors);
	for (size_t i = 0; i < r->file->leaf_count; i++)
		pp_pqcursor_open(&r->cursors[i], r->file, r->group, i);
}

/* After the last row each column must be at its end. */
static int
end_group(struct pp_pqrows *r, struct pp_error *err)
{
	for (size_t i = 0; i < r->file->leaf_count; i++) {
		int rc = pp_pqcursor_have(&r->cursors[i], err);

		if (rc != 0)
			return rc < 0 ? -1 :
					damaged(r, r->file->leaves[i], err);
	}
	close_group(r);
	r->group++;
	return 0;
}

int
pp_pqrows_next(struct pp_pqrows *r, struct pp_buf *out, struct pp_error *err)
{
	while (r->group < r->file->group_count) {
		if (r->cursors == NULL)
			open_group(r);
		if (r->row < r->file->groups[r->group].rows) {
			r->row++;
			return put_group(r, r->file->root, out, err) < 0 ? -1 :
									   1;
		}
		if (end_group(r, err) < 0)
			return -1;
	}
	return 0;
}
