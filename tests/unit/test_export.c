/* Types of rows, plain JSON, names of partitions, sorting, whole exports. */
#include <config.h>

#include "test.h"
#include "home.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "export/compact.h"
#include "export/export.h"
#include "export/hive.h"
#include "export/rowtype.h"
#include "export/sorter.h"

/* ---- a folder of its own for each test ---- */

static char folder[TEST_FOLDER_BYTES];

static char *
in_folder(const char *name)
{
	return pp_asprintf("%s/%s", folder, name);
}

static int
make_folder(void **state)
{
	(void)state;
	return test_folder_make(folder);
}

static int
remove_folder(void **state)
{
	(void)state;
	return test_folder_remove(folder);
}

static void
check_file(const char *name, const char *expected)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf text = PP_BUF_INIT;
	char *path = in_folder(name);

	assert_ok(pp_io_read_file(path, &text, &err), err);
	assert_string_equal(text.data, expected);
	pp_buf_release(&text);
	free(path);
}

static bool
is_there(const char *name)
{
	char *path = in_folder(name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* ---- types ---- */

static int
see(struct pp_type *t, const char *text, struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *v;
	int rc;

	v = pp_json_parse(&doc, text, strlen(text), 0, err);
	assert_non_null(v);
	rc = pp_type_see(t, v, err);
	pp_json_doc_release(&doc);
	return rc;
}

/* The type of "v" in two rows, looked at in either order. */
static void
check_type(const char *name, const char *a, const char *b, const char *type)
{
	const char *rows[2] = { a, b };

	for (int first = 0; first < 2; first++) {
		struct pp_type *t = pp_type_new();
		struct pp_error err = PP_ERROR_INIT;
		struct pp_buf out = PP_BUF_INIT;

		for (int i = 0; i < 2; i++) {
			char *row = pp_asprintf("{\"v\":%s}",
			    rows[(first + i) % 2]);

			assert_ok(see(t, row, &err), err);
			assert_int_equal(see(t, row, &err), 0);
			free(row);
		}
		pp_type_put_json(t, &out);
		if (strncmp(out.data, "[{\"name\":\"v\",", 13) != 0 ||
		    strncmp(out.data + 13, type, strlen(type)) != 0)
			fail_msg("%s: %s", name, out.data);
		pp_buf_release(&out);
		pp_type_free(t);
	}
}

static void
types_widen_by_one_rule_in_any_order(void **state)
{
	static const struct {
		const char *name, *a, *b, *type;
	} rows[] = {
		{ "a null says nothing", "null", "1", "\"type\":\"int\"}" },
		{ "only nulls", "null", "null", "\"type\":\"string\"}" },
		{ "int and double", "1", "1.5", "\"type\":\"double\"}" },
		{ "a wide int alone", "9007199254740993", "1",
		    "\"type\":\"int\"}" },
		{ "a wide int and a double", "9007199254740993", "1.5",
		    "\"type\":\"json\"}" },
		{ "no int of 64 bits", "9223372036854775808", "1",
		    "\"type\":\"json\"}" },
		{ "the least of 64 bits", "-9223372036854775808", "1",
		    "\"type\":\"int\"}" },
		{ "too large for a double", "1e400", "1.5",
		    "\"type\":\"json\"}" },
		{ "string and int", "\"a\"", "1", "\"type\":\"json\"}" },
		{ "bool and int", "true", "1", "\"type\":\"json\"}" },
		{ "bools", "true", "false", "\"type\":\"bool\"}" },
		{ "an empty list", "[]", "[1]",
		    "\"type\":\"list\",\"element\":{\"type\":\"int\"}}" },
		{ "lists widen inside", "[1]", "[2.5]",
		    "\"type\":\"list\",\"element\":{\"type\":\"double\"}}" },
		{ "list and struct", "[]", "{}", "\"type\":\"json\"}" },
		{ "an empty object alone", "{}", "{}", "\"type\":\"json\"}" },
		{ "an empty object is a struct", "{}", "{\"a\":1}",
		    "\"type\":\"struct\",\"fields\":[{\"name\":\"a\","
		    "\"type\":\"int\"}]}" },
		{ "structs widen inside", "{\"a\":1}", "{\"a\":\"x\"}",
		    "\"type\":\"struct\",\"fields\":[{\"name\":\"a\","
		    "\"type\":\"json\"}]}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		check_type(rows[i].name, rows[i].a, rows[i].b, rows[i].type);
}

static void
an_object_with_too_many_keys_is_json(void **state)
{
	struct pp_type *t = pp_type_new();
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf row = PP_BUF_INIT;

	(void)state;
	for (int i = 0; i <= PP_TYPE_MAX_FIELDS; i++) {
		pp_buf_clear(&row);
		pp_buf_addf(&row, "{\"v\":{\"key%d\":1}}", i);
		assert_ok(see(t, row.data, &err), err);
	}
	assert_int_equal(t->fields[0]->kind, PP_KIND_JSON);
	assert_int_equal(see(t, "{\"v\":{\"x\":[]}}", &err), 0);
	pp_type_free(t);
	pp_buf_release(&row);
}

static void
rows_have_only_so_many_columns(void **state)
{
	struct pp_type *t = pp_type_new();
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf row = PP_BUF_INIT;

	(void)state;
	pp_buf_addc(&row, '{');
	for (int i = 0; i <= PP_TYPE_MAX_COLUMNS; i++)
		pp_buf_addf(&row, "%s\"c%d\":%d", i > 0 ? "," : "", i, i);
	pp_buf_addc(&row, '}');
	assert_fails(see(t, row.data, &err), err, PP_EDATA);
	pp_type_free(t);
	pp_buf_release(&row);
}

static void
declared_fields_take_what_fits(void **state)
{
	static const struct {
		const char *name, *type, *value;
		bool fits;
	} rows[] = {
		{ "null fits all", "int", "null", true },
		{ "an int", "int", "-12", true },
		{ "an int with a point", "int", "1.0", true },
		{ "no int", "int", "1.5", false },
		{ "no int either", "int", "\"1\"", false },
		{ "an int as a double", "double", "3", true },
		{ "an int that no double is", "double", "9007199254740993",
		    false },
		{ "not a number", "double", "\"NaN\"", true },
		{ "infinite", "double", "\"-Infinity\"", true },
		{ "another text", "double", "\"nan\"", false },
		{ "a number as text", "string", "17", true },
		{ "no list as text", "string", "[1]", false },
		{ "a time", "timestamp", "\"2025-11-19T23:59:59.123456Z\"",
		    true },
		{ "a day", "timestamp", "\"2024-02-29\"", true },
		{ "no such day", "timestamp", "\"2023-02-29\"", false },
		{ "no such hour", "timestamp", "\"2023-02-28T24:00:00Z\"",
		    false },
		{ "no zone", "timestamp", "\"2023-02-28T12:00:00\"", false },
		{ "nanoseconds", "timestamp",
		    "\"2025-11-19T23:59:59.123456789Z\"", false },
		{ "zeros as nanoseconds", "timestamp",
		    "\"2025-11-19T23:59:59.123456000Z\"", true },
		{ "money", "decimal(18,9)", "\"123456789.123456789\"", true },
		{ "money as a number", "decimal(18,9)", "0.5", true },
		{ "too many places", "decimal(18,2)", "\"0.125\"", false },
		{ "zeros in too many places", "decimal(18,2)", "\"0.1200\"",
		    true },
		{ "too large", "decimal(4,2)", "\"100\"", false },
		{ "large enough", "decimal(4,2)", "\"-99.99\"", true },
		{ "an exponent", "decimal(4,2)", "1e1", false },
		{ "no digits", "decimal(4,2)", "\".\"", false },
		{ "a uuid", "uuid", "\"0190A000-0000-7000-8000-000000000001\"",
		    true },
		{ "no uuid", "uuid", "\"0190a00000007000800000000000001\"",
		    false },
		{ "anything", "json", "[{\"a\":1}]", true },
		{ "a list", "list(int)", "[1,null]", true },
		{ "no list", "list(int)", "1", false },
		{ "a list of others", "list(int)", "[1,\"a\"]", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct pp_type *t = pp_type_new();
		char *text = pp_asprintf("v=%s", rows[i].type);
		char *row = pp_asprintf("{\"v\":%s}", rows[i].value);
		bool fits;

		assert_ok(pp_type_declare(t, text, &err), err);
		fits = see(t, row, &err) >= 0;
		if (fits != rows[i].fits)
			fail_msg("%s: %s", rows[i].name, err.text);
		free(text);
		free(row);
		pp_type_free(t);
	}
}

static void
declarations_that_are_none_are_refused(void **state)
{
	static const char *const rows[] = { "", "v", "=int", "v=", "v=text",
		"v=list", "v=list()", "v=struct", "v=decimal",
		"v=decimal(19,2)", "v=decimal(2,3)", "v=decimal(4,2)x",
		"v=list(list(x))" };
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_type *t = pp_type_new();

		if (pp_type_declare(t, rows[i], &err) >= 0)
			fail_msg("'%s' was taken", rows[i]);
		assert_int_equal(err.code, PP_EUSAGE);
		pp_type_free(t);
	}
}

static void
fields_keep_the_order_they_appear_in(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_type *t = pp_type_new();

	(void)state;
	assert_ok(pp_type_declare(t, "never=int", &err), err);
	assert_ok(pp_type_declare(t, "third=int", &err), err);
	assert_ok(see(t, "{\"first\":1,\"second\":2}", &err), err);
	assert_ok(see(t, "{\"third\":3,\"first\":1}", &err), err);
	assert_int_equal(t->count, 4);
	assert_string_equal(t->fields[0]->name, "first");
	assert_string_equal(t->fields[1]->name, "second");
	assert_string_equal(t->fields[2]->name, "third");
	assert_string_equal(t->fields[3]->name, "never");
	pp_type_free(t);
}

static void
times_are_microseconds_since_1970(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1969-12-31T23:59:59.999999Z", -1 },
		{ "1970-01-01T01:00:00+01:00", 0 },
		{ "2000-02-29", INT64_C(951782400000000) },
		{ "0001-01-01", INT64_C(-62135596800000000) },
		{ "0000-01-01", INT64_C(-62167219200000000) },
		{ "9999-12-31T23:59:59.999999Z", INT64_C(253402300799999999) },
	};
	int64_t us;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_true(pp_type_timestamp(rows[i].text,
		    strlen(rows[i].text), &us));
		if (us != rows[i].us)
			fail_msg("%s: %lld", rows[i].text, (long long)us);
	}
}

/* ---- plain JSON, names of partitions ---- */

static void
json_comes_out_in_its_plainest_form(void **state)
{
	static const struct {
		const char *name, *in, *out;
	} rows[] = {
		{ "as it is", "{\"a\":[1,2.50,\"x\\ny\"],\"b\":{}}",
		    "{\"a\":[1,2.50,\"x\\ny\"],\"b\":{}}" },
		{ "blanks", " { \"a\" : [ 1 , 2 ] } ", "{\"a\":[1,2]}" },
		{ "blanks within text stay", "[\" a \"]", "[\" a \"]" },
		{ "escapes without need", "[\"caf\\u00e9\\/\\u0041\"]",
		    "[\"café/A\"]" },
		{ "escapes with need", "[\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\"]",
		    "[\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\"]" },
		{ "a pair of surrogates", "[\"\\ud83d\\ude00\"]", "[\"😀\"]" },
		{ "numbers stay", "[1e5,-0,1.10,12345678901234567890]",
		    "[1e5,-0,1.10,12345678901234567890]" },
		{ "of equal names the last", "{\"a\":1,\"b\":2,\"a\":3}",
		    "{\"b\":2,\"a\":3}" },
		{ "equal by their escapes", "{\"\\u0061\":1,\"a\":2}",
		    "{\"a\":2}" },
		{ "of equal names inside", "[{\"x\":{\"k\":1,\"k\":[ ]}}]",
		    "[{\"x\":{\"k\":[]}}]" },
	};
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_buf out = PP_BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		pp_buf_clear(&out);
		pp_compact_put(&out,
		    pp_json_parse(&doc, rows[i].in, strlen(rows[i].in), 0,
			NULL));
		if (strcmp(out.data, rows[i].out) != 0)
			fail_msg("%s: %s", rows[i].name, out.data);
	}
	pp_buf_release(&out);
	pp_json_doc_release(&doc);
}

static void
many_names_are_told_apart(void **state)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_buf in = PP_BUF_INIT, out = PP_BUF_INIT;

	(void)state;
	pp_buf_addc(&in, '{');
	for (int i = 0; i < 5000; i++)
		pp_buf_addf(&in, "\"k\\u00%02x%d\":%d,", 0x61 + i % 2, i / 4,
		    i);
	pp_buf_adds(&in, "\"end\":0}");
	pp_compact_put(&out, pp_json_parse(&doc, in.data, in.len, 0, NULL));
	assert_non_null(strstr(out.data, "{\"ka0\":2,\"kb0\":3,\"ka1\":6,"));
	assert_non_null(strstr(out.data, ",\"kb1249\":4999,\"end\":0}"));
	pp_buf_release(&in);
	pp_buf_release(&out);
	pp_json_doc_release(&doc);
}

static void
partitions_have_safe_names(void **state)
{
	static const struct {
		const char *value, *name;
	} rows[] = {
		{ "poem", "c=poem/" },
		{ "", "c=__HIVE_DEFAULT_PARTITION__/" },
		{ "__HIVE_DEFAULT_PARTITION__",
		    "c=%5F_HIVE_DEFAULT_PARTITION__/" },
		{ "a/b", "c=a%2Fb/" },
		{ "..", "c=%2E./" },
		{ ".", "c=%2E/" },
		{ "a b=c%", "c=a%20b%3Dc%25/" },
		{ "x\n", "c=x%0A/" },
		{ "é", "c=%C3%A9/" },
	};
	struct pp_buf out = PP_BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		pp_buf_clear(&out);
		pp_hive_put(&out, "c", rows[i].value, strlen(rows[i].value));
		assert_string_equal(out.data, rows[i].name);
	}
	pp_buf_release(&out);
}

static void
long_partitions_are_cut_and_stay_different(void **state)
{
	struct pp_buf a = PP_BUF_INIT, b = PP_BUF_INIT;
	char value[1000];

	(void)state;
	memset(value, '/', sizeof value);
	pp_hive_put(&a, "c", value, sizeof value);
	value[sizeof value - 1] = 'x';
	pp_hive_put(&b, "c", value, sizeof value);
	assert_true(a.len < 200 && b.len < 200);
	assert_string_not_equal(a.data, b.data);
	pp_buf_release(&a);
	pp_buf_release(&b);
}

/* ---- sorting ---- */

/* Rows of few keys; memory for so many bytes, so that runs are merged. */
static void
check_sorted(size_t memory_bytes, int count)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_sorter *s = pp_sorter_new(memory_bytes, folder);
	struct pp_sorted row;
	int last_key = -1, last = -1, seen = 0;

	for (int i = 0; i < count; i++) {
		char key[16], text[32];

		snprintf(key, sizeof key, "%03d", i * 7919 % 101);
		snprintf(text, sizeof text, "%d", i);
		assert_ok(pp_sorter_add(s, key, strlen(key), text, strlen(text),
			      &err),
		    err);
	}
	for (int pass = 0; pass < 2; pass++, last_key = -1, seen = 0) {
		assert_ok(pp_sorter_begin(s, &err), err);
		while (pp_sorter_next(s, &row, &err) > 0) {
			char number[16];
			int key, i;

			assert_int_equal(row.key_len, 3);
			snprintf(number, sizeof number, "%.3s", row.key);
			key = atoi(number);
			snprintf(number, sizeof number, "%.*s", (int)row.len,
			    row.text);
			i = atoi(number);
			assert_int_equal(key, i * 7919 % 101);
			assert_true(key > last_key ||
			    (key == last_key && i > last));
			last_key = key;
			last = i;
			seen++;
		}
		assert_int_equal(seen, count);
	}
	pp_sorter_free(s);
}

static void
rows_are_sorted_in_memory_and_in_runs(void **state)
{
	(void)state;
	check_sorted(1 << 20, 0);
	check_sorted(1 << 20, 1000);
	check_sorted(4096, 1000); /* a few runs */
	check_sorted(512, 5000);  /* more than are merged at once */
	check_sorted(1, 300);	  /* a run each */
}

/* ---- exports ---- */

static const char rows_text[] =
    "{\"row\":0,\"id\":\"a\",\"category\":\"poem\",\"time\":"
    "\"2025-11-19T23:59:59Z\",\"record\":{\"title\":\"A, b\",\"n\":1,"
    "\"text\":\"x\\ny \\\"q\\\"\"}}\n"
    "\n"
    "{\"row\":1,\"id\":\"b\",\"category\":\"story\",\"time\":"
    "\"2025-11-20T00:30:00+01:00\",\"record\":{\"title\":\"\","
    "\"n\":2.5,\"tags\":[1, \"é\"]}}\n"
    "{\"row\":2,\"id\":\"c\",\"failed\":{\"step\":\"s\","
    "\"class\":\"rejected\"}}\n"
    "{\"row\":3,\"id\":\"d\",\"time\":\"2025-11-20T01:00:00Z\","
    "\"record\":{\"n\":-1,\"title\":\"=1+1\",\"text\":null}}\n";

static const char rows_jsonl[] =
    "{\"title\":\"A, b\",\"n\":1,\"text\":\"x\\ny \\\"q\\\"\"}\n"
    "{\"title\":\"\",\"n\":2.5,\"tags\":[1,\"é\"]}\n"
    "{\"n\":-1,\"title\":\"=1+1\",\"text\":null}\n";

static const char rows_csv[] = "title,n,text,tags\r\n"
			       "\"A, b\",1,\"x\ny \"\"q\"\"\",\r\n"
			       "\"\",2.5,,\"[1,\"\"é\"\"]\"\r\n"
			       "=1+1,-1,,\r\n";

/* Export `text`, through a pipe or a file that can be read again. */
static int
export_text(const char *text, bool pipe_it, const struct pp_export_options *o,
    struct pp_export_result *result, struct pp_error *err)
{
	char *path = in_folder(".rows");
	struct pp_rows *rows;
	int rc, fd;

	assert_ok(pp_io_write_file(path, text, strlen(text), 0600, err), *err);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	rows = pp_rows_from_fd(fd, "rows");
	if (pipe_it)
		rows->rewind = NULL;
	rc = pp_export_run(o, rows, result, err);
	pp_rows_free(rows);
	close(fd);
	unlink(path);
	free(path);
	return rc;
}

static struct pp_export_options
to_folder(char **dir, const char *name)
{
	struct pp_export_options o = PP_EXPORT_OPTIONS_INIT;

	*dir = in_folder(name);
	o.dir = *dir;
	return o;
}

static void
rows_become_jsonl_and_csv(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_export_result result = { .rows = 0 };
	char *dir;
	struct pp_export_options o = to_folder(&dir, "out");

	(void)state;
	o.formats = PP_EXPORT_JSONL | PP_EXPORT_CSV;
	for (int pipe_it = 0; pipe_it < 2; pipe_it++) {
		assert_ok(export_text(rows_text, pipe_it, &o, &result, &err),
		    err);
		check_file("out/dataset.jsonl", rows_jsonl);
		check_file("out/dataset.csv", rows_csv);
		check_file("out/_SUCCESS", "");
		assert_int_equal(result.rows, 3);
		assert_int_equal(result.failed, 1);
		assert_int_equal(result.file_count, 2);
		assert_int_equal(result.files[0].bytes, strlen(rows_jsonl));
		pp_export_result_release(&result);
	}
	free(dir);
}

static void
a_descriptor_gets_one_format(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_export_options o = PP_EXPORT_OPTIONS_INIT;
	char *path = in_folder("out.csv");

	(void)state;
	o.formats = PP_EXPORT_CSV;
	o.fd_name = "out";
	for (int flags = 0; flags < 2; flags++) {
		/* one that can be cut, one that cannot */
		o.fd = open(path,
		    O_WRONLY | O_CREAT | O_TRUNC | (flags ? O_APPEND : 0),
		    0600);
		assert_ok(export_text(rows_text, true, &o, NULL, &err), err);
		close(o.fd);
		check_file("out.csv", rows_csv);
	}
	o.formats = PP_EXPORT_CSV | PP_EXPORT_JSONL;
	assert_fails(export_text(rows_text, true, &o, NULL, &err), err,
	    PP_EUSAGE);
	o.formats = PP_EXPORT_CSV;
	o.partition = PP_PARTITION_CATEGORY;
	assert_fails(export_text(rows_text, true, &o, NULL, &err), err,
	    PP_EUSAGE);
	free(path);
}

/* Past the rows that columns are guessed from. */
static void
late_columns_are_in_the_header(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf rows = PP_BUF_INIT, expected = PP_BUF_INIT;
	char *dir;
	struct pp_export_options o = to_folder(&dir, "out");

	(void)state;
	o.formats = PP_EXPORT_CSV;
	o.csv_lf = true;
	pp_buf_adds(&expected, "a,late\n");
	for (int i = 0; i < 3000; i++) {
		pp_buf_addf(&rows, "{\"a\":%d}\n", i);
		pp_buf_addf(&expected, "%d,\n", i);
	}
	pp_buf_adds(&rows, "{\"late\":true}\n");
	pp_buf_adds(&expected, ",true\n");
	for (int pipe_it = 0; pipe_it < 2; pipe_it++) {
		assert_ok(export_text(rows.data, pipe_it, &o, NULL, &err), err);
		check_file("out/dataset.csv", expected.data);
	}
	pp_buf_release(&rows);
	pp_buf_release(&expected);
	free(dir);
}

static void
partitions_are_folders(void **state)
{
	static const struct {
		unsigned partition;
		const char *path, *expected;
	} rows[] = {
		{ PP_PARTITION_CATEGORY,
		    "out/partitioned/category/category=poem/records.jsonl",
		    "{\"title\":\"A, b\",\"n\":1,\"text\":\"x\\ny "
		    "\\\"q\\\"\"}\n" },
		{ PP_PARTITION_CATEGORY,
		    "out/partitioned/category/"
		    "category=__HIVE_DEFAULT_PARTITION__/records.jsonl",
		    "{\"n\":-1,\"title\":\"=1+1\",\"text\":null}\n" },
		{ PP_PARTITION_TIMESTAMP,
		    "out/partitioned/timestamp/"
		    "year=2025/month=11/day=19/records.jsonl",
		    "{\"title\":\"A, b\",\"n\":1,\"text\":\"x\\ny "
		    "\\\"q\\\"\"}\n"
		    "{\"title\":\"\",\"n\":2.5,\"tags\":[1,\"é\"]}\n" },
		{ PP_PARTITION_TIMESTAMP | PP_PARTITION_CATEGORY,
		    "out/partitioned/timestamp-category/year=2025/month=11/"
		    "day=19/category=story/records.jsonl",
		    "{\"title\":\"\",\"n\":2.5,\"tags\":[1,\"é\"]}\n" },
	};
	struct pp_error err = PP_ERROR_INIT;
	char *dir;
	struct pp_export_options o = to_folder(&dir, "out");

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		o.partition = rows[i].partition;
		assert_ok(export_text(rows_text, i % 2 == 0, &o, NULL, &err),
		    err);
		check_file(rows[i].path, rows[i].expected);
	}
	/* files of the exports before are gone */
	assert_false(is_there("out/partitioned/category"));
	assert_false(is_there("out/partitioned/timestamp"));
	free(dir);
}

static void
a_row_without_a_time_cannot_be_partitioned_by_it(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	char *dir;
	struct pp_export_options o = to_folder(&dir, "out");

	(void)state;
	o.partition = PP_PARTITION_TIMESTAMP;
	assert_fails(export_text("{\"a\":1}\n", true, &o, NULL, &err), err,
	    PP_EDATA);
	assert_non_null(strstr(err.text, "rows:1: "));
	free(dir);
}

static void
files_keep_to_their_bounds(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_export_result result = { .rows = 0 };
	char *dir;
	struct pp_export_options o = to_folder(&dir, "out");

	(void)state;
	o.max_rows_per_file = 2;
	assert_ok(export_text("{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", false, &o,
		      NULL, &err),
	    err);
	check_file("out/part-00001.jsonl", "{\"a\":1}\n{\"a\":2}\n");
	check_file("out/part-00002.jsonl", "{\"a\":3}\n");
	o.max_rows_per_file = 0;
	o.max_bytes_per_file = 17;
	assert_ok(export_text("{\"a\":1}\n{\"a\":2}\n{\"a\":12345678901}\n"
			      "{\"a\":4}\n",
		      false, &o, &result, &err),
	    err);
	check_file("out/part-00001.jsonl", "{\"a\":1}\n{\"a\":2}\n");
	check_file("out/part-00002.jsonl", "{\"a\":12345678901}\n");
	check_file("out/part-00003.jsonl", "{\"a\":4}\n");
	assert_int_equal(result.file_count, 3);
	assert_int_equal(result.files[1].rows, 1);
	assert_int_equal(result.files[1].bytes, 18);
	pp_export_result_release(&result);
	free(dir);
}

static void
cells_are_as_the_options_have_them(void **state)
{
	static const char rows[] = "{\"a\":\"=1\",\"b;\":\"x;y\"}\n"
				   "{\"a\":\"-2\",\"b;\":-2}\n"
				   "{\"a\":\"\\t\",\"b;\":\"plain\"}\n";
	struct pp_error err = PP_ERROR_INIT;
	char *dir;
	struct pp_export_options o = to_folder(&dir, "out");

	(void)state;
	o.formats = PP_EXPORT_CSV;
	o.csv_delimiter = ';';
	o.csv_bom = o.csv_lf = o.csv_safe_cells = true;
	assert_ok(export_text(rows, false, &o, NULL, &err), err);
	check_file("out/dataset.csv",
	    "\xef\xbb\xbf"
	    "a;\"b;\"\n\"'=1\";\"x;y\"\n\"'-2\";-2\n\"'\t\";plain\n");
	o.csv_delimiter = '"';
	assert_fails(export_text(rows, false, &o, NULL, &err), err, PP_EUSAGE);
	free(dir);
}

static void
a_lone_empty_cell_is_no_empty_line(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	char *dir;
	struct pp_export_options o = to_folder(&dir, "out");

	(void)state;
	o.formats = PP_EXPORT_CSV;
	o.csv_lf = true;
	assert_ok(export_text("{\"a\":1}\n{\"a\":null}\n{}\n", false, &o, NULL,
		      &err),
	    err);
	check_file("out/dataset.csv", "a\n1\n\"\"\n\"\"\n");
	free(dir);
}

static void
no_rows_make_empty_files(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	char *dir;
	struct pp_export_options o = to_folder(&dir, "out");

	(void)state;
	o.formats = PP_EXPORT_JSONL | PP_EXPORT_CSV | PP_EXPORT_PARQUET;
	assert_ok(export_text("", false, &o, NULL, &err), err);
	check_file("out/dataset.jsonl", "");
	check_file("out/dataset.csv", "");
	assert_true(is_there("out/dataset.parquet"));
	free(dir);
}

static void
a_bad_row_leaves_nothing(void **state)
{
	static const struct {
		const char *name, *rows, *says;
	} rows[] = {
		{ "no JSON", "{\"a\":1}\n{\"a\":\n", "rows:2: " },
		{ "no object", "[1]\n", "rows:1: a row must be an object" },
		{ "no UTF-8", "{\"a\":\"\xff\"}\n", "rows:1: " },
		{ "half a pair", "{\"a\":\"\\ud800\"}\n", "rows:1: " },
		{ "NaN", "{\"a\":NaN}\n", "rows:1: " },
	};
	struct pp_error err = PP_ERROR_INIT;
	char *dir;
	struct pp_export_options o = to_folder(&dir, "out");

	(void)state;
	o.formats = PP_EXPORT_JSONL | PP_EXPORT_PARQUET;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		DIR *d;
		struct dirent *e;

		assert_fails(export_text(rows[i].rows, i % 2 == 0, &o, NULL,
				 &err),
		    err, PP_EDATA);
		if (strstr(err.text, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].name, err.text);
		d = opendir(dir);
		while ((e = readdir(d)) != NULL)
			if (e->d_name[0] != '.' || strlen(e->d_name) > 2)
				fail_msg("%s is left", e->d_name);
		closedir(d);
	}
	free(dir);
}

static void
a_failed_export_keeps_the_one_before(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	char *dir;
	struct pp_export_options o = to_folder(&dir, "out");

	(void)state;
	assert_ok(export_text("{\"a\":1}\n", false, &o, NULL, &err), err);
	assert_fails(export_text("{\"a\":2}\n{", false, &o, NULL, &err), err,
	    PP_EDATA);
	check_file("out/dataset.jsonl", "{\"a\":1}\n");
	assert_true(is_there("out/_SUCCESS"));
	free(dir);
}

static void
what_a_killed_export_left_is_taken_away(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	char *dir, *left = in_folder("out/.pp-export-killed");
	char *inside = in_folder("out/.pp-export-killed/1");
	struct pp_export_options o = to_folder(&dir, "out");

	(void)state;
	assert_ok(pp_io_make_dirs(left, 0700, &err), err);
	assert_ok(pp_io_write_file(inside, "x", 1, 0600, &err), err);
	assert_ok(export_text("{\"a\":1}\n", false, &o, NULL, &err), err);
	assert_false(is_there("out/.pp-export-killed"));
	free(left);
	free(inside);
	free(dir);
}

static void
two_exports_do_not_share_a_folder(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	char *dir;
	struct pp_export_options o = to_folder(&dir, "out");
	int fd;

	(void)state;
	assert_ok(pp_io_make_dirs(dir, 0700, &err), err);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_fails(export_text("{\"a\":1}\n", false, &o, NULL, &err), err,
	    PP_ETEMP);
	close(fd);
	free(dir);
}

static void
files_outside_are_not_touched(void **state)
{
	static const char manifest[] =
	    "{\"files\":[{\"path\":\"../keep\"},"
	    "{\"path\":\"/etc/passwd\"},{\"path\":\"a/../../keep\"},"
	    "{\"path\":\"old/gone\"},{\"path\":17}]}";
	struct pp_error err = PP_ERROR_INIT;
	char *dir, *path;
	struct pp_export_options o = to_folder(&dir, "out");

	(void)state;
	path = in_folder("out/old");
	assert_ok(pp_io_make_dirs(path, 0700, &err), err);
	free(path);
	path = in_folder("out/old/gone");
	assert_ok(pp_io_write_file(path, "x", 1, 0600, &err), err);
	free(path);
	path = in_folder("keep");
	assert_ok(pp_io_write_file(path, "x", 1, 0600, &err), err);
	free(path);
	path = in_folder("out/manifest.json");
	assert_ok(pp_io_write_file(path, manifest, strlen(manifest), 0600,
		      &err),
	    err);
	free(path);
	assert_ok(export_text("{\"a\":1}\n", false, &o, NULL, &err), err);
	assert_true(is_there("keep"));
	assert_false(is_there("out/old"));
	free(dir);
}

#define IN_FOLDER(test) \
	cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_widen_by_one_rule_in_any_order),
		cmocka_unit_test(an_object_with_too_many_keys_is_json),
		cmocka_unit_test(rows_have_only_so_many_columns),
		cmocka_unit_test(declared_fields_take_what_fits),
		cmocka_unit_test(declarations_that_are_none_are_refused),
		cmocka_unit_test(fields_keep_the_order_they_appear_in),
		cmocka_unit_test(times_are_microseconds_since_1970),
		cmocka_unit_test(json_comes_out_in_its_plainest_form),
		cmocka_unit_test(many_names_are_told_apart),
		cmocka_unit_test(partitions_have_safe_names),
		cmocka_unit_test(long_partitions_are_cut_and_stay_different),
		IN_FOLDER(rows_are_sorted_in_memory_and_in_runs),
		IN_FOLDER(rows_become_jsonl_and_csv),
		IN_FOLDER(a_descriptor_gets_one_format),
		IN_FOLDER(late_columns_are_in_the_header),
		IN_FOLDER(partitions_are_folders),
		IN_FOLDER(a_row_without_a_time_cannot_be_partitioned_by_it),
		IN_FOLDER(files_keep_to_their_bounds),
		IN_FOLDER(cells_are_as_the_options_have_them),
		IN_FOLDER(a_lone_empty_cell_is_no_empty_line),
		IN_FOLDER(no_rows_make_empty_files),
		IN_FOLDER(a_bad_row_leaves_nothing),
		IN_FOLDER(a_failed_export_keeps_the_one_before),
		IN_FOLDER(what_a_killed_export_left_is_taken_away),
		IN_FOLDER(two_exports_do_not_share_a_folder),
		IN_FOLDER(files_outside_are_not_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
