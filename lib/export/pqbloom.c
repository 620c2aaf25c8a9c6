#include <config.h>

#include "export/pqbloom.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "export/thrift.h"

#define BLOCK_BYTES 32
#define BLOCK_WORDS 8

/* At 10 bits a value about one in a hundred is taken for another. */
#define BITS_PER_VALUE 10
#define MAX_BYTES ((size_t)8 << 20)

void
pp_pqbloom_see(struct pp_pqbloom *b, const void *value, size_t len)
{
	uint64_t hash = pp_xxh64(value, len, 0);

	if (b->count > 0 && b->hashes[b->count - 1] == hash)
		return;
	b->hashes = pp_grow(b->hashes, b->count, &b->cap, sizeof *b->hashes);
	b->hashes[b->count++] = hash;
}

static int
compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Each once; so how many different values there are is known. */
static void
sort_out(struct pp_pqbloom *b)
{
	size_t kept = 0;

	if (b->count == 0)
		return;
	qsort(b->hashes, b->count, sizeof *b->hashes, compare_hashes);
	for (size_t i = 1; i < b->count; i++)
		if (b->hashes[i] != b->hashes[kept])
			b->hashes[++kept] = b->hashes[i];
	b->count = kept + 1;
}

/* A power of two, which all readers take. */
static size_t
filter_bytes(size_t values)
{
	size_t bytes = BLOCK_BYTES;

	while (bytes < values * BITS_PER_VALUE / 8 && bytes < MAX_BYTES)
		bytes *= 2;
	return bytes;
}

/* A bit in each word of one block; words are little-endian. */
static void
insert(unsigned char *filter, size_t bytes, uint64_t hash)
{
	static const uint32_t salts[BLOCK_WORDS] = { 0x47b6137bu, 0x44974d91u,
		0x8824ad5bu, 0xa2b7289du, 0x705495c7u, 0x2df1424bu, 0x9efc4947u,
		0x5c6bfb31u };
	uint64_t blocks = bytes / BLOCK_BYTES;
	unsigned char *block = filter +
	    ((hash >> 32) * blocks >> 32) * BLOCK_BYTES;

	for (size_t i = 0; i < BLOCK_WORDS; i++) {
		uint32_t bit = (uint32_t)hash * salts[i] >> 27;

		block[i * 4 + bit / 8] |= (unsigned char)(1u << (bit % 8));
	}
}

/* A union whose member of number 1, an empty struct, is set. */
static void
put_only_choice(struct pp_thrift *t, int id)
{
	pp_thrift_begin(t, id);
	pp_thrift_begin(t, 1);
	pp_thrift_end(t);
	pp_thrift_end(t);
}

void
pp_pqbloom_put(struct pp_pqbloom *b, struct pp_buf *out)
{
	size_t bytes, at;
	struct pp_thrift t;

	sort_out(b);
	bytes = filter_bytes(b->count);
	pp_thrift_init(&t, out);
	pp_thrift_i32(&t, 1, (int32_t)bytes);
	put_only_choice(&t, 2); /* split blocks */
	put_only_choice(&t, 3); /* XXH64 */
	put_only_choice(&t, 4); /* not compressed */
	pp_thrift_end(&t);
	at = out->len;
	pp_buf_reserve(out, bytes);
	for (size_t i = 0; i < bytes; i++)
		out->data[at + i] = 0;
	out->len += bytes;
	for (size_t i = 0; i < b->count; i++)
		insert((unsigned char *)out->data + at, bytes, b->hashes[i]);
}

void
pp_pqbloom_clear(struct pp_pqbloom *b)
{
	b->count = 0;
}

void
pp_pqbloom_release(struct pp_pqbloom *b)
{
	free(b->hashes);
	*b = (struct pp_pqbloom)PP_PQBLOOM_INIT;
}
