#include <config.h>

#include "aws/uri.h"

#include <string.h>

static bool
is_unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	    c == '~';
}

/* Runs of plain bytes go over in one piece. */
void
pp_uri_encode(struct pp_buf *out, const char *s, size_t len, bool slash)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		char escape[3] = { '%', digits[c >> 4], digits[c & 15] };

		if (is_unreserved(c) || (slash && c == '/'))
			continue;
		pp_buf_add(out, s + from, i - from);
		pp_buf_add(out, escape, sizeof escape);
		from = i + 1;
	}
	pp_buf_add(out, s + from, len - from);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

void
pp_uri_decode(struct pp_buf *out, const char *s, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i + 2 < len; i++) {
		int high, low;

		if (s[i] != '%' || (high = hex_digit(s[i + 1])) < 0 ||
		    (low = hex_digit(s[i + 2])) < 0)
			continue;
		pp_buf_add(out, s + from, i - from);
		pp_buf_addc(out, (char)(high << 4 | low));
		i += 2;
		from = i + 1;
	}
	pp_buf_add(out, s + from, len - from);
}

void
pp_uri_add_query(struct pp_buf *out, const char *name, const char *value)
{
	if (out->len > 0)
		pp_buf_addc(out, '&');
	pp_uri_encode(out, name, strlen(name), false);
	if (value == NULL)
		return;
	pp_buf_addc(out, '=');
	pp_uri_encode(out, value, strlen(value), false);
}
