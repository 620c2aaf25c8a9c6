/*
 * Compiled templates and how they run.
 *
 *	text -> lexer -> parser -> resolver -> struct pp_template
 *	pp_template + context -> evaluator -> text
 *
 * A template is compiled once, never changes and may be run by any number of
 * runtimes. A context is a dictionary made from JSON in an arena of its own.
 */
#ifndef PP_TEMPLATE_TEMPLATE_H
#define PP_TEMPLATE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "template/ast.h"
#include "template/runtime.h"

/* Bounds of the source. */
#define PP_MAX_SOURCE_BYTES ((size_t)1 << 20)
#define PP_MAX_SYNTAX_DEPTH 100

struct pp_options {
	bool trim_blocks, lstrip_blocks, keep_trailing_newline;
	const char *line_statement_prefix;	/* NULL: none */
	const char *line_comment_prefix;
	int max_depth;		/* of nesting; 0: PP_MAX_SYNTAX_DEPTH */
	bool hf;		/* generation tag, raise_exception, tojson */
};

struct pp_block {
	struct pp_atom *name;
	struct pp_node *node;
};

struct pp_template {
	struct pp_source source;
	struct pp_arena arena;
	struct pp_function root;
	struct pp_block *block;
	uint32_t blocks;
	bool has_extends;
	bool has_fragments;	/* include, import, block: exports are seen */
	bool has_autoescape;
};

/*
 * Compile. The text is copied, with all newlines as "\n". Returns owned
 * (pp_template_free()), or NULL with `fault`, whose source lives as long as
 * `keep` does when that is not NULL: the template that failed is put there,
 * to be freed by the caller after the error was shown.
 */
struct pp_template *pp_template_compile(const char *text, size_t len,
	    const char *name, const struct pp_options *options,
	    struct pp_fault *fault, struct pp_template **keep);
void	pp_template_free(struct pp_template *t);

/*
 * Tell all syntax errors of a text, at most PP_MAX_PROBLEMS: after an error
 * the parser goes on behind the tag. The faults have no source.
 */
#define PP_MAX_PROBLEMS 50

typedef void pp_problem_fn(void *arg, const struct pp_fault *fault);
void	pp_template_problems(const char *text, size_t len,
	    const struct pp_options *options, pp_problem_fn *report, void *arg);

/*
 * Where fragments come from. `load` gives the source of `name`: 1, 0 when
 * there is none, -1 on other errors. Compiled fragments are kept.
 */
struct pp_engine {
	struct pp_options options;
	int (*load)(void *arg, const char *name, struct pp_buf *out);
	void *arg;
	struct pp_loaded *loaded;
};

struct pp_loaded {
	struct pp_loaded *next;
	char *name;
	struct pp_template *tmpl;	/* NULL: it has errors */
	struct pp_template *failed;	/* holds the source of `fault` */
	struct pp_fault fault;
};

void	pp_engine_release(struct pp_engine *e);

/* The fragment; NULL with no fault set when there is none. */
const struct pp_template *pp_engine_get(struct pp_engine *e,
	    const char *name, struct pp_fault *fault);

/* Start: bounds with 0 take the defaults. The struct is the caller's. */
void	pp_rt_init(struct pp_rt *rt, const struct pp_bounds *bounds);
void	pp_rt_release(struct pp_rt *rt);

/*
 * Render: rt->out is the result. `vars` is a dictionary or NULL. 0, or -1
 * with rt->fault. Forgets what was rendered before.
 */
int	pp_rt_render(struct pp_rt *rt, const struct pp_template *t,
	    struct pp_dict *vars);

/*
 * Evaluate the template's one expression instead: `*out` lives until the next
 * render. The template is "{{ expr }}" and nothing else.
 */
int	pp_rt_evaluate(struct pp_rt *rt, const struct pp_template *t,
	    struct pp_dict *vars, struct pp_value *out);

/* Whether the template is exactly one {{ expression }}. */
bool	pp_template_is_expression(const struct pp_template *t);

/* The same where {{ constants }} count too. */
bool	pp_template_is_one(const struct pp_template *t);

/* A JSON value as the language's, in the arena; containers are shared. */
struct pp_value pp_from_json(struct pp_arena *a, const struct pp_json *v);

/* Line and column (code points), from 1, of a position in a source. */
void	pp_source_place(const struct pp_source *s, uint32_t pos, int *line,
	    int *column);

const char *pp_fault_kind_name(enum pp_fault_kind k);	/* "undefined" */

/* ---- between the parts of the evaluator ---- */

/* A macro, or a call block's body, with where it was defined. */
struct pp_macro {
	const struct pp_function *function;
	const struct pp_template *tmpl;
	struct pp_frame *up;
};

struct pp_value pp_macro_name(const struct pp_macro *m);
struct pp_value pp_module_body(const struct pp_module *m);
struct pp_value pp_module_get(const struct pp_module *m,
	    struct pp_value name);
const char *pp_global_repr(const struct pp_global *g);
int	pp_loop_repr(struct pp_rt *rt, struct pp_loop *l);
struct pp_value pp_loop_attr(struct pp_rt *rt, struct pp_value loop,
	    const char *name, size_t len);
struct pp_value pp_block_attr(struct pp_rt *rt, struct pp_value obj,
	    struct pp_value name);

#endif
