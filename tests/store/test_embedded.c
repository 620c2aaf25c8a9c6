/*
 * The embedded home: the suite, and what only SQLite and a folder can suffer.
 */
#include <config.h>

#include "suite.h"

#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

static char *
make_home(void)
{
	const char *tmp = getenv("TMPDIR");
	char *path = pp_asprintf("%s/pp-home-XXXXXX", tmp ? tmp : "/tmp");

	if (mkdtemp(path) == NULL)
		abort();
	return path;
}

static struct pp_store *
open_home(const char *home, struct pp_error *err)
{
	char *spec = pp_asprintf("file:%s", home);
	struct pp_store *s = pp_store_open(spec, err);

	free(spec);
	return s;
}

static void
drop_home(const char *home)
{
	char *command = pp_asprintf("rm -rf '%s'", home);

	if (system(command) != 0)
		abort();
	free(command);
}

static const struct suite_home embedded = {
	.name = "embedded",
	.make = make_home,
	.open = open_home,
	.drop = drop_home,
	.has_folders = true,
};

/* ---- opening ---- */

static void
a_wrong_spec_is_a_configuration_error(void **state)
{
	static const char *const bad[] = { "/tmp/x",
		"file:", "aws:", "s3://bucket" };
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_null(pp_store_open(bad[i], &err));
		assert_int_equal(err.code, PP_ECONFIG);
		assert_non_null(strstr(err.text, bad[i]));
	}
}

static void
the_environment_says_where(void **state)
{
	static const struct {
		const char *pp_store, *xdg, *home, *expected;
	} rows[] = {
		{ "file:%s/a", "%s/x", "%s/h", "%s/a" },
		{ NULL, "%s/x", "%s/h", "%s/x/plot-palette" },
		{ "", NULL, "%s/h", "%s/h/.local/share/plot-palette" },
		{ NULL, "relative", "%s/h", "%s/h/.local/share/plot-palette" },
	};
	char *base = make_home();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		static const char *const names[] = { "PP_STORE",
			"XDG_DATA_HOME", "HOME" };
		const char *values[] = { rows[i].pp_store, rows[i].xdg,
			rows[i].home };
		struct pp_error err = PP_ERROR_INIT;
		struct pp_buf expected = PP_BUF_INIT;
		struct pp_store *s;
		struct stat st;

		for (int k = 0; k < 3; k++) {
			struct pp_buf v = PP_BUF_INIT;
			const char *at = values[k];

			unsetenv(names[k]);
			if (at == NULL)
				continue;
			if (strncmp(at, "file:", 5) == 0)
				pp_buf_adds(&v, "file:");
			if (strstr(at, "%s") != NULL)
				pp_buf_addf(&v, "%s%s", base,
				    strstr(at, "%s") + 2);
			else
				pp_buf_adds(&v, at);
			setenv(names[k], v.data, 1);
			pp_buf_release(&v);
		}
		s = pp_store_open(NULL, &err);
		if (s == NULL)
			fail_msg("row %zu: %s", i, err.text);
		pp_buf_addf(&expected, "%s%s", base, rows[i].expected + 2);
		assert_string_equal(pp_store_dir(s), expected.data);
		assert_int_equal(stat(expected.data, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0700);
		pp_buf_release(&expected);
		pp_store_close(s);
	}
	unsetenv("PP_STORE");
	drop_home(base);
	free(base);
}

/* "" is one that is empty, as NULL is none. */
static void
set_variable(const char *name, const char *value)
{
	if (value != NULL)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static void
nothing_is_there(struct pp_store *s)
{
	struct pp_job_filter all = { .status = -1 };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_blob_info info;
	struct pp_job job;

	assert_int_equal(pp_store_job_list(s, &all, &job, 1, &err), 0);
	assert_int_equal(pp_blob_list(pp_store_blobs(s), "", NULL, &info, 1,
			     &err),
	    0);
	assert_int_equal(pp_blob_head(pp_store_blobs(s), "a/b", &info, &err),
	    -1);
	assert_int_equal(err.code, PP_ENOENT);
}

static void
a_reader_makes_no_home(void **state)
{
	static const struct {
		const char *name, *pp_store;
		enum pp_code code; /* PP_OK: it reads as empty */
	} rows[] = {
		{ "a home that is named", "file:absent", PP_ENOENT },
		{ "an empty folder that is named", "file:folder", 0 },
		{ "no name", NULL, 0 },
		{ "an empty name", "", 0 },
	};
	char *base = make_home(), *home = pp_asprintf("%s/data", base);

	(void)state;
	assert_int_equal(chdir(base), 0);
	assert_int_equal(mkdir("folder", 0700), 0);
	setenv("XDG_DATA_HOME", home, 1);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct pp_store *s;

		set_variable("PP_STORE", rows[i].pp_store);
		s = pp_store_open_to_read(NULL, &err);
		if (err.code != rows[i].code)
			fail_msg("%s: %d %s", rows[i].name, err.code, err.text);
		if (s != NULL)
			nothing_is_there(s);
		else
			assert_non_null(strstr(err.text, "'absent'"));
		pp_store_close(s);
	}
	unsetenv("PP_STORE");
	/* the folders are as they were */
	assert_int_equal(rmdir("folder"), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(base), 0);
	free(home);
	free(base);
}

static int
just_open(struct fixture *f, int i, void *shared)
{
	(void)i;
	(void)shared;
	return f->store == NULL;
}

static void
sixteen_processes_create_one_home(void **state)
{
	for (int i = 0; i < 5; i++) {
		struct fixture f = { .home = make_home() };

		(void)state;
		race(&f, 16, just_open, NULL);
		pp_store_close(f.store);
		drop_home(f.home);
		free(f.home);
	}
}

/* ---- damage ---- */

struct damage {
	const char *name;
	void (*harm)(const char *db);
	enum pp_code code;
	const char *says;
};

static void
run_sql(const char *db, const char *sql)
{
	sqlite3 *h;

	assert_int_equal(sqlite3_open(db, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
}

static void
make_newer(const char *db)
{
	run_sql(db, "PRAGMA user_version = 7");
}

static void
make_foreign(const char *db)
{
	unlink(db);
	run_sql(db, "CREATE TABLE t (a); PRAGMA user_version = 3");
}

static void
make_text(const char *db)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf b = PP_BUF_INIT;

	for (int i = 0; i < 1000; i++)
		pp_buf_adds(&b, "this is no database\n");
	assert_ok(pp_io_write_file(db, b.data, b.len, 0600, &err), err);
	pp_buf_release(&b);
}

static void
overwrite(const char *db, off_t from)
{
	char junk[4096];
	int fd = open(db, O_WRONLY);
	struct stat st;

	memset(junk, 0x5a, sizeof junk);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	for (off_t at = from; at < st.st_size; at += (off_t)sizeof junk)
		assert_int_equal(pwrite(fd, junk, sizeof junk, at),
		    sizeof junk);
	close(fd);
}

static void
damage_pages(const char *db)
{
	overwrite(db, 4096);
}

static void
damage_beginning(const char *db)
{
	overwrite(db, 0);
}

static void
cut_short(const char *db)
{
	assert_int_equal(truncate(db, 5000), 0);
}

/* Open, and use what may be damaged. */
static int
open_and_list(const char *home, struct pp_error *err)
{
	struct pp_job_filter any = { .status = -1 };
	struct pp_store *s = open_home(home, err);
	struct pp_job jobs[4];
	int n;

	if (s == NULL)
		return -1;
	n = pp_store_job_list(s, &any, jobs, 4, err);
	for (int i = 0; i < n; i++)
		pp_job_release(&jobs[i]);
	pp_store_close(s);
	return n;
}

static void
damage_is_a_clear_error(void **state)
{
	static const struct damage rows[] = {
		{ "newer format", make_newer, PP_ECONFIG, "has format 7" },
		{ "other program's", make_foreign, PP_EDATA,
		    "another program's" },
		{ "not a database", make_text, PP_EDATA, "not a database" },
		{ "damaged pages", damage_pages, PP_EDATA, "is damaged" },
		{ "damaged beginning", damage_beginning, PP_EDATA,
		    "not a database" },
		{ "cut short", cut_short, PP_EDATA, "is damaged" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fixture f = { .home = make_home() };
		char *db = pp_asprintf("%s/plotpalette.db", f.home);
		char id[PP_ID_BYTES];

		f.store = open_home(f.home, &f.err);
		assert_non_null(f.store);
		add_job(&f, 100, 10, id);
		pp_store_close(f.store);
		rows[i].harm(db);
		if (open_and_list(f.home, &f.err) >= 0)
			fail_msg("%s: no error", rows[i].name);
		if (f.err.code != rows[i].code ||
		    strstr(f.err.text, rows[i].says) == NULL ||
		    strstr(f.err.text, db) == NULL)
			fail_msg("%s: %d: %s", rows[i].name, f.err.code,
			    f.err.text);
		free(db);
		drop_home(f.home);
		free(f.home);
	}
}

/* ---- permissions and room: in a child that gives its rights away ---- */

/* Run `child` as somebody without rights; its exit status. */
static int
as_nobody(int (*child)(const char *home), const char *home)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (getuid() == 0 && setuid(65534) < 0)
			_exit(2);
		_exit(child(home));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
open_read_only(const char *home)
{
	struct fixture f = { .home = NULL };
	struct pp_store *s = open_home(home, &f.err);

	CHILD_CHECK(s == NULL, f.err);
	CHILD_CHECK(f.err.code == PP_ECREATE, f.err);
	CHILD_CHECK(strstr(f.err.text, home) != NULL, f.err);
	return 0;
}

static void
a_read_only_home_is_a_clear_error(void **state)
{
	struct fixture f = { .home = make_home() };

	(void)state;
	assert_int_equal(chmod(f.home, 0555), 0);
	assert_int_equal(as_nobody(open_read_only, f.home), 0);
	chmod(f.home, 0755);
	f.store = open_home(f.home, &f.err); /* with everything in it */
	assert_non_null(f.store);
	pp_store_close(f.store);
	chmod(f.home, 0555);
	assert_int_equal(as_nobody(open_read_only, f.home), 0);
	chmod(f.home, 0755);
	drop_home(f.home);
	free(f.home);
}

/* A file system of 1 MiB over `home`, for this process alone. 0, or -1. */
static int
mount_small(const char *home)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("tmpfs", home, "tmpfs", 0, "size=1m");
}

#define NO_MOUNT 3

static int
fill_disk(const char *home)
{
	struct fixture f = { .home = NULL };
	char *big = pp_calloc(1, 200000);
	struct pp_job j = job_of(1, 10);
	char etag[PP_ETAG_BYTES];
	struct pp_buf b = PP_BUF_INIT;
	struct pp_store *s;
	int n = 0, rc = 0;

	if (mount_small(home) < 0)
		return NO_MOUNT;
	s = open_home(home, &f.err);
	CHILD_CHECK(s != NULL, f.err);
	CHILD_CHECK(pp_store_job_add(s, &j, NULL, NULL, &f.err) == 0, f.err);
	CHILD_CHECK(pp_blob_put(pp_store_blobs(s), "kept", "old", 3,
			PP_BLOB_ALWAYS, NULL, etag, &f.err) == 0,
	    f.err);
	while (rc == 0 && n < 20) {
		char key[16];

		snprintf(key, sizeof key, "k%d", n++);
		rc = pp_blob_put(pp_store_blobs(s), key, big, 200000,
		    PP_BLOB_IF_NONE, NULL, NULL, &f.err);
	}
	CHILD_CHECK(rc < 0 && f.err.code == PP_EIO, f.err);
	CHILD_CHECK(strstr(f.err.text, "No space left") != NULL, f.err);
	CHILD_CHECK(pp_blob_put(pp_store_blobs(s), "kept", big, 200000,
			PP_BLOB_IF_MATCH, etag, NULL, &f.err) < 0 &&
		f.err.code == PP_EIO,
	    f.err);
	CHILD_CHECK(pp_blob_get(pp_store_blobs(s), "kept", &b, NULL, &f.err) ==
		    0 &&
		strcmp(b.data, "old") == 0,
	    f.err);
	memset(big, 'x', 199999);
	for (rc = 0; rc == 0;) { /* what is left is the database's */
		pp_id_new(j.job_id);
		j.config = big;
		rc = pp_store_job_add(s, &j, NULL, NULL, &f.err);
	}
	CHILD_CHECK(f.err.code == PP_EIO, f.err);
	CHILD_CHECK(strstr(f.err.text, "plotpalette.db") != NULL, f.err);
	/* room again: all goes on */
	CHILD_CHECK(pp_blob_delete_prefix(pp_store_blobs(s), "k", &f.err) == 0,
	    f.err);
	CHILD_CHECK(pp_store_job_add(s, &j, NULL, NULL, &f.err) == 0, f.err);
	pp_store_close(s);
	free(big);
	pp_buf_release(&b);
	return 0;
}

static void
a_full_disk_loses_nothing(void **state)
{
	char *home = make_home();
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		_exit(fill_disk(home));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	drop_home(home);
	free(home);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_MOUNT)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- the folder ---- */

static int
count_files(const char *dir, const char *sub)
{
	char *command = pp_asprintf("find '%s/%s' -type f | wc -l", dir, sub);
	FILE *p = popen(command, "r");
	int n = -1;

	assert_non_null(p);
	assert_int_equal(fscanf(p, "%d", &n), 1);
	pclose(p);
	free(command);
	return n;
}

static void
locks_do_not_grow_with_objects(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 300; i++) {
		char key[16];

		snprintf(key, sizeof key, "o/%d", i);
		assert_ok(pp_blob_put(pp_store_blobs(f->store), key, "x", 1,
			      PP_BLOB_ALWAYS, NULL, NULL, &f->err),
		    f->err);
	}
	assert_int_equal(count_files(f->home, "objects/.locks"), 64);
	assert_int_equal(count_files(f->home, "objects/.tmp"), 0);
	assert_ok(pp_blob_delete_prefix(pp_store_blobs(f->store), "", &f->err),
	    f->err);
	assert_int_equal(count_files(f->home, "objects"), 64);
}

/* As when a process was stopped while it had them. */
static void
a_lock_is_not_waited_for_for_ever(void **state)
{
	struct fixture *f = *state;
	struct pp_blob *b = pp_store_blobs(f->store);
	int fds[64];

	for (int i = 0; i < 64; i++) {
		char *path = pp_asprintf("%s/objects/.locks/%02x", f->home, i);

		fds[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
		assert_int_equal(flock(fds[i], LOCK_EX), 0);
		free(path);
	}
	assert_fails(pp_blob_put(b, "o", "x", 1, PP_BLOB_ALWAYS, NULL, NULL,
			 &f->err),
	    f->err, PP_ETEMP);
	for (int i = 0; i < 64; i++)
		close(fds[i]);
	assert_ok(pp_blob_put(b, "o", "x", 1, PP_BLOB_ALWAYS, NULL, NULL,
		      &f->err),
	    f->err);
}

static void
old_temporaries_are_swept_and_never_listed(void **state)
{
	struct fixture *f = *state;
	char *old = pp_asprintf("%s/objects/.tmp/1-old", f->home);
	char *new = pp_asprintf("%s/objects/.tmp/1-new", f->home);
	struct timeval times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct pp_blob_info info;

	assert_ok(pp_io_write_file(old, "x", 1, 0600, &f->err), f->err);
	assert_ok(pp_io_write_file(new, "x", 1, 0600, &f->err), f->err);
	assert_int_equal(utimes(old, times), 0);
	pp_store_close(f->store);
	f->store = open_again(f);
	assert_non_null(f->store);
	assert_int_equal(access(old, F_OK), -1);
	assert_int_equal(access(new, F_OK), 0);
	assert_int_equal(pp_blob_list(pp_store_blobs(f->store), "", NULL, &info,
			     1, &f->err),
	    0);
	free(old);
	free(new);
}

static void
an_object_is_a_file_where_it_says(void **state)
{
	struct fixture *f = *state;
	struct pp_buf b = PP_BUF_INIT;
	char *path;

	assert_ok(pp_blob_put(pp_store_blobs(f->store), "a/b", "x", 1,
		      PP_BLOB_ALWAYS, NULL, NULL, &f->err),
	    f->err);
	path = pp_blob_local_path(pp_store_blobs(f->store), "a/b");
	assert_ok(pp_io_read_file(path, &b, &f->err), f->err);
	assert_string_equal(b.data, "x");
	free(path);
	pp_buf_release(&b);
}

/* Where a folder has the name of an object, or an object that of a folder. */
static void
a_key_cannot_be_the_folder_of_another(void **state)
{
	struct fixture *f = *state;
	struct pp_blob *b = pp_store_blobs(f->store);

	assert_ok(pp_blob_put(b, "a/b", "x", 1, PP_BLOB_ALWAYS, NULL, NULL,
		      &f->err),
	    f->err);
	assert_fails(pp_blob_put(b, "a", "x", 1, PP_BLOB_ALWAYS, NULL, NULL,
			 &f->err),
	    f->err, PP_ECREATE);
	assert_fails(pp_blob_put(b, "a/b/c", "x", 1, PP_BLOB_ALWAYS, NULL, NULL,
			 &f->err),
	    f->err, PP_ECREATE);
	assert_int_equal(count_files(f->home, "objects/.tmp"), 0);
}

/* Rows of costs older than 90 days by the clock of newer ones. */
static void
old_costs_go_away(void **state)
{
	struct fixture *f = *state;
	struct pp_cost c = { .timestamp = "2026-01-01T00:00:00.000Z#00000#1" };
	struct pp_cost page[4];

	pp_id_new(c.job_id);
	assert_ok(pp_store_cost_add(f->store, &c, &f->err), f->err);
	memcpy(c.timestamp, "2026-03-31", 10);
	assert_ok(pp_store_cost_add(f->store, &c, &f->err), f->err);
	assert_int_equal(pp_store_cost_list(f->store, c.job_id, NULL, page, 4,
			     &f->err),
	    2);
	pp_cost_release(&page[0]);
	pp_cost_release(&page[1]);
	memcpy(c.timestamp, "2026-04-02", 10);
	assert_ok(pp_store_cost_add(f->store, &c, &f->err), f->err);
	assert_int_equal(pp_store_cost_list(f->store, c.job_id, NULL, page, 4,
			     &f->err),
	    2);
	assert_memory_equal(page[0].timestamp, "2026-03-31", 10);
	pp_cost_release(&page[0]);
	pp_cost_release(&page[1]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_spec_is_a_configuration_error),
		cmocka_unit_test(the_environment_says_where),
		cmocka_unit_test(a_reader_makes_no_home),
		cmocka_unit_test(sixteen_processes_create_one_home),
		cmocka_unit_test(damage_is_a_clear_error),
		cmocka_unit_test(a_read_only_home_is_a_clear_error),
		cmocka_unit_test(a_full_disk_loses_nothing),
		SUITE_TEST(locks_do_not_grow_with_objects),
		SUITE_TEST(a_lock_is_not_waited_for_for_ever),
		SUITE_TEST(old_temporaries_are_swept_and_never_listed),
		SUITE_TEST(an_object_is_a_file_where_it_says),
		SUITE_TEST(a_key_cannot_be_the_folder_of_another),
		SUITE_TEST(old_costs_go_away),
	};

	return suite_run(&embedded, tests, sizeof tests / sizeof *tests) > 0;
}
