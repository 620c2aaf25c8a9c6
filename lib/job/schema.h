/*
 * What a seed set's records have in common: for each path ("author.name",
 * "poems[].text", with [] for the elements of a list) the types seen there and
 * how often. Bounded, whatever the records are: what comes after the last
 * path that fits is left out and the schema says so.
 */
#ifndef PP_JOB_SCHEMA_H
#define PP_JOB_SCHEMA_H

#include "base/buf.h"
#include "base/json.h"

#define PP_SCHEMA_MAX_PATHS 500
#define PP_SCHEMA_MAX_PATH_BYTES 200

struct pp_schema;

struct pp_schema *pp_schema_new(void);
void	pp_schema_free(struct pp_schema *s);

/* Count one record, an object. */
void	pp_schema_add(struct pp_schema *s, const struct pp_json *record);

/*
 * Append {"fields":[...],"truncated":false}: a field has "path", "types" (of
 * null, boolean, integer, number, string, array, object), "count" (values seen
 * there) and "required" (every record has it). In order of first sight,
 * parents first.
 */
void	pp_schema_put_json(const struct pp_schema *s, struct pp_buf *out);

#endif
