#include <config.h>

#include "export/manifest.h"

#include "base/json.h"

static void
put_count(struct pp_buf *out, const char *key, uint64_t n)
{
	pp_json_put_key(out, key);
	pp_json_put_int(out, (int64_t)n);
}

static void
put_text(struct pp_buf *out, const char *key, const char *text)
{
	pp_json_put_key(out, key);
	pp_json_put_cstr(out, text);
}

static void
put_file(struct pp_buf *out, const struct pp_export_file *f)
{
	pp_buf_addc(out, '{');
	put_text(out, "path", f->path);
	put_text(out, "format", f->format);
	put_count(out, "rows", f->rows);
	put_count(out, "bytes", f->bytes);
	put_text(out, "sha256", f->sha256);
	pp_buf_addc(out, '}');
}

void
pp_manifest_put(struct pp_buf *out, const struct pp_export_options *o,
    const struct pp_type *type, const struct pp_export_result *r)
{
	pp_buf_addc(out, '{');
	put_count(out, "manifest_version", 1);
	put_text(out, "generator", PACKAGE_NAME " " PACKAGE_VERSION);
	if (o->about != NULL)
		pp_buf_addf(out, ",%s", o->about);
	put_count(out, "rows", r->rows);
	put_count(out, "failed_rows", r->failed);
	if (o->dedup != NULL)
		put_count(out, "duplicate_rows", r->duplicates);
	pp_json_put_key(out, "schema");
	pp_type_put_json(type, out);
	pp_buf_adds(out, ",\"files\":[");
	for (size_t i = 0; i < r->file_count; i++) {
		pp_buf_adds(out, i > 0 ? ",\n" : "\n");
		put_file(out, &r->files[i]);
	}
	pp_buf_adds(out, "\n]}\n");
}
