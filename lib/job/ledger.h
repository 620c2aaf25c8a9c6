/*
 * What was spent, by step and model: the sums behind budgets and reports.
 */
#ifndef PP_JOB_LEDGER_H
#define PP_JOB_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "job/row.h"
#include "store/store.h"

struct pp_ledger_entry {
	char *step, *model;		/* owned */
	int64_t calls;			/* attempts that were sent */
	struct pp_usage usage;
	int64_t cost_nusd;		/* proven */
	int64_t unproven_nusd;
};

struct pp_ledger {
	struct pp_ledger_entry *entries;	/* in order of first use */
	size_t count, cap;
	int64_t rows_done, rows_failed;
	/*
	 * Money of which not even the row is known: what was granted and
	 * unspent when power was lost. Counts as unproven.
	 */
	int64_t lost_nusd;
};

#define PP_LEDGER_INIT { .entries = NULL }

void	pp_ledger_release(struct pp_ledger *l);

/* Add one step of a row. Rows themselves are counted by the caller. */
void	pp_ledger_add_step(struct pp_ledger *l, const char *step,
	    const char *model, const struct pp_row_step *s);

/* Add all steps of a row, finished or not; it is not counted as a row. */
void	pp_ledger_add_row(struct pp_ledger *l, const struct pp_row *r,
	    const struct pp_step_plan *plan);

/* Add a line of a batch (or of the filter), and count the row. */
int	pp_ledger_add_line(struct pp_ledger *l, const struct pp_json *line,
	    struct pp_error *err);

/* Add all of `from`. */
void	pp_ledger_add(struct pp_ledger *l, const struct pp_ledger *from);

/* Sums over everything. */
void	pp_ledger_totals(const struct pp_ledger *l, struct pp_totals *out);

/* The entry of a step and model, or NULL. */
const struct pp_ledger_entry *pp_ledger_find(const struct pp_ledger *l,
	    const char *step, const char *model);

/* All entries in one that has no step and no model. */
void	pp_ledger_sum(const struct pp_ledger *l, struct pp_ledger_entry *out);

/*
 * Sums that would pass what can be counted stay at the most: 0, or -1 with
 * PP_EDATA when one has come to that.
 */
int	pp_ledger_check_sums(const struct pp_ledger *l, struct pp_error *err);

/* As a JSON object, and back (`l` empty at first). */
void	pp_ledger_put_json(const struct pp_ledger *l, struct pp_buf *out);
int	pp_ledger_from_json(const struct pp_json *v, struct pp_ledger *l,
	    struct pp_error *err);

#endif
