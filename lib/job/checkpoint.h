/*
 * The checkpoint of a shard: everything that a successor needs, in one object
 * whose size depends on what is in flight and never on how much is done.
 *
 *	jobs/{job_id}/checkpoint.json		one shard
 *	jobs/{job_id}/checkpoint-00002.json	shard 2 of more
 *
 * Invariants:
 * (1) A batch is on the chain exactly when the checkpoint, or a later batch on
 *     the chain, names its SHA-256.
 * (2) `closed` holds what the rows on the chain cost, `open` what unfinished
 *     rows have cost so far: together that is all that was spent, proven or
 *     not, up to `journal_generation`.
 * (3) Every row below `low_water` is on the chain, and so is every row in
 *     `done`; no other row of the slice is.
 * (4) The rows of the cost table up to `costs` add up to (2), but for what is
 *     unproven.
 * (5) It is replaced only under the ETag that was read, by a writer whose epoch
 *     is not lower.
 */
#ifndef PP_JOB_CHECKPOINT_H
#define PP_JOB_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "job/ledger.h"
#include "job/row.h"
#include "job/tally.h"
#include "store/blob.h"

/* Rows [first, end) that are done, above the low-water mark. */
struct pp_span {
	int64_t first, end;
};

/* An attempt on the wire: its reservation may turn out to be spent. */
struct pp_open_attempt {
	char id[PP_ATTEMPT_ID_BYTES];
	int64_t row;
	size_t step;
	int64_t reserved_nusd;
};

struct pp_checkpoint {
	char job_id[PP_ID_BYTES];
	int shard;
	int64_t epoch;
	char writer[PP_ID_BYTES];
	int64_t last_updated_ms;
	int64_t number;			/* of this checkpoint, from 1 */
	int64_t last_batch;		/* number; 0: none */
	char last_batch_sha[PP_SHA256_HEX_BYTES];
	int64_t low_water;
	struct pp_span *done;		/* sorted, apart from each other */
	size_t done_count, done_cap;
	struct pp_row **open;		/* unfinished rows; owned */
	size_t open_count;
	struct pp_open_attempt *attempts;	/* owned */
	size_t attempt_count;
	struct pp_ledger closed;
	int64_t journal_generation;	/* generations below are covered */
	int64_t compute_ms;		/* of all workers so far */
	int64_t compute_nusd;		/* its price, where that is known */
	struct pp_tally ended;		/* calls of all workers, by class */
	/* its cost rows, of what was spent since the one before; see cost_rows.h */
	struct pp_cost *costs;		/* owned */
	size_t cost_count;
	/* what no cost row tells yet */
	int64_t untold_ms;		/* of compute_ms */
	int64_t untold_nusd;		/* of compute_nusd */
	int64_t untold_operations;	/* on objects */
	char etag[PP_ETAG_BYTES];	/* as read or written */
};

void	pp_checkpoint_release(struct pp_checkpoint *cp);

/* Forget its cost rows. */
void	pp_checkpoint_drop_costs(struct pp_checkpoint *cp);

/*
 * Read it. 1; 0 when there is none (`out` is then empty, with the ids filled
 * in); -1 with PP_EDATA naming the object, or PP_EIO. To be released if 1.
 */
int	pp_checkpoint_load(struct pp_blob *blobs, const char *job_id,
	    int shards, int shard, struct pp_checkpoint *out,
	    struct pp_error *err);

/* It becomes the next one, of now. */
void	pp_checkpoint_advance(struct pp_checkpoint *cp);

/*
 * Write it under the condition of cp->etag ("" means: there is none yet), and
 * set cp->etag to the new one. PP_ECONFLICT: somebody else was faster.
 */
int	pp_checkpoint_save(struct pp_blob *blobs, int shards,
	    struct pp_checkpoint *cp, struct pp_error *err);

/* Append its JSON text. */
void	pp_checkpoint_put_json(const struct pp_checkpoint *cp,
	    struct pp_buf *out);

/* What an open row has used and cost so far. */
void	pp_row_add_totals(const struct pp_row *r, struct pp_totals *out);

/* Everything spent so far, finished rows and open ones. */
void	pp_checkpoint_totals(const struct pp_checkpoint *cp,
	    struct pp_totals *out);

/* Whether `row` is on the chain. */
bool	pp_checkpoint_has_row(const struct pp_checkpoint *cp, int64_t row);

/* Note that `row` is on the chain now. */
void	pp_checkpoint_mark_row(struct pp_checkpoint *cp, int64_t row);

#endif
