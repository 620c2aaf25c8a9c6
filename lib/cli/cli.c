#include <config.h>

#include "cli/cli.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/cli_int.h"

/*
 * One handler for pipes and sockets: the signal does not say which descriptor
 * it is about, but a pipe whose reader is gone polls as an error.
 */
static void
on_sigpipe(int signo)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
	int saved_errno = errno;

	if (poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0) {
		signal(signo, SIG_DFL);
		raise(signo);
	}
	errno = saved_errno;
}

static void
catch_sigpipe(void)
{
	struct sigaction sa = { .sa_handler = on_sigpipe,
		.sa_flags = SA_RESTART };

	sigemptyset(&sa.sa_mask);
	sigaction(SIGPIPE, &sa, NULL);
}

static bool
has_color(FILE *f)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || *no == '\0') && isatty(fileno(f)) &&
	    term != NULL && strcmp(term, "dumb") != 0;
}

static void
print_error(const struct pp_cli *cli, const char *kind, const char *color,
    const char *text)
{
	const char *on = cli->color_err ? color : "";
	const char *off = cli->color_err ? "\033[0m" : "";

	pp_progress_clear();
	fflush(stdout);
	fprintf(stderr, "%s: %s%s%s%s\n", cli->program, on, kind, off, text);
}

void
pp_cli_complain(const struct pp_cli *cli, const struct pp_error *err)
{
	print_error(cli, cli->color_err ? "error: " : "", "\033[1;31m",
	    err->text);
}

void
pp_cli_warn(const struct pp_cli *cli, const char *fmt, ...)
{
	char *text;
	va_list ap;

	if (cli->quiet)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text != NULL)
		print_error(cli, "warning: ", "\033[1;33m", text);
	free(text);
}

void
pp_cli_note(const struct pp_cli *cli, const char *fmt, ...)
{
	va_list ap;

	if (cli->quiet)
		return;
	pp_progress_clear();
	fflush(stdout);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* The error, a hint where the command line was wrong, the exit status. */
static int
fail(const struct pp_cli *cli, const struct pp_error *err)
{
	assert(err->code != PP_OK);
	pp_cli_complain(cli, err);
	if (err->code == PP_EUSAGE && cli->command != NULL)
		fprintf(stderr, "see '%s %s --help'\n", cli->program,
		    cli->command);
	else if (err->code == PP_EUSAGE)
		fprintf(stderr, "see '%s --help'\n", cli->program);
	return pp_code_exit_status(err->code);
}

/*
 * A standard descriptor that is closed would be the number of the next file or
 * socket, and what is printed would go there. What stands in its place can
 * neither be read nor written as it is meant to be, so its use fails. Opened in
 * order, each gets the number that is missing.
 */
static int
fill_standard_descriptors(struct pp_error *err)
{
	static const int wrong_way[] = {
		[STDIN_FILENO] = O_WRONLY,
		[STDOUT_FILENO] = O_RDONLY,
		[STDERR_FILENO] = O_RDONLY,
	};

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", wrong_way[fd]) != fd)
			return pp_error_errno(err, PP_EIO, errno,
			    "cannot open '/dev/null'");
	}
	return 0;
}

/*
 * stdout is data, so bytes that did not arrive are a failure, told once: the
 * command may have seen it. A closed stdout to which nothing was written is
 * fine.
 */
static int
finish_stdout(const struct pp_cli *cli, int status)
{
	struct pp_error err = PP_ERROR_INIT;
	bool failed = ferror(stdout) != 0;
	bool closed = !pp_io_permits(STDOUT_FILENO, O_WRONLY);

	errno = 0;
	if (fflush(stdout) != 0)
		failed = true;
	if (!failed && fclose(stdout) != 0)
		failed = true;
	if (!failed)
		return status;
	if (errno == EPIPE) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	if (status == pp_code_exit_status(PP_EIO))
		return status;
	if (closed)
		pp_error_set(&err, PP_EIO, "standard output is closed");
	else if (errno != 0)
		pp_error_errno(&err, PP_EIO, errno, "cannot write to stdout");
	else
		pp_error_set(&err, PP_EIO, "cannot write to stdout");
	return fail(cli, &err);
}

static void
print_version(const struct pp_program *p)
{
	printf("%s (Plot Palette) %s\n", p->name, PACKAGE_VERSION);
}

static void
set_log_level(const struct pp_cli *cli)
{
	if (cli->quiet)
		pp_log_set_level(PP_LOG_ERROR);
	else if (cli->verbose > 0)
		pp_log_set_level(cli->verbose > 1 ? PP_LOG_DEBUG : PP_LOG_INFO);
}

/* argv[0] is the command's name, or the program's. */
static int
run_command(const struct pp_program *p, const struct pp_command *cmd,
    struct pp_cli *cli, int argc, char **argv)
{
	struct pp_error err = PP_ERROR_INIT;
	void *state = pp_calloc(1, cmd->state_bytes + 1);
	struct pp_opts opts;
	int first = 0, status = 0;

	cli->command = cmd->name;
	pp_opts_init(&opts, cmd);
	switch (pp_opts_parse(&opts, cmd, state, cli, argc, argv, &first,
	    &err)) {
	case PP_PARSED_ERROR: status = fail(cli, &err); break;
	case PP_PARSED_HELP:
		if (cmd->name == NULL)
			pp_help_program(stdout, p);
		else
			pp_help_command(stdout, p, cmd);
		break;
	case PP_PARSED_VERSION: print_version(p); break;
	case PP_PARSED_RUN:
		set_log_level(cli);
		status = cmd->run(cli, state, argc - first, argv + first, &err);
		pp_progress_stop();
		if (status < 0)
			status = fail(cli, &err);
		break;
	}
	pp_opts_release(&opts);
	if (cmd->release != NULL)
		cmd->release(state);
	free(state);
	return status;
}

static const struct pp_command *
find_command(const struct pp_program *p, const char *name)
{
	const struct pp_command *cmd;

	for (cmd = p->commands; cmd->run != NULL; cmd++) {
		if (cmd->name != NULL && strcmp(cmd->name, name) == 0)
			return cmd;
	}
	return NULL;
}

static int
unknown_command(const struct pp_program *p, const struct pp_cli *cli,
    const char *word)
{
	struct pp_error err = PP_ERROR_INIT;
	const struct pp_command *cmd;
	const char *better;
	struct pp_nearest n;

	pp_nearest_init(&n, word);
	for (cmd = p->commands; cmd->run != NULL; cmd++) {
		if (cmd->name != NULL)
			pp_nearest_offer(&n, cmd->name);
	}
	better = pp_nearest_answer(&n);
	if (better != NULL)
		pp_error_set(&err, PP_EUSAGE,
		    "unknown command '%s', did you mean '%s'?", word, better);
	else
		pp_error_set(&err, PP_EUSAGE, "unknown command '%s'", word);
	return fail(cli, &err);
}

/* Common options may stand before the command: pp-job -v list. */
static int
run_program(const struct pp_program *p, struct pp_cli *cli, int argc,
    char **argv)
{
	struct pp_error err = PP_ERROR_INIT;
	const struct pp_command *cmd;
	enum pp_parsed parsed;
	struct pp_opts opts;
	int first = 0;

	pp_opts_init(&opts, NULL);
	parsed = pp_opts_parse(&opts, NULL, NULL, cli, argc, argv, &first,
	    &err);
	pp_opts_release(&opts);
	switch (parsed) {
	case PP_PARSED_ERROR: return fail(cli, &err);
	case PP_PARSED_HELP: pp_help_program(stdout, p); return 0;
	case PP_PARSED_VERSION: print_version(p); return 0;
	case PP_PARSED_RUN: break;
	}
	if (first == argc) {
		pp_help_usage(stderr, p);
		return pp_code_exit_status(PP_EUSAGE);
	}
	cmd = find_command(p, argv[first]);
	if (cmd == NULL)
		return unknown_command(p, cli, argv[first]);
	return run_command(p, cmd, cli, argc - first, argv + first);
}

int
pp_cli_main(const struct pp_program *program, int argc, char **argv)
{
	const struct pp_command *def = pp_program_default(program);
	struct pp_cli cli = { .program = program->name };
	struct pp_error err = PP_ERROR_INIT;
	int status;

	if (fill_standard_descriptors(&err) < 0)
		return fail(&cli, &err);
	catch_sigpipe();
	pp_log_set_before(pp_progress_clear);
	cli.color_out = has_color(stdout);
	cli.color_err = has_color(stderr);
	if (argc == 3 && strcmp(argv[1], "--complete") == 0)
		status = pp_complete_write(program, argv[2], &err) < 0 ?
		    fail(&cli, &err) :
		    0;
	else if (def != NULL &&
	    (argc < 2 || find_command(program, argv[1]) == NULL))
		status = run_command(program, def, &cli, argc, argv);
	else
		status = run_program(program, &cli, argc, argv);
	return finish_stdout(&cli, status);
}
