#include <config.h>

#include "template/number.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "template/runtime.h"

#define BASE 1000000000u
#define BASE_DIGITS 9

/* ---- limbs ---- */

/* A view of any integer as limbs; small ones use `room`. */
struct limbs {
	const uint32_t *limb;
	uint32_t count;
	bool negative;
	uint32_t room[3];
};

static void
view(struct pp_value v, struct limbs *l)
{
	uint64_t u;

	if (v.type == PP_T_BIG) {
		l->limb = v.big->limb;
		l->count = v.big->count;
		l->negative = v.big->negative;
		return;
	}
	l->negative = v.i < 0;
	u = v.i < 0 ? -(uint64_t)v.i : (uint64_t)v.i;
	l->limb = l->room;
	l->count = 0;
	for (; u > 0; u /= BASE)
		l->room[l->count++] = (uint32_t)(u % BASE);
}

static struct pp_big *
new_big(struct pp_rt *rt, size_t limbs)
{
	struct pp_big *b;

	if (limbs > (size_t)rt->bounds.int_digits / BASE_DIGITS + 1) {
		pp_fail(rt, PP_K_LIMIT, "an integer has more than %lld digits",
		    (long long)rt->bounds.int_digits);
		return NULL;
	}
	b = pp_rt_alloc(rt, sizeof *b + limbs * sizeof b->limb[0]);
	if (b != NULL) {
		b->negative = false;
		b->count = (uint32_t)limbs;
	}
	return b;
}

/* Without leading zeros, and an int64_t if it fits. */
static struct pp_value
normal(struct pp_big *b)
{
	__uint128_t u = 0;

	while (b->count > 0 && b->limb[b->count - 1] == 0)
		b->count--;
	if (b->count > 3)
		return pp_ref(PP_T_BIG, b);
	for (uint32_t i = b->count; i-- > 0;)
		u = u * BASE + b->limb[i];
	if (u <= INT64_MAX)
		return pp_int(b->negative ? -(int64_t)u : (int64_t)u);
	if (b->negative && u == (__uint128_t)INT64_MAX + 1)
		return pp_int(INT64_MIN);
	return pp_ref(PP_T_BIG, b);
}

static int
compare_limbs(const struct limbs *a, const struct limbs *b)
{
	if (a->count != b->count)
		return a->count < b->count ? -1 : 1;
	for (uint32_t i = a->count; i-- > 0;) {
		if (a->limb[i] != b->limb[i])
			return a->limb[i] < b->limb[i] ? -1 : 1;
	}
	return 0;
}

static struct pp_big *
add_limbs(struct pp_rt *rt, const struct limbs *a, const struct limbs *b)
{
	uint32_t n = a->count > b->count ? a->count : b->count, carry = 0;
	struct pp_big *r = new_big(rt, (size_t)n + 1);

	if (r == NULL)
		return NULL;
	for (uint32_t i = 0; i <= n; i++) {
		uint32_t sum = carry + (i < a->count ? a->limb[i] : 0) +
		    (i < b->count ? b->limb[i] : 0);

		carry = sum >= BASE;
		r->limb[i] = carry ? sum - BASE : sum;
	}
	return r;
}

/* a >= b */
static struct pp_big *
sub_limbs(struct pp_rt *rt, const struct limbs *a, const struct limbs *b)
{
	struct pp_big *r = new_big(rt, a->count);
	int64_t borrow = 0;

	if (r == NULL)
		return NULL;
	for (uint32_t i = 0; i < a->count; i++) {
		int64_t d = (int64_t)a->limb[i] - borrow -
		    (i < b->count ? b->limb[i] : 0);

		borrow = d < 0;
		r->limb[i] = (uint32_t)(d < 0 ? d + BASE : d);
	}
	return r;
}

/* ---- sums ---- */

static struct pp_value
add_signed(struct pp_rt *rt, const struct limbs *a, const struct limbs *b)
{
	struct pp_big *r;

	if (a->negative == b->negative) {
		r = add_limbs(rt, a, b);
		if (r != NULL)
			r->negative = a->negative;
	} else if (compare_limbs(a, b) >= 0) {
		r = sub_limbs(rt, a, b);
		if (r != NULL)
			r->negative = a->negative;
	} else {
		r = sub_limbs(rt, b, a);
		if (r != NULL)
			r->negative = b->negative;
	}
	return r != NULL ? normal(r) : pp_error_value();
}

struct pp_value
pp_int_add(struct pp_rt *rt, struct pp_value a, struct pp_value b)
{
	struct limbs x, y;
	int64_t sum;

	if (a.type != PP_T_BIG && b.type != PP_T_BIG &&
	    !__builtin_add_overflow(a.i, b.i, &sum))
		return pp_int(sum);
	view(a, &x);
	view(b, &y);
	return add_signed(rt, &x, &y);
}

struct pp_value
pp_int_sub(struct pp_rt *rt, struct pp_value a, struct pp_value b)
{
	struct limbs x, y;
	int64_t d;

	if (a.type != PP_T_BIG && b.type != PP_T_BIG &&
	    !__builtin_sub_overflow(a.i, b.i, &d))
		return pp_int(d);
	view(a, &x);
	view(b, &y);
	y.negative = !y.negative;
	return add_signed(rt, &x, &y);
}

struct pp_value
pp_int_neg(struct pp_rt *rt, struct pp_value a)
{
	return pp_int_sub(rt, pp_int(0), a);
}

/* ---- products ---- */

struct pp_value
pp_int_mul(struct pp_rt *rt, struct pp_value a, struct pp_value b)
{
	struct limbs x, y;
	struct pp_big *r;
	int64_t product;

	if (a.type != PP_T_BIG && b.type != PP_T_BIG &&
	    !__builtin_mul_overflow(a.i, b.i, &product))
		return pp_int(product);
	view(a, &x);
	view(b, &y);
	r = new_big(rt, (size_t)x.count + y.count);
	if (r == NULL || pp_rt_charge(rt, (int64_t)x.count * y.count / 64) < 0)
		return pp_error_value();
	memset(r->limb, 0, r->count * sizeof r->limb[0]);
	for (uint32_t i = 0; i < x.count; i++) {
		uint64_t carry = 0;

		for (uint32_t j = 0; j < y.count || carry > 0; j++) {
			uint64_t t = r->limb[i + j] + carry;

			if (j < y.count)
				t += (uint64_t)x.limb[i] * y.limb[j];
			r->limb[i + j] = (uint32_t)(t % BASE);
			carry = t / BASE;
		}
	}
	r->negative = x.negative != y.negative;
	return normal(r);
}

struct pp_value
pp_int_pow(struct pp_rt *rt, struct pp_value a, struct pp_value b)
{
	struct pp_value result = pp_int(1);
	uint64_t e;

	if (b.type == PP_T_BIG) {
		if (a.type != PP_T_BIG && (a.i == 0 || a.i == 1))
			return pp_int(a.i);
		return pp_fail(rt, PP_K_LIMIT,
		    "an integer has more than %lld digits",
		    (long long)rt->bounds.int_digits);
	}
	for (e = (uint64_t)b.i; e > 0; e >>= 1) {
		if (e & 1)
			result = pp_int_mul(rt, result, a);
		if (pp_is_error(result))
			return result;
		if (e > 1)
			a = pp_int_mul(rt, a, a);
		if (pp_is_error(a))
			return a;
		if (a.type != PP_T_BIG && (a.i == 0 || a.i == 1))
			return e > 1 ? pp_int_mul(rt, result, a) : result;
	}
	return result;
}

/* ---- quotients ---- */

/* Magnitudes by one limb; `rest` gets the remainder. */
static struct pp_big *
div_small(struct pp_rt *rt, const struct limbs *a, uint32_t b, uint32_t *rest)
{
	struct pp_big *q = new_big(rt, a->count);
	uint64_t r = 0;

	if (q == NULL)
		return NULL;
	for (uint32_t i = a->count; i-- > 0;) {
		r = r * BASE + a->limb[i];
		q->limb[i] = (uint32_t)(r / b);
		r %= b;
	}
	*rest = (uint32_t)r;
	return q;
}

/* u -= v * q at limb j; whether it went below zero. */
static bool
mul_sub(uint32_t *u, const uint32_t *v, uint32_t n, uint64_t q)
{
	uint64_t carry = 0;
	int64_t borrow = 0;

	for (uint32_t i = 0; i <= n; i++) {
		uint64_t p = carry + (i < n ? q * v[i] : 0);
		int64_t d = (int64_t)u[i] - borrow - (int64_t)(p % BASE);

		carry = p / BASE;
		borrow = d < 0;
		u[i] = (uint32_t)(d < 0 ? d + BASE : d);
	}
	return borrow != 0;
}

static void
add_back(uint32_t *u, const uint32_t *v, uint32_t n)
{
	uint32_t carry = 0;

	for (uint32_t i = 0; i <= n; i++) {
		uint32_t t = u[i] + carry + (i < n ? v[i] : 0);

		carry = t >= BASE;
		u[i] = carry ? t - BASE : t;
	}
}

/* v = v * f, n limbs and one more. */
static void
scale(uint32_t *v, uint32_t n, uint32_t f)
{
	uint64_t carry = 0;

	for (uint32_t i = 0; i < n; i++) {
		carry += (uint64_t)v[i] * f;
		v[i] = (uint32_t)(carry % BASE);
		carry /= BASE;
	}
	v[n] = (uint32_t)carry;
}

/*
 * Long division of magnitudes (Knuth, volume 2, algorithm D); b has two limbs
 * or more and a is not shorter. The remainder is left in *rest.
 */
static struct pp_big *
div_long(struct pp_rt *rt, const struct limbs *a, const struct limbs *b,
    struct pp_big **rest)
{
	uint32_t n = b->count, m = a->count - n, f;
	struct pp_big *q = new_big(rt, (size_t)m + 1);
	struct pp_big *u = new_big(rt, (size_t)a->count + 1);
	struct pp_big *v = new_big(rt, (size_t)n + 1);
	uint32_t left;
	struct limbs l;

	assert(n >= 2 && a->count >= n);
	if (q == NULL || u == NULL || v == NULL ||
	    pp_rt_charge(rt, (int64_t)m * n / 64) < 0)
		return NULL;
	memcpy(u->limb, a->limb, a->count * sizeof u->limb[0]);
	memcpy(v->limb, b->limb, n * sizeof v->limb[0]);
	f = BASE / (b->limb[n - 1] + 1);
	scale(u->limb, a->count, f);
	scale(v->limb, n, f);
	for (uint32_t j = m + 1; j-- > 0;) {
		uint64_t top = (uint64_t)u->limb[j + n] * BASE +
		    u->limb[j + n - 1];
		uint64_t guess = top / v->limb[n - 1];
		uint64_t r = top % v->limb[n - 1];

		while (guess >= BASE ||
		    (r < BASE &&
			guess * v->limb[n - 2] >
			    r * BASE + u->limb[j + n - 2])) {
			guess--;
			r += v->limb[n - 1];
			if (r >= BASE)
				break;
		}
		if (mul_sub(u->limb + j, v->limb, n, guess)) {
			guess--;
			add_back(u->limb + j, v->limb, n);
		}
		q->limb[j] = (uint32_t)guess;
	}
	l = (struct limbs){ .limb = u->limb, .count = n };
	*rest = div_small(rt, &l, f, &left);
	return *rest != NULL ? q : NULL;
}

static struct pp_value
big_divmod(struct pp_rt *rt, struct pp_value a, struct pp_value b,
    struct pp_value *mod)
{
	struct pp_big *q, *r = NULL;
	struct pp_value quotient, rest;
	struct limbs x, y;
	uint32_t left = 0;

	view(a, &x);
	view(b, &y);
	if (compare_limbs(&x, &y) < 0) {
		quotient = pp_int(0);
		rest = a.type == PP_T_BOOL ? pp_int(a.i) : a;
	} else {
		if (y.count == 1) {
			q = div_small(rt, &x, y.limb[0], &left);
			rest = pp_int(x.negative ? -(int64_t)left : left);
		} else {
			q = div_long(rt, &x, &y, &r);
			if (q == NULL)
				return pp_error_value();
			r->negative = x.negative;
			rest = normal(r);
		}
		if (q == NULL)
			return pp_error_value();
		q->negative = x.negative != y.negative;
		quotient = normal(q);
	}
	if (pp_int_sign(rest) != 0 && x.negative != y.negative) {
		quotient = pp_int_sub(rt, quotient, pp_int(1));
		rest = pp_int_add(rt, rest, b);
	}
	if (mod != NULL)
		*mod = rest;
	return pp_is_error(rest) ? rest : quotient;
}

struct pp_value
pp_int_divmod(struct pp_rt *rt, struct pp_value a, struct pp_value b,
    struct pp_value *mod)
{
	int64_t q, r;

	if (a.type == PP_T_BIG || b.type == PP_T_BIG ||
	    (a.i == INT64_MIN && b.i == -1))
		return big_divmod(rt, a, b, mod);
	q = a.i / b.i;
	r = a.i % b.i;
	if (r != 0 && (r < 0) != (b.i < 0)) {
		q--;
		r += b.i;
	}
	if (mod != NULL)
		*mod = pp_int(r);
	return pp_int(q);
}

/* ---- comparison and conversion ---- */

int
pp_int_sign(struct pp_value a)
{
	if (a.type == PP_T_BIG)
		return a.big->negative ? -1 : 1;
	return a.i < 0 ? -1 : a.i > 0;
}

int
pp_int_compare(struct pp_value a, struct pp_value b)
{
	struct limbs x, y;
	int c;

	if (a.type != PP_T_BIG && b.type != PP_T_BIG)
		return a.i < b.i ? -1 : a.i > b.i;
	view(a, &x);
	view(b, &y);
	if (x.negative != y.negative)
		return x.negative ? -1 : 1;
	c = compare_limbs(&x, &y);
	return x.negative ? -c : c;
}

/* Through text, so that it is rounded once. */
double
pp_num_double(struct pp_value a)
{
	char text[40 * BASE_DIGITS];
	size_t len = 0;
	double d;

	if (a.type == PP_T_FLOAT)
		return a.f;
	if (a.type != PP_T_BIG)
		return (double)a.i;
	if (a.big->count > 36)
		return a.big->negative ? -INFINITY : INFINITY;
	for (uint32_t i = a.big->count; i-- > 0;)
		for (uint32_t p = BASE / 10; p > 0; p /= 10)
			text[len++] = (char)('0' + a.big->limb[i] / p % 10);
	text[len] = '\0';
	d = strtod(text, NULL);
	return a.big->negative ? -d : d;
}

#define DOUBLE_LIMBS (309 / BASE_DIGITS + 1)

/* The whole part of a finite double, exactly. */
static void
double_limbs(double f, struct limbs *l, uint32_t room[DOUBLE_LIMBS])
{
	char text[330];
	int end = snprintf(text, sizeof text, "%.0f", trunc(fabs(f))), from;

	l->negative = f < 0;
	l->limb = room;
	for (l->count = 0; end > 0; end = from) {
		from = end > BASE_DIGITS ? end - BASE_DIGITS : 0;
		room[l->count] = 0;
		for (int i = from; i < end; i++)
			room[l->count] = room[l->count] * 10 +
			    (uint32_t)(text[i] - '0');
		l->count++;
	}
}

/* A big integer, or a float beyond int64_t, against the other kind. */
static int
compare_far(struct pp_value i, double f)
{
	uint32_t room[DOUBLE_LIMBS];
	struct limbs a, b;
	int c;

	if (isinf(f))
		return f > 0 ? -1 : 1;
	view(i, &a);
	double_limbs(f, &b, room);
	if (a.negative != b.negative)
		return a.negative ? -1 : 1;
	c = compare_limbs(&a, &b);
	return a.negative ? -c : c;
}

/* An int against a float, exactly. */
static int
compare_mixed(struct pp_value i, double f)
{
	int64_t whole;

	if (isnan(f))
		return 2;
	if (i.type == PP_T_BIG || isinf(f) || fabs(f) >= 0x1p63)
		return compare_far(i, f);
	whole = (int64_t)f;
	if (i.i != whole)
		return i.i < whole ? -1 : 1;
	return f > (double)whole ? -1 : f < (double)whole;
}

int
pp_num_compare(struct pp_value a, struct pp_value b)
{
	int c;

	if (a.type != PP_T_FLOAT && b.type != PP_T_FLOAT)
		return pp_int_compare(a, b);
	if (a.type != PP_T_FLOAT)
		return compare_mixed(a, b.f);
	if (b.type != PP_T_FLOAT) {
		c = compare_mixed(b, a.f);
		return c == 2 ? 2 : -c;
	}
	if (isnan(a.f) || isnan(b.f))
		return 2;
	return a.f < b.f ? -1 : a.f > b.f;
}

struct pp_value
pp_int_from_double(struct pp_rt *rt, double f)
{
	char text[400];
	int len;

	f = trunc(f);
	if (fabs(f) < 0x1p63)
		return pp_int((int64_t)f);
	len = snprintf(text, sizeof text, "%.0f", fabs(f));
	return pp_int_from_digits(rt, text, (size_t)len, 10, f < 0);
}

/* Digits of any other base, by Horner's rule. */
static struct pp_value
from_base(struct pp_rt *rt, const char *digits, size_t len, int base)
{
	struct pp_value v = pp_int(0);

	for (size_t i = 0; i < len && !pp_is_error(v); i++) {
		int c = (unsigned char)digits[i];

		c = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
		v = pp_int_mul(rt, v, pp_int(base));
		if (!pp_is_error(v))
			v = pp_int_add(rt, v, pp_int(c));
	}
	return v;
}

struct pp_value
pp_int_from_digits(struct pp_rt *rt, const char *digits, size_t len, int base,
    bool negative)
{
	struct pp_big *b;
	struct pp_value v;
	size_t limbs = len / BASE_DIGITS + 1;

	if (len <= 18 && base == 10) {
		int64_t i = 0;

		for (size_t k = 0; k < len; k++)
			i = i * 10 + (digits[k] - '0');
		return pp_int(negative ? -i : i);
	}
	if (base != 10) {
		v = from_base(rt, digits, len, base);
		return negative && !pp_is_error(v) ? pp_int_neg(rt, v) : v;
	}
	b = new_big(rt, limbs);
	if (b == NULL)
		return pp_error_value();
	for (size_t i = 0; i < limbs; i++) {
		size_t end = len - i * BASE_DIGITS;
		size_t from = end > BASE_DIGITS ? end - BASE_DIGITS : 0;

		b->limb[i] = 0;
		for (size_t k = from; k < end; k++)
			b->limb[i] = b->limb[i] * 10 +
			    (uint32_t)(digits[k] - '0');
	}
	b->negative = negative;
	return normal(b);
}

/* ---- text ---- */

void
pp_put_int64(struct pp_buf *out, int64_t v)
{
	char text[24], *p = text + sizeof text;
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;

	do
		*--p = (char)('0' + u % 10);
	while ((u /= 10) > 0);
	if (v < 0)
		*--p = '-';
	pp_buf_add(out, p, (size_t)(text + sizeof text - p));
}

/* Base 10 of a big integer: the limbs as they are. */
static int
put_big(struct pp_rt *rt, struct pp_buf *out, const struct pp_big *b)
{
	size_t n = (size_t)(b->count - 1) * BASE_DIGITS;

	for (uint32_t top = b->limb[b->count - 1]; top > 0; top /= 10)
		n++;
	if (n > PP_MAX_INT_PRINT)
		return pp_fail_int(rt, PP_K_RUNTIME,
		    "Exceeds the limit (%d "
		    "digits) for integer string conversion",
		    PP_MAX_INT_PRINT);
	if (b->negative)
		pp_buf_addc(out, '-');
	pp_buf_addf(out, "%u", b->limb[b->count - 1]);
	for (uint32_t i = b->count - 1; i-- > 0;)
		pp_buf_addf(out, "%09u", b->limb[i]);
	return 0;
}

static void
reverse(char *s, size_t len)
{
	for (size_t i = 0; i < len / 2; i++) {
		char c = s[i];

		s[i] = s[len - 1 - i];
		s[len - 1 - i] = c;
	}
}

int
pp_int_put(struct pp_rt *rt, struct pp_buf *out, struct pp_value v, int base)
{
	struct pp_value rest = pp_int(0);
	size_t start;

	if (base == 10 && v.type != PP_T_BIG) {
		pp_put_int64(out, v.i);
		return 0;
	}
	if (base == 10)
		return put_big(rt, out, v.big);
	if (pp_int_sign(v) < 0) {
		pp_buf_addc(out, '-');
		v = pp_int_neg(rt, v);
	}
	start = out->len;
	do {
		if (pp_is_error(v))
			return -1;
		v = pp_int_divmod(rt, v, pp_int(base), &rest);
		pp_buf_addc(out, "0123456789abcdef"[rest.i & 15]);
	} while (!pp_is_error(v) && pp_int_sign(v) != 0);
	reverse(out->data + start, out->len - start);
	return pp_is_error(v) ? -1 : 0;
}
