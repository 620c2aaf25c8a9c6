/*
 * Rows whose text was there before. Equal ones are known by 128 bits of hash,
 * 24 to 48 bytes a row. Near ones share most of their word triples: how many
 * is estimated from 128 minimal hashes (Broder, 1997), and rows worth
 * comparing are found by bands of those (locality-sensitive hashing), up to a
 * kilobyte a row that is kept.
 */
#ifndef PP_EXPORT_DEDUP_H
#define PP_EXPORT_DEDUP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct pp_dedup;

/*
 * `near` is 0 for equal texts, or from 0.5 to 1 the part of word triples that
 * two texts must share to count as one. Returns owned.
 */
struct pp_dedup *pp_dedup_new(double near);
void	pp_dedup_free(struct pp_dedup *d);
void	pp_dedup_clear(struct pp_dedup *d);

/* Whether such a text was seen before; if not, it is from now on. */
bool	pp_dedup_seen(struct pp_dedup *d, const char *text, size_t len);

/*
 * Split "question:near=0.8" into a path (returns owned) and `*near`. NULL with
 * PP_EUSAGE.
 */
char	*pp_dedup_parse(const char *s, double *near, struct pp_error *err);

#endif
