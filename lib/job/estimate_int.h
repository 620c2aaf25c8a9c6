/*
 * Calls added up, by step and model, at the prices of their own models and of
 * those compared. Shared by the two kinds of estimate.
 */
#ifndef PP_JOB_ESTIMATE_INT_H
#define PP_JOB_ESTIMATE_INT_H

#include "job/estimate.h"

struct pp_estimator_money {
	int64_t cost_nusd, bound_nusd;
	int64_t dearest_nusd;		/* bound of one call */
};

struct pp_estimator_line {
	char *step;			/* owned */
	const struct pp_model *model;
	int64_t calls, tokens_in, tokens_out;
	struct pp_estimator_money own;
	struct pp_estimator_money *others;	/* owned; one a model */
};

/* Its options are set, the rest is zeroed at first. */
struct pp_estimator {
	const struct pp_estimate_options *options;
	struct pp_estimator_line *lines;
	size_t count, cap;
};

void	pp_estimator_release(struct pp_estimator *e);

/* The line of a step and model, made when there is none; borrowed until the
 * next call. */
struct pp_estimator_line *pp_estimator_line(struct pp_estimator *e,
	    const char *step, const struct pp_model *model);

/* A call that is expected, and the most that one can cost. */
void	pp_estimator_expect(const struct pp_estimator *e,
	    struct pp_estimator_line *line, size_t bytes, int64_t tokens_out);
void	pp_estimator_bound(const struct pp_estimator *e,
	    struct pp_estimator_line *line, size_t bytes, int64_t max_tokens);

/* How many tokens an answer of the step is expected to have. */
int64_t	pp_estimator_tokens_out(const struct pp_estimator *e,
	    const char *step, int64_t max_tokens);

/*
 * Fill in lines and others: `sampled` rows stand for `rows`; both are 0 when
 * what was added is all there is.
 */
void	pp_estimator_finish(struct pp_estimator *e, int64_t rows,
	    int64_t sampled, struct pp_estimate *out);

#endif
