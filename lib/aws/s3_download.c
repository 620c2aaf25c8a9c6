#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/s3_int.h"
#include "base/hash.h"
#include "base/mem.h"

/* So much comes in one stream; what is longer, in ranges side by side. */
#define STREAM_BYTES PP_S3_PART_BYTES
/* An object that changes while it is read is read again, this often. */
#define MAX_ROUNDS 10
/* A small one that breaks off begins again, before it is got in ranges. */
#define MAX_BROKEN 6

static int
too_large(const char *key, const struct pp_buf *out, struct pp_error *err)
{
	return pp_error_set(err, PP_EDATA,
	    "object '%s' is larger than the %zu bytes that it may have", key,
	    out->max);
}

/* ---- in one stream ---- */

struct stream {
	struct pp_buf *out;
	size_t got;
	bool too_long, overflow;
};

static int
on_piece(void *arg, const char *data, size_t len)
{
	struct stream *s = arg;

	if (s->got + len > STREAM_BYTES) {
		s->too_long = true;
		return -1;
	}
	if (pp_buf_add(s->out, data, len) < 0) {
		s->overflow = true;
		return -1;
	}
	s->got += len;
	return 0;
}

bool
pp_s3_sum_is_right(const struct pp_aws_reply *r, const char *data, size_t len)
{
	char there[64], ours[PP_S3_SUM_BYTES];

	/* a sum of sums, of an object of parts, ends in "-N" */
	if (!pp_aws_header(r, "x-amz-checksum-crc32", there, sizeof there) ||
	    strchr(there, '-') != NULL)
		return true;
	pp_s3_sum_header(data, len, ours);
	return strcmp(strchr(ours, ' ') + 1, there) == 0;
}

/* 0; 1: it is longer; 2: its stream broke off; `out` is as before; -1. */
static int
get_stream(struct pp_s3 *s, const char *key, const char *path,
    struct pp_buf *out, char *etag, struct pp_error *err)
{
	static const char *const headers[] = { "x-amz-checksum-mode: ENABLED",
		NULL };
	struct pp_aws_request req = pp_s3_request(s, "GET", path, NULL);
	struct stream stream = { .out = out };
	size_t before = out->len;
	struct pp_aws_reply r;
	int rc;

	req.headers = headers;
	req.sink = on_piece;
	req.sink_arg = &stream;
	rc = pp_aws_call(s->aws, &req, &r, err);
	if (rc == 0) {
		if (!pp_s3_sum_is_right(&r, out->data + before, stream.got))
			rc = 2;
		else if (etag != NULL &&
		    !pp_aws_header(&r, "ETag", etag, PP_S3_ETAG_BYTES))
			etag[0] = '\0';
	} else if (stream.overflow) {
		rc = too_large(key, out, err);
	} else if (stream.too_long || stream.got > 0) {
		rc = stream.too_long ? 1 : 2;
	} else {
		rc = pp_s3_failed(&r, "get", key, err);
	}
	if (rc != 0)
		pp_buf_truncate(out, before);
	pp_aws_reply_release(&r);
	return rc;
}

/* ---- in ranges ---- */

char *
pp_s3_range_header(int64_t offset, size_t len, char out[PP_S3_RANGE_BYTES])
{
	snprintf(out, PP_S3_RANGE_BYTES, "Range: bytes=%lld-%lld",
	    (long long)offset, (long long)(offset + (int64_t)len - 1));
	return out;
}

struct ranges {
	struct pp_s3 *s;
	const char *key, *path;
	char *match;	    /* "If-Match: ..." */
	char *out;	    /* room for all of it */
	int64_t size, next; /* the first byte not asked for */
	int in_flight;
	bool failed, changed;
	struct pp_error *err;
};

struct range {
	struct ranges *all;
	int64_t from;
	size_t len;
};

static void ask_next(struct ranges *all);

static void
on_range(void *arg, const struct pp_aws_reply *r)
{
	struct range *range = arg;
	struct ranges *all = range->all;

	all->in_flight--;
	if (r->fault.class == PP_AWS_OK && r->body_len == range->len) {
		memcpy(all->out + range->from, r->body, range->len);
	} else if (!all->failed) {
		all->failed = true;
		all->changed = r->status == 412 ||
		    r->fault.class == PP_AWS_OK; /* a range cut short */
		if (!all->changed)
			pp_s3_failed(r, "get", all->key, all->err);
	}
	free(range);
	ask_next(all);
}

static void
ask_next(struct ranges *all)
{
	char bytes[PP_S3_RANGE_BYTES];
	const char *headers[] = { all->match, bytes, NULL };
	struct pp_aws_request req = pp_s3_request(all->s, "GET", all->path,
	    NULL);
	struct range *range;

	if (all->failed || all->next >= all->size)
		return;
	range = pp_calloc(1, sizeof *range);
	range->all = all;
	range->from = all->next;
	range->len = PP_S3_PART_BYTES;
	if (all->size - all->next < (int64_t)range->len)
		range->len = (size_t)(all->size - all->next);
	pp_s3_range_header(range->from, range->len, bytes);
	req.headers = headers;
	if (pp_aws_send(all->s->aws, &req, on_range, range, all->err) == NULL) {
		all->failed = true;
		free(range);
		return;
	}
	all->next += (int64_t)range->len;
	all->in_flight++;
}

/* 0; 1: it has changed meanwhile; -1. */
static int
get_ranges(struct pp_s3 *s, const char *key, const char *path,
    struct pp_buf *out, char *etag, struct pp_error *err)
{
	struct ranges all = { .s = s, .key = key, .path = path, .err = err };
	struct pp_s3_info info;
	int rc = 0;

	if (pp_s3_head(s, key, &info, err) < 0)
		return -1;
	if (pp_buf_reserve(out, (size_t)info.size_bytes) < 0)
		return too_large(key, out, err);
	all.match = pp_asprintf("If-Match: %s", info.etag);
	all.size = info.size_bytes;
	all.out = out->data + out->len;
	for (int i = 0; i < PP_S3_IN_FLIGHT; i++)
		ask_next(&all);
	while (rc == 0 && all.in_flight > 0)
		rc = pp_loop_turn(pp_aws_loop(s->aws), -1, err);
	free(all.match);
	if (all.failed)
		return all.changed ? 1 : -1;
	if (rc == 0 && info.size_bytes > 0) {
		out->len += (size_t)info.size_bytes;
		out->data[out->len] = '\0';
	}
	if (rc == 0 && etag != NULL)
		memcpy(etag, info.etag, PP_S3_ETAG_BYTES);
	return rc;
}

int
pp_s3_get(struct pp_s3 *s, const char *key, struct pp_buf *out,
    char etag[PP_S3_ETAG_BYTES], struct pp_error *err)
{
	struct pp_buf path = PP_BUF_INIT;
	int rc, broken = 0;

	pp_s3_path(&path, key);
	do {
		rc = get_stream(s, key, path.data, out, etag, err);
	} while (rc == 2 && ++broken < MAX_BROKEN);
	if (rc == 2)
		rc = 1;
	for (int round = 0; rc == 1 && round < MAX_ROUNDS; round++)
		rc = get_ranges(s, key, path.data, out, etag, err);
	if (rc == 1)
		rc = pp_error_set(err, PP_ETEMP,
		    "object '%s' changes all the time", key);
	pp_buf_release(&path);
	return rc;
}

/* ---- a part of an object ---- */

/* One range; fewer bytes at the end. How many, or -1. */
static int64_t
get_one(struct pp_s3 *s, const char *key, const char *path, int64_t offset,
    size_t len, struct pp_buf *out, struct pp_error *err)
{
	struct pp_aws_request req = pp_s3_request(s, "GET", path, NULL);
	char bytes[PP_S3_RANGE_BYTES];
	const char *headers[] = { pp_s3_range_header(offset, len, bytes),
		NULL };
	struct pp_aws_reply r;
	int64_t n = 0;

	req.headers = headers;
	if (pp_aws_call(s->aws, &req, &r, err) == 0) {
		n = (int64_t)r.body_len;
		if (r.status != 206 || r.body_len > len)
			n = pp_error_set(err, PP_EUNAVAIL,
			    "cannot get object '%s': not the range that was "
			    "asked for",
			    key);
		else if (pp_buf_add(out, r.body, r.body_len) < 0)
			n = too_large(key, out, err);
	} else if (r.status != 416) { /* 416: it ends before */
		n = pp_s3_failed(&r, "get", key, err);
	}
	pp_aws_reply_release(&r);
	return n;
}

int
pp_s3_get_range(struct pp_s3 *s, const char *key, int64_t offset, size_t len,
    struct pp_buf *out, struct pp_error *err)
{
	struct pp_buf path = PP_BUF_INIT;
	struct pp_s3_info info;
	int64_t n = 1;

	if (len == 0)
		return pp_s3_head(s, key, &info, err);
	pp_s3_path(&path, key);
	while (n > 0 && len > 0) {
		size_t some = len < PP_S3_PART_BYTES ? len : PP_S3_PART_BYTES;

		n = get_one(s, key, path.data, offset, some, out, err);
		if (n >= 0 && n < (int64_t)some)
			break;
		offset += n;
		len -= some;
	}
	pp_buf_release(&path);
	return n < 0 ? -1 : 0;
}
