/*
 * The formats of an export, as bits of its options.
 */
#ifndef PP_EXPORT_FORMATS_H
#define PP_EXPORT_FORMATS_H

#include "export/sink.h"

#define PP_FORMAT_COUNT 3

struct pp_format {
	unsigned bit;
	const struct pp_sink_format *sink;
};

/* In the order in which their files are listed. */
extern const struct pp_format pp_formats[PP_FORMAT_COUNT];

/* What an export is asked to do must go together. PP_EUSAGE. */
int	pp_export_check_options(const struct pp_export_options *o,
	    struct pp_error *err);

#endif
