#include <config.h>

#include "export/pqpages.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/mem.h"
#include "export/rows.h"

#define BLOCK_BYTES ((size_t)1 << 20)
#define COPY_BYTES ((size_t)256 << 10)

/* A page smaller than this does not begin a thread. */
#define HELP_BYTES ((size_t)128 << 10)

/* Pages that wait for a helper; one may always wait. */
#define QUEUE_PAGES 3
#define QUEUE_BYTES ((size_t)6 << 20)

#define MAX_HELPERS 15

/* Who compresses: the caller, or a helper. */
struct packer {
	struct pp_codec *codec;
	struct pp_buf packed; /* the page being compressed */
};

struct task {
	struct pp_buf prefix, raw;
	size_t start;
	struct pp_page_place *place;
};

struct pp_pages {
	enum pp_codec_kind kind;
	int level;
	const char *scratch;
	struct packer own;

	int helpers, max_helpers; /* running; wanted */
	pthread_t threads[MAX_HELPERS];
	pthread_mutex_t lock; /* for all that follows */
	pthread_cond_t has_task, is_idle;
	struct task queue[QUEUE_PAGES]; /* a ring */
	size_t first, queued, queued_bytes;
	int busy; /* helpers with a page in their hands */
	bool stop;
	bool failed; /* with this */
	struct pp_error error;

	/*
	 * All bytes kept, as one sequence: the first `memory_bytes` in blocks,
	 * those after them in the file.
	 */
	size_t memory_bytes;
	char **blocks;
	size_t block_count, block_cap;
	int fd; /* -1: no file yet */
	uint64_t bytes;
};

/* ---- the bytes kept ---- */

static size_t
keep_in_memory(struct pp_pages *p, const char *data, size_t len)
{
	size_t block = (size_t)(p->bytes / BLOCK_BYTES);
	size_t at = (size_t)(p->bytes % BLOCK_BYTES);

	if (block == p->block_count) {
		p->blocks = pp_grow(p->blocks, p->block_count, &p->block_cap,
		    sizeof *p->blocks);
		p->blocks[p->block_count++] = pp_malloc(BLOCK_BYTES);
	}
	if (len > BLOCK_BYTES - at)
		len = BLOCK_BYTES - at;
	memcpy(p->blocks[block] + at, data, len);
	return len;
}

static int
keep(struct pp_pages *p, const char *data, size_t len, struct pp_error *err)
{
	while (len > 0 && p->bytes < p->memory_bytes) {
		size_t n = keep_in_memory(p, data, len);

		p->bytes += n;
		data += n;
		len -= n;
	}
	if (len == 0)
		return 0;
	if (p->fd < 0) {
		p->fd = pp_rows_scratch(p->scratch, err);
		if (p->fd < 0)
			return -1;
	}
	if (pp_io_write_all(p->fd, data, len) < 0)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot write a temporary file");
	p->bytes += len;
	return 0;
}

/* Copy what lies at `at` to `to`; how many bytes, at most `len`. */
static ssize_t
fetch(struct pp_pages *p, uint64_t at, char *to, size_t len,
    struct pp_error *err)
{
	size_t in_block = (size_t)(at % BLOCK_BYTES);
	uint64_t in_file = p->block_count * (uint64_t)BLOCK_BYTES;
	ssize_t n;

	if (at < in_file) {
		if (len > BLOCK_BYTES - in_block)
			len = BLOCK_BYTES - in_block;
		memcpy(to, p->blocks[at / BLOCK_BYTES] + in_block, len);
		return (ssize_t)len;
	}
	do
		n = pread(p->fd, to, len, (off_t)(at - in_file));
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return pp_error_errno(err, PP_EIO, n < 0 ? errno : EIO,
		    "cannot read a temporary file");
	return n;
}

int
pp_pages_copy(struct pp_pages *p, const struct pp_page_place *place,
    struct pp_outfile *out, struct pp_error *err)
{
	uint64_t at = place->at, end = at + place->bytes;

	while (at < end) {
		size_t want = end - at < COPY_BYTES ? (size_t)(end - at) :
						      COPY_BYTES;
		ssize_t n;

		pp_buf_reserve(&out->buf, want);
		n = fetch(p, at, out->buf.data + out->buf.len, want, err);
		if (n < 0)
			return -1;
		out->buf.len += (size_t)n;
		at += (uint64_t)n;
		if (pp_outfile_pump(out, err) < 0)
			return -1;
	}
	return 0;
}

int
pp_pages_clear(struct pp_pages *p, struct pp_error *err)
{
	p->bytes = 0;
	if (p->fd >= 0 &&
	    (ftruncate(p->fd, 0) < 0 || lseek(p->fd, 0, SEEK_SET) < 0))
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot empty a temporary file");
	return 0;
}

/* ---- compressing ---- */

/* `err` is the caller's own; the lock is not held. */
static int
pack(struct pp_pages *p, struct packer *who, const struct task *t,
    struct pp_error *err)
{
	size_t len = t->raw.len - t->start;
	uint32_t crc;
	int rc;

	if (pp_codec_compress(who->codec, t->raw.data + t->start, len,
		&who->packed, err) < 0)
		return -1;
	crc = pp_crc32(pp_crc32(0, t->prefix.data, t->prefix.len),
	    who->packed.data, who->packed.len);
	pthread_mutex_lock(&p->lock);
	*t->place = (struct pp_page_place){ .at = p->bytes,
		.raw_bytes = (uint32_t)(t->prefix.len + len),
		.bytes = (uint32_t)(t->prefix.len + who->packed.len),
		.crc = crc };
	rc = keep(p, t->prefix.data, t->prefix.len, err);
	if (rc == 0)
		rc = keep(p, who->packed.data, who->packed.len, err);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

/* Take the first task out of the queue; it leaves its memory behind. */
static void
take(struct pp_pages *p, struct task *t)
{
	struct task *from = &p->queue[p->first], empty = *t;

	*t = *from;
	pp_buf_clear(&empty.prefix);
	pp_buf_clear(&empty.raw);
	*from = empty;
	p->first = (p->first + 1) % QUEUE_PAGES;
	p->queued--;
	p->queued_bytes -= t->raw.len;
}

static void
help_with(struct pp_pages *p, struct packer *who, struct task *t)
{
	struct pp_error err = PP_ERROR_INIT;
	int rc;

	take(p, t);
	p->busy++;
	pthread_mutex_unlock(&p->lock);
	rc = pack(p, who, t, &err);
	pthread_mutex_lock(&p->lock);
	if (rc < 0 && !p->failed) {
		p->failed = true;
		p->error = err;
	}
	if (--p->busy == 0 && p->queued == 0)
		pthread_cond_signal(&p->is_idle);
}

static void *
help(void *arg)
{
	struct pp_pages *p = arg;
	struct packer me = { pp_codec_new(p->kind, p->level), PP_BUF_INIT };
	struct task t = { .prefix = PP_BUF_INIT, .raw = PP_BUF_INIT };

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->queued == 0 && !p->stop)
			pthread_cond_wait(&p->has_task, &p->lock);
		if (p->stop)
			break;
		help_with(p, &me, &t);
	}
	pthread_mutex_unlock(&p->lock);
	pp_buf_release(&t.prefix);
	pp_buf_release(&t.raw);
	pp_buf_release(&me.packed);
	pp_codec_free(me.codec);
	return NULL;
}

/* Signals are for the caller's thread. Without helpers it works alone. */
static void
begin_helpers(struct pp_pages *p)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (p->helpers < p->max_helpers &&
	    pthread_create(&p->threads[p->helpers], NULL, help, p) == 0)
		p->helpers++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	p->max_helpers = p->helpers;
}

/* Whether the page was put into the queue, and `raw` is other memory now. */
static bool
hand_over(struct pp_pages *p, const struct pp_buf *prefix, struct pp_buf *raw,
    size_t start, struct pp_page_place *place)
{
	struct pp_buf empty;
	struct task *t;
	bool room;

	pthread_mutex_lock(&p->lock);
	room = p->queued == 0 ||
	    (p->queued < QUEUE_PAGES &&
		p->queued_bytes + raw->len <= QUEUE_BYTES);
	if (room) {
		t = &p->queue[(p->first + p->queued++) % QUEUE_PAGES];
		pp_buf_set(&t->prefix, prefix->data, prefix->len);
		empty = t->raw;
		t->raw = *raw;
		*raw = empty;
		t->start = start;
		t->place = place;
		p->queued_bytes += t->raw.len;
		pthread_cond_signal(&p->has_task);
	}
	pthread_mutex_unlock(&p->lock);
	return room;
}

static int
earlier_failure(struct pp_pages *p, struct pp_error *err)
{
	bool failed;

	pthread_mutex_lock(&p->lock);
	failed = p->failed;
	if (failed && err != NULL)
		*err = p->error;
	pthread_mutex_unlock(&p->lock);
	return failed ? -1 : 0;
}

int
pp_pages_add(struct pp_pages *p, const struct pp_buf *prefix,
    struct pp_buf *raw, size_t start, struct pp_page_place *place,
    struct pp_error *err)
{
	struct task t = { *prefix, *raw, start, place };

	if (p->helpers < p->max_helpers && raw->len - start >= HELP_BYTES)
		begin_helpers(p);
	if (p->helpers > 0) {
		if (earlier_failure(p, err) < 0)
			return -1;
		if (hand_over(p, prefix, raw, start, place))
			return 0;
	}
	if (pack(p, &p->own, &t, err) < 0)
		return -1;
	pp_buf_clear(raw);
	return 0;
}

/* The caller helps with what is left. */
int
pp_pages_settle(struct pp_pages *p, struct pp_error *err)
{
	struct task t = { .prefix = PP_BUF_INIT, .raw = PP_BUF_INIT };

	if (p->helpers == 0)
		return 0;
	pthread_mutex_lock(&p->lock);
	while (p->queued > 0)
		help_with(p, &p->own, &t);
	while (p->busy > 0)
		pthread_cond_wait(&p->is_idle, &p->lock);
	pthread_mutex_unlock(&p->lock);
	pp_buf_release(&t.prefix);
	pp_buf_release(&t.raw);
	return earlier_failure(p, err);
}

/* ---- life ---- */

struct pp_pages *
pp_pages_new(enum pp_codec_kind codec, int level, size_t memory_bytes,
    const char *scratch, int helpers)
{
	struct pp_pages *p = pp_calloc(1, sizeof *p);

	p->kind = codec;
	p->level = level;
	p->own.codec = pp_codec_new(codec, level);
	pp_buf_init(&p->own.packed, 0);
	p->memory_bytes = memory_bytes;
	p->scratch = scratch;
	p->fd = -1;
	p->max_helpers = helpers < MAX_HELPERS ? helpers : MAX_HELPERS;
	if (codec == PP_CODEC_NONE)
		p->max_helpers = 0;
	for (size_t i = 0; i < QUEUE_PAGES; i++) {
		pp_buf_init(&p->queue[i].prefix, 0);
		pp_buf_init(&p->queue[i].raw, 0);
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->has_task, NULL);
	pthread_cond_init(&p->is_idle, NULL);
	return p;
}

static void
end_helpers(struct pp_pages *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->has_task);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->helpers; i++)
		pthread_join(p->threads[i], NULL);
}

void
pp_pages_free(struct pp_pages *p)
{
	if (p == NULL)
		return;
	end_helpers(p);
	for (size_t i = 0; i < QUEUE_PAGES; i++) {
		pp_buf_release(&p->queue[i].prefix);
		pp_buf_release(&p->queue[i].raw);
	}
	for (size_t i = 0; i < p->block_count; i++)
		free(p->blocks[i]);
	free(p->blocks);
	if (p->fd >= 0)
		close(p->fd);
	pp_buf_release(&p->own.packed);
	pp_codec_free(p->own.codec);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->has_task);
	pthread_cond_destroy(&p->is_idle);
	free(p);
}
