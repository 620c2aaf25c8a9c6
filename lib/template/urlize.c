/* urlize: words that look like addresses become links. */
#include <config.h>

#include <stdlib.h>

#include "base/mem.h"
#include "template/filters.h"
#include "template/object.h"
#include "template/unicode.h"

struct text {
	const char *s;
	size_t len;
};

struct urlizer {
	struct pp_rt *rt;
	int64_t limit;		     /* of a link's text; -1: none */
	struct pp_value rel, target; /* attributes, or "" */
	struct pp_list *schemes;
};

static bool
starts(struct text t, const char *with)
{
	size_t n = strlen(with);

	return t.len >= n && memcmp(t.s, with, n) == 0;
}

static bool
starts_nocase(struct text t, const char *with)
{
	size_t n = strlen(with);

	return t.len >= n && strncasecmp(t.s, with, n) == 0;
}

static bool
ends(struct text t, const char *with)
{
	size_t n = strlen(with);

	return t.len >= n && memcmp(t.s + t.len - n, with, n) == 0;
}

static struct text
behind(struct text t, size_t n)
{
	return (struct text){ t.s + n, t.len - n };
}

/* ---- what is an address ---- */

/* [\w%-] */
static bool
is_label_char(uint32_t c)
{
	return c == '%' || c == '-' || pp_uc_word(c);
}

static size_t
label_len(struct text t)
{
	size_t at = 0;

	while (at < t.len) {
		size_t next = at;

		if (!is_label_char(pp_next_char(t.s, t.len, &next)))
			break;
		at = next;
	}
	return at;
}

static bool
is_tld(struct text t)
{
	size_t n = 0, chars = 0;

	while (n < t.len && ((t.s[n] | 0x20) >= 'a' && (t.s[n] | 0x20) <= 'z'))
		n++;
	if (n == t.len)
		return n >= 2 && n <= 63;
	if (!starts_nocase(t, "xn--"))
		return false;
	for (size_t at = 4; at < t.len; chars++) {
		uint32_t c = pp_next_char(t.s, t.len, &at);

		if (c != '%' && !pp_uc_word(c))
			return false;
	}
	return chars >= 2 && chars <= 59;
}

static bool
is_known_tld(struct text t)
{
	static const char *const known[] = { "com", "net", "int", "edu", "gov",
		"org", "info", "mil" };

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strlen(known[i]) == t.len && starts_nocase(t, known[i]))
			return true;
	}
	return false;
}

/* label.label.tld; without a scheme a label has 2 to 63 and a known end. */
static bool
is_domain(struct text t, bool strict)
{
	size_t n, labels = 0;

	for (;;) {
		n = label_len(t);
		if (n == t.len)
			return strict ? labels > 0 && is_known_tld(t) :
					is_tld(t);
		if (t.s[n] != '.' || n == 0 || (strict && (n < 2 || n > 63)))
			return false;
		t = behind(t, n + 1);
		labels++;
	}
}

static bool
is_ipv4(struct text t)
{
	for (int i = 0; i < 4; i++) {
		size_t n = 0;

		while (n < t.len && t.s[n] >= '0' && t.s[n] <= '9')
			n++;
		if (n < 1 || n > 3 || (i < 3 && (n >= t.len || t.s[n] != '.')))
			return false;
		t = behind(t, i < 3 ? n + 1 : n);
	}
	return t.len == 0;
}

/* [....:....:...] roughly as the original's pattern has it. */
static bool
is_ipv6(struct text t)
{
	int colons = 0, run = 0;

	if (t.len < 4 || t.s[0] != '[' || t.s[t.len - 1] != ']')
		return false;
	for (size_t i = 1; i + 1 < t.len; i++) {
		char c = t.s[i];

		if (c == ':') {
			colons++;
			run = 0;
		} else if (strchr("0123456789abcdefABCDEF", c) == NULL ||
		    ++run > 4) {
			return false;
		}
	}
	return colons >= 2 && colons <= 8;
}

/* [:port][/?# anything] */
static bool
is_rest(struct text t)
{
	size_t n = 0;

	if (t.len > 0 && t.s[0] == ':') {
		for (n = 1; n < t.len && t.s[n] >= '0' && t.s[n] <= '9';)
			n++;
		if (n < 2 || n > 6)
			return false;
	}
	return n == t.len || t.s[n] == '/' || t.s[n] == '?' || t.s[n] == '#';
}

static bool
is_url(struct text t)
{
	size_t scheme = starts_nocase(t, "https://") ? 8 :
	    starts_nocase(t, "http://")		     ? 7 :
						       0,
	       n = 0;
	bool www = scheme == 0 && starts_nocase(t, "www.");
	struct text host = behind(t, www ? 4 : scheme);

	if (host.len > 0 && host.s[0] == '[') {
		const char *close = memchr(host.s, ']', host.len);

		n = close != NULL ? (size_t)(close - host.s) + 1 : 0;
		return scheme > 0 && n > 0 &&
		    is_ipv6((struct text){ host.s, n }) &&
		    is_rest(behind(host, n));
	}
	while (n < host.len && strchr(":/?#", host.s[n]) == NULL)
		n++;
	if (!is_rest(behind(host, n)))
		return false;
	host.len = n;
	if (scheme > 0 && is_ipv4(host))
		return true;
	return ((scheme > 0 || www) && is_domain(host, false)) ||
	    (scheme == 0 &&
		is_domain((struct text){ t.s, (size_t)(host.s - t.s) + n },
		    true));
}

static bool
is_email(struct text t)
{
	const char *at = t.len > 0 ? memrchr(t.s, '@', t.len) : NULL;
	const char *dot;
	struct text host;
	size_t i = 0;

	if (at == NULL || at == t.s)
		return false;
	host = behind(t, (size_t)(at + 1 - t.s));
	dot = host.len > 0 ? memrchr(host.s, '.', host.len) : NULL;
	if (dot == NULL || dot == host.s || dot + 1 == host.s + host.len ||
	    host.s[0] == '-' || host.s[0] == '.')
		return false;
	while (i < host.len) {
		const char *p = host.s + i;
		uint32_t c = pp_next_char(host.s, host.len, &i);

		if (!pp_uc_word(c) && !((c == '.' || c == '-') && p <= dot))
			return false;
	}
	return true;
}

/* ---- one word ---- */

static void
put(struct urlizer *u, struct text t)
{
	pp_buf_add(&u->rt->out, t.s, t.len);
}

static void
put_link(struct urlizer *u, const char *prefix, struct text href,
    struct text shown, bool trim, bool attributes)
{
	struct pp_buf *out = &u->rt->out;
	size_t at = 0;
	int64_t n = 0;

	pp_buf_addf(out, "<a href=\"%s", prefix);
	put(u, href);
	pp_buf_addc(out, '"');
	if (attributes) {
		pp_buf_add(out, u->rel.s, u->rel.len);
		pp_buf_add(out, u->target.s, u->target.len);
	}
	pp_buf_addc(out, '>');
	while (trim && u->limit >= 0 && n < u->limit && at < shown.len) {
		pp_next_char(shown.s, shown.len, &at);
		n++;
	}
	if (trim && u->limit >= 0 && at < shown.len) {
		pp_buf_add(out, shown.s, at);
		pp_buf_adds(out, "...");
	} else {
		put(u, shown);
	}
	pp_buf_adds(out, "</a>");
}

static size_t
count_of(struct text t, const char *what)
{
	size_t n = 0, w = strlen(what);

	for (size_t i = 0; i + w <= t.len; i++) {
		if (memcmp(t.s + i, what, w) == 0) {
			n++;
			i += w - 1;
		}
	}
	return n;
}

/* Brackets opened in the middle take their ends back from the tail. */
static void
balance(struct text *middle, struct text *tail)
{
	static const char *const pairs[][2] = { { "(", ")" }, { "<", ">" },
		{ "&lt;", "&gt;" } };

	for (int i = 0; i < 3; i++) {
		size_t open = count_of(*middle, pairs[i][0]);
		size_t n = strlen(pairs[i][1]), moves;

		if (open <= count_of(*middle, pairs[i][1]))
			continue;
		moves = count_of(*tail, pairs[i][1]);
		for (moves = open < moves ? open : moves; moves > 0; moves--) {
			const char *p = memmem(tail->s, tail->len, pairs[i][1],
			    n);
			size_t len = (size_t)(p - tail->s) + n;

			middle->len += len;
			*tail = behind(*tail, len);
		}
	}
}

static bool
put_scheme_link(struct urlizer *u, struct text t)
{
	for (uint32_t i = 0; u->schemes != NULL && i < u->schemes->count; i++) {
		struct pp_value v = u->schemes->item[i];

		if (t.len > v.len && memcmp(t.s, v.s, v.len) == 0) {
			put_link(u, "", t, t, false, true);
			return true;
		}
	}
	return false;
}

static void
put_middle(struct urlizer *u, struct text t)
{
	if (is_url(t)) {
		bool whole = starts(t, "https://") || starts(t, "http://");

		put_link(u, whole ? "" : "https://", t, t, true, true);
	} else if (starts(t, "mailto:") && is_email(behind(t, 7))) {
		put_link(u, "", t, behind(t, 7), false, false);
	} else if (t.len > 0 && memchr(t.s, '@', t.len) != NULL &&
	    !starts(t, "www.") && t.s[0] != '@' &&
	    memchr(t.s, ':', t.len) == NULL && is_email(t)) {
		put_link(u, "mailto:", t, t, false, false);
	} else if (!put_scheme_link(u, t)) {
		put(u, t);
	}
}

static void
put_word(struct urlizer *u, struct text word)
{
	struct text middle = word, tail;
	size_t n = 0;

	for (;;) {
		if (n < word.len && (word.s[n] == '(' || word.s[n] == '<'))
			n++;
		else if (starts(behind(word, n), "&lt;"))
			n += 4;
		else
			break;
	}
	put(u, (struct text){ word.s, n });
	middle = behind(word, n);
	tail = behind(middle, middle.len);
	for (;;) {
		if (ends(middle, ")") || ends(middle, ">") ||
		    ends(middle, ".") || ends(middle, ","))
			n = 1;
		else if (ends(middle, "&gt;"))
			n = 4;
		else
			break;
		middle.len -= n;
		tail.s -= n;
		tail.len += n;
	}
	balance(&middle, &tail);
	put_middle(u, middle);
	put(u, tail);
}

/* ---- the filter ---- */

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ' rel="a b"': words of rel, nofollow and noopener, sorted, once each. */
static struct pp_value
rel_attribute(struct pp_rt *rt, struct pp_value rel, bool nofollow)
{
	char *words[64], *copy, *save = NULL;
	size_t n = 0, start;

	if (!pp_is_absent(rel) && !pp_is_str(rel))
		return pp_type_error(rt, "rel must be text");
	copy = pp_strndup(pp_is_str(rel) ? rel.s : "",
	    pp_is_str(rel) ? rel.len : 0);
	for (char *w = strtok_r(copy, " \t\r\n\f\v", &save);
	     w != NULL && n < 60; w = strtok_r(NULL, " \t\r\n\f\v", &save))
		words[n++] = w;
	words[n++] = (char *)(uintptr_t) "noopener";
	if (nofollow)
		words[n++] = (char *)(uintptr_t) "nofollow";
	qsort(words, n, sizeof words[0], by_text);
	start = pp_text_begin(rt);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && strcmp(words[i], words[i - 1]) == 0)
			continue;
		pp_buf_adds(&rt->out, i > 0 ? " " : " rel=\"");
		pp_put_escaped(&rt->out, words[i], strlen(words[i]));
	}
	pp_buf_addc(&rt->out, '"');
	free(copy);
	return pp_text_end(rt, start);
}

static int
read_schemes(struct pp_rt *rt, struct pp_value v, struct pp_list **out)
{
	if (pp_is_absent(v))
		return 0;
	*out = pp_to_list(rt, v);
	for (uint32_t i = 0; *out != NULL && i < (*out)->count; i++) {
		struct pp_value s = (*out)->item[i];
		const char *colon = pp_is_str(s) ? memchr(s.s, ':', s.len) :
						   NULL;
		struct text rest;

		if (colon == NULL || colon - s.s < 2)
			return pp_fail_int(rt, PP_K_RUNTIME,
			    "not a valid URI scheme prefix");
		rest = (struct text){ colon + 1,
			s.len - (size_t)(colon + 1 - s.s) };
		if (rest.len > 2 || (rest.len > 0 && rest.s[0] != '/') ||
		    (rest.len > 1 && rest.s[1] != '/'))
			return pp_fail_int(rt, PP_K_RUNTIME,
			    "'%.*s' is not a "
			    "valid URI scheme prefix",
			    (int)s.len, s.s);
	}
	return *out != NULL ? 0 : -1;
}

static struct pp_value
target_attribute(struct pp_rt *rt, struct pp_value v)
{
	if (pp_is_absent(v) || (pp_is_str(v) && v.len == 0))
		return pp_ascii("", 0);
	v = pp_escape(rt, v);
	return pp_is_error(v) ?
	    v :
	    pp_rt_strf(rt, " target=\"%.*s\"", (int)v.len, v.s);
}

PP_FILTER(pp_f_urlize)
{
	struct urlizer u = { .rt = rt, .limit = -1 };
	int nofollow = pp_is_missing(arg[1]) ? 0 : pp_truth(rt, arg[1]);
	size_t start, at = 0;
	int rc = 0;

	if (nofollow < 0 ||
	    (!pp_is_absent(arg[0]) && pp_need_int(rt, arg[0], &u.limit) < 0) ||
	    read_schemes(rt, arg[4], &u.schemes) < 0)
		return pp_error_value();
	u.rel = rel_attribute(rt, arg[3], nofollow > 0);
	u.target = target_attribute(rt, arg[2]);
	in = pp_escape(rt, in);
	if (pp_is_error(in) || pp_is_error(u.rel) || pp_is_error(u.target))
		return pp_error_value();
	start = pp_text_begin(rt);
	while (rc == 0 && at < in.len) {
		size_t from = at, next = at;
		bool space = (pp_uc(pp_next_char(in.s, in.len, &next)) &
				 PP_UC_SPACE) != 0;

		while (at < in.len) {
			next = at;
			if (((pp_uc(pp_next_char(in.s, in.len, &next)) &
				 PP_UC_SPACE) != 0) != space)
				break;
			at = next;
		}
		if (space)
			put(&u, (struct text){ in.s + from, at - from });
		else
			put_word(&u, (struct text){ in.s + from, at - from });
		rc = pp_rt_check_output(rt);
	}
	return pp_text_result(rt, start, rc, rt->autoescape);
}
