/* The bounds of a render by their names. */
#include <config.h>

#include "template/render_limits.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "template/number.h"
#include "template/template.h"

static const struct limit {
	const char *name;
	size_t offset; /* in struct pp_limits */
	int64_t max;
	bool is_size;
} limits[] = {
	{ "steps", offsetof(struct pp_limits, max_steps), INT64_MAX / 2,
	    false },
	{ "output", offsetof(struct pp_limits, max_output_bytes),
	    INT64_C(1) << 31, true },
	{ "memory", offsetof(struct pp_limits, max_memory_bytes),
	    INT64_C(1) << 36, true },
	{ "calls", offsetof(struct pp_limits, max_depth), 2000, false },
	{ "nesting", offsetof(struct pp_limits, max_value_depth), 1000, false },
	{ "syntax", offsetof(struct pp_limits, max_syntax_depth), 400, false },
	{ "range", offsetof(struct pp_limits, max_range), INT32_MAX, false },
	{ "string", offsetof(struct pp_limits, max_string_bytes),
	    INT64_C(1) << 31, true },
	{ "digits", offsetof(struct pp_limits, max_int_digits), 1000000,
	    false },
};

#define LIMITS (sizeof limits / sizeof limits[0])

static int
unknown(const char *name, struct pp_error *err)
{
	char all[160];
	size_t len = 0;

	for (size_t i = 0; i < LIMITS; i++)
		len += (size_t)snprintf(all + len, sizeof all - len, "%s%s",
		    i > 0 ? ", " : "", limits[i].name);
	return pp_error_set(err, PP_EUSAGE,
	    "there is no limit '%s': it is one of %s", name, all);
}

int
pp_limits_set(struct pp_limits *l, const char *text, struct pp_error *err)
{
	const char *equals = strchr(text, '=');
	char *name;
	int64_t n;
	int rc = -1;

	if (equals == NULL)
		return pp_error_set(err, PP_EUSAGE,
		    "a limit is NAME=N, not '%s'", text);
	name = pp_strndup(text, (size_t)(equals - text));
	for (size_t i = 0; i < LIMITS; i++) {
		if (strcmp(name, limits[i].name) != 0)
			continue;
		rc = limits[i].is_size ?
		    pp_parse_size(equals + 1, name, &n, err) :
		    pp_parse_int(equals + 1, name, 1, limits[i].max, &n, err);
		if (rc == 0 && (n < 1 || n > limits[i].max))
			rc = pp_error_set(err, PP_EUSAGE,
			    "the limit '%s' is from 1 to %lld", name,
			    (long long)limits[i].max);
		if (rc == 0)
			memcpy((char *)l + limits[i].offset, &n, sizeof n);
		free(name);
		return rc;
	}
	unknown(name, err);
	free(name);
	return -1;
}

struct pp_bounds
pp_limits_bounds(const struct pp_limits *l)
{
	return (struct pp_bounds){ .steps = l->max_steps,
		.output_bytes = l->max_output_bytes,
		.memory_bytes = l->max_memory_bytes,
		.depth = l->max_depth,
		.value_depth = l->max_value_depth,
		.range = l->max_range,
		.string_bytes = l->max_string_bytes,
		.int_digits = l->max_int_digits };
}
