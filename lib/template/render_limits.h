/*
 * The bounds of a render by their names, as options give them. What each is
 * and what it is unless given stands in pp-template(5).
 */
#ifndef PP_TEMPLATE_RENDER_LIMITS_H
#define PP_TEMPLATE_RENDER_LIMITS_H

#include "base/error.h"
#include "template/recipe.h"
#include "template/runtime.h"

/* "memory=8MiB": 0, or -1 with PP_EUSAGE. */
int	pp_limits_set(struct pp_limits *l, const char *text,
	    struct pp_error *err);

/* The same as the runtime takes them. */
struct pp_bounds pp_limits_bounds(const struct pp_limits *l);

#endif
