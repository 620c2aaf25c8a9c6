/*
 * Parquet files for reading: the footer as structs. Nothing in a file is
 * trusted: sizes, offsets and levels are checked against the file and against
 * bounds before they are used.
 *
 * Read are the types and encodings that the common writers make; what is not
 * known here (encryption, LZ4, Brotli) is an error that says so.
 */
#ifndef PP_EXPORT_PQFILE_H
#define PP_EXPORT_PQFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "export/codec.h"
#include "export/pqschema.h"

#define PP_PQ_MAX_FOOTER_BYTES ((size_t)128 << 20)
#define PP_PQ_MAX_DEPTH 64

enum pp_pq_unit { PP_PQ_MILLIS = 1, PP_PQ_MICROS = 2, PP_PQ_NANOS = 3 };

/* struct SchemaElement, and its place in the tree. */
struct pp_pqelement {
	const char *name;
	bool is_group;
	enum pp_pq_type physical;	/* of a leaf */
	int32_t width;			/* of a FIXED one, in bytes */
	enum pp_pq_repetition repetition;
	int32_t child_count;
	int32_t converted;		/* -1: none */
	enum pp_pq_logical logical;
	int32_t scale, precision;	/* of a decimal */
	enum pp_pq_unit unit;		/* of a time */
	bool is_utc, is_unsigned;

	struct pp_pqelement *first_child, *next;	/* NULL: no more */
	int max_def, max_rep;
	size_t first_leaf, leaf_count;	/* below it, or itself */
};

/* struct Statistics; bytes are borrowed from the footer. */
struct pp_pqstatistics {
	int64_t nulls;			/* -1: not said */
	const char *min, *max;		/* NULL: not said */
	size_t min_len, max_len;
};

/* struct ColumnChunk with its ColumnMetaData. */
struct pp_pqchunk_info {
	enum pp_pq_type physical;
	int32_t codec;
	int64_t entries, bytes, raw_bytes;
	int64_t data_offset, dict_offset;	/* dict: 0 for none */
	uint32_t encodings;			/* bits by number */
	struct pp_pqstatistics statistics;
};

struct pp_pqgroup_info {
	int64_t rows, bytes, raw_bytes;
	struct pp_pqchunk_info *chunks;		/* one a leaf */
};

struct pp_pqkey {
	const char *key, *value;
};

struct pp_pqfile {
	int fd;
	const char *name;			/* for errors; borrowed */
	int64_t size_bytes;
	struct pp_arena arena;
	struct pp_buf footer;
	struct pp_pqelement *root;
	struct pp_pqelement **leaves;
	size_t leaf_count, element_count;
	int64_t rows;
	struct pp_pqgroup_info *groups;
	size_t group_count;
	const char *created_by;
	struct pp_pqkey *keys;			/* key-value metadata */
	size_t key_count;
};

/*
 * Read the footer of the file open at `fd` (borrowed; it must be seekable).
 * To be released also on failure. 0, or -1 with PP_EDATA or PP_EIO.
 */
int	pp_pqfile_open(struct pp_pqfile *f, int fd, const char *name,
	    struct pp_error *err);
void	pp_pqfile_release(struct pp_pqfile *f);

/* Exactly `len` bytes at `offset`. */
int	pp_pqfile_read(const struct pp_pqfile *f, int64_t offset, void *out,
	    size_t len, struct pp_error *err);

#endif
