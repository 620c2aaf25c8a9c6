/*
 * What the parts of a recipe share: loading, fields, JSON, rendering.
 */
#ifndef PP_TEMPLATE_RECIPE_INT_H
#define PP_TEMPLATE_RECIPE_INT_H

#include "base/arena.h"
#include "base/yaml.h"
#include "template/fields.h"
#include "template/recipe.h"
#include "template/template.h"

/* A text of the file that is a template. */
struct pp_recipe_text {
	const struct pp_yaml *node;
	struct pp_template *tmpl;	/* NULL: it has an error */
	struct pp_template *failed;	/* holds the source of the error */
	uint32_t lead, skip;		/* bytes put before it, left out */
	size_t step;			/* it belongs to; step_count: none */
};

/* A part of `record`. */
struct pp_record {
	enum { PP_RECORD_TEXT, PP_RECORD_FIXED, PP_RECORD_MAP,
		PP_RECORD_LIST } kind;
	const struct pp_recipe_text *text;
	const char *fixed;		/* JSON */
	const char *const *names;
	struct pp_record **items;
	size_t count;
};

struct pp_recipe_code {
	const struct pp_recipe_text *prompt, *system, *when;
};

struct pp_recipe {
	struct pp_arena arena;
	const char *name;		/* for errors */
	const char *source;		/* the file */
	size_t source_len;
	const struct pp_yaml *map;	/* the template's mapping */
	struct pp_recipe_info info;
	struct pp_recipe_step *step;
	struct pp_recipe_code *code;
	struct pp_recipe_text *text;	/* all of them */
	size_t texts;
	const struct pp_recipe_text *category;
	struct pp_record *record;
	struct pp_engine engine;
	pp_fragment_fn *fragments;
	void *fragment_arg;
	uint8_t undefined;		/* enum pp_undefined_mode */
	struct pp_fields found;
	struct pp_field *field;
	size_t fields;
	uint64_t uses[PP_MAX_STEPS + 1];	/* a bit for each step read */
};

/* Where a position in a compiled text is in the file. */
void	pp_recipe_locate(const struct pp_recipe *r,
	    const struct pp_source *source, uint32_t pos, int *line,
	    int *column);

/*
 * The fault's text, with a line that it speaks of as the file counts it.
 * Returns `room`.
 */
const char *pp_recipe_fault_text(const struct pp_recipe *r,
	    const struct pp_fault *f, char room[PP_FAULT_TEXT_BYTES]);

/*
 * Fill `err` from a fault: "name:line:col: text"; PP_ELIMIT for a limit, else
 * PP_EDATA. `extra` is put behind the text ("" for nothing). Returns -1.
 */
int	pp_recipe_fault(const struct pp_recipe *r, const struct pp_fault *f,
	    const char *extra, struct pp_error *err);

/* The value as JSON in rt->out, as records have it: 0, or -1. */
int	pp_put_record_value(struct pp_rt *rt, struct pp_value v);

/* While loading: collect a finding at a place of the file. */
struct pp_recipe_loader;
void	pp_recipe_find(struct pp_recipe_loader *l, bool is_warning, int line,
	    int column, const char *fmt, ...)
	    __attribute__((format(printf, 5, 6)));

/* Fields and outputs that the texts read; findings about them. */
void	pp_recipe_find_fields(struct pp_recipe_loader *l,
	    struct pp_recipe *r);

/*
 * Warnings: names that `set` stores and nothing reads, unknown filters and
 * tests that an `if` may keep from being reached.
 */
void	pp_recipe_lint(struct pp_recipe_loader *l, struct pp_recipe *r);

#endif
