/* Which model a step gets: names, tiers, kinds, and never another one. */
#include <config.h>

#include "test.h"

#include <stdio.h>

#include "model/model_int.h"

static const char *env_vars[16];

static const char *
fake_env(const char *name)
{
	for (size_t i = 0; env_vars[i] != NULL; i += 2) {
		if (strcmp(env_vars[i], name) == 0)
			return env_vars[i + 1];
	}
	return NULL;
}

static const char table[] =
    "tiers:\n"
    "  cheap: [cloud, unpriced, c1, c2]\n"
    "  balanced: [b1]\n"
    "  premium: [p-gone, p1]\n"
    "models:\n"
    "  local: {provider: local, input: 0, output: 0}\n"
    "  cloud: {provider: bedrock, input: 1, output: 1}\n"
    "  unpriced: {url: 'http://localhost/v1'}\n"
    "  c1: {url: 'http://localhost/v1', input: 1, output: 1}\n"
    "  c2: {url: 'http://localhost/v1', input: 1, output: 1}\n"
    "  b1: {url: 'http://localhost/v1', input: 2, output: 2,\n"
    "    aliases: [bee]}\n"
    "  p-gone: {url: 'http://localhost/v1', input: 0, output: 0,\n"
    "    status: end-of-life}\n"
    "  p1: {url: 'http://localhost/v1', input: 3, output: 3}\n";

static struct pp_catalog *
read_table(const char *user)
{
	struct pp_catalog_source src = {
		.installed = table,
		.installed_name = "models.yaml",
		.user = user,
		.user_name = "mine.yaml",
		.env = fake_env,
	};
	struct pp_error err = PP_ERROR_INIT;
	struct pp_catalog *c = pp_catalog_read(&src, &err);

	if (c == NULL)
		fail_msg("%s", err.text);
	return c;
}

static void
a_step_gets_the_first_that_is_said(void **state)
{
	static const struct {
		const char *name;
		const char *override, *model, *tier, *kind, *gets;
	} rows[] = {
		{ "nothing said", NULL, NULL, NULL, NULL, "c1" },
		{ "kind question", NULL, NULL, NULL, "question", "c1" },
		{ "kind answer", NULL, NULL, NULL, "answer", "p1" },
		{ "kind summary", NULL, NULL, NULL, "summary", "c1" },
		{ "kind cleanup", NULL, NULL, NULL, "cleanup", "c1" },
		{ "tier over kind", NULL, NULL, "balanced", "answer", "b1" },
		{ "tier by number", NULL, NULL, "tier-3", NULL, "p1" },
		{ "tier name cheap", NULL, NULL, "cheap", NULL, "c1" },
		{ "model over tier", NULL, "c2", "premium", "answer", "c2" },
		{ "model that names a tier", NULL, "premium", NULL, NULL,
		    "p1" },
		{ "model by alias", NULL, "bee", NULL, NULL, "b1" },
		{ "override over model", "local", "c2", "cheap", NULL,
		    "local" },
		{ "override that names a tier", "tier-2", "c2", NULL, NULL,
		    "b1" },
		{ "a named model need not be callable", NULL, "cloud", NULL,
		    NULL, "cloud" },
		{ "nor priced", NULL, "unpriced", NULL, NULL, "unpriced" },
	};
	struct pp_catalog *c = read_table(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		const struct pp_model *m = pp_route(c, rows[i].override,
		    rows[i].model, rows[i].tier, rows[i].kind, &err);

		if (m == NULL)
			fail_msg("%s: %s", rows[i].name, err.text);
		if (strcmp(m->name, rows[i].gets) != 0)
			fail_msg("%s: got %s", rows[i].name, m->name);
	}
	pp_catalog_free(c);
}

static void
what_is_not_there_is_named(void **state)
{
	static const struct {
		const char *name, *model, *tier, *kind;
		enum pp_code code;
		const char *says;
	} rows[] = {
		{ "unknown model", "c3", NULL, NULL, PP_ENOENT,
		    "there is no model 'c3'; did you mean 'c1'?" },
		{ "far from any", "zzzzzzzz", NULL, NULL, PP_ENOENT,
		    "there is no model 'zzzzzzzz'" },
		{ "unknown tier", NULL, "gold", NULL, PP_ECONFIG,
		    "there is no tier 'gold'" },
		{ "tier none", NULL, "none", NULL, PP_ECONFIG,
		    "there is no tier 'none'" },
		{ "unknown kind", NULL, NULL, "joke", PP_ECONFIG,
		    "there is no kind of step 'joke'" },
	};
	struct pp_catalog *c = read_table(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;

		assert_null(pp_route(c, NULL, rows[i].model, rows[i].tier,
		    rows[i].kind, &err));
		if (err.code != rows[i].code ||
		    strncmp(err.text, rows[i].says, strlen(rows[i].says)) != 0)
			fail_msg("%s: %s", rows[i].name, err.text);
	}
	pp_catalog_free(c);
}

/* With nothing callable in a tier there is no other tier and no local model. */
static void
a_tier_never_falls_back(void **state)
{
	struct pp_catalog *c =
	    read_table("tiers:\n  cheap: [cloud, unpriced]\n  balanced: []\n");
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	assert_null(pp_route(c, NULL, NULL, NULL, NULL, &err));
	assert_int_equal(err.code, PP_ECONFIG);
	assert_non_null(strstr(err.text, "'cheap'"));
	assert_non_null(strstr(err.text, "'cloud'"));
	assert_non_null(strstr(err.text, "'unpriced' has no price"));
	assert_null(pp_route(c, NULL, NULL, "balanced", NULL, &err));
	assert_string_equal(err.text,
	    "no model of tier 'balanced' can be used: it has none");
	pp_catalog_free(c);
}

static void
a_reason_is_given_once_for_all_that_it_is_of(void **state)
{
	struct pp_catalog *c =
	    read_table("tiers:\n  cheap: [cloud, cloud2, unpriced, cloud3]\n"
		       "models:\n"
		       "  cloud2: {provider: bedrock, input: 1, output: 1}\n"
		       "  cloud3: {provider: bedrock, input: 1, output: 1}\n");
	struct pp_error err = PP_ERROR_INIT;
	const char *reason;

	(void)state;
	assert_null(pp_route(c, NULL, NULL, NULL, NULL, &err));
	reason = strstr(err.text, "model 'cloud'");
	assert_non_null(reason);
	assert_non_null(strstr(reason,
	    "; 'cloud2' likewise; model 'unpriced' "
	    "has no price; model 'cloud3'"));
	pp_catalog_free(c);
}

/* For a price, what is callable comes first, and then what has a price. */
static void
an_estimate_takes_what_has_a_price(void **state)
{
	static const struct {
		const char *name, *user, *tier, *gets; /* NULL: none */
	} rows[] = {
		{ "callable ones first", NULL, "cheap", "c1" },
		{ "else the first with a price",
		    "tiers: {cheap: [unpriced, cloud]}", "cheap", "cloud" },
		{ "not one that is gone", "tiers: {premium: [p-gone]}",
		    "premium", NULL },
		{ "none has a price", "tiers: {cheap: [unpriced]}", "cheap",
		    NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_catalog *c = read_table(rows[i].user);
		struct pp_error err = PP_ERROR_INIT;
		const struct pp_model *m = pp_route_price(c, NULL, NULL,
		    rows[i].tier, NULL, &err);
		const char *got = m != NULL ? m->name : "none";

		if (strcmp(got, rows[i].gets != NULL ? rows[i].gets : "none") !=
		    0)
			fail_msg("%s: %s %s", rows[i].name, got, err.text);
		if (m == NULL)
			assert_int_equal(err.code, PP_ECONFIG);
		pp_catalog_free(c);
	}
}

static void
the_nearest_layer_is_preferred(void **state)
{
	static const struct {
		const char *name, *user, *env_name, *env_tier, *gets;
	} rows[] = {
		{ "a user's model with a tier",
		    "models:\n  mine: {url: "
		    "'http://localhost/v1', input: 0, output: 0, tier: cheap}",
		    NULL, NULL, "mine" },
		{ "a user's list", "tiers: {cheap: [c2, c1]}", NULL, NULL,
		    "c2" },
		{ "both", "tiers: {cheap: [c2]}\nmodels:\n  c1: {tier: cheap}",
		    NULL, NULL, "c1" },
		{ "moved away", "models:\n  c1: {tier: balanced}", NULL, NULL,
		    "c2" },
		{ "the environment before a user's list",
		    "tiers: {cheap: [c2]}", "b1", "1", "b1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		const struct pp_model *m;
		struct pp_catalog *c;

		memset(env_vars, 0, sizeof env_vars);
		if (rows[i].env_name != NULL) {
			env_vars[0] = "PP_MODEL_1_NAME";
			env_vars[1] = rows[i].env_name;
			env_vars[2] = "PP_MODEL_1_TIER";
			env_vars[3] = rows[i].env_tier;
		}
		c = read_table(rows[i].user);
		m = pp_route(c, NULL, NULL, "cheap", NULL, &err);
		if (m == NULL)
			fail_msg("%s: %s", rows[i].name, err.text);
		if (strcmp(m->name, rows[i].gets) != 0)
			fail_msg("%s: got %s", rows[i].name, m->name);
		pp_catalog_free(c);
	}
	memset(env_vars, 0, sizeof env_vars);
}

static void
a_replaced_list_takes_its_old_members_out(void **state)
{
	struct pp_catalog *c = read_table("tiers: {cheap: [c2]}");

	(void)state;
	assert_int_equal(pp_catalog_find(c, "c1")->tier, 0);
	assert_int_equal(pp_catalog_find(c, "c2")->tier, 1);
	assert_int_equal(pp_catalog_tier(c, 1)->count, 1);
	pp_catalog_free(c);
}

static void
tiers_have_names_and_numbers(void **state)
{
	static const struct {
		const char *name;
		int tier; /* -1: none */
	} rows[] = {
		{ "cheap", 1 },
		{ "balanced", 2 },
		{ "premium", 3 },
		{ "tier-1", 1 },
		{ "tier-3", 3 },
		{ "2", 2 },
		{ "none", 0 },
		{ "tier-4", -1 },
		{ "4", -1 },
		{ "", -1 },
		{ "tier-", -1 },
		{ "tier-12", -1 },
		{ "Cheap", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int t = -1, rc = pp_tier_parse(rows[i].name, &t);

		if ((rc == 0 ? t : -1) != rows[i].tier)
			fail_msg("'%s' is %d", rows[i].name, t);
	}
	assert_string_equal(pp_tier_name(3), "premium");
	assert_string_equal(pp_tier_name(7), "none");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_gets_the_first_that_is_said),
		cmocka_unit_test(what_is_not_there_is_named),
		cmocka_unit_test(a_tier_never_falls_back),
		cmocka_unit_test(a_reason_is_given_once_for_all_that_it_is_of),
		cmocka_unit_test(an_estimate_takes_what_has_a_price),
		cmocka_unit_test(the_nearest_layer_is_preferred),
		cmocka_unit_test(a_replaced_list_takes_its_old_members_out),
		cmocka_unit_test(tiers_have_names_and_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
