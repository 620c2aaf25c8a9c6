/*
 * S3: what objects are put with, what is made of a reply that was lost, and
 * what the archive says.
 */
#include <config.h>

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "aws/s3.h"
#include "aws_env.h"
#include "base/mem.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define END "Content-Length: 0\r\n\r\n"
#define FAILED "HTTP/1.1 412 Precondition Failed\r\n" END

static void
check_sent(struct world *w, const char *text)
{
	if (strstr(scripted_last(w->server), text) == NULL)
		fail_msg("'%s' is not in: %s", text, scripted_last(w->server));
}

/* ---- a reply that was lost ---- */

/*
 * The first try gets no reply, the second one 412, and then the object is
 * looked at.
 */
static void
what_a_lost_reply_is_taken_for(void **state)
{
	static const struct {
		const char *name, *there;
		struct pp_s3_put put;
		enum pp_code expected;
	} rows[] = {
		{ "made by another where there was none",
		    OK "x-amz-meta-pp-write: another\r\n" END,
		    { .if_none = true }, PP_ECONFLICT },
		{ "put by another over the same version",
		    OK "x-amz-meta-pp-write: another\r\n"
		       "x-amz-meta-pp-over: \"1\"\r\n" END,
		    { .if_match = "\"1\"" }, PP_ECONFLICT },
		{ "put by another over what may be ours",
		    OK "x-amz-meta-pp-write: another\r\n"
		       "x-amz-meta-pp-over: \"2\"\r\n" END,
		    { .if_match = "\"1\"" }, PP_ETEMP },
		{ "replaced by another after it may have been made by us",
		    OK "x-amz-meta-pp-write: another\r\n"
		       "x-amz-meta-pp-over: \"2\"\r\n" END,
		    { .if_none = true }, PP_ETEMP },
		{ "put by somebody who leaves no mark", OK END,
		    { .if_match = "\"1\"" }, PP_ETEMP },
		{ "gone", "HTTP/1.1 404 Not Found\r\n" END,
		    { .if_match = "\"1\"" }, PP_ETEMP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct script replies[] = { { NULL, 0, false },
			{ FAILED, 0, false }, { rows[i].there, 0, false } };
		struct pp_s3_put put = rows[i].put;
		struct world w = world_begin(replies, 3);

		put.key = "k";
		put.data = "x";
		put.len = 1;
		if (pp_s3_put(w.s3, &put, NULL, &w.err) == 0 ||
		    w.err.code != rows[i].expected)
			fail_msg("%s: %d: %s", rows[i].name, w.err.code,
			    w.err.text);
		assert_int_equal(scripted_requests(w.server), 3);
		world_end(&w);
	}
}

/* Without a lost reply nobody needs to look. */
static void
a_condition_that_fails_at_once_is_a_conflict(void **state)
{
	static const int statuses[] = { 412, 404 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char reply[128];
		struct script replies[] = { { reply, 0, false } };
		struct pp_s3_put put = {
			.key = "k", .data = "x", .len = 1, .if_match = "\"1\""
		};
		struct world w;

		snprintf(reply, sizeof reply, "HTTP/1.1 %d No\r\n" END,
		    statuses[i]);
		w = world_begin(replies, 1);
		assert_fails(pp_s3_put(w.s3, &put, NULL, &w.err), w.err,
		    PP_ECONFLICT);
		assert_int_equal(scripted_requests(w.server), 1);
		check_sent(&w, "If-Match: \"1\"\r\n");
		check_sent(&w, "x-amz-meta-pp-over: \"1\"\r\n");
		world_end(&w);
	}
}

/* ---- how objects are kept ---- */

static const char *const variables[] = { "PP_S3_STORAGE_CLASS",
	"PP_S3_ENCRYPTION", "PP_S3_KMS_KEY" };

static void
set_variables(const char *const values[3])
{
	for (int i = 0; i < 3; i++) {
		if (values[i] != NULL)
			setenv(variables[i], values[i], 1);
		else
			unsetenv(variables[i]);
	}
}

static void
check_kept(struct world *w)
{
	check_sent(w, "x-amz-server-side-encryption: aws:kms\r\n");
	check_sent(w,
	    "x-amz-server-side-encryption-aws-kms-key-id: "
	    "arn:aws:kms:us-east-1:1:key/2\r\n");
	check_sent(w, "x-amz-tagging: class=output\r\n");
}

/* As a whole, side by side with others, and in parts. */
static void
objects_are_kept_as_the_environment_says(void **state)
{
	static const struct script reply[] = { { OK END, 0, false },
		{ OK END, 0, false }, { OK END, 0, false },
		{ "HTTP/1.1 403 Forbidden\r\n" END, 0, false } };
	static const char *const values[] = { "GLACIER_IR", "aws:kms",
		"arn:aws:kms:us-east-1:1:key/2" };
	static const char *const nothing[3];
	struct pp_s3_put put = {
		.key = "a b/c", .data = "x", .len = 1, .tags = "class=output"
	};
	char path[] = "/tmp/pp-kept-XXXXXX";
	struct pp_s3_file file = { "k", path, "class=output" };
	int fd = mkstemp(path);
	struct world w;

	(void)state;
	assert_true(fd >= 0);
	set_variables(values);
	w = world_begin(reply, 4);
	set_variables(nothing);
	assert_ok(pp_s3_put(w.s3, &put, NULL, &w.err), w.err);
	check_sent(&w, "PUT /bkt/a%20b/c HTTP/1.1\r\n");
	check_sent(&w, "x-amz-storage-class: GLACIER_IR\r\n");
	check_sent(&w, "x-amz-checksum-crc32: jNwWgw==\r\n");
	check_kept(&w);

	put.usual_class = true;
	assert_ok(pp_s3_put(w.s3, &put, NULL, &w.err), w.err);
	assert_null(strstr(scripted_last(w.server), "x-amz-storage-class"));
	check_kept(&w);

	assert_ok(pp_s3_put_files(w.s3, &file, 1, NULL, NULL, &w.err), w.err);
	check_sent(&w, "PUT /bkt/k HTTP/1.1\r\n");
	check_sent(&w, "x-amz-storage-class: GLACIER_IR\r\n");
	check_kept(&w);

	assert_int_equal(ftruncate(fd, (off_t)PP_S3_PART_BYTES + 1), 0);
	assert_int_equal(pp_s3_put_file(w.s3, "k", path, file.tags, &w.err),
	    -1);
	check_sent(&w, "POST /bkt/k?uploads= HTTP/1.1\r\n");
	check_sent(&w, "x-amz-storage-class: GLACIER_IR\r\n");
	check_kept(&w);
	close(fd);
	unlink(path);
	world_end(&w);
}

static void
what_no_object_can_be_kept_as_is_refused(void **state)
{
	static const char *const rows[][3] = {
		{ "GLACIER\r\nX: y", NULL, NULL },
		{ NULL, "AES-256", NULL },
		{ NULL, "aws:kms ", NULL },
		{ NULL, NULL, "key" },
		{ NULL, "AES256", "key" },
	};
	static const char *const fine[][3] = {
		{ "", "", "" },
		{ NULL, "AES256", NULL },
		{ NULL, "aws:kms:dsse", "key" },
		{ NULL, "aws:kms", NULL },
	};
	static const char *const nothing[3];
	static const struct script reply = { OK END, 0, false };
	struct world w = world_begin(&reply, 1);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		set_variables(rows[i]);
		if (pp_s3_new(w.aws, "bkt", &w.err) != NULL)
			fail_msg("row %zu", i);
		assert_int_equal(w.err.code, PP_ECONFIG);
	}
	for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
		struct pp_s3 *s3;

		set_variables(fine[i]);
		s3 = pp_s3_new(w.aws, "bkt", &w.err);
		if (s3 == NULL)
			fail_msg("fine %zu: %s", i, w.err.text);
		pp_s3_free(s3);
	}
	set_variables(nothing);
	world_end(&w);
}

static void
an_archived_object_is_asked_for(void **state)
{
	static const struct {
		const char *reply;
		int expected;
	} rows[] = {
		{ "HTTP/1.1 202 Accepted\r\n" END, 0 },
		{ OK END, 1 },
		{ "HTTP/1.1 409 Conflict\r\n\r\n"
		  "<Error><Code>RestoreAlreadyInProgress</Code></Error>",
		    2 },
		{ "HTTP/1.1 403 Forbidden\r\n\r\n"
		  "<Error><Code>InvalidObjectState</Code></Error>",
		    -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct script reply = { rows[i].reply, 0, false };
		struct world w = world_begin(&reply, 1);

		assert_int_equal(pp_s3_restore(w.s3, "k", 3, "Bulk", &w.err),
		    rows[i].expected);
		check_sent(&w, "POST /bkt/k?restore= HTTP/1.1\r\n");
		check_sent(&w,
		    "<RestoreRequest><Days>3</Days><GlacierJobParameters>"
		    "<Tier>Bulk</Tier></GlacierJobParameters>"
		    "</RestoreRequest>");
		world_end(&w);
	}
}

static void
an_object_says_where_it_is_kept(void **state)
{
	static const struct script reply = { OK
		"x-amz-storage-class: GLACIER\r\nETag: \"e\"\r\n"
		"x-amz-restore: ongoing-request=\"true\"\r\n" END,
		0, false };
	struct world w = world_begin(&reply, 1);
	struct pp_s3_info info;

	(void)state;
	assert_ok(pp_s3_head(w.s3, "k", &info, &w.err), w.err);
	assert_string_equal(info.storage_class, "GLACIER");
	assert_string_equal(info.restore, "ongoing-request=\"true\"");
	assert_string_equal(info.etag, "\"e\"");
	world_end(&w);
}

/* Keys that are too old, and a clock that is off, without a word about it. */
static void
a_head_that_is_refused_is_tried_once_more(void **state)
{
	static const struct {
		const char *reply;
		int requests;
	} rows[] = {
		{ "HTTP/1.1 400 Bad Request\r\n" END, 2 },
		{ "HTTP/1.1 403 Forbidden\r\n"
		  "Date: Fri, 20 Nov 2020 10:00:00 GMT\r\n" END,
		    2 },
		{ "HTTP/1.1 403 Forbidden\r\n" END, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct script replies[] = { { rows[i].reply, 0, false },
			{ OK "ETag: \"e\"\r\n" END, 0, false } };
		struct world w = world_begin(replies, 2);
		struct pp_s3_info info;
		int rc = pp_s3_head(w.s3, "k", &info, &w.err);

		assert_int_equal(rc, rows[i].requests == 2 ? 0 : -1);
		assert_int_equal(scripted_requests(w.server), rows[i].requests);
		world_end(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_lost_reply_is_taken_for),
		cmocka_unit_test(a_condition_that_fails_at_once_is_a_conflict),
		cmocka_unit_test(objects_are_kept_as_the_environment_says),
		cmocka_unit_test(what_no_object_can_be_kept_as_is_refused),
		cmocka_unit_test(an_archived_object_is_asked_for),
		cmocka_unit_test(an_object_says_where_it_is_kept),
		cmocka_unit_test(a_head_that_is_refused_is_tried_once_more),
	};

	return cmocka_run_group_tests_name("aws_s3", tests, NULL, NULL);
}
