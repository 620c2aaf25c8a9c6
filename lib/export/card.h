/*
 * What tells people and the Hugging Face tools about an export: the data set
 * card "README.md", and the part of it that the `datasets` library needs,
 * ".huggingface.yaml".
 */
#ifndef PP_EXPORT_CARD_H
#define PP_EXPORT_CARD_H

#include "base/buf.h"
#include "export/export.h"
#include "export/rowtype.h"

/* Which files are whose split; of several formats the best typed. */
void	pp_card_put_configs(struct pp_buf *out,
	    const struct pp_export_options *o);

/* The whole card; the licence is left to be filled in. */
void	pp_card_put(struct pp_buf *out, const struct pp_export_options *o,
	    const struct pp_type *type, const struct pp_export_result *r);

#endif
