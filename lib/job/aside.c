#include <config.h>

#include "job/aside.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

struct item {
	struct item *next;
	struct pp_aside_task task;
	int rc;
	struct pp_error err;
};

/* First in, first out. */
struct queue {
	struct item *first, **last;
};

struct pp_aside {
	struct pp_loop *loop;	/* borrowed */
	struct pp_store *store; /* owned; the thread's */
	pthread_t thread;
	int event_fd;
	int pending; /* given and not told; the loop's */

	pthread_mutex_t lock;
	pthread_cond_t given;
	struct queue to_do, done;
	bool closing;
};

static void
push(struct queue *q, struct item *i)
{
	i->next = NULL;
	*q->last = i;
	q->last = &i->next;
}

static struct item *
pop(struct queue *q)
{
	struct item *i = q->first;

	if (i != NULL) {
		q->first = i->next;
		if (q->first == NULL)
			q->last = &q->first;
	}
	return i;
}

/* ---- the thread ---- */

static struct item *
wait_for_item(struct pp_aside *a)
{
	struct item *i;

	pthread_mutex_lock(&a->lock);
	while ((i = pop(&a->to_do)) == NULL && !a->closing)
		pthread_cond_wait(&a->given, &a->lock);
	pthread_mutex_unlock(&a->lock);
	return i;
}

static void
tell(struct pp_aside *a, struct item *i)
{
	uint64_t one = 1;

	pthread_mutex_lock(&a->lock);
	push(&a->done, i);
	pthread_mutex_unlock(&a->lock);
	/* it only fails when the loop has been told and has not yet looked */
	if (write(a->event_fd, &one, sizeof one) < 0 && errno != EAGAIN)
		abort();
}

static void *
run(void *arg)
{
	struct pp_aside *a = arg;
	struct item *i;

	while ((i = wait_for_item(a)) != NULL) {
		i->rc = i->task.work(a->store, i->task.arg, &i->err);
		tell(a, i);
	}
	return NULL;
}

/* ---- the loop's side ---- */

static void
on_told(void *arg, int fd, unsigned events)
{
	struct pp_aside *a = arg;
	uint64_t count;
	struct item *i;

	(void)events;
	if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
		abort();
	for (;;) {
		pthread_mutex_lock(&a->lock);
		i = pop(&a->done);
		pthread_mutex_unlock(&a->lock);
		if (i == NULL)
			break;
		a->pending--;
		i->task.done(i->task.arg, i->rc, &i->err);
		free(i);
	}
}

/* Signals are the loop's. */
static int
start(struct pp_aside *a)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&a->thread, NULL, run, a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

struct pp_aside *
pp_aside_new(struct pp_loop *loop, struct pp_store *s, struct pp_error *err)
{
	struct pp_aside *a = pp_calloc(1, sizeof *a);
	int rc;

	a->loop = loop;
	a->to_do.last = &a->to_do.first;
	a->done.last = &a->done.first;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->given, NULL);
	a->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->event_fd < 0) {
		pp_error_errno(err, PP_EIO, errno, "cannot make an eventfd");
		goto bad;
	}
	a->store = pp_store_open_again(s, err);
	if (a->store == NULL ||
	    pp_loop_watch(loop, a->event_fd, PP_LOOP_READ, on_told, a, err) < 0)
		goto bad;
	rc = start(a);
	if (rc == 0)
		return a;
	pp_loop_watch(loop, a->event_fd, 0, NULL, NULL, NULL);
	pp_error_errno(err, PP_EIO, rc, "cannot start a thread");
bad:
	pp_store_close(a->store);
	if (a->event_fd >= 0)
		close(a->event_fd);
	free(a);
	return NULL;
}

void
pp_aside_free(struct pp_aside *a)
{
	struct item *i;

	if (a == NULL)
		return;
	pthread_mutex_lock(&a->lock);
	a->closing = true;
	pthread_cond_signal(&a->given);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	while ((i = pop(&a->done)) != NULL)
		free(i);
	pp_loop_watch(a->loop, a->event_fd, 0, NULL, NULL, NULL);
	close(a->event_fd);
	pp_store_close(a->store);
	pthread_cond_destroy(&a->given);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

void
pp_aside_do(struct pp_aside *a, const struct pp_aside_task *task)
{
	struct item *i = pp_calloc(1, sizeof *i);

	i->task = *task;
	a->pending++;
	pthread_mutex_lock(&a->lock);
	push(&a->to_do, i);
	pthread_cond_signal(&a->given);
	pthread_mutex_unlock(&a->lock);
}

int
pp_aside_wait(struct pp_aside *a, struct pp_error *err)
{
	while (a->pending > 0) {
		if (pp_loop_turn(a->loop, -1, err) < 0)
			return -1;
	}
	return 0;
}
