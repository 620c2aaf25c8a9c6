/* Templates as commands name them, and whether records have what they need. */
#include <config.h>

#include "test.h"
#include "home.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "job/seed_need.h"
#include "job/template_ref.h"

static char folder[TEST_FOLDER_BYTES];
static struct pp_store *store;

static int
open_home(void **state)
{
	(void)state;
	if (test_folder_make(folder) < 0 || chdir(folder) < 0)
		return -1;
	return test_home_open("home", &store);
}

static int
close_home(void **state)
{
	(void)state;
	pp_store_close(store);
	return chdir("/") < 0 ? -1 : test_folder_remove(folder);
}

static char *
template_text(const char *prompt)
{
	return pp_asprintf(
	    "template:\n  id: t\n  steps:\n    - id: one\n"
	    "      model_tier: cheap\n      prompt: |\n        %s\n",
	    prompt);
}

static void
write_template(const char *name, const char *prompt)
{
	struct pp_error err = PP_ERROR_INIT;
	char *text = template_text(prompt);

	assert_ok(pp_io_write_file(name, text, strlen(text), 0600, &err), err);
	free(text);
}

static void
store_template(const char *id, const char *user, const char *prompt)
{
	struct pp_error err = PP_ERROR_INIT;
	char *text = template_text(prompt), *name = pp_strdup(id);
	char *owner = pp_strdup(user),
	     *definition = pp_asprintf("{\"p\":%zu}", strlen(prompt)),
	     *none = pp_strdup("[]");
	struct pp_template_version t = { .template_id = name,
		.name = name,
		.user_id = owner,
		.definition = definition,
		.source = text,
		.requirements = none,
		.created_at_ms = 1 };
	int64_t version;

	assert_ok(pp_store_template_add(store, &t, &version, &err), err);
	free(text);
	free(name);
	free(owner);
	free(definition);
	free(none);
}

static void
a_file_is_known_by_its_name(void **state)
{
	static const struct {
		const char *ref;
		bool file;
	} rows[] = {
		{ "story.yaml", true },
		{ "story.yml", true },
		{ "story.json", true },
		{ "a/story", true },
		{ "./story", true },
		{ "-", true },
		{ "story", false },
		{ "story@3", false },
		{ "here", true },
	};

	(void)state;
	write_template("here", "x");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (pp_template_ref_is_file(rows[i].ref) != rows[i].file)
			fail_msg("%s", rows[i].ref);
	}
	unlink("here");
}

static void
a_file_needs_no_store(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_template_ref t;

	(void)state;
	write_template("t.yaml", "{{ a }}");
	assert_ok(pp_template_ref_load(NULL, NULL, "t.yaml", NULL, &t, &err),
	    err);
	assert_string_equal(t.shown, "t.yaml");
	assert_null(t.id);
	assert_int_equal(t.version, 0);
	assert_string_equal(pp_recipe_info(t.recipe)->id, "t");
	pp_template_ref_release(&t);
	assert_fails(pp_template_ref_load(NULL, NULL, "story", NULL, &t, &err),
	    err, PP_ENOENT);
	assert_fails(pp_template_ref_load(NULL, NULL, "none.yaml", NULL, &t,
			 &err),
	    err, PP_ENOENT);
	write_template("bad.yaml", "{{ a");
	assert_fails(pp_template_ref_load(NULL, NULL, "bad.yaml", NULL, &t,
			 &err),
	    err, PP_EDATA);
	assert_non_null(strstr(err.text, "bad.yaml:7:"));
}

static void
versions_are_named_with_an_at(void **state)
{
	static const struct {
		const char *ref;
		int64_t version; /* 0: refused */
		enum pp_code code;
	} rows[] = {
		{ "story", 2, PP_OK },
		{ "story@1", 1, PP_OK },
		{ "story@2", 2, PP_OK },
		{ "story@3", 0, PP_ENOENT },
		{ "story@0", 0, PP_EUSAGE },
		{ "story@x", 0, PP_EUSAGE },
		{ "story@", 0, PP_EUSAGE },
		{ "none", 0, PP_ENOENT },
		{ "private", 0, PP_ENOENT },
		{ "a b", 0, PP_ENOENT },
	};

	(void)state;
	store_template("story", "ada", "one");
	store_template("story", "ada", "and two");
	store_template("private", "bob", "x");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct pp_template_ref t = { .version = 0 };
		int rc = pp_template_ref_load(store, "ada", rows[i].ref, NULL,
		    &t, &err);

		if (rc == 0 ? t.version != rows[i].version :
			      err.code != rows[i].code)
			fail_msg("%s: version %lld, %s", rows[i].ref,
			    (long long)t.version, err.text);
		if (rc < 0)
			continue;
		assert_string_equal(t.id, "story");
		pp_template_ref_release(&t);
	}
}

static void
includes_are_found_beside_a_file_and_in_the_store(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_template_ref t;

	(void)state;
	write_template("t.yaml",
	    "{% include 'beside' %}"
	    "{% include 'stored' %}{% include 'beside' %}");
	write_template("beside.yml", "{{ from.file }}");
	store_template("stored", "ada", "{{ from.store }}");
	assert_ok(pp_template_ref_load(store, "ada", "t.yaml", NULL, &t, &err),
	    err);
	assert_int_equal(t.fragment_count, 2);
	assert_string_equal(t.fragments[0].name, "beside");
	assert_non_null(strstr(t.fragments[0].text, "from.file"));
	assert_string_equal(t.fragments[1].name, "stored");
	pp_template_ref_release(&t);

	store_template("whole", "ada", "{% include 'beside' %}");
	assert_ok(pp_template_ref_load(store, "ada", "whole", NULL, &t, &err),
	    err);
	assert_int_equal(t.fragment_count, 0);
	pp_template_ref_release(&t);
	write_template("up.yaml", "{% include '../beside.yml' %}");
	assert_ok(pp_template_ref_load(store, "ada", "up.yaml", NULL, &t, &err),
	    err);
	assert_int_equal(t.fragment_count, 0);
	pp_template_ref_release(&t);
}

/* A name that only a row tells is looked up when that is rendered. */
static void
an_include_may_be_named_by_a_row(void **state)
{
	static const char seed[] = "{\"what\":\"beside\"}";
	const struct pp_render_row row = { .id = "r", .index = 0 };
	struct pp_render_seed rows = { .json = seed, .len = sizeof seed - 1 };
	struct pp_buf system = PP_BUF_INIT, prompt = PP_BUF_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_template_ref t;
	struct pp_render *r;
	bool skip;

	(void)state;
	write_template("t.yaml", "{% include what %}");
	write_template("beside.yml", "found");
	assert_ok(pp_template_ref_load(NULL, NULL, "t.yaml", NULL, &t, &err),
	    err);
	r = pp_render_new(t.recipe, NULL);
	assert_ok(pp_render_begin(r, &rows, 1, &row, &err), err);
	assert_ok(pp_render_step(r, 0, &skip, &system, &prompt, &err), err);
	assert_non_null(strstr(prompt.data, "found"));
	pp_render_free(r);
	pp_buf_release(&system);
	pp_buf_release(&prompt);
	pp_template_ref_release(&t);
}

/* ---- what records need ---- */

/* All that is missing, with commas. */
static void
list_missing(struct pp_seed_need *n, const char *text, struct pp_buf *out)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_seed_record r = { .text = text, .len = strlen(text) };
	size_t next = 0;

	r.json = pp_json_parse(&doc, text, r.len, 0, &err);
	assert_non_null(r.json);
	while (pp_seed_need_check(n, &r, &next, &err) < 0)
		pp_buf_addf(out, "%s,", err.text);
	pp_json_doc_release(&doc);
}

static void
records_are_checked_for_what_is_read(void **state)
{
	static const struct {
		const char *as, *record, *missing;
	} rows[] = {
		{ NULL, "{\"author\":{\"name\":1},\"authors\":2}", "" },
		{ NULL, "{\"author\":{}}",
		    "missing required field: "
		    "author.name,missing required field: authors," },
		{ "author", "{\"name\":1}", "" },
		{ "author", "{\"nam\":1}",
		    "missing required field: "
		    "author.name," },
		{ "authors", "{}", "" },
		{ "other", "{}", "" },
	};
	struct pp_error err = PP_ERROR_INIT;
	struct pp_template_ref t;

	(void)state;
	write_template("t.yaml", "{{ author.name }} {{ authors }}");
	assert_ok(pp_template_ref_load(NULL, NULL, "t.yaml", NULL, &t, &err),
	    err);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_seed_need n = { .recipe = t.recipe,
			.as = rows[i].as,
			.text = PP_BUF_INIT };
		struct pp_buf out = PP_BUF_INIT;

		list_missing(&n, rows[i].record, &out);
		assert_string_equal(out.data, rows[i].missing);
		pp_seed_need_release(&n);
		pp_buf_release(&out);
	}
	pp_template_ref_release(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_known_by_its_name),
		cmocka_unit_test(a_file_needs_no_store),
		cmocka_unit_test(versions_are_named_with_an_at),
		cmocka_unit_test(
		    includes_are_found_beside_a_file_and_in_the_store),
		cmocka_unit_test(an_include_may_be_named_by_a_row),
		cmocka_unit_test(records_are_checked_for_what_is_read),
	};

	return cmocka_run_group_tests(tests, open_home, close_home);
}
