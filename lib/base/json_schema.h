/*
 * JSON Schema, the part of it that answers of models are held to: type, enum,
 * const, properties, required, additionalProperties, items, the bounds of
 * numbers, strings and lists, anyOf and allOf. Words that only describe
 * (title, description, default, examples, $schema, $id, $comment) are let
 * through; any other word is refused, so that nothing is asked for that is
 * not looked at. A schema is immutable.
 */
#ifndef PP_BASE_JSON_SCHEMA_H
#define PP_BASE_JSON_SCHEMA_H

#include "base/json.h"

struct pp_json_schema;

/*
 * Read and check a schema. Its root must be of `type: object`, as servers
 * want it. Returns owned, or NULL with PP_EDATA: "/properties/age: ...".
 */
struct pp_json_schema *pp_json_schema_new(const char *text, size_t len,
	    struct pp_error *err);
void	pp_json_schema_free(struct pp_json_schema *s);

/* Its text as it was given; borrowed, as long as the schema. */
const char *pp_json_schema_text(const struct pp_json_schema *s, size_t *len);

/*
 * Whether the value fits: 0, or -1 with PP_EDATA and the place of the first
 * that does not: "/author/age: must be at least 0".
 */
int	pp_json_schema_check(const struct pp_json_schema *s,
	    const struct pp_json *v, struct pp_error *err);

#endif
