/* DynamoDB's values: numbers exactly, documents both ways, sizes. */
#include <config.h>

#include "test.h"

#include <stdio.h>

#include "aws/dynamodb_value.h"

/* Parse `text` into `doc`. */
static const struct pp_json *
parse(struct pp_json_doc *doc, const char *text)
{
	const struct pp_json *v = pp_json_parse(doc, text, strlen(text), 0,
	    NULL);

	assert_non_null(v);
	return v;
}

static void
numbers_are_read_exactly_in_any_form(void **state)
{
	static const struct {
		const char *text;
		bool is_int, is_money;
		int64_t whole, nusd;
	} rows[] = {
		{ "0", true, true, 0, 0 },
		{ "-0.0", true, true, 0, 0 },
		{ "1", true, true, 1, 1000000000 },
		{ "1E+3", true, true, 1000, 1000000000000 },
		{ "1e3", true, true, 1000, 1000000000000 },
		{ "1E-9", false, true, 0, 1 },
		{ "0.000000001", false, true, 0, 1 },
		{ "1E-10", false, false, 0, 0 },
		{ "12.50", false, true, 0, 12500000000 },
		{ "12.50E+1", true, true, 125, 125000000000 },
		{ "-3.000000001", false, true, 0, -3000000001 },
		{ "0.1", false, true, 0, 100000000 },
		{ "9223372036854775807", true, false, INT64_MAX, 0 },
		{ "-9223372036854775808", true, false, INT64_MIN, 0 },
		{ "9223372036854775808", false, false, 0, 0 },
		{ "9223372036.854775807", false, true, 0, INT64_MAX },
		{ "9007199254740993", true, false, 9007199254740993, 0 },
		{ "1E+30", false, false, 0, 0 },
		{ "", false, false, 0, 0 },
		{ "x", false, false, 0, 0 },
		{ "1.", true, true, 1, 1000000000 },
		{ ".", false, false, 0, 0 },
		{ "1E", false, false, 0, 0 },
		{ "1E+", false, false, 0, 0 },
		{ "1E+9999999", false, false, 0, 0 },
	};
	struct pp_json_doc doc = PP_JSON_DOC_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t whole = -7, nusd = -7;
		const struct pp_json *item;
		char text[128];

		snprintf(text, sizeof text, "{\"n\":{\"N\":\"%s\"}}",
		    rows[i].text);
		item = parse(&doc, text);
		if (pp_ddb_int(item, "n", &whole) != rows[i].is_int ||
		    (rows[i].is_int && whole != rows[i].whole))
			fail_msg("%s as an integer: %lld", rows[i].text,
			    (long long)whole);
		if (pp_ddb_money(item, "n", &nusd) != rows[i].is_money ||
		    (rows[i].is_money && nusd != rows[i].nusd))
			fail_msg("%s as money: %lld", rows[i].text,
			    (long long)nusd);
	}
	pp_json_doc_release(&doc);
}

static void
numbers_that_would_be_rounded_are_refused(void **state)
{
	static const struct {
		const char *text;
		bool fits;
	} rows[] = {
		{ "12345678901234567890123456789012345678", true },
		{ "123456789012345678901234567890123456789", false },
		{ "12345678901234567890123456789012345678000", true },
		{ "1.2345678901234567890123456789012345678", true },
		{ "0.00012345678901234567890123456789012345678", true },
		{ "9.99E+125", true },
		{ "1E+126", false },
		{ "1E-130", true },
		{ "1E-131", false },
		{ "0E+999", true },
		{ "-1E-130", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (pp_ddb_number_fits(rows[i].text, strlen(rows[i].text)) !=
		    rows[i].fits)
			fail_msg("%s", rows[i].text);
	}
}

static void
money_is_written_as_decimal_text(void **state)
{
	static const struct {
		int64_t nusd;
		const char *text;
	} rows[] = {
		{ 0, "{\"N\":\"0\"}" },
		{ 1, "{\"N\":\"0.000000001\"}" },
		{ -1, "{\"N\":\"-0.000000001\"}" },
		{ 1500000000, "{\"N\":\"1.5\"}" },
		{ INT64_MAX, "{\"N\":\"9223372036.854775807\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pp_buf b = PP_BUF_INIT;

		pp_ddb_put_money(&b, "m", rows[i].nusd);
		assert_string_equal(b.data + strlen("\"m\":"), rows[i].text);
		pp_buf_release(&b);
	}
}

static void
documents_go_there_and_back(void **state)
{
	static const struct {
		const char *json, *value;
	} rows[] = {
		{ "null", "{\"NULL\":true}" },
		{ "true", "{\"BOOL\":true}" },
		{ "false", "{\"BOOL\":false}" },
		{ "1.50", "{\"N\":\"1.50\"}" },
		{ "\"a \\\"b\\\" \\u00e9\"",
		    "{\"S\":\"a \\\"b\\\" \\u00e9\"}" },
		{ "\"\"", "{\"S\":\"\"}" },
		{ "[]", "{\"L\":[]}" },
		{ "{}", "{\"M\":{}}" },
		{ "[1,[true,null]]",
		    "{\"L\":[{\"N\":\"1\"},{\"L\":[{\"BOOL\":true},"
		    "{\"NULL\":true}]}]}" },
		{ "{\"a\":{\"S\":1},\"b c\":[{}]}",
		    "{\"M\":{\"a\":{\"M\":{\"S\":{\"N\":\"1\"}}},\"b c\":"
		    "{\"L\":[{\"M\":{}}]}}}" },
	};
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pp_buf b = PP_BUF_INIT, back = PP_BUF_INIT;

		assert_ok(pp_ddb_put_json(&b, "v", parse(&doc, rows[i].json),
			      &err),
		    err);
		assert_string_equal(b.data + strlen("\"v\":"), rows[i].value);
		assert_ok(pp_ddb_to_json(parse(&doc, rows[i].value), &back,
			      &err),
		    err);
		assert_string_equal(back.data, rows[i].json);
		pp_buf_release(&b);
		pp_buf_release(&back);
	}
	pp_json_doc_release(&doc);
}

static void
what_others_wrote_is_read(void **state)
{
	static const struct {
		const char *value, *json;
	} rows[] = {
		{ "{\"SS\":[\"a\",\"b\"]}", "[\"a\",\"b\"]" },
		{ "{\"NS\":[\"1\",\"2.5\"]}", "[1,2.5]" },
		{ "{\"B\":\"aGk=\"}", "\"aGk=\"" },
		{ "{\"BS\":[\"aGk=\"]}", "[\"aGk=\"]" },
		{ "{}", NULL },
		{ "[]", NULL },
		{ "{\"S\":\"a\",\"N\":\"1\"}", NULL },
	};
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pp_buf back = PP_BUF_INIT;
		int rc = pp_ddb_to_json(parse(&doc, rows[i].value), &back,
		    &err);

		assert_int_equal(rc, rows[i].json != NULL ? 0 : -1);
		if (rc == 0)
			assert_string_equal(back.data, rows[i].json);
		else
			assert_int_equal(err.code, PP_EDATA);
		pp_buf_release(&back);
	}
	pp_json_doc_release(&doc);
}

static void
an_items_size_is_counted_as_the_service_does(void **state)
{
	static const struct {
		const char *item;
		size_t bytes;
	} rows[] = {
		{ "", 0 },
		{ "\"ab\":{\"S\":\"xyz\"}", 5 },
		{ "\"ab\":{\"S\":\"\\n\\u00e9\"}", 5 },
		{ "\"a\":{\"BOOL\":true},\"b\":{\"NULL\":true}", 4 },
		{ "\"a\":{\"L\":[{\"S\":\"x\"},{\"S\":\"y\"}]}", 8 },
		{ "\"a\":{\"M\":{\"k\":{\"S\":\"x\"}}}", 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pp_buf b = PP_BUF_INIT;

		pp_buf_adds(&b, rows[i].item);
		assert_int_equal(pp_ddb_item_bytes(&b), rows[i].bytes);
		pp_buf_release(&b);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_exactly_in_any_form),
		cmocka_unit_test(numbers_that_would_be_rounded_are_refused),
		cmocka_unit_test(money_is_written_as_decimal_text),
		cmocka_unit_test(documents_go_there_and_back),
		cmocka_unit_test(what_others_wrote_is_read),
		cmocka_unit_test(an_items_size_is_counted_as_the_service_does),
	};

	return cmocka_run_group_tests_name("dynamodb", tests, NULL, NULL) > 0;
}
