#include <config.h>

#include "model/allowance.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/str.h"

#define LONGEST_MS INT64_C(86400000)
#define MAX_COUNT INT64_C(1000000000000)

enum { LIMIT, LEFT, RESET };

static const struct {
	const char *name;
	bool tokens;
	int what;
} known[] = {
	{ "x-ratelimit-limit-requests", false, LIMIT },
	{ "x-ratelimit-remaining-requests", false, LEFT },
	{ "x-ratelimit-reset-requests", false, RESET },
	{ "x-ratelimit-limit-tokens", true, LIMIT },
	{ "x-ratelimit-remaining-tokens", true, LEFT },
	{ "x-ratelimit-reset-tokens", true, RESET },
	{ "anthropic-ratelimit-requests-limit", false, LIMIT },
	{ "anthropic-ratelimit-requests-remaining", false, LEFT },
	{ "anthropic-ratelimit-requests-reset", false, RESET },
	{ "anthropic-ratelimit-tokens-limit", true, LIMIT },
	{ "anthropic-ratelimit-tokens-remaining", true, LEFT },
	{ "anthropic-ratelimit-tokens-reset", true, RESET },
};

static const char *const prefixes[] = { "x-ratelimit-",
	"anthropic-ratelimit-" };

/* ---- times ---- */

/* The unit after a number, and how long it is. Returns its end, or NULL. */
static const char *
read_unit(const char *p, double *ms)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = { { "ms", 1 }, { "us", 0.001 }, { "ns", 0.000001 },
		{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 },
		{ "s", 1000 } };

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(p, units[i].name, n) == 0) {
			*ms = units[i].ms;
			return p + n;
		}
	}
	return NULL;
}

static int64_t
bounded(double ms)
{
	if (!(ms > 0))
		return 0;
	return ms < (double)LONGEST_MS ? (int64_t)(ms + 0.999) : LONGEST_MS;
}

/* "1h2m3.5s", or seconds alone. -1: it is neither. */
static int64_t
parse_span(const char *text)
{
	double sum = 0, n, unit;
	const char *p = text;
	char *end;

	do {
		if (*p < '0' || *p > '9')
			return -1;
		n = strtod(p, &end);
		if (*end == '\0' && p == text)
			return bounded(n * 1000);
		p = read_unit(end, &unit);
		if (p == NULL)
			return -1;
		sum += n * unit;
	} while (*p != '\0');
	return bounded(sum);
}

int64_t
pp_allowance_parse_time(const char *text, int64_t wall_ms)
{
	int64_t date;

	if (strlen(text) > 9 && text[4] == '-') {
		if (pp_time_parse(text, &date, NULL) < 0)
			return -1;
		return bounded((double)date - (double)wall_ms);
	}
	return parse_span(text);
}

/* ---- headers ---- */

static int64_t
parse_count(const char *text)
{
	int64_t n;

	return pp_parse_int(text, "it", 0, MAX_COUNT, &n, NULL) == 0 ? n : -1;
}

static bool
note(struct pp_allowance *out, size_t i, const char *value, int64_t wall_ms)
{
	struct pp_allowance_part *part = known[i].tokens ? &out->tokens :
							   &out->requests;
	int64_t v = known[i].what == RESET ?
	    pp_allowance_parse_time(value, wall_ms) :
	    parse_count(value);

	if (v < 0)
		return false;
	switch (known[i].what) {
	case LIMIT: part->limit = v; break;
	case LEFT: part->left = v; break;
	default: part->reset_ms = v; break;
	}
	return true;
}

static bool
read_line(struct pp_allowance *out, const char *line, size_t len,
    int64_t wall_ms)
{
	const char *colon = memchr(line, ':', len);
	const char *p, *end = line + len;
	size_t name_len, n;
	char value[64];

	if (colon == NULL)
		return false;
	name_len = (size_t)(colon - line);
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strlen(known[i].name) != name_len ||
		    strncasecmp(line, known[i].name, name_len) != 0)
			continue;
		for (p = colon + 1; p < end && (*p == ' ' || *p == '\t'); p++)
			;
		while (end > p && strchr(" \t\r", end[-1]) != NULL)
			end--;
		n = (size_t)(end - p);
		if (n == 0 || n >= sizeof value)
			return false;
		memcpy(value, p, n);
		value[n] = '\0';
		return note(out, i, value, wall_ms);
	}
	return false;
}

static bool
may_be_known(const char *line, size_t len)
{
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		size_t n = strlen(prefixes[i]);

		if (len > n && (line[0] | 0x20) == prefixes[i][0] &&
		    strncasecmp(line, prefixes[i], n) == 0)
			return true;
	}
	return false;
}

bool
pp_allowance_read(const char *headers, size_t len, int64_t wall_ms,
    struct pp_allowance *out)
{
	static const struct pp_allowance_part nothing = { -1, -1, -1 };
	const char *p = headers, *end = headers + len, *eol;
	bool any = false;

	out->requests = out->tokens = nothing;
	for (; p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (eol == NULL)
			eol = end;
		if (may_be_known(p, (size_t)(eol - p)))
			any |= read_line(out, p, (size_t)(eol - p), wall_ms);
	}
	return any;
}
