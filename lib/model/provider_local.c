/*
 * Provider local: the n-gram model in this process. Calls wait in a queue that
 * the loop works off in small helpings, so that other things get their turn.
 */
#include <config.h>

#include "model/invoke_int.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define HELPING_US 2000

/* Cut the text where the first of the stop sequences begins. */
static bool
stop_at(struct pp_buf *text, const char *const *stop)
{
	size_t first = text->len;
	const char *found;

	for (; stop != NULL && *stop != NULL; stop++) {
		found = **stop != '\0' ? strstr(text->data, *stop) : NULL;
		if (found != NULL && (size_t)(found - text->data) < first)
			first = (size_t)(found - text->data);
	}
	if (first == text->len)
		return false;
	pp_buf_truncate(text, first);
	return true;
}

static void
answer(struct pp_invocation *v)
{
	struct pp_invoker *i = v->invoker;
	const struct pp_call *c = &v->call;
	struct pp_answer a;
	bool cut;

	pp_answer_init(&a);
	if (v->cancelled) {
		a.class = PP_CALL_CANCELLED;
		snprintf(a.reason, sizeof a.reason, "cancelled");
		a.has_usage = true; /* surely nothing */
		pp_invocation_answer(v, &a);
		return;
	}
	pp_buf_clear(&i->text);
	a.usage.tokens_out = pp_ngram_write(i->ngram, c->seed, c->max_tokens,
	    &i->text, &cut);
	a.usage.tokens_in = pp_ngram_count(c->prompt, c->prompt_len);
	if (c->system != NULL)
		a.usage.tokens_in += pp_ngram_count(c->system, c->system_len);
	a.has_usage = true;
	a.class = PP_CALL_OK;
	a.http_status = 200;
	a.finish = stop_at(&i->text, c->stop) || !cut ? PP_FINISH_STOP :
							PP_FINISH_LENGTH;
	a.text = a.raw = i->text.data;
	a.text_len = a.raw_len = i->text.len;
	a.elapsed_us = pp_clock_boot_us() - v->start_us;
	pp_invocation_answer(v, &a);
}

static void
work(void *arg)
{
	struct pp_invoker *i = arg;
	int64_t until = pp_clock_boot_us() + HELPING_US;
	struct pp_invocation *v;

	while ((v = i->queue) != NULL) {
		i->queue = v->next;
		if (i->queue == NULL)
			i->queue_end = &i->queue;
		answer(v);
		if (pp_clock_boot_us() >= until)
			break;
	}
	if (i->queue != NULL)
		pp_timer_set(i->loop, &i->queue_timer, 0, work, i);
}

static int
local_send(struct pp_invocation *v, struct pp_error *err)
{
	struct pp_invoker *i = v->invoker;

	(void)err;
	v->next = NULL;
	*i->queue_end = v;
	i->queue_end = &v->next;
	if (i->queue_timer.due_us == 0)
		pp_timer_set(i->loop, &i->queue_timer, 0, work, i);
	return 0;
}

/* It is answered as cancelled when its turn comes. */
static void
local_cancel(struct pp_invocation *v)
{
	(void)v;
}

void
pp_provider_local_stop(struct pp_invoker *i)
{
	pp_timer_cancel(i->loop, &i->queue_timer);
	i->queue = NULL;
	i->queue_end = &i->queue;
}

const struct pp_provider_ops pp_provider_local = { local_send, local_cancel };
