/*
 * One model call, whatever the provider: request out, answer or a classified
 * failure back. Calls complete from the loop, never inside pp_invoke_send().
 * Nothing here retries, waits or counts money; the job layer does.
 */
#ifndef PP_MODEL_INVOKE_H
#define PP_MODEL_INVOKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/allowance.h"
#include "model/catalog.h"
#include "net/loop.h"

struct pp_invoker;
struct pp_invocation;
struct pp_json_schema;

/* What became of a call; the table in invoke.c says what each does. */
enum pp_call_class {
	PP_CALL_OK,
	PP_CALL_THROTTLE,	/* 429 and its kin: slow down, not a try */
	PP_CALL_TRANSIENT,	/* 5xx, refused connection: may pass */
	PP_CALL_AMBIGUOUS,	/* reset, timeout, cut or unreadable reply: may
				 * have been billed, may pass */
	PP_CALL_REJECTED,	/* a 4xx that cannot pass: fails the row */
	PP_CALL_REFUSED,	/* answered, but the content was refused or
				 * filtered, or cut before it fits the schema:
				 * billed, fails the row */
	PP_CALL_MALFORMED,	/* answered, but not as the schema says: billed,
				 * and another answer may do */
	PP_CALL_CREDENTIALS,	/* 401, 403: stops the worker */
	PP_CALL_QUOTA,		/* no money or allowance left at the provider */
	PP_CALL_NO_ROOM,	/* this machine has no descriptor left for a
				 * connection: fewer at once, not a try */
	PP_CALL_CANCELLED,
	PP_NCALL_CLASSES
};

struct pp_call_class_info {
	const char *name;	/* "throttle" */
	bool retry;		/* may pass by itself */
	bool counts_as_try;	/* uses up one of the retries */
	bool maybe_billed;	/* without usage the reservation is unproven */
};

const struct pp_call_class_info *pp_call_class_info(enum pp_call_class c);

enum pp_finish { PP_FINISH_STOP, PP_FINISH_LENGTH, PP_FINISH_FILTER,
	PP_FINISH_OTHER };
const char *pp_finish_name(enum pp_finish f);	/* "stop" */

/* Default for steps that give no max_tokens; never the model's maximum. */
#define PP_DEFAULT_MAX_TOKENS 1024

struct pp_call {
	const struct pp_model *model;	/* borrowed until the callback */
	const char *system;		/* borrowed until the callback; or NULL */
	size_t system_len;
	const char *prompt;
	size_t prompt_len;
	int64_t max_tokens;
	const char *attempt_id;		/* short ASCII, of this run; or NULL */
	const char *temperature;	/* decimal text as written; or NULL */
	const char *top_p;		/* the same */
	const char *const *stop;	/* stop sequences, ended by NULL; or NULL */
	/* the answer is JSON that fits; or NULL */
	const struct pp_json_schema *schema;
	bool cache;			/* other calls have the same system */
	uint64_t seed;			/* of (job, row, step, attempt) */
	int64_t timeout_ms;		/* if sooner than the model's; or 0 */
};

struct pp_answer {
	enum pp_call_class class;
	int http_status;		/* 0: no reply */
	const char *text;		/* the answer, UTF-8; borrowed */
	size_t text_len;
	enum pp_finish finish;
	bool has_usage;
	struct pp_usage usage;
	int64_t retry_after_ms;		/* -1: not said */
	bool has_allowance;
	struct pp_allowance allowance;	/* as the reply's headers say */
	const char *raw;		/* the reply as it came; borrowed */
	size_t raw_len;
	int64_t elapsed_us;
	char reason[256];		/* one line when not OK; no secrets */
};

typedef void pp_answer_fn(void *arg, const struct pp_answer *answer);

/* `loop` is borrowed. Returns owned, or NULL. */
struct pp_invoker *pp_invoker_new(struct pp_loop *loop, int max_in_flight,
	    struct pp_error *err);

/* Cancels what is under way without calling back. */
void	pp_invoker_free(struct pp_invoker *i);

/*
 * A name for this run, a job's id: servers are told `name`-`attempt_id`, so
 * that attempts of different jobs differ. Short ASCII, copied.
 */
void	pp_invoker_set_run(struct pp_invoker *i, const char *name);

/* Send nothing from `boot_us` on, as pp_http_set_end(). */
void	pp_invoker_set_end(struct pp_invoker *i, int64_t boot_us);

/*
 * Text that the `local` provider's n-gram model learns from; call before the
 * first call, as often as there is text; a bound on it is kept.
 */
void	pp_invoker_learn(struct pp_invoker *i, const char *text, size_t len);

/*
 * Start a call. Returns it, or NULL with PP_ECONFIG (no URL, no key ...).
 * `fn` is called exactly once, from the loop.
 */
struct pp_invocation *pp_invoke_send(struct pp_invoker *i,
	    const struct pp_call *call, pp_answer_fn *fn, void *arg,
	    struct pp_error *err);

/*
 * End it; the answer is PP_CALL_CANCELLED: it may have been billed, unless the
 * answer has usage, which then says that it surely was not.
 */
void	pp_invoke_cancel(struct pp_invocation *v);

/*
 * How many bytes of text the call has, for the bound of its price: system,
 * prompt, and the schema with what servers say around it.
 */
size_t	pp_call_bytes(const struct pp_call *call);

/* Largest max_in_flight. */
#define PP_MAX_IN_FLIGHT 16384

#endif
