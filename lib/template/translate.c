/* str.maketrans() and str.translate(): characters for characters. */
#include <config.h>

#include "template/methods.h"
#include "template/object.h"
#include "template/unicode.h"

#define MAX_CODE_POINT 0x10ffff

/* The one character of `v`, or -1. */
static int64_t
one_character(struct pp_value v)
{
	size_t at = 0;
	uint32_t cp;

	if (v.len == 0)
		return -1;
	cp = pp_next_char(v.s, v.len, &at);
	return at == v.len ? (int64_t)cp : -1;
}

/* maketrans({...}): keys that are characters become their numbers. */
static int
from_mapping(struct pp_rt *rt, struct pp_dict *table, struct pp_value from)
{
	if (from.type != PP_T_DICT)
		return pp_fail_int(rt, PP_K_TYPE,
		    "if you give only one argument to maketrans it must be a "
		    "dict");
	for (uint32_t i = 0; i < from.dict->count; i++) {
		struct pp_value key = from.dict->entry[i].key;

		if (pp_is_str(key))
			key = pp_int(one_character(key));
		else if (!pp_is_integer(key))
			return pp_fail_int(rt, PP_K_TYPE,
			    "keys in translate table must be strings or "
			    "integers");
		if (pp_is_str(from.dict->entry[i].key) && key.i < 0)
			return pp_fail_int(rt, PP_K_RUNTIME,
			    "string keys in translate table must be of length "
			    "1");
		if (pp_dict_put(rt, table, key, from.dict->entry[i].value) < 0)
			return -1;
	}
	return 0;
}

/* Each character of `from` becomes that of `to` in its place, or None. */
static int
from_characters(struct pp_rt *rt, struct pp_dict *table, struct pp_value from,
    const struct pp_value *to)
{
	size_t to_at = 0;

	for (size_t at = 0; at < from.len;) {
		uint32_t cp = pp_next_char(from.s, from.len, &at);
		struct pp_value v = to == NULL ?
		    pp_none() :
		    pp_int(pp_next_char(to->s, to->len, &to_at));

		if (pp_rt_charge(rt, 1) < 0 ||
		    pp_dict_put(rt, table, pp_int(cp), v) < 0)
			return -1;
	}
	return 0;
}

struct pp_value
pp_str_maketrans(struct pp_rt *rt, struct pp_value self,
    const struct pp_value *arg)
{
	struct pp_dict *table = pp_dict_new(rt, 4);

	(void)self;
	if (table == NULL)
		return pp_error_value();
	if (pp_is_missing(arg[1]))
		return from_mapping(rt, table, arg[0]) < 0 ?
		    pp_error_value() :
		    pp_ref(PP_T_DICT, table);
	for (int i = 0; i < 3; i++) {
		if (!pp_is_missing(arg[i]) && !pp_is_str(arg[i]))
			return pp_type_error(rt,
			    "maketrans() argument %d must be str, not %s",
			    i + 1, pp_type_name(arg[i]));
	}
	if (pp_length(arg[0]) != pp_length(arg[1]))
		return pp_runtime_error(rt,
		    "the first two maketrans arguments must have equal "
		    "length");
	if (from_characters(rt, table, arg[0], &arg[1]) < 0 ||
	    (!pp_is_missing(arg[2]) &&
		from_characters(rt, table, arg[2], NULL) < 0))
		return pp_error_value();
	return pp_ref(PP_T_DICT, table);
}

/* What the table has for a character; MISSING: nothing. */
static struct pp_value
look_up(struct pp_rt *rt, struct pp_value table, uint32_t cp)
{
	struct pp_value key = pp_int(cp), *found, v;
	uint32_t hash;
	int64_t length = pp_length(table);

	if (table.type == PP_T_DICT) {
		if (pp_hash(rt, key, &hash) < 0)
			return pp_error_value();
		found = pp_dict_find(table.dict, key, hash);
		return found != NULL ? *found : pp_missing();
	}
	if (table.type < PP_T_STR || table.type > PP_T_RANGE || length < 0)
		return pp_type_error(rt, "'%s' object is not subscriptable",
		    pp_type_name(table));
	if (cp >= length)
		return pp_missing();
	v = pp_getitem(rt, table, key);
	return v.type == PP_T_UNDEFINED ? pp_missing() : v;
}

static int
put_translated(struct pp_rt *rt, struct pp_value v, uint32_t cp)
{
	switch (v.type) {
	case PP_T_ERROR: return -1;
	case PP_T_MISSING: pp_put_char(&rt->out, cp); return 0;
	case PP_T_NONE: return 0;
	case PP_T_STR: pp_buf_add(&rt->out, v.s, v.len); return 0;
	case PP_T_BOOL:
	case PP_T_INT:
	case PP_T_BIG:
		if (v.type == PP_T_BIG || v.i < 0 || v.i > MAX_CODE_POINT)
			return pp_fail_int(rt, PP_K_RUNTIME,
			    "character mapping must be in range(0x110000)");
		if (v.i >= 0xd800 && v.i <= 0xdfff)
			return pp_fail_int(rt, PP_K_RUNTIME,
			    "a surrogate is no character");
		pp_put_char(&rt->out, (uint32_t)v.i);
		return 0;
	default:
		return pp_fail_int(rt, PP_K_TYPE,
		    "character mapping must return integer, None or str");
	}
}

struct pp_value
pp_str_translate(struct pp_rt *rt, struct pp_value self,
    const struct pp_value *arg)
{
	size_t start = pp_text_begin(rt);
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < self.len;) {
		uint32_t cp = pp_next_char(self.s, self.len, &at);

		if (pp_rt_charge(rt, 1) < 0 ||
		    put_translated(rt, look_up(rt, arg[0], cp), cp) < 0)
			rc = -1;
		else
			rc = pp_rt_check_output(rt);
	}
	return pp_text_result(rt, start, rc, pp_is_markup(self));
}
