#include <config.h>

#include "job/archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PAGE 1000

struct restoring {
	struct pp_blob *blob;
	int days; /* 0: only look */
	const char *tier;
	struct pp_archive *out;
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
visit(struct restoring *r, const struct pp_blob_info *listed,
    struct pp_error *err)
{
	struct pp_blob_info now;

	r->out->objects++;
	if (listed->archive == PP_BLOB_AT_HAND) {
		count(r->out, listed);
		return 0;
	}
	if (pp_blob_head(r->blob, listed->key, &now, err) < 0)
		return -1;
	if (now.archive == PP_BLOB_ARCHIVED && r->days > 0) {
		pp_blob_info_release(&now);
		if (pp_blob_restore(r->blob, listed->key, r->days, r->tier,
			err) < 0 ||
		    pp_blob_head(r->blob, listed->key, &now, err) < 0)
			return -1;
	}
	count(r->out, &now);
	pp_blob_info_release(&now);
	return 0;
}

static int
visit_all(struct restoring *r, const char *prefix, struct pp_error *err)
{
	struct pp_blob_info *page = pp_calloc(PAGE, sizeof *page);
	char *after = NULL;
	int n, rc = 0;

	do {
		n = pp_blob_list(r->blob, prefix, after, page, PAGE, err);
		if (n < 0)
			rc = -1;
		free(after);
		after = n > 0 ? pp_strdup(page[n - 1].key) : NULL;
		for (int i = 0; i < n; i++) {
			if (rc == 0)
				rc = visit(r, &page[i], err);
			pp_blob_info_release(&page[i]);
		}
	} while (rc == 0 && n == PAGE);
	free(after);
	free(page);
	return rc;
}

int
pp_archive_restore(struct pp_store *s, const char *job_id, int days,
    const char *tier, struct pp_archive *out, struct pp_error *err)
{
	struct restoring r = { .blob = pp_store_blobs(s),
		.days = days,
		.tier = tier,
		.out = out };
	char *prefix;
	int rc;

	memset(out, 0, sizeof *out);
	if (pp_store_dir(s) != NULL)
		return 0;
	prefix = pp_asprintf("jobs/%s/", job_id);
	rc = visit_all(&r, prefix, err);
	free(prefix);
	return rc;
}

int
pp_archive_look(struct pp_store *s, const char *job_id, struct pp_archive *out,
    struct pp_error *err)
{
	return pp_archive_restore(s, job_id, 0, NULL, out, err);
}
