/*
 * Batches: the finished rows of a job, in objects that never change.
 *
 *	jobs/{job_id}/outputs/batch-000000001.jsonl		one shard
 *	jobs/{job_id}/outputs/batch-00002-000000001.jsonl	shard 2 of more
 *
 * The first line is a header, then follows one line a row, in order of row.
 * Each header holds the SHA-256 of the batch before, and the checkpoint that
 * of the last one, so what is on the chain is exactly what was paid for, and a
 * missing, cut or changed batch is found. Only the writer of the shard's epoch
 * can add to it: see the fence in worker.c.
 */
#ifndef PP_JOB_BATCH_H
#define PP_JOB_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "store/blob.h"

/* A batch larger than this is damaged or not ours. */
#define PP_BATCH_MAX_BYTES ((size_t)1 << 30)

struct pp_batch_head {
	char job_id[PP_ID_BYTES];
	int shard;
	int64_t number;				/* from 1 */
	int64_t epoch;				/* of its writer's claim */
	char writer[PP_ID_BYTES];
	char previous[PP_SHA256_HEX_BYTES];	/* "" for the first */
	int64_t rows, failed;			/* lines; of them failed ones */
	int64_t first_row, last_row;		/* -1 when empty */
};

/* Returns owned (free(3)) the object's key. `shards` is the job's number. */
char	*pp_batch_key(const char *job_id, int shards, int shard,
	    int64_t number);
char	*pp_checkpoint_key(const char *job_id, int shards, int shard);

/* Append the header line. */
void	pp_batch_put_head(const struct pp_batch_head *h, struct pp_buf *out);

/*
 * Read the header line of a batch; `*body` is the offset of the first row.
 * PP_EDATA.
 */
int	pp_batch_read_head(const char *text, size_t len,
	    struct pp_batch_head *h, size_t *body, struct pp_error *err);

/*
 * The rows of a job, those on the chain, in order of row. The chain is checked
 * on the way: nothing is returned from a batch that was not confirmed by the
 * one after it or by the checkpoint. Memory depends on how far rows were
 * started ahead of each other, not on the size of the job.
 */
struct pp_batches;

/* `blobs` is borrowed. Returns owned, or NULL. */
struct pp_batches *pp_batches_open(struct pp_blob *blobs, const char *job_id,
	    int shards, int64_t rows, struct pp_error *err);
void	pp_batches_close(struct pp_batches *b);

/*
 * The next row's line, without its newline, borrowed until the next call.
 * 1, 0 after the last, -1 with PP_EDATA naming the batch, or PP_EIO.
 */
int	pp_batches_next(struct pp_batches *b, int64_t *row, const char **line,
	    size_t *len, struct pp_error *err);

#endif
