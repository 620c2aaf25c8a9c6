#include <config.h>

#include "export/pqdict.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define FIRST_SLOTS 256

void
pp_pqdict_init(struct pp_pqdict *d, size_t width)
{
	*d = (struct pp_pqdict){ .bytes = PP_BUF_INIT, .width = width };
}

void
pp_pqdict_release(struct pp_pqdict *d)
{
	pp_buf_release(&d->bytes);
	free(d->starts);
	free(d->slots);
	pp_pqdict_init(d, d->width);
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
slot_put(struct pp_pqdict *d, struct pp_pqdict_slot slot)
{
	size_t mask = d->slot_count - 1;
	size_t i = slot.hash & mask;

	while (d->slots[i].value != 0)
		i = (i + 1) & mask;
	d->slots[i] = slot;
}

static void
grow_slots(struct pp_pqdict *d)
{
	struct pp_pqdict_slot *old = d->slots;
	size_t old_count = d->slot_count;

	d->slot_count = old_count > 0 ? old_count * 2 : FIRST_SLOTS;
	d->slots = pp_calloc(d->slot_count, sizeof *d->slots);
	for (size_t i = 0; i < old_count; i++)
		if (old[i].value != 0)
			slot_put(d, old[i]);
	free(old);
}

static uint32_t
add(struct pp_pqdict *d, size_t start, uint32_t hash)
{
	if (d->width == 0) {
		d->starts = pp_grow(d->starts, d->count, &d->start_cap,
		    sizeof *d->starts);
		d->starts[d->count] = (uint32_t)start;
	}
	d->count++;
	if (d->count * 2 > d->slot_count)
		grow_slots(d);
	slot_put(d, (struct pp_pqdict_slot){ (uint32_t)d->count, hash });
	return (uint32_t)d->count - 1;
}

static bool
is_value(const struct pp_pqdict *d, uint32_t i, const char *value, size_t len)
{
	size_t end;

	if (d->width > 0)
		return memcmp(d->bytes.data + i * d->width, value, len) == 0;
	/* the last value ends where the new one begins, not at the end */
	end = i + 1 < d->count ? d->starts[i + 1] :
				 (size_t)(value - d->bytes.data);
	return end - d->starts[i] == len &&
	    memcmp(d->bytes.data + d->starts[i], value, len) == 0;
}

uint32_t
pp_pqdict_settle(struct pp_pqdict *d, size_t start)
{
	const char *value = d->bytes.data + start;
	size_t len = d->bytes.len - start, mask = d->slot_count - 1;
	uint32_t hash = (uint32_t)pp_hash64(value, len, 0);

	for (size_t i = hash & mask;
	     d->slot_count > 0 && d->slots[i].value != 0; i = (i + 1) & mask) {
		const struct pp_pqdict_slot *slot = &d->slots[i];

		if (slot->hash != hash ||
		    !is_value(d, slot->value - 1, value, len))
			continue;
		pp_buf_truncate(&d->bytes, start);
		return slot->value - 1;
	}
	return add(d, start, hash);
}
