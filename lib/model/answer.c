/* What the providers that speak JSON over HTTP have in common. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_schema.h"
#include "model/invoke_int.h"

/* A certificate store of one's own: ours, AWS's, or OpenSSL's variable. */
int
pp_invoker_http(struct pp_invoker *i, struct pp_error *err)
{
	static const char *const variables[] = { "PP_CA_FILE", "AWS_CA_BUNDLE",
		"SSL_CERT_FILE" };
	struct pp_http_options o = { .max_in_flight = i->max_in_flight };

	if (i->http != NULL)
		return 0;
	for (size_t n = 0;
	     o.ca_file == NULL && n < sizeof variables / sizeof variables[0];
	     n++) {
		const char *ca = getenv(variables[n]);

		if (ca != NULL && ca[0] != '\0')
			o.ca_file = ca;
	}
	i->http = pp_http_new(i->loop, &o, err);
	if (i->http == NULL)
		return -1;
	pp_http_set_end(i->http, i->end_us);
	return 0;
}

/* ---- requests ---- */

/* ".5", "1." and "007" are numbers to people and not in JSON. */
static bool
is_json_decimal(const char *text)
{
	size_t whole = strspn(text, "0123456789"), fraction;

	if (whole == 0 || (whole > 1 && text[0] == '0'))
		return false;
	if (text[whole] == '\0')
		return true;
	fraction = strspn(text + whole + 1, "0123456789");
	return text[whole] == '.' && fraction > 0 &&
	    text[whole + 1 + fraction] == '\0';
}

void
pp_call_put_decimal(struct pp_buf *b, const char *text)
{
	if (is_json_decimal(text))
		pp_buf_adds(b, text);
	else
		pp_json_put_double(b, strtod(text, NULL));
}

bool
pp_call_is_structured(const struct pp_call *c, enum pp_structured way)
{
	return c->schema != NULL && c->model->structured == way;
}

void
pp_call_put_schema(struct pp_buf *b, const struct pp_call *c)
{
	size_t len;
	const char *text = pp_json_schema_text(c->schema, &len);

	pp_buf_add(b, text, len);
}

void
pp_call_put_schema_text(struct pp_buf *b, const struct pp_call *c)
{
	size_t len;
	const char *text = pp_json_schema_text(c->schema, &len);

	pp_json_put_str(b, text, len);
}

void
pp_call_put_response_format(struct pp_buf *b, const struct pp_call *c)
{
	pp_buf_adds(b,
	    ",\"response_format\":{\"type\":\"json_schema\","
	    "\"json_schema\":{\"name\":\"answer\",\"schema\":");
	pp_call_put_schema(b, c);
	pp_buf_adds(b, "}}");
}

const char *
pp_call_user_text(struct pp_invoker *i, const struct pp_call *c, size_t *len)
{
	bool ask = pp_call_is_structured(c, PP_STRUCTURED_PROMPT);
	bool system = c->system != NULL && c->system_len > 0 &&
	    c->model->no_system;

	if (!ask && !system) {
		*len = c->prompt_len;
		return c->prompt;
	}
	pp_buf_clear(&i->joined);
	if (system) {
		pp_buf_add(&i->joined, c->system, c->system_len);
		pp_buf_adds(&i->joined, "\n\n");
	}
	pp_buf_add(&i->joined, c->prompt, c->prompt_len);
	if (ask) {
		pp_buf_adds(&i->joined,
		    "\n\nAnswer with JSON alone, without a word around it, "
		    "that fits this JSON Schema:\n");
		pp_call_put_schema(&i->joined, c);
	}
	*len = i->joined.len;
	return i->joined.data;
}

bool
pp_call_has_system(const struct pp_call *c)
{
	return c->system != NULL && c->system_len > 0 && !c->model->no_system;
}

/* ---- answers ---- */

/* None means two things, so that one table does for all. */
enum pp_finish
pp_finish_read(const struct pp_json *v)
{
	static const struct {
		const char *name;
		enum pp_finish finish;
	} known[] = {
		{ "stop", PP_FINISH_STOP },
		{ "end_turn", PP_FINISH_STOP },
		{ "stop_sequence", PP_FINISH_STOP },
		{ "tool_use", PP_FINISH_STOP },
		{ "eos", PP_FINISH_STOP },
		{ "eos_token", PP_FINISH_STOP },
		{ "COMPLETE", PP_FINISH_STOP },
		{ "FINISH", PP_FINISH_STOP },
		{ "FINISHED", PP_FINISH_STOP },
		{ "STOP_CRITERIA_MET", PP_FINISH_STOP },
		{ "STOP_SEQUENCE", PP_FINISH_STOP },
		{ "length", PP_FINISH_LENGTH },
		{ "LENGTH", PP_FINISH_LENGTH },
		{ "max_tokens", PP_FINISH_LENGTH },
		{ "MAX_TOKENS", PP_FINISH_LENGTH },
		{ "model_length", PP_FINISH_LENGTH },
		{ "model_context_window_exceeded", PP_FINISH_LENGTH },
		{ "content_filter", PP_FINISH_FILTER },
		{ "content_filtered", PP_FINISH_FILTER },
		{ "CONTENT_FILTERED", PP_FINISH_FILTER },
		{ "guardrail_intervened", PP_FINISH_FILTER },
		{ "refusal", PP_FINISH_FILTER },
		{ "safety", PP_FINISH_FILTER },
		{ "RAG_QUERY_WHEN_RAG_DISABLED", PP_FINISH_FILTER },
		{ "ERROR_TOXIC", PP_FINISH_FILTER },
	};

	for (size_t i = 0; v != NULL && i < sizeof known / sizeof known[0]; i++)
		if (pp_json_is(v, known[i].name))
			return known[i].finish;
	return PP_FINISH_OTHER;
}

bool
pp_answer_add_text(const struct pp_json *v, struct pp_buf *out)
{
	const struct pp_json *part;

	if (v->type == PP_JSON_STRING)
		return pp_json_unescape(v, out) == 0;
	if (v->type != PP_JSON_ARRAY)
		return false;
	part = pp_json_first(v);
	for (uint32_t n = 0; n < v->count; n++, part = pp_json_next(part)) {
		const struct pp_json *text = pp_json_get(part, "text");

		if (text != NULL && text->type == PP_JSON_STRING &&
		    pp_json_unescape(text, out) < 0)
			return false;
	}
	return true;
}

bool
pp_answer_is_text(const struct pp_json *v)
{
	return v != NULL && v->type == PP_JSON_STRING && v->len > 0;
}

void
pp_answer_set_reason(struct pp_answer *a, const char *what,
    const struct pp_json *detail)
{
	struct pp_error line = PP_ERROR_INIT;
	char *text = detail != NULL ? pp_json_strdup(detail) : NULL;

	if (text != NULL && text[0] != '\0')
		pp_error_set(&line, PP_OK, "%s: %.200s", what, text);
	else
		pp_error_set(&line, PP_OK, "%s", what);
	free(text);
	snprintf(a->reason, sizeof a->reason, "%s", line.text);
}

void
pp_answer_refuse(struct pp_answer *a, const char *what,
    const struct pp_json *detail)
{
	a->class = PP_CALL_REFUSED;
	pp_answer_set_reason(a, what, detail);
}

void
pp_answer_doubt(struct pp_answer *a, const char *what)
{
	a->class = PP_CALL_AMBIGUOUS;
	a->has_usage = false;
	a->usage = (struct pp_usage){ 0 };
	pp_answer_set_reason(a, what, NULL);
}

/* From the first brace to the last. */
static void
take_off_fence(struct pp_answer *a)
{
	const char *from = memchr(a->text, '{', a->text_len);
	const char *to = memrchr(a->text, '}', a->text_len);

	if (from == NULL || to == NULL || to < from)
		return;
	a->text = from;
	a->text_len = (size_t)(to + 1 - from);
}

void
pp_answer_hold_to(struct pp_answer *a, struct pp_invocation *v)
{
	struct pp_error why = PP_ERROR_INIT;
	const struct pp_json *root;

	take_off_fence(a);
	root = pp_json_parse(&v->invoker->answer_doc, a->text, a->text_len, 0,
	    &why);
	if (root != NULL &&
	    pp_json_schema_check(v->call.schema, root, &why) == 0)
		return;
	if (a->finish == PP_FINISH_LENGTH) {
		/* asked again, it would be as long */
		a->class = PP_CALL_REFUSED;
		snprintf(a->reason, sizeof a->reason,
		    "the answer was cut at max_tokens (%lld), before it fit "
		    "the schema",
		    (long long)v->call.max_tokens);
		return;
	}
	a->class = PP_CALL_MALFORMED;
	snprintf(a->reason, sizeof a->reason,
	    "the answer does not fit the schema: %.200s", why.text);
}
