#include <config.h>

#include "job/seed.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "job/seed_int.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define JOBS_PAGE 16

/* ---- keys ---- */

char *
pp_seed_base(const char *user_id, const char *name, struct pp_error *err)
{
	bool sample = pp_starts_with(name, PP_SEED_SAMPLE);
	const char *own = sample ? name + strlen(PP_SEED_SAMPLE) : name;

	if (!pp_name_valid(own)) {
		pp_error_set(err, PP_EUSAGE,
		    "a seed set's name has 1 to 128 of A-Z a-z 0-9 . _ - and "
		    "does not begin with . or -, which '%s' is not",
		    own);
		return NULL;
	}
	return sample ? pp_asprintf(PP_SEED_SAMPLES "%s", own) :
			pp_asprintf("seed-data/%s/%s", user_id, own);
}

char *
pp_seed_shown(const char *base)
{
	const char *own = strrchr(base, '/');

	own = own != NULL ? own + 1 : base;
	return pp_asprintf("%s%s",
	    pp_starts_with(base, PP_SEED_SAMPLES) ? PP_SEED_SAMPLE : "", own);
}

char *
pp_seed_manifest_key(const char *base)
{
	return pp_asprintf("%s/manifest.json", base);
}

char *
pp_seed_index_key(const char *base, const char *generation)
{
	return pp_asprintf("%s/%s/index.jsonl", base, generation);
}

char *
pp_seed_part_key(const char *base, const char *generation, int64_t number)
{
	return pp_asprintf("%s/%s/part-%05lld.jsonl", base, generation,
	    (long long)number);
}

char *
pp_seed_upload_key(const char *base)
{
	return pp_asprintf("%s/upload", base);
}

/* ---- the manifest ---- */

/* A count; false when it is none. */
/* A string of exactly `size` bytes with its NUL. */
static bool
read_fixed(const struct pp_json *v, const char *key, char *out, size_t size)
{
	return pp_json_get_text(v, key, out, size) && strlen(out) == size - 1;
}

/* "seed-data/USER/NAME" and "sample-datasets/NAME", nothing else. */
static bool
is_base(const char *base)
{
	const char *user = "seed-data/", *own;
	char *name;
	bool ok;

	if (pp_starts_with(base, PP_SEED_SAMPLES))
		return pp_name_valid(base + strlen(PP_SEED_SAMPLES));
	if (!pp_starts_with(base, user))
		return false;
	user = base + strlen(user);
	own = strchr(user, '/');
	if (own == NULL)
		return false;
	name = pp_strndup(user, (size_t)(own - user));
	ok = pp_name_valid(name) && pp_name_valid(own + 1);
	free(name);
	return ok;
}

static bool
read_manifest(const struct pp_json *v, struct pp_seed_manifest *m)
{
	int64_t format;
	char *created;
	bool ok;

	m->base = pp_json_strdup(pp_json_get(v, "set"));
	created = pp_json_strdup(pp_json_get(v, "created_at"));
	ok = pp_json_int64(pp_json_get(v, "format"), &format) && format == 1 &&
	    m->base != NULL && is_base(m->base) && created != NULL &&
	    pp_time_parse(created, &m->created_at_ms, NULL) == 0 &&
	    read_fixed(v, "generation", m->generation, PP_ID_BYTES) &&
	    pp_id_valid(m->generation) &&
	    pp_json_get_count(v, "count", &m->count) &&
	    pp_json_get_count(v, "bytes", &m->bytes) &&
	    pp_json_get_count(v, "parts", &m->parts) &&
	    read_fixed(v, "index_sha256", m->index_sha256, PP_SHA256_HEX_BYTES);
	free(created);
	return ok;
}

int
pp_seed_manifest_parse(const char *text, size_t len, struct pp_seed_manifest *m,
    struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *v = pp_json_parse(&doc, text, len, 0, err);
	int rc = v != NULL ? 0 : -1;

	*m = (struct pp_seed_manifest){ .base = NULL };
	if (rc == 0 && !read_manifest(v, m))
		rc = pp_error_set(err, PP_EDATA,
		    "this is no manifest of a seed set");
	if (rc < 0)
		pp_seed_manifest_release(m);
	pp_json_doc_release(&doc);
	return rc;
}

void
pp_seed_manifest_release(struct pp_seed_manifest *m)
{
	free(m->base);
	m->base = NULL;
}

int
pp_seed_manifest_get(struct pp_store *s, const char *base, struct pp_buf *text,
    char etag[PP_ETAG_BYTES], struct pp_seed_manifest *m, struct pp_error *err)
{
	char *key = pp_seed_manifest_key(base), *shown = pp_seed_shown(base);
	struct pp_error why = PP_ERROR_INIT;
	int rc = -1;

	if (pp_blob_get(pp_store_blobs(s), key, text, etag, &why) < 0) {
		if (why.code == PP_ENOENT)
			pp_error_set(err, PP_ENOENT,
			    "there is no seed set "
			    "'%s'",
			    shown);
		else
			pp_error_set(err, why.code, "%s", why.text);
	} else if (pp_seed_manifest_parse(text->data, text->len, m, err) < 0) {
		pp_error_wrap(err, "seed set '%s' is damaged", shown);
	} else if (strcmp(m->base, base) != 0) {
		pp_seed_manifest_release(m);
		pp_error_set(err, PP_EDATA,
		    "seed set '%s' is damaged: its "
		    "manifest is that of another set",
		    shown);
	} else {
		rc = 0;
	}
	free(key);
	free(shown);
	return rc;
}

/* ---- listing ---- */

/*
 * The name of the next "folder" under `prefix` behind the one called `after`
 * (NULL: the first). Returns 1 with it owned in `*name`, 0 at the end, -1.
 * Keys of folder X begin with "X/", so all of them sort before "X0".
 */
static int
next_folder(struct pp_blob *b, const char *prefix, const char *after,
    char **name, struct pp_error *err)
{
	char *from = after != NULL ? pp_asprintf("%s%s0", prefix, after) : NULL;
	struct pp_blob_info info;
	const char *own, *slash;
	int n, rc = 0;

	while (rc == 0) {
		n = pp_blob_list(b, prefix, from, &info, 1, err);
		if (n <= 0) {
			rc = n;
			break;
		}
		own = info.key + strlen(prefix);
		slash = strchr(own, '/');
		free(from);
		from = pp_strdup(info.key);
		if (slash != NULL) {
			*name = pp_strndup(own, (size_t)(slash - own));
			rc = 1;
		}
		pp_blob_info_release(&info);
	}
	free(from);
	return rc;
}

/*
 * 1 with the set's totals, 0 when it has no manifest (yet), -1. A damaged one
 * is shown, too, since it wants to be removed.
 */
static int
get_info(struct pp_store *s, const char *base, struct pp_seed_info *info,
    struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;
	struct pp_buf text = PP_BUF_INIT;
	struct pp_seed_manifest m;
	int rc = 1;

	if (pp_seed_manifest_get(s, base, &text, NULL, &m, &why) < 0) {
		if (why.code == PP_EDATA)
			*info = (struct pp_seed_info){
				.name = pp_seed_shown(base),
				.count = -1,
				.bytes = -1
			};
		else
			rc = why.code == PP_ENOENT ?
			    0 :
			    pp_error_set(err, why.code, "%s", why.text);
	} else {
		*info = (struct pp_seed_info){ .name = pp_seed_shown(base),
			.count = m.count,
			.bytes = m.bytes,
			.created_at_ms = m.created_at_ms };
		pp_seed_manifest_release(&m);
	}
	pp_buf_release(&text);
	return rc;
}

int
pp_seed_list(struct pp_store *s, const char *user_id, const char *after,
    struct pp_seed_info *infos, int max, struct pp_error *err)
{
	char *prefix = user_id != NULL ? pp_asprintf("seed-data/%s/", user_id) :
					 pp_strdup(PP_SEED_SAMPLES);
	char *at, *name = NULL, *base;
	int count = 0, n = 1;

	if (after != NULL && pp_starts_with(after, PP_SEED_SAMPLE))
		after += strlen(PP_SEED_SAMPLE);
	at = pp_strdup(after);
	while (count < max && n >= 0) {
		n = next_folder(pp_store_blobs(s), prefix, at, &name, err);
		if (n <= 0)
			break;
		base = pp_asprintf("%s%s", prefix, name);
		n = get_info(s, base, &infos[count], err);
		free(base);
		free(at);
		at = name;
		count += n > 0;
	}
	free(at);
	free(prefix);
	if (n >= 0)
		return count;
	while (count > 0)
		pp_seed_info_release(&infos[--count]);
	return -1;
}

void
pp_seed_info_release(struct pp_seed_info *info)
{
	free(info->name);
	info->name = NULL;
}

/* ---- what no job needs ---- */

struct generation {
	char id[PP_ID_BYTES];
	bool pinned;
};

struct generations {
	struct generation *list;
	size_t count, cap;
};

/* The time in a UUIDv7: its first 48 bits. */
static int64_t
time_of_id(const char *id)
{
	char digits[13];

	memcpy(digits, id, 8);
	memcpy(digits + 8, id + 9, 4);
	digits[12] = '\0';
	return strtoll(digits, NULL, 16);
}

/* Those of the set but `keep` (may be NULL), begun before `before_ms`. */
static int
find_generations(struct pp_store *s, const char *base, const char *keep,
    int64_t before_ms, struct generations *out, struct pp_error *err)
{
	char *prefix = pp_asprintf("%s/", base), *name = NULL, *at = NULL;
	int n;

	while ((n = next_folder(pp_store_blobs(s), prefix, at, &name, err)) >
	    0) {
		if (pp_id_valid(name) && time_of_id(name) < before_ms &&
		    (keep == NULL || strcmp(name, keep) != 0)) {
			out->list = pp_grow(out->list, out->count, &out->cap,
			    sizeof *out->list);
			memcpy(out->list[out->count].id, name, PP_ID_BYTES);
			out->list[out->count++].pinned = false;
		}
		free(at);
		at = name;
	}
	free(at);
	free(prefix);
	return n;
}

/* A job's config holds the manifests of its sets, with their generations. */
static void
mark_pinned(struct generations *g, const struct pp_job *job)
{
	for (size_t i = 0; i < g->count; i++) {
		if (job->config != NULL &&
		    strstr(job->config, g->list[i].id) != NULL)
			g->list[i].pinned = true;
	}
}

/* `user_id` NULL: samples may be pinned by anybody's jobs. */
static int
find_pins(struct pp_store *s, const char *user_id, struct generations *g,
    struct pp_error *err)
{
	struct pp_job jobs[JOBS_PAGE];
	char before[PP_ID_BYTES] = "";
	struct pp_job_filter filter = { .user_id = user_id, .status = -1 };
	int n;

	do {
		n = pp_store_job_list(s, &filter, jobs, JOBS_PAGE, err);
		for (int i = 0; i < n; i++) {
			mark_pinned(g, &jobs[i]);
			memcpy(before, jobs[i].job_id, PP_ID_BYTES);
			pp_job_release(&jobs[i]);
		}
		filter.before_id = before;
	} while (n == JOBS_PAGE);
	return n < 0 ? -1 : 0;
}

static int
delete_unpinned(struct pp_store *s, const char *user_id, const char *base,
    struct generations *g, struct pp_error *err)
{
	bool sample = pp_starts_with(base, PP_SEED_SAMPLES);
	int rc = 0;

	if (g->count == 0)
		return 0;
	if (find_pins(s, sample ? NULL : user_id, g, err) < 0)
		return -1;
	for (size_t i = 0; i < g->count && rc == 0; i++) {
		char *prefix = pp_asprintf("%s/%s/", base, g->list[i].id);

		if (!g->list[i].pinned)
			rc = pp_blob_delete_prefix(pp_store_blobs(s), prefix,
			    err);
		free(prefix);
	}
	return rc;
}

int
pp_seed_prune(struct pp_store *s, const char *user_id, const char *name,
    int64_t now_ms, struct pp_error *err)
{
	struct generations g = { .list = NULL };
	struct pp_seed_manifest m = { .base = NULL };
	struct pp_error why = PP_ERROR_INIT;
	struct pp_buf text = PP_BUF_INIT;
	char *base = pp_seed_base(user_id, name, err);
	int rc = -1;

	if (base == NULL)
		return -1;
	rc = pp_seed_manifest_get(s, base, &text, NULL, &m, &why);
	if (rc < 0 && why.code != PP_ENOENT) {
		pp_error_set(err, why.code, "%s", why.text);
		goto out;
	}
	if (rc == 0 && m.created_at_ms > now_ms - HOUR_MS)
		goto out;
	rc = find_generations(s, base, rc == 0 ? m.generation : NULL,
	    now_ms - DAY_MS, &g, err);
	if (rc == 0)
		rc = delete_unpinned(s, user_id, base, &g, err);
out:
	pp_seed_manifest_release(&m);
	pp_buf_release(&text);
	free(g.list);
	free(base);
	return rc;
}

/*
 * The set's own generation goes at once, others when they are old; all of them
 * when a damaged manifest does not tell which is which.
 */
static int
find_removable(struct pp_store *s, const char *base, struct generations *g,
    struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;
	struct pp_buf text = PP_BUF_INIT;
	struct pp_seed_manifest m;
	int rc = pp_seed_manifest_get(s, base, &text, NULL, &m, &why);

	pp_buf_release(&text);
	if (rc < 0 && why.code == PP_EDATA)
		return find_generations(s, base, NULL, INT64_MAX, g, err);
	if (rc < 0)
		return pp_error_set(err, why.code, "%s", why.text);
	g->list = pp_grow(g->list, g->count, &g->cap, sizeof *g->list);
	memcpy(g->list[0].id, m.generation, PP_ID_BYTES);
	g->list[g->count++].pinned = false;
	rc = find_generations(s, base, m.generation,
	    pp_clock_wall_ms() - DAY_MS, g, err);
	pp_seed_manifest_release(&m);
	return rc;
}

int
pp_seed_remove(struct pp_store *s, const char *user_id, const char *name,
    struct pp_error *err)
{
	struct generations g = { .list = NULL };
	char *base = pp_seed_base(user_id, name, err), *key, *upload;
	int rc;

	if (base == NULL)
		return -1;
	key = pp_seed_manifest_key(base);
	upload = pp_seed_upload_key(base);
	rc = find_removable(s, base, &g, err);
	if (rc == 0)
		rc = pp_blob_delete(pp_store_blobs(s), key, err);
	if (rc == 0)
		rc = pp_blob_delete(pp_store_blobs(s), upload, err);
	if (rc == 0)
		rc = delete_unpinned(s, user_id, base, &g, err);
	free(g.list);
	free(upload);
	free(key);
	free(base);
	return rc;
}

/* ---- parts ---- */

int
pp_seed_each_part(struct pp_store *s, const char *user_id, const char *name,
    int (*fn)(void *arg, const char *key, struct pp_error *err), void *arg,
    struct pp_error *err)
{
	char *base = pp_seed_base(user_id, name, err);
	struct pp_buf text = PP_BUF_INIT;
	struct pp_seed_manifest m;
	int rc = -1;

	if (base == NULL)
		return -1;
	if (pp_seed_manifest_get(s, base, &text, NULL, &m, err) == 0) {
		rc = 0;
		for (int64_t n = 1; rc == 0 && n <= m.parts; n++) {
			char *key = pp_seed_part_key(base, m.generation, n);

			rc = fn(arg, key, err);
			free(key);
		}
		pp_seed_manifest_release(&m);
	}
	pp_buf_release(&text);
	free(base);
	return rc;
}
