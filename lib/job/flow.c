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
/* How fast a rate follows a server that allows more than before. */
#define RAISE 1.05
#define RAISE_US INT64_C(1000000)
/* Of the calls that are under way when a known rate is too much. */
#define LEAST_OF_CALLS 0.97
/*
 * In which time calls begin, all of them, and one; slower after a pause, when
 * it is known that there is a limit, and not which. A process that was stopped
 * for longer than a step does not make up for it.
 */
#define OPENING_US 100e3
#define OPENING_US_A_CALL 1e3
#define OPENING_STEP_US INT64_C(5000)
#define SLOWER_AGAIN 10
/* A rate that was measured: over how long, how many, and how it is tried. */
#define SHORTEST_MEASURE_US INT64_C(1000000)
#define FEWEST_MEASURED 40
#define LEAST_OF_RATE 0.7
#define TRY_MORE 1.01
/* How far the bucket stays below what the server's may hold by then. */
#define RESERVE 0.02

static void
set_rate(struct pp_flow_bucket *b, double per_us, double min)
{
	b->per_us = per_us;
	b->max = per_us > 0 ? fmax(min, per_us * 1e6 * BUCKET_SECONDS) :
			      INFINITY;
	b->level = fmin(b->level, b->max);
}

static void
init_bucket(struct pp_flow_bucket *b, int64_t per_minute, double min)
{
	b->most_per_us = (double)per_minute / US_PER_MINUTE;
	b->level = INFINITY;
	set_rate(b, b->most_per_us, min);
}

void
pp_flow_init(struct pp_flow *f, int max_in_flight, int64_t rpm, int64_t tpm,
    int64_t now_us)
{
	memset(f, 0, sizeof *f);
	f->max_in_flight = max_in_flight;
	f->limit = max_in_flight;
	f->open = 1;
	f->opened_us = now_us;
	init_bucket(&f->requests, rpm, 1);
	init_bucket(&f->tokens, tpm, 0);
	f->filled_us = now_us;
	pp_rand_seed_any(&f->rand);
}

static void
fill_buckets(struct pp_flow *f, int64_t now_us)
{
	struct pp_flow_bucket *const both[] = { &f->requests, &f->tokens };
	double passed = (double)(now_us - f->filled_us);

	f->filled_us = now_us;
	for (int i = 0; i < 2; i++)
		both[i]->level = fmin(both[i]->max,
		    both[i]->level + passed * both[i]->per_us);
}

/*
 * A call larger than the bucket would never fit; it goes when the bucket is
 * full and leaves a debt.
 */
static int64_t
bucket_wait_us(const struct pp_flow_bucket *b, double need)
{
	double missing = fmin(need, b->max) - b->level;

	if (b->per_us <= 0 || missing <= 0)
		return 0;
	return (int64_t)(missing / b->per_us) + 1;
}

static bool
is_rate_known(const struct pp_flow *f)
{
	return f->requests.told || f->measured_us > 0;
}

/*
 * At the beginning, and after a pause, calls go out one by one, so that the
 * first that is throttled comes back before all the others are under way.
 */
static int64_t
opening_wait_us(struct pp_flow *f, int64_t now_us)
{
	double a_call_us = fmin(OPENING_US / f->limit, OPENING_US_A_CALL);
	int64_t passed_us = now_us - f->opened_us;

	if (f->open >= f->max_in_flight)
		return 0;
	if (f->paused_until_us > 0 && !is_rate_known(f))
		a_call_us *= SLOWER_AGAIN;
	if (passed_us > 0) {
		f->opened_us = now_us;
		f->open += (double)(passed_us < OPENING_STEP_US ?
				   passed_us :
				   OPENING_STEP_US) /
		    a_call_us;
	}
	return f->in_flight < (int)f->open ?
	    0 :
	    (int64_t)((f->in_flight + 1 - f->open) * a_call_us) + 1;
}

int64_t
pp_flow_wait_us(struct pp_flow *f, int64_t tokens, int64_t now_us)
{
	int64_t for_requests, for_tokens, for_opening;
	int allowed = pp_flow_is_down(f) ? 1 : (int)f->limit;

	if (f->in_flight >= allowed)
		return -1;
	if (now_us < f->paused_until_us)
		return f->paused_until_us - now_us;
	for_opening = opening_wait_us(f, now_us);
	if (for_opening > 0)
		return for_opening;
	fill_buckets(f, now_us);
	for_requests = bucket_wait_us(&f->requests, 1);
	for_tokens = bucket_wait_us(&f->tokens, (double)tokens);
	return for_requests > for_tokens ? for_requests : for_tokens;
}

int64_t
pp_flow_sent(struct pp_flow *f, int64_t tokens)
{
	f->in_flight++;
	f->admitted++;
	f->sent++;
	if (f->requests.per_us > 0)
		f->requests.level -= 1;
	if (f->tokens.per_us > 0)
		f->tokens.level -= (double)tokens;
	return f->sent;
}

void
pp_flow_unsent(struct pp_flow *f, int64_t tokens)
{
	f->in_flight--;
	f->admitted--;
	if (f->requests.per_us > 0)
		f->requests.level += 1;
	if (f->tokens.per_us > 0)
		f->tokens.level += (double)tokens;
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
	if (until_us <= f->paused_until_us)
		return;
	f->paused_until_us = until_us;
	f->open = 1;
	f->opened_us = until_us;
}

static double
within_catalog(const struct pp_flow_bucket *b, double per_us)
{
	return b->most_per_us > 0 ? fmin(per_us, b->most_per_us) : per_us;
}

/*
 * A pause may have let the server's store overflow, so one measurement does
 * not lower the rate by much.
 */
static void
set_measured_rate(struct pp_flow *f, int64_t now_us)
{
	struct pp_flow_bucket *b = &f->requests;
	double rate = (double)f->measured / (double)f->measured_us;

	if (f->rate_before > 0)
		rate = fmin(fmax(rate, f->rate_before * LEAST_OF_RATE),
		    f->rate_before);
	set_rate(b, within_catalog(b, rate), 1);
	b->raised_us = now_us;
}

/*
 * The first throttle is where to measure from: before it the server may have
 * had more in store than its rate.
 */
static void
measure_rate(struct pp_flow *f, int64_t now_us)
{
	struct pp_flow_bucket *b = &f->requests;
	int64_t passed_us = now_us - f->mark_us;
	int64_t count = f->admitted - f->mark_admitted;

	if (f->mark_us != 0 &&
	    (passed_us < SHORTEST_MEASURE_US || count < FEWEST_MEASURED))
		return;
	if (f->mark_us != 0 && !b->told) {
		f->measured_us = passed_us;
		f->measured = count;
		f->rate_before = b->per_us;
		set_measured_rate(f, now_us);
	}
	if (b->per_us > 0)
		b->level = fmin(b->level, -1 - RESERVE * b->max);
	f->mark_us = now_us;
	f->mark_stamp = f->sent;
	f->mark_admitted = f->admitted;
}

/* It was counted as admitted when it was sent. */
static void
count_throttled(struct pp_flow *f, int64_t stamp, int64_t now_us)
{
	f->admitted--;
	if (stamp > f->mark_stamp)
		return;
	f->mark_admitted--;
	if (f->measured_us > 0 && !f->requests.told) {
		f->measured--;
		set_measured_rate(f, now_us);
	}
}

static void
try_higher_rate(struct pp_flow *f, int64_t now_us)
{
	struct pp_flow_bucket *b = &f->requests;

	if (f->mark_us == 0 || b->told || b->per_us <= 0 ||
	    now_us - b->raised_us < RAISE_US)
		return;
	set_rate(b, within_catalog(b, b->per_us * TRY_MORE), 1);
	b->raised_us = now_us;
}

static void
note_success(struct pp_flow *f, int64_t now_us)
{
	try_higher_rate(f, now_us);
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

/*
 * A rate that is known holds calls back by itself: those that are under way
 * are no more than it lets through in the time that they take, so far fewer
 * would leave some of it unused.
 */
static void
lower_limit(struct pp_flow *f)
{
	double limit = f->limit * DECREASE;

	if (is_rate_known(f))
		limit = fmin(f->limit,
		    fmax(limit, LEAST_OF_CALLS * f->in_flight));
	f->limit = fmax(1, limit);
}

static void
note_throttle(struct pp_flow *f, int64_t stamp, int64_t retry_after_ms,
    int64_t now_us)
{
	count_throttled(f, stamp, now_us);
	if (stamp > f->cut_stamp) {
		f->cut_stamp = f->sent;
		fill_buckets(f, now_us);
		measure_rate(f, now_us);
		lower_limit(f);
		f->successes = 0;
		f->throttles++;
	}
	if (retry_after_ms >= 0)
		pause_until(f, now_us + retry_after_ms * 1000);
	else
		pause_until(f, now_us + pause_us(f, f->throttles));
}

/* As many as are under way can be; the place of the next that ends is free. */
static void
note_no_room(struct pp_flow *f, int64_t now_us)
{
	f->limit = fmax(1, fmin(f->limit, f->in_flight));
	f->successes = 0;
	if (f->in_flight > 0)
		return;
	f->failures++;
	pause_until(f, now_us + pause_us(f, f->failures));
	f->trouble = PP_CALL_NO_ROOM;
	if (f->trouble_since_us == 0)
		f->trouble_since_us = now_us;
}

void
pp_flow_ended(struct pp_flow *f, enum pp_call_class class, int64_t stamp,
    int64_t tokens, int64_t used_tokens, int64_t retry_after_ms, int64_t now_us)
{
	f->in_flight--;
	if (f->tokens.per_us > 0)
		f->tokens.level += (double)(tokens - used_tokens);
	switch (class) {
	case PP_CALL_OK:
	case PP_CALL_REFUSED:
	case PP_CALL_MALFORMED:
	case PP_CALL_REJECTED:
		/* the service is there, whatever it thinks of the row */
		note_success(f, now_us);
		return;
	case PP_CALL_NO_ROOM: note_no_room(f, now_us); return;
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

/*
 * The rate of a limit that the server tells: at once when it is lower than
 * ours, a twentieth a second when it is higher.
 */
static void
take_limit(struct pp_flow_bucket *b, int64_t limit, double min, int64_t now_us)
{
	double per_us = within_catalog(b, (double)limit / US_PER_MINUTE);

	b->told = true;
	if (b->per_us <= 0 || per_us < b->per_us) {
		set_rate(b, per_us, min);
		b->raised_us = now_us;
	} else if (per_us > b->per_us && now_us - b->raised_us >= RAISE_US) {
		set_rate(b, fmin(per_us, b->per_us * RAISE), min);
		b->raised_us = now_us;
	}
}

static void
take_part(struct pp_flow *f, struct pp_flow_bucket *b,
    const struct pp_allowance_part *told, double min, int64_t now_us)
{
	if (told->limit > 0)
		take_limit(b, told->limit, min, now_us);
	if (told->left >= 0 && b->per_us > 0)
		b->level = fmin(b->level, (double)told->left);
	else if (told->left == 0 && told->reset_ms >= 0)
		pause_until(f,
		    now_us +
			(int64_t)fmin((double)told->reset_ms * 1000,
			    (double)LONGEST_PAUSE_US));
}

void
pp_flow_told(struct pp_flow *f, const struct pp_allowance *told, int64_t now_us)
{
	fill_buckets(f, now_us);
	take_part(f, &f->requests, &told->requests, 1, now_us);
	take_part(f, &f->tokens, &told->tokens, 0, now_us);
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
