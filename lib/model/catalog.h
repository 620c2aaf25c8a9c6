/*
 * The models and what they cost: models.yaml, a user's file over it entry by
 * entry, environment variables over both. A catalog is immutable once loaded.
 */
#ifndef PP_MODEL_CATALOG_H
#define PP_MODEL_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/money.h"

enum pp_provider {
	PP_PROVIDER_OPENAI,	/* any server with chat completions */
	PP_PROVIDER_BEDROCK,	/* Amazon Bedrock */
	PP_PROVIDER_LOCAL,	/* in this process, free */
	PP_NPROVIDERS
};

/* How a model is told of the schema that its answer is held to. */
enum pp_structured {
	PP_STRUCTURED_PROMPT, /* in words, at the end of the prompt */
	PP_STRUCTURED_SCHEMA, /* json_schema: the server keeps to it */
	PP_STRUCTURED_TOOL,   /* bedrock: a tool that it has to call */
	PP_NSTRUCTURED
};

#define PP_PRICE_UNKNOWN (-1)

/*
 * Nano-dollars per million tokens. Each may be PP_PRICE_UNKNOWN: not in the
 * table. Tokens of a cache then cost what input does.
 */
struct pp_price {
	int64_t input, output;
	int64_t cache_read, cache_write;
	/*
	 * Prompts of more than long_above tokens, cached ones counted, cost
	 * the long_ prices, all of their tokens; 0: no such tier.
	 */
	int64_t long_above;
	int64_t long_input, long_output;
	int64_t long_cache_read, long_cache_write;
};

struct pp_model {
	char *name;			/* "llama-3.1-8b" */
	char *label;			/* "Llama 3.1 8B Instruct"; "" */
	enum pp_provider provider;
	char *id;			/* the provider's */
	char *url;			/* openai: up to and with /v1; or NULL */
	char *key_env;			/* variable that holds the key; or NULL */
	bool invoke_model;		/* bedrock: not Converse, InvokeModel */
	char *guardrail;		/* bedrock: "ID:VERSION"; or NULL */
	int tier;			/* 1 cheap 2 balanced 3 premium, 0 none */
	struct pp_price price;
	char *price_source, *price_date;	/* "" when unknown */
	char *status;			/* "active", "legacy", "end-of-life" */
	int64_t context_tokens;		/* 0: unknown */
	int64_t rpm, tpm;		/* 0: no limit known */
	int64_t bytes_per_token_x100;	/* fewest bytes a token can stand for,
					 * in hundredths; 100 is safe for all */
	bool no_temperature;		/* rejects temperature and top_p */
	bool no_system;			/* has no system prompt */
	bool completion_tokens;		/* wants max_completion_tokens, not
					 * max_tokens */
	bool send_seed;			/* takes a seed */
	enum pp_structured structured;
	bool cache_point;		/* bedrock: caches prompts when asked */
	bool plain_http;		/* url may be http:// off loopback */
	int64_t connect_timeout_ms;	/* 0: the default, here and below */
	int64_t first_byte_timeout_ms;	/* from the request to the reply */
	int64_t idle_timeout_ms;	/* without a byte, once it has begun */
	int64_t total_timeout_ms;	/* of a call */
	int64_t burndown;		/* tokens of a limit that one token of
					 * output takes; 0: one */
};

struct pp_catalog;

/* "cheap" for 1, "balanced", "premium"; "none" for 0. */
const char *pp_tier_name(int tier);

/* The same names, "tier-1" ..., "1" ...; 0, or -1. */
int	pp_tier_parse(const char *name, int *tier);

/*
 * Read the installed models.yaml (PP_DATADIR, or $PP_SHARE/models.yaml), then
 * $PP_MODELS or $XDG_CONFIG_HOME/plot-palette/models.yaml if it is there, then
 * PP_MODEL_1_NAME ... PP_MODEL_20_NAME and their kin. Returns owned, or NULL
 * with PP_ECONFIG and file:line.
 */
struct pp_catalog *pp_catalog_load(struct pp_error *err);
void	pp_catalog_free(struct pp_catalog *c);

/*
 * By name, by alias, or by the provider's id; NULL when there is none.
 * Borrowed.
 */
const struct pp_model *pp_catalog_find(const struct pp_catalog *c,
	    const char *name);

/* Model i in order of the table, NULL after the last. */
const struct pp_model *pp_catalog_at(const struct pp_catalog *c, size_t i);

/* The name closest to `name`, for "did you mean", or NULL. */
const char *pp_catalog_suggest(const struct pp_catalog *c, const char *name);

/*
 * Whether this machine could call it now: the provider is built in, the URL is
 * there and allowed, the key's variable is set. If not, `why` (may be NULL)
 * says so.
 */
bool	pp_model_is_configured(const struct pp_model *m, struct pp_error *why);

/* Both the input and the output price are known (0 counts as known). */
bool	pp_model_is_priced(const struct pp_model *m);
bool	pp_model_is_free(const struct pp_model *m);

const char *pp_provider_name(enum pp_provider p);
int	pp_provider_parse(const char *name, enum pp_provider *out);

/*
 * Choose a step's model. First of these that is set counts: `override` (the
 * job's --model), `model` (a name or a tier's), `tier` ("cheap", "balanced",
 * "premium", "tier-1" ...), `kind` ("question", "answer", "summary",
 * "cleanup": tiers 1, 3, 1, 1); else tier 1. A tier is its first member, in
 * order of preference, that is priced and configured; a model that is named
 * need be neither, since it may be wanted for its price alone. Any may be NULL.
 * Returns borrowed, or NULL with PP_ECONFIG or PP_ENOENT, naming what was
 * tried; never falls back to another tier.
 */
const struct pp_model *pp_route(const struct pp_catalog *c,
	    const char *override, const char *model, const char *tier,
	    const char *kind, struct pp_error *err);

/*
 * As pp_route(), for what calls would cost: a tier of which no member can be
 * called from here is its first member that has a price and is still offered.
 */
const struct pp_model *pp_route_price(const struct pp_catalog *c,
	    const char *override, const char *model, const char *tier,
	    const char *kind, struct pp_error *err);

/* The models of a job are pinned in its config: a model as JSON, and back. */
void	pp_model_put_json(struct pp_buf *out, const struct pp_model *m);
struct pp_json;
int	pp_model_from_json(const struct pp_json *v, struct pp_model *out,
	    struct pp_error *err);
void	pp_model_release(struct pp_model *m);

/* What a server says it used; input excludes what was read from a cache. */
struct pp_usage {
	int64_t tokens_in, tokens_out;
	int64_t cache_read, cache_write;
};

/*
 * The exact price of a call: ceil(sum of tokens x price / 10^6). What has no
 * price counts as nothing here and below: who keeps a budget refuses such a
 * model beforehand.
 */
int64_t	pp_price_call(const struct pp_price *p, const struct pp_usage *u);

/* Tokens that a server's chat template may add to what it was sent. */
#define PP_CHAT_OVERHEAD_TOKENS 128

/*
 * The most that a call can cost: `prompt_bytes` of text as tokens at the
 * model's bytes per token plus the chat overhead, each at the dearest of the
 * input prices, and all of `max_tokens`.
 */
int64_t	pp_price_bound(const struct pp_model *m, size_t prompt_bytes,
	    int64_t max_tokens);

/*
 * Prices of compute and store (share/prices.yaml, $PP_PRICES over it).
 */
struct pp_infra_prices {
	int64_t vcpu_hour_nusd, gb_hour_nusd;		/* Fargate Spot */
	int64_t vcpu_hour_demand_nusd, gb_hour_demand_nusd;
	int64_t arm_vcpu_hour_nusd, arm_gb_hour_nusd;
	int64_t arm_vcpu_hour_demand_nusd, arm_gb_hour_demand_nusd;
	int64_t ipv4_hour_nusd;				/* a public address */
	int64_t s3_put_nusd, s3_get_nusd;		/* a request */
	int64_t s3_gb_month_nusd;
	int64_t glacier_ir_gb_month_nusd;
	int64_t glacier_ir_move_nusd;			/* an object */
	int64_t dynamodb_write_nusd, dynamodb_read_nusd; /* a unit */
	int64_t dynamodb_gb_month_nusd, dynamodb_pitr_nusd; /* a GB, month */
	int64_t log_gb_nusd;				/* taken in */
	int64_t alarm_month_nusd;
	int64_t ecr_gb_month_nusd;
	int64_t endpoint_hour_nusd;			/* in one zone */
	char date[16];
};

/* A task on Fargate: 1024 units are a vCPU. */
struct pp_infra_task {
	bool arm, on_demand;		/* else x86, Spot */
	int64_t cpu_units, memory_mib;
};

/* What an hour of it costs, rounded up. */
int64_t	pp_infra_hour_nusd(const struct pp_infra_prices *p,
	    const struct pp_infra_task *t);

int	pp_infra_prices_load(struct pp_infra_prices *out, struct pp_error *err);

#endif
