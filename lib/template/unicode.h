/*
 * Characters as Python sees them: classes, case, digits. The tables are made
 * by tests/support/make-unicode-tables.py.
 */
#ifndef PP_TEMPLATE_UNICODE_H
#define PP_TEMPLATE_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum pp_uc {
	PP_UC_ALPHA = 1 << 0,
	PP_UC_DECIMAL = 1 << 1,
	PP_UC_DIGIT = 1 << 2,
	PP_UC_NUMERIC = 1 << 3,
	PP_UC_SPACE = 1 << 4,
	PP_UC_UPPER = 1 << 5,
	PP_UC_LOWER = 1 << 6,
	PP_UC_TITLE = 1 << 7,
	PP_UC_PRINTABLE = 1 << 8,
	PP_UC_ID_START = 1 << 9,
	PP_UC_ID_CONTINUE = 1 << 10,
	PP_UC_CASED = 1 << 11,
	PP_UC_CASE_IGNORABLE = 1 << 12
};

enum pp_case { PP_CASE_UPPER, PP_CASE_LOWER, PP_CASE_TITLE, PP_CASE_FOLD };

/* The classes of a character, of enum pp_uc. */
unsigned pp_uc(uint32_t cp);

/* 0 to 9, or -1: no decimal digit. */
int	pp_uc_digit(uint32_t cp);

/* \w of Python's regular expressions: isalnum() or "_". */
bool	pp_uc_word(uint32_t cp);

/* The character in another case: 1 to 3 characters. Returns how many. */
int	pp_uc_case(uint32_t cp, enum pp_case to, uint32_t out[3]);

/* Append the whole text in another case, with the final sigma rule. */
void	pp_put_case(struct pp_buf *out, const char *s, size_t len,
	    enum pp_case to);

/* ASCII bytes to another case; others stay. `to` may be `from`. */
void	pp_ascii_case(char *to, const char *from, size_t len, bool upper);

/* str.capitalize(), str.title() and str.swapcase(). */
void	pp_put_capitalized(struct pp_buf *out, const char *s, size_t len);
void	pp_put_titled(struct pp_buf *out, const char *s, size_t len);
void	pp_put_swapped(struct pp_buf *out, const char *s, size_t len);

/* The character at s[*at], which moves behind it. */
static inline uint32_t
pp_next_char(const char *s, size_t len, size_t *at)
{
	const unsigned char *p = (const unsigned char *)s + *at;
	size_t left = len - *at;

	if (p[0] < 0x80 || left < 2) {
		*at += 1;
		return p[0];
	}
	if (p[0] < 0xe0 || left < 3) {
		*at += 2;
		return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
	}
	if (p[0] < 0xf0 || left < 4) {
		*at += 3;
		return (uint32_t)(p[0] & 0x0f) << 12 |
		    (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	}
	*at += 4;
	return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
	    (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
}

/* The byte where the character before s[at] begins; at > 0. */
static inline size_t
pp_char_before(const char *s, size_t at)
{
	do
		at--;
	while (at > 0 && ((unsigned char)s[at] & 0xc0) == 0x80);
	return at;
}

/* Append one character. */
void	pp_put_char(struct pp_buf *out, uint32_t cp);

#endif
