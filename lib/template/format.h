/*
 * The two ways to format text: "%d" % x and "{:d}".format(x).
 */
#ifndef PP_TEMPLATE_FORMAT_H
#define PP_TEMPLATE_FORMAT_H

#include "template/call.h"

/* text % values; values is a tuple, a dictionary, or one value. */
struct pp_value pp_percent(struct pp_rt *rt, struct pp_value text,
	    struct pp_value values);

/* Append `s` as ASCII alone, the rest as \xe9, \u65e5 or \U0001f600. */
void	pp_put_ascii(struct pp_buf *out, struct pp_value s);

/* text.format(...) */
struct pp_value pp_str_format(struct pp_rt *rt, struct pp_value text,
	    const struct pp_args *args);

/* format(value, spec), in format_spec.c: appends. 0 or -1. */
int	pp_format_value(struct pp_rt *rt, struct pp_value v,
	    struct pp_value spec);

#endif
