#include <config.h>

#include "store/store_sqlite.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

/* "PpaL": says that a SQLite file is one of ours. */
#define APPLICATION_ID 0x5070614c
#define SCHEMA_VERSION 1
#define DATABASE "plotpalette.db"

/*
 * Columns have the names that the cloud's tables have; times are milliseconds,
 * money is nano-dollars. A queue row is one shard of a job and stays, with its
 * final status, as long as the job: its epoch and its spending go on counting
 * when the job is resumed. jobs holds the sums over its shards; `granted` is
 * kept for jobs with a limit alone.
 */
#define STATUS_CHECK \
	"CHECK (status IN ('QUEUED', 'RUNNING', 'COMPLETED', " \
	"'FAILED', 'BUDGET_EXCEEDED', 'CANCELLED'))"
#define TOTALS \
	"records_generated INTEGER NOT NULL DEFAULT 0," \
	"records_failed INTEGER NOT NULL DEFAULT 0," \
	"calls INTEGER NOT NULL DEFAULT 0," \
	"tokens_in INTEGER NOT NULL DEFAULT 0," \
	"tokens_out INTEGER NOT NULL DEFAULT 0," \
	"tokens_used INTEGER AS (tokens_in + tokens_out)," \
	"cost_estimate INTEGER NOT NULL DEFAULT 0," \
	"cost_unproven INTEGER NOT NULL DEFAULT 0"

/* clang-format off */
static const char schema_1[] =
    "CREATE TABLE jobs ("
	"job_id TEXT PRIMARY KEY NOT NULL,"
	"user_id TEXT NOT NULL,"
	"name TEXT NOT NULL,"
	"status TEXT NOT NULL " STATUS_CHECK ","
	"cancel_requested INTEGER NOT NULL DEFAULT 0,"
	"paused INTEGER NOT NULL DEFAULT 0,"
	"created_at INTEGER NOT NULL,"
	"updated_at INTEGER NOT NULL,"
	"started_at INTEGER NOT NULL DEFAULT 0,"
	"ended_at INTEGER NOT NULL DEFAULT 0,"
	"rows INTEGER NOT NULL CHECK (rows > 0),"
	"shards INTEGER NOT NULL CHECK (shards BETWEEN 1 AND 99999),"
	"priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 9),"
	"budget_limit INTEGER NOT NULL CHECK (budget_limit >= -1),"
	"granted INTEGER NOT NULL DEFAULT 0,"
	"config TEXT NOT NULL,"
	"reason TEXT NOT NULL DEFAULT '',"
	TOTALS
    ") STRICT;"
    "CREATE INDEX user_id_index ON jobs (user_id, job_id);"
    "CREATE INDEX jobs_alive ON jobs (priority DESC, job_id)"
	" WHERE status IN ('QUEUED', 'RUNNING');"
    "CREATE INDEX jobs_running ON jobs (job_id) WHERE status = 'RUNNING';"

    "CREATE TABLE queue ("
	"job_id TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,"
	"shard INTEGER NOT NULL,"
	"status TEXT NOT NULL " STATUS_CHECK ","
	"lease_owner TEXT NOT NULL DEFAULT '',"
	"lease_expires_at INTEGER NOT NULL DEFAULT 0,"
	"epoch INTEGER NOT NULL DEFAULT 0,"
	"seq INTEGER NOT NULL DEFAULT 0,"
	"granted INTEGER NOT NULL DEFAULT 0,"
	"give_backs INTEGER NOT NULL DEFAULT 0,"
	"reason TEXT NOT NULL DEFAULT '',"
	TOTALS ","
	"PRIMARY KEY (job_id, shard)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX queue_queued ON queue (job_id, give_backs, shard)"
	" WHERE status = 'QUEUED';"
    "CREATE INDEX queue_running ON queue (job_id, shard)"
	" WHERE status = 'RUNNING';"
    "CREATE INDEX queue_leases ON queue (lease_expires_at)"
	" WHERE status = 'RUNNING';"

    "CREATE TABLE idempotency ("
	"user_id TEXT NOT NULL,"
	"key TEXT NOT NULL,"
	"job_id TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,"
	"PRIMARY KEY (user_id, key)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX idempotency_job ON idempotency (job_id);"

    "CREATE TABLE costs ("
	"job_id TEXT NOT NULL,"
	"timestamp TEXT NOT NULL,"
	"model_id TEXT NOT NULL,"
	"tokens_in INTEGER NOT NULL,"
	"tokens_out INTEGER NOT NULL,"
	"bedrock_tokens INTEGER AS (tokens_in + tokens_out),"
	"compute_ms INTEGER NOT NULL,"
	"s3_operations INTEGER NOT NULL,"
	"estimated_cost INTEGER NOT NULL,"
	"ttl INTEGER NOT NULL,"		/* seconds since 1970 */
	"PRIMARY KEY (job_id, timestamp)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX costs_ttl ON costs (ttl);"

    "CREATE TABLE templates ("
	"template_id TEXT NOT NULL,"
	"version INTEGER NOT NULL,"
	"name TEXT NOT NULL,"
	"user_id TEXT NOT NULL,"
	"template_definition TEXT NOT NULL,"
	"source TEXT NOT NULL,"
	"schema_requirements TEXT NOT NULL,"
	"created_at INTEGER NOT NULL,"
	"is_public INTEGER NOT NULL,"
	"PRIMARY KEY (template_id, version)"
    ") STRICT;"
    "PRAGMA application_id = 1349542220;"
    "PRAGMA user_version = 1";
/* clang-format on */

void
pp_sqlite_totals(sqlite3_stmt *st, int first, struct pp_totals *out)
{
	int64_t *const fields[PP_SQLITE_NTOTALS] = { &out->rows_done,
		&out->rows_failed, &out->calls, &out->tokens_in,
		&out->tokens_out, &out->settled_nusd, &out->unproven_nusd };

	for (int i = 0; i < PP_SQLITE_NTOTALS; i++)
		*fields[i] = sqlite3_column_int64(st, first + i);
}

int
pp_sqlite_status(sqlite3_stmt *st, int column, enum pp_job_status *out,
    struct pp_error *err)
{
	const char *name = (const char *)sqlite3_column_text(st, column);

	if (name != NULL && pp_job_status_parse(name, out) == 0)
		return 0;
	return pp_error_set(err, PP_EDATA,
	    "damaged database: '%s' is not a status", name ? name : "");
}

static int
read_format(struct pp_sqlite *s, int64_t *version, int64_t *application,
    struct pp_error *err)
{
	if (pp_sqlite_int(s, err, version, "PRAGMA user_version", "") < 0)
		return -1;
	return pp_sqlite_int(s, err, application, "PRAGMA application_id", "");
}

/* An empty file becomes ours; a foreign or a newer one is left alone. */
static int
check_schema(struct pp_sqlite *s, struct pp_error *err)
{
	int64_t version = 0, application = 0, tables = 0;

	if (read_format(s, &version, &application, err) < 0 ||
	    pp_sqlite_int(s, err, &tables, "SELECT count(*) FROM sqlite_schema",
		"") < 0)
		return -1;
	if (tables == 0 && version == 0)
		return pp_sqlite_exec(s, schema_1, err);
	if (application != APPLICATION_ID)
		return pp_error_set(err, PP_EDATA,
		    "'%s' is another program's database", s->path);
	if (version > SCHEMA_VERSION)
		return pp_error_set(err, PP_ECONFIG,
		    "database '%s' has format %lld, this program knows up to "
		    "%d: use a newer plotpalette",
		    s->path, (long long)version, SCHEMA_VERSION);
	return 0;
}

static void
close_sqlite(struct pp_store *s)
{
	pp_sqlite_close(pp_sqlite_of(s));
	free(s);
}

static const struct pp_store_ops sqlite_ops = {
	.close = close_sqlite,
	.job_add = pp_sqlite_job_add,
	.job_get = pp_sqlite_job_get,
	.job_list = pp_sqlite_job_list,
	.job_cancel = pp_sqlite_job_cancel,
	.job_resume = pp_sqlite_job_resume,
	.job_delete = pp_sqlite_job_delete,
	.claim = pp_sqlite_claim,
	.claim_epoch = pp_sqlite_claim_epoch,
	.renew = pp_sqlite_renew,
	.release = pp_sqlite_release,
	.finish = pp_sqlite_finish,
	.grant = pp_sqlite_grant,
	.progress = pp_sqlite_progress,
	.shards = pp_sqlite_shards,
	.queue_length = pp_sqlite_queue_length,
	.queue_head = pp_sqlite_queue_head,
	.costs_add = pp_sqlite_costs_add,
	.cost_list = pp_sqlite_cost_list,
	.template_add = pp_sqlite_template_add,
	.template_get = pp_sqlite_template_get,
	.template_list = pp_sqlite_template_list,
	.template_versions = pp_sqlite_template_versions,
	.template_delete = pp_sqlite_template_delete,
};

static int
open_database(struct pp_store_sqlite *s, const char *path, struct pp_error *err)
{
	int64_t version = 0, application = 0;
	int rc;

	if (pp_sqlite_open(&s->sql, path, err) < 0)
		return -1;
	rc = read_format(&s->sql, &version, &application, err);
	/* only what is not as it should be is worth the write lock */
	if (rc >= 0 &&
	    (version != SCHEMA_VERSION || application != APPLICATION_ID)) {
		rc = pp_sqlite_begin(&s->sql, err);
		if (rc == 0)
			rc = pp_sqlite_end(&s->sql, check_schema(&s->sql, err),
			    err);
	}
	if (rc < 0)
		pp_sqlite_close(&s->sql);
	return rc < 0 ? -1 : 0;
}

/* The home itself is for its owner alone; what is in it follows the umask. */
static int
make_home(const char *dir, struct pp_error *err)
{
	struct stat st;

	if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return pp_io_make_dirs(dir, 0700, err);
}

/* The folder's real name, in s->store.dir, and what is in it. */
static int
open_folder(struct pp_store_sqlite *s, const char *dir, struct pp_error *err)
{
	char *path, *objects;
	int rc;

	s->store.dir = realpath(dir, NULL);
	if (s->store.dir == NULL)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot open folder '%s'", dir);
	path = pp_asprintf("%s/" DATABASE, s->store.dir);
	rc = open_database(s, path, err);
	free(path);
	if (rc < 0)
		return -1;
	objects = pp_asprintf("%s/objects", s->store.dir);
	s->store.blobs = pp_blob_open_dir(objects, err);
	free(objects);
	return s->store.blobs != NULL ? 0 : -1;
}

/* A home that has nothing in it, of which the folder may not be there. */
static int
open_empty(struct pp_store_sqlite *s, const char *dir, struct pp_error *err)
{
	char *objects = pp_asprintf("%s/objects", dir);

	s->store.dir = pp_strdup(dir);
	s->store.blobs = pp_blob_open_dir_to_read(objects);
	free(objects);
	return open_database(s, ":memory:", err);
}

static int
open_to_read(struct pp_store_sqlite *s, const char *dir,
    enum pp_home_absent absent, struct pp_error *err)
{
	char *path = pp_asprintf("%s/" DATABASE, dir);
	bool none = access(path, F_OK) < 0 && errno == ENOENT;

	free(path);
	if (!none)
		return open_folder(s, dir, err);
	if (absent == PP_HOME_REFUSE && access(dir, F_OK) < 0)
		return pp_error_set(err, PP_ENOENT,
		    "there is no home '%s' (PP_STORE); 'pp-seed put', "
		    "'pp-template put' and 'pp-job create' make one",
		    dir);
	return open_empty(s, dir, err);
}

struct pp_store *
pp_store_open_sqlite(const char *dir, enum pp_home_absent absent,
    struct pp_error *err)
{
	struct pp_store_sqlite *s = pp_calloc(1, sizeof *s);
	int rc;

	s->store.ops = &sqlite_ops;
	if (absent != PP_HOME_MAKE)
		rc = open_to_read(s, dir, absent, err);
	else if ((rc = make_home(dir, err)) == 0)
		rc = open_folder(s, dir, err);
	if (rc == 0)
		return &s->store;
	pp_sqlite_close(&s->sql);
	pp_blob_close(s->store.blobs);
	free(s->store.dir);
	free(s);
	return NULL;
}
