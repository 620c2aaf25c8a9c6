/*
 * Names to slots, filters to functions, constants to values.
 *
 * Jinja's rules about scopes are those of the Python code that it generates:
 * a scope looks through all of its statements first; a name that it stores
 * begins as a copy of the outer one, as undefined, or, when only a branch of
 * an `if` stores it, as what the context has. Names that nothing stores are
 * looked up in the context when they are used first.
 */
#ifndef PP_TEMPLATE_RESOLVE_H
#define PP_TEMPLATE_RESOLVE_H

#include "template/parser.h"
#include "template/template.h"

/* Complete a parsed template. 0, or -1 with the error in p->rt. */
int	pp_resolve(struct pp_parser *p, struct pp_template *t);

#endif
