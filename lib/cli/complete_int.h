/*
 * Completion scripts out of the option tables: what the writers for the three
 * shells share. Each script stands alone and asks the programs themselves for
 * names and ids.
 */
#ifndef PP_CLI_COMPLETE_INT_H
#define PP_CLI_COMPLETE_INT_H

#include "base/buf.h"
#include "cli/cli_int.h"

/*
 * The command line that lists what a kind is completed with, "pp-job list
 * --names"; NULL for kinds that are not asked for.
 */
const char *pp_complete_source(enum pp_complete kind);

/*
 * `text` with each "_@" replaced by an underscore and the program's name
 * with underscores: "_@_kind" becomes "_pp_job_kind".
 */
void	pp_complete_put(struct pp_buf *out, const struct pp_program *p,
	    const char *text);

/* `text` for between single quotes, each of its own written as `quote`. */
void	pp_complete_quote(struct pp_buf *out, const char *text,
	    const char *quote);

/* Whether the program has commands with names. */
bool	pp_complete_has_commands(const struct pp_program *p);

void	pp_complete_bash(struct pp_buf *out, const struct pp_program *p);
void	pp_complete_zsh(struct pp_buf *out, const struct pp_program *p);
void	pp_complete_fish(struct pp_buf *out, const struct pp_program *p);

#endif
