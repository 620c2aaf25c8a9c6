/* The price of a call, exact and at most, and of compute and store. */
#include <config.h>

#include "model/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/yaml.h"

#define MAX_FILE_BYTES ((size_t)1 << 20)

static int64_t
known_or(int64_t price, int64_t otherwise)
{
	return price >= 0 ? price : otherwise;
}

static int64_t
max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The prices that hold for a prompt of this many tokens. */
struct rates {
	int64_t input, output, cache_read, cache_write;
};

static struct rates
rates_for(const struct pp_price *p, int64_t prompt_tokens)
{
	struct rates r;
	bool is_long = p->long_above > 0 && prompt_tokens > p->long_above;

	r.input = known_or(p->input, 0);
	r.output = known_or(p->output, 0);
	if (is_long) {
		r.input = known_or(p->long_input, r.input);
		r.output = known_or(p->long_output, r.output);
	}
	r.cache_read = known_or(is_long ? p->long_cache_read : p->cache_read,
	    r.input);
	r.cache_write = known_or(is_long ? p->long_cache_write : p->cache_write,
	    r.input);
	return r;
}

int64_t
pp_price_call(const struct pp_price *p, const struct pp_usage *u)
{
	struct rates r = rates_for(p,
	    pp_money_add(u->tokens_in,
		pp_money_add(u->cache_read, u->cache_write)));
	struct pp_token_price parts[] = {
		{ u->tokens_in, r.input },
		{ u->tokens_out, r.output },
		{ u->cache_read, r.cache_read },
		{ u->cache_write, r.cache_write },
	};

	return pp_money_tokens(parts, sizeof parts / sizeof parts[0]);
}

/* Fewer tokens than this bound may still be a short prompt: both count. */
int64_t
pp_price_bound(const struct pp_model *m, size_t prompt_bytes,
    int64_t max_tokens)
{
	int64_t hundredths = pp_money_mul((int64_t)prompt_bytes, 100);
	int64_t tokens = hundredths / m->bytes_per_token_x100 +
	    (hundredths % m->bytes_per_token_x100 != 0) +
	    PP_CHAT_OVERHEAD_TOKENS;
	struct rates shorter = rates_for(&m->price, 0);
	struct rates r = rates_for(&m->price, tokens);
	struct pp_token_price parts[2];

	r.input = max64(r.input, shorter.input);
	r.cache_write = max64(r.cache_write, shorter.cache_write);
	r.cache_read = max64(r.cache_read, shorter.cache_read);
	r.output = max64(r.output, shorter.output);
	parts[0] = (struct pp_token_price){ tokens,
		max64(r.input, max64(r.cache_write, r.cache_read)) };
	parts[1] = (struct pp_token_price){ max_tokens, r.output };
	return pp_money_tokens(parts, 2);
}

/* ---- compute and store ---- */

static const struct {
	const char *name;
	size_t offset;
} items[] = {
	{ "fargate_spot_vcpu_hour",
	    offsetof(struct pp_infra_prices, vcpu_hour_nusd) },
	{ "fargate_spot_gb_hour",
	    offsetof(struct pp_infra_prices, gb_hour_nusd) },
	{ "fargate_vcpu_hour",
	    offsetof(struct pp_infra_prices, vcpu_hour_demand_nusd) },
	{ "fargate_gb_hour",
	    offsetof(struct pp_infra_prices, gb_hour_demand_nusd) },
	{ "s3_put", offsetof(struct pp_infra_prices, s3_put_nusd) },
	{ "s3_get", offsetof(struct pp_infra_prices, s3_get_nusd) },
	{ "s3_gb_month", offsetof(struct pp_infra_prices, s3_gb_month_nusd) },
	{ "dynamodb_write",
	    offsetof(struct pp_infra_prices, dynamodb_write_nusd) },
	{ "dynamodb_read",
	    offsetof(struct pp_infra_prices, dynamodb_read_nusd) },
	{ "fargate_spot_arm_vcpu_hour",
	    offsetof(struct pp_infra_prices, arm_vcpu_hour_nusd) },
	{ "fargate_spot_arm_gb_hour",
	    offsetof(struct pp_infra_prices, arm_gb_hour_nusd) },
	{ "fargate_arm_vcpu_hour",
	    offsetof(struct pp_infra_prices, arm_vcpu_hour_demand_nusd) },
	{ "fargate_arm_gb_hour",
	    offsetof(struct pp_infra_prices, arm_gb_hour_demand_nusd) },
	{ "public_ipv4_hour",
	    offsetof(struct pp_infra_prices, ipv4_hour_nusd) },
	{ "glacier_ir_gb_month",
	    offsetof(struct pp_infra_prices, glacier_ir_gb_month_nusd) },
	{ "glacier_ir_transition",
	    offsetof(struct pp_infra_prices, glacier_ir_move_nusd) },
	{ "dynamodb_gb_month",
	    offsetof(struct pp_infra_prices, dynamodb_gb_month_nusd) },
	{ "dynamodb_pitr_gb_month",
	    offsetof(struct pp_infra_prices, dynamodb_pitr_nusd) },
	{ "logs_gb", offsetof(struct pp_infra_prices, log_gb_nusd) },
	{ "alarm_month", offsetof(struct pp_infra_prices, alarm_month_nusd) },
	{ "ecr_gb_month", offsetof(struct pp_infra_prices, ecr_gb_month_nusd) },
	{ "interface_endpoint_hour",
	    offsetof(struct pp_infra_prices, endpoint_hour_nusd) },
};

#define NITEMS (sizeof items / sizeof items[0])

/*
 * { usd: 0.005, per: 1000 }: what one of them costs, rounded up. `err` comes
 * without the place.
 */
static int
read_item(const struct pp_yaml *v, int64_t *nusd, struct pp_error *err)
{
	const struct pp_yaml *usd = pp_yaml_get(v, "usd");
	const struct pp_yaml *per = pp_yaml_get(v, "per");
	int64_t n = 1;

	if (usd == NULL || usd->type != PP_YAML_SCALAR)
		return pp_error_set(err, PP_ECONFIG, "usd is missing");
	if (pp_money_parse(usd->text, "usd", nusd, err) < 0)
		return -1;
	if (per != NULL && per->type == PP_YAML_SCALAR &&
	    pp_parse_int(per->text, "per", 1, INT64_C(1000000000), &n, err) < 0)
		return -1;
	*nusd = *nusd / n + (*nusd % n != 0);
	return 0;
}

static int
read_items(const struct pp_yaml *root, const char *path,
    struct pp_infra_prices *out, struct pp_error *err)
{
	const struct pp_yaml *prices = pp_yaml_get(root, "prices");
	const struct pp_yaml *date = pp_yaml_get(root, "date");

	if (prices == NULL || prices->type != PP_YAML_MAPPING)
		return pp_error_set(err, PP_ECONFIG, "%s: prices is missing",
		    path);
	if (date != NULL && date->type == PP_YAML_SCALAR &&
	    date->len < sizeof out->date)
		memcpy(out->date, date->text, date->len + 1);
	for (size_t i = 0; i < prices->count; i++) {
		size_t k = 0;

		while (k < NITEMS &&
		    strcmp(items[k].name, prices->keys[i]->text) != 0)
			k++;
		if (k == NITEMS)
			return pp_error_set(err, PP_ECONFIG,
			    "%s:%d: '%s' is no known price", path,
			    prices->keys[i]->line, prices->keys[i]->text);
		if (read_item(prices->values[i],
			(int64_t *)(void *)((char *)out + items[k].offset),
			err) < 0) {
			if (err != NULL)
				err->code = PP_ECONFIG;
			return pp_error_wrap(err, "%s:%d", path,
			    prices->keys[i]->line);
		}
	}
	return 0;
}

static int
read_prices(const char *path, struct pp_infra_prices *out, struct pp_error *err)
{
	struct pp_buf text = PP_BUF_INIT_MAX(MAX_FILE_BYTES);
	struct pp_arena arena = PP_ARENA_INIT;
	const struct pp_yaml *root;
	int rc = -1;

	if (pp_io_read_file(path, &text, err) == 0 &&
	    (root = pp_yaml_parse(&arena, text.data, text.len, path, err)) !=
		NULL)
		rc = read_items(root, path, out, err);
	if (rc < 0 && err != NULL)
		err->code = PP_ECONFIG;
	pp_arena_release(&arena);
	pp_buf_release(&text);
	return rc;
}

int
pp_infra_prices_load(struct pp_infra_prices *out, struct pp_error *err)
{
	const char *share = getenv("PP_SHARE"), *user = getenv("PP_PRICES");
	char *path = pp_asprintf("%s/prices.yaml",
	    share != NULL && share[0] != '\0' ? share : PP_DATADIR);
	int rc;

	memset(out, 0, sizeof *out);
	rc = read_prices(path, out, err);
	if (rc == 0 && user != NULL && user[0] != '\0')
		rc = read_prices(user, out, err);
	free(path);
	return rc;
}

int64_t
pp_infra_hour_nusd(const struct pp_infra_prices *p,
    const struct pp_infra_task *t)
{
	const struct {
		int64_t vcpu, gb;
	} hours[2][2] = { /* of x86 and ARM: Spot, on demand */
		{ { p->vcpu_hour_nusd, p->gb_hour_nusd },
		    { p->vcpu_hour_demand_nusd, p->gb_hour_demand_nusd } },
		{ { p->arm_vcpu_hour_nusd, p->arm_gb_hour_nusd },
		    { p->arm_vcpu_hour_demand_nusd,
			p->arm_gb_hour_demand_nusd } }
	};
	int64_t sum = pp_money_add(pp_money_mul(hours[t->arm][t->on_demand]
						    .vcpu,
				       t->cpu_units),
	    pp_money_mul(hours[t->arm][t->on_demand].gb, t->memory_mib));

	return sum / 1024 + (sum % 1024 != 0);
}
