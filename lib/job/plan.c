#include <config.h>

#include "job/plan.h"

#include <assert.h>
#include <string.h>

#include "base/rand.h"

static const char *const order_names[] = {
	[PP_ORDER_SEQUENTIAL] = "sequential",
	[PP_ORDER_SHUFFLED] = "shuffled",
	[PP_ORDER_RANDOM] = "random",
};

/* What a number out of the job's seed is for, so that no two are the same. */
enum purpose { FOR_ORDER = 1, FOR_CHANCE = 2, FOR_ID = 3 };

int
pp_order_parse(const char *name, enum pp_order *out)
{
	for (size_t i = 0; i < sizeof order_names / sizeof order_names[0];
	     i++) {
		if (strcmp(name, order_names[i]) == 0) {
			*out = (enum pp_order)i;
			return 0;
		}
	}
	return -1;
}

const char *
pp_order_name(enum pp_order o)
{
	return order_names[o];
}

/*
 * A permutation of [0, 2^(2 * half_bits)) without a table: four rounds of a
 * Feistel network (Luby and Rackoff, 1988).
 */
static uint64_t
feistel(uint64_t x, int half_bits, uint64_t key)
{
	uint64_t mask = (UINT64_C(1) << half_bits) - 1;
	uint64_t left = x >> half_bits, right = x & mask;

	for (uint64_t round = 0; round < 4; round++) {
		uint64_t t = left ^ (pp_rand_mix(key, round, right) & mask);

		left = right;
		right = t;
	}
	return left << half_bits | right;
}

/*
 * Position `i` of a permutation of [0, n): the network's domain is the next
 * power of four, at most four times n, so walking on until the value falls
 * below n ("cycle walking", Black and Rogaway, 2002) takes few steps.
 */
static uint64_t
permute(uint64_t i, uint64_t n, uint64_t key)
{
	int half_bits = 1;

	while (half_bits < 31 && UINT64_C(1) << (2 * half_bits) < n)
		half_bits++;
	do
		i = feistel(i, half_bits, key);
	while (i >= n);
	return i;
}

int64_t
pp_plan_seed_index(uint64_t job_seed, enum pp_order order, int set,
    int64_t count, int64_t row)
{
	uint64_t key = pp_rand_mix(job_seed, FOR_ORDER, (uint64_t)set);
	struct pp_rand rand;

	assert(count > 0 && row >= 0);
	switch (order) {
	case PP_ORDER_SEQUENTIAL: return row % count;
	case PP_ORDER_SHUFFLED:
		key = pp_rand_mix(key, (uint64_t)(row / count), 0);
		return (int64_t)permute((uint64_t)(row % count),
		    (uint64_t)count, key);
	case PP_ORDER_RANDOM:
		pp_rand_seed(&rand, pp_rand_mix(key, (uint64_t)row, 1));
		return (int64_t)pp_rand_below(&rand, (uint64_t)count);
	}
	return 0;
}

uint64_t
pp_plan_chance(uint64_t job_seed, int64_t row)
{
	return pp_rand_mix(job_seed, FOR_CHANCE, (uint64_t)row);
}

/* Sixteen digits. */
static void
put_hex(char *out, uint64_t v)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 15; i >= 0; i--, v >>= 4)
		out[i] = digits[v & 15];
}

char *
pp_plan_row_id(uint64_t job_seed, int64_t row, char out[PP_ROW_ID_BYTES])
{
	uint64_t high = pp_rand_mix(job_seed, FOR_ID, (uint64_t)row);
	uint64_t low = pp_rand_mix(high, job_seed, (uint64_t)row);

	put_hex(out, high);
	put_hex(out + 16, low);
	out[32] = '\0';
	return out;
}

void
pp_plan_slice(int64_t rows, int shards, int shard, int64_t *first, int64_t *end)
{
	int64_t each = rows / shards, rest = rows % shards;

	*first = each * shard + (shard < rest ? shard : rest);
	*end = *first + each + (shard < rest);
}
