#include <config.h>

#include "template/unicode.h"

#include "base/str.h"

struct uc_record {
	uint16_t flags;
	int32_t delta[3]; /* to upper, lower and title case */
	uint8_t digit;	  /* value + 1 */
};

struct uc_special {
	uint32_t cp;
	uint8_t kind;	/* enum pp_case */
	uint32_t to[3]; /* 0: no more */
};

#include "template/unicode_tables.inc"

static const struct uc_record *
record_of(uint32_t cp)
{
	if (cp >= 0x110000)
		return &uc_records[0];
	return &uc_records[uc_blocks[(size_t)uc_first[cp >> UC_SHIFT]
		<< UC_SHIFT |
	    (cp & ((1u << UC_SHIFT) - 1))]];
}

unsigned
pp_uc(uint32_t cp)
{
	return record_of(cp)->flags;
}

int
pp_uc_digit(uint32_t cp)
{
	return record_of(cp)->digit - 1;
}

bool
pp_uc_word(uint32_t cp)
{
	return cp == '_' ||
	    (pp_uc(cp) &
		(PP_UC_ALPHA | PP_UC_DECIMAL | PP_UC_DIGIT | PP_UC_NUMERIC)) !=
	    0;
}

/* The rows of a character are in order of kind. */
static const struct uc_special *
find_special(uint32_t cp, enum pp_case kind)
{
	size_t low = 0, high = sizeof uc_specials / sizeof uc_specials[0];

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct uc_special *s = &uc_specials[mid];

		if (s->cp == cp && s->kind == kind)
			return s;
		if (s->cp < cp || (s->cp == cp && s->kind < kind))
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

int
pp_uc_case(uint32_t cp, enum pp_case to, uint32_t out[3])
{
	const struct uc_special *s;
	int n = 0;

	if (cp < 0x80) {
		bool upper = cp >= 'A' && cp <= 'Z';
		bool lower = cp >= 'a' && cp <= 'z';

		if (to == PP_CASE_UPPER || to == PP_CASE_TITLE)
			out[0] = lower ? cp - 32 : cp;
		else
			out[0] = upper ? cp + 32 : cp;
		return 1;
	}
	s = find_special(cp, to);
	if (s != NULL) {
		while (n < 3 && s->to[n] != 0) {
			out[n] = s->to[n];
			n++;
		}
		return n;
	}
	if (to == PP_CASE_FOLD)
		return pp_uc_case(cp, PP_CASE_LOWER, out);
	out[0] = (uint32_t)((int32_t)cp + record_of(cp)->delta[to]);
	return 1;
}

void
pp_put_char(struct pp_buf *out, uint32_t cp)
{
	char utf8[4];

	pp_buf_add(out, utf8, pp_utf8_encode(cp, utf8));
}

static void
put_mapped(struct pp_buf *out, uint32_t cp, enum pp_case to)
{
	uint32_t mapped[3];
	int n = pp_uc_case(cp, to, mapped);

	for (int i = 0; i < n; i++)
		pp_put_char(out, mapped[i]);
}

#define CAPITAL_SIGMA 0x3a3

/*
 * Unicode's Final_Sigma: a cased letter before it and none after it, case
 * ignorable characters not counted.
 */
static bool
sigma_is_final(const char *s, size_t len, size_t start, size_t end)
{
	size_t at = start;
	unsigned flags = 0;

	while (at > 0) {
		size_t before = pp_char_before(s, at), next = before;

		flags = pp_uc(pp_next_char(s, len, &next));
		if ((flags & PP_UC_CASE_IGNORABLE) == 0)
			break;
		at = before;
		flags = 0;
	}
	if ((flags & PP_UC_CASED) == 0)
		return false;
	for (at = end; at < len;) {
		flags = pp_uc(pp_next_char(s, len, &at));
		if ((flags & PP_UC_CASE_IGNORABLE) == 0)
			return (flags & PP_UC_CASED) == 0;
	}
	return true;
}

/* The character at s[start], as lower() makes it. */
static void
put_lower_at(struct pp_buf *out, const char *s, size_t len, size_t start,
    size_t end, uint32_t cp)
{
	if (cp == CAPITAL_SIGMA)
		pp_put_char(out,
		    sigma_is_final(s, len, start, end) ? 0x3c2 : 0x3c3);
	else
		put_mapped(out, cp, PP_CASE_LOWER);
}

#define EACH_BYTE UINT64_C(0x0101010101010101)

/* Eight bytes at once: bit 7 marks those from `low` to `high`. */
static uint64_t
in_range(uint64_t word, unsigned low, unsigned high)
{
	uint64_t seven = word & (0x7f * EACH_BYTE);
	uint64_t from = seven + (0x80 - low) * EACH_BYTE;
	uint64_t behind = seven + (0x7f - high) * EACH_BYTE;

	return (from ^ behind) & ~word & (0x80 * EACH_BYTE);
}

void
pp_ascii_case(char *to, const char *from, size_t len, bool upper)
{
	unsigned low = upper ? 'a' : 'A', high = low + 25;
	uint64_t word;
	size_t i = 0;

	for (; len - i >= 8; i += 8) {
		memcpy(&word, from + i, 8);
		word ^= in_range(word, low, high) >> 2;
		memcpy(to + i, &word, 8);
	}
	for (; i < len; i++) {
		unsigned char c = (unsigned char)from[i];

		to[i] = (char)(c ^ ((c >= low && c <= high) << 5));
	}
}

/* As many ASCII bytes as come first, into room made at once. */
static size_t
put_ascii_case(struct pp_buf *out, const char *s, size_t len, bool upper)
{
	size_t n = 0;

	while (n < len && (unsigned char)s[n] < 0x80)
		n++;
	if (n == 0 || pp_buf_reserve(out, n) < 0)
		return 0;
	pp_ascii_case(out->data + out->len, s, n, upper);
	out->len += n;
	out->data[out->len] = '\0';
	return n;
}

void
pp_put_case(struct pp_buf *out, const char *s, size_t len, enum pp_case to)
{
	size_t at = 0;

	if (len == 0)
		return;
	if (to != PP_CASE_TITLE)
		at = put_ascii_case(out, s, len, to == PP_CASE_UPPER);
	while (at < len) {
		size_t start = at;
		uint32_t cp = pp_next_char(s, len, &at);

		if (to == PP_CASE_LOWER)
			put_lower_at(out, s, len, start, at, cp);
		else
			put_mapped(out, cp, to);
	}
}

void
pp_put_capitalized(struct pp_buf *out, const char *s, size_t len)
{
	size_t at = 0;

	if (len == 0)
		return;
	put_mapped(out, pp_next_char(s, len, &at), PP_CASE_TITLE);
	while (at < len) {
		size_t start = at;
		uint32_t cp = pp_next_char(s, len, &at);

		put_lower_at(out, s, len, start, at, cp);
	}
}

void
pp_put_titled(struct pp_buf *out, const char *s, size_t len)
{
	bool inside = false;

	for (size_t at = 0; at < len;) {
		size_t start = at;
		uint32_t cp = pp_next_char(s, len, &at);

		if (inside)
			put_lower_at(out, s, len, start, at, cp);
		else
			put_mapped(out, cp, PP_CASE_TITLE);
		inside = (pp_uc(cp) & PP_UC_CASED) != 0;
	}
}

void
pp_put_swapped(struct pp_buf *out, const char *s, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t start = at;
		uint32_t cp = pp_next_char(s, len, &at);
		unsigned flags = pp_uc(cp);

		if (flags & PP_UC_UPPER)
			put_lower_at(out, s, len, start, at, cp);
		else if (flags & PP_UC_LOWER)
			put_mapped(out, cp, PP_CASE_UPPER);
		else
			pp_put_char(out, cp);
	}
}
