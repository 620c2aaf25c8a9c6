/* What a job has cost, and whether its rows add up to that. */
#include <config.h>

#include "test.h"
#include "home.h"

#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "job/account.h"
#include "job/batch.h"
#include "job/checkpoint.h"
#include "job/config.h"

#define JOB "019aa000-0000-7000-8000-000000000001"
#define WRITER "019aa000-0000-7000-8000-000000000002"

/* Text in an array, for structs that own theirs elsewhere. */
#define TEXT(s) ((char[]){ s })

struct home {
	char dir[TEST_FOLDER_BYTES];
	struct pp_store *store;
	struct pp_job job;
};

/* Two steps, the second on a model with a price. */
static char *
make_config(int shards)
{
	struct pp_model models[] = {
		{ .name = TEXT("small"),
		    .label = TEXT(""),
		    .id = TEXT("s"),
		    .provider = PP_PROVIDER_LOCAL,
		    .price_source = TEXT(""),
		    .price_date = TEXT(""),
		    .status = TEXT("active"),
		    .bytes_per_token_x100 = 100 },
		{ .name = TEXT("large"),
		    .label = TEXT(""),
		    .id = TEXT("l"),
		    .provider = PP_PROVIDER_LOCAL,
		    .price = { .output = 1 },
		    .price_source = TEXT(""),
		    .price_date = TEXT(""),
		    .status = TEXT("active"),
		    .bytes_per_token_x100 = 100 },
	};
	struct pp_config_step steps[] = {
		{ .id = TEXT("outline"), .model = models[0], .max_tokens = 10 },
		{ .id = TEXT("expand"), .model = models[1], .max_tokens = 10 },
	};
	struct pp_job_config c = { .user_id = TEXT("ada"),
		.template_id = TEXT("t"),
		.template_name = TEXT("t.yaml"),
		.template_source = TEXT("x"),
		.steps = steps,
		.step_count = 2,
		.rows = 100,
		.shards = shards,
		.max_failures = -1,
		.checkpoint_rows = 50,
		.export_formats = TEXT(""),
		.export_partition = TEXT("none") };
	struct pp_buf out = PP_BUF_INIT;

	strcpy(c.job_id, JOB);
	pp_job_config_put_json(&c, &out);
	return pp_buf_detach(&out, NULL);
}

static int
open_home(void **state)
{
	struct home *h = pp_calloc(1, sizeof *h);

	*state = h;
	return test_folder_make(h->dir) < 0 ? -1 :
					      test_home_open(h->dir, &h->store);
}

static int
close_home(void **state)
{
	struct home *h = *state;
	int rc;

	free(h->job.config);
	pp_store_close(h->store);
	rc = test_folder_remove(h->dir);
	free(h);
	return rc;
}

static void
set_job(struct home *h, int shards)
{
	free(h->job.config);
	h->job = (struct pp_job){
		.rows = 100, .shards = shards, .config = make_config(shards)
	};
	strcpy(h->job.job_id, JOB);
}

static const char row_0[] =
    "{\"row\":0,\"record\":{},\"steps\":{"
    "\"outline\":{\"model\":\"small\",\"tokens_in\":10,\"tokens_out\":5,"
    "\"cost\":\"0\",\"attempts\":1},"
    "\"expand\":{\"model\":\"large\",\"tokens_in\":7,\"tokens_out\":3,"
    "\"tokens_cached\":2,\"cost\":\"0.000000001\",\"attempts\":2,"
    "\"unproven\":\"0.5\"}}}\n";
static const char row_1[] =
    "{\"row\":1,\"failed\":{\"class\":\"rejected\"},\"steps\":{"
    "\"outline\":{\"model\":\"small\",\"tokens_in\":1,\"tokens_out\":0,"
    "\"cost\":\"1.25\",\"attempts\":3}}}\n";

/* One batch of these lines, and a checkpoint whose ledger has `counted`. */
static void
put_shard(struct home *h, int shard, const char *lines, int64_t rows,
    const char *counted, struct pp_row **open, size_t open_count)
{
	struct pp_batch_head head = {
		.shard = shard, .number = 1, .epoch = 1, .rows = rows
	};
	struct pp_checkpoint cp = { .shard = shard,
		.epoch = 1,
		.last_batch = 1,
		.low_water = 0,
		.compute_ms = 1500,
		.open = open,
		.open_count = open_count };
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf text = PP_BUF_INIT;
	char *key = pp_batch_key(JOB, h->job.shards, shard, 1);
	const char *end;

	strcpy(head.job_id, JOB);
	strcpy(head.writer, WRITER);
	pp_batch_put_head(&head, &text);
	pp_buf_adds(&text, lines);
	assert_ok(pp_blob_put(pp_store_blobs(h->store), key, text.data,
		      text.len, PP_BLOB_IF_NONE, NULL, NULL, &err),
	    err);
	strcpy(cp.job_id, JOB);
	strcpy(cp.writer, WRITER);
	pp_sha256_hex(text.data, text.len, cp.last_batch_sha);
	for (; *counted != '\0'; counted = end + 1) {
		end = strchr(counted, '\n');
		assert_ok(pp_ledger_add_line(&cp.closed,
			      pp_json_parse(&doc, counted,
				  (size_t)(end - counted), 0, &err),
			      &err),
		    err);
	}
	pp_checkpoint_advance(&cp);
	assert_ok(pp_checkpoint_save(pp_store_blobs(h->store), h->job.shards,
		      &cp, &err),
	    err);
	pp_ledger_release(&cp.closed);
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
	free(key);
}

static char *
both_rows(void)
{
	return pp_asprintf("%s%s", row_0, row_1);
}

static void
check_entry(const struct pp_ledger *l, const char *step, const char *model,
    int64_t calls, int64_t tokens_in, int64_t cost, int64_t unproven)
{
	const struct pp_ledger_entry *e = pp_ledger_find(l, step, model);

	assert_non_null(e);
	assert_int_equal(e->calls, calls);
	assert_int_equal(e->usage.tokens_in, tokens_in);
	assert_int_equal(e->cost_nusd, cost);
	assert_int_equal(e->unproven_nusd, unproven);
}

static void
an_account_is_exact_to_the_nano_dollar(void **state)
{
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_account a;
	char *lines = both_rows();

	set_job(h, 1);
	put_shard(h, 0, lines, 2, lines, NULL, 0);
	assert_ok(pp_account_load(h->store, &h->job, &a, &err), err);
	check_entry(&a.ledger, "outline", "small", 4, 11, INT64_C(1250000000),
	    0);
	check_entry(&a.ledger, "expand", "large", 2, 7, 1, INT64_C(500000000));
	assert_int_equal(a.ledger.rows_done, 1);
	assert_int_equal(a.ledger.rows_failed, 1);
	assert_int_equal(a.open_rows, 0);
	assert_int_equal(a.compute_ms, 1500);
	assert_true(a.as_of_ms > 0);
	pp_account_release(&a);
	assert_ok(pp_account_verify(h->store, &h->job, &err), err);
	free(lines);
}

static void
unfinished_rows_count_too(void **state)
{
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_row *row = pp_row_new(1, 2);
	struct pp_account a;

	set_job(h, 1);
	pp_row_set_output(row, 0, "text", 4, PP_FINISH_STOP, "k");
	row->steps[0].attempts = 2;
	row->steps[0].usage.tokens_in = 100;
	row->steps[0].cost_nusd = 3;
	row->at = 1;
	put_shard(h, 0, row_0, 1, row_0, &row, 1);
	assert_ok(pp_account_load(h->store, &h->job, &a, &err), err);
	check_entry(&a.ledger, "outline", "small", 3, 110, 3, 0);
	assert_int_equal(a.open_rows, 1);
	assert_int_equal(a.ledger.rows_done, 1);
	pp_account_release(&a);
	/* they are in no batch, and need not be */
	assert_ok(pp_account_verify(h->store, &h->job, &err), err);
	pp_row_free(row);
}

static void
shards_are_added_up(void **state)
{
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_account a;

	/* the third shard has not begun */
	set_job(h, 3);
	put_shard(h, 0, row_0, 1, row_0, NULL, 0);
	put_shard(h, 1,
	    "{\"row\":40,\"record\":{},\"steps\":{\"outline\":"
	    "{\"model\":\"small\",\"cost\":\"2\",\"attempts\":1}}}\n",
	    1,
	    "{\"steps\":{\"outline\":{\"model\":\"small\",\"cost\":\"2\","
	    "\"attempts\":1}}}\n",
	    NULL, 0);
	assert_ok(pp_account_load(h->store, &h->job, &a, &err), err);
	check_entry(&a.ledger, "outline", "small", 2, 10, INT64_C(2000000000),
	    0);
	assert_int_equal(a.ledger.rows_done, 2);
	assert_int_equal(a.compute_ms, 3000);
	pp_account_release(&a);
	assert_ok(pp_account_verify(h->store, &h->job, &err), err);
}

static void
a_job_that_has_not_begun_has_cost_nothing(void **state)
{
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_account a;

	set_job(h, 1);
	assert_ok(pp_account_load(h->store, &h->job, &a, &err), err);
	assert_int_equal(a.ledger.count, 0);
	assert_int_equal(a.as_of_ms, 0);
	pp_account_release(&a);
	assert_ok(pp_account_verify(h->store, &h->job, &err), err);
}

static void
rows_that_do_not_add_up_are_told(void **state)
{
	static const struct {
		const char *name, *row, *counted, *says;
		enum pp_code code;
	} rows[] = {
		{ "a nano-dollar off",
		    "{\"row\":0,\"steps\":{\"a\":{\"model\":\"m\",\"cost\":"
		    "\"0.000000002\"}}}\n",
		    "{\"steps\":{\"a\":{\"model\":\"m\",\"cost\":"
		    "\"0.000000001\"}}}\n",
		    "step 'a' on model 'm': cost is $0.000000001 in the "
		    "checkpoint and $0.000000002 in the batches",
		    PP_EBUG },
		{ "a token off",
		    "{\"row\":0,\"steps\":{\"a\":{\"model\":\"m\",\"attempts\":"
		    "1,\"tokens_out\":5}}}\n",
		    "{\"steps\":{\"a\":{\"model\":\"m\",\"attempts\":1,"
		    "\"tokens_out\":4}}}\n",
		    "tokens_out is 4 in the checkpoint and 5 in the batches",
		    PP_EBUG },
		{ "a model that the checkpoint lacks",
		    "{\"row\":0,\"steps\":{\"a\":{\"model\":\"m\",\"attempts\":"
		    "1}}}\n",
		    "{\"steps\":{}}\n",
		    "step 'a' on model 'm': calls is 0 in the checkpoint and "
		    "1 in the batches",
		    PP_EBUG },
		{ "a step that the batches lack", "{\"row\":0,\"steps\":{}}\n",
		    "{\"steps\":{\"a\":{\"model\":\"m\",\"unproven\":\"1\"}}}"
		    "\n",
		    "unproven is $1 in the checkpoint and $0 in the "
		    "batches",
		    PP_EBUG },
		{ "a row that failed",
		    "{\"row\":0,\"failed\":{},\"steps\":{}}\n",
		    "{\"steps\":{}}\n",
		    "rows_done is 1 in the checkpoint and 0 in the batches",
		    PP_EBUG },
		{ "a row without costs", "{\"row\":0}\n", "{\"steps\":{}}\n",
		    "row has no 'steps'", PP_EDATA },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct home *h;

		assert_int_equal(open_home(state), 0);
		h = *state;
		set_job(h, 1);
		put_shard(h, 0, rows[i].row, 1, rows[i].counted, NULL, 0);
		if (pp_account_verify(h->store, &h->job, &err) == 0)
			fail_msg("%s: it was not found", rows[i].name);
		if (err.code != rows[i].code ||
		    strstr(err.text, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].name, err.text);
		assert_int_equal(close_home(state), 0);
	}
}

static void
a_changed_batch_is_told(void **state)
{
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	char *key = pp_batch_key(JOB, 1, 0, 1);
	struct pp_buf text = PP_BUF_INIT;

	set_job(h, 1);
	put_shard(h, 0, row_0, 1, row_0, NULL, 0);
	assert_ok(pp_blob_get(pp_store_blobs(h->store), key, &text, NULL, &err),
	    err);
	text.data[text.len - 5]++;
	assert_ok(pp_blob_put(pp_store_blobs(h->store), key, text.data,
		      text.len, PP_BLOB_ALWAYS, NULL, NULL, &err),
	    err);
	assert_fails(pp_account_verify(h->store, &h->job, &err), err, PP_EDATA);
	assert_non_null(strstr(err.text, "was changed"));
	pp_buf_release(&text);
	free(key);
}

/* Counts near the largest integer come from files; none may overflow. */
static void
sums_stop_at_the_largest_number(void **state)
{
	static const struct {
		const char *name, *line;
		bool fits;
	} rows[] = {
		{ "just fits",
		    "{\"steps\":{\"a\":{\"model\":\"m\","
		    "\"tokens_in\":9223372036854775806,\"attempts\":1}}}",
		    true },
		{ "input and cache",
		    "{\"steps\":{\"a\":{\"model\":\"m\","
		    "\"tokens_in\":9223372036854775806,\"tokens_cached\":1,"
		    "\"attempts\":1}}}",
		    false },
		{ "money of two steps",
		    "{\"steps\":{\"a\":{\"model\":\"m\","
		    "\"cost\":\"9223372036\"},\"b\":{\"model\":\"m\","
		    "\"cost\":\"9223372036\"}}}",
		    false },
		{ "unproven",
		    "{\"steps\":{\"a\":{\"model\":\"m\","
		    "\"unproven\":\"9223372036\"},\"b\":{\"model\":\"m\","
		    "\"unproven\":\"9223372036\"}}}",
		    false },
		{ "tokens out",
		    "{\"steps\":{\"a\":{\"model\":\"m\","
		    "\"tokens_out\":9223372036854775807,\"attempts\":1}}}",
		    false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_json_doc doc = PP_JSON_DOC_INIT;
		struct pp_error err = PP_ERROR_INIT;
		struct pp_ledger l = PP_LEDGER_INIT;

		assert_ok(pp_ledger_add_line(&l,
			      pp_json_parse(&doc, rows[i].line,
				  strlen(rows[i].line), 0, &err),
			      &err),
		    err);
		if ((pp_ledger_check_sums(&l, &err) == 0) != rows[i].fits)
			fail_msg("%s: %s", rows[i].name, err.text);
		pp_ledger_release(&l);
		pp_json_doc_release(&doc);
	}
}

#define IN_A_HOME(test) \
	cmocka_unit_test_setup_teardown(test, open_home, close_home)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HOME(an_account_is_exact_to_the_nano_dollar),
		IN_A_HOME(unfinished_rows_count_too),
		IN_A_HOME(shards_are_added_up),
		IN_A_HOME(a_job_that_has_not_begun_has_cost_nothing),
		cmocka_unit_test(rows_that_do_not_add_up_are_told),
		IN_A_HOME(a_changed_batch_is_told),
		cmocka_unit_test(sums_stop_at_the_largest_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
