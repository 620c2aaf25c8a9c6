#include <config.h>

#include "job/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "job/checkpoint.h"
#include "job/plan.h"

char *
pp_batch_key(const char *job_id, int shards, int shard, int64_t number)
{
	if (shards > 1)
		return pp_asprintf("jobs/%s/outputs/batch-%05d-%09lld.jsonl",
		    job_id, shard, (long long)number);
	return pp_asprintf("jobs/%s/outputs/batch-%09lld.jsonl", job_id,
	    (long long)number);
}

void
pp_batch_put_head(const struct pp_batch_head *h, struct pp_buf *out)
{
	pp_buf_adds(out, "{");
	pp_json_put_key(out, "batch");
	pp_buf_addc(out, '{');
	pp_json_member_str(out, "job_id", h->job_id);
	pp_json_member_int(out, "shard", h->shard);
	pp_json_member_int(out, "number", h->number);
	pp_json_member_int(out, "epoch", h->epoch);
	pp_json_member_str(out, "writer", h->writer);
	pp_json_member_str(out, "previous", h->previous);
	pp_json_member_int(out, "rows", h->rows);
	pp_json_member_int(out, "failed", h->failed);
	pp_json_member_int(out, "first_row", h->first_row);
	pp_json_member_int(out, "last_row", h->last_row);
	pp_buf_adds(out, "}}\n");
}

/* Copy a string member that must fit; false when it does not. */
static bool
read_head_members(const struct pp_json *v, struct pp_batch_head *h)
{
	int64_t shard;

	if (v == NULL || !pp_json_int64(pp_json_get(v, "shard"), &shard) ||
	    shard < 0 || shard > INT32_MAX)
		return false;
	h->shard = (int)shard;
	return pp_json_get_text(v, "job_id", h->job_id, sizeof h->job_id) &&
	    pp_json_get_text(v, "writer", h->writer, sizeof h->writer) &&
	    pp_json_get_text(v, "previous", h->previous, sizeof h->previous) &&
	    pp_json_int64(pp_json_get(v, "number"), &h->number) &&
	    pp_json_int64(pp_json_get(v, "epoch"), &h->epoch) &&
	    pp_json_int64(pp_json_get(v, "rows"), &h->rows) &&
	    pp_json_int64(pp_json_get(v, "failed"), &h->failed) &&
	    pp_json_int64(pp_json_get(v, "first_row"), &h->first_row) &&
	    pp_json_int64(pp_json_get(v, "last_row"), &h->last_row);
}

int
pp_batch_read_head(const char *text, size_t len, struct pp_batch_head *h,
    size_t *body, struct pp_error *err)
{
	const char *newline = len > 0 ? memchr(text, '\n', len) : NULL;
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *root;
	int rc = -1;

	memset(h, 0, sizeof *h);
	if (newline == NULL)
		return pp_error_set(err, PP_EDATA, "batch has no header line");
	root = pp_json_parse(&doc, text, (size_t)(newline - text), 0, err);
	if (root == NULL)
		pp_error_wrap(err, "batch header is damaged");
	else if (!read_head_members(pp_json_get(root, "batch"), h))
		pp_error_set(err, PP_EDATA, "batch header is damaged");
	else
		rc = 0;
	pp_json_doc_release(&doc);
	*body = (size_t)(newline - text) + 1;
	return rc;
}

/* ---- reading a job's rows in order ---- */

/* Batches got at once; more hold memory, and gain little. */
#define WINDOW 8

struct held_line {
	int64_t row;
	char *text; /* owned */
	size_t len;
};

struct pp_batches {
	struct pp_blob *blobs;
	char job_id[PP_ID_BYTES];
	int shards, shard; /* of the job; the one being read */
	int64_t rows;
	int64_t expected; /* row to return next, if it is there */
	bool open;	  /* `shard` has a checkpoint */

	/* the chain of this shard */
	int64_t last_number;
	char last_sha[PP_SHA256_HEX_BYTES];
	/* texts got at once, of batches `window_from` to before `window_end` */
	struct pp_buf window[WINDOW];
	int64_t window_from, window_end;
	int64_t number;	     /* of the batch in `ahead` */
	struct pp_buf ahead; /* read, and not yet confirmed */
	char ahead_sha[PP_SHA256_HEX_BYTES];
	size_t ahead_body;
	int64_t ahead_rows;

	/* rows read and not yet returned: a heap by row */
	struct held_line *held;
	size_t held_count, held_cap;
	char *returned; /* the line handed out last */
	struct pp_json_doc doc;
};

struct pp_batches *
pp_batches_open(struct pp_blob *blobs, const char *job_id, int shards,
    int64_t rows, struct pp_error *err)
{
	struct pp_batches *b;

	if (!pp_id_valid(job_id)) {
		pp_error_set(err, PP_EDATA, "'%s' is not a job id", job_id);
		return NULL;
	}
	b = pp_calloc(1, sizeof *b);
	b->blobs = blobs;
	memcpy(b->job_id, job_id, sizeof b->job_id);
	b->shards = shards;
	b->shard = -1;
	b->rows = rows;
	pp_buf_init(&b->ahead, 0);
	for (int i = 0; i < WINDOW; i++)
		pp_buf_init(&b->window[i], 0);
	return b;
}

static void
empty_window(struct pp_batches *b)
{
	for (int i = 0; i < WINDOW; i++)
		pp_buf_release(&b->window[i]);
	b->window_from = b->window_end = 0;
}

void
pp_batches_close(struct pp_batches *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->held_count; i++)
		free(b->held[i].text);
	free(b->held);
	free(b->returned);
	pp_buf_release(&b->ahead);
	empty_window(b);
	pp_json_doc_release(&b->doc);
	free(b);
}

static void
hold(struct pp_batches *b, struct held_line line)
{
	size_t i;

	b->held = pp_grow(b->held, b->held_count, &b->held_cap,
	    sizeof *b->held);
	for (i = b->held_count++; i > 0; i = (i - 1) / 2) {
		if (b->held[(i - 1) / 2].row <= line.row)
			break;
		b->held[i] = b->held[(i - 1) / 2];
	}
	b->held[i] = line;
}

static struct held_line
take_first(struct pp_batches *b)
{
	struct held_line first = b->held[0], last;
	size_t i = 0, child;

	last = b->held[--b->held_count];
	while ((child = 2 * i + 1) < b->held_count) {
		if (child + 1 < b->held_count &&
		    b->held[child + 1].row < b->held[child].row)
			child++;
		if (last.row <= b->held[child].row)
			break;
		b->held[i] = b->held[child];
		i = child;
	}
	if (b->held_count > 0)
		b->held[i] = last;
	return first;
}

/*
 * Whether the batch in `ahead` is the one that it should be, and so the one
 * before it, whose SHA-256 is `previous`.
 */
static int
check_chain(const struct pp_batches *b, const struct pp_batch_head *head,
    const char *key, int64_t number, const char *previous, struct pp_error *err)
{
	char *before;

	if (strcmp(head->job_id, b->job_id) != 0 || head->shard != b->shard ||
	    head->number != number)
		return pp_error_set(err, PP_EDATA,
		    "batch '%s' has the header of another", key);
	if (number == b->last_number && strcmp(b->ahead_sha, b->last_sha) != 0)
		return pp_error_set(err, PP_EDATA,
		    "batch '%s' was changed: its SHA-256 is not the one in "
		    "the checkpoint",
		    key);
	if (strcmp(head->previous, previous) == 0)
		return 0;
	before = pp_batch_key(b->job_id, b->shards, b->shard, number - 1);
	pp_error_set(err, PP_EDATA,
	    "batch '%s' was changed: its SHA-256 is not the one that '%s' has "
	    "on record",
	    before, key);
	free(before);
	return -1;
}

/* The texts of batch `number` and of some that come after it, or none. */
static void
fill_window(struct pp_batches *b, int64_t number)
{
	char *keys[WINDOW];
	size_t count = 0;

	empty_window(b);
	for (; count < WINDOW && number + (int64_t)count <= b->last_number;
	     count++)
		keys[count] = pp_batch_key(b->job_id, b->shards, b->shard,
		    number + (int64_t)count);
	if (pp_blob_get_all(b->blobs, (const char *const *)keys, count,
		b->window, NULL) == 0) {
		b->window_from = number;
		b->window_end = number + (int64_t)count;
	} else {
		empty_window(b);
	}
	for (size_t i = 0; i < count; i++)
		free(keys[i]);
}

/* Where several cannot be got, each is, as its turn comes, or says why not. */
static int
get_text(struct pp_batches *b, int64_t number, const char *key,
    struct pp_error *err)
{
	struct pp_buf *text;

	pp_buf_release(&b->ahead);
	if (number < b->window_from || number >= b->window_end)
		fill_window(b, number);
	if (number < b->window_end) {
		text = &b->window[number - b->window_from];
		b->ahead = *text;
		pp_buf_init(text, 0);
		return 0;
	}
	if (pp_blob_get(b->blobs, key, &b->ahead, NULL, err) == 0)
		return 0;
	if (err != NULL && err->code == PP_ENOENT)
		pp_error_set(err, PP_EDATA, "batch '%s' is missing", key);
	return -1;
}

/* Read batch `number` into `ahead` and check that it follows `previous`. */
static int
read_ahead(struct pp_batches *b, int64_t number, const char *previous,
    struct pp_error *err)
{
	char *key = pp_batch_key(b->job_id, b->shards, b->shard, number);
	struct pp_batch_head head;
	int rc = -1;

	if (get_text(b, number, key, err) < 0)
		goto out;
	pp_sha256_hex(b->ahead.data, b->ahead.len, b->ahead_sha);
	if (pp_batch_read_head(b->ahead.data, b->ahead.len, &head,
		&b->ahead_body, err) < 0) {
		pp_error_wrap(err, "batch '%s' cannot be used", key);
		goto out;
	}
	if (check_chain(b, &head, key, number, previous, err) < 0)
		goto out;
	b->number = number;
	b->ahead_rows = head.rows;
	rc = 0;
out:
	free(key);
	return rc;
}

static int
hold_lines(struct pp_batches *b, const char *p, const char *end, int64_t count,
    struct pp_error *err)
{
	const char *newline;
	int64_t row, lines = 0;
	const struct pp_json *root;

	for (; p < end; p = newline + 1, lines++) {
		newline = memchr(p, '\n', (size_t)(end - p));
		if (newline == NULL)
			break;
		root = pp_json_parse(&b->doc, p, (size_t)(newline - p), 0, err);
		if (root == NULL ||
		    !pp_json_int64(pp_json_get(root, "row"), &row))
			break;
		hold(b,
		    (struct held_line){ .row = row,
			.text = pp_strndup(p, (size_t)(newline - p)),
			.len = (size_t)(newline - p) });
	}
	if (p != end || lines != count)
		return pp_error_set(err, PP_EDATA,
		    "batch %lld of shard %d of job '%s' is damaged",
		    (long long)b->number, b->shard, b->job_id);
	return 0;
}

/* Read the next batch, then hold the rows of the one that it confirms. */
static int
advance(struct pp_batches *b, struct pp_error *err)
{
	struct pp_buf confirmed = b->ahead;
	size_t body = b->ahead_body;
	int64_t count = b->ahead_rows, number = b->number;
	char sha[PP_SHA256_HEX_BYTES];
	int rc = 0;

	memcpy(sha, b->ahead_sha, sizeof sha);
	pp_buf_init(&b->ahead, 0);
	if (number < b->last_number)
		rc = read_ahead(b, number + 1, sha, err);
	else
		b->number = number + 1;
	if (rc == 0)
		rc = hold_lines(b, confirmed.data + body,
		    confirmed.data + confirmed.len, count, err);
	pp_buf_release(&confirmed);
	return rc;
}

static int
open_next_shard(struct pp_batches *b, struct pp_error *err)
{
	struct pp_checkpoint cp;
	int64_t end;
	int rc;

	b->shard++;
	b->open = false;
	pp_plan_slice(b->rows, b->shards, b->shard, &b->expected, &end);
	rc = pp_checkpoint_load(b->blobs, b->job_id, b->shards, b->shard, &cp,
	    err);
	if (rc <= 0)
		return rc;
	b->last_number = cp.last_batch;
	empty_window(b);
	memcpy(b->last_sha, cp.last_batch_sha, sizeof b->last_sha);
	pp_checkpoint_release(&cp);
	if (b->last_number == 0)
		return 0;
	b->open = true;
	return read_ahead(b, 1, "", err);
}

static bool
is_chain_read(const struct pp_batches *b)
{
	return !b->open || b->number > b->last_number;
}

int
pp_batches_next(struct pp_batches *b, int64_t *row, const char **line,
    size_t *len, struct pp_error *err)
{
	struct held_line l;

	for (;;) {
		if (b->held_count > 0 &&
		    (is_chain_read(b) || b->held[0].row == b->expected))
			break;
		if (!is_chain_read(b)) {
			if (advance(b, err) < 0)
				return -1;
			continue;
		}
		if (b->shard + 1 >= b->shards)
			return 0;
		if (open_next_shard(b, err) < 0)
			return -1;
	}
	l = take_first(b);
	if (l.row < b->expected) {
		free(l.text);
		return pp_error_set(err, PP_EDATA,
		    "row %lld of job '%s' is there twice", (long long)l.row,
		    b->job_id);
	}
	b->expected = l.row + 1;
	free(b->returned);
	b->returned = l.text;
	*row = l.row;
	*line = l.text;
	*len = l.len;
	return 1;
}
