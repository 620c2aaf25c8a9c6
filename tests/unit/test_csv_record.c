/* Comma-separated values. */
#include <config.h>

#include "test.h"

#include <stdio.h>

#include "base/csv_record.h"

/* Fields between '|', records between '\n', as read with the whole text. */
static void
show(struct pp_csv_record *r, struct pp_buf *out)
{
	for (size_t i = 0; i < r->count; i++) {
		pp_buf_adds(out, i > 0 ? "|" : "");
		pp_csv_record_put_field(&r->fields[i], out);
	}
	pp_buf_addc(out, ';');
}

static void
records_are_read(void **state)
{
	static const struct {
		const char *name, *text, *expect;
	} rows[] = {
		{ "plain", "a,b\nc,d\n", "a|b;c|d;" },
		{ "CRLF", "a,b\r\nc,d\r\n", "a|b;c|d;" },
		{ "no line break at the end", "a,b", "a|b;" },
		{ "comma at the end", "a,", "a|;" },
		{ "empty fields", ",,\n", "||;" },
		{ "empty line", "a\n\nb\n", "a;;b;" },
		{ "quoted", "\"a,b\",\"c\nd\"\n", "a,b|c\nd;" },
		{ "quoted CRLF is kept", "\"a\r\nb\"\r\n", "a\r\nb;" },
		{ "doubled quotes", "\"a\"\"b\",\"\"\"\"\n", "a\"b|\";" },
		{ "empty quoted", "\"\",\"\"\n", "|;" },
		{ "quoted at the end", "\"a\"", "a;" },
		{ "blanks are kept", " a , b \n", " a | b ;" },
		{ "CR in quotes", "\"a\rb\"\n", "a\rb;" },
	};
	struct pp_csv_record r = PP_CSV_RECORD_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_buf out = PP_BUF_INIT;
		const char *p = rows[i].text;
		ssize_t n;

		while ((n = pp_csv_record_read(&r, p, strlen(p), true)) > 0) {
			show(&r, &out);
			p += n;
		}
		if (n < 0 || strcmp(out.data, rows[i].expect) != 0)
			fail_msg("%s: got '%s'", rows[i].name, out.data);
		pp_buf_release(&out);
	}
	pp_csv_record_release(&r);
}

static void
what_the_rfc_forbids_is_refused(void **state)
{
	static const struct {
		const char *text, *problem;
		size_t at;
	} rows[] = {
		{ "a,\"b", "quoted field without an end", 2 },
		{ "a,\"b\"\"", "quoted field without an end", 2 },
		{ "a,b\"c\"", "quote inside a field without quotes", 3 },
		{ "\"a\"b,c", "text behind the closing quote", 3 },
		{ "\"a\" ,c", "text behind the closing quote", 3 },
		{ "a\rb", "carriage return without a line feed", 1 },
		{ "a\r", "carriage return without a line feed", 1 },
		{ "\"a\"\r", "carriage return without a line feed", 3 },
	};
	struct pp_csv_record r = PP_CSV_RECORD_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(pp_csv_record_read(&r, rows[i].text,
				     strlen(rows[i].text), true),
		    -1);
		assert_string_equal(r.problem, rows[i].problem);
		assert_int_equal(r.problem_at, rows[i].at);
	}
	pp_csv_record_release(&r);
}

/* Whatever is cut off, a record is never taken for whole too early. */
static void
a_record_waits_for_its_end(void **state)
{
	static const char text[] = "a,\"b\"\"\r\n,\",c\r\n";
	size_t whole = sizeof text - 1;
	struct pp_csv_record r = PP_CSV_RECORD_INIT;

	(void)state;
	for (size_t len = 0; len < whole; len++)
		assert_int_equal(pp_csv_record_read(&r, text, len, false), 0);
	assert_int_equal(pp_csv_record_read(&r, text, whole, false), whole);
	assert_int_equal(r.count, 3);
	pp_csv_record_release(&r);
}

static void
fields_may_have_another_delimiter(void **state)
{
	static const char text[] = "a,b;\"c;\"\"d\";\r\n";
	struct pp_csv_record r = { .delimiter = ';' };
	struct pp_buf field = PP_BUF_INIT;

	(void)state;
	assert_int_equal(pp_csv_record_read(&r, text, sizeof text - 1, true),
	    sizeof text - 1);
	assert_int_equal(r.count, 3);
	pp_csv_record_put_field(&r.fields[0], &field);
	assert_string_equal(field.data, "a,b");
	pp_buf_clear(&field);
	pp_csv_record_put_field(&r.fields[1], &field);
	assert_string_equal(field.data, "c;\"d");
	assert_int_equal(r.fields[2].len, 0);
	pp_buf_release(&field);
	pp_csv_record_release(&r);
	for (const char *c = ",;|:^~!#$%&*\t"; *c != '\0'; c++)
		assert_true(pp_csv_is_delimiter(*c));
	for (const char *c = "aZ0 \"'\r\n\\/-\xc3"; *c != '\0'; c++)
		assert_false(pp_csv_is_delimiter(*c));
	assert_false(pp_csv_is_delimiter('\0'));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_read),
		cmocka_unit_test(what_the_rfc_forbids_is_refused),
		cmocka_unit_test(fields_may_have_another_delimiter),
		cmocka_unit_test(a_record_waits_for_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
