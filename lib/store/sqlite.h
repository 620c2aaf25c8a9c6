/*
 * SQLite with our manners: errors as struct pp_error, prepared statements that
 * are kept, writers that do not starve each other.
 *
 * Types of values to bind are letters: 't' is a const char * (borrowed until
 * the statement is done; NULL is an SQL null), 'i' an int64_t.
 */
#ifndef PP_STORE_SQLITE_H
#define PP_STORE_SQLITE_H

#include <sqlite3.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rand.h"

#define PP_SQLITE_STATEMENTS 64

struct pp_sqlite {
	sqlite3 *db;
	char *path;
	struct {
		const char *sql;	/* the literal itself is the key */
		sqlite3_stmt *st;
	} kept[PP_SQLITE_STATEMENTS];
	int kept_count;
	struct pp_rand chance;		/* of the waits for a lock */
	int64_t waiting_since_ms;
};

/*
 * Open or create the file in WAL mode, synced at every commit, with foreign
 * keys. On a read-only file system it can be read alone. PP_ECREATE, PP_EIO,
 * PP_EDATA (no database, damaged), PP_ETEMP.
 */
int	pp_sqlite_open(struct pp_sqlite *s, const char *path,
	    struct pp_error *err);
void	pp_sqlite_close(struct pp_sqlite *s);

/* Run statements that return nothing and are not kept. */
int	pp_sqlite_exec(struct pp_sqlite *s, const char *sql,
	    struct pp_error *err);

/*
 * The statement with its values, ready to be stepped; NULL on failure. `sql`
 * has static storage: its address finds the prepared statement again.
 */
sqlite3_stmt *pp_sqlite_bind(struct pp_sqlite *s, struct pp_error *err,
	    const char *sql, const char *types, ...);

/*
 * 1: a row; 0: no more; -1. The last two also reset the statement, which
 * must be done with pp_sqlite_done() when rows are left.
 */
int	pp_sqlite_step(struct pp_sqlite *s, sqlite3_stmt *st,
	    struct pp_error *err);
void	pp_sqlite_done(sqlite3_stmt *st);

/* Bind and run. Returns how many rows it changed, or -1. */
int	pp_sqlite_run(struct pp_sqlite *s, struct pp_error *err,
	    const char *sql, const char *types, ...);

/*
 * The first column of the first row as a number. 1, 0 without a row (`out` is
 * untouched), -1.
 */
int	pp_sqlite_int(struct pp_sqlite *s, struct pp_error *err, int64_t *out,
	    const char *sql, const char *types, ...);

/* Returns owned: a copy of a column's text. */
char	*pp_sqlite_strdup(sqlite3_stmt *st, int column);

/*
 * A transaction that holds the write lock from the start. pp_sqlite_end()
 * commits when `rc` is not negative, else rolls back; it returns `rc`, or -1
 * when the commit fails.
 */
int	pp_sqlite_begin(struct pp_sqlite *s, struct pp_error *err);
int	pp_sqlite_end(struct pp_sqlite *s, int rc, struct pp_error *err);

#endif
