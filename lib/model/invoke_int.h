/*
 * What a provider of models is, for invoke.c, and what it may use of it.
 */
#ifndef PP_MODEL_INVOKE_INT_H
#define PP_MODEL_INVOKE_INT_H

#include "base/buf.h"
#include "base/json.h"
#include "model/invoke.h"
#include "model/ngram.h"
#include "net/http.h"

struct pp_aws;
struct pp_aws_send;

/* One call under way. Kept and used again. */
struct pp_invocation {
	struct pp_invoker *invoker;
	struct pp_call call;
	pp_answer_fn *fn;
	void *arg;
	struct pp_buf body;		/* the request, as sent */
	struct pp_http_exchange *exchange;
	struct pp_aws_send *send;	/* bedrock's */
	struct pp_invocation *next;	/* in a queue, or the free list */
	bool cancelled;
	int64_t start_us;
};

/* Where calls to one server go, with what; made once. */
struct pp_endpoint {
	char *base;			/* the model's url */
	char *key_env;
	char *url;			/* of chat completions */
	char *authorization;		/* the header; NULL: none */
	const char *key;		/* within it */
};

struct pp_invoker {
	struct pp_loop *loop;
	int max_in_flight;
	char *run;			/* before attempts' ids; NULL: nothing */
	struct pp_http *http;		/* made with the first call */
	int64_t end_us;			/* nothing is sent from then on */
	struct pp_aws *aws;		/* with the first of bedrock's */
	struct pp_endpoint *endpoints;
	size_t endpoint_count, endpoint_cap;

	struct pp_ngram *ngram;
	struct pp_invocation *queue, **queue_end;	/* local calls */
	struct pp_timer queue_timer;

	struct pp_invocation **all;
	size_t count, cap;
	struct pp_invocation *free;

	struct pp_buf joined;		/* of the request being made */

	/* of the reply that is being read */
	struct pp_json_doc doc, answer_doc;
	struct pp_buf text, raw;
};

struct pp_provider_ops {
	/* Start it. 0, or -1 with `err`; the answer comes from the loop. */
	int (*send)(struct pp_invocation *v, struct pp_error *err);
	void (*cancel)(struct pp_invocation *v);
};

extern const struct pp_provider_ops pp_provider_openai, pp_provider_bedrock,
	    pp_provider_local;

/* Hand the answer over; the invocation is gone after it. */
void	pp_invocation_answer(struct pp_invocation *v,
	    struct pp_answer *answer);

/* An answer with nothing in it yet. */
void	pp_answer_init(struct pp_answer *a);

/* The header that tells a server which attempt of which run the call is. */
void	pp_call_put_id_header(const struct pp_invocation *v, char *out,
	    size_t size);

/*
 * What a whole reply that is no success means: by its status, and by the
 * error codes that its body names.
 */
enum pp_call_class pp_classify_error(int status, const struct pp_json *body);

/* Set up i->http. */
int	pp_invoker_http(struct pp_invoker *i, struct pp_error *err);

/* The call's schema: as a value of JSON, and as a string that holds it. */
void	pp_call_put_schema(struct pp_buf *b, const struct pp_call *c);
void	pp_call_put_schema_text(struct pp_buf *b, const struct pp_call *c);

/* ,"response_format":{..}, as chat completions have it. */
void	pp_call_put_response_format(struct pp_buf *b, const struct pp_call *c);

/* Whether the call has a schema that its model is told of in this way. */
bool	pp_call_is_structured(const struct pp_call *c,
	    enum pp_structured way);

/* A number that people wrote, as JSON has them: ".5" is 0.5. */
void	pp_call_put_decimal(struct pp_buf *b, const char *text);

/* Whether there is a system prompt to be sent as one. */
bool	pp_call_has_system(const struct pp_call *c);

/*
 * What the user says: the prompt, with the system prompt before it where the
 * model has none, and the schema behind it where nothing else tells of it.
 * Borrowed until the next call.
 */
const char *pp_call_user_text(struct pp_invoker *i, const struct pp_call *c,
	    size_t *len);

/* Append a text, or the texts of a list of parts. False: it is neither. */
bool	pp_answer_add_text(const struct pp_json *v, struct pp_buf *out);
bool	pp_answer_is_text(const struct pp_json *v);

/* One line of what went wrong; `detail` is a string of the reply or NULL. */
void	pp_answer_set_reason(struct pp_answer *a, const char *what,
	    const struct pp_json *detail);

/* Answered and billed, and of no use: PP_CALL_REFUSED. */
void	pp_answer_refuse(struct pp_answer *a, const char *what,
	    const struct pp_json *detail);

/*
 * Hold a text to the call's schema: PP_CALL_MALFORMED when it does not fit,
 * PP_CALL_REFUSED when that is because it was cut at max_tokens.
 * What stands around the JSON, such as a fence of Markdown, is taken off.
 */
void	pp_answer_hold_to(struct pp_answer *a, struct pp_invocation *v);

/* The words of all servers for why an answer ended. */
enum pp_finish pp_finish_read(const struct pp_json *v);

/* It cannot be read and may have been billed: PP_CALL_AMBIGUOUS. */
void	pp_answer_doubt(struct pp_answer *a, const char *what);

/* End what the local provider has under way; before the invoker goes. */
void	pp_provider_local_stop(struct pp_invoker *i);

#endif
