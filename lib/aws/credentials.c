/*
 * The plan, the fetch, and those who wait for it. Waiters are always called
 * by a timer, so that a source that answers at once is no special case.
 */
#include <config.h>

#include "aws/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/cred_int.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define ADVISORY_MS (15 * 60 * 1000)
#define MANDATORY_MS (10 * 60 * 1000)
/* A failure stands for this long, so that a thousand calls ask once. */
#define FAILURE_US 2000000
#define LATE_MS (10 * 60 * 1000)
#define LATE_SPREAD_MS (15 * 60 * 1000)

/* ---- the plan ---- */

static const char *
in_profile(const struct pp_aws *a, const char *profile, const char *name)
{
	const char *v = pp_profiles_get(a->profiles, PP_SECTION_PROFILE,
	    profile, name);

	return v != NULL && v[0] != '\0' ? v : NULL;
}

/* What a profile itself has; false: nothing. */
static bool
plan_source(const struct pp_aws *a, const char *profile,
    struct pp_cred_plan *plan)
{
	static const struct {
		const char *setting;
		void (*begin)(struct pp_aws_chain *c);
	} sources[] = {
		{ "sso_session", pp_cred_sso },
		{ "sso_start_url", pp_cred_sso },
		{ "aws_access_key_id", pp_cred_static },
		{ "credential_process", pp_cred_process },
	};

	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
		if (in_profile(a, profile, sources[i].setting) != NULL) {
			plan->begin = sources[i].begin;
			plan->profile = profile;
			return true;
		}
	}
	return false;
}

static void
read_role(const struct pp_aws *a, const char *profile,
    struct pp_cred_role *role)
{
	role->arn = in_profile(a, profile, "role_arn");
	role->session_name = in_profile(a, profile, "role_session_name");
	role->external_id = in_profile(a, profile, "external_id");
	role->duration = in_profile(a, profile, "duration_seconds");
}

static int
plan_credential_source(const char *source, struct pp_cred_plan *plan,
    struct pp_error *err)
{
	static const struct {
		const char *name;
		void (*begin)(struct pp_aws_chain *c);
	} sources[] = {
		{ "Environment", pp_cred_environment },
		{ "EcsContainer", pp_cred_container },
		{ "Ec2InstanceMetadata", pp_cred_instance },
	};

	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
		if (strcmp(source, sources[i].name) == 0) {
			plan->begin = sources[i].begin;
			return 0;
		}
	}
	return pp_error_set(err, PP_ECONFIG, "no credential_source '%s'",
	    source);
}

/*
 * Follow source_profile from role to role. The roles are met last first:
 * they are assumed from the end of the list.
 */
static int
plan_roles(const struct pp_aws *a, const char *profile,
    struct pp_cred_plan *plan, struct pp_error *err)
{
	const char *source, *from;

	for (;; profile = source) {
		if (plan->role_count == PP_MAX_ROLES)
			return pp_error_set(err, PP_ECONFIG,
			    "profile '%s': the chain of source_profile is a "
			    "loop, or longer than %d",
			    a->profile, PP_MAX_ROLES);
		if (in_profile(a, profile, "mfa_serial") != NULL)
			return pp_error_set(err, PP_ECONFIG,
			    "profile '%s' wants a code of a second factor "
			    "(mfa_serial), which is not asked for here: use "
			    "SSO, or keys of 'aws sts get-session-token'",
			    profile);
		read_role(a, profile, &plan->roles[plan->role_count++]);
		from = in_profile(a, profile, "credential_source");
		source = in_profile(a, profile, "source_profile");
		if (from != NULL)
			return plan_credential_source(from, plan, err);
		if (source == NULL)
			return pp_error_set(err, PP_ECONFIG,
			    "profile '%s' has a role_arn, and neither a "
			    "source_profile nor a credential_source",
			    profile);
		if (!pp_profiles_has(a->profiles, PP_SECTION_PROFILE, source))
			return pp_error_set(err, PP_ECONFIG,
			    "there is no profile '%s', the source_profile of "
			    "'%s'",
			    source, profile);
		if (in_profile(a, source, "role_arn") != NULL &&
		    strcmp(source, profile) != 0)
			continue;
		if (plan_source(a, source, plan))
			return 0;
		return pp_error_set(err, PP_ECONFIG,
		    "profile '%s' has no credentials", source);
	}
}

static void
plan_web_identity(struct pp_cred_plan *plan, const char *token_file)
{
	plan->begin = pp_cred_web_identity;
	plan->token_file = token_file;
}

/* 1: found, 0: the profile says nothing of credentials, -1. */
static int
plan_profile(const struct pp_aws *a, struct pp_cred_plan *plan,
    struct pp_error *err)
{
	const char *file = in_profile(a, a->profile, "web_identity_token_file");

	if (in_profile(a, a->profile, "role_arn") == NULL)
		return plan_source(a, a->profile, plan);
	if (file != NULL) {
		plan_web_identity(plan, file);
		read_role(a, a->profile, &plan->identity);
		return 1;
	}
	return plan_roles(a, a->profile, plan, err) < 0 ? -1 : 1;
}

static int
no_credentials(const struct pp_aws *a, struct pp_error *err)
{
	return pp_error_set(err, PP_EAUTH,
	    "no AWS credentials: neither in the environment, nor in profile "
	    "'%s', nor of a container",
	    a->profile);
}

static int
make_plan(const struct pp_aws *a, struct pp_cred_plan *plan,
    struct pp_error *err)
{
	bool named = a->profile_by_option;
	int found;

	memset(plan, 0, sizeof *plan);
	if (!named && pp_aws_env(a, "AWS_ACCESS_KEY_ID") != NULL) {
		plan->begin = pp_cred_environment;
		return 0;
	}
	if (!named && pp_aws_env(a, "AWS_WEB_IDENTITY_TOKEN_FILE") != NULL &&
	    pp_aws_env(a, "AWS_ROLE_ARN") != NULL) {
		plan_web_identity(plan,
		    pp_aws_env(a, "AWS_WEB_IDENTITY_TOKEN_FILE"));
		plan->identity.arn = pp_aws_env(a, "AWS_ROLE_ARN");
		plan->identity.session_name = pp_aws_env(a,
		    "AWS_ROLE_SESSION_NAME");
		return 0;
	}
	found = plan_profile(a, plan, err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (pp_aws_env(a, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL ||
	    pp_aws_env(a, "AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL) {
		plan->begin = pp_cred_container;
		return 0;
	}
	if (!pp_aws_is_true(pp_aws_env(a, "AWS_EC2_METADATA_DISABLED"))) {
		plan->begin = pp_cred_instance;
		return 0;
	}
	return no_credentials(a, err);
}

/* Whether this is a machine of EC2's, as its firmware says it. */
static bool
is_instance(const struct pp_aws *a)
{
	struct pp_buf vendor = PP_BUF_INIT_MAX(256);
	bool is = pp_aws_env(a, "AWS_EC2_METADATA_SERVICE_ENDPOINT") != NULL;

	if (pp_io_read_file("/sys/devices/virtual/dmi/id/sys_vendor", &vendor,
		NULL) == 0 &&
	    pp_starts_with(vendor.data, "Amazon EC2"))
		is = true;
	pp_buf_release(&vendor);
	return is;
}

int
pp_aws_chain_check(struct pp_aws *a, struct pp_error *err)
{
	struct pp_cred_plan plan;

	if (make_plan(a, &plan, err) < 0)
		return -1;
	if (plan.begin != pp_cred_instance || plan.role_count > 0 ||
	    is_instance(a))
		return 0;
	return no_credentials(a, err);
}

/* ---- sources that answer at once ---- */

void
pp_cred_environment(struct pp_aws_chain *c)
{
	struct pp_aws *a = c->aws;
	const char *key = pp_aws_env(a, "AWS_ACCESS_KEY_ID");
	const char *secret = pp_aws_env(a, "AWS_SECRET_ACCESS_KEY");
	struct pp_aws_keys keys = { .source = "the environment" };

	if (key == NULL || secret == NULL) {
		pp_cred_failed(c, PP_EAUTH,
		    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together");
		return;
	}
	keys.access_key = pp_strdup(key);
	keys.secret_key = pp_strdup(secret);
	keys.session_token = pp_strdup(pp_aws_env(a, "AWS_SESSION_TOKEN"));
	pp_cred_got(c, &keys);
}

void
pp_cred_static(struct pp_aws_chain *c)
{
	const char *profile = c->plan.profile;
	const char *secret = in_profile(c->aws, profile,
	    "aws_secret_access_key");
	struct pp_aws_keys keys = { 0 };

	if (secret == NULL) {
		pp_cred_failed(c, PP_EAUTH,
		    "profile '%s' has no aws_secret_access_key", profile);
		return;
	}
	keys.access_key = pp_strdup(in_profile(c->aws, profile,
	    "aws_access_key_id"));
	keys.secret_key = pp_strdup(secret);
	keys.session_token = pp_strdup(in_profile(c->aws, profile,
	    "aws_session_token"));
	snprintf(keys.source, sizeof keys.source, "profile '%s'", profile);
	pp_cred_got(c, &keys);
}

/* ---- the fetch ---- */

static void call_waiters(void *arg);

static void
end_fetch(struct pp_aws_chain *c)
{
	c->fetching = false;
	c->exchange = NULL;
	c->send = NULL;
	free(c->url);
	c->url = NULL;
	pp_free_secret(c->token);
	c->token = NULL;
	pp_aws_keys_release(&c->got);
	if (c->waiter_count > 0)
		pp_timer_set(c->aws->loop, &c->timer, 0, call_waiters, c);
}

/*
 * What the instance's service gives is used past its end when there is
 * nothing newer, as all SDKs do: it may be late, and be believed all the same.
 */
static bool
prolong(struct pp_aws_chain *c, struct pp_aws_keys *keys)
{
	int64_t now_ms = pp_clock_wall_ms() + c->aws->clock_offset_ms;

	if (c->plan.begin != pp_cred_instance || c->plan.role_count > 0 ||
	    keys->access_key == NULL || keys->expires_at_ms == 0)
		return false;
	if (keys->expires_at_ms < now_ms + LATE_MS)
		keys->expires_at_ms = now_ms + LATE_MS +
		    (int64_t)pp_rand_below(&c->aws->rand, LATE_SPREAD_MS);
	return true;
}

static void
install(struct pp_aws_chain *c)
{
	char end[PP_TIME_TEXT_BYTES];

	if (c->got.expires_at_ms != 0 &&
	    c->got.expires_at_ms <=
		pp_clock_wall_ms() + c->aws->clock_offset_ms)
		prolong(c, &c->got);
	pp_aws_keys_release(&c->keys);
	c->keys = c->got;
	memset(&c->got, 0, sizeof c->got);
	c->fetched_ms = pp_clock_wall_ms() + c->aws->clock_offset_ms;
	c->stale = false;
	c->failed_us = 0;
	pp_log(PP_LOG_INFO, "credentials", "source", 's', c->keys.source,
	    "expire", 's',
	    c->keys.expires_at_ms > 0 ?
		pp_time_format(c->keys.expires_at_ms, end) :
		NULL,
	    NULL);
	end_fetch(c);
}

void
pp_cred_got(struct pp_aws_chain *c, struct pp_aws_keys *keys)
{
	pp_aws_keys_release(&c->got);
	c->got = *keys;
	memset(keys, 0, sizeof *keys);
	if (c->next_role < c->plan.role_count)
		pp_cred_assume(c);
	else
		install(c);
}

/*
 * Keys that are there go on being used while they are good; the instance's
 * are used even after their end, when its service has no new ones.
 */
void
pp_cred_failed(struct pp_aws_chain *c, enum pp_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	pp_error_setv(&c->err, code, fmt, ap);
	va_end(ap);
	if (prolong(c, &c->keys))
		c->stale = false;
	pp_log(PP_LOG_INFO, "no credentials", "reason", 's', c->err.text, NULL);
	c->failed_us = pp_clock_boot_us();
	end_fetch(c);
}

static void
begin_fetch(struct pp_aws_chain *c)
{
	struct pp_error err = PP_ERROR_INIT;

	c->fetching = true;
	c->next_role = 0;
	c->tries = 0;
	if (make_plan(c->aws, &c->plan, &err) < 0)
		pp_cred_failed(c, err.code, "%s", err.text);
	else
		c->plan.begin(c);
}

static bool
has_just_failed(const struct pp_aws_chain *c)
{
	return c->failed_us != 0 &&
	    pp_clock_boot_us() - c->failed_us < FAILURE_US;
}

static int64_t
at_most(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

enum freshness { FRESH, AGING, SPENT };

static enum freshness
freshness(const struct pp_aws_chain *c)
{
	int64_t left, life;

	if (c->keys.access_key == NULL || c->stale)
		return SPENT;
	if (c->keys.expires_at_ms == 0)
		return FRESH;
	left = c->keys.expires_at_ms - pp_clock_wall_ms() -
	    c->aws->clock_offset_ms;
	life = c->keys.expires_at_ms - c->fetched_ms;
	if (left > at_most(ADVISORY_MS, life / 4))
		return FRESH;
	return left > at_most(MANDATORY_MS, life / 6) ? AGING : SPENT;
}

const struct pp_aws_keys *
pp_aws_keys_now(struct pp_aws *a)
{
	struct pp_aws_chain *c = a->chain;

	if (freshness(c) != FRESH && !c->fetching && !has_just_failed(c))
		begin_fetch(c);
	return freshness(c) != SPENT ? &c->keys : NULL;
}

/* One at a time: each may make others leave, or wait again. */
static void
call_waiters(void *arg)
{
	struct pp_aws_chain *c = arg;
	size_t left = c->waiter_count;
	struct pp_aws_keys keys = { 0 };
	struct pp_error err = c->err;
	bool good = c->keys.access_key != NULL &&
	    (c->failed_us == 0 || freshness(c) != SPENT);

	if (good)
		pp_aws_keys_copy(&keys, &c->keys);
	for (; left > 0 && c->waiter_count > 0; left--) {
		struct pp_cred_waiter w = c->waiters[0];

		c->waiter_count--;
		memmove(c->waiters, c->waiters + 1,
		    c->waiter_count * sizeof *c->waiters);
		w.fn(w.arg, good ? &keys : NULL, &err);
	}
	pp_aws_keys_release(&keys);
}

void
pp_aws_keys_wait(struct pp_aws *a, pp_aws_keys_fn *fn, void *arg)
{
	struct pp_aws_chain *c = a->chain;

	c->waiters = pp_grow(c->waiters, c->waiter_count, &c->waiter_cap,
	    sizeof *c->waiters);
	c->waiters[c->waiter_count++] = (struct pp_cred_waiter){ fn, arg };
	if (c->fetching)
		return;
	if (freshness(c) == SPENT && !has_just_failed(c))
		begin_fetch(c);
	else
		pp_timer_set(a->loop, &c->timer, 0, call_waiters, c);
}

void
pp_aws_keys_leave(struct pp_aws *a, pp_aws_keys_fn *fn, void *arg)
{
	struct pp_aws_chain *c = a->chain;

	for (size_t i = 0; i < c->waiter_count; i++) {
		if (c->waiters[i].fn == fn && c->waiters[i].arg == arg) {
			c->waiter_count--;
			memmove(&c->waiters[i], &c->waiters[i + 1],
			    (c->waiter_count - i) * sizeof *c->waiters);
			return;
		}
	}
}

void
pp_aws_keys_expired(struct pp_aws *a)
{
	a->chain->stale = true;
}

/* ---- what sources share ---- */

static char *
member(const struct pp_json *o, const char *name)
{
	const struct pp_json *v = pp_json_get(o, name);

	return v != NULL && v->type == PP_JSON_STRING && v->len > 0 ?
	    pp_json_strdup(v) :
	    NULL;
}

int
pp_cred_read_json(const struct pp_json *o, const char *token,
    struct pp_aws_keys *keys, struct pp_error *err)
{
	char *end = member(o, "Expiration");
	int rc = 0;

	keys->access_key = member(o, "AccessKeyId");
	keys->secret_key = member(o, "SecretAccessKey");
	keys->session_token = member(o, token);
	if (keys->access_key == NULL || keys->secret_key == NULL)
		rc = pp_error_set(err, PP_EAUTH,
		    "no AccessKeyId and SecretAccessKey in the answer");
	else if (end != NULL &&
	    pp_time_parse(end, &keys->expires_at_ms, NULL) < 0)
		rc = pp_error_set(err, PP_EAUTH,
		    "'%s' is not the time of an Expiration", end);
	free(end);
	if (rc < 0)
		pp_aws_keys_release(keys);
	return rc;
}

struct pp_aws_chain *
pp_aws_chain_new(struct pp_aws *a)
{
	struct pp_aws_chain *c = pp_calloc(1, sizeof *c);

	c->aws = a;
	c->child_fd = -1;
	pp_buf_init(&c->child_text, 64 << 10);
	return c;
}

void
pp_aws_chain_free(struct pp_aws_chain *c)
{
	if (c == NULL)
		return;
	if (c->exchange != NULL)
		pp_http_drop(c->exchange);
	pp_timer_cancel(c->aws->loop, &c->timer);
	pp_timer_cancel(c->aws->loop, &c->pause);
	pp_cred_process_stop(c);
	pp_buf_release(&c->child_text);
	pp_aws_keys_release(&c->keys);
	pp_aws_keys_release(&c->got);
	free(c->waiters);
	free(c->url);
	pp_free_secret(c->token);
	free(c);
}
