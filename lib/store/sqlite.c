#include <config.h>

#include "store/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

/* How long a writer waits for the others before it gives up. */
#define MAX_WAIT_MS 30000

/*
 * Fill `err` from what SQLite says of the last call, before which errno was 0.
 * Returns -1. A read that failed with EIO is SQLITE_CORRUPT to SQLite, and
 * only errno tells it from a file that is damaged.
 */
static int
fail(struct pp_sqlite *s, int rc, struct pp_error *err)
{
	const char *path = s->path;
	int errnum = s->db == NULL ? 0 : sqlite3_system_errno(s->db);

	if ((rc & 0xff) == SQLITE_CORRUPT && errno == EIO) {
		rc = SQLITE_IOERR;
		errnum = EIO;
	}

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return pp_error_set(err, PP_ETEMP,
		    "database '%s' was busy for %d seconds", path,
		    MAX_WAIT_MS / 1000);
	case SQLITE_NOTADB:
		return pp_error_set(err, PP_EDATA,
		    "'%s' is not a database, or its beginning is damaged",
		    path);
	case SQLITE_CORRUPT:
		return pp_error_set(err, PP_EDATA, "database '%s' is damaged",
		    path);
	case SQLITE_FULL:
		return pp_error_errno(err, PP_EIO, ENOSPC,
		    "cannot write database '%s'", path);
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return pp_error_set(err, PP_ECREATE,
		    "cannot write database '%s': %s", path,
		    errnum != 0 ? strerror(errnum) : sqlite3_errstr(rc));
	case SQLITE_IOERR:
		return pp_error_set(err, PP_EIO, "cannot use database '%s': %s",
		    path, errnum != 0 ? strerror(errnum) : sqlite3_errstr(rc));
	case SQLITE_NOMEM: return pp_error_set(err, PP_ENOMEM, "out of memory");
	case SQLITE_TOOBIG:
		return pp_error_set(err, PP_ELIMIT,
		    "a value is too large for database '%s'", path);
	default:
		return pp_error_set(err, PP_EBUG, "database '%s': %s", path,
		    s->db != NULL ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
	}
}

/*
 * SQLite's own waits grow to 100 ms, so that whoever has waited long loses
 * against those who just came. Short waits of random length are fair.
 */
static int
wait_a_little(void *arg, int times)
{
	struct pp_sqlite *s = arg;
	struct timespec ts = { 0 };

	if (times == 0)
		s->waiting_since_ms = pp_clock_boot_ms();
	else if (pp_clock_boot_ms() - s->waiting_since_ms > MAX_WAIT_MS)
		return 0;
	ts.tv_nsec = 100000 + (long)pp_rand_below(&s->chance, 400000);
	nanosleep(&ts, NULL);
	return 1;
}

int
pp_sqlite_exec(struct pp_sqlite *s, const char *sql, struct pp_error *err)
{
	int rc;

	errno = 0;
	rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : fail(s, rc, err);
}

/*
 * Two processes that create the same file at once can both be told that it is
 * busy without the handler being asked.
 */
static int
set_wal(struct pp_sqlite *s, struct pp_error *err)
{
	int rc, times = 0;

	errno = 0;
	do
		rc = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", NULL,
		    NULL, NULL);
	while ((rc & 0xff) == SQLITE_BUSY && wait_a_little(s, times++));
	return rc == SQLITE_OK ? 0 : fail(s, rc, err);
}

/* A path as SQLite's URIs have it: "%", "?" and "#" mean something there. */
static char *
uri_of(const char *path)
{
	struct pp_buf uri = PP_BUF_INIT;

	pp_buf_adds(&uri, "file:");
	for (const char *p = path; *p != '\0'; p++) {
		if (strchr("%?#", *p) != NULL)
			pp_buf_addf(&uri, "%%%02x", (unsigned char)*p);
		else
			pp_buf_addc(&uri, *p);
	}
	pp_buf_adds(&uri, "?immutable=1");
	return pp_buf_detach(&uri, NULL);
}

/* Whether all that was committed is in the file itself. */
static bool
has_no_wal(const char *path)
{
	char *wal = pp_asprintf("%s-wal", path);
	struct stat st;
	bool none = stat(wal, &st) < 0 || st.st_size == 0;

	free(wal);
	return none;
}

/*
 * On a read-only file system nobody writes, so the file can be read without
 * the locks and the shared memory that WAL mode would have to make.
 */
static int
open_read_only(struct pp_sqlite *s, struct pp_error *err)
{
	char *uri;
	int rc;

	if (!has_no_wal(s->path))
		return pp_error_set(err, PP_ECREATE,
		    "database '%s' was not closed and is on a read-only file "
		    "system: make it writable, or copy the home elsewhere",
		    s->path);
	uri = uri_of(s->path);
	rc = sqlite3_open_v2(uri, &s->db,
	    SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	free(uri);
	return rc == SQLITE_OK ? 0 : fail(s, rc, err);
}

static int
open_to_write(struct pp_sqlite *s, struct pp_error *err)
{
	int rc = sqlite3_open_v2(s->path, &s->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
	    NULL);

	if (rc != SQLITE_OK)
		return fail(s, rc, err);
	sqlite3_busy_handler(s->db, wait_a_little, s);
	return set_wal(s, err);
}

int
pp_sqlite_open(struct pp_sqlite *s, const char *path, struct pp_error *err)
{
	bool read_only = access(path, W_OK) < 0 && errno == EROFS;

	*s = (struct pp_sqlite){ .path = pp_strdup(path) };
	pp_rand_seed_any(&s->chance);
	if ((read_only ? open_read_only(s, err) : open_to_write(s, err)) < 0)
		goto bad;
	sqlite3_extended_result_codes(s->db, 1);
	if (pp_sqlite_exec(s,
		"PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
		"PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
		"PRAGMA temp_store = MEMORY",
		err) < 0)
		goto bad;
	return 0;
bad:
	pp_sqlite_close(s);
	return -1;
}

void
pp_sqlite_close(struct pp_sqlite *s)
{
	for (int i = 0; i < s->kept_count; i++)
		sqlite3_finalize(s->kept[i].st);
	sqlite3_close(s->db);
	free(s->path);
	*s = (struct pp_sqlite){ .db = NULL };
}

static sqlite3_stmt *
prepare(struct pp_sqlite *s, const char *sql, struct pp_error *err)
{
	sqlite3_stmt *st;
	int rc;

	for (int i = 0; i < s->kept_count; i++) {
		if (s->kept[i].sql == sql)
			return s->kept[i].st;
	}
	assert(s->kept_count < PP_SQLITE_STATEMENTS);
	errno = 0;
	rc = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st,
	    NULL);
	if (rc != SQLITE_OK) {
		fail(s, rc, err);
		return NULL;
	}
	s->kept[s->kept_count].sql = sql;
	s->kept[s->kept_count++].st = st;
	return st;
}

static sqlite3_stmt *
bindv(struct pp_sqlite *s, struct pp_error *err, const char *sql,
    const char *types, va_list ap)
{
	sqlite3_stmt *st = prepare(s, sql, err);

	for (int i = 1; st != NULL && *types != '\0'; i++, types++) {
		int rc = *types == 't' ?
		    sqlite3_bind_text(st, i, va_arg(ap, const char *), -1,
			SQLITE_STATIC) :
		    sqlite3_bind_int64(st, i, va_arg(ap, int64_t));

		if (rc != SQLITE_OK) {
			fail(s, rc, err);
			st = NULL;
		}
	}
	return st;
}

sqlite3_stmt *
pp_sqlite_bind(struct pp_sqlite *s, struct pp_error *err, const char *sql,
    const char *types, ...)
{
	sqlite3_stmt *st;
	va_list ap;

	va_start(ap, types);
	st = bindv(s, err, sql, types, ap);
	va_end(ap);
	return st;
}

void
pp_sqlite_done(sqlite3_stmt *st)
{
	if (st == NULL)
		return;
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

int
pp_sqlite_step(struct pp_sqlite *s, sqlite3_stmt *st, struct pp_error *err)
{
	int rc;

	errno = 0;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		fail(s, rc, err);
	pp_sqlite_done(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

int
pp_sqlite_run(struct pp_sqlite *s, struct pp_error *err, const char *sql,
    const char *types, ...)
{
	sqlite3_stmt *st;
	va_list ap;

	va_start(ap, types);
	st = bindv(s, err, sql, types, ap);
	va_end(ap);
	if (st == NULL || pp_sqlite_step(s, st, err) < 0)
		return -1;
	return sqlite3_changes(s->db);
}

int
pp_sqlite_int(struct pp_sqlite *s, struct pp_error *err, int64_t *out,
    const char *sql, const char *types, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	int rc;

	va_start(ap, types);
	st = bindv(s, err, sql, types, ap);
	va_end(ap);
	if (st == NULL)
		return -1;
	rc = pp_sqlite_step(s, st, err);
	if (rc == 1) {
		*out = sqlite3_column_int64(st, 0);
		pp_sqlite_done(st);
	}
	return rc;
}

char *
pp_sqlite_strdup(sqlite3_stmt *st, int column)
{
	const char *text = (const char *)sqlite3_column_text(st, column);

	return pp_strdup(text != NULL ? text : "");
}

int
pp_sqlite_begin(struct pp_sqlite *s, struct pp_error *err)
{
	return pp_sqlite_run(s, err, "BEGIN IMMEDIATE", "") < 0 ? -1 : 0;
}

int
pp_sqlite_end(struct pp_sqlite *s, int rc, struct pp_error *err)
{
	if (rc >= 0 && pp_sqlite_run(s, err, "COMMIT", "") >= 0)
		return rc;
	if (!sqlite3_get_autocommit(s->db))
		pp_sqlite_run(s, NULL, "ROLLBACK", "");
	return -1;
}
