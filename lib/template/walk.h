/*
 * Going through a syntax tree without knowing every kind of node.
 */
#ifndef PP_TEMPLATE_WALK_H
#define PP_TEMPLATE_WALK_H

#include "template/ast.h"

/* Called for a child; false stops the walk. */
typedef bool pp_walk_fn(void *arg, struct pp_node *child);

/*
 * Each direct child of `n` in the order of the source, bodies included. False
 * when it was stopped.
 */
bool	pp_walk_children(struct pp_node *n, pp_walk_fn *fn, void *arg);

/* The same for a list. */
bool	pp_walk_list(const struct pp_list_of *l, pp_walk_fn *fn, void *arg);

#endif
