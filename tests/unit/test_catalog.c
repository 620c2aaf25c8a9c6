/* The table of models: files over each other, the environment over both. */
#include <config.h>

#include "test.h"

#include "base/buf.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/model_int.h"

static const char *env_vars[16]; /* name, value, ... */

static const char *
fake_env(const char *name)
{
	for (size_t i = 0; env_vars[i] != NULL; i += 2) {
		if (strcmp(env_vars[i], name) == 0)
			return env_vars[i + 1];
	}
	return NULL;
}

static const char installed[] =
    "sources:\n"
    "  list: a price list\n"
    "tiers:\n"
    "  cheap: [small, other]\n"
    "  premium: [large]\n"
    "models:\n"
    "  small:\n"
    "    label: Small One\n"
    "    provider: bedrock\n"
    "    id: vendor.small-v1:0\n"
    "    aliases: [tiny, vendor.small]\n"
    "    input: 0.22\n"
    "    output: 0.000000001\n"
    "    context: 128000\n"
    "    temperature: false\n"
    "    source: list\n"
    "    date: 2026-08-21\n"
    "  other: {provider: openai, url: http://127.0.0.1:1/v1, input: 0,\n"
    "    output: 0}\n"
    "  large: {provider: openai, url: https://example.com/v1, system: no}\n";

static struct pp_catalog *
read_with(const char *user, struct pp_error *err)
{
	struct pp_catalog_source src = {
		.installed = installed,
		.installed_name = "models.yaml",
		.user = user,
		.user_name = "mine.yaml",
		.env = fake_env,
	};

	return pp_catalog_read(&src, err);
}

static struct pp_catalog *
must_read(const char *user)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_catalog *c = read_with(user, &err);

	if (c == NULL)
		fail_msg("%s", err.text);
	return c;
}

static int
no_env(void **state)
{
	(void)state;
	memset(env_vars, 0, sizeof env_vars);
	return 0;
}

static void
fields_come_out_of_the_file(void **state)
{
	struct pp_catalog *c = must_read(NULL);
	const struct pp_model *m = pp_catalog_find(c, "small");

	(void)state;
	assert_non_null(m);
	assert_string_equal(m->label, "Small One");
	assert_int_equal(m->provider, PP_PROVIDER_BEDROCK);
	assert_int_equal(m->tier, 1);
	assert_int_equal(m->price.input, 220000000);
	assert_int_equal(m->price.output, 1);
	assert_int_equal(m->price.cache_read, PP_PRICE_UNKNOWN);
	assert_string_equal(m->price_source, "a price list");
	assert_string_equal(m->price_date, "2026-08-21");
	assert_int_equal(m->context_tokens, 128000);
	assert_true(m->no_temperature);
	assert_false(m->no_system);
	assert_int_equal(m->bytes_per_token_x100, 100);
	m = pp_catalog_find(c, "large");
	assert_true(m->no_system);
	assert_string_equal(m->id, "large");
	assert_string_equal(m->status, "active");
	assert_false(pp_model_is_priced(m));
	assert_int_equal(m->tier, 3);
	assert_true(pp_model_is_free(pp_catalog_find(c, "other")));
	pp_catalog_free(c);
}

static void
a_model_is_found_by_name_alias_and_id(void **state)
{
	struct pp_catalog *c = must_read(NULL);
	const struct pp_model *m = pp_catalog_find(c, "small");

	(void)state;
	assert_ptr_equal(pp_catalog_find(c, "tiny"), m);
	assert_ptr_equal(pp_catalog_find(c, "vendor.small"), m);
	assert_ptr_equal(pp_catalog_find(c, "vendor.small-v1:0"), m);
	assert_null(pp_catalog_find(c, "vendor.small-v2:0"));
	assert_string_equal(pp_catalog_suggest(c, "smal"), "small");
	assert_string_equal(pp_catalog_suggest(c, "lrage"), "large");
	assert_null(pp_catalog_suggest(c, "something-else"));
	assert_ptr_equal(pp_catalog_at(c, 0), m);
	assert_null(pp_catalog_at(c, 3));
	pp_catalog_free(c);
}

static void
a_user_overrides_field_by_field(void **state)
{
	struct pp_catalog *c = must_read(
	    "models:\n"
	    "  small: {input: 5}\n"
	    "  other: {provider: local, url: ~, rpm: 10}\n"
	    "  mine: {url: http://localhost/v1, input: 0, output: 0,\n"
	    "    source: my own, date: 2026-01-01}\n");
	const struct pp_model *m = pp_catalog_find(c, "small");

	(void)state;
	assert_int_equal(m->price.input, INT64_C(5000000000));
	assert_int_equal(m->price.output, 1);
	assert_string_equal(m->price_source, "mine.yaml");
	assert_string_equal(m->price_date, "");
	assert_string_equal(m->id, "vendor.small-v1:0");
	m = pp_catalog_find(c, "other");
	assert_int_equal(m->provider, PP_PROVIDER_LOCAL);
	assert_null(m->url);
	assert_int_equal(m->rpm, 10);
	m = pp_catalog_find(c, "mine");
	assert_int_equal(m->provider, PP_PROVIDER_OPENAI);
	assert_string_equal(m->price_source, "my own");
	pp_catalog_free(c);
}

static void
a_variable_that_nobody_reads_is_refused(void **state)
{
	static const struct {
		const char *variable;
		bool fine;
	} rows[] = {
		{ "PP_MODEL_21_NAME=x", false },
		{ "PP_MODEL_0_NAME=x", false },
		{ "PP_MODEL_01_NAME=x", false },
		{ "PP_MODEL_4294967297_NAME=x", false },
		{ "PP_MODEL_1_PRICE=0.1", false },
		{ "PP_MODEL_1_=0.1", false },
		{ "PP_MODEL_21_NAME=", true },
		{ "PP_MODEL_20_NAME=x", true },
		{ "PP_MODEL_2_TPM=1000", true },
		{ "PP_MODEL_FOR_TESTS=x", true },
		{ "PP_MODELS=models.yaml", true },
		{ "MY_PP_MODEL_21_NAME=x", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *variable = pp_strdup(rows[i].variable);
		char *const environment[] = { variable, NULL };
		struct pp_catalog_source src = { .installed = installed,
			.installed_name = "models.yaml",
			.env = fake_env,
			.environment = environment };
		struct pp_error err = PP_ERROR_INIT;
		struct pp_catalog *c = pp_catalog_read(&src, &err);

		if ((c != NULL) != rows[i].fine)
			fail_msg("%s: %s", rows[i].variable, err.text);
		if (c == NULL) {
			assert_int_equal(err.code, PP_ECONFIG);
			*strchr(variable, '=') = '\0';
			assert_non_null(strstr(err.text, variable));
		}
		pp_catalog_free(c);
		free(variable);
	}
}

static void
the_environment_adds_and_overrides(void **state)
{
	static const char *const vars[] = {
		"PP_MODEL_1_NAME",
		"served",
		"PP_MODEL_1_URL",
		"http://127.0.0.1:8000/v1",
		"PP_MODEL_1_INPUT_USD",
		"0.10",
		"PP_MODEL_1_OUTPUT_USD",
		"0.40",
		"PP_MODEL_1_ID",
		"org/Served",
		"PP_MODEL_20_NAME",
		"small",
		"PP_MODEL_20_OUTPUT_USD",
		"",
	};
	struct pp_catalog *c;
	const struct pp_model *m;

	(void)state;
	memcpy(env_vars, vars, sizeof vars);
	c = must_read(NULL);
	m = pp_catalog_find(c, "served");
	assert_non_null(m);
	assert_int_equal(m->provider, PP_PROVIDER_OPENAI);
	assert_string_equal(m->id, "org/Served");
	assert_int_equal(m->price.output, 400000000);
	assert_string_equal(m->price_source, "PP_MODEL_1_OUTPUT_USD");
	m = pp_catalog_find(c, "small");
	assert_int_equal(m->price.output, 1);
	assert_string_equal(m->price_source, "a price list");
	pp_catalog_free(c);
}

static void
what_is_wrong_is_named_with_its_place(void **state)
{
	static const struct {
		const char *name, *user, *says;
	} rows[] = {
		{ "unknown field", "models:\n  a:\n    inptu: 1\n",
		    "mine.yaml:3: a model has no field 'inptu'" },
		{ "price that is no amount", "models:\n  a:\n    input: 1e3\n",
		    "mine.yaml:3: input: it must be an amount" },
		{ "negative price", "models:\n  a:\n    input: -1\n",
		    "mine.yaml:3: input: it must be" },
		{ "unknown provider", "models:\n  a: {provider: azure}\n",
		    "mine.yaml:2: provider: must be openai" },
		{ "unknown tier", "models:\n  a: {tier: gold}\n",
		    "mine.yaml:2: tier: must be cheap" },
		{ "no mapping", "- a\n", "mine.yaml:1: must be a mapping" },
		{ "unknown section", "modles: {}\n",
		    "mine.yaml:1: known here" },
		{ "a model that is a list", "models:\n  a: []\n",
		    "mine.yaml:2: a model must be a mapping" },
		{ "name of a tier", "models:\n  cheap: {}\n",
		    "mine.yaml:2: 'cheap' is the name of a tier" },
		{ "alias that is a tier", "models:\n  a: {aliases: [tier-1]}\n",
		    "mine.yaml:2: 'tier-1' is the name of a tier" },
		{ "name with a blank", "models:\n  'a b': {}\n",
		    "mine.yaml:2: 'a b' is no name" },
		{ "member that is no model", "tiers:\n  cheap:\n    - nobody\n",
		    "mine.yaml:3: a tier's member must be a model" },
		{ "tier that is none", "tiers:\n  gold: [small]\n",
		    "mine.yaml:2: the tiers are" },
		{ "broken YAML", "models: [\n", "mine.yaml:2" },
		{ "bad status", "models:\n  a: {status: dead}\n",
		    "mine.yaml:2: status: must be active" },
		{ "bad flag", "models:\n  a: {system: maybe}\n",
		    "mine.yaml:2: system: must be true or false" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct pp_catalog *c = read_with(rows[i].user, &err);

		if (c != NULL)
			fail_msg("%s: was read", rows[i].name);
		if (strncmp(err.text, rows[i].says, strlen(rows[i].says)) != 0)
			fail_msg("%s: %s", rows[i].name, err.text);
		if (err.code != PP_ECONFIG)
			fail_msg("%s: code %d", rows[i].name, (int)err.code);
	}
}

static void
an_environment_entry_without_a_name_is_refused(void **state)
{
	static const char *const vars[] = { "PP_MODEL_3_URL", "http://x/" };
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	memcpy(env_vars, vars, sizeof vars);
	assert_null(read_with(NULL, &err));
	assert_string_equal(err.text,
	    "PP_MODEL_3_URL is set, but PP_MODEL_3_NAME is not");
}

static void
a_key_in_the_wrong_place_is_not_shown(void **state)
{
	static const char *const vars[] = {
		"PP_MODEL_1_NAME",
		"x",
		"PP_MODEL_1_KEY_ENV",
		"sk-secret-1234",
	};
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	memcpy(env_vars, vars, sizeof vars);
	assert_null(read_with(NULL, &err));
	assert_null(strstr(err.text, "secret"));
	assert_non_null(strstr(err.text, "PP_MODEL_1_KEY_ENV"));
	no_env(NULL);
	assert_null(read_with("models:\n  a: {key_env: sk-secret-1234}\n",
	    &err));
	assert_null(strstr(err.text, "secret"));
}

static void
a_model_that_cannot_be_called_says_why(void **state)
{
	static const struct {
		const char *name, *user, *why; /* NULL: it can */
	} rows[] = {
		{ "bedrock", "models: {m: {provider: bedrock}}",
		    "no AWS region" },
		{ "no url", "models: {m: {}}", "has no url" },
		{ "no key",
		    "models: {m: {url: 'https://h/v1', "
		    "key_env: PP_TEST_NO_KEY}}",
		    "PP_TEST_NO_KEY" },
		{ "key with a newline",
		    "models: {m: {url: 'https://h/v1', "
		    "key_env: PP_TEST_BAD_KEY}}",
		    "characters" },
		{ "key",
		    "models: {m: {url: 'https://h/v1', "
		    "key_env: PP_TEST_KEY}}",
		    NULL },
		{ "plain http elsewhere", "models: {m: {url: 'http://h/v1'}}",
		    "plain http" },
		{ "plain http allowed",
		    "models: {m: {url: 'http://h/v1', "
		    "plain_http: true}}",
		    NULL },
		{ "plain http here", "models: {m: {url: 'http://[::1]:1/v1'}}",
		    NULL },
		{ "a host that looks local",
		    "models: {m: "
		    "{url: 'http://127.0.0.1@evil.example/v1'}}",
		    "plain http" },
		{ "a name that looks local",
		    "models: {m: "
		    "{url: 'http://127.0.0.1.evil.example/v1'}}",
		    "plain http" },
		{ "file", "models: {m: {url: 'file:///etc/passwd'}}",
		    "http or https" },
		{ "no URL at all", "models: {m: {url: '::'}}", "URL" },
		{ "gone",
		    "models: {m: {provider: local, "
		    "status: end-of-life}}",
		    "no longer offered" },
		{ "local", "models: {m: {provider: local}}", NULL },
	};

	(void)state;
	setenv("PP_TEST_KEY", "sk-1", 1);
	setenv("PP_TEST_BAD_KEY", "sk-1\r\nX: y", 1);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error why = PP_ERROR_INIT;
		struct pp_catalog *c = must_read(rows[i].user);
		bool ok = pp_model_is_configured(pp_catalog_find(c, "m"), &why);

		if (ok != (rows[i].why == NULL))
			fail_msg("%s: %s", rows[i].name, why.text);
		if (!ok && strstr(why.text, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].name, why.text);
		pp_catalog_free(c);
	}
}

static void
a_pinned_model_comes_back_the_same(void **state)
{
	struct pp_catalog *c =
	    must_read("models:\n  m:\n"
		      "    label: \"with \\\"quotes\\\" and \\u00e9\"\n"
		      "    url: http://localhost/v1\n    key_env: SOME_KEY\n"
		      "    input: 0.000000001\n    output: 9223372036\n"
		      "    long_above: 272000\n    long_input: 2.5\n"
		      "    timeout: 90s\n    tpm: 5\n    seed: true\n"
		      "    bytes_per_100_tokens: 250\n    tier: balanced\n");
	struct pp_buf first = PP_BUF_INIT, second = PP_BUF_INIT;
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	const struct pp_json *v;
	struct pp_model back;

	(void)state;
	pp_model_put_json(&first, pp_catalog_find(c, "m"));
	v = pp_json_parse(&doc, first.data, first.len, 0, &err);
	if (v == NULL)
		fail_msg("%s: %s", err.text, first.data);
	assert_ok(pp_model_from_json(v, &back, &err), err);
	pp_model_put_json(&second, &back);
	assert_string_equal(first.data, second.data);
	assert_int_equal(back.price.output, INT64_C(9223372036000000000));
	assert_int_equal(back.price.cache_write, PP_PRICE_UNKNOWN);
	assert_int_equal(back.total_timeout_ms, 90000);
	assert_true(back.send_seed);
	pp_model_release(&back);
	pp_json_doc_release(&doc);
	pp_buf_release(&first);
	pp_buf_release(&second);
	pp_catalog_free(c);
}

static void
a_damaged_pin_is_refused(void **state)
{
	static const char *const rows[] = {
		"{}",
		"{\"name\":1}",
		"[]",
		"{\"name\":\"m\",\"input\":-1}",
		"{\"name\":\"m\",\"input\":\"x\"}",
		"{\"name\":\"m\",\"provider\":{}}",
		"{\"name\":\"m\",\"context\":1.5}",
	};
	struct pp_json_doc doc = PP_JSON_DOC_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		const struct pp_json *v = pp_json_parse(&doc, rows[i],
		    strlen(rows[i]), 0, &err);
		struct pp_model m;

		assert_non_null(v);
		assert_fails(pp_model_from_json(v, &m, &err), err, PP_EDATA);
	}
	pp_json_doc_release(&doc);
}

static struct pp_catalog *
read_installed(void)
{
	struct pp_error err = PP_ERROR_INIT;
	const char *srcdir = getenv("srcdir");
	char *share = pp_asprintf("%s/share", srcdir != NULL ? srcdir : ".");
	struct pp_catalog *c;

	setenv("PP_SHARE", share, 1);
	unsetenv("PP_MODELS");
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	c = pp_catalog_load(&err);
	unsetenv("PP_SHARE");
	free(share);
	if (c == NULL)
		fail_msg("%s", err.text);
	return c;
}

/* The table that is installed: whole, dated, and with models in its tiers. */
static void
the_installed_table_is_sound(void **state)
{
	struct pp_catalog *c = read_installed();
	const struct pp_model *m;

	(void)state;
	for (size_t i = 0; (m = pp_catalog_at(c, i)) != NULL; i++) {
		if (!pp_model_is_priced(m) || m->price_source[0] == '\0' ||
		    strncmp(m->price_date, "20", 2) != 0)
			fail_msg("%s: no price, source or date", m->name);
		if (strcmp(m->price_source, "genai-prices") == 0)
			fail_msg("%s: unresolved source", m->name);
	}
	assert_int_equal(pp_catalog_find(c, "llama-3.1-8b")->price.input,
	    220000000);
	assert_int_equal(pp_catalog_find(c, "nova-micro")->price.output,
	    140000000);
	assert_int_equal(pp_catalog_find(c, "claude-haiku")->price.long_above,
	    100000);
	m = pp_catalog_find(c, "local");
	assert_true(pp_model_is_free(m));
	assert_int_equal(m->tier, 0);
	for (int t = 1; t <= PP_NTIERS; t++)
		assert_true(pp_catalog_tier(c, t)->count >= 3);
	pp_catalog_free(c);
}

/* ---- pp-models(5) ---- */

static char *
read_manual(void)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf text = PP_BUF_INIT;
	const char *srcdir = getenv("srcdir");
	char *path = pp_asprintf("%s/man/pp-models.5",
	    srcdir != NULL ? srcdir : ".");

	assert_ok(pp_io_read_file(path, &text, &err), err);
	free(path);
	return pp_buf_detach(&text, NULL);
}

static void
the_manual_names_every_field(void **state)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf json = PP_BUF_INIT;
	const struct pp_json *v, *key;
	char *manual = read_manual();
	struct pp_model m;

	(void)state;
	pp_model_init(&m, "m");
	pp_model_put_json(&json, &m);
	v = pp_json_parse(&doc, json.data, json.len, 0, &err);
	assert_non_null(v);
	key = pp_json_next(pp_json_next(pp_json_first(v))); /* after name */
	for (uint32_t i = 1; i < v->count; i++) {
		char *name = pp_json_strdup(key), *found = manual;
		size_t n = strlen(name);

		while ((found = strstr(found, name)) != NULL &&
		    (found[-1] != ' ' || strchr(" \n", found[n]) == NULL))
			found++;
		if (found == NULL)
			fail_msg("pp-models.5 says nothing of '%s'", name);
		free(name);
		key = pp_json_next(pp_json_next(key));
	}
	pp_model_release(&m);
	pp_json_doc_release(&doc);
	pp_buf_release(&json);
	free(manual);
}

/* "Claude 3 Haiku (2026-09-10)", for all of the profiles of a model. */
static bool
says_when_it_ended(const char *manual, const char *label)
{
	const char *profile = strstr(label, " (");
	int len = profile != NULL ? (int)(profile - label) : (int)strlen(label);
	char *name = pp_asprintf("%.*s", len, label);
	bool found = false;

	for (const char *p = manual; (p = strstr(p, name)) != NULL; p += len) {
		const char *date = strstr(p, " (20"), *end = strchr(p, ',');

		/* some share a date: "Command R and Command R+ (...)" */
		found = found || (date != NULL && end != NULL && date < end);
	}
	free(name);
	return found;
}

/* Each family of Bedrock's is there; of what ended the manual tells when. */
static void
each_family_can_be_called_or_has_ended(void **state)
{
	static const struct {
		const char *vendor;
		bool ended;
	} rows[] = { { "anthropic.", false }, { "meta.llama", false },
		{ "mistral.", false }, { "cohere.command", true },
		{ "amazon.titan-text", false }, { "amazon.nova", false } };
	struct pp_catalog *c = read_installed();
	char *manual = read_manual();
	const struct pp_model *m;

	(void)state;
	for (char *p = manual; (p = strchr(p, '\n')) != NULL;)
		*p = ' ';
	for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
		int offered = 0, ended = 0;

		for (size_t i = 0; (m = pp_catalog_at(c, i)) != NULL; i++) {
			if (strstr(m->id, rows[k].vendor) == NULL)
				continue;
			if (strcmp(m->status, "end-of-life") != 0)
				offered++;
			else if (!says_when_it_ended(manual, m->label))
				fail_msg("pp-models.5 does not say when '%s' "
					 "ended",
				    m->label);
			else
				ended++;
		}
		assert_int_equal(offered == 0 && ended > 0, rows[k].ended);
	}
	free(manual);
	pp_catalog_free(c);
}

static void
the_examples_of_the_manual_can_be_read(void **state)
{
	static const char table[] = "models:\n  llama-3.1-8b: {}\n"
				    "  nova-micro: {input: 1}\n";
	struct pp_catalog_source src = { .installed = table,
		.installed_name = "models.yaml",
		.user_name = "example",
		.env = fake_env };
	char *manual = read_manual();
	char *at = strstr(manual, ".Sh EXAMPLES"), *end;
	int examples = 0;

	(void)state;
	while ((at = strstr(at, ".Bd -literal")) != NULL) {
		struct pp_error err = PP_ERROR_INIT;
		struct pp_catalog *c;

		at = strchr(at, '\n') + 1;
		end = strstr(at, ".Ed");
		*end = '\0';
		if (strstr(at, "models:\n") != NULL) {
			src.user = at;
			c = pp_catalog_read(&src, &err);
			if (c == NULL)
				fail_msg("%s", err.text);
			pp_catalog_free(c);
			examples++;
		}
		at = end + 1;
	}
	assert_int_equal(examples, 2);
	free(manual);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(fields_come_out_of_the_file, no_env),
		cmocka_unit_test_setup(a_model_is_found_by_name_alias_and_id,
		    no_env),
		cmocka_unit_test_setup(a_user_overrides_field_by_field, no_env),
		cmocka_unit_test(a_variable_that_nobody_reads_is_refused),
		cmocka_unit_test_setup(the_environment_adds_and_overrides,
		    no_env),
		cmocka_unit_test_setup(what_is_wrong_is_named_with_its_place,
		    no_env),
		cmocka_unit_test_setup(
		    an_environment_entry_without_a_name_is_refused, no_env),
		cmocka_unit_test_setup(a_key_in_the_wrong_place_is_not_shown,
		    no_env),
		cmocka_unit_test_setup(a_model_that_cannot_be_called_says_why,
		    no_env),
		cmocka_unit_test_setup(a_pinned_model_comes_back_the_same,
		    no_env),
		cmocka_unit_test_setup(a_damaged_pin_is_refused, no_env),
		cmocka_unit_test_setup(the_installed_table_is_sound, no_env),
		cmocka_unit_test(the_manual_names_every_field),
		cmocka_unit_test_setup(each_family_can_be_called_or_has_ended,
		    no_env),
		cmocka_unit_test_setup(the_examples_of_the_manual_can_be_read,
		    no_env),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
