#include <config.h>

#include "aws/aws.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/aws_int.h"
#include "aws/retry.h"
#include "base/mem.h"
#include "base/str.h"

#define DEFAULT_IN_FLIGHT 64
#define MAX_ATTEMPTS 100

static const char *
process_env(const char *name)
{
	return getenv(name);
}

const char *
pp_aws_env(const struct pp_aws *a, const char *name)
{
	const char *value = a->env(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

bool
pp_aws_is_true(const char *text)
{
	return text != NULL && strcasecmp(text, "true") == 0;
}

const char *
pp_aws_setting(const struct pp_aws *a, const char *name)
{
	return pp_profiles_get(a->profiles, PP_SECTION_PROFILE, a->profile,
	    name);
}

/* From the environment, or from the profile. */
static const char *
find(const struct pp_aws *a, const char *variable, const char *setting)
{
	const char *value = pp_aws_env(a, variable);

	return value != NULL ? value : pp_aws_setting(a, setting);
}

/* ---- files ---- */

static char *
file_path(const struct pp_aws *a, const char *variable, const char *below_home)
{
	const char *path = pp_aws_env(a, variable);
	const char *home = pp_aws_env(a, "HOME");

	if (path == NULL)
		return pp_asprintf("%s/.aws/%s", home != NULL ? home : "",
		    below_home);
	if (pp_starts_with(path, "~/") && home != NULL)
		return pp_asprintf("%s%s", home, path + 1);
	return pp_strdup(path);
}

static int
load_profiles(struct pp_aws *a, const char *chosen, struct pp_error *err)
{
	char *config = file_path(a, "AWS_CONFIG_FILE", "config");
	char *credentials = file_path(a, "AWS_SHARED_CREDENTIALS_FILE",
	    "credentials");
	bool named;

	a->profile_by_option = chosen != NULL;
	if (chosen == NULL)
		chosen = pp_aws_env(a, "AWS_PROFILE");
	if (chosen == NULL)
		chosen = pp_aws_env(a, "AWS_DEFAULT_PROFILE");
	named = chosen != NULL;
	a->profile = pp_strdup(chosen != NULL ? chosen : "default");
	a->profiles = pp_profiles_load(config, credentials, err);
	free(config);
	free(credentials);
	if (a->profiles == NULL)
		return -1;
	if (named &&
	    !pp_profiles_has(a->profiles, PP_SECTION_PROFILE, a->profile))
		return pp_error_set(err, PP_ECONFIG,
		    "there is no AWS profile '%s'", a->profile);
	return 0;
}

/* ---- settings ---- */

/* It becomes a part of host names, so nothing else may be in it. */
static int
read_region(struct pp_aws *a, const char *chosen, struct pp_error *err)
{
	size_t n;

	if (chosen == NULL)
		chosen = pp_aws_env(a, "AWS_REGION");
	if (chosen == NULL)
		chosen = find(a, "AWS_DEFAULT_REGION", "region");
	if (chosen == NULL)
		return pp_error_set(err, PP_ECONFIG,
		    "no AWS region: set AWS_REGION, or region in the profile "
		    "'%s'",
		    a->profile);
	n = strlen(chosen);
	if (n > 63 || chosen[0] == '-' ||
	    strspn(chosen, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
		return pp_error_set(err, PP_ECONFIG,
		    "'%s' is not the name of an AWS region", chosen);
	a->region = pp_strdup(chosen);
	a->partition = pp_partition_of(chosen);
	return 0;
}

/* In the profile's section of services. */
static const char *
service_section_url(const struct pp_aws *a, const char *section)
{
	const char *services = pp_aws_setting(a, "services"), *url;
	char *name;

	if (services == NULL)
		return NULL;
	name = pp_asprintf("%s.endpoint_url", section);
	url = pp_profiles_get(a->profiles, PP_SECTION_SERVICES, services, name);
	free(name);
	return url;
}

static const char *
find_endpoint_url(const struct pp_aws *a, const struct pp_aws_service_info *s)
{
	char *variable = pp_asprintf("AWS_ENDPOINT_URL_%s", s->env);
	const char *url = pp_aws_env(a, variable);

	free(variable);
	if (url == NULL)
		url = pp_aws_env(a, "AWS_ENDPOINT_URL");
	if (url == NULL)
		url = service_section_url(a, s->section);
	if (url == NULL)
		url = pp_aws_setting(a, "endpoint_url");
	return url;
}

static int
read_endpoint_urls(struct pp_aws *a, struct pp_error *err)
{
	if (pp_aws_is_true(find(a, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
		"ignore_configured_endpoint_urls")))
		return 0;
	for (size_t i = 0; i < PP_AWS_NSERVICES; i++) {
		const char *url = find_endpoint_url(a, &pp_aws_services[i]);

		if (url == NULL)
			continue;
		if (pp_http_check_url(url, true, err) < 0)
			return pp_error_wrap(err, "endpoint of %s",
			    pp_aws_services[i].name);
		a->endpoint_urls[i] = pp_strdup(url);
	}
	return 0;
}

static int
read_max_attempts(struct pp_aws *a, struct pp_error *err)
{
	const char *text = find(a, "AWS_MAX_ATTEMPTS", "max_attempts");
	int64_t n;

	if (text == NULL)
		return 0;
	if (pp_parse_int(text, "AWS_MAX_ATTEMPTS", 1, MAX_ATTEMPTS, &n, err) <
	    0) {
		if (err != NULL)
			err->code = PP_ECONFIG;
		return -1;
	}
	a->max_attempts = (int)n;
	return 0;
}

static int
read_settings(struct pp_aws *a, const struct pp_aws_options *o,
    struct pp_error *err)
{
	a->fips = pp_aws_is_true(find(a, "AWS_USE_FIPS_ENDPOINT",
	    "use_fips_endpoint"));
	a->dual_stack = pp_aws_is_true(find(a, "AWS_USE_DUALSTACK_ENDPOINT",
	    "use_dualstack_endpoint"));
	a->bearer = pp_strdup(pp_aws_env(a, "AWS_BEARER_TOKEN_BEDROCK"));
	if (a->bearer != NULL && strpbrk(a->bearer, "\r\n") != NULL)
		return pp_error_set(err, PP_ECONFIG,
		    "a line break in AWS_BEARER_TOKEN_BEDROCK");
	if (read_region(a, o->region, err) < 0 || read_max_attempts(a, err) < 0)
		return -1;
	return read_endpoint_urls(a, err);
}

/* ---- life ---- */

/* Certificates: ours, the SDKs' variable, the profile, OpenSSL's variable. */
static int
open_own_http(struct pp_aws *a, int max_in_flight, struct pp_error *err)
{
	struct pp_http_options o = { .max_in_flight = max_in_flight > 0 ?
		    max_in_flight :
		    DEFAULT_IN_FLIGHT };

	o.ca_file = pp_aws_env(a, "PP_CA_FILE");
	if (o.ca_file == NULL)
		o.ca_file = find(a, "AWS_CA_BUNDLE", "ca_bundle");
	if (o.ca_file == NULL)
		o.ca_file = pp_aws_env(a, "SSL_CERT_FILE");
	a->own_loop = true;
	a->loop = pp_loop_new(err);
	if (a->loop == NULL)
		return -1;
	a->http = pp_http_new(a->loop, &o, err);
	return a->http != NULL ? 0 : -1;
}

struct pp_aws *
pp_aws_new(struct pp_loop *loop, struct pp_http *http,
    const struct pp_aws_options *o, struct pp_error *err)
{
	static const struct pp_aws_options defaults;
	struct pp_aws *a = pp_calloc(1, sizeof *a);

	assert((loop == NULL) == (http == NULL));
	if (o == NULL)
		o = &defaults;
	a->loop = loop;
	a->http = http;
	a->env = o->env != NULL ? o->env : process_env;
	a->retry_tokens = PP_RETRY_TOKENS;
	pp_rand_seed_any(&a->rand);
	if (load_profiles(a, o->profile, err) < 0 ||
	    read_settings(a, o, err) < 0 ||
	    (loop == NULL && open_own_http(a, o->max_in_flight, err) < 0)) {
		pp_aws_free(a);
		return NULL;
	}
	a->signer = pp_sigv4_new();
	a->chain = pp_aws_chain_new(a);
	return a;
}

void
pp_aws_free(struct pp_aws *a)
{
	if (a == NULL)
		return;
	pp_aws_sends_free(a);
	pp_aws_chain_free(a->chain);
	pp_sigv4_free(a->signer);
	if (a->own_loop) {
		pp_http_free(a->http);
		pp_loop_free(a->loop);
	}
	for (size_t i = 0; i < PP_AWS_NSERVICES; i++)
		free(a->endpoint_urls[i]);
	pp_profiles_free(a->profiles);
	free(a->profile);
	free(a->region);
	pp_free_secret(a->bearer);
	free(a);
}

int
pp_aws_is_configured(enum pp_aws_service service, struct pp_buf *region,
    struct pp_error *err)
{
	static const struct pp_aws_options defaults;
	struct pp_aws *a = pp_calloc(1, sizeof *a);
	struct pp_buf url = PP_BUF_INIT;
	int rc = -1;

	a->env = process_env;
	if (load_profiles(a, NULL, err) < 0 ||
	    read_settings(a, &defaults, err) < 0 ||
	    pp_aws_endpoint(a, service, NULL, &url, err) < 0)
		goto out;
	if (region != NULL)
		pp_buf_adds(region, a->region);
	if (a->bearer != NULL && pp_aws_services[service].bearer)
		rc = 0;
	else
		rc = pp_aws_chain_check(a, err);
out:
	pp_buf_release(&url);
	pp_aws_free(a);
	return rc;
}

struct pp_loop *
pp_aws_loop(struct pp_aws *a)
{
	return a->loop;
}

const char *
pp_aws_region(const struct pp_aws *a)
{
	return a->region;
}

const char *
pp_aws_partition(const struct pp_aws *a)
{
	return a->partition->name;
}
