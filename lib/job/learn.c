#include <config.h>

#include "job/learn.h"

#include <string.h>

/* Shorter values are names and labels rather than language. */
#define SHORTEST_TEXT 16

static void
learn_value(struct pp_invoker *i, const struct pp_json *v, struct pp_buf *text)
{
	const struct pp_json *child = pp_json_first(v);

	switch (v->type) {
	case PP_JSON_STRING:
		pp_buf_clear(text);
		if (v->len >= SHORTEST_TEXT && pp_json_unescape(v, text) == 0)
			pp_invoker_learn(i, text->data, text->len);
		break;
	case PP_JSON_ARRAY:
		for (uint32_t n = 0; n < v->count; n++) {
			learn_value(i, child, text);
			child = pp_json_next(child);
		}
		break;
	case PP_JSON_OBJECT:
		for (uint32_t n = 0; n < v->count; n++) {
			child = pp_json_next(child); /* over the key */
			learn_value(i, child, text);
			child = pp_json_next(child);
		}
		break;
	default: break;
	}
}

void
pp_learn_from_seed(struct pp_invoker *i, struct pp_json_doc *doc,
    const char *json, size_t len)
{
	struct pp_buf text = PP_BUF_INIT;
	const struct pp_json *v = pp_json_parse(doc, json, len,
	    PP_JSON_LONE_SURROGATES, NULL);

	if (v != NULL)
		learn_value(i, v, &text);
	pp_buf_release(&text);
}
