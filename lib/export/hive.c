#include <config.h>

#include "export/hive.h"

#include <stdbool.h>
#include <string.h>

#include "base/hash.h"

#define MAX_VALUE_BYTES 180

static bool
is_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || (c != '\0' && strchr("._-+,@~", c));
}

/* Cut after `start`, not within a %XX, and tell it from its like. */
static void
shorten(struct pp_buf *out, size_t start, const char *value, size_t len)
{
	char hex[PP_SHA256_HEX_BYTES];
	size_t end = start + MAX_VALUE_BYTES - 17;

	if (out->data[end - 1] == '%')
		end--;
	else if (out->data[end - 2] == '%')
		end -= 2;
	pp_buf_truncate(out, end);
	pp_sha256_hex(value, len, hex);
	pp_buf_addf(out, "-%.16s", hex);
}

void
pp_hive_put(struct pp_buf *out, const char *key, const char *value, size_t len)
{
	bool is_null_name = len == strlen(PP_HIVE_NULL) &&
	    memcmp(value, PP_HIVE_NULL, len) == 0;
	size_t start;

	pp_buf_adds(out, key);
	pp_buf_addc(out, '=');
	start = out->len;
	if (len == 0)
		pp_buf_adds(out, PP_HIVE_NULL);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];

		if (is_plain(c) && !(i == 0 && (c == '.' || is_null_name)))
			pp_buf_addc(out, (char)c);
		else
			pp_buf_addf(out, "%%%02X", c);
		if (out->len - start > MAX_VALUE_BYTES + 3)
			break; /* it is cut below, whatever follows */
	}
	if (out->len - start > MAX_VALUE_BYTES)
		shorten(out, start, value, len);
	pp_buf_addc(out, '/');
}
