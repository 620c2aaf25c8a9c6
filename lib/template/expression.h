/*
 * Expressions of the prompt language on their own: on rows of JSON, to choose
 * among them or to make values of them.
 *
 *	score > 7 and steps.judge.output | lower == "yes"
 *
 * What is undefined is an error, as in prompts; chance is that of the row.
 */
#ifndef PP_TEMPLATE_EXPRESSION_H
#define PP_TEMPLATE_EXPRESSION_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

/* Several expressions, evaluated on one row after the other. */
struct pp_expressions;

/* Returns owned. */
struct pp_expressions *pp_expressions_new(void);
void	pp_expressions_free(struct pp_expressions *e);

/*
 * Add one. Returns its number, from 0; or -1 with PP_EUSAGE, which shows the
 * place.
 */
int	pp_expressions_add(struct pp_expressions *e, const char *text,
	    size_t len, struct pp_error *err);

/* A row begins: no name is known. The same `chance` draws the same numbers. */
void	pp_expressions_begin(struct pp_expressions *e, uint64_t chance);

/* The members of an object are names; of one name the last counts. Copied. */
void	pp_expressions_bind(struct pp_expressions *e,
	    const struct pp_json *object);

/* Whether the value is true: 1, 0, or -1 with PP_EDATA or PP_ELIMIT. */
int	pp_expressions_test(struct pp_expressions *e, int number,
	    struct pp_error *err);

/* Append the value as JSON. 0, or -1 with PP_EDATA or PP_ELIMIT. */
int	pp_expressions_put(struct pp_expressions *e, int number,
	    struct pp_buf *out, struct pp_error *err);

#endif
