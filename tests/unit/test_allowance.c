/* What servers say of their limits, and times as they write them. */
#include <config.h>

#include "test.h"

#include "model/allowance.h"

/* 2026-11-20T12:00:00Z */
#define NOW INT64_C(1795176000000)

static void
times_are_read_as_servers_write_them(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{ "1s", 1000 },
		{ "6m0s", 360000 },
		{ "88ms", 88 },
		{ "2m59.56s", 179560 },
		{ "1h2m3s", 3723000 },
		{ "1d", 86400000 },
		{ "9d", 86400000 },
		{ "500us", 1 },
		{ "17", 17000 },
		{ "0.25", 250 },
		{ "0", 0 },
		{ "2026-11-20T12:00:30Z", 30000 },
		{ "2026-11-20T12:00:00.250Z", 250 },
		{ "2026-11-20T13:00:30+01:00", 30000 },
		{ "2026-11-20T11:00:00Z", 0 },
		{ "", -1 },
		{ "s", -1 },
		{ "-1s", -1 },
		{ "6m0", -1 },
		{ "6x", -1 },
		{ "soon", -1 },
		{ "2026-13-20T12:00:30Z", -1 },
		{ "1e999s", 86400000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t ms = pp_allowance_parse_time(rows[i].text, NOW);

		if (ms != rows[i].ms)
			fail_msg("'%s' is %lld ms, not %lld", rows[i].text,
			    (long long)ms, (long long)rows[i].ms);
	}
}

#define NONE \
	{ \
		-1, -1, -1 \
	}

static void
headers_tell_limits_and_what_is_left(void **state)
{
	static const struct {
		const char *name, *headers;
		bool any;
		struct pp_allowance told;
	} rows[] = {
		{ "nothing", "HTTP/1.1 200 OK\r\nDate: now\r\n\r\n", false,
		    { NONE, NONE } },
		{ "OpenAI's",
		    "HTTP/2 200\r\n"
		    "x-ratelimit-limit-requests: 60\r\n"
		    "x-ratelimit-limit-tokens: 150000\r\n"
		    "x-ratelimit-remaining-requests: 59\r\n"
		    "x-ratelimit-remaining-tokens: 149984\r\n"
		    "x-ratelimit-reset-requests: 1s\r\n"
		    "x-ratelimit-reset-tokens: 6m0s\r\n\r\n",
		    true, { { 60, 59, 1000 }, { 150000, 149984, 360000 } } },
		{ "Anthropic's",
		    "HTTP/1.1 200 OK\n"
		    "Anthropic-RateLimit-Requests-Limit: 50\n"
		    "anthropic-ratelimit-requests-remaining:0 \n"
		    "anthropic-ratelimit-requests-reset: "
		    "2026-11-20T12:00:45Z\n"
		    "anthropic-ratelimit-tokens-limit: 40000\n",
		    true, { { 50, 0, 45000 }, { 40000, -1, -1 } } },
		{ "what makes no sense was not said",
		    "x-ratelimit-limit-requests: many\r\n"
		    "x-ratelimit-remaining-requests: -3\r\n"
		    "x-ratelimit-reset-requests:\r\n"
		    "x-ratelimit-limit-tokens: 9999999999999999999999\r\n",
		    false, { NONE, NONE } },
		{ "others of the same beginning", "x-ratelimit-policy: 1\r\n",
		    false, { NONE, NONE } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_allowance told;
		bool any = pp_allowance_read(rows[i].headers,
		    strlen(rows[i].headers), NOW, &told);

		if (any != rows[i].any ||
		    memcmp(&told, &rows[i].told, sizeof told) != 0)
			fail_msg("%s", rows[i].name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read_as_servers_write_them),
		cmocka_unit_test(headers_tell_limits_and_what_is_left),
	};

	return cmocka_run_group_tests_name("allowance", tests, NULL, NULL);
}
