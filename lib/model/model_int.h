/*
 * The fields of a model by name, for those who fill one from text: the table's
 * file, the environment, a job's pinned configuration.
 */
#ifndef PP_MODEL_MODEL_INT_H
#define PP_MODEL_MODEL_INT_H

#include "model/catalog.h"

/* An empty entry of that name; NULL: none yet. */
void	pp_model_init(struct pp_model *m, const char *name);

/*
 * Set a field from text, or back to what it is by default when `value` is
 * NULL. 0, or -1 with PP_EUSAGE: no such field, or not a value for it.
 */
int	pp_model_set(struct pp_model *m, const char *field, const char *value,
	    struct pp_error *err);

/* Where the price comes from must be told again when the price changes. */
bool	pp_model_field_is_price(const char *field);

/* What the catalog keeps of a tier: its members, most preferred first. */
struct pp_tier {
	size_t *members;		/* indexes of models */
	size_t count, cap;
};

#define PP_NTIERS 3

const struct pp_tier *pp_catalog_tier(const struct pp_catalog *c, int tier);

/*
 * An entry for tests: as the files and the environment would be read, from
 * text and from `getenv`-like values.
 */
struct pp_catalog_source {
	const char *installed, *installed_name;	/* text and file's name */
	const char *user, *user_name;		/* NULL: no such file */
	const char *(*env)(const char *name);
	char *const *environment; /* "NAME=value", as environ(7); or NULL */
};

struct pp_catalog *pp_catalog_read(const struct pp_catalog_source *src,
	    struct pp_error *err);

#endif
