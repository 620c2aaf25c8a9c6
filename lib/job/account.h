/*
 * What one job has cost: exact, with every attempt, as of the last checkpoint
 * of each shard. Checkpoints and batches are the truth about money; the two
 * are checked against each other here.
 */
#ifndef PP_JOB_ACCOUNT_H
#define PP_JOB_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "job/ledger.h"
#include "job/tally.h"
#include "store/store.h"

struct pp_account {
	struct pp_ledger ledger;	/* finished and unfinished rows */
	int64_t open_rows;		/* unfinished ones with a cost */
	int64_t compute_ms;		/* of all workers */
	int64_t compute_nusd;		/* its price, where it is known */
	struct pp_tally ended;		/* their calls, by class */
	/* calls on the wire at the checkpoints, and what they may cost */
	int64_t calls_on_wire, on_wire_nusd;
	int64_t as_of_ms;		/* the oldest checkpoint; 0: none */
};

/* PP_EDATA (a checkpoint is damaged), PP_EIO. To be released on success. */
int	pp_account_load(struct pp_store *s, const struct pp_job *job,
	    struct pp_account *out, struct pp_error *err);
void	pp_account_release(struct pp_account *a);

/*
 * Read every row on the chain and check that rows and checkpoints add up to
 * the same calls, tokens and money, step by step and model by model.
 * PP_EBUG, naming what differs; PP_EDATA, PP_EIO; PP_ETEMP: a worker goes on
 * with the job all the while.
 */
int	pp_account_verify(struct pp_store *s, const struct pp_job *job,
	    struct pp_error *err);

#endif
