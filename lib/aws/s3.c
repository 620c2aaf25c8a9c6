#include <config.h>

#include "aws/s3.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/s3_int.h"
#include "aws/s3_xml.h"
#include "aws/uri.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"

/* Of what is put under a condition: who, and the ETag that it was to replace */
#define MARK_HEADER "x-amz-meta-pp-write"
#define OVER_HEADER "x-amz-meta-pp-over"
/* A 409 is answered by trying again, this often: then the condition tells. */
#define MAX_RACES 6
#define MAX_DELETES 1000

/* ---- a bucket ---- */

static const struct {
	const char *variable, *header;
} options[] = {
	[PP_S3_CLASS] = { "PP_S3_STORAGE_CLASS", "x-amz-storage-class" },
	[PP_S3_ENCRYPTION] = { "PP_S3_ENCRYPTION",
	    "x-amz-server-side-encryption" },
	[PP_S3_KMS_KEY] = { "PP_S3_KMS_KEY",
	    "x-amz-server-side-encryption-aws-kms-key-id" },
};

/* What S3 would refuse with each object is refused at once. */
static int
check_encryption(const char *how, const char *key, struct pp_error *err)
{
	bool by_key = how != NULL &&
	    (strcmp(how, "aws:kms") == 0 || strcmp(how, "aws:kms:dsse") == 0);

	if (how != NULL && !by_key && strcmp(how, "AES256") != 0)
		return pp_error_set(err, PP_ECONFIG,
		    "PP_S3_ENCRYPTION must be AES256, aws:kms or aws:kms:dsse, "
		    "not '%s'",
		    how);
	if (key != NULL && !by_key)
		return pp_error_set(err, PP_ECONFIG,
		    "PP_S3_KMS_KEY needs PP_S3_ENCRYPTION to be aws:kms or "
		    "aws:kms:dsse");
	return 0;
}

/* What every new object is kept as, from the environment. */
static int
read_options(struct pp_s3 *s, struct pp_error *err)
{
	const char *values[PP_S3_KEPT];

	for (size_t i = 0; i < PP_S3_KEPT; i++) {
		const char *v = pp_env(options[i].variable);

		values[i] = v;
		for (const char *p = v != NULL ? v : ""; *p != '\0'; p++) {
			if (*p <= ' ' || *p > '~')
				return pp_error_set(err, PP_ECONFIG,
				    "%s is no value of a header",
				    options[i].variable);
		}
		if (v != NULL)
			s->kept_as[i] = pp_asprintf("%s: %s", options[i].header,
			    v);
	}
	return check_encryption(values[PP_S3_ENCRYPTION], values[PP_S3_KMS_KEY],
	    err);
}

/* What S3 takes as a bucket's name, or an access point's ARN. */
static bool
is_bucket(const char *s)
{
	static const char bytes[] = "abcdefghijklmnopqrstuvwxyz"
				    "0123456789.-";
	size_t len = strlen(s);

	if (pp_starts_with(s, "arn:"))
		return true;
	return len >= 3 && len <= 63 && strspn(s, bytes) == len &&
	    s[0] != '.' && s[0] != '-' && s[len - 1] != '.' &&
	    s[len - 1] != '-' && strstr(s, "..") == NULL;
}

struct pp_s3 *
pp_s3_new(struct pp_aws *a, const char *bucket, struct pp_error *err)
{
	struct pp_s3 *s;

	if (!is_bucket(bucket)) {
		pp_error_set(err, PP_ECONFIG, "'%s' is no name of a bucket",
		    bucket);
		return NULL;
	}
	s = pp_calloc(1, sizeof *s);
	s->aws = a;
	s->bucket = pp_strdup(bucket);
	if (read_options(s, err) == 0)
		return s;
	pp_s3_free(s);
	return NULL;
}

void
pp_s3_free(struct pp_s3 *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < PP_S3_KEPT; i++)
		free(s->kept_as[i]);
	free(s->bucket);
	free(s);
}

/* ---- parts of requests ---- */

void
pp_s3_path(struct pp_buf *out, const char *key)
{
	pp_buf_addc(out, '/');
	pp_uri_encode(out, key, strlen(key), true);
}

char *
pp_s3_sum_header(const void *data, size_t len, char out[PP_S3_SUM_BYTES])
{
	uint32_t crc = pp_crc32(0, data, len);
	unsigned char bytes[4] = { (unsigned char)(crc >> 24),
		(unsigned char)(crc >> 16), (unsigned char)(crc >> 8),
		(unsigned char)crc };
	unsigned char text[12];

	EVP_EncodeBlock(text, bytes, sizeof bytes);
	snprintf(out, PP_S3_SUM_BYTES, "x-amz-checksum-crc32: %s",
	    (const char *)text);
	return out;
}

struct pp_aws_request
pp_s3_request(const struct pp_s3 *s, const char *method, const char *path,
    const char *query)
{
	return (struct pp_aws_request){ .service = PP_AWS_S3,
		.method = method,
		.bucket = s->bucket,
		.path = path,
		.query = query };
}

int
pp_s3_failed(const struct pp_aws_reply *r, const char *what, const char *key,
    struct pp_error *err)
{
	char *text;
	int rc;

	if (r->fault.class == PP_AWS_NOT_FOUND &&
	    !pp_aws_fault_is(&r->fault, "NoSuchBucket"))
		return pp_error_set(err, PP_ENOENT, "no object '%s'", key);
	if (pp_aws_fault_is(&r->fault, "InvalidObjectState"))
		return pp_error_set(err, PP_EUNAVAIL,
		    "cannot %s object '%s': it is archived, and has to be "
		    "restored first",
		    what, key);
	text = pp_asprintf("cannot %s object '%s'", what, key);
	rc = pp_aws_fault_error(&r->fault, text, err);
	free(text);
	return rc;
}

size_t
pp_s3_new_headers(const struct pp_s3 *s, const char *headers[], char *tagging,
    bool usual_class)
{
	size_t n = 0;

	for (size_t i = 0; i < PP_S3_KEPT; i++) {
		if (s->kept_as[i] != NULL && (i != PP_S3_CLASS || !usual_class))
			headers[n++] = s->kept_as[i];
	}
	if (tagging != NULL)
		headers[n++] = tagging;
	headers[n] = NULL;
	return n;
}

static void
copy_header(const struct pp_aws_reply *r, const char *name, char *out,
    size_t size)
{
	if (out != NULL && !pp_aws_header(r, name, out, size))
		out[0] = '\0';
}

/* ---- put ---- */

static bool
is_conditional(const struct pp_s3_put *p)
{
	return p->if_none || p->if_match != NULL;
}

/* A condition did not hold, says the service. */
static bool
is_conflict(const struct pp_s3_put *p, const struct pp_aws_reply *r)
{
	if (!is_conditional(p))
		return false;
	return r->status == 412 || r->status == 409 ||
	    (p->if_match != NULL && r->status == 404 &&
		!pp_aws_fault_is(&r->fault, "NoSuchBucket"));
}

static int
condition_failed(const struct pp_s3_put *p, struct pp_error *err)
{
	return pp_error_set(err, PP_ECONFLICT,
	    p->if_none ? "object '%s' is there already" :
			 "object '%s' has changed",
	    p->key);
}

/* What the object that is there says of an attempt whose reply was lost. */
enum earlier { WAS_DONE, WAS_NOT_DONE, NOT_KNOWN };

/*
 * It was done when the object bears our mark. It was not when the object was
 * put under the very condition that we have: of two writes over one version,
 * or where there was nothing, one alone can have been done (ETags do not come
 * back: what is put under a condition never becomes again what it was). Else
 * somebody may have put this over ours, which is gone with its mark: only who
 * knows what is in the object can tell.
 */
static enum earlier
read_marks(const struct pp_s3_put *p, const char *mark,
    const struct pp_s3_info *there)
{
	if (strcmp(there->mark, mark) == 0)
		return WAS_DONE;
	if (there->mark[0] == '\0')
		return NOT_KNOWN;
	return strcmp(there->over, p->if_none ? "" : p->if_match) == 0 ?
	    WAS_NOT_DONE :
	    NOT_KNOWN;
}

/*
 * The condition did not hold, and an attempt before may have been done. 0: it
 * was; else -1.
 */
static int
ask_object(struct pp_s3 *s, const struct pp_s3_put *p, const char *mark,
    char *etag, struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;
	enum earlier earlier = NOT_KNOWN;
	struct pp_s3_info info;

	if (pp_s3_head(s, p->key, &info, &why) == 0)
		earlier = read_marks(p, mark, &info);
	else if (why.code != PP_ENOENT)
		return pp_error_set(err, why.code, "%s", why.text);
	switch (earlier) {
	case WAS_DONE:
		if (etag != NULL)
			memcpy(etag, info.etag, PP_S3_ETAG_BYTES);
		return 0;
	case WAS_NOT_DONE: return condition_failed(p, err);
	case NOT_KNOWN:
	default:
		return pp_error_set(err, PP_ETEMP,
		    "object '%s' has changed, after it may have been written",
		    p->key);
	}
}

static void
pause_for_race(int round)
{
	struct pp_rand r;
	struct timespec t = { 0 };

	pp_rand_seed_any(&r);
	t.tv_nsec = (long)pp_rand_below(&r, UINT64_C(20000000) << round);
	nanosleep(&t, NULL);
}

/* 0; 1: a condition did not hold; 2: others write at this moment; -1. */
static int
put_once(struct pp_s3 *s, const struct pp_s3_put *p, struct pp_aws_request *req,
    int *attempts, char *etag, struct pp_error *err)
{
	struct pp_aws_reply r;
	int rc = pp_aws_call(s->aws, req, &r, err);

	*attempts += r.attempts;
	if (rc == 0)
		copy_header(&r, "ETag", etag, PP_S3_ETAG_BYTES);
	else if (is_conflict(p, &r))
		rc = r.status == 409 ? 2 : 1;
	else if (r.fault.class == PP_AWS_NOT_FOUND)
		rc = pp_aws_fault_error(&r.fault, "cannot put an object", err);
	else
		rc = pp_s3_failed(&r, "put", p->key, err);
	pp_aws_reply_release(&r);
	return rc;
}

/* As put_once(), until it is clear whether the condition holds. */
static int
put_request(struct pp_s3 *s, const struct pp_s3_put *p,
    struct pp_aws_request *req, const char *mark, char *etag,
    struct pp_error *err)
{
	int attempts = 0, rc = 2;

	for (int round = 0; rc == 2 && round < MAX_RACES; round++) {
		if (round > 0)
			pause_for_race(round);
		rc = put_once(s, p, req, &attempts, etag, err);
	}
	if (rc <= 0)
		return rc;
	return attempts > 1 ? ask_object(s, p, mark, etag, err) :
			      condition_failed(p, err);
}

int
pp_s3_put(struct pp_s3 *s, const struct pp_s3_put *p,
    char etag[PP_S3_ETAG_BYTES], struct pp_error *err)
{
	char sum[PP_S3_SUM_BYTES], mark[PP_ID_BYTES];
	char *tagging = NULL, *marked = NULL, *match = NULL, *over = NULL;
	const char *headers[PP_S3_MAX_HEADERS];
	struct pp_buf path = PP_BUF_INIT;
	struct pp_aws_request req;
	size_t n;
	int rc;

	if (p->tags != NULL)
		tagging = pp_asprintf("x-amz-tagging: %s", p->tags);
	n = pp_s3_new_headers(s, headers, tagging, p->usual_class);
	headers[n++] = pp_s3_sum_header(p->data, p->len, sum);
	if (is_conditional(p)) {
		marked = pp_asprintf(MARK_HEADER ": %s", pp_id_new(mark));
		headers[n++] = marked;
	}
	if (p->if_none)
		headers[n++] = "If-None-Match: *";
	if (p->if_match != NULL) {
		match = pp_asprintf("If-Match: %s", p->if_match);
		over = pp_asprintf(OVER_HEADER ": %s", p->if_match);
		headers[n++] = match;
		headers[n++] = over;
	}
	headers[n] = NULL;
	pp_s3_path(&path, p->key);
	req = pp_s3_request(s, "PUT", path.data, NULL);
	req.headers = headers;
	req.content_type = "application/octet-stream";
	req.body = p->data;
	req.body_len = p->len;
	rc = put_request(s, p, &req, mark, etag, err);
	pp_buf_release(&path);
	free(tagging);
	free(marked);
	free(match);
	free(over);
	return rc;
}

/* ---- head ---- */

static int64_t
date_ms(const struct pp_aws_reply *r)
{
	char text[64];
	time_t t;

	copy_header(r, "Last-Modified", text, sizeof text);
	t = text[0] != '\0' ? curl_getdate(text, NULL) : -1;
	return t >= 0 ? (int64_t)t * 1000 : 0;
}

int
pp_s3_head(struct pp_s3 *s, const char *key, struct pp_s3_info *out,
    struct pp_error *err)
{
	struct pp_buf path = PP_BUF_INIT;
	struct pp_aws_request req;
	struct pp_aws_reply r;
	char size[32];
	int rc;

	*out = (struct pp_s3_info){ .size_bytes = 0 };
	pp_s3_path(&path, key);
	req = pp_s3_request(s, "HEAD", path.data, NULL);
	rc = pp_aws_call(s->aws, &req, &r, err);
	if (rc == 0) {
		copy_header(&r, "Content-Length", size, sizeof size);
		out->size_bytes = strtoll(size, NULL, 10);
		out->modified_ms = date_ms(&r);
		copy_header(&r, "ETag", out->etag, sizeof out->etag);
		copy_header(&r, MARK_HEADER, out->mark, sizeof out->mark);
		copy_header(&r, OVER_HEADER, out->over, sizeof out->over);
		copy_header(&r, "x-amz-storage-class", out->storage_class,
		    sizeof out->storage_class);
		copy_header(&r, "x-amz-restore", out->restore,
		    sizeof out->restore);
	} else {
		rc = pp_s3_failed(&r, "look at", key, err);
	}
	pp_aws_reply_release(&r);
	pp_buf_release(&path);
	return rc;
}

/* ---- listings ---- */

struct page {
	pp_s3_list_fn *fn;
	void *arg;
	struct pp_buf key, token;
	struct pp_s3_listed object;
	bool more, stopped;
};

static int
on_listed(struct page *p, struct pp_error *err)
{
	int rc;

	if (p->stopped)
		return 0;
	p->object.key = p->key.data;
	rc = p->fn(p->arg, &p->object, err);
	p->object.storage_class[0] = '\0';
	p->stopped = rc > 0;
	return rc < 0 ? -1 : 0;
}

static int
on_list_element(void *arg, const char *path, const char *text,
    struct pp_error *err)
{
	struct page *p = arg;
	const char *name = strchr(path, '/');

	if (name == NULL)
		return 0;
	name++;
	if (strcmp(name, "Contents/Key") == 0) {
		pp_buf_clear(&p->key);
		pp_uri_decode(&p->key, text, strlen(text));
	} else if (strcmp(name, "Contents/Size") == 0) {
		p->object.size_bytes = strtoll(text, NULL, 10);
	} else if (strcmp(name, "Contents/LastModified") == 0) {
		if (pp_time_parse(text, &p->object.modified_ms, NULL) < 0)
			p->object.modified_ms = 0;
	} else if (strcmp(name, "Contents/StorageClass") == 0) {
		if (strcmp(text, "STANDARD") != 0)
			snprintf(p->object.storage_class,
			    sizeof p->object.storage_class, "%s", text);
	} else if (strcmp(name, "Contents") == 0) {
		return on_listed(p, err);
	} else if (strcmp(name, "IsTruncated") == 0) {
		p->more = strcmp(text, "true") == 0;
	} else if (strcmp(name, "NextContinuationToken") == 0) {
		pp_buf_set(&p->token, text, strlen(text));
	}
	return 0;
}

static void
put_list_query(struct pp_buf *q, const char *prefix, const char *after,
    int page, const char *token)
{
	char max[16];

	snprintf(max, sizeof max, "%d", page > 0 && page < 1000 ? page : 1000);
	pp_buf_clear(q);
	if (token != NULL)
		pp_uri_add_query(q, "continuation-token", token);
	pp_uri_add_query(q, "encoding-type", "url");
	pp_uri_add_query(q, "list-type", "2");
	pp_uri_add_query(q, "max-keys", max);
	pp_uri_add_query(q, "prefix", prefix);
	if (after != NULL)
		pp_uri_add_query(q, "start-after", after);
}

int
pp_s3_list(struct pp_s3 *s, const char *prefix, const char *after, int page,
    pp_s3_list_fn *fn, void *arg, struct pp_error *err)
{
	struct page p = { .fn = fn,
		.arg = arg,
		.more = true,
		.key = PP_BUF_INIT,
		.token = PP_BUF_INIT };
	struct pp_buf query = PP_BUF_INIT;
	int rc = 0;

	while (rc == 0 && p.more && !p.stopped) {
		struct pp_aws_request req;
		struct pp_aws_reply r;

		put_list_query(&query, prefix, after, page,
		    p.token.len > 0 ? p.token.data : NULL);
		req = pp_s3_request(s, "GET", "/", query.data);
		rc = pp_aws_call(s->aws, &req, &r, err);
		p.more = false;
		if (rc == 0)
			rc = pp_s3_xml_read(r.body, r.body_len, on_list_element,
			    &p, err);
		pp_aws_reply_release(&r);
	}
	pp_buf_release(&p.key);
	pp_buf_release(&p.token);
	pp_buf_release(&query);
	return rc;
}

/* ---- deleting ---- */

int
pp_s3_delete(struct pp_s3 *s, const char *key, struct pp_error *err)
{
	struct pp_buf path = PP_BUF_INIT;
	struct pp_aws_request req;
	struct pp_aws_reply r;
	int rc;

	pp_s3_path(&path, key);
	req = pp_s3_request(s, "DELETE", path.data, NULL);
	rc = pp_aws_call(s->aws, &req, &r, err);
	if (rc < 0 && r.fault.class == PP_AWS_NOT_FOUND &&
	    !pp_aws_fault_is(&r.fault, "NoSuchBucket"))
		rc = 0;
	else if (rc < 0)
		rc = pp_s3_failed(&r, "delete", key, err);
	pp_aws_reply_release(&r);
	pp_buf_release(&path);
	return rc;
}

struct deletion {
	char key[256], code[64];
	bool failed;
};

static int
on_delete_element(void *arg, const char *path, const char *text,
    struct pp_error *err)
{
	struct deletion *d = arg;

	(void)err;
	if (pp_ends_with(path, "/Error/Key"))
		snprintf(d->key, sizeof d->key, "%s", text);
	else if (pp_ends_with(path, "/Error/Code"))
		snprintf(d->code, sizeof d->code, "%s", text);
	else if (pp_ends_with(path, "/Error"))
		d->failed = true;
	return 0;
}

static int
delete_some(struct pp_s3 *s, const char *const *keys, size_t count,
    struct pp_error *err)
{
	char sum[PP_S3_SUM_BYTES];
	const char *headers[] = { sum, NULL };
	struct pp_buf body = PP_BUF_INIT;
	struct deletion d = { .failed = false };
	struct pp_aws_request req;
	struct pp_aws_reply r;
	int rc;

	pp_buf_adds(&body, "<Delete>");
	for (size_t i = 0; i < count; i++) {
		pp_buf_adds(&body, "<Object>");
		pp_s3_xml_put(&body, "Key", keys[i]);
		pp_buf_adds(&body, "</Object>");
	}
	pp_buf_adds(&body, "<Quiet>true</Quiet></Delete>");
	pp_s3_sum_header(body.data, body.len, sum);
	req = pp_s3_request(s, "POST", "/", "delete=");
	req.headers = headers;
	req.content_type = "application/xml";
	req.body = body.data;
	req.body_len = body.len;
	rc = pp_aws_call(s->aws, &req, &r, err);
	if (rc == 0 && r.body_len > 0)
		rc = pp_s3_xml_read(r.body, r.body_len, on_delete_element, &d,
		    err);
	if (rc == 0 && d.failed)
		rc = pp_error_set(err, PP_EUNAVAIL,
		    "cannot delete object '%s': %s", d.key, d.code);
	pp_aws_reply_release(&r);
	pp_buf_release(&body);
	return rc;
}

int
pp_s3_delete_all(struct pp_s3 *s, const char *const *keys, size_t count,
    struct pp_error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i += MAX_DELETES)
		rc = delete_some(s, keys + i,
		    count - i < MAX_DELETES ? count - i : MAX_DELETES, err);
	return rc;
}

/* ---- urls and archives ---- */

int
pp_s3_presign(struct pp_s3 *s, const char *method, const char *key,
    int64_t expires_s, struct pp_buf *url, struct pp_error *err)
{
	struct pp_buf path = PP_BUF_INIT;
	struct pp_aws_request req;
	int rc;

	pp_s3_path(&path, key);
	req = pp_s3_request(s, method, path.data, NULL);
	rc = pp_aws_presign(s->aws, &req, expires_s, url, err);
	pp_buf_release(&path);
	return rc;
}

int
pp_s3_restore(struct pp_s3 *s, const char *key, int days, const char *tier,
    struct pp_error *err)
{
	char *body = pp_asprintf("<RestoreRequest><Days>%d</Days>"
				 "<GlacierJobParameters><Tier>%s</Tier>"
				 "</GlacierJobParameters></RestoreRequest>",
	    days, tier);
	char sum[PP_S3_SUM_BYTES];
	const char *headers[] = { pp_s3_sum_header(body, strlen(body), sum),
		NULL };
	struct pp_buf path = PP_BUF_INIT;
	struct pp_aws_request req;
	struct pp_aws_reply r;
	int rc;

	pp_s3_path(&path, key);
	req = pp_s3_request(s, "POST", path.data, "restore=");
	req.headers = headers;
	req.content_type = "application/xml";
	req.body = body;
	req.body_len = strlen(body);
	rc = pp_aws_call(s->aws, &req, &r, err);
	if (rc == 0)
		rc = r.status == 200;
	else if (pp_aws_fault_is(&r.fault, "RestoreAlreadyInProgress"))
		rc = 2;
	else
		rc = pp_s3_failed(&r, "restore", key, err);
	pp_aws_reply_release(&r);
	pp_buf_release(&path);
	free(body);
	return rc;
}
