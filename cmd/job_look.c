/*
 * pp-job list, show and failed: what there is to see of jobs.
 */
#include <config.h>

#include "pp-job.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/str.h"
#include "job/account.h"

#define PAGE 100

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
			pp_job_print(&jobs[i], NULL);
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
	if (pp_job_home_open(&h, cli, err) == 0) {
		if (!cli->json)
			t = pp_table_new(list_headings,
			    sizeof list_headings / sizeof list_headings[0]);
		rc = list_all(&h, state, t, err);
	}
	pp_job_home_close(&h);
	if (t != NULL)
		pp_table_print(t);
	return rc;
}

const struct pp_command pp_job_list_command = {
	.name = "list",
	.synopsis = "",
	.summary = "list your jobs, newest first",
	.options = list_options,
	.has_json = true,
	.has_user = true,
	.has_names = true,
	.state_bytes = sizeof(struct list_state),
	.set = list_set,
	.run = list_run,
};

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
		pp_job_put_archive(&out, archive);
		pp_buf_adds(&out, "}}");
	}
	pp_job_print_line(&out);
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
	return pp_job_each(cli, argc, argv, &s, show_one, err);
}

const struct pp_command pp_job_show_command = {
	.name = "show",
	.synopsis = "JOB... | -",
	.summary = "say all about jobs",
	.operands = PP_COMPLETE_JOB,
	.has_json = true,
	.has_user = true,
	.run = show_run,
};

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
	return pp_job_each(cli, argc, argv, &h, failed_one, err);
}

const struct pp_command pp_job_failed_command = {
	.name = "failed",
	.synopsis = "JOB... | -",
	.summary = "print failed rows as JSONL",
	.operands = PP_COMPLETE_JOB,
	.has_user = true,
	.run = failed_run,
};
