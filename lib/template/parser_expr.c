/*
 * Expressions. Binary operators, weakest first; all of them group to the left:
 *
 *	or
 *	and
 *	not			(prefix)
 *	== != < <= > >= in	(chained: a < b < c)
 *	+ -
 *	~			(any number of operands in one)
 *	* / // %
 *	**
 *	+ -			(prefix)
 *	.name [index] (call) |filter is test
 */
#include <config.h>

#include <stdlib.h>

#include "template/parser.h"

enum level {
	LEVEL_OR = 1,
	LEVEL_AND,
	LEVEL_NOT,
	LEVEL_COMPARE,
	LEVEL_ADD,
	LEVEL_CONCAT,
	LEVEL_MUL,
	LEVEL_POW
};

struct operator
{
	enum level level;
	enum pp_node_kind kind;
	int op;
};

static struct pp_node *parse_binary(struct pp_parser *p, int min);
static struct pp_node *parse_primary(struct pp_parser *p, unsigned flags);
static struct pp_node *parse_postfix(struct pp_parser *p, struct pp_node *n);

/* The binary operator that the next token begins; level 0: none. */
static struct operator find_operator(struct pp_parser *p)
{
	static const struct operator table[] = { [PP_TOK_ADD] = { LEVEL_ADD,
						     PP_N_BINARY, PP_ADD },
		[PP_TOK_SUB] = { LEVEL_ADD, PP_N_BINARY, PP_SUB },
		[PP_TOK_MUL] = { LEVEL_MUL, PP_N_BINARY, PP_MUL },
		[PP_TOK_DIV] = { LEVEL_MUL, PP_N_BINARY, PP_DIV },
		[PP_TOK_FLOORDIV] = { LEVEL_MUL, PP_N_BINARY, PP_FLOORDIV },
		[PP_TOK_MOD] = { LEVEL_MUL, PP_N_BINARY, PP_MOD },
		[PP_TOK_POW] = { LEVEL_POW, PP_N_BINARY, PP_POW },
		[PP_TOK_TILDE] = { LEVEL_CONCAT, PP_N_CONCAT, 0 },
		[PP_TOK_EQ] = { LEVEL_COMPARE, PP_N_COMPARE, PP_EQ },
		[PP_TOK_NE] = { LEVEL_COMPARE, PP_N_COMPARE, PP_NE },
		[PP_TOK_LT] = { LEVEL_COMPARE, PP_N_COMPARE, PP_LT },
		[PP_TOK_LE] = { LEVEL_COMPARE, PP_N_COMPARE, PP_LE },
		[PP_TOK_GT] = { LEVEL_COMPARE, PP_N_COMPARE, PP_GT },
		[PP_TOK_GE] = { LEVEL_COMPARE, PP_N_COMPARE, PP_GE },
		[PP_TOK_SEMICOLON] = { 0, 0, 0 } };
	static const struct operator none;

	if (p->token.type != PP_TOK_NAME)
		return table[p->token.type];
	if (pp_parse_is_name(&p->token, "or"))
		return (struct operator){ LEVEL_OR, PP_N_OR, 0 };
	if (pp_parse_is_name(&p->token, "and"))
		return (struct operator){ LEVEL_AND, PP_N_AND, 0 };
	if (pp_parse_is_name(&p->token, "in"))
		return (struct operator){ LEVEL_COMPARE, PP_N_COMPARE, PP_IN };
	if (pp_parse_is_name(&p->token, "not") &&
	    pp_parse_is_name(pp_parse_look(p), "in"))
		return (struct operator){ LEVEL_COMPARE, PP_N_COMPARE,
			PP_NOT_IN };
	return none;
}

/* ---- primaries ---- */

static struct pp_node *
constant(struct pp_parser *p, struct pp_value v)
{
	struct pp_node *n = pp_parse_node(p, PP_N_CONST, p->token.pos);

	if (n != NULL)
		n->value = v;
	return n;
}

static bool
literal_name(const struct pp_token *t, struct pp_value *v)
{
	if (pp_parse_is_name(t, "true") || pp_parse_is_name(t, "True"))
		*v = pp_bool(true);
	else if (pp_parse_is_name(t, "false") || pp_parse_is_name(t, "False"))
		*v = pp_bool(false);
	else if (pp_parse_is_name(t, "none") || pp_parse_is_name(t, "None"))
		*v = pp_none();
	else
		return false;
	return true;
}

static struct pp_node *
parse_name(struct pp_parser *p, unsigned flags)
{
	struct pp_value name = p->token.value, v;
	uint32_t pos = p->token.pos;
	struct pp_node *n;

	if (literal_name(&p->token, &v)) {
		n = constant(p, v);
		pp_parse_advance(p);
		return n;
	}
	pp_parse_advance(p);
	if ((flags & PP_NAMESPACE) && p->token.type == PP_TOK_DOT) {
		pp_parse_advance(p);
		n = pp_parse_node(p, PP_N_NSREF, pos);
		if (n == NULL)
			return NULL;
		n->nsref.name = pp_parse_atom(p, name);
		name = p->token.value;
		if (!pp_parse_expect(p, PP_TOK_NAME))
			return NULL;
		n->nsref.attr = pp_parse_atom(p, name);
		return n;
	}
	n = pp_parse_node(p, PP_N_NAME, pos);
	if (n != NULL)
		n->name.atom = pp_parse_atom(p, name);
	return n;
}

/* Adjacent strings are one. */
static struct pp_node *
parse_string(struct pp_parser *p)
{
	struct pp_node *n = constant(p, p->token.value);
	struct pp_value parts[2];

	pp_parse_advance(p);
	while (n != NULL && p->token.type == PP_TOK_STRING) {
		parts[0] = n->value;
		parts[1] = p->token.value;
		n->value = pp_concat(p->rt, parts, 2);
		pp_parse_advance(p);
	}
	return n;
}

/* Items up to `close`; `pairs` are key: value. */
static struct pp_node *
parse_items(struct pp_parser *p, enum pp_node_kind kind, enum pp_tok close)
{
	struct pp_nodes items = { NULL, 0, 0 };
	struct pp_node *n = pp_parse_node(p, kind, p->token.pos);

	pp_parse_advance(p);
	while (!pp_parse_failed(p) && p->token.type != close) {
		if (items.count > 0 && !pp_parse_expect(p, PP_TOK_COMMA))
			break;
		if (p->token.type == close)
			break;
		pp_nodes_add(&items, pp_parse_expression(p));
		if (kind == PP_N_DICT) {
			if (!pp_parse_expect(p, PP_TOK_COLON))
				break;
			pp_nodes_add(&items, pp_parse_expression(p));
		}
	}
	pp_parse_expect(p, close);
	if (n != NULL)
		n->list = pp_nodes_finish(p, &items);
	free(items.item);
	return pp_parse_failed(p) ? NULL : n;
}

static struct pp_node *
parse_primary(struct pp_parser *p, unsigned flags)
{
	struct pp_node *n;
	char room[96];

	switch (p->token.type) {
	case PP_TOK_NAME: return parse_name(p, flags);
	case PP_TOK_STRING: return parse_string(p);
	case PP_TOK_INT:
	case PP_TOK_FLOAT:
		n = constant(p, p->token.value);
		pp_parse_advance(p);
		return n;
	case PP_TOK_LPAREN:
		pp_parse_advance(p);
		if (!pp_parse_enter(p))
			return NULL;
		n = pp_parse_tuple(p, PP_PARENTHESES);
		pp_parse_leave(p);
		return pp_parse_expect(p, PP_TOK_RPAREN) ? n : NULL;
	case PP_TOK_LBRACKET:
	case PP_TOK_LBRACE:
		if (!pp_parse_enter(p))
			return NULL;
		n = p->token.type == PP_TOK_LBRACE ?
		    parse_items(p, PP_N_DICT, PP_TOK_RBRACE) :
		    parse_items(p, PP_N_LIST, PP_TOK_RBRACKET);
		pp_parse_leave(p);
		return n;
	default:
		return pp_parse_fail(p, p->token.pos, "unexpected '%s'",
		    pp_token_name(&p->token, room, sizeof room));
	}
}

/* ---- what follows a primary ---- */

static struct pp_node *
parse_subscribed(struct pp_parser *p)
{
	struct pp_node *lo = NULL, *n;
	uint32_t pos = p->token.pos;

	if (p->token.type != PP_TOK_COLON) {
		lo = pp_parse_expression(p);
		if (p->token.type != PP_TOK_COLON)
			return lo;
	}
	pp_parse_advance(p);
	n = pp_parse_node(p, PP_N_SLICE, pos);
	if (n == NULL)
		return NULL;
	n->slice.lo = lo;
	if (p->token.type != PP_TOK_COLON && p->token.type != PP_TOK_RBRACKET &&
	    p->token.type != PP_TOK_COMMA)
		n->slice.hi = pp_parse_expression(p);
	if (pp_parse_skip(p, PP_TOK_COLON) &&
	    p->token.type != PP_TOK_RBRACKET && p->token.type != PP_TOK_COMMA)
		n->slice.step = pp_parse_expression(p);
	return n;
}

/* [index], where "a, b" is a tuple. */
static struct pp_node *
parse_bracket(struct pp_parser *p, struct pp_node *of)
{
	struct pp_nodes args = { NULL, 0, 0 };
	uint32_t pos = p->token.pos;
	struct pp_node *n, *index;

	pp_parse_advance(p);
	while (!pp_parse_failed(p) && p->token.type != PP_TOK_RBRACKET) {
		if (args.count > 0 && !pp_parse_expect(p, PP_TOK_COMMA))
			break;
		pp_nodes_add(&args, parse_subscribed(p));
	}
	pp_parse_expect(p, PP_TOK_RBRACKET);
	n = pp_parse_node(p, PP_N_GETITEM, pos);
	if (args.count == 1) {
		index = args.item[0];
	} else {
		index = pp_parse_node(p, PP_N_TUPLE, pos);
		if (index != NULL)
			index->list = pp_nodes_finish(p, &args);
	}
	free(args.item);
	if (n == NULL || pp_parse_failed(p))
		return NULL;
	n->item.of = of;
	n->item.index = index;
	return n;
}

static struct pp_node *
parse_dot(struct pp_parser *p, struct pp_node *of)
{
	uint32_t pos = p->token.pos;
	struct pp_token t;
	struct pp_node *n;

	pp_parse_advance(p);
	t = p->token;
	if (t.type == PP_TOK_INT) {
		n = pp_parse_node(p, PP_N_GETITEM, pos);
		if (n == NULL)
			return NULL;
		n->item.of = of;
		n->item.index = constant(p, t.value);
	} else if (t.type == PP_TOK_NAME) {
		n = pp_parse_node(p, PP_N_GETATTR, t.pos);
		if (n == NULL)
			return NULL;
		n->attr.of = of;
		n->attr.name = pp_parse_atom(p, t.value);
	} else {
		return pp_parse_fail(p, t.pos, "expected name or number");
	}
	pp_parse_advance(p);
	return n;
}

static struct pp_call_args *
bad_call(struct pp_parser *p)
{
	pp_parse_fail(p, p->token.pos,
	    "invalid syntax for function call expression");
	return NULL;
}

/* One argument: x, k=x, *x or **x. */
static struct pp_call_args *
parse_argument(struct pp_parser *p, struct pp_call_args *a,
    struct pp_nodes *pos, struct pp_nodes *names, struct pp_nodes *values)
{
	struct pp_node *name;

	if (p->token.type == PP_TOK_MUL) {
		if (a->star != NULL || a->star_star != NULL)
			return bad_call(p);
		pp_parse_advance(p);
		a->star = pp_parse_expression(p);
	} else if (p->token.type == PP_TOK_POW) {
		if (a->star_star != NULL)
			return bad_call(p);
		pp_parse_advance(p);
		a->star_star = pp_parse_expression(p);
	} else if (p->token.type == PP_TOK_NAME &&
	    pp_parse_look(p)->type == PP_TOK_ASSIGN) {
		if (a->star_star != NULL)
			return bad_call(p);
		name = pp_parse_node(p, PP_N_NAME, p->token.pos);
		if (name == NULL)
			return NULL;
		name->name.atom = pp_parse_atom(p, p->token.value);
		if (pp_rt_charge(p->rt, (int64_t)names->count) < 0)
			return NULL;
		for (size_t i = 0; i < names->count; i++) {
			if (names->item[i]->name.atom == name->name.atom) {
				pp_fail(p->rt, PP_K_RUNTIME,
				    "keyword argument repeated: %.*s",
				    (int)name->name.atom->str.len,
				    name->name.atom->str.s);
				return NULL;
			}
		}
		pp_nodes_add(names, name);
		pp_parse_advance(p);
		pp_parse_advance(p);
		pp_nodes_add(values, pp_parse_expression(p));
	} else {
		if (a->star != NULL || a->star_star != NULL || names->count > 0)
			return bad_call(p);
		pp_nodes_add(pos, pp_parse_expression(p));
	}
	return a;
}

static struct pp_call_args *
parse_args(struct pp_parser *p)
{
	struct pp_nodes pos = { NULL, 0, 0 }, names = { NULL, 0, 0 };
	struct pp_nodes values = { NULL, 0, 0 };
	struct pp_call_args *a = pp_parse_alloc(p, sizeof *a);
	bool comma = false;

	if (a == NULL || !pp_parse_enter(p))
		return NULL;
	pp_parse_expect(p, PP_TOK_LPAREN);
	while (!pp_parse_failed(p) && p->token.type != PP_TOK_RPAREN) {
		if (comma &&
		    (!pp_parse_expect(p, PP_TOK_COMMA) ||
			p->token.type == PP_TOK_RPAREN))
			break;
		if (parse_argument(p, a, &pos, &names, &values) == NULL)
			break;
		comma = true;
	}
	pp_parse_expect(p, PP_TOK_RPAREN);
	pp_parse_leave(p);
	a->pos = pp_nodes_finish(p, &pos);
	a->named = (uint32_t)names.count;
	a->names = pp_parse_alloc(p, (names.count + 1) * sizeof a->names[0]);
	for (size_t i = 0; a->names != NULL && i < names.count; i++)
		a->names[i] = names.item[i]->name.atom;
	a->values = pp_nodes_finish(p, &values).item;
	free(pos.item);
	free(names.item);
	free(values.item);
	return pp_parse_failed(p) ? NULL : a;
}

static struct pp_node *
parse_call(struct pp_parser *p, struct pp_node *of)
{
	struct pp_node *n = pp_parse_node(p, PP_N_CALL, p->token.pos);

	if (n == NULL)
		return NULL;
	n->call.of = of;
	n->call.args = parse_args(p);
	return n->call.args != NULL ? n : NULL;
}

static struct pp_node *
parse_postfix(struct pp_parser *p, struct pp_node *n)
{
	while (n != NULL && !pp_parse_failed(p)) {
		if (p->token.type == PP_TOK_DOT)
			n = parse_dot(p, n);
		else if (p->token.type == PP_TOK_LBRACKET)
			n = parse_bracket(p, n);
		else if (p->token.type == PP_TOK_LPAREN)
			n = parse_call(p, n);
		else
			break;
		if (!pp_parse_enter(p))
			return NULL;
	}
	return n;
}

/* A filter's or test's name, which may have dots. */
static struct pp_atom *
dotted_name(struct pp_parser *p)
{
	struct pp_value parts[3] = { p->token.value, pp_cstr("."),
		pp_missing() };

	if (!pp_parse_expect(p, PP_TOK_NAME))
		return NULL;
	while (pp_parse_skip(p, PP_TOK_DOT)) {
		parts[2] = p->token.value;
		if (!pp_parse_expect(p, PP_TOK_NAME))
			return NULL;
		parts[0] = pp_concat(p->rt, parts, 3);
	}
	return pp_parse_atom(p, parts[0]);
}

static struct pp_call_args *
no_args(struct pp_parser *p)
{
	return pp_parse_alloc(p, sizeof(struct pp_call_args));
}

struct pp_node *
pp_parse_filters(struct pp_parser *p, struct pp_node *subject,
    bool first_inline)
{
	struct pp_node *n;

	while (!pp_parse_failed(p) &&
	    (first_inline || p->token.type == PP_TOK_PIPE)) {
		if (!first_inline)
			pp_parse_advance(p);
		first_inline = false;
		n = pp_parse_node(p, PP_N_FILTER, p->token.pos);
		if (n == NULL)
			return NULL;
		n->call.of = subject;
		n->call.name = dotted_name(p);
		n->call.args = p->token.type == PP_TOK_LPAREN ? parse_args(p) :
								no_args(p);
		subject = n;
		if (!pp_parse_enter(p))
			return NULL;
	}
	return pp_parse_failed(p) ? NULL : subject;
}

/* Whether the token begins the argument of a test without parentheses. */
static bool
begins_test_argument(const struct pp_parser *p)
{
	switch (p->token.type) {
	case PP_TOK_NAME:
		return !pp_parse_is_name(&p->token, "else") &&
		    !pp_parse_is_name(&p->token, "or") &&
		    !pp_parse_is_name(&p->token, "and");
	case PP_TOK_STRING:
	case PP_TOK_INT:
	case PP_TOK_FLOAT:
	case PP_TOK_LBRACKET:
	case PP_TOK_LBRACE: return true;
	default: return false;
	}
}

static struct pp_node *
parse_test(struct pp_parser *p, struct pp_node *of)
{
	struct pp_node *n = pp_parse_node(p, PP_N_TEST, p->token.pos), *not ;
	struct pp_nodes one = { NULL, 0, 0 };
	bool negated;

	pp_parse_advance(p);
	negated = pp_parse_skip_name(p, "not");
	if (n == NULL)
		return NULL;
	n->call.of = of;
	n->call.name = dotted_name(p);
	if (p->token.type == PP_TOK_LPAREN) {
		n->call.args = parse_args(p);
	} else {
		n->call.args = no_args(p);
		if (begins_test_argument(p)) {
			if (pp_parse_is_name(&p->token, "is"))
				return pp_parse_fail(p, p->token.pos,
				    "tests cannot be chained with is");
			pp_nodes_add(&one,
			    parse_postfix(p, parse_primary(p, 0)));
			n->call.args->pos = pp_nodes_finish(p, &one);
			free(one.item);
		}
	}
	if (pp_parse_failed(p) || !negated)
		return pp_parse_failed(p) ? NULL : n;
	not = pp_parse_node(p, PP_N_NOT, n->pos);
	if (not != NULL)
		not ->two.a = n;
	return not ;
}

static struct pp_node *
parse_filter_expr(struct pp_parser *p, struct pp_node *n)
{
	while (n != NULL && !pp_parse_failed(p)) {
		if (p->token.type == PP_TOK_PIPE)
			n = pp_parse_filters(p, n, false);
		else if (pp_parse_is_name(&p->token, "is"))
			n = parse_test(p, n);
		else if (p->token.type == PP_TOK_LPAREN)
			n = parse_call(p, n);
		else
			break;
		if (!pp_parse_enter(p))
			return NULL;
	}
	return n;
}

/* ---- operators ---- */

static struct pp_node *
parse_unary(struct pp_parser *p, bool with_filter)
{
	enum pp_tok sign = p->token.type;
	int depth = p->depth;
	struct pp_node *n;

	if (sign == PP_TOK_SUB || sign == PP_TOK_ADD) {
		n = pp_parse_node(p, sign == PP_TOK_SUB ? PP_N_NEG : PP_N_POS,
		    p->token.pos);
		pp_parse_advance(p);
		if (n == NULL || !pp_parse_enter(p))
			return NULL;
		n->two.a = parse_unary(p, false);
	} else {
		n = parse_primary(p, 0);
	}
	n = parse_postfix(p, n);
	if (with_filter)
		n = parse_filter_expr(p, n);
	p->depth = depth;
	return pp_parse_failed(p) ? NULL : n;
}

/* a ~ b ~ c: one node. */
static struct pp_node *
parse_concat(struct pp_parser *p, struct pp_node *first)
{
	struct pp_nodes parts = { NULL, 0, 0 };
	struct pp_node *n = pp_parse_node(p, PP_N_CONCAT, first->pos);

	pp_nodes_add(&parts, first);
	while (pp_parse_skip(p, PP_TOK_TILDE))
		pp_nodes_add(&parts, parse_binary(p, LEVEL_CONCAT + 1));
	if (n != NULL)
		n->list = pp_nodes_finish(p, &parts);
	free(parts.item);
	return pp_parse_failed(p) ? NULL : n;
}

/* a < b, or a < b < c as a chain. */
static struct pp_node *
parse_compare(struct pp_parser *p, struct pp_node *first)
{
	struct pp_nodes rest = { NULL, 0, 0 };
	struct operator o;
	struct pp_node *n = NULL;

	while ((o = find_operator(p)).level == LEVEL_COMPARE &&
	    !pp_parse_failed(p)) {
		n = pp_parse_node(p, PP_N_COMPARE, p->token.pos);
		pp_parse_advance(p);
		if (o.op == PP_NOT_IN)
			pp_parse_advance(p);
		if (n == NULL)
			break;
		n->op = (uint8_t)o.op;
		n->two.b = parse_binary(p, LEVEL_COMPARE + 1);
		pp_nodes_add(&rest, n);
	}
	if (rest.count == 1 && n != NULL) {
		n->two.a = first;
	} else if (!pp_parse_failed(p)) {
		n = pp_parse_node(p, PP_N_CHAIN, first->pos);
		if (n != NULL) {
			n->chain.first = first;
			n->chain.rest = pp_nodes_finish(p, &rest);
		}
	}
	free(rest.item);
	return pp_parse_failed(p) ? NULL : n;
}

static struct pp_node *
parse_not(struct pp_parser *p)
{
	struct pp_node *n = pp_parse_node(p, PP_N_NOT, p->token.pos);

	pp_parse_advance(p);
	if (n == NULL || !pp_parse_enter(p))
		return NULL;
	n->two.a = parse_binary(p, LEVEL_NOT);
	pp_parse_leave(p);
	return pp_parse_failed(p) ? NULL : n;
}

/* Operators of level `min` and stronger ones. */
static struct pp_node *
parse_binary(struct pp_parser *p, int min)
{
	int depth = p->depth;
	struct operator o;
	struct pp_node *left, *n;

	left = min <= LEVEL_NOT && pp_parse_is_name(&p->token, "not") ?
	    parse_not(p) :
	    parse_unary(p, true);
	while (left != NULL && !pp_parse_failed(p)) {
		o = find_operator(p);
		if (o.level == 0 || (int)o.level < min)
			break;
		if (!pp_parse_enter(p))
			return NULL;
		if (o.kind == PP_N_CONCAT) {
			left = parse_concat(p, left);
			continue;
		}
		if (o.kind == PP_N_COMPARE) {
			left = parse_compare(p, left);
			continue;
		}
		n = pp_parse_node(p, o.kind, p->token.pos);
		pp_parse_advance(p);
		if (n == NULL)
			return NULL;
		n->op = (uint8_t)o.op;
		n->two.a = left;
		n->two.b = parse_binary(p, (int)o.level + 1);
		left = n;
	}
	p->depth = depth;
	return pp_parse_failed(p) ? NULL : left;
}

/* yes if test else no; the else part may be missing. */
struct pp_node *
pp_parse_expression(struct pp_parser *p)
{
	struct pp_node *n, *cond;
	int depth = p->depth;

	if (!pp_parse_enter(p))
		return NULL;
	n = parse_binary(p, LEVEL_OR);
	while (n != NULL && pp_parse_skip_name(p, "if")) {
		cond = pp_parse_node(p, PP_N_COND, n->pos);
		if (cond == NULL || !pp_parse_enter(p))
			return NULL;
		cond->cond.yes = n;
		cond->cond.test = parse_binary(p, LEVEL_OR);
		if (pp_parse_skip_name(p, "else"))
			cond->cond.no = pp_parse_expression(p);
		n = cond;
	}
	p->depth = depth;
	return pp_parse_failed(p) ? NULL : n;
}

/* ---- tuples and targets ---- */

static bool
at_tuple_end(const struct pp_parser *p)
{
	return p->token.type == PP_TOK_VAR_END ||
	    p->token.type == PP_TOK_BLOCK_END || p->token.type == PP_TOK_RPAREN;
}

static struct pp_node *
parse_element(struct pp_parser *p, unsigned flags)
{
	if (flags & PP_TARGETS)
		return parse_primary(p, flags & PP_NAMESPACE);
	return flags & PP_NO_COND ? parse_binary(p, LEVEL_OR) :
				    pp_parse_expression(p);
}

struct pp_node *
pp_parse_tuple(struct pp_parser *p, unsigned flags)
{
	struct pp_nodes items = { NULL, 0, 0 };
	uint32_t pos = p->token.pos;
	bool is_tuple = false;
	struct pp_node *n = NULL;
	char room[96];

	while (!pp_parse_failed(p)) {
		if (items.count > 0 && !pp_parse_expect(p, PP_TOK_COMMA))
			break;
		if (at_tuple_end(p))
			break;
		pp_nodes_add(&items, parse_element(p, flags));
		if (p->token.type != PP_TOK_COMMA)
			break;
		is_tuple = true;
	}
	if (pp_parse_failed(p)) {
		n = NULL;
	} else if (!is_tuple && items.count > 0) {
		n = items.item[0];
	} else if (!is_tuple && !(flags & PP_PARENTHESES)) {
		pp_parse_fail(p, p->token.pos,
		    "expected an expression, got "
		    "'%s'",
		    pp_token_name(&p->token, room, sizeof room));
	} else {
		n = pp_parse_node(p, PP_N_TUPLE, pos);
		if (n != NULL)
			n->list = pp_nodes_finish(p, &items);
	}
	free(items.item);
	return n;
}

/* Mark it as stored; false when it cannot be assigned to. */
static bool
make_target(struct pp_parser *p, struct pp_node *n)
{
	static const char *const names[] = { [PP_N_CONST] = "const",
		[PP_N_LIST] = "list",
		[PP_N_DICT] = "dict" };

	if (n == NULL)
		return false;
	n->targets = 1;
	if (n->kind == PP_N_NAME || n->kind == PP_N_NSREF)
		return true;
	if (n->kind == PP_N_TUPLE) {
		for (uint32_t i = 0; i < n->list.count; i++) {
			if (!make_target(p, n->list.item[i]))
				return false;
		}
		return true;
	}
	pp_parse_fail(p, n->pos, "can't assign to '%s'",
	    n->kind < sizeof names / sizeof names[0] && names[n->kind] != NULL ?
		names[n->kind] :
		"expression");
	return false;
}

struct pp_node *
pp_parse_target(struct pp_parser *p, unsigned flags)
{
	struct pp_node *n = pp_parse_tuple(p, flags | PP_TARGETS);

	return make_target(p, n) ? n : NULL;
}

struct pp_atom *
pp_parse_name_target(struct pp_parser *p)
{
	struct pp_token t = p->token;
	struct pp_value v;

	if (!pp_parse_expect(p, PP_TOK_NAME))
		return NULL;
	if (literal_name(&t, &v)) {
		pp_parse_fail(p, t.pos, "can't assign to '%.*s'",
		    (int)t.value.len, t.value.s);
		return NULL;
	}
	return pp_parse_atom(p, t.value);
}
