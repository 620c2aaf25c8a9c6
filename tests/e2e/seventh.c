/*
 * A seventh program, written against the installed header and library alone.
 *
 *	seventh jobs			each job: id, status, rows done
 *	seventh rows JOB		each good row: number and record
 *	seventh fields RECIPE		the seed fields that it needs
 *	seventh render RECIPE [NAME=SEEDS]...
 *		the prompts of the first three rows, answered by an echo, and
 *		their records
 */
#include <inttypes.h>
#include <plotpalette.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SETS 8
#define PAGE 2

static struct plotpalette_error err;

static int
fail(void)
{
	fprintf(stderr, "seventh: %s\n", err.text);
	return err.status;
}

static int
jobs(struct plotpalette *pp)
{
	struct plotpalette_job page[PAGE];
	char before[PLOTPALETTE_ID_BYTES];
	int count = plotpalette_job_list(pp, NULL, page, PAGE, &err);

	while (count > 0) {
		for (int i = 0; i < count; i++)
			printf("%s %s %" PRId64 "\n", page[i].job_id,
			    page[i].status, page[i].rows_done);
		strcpy(before, page[count - 1].job_id);
		count = plotpalette_job_list(pp, before, page, PAGE, &err);
	}
	return count < 0 ? fail() : 0;
}

static int
rows(struct plotpalette *pp, const char *job_id)
{
	struct plotpalette_rows *r = plotpalette_rows_open(pp, job_id, &err);
	struct plotpalette_result row;
	int rc;

	if (r == NULL)
		return fail();
	while ((rc = plotpalette_rows_next(r, &row, &err)) > 0) {
		if (row.record != NULL)
			printf("%s\n", row.record);
	}
	plotpalette_rows_close(r);
	return rc < 0 ? fail() : 0;
}

static int
fields(struct plotpalette *pp, const char *name)
{
	struct plotpalette_recipe *r = plotpalette_recipe_load(pp, name, &err);
	const char *path;
	int required;

	if (r == NULL)
		return fail();
	for (int i = 0;
	     (path = plotpalette_recipe_field(r, i, &required)) != NULL; i++)
		printf("%s %s\n", path, required ? "required" : "optional");
	plotpalette_recipe_free(r);
	return 0;
}

static int
render_row(struct plotpalette_recipe *r, const struct plotpalette_seed *seeds,
    int count, int64_t index)
{
	const char *system, *prompt, *record;
	int rc;

	if (plotpalette_row_begin(r, seeds, count, index, 1, &err) < 0)
		return -1;
	for (int i = 0; i < plotpalette_recipe_step_count(r); i++) {
		rc = plotpalette_row_prompt(r, i, &system, &prompt, &err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		printf("-- %s\n%s\n", plotpalette_recipe_step(r, i), prompt);
		plotpalette_row_answer(r, i, "echo", "parrot");
	}
	record = plotpalette_row_record(r, &err);
	if (record == NULL)
		return -1;
	printf("== %s\n", record);
	return 0;
}

static int
render(struct plotpalette *pp, const char *name, int count, char **sets)
{
	struct plotpalette_recipe *r = plotpalette_recipe_load(pp, name, &err);
	struct plotpalette_seeds *open[MAX_SETS] = { NULL };
	struct plotpalette_seed seeds[MAX_SETS] = { { NULL, NULL } };
	int rc = r == NULL ? -1 : 0;

	for (int i = 0; i < count && rc == 0; i++) {
		char *equals = strchr(sets[i], '=');

		if (equals != NULL) {
			*equals = '\0';
			seeds[i].name = sets[i];
		}
		open[i] = plotpalette_seeds_open(pp,
		    equals != NULL ? equals + 1 : sets[i], &err);
		if (open[i] == NULL)
			rc = -1;
	}
	for (int64_t index = 0; index < 3 && rc == 0; index++) {
		for (int i = 0; i < count && rc == 0; i++) {
			seeds[i].json = plotpalette_seeds_get(open[i],
			    index % plotpalette_seeds_count(open[i]), &err);
			rc = seeds[i].json == NULL ? -1 : 0;
		}
		if (rc == 0)
			rc = render_row(r, seeds, count, index);
	}
	for (int i = 0; i < count; i++)
		plotpalette_seeds_close(open[i]);
	plotpalette_recipe_free(r);
	return rc < 0 ? fail() : 0;
}

int
main(int argc, char **argv)
{
	struct plotpalette *pp;
	int status = 64;

	if (argc < 2 || argc - 3 > MAX_SETS)
		return status;
	pp = plotpalette_open(NULL, &err);
	if (pp == NULL)
		return fail();
	if (strcmp(argv[1], "jobs") == 0)
		status = jobs(pp);
	else if (argc > 2 && strcmp(argv[1], "rows") == 0)
		status = rows(pp, argv[2]);
	else if (argc > 2 && strcmp(argv[1], "fields") == 0)
		status = fields(pp, argv[2]);
	else if (argc > 2 && strcmp(argv[1], "render") == 0)
		status = render(pp, argv[2], argc - 3, argv + 3);
	plotpalette_close(pp);
	return status;
}
