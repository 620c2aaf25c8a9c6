/*
 * A model's entry: its fields by name, as JSON and back, and whether it can be
 * called from here.
 */
#include <config.h>

#include "model/model_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "aws/aws.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/bedrock.h"
#include "net/http.h"

enum kind {
	TEXT, /* char *, never NULL */
	TEXT_OR_NULL,
	VARIABLE, /* the name of an environment variable, or NULL */
	USD,	  /* int64_t of nano-dollars, or PP_PRICE_UNKNOWN */
	COUNT,	  /* int64_t, from 0 on */
	PERCENT,  /* int64_t, from 1 on */
	YES,	  /* bool */
	NO,	  /* bool that is stored the other way round */
	TIER,
	PROVIDER,
	STRUCTURED,
	STATUS,
	MILLISECONDS /* int64_t, written as a duration */
};

struct field {
	const char *name;
	size_t offset;
	enum kind kind;
	bool is_price;
};

#define AT(member) offsetof(struct pp_model, member)

static const struct field fields[] = {
	{ "label", AT(label), TEXT, false },
	{ "provider", AT(provider), PROVIDER, false },
	{ "id", AT(id), TEXT, false },
	{ "url", AT(url), TEXT_OR_NULL, false },
	{ "key_env", AT(key_env), VARIABLE, false },
	{ "invoke_model", AT(invoke_model), YES, false },
	{ "guardrail", AT(guardrail), TEXT_OR_NULL, false },
	{ "tier", AT(tier), TIER, false },
	{ "input", AT(price.input), USD, true },
	{ "output", AT(price.output), USD, true },
	{ "cache_read", AT(price.cache_read), USD, true },
	{ "cache_write", AT(price.cache_write), USD, true },
	{ "long_above", AT(price.long_above), COUNT, true },
	{ "long_input", AT(price.long_input), USD, true },
	{ "long_output", AT(price.long_output), USD, true },
	{ "long_cache_read", AT(price.long_cache_read), USD, true },
	{ "long_cache_write", AT(price.long_cache_write), USD, true },
	{ "source", AT(price_source), TEXT, false },
	{ "date", AT(price_date), TEXT, false },
	{ "status", AT(status), STATUS, false },
	{ "context", AT(context_tokens), COUNT, false },
	{ "rpm", AT(rpm), COUNT, false },
	{ "tpm", AT(tpm), COUNT, false },
	{ "bytes_per_100_tokens", AT(bytes_per_token_x100), PERCENT, false },
	{ "temperature", AT(no_temperature), NO, false },
	{ "system", AT(no_system), NO, false },
	{ "max_completion_tokens", AT(completion_tokens), YES, false },
	{ "seed", AT(send_seed), YES, false },
	{ "structured", AT(structured), STRUCTURED, false },
	{ "cache_point", AT(cache_point), YES, false },
	{ "plain_http", AT(plain_http), YES, false },
	{ "connect_timeout", AT(connect_timeout_ms), MILLISECONDS, false },
	{ "first_byte_timeout", AT(first_byte_timeout_ms), MILLISECONDS,
	    false },
	{ "idle_timeout", AT(idle_timeout_ms), MILLISECONDS, false },
	{ "timeout", AT(total_timeout_ms), MILLISECONDS, false },
	{ "burndown", AT(burndown), COUNT, false },
};

#define NFIELDS (sizeof fields / sizeof fields[0])

static const char *const provider_names[PP_NPROVIDERS] = {
	[PP_PROVIDER_OPENAI] = "openai",
	[PP_PROVIDER_BEDROCK] = "bedrock",
	[PP_PROVIDER_LOCAL] = "local",
};

static const char *const structured_names[PP_NSTRUCTURED] = {
	[PP_STRUCTURED_PROMPT] = "prompt",
	[PP_STRUCTURED_SCHEMA] = "schema",
	[PP_STRUCTURED_TOOL] = "tool",
};

const char *
pp_provider_name(enum pp_provider p)
{
	return provider_names[p];
}

int
pp_provider_parse(const char *name, enum pp_provider *out)
{
	for (int i = 0; i < PP_NPROVIDERS; i++) {
		if (strcmp(provider_names[i], name) == 0) {
			*out = (enum pp_provider)i;
			return 0;
		}
	}
	return -1;
}

static int
set_structured(enum pp_structured *out, const char *name, struct pp_error *err)
{
	for (int i = 0; i < PP_NSTRUCTURED; i++) {
		if (strcmp(structured_names[i], name) == 0) {
			*out = (enum pp_structured)i;
			return 0;
		}
	}
	return pp_error_set(err, PP_EUSAGE,
	    "must be prompt, schema or tool, not '%s'", name);
}

/* ---- fields ---- */

static const struct field *
find_field(const char *name)
{
	for (size_t i = 0; i < NFIELDS; i++) {
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	}
	return NULL;
}

bool
pp_model_field_is_price(const char *name)
{
	const struct field *f = find_field(name);

	return f != NULL && f->is_price;
}

static void *
place(const struct pp_model *m, const struct field *f)
{
	return (char *)(uintptr_t)m + f->offset;
}

static void
replace(char **place_of, const char *value)
{
	char *copy = pp_strdup(value);

	free(*place_of);
	*place_of = copy;
}

static void
set_default(struct pp_model *m, const struct field *f)
{
	void *p = place(m, f);

	switch (f->kind) {
	case TEXT: replace(p, ""); break;
	case TEXT_OR_NULL:
	case VARIABLE: replace(p, NULL); break;
	case USD: *(int64_t *)p = PP_PRICE_UNKNOWN; break;
	case PERCENT: *(int64_t *)p = 100; break;
	case COUNT:
	case MILLISECONDS: *(int64_t *)p = 0; break;
	case YES:
	case NO: *(bool *)p = false; break;
	case TIER: *(int *)p = 0; break;
	case PROVIDER: *(enum pp_provider *)p = PP_PROVIDER_OPENAI; break;
	case STRUCTURED: *(enum pp_structured *)p = PP_STRUCTURED_PROMPT; break;
	case STATUS: replace(p, "active"); break;
	}
}

/*
 * It may be that the key itself stands where its variable's name should, so
 * the value is not shown.
 */
static int
set_variable(char **p, const char *value, struct pp_error *err)
{
	bool ok = isalpha((unsigned char)value[0]) || value[0] == '_';

	for (const char *c = value; *c != '\0'; c++)
		ok = ok && (isalnum((unsigned char)*c) || *c == '_');
	if (!ok)
		return pp_error_set(err, PP_EUSAGE,
		    "must be the name of the "
		    "environment variable that holds the key");
	replace(p, value);
	return 0;
}

static int
set_bool(bool *p, const char *value, bool inverse, struct pp_error *err)
{
	bool yes = strcmp(value, "true") == 0 || strcmp(value, "yes") == 0;

	if (!yes && strcmp(value, "false") != 0 && strcmp(value, "no") != 0)
		return pp_error_set(err, PP_EUSAGE,
		    "must be true or false, not '%s'", value);
	*p = yes != inverse;
	return 0;
}

static int
set_status(char **p, const char *value, struct pp_error *err)
{
	static const char *const known[] = { "active", "legacy",
		"end-of-life" };

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strcmp(known[i], value) == 0) {
			replace(p, value);
			return 0;
		}
	}
	return pp_error_set(err, PP_EUSAGE,
	    "must be active, legacy or end-of-life, not '%s'", value);
}

static int
set_value(struct pp_model *m, const struct field *f, const char *value,
    struct pp_error *err)
{
	void *p = place(m, f);

	switch (f->kind) {
	case TEXT:
	case TEXT_OR_NULL: replace(p, value); return 0;
	case VARIABLE: return set_variable(p, value, err);
	case USD: return pp_money_parse(value, "it", p, err);
	case COUNT: return pp_parse_int(value, "it", 0, INT64_MAX, p, err);
	case PERCENT: return pp_parse_int(value, "it", 1, 10000, p, err);
	case YES: return set_bool(p, value, false, err);
	case NO: return set_bool(p, value, true, err);
	case STRUCTURED: return set_structured(p, value, err);
	case STATUS: return set_status(p, value, err);
	case MILLISECONDS: return pp_parse_duration_ms(value, "it", p, err);
	case TIER:
		if (pp_tier_parse(value, p) == 0)
			return 0;
		return pp_error_set(err, PP_EUSAGE,
		    "must be cheap, balanced, "
		    "premium or none, not '%s'",
		    value);
	case PROVIDER:
		if (pp_provider_parse(value, p) == 0)
			return 0;
		return pp_error_set(err, PP_EUSAGE,
		    "must be openai, bedrock or local, not '%s'", value);
	}
	return -1;
}

int
pp_model_set(struct pp_model *m, const char *field, const char *value,
    struct pp_error *err)
{
	const struct field *f = find_field(field);

	if (f == NULL)
		return pp_error_set(err, PP_EUSAGE, "a model has no field '%s'",
		    field);
	if (value == NULL) {
		set_default(m, f);
		return 0;
	}
	if (set_value(m, f, value, err) < 0)
		return pp_error_wrap(err, "%s", field);
	return 0;
}

void
pp_model_init(struct pp_model *m, const char *name)
{
	memset(m, 0, sizeof *m);
	m->name = pp_strdup(name);
	for (size_t i = 0; i < NFIELDS; i++)
		set_default(m, &fields[i]);
}

void
pp_model_release(struct pp_model *m)
{
	free(m->name);
	m->name = NULL;
	for (size_t i = 0; i < NFIELDS; i++) {
		char **p = place(m, &fields[i]);

		switch (fields[i].kind) {
		case TEXT:
		case TEXT_OR_NULL:
		case VARIABLE:
		case STATUS:
			free(*p);
			*p = NULL;
			break;
		default: break;
		}
	}
}

/* ---- JSON ---- */

static void
put_value(struct pp_buf *out, const struct pp_model *m, const struct field *f)
{
	char money[PP_MONEY_TEXT_BYTES];
	const void *p = place(m, f);

	switch (f->kind) {
	case TEXT:
	case TEXT_OR_NULL:
	case VARIABLE:
	case STATUS: pp_json_put_cstr(out, *(char *const *)p); break;
	case USD:
		if (*(const int64_t *)p == PP_PRICE_UNKNOWN)
			pp_buf_adds(out, "null");
		else
			pp_json_put_cstr(out,
			    pp_money_format(*(const int64_t *)p, money));
		break;
	case COUNT:
	case PERCENT: pp_json_put_int(out, *(const int64_t *)p); break;
	case MILLISECONDS:
		pp_buf_addf(out, "\"%lldms\"", (long long)*(const int64_t *)p);
		break;
	case YES:
	case NO:
		pp_buf_adds(out,
		    *(const bool *)p == (f->kind == YES) ? "true" : "false");
		break;
	case TIER: pp_json_put_cstr(out, pp_tier_name(*(const int *)p)); break;
	case STRUCTURED:
		pp_json_put_cstr(out,
		    structured_names[*(const enum pp_structured *)p]);
		break;
	case PROVIDER:
		pp_json_put_cstr(out,
		    pp_provider_name(*(const enum pp_provider *)p));
		break;
	}
}

void
pp_model_put_json(struct pp_buf *out, const struct pp_model *m)
{
	pp_buf_adds(out, "{");
	pp_json_put_key(out, "name");
	pp_json_put_cstr(out, m->name);
	for (size_t i = 0; i < NFIELDS; i++) {
		pp_json_put_key(out, fields[i].name);
		put_value(out, m, &fields[i]);
	}
	pp_buf_adds(out, "}");
}

static int
set_from_json(struct pp_model *m, const char *field, const struct pp_json *v,
    struct pp_error *err)
{
	char *text;
	int rc;

	if (v->type == PP_JSON_NULL)
		return pp_model_set(m, field, NULL, err);
	if (v->type == PP_JSON_ARRAY || v->type == PP_JSON_OBJECT)
		return pp_error_set(err, PP_EDATA,
		    "%s must be a string, a number or a flag", field);
	text = v->type == PP_JSON_STRING ? pp_json_strdup(v) :
					   pp_strndup(v->text, v->len);
	rc = pp_model_set(m, field, text, err);
	free(text);
	return rc;
}

int
pp_model_from_json(const struct pp_json *v, struct pp_model *out,
    struct pp_error *err)
{
	const struct pp_json *member = pp_json_get(v, "name");

	if (member == NULL || member->type != PP_JSON_STRING)
		return pp_error_set(err, PP_EDATA, "a model has no name");
	pp_model_init(out, NULL);
	out->name = pp_json_strdup(member);
	for (size_t i = 0; i < NFIELDS; i++) {
		member = pp_json_get(v, fields[i].name);
		if (member == NULL ||
		    set_from_json(out, fields[i].name, member, err) == 0)
			continue;
		if (err != NULL)
			err->code = PP_EDATA;
		pp_error_wrap(err, "model '%s'", out->name);
		pp_model_release(out);
		return -1;
	}
	return 0;
}

/* ---- what it is good for ---- */

bool
pp_model_is_priced(const struct pp_model *m)
{
	return m->price.input >= 0 && m->price.output >= 0;
}

bool
pp_model_is_free(const struct pp_model *m)
{
	return m->price.input == 0 && m->price.output == 0 &&
	    m->price.cache_read <= 0 && m->price.cache_write <= 0 &&
	    m->price.long_input <= 0 && m->price.long_output <= 0 &&
	    m->price.long_cache_read <= 0 && m->price.long_cache_write <= 0;
}

static int
check_openai(const struct pp_model *m, struct pp_error *why)
{
	const char *key;

	if (m->structured == PP_STRUCTURED_TOOL)
		return pp_error_set(why, PP_ECONFIG,
		    "model '%s': structured: tool is for bedrock", m->name);
	if (m->url == NULL || m->url[0] == '\0')
		return pp_error_set(why, PP_ECONFIG, "model '%s' has no url",
		    m->name);
	if (pp_http_check_url(m->url, m->plain_http, why) < 0)
		return pp_error_wrap(why, "model '%s'", m->name);
	if (m->key_env == NULL)
		return 0;
	key = getenv(m->key_env);
	if (key == NULL || key[0] == '\0')
		return pp_error_set(why, PP_ECONFIG,
		    "%s, which holds the key "
		    "for model '%s', is not set",
		    m->key_env, m->name);
	for (; *key != '\0'; key++) {
		if (!isgraph((unsigned char)*key))
			return pp_error_set(why, PP_ECONFIG,
			    "%s holds "
			    "characters that no key has",
			    m->key_env);
	}
	return 0;
}

static int
check_bedrock(const struct pp_model *m, struct pp_error *why)
{
	struct pp_buf region = PP_BUF_INIT;
	int rc;

	if (m->guardrail != NULL && strchr(m->guardrail, ':') == NULL)
		return pp_error_set(why, PP_ECONFIG,
		    "model '%s': guardrail must be ID:VERSION", m->name);
	if (pp_aws_is_configured(PP_AWS_BEDROCK_RUNTIME, &region, why) < 0)
		rc = pp_error_wrap(why, "model '%s'", m->name);
	else
		rc = pp_bedrock_check_region(m, region.data, why);
	pp_buf_release(&region);
	return rc;
}

bool
pp_model_is_configured(const struct pp_model *m, struct pp_error *why)
{
	if (strcmp(m->status, "end-of-life") == 0) {
		pp_error_set(why, PP_ECONFIG, "model '%s' is no longer offered",
		    m->name);
		return false;
	}
	switch (m->provider) {
	case PP_PROVIDER_LOCAL: return true;
	case PP_PROVIDER_BEDROCK: return check_bedrock(m, why) == 0;
	default: return check_openai(m, why) == 0;
	}
}
