#include <config.h>

#include "export/pqcolumn.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "export/bitpack.h"
#include "export/pqchunk.h"
#include "export/pqdict.h"
#include "export/pqencode.h"
#include "export/pqvalue.h"

/* A page has at most this many values, so that indexes tell rows apart. */
#define PAGE_ENTRIES 65536

/* After so many it is plain whether values repeat. */
#define LOOK_VALUES 8192

/* Room before the values of a page for its levels, which are mostly a run. */
#define HEADROOM 64

struct pp_pqcolumn {
	const struct pp_pqleaf *leaf;
	const struct pp_pqlimits *limits;
	struct pp_pages *pages;

	/* the open page */
	size_t entries, nulls, rows;
	bool has_levels;	/* not all definition levels are max */
	struct pp_buf def, rep; /* a byte each */
	struct pp_buf data;	/* HEADROOM, then plain values */
	struct pp_buf indices;	/* uint32_t each: of the dictionary */
	struct pp_pqscan scan;	/* of plain values */

	struct pp_pqdict dict;
	bool has_dict;	    /* values go to the dictionary */
	bool used_dict;	    /* there is a page with it */
	bool pays;	    /* it did in the group before */
	size_t plain_bytes; /* what went to it would have taken */

	bool has_bloom;
	struct pp_pqbloom bloom; /* of the pages that are done */

	struct pp_pqpage_list list; /* pages that are done */
	uint64_t group_rows;	    /* in them */
	struct pp_buf packed;	    /* scratch: levels, an encoded page */
};

static void
begin_page(struct pp_pqcolumn *c)
{
	static const char headroom[HEADROOM];

	c->entries = c->nulls = c->rows = 0;
	c->has_levels = false;
	pp_buf_clear(&c->def);
	pp_buf_clear(&c->rep);
	pp_buf_clear(&c->indices);
	pp_pqscan_clear(&c->scan);
	pp_buf_set(&c->data, headroom, sizeof headroom);
}

static void
begin_group(struct pp_pqcolumn *c)
{
	begin_page(c);
	pp_pqdict_clear(&c->dict);
	c->has_dict = c->pays;
	c->used_dict = false;
	c->plain_bytes = 0;
	c->group_rows = 0;
}

struct pp_pqcolumn *
pp_pqcolumn_new(const struct pp_pqleaf *leaf, const struct pp_pqlimits *limits,
    struct pp_pages *pages)
{
	struct pp_pqcolumn *c = pp_calloc(1, sizeof *c);

	c->leaf = leaf;
	c->limits = limits;
	c->pages = pages;
	c->pays = leaf->physical != PP_PQ_BOOLEAN &&
	    leaf->physical != PP_PQ_FIXED;
	pp_buf_init(&c->def, 0);
	pp_buf_init(&c->rep, 0);
	pp_buf_init(&c->data, 0);
	pp_buf_init(&c->indices, 0);
	pp_buf_init(&c->packed, 0);
	pp_pqscan_init(&c->scan, leaf);
	pp_pqdict_init(&c->dict, pp_pqvalue_width(leaf->physical));
	begin_group(c);
	return c;
}

void
pp_pqcolumn_use_bloom(struct pp_pqcolumn *c)
{
	c->has_bloom = true;
}

void
pp_pqcolumn_free(struct pp_pqcolumn *c)
{
	if (c == NULL)
		return;
	pp_buf_release(&c->def);
	pp_buf_release(&c->rep);
	pp_buf_release(&c->data);
	pp_buf_release(&c->indices);
	pp_buf_release(&c->packed);
	pp_pqscan_release(&c->scan);
	pp_pqdict_release(&c->dict);
	pp_pqpage_list_release(&c->list);
	pp_pqbloom_release(&c->bloom);
	free(c);
}

/* ---- closing a page ---- */

/* One kind of levels; in a page of version 1 their size stands before them. */
static size_t
put_levels(struct pp_buf *out, const struct pp_buf *levels, bool all_max,
    size_t count, int max, bool with_size)
{
	size_t start = out->len, size;
	struct pp_buf same = PP_BUF_INIT;

	if (max == 0)
		return 0;
	if (with_size)
		pp_buf_add(out, "\0\0\0\0", 4);
	if (all_max) {
		pp_buf_reserve(&same, count);
		memset(same.data, max, count);
		levels = &same;
	}
	pp_hybrid_put_levels(out, (const uint8_t *)levels->data, count,
	    pp_bits_for((uint64_t)max));
	pp_buf_release(&same);
	size = out->len - start;
	for (int i = 0; with_size && i < 4; i++)
		out->data[start + (size_t)i] = (char)((size - 4) >> (8 * i));
	return size;
}

static void
put_all_levels(struct pp_pqcolumn *c, struct pp_pqpage *page,
    struct pp_buf *out)
{
	bool with_size = c->limits->page_version == 1;

	page->rep_bytes = (uint32_t)put_levels(out, &c->rep, false, c->entries,
	    c->leaf->max_rep, with_size);
	page->def_bytes = (uint32_t)put_levels(out, &c->def, !c->has_levels,
	    c->entries, c->leaf->max_def, with_size);
}

static const uint32_t *
indices_of(const struct pp_pqcolumn *c, size_t *count)
{
	*count = c->indices.len / sizeof(uint32_t);
	return (const uint32_t *)(const void *)c->indices.data;
}

/* ---- least and greatest of a page ---- */

/* A plain value, with its length when it has one; while it is in the cache. */
static void
scan_value(struct pp_pqcolumn *c, const char *plain)
{
	size_t len;
	const char *value = pp_pqvalue_next(c->leaf, &plain, &len);

	pp_pqscan_see(&c->scan, value, len);
	if (c->has_bloom)
		pp_pqbloom_see(&c->bloom, value, len);
}

/* The bounds of a page are those of the entries that it uses. */
static void
scan_indices(struct pp_pqcolumn *c)
{
	bool *seen = pp_calloc(c->dict.count, sizeof *seen);
	size_t count, len;
	const uint32_t *index = indices_of(c, &count);

	for (size_t i = 0; i < count; i++) {
		if (seen[index[i]])
			continue;
		seen[index[i]] = true;
		scan_value(c, pp_pqdict_at(&c->dict, index[i], &len));
	}
	free(seen);
}

/* ---- a page's bytes ---- */

/* The page's values after its levels, which are in `packed`; or in place. */
static bool
encode(struct pp_pqcolumn *c, struct pp_pqpage *page)
{
	size_t count;
	const uint32_t *index = indices_of(c, &count);
	bool in_place = false;
	int bits;

	if (count > 0) {
		bits = pp_bits_for(c->dict.count - 1);
		bits = bits > 0 ? bits : 1;
		pp_buf_addc(&c->packed, (char)bits);
		pp_hybrid_put(&c->packed, index, count, bits);
		page->encoding = PP_PQ_RLE_DICTIONARY;
		c->used_dict = true;
		return false;
	}
	page->encoding = pp_pqencode(&c->packed, c->leaf,
	    c->data.data + HEADROOM, c->data.len - HEADROOM,
	    c->entries - c->nulls, &in_place);
	return in_place;
}

/* Put levels right before plain values. Returns where the page starts. */
static size_t
join_levels(struct pp_pqcolumn *c, const struct pp_buf *levels)
{
	size_t more;

	if (levels->len > HEADROOM) {
		more = levels->len - HEADROOM;
		pp_buf_reserve(&c->data, more);
		memmove(c->data.data + levels->len, c->data.data + HEADROOM,
		    c->data.len - HEADROOM);
		c->data.len += more;
		memcpy(c->data.data, levels->data, levels->len);
		return 0;
	}
	memcpy(c->data.data + HEADROOM - levels->len, levels->data,
	    levels->len);
	return HEADROOM - levels->len;
}

static int
add_page(struct pp_pqcolumn *c, struct pp_pqpage *page, struct pp_error *err)
{
	struct pp_buf levels = PP_BUF_INIT, none = PP_BUF_INIT;
	bool apart = c->limits->page_version == 2, in_place;
	int rc;

	pp_buf_clear(&c->packed);
	put_all_levels(c, page, apart ? &levels : &c->packed);
	in_place = encode(c, page);
	if (!in_place)
		rc = pp_pages_add(c->pages, apart ? &levels : &none, &c->packed,
		    0, &page->place, err);
	else if (apart)
		rc = pp_pages_add(c->pages, &levels, &c->data, HEADROOM,
		    &page->place, err);
	else
		rc = pp_pages_add(c->pages, &none, &c->data,
		    join_levels(c, &c->packed), &page->place, err);
	pp_buf_release(&levels);
	return rc;
}

int
pp_pqcolumn_flush(struct pp_pqcolumn *c, struct pp_error *err)
{
	struct pp_pqpage *page;

	if (c->entries == 0)
		return 0;
	page = pp_pqpage_list_add(&c->list);
	page->entries = (uint32_t)c->entries;
	page->nulls = (uint32_t)c->nulls;
	page->rows = (uint32_t)c->rows;
	page->first_row = c->group_rows;
	c->group_rows += c->rows;
	if (c->indices.len > 0)
		scan_indices(c);
	pp_pqscan_finish(&c->scan, &page->bounds);
	if (add_page(c, page, err) < 0)
		return -1;
	begin_page(c);
	return 0;
}

/* ---- the dictionary ---- */

/* Whether it takes less room than the values would. */
static bool
dict_pays(const struct pp_pqcolumn *c)
{
	size_t values = c->indices.len / sizeof(uint32_t);
	size_t bits = c->dict.count > 0 ?
	    (size_t)pp_bits_for(c->dict.count - 1) :
	    0;

	return c->dict.bytes.len + values * bits / 8 < c->plain_bytes / 5 * 4;
}

/* No page needs it yet: put the values where they would be without it. */
static void
undo_dict(struct pp_pqcolumn *c)
{
	size_t count, len;
	const uint32_t *index = indices_of(c, &count);

	for (size_t i = 0; i < count; i++) {
		const char *value = pp_pqdict_at(&c->dict, index[i], &len);

		pp_buf_add(&c->data, value, len);
		scan_value(c, value);
	}
	pp_buf_clear(&c->indices);
	pp_pqdict_clear(&c->dict);
}

/* Between rows: from here on, values are written as they are. */
static int
give_up_dict(struct pp_pqcolumn *c, struct pp_error *err)
{
	c->pays = dict_pays(c);
	if (!c->used_dict && !c->pays) {
		undo_dict(c);
	} else if (pp_pqcolumn_flush(c, err) < 0) {
		return -1;
	}
	c->has_dict = false;
	return 0;
}

int
pp_pqcolumn_finish(struct pp_pqcolumn *c, struct pp_error *err)
{
	struct pp_buf none = PP_BUF_INIT;

	if (c->has_dict && !c->used_dict && !dict_pays(c))
		undo_dict(c);
	if (pp_pqcolumn_flush(c, err) < 0)
		return -1;
	if (!c->used_dict)
		return 0;
	c->list.dict_entries = (uint32_t)c->dict.count;
	return pp_pages_add(c->pages, &none, &c->dict.bytes, 0, &c->list.dict,
	    err);
}

/* ---- values ---- */

static inline void
put_level(struct pp_pqcolumn *c, int rep, int def)
{
	if (def != c->leaf->max_def && !c->has_levels) {
		pp_buf_reserve(&c->def, c->entries + 1);
		memset(c->def.data, c->leaf->max_def, c->entries);
		c->def.len = c->entries;
		c->has_levels = true;
	}
	if (c->has_levels)
		pp_buf_addc(&c->def, (char)def);
	if (c->leaf->max_rep > 0)
		pp_buf_addc(&c->rep, (char)rep);
	c->entries++;
}

void
pp_pqcolumn_put_null(struct pp_pqcolumn *c, int rep, int def)
{
	put_level(c, rep, def);
	c->nulls++;
}

static int
put_plain(struct pp_pqcolumn *c, const struct pp_json *v, struct pp_error *err)
{
	size_t start = c->data.len;

	if (pp_pqvalue_put(&c->data, c->leaf, v, err) < 0)
		return -1;
	scan_value(c, c->data.data + start);
	return 0;
}

int
pp_pqcolumn_put(struct pp_pqcolumn *c, const struct pp_json *v, int rep,
    struct pp_error *err)
{
	size_t start = c->dict.bytes.len;
	uint32_t index;

	/* a text that is large for a dictionary shall not even pass by it */
	if (c->has_dict && v->len > c->limits->dictionary_bytes / 4 &&
	    c->leaf->max_rep == 0 && give_up_dict(c, err) < 0)
		return -1;
	put_level(c, rep, c->leaf->max_def);
	if (!c->has_dict)
		return put_plain(c, v, err);
	if (pp_pqvalue_put(&c->dict.bytes, c->leaf, v, err) < 0)
		return -1;
	c->plain_bytes += c->dict.bytes.len - start;
	index = pp_pqdict_settle(&c->dict, start);
	pp_buf_add(&c->indices, &index, sizeof index);
	return 0;
}

/*
 * Too large for a dictionary, or after a good look almost every value is
 * another: ids, times, prose.
 */
static bool
is_hopeless(const struct pp_pqcolumn *c)
{
	size_t values = c->indices.len / sizeof(uint32_t);

	return c->dict.bytes.len > c->limits->dictionary_bytes ||
	    (!c->used_dict && values >= LOOK_VALUES &&
		c->dict.count > values / 8 * 7);
}

size_t
pp_pqcolumn_held(const struct pp_pqcolumn *c)
{
	return c->def.len + c->rep.len + c->indices.len + c->data.len -
	    HEADROOM;
}

int
pp_pqcolumn_end_row(struct pp_pqcolumn *c, struct pp_error *err)
{
	c->rows++;
	if (c->has_dict && is_hopeless(c) && give_up_dict(c, err) < 0)
		return -1;
	if (c->entries < PAGE_ENTRIES &&
	    pp_pqcolumn_held(c) < c->limits->page_bytes)
		return 0;
	return pp_pqcolumn_flush(c, err);
}

int
pp_pqcolumn_write(struct pp_pqcolumn *c, struct pp_outfile *out,
    enum pp_codec_kind codec, struct pp_pqchunk *chunk, struct pp_error *err)
{
	struct pp_pqchunk_writer w = { .leaf = c->leaf,
		.list = &c->list,
		.pages = c->pages,
		.bloom = c->has_bloom ? &c->bloom : NULL,
		.page_version = c->limits->page_version,
		.codec = codec,
		.out = out,
		.chunk = chunk };

	if (pp_pqchunk_write(&w, err) < 0)
		return -1;
	pp_pqpage_list_clear(&c->list);
	pp_pqbloom_clear(&c->bloom);
	begin_group(c);
	return 0;
}
