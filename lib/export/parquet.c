#include <config.h>

#include "export/sink.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "export/codec.h"
#include "export/pqcolumn.h"
#include "export/pqpages.h"
#include "export/pqschema.h"
#include "export/thrift.h"

/*
 * A Parquet file: "PAR1"; row groups, each a chunk of pages per column; the
 * column indexes and offset indexes of all chunks; the footer (struct
 * FileMetaData); its length in four bytes; "PAR1".
 */
#define MAGIC "PAR1"

/* A row group ends with the row that passes one of these. */
#define GROUP_ROWS (UINT64_C(1) << 20)
#define GROUP_BYTES (UINT64_C(64) << 20) /* of JSON */

/* Compressed pages of the group that are kept in memory. */
#define KEPT_BYTES ((size_t)28 << 20)

/*
 * Pages of texts compress better the larger they are, which pays from a higher
 * level on. All open pages together are bounded, dictionaries too.
 */
#define PAGE_BYTES ((size_t)2 << 20)
#define LARGE_PAGE_BYTES ((size_t)8 << 20)
#define LARGE_PAGE_LEVEL 3
#define OPEN_BYTES ((size_t)24 << 20)
#define DICTIONARY_BYTES ((size_t)1 << 20)
#define DICTIONARIES_BYTES ((size_t)12 << 20)
#define LEAST_DICTIONARY_BYTES ((size_t)16 << 10)

struct group {
	uint64_t rows, bytes, raw_bytes, offset;
};

/* What the footer needs of a chunk: lengths of its parts in the buffers. */
struct chunk {
	uint32_t meta_len, column_index_len, offset_index_len;
};

struct pp_sink {
	const struct pp_export_options *o;
	struct pp_outfile *out;
	struct pp_pqschema schema;
	struct pp_pqlimits limits;
	struct pp_pages *pages;
	struct pp_pqcolumn **columns;
	uint64_t rows; /* in the file */
	uint64_t group_rows, group_bytes, max_group;

	struct group *groups;
	size_t group_count, group_cap;
	struct chunk *chunks; /* of all groups, one after another */
	size_t chunk_count, chunk_cap;
	struct pp_buf metas, column_indexes, offset_indexes;
	struct pp_pqchunk chunk; /* scratch */
};

static void
set_limits(struct pp_sink *k)
{
	const struct pp_export_options *o = k->o;
	size_t leaves = k->schema.leaf_count > 0 ? k->schema.leaf_count : 1;
	size_t dictionary = DICTIONARIES_BYTES / leaves;

	k->limits.page_version = o->parquet_page_v2 ? 2 : 1;
	k->limits.page_bytes = o->parquet_codec == PP_CODEC_ZSTD &&
		o->parquet_level >= LARGE_PAGE_LEVEL ?
	    LARGE_PAGE_BYTES :
	    PAGE_BYTES;
	if (dictionary > DICTIONARY_BYTES)
		dictionary = DICTIONARY_BYTES;
	if (dictionary < LEAST_DICTIONARY_BYTES)
		dictionary = LEAST_DICTIONARY_BYTES;
	k->limits.dictionary_bytes = dictionary;
}

/* A column of that name, and of a type with few ways to write a value. */
static int
use_bloom(struct pp_sink *k, const char *field, struct pp_error *err)
{
	for (size_t i = 0; i < k->schema.leaf_count; i++) {
		const struct pp_pqleaf *leaf = &k->schema.leaves[i];

		if (leaf->path_len != 1 || strcmp(leaf->path[0], field) != 0 ||
		    (leaf->kind != PP_KIND_STRING &&
			leaf->kind != PP_KIND_UUID))
			continue;
		pp_pqcolumn_use_bloom(k->columns[i]);
		return 0;
	}
	return pp_error_set(err, PP_EUSAGE,
	    "--bloom: there is no field '%s' of type string or uuid", field);
}

static void parquet_free(struct pp_sink *k);

static struct pp_sink *
parquet_open(const struct pp_export_options *o, const struct pp_type *type,
    struct pp_outfile *out, struct pp_error *err)
{
	struct pp_sink *k = pp_calloc(1, sizeof *k);

	k->o = o;
	k->out = out;
	pp_pqschema_init(&k->schema, type);
	set_limits(k);
	k->max_group = o->max_bytes_per_file > 0 &&
		o->max_bytes_per_file / 4 < GROUP_BYTES ?
	    o->max_bytes_per_file / 4 :
	    GROUP_BYTES;
	k->pages = pp_pages_new(o->parquet_codec, o->parquet_level, KEPT_BYTES,
	    o->scratch_dir, o->threads - 1);
	k->columns = pp_calloc(k->schema.leaf_count, sizeof *k->columns);
	for (size_t i = 0; i < k->schema.leaf_count; i++)
		k->columns[i] = pp_pqcolumn_new(&k->schema.leaves[i],
		    &k->limits, k->pages);
	pp_buf_init(&k->metas, 0);
	pp_buf_init(&k->column_indexes, 0);
	pp_buf_init(&k->offset_indexes, 0);
	pp_buf_init(&k->chunk.meta, 0);
	pp_buf_init(&k->chunk.column_index, 0);
	pp_buf_init(&k->chunk.offset_index, 0);
	for (size_t i = 0; i < o->bloom_count; i++) {
		if (use_bloom(k, o->blooms[i], err) == 0)
			continue;
		parquet_free(k);
		return NULL;
	}
	pp_buf_adds(&out->buf, MAGIC);
	return k;
}

static void
parquet_free(struct pp_sink *k)
{
	for (size_t i = 0; i < k->schema.leaf_count; i++)
		pp_pqcolumn_free(k->columns[i]);
	free(k->columns);
	pp_pages_free(k->pages);
	pp_pqschema_release(&k->schema);
	free(k->groups);
	free(k->chunks);
	pp_buf_release(&k->metas);
	pp_buf_release(&k->column_indexes);
	pp_buf_release(&k->offset_indexes);
	pp_buf_release(&k->chunk.meta);
	pp_buf_release(&k->chunk.column_index);
	pp_buf_release(&k->chunk.offset_index);
	free(k);
}

/* ---- taking rows apart ---- */

static void
put_nulls(struct pp_sink *k, const struct pp_pqnode *n, int rep, int def)
{
	for (size_t i = 0; i < n->leaf_count; i++)
		pp_pqcolumn_put_null(k->columns[n->first_leaf + i], rep, def);
}

static int put_value(struct pp_sink *k, const struct pp_pqnode *n,
    const struct pp_json *v, int rep, int def, struct pp_error *err);

static int
put_fields(struct pp_sink *k, const struct pp_pqnode *n,
    const struct pp_json *v, int rep, int def, struct pp_error *err)
{
	pp_type_gather(n->type, v, n->values);
	for (size_t i = 0; i < n->child_count; i++)
		if (put_value(k, &n->children[i], n->values[i], rep, def, err) <
		    0)
			return -1;
	return 0;
}

/* The first element stands at the level of the list, the others repeat. */
static int
put_elements(struct pp_sink *k, const struct pp_pqnode *n,
    const struct pp_json *v, int rep, int def, struct pp_error *err)
{
	const struct pp_json *item = pp_json_first(v);

	if (v->count == 0)
		put_nulls(k, n, rep, def);
	for (uint32_t i = 0; i < v->count; i++) {
		if (put_value(k, &n->children[0], item, i == 0 ? rep : n->rep,
			def + 1, err) < 0)
			return -1;
		item = pp_json_next(item);
	}
	return 0;
}

/* `def` counts what is there above the value. */
static int
put_value(struct pp_sink *k, const struct pp_pqnode *n, const struct pp_json *v,
    int rep, int def, struct pp_error *err)
{
	if (v == NULL || v->type == PP_JSON_NULL) {
		put_nulls(k, n, rep, def);
		return 0;
	}
	if (n->kind == PP_KIND_STRUCT && v->type == PP_JSON_OBJECT)
		return put_fields(k, n, v, rep, def + 1, err);
	if (n->kind == PP_KIND_LIST && v->type == PP_JSON_ARRAY)
		return put_elements(k, n, v, rep, def + 1, err);
	if (n->kind == PP_KIND_STRUCT || n->kind == PP_KIND_LIST)
		return pp_error_set(err, PP_EDATA, "a value of '%s' is no %s",
		    n->type->name, pp_kind_name(n->kind));
	return pp_pqcolumn_put(k->columns[n->first_leaf], v, rep, err);
}

/* ---- row groups ---- */

static void
note_chunk(struct pp_sink *k)
{
	const struct pp_pqchunk *c = &k->chunk;

	k->chunks = pp_grow(k->chunks, k->chunk_count, &k->chunk_cap,
	    sizeof *k->chunks);
	k->chunks[k->chunk_count++] = (struct chunk){ (uint32_t)c->meta.len,
		(uint32_t)c->column_index.len, (uint32_t)c->offset_index.len };
	pp_buf_add(&k->metas, c->meta.data, c->meta.len);
	pp_buf_add(&k->column_indexes, c->column_index.data,
	    c->column_index.len);
	pp_buf_add(&k->offset_indexes, c->offset_index.data,
	    c->offset_index.len);
}

static int
end_group(struct pp_sink *k, struct pp_error *err)
{
	struct group g = { .rows = k->group_rows };

	if (k->group_rows == 0)
		return 0;
	for (size_t i = 0; i < k->schema.leaf_count; i++)
		if (pp_pqcolumn_finish(k->columns[i], err) < 0)
			return -1;
	if (pp_pages_settle(k->pages, err) < 0)
		return -1;
	g.offset = pp_outfile_size(k->out);
	for (size_t i = 0; i < k->schema.leaf_count; i++) {
		if (pp_pqcolumn_write(k->columns[i], k->out,
			k->o->parquet_codec, &k->chunk, err) < 0)
			return -1;
		note_chunk(k);
		g.bytes += k->chunk.bytes;
		g.raw_bytes += k->chunk.raw_bytes;
	}
	k->groups = pp_grow(k->groups, k->group_count, &k->group_cap,
	    sizeof *k->groups);
	k->groups[k->group_count++] = g;
	k->group_rows = k->group_bytes = 0;
	return pp_pages_clear(k->pages, err);
}

/* Close the largest open pages until what is open keeps to its bound. */
static int
bound_open_pages(struct pp_sink *k, size_t held, struct pp_error *err)
{
	while (held > OPEN_BYTES) {
		size_t largest = 0, bytes = 0;

		for (size_t i = 0; i < k->schema.leaf_count; i++) {
			size_t n = pp_pqcolumn_held(k->columns[i]);

			if (n > bytes) {
				bytes = n;
				largest = i;
			}
		}
		if (pp_pqcolumn_flush(k->columns[largest], err) < 0)
			return -1;
		held -= bytes;
	}
	return 0;
}

static int
parquet_add(struct pp_sink *k, const struct pp_json *record,
    struct pp_error *err)
{
	size_t held = 0;

	if (put_fields(k, &k->schema.root, record, 0, 0, err) < 0)
		return -1;
	for (size_t i = 0; i < k->schema.leaf_count; i++) {
		if (pp_pqcolumn_end_row(k->columns[i], err) < 0)
			return -1;
		held += pp_pqcolumn_held(k->columns[i]);
	}
	k->rows++;
	k->group_rows++;
	k->group_bytes += record->len;
	if (k->group_rows >= GROUP_ROWS || k->group_bytes >= k->max_group)
		return end_group(k, err);
	return bound_open_pages(k, held, err);
}

/* ---- the footer ---- */

/* The indexes of all chunks; where they begin. */
static int
put_indexes(struct pp_sink *k, uint64_t *columns_at, uint64_t *offsets_at,
    struct pp_error *err)
{
	*columns_at = pp_outfile_size(k->out);
	pp_buf_add(&k->out->buf, k->column_indexes.data, k->column_indexes.len);
	*offsets_at = pp_outfile_size(k->out);
	pp_buf_add(&k->out->buf, k->offset_indexes.data, k->offset_indexes.len);
	return pp_outfile_pump(k->out, err);
}

/* Where the parts of the next chunk are. */
struct cursor {
	const char *meta;
	uint64_t column_index_at, offset_index_at;
};

/* struct ColumnChunk; its ColumnMetaData was made when it was written. */
static void
put_chunk(struct pp_thrift *t, const struct chunk *c, struct cursor *at)
{
	pp_thrift_item_begin(t);
	pp_thrift_i64(t, 2, 0);
	pp_thrift_begin(t, 3);
	pp_buf_add(t->out, at->meta, c->meta_len - 1);
	pp_thrift_end(t);
	pp_thrift_i64(t, 4, (int64_t)at->offset_index_at);
	pp_thrift_i32(t, 5, (int32_t)c->offset_index_len);
	if (c->column_index_len > 0) {
		pp_thrift_i64(t, 6, (int64_t)at->column_index_at);
		pp_thrift_i32(t, 7, (int32_t)c->column_index_len);
	}
	pp_thrift_end(t);
	at->meta += c->meta_len;
	at->column_index_at += c->column_index_len;
	at->offset_index_at += c->offset_index_len;
}

/* struct RowGroup */
static void
put_groups(const struct pp_sink *k, struct pp_thrift *t, struct cursor *at)
{
	size_t leaves = k->schema.leaf_count, chunk = 0;

	pp_thrift_list(t, 4, PP_THRIFT_STRUCT, k->group_count);
	for (size_t i = 0; i < k->group_count; i++) {
		const struct group *g = &k->groups[i];

		pp_thrift_item_begin(t);
		pp_thrift_list(t, 1, PP_THRIFT_STRUCT, leaves);
		for (size_t j = 0; j < leaves; j++)
			put_chunk(t, &k->chunks[chunk++], at);
		pp_thrift_i64(t, 2, (int64_t)g->raw_bytes);
		pp_thrift_i64(t, 3, (int64_t)g->rows);
		pp_thrift_i64(t, 5, (int64_t)g->offset);
		pp_thrift_i64(t, 6, (int64_t)g->bytes);
		if (i <= INT16_MAX)
			pp_thrift_i16(t, 7, (int16_t)i);
		pp_thrift_end(t);
	}
}

static void
put_key_value(struct pp_thrift *t, const char *key, const char *value)
{
	pp_thrift_item_begin(t);
	pp_thrift_string(t, 1, key);
	pp_thrift_string(t, 2, value);
	pp_thrift_end(t);
}

static void
put_key_values(const struct pp_sink *k, struct pp_thrift *t)
{
	const struct pp_export_options *o = k->o;
	struct pp_buf features = PP_BUF_INIT, about = PP_BUF_INIT;

	pp_pqschema_put_features(&k->schema, &features);
	pp_thrift_list(t, 5, PP_THRIFT_STRUCT, o->about != NULL ? 2 : 1);
	put_key_value(t, "huggingface", features.data);
	if (o->about != NULL) {
		pp_buf_addf(&about, "{%s}", o->about);
		put_key_value(t, "plotpalette", about.data);
	}
	pp_buf_release(&features);
	pp_buf_release(&about);
}

/* struct FileMetaData */
static void
put_footer(const struct pp_sink *k, struct pp_buf *out, struct cursor *at)
{
	struct pp_thrift t;

	pp_thrift_init(&t, out);
	pp_thrift_i32(&t, 1, 2);
	pp_thrift_list(&t, 2, PP_THRIFT_STRUCT, k->schema.element_count);
	pp_pqschema_put(&k->schema, &t);
	pp_thrift_i64(&t, 3, (int64_t)k->rows);
	put_groups(k, &t, at);
	put_key_values(k, &t);
	pp_thrift_string(&t, 6, PACKAGE_NAME " version " PACKAGE_VERSION);
	pp_thrift_list(&t, 7, PP_THRIFT_STRUCT, k->schema.leaf_count);
	for (size_t i = 0; i < k->schema.leaf_count; i++) {
		pp_thrift_item_begin(&t); /* order of the type */
		pp_thrift_begin(&t, 1);
		pp_thrift_end(&t);
		pp_thrift_end(&t);
	}
	pp_thrift_end(&t);
}

static int
parquet_finish(struct pp_sink *k, struct pp_error *err)
{
	struct pp_buf footer = PP_BUF_INIT;
	struct cursor at;

	if (end_group(k, err) < 0 ||
	    put_indexes(k, &at.column_index_at, &at.offset_index_at, err) < 0)
		return -1;
	at.meta = k->metas.data;
	put_footer(k, &footer, &at);
	pp_buf_add(&k->out->buf, footer.data, footer.len);
	for (int i = 0; i < 4; i++)
		pp_buf_addc(&k->out->buf, (char)(footer.len >> (8 * i)));
	pp_buf_adds(&k->out->buf, MAGIC);
	pp_buf_release(&footer);
	return 0;
}

const struct pp_sink_format pp_sink_parquet = {
	.name = "parquet",
	.needs_type = true,
	.open = parquet_open,
	.add = parquet_add,
	.finish = parquet_finish,
	.free = parquet_free,
};
