#include <config.h>

#include "template/lexer_literal.h"

#include <stdlib.h>

#include "base/str.h"
#include "template/unicode.h"

/* ---- numbers ---- */

static bool
is_digit(char c, int base)
{
	if (base <= 10)
		return c >= '0' && c < '0' + base;
	/* 0x20 would make digits of control characters */
	return (c >= '0' && c <= '9') ||
	    ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static char
at(const struct pp_lexer *l, size_t i)
{
	return i < l->len ? l->text[i] : '\0';
}

/* Digits with single underscores between them; where they end. */
static size_t
digits(const struct pp_lexer *l, size_t i, int base)
{
	size_t start = i;

	for (;;) {
		if (is_digit(at(l, i), base))
			i++;
		else if (i > start && at(l, i) == '_' &&
		    is_digit(at(l, i + 1), base))
			i++;
		else
			return i;
	}
}

/* 0x, 0o and 0b; an underscore may follow the letter. */
static size_t
prefixed(const struct pp_lexer *l, size_t i, int *base, size_t *first)
{
	char c = (char)(at(l, i + 1) | 0x20);

	*base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 0;
	if (at(l, i) != '0' || *base == 0)
		return 0;
	i += 2;
	if (at(l, i) == '_')
		i++;
	*first = i;
	return is_digit(at(l, i), *base) ? digits(l, i, *base) : 0;
}

/* Where the float that begins with `whole` digits ends, or 0. */
static size_t
float_end(const struct pp_lexer *l, size_t start, size_t whole)
{
	size_t end = whole, i = whole;

	if (start > 0 && l->text[start - 1] == '.')
		return 0;
	if (at(l, i) == '.' && is_digit(at(l, i + 1), 10))
		i = end = digits(l, i + 1, 10);
	if ((at(l, i) | 0x20) == 'e') {
		i++;
		if (at(l, i) == '+' || at(l, i) == '-')
			i++;
		if (is_digit(at(l, i), 10))
			end = digits(l, i, 10);
	}
	return end > whole ? end : 0;
}

/* The digits without underscores, in the arena. */
static char *
plain(struct pp_lexer *l, size_t start, size_t end, size_t *len)
{
	char *s = pp_rt_alloc(l->rt, end - start + 1);

	*len = 0;
	if (s == NULL)
		return NULL;
	for (size_t i = start; i < end; i++) {
		if (l->text[i] != '_')
			s[(*len)++] = l->text[i];
	}
	s[*len] = '\0';
	return s;
}

static void
make_int(struct pp_lexer *l, struct pp_token *out, size_t start, size_t end,
    int base)
{
	size_t len;
	char *s = plain(l, start, end, &len);

	out->type = PP_TOK_INT;
	if (s == NULL)
		return;
	if (base == 10 && len > PP_MAX_INT_PRINT) {
		pp_fail(l->rt, PP_K_SYNTAX,
		    "an integer has more than %d digits", PP_MAX_INT_PRINT);
		l->rt->fault.pos = (uint32_t)start;
	} else
		out->value = pp_int_from_digits(l->rt, s, len, base, false);
}

size_t
pp_lex_number(struct pp_lexer *l, struct pp_token *out)
{
	size_t start = l->at, whole = digits(l, start, 10), end, first, len;
	int base;
	char *s;

	if (whole == start)
		return 0;
	end = prefixed(l, start, &base, &first);
	if (end != 0) {
		make_int(l, out, first, end, base);
		return end;
	}
	end = float_end(l, start, whole);
	if (end != 0) {
		s = plain(l, start, end, &len);
		out->type = PP_TOK_FLOAT;
		out->value = pp_float(s != NULL ? strtod(s, NULL) : 0);
		return end;
	}
	end = whole;
	if (l->text[start] == '0') {
		/* "000" is a number, "012" is two */
		for (end = start + 1; at(l, end) == '0' ||
		     (at(l, end) == '_' && at(l, end + 1) == '0');)
			end++;
	}
	make_int(l, out, start, end, 10);
	return end;
}

/* ---- strings ---- */

static int64_t
hex_value(const char *s, int digits_wanted)
{
	int64_t v = 0;

	for (int i = 0; i < digits_wanted; i++) {
		char c = s[i];

		if (!is_digit(c, 16))
			return -1;
		v = v * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v;
}

static void
put_code(struct pp_buf *b, uint32_t cp)
{
	char utf8[4];
	size_t n = pp_utf8_encode(cp, utf8);

	if (n == 0)
		pp_buf_add(b, "\xef\xbf\xbd", 3);
	else
		pp_buf_add(b, utf8, n);
}

/* A pair of surrogates is one character; what is left of one is U+FFFD. */
static const char *
unicode_escape(struct pp_buf *b, const char *s, const char *end, int width)
{
	int64_t cp = end - s >= width ? hex_value(s, width) : -1, low;

	if (cp < 0 || cp > 0x10ffff)
		return NULL;
	s += width;
	if (cp >= 0xd800 && cp < 0xdc00 && end - s >= 6 && s[0] == '\\' &&
	    s[1] == 'u') {
		low = hex_value(s + 2, 4);
		if (low >= 0xdc00 && low < 0xe000) {
			cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
			s += 6;
		}
	}
	put_code(b, (uint32_t)cp);
	return s;
}

static const char *
octal_escape(struct pp_buf *b, const char *s, const char *end)
{
	uint32_t v = 0;

	for (int i = 0; i < 3 && s < end && is_digit(*s, 8); i++)
		v = v * 8 + (uint32_t)(*s++ - '0');
	put_code(b, v);
	return s;
}

/* One escape; `s` is behind the backslash. Returns behind it, or NULL. */
static const char *
put_unescaped(struct pp_buf *b, const char *s, const char *end,
    const char **problem)
{
	static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
	const char *known = strchr(from, *s);

	if (*s == '\n')
		return s + 1;
	if (*s != '\0' && known != NULL) {
		pp_buf_addc(b, to[known - from]);
		return s + 1;
	}
	if (is_digit(*s, 8))
		return octal_escape(b, s, end);
	switch (*s) {
	case 'x':
		*problem = "truncated \\xXX escape";
		return unicode_escape(b, s + 1, end, 2);
	case 'u':
		*problem = "truncated \\uXXXX escape";
		return unicode_escape(b, s + 1, end, 4);
	case 'U':
		*problem = "truncated \\UXXXXXXXX escape";
		return unicode_escape(b, s + 1, end, 8);
	case 'N':
		*problem = "characters by name are not supported";
		return NULL;
	default: pp_buf_addc(b, '\\'); return s;
	}
}

static bool
unescape(struct pp_lexer *l, const char *s, const char *end,
    struct pp_value *out, const char **problem)
{
	struct pp_buf b = PP_BUF_INIT;

	while (s != NULL && s < end) {
		const char *slash = memchr(s, '\\', (size_t)(end - s));

		if (slash == NULL)
			slash = end;
		pp_buf_add(&b, s, (size_t)(slash - s));
		s = slash < end ? put_unescaped(&b, slash + 1, end, problem) :
				  end;
	}
	if (s != NULL)
		*out = pp_rt_str(l->rt, b.data, b.len);
	pp_buf_release(&b);
	return s != NULL;
}

size_t
pp_lex_string(struct pp_lexer *l, struct pp_token *out, const char **problem)
{
	char quote = l->text[l->at];
	const char *trouble = NULL;
	bool escaped = false;
	size_t i;

	if (quote != '\'' && quote != '"')
		return 0;
	for (i = l->at + 1; i < l->len && l->text[i] != quote; i++) {
		if (l->text[i] == '\\') {
			escaped = true;
			i++;
		}
	}
	if (i >= l->len) {
		*problem = "the string has no end";
		return 0;
	}
	out->type = PP_TOK_STRING;
	if (!escaped) {
		out->value = pp_str(l->text + l->at + 1, i - l->at - 1);
		if (pp_all_ascii(out->value.s, out->value.len))
			out->value.flags = PP_F_ASCII;
	} else if (!unescape(l, l->text + l->at + 1, l->text + i, &out->value,
		       &trouble)) {
		*problem = trouble;
		return 0;
	}
	return i + 1;
}
