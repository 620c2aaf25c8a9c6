/* Answers held to a JSON Schema: what fits, what does not and where. */
#include <config.h>

#include "test.h"

#include "base/json_schema.h"

#define OBJECT(members) "{\"type\":\"object\"" members "}"
#define WITH(a) OBJECT(",\"properties\":{\"a\":" a "}")

static void
values_are_held_to_it(void **state)
{
	static const struct {
		const char *name, *schema, *value, *wrong; /* NULL: it fits */
	} rows[] = {
		{ "an object", OBJECT(""), "{}", NULL },
		{ "no object", OBJECT(""), "[]", "/: must be of type object" },
		{ "a member that is not there", WITH("{\"type\":\"string\"}"),
		    "{}", NULL },
		{ "a member of another type", WITH("{\"type\":\"string\"}"),
		    "{\"a\":1}", "/a: must be of type string" },
		{ "one of two types", WITH("{\"type\":[\"string\",\"null\"]}"),
		    "{\"a\":null}", NULL },
		{ "none of two types", WITH("{\"type\":[\"string\",\"null\"]}"),
		    "{\"a\":1}", "/a: is of another type" },
		{ "an integer", WITH("{\"type\":\"integer\"}"), "{\"a\":3.0}",
		    NULL },
		{ "no integer", WITH("{\"type\":\"integer\"}"), "{\"a\":3.5}",
		    "/a: must be of type integer" },
		{ "a flag", WITH("{\"type\":\"boolean\"}"), "{\"a\":false}",
		    NULL },
		{ "a missing member", OBJECT(",\"required\":[\"a\",\"b\"]"),
		    "{\"a\":1}", "/: 'b' is missing" },
		{ "names with escapes",
		    OBJECT(",\"required\":[\"a\\\"b\"],\"properties\":"
			   "{\"a\\\"b\":{\"type\":\"null\"}}"),
		    "{\"a\\u0022b\":1}", "must be of type null" },
		{ "no other members",
		    OBJECT(",\"properties\":{\"a\":{}},"
			   "\"additionalProperties\":false"),
		    "{\"a\":1,\"b\":2}", "/b: is not allowed here" },
		{ "other members of a kind",
		    OBJECT(",\"additionalProperties\":{\"type\":\"null\"}"),
		    "{\"b\":2}", "/b: must be of type null" },
		{ "an enum", WITH("{\"enum\":[\"x\",1,{\"k\":[null]}]}"),
		    "{\"a\":{\"k\":[null]}}", NULL },
		{ "an enum's number", WITH("{\"enum\":[1]}"), "{\"a\":1.0}",
		    NULL },
		{ "an enum's text, escaped", WITH("{\"enum\":[\"\\u0041\"]}"),
		    "{\"a\":\"A\"}", NULL },
		{ "none of an enum", WITH("{\"enum\":[\"x\",1]}"),
		    "{\"a\":\"1\"}", "/a: is none of the values" },
		{ "no const", WITH("{\"const\":true}"), "{\"a\":false}",
		    "/a: is not the const" },
		{ "items", WITH("{\"items\":{\"type\":\"number\"}}"),
		    "{\"a\":[1,2,\"x\"]}", "/a/2: must be of type number" },
		{ "few items", WITH("{\"minItems\":2}"), "{\"a\":[1]}",
		    "/a: has fewer items than 2" },
		{ "enough items", WITH("{\"minItems\":2}"), "{\"a\":[1,2]}",
		    NULL },
		{ "many items", WITH("{\"maxItems\":1}"), "{\"a\":[1,2]}",
		    "/a: has more items than 1" },
		{ "characters, not bytes", WITH("{\"maxLength\":2}"),
		    "{\"a\":\"\xc3\xa9\xc3\xa9\"}", NULL },
		{ "a long text", WITH("{\"maxLength\":2}"),
		    "{\"a\":\"\xc3\xa9\xc3\xa9!\"}",
		    "/a: has more characters than 2" },
		{ "a small number", WITH("{\"minimum\":0}"), "{\"a\":-0.5}",
		    "/a: must be at least 0" },
		{ "the bound itself", WITH("{\"minimum\":0,\"maximum\":0}"),
		    "{\"a\":0}", NULL },
		{ "an open bound", WITH("{\"exclusiveMaximum\":1}"),
		    "{\"a\":1}", "/a: must be below 1" },
		{ "a bound of numbers leaves texts", WITH("{\"minimum\":5}"),
		    "{\"a\":\"x\"}", NULL },
		{ "one of anyOf",
		    WITH("{\"anyOf\":[{\"type\":\"null\"},{\"minimum\":3}]}"),
		    "{\"a\":4}", NULL },
		{ "none of anyOf",
		    WITH("{\"anyOf\":[{\"type\":\"null\"},{\"const\":3}]}"),
		    "{\"a\":4}", "/a: fits none of anyOf" },
		{ "not all of allOf",
		    WITH("{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}"),
		    "{\"a\":4}", "/a: must be at most 3" },
		{ "deep inside",
		    WITH("{\"items\":" WITH("{\"type\":\"string\"}") "}"),
		    "{\"a\":[{\"a\":\"\"},{\"a\":{}}]}",
		    "/a/1/a: must be of type string" },
	};
	struct pp_json_doc doc = PP_JSON_DOC_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct pp_json_schema *s = pp_json_schema_new(rows[i].schema,
		    strlen(rows[i].schema), &err);
		const struct pp_json *v;
		int rc;

		if (s == NULL)
			fail_msg("%s: %s", rows[i].name, err.text);
		v = pp_json_parse(&doc, rows[i].value, strlen(rows[i].value), 0,
		    &err);
		rc = pp_json_schema_check(s, v, &err);
		if ((rc == 0) != (rows[i].wrong == NULL))
			fail_msg("%s: %s", rows[i].name, err.text);
		if (rc < 0 && strstr(err.text, rows[i].wrong) == NULL)
			fail_msg("%s: %s", rows[i].name, err.text);
		pp_json_schema_free(s);
	}
	pp_json_doc_release(&doc);
}

static void
what_is_no_schema_is_said(void **state)
{
	static const struct {
		const char *name, *schema, *says;
	} rows[] = {
		{ "no JSON", "{", "byte" },
		{ "no object", "[]", "/: must be a schema" },
		{ "no type", "{}", "/: its type must be object" },
		{ "another type", "{\"type\":\"array\"}",
		    "/: its type must be object" },
		{ "a type of another language", WITH("{\"type\":\"float\"}"),
		    "/properties/a/type: is no type of JSON" },
		{ "a word that is not looked at", WITH("{\"pattern\":\"^x\"}"),
		    "/properties/a/pattern: this word is not known here" },
		{ "a bound that is none", WITH("{\"minimum\":\"1\"}"),
		    "/properties/a/minimum: must be a number" },
		{ "names that are none", OBJECT(",\"required\":[1]"),
		    "/required: must be a list of names" },
		{ "an enum that is no list", WITH("{\"enum\":1}"),
		    "/properties/a/enum: must be a list" },
		{ "a schema in a list", WITH("{\"anyOf\":[1]}"),
		    "/properties/a/anyOf/0: must be a schema" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;

		assert_null(pp_json_schema_new(rows[i].schema,
		    strlen(rows[i].schema), &err));
		assert_int_equal(err.code, PP_EDATA);
		if (strstr(err.text, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].name, err.text);
	}
}

static void
nesting_has_a_bound(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf text = PP_BUF_INIT;

	(void)state;
	pp_buf_adds(&text, "{\"type\":\"object\"");
	for (int i = 0; i < 100; i++)
		pp_buf_adds(&text, ",\"items\":{\"type\":\"array\"");
	for (int i = 0; i < 101; i++)
		pp_buf_addc(&text, '}');
	assert_null(pp_json_schema_new(text.data, text.len, &err));
	assert_non_null(strstr(err.text, "is nested too deep"));
	pp_buf_release(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_held_to_it),
		cmocka_unit_test(what_is_no_schema_is_said),
		cmocka_unit_test(nesting_has_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
