/*
 * The AWS home: the suite, against the servers that the environment names.
 * tests/store/aws.sh starts them.
 */
#include <config.h>

#include "suite.h"

#include <stdio.h>
#include <unistd.h>

#include "../support/aws_home.h"
#include "aws/request.h"
#include "base/mem.h"
#include "base/rand.h"

/* A home is named by its bucket, which is also its tables' prefix. */
static char *
make_home(void)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_aws *a = pp_aws_new(NULL, NULL, NULL, &err);
	struct pp_rand r;
	char *name;

	pp_rand_seed_any(&r);
	name = pp_asprintf("pp-%016llx", (unsigned long long)pp_rand_next(&r));
	if (a == NULL || aws_home_make(a, name, name, &err) < 0) {
		fprintf(stderr, "no home: %s\n", err.text);
		abort();
	}
	pp_aws_free(a);
	return name;
}

static struct pp_store *
open_home(const char *home, struct pp_error *err)
{
	char *spec = pp_asprintf("aws:%s", home);
	struct pp_store *s;

	setenv("PP_TABLE_PREFIX", home, 1);
	s = pp_store_open(spec, err);
	free(spec);
	return s;
}

static void
drop_home(const char *home)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_aws *a = pp_aws_new(NULL, NULL, NULL, &err);

	/* the objects go with the server */
	if (a == NULL || aws_home_drop(a, home, home, false, &err) < 0) {
		fprintf(stderr, "home '%s' stays: %s\n", home, err.text);
		abort();
	}
	pp_aws_free(a);
}

static const struct suite_home aws = {
	.name = "aws",
	.make = make_home,
	.open = open_home,
	.drop = drop_home,
	.at_servers = true,
};

int
main(void)
{
	return suite_run(&aws, NULL, 0) > 0;
}
