#include <config.h>

#include "job/export_upload.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define SUCCESS "_SUCCESS"

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int
upload_file(const struct pp_export_place *to, const char *path,
    const char *below, struct pp_error *err)
{
	char *key = pp_asprintf("%s%s", to->prefix, below);
	int rc = pp_blob_put_file(to->blobs, key, path, err);

	if (rc == 0 && to->fn != NULL)
		rc = to->fn(to->arg, key, err);
	free(key);
	return rc;
}

/* All files below the folder but the mark of the whole, by name. */
static int
upload_files(const struct pp_export_place *to, char *folder,
    struct pp_error *err)
{
	char *roots[] = { folder, NULL };
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	size_t root = strlen(folder) + 1;
	FTSENT *e;
	int rc = 0;

	if (walk == NULL)
		return pp_error_errno(err, PP_EIO, errno, "cannot read '%s'",
		    folder);
	while (rc == 0 && (e = fts_read(walk)) != NULL) {
		if (e->fts_info == FTS_F &&
		    strcmp(e->fts_path + root, SUCCESS) != 0)
			rc = upload_file(to, e->fts_path, e->fts_path + root,
			    err);
		else if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR)
			rc = pp_error_errno(err, PP_EIO, e->fts_errno,
			    "cannot read '%s'", e->fts_path);
	}
	fts_close(walk);
	return rc;
}

static int
upload_folder(const struct pp_export_place *to, char *folder,
    struct pp_error *err)
{
	char *mark = pp_asprintf("%s/" SUCCESS, folder);
	char *old = pp_asprintf("%s" SUCCESS, to->prefix);
	int rc = pp_blob_delete(to->blobs, old, err);

	if (rc == 0)
		rc = upload_files(to, folder, err);
	if (rc == 0 && access(mark, F_OK) == 0)
		rc = upload_file(to, mark, SUCCESS, err);
	free(mark);
	free(old);
	return rc;
}

static void
remove_folder(char *folder)
{
	char *roots[] = { folder, NULL };
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;

	while (walk != NULL && (e = fts_read(walk)) != NULL) {
		if (e->fts_info == FTS_DP)
			rmdir(e->fts_path);
		else if (e->fts_info != FTS_D)
			unlink(e->fts_path);
	}
	if (walk != NULL)
		fts_close(walk);
}

/* Returns owned, or NULL. */
static char *
make_folder(struct pp_error *err)
{
	const char *tmp = getenv("TMPDIR");
	char *folder = pp_asprintf("%s/pp-export-XXXXXX",
	    tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");

	if (mkdtemp(folder) != NULL)
		return folder;
	pp_error_errno(err, PP_ECREATE, errno,
	    "cannot create a folder like '%s'", folder);
	free(folder);
	return NULL;
}

/* What there is to export: a job by its id, its record, or rows. */
struct source {
	struct pp_store *store;
	const char *job_id;
	const struct pp_job *job;
	bool partial;
	struct pp_rows *rows;
};

static int
export_source(const struct source *src, const struct pp_export_options *o,
    struct pp_export_result *result, struct pp_error *err)
{
	if (src->rows != NULL)
		return pp_export_run(o, src->rows, result, err);
	if (src->job != NULL)
		return pp_export_job_record(src->store, src->job, o, result,
		    err);
	return pp_export_job(src->store, src->job_id, o, src->partial, result,
	    err);
}

static int
upload(const struct source *src, const struct pp_export_options *o,
    const struct pp_export_place *to, struct pp_export_result *result,
    struct pp_error *err)
{
	struct pp_export_options own = *o;
	char *folder = make_folder(err);
	int rc;

	if (folder == NULL)
		return -1;
	own.dir = folder;
	rc = export_source(src, &own, result, err);
	if (rc == 0)
		rc = upload_folder(to, folder, err);
	remove_folder(folder);
	free(folder);
	return rc;
}

int
pp_export_upload_job(struct pp_store *s, const char *job_id,
    const struct pp_export_options *o, bool partial,
    const struct pp_export_place *to, struct pp_export_result *result,
    struct pp_error *err)
{
	struct source src = {
		.store = s, .job_id = job_id, .partial = partial
	};

	return upload(&src, o, to, result, err);
}

int
pp_export_upload_record(struct pp_store *s, const struct pp_job *job,
    const struct pp_export_options *o, const struct pp_export_place *to,
    struct pp_export_result *result, struct pp_error *err)
{
	struct source src = { .store = s, .job = job };

	return upload(&src, o, to, result, err);
}

int
pp_export_upload_rows(const struct pp_export_options *o, struct pp_rows *rows,
    const struct pp_export_place *to, struct pp_export_result *result,
    struct pp_error *err)
{
	struct source src = { .rows = rows };

	return upload(&src, o, to, result, err);
}
