/*
 * What the reader and the writer of JSON share: text eight bytes at a time,
 * and escapes.
 */
#ifndef PP_BASE_JSON_INT_H
#define PP_BASE_JSON_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PP_JSON_EVERY(b) (UINT64_C(0x0101010101010101) * (b))
#define PP_JSON_HIGH PP_JSON_EVERY(0x80)

/* The first byte in memory is the lowest one, on every machine. */
static inline uint64_t
pp_json_load_word(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	w = __builtin_bswap64(w);
#endif
	return w;
}

/*
 * The high bit of each byte that is '"', '\\' or a control character. Bits
 * above the lowest that is set may be wrong, since a subtraction borrows.
 * Bytes from 0x80 on come out right or wrong: mask or add them.
 */
static inline uint64_t
pp_json_special_bytes(uint64_t w)
{
	uint64_t quote = w ^ PP_JSON_EVERY('"');
	uint64_t slash = w ^ PP_JSON_EVERY('\\');

	return (quote - PP_JSON_EVERY(1)) | (slash - PP_JSON_EVERY(1)) |
	    (w - PP_JSON_EVERY(0x20));
}

static inline bool
pp_json_is_special(char c)
{
	return c == '"' || c == '\\' || (unsigned char)c < 0x20;
}

/* What stands for a one-letter escape, or 0. */
static inline char
pp_json_plain_escape(char c)
{
	switch (c) {
	case '"': case '\\': case '/': return c;
	case 'b': return '\b';
	case 'f': return '\f';
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	default: return 0;
	}
}

/*
 * The code point of an escape "\uXXXX" at p, or of a pair of them; U+FFFD for
 * half a pair, which `*lone` tells. Returns its length, or 0.
 */
size_t	pp_json_read_unicode(const char *p, const char *end, uint32_t *cp,
	    bool *lone);

#endif
