/*
 * Which fields of the seeds a template reads: the evaluator's shadow, which
 * runs the code on paths instead of values. A name that no statement stored
 * is a field; `x.y` of a field is one, an item of it is `x[]`; loops, set,
 * with, macros, includes and filters hand paths on.
 */
#ifndef PP_TEMPLATE_FIELDS_H
#define PP_TEMPLATE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "template/template.h"

/* A field as it was found; several finds of one path are merged. */
struct pp_found_field {
	const char *path;	/* "poems[].text" */
	bool required;		/* read without a test or default somewhere */
	const struct pp_source *source;	/* of the first read */
	uint32_t pos;
};

struct pp_fields {
	struct pp_arena arena;
	struct pp_found_field *list;
	size_t count, cap;
};

/*
 * Add what a template reads. `engine` (may be NULL) has the fragments. Its
 * work is bounded: code that calls itself is gone through once.
 */
void	pp_fields_scan(struct pp_fields *f, const struct pp_template *t,
	    struct pp_engine *engine);
void	pp_fields_release(struct pp_fields *f);

#endif
