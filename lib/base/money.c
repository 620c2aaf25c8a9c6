#include <config.h>

#include "base/money.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

int
pp_money_parse(const char *s, const char *what, int64_t *nusd,
    struct pp_error *err)
{
	const char *p = s;
	int64_t v = 0, unit = PP_NUSD_PER_USD;
	int digits = 0;

	for (; *p >= '0' && *p <= '9'; p++, digits++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, *p - '0', &v))
			goto too_large;
	}
	if (__builtin_mul_overflow(v, PP_NUSD_PER_USD, &v))
		goto too_large;
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++, digits++) {
			unit /= 10;
			if (unit == 0 && *p != '0')
				return pp_error_set(err, PP_EUSAGE,
				    "%s has at most nine decimal places, "
				    "not '%s'",
				    what, s);
			if (__builtin_add_overflow(v, (*p - '0') * unit, &v))
				goto too_large;
		}
	}
	if (digits == 0 || *p != '\0')
		return pp_error_set(err, PP_EUSAGE,
		    "%s must be an amount in US dollars like 2.50, not '%s'",
		    what, s);
	*nusd = v;
	return 0;
too_large:
	return pp_error_set(err, PP_EUSAGE,
	    "%s must be less than 9223372036 US dollars, not '%s'", what, s);
}

int
pp_money_env(const char *name, int64_t *nusd, struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;
	const char *text = pp_env(name);

	if (text == NULL)
		return 0;
	if (pp_money_parse(text, name, nusd, &why) < 0)
		return pp_error_set(err, PP_ECONFIG, "%s", why.text);
	return 1;
}

char *
pp_money_format(int64_t nusd, char out[PP_MONEY_TEXT_BYTES])
{
	uint64_t v = nusd < 0 ? -(uint64_t)nusd : (uint64_t)nusd;
	size_t n;

	snprintf(out, PP_MONEY_TEXT_BYTES, "%s%llu.%09llu", nusd < 0 ? "-" : "",
	    (unsigned long long)(v / PP_NUSD_PER_USD),
	    (unsigned long long)(v % PP_NUSD_PER_USD));
	n = strlen(out);
	while (out[n - 1] == '0')
		n--;
	if (out[n - 1] == '.')
		n--;
	out[n] = '\0';
	return out;
}

char *
pp_money_show(int64_t nusd, char out[PP_MONEY_TEXT_BYTES])
{
	uint64_t v = nusd < 0 ? -(uint64_t)nusd : (uint64_t)nusd;

	v = v / 100000 + (v % 100000 != 0);
	snprintf(out, PP_MONEY_TEXT_BYTES, "%s$%llu.%04llu",
	    nusd < 0 ? "-" : "", (unsigned long long)(v / 10000),
	    (unsigned long long)(v % 10000));
	if (v % 100 == 0)
		out[strlen(out) - 2] = '\0';
	return out;
}

int64_t
pp_money_add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a > 0 ? INT64_MAX : INT64_MIN;
	return sum;
}

int64_t
pp_money_mul(int64_t a, int64_t b)
{
	int64_t product;

	if (__builtin_mul_overflow(a, b, &product))
		return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
	return product;
}

int64_t
pp_money_tokens(const struct pp_token_price *parts, size_t count)
{
	__int128 sum = 0;

	for (size_t i = 0; i < count; i++) {
		if (parts[i].tokens > 0)
			sum += (__int128)parts[i].tokens *
			    parts[i].nusd_per_mtok;
	}
	sum = (sum + 999999) / 1000000;
	return sum > INT64_MAX ? INT64_MAX : (int64_t)sum;
}
