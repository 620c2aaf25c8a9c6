/*
 * What a job will cost, before it is run: prompts of a sample of its rows are
 * rendered for real, and their bytes become tokens and money.
 *
 *	tokens in	a token for every four bytes of prompt and system
 *	tokens out	half of max_tokens, or what the caller knows better
 *	cost		the price of that, of the sample, in proportion
 *	bound		what the budget sets aside for the calls at most: see
 *			pp_price_bound()
 *
 * Earlier answers are filler text: of the expected length for the cost, of all
 * of max_tokens at eight bytes a token for the bound. A step whose `when` says
 * no is not counted in the cost, unless `when` reads an answer, which nobody
 * knows yet; in the bound every step is counted. Rows out of the sample are
 * each as dear in the bound as the dearest one in it. Repeated calls are in
 * neither.
 */
#ifndef PP_JOB_ESTIMATE_H
#define PP_JOB_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "job/plan.h"
#include "job/routes.h"
#include "job/seed_source.h"
#include "job/template_ref.h"
#include "model/catalog.h"

#define PP_ESTIMATE_BYTES_PER_TOKEN 4
#define PP_ESTIMATE_BOUND_BYTES_PER_TOKEN 8

/* No filler text is longer, however large max_tokens is. */
#define PP_ESTIMATE_MAX_FILLER ((size_t)1 << 20)

/* What a step's answers are known to have, on average. */
struct pp_output_size {
	char *step;		/* owned; NULL: every step */
	int64_t tokens;
};

/* Zeroed at first. */
struct pp_output_sizes {
	struct pp_output_size *list;
	size_t count, cap;
};

/* "STEP=N", or "N" for every step. PP_EUSAGE. */
int	pp_output_sizes_add(struct pp_output_sizes *o, const char *text,
	    struct pp_error *err);
void	pp_output_sizes_release(struct pp_output_sizes *o);

/* Calls of one step on one model; or all of them on another model. */
struct pp_estimate_line {
	char *step;			/* owned; NULL: all steps */
	const struct pp_model *model;	/* borrowed; NULL: several */
	int64_t calls;
	int64_t tokens_in, tokens_out;
	int64_t cost_nusd, bound_nusd;
	bool assumed;		/* counted as run: its `when` cannot be told */
};

struct pp_estimate {
	struct pp_estimate_line *lines;	/* in order of steps */
	size_t count, cap;
	struct pp_estimate_line *others; /* one for each model compared */
	size_t other_count;
	int64_t rows, sampled;		/* 0 for prompts */
	int64_t failed;			/* of the sample, not to be rendered */
	char *reason;			/* why the first; or NULL */
};

void	pp_estimate_release(struct pp_estimate *e);

/* Everything in one line. */
void	pp_estimate_total(const struct pp_estimate *e,
	    struct pp_estimate_line *out);

/* What both kinds of estimate are told. All is borrowed. */
struct pp_estimate_options {
	const struct pp_output_sizes *outputs;
	const struct pp_model *const *compare;	/* priced */
	size_t compare_count;
};

struct pp_estimate_job {
	const struct pp_template_ref *template;
	const struct pp_model *const *models;	/* one a step; priced */
	struct pp_seed_source *const *seeds;
	const char *const *names;	/* what each is bound to, or NULL */
	size_t seeds_count;		/* up to PP_MAX_SEED_SETS */
	int64_t rows;
	enum pp_order order;
	uint64_t seed;
	int64_t sample;			/* rows to render; 0: every row */
};

/*
 * Of a job. PP_EUSAGE: `outputs` names a step that is not there; PP_EDATA: not
 * one call could be rendered; what reading seeds gives. `out` is to be
 * released on success.
 */
int	pp_estimate_job(const struct pp_estimate_job *job,
	    const struct pp_estimate_options *options,
	    struct pp_estimate *out, struct pp_error *err);

/*
 * Of prompts as pp-template render prints them, one call each. A line's model
 * counts unless `routes` has a choice for its step. PP_EDATA names the line
 * after `name`.
 */
int	pp_estimate_prompts(int fd, const char *name,
	    const struct pp_catalog *catalog, const struct pp_routes *routes,
	    const struct pp_estimate_options *options,
	    struct pp_estimate *out, struct pp_error *err);

#endif
