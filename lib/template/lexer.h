/*
 * Text to tokens, with Jinja's rules for white space around tags. Tokens are
 * made one at a time; the first error stays in the lexer, which gives
 * PP_TOK_EOF from then on.
 */
#ifndef PP_TEMPLATE_LEXER_H
#define PP_TEMPLATE_LEXER_H

#include "base/arena.h"
#include "template/template.h"

enum pp_tok {
	PP_TOK_EOF,
	PP_TOK_DATA,
	PP_TOK_VAR_BEGIN,
	PP_TOK_VAR_END,
	PP_TOK_BLOCK_BEGIN,
	PP_TOK_BLOCK_END,
	PP_TOK_NAME,
	PP_TOK_STRING,
	PP_TOK_INT,
	PP_TOK_FLOAT,
	PP_TOK_ADD, PP_TOK_SUB, PP_TOK_MUL, PP_TOK_DIV, PP_TOK_FLOORDIV,
	PP_TOK_MOD, PP_TOK_POW, PP_TOK_TILDE,
	PP_TOK_LBRACKET, PP_TOK_RBRACKET, PP_TOK_LPAREN, PP_TOK_RPAREN,
	PP_TOK_LBRACE, PP_TOK_RBRACE,
	PP_TOK_EQ, PP_TOK_NE, PP_TOK_GT, PP_TOK_GE, PP_TOK_LT, PP_TOK_LE,
	PP_TOK_ASSIGN, PP_TOK_DOT, PP_TOK_COLON, PP_TOK_PIPE, PP_TOK_COMMA,
	PP_TOK_SEMICOLON
};

struct pp_token {
	enum pp_tok type;
	uint32_t pos;
	struct pp_value value;	/* text of a name or data; a literal's value */
};

enum pp_lex_state { PP_LEX_DATA, PP_LEX_VAR, PP_LEX_BLOCK, PP_LEX_LINE };

struct pp_lexer {
	const char *text;
	size_t len, at;
	const struct pp_options *options;
	struct pp_rt *rt;	/* whose arena and error are used */
	enum pp_lex_state state;
	bool line_starting;
	char *brackets;		/* that are open, the closing ones expected */
	size_t depth, cap;
	uint32_t last_pos;
};

void	pp_lexer_init(struct pp_lexer *l, struct pp_rt *rt, const char *text,
	    size_t len, const struct pp_options *options);
void	pp_lexer_release(struct pp_lexer *l);
void	pp_lexer_next(struct pp_lexer *l, struct pp_token *out);

/*
 * After an error at `pos`, inside of a tag of that kind: go on behind the
 * tag's end, or before the next tag when that begins sooner.
 */
void	pp_lexer_resume(struct pp_lexer *l, uint32_t pos,
	    enum pp_lex_state state);

/* How an error names the token: "end of print statement", "for", "+". */
const char *pp_token_name(const struct pp_token *t, char *room, size_t size);

#endif
