#include <config.h>

#include "export/rowline.h"

static const struct pp_json *
member(const struct pp_json *v, const char *name, enum pp_json_type type)
{
	const struct pp_json *m = pp_json_get(v, name);

	return m != NULL && m->type == type ? m : NULL;
}

int
pp_rowline_read(struct pp_rowline *r, struct pp_json_doc *doc, const char *text,
    size_t len, struct pp_error *err)
{
	const struct pp_json *v = pp_json_parse(doc, text, len, 0, err);

	if (v == NULL)
		return -1;
	if (v->type != PP_JSON_OBJECT)
		return pp_error_set(err, PP_EDATA, "a row must be an object");
	*r = (struct pp_rowline){ .line = v };
	r->record = member(v, "record", PP_JSON_OBJECT);
	if (r->record == NULL)
		r->failed = member(v, "failed", PP_JSON_OBJECT);
	r->id = member(v, "id", PP_JSON_STRING);
	r->category = member(v, "category", PP_JSON_STRING);
	r->time = member(v, "time", PP_JSON_STRING);
	if (r->record == NULL && r->failed == NULL) {
		r->record = v;
		return 0;
	}
	r->row = pp_json_get(v, "row");
	r->steps = member(v, "steps", PP_JSON_OBJECT);
	return 0;
}
