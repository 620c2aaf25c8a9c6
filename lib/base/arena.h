/*
 * Memory for things that die together: a parsed template, one record, one
 * reply. Nothing is freed alone; pp_arena_reset() keeps the largest block, so
 * a loop over rows allocates nothing in its steady state.
 */
#ifndef PP_BASE_ARENA_H
#define PP_BASE_ARENA_H

#include <stddef.h>

struct pp_arena_block;

struct pp_arena {
	struct pp_arena_block *block;	/* newest first */
	char *at, *end;			/* free room in the newest */
	size_t used_bytes;		/* handed out since the last reset */
	size_t max_bytes;		/* bound of pp_arena_try(); 0: none */
};

#define PP_ARENA_INIT { .block = NULL }

void	pp_arena_init(struct pp_arena *a, size_t max_bytes);
void	pp_arena_release(struct pp_arena *a);
void	pp_arena_reset(struct pp_arena *a);

/* Reset it and keep its first block alone: for many that are seldom used. */
void	pp_arena_shrink(struct pp_arena *a);

/* A place to go back to; what was allocated since is forgotten. */
struct pp_arena_mark {
	struct pp_arena_block *block;
	char *at;
	size_t used_bytes;
};

static inline struct pp_arena_mark
pp_arena_mark(const struct pp_arena *a)
{
	return (struct pp_arena_mark){ a->block, a->at, a->used_bytes };
}

/* Slow path of pp_arena_rewind(). */
void	pp_arena_rewind_slow(struct pp_arena *a, struct pp_arena_mark m);

/* Marks are to be rewound in reverse order; a reset makes all of them void. */
static inline void
pp_arena_rewind(struct pp_arena *a, struct pp_arena_mark m)
{
	if (a->block == m.block) {
		a->at = m.at;
		a->used_bytes = m.used_bytes;
	} else {
		pp_arena_rewind_slow(a, m);
	}
}

/* Slow path of pp_arena_alloc(). */
void	*pp_arena_alloc_slow(struct pp_arena *a, size_t size);

/*
 * Uninitialized memory, aligned for any type, valid until reset or release.
 * Never NULL.
 */
static inline void *
pp_arena_alloc(struct pp_arena *a, size_t size)
{
	size_t room = (size + 15) & ~(size_t)15;
	char *p = a->at;

	if (room < size || room > (size_t)(a->end - a->at))
		return pp_arena_alloc_slow(a, size);
	a->at += room;
	a->used_bytes += room;
	return p;
}

/* As pp_arena_alloc(), but NULL when `max_bytes` would be passed. */
void	*pp_arena_try(struct pp_arena *a, size_t size);

/* Zeroed; count * size is checked. */
void	*pp_arena_calloc(struct pp_arena *a, size_t count, size_t size);

/* A copy with a NUL after it. */
char	*pp_arena_strndup(struct pp_arena *a, const char *s, size_t len);
char	*pp_arena_strdup(struct pp_arena *a, const char *s);

#endif
