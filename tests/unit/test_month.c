/* What a deployment will cost in a month. */
#include <config.h>

#include "test.h"
#include "home.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "job/month.h"

#define USD PP_NUSD_PER_USD

/* Prices that can be added up in the head. */
static const struct pp_infra_prices prices = {
	.vcpu_hour_nusd = 40 * USD,
	.gb_hour_nusd = 2 * USD,
	.vcpu_hour_demand_nusd = 400 * USD,
	.gb_hour_demand_nusd = 20 * USD,
	.arm_vcpu_hour_nusd = 4 * USD,
	.arm_gb_hour_nusd = 2 * USD,
	.arm_vcpu_hour_demand_nusd = 8 * USD,
	.arm_gb_hour_demand_nusd = 4 * USD,
	.ipv4_hour_nusd = 1 * USD,
	.s3_put_nusd = 10,
	.s3_get_nusd = 1,
	.s3_gb_month_nusd = 8 * USD,
	.glacier_ir_gb_month_nusd = 1 * USD,
	.glacier_ir_move_nusd = 100,
	.dynamodb_write_nusd = 5,
	.dynamodb_read_nusd = 3,
	.dynamodb_gb_month_nusd = 1,
	.log_gb_nusd = USD,
	.alarm_month_nusd = USD / 10,
	.ecr_gb_month_nusd = USD,
	.endpoint_hour_nusd = USD / 100,
};

static const struct pp_month_line *
line_of(const struct pp_month *m, const char *what)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->lines[i].what, what) == 0)
			return &m->lines[i];
	return NULL;
}

/* 64,000 rows of 3,600 s in 64 at a time are 1,000 hours of a task. */
static void
each_line_is_what_it_says(void **state)
{
	static const struct pp_model model = { .price = { .input = USD,
						   .output = 2 * USD } };
	static const struct {
		const char *set[2], *value[2];
		bool on_demand;
		const char *what;
		int64_t quantity, cost_nusd; /* -1: there is no such line */
	} rows[] = {
		/* 64,000 x (600 x $1 + 400 x $2) / 10^6 */
		{ .what = "models",
		    .quantity = 64000000,
		    .cost_nusd = 89600000000 },
		/* a quarter of $4, half of $2 */
		{ .what = "tasks",
		    .quantity = 3600000,
		    .cost_nusd = 2000 * USD },
		{ .set = { "Architecture" },
		    .value = { "X86_64" },
		    .what = "tasks",
		    .quantity = 3600000,
		    .cost_nusd = 11000 * USD },
		{ .set = { "TaskCpu", "TaskMemory" },
		    .value = { "1024", "2048" },
		    .what = "tasks",
		    .quantity = 3600000,
		    .cost_nusd = 8000 * USD },
		{ .on_demand = true,
		    .what = "tasks",
		    .quantity = 3600000,
		    .cost_nusd = 4000 * USD },
		{ .what = "public addresses",
		    .quantity = 3600000,
		    .cost_nusd = 1000 * USD },
		/* 730 hours have 43,800 minutes */
		{ .set = { "DispatchSchedule" },
		    .value = { "rate(1 hour)" },
		    .what = "dispatcher",
		    .quantity = 43800,
		    .cost_nusd = 73 * USD / 3 + 1 },
		{ .what = "dispatcher", .quantity = -1 },
		/* 1,280 checkpoints and a job */
		{ .what = "table writes",
		    .quantity = 11544,
		    .cost_nusd = 57720 },
		{ .what = "table reads", .quantity = 2560, .cost_nusd = 7680 },
		{ .what = "bucket writes",
		    .quantity = 2560,
		    .cost_nusd = 25600 },
		{ .what = "bucket reads", .quantity = 3840, .cost_nusd = 3840 },
		/* 64,000 rows of 16 KiB, 3 of 30 days */
		{ .what = "bucket storage",
		    .quantity = 104857600,
		    .cost_nusd = 781250000 },
		{ .what = "archived outputs",
		    .quantity = 2097152000 - 104857600,
		    .cost_nusd = 1855468750 },
		{ .what = "moves to the archive",
		    .quantity = 1280,
		    .cost_nusd = 128000 },
		{ .set = { "OutputArchiveMinBytes" },
		    .value = { "1000000" },
		    .what = "bucket storage",
		    .quantity = 2097152000,
		    .cost_nusd = 15625000000 },
		{ .set = { "OutputArchiveMinBytes" },
		    .value = { "1000000" },
		    .what = "archived outputs",
		    .quantity = -1 },
		{ .set = { "OutputArchiveDays" },
		    .value = { "3650" },
		    .what = "archived outputs",
		    .quantity = -1 },
		{ .what = "alarms", .quantity = 1, .cost_nusd = USD / 10 },
		{ .set = { "DispatchSchedule" },
		    .value = { "rate(1 day)" },
		    .what = "alarms",
		    .quantity = 2,
		    .cost_nusd = USD / 5 },
		{ .set = { "CreateBudget" },
		    .value = { "false" },
		    .what = "alarms",
		    .quantity = -1 },
		{ .what = "interface endpoints", .quantity = -1 },
		{ .set = { "InterfaceEndpoints" },
		    .value = { "true" },
		    .what = "interface endpoints",
		    .quantity = 10950,
		    .cost_nusd = 109 * USD + USD / 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct pp_month_stack stack;
		struct pp_month_use use;
		struct pp_month month;
		const struct pp_month_line *line;
		int64_t sum = 0;

		print_message("%s %s\n", rows[i].what,
		    rows[i].set[0] != NULL ? rows[i].value[0] : "");
		pp_month_stack_init(&stack);
		for (int k = 0; k < 2 && rows[i].set[k] != NULL; k++)
			assert_ok(pp_month_stack_set(&stack, rows[i].set[k],
				      rows[i].value[k], &err),
			    err);
		pp_month_use_init(&use);
		use.rows = 64000;
		use.row_ms = 3600000;
		use.row_bytes = 16384;
		use.months = 2;
		use.model = &model;
		use.on_demand = rows[i].on_demand;
		pp_month_estimate(&stack, &use, &prices, &month);
		for (size_t k = 0; k < month.count; k++)
			sum += month.lines[k].cost_nusd;
		assert_int_equal(sum, month.total_nusd);
		line = line_of(&month, rows[i].what);
		if (rows[i].quantity < 0) {
			assert_null(line);
			continue;
		}
		assert_non_null(line);
		assert_int_equal(line->quantity, rows[i].quantity);
		assert_int_equal(line->cost_nusd, rows[i].cost_nusd);
	}
}

static void
nothing_made_costs_what_stands(void **state)
{
	struct pp_month_stack stack;
	struct pp_month_use use;
	struct pp_month month;

	(void)state;
	pp_month_stack_init(&stack);
	pp_month_use_init(&use);
	pp_month_estimate(&stack, &use, &prices, &month);
	assert_int_equal(month.count, 2);
	assert_non_null(line_of(&month, "images"));
	assert_non_null(line_of(&month, "alarms"));
}

static void
sums_stay_in_their_range(void **state)
{
	static const struct pp_model dear = { .price = { .input = 1000 * USD,
						  .output = 1000 * USD } };
	struct pp_month_stack stack;
	struct pp_month_use use;
	struct pp_month month;

	(void)state;
	pp_month_stack_init(&stack);
	pp_month_use_init(&use);
	use.rows = INT64_C(1000000000);
	use.jobs = 1000000;
	use.tokens_in = use.tokens_out = 10000000;
	use.row_bytes = INT64_C(1) << 40;
	use.row_ms = INT64_C(1) << 40;
	use.in_flight = 1;
	use.months = 1200;
	use.model = &dear;
	pp_month_estimate(&stack, &use, &prices, &month);
	assert_int_equal(month.total_nusd, INT64_MAX);
	for (size_t i = 0; i < month.count; i++) {
		assert_true(month.lines[i].quantity > 0);
		assert_true(month.lines[i].cost_nusd > 0);
	}
}

static void
parameters_are_read(void **state)
{
	static const struct {
		const char *name, *text;
		enum pp_code code; /* PP_OK: it is taken */
	} rows[] = {
		{ "what costs nothing",
		    "[{\"ParameterKey\":\"AdminEmail\","
		    "\"ParameterValue\":\"a@b.org\"}]",
		    PP_OK },
		{ "none", "[]", PP_OK },
		{ "an object", "{}", PP_EDATA },
		{ "no JSON", "[", PP_EDATA },
		{ "no value", "[{\"ParameterKey\":\"TaskCpu\"}]", PP_EDATA },
		{ "a number that is none",
		    "[{\"ParameterKey\":\"TaskCpu\","
		    "\"ParameterValue\":\"much\"}]",
		    PP_EDATA },
		{ "another architecture",
		    "[{\"ParameterKey\":\"Architecture\","
		    "\"ParameterValue\":\"VAX\"}]",
		    PP_EDATA },
		{ "a schedule of other words",
		    "[{\"ParameterKey\":\"DispatchSchedule\","
		    "\"ParameterValue\":\"cron(0 12 * * ? *)\"}]",
		    PP_EDATA },
		{ "a rate of nothing",
		    "[{\"ParameterKey\":\"DispatchSchedule\","
		    "\"ParameterValue\":\"rate(0 minutes)\"}]",
		    PP_EDATA },
		{ "a rate and more",
		    "[{\"ParameterKey\":\"DispatchSchedule\","
		    "\"ParameterValue\":\"rate(1 day) \"}]",
		    PP_EDATA },
	};
	char dir[TEST_FOLDER_BYTES], path[TEST_FOLDER_BYTES + 16];
	struct pp_month_stack stack;
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	assert_int_equal(test_folder_make(dir), 0);
	snprintf(path, sizeof path, "%s/p.json", dir);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		print_message("%s\n", rows[i].name);
		assert_ok(pp_io_write_file(path, rows[i].text,
			      strlen(rows[i].text), 0600, &err),
		    err);
		pp_month_stack_init(&stack);
		if (rows[i].code == PP_OK)
			assert_ok(pp_month_stack_read(&stack, path, &err), err);
		else
			assert_fails(pp_month_stack_read(&stack, path, &err),
			    err, rows[i].code);
	}
	unlink(path);
	assert_fails(pp_month_stack_read(&stack, path, &err), err, PP_ENOENT);
	assert_int_equal(test_folder_remove(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_is_what_it_says),
		cmocka_unit_test(nothing_made_costs_what_stands),
		cmocka_unit_test(sums_stay_in_their_range),
		cmocka_unit_test(parameters_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
