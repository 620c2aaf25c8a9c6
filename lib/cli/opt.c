#include <config.h>

#include "cli/cli_int.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static const struct pp_opt common[] = {
	{ 'h', "help", NULL, "show this help and exit", PP_COMPLETE_NONE,
	    NULL },
	{ 'V', "version", NULL, "show the version and exit", PP_COMPLETE_NONE,
	    NULL },
	{ 'q', "quiet", NULL, "say nothing but errors", PP_COMPLETE_NONE,
	    NULL },
	{ 'v', "verbose", NULL, "say more; twice for details", PP_COMPLETE_NONE,
	    NULL },
	{ PP_KEY_COLOR, "color", "WHEN", "color: auto, always or never",
	    PP_COMPLETE_WORDS, "auto always never" },
};

static const struct pp_opt json_opt = { PP_KEY_JSON, "json", NULL,
	"print JSON, one object a line", PP_COMPLETE_NONE, NULL };
static const struct pp_opt user_opt = { PP_KEY_USER, "user", "ID",
	"act for the user ID, whoever that is otherwise", PP_COMPLETE_NONE,
	NULL };
static const struct pp_opt names_opt = { PP_KEY_NAMES, "names", NULL,
	"print the first column alone, one name a line", PP_COMPLETE_NONE,
	NULL };

#define NCOMMON (sizeof common / sizeof *common)

static void
add(struct pp_opts *o, const struct pp_opt *opt)
{
	size_t i, at = strlen(o->shorts);

	for (i = 0; i < o->count; i++) {
		assert(o->list[i]->key != opt->key);
		assert(strcmp(o->list[i]->name, opt->name) != 0);
	}
	o->longs[o->count].name = opt->name;
	o->longs[o->count].has_arg = opt->arg != NULL ? required_argument :
							no_argument;
	o->longs[o->count].val = opt->key;
	if (opt->key < PP_OPT_LONG) {
		o->shorts[at++] = (char)opt->key;
		if (opt->arg != NULL)
			o->shorts[at++] = ':';
		o->shorts[at] = '\0';
	}
	o->list[o->count++] = opt;
}

void
pp_opts_init(struct pp_opts *o, const struct pp_command *cmd)
{
	const struct pp_opt *opt;
	size_t i, own = 0;

	if (cmd != NULL && cmd->options != NULL) {
		while (cmd->options[own].key != 0)
			own++;
	}
	o->count = 0;
	o->list = pp_calloc(own + NCOMMON + 3, sizeof *o->list);
	o->longs = pp_calloc(own + NCOMMON + 4, sizeof *o->longs);
	o->shorts = pp_calloc(2 * (own + NCOMMON + 3) + 3, 1);
	/* ':' tells a missing argument from an unknown option. */
	memcpy(o->shorts, cmd == NULL ? "+:" : ":", cmd == NULL ? 2 : 1);
	for (i = 0, opt = cmd != NULL ? cmd->options : NULL; i < own; i++)
		add(o, opt + i);
	o->own = own;
	if (cmd != NULL && cmd->has_json)
		add(o, &json_opt);
	if (cmd != NULL && cmd->has_user)
		add(o, &user_opt);
	if (cmd != NULL && cmd->has_names)
		add(o, &names_opt);
	/* a command's own option of the same name stands in its place */
	for (i = 0; i < NCOMMON; i++) {
		if (pp_opts_find(o, common[i].name) == NULL)
			add(o, &common[i]);
	}
}

void
pp_opts_release(struct pp_opts *o)
{
	free(o->list);
	free(o->longs);
	free(o->shorts);
}

const struct pp_opt *
pp_opts_find(const struct pp_opts *o, const char *name)
{
	size_t i;

	for (i = 0; i < o->count; i++) {
		if (strcmp(o->list[i]->name, name) == 0)
			return o->list[i];
	}
	return NULL;
}

static const struct pp_opt *
find_key(const struct pp_opts *o, int key)
{
	size_t i;

	for (i = 0; i < o->count; i++) {
		if (o->list[i]->key == key)
			return o->list[i];
	}
	return NULL;
}

void
pp_nearest_init(struct pp_nearest *n, const char *word)
{
	n->word = word;
	n->best = NULL;
	n->distance = INT_MAX;
}

void
pp_nearest_offer(struct pp_nearest *n, const char *candidate)
{
	int distance = pp_edit_distance(n->word, candidate);

	/* "temp" for "template": a beginning is as good as one slip. */
	if (strlen(n->word) >= 2 && pp_starts_with(candidate, n->word))
		distance = 1;
	if (distance < n->distance) {
		n->distance = distance;
		n->best = candidate;
	}
}

const char *
pp_nearest_answer(const struct pp_nearest *n)
{
	size_t len = strlen(n->word);
	int most = len <= 3 ? 1 : len <= 6 ? 2 : 3;

	return n->distance <= most ? n->best : NULL;
}

static int
unknown_long(const struct pp_opts *o, const char *word, struct pp_error *err)
{
	char *name = pp_strndup(word + 2, strcspn(word + 2, "="));
	const char *better;
	struct pp_nearest n;
	size_t i, begun = 0;

	pp_nearest_init(&n, name);
	for (i = 0; i < o->count; i++) {
		if (pp_starts_with(o->list[i]->name, name))
			begun++;
		pp_nearest_offer(&n, o->list[i]->name);
	}
	better = pp_nearest_answer(&n);
	if (begun > 1)
		pp_error_set(err, PP_EUSAGE, "option '--%s' is ambiguous",
		    name);
	else if (better != NULL)
		pp_error_set(err, PP_EUSAGE,
		    "unknown option '--%s', did you mean '--%s'?", name,
		    better);
	else
		pp_error_set(err, PP_EUSAGE, "unknown option '--%s'", name);
	free(name);
	return -1;
}

/* getopt_long() said '?' about argv[optind - 1] or the letter in optopt. */
static int
explain_unknown(const struct pp_opts *o, char **argv, struct pp_error *err)
{
	const struct pp_opt *opt = optopt != 0 ? find_key(o, optopt) : NULL;

	if (opt != NULL)
		return pp_error_set(err, PP_EUSAGE,
		    "option '--%s' takes no argument", opt->name);
	if (optopt != 0)
		return pp_error_set(err, PP_EUSAGE, "unknown option '-%c'",
		    optopt);
	return unknown_long(o, argv[optind - 1], err);
}

static int
explain_missing(const struct pp_opts *o, struct pp_error *err)
{
	const struct pp_opt *opt = find_key(o, optopt);

	if (opt->key < PP_OPT_LONG)
		return pp_error_set(err, PP_EUSAGE,
		    "option '-%c' (--%s) needs an argument: %s", opt->key,
		    opt->name, opt->arg);
	return pp_error_set(err, PP_EUSAGE,
	    "option '--%s' needs an argument: %s", opt->name, opt->arg);
}

static int
set_color(struct pp_cli *cli, const char *when, struct pp_error *err)
{
	if (strcmp(when, "always") == 0)
		cli->color_out = cli->color_err = true;
	else if (strcmp(when, "never") == 0)
		cli->color_out = cli->color_err = false;
	else if (strcmp(when, "auto") != 0)
		return pp_error_set(err, PP_EUSAGE,
		    "--color is 'auto', 'always' or 'never', not '%s'", when);
	return 0;
}

/* The option stands for its variable, so that whoever asks looks there alone. */
static int
set_user(struct pp_cli *cli, const char *id, struct pp_error *err)
{
	if (!pp_name_valid(id))
		return pp_error_set(err, PP_EUSAGE,
		    "--user is 1 to 128 of A-Z a-z 0-9 . _ -, not '%s'", id);
	cli->user = id;
	if (setenv("PP_USER", id, 1) == 0)
		return 0;
	return pp_error_errno(err, PP_ENOMEM, errno, "cannot set PP_USER");
}

/* 1: `key` was a common one; 0: it is the command's; -1: error. */
static int
set_common(struct pp_cli *cli, int key, struct pp_error *err)
{
	switch (key) {
	case 'q': cli->quiet = true; return 1;
	case 'v': cli->verbose++; return 1;
	case PP_KEY_JSON: cli->json = true; return 1;
	case PP_KEY_NAMES:
		cli->names = true;
		pp_table_names_only(true);
		return 1;
	case PP_KEY_USER: return set_user(cli, optarg, err) < 0 ? -1 : 1;
	case PP_KEY_COLOR: return set_color(cli, optarg, err) < 0 ? -1 : 1;
	default: return 0;
	}
}

enum pp_parsed
pp_opts_parse(const struct pp_opts *o, const struct pp_command *cmd,
    void *state, struct pp_cli *cli, int argc, char **argv, int *first,
    struct pp_error *err)
{
	int key, rc;

	optind = 0;
	opterr = 0;
	for (;;) {
		optopt = 0;
		key = getopt_long(argc, argv, o->shorts, o->longs, NULL);
		if (key == -1)
			break;
		if (key == '?')
			return explain_unknown(o, argv, err);
		if (key == ':')
			return explain_missing(o, err);
		if (key == 'h')
			return PP_PARSED_HELP;
		if (key == 'V')
			return PP_PARSED_VERSION;
		rc = set_common(cli, key, err);
		if (rc == 0)
			rc = cmd->set(state, key, optarg, err);
		if (rc < 0)
			return PP_PARSED_ERROR;
	}
	*first = optind;
	if (cli->json && cli->names) {
		pp_error_set(err, PP_EUSAGE,
		    "--json and --names exclude each other");
		return PP_PARSED_ERROR;
	}
	return PP_PARSED_RUN;
}
