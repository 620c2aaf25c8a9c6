/* Plans, configurations, budgets, flow, checkpoints, journals, batches. */
#include <config.h>

#include "test.h"
#include "home.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "job/batch.h"
#include "job/budget.h"
#include "job/checkpoint.h"
#include "job/flow.h"
#include "job/journal.h"
#include "job/ledger.h"
#include "job/plan.h"
#include "job/tally.h"

#define JOB "01938c5e-7c00-7abc-8def-0123456789ab"
#define WRITER "01938c5e-7c00-7abc-8def-00000000000a"

static int
make_home(void **state)
{
	*state = pp_malloc(TEST_FOLDER_BYTES);
	return test_folder_make(*state);
}

static int
remove_home(void **state)
{
	int rc = test_folder_remove(*state);

	free(*state);
	return rc;
}

/* ---- plan ---- */

static void
every_seed_is_used_once_a_pass(void **state)
{
	static const int64_t counts[] = { 1, 2, 3, 7, 40, 64, 1000 };
	char seen[1000];

	(void)state;
	for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
		for (int pass = 0; pass < 3; pass++) {
			memset(seen, 0, sizeof seen);
			for (int64_t i = 0; i < counts[c]; i++) {
				int64_t at = pp_plan_seed_index(42,
				    PP_ORDER_SHUFFLED, 0, counts[c],
				    pass * counts[c] + i);

				assert_in_range(at, 0, counts[c] - 1);
				assert_int_equal(seen[at]++, 0);
			}
		}
	}
}

static void
orders_differ_by_seed_pass_and_set(void **state)
{
	int same_seed = 0, same_pass = 0, same_set = 0;

	(void)state;
	for (int64_t i = 0; i < 1000; i++) {
		int64_t a = pp_plan_seed_index(1, PP_ORDER_SHUFFLED, 0, 1000,
		    i);

		same_seed += a ==
		    pp_plan_seed_index(2, PP_ORDER_SHUFFLED, 0, 1000, i);
		same_pass += a ==
		    pp_plan_seed_index(1, PP_ORDER_SHUFFLED, 0, 1000, 1000 + i);
		same_set += a ==
		    pp_plan_seed_index(1, PP_ORDER_SHUFFLED, 1, 1000, i);
	}
	assert_in_range(same_seed, 0, 10);
	assert_in_range(same_pass, 0, 10);
	assert_in_range(same_set, 0, 10);
	assert_int_equal(pp_plan_seed_index(9, PP_ORDER_SEQUENTIAL, 0, 10, 23),
	    3);
}

static void
slices_cover_all_rows_once(void **state)
{
	static const struct {
		int64_t rows;
		int shards;
	} rows[] = { { 10, 1 }, { 10, 3 }, { 2, 5 }, { 1000000, 99 },
		{ 0, 4 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t at = 0, first, end;

		for (int s = 0; s < rows[i].shards; s++) {
			pp_plan_slice(rows[i].rows, rows[i].shards, s, &first,
			    &end);
			assert_int_equal(first, at);
			assert_true(end >= first);
			at = end;
		}
		assert_int_equal(at, rows[i].rows);
	}
}

static void
row_ids_repeat_and_differ(void **state)
{
	char a[PP_ROW_ID_BYTES], b[PP_ROW_ID_BYTES];

	(void)state;
	assert_string_equal(pp_plan_row_id(7, 3, a), pp_plan_row_id(7, 3, b));
	assert_int_equal(strlen(a), 32);
	assert_string_not_equal(a, pp_plan_row_id(7, 4, b));
	assert_string_not_equal(a, pp_plan_row_id(8, 3, b));
}

/* ---- money and flow ---- */

static void
a_budget_is_a_wall(void **state)
{
	struct pp_budget b = { .granted_nusd = 100 };
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	assert_ok(pp_budget_reserve(&b, 60, &err), err);
	assert_fails(pp_budget_reserve(&b, 41, &err), err, PP_EBUDGET);
	assert_ok(pp_budget_reserve(&b, 40, &err), err);
	pp_budget_settle(&b, 60, 10, 0);
	pp_budget_settle(&b, 40, 0, 40);
	assert_int_equal(pp_budget_free(&b), 50);
	assert_int_equal(b.reserved_nusd, 0);
	/* a server that charges more than was thought possible */
	assert_ok(pp_budget_reserve(&b, 50, &err), err);
	pp_budget_settle(&b, 50, 500, 0);
	assert_int_equal(pp_budget_free(&b), 0);
}

static void
one_burst_of_throttles_is_one_decrease(void **state)
{
	const int64_t s = 1000000;
	struct pp_flow f;
	int64_t stamps[10];

	(void)state;
	pp_flow_init(&f, 64, 0, 0, 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(pp_flow_wait_us(&f, 10, s + i * 1000), 0);
		stamps[i] = pp_flow_sent(&f, 10);
	}
	for (int i = 0; i < 10; i++)
		pp_flow_ended(&f, PP_CALL_THROTTLE, stamps[i], 10, 0, 1000, s);
	assert_int_equal((int)f.limit, 48);
	assert_int_equal(pp_flow_wait_us(&f, 10, s), s);
	assert_int_equal(pp_flow_wait_us(&f, 10, 2 * s), 0);
	assert_int_equal(pp_flow_verdict(&f, 5 * s, 4 * s), PP_FLOW_GO_ON);
	assert_int_equal(pp_flow_verdict(&f, 5 * s, 6 * s), PP_FLOW_THROTTLED);
}

static void
a_broken_service_gets_one_probe_at_a_time(void **state)
{
	struct pp_flow f;
	int64_t stamp;

	(void)state;
	pp_flow_init(&f, 8, 0, 0, 0);
	stamp = pp_flow_sent(&f, 1);
	pp_flow_ended(&f, PP_CALL_TRANSIENT, stamp, 1, 0, -1, 10);
	assert_true(pp_flow_is_down(&f));
	assert_true(pp_flow_wait_us(&f, 1, 10) > 0);
	stamp = pp_flow_sent(&f, 1);
	assert_int_equal(pp_flow_wait_us(&f, 1, 100000000), -1);
	pp_flow_ended(&f, PP_CALL_OK, stamp, 1, 1, -1, 100000000);
	assert_false(pp_flow_is_down(&f));
	/* once it has worked, a single failure is a row's own */
	stamp = pp_flow_sent(&f, 1);
	pp_flow_ended(&f, PP_CALL_TRANSIENT, stamp, 1, 0, -1, 100000000);
	assert_false(pp_flow_is_down(&f));
	assert_int_equal(pp_flow_verdict(&f, 1000000, 102000000), PP_FLOW_DOWN);
}

/*
 * A server that admits so many a second, and a second's worth at once. What is
 * throttled comes back a millisecond later, an answer after its latency.
 */
#define SLOTS 8192

struct limited_server {
	double rate, store;
	int64_t latency_us, now_us;
	int ok, throttled;
	/* calls under way, in order of their ends */
	struct {
		int64_t end_us, stamp;
	} answers[SLOTS], refusals[SLOTS];
	size_t answers_from, answers_to, refusals_from, refusals_to;
};

static void
call_limited(struct pp_flow *f, struct limited_server *s)
{
	int64_t stamp = pp_flow_sent(f, 1);
	size_t at;

	if (s->store >= 1) {
		s->store -= 1;
		s->ok++;
		at = s->answers_to++ % SLOTS;
		s->answers[at].end_us = s->now_us + s->latency_us;
		s->answers[at].stamp = stamp;
	} else {
		s->throttled++;
		at = s->refusals_to++ % SLOTS;
		s->refusals[at].end_us = s->now_us + 1000;
		s->refusals[at].stamp = stamp;
	}
}

static void
end_limited(struct pp_flow *f, struct limited_server *s)
{
	while (s->answers_from < s->answers_to &&
	    s->answers[s->answers_from % SLOTS].end_us <= s->now_us)
		pp_flow_ended(f, PP_CALL_OK,
		    s->answers[s->answers_from++ % SLOTS].stamp, 1, 1, -1,
		    s->now_us);
	while (s->refusals_from < s->refusals_to &&
	    s->refusals[s->refusals_from % SLOTS].end_us <= s->now_us)
		pp_flow_ended(f, PP_CALL_THROTTLE,
		    s->refusals[s->refusals_from++ % SLOTS].stamp, 1, 0, 1000,
		    s->now_us);
}

static void
a_rate_that_nobody_tells_is_measured(void **state)
{
	static const struct {
		const char *name;
		double rate;
		int64_t latency_ms, rpm;
		int in_flight;
	} rows[] = {
		{ "slow", 20, 0, 0, 1000 },
		{ "middling", 200, 0, 0, 1000 },
		{ "fast", 3000, 0, 0, 1000 },
		{ "the catalog promises more", 200, 0, 60000, 1000 },
		{ "answers take a while", 200, 50, 0, 64 },
		{ "hardly enough in flight for it", 50, 1000, 0, 64 },
		{ "far too much in flight for it", 50, 1000, 0, 1000 },
		{ "thousands in flight", 1000, 1000, 0, 4096 },
	};
	const int seconds = 120;
	struct limited_server *s = pp_malloc(sizeof *s);
	struct pp_flow f;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		print_message("%s\n", rows[i].name);
		memset(s, 0, sizeof *s);
		s->rate = s->store = rows[i].rate;
		s->latency_us = rows[i].latency_ms * 1000;
		pp_flow_init(&f, rows[i].in_flight, rows[i].rpm, 0, 0);
		for (; s->now_us < seconds * INT64_C(1000000);
		     s->now_us += 1000) {
			s->store = fmin(s->store + s->rate / 1000, s->rate);
			end_limited(&f, s);
			while (pp_flow_wait_us(&f, 1, s->now_us) == 0)
				call_limited(&f, s);
		}
		assert_true(s->ok >= 0.97 * s->rate * seconds);
		assert_true(s->throttled <= 0.02 * (s->ok + s->throttled));
	}
	free(s);
}

static void
what_cannot_be_opened_lowers_the_limit(void **state)
{
	const int64_t s = 1000000;
	struct pp_flow f;
	int64_t stamp = 0;

	(void)state;
	pp_flow_init(&f, 8, 0, 0, 0);
	for (int i = 0; i < 8; i++)
		stamp = pp_flow_sent(&f, 1);
	/* five have their connection */
	for (int i = 0; i < 3; i++)
		pp_flow_ended(&f, PP_CALL_NO_ROOM, stamp, 1, 0, -1, s);
	assert_int_equal((int)f.limit, 5);
	assert_int_equal(pp_flow_wait_us(&f, 1, s), -1);
	pp_flow_ended(&f, PP_CALL_OK, stamp, 1, 1, -1, s);
	assert_int_equal(pp_flow_wait_us(&f, 1, s), 0);
	assert_int_equal(pp_flow_verdict(&f, s, 9 * s), PP_FLOW_GO_ON);
	/* not even one */
	for (int i = 0; i < 4; i++)
		pp_flow_ended(&f, PP_CALL_OK, stamp, 1, 1, -1, s);
	stamp = pp_flow_sent(&f, 1);
	pp_flow_ended(&f, PP_CALL_NO_ROOM, stamp, 1, 0, -1, s);
	assert_true(pp_flow_wait_us(&f, 1, s) > 0);
	assert_int_equal(pp_flow_verdict(&f, s, 2 * s), PP_FLOW_DOWN);
}

/* What is free of limits is in flight a tenth of a second after it began. */
static void
a_free_server_is_soon_full(void **state)
{
	static const int in_flight[] = { 1, 8, 64, 2000, 16384 };
	struct pp_flow f;
	int64_t now_us, wait_us;

	(void)state;
	for (size_t i = 0; i < sizeof in_flight / sizeof in_flight[0]; i++) {
		now_us = 0;
		pp_flow_init(&f, in_flight[i], 0, 0, now_us);
		while ((wait_us = pp_flow_wait_us(&f, 1, now_us)) >= 0) {
			now_us += wait_us;
			if (wait_us == 0)
				pp_flow_sent(&f, 1);
		}
		assert_int_equal(f.in_flight, in_flight[i]);
		assert_in_range(now_us, 0, 101000);
	}
}

static void
requests_per_minute_are_kept(void **state)
{
	struct pp_flow f;
	int64_t now = 0, wait;
	int sent = 0;

	(void)state;
	pp_flow_init(&f, 1000, 600, 0, now);
	while (now < 60000000) {
		wait = pp_flow_wait_us(&f, 1, now);
		if (wait == 0) {
			pp_flow_ended(&f, PP_CALL_OK, pp_flow_sent(&f, 1), 1, 1,
			    -1, now);
			sent++;
		} else {
			now += wait;
		}
	}
	assert_in_range(sent, 600, 612);
}

/* How many calls go in a minute from `now` on. */
static int
calls_in_a_minute(struct pp_flow *f, int64_t *now, int64_t tokens)
{
	int64_t end = *now + 60000000, wait;
	int sent = 0;

	while (*now < end) {
		wait = pp_flow_wait_us(f, tokens, *now);
		if (wait == 0) {
			pp_flow_ended(f, PP_CALL_OK, pp_flow_sent(f, tokens),
			    tokens, tokens, -1, *now);
			sent++;
		} else {
			*now += wait;
		}
	}
	return sent;
}

static void
a_server_that_tells_its_limit_is_obeyed(void **state)
{
	struct pp_allowance low = { { 120, 100, 1000 }, { -1, -1, -1 } };
	struct pp_allowance high = { { 1200, 1000, 1000 }, { -1, -1, -1 } };
	struct pp_flow f;
	int64_t now = 0;

	(void)state;
	pp_flow_init(&f, 1000, 600, 0, now);
	pp_flow_told(&f, &low, now);
	/* down at once */
	assert_in_range(calls_in_a_minute(&f, &now, 1), 118, 124);
	/* up slowly: a twentieth, and no more before a second has passed */
	for (int i = 0; i < 10; i++)
		pp_flow_told(&f, &high, now);
	assert_in_range(calls_in_a_minute(&f, &now, 1), 123, 130);
	/* and never above the catalog's own */
	for (int i = 0; i < 100; i++) {
		now += 1000000;
		pp_flow_told(&f, &high, now);
	}
	assert_in_range(calls_in_a_minute(&f, &now, 1), 598, 612);
}

static void
what_the_server_says_is_left_is_all_there_is(void **state)
{
	struct pp_allowance none = { { 60, 0, 30000 }, { -1, -1, -1 } };
	struct pp_allowance bare = { { -1, 0, 20000 }, { -1, -1, -1 } };
	struct pp_allowance tokens = { { -1, -1, -1 }, { 60000, 50, 1000 } };
	struct pp_flow f;

	(void)state;
	pp_flow_init(&f, 8, 0, 0, 0);
	pp_flow_told(&f, &none, 0);
	assert_in_range(pp_flow_wait_us(&f, 1, 0), 999000, 1001000);
	/* without a limit to go by: until it says that there is more */
	pp_flow_init(&f, 8, 0, 0, 0);
	pp_flow_told(&f, &bare, 0);
	assert_int_equal(pp_flow_wait_us(&f, 1, 0), 20000000);
	assert_int_equal(pp_flow_wait_us(&f, 1, 20000000), 0);
	/* a thousand tokens a second, fifty left, a call takes 550 */
	pp_flow_init(&f, 8, 0, 0, 0);
	pp_flow_told(&f, &tokens, 0);
	assert_in_range(pp_flow_wait_us(&f, 550, 0), 499000, 501000);
}

static void
tokens_that_a_call_took_beyond_are_missing_later(void **state)
{
	struct pp_flow f;
	int64_t stamp;

	(void)state;
	pp_flow_init(&f, 8, 0, 60000, 0);
	stamp = pp_flow_sent(&f, 400);
	/* it took 500 more than was set aside: 100 are left of 1,000 */
	pp_flow_ended(&f, PP_CALL_OK, stamp, 400, 900, -1, 0);
	assert_int_equal(pp_flow_wait_us(&f, 100, 0), 0);
	assert_in_range(pp_flow_wait_us(&f, 600, 0), 499000, 501000);
	/* and what it did not take is there at once */
	stamp = pp_flow_sent(&f, 100);
	pp_flow_ended(&f, PP_CALL_OK, stamp, 100, 0, -1, 0);
	assert_int_equal(pp_flow_wait_us(&f, 100, 0), 0);
}

static void
a_tally_reads_back_as_it_was(void **state)
{
	struct pp_tally t = { { 0 } }, back;
	struct pp_buf out = PP_BUF_INIT;
	struct pp_json_doc doc = PP_JSON_DOC_INIT;

	(void)state;
	pp_tally_show(&t, &out);
	assert_string_equal(out.data, "none");
	t.of[PP_CALL_OK] = 398;
	t.of[PP_CALL_THROTTLE] = 10;
	pp_tally_add(&t, &t);
	pp_buf_clear(&out);
	pp_tally_show(&t, &out);
	assert_string_equal(out.data, "796 ok, 20 throttle");
	pp_buf_clear(&out);
	pp_tally_put_json(&t, &out);
	assert_string_equal(out.data, "{\"ok\":796,\"throttle\":20}");
	assert_true(pp_tally_from_json(pp_json_parse(&doc, out.data, out.len, 0,
					   NULL),
	    &back));
	assert_memory_equal(&t, &back, sizeof t);
	assert_false(pp_tally_from_json(pp_json_parse(&doc, "{\"ok\":-1}", 9, 0,
					    NULL),
	    &back));
	pp_json_doc_release(&doc);
	pp_buf_release(&out);
}

/* ---- rows done ---- */

static void
done_rows_become_spans_and_the_low_water_rises(void **state)
{
	struct pp_checkpoint cp = { .low_water = 100 };
	static const int64_t order[] = { 103, 101, 105, 104, 100, 102 };
	static const int64_t low[] = { 100, 100, 100, 100, 102, 106 };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		assert_false(pp_checkpoint_has_row(&cp, order[i]));
		pp_checkpoint_mark_row(&cp, order[i]);
		assert_true(pp_checkpoint_has_row(&cp, order[i]));
		assert_int_equal(cp.low_water, low[i]);
	}
	assert_int_equal(cp.done_count, 0);
	assert_true(pp_checkpoint_has_row(&cp, 0));
	assert_false(pp_checkpoint_has_row(&cp, 106));
	pp_checkpoint_release(&cp);
}

static struct pp_row *
open_row(int64_t index)
{
	struct pp_row *r = pp_row_new(index, 3);

	r->at = 1;
	pp_row_set_output(r, 0, "line one\n\"two\" é", 18, PP_FINISH_LENGTH,
	    "0-1-5");
	r->steps[0].attempts = 3;
	r->steps[0].tries = 2;
	r->steps[0].usage = (struct pp_usage){ 10, 20, 3, 0 };
	r->steps[0].cost_nusd = 1234567;
	r->steps[0].unproven_nusd = 89;
	r->steps[1].attempts = 1;
	return r;
}

static void
a_checkpoint_reads_back_as_it_was(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_blob *blobs = pp_blob_open_dir(*state, &err);
	struct pp_checkpoint cp = { .epoch = 7,
		.last_batch = 3,
		.low_water = 5,
		.journal_generation = 9,
		.compute_ms = 11,
		.compute_nusd = 12,
		.untold_nusd = 10 };
	struct pp_checkpoint back;
	struct pp_totals t, u;

	assert_non_null(blobs);
	strcpy(cp.job_id, JOB);
	strcpy(cp.writer, WRITER);
	memset(cp.last_batch_sha, 'a', 64);
	pp_checkpoint_mark_row(&cp, 8);
	pp_checkpoint_mark_row(&cp, 9);
	cp.open = pp_calloc(2, sizeof(struct pp_row *));
	cp.open[0] = open_row(6);
	cp.open[1] = open_row(7);
	pp_row_fail(cp.open[1], "rejected", 400, "bad \"request\"", "{", 1);
	cp.open_count = 2;
	cp.attempts = pp_calloc(1, sizeof *cp.attempts);
	cp.attempts[0] = (struct pp_open_attempt){ "0-7-12", 6, 1, 555 };
	cp.attempt_count = 1;
	cp.costs = pp_calloc(1, sizeof *cp.costs);
	cp.costs[0] = (struct pp_cost){ .timestamp = "2026-01-01T00:00:00Z#0#1",
		.model_id = pp_strdup("m-1"),
		.tokens_in = 1,
		.tokens_out = 2,
		.cost_nusd = 3,
		.compute_ms = 4,
		.store_operations = 5 };
	cp.cost_count = 1;
	cp.untold_ms = 6;
	cp.untold_operations = 7;
	pp_ledger_add_step(&cp.closed, "outline", "m-1", &cp.open[0]->steps[0]);
	cp.closed.rows_done = 4;
	cp.closed.lost_nusd = 77;
	assert_ok(pp_checkpoint_save(blobs, 1, &cp, &err), err);
	assert_int_equal(pp_checkpoint_load(blobs, JOB, 1, 0, &back, &err), 1);
	assert_string_equal(back.etag, cp.etag);
	assert_int_equal(back.epoch, 7);
	assert_int_equal(back.low_water, 5);
	assert_true(pp_checkpoint_has_row(&back, 9));
	assert_false(pp_checkpoint_has_row(&back, 7));
	assert_int_equal(back.open_count, 2);
	assert_memory_equal(back.open[0]->steps[0].output,
	    "line one\n\"two\" é", 18);
	assert_int_equal(back.open[0]->steps[0].finish, PP_FINISH_LENGTH);
	assert_int_equal(back.open[0]->steps[0].tries, 2);
	assert_true(back.open[1]->failed);
	assert_string_equal(back.open[1]->failure.reason, "bad \"request\"");
	assert_int_equal(back.attempts[0].reserved_nusd, 555);
	assert_int_equal(back.cost_count, 1);
	assert_string_equal(back.costs[0].job_id, JOB);
	assert_string_equal(back.costs[0].timestamp, cp.costs[0].timestamp);
	assert_string_equal(back.costs[0].model_id, "m-1");
	assert_int_equal(back.costs[0].tokens_in, 1);
	assert_int_equal(back.costs[0].tokens_out, 2);
	assert_int_equal(back.costs[0].cost_nusd, 3);
	assert_int_equal(back.costs[0].compute_ms, 4);
	assert_int_equal(back.costs[0].store_operations, 5);
	assert_int_equal(back.compute_nusd, 12);
	assert_int_equal(back.untold_nusd, 10);
	assert_int_equal(back.untold_ms, 6);
	assert_int_equal(back.untold_operations, 7);
	pp_checkpoint_totals(&cp, &t);
	pp_checkpoint_totals(&back, &u);
	assert_memory_equal(&t, &u, sizeof t);
	assert_int_equal(t.settled_nusd, 3 * 1234567);
	assert_int_equal(t.unproven_nusd, 3 * 89 + 77);
	pp_checkpoint_release(&back);
	pp_checkpoint_release(&cp);
	pp_blob_close(blobs);
}

static void
a_second_writer_of_a_checkpoint_loses(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_blob *blobs = pp_blob_open_dir(*state, &err);
	struct pp_checkpoint a = { .epoch = 1 }, b = { .epoch = 1 };

	assert_non_null(blobs);
	strcpy(a.job_id, JOB);
	strcpy(b.job_id, JOB);
	assert_ok(pp_checkpoint_save(blobs, 1, &a, &err), err);
	assert_fails(pp_checkpoint_save(blobs, 1, &b, &err), err, PP_ECONFLICT);
	memcpy(b.etag, a.etag, sizeof b.etag);
	pp_checkpoint_advance(&a);
	assert_ok(pp_checkpoint_save(blobs, 1, &a, &err), err);
	assert_fails(pp_checkpoint_save(blobs, 1, &b, &err), err, PP_ECONFLICT);
	pp_blob_close(blobs);
}

static void
a_damaged_checkpoint_is_named(void **state)
{
	static const char *const texts[] = { "", "{", "{}", "[]",
		"{\"job_id\":\"x\"}", "\xff" };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_blob *blobs = pp_blob_open_dir(*state, &err);
	struct pp_checkpoint cp;

	assert_non_null(blobs);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_ok(pp_blob_put(blobs, "jobs/" JOB "/checkpoint.json",
			      texts[i], strlen(texts[i]), PP_BLOB_ALWAYS, NULL,
			      NULL, &err),
		    err);
		assert_fails(pp_checkpoint_load(blobs, JOB, 1, 0, &cp, &err),
		    err, PP_EDATA);
		assert_non_null(strstr(err.text, "checkpoint.json"));
	}
	pp_blob_close(blobs);
}

/* ---- journal ---- */

struct replayed {
	int tries, ends;
	char last_id[64], last_text[64];
	int64_t cost;
};

static void
count_try(void *arg, const struct pp_journal_try *t)
{
	struct replayed *r = arg;

	r->tries++;
	snprintf(r->last_id, sizeof r->last_id, "%s", t->id);
}

static void
count_end(void *arg, const struct pp_journal_end *e)
{
	struct replayed *r = arg;

	r->ends++;
	r->cost += e->cost_nusd;
	snprintf(r->last_text, sizeof r->last_text, "%s",
	    e->text != NULL ? e->text : "");
}

static struct pp_journal_where
where_in(const char *home)
{
	struct pp_journal_where w = { .home = home, .epoch = 3 };

	strcpy(w.job_id, JOB);
	strcpy(w.writer, WRITER);
	return w;
}

static char *
write_journal(const struct pp_journal_where *w, int64_t generation, int records)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_journal *j = pp_journal_open(w, generation, &err);

	assert_non_null(j);
	for (int i = 0; i < records; i++) {
		char id[32];
		struct pp_journal_try t = {
			.id = id, .row = i, .step = 0, .reserved_nusd = 100
		};
		struct pp_journal_end e = { .id = id,
			.row = i,
			.class = PP_CALL_OK,
			.cost_nusd = 10,
			.text = "é\n!",
			.text_len = 4 };

		snprintf(id, sizeof id, "0-3-%d", i);
		assert_ok(pp_journal_try(j, &t, &err), err);
		assert_ok(pp_journal_end(j, &e, &err), err);
	}
	pp_journal_close(j);
	return pp_asprintf("%s/journal/%s/00000-%012d-000000003.log", w->home,
	    w->job_id, (int)generation);
}

static void
a_journal_replays_what_was_written(void **state)
{
	struct pp_journal_where w = where_in(*state);
	struct replayed got = { 0 };
	struct pp_journal_reader r = {
		.on_try = count_try, .on_end = count_end, .arg = &got
	};
	struct pp_error err = PP_ERROR_INIT;

	free(write_journal(&w, 1, 3));
	free(write_journal(&w, 2, 2));
	assert_ok(pp_journal_replay(&w, 1, &r, &err), err);
	assert_int_equal(got.tries, 5);
	assert_int_equal(got.ends, 5);
	assert_int_equal(got.cost, 50);
	assert_string_equal(got.last_text, "é\n!");
	assert_false(r.other_boot);
	assert_int_equal(r.last_generation, 2);
	memset(&got, 0, sizeof got);
	assert_ok(pp_journal_cover(&w, 2, &err), err);
	assert_ok(pp_journal_replay(&w, 1, &r, &err), err);
	assert_int_equal(got.tries, 2);
	assert_ok(pp_journal_remove(*state, JOB, &err), err);
	assert_ok(pp_journal_replay(&w, 0, &r, &err), err);
	assert_int_equal(got.tries, 2);
}

static void
a_torn_last_record_is_passed_over_wherever_it_ends(void **state)
{
	struct pp_journal_where w = where_in(*state);
	struct pp_error err = PP_ERROR_INIT;
	char *path = write_journal(&w, 1, 2);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	for (off_t size = st.st_size; size > 0; size--) {
		struct replayed got = { 0 };
		struct pp_journal_reader r = {
			.on_try = count_try, .on_end = count_end, .arg = &got
		};

		assert_int_equal(truncate(path, size), 0);
		assert_ok(pp_journal_replay(&w, 1, &r, &err), err);
		assert_true(got.ends <= got.tries);
	}
	free(path);
}

static void
a_changed_record_in_the_middle_is_an_error(void **state)
{
	struct pp_journal_where w = where_in(*state);
	struct pp_error err = PP_ERROR_INIT;
	struct replayed got = { 0 };
	struct pp_journal_reader r = {
		.on_try = count_try, .on_end = count_end, .arg = &got
	};
	char *path = write_journal(&w, 1, 3);
	struct pp_buf text = PP_BUF_INIT;
	char *at;

	assert_ok(pp_io_read_file(path, &text, &err), err);
	at = strstr(text.data, "\"cost\":10");
	assert_non_null(at);
	at[8] = '9';
	assert_ok(pp_io_write_file(path, text.data, text.len, 0600, &err), err);
	assert_fails(pp_journal_replay(&w, 1, &r, &err), err, PP_EDATA);
	assert_non_null(strstr(err.text, ":3: journal is damaged"));
	pp_buf_release(&text);
	free(path);
}

/* ---- batches ---- */

static void
put_batch(struct pp_blob *blobs, struct pp_checkpoint *cp, int64_t number,
    const int64_t *rows, int count)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_batch_head h = { .number = number,
		.epoch = 1,
		.rows = count,
		.first_row = rows[0],
		.last_row = rows[count - 1] };
	struct pp_buf text = PP_BUF_INIT;
	char *key = pp_batch_key(JOB, 1, 0, number);

	strcpy(h.job_id, JOB);
	strcpy(h.writer, WRITER);
	strcpy(h.previous, cp->last_batch_sha);
	pp_batch_put_head(&h, &text);
	for (int i = 0; i < count; i++)
		pp_buf_addf(&text, "{\"row\":%lld,\"steps\":{}}\n",
		    (long long)rows[i]);
	assert_ok(pp_blob_put(blobs, key, text.data, text.len, PP_BLOB_IF_NONE,
		      NULL, NULL, &err),
	    err);
	pp_sha256_hex(text.data, text.len, cp->last_batch_sha);
	cp->last_batch = number;
	pp_buf_release(&text);
	free(key);
}

static struct pp_blob *
three_batches(const char *home)
{
	static const int64_t a[] = { 1, 3 }, b[] = { 0, 2, 5 }, c[] = { 4 };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_blob *blobs = pp_blob_open_dir(home, &err);
	struct pp_checkpoint cp = { .epoch = 1 };

	assert_non_null(blobs);
	strcpy(cp.job_id, JOB);
	put_batch(blobs, &cp, 1, a, 2);
	put_batch(blobs, &cp, 2, b, 3);
	put_batch(blobs, &cp, 3, c, 1);
	assert_ok(pp_checkpoint_save(blobs, 1, &cp, &err), err);
	return blobs;
}

static int
read_rows(struct pp_blob *blobs, int64_t *rows, struct pp_error *err)
{
	struct pp_batches *b = pp_batches_open(blobs, JOB, 1, 6, err);
	const char *line;
	int count = 0, rc;
	size_t len;

	assert_non_null(b);
	while ((rc = pp_batches_next(b, &rows[count], &line, &len, err)) > 0)
		count++;
	pp_batches_close(b);
	return rc < 0 ? -1 : count;
}

static void
rows_come_in_order_from_a_checked_chain(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_blob *blobs = three_batches(*state);
	int64_t rows[8];

	assert_int_equal(read_rows(blobs, rows, &err), 6);
	for (int i = 0; i < 6; i++)
		assert_int_equal(rows[i], i);
	pp_blob_close(blobs);
}

static void
an_altered_batch_is_named(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_blob *blobs = three_batches(*state);
	struct pp_buf text = PP_BUF_INIT;
	int64_t rows[8];

	for (int number = 1; number <= 3; number++) {
		char *key = pp_batch_key(JOB, 1, 0, number);
		struct pp_buf changed = PP_BUF_INIT;

		pp_buf_clear(&text);
		assert_ok(pp_blob_get(blobs, key, &text, NULL, &err), err);
		/* one blank more: still JSON, no longer the same bytes */
		pp_buf_add(&changed, text.data, text.len - 1);
		pp_buf_adds(&changed, " \n");
		assert_ok(pp_blob_put(blobs, key, changed.data, changed.len,
			      PP_BLOB_ALWAYS, NULL, NULL, &err),
		    err);
		assert_int_equal(read_rows(blobs, rows, &err), -1);
		assert_int_equal(err.code, PP_EDATA);
		assert_non_null(strstr(err.text, "batch-00000000"));
		assert_ok(pp_blob_delete(blobs, key, &err), err);
		assert_int_equal(read_rows(blobs, rows, &err), -1);
		assert_non_null(strstr(err.text, "is missing"));
		assert_ok(pp_blob_put(blobs, key, text.data, text.len,
			      PP_BLOB_ALWAYS, NULL, NULL, &err),
		    err);
		assert_int_equal(read_rows(blobs, rows, &err), 6);
		pp_buf_release(&changed);
		free(key);
	}
	pp_buf_release(&text);
	pp_blob_close(blobs);
}

static void
a_job_without_a_checkpoint_has_no_rows(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_blob *blobs = pp_blob_open_dir(*state, &err);
	int64_t rows[8];

	assert_non_null(blobs);
	assert_int_equal(read_rows(blobs, rows, &err), 0);
	pp_blob_close(blobs);
}

#define with_home(test) \
	cmocka_unit_test_setup_teardown(test, make_home, remove_home)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_seed_is_used_once_a_pass),
		cmocka_unit_test(orders_differ_by_seed_pass_and_set),
		cmocka_unit_test(slices_cover_all_rows_once),
		cmocka_unit_test(row_ids_repeat_and_differ),
		cmocka_unit_test(a_budget_is_a_wall),
		cmocka_unit_test(one_burst_of_throttles_is_one_decrease),
		cmocka_unit_test(a_broken_service_gets_one_probe_at_a_time),
		cmocka_unit_test(a_rate_that_nobody_tells_is_measured),
		cmocka_unit_test(what_cannot_be_opened_lowers_the_limit),
		cmocka_unit_test(a_free_server_is_soon_full),
		cmocka_unit_test(requests_per_minute_are_kept),
		cmocka_unit_test(a_server_that_tells_its_limit_is_obeyed),
		cmocka_unit_test(what_the_server_says_is_left_is_all_there_is),
		cmocka_unit_test(
		    tokens_that_a_call_took_beyond_are_missing_later),
		cmocka_unit_test(a_tally_reads_back_as_it_was),
		cmocka_unit_test(
		    done_rows_become_spans_and_the_low_water_rises),
		with_home(a_checkpoint_reads_back_as_it_was),
		with_home(a_second_writer_of_a_checkpoint_loses),
		with_home(a_damaged_checkpoint_is_named),
		with_home(a_journal_replays_what_was_written),
		with_home(a_torn_last_record_is_passed_over_wherever_it_ends),
		with_home(a_changed_record_in_the_middle_is_an_error),
		with_home(rows_come_in_order_from_a_checked_chain),
		with_home(an_altered_batch_is_named),
		with_home(a_job_without_a_checkpoint_has_no_rows),
	};

	return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
