/* A checkpoint that cannot be made changes nothing, and can be made later. */
#include <config.h>

#include "test.h"
#include "home.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "job/shard.h"

#define COST_NUSD 15

struct fixture {
	char dir[TEST_FOLDER_BYTES];
	struct pp_store *store;
	struct pp_claim claim;
	struct pp_model model;
	struct pp_step_plan plan;
	struct pp_shard_run run;
};

static char name_of_step[] = "say", name_of_model[] = "small";

static void
claim_a_job(struct fixture *f)
{
	static char user[] = "ann", config[] = "{}", name[] = "";
	struct pp_job job = { .user_id = user,
		.name = name,
		.config = config,
		.rows = 10,
		.shards = 1,
		.budget_limit_nusd = 1000 };
	char owner[PP_ID_BYTES];
	struct pp_claim_request r = { .owner = pp_id_new(owner),
		.now_ms = 1000,
		.lease_ms = 60000,
		.max_running = 1 };
	struct pp_error err = PP_ERROR_INIT;

	pp_id_new(job.job_id);
	assert_ok(pp_store_job_add(f->store, &job, NULL, NULL, &err), err);
	assert_int_equal(pp_store_claim(f->store, &r, &f->claim, &err), 1);
}

/* One row is finished, and nothing was ever published. */
static void
finish_a_row(struct fixture *f)
{
	struct pp_shard_run *run = &f->run;
	struct pp_row *row = pp_row_new(0, 1);

	row->steps[0].attempts = 1;
	row->steps[0].cost_nusd = COST_NUSD;
	pp_ledger_add_row(&run->pending_ledger, row, &f->plan);
	run->pending_ledger.rows_done++;
	run->budget.settled_nusd += COST_NUSD;
	run->pending = pp_grow(run->pending, run->pending_count,
	    &run->pending_cap, sizeof *run->pending);
	run->pending[run->pending_count++] = (struct pp_pending_row){
		.line = pp_strdup("{\"row\":0}\n"), .len = 10
	};
	pp_row_free(row);
}

static int
begin(void **state)
{
	struct fixture *f = pp_calloc(1, sizeof *f);
	struct pp_shard_run *run = &f->run;
	struct pp_error err = PP_ERROR_INIT;

	*state = f;
	if (test_folder_make(f->dir) < 0 ||
	    test_home_open(f->dir, &f->store) < 0)
		return -1;
	claim_a_job(f);
	f->model.name = name_of_model;
	f->plan.id = name_of_step;
	f->plan.model = &f->model;
	run->store = f->store;
	run->blobs = pp_store_blobs(f->store);
	run->claim = &f->claim;
	run->plan = &f->plan;
	run->config.shards = 1;
	run->where = (struct pp_journal_where){ .home = f->dir, .epoch = 1 };
	memcpy(run->where.job_id, f->claim.job_id, sizeof f->claim.job_id);
	memcpy(run->cp.job_id, f->claim.job_id, sizeof f->claim.job_id);
	run->cp.journal_generation = 1;
	run->journal = pp_journal_open(&run->where, 1, &err);
	assert_non_null(run->journal);
	finish_a_row(f);
	return 0;
}

static int
end(void **state)
{
	struct fixture *f = *state;
	int rc;

	f->run.plan = NULL; /* it is the fixture's */
	pp_shard_close(&f->run);
	pp_store_close(f->store);
	rc = test_folder_remove(f->dir);
	free(f);
	return rc;
}

/* ---- what may fail ---- */

static void
unbalance(struct fixture *f)
{
	f->run.budget.settled_nusd++;
}

static void
balance(struct fixture *f)
{
	f->run.budget.settled_nusd--;
}

static char *
next_journal(const struct fixture *f)
{
	return pp_asprintf("%s/journal/%s/00000-%012d-%09d.log", f->dir,
	    f->claim.job_id, 2, 1);
}

static void
block_journal(struct fixture *f)
{
	char *path = next_journal(f);

	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
}

static void
unblock_journal(struct fixture *f)
{
	char *path = next_journal(f);

	assert_int_equal(rmdir(path), 0);
	free(path);
}

/* As far as a successor, or the next checkpoint, can see. */
static void
check_nothing_has_changed(const struct fixture *f,
    const struct pp_journal *journal)
{
	const struct pp_shard_run *run = &f->run;

	assert_null(run->publication);
	assert_ptr_equal(run->journal, journal);
	assert_int_equal(run->cp.journal_generation, 1);
	assert_int_equal(run->cp.number, 0);
	assert_int_equal(run->cp.last_batch, 0);
	assert_string_equal(run->cp.last_batch_sha, "");
	assert_int_equal(run->cp.low_water, 0);
	assert_int_equal(run->cp.closed.count, 0);
	assert_int_equal(run->cp.cost_count, 0);
	assert_int_equal(run->cp.untold_operations, 0);
	assert_null(run->cp.open);
	assert_int_equal(run->pending_count, 1);
	assert_int_equal(run->pending_ledger.rows_done, 1);
}

static void
check_it_is_kept(struct fixture *f)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_checkpoint cp;
	struct pp_cost row;

	assert_int_equal(pp_checkpoint_load(f->run.blobs, f->claim.job_id, 1, 0,
			     &cp, &err),
	    1);
	assert_int_equal(cp.last_batch, 1);
	assert_int_equal(cp.low_water, 1);
	assert_int_equal(cp.closed.entries[0].cost_nusd, COST_NUSD);
	assert_int_equal(cp.cost_count, 1);
	assert_int_equal(pp_store_cost_list(f->store, f->claim.job_id, NULL,
			     &row, 1, &err),
	    1);
	assert_string_equal(row.timestamp, cp.costs[0].timestamp);
	assert_string_equal(row.model_id, name_of_model);
	assert_int_equal(row.cost_nusd, COST_NUSD);
	assert_int_equal(row.store_operations, 2);
	pp_cost_release(&row);
	pp_checkpoint_release(&cp);
}

static const struct {
	const char *name;
	void (*spoil)(struct fixture *f);
	void (*mend)(struct fixture *f);
	enum pp_code code;
} failures[] = {
	{ "the books do not agree", unbalance, balance, PP_EBUG },
	{ "no journal can be begun", block_journal, unblock_journal,
	    PP_ECREATE },
};

static void
a_checkpoint_that_cannot_be_made_changes_nothing(void **state)
{
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		const struct pp_journal *journal;
		struct fixture *f;

		print_message("%s\n", failures[i].name);
		assert_int_equal(begin(state), 0);
		f = *state;
		journal = f->run.journal;
		failures[i].spoil(f);
		assert_fails(pp_shard_checkpoint(&f->run, &err), err,
		    failures[i].code);
		check_nothing_has_changed(f, journal);
		failures[i].mend(f);
		assert_ok(pp_shard_checkpoint(&f->run, &err), err);
		check_it_is_kept(f);
		assert_int_equal(end(state), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_checkpoint_that_cannot_be_made_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
