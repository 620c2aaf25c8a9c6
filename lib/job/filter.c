#include <config.h>

#include "job/filter.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/learn.h"
#include "job/runner.h"
#include "job/task_render.h"

#define READ_BYTES 65536
/* Rows of one turn of the loop are written together, up to so many bytes. */
#define WRITE_BYTES 65536
/* In order: how many rows may wait for one that is slow. */
#define MAX_HELD 16384
/* The local provider learns from the lines within the first bytes. */
#define LEARN_BYTES ((size_t)256 << 10)

/* A row of input; task->user. */
struct item {
	struct pp_buf line;
	struct pp_bound_row *bound; /* the line as values; NULL at first */
	uint64_t line_number;
	/* lines that are prompts */
	struct pp_step_plan plan;
	struct pp_buf system, prompt, step_id;
	char *temperature;
	int64_t source_row; /* -1: the line has none */
};

/* A finished row that waits for its turn. */
struct held {
	int64_t index;
	char *line;
	size_t len;
};

struct filter {
	const struct pp_filter_options *options;
	struct pp_loop *loop;
	struct pp_invoker *invoker;
	struct pp_runner *runner;
	struct pp_render *render; /* NULL: lines are prompts */
	struct pp_step_plan *plan;
	struct pp_budget budget;
	struct pp_ledger *spent;
	struct pp_error *err;

	struct pp_buf input; /* read and not yet taken */
	size_t at;
	uint64_t line_number;
	bool eof, is_file, watching;
	struct pp_error bad_input; /* nothing is read after it */
	int64_t next_index;

	struct held *held; /* by index - next_out, modulo size */
	int64_t next_out;
	struct pp_buf out, record, category, seed;
	struct pp_buf unwritten; /* lines of this turn */
	char *first_reason;
	int signals;
};

/* ---- input ---- */

static int
read_input(struct filter *f, struct pp_error *err)
{
	ssize_t n;

	if (f->at > 0 && f->at == f->input.len) {
		pp_buf_clear(&f->input);
		f->at = 0;
	}
	if (f->at > READ_BYTES) {
		pp_buf_consume(&f->input, f->at);
		f->at = 0;
	}
	if (f->input.len - f->at > PP_FILTER_MAX_LINE)
		return pp_error_set(err, PP_EDATA,
		    "%s:%llu: line is longer than %zu bytes",
		    f->options->in_name, (unsigned long long)f->line_number + 1,
		    PP_FILTER_MAX_LINE);
	pp_buf_reserve(&f->input, READ_BYTES);
	do
		n = read(f->options->in_fd, f->input.data + f->input.len,
		    READ_BYTES);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return pp_error_errno(err, PP_EIO, errno, "cannot read %s",
		    f->options->in_name);
	f->input.len += (size_t)n;
	f->input.data[f->input.len] = '\0';
	f->eof = n == 0;
	return 0;
}

static void
on_input(void *arg, int fd, unsigned events)
{
	struct filter *f = arg;

	(void)events;
	pp_loop_watch(f->loop, fd, 0, NULL, NULL, NULL);
	f->watching = false;
	read_input(f, &f->bad_input); /* next_row() sees how it went */
	pp_runner_wake(f->runner);
}

static bool
is_blank(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (strchr(" \t\r", s[i]) == NULL)
			return false;
	}
	return true;
}

/* A line that is here whole. 1; 0 at the end; 2 when more must be read. */
static int
take_line(struct filter *f, const char **line, size_t *len)
{
	for (;;) {
		const char *start = f->input.data + f->at;
		size_t have = f->input.len - f->at;
		const char *newline = have > 0 ? memchr(start, '\n', have) :
						 NULL;

		if (newline == NULL && (!f->eof || have == 0))
			return f->eof ? 0 : 2;
		*line = start;
		*len = newline != NULL ? (size_t)(newline - start) : have;
		f->at += *len + (newline != NULL);
		f->line_number++;
		if (!is_blank(*line, *len))
			return 1;
	}
}

static int
next_line(struct filter *f, const char **line, size_t *len,
    struct pp_error *err)
{
	int rc;

	while ((rc = take_line(f, line, len)) == 2) {
		if (f->is_file) {
			if (read_input(f, err) < 0)
				return -1;
			continue;
		}
		if (!f->watching &&
		    pp_loop_watch(f->loop, f->options->in_fd, PP_LOOP_READ,
			on_input, f, err) < 0)
			return -1;
		f->watching = true;
		return 2;
	}
	return rc;
}

static bool
uses_local(const struct pp_filter_options *o)
{
	size_t steps = o->recipe != NULL ?
	    pp_recipe_info(o->recipe)->step_count :
	    0;
	bool local = o->prompt_model != NULL &&
	    o->prompt_model->provider == PP_PROVIDER_LOCAL;

	for (size_t i = 0; i < steps; i++)
		local |= o->models[i]->provider == PP_PROVIDER_LOCAL;
	return local;
}

/*
 * The local provider's text must not depend on when lines come: it learns from
 * the first ones, which are read before anything is sent and stay in the
 * buffer.
 */
static int
learn(struct filter *f, struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const char *p, *newline;
	size_t left;

	if (!uses_local(f->options))
		return 0;
	while (!f->eof && f->input.len < LEARN_BYTES) {
		if (read_input(f, err) < 0)
			return -1;
	}
	p = f->input.data;
	left = f->input.len < LEARN_BYTES ? f->input.len : LEARN_BYTES;
	while ((newline = memchr(p, '\n', left)) != NULL) {
		pp_learn_from_seed(f->invoker, &doc, p, (size_t)(newline - p));
		left -= (size_t)(newline - p) + 1;
		p = newline + 1;
	}
	pp_json_doc_release(&doc);
	return 0;
}

/* ---- rows ---- */

static int
bad_line(struct filter *f, const char *what, struct pp_error *err)
{
	return pp_error_set(err, PP_EDATA, "%s:%llu: %s", f->options->in_name,
	    (unsigned long long)f->line_number, what);
}

static void
free_item(struct item *it)
{
	if (it == NULL)
		return;
	pp_buf_release(&it->line);
	pp_buf_release(&it->system);
	pp_buf_release(&it->prompt);
	pp_buf_release(&it->step_id);
	free(it->temperature);
	free(it);
}

static bool
copy_member(const struct pp_json *v, const char *key, struct pp_buf *out)
{
	const struct pp_json *s = pp_json_get(v, key);

	return s != NULL && s->type == PP_JSON_STRING &&
	    pp_json_unescape(s, out) == 0;
}

static int
prompt_model(struct filter *f, const struct pp_json *v, struct item *it,
    struct pp_error *err)
{
	const struct pp_filter_options *o = f->options;
	char *name = pp_json_strdup(pp_json_get(v, "model"));
	struct pp_error why = PP_ERROR_INIT;

	it->plan.model = o->prompt_model;
	if (o->prompt_model == NULL && name != NULL)
		it->plan.model = pp_route(o->catalog, NULL, name, NULL, NULL,
		    &why);
	free(name);
	if (it->plan.model == NULL)
		return bad_line(f,
		    why.text[0] != '\0' ?
			why.text :
			"the prompt names no model; use --model",
		    err);
	if (!pp_model_is_priced(it->plan.model) ||
	    (o->budget_nusd == PP_NO_LIMIT &&
		!pp_model_is_free(it->plan.model)))
		return bad_line(f,
		    "its model costs money and there is no "
		    "budget; use --budget",
		    err);
	return 0;
}

/* A line of pp-template render: a prompt, and how to ask it. */
static int
read_prompt(struct filter *f, const struct pp_json *v, struct item *it,
    struct pp_error *err)
{
	const struct pp_json *t = pp_json_get(v, "temperature");
	size_t len;
	const char *raw;

	if (!copy_member(v, "prompt", &it->prompt))
		return bad_line(f, "it has no text member 'prompt'", err);
	copy_member(v, "system", &it->system);
	if (!copy_member(v, "step", &it->step_id))
		pp_buf_adds(&it->step_id, "prompt");
	if (!pp_json_int64(pp_json_get(v, "row"), &it->source_row))
		it->source_row = -1;
	if (!pp_json_int64(pp_json_get(v, "max_tokens"),
		&it->plan.max_tokens) ||
	    it->plan.max_tokens < 1)
		it->plan.max_tokens = PP_DEFAULT_MAX_TOKENS;
	if (t != NULL && t->type == PP_JSON_NUMBER) {
		raw = pp_json_raw(t, &len);
		it->temperature = pp_strndup(raw, len);
		it->plan.temperature = it->temperature;
	}
	it->plan.id = it->step_id.data;
	return prompt_model(f, v, it, err);
}

static int
read_item(struct filter *f, const char *line, size_t len, struct item *it,
    struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error why = PP_ERROR_INIT;
	const struct pp_json *v;
	int rc = 0;

	it->line_number = f->line_number;
	pp_buf_add(&it->line, line, len);
	v = pp_json_parse(&doc, it->line.data, it->line.len, 0, &why);
	if (v == NULL)
		rc = bad_line(f, why.text, err);
	else if (v->type != PP_JSON_OBJECT)
		rc = bad_line(f, "it is not a JSON object", err);
	else if (f->render == NULL)
		rc = read_prompt(f, v, it, err);
	pp_json_doc_release(&doc);
	return rc;
}

/* Bad input is the end of it; the rows before that are paid for, and go on. */
static int
next_row(void *arg, struct pp_task *task, struct pp_error *err)
{
	struct filter *f = arg;
	struct item *it;
	const char *line;
	size_t len;
	int rc;

	(void)err;
	if (f->bad_input.code != PP_OK)
		return 0;
	if (f->options->ordered && f->next_index - f->next_out >= MAX_HELD)
		return 2;
	rc = next_line(f, &line, &len, &f->bad_input);
	if (rc != 1)
		return rc < 0 ? 0 : rc;
	it = pp_calloc(1, sizeof *it);
	pp_buf_init(&it->line, 0);
	pp_buf_init(&it->system, 0);
	pp_buf_init(&it->prompt, 0);
	pp_buf_init(&it->step_id, 0);
	if (read_item(f, line, len, it, &f->bad_input) < 0) {
		free_item(it);
		return 0;
	}
	task->user = it;
	task->plan = f->render != NULL ? f->plan : &it->plan;
	task->row = pp_row_new(f->next_index++,
	    f->render != NULL ? pp_recipe_info(f->options->recipe)->step_count :
				1);
	task->chance = pp_plan_chance(f->options->seed, task->row->index);
	return 1;
}

static int
begin_render(struct filter *f, const struct pp_task *task, struct pp_error *err)
{
	struct item *it = task->user;
	struct pp_render_seed seed = { .json = it->line.data,
		.len = it->line.len };

	return pp_task_begin_render(task, f->options->seed, &seed, 1, f->render,
	    &it->bound, err);
}

static int
render_prompt(void *arg, struct pp_task *task, bool *skip,
    struct pp_buf *system, struct pp_buf *prompt, struct pp_error *err)
{
	struct filter *f = arg;
	const struct item *it = task->user;

	if (f->render == NULL) {
		pp_buf_add(system, it->system.data, it->system.len);
		pp_buf_add(prompt, it->prompt.data, it->prompt.len);
		return 0;
	}
	if (begin_render(f, task, err) < 0)
		return -1;
	return pp_render_step(f->render, task->row->at, skip, system, prompt,
	    err);
}

/* ---- output ---- */

static int
flush(void *arg, struct pp_error *err)
{
	struct filter *f = arg;
	struct pp_buf *b = &f->unwritten;
	int rc = 0;

	if (b->len > 0 &&
	    pp_io_write_all(f->options->out_fd, b->data, b->len) < 0)
		rc = pp_error_errno(err, PP_EIO, errno, "cannot write rows");
	pp_buf_trim(b, 4 * WRITE_BYTES);
	return rc;
}

static int
write_out(struct filter *f, const char *line, size_t len, struct pp_error *err)
{
	pp_buf_add(&f->unwritten, line, len);
	return f->unwritten.len < WRITE_BYTES ? 0 : flush(f, err);
}

/* Keep it until the rows before it are out; then write what may be. */
static int
write_in_order(struct filter *f, int64_t index, struct pp_error *err)
{
	struct held *h = &f->held[index % MAX_HELD];
	int rc = 0;

	h->index = index;
	h->line = pp_buf_detach(&f->out, &h->len);
	while (rc == 0 &&
	    (h = &f->held[f->next_out % MAX_HELD])->line != NULL) {
		rc = write_out(f, h->line, h->len, err);
		free(h->line);
		h->line = NULL;
		f->next_out++;
		pp_runner_wake(f->runner);
	}
	return rc;
}

static void
record_of_prompt(struct filter *f, const struct pp_task *task)
{
	const struct item *it = task->user;
	const struct pp_row_step *s = &task->row->steps[0];

	pp_buf_addc(&f->record, '{');
	if (it->source_row >= 0) {
		pp_json_put_key(&f->record, "row");
		pp_json_put_int(&f->record, it->source_row);
	}
	pp_json_put_key(&f->record, "step");
	pp_json_put_str(&f->record, it->step_id.data, it->step_id.len);
	pp_json_put_key(&f->record, "output");
	pp_json_put_str(&f->record, s->output, s->output_len);
	pp_buf_addc(&f->record, '}');
}

static void
make_record(struct filter *f, struct pp_task *task)
{
	struct pp_error why = PP_ERROR_INIT;

	pp_buf_clear(&f->record);
	pp_buf_clear(&f->category);
	if (task->row->failed)
		return;
	if (f->render == NULL) {
		record_of_prompt(f, task);
	} else if (begin_render(f, task, &why) < 0 ||
	    pp_render_record(f->render, &f->record, &f->category, &why) < 0) {
		pp_buf_clear(&f->category);
		pp_row_fail(task->row, "template", 0, why.text, NULL, 0);
	}
}

static int
row_done(void *arg, struct pp_task *task, struct pp_error *err)
{
	struct filter *f = arg;
	const struct item *it = task->user;
	char id[PP_ROW_ID_BYTES];
	struct pp_row_extra extra = { .id = pp_plan_row_id(f->options->seed,
					  task->row->index, id),
		.category = &f->category,
		.record = &f->record,
		.done_at_ms = pp_clock_wall_ms() };

	make_record(f, task);
	pp_ledger_add_row(f->spent, task->row, task->plan);
	if (task->row->failed) {
		extra.seed = &it->line;
		f->spent->rows_failed++;
		if (f->first_reason == NULL)
			f->first_reason = pp_strdup(task->row->failure.reason);
	} else {
		f->spent->rows_done++;
	}
	pp_buf_clear(&f->out);
	pp_row_put_line(task->row, task->plan, &extra, &f->out);
	if (f->options->ordered)
		return write_in_order(f, task->row->index, err);
	return write_out(f, f->out.data, f->out.len, err);
}

static void
drop_task(void *arg, struct pp_task *task)
{
	struct filter *f = arg;
	struct item *it = task->user;

	if (it != NULL)
		pp_render_unbind(f->render, it->bound);
	free_item(it);
	task->user = NULL;
}

static int
fund(void *arg, int64_t need_nusd, enum pp_fund *answer, struct pp_error *err)
{
	(void)arg;
	(void)need_nusd;
	(void)err;
	*answer = PP_FUND_NONE; /* all of it was granted at the start */
	return 0;
}

static const struct pp_runner_ops ops = {
	.next = next_row,
	.prompt = render_prompt,
	.done = row_done,
	.drop = drop_task,
	.flush = flush,
	.fund = fund,
};

/* ---- the end ---- */

/* Rows that cost something and will never be finished are written too. */
static void
write_unfinished(void *arg, struct pp_task *task,
    const struct pp_journal_try *attempt)
{
	struct filter *f = arg;
	struct pp_error err = PP_ERROR_INIT;

	(void)attempt;
	if (pp_row_cost(task->row) == 0 && pp_row_unproven(task->row) == 0 &&
	    task->row->steps[0].attempts == 0)
		return;
	pp_row_fail(task->row, "unfinished", 0, f->err->text, NULL, 0);
	if (row_done(f, task, &err) < 0)
		*f->err = err;
}

/* The gaps that unfinished rows leave do not hold the others back. */
static int
write_held(struct filter *f, struct pp_error *err)
{
	int rc = 0;

	for (; f->held != NULL && f->next_out < f->next_index; f->next_out++) {
		struct held *h = &f->held[f->next_out % MAX_HELD];

		if (h->line == NULL)
			continue;
		if (rc == 0)
			rc = write_out(f, h->line, h->len, err);
		free(h->line);
		h->line = NULL;
	}
	return rc;
}

static int
status_of(struct filter *f, enum pp_run_end end, struct pp_error *err)
{
	if (end == PP_RUN_DONE && f->bad_input.code != PP_OK) {
		*err = f->bad_input;
	} else if (end == PP_RUN_DONE) {
		if (f->spent->rows_done > 0 || f->spent->rows_failed == 0)
			return 0;
		pp_error_set(err, PP_ENO, "no row succeeded; the first: %s",
		    f->first_reason);
		return 1;
	}
	if (end == PP_RUN_OVERRUN)
		return 1;
	return pp_code_exit_status(err->code);
}

static void
on_signal(void *arg, int signo)
{
	struct filter *f = arg;
	struct pp_error why = PP_ERROR_INIT;

	(void)signo;
	pp_error_set(&why, PP_ETEMP, "stopped by a signal");
	pp_runner_stop(f->runner, PP_RUN_STOPPED,
	    f->signals++ > 0 ? 0 : f->options->grace_ms, &why);
}

static int
run(struct filter *f, struct pp_error *err)
{
	const struct pp_filter_options *o = f->options;
	struct pp_runner_options options = { .concurrency = o->concurrency,
		.retries = o->retries,
		.backoff_ms = o->backoff_ms,
		.deadline_ms = o->deadline_ms,
		.row_timeout_ms = o->row_timeout_ms,
		.grace_ms = o->grace_ms,
		.attempt_prefix = "f-" };
	struct pp_error why = PP_ERROR_INIT;
	enum pp_run_end end;
	char id[PP_ID_BYTES];
	int status;

	f->invoker = pp_invoker_new(f->loop, o->concurrency, err);
	if (f->invoker != NULL)
		pp_invoker_set_run(f->invoker, pp_id_new(id));
	if (f->invoker == NULL || learn(f, err) < 0 ||
	    pp_loop_signal(f->loop, SIGTERM, on_signal, f, err) < 0 ||
	    pp_loop_signal(f->loop, SIGINT, on_signal, f, err) < 0)
		return pp_code_exit_status(err->code);
	f->runner = pp_runner_new(f->loop, f->invoker, &f->budget, &options,
	    &ops, f);
	pp_runner_run(f->runner, &end, err);
	f->err = err;
	pp_runner_each(f->runner, write_unfinished, f);
	status = status_of(f, end, err);
	if (write_held(f, &why) < 0 || flush(f, &why) < 0) {
		*err = why;
		status = pp_code_exit_status(why.code);
	}
	return status;
}

/* Before anything is paid for. */
static int
check_ends(const struct pp_filter_options *o, struct pp_error *err)
{
	if (!pp_io_permits(o->in_fd, O_RDONLY))
		return pp_error_set(err, PP_EIO, "%s is closed", o->in_name);
	if (!pp_io_permits(o->out_fd, O_WRONLY))
		return pp_error_set(err, PP_EIO, "standard output is closed");
	return 0;
}

/* What can be waited for; the rest, such as /dev/null, is read as files are. */
static bool
is_stream(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	    (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(fd));
}

static void
make_plan(struct filter *f)
{
	const struct pp_recipe_info *info = pp_recipe_info(f->options->recipe);

	f->render = pp_render_new(f->options->recipe, NULL);
	f->plan = pp_calloc(info->step_count, sizeof *f->plan);
	for (size_t i = 0; i < info->step_count; i++) {
		const struct pp_recipe_step *s = &info->steps[i];

		f->plan[i] = (struct pp_step_plan){ .id = s->id,
			.model = f->options->models[i],
			.max_tokens = s->max_tokens > 0 ? s->max_tokens :
							  PP_DEFAULT_MAX_TOKENS,
			.temperature = s->temperature,
			.top_p = s->top_p,
			.stop = s->stop,
			.schema = s->schema,
			.cache = s->cache };
	}
}

int
pp_filter_run(const struct pp_filter_options *options, struct pp_ledger *spent,
    struct pp_error *err)
{
	struct filter f = { .options = options, .spent = spent, .err = err };
	int status;

	if (check_ends(options, err) < 0)
		return pp_code_exit_status(err->code);
	f.budget.granted_nusd = options->budget_nusd == PP_NO_LIMIT ?
	    INT64_MAX :
	    options->budget_nusd;
	f.is_file = !is_stream(options->in_fd);
	pp_buf_init(&f.input, 0);
	pp_buf_init(&f.out, 0);
	pp_buf_init(&f.unwritten, 0);
	pp_buf_init(&f.record, 0);
	pp_buf_init(&f.category, 0);
	pp_buf_init(&f.seed, 0);
	f.loop = pp_loop_new(err);
	if (f.loop == NULL)
		return pp_code_exit_status(err->code);
	if (options->ordered)
		f.held = pp_calloc(MAX_HELD, sizeof *f.held);
	if (options->recipe != NULL)
		make_plan(&f);
	status = run(&f, err);
	pp_runner_free(f.runner);
	pp_invoker_free(f.invoker);
	pp_loop_free(f.loop);
	pp_render_free(f.render);
	free(f.plan);
	free(f.held);
	free(f.first_reason);
	pp_buf_release(&f.input);
	pp_buf_release(&f.out);
	pp_buf_release(&f.unwritten);
	pp_buf_release(&f.record);
	pp_buf_release(&f.category);
	pp_buf_release(&f.seed);
	return status;
}
