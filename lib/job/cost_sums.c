#include <config.h>

#include "job/cost_sums.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/money.h"

/* Jobs and cost rows that are read at a time. */
#define PAGE 100

static const char *const by_names[] = {
	[PP_COST_BY_DAY] = "day",
	[PP_COST_BY_MODEL] = "model",
	[PP_COST_BY_JOB] = "job",
};

int
pp_cost_by_parse(const char *name, enum pp_cost_by *out)
{
	for (size_t i = 0; i < sizeof by_names / sizeof by_names[0]; i++) {
		if (strcmp(name, by_names[i]) == 0) {
			*out = (enum pp_cost_by)i;
			return 0;
		}
	}
	return -1;
}

const char *
pp_cost_by_name(enum pp_cost_by by)
{
	return by_names[by];
}

void
pp_cost_sums_release(struct pp_cost_sums *sums)
{
	for (size_t i = 0; i < sums->count; i++)
		free(sums->list[i].key);
	free(sums->list);
	memset(sums, 0, sizeof *sums);
}

static struct pp_cost_sum *
sum_of(struct pp_cost_sums *sums, const char *key)
{
	size_t low = 0, high = sums->count;
	struct pp_cost_sum *at;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(sums->list[middle].key, key);

		if (order == 0)
			return &sums->list[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	sums->list = pp_grow(sums->list, sums->count, &sums->cap,
	    sizeof *sums->list);
	at = &sums->list[low];
	memmove(at + 1, at, (sums->count++ - low) * sizeof *at);
	*at = (struct pp_cost_sum){ .key = pp_strdup(key) };
	return at;
}

static void
add_cost(struct pp_cost_sums *sums, enum pp_cost_by by, const struct pp_cost *c)
{
	char day[] = "0000-00-00";
	struct pp_cost_sum *to;

	strncpy(day, c->timestamp, sizeof day - 1);
	to = sum_of(sums,
	    by == PP_COST_BY_DAY       ? day :
		by == PP_COST_BY_MODEL ? c->model_id :
					 c->job_id);
	to->tokens_in = pp_money_add(to->tokens_in, c->tokens_in);
	to->tokens_out = pp_money_add(to->tokens_out, c->tokens_out);
	to->cost_nusd = pp_money_add(to->cost_nusd, c->cost_nusd);
}

/* A timestamp begins with its time, so the time alone sorts before it. */
static int
add_job(struct pp_store *s, const char *job_id, enum pp_cost_by by,
    const char *since, struct pp_cost_sums *sums, struct pp_error *err)
{
	struct pp_cost costs[PAGE];
	char after[sizeof costs[0].timestamp] = "";
	int n;

	strncpy(after, since, sizeof after - 1);
	do {
		n = pp_store_cost_list(s, job_id,
		    after[0] != '\0' ? after : NULL, costs, PAGE, err);
		for (int i = 0; i < n; i++) {
			add_cost(sums, by, &costs[i]);
			memcpy(after, costs[i].timestamp, sizeof after);
			pp_cost_release(&costs[i]);
		}
	} while (n == PAGE);
	return n < 0 ? -1 : 0;
}

int
pp_cost_sums_collect(struct pp_store *s, const char *user_id,
    enum pp_cost_by by, int64_t since_ms, struct pp_cost_sums *out,
    struct pp_error *err)
{
	struct pp_job_filter filter = { .user_id = user_id, .status = -1 };
	char since[PP_TIME_TEXT_BYTES] = "", before[PP_ID_BYTES];
	struct pp_job jobs[PAGE];
	int n, rc = 0;

	if (since_ms > 0)
		pp_time_format(since_ms, since);
	do {
		n = pp_store_job_list(s, &filter, jobs, PAGE, err);
		for (int i = 0; i < n; i++) {
			if (rc == 0)
				rc = add_job(s, jobs[i].job_id, by, since, out,
				    err);
			memcpy(before, jobs[i].job_id, sizeof before);
			pp_job_release(&jobs[i]);
		}
		filter.before_id = before;
	} while (rc == 0 && n == PAGE);
	return n < 0 ? -1 : rc;
}
