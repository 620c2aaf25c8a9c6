/*
 * A model of text by word pairs: what followed two words, or one, in the text
 * it has learned. It strings words together that have stood together and knows
 * nothing of what they mean. Fast, in bounded memory, and the same seed gives
 * the same text from the same lessons.
 */
#ifndef PP_MODEL_NGRAM_H
#define PP_MODEL_NGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* More text than this is not learned. */
#define PP_NGRAM_MAX_BYTES ((size_t)4 << 20)

struct pp_ngram;

struct pp_ngram *pp_ngram_new(void);
void	pp_ngram_free(struct pp_ngram *g);

/*
 * Learn UTF-8 text; words are what stands between blanks. Text that is not
 * UTF-8 and what goes past the bound is passed over.
 */
void	pp_ngram_learn(struct pp_ngram *g, const char *text, size_t len);

/*
 * Append a few sentences to `out`, of at most `max_words` words. `*cut` tells
 * whether that bound ended it. Returns the number of words, 0 only when
 * max_words is 0. What has learned nothing speaks from a page of its own.
 */
int64_t	pp_ngram_write(struct pp_ngram *g, uint64_t seed, int64_t max_words,
	    struct pp_buf *out, bool *cut);

/* Words in a text, as it would count them. */
int64_t	pp_ngram_count(const char *text, size_t len);

#endif
