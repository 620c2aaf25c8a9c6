#include <config.h>

#include "export/pqdict.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define FIRST_SLOTS 256

void
pp_pqdict_init(struct pp_pqdict *d)
{
	*d = (struct pp_pqdict){ .bytes = PP_BUF_INIT };
}

void
pp_pqdict_release(struct pp_pqdict *d)
{
	pp_buf_release(&d->bytes);
	free(d->starts);
	free(d->hashes);
	free(d->slots);
	pp_pqdict_init(d);
}

void
pp_pqdict_clear(struct pp_pqdict *d)
{
	pp_buf_clear(&d->bytes);
	d->count = 0;
	if (d->slots != NULL)
		memset(d->slots, 0, d->slot_count * sizeof *d->slots);
}

static void
slot_put(struct pp_pqdict *d, uint32_t value)
{
	size_t mask = d->slot_count - 1;
	size_t i = (size_t)d->hashes[value] & mask;

	while (d->slots[i] != 0)
		i = (i + 1) & mask;
	d->slots[i] = value + 1;
}

static void
add(struct pp_pqdict *d, size_t start, uint64_t hash)
{
	d->starts = pp_grow(d->starts, d->count, &d->start_cap,
	    sizeof *d->starts);
	d->hashes = pp_grow(d->hashes, d->count, &d->hash_cap,
	    sizeof *d->hashes);
	d->starts[d->count] = (uint32_t)start;
	d->hashes[d->count] = hash;
	d->count++;
	if (d->count * 2 <= d->slot_count) {
		slot_put(d, (uint32_t)d->count - 1);
		return;
	}
	d->slot_count = d->slot_count > 0 ? d->slot_count * 2 : FIRST_SLOTS;
	free(d->slots);
	d->slots = pp_calloc(d->slot_count, sizeof *d->slots);
	for (size_t i = 0; i < d->count; i++)
		slot_put(d, (uint32_t)i);
}

static bool
is_value(const struct pp_pqdict *d, uint32_t i, const char *value, size_t len,
    uint64_t hash)
{
	size_t have;
	const char *p;

	if (d->hashes[i] != hash)
		return false;
	/* the last value ends where the new one begins, not at the end */
	have = (i + 1 < d->count ? d->starts[i + 1] :
				   (size_t)(value - d->bytes.data)) -
	    d->starts[i];
	p = d->bytes.data + d->starts[i];
	return have == len && memcmp(p, value, len) == 0;
}

uint32_t
pp_pqdict_settle(struct pp_pqdict *d, size_t start)
{
	const char *value = d->bytes.data + start;
	size_t len = d->bytes.len - start, mask = d->slot_count - 1;
	uint64_t hash = pp_hash64(value, len, 0);

	for (size_t i = (size_t)hash & mask;
	     d->slot_count > 0 && d->slots[i] != 0; i = (i + 1) & mask) {
		if (!is_value(d, d->slots[i] - 1, value, len, hash))
			continue;
		pp_buf_truncate(&d->bytes, start);
		return d->slots[i] - 1;
	}
	add(d, start, hash);
	return (uint32_t)d->count - 1;
}
