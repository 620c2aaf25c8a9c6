/*
 * Sources that ask STS for the keys of a role: with other keys that we have,
 * or with a token that somebody else vouches with.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/cred_int.h"
#include "aws/uri.h"
#include "aws/xml_leaf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"

#define MAX_TOKEN_BYTES ((size_t)64 << 10)
#define DEFAULT_SESSION "plot-palette"

static void
add_role(struct pp_buf *form, const struct pp_cred_role *role)
{
	pp_uri_add_query(form, "RoleArn", role->arn);
	pp_uri_add_query(form, "RoleSessionName",
	    role->session_name != NULL ? role->session_name : DEFAULT_SESSION);
	if (role->external_id != NULL)
		pp_uri_add_query(form, "ExternalId", role->external_id);
	if (role->duration != NULL)
		pp_uri_add_query(form, "DurationSeconds", role->duration);
}

static char *
leaf(const struct pp_aws_reply *r, const char *name)
{
	return pp_xml_leaf(r->body, r->body_len, name);
}

static void
take_reply(struct pp_aws_chain *c, const struct pp_aws_reply *r,
    const struct pp_cred_role *role)
{
	struct pp_aws_keys keys = { .access_key = leaf(r, "AccessKeyId"),
		.secret_key = leaf(r, "SecretAccessKey"),
		.session_token = leaf(r, "SessionToken") };
	char *end = leaf(r, "Expiration");

	snprintf(keys.source, sizeof keys.source, "%.*s%srole %s",
	    (int)sizeof keys.source / 2, c->got.source,
	    c->got.source[0] != '\0' ? ", " : "web identity, ", role->arn);
	if (keys.access_key == NULL || keys.secret_key == NULL ||
	    (end != NULL &&
		pp_time_parse(end, &keys.expires_at_ms, NULL) < 0)) {
		pp_aws_keys_release(&keys);
		pp_cred_failed(c, PP_EAUTH, "STS gave no keys for %s",
		    role->arn);
	} else {
		pp_cred_got(c, &keys);
	}
	free(end);
}

static void
fail_fault(struct pp_aws_chain *c, const struct pp_aws_fault *f,
    const struct pp_cred_role *role)
{
	struct pp_error err = PP_ERROR_INIT;

	pp_aws_fault_error(f, role->arn, &err);
	pp_cred_failed(c, err.code == PP_EDATA ? PP_EAUTH : err.code,
	    "cannot assume %s", err.text);
}

static void
send_form(struct pp_aws_chain *c, const struct pp_buf *form,
    const struct pp_aws_keys *keys, pp_aws_fn *fn)
{
	struct pp_aws_request r = { .service = PP_AWS_STS,
		.content_type = "application/x-www-form-urlencoded",
		.body = form->data,
		.body_len = form->len,
		.keys = keys,
		.anonymous = keys == NULL };
	struct pp_error err = PP_ERROR_INIT;

	c->send = pp_aws_send(c->aws, &r, fn, c, &err);
	if (c->send == NULL)
		pp_cred_failed(c, err.code, "%s", err.text);
}

/* ---- roles assumed with keys ---- */

static void
on_assumed(void *arg, const struct pp_aws_reply *r)
{
	struct pp_aws_chain *c = arg;
	const struct pp_cred_role
	    *role = &c->plan.roles[c->plan.role_count - 1 - c->next_role];

	c->send = NULL;
	if (r->fault.class != PP_AWS_OK) {
		fail_fault(c, &r->fault, role);
		return;
	}
	c->next_role++;
	take_reply(c, r, role);
}

void
pp_cred_assume(struct pp_aws_chain *c)
{
	struct pp_buf *form = &c->child_text;

	pp_buf_clear(form);
	pp_buf_adds(form, "Action=AssumeRole&Version=2011-06-15");
	add_role(form, &c->plan.roles[c->plan.role_count - 1 - c->next_role]);
	send_form(c, form, &c->got, on_assumed);
}

/* ---- web identity ---- */

static void
on_identity(void *arg, const struct pp_aws_reply *r)
{
	struct pp_aws_chain *c = arg;

	c->send = NULL;
	if (r->fault.class != PP_AWS_OK)
		fail_fault(c, &r->fault, &c->plan.identity);
	else
		take_reply(c, r, &c->plan.identity);
}

/* The file is read each time: whoever gave the token replaces it. */
void
pp_cred_web_identity(struct pp_aws_chain *c)
{
	struct pp_buf token = PP_BUF_INIT_MAX(MAX_TOKEN_BYTES);
	struct pp_buf *form = &c->child_text;
	struct pp_error err = PP_ERROR_INIT;

	if (pp_io_read_file(c->plan.token_file, &token, &err) < 0) {
		pp_buf_release(&token);
		pp_cred_failed(c, PP_EAUTH, "%s", err.text);
		return;
	}
	token.data[strcspn(token.data, "\r\n")] = '\0';
	pp_buf_clear(form);
	pp_buf_adds(form,
	    "Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
	add_role(form, &c->plan.identity);
	pp_uri_add_query(form, "WebIdentityToken", token.data);
	pp_buf_release(&token);
	send_form(c, form, NULL, on_identity);
}
