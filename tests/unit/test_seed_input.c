/* Seeds as people have them, and what their records have in common. */
#include <config.h>

#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "job/schema.h"
#include "job/seed.h"
#include "job/seed_input.h"

static char folder[] = "/tmp/pp-seed-XXXXXX";

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL || chdir(folder) < 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	return chdir("/") < 0 || rmdir(folder) < 0;
}

static void
write_text(const char *name, const void *text, size_t len)
{
	struct pp_error err = PP_ERROR_INIT;

	assert_ok(pp_io_write_file(name, text, len, 0600, &err), err);
}

/*
 * All records, one a line with the line that each began on, and then the
 * error, if there is one.
 */
static void
read_all(const char *name, enum pp_seed_format format, bool entries,
    struct pp_buf *out)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_seed_record r;
	struct pp_seed_input *in = pp_seed_input_open(name, format, entries,
	    &err);
	int n = in == NULL ? -1 : 0;

	while (in != NULL && (n = pp_seed_input_next(in, &r, &err)) > 0) {
		pp_buf_addf(out, "%lld ", (long long)r.line);
		pp_buf_add(out, r.text, r.len);
		pp_buf_addc(out, '\n');
	}
	if (n < 0)
		pp_buf_addf(out, "%s\n", err.text);
	pp_seed_input_close(in);
}

static void
files_are_read_record_by_record(void **state)
{
	static const struct {
		const char *name, *file, *text, *expect;
	} rows[] = {
		{ "lines", "s.jsonl", "{\"a\":1}\n{\"a\":2}\n",
		    "1 {\"a\":1}\n2 {\"a\":2}\n" },
		{ "no newline at the end", "s.jsonl", "{\"a\":1}",
		    "1 {\"a\":1}\n" },
		{ "CRLF, empty lines, blanks", "s.ndjson",
		    "\r\n{\"a\":1}\r\n  \n\t{\"a\": 2} \r\n\r\n",
		    "2 {\"a\":1}\n4 {\"a\": 2}\n" },
		{ "byte order mark", "s.jsonl", "\xef\xbb\xbf{\"a\":1}\n",
		    "1 {\"a\":1}\n" },
		{ "array", "s.json", "[{\"a\":1},{\"a\":2}]",
		    "1 {\"a\":1}\n1 {\"a\":2}\n" },
		{ "array over lines", "s.json",
		    "\n[\n {\n  \"a\": [1,\n 2],\n"
		    "  \"b\": \"x \\\" \\\\\"\n }\n ,\n {}\n]\n",
		    "3 {\"a\":[1,2],\"b\":\"x \\\" \\\\\"}\n9 {}\n" },
		{ "one object", "s.json", "{\"a\":\n1}\n", "1 {\"a\":1}\n" },
		{ "csv", "s.csv", "a,b\n1,x\n2,\"y, \"\"z\"\"\"\n",
		    "2 {\"a\":\"1\",\"b\":\"x\"}\n"
		    "3 {\"a\":\"2\",\"b\":\"y, \\\"z\\\"\"}\n" },
		{ "csv with a newline in a field and in the header", "s.csv",
		    "a,\"b\nc\"\r\n1,\"x\r\ny\"\r\n\r\n2,z",
		    "3 {\"a\":\"1\",\"b\\nc\":\"x\\r\\ny\"}\n"
		    "6 {\"a\":\"2\",\"b\\nc\":\"z\"}\n" },
		{ "csv values stay strings", "s.CSV", "n\n007\nnull\n\"\"\n",
		    "2 {\"n\":\"007\"}\n3 {\"n\":\"null\"}\n"
		    "4 {\"n\":\"\"}\n" },
		{ "csv with a byte order mark", "s.csv",
		    "\xef\xbb\xbf\"n\"\n1\n", "2 {\"n\":\"1\"}\n" },
		{ "array by its text", "s.txt", " [{\"a\":1}]",
		    "1 {\"a\":1}\n" },
		{ "lines by their text", "s", "{\"a\":1}\n{\"a\":2}\n",
		    "1 {\"a\":1}\n2 {\"a\":2}\n" },
		{ "object by its text", "s", "{\n\"a\":1}\n", "1 {\"a\":1}\n" },
		{ "one line by its text", "s", "{\"a\":1}", "1 {\"a\":1}\n" },
		{ "csv by its text", "s", "a\n1\n", "2 {\"a\":\"1\"}\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_buf out = PP_BUF_INIT;

		write_text(rows[i].file, rows[i].text, strlen(rows[i].text));
		read_all(rows[i].file, PP_SEED_ANY, false, &out);
		if (strcmp(out.data, rows[i].expect) != 0)
			fail_msg("%s: got %s", rows[i].name, out.data);
		unlink(rows[i].file);
		pp_buf_release(&out);
	}
}

static void
bad_files_name_their_line(void **state)
{
	static const struct {
		const char *name, *file, *text, *expect;
	} rows[] = {
		{ "empty", "s.jsonl", "", "s.jsonl:1: no record in it\n" },
		{ "blank", "s.jsonl", "\n \n", "s.jsonl:3: no record in it\n" },
		{ "empty json", "s.json", "", "s.json:1: no record in it\n" },
		{ "empty array", "s.json", "[ ]",
		    "s.json:1: no record in it\n" },
		{ "empty csv", "s.csv", "", "s.csv:1: no record in it\n" },
		{ "header alone", "s.csv", "a,b\n",
		    "s.csv:2: no record in it\n" },
		{ "a broken line", "s.jsonl", "{\"a\":1}\n{\"a\":}\n{}\n",
		    "1 {\"a\":1}\ns.jsonl:2: expected a value at byte 6\n" },
		{ "cut", "s.jsonl", "{\"a\":1}\n{\"a\":\"x",
		    "1 {\"a\":1}\ns.jsonl:2: string without an end at "
		    "byte 6\n" },
		{ "two on a line", "s.jsonl", "{} {}\n",
		    "s.jsonl:1: text after the value at byte 4\n" },
		{ "an array as JSONL", "s.jsonl", "[{\"a\":1}]\n",
		    "s.jsonl:1: a record must be an object, not an array\n" },
		{ "a number", "s.jsonl", "{}\n12\n",
		    "1 {}\ns.jsonl:2: a record must be an object, not a "
		    "number\n" },
		{ "invalid UTF-8", "s.jsonl", "{}\n{\"a\":\"\xff\"}\n",
		    "1 {}\ns.jsonl:2: invalid UTF-8 at byte 7\n" },
		{ "UTF-16", "s.jsonl", "\xff\xfe{",
		    "s.jsonl:1: UTF-16 text, where UTF-8 is needed\n" },
		{ "byte order mark inside", "s.jsonl", "{}\n\xef\xbb\xbf{}\n",
		    "1 {}\ns.jsonl:2: byte order mark at byte 1\n" },
		{ "twice", "s.jsonl",
		    "{\"a\":1,\"b\":{\"c\":1,\"\\u0063\":2}}\n",
		    "s.jsonl:1: member \"\\u0063\" is there twice\n" },
		{ "huge number", "s.jsonl", "{\"a\":1e400}\n",
		    "s.jsonl:1: number out of range: 1e400\n" },
		{ "half a pair", "s.jsonl", "{\"a\":\"\\ud800\"}\n",
		    "s.jsonl:1: half of a surrogate pair at byte 7\n" },
		{ "json, missing comma", "s.json", "[{\"a\":1}\n{\"a\":2}]",
		    "1 {\"a\":1}\ns.json:2: expected ',' or ']' at byte 1\n" },
		{ "json, comma at the end", "s.json", "[{\"a\":1},\n ]",
		    "1 {\"a\":1}\ns.json:2: expected a value at byte 2\n" },
		{ "json, cut", "s.json", "[{\"a\":1},\n{\"a\":[2",
		    "1 {\"a\":1}\ns.json:2: expected ',' or ']' at byte 8\n" },
		{ "json, cut behind a comma", "s.json", "[{\"a\":1},",
		    "1 {\"a\":1}\ns.json:1: text ends where a value is expected "
		    "at byte 10\n" },
		{ "json, cut behind a record", "s.json", "[{\"a\":1}\n",
		    "1 {\"a\":1}\ns.json:2: expected ',' or ']' at byte 1\n" },
		{ "json, record of several lines", "s.json",
		    "[{\n\"a\":1,\n\"b\" 2}]",
		    "s.json:3: expected ':' at "
		    "byte 5\n" },
		{ "json, text after", "s.json", "[{}]\n x",
		    "1 {}\ns.json:2: text after the array at byte 2\n" },
		{ "json, number", "s.json", "12",
		    "s.json:1: expected an array or an object at byte 1\n" },
		{ "json, numbers", "s.json", "[1,2]",
		    "s.json:1: a record must be an object, not a number\n" },
		{ "json, really JSONL", "s.json", "{}\n{}\n",
		    "1 {}\ns.json:2: text after the object (one object a line "
		    "is the format jsonl) at byte 1\n" },
		{ "csv, too few", "s.csv", "a,b\n1,2\n3\n",
		    "2 {\"a\":\"1\",\"b\":\"2\"}\ns.csv:3: 1 fields, where the "
		    "header has 2\n" },
		{ "csv, too many", "s.csv", "a\n\"1\n\"\n2,3\n",
		    "2 {\"a\":\"1\\n\"}\ns.csv:4: 2 fields, where the header "
		    "has 1\n" },
		{ "csv, open quote", "s.csv", "a\nx\n\"b\nc\n",
		    "2 {\"a\":\"x\"}\ns.csv:3: quoted field without an end at "
		    "byte 1\n" },
		{ "csv, stray quote", "s.csv", "a,b\n1,x\"y\"\n",
		    "s.csv:2: quote inside a field without quotes at byte 4\n" },
		{ "csv, column twice", "s.csv", "a,b,a\n1,2,3\n",
		    "s.csv:1: column \"a\" is there twice\n" },
		{ "csv, no name", "s.csv", "a,\n1,2\n",
		    "s.csv:1: a column has no name\n" },
		{ "csv, invalid UTF-8", "s.csv", "a,b\n1,2\n3,\xe9\n",
		    "2 {\"a\":\"1\",\"b\":\"2\"}\ns.csv:3: invalid UTF-8 at "
		    "byte 3\n" },
		{ "csv, old line ends", "s.csv", "a\rb\r",
		    "s.csv:1: carriage return without a line feed at byte 2\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_buf out = PP_BUF_INIT;

		write_text(rows[i].file, rows[i].text, strlen(rows[i].text));
		read_all(rows[i].file, PP_SEED_ANY, false, &out);
		if (strcmp(out.data, rows[i].expect) != 0)
			fail_msg("%s: got %s", rows[i].name, out.data);
		unlink(rows[i].file);
		pp_buf_release(&out);
	}
}

/* `count` members, of which one may be there twice, once with an escape. */
static char *
many_members(int count, int twice)
{
	struct pp_buf text = PP_BUF_INIT;

	for (int i = 0; i < count; i++)
		pp_buf_addf(&text, "%c\"k%d\":%d", i == 0 ? '{' : ',', i, i);
	if (twice >= 0)
		pp_buf_addf(&text, ",\"\\u006b%d\":0", twice);
	pp_buf_adds(&text, "}\n");
	return pp_buf_detach(&text, NULL);
}

static void
a_member_twice_is_found_among_many(void **state)
{
	static const struct {
		int count, twice;
	} rows[] = { { 3, 0 }, { 3, 2 }, { 12, -1 }, { 13, -1 }, { 13, 0 },
		{ 13, 12 }, { 1000, 500 }, { 100000, -1 }, { 100000, 99999 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *text = many_members(rows[i].count, rows[i].twice);
		char *expect = rows[i].twice < 0 ?
		    pp_asprintf("1 %s", text) :
		    pp_asprintf("s.jsonl:1: member "
				"\"\\u006b%d\" is there twice\n",
			rows[i].twice);
		struct pp_buf out = PP_BUF_INIT;

		write_text("s.jsonl", text, strlen(text));
		read_all("s.jsonl", PP_SEED_ANY, false, &out);
		if (strcmp(out.data, expect) != 0)
			fail_msg("%d, %d: %.100s", rows[i].count, rows[i].twice,
			    out.data);
		pp_buf_release(&out);
		free(text);
		free(expect);
	}
	unlink("s.jsonl");
}

static void
nul_bytes_are_named(void **state)
{
	static const char csv[] = "a\nx\0y\n", jsonl[] = "{\"a\":\"\0\"}\n",
			  json[] = "[\0]";
	struct pp_buf out = PP_BUF_INIT;

	(void)state;
	write_text("s.csv", csv, sizeof csv - 1);
	write_text("s.jsonl", jsonl, sizeof jsonl - 1);
	write_text("s.json", json, sizeof json - 1);
	read_all("s.csv", PP_SEED_ANY, false, &out);
	read_all("s.jsonl", PP_SEED_ANY, false, &out);
	read_all("s.json", PP_SEED_ANY, false, &out);
	assert_string_equal(out.data,
	    "s.csv:2: NUL byte at byte 2\n"
	    "s.jsonl:1: control character in a string at byte 7\n"
	    "s.json:1: expected a value at byte 2\n");
	unlink("s.csv");
	unlink("s.jsonl");
	unlink("s.json");
	pp_buf_release(&out);
}

static void
entries_of_a_dictionary_get_their_key(void **state)
{
	static const struct {
		const char *name, *text, *expect;
	} rows[] = {
		{ "entries", "{\"x\": {\"a\": 1},\n \"y\\n\" : {\n}}\n",
		    "1 {\"_key\":\"x\",\"a\":1}\n2 {\"_key\":\"y\\n\"}\n" },
		{ "none", "{}", "s.json:1: no record in it\n" },
		{ "an array", "[{}]",
		    "s.json:1: expected an object of "
		    "entries, not an array at byte 1\n" },
		{ "not an object", "{\"x\":{},\n\"y\":3}",
		    "1 {\"_key\":\"x\"}\ns.json:2: a record must be an object, "
		    "not a number\n" },
		{ "key there already", "{\"x\":{\"_key\":1}}",
		    "s.json:1: entry \"x\" has a member \"_key\" already\n" },
		{ "no colon", "{\"x\" {}}",
		    "s.json:1: expected ':' at byte 6\n" },
		{ "no key", "{{}}",
		    "s.json:1: expected a key in quotes at byte 2\n" },
		{ "cut in a key", "{\"x",
		    "s.json:1: string without an end at byte 2\n" },
		{ "cut behind a key", "{\"x\"",
		    "s.json:1: expected ':' at byte 5\n" },
		{ "not closed", "{\"x\":{}",
		    "1 {\"_key\":\"x\"}\ns.json:1: expected ',' or '}' at "
		    "byte 8\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_buf out = PP_BUF_INIT;

		write_text("s.json", rows[i].text, strlen(rows[i].text));
		read_all("s.json", PP_SEED_ANY, true, &out);
		if (strcmp(out.data, rows[i].expect) != 0)
			fail_msg("%s: got %s", rows[i].name, out.data);
		unlink("s.json");
		pp_buf_release(&out);
	}
}

/* `count` bytes of `c` between two texts. */
static void
write_long(const char *name, const char *before, char c, size_t count,
    const char *after)
{
	struct pp_buf text = PP_BUF_INIT;

	pp_buf_adds(&text, before);
	pp_buf_reserve(&text, count);
	memset(text.data + text.len, c, count);
	text.len += count;
	text.data[text.len] = '\0';
	pp_buf_adds(&text, after);
	write_text(name, text.data, text.len);
	pp_buf_release(&text);
}

static void
a_record_may_be_long_but_not_too_long(void **state)
{
	static const struct {
		const char *file, *before, *after;
	} rows[] = {
		{ "s.jsonl", "{\"a\":\"", "\"}\n{}\n" },
		{ "s.json", "[{\"a\":\"", "\"},{}]" },
		{ "s.csv", "a\n\"", "\"\nx\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_buf out = PP_BUF_INIT;

		write_long(rows[i].file, rows[i].before, 'x',
		    PP_SEED_MAX_BYTES - 100, rows[i].after);
		read_all(rows[i].file, PP_SEED_ANY, false, &out);
		assert_true(out.len > PP_SEED_MAX_BYTES - 100);
		assert_non_null(strchr(out.data, '\n')[1] == '\0' ? NULL : "");
		pp_buf_clear(&out);
		write_long(rows[i].file, rows[i].before, 'x',
		    PP_SEED_MAX_BYTES * 2, rows[i].after);
		read_all(rows[i].file, PP_SEED_ANY, false, &out);
		if (strstr(out.data, "longer than 16777216 bytes") == NULL)
			fail_msg("%s: got %.200s", rows[i].file, out.data);
		unlink(rows[i].file);
		pp_buf_release(&out);
	}
}

static void
deep_nesting_is_an_error(void **state)
{
	struct pp_buf out = PP_BUF_INIT;

	(void)state;
	write_long("s.jsonl", "{\"a\":", '[', 100000, "\n");
	write_long("s.json", "[{\"a\":", '[', 100000, "");
	read_all("s.jsonl", PP_SEED_ANY, false, &out);
	read_all("s.json", PP_SEED_ANY, false, &out);
	assert_string_equal(out.data,
	    "s.jsonl:1: nested too deeply at byte 517\n"
	    "s.json:1: nested too deeply at byte 518\n");
	unlink("s.jsonl");
	unlink("s.json");
	pp_buf_release(&out);
}

/* An open bracket makes all that follows part of one record. */
static void
what_made_a_record_too_long_is_named(void **state)
{
	struct pp_buf text = PP_BUF_INIT, out = PP_BUF_INIT;

	(void)state;
	pp_buf_adds(&text, "[\n{\"a\":1,\n");
	while (text.len < PP_SEED_MAX_BYTES * 2)
		pp_buf_adds(&text,
		    "{\"b\":\"some more text, of some length\"},"
		    "\n");
	write_text("s.json", text.data, text.len);
	read_all("s.json", PP_SEED_ANY, false, &out);
	assert_string_equal(out.data,
	    "s.json:3: expected a key in quotes at byte 1\n");
	unlink("s.json");
	pp_buf_release(&text);
	pp_buf_release(&out);
}

static void
files_that_cannot_be_read_say_so(void **state)
{
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	assert_null(pp_seed_input_open("none.jsonl", PP_SEED_ANY, false, &err));
	assert_int_equal(err.code, PP_ENOENT);
	assert_null(pp_seed_input_open(".", PP_SEED_ANY, false, &err));
	assert_int_equal(err.code, PP_EIO);
	write_text("s.csv", "a\n1\n", 4);
	assert_null(pp_seed_input_open("s.csv", PP_SEED_ANY, true, &err));
	assert_int_equal(err.code, PP_EUSAGE);
	unlink("s.csv");
}

/* ---- schema ---- */

static char *
schema_of(const char *const *records)
{
	struct pp_schema *s = pp_schema_new();
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf out = PP_BUF_INIT;

	for (; *records != NULL; records++) {
		if (pp_json_parse(&doc, *records, strlen(*records), 0, &err) ==
		    NULL)
			fail_msg("%s: %s", *records, err.text);
		pp_schema_add(s, doc.nodes);
	}
	pp_schema_put_json(s, &out);
	pp_schema_free(s);
	pp_json_doc_release(&doc);
	return pp_buf_detach(&out, NULL);
}

static void
a_schema_tells_types_and_what_is_required(void **state)
{
	static const char *const records[] = {
		"{\"a\":1,\"b\":{\"c\":\"x\"},\"l\":[{\"t\":1},{\"t\":null}]}",
		"{\"b\":{},\"a\":1.5,\"l\":[]}",
		"{\"a\":null,\"b\":{\"c\":true},\"l\":[{\"u\":[\"\"]}],"
		"\"o\":{\"\\u0070\":1}}",
		NULL
	};
	char *schema = schema_of(records);

	(void)state;
	assert_string_equal(schema,
	    "{\"fields\":["
	    "{\"path\":\"a\",\"types\":[\"null\",\"integer\",\"number\"],"
	    "\"count\":3,\"required\":true},"
	    "{\"path\":\"b\",\"types\":[\"object\"],\"count\":3,"
	    "\"required\":true},"
	    "{\"path\":\"b.c\",\"types\":[\"boolean\",\"string\"],"
	    "\"count\":2,\"required\":false},"
	    "{\"path\":\"l\",\"types\":[\"array\"],\"count\":3,"
	    "\"required\":true},"
	    "{\"path\":\"l[]\",\"types\":[\"object\"],\"count\":3,"
	    "\"required\":true},"
	    "{\"path\":\"l[].t\",\"types\":[\"null\",\"integer\"],"
	    "\"count\":2,\"required\":false},"
	    "{\"path\":\"l[].u\",\"types\":[\"array\"],\"count\":1,"
	    "\"required\":false},"
	    "{\"path\":\"l[].u[]\",\"types\":[\"string\"],\"count\":1,"
	    "\"required\":false},"
	    "{\"path\":\"o\",\"types\":[\"object\"],\"count\":1,"
	    "\"required\":false},"
	    "{\"path\":\"o.p\",\"types\":[\"integer\"],\"count\":1,"
	    "\"required\":false}"
	    "],\"truncated\":false}");
	free(schema);
}

static void
a_schema_stays_small(void **state)
{
	struct pp_buf many = PP_BUF_INIT, deep = PP_BUF_INIT;
	const char *records[4] = { NULL };
	char *schema;

	(void)state;
	for (int i = 0; i < 100000; i++)
		pp_buf_addf(&many, "%c\"key%d\":%d", i == 0 ? '{' : ',', i, i);
	pp_buf_addc(&many, '}');
	for (int i = 0; i < 500; i++)
		pp_buf_adds(&deep, i % 2 ? "[" : "{\"k\":");
	pp_buf_adds(&deep, "1");
	for (int i = 499; i >= 0; i--)
		pp_buf_adds(&deep, i % 2 ? "]" : "}");
	records[0] = deep.data;
	records[1] = many.data;
	/* Names that look alike to functions for C strings. */
	records[2] = "{\"z\\u0000a\":1,\"z\":2,\"\":{\"\":{\"\":[]}}}";
	schema = schema_of(records);
	assert_true(strlen(schema) < 200000);
	assert_non_null(strstr(schema, "\"truncated\":true"));
	free(schema);
	records[0] = records[2];
	records[1] = NULL;
	schema = schema_of(records);
	assert_non_null(strstr(schema, "{\"path\":\"z\\u0000a\""));
	assert_non_null(strstr(schema, "{\"path\":\"z\",\"types\""));
	free(schema);
	pp_buf_release(&many);
	pp_buf_release(&deep);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_read_record_by_record),
		cmocka_unit_test(bad_files_name_their_line),
		cmocka_unit_test(a_member_twice_is_found_among_many),
		cmocka_unit_test(nul_bytes_are_named),
		cmocka_unit_test(entries_of_a_dictionary_get_their_key),
		cmocka_unit_test(a_record_may_be_long_but_not_too_long),
		cmocka_unit_test(deep_nesting_is_an_error),
		cmocka_unit_test(what_made_a_record_too_long_is_named),
		cmocka_unit_test(files_that_cannot_be_read_say_so),
		cmocka_unit_test(a_schema_tells_types_and_what_is_required),
		cmocka_unit_test(a_schema_stays_small),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
