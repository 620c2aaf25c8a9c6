/*
 * pp-job: create jobs, look at them, start workers, wait, cancel, resume.
 */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/str.h"
#include "cli/cli.h"
#include "job/account.h"
#include "job/archive.h"
#include "job/ids.h"
#include "job/job.h"
#include "job/job_create.h"
#include "job/launch.h"
#include "job/notify.h"
#include "job/task_logs.h"
#include "job/user.h"
#include "job/worker.h"
#include "model/catalog.h"

#define MAX_LINE_BYTES ((size_t)16 << 20)
#define PAGE 100
#define MAX_WORKERS 1024

/* What every command works with. */
struct home {
	const struct pp_cli *cli;
	struct pp_store *store;
	char *user;
};

static int
home_open_by(struct home *h, const struct pp_cli *cli,
    struct pp_store *(*open)(const char *spec, struct pp_error *err),
    struct pp_error *err)
{
	*h = (struct home){ .cli = cli, .user = pp_user_id(err) };
	if (h->user == NULL)
		return -1;
	h->store = open(NULL, err);
	return h->store == NULL ? -1 : 0;
}

static int
home_open(struct home *h, const struct pp_cli *cli, struct pp_error *err)
{
	return home_open_by(h, cli, pp_store_open_to_read, err);
}

/* For what puts something there. */
static int
home_make(struct home *h, const struct pp_cli *cli, struct pp_error *err)
{
	return home_open_by(h, cli, pp_store_open, err);
}

static void
home_close(struct home *h)
{
	pp_store_close(h->store);
	free(h->user);
}

/*
 * Open the home, call `fn` with `arg` for each job that the operands name.
 * `arg` begins with a struct home.
 */
static int
for_each_job(const struct pp_cli *cli, int argc, char **argv, void *arg,
    int (*fn)(void *arg, const char *job_id, struct pp_error *err),
    struct pp_error *err)
{
	struct home *h = arg;
	int rc = -1;

	if (argc == 0)
		return pp_error_set(err, PP_EUSAGE, "which job?");
	if (home_open(h, cli, err) == 0)
		rc = pp_job_ids_each(argc, argv, fn, arg, err);
	home_close(h);
	return rc;
}

/* Print and forget. */
static void
print_line(struct pp_buf *out)
{
	pp_buf_addc(out, '\n');
	fwrite(out->data, 1, out->len, stdout);
	pp_buf_release(out);
}

static void
print_json(const struct pp_job *job, const struct pp_tally *ended)
{
	struct pp_buf out = PP_BUF_INIT;

	pp_job_put_json(job, ended, &out);
	print_line(&out);
}

/* For the next program, which works on each as it comes. */
static int
hand_on(struct home *h, const char *job_id, struct pp_error *err)
{
	struct pp_job job;

	if (pp_job_get(h->store, h->user, job_id, &job, err) < 0)
		return -1;
	print_json(&job, NULL);
	pp_job_release(&job);
	return fflush(stdout) == 0 ?
	    0 :
	    pp_error_errno(err, PP_EIO, errno, "cannot write to stdout");
}

/* ---- create ---- */

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
	return rc < 0 ? -1 : hand_on(h, job_id, err);
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
		home_close(&c.home);
	pp_catalog_free(c.catalog);
	return rc;
}

/* ---- list ---- */

static const struct pp_opt list_options[] = {
	{ 's', "status", "STATUS", "jobs of this status alone",
	    PP_COMPLETE_WORDS,
	    "QUEUED RUNNING COMPLETED FAILED "
	    "BUDGET_EXCEEDED CANCELLED" },
	{ PP_OPT_LONG, "since", "TIME",
	    "created since a time, or so long ago (2h, 7d)" },
	{ 'n', "limit", "N", "the newest N [all]" },
	{ PP_OPT_LONG + 1, "before", "JOB", "older than this one",
	    PP_COMPLETE_JOB },
	{ 0 }
};

struct list_state {
	int status; /* and one more; 0: any */
	int64_t since_ms, limit;
	const char *before;
};

static int
set_status(int *out, const char *arg, struct pp_error *err)
{
	for (int i = 0; i < PP_JOB_NSTATUS; i++) {
		if (strcasecmp(arg, pp_job_status_name(i)) == 0) {
			*out = i + 1;
			return 0;
		}
	}
	return pp_error_set(err, PP_EUSAGE,
	    "'%s' is not a status: QUEUED, "
	    "RUNNING, COMPLETED, FAILED, BUDGET_EXCEEDED or CANCELLED",
	    arg);
}

static int
set_since(int64_t *out, const char *arg, struct pp_error *err)
{
	int64_t ago_ms;

	if (pp_parse_duration_ms(arg, "--since", &ago_ms, NULL) == 0) {
		*out = pp_clock_wall_ms() - ago_ms;
		return 0;
	}
	if (pp_time_parse(arg, out, NULL) == 0)
		return 0;
	return pp_error_set(err, PP_EUSAGE,
	    "--since must be a time like 2026-11-01 or a duration like 2h, 7d "
	    "or 1w, not '%s'",
	    arg);
}

static int
list_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct list_state *s = state;

	switch (key) {
	case 's': return set_status(&s->status, arg, err);
	case 'n':
		return pp_parse_int(arg, "--limit", 1, INT64_MAX, &s->limit,
		    err);
	case PP_OPT_LONG: return set_since(&s->since_ms, arg, err);
	default:
		s->before = arg;
		return pp_id_valid(arg) ?
		    0 :
		    pp_error_set(err, PP_EUSAGE, "'%s' is not a job id", arg);
	}
}

static const char *const list_headings[] = { "JOB", "STATUS", "ROWS", "OF",
	"FAILED", "SPENT", "BUDGET", "CREATED", "TEMPLATE", "NAME" };

/* A template's file without its folders. */
static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static void
list_row(struct pp_table *t, const struct pp_job *job)
{
	char time[PP_TIME_TEXT_BYTES], *template = NULL;
	struct pp_job_config c;

	if (pp_job_read_config(job, &c, NULL) == 0)
		template = pp_job_template_text(&c);
	pp_job_config_release(&c);
	pp_table_cell(t, job->job_id);
	pp_table_cell(t, pp_job_status_name(job->status));
	pp_table_number(t, job->totals.rows_done);
	pp_table_number(t, job->rows);
	pp_table_number(t, job->totals.rows_failed);
	pp_table_money(t, job->totals.settled_nusd + job->totals.unproven_nusd);
	if (job->budget_limit_nusd == PP_NO_LIMIT)
		pp_table_cell(t, "-");
	else
		pp_table_money(t, job->budget_limit_nusd);
	pp_time_format(job->created_at_ms, time);
	time[16] = '\0'; /* to the minute */
	time[10] = ' ';
	pp_table_cell(t, time);
	pp_table_cell(t, template != NULL ? base_name(template) : "?");
	pp_table_cell(t, job->name);
	free(template);
}

/* One page; how many, or -1. `last` gets the id of the oldest. */
static int
list_page(struct home *h, const struct pp_job_filter *filter, int max,
    struct pp_table *t, char last[PP_ID_BYTES], struct pp_error *err)
{
	struct pp_job *jobs = pp_calloc(PAGE, sizeof *jobs);
	int n = pp_store_job_list(h->store, filter, jobs, max, err);

	for (int i = 0; i < n; i++) {
		if (h->cli->json)
			print_json(&jobs[i], NULL);
		else
			list_row(t, &jobs[i]);
		memcpy(last, jobs[i].job_id, PP_ID_BYTES);
		pp_job_release(&jobs[i]);
	}
	free(jobs);
	return n;
}

static int
list_all(struct home *h, const struct list_state *s, struct pp_table *t,
    struct pp_error *err)
{
	int64_t left = s->limit > 0 ? s->limit : INT64_MAX;
	char last[PP_ID_BYTES];
	struct pp_job_filter filter = { .user_id = h->user,
		.status = s->status - 1,
		.since_ms = s->since_ms,
		.before_id = s->before };
	int n = PAGE, max = PAGE;

	while (left > 0 && n == max) {
		max = left < PAGE ? (int)left : PAGE;
		n = list_page(h, &filter, max, t, last, err);
		if (n < 0)
			return -1;
		filter.before_id = last;
		left -= n;
	}
	return 0;
}

static int
list_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct pp_table *t = NULL;
	struct home h;
	int rc = -1;

	if (argc > 0)
		return pp_error_set(err, PP_EUSAGE,
		    "list takes no operand '%s'", argv[0]);
	if (home_open(&h, cli, err) == 0) {
		if (!cli->json)
			t = pp_table_new(list_headings,
			    sizeof list_headings / sizeof list_headings[0]);
		rc = list_all(&h, state, t, err);
	}
	home_close(&h);
	if (t != NULL)
		pp_table_print(t);
	return rc;
}

/* ---- show ---- */

struct showing {
	struct home home;
	int count;
};

static void show_line(const char *label, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
show_line(const char *label, const char *fmt, ...)
{
	va_list ap;

	printf("%-11s ", label);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void
show_time(const char *label, int64_t wall_ms)
{
	char text[PP_TIME_TEXT_BYTES];

	if (wall_ms != 0)
		show_line(label, "%s", pp_time_format(wall_ms, text));
}

static void
show_config(const struct pp_job *job)
{
	struct pp_job_config c;
	char *template;

	if (pp_job_read_config(job, &c, NULL) == 0) {
		template = pp_job_template_text(&c);
		show_line("template", "%s", template);
		free(template);
		for (size_t i = 0; i < c.seeds_count; i++)
			show_line("seeds", "%s%s%s, %lld records",
			    c.seeds[i].name != NULL ? c.seeds[i].name : "",
			    c.seeds[i].name != NULL ? "=" : "", c.seeds[i].set,
			    (long long)c.seeds[i].count);
		show_line("drawn", "%s, seed %llu", pp_order_name(c.order),
		    (unsigned long long)c.seed);
		for (size_t i = 0; i < c.step_count; i++)
			show_line("step", "%s by %s, up to %lld tokens",
			    c.steps[i].id, c.steps[i].model.name,
			    (long long)c.steps[i].max_tokens);
	}
	pp_job_config_release(&c);
}

static void
show_money(const struct pp_job *job)
{
	char spent[PP_MONEY_TEXT_BYTES], text[PP_MONEY_TEXT_BYTES];
	const struct pp_totals *t = &job->totals;

	show_line("tokens", "%lld in, %lld out, %lld calls",
	    (long long)t->tokens_in, (long long)t->tokens_out,
	    (long long)t->calls);
	show_line("spent", "%s", pp_money_show(t->settled_nusd, spent));
	if (t->unproven_nusd > 0)
		show_line("unproven", "%s, counted as spent",
		    pp_money_show(t->unproven_nusd, text));
	show_line("budget", "%s",
	    job->budget_limit_nusd == PP_NO_LIMIT ?
		"no limit" :
		pp_money_show(job->budget_limit_nusd, text));
}

static const char *const shard_headings[] = { "SHARD", "STATUS", "ROWS",
	"FAILED", "SPENT", "GRANTED", "EPOCH", "WORKER" };

static int
show_shards(struct home *h, const struct pp_job *job, struct pp_error *err)
{
	struct pp_table *t = pp_table_new(shard_headings,
	    sizeof shard_headings / sizeof shard_headings[0]);
	struct pp_shard *page = pp_calloc(PAGE, sizeof *page);
	int first = 0, n;

	do {
		n = pp_store_shards(h->store, job->job_id, first, page, PAGE,
		    err);
		for (int i = 0; i < n; i++) {
			const struct pp_totals *sum = &page[i].totals;

			pp_table_number(t, page[i].shard);
			pp_table_cell(t, page[i].state);
			pp_table_number(t, sum->rows_done);
			pp_table_number(t, sum->rows_failed);
			pp_table_money(t,
			    sum->settled_nusd + sum->unproven_nusd);
			pp_table_money(t, page[i].granted_nusd);
			pp_table_number(t, page[i].epoch);
			pp_table_cell(t, page[i].owner);
		}
		first += n;
	} while (n == PAGE);
	free(page);
	pp_table_print(t);
	return n < 0 ? -1 : 0;
}

/* What became of the job's calls, as of its checkpoints. */
struct outcome {
	bool known;
	struct pp_tally ended;
	int64_t calls; /* the ended ones and all others */
};

static void
read_outcome(struct pp_store *store, const struct pp_job *job,
    struct outcome *out)
{
	struct pp_account account;
	struct pp_totals totals;

	*out = (struct outcome){ .known = false };
	if (job->started_at_ms == 0 ||
	    pp_account_load(store, job, &account, NULL) < 0)
		return;
	pp_ledger_totals(&account.ledger, &totals);
	*out = (struct outcome){
		.known = true, .ended = account.ended, .calls = totals.calls
	};
	pp_account_release(&account);
}

/*
 * The record that the other lines are of can be older than the checkpoints,
 * when a worker was killed in between, or newer: a grant notes what was spent.
 */
static void
show_outcome(const struct outcome *o, const struct pp_job *job)
{
	int64_t others = o->calls - pp_tally_sum(&o->ended);
	struct pp_buf text = PP_BUF_INIT;

	pp_tally_show(&o->ended, &text);
	if (others > 0)
		pp_buf_addf(&text, ", %lld on the wire or lost",
		    (long long)others);
	if (o->calls != job->totals.calls)
		pp_buf_addf(&text, ", of %lld calls at the last checkpoint",
		    (long long)o->calls);
	show_line("answers", "%s", text.data);
	pp_buf_release(&text);
}

/* What of the job is not in the usual class, for one line of text. */
static void
show_archive(const struct pp_archive *a)
{
	const struct {
		int64_t count;
		const char *what;
	} states[] = {
		{ a->archived, ": see pp-job restore" },
		{ a->coming, ", and on their way back" },
		{ a->restored, ", and brought back for some days" },
		{ a->moved, ", which is read at once" },
	};

	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
		if (states[i].count == 0)
			continue;
		show_line("archived", "%lld of %lld objects, in %s%s",
		    (long long)states[i].count, (long long)a->objects,
		    a->storage_class, states[i].what);
		return;
	}
}

/* Its members, to stand in an object. */
static void
put_archive(struct pp_buf *out, const struct pp_archive *a)
{
	pp_json_member_int(out, "objects", a->objects);
	pp_json_member_int(out, "moved", a->moved);
	pp_json_member_int(out, "archived", a->archived);
	pp_json_member_int(out, "coming", a->coming);
	pp_json_member_int(out, "restored", a->restored);
	pp_json_member_str(out, "storage_class",
	    a->storage_class[0] != '\0' ? a->storage_class : NULL);
}

static void
show_json(const struct pp_job *job, const struct pp_tally *ended,
    const struct pp_archive *archive)
{
	struct pp_buf out = PP_BUF_INIT;

	pp_job_put_json(job, ended, &out);
	if (archive->storage_class[0] != '\0') {
		pp_buf_truncate(&out, out.len - 1);
		pp_json_put_key(&out, "archive");
		pp_buf_addc(&out, '{');
		put_archive(&out, archive);
		pp_buf_adds(&out, "}}");
	}
	print_line(&out);
}

static int
show_job(struct home *h, const struct pp_job *job,
    const struct outcome *outcome, const struct pp_archive *archive,
    struct pp_error *err)
{
	show_line("job", "%s", job->job_id);
	if (job->name[0] != '\0')
		show_line("name", "%s", job->name);
	show_line("status", "%s%s", pp_job_status_name(job->status),
	    job->cancel_requested && !pp_job_status_is_final(job->status) ?
		", to be cancelled" :
		"");
	if (job->reason[0] != '\0')
		show_line("reason", "%s", job->reason);
	show_line("rows", "%lld of %lld, %lld failed",
	    (long long)job->totals.rows_done, (long long)job->rows,
	    (long long)job->totals.rows_failed);
	show_money(job);
	if (outcome->known)
		show_outcome(outcome, job);
	show_archive(archive);
	show_config(job);
	show_line("priority", "%d", job->priority);
	show_time("created", job->created_at_ms);
	show_time("started", job->started_at_ms);
	show_time("ended", job->ended_at_ms);
	return job->shards > 1 ? show_shards(h, job, err) : 0;
}

/* Objects move some days after they were written: a job that runs has none. */
static int
show_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct showing *s = arg;
	struct home *h = &s->home;
	struct pp_archive archive = { .objects = 0 };
	struct outcome outcome;
	struct pp_job job;
	int rc = 0;

	if (pp_job_get(h->store, h->user, job_id, &job, err) < 0)
		return -1;
	read_outcome(h->store, &job, &outcome);
	if (pp_job_status_is_final(job.status))
		rc = pp_archive_look(h->store, job_id, &archive, err);
	if (rc == 0 && h->cli->json) {
		show_json(&job, outcome.known ? &outcome.ended : NULL,
		    &archive);
	} else if (rc == 0) {
		if (s->count++ > 0)
			putchar('\n');
		rc = show_job(h, &job, &outcome, &archive, err);
	}
	pp_job_release(&job);
	return rc;
}

static int
show_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct showing s = { .count = 0 };

	(void)state;
	return for_each_job(cli, argc, argv, &s, show_one, err);
}

/* ---- cancel, resume, rm ---- */

/* What lost against the job's status is a no, not a matter of trying again. */
static int
as_no(int rc, struct pp_error *err)
{
	if (rc < 0 && err->code == PP_ECONFLICT)
		err->code = PP_ENO;
	return rc;
}

/* That the job is this user's. */
static int
check_own(struct home *h, const char *job_id, struct pp_error *err)
{
	struct pp_job job;

	if (pp_job_get(h->store, h->user, job_id, &job, err) < 0)
		return -1;
	pp_job_release(&job);
	return 0;
}

static const struct pp_opt cancel_options[] = {
	{ PP_OPT_LONG, "now", NULL, "stop its tasks on Fargate too" }, { 0 }
};

struct cancelling {
	struct home home;
	struct pp_launcher *launcher; /* NULL: its workers see it themselves */
};

static int
cancel_set(void *state, int key, const char *arg, struct pp_error *err)
{
	(void)key;
	(void)arg;
	(void)err;
	*(bool *)state = true;
	return 0;
}

/*
 * A worker that died cannot see that its job is to end. On the embedded home it
 * is known to be dead, and its shards are ended here, with what they have
 * spent; shards that live workers hold are theirs to end.
 */
static void
end_dead_shards(struct pp_store *store, const char *job_id)
{
	struct pp_error ignored = PP_ERROR_INIT;
	struct pp_worker_options o;

	if (pp_store_dir(store) == NULL)
		return;
	pp_worker_options_init(&o);
	o.job_id = job_id;
	pp_worker_run(store, &o, &ignored);
}

/* The record first: a task that is stopped writes its checkpoint by it. */
static int
cancel_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct cancelling *c = arg;
	int stopped;

	if (check_own(&c->home, job_id, err) < 0 ||
	    as_no(pp_store_job_cancel(c->home.store, job_id, pp_clock_wall_ms(),
		      err),
		err) < 0)
		return -1;
	end_dead_shards(c->home.store, job_id);
	if (c->launcher == NULL)
		return 0;
	stopped = pp_launch_stop(c->launcher, job_id, err);
	if (stopped > 0)
		pp_cli_note(c->home.cli, "job %s: %d task%s stopped", job_id,
		    stopped, stopped == 1 ? "" : "s");
	return stopped < 0 ? -1 : 0;
}

static int
cancel_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct cancelling c = { .launcher = NULL };
	int rc = -1;

	if (*(bool *)state)
		c.launcher = pp_launcher_new(err);
	if (*(bool *)state && c.launcher == NULL)
		pp_error_wrap(err,
		    "--now stops tasks on Fargate, and none can be stopped, so "
		    "nothing was cancelled");
	else
		rc = for_each_job(cli, argc, argv, &c, cancel_one, err);
	pp_launcher_free(c.launcher);
	return rc;
}

static const struct pp_opt resume_options[] = {
	{ 'b', "budget", "USD", "the new limit, with what is spent" }, { 0 }
};

/* A limit as pp_store_job_resume() takes it; -2 keeps the old one. */
#define KEEP_LIMIT (-2)

struct resume_state {
	bool has_budget;
	int64_t budget_nusd;
};

struct resuming {
	struct home home;
	int64_t limit_nusd;
};

static int
resume_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct resume_state *s = state;

	(void)key;
	s->has_budget = true;
	return pp_money_parse(arg, "--budget", &s->budget_nusd, err);
}

static int
resume_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct resuming *r = arg;

	if (check_own(&r->home, job_id, err) < 0 ||
	    as_no(pp_store_job_resume(r->home.store, job_id, r->limit_nusd,
		      false, pp_clock_wall_ms(), err),
		err) < 0)
		return -1;
	return hand_on(&r->home, job_id, err);
}

static int
resume_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	const struct resume_state *s = state;
	struct resuming r = { .limit_nusd = s->has_budget ? s->budget_nusd :
							    KEEP_LIMIT };

	return for_each_job(cli, argc, argv, &r, resume_one, err);
}

static int
rm_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct home *h = arg;

	return pp_job_remove(h->store, h->user, job_id, err);
}

static int
rm_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct home h;

	(void)state;
	return for_each_job(cli, argc, argv, &h, rm_one, err);
}

/* ---- start ---- */

static const struct pp_opt start_options[] = {
	{ 'w', "workers", "N", "how many [1]" },
	{ 'c', "concurrency", "N", "model calls in flight, of each [64]" },
	{ PP_OPT_LONG, "on-demand", NULL, "tasks: not of Fargate Spot" }, { 0 }
};

struct start_state {
	int64_t workers;
	const char *concurrency;
	bool on_demand;
};

struct starting {
	struct home home;
	const struct start_state *state;
	char *program;		      /* of the embedded home */
	struct pp_launcher *launcher; /* elsewhere: workers are tasks */
};

static int
start_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct start_state *s = state;
	int64_t n;

	if (key == 'w')
		return pp_parse_int(arg, "--workers", 1, MAX_WORKERS,
		    &s->workers, err);
	if (key == PP_OPT_LONG) {
		s->on_demand = true;
		return 0;
	}
	s->concurrency = arg;
	return pp_parse_int(arg, "--concurrency", 1, INT_MAX, &n, err);
}

/* Returns owned: the pp-worker beside this program. */
static char *
find_worker(struct pp_error *err)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self);
	ssize_t slash = len;

	while (slash > 0 && self[slash - 1] != '/')
		slash--;
	if (len > 0 && len < (ssize_t)sizeof self)
		return pp_asprintf("%.*spp-worker", (int)slash, self);
	pp_error_set(err, PP_EIO, "cannot find pp-worker");
	return NULL;
}

static void
report_start(const struct pp_cli *cli, const char *job_id,
    const struct pp_started *w)
{
	struct pp_buf out = PP_BUF_INIT;

	if (!cli->json) {
		pp_cli_note(cli, "worker %d of job %s: process %lld, log %s",
		    w->number, job_id, (long long)w->pid, w->log);
		return;
	}
	pp_buf_addf(&out,
	    "{\"job_id\":\"%s\",\"worker\":%d,\"pid\":%lld,"
	    "\"log\":",
	    job_id, w->number, (long long)w->pid);
	pp_json_put_lossy(&out, w->log, strlen(w->log));
	pp_buf_adds(&out, "}\n");
	fwrite(out.data, 1, out.len, stdout);
	pp_buf_release(&out);
}

/* The tasks that were started, and a word about those that were not. */
static int
report_tasks(const struct pp_cli *cli, const char *job_id,
    const struct pp_ecs_tasks *t, bool on_demand, struct pp_error *err)
{
	struct pp_buf out = PP_BUF_INIT;

	for (size_t i = 0; i < t->count; i++) {
		if (!cli->json) {
			pp_cli_note(cli, "%s%s%stask %s",
			    job_id != NULL ? "job " : "",
			    job_id != NULL ? job_id : "",
			    job_id != NULL ? ": " : "", t->arns[i]);
			continue;
		}
		pp_buf_addc(&out, '{');
		if (job_id != NULL)
			pp_json_member_str(&out, "job_id", job_id);
		pp_json_member_str(&out, "task_arn", t->arns[i]);
		pp_buf_adds(&out, "}\n");
	}
	fwrite(out.data, 1, out.len, stdout);
	pp_buf_release(&out);
	if (t->failures == 0)
		return 0;
	return pp_error_set(err, PP_ETEMP,
	    "%zu of %zu tasks could not be started: %s%s", t->failures,
	    t->failures + t->count, t->reason,
	    on_demand ? "" : " (--on-demand asks for other capacity)");
}

static int
start_tasks(struct starting *s, const char *job_id, int workers,
    struct pp_error *err)
{
	const struct start_state *state = s->state;
	struct pp_ecs_tasks tasks;
	int rc = pp_launch_job(s->launcher, job_id, workers, state->concurrency,
	    state->on_demand, &tasks, err);
	struct pp_error why = PP_ERROR_INIT;

	if (report_tasks(s->home.cli, job_id, &tasks, state->on_demand, &why) <
		0 &&
	    rc == 0) {
		*err = why;
		rc = -1;
	}
	pp_ecs_tasks_release(&tasks);
	return rc;
}

/* Workers run here, or as tasks where the home has no folder. */
static int
open_starter(struct starting *s, struct pp_error *err)
{
	if (s->program != NULL || s->launcher != NULL)
		return 0;
	if (pp_store_dir(s->home.store) == NULL) {
		s->launcher = pp_launcher_new(err);
		return s->launcher != NULL ? 0 : -1;
	}
	if (s->state->on_demand)
		return pp_error_set(err, PP_EUSAGE,
		    "--on-demand is for tasks, and this home's workers run "
		    "here");
	s->program = find_worker(err);
	return s->program != NULL ? 0 : -1;
}

static int
start_workers(struct starting *s, const struct pp_job *job,
    struct pp_error *err)
{
	const char *args[] = { "--concurrency", s->state->concurrency, NULL };
	int64_t n = s->state->workers > 0 ? s->state->workers : 1;

	if (open_starter(s, err) < 0)
		return -1;

	if (n > job->shards) {
		pp_cli_note(s->home.cli,
		    "job %s has %d shard%s: no more "
		    "workers than that",
		    job->job_id, job->shards, job->shards == 1 ? "" : "s");
		n = job->shards;
	}
	if (s->launcher != NULL)
		return start_tasks(s, job->job_id, (int)n, err);
	for (int64_t i = 0; i < n; i++) {
		struct pp_started w;

		if (pp_job_start(s->home.store, job->job_id, s->program,
			args[1] != NULL ? args : NULL, &w, err) < 0)
			return -1;
		report_start(s->home.cli, job->job_id, &w);
		free(w.log);
	}
	return 0;
}

static int
start_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct starting *s = arg;
	struct pp_job job;
	int rc;

	if (pp_job_get(s->home.store, s->home.user, job_id, &job, err) < 0)
		return -1;
	if (pp_job_status_is_final(job.status))
		rc = pp_error_set(err, PP_ENO, "job '%s' has ended: %s", job_id,
		    pp_job_status_name(job.status));
	else
		rc = start_workers(s, &job, err);
	pp_job_release(&job);
	return rc;
}

static int
start_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct starting s = { .state = state };
	int rc = for_each_job(cli, argc, argv, &s, start_one, err);

	free(s.program);
	pp_launcher_free(s.launcher);
	return rc;
}

/* ---- dispatch ---- */

static const struct pp_opt dispatch_options[] = {
	{ 'n', "max", "N", "tasks at most ($PP_MAX_CONCURRENT_JOBS, or 5)" },
	{ PP_OPT_LONG, "on-demand", NULL, "not of Fargate Spot" }, { 0 }
};

struct dispatch_state {
	int64_t max;
	bool on_demand;
};

static int
dispatch_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct dispatch_state *s = state;

	if (key == 'n')
		return pp_parse_int(arg, "--max", 1, MAX_WORKERS, &s->max, err);
	s->on_demand = true;
	return 0;
}

static int
read_max(int64_t *max, struct pp_error *err)
{
	if (*max > 0)
		return 0;
	*max = PP_DEFAULT_MAX_RUNNING;
	return pp_env_int("PP_MAX_CONCURRENT_JOBS", 1, MAX_WORKERS, max, err);
}

/*
 * How long the job has waited that is next: what is urgent and starves the rest
 * is no trouble, what is next and is not taken is. An alarm of
 * infra/cloudformation/budget-stack.yaml reads this line of the log.
 */
static int
log_queue(struct pp_store *store, int64_t queued, int64_t claimed,
    struct pp_error *err)
{
	char job_id[PP_ID_BYTES];
	int64_t waited_ms = 0;
	struct pp_job job;
	int there = pp_store_queue_head(store, job_id, err);

	if (there < 0)
		return -1;
	if (there > 0 && pp_store_job_get(store, job_id, &job, NULL) == 0) {
		waited_ms = pp_clock_wall_ms() - job.updated_at_ms;
		pp_job_release(&job);
	}
	pp_log(PP_LOG_INFO, "queue", "waiting", 'd', queued, "claimed", 'd',
	    claimed, "oldest_s", 'd', waited_ms > 0 ? waited_ms / 1000 : 0,
	    NULL);
	return 0;
}

static int
dispatch(const struct pp_cli *cli, struct pp_store *store,
    const struct dispatch_state *s, struct pp_error *err)
{
	struct pp_launcher *l = pp_launcher_new(err);
	struct pp_ecs_tasks tasks = { 0 };
	int64_t queued, claimed, running = 0;
	int rc = -1;

	if (l != NULL &&
	    pp_store_queue_length(store, &queued, &claimed, err) == 0 &&
	    log_queue(store, queued, claimed, err) == 0)
		rc = pp_launch_queue(l, queued, claimed, (int)s->max,
		    s->on_demand, &running, &tasks, err);
	if (rc == 0)
		rc = report_tasks(cli, NULL, &tasks, s->on_demand, err);
	if (rc == 0)
		pp_cli_note(cli,
		    "%lld waiting, %lld claimed; %lld tasks were there, %zu "
		    "started",
		    (long long)queued, (long long)claimed, (long long)running,
		    tasks.count);
	pp_ecs_tasks_release(&tasks);
	pp_launcher_free(l);
	return rc;
}

static int
dispatch_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct dispatch_state *s = state;
	struct pp_store *store;
	int rc;

	(void)argv;
	if (argc > 0)
		return pp_error_set(err, PP_EUSAGE,
		    "dispatch takes no jobs: it looks at the queue");
	if (read_max(&s->max, err) < 0)
		return -1;
	store = pp_store_open_to_read(NULL, err);
	if (store == NULL)
		return -1;
	rc = dispatch(cli, store, s, err);
	pp_store_close(store);
	return rc;
}

/* ---- wait ---- */

static const struct pp_opt wait_options[] = {
	{ 't', "timeout", "TIME", "no longer than this, for all of them" },
	{ PP_OPT_LONG, "notify", "sns:ARN", "tell this topic as each ends" },
	{ 0 }
};

struct wait_state {
	bool has_timeout;
	int64_t timeout_ms;
	const char *topic; /* NULL: none */
};

struct waiting {
	struct home home;
	const char *topic;
	int64_t until_ms;  /* boot clock; 0: never */
	enum pp_code code; /* the worst end so far */
	char text[128];	   /* what it was */
};

static int
wait_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct wait_state *s = state;

	if (key == PP_OPT_LONG) {
		s->topic = pp_notify_topic(arg, err);
		return s->topic != NULL ? 0 : -1;
	}
	s->has_timeout = true;
	return pp_parse_duration_ms(arg, "--timeout", &s->timeout_ms, err);
}

static void
wait_seen(void *arg, const struct pp_job *job)
{
	char spent[PP_MONEY_TEXT_BYTES];

	(void)arg;
	pp_progress("%.8s  %s  %lld of %lld rows  %lld failed  %s", job->job_id,
	    pp_job_status_name(job->status), (long long)job->totals.rows_done,
	    (long long)job->rows, (long long)job->totals.rows_failed,
	    pp_money_show(job->totals.settled_nusd + job->totals.unproven_nusd,
		spent));
}

/* A failure tells more than a budget that was reached. */
static void
note_end(struct waiting *w, const char *job_id, enum pp_job_status status)
{
	enum pp_code code = pp_job_end_code(status);

	if (code == PP_OK || w->code == PP_ENO)
		return;
	w->code = code;
	snprintf(w->text, sizeof w->text, "job '%s' has ended: %s", job_id,
	    pp_job_status_name(status));
}

static int
wait_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct waiting *w = arg;
	struct home *h = &w->home;
	enum pp_job_status status;
	struct pp_job job;
	int rc = pp_job_wait(h->store, h->user, job_id, w->until_ms, wait_seen,
	    NULL, &status, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return pp_error_set(err, PP_ETEMP, "job '%s' is %s still",
		    job_id, pp_job_status_name(status));
	note_end(w, job_id, status);
	if (w->topic != NULL &&
	    pp_notify_end(w->topic, h->store, job_id, err) < 0)
		return -1;
	if (!h->cli->json)
		return 0;
	if (pp_job_get(h->store, h->user, job_id, &job, err) < 0)
		return -1;
	pp_progress_clear();
	print_json(&job, NULL);
	pp_job_release(&job);
	return 0;
}

static int
wait_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	const struct wait_state *s = state;
	struct waiting w = { .topic = s->topic,
		.until_ms = s->has_timeout ?
		    pp_clock_boot_ms() + s->timeout_ms :
		    0 };
	int rc;

	pp_progress_start(cli);
	rc = for_each_job(cli, argc, argv, &w, wait_one, err);
	pp_progress_stop();
	if (rc == 0 && w.code != PP_OK)
		return pp_error_set(err, w.code, "%s", w.text);
	return rc;
}

/* ---- logs ---- */

static const struct pp_opt logs_options[] = {
	{ 'f', "follow", NULL, "go on until the job has ended" }, { 0 }
};

#define MAX_LOGS 100000
#define FOLLOW_MS 200
#define FOLLOW_TASKS_MS 2000
#define CLOCKS_DIFFER_MS 60000

struct logs_state {
	bool follow;
};

struct logging {
	struct home home;
	bool follow;
};

static void
print_log_line(void *arg, const char *line)
{
	(void)arg;
	puts(line);
}

/*
 * The end is looked at before the logs; what a task has written comes some
 * seconds later, so the end is when two looks after it had nothing.
 */
static int
follow_task_logs(struct home *h, const char *job_id, struct pp_task_logs *l,
    struct pp_error *err)
{
	enum pp_job_status status;
	int quiet = 0;

	while (quiet < 2) {
		int64_t until_ms = pp_clock_boot_ms() + FOLLOW_TASKS_MS;
		int64_t lines;
		int ended = pp_job_wait(h->store, h->user, job_id, until_ms,
		    NULL, NULL, &status, err);

		if (ended < 0)
			return -1;
		if (ended > 0)
			pp_clock_sleep_ms(until_ms - pp_clock_boot_ms());
		lines = pp_task_logs_read(l, print_log_line, NULL, err);
		if (lines < 0)
			return -1;
		fflush(stdout);
		quiet = ended > 0 && lines == 0 ? quiet + 1 : 0;
	}
	return 0;
}

/* A task begins after its job was created, by clocks that may differ. */
static int
print_task_logs(struct home *h, const char *job_id, bool follow,
    struct pp_error *err)
{
	struct pp_task_logs *l;
	struct pp_job job;
	int64_t lines;
	int rc = 0;

	if (pp_job_get(h->store, h->user, job_id, &job, err) < 0)
		return -1;
	l = pp_task_logs_open(job_id, job.created_at_ms - CLOCKS_DIFFER_MS,
	    err);
	pp_job_release(&job);
	if (l == NULL)
		return -1;
	lines = pp_task_logs_read(l, print_log_line, NULL, err);
	fflush(stdout);
	if (lines < 0)
		rc = -1;
	else if (follow)
		rc = follow_task_logs(h, job_id, l, err);
	else if (lines == 0)
		rc = pp_error_set(err, PP_ENOENT,
		    "job '%s' has no logs: no task has worked on it, or they "
		    "are older than the group keeps them",
		    job_id);
	pp_task_logs_close(l);
	return rc;
}

/* How far each log has been printed; number 1 is the first. */
struct positions {
	off_t *at;
	size_t count, cap;
};

static int
logs_set(void *state, int key, const char *arg, struct pp_error *err)
{
	(void)key;
	(void)arg;
	(void)err;
	((struct logs_state *)state)->follow = true;
	return 0;
}

/* Print what a log has from `*at` on. 1 when there was something. */
static int
print_log(const char *path, off_t *at, struct pp_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char chunk[65536];
	off_t start = *at;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 :
					 pp_error_errno(err, PP_EIO, errno,
					     "cannot open '%s'", path);
	while ((n = pread(fd, chunk, sizeof chunk, *at)) > 0) {
		fwrite(chunk, 1, (size_t)n, stdout);
		*at += n;
	}
	close(fd);
	if (n < 0)
		return pp_error_errno(err, PP_EIO, errno, "cannot read '%s'",
		    path);
	return *at > start;
}

static int
print_logs(const char *dir, struct positions *p, struct pp_error *err)
{
	int any = 0;

	for (size_t i = 0; i < MAX_LOGS; i++) {
		char *path = pp_asprintf("%s/worker-%zu.log", dir, i + 1);
		bool there = i < p->count || access(path, F_OK) == 0;
		int rc = 0;

		if (there && i == p->count) {
			p->at = pp_grow(p->at, p->count, &p->cap,
			    sizeof p->at[0]);
			p->at[p->count++] = 0;
		}
		if (there)
			rc = print_log(path, &p->at[i], err);
		free(path);
		if (rc < 0)
			return -1;
		any |= rc;
		if (!there)
			break;
	}
	fflush(stdout);
	return any;
}

/* The end is looked at before the logs: what comes last is not missed. */
static int
follow_logs(struct home *h, const char *job_id, const char *dir,
    struct positions *p, struct pp_error *err)
{
	enum pp_job_status status;
	int ended, any;

	do {
		ended = pp_job_wait(h->store, h->user, job_id,
		    pp_clock_boot_ms() + FOLLOW_MS, NULL, NULL, &status, err);
		any = ended < 0 ? -1 : print_logs(dir, p, err);
	} while (any >= 0 && (ended == 0 || any > 0));
	return any < 0 ? -1 : 0;
}

static int
logs_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct logging *l = arg;
	struct home *h = &l->home;
	struct positions p = { .at = NULL };
	char *dir = NULL;
	int rc = -1;

	if (pp_store_dir(h->store) == NULL)
		return print_task_logs(h, job_id, l->follow, err);
	if (check_own(h, job_id, err) == 0)
		dir = pp_job_log_dir(h->store, job_id, err);
	if (dir != NULL)
		rc = print_logs(dir, &p, err);
	if (rc >= 0 && l->follow)
		rc = follow_logs(h, job_id, dir, &p, err);
	if (rc >= 0 && p.count == 0)
		rc = pp_error_set(err, PP_ENOENT,
		    "job '%s' has no logs: no "
		    "worker was started by pp-job start",
		    job_id);
	free(p.at);
	free(dir);
	return rc < 0 ? -1 : 0;
}

static int
logs_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct logging l = { .follow = ((struct logs_state *)state)->follow };

	return for_each_job(cli, argc, argv, &l, logs_one, err);
}

/* ---- restore ---- */

static const struct pp_opt restore_options[] = {
	{ 'w', "wait", NULL, "until all of it is there" },
	{ PP_OPT_LONG, "notify", "sns:ARN",
	    "wait, and tell this topic as each is there" },
	{ 'd', "days", "N", "that it stays [7]" },
	{ PP_OPT_LONG + 1, "tier", "TIER", "how fast it comes [Standard]",
	    PP_COMPLETE_WORDS, "Standard Bulk Expedited" },
	{ 0 }
};

#define RESTORE_LOOK_MS 60000
#define RESTORE_DAYS 7

struct restore_state {
	bool wait;
	const char *topic; /* NULL: none */
	int64_t days;
	const char *tier;
};

struct restoring {
	struct home home;
	const struct restore_state *state;
};

static int
restore_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct restore_state *s = state;

	switch (key) {
	case 'w': s->wait = true; return 0;
	case 'd': return pp_parse_int(arg, "--days", 1, 3650, &s->days, err);
	case PP_OPT_LONG:
		s->wait = true;
		s->topic = pp_notify_topic(arg, err);
		return s->topic != NULL ? 0 : -1;
	default: s->tier = arg;
	}
	if (strcmp(arg, "Standard") == 0 || strcmp(arg, "Bulk") == 0 ||
	    strcmp(arg, "Expedited") == 0)
		return 0;
	return pp_error_set(err, PP_EUSAGE,
	    "--tier must be Standard, Bulk or Expedited, not '%s'", arg);
}

static void
report_restore(const struct pp_cli *cli, const char *job_id,
    const struct pp_archive *a)
{
	struct pp_buf out = PP_BUF_INIT;

	if (cli->json) {
		pp_buf_addc(&out, '{');
		pp_json_member_str(&out, "job_id", job_id);
		put_archive(&out, a);
		pp_buf_addc(&out, '}');
		print_line(&out);
	} else if (a->coming > 0) {
		pp_cli_note(cli,
		    "job %s: %lld objects are on their way from %s", job_id,
		    (long long)a->coming, a->storage_class);
	} else if (a->restored > 0) {
		pp_cli_note(cli, "job %s: %lld objects are back from %s",
		    job_id, (long long)a->restored, a->storage_class);
	} else {
		pp_cli_note(cli, "job %s: nothing needs it%s%s%s", job_id,
		    a->moved > 0 ? "; what is in " : "", a->storage_class,
		    a->moved > 0 ? " is read at once" : "");
	}
}

/* Hours; the topic hears of it whether or not it took any. */
static int
restore_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct restoring *r = arg;
	const struct restore_state *s = r->state;
	struct home *h = &r->home;
	int days = s->days > 0 ? (int)s->days : RESTORE_DAYS;
	struct pp_archive a;

	if (check_own(h, job_id, err) < 0)
		return -1;
	for (;;) {
		if (pp_archive_restore(h->store, job_id, days,
			s->tier != NULL ? s->tier : "Standard", &a, err) < 0)
			return -1;
		if (!s->wait || a.archived + a.coming == 0)
			break;
		pp_progress("%.8s  %lld of %lld objects are on their way",
		    job_id, (long long)(a.archived + a.coming),
		    (long long)a.objects);
		pp_clock_sleep_ms(RESTORE_LOOK_MS);
	}
	pp_progress_clear();
	report_restore(h->cli, job_id, &a);
	if (s->topic == NULL)
		return 0;
	return pp_notify_restored(s->topic, h->store, job_id, err);
}

static int
restore_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct restoring r = { .state = state };
	int rc;

	pp_progress_start(cli);
	rc = for_each_job(cli, argc, argv, &r, restore_one, err);
	pp_progress_stop();
	return rc;
}

/* ---- failed ---- */

static int
print_failed(void *arg, const char *line, size_t len, struct pp_error *err)
{
	(void)arg;
	(void)err;
	fwrite(line, 1, len, stdout);
	putchar('\n');
	return 0;
}

static int
failed_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct home *h = arg;
	struct pp_job job;
	int rc;

	if (pp_job_get(h->store, h->user, job_id, &job, err) < 0)
		return -1;
	rc = pp_job_failed_rows(h->store, &job, print_failed, NULL, err);
	pp_job_release(&job);
	return rc;
}

static int
failed_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct home h;

	(void)state;
	return for_each_job(cli, argc, argv, &h, failed_one, err);
}

/* ---- the program ---- */

static const struct pp_command commands[] = {
	{ .name = "create",
	    .synopsis = "-t TEMPLATE -s [NAME=]SEEDS -n ROWS | -",
	    .summary = "check a job and queue it",
	    .options = create_options,
	    .has_user = true,
	    .state_bytes = sizeof(struct create_state),
	    .set = create_set,
	    .run = create_run },
	{ .name = "list",
	    .synopsis = "",
	    .summary = "list your jobs, newest first",
	    .options = list_options,
	    .has_json = true,
	    .has_user = true,
	    .has_names = true,
	    .state_bytes = sizeof(struct list_state),
	    .set = list_set,
	    .run = list_run },
	{ .name = "show",
	    .synopsis = "JOB... | -",
	    .summary = "say all about jobs",
	    .operands = PP_COMPLETE_JOB,
	    .has_json = true,
	    .has_user = true,
	    .run = show_run },
	{ .name = "start",
	    .synopsis = "JOB... | -",
	    .summary = "run workers in the background",
	    .options = start_options,
	    .operands = PP_COMPLETE_JOB,
	    .has_json = true,
	    .has_user = true,
	    .state_bytes = sizeof(struct start_state),
	    .set = start_set,
	    .run = start_run },
	{ .name = "dispatch",
	    .synopsis = "",
	    .summary = "start tasks for what waits in the queue",
	    .options = dispatch_options,
	    .has_json = true,
	    .state_bytes = sizeof(struct dispatch_state),
	    .set = dispatch_set,
	    .run = dispatch_run },
	{ .name = "wait",
	    .synopsis = "JOB... | -",
	    .summary = "wait until jobs have ended",
	    .options = wait_options,
	    .operands = PP_COMPLETE_JOB,
	    .has_json = true,
	    .has_user = true,
	    .state_bytes = sizeof(struct wait_state),
	    .set = wait_set,
	    .run = wait_run },
	{ .name = "logs",
	    .synopsis = "JOB... | -",
	    .summary = "print what background workers and tasks logged",
	    .options = logs_options,
	    .operands = PP_COMPLETE_JOB,
	    .has_user = true,
	    .state_bytes = sizeof(struct logs_state),
	    .set = logs_set,
	    .run = logs_run },
	{ .name = "restore",
	    .synopsis = "JOB... | -",
	    .summary = "bring archived rows back",
	    .options = restore_options,
	    .operands = PP_COMPLETE_JOB,
	    .has_json = true,
	    .has_user = true,
	    .state_bytes = sizeof(struct restore_state),
	    .set = restore_set,
	    .run = restore_run },
	{ .name = "failed",
	    .synopsis = "JOB... | -",
	    .summary = "print failed rows as JSONL",
	    .operands = PP_COMPLETE_JOB,
	    .has_user = true,
	    .run = failed_run },
	{ .name = "cancel",
	    .synopsis = "JOB... | -",
	    .summary = "end jobs; what is made stays",
	    .options = cancel_options,
	    .operands = PP_COMPLETE_JOB,
	    .has_user = true,
	    .state_bytes = sizeof(bool),
	    .set = cancel_set,
	    .run = cancel_run },
	{ .name = "resume",
	    .synopsis = "JOB... | -",
	    .summary = "queue ended jobs again",
	    .options = resume_options,
	    .operands = PP_COMPLETE_JOB,
	    .has_user = true,
	    .state_bytes = sizeof(struct resume_state),
	    .set = resume_set,
	    .run = resume_run },
	{ .name = "rm",
	    .synopsis = "JOB... | -",
	    .summary = "remove ended jobs with all their rows",
	    .operands = PP_COMPLETE_JOB,
	    .has_user = true,
	    .run = rm_run },
	{ .run = NULL }
};

int
main(int argc, char **argv)
{
	static const struct pp_program program = {
		.name = "pp-job",
		.summary = "create, start, watch and end generation jobs",
		.commands = commands,
	};

	return pp_cli_main(&program, argc, argv);
}
