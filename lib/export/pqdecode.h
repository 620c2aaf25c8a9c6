/*
 * The values of a page out of their encoding.
 */
#ifndef PP_EXPORT_PQDECODE_H
#define PP_EXPORT_PQDECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/pqcursor.h"

/*
 * Replace what is in `v` by `count` values. A truth value becomes a byte.
 * false when the bytes are no such thing, or the encoding is not known.
 */
bool	pp_pqdecode(struct pp_pqvalues *v, const struct pp_pqelement *leaf,
	    int64_t encoding, const unsigned char *p, size_t len,
	    size_t count);

/* Value `i`, which is there. */
static inline const char *
pp_pqvalues_at(const struct pp_pqvalues *v, size_t i, size_t *len)
{
	if (v->width > 0) {
		*len = v->width;
		return v->data.data + i * v->width;
	}
	*len = v->spans[i].len;
	return v->data.data + v->spans[i].at;
}

void	pp_pqvalues_release(struct pp_pqvalues *v);

#endif
