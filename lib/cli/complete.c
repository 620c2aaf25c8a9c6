#include <config.h>

#include "cli/complete_int.h"

#include <string.h>

static const struct {
	const char *name;
	void (*write)(struct pp_buf *out, const struct pp_program *p);
} shells[] = {
	{ "bash", pp_complete_bash },
	{ "zsh", pp_complete_zsh },
	{ "fish", pp_complete_fish },
};

#define NSHELLS (sizeof shells / sizeof *shells)

const char *
pp_complete_source(enum pp_complete kind)
{
	switch (kind) {
	case PP_COMPLETE_JOB: return "pp-job list --names";
	case PP_COMPLETE_TEMPLATE: return "pp-template list --names";
	case PP_COMPLETE_SEEDS: return "pp-seed list --names";
	case PP_COMPLETE_MODEL: return "pp-cost prices --names";
	default: return NULL;
	}
}

void
pp_complete_put(struct pp_buf *out, const struct pp_program *p,
    const char *text)
{
	const char *s;

	for (; *text != '\0'; text++) {
		pp_buf_addc(out, *text);
		if (text[0] != '_' || text[1] != '@')
			continue;
		text++;
		for (s = p->name; *s != '\0'; s++)
			pp_buf_addc(out, *s == '-' ? '_' : *s);
	}
}

void
pp_complete_quote(struct pp_buf *out, const char *text, const char *quote)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			pp_buf_adds(out, quote);
		else
			pp_buf_addc(out, *text);
	}
}

bool
pp_complete_has_commands(const struct pp_program *p)
{
	return pp_program_default(p) == NULL || p->commands[1].run != NULL;
}

int
pp_complete_write(const struct pp_program *p, const char *shell,
    struct pp_error *err)
{
	struct pp_buf out = PP_BUF_INIT;
	size_t i;

	for (i = 0; i < NSHELLS; i++) {
		if (strcmp(shells[i].name, shell) == 0)
			break;
	}
	if (i == NSHELLS)
		return pp_error_set(err, PP_EUSAGE,
		    "no completions for the shell '%s'; there are some for "
		    "bash, zsh and fish",
		    shell);
	shells[i].write(&out, p);
	fwrite(out.data, 1, out.len, stdout);
	pp_buf_release(&out);
	return 0;
}
