/*
 * Which names a scope stores and reads, and the slots they get.
 *
 * A scope first reads through its statements (pp_scope_read_list(), which
 * does not go into scopes inside of it); then every name in it has a place,
 * and pp_scope_finish() gives what is to be done when it is entered.
 */
#ifndef PP_TEMPLATE_SCOPE_H
#define PP_TEMPLATE_SCOPE_H

#include "template/parser.h"

struct pp_variable {
	struct pp_variable *next;	/* in the order of definition */
	struct pp_variable *chain;	/* of its hash bucket */
	struct pp_atom *name;
	struct pp_variable *outer;	/* what it begins as, or NULL */
	struct pp_scope *scope;
	uint16_t slot;
	bool stored, parameter;
	bool from_context;	/* else it begins as missing */
};

struct pp_scope {
	struct pp_scope *parent;
	struct pp_parser *parser;
	struct pp_slots *slots;		/* of the function it belongs to */
	struct pp_variable *first, *last;
	struct pp_variable **bucket;
	uint32_t buckets, count;	/* a power of two */
	int branches;			/* `if`s that reading is inside of */
};

/* A scope in `parent`; a new function's own when `fn` is not NULL. */
struct pp_scope *pp_scope_new(struct pp_parser *p, struct pp_scope *parent,
	    const struct pp_function *fn);

/* Declare a parameter; returns its slot. */
int	pp_scope_param(struct pp_scope *s, struct pp_atom *name);

/* Names that an assignment to `target` stores. */
void	pp_scope_target(struct pp_scope *s, struct pp_node *target,
	    bool as_param);

/* Names in an expression; in statements. */
void	pp_scope_read(struct pp_scope *s, struct pp_node *n);
void	pp_scope_read_list(struct pp_scope *s, const struct pp_list_of *l);

/* Where a name is, as seen from `s`. */
struct pp_place pp_scope_place(struct pp_scope *s, struct pp_atom *name);
struct pp_scope_info pp_scope_finish(struct pp_scope *s);
uint32_t pp_scope_slots(const struct pp_scope *s);

/* All stored names that are to be seen from `s`. */
struct pp_locals pp_scope_locals(struct pp_scope *s);

/* Whether the statements read `name` before they store it. */
bool	pp_scope_uses(const struct pp_list_of *body, const char *name);

#endif
