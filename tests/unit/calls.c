#include <config.h>

#include "test.h"

#include <stdio.h>

#include "base/clock.h"
#include "calls.h"
#include "model/model_int.h"

void
calls_open(struct calls *c, const char *provider, const char *id)
{
	struct pp_error err = PP_ERROR_INIT;

	c->loop = pp_loop_new(&err);
	c->invoker = pp_invoker_new(c->loop, 8, &err);
	pp_model_init(&c->model, "m");
	assert_ok(pp_model_set(&c->model, "provider", provider, &err), err);
	assert_ok(pp_model_set(&c->model, "id", id, &err), err);
}

void
calls_close(struct calls *c)
{
	pp_invoker_free(c->invoker);
	pp_loop_free(c->loop);
	pp_model_release(&c->model);
}

void
calls_keep(void *arg, const struct pp_answer *a)
{
	struct got *g = arg;

	g->calls++;
	g->answer = *a;
	snprintf(g->text, sizeof g->text, "%.*s", (int)a->text_len, a->text);
	snprintf(g->raw, sizeof g->raw, "%.*s", (int)a->raw_len, a->raw);
}

struct pp_invocation *
calls_send(struct calls *c, const struct pp_call *call, struct got *g)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_invocation *v;

	memset(g, 0, sizeof *g);
	v = pp_invoke_send(c->invoker, call, calls_keep, g, &err);
	if (v == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(g->calls, 0);
	return v;
}

void
calls_wait(struct calls *c, const struct got *g)
{
	struct pp_error err = PP_ERROR_INIT;
	int64_t until = pp_clock_boot_ms() + 120000;

	while (g->calls == 0) {
		assert_true(pp_clock_boot_ms() < until);
		assert_ok(pp_loop_turn(c->loop, 1000, &err), err);
	}
}

void
calls_ask(struct calls *c, const struct pp_call *call, struct got *g)
{
	calls_send(c, call, g);
	calls_wait(c, g);
}
