#include <config.h>

#include "export/pqdecode.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "export/bitpack.h"

void
pp_pqvalues_release(struct pp_pqvalues *v)
{
	pp_buf_release(&v->data);
	free(v->spans);
	*v = (struct pp_pqvalues){ .data = PP_BUF_INIT };
}

/* Bytes that a value has in the file; 0: it differs, or is a bit. */
static size_t
width_of(const struct pp_pqelement *leaf)
{
	switch (leaf->physical) {
	case PP_PQ_INT32:
	case PP_PQ_FLOAT: return 4;
	case PP_PQ_INT64:
	case PP_PQ_DOUBLE: return 8;
	case PP_PQ_INT96: return 12;
	case PP_PQ_FIXED: return (size_t)leaf->width;
	default: return 0;
	}
}

static uint32_t
get_u32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

static void
make_spans(struct pp_pqvalues *v, size_t count)
{
	if (count > v->span_cap) {
		v->spans = pp_reallocarray(v->spans, count, sizeof *v->spans);
		v->span_cap = count;
	}
}

/* ---- plain ---- */

static bool
plain_texts(struct pp_pqvalues *v, const unsigned char *p, size_t len,
    size_t count)
{
	size_t at = 0;

	if (len / 4 < count)
		return false;
	make_spans(v, count);
	for (size_t i = 0; i < count; i++) {
		uint32_t n;

		if (len - at < 4)
			return false;
		n = get_u32(p + at);
		at += 4;
		if (n > len - at)
			return false;
		v->spans[i] = (struct pp_pqspan){ (uint32_t)at, n };
		at += n;
	}
	pp_buf_add(&v->data, p, at);
	return true;
}

static bool
plain_bits(struct pp_pqvalues *v, const unsigned char *p, size_t len,
    size_t count)
{
	if (len < (count + 7) / 8)
		return false;
	pp_buf_reserve(&v->data, count);
	for (size_t i = 0; i < count; i++)
		v->data.data[i] = (char)(p[i / 8] >> (i % 8) & 1);
	v->data.len = count;
	return true;
}

static bool
plain(struct pp_pqvalues *v, const struct pp_pqelement *leaf,
    const unsigned char *p, size_t len, size_t count)
{
	if (leaf->physical == PP_PQ_BOOLEAN)
		return plain_bits(v, p, len, count);
	if (leaf->physical == PP_PQ_BYTES)
		return plain_texts(v, p, len, count);
	if (v->width == 0 || len / v->width < count)
		return false;
	pp_buf_add(&v->data, p, count * v->width);
	return true;
}

/* Truth values as a run-length hybrid, its length before it. */
static bool
runs_of_bits(struct pp_pqvalues *v, const unsigned char *p, size_t len,
    size_t count)
{
	uint32_t *wide;
	bool good;

	if (len < 4 || get_u32(p) > len - 4)
		return false;
	wide = pp_calloc(count, sizeof *wide);
	good = pp_hybrid_get(p + 4, get_u32(p), 1, wide, count, NULL);
	for (size_t i = 0; good && i < count; i++)
		pp_buf_addc(&v->data, (char)wide[i]);
	free(wide);
	return good;
}

/* Byte k of all values, then byte k + 1 of all. */
static bool
split_bytes(struct pp_pqvalues *v, const unsigned char *p, size_t len,
    size_t count)
{
	if (v->width == 0 || len / v->width != count)
		return false;
	pp_buf_reserve(&v->data, len);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < v->width; k++)
			v->data.data[i * v->width + k] = (char)p[k * count + i];
	v->data.len = count * v->width;
	return true;
}

/* ---- deltas ---- */

/*
 * Whether `len` bytes can hold `count` deltas: a block of numbers, up to 2^20
 * of them, takes three bytes at least.
 */
static bool
is_likely(size_t len, size_t count)
{
	return count >> 20 <= len;
}

static bool
deltas(struct pp_pqvalues *v, const unsigned char *p, size_t len, size_t count)
{
	int64_t *numbers;
	bool good;

	if ((v->width != 4 && v->width != 8) || !is_likely(len, count))
		return false;
	numbers = pp_calloc(count, sizeof *numbers);
	good = pp_delta_get(p, len, numbers, count, NULL);
	for (size_t i = 0; good && i < count; i++)
		for (size_t k = 0; k < v->width; k++)
			pp_buf_addc(&v->data,
			    (char)((uint64_t)numbers[i] >> (8 * k)));
	free(numbers);
	return good;
}

/* Lengths, then all texts. `fixed`: every one has the leaf's width. */
static bool
delta_lengths(struct pp_pqvalues *v, const unsigned char *p, size_t len,
    size_t count)
{
	int64_t *lengths;
	size_t used, at = 0;
	bool good;

	if (!is_likely(len, count))
		return false;
	lengths = pp_calloc(count, sizeof *lengths);
	good = pp_delta_get(p, len, lengths, count, &used);
	make_spans(v, count);
	for (size_t i = 0; good && i < count; i++) {
		good = lengths[i] >= 0 &&
		    (uint64_t)lengths[i] <= len - used - at;
		v->spans[i] = (struct pp_pqspan){ (uint32_t)at,
			(uint32_t)lengths[i] };
		at += good ? (size_t)lengths[i] : 0;
	}
	if (good)
		pp_buf_add(&v->data, p + used, at);
	free(lengths);
	return good;
}

/*
 * How much of the text before each one begins with, then the rests as above.
 * The texts together are bounded as a page is.
 */
static bool
delta_texts(struct pp_pqvalues *v, const unsigned char *p, size_t len,
    size_t count)
{
	struct pp_pqvalues rests = { .data = PP_BUF_INIT };
	struct pp_pqspan last = { 0, 0 };
	int64_t *common;
	size_t used;
	bool good;

	if (!is_likely(len, count))
		return false;
	common = pp_calloc(count, sizeof *common);
	good = pp_delta_get(p, len, common, count, &used) &&
	    delta_lengths(&rests, p + used, len - used, count);
	make_spans(v, count);
	for (size_t i = 0; good && i < count; i++) {
		const struct pp_pqspan *rest = &rests.spans[i];
		struct pp_pqspan next = { (uint32_t)v->data.len, 0 };

		good = common[i] >= 0 && common[i] <= last.len &&
		    v->data.len + (size_t)common[i] + rest->len <=
			(size_t)PP_PQ_MAX_PAGE_BYTES;
		if (!good)
			break;
		next.len = (uint32_t)common[i] + rest->len;
		pp_buf_reserve(&v->data, next.len);
		pp_buf_add(&v->data, v->data.data + last.at, (size_t)common[i]);
		pp_buf_add(&v->data, rests.data.data + rest->at, rest->len);
		v->spans[i] = last = next;
	}
	pp_pqvalues_release(&rests);
	free(common);
	return good;
}

/* Values of one width that came as texts: each must have it. */
static bool
has_width(const struct pp_pqvalues *v, size_t width, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (v->spans[i].len != width)
			return false;
	return true;
}

bool
pp_pqdecode(struct pp_pqvalues *v, const struct pp_pqelement *leaf,
    int64_t encoding, const unsigned char *p, size_t len, size_t count)
{
	size_t width = width_of(leaf);
	bool good;

	pp_buf_clear(&v->data);
	v->count = count;
	v->width = leaf->physical == PP_PQ_BOOLEAN ? 1 : width;
	if (count == 0)
		return true;
	switch (encoding) {
	case PP_PQ_PLAIN: return plain(v, leaf, p, len, count);
	case PP_PQ_RLE:
		return leaf->physical == PP_PQ_BOOLEAN &&
		    runs_of_bits(v, p, len, count);
	case PP_PQ_BYTE_STREAM_SPLIT:
		return leaf->physical != PP_PQ_BOOLEAN &&
		    split_bytes(v, p, len, count);
	case PP_PQ_DELTA_BINARY_PACKED:
		return (leaf->physical == PP_PQ_INT32 ||
			   leaf->physical == PP_PQ_INT64) &&
		    deltas(v, p, len, count);
	case PP_PQ_DELTA_LENGTH_BYTES:
		return leaf->physical == PP_PQ_BYTES &&
		    delta_lengths(v, p, len, count);
	case PP_PQ_DELTA_BYTES:
		if (leaf->physical != PP_PQ_BYTES &&
		    leaf->physical != PP_PQ_FIXED)
			return false;
		v->width = 0;
		good = delta_texts(v, p, len, count);
		return good && (width == 0 || has_width(v, width, count));
	default: return false;
	}
}
