#include <config.h>

#include "job/seed_writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "job/schema.h"
#include "job/seed.h"
#include "job/seed_int.h"

#define PART_BYTES ((size_t)8 << 20)
/*
 * A block is what is read for one record. Small ones are quick to read and
 * check; from the part on that is named here they are larger, so that the
 * index of a very large set stays small.
 */
#define BLOCK_BYTES ((size_t)16 << 10)
#define LARGE_BLOCK_BYTES ((size_t)64 << 10)
#define LARGE_FROM_PART 512
#define MAX_OFFSETS 4096

struct pp_seed_writer {
	struct pp_store *store;
	char *name, *base;
	char generation[PP_ID_BYTES];
	bool exists, committed;
	char etag[PP_ETAG_BYTES];	     /* of the manifest there */
	char old_index[PP_SHA256_HEX_BYTES]; /* that it names */
	struct pp_schema *schema;
	struct pp_buf index;
	int64_t count, bytes, parts;

	/* the part that is being filled */
	struct pp_buf part;
	int64_t part_count;
	int64_t every; /* records between two offsets */
	size_t offset_count;
	uint32_t offsets[MAX_OFFSETS];
};

/* What is there now, if anything is; 0, or -1. */
static int
look_at_old(struct pp_seed_writer *w, bool replace, struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;
	struct pp_buf text = PP_BUF_INIT;
	struct pp_seed_manifest m;
	int rc = pp_seed_manifest_get(w->store, w->base, &text, w->etag, &m,
	    &why);

	pp_buf_release(&text);
	if (rc < 0)
		return why.code == PP_ENOENT ?
		    0 :
		    pp_error_set(err, why.code, "%s", why.text);
	w->exists = true;
	memcpy(w->old_index, m.index_sha256, sizeof w->old_index);
	pp_seed_manifest_release(&m);
	if (!replace)
		return pp_error_set(err, PP_EEXIST,
		    "seed set '%s' is there "
		    "already (--replace replaces it)",
		    w->name);
	return 0;
}

struct pp_seed_writer *
pp_seed_writer_new(struct pp_store *s, const char *user_id, const char *name,
    bool replace, struct pp_error *err)
{
	struct pp_seed_writer *w = pp_calloc(1, sizeof *w);

	w->store = s;
	w->name = pp_strdup(name);
	w->schema = pp_schema_new();
	w->every = 1;
	pp_buf_init(&w->index, 0);
	pp_buf_init(&w->part, 0);
	pp_id_new(w->generation);
	w->base = pp_seed_base(user_id, name, err);
	if (w->base != NULL && look_at_old(w, replace, err) == 0 &&
	    pp_seed_prune(s, user_id, name, pp_clock_wall_ms(), err) == 0)
		return w;
	w->committed = true; /* nothing was written */
	pp_seed_writer_free(w);
	return NULL;
}

/* ---- the index of a part ---- */

/* Half as many offsets: every other one. */
static void
thin_offsets(struct pp_seed_writer *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->offset_count; i += 2)
		w->offsets[n++] = w->offsets[i];
	w->offset_count = n;
	w->every *= 2;
}

static void
note_offset(struct pp_seed_writer *w)
{
	if (w->part_count % w->every != 0)
		return;
	if (w->offset_count == MAX_OFFSETS) {
		thin_offsets(w);
		if (w->part_count % w->every != 0)
			return;
	}
	w->offsets[w->offset_count++] = (uint32_t)w->part.len;
}

static void
put_blocks(struct pp_seed_writer *w)
{
	pp_json_put_key(&w->index, "offsets");
	for (size_t i = 0; i < w->offset_count; i++)
		pp_buf_addf(&w->index, "%c%u", i == 0 ? '[' : ',',
		    w->offsets[i]);
	pp_buf_addc(&w->index, ']');
	pp_json_put_key(&w->index, "crc32c");
	for (size_t i = 0; i < w->offset_count; i++) {
		size_t from = w->offsets[i];
		size_t to = i + 1 < w->offset_count ? w->offsets[i + 1] :
						      w->part.len;

		pp_buf_addf(&w->index, "%c%u", i == 0 ? '[' : ',',
		    pp_crc32c(0, w->part.data + from, to - from));
	}
	pp_buf_addc(&w->index, ']');
}

static void
put_index_line(struct pp_seed_writer *w)
{
	size_t block = w->parts < LARGE_FROM_PART ? BLOCK_BYTES :
						    LARGE_BLOCK_BYTES;
	char hex[PP_SHA256_HEX_BYTES];

	while (w->offset_count > 1 + w->part.len / block)
		thin_offsets(w);
	pp_buf_addc(&w->index, '{');
	pp_json_put_key(&w->index, "part");
	pp_json_put_int(&w->index, w->parts);
	pp_json_put_key(&w->index, "count");
	pp_json_put_int(&w->index, w->part_count);
	pp_json_put_key(&w->index, "bytes");
	pp_json_put_int(&w->index, (int64_t)w->part.len);
	pp_json_put_key(&w->index, "sha256");
	pp_json_put_cstr(&w->index,
	    pp_sha256_hex(w->part.data, w->part.len, hex));
	pp_json_put_key(&w->index, "every");
	pp_json_put_int(&w->index, w->every);
	put_blocks(w);
	pp_buf_adds(&w->index, "}\n");
}

/* Write the part and begin the next. */
static int
flush_part(struct pp_seed_writer *w, struct pp_error *err)
{
	char *key = pp_seed_part_key(w->base, w->generation, ++w->parts);
	int rc = pp_blob_put(pp_store_blobs(w->store), key, w->part.data,
	    w->part.len, PP_BLOB_IF_NONE, NULL, NULL, err);

	free(key);
	if (rc < 0)
		return -1;
	put_index_line(w);
	w->count += w->part_count;
	w->bytes += (int64_t)w->part.len;
	pp_buf_clear(&w->part);
	w->part_count = 0;
	w->every = 1;
	w->offset_count = 0;
	return 0;
}

int
pp_seed_writer_add(struct pp_seed_writer *w, const char *text, size_t len,
    const struct pp_json *json, struct pp_error *err)
{
	if (w->part.len > 0 && w->part.len + len + 1 > PART_BYTES &&
	    flush_part(w, err) < 0)
		return -1;
	note_offset(w);
	pp_buf_add(&w->part, text, len);
	pp_buf_addc(&w->part, '\n');
	w->part_count++;
	pp_schema_add(w->schema, json);
	return 0;
}

/* ---- the manifest ---- */

static void
put_manifest(struct pp_seed_writer *w, const char *index_sha256,
    struct pp_buf *out)
{
	char now[PP_TIME_TEXT_BYTES];

	pp_buf_addc(out, '{');
	pp_json_put_key(out, "format");
	pp_json_put_int(out, 1);
	pp_json_put_key(out, "set");
	pp_json_put_cstr(out, w->base);
	pp_json_put_key(out, "generation");
	pp_json_put_cstr(out, w->generation);
	pp_json_put_key(out, "created_at");
	pp_json_put_cstr(out, pp_time_format(pp_clock_wall_ms(), now));
	pp_json_put_key(out, "count");
	pp_json_put_int(out, w->count);
	pp_json_put_key(out, "bytes");
	pp_json_put_int(out, w->bytes);
	pp_json_put_key(out, "parts");
	pp_json_put_int(out, w->parts);
	pp_json_put_key(out, "index_sha256");
	pp_json_put_cstr(out, index_sha256);
	pp_json_put_key(out, "schema");
	pp_schema_put_json(w->schema, out);
	pp_buf_adds(out, "}\n");
}

/* The index, then the manifest that makes it the set. */
static int
publish(struct pp_seed_writer *w, const char *index_sha256,
    struct pp_error *err)
{
	struct pp_blob *blobs = pp_store_blobs(w->store);
	char *index = pp_seed_index_key(w->base, w->generation);
	char *manifest = pp_seed_manifest_key(w->base);
	struct pp_error why = PP_ERROR_INIT;
	struct pp_buf text = PP_BUF_INIT;
	int rc;

	put_manifest(w, index_sha256, &text);
	rc = pp_blob_put(blobs, index, w->index.data, w->index.len,
	    PP_BLOB_IF_NONE, NULL, NULL, &why);
	if (rc == 0)
		rc = pp_blob_put(blobs, manifest, text.data, text.len,
		    w->exists ? PP_BLOB_IF_MATCH : PP_BLOB_IF_NONE,
		    w->exists ? w->etag : NULL, NULL, &why);
	if (rc < 0 && why.code == PP_ECONFLICT)
		pp_error_set(err, w->exists ? PP_ECONFLICT : PP_EEXIST,
		    "seed set '%s' was put by somebody else meanwhile",
		    w->name);
	else if (rc < 0)
		pp_error_set(err, why.code, "%s", why.text);
	free(index);
	free(manifest);
	pp_buf_release(&text);
	return rc;
}

int
pp_seed_writer_commit(struct pp_seed_writer *w, struct pp_error *err)
{
	char hex[PP_SHA256_HEX_BYTES];

	if (w->part.len > 0 && flush_part(w, err) < 0)
		return -1;
	if (w->count == 0)
		return pp_error_set(err, PP_EDATA,
		    "seed set '%s' would have no record", w->name);
	pp_sha256_hex(w->index.data, w->index.len, hex);
	if (w->exists && strcmp(hex, w->old_index) == 0)
		return 1;
	if (publish(w, hex, err) < 0)
		return -1;
	w->committed = true;
	return 0;
}

void
pp_seed_writer_free(struct pp_seed_writer *w)
{
	char *prefix;

	if (w == NULL)
		return;
	if (!w->committed) {
		prefix = pp_asprintf("%s/%s/", w->base, w->generation);
		/* What cannot be removed now goes with a later prune. */
		pp_blob_delete_prefix(pp_store_blobs(w->store), prefix, NULL);
		free(prefix);
	}
	pp_schema_free(w->schema);
	pp_buf_release(&w->index);
	pp_buf_release(&w->part);
	free(w->name);
	free(w->base);
	free(w);
}
