#include <config.h>

#include "aws/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/xml_leaf.h"
#include "base/json.h"

/*
 * Codes that say more than the status does. Those of S3 and of the query
 * protocols stand beside the JSON services': none means two things.
 */
static const struct {
	const char *code;
	enum pp_aws_class class;
} codes[] = {
	{ "Throttling", PP_AWS_THROTTLED },
	{ "ThrottlingException", PP_AWS_THROTTLED },
	{ "ThrottledException", PP_AWS_THROTTLED },
	{ "RequestThrottledException", PP_AWS_THROTTLED },
	{ "RequestThrottled", PP_AWS_THROTTLED },
	{ "TooManyRequestsException", PP_AWS_THROTTLED },
	{ "ProvisionedThroughputExceededException", PP_AWS_THROTTLED },
	{ "RequestLimitExceeded", PP_AWS_THROTTLED },
	{ "BandwidthLimitExceeded", PP_AWS_THROTTLED },
	{ "LimitExceededException", PP_AWS_THROTTLED },
	{ "SlowDown", PP_AWS_THROTTLED },
	{ "TransactionInProgressException", PP_AWS_THROTTLED },
	{ "PriorRequestNotComplete", PP_AWS_THROTTLED },
	{ "EC2ThrottledException", PP_AWS_THROTTLED },
	{ "ModelNotReadyException", PP_AWS_THROTTLED },

	{ "RequestTimeout", PP_AWS_TRANSIENT },
	{ "RequestTimeoutException", PP_AWS_TRANSIENT },
	{ "InternalError", PP_AWS_TRANSIENT },
	{ "InternalServerError", PP_AWS_TRANSIENT },
	{ "InternalServerException", PP_AWS_TRANSIENT },
	{ "InternalFailure", PP_AWS_TRANSIENT },
	{ "ServerException", PP_AWS_TRANSIENT },
	{ "ServiceUnavailable", PP_AWS_TRANSIENT },
	{ "ServiceUnavailableException", PP_AWS_TRANSIENT },
	{ "ReplicatedWriteConflictException", PP_AWS_TRANSIENT },
	{ "BadDigest", PP_AWS_TRANSIENT },
	{ "IDPCommunicationError", PP_AWS_TRANSIENT },
	{ "IDPCommunicationErrorException", PP_AWS_TRANSIENT },

	{ "RequestTimeTooSkewed", PP_AWS_SKEWED },
	{ "RequestExpired", PP_AWS_SKEWED },
	{ "RequestInTheFuture", PP_AWS_SKEWED },
	{ "InvalidSignatureException", PP_AWS_SKEWED },
	{ "SignatureDoesNotMatch", PP_AWS_SKEWED },
	{ "AuthFailure", PP_AWS_SKEWED },

	{ "ExpiredToken", PP_AWS_EXPIRED },
	{ "ExpiredTokenException", PP_AWS_EXPIRED },
	{ "TokenRefreshRequired", PP_AWS_EXPIRED },

	{ "AccessDenied", PP_AWS_DENIED },
	{ "AccessDeniedException", PP_AWS_DENIED },
	{ "UnauthorizedOperation", PP_AWS_DENIED },
	{ "UnrecognizedClientException", PP_AWS_DENIED },
	{ "InvalidClientTokenId", PP_AWS_DENIED },
	{ "InvalidAccessKeyId", PP_AWS_DENIED },
	{ "InvalidToken", PP_AWS_DENIED },
	{ "MissingAuthenticationToken", PP_AWS_DENIED },
	{ "MissingAuthenticationTokenException", PP_AWS_DENIED },
	{ "IncompleteSignature", PP_AWS_DENIED },
	{ "IncompleteSignatureException", PP_AWS_DENIED },
	{ "InvalidIdentityToken", PP_AWS_DENIED },

	{ "NoSuchKey", PP_AWS_NOT_FOUND },
	{ "NoSuchBucket", PP_AWS_NOT_FOUND },
	{ "NoSuchUpload", PP_AWS_NOT_FOUND },
	{ "NoSuchVersion", PP_AWS_NOT_FOUND },
	{ "NotFound", PP_AWS_NOT_FOUND },
	{ "NotFoundException", PP_AWS_NOT_FOUND },
	{ "ResourceNotFoundException", PP_AWS_NOT_FOUND },
	{ "ClusterNotFoundException", PP_AWS_NOT_FOUND },

	{ "InvalidObjectState", PP_AWS_REJECTED }, /* archived */

	{ "PreconditionFailed", PP_AWS_CONFLICT },
	{ "ConditionalRequestConflict", PP_AWS_CONFLICT },
	{ "OperationAborted", PP_AWS_CONFLICT },
	{ "ConditionalCheckFailedException", PP_AWS_CONFLICT },
	{ "TransactionCanceledException", PP_AWS_CONFLICT },
	{ "TransactionConflictException", PP_AWS_CONFLICT },
	{ "BucketAlreadyOwnedByYou", PP_AWS_CONFLICT },
	{ "ResourceInUseException", PP_AWS_CONFLICT },
};

/* What is left is told by the status; the first row that fits counts. */
static const struct {
	int from, to;
	enum pp_aws_class class;
} statuses[] = {
	{ 200, 299, PP_AWS_OK },
	{ 304, 304, PP_AWS_NOT_MODIFIED },
	{ 401, 401, PP_AWS_DENIED },
	{ 403, 403, PP_AWS_DENIED },
	{ 404, 404, PP_AWS_NOT_FOUND },
	{ 407, 407, PP_AWS_DENIED }, /* a proxy's */
	{ 408, 408, PP_AWS_TRANSIENT },
	{ 412, 412, PP_AWS_CONFLICT },
	{ 429, 429, PP_AWS_THROTTLED },
	{ 500, 500, PP_AWS_TRANSIENT },
	{ 502, 504, PP_AWS_TRANSIENT },
};

static enum pp_aws_class
classify(const char *code, int status)
{
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].class;
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
		if (status >= statuses[i].from && status <= statuses[i].to)
			return statuses[i].class;
	return PP_AWS_REJECTED;
}

/*
 * "com.amazonaws.dynamodb.v20120810#ThrottlingException" and
 * "ThrottlingException:http://internal.amazon.com/coral/..." alike.
 */
static void
set_code(struct pp_aws_fault *f, const char *text)
{
	const char *hash = strrchr(text, '#');

	if (hash != NULL)
		text = hash + 1;
	snprintf(f->code, sizeof f->code, "%.*s", (int)strcspn(text, ":"),
	    text);
}

/* One line, whatever the service sent. */
static void
set_message(struct pp_aws_fault *f, const char *text)
{
	struct pp_error line = PP_ERROR_INIT;

	pp_error_set(&line, PP_OK, "%s", text);
	snprintf(f->message, sizeof f->message, "%.*s",
	    (int)sizeof f->message - 1, line.text);
}

/* ---- JSON ---- */

static char *
member(const struct pp_json *root, const char *const *names)
{
	for (; *names != NULL; names++) {
		const struct pp_json *v = pp_json_get(root, *names);

		if (v != NULL && v->type == PP_JSON_STRING && v->len > 0)
			return pp_json_strdup(v);
	}
	return NULL;
}

static void
read_json(struct pp_aws_fault *f, const struct pp_http_reply *r)
{
	static const char *const types[] = { "__type", "code", NULL };
	static const char *const texts[] = { "message", "Message",
		"errorMessage", NULL };
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *root = pp_json_parse(&doc, r->body, r->body_len,
	    PP_JSON_LONE_SURROGATES, NULL);
	char *type = NULL, *text = NULL;

	if (root != NULL) {
		type = member(root, types);
		text = member(root, texts);
	}
	if (type != NULL && f->code[0] == '\0')
		set_code(f, type);
	if (text != NULL)
		set_message(f, text);
	free(type);
	free(text);
	pp_json_doc_release(&doc);
}

/* ---- XML ---- */

static void
read_xml(struct pp_aws_fault *f, const struct pp_http_reply *r)
{
	char *code = pp_xml_leaf(r->body, r->body_len, "Code");
	char *text = pp_xml_leaf(r->body, r->body_len, "Message");
	char *id = pp_xml_leaf(r->body, r->body_len, "RequestId");

	if (code != NULL && f->code[0] == '\0')
		set_code(f, code);
	if (text != NULL)
		set_message(f, text);
	if (id != NULL && f->request_id[0] == '\0')
		snprintf(f->request_id, sizeof f->request_id, "%s", id);
	free(code);
	free(text);
	free(id);
}

/* ---- both ---- */

static void
read_request_id(struct pp_aws_fault *f, const struct pp_http_reply *r)
{
	static const char *const names[] = { "x-amzn-RequestId",
		"x-amz-request-id", "x-amzn-request-id" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (pp_http_header(r, names[i], f->request_id,
			sizeof f->request_id))
			return;
}

static void
read_answer(struct pp_aws_fault *f, const struct pp_http_reply *r)
{
	char type[sizeof f->code + 256];
	size_t blank = 0;

	if (r->status >= 200 && r->status <= 299)
		return;
	read_request_id(f, r);
	if (pp_http_header(r, "x-amzn-ErrorType", type, sizeof type))
		set_code(f, type);
	while (blank < r->body_len && strchr(" \t\r\n", r->body[blank]) != NULL)
		blank++;
	if (blank < r->body_len && r->body[blank] == '<')
		read_xml(f, r);
	else if (blank < r->body_len)
		read_json(f, r);
	f->class = classify(f->code, r->status);
	if (f->code[0] == '\0')
		snprintf(f->code, sizeof f->code, "status %d", r->status);
}

void
pp_aws_fault_read(struct pp_aws_fault *f, const struct pp_http_reply *r)
{
	static const struct {
		enum pp_aws_class class;
		const char *code;
	} outcomes[] = {
		[PP_HTTP_ANSWERED] = { PP_AWS_OK, "" },
		[PP_HTTP_NOT_SENT] = { PP_AWS_TRANSIENT, "cannot connect" },
		[PP_HTTP_AMBIGUOUS] = { PP_AWS_AMBIGUOUS, "no whole reply" },
		[PP_HTTP_CANCELLED] = { PP_AWS_CANCELLED, "cancelled" },
	};

	memset(f, 0, sizeof *f);
	f->class = outcomes[r->outcome].class;
	if (r->outcome == PP_HTTP_ANSWERED) {
		read_answer(f, r);
		return;
	}
	snprintf(f->code, sizeof f->code, "%s", outcomes[r->outcome].code);
	set_message(f, r->error);
}

bool
pp_aws_fault_is(const struct pp_aws_fault *f, const char *code)
{
	return strcmp(f->code, code) == 0;
}

enum pp_code pp_aws_class_code(enum pp_aws_class class)
{
	switch (class) {
	case PP_AWS_OK: return PP_OK;
	case PP_AWS_NOT_MODIFIED: return PP_EEXIST;
	case PP_AWS_THROTTLED: return PP_ETEMP;
	case PP_AWS_TRANSIENT:
	case PP_AWS_AMBIGUOUS: return PP_EUNAVAIL;
	case PP_AWS_SKEWED:
	case PP_AWS_EXPIRED:
	case PP_AWS_DENIED: return PP_EAUTH;
	case PP_AWS_NOT_FOUND: return PP_ENOENT;
	case PP_AWS_CONFLICT: return PP_ECONFLICT;
	case PP_AWS_REJECTED: return PP_EDATA;
	case PP_AWS_CANCELLED: return PP_ETEMP;
	}
	return PP_EBUG;
}

int
pp_aws_fault_error(const struct pp_aws_fault *f, const char *what,
    struct pp_error *err)
{
	return pp_error_set(err, pp_aws_class_code(f->class),
	    "%s: %s%s%s%s%s%s", what, f->code,
	    f->message[0] != '\0' ? ": " : "", f->message,
	    f->request_id[0] != '\0' ? " (request " : "", f->request_id,
	    f->request_id[0] != '\0' ? ")" : "");
}
