/*
 * pp-worker: do the work of jobs, or be a plain filter.
 */
#include <config.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "aws/ecs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/rand.h"
#include "base/reaper.h"
#include "base/str.h"
#include "cli/cli.h"
#include "job/filter.h"
#include "job/health.h"
#include "job/ids.h"
#include "job/notify.h"
#include "job/routes.h"
#include "job/template_ref.h"
#include "job/user.h"
#include "job/worker.h"
#include "model/catalog.h"

enum {
	OPT_JOB = PP_OPT_LONG,
	OPT_ONCE,
	OPT_FOREVER,
	OPT_GRACE,
	OPT_LEASE,
	OPT_DEADLINE,
	OPT_ROW_TIMEOUT,
	OPT_MAX_TIME,
	OPT_RETRIES,
	OPT_BACKOFF,
	OPT_CHECKPOINT,
	OPT_NOTIFY,
	OPT_FILTER,
	OPT_PROMPTS,
	OPT_ORDERED,
	OPT_SEED,
	OPT_BUDGET,
	OPT_MODEL,
	OPT_HEALTH
};

static const struct pp_opt options[] = {
	{ OPT_JOB, "job", "ID", "work on this job alone", PP_COMPLETE_JOB },
	{ OPT_ONCE, "once", NULL, "claim once, then exit" },
	{ OPT_FOREVER, "forever", NULL,
	    "wait for more work when the queue is empty" },
	{ 'c', "concurrency", "N", "model calls in flight (64)" },
	{ OPT_GRACE, "grace", "TIME",
	    "after SIGTERM, wait for calls on the wire (30s)" },
	{ OPT_LEASE, "lease", "TIME",
	    "how long a claim holds without renewal (60s)" },
	{ OPT_DEADLINE, "deadline", "TIME",
	    "give up after so long without one success (10m)" },
	{ OPT_ROW_TIMEOUT, "row-timeout", "TIME",
	    "a row that takes longer fails (1h)" },
	{ OPT_MAX_TIME, "max-time", "TIME",
	    "stop after so long, as at SIGTERM" },
	{ OPT_RETRIES, "retries", "N", "tries beyond the first (3)" },
	{ OPT_BACKOFF, "backoff", "TIME",
	    "before the first retry; doubles (2s)" },
	{ OPT_CHECKPOINT, "checkpoint", "TIME",
	    "longest time between checkpoints (30s)" },
	{ OPT_NOTIFY, "notify", "sns:ARN",
	    "tell this topic when a job has ended ($PP_NOTIFY)" },
	{ OPT_FILTER, "filter", NULL, "seeds on stdin, rows on stdout" },
	{ 't', "template", "TEMPLATE", "template of the filter",
	    PP_COMPLETE_TEMPLATE },
	{ OPT_PROMPTS, "prompts", NULL,
	    "the filter's input is prompts, not seeds" },
	{ 'm', "model", "[STEP=]MODEL", "use this model (filter)",
	    PP_COMPLETE_MODEL },
	{ 'b', "budget", "USD", "spend no more than this (filter)" },
	{ OPT_ORDERED, "ordered", NULL, "rows in the order of input (filter)" },
	{ OPT_SEED, "seed", "N", "seed of all chance (filter; 0)" },
	{ OPT_HEALTH, "health", NULL,
	    "say whether the worker of PP_HEALTH_FILE is well" },
	{ 0 }
};

/* Options of the filter: what a job has itself, and where from. */
static const struct job_has {
	int key;
	const char *option, *from;
} job_has[] = {
	{ 't', "-t", "a job has its own, from pp-job create" },
	{ 'm', "-m", "a job has its own, from pp-job create" },
	{ 'b', "-b", "a job has its own, from pp-job create or resume" },
	{ OPT_SEED, "--seed", "a job has its own, from pp-job create" },
	{ OPT_ORDERED, "--ordered", "pp-export has a job's rows in order" },
};

struct state {
	struct pp_worker_options worker;
	bool initialized;
	bool filter, prompts, ordered, health;
	const char *template, *budget;
	struct pp_routes routes;
	int64_t seed;
	const struct job_has *of_filter; /* one that jobs have no use for */
};

static int
set_duration(int64_t *ms, const char *arg, const char *what, int64_t min_ms,
    struct pp_error *err)
{
	if (pp_parse_duration_ms(arg, what, ms, err) < 0)
		return -1;
	if (*ms < min_ms)
		return pp_error_set(err, PP_EUSAGE,
		    "%s must be at least %lld "
		    "ms, not '%s'",
		    what, (long long)min_ms, arg);
	return 0;
}

static int
set_int(int *out, const char *arg, const char *what, int min, int max,
    struct pp_error *err)
{
	int64_t n;

	if (pp_parse_int(arg, what, min, max, &n, err) < 0)
		return -1;
	*out = (int)n;
	return 0;
}

static int
set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct state *s = state;
	struct pp_worker_options *w = &s->worker;

	if (!s->initialized) {
		pp_worker_options_init(w);
		s->initialized = true;
	}
	for (size_t i = 0; i < sizeof job_has / sizeof *job_has; i++) {
		if (job_has[i].key == key)
			s->of_filter = &job_has[i];
	}
	switch (key) {
	case OPT_JOB: w->job_id = arg; return 0;
	case OPT_ONCE: w->once = true; return 0;
	case OPT_FOREVER: w->forever = true; return 0;
	case 'c':
		return set_int(&w->concurrency, arg, "--concurrency", 1,
		    PP_MAX_IN_FLIGHT, err);
	case OPT_GRACE:
		return set_duration(&w->grace_ms, arg, "--grace", 0, err);
	case OPT_LEASE:
		return set_duration(&w->lease_ms, arg, "--lease", 1000, err);
	case OPT_DEADLINE:
		return set_duration(&w->deadline_ms, arg, "--deadline", 100,
		    err);
	case OPT_ROW_TIMEOUT:
		return set_duration(&w->row_timeout_ms, arg, "--row-timeout", 1,
		    err);
	case OPT_MAX_TIME:
		return set_duration(&w->max_time_ms, arg, "--max-time", 1, err);
	case OPT_RETRIES:
		return set_int(&w->retries, arg, "--retries", 0, 1000, err);
	case OPT_BACKOFF:
		return set_duration(&w->backoff_ms, arg, "--backoff", 1, err);
	case OPT_CHECKPOINT:
		return set_duration(&w->checkpoint_ms, arg, "--checkpoint", 1,
		    err);
	case OPT_NOTIFY:
		w->notify = pp_notify_topic(arg, err);
		return w->notify != NULL ? 0 : -1;
	case OPT_FILTER: s->filter = true; return 0;
	case OPT_HEALTH: s->health = true; return 0;
	case 't': s->template = arg; return 0;
	case OPT_PROMPTS: s->prompts = true; return 0;
	case 'm': return pp_routes_add(&s->routes, arg, err);
	case 'b': s->budget = arg; return 0;
	case OPT_ORDERED: s->ordered = true; return 0;
	case OPT_SEED:
		return pp_parse_int(arg, "--seed", 0, INT64_MAX, &s->seed, err);
	default: return pp_error_set(err, PP_EBUG, "option %d", key);
	}
}

/* Keys and prompts are in memory: no core file, no other process's look. */
static void
protect_secrets(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
#ifndef PP_SANITIZED /* the leak checker wants to look */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/* Those of the home, of journals, of the loop and of looking up names. */
#define OTHER_DESCRIPTORS 64

/*
 * A thousand calls in flight are a thousand descriptors: raise the limit, and
 * keep to what it leaves room for.
 */
static void
fit_descriptor_limit(const struct pp_cli *cli, struct pp_worker_options *w)
{
	struct rlimit limit;
	rlim_t room;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	room = limit.rlim_max >= 2 * OTHER_DESCRIPTORS ?
	    limit.rlim_max - OTHER_DESCRIPTORS :
	    limit.rlim_max / 8;
	if ((rlim_t)w->concurrency <= room)
		return;
	w->concurrency = room > 0 ? (int)room : 1;
	pp_cli_warn(cli,
	    "%d calls in flight at most: the limit on open files is %llu (see "
	    "'ulimit -n')",
	    w->concurrency, (unsigned long long)limit.rlim_max);
}

static void
show(void *arg, const struct pp_worker_progress *p)
{
	char spent[PP_MONEY_TEXT_BYTES], limit[PP_MONEY_TEXT_BYTES];

	(void)arg;
	pp_money_show(p->settled_nusd + p->unproven_nusd, spent);
	pp_progress("%.8s  %lld of %lld rows  %lld failed  %.0f/s  "
		    "%d in flight  %s%s%s",
	    p->job_id, (long long)p->rows_done, (long long)p->rows,
	    (long long)p->rows_failed, p->rows_per_second, p->in_flight, spent,
	    p->budget_nusd != PP_NO_LIMIT ? " of " : "",
	    p->budget_nusd != PP_NO_LIMIT ?
		pp_money_show(p->budget_nusd, limit) :
		"");
}

/* ---- the filter ---- */

static int
budget_of(const struct state *s, bool costs_money, int64_t *nusd,
    struct pp_error *err)
{
	int set;

	*nusd = PP_NO_LIMIT;
	if (s->budget != NULL)
		return pp_money_parse(s->budget, "--budget", nusd, err);
	set = pp_money_env("PP_DEFAULT_BUDGET", nusd, err);
	if (set < 0)
		return -1;
	if (set == 0 && costs_money)
		return pp_error_set(err, PP_EUSAGE,
		    "a model costs money: give "
		    "--budget, or set PP_DEFAULT_BUDGET");
	return 0;
}

static int
load_template(const struct state *s, struct pp_template_ref *out,
    struct pp_error *err)
{
	struct pp_store *store = NULL;
	char *user = pp_user_id(err);
	int rc = -1;

	if (user != NULL &&
	    (pp_template_ref_is_file(s->template) ||
		(store = pp_store_open_to_read(NULL, err)) != NULL))
		rc = pp_template_ref_load(store, user, s->template, NULL, out,
		    err);
	pp_store_close(store);
	free(user);
	return rc;
}

static void
report(const struct pp_cli *cli, const struct pp_ledger *spent)
{
	char settled[PP_MONEY_TEXT_BYTES], unproven[PP_MONEY_TEXT_BYTES];
	struct pp_totals t;

	pp_ledger_totals(spent, &t);
	pp_cli_note(cli, "%lld rows, %lld failed, %lld calls, %s spent%s%s",
	    (long long)t.rows_done, (long long)t.rows_failed,
	    (long long)t.calls, pp_money_show(t.settled_nusd, settled),
	    t.unproven_nusd > 0 ? ", unproven " : "",
	    t.unproven_nusd > 0 ? pp_money_show(t.unproven_nusd, unproven) :
				  "");
}

static int
filter_with(const struct pp_cli *cli, struct state *s,
    const struct pp_catalog *catalog, const struct pp_recipe *recipe,
    struct pp_error *err)
{
	const struct pp_worker_options *w = &s->worker;
	const struct pp_model *models[PP_MAX_STEPS];
	struct pp_ledger spent = PP_LEDGER_INIT;
	struct pp_filter_options o = { .in_fd = STDIN_FILENO,
		.out_fd = STDOUT_FILENO,
		.in_name = "standard input",
		.recipe = recipe,
		.models = models,
		.catalog = catalog,
		.ordered = s->ordered,
		.seed = (uint64_t)s->seed,
		.concurrency = w->concurrency,
		.retries = w->retries,
		.grace_ms = w->grace_ms,
		.deadline_ms = w->deadline_ms,
		.row_timeout_ms = w->row_timeout_ms,
		.backoff_ms = w->backoff_ms };
	bool costs_money = false;
	int status;

	if (recipe != NULL &&
	    pp_routes_resolve(&s->routes, catalog, recipe, models, &costs_money,
		err) < 0)
		return -1;
	if (recipe == NULL &&
	    pp_routes_resolve_prompts(&s->routes, catalog, &o.prompt_model,
		&costs_money, err) < 0)
		return -1;
	if (budget_of(s, costs_money, &o.budget_nusd, err) < 0)
		return -1;
	status = pp_filter_run(&o, &spent, err);
	report(cli, &spent);
	pp_ledger_release(&spent);
	return status;
}

static int
run_filter(const struct pp_cli *cli, struct state *s, int argc,
    struct pp_error *err)
{
	struct pp_template_ref t = { .recipe = NULL };
	struct pp_catalog *catalog;
	int status = -1;

	if (argc > 0 || s->prompts == (s->template != NULL))
		return pp_error_set(err, PP_EUSAGE,
		    "--filter reads standard "
		    "input and takes either -t TEMPLATE or --prompts");
	catalog = pp_catalog_load(err);
	if (catalog == NULL)
		return -1;
	if (s->prompts) {
		status = filter_with(cli, s, catalog, NULL, err);
	} else if (load_template(s, &t, err) == 0) {
		status = filter_with(cli, s, catalog, t.recipe, err);
		pp_template_ref_release(&t);
	}
	pp_catalog_free(catalog);
	return status;
}

/* ---- jobs ---- */

struct jobs {
	const struct pp_cli *cli;
	struct pp_store *store;
	struct pp_worker_options options;
	struct pp_ecs_self task;
	int status;
};

/* How a job has ended does not keep us from the next one. */
static int
work_on(void *arg, const char *job_id, struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;
	struct jobs *j = arg;
	int status;

	j->options.job_id = job_id;
	status = pp_worker_run(j->store, &j->options, &why);
	j->status = pp_worker_worse(j->status, status);
	if (status >= 64)
		*err = why;
	else if (status > 0)
		pp_cli_complain(j->cli, &why);
	return status >= 64 ? -1 : 0;
}

static int
set_max_running(struct pp_worker_options *w, struct pp_error *err)
{
	int64_t n = w->max_running;

	if (pp_env_int("PP_MAX_CONCURRENT_JOBS", 1, 1000000, &n, err) < 0)
		return -1;
	w->max_running = (int)n;
	return 0;
}

/* The file of the worker's sign of life, or NULL. */
static const char *
health_file(void)
{
	return pp_env("PP_HEALTH_FILE");
}

static int
check_health(struct pp_error *err)
{
	if (health_file() == NULL)
		return pp_error_set(err, PP_EUSAGE,
		    "--health needs PP_HEALTH_FILE, as the worker does");
	return pp_health_check(health_file(), err);
}

static int
set_notify(struct pp_worker_options *w, struct pp_error *err)
{
	const char *text = getenv("PP_NOTIFY");

	if (w->notify != NULL || text == NULL || *text == '\0')
		return 0;
	w->notify = pp_notify_topic(text, err);
	return w->notify != NULL ? 0 : -1;
}

/*
 * In a task on Fargate: which one, and what an hour of it costs. Without an
 * answer the work goes on all the same.
 */
static void
find_task(struct jobs *j)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_infra_prices prices;
	struct utsname system;
	struct pp_infra_task task;

	if (pp_ecs_self(&j->task, &err) < 0) {
		pp_log(PP_LOG_WARN, "no_task", "reason", 's', err.text, NULL);
		return;
	}
	if (j->task.task_arn[0] == '\0')
		return;
	j->options.task_arn = j->task.task_arn;
	task = (struct pp_infra_task){ .arm = uname(&system) == 0 &&
		    strcmp(system.machine, "aarch64") == 0,
		.on_demand = pp_env("PP_ON_DEMAND") != NULL,
		.cpu_units = (int64_t)(j->task.vcpus * 1024),
		.memory_mib = (int64_t)j->task.memory_mib };
	if (pp_infra_prices_load(&prices, &err) == 0)
		j->options.hour_nusd = pp_infra_hour_nusd(&prices, &task);
	pp_log(PP_LOG_INFO, "task", "task_arn", 's', j->task.task_arn, "zone",
	    's', j->task.availability_zone, "vcpus", 'f', j->task.vcpus,
	    "memory_mib", 'f', j->task.memory_mib, "usd_per_hour", 'm',
	    j->options.hour_nusd, NULL);
}

static int
run_worker(const struct pp_cli *cli, struct state *s, int argc, char **argv,
    struct pp_error *err)
{
	struct jobs j = { .cli = cli, .options = s->worker };
	int rc = 0;

	if (argc > 0 && s->worker.job_id != NULL)
		return pp_error_set(err, PP_EUSAGE,
		    "give jobs as operands or by --job, not both");
	if (s->worker.once && s->worker.forever)
		return pp_error_set(err, PP_EUSAGE,
		    "--once and --forever exclude each other");
	if (set_max_running(&j.options, err) < 0 ||
	    set_notify(&j.options, err) < 0)
		return -1;
	find_task(&j);
	/* who waits for jobs may be there before the first one's home */
	j.store = s->worker.forever ? pp_store_open(NULL, err) :
				      pp_store_open_to_read(NULL, err);
	if (j.store == NULL)
		return -1;
	pp_progress_start(cli);
	j.options.progress = show;
	j.options.health_file = health_file();
	if (argc > 0)
		rc = pp_job_ids_each(argc, argv, work_on, &j, err);
	else
		j.status = pp_worker_run(j.store, &j.options, err);
	pp_progress_stop();
	pp_store_close(j.store);
	if ((rc < 0 && j.status < 64) || (j.status == 0 && err->code != PP_OK))
		return -1;
	return j.status;
}

static int
run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	static const enum pp_log_level levels[] = { PP_LOG_INFO, PP_LOG_DEBUG };
	struct state *s = state;
	int status;

	if (pp_reaper_start(err) < 0)
		return -1;
	if (!s->initialized)
		pp_worker_options_init(&s->worker);
	protect_secrets();
	fit_descriptor_limit(cli, &s->worker);
	pp_log_set_level(cli->quiet ? PP_LOG_ERROR : levels[cli->verbose > 0]);
	if (s->filter && cli->verbose == 0)
		pp_log_set_level(PP_LOG_ERROR);
	if (s->health)
		status = check_health(err);
	else if (s->filter || s->prompts)
		status = run_filter(cli, s, argc, err);
	else if (s->of_filter != NULL)
		status = pp_error_set(err, PP_EUSAGE, "%s is for --filter; %s",
		    s->of_filter->option, s->of_filter->from);
	else if (cli->user != NULL)
		status = pp_error_set(err, PP_EUSAGE,
		    "--user is for --filter; jobs are everybody's");
	else
		status = run_worker(cli, s, argc, argv, err);
	if (status > 0 && err->code != PP_OK)
		pp_cli_complain(cli, err);
	return status;
}

static void
release(void *state)
{
	struct state *s = state;

	pp_routes_release(&s->routes);
}

static const struct pp_command commands[] = {
	{ .synopsis = "[--filter -t TEMPLATE] [JOB... | -]",
	    .summary = "do the work of generation jobs",
	    .options = options,
	    .operands = PP_COMPLETE_JOB,
	    .has_user = true,
	    .state_bytes = sizeof(struct state),
	    .set = set,
	    .run = run,
	    .release = release },
	{ .run = NULL }
};

int
main(int argc, char **argv)
{
	static const struct pp_program program = { "pp-worker",
		"Claim generation jobs and work on them, or filter seeds into "
		"rows.",
		commands };

	return pp_cli_main(&program, argc, argv);
}
