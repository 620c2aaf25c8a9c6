/*
 * A template as people write it: a YAML file of steps whose prompts are
 * Jinja2. A recipe is compiled once, is immutable, and renders many rows.
 *
 *	template:
 *	  id: creative-writing-v1
 *	  steps:
 *	    - id: outline
 *	      model: llama-3.1-8b
 *	      prompt: Outline a story after {{ poem.text[:100] }}
 */
#ifndef PP_TEMPLATE_RECIPE_H
#define PP_TEMPLATE_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/json_schema.h"

#define PP_MAX_STEPS 64

struct pp_recipe;
struct pp_render;

struct pp_recipe_step {
	const char *id;
	const char *model, *tier, *kind;	/* NULL when not given */
	const char *temperature, *top_p;	/* decimal text, or NULL */
	int64_t max_tokens;			/* 0: not given */
	const char *const *stop;		/* ended by NULL, or NULL */
	/* what the answer, as JSON, is held to; or NULL */
	const struct pp_json_schema *schema;
	bool cache; /* its system prompt is the same for many rows */
	bool has_system, has_when;
	int line;				/* in the file */
};

struct pp_recipe_info {
	const char *id, *name, *description;	/* "" when not given */
	int64_t version;			/* 0 when not given */
	size_t step_count;
	const struct pp_recipe_step *steps;
	bool has_record, has_category;
	/* the fields of `record`, in order; NULL without one */
	const char *const *record_fields;
	size_t record_field_count;
	/* `types`: "score=int", as an export declares fields */
	const char *const *types;
	size_t type_count;
};

/* What is found wrong; warnings do not keep a recipe from being used. */
struct pp_finding {
	bool is_warning;
	int line, column;
	char *text;		/* "'autor' is undefined ..." */
	char *shown;		/* "name:line:col: text", source line, caret */
};

struct pp_findings {
	struct pp_finding *list;
	size_t count, cap;
};

void	pp_findings_release(struct pp_findings *f);

/* Bounds; 0 takes the default. */
struct pp_limits {
	int64_t max_steps;		/* evaluation steps of one render */
	int64_t max_output_bytes;
	int64_t max_memory_bytes;
	int64_t max_depth;		/* macro calls, includes */
	int64_t max_value_depth;	/* lists in lists */
	int64_t max_syntax_depth;	/* while compiling, not rendering */
	int64_t max_range;		/* numbers of a range() */
	int64_t max_string_bytes;	/* of one string */
	int64_t max_int_digits;
};

/*
 * Get the text of a fragment for include, import and extends: a template
 * definition out of the store or a named file. Append it to `out`; 0, or -1.
 */
typedef int pp_fragment_fn(void *arg, const char *name, struct pp_buf *out,
	    struct pp_error *err);

/*
 * Read and compile a recipe. `name` stands in errors (a file's name). Every
 * problem goes to `findings` (may be NULL); when any is an error the result
 * is NULL and `err` holds the first, with its place, PP_EDATA.
 * `fragments` may be NULL: nothing can be included. Returns owned.
 */
struct pp_recipe *pp_recipe_load(const char *text, size_t len,
	    const char *name, pp_fragment_fn *fragments, void *arg,
	    struct pp_findings *findings, struct pp_error *err);

/* The same with limits of the caller's (may be NULL): that on syntax counts. */
struct pp_recipe *pp_recipe_load_within(const struct pp_limits *limits,
	    const char *text, size_t len, const char *name,
	    pp_fragment_fn *fragments, void *arg,
	    struct pp_findings *findings, struct pp_error *err);
void	pp_recipe_free(struct pp_recipe *r);

/* Borrowed; lives as long as the recipe. */
const struct pp_recipe_info *pp_recipe_info(const struct pp_recipe *r);

/* The recipe as canonical JSON: equal recipes give equal bytes. */
void	pp_recipe_put_json(const struct pp_recipe *r, struct pp_buf *out);

/* Index of a step by its id, or -1. */
int	pp_recipe_step_index(const struct pp_recipe *r, const char *id);

/* A seed path that the prompts read: "author.biography", "poems[].text". */
struct pp_field {
	const char *path;
	bool required;		/* false: only read under a test or default */
	bool declared;		/* stands in schema_requirements */
	int line;		/* that asks for it first; 0: declared only */
};

/* The fields, sorted by path; borrowed, as long as the recipe. */
const struct pp_field *pp_recipe_fields(const struct pp_recipe *r,
	    size_t *count);

/*
 * Check one seed against the required fields. The seed is what the context
 * would be: an object. 0; or -1 with PP_EDATA naming the first missing path:
 * "missing required field: author.biography". `next` (may be NULL) is where
 * to go on for the next one: 0 at first, set by each call.
 */
int	pp_recipe_check_seed(const struct pp_recipe *r,
	    const struct pp_json *seed, size_t *next, struct pp_error *err);

/* ---- rendering ---- */

/*
 * A place to render in, used again and again. Bound to one recipe. NULL
 * limits: the defaults.
 */
struct pp_render *pp_render_new(const struct pp_recipe *r,
	    const struct pp_limits *limits);
void	pp_render_free(struct pp_render *r);

/* A seed set's row under its name; name NULL: its members are top names. */
struct pp_render_seed {
	const char *name;
	const char *json;	/* borrowed until the next begin */
	size_t len;
};

/* What templates see as row.index and row.id, and the source of chance. */
struct pp_render_row {
	int64_t index;		/* from 0 */
	const char *id;		/* borrowed until the next begin */
	uint64_t chance;	/* with the step's index it seeds all chance */
};

/*
 * Begin a row: forget the one before, bind its seeds. 0, or -1 with PP_EDATA.
 */
int	pp_render_begin(struct pp_render *r, const struct pp_render_seed *seeds,
	    size_t count, const struct pp_render_row *row,
	    struct pp_error *err);

/*
 * The same for a row that is rendered step by step among others, so that its
 * seeds are read once: pp_render_resume() goes on with it after another. The
 * seeds' texts live as long as it does. Returns owned, to be given back by
 * pp_render_unbind() (NULL is fine) before the render is freed; or NULL.
 */
struct pp_bound_row *pp_render_bind(struct pp_render *r,
	    const struct pp_render_seed *seeds, size_t count,
	    const struct pp_render_row *row, struct pp_error *err);
void	pp_render_resume(struct pp_render *r, struct pp_bound_row *row);
void	pp_render_unbind(struct pp_render *r, struct pp_bound_row *row);

/*
 * The output of a step that is done, copied: steps.<id>.output; and the name
 * of the model that gave it: steps.<id>.model.
 */
void	pp_render_set_output(struct pp_render *r, size_t step,
	    const char *text, size_t len, const char *model);

/* The step was skipped by its `when`: it has no output. */
void	pp_render_set_skipped(struct pp_render *r, size_t step);

/* Whether either was said of the step since the row was bound. */
bool	pp_render_is_told(const struct pp_render *r, size_t step);

/*
 * Render a step. `*skip` when its `when` is false: nothing is written then;
 * with `skip` NULL it is rendered whatever its `when` says.
 * `system` stays empty without one. 0, or -1 with PP_EDATA or PP_ELIMIT and
 * the place in the file.
 */
int	pp_render_step(struct pp_render *r, size_t step, bool *skip,
	    struct pp_buf *system, struct pp_buf *prompt, struct pp_error *err);

/*
 * After the last step: the row's record as a JSON object, and its category as
 * plain text ("" without one). Without `record` in the recipe it is an object
 * of the outputs by step id.
 */
int	pp_render_record(struct pp_render *r, struct pp_buf *record,
	    struct pp_buf *category, struct pp_error *err);

#endif
