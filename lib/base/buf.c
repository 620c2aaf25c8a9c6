#include <config.h>

#include "base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* All empty buffers share this NUL; nothing is ever written to it. */
char pp_buf_empty[1] = "";

void
pp_buf_init(struct pp_buf *b, size_t max_bytes)
{
	*b = (struct pp_buf)PP_BUF_INIT_MAX(max_bytes);
}

void
pp_buf_release(struct pp_buf *b)
{
	if (b->cap > 0)
		free(b->data);
	pp_buf_init(b, b->max);
}

void
pp_buf_clear(struct pp_buf *b)
{
	b->len = 0;
	b->overflow = false;
	if (b->cap > 0)
		b->data[0] = '\0';
}

void
pp_buf_trim(struct pp_buf *b, size_t keep_bytes)
{
	if (b->cap > keep_bytes)
		pp_buf_release(b);
	else
		pp_buf_clear(b);
}

int
pp_buf_reserve(struct pp_buf *b, size_t extra)
{
	size_t need, cap;

	if (__builtin_add_overflow(b->len, extra, &need) ||
	    need > SIZE_MAX / 2 || (b->max != 0 && need > b->max)) {
		b->overflow = true;
		return -1;
	}
	if (need < b->cap)
		return 0;
	/* the first time it is often all that is ever asked for */
	cap = b->cap > 0 ? b->cap : need < 64 ? 64 : need + 1;
	while (cap <= need)
		cap += cap / 2;
	if (b->cap > 0) {
		b->data = pp_realloc(b->data, cap);
	} else {
		b->data = pp_malloc(cap);
		b->data[0] = '\0';
	}
	b->cap = cap;
	return 0;
}

int
pp_buf_add_slow(struct pp_buf *b, const void *data, size_t len)
{
	if (pp_buf_reserve(b, len) < 0)
		return -1;
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int
pp_buf_addfv(struct pp_buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	if (pp_buf_reserve(b, 0) < 0)
		return -1;
	va_copy(again, ap);
	n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
	if (n >= 0 && (size_t)n >= b->cap - b->len) {
		b->data[b->len] = '\0';
		if (pp_buf_reserve(b, (size_t)n) < 0)
			n = -1;
		else
			n = vsnprintf(b->data + b->len, b->cap - b->len, fmt,
			    again);
	} else if (n >= 0 && b->max != 0 && b->len + (size_t)n > b->max) {
		b->data[b->len] = '\0';
		b->overflow = true;
		n = -1;
	}
	va_end(again);
	if (n < 0)
		return -1;
	b->len += (size_t)n;
	return 0;
}

int
pp_buf_addf(struct pp_buf *b, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = pp_buf_addfv(b, fmt, ap);
	va_end(ap);
	return rc;
}

int
pp_buf_set(struct pp_buf *b, const void *data, size_t len)
{
	pp_buf_clear(b);
	return pp_buf_add(b, data, len);
}

void
pp_buf_truncate(struct pp_buf *b, size_t len)
{
	assert(len <= b->len);
	b->len = len;
	if (b->cap > 0)
		b->data[len] = '\0';
}

void
pp_buf_consume(struct pp_buf *b, size_t len)
{
	assert(len <= b->len);
	if (len == 0)
		return;
	memmove(b->data, b->data + len, b->len - len + 1);
	b->len -= len;
}

char *
pp_buf_detach(struct pp_buf *b, size_t *len)
{
	char *s;

	if (len != NULL)
		*len = b->len;
	s = b->cap > 0 ? b->data : pp_strdup("");
	pp_buf_init(b, b->max);
	return s;
}
