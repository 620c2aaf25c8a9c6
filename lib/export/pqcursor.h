/*
 * A column of a row group, read entry by entry, one page at a time.
 */
#ifndef PP_EXPORT_PQCURSOR_H
#define PP_EXPORT_PQCURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "export/pqfile.h"

/* Bounds on a page; a file that passes them is refused. */
#define PP_PQ_MAX_PAGE_BYTES ((int64_t)256 << 20)
#define PP_PQ_MAX_PAGE_ENTRIES (INT64_C(1) << 24)

struct pp_pqspan {
	uint32_t at, len;
};

/* Decoded values: of one width, or texts by spans. */
struct pp_pqvalues {
	struct pp_buf data;
	size_t width;			/* 0: spans */
	struct pp_pqspan *spans;
	size_t count, span_cap;
};

struct pp_pqcursor {
	const struct pp_pqfile *file;
	const struct pp_pqelement *leaf;
	const struct pp_pqchunk_info *chunk;
	int64_t at, end;		/* of the next page, of the chunk */
	int64_t entries_left;		/* in pages not yet read */
	struct pp_buf packed, raw;	/* a page */

	/* the page */
	size_t entry, entry_count;
	uint8_t *def, *rep;		/* NULL: all are 0 (or the maximum) */
	size_t value;			/* next of the page's values */
	struct pp_pqvalues values;
	bool by_index;			/* values are those of the dictionary */
	uint32_t *indices;
	struct pp_pqvalues dict;
	bool has_dict;
};

/* Begin with the chunk of leaf `leaf` in row group `group`. */
void	pp_pqcursor_open(struct pp_pqcursor *c, const struct pp_pqfile *f,
	    size_t group, size_t leaf);
void	pp_pqcursor_release(struct pp_pqcursor *c);

/*
 * Have an entry at hand. 1, 0 at the end of the chunk, -1 with PP_EDATA.
 */
int	pp_pqcursor_have(struct pp_pqcursor *c, struct pp_error *err);

/* Levels of the entry at hand. */
static inline int
pp_pqcursor_def(const struct pp_pqcursor *c)
{
	return c->def != NULL ? c->def[c->entry] : c->leaf->max_def;
}

static inline int
pp_pqcursor_rep(const struct pp_pqcursor *c)
{
	return c->rep != NULL ? c->rep[c->entry] : 0;
}

/*
 * Move past the entry at hand. `*value` is its bytes when its definition level
 * is the maximum, else NULL; borrowed until the next pp_pqcursor_have().
 */
void	pp_pqcursor_take(struct pp_pqcursor *c, const char **value,
	    size_t *len);

#endif
