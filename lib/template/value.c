#include <config.h>

#include "template/value.h"

const char *
pp_type_name(struct pp_value v)
{
	static const char *const names[PP_T_COUNT] = { [PP_T_ERROR] = "error",
		[PP_T_MISSING] = "missing",
		[PP_T_UNSET] = "missing",
		[PP_T_UNDEFINED] = "Undefined",
		[PP_T_NONE] = "NoneType",
		[PP_T_BOOL] = "bool",
		[PP_T_INT] = "int",
		[PP_T_BIG] = "int",
		[PP_T_FLOAT] = "float",
		[PP_T_STR] = "str",
		[PP_T_LIST] = "list",
		[PP_T_TUPLE] = "tuple",
		[PP_T_DICT] = "dict",
		[PP_T_RANGE] = "range",
		[PP_T_ITER] = "generator",
		[PP_T_NAMESPACE] = "Namespace",
		[PP_T_CYCLER] = "Cycler",
		[PP_T_JOINER] = "Joiner",
		[PP_T_GLOBAL] = "function",
		[PP_T_METHOD] = "method",
		[PP_T_MACRO] = "Macro",
		[PP_T_LOOP] = "LoopContext",
		[PP_T_MODULE] = "TemplateModule",
		[PP_T_BLOCK] = "BlockReference",
		[PP_T_SELF] = "TemplateReference" };
	static const char *const views[] = { "dict_keys", "dict_values",
		"dict_items" };

	if (v.type == PP_T_VIEW)
		return views[v.flags];
	if (pp_is_markup(v))
		return "Markup";
	return names[v.type];
}

bool
pp_all_ascii(const char *s, size_t len)
{
	uint64_t word, seen = 0;
	size_t i = 0;

	for (; len - i >= 8; i += 8) {
		memcpy(&word, s + i, 8);
		seen |= word;
	}
	for (; i < len; i++)
		seen |= (unsigned char)s[i];
	return (seen & UINT64_C(0x8080808080808080)) == 0;
}
