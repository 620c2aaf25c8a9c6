/*
 * Write what the JSON reader understood: one line, strings spelled as our
 * writer spells them, numbers as they came.
 */
#ifndef PP_TESTS_UNIT_JSON_ECHO_H
#define PP_TESTS_UNIT_JSON_ECHO_H

#include "base/buf.h"
#include "base/json.h"

static inline void json_echo(const struct pp_json *v, struct pp_buf *out);

static inline void
json_echo_children(const struct pp_json *v, uint32_t count, bool object,
    struct pp_buf *out)
{
	const struct pp_json *child = pp_json_first(v);

	pp_buf_addc(out, object ? '{' : '[');
	for (uint32_t i = 0; i < count; i++) {
		pp_buf_adds(out, i == 0 ? "" : object && i % 2 ? ":" : ",");
		json_echo(child, out);
		child = pp_json_next(child);
	}
	pp_buf_addc(out, object ? '}' : ']');
}

static inline void
json_echo(const struct pp_json *v, struct pp_buf *out)
{
	struct pp_buf text = PP_BUF_INIT;

	if (v->type == PP_JSON_STRING) {
		pp_json_unescape(v, &text);
		pp_json_put_str(out, text.data, text.len);
		pp_buf_release(&text);
	} else if (v->type == PP_JSON_ARRAY) {
		json_echo_children(v, v->count, false, out);
	} else if (v->type == PP_JSON_OBJECT) {
		json_echo_children(v, 2 * v->count, true, out);
	} else {
		pp_buf_add(out, v->text, v->len);
	}
}

#endif
