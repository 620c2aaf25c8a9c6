/*
 * Text that grows.
 *
 * Invariants: `data` is never NULL and always ends in a NUL byte that `len`
 * does not count, so a buffer without NULs inside is a C string; an empty one
 * owns no memory. A buffer that is filled from outside gets a ceiling: an
 * addition that would pass it adds nothing, sets `overflow` and returns -1,
 * so a caller may test once at the end.
 */
#ifndef PP_BASE_BUF_H
#define PP_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct pp_buf {
	char *data;
	size_t len;
	size_t cap;		/* bytes allocated, 0 for the shared empty one */
	size_t max;		/* ceiling for len; 0 means none */
	bool overflow;		/* something did not fit under `max` */
};

extern char pp_buf_empty[1];

#define PP_BUF_INIT { .data = pp_buf_empty }
#define PP_BUF_INIT_MAX(bytes) { .data = pp_buf_empty, .max = (bytes) }

void	pp_buf_init(struct pp_buf *b, size_t max_bytes);
void	pp_buf_release(struct pp_buf *b);

/* Empty it and keep the memory. */
void	pp_buf_clear(struct pp_buf *b);

/* Empty it, and give memory above `keep_bytes` back. */
void	pp_buf_trim(struct pp_buf *b, size_t keep_bytes);

/* Make room for `extra` more bytes (and the NUL). 0, or -1 at the ceiling. */
int	pp_buf_reserve(struct pp_buf *b, size_t extra);

/* Slow path of the functions below; call those. */
int	pp_buf_add_slow(struct pp_buf *b, const void *data, size_t len);

/* Append; 0, or -1 at the ceiling, when nothing was added. */
static inline int
pp_buf_add(struct pp_buf *b, const void *data, size_t len)
{
	if (len >= b->cap - b->len || b->cap == 0 || b->max != 0)
		return pp_buf_add_slow(b, data, len);
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

static inline int
pp_buf_addc(struct pp_buf *b, char c)
{
	return pp_buf_add(b, &c, 1);
}

static inline int
pp_buf_adds(struct pp_buf *b, const char *s)
{
	return pp_buf_add(b, s, strlen(s));
}

int	pp_buf_addf(struct pp_buf *b, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
int	pp_buf_addfv(struct pp_buf *b, const char *fmt, va_list ap)
	    __attribute__((format(printf, 2, 0)));

/* Replace the contents. */
int	pp_buf_set(struct pp_buf *b, const void *data, size_t len);

/* Shorten to `len` bytes, which must not be more than it has. */
void	pp_buf_truncate(struct pp_buf *b, size_t len);

/* Drop the first `len` bytes. */
void	pp_buf_consume(struct pp_buf *b, size_t len);

/* Returns owned (free(3)) the contents, NUL-terminated; empties `b`. */
char	*pp_buf_detach(struct pp_buf *b, size_t *len);

#endif
