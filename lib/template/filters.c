/* All filters: name, function, parameters. */
#include <config.h>

#include "template/filters.h"

#define PLAIN(name, fn, params) \
	{ \
		name, fn, NULL, params \
	}
#define RAW(name, fn) \
	{ \
		name, NULL, fn, "*" \
	}

const struct pp_filter pp_filter_table[] = { PLAIN("abs", pp_f_abs, ""),
	PLAIN("attr", pp_f_attr, "name"),
	PLAIN("batch", pp_f_batch, "linecount fill_with?"),
	PLAIN("capitalize", pp_f_capitalize, ""),
	PLAIN("center", pp_f_center, "width?"), PLAIN("count", pp_f_length, ""),
	PLAIN("d", pp_f_default, "default_value? boolean?"),
	PLAIN("default", pp_f_default, "default_value? boolean?"),
	PLAIN("dictsort", pp_f_dictsort, "case_sensitive? by? reverse?"),
	PLAIN("e", pp_f_escape, ""), PLAIN("escape", pp_f_escape, ""),
	PLAIN("extract_keywords", pp_f_extract_keywords, "n?"),
	PLAIN("filesizeformat", pp_f_filesizeformat, "binary?"),
	PLAIN("first", pp_f_first, ""), PLAIN("float", pp_f_float, "default?"),
	PLAIN("forceescape", pp_f_forceescape, ""), RAW("format", pp_f_format),
	PLAIN("groupby", pp_f_groupby, "attribute default? case_sensitive?"),
	PLAIN("indent", pp_f_indent, "width? first? blank?"),
	PLAIN("int", pp_f_int, "default? base?"),
	PLAIN("items", pp_f_items, ""),
	PLAIN("join", pp_f_join, "d? attribute?"), PLAIN("last", pp_f_last, ""),
	PLAIN("length", pp_f_length, ""), PLAIN("list", pp_f_list, ""),
	PLAIN("lower", pp_f_lower, ""), RAW("map", pp_f_map),
	PLAIN("max", pp_f_max, "case_sensitive? attribute?"),
	PLAIN("min", pp_f_min, "case_sensitive? attribute?"),
	PLAIN("pprint", pp_f_pprint, ""), PLAIN("random", pp_f_random, ""),
	PLAIN("random_sentence", pp_f_random_sentence, ""),
	RAW("reject", pp_f_reject), RAW("rejectattr", pp_f_rejectattr),
	PLAIN("replace", pp_f_replace, "old new count?"),
	PLAIN("reverse", pp_f_reverse, ""),
	PLAIN("round", pp_f_round, "precision? method?"),
	PLAIN("safe", pp_f_safe, ""), RAW("select", pp_f_select),
	RAW("selectattr", pp_f_selectattr),
	PLAIN("slice", pp_f_slice, "slices fill_with?"),
	PLAIN("sort", pp_f_sort, "reverse? case_sensitive? attribute?"),
	PLAIN("string", pp_f_string, ""),
	PLAIN("striptags", pp_f_striptags, ""),
	PLAIN("sum", pp_f_sum, "attribute? start?"),
	PLAIN("title", pp_f_title, ""), RAW("tojson", pp_f_tojson),
	PLAIN("trim", pp_f_trim, "chars?"),
	PLAIN("truncate", pp_f_truncate, "length? killwords? end? leeway?"),
	PLAIN("truncate_tokens", pp_f_truncate_tokens, "n"),
	PLAIN("unique", pp_f_unique, "case_sensitive? attribute?"),
	PLAIN("upper", pp_f_upper, ""), PLAIN("urlencode", pp_f_urlencode, ""),
	PLAIN("urlize", pp_f_urlize,
	    "trim_url_limit? nofollow? target? rel? extra_schemes?"),
	PLAIN("wordcount", pp_f_wordcount, ""),
	PLAIN("wordwrap", pp_f_wordwrap,
	    "width? break_long_words? wrapstring? break_on_hyphens?"),
	PLAIN("writing_style", pp_f_writing_style, ""),
	PLAIN("xmlattr", pp_f_xmlattr, "autospace?"),
	{ NULL, NULL, NULL, NULL } };
