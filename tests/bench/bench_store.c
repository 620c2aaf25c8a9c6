/*
 * usage: bench_store [DIR]
 *
 * The embedded home beside what SQLite and the file system can do at best:
 * progress of eight workers against a bare loop of BEGIN IMMEDIATE, UPDATE,
 * COMMIT; an object put against a bare loop of write, fsync, rename, fsync of
 * the folder. They take turns, and ratios are medians over the rounds.
 */
#include <config.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/rand.h"
#include "store/store.h"

#define WORKERS 8
#define ROUNDS 5
#define ROUND_US INT64_C(1000000)
#define OBJECT_BYTES 65536

struct tally {
	int64_t count, worst_us;
};

struct score {
	double per_second, worst_ms, fairness; /* least over most */
};

struct contest {
	const char *dir;
	char job_id[PP_ID_BYTES];
	struct tally *tallies; /* shared by the processes */
};

/* One go of a loop: what it is measured by. */
typedef int loop_fn(struct contest *c, int i, struct tally *t);

static int
give_up(const struct pp_error *err)
{
	fprintf(stderr, "bench_store: %s\n", err->text);
	return 1;
}

/* Whether there is time for another go; counts the one since `*since_us`. */
static bool
next_go(struct tally *t, int64_t end_us, int64_t *since_us)
{
	int64_t now = pp_clock_boot_us();

	if (*since_us != 0) {
		t->count++;
		if (now - *since_us > t->worst_us)
			t->worst_us = now - *since_us;
	}
	*since_us = now;
	return now < end_us;
}

/* ---- records ---- */

static int
wait_a_little(void *chance, int times)
{
	struct timespec ts = { 0 };

	(void)times;
	ts.tv_nsec = 100000 + (long)pp_rand_below(chance, 400000);
	nanosleep(&ts, NULL);
	return 1;
}

static int
bare_updates(struct contest *c, int i, struct tally *t)
{
	static const char *const sql[] = { "BEGIN IMMEDIATE",
		"UPDATE bare SET a = a + 1, b = ?1, c = ?1 WHERE id = ?2",
		"COMMIT" };
	char *path = pp_asprintf("%s/bare.db", c->dir);
	int64_t end_us = pp_clock_boot_us() + ROUND_US, since_us = 0;
	sqlite3_stmt *st[3] = { NULL };
	struct pp_rand chance;
	sqlite3 *db;
	int rc = 0;

	pp_rand_seed_any(&chance);
	if (sqlite3_open(path, &db) != SQLITE_OK)
		return 1;
	sqlite3_busy_handler(db, wait_a_little, &chance);
	sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
	    NULL, NULL, NULL);
	for (int k = 0; k < 3; k++)
		rc |= sqlite3_prepare_v2(db, sql[k], -1, &st[k], NULL);
	sqlite3_bind_int(st[1], 2, i);
	while (rc == 0 && next_go(t, end_us, &since_us)) {
		sqlite3_bind_int64(st[1], 1, since_us);
		for (int k = 0; k < 3; k++) {
			rc |= sqlite3_step(st[k]) != SQLITE_DONE;
			sqlite3_reset(st[k]);
		}
	}
	for (int k = 0; k < 3; k++)
		sqlite3_finalize(st[k]);
	sqlite3_close(db);
	free(path);
	return rc;
}

static struct pp_store *
open_home(const struct contest *c, struct pp_error *err)
{
	char *spec = pp_asprintf("file:%s/home", c->dir);
	struct pp_store *s = pp_store_open(spec, err);

	free(spec);
	return s;
}

static int
store_progress(struct contest *c, int i, struct tally *t)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_store *s = open_home(c, &err);
	struct pp_totals totals = { .rows_done = 0 };
	struct pp_claim claim = { .shard = i };
	int64_t end_us, since_us = 0;
	char owner[PP_ID_BYTES];
	struct pp_claim_request r = { .owner = pp_id_new(owner),
		.job_id = c->job_id,
		.lease_ms = 3600000,
		.max_running = 1 };
	int rc;

	if (s == NULL || pp_store_claim(s, &r, &claim, &err) != 1)
		return give_up(&err);
	end_us = pp_clock_boot_us() + ROUND_US;
	rc = 0;
	while (rc == 0 && next_go(t, end_us, &since_us)) {
		totals.rows_done++;
		rc = pp_store_progress(s, &claim, &totals, since_us, &err);
	}
	if (rc == 0)
		rc = pp_store_release(s, &claim, true, "", 0, &err);
	pp_store_close(s);
	return rc < 0 ? give_up(&err) : 0;
}

/* ---- objects ---- */

static int
bare_files(struct contest *c, int i, struct tally *t)
{
	char *from = pp_asprintf("%s/files/tmp%d", c->dir, i);
	char *to = pp_asprintf("%s/files/object%d", c->dir, i);
	char *folder = pp_asprintf("%s/files", c->dir);
	char *data = pp_calloc(1, OBJECT_BYTES);
	int64_t end_us = pp_clock_boot_us() + ROUND_US, since_us = 0;
	bool good = true;

	while (good && next_go(t, end_us, &since_us)) {
		int fd = open(from, O_WRONLY | O_CREAT | O_TRUNC, 0666);
		int dir = open(folder, O_RDONLY | O_DIRECTORY);

		good = fd >= 0 && dir >= 0 &&
		    pp_io_write_all(fd, data, OBJECT_BYTES) == 0 &&
		    fsync(fd) == 0 && close(fd) == 0 && rename(from, to) == 0 &&
		    fsync(dir) == 0 && close(dir) == 0;
	}
	free(data);
	free(folder);
	free(to);
	free(from);
	return !good;
}

static int
store_puts(struct contest *c, int i, struct tally *t)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_store *s = open_home(c, &err);
	char *data = pp_calloc(1, OBJECT_BYTES);
	int64_t end_us = pp_clock_boot_us() + ROUND_US, since_us = 0;
	char key[32];
	int rc = s == NULL ? -1 : 0;

	snprintf(key, sizeof key, "bench/object%d", i);
	while (rc == 0 && next_go(t, end_us, &since_us))
		rc = pp_blob_put(pp_store_blobs(s), key, data, OBJECT_BYTES,
		    PP_BLOB_ALWAYS, NULL, NULL, &err);
	pp_store_close(s);
	free(data);
	return rc < 0 ? give_up(&err) : 0;
}

/* ---- the contest ---- */

static struct score
measure(struct contest *c, loop_fn *loop, int processes)
{
	struct score s = { .fairness = 0 };
	int64_t all = 0, least = INT64_MAX, most = 0, worst = 0;

	memset(c->tallies, 0, WORKERS * sizeof *c->tallies);
	for (int i = 0; i < processes; i++) {
		if (fork() == 0)
			_exit(loop(c, i, &c->tallies[i]));
	}
	for (int i = 0, status; i < processes; i++) {
		if (wait(&status) < 0 || status != 0)
			exit(1);
	}
	for (int i = 0; i < processes; i++) {
		const struct tally *t = &c->tallies[i];

		all += t->count;
		least = t->count < least ? t->count : least;
		most = t->count > most ? t->count : most;
		worst = t->worst_us > worst ? t->worst_us : worst;
	}
	s.per_second = (double)all * 1e6 / (double)ROUND_US;
	s.worst_ms = (double)worst / 1e3;
	if (most > 0)
		s.fairness = (double)least / (double)most;
	return s;
}

static int
compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
compare(struct contest *c, const char *what, loop_fn *bare, loop_fn *ours,
    int processes)
{
	double ratios[ROUNDS];
	struct score b, o;

	for (int i = 0; i < ROUNDS; i++) {
		b = measure(c, bare, processes);
		o = measure(c, ours, processes);
		ratios[i] = o.per_second / b.per_second;
		printf("%-10s %d process%s  bare %7.0f/s  ours %7.0f/s  "
		       "worst %6.1f ms  least/most %.2f\n",
		    what, processes, processes == 1 ? "  " : "es", b.per_second,
		    o.per_second, o.worst_ms, o.fairness);
		fflush(stdout);
	}
	qsort(ratios, ROUNDS, sizeof ratios[0], compare_doubles);
	printf("%-10s ours / bare: %.2f\n\n", what, ratios[ROUNDS / 2]);
}

static int
prepare(struct contest *c, struct pp_error *err)
{
	static char user[] = "bench", nothing[] = "", config[] = "{}";
	struct pp_job job = { .user_id = user,
		.name = nothing,
		.config = config,
		.rows = 1,
		.shards = WORKERS,
		.budget_limit_nusd = PP_NO_LIMIT };
	char *path = pp_asprintf("%s/bare.db", c->dir);
	char *files = pp_asprintf("%s/files", c->dir);
	struct pp_store *s = open_home(c, err);
	sqlite3 *db;
	int rc = -1;

	pp_id_new(job.job_id);
	memcpy(c->job_id, job.job_id, sizeof c->job_id);
	if (s != NULL && pp_io_make_dirs(files, 0777, err) == 0)
		rc = pp_store_job_add(s, &job, NULL, NULL, err);
	pp_store_close(s);
	if (sqlite3_open(path, &db) == SQLITE_OK)
		sqlite3_exec(db,
		    "CREATE TABLE bare (id INTEGER PRIMARY KEY, a, b, c);"
		    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL "
		    "SELECT i + 1 FROM n WHERE i < 7) "
		    "INSERT INTO bare SELECT i, 0, 0, 0 FROM n",
		    NULL, NULL, NULL);
	sqlite3_close(db);
	free(files);
	free(path);
	return rc;
}

int
main(int argc, char **argv)
{
	struct pp_error err = PP_ERROR_INIT;
	char *dir = pp_asprintf("%s/pp-bench-XXXXXX",
	    argc > 1 ? argv[1] : "/tmp");
	struct contest c = { .dir = mkdtemp(dir),
		.tallies = mmap(NULL, WORKERS * sizeof *c.tallies,
		    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		    0) };
	char *command;
	int status;

	if (c.dir == NULL || c.tallies == MAP_FAILED || prepare(&c, &err) < 0)
		return give_up(&err);
	compare(&c, "progress", bare_updates, store_progress, WORKERS);
	compare(&c, "put", bare_files, store_puts, 1);
	command = pp_asprintf("rm -rf '%s'", dir);
	status = system(command);
	free(command);
	free(dir);
	return status != 0;
}
