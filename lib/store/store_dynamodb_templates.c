#include <config.h>

#include "store/store_dynamodb.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* ---- items ---- */

static void
put_key(struct pp_buf *out, const char *id, int64_t version)
{
	pp_ddb_put_text(out, "template_id", id);
	pp_ddb_put_int(out, "version", version);
}

static const char *
text_or(const char *text, const char *otherwise)
{
	return text != NULL ? text : otherwise;
}

static void
put_version(struct pp_buf *out, const struct pp_template_version *t,
    int64_t version)
{
	char time[PP_TIME_TEXT_BYTES];

	put_key(out, t->template_id, version);
	pp_ddb_put_text(out, "name", text_or(t->name, ""));
	pp_ddb_put_text(out, "user_id", t->user_id);
	pp_ddb_put_document(out, "template_definition", t->definition);
	pp_ddb_put_text(out, "source", text_or(t->source, ""));
	pp_ddb_put_document(out, "schema_requirements",
	    text_or(t->requirements, "[]"));
	pp_ddb_put_text(out, "created_at",
	    pp_time_format(t->created_at_ms, time));
	pp_ddb_put_bool(out, "is_public", t->is_public);
}

static int
read_version(const struct pp_json *item, struct pp_template_version *t,
    struct pp_error *err)
{
	char *created = pp_ddb_strdup(item, "created_at");
	bool ok;

	*t = (struct pp_template_version){
		.template_id = pp_ddb_strdup(item, "template_id"),
		.name = pp_ddb_strdup(item, "name"),
		.user_id = pp_ddb_strdup(item, "user_id"),
		.definition = pp_ddb_strdup(item, "template_definition_text"),
		.source = pp_ddb_strdup(item, "source"),
		.requirements = pp_ddb_strdup(item, "schema_requirements_text"),
	};
	pp_ddb_bool(item, "is_public", &t->is_public);
	ok = pp_ddb_int(item, "version", &t->version) && created != NULL &&
	    pp_time_parse(created, &t->created_at_ms, NULL) == 0 &&
	    t->template_id != NULL && t->name != NULL && t->user_id != NULL &&
	    t->definition != NULL && t->source != NULL &&
	    t->requirements != NULL;
	free(created);
	if (ok)
		return 0;
	pp_template_version_release(t);
	return pp_error_set(err, PP_EDATA, "damaged record in table Templates");
}

static bool
may_see(const struct pp_template_version *t, const char *user_id)
{
	return user_id == NULL || t->is_public ||
	    strcmp(t->user_id, user_id) == 0;
}

/* ---- versions of one template ---- */

struct listing {
	const char *user_id;
	struct pp_template_version *out;
	int max, n;
};

static int
keep_version(void *arg, const struct pp_json *item, struct pp_error *err)
{
	struct listing *l = arg;
	struct pp_template_version t;

	if (read_version(item, &t, err) < 0)
		return -1;
	if (may_see(&t, l->user_id))
		l->out[l->n++] = t;
	else
		pp_template_version_release(&t);
	return l->n == l->max;
}

/* Those after `after`, or with `newest` from the newest down. */
static int
find_versions(struct pp_store_dynamodb *s, const char *id, int64_t after,
    bool newest, struct listing *l, struct pp_error *err)
{
	struct pp_ddb_query q = { .table = s->templates,
		.key = "#template_id = :id AND #version > :after",
		.backward = newest,
		.page = newest && l->user_id == NULL ? 1 : 0,
		.values = PP_BUF_INIT };

	if (*id == '\0' || l->max <= 0)
		return 0;
	pp_ddb_put_text(&q.values, ":id", id);
	pp_ddb_put_int(&q.values, ":after", after);
	if (pp_ddb_query(s->aws, &q, keep_version, l, err) == 0)
		return l->n;
	while (l->n > 0)
		pp_template_version_release(&l->out[--l->n]);
	return -1;
}

int
pp_ddb_template_versions(struct pp_store *store, const char *id,
    const char *user_id, int64_t after, struct pp_template_version *out,
    int max, struct pp_error *err)
{
	struct listing l = { .user_id = user_id, .out = out, .max = max };

	return find_versions(pp_dynamodb_of(store), id, after, false, &l, err);
}

/* 1, 0 when there is none, -1. */
static int
read_one(struct pp_store_dynamodb *s, const char *id, int64_t version,
    struct pp_template_version *out, struct pp_error *err)
{
	struct pp_buf key = PP_BUF_INIT;
	const struct pp_json *item;
	struct pp_ddb_reply r;
	int rc;

	put_key(&key, id, version);
	rc = pp_ddb_read(s->aws, s->templates, &key, &r, &item, err);
	if (rc == 1 && read_version(item, out, err) < 0)
		rc = -1;
	pp_ddb_reply_release(&r);
	pp_buf_release(&key);
	return rc;
}

int
pp_ddb_template_get(struct pp_store *store, const char *id, int64_t version,
    const char *user_id, struct pp_template_version *out, struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct listing l = { .user_id = user_id, .out = out, .max = 1 };
	int rc = 0;

	if (version == 0) {
		rc = find_versions(s, id, 0, true, &l, err);
	} else if (*id != '\0') {
		rc = read_one(s, id, version, out, err);
		if (rc == 1 && !may_see(out, user_id)) {
			pp_template_version_release(out);
			rc = 0;
		}
	}
	if (rc == 0)
		return pp_store_no_template(id, version, err);
	return rc < 0 ? -1 : 0;
}

/* ---- the list of all ---- */

/*
 * The Queue table's partition @templates has an item for each template: its
 * owner, its newest version and the newest that everybody may see (0: none).
 */
struct heading {
	char *id, *user_id;
	int64_t newest, newest_public;
};

static void
add_heading(struct pp_store_dynamodb *s, struct pp_ddb_transaction *t,
    const struct pp_template_version *v, int64_t version)
{
	struct pp_ddb_action *w = pp_ddb_add(t, PP_DDB_UPDATE, s->queue, NULL);

	pp_ddb_put_queue_key(&w->item, "@templates", v->template_id);
	pp_buf_adds(&w->update, "SET #user_id = :u, #newest = :v");
	if (v->is_public)
		pp_buf_adds(&w->update, ", #newest_public = :v");
	pp_ddb_put_text(&w->values, ":u", v->user_id);
	pp_ddb_put_int(&w->values, ":v", version);
}

struct headings {
	struct heading *list;
	size_t count, cap;
	const char *user_id;
	size_t max;
};

static int
keep_heading(void *arg, const struct pp_json *item, struct pp_error *err)
{
	struct headings *h = arg;
	struct heading at = { .id = pp_ddb_strdup(item, PP_DDB_SORT),
		.user_id = pp_ddb_strdup(item, "user_id") };
	bool ours;

	pp_ddb_int(item, "newest", &at.newest);
	pp_ddb_int(item, "newest_public", &at.newest_public);
	ours = at.user_id != NULL &&
	    (h->user_id == NULL || strcmp(h->user_id, at.user_id) == 0);
	if (!ours)
		at.newest = at.newest_public;
	if (at.id == NULL || at.user_id == NULL || at.newest == 0) {
		int rc = at.id != NULL && at.user_id != NULL ?
		    0 :
		    pp_error_set(err, PP_EDATA,
			"damaged record in table Queue");

		free(at.id);
		free(at.user_id);
		return rc;
	}
	h->list = pp_grow(h->list, h->count, &h->cap, sizeof *h->list);
	h->list[h->count++] = at;
	return h->count == h->max;
}

static int
find_headings(struct pp_store_dynamodb *s, const char *after,
    struct headings *out, struct pp_error *err)
{
	bool from_start = after == NULL || *after == '\0';
	struct pp_ddb_query q = { .table = s->queue,
		.key = from_start ? "#status = :s" :
				    "#status = :s AND "
				    "#job_id__timestamp > :after",
		.values = PP_BUF_INIT };

	pp_ddb_put_text(&q.values, ":s", "@templates");
	if (!from_start)
		pp_ddb_put_text(&q.values, ":after", after);
	return pp_ddb_query(s->aws, &q, keep_heading, out, err);
}

int
pp_ddb_template_list(struct pp_store *store, const char *user_id,
    const char *after, struct pp_template_version *out, int max,
    struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct headings h = { .user_id = user_id, .max = (size_t)max };
	int rc = max > 0 ? find_headings(s, after, &h, err) : 0, n = 0;

	for (size_t i = 0; i < h.count; i++) {
		if (rc >= 0)
			rc = read_one(s, h.list[i].id, h.list[i].newest,
			    &out[n], err);
		n += rc == 1;
		free(h.list[i].id);
		free(h.list[i].user_id);
	}
	free(h.list);
	if (rc >= 0)
		return n;
	while (n > 0)
		pp_template_version_release(&out[--n]);
	return -1;
}

/* ---- adding ---- */

static int
belongs_to_another(const char *id, struct pp_error *err)
{
	return pp_error_set(err, PP_EAUTH,
	    "template '%s' belongs to another user", id);
}

/* 0: added; 1: it is there already; 2: somebody was faster; -1. */
static int
add_once(struct pp_store_dynamodb *s, const struct pp_template_version *t,
    int64_t *version, struct pp_error *err)
{
	struct pp_ddb_transaction w = PP_DDB_TRANSACTION_INIT;
	struct pp_template_version newest = { .version = 0 };
	struct listing l = { .out = &newest, .max = 1 };
	int rc = find_versions(s, t->template_id, 0, true, &l, err);
	bool same = false;

	if (rc == 1 && strcmp(newest.user_id, t->user_id) != 0)
		rc = belongs_to_another(t->template_id, err);
	else if (rc == 1) /* made public, it is a version of its own */
		same = strcmp(newest.definition, t->definition) == 0 &&
		    newest.is_public == t->is_public;
	*version = same ? newest.version : newest.version + 1;
	pp_template_version_release(&newest);
	if (rc < 0 || same)
		return rc < 0 ? -1 : 1;
	put_version(&pp_ddb_add(&w, PP_DDB_PUT, s->templates,
			"attribute_not_exists(#version)")
			 ->item,
	    t, *version);
	add_heading(s, &w, t, *version);
	rc = pp_ddb_commit(s->aws, &w, NULL, err);
	return rc == 1 ? 2 : rc;
}

int
pp_ddb_template_add(struct pp_store *store, const struct pp_template_version *t,
    int64_t *version, struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	int64_t v = 0;
	int rc = 2;

	for (int round = 0; rc == 2; round++) {
		if (round > 0 && pp_ddb_yield(s, round, err) < 0)
			rc = -1;
		else
			rc = add_once(s, t, &v, err);
	}
	if (rc >= 0 && version != NULL)
		*version = v;
	return rc;
}

/* ---- deleting ---- */

struct seen {
	struct pp_store_dynamodb *s;
	const char *user_id;
	struct pp_ddb_transaction t;
	bool any, ours;
};

static int
see_version(void *arg, const struct pp_json *item, struct pp_error *err)
{
	struct seen *d = arg;
	struct pp_template_version t;

	if (read_version(item, &t, err) < 0)
		return -1;
	d->any |= may_see(&t, d->user_id);
	d->ours |= d->user_id == NULL || strcmp(t.user_id, d->user_id) == 0;
	put_key(&pp_ddb_add(&d->t, PP_DDB_DELETE, d->s->templates, NULL)->item,
	    t.template_id, t.version);
	pp_template_version_release(&t);
	return 0;
}

static int
delete_heading(struct pp_store_dynamodb *s, const char *id,
    struct pp_error *err)
{
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;

	pp_ddb_put_queue_key(&pp_ddb_add(&t, PP_DDB_DELETE, s->queue, NULL)
				  ->item,
	    "@templates", id);
	return pp_ddb_commit(s->aws, &t, NULL, err);
}

int
pp_ddb_template_delete(struct pp_store *store, const char *id,
    const char *user_id, struct pp_error *err)
{
	struct pp_store_dynamodb *s = pp_dynamodb_of(store);
	struct seen d = {
		.s = s, .user_id = user_id, .t = PP_DDB_TRANSACTION_INIT
	};
	struct pp_ddb_query q = { .table = s->templates,
		.key = "#template_id = :id",
		.values = PP_BUF_INIT };
	int rc = 0;

	if (*id != '\0') {
		pp_ddb_put_text(&q.values, ":id", id);
		rc = pp_ddb_query(s->aws, &q, see_version, &d, err);
	}
	if (rc == 0 && !d.any)
		rc = pp_store_no_template(id, 0, err);
	else if (rc == 0 && !d.ours)
		rc = belongs_to_another(id, err);
	/* the heading last: until then a delete that was cut short is seen */
	if (rc == 0)
		rc = pp_ddb_write_all(s->aws, &d.t, err);
	if (rc == 0)
		rc = delete_heading(s, id, err);
	pp_ddb_transaction_release(&d.t);
	return rc;
}
