#include <config.h>

#include "export/rowline.h"

#include <string.h>

/* The members that a row may have of its own. */
enum { RECORD, FAILED, ID, CATEGORY, TIME, ROW, STEPS, MEMBERS };

static const struct {
	const char *name;
	size_t len;
} members[MEMBERS] = {
	[RECORD] = { "record", 6 },
	[FAILED] = { "failed", 6 },
	[ID] = { "id", 2 },
	[CATEGORY] = { "category", 8 },
	[TIME] = { "time", 4 },
	[ROW] = { "row", 3 },
	[STEPS] = { "steps", 5 },
};

/* All of them in one walk; of keys with one name the last counts. */
static void
find_members(const struct pp_json *v, const struct pp_json *found[MEMBERS])
{
	const struct pp_json *key = pp_json_first(v);

	for (uint32_t i = 0; i < v->count; i++) {
		const struct pp_json *value = pp_json_next(key);

		for (size_t m = 0; m < MEMBERS; m++)
			if (key->escaped ? pp_json_is(key, members[m].name) :
					   key->len == members[m].len &&
				    memcmp(key->text, members[m].name,
					key->len) == 0)
				found[m] = value;
		key = pp_json_next(value);
	}
}

static const struct pp_json *
of_type(const struct pp_json *v, enum pp_json_type type)
{
	return v != NULL && v->type == type ? v : NULL;
}

int
pp_rowline_read(struct pp_rowline *r, struct pp_json_doc *doc, const char *text,
    size_t len, struct pp_error *err)
{
	const struct pp_json *v = pp_json_parse(doc, text, len, 0, err);
	const struct pp_json *found[MEMBERS] = { NULL };

	if (v == NULL)
		return -1;
	if (v->type != PP_JSON_OBJECT)
		return pp_error_set(err, PP_EDATA, "a row must be an object");
	find_members(v, found);
	*r = (struct pp_rowline){ .line = v,
		.record = of_type(found[RECORD], PP_JSON_OBJECT),
		.id = of_type(found[ID], PP_JSON_STRING),
		.category = of_type(found[CATEGORY], PP_JSON_STRING),
		.time = of_type(found[TIME], PP_JSON_STRING) };
	if (r->record == NULL)
		r->failed = of_type(found[FAILED], PP_JSON_OBJECT);
	if (r->record == NULL && r->failed == NULL) {
		r->record = v;
		return 0;
	}
	r->row = found[ROW];
	r->steps = of_type(found[STEPS], PP_JSON_OBJECT);
	return 0;
}
