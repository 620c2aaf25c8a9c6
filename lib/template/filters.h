/*
 * The functions of the filter table, by the file they are in. Within
 * lib/template only.
 */
#ifndef PP_TEMPLATE_FILTERS_H
#define PP_TEMPLATE_FILTERS_H

#include "template/call.h"

#define PP_FILTER(name) struct pp_value name(struct pp_rt *rt, \
	    struct pp_value in, const struct pp_value *arg)
#define PP_FILTER_RAW(name) struct pp_value name(struct pp_rt *rt, \
	    struct pp_value in, const struct pp_args *args)

/* filters_text.c */
PP_FILTER(pp_f_upper);
PP_FILTER(pp_f_lower);
PP_FILTER(pp_f_title);
PP_FILTER(pp_f_capitalize);
PP_FILTER(pp_f_center);
PP_FILTER(pp_f_trim);
PP_FILTER(pp_f_replace);
PP_FILTER(pp_f_truncate);
PP_FILTER(pp_f_indent);
PP_FILTER(pp_f_wordcount);
PP_FILTER(pp_f_string);
PP_FILTER_RAW(pp_f_format);
PP_FILTER(pp_f_pprint);

/* wordwrap.c */
PP_FILTER(pp_f_wordwrap);

/* filters_seq.c */
PP_FILTER(pp_f_length);
PP_FILTER(pp_f_first);
PP_FILTER(pp_f_last);
PP_FILTER(pp_f_list);
PP_FILTER(pp_f_join);
PP_FILTER(pp_f_reverse);
PP_FILTER(pp_f_sort);
PP_FILTER(pp_f_dictsort);
PP_FILTER(pp_f_groupby);
PP_FILTER(pp_f_min);
PP_FILTER(pp_f_max);
PP_FILTER(pp_f_sum);
PP_FILTER(pp_f_random);

/* filters_lazy.c */
PP_FILTER_RAW(pp_f_map);
PP_FILTER_RAW(pp_f_select);
PP_FILTER_RAW(pp_f_reject);
PP_FILTER_RAW(pp_f_selectattr);
PP_FILTER_RAW(pp_f_rejectattr);
PP_FILTER(pp_f_unique);
PP_FILTER(pp_f_batch);
PP_FILTER(pp_f_slice);
PP_FILTER(pp_f_items);

/* filters_misc.c */
PP_FILTER(pp_f_default);
PP_FILTER(pp_f_attr);
PP_FILTER(pp_f_abs);
PP_FILTER(pp_f_int);
PP_FILTER(pp_f_float);
PP_FILTER(pp_f_round);
PP_FILTER(pp_f_filesizeformat);

/* filters_html.c */
PP_FILTER(pp_f_escape);
PP_FILTER(pp_f_forceescape);
PP_FILTER(pp_f_safe);
PP_FILTER(pp_f_striptags);
PP_FILTER(pp_f_urlencode);
PP_FILTER(pp_f_xmlattr);

/* urlize.c */
PP_FILTER(pp_f_urlize);

/* tojson.c */
PP_FILTER_RAW(pp_f_tojson);

/* filters_ours.c */
PP_FILTER(pp_f_random_sentence);
PP_FILTER(pp_f_writing_style);
PP_FILTER(pp_f_truncate_tokens);
PP_FILTER(pp_f_extract_keywords);

/* The lower-case form of text; other values are themselves. */
struct pp_value pp_ignore_case(struct pp_rt *rt, struct pp_value v);

/* json.dumps() of a value onto the output. 0 or -1. */
struct pp_json_style {
	bool ascii;		/* \uXXXX for what is beyond */
	bool sort_keys;
	bool html;		/* no <, >, &, ' */
	bool finite;		/* null for NaN and infinity */
	const char *indent;	/* NULL: on one line */
	const char *item, *key;	/* separators: ", " and ": " */
};

int	pp_put_json(struct pp_rt *rt, struct pp_value v,
	    const struct pp_json_style *style);

#endif
