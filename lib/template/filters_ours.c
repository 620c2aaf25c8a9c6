/*
 * Filters that Jinja lacks: a sentence of a text, its style, a budget of
 * tokens, its most frequent words.
 */
#include <config.h>

#include <stdlib.h>

#include "template/filters.h"
#include "template/methods.h"
#include "template/object.h"
#include "template/unicode.h"

static bool
need_text(struct pp_rt *rt, struct pp_value *in)
{
	*in = pp_to_str(rt, *in);
	return !pp_is_error(*in);
}

/* ---- random_sentence ---- */

/* Words whose full stop ends no sentence. */
static const char *const abbreviations[] = { "al", "approx", "apr", "aug",
	"ave", "bros", "ca", "capt", "cf", "ch", "co", "col", "corp", "dec",
	"dept", "dr", "ed", "eds", "eg", "esp", "est", "etc", "feb", "fig",
	"figs", "fr", "gen", "gov", "hon", "ibid", "ie", "inc", "jan", "jr",
	"jul", "jun", "lt", "ltd", "maj", "mar", "messrs", "mlle", "mme", "mr",
	"mrs", "ms", "mt", "no", "nos", "nov", "oct", "op", "p", "pl", "pp",
	"pres", "prof", "rep", "rev", "sen", "sept", "sgt", "sr", "st", "vol",
	"vols", "vs" };

/* These end one when a capital follows: "cats, dogs, etc. Then". */
static const char *const mild[] = { "etc", "inc", "co", "ltd", "corp", "jr",
	"sr", "no", "al" };

static bool
is_one_of(const char *s, size_t len, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(list[i]) == len && strncasecmp(list[i], s, len) == 0)
			return true;
	}
	return false;
}

#define ONE_OF(s, len, list) \
	is_one_of(s, len, list, sizeof list / sizeof list[0])

/* The word that ends before `at`, letters and inner full stops. */
static size_t
word_start(const char *s, size_t at)
{
	while (at > 0) {
		size_t before = pp_char_before(s, at), next = before;
		uint32_t c = pp_next_char(s, at, &next);

		if (c != '.' && !(pp_uc(c) & PP_UC_ALPHA))
			break;
		at = before;
	}
	return at;
}

/* Quotes and brackets that belong to the sentence they close. */
static bool
is_closer(uint32_t c)
{
	return c == '"' || c == '\'' || c == ')' || c == ']' || c == 0x2019 ||
	    c == 0x201d || c == 0xbb;
}

static bool
is_stop(uint32_t c)
{
	return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == 0x3002 ||
	    c == 0xff01 || c == 0xff1f;
}

/* The first character of the next word, and whether blanks stand before. */
static uint32_t
next_word(struct pp_value s, size_t at, bool *blank, bool *paragraph)
{
	int newlines = 0;

	*blank = false;
	while (at < s.len) {
		uint32_t c = pp_next_char(s.s, s.len, &at);

		if (pp_uc(c) & PP_UC_SPACE) {
			*blank = true;
			newlines += c == '\n';
			continue;
		}
		*paragraph = newlines > 1;
		if (c == '"' || c == '\'' || c == '(' || c == 0x201c ||
		    c == 0x2018 || c == 0xab)
			continue;
		return c;
	}
	*paragraph = true;
	return 0;
}

/*
 * Whether a sentence ends with the stops s[start..end), of which the last is
 * `stop`; `after` is behind closing quotes.
 */
static bool
ends_sentence(struct pp_value s, size_t start, size_t end, size_t after,
    uint32_t stop)
{
	size_t word = word_start(s.s, start), len = start - word;
	bool blank, paragraph = false, small;
	uint32_t next = next_word(s, after, &blank, &paragraph);

	if (next == 0 || paragraph)
		return true;
	if (stop == 0x3002 || stop == 0xff01 || stop == 0xff1f)
		return true;
	if (!blank)
		return false; /* 3.14, example.org, U.S.A */
	small = (pp_uc(next) & PP_UC_LOWER) != 0;
	if (small)
		return false; /* "Why?" she asked; Wait... what */
	if (stop != '.' || end - start > 1)
		return true;
	if (len == 1 && (pp_uc((unsigned char)s.s[word]) & PP_UC_UPPER) &&
	    s.s[word] != 'I')
		return false; /* J. Smith */
	if (memchr(s.s + word, '.', len) != NULL && len <= 5)
		return (pp_uc(next) & PP_UC_UPPER) != 0 && len > 3;
	if (ONE_OF(s.s + word, len, mild))
		return (pp_uc(next) & PP_UC_UPPER) != 0;
	return !ONE_OF(s.s + word, len, abbreviations);
}

/* The end of the sentence that begins at `at`. */
static size_t
sentence_end(struct pp_value s, size_t at)
{
	int newlines = 0;

	while (at < s.len) {
		size_t start = at, end, after;
		uint32_t c = pp_next_char(s.s, s.len, &at), stop = c;

		newlines = c == '\n'	   ? newlines + 1 :
		    pp_uc(c) & PP_UC_SPACE ? newlines :
					     0;
		if (newlines > 1)
			return start; /* an empty line ends all */
		if (!is_stop(c))
			continue;
		for (end = at; end < s.len; end = at) {
			c = pp_next_char(s.s, s.len, &at);
			if (!is_stop(c))
				break;
			stop = c;
		}
		for (after = end; after < s.len; after = at) {
			at = after;
			if (!is_closer(pp_next_char(s.s, s.len, &at)))
				break;
		}
		at = after;
		if (ends_sentence(s, start, end, after, stop))
			return after;
	}
	return s.len;
}

PP_FILTER(pp_f_random_sentence)
{
	struct pp_list *l;
	size_t at = 0, end;
	struct pp_value v;

	(void)arg;
	if (!need_text(rt, &in))
		return in;
	l = pp_list_new(rt, 8);
	if (l == NULL)
		return pp_error_value();
	for (; at < in.len; at = end) {
		end = sentence_end(in, at);
		if (end == at)
			pp_next_char(in.s, in.len, &end);
		v = pp_str(in.s + at, end - at);
		v.flags = in.flags;
		v = pp_str_strip(rt, v, pp_none(), true, true);
		if (pp_rt_charge(rt, 1 + (int64_t)v.len / 64) < 0 ||
		    (v.len > 0 && pp_list_add(rt, l, v) < 0))
			return pp_error_value();
	}
	if (l->count == 0)
		return pp_ascii("", 0);
	return l->item[pp_rand_below(&rt->rand, l->count)];
}

/* ---- writing_style ---- */

static const struct {
	const char *style;
	const char *words; /* each between blanks */
} styles[] = { { "poetic",
		   " poet poets poetic poetry poem poems verse verses lyric "
		   "lyrics lyrical " },
	{ "narrative",
	    " story stories narrative narratives narrator tale "
	    "tales chronicle chronicles novelist storyteller " },
	{ "descriptive",
	    " describe describes described descriptive vivid "
	    "vividly detailed imagery " },
	{ "minimalist",
	    " minimal minimalist minimalism sparse concise brief "
	    "terse laconic " },
	{ "verbose",
	    " elaborate elaborately detailed extensive verbose "
	    "lengthy ornate " },
	{ "dramatic",
	    " drama dramas dramatic dramatist theatrical theatre "
	    "theater intense " } };

#define STYLES (sizeof styles / sizeof styles[0])

/* The word in lower case between blanks, if it is short ASCII. */
static bool
padded_word(const char *s, size_t len, char *out, size_t size)
{
	if (len + 3 > size)
		return false;
	out[0] = ' ';
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)s[i] >= 0x80)
			return false;
		out[i + 1] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) :
							  s[i];
	}
	out[len + 1] = ' ';
	out[len + 2] = '\0';
	return true;
}

/* The next run of word characters at or after *at; false at the end. */
static bool
find_word(struct pp_value s, size_t *at, size_t *end)
{
	size_t i = *at, next;

	for (; i < s.len; i = next) {
		next = i;
		if (pp_uc_word(pp_next_char(s.s, s.len, &next)))
			break;
	}
	*at = i;
	while (i < s.len) {
		next = i;
		if (!pp_uc_word(pp_next_char(s.s, s.len, &next)))
			break;
		i = next;
	}
	*end = i;
	return i > *at;
}

PP_FILTER(pp_f_writing_style)
{
	bool found[STYLES] = { false };
	size_t at = 0, end, start;
	char word[32];

	(void)arg;
	if (!need_text(rt, &in))
		return in;
	for (; find_word(in, &at, &end); at = end) {
		if (!padded_word(in.s + at, end - at, word, sizeof word))
			continue;
		for (size_t i = 0; i < STYLES; i++)
			found[i] = found[i] ||
			    strstr(styles[i].words, word) != NULL;
	}
	start = pp_text_begin(rt);
	for (size_t i = 0; i < STYLES; i++) {
		if (!found[i])
			continue;
		if (rt->out.len > start)
			pp_buf_adds(&rt->out, ", ");
		pp_buf_adds(&rt->out, styles[i].style);
	}
	if (rt->out.len == start)
		pp_buf_adds(&rt->out, "general");
	return pp_text_end(rt, start);
}

/* ---- truncate_tokens ---- */

#define CHARS_PER_TOKEN 4

PP_FILTER(pp_f_truncate_tokens)
{
	struct pp_value parts[2];
	int64_t n, room;
	size_t cut = 0, space;

	if (pp_need_int(rt, arg[0], &n) < 0 || !need_text(rt, &in))
		return pp_error_value();
	if (n < 0)
		return pp_runtime_error(rt,
		    "truncate_tokens() needs 0 or more, got %lld",
		    (long long)n);
	room = n > (int64_t)UINT32_MAX ? (int64_t)UINT32_MAX :
					 n * CHARS_PER_TOKEN;
	if (pp_length(in) <= room)
		return in;
	if (n == 0)
		return pp_ascii("", 0);
	room--; /* the ellipsis is a character too */
	for (int64_t i = 0; i < room; i++)
		pp_next_char(in.s, in.len, &cut);
	/* Back to the end of a word, unless that leaves nothing. */
	for (space = cut; space > 0; space = pp_char_before(in.s, space)) {
		size_t next = space;

		if (space < in.len &&
		    (pp_uc(pp_next_char(in.s, in.len, &next)) & PP_UC_SPACE))
			break;
	}
	parts[0] = pp_str(in.s, space > 0 ? space : cut);
	parts[0] = pp_str_strip(rt, parts[0], pp_none(), false, true);
	parts[1] = pp_str("\xe2\x80\xa6", 3);
	return pp_concat(rt, parts, 2);
}

/* ---- extract_keywords ---- */

static const char stop_words[] =
    " about above after again against also although among another because "
    "been before being below between both cannot could does doing down "
    "during each even every from further have having here hers herself him "
    "himself however into itself just like made many might more most much "
    "must myself never only other ours ourselves over same shall should "
    "since some such than that their theirs them themselves then there "
    "these they this those though through thus under until upon very was "
    "were what when where whether which while whom whose will with within "
    "without would your yours yourself yourselves ";

struct keyword {
	struct pp_value word;
	int64_t count;
	uint32_t first;
};

static int
by_count(const void *a, const void *b)
{
	const struct keyword *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static int
count_words(struct pp_rt *rt, struct pp_value in, struct pp_dict *seen)
{
	size_t at = 0, end;
	uint32_t hash;
	char word[32];

	for (; find_word(in, &at, &end); at = end) {
		struct pp_value w = pp_str(in.s + at, end - at), *n;

		if (pp_rt_charge(rt, 1) < 0)
			return -1;
		if (pp_length(w) < 4 ||
		    (padded_word(w.s, w.len, word, sizeof word) &&
			strstr(stop_words, word) != NULL))
			continue;
		if (pp_hash(rt, w, &hash) < 0)
			return -1;
		n = pp_dict_find(seen, w, hash);
		if (n != NULL)
			n->i++;
		else if (pp_dict_put(rt, seen, w, pp_int(1)) < 0)
			return -1;
	}
	return 0;
}

PP_FILTER(pp_f_extract_keywords)
{
	struct pp_dict *seen = pp_dict_new(rt, 16);
	struct keyword *k;
	struct pp_list *l;
	int64_t n = 5;

	if (seen == NULL ||
	    (!pp_is_missing(arg[0]) && pp_need_int(rt, arg[0], &n) < 0) ||
	    !need_text(rt, &in))
		return pp_error_value();
	in.flags &= (uint8_t)~PP_F_MARKUP;
	in = pp_str_lower(rt, in);
	if (pp_is_error(in) || count_words(rt, in, seen) < 0)
		return pp_error_value();
	k = pp_rt_alloc(rt, (seen->count + 1) * sizeof *k);
	l = pp_list_new(rt, 8);
	if (k == NULL || l == NULL)
		return pp_error_value();
	for (uint32_t i = 0; i < seen->count; i++)
		k[i] = (struct keyword){ seen->entry[i].key,
			seen->entry[i].value.i, i };
	qsort(k, seen->count, sizeof *k, by_count);
	for (uint32_t i = 0; i < seen->count && i < n; i++) {
		if (pp_list_add(rt, l, k[i].word) < 0)
			return pp_error_value();
	}
	return pp_ref(PP_T_LIST, l);
}
