/* All tests: what stands after "is". */
#include <config.h>

#include "template/ast.h"
#include "template/call.h"
#include "template/object.h"
#include "template/unicode.h"

#define TEST(name) \
	static struct pp_value name(struct pp_rt *rt, struct pp_value in, \
	    const struct pp_value *arg)
#define UNUSED \
	(void)rt; \
	(void)arg

static struct pp_value
answer(int yes)
{
	return yes < 0 ? pp_error_value() : pp_bool(yes != 0);
}

/* ---- kinds ---- */

TEST(is_defined)
{
	UNUSED;
	return pp_bool(in.type != PP_T_UNDEFINED);
}
TEST(is_undefined)
{
	UNUSED;
	return pp_bool(in.type == PP_T_UNDEFINED);
}
TEST(is_none)
{
	UNUSED;
	return pp_bool(in.type == PP_T_NONE);
}
TEST(is_boolean)
{
	UNUSED;
	return pp_bool(in.type == PP_T_BOOL);
}
TEST(is_true)
{
	UNUSED;
	return pp_bool(in.type == PP_T_BOOL && in.i);
}
TEST(is_false)
{
	UNUSED;
	return pp_bool(in.type == PP_T_BOOL && !in.i);
}
TEST(is_float)
{
	UNUSED;
	return pp_bool(in.type == PP_T_FLOAT);
}
TEST(is_string)
{
	UNUSED;
	return pp_bool(in.type == PP_T_STR);
}
TEST(is_mapping)
{
	UNUSED;
	return pp_bool(in.type == PP_T_DICT);
}
TEST(is_number)
{
	UNUSED;
	return pp_bool(pp_is_number(in));
}
TEST(is_escaped)
{
	UNUSED;
	return pp_bool(pp_is_markup(in) ||
	    (in.type == PP_T_UNDEFINED && rt->undefined == PP_U_CHAINABLE));
}

TEST(is_integer)
{
	UNUSED;
	return pp_bool(in.type == PP_T_INT || in.type == PP_T_BIG);
}

TEST(is_iterable)
{
	(void)arg;
	if (pp_is_strict(rt, in))
		return pp_undefined_error(rt, in);
	return pp_bool((in.type >= PP_T_STR && in.type <= PP_T_ITER) ||
	    in.type == PP_T_UNDEFINED || in.type == PP_T_LOOP);
}

TEST(is_sequence)
{
	UNUSED;
	return pp_bool((in.type >= PP_T_STR && in.type <= PP_T_RANGE) ||
	    (in.type == PP_T_UNDEFINED && !pp_is_strict(rt, in)));
}

TEST(is_callable)
{
	UNUSED;
	return pp_bool(in.type == PP_T_JOINER || in.type == PP_T_GLOBAL ||
	    in.type == PP_T_METHOD || in.type == PP_T_MACRO ||
	    in.type == PP_T_LOOP || in.type == PP_T_BLOCK ||
	    in.type == PP_T_UNDEFINED);
}

/* ---- numbers ---- */

/* in % n == rest, by the language's own operators. */
static struct pp_value
modulo_is(struct pp_rt *rt, struct pp_value in, struct pp_value n, int rest)
{
	struct pp_value v = pp_binary(rt, PP_MOD, in, n);

	return pp_is_error(v) ? v : answer(pp_equal(rt, v, pp_int(rest)));
}

TEST(is_odd)
{
	(void)arg;
	return modulo_is(rt, in, pp_int(2), 1);
}
TEST(is_even)
{
	(void)arg;
	return modulo_is(rt, in, pp_int(2), 0);
}
TEST(is_divisibleby)
{
	return modulo_is(rt, in, arg[0], 0);
}

/* ---- text ---- */

/* Some cased letter, and none of the other case. */
static struct pp_value
all_in_case(struct pp_rt *rt, struct pp_value in, unsigned wanted,
    unsigned other)
{
	bool some = false;

	in = pp_to_str(rt, in);
	if (pp_is_error(in))
		return in;
	for (size_t at = 0; at < in.len;) {
		unsigned flags = pp_uc(pp_next_char(in.s, in.len, &at));

		if (flags & (other | PP_UC_TITLE))
			return pp_bool(false);
		some = some || (flags & wanted) != 0;
	}
	return pp_bool(some);
}

TEST(is_lower)
{
	(void)arg;
	return all_in_case(rt, in, PP_UC_LOWER, PP_UC_UPPER);
}

TEST(is_upper)
{
	(void)arg;
	return all_in_case(rt, in, PP_UC_UPPER, PP_UC_LOWER);
}

/* ---- comparison ---- */

TEST(is_eq)
{
	return answer(pp_equal(rt, in, arg[0]));
}
TEST(is_gt)
{
	return answer(pp_order(rt, in, arg[0], PP_GT));
}
TEST(is_ge)
{
	return answer(pp_order(rt, in, arg[0], PP_GE));
}
TEST(is_lt)
{
	return answer(pp_order(rt, in, arg[0], PP_LT));
}
TEST(is_le)
{
	return answer(pp_order(rt, in, arg[0], PP_LE));
}
TEST(is_in)
{
	return answer(pp_contains(rt, arg[0], in));
}
/*
 * Numbers of which Python keeps no object: the one that an operator has made
 * is another than any, and so are two that are written out.
 */
static bool
is_another_number(const struct pp_rt *rt, struct pp_value v)
{
	const struct pp_node *n = rt->at, *other;

	if (!pp_is_number(v) || v.type == PP_T_BOOL ||
	    (v.type == PP_T_INT && v.i >= -5 && v.i <= 256) || n == NULL ||
	    n->kind != PP_N_TEST || n->call.args->pos.count != 1)
		return false;
	other = n->call.args->pos.item[0];
	n = n->call.of;
	return n->kind == PP_N_BINARY || other->kind == PP_N_BINARY ||
	    (n->kind == PP_N_CONST && other->kind == PP_N_CONST);
}

TEST(is_sameas)
{
	if (is_another_number(rt, in))
		return pp_bool(false);
	/* The same text twice is one object when it is empty or a letter. */
	if (pp_is_str(in) && pp_is_str(arg[0]) && in.s != arg[0].s &&
	    pp_length(in) > 1)
		return pp_bool(false);
	return pp_bool(pp_same(in, arg[0]));
}

TEST(is_ne)
{
	int same = pp_equal(rt, in, arg[0]);

	return answer(same < 0 ? same : !same);
}

/* ---- names of filters and tests ---- */

static struct pp_value
hashable(struct pp_rt *rt, struct pp_value in)
{
	uint32_t hash;

	return pp_hash(rt, in, &hash) < 0 ? pp_error_value() : pp_bool(false);
}

TEST(is_filter)
{
	(void)arg;
	return pp_is_str(in) ? pp_bool(pp_filter_find(in.s, in.len) != NULL) :
			       hashable(rt, in);
}

TEST(is_test)
{
	(void)arg;
	return pp_is_str(in) ? pp_bool(pp_test_find(in.s, in.len) != NULL) :
			       hashable(rt, in);
}

const struct pp_test pp_test_table[] = { { "!=", is_ne, "other", false },
	{ "<", is_lt, "other", false }, { "<=", is_le, "other", false },
	{ "==", is_eq, "other", false }, { ">", is_gt, "other", false },
	{ ">=", is_ge, "other", false }, { "boolean", is_boolean, "", false },
	{ "callable", is_callable, "", true },
	{ "defined", is_defined, "", true },
	{ "divisibleby", is_divisibleby, "num", false },
	{ "eq", is_eq, "other", false }, { "equalto", is_eq, "other", false },
	{ "escaped", is_escaped, "", false }, { "even", is_even, "", false },
	{ "false", is_false, "", false }, { "filter", is_filter, "", false },
	{ "float", is_float, "", false }, { "ge", is_ge, "other", false },
	{ "greaterthan", is_gt, "other", false },
	{ "gt", is_gt, "other", false }, { "in", is_in, "seq", false },
	{ "integer", is_integer, "", false },
	{ "iterable", is_iterable, "", false }, { "le", is_le, "other", false },
	{ "lessthan", is_lt, "other", false }, { "lower", is_lower, "", false },
	{ "lt", is_lt, "other", false }, { "mapping", is_mapping, "", false },
	{ "ne", is_ne, "other", false }, { "none", is_none, "", false },
	{ "number", is_number, "", false }, { "odd", is_odd, "", false },
	{ "sameas", is_sameas, "other", false },
	{ "sequence", is_sequence, "", false },
	{ "string", is_string, "", false }, { "test", is_test, "", false },
	{ "true", is_true, "", false }, { "undefined", is_undefined, "", true },
	{ "upper", is_upper, "", false }, { NULL, NULL, NULL, false } };
