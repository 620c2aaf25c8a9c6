#include <config.h>

#include "aws/sts.h"

#include <stdlib.h>
#include <string.h>

#include "aws/request.h"
#include "aws/xml_leaf.h"
#include "base/mem.h"
#include "base/str.h"

int
pp_sts_caller(struct pp_aws *a, struct pp_sts_identity *out,
    struct pp_error *err)
{
	static const char form[] =
	    "Action=GetCallerIdentity&Version=2011-06-15";
	struct pp_aws_request r = { .service = PP_AWS_STS,
		.content_type = "application/x-www-form-urlencoded",
		.body = form,
		.body_len = sizeof form - 1 };
	struct pp_aws_reply reply;
	int rc = pp_aws_call(a, &r, &reply, err);

	memset(out, 0, sizeof *out);
	if (rc == 0) {
		out->account = pp_xml_leaf(reply.body, reply.body_len,
		    "Account");
		out->arn = pp_xml_leaf(reply.body, reply.body_len, "Arn");
		out->user_id = pp_xml_leaf(reply.body, reply.body_len,
		    "UserId");
		if (out->arn == NULL || out->account == NULL)
			rc = pp_error_set(err, PP_EUNAVAIL,
			    "sts: the reply names nobody");
	}
	pp_aws_reply_release(&reply);
	return rc;
}

void
pp_sts_identity_release(struct pp_sts_identity *i)
{
	free(i->account);
	free(i->arn);
	free(i->user_id);
	memset(i, 0, sizeof *i);
}

/* The part of the ARN that names somebody. */
static const char *
name_part(const char *arn, size_t *len)
{
	static const char role[] = ":assumed-role/";
	static const char sso[] = "AWSReservedSSO_";
	const char *at = strstr(arn, role);

	if (at == NULL) {
		at = strrchr(arn, '/');
		if (at == NULL)
			at = strrchr(arn, ':');
		at = at != NULL ? at + 1 : arn;
		*len = strlen(at);
		return at;
	}
	at += strlen(role);
	if (pp_starts_with(at, sso) && strchr(at, '/') != NULL) {
		at = strchr(at, '/') + 1;
		*len = strlen(at);
	} else {
		*len = strcspn(at, "/");
	}
	return at;
}

char *
pp_sts_name(const char *arn)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	struct pp_buf name = PP_BUF_INIT;
	size_t len;
	const char *at = name_part(arn, &len);

	for (size_t i = 0; i < len; i++) {
		bool first = i == 0 && (at[i] == '.' || at[i] == '-');

		if (strchr(plain, at[i]) != NULL && !first)
			pp_buf_addc(&name, at[i]);
		else
			pp_buf_addf(&name, "_%02X", (unsigned char)at[i]);
	}
	return pp_buf_detach(&name, NULL);
}
