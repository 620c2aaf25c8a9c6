#include <config.h>

#include "job/seed_need.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"

void
pp_seed_need_release(struct pp_seed_need *n)
{
	pp_buf_release(&n->text);
	pp_json_doc_release(&n->doc);
}

/* Whether the path is the name or begins with it. */
static bool
is_under(const char *path, const char *name)
{
	size_t len = strlen(name);

	return strncmp(path, name, len) == 0 &&
	    (path[len] == '\0' || path[len] == '.' || path[len] == '[');
}

bool
pp_seed_need_has_name(const struct pp_recipe *recipe, const char *name)
{
	size_t count;
	const struct pp_field *fields = pp_recipe_fields(recipe, &count);

	for (size_t i = 0; i < count; i++) {
		if (is_under(fields[i].path, name))
			return true;
	}
	return false;
}

/* {"name": record} */
static int
bind_record(struct pp_seed_need *n, const struct pp_seed_record *record,
    struct pp_error *err)
{
	pp_buf_clear(&n->text);
	pp_buf_addc(&n->text, '{');
	pp_json_put_str(&n->text, n->as, strlen(n->as));
	pp_buf_addc(&n->text, ':');
	pp_buf_add(&n->text, record->text, record->len);
	pp_buf_addc(&n->text, '}');
	return pp_json_parse(&n->doc, n->text.data, n->text.len, 0, err) !=
		NULL ?
	    0 :
	    -1;
}

/* Whether the field that the error names is one of this set's. */
static bool
is_ours(const struct pp_seed_need *n, const struct pp_error *err)
{
	static const char before[] = "missing required field: ";

	return !pp_starts_with(err->text, before) ||
	    is_under(err->text + sizeof before - 1, n->as);
}

int
pp_seed_need_check(struct pp_seed_need *n, const struct pp_seed_record *record,
    size_t *next, struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;
	const struct pp_json *seed = record->json;

	if (n->recipe == NULL)
		return 0;
	if (n->as != NULL) {
		if (*next == 0 && bind_record(n, record, err) < 0)
			return -1;
		seed = n->doc.nodes;
	}
	while (pp_recipe_check_seed(n->recipe, seed, next, &why) < 0) {
		if (n->as == NULL || is_ours(n, &why))
			return pp_error_set(err, why.code, "%s", why.text);
	}
	return 0;
}
