#include <config.h>

#include "export/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define SCRATCH_PREFIX ".pp-export-"
#define MAX_MANIFEST_BYTES ((size_t)256 << 20)

/* With more files than this, the file system is synced and not each file. */
#define SYNC_EACH 64

struct file {
	char *staged, *path; /* path: of its final place, whole */
};

struct pp_tree {
	struct pp_tree *next; /* of those there are */
	const char *dir;
	int dir_fd;    /* locked */
	mode_t mode;   /* of small files, as umask has it */
	char *scratch; /* NULL: it is gone */
	struct file *files;
	size_t count, cap;
};

/* Of the process, like the signals that ask for it. */
static pthread_mutex_t trees_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pp_tree *trees;

/* ---- the hidden folder ---- */

static void
remove_scratch(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (d != NULL) {
		while ((e = readdir(d)) != NULL)
			if (strcmp(e->d_name, ".") != 0 &&
			    strcmp(e->d_name, "..") != 0)
				unlinkat(dirfd(d), e->d_name, 0);
		closedir(d);
	}
	rmdir(path);
}

/* What killed exports left; nobody uses it, since the folder is locked. */
static void
remove_leftovers(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		char *path;

		if (!pp_starts_with(e->d_name, SCRATCH_PREFIX))
			continue;
		path = pp_asprintf("%s/%s", dir, e->d_name);
		remove_scratch(path);
		free(path);
	}
	closedir(d);
}

struct pp_tree *
pp_tree_open(const char *dir, struct pp_error *err)
{
	struct pp_tree *t = pp_calloc(1, sizeof *t);

	t->dir = dir;
	t->dir_fd = -1;
	t->mode = umask(0);
	umask(t->mode);
	t->mode = 0666 & ~t->mode;
	if (pp_io_make_dirs(dir, 0777, err) < 0)
		goto fail;
	t->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->dir_fd < 0) {
		pp_error_errno(err, PP_ECREATE, errno,
		    "cannot open folder '%s'", dir);
		goto fail;
	}
	if (flock(t->dir_fd, LOCK_EX | LOCK_NB) < 0) {
		pp_error_set(err, PP_ETEMP, "another export is writing to '%s'",
		    dir);
		goto fail;
	}
	remove_leftovers(dir);
	t->scratch = pp_asprintf("%s/" SCRATCH_PREFIX "XXXXXX", dir);
	if (mkdtemp(t->scratch) == NULL) {
		pp_error_errno(err, PP_ECREATE, errno,
		    "cannot create a folder in '%s'", dir);
		free(t->scratch);
		t->scratch = NULL;
		goto fail;
	}
	pthread_mutex_lock(&trees_lock);
	t->next = trees;
	trees = t;
	pthread_mutex_unlock(&trees_lock);
	return t;
fail:
	pp_tree_free(t);
	return NULL;
}

void
pp_tree_reset(struct pp_tree *t)
{
	for (size_t i = 0; i < t->count; i++) {
		if (t->scratch != NULL)
			unlink(t->files[i].staged);
		free(t->files[i].staged);
		free(t->files[i].path);
	}
	t->count = 0;
}

static void
forget(const struct pp_tree *t)
{
	struct pp_tree **p = &trees;

	pthread_mutex_lock(&trees_lock);
	while (*p != NULL && *p != t)
		p = &(*p)->next;
	if (*p != NULL)
		*p = t->next;
	pthread_mutex_unlock(&trees_lock);
}

void
pp_tree_abandon_all(void)
{
	pthread_mutex_lock(&trees_lock);
	for (struct pp_tree *t = trees; t != NULL; t = t->next)
		if (t->scratch != NULL)
			remove_scratch(t->scratch);
	/* it stays locked */
}

void
pp_tree_free(struct pp_tree *t)
{
	if (t == NULL)
		return;
	forget(t);
	pp_tree_reset(t);
	free(t->files);
	if (t->scratch != NULL)
		remove_scratch(t->scratch);
	free(t->scratch);
	if (t->dir_fd >= 0)
		close(t->dir_fd);
	free(t);
}

const char *
pp_tree_scratch(const struct pp_tree *t)
{
	return t->scratch;
}

const char *
pp_tree_add(struct pp_tree *t, const char *path)
{
	struct file *f;

	/* not while all is being taken away */
	pthread_mutex_lock(&trees_lock);
	pthread_mutex_unlock(&trees_lock);
	t->files = pp_grow(t->files, t->count, &t->cap, sizeof *t->files);
	f = &t->files[t->count++];
	f->staged = pp_asprintf("%s/%zu", t->scratch, t->count);
	f->path = pp_asprintf("%s/%s", t->dir, path);
	return f->staged;
}

int
pp_tree_put(struct pp_tree *t, const char *path, const struct pp_buf *text,
    struct pp_error *err)
{
	return pp_io_write_file(pp_tree_add(t, path), text->data, text->len,
	    t->mode, err);
}

/* ---- moving into place ---- */

static int
sync_file(const char *path, struct pp_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0) {
		pp_error_errno(err, PP_EIO, errno, "cannot sync '%s'", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

static int
sync_parent(const char *path, struct pp_error *err)
{
	char *parent = pp_strndup(path, (size_t)(strrchr(path, '/') - path));
	int rc = pp_io_sync_dir(parent, err);

	free(parent);
	return rc;
}

static int
sync_all(const struct pp_tree *t, bool moved, struct pp_error *err)
{
	if (t->count > SYNC_EACH)
		return syncfs(t->dir_fd) < 0 ?
		    pp_error_errno(err, PP_EIO, errno, "cannot sync '%s'",
			t->dir) :
		    0;
	for (size_t i = 0; i < t->count; i++)
		if (moved ? sync_parent(t->files[i].path, err) < 0 :
			    sync_file(t->files[i].staged, err) < 0)
			return -1;
	return 0;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->path,
	    ((const struct file *)b)->path);
}

/* A relative path that stays inside: no empty part, none that is dots. */
static bool
is_inside(const char *path)
{
	const char *part = path, *slash;

	do {
		slash = strchrnul(part, '/');
		if (slash == part ||
		    (*part == '.' && slash - part <= 2 &&
			part[slash - part - 1] == '.'))
			return false;
		part = slash + 1;
	} while (*slash != '\0');
	return true;
}

/* Remove `path` of the export before, and folders that this leaves empty. */
static void
remove_old(const struct pp_tree *t, const char *path)
{
	char *whole = pp_asprintf("%s/%s", t->dir, path);
	struct file key = { .path = whole };
	size_t keep = strlen(t->dir);
	char *slash;

	if (!is_inside(path) ||
	    bsearch(&key, t->files, t->count, sizeof key, compare_paths) !=
		NULL) {
		free(whole);
		return;
	}
	if (unlink(whole) == 0) {
		while ((slash = strrchr(whole, '/')) > whole + keep) {
			*slash = '\0';
			if (rmdir(whole) < 0)
				break;
		}
	}
	free(whole);
}

/* An old manifest that cannot be read says nothing about old files. */
static void
remove_old_files(const struct pp_tree *t)
{
	struct pp_buf text = PP_BUF_INIT_MAX(MAX_MANIFEST_BYTES);
	char *path = pp_asprintf("%s/manifest.json", t->dir);
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *root = NULL, *files, *file;

	if (pp_io_read_file(path, &text, NULL) == 0)
		root = pp_json_parse(&doc, text.data, text.len, 0, NULL);
	files = root != NULL ? pp_json_get(root, "files") : NULL;
	if (files != NULL && files->type == PP_JSON_ARRAY) {
		file = pp_json_first(files);
		for (uint32_t i = 0; i < files->count; i++) {
			const struct pp_json *name = pp_json_get(file, "path");
			char *old = name != NULL ? pp_json_strdup(name) : NULL;

			if (old != NULL)
				remove_old(t, old);
			free(old);
			file = pp_json_next(file);
		}
	}
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
	free(path);
}

static int
move_file(const struct file *f, struct pp_error *err)
{
	char *parent;
	int rc = 0;

	if (rename(f->staged, f->path) == 0)
		return 0;
	parent = pp_strndup(f->path, (size_t)(strrchr(f->path, '/') - f->path));
	if (errno == ENOENT) /* its folder is not there yet */
		rc = pp_io_make_dirs(parent, 0777, err);
	if (rc == 0 && rename(f->staged, f->path) < 0)
		rc = pp_error_errno(err, PP_EIO, errno,
		    "cannot move '%s' into place", f->path);
	free(parent);
	return rc;
}

static int
put_in(const struct pp_tree *t, const char *name, const void *data, size_t len,
    struct pp_error *err)
{
	char *path = pp_asprintf("%s/%s", t->dir, name);
	int rc = pp_io_write_file(path, data, len, t->mode, err);

	free(path);
	return rc;
}

static int
move_all(struct pp_tree *t, const struct pp_buf *manifest, struct pp_error *err)
{
	if (unlinkat(t->dir_fd, "_SUCCESS", 0) < 0 && errno != ENOENT)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot remove '%s/_SUCCESS'", t->dir);
	qsort(t->files, t->count, sizeof *t->files, compare_paths);
	remove_old_files(t);
	for (size_t i = 0; i < t->count; i++)
		if (move_file(&t->files[i], err) < 0)
			return -1;
	remove_scratch(t->scratch);
	free(t->scratch);
	t->scratch = NULL;
	if (sync_all(t, true, err) < 0 ||
	    put_in(t, "manifest.json", manifest->data, manifest->len, err) < 0)
		return -1;
	return put_in(t, "_SUCCESS", "", 0, err);
}

int
pp_tree_commit(struct pp_tree *t, const struct pp_buf *manifest,
    struct pp_error *err)
{
	int rc;

	if (sync_all(t, false, err) < 0)
		return -1;
	pthread_mutex_lock(&trees_lock);
	rc = move_all(t, manifest, err);
	pthread_mutex_unlock(&trees_lock);
	return rc;
}
