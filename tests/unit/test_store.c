/* What all homes share: names of statuses, the rule of the budget. */
#include <config.h>

#include "test.h"

#include "store/store_int.h"

static void
statuses_have_names(void **state)
{
	enum pp_job_status s;

	(void)state;
	for (int i = 0; i < PP_JOB_NSTATUS; i++) {
		assert_int_equal(pp_job_status_parse(pp_job_status_name(i), &s),
		    0);
		assert_int_equal(s, i);
	}
	assert_string_equal(pp_job_status_name(PP_JOB_BUDGET_EXCEEDED),
	    "BUDGET_EXCEEDED");
	assert_int_equal(pp_job_status_parse("completed", &s), -1);
	assert_int_equal(pp_job_status_parse("", &s), -1);
}

static void
only_ends_are_final(void **state)
{
	(void)state;
	assert_false(pp_job_status_is_final(PP_JOB_QUEUED));
	assert_false(pp_job_status_is_final(PP_JOB_RUNNING));
	assert_true(pp_job_status_is_final(PP_JOB_COMPLETED));
	assert_true(pp_job_status_is_final(PP_JOB_FAILED));
	assert_true(pp_job_status_is_final(PP_JOB_BUDGET_EXCEEDED));
	assert_true(pp_job_status_is_final(PP_JOB_CANCELLED));
}

static void
a_share_never_passes_the_limit(void **state)
{
	static const struct {
		const char *name;
		int64_t limit, others, spent, want, granted, left;
	} rows[] = {
		{ "all free", 100, 0, 0, 30, 30, 70 },
		{ "what is spent counts", 100, 0, 20, 30, 50, 50 },
		{ "others count", 100, 60, 20, 10, 30, 10 },
		{ "less than asked", 100, 60, 20, 90, 40, 0 },
		{ "nothing left", 100, 80, 20, 1, 20, 0 },
		{ "overspent", 100, 90, 20, 1, 20, 0 },
		{ "nothing asked", 100, 0, 20, 0, 20, 80 },
		{ "less than nothing", 100, 0, 20, -5, 20, 80 },
		{ "no money at all", 0, 0, 0, 10, 0, 0 },
		{ "the largest limit", INT64_MAX, 0, 5, INT64_MAX, INT64_MAX,
		    0 },
		{ "no limit", PP_NO_LIMIT, 0, 5, 30, 35, INT64_MAX },
		{ "no limit, all", PP_NO_LIMIT, 0, 5, INT64_MAX, INT64_MAX,
		    INT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_store_money job = { .granted_nusd = rows[i].others };
		struct pp_store_money shard = { .granted_nusd = 0 };
		struct pp_store_share share;

		pp_store_share(rows[i].limit, &job, &shard, rows[i].spent,
		    rows[i].want, &share);
		if (share.granted_nusd != rows[i].granted ||
		    share.free_nusd != rows[i].left)
			fail_msg("%s: granted %lld, left %lld", rows[i].name,
			    (long long)share.granted_nusd,
			    (long long)share.free_nusd);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses_have_names),
		cmocka_unit_test(only_ends_are_final),
		cmocka_unit_test(a_share_never_passes_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
