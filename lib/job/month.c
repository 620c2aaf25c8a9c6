#include <config.h>

#include "job/month.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define MAX_FILE_BYTES ((size_t)1 << 20)
#define MONTH_S (PP_MONTH_HOURS * INT64_C(3600))
#define GIB (INT64_C(1) << 30)

/*
 * What the worker asks of its home, as counted by a proxy before it: for each
 * checkpoint a transaction of three items (each two units), a cost record and
 * its index, and a renewal; a batch and a checkpoint written.
 */
#define WRITES_OF_CHECKPOINT 9
#define READS_OF_CHECKPOINT 2
#define PUTS_OF_CHECKPOINT 2
#define GETS_OF_CHECKPOINT 3
#define WRITES_OF_JOB 24
#define LOG_BYTES_OF_CHECKPOINT 400
#define TABLE_BYTES_OF_CHECKPOINT 500 /* for 90 days */
#define TABLE_MONTHS 3

#define MINUTE_S 60 /* the least that Fargate bills */
#define ENDPOINTS 5
#define ZONES 3
#define IMAGES_BYTES (INT64_C(100) << 20) /* compressed, a few of them */

/* ---- parameters ---- */

void
pp_month_stack_init(struct pp_month_stack *s)
{
	*s = (struct pp_month_stack){ .has_budget = true,
		.cpu_units = 256,
		.memory_mib = 512,
		.archive_days = 3,
		.archive_min_bytes = 131072 };
}

static int
set_number(int64_t *out, const char *name, const char *value,
    struct pp_error *err)
{
	return pp_parse_int(value, name, 1, INT64_C(1) << 40, out, err);
}

static int
set_choice(bool *out, const char *name, const char *value, const char *yes,
    const char *no, struct pp_error *err)
{
	*out = strcmp(value, yes) == 0;
	if (*out || strcmp(value, no) == 0)
		return 0;
	return pp_error_set(err, PP_EUSAGE, "%s must be %s or %s, not '%s'",
	    name, yes, no, value);
}

/* "rate(5 minutes)" in minutes; "" is never. */
static int
set_rate(int64_t *minutes, const char *value, struct pp_error *err)
{
	static const struct {
		const char *unit;
		int64_t minutes;
	} units[] = { { "minute", 1 }, { "minutes", 1 }, { "hour", 60 },
		{ "hours", 60 }, { "day", 1440 }, { "days", 1440 } };
	char unit[16];
	int n = 0, end = 0;

	*minutes = 0;
	if (value[0] == '\0')
		return 0;
	if (sscanf(value, "rate(%6d %15[a-z])%n", &n, unit, &end) == 2 &&
	    n > 0 && end > 0 && value[end] == '\0')
		for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
			if (strcmp(unit, units[i].unit) == 0)
				*minutes = n * units[i].minutes;
	if (*minutes > 0)
		return 0;
	return pp_error_set(err, PP_EUSAGE,
	    "DispatchSchedule: how often '%s' is, is not known here; "
	    "say it as rate(N minutes)",
	    value);
}

int
pp_month_stack_set(struct pp_month_stack *s, const char *name,
    const char *value, struct pp_error *err)
{
	const struct {
		const char *name;
		int64_t *number;
	} numbers[] = { { "TaskCpu", &s->cpu_units },
		{ "TaskMemory", &s->memory_mib },
		{ "OutputArchiveDays", &s->archive_days },
		{ "OutputArchiveMinBytes", &s->archive_min_bytes } };
	const struct {
		const char *name, *yes, *no;
		bool *choice;
	} choices[] = { { "Architecture", "X86_64", "ARM64", &s->is_x86 },
		{ "InterfaceEndpoints", "true", "false", &s->has_endpoints },
		{ "CreateBudget", "true", "false", &s->has_budget } };

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (strcmp(name, numbers[i].name) == 0)
			return set_number(numbers[i].number, name, value, err);
	for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
		if (strcmp(name, choices[i].name) == 0)
			return set_choice(choices[i].choice, name, value,
			    choices[i].yes, choices[i].no, err);
	if (strcmp(name, "DispatchSchedule") == 0)
		return set_rate(&s->dispatch_minutes, value, err);
	return 0;
}

static int
set_member(struct pp_month_stack *s, const struct pp_json *item,
    struct pp_error *err)
{
	const struct pp_json *name = pp_json_get(item, "ParameterKey");
	const struct pp_json *value = pp_json_get(item, "ParameterValue");
	char *key, *text;
	int rc;

	if (name == NULL || name->type != PP_JSON_STRING || value == NULL ||
	    value->type != PP_JSON_STRING)
		return pp_error_set(err, PP_EDATA,
		    "not a list of ParameterKey and ParameterValue");
	key = pp_json_strdup(name);
	text = pp_json_strdup(value);
	rc = pp_month_stack_set(s, key, text, err);
	if (rc < 0 && err != NULL)
		err->code = PP_EDATA;
	free(key);
	free(text);
	return rc;
}

int
pp_month_stack_read(struct pp_month_stack *s, const char *path,
    struct pp_error *err)
{
	struct pp_buf text = PP_BUF_INIT_MAX(MAX_FILE_BYTES);
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *root = NULL, *item;
	int rc = -1;

	if (pp_io_read_file(path, &text, err) < 0)
		goto out;
	root = pp_json_parse(&doc, text.data, text.len, 0, err);
	if (root != NULL && root->type != PP_JSON_ARRAY)
		pp_error_set(err, PP_EDATA, "not a list");
	else if (root != NULL)
		rc = 0;
	item = rc == 0 ? pp_json_first(root) : NULL;
	for (uint32_t i = 0; rc == 0 && i < root->count; i++) {
		rc = set_member(s, item, err);
		item = pp_json_next(item);
	}
	if (rc < 0)
		pp_error_wrap(err, "%s", path);
out:
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
	return rc;
}

/* ---- sums ---- */

void
pp_month_use_init(struct pp_month_use *u)
{
	*u = (struct pp_month_use){ .jobs = 1,
		.tokens_in = 600,
		.tokens_out = 400,
		.row_bytes = 4096,
		.row_ms = 10000,
		.in_flight = 64,
		.checkpoint_rows = 50,
		.months = 12 };
}

/* ceil(a * b / d), kept at INT64_MAX when too large. */
static int64_t
share(int64_t a, int64_t b, int64_t d)
{
	__int128 n = ((__int128)a * b + d - 1) / d;

	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static void
add(struct pp_month *m, const char *what, int64_t quantity, const char *unit,
    int64_t cost_nusd)
{
	if (quantity == 0)
		return;
	m->lines[m->count++] = (struct pp_month_line){ .what = what,
		.unit = unit,
		.quantity = quantity,
		.cost_nusd = cost_nusd };
	m->total_nusd = pp_money_add(m->total_nusd, cost_nusd);
}

static void
add_models(struct pp_month *m, const struct pp_month_use *u)
{
	int64_t in = pp_money_mul(u->rows, u->tokens_in);
	int64_t out = pp_money_mul(u->rows, u->tokens_out);
	const struct pp_usage usage = { .tokens_in = u->tokens_in,
		.tokens_out = u->tokens_out };

	if (u->model == NULL)
		return;
	/* row by row: a long prompt may be dearer, a month of them is not */
	add(m, "models", pp_money_add(in, out), "tokens",
	    pp_money_mul(u->rows, pp_price_call(&u->model->price, &usage)));
}

/* An hour of a task of so much CPU and memory. */
static int64_t
task_hour(const struct pp_month_stack *s, bool on_demand, int64_t cpu_units,
    int64_t memory_mib, const struct pp_infra_prices *p)
{
	int64_t cpu = on_demand ? p->vcpu_hour_demand_nusd : p->vcpu_hour_nusd;
	int64_t gb = on_demand ? p->gb_hour_demand_nusd : p->gb_hour_nusd;

	if (!s->is_x86) {
		cpu = on_demand ? p->arm_vcpu_hour_demand_nusd :
				  p->arm_vcpu_hour_nusd;
		gb = on_demand ? p->arm_gb_hour_demand_nusd :
				 p->arm_gb_hour_nusd;
	}
	return pp_money_add(share(cpu, cpu_units, 1024),
	    share(gb, memory_mib, 1024));
}

/* Each task has an address of its own. */
static void
add_tasks(struct pp_month *m, const struct pp_month_stack *s,
    const struct pp_month_use *u, const struct pp_infra_prices *p)
{
	int64_t work = share(u->rows, u->row_ms, u->in_flight * 1000);
	int64_t least = u->rows > 0 ? pp_money_mul(u->jobs, MINUTE_S) : 0;
	int64_t looks = s->dispatch_minutes > 0 ?
	    share(MONTH_S, 1, s->dispatch_minutes * 60) * MINUTE_S :
	    0;

	if (work < least)
		work = least;
	add(m, "tasks", work, "seconds",
	    share(work,
		task_hour(s, u->on_demand, s->cpu_units, s->memory_mib, p),
		3600));
	/* the dispatcher's task has a size of its own, and is of Spot */
	add(m, "dispatcher", looks, "seconds",
	    share(looks, task_hour(s, false, 256, 512, p), 3600));
	add(m, "public addresses", pp_money_add(work, looks), "seconds",
	    share(pp_money_add(work, looks), p->ipv4_hour_nusd, 3600));
}

static void
add_tables(struct pp_month *m, int64_t checkpoints, int64_t jobs,
    const struct pp_infra_prices *p)
{
	int64_t writes = checkpoints * WRITES_OF_CHECKPOINT +
	    pp_money_mul(jobs, WRITES_OF_JOB);
	int64_t reads = checkpoints * READS_OF_CHECKPOINT;
	int64_t bytes = checkpoints * TABLE_BYTES_OF_CHECKPOINT * TABLE_MONTHS;

	add(m, "table writes", writes, "units",
	    pp_money_mul(writes, p->dynamodb_write_nusd));
	add(m, "table reads", reads, "units",
	    pp_money_mul(reads, p->dynamodb_read_nusd));
	add(m, "table storage and recovery", bytes, "bytes",
	    share(bytes, p->dynamodb_gb_month_nusd + p->dynamodb_pitr_nusd,
		GIB));
}

/*
 * The month's outputs lie in STANDARD until they are archived, those of the
 * months before are where they went to.
 */
static void
add_bucket(struct pp_month *m, const struct pp_month_stack *s,
    const struct pp_month_use *u, int64_t checkpoints,
    const struct pp_infra_prices *p)
{
	int64_t puts = checkpoints * PUTS_OF_CHECKPOINT;
	int64_t gets = checkpoints * GETS_OF_CHECKPOINT;
	int64_t bytes = pp_money_mul(u->rows, u->row_bytes);
	int64_t kept = pp_money_mul(bytes, u->months);
	int64_t batch = pp_money_mul(u->checkpoint_rows, u->row_bytes);
	bool moves = batch >= s->archive_min_bytes;
	int64_t days = s->archive_days < 30 * u->months ? s->archive_days :
							  30 * u->months;
	int64_t fresh = moves ? share(bytes, days, 30) : kept;

	add(m, "bucket writes", puts, "requests",
	    pp_money_mul(puts, p->s3_put_nusd));
	add(m, "bucket reads", gets, "requests",
	    pp_money_mul(gets, p->s3_get_nusd));
	add(m, "bucket storage", fresh, "bytes",
	    share(fresh, p->s3_gb_month_nusd, GIB));
	if (!moves)
		return;
	add(m, "archived outputs", kept - fresh, "bytes",
	    share(kept - fresh, p->glacier_ir_gb_month_nusd, GIB));
	add(m, "moves to the archive", checkpoints, "objects",
	    pp_money_mul(checkpoints, p->glacier_ir_move_nusd));
}

static void
add_standing(struct pp_month *m, const struct pp_month_stack *s,
    const struct pp_infra_prices *p)
{
	int64_t hours = s->has_endpoints ? ENDPOINTS * ZONES * PP_MONTH_HOURS :
					   0;
	/* of failed tasks; of the queue's age, where a dispatcher looks */
	int64_t alarms = s->has_budget ? 1 + (s->dispatch_minutes > 0) : 0;

	add(m, "images", IMAGES_BYTES, "bytes",
	    share(IMAGES_BYTES, p->ecr_gb_month_nusd, GIB));
	add(m, "alarms", alarms, "alarms",
	    pp_money_mul(alarms, p->alarm_month_nusd));
	add(m, "interface endpoints", hours, "hours",
	    pp_money_mul(hours, p->endpoint_hour_nusd));
}

void
pp_month_estimate(const struct pp_month_stack *s, const struct pp_month_use *u,
    const struct pp_infra_prices *p, struct pp_month *out)
{
	int64_t checkpoints = share(u->rows, 1, u->checkpoint_rows);
	int64_t logs = checkpoints * LOG_BYTES_OF_CHECKPOINT;

	memset(out, 0, sizeof *out);
	if (u->rows > 0 && checkpoints < u->jobs)
		checkpoints = u->jobs;
	add_models(out, u);
	add_tasks(out, s, u, p);
	add_tables(out, checkpoints, u->rows > 0 ? u->jobs : 0, p);
	add_bucket(out, s, u, checkpoints, p);
	add(out, "logs", logs, "bytes", share(logs, p->log_gb_nusd, GIB));
	add_standing(out, s, p);
}
