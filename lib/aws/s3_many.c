/*
 * Many objects at once: small ones side by side, and whatever did not go so,
 * for its size or for a fault, alone afterwards, which says why if it fails.
 */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "aws/s3_int.h"
#include "base/io.h"
#include "base/mem.h"

#define MANY 32

struct many;

/* A place for one that is on its way; its buffers are used again. */
struct one {
	struct many *all;
	size_t index;
	struct pp_buf path, data;
};

struct many {
	struct pp_s3 *s;
	size_t count, next;
	int in_flight;
	bool *alone; /* one for each; owned */
	/* 0: it is on its way; -1: it has to go alone. */
	int (*begin)(struct many *m, struct one *o);
	/* 0; 1: it has to go alone; -1: all ends. */
	int (*end)(struct many *m, const struct one *o,
	    const struct pp_aws_reply *r);
	bool failed;
	struct pp_error *err;

	pp_s3_done_fn *fn;
	void *arg;
	const struct pp_s3_file *files;	  /* that go up */
	const char *const *keys;	  /* that come down */
	const struct pp_s3_range *ranges; /* of which parts come down */
	struct pp_buf *out;
};

/* The next that goes side by side with others, if there is one. */
static void
begin_next(struct many *m, struct one *o)
{
	while (!m->failed && m->next < m->count) {
		o->index = m->next++;
		if (m->begin(m, o) == 0) {
			m->in_flight++;
			return;
		}
		m->alone[o->index] = true;
	}
}

static void
on_reply(void *arg, const struct pp_aws_reply *r)
{
	struct one *o = arg;
	struct many *m = o->all;
	int rc = m->end(m, o, r);

	m->in_flight--;
	m->alone[o->index] = rc == 1;
	if (rc < 0)
		m->failed = true;
	begin_next(m, o);
}

/* `m` comes with what is to be done and how. Its `alone` is to be freed. */
static int
run_side_by_side(struct many *m)
{
	struct one places[MANY];
	int rc = 0;

	m->alone = pp_calloc(m->count + 1, sizeof *m->alone);
	for (int i = 0; i < MANY; i++) {
		places[i] = (struct one){ .all = m };
		pp_buf_init(&places[i].path, 0);
		pp_buf_init(&places[i].data, 0);
		begin_next(m, &places[i]);
	}
	while (rc == 0 && m->in_flight > 0)
		rc = pp_loop_turn(pp_aws_loop(m->s->aws), -1, m->err);
	for (int i = 0; i < MANY; i++) {
		pp_buf_release(&places[i].path);
		pp_buf_release(&places[i].data);
	}
	return m->failed ? -1 : rc;
}

/* Number `i` is done. */
static int
tell(struct many *m, size_t i)
{
	return m->fn != NULL ? m->fn(m->arg, i, m->err) : 0;
}

/* ---- up ---- */

static int
begin_put(struct many *m, struct one *o)
{
	const struct pp_s3_file *f = &m->files[o->index];
	const char *headers[PP_S3_MAX_HEADERS];
	char sum[PP_S3_SUM_BYTES], *tagging = NULL;
	struct pp_aws_request req;
	struct stat st;
	size_t n;
	bool sent;

	pp_buf_clear(&o->data);
	if (stat(f->path, &st) < 0 || st.st_size > (off_t)PP_S3_PART_BYTES ||
	    pp_io_read_file(f->path, &o->data, NULL) < 0)
		return -1;
	pp_buf_clear(&o->path);
	pp_s3_path(&o->path, f->key);
	if (f->tags != NULL)
		tagging = pp_asprintf("x-amz-tagging: %s", f->tags);
	n = pp_s3_new_headers(m->s, headers, tagging, false);
	headers[n++] = pp_s3_sum_header(o->data.data, o->data.len, sum);
	headers[n] = NULL;
	req = pp_s3_request(m->s, "PUT", o->path.data, NULL);
	req.headers = headers;
	req.content_type = "application/octet-stream";
	req.body = o->data.data;
	req.body_len = o->data.len;
	sent = pp_aws_send(m->s->aws, &req, on_reply, o, NULL) != NULL;
	free(tagging);
	return sent ? 0 : -1;
}

static int
end_put(struct many *m, const struct one *o, const struct pp_aws_reply *r)
{
	if (r->fault.class != PP_AWS_OK)
		return 1;
	return tell(m, o->index);
}

int
pp_s3_put_files(struct pp_s3 *s, const struct pp_s3_file *files, size_t count,
    pp_s3_done_fn *fn, void *arg, struct pp_error *err)
{
	struct many m = { .s = s,
		.count = count,
		.begin = begin_put,
		.end = end_put,
		.err = err,
		.files = files,
		.fn = fn,
		.arg = arg };
	int rc = run_side_by_side(&m);

	for (size_t i = 0; i < count && rc == 0; i++) {
		if (!m.alone[i])
			continue;
		rc = pp_s3_put_file(s, files[i].key, files[i].path,
		    files[i].tags, err);
		if (rc == 0)
			rc = tell(&m, i);
	}
	free(m.alone);
	return rc;
}

/* ---- down ---- */

static int
begin_get(struct many *m, struct one *o)
{
	static const char *const headers[] = { "x-amz-checksum-mode: ENABLED",
		NULL };
	struct pp_aws_request req;

	pp_buf_clear(&o->path);
	pp_s3_path(&o->path, m->keys[o->index]);
	req = pp_s3_request(m->s, "GET", o->path.data, NULL);
	req.headers = headers;
	req.max_reply_bytes = PP_S3_PART_BYTES;
	return pp_aws_send(m->s->aws, &req, on_reply, o, NULL) != NULL ? 0 : -1;
}

static int
end_get(struct many *m, const struct one *o, const struct pp_aws_reply *r)
{
	struct pp_buf *out = &m->out[o->index];

	if (r->fault.class != PP_AWS_OK ||
	    !pp_s3_sum_is_right(r, r->body, r->body_len))
		return 1;
	if (pp_buf_add(out, r->body, r->body_len) < 0)
		return 1;
	return tell(m, o->index);
}

int
pp_s3_get_all(struct pp_s3 *s, const char *const *keys, size_t count,
    struct pp_buf *out, pp_s3_done_fn *fn, void *arg, struct pp_error *err)
{
	struct many m = { .s = s,
		.count = count,
		.begin = begin_get,
		.end = end_get,
		.err = err,
		.fn = fn,
		.arg = arg,
		.keys = keys,
		.out = out };
	int rc = run_side_by_side(&m);

	for (size_t i = 0; i < count && rc == 0; i++) {
		if (!m.alone[i])
			continue;
		rc = pp_s3_get(s, keys[i], &out[i], NULL, err);
		if (rc == 0)
			rc = tell(&m, i);
	}
	free(m.alone);
	return rc;
}

/* ---- parts of objects ---- */

static int
begin_range(struct many *m, struct one *o)
{
	const struct pp_s3_range *range = &m->ranges[o->index];
	char bytes[PP_S3_RANGE_BYTES];
	const char *headers[] = { bytes, NULL };
	struct pp_aws_request req;

	if (range->len == 0 || range->len > PP_S3_PART_BYTES)
		return -1;
	pp_s3_range_header(range->offset, range->len, bytes);
	pp_buf_clear(&o->path);
	pp_s3_path(&o->path, range->key);
	req = pp_s3_request(m->s, "GET", o->path.data, NULL);
	req.headers = headers;
	req.max_reply_bytes = PP_S3_PART_BYTES;
	return pp_aws_send(m->s->aws, &req, on_reply, o, NULL) != NULL ? 0 : -1;
}

static int
end_range(struct many *m, const struct one *o, const struct pp_aws_reply *r)
{
	if (r->fault.class != PP_AWS_OK || r->status != 206 ||
	    r->body_len > m->ranges[o->index].len)
		return 1;
	return pp_buf_add(&m->out[o->index], r->body, r->body_len) < 0 ? 1 : 0;
}

int
pp_s3_get_ranges(struct pp_s3 *s, const struct pp_s3_range *ranges,
    size_t count, struct pp_buf *out, struct pp_error *err)
{
	struct many m = { .s = s,
		.count = count,
		.begin = begin_range,
		.end = end_range,
		.err = err,
		.ranges = ranges,
		.out = out };
	int rc = run_side_by_side(&m);

	for (size_t i = 0; i < count && rc == 0; i++)
		if (m.alone[i])
			rc = pp_s3_get_range(s, ranges[i].key, ranges[i].offset,
			    ranges[i].len, &out[i], err);
	free(m.alone);
	return rc;
}
