#include <config.h>

#include "export/pqchunk.h"

#include <stdlib.h>

#include "base/mem.h"
#include "export/thrift.h"

/* ColumnIndex.boundary_order */
enum { UNORDERED = 0, ASCENDING = 1, DESCENDING = 2 };

struct pp_pqpage *
pp_pqpage_list_add(struct pp_pqpage_list *l)
{
	struct pp_pqpage *page = pp_calloc(1, sizeof *page);

	page->bounds = (struct pp_pqbounds)PP_PQBOUNDS_INIT;
	l->list = pp_grow(l->list, l->count, &l->cap, sizeof *l->list);
	l->list[l->count++] = page;
	return page;
}

void
pp_pqpage_list_clear(struct pp_pqpage_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		pp_pqbounds_release(&l->list[i]->bounds);
		free(l->list[i]);
	}
	l->count = 0;
	l->dict_entries = 0;
}

void
pp_pqpage_list_release(struct pp_pqpage_list *l)
{
	pp_pqpage_list_clear(l);
	free(l->list);
	*l = (struct pp_pqpage_list){ .list = NULL };
}

/* ---- page headers: struct PageHeader ---- */

static void
begin_header(struct pp_thrift *t, struct pp_buf *out, enum pp_pq_page_type type,
    const struct pp_page_place *place)
{
	pp_buf_clear(out);
	pp_thrift_init(t, out);
	pp_thrift_i32(t, 1, (int32_t)type);
	pp_thrift_i32(t, 2, (int32_t)place->raw_bytes);
	pp_thrift_i32(t, 3, (int32_t)place->bytes);
	pp_thrift_i32(t, 4, (int32_t)place->crc);
}

static void
put_dict_header(struct pp_buf *out, const struct pp_pqpage_list *l)
{
	struct pp_thrift t;

	begin_header(&t, out, PP_PQ_DICTIONARY_PAGE, &l->dict);
	pp_thrift_begin(&t, 7);
	pp_thrift_i32(&t, 1, (int32_t)l->dict_entries);
	pp_thrift_i32(&t, 2, PP_PQ_PLAIN);
	pp_thrift_end(&t);
	pp_thrift_end(&t);
}

static void
put_v1(struct pp_thrift *t, const struct pp_pqpage *page)
{
	pp_thrift_begin(t, 5);
	pp_thrift_i32(t, 1, (int32_t)page->entries);
	pp_thrift_i32(t, 2, (int32_t)page->encoding);
	pp_thrift_i32(t, 3, PP_PQ_RLE);
	pp_thrift_i32(t, 4, PP_PQ_RLE);
	pp_thrift_end(t);
}

static void
put_v2(struct pp_thrift *t, const struct pp_pqpage *page, bool compressed)
{
	pp_thrift_begin(t, 8);
	pp_thrift_i32(t, 1, (int32_t)page->entries);
	pp_thrift_i32(t, 2, (int32_t)page->nulls);
	pp_thrift_i32(t, 3, (int32_t)page->rows);
	pp_thrift_i32(t, 4, (int32_t)page->encoding);
	pp_thrift_i32(t, 5, (int32_t)page->def_bytes);
	pp_thrift_i32(t, 6, (int32_t)page->rep_bytes);
	pp_thrift_bool(t, 7, compressed);
	pp_thrift_end(t);
}

static void
put_page_header(const struct pp_pqchunk_writer *w, struct pp_buf *out,
    const struct pp_pqpage *page)
{
	struct pp_thrift t;

	begin_header(&t, out,
	    w->page_version == 1 ? PP_PQ_DATA_PAGE : PP_PQ_DATA_PAGE_V2,
	    &page->place);
	if (w->page_version == 1)
		put_v1(&t, page);
	else
		put_v2(&t, page, w->codec != PP_CODEC_NONE);
	pp_thrift_end(&t);
}

/* ---- statistics and indexes ---- */

static void
put_statistics(struct pp_thrift *t, int id, uint64_t nulls,
    const struct pp_pqbounds *b)
{
	pp_thrift_begin(t, id);
	pp_thrift_i64(t, 3, (int64_t)nulls);
	if (b->there) {
		pp_thrift_binary(t, 5, b->max.bytes.data, b->max.bytes.len);
		pp_thrift_binary(t, 6, b->min.bytes.data, b->min.bytes.len);
		pp_thrift_bool(t, 7, b->max.exact);
		pp_thrift_bool(t, 8, b->min.exact);
	}
	pp_thrift_end(t);
}

static int
compare(const struct pp_pqleaf *leaf, const struct pp_pqbound *a,
    const struct pp_pqbound *b)
{
	return pp_pqvalue_compare(leaf, a->bytes.data, a->bytes.len,
	    b->bytes.data, b->bytes.len);
}

/* Whether bounds of pages only rise, or only fall; null pages do not count. */
static int
boundary_order(const struct pp_pqchunk_writer *w)
{
	const struct pp_pqbounds *last = NULL;
	bool rises = true, falls = true;

	for (size_t i = 0; i < w->list->count; i++) {
		const struct pp_pqbounds *b = &w->list->list[i]->bounds;
		int min, max;

		if (!b->there)
			continue;
		if (last != NULL) {
			min = compare(w->leaf, &b->min, &last->min);
			max = compare(w->leaf, &b->max, &last->max);
			rises = rises && min >= 0 && max >= 0;
			falls = falls && min <= 0 && max <= 0;
		}
		last = b;
	}
	return rises ? ASCENDING : falls ? DESCENDING : UNORDERED;
}

static void
put_bounds_list(struct pp_thrift *t, int id, const struct pp_pqpage_list *l,
    bool max)
{
	pp_thrift_list(t, id, PP_THRIFT_BINARY, l->count);
	for (size_t i = 0; i < l->count; i++) {
		const struct pp_pqbounds *b = &l->list[i]->bounds;
		const struct pp_buf *bytes = max ? &b->max.bytes :
						   &b->min.bytes;

		pp_thrift_item_binary(t, bytes->data, bytes->len);
	}
}

/*
 * struct ColumnIndex. A page that has values and no bounds (all are NaN)
 * cannot be described, so there is no index then.
 */
static void
put_column_index(const struct pp_pqchunk_writer *w, struct pp_buf *out)
{
	const struct pp_pqpage_list *l = w->list;
	struct pp_thrift t;

	for (size_t i = 0; i < l->count; i++)
		if (!l->list[i]->bounds.there &&
		    l->list[i]->nulls < l->list[i]->entries)
			return;
	pp_thrift_init(&t, out);
	pp_thrift_list(&t, 1, PP_THRIFT_TRUE, l->count);
	for (size_t i = 0; i < l->count; i++)
		pp_thrift_item_bool(&t, !l->list[i]->bounds.there);
	put_bounds_list(&t, 2, l, false);
	put_bounds_list(&t, 3, l, true);
	pp_thrift_i32(&t, 4, boundary_order(w));
	pp_thrift_list(&t, 5, PP_THRIFT_I64, l->count);
	for (size_t i = 0; i < l->count; i++)
		pp_thrift_item_int(&t, l->list[i]->nulls);
	pp_thrift_end(&t);
}

/* ---- struct ColumnMetaData ---- */

static void
put_encodings(struct pp_thrift *t, const struct pp_pqpage_list *l)
{
	static const enum pp_pq_encoding all[] = { PP_PQ_PLAIN, PP_PQ_RLE,
		PP_PQ_DELTA_BINARY_PACKED, PP_PQ_DELTA_LENGTH_BYTES,
		PP_PQ_DELTA_BYTES, PP_PQ_RLE_DICTIONARY };
	bool used[PP_PQ_RLE_DICTIONARY + 1] = { [PP_PQ_RLE] = true };
	size_t count = 0;

	used[PP_PQ_PLAIN] = l->dict_entries > 0;
	for (size_t i = 0; i < l->count; i++)
		used[l->list[i]->encoding] = true;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		count += used[all[i]];
	pp_thrift_list(t, 2, PP_THRIFT_I32, count);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (used[all[i]])
			pp_thrift_item_int(t, all[i]);
}

static void
put_path(struct pp_thrift *t, const struct pp_pqleaf *leaf)
{
	pp_thrift_list(t, 3, PP_THRIFT_BINARY, leaf->path_len);
	for (size_t i = 0; i < leaf->path_len; i++)
		pp_thrift_item_binary(t, leaf->path[i], strlen(leaf->path[i]));
}

struct totals {
	uint64_t entries, nulls, dict_offset, data_offset;
	uint64_t bloom_offset, bloom_bytes; /* bytes 0: there is none */
	struct pp_pqbounds bounds;
};

static void
put_meta(const struct pp_pqchunk_writer *w, const struct totals *sum)
{
	struct pp_thrift t;

	pp_thrift_init(&t, &w->chunk->meta);
	pp_thrift_i32(&t, 1, (int32_t)w->leaf->physical);
	put_encodings(&t, w->list);
	put_path(&t, w->leaf);
	pp_thrift_i32(&t, 4, (int32_t)w->codec);
	pp_thrift_i64(&t, 5, (int64_t)sum->entries);
	pp_thrift_i64(&t, 6, (int64_t)w->chunk->raw_bytes);
	pp_thrift_i64(&t, 7, (int64_t)w->chunk->bytes);
	pp_thrift_i64(&t, 9, (int64_t)sum->data_offset);
	if (w->list->dict_entries > 0)
		pp_thrift_i64(&t, 11, (int64_t)sum->dict_offset);
	put_statistics(&t, 12, sum->nulls, &sum->bounds);
	if (sum->bloom_bytes > 0) {
		pp_thrift_i64(&t, 14, (int64_t)sum->bloom_offset);
		pp_thrift_i32(&t, 15, (int32_t)sum->bloom_bytes);
	}
	pp_thrift_end(&t);
}

/* ---- writing ---- */

static int
put_page(struct pp_pqchunk_writer *w, const struct pp_buf *header,
    const struct pp_page_place *place, struct pp_error *err)
{
	w->chunk->bytes += header->len + place->bytes;
	w->chunk->raw_bytes += header->len + place->raw_bytes;
	pp_buf_add(&w->out->buf, header->data, header->len);
	return pp_pages_copy(w->pages, place, w->out, err);
}

/* The data pages; struct OffsetIndex grows with them. */
static int
put_pages(struct pp_pqchunk_writer *w, struct totals *sum, struct pp_error *err)
{
	struct pp_buf header = PP_BUF_INIT;
	struct pp_thrift t;
	int rc = 0;

	pp_thrift_init(&t, &w->chunk->offset_index);
	pp_thrift_list(&t, 1, PP_THRIFT_STRUCT, w->list->count);
	for (size_t i = 0; i < w->list->count && rc == 0; i++) {
		const struct pp_pqpage *page = w->list->list[i];

		put_page_header(w, &header, page);
		pp_thrift_item_begin(&t);
		pp_thrift_i64(&t, 1, (int64_t)pp_outfile_size(w->out));
		pp_thrift_i32(&t, 2, (int32_t)(header.len + page->place.bytes));
		pp_thrift_i64(&t, 3, (int64_t)page->first_row);
		pp_thrift_end(&t);
		sum->entries += page->entries;
		sum->nulls += page->nulls;
		pp_pqbounds_join(&sum->bounds, w->leaf, &page->bounds);
		rc = put_page(w, &header, &page->place, err);
	}
	pp_thrift_end(&t);
	pp_buf_release(&header);
	return rc;
}

/* Between the chunk and the next one, and no part of its bytes. */
static int
put_bloom(struct pp_pqchunk_writer *w, struct totals *sum, struct pp_error *err)
{
	if (w->bloom == NULL)
		return 0;
	sum->bloom_offset = pp_outfile_size(w->out);
	pp_pqbloom_put(w->bloom, &w->out->buf);
	sum->bloom_bytes = pp_outfile_size(w->out) - sum->bloom_offset;
	return pp_outfile_pump(w->out, err);
}

int
pp_pqchunk_write(struct pp_pqchunk_writer *w, struct pp_error *err)
{
	struct totals sum = { .bounds = PP_PQBOUNDS_INIT };
	struct pp_pqchunk *chunk = w->chunk;
	struct pp_buf header = PP_BUF_INIT;
	int rc = 0;

	pp_buf_clear(&chunk->meta);
	pp_buf_clear(&chunk->column_index);
	pp_buf_clear(&chunk->offset_index);
	chunk->bytes = chunk->raw_bytes = 0;
	sum.dict_offset = pp_outfile_size(w->out);
	if (w->list->dict_entries > 0) {
		put_dict_header(&header, w->list);
		rc = put_page(w, &header, &w->list->dict, err);
	}
	sum.data_offset = pp_outfile_size(w->out);
	if (rc == 0)
		rc = put_pages(w, &sum, err);
	if (rc == 0)
		rc = put_bloom(w, &sum, err);
	if (rc == 0) {
		put_column_index(w, &chunk->column_index);
		put_meta(w, &sum);
	}
	pp_pqbounds_release(&sum.bounds);
	pp_buf_release(&header);
	return rc;
}
