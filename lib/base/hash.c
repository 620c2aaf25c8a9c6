#include <config.h>

#include "base/hash.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

#include "base/mem.h"

struct pp_sha256 {
	EVP_MD_CTX *ctx;
};

/* Fetched once: EVP_sha256() would be looked up again at each use. */
static const EVP_MD *
sha256_md(void)
{
	static EVP_MD *md;

	if (md == NULL) {
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
		if (md == NULL)
			abort();
	}
	return md;
}

static void
sha256_start(struct pp_sha256 *h)
{
	if (EVP_DigestInit_ex2(h->ctx, sha256_md(), NULL) != 1)
		abort();
}

struct pp_sha256 *
pp_sha256_new(void)
{
	struct pp_sha256 *h = pp_calloc(1, sizeof *h);

	h->ctx = EVP_MD_CTX_new();
	if (h->ctx == NULL)
		abort();
	sha256_start(h);
	return h;
}

void
pp_sha256_free(struct pp_sha256 *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void
pp_sha256_add(struct pp_sha256 *h, const void *data, size_t len)
{
	if (EVP_DigestUpdate(h->ctx, data, len) != 1)
		abort();
}

void
pp_sha256_final(struct pp_sha256 *h, unsigned char out[PP_SHA256_BYTES])
{
	if (EVP_DigestFinal_ex(h->ctx, out, NULL) != 1)
		abort();
	sha256_start(h);
}

char *
pp_hex(const unsigned char *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[data[i] >> 4];
		out[2 * i + 1] = digits[data[i] & 15];
	}
	out[2 * len] = '\0';
	return out;
}

char *
pp_sha256_hex(const void *data, size_t len, char out[PP_SHA256_HEX_BYTES])
{
	struct pp_sha256 *h = pp_sha256_new();
	unsigned char digest[PP_SHA256_BYTES];

	pp_sha256_add(h, data, len);
	pp_sha256_final(h, digest);
	pp_sha256_free(h);
	return pp_hex(digest, sizeof digest, out);
}

/* Eight tables: eight bytes a step ("slicing by 8", Intel 2006). */
struct crc_tables {
	uint32_t t[8][256];
};

static void
crc_fill(struct crc_tables *c, uint32_t polynomial)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t r = i;

		for (int k = 0; k < 8; k++)
			r = r >> 1 ^ (r & 1 ? polynomial : 0);
		c->t[0][i] = r;
	}
	for (int k = 1; k < 8; k++) {
		for (int i = 0; i < 256; i++) {
			uint32_t r = c->t[k - 1][i];

			c->t[k][i] = r >> 8 ^ c->t[0][r & 255];
		}
	}
}

static uint32_t
crc_update(const struct crc_tables *c, uint32_t crc, const void *data,
    size_t len)
{
	const unsigned char *p = data;

	crc = ~crc;
	for (; len >= 8; len -= 8, p += 8) {
		uint32_t lo = crc ^
		    ((uint32_t)p[0] | (uint32_t)p[1] << 8 |
			(uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);

		crc = c->t[7][lo & 255] ^ c->t[6][lo >> 8 & 255] ^
		    c->t[5][lo >> 16 & 255] ^ c->t[4][lo >> 24] ^
		    c->t[3][p[4]] ^ c->t[2][p[5]] ^ c->t[1][p[6]] ^
		    c->t[0][p[7]];
	}
	for (; len > 0; len--, p++)
		crc = crc >> 8 ^ c->t[0][(crc ^ *p) & 255];
	return ~crc;
}

/* Threads may ask at once. */
static struct crc_tables castagnoli, ieee;
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void
crc_fill_all(void)
{
	crc_fill(&castagnoli, 0x82f63b78);
	crc_fill(&ieee, 0xedb88320);
}

/*
 * Processors of Intel and AMD since 2011 have an instruction for CRC-32C and
 * one that multiplies polynomials, which serves for the other.
 */
#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_CRC_INSTRUCTIONS 1

__attribute__((target("sse4.2"))) static uint32_t
crc32c_by_instruction(uint32_t crc, const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t c = ~crc, word;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&word, p, 8);
		c = __builtin_ia32_crc32di(c, word);
	}
	for (; len > 0; len--, p++)
		c = __builtin_ia32_crc32qi((uint32_t)c, *p);
	return ~(uint32_t)c;
}

#define FOLD_BYTES 64

/* `x` moved on by as many bytes as `by` is for, and `more` put to it. */
__attribute__((target("pclmul"))) static inline __m128i
fold(__m128i x, __m128i by, __m128i more)
{
	return _mm_xor_si128(more,
	    _mm_xor_si128(_mm_clmulepi64_si128(x, by, 0x00),
		_mm_clmulepi64_si128(x, by, 0x11)));
}

/*
 * The 16 bytes whose CRC, begun with nothing, is that of the first `len` bytes
 * begun with `crc`; `len` is a multiple of FOLD_BYTES and not 0. ("Fast CRC
 * Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel
 * 2009; the constants are x^(n+32) and x^(n-32) modulo the polynomial, all bit
 * by bit in reverse, for n = 512 and 128.)
 */
__attribute__((target("pclmul"))) static void
crc32_fold(uint32_t crc, const void *data, size_t len, unsigned char to[16])
{
	const __m128i by_64 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
	const __m128i by_16 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
	const __m128i *p = data;
	__m128i x[4];

	for (int i = 0; i < 4; i++)
		x[i] = _mm_loadu_si128(p++);
	x[0] = _mm_xor_si128(x[0], _mm_cvtsi32_si128((int)~crc));
	for (; len > FOLD_BYTES; len -= FOLD_BYTES)
		for (int i = 0; i < 4; i++)
			x[i] = fold(x[i], by_64, _mm_loadu_si128(p++));
	for (int i = 1; i < 4; i++)
		x[0] = fold(x[0], by_16, x[i]);
	_mm_storeu_si128((__m128i *)(void *)to, x[0]);
}
#endif

uint32_t
pp_crc32c(uint32_t crc, const void *data, size_t len)
{
#ifdef HAVE_CRC_INSTRUCTIONS
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_by_instruction(crc, data, len);
#endif
	pthread_once(&crc_once, crc_fill_all);
	return crc_update(&castagnoli, crc, data, len);
}

uint32_t
pp_crc32(uint32_t crc, const void *data, size_t len)
{
	const unsigned char *p = data;

	pthread_once(&crc_once, crc_fill_all);
#ifdef HAVE_CRC_INSTRUCTIONS
	if (len >= FOLD_BYTES && __builtin_cpu_supports("pclmul")) {
		size_t folded = len - len % FOLD_BYTES;
		unsigned char rest[16];

		crc32_fold(crc, p, folded, rest);
		crc = crc_update(&ieee, UINT32_MAX, rest, sizeof rest);
		p += folded;
		len -= folded;
	}
#endif
	return crc_update(&ieee, crc, p, len);
}

static uint64_t
mul_fold(uint64_t a, uint64_t b)
{
	__uint128_t m = (__uint128_t)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t
load(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

uint64_t
pp_hash64(const void *data, size_t len, uint64_t seed)
{
	const uint64_t k0 = UINT64_C(0xa0761d6478bd642f);
	const uint64_t k1 = UINT64_C(0xe7037ed1a0b428db);
	const unsigned char *p = data;
	uint64_t h = seed ^ k0;
	size_t n = len;

	for (; n > 16; n -= 16, p += 16)
		h = mul_fold(load(p, 8) ^ k1, load(p + 8, 8) ^ h);
	if (n > 8)
		h = mul_fold(load(p, 8) ^ k1, load(p + 8, n - 8) ^ h);
	else if (n > 0)
		h = mul_fold(load(p, n) ^ k1, h);
	return mul_fold(h ^ k0, (uint64_t)len ^ k1);
}

/* ---- XXH64: "xxHash fast digest algorithm", 0.1.1 ---- */

#define XXH_1 UINT64_C(0x9e3779b185ebca87)
#define XXH_2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define XXH_3 UINT64_C(0x165667b19e3779f9)
#define XXH_4 UINT64_C(0x85ebca77c2b2ae63)
#define XXH_5 UINT64_C(0x27d4eb2f165667c5)

static uint64_t
rotate(uint64_t v, int bits)
{
	return v << bits | v >> (64 - bits);
}

static uint64_t
xxh_round(uint64_t acc, uint64_t lane)
{
	return rotate(acc + lane * XXH_2, 31) * XXH_1;
}

static uint64_t
xxh_merge(uint64_t h, uint64_t acc)
{
	return (h ^ xxh_round(0, acc)) * XXH_1 + XXH_4;
}

/* Stripes of 32 bytes in four accumulators. */
static uint64_t
xxh_stripes(const unsigned char **p, size_t *n, uint64_t seed)
{
	uint64_t a = seed + XXH_1 + XXH_2, b = seed + XXH_2, c = seed;
	uint64_t d = seed - XXH_1, h;

	for (; *n >= 32; *n -= 32, *p += 32) {
		a = xxh_round(a, load(*p, 8));
		b = xxh_round(b, load(*p + 8, 8));
		c = xxh_round(c, load(*p + 16, 8));
		d = xxh_round(d, load(*p + 24, 8));
	}
	h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
	h = xxh_merge(h, a);
	h = xxh_merge(h, b);
	h = xxh_merge(h, c);
	return xxh_merge(h, d);
}

uint64_t
pp_xxh64(const void *data, size_t len, uint64_t seed)
{
	const unsigned char *p = data;
	size_t n = len;
	uint64_t h = n >= 32 ? xxh_stripes(&p, &n, seed) : seed + XXH_5;

	h += len;
	for (; n >= 8; n -= 8, p += 8)
		h = rotate(h ^ xxh_round(0, load(p, 8)), 27) * XXH_1 + XXH_4;
	if (n >= 4) {
		h = rotate(h ^ load(p, 4) * XXH_1, 23) * XXH_2 + XXH_3;
		n -= 4;
		p += 4;
	}
	for (; n > 0; n--, p++)
		h = rotate(h ^ *p * XXH_5, 11) * XXH_1;
	h = (h ^ h >> 33) * XXH_2;
	h = (h ^ h >> 29) * XXH_3;
	return h ^ h >> 32;
}
