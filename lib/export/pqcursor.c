#include <config.h>

#include "export/pqcursor.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "export/bitpack.h"
#include "export/pqdecode.h"
#include "export/thrift.h"

/* A page header is small; statistics in it may make it larger. */
#define HEADER_BYTES 1024
#define MAX_HEADER_BYTES ((size_t)16 << 20)

/* struct PageHeader and the header of its kind. */
struct header {
	int64_t type, raw_bytes, bytes, crc;
	bool has_crc;
	int64_t entries, encoding, nulls, def_bytes, rep_bytes;
	int64_t def_encoding, rep_encoding;
	bool compressed;
};

static int
damaged(const struct pp_pqcursor *c, const char *what, struct pp_error *err)
{
	return pp_error_set(err, PP_EDATA, "'%s': column '%s' has %s",
	    c->file->name, c->leaf->name, what);
}

void
pp_pqcursor_open(struct pp_pqcursor *c, const struct pp_pqfile *f, size_t group,
    size_t leaf)
{
	const struct pp_pqchunk_info *chunk = &f->groups[group].chunks[leaf];
	bool dict_first = chunk->dict_offset > 0 &&
	    chunk->dict_offset < chunk->data_offset;

	*c = (struct pp_pqcursor){ .file = f,
		.leaf = f->leaves[leaf],
		.chunk = chunk,
		.entries_left = chunk->entries,
		.packed = PP_BUF_INIT,
		.raw = PP_BUF_INIT,
		.values = { .data = PP_BUF_INIT },
		.dict = { .data = PP_BUF_INIT } };
	c->at = dict_first ? chunk->dict_offset : chunk->data_offset;
	c->end = c->at + chunk->bytes;
}

void
pp_pqcursor_release(struct pp_pqcursor *c)
{
	pp_buf_release(&c->packed);
	pp_buf_release(&c->raw);
	pp_pqvalues_release(&c->values);
	pp_pqvalues_release(&c->dict);
	free(c->def);
	free(c->rep);
	free(c->indices);
	*c = (struct pp_pqcursor){ .packed = PP_BUF_INIT, .raw = PP_BUF_INIT };
}

/* ---- page headers ---- */

static void
read_data_v1(struct pp_thrift_reader *r, struct header *h)
{
	int id;

	pp_thrift_enter(r);
	while ((id = pp_thrift_next(r)) != 0) {
		switch (id) {
		case 1: h->entries = pp_thrift_get_int(r); break;
		case 2: h->encoding = pp_thrift_get_int(r); break;
		case 3: h->def_encoding = pp_thrift_get_int(r); break;
		case 4: h->rep_encoding = pp_thrift_get_int(r); break;
		default: pp_thrift_skip(r);
		}
	}
	pp_thrift_leave(r);
}

static void
read_dictionary(struct pp_thrift_reader *r, struct header *h)
{
	int id;

	pp_thrift_enter(r);
	while ((id = pp_thrift_next(r)) != 0) {
		if (id == 1)
			h->entries = pp_thrift_get_int(r);
		else
			pp_thrift_skip(r);
	}
	pp_thrift_leave(r);
}

static void
read_data_v2(struct pp_thrift_reader *r, struct header *h)
{
	int id;

	pp_thrift_enter(r);
	while ((id = pp_thrift_next(r)) != 0) {
		switch (id) {
		case 1: h->entries = pp_thrift_get_int(r); break;
		case 2: h->nulls = pp_thrift_get_int(r); break;
		case 4: h->encoding = pp_thrift_get_int(r); break;
		case 5: h->def_bytes = pp_thrift_get_int(r); break;
		case 6: h->rep_bytes = pp_thrift_get_int(r); break;
		case 7: h->compressed = pp_thrift_get_bool(r); break;
		default: pp_thrift_skip(r);
		}
	}
	pp_thrift_leave(r);
}

static void
read_fields(struct pp_thrift_reader *r, struct header *h)
{
	int id;

	*h = (struct header){ .type = -1,
		.compressed = true,
		.def_encoding = PP_PQ_RLE,
		.rep_encoding = PP_PQ_RLE };
	while ((id = pp_thrift_next(r)) != 0) {
		switch (id) {
		case 1: h->type = pp_thrift_get_int(r); break;
		case 2: h->raw_bytes = pp_thrift_get_int(r); break;
		case 3: h->bytes = pp_thrift_get_int(r); break;
		case 4:
			h->crc = pp_thrift_get_int(r);
			h->has_crc = true;
			break;
		case 5: read_data_v1(r, h); break;
		case 7: read_dictionary(r, h); break;
		case 8: read_data_v2(r, h); break;
		default: pp_thrift_skip(r);
		}
	}
}

/* Read the header at c->at and move behind it. */
static int
read_header(struct pp_pqcursor *c, struct header *h, struct pp_error *err)
{
	struct pp_thrift_reader r;
	size_t want = HEADER_BYTES;

	for (;;) {
		int64_t left = c->end - c->at;
		size_t len = (int64_t)want < left ? want : (size_t)left;

		pp_buf_clear(&c->packed);
		pp_buf_reserve(&c->packed, len);
		if (pp_pqfile_read(c->file, c->at, c->packed.data, len, err) <
		    0)
			return -1;
		pp_thrift_read(&r, c->packed.data, len);
		read_fields(&r, h);
		if (!r.failed) {
			c->at += (const char *)r.at - c->packed.data;
			break;
		}
		if ((int64_t)len == left || want >= MAX_HEADER_BYTES)
			return damaged(c, "a damaged page header", err);
		want *= 8;
	}
	if (h->bytes < 0 || h->bytes > c->end - c->at || h->raw_bytes < 0 ||
	    h->raw_bytes > PP_PQ_MAX_PAGE_BYTES ||
	    h->bytes > PP_PQ_MAX_PAGE_BYTES || h->entries < 0 ||
	    h->entries > PP_PQ_MAX_PAGE_ENTRIES)
		return damaged(c, "a page of an impossible size", err);
	return 0;
}

/* The page's bytes into c->packed, checked. */
static int
read_bytes(struct pp_pqcursor *c, const struct header *h, struct pp_error *err)
{
	size_t len = (size_t)h->bytes;

	pp_buf_clear(&c->packed);
	pp_buf_reserve(&c->packed, len);
	if (pp_pqfile_read(c->file, c->at, c->packed.data, len, err) < 0)
		return -1;
	c->packed.len = len;
	c->at += h->bytes;
	if (h->has_crc && pp_crc32(0, c->packed.data, len) != (uint32_t)h->crc)
		return damaged(c, "a page whose check sum is wrong", err);
	return 0;
}

/* What follows `skip` bytes of the page, without compression, in c->raw. */
static int
unpack(struct pp_pqcursor *c, const struct header *h, size_t skip,
    struct pp_error *err)
{
	enum pp_codec_kind codec = h->compressed ?
	    (enum pp_codec_kind)c->chunk->codec :
	    PP_CODEC_NONE;
	size_t raw_len = (size_t)h->raw_bytes - skip;

	pp_buf_clear(&c->raw);
	pp_buf_reserve(&c->raw, raw_len);
	c->raw.len = raw_len;
	if (raw_len == 0) /* nothing may be packed as no bytes at all */
		return 0;
	if (pp_codec_decompress(codec, c->packed.data + skip,
		c->packed.len - skip, c->raw.data, raw_len, err) < 0)
		return pp_error_wrap(err, "'%s': column '%s'", c->file->name,
		    c->leaf->name);
	return 0;
}

/* ---- levels ---- */

static int
put_levels(struct pp_pqcursor *c, const char *p, size_t len, int max,
    uint8_t **levels, struct pp_error *err)
{
	uint32_t *wide = pp_calloc(c->entry_count, sizeof *wide);
	bool good = pp_hybrid_get((const unsigned char *)p, len,
	    pp_bits_for((uint64_t)max), wide, c->entry_count, NULL);

	*levels = pp_calloc(c->entry_count, 1);
	for (size_t i = 0; good && i < c->entry_count; i++) {
		good = wide[i] <= (uint32_t)max;
		(*levels)[i] = (uint8_t)wide[i];
	}
	free(wide);
	return good ? 0 : damaged(c, "damaged levels", err);
}

/* In a page of version 1 a kind of levels begins with its length. */
static int
put_levels_v1(struct pp_pqcursor *c, size_t *at, int max, int64_t encoding,
    uint8_t **levels, struct pp_error *err)
{
	const unsigned char *p = (unsigned char *)c->raw.data + *at;
	size_t left = c->raw.len - *at, len;

	if (max == 0)
		return 0;
	if (encoding != PP_PQ_RLE)
		return damaged(c, "levels in an encoding of old", err);
	if (left < 4)
		return damaged(c, "damaged levels", err);
	len = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 |
	    (size_t)p[3] << 24;
	if (len > left - 4)
		return damaged(c, "damaged levels", err);
	*at += 4 + len;
	return put_levels(c, (const char *)p + 4, len, max, levels, err);
}

static size_t
count_values(const struct pp_pqcursor *c)
{
	size_t n = 0;

	if (c->def == NULL)
		return c->entry_count;
	for (size_t i = 0; i < c->entry_count; i++)
		n += c->def[i] == c->leaf->max_def;
	return n;
}

/* ---- values ---- */

static int
put_values(struct pp_pqcursor *c, int64_t encoding, size_t at,
    struct pp_error *err)
{
	const unsigned char *p = (unsigned char *)c->raw.data + at;
	size_t len = c->raw.len - at, count = count_values(c);

	c->value = 0;
	c->by_index = encoding == PP_PQ_RLE_DICTIONARY ||
	    encoding == PP_PQ_PLAIN_DICTIONARY;
	if (!c->by_index)
		return pp_pqdecode(&c->values, c->leaf, encoding, p, len,
			   count) ?
		    0 :
		    damaged(c, "values that cannot be read", err);
	free(c->indices);
	c->indices = pp_calloc(count, sizeof *c->indices);
	if (count == 0)
		return 0;
	if (!c->has_dict || len == 0 ||
	    !pp_hybrid_get(p + 1, len - 1, p[0], c->indices, count, NULL))
		return damaged(c, "values that cannot be read", err);
	for (size_t i = 0; i < count; i++)
		if (c->indices[i] >= c->dict.count)
			return damaged(c,
			    "values that are not in its "
			    "dictionary",
			    err);
	return 0;
}

static int
read_v1(struct pp_pqcursor *c, const struct header *h, struct pp_error *err)
{
	size_t at = 0;

	if (unpack(c, h, 0, err) < 0 ||
	    put_levels_v1(c, &at, c->leaf->max_rep, h->rep_encoding, &c->rep,
		err) < 0 ||
	    put_levels_v1(c, &at, c->leaf->max_def, h->def_encoding, &c->def,
		err) < 0)
		return -1;
	return put_values(c, h->encoding, at, err);
}

static int
read_v2(struct pp_pqcursor *c, const struct header *h, struct pp_error *err)
{
	size_t rep = (size_t)h->rep_bytes, def = (size_t)h->def_bytes;

	if (h->rep_bytes < 0 || h->def_bytes < 0 || h->rep_bytes > h->bytes ||
	    h->def_bytes > h->bytes - h->rep_bytes ||
	    h->raw_bytes < h->rep_bytes + h->def_bytes)
		return damaged(c, "damaged levels", err);
	if ((c->leaf->max_rep > 0 &&
		put_levels(c, c->packed.data, rep, c->leaf->max_rep, &c->rep,
		    err) < 0) ||
	    (c->leaf->max_def > 0 &&
		put_levels(c, c->packed.data + rep, def, c->leaf->max_def,
		    &c->def, err) < 0) ||
	    unpack(c, h, rep + def, err) < 0)
		return -1;
	return put_values(c, h->encoding, 0, err);
}

static int
read_dict(struct pp_pqcursor *c, const struct header *h, struct pp_error *err)
{
	if (c->has_dict)
		return damaged(c, "two dictionaries", err);
	if (unpack(c, h, 0, err) < 0)
		return -1;
	if (!pp_pqdecode(&c->dict, c->leaf, PP_PQ_PLAIN,
		(unsigned char *)c->raw.data, c->raw.len, (size_t)h->entries))
		return damaged(c, "a dictionary that cannot be read", err);
	c->has_dict = true;
	return 0;
}

static int
read_page(struct pp_pqcursor *c, struct pp_error *err)
{
	struct header h;

	free(c->def);
	free(c->rep);
	c->def = c->rep = NULL;
	c->entry = c->entry_count = 0;
	if (read_header(c, &h, err) < 0 || read_bytes(c, &h, err) < 0)
		return -1;
	if (h.type == PP_PQ_DICTIONARY_PAGE)
		return read_dict(c, &h, err);
	if (h.type != PP_PQ_DATA_PAGE && h.type != PP_PQ_DATA_PAGE_V2)
		return 0;
	if (h.entries > c->entries_left)
		return damaged(c, "more values than it should", err);
	c->entries_left -= h.entries;
	c->entry_count = (size_t)h.entries;
	return h.type == PP_PQ_DATA_PAGE ? read_v1(c, &h, err) :
					   read_v2(c, &h, err);
}

int
pp_pqcursor_have(struct pp_pqcursor *c, struct pp_error *err)
{
	while (c->entry == c->entry_count) {
		if (c->entries_left == 0)
			return 0;
		if (c->at >= c->end)
			return damaged(c, "fewer values than it should", err);
		if (read_page(c, err) < 0)
			return -1;
	}
	return 1;
}

void
pp_pqcursor_take(struct pp_pqcursor *c, const char **value, size_t *len)
{
	bool there = pp_pqcursor_def(c) == c->leaf->max_def;

	c->entry++;
	*value = NULL;
	*len = 0;
	if (!there)
		return;
	if (c->by_index)
		*value = pp_pqvalues_at(&c->dict, c->indices[c->value++], len);
	else
		*value = pp_pqvalues_at(&c->values, c->value++, len);
}
