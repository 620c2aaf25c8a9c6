/*
 * The Bloom filter of a column in a row group: whether a value is not there
 * can be told from some bytes, without reading pages. Split blocks of 256
 * bits, XXH64 ("BloomFilter.md" of the Parquet format). One value in a hundred
 * that is not there seems to be.
 */
#ifndef PP_EXPORT_PQBLOOM_H
#define PP_EXPORT_PQBLOOM_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct pp_pqbloom {
	uint64_t *hashes;	/* of the values, some more than once */
	size_t count, cap;
};

#define PP_PQBLOOM_INIT { .hashes = NULL }

/* A value in its PLAIN encoding, without a length. */
void	pp_pqbloom_see(struct pp_pqbloom *b, const void *value, size_t len);

/* Append struct BloomFilterHeader and the filter. */
void	pp_pqbloom_put(struct pp_pqbloom *b, struct pp_buf *out);
void	pp_pqbloom_clear(struct pp_pqbloom *b);
void	pp_pqbloom_release(struct pp_pqbloom *b);

#endif
