#include <config.h>

#include "export/writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct pp_writer {
	const struct pp_export_options *o;
	const struct pp_sink_format *format;
	const struct pp_type *type;
	struct pp_tree *tree;
	struct pp_scribe *scribe;
	struct pp_export_result *result;
	char *folder;
	int part; /* of the open file, from 1 */
	struct pp_outfile out;
	struct pp_sink *sink; /* NULL: no file is open */
	uint64_t rows;	      /* in the open file */
};

struct pp_writer *
pp_writer_new(const struct pp_export_options *o,
    const struct pp_sink_format *format, const struct pp_type *type,
    struct pp_tree *tree, struct pp_scribe *scribe,
    struct pp_export_result *result)
{
	struct pp_writer *w = pp_calloc(1, sizeof *w);

	w->o = o;
	w->format = format;
	w->type = type;
	w->tree = tree;
	w->scribe = scribe;
	w->result = result;
	pp_outfile_attach(&w->out, -1, "");
	return w;
}

void
pp_writer_free(struct pp_writer *w)
{
	if (w == NULL)
		return;
	if (w->sink != NULL)
		w->format->free(w->sink);
	pp_outfile_release(&w->out);
	free(w->folder);
	free(w);
}

static char *
file_path(const struct pp_writer *w)
{
	const char *suffix = w->format->is_text ?
	    pp_pack_suffix(w->o->compress) :
	    "";

	if (w->o->max_rows_per_file > 0 || w->o->max_bytes_per_file > 0)
		return pp_asprintf("%spart-%05d.%s%s", w->folder, w->part,
		    w->format->name, suffix);
	return pp_asprintf("%s%s.%s%s", w->folder,
	    w->o->partition != PP_PARTITION_NONE ? "records" : "dataset",
	    w->format->name, suffix);
}

/*
 * Beside the caller, unless how large the file gets decides on rows: what a
 * worker has not finished is not known.
 */
static int
begin_compression(struct pp_writer *w, struct pp_error *err)
{
	struct pp_pack *pack;

	if (!w->format->is_text || w->o->compress == PP_CODEC_NONE)
		return 0;
	pack = pp_pack_new(w->o->compress, w->o->compress_level,
	    w->o->max_bytes_per_file > 0 ? 0 : 1, err);
	if (pack == NULL)
		return -1;
	pp_outfile_compress(&w->out, pack);
	return 0;
}

static struct pp_export_file *
list_file(struct pp_export_result *r, char *path, const char *format)
{
	struct pp_export_file *f;

	r->files = pp_grow(r->files, r->file_count, &r->file_cap,
	    sizeof *r->files);
	f = &r->files[r->file_count++];
	*f = (struct pp_export_file){ .path = path, .format = format };
	return f;
}

static int
open_file(struct pp_writer *w, struct pp_error *err)
{
	const char *staged;
	char *path;

	w->part++;
	w->rows = 0;
	if (w->tree == NULL) {
		pp_outfile_attach(&w->out, w->o->fd, w->o->fd_name);
	} else {
		path = file_path(w);
		staged = pp_tree_add(w->tree, path);
		list_file(w->result, path, w->format->name);
		if (pp_outfile_create(&w->out, staged, err) < 0)
			return -1;
	}
	pp_outfile_write_behind(&w->out, w->scribe);
	if (begin_compression(w, err) < 0)
		return -1;
	w->sink = w->format->open(w->o, w->type, &w->out, err);
	return w->sink != NULL ? 0 : -1;
}

/* Each writer finishes its file before the next is listed for it. */
static struct pp_export_file *
open_entry(struct pp_writer *w)
{
	struct pp_export_file *f = w->result->files + w->result->file_count;

	do
		f--;
	while (f->format != w->format->name);
	return f;
}

int
pp_writer_end(struct pp_writer *w, struct pp_error *err)
{
	char sha256[PP_SHA256_HEX_BYTES];
	struct pp_export_file *f;

	if (w->sink == NULL)
		return 0;
	if (w->format->finish(w->sink, err) < 0 ||
	    pp_outfile_close(&w->out, sha256, err) < 0)
		return -1;
	w->format->free(w->sink);
	w->sink = NULL;
	if (w->tree != NULL) {
		f = open_entry(w);
		f->rows = w->rows;
		f->bytes = w->out.bytes;
		memcpy(f->sha256, sha256, sizeof sha256);
	}
	pp_outfile_release(&w->out);
	return 0;
}

int
pp_writer_begin(struct pp_writer *w, const char *folder, struct pp_error *err)
{
	if (pp_writer_end(w, err) < 0)
		return -1;
	free(w->folder);
	w->folder = pp_strdup(folder);
	w->part = 0;
	return open_file(w, err);
}

static int
next_file(struct pp_writer *w, struct pp_error *err)
{
	return pp_writer_end(w, err) < 0 ? -1 : open_file(w, err);
}

/*
 * A format that is no text writes groups of rows, each of a quarter of the
 * bound at most: with three quarters there is room for no other.
 */
static bool
is_full(const struct pp_writer *w)
{
	uint64_t max_bytes = w->o->max_bytes_per_file;

	if (w->o->max_rows_per_file > 0 && w->rows == w->o->max_rows_per_file)
		return true;
	return max_bytes > 0 && !w->format->is_text && w->rows > 0 &&
	    pp_outfile_size(&w->out) >= max_bytes / 4 * 3;
}

int
pp_writer_add(struct pp_writer *w, const struct pp_json *record,
    struct pp_error *err)
{
	uint64_t max_bytes = w->o->max_bytes_per_file;
	size_t before;

	if (is_full(w) && next_file(w, err) < 0)
		return -1;
	before = w->out.buf.len;
	if (w->format->add(w->sink, record, err) < 0)
		return -1;
	if (max_bytes > 0 && w->format->is_text && w->rows > 0 &&
	    pp_outfile_size(&w->out) > max_bytes) {
		/* it is still in the buffer: put it into the next file */
		pp_buf_truncate(&w->out.buf, before);
		if (next_file(w, err) < 0 ||
		    w->format->add(w->sink, record, err) < 0)
			return -1;
	}
	w->rows++;
	return pp_outfile_pump(&w->out, err);
}
