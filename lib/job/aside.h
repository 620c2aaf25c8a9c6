/*
 * Work on the home that the event loop does not wait for: a thread with a
 * connection of its own does what it is given, one after the other, and the
 * loop is told when it is done.
 *
 * Why a thread: on the AWS home a checkpoint is a handful of calls of some
 * milliseconds to some seconds each, with retries and with answers to lost
 * races between them. Written as calls that wait, that is the code that the
 * embedded home has too, and that the conformance suite knows; as a state
 * machine on the loop it would be a second one. What a task works on is its
 * own, a copy or something that the loop leaves alone until it is called back:
 * the two threads share nothing else.
 */
#ifndef PP_JOB_ASIDE_H
#define PP_JOB_ASIDE_H

#include "base/error.h"
#include "net/loop.h"
#include "store/store.h"

struct pp_aside;

/*
 * `work` is called in the thread, with its connection; then `done` from the
 * loop, with what `work` returned and, when that is negative, why.
 */
struct pp_aside_task {
	int (*work)(struct pp_store *s, void *arg, struct pp_error *err);
	void (*done)(void *arg, int rc, const struct pp_error *err);
	void *arg;
};

/* A connection to the home of `s` in a thread. Returns owned, or NULL. */
struct pp_aside *pp_aside_new(struct pp_loop *loop, struct pp_store *s,
	    struct pp_error *err);

/* After all that was given is done; no more callbacks. */
void	pp_aside_free(struct pp_aside *a);

/* In order of giving. The task is copied. */
void	pp_aside_do(struct pp_aside *a, const struct pp_aside_task *task);

/* Turn the loop until all that was given is done and told. 0, or -1. */
int	pp_aside_wait(struct pp_aside *a, struct pp_error *err);

#endif
