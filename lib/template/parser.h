/*
 * Tokens to the syntax tree. The grammar functions return NULL once there is
 * an error, which stays in the runtime; the lexer gives only PP_TOK_EOF then.
 */
#ifndef PP_TEMPLATE_PARSER_H
#define PP_TEMPLATE_PARSER_H

#include "template/ast.h"
#include "template/lexer.h"
#include "template/template.h"

#define PP_ATOM_BUCKETS 256

/* A growing list of nodes while its length is not known. */
struct pp_nodes {
	struct pp_node **item;
	size_t count, cap;
};

/* A block tag that waits for its end. */
struct pp_open_tag {
	const char *name;
	const char *const *ends;	/* what may end it, NULL last */
	uint32_t pos;
};

struct pp_parser {
	struct pp_rt *rt;
	struct pp_lexer lexer;
	struct pp_token token, ahead;
	bool has_ahead;
	int depth;			/* of nesting, now */
	int deepest;			/* of nesting, in this function */
	int loops;			/* `for`s around this, in this function */
	struct pp_open_tag *tags;
	size_t tag_count, tag_cap;
	struct pp_nodes blocks;		/* all of the template */
	bool has_extends;
	struct pp_atom *atoms[PP_ATOM_BUCKETS];
	pp_problem_fn *report;		/* NULL: the first error is the last */
	void *report_arg;
	int problems;			/* that were reported */
};

/* ---- tokens ---- */

void	pp_parse_advance(struct pp_parser *p);

/* The token after this one. */
const struct pp_token *pp_parse_look(struct pp_parser *p);
bool	pp_parse_is_name(const struct pp_token *t, const char *name);

/* Skip it if it is there. */
bool	pp_parse_skip(struct pp_parser *p, enum pp_tok type);
bool	pp_parse_skip_name(struct pp_parser *p, const char *name);

/* It must be there; false and an error when it is not. */
bool	pp_parse_expect(struct pp_parser *p, enum pp_tok type);
bool	pp_parse_expect_name(struct pp_parser *p, const char *name);

/* A syntax error at `pos`. Returns NULL. */
struct pp_node *pp_parse_fail(struct pp_parser *p, uint32_t pos,
	    const char *fmt, ...) __attribute__((format(printf, 3, 4), cold));
bool	pp_parse_failed(const struct pp_parser *p);

/* Report the error, if somebody listens, and forget it. */
bool	pp_parse_forgive(struct pp_parser *p);

/* ---- nodes ---- */

struct pp_node *pp_parse_node(struct pp_parser *p, enum pp_node_kind kind,
	    uint32_t pos);
void	*pp_parse_alloc(struct pp_parser *p, size_t size);
struct pp_atom *pp_parse_atom(struct pp_parser *p, struct pp_value name);
void	pp_nodes_add(struct pp_nodes *n, struct pp_node *node);

/* Copied into the arena; `n` is emptied. */
struct pp_list_of pp_nodes_finish(struct pp_parser *p, struct pp_nodes *n);

/* One level deeper; false and an error when that is too deep. */
bool	pp_parse_enter(struct pp_parser *p);
void	pp_parse_leave(struct pp_parser *p);

/* ---- expressions, in parser_expr.c ---- */

#define PP_NO_COND 1u		/* no "a if b" outside of parentheses */
#define PP_TARGETS 2u		/* primaries alone, for assignment */
#define PP_NAMESPACE 4u		/* a target may be ns.attr */
#define PP_PARENTHESES 8u	/* () is a tuple */

struct pp_node *pp_parse_expression(struct pp_parser *p);

/* a, b, c. A comma may end it before a bracket or the end of the tag alone. */
struct pp_node *pp_parse_tuple(struct pp_parser *p, unsigned flags);

/* What may be assigned to. */
struct pp_node *pp_parse_target(struct pp_parser *p, unsigned flags);
struct pp_atom *pp_parse_name_target(struct pp_parser *p);

/* |f(x)|g on `subject`, which is NULL in set and filter blocks. */
struct pp_node *pp_parse_filters(struct pp_parser *p,
	    struct pp_node *subject, bool first_inline);

/* ---- the whole ---- */

/* Parse all of the text; false and an error in the runtime. */
bool	pp_parse_template(struct pp_parser *p, struct pp_list_of *body);
void	pp_parser_init(struct pp_parser *p, struct pp_rt *rt,
	    const char *text, size_t len, const struct pp_options *options);
void	pp_parser_release(struct pp_parser *p);

#endif
