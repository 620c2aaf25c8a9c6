/*
 * The catalog is read in layers: the installed file, a user's file, the
 * environment. Each overrides the fields that it gives, and each puts its own
 * members of a tier before those of the layers below.
 */
#include <config.h>

#include "model/model_int.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/yaml.h"

#define MAX_FILE_BYTES ((size_t)4 << 20)
#define MAX_ENV_MODELS 20

struct alias {
	char *name;
	size_t model;
};

struct pp_catalog {
	struct pp_model *models;
	size_t count, cap;
	struct alias *aliases;
	size_t alias_count, alias_cap;
	struct pp_tier tiers[PP_NTIERS + 1]; /* by number; 0 is empty */
};

/* One layer while it is read. */
struct layer {
	struct pp_catalog *catalog;
	const char *name;	       /* of the file */
	const struct pp_yaml *sources; /* short names of sources; or NULL */
	struct pp_tier tiers[PP_NTIERS + 1];
	struct pp_error *err;
};

/* ---- models, aliases, tiers ---- */

static void
release_tiers(struct pp_tier *tiers)
{
	for (int i = 0; i <= PP_NTIERS; i++)
		free(tiers[i].members);
}

void
pp_catalog_free(struct pp_catalog *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->count; i++)
		pp_model_release(&c->models[i]);
	for (size_t i = 0; i < c->alias_count; i++)
		free(c->aliases[i].name);
	release_tiers(c->tiers);
	free(c->models);
	free(c->aliases);
	free(c);
}

const struct pp_model *
pp_catalog_at(const struct pp_catalog *c, size_t i)
{
	return i < c->count ? &c->models[i] : NULL;
}

const struct pp_tier *
pp_catalog_tier(const struct pp_catalog *c, int tier)
{
	assert(tier >= 0 && tier <= PP_NTIERS);
	return &c->tiers[tier];
}

static struct pp_model *
find_name(const struct pp_catalog *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++) {
		if (strcmp(c->models[i].name, name) == 0)
			return &c->models[i];
	}
	return NULL;
}

const struct pp_model *
pp_catalog_find(const struct pp_catalog *c, const char *name)
{
	const struct pp_model *m = find_name(c, name);

	if (m != NULL)
		return m;
	for (size_t i = c->alias_count; i-- > 0;) {
		if (strcmp(c->aliases[i].name, name) == 0)
			return &c->models[c->aliases[i].model];
	}
	for (size_t i = 0; i < c->count; i++) {
		if (strcmp(c->models[i].id, name) == 0)
			return &c->models[i];
	}
	return NULL;
}

const char *
pp_catalog_suggest(const struct pp_catalog *c, const char *name)
{
	int best = 2 + (int)(strlen(name) / 4), d;
	const char *found = NULL;

	for (size_t i = 0; i < c->count + c->alias_count; i++) {
		const char *other = i < c->count ?
		    c->models[i].name :
		    c->aliases[i - c->count].name;

		d = pp_edit_distance(name, other);
		if (d < best) {
			best = d;
			found = other;
		}
	}
	return found;
}

/* A name that could also mean a tier would never be reached, or always. */
static int
check_name(const char *name, struct pp_error *err)
{
	int tier;

	if (name[0] == '\0' || strlen(name) > 128 ||
	    name[strspn(name,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
		"uvwxyz0123456789._:/@+-")] != '\0')
		return pp_error_set(err, PP_ECONFIG,
		    "'%s' is no name for a model", name);
	if (pp_tier_parse(name, &tier) == 0)
		return pp_error_set(err, PP_ECONFIG,
		    "'%s' is the name of a tier", name);
	return 0;
}

static struct pp_model *
find_or_add(struct pp_catalog *c, const char *name, struct pp_error *err)
{
	struct pp_model *m = find_name(c, name);

	if (m != NULL)
		return m;
	if (check_name(name, err) < 0)
		return NULL;
	c->models = pp_grow(c->models, c->count, &c->cap, sizeof *c->models);
	m = &c->models[c->count++];
	pp_model_init(m, name);
	pp_model_set(m, "id", name, NULL);
	return m;
}

static size_t
index_of(const struct pp_catalog *c, const struct pp_model *m)
{
	return (size_t)(m - c->models);
}

static bool
is_member(const struct pp_tier *t, size_t model)
{
	for (size_t i = 0; i < t->count; i++) {
		if (t->members[i] == model)
			return true;
	}
	return false;
}

static void
add_member(struct pp_tier *t, size_t model)
{
	if (is_member(t, model))
		return;
	t->members = pp_grow(t->members, t->count, &t->cap, sizeof *t->members);
	t->members[t->count++] = model;
}

/* The layer's members, then those of the layers below that still belong. */
static void
merge_tiers(struct layer *l)
{
	struct pp_catalog *c = l->catalog;

	for (int t = 1; t <= PP_NTIERS; t++) {
		struct pp_tier merged = { .members = NULL };

		for (size_t i = 0; i < l->tiers[t].count; i++) {
			if (c->models[l->tiers[t].members[i]].tier == t)
				add_member(&merged, l->tiers[t].members[i]);
		}
		for (size_t i = 0; i < c->tiers[t].count; i++) {
			if (c->models[c->tiers[t].members[i]].tier == t)
				add_member(&merged, c->tiers[t].members[i]);
		}
		free(c->tiers[t].members);
		c->tiers[t] = merged;
	}
}

/* ---- a file ---- */

static int
fail_at(const struct layer *l, const struct pp_yaml *v)
{
	if (l->err != NULL)
		l->err->code = PP_ECONFIG;
	return pp_error_wrap(l->err, "%s:%d", l->name, v->line);
}

static int
complain_at(const struct layer *l, const struct pp_yaml *v, const char *what)
{
	pp_error_set(l->err, PP_ECONFIG, "%s", what);
	return fail_at(l, v);
}

static int
read_aliases(struct layer *l, size_t model, const struct pp_yaml *v)
{
	struct pp_catalog *c = l->catalog;

	if (v->type != PP_YAML_SEQUENCE)
		return complain_at(l, v, "aliases must be a list of names");
	for (size_t i = 0; i < v->count; i++) {
		const struct pp_yaml *name = v->values[i];

		if (name->type != PP_YAML_SCALAR)
			return complain_at(l, name, "an alias must be a name");
		if (check_name(name->text, l->err) < 0)
			return fail_at(l, name);
		c->aliases = pp_grow(c->aliases, c->alias_count, &c->alias_cap,
		    sizeof *c->aliases);
		c->aliases[c->alias_count++] = (struct alias){
			pp_strdup(name->text), model
		};
	}
	return 0;
}

static int
read_field(struct layer *l, struct pp_model *m, const struct pp_yaml *key,
    const struct pp_yaml *v)
{
	const char *text = v->text;
	const struct pp_yaml *source;

	if (strcmp(key->text, "note") == 0)
		return 0;
	if (strcmp(key->text, "aliases") == 0)
		return read_aliases(l, index_of(l->catalog, m), v);
	if (v->type != PP_YAML_SCALAR)
		return complain_at(l, v,
		    "a field of a model must be a value, "
		    "not a list or a mapping");
	if (pp_yaml_is_null(v))
		text = NULL;
	if (strcmp(key->text, "source") == 0 && text != NULL &&
	    l->sources != NULL &&
	    (source = pp_yaml_get(l->sources, text)) != NULL &&
	    source->type == PP_YAML_SCALAR)
		text = source->text;
	if (pp_model_set(m, key->text, text, l->err) < 0)
		return fail_at(l, key);
	return 0;
}

static int
read_model(struct layer *l, const struct pp_yaml *key, const struct pp_yaml *v)
{
	struct pp_model *m = find_or_add(l->catalog, key->text, l->err);
	bool new_price = false;

	if (m == NULL)
		return fail_at(l, key);
	if (v->type != PP_YAML_MAPPING)
		return complain_at(l, v, "a model must be a mapping of fields");
	for (size_t i = 0; i < v->count; i++) {
		if (read_field(l, m, v->keys[i], v->values[i]) < 0)
			return -1;
		if (pp_model_field_is_price(v->keys[i]->text))
			new_price = true;
	}
	if (new_price && pp_yaml_get(v, "source") == NULL) {
		pp_model_set(m, "source", l->name, NULL);
		if (pp_yaml_get(v, "date") == NULL)
			pp_model_set(m, "date", NULL, NULL);
	}
	if (pp_yaml_get(v, "tier") != NULL && m->tier > 0)
		add_member(&l->tiers[m->tier], index_of(l->catalog, m));
	return 0;
}

/* A list of a tier's members takes the place of the one below. */
static int
read_tier(struct layer *l, const struct pp_yaml *key, const struct pp_yaml *v)
{
	struct pp_catalog *c = l->catalog;
	struct pp_tier *below;
	struct pp_model *m;
	int t;

	if (pp_tier_parse(key->text, &t) < 0 || t == 0)
		return complain_at(l, key,
		    "the tiers are cheap, balanced and premium");
	if (v->type != PP_YAML_SEQUENCE)
		return complain_at(l, v, "a tier must be a list of models");
	below = &c->tiers[t];
	for (size_t i = 0; i < below->count; i++) {
		if (!is_member(&l->tiers[t], below->members[i]))
			c->models[below->members[i]].tier = 0;
	}
	below->count = 0;
	for (size_t i = 0; i < v->count; i++) {
		const struct pp_yaml *name = v->values[i];

		m = name->type == PP_YAML_SCALAR ? find_name(c, name->text) :
						   NULL;
		if (m == NULL)
			return complain_at(l, name,
			    "a tier's member must be a model of the table");
		m->tier = t;
		add_member(&l->tiers[t], index_of(c, m));
	}
	return 0;
}

static int
read_members(struct layer *l, const struct pp_yaml *map, const char *name,
    int (*read_one)(struct layer *, const struct pp_yaml *,
	const struct pp_yaml *))
{
	const struct pp_yaml *v = pp_yaml_get(map, name);

	if (pp_yaml_is_null(v))
		return 0;
	if (v->type != PP_YAML_MAPPING)
		return complain_at(l, v, "must be a mapping");
	for (size_t i = 0; i < v->count; i++) {
		if (read_one(l, v->keys[i], v->values[i]) < 0)
			return -1;
	}
	return 0;
}

static int
check_keys(struct layer *l, const struct pp_yaml *root)
{
	static const char *const known[] = { "sources", "tiers", "models" };

	if (root->type != PP_YAML_MAPPING)
		return complain_at(l, root, "must be a mapping with 'models'");
	for (size_t i = 0; i < root->count; i++) {
		bool ok = false;

		for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
			ok = ok || strcmp(root->keys[i]->text, known[k]) == 0;
		if (!ok)
			return complain_at(l, root->keys[i],
			    "known here are sources, tiers and models");
	}
	return 0;
}

/* An empty file is an empty layer. */
static int
read_file(struct pp_catalog *c, const char *text, const char *name,
    struct pp_error *err)
{
	struct layer l = { .catalog = c, .name = name, .err = err };
	struct pp_arena arena = PP_ARENA_INIT;
	const struct pp_yaml *root;
	int rc = -1;

	root = pp_yaml_parse(&arena, text, strlen(text), name, err);
	if (root == NULL) {
		if (err != NULL)
			err->code = PP_ECONFIG;
		goto out;
	}
	if (pp_yaml_is_null(root)) {
		rc = 0;
		goto out;
	}
	if (check_keys(&l, root) < 0)
		goto out;
	l.sources = pp_yaml_get(root, "sources");
	if (l.sources != NULL && l.sources->type != PP_YAML_MAPPING)
		l.sources = NULL;
	if (read_members(&l, root, "models", read_model) < 0 ||
	    read_members(&l, root, "tiers", read_tier) < 0)
		goto out;
	merge_tiers(&l);
	rc = 0;
out:
	release_tiers(l.tiers);
	pp_arena_release(&arena);
	return rc;
}

/* ---- the environment ---- */

static const struct {
	const char *suffix, *field;
} env_fields[] = {
	{ "PROVIDER", "provider" },
	{ "ID", "id" },
	{ "URL", "url" },
	{ "KEY_ENV", "key_env" },
	{ "TIER", "tier" },
	{ "INPUT_USD", "input" },
	{ "OUTPUT_USD", "output" },
	{ "PLAIN_HTTP", "plain_http" },
	{ "RPM", "rpm" },
	{ "TPM", "tpm" },
	{ "TIMEOUT", "timeout" },
	{ "BURNDOWN", "burndown" },
};

#define NENV_FIELDS (sizeof env_fields / sizeof env_fields[0])

static bool
is_env_field(const char *suffix)
{
	if (strcmp(suffix, "NAME") == 0)
		return true;
	for (size_t f = 0; f < NENV_FIELDS; f++) {
		if (strcmp(suffix, env_fields[f].suffix) == 0)
			return true;
	}
	return false;
}

/* "PP_MODEL_21_NAME=x" and "PP_MODEL_2_PRICE=1" would be looked for nowhere. */
static int
check_variable(const char *variable, struct pp_error *err)
{
	const char *digits = variable + strlen("PP_MODEL_"), *value;
	size_t len = strspn(digits, "0123456789");
	char *name;
	int rc = 0;

	if (len == 0 || digits[len] != '_')
		return 0;
	value = strchr(variable, '=');
	if (value == NULL || value[1] == '\0')
		return 0;
	name = pp_strndup(variable, (size_t)(value - variable));
	if (len > 2 || *digits == '0' || atoi(digits) > MAX_ENV_MODELS)
		rc = pp_error_set(err, PP_ECONFIG,
		    "%s: the models of the environment are PP_MODEL_1_NAME "
		    "to PP_MODEL_%d_NAME",
		    name, MAX_ENV_MODELS);
	else if (!is_env_field(name + (digits - variable) + len + 1))
		rc = pp_error_set(err, PP_ECONFIG,
		    "%s: a model has no such variable; see pp-models(5)", name);
	free(name);
	return rc;
}

static int
check_variables(char *const *environment, struct pp_error *err)
{
	for (; environment != NULL && *environment != NULL; environment++) {
		if (pp_starts_with(*environment, "PP_MODEL_") &&
		    check_variable(*environment, err) < 0)
			return -1;
	}
	return 0;
}

/* An empty variable counts as one that is not set. */
static const char *
env_get(const struct pp_catalog_source *src, int i, const char *suffix,
    char name[64])
{
	const char *v;

	snprintf(name, 64, "PP_MODEL_%d_%s", i, suffix);
	v = src->env(name);
	return v != NULL && v[0] != '\0' ? v : NULL;
}

static int
read_env_model(struct layer *l, const struct pp_catalog_source *src, int i)
{
	char var[64];
	const char *name = env_get(src, i, "NAME", var), *value;
	struct pp_model *m = NULL;

	if (name != NULL && (m = find_or_add(l->catalog, name, l->err)) == NULL)
		return pp_error_wrap(l->err, "%s", var);
	for (size_t f = 0; f < NENV_FIELDS; f++) {
		value = env_get(src, i, env_fields[f].suffix, var);
		if (value == NULL)
			continue;
		if (m == NULL)
			return pp_error_set(l->err, PP_ECONFIG,
			    "%s is set, but PP_MODEL_%d_NAME is not", var, i);
		if (pp_model_set(m, env_fields[f].field, value, l->err) < 0) {
			if (l->err != NULL)
				l->err->code = PP_ECONFIG;
			return pp_error_wrap(l->err, "%s", var);
		}
		if (pp_model_field_is_price(env_fields[f].field)) {
			pp_model_set(m, "source", var, NULL);
			pp_model_set(m, "date", NULL, NULL);
		}
		if (strcmp(env_fields[f].field, "tier") == 0 && m->tier > 0)
			add_member(&l->tiers[m->tier], index_of(l->catalog, m));
	}
	return 0;
}

static int
read_env(struct pp_catalog *c, const struct pp_catalog_source *src,
    struct pp_error *err)
{
	struct layer l = { .catalog = c, .name = "environment", .err = err };
	int rc = check_variables(src->environment, err);

	for (int i = 1; i <= MAX_ENV_MODELS && rc == 0; i++)
		rc = read_env_model(&l, src, i);
	if (rc == 0)
		merge_tiers(&l);
	release_tiers(l.tiers);
	return rc;
}

/* ---- all of it ---- */

struct pp_catalog *
pp_catalog_read(const struct pp_catalog_source *src, struct pp_error *err)
{
	struct pp_catalog *c = pp_calloc(1, sizeof *c);

	if (read_file(c, src->installed, src->installed_name, err) < 0 ||
	    (src->user != NULL &&
		read_file(c, src->user, src->user_name, err) < 0) ||
	    read_env(c, src, err) < 0) {
		pp_catalog_free(c);
		return NULL;
	}
	return c;
}

static const char *
get_env(const char *name)
{
	return getenv(name);
}

/* Returns owned. *must: the file has to be there. NULL: nowhere to look. */
static char *
user_path(bool *must)
{
	const char *path = getenv("PP_MODELS");
	const char *dir = getenv("XDG_CONFIG_HOME");

	*must = path != NULL && path[0] != '\0';
	if (*must)
		return pp_strdup(path);
	if (dir != NULL && dir[0] == '/')
		return pp_asprintf("%s/plot-palette/models.yaml", dir);
	dir = getenv("HOME");
	if (dir == NULL || dir[0] == '\0')
		return NULL;
	return pp_asprintf("%s/.config/plot-palette/models.yaml", dir);
}

static int
read_config(const char *path, struct pp_buf *out, struct pp_error *err)
{
	if (pp_io_read_file(path, out, err) == 0) {
		if (strlen(out->data) == out->len)
			return 0;
		pp_error_set(err, PP_ECONFIG, "%s holds a NUL byte", path);
	}
	if (err != NULL)
		err->code = PP_ECONFIG;
	return -1;
}

struct pp_catalog *
pp_catalog_load(struct pp_error *err)
{
	const char *share = getenv("PP_SHARE");
	char *installed = pp_asprintf("%s/models.yaml",
	    share != NULL && share[0] != '\0' ? share : PP_DATADIR);
	bool must;
	char *user = user_path(&must);
	struct pp_buf installed_text = PP_BUF_INIT_MAX(MAX_FILE_BYTES);
	struct pp_buf user_text = PP_BUF_INIT_MAX(MAX_FILE_BYTES);
	struct pp_catalog_source src = { .env = get_env,
		.environment = environ };
	struct pp_catalog *c = NULL;

	if (read_config(installed, &installed_text, err) < 0)
		goto out;
	if (user != NULL && (must || access(user, F_OK) == 0)) {
		if (read_config(user, &user_text, err) < 0)
			goto out;
		src.user = user_text.data;
		src.user_name = user;
	}
	src.installed = installed_text.data;
	src.installed_name = installed;
	c = pp_catalog_read(&src, err);
out:
	free(installed);
	free(user);
	pp_buf_release(&installed_text);
	pp_buf_release(&user_text);
	return c;
}
