/* Who somebody is. */
#include <config.h>

#include "test.h"

#include "base/str.h"
#include "job/user.h"

static void
the_name_given_counts(void **state)
{
	static const struct {
		const char *given;
		bool ok;
	} rows[] = {
		{ "ada", true },
		{ "ada.l_1-2", true },
		{ "a/b", false },
		{ "..", false },
		{ "a b", false },
		{ "é", false },
		{ "-a", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		char *name;

		setenv("PP_USER", rows[i].given, 1);
		name = pp_user_id(&err);
		if ((name != NULL) != rows[i].ok)
			fail_msg("'%s'", rows[i].given);
		if (name != NULL)
			assert_string_equal(name, rows[i].given);
		else
			assert_int_equal(err.code, PP_ECONFIG);
		free(name);
	}
}

static void
else_it_is_who_runs_the_program(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	char *name;

	(void)state;
	setenv("PP_USER", "", 1);
	name = pp_user_id(&err);
	assert_non_null(name);
	assert_true(pp_name_valid(name));
	free(name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_given_counts),
		cmocka_unit_test(else_it_is_who_runs_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
