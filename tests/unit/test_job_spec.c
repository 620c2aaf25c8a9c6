/* What one may ask for when a job is created, by options and as JSON. */
#include <config.h>

#include "test.h"

#include <stdio.h>

#include "job/job_spec.h"

static void
settings_are_read_or_refused(void **state)
{
	static const struct {
		const char *key, *value, *error; /* NULL: taken */
	} rows[] = {
		{ "template", "story@3", NULL },
		{ "template", "", "--x is empty" },
		{ "seeds", "poems", NULL },
		{ "seeds", "sample:poetry", NULL },
		{ "seeds", "a_1=poems", NULL },
		{ "seeds", "=poems", "not a name" },
		{ "seeds", "1a=poems", "not a name" },
		{ "seeds", "a-b=poems", "not a name" },
		{ "seeds", "steps=poems", "not a name" },
		{ "seeds", "a=", "NAME=SEEDS" },
		{ "rows", "1", NULL },
		{ "rows", "1000000000", NULL },
		{ "rows", "0", "--x" },
		{ "rows", "1000000000000", "--x" },
		{ "rows", "-1", "--x" },
		{ "rows", "1e3", "--x" },
		{ "budget", "0.5", NULL },
		{ "budget", "0", NULL },
		{ "budget", "-1", "--x" },
		{ "budget", "1e400", "--x" },
		{ "budget", "NaN", "--x" },
		{ "seed", "0", NULL },
		{ "seed", "18446744073709551615", NULL },
		{ "seed", "18446744073709551616", "--x" },
		{ "seed", "-1", "--x" },
		{ "seed", "", "--x" },
		{ "order", "shuffled", NULL },
		{ "order", "sorted", "sequential, shuffled or random" },
		{ "max_failures", "0", NULL },
		{ "max_failures", "5%", NULL },
		{ "max_failures", "101%", "--x" },
		{ "max_failures", "%", "--x" },
		{ "priority", "9", NULL },
		{ "priority", "10", "--x" },
		{ "checkpoint_rows", "0", "--x" },
		{ "export", "jsonl,csv", NULL },
		{ "export", "xml", "xml" },
		{ "partition", "category", NULL },
		{ "partition", "shape", "shape" },
		{ "name", "Grüße", NULL },
		{ "name", "two\nlines", "control character" },
		{ "name", "\xff", "UTF-8" },
		{ "idempotency_key", "k", NULL },
		{ "idempotency_key", "", "empty" },
		{ "shards", "99999", NULL },
		{ "shards", "100000", "--x" },
		{ "model", "local", NULL },
		{ "model", "a=local", NULL },
		{ "model", "=local", "MODEL" },
		{ "colour", "red", "no setting 'colour'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct pp_job_spec s;
		int rc;

		pp_job_spec_init(&s);
		rc = pp_job_spec_set(&s, rows[i].key, rows[i].value, "--x",
		    &err);
		if ((rc == 0) != (rows[i].error == NULL))
			fail_msg("%s '%s': %s", rows[i].key, rows[i].value,
			    rc == 0 ? "taken" : err.text);
		if (rc < 0 &&
		    (err.code != PP_EUSAGE ||
			strstr(err.text, rows[i].error) == NULL))
			fail_msg("%s '%s': %d: %s", rows[i].key, rows[i].value,
			    err.code, err.text);
		pp_job_spec_release(&s);
	}
}

static void
two_sets_cannot_have_one_name(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_job_spec s;

	(void)state;
	pp_job_spec_init(&s);
	assert_ok(pp_job_spec_set(&s, "seeds", "a=x", "-s", &err), err);
	assert_ok(pp_job_spec_set(&s, "seeds", "ab=x", "-s", &err), err);
	assert_fails(pp_job_spec_set(&s, "seeds", "a=y", "-s", &err), err,
	    PP_EUSAGE);
	pp_job_spec_release(&s);
}

static int
read_json(struct pp_job_spec *s, const char *text, struct pp_error *err)
{
	return pp_job_spec_set_json(s, text, strlen(text), err);
}

static void
json_says_the_same_as_options(void **state)
{
	static const char text[] =
	    "{\"template\":\"story\",\"seeds\":"
	    "{\"author\":\"authors\",\"poem\":\"sample:poetry\"},"
	    "\"rows\":12,\"budget\":0.000000001,\"model\":"
	    "{\"outline\":\"local\"},\"seed\":\"7\",\"order\":\"random\","
	    "\"max_failures\":\"5%\",\"priority\":3,\"checkpoint_rows\":9,"
	    "\"export\":[\"jsonl\",\"csv\"],\"partition\":\"category\","
	    "\"name\":\"a \\u0022name\\u0022\",\"idempotency_key\":null,"
	    "\"shards\":2}";
	struct pp_error err = PP_ERROR_INIT;
	struct pp_job_spec s;

	(void)state;
	pp_job_spec_init(&s);
	assert_ok(read_json(&s, text, &err), err);
	assert_string_equal(s.template, "story");
	assert_int_equal(s.seeds_count, 2);
	assert_string_equal(s.seeds[0].name, "author");
	assert_string_equal(s.seeds[0].set, "authors");
	assert_string_equal(s.seeds[1].name, "poem");
	assert_string_equal(s.seeds[1].set, "sample:poetry");
	assert_int_equal(s.rows, 12);
	assert_true(s.has_budget);
	assert_int_equal(s.budget_nusd, 1);
	assert_int_equal(s.routes.count, 1);
	assert_string_equal(s.routes.list[0].step, "outline");
	assert_true(s.has_seed);
	assert_int_equal(s.seed, 7);
	assert_int_equal(s.order, PP_ORDER_RANDOM);
	assert_int_equal(s.max_failures, 5);
	assert_true(s.max_failures_percent);
	assert_int_equal(s.priority, 3);
	assert_int_equal(s.checkpoint_rows, 9);
	assert_string_equal(s.export_formats, "jsonl,csv");
	assert_string_equal(s.export_partition, "category");
	assert_string_equal(s.name, "a \"name\"");
	assert_null(s.idempotency_key);
	assert_int_equal(s.shards, 2);
	pp_job_spec_release(&s);
}

static void
json_takes_the_place_of_options(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_job_spec s;

	(void)state;
	pp_job_spec_init(&s);
	assert_ok(pp_job_spec_set(&s, "seeds", "poems", "-s", &err), err);
	assert_ok(pp_job_spec_set(&s, "export", "csv", "-e", &err), err);
	assert_ok(pp_job_spec_set(&s, "rows", "5", "-n", &err), err);
	assert_ok(read_json(&s,
		      "{\"seeds\":\"other\",\"export\":\"jsonl\","
		      "\"rows\":6}",
		      &err),
	    err);
	assert_int_equal(s.seeds_count, 1);
	assert_string_equal(s.seeds[0].set, "other");
	assert_string_equal(s.export_formats, "jsonl");
	assert_int_equal(s.rows, 6);
	pp_job_spec_release(&s);
}

static void
wrong_json_is_bad_input(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "", "" },
		{ "[]", "a job is a JSON object" },
		{ "{\"rows\":1", "" },
		{ "{\"rows\":1} x", "" },
		{ "{\"colour\":1}", "no setting 'colour'" },
		{ "{\"rows\":true}", "rows is of the wrong type" },
		{ "{\"rows\":[1]}", "rows is of the wrong type" },
		{ "{\"rows\":{\"a\":1}}", "rows is of the wrong type" },
		{ "{\"export\":{\"a\":1}}", "export is of the wrong type" },
		{ "{\"seeds\":[{}]}", "seeds is of the wrong type" },
		{ "{\"name\":\"a\\u0000b\"}", "name is of the wrong type" },
		{ "{\"rows\":0}", "rows" },
		{ "{\"rows\":1.5}", "rows" },
		{ "{\"budget\":-1}", "budget" },
		{ "{\"budget\":1e400}", "budget" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct pp_job_spec s;

		pp_job_spec_init(&s);
		if (read_json(&s, rows[i].text, &err) == 0)
			fail_msg("%s: taken", rows[i].text);
		if (err.code != PP_EDATA ||
		    strstr(err.text, rows[i].says) == NULL)
			fail_msg("%s: %d: %s", rows[i].text, err.code,
			    err.text);
		pp_job_spec_release(&s);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_read_or_refused),
		cmocka_unit_test(two_sets_cannot_have_one_name),
		cmocka_unit_test(json_says_the_same_as_options),
		cmocka_unit_test(json_takes_the_place_of_options),
		cmocka_unit_test(wrong_json_is_bad_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
