/* Text that grows, hashes, the clock. */
#include <config.h>

#include "mock.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void *
mock_realloc(void *p, size_t size)
{
	p = realloc(p, size);
	if (p == NULL)
		abort();
	return p;
}

char *
mock_strndup(const char *s, size_t n)
{
	char *copy = mock_realloc(NULL, n + 1);

	if (n > 0)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

void
text_reserve(struct text *t, size_t extra)
{
	size_t cap = t->cap > 0 ? t->cap : 512;

	if (t->cap - t->n >= extra && t->p != NULL)
		return;
	while (cap - t->n < extra)
		cap *= 2;
	t->p = mock_realloc(t->p, cap);
	t->cap = cap;
}

void
text_add(struct text *t, const void *s, size_t n)
{
	text_reserve(t, n);
	if (n > 0)
		memcpy(t->p + t->n, s, n);
	t->n += n;
}

void
text_adds(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

/* As vsnprintf(3), at the end; what does not fit is not there. */
static size_t
print_at_end(struct text *t, const char *fmt, va_list ap)
{
	int n = vsnprintf(t->p + t->n, t->cap - t->n, fmt, ap);

	if (n < 0)
		abort();
	return (size_t)n;
}

void
text_addf(struct text *t, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	text_reserve(t, 256);
	va_start(ap, fmt);
	n = print_at_end(t, fmt, ap);
	va_end(ap);
	if (n >= t->cap - t->n) {
		text_reserve(t, n + 1);
		va_start(ap, fmt);
		n = print_at_end(t, fmt, ap);
		va_end(ap);
	}
	t->n += n;
}

void
text_free(struct text *t)
{
	free(t->p);
	memset(t, 0, sizeof *t);
}

/* The finalizer of SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t
mix64(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

double
unit_of(uint64_t x)
{
	return (double)(mix64(x) >> 11) * 0x1.0p-53;
}

static uint64_t
hash_word(uint64_t h, uint64_t w)
{
	h = (h ^ w) * UINT64_C(0xff51afd7ed558ccd);
	return h ^ (h >> 32);
}

uint64_t
hash_bytes(uint64_t h, const char *p, size_t n)
{
	uint64_t w;

	h ^= n * UINT64_C(0x9e3779b97f4a7c15);
	for (; n >= sizeof w; n -= sizeof w, p += sizeof w) {
		memcpy(&w, p, sizeof w);
		h = hash_word(h, w);
	}
	w = 0;
	if (n > 0)
		memcpy(&w, p, n);
	return hash_word(h, w);
}

int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
