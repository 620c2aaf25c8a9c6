#include <config.h>

#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define EVENTS_A_TURN 256

typedef void watch_fn(void *arg, int fd, unsigned events);
typedef void signal_fn(void *arg, int signo);

/*
 * What is watched at a descriptor. `age` counts the watches that have been at
 * this number: an event that epoll reported before its watch ended carries the
 * old age and is dropped.
 */
struct watch {
	watch_fn *fn;
	void *arg;
	unsigned events;
	uint32_t age;
};

struct deferred {
	void (*fn)(void *arg);
	void *arg;
};

struct pp_loop {
	int epoll_fd;
	int64_t now_us;

	struct watch *watches; /* by descriptor */
	size_t watch_cap;

	struct pp_timer **heap; /* binary, soonest first */
	size_t heap_len, heap_cap;

	struct deferred *deferred;
	size_t deferred_len, deferred_cap;
	struct deferred *running; /* the list that is being called */
	size_t running_cap;

	int signal_fd; /* -1 until a signal is asked for */
	sigset_t signals, blocked_by_us;
	struct {
		signal_fn *fn;
		void *arg;
	} on_signal[NSIG];
};

struct pp_loop *
pp_loop_new(struct pp_error *err)
{
	struct pp_loop *l;
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0) {
		pp_error_errno(err, PP_EIO, errno, "cannot make an event loop");
		return NULL;
	}
	l = pp_calloc(1, sizeof *l);
	l->epoll_fd = fd;
	l->signal_fd = -1;
	sigemptyset(&l->signals);
	sigemptyset(&l->blocked_by_us);
	l->now_us = pp_clock_boot_us();
	return l;
}

void
pp_loop_free(struct pp_loop *l)
{
	if (l == NULL)
		return;
	if (l->signal_fd >= 0) {
		close(l->signal_fd);
		sigprocmask(SIG_UNBLOCK, &l->blocked_by_us, NULL);
	}
	close(l->epoll_fd);
	free(l->watches);
	free(l->heap);
	free(l->deferred);
	free(l->running);
	free(l);
}

int64_t
pp_loop_now_us(struct pp_loop *l)
{
	return l->now_us;
}

/* ---- descriptors ---- */

static struct watch *
watch_at(struct pp_loop *l, int fd)
{
	size_t cap = l->watch_cap > 0 ? l->watch_cap : 64;

	assert(fd >= 0);
	while (cap <= (size_t)fd)
		cap *= 2;
	if (cap > l->watch_cap) {
		l->watches = pp_reallocarray(l->watches, cap,
		    sizeof *l->watches);
		memset(l->watches + l->watch_cap, 0,
		    (cap - l->watch_cap) * sizeof *l->watches);
		l->watch_cap = cap;
	}
	return &l->watches[fd];
}

/*
 * Somebody may have closed the descriptor behind our back, and its number may
 * have come again: the kernel knows, so ADD and MOD stand in for each other.
 */
static int
epoll_set(struct pp_loop *l, int fd, const struct watch *w, bool is_new)
{
	struct epoll_event e = { .events = 0 };
	int op = is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (w->events & PP_LOOP_READ)
		e.events |= EPOLLIN;
	if (w->events & PP_LOOP_WRITE)
		e.events |= EPOLLOUT;
	e.data.u64 = (uint64_t)w->age << 32 | (uint32_t)fd;
	if (epoll_ctl(l->epoll_fd, op, fd, &e) == 0)
		return 0;
	if (errno == EEXIST)
		return epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, fd, &e);
	if (errno == ENOENT)
		return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e);
	return -1;
}

int
pp_loop_watch(struct pp_loop *l, int fd, unsigned events, watch_fn *fn,
    void *arg, struct pp_error *err)
{
	struct watch *w = watch_at(l, fd), before = *w;
	struct epoll_event none = { .events = 0 };

	if (events == 0) {
		/* fails only when the descriptor is closed already */
		if (w->events != 0)
			(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, &none);
		*w = (struct watch){ .age = w->age + 1 };
		return 0;
	}
	w->fn = fn;
	w->arg = arg;
	w->events = events;
	if (epoll_set(l, fd, w, before.events == 0) < 0) {
		*w = before;
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot watch descriptor %d", fd);
	}
	return 0;
}

static void
dispatch(struct pp_loop *l, const struct epoll_event *e)
{
	int fd = (int)(uint32_t)e->data.u64;
	struct watch *w = &l->watches[fd];
	unsigned events = 0;

	if (w->events == 0 || w->age != (uint32_t)(e->data.u64 >> 32))
		return;
	if (e->events & EPOLLIN)
		events |= PP_LOOP_READ;
	if (e->events & EPOLLOUT)
		events |= PP_LOOP_WRITE;
	if (e->events & (EPOLLERR | EPOLLHUP))
		events |= PP_LOOP_ERROR;
	w->fn(w->arg, fd, events);
}

/* ---- timers ---- */

static void
heap_put(struct pp_loop *l, size_t i, struct pp_timer *t)
{
	l->heap[i] = t;
	t->slot = (uint32_t)i;
}

/* Move the timer at `i` to where it belongs. */
static void
heap_settle(struct pp_loop *l, size_t i)
{
	struct pp_timer *t = l->heap[i];
	size_t child;

	while (i > 0 && l->heap[(i - 1) / 2]->due_us > t->due_us) {
		heap_put(l, i, l->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	while ((child = 2 * i + 1) < l->heap_len) {
		if (child + 1 < l->heap_len &&
		    l->heap[child + 1]->due_us < l->heap[child]->due_us)
			child++;
		if (l->heap[child]->due_us >= t->due_us)
			break;
		heap_put(l, i, l->heap[child]);
		i = child;
	}
	heap_put(l, i, t);
}

void
pp_timer_set(struct pp_loop *l, struct pp_timer *t, int64_t in_us,
    void (*fn)(void *arg), void *arg)
{
	bool is_new = t->due_us == 0;

	if (__builtin_add_overflow(pp_clock_boot_us(), in_us > 0 ? in_us : 0,
		&t->due_us))
		t->due_us = INT64_MAX;
	t->fn = fn;
	t->arg = arg;
	if (is_new) {
		l->heap = pp_grow(l->heap, l->heap_len, &l->heap_cap,
		    sizeof *l->heap);
		heap_put(l, l->heap_len++, t);
	}
	heap_settle(l, t->slot);
}

void
pp_timer_cancel(struct pp_loop *l, struct pp_timer *t)
{
	struct pp_timer *last;
	size_t i = t->slot;

	if (t->due_us == 0)
		return;
	assert(i < l->heap_len && l->heap[i] == t);
	t->due_us = 0;
	last = l->heap[--l->heap_len];
	if (last != t) {
		heap_put(l, i, last);
		heap_settle(l, i);
	}
}

/* Ends: what is set from here on is due by a clock that has moved on. */
static void
run_timers(struct pp_loop *l)
{
	struct pp_timer *t;

	while (l->heap_len > 0 && l->heap[0]->due_us <= l->now_us) {
		t = l->heap[0];
		pp_timer_cancel(l, t);
		t->fn(t->arg);
	}
}

/* ---- signals ---- */

static void
read_signals(void *arg, int fd, unsigned events)
{
	struct pp_loop *l = arg;
	struct signalfd_siginfo info;

	(void)events;
	while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
		int signo = (int)info.ssi_signo;

		if (l->on_signal[signo].fn != NULL)
			l->on_signal[signo].fn(l->on_signal[signo].arg, signo);
	}
}

int
pp_loop_signal(struct pp_loop *l, int signo, signal_fn *fn, void *arg,
    struct pp_error *err)
{
	sigset_t one, before;
	int fd;

	assert(signo > 0 && signo < NSIG);
	sigemptyset(&one);
	sigaddset(&one, signo);
	sigaddset(&l->signals, signo);
	fd = signalfd(l->signal_fd, &l->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot wait for signal %d", signo);
	if (l->signal_fd < 0 &&
	    pp_loop_watch(l, fd, PP_LOOP_READ, read_signals, l, err) < 0) {
		close(fd);
		return -1;
	}
	l->signal_fd = fd;
	l->on_signal[signo].fn = fn;
	l->on_signal[signo].arg = arg;
	sigprocmask(SIG_BLOCK, &one, &before);
	if (!sigismember(&before, signo))
		sigaddset(&l->blocked_by_us, signo);
	return 0;
}

/* ---- turns ---- */

void
pp_loop_defer(struct pp_loop *l, void (*fn)(void *arg), void *arg)
{
	l->deferred = pp_grow(l->deferred, l->deferred_len, &l->deferred_cap,
	    sizeof *l->deferred);
	l->deferred[l->deferred_len++] = (struct deferred){ fn, arg };
}

/* What these defer waits for the next turn, so the list is swapped first. */
static void
run_deferred(struct pp_loop *l)
{
	struct deferred *list = l->deferred;
	size_t n = l->deferred_len, cap = l->deferred_cap;

	if (n == 0)
		return;
	l->deferred = l->running;
	l->deferred_cap = l->running_cap;
	l->deferred_len = 0;
	l->running = list;
	l->running_cap = cap;
	for (size_t i = 0; i < n; i++)
		list[i].fn(list[i].arg);
}

/* Milliseconds that this turn may sleep; -1: for ever. */
static int
sleep_ms(const struct pp_loop *l, int max_wait_ms)
{
	int64_t ms;

	if (l->deferred_len > 0)
		return 0;
	if (l->heap_len == 0)
		return max_wait_ms;
	ms = (l->heap[0]->due_us - pp_clock_boot_us() + 999) / 1000;
	if (ms <= 0)
		return 0;
	if (max_wait_ms >= 0 && ms > max_wait_ms)
		return max_wait_ms;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

int
pp_loop_turn(struct pp_loop *l, int max_wait_ms, struct pp_error *err)
{
	struct epoll_event events[EVENTS_A_TURN];
	bool deferred = l->deferred_len > 0;
	int n;

	l->now_us = pp_clock_boot_us();
	run_deferred(l);
	n = epoll_wait(l->epoll_fd, events, EVENTS_A_TURN,
	    deferred ? 0 : sleep_ms(l, max_wait_ms));
	if (n < 0 && errno != EINTR)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot wait for events");
	l->now_us = pp_clock_boot_us();
	for (int i = 0; i < n; i++)
		dispatch(l, &events[i]);
	run_timers(l);
	return 0;
}
