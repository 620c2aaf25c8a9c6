/*
 * S3's XML: small documents without attributes that matter, read leaf by leaf.
 */
#ifndef PP_AWS_S3_XML_H
#define PP_AWS_S3_XML_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * An element has ended: its path ("ListBucketResult/Contents/Key") and the
 * text directly in it. 0, or -1 to give up.
 */
typedef int pp_s3_xml_fn(void *arg, const char *path, const char *text,
	    struct pp_error *err);

/* PP_EUNAVAIL: it is no XML, has a document type, or is nested too deep. */
int	pp_s3_xml_read(const char *xml, size_t len, pp_s3_xml_fn *fn,
	    void *arg, struct pp_error *err);

/* Append `<name>text</name>` with what must be escaped escaped. */
void	pp_s3_xml_put(struct pp_buf *out, const char *name, const char *text);

#endif
