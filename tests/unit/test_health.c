/* A worker's sign of life. */
#include <config.h>

#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "job/health.h"

#define FILE_NAME "test_health.sign"

static void
what_a_file_tells(void **state)
{
	static const struct {
		const char *name;
		int64_t alive_ago, moved_ago; /* ms */
		const char *says;	      /* NULL: well */
	} rows[] = {
		{ "just now", 0, 0, NULL },
		{ "a slow call", 5000, 600000, NULL },
		{ "silent", PP_HEALTH_ALIVE_MS + 5000,
		    PP_HEALTH_ALIVE_MS + 5000, "no sign of life" },
		{ "no progress", 1000, PP_HEALTH_MOVED_MS + 5000,
		    "nothing has moved" },
		{ "of another boot", -100000, 0, "not of this boot" },
	};
	int64_t now = pp_clock_boot_ms();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		char text[128];
		int rc, len;

		/* a machine that has just booted has no such past */
		if (now <= rows[i].moved_ago || now <= rows[i].alive_ago)
			continue;
		len = snprintf(text, sizeof text,
		    "{\"alive\":%lld,\"moved\":%lld,\"count\":1}\n",
		    (long long)(now - rows[i].alive_ago),
		    (long long)(now - rows[i].moved_ago));
		assert_int_equal(pp_io_write_file(FILE_NAME, text, (size_t)len,
				     0600, NULL),
		    0);
		rc = pp_health_check(FILE_NAME, &err);
		if ((rc == 0) != (rows[i].says == NULL))
			fail_msg("%s: %s", rows[i].name, err.text);
		if (rc < 0 && strstr(err.text, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].name, err.text);
		if (rc < 0)
			assert_int_equal(err.code, PP_ENO);
	}
	unlink(FILE_NAME);
}

static void
no_file_and_no_sign(void **state)
{
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	unlink(FILE_NAME);
	assert_int_equal(pp_health_check(FILE_NAME, &err), -1);
	assert_int_equal(err.code, PP_ENO);
	assert_int_equal(pp_io_write_file(FILE_NAME, "[]", 2, 0600, NULL), 0);
	assert_int_equal(pp_health_check(FILE_NAME, &err), -1);
	assert_int_equal(err.code, PP_EDATA);
	unlink(FILE_NAME);
}

static void
a_beat_is_read_back(void **state)
{
	struct pp_health h = { .path = FILE_NAME };
	struct pp_error err = PP_ERROR_INIT;
	int64_t moved;

	(void)state;
	pp_health_beat(&h, 7);
	assert_int_equal(pp_health_check(FILE_NAME, &err), 0);
	moved = h.moved_ms;
	usleep(20000);
	pp_health_beat(&h, 7);
	assert_true(h.moved_ms == moved); /* the same count: no progress */
	pp_health_beat(&h, 8);
	assert_true(h.moved_ms > moved);
	moved = h.moved_ms;
	usleep(20000);
	pp_health_beat(&h, -1);
	assert_true(h.moved_ms > moved); /* nothing to do is as good */
	unlink(FILE_NAME);
}

static void
a_sign_that_cannot_be_written_ends_nothing(void **state)
{
	struct pp_health h = { .path = "/dev/null/sign" };

	(void)state;
	pp_health_beat(&h, 1);
	assert_null(h.path);
	pp_health_beat(&h, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_file_tells),
		cmocka_unit_test(no_file_and_no_sign),
		cmocka_unit_test(a_beat_is_read_back),
		cmocka_unit_test(a_sign_that_cannot_be_written_ends_nothing),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
