/*
 * Reproducible chance. A generator is seeded by what it stands for (a job's
 * seed, a row, a step), so the same row draws the same numbers in every run
 * and on every machine. xoshiro256** (Blackman and Vigna, 2018) seeded by
 * splitmix64; not for secrets.
 */
#ifndef PP_BASE_RAND_H
#define PP_BASE_RAND_H

#include <stdint.h>

struct pp_rand {
	uint64_t s[4];
};

/* One well-mixed number out of several: the seed of a row's step, say. */
uint64_t pp_rand_mix(uint64_t a, uint64_t b, uint64_t c);

void	pp_rand_seed(struct pp_rand *r, uint64_t seed);
uint64_t pp_rand_next(struct pp_rand *r);

/* Uniform from 0 to n - 1, without bias; n > 0. */
uint64_t pp_rand_below(struct pp_rand *r, uint64_t n);

/* Uniform in [0, 1). */
double	pp_rand_double(struct pp_rand *r);

/* A generator seeded by the kernel, for jitter and names. */
void	pp_rand_seed_any(struct pp_rand *r);

#endif
