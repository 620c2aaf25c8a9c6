/*
 * The lessons are one array of word numbers, with a mark before each text. For
 * every pair of neighbours, and every word, the places where it stands are
 * listed one after the other, so that a draw of what may follow is one look
 * into a table and one random number.
 */
#include <config.h>

#include "model/ngram.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"

#define MARK 0u /* number of the mark between texts */
#define MAX_WORD_BYTES 64
#define EMPTY UINT32_MAX
#define MIN_SENTENCES 2
#define MAX_SENTENCES 5
#define LONGEST_RUN 40 /* words without the end of a sentence */

struct span {
	uint32_t first, count; /* in `places` */
};

struct pp_ngram {
	struct pp_buf letters; /* all words, one after the other */
	struct {
		uint32_t at, len;
		bool ends; /* a sentence ends with it */
	} * words;
	size_t word_count, word_cap;
	uint32_t *word_slots; /* hash table: word numbers */
	size_t word_slot_count;

	uint32_t *text; /* word numbers */
	size_t text_len, text_cap;
	size_t learned_bytes;

	/* the index, built when the first text is asked for */
	bool indexed;
	struct span *by_word; /* places after a word */
	uint32_t *word_places;
	struct {
		uint64_t pair;
		struct span span;
	} * pairs; /* hash table */
	size_t pair_slot_count;
	uint32_t *pair_places;
	uint32_t *starts; /* places where a sentence begins */
	size_t start_count;
};

static const char own_page[] =
    "This text was written without having read anything. "
    "The machine strings words together that have stood together before. "
    "It knows nothing of what they mean, and it says so. "
    "A story begins with a door, a road and somebody who waits. "
    "The road goes down to the river, and the river goes to the sea. "
    "Somebody who waits at the door hears the rain before it comes. "
    "In the morning the light lies on the table like a letter. "
    "Nobody has read the letter, and nobody will write another. "
    "The words that have stood together before come back in the evening. "
    "What is the name of the river that goes down to the sea? "
    "It has no name, and the road knows nothing of it. "
    "A machine may count the words, but it waits for somebody to read. "
    "The rain comes in the evening, and the road is like a river. "
    "Before the door stands a table, and on the table lies the light.";

struct pp_ngram *
pp_ngram_new(void)
{
	struct pp_ngram *g = pp_calloc(1, sizeof *g);

	pp_buf_init(&g->letters, 0);
	g->words = pp_grow(NULL, 0, &g->word_cap, sizeof *g->words);
	g->words[MARK].at = g->words[MARK].len = 0;
	g->words[MARK].ends = true;
	g->word_count = 1;
	return g;
}

static void
drop_index(struct pp_ngram *g)
{
	free(g->by_word);
	free(g->word_places);
	free(g->pairs);
	free(g->pair_places);
	free(g->starts);
	g->by_word = NULL;
	g->word_places = g->pair_places = g->starts = NULL;
	g->pairs = NULL;
	g->indexed = false;
}

void
pp_ngram_free(struct pp_ngram *g)
{
	if (g == NULL)
		return;
	drop_index(g);
	pp_buf_release(&g->letters);
	free(g->words);
	free(g->word_slots);
	free(g->text);
	free(g);
}

/* ---- words ---- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' ||
	    c == '\v';
}

/* The next word at or after *at; false at the end. */
static bool
next_word(const char *text, size_t len, size_t *at, const char **word,
    size_t *word_len)
{
	size_t i = *at, start;

	while (i < len && is_blank(text[i]))
		i++;
	start = i;
	while (i < len && !is_blank(text[i]))
		i++;
	*word = text + start;
	*word_len = i - start;
	*at = i;
	return i > start;
}

int64_t
pp_ngram_count(const char *text, size_t len)
{
	size_t at = 0, n;
	int64_t count = 0;
	const char *word;

	while (next_word(text, len, &at, &word, &n))
		count++;
	return count;
}

/* ".", "!" or "?", perhaps with a closing quote or bracket behind it. */
static bool
ends_sentence(const char *word, size_t len)
{
	while (len > 1 && strchr("\"')]*_", word[len - 1]) != NULL)
		len--;
	return len > 0 && strchr(".!?", word[len - 1]) != NULL;
}

static bool
is_plain(const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)word[i] < 0x20 || word[i] == 0x7f)
			return false;
	}
	return true;
}

static bool
is_word(const struct pp_ngram *g, uint32_t w, const char *word, size_t len)
{
	return g->words[w].len == len &&
	    memcmp(g->letters.data + g->words[w].at, word, len) == 0;
}

static size_t
find_word_slot(const struct pp_ngram *g, const char *word, size_t len)
{
	size_t mask = g->word_slot_count - 1;
	size_t i = pp_hash64(word, len, 0) & mask;

	while (g->word_slots[i] != EMPTY &&
	    !is_word(g, g->word_slots[i], word, len))
		i = (i + 1) & mask;
	return i;
}

static void
grow_word_slots(struct pp_ngram *g)
{
	if (g->word_count * 2 < g->word_slot_count)
		return;
	g->word_slot_count = g->word_slot_count > 0 ? g->word_slot_count * 2 :
						      1024;
	free(g->word_slots);
	g->word_slots = pp_reallocarray(NULL, g->word_slot_count,
	    sizeof *g->word_slots);
	memset(g->word_slots, 0xff, g->word_slot_count * sizeof *g->word_slots);
	for (uint32_t w = 1; w < g->word_count; w++)
		g->word_slots[find_word_slot(g,
		    g->letters.data + g->words[w].at, g->words[w].len)] = w;
}

static uint32_t
intern(struct pp_ngram *g, const char *word, size_t len)
{
	uint32_t w = (uint32_t)g->word_count;
	size_t slot;

	grow_word_slots(g);
	slot = find_word_slot(g, word, len);
	if (g->word_slots[slot] != EMPTY)
		return g->word_slots[slot];
	g->words = pp_grow(g->words, g->word_count, &g->word_cap,
	    sizeof *g->words);
	g->words[w].at = (uint32_t)g->letters.len;
	g->words[w].len = (uint32_t)len;
	g->words[w].ends = ends_sentence(word, len);
	g->word_count++;
	g->word_slots[slot] = w;
	pp_buf_add(&g->letters, word, len);
	return w;
}

static void
add_to_text(struct pp_ngram *g, uint32_t w)
{
	g->text = pp_grow(g->text, g->text_len, &g->text_cap, sizeof *g->text);
	g->text[g->text_len++] = w;
}

void
pp_ngram_learn(struct pp_ngram *g, const char *text, size_t len)
{
	size_t at = 0, n;
	const char *word;

	if (g->learned_bytes + len > PP_NGRAM_MAX_BYTES ||
	    !pp_utf8_valid(text, len, NULL))
		return;
	g->learned_bytes += len;
	drop_index(g);
	add_to_text(g, MARK);
	while (next_word(text, len, &at, &word, &n)) {
		if (n <= MAX_WORD_BYTES && is_plain(word, n))
			add_to_text(g, intern(g, word, n));
	}
}

/* ---- the index ---- */

static uint64_t
pair_at(const struct pp_ngram *g, size_t i)
{
	return (uint64_t)g->text[i] << 32 | g->text[i + 1];
}

static size_t
find_pair(const struct pp_ngram *g, uint64_t pair)
{
	size_t mask = g->pair_slot_count - 1;
	size_t i = pp_rand_mix(pair, 0, 0) & mask;

	while (g->pairs[i].span.count > 0 && g->pairs[i].pair != pair)
		i = (i + 1) & mask;
	return i;
}

/* Pair i, i + 1 is followed by the word at i + 2: counted, then listed. */
static void
index_pairs(struct pp_ngram *g)
{
	size_t n = g->text_len > 2 ? g->text_len - 2 : 0;
	uint32_t at = 0;

	g->pair_slot_count = 16;
	while (g->pair_slot_count < n * 2)
		g->pair_slot_count *= 2;
	g->pairs = pp_calloc(g->pair_slot_count, sizeof *g->pairs);
	g->pair_places = pp_reallocarray(NULL, n + 1, sizeof *g->pair_places);
	for (size_t i = 0; i < n; i++) {
		size_t slot = find_pair(g, pair_at(g, i));

		g->pairs[slot].pair = pair_at(g, i);
		g->pairs[slot].span.count++;
	}
	for (size_t i = 0; i < g->pair_slot_count; i++) {
		g->pairs[i].span.first = at;
		at += g->pairs[i].span.count;
	}
	for (size_t i = 0; i < n; i++) {
		struct span *s = &g->pairs[find_pair(g, pair_at(g, i))].span;

		g->pair_places[s->first++] = (uint32_t)i + 2;
	}
	for (size_t i = 0; i < g->pair_slot_count; i++)
		g->pairs[i].span.first -= g->pairs[i].span.count;
}

static void
index_words(struct pp_ngram *g)
{
	size_t n = g->text_len > 1 ? g->text_len - 1 : 0;
	uint32_t at = 0;

	g->by_word = pp_calloc(g->word_count, sizeof *g->by_word);
	g->word_places = pp_reallocarray(NULL, n + 1, sizeof *g->word_places);
	for (size_t i = 0; i < n; i++)
		g->by_word[g->text[i]].count++;
	for (size_t w = 0; w < g->word_count; w++) {
		g->by_word[w].first = at;
		at += g->by_word[w].count;
	}
	for (size_t i = 0; i < n; i++)
		g->word_places[g->by_word[g->text[i]].first++] = (uint32_t)i +
		    1;
	for (size_t w = 0; w < g->word_count; w++)
		g->by_word[w].first -= g->by_word[w].count;
}

/* A sentence begins after the end of one, and with each text. */
static void
index_starts(struct pp_ngram *g)
{
	g->starts = pp_reallocarray(NULL, g->text_len + 1, sizeof *g->starts);
	g->start_count = 0;
	for (size_t i = 1; i < g->text_len; i++) {
		if (g->text[i] != MARK && g->words[g->text[i - 1]].ends)
			g->starts[g->start_count++] = (uint32_t)i;
	}
}

static void
build_index(struct pp_ngram *g)
{
	if (g->indexed)
		return;
	index_starts(g);
	if (g->start_count == 0) {
		drop_index(g);
		pp_ngram_learn(g, own_page, sizeof own_page - 1);
		index_starts(g);
	}
	index_words(g);
	index_pairs(g);
	g->indexed = true;
}

/* ---- writing ---- */

/*
 * What comes after `a` and `b`; MARK where a text ended. Two words that were
 * followed by one thing alone would only ever recite, so every third such
 * draw looks at the last word alone.
 */
static uint32_t
draw_next(const struct pp_ngram *g, struct pp_rand *r, uint32_t a, uint32_t b)
{
	const struct span *s = &g->pairs[find_pair(g, (uint64_t)a << 32 | b)]
				    .span;
	const uint32_t *places = g->pair_places;

	if (s->count == 0 || (s->count == 1 && pp_rand_below(r, 3) == 0)) {
		s = &g->by_word[b];
		places = g->word_places;
	}
	if (s->count == 0)
		return MARK;
	return g->text[places[s->first + pp_rand_below(r, s->count)]];
}

static void
put_word(const struct pp_ngram *g, struct pp_buf *out, uint32_t w, bool first)
{
	if (!first)
		pp_buf_addc(out, ' ');
	pp_buf_add(out, g->letters.data + g->words[w].at, g->words[w].len);
}

/* A sentence that was broken off gets its full stop. */
static void
put_stop(struct pp_buf *out)
{
	if (out->len > 0 && strchr(",;:-", out->data[out->len - 1]) != NULL)
		pp_buf_truncate(out, out->len - 1);
	pp_buf_addc(out, '.');
}

/* One sentence. Returns how many words it has; *cut when there was no room. */
static int64_t
write_sentence(struct pp_ngram *g, struct pp_rand *r, int64_t room,
    struct pp_buf *out, bool first, bool *cut)
{
	uint32_t a = MARK, b = MARK, w;
	int64_t n = 0;

	w = g->text[g->starts[pp_rand_below(r, g->start_count)]];
	for (;;) {
		if (n == room) {
			*cut = true;
			return n;
		}
		put_word(g, out, w, first && n == 0);
		n++;
		if (g->words[w].ends)
			return n;
		a = b;
		b = w;
		w = n < LONGEST_RUN ? draw_next(g, r, a, b) : MARK;
		if (w == MARK) {
			put_stop(out);
			return n;
		}
	}
}

int64_t
pp_ngram_write(struct pp_ngram *g, uint64_t seed, int64_t max_words,
    struct pp_buf *out, bool *cut)
{
	struct pp_rand r;
	int64_t words = 0, sentences;

	*cut = max_words <= 0;
	if (*cut)
		return 0;
	build_index(g);
	pp_rand_seed(&r, seed);
	sentences = MIN_SENTENCES +
	    (int64_t)pp_rand_below(&r, MAX_SENTENCES - MIN_SENTENCES + 1);
	for (int64_t i = 0; i < sentences && !*cut; i++)
		words += write_sentence(g, &r, max_words - words, out, i == 0,
		    cut);
	return words;
}
