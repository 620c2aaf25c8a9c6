/* The fish script is one 'complete' line per command and option. */
#include <config.h>

#include "cli/complete_int.h"

static void
put_begin(struct pp_buf *out, const struct pp_program *p,
    const struct pp_command *cmd)
{
	pp_buf_addf(out, "complete -c %s", p->name);
	if (cmd != NULL && cmd->name != NULL)
		pp_buf_addf(out, " -n '__fish_seen_subcommand_from %s'",
		    cmd->name);
	else if (pp_complete_has_commands(p))
		pp_buf_addf(out, " -n '__fish_is_first_token'");
}

static void
put_text(struct pp_buf *out, const char *option, const char *text)
{
	pp_buf_addf(out, " %s '", option);
	pp_complete_quote(out, text, "\\'");
	pp_buf_addc(out, '\'');
}

static void
put_candidates(struct pp_buf *out, enum pp_complete kind, const char *words)
{
	switch (kind) {
	case PP_COMPLETE_NONE: pp_buf_adds(out, " -x"); break;
	case PP_COMPLETE_FILE: pp_buf_adds(out, " -r -F"); break;
	case PP_COMPLETE_FOLDER:
		pp_buf_adds(out, " -x -a '(__fish_complete_directories)'");
		break;
	case PP_COMPLETE_WORDS: pp_buf_addf(out, " -x -a '%s'", words); break;
	default:
		pp_buf_addf(out, " -x -a '(%s 2>/dev/null)'",
		    pp_complete_source(kind));
	}
}

static void
put_options(struct pp_buf *out, const struct pp_program *p,
    const struct pp_command *cmd)
{
	const struct pp_opt *opt;
	struct pp_opts o;
	size_t i;

	pp_opts_init(&o, cmd);
	for (i = 0; i < o.count; i++) {
		opt = o.list[i];
		put_begin(out, p, cmd);
		if (opt->key < PP_OPT_LONG)
			pp_buf_addf(out, " -s %c", opt->key);
		pp_buf_addf(out, " -l %s", opt->name);
		if (opt->arg != NULL)
			put_candidates(out, opt->complete, opt->words);
		put_text(out, "-d", opt->help);
		pp_buf_addc(out, '\n');
	}
	pp_opts_release(&o);
}

static void
put_operands(struct pp_buf *out, const struct pp_program *p,
    const struct pp_command *cmd)
{
	if (cmd->operands == PP_COMPLETE_NONE)
		return;
	put_begin(out, p, cmd);
	if (cmd->operands == PP_COMPLETE_FILE)
		pp_buf_adds(out, " -F");
	else
		put_candidates(out, cmd->operands, "");
	pp_buf_addc(out, '\n');
}

void
pp_complete_fish(struct pp_buf *out, const struct pp_program *p)
{
	const struct pp_command *cmd;

	pp_buf_addf(out,
	    "# fish completion for %s, made from its option "
	    "tables\n\ncomplete -c %s -f\n",
	    p->name, p->name);
	if (pp_program_default(p) == NULL)
		put_options(out, p, NULL);
	for (cmd = p->commands; cmd->run != NULL; cmd++) {
		if (cmd->name != NULL) {
			put_begin(out, p, NULL);
			pp_buf_addf(out, " -a %s", cmd->name);
			put_text(out, "-d", cmd->summary);
			pp_buf_addc(out, '\n');
		}
		put_options(out, p, cmd);
		put_operands(out, p, cmd);
	}
}
