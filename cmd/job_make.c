/*
 * pp-job create: jobs out of options, or of lines on standard input.
 */
#include <config.h>

#include "pp-job.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "job/job_create.h"
#include "model/catalog.h"

#define MAX_LINE_BYTES ((size_t)16 << 20)

static const struct pp_opt create_options[] = { { 't', "template", "TEMPLATE",
						    "file, ID or ID@VERSION",
						    PP_COMPLETE_TEMPLATE },
	{ 's', "seeds", "[NAME=]SEEDS",
	    "seed set, bound to NAME; several with names", PP_COMPLETE_SEEDS },
	{ 'n', "rows", "N", "rows to make" },
	{ 'b', "budget", "USD", "spend no more ($PP_DEFAULT_BUDGET)" },
	{ 'm', "model", "[STEP=]MODEL", "model or tier of a step, or of all",
	    PP_COMPLETE_MODEL },
	{ PP_OPT_LONG, "seed", "N", "seed of all chance [any]" },
	{ PP_OPT_LONG + 1, "order", "ORDER", "of the seeds [sequential]",
	    PP_COMPLETE_WORDS, "sequential shuffled random" },
	{ PP_OPT_LONG + 2, "max-failures", "N|P%",
	    "end when more rows have failed [no limit]" },
	{ 'p', "priority", "0-9", "9 goes first [0]" },
	{ PP_OPT_LONG + 3, "checkpoint-rows", "N",
	    "rows between checkpoints [50]" },
	{ 'e', "export", "FORMATS", "export when it is completed",
	    PP_COMPLETE_WORDS, "jsonl csv parquet jsonl,csv" },
	{ PP_OPT_LONG + 4, "partition", "HOW", "how that is split [none]",
	    PP_COMPLETE_WORDS, "none timestamp category timestamp,category" },
	{ PP_OPT_LONG + 5, "name", "TEXT", "what you call it" },
	{ 'k', "idempotency-key", "KEY",
	    "a second job of this key is the first" },
	{ PP_OPT_LONG + 6, "shards", "K",
	    "split the rows among up to K workers [1]" },
	{ 0 } };

#define MAX_SETTINGS 128

/* Options as they were given: each line of a file of jobs begins with them. */
struct create_state {
	struct {
		const char *option, *arg;
	} settings[MAX_SETTINGS];
	int count;
};

static int
create_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct create_state *s = state;
	const struct pp_opt *o = create_options;

	while (o->key != key)
		o++;
	if (s->count == MAX_SETTINGS)
		return pp_error_set(err, PP_EUSAGE, "more than %d options",
		    MAX_SETTINGS);
	s->settings[s->count].option = o->name;
	s->settings[s->count++].arg = arg;
	return 0;
}

/* A setting has its option's name with '_' for '-'. */
static int
apply_options(const struct create_state *s, struct pp_job_spec *spec,
    struct pp_error *err)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < s->count; i++) {
		char what[64], key[64];

		snprintf(what, sizeof what, "--%s", s->settings[i].option);
		snprintf(key, sizeof key, "%s", s->settings[i].option);
		for (char *p = key; *p != '\0'; p++)
			if (*p == '-')
				*p = '_';
		rc = pp_job_spec_set(spec, key, s->settings[i].arg, what, err);
	}
	return rc;
}

struct creating {
	struct home home;
	const struct create_state *state;
	struct pp_catalog *catalog;
};

/*
 * What was found in the template: its place, its line, a caret below it.
 * Returns how many were errors.
 */
static size_t
show_findings(const struct pp_cli *cli, const struct pp_findings *f)
{
	size_t errors = 0;

	for (size_t i = 0; i < f->count; i++) {
		if (!f->list[i].is_warning)
			errors++;
		if (!f->list[i].is_warning || !cli->quiet)
			fprintf(stderr, "%s\n", f->list[i].shown);
	}
	return errors;
}

static int
create_one(struct creating *c, const struct pp_job_spec *spec,
    struct pp_error *err)
{
	struct home *h = &c->home;
	struct pp_findings findings = { .list = NULL };
	char job_id[PP_ID_BYTES];
	size_t errors;
	int rc;

	rc = pp_job_create(h->store, c->catalog, h->user, spec, &findings,
	    job_id, err);
	errors = show_findings(h->cli, &findings);
	pp_findings_release(&findings);
	if (rc < 0 && errors > 0)
		return pp_error_set(err, PP_EDATA,
		    "template '%s' has %zu error%s", spec->template, errors,
		    errors == 1 ? "" : "s");
	if (rc > 0)
		pp_cli_note(h->cli, "the job was there already%s",
		    rc == 2 ? ", with other settings than these" : "");
	return rc < 0 ? -1 : pp_job_hand_on(h, job_id, err);
}

/* `line` NULL: the options are all there is. */
static int
create_from(struct creating *c, const char *line, size_t len,
    struct pp_error *err)
{
	struct pp_job_spec spec;
	int rc;

	pp_job_spec_init(&spec);
	rc = apply_options(c->state, &spec, err);
	if (rc == 0 && line != NULL)
		rc = pp_job_spec_set_json(&spec, line, len, err);
	if (rc == 0)
		rc = create_one(c, &spec, err);
	pp_job_spec_release(&spec);
	return rc;
}

static int
create_from_lines(struct creating *c, struct pp_error *err)
{
	struct pp_lines lines;
	char *line;
	size_t len;
	int rc;

	pp_lines_init(&lines, STDIN_FILENO, "standard input", MAX_LINE_BYTES);
	while ((rc = pp_lines_next(&lines, &line, &len, err)) > 0) {
		if (line[strspn(line, " \t")] == '\0')
			continue;
		rc = create_from(c, line, len, err);
		if (rc < 0) {
			pp_error_wrap(err, "standard input:%llu",
			    (unsigned long long)lines.number);
			break;
		}
	}
	pp_lines_release(&lines);
	return rc;
}

static int
create_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct creating c = { .state = state };
	int rc = -1;

	if (argc > 1 || (argc == 1 && strcmp(argv[0], "-") != 0))
		return pp_error_set(err, PP_EUSAGE,
		    "the only operand is -, "
		    "for jobs on standard input, not '%s'",
		    argv[argc - 1]);
	c.catalog = pp_catalog_load(err);
	if (c.catalog != NULL && home_make(&c.home, cli, err) == 0)
		rc = argc == 1 ? create_from_lines(&c, err) :
				 create_from(&c, NULL, 0, err);
	if (c.catalog != NULL)
		pp_job_home_close(&c.home);
	pp_catalog_free(c.catalog);
	return rc;
}

const struct pp_command pp_job_create_command = {
	.name = "create",
	.synopsis = "-t TEMPLATE -s [NAME=]SEEDS -n ROWS | -",
	.summary = "check a job and queue it",
	.options = create_options,
	.has_user = true,
	.state_bytes = sizeof(struct create_state),
	.set = create_set,
	.run = create_run,
};
