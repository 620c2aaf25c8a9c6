/*
 * Queries of DynamoDB one after the other: how many a second, how long each,
 * and what they take of a processor.
 *
 *	bench_ddb TABLE QUERIES
 *
 * The table has a version of a template under the id "bench".
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/dynamodb.h"
#include "base/mem.h"

static double
seconds(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
count_item(void *arg, const struct pp_json *item, struct pp_error *err)
{
	(void)item;
	(void)err;
	++*(long *)arg;
	return 0;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int
run(struct pp_aws *a, const char *table, long n, double *us, long *items,
    struct pp_error *err)
{
	for (long i = 0; i < n; i++) {
		struct pp_ddb_query q = { .table = table,
			.key = "#template_id = :id" };
		double begun = seconds(CLOCK_MONOTONIC);

		pp_ddb_put_text(&q.values, ":id", "bench");
		if (pp_ddb_query(a, &q, count_item, items, err) < 0)
			return -1;
		us[i] = (seconds(CLOCK_MONOTONIC) - begun) * 1e6;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_aws *a = pp_aws_new(NULL, NULL, NULL, &err);
	long n = argc == 3 ? strtol(argv[2], NULL, 10) : 0, items = 0;
	double *us = pp_calloc((size_t)n + 1, sizeof *us);
	double begun = seconds(CLOCK_MONOTONIC);
	double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	int rc = -1;

	if (a != NULL && n > 0)
		rc = run(a, argv[1], n, us, &items, &err);
	if (rc < 0 || items != n) {
		fprintf(stderr, "bench_ddb: %ld of %ld items: %s\n", items, n,
		    err.text);
		rc = -1;
	} else {
		cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
		qsort(us, (size_t)n, sizeof *us, by_value);
		printf("%.0f %.0f %.0f\n",
		    (double)n / (seconds(CLOCK_MONOTONIC) - begun), us[n / 2],
		    cpu * 1e6 / (double)n);
	}
	free(us);
	pp_aws_free(a);
	return rc < 0;
}
