#include "mock.h"

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

struct stats stats;

void
stats_print(struct text *out)
{
#define COUNTER(name) { #name, &stats.name }
	static const struct {
		const char *name;
		const uint64_t *value;
	} counters[] = {
		COUNTER(requests), COUNTER(openai), COUNTER(converse),
		COUNTER(other), COUNTER(ok), COUNTER(retries),
		COUNTER(repeats_after_ok), COUNTER(repeated_ids),
		COUNTER(unique_prompts), COUNTER(inflight),
		COUNTER(inflight_peak), COUNTER(conns), COUNTER(conns_open),
		COUNTER(conns_peak), COUNTER(keepalive_reuse),
		COUNTER(tls_handshakes), COUNTER(tls_resumed),
		COUNTER(client_aborts), COUNTER(bad_request),
		COUNTER(unauthorized), COUNTER(rate_limited),
		COUNTER(prompt_tokens), COUNTER(cached_tokens),
		COUNTER(completion_tokens), COUNTER(bytes_in),
		COUNTER(bytes_out),
	};
#undef COUNTER
	double span_s = (double)(stats.last_us - stats.first_us) / 1e6;
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	text_adds(out, "{\n");
	for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
		text_addf(out, "  \"%s\": %" PRIu64 ",\n", counters[i].name,
		    *counters[i].value);
	bill_print(out);
	text_adds(out, "  \"faults\": {");
	for (size_t i = 1; i < fault_count; i++)
		text_addf(out, "%s\"%s\": %" PRIu64, i > 1 ? ", " : "",
		    faults[i].name, stats.faults[i]);
	text_addf(out, "},\n  \"span_s\": %.6f,\n  \"rps\": %.1f,\n"
	    "  \"cpu_user_s\": %.3f,\n  \"cpu_sys_s\": %.3f,\n"
	    "  \"maxrss_kb\": %ld\n}\n", span_s,
	    span_s > 0 ? (double)stats.requests / span_s : 0.0,
	    (double)ru.ru_utime.tv_sec + (double)ru.ru_utime.tv_usec / 1e6,
	    (double)ru.ru_stime.tv_sec + (double)ru.ru_stime.tv_usec / 1e6,
	    ru.ru_maxrss);
}

void
stats_reset(void)
{
	uint64_t open = stats.conns_open, inflight = stats.inflight;

	memset(&stats, 0, sizeof stats);
	stats.conns_open = stats.conns_peak = open;
	stats.inflight = inflight;
	bill_reset();
}
