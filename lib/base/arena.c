#include <config.h>

#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_BLOCK_BYTES 1536
#define LARGEST_STEP_BYTES ((size_t)1 << 20)

struct pp_arena_block {
	struct pp_arena_block *older;
	size_t size;
	_Alignas(16) char data[];
};

void
pp_arena_init(struct pp_arena *a, size_t max_bytes)
{
	*a = (struct pp_arena){ .max_bytes = max_bytes };
}

static void
free_blocks(struct pp_arena_block *b)
{
	struct pp_arena_block *older;

	for (; b != NULL; b = older) {
		older = b->older;
		free(b);
	}
}

void
pp_arena_release(struct pp_arena *a)
{
	free_blocks(a->block);
	pp_arena_init(a, a->max_bytes);
}

/* The newest block is the largest of the regular ones: keep that one. */
void
pp_arena_reset(struct pp_arena *a)
{
	struct pp_arena_block *b = a->block;

	a->used_bytes = 0;
	if (b == NULL)
		return;
	free_blocks(b->older);
	b->older = NULL;
	if (b->size > LARGEST_STEP_BYTES) {
		pp_arena_release(a);
		return;
	}
	a->at = b->data;
	a->end = b->data + b->size;
}

void
pp_arena_shrink(struct pp_arena *a)
{
	struct pp_arena_block *b;

	while ((b = a->block) != NULL && b->older != NULL) {
		a->block = b->older;
		free(b);
	}
	pp_arena_reset(a);
}

/*
 * An arena that was empty at the mark keeps its first block: otherwise a loop
 * that starts empty would allocate it in each turn.
 */
void
pp_arena_rewind_slow(struct pp_arena *a, struct pp_arena_mark m)
{
	struct pp_arena_block *b;

	while (a->block != m.block) {
		b = a->block;
		assert(b != NULL); /* the mark is of this arena */
		if (b->older == NULL && m.block == NULL) {
			a->at = b->data;
			a->end = b->data + b->size;
			a->used_bytes = m.used_bytes;
			return;
		}
		a->block = b->older;
		free(b);
	}
	a->at = m.at;
	a->end = a->block->data + a->block->size;
	a->used_bytes = m.used_bytes;
}

void *
pp_arena_alloc_slow(struct pp_arena *a, size_t size)
{
	struct pp_arena_block *b;
	size_t room, bytes;

	if (__builtin_add_overflow(size, (size_t)15, &room))
		room = SIZE_MAX; /* pp_malloc() ends it */
	room &= ~(size_t)15;
	bytes = a->block != NULL ? a->block->size * 2 : FIRST_BLOCK_BYTES;
	if (bytes > LARGEST_STEP_BYTES)
		bytes = LARGEST_STEP_BYTES;
	if (bytes < room)
		bytes = room;
	if (__builtin_add_overflow(bytes, sizeof *b, &bytes))
		bytes = SIZE_MAX;
	b = pp_malloc(bytes);
	b->size = bytes - sizeof *b;
	b->older = a->block;
	a->block = b;
	a->at = b->data + room;
	a->end = b->data + b->size;
	a->used_bytes += room;
	return b->data;
}

void *
pp_arena_try(struct pp_arena *a, size_t size)
{
	if (a->max_bytes != 0 &&
	    (a->used_bytes > a->max_bytes ||
		size > a->max_bytes - a->used_bytes))
		return NULL;
	return pp_arena_alloc(a, size);
}

void *
pp_arena_calloc(struct pp_arena *a, size_t count, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(count, size, &bytes))
		bytes = SIZE_MAX;
	p = pp_arena_alloc(a, bytes);
	memset(p, 0, bytes);
	return p;
}

char *
pp_arena_strndup(struct pp_arena *a, const char *s, size_t len)
{
	char *copy = pp_arena_alloc(a, len + 1);

	if (len > 0)
		memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *
pp_arena_strdup(struct pp_arena *a, const char *s)
{
	return pp_arena_strndup(a, s, strlen(s));
}
