/*
 * What every unit test includes: cmocka with the headers it wants first, and
 * a few checks that say more.
 */
#ifndef PP_TESTS_UNIT_TEST_H
#define PP_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

/* A call that must succeed; shows the error when it does not. */
#define assert_ok(call, err) do { \
	if ((call) < 0) \
		fail_msg("%s: %s", #call, (err).text); \
} while (0)

/* A call that must fail with this code. */
#define assert_fails(call, err, expected) do { \
	if ((call) >= 0) \
		fail_msg("%s: expected failure, got success", #call); \
	if ((err).code != (expected)) \
		fail_msg("%s: code %d instead of %d: %s", #call, \
		    (int)(err).code, (int)(expected), (err).text); \
} while (0)

#endif
