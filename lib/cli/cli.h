/*
 * What the six programs have in common: option tables, help, errors, exit
 * statuses. A program is a table of commands; each command has a table of
 * options, which feeds getopt_long(), --help and the completions alike.
 */
#ifndef PP_CLI_CLI_H
#define PP_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* What an argument may be completed with. */
enum pp_complete {
	PP_COMPLETE_NONE,
	PP_COMPLETE_FILE,
	PP_COMPLETE_FOLDER,
	PP_COMPLETE_JOB,
	PP_COMPLETE_TEMPLATE,
	PP_COMPLETE_SEEDS,
	PP_COMPLETE_MODEL,
	PP_COMPLETE_WORDS	/* the words of `words` */
};

/* Keys of options without a letter begin here. */
#define PP_OPT_LONG 256

struct pp_opt {
	int key;			/* a letter, or from PP_OPT_LONG on */
	const char *name;		/* "output" */
	const char *arg;		/* "FILE"; NULL: a flag */
	const char *help;		/* one line, no full stop */
	enum pp_complete complete;
	const char *words;		/* "jsonl csv" for _WORDS */
};

/* What was given to every command; filled before its run(). */
struct pp_cli {
	const char *program;		/* "pp-job" */
	const char *command;		/* "create", or NULL */
	bool quiet;
	int verbose;
	bool json;			/* --json, where the command has it */
	bool names;			/* --names, likewise; not with --json */
	const char *user;		/* --user, likewise; else NULL. What
					 * PP_USER says is then that */
	bool color_out, color_err;	/* --color and NO_COLOR, decided */
};

struct pp_command {
	const char *name;		/* NULL: the program has no commands */
	const char *synopsis;		/* "[-n N] NAME" after the options */
	const char *summary;		/* one line, imperative */
	const struct pp_opt *options;	/* ended by a zero key; may be NULL */
	enum pp_complete operands;	/* what operands are */
	bool has_json;			/* takes --json */
	bool has_user;			/* takes --user: acts for somebody */
	bool has_names;			/* takes --names: prints its table's
					 * first column alone, for scripts and
					 * completions */
	size_t state_bytes;		/* size of its own options struct */

	/*
	 * One option, in the order given. `state` is zeroed at first. 0, or
	 * -1 with `err` (usually PP_EUSAGE).
	 */
	int (*set)(void *state, int key, const char *arg,
	    struct pp_error *err);

	/*
	 * Do it. argv holds the operands alone. Returns an exit status, or -1
	 * with `err`, which is printed and becomes the status of its code.
	 */
	int (*run)(const struct pp_cli *cli, void *state, int argc,
	    char **argv, struct pp_error *err);

	/*
	 * Free what set() made; the last call, whether run() was one or not.
	 * May be NULL.
	 */
	void (*release)(void *state);
};

struct pp_program {
	const char *name;		/* "pp-job" */
	const char *summary;		/* one line */
	const struct pp_command *commands; /* ended by a NULL run; a program
					    * with several may begin with a
					    * NULL-named default */
};

/*
 * The whole of a program's main(): parse, run, report, flush. Flushes stdout
 * and fails with status 74 when that fails. Returns the exit status.
 *
 * SIGPIPE is decided here, once: when the reader of stdout is gone, the
 * program ends at once and quietly, as `pp-seed get x | head` should; when it
 * was a socket, the signal means nothing and the write fails with EPIPE. A
 * program that must outlive the reader of its stdout ignores the signal.
 *
 * Standard descriptors that are closed cannot be mistaken for files that are
 * opened later: to read or to write them fails.
 *
 * The log's level is warnings; -q leaves errors, -v adds events, -vv details.
 */
int	pp_cli_main(const struct pp_program *program, int argc, char **argv);

/* "pp-job: text" on stderr, whatever -q says. */
void	pp_cli_complain(const struct pp_cli *cli, const struct pp_error *err);

/* "pp-job: warning: text" on stderr unless -q. */
void	pp_cli_warn(const struct pp_cli *cli, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* Plain text on stderr unless -q. */
void	pp_cli_note(const struct pp_cli *cli, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/*
 * Text in columns. Add the cells of a row one after the other; numbers and
 * _right cells are aligned to the right. Widths count code points.
 */
struct pp_table;

struct pp_table *pp_table_new(const char *const *headings, size_t columns);
void	pp_table_cell(struct pp_table *t, const char *text);
void	pp_table_right(struct pp_table *t, const char *text);
void	pp_table_number(struct pp_table *t, int64_t value);
void	pp_table_money(struct pp_table *t, int64_t nusd);

/* Print to stdout with headings, free it. */
void	pp_table_print(struct pp_table *t);

/*
 * A progress line on stderr, there only when stderr is a terminal and not
 * quiet; at most ten times a second. pp_progress_clear() takes it away before
 * other output; the log does so by itself.
 */
void	pp_progress_start(const struct pp_cli *cli);
void	pp_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	pp_progress_clear(void);
void	pp_progress_stop(void);

#endif
