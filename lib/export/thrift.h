/*
 * Thrift's compact protocol, as far as Parquet uses it: a writer that appends
 * to a buffer, and a reader over bytes from outside.
 *
 * A field has one byte of id (as the distance from the field before) and type,
 * or a byte of type and the id; whole numbers are zigzag varints; truth values
 * of fields are their type.
 */
#ifndef PP_EXPORT_THRIFT_H
#define PP_EXPORT_THRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Structs within structs at most. */
#define PP_THRIFT_DEPTH 32

enum pp_thrift_type {
	PP_THRIFT_STOP = 0,
	PP_THRIFT_TRUE = 1,
	PP_THRIFT_FALSE = 2,
	PP_THRIFT_BYTE = 3,
	PP_THRIFT_I16 = 4,
	PP_THRIFT_I32 = 5,
	PP_THRIFT_I64 = 6,
	PP_THRIFT_DOUBLE = 7,
	PP_THRIFT_BINARY = 8,
	PP_THRIFT_LIST = 9,
	PP_THRIFT_SET = 10,
	PP_THRIFT_MAP = 11,
	PP_THRIFT_STRUCT = 12
};

/* ---- writing: fields in the order of their ids ---- */

struct pp_thrift {
	struct pp_buf *out;		/* borrowed */
	int depth;
	int last[PP_THRIFT_DEPTH];	/* id of the last field, by depth */
};

/* Begin with the fields of the outermost struct. */
void	pp_thrift_init(struct pp_thrift *t, struct pp_buf *out);

void	pp_thrift_i16(struct pp_thrift *t, int id, int16_t v);
void	pp_thrift_i32(struct pp_thrift *t, int id, int32_t v);
void	pp_thrift_i64(struct pp_thrift *t, int id, int64_t v);
void	pp_thrift_bool(struct pp_thrift *t, int id, bool v);
void	pp_thrift_binary(struct pp_thrift *t, int id, const void *data,
	    size_t len);
void	pp_thrift_string(struct pp_thrift *t, int id, const char *s);

/* A field that is a struct; its own fields follow, then _end(). */
void	pp_thrift_begin(struct pp_thrift *t, int id);

/* A field that is a list of `count`; its elements follow, without an end. */
void	pp_thrift_list(struct pp_thrift *t, int id, enum pp_thrift_type type,
	    size_t count);

/* Elements of a list. */
void	pp_thrift_item_int(struct pp_thrift *t, int64_t v);
void	pp_thrift_item_bool(struct pp_thrift *t, bool v);
void	pp_thrift_item_binary(struct pp_thrift *t, const void *data,
	    size_t len);
void	pp_thrift_item_begin(struct pp_thrift *t);	/* a struct; _end() */

/* The end of a struct, the outermost one too. */
void	pp_thrift_end(struct pp_thrift *t);

/* ---- reading ---- */

/*
 * Once something is wrong `failed` is set, and from there on everything reads
 * as the end: a caller tests once.
 */
struct pp_thrift_reader {
	const unsigned char *at, *end;
	bool failed;
	int depth;
	int last[PP_THRIFT_DEPTH];
	enum pp_thrift_type type;	/* of the field that was read */
};

void	pp_thrift_read(struct pp_thrift_reader *r, const void *data,
	    size_t len);

/*
 * The id of the next field of the struct, 0 at its end. Read its value by one
 * of the functions below, or pass over it with _skip().
 */
int	pp_thrift_next(struct pp_thrift_reader *r);

int64_t	pp_thrift_get_int(struct pp_thrift_reader *r);	/* any width */
bool	pp_thrift_get_bool(struct pp_thrift_reader *r);
const char *pp_thrift_get_binary(struct pp_thrift_reader *r, size_t *len);
void	pp_thrift_enter(struct pp_thrift_reader *r);	/* a struct */
void	pp_thrift_leave(struct pp_thrift_reader *r);	/* after its end */

/*
 * The size of a list whose elements are of `type`; they follow, each to be
 * read as below. Not more than the bytes that are left.
 */
size_t	pp_thrift_get_list(struct pp_thrift_reader *r,
	    enum pp_thrift_type type);
int64_t	pp_thrift_item_get_int(struct pp_thrift_reader *r);
bool	pp_thrift_item_get_bool(struct pp_thrift_reader *r);
const char *pp_thrift_item_get_binary(struct pp_thrift_reader *r, size_t *len);

void	pp_thrift_skip(struct pp_thrift_reader *r);

#endif
