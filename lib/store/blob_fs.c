#include <config.h>

#include "store/blob_fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/mem.h"

#define LOCKS 64
#define MAX_TRIES 100 /* while others take away what is made */

/* A lock is held for some system calls; a holder that is stopped keeps it. */
#define LOCK_PATIENCE_MS 10000
#define LOCK_PAUSE_US 2000

/* A temporary that nobody has touched for a day is what a crash left. */
#define STALE_MS INT64_C(86400000)

int
pp_blob_fs_fail(int errnum, const char *what, const char *path,
    struct pp_error *err)
{
	bool cannot = errnum == EACCES || errnum == EPERM || errnum == EROFS ||
	    errnum == ENOTDIR || errnum == EISDIR;

	return pp_error_errno(err, cannot ? PP_ECREATE : PP_EIO, errnum,
	    "cannot %s '%s'", what, path);
}

/* ---- folders ---- */

char *
pp_blob_fs_parent(const char *path)
{
	return pp_strndup(path, (size_t)(strrchr(path, '/') - path));
}

int
pp_blob_fs_sync_parent(const char *path, struct pp_error *err)
{
	char *parent = pp_blob_fs_parent(path);
	int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd >= 0) {
		if (fsync(fd) < 0 && errno != EINVAL)
			rc = pp_blob_fs_fail(errno, "sync", parent, err);
		close(fd);
	} else if (errno != ENOENT) {
		rc = pp_blob_fs_fail(errno, "sync", parent, err);
	}
	free(parent);
	return rc;
}

int
pp_blob_fs_make(const char *path, struct pp_error *err)
{
	for (int i = 0;; i++) {
		char *parent;
		int rc;

		if (mkdir(path, 0777) == 0)
			return pp_blob_fs_sync_parent(path, err);
		if (errno == EEXIST)
			return 0;
		if (errno != ENOENT || i == MAX_TRIES)
			return pp_error_errno(err, PP_ECREATE, errno,
			    "cannot create folder '%s'", path);
		parent = pp_blob_fs_parent(path);
		rc = pp_blob_fs_make(parent, err);
		free(parent);
		if (rc < 0)
			return -1;
	}
}

void
pp_blob_fs_prune(const char *root, const char *path)
{
	size_t root_len = strlen(root);
	char *at = pp_strdup(path), *slash;

	while ((slash = strrchr(at, '/')) != NULL &&
	    (size_t)(slash - at) > root_len) {
		*slash = '\0';
		if (rmdir(at) < 0)
			break;
	}
	free(at);
}

/* ---- locks ---- */

/* Whoever waits here has a lease to renew: not for ever. */
static int
lock_in_time(int fd, const char *path, struct pp_error *err)
{
	int64_t end_ms = pp_clock_boot_ms() + LOCK_PATIENCE_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return pp_blob_fs_fail(errno, "lock", path, err);
		if (pp_clock_boot_ms() >= end_ms)
			return pp_error_set(err, PP_ETEMP,
			    "another process holds the lock '%s'", path);
		usleep(LOCK_PAUSE_US);
	}
	return 0;
}

int
pp_blob_fs_lock(const char *root, const char *key, struct pp_error *err)
{
	unsigned n = (unsigned)(pp_hash64(key, strlen(key), 0) % LOCKS);
	char *path = pp_asprintf("%s/.locks/%02x", root, n);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0) {
		pp_blob_fs_fail(errno, "open lock", path, err);
	} else if (lock_in_time(fd, path, err) < 0) {
		close(fd);
		fd = -1;
	}
	free(path);
	return fd;
}

/* ---- temporaries ---- */

int
pp_blob_fs_temporary(const char *root, char **path, struct pp_error *err)
{
	char id[PP_ID_BYTES];

	for (int i = 0;; i++) {
		int fd;

		*path = pp_asprintf("%s/.tmp/%s", root, pp_id_new(id));
		fd = open(*path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST || i == MAX_TRIES) {
			pp_blob_fs_fail(errno, "create", *path, err);
			free(*path);
			*path = NULL;
			return -1;
		}
		free(*path);
	}
}

int
pp_blob_fs_finish(int fd, const char *path, const char *key, bool written,
    struct pp_error *err)
{
	int saved = errno;

	if (written && fsync(fd) < 0) {
		written = false;
		saved = errno;
	}
	if (close(fd) < 0 && written) {
		written = false;
		saved = errno;
	}
	if (written)
		return 0;
	unlink(path);
	return pp_error_errno(err, PP_EIO, saved, "cannot write object '%s'",
	    key);
}

static void
sweep(const char *folder)
{
	DIR *dir = opendir(folder);
	int64_t now = pp_clock_wall_ms();
	const struct dirent *e;
	struct stat st;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) <
			0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (now - (int64_t)st.st_mtim.tv_sec * 1000 > STALE_MS)
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

int
pp_blob_fs_init(const char *root, struct pp_error *err)
{
	char *locks = pp_asprintf("%s/.locks", root);
	char *temporaries = pp_asprintf("%s/.tmp", root);
	int rc = -1;

	if (pp_blob_fs_make(locks, err) == 0 &&
	    pp_blob_fs_make(temporaries, err) == 0) {
		sweep(temporaries);
		rc = 0;
	}
	free(locks);
	free(temporaries);
	return rc;
}
