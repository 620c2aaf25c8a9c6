/*
 * Parquet's ways to write whole numbers in few bits: the hybrid of run lengths
 * and bit packing (levels, dictionary indices) and DELTA_BINARY_PACKED.
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/
 */
#ifndef PP_EXPORT_BITPACK_H
#define PP_EXPORT_BITPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Bits that values from 0 to `max` need; 0 for 0. */
int	pp_bits_for(uint64_t max);

/* Append `count` numbers of `bits` (1 to 32) as runs and packed groups. */
void	pp_hybrid_put(struct pp_buf *out, const uint32_t *v, size_t count,
	    int bits);
void	pp_hybrid_put_levels(struct pp_buf *out, const uint8_t *v,
	    size_t count, int bits);

/* Append `count` numbers; differences wrap around. */
void	pp_delta_put(struct pp_buf *out, const int64_t *v, size_t count);

/*
 * Read `count` numbers. `*used` (may be NULL) is how many bytes they took.
 * false when the bytes are no such thing.
 */
bool	pp_hybrid_get(const unsigned char *p, size_t len, int bits,
	    uint32_t *v, size_t count, size_t *used);
bool	pp_delta_get(const unsigned char *p, size_t len, int64_t *v,
	    size_t count, size_t *used);

#endif
