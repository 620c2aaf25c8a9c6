/* YAML trees with their places. */
#include <config.h>

#include "test.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/yaml.h"

static void
values_are_typed_by_the_core_schema(void **state)
{
	static const struct {
		const char *yaml, *json;
	} rows[] = {
		{ "a: 1", "{\"a\":1}" },
		{ "[1, 1.5, -2e3, .5, 1., +7, 007, 0x1f, 0o17]",
		    "[1,1.5,-2e3,0.5,1.0,7,7,31,15]" },
		{ "[true, False, YES, null, ~, Null, .inf, -.Inf, .nan]",
		    "[true,false,\"YES\",null,null,null,null,null,null]" },
		{ "['1', \"true\", '', !!str 5, ! 6]",
		    "[\"1\",\"true\",\"\",\"5\",\"6\"]" },
		{ "[1.2.3, 1e, ., -, e5, 0x, 0xg, '+', 1_000, tRue]",
		    "[\"1.2.3\",\"1e\",\".\",\"-\",\"e5\",\"0x\",\"0xg\",\"+\","
		    "\"1_000\",\"tRue\"]" },
		{ "a:\n  - b: [x, {c: d}]\n    e:\n  - f\n",
		    "{\"a\":[{\"b\":[\"x\",{\"c\":\"d\"}],\"e\":null},\"f\"]}" },
		{ "{\"a\": [1, null, \"\\u00e9\\n\"]}",
		    "{\"a\":[1,null,\"é\\n\"]}" },
		{ "a: &x [1, 2]\nb: *x\n", "{\"a\":[1,2],\"b\":[1,2]}" },
		{ "a: |\n  one\n   two\n\nb: >-\n  three\n  four\n",
		    "{\"a\":\"one\\n two\\n\",\"b\":\"three four\"}" },
		{ "\xef\xbb\xbf"
		  "a: 1",
		    "{\"a\":1}" },
		{ "a: 1\r\nb: |\r\n  x\r\n  y\r\n",
		    "{\"a\":1,\"b\":\"x\\ny\\n\"}" },
		{ "--- # only one\nx\n...\n", "\"x\"" },
		{ "99999999999999999999999999", "99999999999999999999999999" },
		{ "0xffffffffffffffffff", "\"0xffffffffffffffffff\"" },
	};
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_arena a = PP_ARENA_INIT;
		struct pp_buf out = PP_BUF_INIT;
		struct pp_yaml *v = pp_yaml_parse(&a, rows[i].yaml,
		    strlen(rows[i].yaml), "t.yaml", &err);

		if (v == NULL)
			fail_msg("%s: %s", rows[i].yaml, err.text);
		pp_yaml_to_json(v, &out);
		assert_string_equal(out.data, rows[i].json);
		pp_buf_release(&out);
		pp_arena_release(&a);
	}
}

static void
mistakes_are_shown_where_they_are(void **state)
{
	static const struct {
		const char *name, *yaml, *error;
	} rows[] = {
		{ "empty", "", "t.yaml:1:1: there is no document in it" },
		{ "comments alone", "# x\n",
		    "t.yaml:2:1: there is no document in it" },
		{ "twice", "a: 1\nb: 2\na: 3\n",
		    "t.yaml:3:1: key 'a' is there twice" },
		{ "twice in flow", "x: {k: 1, \"k\": 2}",
		    "t.yaml:1:11: key 'k' is there twice" },
		{ "two documents", "a: 1\n---\nb: 2\n",
		    "t.yaml:2:1: more than one document" },
		{ "key is a list", "? [a]\n: 1\n",
		    "t.yaml:1:3: a key must be a scalar" },
		{ "key is an alias of a list", "a: &x [1]\n*x : 2\n",
		    "t.yaml:2:1: a key must be a scalar" },
		{ "unknown alias", "a: *b\n", "t.yaml:1:4: unknown alias" },
		{ "alias of itself", "a: &x [*x]\n",
		    "t.yaml:1:8: alias of what it stands in" },
		{ "unknown tag", "a: !!python/object x\n",
		    "t.yaml:1:4: unknown tag" },
		{ "text tag on a list", "!!str [a]",
		    "t.yaml:1:1: a tag for text on a collection" },
		{ "invalid UTF-8", "a: 1\nb: é\xff\n",
		    "t.yaml:2:5: invalid UTF-8" },
		{ "UTF-16",
		    "\xff\xfe"
		    "a\0:\0",
		    "t.yaml:1:1: invalid UTF-8" },
		{ "control character", "a: \"x\x01\"\n",
		    "t.yaml:1:6: control character" },
		{ "tab as indentation", "a:\n\tb: 1\n",
		    "t.yaml:2:1: found character that cannot start any token "
		    "while scanning for the next token" },
		{ "open quote", "a: \"b\n",
		    "t.yaml:2:1: found unexpected end of stream while scanning "
		    "a quoted scalar that begins in line 1" },
		{ "open bracket", "a: [1, 2\n",
		    "t.yaml:2:1: did not find expected ',' or ']' while "
		    "parsing a flow sequence that begins in line 1" },
		{ "bad indentation", "a: 1\n  b: 2\n",
		    "t.yaml:2:4: mapping values are not allowed in this "
		    "context" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct pp_arena a = PP_ARENA_INIT;

		if (pp_yaml_parse(&a, rows[i].yaml, strlen(rows[i].yaml),
			"t.yaml", &err) != NULL)
			fail_msg("%s: was accepted", rows[i].name);
		if (err.code != PP_EDATA ||
		    strcmp(err.text, rows[i].error) != 0)
			fail_msg("%s: got '%s'", rows[i].name, err.text);
		pp_arena_release(&a);
	}
}

static void
each_value_knows_its_place(void **state)
{
	static const char text[] = "steps:\n"
				   "  - id: one\n"
				   "    prompt: |\n"
				   "\n"
				   "      first\n"
				   "        deeper\n"
				   "    same: |2\n"
				   "        kept\n"
				   "    plain: words here\n"
				   "    quoted: 'q'\n"
				   "    tagged:\n"
				   "      !!str # text\n"
				   "      |\n"
				   "      there\n"
				   "    anchored: &here words\n";
	struct pp_error err = PP_ERROR_INIT;
	struct pp_arena a = PP_ARENA_INIT;
	struct pp_yaml *root, *step, *v;

	(void)state;
	root = pp_yaml_parse(&a, text, sizeof text - 1, "t.yaml", &err);
	assert_non_null(root);
	step = pp_yaml_get(root, "steps")->values[0];
	assert_int_equal(step->line, 2);
	assert_int_equal(step->column, 5);
	assert_int_equal(step->keys[1]->line, 3);
	v = pp_yaml_get(step, "prompt");
	assert_int_equal(v->style, PP_YAML_LITERAL);
	assert_string_equal(v->text, "\nfirst\n  deeper\n");
	assert_int_equal(v->line, 3);
	assert_int_equal(v->column, 13);
	assert_int_equal(v->text_line, 4);
	assert_int_equal(v->text_column, 7);
	v = pp_yaml_get(step, "same");
	assert_string_equal(v->text, "  kept\n");
	assert_int_equal(v->text_line, 8);
	assert_int_equal(v->text_column, 7);
	v = pp_yaml_get(step, "plain");
	assert_int_equal(v->style, PP_YAML_PLAIN);
	assert_int_equal(v->text_line, 9);
	assert_int_equal(v->text_column, 12);
	v = pp_yaml_get(step, "quoted");
	assert_int_equal(v->style, PP_YAML_QUOTED);
	assert_int_equal(v->text_column, 14);
	v = pp_yaml_get(step, "tagged");
	assert_string_equal(v->text, "there\n");
	assert_int_equal(v->text_line, 14);
	assert_int_equal(v->text_column, 7);
	v = pp_yaml_get(step, "anchored");
	assert_int_equal(v->text_line, 15);
	assert_int_equal(v->text_column, 21);
	assert_null(pp_yaml_get(step, "none"));
	assert_null(pp_yaml_get(v, "none"));
	pp_arena_release(&a);
}

/* Ten to the ninth values, or bytes, out of a page of text. */
static void
aliases_are_counted_as_often_as_they_are_used(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_arena a = PP_ARENA_INIT;
	struct pp_buf text = PP_BUF_INIT;

	(void)state;
	pp_buf_adds(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 9; i++)
		pp_buf_addf(&text,
		    "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,"
		    "*a%d,*a%d,*a%d,*a%d]\n",
		    i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1,
		    i - 1, i - 1, i - 1);
	assert_null(pp_yaml_parse(&a, text.data, text.len, "t", &err));
	assert_non_null(strstr(err.text, "too many values"));
	pp_buf_clear(&text);
	pp_buf_adds(&text, "- &a ");
	for (int i = 0; i < 100000; i++)
		pp_buf_addc(&text, 'x');
	for (int i = 0; i < 1000; i++)
		pp_buf_adds(&text, "\n- *a");
	assert_null(pp_yaml_parse(&a, text.data, text.len, "t", &err));
	assert_non_null(strstr(err.text, "too much text"));
	pp_buf_release(&text);
	pp_arena_release(&a);
}

static void
nesting_and_anchors_have_bounds(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_arena a = PP_ARENA_INIT;
	struct pp_buf text = PP_BUF_INIT;

	(void)state;
	for (int i = 0; i < 100000; i++)
		pp_buf_addc(&text, '[');
	assert_null(pp_yaml_parse(&a, text.data, text.len, "t", &err));
	assert_string_equal(err.text, "t:1:65: nested too deeply");
	pp_buf_clear(&text);
	pp_buf_adds(&text,
	    "a: &x [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1"
	    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"
	    "b: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[*x]]]]]]]]]]]]]]]]]]]]]]]]]]]"
	    "]]]\n");
	assert_null(pp_yaml_parse(&a, text.data, text.len, "t", &err));
	assert_string_equal(err.text, "t:2:34: nested too deeply");
	pp_buf_clear(&text);
	for (int i = 0; i < 1001; i++)
		pp_buf_addf(&text, "- &a%d x\n", i);
	assert_null(pp_yaml_parse(&a, text.data, text.len, "t", &err));
	assert_string_equal(err.text, "t:1001:3: too many anchors");
	pp_buf_release(&text);
	pp_arena_release(&a);
}

static void
words_for_truth_and_nothing(void **state)
{
	static const struct {
		const char *yaml;
		int truth; /* -1: no boolean */
		bool null;
	} rows[] = {
		{ "[true]", 1, false },
		{ "[No]", 0, false },
		{ "[ON]", 1, false },
		{ "['true']", -1, false },
		{ "[~]", -1, true },
		{ "['']", -1, false },
		{ "[1]", -1, false },
		{ "[[]]", -1, false },
		{ "[null]", -1, true },
	};
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_arena a = PP_ARENA_INIT;
		struct pp_yaml *v = pp_yaml_parse(&a, rows[i].yaml,
		    strlen(rows[i].yaml), "t", &err)
					->values[0];
		bool b = false, is = pp_yaml_bool(v, &b);

		if ((is ? (int)b : -1) != rows[i].truth ||
		    pp_yaml_is_null(v) != rows[i].null)
			fail_msg("%s", rows[i].yaml);
		pp_arena_release(&a);
	}
	assert_true(pp_yaml_is_null(NULL));
	assert_false(pp_yaml_bool(NULL, &(bool){ false }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_typed_by_the_core_schema),
		cmocka_unit_test(mistakes_are_shown_where_they_are),
		cmocka_unit_test(each_value_knows_its_place),
		cmocka_unit_test(aliases_are_counted_as_often_as_they_are_used),
		cmocka_unit_test(nesting_and_anchors_have_bounds),
		cmocka_unit_test(words_for_truth_and_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
