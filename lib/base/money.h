/*
 * Money is a whole number of nano-dollars in int64_t (`_nusd`): nine decimal
 * places, up to nine billion dollars. In files and on the command line it is
 * exact decimal text and never goes through a double.
 */
#ifndef PP_BASE_MONEY_H
#define PP_BASE_MONEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define PP_NUSD_PER_USD INT64_C(1000000000)
#define PP_MONEY_TEXT_BYTES 32

/*
 * US dollars, "0.5", "12", ".000000001", at most nine decimal places, no sign,
 * no exponent. `what` names it in errors. 0, or -1 with PP_EUSAGE.
 */
int	pp_money_parse(const char *s, const char *what, int64_t *nusd,
	    struct pp_error *err);

/*
 * pp_money_parse() of a variable of the environment. Returns 1, or 0 when it
 * is unset or empty and `*nusd` is as it was, or -1 with PP_ECONFIG.
 */
int	pp_money_env(const char *name, int64_t *nusd, struct pp_error *err);

/* Exact, without zeros at the end: "0.5", "12", "0.000000001". */
char	*pp_money_format(int64_t nusd, char out[PP_MONEY_TEXT_BYTES]);

/* For people: "$0.5000", "$12.00"; rounded up to four decimal places. */
char	*pp_money_show(int64_t nusd, char out[PP_MONEY_TEXT_BYTES]);

/* a + b and a * b for money and counts, kept at INT64_MAX when too large. */
int64_t	pp_money_add(int64_t a, int64_t b);
int64_t	pp_money_mul(int64_t a, int64_t b);

/*
 * One kind of token and its price. pp_money_tokens() adds up `count` of them
 * and rounds up once: ceil(sum of tokens * price / 1,000,000), in
 * nano-dollars. Negative counts are taken as 0.
 */
struct pp_token_price {
	int64_t tokens;
	int64_t nusd_per_mtok;
};

int64_t	pp_money_tokens(const struct pp_token_price *parts, size_t count);

#endif
