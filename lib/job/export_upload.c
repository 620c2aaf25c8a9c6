#include <config.h>

#include "job/export_upload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define SUCCESS "_SUCCESS"

/* Hidden, so that nobody has files of his own in a folder of that name. */
#define FOLDER_PREFIX ".pp-upload-"

#define TRIES 10 /* to make one */

/* What an export to objects is made in. */
struct folder {
	char *path; /* owned */
	int fd;	    /* of it, locked as long as it is used */
};

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* The files of an export on their way. */
struct uploads {
	const struct pp_export_place *to;
	struct pp_blob_file *files; /* keys and paths owned */
	size_t count, cap;
};

static void
add_file(struct uploads *u, const char *path, const char *below)
{
	u->files = pp_grow(u->files, u->count, &u->cap, sizeof *u->files);
	u->files[u->count++] = (struct pp_blob_file){
		pp_asprintf("%s%s", u->to->prefix, below), pp_strdup(path)
	};
}

static void
release_uploads(struct uploads *u)
{
	for (size_t i = 0; i < u->count; i++) {
		free((char *)(uintptr_t)u->files[i].key);
		free((char *)(uintptr_t)u->files[i].path);
	}
	free(u->files);
}

/* All files below the folder but the mark of the whole, by name. */
static int
find_files(struct uploads *u, char *folder, struct pp_error *err)
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
			add_file(u, e->fts_path, e->fts_path + root);
		else if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR)
			rc = pp_error_errno(err, PP_EIO, e->fts_errno,
			    "cannot read '%s'", e->fts_path);
	}
	fts_close(walk);
	return rc;
}

static int
on_uploaded(void *arg, size_t index, struct pp_error *err)
{
	const struct uploads *u = arg;

	return u->to->fn != NULL ?
	    u->to->fn(u->to->arg, u->files[index].key, err) :
	    0;
}

/* The mark of the whole goes first when it is old and comes last. */
static int
upload_folder(const struct pp_export_place *to, char *folder,
    struct pp_error *err)
{
	struct uploads u = { .to = to }, mark = { .to = to };
	char *path = pp_asprintf("%s/" SUCCESS, folder);
	int rc = find_files(&u, folder, err);

	add_file(&mark, path, SUCCESS);
	if (rc == 0)
		rc = pp_blob_delete(to->blobs, mark.files[0].key, err);
	if (rc == 0)
		rc = pp_blob_put_files(to->blobs, u.files, u.count, on_uploaded,
		    &u, err);
	if (rc == 0 && access(path, F_OK) == 0)
		rc = pp_blob_put_files(to->blobs, mark.files, 1, on_uploaded,
		    &mark, err);
	free(path);
	release_uploads(&u);
	release_uploads(&mark);
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

static const char *
temporary_place(void)
{
	const char *tmp = getenv("TMPDIR");

	return tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp";
}

/* Open and ours; -1 when it is not, or somebody holds it. */
static int
lock_folder(int at, const char *name)
{
	int fd = openat(at, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* What killed exports left; of those that run, the folder is locked. */
static void
remove_leftovers(const char *place)
{
	DIR *d = opendir(place);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char *path;
		int fd;

		if (!pp_starts_with(e->d_name, FOLDER_PREFIX) ||
		    strlen(e->d_name) != sizeof FOLDER_PREFIX "XXXXXX" - 1 ||
		    (fd = lock_folder(dirfd(d), e->d_name)) < 0)
			continue;
		path = pp_asprintf("%s/%s", place, e->d_name);
		remove_folder(path);
		free(path);
		close(fd);
	}
	if (d != NULL)
		closedir(d);
}

/*
 * A locked folder in the temporary place. Between its making and its locking
 * another run may take it for a leftover: then another is made.
 */
static int
make_folder(struct folder *f, struct pp_error *err)
{
	const char *place = temporary_place();
	struct stat st;

	remove_leftovers(place);
	for (int i = 0; i < TRIES; i++) {
		f->path = pp_asprintf("%s/" FOLDER_PREFIX "XXXXXX", place);
		if (mkdtemp(f->path) == NULL) {
			pp_error_errno(err, PP_ECREATE, errno,
			    "cannot create a folder like '%s'", f->path);
			free(f->path);
			return -1;
		}
		f->fd = lock_folder(AT_FDCWD, f->path);
		if (f->fd >= 0 && stat(f->path, &st) == 0)
			return 0;
		if (f->fd >= 0)
			close(f->fd);
		rmdir(f->path);
		free(f->path);
	}
	return pp_error_set(err, PP_ECREATE, "cannot lock a folder in '%s'",
	    place);
}

static void
drop_folder(struct folder *f)
{
	remove_folder(f->path);
	close(f->fd);
	free(f->path);
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
	struct folder folder;
	char *files;
	int rc;

	if (make_folder(&folder, err) < 0)
		return -1;
	files = pp_asprintf("%s/files", folder.path);
	own.dir = files;
	rc = export_source(src, &own, result, err);
	if (rc == 0)
		rc = upload_folder(to, files, err);
	drop_folder(&folder);
	free(files);
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
