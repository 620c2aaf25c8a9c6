#include <config.h>

#include "export/pqdescribe.h"

#include <string.h>

#include "export/pqrows.h"
#include "export/pqvalue.h"

static const char *const physical_names[] = { "boolean", "int32", "int64",
	"int96", "float", "double", "bytes", "fixed" };

static const struct {
	enum pp_pq_logical logical;
	const char *name;
} logical_names[] = {
	{ PP_PQ_LOGICAL_STRING, "string" },
	{ PP_PQ_LOGICAL_ENUM, "enum" },
	{ PP_PQ_LOGICAL_DATE, "date" },
	{ PP_PQ_LOGICAL_TIME, "time" },
	{ PP_PQ_LOGICAL_TIMESTAMP, "timestamp" },
	{ PP_PQ_LOGICAL_JSON, "json" },
	{ PP_PQ_LOGICAL_UUID, "uuid" },
};

static const char *const encoding_names[] = { "plain", NULL, "dictionary",
	"rle", "bit-packed", "delta", "delta-length", "delta-text",
	"dictionary", "byte-stream-split" };

static void
put_type(struct pp_buf *out, const struct pp_pqelement *e)
{
	if (e->logical == PP_PQ_LOGICAL_DECIMAL) {
		pp_buf_addf(out, "decimal(%d,%d)", (int)e->precision,
		    (int)e->scale);
		return;
	}
	for (size_t i = 0; i < sizeof logical_names / sizeof logical_names[0];
	     i++) {
		if (logical_names[i].logical != e->logical)
			continue;
		pp_buf_adds(out, logical_names[i].name);
		return;
	}
	if (e->physical == PP_PQ_FIXED)
		pp_buf_addf(out, "fixed(%d)", (int)e->width);
	else
		pp_buf_addf(out, "%s%s", e->is_unsigned ? "u" : "",
		    physical_names[e->physical]);
}

/* The names down to the leaf; false when it is not below `e`. */
static void
put_name(struct pp_buf *out, const struct pp_pqelement *e, size_t leaf)
{
	const struct pp_pqelement *child;

	for (child = e->first_child; child != NULL; child = child->next) {
		if (leaf < child->first_leaf ||
		    leaf >= child->first_leaf + child->leaf_count)
			continue;
		if (out->len > 0)
			pp_buf_addc(out, '.');
		pp_buf_adds(out, child->name);
		put_name(out, child, leaf);
		return;
	}
}

static void
put_encodings(struct pp_buf *out, uint32_t bits)
{
	/* levels are always run lengths: that says nothing of values */
	for (size_t i = 0; i < sizeof encoding_names / sizeof encoding_names[0];
	     i++) {
		if (!(bits >> i & 1) || encoding_names[i] == NULL ||
		    i == PP_PQ_RLE)
			continue;
		if (out->len > 0)
			pp_buf_addc(out, ' ');
		pp_buf_adds(out, encoding_names[i]);
	}
}

static bool
is_comparable(const struct pp_pqelement *e, size_t len)
{
	switch (e->physical) {
	case PP_PQ_BOOLEAN: return len == 1;
	case PP_PQ_INT64:
	case PP_PQ_DOUBLE: return len == 8;
	case PP_PQ_FIXED: return len == (size_t)e->width;
	case PP_PQ_BYTES: return e->logical != PP_PQ_LOGICAL_DECIMAL;
	default: return false;
	}
}

/* The least and greatest over all row groups, when all of them say. */
static bool
see_bounds(const struct pp_pqfile *f, size_t leaf, struct pp_pqscan *scan)
{
	const struct pp_pqelement *e = f->leaves[leaf];

	for (size_t i = 0; i < f->group_count; i++) {
		const struct pp_pqchunk_info *c = &f->groups[i].chunks[leaf];
		const struct pp_pqstatistics *s = &c->statistics;

		if (s->nulls == c->entries)
			continue;
		if (s->min == NULL || s->max == NULL ||
		    !is_comparable(e, s->min_len) ||
		    !is_comparable(e, s->max_len))
			return false;
		pp_pqscan_see(scan, s->min, s->min_len);
		pp_pqscan_see(scan, s->max, s->max_len);
	}
	return scan->there;
}

static void
put_bounds(const struct pp_pqfile *f, size_t leaf, struct pp_pqdescription *d)
{
	const struct pp_pqelement *e = f->leaves[leaf];
	struct pp_pqleaf kind = { .physical = e->physical };
	struct pp_pqscan scan;

	pp_pqscan_init(&scan, &kind);
	if (!e->is_unsigned && see_bounds(f, leaf, &scan)) {
		pp_pqrows_put_value(&d->min, e, scan.min.data, scan.min.len);
		pp_pqrows_put_value(&d->max, e, scan.max.data, scan.max.len);
	}
	pp_pqscan_release(&scan);
}

void
pp_pqdescribe(const struct pp_pqfile *f, size_t leaf,
    struct pp_pqdescription *d)
{
	uint32_t encodings = 0;

	*d = (struct pp_pqdescription){ .name = PP_BUF_INIT,
		.type = PP_BUF_INIT,
		.encodings = PP_BUF_INIT,
		.min = PP_BUF_INIT,
		.max = PP_BUF_INIT,
		.codec = "" };
	put_name(&d->name, f->root, leaf);
	put_type(&d->type, f->leaves[leaf]);
	for (size_t i = 0; i < f->group_count; i++) {
		const struct pp_pqchunk_info *c = &f->groups[i].chunks[leaf];

		encodings |= c->encodings;
		d->entries += c->entries;
		d->bytes += c->bytes;
		d->raw_bytes += c->raw_bytes;
		d->codec = pp_codec_name((enum pp_codec_kind)c->codec);
		if (c->statistics.nulls < 0 || d->nulls < 0)
			d->nulls = -1;
		else
			d->nulls += c->statistics.nulls;
	}
	put_encodings(&d->encodings, encodings);
	put_bounds(f, leaf, d);
}

void
pp_pqdescription_release(struct pp_pqdescription *d)
{
	pp_buf_release(&d->name);
	pp_buf_release(&d->type);
	pp_buf_release(&d->encodings);
	pp_buf_release(&d->min);
	pp_buf_release(&d->max);
}
