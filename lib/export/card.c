#include <config.h>

#include "export/card.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "export/compact.h"
#include "export/formats.h"
#include "export/pqschema.h"

/* The format that `datasets` should take: types first, then plain text. */
static const struct pp_sink_format *
best_format(const struct pp_export_options *o)
{
	for (size_t i = PP_FORMAT_COUNT; i-- > 0;)
		if ((o->formats & pp_formats[i].bit) &&
		    !pp_formats[i].sink->is_text)
			return pp_formats[i].sink;
	for (size_t i = 0; i < PP_FORMAT_COUNT; i++)
		if (o->formats & pp_formats[i].bit)
			return pp_formats[i].sink;
	return NULL;
}

static void
put_files(struct pp_buf *out, const struct pp_export_options *o,
    const char *split, const char *folder)
{
	const struct pp_sink_format *format = best_format(o);
	bool many = o->max_rows_per_file > 0 || o->max_bytes_per_file > 0;

	pp_buf_addf(out, "  - split: %s\n    path: \"%s%s%s.%s%s\"\n", split,
	    folder, o->partition != PP_PARTITION_NONE ? "partitioned/**/" : "",
	    many				  ? "part-*" :
		o->partition != PP_PARTITION_NONE ? "records" :
						    "dataset",
	    format->name, format->is_text ? pp_pack_suffix(o->compress) : "");
}

/* `datasets` wants names of splits without dots and dashes. */
static void
put_split(struct pp_buf *out, const struct pp_export_options *o,
    const struct pp_split *s)
{
	char name[sizeof s->name], folder[sizeof s->name + 1];

	snprintf(folder, sizeof folder, "%s/", s->name);
	memcpy(name, s->name, sizeof name);
	for (char *c = name; *c != '\0'; c++)
		if (*c == '-' || *c == '.')
			*c = '_';
	put_files(out, o, name, folder);
}

void
pp_card_put_configs(struct pp_buf *out, const struct pp_export_options *o)
{
	pp_buf_adds(out,
	    "configs:\n- config_name: default\n"
	    "  data_files:\n");
	if (o->split_count == 0)
		put_files(out, o, "train", "");
	for (size_t i = 0; i < o->split_count; i++)
		put_split(out, o, &o->splits[i]);
}

/* ---- the head of the card ---- */

static const char *
size_category(uint64_t rows)
{
	static const struct {
		uint64_t below;
		const char *name;
	} sizes[] = {
		{ 1000, "n<1K" },
		{ 10000, "1K<n<10K" },
		{ 100000, "10K<n<100K" },
		{ 1000000, "100K<n<1M" },
		{ 10000000, "1M<n<10M" },
		{ 100000000, "10M<n<100M" },
		{ 1000000000, "100M<n<1B" },
	};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		if (rows < sizes[i].below)
			return sizes[i].name;
	return "n>1B";
}

/* JSON is YAML, so features stand here as they do in Parquet's metadata. */
static void
put_head(struct pp_buf *out, const struct pp_export_options *o,
    const struct pp_type *type, const struct pp_export_result *r)
{
	struct pp_pqschema schema;

	pp_buf_adds(out,
	    "---\nlicense: # fill in, as cc-by-4.0\n"
	    "tags:\n- synthetic\n");
	pp_buf_addf(out, "size_categories:\n- %s\n", size_category(r->rows));
	pp_card_put_configs(out, o);
	pp_pqschema_init(&schema, type);
	pp_buf_adds(out, "dataset_info:\n  features:\n");
	pp_pqschema_put_card(&schema, out);
	pp_pqschema_release(&schema);
	pp_buf_adds(out, "---\n\n");
}

/* ---- its text ---- */

/* Text inside of a line of Markdown. */
static void
put_plain(struct pp_buf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (strchr("\\`*_{}[]<>()#+!|", s[i]) != NULL && s[i] != '\0')
			pp_buf_addc(out, '\\');
		pp_buf_addc(out, (unsigned char)s[i] < ' ' ? ' ' : s[i]);
	}
}

static void
put_fact(struct pp_buf *out, const char *what, const struct pp_json *v)
{
	struct pp_buf text = PP_BUF_INIT;

	if (v == NULL)
		return;
	pp_compact_put_plain(&text, v);
	pp_buf_addf(out, "* %s: ", what);
	put_plain(out, text.data, text.len);
	pp_buf_addc(out, '\n');
	pp_buf_release(&text);
}

static void
put_models(struct pp_buf *out, const struct pp_json *models)
{
	const struct pp_json *key = models != NULL ? pp_json_first(models) :
						     NULL;

	for (uint32_t i = 0; key != NULL && i < models->count; i++) {
		const struct pp_json *model = pp_json_next(key);

		pp_buf_adds(out, "* step ");
		put_plain(out, key->text, key->len);
		pp_buf_adds(out, ": ");
		put_plain(out, model->text, model->len);
		pp_buf_addc(out, '\n');
		key = pp_json_next(model);
	}
}

static void
put_origin(struct pp_buf *out, const struct pp_export_options *o)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_buf text = PP_BUF_INIT;
	const struct pp_json *about;

	if (o->about == NULL)
		return;
	pp_buf_addf(&text, "{%s}", o->about);
	about = pp_json_parse(&doc, text.data, text.len, 0, NULL);
	if (about != NULL) {
		put_fact(out, "job", pp_json_get(about, "job_id"));
		put_fact(out, "template", pp_json_get(about, "template"));
		put_fact(out, "version of the template",
		    pp_json_get(about, "template_version"));
		put_models(out, pp_json_get(about, "models"));
		put_fact(out, "cost in US dollars", pp_json_get(about, "cost"));
	}
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
}

static void
put_fields(struct pp_buf *out, const struct pp_type *type)
{
	pp_buf_adds(out,
	    "\n## Fields\n\n| field | type | meaning |\n"
	    "| --- | --- | --- |\n");
	for (size_t i = 0; i < type->count; i++) {
		const struct pp_type *f = type->fields[i];

		pp_buf_adds(out, "| ");
		put_plain(out, f->name, f->name_len);
		pp_buf_addf(out, " | %s | |\n",
		    pp_kind_name(pp_type_stored(f)));
	}
}

void
pp_card_put(struct pp_buf *out, const struct pp_export_options *o,
    const struct pp_type *type, const struct pp_export_result *r)
{
	put_head(out, o, type, r);
	pp_buf_adds(out,
	    "# Data set\n\nSynthetic data, written by language "
	    "models from seeds with Plot Palette.\n\n"
	    "## How it was made\n\n");
	put_origin(out, o);
	pp_buf_addf(out, "* rows: %llu\n", (unsigned long long)r->rows);
	if (r->failed > 0)
		pp_buf_addf(out, "* rows that failed%s: %llu\n",
		    o->include_failed ? "" : ", left out",
		    (unsigned long long)r->failed);
	if (r->duplicates > 0)
		pp_buf_addf(out, "* duplicates, left out: %llu\n",
		    (unsigned long long)r->duplicates);
	put_fields(out, type);
	pp_buf_addf(out,
	    "\nFiles, their sizes and SHA-256 are in "
	    "`manifest.json`.\n");
}
