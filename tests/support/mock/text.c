#include "mock.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVERY_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

void
text_need(struct text *t, size_t more)
{
	size_t cap = t->cap > 0 ? t->cap : 2048;

	if (t->cap - t->len >= more && t->cap > 0)
		return;
	while (cap - t->len < more)
		cap *= 2;
	t->data = realloc(t->data, cap);
	if (t->data == NULL)
		abort();
	t->cap = cap;
}

void
text_add(struct text *t, const void *data, size_t len)
{
	text_need(t, len);
	memcpy(t->data + t->len, data, len);
	t->len += len;
}

void
text_adds(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void
text_addf(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	for (size_t room = 512;; room = (size_t)n + 1) {
		text_need(t, room);
		va_start(ap, fmt);
		n = vsnprintf(t->data + t->len, t->cap - t->len, fmt, ap);
		va_end(ap);
		if (n < 0)
			abort();
		if ((size_t)n < t->cap - t->len)
			break;
	}
	t->len += (size_t)n;
}

void
text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){ .data = NULL };
}

bool
has_special(uint64_t word, bool control)
{
	uint64_t quote = word ^ EVERY_BYTE('"');
	uint64_t slash = word ^ EVERY_BYTE('\\');
	uint64_t found = ((quote - EVERY_BYTE(1)) & ~quote) |
	    ((slash - EVERY_BYTE(1)) & ~slash);

	if (control)
		found |= (word - EVERY_BYTE(32)) & ~word;
	return (found & EVERY_BYTE(0x80)) != 0;
}

void
text_add_json(struct text *t, const char *s, size_t len)
{
	uint64_t word;
	char *out;

	text_need(t, len * 6 + 8);
	out = t->data + t->len;
	for (size_t i = 0; i < len; i++) {
		unsigned char c;

		while (len - i > 8) {
			memcpy(&word, s + i, 8);
			if (has_special(word, true))
				break;
			memcpy(out, &word, 8);
			out += 8;
			i += 8;
		}
		c = (unsigned char)s[i];
		if (c == '"' || c == '\\') {
			*out++ = '\\';
			*out++ = (char)c;
		} else if (c < 32) {
			out += snprintf(out, 7, "\\u%04x", c);
		} else {
			*out++ = (char)c;
		}
	}
	t->len = (size_t)(out - t->data);
}

uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

double
unit(uint64_t x)
{
	return (double)(mix(x) >> 11) * 0x1.0p-53;
}

uint64_t
hash_bytes(uint64_t h, const char *p, size_t len)
{
	uint64_t word;

	h ^= len * UINT64_C(0x9e3779b97f4a7c15);
	while (len > 0) {
		size_t n = len < 8 ? len : 8;

		word = 0;
		memcpy(&word, p, n);
		h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
		p += n;
		len -= n;
	}
	return h;
}

int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
