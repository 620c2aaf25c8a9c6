#include <config.h>

#include "job/runner.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/money.h"
#include "job/flow.h"
#include "template/recipe.h"

#define TICK_US INT64_C(250000)
#define LATER_US INT64_C(1000000)
/* How long to wait, with nothing on the wire, for money that others hold. */
#define LONGEST_LATER_US INT64_C(5000000)
/* What a prompt may have before the first of its step was rendered. */
#define UNSEEN_PROMPT_BYTES 2048
/* Begun before the loop turns: the first answers come while others begin. */
#define ROWS_A_TURN 64
/* Near the budget's end: how many waiting calls to try for one that fits. */
#define MAX_TRIED_FOR_MONEY 64

/*
 * Of text that people write; only long runs of blanks have tokens of more. A
 * prompt is too long for its model when it is at so many bytes each.
 */
#define MOST_BYTES_PER_TOKEN 8

#define NOWHERE SIZE_MAX

enum node_state {
	NODE_READY,   /* in its lane, waits for a slot or for money */
	NODE_CALLING, /* on the wire, or in the outbox until this turn ends */
	NODE_WAITING  /* for the time of its next try */
};

struct lane;

struct node {
	struct pp_task task;
	struct pp_runner *runner;
	struct node *next, *previous; /* all tasks */
	struct node *next_ready;      /* in its lane, or in the outbox */
	enum node_state state;
	struct lane *lane;
	size_t stands_at; /* counted in at_step; or NOWHERE */
	struct pp_buf system, prompt;
	struct pp_call call;
	struct pp_invocation *invocation; /* when on the wire */
	char attempt[PP_ATTEMPT_ID_BYTES];
	int64_t reserved_nusd;
	int64_t tokens; /* estimate, for the buckets */
	int64_t begun_us;
	int64_t stamp;
	struct pp_timer timer;
};

/* Everything that goes to one model. */
struct lane {
	const struct pp_model *model;
	struct pp_flow flow;
	struct node *ready, **ready_tail;
	struct pp_timer timer;
	struct pp_runner *runner;
};

struct pp_runner {
	struct pp_loop *loop;
	struct pp_invoker *invoker;
	struct pp_budget *budget;
	struct pp_runner_options options;
	const struct pp_runner_ops *ops;
	void *arg;
	struct lane **lanes;
	size_t lane_count, lane_cap;
	struct node *nodes;
	struct node *outbox, **outbox_tail; /* told of, not yet sent */
	int node_count, ready_count, waiting_count, in_flight;
	/* what rows will want: the bound of a call of each step, as last seen,
	 * and how many rows stand at each */
	int64_t step_bound_nusd[PP_MAX_STEPS];
	int at_step[PP_MAX_STEPS];
	size_t step_count;     /* 0: no row was seen yet */
	bool exhausted;	       /* next() has no more */
	bool none_now;	       /* next() has none now */
	bool broke;	       /* a call did not fit into the budget */
	bool later;	       /* and money may come back from others */
	bool asked;	       /* or an answer is on its way */
	bool told_of_room;     /* that it lacks was said once */
	bool gated;	       /* a model lets no call through now */
	int64_t idle_since_us; /* nothing on the wire for want of money */
	bool stopping;
	bool cancelled; /* the grace is over */
	enum pp_run_end end;
	struct pp_error why;
	int64_t cancel_at_us;
	uint64_t attempt;
	struct pp_timer tick, money_timer;
	struct pp_rand rand;
	struct pp_runner_counters counters;
};

static void advance(struct node *n);

/* ---- life ---- */

struct pp_runner *
pp_runner_new(struct pp_loop *loop, struct pp_invoker *invoker,
    struct pp_budget *budget, const struct pp_runner_options *options,
    const struct pp_runner_ops *ops, void *arg)
{
	struct pp_runner *r = pp_calloc(1, sizeof *r);

	r->loop = loop;
	r->invoker = invoker;
	r->budget = budget;
	r->options = *options;
	r->ops = ops;
	r->arg = arg;
	r->attempt = options->first_attempt;
	r->outbox_tail = &r->outbox;
	pp_rand_seed_any(&r->rand);
	return r;
}

/* Count the row at the step that it stands at now. */
static void
note_place(struct node *n, size_t step)
{
	struct pp_runner *r = n->runner;

	if (n->stands_at != NOWHERE)
		r->at_step[n->stands_at]--;
	n->stands_at = step;
	if (step != NOWHERE)
		r->at_step[step]++;
}

static void
unlink_node(struct node *n)
{
	struct pp_runner *r = n->runner;

	note_place(n, NOWHERE);

	if (r->nodes == n)
		r->nodes = n->next;
	else
		n->previous->next = n->next;
	if (n->next != NULL)
		n->next->previous = n->previous;
	r->node_count--;
}

static void
free_node(struct node *n)
{
	struct pp_runner *r = n->runner;

	r->ops->drop(r->arg, &n->task);
	pp_timer_cancel(r->loop, &n->timer);
	pp_row_free(n->task.row);
	pp_buf_release(&n->system);
	pp_buf_release(&n->prompt);
	free(n);
}

void
pp_runner_free(struct pp_runner *r)
{
	struct node *next;

	if (r == NULL)
		return;
	for (struct node *n = r->nodes; n != NULL; n = next) {
		next = n->next;
		free_node(n);
	}
	for (size_t i = 0; i < r->lane_count; i++) {
		pp_timer_cancel(r->loop, &r->lanes[i]->timer);
		free(r->lanes[i]);
	}
	free(r->lanes);
	pp_timer_cancel(r->loop, &r->tick);
	pp_timer_cancel(r->loop, &r->money_timer);
	free(r);
}

void
pp_runner_stop(struct pp_runner *r, enum pp_run_end end, int64_t grace_ms,
    const struct pp_error *why)
{
	int64_t cancel_at_us = pp_loop_now_us(r->loop) + grace_ms * 1000;

	if (!r->stopping) {
		r->stopping = true;
		r->end = end;
		if (why != NULL)
			r->why = *why;
		r->cancel_at_us = cancel_at_us;
	}
	if (cancel_at_us < r->cancel_at_us)
		r->cancel_at_us = cancel_at_us;
}

/* One of the ops failed: what is on the wire may still come home. */
static void
fail_run(struct pp_runner *r, const struct pp_error *why)
{
	pp_runner_stop(r, PP_RUN_ERROR, r->options.grace_ms, why);
}

void
pp_runner_wake(struct pp_runner *r)
{
	r->none_now = false;
}

/* ---- lanes and their queues ---- */

static struct lane *
lane_of(struct pp_runner *r, const struct pp_model *model)
{
	struct lane *l;

	for (size_t i = 0; i < r->lane_count; i++) {
		if (r->lanes[i]->model == model ||
		    strcmp(r->lanes[i]->model->name, model->name) == 0)
			return r->lanes[i];
	}
	l = pp_calloc(1, sizeof *l);
	l->model = model;
	l->runner = r;
	l->ready_tail = &l->ready;
	pp_flow_init(&l->flow, r->options.concurrency, model->rpm, model->tpm,
	    pp_loop_now_us(r->loop));
	r->lanes = pp_grow(r->lanes, r->lane_count, &r->lane_cap,
	    sizeof(struct lane *));
	r->lanes[r->lane_count++] = l;
	return l;
}

/* Rows that have begun go first. */
static void
make_ready(struct node *n)
{
	struct lane *l = n->lane;
	const struct pp_row *row = n->task.row;

	n->state = NODE_READY;
	n->runner->ready_count++;
	if (row->at > 0 || row->steps[row->at].attempts > 0) {
		n->next_ready = l->ready;
		if (l->ready == NULL)
			l->ready_tail = &n->next_ready;
		l->ready = n;
	} else {
		n->next_ready = NULL;
		*l->ready_tail = n;
		l->ready_tail = &n->next_ready;
	}
}

static void
take_ready(struct lane *l, struct node **link)
{
	struct node *n = *link;

	*link = n->next_ready;
	if (n->next_ready == NULL)
		l->ready_tail = link;
	l->runner->ready_count--;
}

/* ---- the end of a row ---- */

static void
finish(struct node *n)
{
	struct pp_runner *r = n->runner;
	struct pp_error err = PP_ERROR_INIT;

	if (r->ops->done(r->arg, &n->task, &err) < 0)
		fail_run(r, &err);
	unlink_node(n);
	free_node(n);
}

static void
fail_row(struct node *n, const char *class, int http_status, const char *reason,
    const char *raw, size_t raw_len)
{
	pp_row_fail(n->task.row, class, http_status, reason, raw, raw_len);
	finish(n);
}

/* ---- answers ---- */

static void
retry_now(void *arg)
{
	struct node *n = arg;

	n->runner->waiting_count--;
	make_ready(n);
}

static void
retry_later(struct node *n, int64_t in_ms)
{
	n->state = NODE_WAITING;
	n->runner->waiting_count++;
	pp_timer_set(n->runner->loop, &n->timer, in_ms * 1000, retry_now, n);
}

/* Doubles with each try, between a half and the whole of it. */
static int64_t
backoff_ms(struct pp_runner *r, int tries, int64_t retry_after_ms)
{
	int64_t ms = r->options.backoff_ms;

	for (int i = 1; i < tries && ms < 60000; i++)
		ms *= 2;
	ms = ms / 2 + (int64_t)pp_rand_below(&r->rand, (uint64_t)ms / 2 + 1);
	return retry_after_ms > ms ? retry_after_ms : ms;
}

/* What an attempt cost, as far as is known. */
static void
price_answer(struct node *n, const struct pp_answer *a, int64_t *cost,
    int64_t *unproven)
{
	*cost = 0;
	*unproven = 0;
	if (a->has_usage)
		*cost = pp_price_call(&n->lane->model->price, &a->usage);
	else if (pp_call_class_info(a->class)->maybe_billed)
		*unproven = n->reserved_nusd;
}

static void
account(struct node *n, const struct pp_answer *a, int64_t cost,
    int64_t unproven)
{
	struct pp_row_step *s = &n->task.row->steps[n->task.row->at];

	pp_budget_settle(n->runner->budget, n->reserved_nusd, cost, unproven);
	s->cost_nusd = pp_money_add(s->cost_nusd, cost);
	s->unproven_nusd = pp_money_add(s->unproven_nusd, unproven);
	if (a->has_usage) {
		s->usage.tokens_in += a->usage.tokens_in;
		s->usage.tokens_out += a->usage.tokens_out;
		s->usage.cache_read += a->usage.cache_read;
		s->usage.cache_write += a->usage.cache_write;
	}
}

static void
report_end(struct node *n, const struct pp_answer *a, int64_t cost,
    int64_t unproven)
{
	struct pp_runner *r = n->runner;
	struct pp_error err = PP_ERROR_INIT;
	bool ok = a->class == PP_CALL_OK;
	struct pp_journal_end e = { .id = n->attempt,
		.row = n->task.row->index,
		.step = n->task.row->at,
		.class = a->class,
		.usage = a->usage,
		.cost_nusd = cost,
		.unproven_nusd = unproven,
		.text = ok ? a->text : NULL,
		.text_len = ok ? a->text_len : 0,
		.finish = a->finish,
		.http_status = a->http_status,
		.reason = ok ? NULL : a->reason,
		.raw = ok ? NULL : a->raw,
		.raw_len = ok ? 0 : a->raw_len };

	if (!a->has_usage)
		e.usage = (struct pp_usage){ 0 };
	if (r->ops->on_end != NULL && r->ops->on_end(r->arg, &e, &err) < 0)
		fail_run(r, &err);
}

/* The server says that it took more than was thought possible. */
static void
check_overrun(struct node *n, int64_t cost)
{
	struct pp_runner *r = n->runner;
	struct pp_error why = PP_ERROR_INIT;
	char most[PP_MONEY_TEXT_BYTES], real[PP_MONEY_TEXT_BYTES];

	if (cost <= n->reserved_nusd)
		return;
	pp_error_set(&why, PP_EBUDGET,
	    "model '%s' charged %s US dollars for "
	    "a call that could cost %s at most; its prices or its "
	    "bytes_per_token are wrong",
	    n->lane->model->name, pp_money_format(cost, real),
	    pp_money_format(n->reserved_nusd, most));
	pp_log(PP_LOG_WARN, "overrun", "model", 's', n->lane->model->name,
	    "reserved", 'm', n->reserved_nusd, "cost", 'm', cost, NULL);
	if (r->budget->granted_nusd != INT64_MAX)
		pp_runner_stop(r, PP_RUN_OVERRUN, r->options.grace_ms, &why);
}

/* Milliseconds that the row still has. */
static int64_t
row_time_left_ms(const struct node *n)
{
	const struct pp_runner *r = n->runner;
	int64_t spent_us = pp_loop_now_us(r->loop) - n->begun_us;

	return r->options.row_timeout_ms > 0 ?
	    r->options.row_timeout_ms - spent_us / 1000 :
	    INT64_MAX;
}

/* Whether the row was given up for having taken too long. */
static bool
is_late(struct node *n)
{
	char reason[128];

	if (row_time_left_ms(n) > 0)
		return false;
	snprintf(reason, sizeof reason, "not done within %g s",
	    (double)n->runner->options.row_timeout_ms / 1000);
	fail_row(n, "timeout", 0, reason, NULL, 0);
	return true;
}

/*
 * Whether the prompt and what may be answered surely do not fit into the
 * model's context: the server would only say so, or cut the prompt. The row
 * was given up then.
 */
static bool
is_too_long(struct node *n)
{
	const struct pp_step_plan *p = &n->task.plan[n->task.row->at];
	int64_t context = p->model->context_tokens, least;
	char reason[192];

	if (context == 0)
		return false;
	least = (int64_t)((n->system.len + n->prompt.len) /
		    MOST_BYTES_PER_TOKEN) +
	    p->max_tokens;
	if (least <= context)
		return false;
	snprintf(reason, sizeof reason,
	    "step '%s': a prompt of %zu bytes and %lld tokens of answer cannot "
	    "fit into the %lld tokens of '%.64s'",
	    p->id, n->system.len + n->prompt.len, (long long)p->max_tokens,
	    (long long)context, p->model->name);
	fail_row(n, "too_long", 0, reason, NULL, 0);
	return true;
}

/* A failure that may pass: again now, again later, or the end of the row. */
static void
try_again(struct node *n, const struct pp_answer *a)
{
	struct pp_runner *r = n->runner;
	struct pp_row_step *s = &n->task.row->steps[n->task.row->at];
	const struct pp_call_class_info *class = pp_call_class_info(a->class);

	if (is_late(n))
		return;
	/* what may have been billed is a try, however the service is */
	if (!class->counts_as_try ||
	    (pp_flow_is_down(&n->lane->flow) && !class->maybe_billed)) {
		make_ready(n); /* the lane says when */
		return;
	}
	s->tries++;
	if (s->tries > r->options.retries)
		fail_row(n, class->name, a->http_status, a->reason, a->raw,
		    a->raw_len);
	else
		retry_later(n, backoff_ms(r, s->tries, a->retry_after_ms));
}

static void
stop_for(struct node *n, enum pp_run_end end, enum pp_code code,
    const struct pp_answer *a)
{
	struct pp_error why = PP_ERROR_INIT;

	pp_error_set(&why, code, "model '%s': %s", n->lane->model->name,
	    a->reason);
	make_ready(n);
	pp_runner_stop(n->runner, end, n->runner->options.grace_ms, &why);
}

static void
act_on(struct node *n, const struct pp_answer *a)
{
	struct pp_row *row = n->task.row;

	switch (a->class) {
	case PP_CALL_OK:
		pp_row_set_output(row, row->at, a->text, a->text_len, a->finish,
		    n->attempt);
		row->at++;
		advance(n);
		break;
	case PP_CALL_THROTTLE:
	case PP_CALL_TRANSIENT:
	case PP_CALL_AMBIGUOUS:
	case PP_CALL_NO_ROOM:
	case PP_CALL_MALFORMED: try_again(n, a); break;
	case PP_CALL_CREDENTIALS:
		stop_for(n, PP_RUN_CREDENTIALS, PP_EAUTH, a);
		break;
	case PP_CALL_QUOTA: stop_for(n, PP_RUN_QUOTA, PP_ETEMP, a); break;
	case PP_CALL_CANCELLED: make_ready(n); break;
	case PP_CALL_REJECTED:
	case PP_CALL_REFUSED:
	default:
		fail_row(n, pp_call_class_info(a->class)->name, a->http_status,
		    a->reason, a->raw, a->raw_len);
		break;
	}
}

/* What counts against a limit of tokens a minute. */
static int64_t
tokens_taken(const struct node *n, const struct pp_answer *a)
{
	int64_t burndown = n->lane->model->burndown;

	if (a->has_usage)
		return a->usage.tokens_in + a->usage.cache_write +
		    a->usage.tokens_out * (burndown > 0 ? burndown : 1);
	return pp_call_class_info(a->class)->maybe_billed ? n->tokens : 0;
}

/* Once: it may happen again whenever another connection is tried. */
static void
tell_of_room(struct node *n, const struct pp_answer *a)
{
	struct pp_runner *r = n->runner;

	if (a->class != PP_CALL_NO_ROOM || r->told_of_room)
		return;
	r->told_of_room = true;
	pp_log(PP_LOG_WARN, "no_room", "model", 's', n->lane->model->name,
	    "calls_allowed", 'd', (int64_t)n->lane->flow.limit, "reason", 's',
	    a->reason, NULL);
}

/* Let the answer say how fast the model may be called from here on. */
static void
steer_lane(struct node *n, const struct pp_answer *a)
{
	struct pp_flow *f = &n->lane->flow;
	int64_t now_us = pp_loop_now_us(n->runner->loop);
	bool was_down = pp_flow_is_down(f);
	int limit = (int)f->limit;

	pp_flow_ended(f, a->class, n->stamp, n->tokens, tokens_taken(n, a),
	    a->retry_after_ms, now_us);
	if (a->has_allowance)
		pp_flow_told(f, &a->allowance, now_us);
	if (pp_flow_is_down(f) != was_down)
		pp_log(was_down ? PP_LOG_INFO : PP_LOG_WARN,
		    was_down ? "model_up" : "model_down", "model", 's',
		    n->lane->model->name, "failures", 'd', (int64_t)f->failures,
		    "reason", 's', was_down ? NULL : a->reason, NULL);
	tell_of_room(n, a);
	if ((int)f->limit < limit && a->class == PP_CALL_THROTTLE)
		pp_log(PP_LOG_INFO, "throttled", "model", 's',
		    n->lane->model->name, "calls_allowed", 'd',
		    (int64_t)f->limit, "retry_after_ms", 'd', a->retry_after_ms,
		    NULL);
}

static void
on_answer(void *arg, const struct pp_answer *a)
{
	struct node *n = arg;
	struct pp_runner *r = n->runner;
	int64_t cost, unproven;

	n->invocation = NULL;
	r->in_flight--;
	r->counters.ended.of[a->class]++;
	price_answer(n, a, &cost, &unproven);
	account(n, a, cost, unproven);
	report_end(n, a, cost, unproven);
	steer_lane(n, a);
	if (a->class != PP_CALL_OK)
		pp_log(PP_LOG_DEBUG, "call_failed", "model", 's',
		    n->lane->model->name, "row", 'd', n->task.row->index,
		    "class", 's', pp_call_class_info(a->class)->name, "status",
		    'd', (int64_t)a->http_status, NULL);
	check_overrun(n, cost);
	act_on(n, a);
}

/* ---- calls ---- */

static void
prepare_call(struct node *n)
{
	const struct pp_step_plan *p = &n->task.plan[n->task.row->at];

	n->call = (struct pp_call){ .model = p->model,
		.system = n->system.len > 0 ? n->system.data : NULL,
		.system_len = n->system.len,
		.prompt = n->prompt.data,
		.prompt_len = n->prompt.len,
		.max_tokens = p->max_tokens,
		.temperature = p->temperature,
		.top_p = p->top_p,
		.stop = p->stop,
		.schema = p->schema,
		.cache = p->cache,
		.attempt_id = n->attempt,
		.seed = pp_rand_mix(n->task.chance, n->task.row->at, 7) };
	n->reserved_nusd = pp_price_bound(p->model, pp_call_bytes(&n->call),
	    p->max_tokens);
	n->tokens = (int64_t)(pp_call_bytes(&n->call) / 4) + p->max_tokens;
	n->lane = lane_of(n->runner, p->model);
	n->runner->step_bound_nusd[n->task.row->at] = n->reserved_nusd;
	note_place(n, n->task.row->at);
}

/* 1: money is set aside. 0: there is none for this call now. */
static int
reserve(struct node *n)
{
	struct pp_runner *r = n->runner;
	struct pp_error err = PP_ERROR_INIT;
	enum pp_fund answer;

	if (pp_budget_reserve(r->budget, n->reserved_nusd, NULL) == 0)
		return 1;
	if (r->ops->fund(r->arg, n->reserved_nusd, &answer, &err) < 0) {
		fail_run(r, &err);
		return 0;
	}
	if (answer == PP_FUND_GRANTED &&
	    pp_budget_reserve(r->budget, n->reserved_nusd, NULL) == 0)
		return 1;
	r->broke = true;
	r->later |= answer == PP_FUND_LATER;
	r->asked |= answer == PP_FUND_ASKED;
	return 0;
}

/*
 * Its reservation is made and it leaves the ready queue: into the outbox, for
 * the attempts of one turn are told of together and then sent.
 */
static void
post_call(struct node *n)
{
	struct pp_runner *r = n->runner;
	struct pp_row *row = n->task.row;
	struct pp_journal_try t = { .id = n->attempt,
		.row = row->index,
		.step = row->at,
		.reserved_nusd = n->reserved_nusd };
	struct pp_error err = PP_ERROR_INIT;

	snprintf(n->attempt, sizeof n->attempt, "%s%llu",
	    r->options.attempt_prefix, (unsigned long long)++r->attempt);
	if (r->ops->on_try != NULL && r->ops->on_try(r->arg, &t, &err) < 0) {
		pp_budget_settle(r->budget, n->reserved_nusd, 0, 0);
		make_ready(n);
		fail_run(r, &err);
		return;
	}
	n->state = NODE_CALLING;
	n->stamp = pp_flow_sent(&n->lane->flow, n->tokens);
	row->steps[row->at].attempts++;
	r->in_flight++;
	r->counters.calls++;
	n->next_ready = NULL;
	*r->outbox_tail = n;
	r->outbox_tail = &n->next_ready;
}

/* It was told of and is not sent: say so, or it would count as unproven. */
static void
take_back(struct node *n)
{
	struct pp_runner *r = n->runner;
	struct pp_row *row = n->task.row;
	struct pp_journal_end e = { .id = n->attempt,
		.row = row->index,
		.step = row->at,
		.class = PP_CALL_TRANSIENT };

	if (r->ops->on_end != NULL)
		r->ops->on_end(r->arg, &e, NULL);
	pp_budget_settle(r->budget, n->reserved_nusd, 0, 0);
	pp_flow_unsent(&n->lane->flow, n->tokens);
	row->steps[row->at].attempts--;
	r->in_flight--;
	r->counters.calls--;
	make_ready(n);
}

static void
send_call(struct node *n)
{
	struct pp_runner *r = n->runner;
	struct pp_error err = PP_ERROR_INIT;

	if (r->options.row_timeout_ms > 0)
		n->call.timeout_ms = row_time_left_ms(n) > 1 ?
		    row_time_left_ms(n) :
		    1;
	n->invocation = pp_invoke_send(r->invoker, &n->call, on_answer, n,
	    &err);
	if (n->invocation == NULL) {
		take_back(n);
		fail_run(r, &err);
	}
}

/* The end of a turn: what happened in it is kept before anything is sent. */
static void
empty_outbox(struct pp_runner *r)
{
	struct pp_error err = PP_ERROR_INIT;
	struct node *n = r->outbox, *next;
	bool kept = r->ops->flush == NULL || r->ops->flush(r->arg, &err) == 0;

	if (!kept)
		fail_run(r, &err);
	r->outbox = NULL;
	r->outbox_tail = &r->outbox;
	for (; n != NULL; n = next) {
		next = n->next_ready;
		if (kept)
			send_call(n);
		else
			take_back(n);
	}
}

static void
do_nothing(void *arg)
{
	(void)arg; /* the loop turned: that is enough */
}

static void
send_ready(struct lane *l)
{
	struct pp_runner *r = l->runner;
	struct node **link = &l->ready, *n;
	int tried = 0;
	int64_t wait_us;

	while ((n = *link) != NULL && r->in_flight < r->options.concurrency &&
	    !r->stopping && tried < MAX_TRIED_FOR_MONEY) {
		wait_us = pp_flow_wait_us(&l->flow, n->tokens,
		    pp_loop_now_us(r->loop));
		if (wait_us != 0) {
			r->gated = true;
			if (wait_us > 0)
				pp_timer_set(r->loop, &l->timer, wait_us,
				    do_nothing, l);
			return;
		}
		if (!reserve(n)) {
			link = &n->next_ready;
			tried++;
			continue;
		}
		take_ready(l, link);
		post_call(n);
	}
}

/* ---- rows ---- */

/*
 * Go on with a row: pass over what is done, render the next step, and queue
 * its call; or finish.
 */
static void
advance(struct node *n)
{
	struct pp_runner *r = n->runner;
	struct pp_row *row = n->task.row;
	struct pp_error err = PP_ERROR_INIT;
	bool skip;

	for (; row->at < row->step_count; row->at++) {
		if (row->steps[row->at].state != PP_STEP_TODO)
			continue;
		pp_buf_clear(&n->system);
		pp_buf_clear(&n->prompt);
		skip = false;
		if (r->ops->prompt(r->arg, &n->task, &skip, &n->system,
			&n->prompt, &err) < 0) {
			if (err.code != PP_EDATA && err.code != PP_ELIMIT)
				fail_run(r, &err);
			fail_row(n, "template", 0, err.text, NULL, 0);
			return;
		}
		if (!skip) {
			if (!is_late(n) && !is_too_long(n)) {
				prepare_call(n);
				make_ready(n);
			}
			return;
		}
		row->steps[row->at].state = PP_STEP_SKIPPED;
	}
	finish(n);
}

static bool
may_begin(const struct pp_runner *r)
{
	return !r->stopping && !r->exhausted && !r->none_now && !r->broke &&
	    r->in_flight + r->ready_count < r->options.concurrency &&
	    r->node_count < 2 * r->options.concurrency;
}

/* Before a step was rendered once, its bound is a guess. */
static void
guess_bounds(struct pp_runner *r, const struct pp_task *task)
{
	r->step_count = task->row->step_count;
	for (size_t i = 0; i < r->step_count; i++)
		r->step_bound_nusd[i] = pp_price_bound(task->plan[i].model,
		    UNSEEN_PROMPT_BYTES, task->plan[i].max_tokens);
}

/* What the rows in the loop, and one more, still want after this moment. */
static int64_t
wanted_nusd(const struct pp_runner *r)
{
	int64_t sum = 0, rest = 0;

	for (size_t i = r->step_count; i-- > 0;) {
		sum = pp_money_add(sum, pp_money_mul(rest, r->at_step[i]));
		rest = pp_money_add(rest, r->step_bound_nusd[i]);
	}
	return pp_money_add(sum, rest);
}

/*
 * Near the limit rows are finished rather than begun: a new one begins only
 * when there is money for it and for all that are under way, or when there is
 * no other.
 */
static bool
may_afford_row(struct pp_runner *r)
{
	struct pp_error err = PP_ERROR_INIT;
	enum pp_fund answer;
	int64_t wanted;

	if (r->budget->granted_nusd == INT64_MAX || r->node_count == 0)
		return true;
	wanted = wanted_nusd(r);
	if (pp_budget_free(r->budget) >= wanted)
		return true;
	if (r->ops->fund(r->arg, wanted, &answer, &err) < 0) {
		fail_run(r, &err);
		return false;
	}
	r->asked |= answer == PP_FUND_ASKED;
	return answer == PP_FUND_GRANTED && pp_budget_free(r->budget) >= wanted;
}

static void
begin_row(struct pp_runner *r)
{
	struct node *n = pp_calloc(1, sizeof *n);
	struct pp_error err = PP_ERROR_INIT;
	int rc;

	n->runner = r;
	n->stands_at = NOWHERE;
	n->begun_us = pp_loop_now_us(r->loop);
	pp_buf_init(&n->system, 0);
	pp_buf_init(&n->prompt, 0);
	rc = r->ops->next(r->arg, &n->task, &err);
	if (rc != 1) {
		r->exhausted = rc == 0;
		r->none_now = rc == 2;
		if (rc < 0)
			fail_run(r, &err);
		free(n);
		return;
	}
	n->next = r->nodes;
	if (r->nodes != NULL)
		r->nodes->previous = n;
	r->nodes = n;
	r->node_count++;
	if (r->step_count == 0)
		guess_bounds(r, &n->task);
	if (n->task.row->failed)
		finish(n);
	else
		advance(n);
}

/*
 * Others hold what is left of the money: what we have and cannot use goes back
 * at once, and after a while the row's shard does, since the holder may be dead
 * and wait for somebody to take its work over.
 */
static void
wait_for_money(struct pp_runner *r)
{
	struct pp_error err = PP_ERROR_INIT;
	int64_t now_us = pp_loop_now_us(r->loop);

	if ((!r->later && !r->asked) || r->gated || r->in_flight > 0 ||
	    r->waiting_count > 0 || r->stopping) {
		r->idle_since_us = 0;
		return;
	}
	if (r->asked)
		return; /* if the answer is a no, it was idle all the time */
	if (r->idle_since_us == 0) {
		r->idle_since_us = now_us;
		if (r->ops->unfund(r->arg, &err) < 0)
			fail_run(r, &err);
	} else if (now_us - r->idle_since_us >= LONGEST_LATER_US) {
		pp_error_set(&err, PP_ETEMP,
		    "other shards hold what is left of the budget");
		pp_runner_stop(r, PP_RUN_WAITING, 0, &err);
	}
}

static void
begin_rows(struct pp_runner *r)
{
	for (int n = 0; may_begin(r) && may_afford_row(r); n++) {
		if (n == ROWS_A_TURN) {
			pp_loop_defer(r->loop, do_nothing, NULL);
			return;
		}
		begin_row(r);
		if (r->ready_count > 0) {
			for (size_t i = 0; i < r->lane_count; i++)
				send_ready(r->lanes[i]);
		}
	}
}

static void
pump(struct pp_runner *r)
{
	r->broke = false;
	r->later = false;
	r->asked = false;
	r->gated = false;
	for (size_t i = 0; i < r->lane_count; i++)
		send_ready(r->lanes[i]);
	begin_rows(r);
	if (r->later)
		pp_timer_set(r->loop, &r->money_timer, LATER_US, do_nothing, r);
	wait_for_money(r);
}

/* ---- the loop ---- */

static void
check_deadlines(struct pp_runner *r)
{
	struct pp_error why = PP_ERROR_INIT;

	for (size_t i = 0; i < r->lane_count; i++) {
		struct lane *l = r->lanes[i];

		switch (pp_flow_verdict(&l->flow, r->options.deadline_ms * 1000,
		    pp_loop_now_us(r->loop))) {
		case PP_FLOW_THROTTLED:
			pp_error_set(&why, PP_ETEMP,
			    "model '%s' has only "
			    "throttled for %lld s",
			    l->model->name,
			    (long long)r->options.deadline_ms / 1000);
			pp_runner_stop(r, PP_RUN_THROTTLED, r->options.grace_ms,
			    &why);
			return;
		case PP_FLOW_DOWN:
			pp_error_set(&why, PP_EUNAVAIL,
			    "model '%s' has not "
			    "answered for %lld s",
			    l->model->name,
			    (long long)r->options.deadline_ms / 1000);
			pp_runner_stop(r, PP_RUN_DOWN, r->options.grace_ms,
			    &why);
			return;
		case PP_FLOW_GO_ON: break;
		}
	}
}

static void
cancel_calls(struct pp_runner *r)
{
	r->cancelled = true;
	for (struct node *n = r->nodes; n != NULL; n = n->next) {
		if (n->state == NODE_CALLING)
			pp_invoke_cancel(n->invocation);
	}
}

static void
tick(void *arg)
{
	struct pp_runner *r = arg;

	if (!r->stopping)
		check_deadlines(r);
	pp_timer_set(r->loop, &r->tick, TICK_US, tick, r);
}

static bool
is_over(struct pp_runner *r)
{
	struct pp_error why = PP_ERROR_INIT;

	if (r->stopping)
		return r->in_flight == 0;
	if (r->exhausted && r->node_count == 0) {
		r->end = PP_RUN_DONE;
		return true;
	}
	if (r->broke && !r->later && !r->asked && !r->gated &&
	    r->in_flight == 0 && r->waiting_count == 0) {
		pp_error_set(&why, PP_EBUDGET,
		    "the next call does not fit into the budget");
		pp_runner_stop(r, PP_RUN_BUDGET, 0, &why);
		return true;
	}
	return false;
}

int
pp_runner_run(struct pp_runner *r, enum pp_run_end *end, struct pp_error *why)
{
	struct pp_error err = PP_ERROR_INIT;

	/* so that the loop's clock is that of now */
	if (pp_loop_turn(r->loop, 0, &err) < 0)
		fail_run(r, &err);
	pp_timer_set(r->loop, &r->tick, TICK_US, tick, r);
	for (;;) {
		if (!r->stopping)
			pump(r);
		empty_outbox(r);
		if (is_over(r))
			break;
		if (r->stopping && !r->cancelled &&
		    pp_loop_now_us(r->loop) >= r->cancel_at_us)
			cancel_calls(r);
		if (pp_loop_turn(r->loop, -1, &err) < 0) {
			r->end = PP_RUN_ERROR;
			r->why = err;
			break;
		}
	}
	pp_timer_cancel(r->loop, &r->tick);
	*end = r->end;
	if (r->end != PP_RUN_DONE && why != NULL)
		*why = r->why;
	return 0;
}

void
pp_runner_each(struct pp_runner *r,
    void (*fn)(void *arg, struct pp_task *task,
	const struct pp_journal_try *attempt),
    void *arg)
{
	for (struct node *n = r->nodes; n != NULL; n = n->next) {
		struct pp_journal_try t = { .id = n->attempt,
			.row = n->task.row->index,
			.step = n->task.row->at,
			.reserved_nusd = n->reserved_nusd };

		fn(arg, &n->task, n->state == NODE_CALLING ? &t : NULL);
	}
}

void
pp_runner_counters(const struct pp_runner *r, struct pp_runner_counters *out)
{
	*out = r->counters;
	out->in_flight = r->in_flight;
	out->tasks = r->node_count;
}
