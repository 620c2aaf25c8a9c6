/*
 * A folder of the test's own under /tmp, and a home in it. Both go with all
 * that is in them.
 */
#ifndef PP_TESTS_UNIT_HOME_H
#define PP_TESTS_UNIT_HOME_H

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/store.h"

#define TEST_FOLDER_BYTES 32

/* Make it; `dir` gets its path. 0 or -1, as cmocka's fixtures have it. */
static inline int
test_folder_make(char dir[TEST_FOLDER_BYTES])
{
	snprintf(dir, TEST_FOLDER_BYTES, "/tmp/pp-test-XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static inline int
test_folder_remove(const char *dir)
{
	char *command = pp_asprintf("rm -rf '%s'", dir);
	int rc = system(command);

	free(command);
	return rc;
}

/* Open the home in `dir`, a folder that is there. */
static inline int
test_home_open(const char *dir, struct pp_store **store)
{
	struct pp_error err = PP_ERROR_INIT;
	char *spec = pp_asprintf("file:%s", dir);

	*store = pp_store_open(spec, &err);
	if (*store == NULL)
		fprintf(stderr, "%s: %s\n", dir, err.text);
	free(spec);
	return *store != NULL ? 0 : -1;
}

#endif
