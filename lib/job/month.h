/*
 * What a deployment on AWS will cost in a month: the models, the tasks that
 * call them, the tables and the bucket that keep it all, and what is paid
 * whether anything runs or not. From the parameters of the templates in
 * infra/cloudformation, what is to be made in a month, and the dated prices
 * of share/prices.yaml. Whole numbers throughout; each line is rounded up
 * once.
 */
#ifndef PP_JOB_MONTH_H
#define PP_JOB_MONTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/catalog.h"

#define PP_MONTH_HOURS 730
#define PP_MONTH_LINES 16

/* Parameters of the templates that cost something. */
struct pp_month_stack {
	bool is_x86;			/* Architecture */
	bool has_endpoints;		/* InterfaceEndpoints */
	bool has_budget;		/* CreateBudget: its alarms */
	int64_t cpu_units;		/* TaskCpu: 1024 are a vCPU */
	int64_t memory_mib;		/* TaskMemory */
	int64_t archive_days;		/* OutputArchiveDays */
	int64_t archive_min_bytes;	/* OutputArchiveMinBytes */
	int64_t dispatch_minutes;	/* DispatchSchedule; 0: none */
};

/* The defaults of the templates. */
void	pp_month_stack_init(struct pp_month_stack *s);

/*
 * One parameter by its name; one that costs nothing is no error. PP_EUSAGE
 * for a value that it cannot have.
 */
int	pp_month_stack_set(struct pp_month_stack *s, const char *name,
	    const char *value, struct pp_error *err);

/*
 * All of a file as infra/parameters has them: a JSON list of objects with
 * ParameterKey and ParameterValue. PP_ENOENT, PP_EIO, PP_EDATA.
 */
int	pp_month_stack_read(struct pp_month_stack *s, const char *path,
	    struct pp_error *err);

/* What is made in the month. */
struct pp_month_use {
	int64_t rows;
	int64_t jobs;			/* that they are of; at least 1 */
	int64_t tokens_in, tokens_out;	/* of a row */
	int64_t row_bytes;		/* of a row in its batch */
	int64_t row_ms;			/* from first call to last reply */
	int64_t in_flight;		/* rows at once, of a task */
	int64_t checkpoint_rows;
	int64_t months;			/* of outputs in the bucket */
	bool on_demand;			/* tasks not of Fargate Spot */
	const struct pp_model *model;	/* priced; NULL: none */
};

void	pp_month_use_init(struct pp_month_use *u);

struct pp_month_line {
	const char *what;		/* "tasks" */
	const char *unit;		/* "seconds" */
	int64_t quantity;
	int64_t cost_nusd;
};

struct pp_month {
	struct pp_month_line lines[PP_MONTH_LINES];
	size_t count;
	int64_t total_nusd;
};

/* `u->jobs`, `in_flight` and `checkpoint_rows` are at least 1. */
void	pp_month_estimate(const struct pp_month_stack *s,
	    const struct pp_month_use *u, const struct pp_infra_prices *p,
	    struct pp_month *out);

#endif
