/*
 * The bash script is two generated functions, which say what options a command
 * has and what kind of word follows an option, and one fixed function that
 * asks them.
 */
#include <config.h>

#include "cli/complete_int.h"

/*
 * The words are taken from the line, since ':' and '=' break words in the
 * shell's own array; what stands before the last of them in the current word
 * is cut from the answers, because readline replaces only what follows it.
 */
static const char body[] =
    "_@()\n"
    "{\n"
    "\tlocal words cur prev word before='' command='' kind list=''\n"
    "\tread -ra words <<<\"${COMP_LINE:0:COMP_POINT}x\"\n"
    "\tcur=${words[-1]%x}\n"
    "\tprev=${words[-2]}\n"
    "\tfor word in \"${words[@]:1:${#words[@]}-2}\"; do\n"
    "\t\tcase \" $(_@_words commands) \" in\n"
    "\t\t*\" $word \"*) command=$word; break ;;\n"
    "\t\tesac\n"
    "\tdone\n"
    "\tif [[ $cur == --*=* ]]; then\n"
    "\t\tprev=${cur%%=*}\n"
    "\t\tcur=${cur#*=}\n"
    "\tfi\n"
    "\tkind=$(_@_kind \"$command\" \"$prev\")\n"
    "\tif [[ -z $kind && $cur == -* ]]; then\n"
    "\t\tkind=\"words $(_@_words \"$command\")\"\n"
    "\telif [[ -z $kind ]]; then\n"
    "\t\tkind=$(_@_kind \"$command\" '')\n"
    "\tfi\n"
    "\tcase $kind in\n"
    "\tfile) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "\t\tcompopt -o filenames 2>/dev/null\n"
    "\t\treturn ;;\n"
    "\tfolder) mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
    "\t\tcompopt -o filenames 2>/dev/null\n"
    "\t\treturn ;;\n"
    "\t'words '*) list=${kind#words } ;;\n"
    "\t'list '*) list=$(${kind#list } 2>/dev/null) ;;\n"
    "\tesac\n"
    "\tbefore=${cur%\"${cur##*[=,]}\"}\n"
    "\tmapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$list\" -- "
    "\"${cur#\"$before\"}\")\n"
    "\tbefore=${cur%\"${cur##*[:=]}\"}\n"
    "\tCOMPREPLY=(\"${COMPREPLY[@]#\"$before\"}\")\n"
    "}\n"
    "\n";

static void
put_kind(struct pp_buf *out, enum pp_complete kind, const char *words)
{
	switch (kind) {
	case PP_COMPLETE_NONE: pp_buf_adds(out, "echo none"); break;
	case PP_COMPLETE_FILE: pp_buf_adds(out, "echo file"); break;
	case PP_COMPLETE_FOLDER: pp_buf_adds(out, "echo folder"); break;
	case PP_COMPLETE_WORDS:
		pp_buf_addf(out, "echo 'words %s'", words);
		break;
	default: pp_buf_addf(out, "echo 'list %s'", pp_complete_source(kind));
	}
	pp_buf_adds(out, " ;;\n");
}

static void
put_kinds_of_command(struct pp_buf *out, const struct pp_program *p,
    const struct pp_command *cmd)
{
	const char *name = cmd != NULL && cmd->name != NULL ? cmd->name : "";
	const struct pp_opt *opt;
	struct pp_opts o;
	size_t i;

	pp_opts_init(&o, cmd);
	for (i = 0; i < o.count; i++) {
		opt = o.list[i];
		if (opt->arg == NULL)
			continue;
		pp_buf_addf(out, "\t'%s --%s'", name, opt->name);
		if (opt->key < PP_OPT_LONG)
			pp_buf_addf(out, " | '%s -%c'", name, opt->key);
		pp_buf_adds(out, ") ");
		put_kind(out, opt->complete, opt->words);
	}
	pp_buf_addf(out, "\t'%s ') ", name);
	if (*name == '\0' && pp_complete_has_commands(p))
		pp_complete_put(out, p,
		    "echo \"words $(_@_words commands)\" ;;\n");
	else
		put_kind(out, cmd->operands, "");
	pp_opts_release(&o);
}

static void
put_words_of_command(struct pp_buf *out, const struct pp_command *cmd)
{
	struct pp_opts o;
	size_t i;

	pp_opts_init(&o, cmd);
	pp_buf_addf(out, "\t'%s') echo '",
	    cmd != NULL && cmd->name != NULL ? cmd->name : "");
	for (i = 0; i < o.count; i++)
		pp_buf_addf(out, "%s--%s", i > 0 ? " " : "", o.list[i]->name);
	pp_buf_adds(out, "' ;;\n");
	pp_opts_release(&o);
}

void
pp_complete_bash(struct pp_buf *out, const struct pp_program *p)
{
	const struct pp_command *cmd, *def = pp_program_default(p);
	const struct pp_command *named = def != NULL ? def + 1 : p->commands;

	pp_buf_addf(out,
	    "# bash completion for %s, made from its option "
	    "tables\n\n",
	    p->name);
	pp_complete_put(out, p,
	    "_@_words()\n{\n\tcase $1 in\n\tcommands) "
	    "echo '");
	for (cmd = named; cmd->run != NULL; cmd++)
		pp_buf_addf(out, "%s%s", cmd > named ? " " : "", cmd->name);
	pp_buf_adds(out, "' ;;\n");
	put_words_of_command(out, def);
	for (cmd = named; cmd->run != NULL; cmd++)
		put_words_of_command(out, cmd);
	pp_complete_put(out, p,
	    "\tesac\n}\n\n_@_kind()\n{\n"
	    "\tcase \"$1 $2\" in\n");
	put_kinds_of_command(out, p, def);
	for (cmd = named; cmd->run != NULL; cmd++)
		put_kinds_of_command(out, p, cmd);
	pp_buf_adds(out, "\tesac\n}\n\n");
	pp_complete_put(out, p, body);
	pp_complete_put(out, p, "complete -F _@ ");
	pp_buf_addf(out, "%s\n", p->name);
}
