/*
 * How often each prompt was asked and answered: a table of 64-bit hashes with
 * open addressing, 16 bytes an entry, at most three quarters full. Two of ten
 * million prompts have one hash with a chance of 3 in a million.
 */
#include <config.h>

#include "mock.h"

#include <stdlib.h>
#include <string.h>

struct prompts {
	struct prompt_count *slots;
	size_t cap; /* a power of two */
	size_t count, max;
};

static struct prompt_count *
new_slots(size_t cap)
{
	struct prompt_count *slots = calloc(cap, sizeof *slots);

	if (slots == NULL)
		abort();
	return slots;
}

struct prompts *
prompts_new(size_t max)
{
	struct prompts *p = mock_realloc(NULL, sizeof *p);

	*p = (struct prompts){ .cap = 4096, .max = max };
	p->slots = new_slots(p->cap);
	return p;
}

void
prompts_free(struct prompts *p)
{
	if (p == NULL)
		return;
	free(p->slots);
	free(p);
}

void
prompts_clear(struct prompts *p)
{
	memset(p->slots, 0, p->cap * sizeof *p->slots);
	p->count = 0;
}

size_t
prompts_count(const struct prompts *p)
{
	return p->count;
}

/* The key's slot, or the empty one where it would go. */
static struct prompt_count *
find(const struct prompts *p, uint64_t key)
{
	size_t i = key & (p->cap - 1);

	while (p->slots[i].key != 0 && p->slots[i].key != key)
		i = (i + 1) & (p->cap - 1);
	return &p->slots[i];
}

static void
grow(struct prompts *p)
{
	struct prompt_count *old = p->slots;
	size_t n = p->cap;

	p->cap *= 2;
	p->slots = new_slots(p->cap);
	for (size_t i = 0; i < n; i++) {
		if (old[i].key != 0)
			*find(p, old[i].key) = old[i];
	}
	free(old);
}

struct prompt_count *
prompts_get(struct prompts *p, uint64_t key)
{
	struct prompt_count *slot;

	key += key == 0; /* 0 marks an empty slot */
	slot = find(p, key);
	if (slot->key == key)
		return slot;
	if (p->count == p->max)
		return NULL;
	if (p->count >= p->cap - p->cap / 4) {
		grow(p);
		slot = find(p, key);
	}
	p->count++;
	slot->key = key;
	return slot;
}
