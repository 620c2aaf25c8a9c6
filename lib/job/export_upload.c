#include <config.h>

#include "job/export_upload.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int
upload_file(struct pp_store *s, const char *job_id, const char *path,
    const char *below, pp_uploaded_fn *fn, void *arg, struct pp_error *err)
{
	char *key = pp_asprintf("jobs/%s/exports/%s", job_id, below);
	int rc = pp_blob_put_file(pp_store_blobs(s), key, path, err);

	if (rc == 0 && fn != NULL)
		rc = fn(arg, key, err);
	free(key);
	return rc;
}

/* All files below the folder, in order of their names. */
static int
upload_folder(struct pp_store *s, const char *job_id, char *folder,
    pp_uploaded_fn *fn, void *arg, struct pp_error *err)
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
		if (e->fts_info == FTS_F)
			rc = upload_file(s, job_id, e->fts_path,
			    e->fts_path + root, fn, arg, err);
		else if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR)
			rc = pp_error_errno(err, PP_EIO, e->fts_errno,
			    "cannot read '%s'", e->fts_path);
	}
	fts_close(walk);
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

int
pp_export_upload(struct pp_store *s, const char *job_id,
    const struct pp_export_options *o, bool partial,
    struct pp_export_result *result, pp_uploaded_fn *fn, void *arg,
    struct pp_error *err)
{
	const char *tmp = getenv("TMPDIR");
	struct pp_export_options own = *o;
	char *folder = pp_asprintf("%s/pp-export-XXXXXX",
	    tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");
	int rc = -1;

	if (mkdtemp(folder) == NULL) {
		pp_error_errno(err, PP_ECREATE, errno,
		    "cannot create a folder like '%s'", folder);
		free(folder);
		return -1;
	}
	own.dir = folder;
	if (pp_export_job(s, job_id, &own, partial, result, err) == 0)
		rc = upload_folder(s, job_id, folder, fn, arg, err);
	remove_folder(folder);
	free(folder);
	return rc;
}
