#include <config.h>

#include "aws/sns.h"

#include <stdio.h>
#include <string.h>

#include "aws/request.h"
#include "aws/uri.h"
#include "base/str.h"

#define MAX_SUBJECT 100

/* Printable ASCII, as SNS wants it of subjects. */
static void
put_subject(struct pp_buf *form, const char *subject)
{
	char text[MAX_SUBJECT + 1];
	size_t n = 0;

	for (; subject[n] != '\0' && n < MAX_SUBJECT; n++)
		text[n] = subject[n] >= ' ' && subject[n] < 127 ? subject[n] :
								  '?';
	text[n] = '\0';
	pp_uri_add_query(form, "Subject", text);
}

int
pp_sns_publish(struct pp_aws *a, const char *topic, const char *subject,
    const char *message, struct pp_error *err)
{
	struct pp_buf form = PP_BUF_INIT;
	struct pp_aws_request r = { .service = PP_AWS_SNS,
		.content_type = "application/x-www-form-urlencoded" };
	struct pp_aws_reply reply;
	int rc;

	if (!pp_starts_with(topic, "arn:") || strstr(topic, ":sns:") == NULL)
		return pp_error_set(err, PP_ECONFIG,
		    "'%s' is not the ARN of an SNS topic", topic);
	pp_buf_adds(&form, "Action=Publish&Version=2010-03-31");
	pp_uri_add_query(&form, "TopicArn", topic);
	put_subject(&form, subject);
	pp_uri_add_query(&form, "Message", message);
	r.body = form.data;
	r.body_len = form.len;
	rc = pp_aws_call(a, &r, &reply, err);
	pp_aws_reply_release(&reply);
	pp_buf_release(&form);
	return rc;
}
