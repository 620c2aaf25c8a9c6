#include <config.h>

#include "job/seed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "job/seed_int.h"

/* Blocks read last, each in the slot of its number. */
#define SLOTS 128
#define SLOT_BYTES ((size_t)48 << 10)

/* A part's blocks: `every` records each, but for the last. */
struct part {
	int64_t first;	     /* record */
	int64_t first_block; /* number within the set */
	int64_t count, bytes, every;
	uint32_t block_count;
	uint32_t *offsets, *crcs;
};

struct slot {
	int64_t block; /* number within the set; -1: empty */
	struct pp_buf text;
	int64_t record; /* of the block, that begins at `at` */
	size_t at;
};

struct pp_seed_set {
	struct pp_blob *blobs;
	struct pp_seed_manifest manifest;
	struct pp_buf text; /* of the manifest */
	char *shown;
	struct part *parts;
	size_t part_count, part_cap;
	struct slot slots[SLOTS];
	struct slot large; /* for a block with a record of many bytes */
};

/* ---- the index ---- */

/* A list of `count` numbers below 2^32; returns owned, or NULL. */
static uint32_t *
read_numbers(const struct pp_json *v, int64_t count)
{
	const struct pp_json *item;
	uint32_t *numbers;
	int64_t n = 0;

	if (v == NULL || v->type != PP_JSON_ARRAY || v->count != count)
		return NULL;
	numbers = pp_calloc(v->count, sizeof *numbers);
	item = pp_json_first(v);
	for (uint32_t i = 0; i < v->count; i++) {
		if (!pp_json_int64(item, &n) || n < 0 || n > UINT32_MAX) {
			free(numbers);
			return NULL;
		}
		numbers[i] = (uint32_t)n;
		item = pp_json_next(item);
	}
	return numbers;
}

static bool
are_in_order(const struct part *p)
{
	for (uint32_t i = 0; i < p->block_count; i++) {
		if (i == 0 ? p->offsets[i] != 0 :
			     p->offsets[i] <= p->offsets[i - 1])
			return false;
	}
	return p->offsets[p->block_count - 1] < p->bytes;
}

static bool
read_part(const struct pp_json *v, struct part *p)
{
	int64_t blocks;

	if (!pp_json_int64(pp_json_get(v, "count"), &p->count) ||
	    !pp_json_int64(pp_json_get(v, "bytes"), &p->bytes) ||
	    !pp_json_int64(pp_json_get(v, "every"), &p->every) ||
	    p->count < 1 || p->bytes < p->count || p->bytes > UINT32_MAX ||
	    p->every < 1 || p->every > UINT32_MAX)
		return false;
	blocks = (p->count + p->every - 1) / p->every;
	p->block_count = (uint32_t)blocks;
	p->offsets = read_numbers(pp_json_get(v, "offsets"), blocks);
	p->crcs = read_numbers(pp_json_get(v, "crc32c"), blocks);
	return p->offsets != NULL && p->crcs != NULL && are_in_order(p);
}

static int
damaged(const struct pp_seed_set *set, struct pp_error *err, const char *what)
{
	return pp_error_set(err, PP_EDATA, "seed set '%s' is damaged: %s",
	    set->shown, what);
}

static int
read_index(struct pp_seed_set *set, const struct pp_buf *index,
    struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const char *line = index->data, *end = line + index->len, *newline;
	int64_t records = 0, blocks = 0;
	int rc = 0;

	for (; line < end && rc == 0; line = newline + 1) {
		struct part *p;
		const struct pp_json *v;

		newline = memchr(line, '\n', (size_t)(end - line));
		if (newline == NULL)
			newline = end;
		set->parts = pp_grow(set->parts, set->part_count,
		    &set->part_cap, sizeof *set->parts);
		p = &set->parts[set->part_count++];
		*p = (struct part){ .first = records, .first_block = blocks };
		v = pp_json_parse(&doc, line, (size_t)(newline - line), 0,
		    NULL);
		if (v == NULL || !read_part(v, p))
			rc = damaged(set, err, "its index cannot be read");
		records += p->count;
		blocks += p->block_count;
	}
	if (rc == 0 &&
	    (records != set->manifest.count ||
		(int64_t)set->part_count != set->manifest.parts))
		rc = damaged(set, err,
		    "its index is not that of its "
		    "manifest");
	pp_json_doc_release(&doc);
	return rc;
}

/* ---- opening ---- */

/* The index must be the one that the manifest names. */
static int
load_index(struct pp_seed_set *set, struct pp_error *err)
{
	char *key = pp_seed_index_key(set->manifest.base,
	    set->manifest.generation);
	struct pp_buf index = PP_BUF_INIT;
	struct pp_error why = PP_ERROR_INIT;
	char hex[PP_SHA256_HEX_BYTES];
	int rc = -1;

	if (pp_blob_get(set->blobs, key, &index, NULL, &why) < 0) {
		if (why.code == PP_ENOENT)
			damaged(set, err, "its index is gone");
		else
			pp_error_set(err, why.code, "%s", why.text);
	} else if (strcmp(pp_sha256_hex(index.data, index.len, hex),
		       set->manifest.index_sha256) != 0) {
		damaged(set, err, "its index was changed");
	} else {
		rc = read_index(set, &index, err);
	}
	pp_buf_release(&index);
	free(key);
	return rc;
}

static struct pp_seed_set *
new_set(struct pp_store *s)
{
	struct pp_seed_set *set = pp_calloc(1, sizeof *set);

	set->blobs = pp_store_blobs(s);
	pp_buf_init(&set->text, 0);
	pp_buf_init(&set->large.text, 0);
	set->large.block = -1;
	for (int i = 0; i < SLOTS; i++) {
		pp_buf_init(&set->slots[i].text, 0);
		set->slots[i].block = -1;
	}
	return set;
}

struct pp_seed_set *
pp_seed_open(struct pp_store *s, const char *user_id, const char *name,
    struct pp_error *err)
{
	struct pp_seed_set *set = new_set(s);
	char *base = pp_seed_base(user_id, name, err);
	int rc = -1;

	if (base != NULL &&
	    pp_seed_manifest_get(s, base, &set->text, NULL, &set->manifest,
		err) == 0) {
		set->shown = pp_seed_shown(base);
		rc = load_index(set, err);
	}
	free(base);
	if (rc == 0)
		return set;
	pp_seed_close(set);
	return NULL;
}

struct pp_seed_set *
pp_seed_open_pinned(struct pp_store *s, const char *manifest_json, size_t len,
    struct pp_error *err)
{
	struct pp_seed_set *set = new_set(s);
	struct pp_error why = PP_ERROR_INIT;
	int rc = pp_seed_manifest_parse(manifest_json, len, &set->manifest,
	    err);

	if (rc == 0) {
		pp_buf_set(&set->text, manifest_json, len);
		set->shown = pp_seed_shown(set->manifest.base);
		rc = load_index(set, &why);
		if (rc < 0)
			pp_error_set(err,
			    why.code == PP_EDATA ? PP_ECONFLICT : why.code,
			    "%s", why.text);
	}
	if (rc == 0)
		return set;
	pp_seed_close(set);
	return NULL;
}

void
pp_seed_close(struct pp_seed_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->part_count; i++) {
		free(set->parts[i].offsets);
		free(set->parts[i].crcs);
	}
	for (int i = 0; i < SLOTS; i++)
		pp_buf_release(&set->slots[i].text);
	pp_buf_release(&set->large.text);
	pp_buf_release(&set->text);
	pp_seed_manifest_release(&set->manifest);
	free(set->parts);
	free(set->shown);
	free(set);
}

int64_t
pp_seed_count(const struct pp_seed_set *set)
{
	return set->manifest.count;
}

int64_t
pp_seed_bytes(const struct pp_seed_set *set)
{
	return set->manifest.bytes;
}

const char *
pp_seed_manifest(const struct pp_seed_set *set, size_t *len)
{
	*len = set->text.len;
	return set->text.data;
}

/* ---- records ---- */

static const struct part *
find_part(const struct pp_seed_set *set, int64_t i)
{
	size_t low = 0, high = set->part_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (set->parts[middle].first <= i)
			low = middle;
		else
			high = middle;
	}
	return &set->parts[low];
}

/* A block, and where it is when it is at hand. */
struct block {
	const struct part *part;
	uint32_t index; /* in the part */
	int64_t number; /* within the set */
	size_t from, len;
	struct slot *slot;
};

/* The one of record `i`. */
static struct block
find_block(struct pp_seed_set *set, int64_t i)
{
	const struct part *p = find_part(set, i);
	uint32_t j = (uint32_t)((i - p->first) / p->every);
	size_t from = p->offsets[j],
	       end = j + 1 < p->block_count ? p->offsets[j + 1] :
					      (size_t)p->bytes;
	int64_t number = p->first_block + j;

	return (struct block){ .part = p,
		.index = j,
		.number = number,
		.from = from,
		.len = end - from,
		.slot = end - from > SLOT_BYTES ? &set->large :
						  &set->slots[number % SLOTS] };
}

static int
check_block(struct pp_seed_set *set, const struct block *b,
    struct pp_error *err)
{
	const struct pp_buf *text = &b->slot->text;

	if (text->len != b->len ||
	    pp_crc32c(0, text->data, text->len) != b->part->crcs[b->index])
		return damaged(set, err, "a part was changed");
	b->slot->block = b->number;
	return 0;
}

static int
read_blocks(struct pp_seed_set *set, const struct block *blocks, size_t count,
    struct pp_error *err)
{
	struct pp_blob_range ranges[PP_SEED_FETCH] = { { NULL, 0, 0 } };
	struct pp_buf texts[PP_SEED_FETCH];
	char *keys[PP_SEED_FETCH];
	struct pp_error why = PP_ERROR_INIT;
	int rc;

	for (size_t i = 0; i < count; i++) {
		const struct block *b = &blocks[i];

		keys[i] = pp_seed_part_key(set->manifest.base,
		    set->manifest.generation, b->part - set->parts + 1);
		ranges[i] = (struct pp_blob_range){ keys[i], (int64_t)b->from,
			b->len };
		pp_buf_clear(&b->slot->text);
		texts[i] = b->slot->text;
		*b->slot = (struct slot){ .block = -1 };
	}
	rc = pp_blob_get_ranges(set->blobs, ranges, count, texts, &why);
	if (rc < 0 && why.code == PP_ENOENT)
		damaged(set, err, "a part is gone");
	else if (rc < 0)
		pp_error_set(err, why.code, "%s", why.text);
	for (size_t i = 0; i < count; i++) {
		blocks[i].slot->text = texts[i];
		if (rc == 0)
			rc = check_block(set, &blocks[i], err);
		free(keys[i]);
	}
	return rc;
}

/* Record `k` of the block; what comes after the last one asked for is near. */
static int
copy_record(struct pp_seed_set *set, struct slot *slot, int64_t k,
    struct pp_buf *out, struct pp_error *err)
{
	const char *start, *end = slot->text.data + slot->text.len, *newline;

	if (k < slot->record) {
		slot->record = 0;
		slot->at = 0;
	}
	for (;;) {
		start = slot->text.data + slot->at;
		newline = memchr(start, '\n', (size_t)(end - start));
		if (newline == NULL)
			return damaged(set, err, "a record is missing");
		slot->at = (size_t)(newline - slot->text.data) + 1;
		if (slot->record++ == k)
			break;
	}
	if (pp_buf_add(out, start, (size_t)(newline - start)) == 0)
		return 0;
	return pp_error_set(err, PP_ELIMIT,
	    "a record of seed set '%s' is "
	    "larger than %zu bytes",
	    set->shown, out->max);
}

int
pp_seed_get(struct pp_seed_set *set, int64_t i, struct pp_buf *out,
    struct pp_error *err)
{
	struct block b;

	assert(i >= 0 && i < set->manifest.count);
	b = find_block(set, i);
	if (b.slot->block != b.number && read_blocks(set, &b, 1, err) < 0)
		return -1;
	return copy_record(set, b.slot, (i - b.part->first) % b.part->every,
	    out, err);
}

/* 1: the block has its slot; 0: nobody has it; -1: another block has. */
static int
is_held(const struct block *held, size_t count, const struct block *b)
{
	for (size_t i = 0; i < count; i++) {
		if (held[i].slot == b->slot)
			return held[i].number == b->number ? 1 : -1;
	}
	return 0;
}

int
pp_seed_fetch(struct pp_seed_set *set, const int64_t *at, size_t count,
    struct pp_error *err)
{
	struct block held[PP_SEED_FETCH], missing[PP_SEED_FETCH], b;
	size_t held_count = 0, missing_count = 0, n;
	int rc;

	assert(count > 0 && count <= PP_SEED_FETCH);
	for (n = 0; n < count; n++) {
		b = find_block(set, at[n]);
		rc = is_held(held, held_count, &b);
		if (rc < 0)
			break;
		if (rc > 0)
			continue;
		held[held_count++] = b;
		if (b.slot->block != b.number)
			missing[missing_count++] = b;
	}
	if (missing_count > 0 &&
	    read_blocks(set, missing, missing_count, err) < 0)
		return -1;
	return (int)n;
}

void
pp_seed_use(struct pp_seed_set *set, struct pp_store *s)
{
	set->blobs = pp_store_blobs(s);
}
