/* What InvokeModel answers: each vendor's models in their own way. */
#include <config.h>

#include "mock_question.h"

#include <inttypes.h>
#include <string.h>

/* %T stands for the text, %F for why it ended, %I and %O for tokens. */
static const struct {
	const char *vendor;
	const char *whole, *cut; /* the words for why */
	const char *reply;
} vendors[] = {
	{ "anthropic.", "end_turn", "max_tokens",
	    "{\"type\":\"message\",\"role\":\"assistant\",\"content\":["
	    "{\"type\":\"text\",\"text\":\"%T\"}],\"stop_reason\":\"%F\","
	    "\"usage\":{\"input_tokens\":%I,\"output_tokens\":%O}}" },
	{ "meta.llama", "stop", "length",
	    "{\"generation\":\"%T\",\"prompt_token_count\":%I,"
	    "\"generation_token_count\":%O,\"stop_reason\":\"%F\"}" },
	{ "mistral.mistral-7b", "stop", "length",
	    "{\"outputs\":[{\"text\":\"%T\",\"stop_reason\":\"%F\"}]}" },
	{ "cohere.", "COMPLETE", "MAX_TOKENS",
	    "{\"response_id\":\"r\",\"text\":\"%T\",\"finish_reason\":\"%F\"}" },
	{ "amazon.titan-text", "FINISH", "LENGTH",
	    "{\"inputTextTokenCount\":%I,\"results\":[{\"tokenCount\":%O,"
	    "\"outputText\":\"%T\",\"completionReason\":\"%F\"}]}" },
	{ "amazon.nova", "end_turn", "max_tokens",
	    "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":["
	    "{\"text\":\"%T\"}]}},\"stopReason\":\"%F\",\"usage\":{"
	    "\"inputTokens\":%I,\"outputTokens\":%O,\"totalTokens\":0}}" },
	{ "", "stop", "length",
	    "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
	    "\"content\":\"%T\"},\"finish_reason\":\"%F\"}],\"usage\":{"
	    "\"prompt_tokens\":%I,\"completion_tokens\":%O}}" },
};

void
invoke_put(struct text *out, const struct question *q, struct span content,
    const struct tokens *t, bool cut)
{
	size_t i = 0;
	const char *p;

	while (strstr(q->model, vendors[i].vendor) == NULL)
		i++;
	for (p = vendors[i].reply; *p != '\0'; p++) {
		if (*p != '%') {
			text_add(out, p, 1);
			continue;
		}
		switch (*++p) {
		case 'T': json_encode(out, content.p, content.n); break;
		case 'F':
			text_adds(out, cut ? vendors[i].cut : vendors[i].whole);
			break;
		case 'I': text_addf(out, "%" PRId64, t->prompt); break;
		default: text_addf(out, "%" PRId64, t->completion); break;
		}
	}
}
