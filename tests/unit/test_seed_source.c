/* Seeds by number, out of a set or a file. */
#include <config.h>

#include "test.h"
#include "home.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "job/seed_source.h"
#include "job/seed_writer.h"

struct home {
	char dir[TEST_FOLDER_BYTES];
	char back[4096]; /* where the test came from */
	struct pp_store *store;
};

static int
put_set(struct home *h, struct pp_error *err)
{
	static const char *const records[] = { "{\"i\":0}", "{\"i\":1}" };
	struct pp_seed_writer *w = pp_seed_writer_new(h->store, "ada", "set",
	    false, err);
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	int rc = w != NULL ? 0 : -1;

	for (size_t i = 0; i < 2 && rc == 0; i++)
		rc = pp_seed_writer_add(w, records[i], strlen(records[i]),
		    pp_json_parse(&doc, records[i], strlen(records[i]), 0, err),
		    err);
	if (rc == 0)
		rc = pp_seed_writer_commit(w, err);
	pp_seed_writer_free(w);
	pp_json_doc_release(&doc);
	return rc;
}

static int
open_home(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct home *h = pp_calloc(1, sizeof *h);

	*state = h;
	if (test_folder_make(h->dir) < 0 ||
	    getcwd(h->back, sizeof h->back) == NULL || chdir(h->dir) < 0 ||
	    test_home_open("home", &h->store) < 0)
		return -1;
	return put_set(h, &err);
}

static int
close_home(void **state)
{
	struct home *h = *state;
	int rc;

	pp_store_close(h->store);
	rc = chdir(h->back);
	if (test_folder_remove(h->dir) != 0)
		rc = -1;
	free(h);
	return rc;
}

static void
write_file(const char *path, const char *text)
{
	struct pp_error err = PP_ERROR_INIT;

	assert_ok(pp_io_write_file(path, text, strlen(text), 0644, &err), err);
}

static void
check_get(struct pp_seed_source *src, int64_t i, const char *expected)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf got = PP_BUF_INIT;

	assert_ok(pp_seed_source_get(src, i, &got, &err), err);
	assert_string_equal(got.data, expected);
	pp_buf_release(&got);
}

static void
files_of_every_kind_give_records_by_number(void **state)
{
	static const struct {
		const char *path, *text;
	} files[] = {
		{ "a.jsonl", "{\"v\":\"x\"}\n{\"v\":\"y\"}\n{\"v\":\"z\"}\n" },
		{ "a.json", "[{\"v\":\"x\"},{\"v\":\"y\"},\n{\"v\":\"z\"}]" },
		{ "a.csv", "v\nx\ny\nz\n" },
		{ "plain", "{\"v\":\"x\"}\n{\"v\":\"y\"}\n{\"v\":\"z\"}\n" },
	};
	struct home *h = *state;

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct pp_seed_source *src;

		write_file(files[i].path, files[i].text);
		src = pp_seed_source_open(h->store, "ada", files[i].path, &err);
		if (src == NULL)
			fail_msg("%s: %s", files[i].path, err.text);
		assert_int_equal(pp_seed_source_count(src), 3);
		pp_seed_source_want(src, 2);
		pp_seed_source_want(src, 0);
		pp_seed_source_want(src, 2);
		check_get(src, 2, "{\"v\":\"z\"}");
		check_get(src, 0, "{\"v\":\"x\"}");
		check_get(src, 2, "{\"v\":\"z\"}");
		pp_seed_source_close(src);
	}
}

static void
a_set_comes_before_a_file_of_its_name(void **state)
{
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_seed_source *src;

	write_file("set", "{\"i\":7}\n");
	src = pp_seed_source_open(h->store, "ada", "set", &err);
	assert_non_null(src);
	assert_int_equal(pp_seed_source_count(src), 2);
	pp_seed_source_want(src, 1);
	check_get(src, 1, "{\"i\":1}");
	pp_seed_source_close(src);
	src = pp_seed_source_open(h->store, "ada", "./set", &err);
	assert_non_null(src);
	assert_int_equal(pp_seed_source_count(src), 1);
	pp_seed_source_close(src);
}

static void
what_cannot_be_seeds_is_told(void **state)
{
	static const struct {
		const char *name, *ref;
		enum pp_code code;
		const char *says;
	} rows[] = {
		{ "neither set nor file", "poems", PP_ENOENT, "poems" },
		{ "no such file", "./poems.jsonl", PP_ENOENT, "poems.jsonl" },
		{ "standard input", "-", PP_EUSAGE, "regular file" },
		{ "a folder", "./home", PP_EUSAGE, "regular file" },
		{ "a pipe", "./pipe", PP_EUSAGE, "regular file" },
		{ "not JSON", "./bad.jsonl", PP_EDATA, "bad.jsonl:2" },
		{ "empty", "./empty.jsonl", PP_EDATA, "empty.jsonl" },
	};
	struct home *h = *state;

	write_file("bad.jsonl", "{}\nx\n");
	write_file("empty.jsonl", "");
	assert_int_equal(mkfifo("pipe", 0600), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;

		assert_null(pp_seed_source_open(strcmp(rows[i].ref, "-") == 0 ?
			NULL :
			h->store,
		    "ada", rows[i].ref, &err));
		if (err.code != rows[i].code ||
		    strstr(err.text, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].name, err.text);
	}
}

static void
a_file_that_shrinks_is_told(void **state)
{
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf got = PP_BUF_INIT;
	struct pp_seed_source *src;

	write_file("a.jsonl", "{}\n{}\n{}\n");
	src = pp_seed_source_open(h->store, "ada", "a.jsonl", &err);
	assert_non_null(src);
	pp_seed_source_want(src, 1);
	write_file("a.jsonl", "{}\n");
	assert_fails(pp_seed_source_get(src, 1, &got, &err), err, PP_EDATA);
	assert_non_null(strstr(err.text, "became shorter"));
	pp_seed_source_close(src);
}

#define IN_A_HOME(test) \
	cmocka_unit_test_setup_teardown(test, open_home, close_home)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HOME(files_of_every_kind_give_records_by_number),
		IN_A_HOME(a_set_comes_before_a_file_of_its_name),
		IN_A_HOME(what_cannot_be_seeds_is_told),
		IN_A_HOME(a_file_that_shrinks_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
