/*
 * Where an export's rows come from: JSON objects as text, one after the other,
 * each without a line break. A source that cannot start again is spooled by
 * those who need to read it twice.
 */
#ifndef PP_EXPORT_ROWS_H
#define PP_EXPORT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A row's text may have at most this many bytes. */
#define PP_ROW_MAX_BYTES ((size_t)64 << 20)

/*
 * A source; whoever makes one puts this first in a larger struct. `name` and
 * `number` say where the last row came from ("rows.jsonl", line 17).
 */
struct pp_rows {
	/*
	 * The next row, borrowed until the next call. 1, 0 at the end, -1.
	 */
	int (*next)(struct pp_rows *r, const char **text, size_t *len,
	    struct pp_error *err);

	/* Begin again with the first row; NULL: rows come only once. */
	int (*rewind)(struct pp_rows *r, struct pp_error *err);
	void (*free)(struct pp_rows *r);

	const char *name;
	uint64_t number;
};

static inline int
pp_rows_next(struct pp_rows *r, const char **text, size_t *len,
    struct pp_error *err)
{
	return r->next(r, text, len, err);
}

static inline int
pp_rows_rewind(struct pp_rows *r, struct pp_error *err)
{
	return r->rewind(r, err);
}

static inline void
pp_rows_free(struct pp_rows *r)
{
	if (r != NULL)
		r->free(r);
}

/*
 * The lines of descriptor `fd`, empty ones left out. It can begin again when
 * `fd` is a regular file. `fd` and `name` are borrowed. Returns owned.
 */
struct pp_rows *pp_rows_from_fd(int fd, const char *name);

/*
 * A source that can begin again, made of one that cannot: rows are kept, in a
 * nameless file of folder `dir` when they are many. Both are borrowed.
 * Returns owned.
 */
struct pp_rows *pp_rows_spool(struct pp_rows *from, const char *dir);

/*
 * A nameless file in `dir` (NULL: $TMPDIR or /tmp), gone when closed. Returns
 * the descriptor, or -1 with PP_ECREATE.
 */
int	pp_rows_scratch(const char *dir, struct pp_error *err);

#endif
