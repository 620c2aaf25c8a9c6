/*
 * What a server's reply says of its limits and of what is left of them: the
 * headers x-ratelimit-* of OpenAI and its kin and anthropic-ratelimit-*.
 * Limits are those of a minute.
 */
#ifndef PP_MODEL_ALLOWANCE_H
#define PP_MODEL_ALLOWANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pp_allowance_part {
	int64_t limit;		/* a minute; -1: not said, here and below */
	int64_t left;		/* now */
	int64_t reset_ms;	/* until all of it is there again */
};

struct pp_allowance {
	struct pp_allowance_part requests, tokens;
};

/*
 * Read the raw block of headers. `wall_ms` is now, for resets that are dates.
 * Returns whether anything was said; what makes no sense was not said.
 */
bool	pp_allowance_read(const char *headers, size_t len, int64_t wall_ms,
	    struct pp_allowance *out);

/*
 * A time as servers write it: "6m0s", "88ms", "1.5" (seconds), or a date of
 * RFC 3339. Milliseconds from now, at least 0 and at most a day; -1: none.
 */
int64_t	pp_allowance_parse_time(const char *text, int64_t wall_ms);

#endif
