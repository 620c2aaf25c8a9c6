/* The zsh script gives each command's options to _arguments. */
#include <config.h>

#include "cli/complete_int.h"

/* Text inside '[...]' or between ':' of a specification, in single quotes. */
static void
put_spec_text(struct pp_buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'') {
			pp_buf_adds(out, "'\\''");
			continue;
		}
		if (*text == '[' || *text == ']' || *text == ':' ||
		    *text == '\\')
			pp_buf_addc(out, '\\');
		pp_buf_addc(out, *text);
	}
}

static void
put_action(struct pp_buf *out, const struct pp_program *p,
    enum pp_complete kind, const char *words)
{
	switch (kind) {
	case PP_COMPLETE_NONE: pp_buf_addc(out, ' '); break;
	case PP_COMPLETE_FILE: pp_buf_adds(out, "_files"); break;
	case PP_COMPLETE_FOLDER: pp_buf_adds(out, "_files -/"); break;
	case PP_COMPLETE_WORDS: pp_buf_addf(out, "(%s)", words); break;
	default:
		pp_complete_put(out, p, "_@_names ");
		pp_buf_adds(out, pp_complete_source(kind));
	}
}

static void
put_option(struct pp_buf *out, const struct pp_program *p,
    const struct pp_opt *opt)
{
	bool letter = opt->key < PP_OPT_LONG;

	pp_buf_adds(out, "\t\t'*'");
	if (letter)
		pp_buf_addf(out, "{-%c%s,--%s%s}", opt->key,
		    opt->arg != NULL ? "+" : "", opt->name,
		    opt->arg != NULL ? "=" : "");
	else
		pp_buf_addf(out, "--%s%s", opt->name,
		    opt->arg != NULL ? "=" : "");
	pp_buf_adds(out, "'[");
	put_spec_text(out, opt->help);
	pp_buf_addc(out, ']');
	if (opt->arg != NULL) {
		pp_buf_addc(out, ':');
		put_spec_text(out, opt->arg);
		pp_buf_addc(out, ':');
		put_action(out, p, opt->complete, opt->words);
	}
	pp_buf_adds(out, "' \\\n");
}

static void
put_options(struct pp_buf *out, const struct pp_program *p,
    const struct pp_command *cmd)
{
	struct pp_opts o;
	size_t i;

	pp_opts_init(&o, cmd);
	for (i = 0; i < o.count; i++)
		put_option(out, p, o.list[i]);
	pp_opts_release(&o);
}

static void
put_arguments(struct pp_buf *out, const struct pp_program *p,
    const struct pp_command *cmd)
{
	pp_buf_adds(out, "\t_arguments -s -S \\\n");
	put_options(out, p, cmd);
	pp_buf_adds(out, "\t\t'*:operand:");
	put_action(out, p, cmd->operands, "");
	pp_buf_addc(out, '\'');
}

static void
put_command_choice(struct pp_buf *out, const struct pp_program *p)
{
	const struct pp_command *cmd;

	pp_buf_adds(out, "\tcommands=(\n");
	for (cmd = p->commands; cmd->run != NULL; cmd++) {
		if (cmd->name == NULL)
			continue;
		pp_buf_addf(out, "\t\t'%s:", cmd->name);
		pp_complete_quote(out, cmd->summary, "'\\''");
		pp_buf_adds(out, "'\n");
	}
	pp_buf_adds(out, "\t)\n\t_arguments -C -s -S \\\n");
	put_options(out, p, pp_program_default(p));
	pp_complete_put(out, p,
	    "\t\t'1:command:->command' \\\n"
	    "\t\t'*::operand:->operands'\n"
	    "\tif [[ $state == command ]]; then\n"
	    "\t\t_describe command commands\n\t\treturn\n\tfi\n"
	    "\t[[ $state == operands ]] || return\n"
	    "\tcase $line[1] in\n");
	for (cmd = p->commands; cmd->run != NULL; cmd++) {
		if (cmd->name == NULL)
			continue;
		pp_buf_addf(out, "\t%s)\n\t", cmd->name);
		put_arguments(out, p, cmd);
		pp_buf_adds(out, " ;;\n");
	}
	pp_buf_adds(out, "\tesac\n");
}

void
pp_complete_zsh(struct pp_buf *out, const struct pp_program *p)
{
	pp_buf_addf(out,
	    "#compdef %s\n"
	    "# zsh completion, made from the program's option tables\n\n",
	    p->name);
	pp_complete_put(out, p,
	    "_@_names()\n{\n\tlocal -a names\n"
	    "\tnames=(${(f)\"$(\"$@\" 2>/dev/null)\"})\n"
	    "\tcompset -P '*='\n\tcompadd -a names\n}\n\n"
	    "_@()\n{\n");
	if (pp_complete_has_commands(p)) {
		pp_buf_adds(out,
		    "\tlocal curcontext=$curcontext state line\n"
		    "\tlocal -a commands\n\ttypeset -A opt_args\n\n");
		put_command_choice(out, p);
	} else {
		put_arguments(out, p, p->commands);
		pp_buf_addc(out, '\n');
	}
	pp_complete_put(out, p, "}\n\n_@ \"$@\"\n");
}
