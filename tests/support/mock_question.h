/*
 * A call of a model as its parts see it: what is asked, and the reply.
 */
#ifndef MOCK_QUESTION_H
#define MOCK_QUESTION_H

#include "mock.h"

#define BYTES_PER_TOKEN 4

/* What a prompt may ask for: [[mock fault=429 times=2]]. -1: it does not. */
struct directive {
	int fault;
	long times, bytes, retry_after_s, status;
	double latency_ms;
	enum reply_kind reply;
};

struct question {
	const struct options *options;
	uint64_t hash;
	char model[128];
	size_t model_len;
	int64_t prompt_bytes;
	int64_t max_tokens;		/* -1: not said */
	bool asks, streams, has_directive;
	bool invokes;			/* InvokeModel: fields by vendor */
	struct json_member last;	/* the text that came last */
	const struct text *prompt;	/* all of it, for the log */
	struct directive d;
};

/* Whether there is a question in the body of the call. */
bool	question_read(struct question *q, struct model_call *c);

/* Compute the answer, charge it, and write it, or what the fault leaves. */
void	reply_answer(struct model_call *c, const struct question *q);

/* A body of InvokeModel. */
void	invoke_put(struct text *out, const struct question *q,
	    struct span content, const struct tokens *t, bool cut);

#endif
