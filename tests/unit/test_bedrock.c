/*
 * Provider bedrock: what is sent for each vendor's models, what their replies
 * mean, and signatures that a server has checked.
 */
#include <config.h>

#include "test.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/json_schema.h"
#include "base/mem.h"
#include "calls.h"
#include "model/bedrock.h"
#include "model/model_int.h"
#include "server.h"

static void
open_setup(struct calls *s, const char *id, const char *url)
{
	setenv("HOME", "/nonexistent", 1);
	setenv("AWS_REGION", "us-east-1", 1);
	setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret+/=", 1);
	setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url, 1);
	unsetenv("AWS_SESSION_TOKEN");
	unsetenv("AWS_BEARER_TOKEN_BEDROCK");
	unsetenv("AWS_PROFILE");
	calls_open(s, "bedrock", id);
}

/* An invoker at a server that has one reply to all; `name` is told. */
struct talk {
	struct scripted *server;
	struct calls calls;
	struct got got;
};

static void
talk_open(struct talk *t, const char *name, const char *id,
    const struct script *reply)
{
	if (name != NULL)
		print_message("# %s\n", name);
	t->server = scripted_start_in_order(reply, 1);
	open_setup(&t->calls, id, scripted_url(t->server));
}

static void
talk_close(struct talk *t)
{
	calls_close(&t->calls);
	scripted_stop(t->server);
}

static const char *const stops[] = { "END", NULL };

static struct pp_call
full_call(struct calls *s)
{
	return (struct pp_call){ .model = &s->model,
		.system = "Be brief.",
		.system_len = 9,
		.prompt = "Say \"it\".",
		.prompt_len = 9,
		.max_tokens = 100,
		.attempt_id = "a-1",
		.temperature = ".5",
		.top_p = "0.9",
		.stop = stops };
}

/* ---- what is sent ---- */

static void
each_vendor_gets_its_body(void **state)
{
	static const struct {
		const char *name, *id;
		bool invoke;
		const char *flag, *path, *body;
	} rows[] = {
		{ "Converse", "us.meta.llama3-1-8b-instruct-v1:0", false, NULL,
		    "/model/us.meta.llama3-1-8b-instruct-v1%3A0/converse",
		    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":"
		    "\"Say \\\"it\\\".\"}]}],\"system\":[{\"text\":\"Be "
		    "brief.\"}],\"inferenceConfig\":{\"maxTokens\":100,"
		    "\"temperature\":0.5,\"topP\":0.9,\"stopSequences\":["
		    "\"END\"]}}" },
		{ "Converse, no system prompt, no sampling",
		    "mistral.mistral-7b-instruct-v0:2", false,
		    "system temperature",
		    "/model/mistral.mistral-7b-instruct-v0%3A2/converse",
		    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":"
		    "\"Be brief.\\n\\nSay \\\"it\\\".\"}]}],"
		    "\"inferenceConfig\":{\"maxTokens\":100,"
		    "\"stopSequences\":[\"END\"]}}" },
		{ "Converse, an ARN",
		    "arn:aws:bedrock:us-east-1:1:inference-profile/"
		    "eu.anthropic.claude-sonnet-5",
		    false, "system temperature",
		    "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-"
		    "profile%2Feu.anthropic.claude-sonnet-5/converse",
		    NULL },
		{ "Claude", "us.anthropic.claude-opus-5", true, NULL,
		    "/model/us.anthropic.claude-opus-5/invoke",
		    "{\"anthropic_version\":\"bedrock-2023-05-31\","
		    "\"max_tokens\":100,\"system\":\"Be brief.\","
		    "\"messages\":[{\"role\":\"user\",\"content\":\"Say "
		    "\\\"it\\\".\"}],\"temperature\":0.5,\"top_p\":0.9,"
		    "\"stop_sequences\":[\"END\"]}" },
		{ "Llama", "us.meta.llama3-3-70b-instruct-v1:0", true, NULL,
		    "/model/us.meta.llama3-3-70b-instruct-v1%3A0/invoke",
		    "{\"prompt\":\"<|begin_of_text|><|start_header_id|>system"
		    "<|end_header_id|>\\n\\nBe brief.<|eot_id|>"
		    "<|start_header_id|>user<|end_header_id|>\\n\\nSay "
		    "\\\"it\\\".<|eot_id|><|start_header_id|>assistant"
		    "<|end_header_id|>\\n\\n\",\"max_gen_len\":100,"
		    "\"temperature\":0.5,\"top_p\":0.9}" },
		{ "Mistral 7B", "mistral.mistral-7b-instruct-v0:2", true,
		    "system",
		    "/model/mistral.mistral-7b-instruct-v0%3A2/invoke",
		    "{\"prompt\":\"<s>[INST] Be brief.\\n\\nSay \\\"it\\\". "
		    "[/INST]\",\"max_tokens\":100,\"temperature\":0.5,"
		    "\"top_p\":0.9,\"stop\":[\"END\"]}" },
		{ "Mistral Large 3", "mistral.mistral-large-3-675b-instruct",
		    true, NULL,
		    "/model/mistral.mistral-large-3-675b-instruct/invoke",
		    "{\"messages\":[{\"role\":\"system\",\"content\":\"Be "
		    "brief.\"},{\"role\":\"user\",\"content\":\"Say "
		    "\\\"it\\\".\"}],\"max_tokens\":100,\"temperature\":0.5,"
		    "\"top_p\":0.9,\"stop\":[\"END\"]}" },
		{ "Cohere", "cohere.command-r-plus-v1:0", true, NULL,
		    "/model/cohere.command-r-plus-v1%3A0/invoke",
		    "{\"message\":\"Say \\\"it\\\".\",\"preamble\":\"Be "
		    "brief.\",\"max_tokens\":100,\"temperature\":0.5,"
		    "\"p\":0.9,\"stop_sequences\":[\"END\"]}" },
		{ "Titan", "amazon.titan-text-express-v1", true, "system",
		    "/model/amazon.titan-text-express-v1/invoke",
		    "{\"inputText\":\"Be brief.\\n\\nSay \\\"it\\\".\","
		    "\"textGenerationConfig\":{\"maxTokenCount\":100,"
		    "\"temperature\":0.5,\"topP\":0.9,\"stopSequences\":["
		    "\"END\"]}}" },
		{ "Nova", "us.amazon.nova-pro-v1:0", true, NULL,
		    "/model/us.amazon.nova-pro-v1%3A0/invoke",
		    "{\"schemaVersion\":\"messages-v1\",\"system\":[{\"text\":"
		    "\"Be brief.\"}],\"messages\":[{\"role\":\"user\","
		    "\"content\":[{\"text\":\"Say \\\"it\\\".\"}]}],"
		    "\"inferenceConfig\":{\"maxTokens\":100,\"temperature\":"
		    "0.5,\"topP\":0.9,\"stopSequences\":[\"END\"]}}" },
	};
	static const struct script reply = { "HTTP/1.1 400 No\r\n\r\n", 0,
		false };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct talk t;
		struct pp_error err = PP_ERROR_INIT;
		const char *last, *body;
		struct pp_call call;

		talk_open(&t, rows[i].name, rows[i].id, &reply);
		if (rows[i].invoke)
			assert_ok(pp_model_set(&t.calls.model, "invoke_model",
				      "true", &err),
			    err);
		if (rows[i].flag != NULL)
			pp_model_set(&t.calls.model, "system", "false", NULL);
		if (rows[i].flag != NULL &&
		    strstr(rows[i].flag, "temperature") != NULL)
			pp_model_set(&t.calls.model, "temperature", "false",
			    NULL);
		pp_invoker_set_run(t.calls.invoker, "job-7");
		call = full_call(&t.calls);
		calls_ask(&t.calls, &call, &t.got);
		last = scripted_last(t.server);
		assert_memory_equal(last, "POST ", 5);
		assert_memory_equal(last + 5, rows[i].path,
		    strlen(rows[i].path));
		assert_non_null(strcasestr(last,
		    "\r\nX-Client-Request-Id: job-7-a-1\r\n"));
		body = strstr(last, "\r\n\r\n") + 4;
		if (rows[i].body != NULL)
			assert_string_equal(body, rows[i].body);
		talk_close(&t);
	}
}

static void
a_guardrail_goes_along(void **state)
{
	static const struct script reply = { "HTTP/1.1 400 No\r\n\r\n", 0,
		false };

	(void)state;
	for (int invoke = 0; invoke < 2; invoke++) {
		struct talk t;
		struct pp_call call;

		talk_open(&t, NULL, "us.anthropic.claude-opus-5", &reply);
		pp_model_set(&t.calls.model, "guardrail", "gr1:DRAFT", NULL);
		if (invoke)
			pp_model_set(&t.calls.model, "invoke_model", "true",
			    NULL);
		call = full_call(&t.calls);
		calls_ask(&t.calls, &call, &t.got);
		assert_non_null(strstr(scripted_last(t.server),
		    invoke ? "X-Amzn-Bedrock-GuardrailIdentifier: gr1\r\n" :
			     "\"guardrailConfig\":{\"guardrailIdentifier\":"
			     "\"gr1\",\"guardrailVersion\":\"DRAFT\"}"));
		talk_close(&t);
	}
}

/* ---- structured answers and cached prompts ---- */

#define SCHEMA \
	"{\"type\":\"object\",\"required\":[\"n\"],\"properties\":{\"n\":" \
	"{\"type\":\"integer\"}}}"

static void
each_way_to_ask_for_json(void **state)
{
	static const struct {
		const char *name, *id, *way;
		bool invoke;
		const char *sent, *not_sent;
	} rows[] = {
		{ "Converse, a tool", "us.amazon.nova-pro-v1:0", "tool", false,
		    "\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":"
		    "\"answer\",\"description\":\"Takes the answer.\","
		    "\"inputSchema\":{\"json\":" SCHEMA "}}}],"
		    "\"toolChoice\":{\"tool\":{\"name\":\"answer\"}}}",
		    "outputConfig" },
		{ "Converse, a schema", "us.anthropic.claude-opus-5", "schema",
		    false,
		    "\"outputConfig\":{\"textFormat\":{\"type\":"
		    "\"json_schema\",\"structure\":{\"jsonSchema\":"
		    "{\"name\":\"answer\",\"schema\":\"{\\\"type\\\":",
		    "toolConfig" },
		{ "Converse, by the prompt",
		    "us.meta.llama3-1-8b-instruct-v1:0", "prompt", false,
		    "fits this JSON Schema:\\n{\\\"type\\\":", "outputConfig" },
		{ "Claude's tool", "anthropic.claude-3-haiku", "tool", true,
		    "\"tools\":[{\"name\":\"answer\",\"description\":"
		    "\"Takes the answer.\",\"input_schema\":" SCHEMA
		    "}],\"tool_choice\":{\"type\":\"tool\",\"name\":"
		    "\"answer\"}",
		    "output_config" },
		{ "Claude's schema", "us.anthropic.claude-opus-5", "schema",
		    true,
		    "\"output_config\":{\"format\":{\"type\":"
		    "\"json_schema\",\"schema\":" SCHEMA "}}",
		    "tools" },
		{ "chat completions", "openai.gpt-oss-20b-1:0", "schema", true,
		    "\"response_format\":{\"type\":\"json_schema\","
		    "\"json_schema\":{\"name\":\"answer\",\"schema\":" SCHEMA
		    "}}",
		    "tools" },
		{ "Cohere, by the prompt", "cohere.command-r-v1:0", "prompt",
		    true, "fits this JSON Schema:\\n{\\\"type\\\":",
		    "response_format" },
	};
	static const struct script reply = { "HTTP/1.1 400 No\r\n\r\n", 0,
		false };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_json_schema *schema = pp_json_schema_new(SCHEMA,
	    strlen(SCHEMA), &err);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct talk t;
		struct pp_call call;

		talk_open(&t, rows[i].name, rows[i].id, &reply);
		pp_model_set(&t.calls.model, "structured", rows[i].way, NULL);
		pp_model_set(&t.calls.model, "invoke_model",
		    rows[i].invoke ? "true" : "false", NULL);
		call = full_call(&t.calls);
		call.schema = schema;
		calls_ask(&t.calls, &call, &t.got);
		assert_non_null(strstr(scripted_last(t.server), rows[i].sent));
		assert_null(strstr(scripted_last(t.server), rows[i].not_sent));
		talk_close(&t);
	}
	pp_json_schema_free(schema);
}

static void
a_way_that_a_vendor_has_not_is_said(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_json_schema *schema = pp_json_schema_new(SCHEMA,
	    strlen(SCHEMA), &err);
	struct pp_call call;
	struct calls s;

	(void)state;
	open_setup(&s, "meta.llama3-70b-instruct-v1:0", "http://127.0.0.1:1");
	pp_model_set(&s.model, "structured", "tool", NULL);
	pp_model_set(&s.model, "invoke_model", "true", NULL);
	call = full_call(&s);
	call.schema = schema;
	assert_null(pp_invoke_send(s.invoker, &call, calls_keep, NULL, &err));
	assert_int_equal(err.code, PP_ECONFIG);
	assert_non_null(strstr(err.text, "set structured: prompt"));
	calls_close(&s);
	pp_json_schema_free(schema);
}

static void
a_system_prompt_is_cached_where_that_can_be(void **state)
{
	static const struct {
		const char *name, *can;
		bool cache, invoke;
		const char *sent;
	} rows[] = {
		{ "Converse", "true", true, false,
		    "\"system\":[{\"text\":\"Be brief.\"},"
		    "{\"cachePoint\":{\"type\":\"default\"}}]" },
		{ "not asked for", "true", false, false,
		    "\"system\":[{\"text\":\"Be brief.\"}]" },
		{ "a model that cannot", "false", true, false,
		    "\"system\":[{\"text\":\"Be brief.\"}]" },
		{ "InvokeModel", "true", true, true,
		    "\"system\":[{\"type\":\"text\",\"text\":\"Be brief.\","
		    "\"cache_control\":{\"type\":\"ephemeral\"}}]" },
	};
	static const struct script reply = { "HTTP/1.1 400 No\r\n\r\n", 0,
		false };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct talk t;
		struct pp_call call;

		talk_open(&t, rows[i].name, "us.anthropic.claude-opus-5",
		    &reply);
		pp_model_set(&t.calls.model, "cache_point", rows[i].can, NULL);
		pp_model_set(&t.calls.model, "invoke_model",
		    rows[i].invoke ? "true" : "false", NULL);
		call = full_call(&t.calls);
		call.cache = rows[i].cache;
		calls_ask(&t.calls, &call, &t.got);
		assert_non_null(strstr(scripted_last(t.server), rows[i].sent));
		talk_close(&t);
	}
}

/* ---- replies ---- */

#define OK_HEAD "HTTP/1.1 200 OK\r\n\r\n"
#define CONVERSE(content, stop, more) \
	OK_HEAD \
	"{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":" content \
	"}},\"stopReason\":\"" stop "\"" more "}"
#define USAGE \
	",\"usage\":{\"inputTokens\":10,\"outputTokens\":5,\"totalTokens\":15}"
#define FAULT(status, type, body) \
	"HTTP/1.1 " status "\r\nx-amzn-ErrorType: " type "\r\n\r\n" body

static const struct {
	const char *name, *reply;
	enum pp_call_class class;
	const char *text;
	enum pp_finish finish;
	int64_t in, out, read, write; /* in -1: no usage */
	const char *reason;	      /* part of it; NULL: none */
} replies[] = {
	{ "a text", CONVERSE("[{\"text\":\"hi\"}]", "end_turn", USAGE),
	    PP_CALL_OK, "hi", PP_FINISH_STOP, 10, 5, 0, 0, NULL },
	{ "reasoning before the text, keys that are new",
	    CONVERSE("[{\"reasoningContent\":{\"reasoningText\":{\"text\":"
		     "\"hm\",\"signature\":\"s\"}}},{\"text\":\"h\"},"
		     "{\"text\":\"i\"}]",
		"end_turn",
		",\"usage\":{\"inputTokens\":10,\"outputTokens\":5,"
		"\"totalTokens\":25,\"cacheReadInputTokens\":7,"
		"\"cacheWriteInputTokens\":3,\"cacheReadInputTokenCount\":7,"
		"\"serverToolUsage\":{}},\"metrics\":{\"latencyMs\":1}"),
	    PP_CALL_OK, "hi", PP_FINISH_STOP, 10, 5, 7, 3, NULL },
	{ "cut at maxTokens",
	    CONVERSE("[{\"text\":\"hi\"}]", "max_tokens", USAGE), PP_CALL_OK,
	    "hi", PP_FINISH_LENGTH, 10, 5, 0, 0, NULL },
	{ "the window is full",
	    CONVERSE("[{\"text\":\"hi\"}]", "model_context_window_exceeded",
		USAGE),
	    PP_CALL_OK, "hi", PP_FINISH_LENGTH, 10, 5, 0, 0, NULL },
	{ "a guardrail",
	    CONVERSE("[{\"text\":\"Sorry.\"}]", "guardrail_intervened", USAGE),
	    PP_CALL_REFUSED, "", PP_FINISH_FILTER, 10, 5, 0, 0, "filtered" },
	{ "filtered", CONVERSE("[]", "content_filtered", USAGE),
	    PP_CALL_REFUSED, "", PP_FINISH_FILTER, 10, 5, 0, 0, "filtered" },
	{ "reasoning alone",
	    CONVERSE("[{\"reasoningContent\":{}}]", "max_tokens", USAGE),
	    PP_CALL_REFUSED, "", PP_FINISH_LENGTH, 10, 5, 0, 0, "no text" },
	{ "no usage", CONVERSE("[{\"text\":\"hi\"}]", "end_turn", ""),
	    PP_CALL_OK, "hi", PP_FINISH_STOP, -1, 0, 0, 0, NULL },
	{ "a negative usage",
	    CONVERSE("[{\"text\":\"hi\"}]", "end_turn",
		",\"usage\":{\"inputTokens\":-1,\"outputTokens\":5}"),
	    PP_CALL_OK, "hi", PP_FINISH_STOP, -1, 0, 0, 0, NULL },
	{ "not JSON", OK_HEAD "{\"output\":", PP_CALL_AMBIGUOUS, "",
	    PP_FINISH_OTHER, -1, 0, 0, 0, "not JSON" },
	{ "empty", OK_HEAD, PP_CALL_AMBIGUOUS, "", PP_FINISH_OTHER, -1, 0, 0, 0,
	    "empty" },
	{ "something else", OK_HEAD "{\"a\":1}", PP_CALL_AMBIGUOUS, "",
	    PP_FINISH_OTHER, -1, 0, 0, 0, "none of Converse" },
	{ "throttled",
	    FAULT("429 Slow", "ThrottlingException:http://x/",
		"{\"message\":\"Too many tokens\"}"),
	    PP_CALL_THROTTLE, "", PP_FINISH_OTHER, -1, 0, 0, 0,
	    "ThrottlingException: Too many tokens" },
	{ "the model's time was up",
	    FAULT("408 Late", "ModelTimeoutException", "{}"), PP_CALL_AMBIGUOUS,
	    "", PP_FINISH_OTHER, -1, 0, 0, 0, "Timeout" },
	{ "the model failed",
	    FAULT("424 Failed", "ModelErrorException",
		"{\"message\":\"x\",\"originalStatusCode\":500}"),
	    PP_CALL_TRANSIENT, "", PP_FINISH_OTHER, -1, 0, 0, 0, "ModelError" },
	{ "the model says no",
	    FAULT("424 Failed", "ModelErrorException",
		"{\"message\":\"x\",\"originalStatusCode\":400}"),
	    PP_CALL_REJECTED, "", PP_FINISH_OTHER, -1, 0, 0, 0, "ModelError" },
	{ "internal", FAULT("500 No", "InternalServerException", "{}"),
	    PP_CALL_TRANSIENT, "", PP_FINISH_OTHER, -1, 0, 0, 0, "Internal" },
	{ "unavailable", FAULT("503 No", "ServiceUnavailableException", "{}"),
	    PP_CALL_TRANSIENT, "", PP_FINISH_OTHER, -1, 0, 0, 0, "Service" },
	{ "a wrong request",
	    FAULT("400 No", "ValidationException",
		"{\"message\":\"temperature is deprecated\"}"),
	    PP_CALL_REJECTED, "", PP_FINISH_OTHER, -1, 0, 0, 0, "deprecated" },
	{ "no access", FAULT("403 No", "AccessDeniedException", "{}"),
	    PP_CALL_CREDENTIALS, "", PP_FINISH_OTHER, -1, 0, 0, 0, "Access" },
	{ "a wrong signature",
	    FAULT("403 No", "InvalidSignatureException", "{}"),
	    PP_CALL_CREDENTIALS, "", PP_FINISH_OTHER, -1, 0, 0, 0,
	    "InvalidSignature" },
	{ "no such model", FAULT("404 No", "ResourceNotFoundException", "{}"),
	    PP_CALL_REJECTED, "", PP_FINISH_OTHER, -1, 0, 0, 0, "NotFound" },
	{ "a quota", FAULT("400 No", "ServiceQuotaExceededException", "{}"),
	    PP_CALL_QUOTA, "", PP_FINISH_OTHER, -1, 0, 0, 0, "Quota" },
	{ "cut", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"output",
	    PP_CALL_AMBIGUOUS, "", PP_FINISH_OTHER, -1, 0, 0, 0, "" },
};

static void
each_reply_means_something(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
		struct script script = { replies[i].reply, 0, false };
		struct talk t;
		const struct pp_answer *a;
		struct pp_call call;

		talk_open(&t, replies[i].name, "us.anthropic.claude-opus-5",
		    &script);
		call = full_call(&t.calls);
		calls_ask(&t.calls, &call, &t.got);
		a = &t.got.answer;
		assert_int_equal(a->class, replies[i].class);
		if (a->class == PP_CALL_OK)
			assert_string_equal(t.got.text, replies[i].text);
		assert_int_equal(a->finish, replies[i].finish);
		assert_int_equal(a->has_usage, replies[i].in >= 0);
		if (a->has_usage) {
			assert_int_equal(a->usage.tokens_in, replies[i].in);
			assert_int_equal(a->usage.tokens_out, replies[i].out);
			assert_int_equal(a->usage.cache_read, replies[i].read);
			assert_int_equal(a->usage.cache_write,
			    replies[i].write);
		}
		if (replies[i].reason != NULL &&
		    strstr(a->reason, replies[i].reason) == NULL)
			fail_msg("reason: %s", a->reason);
		assert_int_equal(scripted_requests(t.server), 1);
		talk_close(&t);
	}
}

#define SIGNAL(status, type, headers, message) \
	"HTTP/1.1 " status "\r\nx-amzn-ErrorType: " type "\r\n" headers \
	"\r\n{\"message\":\"" message "\"}"
#define THROTTLED(headers) \
	SIGNAL("429 Slow", "ThrottlingException", headers, \
	    "Too many tokens, please wait before trying again.")

/* What Bedrock says of its limits, and what comes of it. */
static const struct {
	const char *name, *reply;
	enum pp_call_class class;
	int64_t retry_after_ms;
} signals[] = {
	{ "tokens of a minute", THROTTLED(""), PP_CALL_THROTTLE, -1 },
	{ "requests of a minute",
	    SIGNAL("429 Slow", "ThrottlingException", "",
		"Too many requests, please wait before trying again."),
	    PP_CALL_THROTTLE, -1 },
	{ "tokens of a day",
	    SIGNAL("429 Slow", "ThrottlingException", "",
		"Too many tokens per day, please wait before trying again."),
	    PP_CALL_QUOTA, -1 },
	{ "another service's word for it",
	    SIGNAL("429 Slow", "TooManyRequestsException", "", ""),
	    PP_CALL_THROTTLE, -1 },
	{ "no word at all", "HTTP/1.1 429 Slow\r\n\r\n{}", PP_CALL_THROTTLE,
	    -1 },
	{ "seconds", THROTTLED("Retry-After: 7\r\n"), PP_CALL_THROTTLE, 7000 },
	{ "a date that has passed",
	    THROTTLED("Retry-After: Fri, 20 Nov 2020 10:00:00 GMT\r\n"),
	    PP_CALL_THROTTLE, 0 },
	{ "milliseconds",
	    THROTTLED("Retry-After: 7\r\nx-amz-retry-after: 1500\r\n"),
	    PP_CALL_THROTTLE, 1500 },
	{ "milliseconds that are none",
	    THROTTLED("Retry-After: 7\r\nx-amz-retry-after: soon\r\n"),
	    PP_CALL_THROTTLE, 7000 },
	{ "not ready",
	    SIGNAL("429 Wait", "ModelNotReadyException", "",
		"Model is not ready for inference."),
	    PP_CALL_THROTTLE, -1 },
	{ "the model's own limit",
	    FAULT("424 Failed", "ModelErrorException",
		"{\"message\":\"x\",\"originalStatusCode\":429}"),
	    PP_CALL_THROTTLE, -1 },
	{ "a quota of the account",
	    SIGNAL("400 No", "ServiceQuotaExceededException", "",
		"Your request exceeds the service quota for your account."),
	    PP_CALL_QUOTA, -1 },
	{ "away for a while",
	    SIGNAL("503 No", "ServiceUnavailableException",
		"Retry-After: 3\r\n", "Too many connections"),
	    PP_CALL_TRANSIENT, 3000 },
};

static void
limits_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		struct script script = { signals[i].reply, 0, false };
		struct talk t;
		struct pp_call call;

		talk_open(&t, signals[i].name, "us.anthropic.claude-opus-5",
		    &script);
		call = full_call(&t.calls);
		calls_ask(&t.calls, &call, &t.got);
		assert_int_equal(t.got.answer.class, signals[i].class);
		assert_int_equal(t.got.answer.retry_after_ms,
		    signals[i].retry_after_ms);
		assert_int_equal(scripted_requests(t.server), 1);
		talk_close(&t);
	}
}

static void
answers_are_held_to_a_schema(void **state)
{
	static const struct {
		const char *name, *reply;
		bool invoke;
		enum pp_call_class class;
		const char *text; /* or the reason when it is not OK */
	} rows[] = {
		{ "a text",
		    CONVERSE("[{\"text\":\"{\\\"n\\\":1}\"}]", "end_turn",
			USAGE),
		    false, PP_CALL_OK, "{\"n\":1}" },
		{ "a fence around it",
		    CONVERSE("[{\"text\":\"Here:\\n```json\\n{\\\"n\\\":1}"
			     "\\n```\"}]",
			"end_turn", USAGE),
		    false, PP_CALL_OK, "{\"n\":1}" },
		{ "a tool's input",
		    CONVERSE("[{\"text\":\"I call it.\"},{\"toolUse\":"
			     "{\"toolUseId\":\"t\",\"name\":\"answer\","
			     "\"input\":{\"n\":2}}}]",
			"tool_use", USAGE),
		    false, PP_CALL_OK, "{\"n\":2}" },
		{ "the input of Claude's tool",
		    OK_HEAD "{\"content\":[{\"type\":\"tool_use\",\"id\":"
			    "\"t\",\"name\":\"answer\",\"input\":{\"n\":3}}],"
			    "\"stop_reason\":\"tool_use\",\"usage\":"
			    "{\"input_tokens\":10,\"output_tokens\":5}}",
		    true, PP_CALL_OK, "{\"n\":3}" },
		{ "not what was asked for",
		    CONVERSE("[{\"text\":\"{\\\"n\\\":\\\"x\\\"}\"}]",
			"end_turn", USAGE),
		    false, PP_CALL_MALFORMED, "/n: must be of type integer" },
		{ "no JSON",
		    CONVERSE("[{\"text\":\"one\"}]", "end_turn", USAGE), false,
		    PP_CALL_MALFORMED, "does not fit the schema" },
		{ "cut",
		    CONVERSE("[{\"text\":\"{\\\"n\\\":\"}]", "max_tokens",
			USAGE),
		    false, PP_CALL_REFUSED, "cut at max_tokens" },
		{ "the service could not read it",
		    CONVERSE("[]", "malformed_tool_use", USAGE), false,
		    PP_CALL_MALFORMED, "malformed" },
	};
	struct pp_error err = PP_ERROR_INIT;
	struct pp_json_schema *schema = pp_json_schema_new(SCHEMA,
	    strlen(SCHEMA), &err);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct script script = { rows[i].reply, 0, false };
		struct talk t;
		struct pp_call call;

		talk_open(&t, rows[i].name, "us.anthropic.claude-opus-5",
		    &script);
		pp_model_set(&t.calls.model, "structured", "tool", NULL);
		pp_model_set(&t.calls.model, "invoke_model",
		    rows[i].invoke ? "true" : "false", NULL);
		call = full_call(&t.calls);
		call.schema = schema;
		calls_ask(&t.calls, &call, &t.got);
		assert_int_equal(t.got.answer.class, rows[i].class);
		assert_true(t.got.answer.has_usage);
		assert_int_equal(t.got.answer.usage.tokens_out, 5);
		if (strstr(t.got.answer.class == PP_CALL_OK ?
			    t.got.text :
			    t.got.answer.reason,
			rows[i].text) == NULL)
			fail_msg("%s, %s", t.got.text, t.got.answer.reason);
		if (t.got.answer.class == PP_CALL_OK)
			assert_string_equal(t.got.text, rows[i].text);
		talk_close(&t);
	}
	pp_json_schema_free(schema);
}

/* ---- signed calls ---- */

static const char *const signed_args[] = { "--aws-account",
	"AKIDEXAMPLE:secret+/=", "--bytes", "40", NULL };

static void
signatures_are_right(void **state)
{
	static const struct {
		const char *id, *invoke;
	} rows[] = {
		{ "us.meta.llama3-1-8b-instruct-v1:0", "false" },
		{ "arn:aws:bedrock:us-east-1:1:inference-profile/x.y",
		    "false" },
		{ "us.anthropic.claude-opus-5", "true" },
		{ "us.meta.llama3-3-70b-instruct-v1:0", "true" },
		{ "mistral.mistral-7b-instruct-v0:2", "true" },
		{ "mistral.mistral-large-3-675b-instruct", "true" },
		{ "cohere.command-r-plus-v1:0", "true" },
		{ "amazon.titan-text-express-v1", "true" },
		{ "amazon.nova-pro-v1:0", "true" },
		{ "openai.gpt-oss-20b-1:0", "true" },
	};
	struct mock m;

	(void)state;
	mock_start(&m, false, signed_args);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_call call;
		struct calls s;
		struct got g;

		open_setup(&s, rows[i].id, m.url);
		pp_model_set(&s.model, "invoke_model", rows[i].invoke, NULL);
		call = full_call(&s);
		calls_ask(&s, &call, &g);
		if (g.answer.class != PP_CALL_OK)
			fail_msg("%s: %s", rows[i].id, g.answer.reason);
		assert_int_equal(strlen(g.text), 40);
		assert_int_equal(g.answer.finish, PP_FINISH_STOP);
		assert_true(g.answer.has_usage);
		assert_int_equal(g.answer.usage.tokens_out, 10);
		assert_true(g.answer.usage.tokens_in > 0);
		calls_close(&s);
	}
	assert_int_equal(mock_counter(&m, "unauthorized"), 0);
	mock_stop(&m);
}

static void
a_wrong_secret_stops(void **state)
{
	struct pp_call call;
	struct calls s;
	struct mock m;
	struct got g;

	(void)state;
	mock_start(&m, false, signed_args);
	open_setup(&s, "us.meta.llama3-1-8b-instruct-v1:0", m.url);
	setenv("AWS_SECRET_ACCESS_KEY", "another", 1);
	call = full_call(&s);
	calls_ask(&s, &call, &g);
	assert_int_equal(g.answer.class, PP_CALL_CREDENTIALS);
	assert_int_equal(mock_counter(&m, "unauthorized"), 1);
	calls_close(&s);
	mock_stop(&m);
}

static void
a_bearer_token_needs_no_keys(void **state)
{
	static const struct script reply = {
		CONVERSE("[{\"text\":\"hi\"}]", "end_turn", USAGE), 0, false
	};
	struct talk t;
	struct pp_call call;

	(void)state;
	talk_open(&t, NULL, "us.anthropic.claude-opus-5", &reply);
	unsetenv("AWS_ACCESS_KEY_ID");
	setenv("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-x", 1);
	call = full_call(&t.calls);
	calls_ask(&t.calls, &call, &t.got);
	assert_int_equal(t.got.answer.class, PP_CALL_OK);
	assert_non_null(strstr(scripted_last(t.server),
	    "\r\nAuthorization: Bearer bedrock-api-key-x\r\n"));
	talk_close(&t);
	unsetenv("AWS_BEARER_TOKEN_BEDROCK");
}

static void
what_cannot_be_called_is_said(void **state)
{
	static const struct {
		const char *name, *unset, *field, *value, *says;
	} rows[] = {
		{ "no region", "AWS_REGION", NULL, NULL, "no AWS region" },
		{ "no keys", "AWS_ACCESS_KEY_ID", NULL, NULL,
		    "no AWS credentials" },
		{ "a guardrail without a version", NULL, "guardrail", "gr1",
		    "ID:VERSION" },
		{ "an end of life", NULL, "status", "end-of-life",
		    "no longer offered" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct calls s;

		open_setup(&s, "us.anthropic.claude-opus-5",
		    "http://127.0.0.1:1");
		setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
		assert_true(pp_model_is_configured(&s.model, &err));
		if (rows[i].unset != NULL)
			unsetenv(rows[i].unset);
		if (rows[i].field != NULL)
			pp_model_set(&s.model, rows[i].field, rows[i].value,
			    NULL);
		assert_false(pp_model_is_configured(&s.model, &err));
		if (strstr(err.text, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].name, err.text);
		calls_close(&s);
	}
}

static void
a_profile_is_of_its_part_of_the_world(void **state)
{
	static const struct {
		const char *id, *region;
		bool can;
	} rows[] = {
		{ "us.meta.llama3-1-8b-instruct-v1:0", "us-west-2", true },
		{ "us.meta.llama3-1-8b-instruct-v1:0", "eu-west-1", false },
		{ "eu.anthropic.claude-opus-5", "eu-north-1", true },
		{ "eu.anthropic.claude-opus-5", "us-east-1", false },
		{ "apac.anthropic.claude-opus-4-7", "ap-south-1", true },
		{ "apac.anthropic.claude-opus-4-7", "eu-west-1", false },
		{ "jp.anthropic.claude-fable-5", "ap-northeast-3", true },
		{ "jp.anthropic.claude-fable-5", "ap-southeast-2", false },
		{ "jp.anthropic.claude-fable-5", "ap-northeast-2", false },
		{ "au.anthropic.claude-opus-5-5", "ap-southeast-4", true },
		{ "au.anthropic.claude-opus-5-5", "ap-southeast-1", false },
		{ "ca.amazon.nova-lite-v1:0", "ca-west-1", true },
		{ "ca.amazon.nova-lite-v1:0", "us-east-1", false },
		{ "us-gov.anthropic.claude-x", "us-gov-west-1", true },
		{ "us-gov.anthropic.claude-x", "us-west-1", false },
		{ "us.anthropic.claude-opus-5", "us-gov-west-1", false },
		{ "us.anthropic.claude-opus-5", "ca-central-1", true },
		{ "global.anthropic.claude-opus-5", "sa-east-1", true },
		{ "global.anthropic.claude-opus-5", "us-gov-east-1", false },
		{ "amazon.nova-lite-v1:0", "sa-east-1", true },
		{ "arn:aws:bedrock:eu-west-1:1:inference-profile/us.x.y",
		    "eu-west-1", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct calls s;

		open_setup(&s, rows[i].id, "http://127.0.0.1:1");
		setenv("AWS_REGION", rows[i].region, 1);
		if (pp_model_is_configured(&s.model, &err) != rows[i].can)
			fail_msg("%s from %s: %s", rows[i].id, rows[i].region,
			    err.text);
		if (!rows[i].can)
			assert_non_null(strstr(err.text, rows[i].region));
		calls_close(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_vendor_gets_its_body),
		cmocka_unit_test(a_guardrail_goes_along),
		cmocka_unit_test(each_way_to_ask_for_json),
		cmocka_unit_test(a_way_that_a_vendor_has_not_is_said),
		cmocka_unit_test(a_system_prompt_is_cached_where_that_can_be),
		cmocka_unit_test(each_reply_means_something),
		cmocka_unit_test(limits_are_understood),
		cmocka_unit_test(answers_are_held_to_a_schema),
		cmocka_unit_test(signatures_are_right),
		cmocka_unit_test(a_wrong_secret_stops),
		cmocka_unit_test(a_bearer_token_needs_no_keys),
		cmocka_unit_test(what_cannot_be_called_is_said),
		cmocka_unit_test(a_profile_is_of_its_part_of_the_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
