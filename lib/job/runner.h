/*
 * The generation loop: rows in, model calls out, finished rows handed over.
 *
 * One thread and one event loop keep thousands of rows in flight. A row is a
 * small state machine:
 *
 *	render -> reserve -> call -> settle -> next step ... -> done
 *	   |         |         |
 *	   |         |         +-> retry later (holds no slot, no money)
 *	   |         +-> wait for money
 *	   +-> failed (the template's fault)
 *
 * Open rows go before new ones, so that rows finish depth-first. The loop
 * knows no store: whoever runs it (a job's worker, the filter) gives rows and
 * money and takes results through `struct pp_runner_ops`.
 */
#ifndef PP_JOB_RUNNER_H
#define PP_JOB_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "job/budget.h"
#include "job/journal.h"
#include "job/row.h"
#include "job/tally.h"
#include "model/invoke.h"
#include "net/loop.h"

struct pp_runner;

/* A row in the loop. `user` is the caller's; the rest is read-only to it. */
struct pp_task {
	struct pp_row *row;			/* owned by the task */
	const struct pp_step_plan *plan;	/* borrowed; one a step */
	uint64_t chance;			/* of the row */
	void *user;
};

/* Why the loop ended. */
enum pp_run_end {
	PP_RUN_DONE,		/* no more rows */
	PP_RUN_BUDGET,		/* the next call does not fit */
	PP_RUN_STOPPED,		/* pp_runner_stop() */
	PP_RUN_THROTTLED,	/* throttled for longer than the deadline */
	PP_RUN_DOWN,		/* a service is down for longer than that */
	PP_RUN_CREDENTIALS,	/* credentials refused */
	PP_RUN_WAITING,		/* others hold the money that is left */
	PP_RUN_QUOTA,		/* the account's allowance is used up */
	PP_RUN_OVERRUN,		/* a model charged more than its bound */
	PP_RUN_ERROR		/* one of the ops failed; err says why */
};

enum pp_fund {
	PP_FUND_GRANTED,
	PP_FUND_LATER,	/* others hold money that may come back */
	PP_FUND_ASKED,	/* the answer is on its way: the loop turns then */
	PP_FUND_NONE
};

struct pp_runner_ops {
	/*
	 * Begin the next row: set task->row (owned by the task from then on),
	 * plan, chance and user. 1; 0 when there are no more; 2 when there is
	 * none now (pp_runner_wake() when there is); -1.
	 */
	int (*next)(void *arg, struct pp_task *task, struct pp_error *err);

	/*
	 * Render the task's step row->at. `*skip`: it is not to be done. -1
	 * with PP_EDATA or PP_ELIMIT fails the row, any other code the run.
	 */
	int (*prompt)(void *arg, struct pp_task *task, bool *skip,
	    struct pp_buf *system, struct pp_buf *prompt,
	    struct pp_error *err);

	/* The row is finished, good or failed. */
	int (*done)(void *arg, struct pp_task *task, struct pp_error *err);

	/* The task goes away (after done(), or at the end): free `user`. */
	void (*drop)(void *arg, struct pp_task *task);

	/*
	 * An attempt is about to be sent; one has ended. flush() comes before
	 * attempts that were told of are sent, and once a turn: what was said
	 * is then to be where it outlives the process. If it fails, they are
	 * not sent. Any of them may be NULL.
	 */
	int (*on_try)(void *arg, const struct pp_journal_try *t,
	    struct pp_error *err);
	int (*on_end)(void *arg, const struct pp_journal_end *e,
	    struct pp_error *err);
	int (*flush)(void *arg, struct pp_error *err);

	/*
	 * A call needs `need_nusd`, more than is free in the budget: raise
	 * budget->granted_nusd if that may be. LATER: others hold money that
	 * may come back; it is asked again within a second.
	 */
	int (*fund)(void *arg, int64_t need_nusd, enum pp_fund *answer,
	    struct pp_error *err);

	/*
	 * Nothing fits and nothing is on the wire: give back what is free, so
	 * that two who wait for each other's do not wait for ever. May be
	 * NULL when fund() never says LATER.
	 */
	int (*unfund)(void *arg, struct pp_error *err);
};

struct pp_runner_options {
	int concurrency;		/* calls in flight */
	int retries;			/* of one call, beyond the first try */
	int64_t backoff_ms;		/* before the first retry; doubles */
	int64_t deadline_ms;		/* of trouble without a success */
	int64_t row_timeout_ms;		/* of a row from its beginning; 0: no
					 * bound. It fails then. */
	int64_t grace_ms;		/* for calls on the wire at an end that
					 * comes from within */
	const char *attempt_prefix;	/* makes attempt ids unique; borrowed */
	uint64_t first_attempt;		/* counts on from here */
};

/*
 * `loop`, `invoker`, `budget` and `ops` are borrowed and outlive it. Returns
 * owned.
 */
struct pp_runner *pp_runner_new(struct pp_loop *loop,
	    struct pp_invoker *invoker, struct pp_budget *budget,
	    const struct pp_runner_options *options,
	    const struct pp_runner_ops *ops, void *arg);

/* Drops what is left. */
void	pp_runner_free(struct pp_runner *r);

/* Run until there is an end. 0 with `*end`, and `why` for all but DONE. */
int	pp_runner_run(struct pp_runner *r, enum pp_run_end *end,
	    struct pp_error *why);

/*
 * Begin no more calls; calls on the wire have `grace_ms` to come home, then
 * they are cancelled. The first call's `end` counts; a second call shortens
 * the grace. `why` (may be NULL) is copied. May be called from callbacks.
 */
void	pp_runner_stop(struct pp_runner *r, enum pp_run_end end,
	    int64_t grace_ms, const struct pp_error *why);

/* next() would have something now. */
void	pp_runner_wake(struct pp_runner *r);

/*
 * The tasks under way, for a checkpoint: call `fn` for each. `attempt` is the
 * one on the wire, or NULL.
 */
void	pp_runner_each(struct pp_runner *r,
	    void (*fn)(void *arg, struct pp_task *task,
	    const struct pp_journal_try *attempt), void *arg);

struct pp_runner_counters {
	int64_t calls;			/* that were sent */
	struct pp_tally ended;		/* and what became of them */
	int in_flight, tasks;
};

void	pp_runner_counters(const struct pp_runner *r,
	    struct pp_runner_counters *out);

#endif
