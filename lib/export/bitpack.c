#include <config.h>

#include "export/bitpack.h"

#include <assert.h>
#include <string.h>

/* As most writers have it: blocks of 128 numbers in four parts. */
#define BLOCK 128
#define PARTS 4
#define PART (BLOCK / PARTS)

int
pp_bits_for(uint64_t max)
{
	return max == 0 ? 0 : 64 - __builtin_clzll(max);
}

static void
put_varint(struct pp_buf *out, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		pp_buf_addc(out, (char)(v | 0x80));
	pp_buf_addc(out, (char)v);
}

static void
put_zigzag(struct pp_buf *out, int64_t v)
{
	put_varint(out, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

/* ---- packing: the first value in the lowest bits ---- */

struct packer {
	struct pp_buf *out;
	uint64_t held;
	int held_bits; /* less than 8 between values */
};

static void
pack(struct packer *p, uint64_t v, int bits)
{
	while (bits > 0) {
		int room = 64 - p->held_bits;
		int take = bits < room ? bits : room;

		p->held |= v << p->held_bits;
		p->held_bits += take;
		bits -= take;
		v = take < 64 ? v >> take : 0;
		for (; p->held_bits >= 8; p->held_bits -= 8) {
			pp_buf_addc(p->out, (char)p->held);
			p->held >>= 8;
		}
	}
}

/* ---- the hybrid ---- */

/* Levels and indices alike: width of an element in `v` is 1 or 4 bytes. */
struct numbers {
	const uint8_t *small;
	const uint32_t *wide;
};

static inline uint32_t
number_at(const struct numbers *n, size_t i)
{
	if (n->small != NULL)
		return n->small[i];
	assert(n->wide != NULL);
	return n->wide[i];
}

static size_t
run_length(const struct numbers *n, size_t i, size_t count)
{
	uint32_t first = number_at(n, i);
	size_t start = i;

	while (i < count && number_at(n, i) == first)
		i++;
	return i - start;
}

static void
put_packed(struct pp_buf *out, const struct numbers *n, size_t from, size_t to,
    int bits)
{
	struct packer p = { .out = out };
	size_t groups = (to - from + 7) / 8;

	if (groups == 0)
		return;
	put_varint(out, groups << 1 | 1);
	for (size_t i = 0; i < groups * 8; i++)
		pack(&p, from + i < to ? number_at(n, from + i) : 0, bits);
}

static void
put_run(struct pp_buf *out, uint32_t v, size_t count, int bits)
{
	put_varint(out, (uint64_t)count << 1);
	for (; bits > 0; bits -= 8, v >>= 8)
		pp_buf_addc(out, (char)v);
}

/*
 * Groups of eight are packed together until eight or more equal numbers
 * follow at the start of a group; those become a run.
 */
static void
put_hybrid(struct pp_buf *out, const struct numbers *n, size_t count, int bits)
{
	size_t packed_from = 0, i = 0;

	while (i < count) {
		size_t run = run_length(n, i, count);
		size_t in_group = (i - packed_from) % 8;

		if (run >= 8 && in_group == 0) {
			put_packed(out, n, packed_from, i, bits);
			put_run(out, number_at(n, i), run, bits);
			packed_from = i + run;
		} else if (run >= 8 && run > 8 - in_group) {
			run = 8 - in_group;
		}
		i += run;
	}
	put_packed(out, n, packed_from, count, bits);
}

void
pp_hybrid_put(struct pp_buf *out, const uint32_t *v, size_t count, int bits)
{
	put_hybrid(out, &(struct numbers){ .wide = v }, count, bits);
}

void
pp_hybrid_put_levels(struct pp_buf *out, const uint8_t *v, size_t count,
    int bits)
{
	put_hybrid(out, &(struct numbers){ .small = v }, count, bits);
}

/* ---- deltas ---- */

/* One block of `count` (1 to BLOCK) differences. */
static void
put_block(struct pp_buf *out, uint64_t *deltas, size_t count)
{
	int64_t least = (int64_t)deltas[0];
	unsigned char widths[PARTS] = { 0 };
	struct packer p = { .out = out };

	for (size_t i = 1; i < count; i++)
		if ((int64_t)deltas[i] < least)
			least = (int64_t)deltas[i];
	for (size_t i = 0; i < count; i++) {
		int bits;

		deltas[i] -= (uint64_t)least;
		bits = pp_bits_for(deltas[i]);
		if (bits > widths[i / PART])
			widths[i / PART] = (unsigned char)bits;
	}
	put_zigzag(out, least);
	pp_buf_add(out, widths, sizeof widths);
	for (size_t i = 0; i < (count + PART - 1) / PART * PART; i++)
		pack(&p, i < count ? deltas[i] : 0, widths[i / PART]);
}

void
pp_delta_put(struct pp_buf *out, const int64_t *v, size_t count)
{
	uint64_t deltas[BLOCK];
	size_t n;

	put_varint(out, BLOCK);
	put_varint(out, PARTS);
	put_varint(out, count);
	put_zigzag(out, count > 0 ? v[0] : 0);
	for (size_t i = 1; i < count; i += n) {
		n = count - i < BLOCK ? count - i : BLOCK;
		for (size_t j = 0; j < n; j++)
			deltas[j] = (uint64_t)v[i + j] - (uint64_t)v[i + j - 1];
		put_block(out, deltas, n);
	}
}

/* ---- reading ---- */

struct unpacker {
	const unsigned char *at, *end;
	bool failed;
};

static uint64_t
get_varint(struct unpacker *u)
{
	uint64_t v = 0;

	for (int shift = 0; shift < 64 && u->at < u->end; shift += 7) {
		unsigned byte = *u->at++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return v;
	}
	u->failed = true;
	return 0;
}

static int64_t
get_zigzag(struct unpacker *u)
{
	uint64_t v = get_varint(u);

	return (int64_t)(v >> 1 ^ (~(v & 1) + 1));
}

/* Number `i` of those packed at `p`; the bytes are there. */
static uint64_t
unpack(const unsigned char *p, size_t i, int bits)
{
	size_t at = i * (size_t)bits;
	uint64_t v = 0;

	for (int done = 0; done < bits;) {
		int shift = (int)(at % 8), n = 8 - shift;
		uint64_t part = p[at / 8] >> shift;

		if (n > bits - done) {
			n = bits - done;
			part &= (UINT64_C(1) << n) - 1;
		}
		v |= part << done;
		done += n;
		at += (size_t)n;
	}
	return v;
}

/* One run or packed group into v; how many numbers came, 0 on failure. */
static size_t
get_group(struct unpacker *u, int bits, uint32_t *v, size_t room)
{
	uint64_t head = get_varint(u), count = head >> 1;
	size_t bytes = (size_t)(bits + 7) / 8, n;
	uint32_t value = 0;

	if (u->failed || count == 0)
		return 0;
	if (head & 1) {
		if (count > SIZE_MAX / 8 / 32 ||
		    (uint64_t)(u->end - u->at) < count * (uint64_t)bits)
			return 0;
		n = count * 8 < room ? (size_t)count * 8 : room;
		for (size_t i = 0; i < n; i++)
			v[i] = (uint32_t)unpack(u->at, i, bits);
		u->at += count * (uint64_t)bits;
		return n;
	}
	if ((size_t)(u->end - u->at) < bytes)
		return 0;
	for (size_t i = 0; i < bytes; i++)
		value |= (uint32_t)*u->at++ << (8 * i);
	n = count < room ? (size_t)count : room;
	for (size_t i = 0; i < n; i++)
		v[i] = value;
	return n;
}

bool
pp_hybrid_get(const unsigned char *p, size_t len, int bits, uint32_t *v,
    size_t count, size_t *used)
{
	struct unpacker u = { .at = p, .end = p + len };
	size_t done = 0;

	if (bits < 0 || bits > 32)
		return false;
	while (done < count) {
		size_t n = get_group(&u, bits, v + done, count - done);

		if (n == 0)
			return false;
		done += n;
	}
	if (used != NULL)
		*used = (size_t)(u.at - p);
	return true;
}

struct delta_shape {
	uint64_t block, parts, part;
};

static bool
get_shape(struct unpacker *u, struct delta_shape *s, size_t count)
{
	s->block = get_varint(u);
	s->parts = get_varint(u);
	if (get_varint(u) != count || u->failed || s->parts == 0 ||
	    s->block == 0 || s->block > 1 << 20 || s->block % s->parts != 0)
		return false;
	s->part = s->block / s->parts;
	return s->part % 32 == 0;
}

/* Numbers of one block, after v[-1]; how many, 0 on failure. */
static size_t
get_block(struct unpacker *u, const struct delta_shape *s, int64_t *v,
    size_t left)
{
	uint64_t least = (uint64_t)get_zigzag(u), last = (uint64_t)v[-1];
	const unsigned char *widths = u->at;
	size_t n = 0;

	if (u->failed || (uint64_t)(u->end - u->at) < s->parts)
		return 0;
	u->at += s->parts;
	for (uint64_t part = 0; part < s->parts && n < left; part++) {
		int bits = widths[part];
		uint64_t bytes = s->part / 8 * (uint64_t)bits;

		if (bits > 64 || bytes > (uint64_t)(u->end - u->at))
			return 0;
		for (size_t i = 0; i < s->part && n < left; i++) {
			last += least + unpack(u->at, i, bits);
			v[n++] = (int64_t)last;
		}
		u->at += bytes;
	}
	return n;
}

bool
pp_delta_get(const unsigned char *p, size_t len, int64_t *v, size_t count,
    size_t *used)
{
	struct unpacker u = { .at = p, .end = p + len };
	struct delta_shape s;
	int64_t first;

	if (!get_shape(&u, &s, count))
		return false;
	first = get_zigzag(&u);
	if (count > 0)
		v[0] = first;
	for (size_t done = 1; done < count;) {
		size_t n = get_block(&u, &s, v + done, count - done);

		if (n == 0)
			return false;
		done += n;
	}
	if (used != NULL)
		*used = (size_t)(u.at - p);
	return !u.failed;
}
