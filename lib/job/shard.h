/*
 * One shard of a job in one worker, from claim to end. Shared by the files
 * that make up the worker; nobody else includes it.
 *
 *	fence.c		take over from whoever came before
 *	shard.c		rows in and out: what the generation loop asks for
 *	ahead.c		which row comes next, and its seeds
 *	publish.c	batch, checkpoint, progress, costs
 *	worker.c	claims, leases, signals, endings
 *
 * Invariants:
 * (1) Nothing is sent before the fence stands: an empty batch of this epoch at
 *     the next number, and a checkpoint that names it. From then on an older
 *     worker's batch meets a number that is taken, and its checkpoint an ETag
 *     that is gone.
 * (2) One writer per shard and epoch: nothing is ever merged by adding up.
 * (3) budget = ledger of the checkpoint + pending rows + rows in the loop.
 * (4) What is not yet in a checkpoint is in the journal (embedded home).
 */
#ifndef PP_JOB_SHARD_H
#define PP_JOB_SHARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/error.h"
#include "job/aside.h"
#include "job/budget.h"
#include "job/checkpoint.h"
#include "job/config.h"
#include "job/journal.h"
#include "job/ledger.h"
#include "job/runner.h"
#include "job/seed.h"
#include "model/invoke.h"
#include "net/loop.h"
#include "store/store.h"
#include "template/recipe.h"

/* A finished row on its way into a batch. */
struct pp_pending_row {
	int64_t index;
	char *line;			/* owned */
	size_t len;
};

/* The seeds of a row, read before it begins; task->user. */
struct pp_task_seeds {
	struct pp_bound_row *bound;	/* they as values; NULL before a
					 * prompt */
	size_t count;
	struct pp_buf texts[];
};

/* A row that is to begin, and its seeds once they are read; both owned. */
struct pp_row_ahead {
	struct pp_row *row;
	struct pp_task_seeds *seeds;
};

#define PP_AHEAD_ROWS 256

/*
 * Where the home is out of reach, the rows that are to begin next: a ring, of
 * whose `count` rows the first `read` have their seeds. Bounded by rows and by
 * bytes, but for one record, which may be large.
 */
struct pp_ahead {
	struct pp_row_ahead rows[PP_AHEAD_ROWS];
	size_t first, count, read;
	size_t bytes;			/* of seeds that were read */
	size_t most;			/* rows of a reading */
	bool reading;
};

/*
 * What is to be kept of one moment: texts and numbers of its own, so that it
 * can be published beside the calls that go on.
 */
struct pp_publication {
	struct pp_shard_run *run;	/* not for the one who publishes */
	struct pp_claim claim;
	int shards;
	enum {
		PP_PUBLISH_BATCH,
		PP_PUBLISH_CHECKPOINT,
		PP_PUBLISH_RECORDS
	} stage;			/* what is to be done next */
	char *batch_key;		/* NULL: no row was finished */
	struct iovec *batch;		/* its lines, the header first; owned */
	size_t batch_lines;
	char *checkpoint_key;
	struct pp_buf checkpoint;
	char etag[PP_ETAG_BYTES];	/* of the one there, then of ours */
	int64_t number, rows;
	struct pp_totals totals;
	const struct pp_cost *costs;	/* of run->cp, until the next one */
	size_t cost_count;
	struct pp_journal *journal_before;	/* owned; closed at the end */
	int64_t start_us;
	bool lost;			/* the shard is somebody else's */
};

struct pp_shard_run {
	/* borrowed from the worker */
	struct pp_store *store;
	struct pp_blob *blobs;
	struct pp_loop *loop;
	/* to publish and to read seeds; NULL, both: the home is at hand */
	struct pp_aside *aside, *reader;
	struct pp_claim *claim;
	int64_t checkpoint_ms;		/* T of a checkpoint */
	int64_t hour_nusd;		/* of this worker; 0: not known */
	int retries;
	int64_t grace_ms;		/* for calls on the wire at an end */

	/* what the job is pinned to */
	struct pp_job_config config;
	int64_t budget_limit_nusd;	/* of the record; PP_NO_LIMIT */
	struct pp_recipe *recipe;
	struct pp_render *render;
	struct pp_step_plan *plan;	/* one a step */
	struct pp_seed_set **seeds;	/* one a set of the config */
	int64_t first_row, end_row;	/* the shard's slice */

	/* where it stands */
	struct pp_checkpoint cp;
	struct pp_journal_where where;
	struct pp_journal *journal;	/* NULL: the home has none */
	struct pp_budget budget;
	struct pp_invoker *invoker;
	struct pp_runner *runner;

	/* rows to go on with, then new ones */
	struct pp_row **resumed;	/* owned until they are begun */
	size_t resumed_count, resumed_at;
	int64_t *resumed_rows;		/* their numbers, sorted */
	int64_t next_row;
	bool window_full;
	struct pp_ahead ahead;

	/* rows finished since the last checkpoint */
	struct pp_pending_row *pending;
	size_t pending_count, pending_cap;
	struct pp_ledger pending_ledger;
	struct pp_ledger told;		/* by the cost rows of the checkpoint */
	char *first_reason;		/* why the first failed row failed */
	bool changed;			/* something to keep since then */
	int64_t checkpoint_us;		/* boot clock of the last one */
	int64_t started_us;
	int64_t compute_ms_before, compute_nusd_before;
	struct pp_tally ended_before;	/* calls of the workers before */
	struct pp_timer checkpoint_timer;
	struct pp_publication *publication;	/* under way, or to be tried
						 * again; owned */
	bool publishing;
	bool asking;			/* a grant is under way, or put off */
	struct pp_timer ask_timer;
	int64_t grant_us;		/* of the last ask for money */
	bool limit_reached;		/* no more money can be had */
	bool others_hold;		/* because other shards have it */
	int64_t spent_at_start;
	int64_t answers;		/* in this run: progress */
	bool lost;			/* the shard is somebody else's */
	bool lease_over;		/* or may become so: nobody said yet */
	int64_t lease_end_us;		/* boot clock */
	int64_t lease_end_wall_ms;	/* as others see it */
	struct pp_buf record, category, seed_json;
};

/* shard.c: read what the job is pinned to. To be closed also on failure. */
int	pp_shard_open(struct pp_shard_run *run, struct pp_error *err);
void	pp_shard_close(struct pp_shard_run *run);
extern const struct pp_runner_ops pp_shard_ops;

/*
 * End the loop for an error. Calls on the wire are paid for and get their
 * grace, unless the shard is somebody else's: nobody could keep the answers.
 */
void	pp_shard_fail(struct pp_shard_run *run, const struct pp_error *why);

/*
 * ahead.c: the next row of the shard and its seeds, into task->row and
 * task->user, both owned. As next() of the loop's ops.
 */
int	pp_shard_next_row(struct pp_shard_run *run, struct pp_task *task,
	    struct pp_error *err);
void	pp_task_seeds_free(struct pp_task_seeds *seeds);

/* Rows that were taken over or picked and have not begun. */
void	pp_shard_each_ahead(const struct pp_shard_run *run,
	    void (*fn)(void *arg, struct pp_row *row), void *arg);
void	pp_shard_drop_ahead(struct pp_shard_run *run);

/* How many rows may be done or begun beyond the low-water mark. */
int64_t	pp_shard_window(const struct pp_shard_run *run);

/* Totals as of now. */
void	pp_shard_totals(const struct pp_shard_run *run, struct pp_totals *out);

/*
 * fence.c: read the checkpoint, adopt what predecessors published, put the
 * fence, replay the journal, save the checkpoint. PP_ECONFLICT: a younger
 * worker has the shard.
 */
int	pp_shard_fence(struct pp_shard_run *run, struct pp_error *err);

/*
 * publish.c: keep everything up to now. PP_ECONFLICT (and run->lost): a
 * younger worker has the shard. _schedule sets the timer for the next.
 */
int	pp_shard_checkpoint(struct pp_shard_run *run, struct pp_error *err);
void	pp_shard_drop_publication(struct pp_shard_run *run);
void	pp_shard_schedule(struct pp_shard_run *run);

#endif
