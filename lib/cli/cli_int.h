/*
 * What the files of lib/cli share: the merged option list of a command, which
 * the parser, the help and the completions read alike.
 */
#ifndef PP_CLI_CLI_INT_H
#define PP_CLI_CLI_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/cli.h"

/* Keys of the options every command has; above all those of commands. */
enum {
	PP_KEY_COLOR = 0x10000,
	PP_KEY_JSON,
	PP_KEY_USER,
	PP_KEY_NAMES
};

/*
 * The options of one command: `own` of its own first, then the common ones.
 * The entries point into static tables; the arrays are owned.
 */
struct pp_opts {
	const struct pp_opt **list;
	size_t count, own;
	char *shorts;			/* for getopt_long() */
	struct option *longs;
};

/* `cmd` NULL: the common options alone, as before a command's name. */
void	pp_opts_init(struct pp_opts *o, const struct pp_command *cmd);
void	pp_opts_release(struct pp_opts *o);

/* The option with this long name, or NULL. */
const struct pp_opt *pp_opts_find(const struct pp_opts *o, const char *name);

/* What the parser came upon. */
enum pp_parsed {
	PP_PARSED_ERROR = -1,
	PP_PARSED_RUN,
	PP_PARSED_HELP,
	PP_PARSED_VERSION
};

/*
 * Read argv[1] and on; argv[0] is skipped. Common options go into `cli`, the
 * others to cmd->set with `state`. `*first` becomes the index of the first
 * operand; operands are moved behind the options, or, when `cmd` is NULL,
 * reading stops at the first.
 */
enum pp_parsed pp_opts_parse(const struct pp_opts *o,
	    const struct pp_command *cmd, void *state, struct pp_cli *cli,
	    int argc, char **argv, int *first, struct pp_error *err);

/*
 * The name nearest to a mistyped `word`, or NULL when none is near. Offer
 * every candidate, then ask.
 */
struct pp_nearest {
	const char *word;
	const char *best;
	int distance;
};

void	pp_nearest_init(struct pp_nearest *n, const char *word);
void	pp_nearest_offer(struct pp_nearest *n, const char *candidate);
const char *pp_nearest_answer(const struct pp_nearest *n);

/* help.c: usage in one or two lines, and all of --help. */
void	pp_help_usage(FILE *f, const struct pp_program *p);
void	pp_help_program(FILE *f, const struct pp_program *p);
void	pp_help_command(FILE *f, const struct pp_program *p,
	    const struct pp_command *cmd);

/* Whether the table of commands begins with, or is, the one without a name. */
static inline const struct pp_command *
pp_program_default(const struct pp_program *p)
{
	return p->commands->name == NULL ? p->commands : NULL;
}

/*
 * complete.c: write the completion script of `p` for "bash", "zsh" or "fish"
 * to stdout. 0, or -1 with PP_EUSAGE for another shell.
 */
int	pp_complete_write(const struct pp_program *p, const char *shell,
	    struct pp_error *err);

/* table.c: print the first column alone, without a heading (--names). */
void	pp_table_names_only(bool on);

#endif
