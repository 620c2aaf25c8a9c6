#include <config.h>

#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool
is_continuation(const char *s, size_t i)
{
	return ((unsigned char)s[i] & 0xc0) == 0x80;
}

size_t
pp_utf8_decode(const char *s, size_t len, uint32_t *cp)
{
	uint32_t c = (unsigned char)s[0];

	if (c < 0x80) {
		*cp = c;
		return 1;
	}
	if (c >= 0xc2 && c <= 0xdf) {
		if (len < 2 || !is_continuation(s, 1))
			return 0;
		*cp = (c & 0x1f) << 6 | ((unsigned char)s[1] & 0x3f);
		return 2;
	}
	if (c >= 0xe0 && c <= 0xef) {
		if (len < 3 || !is_continuation(s, 1) || !is_continuation(s, 2))
			return 0;
		c = (c & 0x0f) << 12 | ((uint32_t)s[1] & 0x3f) << 6 |
		    ((uint32_t)s[2] & 0x3f);
		if (c < 0x800 || (c >= 0xd800 && c <= 0xdfff))
			return 0;
		*cp = c;
		return 3;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		if (len < 4 || !is_continuation(s, 1) ||
		    !is_continuation(s, 2) || !is_continuation(s, 3))
			return 0;
		c = (c & 0x07) << 18 | ((uint32_t)s[1] & 0x3f) << 12 |
		    ((uint32_t)s[2] & 0x3f) << 6 | ((uint32_t)s[3] & 0x3f);
		if (c < 0x10000 || c > 0x10ffff)
			return 0;
		*cp = c;
		return 4;
	}
	return 0;
}

size_t
pp_utf8_encode(uint32_t cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		if (cp >= 0xd800 && cp <= 0xdfff)
			return 0;
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	if (cp > 0x10ffff)
		return 0;
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

/* Eight bytes at a time while they are ASCII, which most text is. */
bool
pp_utf8_valid(const char *s, size_t len, size_t *bad)
{
	size_t i = 0, n;
	uint64_t word;
	uint32_t cp;

	while (i < len) {
		while (len - i >= 8) {
			memcpy(&word, s + i, 8);
			if (word & UINT64_C(0x8080808080808080))
				break;
			i += 8;
		}
		if (i >= len)
			break;
		if ((unsigned char)s[i] < 0x80) {
			i++;
			continue;
		}
		n = pp_utf8_decode(s + i, len - i, &cp);
		if (n == 0) {
			if (bad != NULL)
				*bad = i;
			return false;
		}
		i += n;
	}
	return true;
}

size_t
pp_utf8_count(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += !is_continuation(s, i);
	return n;
}

int
pp_parse_int(const char *s, const char *what, int64_t min, int64_t max,
    int64_t *out, struct pp_error *err)
{
	long long v;
	char *end;

	errno = 0;
	v = strtoll(s, &end, 10);
	if (end == s || *end != '\0' || isspace((unsigned char)s[0]) ||
	    s[0] == '+')
		return pp_error_set(err, PP_EUSAGE,
		    "%s must be a whole number, not '%s'", what, s);
	if (errno == ERANGE || v < min || v > max)
		return pp_error_set(err, PP_EUSAGE,
		    "%s must be from %lld to %lld, not '%s'", what,
		    (long long)min, (long long)max, s);
	*out = v;
	return 0;
}

const char *
pp_env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

int
pp_env_int(const char *name, int64_t min, int64_t max, int64_t *out,
    struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;
	const char *text = pp_env(name);

	if (text == NULL)
		return 0;
	if (pp_parse_int(text, name, min, max, out, &why) < 0)
		return pp_error_set(err, PP_ECONFIG, "%s", why.text);
	return 1;
}

struct unit {
	const char *name;
	int64_t factor;
};

/* What a size or a duration may be, and how fine its fraction is read. */
#define MOST_UNITS UINT64_C(9000000000000000000)
#define FINEST_SCALE UINT64_C(1000000000000000000)

/* `whole` + `part` / `scale`. */
struct decimal {
	uint64_t whole, part, scale;
};

/* Digits, perhaps with a fraction; where they end, or NULL for too many. */
static const char *
read_decimal(const char *s, struct decimal *d)
{
	*d = (struct decimal){ .scale = 1 };
	for (; isdigit((unsigned char)*s); s++) {
		if (d->whole > MOST_UNITS / 10)
			return NULL;
		d->whole = d->whole * 10 + (uint64_t)(*s - '0');
	}
	if (*s != '.')
		return s;
	for (s++; isdigit((unsigned char)*s); s++) {
		if (d->scale == FINEST_SCALE)
			continue;
		d->part = d->part * 10 + (uint64_t)(*s - '0');
		d->scale *= 10;
	}
	return s;
}

/*
 * A number, perhaps with a fraction, and a unit out of `units`; a half is
 * rounded up. In whole numbers: how fine a long double is, and so where
 * "0.0000635M" is rounded to, depends on the processor.
 */
static int
parse_with_unit(const char *s, const char *what, const struct unit *units,
    const char *example, int64_t *out, struct pp_error *err)
{
	const char *end = NULL;
	struct decimal d;

	if (isdigit((unsigned char)s[0]))
		end = read_decimal(s, &d);
	for (; end != NULL && units->name != NULL; units++) {
		__uint128_t v, factor = (__uint128_t)units->factor;

		if (strcmp(end, units->name) != 0)
			continue;
		v = d.whole * factor +
		    (d.part * factor + d.scale / 2) / d.scale;
		if (v > MOST_UNITS)
			break;
		*out = (int64_t)v;
		return 0;
	}
	return pp_error_set(err, PP_EUSAGE, "%s must be like %s, not '%s'",
	    what, example, s);
}

int
pp_parse_duration_ms(const char *s, const char *what, int64_t *ms,
    struct pp_error *err)
{
	static const struct unit units[] = { { "", 1000 }, { "ms", 1 },
		{ "s", 1000 }, { "m", 60000 }, { "min", 60000 },
		{ "h", 3600000 }, { "d", 86400000 }, { "w", 604800000 },
		{ NULL, 0 } };

	return parse_with_unit(s, what, units, "30s, 250ms or 10m", ms, err);
}

int
pp_parse_size(const char *s, const char *what, int64_t *bytes,
    struct pp_error *err)
{
	static const struct unit units[] = { { "", 1 }, { "B", 1 },
		{ "k", 1000 }, { "kB", 1000 }, { "KB", 1000 }, { "M", 1000000 },
		{ "MB", 1000000 }, { "G", 1000000000 }, { "GB", 1000000000 },
		{ "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 },
		{ NULL, 0 } };

	return parse_with_unit(s, what, units, "512KiB, 8MiB or 1GB", bytes,
	    err);
}

bool
pp_starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
pp_ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

int
pp_edit_distance(const char *a, const char *b)
{
	int row[65];
	size_t n = strlen(a), m = strlen(b);

	if (n > 64 || m > 64)
		return INT_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= n; i++) {
		int diagonal = row[0];

		row[0] = (int)i;
		for (size_t j = 1; j <= m; j++) {
			int best = diagonal + (a[i - 1] != b[j - 1]);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[m];
}

bool
pp_name_valid(const char *name)
{
	size_t len = strlen(name);

	if (len < 1 || len > 128 || name[0] == '.' || name[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isascii((unsigned char)name[i]) ||
		    (!isalnum((unsigned char)name[i]) &&
			strchr("._-", name[i]) == NULL))
			return false;
	}
	return true;
}
