/*
 * Rows put in another order in bounded memory: sorted runs in a nameless file,
 * merged as they are read. Rows of one key keep the order they came in.
 */
#ifndef PP_EXPORT_SORTER_H
#define PP_EXPORT_SORTER_H

#include <stddef.h>

#include "base/error.h"

struct pp_sorter;

/*
 * `memory_bytes` is kept to but for a single larger row; `dir` (borrowed) is
 * where files go. Returns owned.
 */
struct pp_sorter *pp_sorter_new(size_t memory_bytes, const char *dir);
void	pp_sorter_free(struct pp_sorter *s);

/* Add a row under a key of bytes, compared as with memcmp(3). Copied. */
int	pp_sorter_add(struct pp_sorter *s, const void *key, size_t key_len,
	    const char *text, size_t len, struct pp_error *err);

/* No more rows: begin to read (again, if they were read before). */
int	pp_sorter_begin(struct pp_sorter *s, struct pp_error *err);

/* A row in order, borrowed until the next call. 1, 0 at the end, -1. */
struct pp_sorted {
	const char *key;
	size_t key_len;
	const char *text;
	size_t len;
};

int	pp_sorter_next(struct pp_sorter *s, struct pp_sorted *row,
	    struct pp_error *err);

#endif
