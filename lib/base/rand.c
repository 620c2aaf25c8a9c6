#include <config.h>

#include "base/rand.h"

#include <sys/random.h>

#include "base/clock.h"

static uint64_t
splitmix64(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t
pp_rand_mix(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t h = a;

	h = splitmix64(&h) ^ b;
	h = splitmix64(&h) ^ c;
	return splitmix64(&h);
}

void
pp_rand_seed(struct pp_rand *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix64(&seed);
}

static uint64_t
rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

uint64_t
pp_rand_next(struct pp_rand *r)
{
	uint64_t result = rotl(r->s[1] * 5, 7) * 9, t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = rotl(r->s[3], 45);
	return result;
}

/* Lemire's method: a multiplication instead of a division. */
uint64_t
pp_rand_below(struct pp_rand *r, uint64_t n)
{
	__uint128_t m = (__uint128_t)pp_rand_next(r) * n;
	uint64_t low = (uint64_t)m;

	if (low < n) {
		uint64_t threshold = -n % n;

		while (low < threshold) {
			m = (__uint128_t)pp_rand_next(r) * n;
			low = (uint64_t)m;
		}
	}
	return (uint64_t)(m >> 64);
}

double
pp_rand_double(struct pp_rand *r)
{
	return (double)(pp_rand_next(r) >> 11) * 0x1.0p-53;
}

void
pp_rand_seed_any(struct pp_rand *r)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
		seed = (uint64_t)pp_clock_boot_us();
	pp_rand_seed(r, seed);
}
