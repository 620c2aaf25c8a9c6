/*
 * InvokeModel: the bodies that each vendor's models on Bedrock take and give,
 * for models that Converse does not take.
 */
#ifndef PP_MODEL_BEDROCK_H
#define PP_MODEL_BEDROCK_H

#include "model/invoke_int.h"

struct pp_bedrock_format;

/*
 * By the vendor's part of the model's id ("us.anthropic.claude-..."). NULL
 * with PP_ECONFIG: none is known.
 */
const struct pp_bedrock_format *pp_bedrock_format(const struct pp_model *m,
	    struct pp_error *err);

/*
 * Whether it has a place for what the call asks: PP_ECONFIG when the model's
 * `structured` is a way that this vendor's bodies do not have.
 */
int pp_bedrock_check(const struct pp_bedrock_format *f, const struct pp_call *c,
    struct pp_error *err);

/*
 * Whether an inference profile, "us.meta...", can be called from a region:
 * models and ARNs can as far as their names tell. PP_ECONFIG.
 */
int	pp_bedrock_check_region(const struct pp_model *m, const char *region,
	    struct pp_error *err);

/* Whether the call's system prompt is to be cached. */
bool pp_bedrock_caches(const struct pp_call *c);

/* The request's body, from the first byte. */
void	pp_bedrock_put(const struct pp_bedrock_format *f,
	    struct pp_invocation *v);

/* A success's body: text, finish, and usage where the body has it. */
void	pp_bedrock_read(const struct pp_bedrock_format *f,
	    struct pp_invoker *i, const struct pp_json *root,
	    struct pp_answer *a);

/* Converse and Nova: what stands in `output`, stopReason and usage. */
void	pp_bedrock_read_converse(struct pp_invoker *i,
	    const struct pp_json *root, struct pp_answer *a);

/* ,"temperature":..,"topP":.. under the names that a format has for them. */
void	pp_bedrock_put_sampling(struct pp_buf *b, const struct pp_call *c,
	    const char *temperature, const char *top_p);

/* ,"name":["stop",...] when there are any. */
void	pp_bedrock_put_stop(struct pp_buf *b, const struct pp_call *c,
	    const char *name);

#endif
