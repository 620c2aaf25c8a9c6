#include <config.h>

#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

static void out_of_memory(void) __attribute__((noreturn));

/* No stdio here: it may want memory itself. */
static void
out_of_memory(void)
{
	static const char text[] = "plotpalette: out of memory\n";

	if (write(STDERR_FILENO, text, sizeof text - 1) < 0) {
		/* there is nobody left to tell */
	}
	_exit(pp_code_exit_status(PP_ENOMEM));
}

void *
pp_malloc(size_t size)
{
	void *p = malloc(size > 0 ? size : 1);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *
pp_calloc(size_t count, size_t size)
{
	void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *
pp_realloc(void *p, size_t size)
{
	p = realloc(p, size > 0 ? size : 1);
	if (p == NULL)
		out_of_memory();
	return p;
}

void *
pp_reallocarray(void *p, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		out_of_memory();
	return pp_realloc(p, bytes);
}

char *
pp_strdup(const char *s)
{
	return s != NULL ? pp_memdup(s, strlen(s) + 1) : NULL;
}

char *
pp_strndup(const char *s, size_t len)
{
	char *copy = pp_malloc(len + 1);

	if (len > 0)
		memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void *
pp_memdup(const void *p, size_t len)
{
	void *copy = pp_malloc(len);

	if (len > 0)
		memcpy(copy, p, len);
	return copy;
}

char *
pp_asprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		out_of_memory();
	va_end(ap);
	return s;
}

void
pp_free_secret(char *s)
{
	if (s == NULL)
		return;
	explicit_bzero(s, strlen(s));
	free(s);
}

void *
pp_grow(void *array, size_t len, size_t *cap, size_t size)
{
	if (len < *cap)
		return array;
	if (*cap > SIZE_MAX / 2)
		out_of_memory();
	*cap = *cap > 0 ? *cap * 2 : 8;
	return pp_reallocarray(array, *cap, size);
}
