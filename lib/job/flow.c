#include <config.h>

#include "job/flow.h"

#include <math.h>
#include <string.h>

#define DECREASE 0.75
#define FAILURES_OF_A_DOWN_SERVICE 5
#define FIRST_PAUSE_US INT64_C(500000)
#define LONGEST_PAUSE_US INT64_C(30000000)
/* A bucket holds what fills it in this time, so bursts stay short. */
#define BUCKET_SECONDS 1.0
#define US_PER_MINUTE 60e6

void
pp_flow_init(struct pp_flow *f, int max_in_flight, int64_t rpm, int64_t tpm,
    int64_t now_us)
{
	memset(f, 0, sizeof *f);
	f->max_in_flight = max_in_flight;
	f->limit = max_in_flight;
	f->requests_per_us = (double)rpm / US_PER_MINUTE;
	f->requests_max = fmax(1, f->requests_per_us * 1e6 * BUCKET_SECONDS);
	f->tokens_per_us = (double)tpm / US_PER_MINUTE;
	f->tokens_max = f->tokens_per_us * 1e6 * BUCKET_SECONDS;
	f->requests = f->requests_max;
	f->tokens = f->tokens_max;
	f->filled_us = now_us;
	pp_rand_seed_any(&f->rand);
}

static void
fill_buckets(struct pp_flow *f, int64_t now_us)
{
	double passed = (double)(now_us - f->filled_us);

	f->filled_us = now_us;
	f->requests = fmin(f->requests_max,
	    f->requests + passed * f->requests_per_us);
	f->tokens = fmin(f->tokens_max, f->tokens + passed * f->tokens_per_us);
}

/*
 * A call larger than the bucket would never fit; it goes when the bucket is
 * full and leaves a debt.
 */
static int64_t
bucket_wait_us(double level, double per_us, double max, double need)
{
	double missing = fmin(need, max) - level;

	if (per_us <= 0 || missing <= 0)
		return 0;
	return (int64_t)(missing / per_us) + 1;
}

int64_t
pp_flow_wait_us(struct pp_flow *f, int64_t tokens, int64_t now_us)
{
	int64_t for_requests, for_tokens;
	int allowed = pp_flow_is_down(f) ? 1 : (int)f->limit;

	if (f->in_flight >= allowed)
		return -1;
	if (now_us < f->paused_until_us)
		return f->paused_until_us - now_us;
	fill_buckets(f, now_us);
	for_requests = bucket_wait_us(f->requests, f->requests_per_us,
	    f->requests_max, 1);
	for_tokens = bucket_wait_us(f->tokens, f->tokens_per_us, f->tokens_max,
	    (double)tokens);
	return for_requests > for_tokens ? for_requests : for_tokens;
}

int
pp_flow_sent(struct pp_flow *f, int64_t tokens)
{
	f->in_flight++;
	if (f->requests_per_us > 0)
		f->requests -= 1;
	if (f->tokens_per_us > 0)
		f->tokens -= (double)tokens;
	return (int)f->limit;
}

/* Full jitter between a half and the whole. */
static int64_t
pause_us(struct pp_flow *f, int in_a_row)
{
	int64_t us = FIRST_PAUSE_US;

	for (int i = 1; i < in_a_row && us < LONGEST_PAUSE_US; i++)
		us *= 2;
	if (us > LONGEST_PAUSE_US)
		us = LONGEST_PAUSE_US;
	return us / 2 + (int64_t)pp_rand_below(&f->rand, (uint64_t)us / 2);
}

static void
pause_until(struct pp_flow *f, int64_t until_us)
{
	if (until_us > f->paused_until_us)
		f->paused_until_us = until_us;
}

static void
note_success(struct pp_flow *f)
{
	f->ever_ok = true;
	f->throttles = 0;
	f->failures = 0;
	f->trouble_since_us = 0;
	f->successes += 1;
	if (f->successes >= f->limit) {
		f->successes = 0;
		if (f->limit < f->max_in_flight)
			f->limit += 1;
	}
}

static void
note_throttle(struct pp_flow *f, int stamp, int64_t retry_after_ms,
    int64_t now_us)
{
	if (stamp <= (int)f->limit) {
		f->limit = fmax(1, f->limit * DECREASE);
		f->successes = 0;
		f->throttles++;
	}
	if (retry_after_ms >= 0)
		pause_until(f, now_us + retry_after_ms * 1000);
	else
		pause_until(f, now_us + pause_us(f, f->throttles));
}

void
pp_flow_ended(struct pp_flow *f, enum pp_call_class class, int stamp,
    int64_t tokens, int64_t used_tokens, int64_t retry_after_ms, int64_t now_us)
{
	f->in_flight--;
	if (f->tokens_per_us > 0 && used_tokens < tokens)
		f->tokens += (double)(tokens - used_tokens);
	switch (class) {
	case PP_CALL_OK:
	case PP_CALL_REFUSED:
	case PP_CALL_REJECTED:
		/* the service is there, whatever it thinks of the row */
		note_success(f);
		return;
	case PP_CALL_CANCELLED: return;
	case PP_CALL_THROTTLE:
		note_throttle(f, stamp, retry_after_ms, now_us);
		break;
	default:
		f->failures++;
		if (retry_after_ms >= 0)
			pause_until(f, now_us + retry_after_ms * 1000);
		else if (pp_flow_is_down(f))
			pause_until(f, now_us + pause_us(f, f->failures));
		break;
	}
	f->trouble = class;
	if (f->trouble_since_us == 0)
		f->trouble_since_us = now_us;
}

bool
pp_flow_is_down(const struct pp_flow *f)
{
	return f->failures > 0 &&
	    (!f->ever_ok || f->failures >= FAILURES_OF_A_DOWN_SERVICE);
}

enum pp_flow_verdict
pp_flow_verdict(const struct pp_flow *f, int64_t deadline_us, int64_t now_us)
{
	if (f->trouble_since_us == 0 ||
	    now_us - f->trouble_since_us < deadline_us)
		return PP_FLOW_GO_ON;
	return f->trouble == PP_CALL_THROTTLE ? PP_FLOW_THROTTLED :
						PP_FLOW_DOWN;
}
