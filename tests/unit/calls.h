/*
 * Model calls in tests: an invoker with one model, a call, and what it got.
 */
#ifndef PP_TESTS_UNIT_CALLS_H
#define PP_TESTS_UNIT_CALLS_H

#include "model/invoke.h"
#include "net/loop.h"

struct calls {
	struct pp_loop *loop;
	struct pp_invoker *invoker;
	struct pp_model model;		/* named "m" */
};

void	calls_open(struct calls *c, const char *provider, const char *id);
void	calls_close(struct calls *c);

struct got {
	int calls;
	struct pp_answer answer;	/* its texts are the copies below */
	char text[8192], raw[8192];
};

/* A pp_answer_fn that fills a struct got. */
void	calls_keep(void *arg, const struct pp_answer *a);

/* Start it; wait for what it gets; both. */
struct pp_invocation *calls_send(struct calls *c, const struct pp_call *call,
	    struct got *g);
void	calls_wait(struct calls *c, const struct got *g);
void	calls_ask(struct calls *c, const struct pp_call *call, struct got *g);

#endif
