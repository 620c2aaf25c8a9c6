/*
 * DynamoDB's operations against a server with a script: what it leaves over,
 * pages, transactions that are refused, items that are too large.
 */
#include <config.h>

#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "aws/dynamodb.h"
#include "aws_env.h"
#include "base/mem.h"

#define OK "HTTP/1.1 200 OK\r\n\r\n"
#define NO "HTTP/1.1 400 Bad Request\r\n\r\n"

static void
add_put(struct pp_ddb_transaction *t, const char *key)
{
	struct pp_ddb_action *w = pp_ddb_add(t, PP_DDB_PUT, "T", NULL);

	pp_ddb_put_text(&w->item, "k", key);
}

/* ---- batches ---- */

static void
what_is_left_over_is_sent_again(void **state)
{
	static const struct script replies[] = {
		{ OK "{\"UnprocessedItems\":{\"T\":[{\"PutRequest\":{\"Item\":"
		     "{\"k\":{\"S\":\"b\"}}}}]}}",
		    0, false },
		{ OK "{\"UnprocessedItems\":{}}", 0, false }
	};
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	struct world w = world_begin(replies, 2);

	(void)state;
	add_put(&t, "a");
	add_put(&t, "b");
	assert_ok(pp_ddb_write_all(w.aws, &t, &w.err), w.err);
	assert_int_equal(scripted_requests(w.server), 2);
	assert_string_equal(world_body(&w),
	    "{\"RequestItems\":{\"T\":[{\"PutRequest\":{\"Item\":"
	    "{\"k\":{\"S\":\"b\"}}}}]}}");
	world_end(&w);
}

/* Twenty-five go at a time. */
static void
many_items_are_many_batches(void **state)
{
	static const struct script reply = { OK "{}", 0, false };
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	struct world w = world_begin(&reply, 1);

	(void)state;
	for (int i = 0; i < 51; i++)
		add_put(&t, "a");
	assert_ok(pp_ddb_write_all(w.aws, &t, &w.err), w.err);
	assert_int_equal(scripted_requests(w.server), 3);
	world_end(&w);
}

static int
count_item(void *arg, const struct pp_json *item, struct pp_error *err)
{
	(void)item;
	(void)err;
	++*(int *)arg;
	return 0;
}

static void
keys_that_are_left_over_are_read_again(void **state)
{
	static const struct script replies[] = {
		{ OK "{\"Responses\":{\"T\":[{\"k\":{\"S\":\"a\"}}]},"
		     "\"UnprocessedKeys\":{\"T\":{\"Keys\":[{\"k\":"
		     "{\"S\":\"b\"}}],\"ConsistentRead\":true}}}",
		    0, false },
		{ OK "{\"Responses\":{\"T\":[{\"k\":{\"S\":\"b\"}}]}}", 0,
		    false }
	};
	struct pp_buf keys[2] = { PP_BUF_INIT, PP_BUF_INIT };
	struct world w = world_begin(replies, 2);
	int n = 0;

	(void)state;
	pp_ddb_put_text(&keys[0], "k", "a");
	pp_ddb_put_text(&keys[1], "k", "b");
	assert_ok(pp_ddb_read_all(w.aws, "T", keys, 2, count_item, &n, &w.err),
	    w.err);
	assert_int_equal(n, 2);
	assert_string_equal(world_body(&w),
	    "{\"RequestItems\":{\"T\":{\"Keys\":[{\"k\":{\"S\":\"b\"}}],"
	    "\"ConsistentRead\":true}}}");
	pp_buf_release(&keys[0]);
	pp_buf_release(&keys[1]);
	world_end(&w);
}

/* An empty page can have another one behind it. */
static void
a_query_goes_on_behind_an_empty_page(void **state)
{
	static const struct script replies[] = {
		{ OK "{\"Items\":[],\"LastEvaluatedKey\":{\"k\":"
		     "{\"S\":\"a\"}}}",
		    0, false },
		{ OK "{\"Items\":[{\"k\":{\"S\":\"b\"}}]}", 0, false }
	};
	struct pp_ddb_query q = {
		.table = "T", .key = "#k = :k", .values = PP_BUF_INIT
	};
	struct world w = world_begin(replies, 2);
	int n = 0;

	(void)state;
	pp_ddb_put_text(&q.values, ":k", "x");
	assert_ok(pp_ddb_query(w.aws, &q, count_item, &n, &w.err), w.err);
	assert_int_equal(n, 1);
	assert_non_null(strstr(world_body(&w),
	    "\"ExclusiveStartKey\":{\"k\":{\"S\":\"a\"}}"));
	world_end(&w);
}

/* ---- transactions ---- */

static void
token_of(const char *request, char out[64])
{
	const char *at = strstr(request, "\"ClientRequestToken\":\"");

	assert_non_null(at);
	assert_int_equal(sscanf(at, "\"ClientRequestToken\":\"%63[^\"]", out),
	    1);
}

/*
 * One of ours that is still under way keeps its token: another would be done
 * twice. One that was refused is a new one.
 */
static void
a_transaction_keeps_its_token_while_it_is_under_way(void **state)
{
	static const struct {
		const char *refusal;
		bool same;
	} rows[] = {
		{ NO "{\"__type\":\"x#TransactionInProgressException\"}",
		    true },
		{ NO "{\"__type\":\"x#TransactionConflictException\"}", false },
		{ NO "{\"__type\":\"x#TransactionCanceledException\","
		     "\"CancellationReasons\":[{\"Code\":\"None\"},"
		     "{\"Code\":\"TransactionConflict\"}]}",
		    false },
		{ NULL, true }, /* the reply was lost */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct script replies[] = { { rows[i].refusal, 0, false },
			{ OK "{}", 0, false } };
		struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
		struct world w = world_begin(replies, 2);
		char first[64], second[64];

		add_put(&t, "a");
		assert_ok(pp_ddb_commit(w.aws, &t, NULL, &w.err), w.err);
		assert_int_equal(scripted_requests(w.server), 2);
		token_of(scripted_before(w.server), first);
		token_of(scripted_last(w.server), second);
		assert_int_equal(strcmp(first, second) == 0, rows[i].same);
		world_end(&w);
	}
}

static void
a_condition_that_fails_is_told_with_its_place(void **state)
{
	static const struct script reply = { NO
		"{\"__type\":\"x#TransactionCanceledException\","
		"\"CancellationReasons\":[{\"Code\":\"None\"},"
		"{\"Code\":\"ConditionalCheckFailed\"}]}",
		0, false };
	struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
	struct world w = world_begin(&reply, 1);
	size_t failed = 9;

	(void)state;
	add_put(&t, "a");
	add_put(&t, "b");
	assert_int_equal(pp_ddb_commit(w.aws, &t, &failed, &w.err), 1);
	assert_int_equal(failed, 1);
	assert_int_equal(scripted_requests(w.server), 1);
	world_end(&w);
}

/* ---- items that are too large ---- */

static void
an_item_near_400_kb_is_refused_before_it_is_sent(void **state)
{
	static const struct script reply = { OK "{}", 0, false };
	static const struct {
		size_t bytes;
		bool fits;
	} rows[] = { { 409000, true }, { 410000, false } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pp_ddb_transaction t = PP_DDB_TRANSACTION_INIT;
		char *text = pp_malloc(rows[i].bytes + 1);
		struct world w = world_begin(&reply, 1);

		memset(text, 'x', rows[i].bytes);
		text[rows[i].bytes] = '\0';
		add_put(&t, text);
		if (rows[i].fits) {
			assert_ok(pp_ddb_commit(w.aws, &t, NULL, &w.err),
			    w.err);
		} else {
			assert_fails(pp_ddb_commit(w.aws, &t, NULL, &w.err),
			    w.err, PP_ELIMIT);
			assert_non_null(strstr(w.err.text, "400 KB"));
			assert_non_null(strstr(w.err.text, "make it smaller"));
			assert_int_equal(scripted_requests(w.server), 0);
		}
		free(text);
		world_end(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_over_is_sent_again),
		cmocka_unit_test(many_items_are_many_batches),
		cmocka_unit_test(keys_that_are_left_over_are_read_again),
		cmocka_unit_test(a_query_goes_on_behind_an_empty_page),
		cmocka_unit_test(
		    a_transaction_keeps_its_token_while_it_is_under_way),
		cmocka_unit_test(a_condition_that_fails_is_told_with_its_place),
		cmocka_unit_test(
		    an_item_near_400_kb_is_refused_before_it_is_sent),
	};

	return cmocka_run_group_tests_name("dynamodb_calls", tests, NULL, NULL);
}
