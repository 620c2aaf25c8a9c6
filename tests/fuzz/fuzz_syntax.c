/*
 * The lexer and the parser alone: any text compiles, or gives an error with
 * its place, and twice the same. The first byte chooses options.
 */
#include <config.h>

#include <string.h>

#include "fuzz.h"
#include "template/template.h"

static struct pp_options
options_of(uint8_t choice)
{
	return (struct pp_options){ .trim_blocks = choice & 1,
		.lstrip_blocks = choice >> 1 & 1,
		.keep_trailing_newline = choice >> 2 & 1,
		.line_statement_prefix = choice >> 3 & 1 ? "%%" : NULL,
		.line_comment_prefix = choice >> 4 & 1 ? "##" : NULL,
		.hf = choice >> 7 };
}

static bool
compile(const char *text, size_t len, const struct pp_options *options,
    struct pp_fault *fault)
{
	struct pp_template *failed = NULL,
			   *t = pp_template_compile(text, len, "input", options,
			       fault, &failed);
	bool ok = t != NULL;
	int line, column;

	if (!ok) {
		claim(fault->kind != PP_K_NONE && fault->text[0] != '\0');
		if (fault->source != NULL) {
			claim(fault->pos <= fault->source->len);
			pp_source_place(fault->source, fault->pos, &line,
			    &column);
			claim(line > 0 && column > 0);
			claim(line <= 1 + (int)len && column <= 1 + (int)len);
		}
	}
	fault->source = NULL;
	pp_template_free(t);
	pp_template_free(failed);
	return ok;
}

/* All errors are told, if there is one. */
static void
count_problem(void *arg, const struct pp_fault *fault)
{
	claim(fault->kind != PP_K_NONE && fault->text[0] != '\0');
	++*(int *)arg;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pp_fault first, second;
	struct pp_options options;
	const char *text = (const char *)data + 1;
	int problems = 0;
	bool ok;

	if (size == 0)
		return 0;
	memset(&first, 0, sizeof first);
	memset(&second, 0, sizeof second);
	options = options_of(data[0]);
	ok = compile(text, size - 1, &options, &first);
	claim(ok == compile(text, size - 1, &options, &second));
	claim(first.kind == second.kind && first.pos == second.pos &&
	    strcmp(first.text, second.text) == 0);
	pp_template_problems(text, size - 1, &options, count_problem,
	    &problems);
	claim(ok == (problems == 0));
	return 0;
}
