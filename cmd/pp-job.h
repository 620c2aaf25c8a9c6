/*
 * What the files of pp-job share: the home that every command works with, and
 * the commands themselves.
 */
#ifndef PP_CMD_PP_JOB_H
#define PP_CMD_PP_JOB_H

#include "cli/cli.h"
#include "job/archive.h"
#include "job/job.h"

/* What every command works with. */
struct home {
	const struct pp_cli *cli;
	struct pp_store *store;
	char *user;
};

int	home_open_by(struct home *h, const struct pp_cli *cli,
	    struct pp_store *(*open)(const char *spec, struct pp_error *err),
	    struct pp_error *err);
int	pp_job_home_open(struct home *h, const struct pp_cli *cli,
	    struct pp_error *err);

/* For what puts something there. */
int	home_make(struct home *h, const struct pp_cli *cli,
	    struct pp_error *err);
void	pp_job_home_close(struct home *h);

/*
 * Open the home, call `fn` with `arg` for each job that the operands name.
 * `arg` begins with a struct home.
 */
int	pp_job_each(const struct pp_cli *cli, int argc, char **argv,
	    void *arg,
	    int (*fn)(void *arg, const char *job_id, struct pp_error *err),
	    struct pp_error *err);

/* That the job is this user's. */
int	pp_job_check_own(struct home *h, const char *job_id,
	    struct pp_error *err);

/* Print and forget. */
void	pp_job_print_line(struct pp_buf *out);
void	pp_job_print(const struct pp_job *job, const struct pp_tally *ended);

/* For the next program, which works on each as it comes. */
int	pp_job_hand_on(struct home *h, const char *job_id,
	    struct pp_error *err);

/* Its members, of `archived`. */
void	pp_job_put_archive(struct pp_buf *out, const struct pp_archive *a);

/* Each in the file of its family. */
extern const struct pp_command pp_job_create_command, pp_job_list_command,
    pp_job_show_command, pp_job_start_command, pp_job_dispatch_command,
    pp_job_wait_command, pp_job_logs_command, pp_job_restore_command,
    pp_job_failed_command, pp_job_cancel_command, pp_job_resume_command,
    pp_job_rm_command;

#endif
