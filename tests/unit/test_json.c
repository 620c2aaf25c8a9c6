/* The JSON reader and writer of the data path. */
#include <config.h>

#include "test.h"

#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "base/rand.h"
#include "base/str.h"
#include "json_echo.h"

static void
what_is_json_is_read(void **state)
{
	static const struct {
		const char *name, *text, *expect;
	} rows[] = {
		{ "null", "null", "null" },
		{ "blanks around", " \t\r\n true \n", "true" },
		{ "empty containers", "[{},[],\"\"]", "[{},[],\"\"]" },
		{ "object", "{\"a\":1,\"b\":[2,3],\"c\":{\"d\":null}}",
		    "{\"a\":1,\"b\":[2,3],\"c\":{\"d\":null}}" },
		{ "blanks inside", "{ \"a\" : [ 1 , 2 ] , \"b\" : 3 }",
		    "{\"a\":[1,2],\"b\":3}" },
		{ "numbers", "[0,-0,1.5,1e9,1E+09,-2.25e-3]",
		    "[0,-0,1.5,1e9,1E+09,-2.25e-3]" },
		{ "a number far too large stays text",
		    "123456789012345678901234567890e999",
		    "123456789012345678901234567890e999" },
		{ "escapes", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"",
		    "\"\\\"\\\\/\\b\\f\\n\\r\\tA\"" },
		{ "pair of surrogates", "\"\\ud83d\\uDE00\"", "\"😀\"" },
		{ "NUL by escape", "\"a\\u0000b\"", "\"a\\u0000b\"" },
		{ "wide text", "\"é€😀 naïve\"", "\"é€😀 naïve\"" },
		{ "escape across words", "\"1234567\\n890123456\\\"\"",
		    "\"1234567\\n890123456\\\"\"" },
		{ "delete needs no escape", "\"\x7f\"", "\"\x7f\"" },
		{ "largest code point", "\"\xf4\x8f\xbf\xbf\"",
		    "\"\xf4\x8f\xbf\xbf\"" },
	};
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_buf out = PP_BUF_INIT;
		const struct pp_json *v = pp_json_parse(&doc, rows[i].text,
		    strlen(rows[i].text), 0, &err);

		if (v == NULL)
			fail_msg("%s: %s", rows[i].name, err.text);
		json_echo(v, &out);
		if (strcmp(out.data, rows[i].expect) != 0)
			fail_msg("%s: got %s", rows[i].name, out.data);
		assert_int_equal(v->skip, doc.count);
		pp_buf_release(&out);
	}
	pp_json_doc_release(&doc);
}

static void
what_is_not_json_is_refused_at_its_place(void **state)
{
	static const struct {
		const char *name, *text, *error;
	} rows[] = {
		{ "nothing", "",
		    "text ends where a value is expected at byte 1" },
		{ "blanks alone", "  ",
		    "text ends where a value is expected at byte 3" },
		{ "text after", "1 2", "text after the value at byte 3" },
		{ "comma at the end", "[1,]", "expected a value at byte 4" },
		{ "comma in front", "[,1]", "expected a value at byte 2" },
		{ "no comma", "[1 2]", "expected ',' or ']' at byte 4" },
		{ "wrong bracket", "[1}", "expected ',' or ']' at byte 3" },
		{ "open array", "[1", "expected ',' or ']' at byte 3" },
		{ "open object", "{\"a\":1", "expected ',' or '}' at byte 7" },
		{ "closing alone", "]", "expected a value at byte 1" },
		{ "comma in object", "{\"a\":1,}",
		    "expected a key in quotes at byte 8" },
		{ "bare key", "{a:1}", "expected a key in quotes at byte 2" },
		{ "no colon", "{\"a\" 1}", "expected ':' at byte 6" },
		{ "no value", "{\"a\":}", "expected a value at byte 6" },
		{ "leading zero", "[01]",
		    "a number may not begin with 0 at byte 2" },
		{ "negative leading zero", "-01",
		    "a number may not begin with 0 at byte 2" },
		{ "plus", "+1", "expected a value at byte 1" },
		{ "point alone", ".5", "expected a value at byte 1" },
		{ "point at the end", "1.", "expected a digit at byte 3" },
		{ "exponent alone", "1e", "expected a digit at byte 3" },
		{ "exponent sign alone", "1e+x", "expected a digit at byte 4" },
		{ "minus alone", "-", "expected a digit at byte 2" },
		{ "NaN", "NaN", "expected a value at byte 1" },
		{ "Infinity", "-Infinity", "expected a digit at byte 2" },
		{ "hex", "0x1", "text after the value at byte 2" },
		{ "half a word", "tru", "expected a value at byte 1" },
		{ "word and more", "truest", "text after the value at byte 5" },
		{ "single quotes", "'a'", "expected a value at byte 1" },
		{ "open string", "\"abc", "string without an end at byte 1" },
		{ "escape at the end", "\"abc\\", "invalid escape at byte 5" },
		{ "unknown escape", "\"\\x41\"", "invalid escape at byte 2" },
		{ "short \\u", "\"\\u12g4\"",
		    "\\u needs four hexadecimal digits at byte 2" },
		{ "cut \\u", "\"\\u12",
		    "\\u needs four hexadecimal digits at byte 2" },
		{ "high half alone", "\"\\ud83d!\"",
		    "half of a surrogate pair at byte 2" },
		{ "low half alone", "\"x\\ude00\"",
		    "half of a surrogate pair at byte 3" },
		{ "high half twice", "\"\\ud83d\\ud83d\\ude00\"",
		    "half of a surrogate pair at byte 2" },
		{ "line break", "\"a\nb\"",
		    "line break in a string at byte 3" },
		{ "tab", "\"a\tb\"",
		    "control character in a string at byte 3" },
		{ "invalid UTF-8", "\"1234567890\xff\"",
		    "invalid UTF-8 at byte 12" },
		{ "overlong", "\"\xc0\xaf\"", "invalid UTF-8 at byte 2" },
		{ "surrogate in UTF-8", "\"\xed\xa0\x80\"",
		    "invalid UTF-8 at byte 2" },
		{ "wide and cut", "\"é\xe2\x82\"", "invalid UTF-8 at byte 4" },
		{ "invalid outside of strings", "\xff",
		    "expected a value at byte 1" },
		{ "byte order mark", "\xef\xbb\xbf{}",
		    "byte order mark at byte 1" },
		{ "comment", "// x\n1", "expected a value at byte 1" },
	};
	struct pp_json_doc doc = PP_JSON_DOC_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		size_t len = strlen(rows[i].text);
		/* No byte behind the text may be looked at. */
		char *exact = len > 0 ? malloc(len) : NULL;

		if (len > 0)
			memcpy(exact, rows[i].text, len);
		if (pp_json_parse(&doc, len > 0 ? exact : "", len, 0, &err) !=
		    NULL)
			fail_msg("%s: was accepted", rows[i].name);
		if (err.code != PP_EDATA ||
		    strcmp(err.text, rows[i].error) != 0)
			fail_msg("%s: got '%s'", rows[i].name, err.text);
		free(exact);
	}
	pp_json_doc_release(&doc);
}

static void
a_nul_byte_is_no_blank(void **state)
{
	static const char inside[] = "\"a\0b\"", after[] = "1\0";
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	assert_null(pp_json_parse(&doc, inside, sizeof inside - 1, 0, &err));
	assert_string_equal(err.text,
	    "control character in a string at byte 3");
	assert_null(pp_json_parse(&doc, after, sizeof after - 1, 0, &err));
	assert_string_equal(err.text, "text after the value at byte 2");
	pp_json_doc_release(&doc);
}

static void
nesting_has_a_bound(void **state)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf text = PP_BUF_INIT;

	(void)state;
	for (int i = 0; i < PP_JSON_MAX_DEPTH; i++)
		pp_buf_addc(&text, '[');
	for (int i = 0; i < PP_JSON_MAX_DEPTH; i++)
		pp_buf_addc(&text, ']');
	assert_non_null(pp_json_parse(&doc, text.data, text.len, 0, &err));
	pp_buf_clear(&text);
	for (int i = 0; i < 100000; i++)
		pp_buf_adds(&text, "{\"a\":");
	assert_null(pp_json_parse(&doc, text.data, text.len, 0, &err));
	assert_string_equal(err.text, "nested too deeply at byte 2561");
	pp_buf_release(&text);
	pp_json_doc_release(&doc);
}

static void
half_a_pair_reads_as_a_replacement_when_asked(void **state)
{
	static const char text[] = "\"a\\ud83d\\u0041\\ude00\"";
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	char *s;

	(void)state;
	assert_non_null(pp_json_parse(&doc, text, sizeof text - 1,
	    PP_JSON_LONE_SURROGATES, &err));
	s = pp_json_strdup(doc.nodes);
	assert_string_equal(s,
	    "a\xef\xbf\xbd"
	    "A\xef\xbf\xbd");
	free(s);
	pp_json_doc_release(&doc);
}

static void
members_and_items_are_found(void **state)
{
	static const char text[] =
	    "{\"a\":1,\"\":2,\"list\":[10,{\"x\":[true]},"
	    "\"end\"],\"a\":3,\"b\\u0063\":\"\\u0064e\",\"n\":null}";
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	const struct pp_json *v, *list;
	const char *raw;
	int64_t n;
	size_t len;

	(void)state;
	v = pp_json_parse(&doc, text, sizeof text - 1, 0, &err);
	assert_non_null(v);
	assert_int_equal(v->count, 6);
	assert_true(pp_json_int64(pp_json_get(v, "a"), &n));
	assert_int_equal(n, 3);
	assert_true(pp_json_int64(pp_json_get(v, ""), &n));
	assert_int_equal(n, 2);
	assert_true(pp_json_is(pp_json_get(v, "bc"), "de"));
	assert_false(pp_json_is(pp_json_get(v, "bc"), "d"));
	assert_null(pp_json_get(v, "b"));
	assert_null(pp_json_get(pp_json_get(v, "a"), "a"));
	list = pp_json_get(v, "list");
	assert_true(pp_json_is(pp_json_at(list, 2), "end"));
	assert_null(pp_json_at(list, 3));
	assert_null(pp_json_at(v, 0));
	assert_int_equal(pp_json_path(v, "list.1.x.0")->type, PP_JSON_TRUE);
	assert_null(pp_json_path(v, "list.1.x.7"));
	assert_null(pp_json_path(v, "list.one"));
	assert_null(pp_json_path(v, "n.x"));
	raw = pp_json_raw(pp_json_at(list, 1), &len);
	assert_int_equal(len, 12);
	assert_memory_equal(raw, "{\"x\":[true]}", 12);
	raw = pp_json_raw(pp_json_at(list, 2), &len);
	assert_memory_equal(raw, "\"end\"", 5);
	assert_int_equal(len, 5);
	pp_json_doc_release(&doc);
}

static void
members_are_read_by_kind(void **state)
{
	static const char text[] =
	    "{\"n\":7,\"z\":0,\"less\":-1,\"half\":0.5,\"s\":\"abcd\","
	    "\"escaped\":\"a\\nb\"}";
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	const struct pp_json *v;
	int64_t n = -5;
	char out[5];

	(void)state;
	v = pp_json_parse(&doc, text, sizeof text - 1, 0, &err);
	assert_non_null(v);
	assert_true(pp_json_get_count(v, "n", &n));
	assert_int_equal(n, 7);
	assert_true(pp_json_get_count(v, "z", &n));
	assert_int_equal(n, 0);
	assert_false(pp_json_get_count(v, "less", &n));
	assert_false(pp_json_get_count(v, "half", &n));
	assert_false(pp_json_get_count(v, "s", &n));
	assert_false(pp_json_get_count(v, "none", &n));
	assert_true(pp_json_get_text(v, "s", out, sizeof out));
	assert_string_equal(out, "abcd");
	assert_false(pp_json_get_text(v, "s", out, sizeof out - 1));
	assert_false(pp_json_get_text(v, "escaped", out, sizeof out));
	assert_false(pp_json_get_text(v, "n", out, sizeof out));
	assert_false(pp_json_get_text(v, "none", out, sizeof out));
	pp_json_doc_release(&doc);
}

static void
whole_numbers_fit_or_are_refused(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t value;
	} rows[] = {
		{ "0", true, 0 },
		{ "-0", true, 0 },
		{ "42", true, 42 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "9223372036854775808", false, 0 },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "-9223372036854775809", false, 0 },
		{ "99999999999999999999999", false, 0 },
		{ "12.0", true, 12 },
		{ "1e3", true, 1000 },
		{ "12.5", false, 0 },
		{ "1e400", false, 0 },
		{ "1e18", false, 0 },
		{ "\"1\"", false, 0 },
		{ "true", false, 0 },
		{ "null", false, 0 },
	};
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t value = 0;
		const struct pp_json *v = pp_json_parse(&doc, rows[i].text,
		    strlen(rows[i].text), 0, &err);

		assert_non_null(v);
		if (pp_json_int64(v, &value) != rows[i].ok ||
		    value != rows[i].value)
			fail_msg("%s", rows[i].text);
	}
	assert_false(pp_json_int64(NULL, &(int64_t){ 0 }));
	pp_json_doc_release(&doc);
}

static void
doubles_read_as_the_nearest(void **state)
{
	static const char *const rows[] = { "0", "-0.0", "1.5", "0.1",
		"123456.789", "-0.000000000000001", "123456789012345",
		"1234567890123456789", "1e-5", "2.2250738585072011e-308",
		"5e-324", "1.7976931348623157e308", "0.30000000000000004",
		"9007199254740993",
		("0.00000000000000000000000000000000000000"
		 "0000000000000000000000000000000000001") };
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	double d;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		double expect = strtod(rows[i], NULL);
		const struct pp_json *v = pp_json_parse(&doc, rows[i],
		    strlen(rows[i]), 0, &err);

		assert_non_null(v);
		if (!pp_json_double(v, &d) || memcmp(&d, &expect, sizeof d))
			fail_msg("%s", rows[i]);
	}
	assert_non_null(pp_json_parse(&doc, "1e400", 5, 0, &err));
	assert_false(pp_json_double(doc.nodes, &d));
	pp_json_doc_release(&doc);
}

static void
doubles_are_written_short(void **state)
{
	static const struct {
		double v;
		const char *text;
	} rows[] = {
		{ 0, "0.0" },
		{ -0.0, "-0.0" },
		{ 1, "1.0" },
		{ 1.5, "1.5" },
		{ -0.1, "-0.1" },
		{ 100, "100.0" },
		{ 1e15, "1000000000000000.0" },
		{ 1e16, "1e+16" },
		{ 1.5e16, "1.5e+16" },
		{ 0.0001, "0.0001" },
		{ 0.00001, "1e-05" },
		{ 0.00012345, "0.00012345" },
		{ 123456.789, "123456.789" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 5e-324, "5e-324" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
		{ 2.2250738585072014e-308, "2.2250738585072014e-308" },
		{ 0x1p-44, "5.684341886080802e-14" },
		{ 9007199254740993.0, "9007199254740992.0" },
		{ 123456789012345680.0, "1.2345678901234568e+17" },
		{ (double)NAN, "null" },
		{ (double)INFINITY, "null" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_buf out = PP_BUF_INIT;

		pp_json_put_double(&out, rows[i].v);
		assert_string_equal(out.data, rows[i].text);
		pp_buf_release(&out);
	}
}

static void
doubles_survive_the_way_there_and_back(void **state)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_rand r;

	(void)state;
	pp_rand_seed(&r, 7);
	for (int i = 0; i < 20000; i++) {
		struct pp_buf out = PP_BUF_INIT;
		uint64_t bits = pp_rand_next(&r);
		double v, back;

		if (i % 4 == 0)
			bits &= UINT64_C(0xfff0000000000000);
		memcpy(&v, &bits, sizeof v);
		if (!isfinite(v))
			continue;
		pp_json_put_double(&out, v);
		assert_non_null(pp_json_parse(&doc, out.data, out.len, 0,
		    &err));
		assert_true(pp_json_double(doc.nodes, &back));
		if (memcmp(&v, &back, sizeof v) != 0)
			fail_msg("%a became %s", v, out.data);
		pp_buf_release(&out);
	}
	pp_json_doc_release(&doc);
}

static void
text_is_written_with_the_escapes_it_needs(void **state)
{
	struct pp_buf out = PP_BUF_INIT;

	(void)state;
	pp_json_put_str(&out,
	    "a\"b\\c/\n\t\r\b\f\x01\x1f\x7f"
	    "é\0z",
	    18);
	assert_string_equal(out.data,
	    "\"a\\\"b\\\\c/\\n\\t\\r\\b\\f\\u0001"
	    "\\u001f\x7f"
	    "é\\u0000z\"");
	pp_buf_clear(&out);
	pp_json_put_cstr(&out, NULL);
	pp_json_put_cstr(&out, "");
	assert_string_equal(out.data, "null\"\"");
	pp_buf_clear(&out);
	pp_json_put_lossy(&out, "a\xff\xe2\x82z\xc3\xa9", 7);
	assert_string_equal(out.data,
	    "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	    "zé\"");
	pp_buf_release(&out);
}

/* Each length and place of one special byte, and of two. */
static void
any_text_reads_back(void **state)
{
	static const char specials[] = { '"', '\\', '\n', '\x01', '\0', '/' };
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf out = PP_BUF_INIT, back = PP_BUF_INIT;
	char text[40];

	(void)state;
	for (size_t len = 1; len < sizeof text; len++) {
		for (size_t at = 0; at < len * sizeof specials; at++) {
			memset(text, 'x', len);
			text[at % len] = specials[at / len];
			text[(at * 7 + 3) % len] = specials[at % 5];
			pp_buf_clear(&out);
			pp_buf_clear(&back);
			pp_json_put_str(&out, text, len);
			if (pp_json_parse(&doc, out.data, out.len, 0, &err) ==
			    NULL)
				fail_msg("%s: %s", out.data, err.text);
			pp_json_unescape(doc.nodes, &back);
			assert_int_equal(back.len, len);
			assert_memory_equal(back.data, text, len);
		}
	}
	pp_buf_release(&out);
	pp_buf_release(&back);
	pp_json_doc_release(&doc);
}

static void
a_ceiling_holds_for_text(void **state)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	for (size_t max = 1; max < 12; max++) {
		struct pp_buf out = PP_BUF_INIT_MAX(max);

		pp_json_put_str(&out, "a\nb\x02", 4);
		assert_int_equal(out.overflow, max < 12);
		assert_int_equal(out.len, 0);
		pp_buf_release(&out);
	}
	for (size_t max = 1; max < 6; max++) {
		struct pp_buf out = PP_BUF_INIT_MAX(max);

		assert_non_null(pp_json_parse(&doc, "\"a\\nb\\u00e9\"", 12, 0,
		    &err));
		assert_int_equal(pp_json_unescape(doc.nodes, &out),
		    max < 5 ? -1 : 0);
		assert_int_equal(out.len, max < 5 ? 0 : 5);
		pp_buf_release(&out);
	}
	pp_json_doc_release(&doc);
}

static void
keys_and_integers(void **state)
{
	struct pp_buf out = PP_BUF_INIT;

	(void)state;
	pp_buf_addc(&out, '{');
	pp_json_put_key(&out, "a");
	pp_json_put_int(&out, INT64_MIN);
	pp_json_put_key(&out, "b");
	pp_json_put_int(&out, 0);
	pp_json_put_key(&out, "c");
	pp_json_put_int(&out, INT64_MAX);
	pp_buf_addc(&out, '}');
	assert_string_equal(out.data,
	    "{\"a\":-9223372036854775808,\"b\":0,"
	    "\"c\":9223372036854775807}");
	pp_buf_release(&out);
}

static void
whole_members_are_written(void **state)
{
	struct pp_buf out = PP_BUF_INIT;

	(void)state;
	pp_buf_addc(&out, '{');
	pp_json_member_int(&out, "n", -3);
	pp_json_member_str(&out, "s", "a\"b");
	pp_json_member_str(&out, "none", NULL);
	pp_json_member_money(&out, "usd", 1);
	pp_buf_addc(&out, '}');
	assert_string_equal(out.data,
	    "{\"n\":-3,\"s\":\"a\\\"b\",\"none\":null,"
	    "\"usd\":\"0.000000001\"}");
	pp_buf_release(&out);
}

static void
values_that_follow_each_other_are_cut(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
		{ "{\"a\":1}{\"b\":2}", 7 },
		{ " {} {}", 3 },
		{ "{\"a\":\"}\\\"}\"}x", 12 },
		{ "[[1],[2]] ", 9 },
		{ "\"a\\\"b\"\"c\"", 6 },
		{ "12 13", 2 },
		{ "12", 2 },
		{ "true[", 4 },
		{ "{\"a\":", 0 },
		{ "\"abc", 0 },
		{ "[", 0 },
		{ "", 0 },
		{ "  ", 0 },
		{ "]", 0 },
		{ "\"\\", 0 },
		{ "1,2", 1 },
		{ "{\"a\":\"é\"}", 10 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t len = pp_json_value_len(rows[i].text,
		    strlen(rows[i].text));

		if (len != rows[i].len)
			fail_msg("%s: got %zu", rows[i].text, len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_json_is_read),
		cmocka_unit_test(what_is_not_json_is_refused_at_its_place),
		cmocka_unit_test(a_nul_byte_is_no_blank),
		cmocka_unit_test(nesting_has_a_bound),
		cmocka_unit_test(half_a_pair_reads_as_a_replacement_when_asked),
		cmocka_unit_test(members_and_items_are_found),
		cmocka_unit_test(members_are_read_by_kind),
		cmocka_unit_test(whole_numbers_fit_or_are_refused),
		cmocka_unit_test(doubles_read_as_the_nearest),
		cmocka_unit_test(doubles_are_written_short),
		cmocka_unit_test(doubles_survive_the_way_there_and_back),
		cmocka_unit_test(text_is_written_with_the_escapes_it_needs),
		cmocka_unit_test(any_text_reads_back),
		cmocka_unit_test(a_ceiling_holds_for_text),
		cmocka_unit_test(keys_and_integers),
		cmocka_unit_test(whole_members_are_written),
		cmocka_unit_test(values_that_follow_each_other_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
