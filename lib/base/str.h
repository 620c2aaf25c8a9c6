/*
 * Strings from outside: UTF-8 and numbers with units.
 */
#ifndef PP_BASE_STR_H
#define PP_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Whether the bytes are UTF-8 as RFC 3629 has it: no overlong forms, no
 * surrogates, nothing above U+10FFFF. If not, `*bad` (may be NULL) is the
 * offset of the first byte that is wrong.
 */
bool	pp_utf8_valid(const char *s, size_t len, size_t *bad);

/*
 * Decode the code point at s[0]; len > 0. Returns its length in bytes, 1 to 4,
 * or 0 when the bytes are not UTF-8.
 */
size_t	pp_utf8_decode(const char *s, size_t len, uint32_t *cp);

/* Write `cp` to out[4]. Returns the number of bytes; 0 for no code point. */
size_t	pp_utf8_encode(uint32_t cp, char out[4]);

/* Code points in valid UTF-8. */
size_t	pp_utf8_count(const char *s, size_t len);

/*
 * A decimal integer from `min` to `max`, all of `s`; no sign for unsigned
 * ones, no blanks. `what` names it in errors ("--concurrency").
 * Returns 0, or -1 with PP_EUSAGE.
 */
int	pp_parse_int(const char *s, const char *what, int64_t min, int64_t max,
	    int64_t *out, struct pp_error *err);

/* A variable of the environment; NULL when it is unset or empty. */
const char *pp_env(const char *name);

/*
 * pp_parse_int() of a variable of the environment. Returns 1, or 0 when it is
 * unset or empty and `*out` is as it was, or -1 with PP_ECONFIG.
 */
int	pp_env_int(const char *name, int64_t min, int64_t max, int64_t *out,
	    struct pp_error *err);

/*
 * "30s", "250ms", "10m", "2h", "7d", "1w", a bare number is seconds. Half a
 * millisecond is rounded up.
 */
int	pp_parse_duration_ms(const char *s, const char *what, int64_t *ms,
	    struct pp_error *err);

/*
 * "8MiB", "512KiB", "64k" (1000), "1GB"; a bare number is bytes. Half a byte
 * is rounded up.
 */
int	pp_parse_size(const char *s, const char *what, int64_t *bytes,
	    struct pp_error *err);

bool	pp_starts_with(const char *s, const char *prefix);
bool	pp_ends_with(const char *s, const char *suffix);

/*
 * The edit distance of two short words, for "did you mean"; INT_MAX when
 * either is longer than 64 bytes.
 */
int	pp_edit_distance(const char *a, const char *b);

/*
 * Whether `name` is fit to name a template, a seed set or a step: 1 to 128 of
 * A-Z a-z 0-9 . _ -, not beginning with a dot or a dash.
 */
bool	pp_name_valid(const char *name);

#endif
