#include <config.h>

#include "suite.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

#define MAX_CHILD_SECONDS 900

const struct suite_home *suite_home;

static struct {
	struct CMUnitTest *tests;
	size_t count;
} all;

int
fixture_setup(void **state)
{
	struct fixture *f = pp_calloc(1, sizeof *f);

	f->home = suite_home->make();
	f->store = suite_home->open(f->home, &f->err);
	if (f->store == NULL) {
		fprintf(stderr, "%s: %s\n", f->home, f->err.text);
		return -1;
	}
	*state = f;
	return 0;
}

int
fixture_teardown(void **state)
{
	struct fixture *f = *state;

	pp_store_close(f->store);
	suite_home->drop(f->home);
	free(f->home);
	free(f);
	return 0;
}

struct pp_store *
open_again(const struct fixture *f)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_store *s = suite_home->open(f->home, &err);

	if (s == NULL)
		fprintf(stderr, "cannot open %s: %s\n", f->home, err.text);
	return s;
}

void *
shared_alloc(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

void
shared_free(void *p, size_t size)
{
	munmap(p, size);
}

static void
run_child(const struct fixture *f, int i, int start,
    int (*child)(struct fixture *f, int i, void *shared), void *shared)
{
	struct fixture mine = { .home = f->home };
	char c;
	int status = 1;

	if (read(start, &c, 1) != 0)
		_exit(1);
	alarm(MAX_CHILD_SECONDS); /* for those that wait for the dead */
	mine.store = open_again(f);
	if (mine.store != NULL)
		status = child(&mine, i, shared);
	pp_store_close(mine.store);
	_exit(status);
}

void
race(struct fixture *f, int n,
    int (*child)(struct fixture *f, int i, void *shared), void *shared)
{
	int start[2], failed = 0;

	/* a connection must not be there twice, before and after a fork */
	pp_store_close(f->store);
	f->store = NULL;
	assert_int_equal(pipe(start), 0);
	fflush(NULL);
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			close(start[1]);
			run_child(f, i, start[0], child, shared);
		}
	}
	close(start[0]);
	close(start[1]); /* they all start */
	for (int i = 0; i < n; i++) {
		int status;

		assert_true(wait(&status) > 0);
		failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	}
	f->store = open_again(f);
	assert_non_null(f->store);
	assert_int_equal(failed, 0);
}

struct pp_job
job_of(int shards, int64_t limit_nusd)
{
	static char user[] = "ann", config[] = "{}", name[] = "";
	struct pp_job j = {
		.user_id = user,
		.name = name,
		.config = config,
		.created_at_ms = 1000,
		.rows = 1000,
		.shards = shards,
		.budget_limit_nusd = limit_nusd,
	};

	pp_id_new(j.job_id);
	return j;
}

void
add_job(struct fixture *f, int shards, int64_t limit_nusd, char id[PP_ID_BYTES])
{
	struct pp_job j = job_of(shards, limit_nusd);

	assert_ok(pp_store_job_add(f->store, &j, NULL, NULL, &f->err), f->err);
	memcpy(id, j.job_id, PP_ID_BYTES);
}

int
claim_any(struct pp_store *s, int64_t now, struct pp_claim *out,
    struct pp_error *err)
{
	char owner[PP_ID_BYTES];
	struct pp_claim_request r = { .owner = pp_id_new(owner),
		.now_ms = now,
		.lease_ms = 60000,
		.max_running = 100000 };

	return pp_store_claim(s, &r, out, err);
}

void
must_claim(struct fixture *f, int64_t now, struct pp_claim *out)
{
	int rc = claim_any(f->store, now, out, &f->err);

	assert_ok(rc, f->err);
	assert_int_equal(rc, 1);
}

enum pp_job_status
status_of(struct fixture *f, const char *job_id)
{
	enum pp_job_status status;
	struct pp_job j;

	assert_ok(pp_store_job_get(f->store, job_id, &j, &f->err), f->err);
	status = j.status;
	pp_job_release(&j);
	return status;
}

void
suite_add(const struct CMUnitTest *tests, size_t count)
{
	if (count == 0)
		return;
	all.tests = pp_reallocarray(all.tests, all.count + count,
	    sizeof *all.tests);
	memcpy(all.tests + all.count, tests, count * sizeof *tests);
	all.count += count;
}

int
suite_run(const struct suite_home *home, const struct CMUnitTest *own,
    size_t count)
{
	int failed;

	suite_home = home;
	add_jobs();
	add_queue();
	add_budget();
	add_templates();
	add_objects();
	suite_add(own, count);
	if (getenv("PP_TEST") != NULL)
		cmocka_set_test_filter(getenv("PP_TEST"));
	failed = _cmocka_run_group_tests(home->name, all.tests, all.count, NULL,
	    NULL);
	free(all.tests);
	return failed;
}
