/*
 * pp-job: create jobs, look at them, start workers, wait, cancel, resume.
 */
#include <config.h>

#include "pp-job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "job/ids.h"
#include "job/user.h"

int
home_open_by(struct home *h, const struct pp_cli *cli,
    struct pp_store *(*open)(const char *spec, struct pp_error *err),
    struct pp_error *err)
{
	*h = (struct home){ .cli = cli, .user = pp_user_id(err) };
	if (h->user == NULL)
		return -1;
	h->store = open(NULL, err);
	return h->store == NULL ? -1 : 0;
}

int
pp_job_home_open(struct home *h, const struct pp_cli *cli, struct pp_error *err)
{
	return home_open_by(h, cli, pp_store_open_to_read, err);
}

int
home_make(struct home *h, const struct pp_cli *cli, struct pp_error *err)
{
	return home_open_by(h, cli, pp_store_open, err);
}

void
pp_job_home_close(struct home *h)
{
	pp_store_close(h->store);
	free(h->user);
}

int
pp_job_each(const struct pp_cli *cli, int argc, char **argv, void *arg,
    int (*fn)(void *arg, const char *job_id, struct pp_error *err),
    struct pp_error *err)
{
	struct home *h = arg;
	int rc = -1;

	if (argc == 0)
		return pp_error_set(err, PP_EUSAGE, "which job?");
	if (pp_job_home_open(h, cli, err) == 0)
		rc = pp_job_ids_each(argc, argv, fn, arg, err);
	pp_job_home_close(h);
	return rc;
}

int
pp_job_check_own(struct home *h, const char *job_id, struct pp_error *err)
{
	struct pp_job job;

	if (pp_job_get(h->store, h->user, job_id, &job, err) < 0)
		return -1;
	pp_job_release(&job);
	return 0;
}

void
pp_job_print_line(struct pp_buf *out)
{
	pp_buf_addc(out, '\n');
	fwrite(out->data, 1, out->len, stdout);
	pp_buf_release(out);
}

void
pp_job_print(const struct pp_job *job, const struct pp_tally *ended)
{
	struct pp_buf out = PP_BUF_INIT;

	pp_job_put_json(job, ended, &out);
	pp_job_print_line(&out);
}

int
pp_job_hand_on(struct home *h, const char *job_id, struct pp_error *err)
{
	struct pp_job job;

	if (pp_job_get(h->store, h->user, job_id, &job, err) < 0)
		return -1;
	pp_job_print(&job, NULL);
	pp_job_release(&job);
	return fflush(stdout) == 0 ?
	    0 :
	    pp_error_errno(err, PP_EIO, errno, "cannot write to stdout");
}

void
pp_job_put_archive(struct pp_buf *out, const struct pp_archive *a)
{
	pp_json_member_int(out, "objects", a->objects);
	pp_json_member_int(out, "moved", a->moved);
	pp_json_member_int(out, "archived", a->archived);
	pp_json_member_int(out, "coming", a->coming);
	pp_json_member_int(out, "restored", a->restored);
	pp_json_member_str(out, "storage_class",
	    a->storage_class[0] != '\0' ? a->storage_class : NULL);
}

/* ---- the program ---- */

static const struct pp_command *const families[] = { &pp_job_create_command,
	&pp_job_list_command, &pp_job_show_command, &pp_job_start_command,
	&pp_job_dispatch_command, &pp_job_wait_command, &pp_job_logs_command,
	&pp_job_restore_command, &pp_job_failed_command, &pp_job_cancel_command,
	&pp_job_resume_command, &pp_job_rm_command };

#define COMMANDS (sizeof families / sizeof *families)

int
main(int argc, char **argv)
{
	struct pp_command commands[COMMANDS + 1] = { 0 };
	struct pp_program program = {
		.name = "pp-job",
		.summary = "create, start, watch and end generation jobs",
		.commands = commands,
	};

	for (size_t i = 0; i < COMMANDS; i++)
		commands[i] = *families[i];
	return pp_cli_main(&program, argc, argv);
}
