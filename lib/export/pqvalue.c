#include <config.h>

#include "export/pqvalue.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "export/compact.h"

/* Longer texts are cut in statistics and indexes. */
#define BOUND_BYTES 64

size_t
pp_pqvalue_width(enum pp_pq_type physical)
{
	switch (physical) {
	case PP_PQ_BOOLEAN: return 1;
	case PP_PQ_INT64:
	case PP_PQ_DOUBLE: return 8;
	case PP_PQ_FIXED: return 16;
	default: return 0;
	}
}

/* ---- from JSON ---- */

static void
put_u32(char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (char)(v >> (8 * i));
}

static uint32_t
get_u32(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

static void
put_u64(struct pp_buf *out, uint64_t v)
{
	char bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (char)(v >> (8 * i));
	pp_buf_add(out, bytes, sizeof bytes);
}

static uint64_t
get_u64(const char *p)
{
	return (uint64_t)get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}

static double
get_double(const char *p)
{
	uint64_t bits = get_u64(p);
	double d;

	memcpy(&d, &bits, sizeof d);
	return d;
}

static int
put_text(struct pp_buf *out, const struct pp_json *v, bool as_json)
{
	static const char no_length[PP_PQ_LENGTH_BYTES];
	size_t start = out->len;

	pp_buf_add(out, no_length, sizeof no_length);
	if (as_json)
		pp_compact_put(out, v);
	else
		pp_compact_put_plain(out, v);
	put_u32(out->data + start,
	    (uint32_t)(out->len - start - PP_PQ_LENGTH_BYTES));
	return 0;
}

static int
misfit(const struct pp_pqleaf *leaf, struct pp_error *err)
{
	return pp_error_set(err, PP_EDATA, "a value of '%s' is no %s",
	    leaf->type->name, pp_kind_name(leaf->kind));
}

static int
put_double(struct pp_buf *out, const struct pp_pqleaf *leaf,
    const struct pp_json *v, struct pp_error *err)
{
	uint64_t bits;
	double d;

	if (!pp_type_double(v, &d))
		return misfit(leaf, err);
	memcpy(&bits, &d, sizeof bits);
	put_u64(out, bits);
	return 0;
}

static int
put_integer(struct pp_buf *out, const struct pp_pqleaf *leaf,
    const struct pp_json *v, struct pp_error *err)
{
	int64_t n;
	bool fits;

	if (leaf->kind == PP_KIND_TIMESTAMP)
		fits = pp_type_timestamp(v->text, v->len, &n);
	else if (leaf->kind == PP_KIND_DECIMAL)
		fits = pp_type_decimal(v->text, v->len, leaf->type->precision,
		    leaf->type->scale, &n);
	else
		fits = pp_json_int64(v, &n);
	if (!fits)
		return misfit(leaf, err);
	put_u64(out, (uint64_t)n);
	return 0;
}

int
pp_pqvalue_put(struct pp_buf *out, const struct pp_pqleaf *leaf,
    const struct pp_json *v, struct pp_error *err)
{
	unsigned char uuid[16];

	switch (leaf->kind) {
	case PP_KIND_BOOL:
		if (v->type != PP_JSON_TRUE && v->type != PP_JSON_FALSE)
			return misfit(leaf, err);
		pp_buf_addc(out, v->type == PP_JSON_TRUE);
		return 0;
	case PP_KIND_DOUBLE: return put_double(out, leaf, v, err);
	case PP_KIND_STRING: return put_text(out, v, false);
	case PP_KIND_JSON: return put_text(out, v, true);
	case PP_KIND_UUID:
		if (!pp_type_uuid(v->text, v->len, uuid))
			return misfit(leaf, err);
		pp_buf_add(out, uuid, sizeof uuid);
		return 0;
	default: return put_integer(out, leaf, v, err);
	}
}

const char *
pp_pqvalue_next(const struct pp_pqleaf *leaf, const char **p, size_t *len)
{
	const char *value = *p;

	*len = pp_pqvalue_width(leaf->physical);
	if (*len == 0) {
		*len = get_u32(value);
		value += PP_PQ_LENGTH_BYTES;
	}
	*p = value + *len;
	return value;
}

/* ---- order ---- */

static int
compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t len = a_len < b_len ? a_len : b_len;
	int order = len > 0 ? memcmp(a, b, len) : 0;

	return order != 0 ? order : a_len < b_len ? -1 : a_len > b_len;
}

int
pp_pqvalue_compare(const struct pp_pqleaf *leaf, const char *a, size_t a_len,
    const char *b, size_t b_len)
{
	switch (leaf->physical) {
	case PP_PQ_INT64: {
		int64_t x = (int64_t)get_u64(a), y = (int64_t)get_u64(b);

		return x < y ? -1 : x > y;
	}
	case PP_PQ_DOUBLE: {
		double x = get_double(a), y = get_double(b);

		return x < y ? -1 : x > y;
	}
	default: return compare_bytes(a, a_len, b, b_len);
	}
}

void
pp_pqscan_init(struct pp_pqscan *s, const struct pp_pqleaf *leaf)
{
	*s = (struct pp_pqscan){
		.leaf = leaf, .min = PP_BUF_INIT, .max = PP_BUF_INIT
	};
}

void
pp_pqscan_clear(struct pp_pqscan *s)
{
	s->there = false;
}

void
pp_pqscan_release(struct pp_pqscan *s)
{
	pp_buf_release(&s->min);
	pp_buf_release(&s->max);
}

void
pp_pqscan_see(struct pp_pqscan *s, const char *value, size_t len)
{
	if (s->leaf->physical == PP_PQ_DOUBLE && isnan(get_double(value)))
		return;
	if (!s->there ||
	    pp_pqvalue_compare(s->leaf, value, len, s->min.data, s->min.len) <
		0)
		pp_buf_set(&s->min, value, len);
	if (!s->there ||
	    pp_pqvalue_compare(s->leaf, value, len, s->max.data, s->max.len) >
		0)
		pp_buf_set(&s->max, value, len);
	s->there = true;
}

/* Of BOUND_BYTES or less, and not within a character. */
static size_t
cut(const char *s, size_t len)
{
	if (len <= BOUND_BYTES)
		return len;
	len = BOUND_BYTES;
	while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
		len--;
	return len;
}

/*
 * A text that is greater than all that begin with `s`: the last character
 * that can be raised is. false when there is none.
 */
static bool
raise_last(struct pp_buf *s)
{
	while (s->len > 0) {
		char next[4];
		uint32_t cp;
		size_t at = s->len - 1, n;

		while (at > 0 && ((unsigned char)s->data[at] & 0xc0) == 0x80)
			at--;
		pp_utf8_decode(s->data + at, s->len - at, &cp);
		cp = cp == 0xd7ff ? 0xe000 : cp + 1;
		n = pp_utf8_encode(cp, next);
		pp_buf_truncate(s, at);
		if (n > 0) {
			pp_buf_add(s, next, n);
			return true;
		}
	}
	return false;
}

static void
put_bound(struct pp_pqbound *b, const struct pp_pqleaf *leaf, const char *v,
    size_t len, bool is_max)
{
	size_t short_len = leaf->physical == PP_PQ_BYTES ? cut(v, len) : len;

	pp_buf_set(&b->bytes, v, short_len);
	b->exact = short_len == len;
	if (!b->exact && is_max && !raise_last(&b->bytes)) {
		pp_buf_set(&b->bytes, v, len);
		b->exact = true;
	}
	/* zeros of both signs are equal: a bound holds for either */
	if (leaf->physical == PP_PQ_DOUBLE && get_double(v) == 0)
		b->bytes.data[7] = is_max ? 0 : (char)0x80;
}

void
pp_pqscan_finish(const struct pp_pqscan *s, struct pp_pqbounds *b)
{
	if (!s->there)
		return;
	b->there = true;
	put_bound(&b->min, s->leaf, s->min.data, s->min.len, false);
	put_bound(&b->max, s->leaf, s->max.data, s->max.len, true);
}

static void
copy_bound(struct pp_pqbound *to, const struct pp_pqbound *from)
{
	pp_buf_set(&to->bytes, from->bytes.data, from->bytes.len);
	to->exact = from->exact;
}

static int
compare_bounds(const struct pp_pqleaf *leaf, const struct pp_pqbound *a,
    const struct pp_pqbound *b)
{
	return pp_pqvalue_compare(leaf, a->bytes.data, a->bytes.len,
	    b->bytes.data, b->bytes.len);
}

void
pp_pqbounds_join(struct pp_pqbounds *b, const struct pp_pqleaf *leaf,
    const struct pp_pqbounds *more)
{
	if (!more->there)
		return;
	if (!b->there || compare_bounds(leaf, &more->min, &b->min) < 0)
		copy_bound(&b->min, &more->min);
	if (!b->there || compare_bounds(leaf, &more->max, &b->max) > 0)
		copy_bound(&b->max, &more->max);
	b->there = true;
}

void
pp_pqbounds_release(struct pp_pqbounds *b)
{
	pp_buf_release(&b->min.bytes);
	pp_buf_release(&b->max.bytes);
	b->there = false;
}
