/* The YAML reader: its tree is in bounds and makes JSON. */
#include <config.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/yaml.h"
#include "fuzz.h"

static size_t
look_at(const struct pp_yaml *v, int depth)
{
	size_t count = 1;

	claim(depth <= PP_YAML_MAX_DEPTH);
	claim(v->line > 0 && v->column > 0 && v->text_line >= v->line &&
	    v->text_column > 0);
	if (v->type == PP_YAML_SCALAR)
		claim(v->text[v->len] == '\0');
	for (size_t i = 0; i < v->count; i++) {
		if (v->type == PP_YAML_MAPPING) {
			claim(v->keys[i]->type == PP_YAML_SCALAR);
			count++;
		}
		count += look_at(v->values[i], depth + 1);
	}
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_arena arena = PP_ARENA_INIT;
	struct pp_buf json = PP_BUF_INIT;
	struct pp_yaml *v = pp_yaml_parse(&arena, (const char *)data, size,
	    "input", &err);

	if (v != NULL) {
		claim(look_at(v, 0) <= PP_YAML_MAX_NODES);
		pp_yaml_to_json(v, &json);
		claim(pp_json_parse(&doc, json.data, json.len, 0, &err) !=
		    NULL);
	} else {
		claim(err.code == PP_EDATA && err.text[0] != '\0');
	}
	pp_buf_release(&json);
	pp_json_doc_release(&doc);
	pp_arena_release(&arena);
	return 0;
}
