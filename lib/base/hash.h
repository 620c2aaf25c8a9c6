/*
 * Digests and check sums. SHA-256 chains batches and names answers; CRC-32C
 * (RFC 3720, Castagnoli) guards journal records; CRC-32 (ISO-HDLC) is that of
 * gzip, PNG and Parquet pages; pp_hash64() is for tables in memory.
 */
#ifndef PP_BASE_HASH_H
#define PP_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define PP_SHA256_BYTES 32
#define PP_SHA256_HEX_BYTES 65	/* with the NUL */

struct pp_sha256;

/* Returns owned (pp_sha256_free()). Reusable after pp_sha256_final(). */
struct pp_sha256 *pp_sha256_new(void);
void	pp_sha256_free(struct pp_sha256 *h);
void	pp_sha256_add(struct pp_sha256 *h, const void *data, size_t len);
void	pp_sha256_final(struct pp_sha256 *h, unsigned char out[PP_SHA256_BYTES]);

/* In one go, as lower-case hex. Returns `out`. */
char	*pp_sha256_hex(const void *data, size_t len,
	    char out[PP_SHA256_HEX_BYTES]);

/* Lower-case hex of `len` bytes and a NUL into out[2 * len + 1]. */
char	*pp_hex(const unsigned char *data, size_t len, char *out);

/* `crc` is 0 at first, then the value so far. */
uint32_t pp_crc32c(uint32_t crc, const void *data, size_t len);
uint32_t pp_crc32(uint32_t crc, const void *data, size_t len);

/* XXH64, which files of others are made with; pp_hash64() is faster here. */
uint64_t pp_xxh64(const void *data, size_t len, uint64_t seed);

/* A fast 64-bit hash of bytes under a seed (wyhash's mixing). */
uint64_t pp_hash64(const void *data, size_t len, uint64_t seed);

#endif
