/*
 * Single values of a Parquet file: from JSON to the bytes of the PLAIN
 * encoding, their order, the least and the greatest of many.
 */
#ifndef PP_EXPORT_PQVALUE_H
#define PP_EXPORT_PQVALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "export/pqschema.h"

/* Texts have their length before them, as four bytes. */
#define PP_PQ_LENGTH_BYTES 4

/* Bytes of a plain value; 0 for texts. A truth value takes a whole one here. */
size_t	pp_pqvalue_width(enum pp_pq_type physical);

/* A value that is not null, appended. -1 when it does not fit the leaf. */
int	pp_pqvalue_put(struct pp_buf *out, const struct pp_pqleaf *leaf,
	    const struct pp_json *v, struct pp_error *err);

/* The bytes of the plain value at *p, without a length; *p moves past it. */
const char *pp_pqvalue_next(const struct pp_pqleaf *leaf, const char **p,
	    size_t *len);

/* A bound on values; a text may be cut and is not exact then. */
struct pp_pqbound {
	struct pp_buf bytes;
	bool exact;
};

struct pp_pqbounds {
	bool there;		/* false: no values, or none that compare */
	struct pp_pqbound min, max;
};

#define PP_PQBOUNDS_INIT { .min = { .bytes = PP_BUF_INIT }, \
	.max = { .bytes = PP_BUF_INIT } }

void	pp_pqbounds_release(struct pp_pqbounds *b);

/* Less than, equal to or greater than 0, as memcmp(3). */
int	pp_pqvalue_compare(const struct pp_pqleaf *leaf, const char *a,
	    size_t a_len, const char *b, size_t b_len);

/* The least and greatest of the values seen; copies, made when they change. */
struct pp_pqscan {
	const struct pp_pqleaf *leaf;	/* borrowed */
	bool there;			/* there was one that compares */
	struct pp_buf min, max;
};

void	pp_pqscan_init(struct pp_pqscan *s, const struct pp_pqleaf *leaf);
void	pp_pqscan_clear(struct pp_pqscan *s);
void	pp_pqscan_release(struct pp_pqscan *s);
void	pp_pqscan_see(struct pp_pqscan *s, const char *value, size_t len);

/* What was found as bounds that last. `b` is empty before. */
void	pp_pqscan_finish(const struct pp_pqscan *s, struct pp_pqbounds *b);

/* Widen `b` so that it holds for what `more` holds for. */
void	pp_pqbounds_join(struct pp_pqbounds *b, const struct pp_pqleaf *leaf,
	    const struct pp_pqbounds *more);

#endif
