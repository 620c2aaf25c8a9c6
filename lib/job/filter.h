/*
 * The worker as a plain filter: seeds on a descriptor in, finished rows on
 * another out, with the same prompts, calls, retries and money as a job, and
 * no store at all. What a row is, is in pp-record(5).
 */
#ifndef PP_JOB_FILTER_H
#define PP_JOB_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "job/ledger.h"
#include "model/catalog.h"
#include "template/recipe.h"

/* A line of input may have at most this many bytes. */
#define PP_FILTER_MAX_LINE ((size_t)16 << 20)

struct pp_filter_options {
	int in_fd, out_fd;		/* borrowed */
	const char *in_name;		/* for errors: "standard input" */
	const struct pp_recipe *recipe;	/* borrowed; NULL: lines are prompts */
	const struct pp_model *const *models;	/* one a step; borrowed */
	/*
	 * Lines are prompts: the model of a line that names none (may be
	 * NULL), and where names are looked up.
	 */
	const struct pp_model *prompt_model;
	const struct pp_catalog *catalog;
	int64_t budget_nusd;		/* or PP_NO_LIMIT */
	bool ordered;			/* rows come out in order of input */
	uint64_t seed;
	int concurrency, retries;
	int64_t grace_ms, deadline_ms, backoff_ms, row_timeout_ms;
};

/*
 * Run it to the end of the input. Returns the exit status: 0; 1 when rows came
 * in and none succeeded; 3 when the budget was reached; 75, 69, 77 ... For
 * those that are not 0, `err` says why. `spent` gets what was spent, for every
 * status. Rows that were begun and not finished are written as failed ones, so
 * that what they cost is on record.
 */
int	pp_filter_run(const struct pp_filter_options *options,
	    struct pp_ledger *spent, struct pp_error *err);

#endif
