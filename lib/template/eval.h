/*
 * The evaluator, which walks the resolved tree. Within lib/template only.
 */
#ifndef PP_TEMPLATE_EVAL_H
#define PP_TEMPLATE_EVAL_H

#include "template/call.h"
#include "template/template.h"

/* How deep evaluation may go on the C stack, in levels of syntax. */
#define PP_MAX_HEIGHT 2000

/* The blocks of a chain of templates: overriding ones first. */
struct pp_block_code {
	struct pp_block_code *next;	/* what super() is */
	const struct pp_template *tmpl;
	const struct pp_node *node;
};

struct pp_block_stack {
	struct pp_block_stack *next;
	struct pp_value name;
	struct pp_block_code *code;
};

/*
 * Where names come from that are no variables: what the template set at its
 * top (`vars`), what an include hands over, the context around it, the
 * context of the render.
 */
struct pp_context {
	struct pp_dict *vars;		/* NULL: nothing exported yet */
	struct pp_dict *locals;		/* NULL: none */
	struct pp_context *up;
	struct pp_dict *base;
	struct pp_block_stack *blocks;
	const struct pp_template *parent;	/* set by extends */
	bool exporting;
};

/* A running function. */
struct pp_frame {
	struct pp_frame *up;		/* of the code around it */
	struct pp_context *ctx;
	struct pp_value slot[];
};

struct pp_module {
	struct pp_dict *vars;		/* exported */
	struct pp_value body;
};

struct pp_blockref {
	const struct pp_block_code *code;
	struct pp_value name;
	struct pp_context *ctx;
};

/* What a run of statements ended with. */
enum pp_run { PP_RUN_ERROR = -1, PP_RUN_OK, PP_RUN_BREAK, PP_RUN_CONTINUE };

/* An expression of constants alone. */
struct pp_value pp_eval_const(struct pp_rt *rt, const struct pp_node *n);
struct pp_value pp_eval(struct pp_rt *rt, struct pp_frame *fr,
	    const struct pp_node *n);
enum pp_run pp_exec(struct pp_rt *rt, struct pp_frame *fr,
	    const struct pp_list_of *body);

/* Evaluate and append to the output; a macro's text goes there directly. */
int	pp_eval_output(struct pp_rt *rt, struct pp_frame *fr,
	    const struct pp_node *n);

/* A filter chain in whose middle `subject` stands. */
struct pp_value pp_eval_filter_chain(struct pp_rt *rt, struct pp_frame *fr,
	    const struct pp_node *n, struct pp_value subject);

/* A call with one more argument by name, unless `caller` is MISSING. */
struct pp_value pp_eval_call(struct pp_rt *rt, struct pp_frame *fr,
	    const struct pp_node *n, struct pp_value caller, bool direct);

/* Store into a name, a tuple of names, or ns.attr. */
int	pp_assign(struct pp_rt *rt, struct pp_frame *fr,
	    const struct pp_node *target, struct pp_value v);
void	pp_enter_scope(struct pp_frame *fr, const struct pp_scope_info *s);
void	pp_export(struct pp_rt *rt, struct pp_frame *fr, struct pp_atom *name,
	    struct pp_value v);

/* Make a name known at a place; the rest of a store. */
void	pp_store(struct pp_frame *fr, struct pp_place place,
	    struct pp_value v);

/* ---- functions of a template, in invoke.c ---- */

struct pp_frame *pp_frame_new(struct pp_rt *rt, const struct pp_function *fn,
	    struct pp_frame *up, struct pp_context *ctx);

/* Depth and height for a call; 0 or -1. Pair with pp_leave(). */
int	pp_enter(struct pp_rt *rt, const struct pp_function *fn);
void	pp_leave(struct pp_rt *rt, const struct pp_function *fn);

/* Run a macro: its text goes to the output. */
int	pp_macro_run(struct pp_rt *rt, struct pp_macro *m,
	    const struct pp_args *args);
struct pp_value pp_macro_call(struct pp_rt *rt, struct pp_macro *m,
	    const struct pp_args *args);
struct pp_value pp_macro_new(struct pp_rt *rt, const struct pp_function *fn,
	    struct pp_frame *up);

/* ---- loops, in loop.c ---- */

enum pp_run pp_exec_for(struct pp_rt *rt, struct pp_frame *fr,
	    const struct pp_node *n);
struct pp_value pp_loop_call(struct pp_rt *rt, struct pp_loop *l,
	    const struct pp_args *args);

/* An attribute of `loop` by its number, which is 0 for no such name. */
int	pp_loop_attr_number(struct pp_value name);
struct pp_value pp_loop_get(struct pp_rt *rt, struct pp_loop *l, int number);

/* ---- fragments, in fragment.c ---- */

enum pp_run pp_exec_include(struct pp_rt *rt, struct pp_frame *fr,
	    const struct pp_node *n);
int	pp_exec_import(struct pp_rt *rt, struct pp_frame *fr,
	    const struct pp_node *n);
int	pp_exec_extends(struct pp_rt *rt, struct pp_frame *fr,
	    const struct pp_node *n);
int	pp_exec_block(struct pp_rt *rt, struct pp_frame *fr,
	    const struct pp_node *n);
struct pp_value pp_block_call(struct pp_rt *rt, struct pp_blockref *b);

/* Run a template's own code and its parents' in `ctx`. */
int	pp_run_template(struct pp_rt *rt, const struct pp_template *t,
	    struct pp_context *ctx);

/* ---- looking up ---- */

struct pp_value pp_context_get(struct pp_rt *rt,
	    const struct pp_context *ctx, const struct pp_value name,
	    uint32_t hash);

/* The name itself when some type has an attribute of it, else NULL. */
const char *pp_attr_known(struct pp_value name);

/* " (did you mean 'upper'?)" or "", in `room`. `what`: "filter", "test". */
const char *pp_suggest(struct pp_value name, const char *what, char *room,
	    size_t size);

#endif
