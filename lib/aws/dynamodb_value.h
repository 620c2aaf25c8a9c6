/*
 * DynamoDB's attribute values: each is an object of one member that names the
 * type, {"S":"text"}, {"N":"1.5"}. Numbers are decimal text on both sides and
 * never a double; the service keeps 38 significant digits and gives them back
 * in a form of its own ("1E+3", "1E-9"), which the readers here take.
 *
 * An item is written as the members of an object: each pp_ddb_put_*() appends
 * `"name":{...}`, with a comma unless it is the first after "{" or of all.
 */
#ifndef PP_AWS_DYNAMODB_VALUE_H
#define PP_AWS_DYNAMODB_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

/* ---- writing ---- */

void	pp_ddb_put_text(struct pp_buf *out, const char *name, const char *s);
void	pp_ddb_put_int(struct pp_buf *out, const char *name, int64_t v);
/* Nano-dollars as US dollars, exactly: "0.000000001". */
void	pp_ddb_put_money(struct pp_buf *out, const char *name, int64_t nusd);
void	pp_ddb_put_bool(struct pp_buf *out, const char *name, bool v);

/*
 * Any JSON value, maps and lists included. PP_EDATA: a number that DynamoDB
 * cannot hold exactly (more than 38 digits, beyond 1E-130 to 9.99E+125).
 */
int	pp_ddb_put_json(struct pp_buf *out, const char *name,
	    const struct pp_json *v, struct pp_error *err);

/* Whether the decimal number fits as it is. */
bool	pp_ddb_number_fits(const char *text, size_t len);

/* ---- reading; `item` may be NULL ---- */

/* The value of an attribute, without its type: what S, N, M ... hold. */
const struct pp_json *pp_ddb_get(const struct pp_json *item, const char *name,
	    const char *type);

/* A whole number that fits; false when there is none. */
bool	pp_ddb_int(const struct pp_json *item, const char *name, int64_t *out);
/* US dollars of at most nine places, as nano-dollars. */
bool	pp_ddb_money(const struct pp_json *item, const char *name,
	    int64_t *out);
bool	pp_ddb_bool(const struct pp_json *item, const char *name, bool *out);
/* Text that fits with its NUL. */
bool	pp_ddb_text(const struct pp_json *item, const char *name, char *out,
	    size_t size);
/* Returns owned text, or NULL. */
char	*pp_ddb_strdup(const struct pp_json *item, const char *name);

/*
 * An attribute value (the object with the type) as JSON; sets become arrays,
 * bytes stay base64. PP_EDATA: it is none.
 */
int	pp_ddb_to_json(const struct pp_json *value, struct pp_buf *out,
	    struct pp_error *err);

/*
 * The bytes that count towards an item's limit of 400 KB, as the service
 * counts them, of an item that was written as above (without braces).
 */
size_t	pp_ddb_item_bytes(const struct pp_buf *item);
#define PP_DDB_MAX_ITEM_BYTES ((size_t)400 * 1024)

#endif
