/* Tokens, nodes and statements. Expressions are in parser_expr.c. */
#include <config.h>

#include "template/parser.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* ---- tokens ---- */

void
pp_parse_advance(struct pp_parser *p)
{
	if (p->has_ahead) {
		p->token = p->ahead;
		p->has_ahead = false;
	} else {
		pp_lexer_next(&p->lexer, &p->token);
	}
}

const struct pp_token *
pp_parse_look(struct pp_parser *p)
{
	if (!p->has_ahead) {
		pp_lexer_next(&p->lexer, &p->ahead);
		p->has_ahead = true;
	}
	return &p->ahead;
}

bool
pp_parse_is_name(const struct pp_token *t, const char *name)
{
	return t->type == PP_TOK_NAME && pp_str_is(t->value, name);
}

bool
pp_parse_failed(const struct pp_parser *p)
{
	return p->rt->fault.kind != PP_K_NONE;
}

bool
pp_parse_skip(struct pp_parser *p, enum pp_tok type)
{
	if (p->token.type != type || pp_parse_failed(p))
		return false;
	pp_parse_advance(p);
	return true;
}

bool
pp_parse_skip_name(struct pp_parser *p, const char *name)
{
	if (!pp_parse_is_name(&p->token, name) || pp_parse_failed(p))
		return false;
	pp_parse_advance(p);
	return true;
}

bool
pp_parse_forgive(struct pp_parser *p)
{
	struct pp_fault *fault = &p->rt->fault;

	if (p->report == NULL || !pp_parse_failed(p))
		return false;
	fault->source = NULL;
	p->report(p->report_arg, fault);
	if (fault->kind == PP_K_LIMIT || ++p->problems >= PP_MAX_PROBLEMS) {
		p->report = NULL;
		return false;
	}
	memset(fault, 0, sizeof *fault);
	return true;
}

struct pp_node *
pp_parse_fail(struct pp_parser *p, uint32_t pos, const char *fmt, ...)
{
	char text[PP_FAULT_TEXT_BYTES];
	va_list ap;

	if (pp_parse_failed(p))
		return NULL;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	pp_fail(p->rt, PP_K_SYNTAX, "%s", text);
	p->rt->fault.pos = pos;
	return NULL;
}

static bool
expected(struct pp_parser *p, const char *what)
{
	char room[96];

	if (p->token.type == PP_TOK_EOF)
		pp_parse_fail(p, p->token.pos,
		    "unexpected end of template, expected '%s'", what);
	else
		pp_parse_fail(p, p->token.pos, "expected token '%s', got '%s'",
		    what, pp_token_name(&p->token, room, sizeof room));
	return false;
}

bool
pp_parse_expect(struct pp_parser *p, enum pp_tok type)
{
	struct pp_token wanted = { .type = type };
	char room[96];

	if (p->token.type != type)
		return expected(p, pp_token_name(&wanted, room, sizeof room));
	pp_parse_advance(p);
	return !pp_parse_failed(p);
}

bool
pp_parse_expect_name(struct pp_parser *p, const char *name)
{
	if (!pp_parse_is_name(&p->token, name))
		return expected(p, name);
	pp_parse_advance(p);
	return !pp_parse_failed(p);
}

/* ---- nodes ---- */

void *
pp_parse_alloc(struct pp_parser *p, size_t size)
{
	void *n = pp_rt_alloc(p->rt, size);

	if (n != NULL)
		memset(n, 0, size);
	return n;
}

struct pp_node *
pp_parse_node(struct pp_parser *p, enum pp_node_kind kind, uint32_t pos)
{
	struct pp_node *n = pp_parse_alloc(p, sizeof *n);

	if (n != NULL) {
		n->kind = (uint8_t)kind;
		n->pos = pos;
	}
	return n;
}

struct pp_atom *
pp_parse_atom(struct pp_parser *p, struct pp_value name)
{
	uint32_t hash = pp_str_hash(name.s, name.len);
	struct pp_atom **bucket = &p->atoms[hash % PP_ATOM_BUCKETS], *a;

	for (a = *bucket; a != NULL; a = a->next) {
		if (a->hash == hash && a->str.len == name.len &&
		    memcmp(a->str.s, name.s, name.len) == 0)
			return a;
	}
	a = pp_parse_alloc(p, sizeof *a);
	if (a == NULL)
		return NULL;
	a->str = pp_str(name.s, name.len);
	if (pp_all_ascii(name.s, name.len))
		a->str.flags = PP_F_ASCII;
	a->hash = hash;
	a->next = *bucket;
	*bucket = a;
	return a;
}

void
pp_nodes_add(struct pp_nodes *n, struct pp_node *node)
{
	n->item = pp_grow(n->item, n->count, &n->cap, sizeof n->item[0]);
	n->item[n->count++] = node;
}

struct pp_list_of
pp_nodes_finish(struct pp_parser *p, struct pp_nodes *n)
{
	struct pp_list_of l = { NULL, (uint32_t)n->count };

	l.item = pp_parse_alloc(p, (n->count + 1) * sizeof l.item[0]);
	if (l.item == NULL)
		l.count = 0;
	else if (n->count > 0)
		memcpy(l.item, n->item, n->count * sizeof l.item[0]);
	n->count = 0;
	return l;
}

bool
pp_parse_enter(struct pp_parser *p)
{
	int max = p->lexer.options->max_depth;

	if (max == 0)
		max = PP_MAX_SYNTAX_DEPTH;
	if (pp_parse_failed(p))
		return false;
	if (p->depth >= max) {
		pp_fail(p->rt, PP_K_LIMIT,
		    "the template is nested deeper than %d", max);
		p->rt->fault.pos = p->token.pos;
		return false;
	}
	p->depth++;
	if (p->depth > p->deepest)
		p->deepest = p->depth;
	return true;
}

void
pp_parse_leave(struct pp_parser *p)
{
	p->depth--;
}

/* ---- blocks of statements ---- */

static struct pp_node *parse_statement(struct pp_parser *p);
static struct pp_list_of
parse_body(struct pp_parser *p, const char *const *ends);

static bool
ends_with_tag(const struct pp_parser *p, const char *const *ends)
{
	for (; ends != NULL && *ends != NULL; ends++) {
		if (pp_parse_is_name(&p->token, *ends))
			return true;
	}
	return false;
}

static int
line_of(const struct pp_parser *p, uint32_t pos)
{
	int line = 1;

	for (uint32_t i = 0; i < pos && i < p->lexer.len; i++)
		line += p->lexer.text[i] == '\n';
	return line;
}

/* " was expected: 'endif' or 'else'; 'if' was opened on line 3" */
static void
fail_tag(struct pp_parser *p, uint32_t pos, const char *problem)
{
	const struct pp_open_tag *t;
	char ends[200];
	size_t len = 0;

	if (p->tag_count == 0) {
		pp_parse_fail(p, pos, "%s", problem);
		return;
	}
	t = &p->tags[p->tag_count - 1];
	for (size_t i = 0; t->ends[i] != NULL; i++)
		len += (size_t)snprintf(ends + len, sizeof ends - len, "%s'%s'",
		    i > 0 ? " or " : "", t->ends[i]);
	pp_parse_fail(p, pos,
	    "%s; %s is expected, because '%s' was opened "
	    "on line %d",
	    problem, ends, t->name, line_of(p, t->pos));
	p->rt->fault.opened = t->pos + 1;
}

/* An OUTPUT of what has gathered in `data`. */
static void
flush(struct pp_parser *p, struct pp_nodes *data, struct pp_nodes *body)
{
	struct pp_node *n;

	if (data->count == 0)
		return;
	n = pp_parse_node(p, PP_N_OUTPUT,
	    data->item[0] != NULL ? data->item[0]->pos : 0);
	if (n == NULL)
		return;
	n->list = pp_nodes_finish(p, data);
	pp_nodes_add(body, n);
}

static struct pp_node *
data_node(struct pp_parser *p)
{
	struct pp_node *n = pp_parse_node(p, PP_N_CONST, p->token.pos);

	if (n == NULL)
		return NULL;
	n->value = p->token.value;
	n->flag = PP_DATA;
	if (pp_all_ascii(n->value.s, n->value.len))
		n->value.flags = PP_F_ASCII;
	pp_parse_advance(p);
	return n;
}

/* The tag at `pos` had an error: go on behind it. */
static bool
recover(struct pp_parser *p, uint32_t pos, enum pp_lex_state state)
{
	if (!pp_parse_failed(p) || !pp_parse_forgive(p))
		return false;
	pp_lexer_resume(&p->lexer, pos, state);
	p->has_ahead = false;
	pp_parse_advance(p);
	return true;
}

static const char *const *ends_of(struct pp_value tag);

/*
 * A tag with an error in its head may open a block all the same. Its body is
 * read, so that errors in it are told and its end does not surprise.
 */
static void
skip_block(struct pp_parser *p, struct pp_value tag, uint32_t pos)
{
	const char *const *ends = ends_of(tag), *last;
	char name[16];

	if (ends == NULL || tag.len >= sizeof name || !pp_parse_enter(p))
		return;
	memcpy(name, tag.s, tag.len);
	name[tag.len] = '\0';
	last = ends[0];
	p->tags = pp_grow(p->tags, p->tag_count, &p->tag_cap,
	    sizeof p->tags[0]);
	p->tags[p->tag_count++] = (struct pp_open_tag){ name, ends, pos };
	for (bool more = true; more && !pp_parse_failed(p);) {
		parse_body(p, ends);
		more = p->token.type != PP_TOK_EOF &&
		    !pp_parse_is_name(&p->token, last);
		if (p->token.type == PP_TOK_EOF && !pp_parse_failed(p))
			fail_tag(p, p->token.pos, "unexpected end of template");
		while (!pp_parse_failed(p) && p->token.type != PP_TOK_EOF &&
		    p->token.type != PP_TOK_BLOCK_END)
			pp_parse_advance(p);
		pp_parse_skip(p, PP_TOK_BLOCK_END);
	}
	p->tag_count--;
	pp_parse_leave(p);
}

/* {% ... %}: the token behind its beginning is at hand. */
static void
parse_tag(struct pp_parser *p, struct pp_nodes *body)
{
	uint32_t pos = p->token.pos;
	size_t tags = p->tag_count;
	int depth = p->depth, loops = p->loops;
	struct pp_value tag = p->token.type == PP_TOK_NAME ? p->token.value :
							     pp_missing();
	struct pp_node *n = parse_statement(p);
	bool whole = n != NULL;

	if (whole)
		pp_nodes_add(body, n);
	pp_parse_expect(p, PP_TOK_BLOCK_END);
	if (p->report == NULL || !pp_parse_failed(p))
		return;
	p->tag_count = tags;
	p->depth = depth;
	p->loops = loops;
	if (p->lexer.at >= p->lexer.len && p->rt->fault.opened != 0)
		return;
	if (!whole && p->rt->fault.pos >= pos)
		pos = p->rt->fault.pos;
	if (recover(p, pos, PP_LEX_BLOCK) && !whole)
		skip_block(p, tag, pos);
}

/* Text and statements up to one of `ends`, which is left, or to the end. */
static struct pp_list_of
parse_body(struct pp_parser *p, const char *const *ends)
{
	struct pp_nodes data = { NULL, 0, 0 }, body = { NULL, 0, 0 };
	struct pp_list_of list;
	struct pp_node *shown;

	while (!pp_parse_failed(p) && p->token.type != PP_TOK_EOF) {
		if (p->token.type == PP_TOK_DATA) {
			pp_nodes_add(&data, data_node(p));
		} else if (p->token.type == PP_TOK_VAR_BEGIN) {
			pp_parse_advance(p);
			shown = pp_parse_tuple(p, 0);
			if (pp_parse_expect(p, PP_TOK_VAR_END))
				pp_nodes_add(&data, shown);
			else
				recover(p, p->rt->fault.pos, PP_LEX_VAR);
		} else {
			flush(p, &data, &body);
			pp_parse_advance(p);
			if (ends_with_tag(p, ends))
				break;
			parse_tag(p, &body);
		}
	}
	flush(p, &data, &body);
	list = pp_nodes_finish(p, &body);
	free(data.item);
	free(body.item);
	return list;
}

/* The body of the tag `name` at `pos`; stops at one of `ends`. */
static struct pp_list_of
parse_block(struct pp_parser *p, const char *name, uint32_t pos,
    const char *const *ends)
{
	struct pp_list_of list = { NULL, 0 };

	pp_parse_skip(p, PP_TOK_COLON);
	if (!pp_parse_expect(p, PP_TOK_BLOCK_END) || !pp_parse_enter(p))
		return list;
	p->tags = pp_grow(p->tags, p->tag_count, &p->tag_cap,
	    sizeof p->tags[0]);
	p->tags[p->tag_count++] = (struct pp_open_tag){ name, ends, pos };
	list = parse_body(p, ends);
	if (p->token.type == PP_TOK_EOF && !pp_parse_failed(p))
		fail_tag(p, p->token.pos, "unexpected end of template");
	p->tag_count--;
	pp_parse_leave(p);
	return list;
}

/* The same for a tag with one end, which is skipped. */
static struct pp_list_of
parse_whole(struct pp_parser *p, const char *name, uint32_t pos,
    const char *const *end)
{
	struct pp_list_of list = parse_block(p, name, pos, end);

	if (!pp_parse_failed(p))
		pp_parse_advance(p);
	return list;
}

#define ENDS(...) \
	(const char *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}

/* ---- statements ---- */

static struct pp_node *
parse_for(struct pp_parser *p, struct pp_node *n)
{
	struct pp_for *f = pp_parse_alloc(p, sizeof *f);
	int deepest = p->deepest;

	if (f == NULL)
		return NULL;
	n->loop = f;
	f->target = pp_parse_target(p, 0);
	if (f->target == NULL || !pp_parse_expect_name(p, "in"))
		return NULL;
	f->iter = pp_parse_tuple(p, PP_NO_COND);
	if (pp_parse_skip_name(p, "if"))
		f->test = pp_parse_expression(p);
	if (pp_parse_skip_name(p, "recursive"))
		f->recursive = pp_parse_alloc(p, sizeof *f->recursive);
	p->loops++;
	p->deepest = p->depth;
	f->body = parse_block(p, "for", n->pos, ENDS("endfor", "else"));
	p->loops--;
	if (f->recursive != NULL)
		f->recursive->height = (uint32_t)(p->deepest - p->depth + 1);
	if (p->deepest < deepest)
		p->deepest = deepest;
	if (pp_parse_failed(p))
		return NULL;
	if (pp_parse_is_name(&p->token, "else")) {
		pp_parse_advance(p);
		f->otherwise = parse_whole(p, "for", n->pos, ENDS("endfor"));
	} else {
		pp_parse_advance(p);
	}
	return n;
}

static struct pp_node *
parse_if(struct pp_parser *p, struct pp_node *n)
{
	struct pp_branch *branch = NULL, *b;
	size_t count = 0, cap = 0;
	bool more = true;

	n->branches = pp_parse_alloc(p, sizeof *n->branches);
	while (more && !pp_parse_failed(p)) {
		branch = pp_grow(branch, count, &cap, sizeof branch[0]);
		b = &branch[count++];
		b->test = pp_parse_tuple(p, PP_NO_COND);
		b->body = parse_block(p, "if", n->pos,
		    ENDS("elif", "else", "endif"));
		if (pp_parse_is_name(&p->token, "else")) {
			pp_parse_advance(p);
			branch = pp_grow(branch, count, &cap, sizeof branch[0]);
			branch[count].test = NULL;
			branch[count].body = parse_whole(p, "if", n->pos,
			    ENDS("endif"));
			count++;
			more = false;
		} else if (!pp_parse_failed(p)) {
			more = pp_parse_is_name(&p->token, "elif");
			pp_parse_advance(p);
		}
	}
	b = pp_parse_alloc(p, (count + 1) * sizeof *b);
	if (b != NULL && n->branches != NULL) {
		if (count > 0)
			memcpy(b, branch, count * sizeof *b);
		n->branches->branch = b;
		n->branches->count = (uint32_t)count;
	}
	free(branch);
	return n;
}

static struct pp_node *
parse_set(struct pp_parser *p, struct pp_node *n)
{
	struct pp_node *target = pp_parse_target(p, PP_NAMESPACE);

	if (target == NULL)
		return NULL;
	if (pp_parse_skip(p, PP_TOK_ASSIGN)) {
		n->set.target = target;
		n->set.value = pp_parse_tuple(p, 0);
		return n;
	}
	n->kind = PP_N_SETBLOCK;
	n->capture = pp_parse_alloc(p, sizeof *n->capture);
	if (n->capture == NULL)
		return NULL;
	n->capture->target = target;
	if (p->token.type == PP_TOK_PIPE)
		n->capture->filter = pp_parse_filters(p, NULL, false);
	n->capture->body = parse_whole(p, "set", n->pos, ENDS("endset"));
	return n;
}

static struct pp_node *
parse_filter_block(struct pp_parser *p, struct pp_node *n)
{
	n->capture = pp_parse_alloc(p, sizeof *n->capture);
	if (n->capture == NULL)
		return NULL;
	n->capture->filter = pp_parse_filters(p, NULL, true);
	n->capture->body = parse_whole(p, "filter", n->pos, ENDS("endfilter"));
	return n;
}

static struct pp_node *
parse_autoescape(struct pp_parser *p, struct pp_node *n)
{
	n->capture = pp_parse_alloc(p, sizeof *n->capture);
	if (n->capture == NULL)
		return NULL;
	n->capture->flag = pp_parse_expression(p);
	n->capture->body = parse_whole(p, "autoescape", n->pos,
	    ENDS("endautoescape"));
	return n;
}

static struct pp_node *
parse_with(struct pp_parser *p, struct pp_node *n)
{
	struct pp_nodes targets = { NULL, 0, 0 }, values = { NULL, 0, 0 };

	n->with = pp_parse_alloc(p, sizeof *n->with);
	while (!pp_parse_failed(p) && p->token.type != PP_TOK_BLOCK_END) {
		if (targets.count > 0 && !pp_parse_expect(p, PP_TOK_COMMA))
			break;
		pp_nodes_add(&targets, pp_parse_target(p, 0));
		if (!pp_parse_expect(p, PP_TOK_ASSIGN))
			break;
		pp_nodes_add(&values, pp_parse_expression(p));
	}
	if (n->with != NULL) {
		n->with->targets = pp_nodes_finish(p, &targets);
		n->with->values = pp_nodes_finish(p, &values);
		n->with->body = parse_whole(p, "with", n->pos, ENDS("endwith"));
	}
	free(targets.item);
	free(values.item);
	return n;
}

/* (a, b=1): the parameters of a macro or call block. */
static void
parse_signature(struct pp_parser *p, struct pp_function *f)
{
	struct pp_nodes names = { NULL, 0, 0 }, defaults = { NULL, 0, 0 };
	struct pp_node *name;

	pp_parse_expect(p, PP_TOK_LPAREN);
	while (!pp_parse_failed(p) && p->token.type != PP_TOK_RPAREN) {
		if (names.count > 0 && !pp_parse_expect(p, PP_TOK_COMMA))
			break;
		name = pp_parse_node(p, PP_N_NAME, p->token.pos);
		if (name == NULL)
			break;
		name->name.atom = pp_parse_name_target(p);
		if (pp_rt_charge(p->rt, (int64_t)names.count) < 0)
			break;
		for (size_t i = 0; i < names.count; i++) {
			if (names.item[i]->name.atom == name->name.atom &&
			    !pp_parse_failed(p)) {
				pp_fail(p->rt, PP_K_RUNTIME,
				    "duplicate argument in definition");
				p->rt->fault.pos = name->pos;
			}
		}
		if (pp_parse_skip(p, PP_TOK_ASSIGN))
			pp_nodes_add(&defaults, pp_parse_expression(p));
		else if (defaults.count > 0)
			pp_parse_fail(p, name->pos,
			    "non-default argument "
			    "follows default argument");
		pp_nodes_add(&names, name);
	}
	pp_parse_expect(p, PP_TOK_RPAREN);
	f->params = (uint32_t)names.count;
	f->param = pp_parse_alloc(p, (names.count + 1) * sizeof f->param[0]);
	for (size_t i = 0; !pp_parse_failed(p) && i < names.count; i++)
		f->param[i] = names.item[i]->name.atom;
	f->default_count = (uint32_t)defaults.count;
	f->defaults = pp_nodes_finish(p, &defaults).item;
	free(names.item);
	free(defaults.item);
}

/* A body that runs with its own slots: measures its height. */
static void
parse_function(struct pp_parser *p, struct pp_function *f, const char *tag,
    uint32_t pos, const char *const *ends)
{
	int deepest = p->deepest, loops = p->loops, depth = p->depth;

	p->deepest = p->depth;
	p->loops = 0;
	f->body = parse_whole(p, tag, pos, ends);
	f->height = (uint32_t)(p->deepest - depth + 1);
	p->deepest = deepest > p->deepest ? deepest : p->deepest;
	p->loops = loops;
}

static struct pp_function *
new_function(struct pp_parser *p)
{
	return pp_parse_alloc(p, sizeof(struct pp_function));
}

static struct pp_node *
parse_macro(struct pp_parser *p, struct pp_node *n)
{
	struct pp_function *f = new_function(p);

	if (f == NULL)
		return NULL;
	n->macro.function = f;
	n->macro.name = f->name = pp_parse_name_target(p);
	parse_signature(p, f);
	parse_function(p, f, "macro", n->pos, ENDS("endmacro"));
	return n;
}

static struct pp_node *
parse_call_block(struct pp_parser *p, struct pp_node *n)
{
	struct pp_function *f = new_function(p);

	if (f == NULL)
		return NULL;
	n->macro.function = f;
	if (p->token.type == PP_TOK_LPAREN)
		parse_signature(p, f);
	n->macro.call = pp_parse_expression(p);
	if (n->macro.call != NULL && n->macro.call->kind != PP_N_CALL)
		return pp_parse_fail(p, n->pos, "expected call");
	parse_function(p, f, "call", n->pos, ENDS("endcall"));
	return n;
}

/* {% generation %}: a call block that calls itself. */
static struct pp_node *
parse_generation(struct pp_parser *p, struct pp_node *n)
{
	n->macro.function = new_function(p);
	if (n->macro.function == NULL)
		return NULL;
	parse_function(p, n->macro.function, "generation", n->pos,
	    ENDS("endgeneration"));
	return n;
}

static bool
only_space(const struct pp_list_of *body)
{
	for (uint32_t i = 0; i < body->count; i++) {
		const struct pp_node *n = body->item[i];

		if (n->kind != PP_N_OUTPUT)
			return false;
		for (uint32_t k = 0; k < n->list.count; k++) {
			struct pp_value v = n->list.item[k]->value;

			if (n->list.item[k]->flag != PP_DATA ||
			    strspn(v.s, " \t\r\n\v\f") < v.len)
				return false;
		}
	}
	return true;
}

static struct pp_node *
parse_block_tag(struct pp_parser *p, struct pp_node *n)
{
	struct pp_block_node *b = pp_parse_alloc(p, sizeof *b);
	struct pp_value name = p->token.value;
	struct pp_function *f = new_function(p);

	if (b == NULL || f == NULL || !pp_parse_expect(p, PP_TOK_NAME))
		return NULL;
	n->block = b;
	b->function = f;
	b->name = pp_parse_atom(p, name);
	b->scoped = pp_parse_skip_name(p, "scoped");
	b->required = pp_parse_skip_name(p, "required");
	if (p->token.type == PP_TOK_SUB)
		return pp_parse_fail(p, p->token.pos,
		    "a block's name cannot have hyphens");
	if (pp_rt_charge(p->rt, (int64_t)p->blocks.count) < 0)
		return NULL;
	for (size_t i = 0; i < p->blocks.count; i++) {
		if (p->blocks.item[i]->block->name == b->name)
			return pp_parse_fail(p, n->pos,
			    "block '%.*s' defined twice", (int)name.len,
			    name.s);
	}
	pp_nodes_add(&p->blocks, n);
	parse_function(p, f, "block", n->pos, ENDS("endblock"));
	b->body = f->body;
	if (!pp_parse_failed(p) && b->required && !only_space(&b->body))
		return pp_parse_fail(p, n->pos,
		    "required blocks can only "
		    "contain comments or white space");
	if (p->token.type == PP_TOK_NAME && p->token.value.len == name.len &&
	    memcmp(p->token.value.s, name.s, name.len) == 0)
		pp_parse_advance(p);
	return n;
}

static struct pp_node *
parse_extends(struct pp_parser *p, struct pp_node *n)
{
	p->has_extends = true;
	n->two.a = pp_parse_expression(p);
	return n;
}

/* [with context | without context] */
static bool
parse_context(struct pp_parser *p, bool *with)
{
	bool is_with = pp_parse_is_name(&p->token, "with");

	if ((!is_with && !pp_parse_is_name(&p->token, "without")) ||
	    !pp_parse_is_name(pp_parse_look(p), "context"))
		return false;
	pp_parse_advance(p);
	pp_parse_advance(p);
	*with = is_with;
	return true;
}

static struct pp_node *
parse_include(struct pp_parser *p, struct pp_node *n)
{
	struct pp_include *i = pp_parse_alloc(p, sizeof *i);

	if (i == NULL)
		return NULL;
	n->include = i;
	i->name = pp_parse_expression(p);
	i->with_context = true;
	if (pp_parse_is_name(&p->token, "ignore") &&
	    pp_parse_is_name(pp_parse_look(p), "missing")) {
		pp_parse_advance(p);
		pp_parse_advance(p);
		i->ignore_missing = true;
	}
	parse_context(p, &i->with_context);
	return n;
}

static struct pp_node *
parse_import(struct pp_parser *p, struct pp_node *n)
{
	struct pp_include *i = pp_parse_alloc(p, sizeof *i);

	if (i == NULL)
		return NULL;
	n->include = i;
	i->name = pp_parse_expression(p);
	if (!pp_parse_expect_name(p, "as"))
		return NULL;
	i->target = pp_parse_name_target(p);
	parse_context(p, &i->with_context);
	return n;
}

/* a, b as c; stops behind the last. */
static void
parse_imported(struct pp_parser *p, struct pp_include *i,
    struct pp_nodes *names, struct pp_nodes *aliases)
{
	struct pp_node *name, *alias;

	while (!pp_parse_failed(p)) {
		if (names->count > 0 && !pp_parse_expect(p, PP_TOK_COMMA))
			return;
		if (p->token.type != PP_TOK_NAME) {
			pp_parse_expect(p, PP_TOK_NAME);
			return;
		}
		if (parse_context(p, &i->with_context))
			return;
		name = pp_parse_node(p, PP_N_NAME, p->token.pos);
		alias = pp_parse_node(p, PP_N_NAME, p->token.pos);
		if (name == NULL || alias == NULL)
			return;
		alias->name.atom = name->name.atom = pp_parse_name_target(p);
		if (!pp_parse_failed(p) && name->name.atom->str.s[0] == '_')
			pp_parse_fail(p, name->pos,
			    "names starting with an "
			    "underline can not be imported");
		if (pp_parse_skip_name(p, "as"))
			alias->name.atom = pp_parse_name_target(p);
		pp_nodes_add(names, name);
		pp_nodes_add(aliases, alias);
		if (parse_context(p, &i->with_context) ||
		    p->token.type != PP_TOK_COMMA)
			return;
	}
}

static struct pp_node *
parse_from(struct pp_parser *p, struct pp_node *n)
{
	struct pp_nodes names = { NULL, 0, 0 }, aliases = { NULL, 0, 0 };
	struct pp_include *i = pp_parse_alloc(p, sizeof *i);

	if (i == NULL)
		return NULL;
	n->include = i;
	i->name = pp_parse_expression(p);
	if (pp_parse_expect_name(p, "import"))
		parse_imported(p, i, &names, &aliases);
	i->count = (uint32_t)names.count;
	i->names = pp_parse_alloc(p, (names.count + 1) * sizeof i->names[0]);
	i->aliases = pp_parse_alloc(p,
	    (names.count + 1) * sizeof i->aliases[0]);
	i->places = pp_parse_alloc(p, (names.count + 1) * sizeof i->places[0]);
	for (size_t k = 0; !pp_parse_failed(p) && k < names.count; k++) {
		i->names[k] = names.item[k]->name.atom;
		i->aliases[k] = aliases.item[k]->name.atom;
	}
	free(names.item);
	free(aliases.item);
	return n;
}

static struct pp_node *
parse_print(struct pp_parser *p, struct pp_node *n)
{
	struct pp_nodes items = { NULL, 0, 0 };

	while (!pp_parse_failed(p) && p->token.type != PP_TOK_BLOCK_END) {
		if (items.count > 0 && !pp_parse_expect(p, PP_TOK_COMMA))
			break;
		pp_nodes_add(&items, pp_parse_expression(p));
	}
	n->list = pp_nodes_finish(p, &items);
	free(items.item);
	return n;
}

static struct pp_node *
parse_do(struct pp_parser *p, struct pp_node *n)
{
	n->two.a = pp_parse_tuple(p, 0);
	return n;
}

static struct pp_node *
parse_loop_control(struct pp_parser *p, struct pp_node *n)
{
	if (p->loops == 0 && !pp_parse_failed(p)) {
		pp_fail(p->rt, PP_K_RUNTIME, "'%s' outside of a loop",
		    n->kind == PP_N_BREAK ? "break" : "continue");
		p->rt->fault.pos = n->pos;
	}
	return n;
}

static const struct statement {
	const char *name;
	enum pp_node_kind kind;
	struct pp_node *(*parse)(struct pp_parser *p, struct pp_node *n);
	bool hf;
} statements[] = { { "for", PP_N_FOR, parse_for, false },
	{ "if", PP_N_IF, parse_if, false },
	{ "set", PP_N_SET, parse_set, false },
	{ "macro", PP_N_MACRO, parse_macro, false },
	{ "call", PP_N_CALLBLOCK, parse_call_block, false },
	{ "filter", PP_N_FILTERBLOCK, parse_filter_block, false },
	{ "with", PP_N_WITH, parse_with, false },
	{ "do", PP_N_DO, parse_do, false },
	{ "break", PP_N_BREAK, parse_loop_control, false },
	{ "continue", PP_N_CONTINUE, parse_loop_control, false },
	{ "include", PP_N_INCLUDE, parse_include, false },
	{ "import", PP_N_IMPORT, parse_import, false },
	{ "from", PP_N_FROM, parse_from, false },
	{ "block", PP_N_BLOCK, parse_block_tag, false },
	{ "extends", PP_N_EXTENDS, parse_extends, false },
	{ "print", PP_N_OUTPUT, parse_print, false },
	{ "autoescape", PP_N_AUTOESCAPE, parse_autoescape, false },
	{ "generation", PP_N_GENERATION, parse_generation, true } };

/* What ends a block that the tag opens, its last one first; NULL: no block. */
static const char *const *
ends_of(struct pp_value tag)
{
	static const char *const ends[][5] = { { "endfor", "else" },
		{ "endif", "elif", "else" }, { "endmacro" }, { "endcall" },
		{ "endfilter" }, { "endwith" }, { "endblock" },
		{ "endautoescape" }, { "endgeneration" } };

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		if (pp_is_str(tag) && strlen(ends[i][0]) == tag.len + 3 &&
		    memcmp(ends[i][0] + 3, tag.s, tag.len) == 0)
			return ends[i];
	}
	return NULL;
}

static struct pp_node *
parse_statement(struct pp_parser *p)
{
	char room[96], text[160];
	struct pp_node *n;

	if (p->token.type != PP_TOK_NAME)
		return pp_parse_fail(p, p->token.pos, "tag name expected");
	for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
		const struct statement *s = &statements[i];

		if (!pp_parse_is_name(&p->token, s->name) ||
		    (s->hf && !p->lexer.options->hf))
			continue;
		n = pp_parse_node(p, s->kind, p->token.pos);
		pp_parse_advance(p);
		if (n == NULL)
			return NULL;
		n = s->parse(p, n);
		return pp_parse_failed(p) ? NULL : n;
	}
	snprintf(text, sizeof text, "unknown tag '%s'",
	    pp_token_name(&p->token, room, sizeof room));
	fail_tag(p, p->token.pos, text);
	return NULL;
}

/* ---- the whole ---- */

void
pp_parser_init(struct pp_parser *p, struct pp_rt *rt, const char *text,
    size_t len, const struct pp_options *options)
{
	memset(p, 0, sizeof *p);
	p->rt = rt;
	pp_lexer_init(&p->lexer, rt, text, len, options);
}

void
pp_parser_release(struct pp_parser *p)
{
	pp_lexer_release(&p->lexer);
	free(p->tags);
	free(p->blocks.item);
}

bool
pp_parse_template(struct pp_parser *p, struct pp_list_of *body)
{
	pp_parse_advance(p);
	*body = parse_body(p, NULL);
	return !pp_parse_failed(p) && p->problems == 0;
}
