/*
 * The event loop: descriptors, timers, signals, one thread. epoll(7) stands
 * behind this header alone, so that another system's call can take its place.
 * Callbacks run from pp_loop_turn(); they may add and remove anything.
 */
#ifndef PP_NET_LOOP_H
#define PP_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct pp_loop;

#define PP_LOOP_READ 1u
#define PP_LOOP_WRITE 2u
#define PP_LOOP_ERROR 4u	/* error or hang-up; always reported */

/* Returns owned, or NULL. */
struct pp_loop *pp_loop_new(struct pp_error *err);
void	pp_loop_free(struct pp_loop *l);

/*
 * Watch `fd` for `events`; called again it changes them; events 0 ends it.
 * `fn` gets what happened.
 */
int	pp_loop_watch(struct pp_loop *l, int fd, unsigned events,
	    void (*fn)(void *arg, int fd, unsigned events), void *arg,
	    struct pp_error *err);

/*
 * A timer lives in the caller's struct, zeroed at first. Setting one that is
 * set moves it. It fires once.
 */
struct pp_timer {
	int64_t due_us;			/* boot clock; 0: not set */
	uint32_t slot;			/* place in the loop's heap */
	void (*fn)(void *arg);
	void *arg;
};

void	pp_timer_set(struct pp_loop *l, struct pp_timer *t, int64_t in_us,
	    void (*fn)(void *arg), void *arg);
void	pp_timer_cancel(struct pp_loop *l, struct pp_timer *t);

/* Call `fn` from the loop when the signal comes (by signalfd). */
int	pp_loop_signal(struct pp_loop *l, int signo,
	    void (*fn)(void *arg, int signo), void *arg, struct pp_error *err);

/*
 * Call `fn` once at the start of the next turn, which then does not sleep.
 * For work that completes at once, without recursion.
 */
void	pp_loop_defer(struct pp_loop *l, void (*fn)(void *arg), void *arg);

/*
 * Wait for something to happen, at most `max_wait_ms` (-1: no bound), and run
 * what is due. 0, or -1.
 */
int	pp_loop_turn(struct pp_loop *l, int max_wait_ms, struct pp_error *err);

/* The boot clock at the start of this turn, microseconds; cheap. */
int64_t	pp_loop_now_us(struct pp_loop *l);

#endif
