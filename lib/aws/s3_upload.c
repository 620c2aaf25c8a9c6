#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/s3_int.h"
#include "aws/s3_xml.h"
#include "aws/uri.h"
#include "base/mem.h"
#include "base/str.h"

#define MAX_PARTS 10000
#define MIB ((int64_t)1 << 20)

/* What is known of a part that has gone up. */
struct part {
	char etag[PP_S3_ETAG_BYTES];
	char sum[16];
};

struct upload {
	struct pp_s3 *s;
	const char *key;
	struct pp_buf path;
	char *id; /* the upload's, percent-encoded */
	int fd;
	int64_t size, part_bytes;
	size_t count, next; /* parts; the next to go */
	struct part *parts;
	int in_flight;
	bool failed;
	struct pp_error *err;
};

/* A part on its way, with its bytes. */
struct sending {
	struct upload *u;
	size_t number; /* from 0 */
	char *data;
	size_t len;
	char sum[PP_S3_SUM_BYTES];
};

/* ---- the documents ---- */

struct words {
	char *upload_id, *error, *etag;
};

static int
on_word(void *arg, const char *path, const char *text, struct pp_error *err)
{
	struct words *w = arg;
	const char *name = strrchr(path, '/');
	char **into = NULL;

	(void)err;
	name = name != NULL ? name + 1 : path;
	if (strcmp(name, "UploadId") == 0)
		into = &w->upload_id;
	else if (strcmp(path, "Error/Code") == 0)
		into = &w->error;
	else if (strcmp(name, "ETag") == 0)
		into = &w->etag;
	if (into == NULL)
		return 0;
	free(*into);
	*into = pp_strdup(text);
	return 0;
}

static void
release_words(struct words *w)
{
	free(w->upload_id);
	free(w->error);
	free(w->etag);
}

/* ---- begin ---- */

static int
begin(struct upload *u, const char *tags, struct pp_error *err)
{
	const char *headers[PP_S3_MAX_HEADERS];
	char *tagging = tags != NULL ? pp_asprintf("x-amz-tagging: %s", tags) :
				       NULL;
	size_t n = pp_s3_new_headers(u->s, headers, tagging, false);
	struct pp_aws_request req = pp_s3_request(u->s, "POST", u->path.data,
	    "uploads=");
	struct words w = { .error = NULL };
	struct pp_buf id = PP_BUF_INIT;
	struct pp_aws_reply r;
	int rc;

	headers[n++] = "x-amz-checksum-algorithm: CRC32";
	headers[n] = NULL;
	req.headers = headers;
	req.content_type = "application/octet-stream";
	rc = pp_aws_call(u->s->aws, &req, &r, err);
	if (rc < 0)
		pp_aws_fault_error(&r.fault, "cannot begin an upload", err);
	else
		rc = pp_s3_xml_read(r.body, r.body_len, on_word, &w, err);
	if (rc == 0 && w.upload_id == NULL) {
		rc = pp_error_set(err, PP_EUNAVAIL,
		    "cannot begin an upload: the reply names none");
	} else if (rc == 0) {
		pp_uri_encode(&id, w.upload_id, strlen(w.upload_id), false);
		u->id = pp_buf_detach(&id, NULL);
	}
	release_words(&w);
	pp_aws_reply_release(&r);
	free(tagging);
	return rc;
}

/* ---- parts ---- */

static void send_next(struct upload *u);

static void
on_part(void *arg, const struct pp_aws_reply *r)
{
	struct sending *p = arg;
	struct upload *u = p->u;
	struct part *part = &u->parts[p->number];

	u->in_flight--;
	if (r->fault.class == PP_AWS_OK &&
	    pp_aws_header(r, "ETag", part->etag, sizeof part->etag)) {
		snprintf(part->sum, sizeof part->sum, "%s",
		    strchr(p->sum, ' ') + 1);
	} else if (!u->failed) {
		u->failed = true;
		pp_aws_fault_error(&r->fault, "cannot put a part", u->err);
	}
	free(p->data);
	free(p);
	send_next(u);
}

static int
read_part(const struct upload *u, struct sending *p, struct pp_error *err)
{
	off_t at = (off_t)((int64_t)p->number * u->part_bytes);
	size_t got = 0;

	while (got < p->len) {
		ssize_t n = pread(u->fd, p->data + got, p->len - got,
		    at + (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return pp_error_errno(err, PP_EIO, n < 0 ? errno : EIO,
			    "cannot read what is to be '%s'", u->key);
		got += (size_t)n;
	}
	return 0;
}

static int
send_part(struct upload *u, struct sending *p, struct pp_error *err)
{
	const char *headers[] = { p->sum, NULL };
	char *query = pp_asprintf("partNumber=%zu&uploadId=%s", p->number + 1,
	    u->id);
	struct pp_aws_request req = pp_s3_request(u->s, "PUT", u->path.data,
	    query);
	int rc = -1;

	if (read_part(u, p, err) == 0) {
		pp_s3_sum_header(p->data, p->len, p->sum);
		req.headers = headers;
		req.content_type = "application/octet-stream";
		req.body = p->data;
		req.body_len = p->len;
		if (pp_aws_send(u->s->aws, &req, on_part, p, err) != NULL)
			rc = 0;
	}
	free(query);
	return rc;
}

static void
send_next(struct upload *u)
{
	struct sending *p;
	int64_t left = u->size - (int64_t)u->next * u->part_bytes;

	if (u->failed || u->next == u->count)
		return;
	p = pp_calloc(1, sizeof *p);
	p->u = u;
	p->number = u->next;
	p->len = (size_t)(left < u->part_bytes ? left : u->part_bytes);
	p->data = pp_malloc(p->len);
	if (send_part(u, p, u->err) < 0) {
		u->failed = true;
		free(p->data);
		free(p);
		return;
	}
	u->next++;
	u->in_flight++;
}

static int
send_parts(struct upload *u, struct pp_error *err)
{
	int rc = 0;

	u->err = err;
	for (int i = 0; i < PP_S3_IN_FLIGHT; i++)
		send_next(u);
	while (rc == 0 && u->in_flight > 0)
		rc = pp_loop_turn(pp_aws_loop(u->s->aws), -1, err);
	return u->failed ? -1 : rc;
}

/* ---- the end ---- */

static void
put_parts(const struct upload *u, struct pp_buf *out)
{
	pp_buf_adds(out, "<CompleteMultipartUpload>");
	for (size_t i = 0; i < u->count; i++) {
		pp_buf_addf(out, "<Part><PartNumber>%zu</PartNumber>", i + 1);
		pp_s3_xml_put(out, "ETag", u->parts[i].etag);
		pp_s3_xml_put(out, "ChecksumCRC32", u->parts[i].sum);
		pp_buf_adds(out, "</Part>");
	}
	pp_buf_adds(out, "</CompleteMultipartUpload>");
}

/*
 * An upload that is not there any more was completed by a try whose reply was
 * lost: then the object has its size and its number of parts.
 */
static bool
is_complete(const struct upload *u)
{
	struct pp_s3_info info;
	char *end = pp_asprintf("-%zu\"", u->count);
	bool is = pp_s3_head(u->s, u->key, &info, NULL) == 0 &&
	    info.size_bytes == u->size && pp_ends_with(info.etag, end);

	free(end);
	return is;
}

/* A 200 may hold an error: the service says it before it is through. */
static int
complete(struct upload *u, struct pp_error *err)
{
	char *query = pp_asprintf("uploadId=%s", u->id);
	struct pp_aws_request req = pp_s3_request(u->s, "POST", u->path.data,
	    query);
	struct words w = { .error = NULL };
	struct pp_buf body = PP_BUF_INIT;
	struct pp_aws_reply r;
	int rc;

	put_parts(u, &body);
	req.content_type = "application/xml";
	req.body = body.data;
	req.body_len = body.len;
	req.total_timeout_ms = 600000;
	rc = pp_aws_call(u->s->aws, &req, &r, err);
	if (rc == 0)
		rc = pp_s3_xml_read(r.body, r.body_len, on_word, &w, err);
	else if (r.attempts > 1 && pp_aws_fault_is(&r.fault, "NoSuchUpload") &&
	    is_complete(u))
		rc = 0;
	else
		pp_aws_fault_error(&r.fault, "cannot complete an upload", err);
	if (rc == 0 && w.error != NULL)
		rc = pp_error_set(err, PP_EUNAVAIL,
		    "cannot complete an upload: %s", w.error);
	release_words(&w);
	pp_aws_reply_release(&r);
	pp_buf_release(&body);
	free(query);
	return rc;
}

/* What cannot be removed now goes by the bucket's life cycle. */
static void
give_up(struct upload *u)
{
	char *query = pp_asprintf("uploadId=%s", u->id);
	struct pp_aws_request req = pp_s3_request(u->s, "DELETE", u->path.data,
	    query);
	struct pp_aws_reply r;

	pp_aws_call(u->s->aws, &req, &r, NULL);
	pp_aws_reply_release(&r);
	free(query);
}

static int
put_in_parts(struct upload *u, const char *tags, struct pp_error *err)
{
	int64_t least = (u->size + MAX_PARTS - 1) / MAX_PARTS;
	int rc;

	u->part_bytes = (int64_t)PP_S3_PART_BYTES;
	if (u->part_bytes < least)
		u->part_bytes = (least + MIB - 1) / MIB * MIB;
	u->count = (size_t)((u->size + u->part_bytes - 1) / u->part_bytes);
	u->parts = pp_calloc(u->count, sizeof *u->parts);
	rc = begin(u, tags, err);
	if (rc == 0 && (send_parts(u, err) < 0 || complete(u, err) < 0)) {
		give_up(u);
		rc = -1;
	}
	free(u->parts);
	free(u->id);
	return rc;
}

static int
put_whole(struct upload *u, const char *tags, struct pp_error *err)
{
	struct sending all = { .len = (size_t)u->size };
	struct pp_s3_put p = { .key = u->key, .tags = tags, .len = all.len };
	int rc;

	all.data = pp_malloc(all.len);
	p.data = all.data;
	rc = read_part(u, &all, err);
	if (rc == 0)
		rc = pp_s3_put(u->s, &p, NULL, err);
	free(all.data);
	return rc;
}

int
pp_s3_put_file(struct pp_s3 *s, const char *key, const char *path,
    const char *tags, struct pp_error *err)
{
	struct upload u = { .s = s, .key = key, .path = PP_BUF_INIT };
	struct stat st;
	int rc = -1;

	u.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (u.fd < 0 || fstat(u.fd, &st) < 0) {
		pp_error_errno(err, errno == ENOENT ? PP_ENOENT : PP_EIO, errno,
		    "cannot open '%s'", path);
		goto out;
	}
	u.size = st.st_size;
	pp_s3_path(&u.path, key);
	rc = u.size > (int64_t)PP_S3_PART_BYTES ? put_in_parts(&u, tags, err) :
						  put_whole(&u, tags, err);
	if (rc < 0)
		pp_error_wrap(err, "cannot put object '%s'", key);
out:
	if (u.fd >= 0)
		close(u.fd);
	pp_buf_release(&u.path);
	return rc;
}
