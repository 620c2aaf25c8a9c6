#include <config.h>

#include "job/archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PAGE 1000

/* A walk over the job's objects. */
struct walk {
	struct pp_blob *blob;
	struct pp_archive *out;
	/* of what is archived; NULL: only look */
	int (*ask)(struct walk *w, const char *key, struct pp_error *err);
	int days;
	const char *tier;
};

static void
count(struct pp_archive *a, const struct pp_blob_info *info)
{
	int64_t *const by_state[] = { [PP_BLOB_AT_HAND] = &a->moved,
		[PP_BLOB_ARCHIVED] = &a->archived,
		[PP_BLOB_COMING] = &a->coming,
		[PP_BLOB_RESTORED] = &a->restored };
	bool first = a->archived + a->coming + a->restored == 0;

	if (info->storage_class[0] == '\0')
		return;
	if (info->archive != PP_BLOB_AT_HAND ? first : a->moved == 0 && first)
		memcpy(a->storage_class, info->storage_class,
		    sizeof a->storage_class);
	++*by_state[info->archive];
}

/* What the listing calls archived is looked at, asked for, looked at again. */
static int
visit(struct walk *w, const struct pp_blob_info *listed, struct pp_error *err)
{
	struct pp_blob_info now;

	w->out->objects++;
	if (listed->archive == PP_BLOB_AT_HAND) {
		count(w->out, listed);
		return 0;
	}
	if (pp_blob_head(w->blob, listed->key, &now, err) < 0)
		return -1;
	if (now.archive == PP_BLOB_ARCHIVED && w->ask != NULL) {
		pp_blob_info_release(&now);
		if (w->ask(w, listed->key, err) < 0 ||
		    pp_blob_head(w->blob, listed->key, &now, err) < 0)
			return -1;
	}
	count(w->out, &now);
	pp_blob_info_release(&now);
	return 0;
}

static int
visit_all(struct walk *w, const char *prefix, struct pp_error *err)
{
	struct pp_blob_info *page = pp_calloc(PAGE, sizeof *page);
	char *after = NULL;
	int n, rc = 0;

	do {
		n = pp_blob_list(w->blob, prefix, after, page, PAGE, err);
		if (n < 0)
			rc = -1;
		free(after);
		after = n > 0 ? pp_strdup(page[n - 1].key) : NULL;
		for (int i = 0; i < n; i++) {
			if (rc == 0)
				rc = visit(w, &page[i], err);
			pp_blob_info_release(&page[i]);
		}
	} while (rc == 0 && n == PAGE);
	free(after);
	free(page);
	return rc;
}

static int
walk_job(struct walk *w, struct pp_store *s, const char *job_id,
    struct pp_error *err)
{
	char *prefix;
	int rc;

	memset(w->out, 0, sizeof *w->out);
	if (pp_store_dir(s) != NULL)
		return 0;
	w->blob = pp_store_blobs(s);
	prefix = pp_asprintf("jobs/%s/", job_id);
	rc = visit_all(w, prefix, err);
	free(prefix);
	return rc;
}

int
pp_archive_look(struct pp_store *s, const char *job_id, struct pp_archive *out,
    struct pp_error *err)
{
	struct walk w = { .out = out };

	return walk_job(&w, s, job_id, err);
}

static int
ask_for(struct walk *w, const char *key, struct pp_error *err)
{
	return pp_blob_restore(w->blob, key, w->days, w->tier, err);
}

int
pp_archive_restore(struct pp_store *s, const char *job_id, int days,
    const char *tier, struct pp_archive *out, struct pp_error *err)
{
	struct walk w = {
		.out = out, .ask = ask_for, .days = days, .tier = tier
	};

	return walk_job(&w, s, job_id, err);
}
