/* Making replies: text out of a hash, and the JSON around it. */
#include "mock.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static const char words[64][8] = {
	"time", "value", "local", "system", "water", "paper", "green",
	"number", "small", "people", "light", "under", "simple", "course",
	"order", "found", "measure", "river", "letter", "state", "between",
	"memory", "pattern", "signal", "market", "garden", "winter", "answer",
	"history", "window", "method", "result", "silver", "travel", "engine",
	"forest", "reason", "second", "circle", "bridge", "camera", "planet",
	"record", "moment", "stream", "island", "copper", "detail", "figure",
	"harbor", "border", "center", "custom", "degree", "effect", "factor",
	"ground", "income", "leader", "matter", "nature", "office", "public",
	"region"
};

/* Sentences of exactly `want` bytes. */
static void
add_words(struct text *t, uint64_t h, size_t want)
{
	size_t start = t->len, len;
	int in_sentence = 0;
	char *out;

	text_need(t, want + 128);
	for (int i = 0; t->len - start < want; i++) {
		unsigned w = h >> (i % 10 * 6) & 63;

		if (i % 10 == 0) {
			h = mix(h);
			w = h & 63;
		}
		out = t->data + t->len;
		len = strlen(words[w]);
		memcpy(out, words[w], len);
		if (in_sentence == 0)
			*out = (char)toupper((unsigned char)*out);
		out += len;
		if (++in_sentence > 6 && (w & 3) == 0) {
			*out++ = '.';
			in_sentence = 0;
		}
		*out++ = ' ';
		t->len = (size_t)(out - t->data);
	}
	t->len = start + want;
	if (want > 0)
		t->data[t->len - 1] = '.';
}

/* What the model says; ECHO comes out escaped as it came. */
static void
add_content(struct text *t, const struct request *r, enum reply_kind kind,
    size_t want)
{
	uint64_t h = r->prompt;

	if (kind == REPLY_TEXT) {
		add_words(t, h, want);
		return;
	}
	if (kind == REPLY_ECHO) {
		text_add(t, r->last_text, r->last_text_len);
		return;
	}
	if (kind == REPLY_FENCED)
		text_adds(t, "Here is the result.\n```json\n");
	text_addf(t, "{\"id\": \"%016" PRIx64 "\", \"score\": %.4f, "
	    "\"label\": \"%s\", \"tags\": [\"%s\", \"%s\"], \"text\": \"",
	    h, unit(h), words[h & 63], words[h >> 6 & 63],
	    words[h >> 12 & 63]);
	add_words(t, h, want);
	text_adds(t, "\"}");
	if (kind == REPLY_FENCED)
		text_adds(t, "\n```\n");
}

static void
add_openai_usage(struct text *out, const struct usage *u)
{
	if (opt.no_usage)
		return;
	text_addf(out, ",\"usage\":{\"prompt_tokens\":%" PRIu64
	    ",\"completion_tokens\":%" PRIu64 ",\"total_tokens\":%" PRIu64,
	    u->prompt, u->completion, u->prompt + u->completion);
	if (u->cached > 0)
		text_addf(out, ",\"prompt_tokens_details\":"
		    "{\"cached_tokens\":%" PRIu64 "}", u->cached);
	text_adds(out, "}");
}

/* Converse counts what was read from a cache apart. */
static void
add_converse_usage(struct text *out, const struct usage *u)
{
	if (opt.no_usage)
		return;
	text_addf(out, ",\"usage\":{\"inputTokens\":%" PRIu64
	    ",\"outputTokens\":%" PRIu64 ",\"totalTokens\":%" PRIu64,
	    u->prompt - u->cached, u->completion, u->prompt + u->completion);
	if (u->cached > 0)
		text_addf(out, ",\"cacheReadInputTokens\":%" PRIu64,
		    u->cached);
	text_adds(out, "}");
}

void
reply_completion(struct text *out, const struct request *r, int latency_ms,
    struct usage *u)
{
	static struct text content;
	enum reply_kind kind = r->reply != REPLY_DEFAULT ? r->reply :
	    opt.reply;
	size_t want = (size_t)(r->want_bytes >= 0 ? r->want_bytes : opt.bytes);
	size_t most = r->max_tokens < 0 ? SIZE_MAX : (size_t)r->max_tokens * 4;
	bool cut;

	content.len = 0;
	add_content(&content, r, kind, want < most ? want : most);
	cut = content.len > most || want > most;
	if (content.len > most)
		content.len = most;
	u->prompt = (r->prompt_bytes + 3) / 4;
	u->cached = (uint64_t)((double)u->prompt * opt.cached_share);
	u->completion = (content.len + 3) / 4;
	out->len = 0;
	if (r->api == API_OPENAI)
		text_addf(out, "{\"id\":\"chatcmpl-%016" PRIx64
		    "\",\"object\":\"chat.completion\",\"created\":1700000000,"
		    "\"model\":\"%s\",\"choices\":[{\"index\":0,\"message\":"
		    "{\"role\":\"assistant\",\"content\":\"", r->prompt,
		    r->model[0] != '\0' ? r->model : "mock");
	else
		text_adds(out, "{\"output\":{\"message\":{\"role\":"
		    "\"assistant\",\"content\":[{\"text\":\"");
	if (kind == REPLY_ECHO)
		text_add(out, content.data, content.len);
	else
		text_add_json(out, content.data, content.len);
	if (r->api == API_OPENAI) {
		text_addf(out, "\",\"refusal\":null},\"logprobs\":null,"
		    "\"finish_reason\":\"%s\"}]", cut ? "length" : "stop");
		add_openai_usage(out, u);
		text_adds(out, ",\"system_fingerprint\":\"fp_mock\"}");
	} else {
		text_addf(out, "\"}]}},\"stopReason\":\"%s\"",
		    cut ? "max_tokens" : "end_turn");
		add_converse_usage(out, u);
		text_addf(out, ",\"metrics\":{\"latencyMs\":%d}}",
		    latency_ms);
	}
}
