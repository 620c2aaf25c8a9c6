/*
 * Whether a record has what a recipe needs. In a job with one seed set the
 * record's members are the prompts' names; with several each set is bound to a
 * name, and of each record only what is read under that name is needed.
 */
#ifndef PP_JOB_SEED_NEED_H
#define PP_JOB_SEED_NEED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "job/seed_input.h"
#include "template/recipe.h"

struct pp_seed_need {
	const struct pp_recipe *recipe;	/* borrowed; NULL: nothing is needed */
	const char *as;			/* the name, borrowed, or NULL */
	struct pp_buf text;		/* the record under its name */
	struct pp_json_doc doc;
};

#define PP_SEED_NEED_INIT { .text = PP_BUF_INIT }

/* Whether the recipe reads anything, needed or not, of a set of this name. */
bool	pp_seed_need_has_name(const struct pp_recipe *recipe,
	    const char *name);

void	pp_seed_need_release(struct pp_seed_need *n);

/*
 * Check one record. 0; or -1 with PP_EDATA: "missing required field: x.y". The
 * next call with the same record and `*next`, which is 0 at first, goes on to
 * what else is missing.
 */
int	pp_seed_need_check(struct pp_seed_need *n,
	    const struct pp_seed_record *record, size_t *next,
	    struct pp_error *err);

#endif
