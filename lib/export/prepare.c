#include <config.h>

#include "export/prepare.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "export/compact.h"
#include "export/hive.h"
#include "export/rowtype.h"

int
pp_prepare_init(struct pp_prepare *p, const struct pp_export_options *o,
    struct pp_error *err)
{
	double near;

	*p = (struct pp_prepare){ .o = o,
		.doc = PP_JSON_DOC_INIT,
		.record_doc = PP_JSON_DOC_INIT,
		.made_doc = PP_JSON_DOC_INIT,
		.made = PP_BUF_INIT,
		.text = PP_BUF_INIT,
		.key = PP_BUF_INIT };
	p->shape = (struct pp_reshape_options){ .shape = o->shape,
		.maps = o->maps,
		.map_count = o->map_count,
		.with_meta = o->with_meta,
		.with_failed = o->include_failed,
		.job_id = o->job_id };
	p->reshape = pp_reshape_new(&p->shape, err);
	if (p->reshape == NULL)
		return -1;
	if (o->dedup == NULL)
		return 0;
	p->dedup_path = pp_dedup_parse(o->dedup, &near, err);
	if (p->dedup_path == NULL)
		return -1;
	p->dedup = pp_dedup_new(near);
	return 0;
}

void
pp_prepare_release(struct pp_prepare *p)
{
	pp_reshape_free(p->reshape);
	pp_dedup_free(p->dedup);
	free(p->dedup_path);
	pp_json_doc_release(&p->doc);
	pp_json_doc_release(&p->record_doc);
	pp_json_doc_release(&p->made_doc);
	pp_buf_release(&p->made);
	pp_buf_release(&p->text);
	pp_buf_release(&p->key);
}

void
pp_prepare_restart(struct pp_prepare *p)
{
	p->taken = p->failed = p->duplicates = 0;
	if (p->dedup != NULL)
		pp_dedup_clear(p->dedup);
}

/* A row without the text is like no other. */
static bool
is_duplicate(struct pp_prepare *p)
{
	const struct pp_json *v;

	if (p->dedup == NULL)
		return false;
	v = pp_reshape_find(&p->line, p->dedup_path);
	if (v == NULL || v->type == PP_JSON_NULL)
		return false;
	pp_buf_clear(&p->key);
	pp_compact_put_plain(&p->key, v);
	return pp_dedup_seen(p->dedup, p->key.data, p->key.len);
}

/* The rules make another record of the row's. */
static int
replace_record(struct pp_prepare *p, struct pp_error *err)
{
	const struct pp_row_callbacks *rules = &p->o->rules;

	if (rules->put_record == NULL || p->line.record == NULL)
		return 0;
	pp_buf_clear(&p->made);
	if (rules->put_record(rules->arg, &p->line, &p->made, err) < 0)
		return -1;
	p->line.record = pp_json_parse(&p->made_doc, p->made.data, p->made.len,
	    0, err);
	return p->line.record != NULL ? 0 : -1;
}

static int
put_into_shape(struct pp_prepare *p, struct pp_error *err)
{
	if (replace_record(p, err) < 0)
		return -1;
	p->record = p->line.record;
	if (pp_reshape_is_idle(p->reshape))
		return 1;
	pp_buf_clear(&p->text);
	if (pp_reshape_put(p->reshape, &p->line, &p->text, err) < 0)
		return -1;
	p->record = pp_json_parse(&p->record_doc, p->text.data, p->text.len, 0,
	    err);
	return p->record != NULL ? 1 : -1;
}

int
pp_prepare_again(struct pp_prepare *p, const char *text, size_t len,
    struct pp_error *err)
{
	if (pp_rowline_read(&p->line, &p->doc, text, len, err) < 0)
		return -1;
	return put_into_shape(p, err);
}

int
pp_prepare_row(struct pp_prepare *p, const char *text, size_t len,
    struct pp_error *err)
{
	const struct pp_row_callbacks *rules = &p->o->rules;
	int rc;

	if (pp_rowline_read(&p->line, &p->doc, text, len, err) < 0)
		return -1;
	if (p->line.record == NULL) {
		p->failed++;
		if (!p->o->include_failed)
			return 0;
	}
	if (rules->keep != NULL) {
		rc = rules->keep(rules->arg, &p->line, err);
		if (rc <= 0)
			return rc;
	}
	if (p->line.record != NULL && is_duplicate(p)) {
		p->duplicates++;
		return 0;
	}
	p->taken++;
	return put_into_shape(p, err);
}

/* ---- where a row goes ---- */

static int
put_date(struct pp_buf *out, const struct pp_json *v, struct pp_error *err)
{
	int64_t us;
	time_t seconds;
	struct tm tm;

	if (v == NULL || v->escaped || !pp_type_timestamp(v->text, v->len, &us))
		return pp_error_set(err, PP_EDATA,
		    "the row has no time of "
		    "completion (RFC 3339) to partition by");
	seconds = (time_t)((us - (us < 0 ? 999999 : 0)) / 1000000);
	gmtime_r(&seconds, &tm);
	pp_buf_addf(out, "year=%04d/month=%02d/day=%02d/", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday);
	return 0;
}

static void
put_category(struct pp_buf *out, const struct pp_json *v)
{
	struct pp_buf plain = PP_BUF_INIT;

	if (v != NULL)
		pp_json_unescape(v, &plain);
	pp_hive_put(out, "category", plain.data, plain.len);
	pp_buf_release(&plain);
}

/*
 * By the row's id alone, so that a row stays where it is when others are added
 * or taken away; a row without an id goes by its record.
 */
static const char *
split_of(const struct pp_prepare *p)
{
	const struct pp_export_options *o = p->o;
	const struct pp_json *id = p->line.id != NULL ? p->line.id : p->record;
	uint64_t hash = pp_hash64(id->text, id->len, o->seed);
	uint64_t part = (uint64_t)(((unsigned __int128)hash * PP_SPLIT_WHOLE) >>
	    64);
	size_t i = 0;

	while (i + 1 < o->split_count && part >= o->splits[i].end)
		i++;
	return o->splits[i].name;
}

int
pp_prepare_folder(const struct pp_prepare *p, struct pp_buf *folder,
    struct pp_error *err)
{
	unsigned by = p->o->partition;

	pp_buf_clear(folder);
	if (p->o->split_count > 0)
		pp_buf_addf(folder, "%s/", split_of(p));
	if (by == PP_PARTITION_NONE)
		return 0;
	pp_buf_addf(folder, "partitioned/%s%s%s/",
	    by & PP_PARTITION_TIMESTAMP ? "timestamp" : "",
	    by == (PP_PARTITION_TIMESTAMP | PP_PARTITION_CATEGORY) ? "-" : "",
	    by & PP_PARTITION_CATEGORY ? "category" : "");
	if ((by & PP_PARTITION_TIMESTAMP) &&
	    put_date(folder, p->line.time, err) < 0)
		return -1;
	if (by & PP_PARTITION_CATEGORY)
		put_category(folder, p->line.category);
	return 0;
}
