/*
 * Attributes that objects have of their own, which come before the items of
 * a dictionary. What Python keeps for itself is there and unsafe.
 */
#include <config.h>

#include <stdlib.h>

#include "template/eval.h"
#include "template/methods.h"
#include "template/object.h"

/* dir(object()), and what the other types add that begins with "__". */
static const char *const dunders[] = { "__add__", "__class__", "__contains__",
	"__delattr__", "__delitem__", "__dir__", "__doc__", "__eq__",
	"__format__", "__ge__", "__getattribute__", "__getitem__",
	"__getnewargs__", "__getstate__", "__gt__", "__hash__", "__iadd__",
	"__imul__", "__init__", "__init_subclass__", "__iter__", "__le__",
	"__len__", "__lt__", "__mod__", "__mul__", "__ne__", "__new__",
	"__reduce__", "__reduce_ex__", "__repr__", "__reversed__", "__rmod__",
	"__rmul__", "__setattr__", "__setitem__", "__sizeof__", "__str__",
	"__subclasshook__" };

/* Of these, numbers, None and functions have none. */
static const char *const container_dunders[] = { "__class_getitem__",
	"__contains__", "__delitem__", "__getitem__", "__iadd__", "__imul__",
	"__iter__", "__len__", "__reversed__", "__setitem__" };

/* Functions and classes have these besides. */
static const char *const function_dunders[] = { "__annotations__", "__base__",
	"__bases__", "__call__", "__closure__", "__code__", "__defaults__",
	"__dict__", "__func__", "__get__", "__globals__", "__kwdefaults__",
	"__module__", "__mro__", "__name__", "__qualname__", "__self__",
	"__subclasses__", "__wrapped__" };

static bool
is_one_of(struct pp_value name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (pp_str_is(name, list[i]))
			return true;
	}
	return false;
}

static bool
is_private(struct pp_value obj, struct pp_value name)
{
	if (name.len < 2 || name.s[0] != '_' || name.s[1] != '_')
		return false;
	if ((obj.type == PP_T_NONE || pp_is_number(obj) ||
		obj.type == PP_T_GLOBAL || obj.type == PP_T_METHOD ||
		obj.type == PP_T_MACRO) &&
	    is_one_of(name, container_dunders,
		sizeof container_dunders / sizeof container_dunders[0]))
		return false;
	if (is_one_of(name, dunders, sizeof dunders / sizeof dunders[0]))
		return true;
	return (obj.type >= PP_T_GLOBAL || obj.type == PP_T_CYCLER ||
		   obj.type == PP_T_JOINER) &&
	    is_one_of(name, function_dunders,
		sizeof function_dunders / sizeof function_dunders[0]);
}

static const struct pp_method_table *
table_of(struct pp_value v)
{
	switch (v.type) {
	case PP_T_STR: return &pp_str_methods;
	case PP_T_LIST: return &pp_list_methods;
	case PP_T_TUPLE: return &pp_tuple_methods;
	case PP_T_DICT: return &pp_dict_methods;
	case PP_T_BOOL:
	case PP_T_INT:
	case PP_T_BIG: return &pp_int_methods;
	case PP_T_FLOAT: return &pp_float_methods;
	case PP_T_RANGE: return &pp_range_methods;
	case PP_T_LOOP: return &pp_loop_methods;
	case PP_T_CYCLER: return &pp_cycler_methods;
	default: return NULL;
	}
}

static const struct pp_method *
find_in(const struct pp_method_table *t, const char *name, size_t len)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const char *have = t->row[mid].name;
		int c = strncmp(have, name, len);

		if (c == 0 && have[len] == '\0')
			return &t->row[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct pp_method *
pp_method_find(struct pp_value obj, const char *name, size_t len)
{
	const struct pp_method_table *t = table_of(obj);

	return t != NULL ? find_in(t, name, len) : NULL;
}

const char *
pp_attr_known(struct pp_value name)
{
	static const struct pp_method_table *const tables[] = { &pp_str_methods,
		&pp_list_methods, &pp_tuple_methods, &pp_dict_methods,
		&pp_int_methods, &pp_float_methods, &pp_range_methods,
		&pp_loop_methods, &pp_cycler_methods };

	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		if (find_in(tables[i], name.s, name.len) != NULL)
			return name.s;
	}
	return name.len > 0 && name.s[0] == '_' ? name.s : NULL;
}

static struct pp_value
bind_method(struct pp_rt *rt, struct pp_value obj, const struct pp_method *m)
{
	struct pp_bound *b = pp_rt_alloc(rt, sizeof *b);

	if (b == NULL)
		return pp_error_value();
	*b = (struct pp_bound){ obj, m };
	return pp_ref(PP_T_METHOD, b);
}

/* ---- properties ---- */

static struct pp_value
number_attr(struct pp_value v, struct pp_value name)
{
	if (pp_str_is(name, "real"))
		return v.type == PP_T_BOOL ? pp_int(v.i) : v;
	if (pp_str_is(name, "imag"))
		return v.type == PP_T_FLOAT ? pp_float(0) : pp_int(0);
	if (v.type == PP_T_FLOAT)
		return pp_missing();
	if (pp_str_is(name, "numerator"))
		return v.type == PP_T_BOOL ? pp_int(v.i) : v;
	return pp_str_is(name, "denominator") ? pp_int(1) : pp_missing();
}

static struct pp_value
range_attr(const struct pp_range *r, struct pp_value name)
{
	if (pp_str_is(name, "start"))
		return pp_int(r->start);
	if (pp_str_is(name, "stop"))
		return pp_int(r->stop);
	return pp_str_is(name, "step") ? pp_int(r->step) : pp_missing();
}

static struct pp_value
macro_attr(struct pp_rt *rt, const struct pp_macro *m, struct pp_value name)
{
	const struct pp_function *f = m->function;
	struct pp_value v;
	struct pp_list *l;

	if (pp_str_is(name, "name")) {
		v = pp_macro_name(m);
		return pp_is_missing(v) ? pp_none() : v;
	}
	if (pp_str_is(name, "arguments")) {
		l = pp_list_new(rt, f->params);
		for (uint32_t i = 0; l != NULL && i < f->params; i++)
			l->item[l->count++] = f->param[i]->str;
		return l != NULL ? pp_ref(PP_T_TUPLE, l) : pp_error_value();
	}
	if (pp_str_is(name, "catch_kwargs"))
		return pp_bool(f->kwargs_slot >= 0);
	if (pp_str_is(name, "catch_varargs"))
		return pp_bool(f->varargs_slot >= 0);
	if (pp_str_is(name, "caller"))
		return pp_bool(f->caller_slot >= 0);
	return pp_missing();
}

static struct pp_value
cycler_attr(struct pp_rt *rt, struct pp_cycler *c, struct pp_value name)
{
	struct pp_list *l;

	if (pp_str_is(name, "current"))
		return c->items.item[c->at];
	if (pp_str_is(name, "pos"))
		return pp_int(c->at);
	if (!pp_str_is(name, "items"))
		return pp_missing();
	l = pp_rt_alloc(rt, sizeof *l);
	if (l == NULL)
		return pp_error_value();
	*l = c->items;
	return pp_ref(PP_T_TUPLE, l);
}

/* groupby's pairs are tuples with two names. */
static struct pp_value
group_attr(struct pp_value v, struct pp_value name)
{
	if (v.extra == 0 || v.list->count != 2)
		return pp_missing();
	if (pp_str_is(name, "grouper"))
		return v.list->item[0];
	return pp_str_is(name, "list") ? v.list->item[1] : pp_missing();
}

static struct pp_value
property(struct pp_rt *rt, struct pp_value obj, struct pp_value name)
{
	struct pp_value *found;

	switch (obj.type) {
	case PP_T_BOOL:
	case PP_T_INT:
	case PP_T_BIG:
	case PP_T_FLOAT: return number_attr(obj, name);
	case PP_T_TUPLE: return group_attr(obj, name);
	case PP_T_RANGE: return range_attr(obj.range, name);
	case PP_T_LOOP: return pp_loop_attr(rt, obj, name.s, name.len);
	case PP_T_NAMESPACE:
		found = pp_dict_find_str(obj.dict, name.s, name.len,
		    pp_str_hash(name.s, name.len));
		return found != NULL ? *found : pp_missing();
	case PP_T_CYCLER: return cycler_attr(rt, obj.cycler, name);
	case PP_T_JOINER:
		if (pp_str_is(name, "sep"))
			return obj.joiner->sep;
		return pp_str_is(name, "used") ? pp_bool(obj.joiner->used) :
						 pp_missing();
	case PP_T_MACRO: return macro_attr(rt, obj.macro, name);
	case PP_T_MODULE: return pp_module_get(obj.module, name);
	case PP_T_BLOCK:
	case PP_T_SELF: return pp_block_attr(rt, obj, name);
	default: return pp_missing();
	}
}

struct pp_value
pp_own_attr(struct pp_rt *rt, struct pp_value obj, struct pp_value name)
{
	const struct pp_method *m = pp_method_find(obj, name.s, name.len);

	if (m != NULL && m->mutates && rt->hf)
		return pp_unsafe_attr(rt, obj, name);
	if (m != NULL)
		return bind_method(rt, obj, m);
	if (is_private(obj, name))
		return pp_unsafe_attr(rt, obj, name);
	return property(rt, obj, name);
}
