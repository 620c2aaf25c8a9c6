#include <config.h>

#include "export/scribe.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/io.h"
#include "base/mem.h"

/* What may wait; one piece may always. */
#define QUEUE_PIECES 8
#define QUEUE_BYTES ((size_t)2 << 20)

/* A buffer that has grown larger is given back. */
#define BUFFER_BYTES ((size_t)1 << 20)

struct piece {
	struct pp_buf bytes;
	int fd;
	struct pp_sha256 *sha;
	const char *name;
};

struct pp_scribe {
	pthread_t thread;
	bool runs;
	pthread_mutex_t lock; /* for all that follows */
	pthread_cond_t changed;
	struct piece queue[QUEUE_PIECES]; /* a ring; the first is in work */
	size_t first, queued, queued_bytes;
	bool stop;
	bool failed; /* with this */
	struct pp_error error;
};

static int
write_piece(const struct piece *p, struct pp_error *err)
{
	if (p->sha != NULL)
		pp_sha256_add(p->sha, p->bytes.data, p->bytes.len);
	if (pp_io_write_all(p->fd, p->bytes.data, p->bytes.len) < 0)
		return pp_error_errno(err, PP_EIO, errno, "cannot write '%s'",
		    p->name);
	return 0;
}

/* The first piece of the queue, which stays in it until it is written. */
static void
write_first(struct pp_scribe *s)
{
	struct piece *p = &s->queue[s->first];
	struct pp_error err = PP_ERROR_INIT;
	bool skip = s->failed;
	int rc = 0;

	pthread_mutex_unlock(&s->lock);
	if (!skip)
		rc = write_piece(p, &err);
	pthread_mutex_lock(&s->lock);
	if (rc < 0) {
		s->failed = true;
		s->error = err;
	}
	s->queued_bytes -= p->bytes.len;
	pp_buf_trim(&p->bytes, BUFFER_BYTES);
	s->first = (s->first + 1) % QUEUE_PIECES;
	s->queued--;
	pthread_cond_broadcast(&s->changed);
}

static void *
write_all(void *arg)
{
	struct pp_scribe *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (s->queued == 0 && !s->stop)
			pthread_cond_wait(&s->changed, &s->lock);
		if (s->queued == 0)
			break;
		write_first(s);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Signals are for the caller's thread. */
static void
begin(struct pp_scribe *s)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	s->runs = pthread_create(&s->thread, NULL, write_all, s) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct pp_scribe *
pp_scribe_new(void)
{
	struct pp_scribe *s = pp_calloc(1, sizeof *s);

	for (size_t i = 0; i < QUEUE_PIECES; i++)
		pp_buf_init(&s->queue[i].bytes, 0);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	return s;
}

void
pp_scribe_free(struct pp_scribe *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (s->runs)
		pthread_join(s->thread, NULL);
	for (size_t i = 0; i < QUEUE_PIECES; i++)
		pp_buf_release(&s->queue[i].bytes);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static bool
has_room(const struct pp_scribe *s, size_t len)
{
	return s->queued == 0 ||
	    (s->queued < QUEUE_PIECES && s->queued_bytes + len <= QUEUE_BYTES);
}

/* Under the lock. */
static int
outcome(const struct pp_scribe *s, struct pp_error *err)
{
	if (s->failed && err != NULL)
		*err = s->error;
	return s->failed ? -1 : 0;
}

int
pp_scribe_put(struct pp_scribe *s, struct pp_buf *bytes, int fd,
    struct pp_sha256 *sha, const char *name, struct pp_error *err)
{
	struct piece *p;
	struct pp_buf empty;
	int rc;

	if (!s->runs)
		begin(s);
	pthread_mutex_lock(&s->lock);
	while (!has_room(s, bytes->len))
		pthread_cond_wait(&s->changed, &s->lock);
	p = &s->queue[(s->first + s->queued++) % QUEUE_PIECES];
	empty = p->bytes;
	*p = (struct piece){ *bytes, fd, sha, name };
	*bytes = empty;
	s->queued_bytes += p->bytes.len;
	if (!s->runs) /* no thread is to be had */
		write_first(s);
	pthread_cond_broadcast(&s->changed);
	rc = outcome(s, err);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int
pp_scribe_settle(struct pp_scribe *s, struct pp_error *err)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	while (s->queued > 0)
		pthread_cond_wait(&s->changed, &s->lock);
	rc = outcome(s, err);
	pthread_mutex_unlock(&s->lock);
	return rc;
}
