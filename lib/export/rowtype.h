/*
 * What type the rows of a data set have: found by looking at them, or declared
 * beforehand. A type only ever widens, by one rule that does not depend on the
 * order of rows (but for the order of fields, that of first appearance):
 *
 *	null < bool, string, list, struct < json
 *	null < int < double < json
 *
 * An int joins a double only when every int seen is exact in a double; what
 * has no common type but JSON is kept as JSON text. An object with too many
 * different keys, or nested too deep, is JSON text too.
 *
 * Timestamp, decimal and uuid are never guessed: they must be declared, and a
 * value that does not fit a declared type is an error.
 */
#ifndef PP_EXPORT_ROWTYPE_H
#define PP_EXPORT_ROWTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

#define PP_TYPE_MAX_COLUMNS 10000	/* fields of a row */
#define PP_TYPE_MAX_FIELDS 1000		/* fields of an object in a row */
#define PP_TYPE_MAX_DEPTH 24

enum pp_kind {
	PP_KIND_NULL,		/* nothing but nulls so far */
	PP_KIND_BOOL,
	PP_KIND_INT,		/* 64 bits, signed */
	PP_KIND_DOUBLE,
	PP_KIND_STRING,
	PP_KIND_LIST,
	PP_KIND_STRUCT,
	PP_KIND_JSON,		/* any value, as its JSON text */
	PP_KIND_TIMESTAMP,	/* RFC 3339 text; microseconds, UTC */
	PP_KIND_DECIMAL,	/* exact, of `scale` places */
	PP_KIND_UUID,
	PP_KIND_COUNT
};

struct pp_type {
	char *name;		/* of the field; "" for a row or an element */
	size_t name_len;
	enum pp_kind kind;
	bool declared;		/* does not widen */
	bool wide;		/* int: some are not exact in a double */
	uint8_t precision, scale;	/* decimal */
	/*
	 * struct: the fields in order of appearance, and behind the first
	 * `seen` of them those that were declared and not yet seen;
	 * list: the element.
	 */
	struct pp_type **fields;
	size_t seen;
	size_t count, cap;
	uint16_t *slots;	/* hash table of a struct with many fields */
	size_t slot_count;
};

/* The type of a row: a struct without fields. Returns owned. */
struct pp_type *pp_type_new(void);
void	pp_type_free(struct pp_type *t);

const char *pp_kind_name(enum pp_kind kind);

/*
 * Declare a field of a row, "title=string", "score=int", "made=timestamp",
 * "price=decimal(18,9)", "tags=list(string)"; before any row is looked at.
 * 0, or -1 with PP_EUSAGE.
 */
int	pp_type_declare(struct pp_type *row, const char *text,
	    struct pp_error *err);

/* From here on, a field that was not declared is an error. */
void	pp_type_close(struct pp_type *row);

/*
 * Look at one row. 1 when the type had to widen, 0 when the row fits as it
 * is, -1 with PP_EDATA: not an object, does not fit what was declared, or
 * too many columns.
 */
int	pp_type_see(struct pp_type *row, const struct pp_json *v,
	    struct pp_error *err);

/*
 * The values of the fields of struct `t` in object `v`, in their order; NULL
 * for a field that is not there. Of keys with one name the last counts.
 */
void	pp_type_gather(const struct pp_type *t, const struct pp_json *v,
	    const struct pp_json **values);

/* The field of that name, or NULL. */
const struct pp_type *pp_type_field(const struct pp_type *t, const char *name,
	    size_t len);

/*
 * How values of `t` are kept in columns: what was null in every row is a
 * string, an object that never had a member is JSON text.
 */
enum pp_kind pp_type_stored(const struct pp_type *t);

/*
 * As JSON: [{"name":"tags","type":"list","element":{"type":"string"}}, ...].
 */
void	pp_type_put_json(const struct pp_type *row, struct pp_buf *out);

/* ---- values of the scalar types that are not JSON's own ---- */

/*
 * A number; also the texts "NaN", "Infinity" and "-Infinity", which JSON has
 * no numbers for. Those fit a declared double only.
 */
bool	pp_type_double(const struct pp_json *v, double *out);

/* Microseconds since 1970 from RFC 3339 text; date alone is midnight UTC. */
bool	pp_type_timestamp(const char *s, size_t len, int64_t *us);

/* `text` times 10^scale as a whole number; false: not exact, too large. */
bool	pp_type_decimal(const char *text, size_t len, int precision, int scale,
	    int64_t *out);

/* The 16 bytes of a UUID's text, in either case. */
bool	pp_type_uuid(const char *s, size_t len, unsigned char out[16]);

#endif
