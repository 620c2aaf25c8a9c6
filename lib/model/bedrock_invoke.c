#include <config.h>

#include "model/bedrock.h"

#include <string.h>

#include "base/str.h"

#define MAX_REGIONS 10 /* of a profile, or how they begin */

struct pp_bedrock_format {
	const char *vendor; /* in the model's id, from its start or a dot */
	void (*put)(struct pp_buf *b, struct pp_invoker *i,
	    const struct pp_call *c);
	/* a set of 1 << enum pp_structured */
	unsigned structured;
	/* paths of the text, of why it ended, and of the tokens */
	const char *text, *finish, *in, *out;
};

/* ---- parts of bodies ---- */

void
pp_bedrock_put_sampling(struct pp_buf *b, const struct pp_call *c,
    const char *temperature, const char *top_p)
{
	if (c->model->no_temperature)
		return;
	if (c->temperature != NULL) {
		pp_json_put_key(b, temperature);
		pp_call_put_decimal(b, c->temperature);
	}
	if (c->top_p != NULL) {
		pp_json_put_key(b, top_p);
		pp_call_put_decimal(b, c->top_p);
	}
}

void
pp_bedrock_put_stop(struct pp_buf *b, const struct pp_call *c, const char *name)
{
	if (c->stop == NULL || c->stop[0] == NULL)
		return;
	pp_json_put_key(b, name);
	pp_buf_addc(b, '[');
	for (size_t n = 0; c->stop[n] != NULL; n++) {
		if (n > 0)
			pp_buf_addc(b, ',');
		pp_json_put_cstr(b, c->stop[n]);
	}
	pp_buf_addc(b, ']');
}

bool
pp_bedrock_caches(const struct pp_call *c)
{
	return c->cache && c->model->cache_point && pp_call_has_system(c);
}

static void
put_max(struct pp_buf *b, const struct pp_call *c, const char *name)
{
	pp_json_put_key(b, name);
	pp_json_put_int(b, c->max_tokens);
}

static void
put_user(struct pp_buf *b, struct pp_invoker *i, const struct pp_call *c)
{
	size_t len;
	const char *text = pp_call_user_text(i, c, &len);

	pp_json_put_str(b, text, len);
}

/* ---- bodies by vendor ---- */

static void
put_anthropic_system(struct pp_buf *b, const struct pp_call *c)
{
	pp_json_put_key(b, "system");
	if (!pp_bedrock_caches(c)) {
		pp_json_put_str(b, c->system, c->system_len);
		return;
	}
	pp_buf_adds(b, "[{\"type\":\"text\",\"text\":");
	pp_json_put_str(b, c->system, c->system_len);
	pp_buf_adds(b, ",\"cache_control\":{\"type\":\"ephemeral\"}}]");
}

static void
put_anthropic_schema(struct pp_buf *b, const struct pp_call *c)
{
	if (pp_call_is_structured(c, PP_STRUCTURED_SCHEMA)) {
		pp_buf_adds(b,
		    ",\"output_config\":{\"format\":{"
		    "\"type\":\"json_schema\",\"schema\":");
		pp_call_put_schema(b, c);
		pp_buf_adds(b, "}}");
	} else if (pp_call_is_structured(c, PP_STRUCTURED_TOOL)) {
		pp_buf_adds(b,
		    ",\"tools\":[{\"name\":\"answer\","
		    "\"description\":\"Takes the answer.\","
		    "\"input_schema\":");
		pp_call_put_schema(b, c);
		pp_buf_adds(b,
		    "}],\"tool_choice\":{\"type\":\"tool\","
		    "\"name\":\"answer\"}");
	}
}

static void
put_anthropic(struct pp_buf *b, struct pp_invoker *i, const struct pp_call *c)
{
	pp_buf_adds(b, "{\"anthropic_version\":\"bedrock-2023-05-31\"");
	put_max(b, c, "max_tokens");
	if (pp_call_has_system(c))
		put_anthropic_system(b, c);
	pp_buf_adds(b, ",\"messages\":[{\"role\":\"user\",\"content\":");
	put_user(b, i, c);
	pp_buf_adds(b, "}]");
	pp_bedrock_put_sampling(b, c, "temperature", "top_p");
	pp_bedrock_put_stop(b, c, "stop_sequences");
	put_anthropic_schema(b, c);
	pp_buf_addc(b, '}');
}

static void
add_llama_turn(struct pp_buf *t, const char *role, const char *text, size_t len)
{
	pp_buf_addf(t, "<|start_header_id|>%s<|end_header_id|>\n\n", role);
	pp_buf_add(t, text, len);
	pp_buf_adds(t, "<|eot_id|>");
}

/* Llama 3's own template, since the body is one text. */
static void
put_llama(struct pp_buf *b, struct pp_invoker *i, const struct pp_call *c)
{
	struct pp_buf t = PP_BUF_INIT;
	const char *text;
	size_t len;

	pp_buf_adds(&t, "<|begin_of_text|>");
	if (pp_call_has_system(c))
		add_llama_turn(&t, "system", c->system, c->system_len);
	text = pp_call_user_text(i, c, &len);
	add_llama_turn(&t, "user", text, len);
	pp_buf_adds(&t, "<|start_header_id|>assistant<|end_header_id|>\n\n");
	pp_buf_adds(b, "{\"prompt\":");
	pp_json_put_str(b, t.data, t.len);
	put_max(b, c, "max_gen_len");
	pp_bedrock_put_sampling(b, c, "temperature", "top_p");
	pp_buf_addc(b, '}');
	pp_buf_release(&t);
}

/* Mistral's template; it has no place for a system prompt. */
static void
put_instruct(struct pp_buf *b, struct pp_invoker *i, const struct pp_call *c)
{
	struct pp_buf t = PP_BUF_INIT;
	const char *text;
	size_t len;

	pp_buf_adds(&t, "<s>[INST] ");
	if (pp_call_has_system(c)) {
		pp_buf_add(&t, c->system, c->system_len);
		pp_buf_adds(&t, "\n\n");
	}
	text = pp_call_user_text(i, c, &len);
	pp_buf_add(&t, text, len);
	pp_buf_adds(&t, " [/INST]");
	pp_buf_adds(b, "{\"prompt\":");
	pp_json_put_str(b, t.data, t.len);
	put_max(b, c, "max_tokens");
	pp_bedrock_put_sampling(b, c, "temperature", "top_p");
	pp_bedrock_put_stop(b, c, "stop");
	pp_buf_addc(b, '}');
	pp_buf_release(&t);
}

static void
put_chat(struct pp_buf *b, struct pp_invoker *i, const struct pp_call *c)
{
	pp_buf_adds(b, "{\"messages\":[");
	if (pp_call_has_system(c)) {
		pp_buf_adds(b, "{\"role\":\"system\",\"content\":");
		pp_json_put_str(b, c->system, c->system_len);
		pp_buf_adds(b, "},");
	}
	pp_buf_adds(b, "{\"role\":\"user\",\"content\":");
	put_user(b, i, c);
	pp_buf_adds(b, "}]");
	put_max(b, c,
	    c->model->completion_tokens ? "max_completion_tokens" :
					  "max_tokens");
	pp_bedrock_put_sampling(b, c, "temperature", "top_p");
	pp_bedrock_put_stop(b, c, "stop");
	if (pp_call_is_structured(c, PP_STRUCTURED_SCHEMA))
		pp_call_put_response_format(b, c);
	pp_buf_addc(b, '}');
}

static void
put_cohere(struct pp_buf *b, struct pp_invoker *i, const struct pp_call *c)
{
	pp_buf_adds(b, "{\"message\":");
	put_user(b, i, c);
	if (pp_call_has_system(c)) {
		pp_json_put_key(b, "preamble");
		pp_json_put_str(b, c->system, c->system_len);
	}
	put_max(b, c, "max_tokens");
	pp_bedrock_put_sampling(b, c, "temperature", "p");
	pp_bedrock_put_stop(b, c, "stop_sequences");
	pp_buf_addc(b, '}');
}

static void
put_titan(struct pp_buf *b, struct pp_invoker *i, const struct pp_call *c)
{
	pp_buf_adds(b, "{\"inputText\":");
	put_user(b, i, c);
	pp_buf_adds(b, ",\"textGenerationConfig\":{\"maxTokenCount\":");
	pp_json_put_int(b, c->max_tokens);
	pp_bedrock_put_sampling(b, c, "temperature", "topP");
	pp_bedrock_put_stop(b, c, "stopSequences");
	pp_buf_adds(b, "}}");
}

static void
put_nova(struct pp_buf *b, struct pp_invoker *i, const struct pp_call *c)
{
	pp_buf_adds(b, "{\"schemaVersion\":\"messages-v1\"");
	if (pp_call_has_system(c)) {
		pp_buf_adds(b, ",\"system\":[{\"text\":");
		pp_json_put_str(b, c->system, c->system_len);
		pp_buf_adds(b, "}]");
	}
	pp_buf_adds(b,
	    ",\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":");
	put_user(b, i, c);
	pp_buf_adds(b, "}]}],\"inferenceConfig\":{\"maxTokens\":");
	pp_json_put_int(b, c->max_tokens);
	pp_bedrock_put_sampling(b, c, "temperature", "topP");
	pp_bedrock_put_stop(b, c, "stopSequences");
	pp_buf_adds(b, "}}");
}

#define CHAT_REPLY \
	"choices.0.message.content", "choices.0.finish_reason", \
	    "usage.prompt_tokens", "usage.completion_tokens"
#define PROMPT_REPLY "outputs.0.text", "outputs.0.stop_reason", NULL, NULL

#define BY_SCHEMA (1u << PP_STRUCTURED_SCHEMA)
#define BY_TOOL (1u << PP_STRUCTURED_TOOL)

/* The first that fits counts; NULL is read as Converse's replies are. */
static const struct pp_bedrock_format formats[] = {
	{ "anthropic.", put_anthropic, BY_SCHEMA | BY_TOOL, "content",
	    "stop_reason", "usage.input_tokens", "usage.output_tokens" },
	{ "meta.llama", put_llama, 0, "generation", "stop_reason",
	    "prompt_token_count", "generation_token_count" },
	{ "mistral.mistral-7b", put_instruct, 0, PROMPT_REPLY },
	{ "mistral.mixtral", put_instruct, 0, PROMPT_REPLY },
	{ "mistral.mistral-small-2402", put_instruct, 0, PROMPT_REPLY },
	{ "mistral.", put_chat, BY_SCHEMA, CHAT_REPLY },
	{ "cohere.command", put_cohere, 0, "text", "finish_reason", NULL,
	    NULL },
	{ "amazon.titan-text", put_titan, 0, "results.0.outputText",
	    "results.0.completionReason", "inputTextTokenCount",
	    "results.0.tokenCount" },
	{ "amazon.nova", put_nova, 0, NULL, NULL, NULL, NULL },
	{ "openai.", put_chat, BY_SCHEMA, CHAT_REPLY },
	{ "qwen.", put_chat, BY_SCHEMA, CHAT_REPLY },
	{ "deepseek.", put_chat, BY_SCHEMA, CHAT_REPLY },
};

/* In "us.meta.llama3...", and at the end of an ARN. */
static bool
has_vendor(const char *id, const char *vendor)
{
	const char *slash = strrchr(id, '/');

	if (slash != NULL)
		id = slash + 1;
	for (; id != NULL; id = strchr(id, '.')) {
		if (*id == '.')
			id++;
		if (pp_starts_with(id, vendor))
			return true;
	}
	return false;
}

const struct pp_bedrock_format *
pp_bedrock_format(const struct pp_model *m, struct pp_error *err)
{
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
		if (has_vendor(m->id, formats[i].vendor))
			return &formats[i];
	pp_error_set(err, PP_ECONFIG,
	    "model '%s': the body that '%s' takes of InvokeModel is not known",
	    m->name, m->id);
	return NULL;
}

int
pp_bedrock_check_region(const struct pp_model *m, const char *region,
    struct pp_error *err)
{
	/*
	 * The parts of the world, by how their regions begin or by the whole
	 * of their names. AWS lists regions by model, and adds to the lists:
	 * what is refused here is what no list has had.
	 */
	static const struct {
		const char *profile, *regions[MAX_REGIONS];
	} parts[] = {
		{ "us-gov.", { "us-gov-" } },
		{ "us.", { "us-east-", "us-west-", "ca-" } },
		{ "eu.", { "eu-", "il-" } },
		{ "apac.", { "ap-", "me-" } },
		{ "jp.", { "ap-northeast-1", "ap-northeast-3" } },
		{ "au.",
		    { "ap-southeast-2", "ap-southeast-4", "ap-southeast-6" } },
		{ "ca.", { "ca-" } },
		{ "global.",
		    { "us-east-", "us-west-", "ca-", "mx-", "sa-", "eu-", "il-",
			"me-", "af-", "ap-" } },
	};

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (!pp_starts_with(m->id, parts[i].profile))
			continue;
		for (int k = 0; k < MAX_REGIONS; k++)
			if (parts[i].regions[k] != NULL &&
			    pp_starts_with(region, parts[i].regions[k]))
				return 0;
		return pp_error_set(err, PP_ECONFIG,
		    "model '%s': the profile '%s' cannot be called from %s",
		    m->name, m->id, region);
	}
	return 0;
}

int
pp_bedrock_check(const struct pp_bedrock_format *f, const struct pp_call *c,
    struct pp_error *err)
{
	enum pp_structured way = c->model->structured;

	if (c->schema == NULL || way == PP_STRUCTURED_PROMPT ||
	    (f->structured & 1u << way) != 0)
		return 0;
	return pp_error_set(err, PP_ECONFIG,
	    "model '%s': InvokeModel has no such way of structured answers; "
	    "set structured: prompt",
	    c->model->name);
}

void
pp_bedrock_put(const struct pp_bedrock_format *f, struct pp_invocation *v)
{
	f->put(&v->body, v->invoker, &v->call);
}

/* ---- replies ---- */

/* Counts that make no sense are as good as none; names are paths below `v`. */
static void
read_usage(const struct pp_json *v, const char *in, const char *out,
    const char *cache_read, const char *cache_write, struct pp_answer *a)
{
	struct pp_usage u = { 0 };

	if (in == NULL || !pp_json_int64(pp_json_path(v, in), &u.tokens_in) ||
	    !pp_json_int64(pp_json_path(v, out), &u.tokens_out))
		return;
	if (!pp_json_int64(pp_json_path(v, cache_read), &u.cache_read))
		u.cache_read = 0;
	if (!pp_json_int64(pp_json_path(v, cache_write), &u.cache_write))
		u.cache_write = 0;
	if (u.tokens_in < 0 || u.tokens_out < 0 || u.cache_read < 0 ||
	    u.cache_write < 0)
		return;
	a->usage = u;
	a->has_usage = true;
}

/* The input of the tool that stands for an answer, or NULL. */
static const struct pp_json *
tool_input(const struct pp_json *content)
{
	const struct pp_json *part = pp_json_first(content);

	if (content->type != PP_JSON_ARRAY)
		return NULL;
	for (uint32_t n = 0; n < content->count; n++) {
		const struct pp_json *use = pp_json_get(part, "toolUse");

		if (use == NULL &&
		    pp_json_is(pp_json_get(part, "type"), "tool_use"))
			use = part;
		if (pp_json_get(use, "input") != NULL)
			return pp_json_get(use, "input");
		part = pp_json_next(part);
	}
	return NULL;
}

static bool
add_answer(const struct pp_json *content, struct pp_buf *out)
{
	const struct pp_json *input = tool_input(content);
	const char *text;
	size_t len;

	if (input == NULL)
		return pp_answer_add_text(content, out);
	text = pp_json_raw(input, &len);
	pp_buf_add(out, text, len);
	return true;
}

/* A model's attempt at a tool's input that the service could not read. */
static bool
is_malformed(const struct pp_json *stop_reason)
{
	return pp_json_is(stop_reason, "malformed_tool_use") ||
	    pp_json_is(stop_reason, "malformed_model_output");
}

static void
take_text(struct pp_invoker *i, const struct pp_json *v, struct pp_answer *a)
{
	if (v == NULL || v->type == PP_JSON_NULL) {
		pp_answer_refuse(a,
		    a->finish == PP_FINISH_FILTER ? "the answer was filtered" :
						    "the reply has no text",
		    NULL);
		return;
	}
	pp_buf_clear(&i->text);
	if (!add_answer(v, &i->text)) {
		pp_answer_doubt(a, "the reply's content is no text");
		return;
	}
	a->text = i->text.data;
	a->text_len = i->text.len;
	a->class = PP_CALL_OK;
	if (a->finish == PP_FINISH_FILTER)
		pp_answer_refuse(a, "the answer was filtered", NULL);
	else if (i->text.len == 0)
		pp_answer_refuse(a, "the reply has no text", NULL);
}

/* Parts of the content that are no text, such as reasoning, are passed over. */
void
pp_bedrock_read_converse(struct pp_invoker *i, const struct pp_json *root,
    struct pp_answer *a)
{
	const struct pp_json *output = pp_json_get(root, "output");

	read_usage(pp_json_get(root, "usage"), "inputTokens", "outputTokens",
	    "cacheReadInputTokens", "cacheWriteInputTokens", a);
	if (output == NULL || output->type != PP_JSON_OBJECT) {
		pp_answer_doubt(a, "the reply is none of Converse");
		return;
	}
	if (is_malformed(pp_json_get(root, "stopReason"))) {
		a->class = PP_CALL_MALFORMED;
		pp_answer_set_reason(a, "the model's output is malformed",
		    NULL);
		return;
	}
	a->finish = pp_finish_read(pp_json_get(root, "stopReason"));
	take_text(i, pp_json_path(output, "message.content"), a);
}

void
pp_bedrock_read(const struct pp_bedrock_format *f, struct pp_invoker *i,
    const struct pp_json *root, struct pp_answer *a)
{
	if (f->text == NULL) {
		pp_bedrock_read_converse(i, root, a);
		return;
	}
	read_usage(root, f->in, f->out, "usage.cache_read_input_tokens",
	    "usage.cache_creation_input_tokens", a);
	a->finish = pp_finish_read(pp_json_path(root, f->finish));
	if (root->type != PP_JSON_OBJECT || root->count == 0)
		pp_answer_doubt(a, "the reply is none of this model's");
	else
		take_text(i, pp_json_path(root, f->text), a);
}
