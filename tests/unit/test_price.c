/* What a call costs, exactly and at most. */
#include <config.h>

#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/rand.h"
#include "model/model_int.h"

#define UNKNOWN PP_PRICE_UNKNOWN

static void
a_call_costs_the_sum_rounded_up_once(void **state)
{
	static const struct {
		const char *name;
		struct pp_price price;
		struct pp_usage usage;
		int64_t nusd;
	} rows[] = {
		{ "nothing used", { .input = 1, .output = 1 }, { 0 }, 0 },
		{ "a million each of $0.22",
		    { .input = 220000000, .output = 220000000 },
		    { .tokens_in = 1000000, .tokens_out = 1000000 },
		    440000000 },
		{ "one token at $0.22 rounds up",
		    { .input = 220000000, .output = 0 }, { .tokens_in = 1 },
		    220 },
		{ "the least price rounds up once, not twice",
		    { .input = 1, .output = 1 },
		    { .tokens_in = 1, .tokens_out = 1 }, 1 },
		{ "free", { .input = 0, .output = 0 },
		    { .tokens_in = 999, .tokens_out = 999 }, 0 },
		{ "cache read at its own price",
		    { .input = 1000000,
			.output = 0,
			.cache_read = 100000,
			.cache_write = UNKNOWN },
		    { .tokens_in = 10, .cache_read = 10 }, 11 },
		{ "cache without a price costs as input",
		    { .input = 1000000,
			.output = 0,
			.cache_read = UNKNOWN,
			.cache_write = UNKNOWN },
		    { .cache_read = 7, .cache_write = 5 }, 12 },
		{ "a prompt at the limit is not long",
		    { .input = 1000000,
			.output = 1000000,
			.long_above = 100,
			.long_input = 5000000,
			.long_output = 9000000 },
		    { .tokens_in = 100, .tokens_out = 1 }, 101 },
		{ "one above is, with all its tokens",
		    { .input = 1000000,
			.output = 1000000,
			.long_above = 100,
			.long_input = 5000000,
			.long_output = 9000000 },
		    { .tokens_in = 101, .tokens_out = 1 }, 514 },
		{ "cached tokens count towards the limit",
		    { .input = 1000000,
			.output = 1000000,
			.cache_read = 0,
			.long_above = 100,
			.long_input = 5000000,
			.long_output = 9000000,
			.long_cache_read = 1000000 },
		    { .tokens_in = 1, .cache_read = 100 }, 105 },
		{ "long without long prices costs as usual",
		    { .input = 1000000,
			.output = 1000000,
			.long_above = 1,
			.long_input = UNKNOWN,
			.long_output = UNKNOWN },
		    { .tokens_in = 2, .tokens_out = 2 }, 4 },
		{ "no price at all counts as nothing",
		    { .input = UNKNOWN,
			.output = UNKNOWN,
			.cache_read = UNKNOWN,
			.cache_write = UNKNOWN },
		    { .tokens_in = 9, .tokens_out = 9, .cache_read = 9 }, 0 },
		{ "negative counts are nothing",
		    { .input = 1000000, .output = 1000000 },
		    { .tokens_in = -5, .tokens_out = 3 }, 3 },
		{ "too much for the type stays at its end",
		    { .input = INT64_MAX, .output = 0 },
		    { .tokens_in = INT64_MAX }, INT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t got = pp_price_call(&rows[i].price, &rows[i].usage);

		if (got != rows[i].nusd)
			fail_msg("%s: %lld instead of %lld", rows[i].name,
			    (long long)got, (long long)rows[i].nusd);
	}
}

/* Whatever a server may report within the limits costs no more. */
static void
no_call_costs_more_than_its_bound(void **state)
{
	struct pp_rand r;

	(void)state;
	pp_rand_seed(&r, 11);
	for (int i = 0; i < 20000; i++) {
		struct pp_model m = { .bytes_per_token_x100 = 100 };
		int64_t bytes = (int64_t)pp_rand_below(&r, 400);
		int64_t max_tokens = (int64_t)pp_rand_below(&r, 300);
		int64_t *prices[] = {
			&m.price.input,
			&m.price.output,
			&m.price.cache_read,
			&m.price.cache_write,
			&m.price.long_input,
			&m.price.long_output,
			&m.price.long_cache_read,
			&m.price.long_cache_write,
		};
		struct pp_usage u = { 0 };
		int64_t left;

		for (size_t p = 0; p < sizeof prices / sizeof prices[0]; p++)
			*prices[p] = (int64_t)pp_rand_below(&r, 5000000) -
			    (p > 1 ? 1000000 : 0);
		for (size_t p = 2; p < sizeof prices / sizeof prices[0]; p++) {
			if (*prices[p] < 0)
				*prices[p] = UNKNOWN;
		}
		m.price.long_above = (int64_t)pp_rand_below(&r, 3) * 150;
		left = (int64_t)pp_rand_below(&r,
		    (uint64_t)bytes + PP_CHAT_OVERHEAD_TOKENS + 1);
		u.tokens_in = (int64_t)pp_rand_below(&r, (uint64_t)left + 1);
		left -= u.tokens_in;
		u.cache_read = (int64_t)pp_rand_below(&r, (uint64_t)left + 1);
		u.cache_write = left - u.cache_read;
		u.tokens_out = (int64_t)pp_rand_below(&r,
		    (uint64_t)max_tokens + 1);
		if (pp_price_call(&m.price, &u) >
		    pp_price_bound(&m, (size_t)bytes, max_tokens))
			fail_msg("draw %d costs more than its bound", i);
	}
}

static void
a_bound_knows_the_bytes_of_a_token(void **state)
{
	struct pp_model m = {
		.price = { .input = 1000000, .output = 2000000 },
		.bytes_per_token_x100 = 250,
	};

	(void)state;
	assert_int_equal(pp_price_bound(&m, 1000, 10),
	    400 + PP_CHAT_OVERHEAD_TOKENS + 20);
	assert_int_equal(pp_price_bound(&m, 1001, 0),
	    401 + PP_CHAT_OVERHEAD_TOKENS);
	m.price.output = 0;
	m.price.input = 0;
	assert_int_equal(pp_price_bound(&m, SIZE_MAX / 4, INT64_MAX), 0);
	m.price.input = 1;
	assert_true(pp_price_bound(&m, SIZE_MAX / 4, INT64_MAX) > 0);
}

static void
check_hours(const struct pp_infra_prices *p)
{
	const struct {
		struct pp_infra_task task;
		int64_t nusd;
	} rows[] = {
		{ { false, false, 1024, 2048 }, 14760000 },
		{ { false, false, 256, 512 }, 3690000 },
		{ { false, false, 1, 1 }, 13116 },
		{ { false, true, 1024, 2048 }, 49370000 },
		{ { true, false, 1024, 0 }, p->arm_vcpu_hour_nusd },
		{ { true, true, 0, 1024 }, p->arm_gb_hour_demand_nusd },
		{ { false, false, 0, 0 }, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(pp_infra_hour_nusd(p, &rows[i].task),
		    rows[i].nusd);
}

static void
infrastructure_prices_are_read_and_overridden(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	const char *srcdir = getenv("srcdir");
	char *share = pp_asprintf("%s/share", srcdir != NULL ? srcdir : ".");
	char path[] = "/tmp/pp-prices-XXXXXX";
	static const char mine[] = "prices:\n  s3_put: {usd: 1, per: 3}\n";
	static const char bad[] = "prices:\n  s3_put: {usd: x}\n";
	struct pp_infra_prices p;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	setenv("PP_SHARE", share, 1);
	unsetenv("PP_PRICES");
	assert_ok(pp_infra_prices_load(&p, &err), err);
	assert_int_equal(p.s3_put_nusd, 5000);
	assert_int_equal(p.s3_get_nusd, 400);
	assert_int_equal(p.dynamodb_write_nusd, 625);
	assert_int_equal(p.dynamodb_read_nusd, 125);
	assert_int_equal(p.vcpu_hour_demand_nusd, 40480000);
	assert_string_equal(p.date, "2026-11-20");
	check_hours(&p);
	setenv("PP_PRICES", path, 1);
	assert_ok(pp_io_write_file(path, mine, sizeof mine - 1, 0600, &err),
	    err);
	assert_ok(pp_infra_prices_load(&p, &err), err);
	assert_int_equal(p.s3_put_nusd, 333333334);
	assert_int_equal(p.s3_get_nusd, 400);
	assert_ok(pp_io_write_file(path, bad, sizeof bad - 1, 0600, &err), err);
	assert_fails(pp_infra_prices_load(&p, &err), err, PP_ECONFIG);
	assert_non_null(strstr(err.text, ":2: usd must be"));
	unlink(path);
	assert_fails(pp_infra_prices_load(&p, &err), err, PP_ECONFIG);
	unsetenv("PP_PRICES");
	unsetenv("PP_SHARE");
	free(share);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_costs_the_sum_rounded_up_once),
		cmocka_unit_test(no_call_costs_more_than_its_bound),
		cmocka_unit_test(a_bound_knows_the_bytes_of_a_token),
		cmocka_unit_test(infrastructure_prices_are_read_and_overridden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
