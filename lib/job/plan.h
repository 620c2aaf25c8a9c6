/*
 * Which seeds a row gets. Row r of a job is a function of the job's seed and r
 * alone, so resumed, sharded and repeated runs agree, in constant memory.
 */
#ifndef PP_JOB_PLAN_H
#define PP_JOB_PLAN_H

#include <stdint.h>

enum pp_order { PP_ORDER_SEQUENTIAL, PP_ORDER_SHUFFLED, PP_ORDER_RANDOM };

/* "sequential", "shuffled", "random". 0, or -1. */
int	pp_order_parse(const char *name, enum pp_order *out);
const char *pp_order_name(enum pp_order o);

/*
 * The index into a set of `count` seeds for row `row`. `set` is the number of
 * the set in the job: each is drawn on its own. Sequential and shuffled use
 * every seed once a pass; each pass of a shuffle is another permutation.
 */
int64_t	pp_plan_seed_index(uint64_t job_seed, enum pp_order order, int set,
	    int64_t count, int64_t row);

/* The number that seeds all chance of a row. */
uint64_t pp_plan_chance(uint64_t job_seed, int64_t row);

#define PP_ROW_ID_BYTES 33

/*
 * A row's id: 32 hex digits out of the job's seed and the row, so that two
 * runs of one job name their rows alike. Returns `out`.
 */
char	*pp_plan_row_id(uint64_t job_seed, int64_t row,
	    char out[PP_ROW_ID_BYTES]);

/* Rows [first, end) of a shard out of `shards`, of `rows` in all. */
void	pp_plan_slice(int64_t rows, int shards, int shard, int64_t *first,
	    int64_t *end);

#endif
