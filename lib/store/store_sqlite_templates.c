#include <config.h>

#include "store/store_sqlite.h"

#include <string.h>

#define COLUMNS \
	"template_id, version, name, user_id, " \
	"template_definition, source, schema_requirements, created_at, " \
	"is_public"

/* ?1 is who looks; NULL sees all. */
#define VISIBLE "(?1 IS NULL OR user_id = ?1 OR is_public)"

static void
read_version(sqlite3_stmt *st, struct pp_template_version *t)
{
	*t = (struct pp_template_version){
		.template_id = pp_sqlite_strdup(st, 0),
		.version = sqlite3_column_int64(st, 1),
		.name = pp_sqlite_strdup(st, 2),
		.user_id = pp_sqlite_strdup(st, 3),
		.definition = pp_sqlite_strdup(st, 4),
		.source = pp_sqlite_strdup(st, 5),
		.requirements = pp_sqlite_strdup(st, 6),
		.created_at_ms = sqlite3_column_int64(st, 7),
		.is_public = sqlite3_column_int(st, 8) != 0,
	};
}

/* Up to `max` rows of a statement. How many, or -1. */
static int
read_all(struct pp_sqlite *s, sqlite3_stmt *st, struct pp_template_version *out,
    int max, struct pp_error *err)
{
	int n = 0, rc = st == NULL ? -1 : 1;

	while (n < max && rc == 1) {
		rc = pp_sqlite_step(s, st, err);
		if (rc == 1)
			read_version(st, &out[n++]);
	}
	pp_sqlite_done(st);
	if (rc >= 0)
		return n;
	while (n > 0)
		pp_template_version_release(&out[--n]);
	return -1;
}

/* ---- adding ---- */

/* 1 and its newest version when `id` is there; PP_EAUTH: somebody else's. */
static int
newest_of(struct pp_sqlite *s, const struct pp_template_version *t,
    struct pp_template_version *out, struct pp_error *err)
{
	int rc = read_all(s,
	    pp_sqlite_bind(s, err,
		"SELECT " COLUMNS " FROM templates WHERE template_id = ? "
		"ORDER BY version DESC LIMIT 1",
		"t", t->template_id),
	    out, 1, err);

	if (rc != 1 || strcmp(out->user_id, t->user_id) == 0)
		return rc;
	pp_template_version_release(out);
	return pp_error_set(err, PP_EAUTH,
	    "template '%s' belongs to another user", t->template_id);
}

/* Made public, the same definition is a version of its own. */
static bool
is_same(const struct pp_template_version *a,
    const struct pp_template_version *b)
{
	return strcmp(a->definition, b->definition) == 0 &&
	    a->is_public == b->is_public;
}

static const char *
text_or(const char *text, const char *otherwise)
{
	return text != NULL ? text : otherwise;
}

static int
add(struct pp_sqlite *s, const struct pp_template_version *t, int64_t *version,
    struct pp_error *err)
{
	struct pp_template_version newest = { .version = 0 };
	int rc = newest_of(s, t, &newest, err);
	bool same = rc == 1 && is_same(&newest, t);

	if (rc < 0)
		return -1;
	*version = same ? newest.version : newest.version + 1;
	pp_template_version_release(&newest);
	if (same)
		return 1;
	return pp_sqlite_run(s, err,
		   "INSERT INTO templates (" COLUMNS ") "
		   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		   "titttttii", t->template_id, *version, text_or(t->name, ""),
		   t->user_id, t->definition, text_or(t->source, ""),
		   text_or(t->requirements, "[]"), t->created_at_ms,
		   (int64_t)t->is_public) < 0 ?
	    -1 :
	    0;
}

int
pp_sqlite_template_add(struct pp_store *store,
    const struct pp_template_version *t, int64_t *version, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);
	int64_t v = 0;
	int rc;

	if (pp_sqlite_begin(s, err) < 0)
		return -1;
	rc = pp_sqlite_end(s, add(s, t, &v, err), err);
	if (rc >= 0 && version != NULL)
		*version = v;
	return rc;
}

/* ---- looking ---- */

int
pp_sqlite_template_get(struct pp_store *store, const char *id, int64_t version,
    const char *user_id, struct pp_template_version *out, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);
	int rc = read_all(s,
	    pp_sqlite_bind(s, err,
		"SELECT " COLUMNS " FROM templates WHERE template_id = ?2 AND "
		"(?3 = 0 OR version = ?3) AND " VISIBLE
		" ORDER BY version DESC LIMIT 1",
		"tti", user_id, id, version),
	    out, 1, err);

	if (rc == 0)
		return pp_store_no_template(id, version, err);
	return rc < 0 ? -1 : 0;
}

int
pp_sqlite_template_list(struct pp_store *store, const char *user_id,
    const char *after, struct pp_template_version *out, int max,
    struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);

	return read_all(s,
	    pp_sqlite_bind(s, err,
		"SELECT " COLUMNS " FROM templates WHERE template_id > ?2 AND "
		"(template_id, version) IN (SELECT template_id, max(version) "
		"FROM templates WHERE template_id > ?2 AND " VISIBLE
		" GROUP BY template_id ORDER BY template_id LIMIT ?3) "
		"ORDER BY template_id",
		"tti", user_id, after != NULL ? after : "", (int64_t)max),
	    out, max, err);
}

int
pp_sqlite_template_versions(struct pp_store *store, const char *id,
    const char *user_id, int64_t after, struct pp_template_version *out,
    int max, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);

	return read_all(s,
	    pp_sqlite_bind(s, err,
		"SELECT " COLUMNS " FROM templates WHERE template_id = ?2 AND "
		"version > ?3 AND " VISIBLE " ORDER BY version LIMIT ?4",
		"ttii", user_id, id, after, (int64_t)max),
	    out, max, err);
}

/* ---- deleting ---- */

static int
delete_all(struct pp_sqlite *s, const char *id, const char *user_id,
    struct pp_error *err)
{
	int64_t visible = 0, ours = 0;

	if (pp_sqlite_int(s, err, &visible,
		"SELECT count(*) FROM templates WHERE template_id = ?2 AND " VISIBLE,
		"tt", user_id, id) < 0 ||
	    pp_sqlite_int(s, err, &ours,
		"SELECT count(*) FROM templates WHERE template_id = ?2 AND "
		"(?1 IS NULL OR user_id = ?1)",
		"tt", user_id, id) < 0)
		return -1;
	if (visible == 0)
		return pp_store_no_template(id, 0, err);
	if (ours == 0)
		return pp_error_set(err, PP_EAUTH,
		    "template '%s' belongs to another user", id);
	return pp_sqlite_run(s, err,
		   "DELETE FROM templates WHERE template_id = ?", "t", id) < 0 ?
	    -1 :
	    0;
}

int
pp_sqlite_template_delete(struct pp_store *store, const char *id,
    const char *user_id, struct pp_error *err)
{
	struct pp_sqlite *s = pp_sqlite_of(store);

	if (pp_sqlite_begin(s, err) < 0)
		return -1;
	return pp_sqlite_end(s, delete_all(s, id, user_id, err), err);
}
