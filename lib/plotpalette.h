/*
 * libplotpalette: what the six programs are made of, for a seventh.
 *
 * Open a home, read its seed sets, load recipes and render their prompts, look
 * at jobs, and read the rows that they made:
 *
 *	struct plotpalette_error err;
 *	struct plotpalette *pp = plotpalette_open(NULL, &err);
 *	struct plotpalette_rows *rows = plotpalette_rows_open(pp, id, &err);
 *	struct plotpalette_result r;
 *
 *	while (plotpalette_rows_next(rows, &r, &err) > 0)
 *		printf("%s\n", r.record);
 *
 * What can fail returns 0 or more, or a pointer, and on failure -1 or NULL,
 * and then fills the caller's `struct plotpalette_error`, which may be NULL.
 * Text is UTF-8 and ends in a NUL. "Borrowed" text belongs to the library and
 * lives as long as the comment says. Every object has one owner, who closes
 * it before the home that it came from; closing NULL is fine. One object is
 * for one thread at a time. Running out of memory ends the program with
 * status 71. Link with `pkg-config --libs plotpalette`.
 */
#ifndef PLOTPALETTE_H
#define PLOTPALETTE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLOTPALETTE_ERROR_BYTES 1024
#define PLOTPALETTE_ID_BYTES	37

struct plotpalette_error {
	int status;	/* as the programs exit with: see plotpalette(7) */
	char text[PLOTPALETTE_ERROR_BYTES];	/* one line */
};

/* "0.1.0" */
const char *plotpalette_version(void);

/* ---- a home ---- */

struct plotpalette;

/*
 * `store` is "file:DIR"; NULL takes PP_STORE, or else the user's own home. The
 * folder is made when it is not there. Returns owned.
 */
struct plotpalette *plotpalette_open(const char *store,
	    struct plotpalette_error *err);
void	plotpalette_close(struct plotpalette *pp);

/* ---- seeds ---- */

struct plotpalette_seeds;

/* `name` is "poems", or "sample:poetry". Returns owned. */
struct plotpalette_seeds *plotpalette_seeds_open(struct plotpalette *pp,
	    const char *name, struct plotpalette_error *err);
void	plotpalette_seeds_close(struct plotpalette_seeds *s);

int64_t	plotpalette_seeds_count(const struct plotpalette_seeds *s);

/*
 * Record `i`, from 0, as a JSON object; borrowed until the next call. NULL on
 * failure. In order they are read ahead.
 */
const char *plotpalette_seeds_get(struct plotpalette_seeds *s, int64_t i,
	    struct plotpalette_error *err);

/* ---- recipes ---- */

struct plotpalette_recipe;

/*
 * `name` is a file, or "ID" or "ID@VERSION" of the home; `pp` may be NULL when
 * it is a file. Errors point at line and column. Returns owned.
 */
struct plotpalette_recipe *plotpalette_recipe_load(struct plotpalette *pp,
	    const char *name, struct plotpalette_error *err);
void	plotpalette_recipe_free(struct plotpalette_recipe *r);

int	plotpalette_recipe_step_count(const struct plotpalette_recipe *r);

/* The id of step `i`; NULL when there is none. Lives with the recipe. */
const char *plotpalette_recipe_step(const struct plotpalette_recipe *r, int i);

/*
 * Path `i` of a seed field that the prompts read, "author.biography", in order
 * of text; NULL after the last. `*required` (may be NULL) becomes 0 when it is
 * read only under a test or default, else 1. Lives with the recipe.
 */
const char *plotpalette_recipe_field(const struct plotpalette_recipe *r, int i,
	    int *required);

/* A seed for a row: a JSON object, by name, or on top when `name` is NULL. */
struct plotpalette_seed {
	const char *name;	/* "author" */
	const char *json;
};

/*
 * Begin row `index`, from 0, with these seeds; copied. Rows of one `chance` and
 * index draw the same numbers. Forgets the row before.
 */
int	plotpalette_row_begin(struct plotpalette_recipe *r,
	    const struct plotpalette_seed *seeds, int count, int64_t index,
	    uint64_t chance, struct plotpalette_error *err);

/*
 * Render the prompts of step `i`. 1; 0 when its `when` says that it is skipped;
 * -1. `*system` becomes "" when the step has none. Both are borrowed until
 * the next call with this recipe.
 */
int	plotpalette_row_prompt(struct plotpalette_recipe *r, int i,
	    const char **system, const char **prompt,
	    struct plotpalette_error *err);

/* What a model answered to step `i`; copied. `model` may be NULL. */
void	plotpalette_row_answer(struct plotpalette_recipe *r, int i,
	    const char *text, const char *model);

/*
 * After the last step: the row's record as a JSON object; borrowed until the
 * next call with this recipe.
 */
const char *plotpalette_row_record(struct plotpalette_recipe *r,
	    struct plotpalette_error *err);

/* ---- jobs ---- */

struct plotpalette_job {
	char job_id[PLOTPALETTE_ID_BYTES];
	char name[129];		/* "" when it has none */
	const char *status;	/* "QUEUED" and so on; never freed */
	int64_t created_at_ms;	/* since 1970, UTC */
	int64_t rows;		/* asked for */
	int64_t rows_done, rows_failed;
	int64_t tokens_in, tokens_out;
	int64_t budget_nusd;	/* nano-dollars; -1: no limit */
	int64_t spent_nusd;	/* proven */
	int64_t unproven_nusd;	/* may have been spent */
};

/* One job; status 66 when there is none. */
int	plotpalette_job_get(struct plotpalette *pp, const char *job_id,
	    struct plotpalette_job *job, struct plotpalette_error *err);

/*
 * The user's jobs, newest first: up to `max` that are older than the job
 * `before` (NULL: from the newest). Returns how many.
 */
int	plotpalette_job_list(struct plotpalette *pp, const char *before,
	    struct plotpalette_job *jobs, int max,
	    struct plotpalette_error *err);

/* ---- rows of a job ---- */

struct plotpalette_rows;

/*
 * The rows that a job has saved, in order, finished or not. What is damaged or
 * missing is an error, never a gap. Returns owned.
 */
struct plotpalette_rows *plotpalette_rows_open(struct plotpalette *pp,
	    const char *job_id, struct plotpalette_error *err);
void	plotpalette_rows_close(struct plotpalette_rows *r);

struct plotpalette_result {
	int64_t row;		/* from 0 */
	const char *id;		/* the same in each run of the same job */
	const char *category;	/* "" when it has none */
	const char *record;	/* JSON object; NULL when the row failed */
	const char *line;	/* all that is kept: see pp-record(5) */
};

/* The next one, borrowed until the next call. 1, 0 after the last, -1. */
int	plotpalette_rows_next(struct plotpalette_rows *r,
	    struct plotpalette_result *out, struct plotpalette_error *err);

#ifdef __cplusplus
}
#endif

#endif
