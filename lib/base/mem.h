/*
 * Memory that is there or the program ends.
 *
 * Running out of memory ends the program here with exit status 71; the last
 * checkpoint makes that safe, and no caller has a second path to test. Sizes
 * that come from outside are bounded by their readers before they get here.
 */
#ifndef PP_BASE_MEM_H
#define PP_BASE_MEM_H

#include <stddef.h>

/* As malloc(3) and its friends; a size of 0 gives a pointer to nothing. */
void	*pp_malloc(size_t size);
void	*pp_calloc(size_t count, size_t size);
void	*pp_realloc(void *p, size_t size);

/* count * size is checked for overflow. */
void	*pp_reallocarray(void *p, size_t count, size_t size);

/* Returns owned, to be given to free(3). pp_strdup(NULL) is NULL. */
char	*pp_strdup(const char *s);
char	*pp_strndup(const char *s, size_t len);
void	*pp_memdup(const void *p, size_t len);
char	*pp_asprintf(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));

/* Overwrite a secret so that the compiler cannot leave it out, then free. */
void	pp_free_secret(char *s);

/*
 * Make room for one more element in a growing array: doubles `*cap` when
 * `len` has reached it. `size` is that of one element. Returns the array.
 */
void	*pp_grow(void *array, size_t len, size_t *cap, size_t size);

#endif
