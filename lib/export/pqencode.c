#include <config.h>

#include "export/pqencode.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "export/bitpack.h"
#include "export/pqvalue.h"

/* Texts that are longer than this on average are best left as they are. */
#define SHORT_TEXT 64

static void
put_bits(struct pp_buf *out, const char *plain, size_t count)
{
	for (size_t i = 0; i < count; i += 8) {
		unsigned byte = 0;

		for (size_t j = 0; j < 8 && i + j < count; j++)
			byte |= (unsigned)(plain[i + j] != 0) << j;
		pp_buf_addc(out, (char)byte);
	}
}

/* Deltas must save a quarter, since plain numbers compress well too. */
static bool
put_deltas(struct pp_buf *out, const char *plain, size_t len, size_t count)
{
	int64_t *numbers = pp_calloc(count, sizeof *numbers);
	size_t start = out->len;

	for (size_t i = 0; i < count; i++) {
		uint64_t v = 0;

		for (int j = 7; j >= 0; j--)
			v = v << 8 | (unsigned char)plain[8 * i + (size_t)j];
		numbers[i] = (int64_t)v;
	}
	pp_delta_put(out, numbers, count);
	free(numbers);
	if (out->len - start < len / 4 * 3)
		return true;
	pp_buf_truncate(out, start);
	return false;
}

static size_t
common_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t n = 0;

	while (n < a_len && n < b_len && a[n] == b[n])
		n++;
	return n;
}

/* Texts of a page as lengths, or as what differs from the text before. */
static enum pp_pq_encoding
put_texts(struct pp_buf *out, const struct pp_pqleaf *leaf, const char *plain,
    size_t len, size_t count)
{
	int64_t *common = pp_calloc(count, sizeof *common);
	int64_t *rest = pp_calloc(count, sizeof *rest);
	const char *p = plain, *last = "";
	size_t last_len = 0, saved = 0, n;
	bool by_beginning;

	for (size_t i = 0; i < count; i++) {
		const char *text = pp_pqvalue_next(leaf, &p, &n);

		common[i] = (int64_t)common_bytes(last, last_len, text, n);
		rest[i] = (int64_t)n;
		saved += (size_t)common[i];
		last = text;
		last_len = n;
	}
	by_beginning = saved * 4 > len - count * PP_PQ_LENGTH_BYTES;
	if (by_beginning) {
		for (size_t i = 0; i < count; i++)
			rest[i] -= common[i];
		pp_delta_put(out, common, count);
	}
	pp_delta_put(out, rest, count);
	p = plain;
	for (size_t i = 0; i < count; i++) {
		const char *text = pp_pqvalue_next(leaf, &p, &n);

		pp_buf_add(out, text + (n - (size_t)rest[i]), (size_t)rest[i]);
	}
	free(common);
	free(rest);
	return by_beginning ? PP_PQ_DELTA_BYTES : PP_PQ_DELTA_LENGTH_BYTES;
}

enum pp_pq_encoding
pp_pqencode(struct pp_buf *out, const struct pp_pqleaf *leaf, const char *plain,
    size_t len, size_t count, bool *in_place)
{
	*in_place = false;
	if (leaf->physical == PP_PQ_BOOLEAN) {
		put_bits(out, plain, count);
		return PP_PQ_PLAIN;
	}
	if (leaf->physical == PP_PQ_INT64 && count > 0 &&
	    put_deltas(out, plain, len, count))
		return PP_PQ_DELTA_BINARY_PACKED;
	if (leaf->physical == PP_PQ_BYTES && count > 0 &&
	    len / count < SHORT_TEXT)
		return put_texts(out, leaf, plain, len, count);
	*in_place = true;
	return PP_PQ_PLAIN;
}
