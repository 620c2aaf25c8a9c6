#include <config.h>

#include "store/blob_walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

struct walk {
	const char *prefix, *after;
	pp_blob_walk_fn *fn;
	void *arg;
	struct pp_buf path; /* "root/" and the key so far */
	size_t root_len;    /* with the slash */
};

struct names {
	char **list;
	size_t count, cap;
};

/*
 * A folder's name gets its slash before the sort: '-' and '.' come before
 * '/', so "a-b" stands before "a/b" although "a" stands before "a-b".
 */
static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
names_release(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->list[i]);
	free(n->list);
}

static const char *
key_of(const struct walk *w)
{
	return w->path.data + w->root_len;
}

/* Whether `key`, or anything under it when it ends in a slash, is asked for. */
static bool
is_wanted(const struct walk *w, const char *key)
{
	size_t len = strlen(key);

	if (key[len - 1] == '/') {
		if (!pp_starts_with(key, w->prefix) &&
		    !pp_starts_with(w->prefix, key))
			return false;
		return w->after == NULL || strncmp(key, w->after, len) >= 0;
	}
	return pp_starts_with(key, w->prefix) &&
	    (w->after == NULL || strcmp(key, w->after) > 0);
}

static bool
is_folder(struct walk *w, const struct dirent *e)
{
	struct stat st;
	size_t len = w->path.len;
	bool folder;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	pp_buf_adds(&w->path, e->d_name);
	folder = lstat(w->path.data, &st) == 0 && S_ISDIR(st.st_mode);
	pp_buf_truncate(&w->path, len);
	return folder;
}

static void
collect(struct walk *w, DIR *dir, struct names *n)
{
	size_t len = w->path.len;
	const struct dirent *e;

	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (len == w->root_len && e->d_name[0] == '.')
			continue;
		pp_buf_addf(&w->path, "%s%s", e->d_name,
		    is_folder(w, e) ? "/" : "");
		if (is_wanted(w, key_of(w))) {
			n->list = pp_grow(n->list, n->count, &n->cap,
			    sizeof n->list[0]);
			n->list[n->count++] = pp_strdup(w->path.data + len);
		}
		pp_buf_truncate(&w->path, len);
	}
}

static int
visit_file(struct walk *w, struct pp_error *err)
{
	struct stat st;

	if (lstat(w->path.data, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return pp_error_errno(err, PP_EIO, errno, "cannot read '%s'",
		    w->path.data);
	}
	if (!S_ISREG(st.st_mode))
		return 0;
	return w->fn(w->arg, key_of(w), &st, err);
}

/* Visit the folder that w->path names; it ends in a slash. */
static int
visit_folder(struct walk *w, struct pp_error *err)
{
	struct names n = { .list = NULL };
	size_t len = w->path.len;
	DIR *dir = opendir(w->path.data);
	int rc = 0;

	if (dir == NULL) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot read folder '%s'", w->path.data);
	}
	collect(w, dir, &n);
	closedir(dir);
	if (n.count > 1)
		qsort(n.list, n.count, sizeof n.list[0], compare_names);
	for (size_t i = 0; rc == 0 && i < n.count; i++) {
		pp_buf_adds(&w->path, n.list[i]);
		rc = pp_ends_with(n.list[i], "/") ? visit_folder(w, err) :
						    visit_file(w, err);
		pp_buf_truncate(&w->path, len);
	}
	names_release(&n);
	return rc;
}

int
pp_blob_walk(const char *root, const char *prefix, const char *after,
    pp_blob_walk_fn *fn, void *arg, struct pp_error *err)
{
	struct walk w = { .prefix = prefix,
		.after = after,
		.fn = fn,
		.arg = arg,
		.path = PP_BUF_INIT };
	const char *slash = strrchr(prefix, '/');
	int rc;

	pp_buf_addf(&w.path, "%s/", root);
	w.root_len = w.path.len;
	if (slash != NULL)
		pp_buf_add(&w.path, prefix, (size_t)(slash + 1 - prefix));
	rc = visit_folder(&w, err);
	pp_buf_release(&w.path);
	return rc;
}
