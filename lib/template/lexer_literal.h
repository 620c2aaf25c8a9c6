/*
 * Numbers and strings of the source.
 */
#ifndef PP_TEMPLATE_LEXER_LITERAL_H
#define PP_TEMPLATE_LEXER_LITERAL_H

#include "template/lexer.h"

/*
 * The number or string at l->at becomes `out`; returns where it ends, or 0
 * when there is none. `*problem` is set for a string that is wrong.
 */
size_t	pp_lex_number(struct pp_lexer *l, struct pp_token *out);
size_t	pp_lex_string(struct pp_lexer *l, struct pp_token *out,
	    const char **problem);

#endif
