/* The JSON reader: what it takes, it takes again after our own writing. */
#include <config.h>

#include <string.h>

#include "../unit/json_echo.h"
#include "base/str.h"
#include "fuzz.h"
#include "job/seed_check.h"

static void
look_at(const struct pp_json_doc *doc)
{
	int64_t n;
	double d;

	for (size_t i = 0; i < doc->count; i++) {
		const struct pp_json *v = &doc->nodes[i];
		size_t len;

		claim(v->skip >= 1 && v->skip <= doc->count - i);
		pp_json_raw(v, &len);
		if (pp_json_int64(v, &n))
			claim(v->type == PP_JSON_NUMBER);
		if (pp_json_double(v, &d))
			claim(v->type == PP_JSON_NUMBER);
		if (v->type == PP_JSON_OBJECT && v->count > 0) {
			const struct pp_json *k = pp_json_first(v);
			struct pp_buf key = PP_BUF_INIT;

			pp_json_unescape(k, &key);
			claim(pp_json_getn(v, key.data, key.len) != NULL);
			pp_buf_release(&key);
		}
	}
}

static void
round_trip(const struct pp_json_doc *doc)
{
	struct pp_json_doc again = PP_JSON_DOC_INIT;
	struct pp_buf one = PP_BUF_INIT, two = PP_BUF_INIT;

	json_echo(doc->nodes, &one);
	claim(pp_utf8_valid(one.data, one.len, NULL));
	claim(pp_json_parse(&again, one.data, one.len, 0, NULL) != NULL);
	claim(again.count == doc->count);
	claim(pp_json_value_len(one.data, one.len) == one.len);
	json_echo(again.nodes, &two);
	claim(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
	pp_json_doc_release(&again);
	pp_buf_release(&one);
	pp_buf_release(&two);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf out = PP_BUF_INIT;
	const char *text = (const char *)data, *at;

	claim(pp_json_value_len(text, size) <= size);
	if (pp_json_parse(&doc, text, size, PP_JSON_LONE_SURROGATES, &err) !=
	    NULL) {
		look_at(&doc);
		round_trip(&doc);
		pp_seed_check(&doc, &at, &err);
		claim(pp_json_path(doc.nodes, "a.0.b") == NULL ||
		    doc.count > 2);
	} else {
		claim(err.code == PP_EDATA && doc.problem != NULL &&
		    doc.problem_at <= size);
	}
	pp_json_put_lossy(&out, text, size);
	claim(pp_json_parse(&doc, out.data, out.len, 0, NULL) != NULL);
	pp_buf_release(&out);
	pp_json_doc_release(&doc);
	return 0;
}
