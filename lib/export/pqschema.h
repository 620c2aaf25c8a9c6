/*
 * How a row type becomes columns of a Parquet file. Everything is optional, a
 * list is the three levels of the specification, so for
 *
 *	{"tags": ["a", null], "by": {"name": "x"}}
 *
 * the leaves are tags.list.element (up to 3 definition levels and 1
 * repetition level) and by.name (up to 2 definition levels).
 */
#ifndef PP_EXPORT_PQSCHEMA_H
#define PP_EXPORT_PQSCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "export/rowtype.h"
#include "export/thrift.h"

/* Parquet's numbers for types, as they stand in files. */
enum pp_pq_type {
	PP_PQ_BOOLEAN = 0,
	PP_PQ_INT32 = 1,
	PP_PQ_INT64 = 2,
	PP_PQ_INT96 = 3,
	PP_PQ_FLOAT = 4,
	PP_PQ_DOUBLE = 5,
	PP_PQ_BYTES = 6,
	PP_PQ_FIXED = 7
};

enum pp_pq_repetition {
	PP_PQ_REQUIRED = 0,
	PP_PQ_OPTIONAL = 1,
	PP_PQ_REPEATED = 2
};

enum pp_pq_converted {
	PP_PQ_CONVERTED_UTF8 = 0,
	PP_PQ_CONVERTED_LIST = 3,
	PP_PQ_CONVERTED_DECIMAL = 5,
	PP_PQ_CONVERTED_TIMESTAMP_MICROS = 10,
	PP_PQ_CONVERTED_JSON = 19
};

/* Fields of the union LogicalType. */
enum pp_pq_logical {
	PP_PQ_LOGICAL_NONE = 0,
	PP_PQ_LOGICAL_STRING = 1,
	PP_PQ_LOGICAL_MAP = 2,
	PP_PQ_LOGICAL_LIST = 3,
	PP_PQ_LOGICAL_ENUM = 4,
	PP_PQ_LOGICAL_DECIMAL = 5,
	PP_PQ_LOGICAL_DATE = 6,
	PP_PQ_LOGICAL_TIME = 7,
	PP_PQ_LOGICAL_TIMESTAMP = 8,
	PP_PQ_LOGICAL_INTEGER = 10,
	PP_PQ_LOGICAL_JSON = 12,
	PP_PQ_LOGICAL_UUID = 14
};

enum pp_pq_encoding {
	PP_PQ_PLAIN = 0,
	PP_PQ_PLAIN_DICTIONARY = 2,
	PP_PQ_RLE = 3,
	PP_PQ_DELTA_BINARY_PACKED = 5,
	PP_PQ_DELTA_LENGTH_BYTES = 6,
	PP_PQ_DELTA_BYTES = 7,
	PP_PQ_RLE_DICTIONARY = 8,
	PP_PQ_BYTE_STREAM_SPLIT = 9
};

enum pp_pq_page_type {
	PP_PQ_DATA_PAGE = 0,
	PP_PQ_DICTIONARY_PAGE = 2,
	PP_PQ_DATA_PAGE_V2 = 3
};

/* A column in the file. */
struct pp_pqleaf {
	const struct pp_type *type;	/* of its values; borrowed */
	enum pp_kind kind;
	enum pp_pq_type physical;
	int max_def, max_rep;
	char **path;			/* names from the row down; owned */
	size_t path_len;
};

/* A node of the row's tree, in the order in which rows are taken apart. */
struct pp_pqnode {
	const struct pp_type *type;
	enum pp_kind kind;
	int rep;			/* of a list: that of its elements */
	size_t first_leaf, leaf_count;
	struct pp_pqnode *children;
	size_t child_count;
	const struct pp_json **values;	/* of a struct: room for its fields */
};

struct pp_pqschema {
	struct pp_pqnode root;
	struct pp_pqleaf *leaves;
	size_t leaf_count, leaf_cap;
	size_t element_count;		/* in the file's list */
};

/* `row` is borrowed for the life of the schema. */
void	pp_pqschema_init(struct pp_pqschema *s, const struct pp_type *row);
void	pp_pqschema_release(struct pp_pqschema *s);

/* Append the elements, depth first, to a list begun by the caller. */
void	pp_pqschema_put(const struct pp_pqschema *s, struct pp_thrift *t);

/*
 * The value of the key "huggingface": {"info":{"features":{...}}}, the types
 * as the `datasets` library names them.
 */
void	pp_pqschema_put_features(const struct pp_pqschema *s,
	    struct pp_buf *out);

/*
 * The same as the YAML of a data set card wants it: a list of "- name:" under
 * "dataset_info: features:".
 */
void	pp_pqschema_put_card(const struct pp_pqschema *s, struct pp_buf *out);

#endif
