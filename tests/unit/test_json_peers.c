/*
 * The JSON reader against jansson: documents made by a grammar and then
 * damaged at random are taken or refused by both, with the same values.
 */
#include <config.h>

#include "test.h"

#include <jansson.h>

#include "base/json.h"
#include "base/rand.h"
#include "json_echo.h"

#define DOCUMENTS 30000

static const char *const snippets[] = { "\"", "\\", "\\u", "\\ud83d", "\\ude00",
	"\\u0000", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e", "E+",
	"1e9", "true", "null", "\xff", "\xc3\xa9", "\xe2\x82", "\xed\xa0\x80",
	"\xf0\x9f\x98\x80", "\n", "\t", " ", "\x01", "\x7f", "//", "'", "NaN",
	"\\x", "01", "-0", "{\"a\":1}", "[]" };

static const char *
pick(struct pp_rand *r)
{
	return snippets[pp_rand_below(r, sizeof snippets / sizeof *snippets)];
}

static void
make_string(struct pp_rand *r, struct pp_buf *out)
{
	static const char *const parts[] = { "plain text of some length", "é",
		"€", "😀", "\\n", "\\\"", "\\\\", "\\/", "\\u00e9",
		"\\ud83d\\ude00", "a", " ", "\\u0041", "\x7f", "1234567" };

	pp_buf_addc(out, '"');
	for (uint64_t n = pp_rand_below(r, 5); n > 0; n--)
		pp_buf_adds(out,
		    parts[pp_rand_below(r, sizeof parts / sizeof *parts)]);
	pp_buf_addc(out, '"');
}

static void
make_blanks(struct pp_rand *r, struct pp_buf *out)
{
	static const char *const blanks[] = { "", "", "", " ", "\n", "\t ",
		"\r\n" };

	pp_buf_adds(out, blanks[pp_rand_below(r, 7)]);
}

static void
make_value(struct pp_rand *r, int depth, struct pp_buf *out)
{
	static const char *const scalars[] = { "0", "-1", "12.5", "1e3", "-0.0",
		"123456789012", "true", "false", "null", "5E-2" };
	uint64_t kind = pp_rand_below(r, depth > 5 ? 4 : 8);
	uint64_t n = pp_rand_below(r, 4);

	make_blanks(r, out);
	if (kind < 2) {
		make_string(r, out);
	} else if (kind < 4) {
		pp_buf_adds(out, scalars[pp_rand_below(r, 10)]);
	} else {
		pp_buf_addc(out, kind < 6 ? '[' : '{');
		for (uint64_t i = 0; i < n; i++) {
			pp_buf_adds(out, i > 0 ? "," : "");
			if (kind >= 6) {
				make_string(r, out);
				make_blanks(r, out);
				pp_buf_addc(out, ':');
			}
			make_value(r, depth + 1, out);
		}
		pp_buf_addc(out, kind < 6 ? ']' : '}');
	}
	make_blanks(r, out);
}

/* Cut, drop, change or put in something, once or a few times. */
static void
damage(struct pp_rand *r, struct pp_buf *text)
{
	struct pp_buf out = PP_BUF_INIT;

	for (uint64_t times = pp_rand_below(r, 4); times > 0; times--) {
		size_t at = (size_t)pp_rand_below(r, text->len + 1);
		size_t drop = (size_t)pp_rand_below(r, 3);

		if (at + drop > text->len)
			drop = 0;
		pp_buf_clear(&out);
		pp_buf_add(&out, text->data, at);
		if (pp_rand_below(r, 3) > 0)
			pp_buf_adds(&out, pick(r));
		if (pp_rand_below(r, 8) > 0)
			pp_buf_add(&out, text->data + at + drop,
			    text->len - at - drop);
		pp_buf_set(text, out.data, out.len);
	}
	pp_buf_release(&out);
}

/* What jansson cannot hold is no reason to refuse a document. */
static bool
is_beyond_jansson(const json_error_t *e)
{
	enum json_error_code code = json_error_code(e);

	return code == json_error_numeric_overflow ||
	    code == json_error_null_byte_in_key ||
	    code == json_error_null_character;
}

static json_t *
read_with_jansson(const struct pp_buf *text, json_error_t *e)
{
	return json_loadb(text->data, text->len,
	    JSON_DECODE_ANY | JSON_ALLOW_NUL, e);
}

static void
jansson_agrees(void **state)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_buf text = PP_BUF_INIT, echo = PP_BUF_INIT;
	struct pp_error err = PP_ERROR_INIT;
	int taken = 0, refused = 0;
	struct pp_rand r;

	(void)state;
	pp_rand_seed(&r, 20261120);
	for (int i = 0; i < DOCUMENTS; i++) {
		const struct pp_json *v;
		json_t *theirs, *again;
		json_error_t e;

		pp_buf_clear(&text);
		make_value(&r, 0, &text);
		damage(&r, &text);
		v = pp_json_parse(&doc, text.data, text.len, 0, &err);
		theirs = read_with_jansson(&text, &e);
		if (theirs == NULL && is_beyond_jansson(&e))
			continue;
		if ((v != NULL) != (theirs != NULL))
			fail_msg("%s: ours %s, theirs %s", text.data,
			    v != NULL ? "takes it" : err.text,
			    theirs != NULL ? "takes it" : e.text);
		taken += v != NULL;
		refused += v == NULL;
		if (v == NULL)
			continue;
		pp_buf_clear(&echo);
		json_echo(v, &echo);
		again = read_with_jansson(&echo, &e);
		if (!json_equal(theirs, again))
			fail_msg("%s became %s", text.data, echo.data);
		json_decref(theirs);
		json_decref(again);
	}
	/* Else the test would say little. */
	assert_true(taken > DOCUMENTS / 10);
	assert_true(refused > DOCUMENTS / 10);
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
	pp_buf_release(&echo);
}

/* Each document, whole and cut anywhere, is one value or none of it. */
static void
the_length_of_a_value_is_that_of_the_reader(void **state)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_buf text = PP_BUF_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_rand r;

	(void)state;
	pp_rand_seed(&r, 5);
	for (int i = 0; i < 3000; i++) {
		size_t whole, len;

		pp_buf_clear(&text);
		pp_buf_addc(&text, '[');
		make_value(&r, 3, &text);
		pp_buf_addc(&text, ']');
		whole = text.len;
		pp_buf_adds(&text, "{\"next\":1}");
		len = pp_json_value_len(text.data, text.len);
		assert_int_equal(len, whole);
		assert_non_null(pp_json_parse(&doc, text.data, len, 0, &err));
		len = (size_t)pp_rand_below(&r, whole);
		assert_int_equal(pp_json_value_len(text.data, len), 0);
	}
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jansson_agrees),
		cmocka_unit_test(the_length_of_a_value_is_that_of_the_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
