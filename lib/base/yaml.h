/*
 * YAML for what people write: templates and model tables. JSON is YAML too.
 *
 * A document becomes a tree in an arena, with the line and column of each
 * node, so that errors can point at the place. Anchors and aliases are
 * resolved within a bound on the nodes that come of it; duplicate keys,
 * several documents in one file and keys that are not scalars are errors.
 */
#ifndef PP_BASE_YAML_H
#define PP_BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define PP_YAML_MAX_DEPTH 64
#define PP_YAML_MAX_NODES 100000	/* aliases written out */
#define PP_YAML_MAX_BYTES ((size_t)64 << 20)	/* of scalars, likewise */

enum pp_yaml_type { PP_YAML_SCALAR, PP_YAML_SEQUENCE, PP_YAML_MAPPING };
enum pp_yaml_style { PP_YAML_PLAIN, PP_YAML_QUOTED, PP_YAML_LITERAL,
	PP_YAML_FOLDED };

struct pp_yaml {
	enum pp_yaml_type type;
	enum pp_yaml_style style;	/* of a scalar */
	int line, column;		/* from 1, of its first character */
	const char *text;		/* scalar: its value, NUL-terminated */
	size_t len;
	/*
	 * LITERAL and PLAIN: where the value's text begins in the file, so a
	 * position in a prompt is one in the file. For LITERAL, line k of the
	 * value (from 0) is line text_line + k of the file, and its column c
	 * (from 1) is column text_column + c - 1 there.
	 */
	int text_line, text_column;
	size_t count;			/* items or members */
	struct pp_yaml **keys;		/* of a mapping; scalars */
	struct pp_yaml **values;	/* of a mapping, or items */
};

/*
 * Read one document. `name` (a file's name) stands in errors, as
 * "story.yaml:3:7: ..."; PP_EDATA. All memory is the arena's. NULL on error.
 */
struct pp_yaml *pp_yaml_parse(struct pp_arena *a, const char *text, size_t len,
	    const char *name, struct pp_error *err);

/* The member's value, or NULL. */
struct pp_yaml *pp_yaml_get(const struct pp_yaml *map, const char *key);

/* Whether a plain scalar is empty, "~" or "null". v may be NULL: true. */
bool	pp_yaml_is_null(const struct pp_yaml *v);

/* A plain "true" or "false" (also yes/no/on/off). false: it is neither. */
bool	pp_yaml_bool(const struct pp_yaml *v, bool *out);

/* The value as JSON text, typed by YAML's core schema, appended to `out`. */
struct pp_buf;
void	pp_yaml_to_json(const struct pp_yaml *v, struct pp_buf *out);

#endif
