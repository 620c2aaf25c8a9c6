/*
 * faults.so - a disk that fails and clocks that jump, for tests
 *
 *	PP_FAULTS=PAGE PP_FAULTS_ROOT=DIR LD_PRELOAD=faults.so pp-worker ...
 *
 * PAGE is a file of struct page, which whoever runs the tests writes while the
 * program runs. Below DIR a call that changes or reads a file fails with
 * EIO, and one that writes with ENOSPC, as often as the page says; a write
 * may leave a part of what it was given, as on a full disk. All clocks of the
 * program are moved by what the page says: wall clock and boot clock each by
 * their own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct page {
	int64_t wall_ms, boot_ms; /* how far the clocks are off */
	uint32_t eio_ppm;	  /* calls of a million that fail with EIO */
	uint32_t full_ppm;	  /* writes of a million that find no space */
	uint32_t eio_count;	  /* how many have failed, counted here */
	uint32_t full_count;
};

static struct page *page;
static const char *root;
static uint64_t chance;

__attribute__((constructor)) static void
start(void)
{
	const char *path = getenv("PP_FAULTS");
	int fd;

	root = getenv("PP_FAULTS_ROOT");
	if (path == NULL || root == NULL)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
		close(fd);
	}
	if (page == MAP_FAILED)
		page = NULL;
	chance = (uint64_t)getpid() * 0x9e3779b97f4a7c15u + 1;
}

static uint32_t
draw(uint32_t below)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (uint32_t)(chance >> 32) % below;
}

static int
is_below_root(const char *path)
{
	size_t n = strlen(root);

	return strncmp(path, root, n) == 0 && path[n] == '/';
}

static int
is_ours(int fd)
{
	char name[32], path[PATH_MAX];
	ssize_t n;

	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	n = readlink(name, path, sizeof path - 1);
	if (n < 0)
		return 0;
	path[n] = '\0';
	return is_below_root(path);
}

enum kind { READS, CHANGES, WRITES };

/* Whether a call is to fail, and errno if so. `path` NULL: by `fd`. */
static int
fails(enum kind kind, int fd, const char *path)
{
	int error = 0, saved = errno;
	uint32_t *count;

	if (page == NULL)
		return 0;
	if (page->eio_ppm > 0 && draw(1000000) < page->eio_ppm)
		error = EIO;
	else if (kind != READS && page->full_ppm > 0 &&
	    draw(1000000) < page->full_ppm)
		error = ENOSPC;
	if (error == 0 || !(path != NULL ? is_below_root(path) : is_ours(fd))) {
		errno = saved;
		return 0;
	}
	count = error == EIO ? &page->eio_count : &page->full_count;
	__atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
	errno = error;
	return 1;
}

#define NEXT(name) \
	static __typeof__(name) *next; \
	if (next == NULL) \
	next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

ssize_t
write(int fd, const void *data, size_t len)
{
	NEXT(write);
	if (fails(WRITES, fd, NULL)) {
		/* a part may go, and the next write meets the full disk */
		if (errno == ENOSPC && len > 1 && draw(2) == 0)
			return next(fd, data, 1 + draw((uint32_t)len - 1));
		return -1;
	}
	return next(fd, data, len);
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
	NEXT(writev);
	if (fails(WRITES, fd, NULL)) {
		if (errno == ENOSPC && count > 1 && draw(2) == 0)
			return next(fd, parts, 1 + draw((uint32_t)count - 1));
		return -1;
	}
	return next(fd, parts, count);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	NEXT(pwrite);
	return fails(WRITES, fd, NULL) ? -1 : next(fd, data, len, at);
}

ssize_t
pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	NEXT(pwrite64);
	return fails(WRITES, fd, NULL) ? -1 : next(fd, data, len, at);
}

ssize_t
read(int fd, void *data, size_t len)
{
	NEXT(read);
	return fails(READS, fd, NULL) ? -1 : next(fd, data, len);
}

ssize_t
pread(int fd, void *data, size_t len, off_t at)
{
	NEXT(pread);
	return fails(READS, fd, NULL) ? -1 : next(fd, data, len, at);
}

ssize_t
pread64(int fd, void *data, size_t len, off64_t at)
{
	NEXT(pread64);
	return fails(READS, fd, NULL) ? -1 : next(fd, data, len, at);
}

int
fsync(int fd)
{
	NEXT(fsync);
	return fails(CHANGES, fd, NULL) ? -1 : next(fd);
}

int
fdatasync(int fd)
{
	NEXT(fdatasync);
	return fails(CHANGES, fd, NULL) ? -1 : next(fd);
}

int
ftruncate(int fd, off_t len)
{
	NEXT(ftruncate);
	return fails(CHANGES, fd, NULL) ? -1 : next(fd, len);
}

int
ftruncate64(int fd, off64_t len)
{
	NEXT(ftruncate64);
	return fails(CHANGES, fd, NULL) ? -1 : next(fd, len);
}

/* It is closed all the same; what was written may be lost. */
int
close(int fd)
{
	int failed, error;

	NEXT(close);
	failed = fails(CHANGES, fd, NULL);
	error = errno;
	if (next(fd) < 0)
		return -1;
	errno = error;
	return failed ? -1 : 0;
}

static mode_t
mode_of(int flags, va_list ap)
{
	return flags & O_CREAT ? va_arg(ap, mode_t) : 0;
}

int
open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	NEXT(open);
	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	if (flags & O_CREAT && fails(WRITES, -1, path))
		return -1;
	return next(path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	NEXT(open64);
	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	if (flags & O_CREAT && fails(WRITES, -1, path))
		return -1;
	return next(path, flags, mode);
}

int
rename(const char *from, const char *to)
{
	NEXT(rename);
	return fails(CHANGES, -1, to) ? -1 : next(from, to);
}

int
link(const char *from, const char *to)
{
	NEXT(link);
	return fails(CHANGES, -1, to) ? -1 : next(from, to);
}

int
unlink(const char *path)
{
	NEXT(unlink);
	return fails(CHANGES, -1, path) ? -1 : next(path);
}

int
mkdir(const char *path, mode_t mode)
{
	NEXT(mkdir);
	return fails(CHANGES, -1, path) ? -1 : next(path, mode);
}

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	int64_t ms = 0;

	NEXT(clock_gettime);
	if (next(clock, t) < 0)
		return -1;
	if (page != NULL && clock == CLOCK_REALTIME)
		ms = page->wall_ms;
	else if (page != NULL && clock == CLOCK_BOOTTIME)
		ms = page->boot_ms;
	if (ms != 0) {
		int64_t ns = t->tv_nsec + ms % 1000 * 1000000;

		t->tv_sec += ms / 1000 + ns / 1000000000;
		t->tv_nsec = ns % 1000000000;
		if (t->tv_nsec < 0) {
			t->tv_nsec += 1000000000;
			t->tv_sec--;
		}
	}
	return 0;
}
