#include <config.h>

#include "cli/cli_int.h"

#include <string.h>

#define WIDTH 79  /* columns of help text */
#define GUTTER 30 /* where the descriptions of options begin */

static int
print_words(FILE *f, int column, int indent, const char *text)
{
	size_t len;

	while (*text != '\0') {
		len = strcspn(text, " ");
		if (column > indent && column + 1 + (int)len > WIDTH) {
			fprintf(f, "\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', f);
			column++;
		}
		fwrite(text, 1, len, f);
		column += (int)len;
		text += len;
		text += strspn(text, " ");
	}
	return column;
}

/* `label` at two columns, `text` beside it or, if there is no room, below. */
static void
print_entry(FILE *f, int gutter, const char *label, const char *text)
{
	int column = fprintf(f, "  %s", label);

	if (column > gutter - 2) {
		fputc('\n', f);
		column = 0;
	}
	fprintf(f, "%*s", gutter - column, "");
	print_words(f, gutter, gutter, text);
	fputc('\n', f);
}

static void
print_option(FILE *f, const struct pp_opt *opt)
{
	char label[128];
	char letter[] = "-x, ";

	letter[1] = (char)opt->key;
	snprintf(label, sizeof label, "%s--%s%s%s",
	    opt->key < PP_OPT_LONG ? letter : "    ", opt->name,
	    opt->arg != NULL ? " " : "", opt->arg != NULL ? opt->arg : "");
	print_entry(f, GUTTER, label, opt->help);
}

static void
print_usage_line(FILE *f, const char *lead, const struct pp_program *p,
    const struct pp_command *cmd)
{
	int indent = (int)strlen(lead) + 1;
	int column = fprintf(f, "%s %s", lead, p->name);

	if (cmd->name != NULL)
		column += fprintf(f, " %s", cmd->name);
	column = print_words(f, column, indent, "[options]");
	if (cmd->synopsis != NULL)
		print_words(f, column, indent, cmd->synopsis);
	fputc('\n', f);
}

void
pp_help_usage(FILE *f, const struct pp_program *p)
{
	const struct pp_command *def = pp_program_default(p);

	if (def != NULL)
		print_usage_line(f, "usage:", p, def);
	if (def == NULL || def[1].run != NULL)
		fprintf(f, "%s %s command [options] [operands]\n",
		    def != NULL ? "      " : "usage:", p->name);
	fprintf(f, "see '%s --help'\n", p->name);
}

/* Where all programs keep things; what is a program's own is in its manual. */
static void
print_foot(FILE *f, const struct pp_program *p)
{
	char text[256];

	snprintf(text, sizeof text,
	    "PP_STORE names the home of all state, "
	    "file:DIR. More in %s(1); a tour of all programs in "
	    "plotpalette(7).",
	    p->name);
	fputc('\n', f);
	print_words(f, 0, 0, text);
	fputc('\n', f);
}

static void
print_options(FILE *f, const struct pp_command *cmd)
{
	struct pp_opts o;
	size_t i;

	pp_opts_init(&o, cmd);
	if (o.own > 0)
		fputs("\noptions:\n", f);
	for (i = 0; i < o.count; i++) {
		if (i == o.own)
			fputs("\ncommon options:\n", f);
		print_option(f, o.list[i]);
	}
	pp_opts_release(&o);
}

void
pp_help_command(FILE *f, const struct pp_program *p,
    const struct pp_command *cmd)
{
	print_usage_line(f, "usage:", p, cmd);
	fputc('\n', f);
	print_words(f, 0, 0, cmd->summary);
	fputc('\n', f);
	print_options(f, cmd);
	print_foot(f, p);
}

static void
print_commands(FILE *f, const struct pp_command *commands)
{
	const struct pp_command *cmd;
	int gutter = 0;

	for (cmd = commands; cmd->run != NULL; cmd++) {
		if (cmd->name != NULL && (int)strlen(cmd->name) + 4 > gutter)
			gutter = (int)strlen(cmd->name) + 4;
	}
	fputs("\ncommands:\n", f);
	for (cmd = commands; cmd->run != NULL; cmd++) {
		if (cmd->name != NULL)
			print_entry(f, gutter, cmd->name, cmd->summary);
	}
}

void
pp_help_program(FILE *f, const struct pp_program *p)
{
	const struct pp_command *def = pp_program_default(p);

	if (def != NULL && def[1].run == NULL) {
		pp_help_command(f, p, def);
		return;
	}
	if (def != NULL)
		print_usage_line(f, "usage:", p, def);
	fprintf(f, "%s %s command [options] [operands]\n\n",
	    def != NULL ? "      " : "usage:", p->name);
	print_words(f, 0, 0, p->summary);
	fputc('\n', f);
	print_commands(f, p->commands);
	print_options(f, def);
	fprintf(f, "\n'%s command --help' shows the options of a command.\n",
	    p->name);
	print_foot(f, p);
}
