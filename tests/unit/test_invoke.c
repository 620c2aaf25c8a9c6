/*
 * Model calls: what is sent, how every kind of reply is read, and what each
 * means for the row, the worker and the money.
 */
#include <config.h>

#include "test.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "calls.h"
#include "model/model_int.h"
#include "model/invoke_int.h"
#include "server.h"

struct setup {
	struct calls c;
	char url[128];
};

static void
open_setup(struct setup *s, const char *provider, const char *base, int script)
{
	struct pp_error err = PP_ERROR_INIT;

	calls_open(&s->c, provider, "served-model");
	if (base != NULL) {
		snprintf(s->url, sizeof s->url, "%s/%d/v1", base, script);
		assert_ok(pp_model_set(&s->c.model, "url", s->url, &err), err);
	}
}

static struct pp_call
simple_call(struct setup *s)
{
	struct pp_call c = { .model = &s->c.model,
		.prompt = "Say it.",
		.prompt_len = 7,
		.max_tokens = 100 };

	return c;
}

/* ---- replies ---- */

#define CHOICE(message, finish) \
	"{\"choices\":[{\"index\":0,\"message\":" message \
	",\"finish_reason\":" finish "}]"
#define USAGE ",\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}"
#define TEXT "{\"role\":\"assistant\",\"content\":\"hi\"}"

static const struct {
	const char *name;
	int status;
	const char *headers, *body;
	enum pp_call_class class;
	const char *text;
	enum pp_finish finish;
	int64_t in, out, cached; /* in -1: no usage */
	const char *reason;	 /* part of it; NULL: none */
} replies[] = {
	{ "as OpenAI has it", 200, "", CHOICE(TEXT, "\"stop\"") USAGE,
	    PP_CALL_OK, "hi", PP_FINISH_STOP, 10, 5, 0, NULL },
	{ "as llama.cpp has it", 200, "",
	    "{\"choices\":[{\"finish_reason\":"
	    "\"length\",\"index\":0,\"message\":" TEXT "}],\"created\":1,"
	    "\"model\":\"x\",\"object\":\"chat.completion\",\"usage\":"
	    "{\"completion_tokens\":5,\"prompt_tokens\":10,"
	    "\"total_tokens\":15},\"timings\":{\"predicted_ms\":1.5}}",
	    PP_CALL_OK, "hi", PP_FINISH_LENGTH, 10, 5, 0, NULL },
	{ "as vLLM has it", 200, "",
	    "{\"id\":\"c\",\"choices\":[{\"index\":0,"
	    "\"message\":{\"role\":\"assistant\",\"reasoning_content\":null,"
	    "\"content\":\"hi\",\"tool_calls\":[]},\"logprobs\":null,"
	    "\"finish_reason\":\"stop\",\"stop_reason\":null}],\"usage\":"
	    "{\"prompt_tokens\":10,\"total_tokens\":15,"
	    "\"completion_tokens\":5,\"prompt_tokens_details\":null},"
	    "\"prompt_logprobs\":null}",
	    PP_CALL_OK, "hi", PP_FINISH_STOP, 10, 5, 0, NULL },
	{ "as Ollama has it", 200, "",
	    "{\"id\":\"chatcmpl-1\",\"object\":"
	    "\"chat.completion\",\"created\":1,\"model\":\"m\","
	    "\"system_fingerprint\":\"fp_ollama\",\"choices\":[{\"index\":0,"
	    "\"message\":" TEXT ",\"finish_reason\":\"stop\"}]" USAGE "\n",
	    PP_CALL_OK, "hi", PP_FINISH_STOP, 10, 5, 0, NULL },
	{ "escapes in the text", 200, "",
	    CHOICE("{\"content\":\"a\\n\\u00e9\\ud83d\\ude00\\\"\"}",
		"\"stop\"") USAGE,
	    PP_CALL_OK, "a\n\xc3\xa9\xf0\x9f\x98\x80\"", PP_FINISH_STOP, 10, 5,
	    0, NULL },
	{ "half a surrogate pair", 200, "",
	    CHOICE("{\"content\":\"a\\ud83d\"}", "\"stop\"") USAGE, PP_CALL_OK,
	    "a\xef\xbf\xbd", PP_FINISH_STOP, 10, 5, 0, NULL },
	{ "text in parts", 200, "",
	    CHOICE(
		"{\"content\":[{\"type\":\"text\","
		"\"text\":\"h\"},{\"type\":\"thinking\",\"x\":1},{\"text\":\"i\"}]"
		"}",
		"\"stop\"") USAGE,
	    PP_CALL_OK, "hi", PP_FINISH_STOP, 10, 5, 0, NULL },
	{ "an empty text is a text", 200, "",
	    CHOICE("{\"content\":\"\"}", "\"length\"") USAGE, PP_CALL_OK, "",
	    PP_FINISH_LENGTH, 10, 5, 0, NULL },
	{ "cached tokens", 200, "",
	    CHOICE(TEXT,
		"\"stop\"") ",\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,"
			    "\"prompt_tokens_details\":{\"cached_tokens\":8}}}",
	    PP_CALL_OK, "hi", PP_FINISH_STOP, 2, 5, 8, NULL },
	{ "more cached than there was", 200, "",
	    CHOICE(TEXT,
		"\"stop\"") ",\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,"
			    "\"prompt_tokens_details\":{\"cached_tokens\":11}}}",
	    PP_CALL_OK, "hi", PP_FINISH_STOP, -1, 0, 0, NULL },
	{ "no usage", 200, "", CHOICE(TEXT, "\"stop\"") "}", PP_CALL_OK, "hi",
	    PP_FINISH_STOP, -1, 0, 0, NULL },
	{ "usage of another type", 200, "",
	    CHOICE(TEXT,
		"\"stop\"") ",\"usage\":{\"prompt_tokens\":\"10\",\"completion_tokens\":5}}",
	    PP_CALL_OK, "hi", PP_FINISH_STOP, -1, 0, 0, NULL },
	{ "negative usage", 200, "",
	    CHOICE(TEXT,
		"\"stop\"") ",\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":5}}",
	    PP_CALL_OK, "hi", PP_FINISH_STOP, -1, 0, 0, NULL },
	{ "usage that is null", 200, "",
	    CHOICE(TEXT, "\"stop\"") ",\"usage\":null}", PP_CALL_OK, "hi",
	    PP_FINISH_STOP, -1, 0, 0, NULL },
	{ "an end nobody knows", 200, "", CHOICE(TEXT, "\"meteor\"") USAGE,
	    PP_CALL_OK, "hi", PP_FINISH_OTHER, 10, 5, 0, NULL },
	{ "no end", 200, "", CHOICE(TEXT, "null") USAGE, PP_CALL_OK, "hi",
	    PP_FINISH_OTHER, 10, 5, 0, NULL },
	{ "a refusal", 200, "",
	    CHOICE("{\"content\":null,\"refusal\":"
		   "\"I will not.\"}",
		"\"stop\"") USAGE,
	    PP_CALL_REFUSED, "", PP_FINISH_STOP, 10, 5, 0,
	    "the model refused: I will not." },
	{ "filtered", 200, "",
	    CHOICE("{\"content\":\"h\"}", "\"content_filter\"") USAGE,
	    PP_CALL_REFUSED, "h", PP_FINISH_FILTER, 10, 5, 0, "filtered" },
	{ "no text", 200, "",
	    CHOICE("{\"content\":null,\"tool_calls\":[{}]}", "\"tool_calls\"")
		USAGE,
	    PP_CALL_REFUSED, "", PP_FINISH_OTHER, 10, 5, 0, "no text" },
	{ "no choices", 200, "", "{\"choices\":[]" USAGE, PP_CALL_REFUSED, "",
	    PP_FINISH_OTHER, 10, 5, 0, "no choices" },
	{ "nothing", 200, "", "", PP_CALL_AMBIGUOUS, "", PP_FINISH_OTHER, -1, 0,
	    0, "the reply is empty" },
	{ "no JSON", 200, "", "<html>busy</html>", PP_CALL_AMBIGUOUS, "",
	    PP_FINISH_OTHER, -1, 0, 0, "not JSON" },
	{ "JSON that breaks off", 200, "", "{\"choices\":[{\"mess",
	    PP_CALL_AMBIGUOUS, "", PP_FINISH_OTHER, -1, 0, 0, "not JSON" },
	{ "text that is not UTF-8", 200, "",
	    CHOICE("{\"content\":\"\xff\xfe\"}", "\"stop\"") USAGE,
	    PP_CALL_AMBIGUOUS, "", PP_FINISH_OTHER, -1, 0, 0, "not JSON" },
	{ "another kind of JSON", 200, "", "{\"object\":\"list\"}",
	    PP_CALL_AMBIGUOUS, "", PP_FINISH_OTHER, -1, 0, 0, "no chat" },
	{ "a number", 200, "", "42", PP_CALL_AMBIGUOUS, "", PP_FINISH_OTHER, -1,
	    0, 0, "no chat" },
	{ "choices of another type", 200, "", "{\"choices\":\"hi\"" USAGE,
	    PP_CALL_AMBIGUOUS, "", PP_FINISH_OTHER, -1, 0, 0, "no chat" },
	{ "a choice of another type", 200, "", "{\"choices\":[7]" USAGE,
	    PP_CALL_AMBIGUOUS, "", PP_FINISH_OTHER, -1, 0, 0, "no message" },
	{ "a message of another type", 200, "",
	    CHOICE("\"hi\"", "\"stop\"") USAGE, PP_CALL_AMBIGUOUS, "",
	    PP_FINISH_OTHER, -1, 0, 0, "no message" },
	{ "content of another type", 200, "",
	    CHOICE("{\"content\":7}", "\"stop\"") USAGE, PP_CALL_AMBIGUOUS, "",
	    PP_FINISH_STOP, -1, 0, 0, "no text" },
	{ "an error that says success", 200, "",
	    "{\"error\":{\"message\":\"upstream down\",\"code\":502}}",
	    PP_CALL_AMBIGUOUS, "", PP_FINISH_OTHER, -1, 0, 0, "upstream down" },
	{ "no content", 204, "", "", PP_CALL_AMBIGUOUS, "", PP_FINISH_OTHER, -1,
	    0, 0, "empty" },
	{ "moved", 302, "Location: /\r\n", "", PP_CALL_REJECTED, "",
	    PP_FINISH_OTHER, -1, 0, 0, "status 302" },
	{ "a bad request", 400, "",
	    "{\"error\":{\"message\":\"no such "
	    "parameter\",\"type\":\"invalid_request_error\"}}",
	    PP_CALL_REJECTED, "", PP_FINISH_OTHER, -1, 0, 0,
	    "status 400: no such parameter" },
	{ "as vLLM complains", 400, "",
	    "{\"object\":\"error\",\"message\":"
	    "\"too long\",\"type\":\"BadRequestError\",\"code\":400}",
	    PP_CALL_REJECTED, "", PP_FINISH_OTHER, -1, 0, 0, "too long" },
	{ "as Ollama complains", 404, "",
	    "{\"error\":\"model 'x' not "
	    "found\"}",
	    PP_CALL_REJECTED, "", PP_FINISH_OTHER, -1, 0, 0,
	    "model 'x' not found" },
	{ "a prompt that is too long", 413, "",
	    "{\"error\":{\"code\":"
	    "\"context_length_exceeded\",\"message\":\"m\"}}",
	    PP_CALL_REJECTED, "", PP_FINISH_OTHER, -1, 0, 0, "status 413" },
	{ "a wrong key", 401, "", "{\"error\":{\"message\":\"bad key\"}}",
	    PP_CALL_CREDENTIALS, "", PP_FINISH_OTHER, -1, 0, 0, "bad key" },
	{ "a key without rights", 403, "", "", PP_CALL_CREDENTIALS, "",
	    PP_FINISH_OTHER, -1, 0, 0, "status 403" },
	{ "a wrong key by another status", 400, "",
	    "{\"error\":{\"code\":"
	    "\"invalid_api_key\",\"message\":\"m\"}}",
	    PP_CALL_CREDENTIALS, "", PP_FINISH_OTHER, -1, 0, 0, "status 400" },
	{ "no money", 402, "", "", PP_CALL_QUOTA, "", PP_FINISH_OTHER, -1, 0, 0,
	    "status 402" },
	{ "no money left", 429, "Retry-After: 1\r\n",
	    "{\"error\":{\"type\":"
	    "\"insufficient_quota\",\"message\":\"pay\"}}",
	    PP_CALL_QUOTA, "", PP_FINISH_OTHER, -1, 0, 0, "pay" },
	{ "slow down", 429, "Retry-After: 3\r\n", "", PP_CALL_THROTTLE, "",
	    PP_FINISH_OTHER, -1, 0, 0, "status 429" },
	{ "overloaded", 529, "", "", PP_CALL_THROTTLE, "", PP_FINISH_OTHER, -1,
	    0, 0, "status 529" },
	{ "timed out over there", 408, "", "", PP_CALL_TRANSIENT, "",
	    PP_FINISH_OTHER, -1, 0, 0, "status 408" },
	{ "a conflict", 409, "", "", PP_CALL_TRANSIENT, "", PP_FINISH_OTHER, -1,
	    0, 0, "status 409" },
	{ "too early", 425, "", "", PP_CALL_TRANSIENT, "", PP_FINISH_OTHER, -1,
	    0, 0, "status 425" },
	{ "unprocessable", 422, "", "{\"detail\":\"extra field\"}",
	    PP_CALL_REJECTED, "", PP_FINISH_OTHER, -1, 0, 0, "extra field" },
	{ "broken", 500, "", "<h1>oops</h1>", PP_CALL_TRANSIENT, "",
	    PP_FINISH_OTHER, -1, 0, 0, "status 500" },
	{ "a bad gateway", 502, "", "", PP_CALL_TRANSIENT, "", PP_FINISH_OTHER,
	    -1, 0, 0, "status 502" },
	{ "as llama.cpp loads", 503, "",
	    "{\"error\":{\"code\":503,"
	    "\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}",
	    PP_CALL_TRANSIENT, "", PP_FINISH_OTHER, -1, 0, 0, "Loading model" },
	{ "not made for this", 501, "", "", PP_CALL_REJECTED, "",
	    PP_FINISH_OTHER, -1, 0, 0, "status 501" },
};

#define NREPLIES (sizeof replies / sizeof replies[0])

static struct script *
make_scripts(void)
{
	struct script *s = pp_calloc(NREPLIES, sizeof *s);

	for (size_t i = 0; i < NREPLIES; i++) {
		s[i].reply = pp_asprintf("HTTP/1.1 %d Status\r\n%s"
					 "Content-Length: %zu\r\n\r\n%s",
		    replies[i].status, replies[i].headers,
		    replies[i].status == 204 ? 0 : strlen(replies[i].body),
		    replies[i].body);
		s[i].keep = false;
	}
	return s;
}

static void
free_scripts(struct script *s)
{
	for (size_t i = 0; i < NREPLIES; i++)
		free((char *)(uintptr_t)s[i].reply);
	free(s);
}

static void
check_reply(size_t i, const struct got *g)
{
	const struct pp_answer *a = &g->answer;
	const char *name = replies[i].name;

	if (a->class != replies[i].class)
		fail_msg("%s: class %s, %s", name,
		    pp_call_class_info(a->class)->name, a->reason);
	if (a->http_status != replies[i].status)
		fail_msg("%s: status %d", name, a->http_status);
	if (strcmp(g->text, replies[i].text) != 0)
		fail_msg("%s: text '%s'", name, g->text);
	if (a->finish != replies[i].finish)
		fail_msg("%s: finish %s", name, pp_finish_name(a->finish));
	if (a->has_usage != (replies[i].in >= 0))
		fail_msg("%s: has_usage %d", name, (int)a->has_usage);
	if (a->has_usage &&
	    (a->usage.tokens_in != replies[i].in ||
		a->usage.tokens_out != replies[i].out ||
		a->usage.cache_read != replies[i].cached))
		fail_msg("%s: other usage", name);
	if (strcmp(g->raw, replies[i].body) != 0)
		fail_msg("%s: raw '%s'", name, g->raw);
	if (replies[i].reason == NULL ?
		a->reason[0] != '\0' :
		strstr(a->reason, replies[i].reason) == NULL)
		fail_msg("%s: reason '%s'", name, a->reason);
	if (a->class != PP_CALL_OK && !a->has_usage &&
	    pp_call_class_info(a->class)->maybe_billed !=
		(replies[i].status < 300))
		fail_msg("%s: money is wrong", name);
}

static void
every_reply_is_read_for_what_it_is(void **state)
{
	struct script *scripts = make_scripts();
	struct scripted *server = scripted_start(scripts, NREPLIES);

	(void)state;
	for (size_t i = 0; i < NREPLIES; i++) {
		struct setup s;
		struct pp_call call;
		struct got g;

		open_setup(&s, "openai", scripted_url(server), (int)i);
		call = simple_call(&s);
		calls_send(&s.c, &call, &g);
		calls_wait(&s.c, &g);
		check_reply(i, &g);
		assert_true(pp_utf8_valid(g.answer.reason,
		    strlen(g.answer.reason), NULL));
		calls_close(&s.c);
	}
	assert_int_equal(scripted_requests(server), NREPLIES);
	scripted_stop(server);
	free_scripts(scripts);
}

static void
a_wait_that_is_asked_for_is_passed_on(void **state)
{
	static const struct script script = {
		"HTTP/1.1 429 Slow\r\n"
		"Retry-After: 3\r\nContent-Length: 0\r\n\r\n",
		0, true
	};
	struct scripted *server = scripted_start(&script, 1);
	struct setup s;
	struct pp_call call;
	struct got g;

	(void)state;
	open_setup(&s, "openai", scripted_url(server), 0);
	call = simple_call(&s);
	calls_send(&s.c, &call, &g);
	calls_wait(&s.c, &g);
	assert_int_equal(g.answer.class, PP_CALL_THROTTLE);
	assert_int_equal(g.answer.retry_after_ms, 3000);
	calls_close(&s.c);
	scripted_stop(server);
}

/* ---- requests ---- */

static const struct script good = {
	"HTTP/1.1 200 OK\r\nContent-Length: 92\r\n"
	"\r\n{\"choices\":[{\"message\":{\"content\":\"hi\"}}],"
	"\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}",
	0, true
};

static void
a_request_says_what_the_call_says(void **state)
{
	static const char *const stop[] = { "END", "\n\n", NULL };
	static const struct {
		const char *name, *fields[7];
		const char *system, *temperature, *top_p;
		bool stops;
		const char *body;
	} rows[] = {
		{ "the least", { NULL }, NULL, NULL, NULL, false,
		    "{\"model\":\"served-model\",\"messages\":[{\"role\":"
		    "\"user\",\"content\":\"Say \\\"it\\\".\"}],"
		    "\"max_tokens\":100}" },
		{ "all of it", { "seed", "true", NULL }, "Be brief.", "0.8",
		    "1", true,
		    "{\"model\":\"served-model\",\"messages\":[{\"role\":"
		    "\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\","
		    "\"content\":\"Say \\\"it\\\".\"}],\"max_tokens\":100,"
		    "\"temperature\":0.8,\"top_p\":1,\"stop\":[\"END\","
		    "\"\\n\\n\"],\"seed\":7}" },
		{ "decimals that JSON has not", { NULL }, NULL, ".5", "1.",
		    false,
		    "{\"model\":\"served-model\",\"messages\":[{\"role\":"
		    "\"user\",\"content\":\"Say \\\"it\\\".\"}],"
		    "\"max_tokens\":100,\"temperature\":0.5,\"top_p\":1.0}" },
		{ "a model that takes less",
		    { "temperature", "false", "system", "false",
			"max_completion_tokens", "true", NULL },
		    "Be brief.", "0.8", "1", false,
		    "{\"model\":\"served-model\",\"messages\":[{\"role\":"
		    "\"user\",\"content\":\"Be brief.\\n\\nSay \\\"it\\\".\"}],"
		    "\"max_completion_tokens\":100}" },
	};
	struct scripted *server = scripted_start(&good, 1);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		const char *seen;
		struct pp_call call;
		struct setup s;
		struct got g;

		open_setup(&s, "openai", scripted_url(server), 0);
		for (size_t f = 0; rows[i].fields[f] != NULL; f += 2)
			assert_ok(pp_model_set(&s.c.model, rows[i].fields[f],
				      rows[i].fields[f + 1], &err),
			    err);
		call = simple_call(&s);
		call.prompt = "Say \"it\".";
		call.prompt_len = strlen(call.prompt);
		call.system = rows[i].system;
		call.system_len = call.system != NULL ? strlen(call.system) : 0;
		call.temperature = rows[i].temperature;
		call.top_p = rows[i].top_p;
		call.stop = rows[i].stops ? stop : NULL;
		call.seed = UINT64_C(0xffffffff80000007);
		calls_send(&s.c, &call, &g);
		calls_wait(&s.c, &g);
		assert_int_equal(g.answer.class, PP_CALL_OK);
		seen = strstr(scripted_last(server), "\r\n\r\n") + 4;
		if (strcmp(seen, rows[i].body) != 0)
			fail_msg("%s: %s", rows[i].name, seen);
		if (pp_call_bytes(&call) < call.system_len + call.prompt_len)
			fail_msg("%s: too few bytes", rows[i].name);
		calls_close(&s.c);
	}
	scripted_stop(server);
}

static void
the_url_leads_to_chat_completions(void **state)
{
	static const char *const ends[] = { "/0/v1", "/0/v1/", "/0/v1//",
		"/0/v1/chat/completions", "/0/v1/chat/completions/" };
	struct scripted *server = scripted_start(&good, 1);

	(void)state;
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		char url[128];
		struct setup s;
		struct pp_call call;
		struct got g;

		open_setup(&s, "openai", scripted_url(server), 0);
		snprintf(url, sizeof url, "%s%s", scripted_url(server),
		    ends[i]);
		pp_model_set(&s.c.model, "url", url, NULL);
		call = simple_call(&s);
		calls_send(&s.c, &call, &g);
		calls_wait(&s.c, &g);
		if (strncmp(scripted_last(server),
			"POST /0/v1/chat/completions HTTP/1.1\r\n", 38) != 0)
			fail_msg("%s", ends[i]);
		calls_close(&s.c);
	}
	scripted_stop(server);
}

static void
key_and_id_go_into_headers(void **state)
{
	struct scripted *server = scripted_start(&good, 1);
	struct setup s;
	struct pp_call call;
	struct got g;

	(void)state;
	setenv("PP_TEST_KEY", "sk-test-123", 1);
	open_setup(&s, "openai", scripted_url(server), 0);
	pp_model_set(&s.c.model, "key_env", "PP_TEST_KEY", NULL);
	pp_invoker_set_run(s.c.invoker, "job-7");
	call = simple_call(&s);
	call.attempt_id = "attempt-77";
	calls_send(&s.c, &call, &g);
	calls_wait(&s.c, &g);
	assert_non_null(strstr(scripted_last(server),
	    "\r\nAuthorization: Bearer sk-test-123\r\n"));
	assert_non_null(strstr(scripted_last(server),
	    "\r\nX-Client-Request-Id: job-7-attempt-77\r\n"));
	assert_null(strstr(strstr(scripted_last(server), "\r\n\r\n"),
	    "sk-test"));
	calls_close(&s.c);
	open_setup(&s, "openai", scripted_url(server), 0);
	call = simple_call(&s);
	calls_send(&s.c, &call, &g);
	calls_wait(&s.c, &g);
	assert_null(strstr(scripted_last(server), "Authorization"));
	calls_close(&s.c);
	scripted_stop(server);
}

static void
a_key_that_comes_back_is_struck_out(void **state)
{
	static const struct script script = {
		"HTTP/1.1 401 No\r\n"
		"Content-Length: 81\r\n\r\n{\"error\":{\"message\":"
		"\"wrong key sk-test-123\",\"key\":\"sk-test-123 sk-test-123\""
		"}}        ",
		0, true
	};
	struct scripted *server = scripted_start(&script, 1);
	struct setup s;
	struct pp_call call;
	struct got g;

	(void)state;
	setenv("PP_TEST_KEY", "sk-test-123", 1);
	open_setup(&s, "openai", scripted_url(server), 0);
	pp_model_set(&s.c.model, "key_env", "PP_TEST_KEY", NULL);
	call = simple_call(&s);
	calls_send(&s.c, &call, &g);
	calls_wait(&s.c, &g);
	assert_int_equal(g.answer.class, PP_CALL_CREDENTIALS);
	assert_string_equal(g.answer.reason,
	    "status 401: wrong key ***********");
	assert_null(strstr(g.raw, "sk-test"));
	assert_non_null(strstr(g.raw, "\"key\":\"*********** ***********\""));
	calls_close(&s.c);
	scripted_stop(server);
}

static void
what_cannot_be_called_is_refused_before(void **state)
{
	static const struct {
		const char *name, *provider, *url, *key_env, *says;
	} rows[] = {
		{ "bedrock", "bedrock", NULL, NULL, "no AWS region" },
		{ "no url", "openai", NULL, NULL, "has no url" },
		{ "no key", "openai", "http://127.0.0.1:1/v1", "PP_NO_SUCH",
		    "PP_NO_SUCH" },
		{ "plain http", "openai", "http://example.com/v1", NULL,
		    "plain http" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct setup s;
		struct pp_call call;
		struct got g;

		open_setup(&s, rows[i].provider, NULL, 0);
		pp_model_set(&s.c.model, "url", rows[i].url, NULL);
		pp_model_set(&s.c.model, "key_env", rows[i].key_env, NULL);
		call = simple_call(&s);
		assert_null(pp_invoke_send(s.c.invoker, &call, calls_keep, &g,
		    &err));
		assert_int_equal(err.code, PP_ECONFIG);
		if (strstr(err.text, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].name, err.text);
		calls_close(&s.c);
	}
}

static void
a_server_that_is_not_there_costs_nothing(void **state)
{
	struct setup s;
	struct pp_call call;
	struct got g;

	(void)state;
	open_setup(&s, "openai", "http://127.0.0.1:1", 0);
	call = simple_call(&s);
	calls_send(&s.c, &call, &g);
	calls_wait(&s.c, &g);
	assert_int_equal(g.answer.class, PP_CALL_TRANSIENT);
	assert_int_equal(g.answer.http_status, 0);
	assert_false(pp_call_class_info(g.answer.class)->maybe_billed);
	assert_true(g.answer.reason[0] != '\0');
	calls_close(&s.c);
}

/* ---- the mock server ---- */

struct crowd {
	struct setup *setup;
	int left, under_way, next;
	int classes[PP_NCALL_CLASSES];
	int64_t tokens_in, tokens_out;
};

static void call_on(struct crowd *w);

static void
count(void *arg, const struct pp_answer *a)
{
	struct crowd *w = arg;

	w->under_way--;
	w->classes[a->class]++;
	if (a->has_usage) {
		w->tokens_in += a->usage.tokens_in;
		w->tokens_out += a->usage.tokens_out;
	}
	call_on(w);
}

static void
call_on(struct crowd *w)
{
	static char prompts[1024][32];
	struct pp_call call = simple_call(w->setup);
	struct pp_error err = PP_ERROR_INIT;
	char *prompt = prompts[w->next % 1024];

	if (w->left == 0)
		return;
	w->left--;
	w->under_way++;
	call.prompt_len = (size_t)snprintf(prompt, sizeof prompts[0],
	    "prompt %d", w->next++);
	call.prompt = prompt;
	if (pp_invoke_send(w->setup->c.invoker, &call, count, w, &err) == NULL)
		fail_msg("%s", err.text);
}

/* Both sides keep the same books. */
static void
what_is_counted_is_what_the_server_counts(void **state)
{
	static const char *const args[] = { "--fault", "reset=0.05", "--fault",
		"garbage=0.05", "--fault", "empty=0.05", "--fault", "429=0.1",
		"--fault", "500=0.1", NULL };
	struct pp_error err = PP_ERROR_INIT;
	struct crowd w = { .left = 1000 };
	struct setup s;
	struct mock m;
	long long doubtful;

	(void)state;
	mock_start(&m, false, args);
	open_setup(&s, "openai", m.url, 0);
	w.setup = &s;
	for (int i = 0; i < 8; i++)
		call_on(&w);
	while (w.under_way > 0)
		assert_ok(pp_loop_turn(s.c.loop, 10000, &err), err);
	doubtful = mock_counter(&m, "reset") + mock_counter(&m, "garbage") +
	    mock_counter(&m, "empty");
	assert_int_equal(mock_counter(&m, "requests"), 1000);
	assert_int_equal(w.classes[PP_CALL_OK], mock_counter(&m, "ok"));
	assert_int_equal(w.classes[PP_CALL_AMBIGUOUS], doubtful);
	assert_int_equal(w.classes[PP_CALL_THROTTLE], mock_counter(&m, "429"));
	assert_int_equal(w.classes[PP_CALL_TRANSIENT], mock_counter(&m, "500"));
	assert_true(w.classes[PP_CALL_OK] > 500 && doubtful > 50);
	assert_true(w.tokens_out >= w.classes[PP_CALL_OK]);
	calls_close(&s.c);
	mock_stop(&m);
}

/* ---- the provider in this process ---- */

static const char lesson[] =
    "The river runs under the old bridge. The old bridge carries the road. "
    "The road leads to the harbour, and the harbour opens on the sea! "
    "Who has seen the sea under the morning star? The morning star stands "
    "over the river. Caf\xc3\xa9s stand along the road to the harbour.";

static void
ask_local(struct setup *s, uint64_t seed, int64_t max_tokens,
    const char *const *stop, struct got *g)
{
	struct pp_call call = simple_call(s);

	call.seed = seed;
	call.max_tokens = max_tokens;
	call.stop = stop;
	calls_send(&s->c, &call, g);
	calls_wait(&s->c, g);
	assert_int_equal(g->answer.class, PP_CALL_OK);
}

static void
the_local_model_says_the_same_for_the_same_seed(void **state)
{
	struct setup s[2];
	struct got a, b;
	int different = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		open_setup(&s[i], "local", NULL, 0);
		pp_invoker_learn(s[i].c.invoker, lesson, sizeof lesson - 1);
	}
	for (uint64_t seed = 0; seed < 200; seed++) {
		ask_local(&s[0], seed, 200, NULL, &a);
		ask_local(&s[1], seed, 200, NULL, &b);
		assert_string_equal(a.text, b.text);
		ask_local(&s[1], seed + 1000, 200, NULL, &b);
		different += strcmp(a.text, b.text) != 0;
	}
	assert_true(different > 180);
	calls_close(&s[0].c);
	calls_close(&s[1].c);
}

static void
the_local_model_keeps_to_its_bounds(void **state)
{
	static const char *const stop[] = { "river", NULL };
	bool learned = false;
	struct setup s;
	struct got g;

	(void)state;
	open_setup(&s, "local", NULL, 0);
again:
	for (uint64_t seed = 0; seed < 300; seed++) {
		int64_t max = (int64_t)seed % 30 + 1;

		ask_local(&s, seed, max, NULL, &g);
		assert_true(g.answer.has_usage);
		assert_true(g.answer.usage.tokens_out >= 1 &&
		    g.answer.usage.tokens_out <= max);
		assert_int_equal(g.answer.usage.tokens_out,
		    pp_ngram_count(g.text, strlen(g.text)));
		assert_int_equal(g.answer.usage.tokens_in, 2);
		assert_true(pp_utf8_valid(g.text, strlen(g.text), NULL));
		if (g.answer.finish == PP_FINISH_STOP &&
		    strchr(".!?", g.text[strlen(g.text) - 1]) == NULL)
			fail_msg("'%s' is no sentence", g.text);
		if (g.answer.finish == PP_FINISH_LENGTH)
			assert_int_equal(g.answer.usage.tokens_out, max);
		ask_local(&s, seed, 100, stop, &g);
		assert_null(strstr(g.text, "river"));
		assert_int_equal(g.answer.finish, PP_FINISH_STOP);
	}
	if (!learned) {
		learned = true;
		pp_invoker_learn(s.c.invoker, lesson, sizeof lesson - 1);
		goto again;
	}
	calls_close(&s.c);
}

static void
the_local_model_uses_the_words_it_was_taught(void **state)
{
	struct setup s;
	struct got g;
	char *word, *rest;

	(void)state;
	open_setup(&s, "local", NULL, 0);
	pp_invoker_learn(s.c.invoker, "bad \xff text", 10);
	pp_invoker_learn(s.c.invoker, lesson, sizeof lesson - 1);
	for (uint64_t seed = 0; seed < 100; seed++) {
		ask_local(&s, seed, 60, NULL, &g);
		for (word = strtok_r(g.text, " ", &rest); word != NULL;
		     word = strtok_r(NULL, " ", &rest)) {
			size_t n = strlen(word);

			while (n > 1 && strchr(".!?,", word[n - 1]) != NULL)
				word[--n] = '\0';
			if (strstr(lesson, word) == NULL)
				fail_msg("'%s' was not taught", word);
		}
	}
	calls_close(&s.c);
}

static void
odd_lessons_do_no_harm(void **state)
{
	static const char *const lessons[] = { "", " ", "word", "a b", "...",
		"\n\n\t", "one. two! three?", "x\x01y z", "\xe2\x80\x83" };
	char *huge = pp_malloc(PP_NGRAM_MAX_BYTES + 1);

	(void)state;
	memset(huge, 'w', PP_NGRAM_MAX_BYTES + 1);
	for (size_t i = 0; i < sizeof lessons / sizeof lessons[0]; i++) {
		struct setup s;
		struct got g;

		open_setup(&s, "local", NULL, 0);
		pp_invoker_learn(s.c.invoker, lessons[i], strlen(lessons[i]));
		pp_invoker_learn(s.c.invoker, huge, PP_NGRAM_MAX_BYTES + 1);
		ask_local(&s, i, 50, NULL, &g);
		assert_true(g.answer.text_len > 0);
		ask_local(&s, i, 1, NULL, &g);
		assert_true(g.answer.text_len > 0);
		calls_close(&s.c);
	}
	free(huge);
}

static void
the_local_model_answers_thousands(void **state)
{
	enum { CALLS = 4000 };
	struct pp_error err = PP_ERROR_INIT;
	struct crowd w = { .left = CALLS };
	struct setup s;

	(void)state;
	open_setup(&s, "local", NULL, 0);
	pp_invoker_learn(s.c.invoker, lesson, sizeof lesson - 1);
	w.setup = &s;
	for (int i = 0; i < 8; i++)
		call_on(&w);
	while (w.under_way > 0)
		assert_ok(pp_loop_turn(s.c.loop, 10000, &err), err);
	assert_int_equal(w.classes[PP_CALL_OK], CALLS);
	calls_close(&s.c);
}

/* Nobody answers the handshake, so the request is never sent. */
static void
what_was_cancelled_before_it_was_sent_cost_nothing(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pp_error err = PP_ERROR_INIT;
	socklen_t len = sizeof a;
	struct pp_invocation *v;
	struct pp_call call;
	struct setup s;
	struct got g;
	char url[64];

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 4), 0);
	getsockname(fd, (struct sockaddr *)&a, &len);
	snprintf(url, sizeof url, "https://127.0.0.1:%d", ntohs(a.sin_port));
	open_setup(&s, "openai", url, 0);
	call = simple_call(&s);
	v = calls_send(&s.c, &call, &g);
	assert_ok(pp_loop_turn(s.c.loop, 10, &err), err);
	pp_invoke_cancel(v);
	calls_wait(&s.c, &g);
	assert_int_equal(g.answer.class, PP_CALL_CANCELLED);
	assert_true(g.answer.has_usage);
	assert_int_equal(g.answer.usage.tokens_in, 0);
	calls_close(&s.c);
	close(fd);
}

static void
a_cancelled_call_is_answered_once(void **state)
{
	static const char *const args[] = { "--latency", "5000", NULL };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_invocation *v;
	struct pp_call call;
	struct setup s;
	struct mock m;
	struct got g, other;

	(void)state;
	mock_start(&m, false, args);
	open_setup(&s, "openai", m.url, 0);
	call = simple_call(&s);
	v = calls_send(&s.c, &call, &g);
	calls_send(&s.c, &call, &other);
	for (int i = 0; i < 10; i++)
		assert_ok(pp_loop_turn(s.c.loop, 10, &err), err);
	pp_invoke_cancel(v);
	calls_wait(&s.c, &g);
	assert_int_equal(g.answer.class, PP_CALL_CANCELLED);
	assert_false(g.answer.has_usage);
	assert_int_equal(other.calls, 0);
	calls_close(&s.c); /* what is under way is not called back */
	assert_int_equal(other.calls, 0);
	assert_int_equal(g.calls, 1);
	mock_stop(&m);

	open_setup(&s, "local", NULL, 0);
	call = simple_call(&s);
	v = calls_send(&s.c, &call, &g);
	calls_send(&s.c, &call, &other);
	pp_invoke_cancel(v);
	calls_wait(&s.c, &g);
	assert_int_equal(g.answer.class, PP_CALL_CANCELLED);
	calls_send(&s.c, &call, &g);
	calls_close(&s.c);
	assert_int_equal(g.calls, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reply_is_read_for_what_it_is),
		cmocka_unit_test(a_wait_that_is_asked_for_is_passed_on),
		cmocka_unit_test(a_request_says_what_the_call_says),
		cmocka_unit_test(the_url_leads_to_chat_completions),
		cmocka_unit_test(key_and_id_go_into_headers),
		cmocka_unit_test(a_key_that_comes_back_is_struck_out),
		cmocka_unit_test(what_cannot_be_called_is_refused_before),
		cmocka_unit_test(a_server_that_is_not_there_costs_nothing),
		cmocka_unit_test(what_is_counted_is_what_the_server_counts),
		cmocka_unit_test(
		    the_local_model_says_the_same_for_the_same_seed),
		cmocka_unit_test(the_local_model_keeps_to_its_bounds),
		cmocka_unit_test(the_local_model_uses_the_words_it_was_taught),
		cmocka_unit_test(odd_lessons_do_no_harm),
		cmocka_unit_test(the_local_model_answers_thousands),
		cmocka_unit_test(
		    what_was_cancelled_before_it_was_sent_cost_nothing),
		cmocka_unit_test(a_cancelled_call_is_answered_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
