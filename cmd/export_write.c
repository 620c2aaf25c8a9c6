/*
 * pp-export: rows of jobs, or of stdin, to a folder, to objects or to stdout.
 */
#include <config.h>

#include "pp-export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "export/csv_rows.h"
#include "export/rows.h"
#include "job/export_job.h"
#include "job/export_upload.h"
#include "job/ids.h"
#include "job/job.h"
#include "job/user.h"
#include "store/store.h"

#define DEFAULT_EXPIRES_MS (15 * 60 * 1000)

/* Exporting one job after the other. */
struct jobs {
	const struct pp_cli *cli;
	struct pp_export_state *state;
	struct pp_store *store;
	char *user;   /* owned */
	bool several; /* each gets a folder of its own */
};

static void
warn_failed(const struct pp_cli *cli, const struct pp_export_state *s,
    const struct pp_export_result *result)
{
	if (result->failed > 0 && !s->o.include_failed)
		pp_cli_warn(cli, "left out %llu failed row%s",
		    (unsigned long long)result->failed,
		    result->failed == 1 ? "" : "s");
}

/* An object of a job's own exports: its key, or a URL of it. */
static int
print_object(void *arg, const char *key, struct pp_error *err)
{
	const struct jobs *jobs = arg;
	int64_t ms = jobs->state->expires_ms;
	struct pp_buf url = PP_BUF_INIT;
	int rc = 0;

	if (!jobs->state->url) {
		puts(key);
		return 0;
	}
	rc = pp_blob_presign(pp_store_blobs(jobs->store), "GET", key,
	    (ms > 0 ? ms : DEFAULT_EXPIRES_MS) / 1000, &url, err);
	if (rc == 0)
		puts(url.data);
	pp_buf_release(&url);
	return rc;
}

static bool
is_url(const char *output)
{
	return output != NULL && pp_starts_with(output, "s3://");
}

/* Where the home keeps objects, a job's own exports are objects too. */
static int
export_to_home(struct jobs *jobs, const char *job_id,
    struct pp_export_result *result, struct pp_error *err)
{
	char *prefix = pp_asprintf("jobs/%s/exports/", job_id);
	struct pp_export_place to = { .blobs = pp_store_blobs(jobs->store),
		.prefix = prefix,
		.fn = print_object,
		.arg = jobs };
	int rc = pp_export_upload_job(jobs->store, job_id, &jobs->state->o,
	    jobs->state->partial, &to, result, err);

	free(prefix);
	return rc;
}

static int
export_to_url(struct jobs *jobs, const char *job_id,
    struct pp_export_result *result, struct pp_error *err)
{
	char *prefix, *own;
	struct pp_export_place to = {
		.blobs = pp_blob_open_url(jobs->state->output, &prefix, err)
	};
	int rc;

	if (to.blobs == NULL)
		return -1;
	own = jobs->several ? pp_asprintf("%s%s/", prefix, job_id) :
			      pp_strdup(prefix);
	to.prefix = own;
	rc = pp_export_upload_job(jobs->store, job_id, &jobs->state->o,
	    jobs->state->partial, &to, result, err);
	free(own);
	free(prefix);
	pp_blob_close(to.blobs);
	return rc;
}

static int
export_to_files(struct jobs *jobs, const char *job_id,
    struct pp_export_result *result, struct pp_error *err)
{
	struct pp_export_options o = jobs->state->o;
	const char *output = jobs->state->output;
	char *folder = NULL;
	int rc;

	if (output == NULL)
		folder = pp_export_job_folder(jobs->store, job_id, err);
	else if (strcmp(output, "-") != 0 && jobs->several)
		folder = pp_asprintf("%s/%s", output, job_id);
	else if (strcmp(output, "-") != 0)
		folder = pp_strdup(output);
	else if (jobs->several && o.formats != PP_EXPORT_JSONL)
		return pp_error_set(err, PP_EUSAGE,
		    "several jobs can go to standard output as jsonl only");
	if (folder == NULL && (output == NULL || strcmp(output, "-") != 0))
		return -1;
	o.dir = folder;
	rc = pp_export_job(jobs->store, job_id, &o, jobs->state->partial,
	    result, err);
	if (rc == 0 && output == NULL)
		puts(folder);
	free(folder);
	return rc;
}

static int
check_url_option(const struct jobs *jobs, struct pp_error *err)
{
	if (!jobs->state->url)
		return 0;
	if (jobs->state->output != NULL)
		return pp_error_set(err, PP_EUSAGE,
		    "--url is of a job's own exports, without --output");
	if (pp_store_dir(jobs->store) != NULL)
		return pp_error_set(err, PP_ECONFIG,
		    "objects of this home are files and have no URLs");
	return 0;
}

/* Another's job is as one that is not there. */
static int
check_own(const struct jobs *jobs, const char *job_id, struct pp_error *err)
{
	struct pp_job job;

	if (pp_job_get(jobs->store, jobs->user, job_id, &job, err) < 0)
		return -1;
	pp_job_release(&job);
	return 0;
}

static int
export_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct jobs *jobs = arg;
	struct pp_export_result result = { .rows = 0 };
	const char *output = jobs->state->output;
	int rc;

	if (check_url_option(jobs, err) < 0 || check_own(jobs, job_id, err) < 0)
		return -1;
	if (is_url(output))
		rc = export_to_url(jobs, job_id, &result, err);
	else if (output == NULL && pp_store_dir(jobs->store) == NULL)
		rc = export_to_home(jobs, job_id, &result, err);
	else
		rc = export_to_files(jobs, job_id, &result, err);
	if (rc == 0)
		warn_failed(jobs->cli, jobs->state, &result);
	pp_export_result_release(&result);
	return rc;
}

int
pp_export_jobs(const struct pp_cli *cli, struct pp_export_state *s, int argc,
    char **argv, struct pp_error *err)
{
	struct jobs jobs = { .cli = cli,
		.state = s,
		.several = argc > 1 || strcmp(argv[0], "-") == 0 };
	int rc = -1;

	jobs.user = pp_user_id(err);
	if (jobs.user != NULL)
		jobs.store = pp_store_open_to_read(NULL, err);
	if (jobs.store != NULL)
		rc = pp_job_ids_each(argc, argv, export_one, &jobs, err);
	pp_store_close(jobs.store);
	free(jobs.user);
	return rc;
}

/*
 * A terminal or /dev/null has no rows: there a job was meant, as by
 * `pp-export $job` with a variable that is empty.
 */
static bool
has_rows(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && !S_ISCHR(st.st_mode);
}

static int
export_rows_to_url(const struct pp_export_state *s, struct pp_rows *rows,
    struct pp_export_result *result, struct pp_error *err)
{
	char *prefix;
	struct pp_export_place to = { .blobs = pp_blob_open_url(s->output,
					  &prefix, err) };
	int rc;

	if (to.blobs == NULL)
		return -1;
	to.prefix = prefix;
	rc = pp_export_upload_rows(&s->o, rows, &to, result, err);
	free(prefix);
	pp_blob_close(to.blobs);
	return rc;
}

int
pp_export_stdin(const struct pp_cli *cli, struct pp_export_state *s,
    struct pp_error *err)
{
	struct pp_export_result result = { .rows = 0 };
	struct pp_rows *rows;
	int rc;

	if (s->partial)
		return pp_error_set(err, PP_EUSAGE,
		    "--partial is for jobs, and none is named");
	if (!has_rows(STDIN_FILENO))
		return pp_error_set(err, PP_EUSAGE,
		    "name a job, or give rows on standard input");
	if (s->output != NULL && strcmp(s->output, "-") != 0 &&
	    !is_url(s->output))
		s->o.dir = s->output;
	rows = s->from_csv ? pp_csv_rows_new(STDIN_FILENO, "standard input",
				 s->from_delimiter, s->types, s->o.type_count) :
			     pp_rows_from_fd(STDIN_FILENO, "standard input");
	rc = is_url(s->output) ? export_rows_to_url(s, rows, &result, err) :
				 pp_export_run(&s->o, rows, &result, err);
	if (rc == 0)
		warn_failed(cli, s, &result);
	pp_rows_free(rows);
	pp_export_result_release(&result);
	return rc;
}
