/*
 * Which model does which step: --model options over a template's own wishes.
 */
#ifndef PP_JOB_ROUTES_H
#define PP_JOB_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/catalog.h"
#include "template/recipe.h"

struct pp_route_choice {
	char *step;		/* NULL: every step */
	char *model;		/* a name or a tier */
};

/* Zeroed at first. */
struct pp_routes {
	struct pp_route_choice *list;
	size_t count, cap;
};

/* "STEP=MODEL", or "MODEL" for every step. PP_EUSAGE. */
int	pp_routes_add(struct pp_routes *r, const char *text,
	    struct pp_error *err);
void	pp_routes_release(struct pp_routes *r);

/*
 * A model for each step into out[step_count], borrowed from the catalog. The
 * step's own choice counts before that for every step. PP_EUSAGE: a choice for
 * a step that is not there; PP_ENOENT, PP_ECONFIG: see pp_route(); a model
 * without a price or that cannot be called from here is PP_ECONFIG.
 * `*costs_money`: one of them is not free.
 */
int	pp_routes_resolve(const struct pp_routes *r,
	    const struct pp_catalog *catalog, const struct pp_recipe *recipe,
	    const struct pp_model **out, bool *costs_money,
	    struct pp_error *err);

/*
 * The same for an estimate: a price is enough, a model need not be callable
 * from here (see pp_route_price()).
 */
int	pp_routes_resolve_prices(const struct pp_routes *r,
	    const struct pp_catalog *catalog, const struct pp_recipe *recipe,
	    const struct pp_model **out, struct pp_error *err);

/* What was chosen for a step, its own or for every step; or NULL. */
const char *pp_routes_choice(const struct pp_routes *r, const char *step);

/* The model for prompts that name none; NULL when no option chose one. */
int	pp_routes_resolve_prompts(const struct pp_routes *r,
	    const struct pp_catalog *catalog, const struct pp_model **out,
	    bool *costs_money, struct pp_error *err);

#endif
