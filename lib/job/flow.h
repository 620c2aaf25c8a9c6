/*
 * How fast one model may be called.
 *
 * Three things hold calls back: buckets of requests and tokens per minute,
 * filled evenly; a limit on calls in flight, which falls by a quarter at a
 * throttle, or where the rate is known to a little below those in flight, and
 * rises by one for each limit's worth of successes (additive increase,
 * multiplicative decrease; calls are numbered, and only one that was admitted
 * under the limit of now lowers it, so one burst of throttles is one decrease);
 * and a breaker, which lets one probe at a time through while the service looks
 * down.
 *
 * The buckets begin as the catalog says. What a server tells of its limits is
 * lower at once and higher slowly, but never above the catalog's; what it says
 * is left empties a bucket to that.
 *
 * Calls begin one by one, all within a tenth of a second: a server that admits
 * few of them is found out before it has thrown back most.
 *
 * A server that tells nothing is measured. When it throttles it has nothing
 * left, so what it admitted between two throttles, by the time between them, is
 * its rate: the bucket of requests is set to that, empty as the server's own,
 * and tries a hundredth more each second.
 *
 * Where this machine has no descriptor left for another connection, the limit
 * falls to the calls that are under way.
 *
 * Trouble without one success for as long as the deadline ends the run, which
 * the caller asks for with pp_flow_verdict().
 */
#ifndef PP_JOB_FLOW_H
#define PP_JOB_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rand.h"
#include "model/invoke.h"

/* Filled evenly; a rate of 0 means no bound. */
struct pp_flow_bucket {
	double level, per_us, max;
	bool told;			/* the server says its rate */
	double most_per_us;		/* of the catalog; 0: none */
	int64_t raised_us;		/* when the rate rose last */
};

struct pp_flow {
	int max_in_flight;
	double limit;			/* 1 to max_in_flight */
	int in_flight;
	double open;			/* so many may be in flight so far */
	int64_t opened_us;		/* when that was so */
	double successes;		/* since the limit rose last */
	int64_t paused_until_us;	/* 0: not paused */
	int throttles;			/* in a row */
	int failures;			/* in a row, other than throttles */
	bool ever_ok;			/* a call has succeeded */
	int64_t trouble_since_us;	/* 0: the last call succeeded */
	enum pp_call_class trouble;	/* what the last failure was */
	struct pp_flow_bucket requests, tokens;
	int64_t filled_us;
	int64_t sent;			/* calls, ever */
	int64_t cut_stamp;		/* the last of them when limit fell */
	int64_t admitted;		/* calls that were not throttled */
	/* at the throttle to measure from; 0: there was none */
	int64_t mark_us, mark_stamp, mark_admitted;
	/* the measurement that ended there; us 0: there was none */
	int64_t measured_us, measured;
	double rate_before;
	struct pp_rand rand;
};

void	pp_flow_init(struct pp_flow *f, int max_in_flight, int64_t rpm,
	    int64_t tpm, int64_t now_us);

/*
 * Whether a call of `tokens` (estimated input and max_tokens) may be sent now:
 * 0; else microseconds until it is worth asking again, or -1: when a call in
 * flight has ended.
 */
int64_t	pp_flow_wait_us(struct pp_flow *f, int64_t tokens, int64_t now_us);

/* It is sent. Returns its stamp. */
int64_t	pp_flow_sent(struct pp_flow *f, int64_t tokens);

/*
 * It ended. `used_tokens` is what it really took; what was taken too much goes
 * back to the bucket, what it took beyond is missing there. `retry_after_ms`
 * is the server's word, or -1.
 */
void	pp_flow_ended(struct pp_flow *f, enum pp_call_class class, int64_t stamp,
	    int64_t tokens, int64_t used_tokens, int64_t retry_after_ms,
	    int64_t now_us);

/* It was not sent after all: as if pp_flow_sent() had not been called. */
void	pp_flow_unsent(struct pp_flow *f, int64_t tokens);

/* What the server says of its limits. */
void	pp_flow_told(struct pp_flow *f, const struct pp_allowance *told,
	    int64_t now_us);

/*
 * Whether the service, and not one row, looks broken: nothing has ever
 * succeeded, or several calls in a row have failed. Failures then use up no
 * row's retries.
 */
bool	pp_flow_is_down(const struct pp_flow *f);

enum pp_flow_verdict { PP_FLOW_GO_ON, PP_FLOW_THROTTLED, PP_FLOW_DOWN };

/* Whether trouble has lasted for the deadline. */
enum pp_flow_verdict pp_flow_verdict(const struct pp_flow *f,
	    int64_t deadline_us, int64_t now_us);

#endif
