#include <config.h>

#include "aws/s3_xml.h"

#include <expat.h>
#include <string.h>

#define MAX_DEPTH 16

struct reader {
	XML_Parser parser;
	pp_s3_xml_fn *fn;
	void *arg;
	struct pp_error *err;
	struct pp_buf path, text;
	size_t from[MAX_DEPTH]; /* where the text of an element begins */
	size_t depth;
	bool failed;
};

static void
stop(struct reader *r)
{
	r->failed = true;
	XML_StopParser(r->parser, XML_FALSE);
}

static void
on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = arg;

	(void)attributes;
	if (r->depth == MAX_DEPTH) {
		pp_error_set(r->err, PP_EUNAVAIL,
		    "XML from S3 is nested too deep");
		stop(r);
		return;
	}
	r->from[r->depth++] = r->text.len;
	if (r->path.len > 0)
		pp_buf_addc(&r->path, '/');
	pp_buf_adds(&r->path, name);
}

static void
on_text(void *arg, const XML_Char *s, int len)
{
	pp_buf_add(&((struct reader *)arg)->text, s, (size_t)len);
}

static void
on_end(void *arg, const XML_Char *name)
{
	struct reader *r = arg;
	size_t from = r->from[--r->depth], len = strlen(name);

	if (r->fn(r->arg, r->path.data, r->text.data + from, r->err) < 0)
		stop(r);
	pp_buf_truncate(&r->text, from);
	pp_buf_truncate(&r->path, r->path.len - len);
	if (r->path.len > 0)
		pp_buf_truncate(&r->path, r->path.len - 1);
}

static void
on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
    const XML_Char *public, int internal)
{
	struct reader *r = arg;

	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	pp_error_set(r->err, PP_EUNAVAIL, "XML from S3 has a document type");
	stop(r);
}

int
pp_s3_xml_read(const char *xml, size_t len, pp_s3_xml_fn *fn, void *arg,
    struct pp_error *err)
{
	struct reader r = { .fn = fn,
		.arg = arg,
		.err = err,
		.parser = XML_ParserCreate("UTF-8"),
		.path = PP_BUF_INIT,
		.text = PP_BUF_INIT };
	int rc = 0;

	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	if (XML_Parse(r.parser, xml, (int)len, 1) == XML_STATUS_ERROR) {
		rc = -1;
		if (!r.failed)
			pp_error_set(err, PP_EUNAVAIL, "no XML from S3: %s",
			    XML_ErrorString(XML_GetErrorCode(r.parser)));
	}
	XML_ParserFree(r.parser);
	pp_buf_release(&r.path);
	pp_buf_release(&r.text);
	return rc;
}

void
pp_s3_xml_put(struct pp_buf *out, const char *name, const char *text)
{
	pp_buf_addf(out, "<%s>", name);
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&': pp_buf_adds(out, "&amp;"); break;
		case '<': pp_buf_adds(out, "&lt;"); break;
		case '>': pp_buf_adds(out, "&gt;"); break;
		default: pp_buf_addc(out, *text);
		}
	}
	pp_buf_addf(out, "</%s>", name);
}
