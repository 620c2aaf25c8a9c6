#include <config.h>

#include "template/lexer.h"

#include <stdio.h>
#include <stdlib.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "template/lexer_literal.h"
#include "template/unicode.h"

void
pp_lexer_init(struct pp_lexer *l, struct pp_rt *rt, const char *text,
    size_t len, const struct pp_options *options)
{
	*l = (struct pp_lexer){ .text = text,
		.len = len,
		.options = options,
		.rt = rt,
		.line_starting = true };
}

void
pp_lexer_release(struct pp_lexer *l)
{
	free(l->brackets);
}

static const struct {
	const char *text;
	enum pp_tok type;
} operators[] = { { "//", PP_TOK_FLOORDIV }, { "**", PP_TOK_POW },
	{ "==", PP_TOK_EQ }, { "!=", PP_TOK_NE }, { ">=", PP_TOK_GE },
	{ "<=", PP_TOK_LE }, { "+", PP_TOK_ADD }, { "-", PP_TOK_SUB },
	{ "/", PP_TOK_DIV }, { "*", PP_TOK_MUL }, { "%", PP_TOK_MOD },
	{ "~", PP_TOK_TILDE }, { "[", PP_TOK_LBRACKET },
	{ "]", PP_TOK_RBRACKET }, { "(", PP_TOK_LPAREN },
	{ ")", PP_TOK_RPAREN }, { "{", PP_TOK_LBRACE }, { "}", PP_TOK_RBRACE },
	{ ">", PP_TOK_GT }, { "<", PP_TOK_LT }, { "=", PP_TOK_ASSIGN },
	{ ".", PP_TOK_DOT }, { ":", PP_TOK_COLON }, { "|", PP_TOK_PIPE },
	{ ",", PP_TOK_COMMA }, { ";", PP_TOK_SEMICOLON } };

#define OPERATORS (sizeof operators / sizeof operators[0])

const char *
pp_token_name(const struct pp_token *t, char *room, size_t size)
{
	static const char *const names[] = { [PP_TOK_EOF] = "end of template",
		[PP_TOK_DATA] = "text",
		[PP_TOK_VAR_BEGIN] = "begin of print statement",
		[PP_TOK_VAR_END] = "end of print statement",
		[PP_TOK_BLOCK_BEGIN] = "begin of statement block",
		[PP_TOK_BLOCK_END] = "end of statement block",
		[PP_TOK_NAME] = "name",
		[PP_TOK_STRING] = "string",
		[PP_TOK_INT] = "integer",
		[PP_TOK_FLOAT] = "float" };
	int n;

	if (t->type == PP_TOK_NAME && t->value.type == PP_T_STR) {
		n = t->value.len < 80 ? (int)t->value.len : 80;
		snprintf(room, size, "%.*s", n, t->value.s);
		return room;
	}
	for (size_t i = 0; i < OPERATORS; i++) {
		if (operators[i].type == t->type)
			return operators[i].text;
	}
	return names[t->type];
}

/* ---- helpers ---- */

/* Set an error at `pos`; the lexer is at its end then. */
static void
fail_at(struct pp_lexer *l, size_t pos, struct pp_token *out, const char *text)
{
	if (l->rt->fault.kind == PP_K_NONE) {
		pp_fail(l->rt, PP_K_SYNTAX, "%s", text);
		l->rt->fault.pos = (uint32_t)pos;
	}
	l->at = l->len;
	l->state = PP_LEX_DATA;
	out->type = PP_TOK_EOF;
	out->pos = (uint32_t)pos;
}

static bool
looking_at(const struct pp_lexer *l, size_t at, const char *s)
{
	size_t n = strlen(s);

	return l->len - at >= n && memcmp(l->text + at, s, n) == 0;
}

/* The first byte at or after `at` that is no Unicode space. */
static size_t
skip_space(const struct pp_lexer *l, size_t at)
{
	while (at < l->len) {
		size_t next = at;

		if (!(pp_uc(pp_next_char(l->text, l->len, &next)) &
			PP_UC_SPACE))
			break;
		at = next;
	}
	return at;
}

static size_t
strip_end(const char *s, size_t start, size_t end)
{
	while (end > start) {
		size_t before = start + pp_char_before(s + start, end - start);
		size_t next = before;

		if (!(pp_uc(pp_next_char(s, end, &next)) & PP_UC_SPACE))
			break;
		end = before;
	}
	return end;
}

/* Behind "+%}", "-%}" with what blanks follow, or "%}" and perhaps a newline. */
static size_t
match_end(const struct pp_lexer *l, size_t at, const char *tag, bool plus,
    bool trim)
{
	size_t n = strlen(tag);

	if (at < l->len && l->text[at] == '-' && looking_at(l, at + 1, tag))
		return skip_space(l, at + 1 + n);
	if (plus && at < l->len && l->text[at] == '+' &&
	    looking_at(l, at + 1, tag))
		return at + 1 + n;
	if (!looking_at(l, at, tag))
		return 0;
	at += n;
	if (trim && l->options->trim_blocks && at < l->len &&
	    l->text[at] == '\n')
		at++;
	return at;
}

/* ---- text and the tags in it ---- */

enum tag {
	TAG_NONE,
	TAG_VAR,
	TAG_BLOCK,
	TAG_COMMENT,
	TAG_RAW,
	TAG_LINE,
	TAG_LINE_COMMENT
};

struct found {
	enum tag tag;
	size_t start; /* of the match, where the text ends */
	size_t end;   /* behind the tag and its sign */
	char sign;    /* '-', '+' or 0 */
};

static void
take_sign(const struct pp_lexer *l, struct found *f)
{
	if (f->end < l->len &&
	    (l->text[f->end] == '-' || l->text[f->end] == '+'))
		f->sign = l->text[f->end++];
}

/* {% raw %}: the whole opening tag. */
static bool
match_raw(const struct pp_lexer *l, struct found *f)
{
	size_t at = skip_space(l, f->end), end;

	if (!looking_at(l, at, "raw"))
		return false;
	end = match_end(l, skip_space(l, at + 3), "%}", false, false);
	if (end == 0)
		return false;
	f->tag = TAG_RAW;
	f->end = end;
	return true;
}

/* `prefix` after blanks at `at`; its end, or 0. */
static size_t
match_prefix(const struct pp_lexer *l, size_t at, const char *prefix,
    bool any_space)
{
	if (prefix == NULL)
		return 0;
	for (; at < l->len && l->text[at] != '\n'; at++) {
		char c = l->text[at];

		if (looking_at(l, at, prefix))
			return at + strlen(prefix);
		if (c != ' ' && c != '\t' && c != '\v' &&
		    !(any_space && c == '\f'))
			return 0;
	}
	return 0;
}

static size_t
length_of(const char *prefix)
{
	return prefix != NULL ? strlen(prefix) : 0;
}

/* Line statements and comments, which begin at a line's start or blanks. */
static bool
match_line(const struct pp_lexer *l, size_t at, struct found *f)
{
	const struct pp_options *o = l->options;
	bool start = at == 0 || l->text[at - 1] == '\n';
	size_t statement = start ?
	    match_prefix(l, at, o->line_statement_prefix, false) :
	    0;
	size_t comment = 0, before;

	if (start || !strchr(" \t\v\f\n", l->text[at - 1]))
		comment = match_prefix(l, at, o->line_comment_prefix, true);
	if (comment != 0 &&
	    (statement == 0 ||
		length_of(o->line_comment_prefix) >
		    length_of(o->line_statement_prefix))) {
		f->tag = TAG_LINE_COMMENT;
		f->end = comment;
	} else if (statement != 0) {
		f->tag = TAG_LINE;
		f->end = statement;
	} else {
		return false;
	}
	before = f->end;
	f->start = at;
	f->sign = 0;
	take_sign(l, f);
	if (f->tag == TAG_LINE_COMMENT && f->sign == 0)
		f->end = before;
	return true;
}

/* The first tag at or after l->at. */
static struct found
find_tag(const struct pp_lexer *l)
{
	bool lines = l->options->line_statement_prefix != NULL ||
	    l->options->line_comment_prefix != NULL;
	struct found f = { .tag = TAG_NONE, .start = l->len, .end = l->len };
	const char *p;

	for (size_t at = l->at; at < l->len; at++) {
		if (!lines) {
			p = memchr(l->text + at, '{', l->len - at);
			if (p == NULL)
				break;
			at = (size_t)(p - l->text);
		}
		if (l->text[at] == '{' && at + 1 < l->len) {
			char c = l->text[at + 1];

			f.tag = c == '{' ? TAG_VAR :
			    c == '%'	 ? TAG_BLOCK :
			    c == '#'	 ? TAG_COMMENT :
					   TAG_NONE;
			if (f.tag != TAG_NONE) {
				f.start = at;
				f.end = at + 2;
				take_sign(l, &f);
				if (f.tag == TAG_BLOCK)
					match_raw(l, &f);
				return f;
			}
		}
		if (lines && match_line(l, at, &f))
			return f;
	}
	return f;
}

/* Where the text before a tag ends, by its sign and lstrip_blocks. */
static size_t
text_end(const struct pp_lexer *l, size_t start, size_t end, char sign,
    bool is_var)
{
	size_t line = end;

	if (sign == '-')
		return strip_end(l->text, start, end);
	if (sign == '+' || is_var || !l->options->lstrip_blocks)
		return end;
	while (line > start && l->text[line - 1] != '\n')
		line--;
	if (line == start && !l->line_starting)
		return end;
	return strip_end(l->text, line, end) == line ? line : end;
}

static bool
put_data(struct pp_lexer *l, size_t start, size_t end, struct pp_token *out)
{
	if (end == start)
		return false;
	out->type = PP_TOK_DATA;
	out->pos = (uint32_t)start;
	out->value = pp_str(l->text + start, end - start);
	return true;
}

static void
move_to(struct pp_lexer *l, size_t at)
{
	l->line_starting = at > 0 && l->text[at - 1] == '\n';
	l->at = at;
}

/* Behind the comment that begins at l->at. */
static bool
skip_comment(struct pp_lexer *l, size_t open, struct pp_token *out)
{
	for (size_t at = l->at; at < l->len; at++) {
		size_t end = match_end(l, at, "#}", true, true);

		if (end != 0) {
			move_to(l, end);
			return true;
		}
	}
	if (l->at < l->len) {
		fail_at(l, open, out, "missing end of comment tag");
		return false;
	}
	return true;
}

/* The text up to {% endraw %}. */
static bool
raw_text(struct pp_lexer *l, size_t open, struct pp_token *out)
{
	for (size_t at = l->at; at + 1 < l->len; at++) {
		size_t start = l->at, p = at + 2, end;
		char sign = 0;

		if (l->text[at] != '{' || l->text[at + 1] != '%')
			continue;
		if (p < l->len && (l->text[p] == '-' || l->text[p] == '+'))
			sign = l->text[p++];
		p = skip_space(l, p);
		if (!looking_at(l, p, "endraw"))
			continue;
		end = match_end(l, skip_space(l, p + 6), "%}", true, true);
		if (end == 0)
			continue;
		p = text_end(l, start, at, sign, false);
		move_to(l, end);
		return put_data(l, start, p, out);
	}
	if (l->at < l->len)
		fail_at(l, open, out, "missing end of raw directive");
	return false;
}

/* A token of the text state, or false when there is none before the tag. */
static bool
next_data(struct pp_lexer *l, struct pp_token *out)
{
	struct found f = find_tag(l);
	size_t start = l->at, end;

	if (f.tag == TAG_NONE) {
		if (put_data(l, start, l->len, out)) {
			move_to(l, l->len);
			return true;
		}
		out->type = PP_TOK_EOF;
		out->pos = l->last_pos;
		return true;
	}
	end = text_end(l, start, f.start, f.sign, f.tag == TAG_VAR);
	if (put_data(l, start, end, out)) {
		/* Come back for the tag: nothing is left to strip then. */
		l->at = f.start;
		l->line_starting = false;
		return true;
	}
	move_to(l, f.end);
	switch (f.tag) {
	case TAG_COMMENT:
		if (!skip_comment(l, f.start, out))
			return true;
		return false;
	case TAG_RAW:
		return raw_text(l, f.end, out) ||
		    l->rt->fault.kind != PP_K_NONE;
	case TAG_LINE_COMMENT:
		while (l->at < l->len && l->text[l->at] != '\n')
			l->at++;
		l->line_starting = false;
		return false;
	default:
		l->state = f.tag == TAG_VAR ? PP_LEX_VAR :
		    f.tag == TAG_BLOCK	    ? PP_LEX_BLOCK :
					      PP_LEX_LINE;
		out->type = f.tag == TAG_VAR ? PP_TOK_VAR_BEGIN :
					       PP_TOK_BLOCK_BEGIN;
		out->pos = (uint32_t)f.start;
		return true;
	}
}

/* ---- inside of tags ---- */

/* The end of the tag at l->at. */
static bool
tag_end(struct pp_lexer *l, struct pp_token *out)
{
	size_t end = 0, at;

	if (l->depth > 0)
		return false;
	if (l->state == PP_LEX_VAR) {
		end = match_end(l, l->at, "}}", false, false);
	} else if (l->state == PP_LEX_BLOCK) {
		end = match_end(l, l->at, "%}", true, true);
	} else {
		at = skip_space(l, l->at);
		if (at >= l->len) {
			end = l->len;
		} else {
			/* \s*\n takes all newlines of a run of blanks. */
			while (at > l->at && l->text[at - 1] != '\n')
				at--;
			if (at == l->at)
				return false;
			end = at;
		}
	}
	if (end == 0)
		return false;
	out->type = l->state == PP_LEX_VAR ? PP_TOK_VAR_END : PP_TOK_BLOCK_END;
	out->pos = (uint32_t)l->at;
	l->state = PP_LEX_DATA;
	move_to(l, end);
	return true;
}

static void
open_bracket(struct pp_lexer *l, char close)
{
	l->brackets = pp_grow(l->brackets, l->depth, &l->cap, 1);
	l->brackets[l->depth++] = close;
}

static bool
close_bracket(struct pp_lexer *l, char c, struct pp_token *out)
{
	char text[64];

	if (l->depth > 0 && l->brackets[l->depth - 1] == c) {
		l->depth--;
		return true;
	}
	if (l->depth == 0)
		snprintf(text, sizeof text, "unexpected '%c'", c);
	else
		snprintf(text, sizeof text, "unexpected '%c', expected '%c'", c,
		    l->brackets[l->depth - 1]);
	fail_at(l, l->at, out, text);
	return false;
}

static void
next_operator(struct pp_lexer *l, struct pp_token *out)
{
	char text[64];
	size_t next = l->at;

	for (size_t i = 0; i < OPERATORS; i++) {
		if (!looking_at(l, l->at, operators[i].text))
			continue;
		out->type = operators[i].type;
		switch (out->type) {
		case PP_TOK_LBRACKET: open_bracket(l, ']'); break;
		case PP_TOK_LPAREN: open_bracket(l, ')'); break;
		case PP_TOK_LBRACE: open_bracket(l, '}'); break;
		case PP_TOK_RBRACKET:
		case PP_TOK_RPAREN:
		case PP_TOK_RBRACE:
			if (!close_bracket(l, l->text[l->at], out))
				return;
			break;
		default: break;
		}
		l->at += strlen(operators[i].text);
		return;
	}
	pp_next_char(l->text, l->len, &next);
	snprintf(text, sizeof text, "unexpected char '%.*s'",
	    (int)(next - l->at), l->text + l->at);
	fail_at(l, l->at, out, text);
}

static bool
name_char(uint32_t cp)
{
	return cp < 0x80 ?
	    (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') ||
		(cp >= '0' && cp <= '9') || cp == '_' :
	    (pp_uc(cp) & PP_UC_ID_CONTINUE) != 0 || pp_uc_word(cp);
}

static bool
next_name(struct pp_lexer *l, struct pp_token *out)
{
	size_t at = l->at;
	bool valid = true, first = true;

	while (at < l->len) {
		size_t next = at;
		uint32_t cp = pp_next_char(l->text, l->len, &next);

		if (!name_char(cp))
			break;
		valid = valid &&
		    (cp == '_' ||
			(pp_uc(cp) &
			    (first ? PP_UC_ID_START : PP_UC_ID_CONTINUE)) != 0);
		first = false;
		at = next;
	}
	if (at == l->at)
		return false;
	if (!valid) {
		fail_at(l, l->at, out, "invalid character in identifier");
		return true;
	}
	out->type = PP_TOK_NAME;
	out->value = pp_str(l->text + l->at, at - l->at);
	l->at = at;
	return true;
}

static void
next_in_tag(struct pp_lexer *l, struct pp_token *out)
{
	const char *problem = NULL;
	size_t end;

	for (;;) {
		if (tag_end(l, out))
			return;
		end = skip_space(l, l->at);
		if (end == l->at)
			break;
		l->at = end;
	}
	out->pos = (uint32_t)l->at;
	if (l->at >= l->len) {
		out->type = PP_TOK_EOF;
		out->pos = l->last_pos;
		return;
	}
	end = pp_lex_number(l, out);
	if (end == 0)
		end = pp_lex_string(l, out, &problem);
	if (problem != NULL)
		fail_at(l, l->at, out, problem);
	else if (l->rt->fault.kind != PP_K_NONE)
		out->type = PP_TOK_EOF;
	else if (end != 0)
		l->at = end;
	else if (!next_name(l, out))
		next_operator(l, out);
}

void
pp_lexer_next(struct pp_lexer *l, struct pp_token *out)
{
	out->value = pp_missing();
	if (l->rt->fault.kind != PP_K_NONE) {
		out->type = PP_TOK_EOF;
		out->pos = l->last_pos;
		return;
	}
	if (l->state != PP_LEX_DATA)
		next_in_tag(l, out);
	else
		while (!next_data(l, out))
			;
	l->last_pos = out->pos;
}

void
pp_lexer_resume(struct pp_lexer *l, uint32_t pos, enum pp_lex_state state)
{
	bool line = l->state == PP_LEX_LINE && state == PP_LEX_BLOCK;
	char end = state == PP_LEX_VAR ? '}' : '%';
	size_t at = pos;

	for (; at + 1 < l->len; at++) {
		const char *s = l->text + at;

		if (line ? *s == '\n' : s[0] == end && s[1] == '}') {
			at += line ? 1 : 2;
			break;
		}
		if (at > pos && s[0] == '{' && (s[1] == '{' || s[1] == '%'))
			break;
	}
	l->at = at + 1 < l->len ? at : l->len;
	l->state = PP_LEX_DATA;
	l->depth = 0;
	l->line_starting = line;
}
