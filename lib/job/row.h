/*
 * A row on its way: which steps are done, what they gave and what they cost.
 *
 * Costs are kept per step and count every attempt, also those that failed. A
 * finished row becomes one line of a batch, an unfinished one an entry of the
 * checkpoint; both forms are documented in pp-record(5).
 */
#ifndef PP_JOB_ROW_H
#define PP_JOB_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "job/plan.h"
#include "model/invoke.h"

#define PP_ATTEMPT_ID_BYTES 48

/* A failed row keeps at most this much of the reply that failed it. */
#define PP_RAW_REPLY_BYTES 4096

/* How one step is run: what a template and a catalog say together. */
struct pp_step_plan {
	const char *id;
	const struct pp_model *model;
	int64_t max_tokens;
	const char *temperature, *top_p;	/* text, or NULL */
	const char *const *stop;
	const struct pp_json_schema *schema;	/* or NULL */
	bool cache;
};

enum pp_step_state { PP_STEP_TODO, PP_STEP_DONE, PP_STEP_SKIPPED };

struct pp_row_step {
	enum pp_step_state state;
	char *output;			/* owned; DONE only */
	size_t output_len;
	enum pp_finish finish;
	char key[PP_ATTEMPT_ID_BYTES];	/* the attempt that gave the output */
	int attempts;			/* that were sent */
	int tries;			/* of them, those that count as tries */
	struct pp_usage usage;		/* of all attempts */
	int64_t cost_nusd;		/* proven */
	int64_t unproven_nusd;
};

struct pp_row {
	int64_t index;
	size_t step_count;
	struct pp_row_step *steps;	/* owned */
	size_t at;			/* the step to do next */
	bool failed;
	struct {			/* when failed */
		const char *class;	/* static text */
		int http_status;
		char *reason;		/* owned */
		char *raw;		/* owned, may be NULL */
		size_t raw_len;
	} failure;
};

/* Returns owned (pp_row_free()). */
struct pp_row *pp_row_new(int64_t index, size_t step_count);
void	pp_row_free(struct pp_row *r);

/* A step's answer; the text is copied. */
void	pp_row_set_output(struct pp_row *r, size_t step, const char *text,
	    size_t len, enum pp_finish finish, const char *key);

/*
 * Mark it failed at its current step. `class` is static text; `raw` (may be
 * NULL) is cut to PP_RAW_REPLY_BYTES.
 */
void	pp_row_fail(struct pp_row *r, const char *class, int http_status,
	    const char *reason, const char *raw, size_t raw_len);

/* What all attempts of the row have cost. */
int64_t	pp_row_cost(const struct pp_row *r);
int64_t	pp_row_unproven(const struct pp_row *r);

/* How long the outputs of its steps are, together. */
size_t	pp_row_output_bytes(const struct pp_row *r);

/* What is said of a finished row besides its steps. */
struct pp_row_extra {
	const char *id;
	const struct pp_buf *category;	/* "" when there is none */
	const struct pp_buf *record;	/* JSON; ignored for failed rows */
	const struct pp_buf *seed;	/* JSON; failed rows only; or NULL */
	int64_t done_at_ms;
};

/* Append the finished row as a line (with its newline). */
void	pp_row_put_line(const struct pp_row *r, const struct pp_step_plan *plan,
	    const struct pp_row_extra *extra, struct pp_buf *out);

/* An unfinished row as JSON for a checkpoint, and back. */
void	pp_row_put_open(const struct pp_row *r, struct pp_buf *out);

/* Returns owned, or NULL with PP_EDATA. */
struct pp_row *pp_row_from_open(const struct pp_json *v, size_t step_count,
	    struct pp_error *err);

/*
 * Members of a step as rows and checkpoints have them. A missing one is 0;
 * -1: it is not what it should be.
 */
int	pp_row_read_usage(const struct pp_json *v, struct pp_usage *out);
int	pp_row_read_money(const struct pp_json *v, const char *key,
	    int64_t *nusd);

#endif
