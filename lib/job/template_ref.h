/*
 * A template as commands name it: a file, or ID or ID@VERSION of the store.
 *
 * What has a '/' in it, ends in .yaml, .yml or .json, is "-" (standard input)
 * or is the name of a file that is there, is a file; all else is an id. A
 * file's includes are files beside it ("intro" is intro, intro.yaml, intro.yml
 * or intro.json) and then templates of the store; those of a stored template
 * are the newest versions that the user may see. Names with '/' are never
 * looked up, so a template reaches no other folder.
 */
#ifndef PP_JOB_TEMPLATE_REF_H
#define PP_JOB_TEMPLATE_REF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/store.h"
#include "template/recipe.h"

/* A template file may have at most this many bytes. */
#define PP_TEMPLATE_MAX_BYTES ((size_t)1 << 20)

struct pp_template_source;

/* What an include was resolved to; a job pins it. */
struct pp_fragment {
	char *name;		/* as the template spells it */
	char *text;
	size_t len;
};

struct pp_template_ref {
	struct pp_recipe *recipe;
	char *shown;		/* the file's name, or "ID@3": for errors */
	char *id;		/* in the store; NULL for a file */
	int64_t version;	/* in the store; 0 for a file */
	char *source;		/* the text as it was written */
	size_t source_len;
	/* what the includes with fixed names were resolved to; borrowed */
	const struct pp_fragment *fragments;
	size_t fragment_count;
	struct pp_template_source *from;	/* that resolves the others */
};

/* Whether `ref` names a file, so that no store is needed to load it. */
bool	pp_template_ref_is_file(const char *ref);

/*
 * Read and compile it. `s` may be NULL: files alone are found then; else it
 * must outlive the recipe, which may include a template whose name it finds
 * out when it renders. Findings (may be NULL) are pp_recipe_load()'s. `out` is
 * to be released, on success only. PP_ENOENT, PP_EUSAGE (a version that is
 * none), PP_EDATA, PP_EIO.
 */
int	pp_template_ref_load(struct pp_store *s, const char *user_id,
	    const char *ref, struct pp_findings *findings,
	    struct pp_template_ref *out, struct pp_error *err);

/* The same with limits of the caller's (may be NULL), as the recipe's. */
int	pp_template_ref_load_within(const struct pp_limits *limits,
	    struct pp_store *s, const char *user_id, const char *ref,
	    struct pp_findings *findings, struct pp_template_ref *out,
	    struct pp_error *err);
void	pp_template_ref_release(struct pp_template_ref *t);

#endif
