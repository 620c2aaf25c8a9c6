/*
 * The dictionary of a column in a row group: each distinct value once, in the
 * PLAIN encoding, as the dictionary page has it.
 */
#ifndef PP_EXPORT_PQDICT_H
#define PP_EXPORT_PQDICT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct pp_pqdict_slot {
	uint32_t value;			/* and 1; 0: the slot is empty */
	uint32_t hash;
};

struct pp_pqdict {
	struct pp_buf bytes;		/* the page */
	size_t width;			/* of each value; 0: they differ, */
	uint32_t *starts;		/* and begin here in `bytes` */
	size_t count, start_cap;
	struct pp_pqdict_slot *slots;	/* hash table */
	size_t slot_count;		/* a power of two, or 0 */
};

void	pp_pqdict_init(struct pp_pqdict *d, size_t width);
void	pp_pqdict_release(struct pp_pqdict *d);

/* Empty it and keep the memory. */
void	pp_pqdict_clear(struct pp_pqdict *d);

/*
 * The caller has appended a value to d->bytes from `start` on. Returns its
 * index; when it was there before, the bytes are taken off again.
 */
uint32_t pp_pqdict_settle(struct pp_pqdict *d, size_t start);

/* The bytes of value `i`, as they are in the page. */
static inline const char *
pp_pqdict_at(const struct pp_pqdict *d, uint32_t i, size_t *len)
{
	size_t end;

	if (d->width > 0) {
		*len = d->width;
		return d->bytes.data + i * d->width;
	}
	end = i + 1 < d->count ? d->starts[i + 1] : d->bytes.len;
	*len = end - d->starts[i];
	return d->bytes.data + d->starts[i];
}

#endif
