#include <config.h>

#include "job/seed_source.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "job/seed.h"
#include "job/seed_input.h"

/* A record of a file that was wanted. */
struct kept {
	int64_t index;
	size_t at, len; /* in `text` */
};

struct pp_seed_source {
	struct pp_seed_set *set; /* or NULL: a file */
	char *path;
	int64_t count;
	uint8_t *wanted; /* of a file: a bit for each record */
	bool loaded;
	struct pp_buf text;
	struct kept *kept; /* in order of index */
	size_t kept_count, kept_cap;
};

bool
pp_seed_source_is_file(const char *ref)
{
	static const char *const endings[] = { ".json", ".jsonl", ".ndjson",
		".csv" };

	if (strcmp(ref, "-") == 0 || strchr(ref, '/') != NULL)
		return true;
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		if (pp_ends_with(ref, endings[i]))
			return true;
	}
	return false;
}

/* ---- files ---- */

static int
count_records(struct pp_seed_source *src, struct pp_error *err)
{
	struct pp_seed_input *in = pp_seed_input_open(src->path, PP_SEED_ANY,
	    false, err);
	struct pp_seed_record r;
	int rc = -1;

	if (in == NULL)
		return -1;
	while ((rc = pp_seed_input_next(in, &r, err)) > 0)
		src->count++;
	pp_seed_input_close(in);
	return rc;
}

static int
open_file(struct pp_seed_source *src, struct pp_error *err)
{
	struct stat st;

	if (strcmp(src->path, "-") == 0 ||
	    (stat(src->path, &st) == 0 && !S_ISREG(st.st_mode)))
		return pp_error_set(err, PP_EUSAGE,
		    "seeds are read twice, so "
		    "'%s' must be a regular file",
		    src->path);
	if (count_records(src, err) < 0)
		return -1;
	src->wanted = pp_calloc((size_t)src->count / 8 + 1, 1);
	return 0;
}

static int
keep(struct pp_seed_source *src, int64_t index, const struct pp_seed_record *r,
    struct pp_error *err)
{
	struct kept *k;

	src->kept = pp_grow(src->kept, src->kept_count, &src->kept_cap,
	    sizeof *src->kept);
	k = &src->kept[src->kept_count++];
	*k = (struct kept){ index, src->text.len, r->len };
	if (pp_buf_add(&src->text, r->text, r->len) == 0)
		return 0;
	return pp_error_set(err, PP_ELIMIT,
	    "of '%s' more than %zu MiB would "
	    "be kept; sample less, or make it a set",
	    src->path, PP_SEED_SOURCE_MAX_BYTES >> 20);
}

static bool
is_wanted(const struct pp_seed_source *src, int64_t i)
{
	return (src->wanted[i / 8] >> (i % 8) & 1) != 0;
}

static int
load(struct pp_seed_source *src, struct pp_error *err)
{
	struct pp_seed_input *in = pp_seed_input_open(src->path, PP_SEED_ANY,
	    false, err);
	struct pp_seed_record r;
	int64_t i;

	if (in == NULL)
		return -1;
	for (i = 0; i < src->count; i++) {
		int rc = pp_seed_input_next(in, &r, err);

		if (rc == 0)
			rc = pp_error_set(err, PP_EDATA,
			    "'%s' became shorter while it was read", src->path);
		if (rc < 0 || (is_wanted(src, i) && keep(src, i, &r, err) < 0))
			break;
	}
	pp_seed_input_close(in);
	src->loaded = i == src->count;
	return src->loaded ? 0 : -1;
}

static const struct kept *
find_kept(const struct pp_seed_source *src, int64_t i)
{
	size_t low = 0, high = src->kept_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (src->kept[middle].index < i)
			low = middle + 1;
		else
			high = middle;
	}
	assert(low < src->kept_count && src->kept[low].index == i);
	return &src->kept[low];
}

/* ---- both ---- */

/* A file whose name has no ending counts when there is no such set. */
static int
open_set(struct pp_seed_source *src, struct pp_store *s, const char *user_id,
    struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;
	struct stat st;

	src->set = pp_seed_open(s, user_id, src->path, &why);
	if (src->set != NULL) {
		src->count = pp_seed_count(src->set);
		return 0;
	}
	if (why.code == PP_ENOENT && stat(src->path, &st) == 0)
		return open_file(src, err);
	return pp_error_set(err, why.code, "%s", why.text);
}

struct pp_seed_source *
pp_seed_source_open(struct pp_store *s, const char *user_id, const char *ref,
    struct pp_error *err)
{
	struct pp_seed_source *src = pp_calloc(1, sizeof *src);
	int rc;

	src->path = pp_strdup(ref);
	pp_buf_init(&src->text, PP_SEED_SOURCE_MAX_BYTES);
	if (s == NULL || pp_seed_source_is_file(ref))
		rc = open_file(src, err);
	else
		rc = open_set(src, s, user_id, err);
	if (rc == 0 && src->count == 0)
		rc = pp_error_set(err, PP_EDATA, "'%s' has no seeds", ref);
	if (rc == 0)
		return src;
	pp_seed_source_close(src);
	return NULL;
}

void
pp_seed_source_close(struct pp_seed_source *src)
{
	if (src == NULL)
		return;
	pp_seed_close(src->set);
	pp_buf_release(&src->text);
	free(src->kept);
	free(src->wanted);
	free(src->path);
	free(src);
}

int64_t
pp_seed_source_count(const struct pp_seed_source *src)
{
	return src->count;
}

void
pp_seed_source_want(struct pp_seed_source *src, int64_t i)
{
	assert(i >= 0 && i < src->count && !src->loaded);
	if (src->set == NULL)
		src->wanted[i / 8] |= (uint8_t)(1u << (i % 8));
}

int
pp_seed_source_get(struct pp_seed_source *src, int64_t i, struct pp_buf *out,
    struct pp_error *err)
{
	const struct kept *k;

	if (src->set != NULL)
		return pp_seed_get(src->set, i, out, err);
	if (!src->loaded && load(src, err) < 0)
		return -1;
	k = find_kept(src, i);
	pp_buf_add(out, src->text.data + k->at, k->len);
	return 0;
}
