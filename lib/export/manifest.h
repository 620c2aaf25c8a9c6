/*
 * What an export made, as JSON: "manifest.json". It holds no times, so that
 * equal exports have equal manifests.
 */
#ifndef PP_EXPORT_MANIFEST_H
#define PP_EXPORT_MANIFEST_H

#include "base/buf.h"
#include "export/export.h"
#include "export/rowtype.h"

void	pp_manifest_put(struct pp_buf *out, const struct pp_export_options *o,
	    const struct pp_type *type, const struct pp_export_result *r);

#endif
